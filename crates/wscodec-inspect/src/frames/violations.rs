//! Faults of frames in words: the value that was found, and the one that was expected.

use wscodec::frame::{HeaderFaults, OpCode, RawHeader, Role, Rules};
use wscodec::{ErrorKind, PeerError};

use crate::event::Violation;

/// The violations of a header at `offset`.
#[cold]
pub(super) fn of_header(
    header: &RawHeader,
    found: HeaderFaults,
    rules: &Rules,
    offset: u64,
    violations: &mut Vec<Violation>,
) {
    for error in found.iter() {
        let (at, found, expected) = match error {
            PeerError::ReservedBits => {
                let allowed = match header.op() {
                    Some(OpCode::Text | OpCode::Binary) => rules.rsv().bits(),
                    _ => 0,
                };
                let expected = match allowed {
                    0 => "0".into(),
                    bits => format!("0 or {bits}").into(),
                };
                (0, header.rsv.bits().to_string().into(), expected)
            }
            PeerError::ReservedOpcode => (
                0,
                header.opcode.to_string().into(),
                "0, 1, 2, 8, 9 or 10".into(),
            ),
            PeerError::UnmaskedFrame | PeerError::MaskedFrame => {
                let words = ["not masked", "masked"];
                let expected = usize::from(rules.role() == Role::Server);
                (1, words[1 - expected].into(), words[expected].into())
            }
            PeerError::LengthNotMinimal => {
                let bits = |len| match len {
                    2 | 6 => "7 bits",
                    4 | 8 => "16 bits",
                    _ => "64 bits",
                };
                let shortest = match header.len {
                    0..126 => 2,
                    126..0x1_0000 => 4,
                    _ => 10,
                };
                let found = format!("{} in {}", header.len, bits(header.header_len));
                (1, found.into(), bits(shortest).into())
            }
            PeerError::LengthTopBit => (
                2,
                format!("{:#x}", header.len).into(),
                "less than 2^63".into(),
            ),
            PeerError::FragmentedControl => (0, "FIN is 0".into(), "FIN is 1".into()),
            PeerError::ControlTooLong => (1, header.len.to_string().into(), "at most 125".into()),
            PeerError::CloseLength => (1, "1".into(), "0, or 2 to 125".into()),
            PeerError::UnexpectedContinuation => (
                0,
                "a continuation".into(),
                "the first frame of a message".into(),
            ),
            PeerError::ExpectedContinuation => (
                0,
                "the first frame of a message".into(),
                "a continuation".into(),
            ),
            _ => (0, "".into(), "".into()),
        };
        violations.push(Violation {
            error: error.into(),
            offset: offset + at,
            found,
            expected,
        });
    }
}

/// The fault of a close frame whose payload begins at `start`.
pub(super) fn of_close(fault: wscodec::Fault, payload: &[u8], start: u64) -> Violation {
    let (found, expected) = match fault.error {
        ErrorKind::Peer(PeerError::CloseCode) => {
            let code = payload
                .first_chunk()
                .map_or(0, |code| u16::from_be_bytes(*code));
            let expected = "1000-1003, 1007-1014 or 3000-4999";
            (code.to_string().into(), expected.into())
        }
        _ => {
            let bad = payload.get(fault.offset as usize..).unwrap_or_default();
            (hex(bad), "UTF-8".into())
        }
    };
    Violation {
        error: fault.error,
        offset: start + fault.offset,
        found,
        expected,
    }
}

/// The first byte that can't be, in hexadecimal. Only one is shown, because the next ones may not have
/// arrived.
pub(super) fn hex(bytes: &[u8]) -> std::borrow::Cow<'static, str> {
    match bytes.first() {
        Some(byte) => format!("{byte:02x}").into(),
        None => "a character that is cut".into(),
    }
}
