//! Whole messages out of bytes that come cut anywhere.

use core::mem;

use super::assembly::Assembly;
use super::open::{Bounds, Open};
use super::stream::Stream;
use super::{Event, InboundExtension, Kind, MessageRef, NoExtension, PayloadCoding};
use crate::Limits;
use crate::error::{ErrorKind, Fault, LimitError, MisuseError, PeerError};
use crate::frame::{
    CloseFrame, FrameDecoder, FrameHeader, MAX_CONTROL_LEN, OpCode, Role, Rules, Simple, mask,
};
use crate::utf8::Validator;

/// The least room that an extension is given to decode into, and by which the room grows at first.
const DECODE_STEP: usize = 1024;

/// Reads whole messages and control frames out of a stream of bytes: any split of the stream gives
/// the same events.
///
/// A message that lies in the input in one frame is unmasked there and lent from there. One that
/// comes in several frames, or over several inputs, is put together in a buffer that grows with
/// the bytes that came (never by a length that a header claims) and is used again for the next.
///
/// ```
/// use wscodec::{Limits, frame::Role, message::{Event, MessageDecoder}};
///
/// let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
/// let mut first = *b"\x01\x03Hel\x89\x00\x80";
/// let mut input = &mut first[..];
/// assert_eq!(receiver.receive(&mut input)?, Some(Event::Ping(b"")));
/// assert_eq!(receiver.receive(&mut input)?, None);
///
/// let mut second = *b"\x02lo";
/// let mut input = &mut second[..];
/// let Some(Event::Message(message)) = receiver.receive(&mut input)? else { panic!() };
/// assert_eq!(message.text(), Some("Hello"));
/// # Ok::<(), wscodec::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageDecoder<E = NoExtension> {
    pub(super) decoder: FrameDecoder,
    pub(super) bounds: Bounds,
    pub(super) extension: E,
    /// The frame whose payload comes; of meaning while the decoder is in a frame.
    pub(super) opcode: OpCode,
    pub(super) fin: bool,
    /// A close frame came: what follows is of no meaning (RFC 6455 §5.5.1).
    pub(super) closed: bool,
    pub(super) open: Option<Open>,
    pub(super) assembly: Assembly,
    pub(super) stream: Stream,
    /// Whether messages stay in `assembly` until [`begin_batch`](Self::begin_batch).
    pub(super) batch: bool,
    pub(super) control_len: u8,
    pub(super) control: [u8; MAX_CONTROL_LEN],
}

/// What was found, without borrowing it yet.
enum Found {
    /// Nothing: the input is used up.
    Nothing,
    /// The end of a fragment, with nothing to tell.
    Fragment,
    /// A control frame, in the control buffer.
    Control,
    /// A message, in the assembly.
    Message(Open),
}

impl MessageDecoder {
    /// A receiver at the beginning of the frames, without extensions.
    pub fn new(role: Role, limits: &Limits) -> Self {
        Self::with_extension(role, limits, NoExtension)
    }
}

