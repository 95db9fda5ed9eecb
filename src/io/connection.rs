//! A connection, for one thread.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};
use std::io::{self, BufRead, Read, Write};
use std::time::Instant;

use super::head::Input;
use super::inbox::{Driver, Inbox, IoSender};
use super::line::{Line, Pushed};
use super::reader::Source;
use super::writer::{Sink, Step};
use super::{
    Buffers, ConnectionOptions, Error, Keys, MessageReader, MessageWriter, Outbox, Transport,
    outbox,
};
use crate::error::{CloseCode, MisuseError};
use crate::frame::Role;
use crate::message::{Event, FoundEvent, FoundPiece, Kind, MessageRef, Place};
use crate::session::{In, Out, Outcome, Piece, Session, SessionOptions, SessionState};

/// The session of a blocking connection.
pub type IoSession = Session<Keys, In, Out>;

impl IoSession {
    /// A session without extensions.
    pub(super) fn plain(role: Role, keys: Keys, config: &SessionOptions) -> Self {
        Self::new(role, keys, In::default(), Out::default(), config)
    }
}

/// One end of a connection over a blocking stream.
///
/// Pings and close frames are answered while it is read from. What is lent by a read is valid until
/// the next one; the [`Outbox`] that comes with it answers meanwhile.
///
/// ```no_run
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let (stream, _) = listener.accept()?;
/// let mut ws = wscodec::io::Acceptor::default().accept(stream)?;
/// while let Some((message, mut outbox)) = ws.read()? {
///     outbox.send(message.kind, message.payload)?; // an echo
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Time
/// Where the [`Transport`] has time-outs, as TCP does, reads keep the session's
/// [heartbeat, idle time and close time-out](crate::session::SessionOptions) by the
/// [rule of the timers](crate::session#timers), and a [deadline](Self::set_deadline) of the caller's.
/// On other streams the clock is looked at after each read, and after one that timed out if the
/// caller has set a time-out.
///
/// # Memory
/// [`memory`](Self::memory) tells what is held besides the value itself: while idle, the buffer for
/// reading ([`ConnectionOptions::buffer`]), a client's block of 512 random bytes, and whatever messages in
/// parts, compression and large sends have needed before; [`release`](Self::release) gives that back.
pub struct Connection<S> {
    pub(super) inbox: Inbox,
    pub(super) sender: IoSender,
    pub(super) line: Line<S>,
    pub(super) agreed: Negotiated,
    partial: Option<Partial>,
}

/// A message that [`read_to`](Connection::read_to) or [`read_into`](Connection::read_into) has read a
/// part of before its time was over.
#[derive(Clone, Copy, Debug)]
struct Partial {
    kind: Kind,
    len: usize,
}

/// A connection [taken apart](Connection::into_parts).
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<S> {
    /// The stream, with no time-outs of ours.
    pub stream: S,
    /// Bytes that were read from the stream and not looked at.
    pub read: Vec<u8>,
    /// Bytes that wait to be written.
    pub unsent: Vec<u8>,
    fragment: Vec<u8>,
    message: Vec<u8>,
}

impl<S> Parts<S> {
    /// The stream, and the memory of the connection for the next one. The bytes that were not looked
    /// at, and those that wait to be written, are dropped.
    pub fn into_buffers(self) -> (S, Buffers) {
        let buffers = Buffers {
            input: self.read,
            output: self.unsent,
            fragment: self.fragment,
            message: self.message,
        };
        (self.stream, buffers)
    }
}

/// The result of the handshake.
#[derive(Debug, Default)]
pub(super) struct Negotiated {
    pub(super) protocol: Option<Box<str>>,
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<crate::deflate::AgreedDeflate>,
}

/// The sending side and the stream, while the receiving side is used.
struct Direct<'a, S> {
    sender: &'a mut IoSender,
    line: &'a mut Line<S>,
}

