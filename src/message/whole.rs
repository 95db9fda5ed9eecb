//! The loop that receives whole messages.
//!
//! The problem: most messages are small, come in one frame, and lie in the input as a whole; a loop that is
//! right for fragments, cuts and extensions costs more than such a message does.
//!
//! Choice: [`receive`](MessageDecoder::receive) is inlined and tries the shortcut for simple frames, which
//! recognises one by a load and a comparison, and which has no rule of its own. If it does not fit, nothing
//! was taken, and a call runs the general loop over the two primitives `header` and `payload` of `recv.rs`.
//! An event that crosses a call in memory, written by parts and read as a whole, cost more than a small
//! frame: so the inlining is forced. The end of the input is looked at before the loop, because nearly every
//! call that gets there is the last one of an input that ends with a frame (100 instructions of 153).
//!
//! Invariant: with and without the shortcut, and at any split, the same bytes give the same events.

use core::mem;

use super::place::{FoundEvent, FoundMessage, Place};
use super::{Event, InboundExtension, Kind, MessageDecoder, MessageRef};
use crate::error::Fault;
use crate::frame::{OpCode, Simple};
use crate::utf8::Validator;

impl<E: InboundExtension> MessageDecoder<E> {
    /// Takes bytes from the front of `input` until there is an event; `None` when `input` is empty.
    /// The decoder drops the bytes after a close frame.
    ///
    /// # Errors
    /// The first broken rule or exceeded limit, with its offset. Every later call returns the same
    /// error.
    // Always inlined: an event that is handed over in memory, written by parts and read as a whole,
    // costs more than a small frame.
    #[inline(always)]
    pub fn receive<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Event<'r>>, Fault> {
        // Nearly all frames are simple, and lie in the input.
        if let Some(shape) = self.shape()
            && let Some(mut frame) = shape.take(input)
        {
            let ascii = self.take_simple(&mut frame)?;
            return Ok(Some(Event::Message(MessageRef {
                kind: kind(frame.text),
                payload: frame.payload,
                ascii,
                opaque: false,
            })));
        }
        self.receive_any(input)
    }

    /// [`receive`](Self::receive) without the shortcut.
    #[inline(never)]
    fn receive_any<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Event<'r>>, Fault> {
        let bytes = mem::take(input);
        let mut at = 0;
        let found = self.find_general(bytes, &mut at);
        let (taken, rest) = bytes.split_at_mut(at);
        *input = rest;
        match found? {
            Some(found) => Ok(Some(self.lend(taken, &found))),
            None => Ok(None),
        }
    }

    /// Like [`receive`](Self::receive), but returns the position of the payload instead of the
    /// payload, for callers that call this in a loop and [`lend`](Self::lend) the event afterwards.
    /// Takes bytes of `input` from `at` on, and sets `at` after the bytes that were taken.
    ///
    /// ```
    /// use wscodec::{Limits, frame::Role, message::{Event, FoundEvent, MessageDecoder, Place}};
    ///
    /// let mut decoder = MessageDecoder::new(Role::Client, &Limits::default());
    /// let (mut input, mut at) = (*b"\x8a\x00\x81\x02Hi\x82", 0);
    /// let found = loop {
    ///     match decoder.find(&mut input, &mut at)? {
    ///         Some(FoundEvent::Message(message)) => break message,
    ///         Some(_) => {}
    ///         None => panic!("the message is there"),
    ///     }
    /// };
    /// assert_eq!((&found.place, at), (&Place::Input(4..6), 6));
    /// assert_eq!(decoder.lend_message(&input, &found).text(), Some("Hi"));
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`receive`](Self::receive).
    ///
    /// # Panics
    /// If `at` is beyond the end of `input`.
    #[inline(always)]
    pub fn find(&mut self, input: &mut [u8], at: &mut usize) -> Result<Option<FoundEvent>, Fault> {
        if let Some(shape) = self.shape() {
            let len = input.len();
            let mut rest = &mut input[*at..];
            if let Some(mut frame) = shape.take(&mut rest) {
                *at = len - rest.len();
                let ascii = self.take_simple(&mut frame)?;
                return Ok(Some(FoundEvent::Message(FoundMessage {
                    kind: kind(frame.text),
                    place: Place::Input(*at - frame.payload.len()..*at),
                    ascii,
                    opaque: false,
                })));
            }
        }
        self.find_any(input, at)
    }

    /// Like [`find`](Self::find), without the shortcut for simple frames, for callers that have tried
    /// [`find_simple`](Self::find_simple) before.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    ///
    /// # Panics
    /// The panics of [`find`](Self::find).
    #[inline(never)]
    pub fn find_any(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
    ) -> Result<Option<FoundEvent>, Fault> {
        self.find_general(input, at)
    }

    /// The loop.
    #[inline(always)]
    fn find_general(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
    ) -> Result<Option<FoundEvent>, Fault> {
        if self.in_pieces() {
            return Err(self.misused());
        }
        if self.drop_if_closed(input, at) {
            return Ok(None);
        }
        // Nearly every call that comes here is the last one of an input that ends with a frame.
        if *at == input.len() && self.is_between_frames() {
            self.rest();
            return Ok(None);
        }
        loop {
            if !self.in_frame() && self.header(input, at, false)?.is_none() {
                self.rest();
                return Ok(None);
            }
            let place = self.payload(input, at, false)?;
            if !self.end_frame() {
                return Ok(None);
            }
            if let Some(found) = self.complete(input, place)? {
                return Ok(Some(found));
            }
        }
    }

    /// The space for the next bytes of the stream. A caller may write them here instead of passing
    /// them to [`receive`](Self::receive), which saves a copy of large messages. It has at most `max`
    /// bytes, all of them payload of the current frame. `None` if the stream is not within such a
    /// payload, or if there is no memory; [`receive`](Self::receive) reports that then. Call
    /// [`fill`](Self::fill) afterwards.
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
        // Without memory, the caller passes the bytes to `receive`, which fails.
        let (buffer, most) = self.assembly();
        buffer.space(max, most).ok()
    }

    /// Takes the first `len` bytes that were written to [`space`](Self::space).
    ///
    /// # Errors
    /// The errors of [`receive`](Self::receive).
    ///
    /// # Panics
    /// If `len` is larger than the length of `space`.
    pub fn fill(&mut self, len: usize) -> Result<Option<Event<'_>>, Fault> {
        match self.find_filled(len)? {
            Some(found) => Ok(Some(self.lend(&[], &found))),
            None => Ok(None),
        }
    }

    /// Like [`fill`](Self::fill), but returns the position of the payload, like [`find`](Self::find).
    ///
    /// # Errors
    /// The errors of [`receive`](Self::receive).
    ///
    /// # Panics
    /// The panics of [`fill`](Self::fill).
    pub fn find_filled(&mut self, len: usize) -> Result<Option<FoundEvent>, Fault> {
        let place = self.take_written(len)?;
        match len > 0 && self.end_frame() {
            true => self.complete(&[], place),
            false => Ok(None),
        }
    }

    /// The event that is complete with the frame that has ended, whose payload lies at `place`.
    #[inline(always)]
    fn complete(&mut self, input: &[u8], place: Place) -> Result<Option<FoundEvent>, Fault> {
        if self.in_control() {
            return Ok(Some(match self.end_control(input, &place)? {
                OpCode::Ping => FoundEvent::Ping(place),
                OpCode::Pong => FoundEvent::Pong(place),
                _ => FoundEvent::Close(place),
            }));
        }
        if !self.is_final() {
            return Ok(None);
        }
        Ok(self.end_message(place)?.map(FoundEvent::Message))
    }
}

/// The shortcut for simple frames: see `frame/simple.rs`.
impl<E> MessageDecoder<E> {
    /// Counts a simple frame in and unmasks it. Returns whether it is known to be ASCII.
    #[inline(always)]
    pub(super) fn take_simple(&mut self, frame: &mut Simple<'_>) -> Result<bool, Fault> {
        self.count(frame);
        match frame.unmask() {
            Some(ascii) => Ok(ascii),
            None => self.bad_simple(frame.payload),
        }
    }

    /// A simple frame that is not UTF-8: a fault, unless the caller accepts such texts. They come
    /// through here, so that all others need no look at the setting.
    #[cold]
    fn bad_simple(&mut self, text: &[u8]) -> Result<bool, Fault> {
        if !self.rules_mut().1.utf8 {
            return Ok(false);
        }
        let good = Validator::new().push(text).err().unwrap_or(text.len());
        self.bad_text(text.len(), good)
    }
}

/// The kind of a simple message.
#[inline(always)]
fn kind(text: bool) -> Kind {
    if text { Kind::Text } else { Kind::Binary }
}
