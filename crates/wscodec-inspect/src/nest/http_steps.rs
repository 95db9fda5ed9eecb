//! HTTP/1.1 in front of frames (RFC 9112): heads are read, bodies are passed over.
//!
//! The reader is lenient: it needs the end of a head, the method, the status, and the few fields that
//! say how long a body is and whether an upgrade is asked for. The rules of the opening handshake are
//! the core's; `handshake` asks it.
//!
//! Behind a request for an upgrade and behind CONNECT the client's bytes wait for the answer, which
//! decides what they are. All other requests may be sent without waiting for answers.

use wscodec::handshake::BodyReader;
use wscodec::head::{HeaderFields, lists, start_line};

use super::detect::Detect;
use super::http::{Body, Request};
use super::{DIRECTIONS, MAX_DEPTH, Nest, Stage};
use crate::context::{Context, Later};
use crate::event::{Direction, InspectEvent, Location, Note};
use crate::handshake::{self, Sent};
use crate::held::MAX_HELD;

/// Requests that may wait for their answers. More are forgotten, the oldest first.
const MAX_REQUESTS: usize = 1024;

/// Interim responses that are remembered for one request.
const MAX_INTERIM: usize = 16;

/// The result of an attempt to read on.
enum Step {
    /// More bytes are needed.
    Wait,
    /// A head was read.
    Read,
    /// The connection is at another stage.
    Changed,
}

impl Nest {
    /// Reads heads and passes over bodies. Says whether there is a next stage.
    pub(super) fn http(&mut self, last: bool, cx: &mut Context<'_>) -> bool {
        loop {
            let steps = [self.request(cx), self.response(last, cx)];
            if steps.iter().any(|step| matches!(step, Step::Changed)) {
                return true;
            }
            if steps.iter().all(|step| matches!(step, Step::Wait)) {
                break;
            }
        }
        let Stage::Http(http) = &self.stage else {
            return false;
        };
        let waiting = self.held[0].len().max(self.held[1].len());
        if http.awaits_upgrade() && (last || waiting > MAX_HELD) {
            return self.assume(last, cx);
        }
        if waiting > MAX_HELD {
            self.stage = Stage::Ignored;
            return true;
        }
        false
    }

    /// Passes over the rest of a body in what is held.
    fn pass(&mut self, direction: usize) {
        if let Stage::Http(http) = &mut self.stage {
            let held = &mut self.held[direction];
            let rest = http.pass_body(direction, held.bytes()).len();
            held.consume(held.len() - rest);
        }
    }

    fn request(&mut self, cx: &mut Context<'_>) -> Step {
        self.pass(0);
        let Stage::Http(http) = &mut self.stage else {
            return Step::Changed;
        };
        let held = &mut self.held[0];
        if http.client_waits() || held.is_empty() {
            return Step::Wait;
        }
        // Empty lines in front of a request (RFC 9112 §2.2).
        let lines = held
            .bytes()
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        held.consume(lines);
        let Some(len) = http.head(0, held.bytes()) else {
            return Step::Wait;
        };
        let head = &held.bytes()[..len];
        let [method, target, version] = start_line(head);
        if !version.starts_with(b"HTTP/1.") {
            // The head is taken: `Detect` would recognise the same bytes as a request again.
            held.consume(len);
            self.stage = Stage::Detect(Detect::new(false));
            return Step::Changed;
        }
        let fields = HeaderFields::of(head);
        let mut upgrades = fields.clone().named("Upgrade");
        let request = if method == b"CONNECT" {
            Request::Connect(String::from_utf8_lossy(target).into_owned())
        } else if upgrades.any(|value| lists(value, b"websocket")) {
            Request::Upgrade(Sent::text(
                head.to_vec(),
                Location {
                    conversation: cx.id,
                    direction: Direction::ClientToServer,
                    offset: held.start(),
                    packet: held.packet(),
                },
            ))
        } else if method == b"HEAD" {
            Request::Head
        } else {
            Request::Other
        };
        let coding = fields.clone().named("Transfer-Encoding").next();
        let length = fields.named("Content-Length").next();
        http.bodies[0] = match request {
            Request::Connect(_) => Body::None,
            _ => Body::Reading(BodyReader::of_request(coding, length)),
        };
        if http.requests.len() >= MAX_REQUESTS {
            http.requests.pop_front();
        }
        http.requests.push_back(request);
        held.consume(len);
        Step::Read
    }

