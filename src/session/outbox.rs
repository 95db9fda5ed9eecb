//! A sender together with its output, for layers that own the output.
//!
//! The problem: a connection over a socket, a connection of the server and a session have the same
//! commands to send, but each does something else around them. One writes its queue when it is too
//! long, one counts messages, one takes a lock, and their errors differ. If each layer copied the
//! commands, the copies would drift apart in names, arguments and completeness.
//!
//! So the commands without `out` are written once, in [`Outbox`]. A layer implements [`Output`],
//! which has one method: it runs a command on the layer's [`Sender`] and output buffer, and does
//! what the layer has to do before and after it. The closure is inlined, so that a command costs
//! nothing but what the layer adds.

use alloc::vec::Vec;
use core::fmt;

use super::Sender;
use crate::error::{CloseCode, ErrorKind};
use crate::message::{Kind, MaskSource, MessageRef, OutboundExtension, Prepared};

/// The kind of frame that a command of an [`Outbox`] appends to the output, with the length of its
/// payload before compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// A whole message.
    Message(usize),
    /// A fragment that is not the last one of its message.
    Fragment(usize),
    /// The last fragment of a message.
    Last(usize),
    /// A ping, a pong or a close frame.
    Control,
}

/// A sender with its output buffer, and what a layer does around each command: for layers that hand
/// out an [`Outbox`].
pub trait Output {
    /// Where mask keys come from.
    type Keys: MaskSource;
    /// The extension that encodes messages.
    type Extension: OutboundExtension;
    /// [`ErrorKind`]; in a layer with a transport, an error that holds one.
    type Error;

    /// Runs a command, which appends to the buffer. If the command fails, it has appended nothing.
    ///
    /// # Errors
    /// The command's error, and the errors of the layer.
    fn append(
        &mut self,
        what: Appended,
        command: impl FnOnce(
            &mut Sender<Self::Keys, Self::Extension>,
            &mut Vec<u8>,
        ) -> Result<(), ErrorKind>,
    ) -> Result<(), Self::Error>;
}

/// Sends messages and control frames to where its output says: the methods of
/// [`MessageEncoder`](crate::message::MessageEncoder) and [`Sender`] without the argument `out`.
///
/// Every layer that owns the output of a connection gives its users this type. What a method does
/// besides appending, and its errors, are those of the layer: see the type of the output.
///
/// ```
/// use wscodec::CloseCode;
/// use wscodec::session::{Session, SessionOptions};
///
/// let mut session = Session::server(&SessionOptions::default());
/// let mut out = Vec::new();
/// let mut outbox = session.outbox(&mut out);
/// outbox.text("Hi")?;
/// outbox.close(CloseCode::NORMAL, "")?;
/// assert_eq!(out, b"\x81\x02Hi\x88\x02\x03\xe8");
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
#[derive(Clone)]
pub struct Outbox<T>(pub(crate) T);

impl<T> Outbox<T> {
    /// An outbox of this output: for layers.
    pub fn new(output: T) -> Self {
        Self(output)
    }

    /// The output: for layers.
    pub fn output(&self) -> &T {
        &self.0
    }

    /// The output, to be changed: for layers.
    pub fn output_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Output> Outbox<T> {
    /// Sends a text message in one frame.
    ///
    /// # Errors
    /// As for [`Sender::text`], and the errors of the layer.
    #[inline]
    pub fn text(&mut self, text: &str) -> Result<(), T::Error> {
        self.0.append(Appended::Message(text.len()), |sender, out| {
            sender.text(text, out)
        })
    }

    /// Sends a binary message in one frame.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    #[inline]
    pub fn binary(&mut self, payload: &[u8]) -> Result<(), T::Error> {
        self.0
            .append(Appended::Message(payload.len()), |sender, out| {
                sender.binary(payload, out)
            })
    }

    /// Sends a message in one frame, and checks that a text is UTF-8.
    ///
    /// # Errors
    /// As for [`Sender::send`], and the errors of the layer.
    #[inline]
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), T::Error> {
        self.0
            .append(Appended::Message(payload.len()), |sender, out| {
                sender.send(kind, payload, out)
            })
    }

