//! The part of HTTP/1.1 that the opening handshake needs (RFC 9110, RFC 9112): where a head ends, its
//! header lines, tokens, comma lists, quoted strings, cookies, and lists of extensions with parameters.
//!
//! Everything works on the bytes where they lie and allocates nothing. Nothing here answers or
//! decides; that is the business of [`handshake`](crate::handshake).
//!
//! ```
//! use wscodec::Limits;
//! use wscodec::head::{HeadScanner, HeaderFields, Tokens};
//!
//! let bytes = b"GET / HTTP/1.1\r\n\
//!     Sec-WebSocket-Protocol: chat, v2\r\n\
//!     Sec-WebSocket-Protocol: v1\r\n\
//!     \r\nand what follows";
//! let mut scanner = HeadScanner::request(&Limits::DEFAULT);
//! let len = scanner.scan(bytes)?.expect("the empty line has come");
//! assert_eq!(&bytes[len..], b"and what follows");
//!
//! let lines = HeaderFields::of(&bytes[..len]).named("sec-websocket-protocol");
//! let protocols: Result<Vec<_>, _> = Tokens::new(lines).collect();
//! assert_eq!(protocols.unwrap(), ["chat", "v2", "v1"]);
//! # Ok::<(), wscodec::Fault>(())
//! ```

mod cookie;
mod fields;
mod host;
mod line;
mod list;
mod param;
mod scan;
mod target;
mod token;

pub use cookie::{Cookie, CookieRules, Cookies};
pub(crate) use fields::value_offset;
pub use fields::{HeadLine, HeaderField, HeaderFields, HeaderPlace, HeaderPlaces, Named};
pub use host::split_host;
pub(crate) use host::{is_host, split as split_host_bytes};
pub use list::{Malformed, Tokens, lists};
pub(crate) use param::count_extensions;
pub use param::{Extension, Extensions, Param, ParamValue, Params, split_quoted};
pub(crate) use scan::{Field, malformed};
pub use scan::{HeadScanner, end_of_head, start_line};
pub(crate) use target::absolute;
pub use target::split_target;
pub(crate) use token::is_base64;
pub use token::{is_token, is_token_byte, is_value, is_value_byte};