    fn response(&mut self, last: bool, cx: &mut Context<'_>) -> Step {
        self.pass(1);
        let Stage::Http(http) = &mut self.stage else {
            return Step::Changed;
        };
        let held = &mut self.held[1];
        if held.is_empty() {
            return Step::Wait;
        }
        // The packets of an answer may be in the capture before those of its request.
        let patient = http.from_start && !last && held.len() <= MAX_HELD && !self.ended[0];
        if http.requests.is_empty() && patient {
            return Step::Wait;
        }
        let Some(len) = http.head(1, held.bytes()) else {
            return Step::Wait;
        };
        let bytes = held.bytes()[..len].to_vec();
        let [version, status, _] = start_line(&bytes);
        let status = core::str::from_utf8(status)
            .ok()
            .and_then(|text| text.parse::<u16>().ok());
        let (true, Some(status)) = (version.starts_with(b"HTTP/1."), status) else {
            // As above, for a response.
            held.consume(len);
            self.stage = Stage::Detect(Detect::new(false));
            return Step::Changed;
        };
        if matches!(status, 100..200) && status != 101 {
            if http.interim.len() < MAX_INTERIM {
                http.interim.push(status);
            }
            held.consume(len);
            return Step::Read;
        }
        let head = Sent::text(
            bytes,
            Location {
                conversation: cx.id,
                direction: Direction::ServerToClient,
                offset: held.start(),
                packet: held.packet(),
            },
        );
        held.consume(len);
        let interim = core::mem::take(&mut http.interim);
        let request = http.requests.pop_front();
        let fields = HeaderFields::of(&head.bytes);
        let mut no_body = false;
        match request {
            Some(Request::Upgrade(sent)) => {
                let agreed = handshake::report(Some(&sent), Some(&head), status, &interim, cx);
                if status == 101 {
                    self.open(agreed, [false; 2], cx);
                    return Step::Changed;
                }
            }
            Some(Request::Connect(target)) if matches!(status, 200..300) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    self.stage = Stage::Ignored;
                    return Step::Changed;
                }
                cx.emit_later(head.location, Later::Tunnel(target));
                self.stage = Stage::Detect(Detect::new(true));
                return Step::Changed;
            }
            Some(Request::Head) => no_body = true,
            _ if status == 101 => {
                // Without its request this may be an upgrade to anything.
                let mut to = fields.clone().named("Upgrade");
                if to.any(|value| lists(value, b"websocket")) {
                    let agreed = handshake::report(None, Some(&head), status, &interim, cx);
                    self.open(agreed, [false; 2], cx);
                } else {
                    self.stage = Stage::Ignored;
                }
                return Step::Changed;
            }
            _ => {}
        }
        let Stage::Http(http) = &mut self.stage else {
            return Step::Changed;
        };
        if !no_body {
            let coding = fields.clone().named("Transfer-Encoding").next();
            let length = fields.named("Content-Length").next();
            http.bodies[1] = Body::Reading(BodyReader::of_response(status, coding, length));
        }
        Step::Read
    }

    /// The answer to an upgrade is not in the capture. If the client's bytes behind the request look
    /// like a frame, the server has accepted. `last` says that nothing will come that could tell.
    pub(super) fn assume(&mut self, last: bool, cx: &mut Context<'_>) -> bool {
        let Stage::Http(http) = &mut self.stage else {
            return false;
        };
        let interim = core::mem::take(&mut http.interim);
        let Some(Request::Upgrade(sent)) = http.requests.pop_front() else {
            self.stage = Stage::Ignored;
            return true;
        };
        let frames = handshake::begins_with_frame(self.held[0].bytes());
        let (agreed, accepted) = match frames || !last {
            true => (handshake::assumed(&sent), true),
            false => (handshake::assumed(&sent), !self.held[1].is_empty()),
        };
        handshake::report_without_answer(&sent, &interim, accepted && frames, cx);
        if !accepted {
            self.stage = Stage::Ignored;
            return true;
        }
        let location = self.location(DIRECTIONS[0], cx);
        cx.emit(InspectEvent::Note(location, &Note::AssumedUpgrade));
        self.open(agreed, [!frames, true], cx);
        true
    }
}
