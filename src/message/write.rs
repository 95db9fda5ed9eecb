//! One frame to the end of a buffer.
//!
//! The methods of [`MessageEncoder`](super::MessageEncoder) decide which frame may be sent, and a
//! [`Payload`] knows where its bytes lie and where the frame goes. Masking happens while the bytes are
//! copied. Which loop is taken depends on the length: see [`SHORT`] and [`LONG`].

use bytes::BufMut;

use super::Buffer;
use crate::error::{ErrorKind, MisuseError};
use crate::frame::{FrameHeader, mask, plain};

/// A payload and the place of its frame.
pub(super) trait Payload {
    /// The number of bytes.
    fn len(&self) -> usize;

    /// The bytes, where the frame has a mask key or has none.
    fn bytes(&self, masked: bool) -> Result<&[u8], MisuseError>;

    /// Writes the frame. The length in the header is set.
    fn write(self, header: FrameHeader) -> Result<(), ErrorKind>;

    /// The same for a frame that is less usual than a whole message, compiled once.
    fn write_apart(self, header: FrameHeader) -> Result<(), ErrorKind>;

    /// Writes the frame with what an extension made of the bytes.
    fn write_coded(self, header: FrameHeader, coded: &[u8]) -> Result<(), ErrorKind>;
}

/// A payload from elsewhere, for the end of a buffer.
pub(super) struct Append<'a, B> {
    pub(super) payload: &'a [u8],
    pub(super) out: &'a mut B,
}

impl<B: Buffer> Payload for Append<'_, B> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.payload.len()
    }

    #[inline(always)]
    fn write_apart(self, header: FrameHeader) -> Result<(), ErrorKind> {
        self.write(header)
    }

    #[inline(always)]
    fn bytes(&self, _masked: bool) -> Result<&[u8], MisuseError> {
        Ok(self.payload)
    }

    #[inline(always)]
    fn write(self, header: FrameHeader) -> Result<(), ErrorKind> {
        write(header, self.payload, self.out)
    }

    #[inline(always)]
    fn write_coded(self, header: FrameHeader, coded: &[u8]) -> Result<(), ErrorKind> {
        write(header, coded, self.out)
    }
}

/// Appends a frame, which the rules allow to be sent: data of any length, or a whole control frame
/// of at most 125 bytes.
///
/// Nearly always the buffer has room. This case is compiled apart from the other one, which begins with an
/// allocation: where the two meet again before the frame is written, the compiler does not know how much
/// room there is, and checks it for each part of the header.
#[inline(always)]
pub(super) fn write(
    header: FrameHeader,
    payload: &[u8],
    out: &mut impl Buffer,
) -> Result<(), ErrorKind> {
    let len = payload.len() as u64;
    let header = FrameHeader { len, ..header };
    // The module for JavaScript sends small messages in place, and has one copy of this for the others.
    if cfg!(all(target_arch = "wasm32", target_os = "unknown")) {
        return write_grown(header, payload, out);
    }
    let room = |out: &mut _, header_len| match Buffer::has_room(out, header_len + payload.len()) {
        true => Ok(()),
        false => Err(()),
    };
    match header.put_with(out, room, |out, bytes| out.put_slice(bytes)) {
        Ok(()) => {
            put_payload(header.mask, payload, out);
            Ok(())
        }
        Err(()) => write_grown(header, payload, out),
    }
}

/// [`write`] to a buffer that has to grow first.
#[cold]
#[inline(never)]
fn write_grown(
    header: FrameHeader,
    payload: &[u8],
    out: &mut impl Buffer,
) -> Result<(), ErrorKind> {
    out.make_room(header.encoded_len() + payload.len())?;
    header.put(|bytes| out.put_slice(bytes));
    put_payload(header.mask, payload, out);
    Ok(())
}

#[inline(always)]
fn put_payload(mask: Option<[u8; 4]>, payload: &[u8], out: &mut impl BufMut) {
    let Some(key) = mask else {
        return match payload.len() {
            0..plain::LONG => out.put_slice(payload),
            _ => put_long(payload, out),
        };
    };
    // `BufMut` can't be masked in place: the bytes go through registers, or a block on the stack.
    match payload.len() {
        0..SHORT => put_masked_short(u32::from_ne_bytes(key), payload, out),
        SHORT..LONG => put_masked(u32::from_ne_bytes(key), payload, out),
        _ => put_masked_long(key, payload, out),
    }
}

#[inline(never)]
fn put_long(payload: &[u8], out: &mut impl BufMut) {
    for block in plain::blocks(payload) {
        out.put_slice(block);
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

/// From this length on a masked payload goes through a block that is long enough for the widest registers;
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
