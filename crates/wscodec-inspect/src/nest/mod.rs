//! A connection is a nest: what its bytes are is found out layer by layer.
//!
//! ```text
//! Detect → HTTP/1.1 → frames
//!        ↑     ↓
//!        └─ CONNECT
//! ```
//!
//! `Detect` holds the first bytes of both directions until they say what they are, and takes a PROXY
//! protocol header off. `Http` reads heads and passes over bodies, so that an upgrade is found behind
//! other requests; a CONNECT that was accepted leads back to `Detect`. `Socket` has a reader of frames
//! for each direction. Everything else is ignored from then on and costs nothing.
//!
//! A connection of which the beginning is missing, and one with a hole in HTTP, is tried for frames:
//! see [`align`](crate::align). Which side is the client is then known by who masks.

mod handshake;
mod http;
mod proxy;

use wscodec::frame::{Role, Rsv, Rules};

use crate::align;
use crate::context::{Context, Later};
use crate::event::{Direction, Event, Note, Place, Totals};
use crate::frames::{Agreement, FrameReader};
use crate::held::Held;
use crate::reassembly::{Delivery, Origin};
#[cfg(not(feature = "tls"))]
use crate::tls::hello;
#[cfg(feature = "tls")]
use crate::tls::{Plain, Tls};

use http::Http;

/// Bytes of one direction that may wait for the other one, or for the end of a head.
const MAX_HELD: usize = 256 << 10;

/// Bytes that are searched for frames at once where the beginning of a connection is missing.
const MAX_TRIAL: usize = 128 << 10;

/// Bytes after which such a connection is given up.
const MAX_TRIED: u64 = 2 << 20;

/// Tunnels in tunnels.
const MAX_DEPTH: u8 = 8;

/// Both directions of a connection. See the [module](self).
#[derive(Debug)]
pub(crate) struct Nest {
    stage: Stage,
    /// Bytes that are not understood yet, from the client and from the server.
    held: [Held; 2],
    ended: [bool; 2],
    /// The side that was taken for the client is the server.
    swapped: bool,
    depth: u8,
    /// What comes is not read any longer, but the totals are still of interest.
    deaf: bool,
}

#[derive(Debug)]
enum Stage {
    Detect(Detect),
    Http(Http),
    Socket(Box<[FrameReader; 2]>),
    /// Encrypted, with the connection within.
    #[cfg(feature = "tls")]
    Tls(Box<Tls>, Box<Nest>),
    Ignored,
}

#[derive(Debug)]
struct Detect {
    /// Whether the bytes are the first ones of the connection.
    from_start: bool,
    /// Bytes given up without a frame.
    tried: u64,
    /// Bytes of both directions that are to be there before the next trial.
    wanted: usize,
}

impl Detect {
    fn new(from_start: bool) -> Self {
        Self {
            from_start,
            tried: 0,
            wanted: 0,
        }
    }
}

/// What the first bytes of a direction look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// There are too few bytes.
    Short,
    Request,
    Response,
    Proxy,
    Tls,
    Other,
}

const DIRECTIONS: [Direction; 2] = [Direction::ClientToServer, Direction::ServerToClient];

impl Nest {
    /// For a connection; `from_start` says that the capture has its beginning.
    pub(crate) fn new(from_start: bool) -> Self {
        Self {
            stage: Stage::Detect(Detect::new(from_start)),
            held: Default::default(),
            ended: [false; 2],
            swapped: false,
            depth: 0,
            deaf: false,
        }
    }

    /// For frames without a handshake.
    pub(crate) fn of_frames(agreements: [Agreement; 2]) -> Self {
        let [client, server] = agreements;
        let readers = [
            FrameReader::new(Direction::ClientToServer, client, 0),
            FrameReader::new(Direction::ServerToClient, server, 0),
        ];
        Self {
            stage: Stage::Socket(Box::new(readers)),
            ..Self::new(true)
        }
    }

    /// Bytes of memory held.
    pub(crate) fn memory(&self) -> usize {
        let readers = match &self.stage {
            Stage::Socket(readers) => readers.iter().map(FrameReader::memory).sum(),
            Stage::Http(http) => http.memory(),
            #[cfg(feature = "tls")]
            Stage::Tls(tls, inner) => tls.memory() + inner.memory(),
            _ => 0,
        };
        readers + self.held[0].memory() + self.held[1].memory()
    }

