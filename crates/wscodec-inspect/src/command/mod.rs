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

pub use crate::show::Show;
pub use args::{Arguments, Asked, read};
pub use help::HELP;
pub use view::OutputFile;

use wscodec::deflate::AgreedDeflate;

use crate::event::InspectEvent;
use crate::{ConversationStart, FilesInspector, FilesOptions, InspectOptions};

use view::View;

/// Bytes of a payload that are kept where all of it is asked for.
const WHOLE: usize = 64 << 20;

/// Bytes of a payload that are kept for figures.
const STATS: usize = 4 << 10;

/// A run of the command.
pub struct Run {
    files: FilesInspector,
    view: View,
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
        let inspect = InspectOptions {
            frames: arguments.show == Show::Frames || arguments.lint,
            // A connection without a handshake is known by its messages only.
            messages: arguments.show == Show::Messages
                || arguments.no_handshake
                || arguments.stats
                || exports,
            payload: match arguments.show {
                _ if whole => WHOLE,
                // Identifiers of requests stand in the beginnings of messages.
                _ if arguments.stats => preview.max(STATS),
                Show::Connections => 0,
                _ => preview,
            },
            ..InspectOptions::default()
        };
        let start = match (arguments.no_handshake, arguments.deflate) {
            (false, _) => ConversationStart::Handshake,
            (true, deflate) => ConversationStart::Frames(deflate.then(AgreedDeflate::default)),
        };
        let shown = if arguments.payloads { WHOLE } else { preview };
        let options = FilesOptions {
            inspect,
            start,
            first: arguments.first,
        };
        Self {
            files: FilesInspector::new(arguments.files.clone(), options),
            view: View::new(&arguments, shown, terminal),
        }
    }

    /// The index of the file to read from next; `None` if nothing more has to be read.
    pub fn wants(&self) -> Option<usize> {
        match self.view.is_done() {
            true => None,
            false => self.files.wants(),
        }
    }

    /// TLS keys, as lines of an SSLKEYLOGFILE.
    pub fn keys(&mut self, bytes: &[u8]) {
        self.files.keys(bytes);
    }

    /// The next bytes of a file.
    pub fn push(&mut self, file: usize, bytes: &[u8], out: &mut Vec<u8>) {
        let view = &mut self.view;
        let mut sink = |event: InspectEvent<'_>| view.event(&event, out);
        self.files.push(file, bytes, &mut sink);
    }

    /// A file is at its end.
    pub fn end(&mut self, file: usize, out: &mut Vec<u8>) {
        let view = &mut self.view;
        let mut sink = |event: InspectEvent<'_>| view.event(&event, out);
        self.files.end(file, &mut sink);
    }

    /// A file can't be read, for this reason.
    pub fn fail(&mut self, file: usize, why: &str) {
        self.files.fail(file, why);
    }

    /// Bytes for files since the last call. The host appends those of one name, after it has made the
    /// file empty for the first of them.
    pub fn files(&mut self) -> Vec<OutputFile> {
        self.view.files()
    }

    /// Bytes of files that were read so far.
    pub fn position(&self) -> u64 {
        self.files.position()
    }

    /// Sentences for standard error since the last call.
    pub fn complaints(&mut self) -> Vec<String> {
        self.files.complaints()
    }

    /// All files are read. Returns the exit status: 0, 1 if there were violations, 2 if a file could not
    /// be read.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> u8 {
        let view = &mut self.view;
        let mut sink = |event: InspectEvent<'_>| view.event(&event, out);
        self.files.finish(&mut sink);
        self.view.finish(out);
        match (self.files.failed(), self.view.violations()) {
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
