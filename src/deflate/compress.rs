//! Sending compressed messages (RFC 7692 §7.2.1).
//!
//! The problem: the peer keeps the window that was agreed on, and an engine that refers further back than
//! that destroys the connection. miniz_oxide knows the largest window only.
//!
//! Choice: with a smaller window, miniz_oxide is flushed with `Flush::Full`, which forgets its history, each
//! time that the window is full. zlib-rs keeps to the window by itself. A message that does not become
//! smaller is sent compressed nevertheless, and grows by a few bytes.
//!
//! Invariant: no compressed byte refers to a byte that the peer may have forgotten.

use alloc::vec::Vec;
use core::mem::take;

use super::engine::{self, Deflate, Flush};
use super::{AgreedDeflate, DefaultDeflate, DeflateDirection, DeflateOptions};
use crate::error::{ErrorKind, LimitError};
use crate::frame::Rsv;
use crate::message::{Kind, OutboundExtension};
use crate::reserve::append;

/// The bytes that a flush ends with and a message leaves out (RFC 7692 §7.2.1).
const TAIL: &[u8] = &[0, 0, 0xff, 0xff];

/// Compresses the messages of one direction: what a sender asks to encode them.
///
/// It never refers back further than the window agreed on, nor beyond the message where there is
/// no takeover. Memory is taken when the first message is compressed.
///
/// Whether a message is compressed is decided by its length before anything else, so what the
/// peer's window holds and what ours holds are always the same. A message that does not become
/// smaller is sent compressed nevertheless; it grows by at most twenty bytes, and ten for each
/// 16 KiB or each stretch as long as the window if that is less (with zlib-rs at level 1, by a
/// sixteenth).
/// Each fragment is flushed, so the peer can read all of it as soon as it comes.
///
/// ```
/// use wscodec::deflate::{AgreedDeflate, Compressor, DeflateOptions};
/// use wscodec::message::{MessageEncoder, Unmasked};
///
/// let mut config = DeflateOptions::default();
/// config.threshold = 5;
/// let deflate = Compressor::new(&AgreedDeflate::default(), &config);
/// let mut sender = MessageEncoder::new(Unmasked, deflate);
/// let mut out = Vec::new();
/// sender.text("Hello", &mut out)?;
/// assert_eq!(out, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
/// out.clear();
/// sender.text("Hi", &mut out)?;
/// assert_eq!(out, b"\x81\x02Hi", "below the threshold");
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
#[derive(Clone, Debug)]
pub struct Compressor<E = DefaultDeflate> {
    direction: DeflateDirection,
    threshold: usize,
    engine: E,
    /// Bytes that what comes next could refer back to, for an engine that does not keep to the
    /// window: at most the window.
    since: usize,
    /// The peer has got a message that the engine has not: what we know and what it knows lie at
    /// different distances.
    stale: bool,
    /// A message is begun and not finished.
    open: bool,
}

impl Compressor {
    /// For the messages to send, as was [agreed](AgreedDeflate::send) on, with level and threshold of the
    /// configuration.
    pub fn new(agreed: &AgreedDeflate, config: &DeflateOptions) -> Self {
        Self::with_engine(agreed.send, config)
    }
}

impl<E: Deflate> Compressor<E> {
    /// With another engine, and any window.
    pub fn with_engine(direction: DeflateDirection, config: &DeflateOptions) -> Self {
        let engine = E::new(direction.window, config.level.clamp(1, 9));
        Self::of(engine, direction, config)
    }

    pub(super) fn of(engine: E, direction: DeflateDirection, config: &DeflateOptions) -> Self {
        Self {
            direction,
            threshold: config.threshold,
            engine,
            since: 0,
            stale: false,
            open: false,
        }
    }