    /// Whether the bytes of the connection are of no interest.
    pub(crate) fn is_ignored(&self) -> bool {
        match &self.stage {
            Stage::Ignored => true,
            #[cfg(feature = "tls")]
            Stage::Tls(_, inner) => inner.is_ignored(),
            _ => false,
        }
    }

    /// What was read of frames in each direction.
    pub(crate) fn totals(&self) -> [Totals; 2] {
        match &self.stage {
            Stage::Socket(readers) => [readers[0].totals, readers[1].totals],
            #[cfg(feature = "tls")]
            Stage::Tls(_, inner) => inner.totals(),
            _ => [Totals::default(); 2],
        }
    }

    /// The direction of what the side sends that was taken for the client (0) or the server (1).
    pub(crate) fn direction(&self, side: usize) -> Direction {
        DIRECTIONS[(side ^ usize::from(self.swapped)) & 1]
    }

    /// What comes out of the reassembly of one side.
    pub(crate) fn deliver(&mut self, side: usize, delivery: Delivery<'_>, cx: &mut Context<'_>) {
        if self.deaf {
            return;
        }
        let direction = self.direction(side);
        match delivery {
            Delivery::Bytes { bytes, origin } => self.bytes(direction, bytes, origin, cx),
            Delivery::Hole { len, origin } => self.hole(direction, len, origin, cx),
            Delivery::Conflict { position, origin } => {
                if !self.is_ignored() {
                    let place = Place {
                        stream: cx.stream,
                        direction,
                        offset: position,
                        origin,
                    };
                    cx.emit_if_known(Event::Note(place, &Note::Conflict));
                }
            }
            Delivery::End { origin } => self.end(direction, origin, cx),
        }
    }

    /// The next bytes of a direction, of one packet.
    pub(crate) fn bytes(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        origin: Origin,
        cx: &mut Context<'_>,
    ) {
        let i = direction.index();
        match &mut self.stage {
            Stage::Ignored => return,
            Stage::Socket(readers) => return readers[i].bytes(bytes, origin, cx),
            #[cfg(feature = "tls")]
            Stage::Tls(tls, _) => {
                tls.bytes(i, bytes, origin);
                return self.decrypt(cx);
            }
            Stage::Http(http) if self.held[i].is_empty() => {
                // A body costs no copy.
                let rest = http.pass_body(i, bytes);
                let passed = bytes.len() - rest.len();
                self.held[i].skip(passed as u64);
                if !rest.is_empty() {
                    self.held[i].push(rest, origin);
                }
            }
            Stage::Detect(detect) if !detect.from_start => {
                // A head at the front of a packet says more than any run of frames before it.
                if is_head(bytes) {
                    self.held[i].skip(0);
                }
                self.held[i].push(bytes, origin);
            }
            _ => self.held[i].push(bytes, origin),
        }
        self.advance(false, cx);
    }

    fn hole(&mut self, direction: Direction, len: u64, origin: Origin, cx: &mut Context<'_>) {
        let i = direction.index();
        let restart = match &mut self.stage {
            Stage::Ignored => return,
            Stage::Socket(readers) => return readers[i].hole(len, origin, cx),
            #[cfg(feature = "tls")]
            Stage::Tls(tls, _) => {
                if !tls.hole(i, len, origin) {
                    let place = Place {
                        stream: cx.stream,
                        direction,
                        offset: 0,
                        origin,
                    };
                    let why = "bytes are missing, and with them the number of records";
                    cx.emit(Event::Note(place, &Note::Undecrypted(why)));
                    self.give_up(origin, cx);
                    return;
                }
                return self.decrypt(cx);
            }
            Stage::Detect(detect) => {
                detect.from_start = false;
                self.held[i].skip(len);
                return;
            }
            Stage::Http(http) => {
                let known = self.held[i].is_empty() && http.skip_body(i, len);
                if known {
                    self.held[i].skip(len);
                    return;
                }
                !(i == 1 && http.awaits_upgrade())
            }
        };
        let place = Place {
            stream: cx.stream,
            direction,
            offset: self.held[i].end(),
            origin,
        };
        self.held[i].skip(len);
        if restart {
            self.stage = Stage::Detect(Detect::new(false));
            self.advance(false, cx);
        } else {
            // The answer to an upgrade is missing, so the client's frames tell.
            cx.emit(Event::Note(place, &Note::Hole(len)));
            self.assume(true, cx);
        }
    }