impl<S: Read + Write> Connection<S> {
    /// A connection whose handshake is done, with the session that begins behind it. `received` are
    /// the bytes that were received behind the head.
    ///
    /// ```
    /// use wscodec::io::{Keys, ConnectionOptions, Transport, Connection};
    /// use wscodec::session::{SessionOptions, In, Out, Session};
    /// use wscodec::frame::Role;
    ///
    /// let session = Session::new(Role::Server, Keys::none(), In::default(), Out::default(), &SessionOptions::default());
    /// let stream = std::io::Cursor::new(Vec::new());
    /// let received = b"\x82\x81\0\0\0\0!";
    /// let options = ConnectionOptions::default();
    /// let mut ws = Connection::new(stream, Transport::plain(), session, received, &options);
    /// let (message, _) = ws.read()?.expect("a message");
    /// assert_eq!(message.payload, b"!");
    /// # Ok::<(), wscodec::io::Error>(())
    /// ```
    pub fn new(
        stream: S,
        transport: Transport<S>,
        session: IoSession,
        received: &[u8],
        options: &ConnectionOptions,
    ) -> Self {
        let line = Line::new(stream, transport, options);
        Self::begin(
            line,
            session,
            (received.to_vec(), 0..received.len()),
            options,
        )
    }

    pub(super) fn begin(
        line: Line<S>,
        session: IoSession,
        input: Input,
        options: &ConnectionOptions,
    ) -> Self {
        let (receiver, mut sender) = session.into_parts();
        let mut line = line;
        // The head has left, which is not of the session.
        line.take_sent();
        // Sets the deadlines; nothing can be due yet.
        let _ = sender.tick(receiver.offset(), Duration::ZERO, 0, &mut line.out);
        Self {
            inbox: Inbox::new(receiver, input, options),
            sender,
            line,
            agreed: Negotiated::default(),
            partial: None,
        }
    }

    /// Waits for the next message, and lends it. `None` is the end: both sides have closed, and
    /// [`outcome`](Self::outcome) tells how.
    ///
    /// The queue is written before the loop waits for the peer, as far as possible. If writing
    /// has failed, what was received before is delivered all the same.
    ///
    /// # Errors
    /// [`Error::Fault`] if the peer broke a rule or passed a limit: it was told, and the connection
    /// is over. [`Error::Io`] if the transport failed, or time ran out: see
    /// [`Error::is_timeout`].
    pub fn read(&mut self) -> Result<Option<(MessageRef<'_>, Outbox<'_, S>)>, Error> {
        self.partial = None;
        let message = loop {
            match self
                .inbox
                .next(&mut direct(&mut self.sender, &mut self.line))?
            {
                Some(FoundEvent::Message(message)) => break message,
                Some(_) => {}
                None => return Ok(None),
            }
        };
        let outbox = outbox::queue(&mut self.sender, &mut self.line);
        Ok(Some((self.inbox.message(&message), outbox)))
    }

    /// As [`read`](Self::read), with pings, pongs and the close frame; what is answered by itself is
    /// [configured](crate::session::SessionOptions).
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_event(&mut self) -> Result<Option<(Event<'_>, Outbox<'_, S>)>, Error> {
        self.partial = None;
        let driver = &mut direct(&mut self.sender, &mut self.line);
        let Some(found) = self.inbox.next(driver)? else {
            return Ok(None);
        };
        let outbox = outbox::queue(&mut self.sender, &mut self.line);
        Ok(Some((self.inbox.lend(&found), outbox)))
    }

    /// As [`read_event`](Self::read_event), with messages in pieces as they come, decoded: for
    /// relays. See [`Piece`].
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_piece(&mut self) -> Result<Option<(Piece<'_>, Outbox<'_, S>)>, Error> {
        self.partial = None;
        let driver = &mut direct(&mut self.sender, &mut self.line);
        let Some(part) = self.inbox.next_part(driver)? else {
            return Ok(None);
        };
        let outbox = outbox::queue(&mut self.sender, &mut self.line);
        Ok(Some((self.inbox.lend_part(&part), outbox)))
    }

