//! The handler of a server whose connections have backends.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wscodec::frame::CloseFrame;
use wscodec::handshake::UpgradeRequest;
use wscodec::message::{Kind, MessageRef};
use wscodec::session::Piece;
use wscodec::{CloseCode, ErrorKind, MisuseError};
use wscodec_server::{AcceptOptions, Handler, NotAccepted, Peer, Response};

use super::environment;
use super::link::{FULL, Link};
use super::opening::{Job, Opened, Openers};
use super::options::{Options, Permit};
use super::poll::Commands;
use crate::args::Target;

/// Hands messages to the backends, and sends what they write.
pub(crate) struct Relayed {
    options: Arc<Options>,
    commands: Arc<Commands>,
    openers: Arc<Openers>,
    processes: Arc<AtomicUsize>,
}

/// A connection that has a backend. The backend ends when this is dropped.
pub(crate) struct Connection {
    link: Arc<Link>,
    commands: Arc<Commands>,
    /// The relay's number for the backend.
    number: usize,
    /// Nothing is read from the client, because much waits for the backend.
    paused: bool,
    /// The first part of a long line was sent.
    in_line: bool,
    /// Bytes of the backend's output that hold no end of a line.
    scanned: usize,
    /// The client's close frame: its code, if it has one.
    close: Option<Option<CloseCode>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.link.gone.store(true, Ordering::Release);
        self.commands.look(self.number, &self.link);
    }
}

impl Connection {
    /// Hands bytes on to the backend.
    fn write(peer: &mut Peer<'_, Self>, bytes: &[u8]) {
        let state = &mut *peer.state;
        let (added, full) = {
            let mut flow = state.link.input();
            let added = flow.add(bytes);
            let full = flow.is_full();
            if full {
                flow.wait();
            }
            (added, full)
        };
        if full && !state.paused {
            state.paused = true;
            peer.pause_reading();
        }
        let state = &*peer.state;
        state.commands.look(state.number, &state.link);
        if added.is_err() {
            let _ = peer.outbox.close(CloseCode::TRY_AGAIN_LATER, "");
        }
    }

    /// Sends what the backend has written, as far as the client reads it. Reads from the client
    /// again if the backend has taken what it sent.
    fn look(peer: &mut Peer<'_, Self>, lines: bool) {
        let link = peer.state.link.clone();
        link.handler_told.store(false, Ordering::Release);
        let mut flow = link.output();
        let ended = flow.ended;
        let (mut used, mut result) = (0, Ok(()));
        let bytes = &*flow.bytes.make_contiguous();
        while used < bytes.len() && !peer.is_full() && result.is_ok() {
            let rest = &bytes[used..];
            let sent = match lines {
                true => Self::send_line(peer, rest, ended),
                false => peer.outbox.binary(rest).map(|()| rest.len()),
            };
            match sent {
                Ok(0) => break,
                Ok(n) => used += n,
                Err(error) => result = Err(error),
            }
        }
        let room = flow.left(used);
        let over = ended && flow.bytes.is_empty();
        drop(flow);
        let state = &mut *peer.state;
        if room {
            state.commands.look(state.number, &link);
        }
        if state.paused {
            let mut flow = link.input();
            match flow.bytes.len() < FULL / 2 {
                true => {
                    drop(flow);
                    state.paused = false;
                    peer.resume_reading();
                }
                // Pieces that were decompressed already have come meanwhile.
                false => flow.wait(),
            }
        }
        let failed = link.failed.load(Ordering::Acquire);
        let (code, reason) = match (&result, peer.state.close) {
            // The connection is closing already, or the event loop closes it.
            (Err(ErrorKind::Limit(_)), _) => return,
            (Err(ErrorKind::Misuse(MisuseError::TextNotUtf8)), _) => {
                (Some(CloseCode::INTERNAL_ERROR), "a line is not UTF-8")
            }
            (Err(_), _) => return,
            (Ok(()), _) if !over => return,
            (Ok(()), _) if failed => (Some(CloseCode::INTERNAL_ERROR), "the backend failed"),
            (Ok(()), Some(code)) => (code, ""),
            (Ok(()), None) => (Some(CloseCode::NORMAL), ""),
        };
        // It fails if the connection is closing already.
        let _ = peer.outbox.close(code, reason);
    }

