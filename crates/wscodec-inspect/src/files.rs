//! The files of one inspection: captures one behind the other, or the two directions of one connection.

use crate::event::{Conversation, ConversationId, Direction, Ending, InspectEvent, PacketInfo};
use crate::source::{Format, SourceError, Unpacker};
use crate::{ConversationInspector, ConversationStart, InspectOptions, Inspector};

/// How files are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilesOptions {
    /// Which events to report.
    pub inspect: InspectOptions,
    /// How the bytes of raw files begin.
    pub start: ConversationStart,
    /// The direction of the first file, if it is a raw one; `None` recognises it by its bytes.
    pub first: Option<Direction>,
}

/// Inspects one file or several, whose bytes are pushed in pieces.
///
/// A file of a known [format](Format) is read to its end before the next one, which goes on with the same
/// connections. Two raw files are the two directions of one connection, and are read in turn. A file that
/// can't be read does not end the inspection: [`complaints`](Self::complaints) has the reason.
///
/// ```
/// use wscodec_inspect::event::InspectEvent;
/// use wscodec_inspect::{ConversationStart, FilesInspector, FilesOptions};
///
/// let options = FilesOptions {
///     start: ConversationStart::Frames(None),
///     ..FilesOptions::default()
/// };
/// let files = [&b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..], b"\x81\x05World"];
/// let names = ["client.bin", "server.bin"].map(str::to_owned);
/// let mut inspector = FilesInspector::new(names.to_vec(), options);
/// let mut seen = Vec::new();
/// let mut sink = |event: InspectEvent<'_>| {
///     if let InspectEvent::Message(message) = event {
///         seen.push(message.payload.to_vec());
///     }
/// };
/// while let Some(file) = inspector.wants() {
///     // A program reads a piece of the file here.
///     inspector.push(file, files[file], &mut sink);
///     inspector.end(file, &mut sink);
/// }
/// inspector.finish(&mut sink);
/// assert_eq!(seen, [b"Hello", b"World"]);
/// assert!(inspector.complaints().is_empty());
/// ```
#[derive(Debug)]
pub struct FilesInspector {
    options: FilesOptions,
    files: Vec<File>,
    inspector: Inspector,
    conversation: Option<ConversationInspector>,
    complaints: Vec<String>,
    failed: bool,
    /// The file that is read next of several raw ones.
    turn: usize,
    position: u64,
}

#[derive(Debug)]
struct File {
    name: String,
    unpacker: Unpacker,
    kind: Kind,
    /// The beginning, until its kind is known.
    front: Vec<u8>,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unknown,
    Capture,
    Raw(Direction),
    /// It is damaged; the rest is not read.
    Failed,
}

impl FilesInspector {
    /// For the files with these names, which stand in complaints only; `-` is standard input.
    pub fn new(names: Vec<String>, options: FilesOptions) -> Self {
        let files = names.into_iter().map(|name| File {
            name,
            unpacker: Unpacker::default(),
            kind: Kind::Unknown,
            front: Vec::new(),
            ended: false,
        });
        Self {
            files: files.collect(),
            inspector: Inspector::new(options.inspect),
            conversation: Some(ConversationInspector::new(
                Conversation::new(ConversationId::new(0)),
                options.start,
                options.inspect,
            )),
            complaints: Vec::new(),
            failed: false,
            turn: 0,
            position: 0,
            options,
        }
    }

    /// The index of the file to read from next; `None` if all files are read.
    pub fn wants(&self) -> Option<usize> {
        let open = |i: &usize| !self.files[*i].ended && self.files[*i].kind != Kind::Failed;
        let mut order = (self.turn..self.files.len()).chain(0..self.turn);
        order.find(open)
    }

    /// TLS keys, as lines of an `SSLKEYLOGFILE`. They are needed before the packets that they decrypt.
    pub fn keys(&mut self, bytes: &[u8]) {
        #[cfg(feature = "tls")]
        {
            self.inspector.keys(bytes);
            if let Some(conversation) = &mut self.conversation {
                conversation.keys(bytes);
            }
        }
        #[cfg(not(feature = "tls"))]
        if !bytes.is_empty() {
            self.complaints.push("this build can't decrypt TLS".into());
        }
    }