    /// Waits for the next message, to be read in pieces by the standard library's means.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        self.partial = None;
        self.skip()?;
        MessageReader::begin(self)
    }

    /// Appends the next message to `buffer`, and says which kind it is. In pieces: nothing is held
    /// besides.
    ///
    /// # Errors
    /// As for [`read`](Self::read). After a [time-out](Error::is_timeout), the part of the message
    /// that came is in `buffer`, and the next call appends the rest. After any other error the rest
    /// of the message is lost.
    pub fn read_to(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Kind>, Error> {
        self.read_message(|_, piece| {
            buffer.extend_from_slice(piece);
            Ok(())
        })
        .map(|read| read.map(|read| read.kind))
    }

    /// Reads the next message into `buffer`, and says which kind it is and how long.
    ///
    /// # Errors
    /// As for [`read`](Self::read). After a [time-out](Error::is_timeout), the first part of the
    /// message is in `buffer`; the next call, with the same buffer, reads the rest behind it.
    /// [`MisuseError::BufferTooSmall`] if the message is longer, and the next read goes on with the
    /// message after it.
    pub fn read_into(&mut self, buffer: &mut [u8]) -> Result<Option<(Kind, usize)>, Error> {
        self.read_message(|at, piece| {
            let target = buffer
                .get_mut(at..at + piece.len())
                .ok_or(MisuseError::BufferTooSmall)?;
            target.copy_from_slice(piece);
            Ok(())
        })
        .map(|read| read.map(|read| (read.kind, read.len)))
    }

    /// Reads a message, and gives each piece of it with its place to `put`. Goes on with a message
    /// that was cut by a time-out.
    fn read_message(
        &mut self,
        mut put: impl FnMut(usize, &[u8]) -> Result<(), Error>,
    ) -> Result<Option<Partial>, Error> {
        let begun = self.partial.take();
        let (kind, mut len) = match begun {
            Some(partial) => (partial.kind, partial.len),
            None => (Kind::Binary, 0),
        };
        let result = (|| {
            let mut reader = match begun {
                Some(_) => MessageReader::resume(self, kind),
                None => match self.reader().map_err(|error| (None, error))? {
                    Some(reader) => reader,
                    None => return Ok(None),
                },
            };
            let kind = reader.kind();
            loop {
                let piece = match reader.fill_buf() {
                    Ok(piece) => piece,
                    Err(error) => return Err((Some(kind), Error::from(error))),
                };
                let n = piece.len();
                if n == 0 {
                    return Ok(Some(Partial { kind, len }));
                }
                put(len, piece).map_err(|error| (None, error))?;
                reader.consume(n);
                len += n;
            }
        })();
        result.map_err(|(kind, error)| {
            self.partial = kind
                .filter(|_| error.is_timeout())
                .map(|kind| Partial { kind, len });
            error
        })
    }

    /// Sends messages and control frames, and writes each at once, with all that waits.
    ///
    /// An error of writing leaves the message queued: [`flush`](Self::flush) goes on.
    pub fn outbox(&mut self) -> Outbox<'_, S> {
        outbox::at_once(&mut self.sender, &mut self.line)
    }

    /// Sends messages and control frames into the queue, to be written later in one go: see
    /// [`Outbox`].
    pub fn queue(&mut self) -> Outbox<'_, S> {
        outbox::queue(&mut self.sender, &mut self.line)
    }

    /// A message to be written as its bytes come to be.
    pub fn writer(&mut self, kind: Kind) -> MessageWriter<'_> {
        MessageWriter::new(self, kind)
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// [`Error::Io`]. After a [time-out](Error::is_timeout), called again, it goes on where it was.
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(self.line.flush()?)
    }

    /// Closes, and waits until the peer has closed too: messages that still come are dropped. To
    /// read them, [queue a close](Self::queue) and go on reading. If both sides have closed
    /// before, only says how.
    ///
    /// On a stream with time-outs, a peer that reads nothing and sends nothing ends this after the
    /// session's [`close_timeout`](crate::session::SessionOptions::close_timeout): once for the answer, and
    /// once for the end of the transport. A peer that still reads what waits for it, or still sends
    /// messages, has longer, by the [rule of the timers](crate::session#timers).
    ///
    /// # Errors
    /// As for `close` of an [`Outbox`] and [`read`](Self::read).
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<Outcome<'_>, Error> {
        if matches!(
            self.sender.state(),
            SessionState::Open | SessionState::PeerClosed
        ) {
            self.queue().close(code, reason)?;
        }
        // The caller's deadline was for messages.
        self.inbox.deadline = None;
        while self.read_event()?.is_some() {}
        self.outcome().ok_or(Error::Misuse(MisuseError::Closing))
    }

    /// When reads give up waiting for the next message, with an [error](Error::is_timeout) after
    /// which they may be repeated; `None` for never. Only on streams with time-outs.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.inbox.deadline = deadline;
    }

    fn skip(&mut self) -> Result<(), Error> {
        self.inbox
            .skip(&mut direct(&mut self.sender, &mut self.line))
    }
}

