//! Messages into bytes to send.

use alloc::vec::Vec;

use bytes::BufMut;

use super::{Kind, Message, Outbound, Plain, Prepared};
use crate::error::{Error, MisuseError};
use crate::frame::{Close, Header, MAX_CONTROL_LEN, OpCode, Rsv, mask};
use crate::utf8::Validator;

/// Where mask keys come from. A client needs a new one for each frame, that its peer's neighbours
/// can't guess (RFC 6455 §5.3, §10.3); any `FnMut() -> [u8; 4]` will do, over a CSPRNG.
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

/// No masks: what a server sends (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmasked;

impl MaskSource for Unmasked {
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        None
    }
}

/// Masks of zeros, against RFC 6455 §10.3: what is sent lies open to whatever is in between, which
/// may take it for another protocol. Only for networks where nothing is.
#[derive(Clone, Copy, Debug, Default)]
pub struct DangerouslyZero;

impl MaskSource for DangerouslyZero {
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        Some([0; 4])
    }
}

/// Writes messages and control frames, each frame with one header, appended to the caller's buffer
/// (a `Vec<u8>`, a `BytesMut`, any [`BufMut`]). What was appended is to be sent in that order.
///
/// ```
/// use wscodec::message::{Kind, Sender};
///
/// let mut sender = Sender::server();
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
/// # Ok::<(), wscodec::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sender<M = Unmasked, X = Plain> {
    keys: M,
    extension: X,
    open: Option<Open>,
    /// What the extension made of a payload.
    coded: Vec<u8>,
}

/// A message of which not all fragments were sent.
#[derive(Clone, Copy, Debug)]
struct Open {
    text: Option<Validator>,
    coded: bool,
}

impl Sender {
    /// A server's: unmasked, without extensions.
    pub fn server() -> Self {
        Self::new(Unmasked, Plain)
    }
}

impl<M: MaskSource> Sender<M> {
    /// A client's: masked with these keys, without extensions.
    pub fn client(keys: M) -> Self {
        Self::new(keys, Plain)
    }
}

impl<M: MaskSource, X: Outbound> Sender<M, X> {
    /// With any keys and an extension.
    pub fn new(keys: M, extension: X) -> Self {
        Self {
            keys,
            extension,
            open: None,
            coded: Vec::new(),
        }
    }

    /// Sends a text message in one frame.
    ///
    /// # Errors
    /// [`MisuseError::MessageUnfinished`] between [`begin`](Self::begin) and
    /// [`finish`](Self::finish), and what the extension says; nothing is written then.
    #[inline]
    pub fn text(&mut self, text: &str, out: &mut impl BufMut) -> Result<(), Error> {
        self.whole(Kind::Text, text.as_bytes(), out)
    }

    /// Sends a binary message in one frame.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    #[inline]
    pub fn binary(&mut self, payload: &[u8], out: &mut impl BufMut) -> Result<(), Error> {
        self.whole(Kind::Binary, payload, out)
    }

    /// Sends a message in one frame; a text is checked to be UTF-8.
    ///
    /// # Errors
    /// As for [`text`](Self::text), and [`MisuseError::TextNotUtf8`].
    pub fn send(&mut self, kind: Kind, payload: &[u8], out: &mut impl BufMut) -> Result<(), Error> {
        if kind == Kind::Text && simdutf8::basic::from_utf8(payload).is_err() {
            return Err(MisuseError::TextNotUtf8.into());
        }
        self.whole(kind, payload, out)
    }

    /// Sends a message that was received, as it is: its text was checked then.
    ///
    /// # Errors
    /// As for [`text`](Self::text), and [`MisuseError::TextNotUtf8`] for one that wasn't, because
    /// it is [`opaque`](Message::opaque).
    #[inline]
    pub fn forward(&mut self, message: Message<'_>, out: &mut impl BufMut) -> Result<(), Error> {
        if message.opaque {
            return self.send(message.kind, message.payload, out);
        }
        self.whole(message.kind, message.payload, out)
    }