impl<E: InboundExtension> MessageDecoder<E> {
    /// A receiver whose messages an extension decodes.
    pub fn with_extension(role: Role, limits: &Limits, extension: E) -> Self {
        let rules = Rules::new(role)
            .with_rsv(extension.rsv())
            .with_max_len(limits.max_frame());
        Self {
            decoder: FrameDecoder::new(rules),
            bounds: Bounds::new(limits),
            extension,
            opcode: OpCode::Continuation,
            fin: true,
            closed: false,
            open: None,
            assembly: Assembly::new(),
            stream: Stream::default(),
            batch: false,
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

    /// Takes bytes off the front of `input` until there is an event; `None` when `input` is used
    /// up. What comes after a close frame is taken and dropped.
    ///
    /// # Errors
    /// The first rule broken or limit passed, and where. The receiver stays in that state: it
    /// answers the same to every later call.
    // Always inlined: an event that is handed over in memory, written by parts and read as a whole,
    // costs more than a small frame.
    #[inline(always)]
    pub fn receive<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Event<'r>>, Fault> {
        // Nearly all frames are simple, and lie in the input.
        if !self.closed
            && let Some(shape) = self.decoder.shape(self.bounds.message)
            && let Some(frame) = shape.take(input)
        {
            self.decoder.count(&frame);
            return self.plain(frame);
        }
        self.receive_any(input)
    }

    /// As [`receive`](Self::receive), but without its shortcut for simple frames: for callers who have
    /// tried [`receive_simple`](Self::receive_simple) before.
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    #[inline(never)]
    pub fn receive_any<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Event<'r>>, Fault> {
        if self.stream.open {
            return Err(self.misused());
        }
        loop {
            if self.closed {
                self.decoder.skip(mem::take(input).len());
                return Ok(None);
            }
            if let Some((header, payload)) = self.decoder.whole(input)? {
                if header.opcode.is_control() {
                    if let Some(key) = header.mask {
                        mask::apply(key, 0, payload);
                    }
                    self.opcode = header.opcode;
                    self.control(payload, self.decoder.offset() - header.len)?;
                    return Ok(Some(control_event(header.opcode, payload)));
                }
                if header.fin && header.rsv.is_empty() && header.opcode != OpCode::Continuation {
                    if header.len > self.bounds.message {
                        let error = LimitError::MessageTooLarge.into();
                        return self.decoder.fail(error, self.decoder.frame_offset());
                    }
                    let simple = Simple {
                        text: header.opcode == OpCode::Text,
                        key: header.mask,
                        payload,
                    };
                    return self.large(simple);
                }
                if let Some(open) = self.part(&header, payload)? {
                    return Ok(Some(open.event(self.assembly.message())));
                }
                continue;
            }
            match self.step(input)? {
                Found::Nothing => return Ok(None),
                Found::Fragment => {}
                Found::Message(open) => return Ok(Some(open.event(self.assembly.message()))),
                Found::Control => {
                    let len = usize::from(self.control_len);
                    let start = self.decoder.offset() - len as u64;
                    let payload = self.control;
                    self.control(&payload[..len], start)?;
                    return Ok(Some(control_event(self.opcode, &self.control[..len])));
                }
            }
        }
    }

    /// Lets a server take frames that are not masked: see
    /// [`Rules::dangerously_accept_unmasked`].
    #[must_use]
    pub fn dangerously_accept_unmasked(mut self, unmasked: bool) -> Self {
        let rules = self.decoder.rules_mut();
        *rules = rules.dangerously_accept_unmasked(unmasked);
        self
    }

    /// Says that the stream ended.
    ///
    /// # Errors
    /// [`PeerError::UnexpectedEof`] inside a frame or a fragmented message; the fault that the
    /// receiver is in, if it is in one.
    pub fn finish(&mut self) -> Result<(), Fault> {
        if self.closed {
            return Ok(());
        }
        self.decoder.finish()
    }

    /// The number of bytes taken so far, from the offset that the receiver began with.
    pub fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// The offset of the first byte of the frame that was read last.
    pub fn frame_offset(&self) -> u64 {
        self.decoder.frame_offset()
    }

    /// Whether a message is begun and not at its end.
    #[inline]
    pub fn in_message(&self) -> bool {
        self.open.is_some()
    }

    /// Bytes of memory held for messages in parts.
    pub fn buffered(&self) -> usize {
        self.assembly.capacity()
    }

    /// Gives that memory back, as far as no begun message needs it.
    pub fn shrink(&mut self) {
        if !self.stream.open {
            self.drop_finished();
            self.assembly.shrink();
        }
    }

    /// The extension.
    pub fn extension(&self) -> &E {
        &self.extension
    }

    /// The extension, to be changed; the bits that it owns stay the same.
    pub fn extension_mut(&mut self) -> &mut E {
        &mut self.extension
    }

    /// Exchanges the extension, between two messages, and has frames carry the bits of the new one.
    pub fn exchange_extension(&mut self, with: impl FnOnce(&mut E)) {
        with(&mut self.extension);
        let rules = self.decoder.rules_mut();
        *rules = rules.with_rsv(self.extension.rsv());
    }

