//! The reader of one header line.

use super::token::{token_len, trim, value_len};

/// How far a header line was read: `field-name ":" OWS field-value OWS CRLF` (RFC 9112 §5).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    /// The byte to go on at, counted from the line's first one. It stays on a CR until the byte
    /// behind that is there.
    pub(super) pos: usize,
    /// Where the colon is, or 0 while `pos` is in the name.
    colon: usize,
}

impl Line {
    /// Reads on in bytes that begin with the line. Gives name, value and the bytes behind the line
    /// once it is whole, and `None` before. An error is the place of the byte that cannot be right.
    #[inline(always)]
    #[allow(clippy::type_complexity, reason = "three slices")]
    pub(super) fn read<'b>(
        &mut self,
        bytes: &'b [u8],
    ) -> Result<Option<(&'b [u8], &'b [u8], &'b [u8])>, usize> {
        if self.colon == 0 {
            let Some(rest) = bytes.get(self.pos..) else {
                return Ok(None);
            };
            self.pos += token_len(rest);
            match bytes.get(self.pos) {
                Some(b':') if self.pos > 0 => {
                    self.colon = self.pos;
                    self.pos += 1;
                }
                Some(_) => return Err(self.pos),
                None => return Ok(None),
            }
        }
        let Some(rest) = bytes.get(self.pos..) else {
            return Ok(None);
        };
        self.pos += value_len(rest);
        let Some((line, end)) = bytes.split_at_checked(self.pos) else {
            return Ok(None);
        };
        match end {
            [] | [b'\r'] => Ok(None),
            [b'\r', b'\n', after @ ..] => match line.split_at_checked(self.colon) {
                Some((name, [_, value @ ..])) => Ok(Some((name, trim(value), after))),
                _ => Err(self.pos),
            },
            _ => Err(self.pos),
        }
    }
}
