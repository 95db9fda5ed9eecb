//! Opening a connection, as a client (RFC 6455 §4.1).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Instant;

use super::connection::{IoSession, Negotiated};
use super::head::{Head, Input};
use super::line::{Line, read};
use super::random::nonce;
use super::{
    ClientStream, ClientTls, Connection, ConnectionOptions, Error, Keys, Rejected, Transport, Url,
};
#[cfg(feature = "deflate")]
use crate::deflate;
use crate::error::{HandshakeError, MisuseError};
use crate::handshake::{BodyReader, UpgradeResponse};
use crate::session::Connect;

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
/// let mut connector = Connector::default();
/// connector.protocols = &["v2.chat", "v1.chat"];
/// connector.headers = &[("Authorization", "Bearer 1234")];
/// connector.connect_timeout = Some(Duration::from_secs(5));
/// let ws = connector.connect("ws://127.0.0.1:9001/chat")?;
/// println!("{:?}", ws.protocol());
/// # Ok::<(), wscodec::io::Error>(())
/// ```
///
/// Redirects are not followed: the [`Rejected`] says where they lead.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
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
        #[cfg(feature = "deflate")]
        deflate: Some(deflate::DeflateOptions::DEFAULT),
        options: ConnectionOptions::DEFAULT,
    };

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
        let tls = match (url.is_secure(), self.tls) {
            (false, _) => None,
            (true, Some(tls)) => Some(tls),
            (true, None) => Some(ClientTls::system()?),
        };
        let socket = self.dial(&url)?;
        let until = self.until();
        let stream = match tls {
            Some(tls) => ClientStream::secure(socket, tls, url.host(), until)?,
            None => socket.into(),
        };
        self.open(stream, Transport::client(), &url, until, |_| Ok(()))
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
    /// [`Error::Io`].
    pub fn dial(&self, url: &Url) -> Result<TcpStream, Error> {
        let stream = match self.address {
            Some(address) => open(&[address], self.connect_timeout)?,
            None => {
                let addresses: Vec<_> = (url.host(), url.port()).to_socket_addrs()?.collect();
                open(&addresses, self.connect_timeout)?
            }
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
        let url = Url::parse(url)?;
        if url.is_secure() && !transport.secure {
            return Err(MisuseError::NotEncrypted.into());
        }
        self.open(stream, transport, &url, self.until(), look)
    }

    fn open<S: Read + Write>(
        &self,
        stream: S,
        transport: Transport<S>,
        url: &Url,
        until: Option<Instant>,
        look: impl FnOnce(&UpgradeResponse<'_>) -> Result<(), Error>,
    ) -> Result<Connection<S>, Error> {
        let mut line = Line::new(stream, transport, &self.options);
        line.stall = self.options.handshake_timeout;
        let (session, input, agreed) = self.handshake(&mut line, until, url, look)?;
        line.stall = self.options.write_timeout;
        line.set_read_timeout(None)?;
        let mut ws = Connection::begin(line, session, input, &self.options);
        ws.agreed = agreed;
        Ok(ws)
    }

    fn handshake<S: Read + Write>(
        &self,
        line: &mut Line<S>,
        until: Option<Instant>,
        url: &Url,
        look: impl FnOnce(&UpgradeResponse<'_>) -> Result<(), Error>,
    ) -> Result<(IoSession, Input, Negotiated), Error> {
        let options = &self.options;
        let path = url.path();
        let host = self.host.unwrap_or(url.authority());
        let connect = Connect::new(host, path, nonce()?)
            .protocols(self.protocols)
            .headers(self.headers)
            .limits(&options.session.limits);
        #[cfg(feature = "deflate")]
        let connect = connect.deflate(self.deflate);
        let mut connect = connect;
        connect.write(&mut line.out)?;
        line.flush()?;
        let mut head = Head::new(options);
        loop {
            let fault = match connect.read(head.received()) {
                Ok(Some(connected)) => {
                    look(connected.response())?;
                    let keys = match options.dangerously_zero_masks {
                        true => Keys::dangerously_zero(),
                        false => Keys::random()?,
                    };
                    let session = connected.session(keys, &options.session);
                    let agreed = Negotiated {
                        protocol: connected.response().protocol().map(Box::from),
                        #[cfg(feature = "deflate")]
                        deflate: connected.deflate(),
                    };
                    let taken = connected.head_len();
                    return Ok((session, head.rest(taken), agreed));
                }
                Ok(None) => {
                    head.read(line, until)?;
                    continue;
                }
                Err(fault) => fault,
            };
            if fault.error != HandshakeError::Status.into() {
                return Err(fault.into());
            }
            let Some((response, rest)) = connect.rejection(head.received()) else {
                return Err(fault.into());
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
