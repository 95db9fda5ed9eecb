//! The tables of errors: one row for each error, in four groups.
//!
//! A row has the variant, its stable code, a number (the close code or the HTTP status, 0 for none), its
//! message, the usual cause, and advice for the caller. The macro `group` makes the enumeration and its
//! documentation from the rows. `docs/errors.md` contains the same rows; a test compares them.

use core::fmt;

/// Defines one group of errors by a table.
macro_rules! group {
    (
        $(#[$group:meta])*
        $name:ident, $number:ident;
        $(
            $(#[doc = $doc:literal])*
            $variant:ident, $code:literal, $value:literal,
            message: $text:literal,
            cause: $cause:literal,
            advice: $advice:literal;
        )*
    ) => {
        $(#[$group])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(
                $(#[doc = $doc])*
                ///
                #[doc = concat!("Usual cause: ", $cause)]
                ///
                #[doc = concat!("Advice: ", $advice)]
                $variant,
            )*
        }

        impl $name {
            /// Every error of this group.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The group's name and a line for each error: its code, number and message.
            pub const TABLE: &'static str = concat!(
                stringify!($name), "\n",
                $($code, "\t", $value, "\t", $text, "\n",)*
            );

            /// The rows of `docs/errors.md`: code, number, description, cause and advice.
            #[cfg(test)]
            pub(super) const ROWS: &'static [(&'static str, u16, &'static str, &'static str, &'static str)] =
                &[$(($code, $value, concat!($($doc),*), $cause, $advice)),*];

            /// The stable name, the same in Rust, in JavaScript and in the documents.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            #[allow(dead_code, reason = "most errors of the caller have no number")]
            pub(super) const fn $number(self) -> u16 {
                match self { $(Self::$variant => $value,)* }
            }

            /// Where each message begins in [`TABLE`](Self::TABLE), and its length. A second copy of the
            /// texts would be 3 KB of the wasm module.
            const PLACES: &'static [(u16, u16)] = &{
                let mut end = concat!(stringify!($name), "\n").len();
                let places = [$({
                    let start = end + concat!($code, "\t", $value, "\t").len();
                    end = start + concat!($text, "\n").len();
                    (start as u16, $text.len() as u16)
                },)*];
                assert!(end == Self::TABLE.len());
                places
            };

            /// The error in one sentence.
            pub const fn message(self) -> &'static str {
                let (start, len) = Self::PLACES[self as usize];
                let (_, message) = Self::TABLE.split_at(start as usize);
                message.split_at(len as usize).0
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
    /// A frame has a reserved bit that no negotiated extension uses on this frame (RFC 6455 §5.2).
    ReservedBits, "RESERVED_BITS", 1002,
        message: "a reserved bit is set that no extension uses",
        cause: "the peer compresses although permessage-deflate was not negotiated, or the bytes are not \
            a WebSocket stream.",
        advice: "compare the extensions that both sides agreed on, and check that the stream begins after \
            the HTTP head.";
    /// A frame has an opcode from 3 to 7 or from 11 to 15 (RFC 6455 §5.2).
    ReservedOpcode, "RESERVED_OPCODE", 1002,
        message: "the opcode is reserved",
        cause: "the stream lost bytes, or its bytes are not a WebSocket stream.",
        advice: "check the code that reads the stream: it must hand over each byte once and in order.";
    /// A client sent a frame without a mask (RFC 6455 §5.1).
    UnmaskedFrame, "UNMASKED_FRAME", 1002,
        message: "a frame to a server is not masked",
        cause: "the peer is a server or an incomplete client, or this side has the wrong role.",
        advice: "check the role that you gave to the decoder. If the role is right, the fault is in the \
            peer.";
    /// A server sent a frame with a mask (RFC 6455 §5.1).
    MaskedFrame, "MASKED_FRAME", 1002,
        message: "a frame to a client is masked",
        cause: "two clients are connected to each other, or this side has the wrong role.",
        advice: "check the role that you gave to the decoder. If the role is right, the fault is in the \
            peer.";
    /// A length of up to 125 bytes has 16 bits, or one of up to 65,535 bytes has 64 bits (RFC 6455
    /// §5.2).
    LengthNotMinimal, "LENGTH_NOT_MINIMAL", 1002,
        message: "the payload length is not in its shortest form",
        cause: "the peer's encoder always writes the long form.",
        advice: "report the fault to the authors of the peer. An inspector can read such frames with the \
            lenient decoder.";
    /// A 64-bit length has its top bit set (RFC 6455 §5.2).
    LengthTopBit, "LENGTH_TOP_BIT", 1002,
        message: "the top bit of the payload length is set",
        cause: "the stream lost bytes, or the peer attacks.",
        advice: "check the code that reads the stream. If the code is right, the fault is in the peer.";
    /// A ping, pong or close frame does not have the FIN bit (RFC 6455 §5.5).
    FragmentedControl, "FRAGMENTED_CONTROL", 1002,
        message: "a control frame is fragmented",
        cause: "the peer is wrong, or the stream lost bytes.",
        advice: "the fault is in the peer.";
    /// A control frame has more than 125 bytes, or its length has 16 or 64 bits (RFC 6455 §5.5).
    ControlTooLong, "CONTROL_TOO_LONG", 1002,
        message: "a control frame is longer than 125 bytes",
        cause: "the peer sends data in pings, or a close reason that is too long.",
        advice: "the fault is in the peer.";
    /// A continuation frame arrived although no message was in progress (RFC 6455 §5.4).
    UnexpectedContinuation, "UNEXPECTED_CONTINUATION", 1002,
        message: "a continuation frame does not belong to a message",
        cause: "two threads of the peer write at once, or a proxy dropped a frame.",
        advice: "the fault is in the peer.";
    /// A text or binary frame arrived although the last message had not ended (RFC 6455 §5.4).
    ExpectedContinuation, "EXPECTED_CONTINUATION", 1002,
        message: "a message begins before the last message has ended",
        cause: "two threads of the peer write at once.",
        advice: "the fault is in the peer.";
    /// The body of a close frame has one byte, but a close code has two (RFC 6455 §5.5.1).
    CloseLength, "CLOSE_LENGTH", 1002,
        message: "a close frame has a body of one byte",
        cause: "the peer writes the close code as one byte.",
        advice: "the fault is in the peer.";
    /// A close frame has a code that must not be sent (RFC 6455 §7.4).
    CloseCode, "CLOSE_CODE", 1002,
        message: "a close frame has a code that must not be sent",
        cause: "the peer sends 1005 or 1006, which only APIs use, or a number that is not registered.",
        advice: "the fault is in the peer. For a registered code that this version does not know, see \
            `CloseCode`.";
    /// A text message or a close reason is not valid UTF-8 (RFC 6455 §5.6, §8.1).
    InvalidUtf8, "INVALID_UTF8", 1007,
        message: "text is not valid UTF-8",
        cause: "the peer sends binary data, or text in another encoding, as a text message.",
        advice: "let the peer send such data as binary messages.";
    /// The stream ended inside a frame, a fragmented message or a head, or without a close frame (RFC
    /// 6455 §7.1.5).
    UnexpectedEof, "UNEXPECTED_EOF", 1006,
        message: "the stream ended too early",
        cause: "the peer's process ended, or a proxy or the network cut the connection.",
        advice: "connect again after a pause. If this happens after equal times, a proxy has a time-out: \
            use a heartbeat.";
    /// A compressed message is not a deflate stream, refers to bytes before the window, or does not
    /// end with a block (RFC 7692 §7.2.2).
    InvalidCompressedData, "INVALID_COMPRESSED_DATA", 1007,
        message: "a compressed message is damaged",
        cause: "the peer uses a larger window than the one that was agreed on, or keeps its window \
            although `no_context_takeover` was agreed on.",
        advice: "compare the agreed parameters with those that the peer uses. Without compression, the \
            peer may work.";
    /// Nothing arrived after a ping for as long as the heartbeat waits (RFC 6455 §5.5.2).
    NoPong, "NO_PONG", 1006,
        message: "the peer did not answer a ping in time",
        cause: "the network lost the connection without an end of the stream, or the peer hangs.",
        advice: "connect again. If the peer only needs more time, set a longer heartbeat.";
    /// The peer did not answer a close frame in time (RFC 6455 §7.1.1).
    NoClose, "NO_CLOSE", 1006,
        message: "the peer did not answer the close frame in time",
        cause: "the peer hangs, or it ends the connection without a close frame.",
        advice: "nothing is to be done: the connection has ended, and everything that the peer sent \
            before was delivered.";
}

group! {
    /// The opening handshake (RFC 6455 §4) is not acceptable.
    HandshakeError, status_number;
    /// The head is not HTTP/1.1 (RFC 9112): it has a bare LF, a folded line, a space before a colon,
    /// a control character or a malformed start line.
    MalformedHead, "MALFORMED_HEAD", 400,
        message: "the HTTP head is malformed",
        cause: "the peer speaks another protocol, such as TLS or HTTP/2, to this port.",
        advice: "check the URL's scheme and port. A client that speaks TLS needs a listener with TLS.";
    /// The request has another method than GET (§4.2.1).
    Method, "METHOD", 405,
        message: "the request's method is not GET",
        cause: "the request is not for a WebSocket.",
        advice: "answer other requests before the handshake, or let the client use GET.";
    /// The version is below HTTP/1.1 (§4.2.1).
    HttpVersion, "HTTP_VERSION", 400,
        message: "the HTTP version is not 1.1",
        cause: "a proxy forwards with HTTP/1.0, as nginx does unless `proxy_http_version` says \
            otherwise.",
        advice: "set the proxy to HTTP/1.1 (nginx: `proxy_http_version 1.1`).";
    /// The request has no Host, more than one, or one that is not a host with an optional port
    /// (§4.2.1, RFC 9112 §3.2).
    Host, "HOST", 400,
        message: "the request does not have exactly one valid Host",
        cause: "the client is incomplete.",
        advice: "the fault is in the client.";
    /// The request's host is not in the list of allowed hosts (RFC 9110 §15.5.20).
    HostNotAllowed, "HOST_NOT_ALLOWED", 421,
        message: "the request's host is not one of this server's hosts",
        cause: "a name leads to this server that is not in the list, or a page attacks by DNS rebinding.",
        advice: "add the name to the allowed hosts if it is yours.";
    /// `Upgrade` does not list `websocket` (§4.1, §4.2.1).
    UpgradeHeader, "UPGRADE_HEADER", 400,
        message: "the Upgrade header does not list websocket",
        cause: "a browser opened the URL as a page, or a proxy removed the header.",
        advice: "let the proxy forward `Upgrade` and `Connection`; see the page about deployment.";
    /// `Connection` does not list `upgrade` (§4.1, §4.2.1).
    ConnectionHeader, "CONNECTION_HEADER", 400,
        message: "the Connection header does not list upgrade",
        cause: "a proxy replaced the header.",
        advice: "let the proxy forward `Upgrade` and `Connection`; see the page about deployment.";
    /// `Sec-WebSocket-Key` is missing, doubled, or not the Base64 form of 16 bytes (§4.2.1).
    Key, "KEY", 400,
        message: "Sec-WebSocket-Key is not the Base64 form of 16 bytes",
        cause: "the client is incomplete, or a cache stands between.",
        advice: "the fault is in the client.";
    /// `Sec-WebSocket-Version` is missing or is not 13. The response names 13 (§4.4).
    Version, "VERSION", 426,
        message: "Sec-WebSocket-Version is not 13",
        cause: "the client uses a draft of the protocol.",
        advice: "use a client of RFC 6455.";
    /// The upgrade request has a body, so the bytes after its head would not be frames.
    Body, "BODY", 400,
        message: "the upgrade request announces a body",
        cause: "the client sends `Content-Length` or `Transfer-Encoding` with its GET request.",
        advice: "the fault is in the client.";
    /// `Sec-WebSocket-Protocol` is not a list of distinct tokens (§4.1).
    ProtocolHeader, "PROTOCOL_HEADER", 400,
        message: "Sec-WebSocket-Protocol is malformed",
        cause: "the client offers a subprotocol twice, or one with characters that a token cannot have.",
        advice: "the fault is in the client. A token in the place of a subprotocol must not have `=`, `/` \
            or `,`.";
    /// `Sec-WebSocket-Extensions` does not follow the grammar (§9.1).
    ExtensionsHeader, "EXTENSIONS_HEADER", 400,
        message: "Sec-WebSocket-Extensions is malformed",
        cause: "the peer is incomplete.",
        advice: "the fault is in the peer.";
    /// The origin policy rejects the request (§10.2).
    Origin, "ORIGIN", 403,
        message: "the request's origin is not allowed",
        cause: "a page of another site opens the WebSocket.",
        advice: "add the origin to the policy if the page is yours.";
    /// The status of the response is not 101 (§4.1). Only clients report this.
    Status, "STATUS", 0,
        message: "the server did not switch protocols",
        cause: "the path is wrong, or the server wants authentication or redirects.",
        advice: "read the status, the headers and the body of the response, which the error has.";
    /// `Sec-WebSocket-Accept` is missing, doubled, or does not match the key of the request (§4.1).
    /// Only clients report this.
    Accept, "ACCEPT", 0,
        message: "Sec-WebSocket-Accept does not match the key",
        cause: "a cache or a proxy answered with an old response, or the server is wrong.",
        advice: "connect without the proxy to find out which of them is at fault.";
    /// The server chose a subprotocol that the client did not offer (§4.1). Only clients report this.
    UnofferedProtocol, "UNOFFERED_PROTOCOL", 0,
        message: "the server chose a subprotocol that was not offered",
        cause: "the server requires a subprotocol and does not check the offer.",
        advice: "offer the subprotocol that the server uses.";
    /// The server chose an extension that the client did not offer (§4.1, §9.1). Only clients report
    /// this.
    UnofferedExtension, "UNOFFERED_EXTENSION", 0,
        message: "the server chose an extension that was not offered",
        cause: "the server compresses without being asked, or a proxy removed the offer.",
        advice: "offer permessage-deflate, or switch it off in the server.";
    /// The server chose an extension with parameters that are malformed or do not match the offer, or
    /// it chose the extension twice (RFC 6455 §9.1, RFC 7692 §7.1). Only clients report this.
    ExtensionParameter, "EXTENSION_PARAMETER", 0,
        message: "the server chose an extension with parameters that do not match the offer",
        cause: "the server sets a window although the client did not allow it.",
        advice: "offer `client_max_window_bits`, or connect without compression.";
}

group! {
    /// The peer exceeded one of the [`Limits`](crate::Limits), or a limit of the program.
    LimitError, number;
    /// A frame is larger than [`Limits::frame`](crate::Limits::frame).
    FrameTooLarge, "FRAME_TOO_LARGE", 1009,
        message: "a frame is larger than the limit",
        cause: "the peer sends more in one frame than this program expects.",
        advice: "raise the limit, or let the peer send smaller frames.";
    /// A message is larger than [`Limits::message`](crate::Limits::message), after it was inflated.
    MessageTooLarge, "MESSAGE_TOO_LARGE", 1009,
        message: "a message is larger than the limit",
        cause: "the peer sends a file in one message, or it attacks.",
        advice: "raise the limit, or receive messages in pieces.";
    /// A message has more frames than [`Limits::fragments`](crate::Limits::fragments).
    TooManyFragments, "TOO_MANY_FRAGMENTS", 1008,
        message: "a message has more fragments than the limit",
        cause: "the peer sends each byte in a frame of its own, or it attacks.",
        advice: "raise the limit if the peer cannot send larger fragments.";
    /// The HTTP head has more bytes than [`Limits::head`](crate::Limits::head).
    HeadTooLarge, "HEAD_TOO_LARGE", 431,
        message: "the HTTP head is larger than the limit",
        cause: "the client sends large cookies.",
        advice: "raise the limit, or use smaller cookies.";
    /// The HTTP head has more lines than [`Limits::headers`](crate::Limits::headers).
    TooManyHeaders, "TOO_MANY_HEADERS", 431,
        message: "the HTTP head has more header lines than the limit",
        cause: "proxies add headers, or the peer attacks.",
        advice: "raise the limit.";
    /// A compressed message inflates by a larger factor than
    /// [`Limits::inflation`](crate::Limits::inflation).
    InflationRatio, "INFLATION_RATIO", 1009,
        message: "a compressed message inflates more than the limit",
        cause: "the message repeats the same data, or the peer attacks.",
        advice: "raise the limit, or switch it off: the limit of the message's size still holds.";
    /// The opening handshake did not end in time. A server waits for the request, a client for the
    /// response.
    HandshakeTooSlow, "HANDSHAKE_TOO_SLOW", 408,
        message: "the opening handshake took longer than the limit",
        cause: "the peer opened the connection and sent nothing, or the network is slow.",
        advice: "a server needs no action. A client connects again, or raises its deadline.";
    /// A server has as many connections as its options allow, or its connections hold as much memory
    /// as they may.
    TooManyConnections, "TOO_MANY_CONNECTIONS", 503,
        message: "the server has reached its limit of connections or of memory",
        cause: "more clients connect than the options allow.",
        advice: "raise `max_connections` or `max_memory`. A client connects again after a pause.";
    /// No message arrived for as long as a connection may be idle.
    Idle, "IDLE", 1001,
        message: "the connection was idle for longer than the limit",
        cause: "the application of the peer has nothing to say.",
        advice: "raise the limit, or let the application send messages. Pings do not count.";
    /// More bytes wait to be sent than the limit allows, because the peer does not read.
    BufferFull, "BUFFER_FULL", 1006,
        message: "more bytes wait to be sent than the limit allows",
        cause: "the program sends faster than the peer or the network takes it.",
        advice: "wait until the queue has drained before you send more (back-pressure), or raise the \
            limit.";
    /// The peer read nothing of the queued bytes for as long as the caller waits.
    Stalled, "STALLED", 1006,
        message: "the peer did not read for longer than the limit",
        cause: "the peer hangs, or the network lost the connection.",
        advice: "connect again.";
    /// There is no memory for this connection: the allocator has none left, or all connections
    /// together hold as much as they may and this one needs more. Other connections continue. The
    /// code 1013 of the IANA registry means "try again later".
    OutOfMemory, "OUT_OF_MEMORY", 1013,
        message: "there is not enough memory for this connection",
        cause: "many peers send large messages at once.",
        advice: "raise the limit of memory, or lower the limit of a message. A method that sends fails \
            before it changes anything, so it can be called again.";
}

group! {
    /// The caller asked for something that the protocol or this API does not allow. Nothing was written.
    MisuseError, number;
    /// The code is 1004, 1005, 1006 or 1015, or is outside the registered ranges (RFC 6455 §7.4).
    CloseCodeNotSendable, "CLOSE_CODE_NOT_SENDABLE", 0,
        message: "this close code must not be sent",
        cause: "the program passes on a code that it received as an outcome.",
        advice: "send 1000, 1001, or a code from 3000 to 4999.";
    /// The close reason has more than 123 bytes of UTF-8 (RFC 6455 §5.5).
    CloseReasonTooLong, "CLOSE_REASON_TOO_LONG", 0,
        message: "a close reason has at most 123 bytes",
        cause: "the program sends the text of an error as a reason.",
        advice: "shorten the reason at the border of a character.";
    /// A close reason was given without a code (RFC 6455 §5.5.1).
    CloseReasonAlone, "CLOSE_REASON_ALONE", 0,
        message: "a close reason needs a code",
        cause: "the code was left out.",
        advice: "give a code, such as 1000.";
    /// The payload of a ping or pong has more than 125 bytes (RFC 6455 §5.5).
    ControlPayloadTooLong, "CONTROL_PAYLOAD_TOO_LONG", 0,
        message: "a control frame has at most 125 bytes",
        cause: "the program sends data in a ping.",
        advice: "send data in a message.";
    /// A control frame was given without the FIN bit (RFC 6455 §5.5).
    ControlNotFinal, "CONTROL_NOT_FINAL", 0,
        message: "a control frame cannot be fragmented",
        cause: "the header was built by hand.",
        advice: "set FIN.";
    /// The text to be sent is not valid UTF-8 (RFC 6455 §5.6).
    TextNotUtf8, "TEXT_NOT_UTF8", 0,
        message: "a text message must be valid UTF-8",
        cause: "bytes of another encoding, or a part of a character at the end of a piece.",
        advice: "send the bytes as a binary message.";
    /// The length is 2^63 or more (RFC 6455 §5.2).
    PayloadTooLong, "PAYLOAD_TOO_LONG", 0,
        message: "a payload has fewer than 2^63 bytes",
        cause: "an overflow in the caller's arithmetic.",
        advice: "check the length.";
    /// A mask was given for a frame that is to be sent more than once (RFC 6455 §5.3).
    MaskedCompiled, "MASKED_COMPILED", 0,
        message: "a compiled frame cannot be masked",
        cause: "a client broadcasts.",
        advice: "let clients encode each frame anew.";
    /// The caller's buffer cannot hold the result.
    BufferTooSmall, "BUFFER_TOO_SMALL", 0,
        message: "the buffer is too small",
        cause: "the buffer was sized for the payload alone.",
        advice: "ask for the encoded length first, and allocate that.";
    /// A new message was begun before the last one was finished.
    MessageUnfinished, "MESSAGE_UNFINISHED", 0,
        message: "the last message has not been finished",
        cause: "two tasks send in pieces at once.",
        advice: "call `finish` first, or send whole messages.";
    /// A message that was begun in pieces was asked for as a whole, or the reverse.
    MessageInPieces, "MESSAGE_IN_PIECES", 0,
        message: "a message is received whole or in pieces, not both",
        cause: "two methods of receiving are mixed within one message.",
        advice: "use the same method until the message ends.";
    /// A fragment was sent although no message was begun.
    NoMessageBegun, "NO_MESSAGE_BEGUN", 0,
        message: "no message has been begun",
        cause: "`begin` was not called, or the message was finished before.",
        advice: "call `begin` first.";
    /// A method, path, header name or header value has a character that HTTP does not allow, such as
    /// CR or LF.
    InvalidHeader, "INVALID_HEADER", 0,
        message: "a header or request line has a character that is not allowed",
        cause: "data from outside was put into a header without a check.",
        advice: "encode or reject such data.";
    /// The caller gave a header that the handshake writes itself.
    ReservedHeader, "RESERVED_HEADER", 0,
        message: "the handshake writes this header itself",
        cause: "`Upgrade`, `Connection` or a `Sec-WebSocket-` header is in the list of additional \
            headers.",
        advice: "use the option for it (subprotocols, extensions), and remove the header.";
    /// The chosen subprotocol was not offered by the client, or is not a token.
    ProtocolNotOffered, "PROTOCOL_NOT_OFFERED", 0,
        message: "the subprotocol was not offered",
        cause: "the server's choice does not depend on the request.",
        advice: "choose one of the offered subprotocols, or none.";
    /// The chosen extension was not offered by the client (RFC 6455 §9.1).
    ExtensionNotOffered, "EXTENSION_NOT_OFFERED", 0,
        message: "the extension was not offered",
        cause: "the server's choice does not depend on the request.",
        advice: "choose one of the offered extensions, or none.";
    /// A rejection was given a status below 300 or above 599.
    RejectionStatus, "REJECTION_STATUS", 0,
        message: "a rejection has a status from 300 to 599",
        cause: "a handler returned 200 or 101 as a rejection.",
        advice: "use a status such as 403.";
    /// Something was to be sent after a close frame was sent (RFC 6455 §5.5.1), or after a failure.
    Closing, "CLOSING", 0,
        message: "the connection is closing",
        cause: "another part of the program closed the connection, or the peer did.",
        advice: "stop sending. The outcome of the connection has the reason.";
    /// The application's handler panicked or threw an exception (RFC 6455 §7.4.1).
    HandlerFailed, "HANDLER_FAILED", 1011,
        message: "the application's handler failed",
        cause: "a fault in the handler.",
        advice: "the log or the error callback has the panic or the exception.";
    /// The URL is not a `ws:` or `wss:` URL (RFC 6455 §3), or has the scheme that this function
    /// cannot use.
    Url, "URL", 0,
        message: "the URL is not a WebSocket URL that can be used here",
        cause: "an `http:` URL, a fragment, or a missing host.",
        advice: "write `ws://host:port/path` or `wss://host/path`.";
    /// A `wss:` URL was given to a build without TLS.
    NoTls, "NO_TLS", 0,
        message: "a wss URL needs TLS, which this build does not have: turn on the feature `tls`",
        cause: "the crate was built without the feature.",
        advice: "turn on the feature `tls`, or connect over a TLS stream of your own.";
    /// A `wss:` URL was given with a stream that is not encrypted (RFC 6455 §3).
    NotEncrypted, "NOT_ENCRYPTED", 0,
        message: "a wss URL needs an encrypted stream, which this stream is not",
        cause: "a plain TCP stream was passed for a `wss:` URL.",
        advice: "pass the TLS stream, or use a `ws:` URL.";
    /// The size of a window is not from 8 to 15 bits (RFC 7692 §7.1.2).
    WindowBits, "WINDOW_BITS", 0,
        message: "a window has 8 to 15 bits",
        cause: "a size in bytes was given.",
        advice: "give the exponent: 15 is a window of 32 KiB.";
}
