//! From the bytes of a file to events.

use crate::InspectOptions;
use crate::container::{Container, Record};
use crate::event::{InspectEvent, PacketInfo};
use crate::flow::Flows;
use crate::packet::{PacketReader, Unread};
use crate::source::{Cdp, Format, Har, Mitmproxy, NetLog, SourceError, Unpacker};

/// Inspects captures and other files with WebSocket traffic, which are pushed in pieces.
///
/// The [format](Format) of a file is recognised by its contents. It may be compressed by gzip or zstd.
///
/// ```no_run
/// use std::io::Read;
/// use wscodec_inspect::{InspectEvent, InspectOptions, Inspector};
///
/// let mut inspector = Inspector::new(InspectOptions::default());
/// let mut sink = |event: InspectEvent<'_>| {
///     if let InspectEvent::Message(message) = event {
///         println!("{} {} bytes", message.location.direction.name(), message.length);
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
    options: InspectOptions,
    unpacker: Unpacker,
    input: Input,
    reader: PacketReader,
    flows: Flows,
    counts: CaptureCounts,
    failed: Option<SourceError>,
    finished: bool,
    /// Packets of earlier files.
    before: u64,
}

/// The file that is being read.
#[derive(Debug)]
enum Input {
    /// Its first bytes.
    Unknown(Vec<u8>),
    Capture(Box<Container>),
    Har(Box<Har>),
    Mitmproxy(Mitmproxy),
    NetLog(Box<NetLog>),
    DevTools(Box<Cdp>),
}

