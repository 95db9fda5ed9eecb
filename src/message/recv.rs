//! The message decoder: its state, and the two primitives that change it.
//!
//! All receiving is done in two steps. [`header`](MessageDecoder::header) reads a frame header and holds
//! it to the rules and limits of messages. [`payload`](MessageDecoder::payload) takes as much of the
//! frame's payload as the input has, and returns the [`Place`] where it lies unmasked, checked and
//! decoded: a range of the input, or a range of the decoder's own buffer. After each payload,
//! [`end_frame`](MessageDecoder::end_frame) says whether the frame is complete. Whole messages
//! (`whole.rs`), pieces (`pieces.rs`) and batches (`batch.rs`) are short loops over these steps. They
//! have no state of their own, and the fields of the decoder are private to this file.
//!
//! The primitives return plain values and no borrows, because a loop cannot return a borrow of a buffer
//! that its next round may change. The loops in `whole.rs` and `pieces.rs` lend after they have ended.
//!
//! Invariants: a message is open from its first header to the end of its last frame, and it is received
//! either whole or in pieces (`Open::pieces`). The buffer `held` belongs to the open message, and between
//! messages to the last message. After a fault the frame decoder refuses every call with that fault.

use super::assembly::Assembly;
use super::coded::{Coded, Work};
use super::open::{Bounds, Open, Way};
use super::place::{FoundMessage, Place};
use super::{InboundExtension, NoExtension};
use crate::Limits;
use crate::error::{ErrorKind, Fault, LimitError, MisuseError, PeerError};
use crate::frame::{
    CloseFrame, FrameDecoder, FrameHeader, MAX_CONTROL_LEN, OpCode, Role, Rules, Shape, Simple,
};

/// Reads whole messages and control frames from a stream of bytes. Every split of the stream gives
/// the same events.
///
/// If the input has a whole message in one frame, the decoder unmasks and lends it in place.
/// Otherwise the decoder collects the message in a buffer. The buffer grows with the received bytes,
/// never by a length that a header declares, and is used again for the next message.
///
/// # Memory
/// The decoder keeps its buffer from one message to the next, because growing it again costs as much
/// as receiving the message. The decoder frees a buffer of more than 1 MiB when 16 inputs in a row
/// ended between two messages and no message needed more than an eighth of the buffer.
/// [`shrink`](Self::shrink) frees a buffer of any size at once.
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
    frames: FrameDecoder,
    bounds: Bounds,
    extension: E,
    /// The way in which the payload of the current or last frame is taken.
    way: Way,
    /// The type of the current or last control frame.
    opcode: OpCode,
    /// Whether the current or last frame is the last of its message.
    fin: bool,
    /// A close frame has arrived. RFC 6455 §5.5.1 gives no meaning to the bytes after it.
    closed: bool,
    open: Option<Open>,
    held: Assembly,
    /// The coded bytes of a message in pieces that are not decoded yet.
    coded: Coded,
    /// Whether messages stay in `held` until [`begin_batch`](Self::begin_batch).
    batch: bool,
    control_len: u8,
    control: [u8; MAX_CONTROL_LEN],
}

impl MessageDecoder {
    /// Creates a decoder at the beginning of the frames, without extensions.
    pub fn new(role: Role, limits: &Limits) -> Self {
        Self::with_extension(role, limits, NoExtension)
    }
}

impl<E: InboundExtension> MessageDecoder<E> {
    /// Creates a decoder with an extension.
    pub fn with_extension(role: Role, limits: &Limits, extension: E) -> Self {
        let rules = Rules::new(role)
            .with_rsv(extension.rsv())
            // Without a frame limit the message limit holds for each frame, and names the error.
            .with_max_len(limits.frame.unwrap_or(u64::MAX));
        Self {
            frames: FrameDecoder::new(rules),
            bounds: Bounds::new(limits),
            extension,
            way: Way::Held,
            opcode: OpCode::Ping,
            fin: true,
            closed: false,
            open: None,
            held: Assembly::new(),
            coded: Coded::new(),
            batch: false,
            control_len: 0,
            control: [0; MAX_CONTROL_LEN],
        }
    }

