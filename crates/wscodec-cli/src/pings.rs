//! `wscodec connect --ping`: pings at regular times, and how long their pongs took. And the alarm of a
//! connection, which the pings share with the end of the run.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wscodec_server::client::Line;

/// When something is to be done although nothing arrives.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    /// When the run ends.
    pub(crate) end: Option<Instant>,
    /// When the next ping is sent.
    pub(crate) ping: Option<Instant>,
}

impl Alarms {
    /// Asks to be called at the next of these times.
    pub(crate) fn set(&self, line: &mut Line<'_>) {
        if let Some(next) = self.end.into_iter().chain(self.ping).min() {
            line.alarm(next.saturating_duration_since(Instant::now()));
        }
    }
}

/// The time after that time; `None` if it never comes.
pub(crate) fn after(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}

/// Pings whose times are kept.
const MOST: usize = 64;

/// Pings that were sent.
#[derive(Debug, Default)]
pub(crate) struct Pings {
    number: u64,
    /// The numbers of pings whose pongs have not come, and when they left.
    sent: VecDeque<(u64, Instant)>,
}

impl Pings {
    /// The payload of the next ping.
    pub(crate) fn next(&mut self) -> [u8; 8] {
        self.number += 1;
        if self.sent.len() == MOST {
            self.sent.pop_front();
        }
        self.sent.push_back((self.number, Instant::now()));
        self.number.to_be_bytes()
    }

    /// The round trip, if this is the pong for one of the pings. A peer may answer only the latest of
    /// several (RFC 6455 §5.5.3).
    pub(crate) fn pong(&mut self, payload: &[u8]) -> Option<Duration> {
        let number = u64::from_be_bytes(payload.try_into().ok()?);
        let at = self.sent.iter().position(|&(sent, _)| sent == number)?;
        let (_, sent) = self.sent.drain(..=at).next_back()?;
        Some(sent.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::Pings;

    #[test]
    fn a_pong_answers_its_ping_and_those_before() {
        let mut pings = Pings::default();
        assert_eq!(pings.pong(&0_u64.to_be_bytes()), None);
        let [first, second, third, last] = [(); 4].map(|()| pings.next());
        assert!(pings.pong(&first).is_some());
        assert_eq!(pings.pong(b""), None);
        assert!(pings.pong(&third).is_some());
        assert_eq!(pings.pong(&second), None);
        assert!(pings.pong(&last).is_some());
        assert_eq!(pings.pong(&last), None);
    }
}
