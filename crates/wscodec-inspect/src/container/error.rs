//! Errors of capture files.

use core::fmt;

/// Why a file can't be read as a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContainerError {
    /// The file has no bytes.
    Empty,
    /// The first four bytes are the magic number of no format that the reader knows.
    UnknownFormat,
    /// The version of the format is not one that the reader knows.
    UnknownVersion,
    /// A block declares a length that the format does not allow.
    BadLength,
    /// A block or packet is longer than [`MAX_BLOCK`](super::MAX_BLOCK).
    BlockTooLong,
    /// A packet names an interface that the capture has not described.
    UnknownInterface,
    /// The file ends within a block.
    Cut,
    /// There is no memory for the beginning of a block.
    OutOfMemory,
}

impl ContainerError {
    /// A sentence that says what is wrong.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Empty => "the file is empty",
            Self::UnknownFormat => "the file is not a pcap or pcapng capture",
            Self::UnknownVersion => "the capture has a version of its format that is not known",
            Self::BadLength => "a block of the capture has a length that its format does not allow",
            Self::BlockTooLong => "a block of the capture is longer than 16 MiB",
            Self::UnknownInterface => "a packet names an interface that the capture lacks",
            Self::Cut => "the capture ends within a block",
            Self::OutOfMemory => "there is no memory for a block of the capture",
        }
    }
}

impl fmt::Display for ContainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for ContainerError {}
