//! Encodes a whole frame into a slice.

use bytes::BufMut;

use super::{FrameHeader, MAX_HEADER_LEN, mask};
use crate::error::MisuseError;

/// Writes a frame to the front of `out` and returns its length. The function sets the header's `len`
/// to the length of the payload. With a mask key, it masks the payload while it copies it.
///
/// # Errors
/// [`MisuseError::BufferTooSmall`], and the errors of [`FrameHeader::encode`].
///
/// ```
/// use wscodec::frame::{FrameHeader, OpCode, encode};
///
/// let mut out = [0; 16];
/// let n = encode(FrameHeader::new(OpCode::Ping, 0), b"now?", &mut out)?;
/// assert_eq!(&out[..n], b"\x89\x04now?");
/// # Ok::<(), wscodec::MisuseError>(())
/// ```
#[inline]
pub fn encode(header: FrameHeader, payload: &[u8], out: &mut [u8]) -> Result<usize, MisuseError> {
    let len = payload.len() as u64;
    let header = FrameHeader { len, ..header };
    header.check()?;
    let total = header.encoded_len() + payload.len();
    let Some(target) = out.get_mut(..total) else {
        return Err(MisuseError::BufferTooSmall);
    };
    let n = header.write(target);
    let body = &mut target[n..];
    match header.mask {
        Some(key) => mask::copy(key, 0, payload, body),
        None => body.copy_from_slice(payload),
    }
    Ok(total)
}

/// Finishes a frame whose payload is in `out` already, [`FrameHeader::encoded_len`] bytes from the
/// front. The function writes the header before it, masks the payload in place, and returns the
/// length of the frame.
///
/// # Errors
/// [`MisuseError::BufferTooSmall`] if `out` ends before the payload does, and the errors of
/// [`FrameHeader::encode`].
///
/// ```
/// use wscodec::frame::{FrameHeader, OpCode, encode_in_place};
///
/// let mut out = *b"......hi";
/// let header = FrameHeader { mask: Some([1, 2, 3, 4]), ..FrameHeader::new(OpCode::Text, 2) };
/// assert_eq!(encode_in_place(header, &mut out)?, 8);
/// assert_eq!(out, [0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2]);
/// # Ok::<(), wscodec::MisuseError>(())
/// ```
#[cfg_attr(target_family = "wasm", inline(never))]
#[cfg_attr(not(target_family = "wasm"), inline)]
pub fn encode_in_place(header: FrameHeader, out: &mut [u8]) -> Result<usize, MisuseError> {
    header.check()?;
    finish_in_place(header, out)
}

/// [`encode_in_place`] of a header that the rules allow to be sent.
#[inline(always)]
pub(crate) fn finish_in_place(header: FrameHeader, out: &mut [u8]) -> Result<usize, MisuseError> {
    let room = out.len();
    let mut rest = out;
    let room_for = |_: &mut _, header_len: usize| {
        let left = room.checked_sub(header_len);
        match left.is_some_and(|left| header.len <= left as u64) {
            true => Ok(()),
            false => Err(MisuseError::BufferTooSmall),
        }
    };
    header.put_with(&mut rest, room_for, |rest, bytes| rest.put_slice(bytes))?;
    let header_len = room - rest.len();
    let payload = &mut rest[..header.len as usize];
    if let Some(key) = header.mask {
        mask_payload(key, payload);
    }
    Ok(header_len + payload.len())
}

/// Out of line, because the loops are long and the function around them has a copy for each caller.
#[inline(never)]
fn mask_payload(key: [u8; 4], payload: &mut [u8]) {
    mask::apply(key, 0, payload);
}

/// The bytes of `header`, for a payload of `len` bytes.
#[inline]
pub(crate) fn with_len(
    header: FrameHeader,
    len: usize,
) -> Result<([u8; MAX_HEADER_LEN], usize), MisuseError> {
    let mut head = [0; MAX_HEADER_LEN];
    let len = len as u64;
    let n = FrameHeader { len, ..header }.encode(&mut head)?;
    Ok((head, n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{OpCode, ParsedHeader};

    #[test]
    fn what_is_encoded_parses_and_unmasks_to_what_it_was() {
        let payload: std::vec::Vec<u8> = (0..70_000u32).map(|i| (i * 31) as u8).collect();
        for len in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
            for key in [None, Some([0xa1, 0, 7, 0xff])] {
                let header = FrameHeader {
                    mask: key,
                    ..FrameHeader::new(OpCode::Binary, 0)
                };
                let mut out = std::vec![0; len + MAX_HEADER_LEN];
                let n = encode(header, &payload[..len], &mut out).unwrap();
                let Ok(ParsedHeader::Complete(parsed, head)) = FrameHeader::parse(&out) else {
                    panic!("not a header");
                };
                assert_eq!((parsed.len, head), (len as u64, n - len));
                assert_eq!(
                    encode(header, &payload[..len], &mut out[..n - 1]),
                    Err(MisuseError::BufferTooSmall)
                );

                let mut in_place = std::vec![0; n];
                in_place[head..].copy_from_slice(&payload[..len]);
                assert_eq!(encode_in_place(parsed, &mut in_place), Ok(n));
                assert_eq!(in_place, out[..n]);
                assert_eq!(
                    encode_in_place(parsed, &mut in_place[..n - 1]),
                    Err(MisuseError::BufferTooSmall)
                );

                mask::apply(key.unwrap_or_default(), 0, &mut out[head..n]);
                assert_eq!(out[head..n], payload[..len]);
            }
        }
    }
}
