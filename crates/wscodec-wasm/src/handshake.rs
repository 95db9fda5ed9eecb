//! Heads: reading both sides', and writing what answers or asks.

use alloc::vec;
use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use super::{address, errors};
use wscodec::Limits;
use wscodec::error::{Error, Fault, MisuseError};
use wscodec::handshake::{
    ClientRequest, Origin, Refusal, Request, RequestReader, ResponseReader, accept_key,
    accept_plainly,
};
use wscodec::head::HeadScanner;

/// The words of the row: the address and length of the last output; the offset of the last fault;
/// and of the last request, where its key begins, where its host begins and how long it is, and the
/// same of its path. A path that is sent without its first `/` is told without it.
const OUTPUT: usize = 0;
const OFFSET: usize = 2;
const KEY: usize = 3;
const HOST: usize = 4;
const PATH: usize = 6;
const WIDTH: usize = 8;

/// One region for heads that come in, one for those that go out, and a row of numbers that the
/// last call left.
///
/// The decoders have their own: that heads are read does not disturb what they have lent.
///
/// Text that goes in is UTF-8, parts with a `\n` between them, so JavaScript refuses a `\n` within
/// one. A call that reads or writes returns a length, or an error's number below zero.
#[wasm_bindgen]
pub struct Heads {
    input: Vec<u8>,
    output: Vec<u8>,
    row: Vec<u32>,
}

