//! The rules for a header. They depend on the role, on the agreed extensions, and on whether a
//! message is open.

use super::{FrameHeader, MAX_CONTROL_LEN, OpCode, Rsv};
use crate::Limits;
use crate::error::{ErrorKind, LimitError, PeerError};

/// The role of this endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads unmasked frames and writes masked ones.
    Client,
    /// Reads masked frames and writes unmasked ones.
    Server,
}

/// The rules for incoming headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    role: Role,
    /// The reserved bits that extensions own, on the first frame of a message.
    rsv: Rsv,
    max_len: u64,
    unmasked: bool,
}

impl Rules {
    /// Creates the rules for frames that this side receives, without extensions, with the default
    /// [`Limits::max_frame`].
    pub const fn new(role: Role) -> Self {
        Self {
            role,
            rsv: Rsv::NONE,
            max_len: Limits::DEFAULT.max_frame(),
            unmasked: false,
        }
    }

    /// Allows reserved bits of negotiated extensions on the first frame of each message. On
    /// continuation and control frames they stay forbidden (RFC 7692 §6.1).
    #[must_use]
    pub const fn with_rsv(self, rsv: Rsv) -> Self {
        Self { rsv, ..self }
    }

    /// Sets the largest payload of a frame in bytes.
    #[must_use]
    pub const fn with_max_len(self, max_len: u64) -> Self {
        Self { max_len, ..self }
    }

    /// Accepts frames without a mask at a server, against RFC 6455 §5.1. Masks prevent that a
    /// browser's bytes look like another protocol to hosts on the path (§10.3). Use it only in
    /// networks without such hosts.
    #[must_use]
    pub const fn dangerously_accept_unmasked(self, unmasked: bool) -> Self {
        Self { unmasked, ..self }
    }

    /// The role of the reading side.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The largest payload of a frame in bytes.
    pub const fn max_len(&self) -> u64 {
        self.max_len
    }

    /// The allowed reserved bits.
    pub const fn rsv(&self) -> Rsv {
        self.rsv
    }

    /// Checks a header. `message_open` says whether a message has begun and is not finished.
    ///
    /// # Errors
    /// A [`PeerError`] (close code 1002), or [`LimitError::FrameTooLarge`] (1009). The check needs
    /// the header alone.
    #[inline]
    pub fn check(&self, header: &FrameHeader, message_open: bool) -> Result<(), ErrorKind> {
        self.check_start(header, message_open)?;
        if header.len > self.max_len {
            return Err(LimitError::FrameTooLarge.into());
        }
        Ok(())
    }

    /// The rules about the first two bytes of a header. Of the length they look only at whether a
    /// control frame may have it, and of the key only at whether there is one.
    #[inline]
    pub(super) fn check_start(
        &self,
        header: &FrameHeader,
        message_open: bool,
    ) -> Result<(), PeerError> {
        let first_of_message = matches!(header.opcode, OpCode::Text | OpCode::Binary);
        // §5.2: "MUST be 0 unless an extension is negotiated that defines meanings".
        let rsv = if first_of_message {
            self.rsv
        } else {
            Rsv::NONE
        };
        if !rsv.contains(header.rsv) {
            return Err(PeerError::ReservedBits);
        }
        if header.opcode.is_control() {
            // §5.5: "MUST have a payload length of 125 bytes or less and MUST NOT be fragmented".
            if !header.fin {
                return Err(PeerError::FragmentedControl);
            }
            if header.len > MAX_CONTROL_LEN as u64 {
                return Err(PeerError::ControlTooLong);
            }
            // §5.5.1: a payload begins with a code of two bytes.
            if header.opcode == OpCode::Close && header.len == 1 {
                return Err(PeerError::CloseLength);
            }
        } else if first_of_message == message_open {
            // §5.4: the fragments of one message must not be mixed with another's.
            return Err(match message_open {
                true => PeerError::ExpectedContinuation,
                false => PeerError::UnexpectedContinuation,
            });
        }
        // §5.1: a server closes on an unmasked frame, a client on a masked one.
        match (self.role, header.mask) {
            (Role::Server, None) if !self.unmasked => return Err(PeerError::UnmaskedFrame),
            (Role::Client, Some(_)) => return Err(PeerError::MaskedFrame),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_largest_length() {
        let rules = Rules::new(Role::Server);
        assert_eq!(rules.max_len(), Limits::DEFAULT.max_frame());
        assert_eq!(rules.with_max_len(125).max_len(), 125);
    }

    fn frame(first: u8, len: u64) -> FrameHeader {
        FrameHeader {
            fin: first & 0x80 != 0,
            rsv: Rsv::new(first >> 4),
            opcode: OpCode::new(first & 15).unwrap(),
            mask: None,
            len,
        }
    }

    #[test]
    fn each_rule_is_kept() {
        let rules = Rules::new(Role::Client)
            .with_rsv(Rsv::RSV1)
            .with_max_len(1000);
        let check = |first, len, open| rules.check(&frame(first, len), open);
        assert_eq!(check(0x81, 1000, false), Ok(()));
        assert_eq!(check(0xc1, 5, false), Ok(()));
        assert_eq!(check(0x00, 5, true), Ok(()));
        assert_eq!(check(0x89, 125, true), Ok(()));
        assert_eq!(check(0x89, 1, false), Ok(()));
        assert_eq!(check(0x88, 2, false), Ok(()));
        let refused: [(u8, u64, bool, ErrorKind); 10] = [
            (0x91, 5, false, PeerError::ReservedBits.into()),
            (0xc0, 5, true, PeerError::ReservedBits.into()),
            (0xc9, 5, false, PeerError::ReservedBits.into()),
            (0x09, 5, false, PeerError::FragmentedControl.into()),
            (0x88, 126, false, PeerError::ControlTooLong.into()),
            (0x88, 1, true, PeerError::CloseLength.into()),
            (0x81, 5, true, PeerError::ExpectedContinuation.into()),
            (0x02, 5, true, PeerError::ExpectedContinuation.into()),
            (0x80, 5, false, PeerError::UnexpectedContinuation.into()),
            (0x82, 1001, false, LimitError::FrameTooLarge.into()),
        ];
        for (first, len, open, error) in refused {
            assert_eq!(check(first, len, open), Err(error), "{first:#x} {len}");
        }
    }

    #[test]
    fn each_role_wants_the_other_sides_masking() {
        let plain = FrameHeader::new(OpCode::Text, 1);
        let masked = FrameHeader {
            mask: Some([0; 4]),
            ..plain
        };
        let (server, client) = (Rules::new(Role::Server), Rules::new(Role::Client));
        assert_eq!(server.check(&masked, false), Ok(()));
        assert_eq!(client.check(&plain, false), Ok(()));
        assert_eq!(
            server.check(&plain, false),
            Err(PeerError::UnmaskedFrame.into())
        );
        let trusting = server.dangerously_accept_unmasked(true);
        assert_eq!(trusting.check(&plain, false), Ok(()));
        assert_eq!(
            client.check(&masked, false),
            Err(PeerError::MaskedFrame.into())
        );
    }
}
