//! `wscodec inspect`: the files and the output of the command in `wscodec_inspect::command`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use wscodec_inspect::command::{self, Arguments, Asked, OutputFile, Run};
use wscodec_inspect::safe::safe;

use crate::Failure;
use crate::args::unusable;
use crate::input;
use crate::out::{print, say, unwritable};

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// Output that is written at once.
pub(crate) const OUTPUT: usize = 64 << 10;

/// How often a file that is followed is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// How often the progress is shown.
const PROGRESS: Duration = Duration::from_millis(500);

pub(crate) fn run(words: Vec<OsString>) -> Result<(), Failure> {
    let mut asked = match command::read(words) {
        Ok(Asked::Inspect(asked)) => *asked,
        Ok(Asked::Help) => return print(command::HELP),
        Err(why) => return Err(unusable("inspect", why)),
    };
    if asked.open {
        return open(&asked);
    }
    let terminal = io::stdout().is_terminal();
    prepare(&mut asked, terminal, "inspect")?;
    let (files, keys, follow) = (asked.files.clone(), asked.keys.clone(), asked.follow);
    let mut written = Written::new("inspect");
    let mut run = Run::new(asked, has_colors(terminal));
    for name in keys {
        match std::fs::read(&name) {
            Ok(bytes) => run.keys(&bytes),
            Err(error) => {
                let name = safe(name.as_bytes());
                return Err(unusable("inspect", format!("can't read {name}: {error}")));
            }
        }
    }
    let mut progress = Progress::new(&files, terminal);
    let mut sources: Vec<_> = files.iter().map(|_| input::Source::None).collect();
    let mut piece = vec![0; PIECE];
    let mut out = Vec::with_capacity(2 * OUTPUT);
    while let Some(file) = run.wants() {
        // A pipe that has no more for now is waited for with everything shown.
        let mut waits = false;
        let mut short = false;
        match input::read(&mut sources[file], &files[file], &mut piece) {
            Ok(0) if follow => waits = true,
            Ok(0) => {
                sources[file] = None;
                run.end(file, &mut out);
            }
            Ok(len) => {
                short = len < PIECE;
                run.push(file, &piece[..len], &mut out);
            }
            Err(error) => run.fail(file, &error.to_string()),
        }
        written.write(run.files())?;
        complain(&mut run, &mut progress);
        if out.len() >= OUTPUT || short || waits || follow {
            write(&mut out)?;
        }
        if waits {
            std::thread::sleep(INTERVAL);
        }
        progress.show(run.position());
    }
    let status = run.finish(&mut out);
    progress.clear();
    written.write(run.files())?;
    write(&mut out)?;
    complain(&mut run, &mut progress);
    if run.is_empty() && status == 0 {
        say("no WebSocket connection was found");
    }
    match status {
        0 => Ok(()),
        status => Err(Failure::Status(status)),
    }
}

/// Serves the page with the file.
fn open(asked: &Arguments) -> Result<(), Failure> {
    let [file] = &asked.files[..] else {
        return Err(unusable("inspect", "--open shows one file"));
    };
    let alone = command::read(["--open", file]);
    if file == "-" || alone != Ok(Asked::Inspect(Box::new(asked.clone()))) {
        let why = "--open stands alone with a file: the page has its own filters";
        return Err(unusable("inspect", why));
    }
    #[cfg(not(target_os = "wasi"))]
    {
        crate::page::open_file(file)
    }
    #[cfg(target_os = "wasi")]
    {
        Err(unusable("inspect", "--open: this build serves no page"))
    }
}

/// Completes the options by what the output is, and makes the folder that they name.
pub(crate) fn prepare(
    asked: &mut Arguments,
    terminal: bool,
    command: &'static str,
) -> Result<(), Failure> {
    if terminal && asked.width.is_none() {
        asked.width = width();
    }
    match &asked.extract {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| unwritten(command, folder, &error))
        }
        None => Ok(()),
    }
}

/// Whether the output has colours by default.
pub(crate) fn has_colors(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none()
}

/// The columns of the terminal that is the output.
fn width() -> Option<usize> {
    #[cfg(not(target_family = "wasm"))]
    if let Some((width, _)) = terminal_size::terminal_size() {
        return Some(width.0.into()).filter(|&it| it > 0);
    }
    let columns = std::env::var("COLUMNS").ok()?;
    columns.parse().ok().filter(|&it| it > 0)
}

fn complain(run: &mut Run, progress: &mut Progress) {
    for sentence in run.complaints() {
        progress.clear();
        say(&sentence);
    }
}

/// Writes to standard output.
pub(crate) fn write(out: &mut Vec<u8>) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(out).and_then(|()| stdout.flush());
    out.clear();
    written.or_else(gone)
}

/// A reader of the output that has gone has enough: the run ends, and says nothing.
fn gone(error: io::Error) -> Result<(), Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Err(Failure::Status(0)),
        _ => Err(Failure::Run(unwritable(&error))),
    }
}

/// The files that are written beside the output.
pub(crate) struct Written {
    command: &'static str,
    open: HashMap<String, File>,
}

impl Written {
    /// Files that this command writes.
    pub(crate) fn new(command: &'static str) -> Self {
        Self {
            command,
            open: HashMap::new(),
        }
    }

    pub(crate) fn write(&mut self, files: Vec<OutputFile>) -> Result<(), Failure> {
        for OutputFile { name, bytes, whole } in files {
            let fail = |error: io::Error| unwritten(self.command, &name, &error);
            if whole {
                std::fs::write(&name, &bytes).map_err(fail)?;
                continue;
            }
            if !self.open.contains_key(&name) {
                let file = File::create(&name).map_err(fail)?;
                self.open.insert(name.clone(), file);
            }
            if let Some(file) = self.open.get_mut(&name) {
                file.write_all(&bytes).map_err(fail)?;
            }
        }
        Ok(())
    }
}

fn unwritten(command: &str, name: &str, error: &io::Error) -> Failure {
    let name = safe(name.as_bytes());
    unusable(command, format!("can't write {name}: {error}"))
}

/// A line on standard error that says how much was read, if that is a terminal and the output is not.
struct Progress {
    /// The sum of the lengths of the files, as far as they are known.
    total: u64,
    next: Option<Instant>,
    shown: bool,
}

impl Progress {
    fn new(files: &[String], terminal: bool) -> Self {
        let wanted = !terminal && io::stderr().is_terminal();
        let len = |name: &String| std::fs::metadata(name).map_or(0, |it| it.len());
        Self {
            total: if wanted {
                files.iter().map(len).sum()
            } else {
                0
            },
            next: wanted.then(|| Instant::now() + PROGRESS),
            shown: false,
        }
    }

    fn show(&mut self, position: u64) {
        let now = match self.next {
            None => return,
            Some(next) => Some(Instant::now()).filter(|now| *now >= next),
        };
        let Some(now) = now else {
            return;
        };
        self.next = Some(now + PROGRESS);
        self.shown = true;
        let percent = match self.total {
            0 => String::new(),
            total => format!(", {} %", position.min(total) * 100 / total),
        };
        // Standard error that can't be written is no reason to stop.
        let _ = write!(io::stderr(), "\r{} MiB read{percent} ", position >> 20);
    }

    fn clear(&mut self) {
        if core::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
