//! `wscodec inspect`: the files and the output of the command in `wscodec_inspect::command`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};

use wscodec_inspect::command::{self, Asked, Run};
use wscodec_inspect::safe::safe;

use crate::Failure;
use crate::args::unusable;
use crate::out::{print, say, unwritable};

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// Output that is written at once.
const OUTPUT: usize = 64 << 10;

/// A file, or standard input.
type Source = Box<dyn Read>;

pub(crate) fn run(words: Vec<OsString>) -> Result<(), Failure> {
    let mut asked = match command::read(words) {
        Ok(Asked::Inspect(asked)) => *asked,
        Ok(Asked::Help) => return print(command::HELP),
        Err(why) => return Err(unusable("inspect", why)),
    };
    let terminal = io::stdout().is_terminal();
    if terminal && asked.width.is_none() {
        let columns = std::env::var("COLUMNS").ok();
        asked.width = columns.and_then(|it| it.parse().ok()).filter(|&it| it > 0);
    }
    let (files, keys) = (asked.files.clone(), asked.keys.clone());
    let mut run = Run::new(asked, terminal && std::env::var_os("NO_COLOR").is_none());
    for name in keys {
        match std::fs::read(&name) {
            Ok(bytes) => run.keys(&bytes),
            Err(error) => {
                let name = safe(name.as_bytes());
                return Err(unusable("inspect", format!("can't read {name}: {error}")));
            }
        }
    }
    let mut sources: Vec<_> = files.iter().map(|_| None::<Source>).collect();
    let mut piece = vec![0; PIECE];
    let mut out = Vec::with_capacity(2 * OUTPUT);
    let mut stdout = io::stdout().lock();
    while let Some(file) = run.wants() {
        match read(&mut sources[file], &files[file], &mut piece) {
            Ok(0) => {
                sources[file] = None;
                run.end(file, &mut out);
            }
            Ok(len) => run.push(file, &piece[..len], &mut out),
            Err(error) => run.fail(file, &error.to_string()),
        }
        complain(&mut run);
        if out.len() >= OUTPUT {
            write(&mut stdout, &mut out)?;
        }
    }
    let status = run.finish(&mut out);
    write(&mut stdout, &mut out)?;
    stdout.flush().or_else(gone)?;
    complain(&mut run);
    if run.is_empty() && status == 0 {
        say("no WebSocket connection was found");
    }
    match status {
        0 => Ok(()),
        status => Err(Failure::Status(status)),
    }
}

fn complain(run: &mut Run) {
    for sentence in run.complaints() {
        say(&sentence);
    }
}

fn read(source: &mut Option<Source>, name: &str, piece: &mut [u8]) -> io::Result<usize> {
    let source = match source {
        Some(source) => source,
        None => source.insert(match name {
            "-" => Box::new(io::stdin()),
            path => Box::new(File::open(path)?),
        }),
    };
    loop {
        match source.read(piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn write(stdout: &mut impl Write, out: &mut Vec<u8>) -> Result<(), Failure> {
    stdout.write_all(out).or_else(gone)?;
    out.clear();
    Ok(())
}

/// A reader of the output that has gone has enough: the run ends, and says nothing.
fn gone(error: io::Error) -> Result<(), Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Err(Failure::Status(0)),
        _ => Err(Failure::Run(unwritable(&error))),
    }
}