    /// The direction is at its end.
    pub(crate) fn end(&mut self, direction: Direction, origin: Origin, cx: &mut Context<'_>) {
        let i = direction.index();
        self.ended[i] = true;
        match &mut self.stage {
            Stage::Socket(readers) => readers[i].finish(true, origin, cx),
            #[cfg(feature = "tls")]
            Stage::Tls(_, inner) => inner.deliver(i, Delivery::End { origin }, cx),
            Stage::Ignored => {}
            _ => self.advance(self.ended == [true; 2], cx),
        }
    }

    /// Nothing comes any more. `early` says that the connection was reset.
    pub(crate) fn finish(&mut self, early: bool, origin: Origin, cx: &mut Context<'_>) {
        self.advance(true, cx);
        #[cfg(feature = "tls")]
        if let Stage::Tls(tls, inner) = &mut self.stage {
            if tls.is_unknown() {
                let place = Place {
                    stream: cx.stream,
                    direction: Direction::ClientToServer,
                    offset: 0,
                    origin,
                };
                let note = Note::Encrypted {
                    server_name: tls.hello.server_name.as_deref(),
                    alpn: tls.hello.alpn.as_deref(),
                };
                cx.emit(Event::Note(place, &note));
            }
            inner.finish(early, origin, cx);
        }
        if let Stage::Socket(readers) = &mut self.stage {
            for (reader, ended) in readers.iter_mut().zip(self.ended) {
                if !ended {
                    reader.finish(early, origin, cx);
                }
            }
            self.ended = [true; 2];
        }
    }

    /// Reads what is held as far as possible. `last` says that no more will come.
    fn advance(&mut self, last: bool, cx: &mut Context<'_>) {
        loop {
            let more = match &self.stage {
                Stage::Detect(_) => self.detect(last, cx),
                Stage::Http(_) => self.http(last, cx),
                _ => false,
            };
            if !more {
                break;
            }
        }
        if self.is_ignored() {
            self.held = Default::default();
        }
    }

    fn swap(&mut self, cx: &mut Context<'_>) {
        self.swapped = !self.swapped;
        self.held.swap(0, 1);
        self.ended.swap(0, 1);
        cx.swap();
    }

    /// Looks at the first bytes. Says whether there is a next stage.
    fn detect(&mut self, last: bool, cx: &mut Context<'_>) -> bool {
        let Stage::Detect(detect) = &self.stage else {
            return false;
        };
        let from_start = detect.from_start;
        let looks = [look(self.held[0].bytes()), look(self.held[1].bytes())];
        match looks {
            [Look::Proxy, _] => return self.proxy(cx),
            [_, Look::Proxy] if looks[0] == Look::Short && self.held[0].is_empty() => {
                self.swap(cx);
                return self.proxy(cx);
            }
            [Look::Request, _] | [_, Look::Response] => {}
            [_, Look::Request] | [Look::Response, _] => self.swap(cx),
            [Look::Tls, _] | [_, Look::Tls] => return self.tls(looks[0] != Look::Tls, last, cx),
            [Look::Other, _] | [_, Look::Other] if from_start => {
                self.stage = Stage::Ignored;
                return true;
            }
            [Look::Short, Look::Short] if from_start || !last => return false,
            _ => return self.trial(last, cx),
        }
        self.stage = Stage::Http(Http::new(from_start));
        true
    }

    fn proxy(&mut self, cx: &mut Context<'_>) -> bool {
        match proxy::read(self.held[0].bytes()) {
            proxy::Read::More if self.held[0].len() < proxy::MAX_LEN => false,
            proxy::Read::Whole { len, addresses } => {
                let place = self.place(Direction::ClientToServer, cx);
                cx.emit_later(place, Later::Proxied(addresses));
                self.held[0].consume(len);
                true
            }
            _ => {
                self.stage = Stage::Ignored;
                true
            }
        }
    }

