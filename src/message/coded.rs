//! Payloads that an extension decodes.
//!
//! A whole message is decoded into the buffer in which messages are put together, behind what is there.
//! A message in pieces is handed out in pieces of at most [`ROOM`] bytes, so that a message of any length
//! is held in a buffer of one length. Its coded bytes are copied to the front of that buffer first,
//! [`CODED`] at a time, because the caller gets its input back before all that comes out of it was handed
//! out. Both go through [`decode`], one call of the extension and the checks of its output.
//!
//! Invariant: the same bytes give the same data before the same fault, however the stream is cut. The
//! decoder goes on until something comes out, so that the cuts of the input decide only how the data is
//! divided. Where a piece has a fault in it, the bytes before the fault are handed out and the decoder is
//! failed; the next call answers the fault. If text is at fault at the byte that passes the message
//! limit, the fault of the text comes first.

use core::ops::Range;

use super::assembly::Assembly;
use super::open::{Bounds, Open};
use super::{InboundExtension, Place};
use crate::error::{ErrorKind, Fault, LimitError, PeerError};
use crate::frame::FrameDecoder;

/// Coded bytes of a message in pieces that are taken at a time, and room for what comes out of them.
const CODED: usize = 4 << 10;
const ROOM: usize = 16 << 10;

/// The least room that an extension is given for a whole message, and by which the room grows at first.
const STEP: usize = 1024;

/// Where the decoding of a message in pieces stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coded {
    /// Which of the coded bytes that were taken are not decoded yet.
    at: u16,
    end: u16,
    /// More may come out of the bytes that were taken.
    more: bool,
    /// All of the frame was taken and decoded, or it needs no decoding piece by piece.
    pub(super) done: bool,
    /// Bytes that came out of the message so far.
    len: u64,
}

impl Coded {
    pub(super) const fn new() -> Self {
        Self {
            at: 0,
            end: 0,
            more: false,
            done: true,
            len: 0,
        }
    }

    /// A message begins.
    pub(super) fn restart(&mut self) {
        (self.at, self.end) = (0, 0);
        (self.more, self.len) = (false, 0);
    }

    /// Another `len` coded bytes were taken.
    fn begin(&mut self, len: usize) {
        (self.at, self.end) = (0, len as u16);
        self.more = true;
    }

    /// The coded bytes that are not decoded yet.
    fn range(&self) -> Range<usize> {
        usize::from(self.at)..usize::from(self.end)
    }

    /// Takes note of a step; `whole` says that all of the frame was taken.
    fn advance(&mut self, decoded: &Decoded, whole: bool) {
        self.at += decoded.read as u16;
        self.more = decoded.more;
        self.done = whole && !decoded.more;
        self.len += decoded.good as u64;
    }
}

/// The parts of a message decoder that a decoding works on.
pub(super) struct Work<'a, E> {
    pub(super) frames: &'a mut FrameDecoder,
    pub(super) extension: &'a mut E,
    pub(super) open: &'a mut Open,
    pub(super) held: &'a mut Assembly,
    pub(super) bounds: &'a Bounds,
    /// Whether the frame is the last of its message.
    pub(super) fin: bool,
}

