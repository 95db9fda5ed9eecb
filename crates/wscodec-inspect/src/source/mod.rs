//! Files that hold WebSocket traffic: their formats, and their compression.
//!
//! A format is recognised by the first bytes, never by a file's name.

mod cdp;
mod error;
mod har;
mod json;
mod lines;
mod messages;
mod mitmproxy;
mod netlog;
pub(crate) mod time;
mod unpack;
mod url;
mod version;

use crate::container::Container;

pub(crate) use cdp::Cdp;
pub use error::SourceError;
pub(crate) use har::Har;
pub(crate) use messages::Out;
pub(crate) use mitmproxy::Mitmproxy;
pub(crate) use netlog::NetLog;
pub(crate) use unpack::Unpacker;

/// Bytes at the beginning of a JSON file in which its first name is looked for.
const MAX_FRONT: usize = 1024;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Packets: pcap or pcapng.
    Capture,
    /// An HTTP Archive with `_webSocketMessages`.
    Har,
    /// A flow file of mitmproxy.
    Mitmproxy,
    /// A NetLog of Chrome.
    NetLog,
    /// Events of the Chrome DevTools Protocol, one JSON object a line.
    DevTools,
    /// None of these: bytes of one direction of a connection, perhaps.
    Raw,
}

impl Format {
    /// The format of a file that begins with these bytes, without compression; `None` if more of them
    /// are needed. `last` says that these are all bytes of the file. At most 1 KiB is needed.
    ///
    /// ```
    /// use wscodec_inspect::source::Format;
    ///
    /// assert_eq!(Format::of(&[0x0a, 0x0d, 0x0d, 0x0a], false), Some(Format::Capture));
    /// assert_eq!(Format::of(b"GET /chat HTTP/1.1", false), Some(Format::Raw));
    /// assert_eq!(Format::of(b"{\"log\": {", false), Some(Format::Har));
    /// assert_eq!(Format::of(b"{\"lo", false), None);
    /// ```
    pub fn of(front: &[u8], last: bool) -> Option<Self> {
        match Container::recognises(front) {
            Some(true) => return Some(Self::Capture),
            None if !last => return None,
            _ => {}
        }
        match Mitmproxy::recognises(front) {
            Some(true) => return Some(Self::Mitmproxy),
            None if !last => return None,
            _ => {}
        }
        let text = front.strip_prefix(b"\xef\xbb\xbf").unwrap_or(front);
        let text = text.trim_ascii_start();
        match text.split_first() {
            Some((b'{', rest)) => match first_name(rest) {
                Some(b"log") => Some(Self::Har),
                Some(b"constants" | b"events" | b"polledData") => Some(Self::NetLog),
                Some(_) => Some(Self::DevTools),
                None if last || front.len() >= MAX_FRONT => Some(Self::Raw),
                None => None,
            },
            Some(_) => Some(Self::Raw),
            None if last || front.len() >= MAX_FRONT => Some(Self::Raw),
            None => None,
        }
    }
}

/// The first name of an object, once it is whole. Raw bytes that begin like an object have no name of
/// letters.
fn first_name(bytes: &[u8]) -> Option<&[u8]> {
    let name = bytes.trim_ascii_start().strip_prefix(b"\"")?;
    let len = name.iter().position(|&byte| byte == b'"')?;
    name[..len]
        .iter()
        .all(|it| it.is_ascii_graphic())
        .then_some(&name[..len])
}
