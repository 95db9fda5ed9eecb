//! The errors, grouped by who is at fault.
//!
//! All errors are `Copy`, hold no text of the peer's, and have a [`code`](ErrorKind::code) that is the
//! same in Rust, in JavaScript and in these docs. Errors of a running connection map to the
//! [close code](ErrorKind::close_code) that RFC 6455 asks for, errors of the opening handshake to an
//! [HTTP status](HandshakeError::status).
//!
//! ```
//! use wscodec::{CloseCode, ErrorKind, PeerError};
//!
//! let error = ErrorKind::from(PeerError::UnmaskedFrame);
//! assert_eq!(error.code(), "UNMASKED_FRAME");
//! assert_eq!(error.close_code(), Some(CloseCode::PROTOCOL_ERROR));
//! ```

mod close_code;

use core::fmt;

pub use close_code::CloseCode;

/// Writes one group of errors as a table: variant, stable code, a number (close code or HTTP
/// status, 0 for none), and what it says.
macro_rules! group {
    (
        $(#[$group:meta])*
        $name:ident, $number:ident;
        $($(#[$doc:meta])* $variant:ident, $code:literal, $value:literal, $text:literal;)*
    ) => {
        $(#[$group])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every error of this group.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The group's name and a line for each error: its code, number and message.
            pub const TABLE: &'static str = concat!(
                stringify!($name), "\n",
                $($code, "\t", $value, "\t", $text, "\n",)*
            );

            /// The stable name, the same in Rust, in JavaScript and in the docs.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            #[allow(dead_code, reason = "errors of the caller have no number")]
            const fn $number(self) -> u16 {
                match self { $(Self::$variant => $value,)* }
            }

            /// The error in one sentence.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.message())
            }
        }

        impl core::error::Error for $name {}
    };
}

group! {
    /// The peer broke the WebSocket protocol after the handshake.
    PeerError, close_number;
    /// A reserved bit that no negotiated extension owns on this frame (RFC 6455 §5.2).
    ReservedBits, "RESERVED_BITS", 1002, "a reserved bit is set that no extension asked for";
    /// Opcodes 3–7 and 11–15 (RFC 6455 §5.2).
    ReservedOpcode, "RESERVED_OPCODE", 1002, "the opcode is reserved";
    /// A client's frame must be masked (RFC 6455 §5.1).
    UnmaskedFrame, "UNMASKED_FRAME", 1002, "a frame to a server is not masked";
    /// A server's frame must not be masked (RFC 6455 §5.1).
    MaskedFrame, "MASKED_FRAME", 1002, "a frame to a client is masked";
    /// A length in a longer form than it needs (RFC 6455 §5.2).
    LengthNotMinimal, "LENGTH_NOT_MINIMAL", 1002, "the payload length is not in its shortest form";
    /// The top bit of a 64-bit length (RFC 6455 §5.2).
    LengthTopBit, "LENGTH_TOP_BIT", 1002, "the top bit of the payload length is set";
    /// A control frame without FIN (RFC 6455 §5.5).
    FragmentedControl, "FRAGMENTED_CONTROL", 1002, "a control frame is fragmented";
    /// A control frame of more than 125 bytes (RFC 6455 §5.5), or whose length has 16 or 64 bits.
    ControlTooLong, "CONTROL_TOO_LONG", 1002, "a control frame is longer than 125 bytes";
    /// A continuation frame outside a message (RFC 6455 §5.4).
    UnexpectedContinuation, "UNEXPECTED_CONTINUATION", 1002, "a continuation frame continues nothing";
    /// A new message before the last one's final frame (RFC 6455 §5.4).
    ExpectedContinuation, "EXPECTED_CONTINUATION", 1002, "a message begins inside another message";
    /// A close frame of one byte (RFC 6455 §5.5.1).
    CloseLength, "CLOSE_LENGTH", 1002, "a close frame has half a code";
    /// A close code that must not be on the wire (RFC 6455 §7.4).
    CloseCode, "CLOSE_CODE", 1002, "a close frame has a code that must not be sent";
    /// Text, or a close reason, that is not UTF-8 (RFC 6455 §5.6, §8.1).
    InvalidUtf8, "INVALID_UTF8", 1007, "text is not valid UTF-8";
    /// The stream ended inside a frame, a fragmented message or a head (RFC 6455 §7.1.5).
    UnexpectedEof, "UNEXPECTED_EOF", 1006, "the stream ended too early";
    /// A compressed message that is no deflate stream, refers beyond the window or does not end
    /// with a block (RFC 7692 §7.2.2).
    InvalidCompressedData, "INVALID_COMPRESSED_DATA", 1007, "a compressed message is damaged";
    /// Nothing came after a ping for as long as the heartbeat waits (RFC 6455 §5.5.2).
    NoPong, "NO_PONG", 1006, "the peer does not answer pings";
    /// The peer did not answer a close frame in time (RFC 6455 §7.1.1).
    NoClose, "NO_CLOSE", 1006, "the peer does not close";
}

group! {
    /// The opening handshake (RFC 6455 §4) is not acceptable.
    HandshakeError, status_number;
    /// Not HTTP/1.1 by RFC 9112: a bare LF, a folded line, a space before a colon, a control
    /// character, a malformed start line.
    MalformedHead, "MALFORMED_HEAD", 400, "the HTTP head is malformed";
    /// Any method but GET (§4.2.1).
    Method, "METHOD", 405, "the request's method is not GET";
    /// A version below HTTP/1.1 (§4.2.1).
    HttpVersion, "HTTP_VERSION", 400, "the HTTP version is not 1.1";
    /// No Host, more than one, or one that is not a host with an optional port (§4.2.1, RFC 9112
    /// §3.2).
    Host, "HOST", 400, "the request does not have exactly one valid Host";
    /// The request is for a host that is not among those allowed (RFC 9110 §15.5.20).
    HostNotAllowed, "HOST_NOT_ALLOWED", 421, "this server is not reached by the request's host";
    /// `Upgrade` does not list `websocket` (§4.1, §4.2.1).
    UpgradeHeader, "UPGRADE_HEADER", 400, "the Upgrade header does not list websocket";
    /// `Connection` does not list `upgrade` (§4.1, §4.2.1).
    ConnectionHeader, "CONNECTION_HEADER", 400, "the Connection header does not list upgrade";
    /// `Sec-WebSocket-Key` missing, doubled, or not base64 of 16 bytes (§4.2.1).
    Key, "KEY", 400, "Sec-WebSocket-Key is not one base64 of 16 bytes";
    /// `Sec-WebSocket-Version` missing or not 13; the answer names 13 (§4.4).
    Version, "VERSION", 426, "Sec-WebSocket-Version is not 13";
    /// A body on the upgrade request: what follows would not be frames.
    Body, "BODY", 400, "the upgrade request announces a body";
    /// `Sec-WebSocket-Protocol` is not a list of distinct tokens (§4.1).
    ProtocolHeader, "PROTOCOL_HEADER", 400, "Sec-WebSocket-Protocol is malformed";
    /// `Sec-WebSocket-Extensions` does not follow §9.1.
    ExtensionsHeader, "EXTENSIONS_HEADER", 400, "Sec-WebSocket-Extensions is malformed";
    /// The origin policy refuses the request (§10.2).
    Origin, "ORIGIN", 403, "the request's origin is not allowed";
    /// Client: the answer's status is not 101.
    Status, "STATUS", 0, "the server did not switch protocols";
    /// Client: `Sec-WebSocket-Accept` missing, doubled, or not the one for our key (§4.1).
    Accept, "ACCEPT", 0, "Sec-WebSocket-Accept does not fit the key";
    /// Client: a subprotocol that was not asked for (§4.1).
    UnofferedProtocol, "UNOFFERED_PROTOCOL", 0, "the server chose a subprotocol that was not offered";
    /// Client: an extension that was not asked for (§4.1, §9.1).
    UnofferedExtension, "UNOFFERED_EXTENSION", 0, "the server chose an extension that was not offered";
    /// Client: an extension whose parameters are malformed or don't fit the offer (RFC 6455 §9.1,
    /// RFC 7692 §7.1), or that was chosen twice.
    ExtensionParameter, "EXTENSION_PARAMETER", 0, "the server chose an extension with parameters that do not fit the offer";
}

group! {
    /// The peer went past one of our [`Limits`](crate::Limits).
    LimitError, number;
    /// Past [`Limits::frame`](crate::Limits::frame).
    FrameTooLarge, "FRAME_TOO_LARGE", 1009, "a frame is larger than the limit";
    /// Past [`Limits::message`](crate::Limits::message).
    MessageTooLarge, "MESSAGE_TOO_LARGE", 1009, "a message is larger than the limit";
    /// Past [`Limits::fragments`](crate::Limits::fragments).
    TooManyFragments, "TOO_MANY_FRAGMENTS", 1008, "a message has more fragments than the limit";
    /// Past [`Limits::head`](crate::Limits::head).
    HeadTooLarge, "HEAD_TOO_LARGE", 431, "the HTTP head is larger than the limit";
    /// Past [`Limits::headers`](crate::Limits::headers).
    TooManyHeaders, "TOO_MANY_HEADERS", 431, "the HTTP head has more header lines than the limit";
    /// Past [`Limits::inflation`](crate::Limits::inflation).
    InflationRatio, "INFLATION_RATIO", 1009, "a compressed message inflates more than the limit";
    /// The opening handshake was not done in time: a server waits for the request, a client for the
    /// answer.
    HandshakeTooSlow, "HANDSHAKE_TOO_SLOW", 408, "the opening handshake took longer than the limit";
    /// A server has as many connections as it takes, or they hold as much memory as they may.
    TooManyConnections, "TOO_MANY_CONNECTIONS", 503, "the server has as many connections as it takes";
    /// No message came for as long as a connection may be idle.
    Idle, "IDLE", 1001, "the connection was idle for longer than the limit";
    /// More is waiting to be sent than the limit, because the peer does not read.
    BufferFull, "BUFFER_FULL", 1006, "more waits to be sent than the limit";
    /// The peer read nothing of what was queued for it, for as long as the caller waits.
    Stalled, "STALLED", 1006, "the peer did not read for longer than the limit";
    /// There is no memory for what this connection needs: the allocator has none left, or all
    /// connections of a server together hold as much as they may and this one came to hold more.
    /// Other connections are not concerned. The close code 1013 of the IANA registry means "try again
    /// later". A method that sends fails with this before it changes anything.
    OutOfMemory, "OUT_OF_MEMORY", 1013, "there is no memory left for this";
}

group! {
    /// The caller asked for something that the protocol or this API does not allow. Nothing was
    /// written.
    MisuseError, number;
    /// 1004, 1005, 1006, 1015 and numbers outside the registered ranges (RFC 6455 §7.4).
    CloseCodeNotSendable, "CLOSE_CODE_NOT_SENDABLE", 0, "this close code must not be sent";
    /// A close reason of more than 123 bytes (RFC 6455 §5.5).
    CloseReasonTooLong, "CLOSE_REASON_TOO_LONG", 0, "a close reason has at most 123 bytes";
    /// A close reason without a close code (RFC 6455 §5.5.1).
    CloseReasonAlone, "CLOSE_REASON_ALONE", 0, "a close reason needs a code";
    /// A ping or pong of more than 125 bytes (RFC 6455 §5.5).
    ControlPayloadTooLong, "CONTROL_PAYLOAD_TOO_LONG", 0, "a control frame has at most 125 bytes";
    /// A control frame without FIN (RFC 6455 §5.5).
    ControlNotFinal, "CONTROL_NOT_FINAL", 0, "a control frame can't be fragmented";
    /// Text that is not UTF-8 (RFC 6455 §5.6).
    TextNotUtf8, "TEXT_NOT_UTF8", 0, "a text message must be UTF-8";
    /// A length of 2^63 or more (RFC 6455 §5.2).
    PayloadTooLong, "PAYLOAD_TOO_LONG", 0, "a payload has fewer than 2^63 bytes";
    /// A mask in a frame that is to be sent more than once (RFC 6455 §5.3).
    MaskedCompiled, "MASKED_COMPILED", 0, "a compiled frame can't be masked";
    /// The caller's buffer does not hold the result.
    BufferTooSmall, "BUFFER_TOO_SMALL", 0, "the buffer is too small";
    /// A new message before the last one was finished.
    MessageUnfinished, "MESSAGE_UNFINISHED", 0, "the message before is not finished";
    /// A message is received whole or in pieces: as its first bytes were.
    MessageInPieces, "MESSAGE_IN_PIECES", 0, "a message is received whole or in pieces, not both";
    /// A fragment without a message begun.
    NoMessageBegun, "NO_MESSAGE_BEGUN", 0, "no message was begun";
    /// A method, path, header name or value that is not allowed in HTTP, such as one with CR or LF.
    InvalidHeader, "INVALID_HEADER", 0, "a header or request line has a character that is not allowed";
    /// A header that the handshake writes itself.
    ReservedHeader, "RESERVED_HEADER", 0, "the handshake writes this header itself";
    /// A subprotocol that the client did not offer, or that is not a token.
    ProtocolNotOffered, "PROTOCOL_NOT_OFFERED", 0, "the subprotocol was not offered";
    /// An extension that the client did not offer (RFC 6455 §9.1).
    ExtensionNotOffered, "EXTENSION_NOT_OFFERED", 0, "the extension was not offered";
    /// An answer that refuses with a status below 300 or above 599.
    RejectionStatus, "REJECTION_STATUS", 0, "a rejection has a status from 300 to 599";
    /// Something is to be sent after a close frame was (RFC 6455 §5.5.1), or after a failure.
    Closing, "CLOSING", 0, "the connection is closing";
    /// The application's handler failed: it panicked, or threw an exception (RFC 6455 §7.4.1).
    HandlerFailed, "HANDLER_FAILED", 1011, "the application's handler failed";
    /// A URL that is no `ws:` or `wss:` URL (RFC 6455 §3), or is one of the other kind.
    Url, "URL", 0, "the URL is not a WebSocket URL that can be used here";
    /// A `wss:` URL in a build without TLS.
    NoTls, "NO_TLS", 0, "a wss URL needs TLS, which this build does not have: turn on the feature `tls`";
    /// A `wss:` URL for a stream that is not encrypted (RFC 6455 §3).
    NotEncrypted, "NOT_ENCRYPTED", 0, "a wss URL needs a stream that is encrypted, which this stream is not";
    /// A window that is not of 8 to 15 bits (RFC 7692 §7.1.2).
    WindowBits, "WINDOW_BITS", 0, "a window has 8 to 15 bits";
}

/// Everything that can go wrong, grouped by who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer broke the WebSocket protocol.
    Peer(PeerError),
    /// The opening handshake is not acceptable.
    Handshake(HandshakeError),
    /// The peer went past a limit.
    Limit(LimitError),
    /// The caller misused the API.
    Misuse(MisuseError),
}

