//! The state of a connection that speaks HTTP/1.1: requests without an answer, and bodies.

use std::collections::VecDeque;

use wscodec::handshake::BodyReader;
use wscodec::head::end_of_head;

use crate::handshake::Sent;

#[derive(Debug)]
pub(super) struct Http {
    /// Whether every request is in the capture: then an answer belongs to one.
    pub(super) from_start: bool,
    /// Requests without an answer.
    pub(super) requests: VecDeque<Request>,
    pub(super) bodies: [Body; 2],
    pub(super) interim: Vec<u16>,
    /// Bytes of the head at the front that were searched for its end, of each direction.
    scanned: [usize; 2],
}

#[derive(Debug)]
pub(super) enum Request {
    Upgrade(Sent),
    /// To this target.
    Connect(String),
    /// Its response has no body.
    Head,
    Other,
}

#[derive(Debug)]
pub(super) enum Body {
    None,
    Reading(BodyReader),
    /// Behind the last chunk, up to the empty line (RFC 9112 §7.1.2). So many bytes of `"\r\n"`,
    /// counted backwards from the last one, were read.
    Trailers(u8),
}

impl Http {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            from_start,
            requests: VecDeque::new(),
            bodies: [Body::None, Body::None],
            interim: Vec::new(),
            scanned: [0; 2],
        }
    }

    pub(super) fn memory(&self) -> usize {
        let sent = self.requests.iter().map(|request| match request {
            Request::Upgrade(sent) => sent.memory(),
            Request::Connect(target) => target.capacity(),
            _ => 0,
        });
        sent.sum::<usize>() + self.requests.capacity() * size_of::<Request>()
    }

    /// Whether the client waits for the answer to an upgrade.
    pub(super) fn awaits_upgrade(&self) -> bool {
        matches!(self.requests.front(), Some(Request::Upgrade(_)))
    }

    /// Whether the next bytes of the client depend on the answer to its last request.
    pub(super) fn client_waits(&self) -> bool {
        matches!(
            self.requests.back(),
            Some(Request::Upgrade(_) | Request::Connect(_))
        )
    }

    /// Takes the bytes of a body off the front.
    pub(super) fn pass_body<'b>(&mut self, direction: usize, mut bytes: &'b [u8]) -> &'b [u8] {
        let body = &mut self.bodies[direction];
        if let Body::Reading(reader) = body {
            while reader.read(&mut bytes).is_some() {}
            if reader.is_done() {
                *body = match reader.is_chunked() {
                    true => Body::Trailers(1),
                    false => Body::None,
                };
            }
        }
        while let Body::Trailers(seen) = body {
            let Some((&byte, rest)) = bytes.split_first() else {
                break;
            };
            bytes = rest;
            *body = match (byte, *seen) {
                (b'\n', 1) => Body::None,
                (b'\n', _) => Body::Trailers(1),
                (b'\r', seen) => Body::Trailers(seen),
                _ => Body::Trailers(0),
            };
        }
        bytes
    }

    /// Whether so many missing bytes are all of a body.
    pub(super) fn skip_body(&mut self, direction: usize, len: u64) -> bool {
        match &mut self.bodies[direction] {
            Body::Reading(reader) => reader.skip(len) == len,
            _ => false,
        }
    }

    /// How many bytes the head at the front has, once it is whole.
    pub(super) fn head(&mut self, direction: usize, bytes: &[u8]) -> Option<usize> {
        let from = self.scanned[direction].saturating_sub(3).min(bytes.len());
        let end = end_of_head(&bytes[from..]).map(|len| from + len);
        self.scanned[direction] = if end.is_some() { 0 } else { bytes.len() };
        end
    }
}
