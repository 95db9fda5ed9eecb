//! Headers for inspectors: any header can be read, together with the rules that it breaks.
//!
//! An endpoint stops at the first fault, so [`FrameHeader`] and [`Rules::check`] know no other. A
//! program that only observes a connection goes on wherever the length is known, and reports all
//! faults. [`RawHeader`] therefore holds any opcode and any form of the length, and
//! [`RawHeader::faults`] gives a set. The rules are not written a second time: the set is found by
//! asking [`Rules`] again with each fault mended. Every answer mends a different part of the header,
//! so this ends after at most five questions, and a header without faults costs one.

use super::{FrameHeader, OpCode, Role, Rsv, Rules};
use crate::error::PeerError;

/// A frame header as it is on the wire, valid or not (RFC 6455 §5.2).
///
/// ```
/// use wscodec::PeerError;
/// use wscodec::frame::{RawHeader, Role, Rules};
///
/// // A client's frame with a reserved opcode, no mask, and a length of 5 in 16 bits.
/// let header = RawHeader::parse(&[0x83, 126, 0, 5]).unwrap();
/// assert_eq!((header.opcode, header.len, header.header_len), (3, 5, 4));
/// let faults = header.faults(&Rules::new(Role::Server), false);
/// let faults: Vec<_> = faults.iter().collect();
/// assert_eq!(
///     faults,
///     [PeerError::ReservedOpcode, PeerError::UnmaskedFrame, PeerError::LengthNotMinimal]
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawHeader {
    /// Whether the frame ends its message.
    pub fin: bool,
    /// The reserved bits.
    pub rsv: Rsv,
    /// The opcode, 0–15.
    pub opcode: u8,
    /// The mask key of the payload, if the frame is masked.
    pub mask: Option<[u8; 4]>,
    /// The length of the payload. Its top bit may be set, and then it is not a valid length.
    pub len: u64,
    /// The length of the header, from 2 to 14 bytes.
    pub header_len: u8,
}

impl RawHeader {
    /// Reads a header from the front of `bytes`.
    ///
    /// # Errors
    /// The least number of further bytes, if the header is incomplete.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self, usize> {
        let &[first, second, ref rest @ ..] = bytes else {
            return Err(2 - bytes.len());
        };
        let short = second & 0x7f;
        let masked = second & 0x80 != 0;
        let extended = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let needed = extended + if masked { 4 } else { 0 };
        if rest.len() < needed {
            return Err(needed - rest.len());
        }
        let (len, rest) = rest.split_at(extended);
        Ok(Self {
            fin: first & 0x80 != 0,
            rsv: Rsv::new(first >> 4),
            opcode: first & 15,
            mask: match rest.first_chunk() {
                Some(key) if masked => Some(*key),
                _ => None,
            },
            len: match extended {
                0 => u64::from(short),
                _ => len.iter().fold(0, |len, &byte| len << 8 | u64::from(byte)),
            },
            header_len: 2 + needed as u8,
        })
    }

    /// Appends the header as it is on the wire.
    ///
    /// ```
    /// use wscodec::frame::RawHeader;
    ///
    /// // A length of 5 in 16 bits.
    /// let bytes = [0x83, 0xfe, 0, 5, 1, 2, 3, 4];
    /// let mut out = Vec::new();
    /// RawHeader::parse(&bytes).unwrap().put(&mut |bytes| out.extend_from_slice(bytes));
    /// assert_eq!(out, bytes);
    /// ```
    pub fn put(&self, out: &mut dyn FnMut(&[u8])) {
        let key = if self.mask.is_some() { 4 } else { 0 };
        let length = self.len.to_be_bytes();
        let (short, extended) = match self.header_len.saturating_sub(2 + key) {
            0 => (length[7] & 0x7f, &[][..]),
            2 => (126, &length[6..]),
            _ => (127, &length[..]),
        };
        let fin = if self.fin { 0x80 } else { 0 };
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        out(&[
            fin | self.rsv.bits() << 4 | self.opcode & 15,
            masked | short,
        ]);
        out(extended);
        out(self.mask.as_ref().map_or(&[], |key| &key[..]));
    }

    /// The opcode, if it is not reserved.
    #[inline]
    pub const fn op(&self) -> Option<OpCode> {
        match OpCode::new(self.opcode) {
            Ok(opcode) => Some(opcode),
            Err(_) => None,
        }
    }

    /// Whether the length is valid. If its top bit is set, the position of the next header is
    /// unknown.
    #[inline]
    pub const fn has_length(&self) -> bool {
        self.len >> 63 == 0
    }

    /// Every rule that the header breaks. `message_open` says whether a message has begun and is not
    /// finished. The function does not compare the length with [`Rules::max_len`], which is the
    /// reader's own limit.
    #[inline]
    pub fn faults(&self, rules: &Rules, message_open: bool) -> HeaderFaults {
        let mut faults = HeaderFaults::default();
        let opcode = match self.op() {
            Some(opcode) => opcode,
            None => {
                faults.insert(PeerError::ReservedOpcode);
                // The opcodes from 8 on are for control frames, also the reserved ones (§5.2).
                match self.opcode >= 8 {
                    true => OpCode::Ping,
                    false if message_open => OpCode::Continuation,
                    false => OpCode::Binary,
                }
            }
        };
        let header = FrameHeader {
            fin: self.fin,
            rsv: self.rsv,
            opcode,
            mask: self.mask,
            len: self.len,
        };
        if header.encoded_len() != usize::from(self.header_len) {
            faults.insert(PeerError::LengthNotMinimal);
        }
        if !self.has_length() {
            faults.insert(PeerError::LengthTopBit);
        }
        if rules.check_start(&header, message_open).is_err() {
            faults.find(rules, header, message_open);
        }
        faults
    }
}