    /// Sends the first line as a message, or as much of it as has come, if that is much. How many
    /// bytes were sent; 0 if the line has no end yet.
    fn send_line(peer: &mut Peer<'_, Self>, bytes: &[u8], ended: bool) -> Result<usize, ErrorKind> {
        let (state, outbox) = (&mut *peer.state, &mut peer.outbox);
        let from = state.scanned.min(bytes.len());
        let end = bytes[from..].iter().position(|&byte| byte == b'\n');
        let (line, used) = match end {
            Some(at) => (&bytes[..from + at], from + at + 1),
            None if ended => (bytes, bytes.len()),
            None if bytes.len() < FULL => {
                state.scanned = bytes.len();
                return Ok(0);
            }
            None => {
                match state.in_line {
                    true => outbox.more(bytes)?,
                    // A line that is not UTF-8 can't be a text message (RFC 6455 §5.6).
                    false => match outbox.begin(Kind::Text, bytes) {
                        Err(ErrorKind::Misuse(MisuseError::TextNotUtf8)) => {
                            outbox.begin(Kind::Binary, bytes)?;
                        }
                        result => result?,
                    },
                }
                (state.scanned, state.in_line) = (0, true);
                return Ok(bytes.len());
            }
        };
        match std::mem::take(&mut state.in_line) {
            true => outbox.finish(line)?,
            false => match std::str::from_utf8(line) {
                Ok(text) => outbox.text(text)?,
                Err(_) => outbox.binary(line)?,
            },
        }
        state.scanned = 0;
        Ok(used)
    }
}

impl Relayed {
    pub(super) fn new(
        options: Arc<Options>,
        commands: Arc<Commands>,
        openers: Arc<Openers>,
        processes: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            options,
            commands,
            openers,
            processes,
        }
    }

    fn lines(&self) -> bool {
        matches!(self.options.target, Target::Command { lines: true, .. })
    }

    /// Has the backend opened, and defers the decision on the request.
    fn defer(&self, request: &UpgradeRequest<'_>, options: &AcceptOptions<'_>) -> NotAccepted {
        let (mut environment, mut permit) = (Vec::new(), None);
        if matches!(self.options.target, Target::Command { .. }) {
            permit = Permit::new(&self.processes, self.options.max_processes);
            if permit.is_none() {
                log::warn!(
                    "{} is rejected: there are too many processes",
                    options.address()
                );
                return Response::new(503).header("Retry-After", 1).into();
            }
            environment = environment::variables(request, options.address(), self.options.secure);
            if let Some(protocol) = options.upgrade.protocol() {
                environment.push(("WEBSOCKET_PROTOCOL".to_owned(), protocol.into()));
            }
        }
        self.openers.put(Job {
            deferred: options.defer(),
            options: self.options.clone(),
            environment,
            permit,
        });
        NotAccepted::Deferred
    }
}

/// The answer to a client whose backend can't be opened.
fn refusal(error: &io::Error) -> Response {
    Response::new(match error.kind() {
        io::ErrorKind::TimedOut => 504,
        _ => 502,
    })
}

impl Handler for Relayed {
    type State = Connection;

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        options: &mut AcceptOptions<'_>,
    ) -> Result<Connection, NotAccepted> {
        let Some(event) = options.event() else {
            return Err(self.defer(request, options));
        };
        let backend = match event.downcast::<Opened>().map(|it| it.0) {
            Ok(Ok(backend)) => backend,
            Ok(Err(error)) => {
                log::error!("{}: no backend: {error}", options.address());
                return Err(refusal(&error).into());
            }
            Err(_) => return Err(Response::new(500).into()),
        };
        let link = Arc::new(Link::default());
        let number = self.commands.add(options.id(), link.clone(), backend);
        Ok(Connection {
            link,
            commands: self.commands.clone(),
            number,
            paused: false,
            in_line: false,
            scanned: 0,
            close: None,
        })
    }

    /// Not called: messages come in pieces.
    fn message(&mut self, _: &mut Peer<'_, Connection>, _: MessageRef<'_>) {}

    fn piece(&mut self, peer: &mut Peer<'_, Connection>, piece: Piece<'_>) {
        match piece {
            Piece::Data(data) => Connection::write(peer, data),
            Piece::End if self.lines() => Connection::write(peer, b"\n"),
            _ => {}
        }
    }

    fn peer_closes(&mut self, peer: &mut Peer<'_, Connection>, close: Option<CloseFrame<'_>>) {
        let state = &mut *peer.state;
        state.close = Some(close.map(|close| close.code));
        state.link.input().ended = true;
        state.commands.look(state.number, &state.link);
        peer.answer_close_later();
    }

    fn user_event(&mut self, peer: &mut Peer<'_, Connection>, _: &(dyn Any + Send + Sync)) {
        Connection::look(peer, self.lines());
    }

    fn drain(&mut self, peer: &mut Peer<'_, Connection>) {
        Connection::look(peer, self.lines());
    }
}
