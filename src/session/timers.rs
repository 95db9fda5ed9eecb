//! The deadlines of a session: heartbeat, idle time and close.
//!
//! The rule is in the documentation of [`session`](super). Three things shape the code:
//!
//! - There is no clock. Receiving and sending only leave marks (`received`, `received_message`, `sent`), and
//!   [`tick`](Timers::tick) reads them when the caller tells the time. A message never touches a
//!   deadline, so it costs two stores.
//! - A deadline must not start while the bytes that it is about wait in the caller's queue. The
//!   session sees only two numbers of that queue: how much has left (`sent`) and how much waits
//!   (`unsent`). Their sum is a position in the output; a frame has left when `sent` has reached the
//!   position of its end.
//! - Outbound progress proves that the peer lives only if bytes were waiting at the tick before.
//!   Otherwise the bytes may have gone into an empty buffer of the kernel, which accepts bytes for a
//!   dead peer too.
//!
//! Invariant: `seen <= sent`, and no position that is kept here is beyond `sent + unsent`.

use core::time::Duration;

use super::SessionOptions;

/// The whole close takes at most this many times the close timeout, counted from the time when this
/// side's close frame was written.
const CLOSE_BOUND: u32 = 10;

/// The action that is due at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    NoPong,
    Idle,
    NoClose,
}

/// The progress of the frame for whose answer the session waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The session waits for no answer.
    Quiet,
    /// The heartbeat's ping is in the output, where it ends at `end`.
    PingQueued,
    /// The ping was written, and nothing was received since.
    PingLeft,
    /// This side's close frame is in the output, where it ends at `end`.
    CloseQueued,
    /// This side's close frame was written.
    CloseLeft,
}

/// The timers of an idle session as numbers, for bindings whose idle connections share sessions. The
/// options, such as the heartbeat, are not among them; the session that takes the timers over must
/// have the same ones. The default is the state of a new session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdleTimers {
    /// When the next ping is due, or the pong; `None` to set it at the next tick.
    pub at: Option<Duration>,
    /// The time when the connection counts as idle; `None` to set it at the next tick.
    pub bound: Option<Duration>,
    /// Six flags, and above them the number of bytes to be written before the heartbeat's ping is
    /// written.
    pub marks: u64,
}

const RECEIVED: u64 = 1;
const MESSAGE: u64 = 2;
const PAUSED: u64 = 4;
const WAITED: u64 = 8;
const PING_QUEUED: u64 = 16;
const PING_LEFT: u64 = 32;
const FLAGS: u32 = 6;

/// See the module's documentation.
///
/// Each connection has one of these, so the fields are shared: from the first tick after our close
/// frame was sent, `at` and `bound` are those of the close.
#[derive(Clone, Debug)]
pub(super) struct Timers {
    /// Something was received since the last tick.
    pub(super) received: bool,
    /// Bytes of a message were received since the last tick.
    pub(super) received_message: bool,
    /// The caller reads what the peer sends.
    reading: bool,
    /// Bytes were waiting to be sent at the last tick.
    waited: bool,
    phase: Phase,
    /// Bytes that the transport has accepted.
    sent: u64,
    /// `sent` at the last tick.
    seen: u64,
    /// The position in the output at which the frame of `phase` ends.
    end: u64,
    heartbeat: Option<Duration>,
    pong_timeout: Duration,
    idle: Option<Duration>,
    close_timeout: Duration,
    /// When the next ping is due, or the answer to the frame of `phase`; `None` to set it at the
    /// next tick.
    at: Option<Duration>,
    /// The time when the connection counts as idle; `None` to set it at the next tick. In a close,
    /// the time when it ends in any case.
    bound: Option<Duration>,
}

impl Timers {
    pub(super) fn new(config: &SessionOptions) -> Self {
        Self {
            received: false,
            received_message: false,
            reading: true,
            waited: false,
            phase: Phase::Quiet,
            sent: 0,
            seen: 0,
            end: 0,
            heartbeat: config.heartbeat,
            pong_timeout: config.pong_timeout,
            idle: config.idle,
            close_timeout: config.close_timeout,
            at: None,
            bound: None,
        }
    }

    /// The transport has accepted `n` bytes.
    #[inline]
    pub(super) fn sent(&mut self, n: usize) {
        self.sent = self.sent.saturating_add(n as u64);
    }

