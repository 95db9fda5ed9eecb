//! Messages that own their bytes.

use alloc::string::{FromUtf8Error, String};
use alloc::vec::Vec;

use crate::message::{Kind, MessageRef};

/// A text or binary message that owns its bytes (RFC 6455 §5.6). A [borrowed
/// message](crate::message::MessageRef) needs no copy, and lives until the next read.
///
/// ```
/// use wscodec::Message;
///
/// assert_eq!(Message::from("Hello"), Message::Text("Hello".to_owned()));
/// assert_eq!(Message::from(vec![1, 2]).as_bytes(), [1, 2]);
/// assert_eq!(Message::from(String::from("Hi")).as_text(), Some("Hi"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl Message {
    /// The kind of the message: text or binary.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// Whether this is a text message.
    pub fn is_text(&self) -> bool {
        self.kind() == Kind::Text
    }

    /// Whether this is a binary message.
    pub fn is_binary(&self) -> bool {
        self.kind() == Kind::Binary
    }

    /// The text of a text message.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The payload of either kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The payload of either kind.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The payload as text.
    ///
    /// # Errors
    /// Fails if a binary message is not valid UTF-8. The error has the bytes.
    pub fn into_text(self) -> Result<String, FromUtf8Error> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) => String::from_utf8(bytes),
        }
    }

    /// The length of the payload in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.into())
    }
}

impl<const N: usize> From<[u8; N]> for Message {
    fn from(bytes: [u8; N]) -> Self {
        Self::Binary(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<MessageRef<'_>> for Message {
    fn from(message: MessageRef<'_>) -> Self {
        match message.text() {
            Some(text) => text.into(),
            None => message.payload.into(),
        }
    }
}
