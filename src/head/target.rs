//! The target of a request (RFC 9112 §3.2).

/// The path of a request target without its query, and the query behind the first `?`.
///
/// The target may be a path or an absolute URI with the scheme `http`, `https`, `ws` or `wss`. The path of an
/// absolute URI without one is `/` (RFC 9110 §4.2.3). Another target, such as `*`, is returned as the
/// path. These are the parts that `path` and `query` of a URL have everywhere in this crate.
///
/// ```
/// use wscodec::head::split_target;
///
/// assert_eq!(split_target("/chat?room=1?"), ("/chat", Some("room=1?")));
/// assert_eq!(split_target("/chat"), ("/chat", None));
/// assert_eq!(split_target("ws://example.com?a=1"), ("/", Some("a=1")));
/// ```
pub fn split_target(target: &str) -> (&str, Option<&str>) {
    let sent = absolute(target).map_or(target, |(_, path)| path);
    match sent.split_once('?') {
        Some(("", query)) => ("/", Some(query)),
        Some((path, query)) => (path, Some(query)),
        None if sent.is_empty() => ("/", None),
        None => (sent, None),
    }
}

/// The authority of an absolute-form target (RFC 9112 §3.2.2), and the path and query behind it.
/// `None` if this is another form: authority-form and asterisk-form are not for GET.
pub(crate) fn absolute(target: &str) -> Option<(&str, &str)> {
    let bytes = target.as_bytes();
    let scheme = bytes.iter().position(|&b| b == b':')?;
    let schemes: [&[u8]; 4] = [b"http", b"https", b"ws", b"wss"];
    let is_known = |it: &&[u8]| bytes[..scheme].eq_ignore_ascii_case(it);
    if !schemes.iter().any(is_known) || !bytes[scheme..].starts_with(b"://") {
        return None;
    }
    let rest = target.get(scheme + 3..)?;
    let end = rest.bytes().position(|b| b == b'/' || b == b'?');
    rest.split_at_checked(end.unwrap_or(rest.len()))
}
