//! Files that are compressed by gzip or zstd, unpacked while they are pushed.
//!
//! Both decoders get small pieces, and their output is handed on after each: a file that unpacks to
//! a thousand times its size needs no more memory than any other.

use std::io::{Read, Write};

use flate2::write::MultiGzDecoder;
use ruzstd::decoding::FrameDecoder;

use super::error::SourceError;

/// Input for gzip at once; it unpacks to at most 1032 times as much (RFC 1951).
const PIECE: usize = 256;

/// The longest header of a zstd frame (RFC 8878 §3.1.1.1), with its magic number.
const ZSTD_HEADER: usize = 18;

/// Receives what was unpacked.
pub(crate) type Sink<'s> = dyn FnMut(&[u8]) + 's;

/// Bytes by which a compression is recognised.
const MAGIC: usize = 4;

/// Unpacks a file, or hands it on as it is.
pub(crate) enum Unpacker {
    /// Fewer bytes than a magic number have arrived.
    Unknown(Vec<u8>),
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd(Box<Zstd>),
}

impl Default for Unpacker {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl core::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Unknown(_) => "Unknown",
            Self::Plain => "Plain",
            Self::Gzip(_) => "Gzip",
            Self::Zstd(_) => "Zstd",
        })
    }
}

impl Unpacker {
    /// By the first bytes of a file.
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x1f, 0x8b, ..] => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd(Box::default()),
            _ => Self::Plain,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), SourceError> {
        match self {
            Self::Unknown(front) => {
                front.extend_from_slice(bytes);
                if front.len() >= MAGIC {
                    let front = core::mem::take(front);
                    *self = Self::of(&front);
                    return self.push(&front, sink);
                }
            }
            Self::Plain => sink(bytes),
            Self::Gzip(decoder) => {
                for piece in bytes.chunks(PIECE) {
                    decoder
                        .write_all(piece)
                        .map_err(|_| SourceError::Compression)?;
                    drain(decoder.get_mut(), sink);
                }
            }
            Self::Zstd(zstd) => {
                zstd.held.extend_from_slice(bytes);
                zstd.run(false, sink)?;
            }
        }
        Ok(())
    }

    /// The file is at its end.
    pub(crate) fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        match self {
            Self::Unknown(front) => {
                if !front.is_empty() {
                    sink(front);
                }
                Ok(())
            }
            Self::Plain => Ok(()),
            Self::Gzip(decoder) => {
                // The decoder holds back the end until it is asked.
                let done = decoder
                    .try_finish()
                    .map_err(|_| SourceError::CompressionCut);
                drain(decoder.get_mut(), sink);
                done
            }
            Self::Zstd(zstd) => {
                zstd.run(true, sink)?;
                match zstd.held.is_empty() && matches!(zstd.state, State::Header) {
                    true => Ok(()),
                    false => Err(SourceError::CompressionCut),
                }
            }
        }
    }
}

fn drain(out: &mut Vec<u8>, sink: &mut Sink<'_>) {
    if !out.is_empty() {
        sink(out);
        out.clear();
    }
}

/// zstd (RFC 8878), frame by frame and block by block.
#[derive(Default)]
pub(crate) struct Zstd {
    decoder: Option<FrameDecoder>,
    held: Vec<u8>,
    state: State,
    out: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Header,
    /// Between the blocks of a frame, behind which there is a checksum or not.
    Blocks(bool),
    /// In a skippable frame.
    Skip(usize),
}

impl Zstd {
    fn run(&mut self, last: bool, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let mut at = 0;
        loop {
            let rest = &self.held[at..];
            match self.state {
                State::Header => {
                    if rest.is_empty() || rest.len() < ZSTD_HEADER && !last {
                        break;
                    }
                    if let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = rest {
                        let len = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
                        self.state = State::Skip(len);
                        at += 8;
                        continue;
                    }
                    let checksum = rest.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
                    let mut input = rest;
                    let decoder = self.decoder.insert(FrameDecoder::new());
                    decoder
                        .init(&mut input)
                        .map_err(|_| SourceError::Compression)?;
                    at += rest.len() - input.len();
                    self.state = State::Blocks(checksum);
                }
                State::Blocks(checksum) => {
                    let Some(head) = rest.first_chunk::<3>() else {
                        break;
                    };
                    let head = u32::from_le_bytes([head[0], head[1], head[2], 0]);
                    let ends = head & 1 != 0;
                    // A run of one byte has that byte only.
                    let content = if head >> 1 & 3 == 1 {
                        1
                    } else {
                        head as usize >> 3
                    };
                    let len = 3 + content + if ends && checksum { 4 } else { 0 };
                    let Some(block) = rest.get(..len) else {
                        break;
                    };
                    let decoder = self.decoder.as_mut().ok_or(SourceError::Compression)?;
                    self.out.resize(128 << 10, 0);
                    let read = decoder.decode_from_to(block, &mut self.out);
                    let (_, mut written) = read.map_err(|_| SourceError::Compression)?;
                    while written > 0 {
                        sink(&self.out[..written]);
                        written = decoder
                            .read(&mut self.out)
                            .map_err(|_| SourceError::Compression)?;
                    }
                    at += len;
                    if ends {
                        self.state = State::Header;
                    }
                }
                State::Skip(len) => {
                    let here = len.min(rest.len());
                    at += here;
                    self.state = match len - here {
                        0 => State::Header,
                        left => State::Skip(left),
                    };
                    if rest.is_empty() && len > 0 {
                        break;
                    }
                }
            }
        }
        self.held.drain(..at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};

    fn unpack(bytes: &[u8], piece: usize) -> Result<Vec<u8>, SourceError> {
        let mut unpacker = Unpacker::default();
        let mut out = Vec::new();
        let mut sink = |bytes: &[u8]| out.extend_from_slice(bytes);
        for piece in bytes.chunks(piece) {
            unpacker.push(piece, &mut sink)?;
        }
        unpacker.finish(&mut sink)?;
        Ok(out)
    }

    fn text() -> Vec<u8> {
        (0..300_000u64).map(|i| (i / 7 * i % 251) as u8).collect()
    }

    #[test]
    fn gzip_of_several_members() {
        let text = text();
        let mut packed = Vec::new();
        for part in text.chunks(100_000) {
            let mut encoder = GzEncoder::new(&mut packed, Compression::fast());
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap();
        }
        for piece in [1, 1000, packed.len()] {
            assert!(unpack(&packed, piece).unwrap() == text);
        }
        assert_eq!(
            unpack(&packed[..packed.len() - 4], 1000),
            Err(SourceError::CompressionCut)
        );
    }

    #[test]
    fn zstd_of_several_frames() {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        let text = text();
        let mut packed = Vec::new();
        for part in text.chunks(200_000) {
            packed.extend(compress_to_vec(part, CompressionLevel::Fastest));
            // A skippable frame between them.
            packed.extend([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
        }
        for piece in [1, 1000, packed.len()] {
            assert!(unpack(&packed, piece).unwrap() == text, "{piece}");
        }
        assert_eq!(
            unpack(&packed[..packed.len() - 30], 1000),
            Err(SourceError::CompressionCut)
        );
    }
}
