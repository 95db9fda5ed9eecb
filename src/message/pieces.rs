//! Messages in pieces, as they come, for onlookers: [`MessageDecoder::receive_piece`] without an extension.

use super::{Kind, MessageDecoder, Opaque};
use crate::Limits;
use crate::error::Fault;
use crate::frame::{CloseFrame, FrameHeader, Role, Rsv};

/// What [`Pieces::receive`] hands out. Every frame begins with a `Frame`. For a control frame, one
/// `Ping`, `Pong` or `CloseFrame` with the whole of it follows; for data, `Data` for as many pieces as
/// its payload came in, and `End` if the frame ends its message.
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
    /// A pong, likewise.
    Pong(&'a [u8]),
    /// A close frame. Unlike [`MessageDecoder`](super::MessageDecoder), `Pieces` goes on with what comes after
    /// it.
    Close(Option<CloseFrame<'a>>),
}

/// Reads messages out of a stream of bytes without putting them together: for those who pass large
/// messages on, or look at each frame. All of the rules and limits of messages are kept, and it
/// holds no payload but that of a control frame cut by the end of the input.
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
    /// At the beginning of the frames, without extensions.
    pub fn new(role: Role, limits: &Limits) -> Self {
        Self::tolerating(Rsv::NONE, role, limits)
    }

    /// Lets messages with these reserved bits pass as they are, their text unchecked: an extension
    /// that the endpoints agreed on has coded them.
    pub fn tolerating(rsv: Rsv, role: Role, limits: &Limits) -> Self {
        Self(MessageDecoder::with_extension(role, limits, Opaque(rsv)))
    }

    /// Counts offsets from here instead of 0: for a stream whose handshake was read before.
    #[must_use]
    pub fn with_offset(self, offset: u64) -> Self {
        Self(self.0.with_offset(offset))
    }

    /// Takes bytes off the front of `input` until there is something to tell; `None` when `input`
    /// is used up.
    ///
    /// # Errors
    /// The first rule broken or limit passed, and where. The same is answered to every later call.
    pub fn receive<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Piece<'r>>, Fault> {
        // The frames behind a close frame are read too.
        self.0.closed = false;
        self.0.receive_piece(input)
    }

    /// Says that the stream ended.
    ///
    /// # Errors
    /// [`PeerError::UnexpectedEof`](crate::PeerError::UnexpectedEof) inside a frame or a fragmented
    /// message; the fault that was found before, if there was one.
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.0.closed = false;
        self.0.finish()
    }

    /// The type of the message whose pieces come.
    pub fn kind(&self) -> Option<Kind> {
        self.0.open.as_ref().map(|open| open.kind)
    }

    /// The number of bytes taken so far, from the offset begun with.
    pub fn offset(&self) -> u64 {
        self.0.offset()
    }

    /// The offset of the first byte of the frame whose pieces come now, or came last.
    pub fn frame_offset(&self) -> u64 {
        self.0.frame_offset()
    }
}
