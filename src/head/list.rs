//! Comma lists (RFC 9110 §5.6.1).

use core::fmt;

use super::token::{skip_space, split_token, text, trim};

/// A header's value does not follow its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header's value is malformed")
    }
}

impl core::error::Error for Malformed {}

/// Whether a comma list holds a member, in any case. For lists without quoted strings, such as
/// `Connection` and `Upgrade`.
///
/// ```
/// use wscodec::head::lists;
///
/// assert!(lists(b"keep-alive, Upgrade", b"upgrade"));
/// assert!(!lists(b"upgrades, up grade", b"upgrade"));
/// ```
pub fn lists(value: &[u8], member: &[u8]) -> bool {
    value.eq_ignore_ascii_case(member)
        || value
            .split(|&b| b == b',')
            .any(|part| trim(part).eq_ignore_ascii_case(member))
}

/// The tokens of a comma list that may be spread over several header lines, in their order. Empty
/// members are passed over, as RFC 9110 §5.6.1.2 asks for; anything else that is not a token is
/// [`Malformed`], and ends the list.
///
/// ```
/// use wscodec::head::{Malformed, Tokens};
///
/// let lines = [&b"chat , superchat"[..], b",", b"v2"];
/// let tokens: Vec<_> = Tokens::new(lines.into_iter()).map(Result::unwrap).collect();
/// assert_eq!(tokens, ["chat", "superchat", "v2"]);
///
/// let mut tokens = Tokens::new([&b"a, b c, d"[..]].into_iter());
/// assert_eq!(tokens.next(), Some(Ok("a")));
/// assert_eq!(tokens.next(), Some(Err(Malformed)));
/// assert_eq!(tokens.next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Tokens<'a, I> {
    list: Members<'a, I>,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Tokens<'a, I> {
    /// The list in these header values.
    pub fn new(lines: I) -> Self {
        let list = Members::new(lines);
        Self { list }
    }
}

impl<'a, I: Iterator<Item = &'a [u8]>> Iterator for Tokens<'a, I> {
    type Item = Result<&'a str, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.list.next_with(split_token)?.map(text))
    }
}

/// The walk along a comma list over several lines. A member may not go on in the next line.
#[derive(Clone, Debug)]
pub(super) struct Members<'a, I> {
    rest: &'a [u8],
    lines: Option<I>,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Members<'a, I> {
    pub(super) fn new(lines: I) -> Self {
        Self {
            rest: &[],
            lines: Some(lines),
        }
    }

    /// The next member, taken off the front of the line by `split`.
    #[inline]
    pub(super) fn next_with<T>(
        &mut self,
        split: impl Fn(&mut &'a [u8]) -> Option<T>,
    ) -> Option<Result<T, Malformed>> {
        loop {
            while let [b',' | b' ' | b'\t', after @ ..] = self.rest {
                self.rest = after;
            }
            if !self.rest.is_empty() {
                break;
            }
            self.rest = self.lines.as_mut()?.next()?;
        }
        let member = split(&mut self.rest);
        self.rest = skip_space(self.rest);
        match (member, self.rest) {
            (Some(member), [] | [b',', ..]) => Some(Ok(member)),
            _ => {
                self.rest = &[];
                self.lines = None;
                Some(Err(Malformed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn tokens<'a>(lines: &[&'a [u8]]) -> Result<Vec<&'a str>, Malformed> {
        Tokens::new(lines.iter().copied()).collect()
    }

    #[test]
    fn several_lines_are_one_list() {
        assert_eq!(
            tokens(&[b"a,b", b"", b" \t", b"c"]),
            Ok(["a", "b", "c"].to_vec())
        );
        assert_eq!(tokens(&[]), Ok([].to_vec()));
    }

    #[test]
    fn refuses_what_is_no_token() {
        for value in ["a b", "a;b", "\"a\"", "a, \u{e9}", "a,\0", "a=1", "a\x0bb"] {
            assert_eq!(tokens(&[value.as_bytes()]), Err(Malformed), "{value:?}");
        }
    }

    #[test]
    fn a_member_ends_with_its_line() {
        assert_eq!(tokens(&[b"a", b"b"]), Ok(["a", "b"].to_vec()));
    }

    #[test]
    fn finds_members_in_any_case_and_whole_only() {
        assert!(lists(b",, keep-alive ,\tUPGRADE", b"upgrade"));
        for value in [
            &b"xupgrade"[..],
            b"upgrade/2",
            b"up, grade",
            b"",
            b"\"upgrade\"",
        ] {
            assert!(!lists(value, b"upgrade"));
        }
    }

    #[test]
    fn long_spaces_and_commas_are_linear() {
        let mut value = std::vec![b' '; 1 << 20];
        value.extend(std::vec![b','; 1 << 20]);
        value.extend(b"a");
        value.extend(std::vec![b' '; 1 << 20]);
        assert_eq!(tokens(&[&value]), Ok(["a"].to_vec()));
        value.extend(b"b");
        assert_eq!(tokens(&[&value]), Err(Malformed));
    }
}
