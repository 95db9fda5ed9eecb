//! Accepting a connection, as a server (RFC 6455 §4.2).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::connection::{IoSession, Negotiated};
use super::head::{Head, Input};
use super::line::Line;
use super::{Connection, ConnectionOptions, Error, Keys, Rejected, Transport};
use crate::error::{LimitError, MisuseError};
use crate::frame::Role;
use crate::handshake::{Rejection, UpgradeRequest, UpgradeRequestReader};
use crate::session::{Policy, Session, Upgrade};

/// Accepts connections: what to grant, and how connections then behave.
///
/// ```no_run
/// use wscodec::handshake::{Origin, Rejection};
/// use wscodec::io::Acceptor;
///
/// let mut acceptor = Acceptor::default();
/// acceptor.policy.protocols = &["v2.chat"];
/// acceptor.policy.origin = Origin::List(&["https://example.com"]);
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
    /// Origins, subprotocols and compression.
    pub policy: Policy<'p>,
    /// The options of each connection.
    pub options: ConnectionOptions,
}

impl Acceptor<'_> {
    /// Accepts a client over TCP, if its request keeps the rules and the policy grants it. Small
    /// messages are then sent without delay (`TCP_NODELAY`).
    ///
    /// # Errors
    /// [`Error::Fault`] with what is wrong with the request: the client was told, as
    /// [`Rejection::of`] does. [`Error::Io`].
    pub fn accept(&self, stream: TcpStream) -> Result<Connection<TcpStream>, Error> {
        self.accept_with(stream, |_, _| Ok(()))
    }

    /// As [`accept`](Self::accept), with a look at the request before it is answered: to choose
    /// the subprotocol, add headers, or reject.
    ///
    /// # Errors
    /// As for [`accept`](Self::accept); [`Error::Rejected`] if `decide` rejected.
    pub fn accept_with(
        &self,
        stream: TcpStream,
        decide: impl FnOnce(&UpgradeRequest<'_>, &mut Answer<'_>) -> Result<(), Rejecting>,
    ) -> Result<Connection<TcpStream>, Error> {
        stream.set_nodelay(true)?;
        self.accept_over(stream, Transport::tcp(), decide)
    }

    /// As [`accept_with`](Self::accept_with), over any stream.
    ///
    /// # Errors
    /// As for [`accept_with`](Self::accept_with).
    pub fn accept_over<S: Read + Write>(
        &self,
        stream: S,
        transport: Transport<S>,
        decide: impl FnOnce(&UpgradeRequest<'_>, &mut Answer<'_>) -> Result<(), Rejecting>,
    ) -> Result<Connection<S>, Error> {
        let time = self.options.handshake_timeout;
        let mut line = Line::new(stream, transport, &self.options);
        line.stall = time;
        let until = time.and_then(|time| Instant::now().checked_add(time));
        let begun = match self.read_request(&mut line, until, decide) {
            Ok(begun) => begun,
            Err(error) => {
                if reject(&mut line, &error) {
                    line.linger(self.options.session.close_timeout);
                }
                return Err(error);
            }
        };
        line.flush()?;
        line.stall = self.options.write_timeout;
        line.set_read_timeout(None)?;
        let (session, input, agreed) = begun;
        let mut ws = Connection::begin(line, session, input, &self.options);
        ws.agreed = agreed;
        Ok(ws)
    }

    fn read_request<S: Read + Write>(
        &self,
        line: &mut Line<S>,
        until: Option<Instant>,
        decide: impl FnOnce(&UpgradeRequest<'_>, &mut Answer<'_>) -> Result<(), Rejecting>,
    ) -> Result<(IoSession, Input, Negotiated), Error> {
        let limits = &self.options.session.limits;
        let mut reader = UpgradeRequestReader::new(limits);
        let mut head = Head::new(&self.options);
        loop {
            if let Some(request) = reader.read(head.received())? {
                let (session, agreed) = self.answer(&request, decide, &mut line.out)?;
                let taken = request.head_len();
                return Ok((session, head.rest(taken), agreed));
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
        decide: impl FnOnce(&UpgradeRequest<'_>, &mut Answer<'_>) -> Result<(), Rejecting>,
        out: &mut Vec<u8>,
    ) -> Result<(IoSession, Negotiated), Error> {
        let mut answer = Answer {
            upgrade: self.policy.judge(request)?,
            headers: Vec::new(),
        };
        if let Err(refusing) = decide(request, &mut answer) {
            return Err(refusing.0);
        }
        let headers = answer.headers.iter();
        let headers: Vec<_> = headers.map(|(name, value)| (&**name, &**value)).collect();
        answer.upgrade.accept().headers(&headers).write(out)?;
        let config = &self.options.session;
        let (inbound, outbound) = answer.upgrade.coders(config);
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

/// The answer that is being made to a request: by the policy, and then by the caller.
#[derive(Debug)]
pub struct Answer<'r> {
    upgrade: Upgrade<'r>,
    headers: Vec<(String, String)>,
}

impl Answer<'_> {
    /// The subprotocol chosen.
    pub fn protocol(&self) -> Option<&str> {
        self.upgrade.protocol()
    }

    /// Chooses another of the subprotocols offered, or none.
    ///
    /// # Errors
    /// [`MisuseError::ProtocolNotOffered`]; nothing changes then.
    pub fn choose_protocol(&mut self, protocol: Option<&str>) -> Result<(), MisuseError> {
        self.upgrade.choose_protocol(protocol)
    }

    /// The agreement on compression.
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<crate::deflate::AgreedDeflate> {
        self.upgrade.deflate()
    }

    /// Adds a header. One that is not allowed makes the handshake fail with [`Error::Misuse`].
    pub fn header(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Answers with a rejection instead. To be returned:
    ///
    /// ```
    /// # use wscodec::{io::{Answer, Rejecting}, handshake::{Rejection, UpgradeRequest}};
    /// fn decide(request: &UpgradeRequest<'_>, answer: &mut Answer<'_>) -> Result<(), Rejecting> {
    ///     match request.host() {
    ///         "example.com" => Ok(()),
    ///         other => {
    ///             let body = format!("{other} is not here");
    ///             answer.reject(Rejection::new(421).body(body.as_bytes()))
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// Always.
    pub fn reject(&self, rejection: Rejection<'_>) -> Result<(), Rejecting> {
        let status = rejection.status();
        let mut bytes = Vec::new();
        Err(Rejecting(match rejection.write(&mut bytes) {
            Ok(()) => Error::Rejected(Box::new(Rejected::new(bytes, status))),
            Err(error) => error.into(),
        }))
    }
}

/// A rejection, on its way from the caller's decision to the client.
#[derive(Debug)]
pub struct Rejecting(Error);

/// Writes the rejection that an error calls for; whether there is one.
fn reject<S: Write>(line: &mut Line<S>, error: &Error) -> bool {
    line.out.clear();
    let rejection = match error {
        Error::Rejected(rejected) => {
            line.out.extend_from_slice(rejected.bytes());
            None
        }
        Error::Fault(fault) => Rejection::of(*fault),
        Error::Misuse(_) => Some(Rejection::new(500)),
        Error::Io(_) => return false,
    };
    if let Some(rejection) = rejection {
        // The text here is well-formed.
        let _ = rejection.write(&mut line.out);
    }
    !line.out.is_empty() && line.flush().is_ok()
}
