//! Why there is no connection, in words.

use std::fmt::Write;
use std::io;

use wscodec::HandshakeError;
use wscodec::io::{Error, Rejected, Url};

use wscodec_inspect::safe::{safe, safe_lines};

/// Bytes and lines of a rejection's body that are shown.
const MOST_BYTES: usize = 4096;
const MOST_LINES: usize = 40;

/// The sentence for an error of connecting.
pub(crate) fn failed(url: &Url, error: &Error) -> String {
    let at = url.authority();
    match error {
        Error::Io(e) => match e.kind() {
            io::ErrorKind::ConnectionRefused => format!("nobody listens at {at}"),
            io::ErrorKind::TimedOut => format!("{at} does not answer in time"),
            io::ErrorKind::PermissionDenied if cfg!(target_os = "wasi") => {
                format!("connecting to {at} is not allowed: run it with -S inherit-network")
            }
            io::ErrorKind::InvalidData => format!("{at} is not trusted, or speaks no TLS: {e}"),
            _ => format!("can't connect to {at}: {e}"),
        },
        Error::Rejected(rejected) => rejection(at, rejected),
        Error::Fault(fault)
            if matches!(
                fault.error,
                wscodec::ErrorKind::Handshake(HandshakeError::MalformedHead)
            ) =>
        {
            format!("{at} does not speak HTTP/1.1")
        }
        other => format!("{at}: {other}"),
    }
}

/// The status, where it leads to, and the beginning of the body, all of them made safe to show.
fn rejection(at: &str, rejected: &Rejected) -> String {
    let mut text = format!("{at} answered {}", rejected.status());
    let Some(response) = rejected.response() else {
        return text;
    };
    let _ = write!(text, " {}", safe(response.reason()));
    if let Some(location) = response.header("Location") {
        let _ = write!(text, ", to {}", safe(location));
    }
    let body = rejected.body();
    if body.is_empty() {
        return text;
    }
    if let Some(coding) = response.header("Content-Encoding") {
        let (len, coding) = (body.len(), safe(coding));
        let _ = write!(text, "; its body is {len} bytes of {coding}");
        return text;
    }
    let shown = &body[..body.len().min(MOST_BYTES)];
    let mut lines = safe_lines(shown.trim_ascii_end());
    for line in lines.by_ref().take(MOST_LINES) {
        let _ = write!(text, "\n  {line}");
    }
    if shown.len() < body.len() || lines.next().is_some() {
        text.push_str("\n  …");
    }
    text
}