impl ErrorKind {
    /// The place of the error in the tables of all groups together ([`PeerError::TABLE`],
    /// [`HandshakeError::TABLE`], [`LimitError::TABLE`], [`MisuseError::TABLE`]), counted from 1:
    /// for faces that pass errors as numbers. It may change with a version of the crate;
    /// [`code`](Self::code) does not.
    #[cold]
    pub const fn number(self) -> u32 {
        const HANDSHAKE: usize = PeerError::ALL.len();
        const LIMIT: usize = HANDSHAKE + HandshakeError::ALL.len();
        const MISUSE: usize = LIMIT + LimitError::ALL.len();
        let index = match self {
            Self::Peer(error) => error as usize,
            Self::Handshake(error) => HANDSHAKE + error as usize,
            Self::Limit(error) => LIMIT + error as usize,
            Self::Misuse(error) => MISUSE + error as usize,
        };
        index as u32 + 1
    }

    /// The stable name, the same in Rust, in JavaScript and in the docs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Peer(e) => e.code(),
            Self::Handshake(e) => e.code(),
            Self::Limit(e) => e.code(),
            Self::Misuse(e) => e.code(),
        }
    }

    /// The code with which the connection is to be closed, or 1006 where none can be sent
    /// (RFC 6455 §7.4.1). `None` for errors of the opening handshake and misuse by the caller.
    pub const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::Peer(e) => Some(CloseCode::new(e.close_number())),
            Self::Limit(e) => match e.number() {
                code @ 1000.. => Some(CloseCode::new(code)),
                _ => None,
            },
            Self::Misuse(e) => match e.number() {
                code @ 1000.. => Some(CloseCode::new(code)),
                _ => None,
            },
            Self::Handshake(_) => None,
        }
    }

    /// The HTTP status with which a server refuses the upgrade; `None` for errors that have no
    /// place in a server's answer.
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Handshake(e) => e.status(),
            Self::Limit(e) => match e.number() {
                status @ 1..1000 => Some(status),
                _ => None,
            },
            Self::Peer(_) | Self::Misuse(_) => None,
        }
    }

    /// The error in one sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Peer(e) => e.message(),
            Self::Handshake(e) => e.message(),
            Self::Limit(e) => e.message(),
            Self::Misuse(e) => e.message(),
        }
    }

    /// The error with a place in the stream.
    pub const fn at(self, offset: u64) -> Fault {
        Fault {
            error: self,
            offset,
        }
    }
}

