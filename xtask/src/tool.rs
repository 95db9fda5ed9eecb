//! Running other programs: their output is kept, and shown when they fail.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::root::root;

static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Whether the programs' output is shown as it comes.
pub fn set_verbose(on: bool) {
    VERBOSE.store(on, Ordering::Relaxed);
}

/// A failure, for a person: a sentence, the output of the program, and how to
/// run it again.
#[derive(Debug)]
pub struct Failure {
    what: String,
    output: String,
    again: Option<String>,
}

impl Failure {
    /// A failure that no program printed anything about.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            output: String::new(),
            again: None,
        }
    }

    /// Whether the program printed this.
    pub fn mentions(&self, text: &str) -> bool {
        self.output.contains(text)
    }

    /// A file that could not be read, written or removed.
    pub fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("could not {doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let output = self.output.trim_end();
        // With --verbose it was shown already.
        if !output.is_empty() && !VERBOSE.load(Ordering::Relaxed) {
            writeln!(f, "{output}")?;
        }
        write!(f, "  {}", self.what)?;
        if let Some(again) = &self.again {
            write!(f, "\n  again: {again}")?;
        }
        Ok(())
    }
}

/// One run of a program, from the checkout's root unless told otherwise.
pub struct Tool {
    command: Command,
    /// The command line that does the same in a shell.
    line: String,
    missing: &'static str,
}

/// Cargo: the one that runs this program.
pub fn cargo() -> Tool {
    let path = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Tool::at(&path, "cargo")
}

impl Tool {
    /// A program found on the path.
    pub fn new(name: &str) -> Self {
        Self::at(name.as_ref(), name)
    }

    /// A program at a path, shown to people by its name.
    pub fn at(program: &OsStr, name: &str) -> Self {
        let mut command = Command::new(program);
        command.current_dir(root()).stdin(Stdio::null());
        Self {
            command,
            line: name.to_owned(),
            missing: "install it, or put its folder into PATH",
        }
    }

    /// The advice when the program is not there, as half a sentence.
    pub fn or_else(mut self, missing: &'static str) -> Self {
        self.missing = missing;
        self
    }

    /// Adds arguments; those with spaces are quoted in the command line shown.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        for arg in args {
            let arg = arg.as_ref();
            let text = arg.to_string_lossy();
            if text.is_empty() || text.contains([' ', '\'', '"', '*', '$', '(', ';', '>']) {
                self.line += &format!(" '{}'", text.replace('\'', r"'\''"));
            } else {
                self.line += &format!(" {text}");
            }
            self.command.arg(arg);
        }
        self
    }

    /// Runs in this folder.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        let shown = dir.strip_prefix(root()).unwrap_or(dir);
        self.line = format!("cd {} && {}", shown.display(), self.line);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value.as_ref());
        self.line = format!("{name}='{}' {}", value.as_ref().display(), self.line);
        self
    }

    /// Takes a variable out of the environment.
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it with this process's own input and output, and gives its exit status.
    pub fn inherit(mut self) -> Result<i32, Failure> {
        let status = self.command.stdin(Stdio::inherit()).status();
        let status = status.map_err(|error| self.not_started(&error))?;
        Ok(status.code().unwrap_or(1))
    }

    /// Runs it, and gives all that it printed. Fails unless it exits with 0.
    pub fn run(self) -> Result<String, Failure> {
        self.capture().map(|(_, both)| both)
    }

    /// Like [`Tool::run`], but gives standard output alone.
    pub fn stdout(self) -> Result<String, Failure> {
        self.capture().map(|(stdout, _)| stdout)
    }

    /// Runs it, and gives standard output, and both streams as they came.
    fn capture(mut self) -> Result<(String, String), Failure> {
        let child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|error| self.not_started(&error))?;
        let both = Mutex::new(String::new());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // Both pipes are read at once, so that a full one never stops the child.
        let stdout = thread::scope(|scope| {
            scope.spawn(|| collect(stderr, &both));
            collect(stdout, &both)
        });
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        let both = both.into_inner().unwrap_or_default();
        if status.success() {
            return Ok((stdout, both));
        }
        Err(Failure {
            what: format!("it ended with {status}"),
            output: both,
            again: Some(self.line),
        })
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        let name = self.command.get_program().display();
        let what = if error.kind() == ErrorKind::NotFound {
            format!("`{name}` was not found: {}", self.missing)
        } else {
            format!("`{name}` could not be started: {error}")
        };
        Failure {
            again: Some(self.line.clone()),
            ..Failure::new(what)
        }
    }
}

/// Reads a stream to its end; each line also goes to `both` as it comes.
fn collect(stream: Option<impl Read>, both: &Mutex<String>) -> String {
    let Some(stream) = stream else {
        return String::new();
    };
    let mut reader = BufReader::new(stream);
    let (mut text, mut line) = (String::new(), Vec::new());
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let piece = String::from_utf8_lossy(&line);
        if VERBOSE.load(Ordering::Relaxed) {
            eprint!("{piece}");
        }
        text += &piece;
        if let Ok(mut both) = both.lock() {
            *both += &piece;
        }
        line.clear();
    }
    text
}
