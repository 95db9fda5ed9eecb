//! Rules that were broken.

use std::borrow::Cow;

use wscodec::{ErrorKind, HandshakeError, PeerError};

/// A rule that was broken, with the value that was found and the one that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub error: ErrorKind,
    /// Where it lies, counted as [`Location::offset`](super::Location::offset).
    pub offset: u64,
    /// The value that was found.
    pub found: Cow<'static, str>,
    /// The value that the rule expects.
    pub expected: Cow<'static, str>,
}

impl Violation {
    /// The section that has the rule.
    pub const fn section(&self) -> &'static str {
        section(self.error)
    }
}

/// The section of an RFC that has the rule.
pub const fn section(error: ErrorKind) -> &'static str {
    match error {
        ErrorKind::Peer(error) => match error {
            PeerError::ReservedBits
            | PeerError::ReservedOpcode
            | PeerError::LengthNotMinimal
            | PeerError::LengthTopBit => "RFC 6455 §5.2",
            PeerError::UnmaskedFrame | PeerError::MaskedFrame => "RFC 6455 §5.1",
            PeerError::FragmentedControl | PeerError::ControlTooLong => "RFC 6455 §5.5",
            PeerError::UnexpectedContinuation | PeerError::ExpectedContinuation => "RFC 6455 §5.4",
            PeerError::CloseLength => "RFC 6455 §5.5.1",
            PeerError::CloseCode => "RFC 6455 §7.4",
            PeerError::InvalidUtf8 => "RFC 6455 §8.1",
            PeerError::UnexpectedEof => "RFC 6455 §7.1.5",
            PeerError::InvalidCompressedData => "RFC 7692 §7.2.2",
            _ => "RFC 6455",
        },
        ErrorKind::Handshake(error) => match error {
            HandshakeError::MalformedHead => "RFC 9112 §2",
            HandshakeError::ExtensionsHeader | HandshakeError::UnofferedExtension => {
                "RFC 6455 §9.1"
            }
            HandshakeError::ExtensionParameter => "RFC 7692 §7.1",
            HandshakeError::Host => "RFC 9112 §3.2",
            HandshakeError::Version => "RFC 6455 §4.4",
            HandshakeError::Status | HandshakeError::Accept => "RFC 6455 §4.1",
            _ => "RFC 6455 §4",
        },
        _ => "RFC 6455",
    }
}