    /// Sends the first fragment of a message. Control frames may be sent before the next, other
    /// messages only after the last (RFC 6455 §5.4). Text may be cut within a character.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn begin(&mut self, kind: Kind, part: &[u8], out: &mut impl BufMut) -> Result<(), Error> {
        if self.open.is_some() {
            return Err(MisuseError::MessageUnfinished.into());
        }
        let mut text = (kind == Kind::Text).then(Validator::new);
        check_text(&mut text, part, false)?;
        let rsv = self.extension.begin(kind, None);
        let coded = !rsv.is_empty();
        let header = Header {
            fin: false,
            rsv,
            ..Header::new(kind.opcode(), 0)
        };
        self.part(header, part, coded, out)?;
        self.open = Some(Open { text, coded });
        Ok(())
    }

    /// Sends the next fragment of a message, not its last.
    ///
    /// # Errors
    /// [`MisuseError::NoMessageBegun`], [`MisuseError::TextNotUtf8`], and what the extension says;
    /// nothing is written then.
    pub fn more(&mut self, part: &[u8], out: &mut impl BufMut) -> Result<(), Error> {
        self.fragment(part, false, out)
    }

    /// Sends the last fragment of a message, which may be empty.
    ///
    /// # Errors
    /// As for [`more`](Self::more).
    pub fn finish(&mut self, part: &[u8], out: &mut impl BufMut) -> Result<(), Error> {
        self.fragment(part, true, out)
    }

    /// Sends a message that was framed once for many receivers, in its coded form if it has one
    /// that the extension lets [pass](Outbound::pass). A client's is masked anew.
    ///
    /// # Errors
    /// [`MisuseError::MessageUnfinished`].
    pub fn prepared(&mut self, message: &Prepared, out: &mut impl BufMut) -> Result<(), Error> {
        if self.open.is_some() {
            return Err(MisuseError::MessageUnfinished.into());
        }
        let form = message.form(|rsv, needs| self.extension.pass(rsv, needs));
        match self.keys.next_key() {
            None => out.put_slice(&form.frame),
            mask @ Some(_) => {
                let header = Header {
                    mask,
                    rsv: form.rsv,
                    ..Header::new(message.kind().opcode(), 0)
                };
                write(header, form.payload(), out);
            }
        }
        Ok(())
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// [`MisuseError::ControlPayloadTooLong`].
    pub fn ping(&mut self, payload: &[u8], out: &mut impl BufMut) -> Result<(), MisuseError> {
        self.control(OpCode::Ping, payload, out)
    }

    /// Sends a pong, of at most 125 bytes: a ping's payload, or any if none was asked for.
    ///
    /// # Errors
    /// [`MisuseError::ControlPayloadTooLong`].
    pub fn pong(&mut self, payload: &[u8], out: &mut impl BufMut) -> Result<(), MisuseError> {
        self.control(OpCode::Pong, payload, out)
    }

    /// Sends a close frame; `None` gives no code. Nothing must be sent after it (RFC 6455 §5.5.1),
    /// which is the caller's to see to.
    ///
    /// # Errors
    /// Those of [`Close::encode`]; nothing is written then.
    pub fn close(
        &mut self,
        close: Option<Close<'_>>,
        out: &mut impl BufMut,
    ) -> Result<(), MisuseError> {
        let mut payload = [0; MAX_CONTROL_LEN];
        let len = match close {
            Some(close) => close.encode(&mut payload)?,
            None => 0,
        };
        self.control(OpCode::Close, &payload[..len], out)
    }

    /// The extension.
    pub fn extension(&self) -> &X {
        &self.extension
    }

    /// The extension, to be changed.
    pub fn extension_mut(&mut self) -> &mut X {
        &mut self.extension
    }

    /// Whether a message is begun and not finished.
    pub fn in_message(&self) -> bool {
        self.open.is_some()
    }

    /// Bytes of memory held for what the extension makes of payloads.
    pub fn buffered(&self) -> usize {
        self.coded.capacity()
    }

    /// Gives that memory back.
    pub fn shrink(&mut self) {
        self.coded = Vec::new();
    }

    #[inline]
    fn whole(&mut self, kind: Kind, payload: &[u8], out: &mut impl BufMut) -> Result<(), Error> {
        if self.open.is_some() {
            return Err(MisuseError::MessageUnfinished.into());
        }
        let rsv = self.extension.begin(kind, Some(payload.len()));
        let header = Header {
            rsv,
            ..Header::new(kind.opcode(), 0)
        };
        self.part(header, payload, rsv != Rsv::NONE, out)
    }

    fn fragment(&mut self, part: &[u8], fin: bool, out: &mut impl BufMut) -> Result<(), Error> {
        let Some(mut open) = self.open else {
            return Err(MisuseError::NoMessageBegun.into());
        };
        check_text(&mut open.text, part, fin)?;
        let header = Header {
            fin,
            ..Header::new(OpCode::Continuation, 0)
        };
        self.part(header, part, open.coded, out)?;
        self.open = (!fin).then_some(open);
        Ok(())
    }

    #[inline]
    fn part(
        &mut self,
        header: Header,
        part: &[u8],
        coded: bool,
        out: &mut impl BufMut,
    ) -> Result<(), Error> {
        let mask = self.keys.next_key();
        let header = Header { mask, ..header };
        if coded {
            self.coded.clear();
            self.extension.encode(part, header.fin, &mut self.coded)?;
            write(header, &self.coded, out);
        } else {
            write(header, part, out);
        }
        Ok(())
    }

    fn control(
        &mut self,
        opcode: OpCode,
        payload: &[u8],
        out: &mut impl BufMut,
    ) -> Result<(), MisuseError> {
        if payload.len() > MAX_CONTROL_LEN {
            return Err(MisuseError::ControlPayloadTooLong);
        }
        let mask = self.keys.next_key();
        let header = Header {
            mask,
            ..Header::new(opcode, 0)
        };
        write(header, payload, out);
        Ok(())
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

/// Appends a frame, which the rules allow to be sent: data of any length, or a whole control frame
/// of at most 125 bytes.
#[inline(always)]
fn write(header: Header, payload: &[u8], out: &mut impl BufMut) {
    let len = payload.len() as u64;
    Header { len, ..header }.put(|bytes| out.put_slice(bytes));
    let Some(key) = header.mask else {
        return out.put_slice(payload);
    };
    // `BufMut` can't be masked in place: the bytes go through registers, or a block on the stack.
    match payload.len() {
        0..SHORT => put_masked_short(u32::from_ne_bytes(key), payload, out),
        SHORT..LONG => put_masked(u32::from_ne_bytes(key), payload, out),
        _ => put_masked_long(key, payload, out),
    }
}

/// Below this length a call would cost more than it saves.
const SHORT: usize = 64;

#[inline(always)]
fn put_masked_short(key: u32, payload: &[u8], out: &mut impl BufMut) {
    let rest = put_masked_blocks::<16>(key, payload, out);
    let rest = put_masked_blocks::<4>(key, rest, out);
    for (byte, key) in rest.iter().zip(key.to_ne_bytes()) {
        out.put_u8(byte ^ key);
    }
}

#[inline(never)]
fn put_masked(key: u32, payload: &[u8], out: &mut impl BufMut) {
    let rest = put_masked_blocks::<64>(key, payload, out);
    put_masked_short(key, rest, out);
}

/// Masks the blocks of this length, a multiple of the key's, and returns the rest. Being of a
/// constant length, they are XORed in registers and go from there to where they belong.
#[inline(always)]
fn put_masked_blocks<'p, const N: usize>(
    key: u32,
    payload: &'p [u8],
    out: &mut impl BufMut,
) -> &'p [u8] {
    let (blocks, rest) = payload.as_chunks::<N>();
    for block in blocks {
        let mut block = *block;
        for word in block.as_chunks_mut::<4>().0 {
            *word = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
        }
        out.put_slice(&block);
    }
    rest
}

/// From this length on a payload goes through a block that is long enough for the widest registers;
/// clearing it costs shorter ones more than it saves.
const LONG: usize = 4 << 10;

#[inline(never)]
fn put_masked_long(key: [u8; 4], payload: &[u8], out: &mut impl BufMut) {
    let mut block = [0; LONG];
    for piece in payload.chunks(LONG) {
        mask::copy(key, 0, piece, &mut block); // a piece's length is a multiple of the key's
        out.put_slice(&block[..piece.len()]);
    }
}
