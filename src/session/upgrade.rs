//! A server's decision on a request: host, origin, subprotocol and extensions in one step.
//!
//! Browsers let any page open a WebSocket to any host, with the user's cookies, and no preflight
//! asks first (RFC 6455 §10.2). So the default is the strict one: pages of the same host and port,
//! and programs that send no `Origin`. The order matters. The host is checked before the origin,
//! because the same-host rule compares the two, and a page that reached this server by DNS rebinding
//! has chosen both (see [`Policy::allowed_hosts`]). Both are checked before anything is negotiated,
//! so a rejected request costs no memory for compression. Nothing is written here: the caller may
//! still reject the request, and a header of the caller's that is not allowed must not leave half
//! an answer behind.

#[cfg(feature = "deflate")]
use alloc::boxed::Box;

use super::{In, Out, Session, SessionOptions};
#[cfg(feature = "deflate")]
use super::{PooledIn, PooledOut};
use crate::error::{Fault, MisuseError};
use crate::frame::Role;
use crate::handshake::{Accept, Origin, UpgradeRequest};
use crate::message::Unmasked;

#[cfg(feature = "deflate")]
use crate::deflate;

/// The requests that a server grants.
///
/// ```
/// use wscodec::Limits;
/// use wscodec::handshake::{Origin, UpgradeRequest};
/// use wscodec::session::{SessionOptions, Policy};
///
/// let policy = Policy {
///     protocols: &["v2.chat", "v1.chat"],
///     origin: Origin::List(&["https://example.com"]),
///     ..Policy::DEFAULT
/// };
///
/// let bytes = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
///     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v1.chat\r\n\
///     Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
/// let request = UpgradeRequest::parse(bytes, &Limits::DEFAULT)?.expect("a whole head");
/// let upgrade = policy.judge(&request)?;
/// assert_eq!(upgrade.protocol(), Some("v1.chat"));
///
/// let mut out = Vec::new();
/// upgrade.accept().headers(&[("Set-Cookie", "id=1")]).write(&mut out)?;
/// let mut session = upgrade.session(&SessionOptions::default());
/// session.sender().text("welcome", &mut out)?;
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
///
/// End a literal with `..Policy::DEFAULT`: later versions add fields, and `deflate` exists only with
/// the feature of that name.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The pages from which browsers may connect. The default accepts pages from the same host and
    /// port, and clients that are not browsers.
    pub origin: Origin<'a>,
    /// The hosts under which clients reach this server, such as `"example.com"` or
    /// `"127.0.0.1:9001"`; [`UpgradeRequest::check_host`] says how they are compared. The default is
    /// `None`: any host.
    ///
    /// [`Origin::SameHost`] alone does not protect a server that trusts its network: one on a
    /// developer's machine, in a home or in an intranet. An attacker who owns `evil.example` lets
    /// the name point at his own server, has the victim's browser load a page from it, and then
    /// changes the name's address to the victim's server (DNS rebinding). To the browser, the page
    /// and the WebSocket have the same host, so it sends `Host: evil.example` and
    /// `Origin: http://evil.example`, and the same-host rule is kept. The attacker cannot change
    /// that the host is his own. A list of the names and addresses that the server is meant to be
    /// reached by rejects the request with 421. TLS gives the same protection, because the server
    /// has no certificate for `evil.example`.
    pub allowed_hosts: Option<&'a [&'a str]>,
    /// The subprotocols that the server supports. The server chooses the first of the client's list
    /// that is in this list (RFC 6455 §4.2.2). The default is none.
    pub protocols: &'a [&'a str],
    /// The compression, if the client offers it. The default is that of [`deflate::DeflateOptions`];
    /// `None` never compresses.
    #[cfg(feature = "deflate")]
    pub deflate: Option<deflate::DeflateOptions>,
}

