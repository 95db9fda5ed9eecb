//! A head taken apart by `httparse`, with what it lets through refused: empty lines before the
//! start line, bare LFs, and bytes from 0x80 on in a request's target.

use core::mem::MaybeUninit;

use crate::limits::Limits;

/// Room for the header lines of one head, never written before `httparse` does.
pub(crate) type Room<'h> = [MaybeUninit<httparse::Header<'h>>; Limits::MAX_HEADERS];

pub(crate) const fn room<'h>() -> Room<'h> {
    [const { MaybeUninit::uninit() }; Limits::MAX_HEADERS]
}

/// The lines of a head.
pub(crate) struct Lines<'r, 'h> {
    buf: &'h [u8],
    headers: &'r [httparse::Header<'h>],
}

impl<'r, 'h> Lines<'r, 'h> {
    /// Offset, name and value of each header; `None` in place of one that comes after a bare LF.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<(usize, &'h str, &'h [u8])>> + 'r {
        let buf = self.buf;
        self.headers.iter().map(move |header| {
            let at = offset(buf, header.name.as_bytes());
            let before = buf.get(at.wrapping_sub(2)..at)?;
            (before == b"\r\n").then_some((at, header.name, header.value))
        })
    }
}

/// Request line, headers, and length of the head. `None`: not whole or not well-formed, which of
/// the two is the scanner's to say.
#[inline]
pub(crate) fn request<'r, 'h>(
    buf: &'h [u8],
    room: &'r mut [MaybeUninit<httparse::Header<'h>>],
) -> Option<(usize, &'h str, &'h str, u8, Lines<'r, 'h>)> {
    let mut request = httparse::Request::new(&mut []);
    let len = match request.parse_with_uninit_headers(buf, room) {
        Ok(httparse::Status::Complete(len)) => len,
        _ => return None,
    };
    let (method, path) = (request.method?, request.path?);
    let strict =
        offset(buf, method.as_bytes()) == 0 && path.is_ascii() && buf[..len].ends_with(b"\r\n\r\n");
    let lines = Lines {
        buf,
        headers: request.headers,
    };
    strict.then_some((len, method, path, request.version?, lines))
}

/// Status, version and headers, and length of the head; `None` as in [`request`].
#[inline]
pub(crate) fn response<'r, 'h>(
    buf: &'h [u8],
    room: &'r mut [MaybeUninit<httparse::Header<'h>>],
) -> Option<(usize, u16, u8, Lines<'r, 'h>)> {
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        buf,
        room,
    );
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        _ => return None,
    };
    let strict = buf.first() == Some(&b'H') && buf[..len].ends_with(b"\r\n\r\n");
    let lines = Lines {
        buf,
        headers: response.headers,
    };
    strict.then_some((len, response.code?, response.version?, lines))
}

/// Where `part` begins in `whole`, whose slice it is.
#[inline]
fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr())
}