impl PeerError {
    /// The code with which the connection is to be closed (RFC 6455 §7.4.1).
    pub const fn close_code(self) -> CloseCode {
        CloseCode::new(self.close_number())
    }
}

impl HandshakeError {
    /// The HTTP status with which a server refuses the upgrade; `None` for what only a client
    /// finds in an answer.
    pub const fn status(self) -> Option<u16> {
        match self.status_number() {
            0 => None,
            status => Some(status),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for ErrorKind {}

/// An error and where in the incoming stream it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The error.
    pub error: ErrorKind,
    /// Where, in bytes from the first one fed to the decoder: a header at fault by its first
    /// byte, text by the first byte that can't be, a payload that an extension decodes by its
    /// frame's first byte, an early end by the number of bytes that came.
    pub offset: u64,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.error.message(), self.offset)
    }
}

/// Its text has the text of the error, so that is no [`source`](core::error::Error::source): a chain
/// that is printed would have it twice.
impl core::error::Error for Fault {}

impl From<Fault> for ErrorKind {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

impl From<PeerError> for ErrorKind {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

impl From<HandshakeError> for ErrorKind {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<LimitError> for ErrorKind {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

impl From<MisuseError> for ErrorKind {
    fn from(error: MisuseError) -> Self {
        Self::Misuse(error)
    }
}
