//! Opening a connection, as a client (RFC 6455 §4.1).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Instant;

use super::connection::{IoSession, Negotiated};
use super::head::Head;
use super::hooks::Look;
use super::line::{Line, read};
use super::random::nonce;
use super::{
    Buffers, Cancel, ClientStream, ClientTls, ConnectHooks, Connection, ConnectionOptions, Error,
    Keys, Rejected, Transport, Url,
};
#[cfg(feature = "deflate")]
use crate::deflate;
use crate::error::{HandshakeError, MisuseError};
use crate::frame::Role;
use crate::handshake::{BodyReader, UpgradeResponse};
use crate::session::{Connect, Session};

/// Bytes of a rejection's body that are read at most.
const BODY: usize = 16 << 10;
/// How long a rejection's body is waited for at most.
const BODY_TIME: Duration = Duration::from_secs(2);

/// Opens connections: what to ask for, and how they then behave.
///
/// ```no_run
/// use std::time::Duration;
/// use wscodec::io::Connector;
///
/// let connector = Connector {
///     protocols: &["v2.chat", "v1.chat"],
///     headers: &[("Authorization", "Bearer 1234")],
///     connect_timeout: Some(Duration::from_secs(5)),
///     ..Connector::DEFAULT
/// };
/// let ws = connector.connect("ws://127.0.0.1:9001/chat")?;
/// println!("{:?}", ws.protocol());
/// # Ok::<(), wscodec::io::Error>(())
/// ```
///
/// Redirects are not followed: the [`Rejected`] says where they lead.
///
/// A literal ends with `..Connector::DEFAULT`, because fields are added with time, and `deflate` is there
/// with the feature of that name only.
#[derive(Clone, Copy, Debug)]
pub struct Connector<'a> {
    /// The subprotocols to offer, most wanted first.
    pub protocols: &'a [&'a str],
    /// Further headers, as pairs of name and value: `Origin`, `Cookie`, `Authorization`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The value to send as `Host`, in place of the URL's host and port.
    pub host: Option<&'a str>,
    /// Where to connect to, in place of the URL's host and port.
    pub address: Option<SocketAddr>,
    /// How long connecting may take, for each address that the name has. Default: as long as the
    /// system tries.
    pub connect_timeout: Option<Duration>,
    /// How to speak TLS to the hosts of `wss:` URLs. `None`, which is the default, trusts the
    /// authorities that the system trusts. With feature `tls`.
    pub tls: Option<&'a ClientTls>,
    /// Extensions of the caller's to offer, as a value of `Sec-WebSocket-Extensions`
    /// ([`extension_list`](crate::handshake::extension_list) writes one), in place of compression. If the
    /// server chooses one, [`ConnectHooks::response`] gives the two sides of it. Empty for none.
    pub extensions: &'a str,
    /// Cancels attempts from another thread.
    pub cancel: Option<&'a Cancel>,
    /// The compression to offer; `None` for none. Default: with the defaults.
    #[cfg(feature = "deflate")]
    pub deflate: Option<deflate::DeflateOptions>,
    /// The options of each connection.
    pub options: ConnectionOptions,
}