    /// Sets the first offset, for a stream whose handshake was read before. The default is 0.
    #[must_use]
    pub fn with_offset(self, offset: u64) -> Self {
        Self {
            frames: self.frames.with_offset(offset),
            ..self
        }
    }

    /// Reports that the stream has ended.
    ///
    /// # Errors
    /// [`PeerError::UnexpectedEof`] inside a frame or a fragmented message, or the earlier fault, if
    /// there was one.
    pub fn end(&mut self) -> Result<(), Fault> {
        if self.closed {
            return Ok(());
        }
        self.frames.end()
    }

    /// Replaces the extension between two messages. Frames may then carry the bits of the new one.
    pub fn exchange_extension(&mut self, with: impl FnOnce(&mut E)) {
        with(&mut self.extension);
        let rules = self.frames.rules_mut();
        *rules = rules.with_rsv(self.extension.rsv());
    }

    /// The first primitive: takes a frame header off `input`, from `at` on. `None` if the input ends
    /// before the header does. The caller must not call this within a frame. `pieces` says how a
    /// message is received that begins with this frame.
    #[inline(always)]
    pub(super) fn header(
        &mut self,
        input: &[u8],
        at: &mut usize,
        pieces: bool,
    ) -> Result<Option<FrameHeader>, Fault> {
        match self.frames.whole_header(input, at)? {
            Some(header) => self.begin_frame(&header, pieces).map(|()| Some(header)),
            None => self.cut_header(input, at, pieces),
        }
    }

    /// [`header`](Self::header) for a header that the end of the input cuts. Apart, so that the compiler
    /// keeps the fields of all other headers in registers.
    #[inline(never)]
    fn cut_header(
        &mut self,
        input: &[u8],
        at: &mut usize,
        pieces: bool,
    ) -> Result<Option<FrameHeader>, Fault> {
        match self.frames.cut_header(input, at)? {
            Some(header) => self.begin_frame(&header, pieces).map(|()| Some(header)),
            None => self.check_announced().map(|()| None),
        }
    }

    /// Holds a frame to the rules and limits of messages, and begins its payload.
    #[inline(always)]
    fn begin_frame(&mut self, header: &FrameHeader, pieces: bool) -> Result<(), Fault> {
        self.fin = header.fin;
        if header.opcode.is_control() {
            (self.way, self.opcode) = (Way::Control, header.opcode);
            self.control_len = 0;
            return Ok(());
        }
        let (bounds, extension) = (&self.bounds, &mut self.extension);
        let open = match Open::header(&mut self.open, header, pieces, bounds, extension) {
            Ok(open) => open,
            Err(error) => return self.frames.fail(error, self.frames.frame_offset()),
        };
        self.way = open.way();
        self.coded.done = self.way != Way::DecodedPieces;
        if header.opcode != OpCode::Continuation {
            if !self.batch {
                self.held.clear();
            }
            self.held.begin();
            if pieces {
                self.coded.restart();
            }
        }
        Ok(())
    }

    /// Holds the front of a header that is not complete to the limits of messages.
    fn check_announced(&mut self) -> Result<(), Fault> {
        let least = Open::least(&self.open, &self.bounds);
        if let Some(header) = self.frames.announced(least)
            && let Err(error) = Open::announced(&self.open, &header, &self.bounds)
        {
            return self.frames.fail(error, self.frames.frame_offset());
        }
        Ok(())
    }

    /// The second primitive: takes the next payload of the frame off `input`, from `at` on, and returns
    /// the place where it lies, unmasked and checked.
    ///
    /// - Of a message in pieces: the bytes of the input, or the bytes that the extension decoded. The
    ///   place is empty if the input or the frame is used up.
    /// - Of a whole message: all of the message that came so far.
    /// - Of a control frame: all of its payload that came so far.
    ///
    /// `pieces` is the same for all frames of a message: the loops refuse a message that was begun in the
    /// other way.
    #[inline(always)]
    pub(super) fn payload(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
        pieces: bool,
    ) -> Result<Place, Fault> {
        match (self.way, pieces) {
            (Way::Control, _) => Ok(self.take_control(input, at)),
            (Way::Held, false) => self.take_held(input, at),
            (Way::InPlace, true) => self.take_in_place(input, at),
            _ => self.take_coded(input, at),
        }
    }

