//! Accepting a connection, as a server (RFC 6455 §4.2).

use std::any::Any;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::Instant;
use wscodec::deflate::{Compressor, Decompressor};
use wscodec::frame::Role;
use wscodec::handshake::Rejection;
use wscodec::session::Policy;
use wscodec::{ErrorKind, LimitError, Limits, PeerError};

use crate::connection::SharedSession;
use crate::names::{
    AgreedDeflate, DeflateOptions, Error, Keys, UpgradeRequest, UpgradeRequestReader,
};
use crate::options::ConnectionOptions;
use crate::outcome::Agreed;
use crate::websocket::WebSocket;

/// Bytes that a read of a head makes room for.
const STEP: usize = 1 << 10;

/// Accepts a client, if its request keeps the rules and the policy grants it.
///
/// ```no_run
/// use tokio::net::TcpListener;
/// use wscodec::session::Policy;
///
/// # async fn run() -> Result<(), wscodec_tokio::Error> {
/// let listener = TcpListener::bind("127.0.0.1:9001").await?;
/// let (stream, _) = listener.accept().await?;
/// let mut ws = wscodec_tokio::accept(stream, &Policy::DEFAULT).await?;
/// while let Some(message) = ws.recv().await.transpose()? {
///     if message.is_text() || message.is_binary() {
///         ws.send(message).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Cancel safe: a future that is dropped closes the stream, and one that is polled later goes on where it
/// was, as `&mut` in `tokio::select!` has it.
///
/// # Errors
/// As for [`Acceptor::accept`].
pub fn accept<'p, S>(stream: S, policy: &'p Policy<'p>) -> Boxed<'p, WebSocket<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Box::pin(async move {
        let options = ConnectionOptions::DEFAULT;
        let incoming = read_request(stream, *policy, &options).await?;
        incoming.accept_now().await
    })
}

/// A future of this crate's. It is boxed because the task of each connection would keep the room for it
/// otherwise, for as long as the connection lives.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Accepts connections: which requests to grant, and how connections then behave.
///
/// ```no_run
/// use wscodec::handshake::{Origin, Rejection};
/// use wscodec_tokio::Acceptor;
///
/// # async fn run(stream: tokio::net::TcpStream) -> Result<(), wscodec_tokio::Error> {
/// let mut acceptor = Acceptor::default();
/// acceptor.policy.protocols = &["v2.chat"];
/// acceptor.policy.origin = Origin::List(&["https://example.com"]);
///
/// let incoming = acceptor.read_request(stream).await?;
/// if incoming.request().header("Cookie").is_none() {
///     return incoming.reject(Rejection::new(401)).await;
/// }
/// let ws = incoming.header("X-Served-By", "wscodec").accept().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Acceptor<'p> {
    /// Origins, hosts, subprotocols and compression.
    pub policy: Policy<'p>,
    /// How each connection behaves.
    pub options: ConnectionOptions,
}

impl<'p> Acceptor<'p> {
    /// Reads the request, and accepts or rejects it by the policy. On a `TcpStream`, small messages
    /// are then sent without delay (`TCP_NODELAY`).
    ///
    /// Cancel safe: as [`accept`].
    ///
    /// # Errors
    /// [`Error::Fault`] with the rule that the request breaks: the client was told, as
    /// [`Rejection::of`] does. [`Error::Io`].
    pub fn accept<S>(&self, stream: S) -> Boxed<'_, WebSocket<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Box::pin(async move {
            let incoming = read_request(stream, self.policy, &self.options).await?;
            incoming.accept_now().await
        })
    }

    /// Reads the request, for a caller who decides by itself. A request that breaks a rule of
    /// RFC 6455, or that the policy does not grant, is rejected at once.
    ///
    /// Cancel safe: as [`accept`].
    ///
    /// # Errors
    /// As for [`accept`](Self::accept).
    pub fn read_request<S>(&self, stream: S) -> Boxed<'_, Incoming<'p, S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Box::pin(read_request(stream, self.policy, &self.options))
    }
}

