//! What is due when. Nothing here reads a clock: times are those that the caller names, as the time
//! since any moment it likes.

use core::time::Duration;

use super::Config;

/// What a look at the clock asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    NoPong,
    Idle,
    NoClose,
}

/// Deadlines that are set when the clock is looked at, not when something comes: what comes only
/// leaves a mark.
#[derive(Clone, Debug)]
pub(super) struct Timers {
    /// Something came since the clock was looked at.
    pub(super) heard: bool,
    /// Part of a message came.
    pub(super) busy: bool,
    /// A ping was sent for the heartbeat, and nothing came since.
    waiting: bool,
    heartbeat: Option<Duration>,
    pong_timeout: Duration,
    idle: Option<Duration>,
    close_timeout: Duration,
    beat_at: Option<Duration>,
    idle_at: Option<Duration>,
    close_at: Option<Duration>,
}

impl Timers {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            heard: false,
            busy: false,
            waiting: false,
            heartbeat: config.heartbeat,
            pong_timeout: config.pong_timeout,
            idle: config.idle,
            close_timeout: config.close_timeout,
            beat_at: None,
            idle_at: None,
            close_at: None,
        }
    }

    /// When [`look`](Self::look) has something to do; at once is [`Duration::ZERO`].
    pub(super) fn deadline(&self, closing: bool) -> Option<Duration> {
        if closing {
            return Some(self.close_at.unwrap_or(Duration::ZERO));
        }
        let beat = self.heartbeat.map(|_| self.beat_at.unwrap_or_default());
        let idle = self.idle.map(|_| self.idle_at.unwrap_or_default());
        match (beat, idle) {
            (Some(beat), Some(idle)) => Some(beat.min(idle)),
            (beat, idle) => beat.or(idle),
        }
    }

    /// Starts the time that the peer has to close.
    pub(super) fn closing(&mut self) {
        self.close_at = None;
    }

    pub(super) fn look(&mut self, now: Duration, closing: bool) -> Due {
        let (heard, busy) = (self.heard, self.busy);
        (self.heard, self.busy) = (false, false);
        if closing {
            return match self.close_at {
                None => {
                    self.close_at = Some(now.saturating_add(self.close_timeout));
                    Due::Nothing
                }
                Some(at) if now >= at => Due::NoClose,
                Some(_) => Due::Nothing,
            };
        }
        if let Some(idle) = self.idle {
            match self.idle_at {
                Some(at) if !busy && now >= at => return Due::Idle,
                Some(_) if !busy => {}
                _ => self.idle_at = Some(now.saturating_add(idle)),
            }
        }
        let Some(heartbeat) = self.heartbeat else {
            return Due::Nothing;
        };
        match self.beat_at {
            Some(at) if !heard && now >= at => {
                if self.waiting {
                    return Due::NoPong;
                }
                self.waiting = true;
                self.beat_at = Some(now.saturating_add(self.pong_timeout));
                Due::Ping
            }
            Some(_) if !heard => Due::Nothing,
            _ => {
                self.waiting = false;
                self.beat_at = Some(now.saturating_add(heartbeat));
                Due::Nothing
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn timers(heartbeat: Option<u64>, idle: Option<u64>) -> Timers {
        Timers::new(&Config {
            heartbeat: heartbeat.map(secs),
            pong_timeout: secs(5),
            idle: idle.map(secs),
            ..Config::DEFAULT
        })
    }

    #[test]
    fn a_quiet_peer_is_pinged_and_then_given_up() {
        let mut timers = timers(Some(30), None);
        assert_eq!(timers.deadline(false), Some(secs(0)));
        assert_eq!(timers.look(secs(100), false), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(130)));
        assert_eq!(timers.look(secs(130), false), Due::Ping);
        assert_eq!(timers.deadline(false), Some(secs(135)));
        assert_eq!(timers.look(secs(134), false), Due::Nothing);
        assert_eq!(timers.look(secs(135), false), Due::NoPong);
    }

    #[test]
    fn whatever_comes_is_a_sign_of_life() {
        let mut timers = timers(Some(30), None);
        timers.look(secs(0), false);
        timers.heard = true;
        assert_eq!(timers.look(secs(30), false), Due::Nothing);
        assert_eq!(timers.look(secs(60), false), Due::Ping);
        timers.heard = true;
        assert_eq!(timers.look(secs(65), false), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(95)));
    }

    #[test]
    fn pongs_do_not_keep_an_idle_connection() {
        let mut timers = timers(Some(30), Some(50));
        timers.look(secs(0), false);
        assert_eq!(timers.look(secs(30), false), Due::Ping);
        timers.heard = true;
        assert_eq!(timers.look(secs(31), false), Due::Nothing);
        assert_eq!(timers.deadline(false), Some(secs(50)));
        timers.busy = true;
        assert_eq!(timers.look(secs(50), false), Due::Nothing);
        timers.heard = true;
        assert_eq!(timers.look(secs(100), false), Due::Idle);
    }

    #[test]
    fn closing_has_its_own_time_and_no_other() {
        let mut timers = timers(Some(3), Some(3));
        timers.look(secs(0), false);
        timers.closing();
        assert_eq!(timers.deadline(true), Some(secs(0)));
        assert_eq!(timers.look(secs(4), true), Due::Nothing);
        assert_eq!(timers.deadline(true), Some(secs(14)));
        assert_eq!(timers.look(secs(13), true), Due::Nothing);
        assert_eq!(timers.look(secs(14), true), Due::NoClose);
    }

    #[test]
    fn without_timers_there_is_no_deadline() {
        let mut timers = timers(None, None);
        assert_eq!(timers.deadline(false), None);
        assert_eq!(timers.look(secs(1 << 40), false), Due::Nothing);
    }
}
