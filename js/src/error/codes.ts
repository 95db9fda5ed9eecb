/** The codes of all errors. js/build/codes.mjs writes this file from the tables of the Rust crate. */

/** The codes of a {@link PeerError}. */
export type PeerErrorCode =
  | "RESERVED_BITS"
  | "RESERVED_OPCODE"
  | "UNMASKED_FRAME"
  | "MASKED_FRAME"
  | "LENGTH_NOT_MINIMAL"
  | "LENGTH_TOP_BIT"
  | "FRAGMENTED_CONTROL"
  | "CONTROL_TOO_LONG"
  | "UNEXPECTED_CONTINUATION"
  | "EXPECTED_CONTINUATION"
  | "CLOSE_LENGTH"
  | "CLOSE_CODE"
  | "INVALID_UTF8"
  | "UNEXPECTED_EOF"
  | "INVALID_COMPRESSED_DATA"
  | "NO_PONG"
  | "NO_CLOSE";

/** The codes of a {@link HandshakeError}. */
export type HandshakeErrorCode =
  | "MALFORMED_HEAD"
  | "METHOD"
  | "HTTP_VERSION"
  | "HOST"
  | "HOST_NOT_ALLOWED"
  | "UPGRADE_HEADER"
  | "CONNECTION_HEADER"
  | "KEY"
  | "VERSION"
  | "BODY"
  | "PROTOCOL_HEADER"
  | "EXTENSIONS_HEADER"
  | "ORIGIN"
  | "STATUS"
  | "ACCEPT"
  | "UNOFFERED_PROTOCOL"
  | "UNOFFERED_EXTENSION"
  | "EXTENSION_PARAMETER";

/** The codes of a {@link LimitError}. */
export type LimitErrorCode =
  | "FRAME_TOO_LARGE"
  | "MESSAGE_TOO_LARGE"
  | "TOO_MANY_FRAGMENTS"
  | "HEAD_TOO_LARGE"
  | "TOO_MANY_HEADERS"
  | "INFLATION_RATIO"
  | "HANDSHAKE_TOO_SLOW"
  | "TOO_MANY_CONNECTIONS"
  | "IDLE"
  | "BUFFER_FULL"
  | "STALLED"
  | "OUT_OF_MEMORY";

/** The codes of a {@link MisuseError}. */
export type MisuseErrorCode =
  | "CLOSE_CODE_NOT_SENDABLE"
  | "CLOSE_REASON_TOO_LONG"
  | "CLOSE_REASON_ALONE"
  | "CONTROL_PAYLOAD_TOO_LONG"
  | "CONTROL_NOT_FINAL"
  | "TEXT_NOT_UTF8"
  | "PAYLOAD_TOO_LONG"
  | "MASKED_COMPILED"
  | "BUFFER_TOO_SMALL"
  | "MESSAGE_UNFINISHED"
  | "MESSAGE_IN_PIECES"
  | "NO_MESSAGE_BEGUN"
  | "INVALID_HEADER"
  | "RESERVED_HEADER"
  | "PROTOCOL_NOT_OFFERED"
  | "EXTENSION_NOT_OFFERED"
  | "REJECTION_STATUS"
  | "CLOSING"
  | "HANDLER_FAILED"
  | "URL"
  | "NO_TLS"
  | "NOT_ENCRYPTED"
  | "WINDOW_BITS"
  | "FREED"
  | "HEAD_COMPLETE"
  | "HEAD_INCOMPLETE"
  | "INVALID_KEY"
  | "NO_DEFLATE"
  | "NOT_ON_A_ROW"
  | "SOCKET_CLOSED"
  | "SOCKET_IN_USE"
  | "STALE"
  | "UNREAD";

/** The group of an error, which is the name of its class. */
export type ErrorGroup = "PeerError" | "HandshakeError" | "LimitError" | "MisuseError" | "WscodecError";

/**
 * The stable name of what is wrong, equal in every language. An error of no group has
 * `"TERMINATED"`: this side dropped the connection.
 */
export type ErrorCode = PeerErrorCode | HandshakeErrorCode | LimitErrorCode | MisuseErrorCode | "TERMINATED";
