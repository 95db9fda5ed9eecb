//! A connection is a nest: what its bytes are is found out layer by layer.
//!
//! ```text
//! Detect → TLS → Detect
//! Detect → HTTP/1.1 → frames
//!        ↑     ↓
//!        └─ CONNECT
//! Detect → HTTP/2 → frames for each stream
//! ```
//!
//! `Detect` holds the first bytes of both directions until they say what they are, and takes a PROXY
//! protocol header off. `Http` reads heads and passes over bodies, so that an upgrade is found behind
//! other requests; a CONNECT that was accepted leads back to `Detect`. `Http2` does the same for each
//! stream that is an extended CONNECT. `Socket` has a reader of frames for each direction. Each of these
//! files has the state of one stage; `detect_steps`, `http_steps` and `encrypted` read on and change the
//! stage. Everything else is ignored from then on and costs nothing.
//!
//! A connection of which the beginning is missing, and one with a hole in HTTP, is tried for frames:
//! see [`align`](crate::align). Which side is the client is then known by who masks.

mod detect;
mod detect_steps;
mod encrypted;
mod hpack;
mod http;
mod http2;
mod http_steps;
mod proxy;
mod socket;
mod substream;

use wscodec::deflate::DeflateDirection;

use crate::ConversationStart;
use crate::context::Context;
use crate::event::{Direction, Ending, InspectEvent, Location, Note, PacketInfo, Totals};
use crate::frames::Agreement;
use crate::held::Held;
use crate::reassembly::Delivery;
#[cfg(feature = "tls")]
use crate::tls::Tls;

use detect::{Detect, is_head};
use http::Http;
use http2::Http2;
use socket::Socket;

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
    /// Bytes that arrive are not read any longer, only counted.
    deaf: bool,
}

#[derive(Debug)]
enum Stage {
    Detect(Detect),
    Http(Http),
    Http2(Box<Http2>),
    Socket(Box<Socket>),
    /// Encrypted, with the connection within.
    #[cfg(feature = "tls")]
    Tls(Box<Tls>, Box<Nest>),
    Ignored,
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

    /// For a connection that begins in this way.
    pub(crate) fn starting(start: ConversationStart) -> Self {
        match start {
            ConversationStart::Handshake => Self::new(true),
            ConversationStart::Middle => Self::new(false),
            ConversationStart::Frames(deflate) => {
                let of = |deflate: Option<DeflateDirection>| Agreement {
                    deflate,
                    window_known: true,
                    guess: false,
                };
                Self::of_frames([
                    of(deflate.map(|it| it.receive)),
                    of(deflate.map(|it| it.send)),
                ])
            }
        }
    }

    /// For frames without a handshake.
    pub(crate) fn of_frames(agreements: [Agreement; 2]) -> Self {
        Self {
            stage: Stage::Socket(Box::new(Socket::new(agreements))),
            ..Self::new(true)
        }
    }

