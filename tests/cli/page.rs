//! `wscodec inspect --open` and `wscodec tap --open`, with a stand-in for the page.

#![cfg(unix)]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use harness::{Served, fed, signal, text, wscodec};
use wscodec::io::{Connection, Connector, Error};
use wscodec_inspect::{InspectEvent, InspectOptions, Inspector};

/// A program that serves the page. It is killed when it is dropped.
struct Serving {
    child: Child,
    /// The host and port of the page.
    host: String,
    /// The path of the page: `/TOKEN/`.
    path: String,
    /// The address of the tap.
    tap: String,
    page: PathBuf,
}

impl Serving {
    fn new(name: &str, words: &[&str]) -> Self {
        let page = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("page-{}-{name}.html", std::process::id()));
        fs::write(&page, "<head><!-- live --></head>").unwrap();
        let mut child = wscodec(words)
            .env("WSCODEC_PAGE", &page)
            .env("BROWSER", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let url = line.strip_prefix("wscodec: the page is at http://");
        let (host, path) = url
            .unwrap_or_else(|| panic!("{line}"))
            .split_once('/')
            .unwrap();
        let tap = match words[0] {
            "tap" => lines.next().unwrap().unwrap(),
            _ => String::new(),
        };
        let tap = tap.rsplit_once(' ').map(|(_, url)| url.to_owned());
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            host: host.to_owned(),
            path: format!("/{path}"),
            tap: tap.unwrap_or_default(),
            page,
        }
    }

    /// The response to a request for a path below the token.
    fn get(&self, path: &str, host: &str, more: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        response
    }

    fn status(&self, path: &str, host: &str, more: &str) -> String {
        let response = self.get(path, host, more);
        String::from_utf8_lossy(&response[9..12]).into_owned()
    }

    fn viewer(&self, origin: &str) -> Result<Connection<wscodec::io::ClientStream>, Error> {
        let headers = [("Origin", origin)];
        let connector = Connector {
            headers: if origin.is_empty() { &[] } else { &headers },
            ..Connector::DEFAULT
        };
        connector.connect(&format!("ws://{}{}events", self.host, self.path))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.page);
    }
}

#[test]
fn a_file_is_served_to_the_page_and_to_nobody_else() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/pcap/two-connections.pcap"
    );
    let mut serving = Serving::new("file", &["inspect", "--open", file]);
    let (host, path) = (serving.host.clone(), serving.path.clone());
    let page = serving.get(&path, &host, "");
    let (head, body) = text(&page).split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("Cache-Control: no-store"));
    let expected = format!("<head><meta name=\"wscodec-file\" content=\"{path}capture\"></head>");
    assert_eq!(body, expected);
    let capture = format!("{path}capture");
    let response = serving.get(&capture, &host, &format!("Origin: http://{host}\r\n"));
    assert!(response.ends_with(&fs::read(file).unwrap()) && response.starts_with(b"HTTP/1.1 200 "));
    let named = b"Content-Disposition: inline; filename=\"two-connections.pcap\"\r\n";
    assert!(response.windows(named.len()).any(|it| it == named));
    let port = host.rsplit_once(':').unwrap().1;
    assert_eq!(
        serving.status(&capture, &format!("localhost:{port}"), ""),
        "200"
    );
    // A name that somebody points at this machine, another page, a guess, and another method.
    assert_eq!(
        serving.status(&capture, &format!("rebound.example:{port}"), ""),
        "421"
    );
    assert_eq!(
        serving.status(&capture, &format!("{host}\r\nHost: {host}"), ""),
        "421"
    );
    assert_eq!(
        serving.status(&capture, &host, "Origin: http://page.example\r\n"),
        "403"
    );
    assert_eq!(serving.status(&capture, &host, "Origin: null\r\n"), "403");
    for wrong in [
        "/",
        "/capture",
        "/0123456789abcdef0123456789abcdef/capture",
        &path[..20],
    ] {
        assert_eq!(serving.status(wrong, &host, ""), "404", "{wrong}");
    }
    assert_eq!(serving.status(&format!("{path}events"), &host, ""), "404");
    assert_eq!(serving.status("/\x01", &host, ""), "400");
    signal(&serving.child, "TERM");
    assert!(serving.child.wait().unwrap().success());
}

#[test]
fn every_viewer_of_a_live_stream_gets_it_from_its_beginning() {
    let server = Served::new(&[]);
    let to = &server.url[..];
    let words = [
        "tap",
        "--listen",
        "127.0.0.1:0",
        "--proxy",
        "none",
        "--quiet",
        "--open",
        "--to",
        to,
    ];
    let serving = Serving::new("live", &words);
    let page = serving.get(&serving.path, &serving.host, "");
    assert!(text(&page).contains("<meta name=\"wscodec-live\" content=\"/"));
    let own = format!("http://{}", serving.host);
    for wrong in ["", "http://page.example", "null"] {
        assert!(
            matches!(serving.viewer(wrong), Err(Error::Rejected(_))),
            "{wrong}"
        );
    }
    let mut early = serving.viewer(&own).unwrap();
    let sent = fed(
        &mut wscodec(&["connect", "--proxy", "none", &serving.tap]),
        "one\ntwo\n",
    );
    assert_eq!(text(&sent.stdout), "one\ntwo\n");
    let mut late = serving.viewer(&own).unwrap();
    for viewer in [&mut early, &mut late] {
        let mut inspector = Inspector::new(InspectOptions::default());
        let (mut messages, mut ended) = (Vec::new(), false);
        while !ended {
            let (message, _) = viewer.read().unwrap().unwrap();
            let mut sink = |event: InspectEvent<'_>| match event {
                InspectEvent::Message(message) => messages.push(message.payload.to_vec()),
                InspectEvent::End(_) => ended = true,
                _ => {}
            };
            inspector.push(message.payload, &mut sink).unwrap();
        }
        messages.sort();
        assert_eq!(messages, [b"one", b"one", b"two", b"two"]);
    }
}
