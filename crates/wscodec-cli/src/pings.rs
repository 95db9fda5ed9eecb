//! `wscodec connect --ping`: pings at regular times, and how long their pongs took. And the alarm of a
//! connection, which the pings share with the end of the run.

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

/// Pings that were sent.
#[derive(Debug, Default)]
pub(crate) struct Pings {
    number: u64,
    /// When the last ping left, if its pong has not come.
    sent: Option<Instant>,
}

impl Pings {
    /// The payload of the next ping.
    pub(crate) fn next(&mut self) -> [u8; 8] {
        self.number += 1;
        self.sent = Some(Instant::now());
        self.number.to_be_bytes()
    }

    /// The round trip, if this is the pong for the last ping.
    pub(crate) fn pong(&mut self, payload: &[u8]) -> Option<Duration> {
        let expected = payload == self.number.to_be_bytes();
        let sent = if expected { self.sent.take() } else { None };
        sent.map(|sent| sent.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::Pings;

    #[test]
    fn only_the_pong_for_the_last_ping_counts() {
        let mut pings = Pings::default();
        assert_eq!(pings.pong(&0_u64.to_be_bytes()), None);
        let first = pings.next();
        let second = pings.next();
        assert_eq!(pings.pong(&first), None);
        assert_eq!(pings.pong(b""), None);
        assert!(pings.pong(&second).is_some());
        assert_eq!(pings.pong(&second), None);
    }
}
