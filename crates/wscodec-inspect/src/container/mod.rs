//! Capture files: pcap and pcapng, pushed in pieces of any size.
//!
//! The reader recognises the format by its first bytes and reports [`Record`]s: packets as they were
//! captured, and TLS secrets that the capture carries. Link, network and transport headers are not
//! read here; that is the job of [`packet`](crate::packet).
//!
//! pcap: `draft-ietf-opsawg-pcap`; pcapng: `draft-ietf-opsawg-pcapng`.
//!
//! ```
//! use wscodec_inspect::container::{Container, Record};
//!
//! let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
//! file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0]);
//! file.extend([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, b'a', b'b', b'c']);
//!
//! let mut container = Container::new();
//! let mut packets = Vec::new();
//! for byte in &file {
//!     container.push(std::slice::from_ref(byte), &mut |record| {
//!         if let Record::Packet(packet) = record {
//!             packets.push((packet.time, packet.data.to_vec()));
//!         }
//!     })?;
//! }
//! container.finish()?;
//! assert_eq!(packets, [(Some(1_000_002_000), b"abc".to_vec())]);
//! # Ok::<(), wscodec_inspect::container::ContainerError>(())
//! ```

mod error;
mod pcap;
mod pcapng;
mod record;

pub use error::ContainerError;
pub use record::{MAX_BLOCK, Packet, Record, RecordSink};

use pcap::Pcap;
use pcapng::Pcapng;
use record::Step;

/// Reads a capture that is pushed in pieces.
///
/// It copies only the beginning of a block that a piece cuts, at most [`MAX_BLOCK`] bytes. A buffer
/// grows with the bytes that have arrived, never with a length that a block declares.
#[derive(Debug, Default)]
pub struct Container {
    format: Format,
    /// The beginning of a block whose end has not arrived.
    held: Vec<u8>,
    /// How many bytes of `held` and what follows are needed to go on.
    wanted: usize,
    packets: u64,
    /// Bytes of whole blocks read so far.
    offset: u64,
    failed: Option<ContainerError>,
}

#[derive(Debug, Default)]
enum Format {
    /// Fewer bytes than a magic number have arrived.
    #[default]
    Unknown,
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Container {
    /// A reader that recognises the format by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `bytes`, the first of a file, begin a capture of a known format. `None` if fewer than
    /// four bytes are there.
    pub fn recognises(bytes: &[u8]) -> Option<bool> {
        let magic = bytes.first_chunk::<4>()?;
        Some(Pcap::is_magic(*magic) || Pcapng::is_magic(*magic))
    }

    /// Bytes of whole blocks read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the next bytes of the file, and reports each record that they complete.
    ///
    /// # Errors
    /// The file is no capture, or damaged; every later call gives the same error.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ContainerError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        // A block that was cut is completed in `held`; all others are read where they lie.
        while !self.held.is_empty() {
            let more = self.wanted.saturating_sub(self.held.len()).min(bytes.len());
            let (front, rest) = bytes.split_at(more);
            self.hold(front)?;
            bytes = rest;
            if self.held.len() < self.wanted {
                return Ok(());
            }
            let held = core::mem::take(&mut self.held);
            let step = self.step(&held, sink);
            self.held = held;
            match step.map_err(|error| self.fail(error))? {
                Step::Taken(len) => {
                    debug_assert!(len <= self.held.len());
                    self.offset += len as u64;
                    self.held.drain(..len);
                    self.wanted = self.held.len().max(4);
                }
                Step::Needs(len) => self.wanted = len,
            }
        }
        loop {
            match self.step(bytes, sink).map_err(|error| self.fail(error))? {
                Step::Taken(len) => {
                    self.offset += len as u64;
                    bytes = &bytes[len..];
                }
                Step::Needs(len) => {
                    self.wanted = len;
                    return self.hold(bytes);
                }
            }
        }
    }

    /// Says that the file is at its end.
    ///
    /// # Errors
    /// [`ContainerError::Cut`] if the file ends within a block, [`ContainerError::Empty`] if it has
    /// no bytes, or the error of an earlier call. All records before it were reported.
    pub fn finish(&mut self) -> Result<(), ContainerError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.format {
            Format::Unknown if self.held.is_empty() => Err(self.fail(ContainerError::Empty)),
            _ if self.held.is_empty() => Ok(()),
            Format::Unknown => Err(self.fail(ContainerError::UnknownFormat)),
            _ => Err(self.fail(ContainerError::Cut)),
        }
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), ContainerError> {
        if self.held.try_reserve(bytes.len()).is_err() {
            return Err(self.fail(ContainerError::OutOfMemory));
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    fn fail(&mut self, error: ContainerError) -> ContainerError {
        self.failed = Some(error);
        self.held = Vec::new();
        error
    }

    fn step(&mut self, bytes: &[u8], sink: &mut RecordSink<'_>) -> Result<Step, ContainerError> {
        if let Format::Unknown = self.format {
            let Some(&magic) = bytes.first_chunk::<4>() else {
                return Ok(Step::Needs(4));
            };
            self.format = if Pcapng::is_magic(magic) {
                Format::Pcapng(Pcapng::default())
            } else if Pcap::is_magic(magic) {
                Format::Pcap(Pcap::default())
            } else {
                return Err(ContainerError::UnknownFormat);
            };
        }
        let step = match &mut self.format {
            Format::Unknown => return Ok(Step::Needs(4)),
            Format::Pcap(pcap) => pcap.step(bytes, &mut self.packets, sink)?,
            Format::Pcapng(pcapng) => pcapng.step(bytes, &mut self.packets, sink)?,
        };
        match step {
            Step::Needs(len) if len > MAX_BLOCK => Err(ContainerError::BlockTooLong),
            step => Ok(step),
        }
    }
}
