//! The header lines of a head.

use core::ops::Range;

use super::line::Line;
use super::token::{skip_space, value_len};

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderField<'h> {
    /// The name as it was sent, a token; its case means nothing.
    pub name: &'h str,
    /// The value without white space at its ends. It may have bytes from 0x80 on.
    pub value: &'h [u8],
}

impl HeaderField<'_> {
    /// Whether this is the header of that name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// One line of a head, as it arrives: for decisions that need not wait for the whole head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadLine<'b> {
    /// The first line of a request (RFC 9112 §3). Whether the method and the target are right for a
    /// WebSocket is not checked yet.
    Request {
        /// The method, a token.
        method: &'b str,
        /// The target, visible ASCII.
        target: &'b str,
    },
    /// The first line of a response (RFC 9112 §4).
    Response {
        /// The status, three digits.
        status: u16,
        /// The reason phrase, often empty.
        reason: &'b [u8],
    },
    /// A header line.
    Field(HeaderField<'b>),
}

/// The header lines of a head, in their order, split as they are asked for.
///
/// ```
/// use wscodec::head::HeaderFields;
///
/// let mut headers = HeaderFields::of(b"GET / HTTP/1.1\r\nHost: a\r\nCookie:  b=1 \r\n\r\n");
/// assert_eq!(headers.next().unwrap().name, "Host");
/// assert_eq!(headers.next().unwrap().value, b"b=1");
/// assert_eq!(headers.next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct HeaderFields<'h> {
    rest: &'h [u8],
    /// Where `rest` ends: the length of the head.
    end: usize,
}

impl<'h> HeaderFields<'h> {
    /// The header lines after the start line of a head that a
    /// [`HeadScanner`](super::HeadScanner) has passed. Of other bytes, the well-formed header lines
    /// in front of the first one that is not.
    pub fn of(head: &'h [u8]) -> Self {
        let rest = head.get(value_len(head) + 2..);
        Self {
            rest: rest.unwrap_or_default(),
            end: head.len(),
        }
    }

    /// The places of the header lines that are left, for callers that keep offsets into the head
    /// instead of slices of it, such as the wasm module.
    ///
    /// ```
    /// use wscodec::head::HeaderFields;
    ///
    /// let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    /// let place = HeaderFields::of(head).places().next().unwrap();
    /// assert_eq!(&head[place.name], b"Host");
    /// assert_eq!(&head[place.value], b"a");
    /// ```
    pub fn places(self) -> HeaderPlaces<'h> {
        HeaderPlaces(self)
    }

    /// The values of the headers with that name, in any case.
    pub fn named<'n>(self, name: &'n str) -> Named<'h, 'n> {
        Named {
            headers: self,
            name,
        }
    }
}

impl<'h> Iterator for HeaderFields<'h> {
    type Item = HeaderField<'h>;

    fn next(&mut self) -> Option<HeaderField<'h>> {
        let (name, value, after) = Line::default().read(self.rest).ok()??;
        self.rest = after;
        Some(HeaderField {
            name: core::str::from_utf8(name).ok()?,
            value,
        })
    }
}

/// The place of one header line in its head, in bytes from the first byte of the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderPlace {
    /// The place of the [name](HeaderField::name).
    pub name: Range<usize>,
    /// The place of the [value](HeaderField::value), without white space at its ends.
    pub value: Range<usize>,
}

/// The places of the header lines of a head, in their order; see [`HeaderFields::places`].
#[derive(Clone, Debug)]
pub struct HeaderPlaces<'h>(HeaderFields<'h>);

impl Iterator for HeaderPlaces<'_> {
    type Item = HeaderPlace;

    fn next(&mut self) -> Option<HeaderPlace> {
        let line = self.0.rest;
        let at = self.0.end - line.len();
        let HeaderField { name, value } = self.0.next()?;
        let start = at + value_offset(line, name.len());
        Some(HeaderPlace {
            name: at..at + name.len(),
            value: start..start + value.len(),
        })
    }
}

/// The number of bytes between the first byte of a header line and its value, behind the name, the
/// colon and white space. The line is well-formed and its name has `name_len` bytes.
pub(crate) fn value_offset(line: &[u8], name_len: usize) -> usize {
    let after_colon = line.get(name_len + 1..).unwrap_or_default();
    line.len() - skip_space(after_colon).len()
}

/// The values of all headers of one name; see [`HeaderFields::named`].
#[derive(Clone, Debug)]
pub struct Named<'h, 'n> {
    headers: HeaderFields<'h>,
    name: &'n str,
}

impl<'h> Iterator for Named<'h, '_> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let name = self.name;
        Some(self.headers.find(|header| header.is(name))?.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn finds_all_of_one_name() {
        let head = b"GET / HTTP/1.1\r\nA: 1\r\na:2\r\nB:\r\nAa: 4\r\n\r\n";
        let values: Vec<_> = HeaderFields::of(head).named("a").collect();
        assert_eq!(values, [b"1", b"2"]);
        assert_eq!(HeaderFields::of(head).named("b").next(), Some(&b""[..]));
    }

    #[test]
    fn places_are_those_of_the_slices() {
        let head = b"GET / HTTP/1.1\r\nA: 1\r\nbc:\t 2 3 \r\nD:\r\nE:  \r\nF:4\r\n\r\n";
        let places: Vec<_> = HeaderFields::of(head).places().collect();
        let fields: Vec<_> = HeaderFields::of(head).collect();
        assert_eq!((places.len(), fields.len()), (5, 5));
        for (place, field) in places.into_iter().zip(fields) {
            assert_eq!(&head[place.name], field.name.as_bytes());
            assert_eq!(&head[place.value], field.value);
        }
    }

    #[test]
    fn takes_any_bytes() {
        for bytes in [
            "",
            "\r",
            "\n\r",
            "\n\r\r",
            "x\nno colon\r\n",
            "\n:\r",
            "\n\u{e9}:a\r\n\r\n",
        ] {
            let fields = HeaderFields::of(bytes.as_bytes());
            assert!(fields.clone().count() <= 1, "{bytes:?}");
            assert_eq!(fields.clone().places().count(), fields.count(), "{bytes:?}");
        }
    }
}
