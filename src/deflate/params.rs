//! The parameters of the extension in headers (RFC 7692 §7.1).

use core::fmt::{self, Write};
use core::ops::Deref;

use super::WindowBits;
use crate::head::{Extension, ParamValue};

/// The name of the extension in `Sec-WebSocket-Extensions` (RFC 7692 §7).
pub const NAME: &str = "permessage-deflate";

/// The hint of a client about its own window (RFC 7692 §7.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientWindow {
    /// No `client_max_window_bits`: the answer must not have one, so the window is the largest.
    Fixed,
    /// The parameter without a value: the answer may ask for any window.
    Any,
    /// The parameter with a value: no larger window than this will be used, whatever the answer.
    AtMost(WindowBits),
}

/// One offer of a client's (RFC 7692 §7.1).
///
/// ```
/// use wscodec::deflate::{ClientWindow, DeflateOffer, WindowBits};
/// use wscodec::head::Extensions;
///
/// let read = |value: &str| {
///     let mut list = Extensions::new([value.as_bytes()].into_iter());
///     DeflateOffer::parse(&list.next().unwrap().unwrap())
/// };
/// let offer = read("permessage-deflate; server_max_window_bits=\"10\"; client_max_window_bits");
/// let offer = offer.unwrap();
/// assert_eq!(offer.server_max_window_bits, WindowBits::new(10));
/// assert_eq!(offer.client_max_window_bits, ClientWindow::Any);
/// assert_eq!(
///     offer.header().as_str(),
///     "permessage-deflate; server_max_window_bits=10; client_max_window_bits"
/// );
/// assert_eq!(read("permessage-deflate; server_max_window_bits=010"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeflateOffer {
    /// The server shall not refer back to earlier messages (§7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The client won't refer back to earlier messages (§7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The server shall use no larger window than this (§7.1.2.1).
    pub server_max_window_bits: Option<WindowBits>,
    /// The client's own window (§7.1.2.2).
    pub client_max_window_bits: ClientWindow,
}

impl DeflateOffer {
    /// Reads an offer. `None` if it is for another extension, or has anything that RFC 7692 does
    /// not know: another parameter, one twice, a value where none belongs, one missing, or one that
    /// is not a number from 8 to 15 without leading zeros. A server declines such an offer (§7.1).
    pub fn parse(extension: &Extension<'_>) -> Option<Self> {
        let params = Params::parse(extension)?;
        Some(Self {
            server_no_context_takeover: params.server_no_context_takeover,
            client_no_context_takeover: params.client_no_context_takeover,
            server_max_window_bits: params.server_max_window_bits,
            client_max_window_bits: match params.client_max_window_bits {
                None => ClientWindow::Fixed,
                Some(None) => ClientWindow::Any,
                Some(Some(window)) => ClientWindow::AtMost(window),
            },
        })
    }

    /// The offer as a value of `Sec-WebSocket-Extensions`.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::of(&Params {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: self.server_max_window_bits,
            client_max_window_bits: match self.client_max_window_bits {
                ClientWindow::Fixed => None,
                ClientWindow::Any => Some(None),
                ClientWindow::AtMost(window) => Some(Some(window)),
            },
        })
    }
}

/// A server's answer to an [`DeflateOffer`] (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeflateAnswer {
    /// The server won't refer back to earlier messages (§7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The client shall not refer back to earlier messages (§7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The server won't use a larger window than this (§7.1.2.1).
    pub server_max_window_bits: Option<WindowBits>,
    /// The client shall use no larger window than this (§7.1.2.2).
    pub client_max_window_bits: Option<WindowBits>,
}

impl DeflateAnswer {
    /// Reads an answer, as strictly as [`DeflateOffer::parse`]. `None` if it is for another extension or
    /// malformed. Here `client_max_window_bits` has a value too.
    pub fn parse(extension: &Extension<'_>) -> Option<Self> {
        let params = Params::parse(extension)?;
        Some(Self {
            server_no_context_takeover: params.server_no_context_takeover,
            client_no_context_takeover: params.client_no_context_takeover,
            server_max_window_bits: params.server_max_window_bits,
            client_max_window_bits: match params.client_max_window_bits {
                None => None,
                Some(window) => Some(window?),
            },
        })
    }

    /// The answer as a value of `Sec-WebSocket-Extensions`.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::of(&Params {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: self.server_max_window_bits,
            client_max_window_bits: self.client_max_window_bits.map(Some),
        })
    }
}

/// The four parameters, whoever sends them.
#[derive(Clone, Copy, Default)]
struct Params {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<WindowBits>,
    /// Without a value, as only an offer may have it: `Some(None)`.
    client_max_window_bits: Option<Option<WindowBits>>,
}

impl Params {
    fn parse(extension: &Extension<'_>) -> Option<Self> {
        if extension.name() != NAME {
            return None;
        }
        let mut params = Self::default();
        for param in extension.params() {
            let doubled = match (param.name, param.value) {
                ("server_no_context_takeover", None) => {
                    core::mem::replace(&mut params.server_no_context_takeover, true)
                }
                ("client_no_context_takeover", None) => {
                    core::mem::replace(&mut params.client_no_context_takeover, true)
                }
                ("server_max_window_bits", Some(value)) => {
                    let window = Some(window(value)?);
                    core::mem::replace(&mut params.server_max_window_bits, window).is_some()
                }
                ("client_max_window_bits", value) => {
                    let window = match value {
                        Some(value) => Some(window(value)?),
                        None => None,
                    };
                    let before = params.client_max_window_bits.replace(window);
                    before.is_some()
                }
                _ => return None,
            };
            if doubled {
                return None;
            }
        }
        Some(params)
    }

    fn write(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(NAME)?;
        if self.server_no_context_takeover {
            out.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            out.write_str("; client_no_context_takeover")?;
        }
        if let Some(window) = self.server_max_window_bits {
            out.write_str("; server_max_window_bits=")?;
            out.write_str(window.digits())?;
        }
        match self.client_max_window_bits {
            None => Ok(()),
            Some(None) => out.write_str("; client_max_window_bits"),
            Some(Some(window)) => {
                out.write_str("; client_max_window_bits=")?;
                out.write_str(window.digits())
            }
        }
    }
}

/// "A decimal integer value without leading zeroes between 8 to 15 inclusive" (RFC 7692 §7.1.2).
fn window(value: ParamValue<'_>) -> Option<WindowBits> {
    let mut digits = value.bytes();
    let bits = match (digits.next()?, digits.next(), digits.next()) {
        (ones @ b'8'..=b'9', None, _) => ones - b'0',
        (b'1', Some(ones @ b'0'..=b'5'), None) => 10 + ones - b'0',
        _ => return None,
    };
    WindowBits::new(bits)
}

/// A value of `Sec-WebSocket-Extensions`, in place: dereferences to a `str`.
#[derive(Clone, Copy)]
pub struct HeaderValue {
    len: usize,
    bytes: [u8; Self::MAX_LEN],
}

impl HeaderValue {
    /// The length with all four parameters at their longest.
    const MAX_LEN: usize = 128;

    fn of(params: &Params) -> Self {
        let mut value = Self {
            len: 0,
            bytes: [0; Self::MAX_LEN],
        };
        let written = params.write(&mut value);
        debug_assert!(written.is_ok(), "all four parameters fit");
        value
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        // Only whole strings are written, so this is never the default.
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for HeaderValue {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

impl Deref for HeaderValue {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
