//! Log lines on standard error.

use std::io::Write;
use std::str::FromStr;

use log::{LevelFilter, Log, Metadata, Record};

struct Lines;

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // One write a line, so that lines of several threads stay whole.
        let line = format!("{} {}\n", record.level(), record.args());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

/// The level by its name.
pub(crate) fn level(name: &str) -> Option<LevelFilter> {
    LevelFilter::from_str(name).ok()
}

pub(crate) fn start(level: LevelFilter) {
    log::set_max_level(level);
    // It is set once.
    let _ = log::set_logger(&Lines);
}