    /// A connection that begins with TLS.
    #[cfg(feature = "tls")]
    fn tls(&mut self, swap: bool, _: bool, cx: &mut Context<'_>) -> bool {
        // The server's first record may be in the capture before the client's.
        if swap && matches!(self.held[1].bytes(), [_, _, _, _, _, 1, ..]) {
            self.swap(cx);
        }
        let tls = Box::new(Tls::new(core::mem::take(&mut self.held)));
        let mut inner = Box::new(Self::new(true));
        inner.depth = self.depth + 1;
        self.stage = match inner.depth {
            0..=MAX_DEPTH => Stage::Tls(tls, inner),
            _ => Stage::Ignored,
        };
        self.decrypt(cx);
        true
    }

    /// Reads the records that are there, and hands what is in them to the connection within.
    #[cfg(feature = "tls")]
    fn decrypt(&mut self, cx: &mut Context<'_>) {
        let Stage::Tls(tls, inner) = &mut self.stage else {
            return;
        };
        let mut out = Vec::new();
        tls.read(cx.keys, &mut out);
        for plain in out {
            let place = |origin| Place {
                stream: cx.stream,
                direction: Direction::ClientToServer,
                offset: 0,
                origin,
            };
            match plain {
                Plain::Data(side, bytes, origin) => {
                    let bytes = &bytes[..];
                    inner.deliver(side, Delivery::Bytes { bytes, origin }, cx);
                }
                Plain::Hole(side, len, origin) => {
                    inner.deliver(side, Delivery::Hole { len, origin }, cx);
                }
                Plain::Failed(why) => {
                    let place = place(cx.last());
                    cx.emit(Event::Note(place, &Note::Undecrypted(why)));
                    return self.give_up(place.origin, cx);
                }
                Plain::NoKeys => {
                    let place = place(cx.last());
                    let note = Note::Encrypted {
                        server_name: tls.hello.server_name.as_deref(),
                        alpn: tls.hello.alpn.as_deref(),
                    };
                    cx.emit(Event::Note(place, &note));
                    return self.give_up(place.origin, cx);
                }
            }
        }
    }

    /// No more can be decrypted.
    #[cfg(feature = "tls")]
    fn give_up(&mut self, origin: Origin, cx: &mut Context<'_>) {
        if let Stage::Tls(_, inner) = &mut self.stage {
            inner.finish(false, origin, cx);
            let inner = core::mem::replace(&mut **inner, Self::new(true));
            // What was read of it is still told at the end.
            *self = Self {
                swapped: self.swapped,
                ended: [true; 2],
                ..inner
            };
            if !matches!(self.stage, Stage::Socket(_)) {
                self.stage = Stage::Ignored;
            } else {
                self.deaf = true;
            }
        }
    }

    /// A connection that begins with TLS.
    #[cfg(not(feature = "tls"))]
    fn tls(&mut self, swap: bool, last: bool, cx: &mut Context<'_>) -> bool {
        // The server's first record may be in the capture before the client's.
        if swap && self.held[0].is_empty() && !last && self.held[1].len() < MAX_HELD {
            return false;
        }
        let hello = hello::read(self.held[0].bytes());
        if hello.is_none() && !last && self.held[0].len() < hello::MAX_LEN && !swap {
            return false;
        }
        let hello = hello.unwrap_or_default();
        let place = self.place(Direction::ClientToServer, cx);
        let note = Note::Encrypted {
            server_name: hello.server_name.as_deref(),
            alpn: hello.alpn.as_deref(),
        };
        cx.emit(Event::Note(place, &note));
        self.stage = Stage::Ignored;
        true
    }

    fn place(&self, direction: Direction, cx: &Context<'_>) -> Place {
        let held = &self.held[direction.index()];
        Place {
            stream: cx.stream,
            direction,
            offset: held.start(),
            origin: held.origin(),
        }
    }

