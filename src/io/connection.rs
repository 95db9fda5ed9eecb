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

/// The session type of a blocking connection.
pub type IoSession = Session<Keys, In, Out>;

impl IoSession {
    /// A session without extensions.
    pub(super) fn plain(role: Role, keys: Keys, config: &SessionOptions) -> Self {
        Self::new(role, keys, In::default(), Out::default(), config)
    }
}

/// One end of a connection over a blocking stream.
///
/// Reading answers pings and close frames. A read lends its result until the next read; the
/// [`Outbox`] that comes with a message can answer meanwhile.
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
/// If the [`Transport`] has time-outs, as TCP does, a read keeps the session's [heartbeat, idle time
/// and close time-out](crate::session::SessionOptions) by the [rule of the
/// timers](crate::session#timers), and the caller's [deadline](Self::set_deadline). On other streams,
/// the connection reads the clock after each read, and after each read that timed out if the caller
/// has set a time-out on the stream.
///
/// # Memory
/// [`memory`](Self::memory) is the number of bytes that the connection holds besides the value
/// itself. An idle connection holds the read buffer ([`ConnectionOptions::buffer`]), a client's block
/// of 512 random bytes, and the memory that fragmented messages, compression and large sends have
/// needed before. [`release`](Self::release) frees that.
pub struct Connection<S> {
    pub(super) inbox: Inbox,
    pub(super) sender: IoSender,
    pub(super) line: Line<S>,
    pub(super) agreed: Negotiated,
    partial: Option<Partial>,
}

/// A message that [`read_to`](Connection::read_to) or [`read_into`](Connection::read_into) had read
/// in part when its time-out passed.
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
    /// Creates a connection from a stream whose opening handshake is done, and its session.
    /// `received` has the bytes that were received after the head.
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
        // The head was sent before. It is not a part of the session.
        line.take_sent();
        // This sets the deadlines. None of them can have passed yet.
        let _ = sender.tick(receiver.offset(), Duration::ZERO, 0, &mut line.out);
        Self {
            inbox: Inbox::new(receiver, input, options),
            sender,
            line,
            agreed: Negotiated::default(),
            partial: None,
        }
    }

    /// Waits for the next message, and lends it. Returns `None` after both sides have closed;
    /// [`outcome`](Self::outcome) then says how the connection ended.
    ///
    /// Before the connection waits for the peer, it writes as much of the queue as the stream takes.
    /// If writing has failed, it still delivers everything that was received before.
    ///
    /// # Errors
    /// [`Error::Fault`] if the peer broke a rule or exceeded a limit; the connection has sent a close
    /// frame and has ended. [`Error::Io`] if the transport failed or a time-out passed: see
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

    /// Like [`read`](Self::read), and reports pings, pongs and the close frame as well. The
    /// [options](crate::session::SessionOptions) say which of them the session answers.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn read_event(&mut self) -> Result<Option<(Event<'_>, Outbox<'_, S>)>, Error> {
        self.partial = None;
        let driver = &mut direct(&mut self.sender, &mut self.line);
        let Some(found) = self.inbox.next(driver)? else {
            return Ok(None);
        };
        let outbox = outbox::queue(&mut self.sender, &mut self.line);
        Ok(Some((self.inbox.lend(&found), outbox)))
    }

    /// Like [`read_event`](Self::read_event), but reports each piece of a message when it arrives,
    /// decoded. Relays use it. See [`Piece`].
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn read_piece(&mut self) -> Result<Option<(Piece<'_>, Outbox<'_, S>)>, Error> {
        self.partial = None;
        let driver = &mut direct(&mut self.sender, &mut self.line);
        let Some(part) = self.inbox.next_part(driver)? else {
            return Ok(None);
        };
        let outbox = outbox::queue(&mut self.sender, &mut self.line);
        Ok(Some((self.inbox.lend_part(&part), outbox)))
    }

    /// Waits for the next message. The result implements the standard library's `Read`.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        self.partial = None;
        self.skip()?;
        MessageReader::begin(self)
    }

    /// Appends the next message to `buffer`, piece by piece, and returns its kind. The connection
    /// holds no other copy.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read). After a [time-out](Error::is_timeout), `buffer` has the
    /// part of the message that has arrived, and the next call appends the rest. After any other
    /// error the rest of the message is lost.
    pub fn read_to(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Kind>, Error> {
        self.read_message(|_, piece| {
            buffer.extend_from_slice(piece);
            Ok(())
        })
        .map(|read| read.map(|read| read.kind))
    }

    /// Reads the next message into `buffer`, and returns its kind and its length.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read). After a [time-out](Error::is_timeout), `buffer` has the
    /// first part of the message; the next call with the same buffer appends the rest.
    /// [`MisuseError::BufferTooSmall`] if the message is longer than the buffer; the next read
    /// continues with the next message.
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

    /// Reads a message, and passes each piece with its position to `put`. Continues a message that a
    /// time-out interrupted.
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

    /// An outbox that writes each message and control frame at once, with everything that is in the
    /// queue.
    ///
    /// If writing fails, the message stays in the queue, and [`flush`](Self::flush) continues.
    pub fn outbox(&mut self) -> Outbox<'_, S> {
        outbox::at_once(&mut self.sender, &mut self.line)
    }

    /// An outbox that puts messages and control frames into the queue, which is written later as a
    /// whole: see [`Outbox`].
    pub fn queue(&mut self) -> Outbox<'_, S> {
        outbox::queue(&mut self.sender, &mut self.line)
    }

    /// Begins a message of unknown length.
    pub fn writer(&mut self, kind: Kind) -> MessageWriter<'_> {
        MessageWriter::new(self, kind)
    }

    /// Writes the whole queue.
    ///
    /// # Errors
    /// [`Error::Io`] if the stream failed. After a [time-out](Error::is_timeout), the next call
    /// continues.
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(self.line.flush()?)
    }

    /// Sends a close frame, and waits until the peer has closed too. Messages that arrive meanwhile
    /// are dropped; to read them, [queue a close frame](Self::queue) and read until the end. If both
    /// sides have closed before, the function only returns the outcome.
    ///
    /// On a stream with time-outs, a peer that neither reads nor sends ends the wait after the
    /// session's [`close_timeout`](crate::session::SessionOptions::close_timeout): once for the close
    /// frame, and once for the end of the transport. A peer that still reads the queue, or still
    /// sends messages, has more time by the [rule of the timers](crate::session#timers).
    ///
    /// # Errors
    /// The errors of `close` of an [`Outbox`], and of [`read`](Self::read).
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
        // The caller's deadline applies to messages only.
        self.inbox.deadline = None;
        while self.read_event()?.is_some() {}
        self.outcome().ok_or(Error::Misuse(MisuseError::Closing))
    }

    /// Sets the time at which a read stops waiting for the next message. It fails with an
    /// [error](Error::is_timeout) after which the caller may read again. `None` means never. It works
    /// on streams with time-outs only.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.inbox.deadline = deadline;
    }

    fn skip(&mut self) -> Result<(), Error> {
        self.inbox
            .skip(&mut direct(&mut self.sender, &mut self.line))
    }
}

