//! Opening a connection, as a client (RFC 6455 §4.1).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
#[allow(unused_imports, reason = "for the documentation")]
use wscodec::MisuseError;
use wscodec::frame::Role;
use wscodec::handshake::BodyReader;
use wscodec::io::{Rejected, Url, nonce};
use wscodec::session::Connect;
use wscodec::{ErrorKind, HandshakeError, PeerError};

use crate::accept::{Boxed, read_more, session, set_nodelay, too_slow, within, write};
use crate::names::{DeflateOptions, Error, Keys};
use crate::options::ConnectionOptions;
use crate::outcome::Agreed;
use crate::proxy::Proxy;
use crate::stream::{BoxStream, ClientStream};
use crate::websocket::WebSocket;

/// Bytes of a rejection's body that are read at most, and how long they are waited for.
const BODY: usize = 16 << 10;
const BODY_TIME: Duration = Duration::from_secs(2);

/// Connects to a `ws:` or `wss:` URL, with the defaults of [`Connector`].
///
/// `wss:` needs the feature `rustls-native-roots` or `rustls-webpki-roots`.
///
/// ```no_run
/// # async fn run() -> Result<(), wscodec_tokio::Error> {
/// use wscodec_tokio::CloseCode;
///
/// let mut ws = wscodec_tokio::connect("ws://127.0.0.1:9001/chat").await?;
/// ws.send("Hello").await?;
/// println!("{:?}", ws.recv().await);
/// ws.close(CloseCode::NORMAL, "").await?;
/// # Ok(())
/// # }
/// ```
///
/// Cancel safe: a future that is dropped closes the connection in whichever stage it is, at the proxy, in TLS
/// or in the handshake; one that is polled later goes on where it was.
///
/// # Errors
/// As for [`Connector::connect`].
pub fn connect(url: impl AsRef<str>) -> Boxed<'static, WebSocket<ClientStream>> {
    let url = Url::parse(url.as_ref());
    Box::pin(async move { Connector::new().connect_to(url?).await })
}

type Connecting = Pin<Box<dyn Future<Output = std::io::Result<BoxStream>> + Send>>;
type Secure = Arc<dyn Fn(String, BoxStream) -> Connecting + Send + Sync>;

/// How a connector gets its proxy.
#[derive(Clone, Debug, Default)]
enum Via {
    #[default]
    Direct,
    Environment,
    Proxy(Proxy),
}

