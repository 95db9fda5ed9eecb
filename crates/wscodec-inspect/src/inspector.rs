//! From the bytes of a capture to events.

use crate::Options;
use crate::container::{Container, ContainerError, Record};
use crate::event::Event;
use crate::flow::Flows;
use crate::packet::{Reader, Unread};
use crate::reassembly::Origin;

/// Inspects a capture that is pushed in pieces.
///
/// ```no_run
/// use std::io::Read;
/// use wscodec_inspect::{Event, Inspector, Options};
///
/// let mut inspector = Inspector::new(Options::default());
/// let mut sink = |event: Event<'_>| {
///     if let Event::Message(message) = event {
///         println!("{} {} bytes", message.place.direction.name(), message.length);
///     }
/// };
/// let mut file = std::fs::File::open("capture.pcap")?;
/// let mut piece = vec![0; 256 << 10];
/// loop {
///     match file.read(&mut piece)? {
///         0 => break,
///         len => inspector.push(&piece[..len], &mut sink)?,
///     }
/// }
/// inspector.finish(&mut sink)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Inspector {
    options: Options,
    container: Container,
    reader: Reader,
    flows: Flows,
    counts: Counts,
    finished: bool,
    /// Packets of earlier files.
    before: u64,
}

/// Packets of a capture, and how many of them were not read as TCP segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All packets.
    pub packets: u64,
    /// Packets that are TCP segments.
    pub segments: u64,
    /// Packets of a link type that is not known.
    pub unknown_link: u64,
    /// Packets whose headers are not whole.
    pub cut: u64,
    /// TCP connections.
    pub connections: u32,
}

impl Inspector {
    /// With these options.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            container: Container::new(),
            reader: Reader::new(),
            flows: Flows::default(),
            counts: Counts::default(),
            finished: false,
            before: 0,
        }
    }

    /// Takes TLS keys, as lines of an `SSLKEYLOGFILE`. They are needed before the packets that they
    /// decrypt. Keys in a capture are taken by themselves.
    #[cfg(feature = "tls")]
    pub fn keys(&mut self, bytes: &[u8]) {
        self.flows.shared.keys.read(bytes);
    }

    /// Takes the next bytes of the capture. The events do not depend on how the capture is cut.
    ///
    /// # Errors
    /// The file is no capture, or damaged. Everything before the damage was reported;
    /// [`finish`](Self::finish) reports what is still held.
    pub fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), ContainerError> {
        let before = self.before;
        let Self {
            options,
            reader,
            flows,
            counts,
            ..
        } = self;
        self.container.push(bytes, &mut |record| match record {
            Record::Packet(packet) => {
                counts.packets += 1;
                let origin = Origin {
                    packet: before + packet.number,
                    time: packet.time,
                };
                match reader.segment(packet.link, packet.data, packet.original_len) {
                    Ok(segment) => {
                        counts.segments += 1;
                        flows.segment(&segment, origin, options, sink);
                    }
                    Err(Unread::UnknownLink) => counts.unknown_link += 1,
                    Err(Unread::Cut) => counts.cut += 1,
                    Err(_) => {}
                }
            }
            #[cfg(feature = "tls")]
            Record::TlsKeys(keys) => flows.shared.keys.read(keys),
            #[cfg(not(feature = "tls"))]
            Record::TlsKeys(_) => {}
        })
    }

    /// Says that the capture is at its end, and reports what is still held.
    ///
    /// # Errors
    /// The capture ends within a packet, or the error of an earlier call. Everything before that was
    /// reported all the same.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) -> Result<(), ContainerError> {
        self.finish_all(sink);
        self.container.finish()
    }

    /// Says that a file is at its end. Another one may follow, which goes on with the same
    /// connections; its packets are numbered on.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn end_of_file(&mut self) -> Result<(), ContainerError> {
        let result = self.container.finish();
        self.container = Container::new();
        self.before = self.counts.packets;
        result
    }

    /// Reports what is still held, after the [end](Self::end_of_file) of the last file.
    pub fn finish_all(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        if !self.finished {
            self.finished = true;
            self.flows.finish(&self.options, sink);
        }
    }

    /// What was read so far.
    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.flows.count(),
            ..self.counts
        }
    }

    /// Bytes of memory that the connections hold, as far as they are counted.
    pub fn memory(&self) -> usize {
        self.flows.memory()
    }
}
