//! The decoder of the core with the extensions of the module, for messages, pieces and frames alike:
//! one type, so that its code is in the module once.

use super::extension::{Extension, Inflate};
use super::numbers::role;
use wscodec::Limits;
use wscodec::frame::Rsv;
use wscodec::message::MessageDecoder;

/// A flag beside the reserved bits: a server accepts frames that are not masked.
pub(super) const UNMASKED: u8 = 8;

/// The decoder of the core that all handles use.
pub(super) type Decoder = MessageDecoder<Extension>;

/// A decoder at a stream's `offset`, for one side. `rsv` has the reserved bits to tolerate, and
/// [`UNMASKED`].
pub(super) fn decoder(
    client: bool,
    rsv: u8,
    limits: &Limits,
    deflate: Option<Inflate>,
    offset: f64,
) -> Decoder {
    let extension = Extension::new(Rsv::new(rsv & 7), deflate);
    MessageDecoder::with_extension(role(client), limits, extension)
        .dangerously_accept_unmasked(rsv & UNMASKED != 0)
        .with_offset(offset as u64)
}