    /// The next bytes of a file. The events do not depend on how the bytes are cut.
    pub fn push(&mut self, file: usize, bytes: &[u8], sink: &mut dyn FnMut(InspectEvent<'_>)) {
        let Some(it) = self.files.get_mut(file) else {
            return;
        };
        self.position += bytes.len() as u64;
        let mut unpacker = core::mem::take(&mut it.unpacker);
        let done = unpacker.push(bytes, &mut |bytes| self.plain(file, bytes, sink));
        self.files[file].unpacker = unpacker;
        if let Err(error) = done {
            self.fail(file, error.message());
        }
    }

    /// Bytes of a file without its compression.
    fn plain(&mut self, file: usize, bytes: &[u8], sink: &mut dyn FnMut(InspectEvent<'_>)) {
        let it = &mut self.files[file];
        match it.kind {
            Kind::Unknown => {
                it.front.extend_from_slice(bytes);
                self.recognise(file, false, sink);
            }
            Kind::Capture => {
                if let Err(error) = self.inspector.push(bytes, sink) {
                    self.fail(file, error.message());
                }
            }
            Kind::Raw(direction) => {
                if let Some(conversation) = &mut self.conversation {
                    conversation.push(direction, bytes, PacketInfo::default(), sink);
                }
                // The two directions are read in turn, so that neither has to be held.
                self.turn = (file + 1) % self.files.len();
            }
            Kind::Failed => {}
        }
    }

    fn recognise(&mut self, file: usize, last: bool, sink: &mut dyn FnMut(InspectEvent<'_>)) {
        let Some(format) = Format::of(&self.files[file].front, last) else {
            return;
        };
        let front = core::mem::take(&mut self.files[file].front);
        let kind = match format {
            Format::Raw => Kind::Raw(self.direction(file, &front)),
            _ => Kind::Capture,
        };
        let raw = self
            .files
            .iter()
            .filter(|it| matches!(it.kind, Kind::Raw(_)))
            .count();
        let same = self
            .files
            .iter()
            .any(|it| it.kind == kind && kind != Kind::Capture);
        self.files[file].kind = kind;
        if matches!(kind, Kind::Raw(_)) && (raw >= 2 || same) {
            self.fail(
                file,
                "it is a second file for the same direction; see --first",
            );
            return;
        }
        self.plain(file, &front, sink);
    }

    /// The direction of a raw file, by its first bytes and by its place.
    fn direction(&self, file: usize, front: &[u8]) -> Direction {
        let known = self.files.iter().find_map(|it| match it.kind {
            Kind::Raw(direction) => Some(direction.other()),
            _ => None,
        });
        let by_bytes = match self.options.start {
            ConversationStart::Handshake if front.starts_with(b"HTTP/1.") => {
                Direction::ServerToClient
            }
            ConversationStart::Handshake => Direction::ClientToServer,
            ConversationStart::Frames(_) | ConversationStart::Middle => match front.get(1) {
                Some(second) if second & 0x80 != 0 => Direction::ClientToServer,
                _ => Direction::ServerToClient,
            },
        };
        match self.options.first {
            Some(first) if file == 0 => first,
            Some(first) => first.other(),
            None => known.unwrap_or(by_bytes),
        }
    }

    /// A file is at its end.
    pub fn end(&mut self, file: usize, sink: &mut dyn FnMut(InspectEvent<'_>)) {
        let Some(it) = self.files.get_mut(file) else {
            return;
        };
        it.ended = true;
        let mut unpacker = core::mem::take(&mut it.unpacker);
        let done = unpacker.finish(&mut |bytes| self.plain(file, bytes, sink));
        if let Err(error) = done
            && self.files[file].kind != Kind::Failed
        {
            self.fail(file, error.message());
        }
        if self.files[file].kind == Kind::Unknown && !self.files[file].front.is_empty() {
            self.recognise(file, true, sink);
        }
        match self.files[file].kind {
            Kind::Unknown => self.fail(file, SourceError::Empty.message()),
            Kind::Capture => {
                if let Err(error) = self.inspector.end_of_file(sink) {
                    self.fail(file, error.message());
                }
            }
            Kind::Raw(direction) => {
                if let Some(conversation) = &mut self.conversation {
                    conversation.end(direction, PacketInfo::default(), sink);
                }
                self.turn = (file + 1) % self.files.len();
            }
            Kind::Failed => {}
        }
    }

    /// A file can't be read, for this reason.
    pub fn fail(&mut self, file: usize, why: &str) {
        let Some(it) = self.files.get_mut(file) else {
            return;
        };
        it.kind = Kind::Failed;
        let name = match &it.name[..] {
            "-" => "standard input".to_owned(),
            name => crate::safe::safe(name.as_bytes()),
        };
        self.complaints.push(format!("{name}: {why}"));
        self.failed = true;
    }

    /// Whether a file could not be read.
    pub const fn failed(&self) -> bool {
        self.failed
    }

    /// Bytes of files that were read so far.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Sentences about files that can't be read, since the last call.
    pub fn complaints(&mut self) -> Vec<String> {
        core::mem::take(&mut self.complaints)
    }

    /// All files are read. Reports what is still held.
    pub fn finish(&mut self, sink: &mut dyn FnMut(InspectEvent<'_>)) {
        self.inspector.finish_all(sink);
        if let Some(mut conversation) = self.conversation.take() {
            conversation.finish(Ending::Open, sink);
        }
        let counts = self.inspector.counts();
        if counts.packets > 0 && counts.unknown_link == counts.packets {
            self.complaints
                .push("no packet has a link type that is known".into());
        }
    }
}
