//! A look at an opening handshake while it goes on.

use super::{Answer, Error, Rejecting};
use crate::handshake::{UpgradeRequest, UpgradeResponse};
use crate::head::HeadLine;
use crate::session::{In, Out};

/// The reactions of a server to the steps of an opening handshake: see
/// [`Acceptor::accept_hooked`](super::Acceptor::accept_hooked). Each method has a default that does
/// nothing.
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
    /// A line of the request has arrived: the request line, then each header line. The rest of the head
    /// may not be there, and the rules of the handshake are not checked yet.
    ///
    /// # Errors
    /// A [`Rejection`](crate::handshake::Rejection), which is sent at once.
    fn line(&mut self, line: HeadLine<'_>) -> Result<(), Rejecting> {
        let _ = line;
        Ok(())
    }

    /// The request is whole, keeps the rules, and the policy grants it. The answer can be changed.
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

    /// The answer is about to be sent: a 101, or the head and body of a rejection, whoever rejected.
    fn response(&mut self, response: &[u8]) {
        let _ = response;
    }
}

/// The reactions of a client to the steps of an opening handshake: see
/// [`Connector::connect_hooked`](super::Connector::connect_hooked). Each method has a default that does
/// nothing.
pub trait ConnectHooks {
    /// The request is about to be sent.
    fn request(&mut self, request: &[u8]) {
        let _ = request;
    }

    /// A line of the answer has arrived: the status line, then each header line; those of interim
    /// answers (100–199 but for 101) too. The rules of the handshake are not checked yet.
    ///
    /// # Errors
    /// Any: the attempt ends with it.
    fn line(&mut self, line: HeadLine<'_>) -> Result<(), Error> {
        let _ = line;
        Ok(())
    }

    /// The answer is whole, and the server has switched protocols by the rules. If it chose an
    /// [extension of the caller's](super::Connector::extensions), this gives the two sides of it.
    ///
    /// # Errors
    /// Any: the attempt ends with it.
    fn response(&mut self, response: &UpgradeResponse<'_>) -> Result<Option<(In, Out)>, Error> {
        let _ = response;
        Ok(None)
    }
}

/// A decision and nothing else.
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

/// A look at the answer and nothing else.
pub(super) struct Look<F>(pub(super) Option<F>);

impl<F: FnOnce(&UpgradeResponse<'_>) -> Result<(), Error>> ConnectHooks for Look<F> {
    fn response(&mut self, response: &UpgradeResponse<'_>) -> Result<Option<(In, Out)>, Error> {
        if let Some(look) = self.0.take() {
            look(response)?;
        }
        Ok(None)
    }
}
