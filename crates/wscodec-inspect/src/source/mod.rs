//! Files that hold WebSocket traffic: their formats, and their compression.
//!
//! A format is recognised by the first bytes, never by a file's name.

mod unpack;

use core::fmt;

use crate::container::{Container, ContainerError};

pub(crate) use unpack::Unpacker;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// pcap or pcapng.
    Capture,
    /// None of these: bytes of one direction of a connection, perhaps.
    Raw,
}

impl Format {
    /// The format of a file with these first bytes, without compression. 16 bytes are enough; a shorter
    /// beginning is taken for the whole file.
    ///
    /// ```
    /// use wscodec_inspect::source::Format;
    ///
    /// assert_eq!(Format::of(&[0x0a, 0x0d, 0x0d, 0x0a]), Format::Capture);
    /// assert_eq!(Format::of(b"GET /chat HTTP/1.1"), Format::Raw);
    /// ```
    pub fn of(front: &[u8]) -> Self {
        match Container::recognises(front) {
            Some(true) => Self::Capture,
            _ => Self::Raw,
        }
    }
}

/// Why a file can't be read, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceError {
    /// The file has no bytes.
    Empty,
    /// The file has no format that the inspector reads.
    UnknownFormat,
    /// The compression of the file is damaged.
    Compression,
    /// The compressed file ends too early.
    CompressionCut,
    /// The capture is damaged.
    Container(ContainerError),
}

impl SourceError {
    /// A sentence that says what is wrong.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Empty => "the file is empty",
            Self::UnknownFormat => "the file has no format that the inspector reads",
            Self::Compression => "the compression of the file is damaged",
            Self::CompressionCut => "the compressed file ends too early",
            Self::Container(error) => error.message(),
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for SourceError {}
