//! Requests of [hyper](https://docs.rs/hyper) 1, and of what is built on it. With the feature `hyper`.
//!
//! A complete server without other crates around hyper is in the example `tokio_hyper`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use wscodec::HandshakeError;
use wscodec::frame::Role;
use wscodec::handshake::{HttpUpgrade, Rejection};
use wscodec::session::Policy;

use crate::accept::{Acceptor, session};
use crate::connection::SharedSession;
use crate::names::{Error, Keys};
use crate::options::ConnectionOptions;
use crate::outcome::Agreed;
use crate::websocket::WebSocket;

/// The stream of a connection that hyper has upgraded.
pub type UpgradedStream = TokioIo<Upgraded>;

/// Answers a request that asks for a WebSocket, if it keeps the rules and the policy grants it. Gives
/// the response to return, and a future of the WebSocket to be awaited in a task of its own: it is
/// ready after hyper has sent the response.
///
/// The connection of hyper must allow upgrades (`with_upgrades`).
///
/// # Errors
/// The rule that the request breaks; [`rejection`] makes the response.
pub fn upgrade<B>(
    request: &mut http::Request<B>,
    policy: &Policy<'_>,
) -> Result<(http::Response<()>, Upgrading), HandshakeError> {
    let acceptor = Acceptor {
        policy: *policy,
        options: ConnectionOptions::DEFAULT,
    };
    acceptor.upgrade(request)
}

/// The response that rejects a request for that error, without a body.
pub fn rejection(error: HandshakeError) -> http::Response<()> {
    let response = Rejection::of(error).and_then(|rejection| rejection.response().ok());
    response.unwrap_or_else(|| {
        let mut response = http::Response::new(());
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        response
    })
}

impl Acceptor<'_> {
    /// As [`upgrade`], with options for the connection. With the feature `hyper`.
    ///
    /// # Errors
    /// As for [`upgrade`].
    pub fn upgrade<B>(
        &self,
        request: &mut http::Request<B>,
    ) -> Result<(http::Response<()>, Upgrading), HandshakeError> {
        let (response, accepted) = {
            let upgrade = HttpUpgrade::check(request)?;
            let protocol = upgrade.select_protocol(self.policy.protocols);
            self.judge(&upgrade, protocol)?
        };
        let on_upgrade = ::hyper::upgrade::on(request);
        Ok((response, accepted.upgrading(on_upgrade)))
    }

    /// Decides on a request that keeps the rules.
    pub(crate) fn judge(
        &self,
        upgrade: &HttpUpgrade<'_>,
        protocol: Option<&str>,
    ) -> Result<(http::Response<()>, Accepted), HandshakeError> {
        if let Some(allowed) = self.policy.allowed_hosts {
            upgrade.check_host(allowed)?;
        }
        upgrade.check_origin(self.policy.origin)?;
        let deflate = self.policy.deflate.as_ref();
        let deflate = deflate.and_then(|deflate| {
            let accepted = deflate.accept(upgrade.extensions())?;
            Some((accepted, deflate))
        });
        let header = deflate.map(|(accepted, _)| accepted.header());
        let mut accept = upgrade.accept();
        if let Some(protocol) = protocol {
            accept = accept.protocol(protocol);
        }
        if let Some(header) = &header {
            accept = accept.extensions(header.as_str());
        }
        let response = accept.response();
        let response = response.map_err(|_| HandshakeError::ProtocolHeader)?;
        let agreed = deflate.map(|(accepted, _)| accepted.agreed);
        let both = agreed.as_ref().zip(deflate.map(|(_, options)| options));
        let accepted = Accepted {
            session: session(Role::Server, Keys::none(), both, &self.options),
            agreed: Agreed {
                protocol: protocol.map(str::to_owned),
                deflate: agreed,
                response: Vec::new(),
            },
            options: self.options,
        };
        Ok((response, accepted))
    }
}

/// A request that was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    session: SharedSession,
    agreed: Agreed,
    options: ConnectionOptions,
}

impl Accepted {
    pub(crate) fn upgrading(self, on_upgrade: OnUpgrade) -> Upgrading {
        Upgrading {
            on_upgrade,
            accepted: Some(Box::new(self)),
        }
    }
}

/// A WebSocket that is ready when hyper has sent the response. It fails if the client goes away before.
///
/// Cancel safe: dropping it closes the connection, and polling it later goes on where it was.
#[derive(Debug)]
#[must_use = "the connection is closed when this is dropped"]
pub struct Upgrading {
    on_upgrade: OnUpgrade,
    accepted: Option<Box<Accepted>>,
}

impl Future for Upgrading {
    type Output = Result<WebSocket<UpgradedStream>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let upgraded = ready!(Pin::new(&mut self.on_upgrade).poll(cx));
        let upgraded = upgraded.map_err(std::io::Error::other)?;
        let Some(accepted) = self.accepted.take() else {
            return Poll::Ready(Err(
                std::io::Error::other("polled after it was ready").into()
            ));
        };
        let Accepted {
            session,
            agreed,
            options,
        } = *accepted;
        let stream = TokioIo::new(upgraded);
        let ws = WebSocket::from_session(stream, session, Role::Server, b"", &options);
        Poll::Ready(Ok(ws.agreed(agreed)))
    }
}
