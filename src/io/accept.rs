//! The server's side of the opening handshake (RFC 6455 §4.2).

use alloc::boxed::Box;
use alloc::vec::Vec;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::answer::{Answer, Rejecting};
use super::connection::{IoSession, Negotiated};
use super::head::Head;
use super::hooks::Decide;
use super::line::Line;
use super::{AcceptHooks, Buffers, Connection, ConnectionOptions, Error, Keys, Transport};
use crate::error::LimitError;
use crate::frame::Role;
use crate::handshake::{Rejection, UpgradeRequest, UpgradeRequestReader};
use crate::head::HeadLine;
use crate::session::{Policy, Session};

/// Accepts connections. It has the policy for requests and the options of the connections.
///
/// ```no_run
/// use wscodec::handshake::{Origin, Rejection};
/// use wscodec::io::Acceptor;
/// use wscodec::session::Policy;
///
/// let policy = Policy {
///     protocols: &["v2.chat"],
///     origin: Origin::List(&["https://example.com"]),
///     ..Policy::DEFAULT
/// };
/// let acceptor = Acceptor { policy, ..Acceptor::default() };
///
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let (stream, _) = listener.accept()?;
/// let mut user = String::new();
/// let ws = acceptor.accept_with(stream, |request, answer| {
///     let Some(cookie) = request.header("Cookie") else {
///         return answer.reject(Rejection::new(401));
///     };
///     user = String::from_utf8_lossy(cookie).into_owned();
///     answer.header("X-Room", request.target());
///     Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Acceptor<'p> {
    /// The rules for origins, subprotocols and compression.
    pub policy: Policy<'p>,
    /// The options of each connection.
    pub options: ConnectionOptions,
}