/// A set of rules that a header breaks; see [`RawHeader::faults`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HeaderFaults(u16);

impl HeaderFaults {
    const ORDER: [PeerError; 11] = [
        PeerError::ReservedBits,
        PeerError::ReservedOpcode,
        PeerError::UnmaskedFrame,
        PeerError::MaskedFrame,
        PeerError::LengthNotMinimal,
        PeerError::LengthTopBit,
        PeerError::FragmentedControl,
        PeerError::ControlTooLong,
        PeerError::CloseLength,
        PeerError::UnexpectedContinuation,
        PeerError::ExpectedContinuation,
    ];

    /// Whether no rule is broken.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set has this one.
    pub fn contains(self, error: PeerError) -> bool {
        self.iter().any(|it| it == error)
    }

    /// The faults, in the order of the header's bytes.
    pub fn iter(self) -> impl Iterator<Item = PeerError> {
        let pairs = Self::ORDER.into_iter().enumerate();
        pairs.filter_map(move |(i, error)| (self.0 & 1 << i != 0).then_some(error))
    }

    fn insert(&mut self, error: PeerError) {
        if let Some(i) = Self::ORDER.iter().position(|&it| it == error) {
            self.0 |= 1 << i;
        }
    }

    #[cold]
    fn find(&mut self, rules: &Rules, mut header: FrameHeader, mut message_open: bool) {
        for _ in Self::ORDER {
            let Err(error) = rules.check_start(&header, message_open) else {
                return;
            };
            self.insert(error);
            match error {
                PeerError::ReservedBits => header.rsv = Rsv::NONE,
                PeerError::FragmentedControl => header.fin = true,
                PeerError::ControlTooLong | PeerError::CloseLength => header.len = 0,
                PeerError::UnmaskedFrame | PeerError::MaskedFrame => {
                    header.mask = match rules.role() {
                        Role::Server => Some([0; 4]),
                        Role::Client => None,
                    };
                }
                _ => message_open = !message_open,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ParsedHeader;
    use super::*;
    use std::vec::Vec;

    fn faults(bytes: &[u8], role: Role, open: bool) -> Vec<PeerError> {
        let header = RawHeader::parse(bytes).expect("a whole header");
        header.faults(&Rules::new(role), open).iter().collect()
    }

    /// Every first and second byte, with lengths in each form: a header is without faults exactly if
    /// the strict reader and its rules take it, and then says the same.
    #[test]
    fn it_agrees_with_the_strict_reader() {
        let rest = [[0; 12], [0xff; 12], *b"\0\x7e\0\0\0\0\0\x01\0\0\0\0"];
        for first in 0..=255 {
            for second in 0..=255 {
                for rest in rest {
                    let mut bytes = [0; 14];
                    (bytes[0], bytes[1]) = (first, second);
                    bytes[2..].copy_from_slice(&rest);
                    let raw = RawHeader::parse(&bytes).unwrap();
                    for (role, open) in [(Role::Client, true), (Role::Server, false)] {
                        let rules = Rules::new(role).with_max_len(u64::MAX);
                        let strict = match FrameHeader::parse(&bytes) {
                            Ok(ParsedHeader::Complete(header, len)) => {
                                assert_eq!((header.len, header.mask), (raw.len, raw.mask));
                                assert_eq!((header.fin, header.rsv), (raw.fin, raw.rsv));
                                assert_eq!(header.opcode as u8, raw.opcode);
                                assert_eq!(len, usize::from(raw.header_len));
                                rules.check(&header, open)
                            }
                            Ok(ParsedHeader::Incomplete(_)) => panic!("14 bytes are enough"),
                            Err(error) => Err(error),
                        };
                        let found = raw.faults(&rules, open);
                        match strict {
                            Ok(()) => assert!(found.is_empty(), "{bytes:x?} {found:?}"),
                            Err(crate::ErrorKind::Peer(error)) => {
                                assert!(found.contains(error), "{bytes:x?} {error} {found:?}");
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_fault_is_in_the_set() {
        use PeerError as E;
        assert_eq!(
            faults(&[0x79, 126, 0, 1], Role::Server, true),
            [
                E::ReservedBits,
                E::UnmaskedFrame,
                E::LengthNotMinimal,
                E::FragmentedControl
            ]
        );
        assert_eq!(
            faults(&[0x80, 0x81, 1, 2, 3, 4], Role::Client, false),
            [E::MaskedFrame, E::UnexpectedContinuation]
        );
        assert_eq!(
            faults(&[0x0b, 126, 1, 0], Role::Client, false),
            [E::ReservedOpcode, E::FragmentedControl, E::ControlTooLong]
        );
        assert_eq!(
            faults(&[0x08, 1], Role::Server, false),
            [E::UnmaskedFrame, E::FragmentedControl, E::CloseLength]
        );
        let top = faults(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1], Role::Client, true);
        assert_eq!(top, [E::LengthTopBit, E::ExpectedContinuation]);
    }

    #[test]
    fn a_header_that_is_not_whole_says_what_it_lacks() {
        let whole = [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4];
        let mut have = 0;
        while have < whole.len() {
            have += RawHeader::parse(&whole[..have]).unwrap_err();
        }
        assert_eq!(RawHeader::parse(&whole).unwrap().len, 65536);
    }
}
