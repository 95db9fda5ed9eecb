//! Standard output and standard error, written without a panic when nobody reads them.
//!
//! `print!` and `eprintln!` panic on a closed pipe or a full disk. Here a closed standard output
//! means that its reader has enough (`wscodec … | head`), every other failure is an error of the
//! run, and a failure of standard error is ignored, because there is nowhere left to report it.

use std::io::{self, IsTerminal, Write};

use crate::{Failure, terminal};

/// Writes to standard output; a reader that has gone is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Run(unwritable(&e))),
        _ => Ok(()),
    }
}

/// The sentence for an output that can't be written.
pub(crate) fn unwritable(error: &io::Error) -> String {
    format!("can't write to standard output: {error}")
}

/// Writes a line to standard error, in one write, so that lines of several programs stay whole. On
/// a terminal where a line is edited, it is printed above that line.
pub(crate) fn say(sentence: &str) {
    let line = format!("wscodec: {sentence}\n");
    if io::stderr().is_terminal() && terminal::print(line.as_bytes()) {
        return;
    }
    let _ = io::stderr().write_all(line.as_bytes());
}
