//! The protocol of the first bytes of a connection.

use wscodec::frame::{Role, Rsv, Rules};

use super::http::Http;
use super::{DIRECTIONS, Nest, Stage, proxy};
use crate::align;
use crate::context::{Context, Later};
use crate::event::{Direction, InspectEvent, Note};
use crate::frames::Agreement;

/// Bytes that are searched for frames at once where the beginning of a connection is missing.
const MAX_TRIAL: usize = 128 << 10;

/// Bytes after which such a connection is given up.
const MAX_TRIED: u64 = 2 << 20;

#[derive(Debug)]
pub(super) struct Detect {
    /// Whether the bytes are the first ones of the connection.
    pub(super) from_start: bool,
    /// Bytes given up without a frame.
    tried: u64,
    /// Bytes of both directions that are to be there before the next trial.
    wanted: usize,
}

impl Detect {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            from_start,
            tried: 0,
            wanted: 0,
        }
    }
}

/// The protocol that the first bytes of a direction look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// There are too few bytes.
    Short,
    Request,
    Response,
    Proxy,
    Tls,
    /// The connection preface of an HTTP/2 client (RFC 9113 §3.4).
    Http2,
    /// A SETTINGS frame, with which an HTTP/2 server begins.
    Settings,
    Other,
}

impl Nest {
    /// Looks at the first bytes. Says whether there is a next stage.
    pub(super) fn detect(&mut self, last: bool, cx: &mut Context<'_>) -> bool {
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
            [Look::Http2, _] | [_, Look::Http2] if from_start => {
                if looks[0] != Look::Http2 {
                    self.swap(cx);
                }
                self.stage = Stage::Http2(Box::default());
                self.feed_http2(cx);
                return true;
            }
            // The server's first bytes may be in the capture before the client's.
            [Look::Short, Look::Settings] | [Look::Settings, Look::Short]
                if from_start && !last =>
            {
                return false;
            }
            [Look::Other | Look::Settings, _] | [_, Look::Other | Look::Settings] if from_start => {
                self.stage = Stage::Ignored;
                return true;
            }
            [Look::Short, Look::Short] if from_start || !last => return false,
            _ => return self.trial(last, cx),
        }
        self.stage = Stage::Http(Http::new(from_start));
        true
    }

    /// Hands what was held to the reader of HTTP/2. The client's bytes are read first, because they
    /// have the requests.
    fn feed_http2(&mut self, cx: &mut Context<'_>) {
        let held = core::mem::take(&mut self.held);
        for (direction, held) in DIRECTIONS.into_iter().zip(&held) {
            for (bytes, packet) in held.runs() {
                self.bytes(direction, bytes, packet, cx);
            }
        }
    }

    fn proxy(&mut self, cx: &mut Context<'_>) -> bool {
        match proxy::read(self.held[0].bytes()) {
            proxy::Read::More if self.held[0].len() < proxy::MAX_LEN => false,
            proxy::Read::Whole { len, addresses } => {
                let location = self.location(Direction::ClientToServer, cx);
                cx.emit_later(location, Later::Proxied(addresses));
                self.held[0].consume(len);
                true
            }
            _ => {
                self.stage = Stage::Ignored;
                true
            }
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
        let location = self.location(first.unwrap_or(Direction::ClientToServer), cx);
        cx.emit(InspectEvent::Note(location, &Note::Midstream));
        let agreement = Agreement {
            deflate: None,
            window_known: false,
            guess: true,
        };
        self.open([agreement; 2], [true; 2], cx);
        true
    }
}

/// The protocol of the first bytes of a direction.
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
        [0, 0, _, 4, 0, 0, 0, 0, 0, ..] => return Look::Settings,
        [0] | [0, 0] | [0, 0, _] | [0, 0, _, 4] | [0, 0, _, 4, 0] => return Look::Short,
        [0, 0, _, 4, 0, rest @ ..] if rest.len() < 4 && rest.iter().all(|it| *it == 0) => {
            return Look::Short;
        }
        _ => {}
    }
    for (with, look) in [
        (&b"HTTP/1."[..], Look::Response),
        (&b"PROXY "[..], Look::Proxy),
        (&proxy::SIGNATURE[..], Look::Proxy),
        (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], Look::Http2),
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
pub(super) fn is_head(bytes: &[u8]) -> bool {
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