    pub(super) fn set_reading(&mut self, reading: bool) {
        if reading && !self.reading && !self.is_closing() {
            // The peer has the full time again.
            (self.at, self.bound) = (None, None);
        }
        self.reading = reading;
    }

    /// The state without the times. The session is open.
    pub(super) fn idle(&self) -> IdleTimers {
        let flag = |is, flag| if is { flag } else { 0 };
        IdleTimers {
            at: self.at,
            bound: self.bound,
            marks: flag(self.received, RECEIVED)
                | flag(self.received_message, MESSAGE)
                | flag(!self.reading, PAUSED)
                | flag(self.waited, WAITED)
                | flag(self.phase == Phase::PingQueued, PING_QUEUED)
                | flag(self.phase == Phase::PingLeft, PING_LEFT)
                | self.end.saturating_sub(self.sent) << FLAGS,
        }
    }

    /// Takes over the state of another session. Positions in the output count from here.
    pub(super) fn set_idle(&mut self, from: &IdleTimers) {
        let is = |flag| from.marks & flag != 0;
        (self.received, self.received_message) = (is(RECEIVED), is(MESSAGE));
        (self.reading, self.waited) = (!is(PAUSED), is(WAITED));
        self.phase = match (is(PING_QUEUED), is(PING_LEFT)) {
            (true, _) => Phase::PingQueued,
            (_, true) => Phase::PingLeft,
            _ => Phase::Quiet,
        };
        (self.at, self.bound) = (from.at, from.bound);
        (self.sent, self.seen, self.end) = (0, 0, from.marks >> FLAGS);
    }

    /// Whether the output has a frame for which a deadline exists, as far as the timers know.
    pub(super) fn is_queued(&self) -> bool {
        matches!(self.phase, Phase::PingQueued | Phase::CloseQueued)
    }

    /// Whether a ping of the heartbeat was sent, and nothing was received since.
    pub(super) fn awaits_pong(&self) -> bool {
        matches!(self.phase, Phase::PingQueued | Phase::PingLeft) && !self.received
    }

    fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::CloseQueued | Phase::CloseLeft)
    }

    /// The time until [`tick`](Self::tick) has work to do; [`Duration::ZERO`] for at once.
    pub(super) fn deadline(&self, closing: bool) -> Option<Duration> {
        let left = self.sent >= self.end;
        if closing {
            return match self.phase {
                Phase::CloseQueued if !left => self.at,
                Phase::CloseLeft => self.at,
                _ => Some(Duration::ZERO),
            };
        }
        let beat = match self.phase {
            _ if self.heartbeat.is_none() => None,
            Phase::PingQueued | Phase::PingLeft if !self.reading => None,
            Phase::PingQueued if left => Some(Duration::ZERO),
            _ => Some(self.at.unwrap_or_default()),
        };
        let idle = match self.idle {
            Some(_) if self.reading => Some(self.bound.unwrap_or_default()),
            _ => None,
        };
        match (beat, idle) {
            (Some(beat), Some(idle)) => Some(beat.min(idle)),
            (beat, idle) => beat.or(idle),
        }
    }

    /// Notes that a ping of the heartbeat was appended. It ends `unsent` bytes after the bytes that
    /// were written.
    pub(super) fn ping_queued(&mut self, unsent: usize) {
        self.phase = Phase::PingQueued;
        self.end = position(self.sent, unsent);
    }

    pub(super) fn tick(&mut self, now: Duration, unsent: usize, closing: bool) -> Due {
        let (received, received_message) = (self.received, self.received_message);
        (self.received, self.received_message) = (false, false);
        let progress = self.sent != self.seen;
        self.seen = self.sent;
        let waited = core::mem::replace(&mut self.waited, unsent > 0);
        if closing {
            return self.tick_close(now, unsent, received_message, progress);
        }
        if self.is_idle(now, received_message) {
            return Due::Idle;
        }
        let alive = received || (waited && progress);
        self.tick_heartbeat(now, unsent, alive, progress)
    }

    fn tick_close(
        &mut self,
        now: Duration,
        unsent: usize,
        received_message: bool,
        progress: bool,
    ) -> Due {
        let at = Some(now.saturating_add(self.close_timeout));
        if !self.is_closing() {
            // It is the last frame, so it ends where the output does.
            self.phase = Phase::CloseQueued;
            self.end = position(self.sent, unsent);
            self.at = at;
        }
        if self.phase == Phase::CloseQueued {
            if unsent == 0 || self.sent >= self.end {
                let whole = self.close_timeout.saturating_mul(CLOSE_BOUND);
                self.phase = Phase::CloseLeft;
                (self.at, self.bound) = (at, Some(now.saturating_add(whole)));
            } else if progress {
                self.at = at;
            }
        } else if received_message {
            self.at = at.min(self.bound);
        }
        match self.at {
            Some(at) if now >= at => Due::NoClose,
            _ => Due::Nothing,
        }
    }

    fn is_idle(&mut self, now: Duration, received_message: bool) -> bool {
        let Some(idle) = self.idle else {
            return false;
        };
        match self.bound {
            Some(at) if !received_message && self.reading => now >= at,
            _ => {
                self.bound = Some(now.saturating_add(idle));
                false
            }
        }
    }

    fn tick_heartbeat(&mut self, now: Duration, unsent: usize, alive: bool, progress: bool) -> Due {
        let Some(heartbeat) = self.heartbeat else {
            return Due::Nothing;
        };
        if alive {
            (self.phase, self.at) = (Phase::Quiet, None);
        }
        if self.phase == Phase::PingQueued && (progress || unsent == 0) {
            if unsent == 0 || self.sent >= self.end {
                self.phase = Phase::PingLeft;
            }
            self.at = None;
        }
        let pong_at = now.saturating_add(self.pong_timeout);
        match self.at {
            None if self.phase == Phase::Quiet => self.at = Some(now.saturating_add(heartbeat)),
            None => self.at = Some(pong_at),
            Some(at) if now < at => {}
            Some(_) if self.phase == Phase::Quiet => {
                self.at = Some(pong_at);
                return Due::Ping;
            }
            Some(_) if self.reading => return Due::NoPong,
            Some(_) => {}
        }
        Due::Nothing
    }
}