impl Connector<'_> {
    /// The defaults, in a constant.
    pub const DEFAULT: Self = Self {
        protocols: &[],
        headers: &[],
        host: None,
        address: None,
        connect_timeout: None,
        tls: None,
        extensions: "",
        cancel: None,
        #[cfg(feature = "deflate")]
        deflate: Some(deflate::DeflateOptions::DEFAULT),
        options: ConnectionOptions::DEFAULT,
    };

    /// The same without an offer to compress.
    #[must_use]
    pub fn without_compression(self) -> Self {
        Self {
            #[cfg(feature = "deflate")]
            deflate: None,
            ..self
        }
    }

    /// Connects over TCP to a `ws:` URL, and over TLS to a `wss:` URL. The handshake of TLS counts as
    /// a part of the opening handshake. Small messages are then sent without delay (`TCP_NODELAY`).
    ///
    /// # Errors
    /// [`MisuseError::Url`]; [`MisuseError::NoTls`] for `wss:` without the feature `tls`.
    /// [`Error::Io`], of the kind [`InvalidData`](io::ErrorKind::InvalidData) if the server's certificate
    /// is not trusted or the server breaks a rule of TLS; [`Error::Rejected`] if the server did not
    /// switch protocols; [`Error::Fault`] if its answer breaks a rule.
    pub fn connect(&self, url: &str) -> Result<Connection<ClientStream>, Error> {
        let url = Url::parse(url)?;
        let (stream, until) = self.connected(&url)?;
        let hooks = &mut Look(Some(|_: &UpgradeResponse<'_>| Ok(())));
        let buffers = &mut Buffers::default();
        self.open(stream, Transport::client(), &url, until, buffers, hooks)
    }

    /// The stream that [`connect`](Self::connect) makes, by itself: TCP for a `ws:` URL, TLS over TCP for
    /// a `wss:` URL. For [`connect_hooked`](Self::connect_hooked):
    ///
    /// ```no_run
    /// use wscodec::io::{Buffers, ConnectHooks, Connector, Transport, Url};
    ///
    /// struct Print;
    ///
    /// impl ConnectHooks for Print {
    ///     fn request(&mut self, request: &[u8]) {
    ///         print!("{}", String::from_utf8_lossy(request));
    ///     }
    /// }
    ///
    /// let (url, connector) = ("wss://example.com/chat", Connector::DEFAULT);
    /// let stream = connector.stream(&Url::parse(url)?)?;
    /// let transport = Transport { secure: stream.is_secure(), ..Transport::client() };
    /// let buffers = &mut Buffers::default();
    /// let ws = connector.connect_hooked(stream, transport, url, buffers, &mut Print)?;
    /// # Ok::<(), wscodec::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MisuseError::NoTls`], [`Error::Io`], [`Error::Cancelled`].
    pub fn stream(&self, url: &Url) -> Result<ClientStream, Error> {
        self.connected(url).map(|(stream, _)| stream)
    }

    /// The stream, and when the opening handshake must be done.
    fn connected(&self, url: &Url) -> Result<(ClientStream, Option<Instant>), Error> {
        let tls = match (url.is_secure(), self.tls) {
            (false, _) => None,
            (true, Some(tls)) => Some(tls),
            (true, None) => Some(ClientTls::system()?),
        };
        let socket = self.dial(url)?;
        let until = self.until();
        let Some(tls) = tls else {
            return Ok((socket.into(), until));
        };
        let stream = match self.cancel {
            Some(cancel) => {
                let (tls, host) = (tls.clone(), String::from(url.host()));
                cancel.wait_for(move || ClientStream::secure(socket, &tls, &host, until))?
            }
            None => ClientStream::secure(socket, tls, url.host(), until)?,
        };
        Ok((stream, until))
    }

    /// When the opening handshake must be done, if it begins now.
    fn until(&self) -> Option<Instant> {
        let time = self.options.handshake_timeout?;
        Instant::now().checked_add(time)
    }

    /// The TCP connection that [`connect`](Self::connect) makes, by itself: to be wrapped, in TLS
    /// for example.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Cancelled`].
    pub fn dial(&self, url: &Url) -> Result<TcpStream, Error> {
        let (address, timeout) = (self.address, self.connect_timeout);
        let stream = match self.cancel {
            Some(cancel) => {
                let (host, port) = (String::from(url.host()), url.port());
                cancel.wait_for(move || find_and_open(address, (&host, port), timeout))?
            }
            None => find_and_open(address, (url.host(), url.port()), timeout)?,
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Asks for a WebSocket over a stream that is connected already, and encrypted if the URL is a
    /// `wss:` URL.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect); [`MisuseError::NotEncrypted`] for a `wss:` URL, unless the
    /// transport [is secure](Transport::secure).
    pub fn connect_over<S: Read + Write>(
        &self,
        stream: S,
        transport: Transport<S>,
        url: &str,
    ) -> Result<Connection<S>, Error> {
        self.connect_with(stream, transport, url, |_| Ok(()))
    }

    /// As [`connect_over`](Self::connect_over), with a look at the answer, after it was checked: at
    /// its headers, such as `Set-Cookie`.
    ///
    /// # Errors
    /// As for [`connect_over`](Self::connect_over), and what `look` gives: the stream is dropped then.
    pub fn connect_with<S: Read + Write>(
        &self,
        stream: S,
        transport: Transport<S>,
        url: &str,
        look: impl FnOnce(&UpgradeResponse<'_>) -> Result<(), Error>,
    ) -> Result<Connection<S>, Error> {
        let hooks = &mut Look(Some(look));
        self.connect_hooked(stream, transport, url, &mut Buffers::default(), hooks)
    }

    /// As [`connect_over`](Self::connect_over), with a look at each step of the handshake, and with the
    /// memory of a connection that is over. Of the buffers nothing is left, unless this fails.
    ///
    /// # Errors
    /// As for [`connect_over`](Self::connect_over), [`Error::Cancelled`], and what the hooks give.
    pub fn connect_hooked<S: Read + Write>(
        &self,
        stream: S,
        transport: Transport<S>,
        url: &str,
        buffers: &mut Buffers,
        hooks: &mut impl ConnectHooks,
    ) -> Result<Connection<S>, Error> {
        let url = Url::parse(url)?;
        if url.is_secure() && !transport.secure {
            return Err(MisuseError::NotEncrypted.into());
        }
        self.open(stream, transport, &url, self.until(), buffers, hooks)
    }

    fn open<S: Read + Write>(
        &self,
        stream: S,
        transport: Transport<S>,
        url: &Url,
        until: Option<Instant>,
        buffers: &mut Buffers,
        hooks: &mut impl ConnectHooks,
    ) -> Result<Connection<S>, Error> {
        let mut line = Line::new(stream, transport, &self.options);
        line.use_buffers(buffers);
        line.stall = self.options.handshake_timeout;
        let mut head = Head::new(&self.options, buffers);
        let begun = self.handshake(&mut line, &mut head, until, url, hooks);
        let (taken, session, agreed) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                (buffers.input, buffers.fragment) = (head.into_bytes(), line.part);
                buffers.output = line.out;
                return Err(error);
            }
        };
        line.stall = self.options.write_timeout;
        line.set_read_timeout(None)?;
        let mut ws = Connection::begin(line, session, head.rest(taken), &self.options);
        ws.use_message_buffer(buffers);
        ws.agreed = agreed;
        Ok(ws)
    }

    /// Sends the request, and reads the answer; how many bytes the answer took.
    fn handshake<S: Read + Write>(
        &self,
        line: &mut Line<S>,
        head: &mut Head,
        until: Option<Instant>,
        url: &Url,
        hooks: &mut impl ConnectHooks,
    ) -> Result<(usize, IoSession, Negotiated), Error> {
        let options = &self.options;
        let path = url.path();
        let host = self.host.unwrap_or(url.authority());
        let connect = Connect::new(host, path, nonce()?)
            .protocols(self.protocols)
            .headers(self.headers)
            .extensions(self.extensions)
            .limits(&options.session.limits);
        #[cfg(feature = "deflate")]
        let connect = connect.deflate(self.deflate);
        let mut connect = connect;
        connect.write(&mut line.out)?;
        hooks.request(&line.out);
        line.flush()?;
        loop {
            let error = match connect.read_with(head.received(), |line| hooks.line(line)) {
                Ok(Some(connected)) => {
                    let extension = hooks.response(connected.response())?;
                    let keys = match options.dangerously_zero_masks {
                        true => Keys::dangerously_zero(),
                        false => Keys::random()?,
                    };
                    let session = match extension {
                        Some((inbound, outbound)) => {
                            let (role, config) = (Role::Client, &options.session);
                            Session::new(role, keys, inbound, outbound, config)
                                .with_offset(connected.head_len() as u64)
                        }
                        None => connected.session(keys, &options.session),
                    };
                    let agreed = Negotiated {
                        protocol: connected.response().protocol().map(Box::from),
                        #[cfg(feature = "deflate")]
                        deflate: connected.deflate(),
                    };
                    return Ok((connected.head_len(), session, agreed));
                }
                Ok(None) => {
                    match self.cancel {
                        Some(cancel) => cancel.read_head(head, line, until)?,
                        None => head.read(line, until)?,
                    }
                    continue;
                }
                Err(error) => error,
            };
            let Error::Fault(fault) = &error else {
                return Err(error);
            };
            if fault.error != HandshakeError::Status.into() {
                return Err(error);
            }
            let Some((response, rest)) = connect.rejection(head.received()) else {
                return Err(error);
            };
            let (status, mut bytes) = (response.status(), response.head().to_vec());
            read_body(line, until, BodyReader::new(&response), rest, &mut bytes);
            return Err(Error::Rejected(Box::new(Rejected::new(bytes, status))));
        }
    }
}

impl Default for Connector<'_> {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Connects to this address, or to one that the name has.
fn find_and_open(
    address: Option<SocketAddr>,
    name: (&str, u16),
    timeout: Option<Duration>,
) -> io::Result<TcpStream> {
    match address {
        Some(address) => open(&[address], timeout),
        None => {
            let addresses: Vec<_> = name.to_socket_addrs()?.collect();
            open(&addresses, timeout)
        }
    }
}

/// Connects to the first address that answers.
fn open(addresses: &[SocketAddr], timeout: Option<Duration>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        let stream = match timeout {
            Some(time) => TcpStream::connect_timeout(address, time),
            None => TcpStream::connect(address),
        };
        match stream {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Appends the beginning of a rejection's body. An error on the way ends it: the rejection is worth more
/// than the rest of its body.
///
/// The wait is short, because a server may keep the connection open behind a body that has no other
/// end. A stream without time-outs is not read for such a body.
fn read_body<S: Read + Write>(
    line: &mut Line<S>,
    until: Option<Instant>,
    mut body: BodyReader,
    rest: &[u8],
    bytes: &mut Vec<u8>,
) {
    let soon = Instant::now().checked_add(BODY_TIME);
    let until = until.into_iter().chain(soon).min();
    let most = bytes.len() + BODY;
    let mut buffer = [0; 1024];
    let mut input = rest;
    loop {
        while let Some(piece) = body.read(&mut input) {
            let room = most - bytes.len();
            bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        if body.is_done() || bytes.len() == most {
            return;
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match line.set_read_timeout(left) {
            Ok(true) if left != Some(Duration::ZERO) => {}
            Ok(false) if body.has_end() => {}
            _ => return,
        }
        match read(&mut line.stream, &mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => input = &buffer[..n],
        }
    }
}