    /// Tries whether there are frames in the middle of a connection.
    fn trial(&mut self, last: bool, cx: &mut Context<'_>) -> bool {
        let Stage::Detect(detect) = &mut self.stage else {
            return false;
        };
        let have = self.held[0].len() + self.held[1].len();
        if have < detect.wanted && !last {
            return false;
        }
        // The work stays linear: each trial looks at a quarter more than the one before.
        detect.wanted = have + have / 4 + 1;
        for held in &mut self.held {
            if held.len() >= MAX_TRIAL {
                let half = held.len() / 2;
                detect.tried += half as u64;
                detect.wanted -= half.min(detect.wanted);
                held.consume(half);
            }
        }
        if detect.tried > MAX_TRIED {
            self.stage = Stage::Ignored;
            return true;
        }
        let server = Rules::new(Role::Server).with_rsv(Rsv::RSV1);
        let client = Rules::new(Role::Client).with_rsv(Rsv::RSV1);
        let bits = |held, rules| align::strongest(held, rules);
        let straight = [bits(&self.held[0], server), bits(&self.held[1], client)];
        let crossed = [bits(&self.held[1], server), bits(&self.held[0], client)];
        let swap = crossed[0] + crossed[1] > straight[0] + straight[1];
        let [one, two] = if swap { crossed } else { straight };
        let (alone, both) = match last {
            false => (align::ENOUGH_FOR_UNKNOWN, align::ENOUGH_FOR_UNKNOWN),
            true => (align::ENOUGH_FOR_LAST, align::ENOUGH_FOR_LAST),
        };
        if one < alone && two < alone && one + two < both {
            if last {
                self.stage = Stage::Ignored;
            }
            return last;
        }
        if swap {
            self.swap(cx);
        }
        let first = DIRECTIONS
            .into_iter()
            .find(|it| !self.held[it.index()].is_empty());
        let place = self.place(first.unwrap_or(Direction::ClientToServer), cx);
        cx.emit(Event::Note(place, &Note::Midstream));
        let agreement = Agreement {
            deflate: None,
            window_known: false,
            guess: true,
        };
        self.open([agreement; 2], [true; 2], cx);
        true
    }

    /// Frames begin: at once, or where they are found.
    fn open(&mut self, agreements: [Agreement; 2], lost: [bool; 2], cx: &mut Context<'_>) {
        let held = core::mem::take(&mut self.held);
        let reader = |i: usize| {
            let (direction, offset) = (DIRECTIONS[i], held[i].start());
            match lost[i] {
                true => FrameReader::lost(direction, agreements[i], offset),
                false => FrameReader::new(direction, agreements[i], offset),
            }
        };
        let mut readers = Box::new([reader(0), reader(1)]);
        for (reader, held) in readers.iter_mut().zip(&held) {
            for (bytes, origin) in held.runs() {
                reader.bytes(bytes, origin, cx);
            }
        }
        for i in [0, 1] {
            if self.ended[i] {
                readers[i].finish(true, held[i].origin(), cx);
            }
        }
        self.stage = Stage::Socket(readers);
    }
}

/// What the first bytes of a direction are.
fn look(bytes: &[u8]) -> Look {
    let begins = |with: &[u8]| {
        let len = with.len().min(bytes.len());
        match bytes[..len] == with[..len] {
            true if len == with.len() => Some(true),
            true => None,
            false => Some(false),
        }
    };
    match bytes {
        [] => return Look::Short,
        [0x16, 3, ..] => return Look::Tls,
        [0x16] => return Look::Short,
        _ => {}
    }
    for (with, look) in [
        (&b"HTTP/1."[..], Look::Response),
        (&b"PROXY "[..], Look::Proxy),
        (&proxy::SIGNATURE[..], Look::Proxy),
        (&b"PRI * HTTP/2.0"[..], Look::Other),
    ] {
        match begins(with) {
            Some(true) => return look,
            None => return Look::Short,
            Some(false) => {}
        }
    }
    if matches!(bytes, [b'\r' | b'\n', ..]) {
        let rest = bytes.trim_ascii_start();
        return if rest.is_empty() {
            Look::Short
        } else {
            look(rest)
        };
    }
    // A method is a token, and in fact a word of capital letters (RFC 9110 §9.1).
    let method = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-')
        .count();
    match bytes.get(method) {
        None if method <= 24 => Look::Short,
        Some(b' ') if (3..=24).contains(&method) => Look::Request,
        _ => Look::Other,
    }
}

/// Whether a packet begins with a head, for certain.
fn is_head(bytes: &[u8]) -> bool {
    match look(bytes) {
        Look::Response => true,
        Look::Request => {
            let line = bytes
                .split(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default();
            line.windows(8).any(|part| part == b" HTTP/1.")
        }
        _ => false,
    }
}