/// The position in the output that is `unsent` bytes after the bytes that were written.
fn position(sent: u64, unsent: usize) -> u64 {
    sent.saturating_add(unsent as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn timers(heartbeat: Option<u64>, idle: Option<u64>) -> Timers {
        Timers::new(&SessionOptions {
            heartbeat: heartbeat.map(secs),
            pong_timeout: secs(5),
            idle: idle.map(secs),
            ..SessionOptions::DEFAULT
        })
    }

    /// Advances the timers, and sends a due ping as the caller of the timers does.
    fn tick(timers: &mut Timers, now: u64, unsent: usize) -> Due {
        let due = timers.tick(secs(now), unsent, false);
        if due == Due::Ping {
            timers.ping_queued(unsent + 2);
        }
        due
    }

    fn close(timers: &mut Timers, now: u64, unsent: usize) -> Due {
        timers.tick(secs(now), unsent, true)
    }

    #[test]
    fn a_quiet_peer_is_pinged_and_then_given_up() {
        let mut timers = timers(Some(30), None);
        assert_eq!(timers.deadline(false), Some(secs(0)));
        assert_eq!(tick(&mut timers, 100, 0), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(130)));
        assert_eq!(tick(&mut timers, 130, 0), Due::Ping);
        assert_eq!(timers.deadline(false), Some(secs(135)));
        timers.sent(2);
        assert_eq!(timers.deadline(false), Some(secs(0)), "the ping has left");
        assert_eq!(tick(&mut timers, 131, 0), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(136)));
        assert_eq!(tick(&mut timers, 135, 0), Due::Nothing);
        assert_eq!(tick(&mut timers, 136, 0), Due::NoPong);
    }

    #[test]
    fn whatever_comes_is_a_sign_of_life() {
        let mut timers = timers(Some(30), None);
        tick(&mut timers, 0, 0);
        timers.received = true;
        assert_eq!(tick(&mut timers, 30, 0), Due::Nothing);
        assert_eq!(tick(&mut timers, 60, 0), Due::Ping);
        timers.sent(2);
        tick(&mut timers, 60, 0);
        timers.received = true;
        assert_eq!(tick(&mut timers, 65, 0), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(95)));
    }

    #[test]
    fn the_pong_deadline_starts_when_the_ping_has_left() {
        let mut timers = timers(Some(30), None);
        tick(&mut timers, 0, 0);
        // 1000 bytes were queued since the last tick, so they prove nothing yet.
        assert_eq!(tick(&mut timers, 30, 1000), Due::Ping);
        assert_eq!(timers.deadline(false), Some(secs(35)));
        // The peer makes room, which is a sign of life.
        timers.sent(500);
        assert_eq!(tick(&mut timers, 35, 502), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(65)));
    }

    #[test]
    fn before_the_ping_has_left_progress_moves_its_deadline() {
        let mut timers = timers(Some(30), None);
        tick(&mut timers, 0, 0);
        assert_eq!(tick(&mut timers, 30, 0), Due::Ping);
        // A large message went before it into the caller's queue, and half of it left at once.
        timers.end = 1002;
        timers.sent(500);
        assert_eq!(tick(&mut timers, 34, 502), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(39)));
        assert_eq!(tick(&mut timers, 38, 502), Due::Nothing);
        assert_eq!(tick(&mut timers, 39, 502), Due::NoPong, "a stall");
    }

    #[test]
    fn a_steady_reader_of_a_full_queue_is_alive() {
        let mut timers = timers(Some(30), None);
        tick(&mut timers, 0, 1 << 20);
        for now in 1..100 {
            timers.sent(1000);
            assert_eq!(tick(&mut timers, now * 10, 1 << 20), Due::Nothing);
        }
    }

    #[test]
    fn bytes_that_left_an_empty_queue_prove_nothing() {
        let mut timers = timers(Some(30), None);
        tick(&mut timers, 0, 0);
        timers.sent(1000);
        assert_eq!(tick(&mut timers, 30, 0), Due::Ping);
        timers.sent(2);
        tick(&mut timers, 30, 0);
        timers.sent(1000);
        assert_eq!(tick(&mut timers, 34, 0), Due::Nothing);
        timers.sent(1000);
        assert_eq!(tick(&mut timers, 35, 0), Due::NoPong);
    }

    #[test]
    fn who_does_not_read_does_not_fail_the_peer() {
        let mut timers = timers(Some(30), Some(40));
        tick(&mut timers, 0, 0);
        assert_eq!(tick(&mut timers, 30, 0), Due::Ping);
        timers.sent(2);
        tick(&mut timers, 30, 0);
        timers.set_reading(false);
        assert_eq!(timers.deadline(false), None);
        assert_eq!(tick(&mut timers, 1000, 0), Due::Nothing);
        timers.set_reading(true);
        assert_eq!(timers.deadline(false), Some(secs(0)));
        assert_eq!(tick(&mut timers, 2000, 0), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(2005)));
        assert_eq!(tick(&mut timers, 2005, 0), Due::NoPong);
    }

    #[test]
    fn a_ping_goes_out_although_nobody_reads() {
        let mut timers = timers(Some(30), None);
        tick(&mut timers, 0, 0);
        timers.set_reading(false);
        assert_eq!(timers.deadline(false), Some(secs(30)));
        assert_eq!(tick(&mut timers, 30, 0), Due::Ping);
        assert_eq!(timers.deadline(false), None);
    }

    #[test]
    fn the_idle_time_restarts_when_reading_resumes() {
        let mut timers = timers(None, Some(40));
        tick(&mut timers, 0, 0);
        timers.set_reading(false);
        assert_eq!(tick(&mut timers, 50, 0), Due::Nothing);
        timers.set_reading(true);
        assert_eq!(tick(&mut timers, 100, 0), Due::Nothing);
        assert_eq!(tick(&mut timers, 139, 0), Due::Nothing);
        assert_eq!(tick(&mut timers, 140, 0), Due::Idle);
    }

    #[test]
    fn pongs_do_not_keep_an_idle_connection() {
        let mut timers = timers(Some(30), Some(50));
        tick(&mut timers, 0, 0);
        assert_eq!(tick(&mut timers, 30, 0), Due::Ping);
        timers.received = true;
        assert_eq!(tick(&mut timers, 31, 0), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(50)));
        timers.received_message = true;
        assert_eq!(tick(&mut timers, 50, 0), Due::Nothing);
        timers.received = true;
        assert_eq!(tick(&mut timers, 100, 0), Due::Idle);
    }

    #[test]
    fn closing_has_its_own_time_and_no_other() {
        let mut timers = timers(Some(3), Some(3));
        tick(&mut timers, 0, 0);
        assert_eq!(timers.deadline(true), Some(secs(0)));
        assert_eq!(close(&mut timers, 4, 0), Due::Nothing);
        assert_eq!(timers.deadline(true), Some(secs(14)));
        assert_eq!(close(&mut timers, 13, 0), Due::Nothing);
        assert_eq!(close(&mut timers, 14, 0), Due::NoClose);
    }

    #[test]
    fn the_close_timer_starts_when_the_close_frame_has_left() {
        let mut timers = timers(None, None);
        assert_eq!(close(&mut timers, 0, 1000), Due::Nothing);
        assert_eq!(timers.deadline(true), Some(secs(10)));
        for now in 1..10 {
            timers.sent(100);
            let unsent = 1000 - now as usize * 100;
            assert_eq!(close(&mut timers, now * 10, unsent), Due::Nothing);
            assert_eq!(timers.deadline(true), Some(secs(now * 10 + 10)));
        }
        timers.sent(100);
        assert_eq!(timers.deadline(true), Some(secs(0)), "it has left");
        assert_eq!(close(&mut timers, 95, 0), Due::Nothing);
        assert_eq!(timers.deadline(true), Some(secs(105)));
        assert_eq!(close(&mut timers, 105, 0), Due::NoClose);
    }

    #[test]
    fn a_close_frame_that_can_not_leave_is_given_up() {
        let mut timers = timers(None, None);
        assert_eq!(close(&mut timers, 0, 1000), Due::Nothing);
        timers.sent(1);
        assert_eq!(close(&mut timers, 9, 999), Due::Nothing);
        assert_eq!(close(&mut timers, 18, 999), Due::Nothing);
        assert_eq!(close(&mut timers, 19, 999), Due::NoClose);
    }

    #[test]
    fn messages_move_the_close_but_not_for_ever() {
        let mut timers = timers(None, None);
        assert_eq!(close(&mut timers, 0, 0), Due::Nothing);
        for now in (9..100).step_by(9) {
            // A ping alone is no progress.
            timers.received = true;
            timers.received_message = true;
            assert_eq!(close(&mut timers, now, 0), Due::Nothing);
            assert_eq!(timers.deadline(true), Some(secs((now + 10).min(100))));
        }
        timers.received_message = true;
        assert_eq!(close(&mut timers, 100, 0), Due::NoClose);
    }

    #[test]
    fn pings_do_not_move_the_close() {
        let mut timers = timers(None, None);
        assert_eq!(close(&mut timers, 0, 0), Due::Nothing);
        timers.received = true;
        assert_eq!(close(&mut timers, 10, 0), Due::NoClose);
    }

    #[test]
    fn without_timers_there_is_no_deadline() {
        let mut timers = timers(None, None);
        assert_eq!(timers.deadline(false), None);
        assert_eq!(tick(&mut timers, 1 << 40, 0), Due::Nothing);
    }

    #[test]
    fn timers_that_rested_go_on_as_if_they_had_not() {
        for steps in 0..5 {
            let mut timers = timers(Some(30), Some(90));
            let mut other = timers.clone();
            tick(&mut other, 7, 3);
            other.set_reading(false);
            tick(&mut timers, 0, 0);
            let step = |timers: &mut Timers, step: u32| match step {
                0 => assert_eq!(tick(timers, 30, 100), Due::Ping),
                1 => timers.sent(50),
                2 => assert_eq!(tick(timers, 34, 52), Due::Nothing),
                3 => timers.sent(52),
                _ => assert_eq!(tick(timers, 35, 0), Due::Nothing),
            };
            for at in 0..steps {
                step(&mut timers, at);
            }
            // Progress is reported within a tick, so that none is known in between.
            timers.seen = timers.sent;
            other.set_idle(&timers.idle());
            assert_eq!(other.idle(), timers.idle());
            for at in steps..5 {
                step(&mut timers, at);
                step(&mut other, at);
                assert_eq!(other.deadline(false), timers.deadline(false));
                assert_eq!(other.idle(), timers.idle());
            }
        }
    }

    #[test]
    fn times_without_end_are_no_overflow() {
        let mut timers = Timers::new(&SessionOptions {
            heartbeat: Some(Duration::MAX),
            pong_timeout: Duration::MAX,
            idle: Some(Duration::MAX),
            close_timeout: Duration::MAX,
            ..SessionOptions::DEFAULT
        });
        timers.sent(usize::MAX);
        timers.sent(usize::MAX);
        assert_eq!(tick(&mut timers, 1, usize::MAX), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(Duration::MAX));
        assert_eq!(close(&mut timers, 2, 0), Due::Nothing);
        assert_eq!(timers.deadline(true), Some(Duration::MAX));
    }
}
