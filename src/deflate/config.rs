//! The caller's wishes, and the agreement of two endpoints (RFC 7692 §5, §7.1).

use super::WindowBits;
use super::params::{ClientWindow, DeflateAnswer, DeflateOffer, HeaderValue, NAME};
use crate::error::HandshakeError;
use crate::head::Extension;

/// One direction of a connection: how messages that go this way are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeflateDirection {
    /// How far back compressed data may refer (RFC 7692 §7.1.2).
    pub window: WindowBits,
    /// Whether a message may refer back to those before it (RFC 7692 §7.1.1). It makes small
    /// messages that are alike much smaller, and both ends have to keep the window for it between
    /// messages.
    pub takeover: bool,
}

impl DeflateDirection {
    /// The parameters if nothing else is agreed on: the largest window, taken over.
    pub const DEFAULT: Self = Self {
        window: WindowBits::MAX,
        takeover: true,
    };
}

impl Default for DeflateDirection {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The caller's wishes for the extension. The same for both roles: `send` is about what this
/// endpoint compresses, `receive` about what its peer does.
///
/// ```
/// use wscodec::deflate::{DeflateOptions, WindowBits};
///
/// // Little memory for each connection, on either side.
/// let mut config = DeflateOptions { level: 9, ..DeflateOptions::DEFAULT };
/// config.send.takeover = false;
/// config.receive.takeover = false;
/// config.receive.window = WindowBits::new(11).unwrap();
/// assert_eq!(
///     config.offer().header().as_str(),
///     "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
///         server_max_window_bits=11; client_max_window_bits"
/// );
/// ```
///
/// A literal ends with `..DeflateOptions::DEFAULT`, because fields are added with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateOptions {
    /// The most for what we send: a smaller window, or no takeover, is used if the peer wants
    /// that. Default: the largest window, taken over.
    pub send: DeflateDirection,
    /// The most for what the peer sends: what we would have to remember. The peer is held to it,
    /// and without its consent there is no compression at all. Default: the largest window, taken
    /// over.
    pub receive: DeflateDirection,
    /// From 1 (quickest) to 9 (smallest); others count as the nearest of these. Default 6.
    pub level: u8,
    /// Messages of fewer bytes than this are sent as they are. Fragmented messages, whose length
    /// isn't known when they begin, are always compressed. Default 64.
    pub threshold: usize,
}

impl DeflateOptions {
    /// The defaults, in a constant.
    pub const DEFAULT: Self = Self {
        send: DeflateDirection::DEFAULT,
        receive: DeflateDirection::DEFAULT,
        level: 6,
        threshold: 64,
    };

    /// The server's part: goes through the offers of a request in their order, and accepts the
    /// first that can be met. `None` if there is none: the connection goes without compression.
    /// Offers of other extensions, and those with malformed or unknown parameters, are passed over
    /// (RFC 7692 §7.1).
    ///
    /// The answer has what the client asked for, and what limits the client. Our own window is not
    /// named unless the client did so.
    ///
    /// ```
    /// use wscodec::deflate::DeflateOptions;
    /// use wscodec::handshake::UpgradeRequest;
    /// use wscodec::Limits;
    ///
    /// let bytes = b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    ///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    ///     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate; \
    ///     server_max_window_bits=10; client_max_window_bits\r\n\r\n";
    /// let request = UpgradeRequest::parse(bytes, &Limits::DEFAULT)?.expect("a whole head");
    /// let accepted = DeflateOptions::default().accept(request.extensions()).expect("an offer");
    /// let answer = accepted.answer.header();
    /// assert_eq!(answer.as_str(), "permessage-deflate; server_max_window_bits=10");
    /// assert_eq!(accepted.agreed.send.window.bits(), 10);
    ///
    /// let mut out = Vec::new();
    /// request.accept().extensions(&answer).write(&mut out)?;
    /// # Ok::<(), wscodec::ErrorKind>(())
    /// ```
    pub fn accept<'h>(
        &self,
        offers: impl IntoIterator<Item = Extension<'h>>,
    ) -> Option<AcceptedDeflate> {
        let mut offers = offers.into_iter().filter_map(|it| DeflateOffer::parse(&it));
        offers.find_map(|offer| self.accept_offer(&offer))
    }

    fn accept_offer(&self, offer: &DeflateOffer) -> Option<AcceptedDeflate> {
        let asked = offer.server_max_window_bits;
        let send = DeflateDirection {
            window: self.send.window.min(asked.unwrap_or(WindowBits::MAX)),
            takeover: self.send.takeover && !offer.server_no_context_takeover,
        };
        let window = match offer.client_max_window_bits {
            ClientWindow::Fixed if self.receive.window < WindowBits::MAX => return None,
            ClientWindow::Fixed => WindowBits::MAX,
            ClientWindow::Any => self.receive.window,
            ClientWindow::AtMost(most) => self.receive.window.min(most),
        };
        let receive = DeflateDirection {
            window,
            takeover: self.receive.takeover && !offer.client_no_context_takeover,
        };
        let named = window < WindowBits::MAX
            || matches!(offer.client_max_window_bits, ClientWindow::AtMost(_));
        Some(AcceptedDeflate {
            agreed: AgreedDeflate { send, receive },
            answer: DeflateAnswer {
                server_no_context_takeover: !send.takeover,
                client_no_context_takeover: !receive.takeover,
                server_max_window_bits: asked.map(|_| send.window),
                client_max_window_bits: named.then_some(window),
            },
        })
    }

    /// The client's part: what to offer. Send its [`header`](DeflateOffer::header), and hold the answer
    /// against it with [`DeflateOffer::check`].
    pub fn offer(&self) -> DeflateOffer {
        let below = |window: WindowBits| (window < WindowBits::MAX).then_some(window);
        DeflateOffer {
            server_no_context_takeover: !self.receive.takeover,
            client_no_context_takeover: !self.send.takeover,
            server_max_window_bits: below(self.receive.window),
            client_max_window_bits: match below(self.send.window) {
                None => ClientWindow::Any,
                Some(window) => ClientWindow::AtMost(window),
            },
        }
    }
}