    /// Whether the frame is complete. If it is, a header is next.
    #[inline(always)]
    pub(super) fn end_frame(&mut self) -> bool {
        self.coded.done && self.frames.end_frame()
    }

    /// Takes the payload of a control frame. It is copied only if the end of the input cuts it.
    fn take_control(&mut self, input: &mut [u8], at: &mut usize) -> Place {
        let piece = self.frames.take(input.len() - *at);
        let range = *at..*at + piece.len;
        *at = range.end;
        let source = &mut input[range.clone()];
        piece.unmask(source, false);
        if piece.is_last && self.control_len == 0 {
            return Place::Input(range);
        }
        let have = usize::from(self.control_len);
        self.control[have..have + piece.len].copy_from_slice(source);
        self.control_len += piece.len as u8;
        Place::Control(0..have + piece.len)
    }

    /// Takes payload of a message in pieces that needs no decoding.
    #[inline]
    fn take_in_place(&mut self, input: &mut [u8], at: &mut usize) -> Result<Place, Fault> {
        let piece = self.frames.take(input.len() - *at);
        let mut range = *at..*at + piece.len;
        *at = range.end;
        let data = &mut input[range.clone()];
        let Some(open) = &mut self.open else {
            return Ok(Place::Input(range));
        };
        let ascii = piece.unmask(data, open.is_text());
        if open.is_text()
            && let Err(good) = open.text(data, ascii)
        {
            // The bytes before the fault are handed out, as they are where the input is cut there. The
            // next call answers the fault.
            let failed = self.bad_text(piece.len, good);
            if good == 0 {
                return failed;
            }
            range.end = range.start + good;
        }
        Ok(Place::Input(range))
    }

    /// Takes payload of a whole message that needs no decoding. A message that has one frame, and all
    /// of it in this input, stays there. All other payload is unmasked while it is copied.
    #[inline(always)]
    fn take_held(&mut self, input: &mut [u8], at: &mut usize) -> Result<Place, Fault> {
        let piece = self.frames.take(input.len() - *at);
        let range = *at..*at + piece.len;
        *at = range.end;
        let source = &mut input[range.clone()];
        let Some(open) = &mut self.open else {
            return Ok(Place::Input(range));
        };
        let text = open.is_text();
        if piece.is_last && self.fin && self.held.len() == 0 && open.has_one_frame() {
            let ascii = piece.unmask(source, text);
            return match text.then(|| open.text(source, ascii)) {
                Some(Err(good)) => self.bad_text(piece.len, good),
                _ => Ok(Place::Input(range)),
            };
        }
        let target = match self.held.space(piece.len, self.bounds.message) {
            Ok(target) => target,
            Err(error) => return self.frames.fail(error.into(), self.frames.offset()),
        };
        let ascii = piece.copy(source, target, text);
        if text && let Err(good) = open.text(target, ascii) {
            return self.bad_text(piece.len, good);
        }
        self.held.advance(piece.len);
        Ok(Place::Held(self.held.range()))
    }

    /// Has the extension decode payload: see `coded.rs`.
    fn take_coded(&mut self, input: &mut [u8], at: &mut usize) -> Result<Place, Fault> {
        let Some(open) = &mut self.open else {
            return Ok(Place::Held(0..0));
        };
        let work = Work {
            frames: &mut self.frames,
            extension: &mut self.extension,
            open,
            held: &mut self.held,
            bounds: &self.bounds,
            fin: self.fin,
        };
        match self.way {
            Way::DecodedPieces => work.piece(&mut self.coded, input, at),
            _ => work.whole(input, at),
        }
    }

