//! The head of a request, as it goes to the server.

use wscodec::head::{HeaderFields, start_line};

use crate::args::TapArgs;
use wscodec::io::Url;

/// The changes to make.
#[derive(Debug)]
pub(super) struct Changes {
    /// The path and the query in place of the client's.
    target: Option<String>,
    /// Fields in place of the client's fields of these names.
    fields: Vec<(String, String)>,
    removed: Vec<String>,
}

impl Changes {
    /// The changes that the options ask for. `has_path` says that the URL has a path or a query.
    pub(super) fn new(arguments: &TapArgs, url: &Url, has_path: bool) -> Self {
        let given = arguments.headers.iter();
        let mut fields: Vec<_> = given
            .map(|it| (it.name.clone(), it.value.clone()))
            .collect();
        let names_host = |(name, _): &(String, String)| name.eq_ignore_ascii_case("Host");
        if !arguments.keep_host && !fields.iter().any(names_host) {
            fields.push(("Host".into(), url.authority().into()));
        }
        if let Some(origin) = &arguments.origin {
            let scheme = if url.is_secure() { "https" } else { "http" };
            let value = match &origin[..] {
                "target" => format!("{scheme}://{}", url.authority()),
                origin => origin.into(),
            };
            fields.push(("Origin".into(), value));
        }
        Self {
            target: has_path.then(|| url.path_and_query().into()),
            fields,
            removed: arguments.removed.clone(),
        }
    }

    /// Appends the head as it goes to the server. It is whole, and a `HeadScanner` has passed it. A
    /// request for anything else than a WebSocket asks the server to close the connection after its
    /// response, because the heads of later requests would not be found behind a body.
    pub(super) fn apply(&self, head: &[u8], out: &mut Vec<u8>) {
        let [method, target, version] = start_line(head);
        let target = self.target.as_ref().map_or(target, |it| it.as_bytes());
        for part in [method, b" ", target, b" ", version, b"\r\n"] {
            out.extend(part);
        }
        let close = ("Connection".to_owned(), "close".to_owned());
        let last = (!is_upgrade(head)).then_some(&close);
        let fields: Vec<_> = self.fields.iter().chain(last).collect();
        let mut written = vec![false; fields.len()];
        let lines = head.split(|&byte| byte == b'\n').skip(1);
        for (field, line) in HeaderFields::of(head).zip(lines) {
            if self.removed.iter().any(|name| field.is(name)) {
                continue;
            }
            match fields.iter().position(|(name, _)| field.is(name)) {
                None => {
                    out.extend(line);
                    out.push(b'\n');
                }
                Some(at) => put(fields[at], at, &mut written, out),
            }
        }
        for (at, field) in fields.iter().enumerate() {
            put(field, at, &mut written, out);
        }
        out.extend(b"\r\n");
    }
}

/// Appends a field, the first time.
fn put(field: &(String, String), at: usize, written: &mut [bool], out: &mut Vec<u8>) {
    if !std::mem::replace(&mut written[at], true) {
        out.extend(format!("{}: {}\r\n", field.0, field.1).as_bytes());
    }
}

/// Whether the request asks for a WebSocket (RFC 6455 §4.1).
pub(super) fn is_upgrade(head: &[u8]) -> bool {
    let mut upgrades = HeaderFields::of(head).named("Upgrade");
    upgrades.any(|value| value.eq_ignore_ascii_case(b"websocket"))
}

/// Whether bytes behind an upgrade request begin another request. A frame of a client does not: its
/// second byte has the highest bit, because it is masked (RFC 6455 §5.2).
pub(super) fn begins_request(bytes: &[u8]) -> bool {
    bytes.len() >= 2 && bytes[..2].iter().all(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &Changes, head: &str) -> String {
        let mut out = Vec::new();
        changes.apply(head.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_are_replaced_where_they_stand_and_all_others_stay_as_they_are() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let changes = Changes {
            target: Some("/other?a".into()),
            fields: vec![pair("host", "b"), pair("X-New", "1")],
            removed: vec!["cookie".into()],
        };
        let head = "GET /p HTTP/1.1\r\nHost:a\r\nUpgrade:  WebSocket \r\nCookie: x\r\n\
                    HOST: c\r\ncookie: y\r\nA:\r\n\r\n";
        let expected = "GET /other?a HTTP/1.1\r\nhost: b\r\nUpgrade:  WebSocket \r\nA:\r\n\
                        X-New: 1\r\n\r\n";
        assert_eq!(changed(&changes, head), expected);
        let none = Changes {
            target: None,
            fields: Vec::new(),
            removed: Vec::new(),
        };
        assert_eq!(changed(&none, head), head);
        let plain = "POST / HTTP/1.1\r\nConnection: keep-alive\r\nA: b\r\n\r\n";
        let expected = "POST / HTTP/1.1\r\nConnection: close\r\nA: b\r\n\r\n";
        assert_eq!(changed(&none, plain), expected);
    }

    #[test]
    fn frames_and_requests_are_told_apart() {
        assert!(begins_request(b"GET / HTTP/1.1"));
        assert!(!begins_request(b"\x81\x85abcd"));
        // A compressed fragment of a message, and its mask bit.
        assert!(!begins_request(b"A\xc5abcd"));
        assert!(!begins_request(b"G"));
    }
}
