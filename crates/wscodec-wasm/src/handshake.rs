//! Heads: reading both sides', and writing what answers or asks.

use alloc::vec::Vec;
use core::ops::Range;

use wasm_bindgen::prelude::wasm_bindgen;

use super::errors;
use super::numbers::address;
use wscodec::Limits;
use wscodec::error::{ErrorKind, Fault, LimitError, MisuseError};
use wscodec::handshake::{
    ClientRequest, Origin, Rejection, UpgradeRequest, UpgradeRequestReader, UpgradeResponseReader,
    accept_key, accept_plainly,
};
use wscodec::head::{
    Extensions, HeaderFields, HeaderPlace, Param, Tokens, end_of_head, start_line,
};

/// The words of the row. Pairs are a place and a length: of the last output; of the last table; and
/// of the last request or response, its host or its reason, and its path. The path is told as it was
/// sent, so its first `/` may not be there.
const OUTPUT: usize = 0;
/// The offset of the last fault.
const OFFSET: usize = 2;
/// Where the last request's key begins; the status of the last response.
const KEY: usize = 3;
const STATUS: usize = 3;
const HOST: usize = 4;
const REASON: usize = 4;
const PATH: usize = 6;
const TABLE: usize = 8;
/// The three parts of the start line that goes with the table.
const START: usize = 10;
const WIDTH: usize = 16;

/// One header line: where its name and its value begin, and how long they are.
type Line = [u32; 4];

/// Between the members of a list, and between the name and the parameters of one. Both cannot be
/// in a header's value.
const MEMBER: u8 = b'\n';
const PART: u8 = b'\r';

/// One region for heads that come in, one for those that go out, a row of numbers that the last
/// call left, and a table of header lines.
///
/// The decoders have a region of their own: reading a head does not disturb the bytes that they
/// have lent.
///
/// Text that goes in is UTF-8, parts with a `\n` between them, so JavaScript refuses a `\n` within
/// one. A call that reads or writes returns a length, or an error's number below zero.
///
/// Every region grows fallibly: a call for which there is no memory fails with `OUT_OF_MEMORY`, and
/// changes nothing.
#[wasm_bindgen]
pub struct Heads {
    input: Vec<u8>,
    output: Vec<u8>,
    table: Vec<Line>,
    row: [u32; WIDTH],
}