/// Opens connections: what to ask for, which way to take, and how the connections then behave.
///
/// ```no_run
/// use wscodec_tokio::Connector;
///
/// # async fn run() -> Result<(), wscodec_tokio::Error> {
/// let ws = Connector::new()
///     .header("Authorization", "Bearer 1234")
///     .protocol("chat")
///     .proxy_from_env()
///     .redirects(3)
///     .connect("wss://example.com/chat")
///     .await?;
/// println!("{:?}", ws.protocol());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connector {
    protocols: Vec<String>,
    headers: Vec<(String, String)>,
    host: Option<String>,
    address: Option<SocketAddr>,
    deflate: Option<DeflateOptions>,
    options: ConnectionOptions,
    via: Via,
    redirects: u8,
    secure: Option<Secure>,
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers may hold credentials.
        f.debug_struct("Connector")
            .field("protocols", &self.protocols)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Compression is offered with the defaults, there is no proxy, and redirects are not followed.
    pub fn new() -> Self {
        Self {
            protocols: Vec::new(),
            headers: Vec::new(),
            host: None,
            address: None,
            deflate: Some(DeflateOptions::DEFAULT),
            options: ConnectionOptions::DEFAULT,
            via: Via::Direct,
            redirects: 0,
            secure: None,
        }
    }

    /// Offers a subprotocol, after those that were offered before.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Adds a header to the request: `Origin`, `Cookie`, `Authorization`. One that is not allowed makes
    /// connecting fail.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends this as `Host`, in place of the URL's host and port.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Connects to this address, in place of the URL's host and port.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Offers compression with these options; `None` for no compression.
    #[must_use]
    pub fn deflate(mut self, deflate: Option<DeflateOptions>) -> Self {
        self.deflate = deflate;
        self
    }

    /// How connections behave: limits, deadlines, queue.
    #[must_use]
    pub fn options(mut self, options: ConnectionOptions) -> Self {
        self.options = options;
        self
    }

    /// Connects through a proxy.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.via = Via::Proxy(proxy);
        self
    }

    /// Connects through the proxy that the environment names for the URL: see [`Proxy::from_env`].
    #[must_use]
    pub fn proxy_from_env(mut self) -> Self {
        self.via = Via::Environment;
        self
    }

    /// Follows so many redirects (RFC 6455 §4.1, RFC 9110 §15.4). Default: none, the redirect is
    /// [`Error::Rejected`].
    ///
    /// `Authorization` and `Cookie` are sent to the first host and port only, and a redirect never
    /// leads from `wss:` to `ws:`.
    #[must_use]
    pub fn redirects(mut self, most: u8) -> Self {
        self.redirects = most;
        self
    }

    /// Makes the TLS connections for `wss:` URLs: gets the name of the host, and the stream to it.
    ///
    /// ```no_run
    /// use wscodec_tokio::{BoxStream, Connector};
    ///
    /// # async fn tls(host: String, stream: BoxStream) -> std::io::Result<BoxStream> { Ok(stream) }
    /// let connector = Connector::new().secure(|host, stream| async move { tls(host, stream).await });
    /// ```
    #[must_use]
    pub fn secure<F>(
        mut self,
        connect: impl Fn(String, BoxStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = std::io::Result<BoxStream>> + Send + 'static,
    {
        self.secure = Some(Arc::new(move |host, stream| {
            Box::pin(connect(host, stream))
        }));
        self
    }

    /// Uses this configuration of rustls for `wss:` URLs. With the feature `rustls`.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn rustls(self, config: Arc<rustls::ClientConfig>) -> Self {
        self.secure(move |host, stream| crate::tls::connect(Arc::clone(&config), host, stream))
    }

    /// Connects over TCP, and over TLS for `wss:`. Small messages are then sent without delay
    /// (`TCP_NODELAY`).
    ///
    /// Cancel safe: as [`connect`].
    ///
    /// # Errors
    /// [`MisuseError::Url`]; [`MisuseError::NoTls`] for `wss:` where there is no TLS. [`Error::Io`] for the network, the
    /// proxy and TLS. [`Error::Rejected`] if the server did not switch protocols: with its status,
    /// headers and the beginning of the body. [`Error::Fault`] if its answer breaks a rule, or took
    /// longer than [`ConnectionOptions::handshake_timeout`].
    pub fn connect(&self, url: impl AsRef<str>) -> Boxed<'_, WebSocket<ClientStream>> {
        let url = Url::parse(url.as_ref());
        Box::pin(async move { self.connect_to(url?).await })
    }

    /// Asks for a WebSocket over a stream that is connected already, and secure if the URL says so.
    ///
    /// Cancel safe: as [`connect`].
    ///
    /// # Errors
    /// As for [`connect`](Self::connect).
    pub fn connect_on<S>(&self, stream: S, url: impl AsRef<str>) -> Boxed<'_, WebSocket<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let url = Url::parse(url.as_ref());
        Box::pin(async move {
            let (url, until) = (url?, self.until());
            let asking = self.ask(stream, &url, true, until);
            within(until, asking)
                .await
                .unwrap_or_else(|| Err(too_slow()))
        })
    }

    fn until(&self) -> Option<Instant> {
        let time = self.options.handshake_timeout;
        time.and_then(|time| Instant::now().checked_add(time))
    }

    async fn connect_to(&self, first: Url) -> Result<WebSocket<ClientStream>, Error> {
        let until = self.until();
        let mut url = first.clone();
        for left in (0..=self.redirects).rev() {
            let own = url.authority() == first.authority() && url.is_secure() == first.is_secure();
            let asking = async {
                let stream = self.dial(&url, own).await?;
                self.ask(stream, &url, own, until).await
            };
            let result = within(until, asking)
                .await
                .unwrap_or_else(|| Err(too_slow()));
            match &result {
                Err(Error::Rejected(rejected)) if left > 0 => match redirect(&url, rejected) {
                    Some(next) => url = next,
                    None => return result,
                },
                _ => return result,
            }
        }
        Err(HandshakeError::Status.into())
    }

    /// The stream to the URL's host: by the proxy if there is one, and secure if the URL says so.
    async fn dial(&self, url: &Url, own: bool) -> Result<ClientStream, Error> {
        let proxy = match &self.via {
            Via::Direct => None,
            Via::Environment => Proxy::from_env(url)?,
            Via::Proxy(proxy) => Some(proxy.clone()),
        };
        let stream = match (proxy, self.address) {
            (Some(proxy), _) => proxy.dial(url.host(), url.port()).await?,
            (None, Some(address)) if own => TcpStream::connect(address).await?,
            (None, _) => TcpStream::connect((url.host(), url.port())).await?,
        };
        stream.set_nodelay(true)?;
        if !url.is_secure() {
            return Ok(ClientStream::Plain(stream));
        }
        let (host, stream) = (url.host().to_owned(), Box::new(stream));
        let stream = match &self.secure {
            Some(secure) => secure(host, stream).await?,
            None => crate::tls::connect_by_default(host, stream).await?,
        };
        Ok(ClientStream::Boxed(stream))
    }

    /// The opening handshake. `own` says that the URL's host is the one that the headers are meant for.
    async fn ask<S>(
        &self,
        mut stream: S,
        url: &Url,
        own: bool,
        until: Option<Instant>,
    ) -> Result<WebSocket<S>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        set_nodelay(&stream);
        let limits = &self.options.session.limits;
        let protocols: Vec<&str> = self.protocols.iter().map(|it| &**it).collect();
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .filter(|(name, _)| own || !is_secret(name))
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let host = self.host.as_deref().filter(|_| own);
        let mut connect = Connect::new(
            host.unwrap_or(url.authority()),
            url.path_and_query(),
            nonce()?,
        )
        .protocols(&protocols)
        .headers(&headers)
        .limits(limits)
        .deflate(self.deflate);
        let mut out = Vec::new();
        connect.write(&mut out)?;
        write(&mut stream, &out).await?;
        let mut bytes = Vec::new();
        loop {
            let fault = match connect.read(&bytes) {
                Ok(Some(connected)) => {
                    let agreed = Agreed {
                        protocol: connected.response().protocol().map(str::to_owned),
                        deflate: connected.deflate(),
                        response: connected.response().head().to_vec(),
                    };
                    let deflate = agreed.deflate.as_ref().zip(self.deflate.as_ref());
                    let session = session(Role::Client, Keys::random()?, deflate, &self.options);
                    let head_len = connected.head_len();
                    let session = session.with_offset(head_len as u64);
                    let rest = &bytes[head_len..];
                    let ws =
                        WebSocket::from_session(stream, session, Role::Client, rest, &self.options);
                    return Ok(ws.agreed(agreed));
                }
                Ok(None) => {
                    if read_more(&mut stream, &mut bytes).await? == 0 {
                        let offset = bytes.len() as u64;
                        return Err(ErrorKind::from(PeerError::UnexpectedEof).at(offset).into());
                    }
                    continue;
                }
                Err(fault) => fault,
            };
            let rejection = match fault.error == HandshakeError::Status.into() {
                true => connect.rejection(&bytes),
                false => None,
            };
            let Some((response, rest)) = rejection else {
                return Err(fault.into());
            };
            let (status, mut head) = (response.status(), response.head().to_vec());
            let body = BodyReader::new(&response);
            read_body(&mut stream, until, body, rest, &mut head).await;
            return Err(Error::Rejected(Box::new(Rejected::new(head, status))));
        }
    }
}

