//! The message encoder: messages in, bytes to send out.
//!
//! Problem: a small message costs little besides its header, so a call with arguments in memory costs a
//! third of sending it. Compiling everything into each caller makes the wasm module too large.
//!
//! Choice: a whole message that no extension encodes is compiled into its caller (`whole`). Fragments,
//! prepared messages and encoded payloads share one copy. A client's payload is copied and masked in
//! one step, in registers (`write.rs`). The methods are generic over the payload (`Payload`): a slice,
//! or bytes that already lie in the output (`in_place.rs`). So the rules of sending are written once.
//!
//! Tried: tests for an extension and for texts that are not UTF-8 on the path of every message. They
//! are on the general path now, and an echo of 20 bytes takes 6.8 instructions more than the 335 that
//! it took before there were such extensions (callgrind).
//!
//! Invariant: every method appends one whole frame or fails, and a method that fails has appended
//! nothing and changed nothing. So the order is: check the state, make room, take a key, write.

use alloc::vec::Vec;

use super::write::{Append, Payload, write};
use super::{Buffer, Kind, MessageRef, NoExtension, OutboundExtension, Prepared};
use crate::error::{CloseCode, ErrorKind, MisuseError};
use crate::frame::{CloseFrame, FrameHeader, MAX_CONTROL_LEN, OpCode, Rsv};
use crate::utf8::Validator;

/// The source of mask keys. A client needs a new key for each frame, which programs near its peer
/// cannot predict (RFC 6455 §5.3, §10.3). Any `FnMut() -> [u8; 4]` over a cryptographic random
/// generator works.
pub trait MaskSource {
    /// The key of the next frame; `None` leaves it unmasked.
    fn next_key(&mut self) -> Option<[u8; 4]>;
}

impl<F: FnMut() -> [u8; 4]> MaskSource for F {
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        Some(self())
    }
}

/// No masks, as a server sends frames (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmasked;

impl MaskSource for Unmasked {
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        None
    }
}

/// Masks of zeros, against RFC 6455 §10.3. Hosts on the path see the payload as it is, and may take
/// it for another protocol. Use it only in networks without such hosts.
#[derive(Clone, Copy, Debug, Default)]
pub struct DangerouslyZero;

impl MaskSource for DangerouslyZero {
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        Some([0; 4])
    }
}

/// Encodes messages and control frames, and appends each frame to the caller's buffer (a `Vec<u8>`, a
/// `BytesMut`, or any [`Buffer`]). Send the bytes in the order in which they were appended.
///
/// Every method appends a whole frame or fails. A method that fails has appended nothing, and the
/// encoder can be used as if the method had not been called. If memory runs out, the error is
/// [`LimitError::OutOfMemory`](crate::LimitError::OutOfMemory).
///
/// ```
/// use wscodec::message::{Kind, MessageEncoder};
///
/// let mut sender = MessageEncoder::server();
/// let mut out = Vec::new();
/// sender.text("Hi", &mut out)?;
/// assert_eq!(out, b"\x81\x02Hi");
///
/// // In fragments, with a ping between them.
/// out.clear();
/// sender.begin(Kind::Binary, &[1, 2], &mut out)?;
/// sender.ping(b"", &mut out)?;
/// sender.finish(&[3], &mut out)?;
/// assert_eq!(out, [0x02, 2, 1, 2, 0x89, 0, 0x80, 1, 3]);
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageEncoder<M = Unmasked, X = NoExtension> {
    keys: M,
    extension: X,
    open: Option<Open>,
    /// The payload that the extension has encoded.
    coded: Vec<u8>,
    /// Whether texts must be UTF-8.
    utf8: bool,
}

/// A message of which not all fragments were sent.
#[derive(Clone, Copy, Debug)]
struct Open {
    text: Option<Validator>,
    coded: bool,
}

impl MessageEncoder {
    /// Creates a server's encoder: without masks and extensions.
    pub fn server() -> Self {
        Self::new(Unmasked, NoExtension)
    }
}

