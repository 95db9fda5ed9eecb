//! One request to the port of the page.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wscodec::Limits;
use wscodec::handshake::{Origin, Rejection};
use wscodec::head::{HeadScanner, HeaderFields, start_line};
use wscodec::io::{Acceptor, Transport};
use wscodec::session::Policy;

use super::history::{History, Place};

/// How long a request may take, and how long a viewer may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// The content that the page shows.
#[derive(Debug)]
pub(super) enum Source {
    File(PathBuf),
    Stream(Arc<History>),
}

/// The port and what it serves.
#[derive(Debug)]
pub(super) struct Port {
    hosts: [String; 2],
    origins: [String; 2],
    token: String,
    page: Vec<u8>,
    source: Source,
}

impl Port {
    pub(super) fn new(number: u16, token: String, page: Vec<u8>, source: Source) -> Self {
        let hosts = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{number}"));
        Self {
            origins: hosts.each_ref().map(|host| format!("http://{host}")),
            hosts,
            token,
            page,
            source,
        }
    }

    /// Serves a connection, which has one request.
    pub(super) fn serve(&self, mut socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut held = Vec::new();
        let mut scanner = HeadScanner::request(&Limits::DEFAULT);
        let len = loop {
            match scanner.scan(&held) {
                Ok(Some(len)) => break len,
                Ok(None) => {}
                Err(_) => return reject(&mut socket, 400),
            }
            let mut piece = [0; 4096];
            match socket.read(&mut piece)? {
                0 => return Ok(()),
                n => held.extend_from_slice(&piece[..n]),
            }
        };
        let head = &held[..len];
        let is_one_of = |name: &str, allowed: &[String]| {
            let mut values = HeaderFields::of(head).named(name);
            let first = values.next();
            let fits = |it: &[u8]| {
                allowed
                    .iter()
                    .any(|host| it.eq_ignore_ascii_case(host.as_bytes()))
            };
            (
                first.is_none(),
                first.is_some_and(fits) && values.next().is_none(),
            )
        };
        if !is_one_of("Host", &self.hosts).1 {
            return reject(&mut socket, 421);
        }
        let (no_origin, own_origin) = is_one_of("Origin", &self.origins);
        if !no_origin && !own_origin {
            return reject(&mut socket, 403);
        }
        let [method, target, _] = start_line(head);
        let path = std::str::from_utf8(target).unwrap_or_default();
        let path = path
            .strip_prefix('/')
            .and_then(|it| it.strip_prefix(&self.token[..]));
        match (method, path, &self.source) {
            (b"GET", Some("/"), _) => {
                let kind = "text/html; charset=utf-8";
                let head = response(kind, self.page.len() as u64, "");
                socket.write_all(&head)?;
                socket.write_all(&self.page)
            }
            (b"GET", Some("/capture"), Source::File(path)) => match File::open(path) {
                Err(_) => reject(&mut socket, 404),
                Ok(file) => {
                    let len = file.metadata()?.len();
                    let named = disposition(path);
                    socket.write_all(&response("application/octet-stream", len, &named))?;
                    // A file that has grown meanwhile is cut at the length that was told.
                    io::copy(&mut file.take(len), &mut socket).map(drop)
                }
            },
            (b"GET", Some("/events"), Source::Stream(history)) if own_origin => {
                self.stream(socket, held, history)
            }
            _ => reject(&mut socket, 404),
        }
    }

    /// Sends the capture from its beginning, and packets as they come.
    fn stream(&self, socket: TcpStream, head: Vec<u8>, history: &History) -> io::Result<()> {
        let origins = self.origins.each_ref().map(|it| &it[..]);
        let policy = Policy {
            origin: Origin::List(&origins),
            ..Policy::DEFAULT
        };
        let acceptor = Acceptor {
            policy,
            ..Acceptor::default()
        };
        let stream = Again {
            head: Cursor::new(head),
            socket,
        };
        let failed = |e: wscodec::io::Error| io::Error::other(e.to_string());
        let transport = Transport {
            read_timeout: Some(|it: &mut Again, time| it.socket.set_read_timeout(time)),
            write_timeout: Some(|it: &mut Again, time| it.socket.set_write_timeout(time)),
            shutdown: Some(|it: &mut Again| it.socket.shutdown(std::net::Shutdown::Write)),
            secure: false,
        };
        let ws = acceptor.without_compression();
        let mut ws = ws
            .accept_over(stream, transport, |_, _| Ok(()))
            .map_err(failed)?;
        let mut place = Place::default();
        while let Some(blocks) = history.next(&mut place) {
            for block in blocks {
                ws.queue().binary(&block).map_err(failed)?;
            }
            ws.queue().flush().map_err(failed)?;
        }
        let closed = ws.close(wscodec::CloseCode::GOING_AWAY, "");
        closed.map(drop).map_err(failed)
    }
}

/// A stream whose first bytes were read already.
struct Again {
    head: Cursor<Vec<u8>>,
    socket: TcpStream,
}

impl Read for Again {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.head.read(into)? {
            0 => self.socket.read(into),
            n => Ok(n),
        }
    }
}

impl Write for Again {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// The header field with the name of a file (RFC 6266). Characters that need quoting are left out.
fn disposition(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = |it: char| it.is_ascii_alphanumeric() || " ._-+()".contains(it);
    let name: String = name
        .chars()
        .map(|it| if plain(it) { it } else { '_' })
        .collect();
    format!("Content-Disposition: inline; filename=\"{name}\"\r\n")
}

fn response(kind: &str, len: u64, more: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\
         Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n\
         Cross-Origin-Opener-Policy: same-origin\r\n{more}\r\n"
    )
    .into_bytes()
}

fn reject(socket: &mut TcpStream, status: u16) -> io::Result<()> {
    let mut out = Vec::new();
    // A status without headers can be written.
    let _ = Rejection::new(status).write(&mut out);
    socket.write_all(&out)
}