#[wasm_bindgen]
impl Heads {
    /// Regions without memory.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self {
            input: Vec::new(),
            output: Vec::new(),
            table: Vec::new(),
            row: [0; WIDTH],
        }
    }

    /// The address of an input region at least this long, with the bytes that were in it; 0 if
    /// there is no memory for it.
    pub fn reserve(&mut self, capacity: usize) -> u32 {
        if let Some(more) = capacity.checked_sub(self.input.len()) {
            if self.input.try_reserve_exact(more).is_err() {
                return 0;
            }
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
        match UpgradeRequestReader::new(&limits(max_head, max_headers)).read(bytes) {
            Ok(None) => 0,
            Ok(Some(request)) => {
                let row = &mut self.row;
                row[KEY] = request.key_range().start as u32;
                pair(row, HOST, request.host_range());
                pair(row, PATH, request.sent_path_range());
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
        let asked = match UpgradeRequest::parse(first(rest, asked), &judged()) {
            _ if asked == 0 => None,
            Ok(Some(request)) => Some(request),
            _ => return number(MisuseError::InvalidHeader.into()),
        };
        match UpgradeResponseReader::new(&limits(max_head, max_headers)).read(bytes) {
            Ok(None) => 0,
            Ok(Some(response)) => match response.check(asked.as_ref()) {
                Err(fault) if response.status() == 101 => failed(&mut self.row, fault),
                _ => {
                    self.row[STATUS] = response.status().into();
                    pair(&mut self.row, REASON, response.reason_range());
                    response.head_len() as i32
                }
            },
            Err(fault) => failed(&mut self.row, fault),
        }
    }

    /// Where the head in the first `len` bytes of input ends by its first empty line, right or
    /// wrong; 0 if there is none.
    pub fn end(&self, len: usize) -> usize {
        end_of_head(first(&self.input, len)).unwrap_or(0)
    }

    /// Makes a table of the header lines of the head in the first `len` bytes of input, and takes
    /// its start line apart; says how many header lines there are. Those from the first malformed one on are not in it.
    pub fn lines(&mut self, len: usize) -> i32 {
        let head = first(&self.input, len);
        self.table.clear();
        let count = HeaderFields::of(head).count();
        if self.table.try_reserve_exact(count).is_err() {
            return number(LimitError::OutOfMemory.into());
        }
        for HeaderPlace { name, value } in HeaderFields::of(head).places() {
            let lengths = (name.len() as u32, value.len() as u32);
            let line = [name.start as u32, lengths.0, value.start as u32, lengths.1];
            self.table.push(line);
        }
        let mut at = 0;
        for (part, bytes) in start_line(head).into_iter().enumerate() {
            pair(&mut self.row, START + 2 * part, at..at + bytes.len());
            // One space separates two parts.
            at += bytes.len() + 1;
        }
        self.row[TABLE] = self.table.as_ptr() as usize as u32;
        self.row[TABLE + 1] = self.table.len() as u32;
        count as i32
    }

    /// Writes the members of a comma list, of which the first `len` bytes of input have the lines.
    /// A malformed member ends it.
    pub fn tokens(&mut self, len: usize) -> i32 {
        let Self { input, output, .. } = self;
        let text = first(input, len);
        if let Err(error) = room(output, text.len() + 1) {
            return number(error);
        }
        let lines = text.split(|&b| b == MEMBER);
        for token in Tokens::new(lines).map_while(Result::ok) {
            output.extend_from_slice(token.as_bytes());
            output.push(MEMBER);
        }
        self.written(Ok(()))
    }

    /// As [`tokens`](Self::tokens), of a list of extensions. Parameters follow their extension's
    /// name, without quotes and escapes.
    pub fn extensions(&mut self, len: usize) -> i32 {
        let Self { input, output, .. } = self;
        let text = first(input, len);
        if let Err(error) = room(output, text.len() + 1) {
            return number(error);
        }
        let lines = text.split(|&b| b == MEMBER);
        for extension in Extensions::with_any_value(lines).map_while(Result::ok) {
            output.extend_from_slice(extension.name().as_bytes());
            for Param { name, value } in extension.params() {
                output.push(PART);
                output.extend_from_slice(name.as_bytes());
                if let Some(value) = value {
                    output.push(b'=');
                    output.extend(value.bytes());
                }
            }
            output.push(MEMBER);
        }
        self.written(Ok(()))
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
            Err(error) => number(error),
        }
    }

    /// Checks the host of the request of `head` bytes against those in the `text` bytes that follow.
    pub fn check_host(&mut self, head: usize, text: usize) -> i32 {
        let (head, text) = split(&self.input, head, text);
        let result = parts(text).and_then(|allowed| Ok(reread(head)?.check_host(&allowed)));
        match result {
            Ok(Ok(())) => 0,
            Ok(Err(fault)) => failed(&mut self.row, fault),
            Err(error) => number(error),
        }
    }

    /// Accepts the request whose key is at `key` in the input, with nothing chosen.
    pub fn accept_plainly(&mut self, key: usize) -> i32 {
        let key = self.input.get(key..).unwrap_or_default();
        let result = room(&mut self.output, 512)
            .and_then(|()| Ok(accept_plainly(first(key, 24), &mut self.output)?));
        self.written(result)
    }

    /// Accepts the request of `head` bytes with what the `text` bytes that follow say: `=` and the
    /// subprotocol, or nothing; extensions; names and values.
    pub fn accept(&mut self, head: usize, text: usize) -> i32 {
        let (head, text) = split(&self.input, head, text);
        let result = parts(text).and_then(|parts| {
            let [protocol, extensions, headers @ ..] = &parts[..] else {
                return Err(MisuseError::InvalidHeader.into());
            };
            let request = reread(head)?;
            room(&mut self.output, written_len(text))?;
            let mut accept = request.accept();
            if let Some(protocol) = protocol.strip_prefix('=') {
                accept = accept.protocol(protocol);
            }
            let headers = pairs(headers)?;
            let accept = accept.extensions(extensions).headers(&headers);
            Ok(accept.write(&mut self.output)?)
        });
        self.written(result)
    }

    /// Refuses with what the first `text` bytes say: `=` and the reason, or nothing; names and
    /// values. The `body` bytes that follow are sent as they are.
    pub fn reject(&mut self, status: u16, text: usize, body: usize) -> i32 {
        let (text, body) = split(&self.input, text, body);
        let result = parts(text).and_then(|parts| {
            let [reason, headers @ ..] = &parts[..] else {
                return Err(MisuseError::InvalidHeader.into());
            };
            room(&mut self.output, written_len(text) + body.len())?;
            let mut rejection = Rejection::new(status);
            if let Some(reason) = reason.strip_prefix('=') {
                rejection = rejection.reason(reason);
            }
            let headers = pairs(headers)?;
            let rejection = rejection.headers(&headers).body(body);
            Ok(rejection.write(&mut self.output)?)
        });
        self.written(result)
    }

    /// Writes a client's request. The input has the nonce, then `text` bytes: host; path;
    /// extensions; as many subprotocols as said; names and values.
    pub fn offer(&mut self, text: usize, protocols: usize) -> i32 {
        let (nonce, text) = split(&self.input, 16, text);
        let result = parts(text).and_then(|parts| {
            let (Some(nonce), [host, path, extensions, rest @ ..]) =
                (nonce.first_chunk(), &parts[..])
            else {
                return Err(MisuseError::InvalidHeader.into());
            };
            room(&mut self.output, written_len(text))?;
            let (protocols, headers) = rest.split_at(protocols.min(rest.len()));
            let headers = pairs(headers)?;
            let request = ClientRequest::new(host, path, *nonce)
                .protocols(protocols)
                .extensions(extensions)
                .headers(&headers);
            Ok(request.write(&mut self.output)?)
        });
        self.written(result)
    }

    /// Writes the `Sec-WebSocket-Accept` for a key of `len` bytes.
    pub fn accept_key(&mut self, len: usize) -> i32 {
        let key = accept_key(first(&self.input, len));
        let result = room(&mut self.output, key.len());
        if result.is_ok() {
            self.output.extend_from_slice(&key);
        }
        self.written(result)
    }
}

impl Heads {
    #[inline(never)]
    fn written(&mut self, result: Result<(), ErrorKind>) -> i32 {
        match result {
            Ok(()) => {
                self.row[OUTPUT] = address(&self.output);
                self.row[OUTPUT + 1] = self.output.len() as u32;
                self.output.len() as i32
            }
            Err(error) => number(error),
        }
    }
}

/// A head that comes in pieces, each looked at once.
#[wasm_bindgen]
pub struct HeadBuffer {
    reader: Reader,
    bytes: Vec<u8>,
}

enum Reader {
    Request(UpgradeRequestReader),
    Response(UpgradeResponseReader),
}

#[wasm_bindgen]
impl HeadBuffer {
    /// At the first byte of a request's head, or of an answer's.
    #[wasm_bindgen(constructor)]
    pub fn new(request: bool, max_head: usize, max_headers: usize) -> Self {
        let limits = limits(max_head, max_headers);
        Self {
            reader: match request {
                true => Reader::Request(UpgradeRequestReader::new(&limits)),
                false => Reader::Response(UpgradeResponseReader::new(&limits)),
            },
            bytes: Vec::new(),
        }
    }

    /// Adds `len` bytes of input: the head's length if it is whole now, 0 before. The caller gives
    /// it no more than the limit in all.
    pub fn push(&mut self, heads: &mut Heads, len: usize) -> i32 {
        let bytes = first(&heads.input, len);
        if self.bytes.try_reserve(bytes.len()).is_err() {
            return number(LimitError::OutOfMemory.into());
        }
        self.bytes.extend_from_slice(bytes);
        let read = match &mut self.reader {
            Reader::Request(reader) => {
                let request = reader.read(&self.bytes);
                request.map(|request| request.map(|request| request.head_len()))
            }
            Reader::Response(reader) => {
                let response = reader.read(&self.bytes);
                response.map(|response| response.map(|response| response.head_len()))
            }
        };
        match read {
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
fn reread(head: &[u8]) -> Result<UpgradeRequest<'_>, MisuseError> {
    match UpgradeRequest::parse(head, &judged()) {
        Ok(Some(request)) => Ok(request),
        _ => Err(MisuseError::InvalidHeader),
    }
}

fn number(error: ErrorKind) -> i32 {
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

/// Puts a part's place and length into two words of the row.
fn pair(row: &mut [u32], word: usize, place: Range<usize>) {
    row[word] = place.start as u32;
    row[word + 1] = place.len() as u32;
}

/// The bytes that a head takes, of which a text has the parts: a part may be written with four
/// bytes around it, in place of the one that separates it here.
fn written_len(text: &[u8]) -> usize {
    4 * text.len() + 512
}

/// Clears the output, and makes room in it.
fn room(output: &mut Vec<u8>, len: usize) -> Result<(), ErrorKind> {
    output.clear();
    reserve(output, len)
}

#[inline(never)]
fn reserve(output: &mut Vec<u8>, len: usize) -> Result<(), ErrorKind> {
    output
        .try_reserve(len)
        .map_err(|_| LimitError::OutOfMemory.into())
}

/// The parts of a text; of an empty one, an empty part.
#[inline(never)]
fn parts(text: &[u8]) -> Result<Vec<&str>, ErrorKind> {
    let text = core::str::from_utf8(text).map_err(|_| MisuseError::InvalidHeader)?;
    let mut parts = Vec::new();
    let count = text.bytes().filter(|&b| b == b'\n').count() + 1;
    if parts.try_reserve_exact(count).is_err() {
        return Err(LimitError::OutOfMemory.into());
    }
    parts.extend(text.split('\n'));
    Ok(parts)
}

/// Names and values, which come in turn.
#[inline(never)]
fn pairs<'a>(parts: &[&'a str]) -> Result<Vec<(&'a str, &'a str)>, ErrorKind> {
    let (parts, _) = parts.as_chunks();
    let mut pairs = Vec::new();
    if pairs.try_reserve_exact(parts.len()).is_err() {
        return Err(LimitError::OutOfMemory.into());
    }
    pairs.extend(parts.iter().map(|&[name, value]| (name, value)));
    Ok(pairs)
}