    /// Counts in the first `len` bytes that were written to [`space`](Self::space): the second primitive,
    /// for payload that lies in the buffer already.
    pub(super) fn take_written(&mut self, len: usize) -> Result<Place, Fault> {
        assert!(len as u64 <= self.room(), "more than the space handed out");
        let piece = self.frames.take(len);
        if let Some(open) = &mut self.open {
            let data = self.held.written(len);
            let ascii = piece.unmask(data, open.is_text());
            if open.is_text()
                && let Err(good) = open.text(data, ascii)
            {
                return self.bad_text(len, good);
            }
            self.held.advance(len);
        }
        Ok(Place::Held(self.held.range()))
    }

    /// How many bytes of the stream [`space`](Self::space) can be handed out for.
    pub(super) fn room(&self) -> u64 {
        match self.way {
            Way::Held => self.frames.left(),
            _ => 0,
        }
    }

    /// The final frame of the open message is complete, and the message lies at `place`.
    #[inline(always)]
    pub(super) fn end_message(&mut self, place: Place) -> Result<Option<FoundMessage>, Fault> {
        let Some(open) = &self.open else {
            return Ok(None);
        };
        if !open.may_end() {
            let error = PeerError::InvalidUtf8.into();
            return self.frames.fail(error, self.frames.offset());
        }
        let found = open.found(place);
        self.open = None;
        Ok(Some(found))
    }

    /// Checks a control frame that is complete, and returns its type.
    #[inline(always)]
    pub(super) fn end_control(&mut self, input: &[u8], place: &Place) -> Result<OpCode, Fault> {
        if self.opcode == OpCode::Close {
            let payload = self.bytes(input, place);
            if let Err(fault) = CloseFrame::parse(payload) {
                let start = self.frames.offset() - payload.len() as u64;
                return self.frames.fail(fault.error, start + fault.offset);
            }
            self.closed = true;
        }
        Ok(self.opcode)
    }

    /// The input is used up between two messages: see [`MessageDecoder`] on memory.
    #[inline]
    pub(super) fn rest(&mut self) {
        if self.held.is_large() && self.open.is_none() && !self.batch {
            self.held.age();
        }
    }
}

/// The state that the loops in other files look at.
impl<E> MessageDecoder<E> {
    /// The number of bytes taken so far, from the offset that the decoder began with.
    pub fn offset(&self) -> u64 {
        self.frames.offset()
    }

    /// The offset of the first byte of the frame that was read last.
    pub fn frame_offset(&self) -> u64 {
        self.frames.frame_offset()
    }

