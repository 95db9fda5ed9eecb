//! Close codes (RFC 6455 §7.4). They live beside the errors, which each map to one.

use core::fmt;
use core::ops::RangeInclusive;

/// A status code of the close handshake (RFC 6455 §7.4).
///
/// ```
/// use wscodec::CloseCode;
///
/// assert!(CloseCode::NORMAL.is_sendable());
/// assert!(!CloseCode::ABNORMAL.is_sendable()); // 1006 is for the API only
/// assert!(CloseCode::new(4000).is_sendable());
/// assert!(!CloseCode::new(5000).is_sendable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: a server goes down, or a page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that this endpoint can't accept.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005, never on the wire: a close frame came without a code.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006, never on the wire: the connection ended without a close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: data that doesn't fit its message's type, such as text that isn't UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message that breaks this endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message too big to be processed.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the server didn't agree to an extension that the client needs.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: something unexpected kept the server from fulfilling the request.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: try again later (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got a bad answer from upstream (IANA registry).
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015, never on the wire: the TLS handshake failed.
    pub const TLS_HANDSHAKE: Self = Self(1015);

    /// 0–999: not used (RFC 6455 §7.4.2).
    pub const UNUSED: RangeInclusive<Self> = Self(0)..=Self(999);
    /// 1000–2999: for the protocol itself, its revisions and its extensions (RFC 6455 §7.4.2).
    pub const PROTOCOL: RangeInclusive<Self> = Self(1000)..=Self(2999);
    /// 3000–3999: for libraries, frameworks and applications that register their codes with IANA
    /// (RFC 6455 §7.4.2).
    pub const APPLICATION: RangeInclusive<Self> = Self(3000)..=Self(3999);
    /// 4000–4999: for private use, by agreement of both sides (RFC 6455 §7.4.2).
    pub const PRIVATE: RangeInclusive<Self> = Self(4000)..=Self(4999);

    /// Any number as a code; whether it may be sent is [`is_sendable`](Self::is_sendable).
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// The number.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// Whether the code may stand in a close frame: 1000–1003, 1007–1014 and 3000–4999
    /// (RFC 6455 §7.4.1, §7.4.2, and the IANA registry for 1012–1014).
    pub const fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// Whether the code is in the range that is [not used](Self::UNUSED).
    pub const fn is_unused(self) -> bool {
        self.0 < 1000
    }

    /// Whether the code is in the range of the [protocol](Self::PROTOCOL).
    ///
    /// ```
    /// use wscodec::CloseCode;
    ///
    /// assert!(CloseCode::GOING_AWAY.is_protocol() && CloseCode::GOING_AWAY.is_defined());
    /// assert!(CloseCode::new(2000).is_protocol() && !CloseCode::new(2000).is_defined());
    /// assert!(CloseCode::new(3000).is_application() && CloseCode::new(4000).is_private());
    /// assert!(CloseCode::PRIVATE.contains(&CloseCode::new(4999)));
    /// ```
    pub const fn is_protocol(self) -> bool {
        matches!(self.0, 1000..=2999)
    }

    /// Whether the code is in the range of registered [applications](Self::APPLICATION).
    pub const fn is_application(self) -> bool {
        matches!(self.0, 3000..=3999)
    }

    /// Whether the code is in the range for [private use](Self::PRIVATE).
    pub const fn is_private(self) -> bool {
        matches!(self.0, 4000..=4999)
    }

    /// Whether RFC 6455 §7.4.1 or the IANA registry gives the code a meaning: 1000–1003 and
    /// 1005–1015. The registry lists 1004 without a meaning.
    pub const fn is_defined(self) -> bool {
        matches!(self.0, 1000..=1003 | 1005..=1015)
    }

    /// Whether the code is for the API only, and never stands in a close frame: 1005, 1006 and 1015
    /// (RFC 6455 §7.4.1).
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 1005 | 1006 | 1015)
    }
}

/// The names that the crate tungstenite gives to the codes, so that programs can move over by a change of
/// their imports: see the crate `wscodec-tokio`.
#[doc(hidden)]
#[allow(non_upper_case_globals, non_snake_case, missing_docs)]
impl CloseCode {
    pub const Normal: Self = Self::NORMAL;
    pub const Away: Self = Self::GOING_AWAY;
    pub const Protocol: Self = Self::PROTOCOL_ERROR;
    pub const Unsupported: Self = Self::UNSUPPORTED_DATA;
    pub const Status: Self = Self::NO_STATUS;
    pub const Abnormal: Self = Self::ABNORMAL;
    pub const Invalid: Self = Self::INVALID_PAYLOAD;
    pub const Policy: Self = Self::POLICY_VIOLATION;
    pub const Size: Self = Self::TOO_BIG;
    pub const Extension: Self = Self::MANDATORY_EXTENSION;
    pub const Error: Self = Self::INTERNAL_ERROR;
    pub const Restart: Self = Self::SERVICE_RESTART;
    pub const Again: Self = Self::TRY_AGAIN_LATER;
    pub const Tls: Self = Self::TLS_HANDSHAKE;

    pub const fn Iana(code: u16) -> Self {
        Self(code)
    }

    pub const fn Library(code: u16) -> Self {
        Self(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::CloseCode;

    #[test]
    fn sendable_codes_are_exactly_the_registered_ranges() {
        for code in 0..=u16::MAX {
            let expected = (1000..=1014).contains(&code) && ![1004, 1005, 1006].contains(&code)
                || (3000..5000).contains(&code);
            assert_eq!(CloseCode::new(code).is_sendable(), expected, "{code}");
        }
    }

    #[test]
    fn the_questions_agree_with_the_ranges() {
        for number in 0..=u16::MAX {
            let code = CloseCode::new(number);
            assert_eq!(code.is_unused(), CloseCode::UNUSED.contains(&code));
            assert_eq!(code.is_protocol(), CloseCode::PROTOCOL.contains(&code));
            let is_application = CloseCode::APPLICATION.contains(&code);
            assert_eq!(code.is_application(), is_application);
            assert_eq!(code.is_private(), CloseCode::PRIVATE.contains(&code));
            assert_eq!(
                code.is_sendable(),
                code.is_defined() && !code.is_reserved() || (3000..5000).contains(&number),
                "{number}"
            );
        }
    }
}