#[wasm_bindgen]
impl Heads {
    /// Regions of this many bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(capacity: usize) -> Self {
        Self {
            input: vec![0; capacity],
            output: Vec::with_capacity(capacity),
            row: vec![0; WIDTH],
        }
    }

    /// The address of an input region at least this long, with the bytes that were in it.
    pub fn reserve(&mut self, capacity: usize) -> u32 {
        if self.input.len() < capacity {
            self.input.resize(capacity, 0);
        }
        address(&self.input)
    }

    /// The address of the row, which never changes.
    pub fn row(&self) -> u32 {
        self.row.as_ptr() as usize as u32
    }

    /// Reads a request in the first `len` bytes of input: the length of its head, 0 if that is not
    /// whole.
    pub fn request(&mut self, len: usize, max_head: usize, max_headers: usize) -> i32 {
        let bytes = first(&self.input, len);
        match RequestReader::new(&limits(max_head, max_headers)).read(bytes) {
            Ok(None) => 0,
            Ok(Some(request)) => {
                self.row[KEY] = offset(bytes, request.key()).unwrap_or(0) as u32;
                let host = request.host();
                self.row[HOST] = offset(bytes, host.as_bytes()).unwrap_or(0) as u32;
                self.row[HOST + 1] = host.len() as u32;
                // The path is the end of the target, but for a `/` that is not there.
                let target = request.target().as_bytes();
                let path = request.path();
                let path = match target.ends_with(path.as_bytes()) {
                    true => path.len(),
                    false => path.len() - 1,
                };
                let end = offset(bytes, target).unwrap_or(0) + target.len();
                self.row[PATH] = (end - path) as u32;
                self.row[PATH + 1] = path as u32;
                request.head_len() as i32
            }
            Err(fault) => failed(&mut self.row, fault),
        }
    }

    /// Reads an answer in the first `len` bytes of input: the length of its head, 0 if that is not
    /// whole. A 101 is held against the rules, and against the request whose head is in the
    /// `asked` bytes that follow, if there are any.
    pub fn response(
        &mut self,
        len: usize,
        asked: usize,
        max_head: usize,
        max_headers: usize,
    ) -> i32 {
        let (bytes, rest) = self.input.split_at(len.min(self.input.len()));
        let asked = match Request::parse(first(rest, asked), &judged()) {
            _ if asked == 0 => None,
            Ok(Some(request)) => Some(request),
            _ => return number(MisuseError::InvalidHeader.into()),
        };
        match ResponseReader::new(&limits(max_head, max_headers)).read(bytes) {
            Ok(None) => 0,
            Ok(Some(response)) => match response.check(asked.as_ref()) {
                Err(fault) if response.status() == 101 => failed(&mut self.row, fault),
                _ => response.head_len() as i32,
            },
            Err(fault) => failed(&mut self.row, fault),
        }
    }

    /// Holds the origin of the request of `head` bytes against its own host, or against those in
    /// the `text` bytes that follow.
    pub fn check_origin(&mut self, head: usize, text: usize, own: bool) -> i32 {
        let (head, text) = split(&self.input, head, text);
        let result = parts(text).and_then(|parts| {
            let policy = match (own, text) {
                (true, _) => Origin::SameHost,
                (false, []) => Origin::List(&[]),
                _ => Origin::List(&parts),
            };
            Ok(reread(head)?.check_origin(policy))
        });
        match result {
            Ok(Ok(())) => 0,
            Ok(Err(fault)) => failed(&mut self.row, fault),
            Err(error) => number(error.into()),
        }
    }

    /// Checks the host of the request of `head` bytes against those in the `text` bytes that follow.
    pub fn check_host(&mut self, head: usize, text: usize) -> i32 {
        let (head, text) = split(&self.input, head, text);
        let result = parts(text).and_then(|allowed| Ok(reread(head)?.check_host(&allowed)));
        match result {
            Ok(Ok(())) => 0,
            Ok(Err(fault)) => failed(&mut self.row, fault),
            Err(error) => number(error.into()),
        }
    }

    /// Accepts the request whose key is at `key` in the input, with nothing chosen.
    pub fn accept_plainly(&mut self, key: usize) -> i32 {
        let key = self.input.get(key..).unwrap_or_default();
        self.output.clear();
        let result = accept_plainly(first(key, 24), &mut self.output);
        self.written(result)
    }

    /// Accepts the request of `head` bytes with what the `text` bytes that follow say: `=` and the
    /// subprotocol, or nothing; extensions; names and values.
    pub fn accept(&mut self, head: usize, text: usize) -> i32 {
        self.output.clear();
        let (head, text) = split(&self.input, head, text);
        let result = parts(text).and_then(|parts| {
            let [protocol, extensions, headers @ ..] = &parts[..] else {
                return Err(MisuseError::InvalidHeader);
            };
            let request = reread(head)?;
            let mut accept = request.accept();
            if let Some(protocol) = protocol.strip_prefix('=') {
                accept = accept.protocol(protocol);
            }
            let headers = pairs(headers);
            accept
                .extensions(extensions)
                .headers(&headers)
                .write(&mut self.output)
        });
        self.written(result)
    }

    /// Refuses with what the first `text` bytes say: `=` and the reason, or nothing; names and
    /// values. The `body` bytes that follow are sent as they are.
    pub fn refuse(&mut self, status: u16, text: usize, body: usize) -> i32 {
        self.output.clear();
        let (text, body) = split(&self.input, text, body);
        let result = parts(text).and_then(|parts| {
            let [reason, headers @ ..] = &parts[..] else {
                return Err(MisuseError::InvalidHeader);
            };
            let mut refusal = Refusal::new(status);
            if let Some(reason) = reason.strip_prefix('=') {
                refusal = refusal.reason(reason);
            }
            let headers = pairs(headers);
            refusal.headers(&headers).body(body).write(&mut self.output)
        });
        self.written(result)
    }

    /// Writes a client's request. The input has the nonce, then `text` bytes: host; path;
    /// extensions; as many subprotocols as said; names and values.
    pub fn offer(&mut self, text: usize, protocols: usize) -> i32 {
        self.output.clear();
        let (nonce, text) = split(&self.input, 16, text);
        let result = parts(text).and_then(|parts| {
            let (Some(nonce), [host, path, extensions, rest @ ..]) =
                (nonce.first_chunk(), &parts[..])
            else {
                return Err(MisuseError::InvalidHeader);
            };
            let (protocols, headers) = rest.split_at(protocols.min(rest.len()));
            let headers = pairs(headers);
            ClientRequest::new(host, path, *nonce)
                .protocols(protocols)
                .extensions(extensions)
                .headers(&headers)
                .write(&mut self.output)
        });
        self.written(result)
    }

    /// Writes the `Sec-WebSocket-Accept` for a key of `len` bytes.
    pub fn accept_key(&mut self, len: usize) -> i32 {
        self.output.clear();
        let key = accept_key(first(&self.input, len));
        self.output.extend_from_slice(&key);
        self.written(Ok(()))
    }
}

