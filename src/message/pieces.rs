//! The loop that receives messages in pieces.
//!
//! Problem: a program that passes large messages on wants bytes as they arrive, and no buffer for a
//! whole message. It needs the same rules and limits as a program that reads whole messages.
//!
//! Choice: the loop calls the two primitives of `recv.rs`, `header` and `payload`, and gives out the
//! places that they return. [`Pieces`] is a [`MessageDecoder`] that decodes nothing and reads on behind
//! a close frame. An earlier `Pieces` had a state machine of its own that repeated the rules of the
//! decoder.
//!
//! Invariants: the decoder holds no payload except a control frame that the input cuts. The bytes
//! before an error are given out first, and the next call returns the error, so the result does not
//! depend on how the input is cut. A message that was begun in pieces is received in pieces to its end.

use core::mem;

use super::open::Open;
use super::place::FoundPiece;
use super::{InboundExtension, Kind, MessageDecoder, Opaque};
use crate::Limits;
use crate::error::Fault;
use crate::frame::{CloseFrame, FrameHeader, OpCode, Role, Rsv};

impl<E: InboundExtension> MessageDecoder<E> {
    /// Takes bytes from the front of `input` until there is a piece to report, like [`Pieces`], and
    /// decodes coded messages in pieces of at most 16 KiB. A message is received in pieces until its
    /// end. Before and after it, messages may be received whole.
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
    /// The errors of [`receive`](Self::receive), and
    /// [`MessageInPieces`](crate::MisuseError::MessageInPieces) if [`receive`](Self::receive) has
    /// begun the message.
    #[inline]
    pub fn receive_piece<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Piece<'r>>, Fault> {
        let bytes = mem::take(input);
        let mut at = 0;
        let found = self.find_piece(bytes, &mut at);
        let (taken, rest) = bytes.split_at_mut(at);
        *input = rest;
        match found? {
            Some(found) => Ok(Some(self.lend_piece(taken, &found))),
            None => Ok(None),
        }
    }

    /// Like [`receive_piece`](Self::receive_piece), but returns the position of the bytes instead of
    /// the bytes, like [`find`](Self::find). [`lend_piece`](Self::lend_piece) lends them.
    ///
    /// # Errors
    /// The errors of [`receive_piece`](Self::receive_piece).
    ///
    /// # Panics
    /// The panics of [`find`](Self::find).
    pub fn find_piece(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
    ) -> Result<Option<FoundPiece>, Fault> {
        if self.drop_if_closed(input, at) {
            return Ok(None);
        }
        if self.in_message() && !self.in_pieces() {
            return Err(self.misused());
        }
        loop {
            if !self.in_frame() {
                let header = self.header(input, at, true)?;
                return Ok(header.map(FoundPiece::Frame));
            }
            if self.in_control() {
                let place = self.payload(input, at, true)?;
                if !self.end_frame() {
                    return Ok(None);
                }
                return Ok(Some(match self.end_control(input, &place)? {
                    OpCode::Ping => FoundPiece::Ping(place),
                    OpCode::Pong => FoundPiece::Pong(place),
                    _ => FoundPiece::Close(place),
                }));
            }
            let place = self.payload(input, at, true)?;
            if !place.is_empty() {
                return Ok(Some(FoundPiece::Data(place)));
            }
            if !self.end_frame() {
                return Ok(None);
            }
            if self.is_final() {
                self.end_message(place)?;
                return Ok(Some(FoundPiece::End));
            }
        }
    }
}

/// A piece that [`Pieces::receive`] returns. Every frame begins with a `Frame`. A control frame then
/// gives one `Ping`, `Pong` or `Close` with its whole payload. A data frame gives a `Data` for each
/// piece of its payload, and an `End` if it ends its message.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A frame begins.
    Frame(FrameHeader),
    /// The next bytes of a message's payload: unmasked, never empty, and checked if they are text.
    Data(&'a mut [u8]),
    /// The message is complete.
    End,
    /// A ping, which may come between the pieces of a message.
    Ping(&'a [u8]),
    /// A pong, which may come between the pieces of a message.
    Pong(&'a [u8]),
    /// A close frame. Unlike [`MessageDecoder`](super::MessageDecoder), `Pieces` continues with the
    /// bytes after it.
    Close(Option<CloseFrame<'a>>),
}

/// Reads messages from a stream of bytes without collecting them, for programs that relay large
/// messages or examine each frame. It checks all rules and limits of messages. It holds no payload,
/// except a control frame that the end of the input cuts.
///
/// ```
/// use wscodec::{Limits, frame::Role, message::{Piece, Pieces}};
///
/// let mut pieces = Pieces::new(Role::Client, &Limits::default());
/// let mut bytes = *b"\x01\x02He\x80\x03llo";
/// let mut input = &mut bytes[..];
/// let mut text = Vec::new();
/// while let Some(piece) = pieces.receive(&mut input)? {
///     match piece {
///         Piece::Data(data) => text.extend_from_slice(data),
///         Piece::End => assert_eq!(text, b"Hello"),
///         _ => {}
///     }
/// }
/// # Ok::<(), wscodec::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pieces(MessageDecoder<Opaque>);

impl Pieces {
    /// Creates a decoder at the beginning of the frames, without extensions.
    pub fn new(role: Role, limits: &Limits) -> Self {
        Self::tolerating(Rsv::NONE, role, limits)
    }

    /// Accepts messages with these reserved bits as they are, and does not check their text: an
    /// agreed extension has coded them.
    pub fn tolerating(rsv: Rsv, role: Role, limits: &Limits) -> Self {
        Self(MessageDecoder::with_extension(role, limits, Opaque(rsv)))
    }

    /// Sets the first offset, for a stream whose handshake was read before. The default is 0.
    #[must_use]
    pub fn with_offset(self, offset: u64) -> Self {
        Self(self.0.with_offset(offset))
    }

    /// Takes bytes from the front of `input` until there is a piece to report; `None` when `input` is
    /// empty.
    ///
    /// # Errors
    /// The first broken rule or exceeded limit, with its offset. Every later call returns the same
    /// error.
    pub fn receive<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Piece<'r>>, Fault> {
        self.0.ignore_close();
        self.0.receive_piece(input)
    }

    /// Reports that the stream has ended.
    ///
    /// # Errors
    /// [`PeerError::UnexpectedEof`](crate::PeerError::UnexpectedEof) inside a frame or a fragmented
    /// message, or the earlier fault, if there was one.
    pub fn end(&mut self) -> Result<(), Fault> {
        self.0.ignore_close();
        self.0.end()
    }

    /// The kind of the current message.
    pub fn kind(&self) -> Option<Kind> {
        self.0.open().map(Open::kind)
    }

    /// The offset after the last byte taken, counted from the first offset.
    pub fn offset(&self) -> u64 {
        self.0.offset()
    }

    /// The offset of the first byte of the current frame, or of the last one.
    pub fn frame_offset(&self) -> u64 {
        self.0.frame_offset()
    }
}