/// A client's request that keeps the rules and that the policy grants, and that was not answered yet.
#[derive(Debug)]
#[must_use = "the request is not answered"]
pub struct Incoming<'p, S> {
    stream: S,
    /// The request, and what came behind it.
    bytes: Vec<u8>,
    policy: Policy<'p>,
    options: ConnectionOptions,
    protocol: Option<Option<String>>,
    headers: Vec<(String, String)>,
    until: Option<Instant>,
}

impl<S> Incoming<'_, S> {
    /// The request.
    pub fn request(&self) -> UpgradeRequest<'_> {
        match UpgradeRequest::parse(&self.bytes, &self.options.session.limits) {
            Ok(Some(request)) => request,
            _ => unreachable!("the same bytes were read before"),
        }
    }

    /// The stream.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Chooses another of the subprotocols that the client offers, or none, instead of the policy's
    /// choice. One that the client did not offer makes [`accept`](Self::accept) fail.
    pub fn protocol(mut self, protocol: Option<&str>) -> Self {
        self.protocol = Some(protocol.map(str::to_owned));
        self
    }

    /// Adds a header to the answer. One that is not allowed makes [`accept`](Self::accept) fail.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl<'p, S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Incoming<'p, S> {
    /// Accepts the request.
    ///
    /// Cancel safe: as [`accept`].
    ///
    /// # Errors
    /// [`Error::Misuse`] if the answer is not allowed: the client is answered with 500 then.
    /// [`Error::Io`].
    pub fn accept(self) -> Boxed<'p, WebSocket<S>> {
        Box::pin(self.accept_now())
    }

    async fn accept_now(mut self) -> Result<WebSocket<S>, Error> {
        let mut out = Vec::new();
        match self.answer(&mut out) {
            Ok((session, agreed, head_len)) => {
                let written = within(self.until, write(&mut self.stream, &out)).await;
                written.ok_or_else(too_slow)??;
                let rest = &self.bytes[head_len..];
                let ws = WebSocket::from_session(
                    self.stream,
                    session,
                    Role::Server,
                    rest,
                    &self.options,
                );
                Ok(ws.agreed(agreed))
            }
            Err(error) => {
                self.tell(&error).await;
                Err(error)
            }
        }
    }

    /// Rejects the request.
    ///
    /// Cancel safe: a future that is dropped closes the stream; the client may have got a part of the
    /// answer.
    ///
    /// # Errors
    /// [`Error::Misuse`] if the rejection is not allowed, and [`Error::Io`].
    pub async fn reject(mut self, rejection: Rejection<'_>) -> Result<(), Error> {
        let mut out = Vec::new();
        rejection.write(&mut out)?;
        let telling = refuse(&mut self.stream, &out, &self.options);
        Ok(telling.await?)
    }

    fn answer(&self, out: &mut Vec<u8>) -> Result<(SharedSession, Agreed, usize), Error> {
        let request = self.request();
        let mut upgrade = self.policy.judge(&request)?;
        if let Some(protocol) = &self.protocol {
            upgrade.choose_protocol(protocol.as_deref())?;
        }
        let headers = self.headers.iter();
        let headers: Vec<_> = headers.map(|(name, value)| (&**name, &**value)).collect();
        upgrade.accept().headers(&headers).write(out)?;
        let agreed = Agreed {
            protocol: upgrade.protocol().map(str::to_owned),
            deflate: upgrade.deflate(),
            response: Vec::new(),
        };
        let deflate = agreed.deflate.as_ref().zip(self.policy.deflate.as_ref());
        let session = session(Role::Server, Keys::none(), deflate, &self.options);
        let head_len = request.head_len();
        Ok((session.with_offset(head_len as u64), agreed, head_len))
    }

    /// Tells the client why its request is not accepted, if there is a status for it.
    async fn tell(&mut self, error: &Error) {
        tell(&mut self.stream, error, &self.options).await;
    }
}

