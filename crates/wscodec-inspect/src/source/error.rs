//! The errors of files.

use core::fmt;

use crate::container::ContainerError;

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
    /// The file is not valid JSON.
    Json,
    /// The JSON document ends too early.
    JsonCut,
    /// The flow file is damaged.
    Flow,
    /// The flow file ends within a flow.
    FlowCut,
    /// A string, a line or a flow is longer than the inspector holds.
    TooLong,
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
            Self::Json => "the file is not valid JSON",
            Self::JsonCut => "the JSON document ends too early",
            Self::Flow => "the flow file is damaged",
            Self::FlowCut => "the flow file ends within a flow",
            Self::TooLong => "a string, a line or a flow of the file is too long",
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for SourceError {}