impl<E: InboundExtension> Work<'_, E> {
    /// Takes payload of a whole message and decodes all of it, into room that grows with the bytes that
    /// the extension has written. A fault is placed at the frame, because the place in its payload where
    /// the fault shows depends on how the input is cut.
    pub(super) fn whole(self, input: &mut [u8], at: &mut usize) -> Result<Place, Fault> {
        let start = self.frames.frame_offset();
        let piece = self.frames.take(input.len() - *at);
        let mut source = &mut input[*at..*at + piece.len];
        *at += piece.len;
        piece.unmask(source, false);
        let last = piece.is_last && self.fin;
        loop {
            let have = self.held.len();
            // Room that is there is used up before more is made: room that grew with each piece would
            // be cleared with each.
            let room = match self.held.spare() {
                spare @ STEP.. => spare,
                _ => have.max(STEP),
            };
            let room = within_limit(room, have as u64, self.bounds);
            let most = self.bounds.message.saturating_add(1);
            let output = match self.held.space(room, most) {
                Ok(output) => output,
                Err(error) => return self.frames.fail(error.into(), start),
            };
            let (extension, open) = (&mut *self.extension, &mut *self.open);
            let decoded = decode(
                extension,
                open,
                have as u64,
                self.bounds,
                source,
                last,
                output,
            );
            let decoded = match decoded {
                Ok(decoded) => decoded,
                Err(error) => return self.frames.fail(error, start),
            };
            if let Some(error) = decoded.fault {
                return self.frames.fail(error, start);
            }
            self.held.advance(decoded.good);
            source = &mut source[decoded.read..];
            if !decoded.more {
                return Ok(Place::Held(self.held.range()));
            }
        }
    }

    /// Takes payload of a message in pieces and decodes it until something comes out. The place is empty
    /// if the input or the frame is used up.
    pub(super) fn piece(
        self,
        coded: &mut Coded,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Place, Fault> {
        let start = self.frames.frame_offset();
        while !coded.done {
            let (window, output) = match self.held.halves(CODED, ROOM) {
                Ok(halves) => halves,
                Err(error) => return self.frames.fail(error.into(), start),
            };
            if !coded.more {
                let piece = self.frames.take(CODED.min(input.len() - *at));
                if piece.len == 0 && self.frames.left() > 0 {
                    break;
                }
                let source = &input[*at..*at + piece.len];
                *at += piece.len;
                piece.copy(source, &mut window[..piece.len], false);
                coded.begin(piece.len);
            }
            let whole = self.frames.left() == 0;
            let output = &mut output[..within_limit(ROOM, coded.len, self.bounds)];
            let (extension, open) = (&mut *self.extension, &mut *self.open);
            let (source, last) = (&window[coded.range()], whole && self.fin);
            let decoded = decode(
                extension,
                open,
                coded.len,
                self.bounds,
                source,
                last,
                output,
            );
            let decoded = match decoded {
                Ok(decoded) => decoded,
                Err(error) => return self.frames.fail(error, start),
            };
            coded.advance(&decoded, whole);
            if let Some(error) = decoded.fault {
                // The bytes before the fault are handed out, and the next call answers the fault.
                let failed = self.frames.fail(error, start);
                if decoded.good == 0 {
                    return failed;
                }
            }
            if decoded.good > 0 {
                let range = CODED..CODED + decoded.good;
                self.held.lend(range.clone());
                return Ok(Place::Held(range));
            }
        }
        Ok(Place::Held(0..0))
    }
}

/// The result of one call of the extension.
struct Decoded {
    /// Coded bytes used up.
    read: usize,
    /// Bytes at the front of the output that keep all rules.
    good: usize,
    /// The rule that the byte behind them breaks.
    fault: Option<ErrorKind>,
    /// More may come out of the same input.
    more: bool,
}

/// At most as much room as the message limit leaves to a message of which `have` bytes came out, and one
/// byte more, for a message over the limit to show.
fn within_limit(room: usize, have: u64, bounds: &Bounds) -> usize {
    let most = usize::try_from((bounds.message - have).saturating_add(1));
    most.map_or(room, |most| most.min(room))
}

/// Lets the extension decode once, and checks what came out of it. `have` is how many bytes of the
/// message came out before.
fn decode(
    extension: &mut impl InboundExtension,
    open: &mut Open,
    have: u64,
    bounds: &Bounds,
    input: &[u8],
    last: bool,
    output: &mut [u8],
) -> Result<Decoded, ErrorKind> {
    let progress = extension.decode(input, last, output)?;
    let (mut good, mut fault) = (progress.written, None);
    if have + good as u64 > bounds.message {
        good -= 1;
        fault = Some(LimitError::MessageTooLarge.into());
    }
    if open.is_text()
        && let Err(i) = open.text(&output[..progress.written], false)
    {
        good = i;
        fault = Some(PeerError::InvalidUtf8.into());
    }
    Ok(Decoded {
        read: progress.read,
        good,
        fault,
        more: !progress.done && progress.read + progress.written > 0,
    })
}
