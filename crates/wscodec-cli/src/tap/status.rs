//! The status of a response, for the summary: the response itself is passed on as it is.

use wscodec::Limits;
use wscodec::head::{HeadScanner, start_line};

/// Bytes of a response that are looked at.
const MOST: usize = 64 << 10;

/// Reads the status in bytes that come in pieces.
#[derive(Debug)]
pub(super) struct Status {
    held: Vec<u8>,
    scanner: HeadScanner,
    status: Option<u16>,
    given_up: bool,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            held: Vec::new(),
            scanner: scanner(),
            status: None,
            given_up: false,
        }
    }
}

fn scanner() -> HeadScanner {
    HeadScanner::response(&Limits {
        head: MOST,
        headers: Limits::MAX_HEADERS,
        ..Limits::DEFAULT
    })
}

impl Status {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.is_known() {
            return;
        }
        self.held.extend_from_slice(bytes);
        loop {
            match self.scanner.scan(&self.held) {
                Ok(None) => return,
                Err(_) => {
                    self.given_up = true;
                    break;
                }
                Ok(Some(len)) => {
                    let [_, status, _] = start_line(&self.held);
                    let status = std::str::from_utf8(status).ok();
                    let status = status.and_then(|it| it.parse().ok());
                    match status {
                        // Interim responses (RFC 9110 §15.2).
                        Some(100 | 102..=199) => {
                            self.held.drain(..len);
                            self.scanner = scanner();
                        }
                        _ => {
                            self.status = status;
                            self.given_up = status.is_none();
                            break;
                        }
                    }
                }
            }
        }
        self.held = Vec::new();
    }

    /// Whether no further bytes are of interest.
    pub(super) fn is_known(&self) -> bool {
        self.status.is_some() || self.given_up
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_status_is_found_in_pieces_of_any_size() {
        let bytes = b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 101 Switching\r\n\r\n\x81\0";
        for size in [1, 7, bytes.len()] {
            let mut status = Status::default();
            bytes.chunks(size).for_each(|piece| status.push(piece));
            assert_eq!(status.status(), Some(101));
        }
        let mut status = Status::default();
        status.push(b"220 ready\r\n");
        assert!(status.is_known() && status.status().is_none());
    }
}
