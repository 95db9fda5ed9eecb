//! Reads a message through the standard library's `Read`.

use core::fmt;
use std::io::{self, BufRead, Read};

use super::Error;
use crate::frame::OpCode;
use crate::message::{FoundPiece, Kind, Place};

/// Reads one message of any length while it arrives, decoded, and checked if it is text. The end of
/// the message is a read of zero bytes. If the reader is dropped before the end, the connection skips
/// the rest before it reads the next message.
///
/// The reader answers pings and a close frame that arrive within the message. If the connection ends
/// within the message, the read fails with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) or the
/// [`Error`] of the connection.
///
/// ```no_run
/// use wscodec::io::Connector;
///
/// let mut ws = Connector::DEFAULT.connect("ws://127.0.0.1:9001/")?;
/// while let Some(reader) = ws.reader()? {
///     let value: serde_json::Value = serde_json::from_reader(reader)?;
///     println!("{value}");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct MessageReader<'a> {
    source: &'a mut dyn Source,
    kind: Kind,
    /// The current piece.
    piece: Place,
    done: bool,
}

/// The source of the pieces of a message.
pub(super) trait Source {
    fn next_part(&mut self) -> Result<Option<FoundPiece>, Error>;
    fn data(&mut self, place: &Place) -> &[u8];
}

impl<'a> MessageReader<'a> {
    /// Returns a reader of the next message; `None` at the end of the connection.
    pub(super) fn begin(source: &'a mut dyn Source) -> Result<Option<Self>, Error> {
        loop {
            match source.next_part()? {
                Some(FoundPiece::Frame(header)) if !header.opcode.is_control() => {
                    let kind = match header.opcode {
                        OpCode::Text => Kind::Text,
                        OpCode::Binary => Kind::Binary,
                        // The piece belongs to a message that is skipped.
                        _ => continue,
                    };
                    return Ok(Some(Self {
                        source,
                        kind,
                        piece: Place::Input(0..0),
                        done: false,
                    }));
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// A reader of the rest of a message. The caller has read all pieces that it got before.
    pub(super) fn resume(source: &'a mut dyn Source, kind: Kind) -> Self {
        Self {
            source,
            kind,
            piece: Place::Input(0..0),
            done: false,
        }
    }

    /// The kind of the message: text or binary.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl BufRead for MessageReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() && !self.done {
            match self.source.next_part()? {
                Some(FoundPiece::Data(place)) => self.piece = place,
                Some(FoundPiece::End) => self.done = true,
                Some(_) => {}
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(self.source.data(&self.piece))
    }

    fn consume(&mut self, amount: usize) {
        self.piece.advance(amount);
    }
}

impl Read for MessageReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let n = piece.len().min(buf.len());
        buf[..n].copy_from_slice(&piece[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl fmt::Debug for MessageReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageReader")
            .field("kind", &self.kind)
            .field("done", &self.done)
            .finish()
    }
}
