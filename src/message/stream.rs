//! Messages in pieces from a [`MessageDecoder`], decoded too.
//!
//! A coded message is handed out in pieces of at most [`ROOM`] bytes, so that a message of any length
//! is held in a buffer of one length. The coded bytes are copied to the front of that buffer first,
//! [`CODED`] at a time: the caller gets the input back before all that comes out of it was handed out.
//!
//! Invariant: the same bytes give the same data before the same fault, however the stream is cut. The
//! decoder goes on until something comes out, so that the cuts of the input decide only how the data is
//! divided. Where a piece has a fault in it, the bytes before the fault are handed out and the decoder is
//! failed; the next call answers the fault. If text is at fault at the byte that passes the message
//! limit, text comes first, as it does where the message is put together.

use core::mem;

use super::{InboundExtension, MessageDecoder, Piece};
use crate::error::{ErrorKind, Fault, LimitError, PeerError};
#[cfg(all(
    feature = "io",
    not(all(target_arch = "wasm32", target_os = "unknown"))
))]
use crate::frame::Role;
use crate::frame::{CloseFrame, OpCode};

/// Coded bytes that are taken at a time, and room for what comes out of them.
const CODED: usize = 4 << 10;
const ROOM: usize = 16 << 10;

/// The message that is handed out in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stream {
    /// A message was begun in pieces and is not at its end.
    pub(super) open: bool,
    /// Which of the coded bytes that were taken are not decoded yet.
    at: u16,
    end: u16,
    /// More may come out of what was taken.
    more: bool,
    /// All of the frame was taken and decoded.
    done: bool,
    /// Bytes that came out of the message so far.
    len: u64,
}