    /// Where the next bytes of the stream may be written instead of handing them to
    /// [`receive`](Self::receive), which spares a copy of large messages: at most `max` bytes, all
    /// of them payload of the frame that is being read. `None` where the stream is not within such
    /// a payload, or where there is no memory: [`receive`](Self::receive) says so then. Follow with
    /// [`fill`](Self::fill).
    ///
    /// ```
    /// use wscodec::{Limits, frame::Role, message::{Event, MessageDecoder}};
    ///
    /// let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
    /// assert!(receiver.space(1024).is_none());
    /// let mut bytes = *b"\x82\x05Hel";
    /// assert_eq!(receiver.receive(&mut &mut bytes[..])?, None);
    /// let space = receiver.space(1024).unwrap();
    /// assert_eq!(space.len(), 2);
    /// space.copy_from_slice(b"lo");
    /// let Some(Event::Message(message)) = receiver.fill(2)? else { panic!() };
    /// assert_eq!(message.payload, b"Hello");
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    pub fn space(&mut self, max: usize) -> Option<&mut [u8]> {
        let room = self.room();
        let max = usize::try_from(room).map_or(max, |room| room.min(max));
        if max == 0 {
            return None;
        }
        // Without memory the caller hands the bytes to `receive`, which fails.
        self.assembly.space(max, self.bounds.message).ok()
    }

    /// How many bytes of the stream [`space`](Self::space) can be handed out for.
    fn room(&self) -> u64 {
        match &self.open {
            Some(open)
                if !self.opcode.is_control()
                    && open.treatment != PayloadCoding::Decode
                    && !self.stream.open =>
            {
                self.decoder.left()
            }
            _ => 0,
        }
    }