    /// Whether a message is begun and not at its end.
    #[inline]
    pub fn in_message(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a message was begun by [`receive_piece`](Self::receive_piece) and is not at its end.
    #[inline]
    pub fn in_pieces(&self) -> bool {
        self.open.as_ref().is_some_and(Open::pieces)
    }

    /// Whether all that came was whole, and more may come. The decoder then knows nothing that a new
    /// decoder does not know, except for its extension.
    pub fn is_settled(&self) -> bool {
        !self.closed && self.frames.is_settled()
    }

    /// The extension.
    pub fn extension(&self) -> &E {
        &self.extension
    }

    /// The extension, to be changed; the bits that it owns stay the same.
    pub fn extension_mut(&mut self) -> &mut E {
        &mut self.extension
    }

    /// Bytes of memory held for messages in parts.
    pub fn buffered(&self) -> usize {
        self.held.capacity()
    }

    /// Whether messages stay in the buffer.
    pub(super) fn in_batch(&self) -> bool {
        self.batch
    }

    /// The buffer in which messages in several parts are put together: the bytes that
    /// [`Place::Held`] is about. Within a batch the buffer may move, and the places stay the same.
    #[inline]
    pub fn held(&self) -> &[u8] {
        self.held.all()
    }

    /// The control frame that was put together last.
    #[inline]
    pub(super) fn held_control(&self) -> &[u8] {
        &self.control[..usize::from(self.control_len)]
    }

    /// As [`bytes`](Self::bytes), to be changed: for callers that work on a piece in place.
    ///
    /// # Panics
    /// As [`bytes`](Self::bytes).
    pub fn bytes_mut<'a>(&'a mut self, input: &'a mut [u8], place: &Place) -> &'a mut [u8] {
        match place {
            Place::Input(range) => &mut input[range.clone()],
            Place::Held(range) => &mut self.held.all_mut()[range.clone()],
            Place::Control(range) => &mut self.control[range.clone()],
        }
    }

    #[cfg(all(
        feature = "io",
        not(all(target_arch = "wasm32", target_os = "unknown"))
    ))]
    pub(crate) fn role(&self) -> Role {
        self.frames.role()
    }

    /// The message that is open.
    pub(super) fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    #[inline]
    pub(super) fn in_frame(&self) -> bool {
        self.frames.in_frame()
    }

    /// Whether no byte of a frame is taken that does not end it, and nothing has failed.
    #[inline]
    pub(super) fn is_between_frames(&self) -> bool {
        self.frames.is_between_frames()
    }

    /// Whether the frame whose payload comes is a control frame.
    #[inline]
    pub(super) fn in_control(&self) -> bool {
        self.way == Way::Control
    }

    /// Whether the frame whose payload comes, or came last, is the last of its message.
    #[inline]
    pub(super) fn is_final(&self) -> bool {
        self.fin
    }

    /// Drops the rest of the input, if a close frame came.
    #[inline(always)]
    pub(super) fn drop_if_closed(&mut self, input: &[u8], at: &mut usize) -> bool {
        if self.closed {
            self.frames.skip(input.len() - *at);
            *at = input.len();
        }
        self.closed
    }

    /// Has the frames behind a close frame be read too.
    pub(super) fn ignore_close(&mut self) {
        self.closed = false;
    }

    /// A message is received in another way than it was begun. A fault that came before stays.
    #[cold]
    pub(super) fn misused(&self) -> Fault {
        let misuse = ErrorKind::from(MisuseError::MessageInPieces).at(self.frames.offset());
        self.frames.fault().unwrap_or(misuse)
    }

    /// The fault of a text that is known to have one, whose last `len` bytes were taken just now; the
    /// first `good` of them may be text.
    #[cold]
    pub(super) fn bad_text<T>(&mut self, len: usize, good: usize) -> Result<T, Fault> {
        let start = self.frames.offset() - len as u64;
        self.frames
            .fail(PeerError::InvalidUtf8.into(), start + good as u64)
    }

    /// The shape of a frame that goes through the shortcut for simple frames now.
    #[inline(always)]
    pub(super) fn shape(&self) -> Option<Shape> {
        match self.closed {
            true => None,
            false => self.frames.shape(self.bounds.message),
        }
    }

    /// The rules of single frames, and the limits and rules of messages.
    #[inline]
    pub(super) fn rules_mut(&mut self) -> (&mut Rules, &mut Bounds) {
        (self.frames.rules_mut(), &mut self.bounds)
    }

    /// Counts a frame in that has gone through the shortcut.
    #[inline(always)]
    pub(super) fn count(&mut self, frame: &Simple<'_>) {
        self.frames.count(frame);
    }

    /// Fails for lack of memory.
    #[cold]
    pub(super) fn out_of_memory<T>(&mut self, error: LimitError) -> Result<T, Fault> {
        self.frames.fail(error.into(), self.frames.offset())
    }

    /// Keeps messages in the buffer from here on until [`drop_finished`](Self::drop_finished).
    pub(super) fn keep_messages(&mut self) {
        self.batch = true;
    }

    /// Forgets all messages but the open one.
    pub(super) fn drop_finished(&mut self) {
        if self.open.is_none() {
            self.held.clear();
        }
        self.held.keep_open();
    }

    /// The buffer itself, and the most bytes of a message. Batches exchange the buffer.
    #[inline]
    pub(super) fn assembly(&mut self) -> (&mut Assembly, u64) {
        (&mut self.held, self.bounds.message)
    }
}