    /// Bytes of memory held.
    pub(crate) fn memory(&self) -> usize {
        let stage = match &self.stage {
            Stage::Socket(socket) => socket.memory(),
            Stage::Http(http) => http.memory(),
            Stage::Http2(http2) => http2.memory(),
            #[cfg(feature = "tls")]
            Stage::Tls(tls, inner) => tls.memory() + inner.memory(),
            _ => 0,
        };
        stage + self.held[0].memory() + self.held[1].memory()
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

    /// The totals of the frames in each direction.
    pub(crate) fn totals(&self) -> [Totals; 2] {
        match &self.stage {
            Stage::Socket(socket) => socket.totals(),
            #[cfg(feature = "tls")]
            Stage::Tls(_, inner) => inner.totals(),
            _ => [Totals::default(); 2],
        }
    }

    /// The direction of what the side sends that was taken for the client (0) or the server (1).
    pub(crate) fn direction(&self, side: usize) -> Direction {
        DIRECTIONS[(side ^ usize::from(self.swapped)) & 1]
    }

    /// A delivery of the reassembly of one side.
    pub(crate) fn deliver(&mut self, side: usize, delivery: Delivery<'_>, cx: &mut Context<'_>) {
        if self.deaf {
            return;
        }
        let direction = self.direction(side);
        match delivery {
            Delivery::Bytes { bytes, packet } => self.bytes(direction, bytes, packet, cx),
            Delivery::Hole { len, packet } => self.hole(direction, len, packet, cx),
            Delivery::Conflict { position, packet } => {
                if !self.is_ignored() {
                    let location = Location {
                        conversation: cx.id,
                        direction,
                        offset: position,
                        packet,
                    };
                    cx.emit_if_known(InspectEvent::Note(location, &Note::Conflict));
                }
            }
            Delivery::End { packet } => self.end(direction, packet, cx),
        }
    }

    /// The next bytes of a direction, of one packet.
    pub(crate) fn bytes(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) {
        let i = direction.index();
        match &mut self.stage {
            Stage::Ignored => return,
            Stage::Socket(socket) => return socket.bytes(direction, bytes, packet, cx),
            Stage::Http2(http2) => {
                if !http2.bytes(direction, bytes, packet, cx) {
                    self.stage = Stage::Ignored;
                }
                return;
            }
            #[cfg(feature = "tls")]
            Stage::Tls(tls, _) => {
                tls.bytes(i, bytes, packet);
                return self.decrypt(cx);
            }
            Stage::Http(http) if self.held[i].is_empty() => {
                // A body costs no copy.
                let rest = http.pass_body(i, bytes);
                let passed = bytes.len() - rest.len();
                self.held[i].skip(passed as u64);
                if !rest.is_empty() {
                    self.held[i].push(rest, packet);
                }
            }
            Stage::Detect(detect) if !detect.from_start => {
                // A head at the front of a packet says more than any run of frames before it.
                if is_head(bytes) {
                    self.held[i].skip(0);
                }
                self.held[i].push(bytes, packet);
            }
            _ => self.held[i].push(bytes, packet),
        }
        self.advance(false, cx);
    }

    fn hole(&mut self, direction: Direction, len: u64, packet: PacketInfo, cx: &mut Context<'_>) {
        let i = direction.index();
        let restart = match &mut self.stage {
            Stage::Ignored => return,
            Stage::Socket(socket) => return socket.hole(direction, len, packet, cx),
            Stage::Http2(http2) => {
                if !http2.hole(direction, len, packet, cx) {
                    self.stage = Stage::Ignored;
                }
                return;
            }
            #[cfg(feature = "tls")]
            Stage::Tls(tls, _) => {
                if !tls.hole(i, len, packet) {
                    let location = Location {
                        conversation: cx.id,
                        direction,
                        offset: 0,
                        packet,
                    };
                    let why = "bytes are missing, and with them the number of records";
                    cx.emit(InspectEvent::Note(location, &Note::Undecrypted(why)));
                    self.give_up(packet, cx);
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
        let location = Location {
            conversation: cx.id,
            direction,
            offset: self.held[i].end(),
            packet,
        };
        self.held[i].skip(len);
        if restart {
            self.stage = Stage::Detect(Detect::new(false));
            self.advance(false, cx);
        } else {
            // The answer to an upgrade is missing, so the client's frames tell.
            cx.emit(InspectEvent::Note(location, &Note::Hole(len)));
            self.assume(true, cx);
        }
    }

    /// The direction is at its end.
    pub(crate) fn end(&mut self, direction: Direction, packet: PacketInfo, cx: &mut Context<'_>) {
        let i = direction.index();
        self.ended[i] = true;
        match &mut self.stage {
            Stage::Socket(socket) => socket.end(direction, packet, cx),
            #[cfg(feature = "tls")]
            Stage::Tls(_, inner) => inner.deliver(i, Delivery::End { packet }, cx),
            Stage::Ignored | Stage::Http2(_) => {}
            _ => self.advance(self.ended == [true; 2], cx),
        }
    }

    /// The connection has ended in this way, and nothing more is received.
    pub(crate) fn finish(&mut self, ending: Ending, packet: PacketInfo, cx: &mut Context<'_>) {
        self.advance(true, cx);
        #[cfg(feature = "tls")]
        if let Stage::Tls(tls, inner) = &mut self.stage {
            if tls.is_unknown() {
                let location = Location {
                    conversation: cx.id,
                    direction: Direction::ClientToServer,
                    offset: 0,
                    packet,
                };
                let note = Note::Encrypted {
                    server_name: tls.hello.server_name.as_deref(),
                    alpn: tls.hello.alpn.as_deref(),
                };
                cx.emit(InspectEvent::Note(location, &note));
            }
            inner.finish(ending, packet, cx);
        }
        if let Stage::Http2(http2) = &mut self.stage {
            http2.finish(ending, packet, cx);
        }
        if let Stage::Socket(socket) = &mut self.stage {
            socket.finish(ending, packet, cx);
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

    fn location(&self, direction: Direction, cx: &Context<'_>) -> Location {
        let held = &self.held[direction.index()];
        Location {
            conversation: cx.id,
            direction,
            offset: held.start(),
            packet: held.packet(),
        }
    }

    /// Frames begin: at once, or where they are found.
    fn open(&mut self, agreements: [Agreement; 2], lost: [bool; 2], cx: &mut Context<'_>) {
        let held = core::mem::take(&mut self.held);
        let mut socket = Socket::behind(&held, agreements, lost);
        for (direction, held) in DIRECTIONS.into_iter().zip(&held) {
            socket.held(direction, held, cx);
        }
        for (direction, held) in DIRECTIONS.into_iter().zip(&held) {
            if self.ended[direction.index()] {
                socket.end(direction, held.packet(), cx);
            }
        }
        self.stage = Stage::Socket(Box::new(socket));
    }
}