    /// Sends a received message as it is: a text that was checked is not checked again.
    ///
    /// # Errors
    /// As for [`Sender::forward`], and the errors of the layer.
    #[inline]
    pub fn forward(&mut self, message: MessageRef<'_>) -> Result<(), T::Error> {
        self.0
            .append(Appended::Message(message.payload.len()), |sender, out| {
                sender.forward(message, out)
            })
    }

    /// Sends a message that was encoded once for many connections.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    #[inline]
    pub fn prepared(&mut self, message: &Prepared) -> Result<(), T::Error> {
        self.0
            .append(Appended::Message(message.payload().len()), |sender, out| {
                sender.prepared(message, out)
            })
    }

    /// Sends the first fragment of a message. A text may be cut within a character.
    ///
    /// # Errors
    /// The errors of [`send`](Self::send).
    pub fn begin(&mut self, kind: Kind, part: &[u8]) -> Result<(), T::Error> {
        self.0
            .append(Appended::Fragment(part.len()), |sender, out| {
                sender.begin(kind, part, out)
            })
    }

    /// Sends the next fragment of a message, not its last.
    ///
    /// # Errors
    /// As for [`Sender::more`], and the errors of the layer.
    pub fn more(&mut self, part: &[u8]) -> Result<(), T::Error> {
        self.0
            .append(Appended::Fragment(part.len()), |sender, out| {
                sender.more(part, out)
            })
    }

    /// Sends the last fragment of a message, which may be empty.
    ///
    /// # Errors
    /// The errors of [`more`](Self::more).
    pub fn finish(&mut self, part: &[u8]) -> Result<(), T::Error> {
        self.0.append(Appended::Last(part.len()), |sender, out| {
            sender.finish(part, out)
        })
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// As for [`Sender::ping`], and the errors of the layer.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), T::Error> {
        self.0
            .append(Appended::Control, |sender, out| sender.ping(payload, out))
    }

    /// Sends a pong, of at most 125 bytes. The session answers pings by itself, unless
    /// [`auto_pong`](super::SessionOptions::auto_pong) is off.
    ///
    /// # Errors
    /// The errors of [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), T::Error> {
        self.0
            .append(Appended::Control, |sender, out| sender.pong(payload, out))
    }

    /// Sends a close frame, after which nothing is sent: see [`Sender::close`]. The peer may still
    /// send messages before its close frame, so go on receiving.
    ///
    /// # Errors
    /// As for [`Sender::close`], and the errors of the layer.
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<(), T::Error> {
        self.0.append(Appended::Control, |sender, out| {
            sender.close(code, reason, out)
        })
    }
}

impl<T: fmt::Debug> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outbox").field(&self.0).finish()
    }
}

impl<M: MaskSource, O: OutboundExtension> Sender<M, O> {
    /// This sender together with the buffer that it appends to. It has the same methods without
    /// `out`.
    pub fn outbox<'a>(&'a mut self, out: &'a mut Vec<u8>) -> Outbox<BufferOutput<'a, M, O>> {
        Outbox::new(BufferOutput { sender: self, out })
    }
}

/// A [`Sender`] that appends to a buffer of the caller's, and does nothing else.
#[derive(Debug)]
pub struct BufferOutput<'a, M, O> {
    sender: &'a mut Sender<M, O>,
    out: &'a mut Vec<u8>,
}

impl<M: MaskSource, O: OutboundExtension> Output for BufferOutput<'_, M, O> {
    type Keys = M;
    type Extension = O;
    type Error = ErrorKind;

    #[inline]
    fn append(
        &mut self,
        _: Appended,
        command: impl FnOnce(&mut Sender<M, O>, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), ErrorKind> {
        command(self.sender, self.out)
    }
}
