//! Masks payloads in a `Read` or a `Write` (RFC 6455 §5.3).

use std::io::{self, Read, Write};

use crate::frame::mask;

/// A [`Read`] that masks or unmasks every byte that passes through it. Both are the same operation.
///
/// ```
/// use std::io::Read;
/// use wscodec::io::{MaskReader, read_header};
///
/// let mut stream = &b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..];
/// let header = read_header(&mut stream)?;
/// let mut text = String::new();
/// let key = header.mask.unwrap_or_default();
/// MaskReader::new(stream.take(header.len), key).read_to_string(&mut text)?;
/// assert_eq!(text, "Hello");
/// # Ok::<(), wscodec::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MaskReader<R> {
    reader: R,
    key: [u8; 4],
    /// Bytes of the payload that have passed.
    at: u64,
}

impl<R> MaskReader<R> {
    /// Creates a reader over `reader`, whose next byte is the first byte of a payload with this key.
    pub fn new(reader: R, key: [u8; 4]) -> Self {
        Self { reader, key, at: 0 }
    }

    /// Begins the next payload: with another key, at its first byte.
    pub fn restart(&mut self, key: [u8; 4]) {
        (self.key, self.at) = (key, 0);
    }

    /// The inner reader, mutably.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The inner reader.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: Read> Read for MaskReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buf)?;
        mask::apply(self.key, self.at, &mut buf[..n]);
        self.at += n as u64;
        Ok(n)
    }
}

/// The number of bytes that are masked at a time.
const BLOCK: usize = 2 << 10;

/// A [`Write`] that masks every byte that passes through it. It does not change the caller's bytes:
/// it masks them in a block of 2 KiB on the stack, which is the most that one call writes.
///
/// ```
/// use std::io::Write;
/// use wscodec::frame::{FrameHeader, OpCode};
/// use wscodec::io::{MaskWriter, write_header};
///
/// let key = [0x37, 0xfa, 0x21, 0x3d];
/// let mut stream = Vec::new();
/// let mut header = FrameHeader::new(OpCode::Text, 5);
/// header.mask = Some(key);
/// write_header(&mut stream, &header)?;
/// MaskWriter::new(&mut stream, key).write_all(b"Hello")?;
/// assert_eq!(stream, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
/// # Ok::<(), wscodec::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MaskWriter<W> {
    writer: W,
    key: [u8; 4],
    /// Bytes of the payload that have passed.
    at: u64,
}

impl<W> MaskWriter<W> {
    /// Creates a writer over `writer`, whose next byte is the first byte of a payload with this key.
    pub fn new(writer: W, key: [u8; 4]) -> Self {
        Self { writer, key, at: 0 }
    }

    /// Begins the next payload: with another key, at its first byte.
    pub fn restart(&mut self, key: [u8; 4]) {
        (self.key, self.at) = (key, 0);
    }

    /// The inner writer, mutably.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// The inner writer.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

impl<W: Write> Write for MaskWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut block = [0; BLOCK];
        let block = &mut block[..bytes.len().min(BLOCK)];
        mask::copy(self.key, self.at, &bytes[..block.len()], block);
        let n = self.writer.write(block)?;
        self.at += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Reads and writes three bytes at most.
    struct Narrow<T>(T);

    impl<R: Read> Read for Narrow<R> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(3);
            self.0.read(&mut buf[..n])
        }
    }

    impl<W: Write> Write for Narrow<W> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(&bytes[..bytes.len().min(3)])
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    #[test]
    fn masks_the_same_however_it_is_cut() {
        let key = [1, 2, 3, 4];
        let payload: Vec<u8> = (0..5000).map(|i| (i % 251) as u8).collect();
        let mut expected = payload.clone();
        mask::apply(key, 0, &mut expected);

        let mut written = Vec::new();
        MaskWriter::new(&mut written, key)
            .write_all(&payload)
            .unwrap();
        assert_eq!(written, expected);
        let mut narrow = MaskWriter::new(Narrow(Vec::new()), key);
        narrow.write_all(&payload).unwrap();
        assert_eq!(narrow.get_mut().0, expected);
        narrow.restart(key);
        narrow.write_all(&payload).unwrap();
        assert_eq!(narrow.into_inner().0[5000..], expected);

        let mut read = Vec::new();
        MaskReader::new(Narrow(&expected[..]), key)
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, payload);
    }
}