async fn read_request<'p, S>(
    stream: S,
    policy: Policy<'p>,
    options: &ConnectionOptions,
) -> Result<Incoming<'p, S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    set_nodelay(&stream);
    let time = options.handshake_timeout;
    let mut incoming = Incoming {
        stream,
        bytes: Vec::new(),
        policy,
        options: *options,
        protocol: None,
        headers: Vec::new(),
        until: time.and_then(|time| Instant::now().checked_add(time)),
    };
    let until = incoming.until;
    let read = within(
        until,
        read_head(
            &mut incoming.stream,
            &mut incoming.bytes,
            &options.session.limits,
        ),
    )
    .await;
    let result = match read {
        Some(Ok(())) => {
            let request = incoming.request();
            incoming
                .policy
                .judge(&request)
                .map(drop)
                .map_err(Error::from)
        }
        Some(Err(error)) => Err(error),
        None => Err(too_slow()),
    };
    match result {
        Ok(()) => Ok(incoming),
        Err(error) => {
            incoming.tell(&error).await;
            Err(error)
        }
    }
}

/// Reads until the request's head is whole.
async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    bytes: &mut Vec<u8>,
    limits: &Limits,
) -> Result<(), Error> {
    let mut reader = UpgradeRequestReader::new(limits);
    while reader.read(bytes)?.is_none() {
        if read_more(stream, bytes).await? == 0 {
            let offset = bytes.len() as u64;
            return Err(ErrorKind::from(PeerError::UnexpectedEof).at(offset).into());
        }
    }
    Ok(())
}

/// Appends what one read gives.
pub(crate) async fn read_more<S: AsyncRead + Unpin>(
    stream: &mut S,
    bytes: &mut Vec<u8>,
) -> std::io::Result<usize> {
    bytes.reserve(STEP);
    stream.read_buf(bytes).await
}

pub(crate) async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

pub(crate) fn too_slow() -> Error {
    ErrorKind::from(LimitError::HandshakeTooSlow).into()
}

/// The result of `future`, or `None` if the time is over before. Without a runtime of tokio there is
/// no time.
pub(crate) async fn within<F: Future>(until: Option<Instant>, future: F) -> Option<F::Output> {
    match until {
        Some(until) if Handle::try_current().is_ok() => {
            tokio::time::timeout_at(until, future).await.ok()
        }
        _ => Some(future.await),
    }
}

/// Small messages are sent without delay.
pub(crate) fn set_nodelay<S: 'static>(stream: &S) {
    if let Some(stream) = (stream as &dyn Any).downcast_ref::<TcpStream>() {
        let _ = stream.set_nodelay(true);
    }
}

/// The session of a connection, with engines that the connections of a thread share.
pub(crate) fn session(
    role: Role,
    keys: Keys,
    deflate: Option<(&AgreedDeflate, &DeflateOptions)>,
    options: &ConnectionOptions,
) -> SharedSession {
    let (inbound, outbound) = match deflate {
        Some((agreed, deflate)) => (
            Some(Box::new(Decompressor::with_engine(
                agreed.receive,
                &options.session.limits,
            ))),
            Some(Box::new(Compressor::with_engine(agreed.send, deflate))),
        ),
        None => (None, None),
    };
    SharedSession::new(role, keys, inbound, outbound, &options.session)
}

async fn tell<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    error: &Error,
    options: &ConnectionOptions,
) {
    let rejection = match error {
        Error::Fault(fault) => Rejection::of(*fault),
        Error::Misuse(_) => Some(Rejection::new(500)),
        _ => None,
    };
    let mut out = Vec::new();
    if rejection.is_some_and(|rejection| rejection.write(&mut out).is_ok()) {
        // The error is told to the caller, whether the client gets it or not.
        let _ = refuse(stream, &out, options).await;
    }
}

/// Writes a rejection, ends our side of the stream, and drops what the client still sends: bytes that
/// nobody has read would make the system reset the connection, and the client would not see the
/// rejection.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    out: &[u8],
    options: &ConnectionOptions,
) -> std::io::Result<()> {
    let until = Instant::now().checked_add(options.session.close_timeout);
    let telling = async {
        write(stream, out).await?;
        stream.shutdown().await?;
        let mut bytes = [0; STEP];
        while let Ok(1..) = stream.read(&mut bytes).await {}
        Ok(())
    };
    within(until, telling).await.unwrap_or(Ok(()))
}
