//! Finds the protocol of a connection by its first bytes.

use wscodec::frame::{Role, Rsv, Rules};

use super::detect::{Look, look};
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