impl Acceptor<'_> {
    /// Returns an acceptor that never agrees on compression, for programs that read and write frames
    /// themselves.
    #[must_use]
    pub fn without_compression(self) -> Self {
        Self {
            policy: self.policy.without_compression(),
            ..self
        }
    }

    /// Accepts a client over TCP if its request is valid and the policy grants it. The function sets
    /// `TCP_NODELAY`, so small messages leave without delay.
    ///
    /// # Errors
    /// [`Error::Fault`] if the request is not acceptable; the client got the response of
    /// [`Rejection::of`]. [`Error::Io`] if the stream failed.
    pub fn accept(&self, stream: TcpStream) -> Result<Connection<TcpStream>, Error> {
        self.accept_with(stream, |_, _| Ok(()))
    }

    /// Like [`accept`](Self::accept), and calls `decide` before the response is sent. `decide` may
    /// choose the subprotocol, add headers, or reject.
    ///
    /// # Errors
    /// The errors of [`accept`](Self::accept), and [`Error::Rejected`] if `decide` rejected the
    /// request.
    pub fn accept_with(
        &self,
        stream: TcpStream,
        decide: impl FnOnce(&UpgradeRequest<'_>, &mut Answer<'_>) -> Result<(), Rejecting>,
    ) -> Result<Connection<TcpStream>, Error> {
        stream.set_nodelay(true)?;
        self.accept_over(stream, Transport::tcp(), decide)
    }

    /// Like [`accept_with`](Self::accept_with), over any stream.
    ///
    /// # Errors
    /// The errors of [`accept_with`](Self::accept_with).
    pub fn accept_over<S: Read + Write>(
        &self,
        stream: S,
        transport: Transport<S>,
        decide: impl FnOnce(&UpgradeRequest<'_>, &mut Answer<'_>) -> Result<(), Rejecting>,
    ) -> Result<Connection<S>, Error> {
        let hooks = &mut Decide(Some(decide));
        self.accept_hooked(stream, transport, &mut Buffers::default(), hooks)
    }

    /// Like [`accept_over`](Self::accept_over), and calls `hooks` in each step of the handshake. The
    /// connection takes the memory of `buffers`, which are empty afterwards unless the function
    /// fails.
    ///
    /// # Errors
    /// The errors of [`accept_with`](Self::accept_with).
    pub fn accept_hooked<S: Read + Write>(
        &self,
        stream: S,
        transport: Transport<S>,
        buffers: &mut Buffers,
        hooks: &mut impl AcceptHooks,
    ) -> Result<Connection<S>, Error> {
        let time = self.options.handshake_timeout;
        let mut line = Line::new(stream, transport, &self.options);
        line.use_buffers(buffers);
        line.stall = time;
        let until = time.and_then(|time| Instant::now().checked_add(time));
        let mut head = Head::new(&self.options, buffers);
        let begun = self.read_request(&mut line, &mut head, until, hooks);
        let (taken, session, agreed) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                if reject(&mut line, &error, hooks) {
                    line.linger(self.options.session.close_timeout);
                }
                (buffers.input, buffers.fragment) = (head.into_bytes(), line.part);
                line.out.clear();
                buffers.output = line.out;
                return Err(error);
            }
        };
        hooks.response(&line.out);
        line.flush()?;
        line.stall = self.options.write_timeout;
        line.set_read_timeout(None)?;
        let mut ws = Connection::begin(line, session, head.rest(taken), &self.options);
        ws.use_message_buffer(buffers);
        ws.agreed = agreed;
        Ok(ws)
    }

    /// Reads the request and writes the response. Returns the length of the request in bytes.
    fn read_request<S: Read + Write>(
        &self,
        line: &mut Line<S>,
        head: &mut Head,
        until: Option<Instant>,
        hooks: &mut impl AcceptHooks,
    ) -> Result<(usize, IoSession, Negotiated), Error> {
        let limits = &self.options.session.limits;
        let mut reader = UpgradeRequestReader::new(limits);
        loop {
            let look = |line: HeadLine<'_>| hooks.line(line).map_err(|rejecting| rejecting.0);
            if let Some(request) = reader.read_with(head.received(), look)? {
                let (session, agreed) = self.answer(&request, hooks, &mut line.out)?;
                return Ok((request.head_len(), session, agreed));
            }
            match head.read(line, until) {
                Ok(()) => {}
                Err(error)
                    if error.is_timeout() && until.is_some_and(|at| Instant::now() >= at) =>
                {
                    let error = crate::error::ErrorKind::from(LimitError::HandshakeTooSlow);
                    return Err(error.at(head.received().len() as u64).into());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn answer(
        &self,
        request: &UpgradeRequest<'_>,
        hooks: &mut impl AcceptHooks,
        out: &mut Vec<u8>,
    ) -> Result<(IoSession, Negotiated), Error> {
        let mut answer = Answer {
            upgrade: self.policy.judge(request)?,
            headers: Vec::new(),
            invalid: None,
            extension: None,
        };
        hooks
            .decide(request, &mut answer)
            .map_err(|rejecting| rejecting.0)?;
        if let Some(error) = answer.invalid {
            return Err(error.into());
        }
        let mut accept = answer.upgrade.accept();
        if let Some(extension) = &answer.extension {
            accept = accept.extensions(&extension.header);
        }
        accept.write_with(out, |headers| headers.add_lines(&answer.headers))?;
        let config = &self.options.session;
        let (inbound, outbound) = match answer.extension {
            Some(extension) => (extension.inbound, extension.outbound),
            None => answer.upgrade.coders(config),
        };
        let session = Session::new(Role::Server, Keys::none(), inbound, outbound, config)
            .with_offset(request.head_len() as u64);
        let agreed = Negotiated {
            protocol: answer.upgrade.protocol().map(Box::from),
            #[cfg(feature = "deflate")]
            deflate: answer.upgrade.deflate(),
        };
        Ok((session, agreed))
    }
}

/// Writes the rejection for an error. Returns whether there is one.
fn reject<S: Write>(line: &mut Line<S>, error: &Error, hooks: &mut impl AcceptHooks) -> bool {
    line.out.clear();
    let rejection = match error {
        Error::Rejected(rejected) => {
            line.out.extend_from_slice(rejected.bytes());
            None
        }
        Error::Fault(fault) => Rejection::of(*fault),
        Error::Misuse(_) => Some(Rejection::new(500)),
        Error::Io(_) | Error::Cancelled => return false,
    };
    if let Some(rejection) = rejection {
        // The text is well-formed, so the encoder accepts it.
        let _ = rejection.write(&mut line.out);
    }
    if line.out.is_empty() {
        return false;
    }
    hooks.response(&line.out);
    line.flush().is_ok()
}
