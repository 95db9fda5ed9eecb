//! Hooks in the steps of an opening handshake.

use super::Error;
use super::answer::{Answer, Rejecting};
use crate::handshake::{UpgradeRequest, UpgradeResponse};
use crate::head::HeadLine;
use crate::session::{In, Out};

/// The hooks of a server; see [`Acceptor::accept_hooked`](super::Acceptor::accept_hooked). The
/// default of each method does nothing.
///
/// ```
/// use wscodec::handshake::{Rejection, UpgradeRequest};
/// use wscodec::head::{Cookies, HeadLine};
/// use wscodec::io::{AcceptHooks, Answer, Rejecting};
///
/// struct Door;
///
/// impl AcceptHooks for Door {
///     fn line(&mut self, line: HeadLine<'_>) -> Result<(), Rejecting> {
///         match line {
///             HeadLine::Request { target, .. } if target != "/chat" => {
///                 Err(Rejection::new(404).into())
///             }
///             HeadLine::Field(field) if field.is("host") && field.value != b"example.com" => {
///                 Err(Rejection::new(421).into())
///             }
///             HeadLine::Field(field) if field.is("cookie") => {
///                 let mut cookies = Cookies::new([field.value].into_iter());
///                 match cookies.any(|cookie| cookie.is_err()) {
///                     true => Err(Rejection::new(400).body(b"bad cookie").into()),
///                     false => Ok(()),
///                 }
///             }
///             _ => Ok(()),
///         }
///     }
///
///     fn decide(
///         &mut self,
///         request: &UpgradeRequest<'_>,
///         answer: &mut Answer<'_>,
///     ) -> Result<(), Rejecting> {
///         answer.header("X-Path", request.path());
///         Ok(())
///     }
///
///     fn response(&mut self, response: &[u8]) {
///         println!("{}", response.escape_ascii());
///     }
/// }
/// ```
pub trait AcceptHooks {
    /// Called for each line of the request when it arrives: the request line, then each header line.
    /// The rest of the head may be missing, and the rules of the handshake are not checked yet.
    ///
    /// # Errors
    /// A [`Rejection`](crate::handshake::Rejection), which the server sends at once.
    fn line(&mut self, line: HeadLine<'_>) -> Result<(), Rejecting> {
        let _ = line;
        Ok(())
    }

    /// Called when the whole request has arrived, is valid, and is granted by the policy. The hook
    /// may change the response.
    ///
    /// # Errors
    /// The error of [`Answer::reject`].
    fn decide(
        &mut self,
        request: &UpgradeRequest<'_>,
        answer: &mut Answer<'_>,
    ) -> Result<(), Rejecting> {
        let _ = (request, answer);
        Ok(())
    }

    /// Called before the response is sent: the 101, or the head and body of any rejection.
    fn response(&mut self, response: &[u8]) {
        let _ = response;
    }
}

/// The hooks of a client; see [`Connector::connect_hooked`](super::Connector::connect_hooked). The
/// default of each method does nothing.
pub trait ConnectHooks {
    /// Called before the request is sent.
    fn request(&mut self, request: &[u8]) {
        let _ = request;
    }

    /// Called for each line of the response when it arrives: the status line, then each header line,
    /// including those of interim responses (100 to 199, except 101). The rules of the handshake are
    /// not checked yet.
    ///
    /// # Errors
    /// Any: the attempt ends with it.
    fn line(&mut self, line: HeadLine<'_>) -> Result<(), Error> {
        let _ = line;
        Ok(())
    }

    /// Called when the response is complete and valid. If the server chose an [extension of the
    /// caller](super::Connector::extensions), the hook returns its two sides.
    ///
    /// # Errors
    /// Any: the attempt ends with it.
    fn response(&mut self, response: &UpgradeResponse<'_>) -> Result<Option<(In, Out)>, Error> {
        let _ = response;
        Ok(None)
    }
}

/// Hooks that consist of a decision only.
pub(super) struct Decide<F>(pub(super) Option<F>);

impl<F> AcceptHooks for Decide<F>
where
    F: FnOnce(&UpgradeRequest<'_>, &mut Answer<'_>) -> Result<(), Rejecting>,
{
    fn decide(
        &mut self,
        request: &UpgradeRequest<'_>,
        answer: &mut Answer<'_>,
    ) -> Result<(), Rejecting> {
        match self.0.take() {
            Some(decide) => decide(request, answer),
            None => Ok(()),
        }
    }
}

/// Hooks that only look at the response.
pub(super) struct Look<F>(pub(super) Option<F>);

impl<F: FnOnce(&UpgradeResponse<'_>) -> Result<(), Error>> ConnectHooks for Look<F> {
    fn response(&mut self, response: &UpgradeResponse<'_>) -> Result<Option<(In, Out)>, Error> {
        if let Some(look) = self.0.take() {
            look(response)?;
        }
        Ok(None)
    }
}
