//! The command `wscodec inspect`, without its I/O: arguments and bytes of files in, bytes of output
//! out. The native program and the one of the npm package are the same by this module.
//!
//! A host reads the arguments with [`read`], then asks a [`Run`] which file it wants to read from,
//! pushes bytes, and writes what comes out:
//!
//! ```
//! use wscodec_inspect::command::{Asked, Run, read};
//!
//! let Ok(Asked::Inspect(arguments)) = read(["frames.bin", "--no-handshake"]) else { panic!() };
//! let files = [&b"\x81\x05Hello"[..]];
//! let mut run = Run::new(*arguments, false);
//! let mut out = Vec::new();
//! while let Some(file) = run.wants() {
//!     // A program reads a piece of the file here.
//!     run.push(file, files[file], &mut out);
//!     run.end(file, &mut out);
//! }
//! let status = run.finish(&mut out);
//! let text = String::from_utf8(out).unwrap();
//! assert!(text.contains("\"Hello\""), "{text}");
//! assert_eq!(status, 0);
//! ```

mod args;
mod help;
mod view;

pub use args::{Arguments, Asked, Show, read};
pub use help::HELP;
pub use view::OutputFile;

use wscodec::deflate::AgreedDeflate;

use crate::event::{Conversation, ConversationId, Direction, Ending, InspectEvent, PacketInfo};
use crate::source::{Format, SourceError, Unpacker};
use crate::{ConversationInspector, ConversationStart, InspectOptions, Inspector};

use view::View;

/// Bytes of a payload that are kept where all of it is asked for.
const WHOLE: usize = 64 << 20;

/// Bytes of a payload that are kept for figures.
const STATS: usize = 4 << 10;

/// A run of the command.
pub struct Run {
    arguments: Arguments,
    files: Vec<File>,
    inspector: Inspector,
    conversation: Option<ConversationInspector>,
    view: View,
    /// Sentences for standard error.
    complaints: Vec<String>,
    failed: bool,
    /// The file that is read next of several raw ones.
    turn: usize,
    position: u64,
}

struct File {
    unpacker: Unpacker,
    kind: Kind,
    /// The beginning, until its kind is known.
    front: Vec<u8>,
    ended: bool,
    position: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unknown,
    Capture,
    Raw(Direction),
    /// It is damaged; the rest is not read.
    Failed,
}

impl Run {
    /// A run with these arguments; `terminal` says that the output is a terminal.
    pub fn new(arguments: Arguments, terminal: bool) -> Self {
        let files = [&arguments.har, &arguments.jsonl, &arguments.extract];
        let exports = files.iter().any(|it| it.is_some());
        let needs_payload = arguments.filter.needs_payload() || arguments.pretty;
        let whole = arguments.payloads || needs_payload || exports;
        let preview = arguments
            .preview
            .unwrap_or(if arguments.json { 256 } else { 64 });
        let options = InspectOptions {
            frames: arguments.show == Show::Frames || arguments.lint,
            messages: arguments.show == Show::Messages || arguments.stats || exports,
            payload: match arguments.show {
                _ if whole => WHOLE,
                // Identifiers of requests stand in the beginnings of messages.
                _ if arguments.stats => preview.max(STATS),
                Show::Connections => 0,
                _ => preview,
            },
            ..InspectOptions::default()
        };
        let files = arguments.files.iter().map(|_| File {
            unpacker: Unpacker::default(),
            kind: Kind::Unknown,
            front: Vec::new(),
            ended: false,
            position: 0,
        });
        let start = match (arguments.no_handshake, arguments.deflate) {
            (false, _) => ConversationStart::Handshake,
            (true, deflate) => ConversationStart::Frames(deflate.then(AgreedDeflate::default)),
        };
        let shown = if arguments.payloads { WHOLE } else { preview };
        Self {
            files: files.collect(),
            inspector: Inspector::new(options),
            conversation: Some(ConversationInspector::new(
                Conversation::new(ConversationId::new(0)),
                start,
                options,
            )),
            view: View::new(&arguments, shown, terminal),
            complaints: Vec::new(),
            failed: false,
            turn: 0,
            position: 0,
            arguments,
        }
    }

    /// The index of the file to read from next; `None` if nothing more has to be read.
    pub fn wants(&self) -> Option<usize> {
        if self.view.is_done() {
            return None;
        }
        let open = |i: &usize| !self.files[*i].ended && self.files[*i].kind != Kind::Failed;
        let mut order = (self.turn..self.files.len()).chain(0..self.turn);
        order.find(open)
    }

    /// TLS keys, as lines of an SSLKEYLOGFILE.
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

    /// The next bytes of a file.
    pub fn push(&mut self, file: usize, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(it) = self.files.get_mut(file) else {
            return;
        };
        self.position += bytes.len() as u64;
        let mut unpacker = core::mem::take(&mut it.unpacker);
        let done = unpacker.push(bytes, &mut |bytes| self.plain(file, bytes, out));
        self.files[file].unpacker = unpacker;
        if let Err(error) = done {
            self.fail(file, error.message());
        }
    }

