//! HTTP heads made from lines, and read however they are cut.

use core::fmt::Debug;

/// The base with lines in place of the one that begins alike, or else at the end. An empty
/// replacement leaves the line out.
pub fn head(base: &[&str], changes: &[(&str, &str)]) -> String {
    let mut lines: Vec<String> = base.iter().map(|line| line.to_string()).collect();
    for (start, with) in changes {
        match lines
            .iter()
            .position(|line| line.starts_with(start) && !start.is_empty())
        {
            Some(at) if with.is_empty() => drop(lines.remove(at)),
            Some(at) => lines[at] = with.to_string(),
            None => lines.push(with.to_string()),
        }
    }
    lines.join("\r\n") + "\r\n\r\n"
}

/// The result of `outcome` for bytes that arrive in reads with these ends: the same in one piece, at every
/// split, and byte by byte.
pub fn however_cut<T: Debug + PartialEq>(
    len: usize,
    outcome: impl Fn(&mut dyn Iterator<Item = usize>) -> T,
) -> T {
    let whole = outcome(&mut [len].into_iter());
    for split in 0..len {
        let cut = outcome(&mut [split, len].into_iter());
        assert_eq!(cut, whole, "split at {split}");
    }
    assert_eq!(outcome(&mut (0..=len)), whole, "byte by byte");
    whole
}
