//! A [`Session`] as a codec of `tokio-util`: `Framed` makes a stream and a sink of messages out of
//! any asynchronous stream whose handshake is done.
//!
//! [`Socket`](crate::Socket) does all of what follows by itself; use it unless you need `Framed`.
//!
//! A codec can't write while it reads. So the answers that the session gives by itself, to pings
//! and to a close frame, wait in the codec and go with whatever is sent next: [`Item::Answers`] if
//! there is nothing else to send. A loop that only reads must send it after each item. After an error
//! too, because our close frame waits there.
//!
//! A codec can't close its stream either. When the session is [`Closed`](SessionState::Closed), send
//! [`Item::Answers`] and close the sink: a client waits for the server to close (RFC 6455 §7.1.1).
//!
//! ```
//! use bytes::BytesMut;
//! use tokio_util::codec::{Decoder, Encoder};
//! use wscodec_tokio::{Codec, Item};
//! use wscodec::session::{SessionOptions, Session};
//!
//! let mut codec = Codec::new(Session::server(&SessionOptions::default()));
//! let mut came = BytesMut::from(&b"\x89\x80\0\0\0\0\x81\x82\0\0\0\0hi"[..]);
//! assert_eq!(codec.decode(&mut came)?, Some(Item::Ping([][..].into())));
//! assert_eq!(codec.decode(&mut came)?, Some(Item::Text("hi".to_owned())));
//! let mut out = BytesMut::new();
//! codec.encode(Item::Text("hello".to_owned()), &mut out)?;
//! assert_eq!(&out[..], b"\x8a\x00\x81\x05hello");
//! # Ok::<(), wscodec::io::Error>(())
//! ```

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use wscodec::error::{CloseCode, MisuseError};
use wscodec::frame::CloseFrame;
use wscodec::io::Error;
use wscodec::message::{
    Event, InboundExtension, Kind, MaskSource, NoExtension, OutboundExtension, Unmasked,
};
use wscodec::session::{Session, SessionState};

/// What came, and what is to be sent: each with bytes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// A ping. One that came is answered by the session.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// A close frame, with its code and reason if it has them. One that came is answered by the
    /// session.
    Close(Option<(CloseCode, String)>),
    /// Nothing of its own: only what waits in the codec is sent. Never comes.
    Answers,
}

/// A session as a codec: see the crate's documentation.
#[derive(Debug)]
pub struct Codec<M = Unmasked, I = NoExtension, O = NoExtension> {
    session: Session<M, I, O>,
    /// What waits for the next write.
    answers: Vec<u8>,
}

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Codec<M, I, O> {
    /// A codec around a session at its beginning.
    pub fn new(session: Session<M, I, O>) -> Self {
        Self {
            session,
            answers: Vec::new(),
        }
    }

    /// The session: its state, and how it ended.
    pub fn session(&self) -> &Session<M, I, O> {
        &self.session
    }

    /// The session, for its timers.
    pub fn session_mut(&mut self) -> &mut Session<M, I, O> {
        &mut self.session
    }

    /// Bytes that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.answers.len()
    }
}

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Decoder for Codec<M, I, O> {
    type Item = Item;
    type Error = Error;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Item>, Error> {
        let len = src.len();
        let mut input = &mut src[..];
        let item = match self.session.receive(&mut input, &mut self.answers) {
            Ok(received) => Ok(received.map(|(event, _)| Item::of(event))),
            Err(fault) => Err(fault),
        };
        let used = len - input.len();
        src.advance(used);
        Ok(item?)
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Item>, Error> {
        match self.decode(src)? {
            None if self.session.state() == SessionState::Closed => Ok(None),
            None => Ok(self.session.finish().map(|()| None)?),
            item => Ok(item),
        }
    }
}

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Encoder<Item> for Codec<M, I, O> {
    type Error = Error;

    fn encode(&mut self, item: Item, dst: &mut BytesMut) -> Result<(), Error> {
        dst.extend_from_slice(&self.answers);
        self.answers.clear();
        match item {
            Item::Text(text) => self.session.text(&text, dst)?,
            Item::Binary(payload) => self.session.binary(&payload, dst)?,
            Item::Ping(payload) => self.session.ping(&payload, dst)?,
            Item::Pong(payload) => self.session.pong(&payload, dst)?,
            Item::Close(close) => {
                let close = close.as_ref();
                let close = close.map(|(code, reason)| CloseFrame {
                    code: *code,
                    reason,
                });
                match self.session.close(close, dst) {
                    // The session has answered the peer's already.
                    Err(wscodec::ErrorKind::Misuse(MisuseError::Closing)) => {}
                    result => result?,
                }
            }
            Item::Answers => {}
        }
        Ok(())
    }
}

impl Item {
    fn of(event: Event<'_>) -> Self {
        match event {
            Event::Message(message) => match (message.kind, message.text()) {
                (Kind::Text, Some(text)) => Self::Text(text.into()),
                _ => Self::Binary(Bytes::copy_from_slice(message.payload)),
            },
            Event::Ping(payload) => Self::Ping(Bytes::copy_from_slice(payload)),
            Event::Pong(payload) => Self::Pong(Bytes::copy_from_slice(payload)),
            Event::Close(close) => {
                Self::Close(close.map(|close| (close.code, close.reason.into())))
            }
        }
    }
}