/// Appends the beginning of a rejection's body. An error on the way ends it: the rejection matters more
/// than the rest of its body. The wait is short, because a server may keep the connection open behind a
/// body that has no other end.
async fn read_body<S: AsyncRead + Unpin>(
    stream: &mut S,
    until: Option<Instant>,
    mut body: BodyReader,
    rest: &[u8],
    bytes: &mut Vec<u8>,
) {
    let most = bytes.len() + BODY;
    let mut take = |mut input: &[u8]| {
        while let Some(piece) = body.read(&mut input) {
            let room = most - bytes.len();
            bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        body.is_done() || bytes.len() == most
    };
    if take(rest) {
        return;
    }
    let soon = Instant::now().checked_add(BODY_TIME);
    // The deadline of the handshake would drop the rejection too.
    let until = until.and_then(|until| until.checked_sub(BODY_TIME / 20));
    let until = until.into_iter().chain(soon).min();
    let reading = async {
        let mut input = Vec::new();
        while let Ok(1..) = read_more(stream, &mut input).await {
            if take(&input) {
                return;
            }
            input.clear();
        }
    };
    let _ = within(until, reading).await;
}

/// Whether a header is for the first host only.
fn is_secret(name: &str) -> bool {
    ["authorization", "cookie", "proxy-authorization"]
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// Where a rejection leads to, if it is a redirect to another WebSocket.
fn redirect(from: &Url, rejected: &Rejected) -> Option<Url> {
    if !matches!(rejected.status(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = rejected.response()?.header("Location")?.to_vec();
    let location = String::from_utf8(location).ok()?;
    let location = location.split('#').next()?;
    let scheme = if from.is_secure() { "wss" } else { "ws" };
    let url = if let Some(rest) = strip_scheme(location, "https:") {
        format!("wss:{rest}")
    } else if let Some(rest) = strip_scheme(location, "http:") {
        format!("ws:{rest}")
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", from.authority())
    } else if location.contains("://") {
        location.to_owned()
    } else {
        // Relative to the folder of the path.
        let path = from.path();
        let folder = &path[..=path.rfind('/')?];
        format!("{scheme}://{}{folder}{location}", from.authority())
    };
    let url = Url::parse(&url).ok()?;
    (url.is_secure() || !from.is_secure()).then_some(url)
}

fn strip_scheme<'u>(url: &'u str, scheme: &str) -> Option<&'u str> {
    let (start, rest) = url.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_web_sockets_only() {
        let to = |from: &str, location: &str| {
            let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n");
            let rejected = Rejected::new(head.into_bytes(), 302);
            let url = redirect(&Url::parse(from).unwrap(), &rejected)?;
            let scheme = if url.is_secure() { "wss" } else { "ws" };
            Some(format!(
                "{scheme}://{}{}",
                url.authority(),
                url.path_and_query()
            ))
        };
        let from = "ws://a:1/x/y?z";
        for (location, expected) in [
            ("/b", "ws://a:1/b"),
            ("b?c", "ws://a:1/x/b?c"),
            ("//b/c", "ws://b/c"),
            ("http://b/c#d", "ws://b/c"),
            ("HTTPS://b/c", "wss://b/c"),
            ("wss://b", "wss://b/"),
        ] {
            assert_eq!(to(from, location).as_deref(), Some(expected), "{location}");
        }
        assert_eq!(to(from, "ftp://b/"), None);
        assert_eq!(to("wss://a/", "http://a/"), None, "never to an open stream");
        assert_eq!(to("wss://a/", "/b").as_deref(), Some("wss://a/b"));
    }
}