    /// Bytes of a file without its compression.
    fn plain(&mut self, file: usize, bytes: &[u8], out: &mut Vec<u8>) {
        let it = &mut self.files[file];
        match it.kind {
            Kind::Unknown => {
                it.front.extend_from_slice(bytes);
                self.recognise(file, false, out);
            }
            Kind::Capture => self.capture(file, bytes, out),
            Kind::Raw(direction) => {
                it.position += bytes.len() as u64;
                let view = &mut self.view;
                if let Some(conversation) = &mut self.conversation {
                    let mut sink = |event: InspectEvent<'_>| view.event(&event, out);
                    conversation.push(direction, bytes, PacketInfo::default(), &mut sink);
                }
                // The two directions are read in turn, so that neither has to be held.
                self.turn = (file + 1) % self.files.len();
            }
            Kind::Failed => {}
        }
    }

    fn recognise(&mut self, file: usize, last: bool, out: &mut Vec<u8>) {
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
        self.plain(file, &front, out);
    }

    /// The direction of a raw file, by its first bytes and by its place.
    fn direction(&self, file: usize, front: &[u8]) -> Direction {
        let known = self.files.iter().find_map(|it| match it.kind {
            Kind::Raw(direction) => Some(direction.other()),
            _ => None,
        });
        let by_bytes = match self.arguments.no_handshake {
            true => match front.get(1) {
                Some(second) if second & 0x80 != 0 => Direction::ClientToServer,
                _ => Direction::ServerToClient,
            },
            false if front.starts_with(b"HTTP/1.") => Direction::ServerToClient,
            false => Direction::ClientToServer,
        };
        match self.arguments.first {
            Some(first) if file == 0 => first,
            Some(first) => first.other(),
            None => known.unwrap_or(by_bytes),
        }
    }

    fn capture(&mut self, file: usize, bytes: &[u8], out: &mut Vec<u8>) {
        if self.view.is_done() {
            return;
        }
        let view = &mut self.view;
        let mut sink = |event: InspectEvent<'_>| view.event(&event, out);
        if let Err(error) = self.inspector.push(bytes, &mut sink) {
            self.fail(file, error.message());
        }
    }

    /// A file is at its end.
    pub fn end(&mut self, file: usize, out: &mut Vec<u8>) {
        let Some(it) = self.files.get_mut(file) else {
            return;
        };
        it.ended = true;
        let mut unpacker = core::mem::take(&mut it.unpacker);
        let done = unpacker.finish(&mut |bytes| self.plain(file, bytes, out));
        if let Err(error) = done
            && self.files[file].kind != Kind::Failed
        {
            self.fail(file, error.message());
        }
        if self.files[file].kind == Kind::Unknown && !self.files[file].front.is_empty() {
            self.recognise(file, true, out);
        }
        match self.files[file].kind {
            Kind::Unknown => self.fail(file, SourceError::Empty.message()),
            Kind::Capture => {
                let view = &mut self.view;
                let mut sink = |event: InspectEvent<'_>| view.event(&event, out);
                if let Err(error) = self.inspector.end_of_file(&mut sink) {
                    self.fail(file, error.message());
                }
            }
            Kind::Raw(direction) => {
                let view = &mut self.view;
                let mut sink = |event: InspectEvent<'_>| view.event(&event, out);
                if let Some(conversation) = &mut self.conversation {
                    conversation.end(direction, PacketInfo::default(), &mut sink);
                }
                self.turn = (file + 1) % self.files.len();
            }
            Kind::Failed => {}
        }
    }

    /// A file can't be read, for this reason.
    pub fn fail(&mut self, file: usize, why: &str) {
        let name = match &self.arguments.files[file][..] {
            "-" => "standard input".to_owned(),
            name => crate::safe::safe(name.as_bytes()),
        };
        self.complaints.push(format!("{name}: {why}"));
        self.files[file].kind = Kind::Failed;
        self.failed = true;
    }

    /// Bytes for files since the last call. The host appends those of one name, after it has made the
    /// file empty for the first of them.
    pub fn files(&mut self) -> Vec<OutputFile> {
        self.view.files()
    }

    /// Bytes of files that were read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Sentences for standard error since the last call.
    pub fn complaints(&mut self) -> Vec<String> {
        core::mem::take(&mut self.complaints)
    }

    /// All files are read. Returns the exit status: 0, 1 if there were violations, 2 if a file could not
    /// be read.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> u8 {
        let view = &mut self.view;
        let mut sink = |event: InspectEvent<'_>| view.event(&event, out);
        self.inspector.finish_all(&mut sink);
        if let Some(mut conversation) = self.conversation.take() {
            conversation.finish(Ending::Open, &mut sink);
        }
        let counts = self.inspector.counts();
        if counts.packets > 0 && counts.unknown_link == counts.packets {
            self.complaints
                .push("no packet has a link type that is known".into());
        }
        self.view.finish(out);
        match (self.failed, self.view.violations()) {
            (true, _) => 2,
            (false, 0) => 0,
            (false, _) => 1,
        }
    }

    /// Whether nothing of interest was found.
    pub fn is_empty(&self) -> bool {
        self.view.is_empty()
    }
}
