//! Lines of a file that is pushed in pieces.

use super::error::SourceError;

/// The longest line.
const MAX_LINE: usize = 128 << 20;

#[derive(Debug, Default)]
pub(super) struct Lines {
    held: Vec<u8>,
}

/// Receives a line.
pub(super) type LineSink<'s> = dyn FnMut(&[u8]) -> Result<(), SourceError> + 's;

impl Lines {
    /// Takes the next bytes, and hands on each line that they complete. Empty lines are passed over.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        sink: &mut LineSink<'_>,
    ) -> Result<(), SourceError> {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.held.is_empty() {
                hand_on(line, sink)?;
            } else {
                let mut held = core::mem::take(&mut self.held);
                held.extend_from_slice(line);
                hand_on(&held, sink)?;
            }
        }
        if self.held.len() + bytes.len() > MAX_LINE {
            return Err(SourceError::TooLong);
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Hands on the last line.
    pub(super) fn finish(&mut self, sink: &mut LineSink<'_>) -> Result<(), SourceError> {
        hand_on(&core::mem::take(&mut self.held), sink)
    }
}

fn hand_on(line: &[u8], sink: &mut LineSink<'_>) -> Result<(), SourceError> {
    match line.trim_ascii() {
        [] => Ok(()),
        line => sink(line),
    }
}