    /// Compresses one message by itself, whatever the threshold, and appends to `out` what is to be
    /// the payload of a frame with RSV1 set, or of several frames of such a message. For those who
    /// write frames on their own. Where there is takeover, the peer has to get all that was
    /// compressed, in that order.
    ///
    /// ```
    /// use wscodec::deflate::{AgreedDeflate, Compressor, DeflateOptions};
    ///
    /// let mut deflate = Compressor::new(&AgreedDeflate::default(), &DeflateOptions::default());
    /// let (mut first, mut second) = (Vec::new(), Vec::new());
    /// deflate.message(b"Hello, hello, hello", &mut first)?;
    /// deflate.message(b"Hello, hello, hello", &mut second)?;
    /// assert!(first.len() < 19 && second.len() < first.len());
    /// # Ok::<(), wscodec::ErrorKind>(())
    /// ```
    ///
    /// # Errors
    /// [`LimitError::OutOfMemory`]. Nothing is appended then, and the compressor can be used on.
    pub fn message(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), ErrorKind> {
        self.open = true;
        let start = out.len();
        if let Err(error) = self.part(payload, true, out) {
            out.truncate(start);
            self.discard(false);
            return Err(error.into());
        }
        Ok(())
    }

    /// The agreement.
    pub fn direction(&self) -> DeflateDirection {
        self.direction
    }

    /// Bytes of memory held by the engine.
    pub fn memory(&self) -> usize {
        self.engine.memory()
    }

    /// Gives the memory back until the next message, for connections that are idle. The next
    /// message then can't refer back to those before, which the peer does not mind. Within a
    /// message, nothing.
    pub fn release(&mut self) {
        if !self.open {
            self.engine.release();
            self.since = 0;
        }
    }

    /// Compresses the next bytes of a message.
    fn part(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), LimitError> {
        if take(&mut self.stale) {
            self.engine.forget();
            self.since = 0;
        }
        let start = out.len();
        let flush = match last && !self.direction.takeover {
            true => Flush::Full,
            false => Flush::Sync,
        };
        let (window, since) = (self.direction.window, &mut self.since);
        engine::deflate(&mut self.engine, window, since, input, flush, out)?;
        if last {
            match out[start..].ends_with(TAIL) {
                true => out.truncate(out.len() - TAIL.len()),
                // Nothing came since a flush: an empty block by hand (RFC 7692 §7.2.3.6).
                false => append(out, &[0])?,
            }
            self.open = false;
        }
        Ok(())
    }
}

impl<E: Deflate> OutboundExtension for Compressor<E> {
    fn begin(&mut self, _: Kind, len: Option<usize>) -> Rsv {
        match len {
            Some(len) if len < self.threshold => Rsv::NONE,
            _ => {
                self.open = true;
                Rsv::RSV1
            }
        }
    }

    fn encode(&mut self, input: &[u8], last: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind> {
        Ok(self.part(input, last, output)?)
    }

    /// The next part refers to nothing before it, and so not to what the peer does not get.
    fn discard(&mut self, begun: bool) {
        self.stale = true;
        self.open = begun;
    }

    /// A compressed message that refers to nothing before it, with a window of `1 << needs` bytes.
    fn pass(&mut self, rsv: Rsv, needs: u8) -> bool {
        if rsv != Rsv::RSV1 || needs > self.direction.window.bits() {
            return false;
        }
        self.stale = self.direction.takeover;
        true
    }

    fn memory(&self) -> usize {
        Compressor::memory(self)
    }

    fn release(&mut self) {
        Compressor::release(self);
    }
}

/// Compresses one message by itself, with the largest window: [`Compressor::message`] on a new
/// [`Compressor`]. `level` as in [`DeflateOptions::level`].
///
/// ```
/// use wscodec::{Limits, deflate};
///
/// let payload = deflate::compress(b"Hello", 6)?;
/// assert_eq!(payload, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
/// assert_eq!(deflate::decompress(&payload, &Limits::default())?, b"Hello");
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
///
/// # Errors
/// [`LimitError::OutOfMemory`].
pub fn compress(payload: &[u8], level: u8) -> Result<Vec<u8>, ErrorKind> {
    let config = DeflateOptions {
        level,
        ..DeflateOptions::DEFAULT
    };
    let mut out = Vec::new();
    Compressor::new(&AgreedDeflate::default(), &config).message(payload, &mut out)?;
    Ok(out)
}
