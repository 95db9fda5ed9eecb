//! The bytes of one frame (RFC 6455 §5.2–5.5): the header, the mask, the payload of a close frame,
//! and the rules for a single header.
//!
//! Nothing in this module allocates, and nothing does I/O. Rules across frames are in
//! [`message`](crate::message), except the rule that needs only the header and whether a message is
//! open ([`Rules::check`]).
//!
//! To read frames from pieces of any size, use the [`FrameDecoder`]:
//!
//! ```
//! use wscodec::frame::{FrameDecoder, FrameEvent, OpCode, Rules, Role};
//!
//! // "Hello", masked, from RFC 6455 §5.7.
//! let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
//! let mut decoder = FrameDecoder::new(Rules::new(Role::Server));
//! let mut input = &mut bytes[..];
//!
//! let Some(FrameEvent::Header(header)) = decoder.decode(&mut input)? else { panic!() };
//! assert_eq!((header.opcode, header.fin, header.len), (OpCode::Text, true, 5));
//! let Some(FrameEvent::Payload(payload)) = decoder.decode(&mut input)? else { panic!() };
//! assert_eq!(payload, b"Hello");
//! assert!(matches!(decoder.decode(&mut input)?, Some(FrameEvent::End)));
//! # Ok::<(), wscodec::Fault>(())
//! ```
//!
//! To write a frame, [`encode`] puts the header and the payload into a slice, and [`CompiledFrame`]
//! keeps the bytes of a frame that is sent many times.

mod check;
mod close;
mod compiled;
mod decode;
mod encode;
mod header;
pub mod mask;
mod opcode;
pub(crate) mod plain;
mod raw;
mod simple;

pub use check::{Role, Rules};
pub use close::CloseFrame;
pub use compiled::CompiledFrame;
pub use decode::{FrameDecoder, FrameEvent};
pub use encode::{encode, encode_in_place};
pub(crate) use encode::{finish_in_place, with_len};
pub use header::{FrameHeader, ParsedHeader, Rsv};
pub use opcode::OpCode;
pub use raw::{HeaderFaults, RawHeader};
pub(crate) use simple::{Shape, Simple};

/// The longest header: 2 bytes, a 64-bit length, a mask key.
pub const MAX_HEADER_LEN: usize = 14;

/// The longest payload of a control frame (RFC 6455 §5.5).
pub const MAX_CONTROL_LEN: usize = 125;
