//! TLS around a connection: its records are decrypted, and the connection within is a nest of its own.

#[cfg(feature = "tls")]
use super::MAX_DEPTH;
use super::{Nest, Stage};
use crate::context::Context;
use crate::event::{Direction, InspectEvent, Note};
#[cfg(feature = "tls")]
use crate::event::{Ending, Location, PacketInfo};
#[cfg(not(feature = "tls"))]
use crate::held::MAX_HELD;
#[cfg(feature = "tls")]
use crate::reassembly::Delivery;
#[cfg(not(feature = "tls"))]
use crate::tls::hello;
#[cfg(feature = "tls")]
use crate::tls::{Plain, Tls};

impl Nest {
    /// A connection that begins with TLS.
    #[cfg(feature = "tls")]
    pub(super) fn tls(&mut self, swap: bool, _: bool, cx: &mut Context<'_>) -> bool {
        cx.set_tls();
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
    pub(super) fn decrypt(&mut self, cx: &mut Context<'_>) {
        let Stage::Tls(tls, inner) = &mut self.stage else {
            return;
        };
        let mut out = Vec::new();
        tls.read(cx.keys, &mut out);
        for plain in out {
            let location = |packet| Location {
                conversation: cx.id,
                direction: Direction::ClientToServer,
                offset: 0,
                packet,
            };
            match plain {
                Plain::Data(side, bytes, packet) => {
                    let bytes = &bytes[..];
                    inner.deliver(side, Delivery::Bytes { bytes, packet }, cx);
                }
                Plain::Hole(side, len, packet) => {
                    inner.deliver(side, Delivery::Hole { len, packet }, cx);
                }
                Plain::Failed(why) => {
                    let location = location(cx.last);
                    cx.emit(InspectEvent::Note(location, &Note::Undecrypted(why)));
                    return self.give_up(location.packet, cx);
                }
                Plain::NoKeys => {
                    let location = location(cx.last);
                    let note = Note::Encrypted {
                        server_name: tls.hello.server_name.as_deref(),
                        alpn: tls.hello.alpn.as_deref(),
                    };
                    cx.emit(InspectEvent::Note(location, &note));
                    return self.give_up(location.packet, cx);
                }
            }
        }
    }

    /// No more can be decrypted.
    #[cfg(feature = "tls")]
    pub(super) fn give_up(&mut self, packet: PacketInfo, cx: &mut Context<'_>) {
        if let Stage::Tls(_, inner) = &mut self.stage {
            inner.finish(Ending::Open, packet, cx);
            let inner = core::mem::replace(&mut **inner, Self::new(true));
            // The part that was read is still reported at the end.
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
    pub(super) fn tls(&mut self, swap: bool, last: bool, cx: &mut Context<'_>) -> bool {
        cx.set_tls();
        // The server's first record may be in the capture before the client's.
        if swap && self.held[0].is_empty() && !last && self.held[1].len() < MAX_HELD {
            return false;
        }
        let hello = hello::read(self.held[0].bytes());
        if hello.is_none() && !last && self.held[0].len() < hello::MAX_LEN && !swap {
            return false;
        }
        let hello = hello.unwrap_or_default();
        let location = self.location(Direction::ClientToServer, cx);
        let note = Note::Encrypted {
            server_name: hello.server_name.as_deref(),
            alpn: hello.alpn.as_deref(),
        };
        cx.emit(InspectEvent::Note(location, &note));
        self.stage = Stage::Ignored;
        true
    }
}