impl Heads {
    #[inline(never)]
    fn written(&mut self, result: Result<(), MisuseError>) -> i32 {
        match result {
            Ok(()) => {
                self.row[OUTPUT] = address(&self.output);
                self.row[OUTPUT + 1] = self.output.len() as u32;
                self.output.len() as i32
            }
            Err(error) => number(error.into()),
        }
    }
}

/// A head that comes in pieces, each looked at once.
#[wasm_bindgen]
pub struct HeadBuffer {
    scanner: HeadScanner,
    bytes: Vec<u8>,
}

#[wasm_bindgen]
impl HeadBuffer {
    /// At the first byte of a request's head, or of an answer's.
    #[wasm_bindgen(constructor)]
    pub fn new(request: bool, max_head: usize, max_headers: usize) -> Self {
        let limits = limits(max_head, max_headers);
        Self {
            scanner: match request {
                true => HeadScanner::request(&limits),
                false => HeadScanner::response(&limits),
            },
            bytes: Vec::new(),
        }
    }

    /// Adds `len` bytes of input: the head's length if it is whole now, 0 before. Not to be given
    /// more than the limit in all.
    pub fn push(&mut self, heads: &mut Heads, len: usize) -> i32 {
        self.bytes.extend_from_slice(first(&heads.input, len));
        match self.scanner.scan(&self.bytes) {
            Ok(len) => len.unwrap_or(0) as i32,
            Err(fault) => failed(&mut heads.row, fault),
        }
    }

    /// Where the bytes are.
    pub fn address(&self) -> u32 {
        address(&self.bytes)
    }
}

fn limits(head: usize, headers: usize) -> Limits {
    let mut limits = Limits::DEFAULT;
    limits.head = head;
    limits.headers = headers;
    limits
}

/// For a head that has been held against the caller's limits, or is the caller's own.
fn judged() -> Limits {
    limits(usize::MAX, Limits::MAX_HEADERS)
}

/// Reads again a request that was accepted before.
#[inline(never)]
fn reread(head: &[u8]) -> Result<Request<'_>, MisuseError> {
    match Request::parse(head, &judged()) {
        Ok(Some(request)) => Ok(request),
        _ => Err(MisuseError::InvalidHeader),
    }
}

fn number(error: Error) -> i32 {
    -(errors::number(error) as i32)
}

#[cold]
fn failed(row: &mut [u32], fault: Fault) -> i32 {
    row[OFFSET] = fault.offset as u32;
    number(fault.error)
}

/// The first `len` bytes, or what there is of them.
fn first(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(..len).unwrap_or(bytes)
}

/// The first `a` bytes, and the `b` bytes after them.
fn split(bytes: &[u8], a: usize, b: usize) -> (&[u8], &[u8]) {
    let (front, rest) = bytes.split_at(a.min(bytes.len()));
    (front, first(rest, b))
}

/// Where `part` begins in `whole`, if it is of it.
fn offset(whole: &[u8], part: &[u8]) -> Option<usize> {
    let at = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    (at < whole.len()).then_some(at)
}

/// The parts of a text, none of none.
#[inline(never)]
fn parts(text: &[u8]) -> Result<Vec<&str>, MisuseError> {
    let mut parts = Vec::new();
    for part in text.split(|&b| b == b'\n') {
        parts.push(core::str::from_utf8(part).map_err(|_| MisuseError::InvalidHeader)?);
    }
    Ok(parts)
}

/// Names and values, which come in turn.
#[inline(never)]
fn pairs<'a>(parts: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let (pairs, _) = parts.as_chunks();
    pairs.iter().map(|&[name, value]| (name, value)).collect()
}