impl<M: MaskSource> MessageEncoder<M> {
    /// Creates a client's encoder: with these mask keys, without extensions.
    pub fn client(keys: M) -> Self {
        Self::new(keys, NoExtension)
    }
}

impl<M: MaskSource, X: OutboundExtension> MessageEncoder<M, X> {
    /// Creates an encoder with these mask keys and this extension.
    pub fn new(keys: M, extension: X) -> Self {
        Self {
            keys,
            extension,
            open: None,
            coded: Vec::new(),
            utf8: true,
        }
    }

    /// Sends a text message in one frame.
    ///
    /// # Errors
    /// [`MisuseError::MessageUnfinished`] between [`begin`](Self::begin) and
    /// [`finish`](Self::finish), an error of the extension, and an error of the
    /// [buffer](Buffer::make_room); nothing is written then.
    #[inline]
    pub fn text(&mut self, text: &str, out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.append(Kind::Text, text.as_bytes(), out)
    }

    /// Sends a binary message in one frame.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    #[inline]
    pub fn binary(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.append(Kind::Binary, payload, out)
    }

    /// Sends a message in one frame. The encoder checks that a text is valid UTF-8.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text), and [`MisuseError::TextNotUtf8`].
    pub fn send(
        &mut self,
        kind: Kind,
        payload: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        if kind == Kind::Text && simdutf8::basic::from_utf8(payload).is_err() {
            self.not_utf8()?;
        }
        self.append(kind, payload, out)
    }

    /// Sends a received message as it is, without a second check of its text.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text), and [`MisuseError::TextNotUtf8`] for a text that was not
    /// checked because it is [`opaque`](MessageRef::opaque).
    #[inline]
    pub fn forward(
        &mut self,
        message: MessageRef<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        match message.opaque {
            true => self.forward_opaque(message, out),
            false => self.append(message.kind, message.payload, out),
        }
    }

    #[cold]
    fn forward_opaque(
        &mut self,
        message: MessageRef<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        self.send(message.kind, message.payload, out)
    }

    /// Sends the first fragment of a message. Control frames may be sent before the next, other
    /// messages only after the last (RFC 6455 §5.4). Text may be cut within a character.
    ///
    /// # Errors
    /// The errors of [`send`](Self::send).
    pub fn begin(
        &mut self,
        kind: Kind,
        part: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        self.first(kind, Append { payload: part, out })
    }

    /// Sends the next fragment of a message, not its last.
    ///
    /// # Errors
    /// [`MisuseError::NoMessageBegun`], [`MisuseError::TextNotUtf8`], an error of the extension, and
    /// an error of the [buffer](Buffer::make_room); nothing is written then, and the same fragment
    /// can be sent again.
    pub fn more(&mut self, part: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.fragment(false, Append { payload: part, out })
    }

    /// Sends the last fragment of a message, which may be empty.
    ///
    /// # Errors
    /// The errors of [`more`](Self::more).
    pub fn finish(&mut self, part: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.fragment(true, Append { payload: part, out })
    }

    /// Sends a message that was encoded once for many receivers. It sends the coded form if there is
    /// one that the extension [accepts](OutboundExtension::pass). A client masks the message anew.
    ///
    /// # Errors
    /// [`MisuseError::MessageUnfinished`], and an error of the [buffer](Buffer::make_room).
    pub fn prepared(&mut self, message: &Prepared, out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.is_between_messages()?;
        let form = message.form(|rsv, needs| self.extension.pass(rsv, needs));
        match self.keys.next_key() {
            None => {
                out.make_room(form.frame.len())?;
                out.put_slice(&form.frame);
                Ok(())
            }
            mask @ Some(_) => {
                let header = FrameHeader {
                    mask,
                    rsv: form.rsv,
                    ..FrameHeader::new(message.kind().opcode(), 0)
                };
                write(header, form.payload(), out)
            }
        }
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// [`MisuseError::ControlPayloadTooLong`], and an error of the [buffer](Buffer::make_room).
    pub fn ping(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.control(OpCode::Ping, payload, out)
    }

    /// Sends a pong of at most 125 bytes. It has the payload of a ping, or any payload if it is
    /// unsolicited.
    ///
    /// # Errors
    /// The errors of [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.control(OpCode::Pong, payload, out)
    }

