//! Versions of HTTP in logs.

/// The version of HTTP that a log names; Chrome writes `h2` and `http/1.1`.
pub(super) fn version(text: &str) -> &'static [u8] {
    match text.as_bytes() {
        [b'h' | b'H', b'2', ..] => b"HTTP/2",
        _ if text.ends_with("/2") || text.ends_with("/2.0") => b"HTTP/2",
        _ => b"HTTP/1.1",
    }
}
