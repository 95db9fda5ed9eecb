//! The client's side of the opening handshake (RFC 6455 §4.1).

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

/// The largest number of bytes that are read of a rejection's body.
const BODY: usize = 16 << 10;
/// The longest time that the client waits for a rejection's body.
const BODY_TIME: Duration = Duration::from_secs(2);

/// Opens connections. It has the request's options and the options of the connections.
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
/// The connector does not follow redirects. [`Rejected`] has the `Location` header.
///
/// End a literal with `..Connector::DEFAULT`: later versions add fields, and `deflate` exists only
/// with the feature of that name.
#[derive(Clone, Copy, Debug)]
pub struct Connector<'a> {
    /// The subprotocols to offer, in the order of preference.
    pub protocols: &'a [&'a str],
    /// Additional headers as pairs of name and value, such as `Origin`, `Cookie` and `Authorization`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The value of `Host`. `None` sends the host and port of the URL.
    pub host: Option<&'a str>,
    /// The address to connect to. `None` connects to the host and port of the URL.
    pub address: Option<SocketAddr>,
    /// The longest time for the TCP connection, for each address of the name. `None`, which is the
    /// default, waits as long as the system.
    pub connect_timeout: Option<Duration>,
    /// The TLS configuration for `wss:` URLs. `None`, which is the default, trusts the authorities
    /// that the system trusts. It needs the feature `tls`.
    pub tls: Option<&'a ClientTls>,
    /// The value of `Sec-WebSocket-Extensions` for extensions that the caller implements
    /// ([`extension_list`](crate::handshake::extension_list) writes one), in place of compression. If
    /// the server chooses one, [`ConnectHooks::response`] returns its two sides. The empty text
    /// offers none.
    pub extensions: &'a str,
    /// Cancels attempts to connect from another thread.
    pub cancel: Option<&'a Cancel>,
    /// The compression to offer. `None` offers none. The default offers compression with the default
    /// parameters.
    #[cfg(feature = "deflate")]
    pub deflate: Option<deflate::DeflateOptions>,
    /// The options of each connection.
    pub options: ConnectionOptions,
}

impl Connector<'_> {
    /// The defaults as a constant.
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

    /// Returns a connector that does not offer compression.
    #[must_use]
    pub fn without_compression(self) -> Self {
        Self {
            #[cfg(feature = "deflate")]
            deflate: None,
            ..self
        }
    }

    /// Connects over TCP to a `ws:` URL, and over TLS to a `wss:` URL. The TLS handshake counts as a
    /// part of the opening handshake. The function sets `TCP_NODELAY`, so small messages leave
    /// without delay.
    ///
    /// # Errors
    /// [`MisuseError::Url`] if the URL is not a WebSocket URL. [`MisuseError::NoTls`] for `wss:`
    /// without the feature `tls`. [`Error::Io`] if the transport failed; its kind is
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the server's certificate is not trusted or the
    /// server breaks a rule of TLS. [`Error::Rejected`] if the server did not switch protocols.
    /// [`Error::Fault`] if its response breaks a rule.
    pub fn connect(&self, url: &str) -> Result<Connection<ClientStream>, Error> {
        let url = Url::parse(url)?;
        let (stream, until) = self.connected(&url)?;
        let hooks = &mut Look(Some(|_: &UpgradeResponse<'_>| Ok(())));
        let buffers = &mut Buffers::default();
        self.open(stream, Transport::client(), &url, until, buffers, hooks)
    }

    /// Opens only the stream of [`connect`](Self::connect): TCP for a `ws:` URL, TLS over TCP for a
    /// `wss:` URL. Pass it to [`connect_hooked`](Self::connect_hooked):
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

    /// Opens the stream. Returns it with the deadline of the opening handshake.
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

    /// The deadline of an opening handshake that begins now.
    fn until(&self) -> Option<Instant> {
        let time = self.options.handshake_timeout?;
        Instant::now().checked_add(time)
    }

    /// Opens only the TCP connection of [`connect`](Self::connect), for example to wrap it in TLS.
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

    /// Opens a WebSocket over a connected stream. For a `wss:` URL, the stream must be encrypted.
    ///
    /// # Errors
    /// The errors of [`connect`](Self::connect), and [`MisuseError::NotEncrypted`] for a `wss:` URL
    /// unless the transport [is secure](Transport::secure).
    pub fn connect_over<S: Read + Write>(
        &self,
        stream: S,
        transport: Transport<S>,
        url: &str,
    ) -> Result<Connection<S>, Error> {
        self.connect_with(stream, transport, url, |_| Ok(()))
    }

    /// Like [`connect_over`](Self::connect_over), and calls `look` with the valid response, for
    /// example to read `Set-Cookie`.
    ///
    /// # Errors
    /// The errors of [`connect_over`](Self::connect_over) and those of `look`. The function drops the
    /// stream then.
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

    /// Like [`connect_over`](Self::connect_over), and calls `hooks` in each step of the handshake.
    /// The connection takes the memory of `buffers`, which are empty afterwards unless the function
    /// fails.
    ///
    /// # Errors
    /// The errors of [`connect_over`](Self::connect_over), [`Error::Cancelled`], and the errors of
    /// the hooks.
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

    /// Sends the request and reads the response. Returns the length of the response in bytes.
    fn handshake<S: Read + Write>(
        &self,
        line: &mut Line<S>,
        head: &mut Head,
        until: Option<Instant>,
        url: &Url,
        hooks: &mut impl ConnectHooks,
    ) -> Result<(usize, IoSession, Negotiated), Error> {
        let options = &self.options;
        let path = url.path_and_query();
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

/// Connects to this address, or to an address of the name.
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

/// Appends the beginning of a rejection's body. If reading fails, the function returns the bytes that
/// it has: the rejection is more important than the rest of its body.
///
/// The wait is short, because a server may keep the connection open after a body without a length.
/// The function does not read such a body from a stream without time-outs.
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