    /// Sends a close frame. With `None` for the code it is empty. The caller must send nothing after
    /// it (RFC 6455 §5.5.1).
    ///
    /// ```
    /// # use wscodec::{CloseCode, message::MessageEncoder};
    /// let mut out = Vec::new();
    /// MessageEncoder::server().close(CloseCode::NORMAL, "bye", &mut out)?;
    /// assert_eq!(out, b"\x88\x05\x03\xe8bye");
    /// # Ok::<(), wscodec::ErrorKind>(())
    /// ```
    ///
    /// # Errors
    /// [`MisuseError::CloseCodeNotSendable`], [`MisuseError::CloseReasonTooLong`],
    /// [`MisuseError::CloseReasonAlone`] for a reason without a code, and an error of the
    /// [buffer](Buffer::make_room); nothing is written then.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        let mut payload = [0; MAX_CONTROL_LEN];
        let len = close_payload(code.into(), reason, &mut payload)?;
        self.control(OpCode::Close, &payload[..len], out)
    }

    /// The extension.
    pub fn extension(&self) -> &X {
        &self.extension
    }

    /// The extension, mutably.
    pub fn extension_mut(&mut self) -> &mut X {
        &mut self.extension
    }

    /// The source of mask keys, mutably.
    pub fn keys_mut(&mut self) -> &mut M {
        &mut self.keys
    }

    /// Whether a message has begun and is not finished.
    pub fn in_message(&self) -> bool {
        self.open.is_some()
    }

    /// The number of bytes that the encoder holds for coded payloads.
    pub fn buffered(&self) -> usize {
        self.coded.capacity()
    }

    /// Frees that memory.
    pub fn shrink(&mut self) {
        self.coded = Vec::new();
    }

    // The module for JavaScript has one copy, because it sends small messages in place.
    #[cfg_attr(
        not(all(target_arch = "wasm32", target_os = "unknown")),
        inline(always)
    )]
    #[cfg_attr(all(target_arch = "wasm32", target_os = "unknown"), inline(never))]
    fn append(
        &mut self,
        kind: Kind,
        payload: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        let mask = self.keys.next_key();
        self.whole(kind, mask, Append { payload, out })
    }

    /// Whether texts must be UTF-8, to be changed.
    pub(super) fn utf8_mut(&mut self) -> &mut bool {
        &mut self.utf8
    }

    /// A text is not UTF-8: an error, unless the caller sends such texts. Only they come here, so that
    /// all others need no look at the setting.
    #[cold]
    pub(super) fn not_utf8(&self) -> Result<(), MisuseError> {
        match self.utf8 {
            true => Err(MisuseError::TextNotUtf8),
            false => Ok(()),
        }
    }

    /// Whether a message may begin.
    #[inline]
    pub(super) fn is_between_messages(&self) -> Result<(), MisuseError> {
        match self.open {
            Some(_) => Err(MisuseError::MessageUnfinished),
            None => Ok(()),
        }
    }

    /// Sends a message in one frame. Each caller has a copy of this for messages that are not encoded: a
    /// call, and arguments in memory, cost a third of what a small message costs. The encoding, which is
    /// large and costs more than a call, is compiled once.
    #[inline(always)]
    pub(super) fn whole(
        &mut self,
        kind: Kind,
        mask: Option<[u8; 4]>,
        payload: impl Payload,
    ) -> Result<(), ErrorKind> {
        self.is_between_messages()?;
        let rsv = self.extension.begin(kind, Some(payload.len()));
        let header = FrameHeader {
            mask,
            ..FrameHeader::new(kind.opcode(), 0)
        };
        // Two headers, so that this one stays in registers.
        match rsv == Rsv::NONE {
            true => payload.write(header),
            false => self.coded_part(FrameHeader { rsv, ..header }, payload, false),
        }
    }

    // The wasm module has one copy for its encoders and its sessions.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn first(&mut self, kind: Kind, payload: impl Payload) -> Result<(), ErrorKind> {
        self.is_between_messages()?;
        let mask = self.keys.next_key();
        let mut text = (kind == Kind::Text && self.utf8).then(Validator::new);
        check_text(&mut text, payload.bytes(mask.is_some())?, false)?;
        let rsv = self.extension.begin(kind, None);
        let coded = !rsv.is_empty();
        let header = FrameHeader {
            fin: false,
            rsv,
            mask,
            ..FrameHeader::new(kind.opcode(), 0)
        };
        self.part(header, payload, coded, false)?;
        self.open = Some(Open { text, coded });
        Ok(())
    }

    // The wasm module has one copy for its encoders and its sessions.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn fragment(&mut self, fin: bool, payload: impl Payload) -> Result<(), ErrorKind> {
        let Some(mut open) = self.open else {
            return Err(MisuseError::NoMessageBegun.into());
        };
        let mask = self.keys.next_key();
        check_text(&mut open.text, payload.bytes(mask.is_some())?, fin)?;
        let header = FrameHeader {
            fin,
            mask,
            ..FrameHeader::new(OpCode::Continuation, 0)
        };
        self.part(header, payload, open.coded, true)?;
        self.open = (!fin).then_some(open);
        Ok(())
    }

    /// Writes one frame of a message. `begun` says whether frames of the message were sent before.
    #[inline(always)]
    fn part(
        &mut self,
        header: FrameHeader,
        payload: impl Payload,
        coded: bool,
        begun: bool,
    ) -> Result<(), ErrorKind> {
        match coded {
            true => self.coded_part(header, payload, begun),
            false => payload.write_apart(header),
        }
    }

    /// [`part`](Self::part) of a message that the extension encodes.
    #[inline(never)]
    fn coded_part(
        &mut self,
        header: FrameHeader,
        payload: impl Payload,
        begun: bool,
    ) -> Result<(), ErrorKind> {
        self.coded.clear();
        let encoded = payload
            .bytes(header.mask.is_some())
            .map_err(ErrorKind::from)
            .and_then(|part| self.extension.encode(part, header.fin, &mut self.coded));
        let result = encoded.and_then(|()| payload.write_coded(header, &self.coded));
        self.coded_part_ends(result.is_err(), begun);
        result
    }

    /// The end of [`coded_part`](Self::coded_part), apart from the kind of payload.
    fn coded_part_ends(&mut self, has_failed: bool, begun: bool) {
        if has_failed {
            self.extension.discard(begun);
        }
        if self.coded.capacity() > KEPT {
            self.coded = Vec::new();
        }
    }

    // The wasm module has one copy for its encoders and its sessions.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn control(
        &mut self,
        opcode: OpCode,
        payload: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        if payload.len() > MAX_CONTROL_LEN {
            return Err(MisuseError::ControlPayloadTooLong.into());
        }
        let mask = self.keys.next_key();
        let header = FrameHeader {
            mask,
            ..FrameHeader::new(opcode, 0)
        };
        write(header, payload, out)
    }
}

/// The most memory that a sender keeps between messages for the payloads that its extension codes. A
/// larger message costs an allocation of its own.
const KEPT: usize = 64 << 10;

/// Writes the payload of a close frame and returns its length.
pub(crate) fn close_payload(
    code: Option<CloseCode>,
    reason: &str,
    payload: &mut [u8; MAX_CONTROL_LEN],
) -> Result<usize, MisuseError> {
    match code {
        Some(code) => CloseFrame { code, reason }.encode(payload),
        None if reason.is_empty() => Ok(0),
        None => Err(MisuseError::CloseReasonAlone),
    }
}

/// Checks the next part of a text; the last one must not end within a character.
fn check_text(text: &mut Option<Validator>, part: &[u8], last: bool) -> Result<(), MisuseError> {
    let Some(text) = text else { return Ok(()) };
    if text.push(part).is_err() || last && !text.is_complete() {
        return Err(MisuseError::TextNotUtf8);
    }
    Ok(())
}