impl<S> Connection<S> {
    /// Where the session stands.
    pub fn state(&self) -> SessionState {
        self.sender.state()
    }

    /// How the session ended; `None` as long as it has not.
    pub fn outcome(&self) -> Option<Outcome<'_>> {
        self.sender.outcome()
    }

    /// The subprotocol agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.agreed.protocol.as_deref()
    }

    /// The agreement on compression.
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<crate::deflate::AgreedDeflate> {
        self.agreed.deflate
    }

    /// The stream.
    pub fn stream(&self) -> &S {
        &self.line.stream
    }

    /// The stream, to be changed. What is read from it or written to it is missing from the
    /// session.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.line.stream
    }

    /// Takes the connection apart: the stream, the bytes that were read from it and not looked at,
    /// such as frames that came right behind the request, and those that wait to be written.
    ///
    /// Of a message that was read in part, the part is lost. Take a connection apart that has read
    /// nothing, or only whole messages.
    pub fn into_parts(self) -> Parts<S> {
        let (stream, unsent, fragment) = self.line.into_parts();
        let (read, message) = self.inbox.into_parts();
        Parts {
            stream,
            read,
            unsent,
            fragment,
            message,
        }
    }

    /// Takes the memory for messages in parts out of `buffers`.
    pub(super) fn use_message_buffer(&mut self, buffers: &mut Buffers) {
        let memory = mem::take(&mut buffers.message);
        self.inbox.receiver.use_memory(memory);
    }

    /// Bytes held besides this value, for buffers, extensions and messages in parts.
    pub fn memory(&self) -> usize {
        self.inbox.memory() + self.line.memory() + self.sender.memory()
    }

    /// Gives back what is not needed until something comes or goes: for connections that are idle
    /// and are not being read from.
    pub fn release(&mut self) {
        self.inbox.release();
        self.line.release();
        self.sender.release();
    }
}

fn direct<'a, S>(sender: &'a mut IoSender, line: &'a mut Line<S>) -> Direct<'a, S> {
    Direct { sender, line }
}

impl<S: Read + Write> Driver for Direct<'_, S> {
    type Stream = S;

    fn with<R>(&mut self, f: impl FnOnce(&mut IoSender, &mut Vec<u8>) -> R) -> R {
        f(self.sender, &mut self.line.out)
    }

    fn push(&mut self) -> io::Result<Pushed> {
        self.line.push()
    }

    fn unsent(&mut self) -> usize {
        self.sender.sent(self.line.take_sent());
        self.line.queued()
    }

    fn check_stall(&mut self) -> io::Result<()> {
        self.line.check_stall()
    }

    fn stream(&mut self) -> &mut S {
        &mut self.line.stream
    }

    fn set_read_timeout(&mut self, time: Option<Duration>) -> io::Result<bool> {
        self.line.set_read_timeout(time)
    }

    fn shutdown(&mut self, _: bool) -> io::Result<()> {
        self.line.shutdown()
    }
}

impl<S: Read + Write> Source for Connection<S> {
    fn next_part(&mut self) -> Result<Option<FoundPiece>, Error> {
        self.inbox
            .next_part(&mut direct(&mut self.sender, &mut self.line))
    }

    fn data(&mut self, place: &Place) -> &[u8] {
        self.inbox.data(place)
    }
}

impl<S: Read + Write> Sink for Connection<S> {
    fn borrow(&mut self) -> (Vec<u8>, usize) {
        self.queue().0.borrow()
    }

    fn give_back(&mut self, part: Vec<u8>) {
        self.queue().0.give_back(part);
    }

    fn frame(&mut self, step: Step, part: &[u8]) -> Result<(), Error> {
        self.queue().0.frame(step, part)
    }

    fn write_out(&mut self) -> Result<(), Error> {
        self.flush()
    }
}

impl<S: fmt::Debug> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("stream", &self.line.stream)
            .field("state", &self.state())
            .field("agreed", &self.agreed)
            .finish_non_exhaustive()
    }
}
