//! Messages that are compressed once and sent to many.

use alloc::vec::Vec;

use super::{Compressor, DefaultDeflate, DeflateDirection, DeflateOptions};
use crate::error::ErrorKind;
use crate::frame::Rsv;
use crate::message::Prepared;

/// Frames a text twice, as it is and compressed, to be sent with
/// [`MessageEncoder::prepared`](crate::message::MessageEncoder::prepared) over many connections. Each peer gets the
/// compressed form that is able to read it: whose window, as agreed on, is not smaller than
/// [`send.window`](DeflateOptions::send) here. The others, those without compression too, get the text as it
/// is; so does everyone if it is shorter than the [`threshold`](DeflateOptions::threshold).
///
/// This is safe with takeover too. The message refers to nothing before it, so it means the same to
/// every inflater, whatever that remembers. But the inflater then remembers this message as well,
/// and the connection's own [`Compressor`] has never seen it: distances into the past are no longer
/// the same at both ends. So the compressor forgets what was before, and its next message refers to
/// nothing before it either; from there on all is as usual. Where prepared messages are rare that
/// costs little; where they alternate with others, takeover gains nothing for those.
///
/// ```
/// use wscodec::deflate::{self, AgreedDeflate, Compressor, DeflateOptions};
/// use wscodec::message::{MessageEncoder, Unmasked};
///
/// let config = DeflateOptions::default();
/// let news = deflate::prepare_text(&"news ".repeat(50), &config)?;
/// let agreed = [Some(AgreedDeflate::default()), None];
/// let mut lens = Vec::new();
/// for agreed in agreed {
///     let deflate = agreed.map(|agreed| Compressor::new(&agreed, &config));
///     let mut sender = MessageEncoder::new(Unmasked, deflate);
///     let mut out = Vec::new();
///     sender.prepared(&news, &mut out)?;
///     lens.push(out.len());
/// }
/// assert!(lens[0] < 30 && lens[1] == 254);
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
///
/// # Errors
/// The errors of [`Prepared::text`].
pub fn prepare_text(text: &str, config: &DeflateOptions) -> Result<Prepared, ErrorKind> {
    with_compressed(Prepared::text(text)?, config)
}

/// The same with a binary message; see [`prepare_text`].
///
/// # Errors
/// The errors of [`Prepared::binary`].
pub fn prepare_binary(payload: &[u8], config: &DeflateOptions) -> Result<Prepared, ErrorKind> {
    with_compressed(Prepared::binary(payload)?, config)
}

fn with_compressed(plain: Prepared, config: &DeflateOptions) -> Result<Prepared, ErrorKind> {
    let payload = plain.payload();
    if payload.len() < config.threshold {
        return Ok(plain);
    }
    let direction = DeflateDirection {
        window: config.send.window,
        takeover: false,
    };
    let mut coded = Vec::new();
    Compressor::<DefaultDeflate>::with_engine(direction, config).message(payload, &mut coded)?;
    plain.with_coded(Rsv::RSV1, direction.window.bits(), &coded)
}