impl Default for Input {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

/// Packets of a capture, and how many of them were not read as TCP segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureCounts {
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
    pub fn new(options: InspectOptions) -> Self {
        Self {
            options,
            unpacker: Unpacker::default(),
            input: Input::default(),
            reader: PacketReader::new(),
            flows: Flows::default(),
            counts: CaptureCounts::default(),
            failed: None,
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

    /// Takes the next bytes of the file. The events do not depend on how the file is cut.
    ///
    /// # Errors
    /// The format of the file is not known, or the file is damaged. Everything before the damage was
    /// reported; [`finish`](Self::finish) reports what is still held. Later calls give the same error.
    pub fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(InspectEvent<'_>),
    ) -> Result<(), SourceError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut unpacker = core::mem::take(&mut self.unpacker);
        let mut result = Ok(());
        let unpacked = unpacker.push(bytes, &mut |bytes| {
            if result.is_ok() {
                result = self.plain(bytes, sink);
            }
        });
        self.unpacker = unpacker;
        self.remember(result.and(unpacked))
    }

    fn remember(&mut self, result: Result<(), SourceError>) -> Result<(), SourceError> {
        self.failed = self.failed.or(result.err());
        result
    }

    /// Takes bytes without their compression.
    fn plain(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(InspectEvent<'_>),
    ) -> Result<(), SourceError> {
        let Self {
            options,
            input,
            reader,
            flows,
            counts,
            before,
            ..
        } = self;
        match input {
            Input::Unknown(front) => {
                front.extend_from_slice(bytes);
                self.recognise(false, sink)
            }
            Input::Har(har) => har.push(bytes, &mut flows.out(options, sink)),
            Input::Mitmproxy(file) => file.push(bytes, &mut flows.out(options, sink)),
            Input::NetLog(log) => log.push(bytes, &mut flows.out(options, sink)),
            Input::DevTools(log) => log.push(bytes, &mut flows.out(options, sink)),
            Input::Capture(container) => {
                let done = container.push(bytes, &mut |record| match record {
                    Record::Packet(packet) => {
                        counts.packets += 1;
                        let info = PacketInfo {
                            number: *before + packet.number,
                            time: packet.time,
                        };
                        match reader.segment(packet.link, packet.data, packet.original_len) {
                            Ok(segment) => {
                                counts.segments += 1;
                                flows.segment(&segment, info, options, sink);
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
                });
                done.map_err(SourceError::Container)
            }
        }
    }

    /// Recognises the format by the bytes that are there; `last` says that they are the whole file.
    fn recognise(
        &mut self,
        last: bool,
        sink: &mut dyn FnMut(InspectEvent<'_>),
    ) -> Result<(), SourceError> {
        let Input::Unknown(front) = &mut self.input else {
            return Ok(());
        };
        let Some(format) = Format::of(front, last) else {
            return Ok(());
        };
        let front = core::mem::take(front);
        let first = self.flows.count();
        self.input = match format {
            Format::Capture => Input::Capture(Box::default()),
            Format::Har => Input::Har(Box::new(Har::new(first))),
            Format::Mitmproxy => Input::Mitmproxy(Mitmproxy::new(first)),
            Format::NetLog => Input::NetLog(Box::new(NetLog::new(first))),
            Format::DevTools => Input::DevTools(Box::new(Cdp::new(first))),
            Format::Raw => return Err(SourceError::UnknownFormat),
        };
        self.plain(&front, sink)
    }

    /// Says that the file is at its end, and reports what is still held.
    ///
    /// # Errors
    /// The file ends too early, or the error of an earlier call. Everything before that was
    /// reported all the same.
    pub fn finish(&mut self, sink: &mut dyn FnMut(InspectEvent<'_>)) -> Result<(), SourceError> {
        let result = self.end_of_file(sink);
        self.finish_all(sink);
        result
    }

    /// Says that a file is at its end. Another one may follow, which goes on with the same
    /// connections; its packets are numbered on.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn end_of_file(
        &mut self,
        sink: &mut dyn FnMut(InspectEvent<'_>),
    ) -> Result<(), SourceError> {
        let mut unpacker = core::mem::take(&mut self.unpacker);
        let result = match self.failed.take() {
            Some(error) => Err(error),
            None => {
                let mut result = Ok(());
                let unpacked = unpacker.finish(&mut |bytes| {
                    if result.is_ok() {
                        result = self.plain(bytes, sink);
                    }
                });
                result.and(unpacked)
            }
        };
        // Conversations end in a damaged file, too.
        let ended = self.end_of_input(sink);
        let result = result.and(ended);
        self.input = Input::default();
        self.before = self.counts.packets;
        result
    }

    fn end_of_input(&mut self, sink: &mut dyn FnMut(InspectEvent<'_>)) -> Result<(), SourceError> {
        if let Input::Unknown(front) = &self.input {
            if front.is_empty() {
                return Err(SourceError::Empty);
            }
            self.recognise(true, sink)?;
        }
        let mut out = self.flows.out(&self.options, sink);
        let (result, next) = match &mut self.input {
            Input::Unknown(_) => return Err(SourceError::Empty),
            Input::Capture(container) => {
                return container.finish().map_err(SourceError::Container);
            }
            Input::Har(har) => (har.finish(&mut out), har.next()),
            Input::Mitmproxy(flows) => (flows.finish(), flows.next()),
            Input::NetLog(log) => (log.finish(&mut out), log.next()),
            Input::DevTools(log) => (log.finish(&mut out), log.next()),
        };
        self.flows.count_from(next);
        result
    }

    /// Reports what is still held, after the [end](Self::end_of_file) of the last file.
    pub fn finish_all(&mut self, sink: &mut dyn FnMut(InspectEvent<'_>)) {
        if !self.finished {
            self.finished = true;
            self.flows.finish(&self.options, sink);
        }
    }

    /// The packets and connections read so far.
    pub fn counts(&self) -> CaptureCounts {
        CaptureCounts {
            connections: self.flows.count(),
            ..self.counts
        }
    }

    /// Bytes of memory that the connections hold, as far as they are counted.
    pub fn memory(&self) -> usize {
        let input = match &self.input {
            Input::NetLog(log) => log.memory(),
            Input::Mitmproxy(flows) => flows.memory(),
            _ => 0,
        };
        self.flows.memory() + input
    }
}
