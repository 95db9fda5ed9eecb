//! Messages: the rules across frames (RFC 6455 §5.4–5.6).
//!
//! | to | use |
//! |---|---|
//! | get whole messages | [`MessageDecoder`]: a message of one frame is lent from the input, others are put together |
//! | get messages in pieces, as they come | [`MessageDecoder::receive_piece`]; [`Pieces`] holds no payload |
//! | send messages, whole or in fragments | [`MessageEncoder`] |
//! | send one message to many | [`Prepared`] |
//! | change payloads on the way | [`InboundExtension`] and [`OutboundExtension`], the seam for extensions (§9) |
//!
//! Everything here does no I/O. The caller passes received bytes as `&mut [u8]`, and payloads are
//! unmasked in place. The encoder appends bytes to send to the caller's buffer. The caller chooses
//! the mask keys. Text is checked while it arrives, and is rejected at the first invalid byte for
//! every split of the stream.
//!
//! ```
//! use wscodec::Limits;
//! use wscodec::frame::Role;
//! use wscodec::message::{Event, MessageDecoder, MessageEncoder};
//!
//! // A client sends: its keys come from here.
//! let mut sender = MessageEncoder::client(|| [0x37, 0xfa, 0x21, 0x3d]);
//! let mut wire = Vec::new();
//! sender.text("Hello", &mut wire)?;
//! sender.ping(b"there?", &mut wire)?;
//!
//! // A server receives.
//! let mut receiver = MessageDecoder::new(Role::Server, &Limits::default());
//! let mut input = &mut wire[..];
//! let mut seen = Vec::new();
//! while let Some(event) = receiver.receive(&mut input)? {
//!     match event {
//!         Event::Message(message) => seen.push(message.text().unwrap().to_owned()),
//!         Event::Ping(payload) => seen.push(format!("ping {}", payload.len())),
//!         _ => {}
//!     }
//! }
//! assert_eq!(seen, ["Hello", "ping 6"]);
//! # Ok::<(), wscodec::ErrorKind>(())
//! ```

mod assembly;
mod batch;
mod buffer;
mod coded;
mod event;
mod ext;
mod in_place;
mod lend;
mod lenient;
mod memory;
mod open;
mod pieces;
mod place;
mod prepared;
mod recv;
mod send;
mod vectored;
mod whole;
mod write;

pub use batch::BatchBuffer;
pub use buffer::Buffer;
pub use event::{Event, Kind, MessageRef};
pub use ext::{
    DecodeProgress, InboundExtension, NoExtension, Opaque, OutboundExtension, PayloadCoding,
};
pub use in_place::InPlace;
pub use pieces::{Piece, Pieces};
pub use place::{FoundEvent, FoundMessage, FoundPiece, Place};
pub use prepared::Prepared;
pub use recv::MessageDecoder;
pub(crate) use send::close_payload;
pub use send::{DangerouslyZero, MaskSource, MessageEncoder, Unmasked};