impl Policy<'_> {
    /// The defaults as a constant.
    pub const DEFAULT: Self = Self {
        origin: Origin::SameHost,
        allowed_hosts: None,
        protocols: &[],
        #[cfg(feature = "deflate")]
        deflate: Some(deflate::DeflateOptions::DEFAULT),
    };

    /// Returns a policy that never agrees on compression.
    #[must_use]
    pub fn without_compression(self) -> Self {
        Self {
            #[cfg(feature = "deflate")]
            deflate: None,
            ..self
        }
    }

    /// Decides on a request. Nothing is sent: the caller may look at the request too, and still
    /// reject it.
    ///
    /// # Errors
    /// [`HandshakeError::HostNotAllowed`](crate::HandshakeError::HostNotAllowed) and
    /// [`HandshakeError::Origin`](crate::HandshakeError::Origin).
    /// [`Rejection::of`](crate::handshake::Rejection::of) makes the response.
    pub fn judge<'r>(&self, request: &'r UpgradeRequest<'r>) -> Result<Upgrade<'r>, Fault> {
        if let Some(allowed) = self.allowed_hosts {
            request.check_host(allowed)?;
        }
        request.check_origin(self.origin)?;
        #[cfg(feature = "deflate")]
        let accepted = self.deflate.and_then(|config| {
            let accepted = config.accept(request.extensions())?;
            Some(Deflate {
                config,
                agreed: accepted.agreed,
                header: accepted.header(),
            })
        });
        Ok(Upgrade {
            request,
            protocol: request.select_protocol(self.protocols),
            #[cfg(feature = "deflate")]
            deflate: accepted,
        })
    }
}

impl Default for Policy<'_> {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(feature = "deflate")]
#[derive(Clone, Copy, Debug)]
struct Deflate {
    config: deflate::DeflateOptions,
    agreed: deflate::AgreedDeflate,
    header: deflate::HeaderValue,
}

/// A request that a [`Policy`] grants.
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is answered yet"]
pub struct Upgrade<'r> {
    request: &'r UpgradeRequest<'r>,
    protocol: Option<&'r str>,
    #[cfg(feature = "deflate")]
    deflate: Option<Deflate>,
}

impl<'r> Upgrade<'r> {
    /// The chosen subprotocol.
    pub fn protocol(&self) -> Option<&'r str> {
        self.protocol
    }

    /// Chooses another subprotocol of those that the client offered, or none.
    ///
    /// # Errors
    /// [`MisuseError::ProtocolNotOffered`] if the client did not offer it. The choice does not change
    /// then.
    pub fn choose_protocol(&mut self, protocol: Option<&str>) -> Result<(), MisuseError> {
        self.protocol = match protocol {
            None => None,
            Some(name) => {
                let offered = self.request.protocols().find(|offered| *offered == name);
                Some(offered.ok_or(MisuseError::ProtocolNotOffered)?)
            }
        };
        Ok(())
    }

    /// Rejects the client's offer of compression.
    pub fn leave_out_compression(&mut self) {
        #[cfg(feature = "deflate")]
        {
            self.deflate = None;
        }
    }

    /// The agreed compression parameters; `None` without compression.
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<deflate::AgreedDeflate> {
        self.deflate.map(|deflate| deflate.agreed)
    }

    /// The response. The caller may add headers before it [writes](crate::handshake::Accept::write)
    /// it.
    pub fn accept(&self) -> Accept<'_> {
        let mut accept = self.request.accept();
        if let Some(protocol) = self.protocol {
            accept = accept.protocol(protocol);
        }
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &self.deflate {
            accept = accept.extensions(deflate.header.as_str());
        }
        accept
    }

    /// Creates the session that begins after the request and the response. Its offsets continue from
    /// there.
    pub fn session(&self, config: &SessionOptions) -> Session<Unmasked, In, Out> {
        let (inbound, outbound) = self.coders(config);
        Session::new(Role::Server, Unmasked, inbound, outbound, config)
            .with_offset(self.request.head_len() as u64)
    }

    /// The agreed extensions.
    pub(crate) fn coders(&self, config: &SessionOptions) -> (In, Out) {
        #[cfg(feature = "deflate")]
        if let Some(it) = &self.deflate {
            let decompressor = deflate::Decompressor::new(&it.agreed, &config.limits);
            let compressor = deflate::Compressor::new(&it.agreed, &it.config);
            return (decompressor.into(), compressor.into());
        }
        let _ = config;
        (In::default(), Out::default())
    }

    /// Like [`session`](Self::session), with the engines of a [`DeflatePool`](deflate::DeflatePool),
    /// which the connections of a thread share.
    #[cfg(feature = "deflate")]
    pub fn session_from(
        &self,
        pool: &deflate::DeflatePool,
        config: &SessionOptions,
    ) -> Session<Unmasked, PooledIn, PooledOut> {
        let (inbound, outbound) = match &self.deflate {
            Some(it) => (
                Some(Box::new(pool.decompressor(&it.agreed, &config.limits))),
                Some(Box::new(pool.compressor(&it.agreed, &it.config))),
            ),
            None => (None, None),
        };
        Session::new(Role::Server, Unmasked, inbound, outbound, config)
            .with_offset(self.request.head_len() as u64)
    }
}