    /// Takes the first `len` bytes that were written to [`space`](Self::space).
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    ///
    /// # Panics
    /// If `len` is more than `space` handed out.
    pub fn fill(&mut self, len: usize) -> Result<Option<Event<'_>>, Fault> {
        assert!(len as u64 <= self.room(), "more than the space handed out");
        if let Some(open) = &mut self.open {
            let piece = self.assembly.written(len);
            let ascii = self.decoder.advance(piece, open.is_text());
            if open.is_text()
                && let Err(i) = open.text(piece, ascii)
            {
                let start = self.decoder.offset() - len as u64;
                return self
                    .decoder
                    .fail(PeerError::InvalidUtf8.into(), start + i as u64);
            }
            self.assembly.advance(len);
        }
        if self.decoder.in_frame() && self.decoder.left() == 0 {
            self.decoder.end_frame();
            if self.fin {
                let open = self.end_message()?;
                return Ok(open.map(|open| open.event(self.assembly.message())));
            }
        }
        Ok(None)
    }

    /// A message in one frame that no extension has touched: nothing of it is kept.
    #[inline(always)]
    fn plain<'p>(&mut self, message: Simple<'p>) -> Result<Option<Event<'p>>, Fault> {
        let Simple { text, key, payload } = message;
        let Some(ascii) = unmask(text, key, payload) else {
            return self.bad_text(payload);
        };
        Ok(Some(Event::Message(MessageRef {
            kind: if text { Kind::Text } else { Kind::Binary },
            payload,
            ascii,
            opaque: false,
        })))
    }

    /// [`plain`](Self::plain) for what is not [`Simple`] by its length or by the rules.
    #[inline(never)]
    fn large<'p>(&mut self, message: Simple<'p>) -> Result<Option<Event<'p>>, Fault> {
        self.plain(message)
    }

    /// The fault of a text that is known to have one and was taken just now.
    #[cold]
    pub(super) fn bad_text<T>(&mut self, text: &[u8]) -> Result<T, Fault> {
        let valid = Validator::new().push(text).err().unwrap_or(text.len());
        let start = self.decoder.offset() - text.len() as u64;
        self.decoder
            .fail(PeerError::InvalidUtf8.into(), start + valid as u64)
    }

    /// A data frame that lies in the input and is not the whole of its message, or is coded. Its
    /// payload is still masked.
    fn part(&mut self, header: &FrameHeader, payload: &mut [u8]) -> Result<Option<Open>, Fault> {
        let (text, coded) = self.data_header(header)?;
        if coded {
            if let Some(key) = header.mask {
                mask::apply(key, 0, payload);
            }
            self.decode(payload, header.fin)?;
        } else {
            self.append(payload, header.mask, 0, text)?;
        }
        if header.fin {
            return self.end_message();
        }
        Ok(None)
    }

    /// Takes what the input has of a frame that it cuts.
    fn step(&mut self, input: &mut &mut [u8]) -> Result<Found, Fault> {
        if !self.decoder.in_frame() {
            let Some(header) = self.decoder.header(input)? else {
                self.announced()?;
                return Ok(Found::Nothing);
            };
            (self.opcode, self.fin) = (header.opcode, header.fin);
            if header.opcode.is_control() {
                self.control_len = 0;
            } else {
                self.data_header(&header)?;
            }
        }
        if self.opcode.is_control() {
            return Ok(match self.take_control(input) {
                true => Found::Control,
                false => Found::Nothing,
            });
        }
        let (text, coded) = self.open.as_ref().map_or((false, false), Open::handling);
        if coded {
            let (piece, _) = self.decoder.piece(input, false).unwrap_or((&mut [], false));
            let last = self.decoder.left() == 0 && self.fin;
            self.decode(piece, last)?;
        } else if let Some((piece, key, at)) = self.decoder.masked_piece(input) {
            self.append(piece, key, at, text)?;
        }
        if self.decoder.left() > 0 {
            return Ok(Found::Nothing);
        }
        self.decoder.end_frame();
        if !self.fin {
            return Ok(Found::Fragment);
        }
        Ok(match self.end_message()? {
            Some(open) => Found::Message(open),
            None => Found::Fragment,
        })
    }

    /// Takes what the input has of a control frame; whether that is all of it.
    pub(super) fn take_control(&mut self, input: &mut &mut [u8]) -> bool {
        if let Some((piece, _)) = self.decoder.piece(input, false) {
            let have = usize::from(self.control_len);
            self.control[have..have + piece.len()].copy_from_slice(piece);
            self.control_len += piece.len() as u8;
        }
        let whole = self.decoder.left() == 0;
        if whole {
            self.decoder.end_frame();
        }
        whole
    }

    /// Holds the front of a header that is not complete to the limits of messages.
    pub(super) fn announced(&mut self) -> Result<(), Fault> {
        let least = Open::least(&self.open, &self.bounds);
        if let Some(header) = self.decoder.announced(least)
            && let Err(error) = Open::announced(&self.open, &header, &self.bounds)
        {
            return self.decoder.fail(error, self.decoder.frame_offset());
        }
        Ok(())
    }

    /// Takes note of a data frame, and says how its payload is to be [handled](Open::handling).
    pub(super) fn data_header(&mut self, header: &FrameHeader) -> Result<(bool, bool), Fault> {
        let (bounds, extension) = (&self.bounds, &mut self.extension);
        if let Err(error) = Open::header(&mut self.open, header, bounds, extension) {
            return self.decoder.fail(error, self.decoder.frame_offset());
        }
        if header.opcode != OpCode::Continuation {
            if !self.batch {
                self.assembly.clear();
            }
            self.assembly.begin();
        }
        Ok(self.open.as_ref().map_or((false, false), Open::handling))
    }

    /// Adds payload, the bytes taken last, to the open message: unmasked as it is copied. `at` is
    /// its place in the frame.
    fn append(
        &mut self,
        piece: &[u8],
        key: Option<[u8; 4]>,
        at: u64,
        text: bool,
    ) -> Result<(), Fault> {
        let target = match self.assembly.space(piece.len(), self.bounds.message) {
            Ok(target) => target,
            Err(error) => return self.decoder.fail(error.into(), self.decoder.offset()),
        };
        let ascii = match key {
            Some(key) if text => mask::copy_and_test_ascii(key, at, piece, target),
            Some(key) => {
                mask::copy(key, at, piece, target);
                false
            }
            None => {
                target.copy_from_slice(piece);
                text && target.is_ascii()
            }
        };
        if text
            && let Some(open) = &mut self.open
            && let Err(i) = open.text(target, ascii)
        {
            let start = self.decoder.offset() - piece.len() as u64;
            let error = PeerError::InvalidUtf8.into();
            return self.decoder.fail(error, start + i as u64);
        }
        self.assembly.advance(piece.len());
        Ok(())
    }

    /// Lets the extension decode, into room that grows with what it has written. Faults are placed
    /// at the frame: where in its payload they show depends on how the input is cut.
    fn decode(&mut self, mut piece: &[u8], last: bool) -> Result<(), Fault> {
        let start = self.decoder.frame_offset();
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        loop {
            let have = self.assembly.len() as u64;
            // One byte more than allowed, for a message over the limit to show.
            let most = usize::try_from((self.bounds.message - have).saturating_add(1));
            // What is there is used up before more is made: room that grew with each piece would
            // be cleared with each.
            let room = match self.assembly.spare() {
                spare @ DECODE_STEP.. => spare,
                _ => self.assembly.len().max(DECODE_STEP),
            };
            let room = most.map_or(room, |most| most.min(room));
            let most = self.bounds.message.saturating_add(1);
            let output = match self.assembly.space(room, most) {
                Ok(output) => output,
                Err(error) => return self.decoder.fail(error.into(), start),
            };
            let progress = match self.extension.decode(piece, last, output) {
                Ok(progress) => progress,
                Err(error) => return self.decoder.fail(error, start),
            };
            if open.is_text() && open.text(&output[..progress.written], false).is_err() {
                return self.decoder.fail(PeerError::InvalidUtf8.into(), start);
            }
            self.assembly.advance(progress.written);
            if self.assembly.len() as u64 > self.bounds.message {
                return self.decoder.fail(LimitError::MessageTooLarge.into(), start);
            }
            piece = &piece[progress.read..];
            if progress.done || progress.read == 0 && progress.written == 0 {
                return Ok(());
            }
        }
    }

    /// The final frame of the open message is complete.
    pub(super) fn end_message(&mut self) -> Result<Option<Open>, Fault> {
        match self.open.take() {
            Some(open) if !open.may_end() => {
                let error = PeerError::InvalidUtf8.into();
                self.decoder.fail(error, self.decoder.offset())
            }
            open => Ok(open),
        }
    }

    /// Checks a control frame, whose payload begins at `start`.
    #[inline]
    pub(super) fn control(&mut self, payload: &[u8], start: u64) -> Result<(), Fault> {
        if self.opcode == OpCode::Close {
            if let Err(fault) = CloseFrame::parse(payload) {
                return self.decoder.fail(fault.error, start + fault.offset);
            }
            self.closed = true;
        }
        Ok(())
    }

    /// A message is received in another way than it was begun. A fault that came before stays.
    #[cold]
    pub(super) fn misused(&self) -> Fault {
        let misuse = ErrorKind::from(MisuseError::MessageInPieces).at(self.decoder.offset());
        self.decoder.fault().unwrap_or(misuse)
    }

    /// Forgets all messages but the open one.
    pub(super) fn drop_finished(&mut self) {
        if self.open.is_none() {
            self.assembly.clear();
        }
        self.assembly.keep_open();
    }
}

/// Unmasks the payload of a whole message, and says whether it is known to be ASCII; `None` if it
/// is to be text, and is not.
#[inline(always)]
pub(super) fn unmask(text: bool, key: Option<[u8; 4]>, payload: &mut [u8]) -> Option<bool> {
    if !text {
        if let Some(key) = key {
            mask::apply(key, 0, payload);
        }
        return Some(false);
    }
    let ascii = match key {
        Some(key) => mask::apply_and_test_ascii(key, 0, payload),
        None => payload.is_ascii(),
    };
    (ascii || simdutf8::basic::from_utf8(payload).is_ok()).then_some(ascii)
}

/// The event for a control frame that was checked.
#[inline]
fn control_event(opcode: OpCode, payload: &[u8]) -> Event<'_> {
    match opcode {
        OpCode::Ping => Event::Ping(payload),
        OpCode::Pong => Event::Pong(payload),
        _ => Event::Close(CloseFrame::parse(payload).ok().flatten()),
    }
}
