//! Messages in pieces, as they come.

use super::open::{Bounds, Open};
use super::{Kind, Opaque};
use crate::Limits;
use crate::error::{Fault, PeerError};
use crate::frame::{Close, Decoder, Header, MAX_CONTROL_LEN, OpCode, Role, Rsv, Rules};

/// What [`Pieces::receive`] hands out. Every frame begins with a `Frame`. For a control frame, one
/// `Ping`, `Pong` or `Close` with the whole of it follows; for data, `Data` for as many pieces as
/// its payload came in, and `End` if the frame ends its message.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A frame begins.
    Frame(Header),
    /// The next bytes of a message's payload: unmasked, never empty, and checked if they are text.
    Data(&'a mut [u8]),
    /// The message is complete.
    End,
    /// A ping, which may come between the pieces of a message.
    Ping(&'a [u8]),
    /// A pong, likewise.
    Pong(&'a [u8]),
    /// A close frame. Unlike [`Receiver`](super::Receiver), `Pieces` goes on with what comes after
    /// it.
    Close(Option<Close<'a>>),
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
pub struct Pieces {
    decoder: Decoder,
    bounds: Bounds,
    extension: Opaque,
    opcode: OpCode,
    fin: bool,
    open: Option<Open>,
    control_len: u8,
    control: [u8; MAX_CONTROL_LEN],
}

impl Pieces {
    /// At the beginning of the frames, without extensions.
    pub fn new(role: Role, limits: &Limits) -> Self {
        Self::tolerating(Rsv::NONE, role, limits)
    }

    /// Lets messages with these reserved bits pass as they are, their text unchecked: an extension
    /// that the endpoints agreed on has coded them.
    pub fn tolerating(rsv: Rsv, role: Role, limits: &Limits) -> Self {
        let rules = Rules::new(role)
            .with_rsv(rsv)
            .with_max_len(limits.max_frame());
        Self {
            decoder: Decoder::new(rules),
            bounds: Bounds::new(limits),
            extension: Opaque(rsv),
            opcode: OpCode::Continuation,
            fin: true,
            open: None,
            control_len: 0,
            control: [0; MAX_CONTROL_LEN],
        }
    }

    /// Counts offsets from here instead of 0: for a stream whose handshake was read before.
    #[must_use]
    pub fn with_offset(self, offset: u64) -> Self {
        Self {
            decoder: self.decoder.with_offset(offset),
            ..self
        }
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
        loop {
            if !self.decoder.in_frame() {
                return self.header(input);
            }
            if self.opcode.is_control() {
                return self.control(input);
            }
            let Some(open) = &mut self.open else {
                return Ok(None); // A data frame is always part of an open message.
            };
            let text = open.is_text();
            if let Some((data, ascii)) = self.decoder.piece(input, text) {
                let mut good = data.len();
                if text && let Err(i) = open.text(data, ascii) {
                    let start = self.decoder.offset() - data.len() as u64;
                    let error = PeerError::InvalidUtf8.into();
                    let failed = self.decoder.fail(error, start + i as u64);
                    if i == 0 {
                        return failed;
                    }
                    good = i;
                }
                return Ok(Some(Piece::Data(&mut data[..good])));
            }
            if self.decoder.left() > 0 {
                return Ok(None);
            }
            self.decoder.end_frame();
            if self.fin {
                let may_end = open.may_end();
                self.open = None;
                if !may_end {
                    let error = PeerError::InvalidUtf8.into();
                    return self.decoder.fail(error, self.decoder.offset());
                }
                return Ok(Some(Piece::End));
            }
        }
    }

    /// Says that the stream ended.
    ///
    /// # Errors
    /// [`PeerError::UnexpectedEof`] inside a frame or a fragmented message; the fault that was
    /// found before, if there was one.
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.decoder.finish()
    }

    /// The type of the message whose pieces come.
    pub fn kind(&self) -> Option<Kind> {
        self.open.as_ref().map(|open| open.kind)
    }

    /// The number of bytes taken so far, from the offset begun with.
    pub fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// The offset of the first byte of the frame whose pieces come now, or came last.
    pub fn frame_offset(&self) -> u64 {
        self.decoder.frame_offset()
    }

    fn header<'r>(&mut self, input: &mut &mut [u8]) -> Result<Option<Piece<'r>>, Fault> {
        let Some(header) = self.decoder.header(input)? else {
            let least = Open::least(&self.open, &self.bounds);
            if let Some(header) = self.decoder.announced(least)
                && let Err(error) = Open::announced(&self.open, &header, &self.bounds)
            {
                return self.decoder.fail(error, self.decoder.frame_offset());
            }
            return Ok(None);
        };
        (self.opcode, self.fin) = (header.opcode, header.fin);
        if header.opcode.is_control() {
            self.control_len = 0;
        } else {
            let (bounds, extension) = (&self.bounds, &mut self.extension);
            if let Err(error) = Open::header(&mut self.open, &header, bounds, extension) {
                return self.decoder.fail(error, self.decoder.frame_offset());
            }
        }
        Ok(Some(Piece::Frame(header)))
    }

    fn control(&mut self, input: &mut &mut [u8]) -> Result<Option<Piece<'_>>, Fault> {
        if let Some((piece, _)) = self.decoder.piece(input, false) {
            let have = usize::from(self.control_len);
            self.control[have..have + piece.len()].copy_from_slice(piece);
            self.control_len += piece.len() as u8;
        }
        if self.decoder.left() > 0 {
            return Ok(None);
        }
        self.decoder.end_frame();
        let payload = &self.control[..usize::from(self.control_len)];
        Ok(Some(match self.opcode {
            OpCode::Ping => Piece::Ping(payload),
            OpCode::Pong => Piece::Pong(payload),
            _ => match Close::parse(payload) {
                Ok(close) => Piece::Close(close),
                Err(fault) => {
                    let start = self.decoder.offset() - payload.len() as u64;
                    return self.decoder.fail(fault.error, start + fault.offset);
                }
            },
        }))
    }
}
