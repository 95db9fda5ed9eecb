//! A server that several commands connect to: over TCP or TLS, directly or through a proxy.

use std::time::{Duration, Instant};

use wscodec::io::{ClientStream, ClientTls, ConnectionOptions, Connector, Error, Url};

use crate::proxy::Proxy;
use crate::tls;

/// The server, and the way to it.
pub(crate) struct Upstream {
    pub(crate) url: Url,
    pub(crate) tls: Option<ClientTls>,
    pub(crate) proxy: Option<Proxy>,
    /// How long connecting may take, and TLS.
    pub(crate) timeout: Duration,
}

impl Upstream {
    /// A stream to the server.
    pub(crate) fn connect(&self) -> Result<ClientStream, Error> {
        let Some(proxy) = &self.proxy else {
            let connector = Connector {
                connect_timeout: Some(self.timeout),
                tls: self.tls.as_ref(),
                options: self.options(),
                ..Connector::DEFAULT
            };
            return connector.stream(&self.url);
        };
        let socket = proxy.dial(&self.url, self.timeout)?;
        socket.set_nodelay(true)?;
        let until = Instant::now().checked_add(self.timeout);
        Ok(match &self.tls {
            None => socket.into(),
            Some(tls) => tls::over(socket, tls, self.url.host(), until)?,
        })
    }

    /// The options of a connection with this server.
    pub(crate) fn options(&self) -> ConnectionOptions {
        ConnectionOptions {
            handshake_timeout: Some(self.timeout),
            ..ConnectionOptions::DEFAULT
        }
    }
}
