//! The line editor of `wscodec connect` on a terminal: editing, history, and messages that are printed
//! above the line that is edited.
//!
//! The editor reads in the thread of the input, and puts the terminal into raw mode while it does.
//! The program may end meanwhile, because the server closes, so every way out of the program calls
//! [`restore`].

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::History;
use rustyline::{Config, DefaultEditor, ExternalPrinter};
use wscodec_server::client::{Input, Stop};

use crate::Failure;

const PROMPT: &str = "> ";
/// Lines of the history that are kept.
const MOST_HISTORY: usize = 1000;
/// Ends the mode in which a terminal marks pasted text, and clears the line.
const LEAVE: &[u8] = b"\x1b[?2004l\r\x1b[K";

/// The terminal as it was.
static BEFORE: OnceLock<Termios> = OnceLock::new();
/// Prints above the line that is edited.
static PRINTER: Mutex<Option<Box<dyn ExternalPrinter + Send>>> = Mutex::new(None);

/// The lines that the user types, as a stream of bytes.
struct Editor {
    editor: DefaultEditor,
    stop: Stop,
    history: Option<PathBuf>,
    /// The line that is handed on, and how much of it was.
    line: Vec<u8>,
    taken: usize,
}

/// The lines that the user types, with editing and a history, which is kept in a file, if there is one.
/// `stop` is called at Ctrl-C.
pub(crate) fn input(stop: Stop, history: Option<&Path>) -> Result<Input, Failure> {
    Editor::start(stop, history).map(Input::from_reader)
}

/// Whether there is a terminal to edit lines on.
pub(crate) fn is_there() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|it| it.is_empty() || it == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb
}

impl Editor {
    /// Takes the terminal.
    fn start(stop: Stop, history: Option<&Path>) -> Result<Self, Failure> {
        let unusable = |e: ReadlineError| Failure::Run(format!("can't use the terminal: {e}"));
        let config = Config::builder()
            .max_history_size(MOST_HISTORY)
            .map_err(unusable)?
            // As in a shell: such a line is a secret.
            .history_ignore_space(true)
            .build();
        let mut editor = DefaultEditor::with_config(config).map_err(unusable)?;
        if let Some(path) = history {
            // It does not exist at first. Others must not read it.
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path);
            let loaded = file
                .map_err(ReadlineError::Io)
                .and_then(|_| editor.load_history(path));
            loaded.map_err(|e| Failure::Run(format!("can't use {}: {e}", path.display())))?;
        }
        let before = tcgetattr(io::stdin()).map_err(|e| unusable(ReadlineError::Io(e.into())))?;
        let _ = BEFORE.set(before);
        let printer = editor.create_external_printer().map_err(unusable)?;
        *printer_lock() = Some(Box::new(printer));
        Ok(Self {
            editor,
            stop,
            history: history.map(Path::to_owned),
            line: Vec::new(),
            taken: 0,
        })
    }

    /// The next line, or `None` at the end of the input.
    fn edit(&mut self) -> io::Result<Option<String>> {
        match self.editor.readline(PROMPT) {
            Ok(line) => {
                // A history that can't be kept is no reason to end.
                let added = self.editor.add_history_entry(&line);
                if let (Ok(true), Some(path)) = (added, &self.history) {
                    let _ = self.editor.history_mut().append(path);
                }
                Ok(Some(line))
            }
            Err(ReadlineError::Interrupted) => {
                if !self.stop.stop() {
                    restore();
                    std::process::exit(130);
                }
                Ok(None)
            }
            Err(ReadlineError::Eof) => Ok(None),
            Err(ReadlineError::Io(e)) => Err(e),
            Err(e) => Err(io::Error::other(e)),
        }
    }
}

impl Read for Editor {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.line.len() {
            let Some(line) = self.edit()? else {
                return Ok(0);
            };
            (self.line, self.taken) = (line.into_bytes(), 0);
            self.line.push(b'\n');
        }
        let n = (&self.line[self.taken..]).read(into)?;
        self.taken += n;
        Ok(n)
    }
}

fn printer_lock() -> std::sync::MutexGuard<'static, Option<Box<dyn ExternalPrinter + Send>>> {
    PRINTER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether lines are edited.
pub(crate) fn is_edited() -> bool {
    BEFORE.get().is_some()
}

/// Prints lines above the line that is edited. False if there is no editor: then nothing is printed.
pub(crate) fn print(lines: &[u8]) -> bool {
    let mut printer = printer_lock();
    let Some(printer) = &mut *printer else {
        return false;
    };
    printer
        .print(String::from_utf8_lossy(lines).into_owned())
        .is_ok()
}

/// Ends the editing, once all that was printed is shown. What is printed from now on goes to the
/// standard streams.
///
/// The editor's thread takes one message at a time: when it takes the second of two, it has shown all
/// before them. These two show nothing: up one line, and down again.
pub(crate) fn end() {
    const NOTHING: &[u8] = b"\x1b[A\n";
    if print(NOTHING) && print(NOTHING) {
        *printer_lock() = None;
        restore();
    }
}

/// Gives the terminal back as it was.
pub(crate) fn restore() {
    let Some(before) = BEFORE.get() else {
        return;
    };
    // Nobody is left to tell if it fails.
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    let mut out = io::stdout().lock();
    let _ = out.write_all(LEAVE).and_then(|()| out.flush());
}
