//! Reads and writes single frames over any stream. The functions keep no state, and check only the
//! form of each header.

use alloc::vec;
use alloc::vec::Vec;
use std::io::{self, Read, Write};

use super::Error;
use crate::error::LimitError;
use crate::frame::{FrameHeader, MAX_HEADER_LEN, ParsedHeader, encode, mask};

/// Frames of up to this length are assembled on the stack.
const SMALL: usize = 1024;

/// Reads the header of a frame, and no byte after it. The payload follows; it is masked if the header
/// has a mask key. [`mask::apply`] unmasks it.
///
/// The function does not check whether this header is allowed in this place (masked or not, a
/// continuation or not). [`Rules::check`](crate::frame::Rules::check) does.
///
/// ```
/// use wscodec::frame::OpCode;
/// use wscodec::io::read_header;
///
/// let mut stream = &b"\x81\x05Hello"[..];
/// let header = read_header(&mut stream)?;
/// assert_eq!((header.opcode, header.len), (OpCode::Text, 5));
/// assert_eq!(stream, b"Hello");
/// # Ok::<(), wscodec::io::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`] if the stream failed, with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) at its
/// end. [`Error::Fault`] with the error of [`FrameHeader::parse`]. The bytes that were read before a
/// time-out are lost.
pub fn read_header(reader: &mut impl Read) -> Result<FrameHeader, Error> {
    let mut bytes = [0; MAX_HEADER_LEN];
    let mut have = 0;
    loop {
        match FrameHeader::parse(&bytes[..have])? {
            ParsedHeader::Complete(header, _) => return Ok(header),
            ParsedHeader::Incomplete(more) => {
                let next = have + more.min(MAX_HEADER_LEN - have);
                reader.read_exact(&mut bytes[have..next])?;
                have = next;
            }
        }
    }
}

/// Reads a frame: its header, and the unmasked payload into `payload`, whose content is replaced.
///
/// ```
/// use wscodec::io::read_frame;
///
/// let mut stream = &b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..];
/// let mut payload = Vec::new();
/// let header = read_frame(&mut stream, &mut payload, 1 << 20)?;
/// assert!(header.fin && header.mask.is_some());
/// assert_eq!(payload, b"Hello");
/// # Ok::<(), wscodec::io::Error>(())
/// ```
///
/// # Errors
/// The errors of [`read_header`]. [`LimitError::FrameTooLarge`] if the payload is longer than `max`
/// bytes; nothing of it is read then. The buffer grows with the bytes that arrive.
pub fn read_frame(
    reader: &mut impl Read,
    payload: &mut Vec<u8>,
    max: u64,
) -> Result<FrameHeader, Error> {
    payload.clear();
    let header = read_header(reader)?;
    if header.len > max {
        return Err(crate::error::ErrorKind::from(LimitError::FrameTooLarge).into());
    }
    let read = reader.take(header.len).read_to_end(payload)?;
    if read as u64 != header.len {
        return Err(Error::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    if let Some(key) = header.mask {
        mask::apply(key, 0, payload);
    }
    Ok(header)
}

/// Writes the header of a frame. The caller writes the payload after it, and masks it if the header
/// has a mask key.
///
/// # Errors
/// [`Error::Misuse`] with what [`FrameHeader::encode`] says; [`Error::Io`].
pub fn write_header(writer: &mut impl Write, header: &FrameHeader) -> Result<(), Error> {
    let mut bytes = [0; MAX_HEADER_LEN];
    let len = header.encode(&mut bytes)?;
    Ok(writer.write_all(&bytes[..len])?)
}

/// Writes a frame in one write. The function sets the header's `len` to the length of the payload,
/// and masks the payload if the header has a mask key.
///
/// ```
/// use wscodec::frame::{FrameHeader, OpCode};
/// use wscodec::io::write_frame;
///
/// let mut stream = Vec::new();
/// write_frame(&mut stream, FrameHeader::new(OpCode::Ping, 0), b"now?")?;
/// assert_eq!(stream, b"\x89\x04now?");
/// # Ok::<(), wscodec::io::Error>(())
/// ```
///
/// # Errors
/// [`Error::Misuse`] with what [`FrameHeader::encode`] says; [`Error::Io`].
pub fn write_frame(
    writer: &mut impl Write,
    header: FrameHeader,
    payload: &[u8],
) -> Result<(), Error> {
    let len = MAX_HEADER_LEN + payload.len();
    if len <= SMALL {
        let mut frame = [0; SMALL];
        let len = encode(header, payload, &mut frame)?;
        return Ok(writer.write_all(&frame[..len])?);
    }
    let mut frame = vec![0; len];
    let len = encode(header, payload, &mut frame)?;
    Ok(writer.write_all(&frame[..len])?)
}