impl Default for DeflateOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl DeflateOffer {
    /// The agreement that the server's answer to this offer makes; `None` if the server did not choose the
    /// extension.
    ///
    /// ```
    /// use wscodec::deflate::DeflateOptions;
    /// use wscodec::head::Extensions;
    ///
    /// let answer = [&b"permessage-deflate; client_max_window_bits=12"[..]];
    /// let offer = DeflateOptions::default().offer();
    /// let agreed = offer.check(Extensions::new(answer.into_iter()).flatten())?.unwrap();
    /// assert_eq!((agreed.send.window.bits(), agreed.receive.window.bits()), (12, 15));
    /// # Ok::<(), wscodec::HandshakeError>(())
    /// ```
    ///
    /// # Errors
    /// [`HandshakeError::ExtensionParameter`] if the answer is malformed, is there twice, has a
    /// `client_max_window_bits` that was not offered, or lacks a `server_no_context_takeover` or a
    /// `server_max_window_bits` as small as the offer asks for. The client then fails the
    /// connection (RFC 7692 §7.1).
    pub fn check<'h>(
        &self,
        answers: impl IntoIterator<Item = Extension<'h>>,
    ) -> Result<Option<AgreedDeflate>, HandshakeError> {
        let mut answers = answers.into_iter().filter(|answer| answer.name() == NAME);
        let Some(answer) = answers.next() else {
            return Ok(None);
        };
        let agreed = DeflateAnswer::parse(&answer).and_then(|answer| self.agree(&answer));
        match (agreed, answers.next()) {
            (Some(agreed), None) => Ok(Some(agreed)),
            _ => Err(HandshakeError::ExtensionParameter),
        }
    }

    fn agree(&self, answer: &DeflateAnswer) -> Option<AgreedDeflate> {
        let window = answer.server_max_window_bits.unwrap_or(WindowBits::MAX);
        let granted = match self.server_max_window_bits {
            Some(most) => answer.server_max_window_bits.is_some() && window <= most,
            None => true,
        };
        if !granted || self.server_no_context_takeover && !answer.server_no_context_takeover {
            return None;
        }
        let most = match (self.client_max_window_bits, answer.client_max_window_bits) {
            (ClientWindow::Fixed, Some(_)) => return None,
            (ClientWindow::AtMost(most), _) => most,
            _ => WindowBits::MAX,
        };
        let asked = answer.client_max_window_bits.unwrap_or(WindowBits::MAX);
        Some(AgreedDeflate {
            send: DeflateDirection {
                window: most.min(asked),
                takeover: !self.client_no_context_takeover && !answer.client_no_context_takeover,
            },
            receive: DeflateDirection {
                window,
                takeover: !answer.server_no_context_takeover,
            },
        })
    }
}

impl DeflateAnswer {
    /// The agreement that this answer makes, for the server that sends it: it compresses by `send`, and the client
    /// compresses by `receive`. For a program that only observes a connection: it knows no offer of
    /// its own, and inflates the server's messages by `send` and the client's by `receive`.
    ///
    /// A client may have offered to use less than the answer demands (RFC 7692 §7.1.2.2). What is
    /// returned is the most that each side may use, which inflates that as well.
    ///
    /// ```
    /// use wscodec::deflate::DeflateAnswer;
    /// use wscodec::head::Extensions;
    ///
    /// let header = [&b"permessage-deflate; server_max_window_bits=10; client_no_context_takeover"[..]];
    /// let answer = Extensions::new(header.into_iter()).flatten().find_map(|it| DeflateAnswer::parse(&it));
    /// let agreed = answer.unwrap().agreed();
    /// assert_eq!((agreed.send.window.bits(), agreed.send.takeover), (10, true));
    /// assert_eq!((agreed.receive.window.bits(), agreed.receive.takeover), (15, false));
    /// ```
    pub fn agreed(&self) -> AgreedDeflate {
        AgreedDeflate {
            send: DeflateDirection {
                window: self.server_max_window_bits.unwrap_or(WindowBits::MAX),
                takeover: !self.server_no_context_takeover,
            },
            receive: DeflateDirection {
                window: self.client_max_window_bits.unwrap_or(WindowBits::MAX),
                takeover: !self.client_no_context_takeover,
            },
        }
    }
}

/// The parameters that both endpoints keep, as one of them sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AgreedDeflate {
    /// The parameters for messages that we send.
    pub send: DeflateDirection,
    /// The parameters for messages that we receive.
    pub receive: DeflateDirection,
}

/// An offer that a server [accepted](DeflateOptions::accept).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AcceptedDeflate {
    /// The agreement.
    pub agreed: AgreedDeflate,
    /// The answer to the client; see [`DeflateAnswer::header`].
    pub answer: DeflateAnswer,
}

impl AcceptedDeflate {
    /// The value of `Sec-WebSocket-Extensions`; the same as `self.answer.header()`.
    pub fn header(&self) -> HeaderValue {
        self.answer.header()
    }
}