impl<E: InboundExtension> MessageDecoder<E> {
    /// Takes bytes off the front of `input` until there is something to tell, as
    /// [`Pieces`](super::Pieces) does, and decodes what is coded: pieces of at most 16 KiB then. A
    /// message is received in pieces to its end; before and after it, messages may be received
    /// whole.
    ///
    /// ```
    /// use wscodec::{Limits, frame::Role, message::{Event, Piece, MessageDecoder}};
    ///
    /// let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
    /// let mut bytes = *b"\x01\x02He\x80\x03llo\x81\x02Hi";
    /// let mut input = &mut bytes[..];
    /// let mut text = Vec::new();
    /// loop {
    ///     match receiver.receive_piece(&mut input)?.expect("all is there") {
    ///         Piece::Data(data) => text.extend_from_slice(data),
    ///         Piece::End => break,
    ///         _ => {}
    ///     }
    /// }
    /// assert_eq!(text, b"Hello");
    /// let Some(Event::Message(message)) = receiver.receive(&mut input)? else { panic!() };
    /// assert_eq!(message.payload, b"Hi");
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    ///
    /// # Errors
    /// As for [`receive`](Self::receive); [`MessageInPieces`](crate::MisuseError::MessageInPieces) where that has begun a
    /// message.
    pub fn receive_piece<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Piece<'r>>, Fault> {
        if self.closed {
            self.decoder.skip(mem::take(input).len());
            return Ok(None);
        }
        if self.open.is_some() && !self.stream.open {
            return Err(self.misused());
        }
        loop {
            if !self.decoder.in_frame() {
                return self.stream_header(input);
            }
            if self.opcode.is_control() {
                return self.stream_control(input);
            }
            let Some(open) = &mut self.open else {
                return Ok(None); // A data frame is always part of an open message.
            };
            let (text, coded) = open.handling();
            if coded {
                match self.stream_decode(input)? {
                    Some(0) => {}
                    Some(n) => return Ok(Some(Piece::Data(self.assembly.decoded(CODED, n)))),
                    None => return Ok(None),
                }
            } else if let Some((data, ascii)) = self.decoder.piece(input, text) {
                let mut good = data.len();
                if text && let Err(i) = open.text(data, ascii) {
                    let start = self.decoder.offset() - data.len() as u64;
                    let error = PeerError::InvalidUtf8.into();
                    let failed = self.decoder.fail(error, start + i as u64);
                    if i == 0 {
                        return failed;
                    }
                    // The bytes before the fault are handed out, as they are where the input is cut
                    // there. The next call answers the fault.
                    good = i;
                }
                return Ok(Some(Piece::Data(&mut data[..good])));
            } else if self.decoder.left() > 0 {
                return Ok(None);
            }
            self.decoder.end_frame();
            if self.fin {
                self.stream.open = false;
                self.assembly.clear();
                self.end_message()?;
                return Ok(Some(Piece::End));
            }
        }
    }

    /// Whether a message was begun by [`receive_piece`](Self::receive_piece) and is not at its end.
    pub fn in_pieces(&self) -> bool {
        self.stream.open
    }

    fn stream_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Piece<'static>>, Fault> {
        let Some(header) = self.decoder.header(input)? else {
            self.announced()?;
            return Ok(None);
        };
        (self.opcode, self.fin) = (header.opcode, header.fin);
        if header.opcode.is_control() {
            self.control_len = 0;
        } else {
            self.data_header(&header)?;
            if header.opcode != OpCode::Continuation {
                self.stream = Stream {
                    open: true,
                    ..Stream::default()
                };
            }
            self.stream.done = false;
        }
        Ok(Some(Piece::Frame(header)))
    }

    fn stream_control(&mut self, input: &mut &mut [u8]) -> Result<Option<Piece<'_>>, Fault> {
        if !self.take_control(input) {
            return Ok(None);
        }
        let len = usize::from(self.control_len);
        let start = self.decoder.offset() - len as u64;
        let payload = self.control;
        self.control(&payload[..len], start)?;
        let payload = &self.control[..len];
        Ok(Some(match self.opcode {
            OpCode::Ping => Piece::Ping(payload),
            OpCode::Pong => Piece::Pong(payload),
            _ => Piece::Close(CloseFrame::parse(payload).ok().flatten()),
        }))
    }

    /// Decodes until something comes out, and says how much; 0 where the frame is at its end, and
    /// `None` where the input is.
    fn stream_decode(&mut self, input: &mut &mut [u8]) -> Result<Option<usize>, Fault> {
        let start = self.decoder.frame_offset();
        loop {
            if self.stream.done {
                return Ok(Some(0));
            }
            let (coded, room) = match self.assembly.halves(CODED, ROOM) {
                Ok(halves) => halves,
                Err(error) => return self.decoder.fail(error.into(), start),
            };
            if !self.stream.more {
                let left = usize::try_from(self.decoder.left()).unwrap_or(usize::MAX);
                let n = left.min(input.len()).min(CODED);
                if n == 0 && left > 0 {
                    return Ok(None);
                }
                let (piece, rest) = mem::take(input).split_at_mut(n);
                *input = rest;
                self.decoder.advance(piece, false);
                coded[..n].copy_from_slice(piece);
                (self.stream.at, self.stream.end) = (0, n as u16);
                self.stream.more = true;
            }
            // One byte more than allowed, for a message over the limit to show.
            let most = (self.bounds.message - self.stream.len).saturating_add(1);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let room = &mut room[..ROOM.min(most)];
            let whole = self.decoder.left() == 0;
            let piece = &coded[usize::from(self.stream.at)..usize::from(self.stream.end)];
            let last = whole && self.fin;
            let progress = match self.extension.decode(piece, last, room) {
                Ok(progress) => progress,
                Err(error) => return self.decoder.fail(error, start),
            };
            let written = progress.written;
            self.stream.at += progress.read as u16;
            self.stream.more = !progress.done && progress.read + written > 0;
            self.stream.done = whole && !self.stream.more;
            // Bytes before the fault are handed out, and the next call answers the fault: so the same
            // bytes come out however the stream is cut. At the same byte, text comes first, as it
            // does where the message is put together.
            let (mut good, mut fault) = (written, None);
            if self.stream.len + written as u64 > self.bounds.message {
                good -= 1;
                fault = Some(ErrorKind::from(LimitError::MessageTooLarge));
            }
            if let Some(open) = &mut self.open
                && open.is_text()
                && let Err(i) = open.text(&room[..written], false)
            {
                good = i;
                fault = Some(PeerError::InvalidUtf8.into());
            }
            self.stream.len += good as u64;
            if let Some(error) = fault {
                let failed = self.decoder.fail(error, start);
                if good == 0 {
                    return failed;
                }
            }
            if good > 0 {
                return Ok(Some(good));
            }
        }
    }
}

/// What was lent last, once more: for those who had to let go of it in between. Of meaning only
/// where it was lent from the receiver, and until the receiver is fed again.
#[cfg(all(
    feature = "io",
    not(all(target_arch = "wasm32", target_os = "unknown"))
))]
impl<E: InboundExtension> MessageDecoder<E> {
    pub(crate) fn role(&self) -> Role {
        self.decoder.role()
    }

    /// The message that was put together last.
    pub(crate) fn held(&self) -> &[u8] {
        self.assembly.message()
    }

    /// The payload of the control frame that was put together last.
    pub(crate) fn held_control(&self) -> &[u8] {
        &self.control[..usize::from(self.control_len)]
    }

    /// The `len` bytes that were decoded last.
    pub(crate) fn held_piece(&mut self, len: usize) -> &mut [u8] {
        self.assembly.decoded(CODED, len)
    }
}
