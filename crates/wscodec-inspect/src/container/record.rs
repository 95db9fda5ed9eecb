//! The records of a capture, and the interface between the reader and its formats.

/// The longest packet or block that a reader accepts: 16 MiB. Wireshark writes at most 256 KiB of a
/// packet; secrets and comments may be longer.
pub const MAX_BLOCK: usize = 16 << 20;

/// A packet as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The place in the capture, from 1, as Wireshark counts.
    pub number: u64,
    /// Nanoseconds since 1970-01-01 UTC; `None` if the capture does not say (a simple packet block
    /// of pcapng).
    pub time: Option<i128>,
    /// The interface's link type (the number of the LINKTYPE registry).
    pub link: u16,
    /// The bytes that were captured, from the link header on.
    pub data: &'a [u8],
    /// How long the packet was on the wire: more than `data` if the capture was cut at a snap
    /// length.
    pub original_len: u32,
}

/// One record of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// The contents of a decryption secrets block with TLS keys: lines as in `SSLKEYLOGFILE`.
    TlsKeys(&'a [u8]),
}

/// Receives the records of a capture.
pub type RecordSink<'s> = dyn FnMut(Record<'_>) + 's;

/// The format that the first bytes of a file show.
pub(super) enum Step {
    /// A block of so many bytes, which was reported.
    Taken(usize),
    /// The block needs so many bytes in all.
    Needs(usize),
}

/// Numbers in the byte order of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }

    pub(super) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        })
    }
}
