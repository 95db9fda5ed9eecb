//! The payload of a close frame (RFC 6455 §5.5.1).

use super::MAX_CONTROL_LEN;
use crate::error::{CloseCode, ErrorKind, Fault, MisuseError, PeerError};
use crate::utf8;

/// The code and the reason of a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// The close code.
    pub code: CloseCode,
    /// The reason as text for people. It has at most [`CloseFrame::MAX_REASON_LEN`] bytes, and may be
    /// empty.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// The length of the longest reason in bytes.
    pub const MAX_REASON_LEN: usize = MAX_CONTROL_LEN - 2;

    /// Reads the unmasked payload of a close frame. An empty payload has no code, which stands for
    /// 1005; the result is `None` then.
    ///
    /// # Errors
    /// [`PeerError::CloseLength`] for a single byte and [`PeerError::CloseCode`] for a code that
    /// must not be sent (close code 1002); [`PeerError::InvalidUtf8`] for the reason (1007). The
    /// offset counts from the payload's first byte.
    ///
    /// ```
    /// use wscodec::{CloseCode, frame::CloseFrame};
    ///
    /// let close = CloseFrame::parse(b"\x03\xe8bye")?.unwrap();
    /// assert_eq!((close.code, close.reason), (CloseCode::NORMAL, "bye"));
    /// assert_eq!(CloseFrame::parse(b"")?, None);
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    pub fn parse(payload: &'a [u8]) -> Result<Option<Self>, Fault> {
        let Some((code, reason)) = payload.split_first_chunk() else {
            return match payload {
                [] => Ok(None),
                _ => Err(ErrorKind::from(PeerError::CloseLength).at(0)),
            };
        };
        let code = CloseCode::new(u16::from_be_bytes(*code));
        if !code.is_sendable() {
            return Err(ErrorKind::from(PeerError::CloseCode).at(0));
        }
        match core::str::from_utf8(reason) {
            Ok(reason) => Ok(Some(Self { code, reason })),
            Err(e) => {
                let bad = utf8::first_impossible(reason, e);
                Err(ErrorKind::from(PeerError::InvalidUtf8).at(2 + bad as u64))
            }
        }
    }

    /// Writes the payload to the front of `out` and returns its length.
    ///
    /// # Errors
    /// [`MisuseError::CloseCodeNotSendable`], [`MisuseError::CloseReasonTooLong`]. The function has
    /// written nothing then.
    pub fn encode(&self, out: &mut [u8; MAX_CONTROL_LEN]) -> Result<usize, MisuseError> {
        if !self.code.is_sendable() {
            return Err(MisuseError::CloseCodeNotSendable);
        }
        let len = 2 + self.reason.len();
        let Some(target) = out.get_mut(2..len) else {
            return Err(MisuseError::CloseReasonTooLong);
        };
        target.copy_from_slice(self.reason.as_bytes());
        out[..2].copy_from_slice(&self.code.value().to_be_bytes());
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(error: PeerError, offset: u64) -> Result<Option<CloseFrame<'static>>, Fault> {
        Err(ErrorKind::from(error).at(offset))
    }

    #[test]
    fn half_a_code_and_codes_for_the_api_only_are_refused() {
        assert_eq!(CloseFrame::parse(b"\x03"), fault(PeerError::CloseLength, 0));
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
            let payload = u16::to_be_bytes(code);
            assert_eq!(CloseFrame::parse(&payload), fault(PeerError::CloseCode, 0));
            let close = CloseFrame {
                code: CloseCode::new(code),
                reason: "",
            };
            let refused = close.encode(&mut [0; MAX_CONTROL_LEN]);
            assert_eq!(refused, Err(MisuseError::CloseCodeNotSendable));
        }
    }

    #[test]
    fn a_reason_cut_within_a_character_is_refused_where_it_is_cut() {
        assert_eq!(
            CloseFrame::parse(b"\x03\xe8caf\xc3"),
            fault(PeerError::InvalidUtf8, 6)
        );
        assert_eq!(
            CloseFrame::parse(b"\x03\xe8\xed\xa0\x80"),
            fault(PeerError::InvalidUtf8, 3)
        );
    }

    #[test]
    fn reasons_fit_to_the_byte() {
        let mut out = [0; MAX_CONTROL_LEN];
        let long = [b'x'; 124];
        let reason = core::str::from_utf8(&long).unwrap();
        let code = CloseCode::new(3000);
        let fits = CloseFrame {
            code,
            reason: &reason[..123],
        };
        assert_eq!(fits.encode(&mut out), Ok(125));
        assert_eq!(CloseFrame::parse(&out), Ok(Some(fits)));
        let close = CloseFrame { code, reason };
        assert_eq!(close.encode(&mut out), Err(MisuseError::CloseReasonTooLong));
    }
}
