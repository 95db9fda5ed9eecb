//! The files that a command reads: a path, or `-` for standard input.

use std::fs::File;
use std::io::{self, Read};

/// A file that is opened when its first piece is read.
pub(crate) type Source = Option<Box<dyn Read>>;

/// Reads the next piece of the file of this name, and returns its length; 0 is the end.
pub(crate) fn read(source: &mut Source, name: &str, piece: &mut [u8]) -> io::Result<usize> {
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