impl<S> Connection<S> {
    /// The state of the session.
    pub fn state(&self) -> SessionState {
        self.sender.state()
    }

    /// How the session ended; `None` before its end.
    pub fn outcome(&self) -> Option<Outcome<'_>> {
        self.sender.outcome()
    }

    /// The agreed subprotocol.
    pub fn protocol(&self) -> Option<&str> {
        self.agreed.protocol.as_deref()
    }

    /// The agreed compression parameters; `None` without compression.
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<crate::deflate::AgreedDeflate> {
        self.agreed.deflate
    }

    /// The stream.
    pub fn stream(&self) -> &S {
        &self.line.stream
    }

    /// The stream, mutably. The session misses the bytes that the caller reads from it or writes to
    /// it.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.line.stream
    }

    /// Takes the connection apart: the stream, the bytes that were received and not decoded (such as
    /// frames directly after the request), and the bytes that wait to be written.
    ///
    /// The part of an incomplete message is lost. Take a connection apart only before it has read
    /// anything, or between whole messages.
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

    /// Takes the memory for fragmented messages out of `buffers`.
    pub(super) fn use_message_buffer(&mut self, buffers: &mut Buffers) {
        let memory = mem::take(&mut buffers.message);
        self.inbox.receiver.use_memory(memory);
    }

    /// The number of bytes that the connection holds besides this value, for buffers, extensions and
    /// fragmented messages.
    pub fn memory(&self) -> usize {
        self.inbox.memory() + self.line.memory() + self.sender.memory()
    }

    /// Frees the memory that an idle connection does not need until it receives or sends again. Call
    /// it while no read is in progress.
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
