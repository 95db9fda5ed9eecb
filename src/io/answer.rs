//! The answer to a request that the policy of a server grants, until it is sent.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Error, Rejected};
use crate::error::MisuseError;
#[cfg(doc)]
use crate::handshake::UpgradeRequest;
use crate::handshake::{Rejection, put_header};
use crate::session::{In, Out, Upgrade};

/// The response to a request. The policy has filled it; the caller may change it.
#[derive(Debug)]
pub struct Answer<'r> {
    pub(super) upgrade: Upgrade<'r>,
    /// The additional header lines.
    pub(super) headers: Vec<u8>,
    /// The reason why the response cannot be sent.
    pub(super) invalid: Option<MisuseError>,
    pub(super) extension: Option<Agreed>,
}

impl Answer<'_> {
    /// The chosen subprotocol.
    pub fn protocol(&self) -> Option<&str> {
        self.upgrade.protocol()
    }

    /// Chooses another subprotocol of those that the client offered, or none.
    ///
    /// # Errors
    /// [`MisuseError::ProtocolNotOffered`] if the client did not offer it. The choice does not change
    /// then.
    pub fn choose_protocol(&mut self, protocol: Option<&str>) -> Result<(), MisuseError> {
        self.upgrade.choose_protocol(protocol)
    }

    /// The agreed compression parameters; `None` without compression.
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<crate::deflate::AgreedDeflate> {
        self.upgrade.deflate()
    }

    /// Rejects the client's offer of compression.
    pub fn without_compression(&mut self) -> &mut Self {
        self.upgrade.leave_out_compression();
        self
    }

    /// Agrees on an extension that the caller implements, in place of compression. `header` is the
    /// value of `Sec-WebSocket-Extensions`. It must name an extension that the client has offered
    /// ([`UpgradeRequest::extensions`]); otherwise the handshake fails with [`Error::Misuse`]. The
    /// two sides of the extension own reserved bits, and process each message.
    pub fn extension(
        &mut self,
        header: impl Into<String>,
        inbound: In,
        outbound: Out,
    ) -> &mut Self {
        self.extension = Some(Agreed {
            header: header.into(),
            inbound,
            outbound,
        });
        self.without_compression()
    }

    /// Adds a header. The value is any displayable value. If the header is not allowed, the handshake
    /// fails with [`Error::Misuse`].
    pub fn header(&mut self, name: impl AsRef<str>, value: impl fmt::Display) -> &mut Self {
        let put = put_header(&mut self.headers, name.as_ref(), value);
        self.invalid = self.invalid.or(put.err());
        self
    }

    /// Rejects the request. Return the result:
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
        Err(rejection.into())
    }
}

/// The caller's rejection of a request, which the acceptor sends to the client.
#[derive(Debug)]
pub struct Rejecting(pub(super) Error);

impl From<Rejection<'_>> for Rejecting {
    fn from(rejection: Rejection<'_>) -> Self {
        let status = rejection.status();
        let mut bytes = Vec::new();
        Self(match rejection.write(&mut bytes) {
            Ok(()) => Error::Rejected(Box::new(Rejected::new(bytes, status))),
            Err(error) => error.into(),
        })
    }
}

/// An extension that the caller implements.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) header: String,
    pub(super) inbound: In,
    pub(super) outbound: Out,
}
