//! A connection, for two threads.
//!
//! Problem: a blocking connection that waits in a read cannot send, and the reader must still answer
//! pings and the close frame while another thread is in the middle of a write. If the reader waited for
//! that write, two peers that both write without reading would wait for each other for ever.
//!
//! Choice: the reading half owns the decoder. The sending side is behind a lock (`Shared`) that no
//! thread holds while it writes to the stream. An answer of the reader is put into the queue. If no
//! thread writes, the reader writes it; otherwise the thread that writes finds it in the queue and
//! writes it behind its own message.
//!
//! Invariants: the reader never waits for a writer. A message is one piece on the wire, whoever writes
//! it. The thread that writes last shuts the stream down: when the session ends during a write, the
//! reader only sets `shut`. An earlier version left that to nobody, and both peers waited for the close
//! time-out. The reader looks at the clock after `NAP` at the latest, to notice that the other half
//! closes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

use super::inbox::{Driver, Inbox, IoSender};
use super::line::{Line, Pushed};
use super::reader::Source;
use super::shared::{Sending, Shared};
use super::writer::{Sink, Step};
use super::{
    ClientStream, Connection, ConnectionOptions, Error, Keys, MessageReader, MessageWriter,
    Transport,
};
use crate::error::ErrorKind;
use crate::message::{Event, FoundEvent, FoundPiece, Kind, MessageRef, Place};
use crate::session::{self, Appended, Outcome, Output, Piece, SessionState};

/// The longest time between two checks whether the other half closes.
const NAP: Duration = Duration::from_secs(1);

/// The receiving side of a connection; see [`Connection::split`].
///
/// It answers pings and close frames through the other half. If another thread is writing, it does
/// not wait: that thread writes the answer after its own bytes.
pub struct ReadHalf<S> {
    inbox: Inbox,
    line: Line<S>,
    shared: Arc<Shared<S>>,
    close_timeout: Duration,
}

/// The sending side of a connection; see [`Connection::split`]. It can be cloned for many threads.
/// Each message is contiguous on the wire, and is one write.
///
/// A method waits while another thread writes.
pub type WriteHalf<S> = session::Outbox<SharedOutput<S>>;

/// The outbox of a split connection; see [`WriteHalf`].
pub struct SharedOutput<S> {
    shared: Arc<Shared<S>>,
    part: Vec<u8>,
}

impl Connection<ClientStream> {
    /// Splits a client's connection into a half that reads and a half that writes, for two threads.
    ///
    /// ```no_run
    /// use std::{io::BufRead, thread};
    /// use wscodec::CloseCode;
    /// use wscodec::io::Connector;
    ///
    /// let ws = Connector::DEFAULT.connect("ws://127.0.0.1:9001/")?;
    /// let (mut reader, mut writer) = ws.split()?;
    /// thread::spawn(move || {
    ///     for line in std::io::stdin().lock().lines().map_while(Result::ok) {
    ///         if writer.text(&line).is_err() {
    ///             return;
    ///         }
    ///     }
    ///     let _ = writer.close(CloseCode::NORMAL, "");
    /// });
    /// while let Some(message) = reader.read()? {
    ///     println!("{:?}", message.text());
    /// }
    /// # Ok::<(), wscodec::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] if the system has no further handle.
    pub fn split(self) -> Result<(ReadHalf<ClientStream>, WriteHalf<ClientStream>), Error> {
        self.split_with(Transport::client(), |stream| {
            Ok((stream.try_clone()?, stream))
        })
    }
}

impl Connection<TcpStream> {
    /// Splits a TCP connection into a half that reads and a half that writes, for two threads.
    ///
    /// # Errors
    /// [`Error::Io`] if the system has no further handle.
    pub fn split(self) -> Result<(ReadHalf<TcpStream>, WriteHalf<TcpStream>), Error> {
        self.split_with(Transport::tcp(), |stream| Ok((stream.try_clone()?, stream)))
    }
}

impl<S> Connection<S> {
    /// Splits a connection whose stream can be split: `split` returns a handle to read from and a
    /// handle to write to, of one type.
    ///
    /// # Errors
    /// The error of `split`.
    pub fn split_with<H: Read + Write>(
        self,
        transport: Transport<H>,
        split: impl FnOnce(S) -> io::Result<(H, H)>,
    ) -> Result<(ReadHalf<H>, WriteHalf<H>), Error> {
        let (fragment, stall) = (self.line.fragment, self.line.stall);
        let (stream, out, _) = self.line.into_parts();
        let (reading, writing) = split(stream)?;
        let mut line = Line::new(writing, transport, &ConnectionOptions::DEFAULT);
        line.stall = stall;
        let shared = Arc::new(Shared {
            sending: Mutex::new(Sending {
                sender: self.sender,
                out,
                spare: Vec::new(),
                writing: false,
                waiting: 0,
                taken: 0,
                told: 0,
                lost: None,
                shut: false,
            }),
            free: Condvar::new(),
            stream: Mutex::new(line),
            sent: AtomicU64::new(0),
            fragment,
            stall,
        });
        let reader = ReadHalf {
            close_timeout: self.inbox.close_timeout(),
            inbox: self.inbox,
            line: Line::new(reading, transport, &ConnectionOptions::DEFAULT),
            shared: Arc::clone(&shared),
        };
        Ok((reader, WriteHalf::new(SharedOutput::new(shared))))
    }
}

impl<S: Read + Write> ReadHalf<S> {
    /// Waits for the next message, and lends it; `None` is the end. Like [`Connection::read`].
    ///
    /// # Errors
    /// The errors of [`Connection::read`].
    pub fn read(&mut self) -> Result<Option<MessageRef<'_>>, Error> {
        let (inbox, mut driver) = self.driver();
        loop {
            match inbox.next(&mut driver)? {
                Some(FoundEvent::Message(message)) => {
                    return Ok(Some(self.inbox.message(&message)));
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// Like [`read`](Self::read), and reports pings, pongs and the close frame as well.
    ///
    /// # Errors
    /// The errors of [`Connection::read`].
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        let (inbox, mut driver) = self.driver();
        Ok(match inbox.next(&mut driver)? {
            Some(found) => Some(self.inbox.lend(&found)),
            None => None,
        })
    }

    /// Like [`read_event`](Self::read_event), but reports each piece of a message when it arrives.
    ///
    /// # Errors
    /// The errors of [`Connection::read`].
    pub fn read_piece(&mut self) -> Result<Option<Piece<'_>>, Error> {
        let (inbox, mut driver) = self.driver();
        Ok(match inbox.next_part(&mut driver)? {
            Some(part) => Some(self.inbox.lend_part(&part)),
            None => None,
        })
    }

    /// Waits for the next message. The result implements the standard library's `Read`.
    ///
    /// # Errors
    /// The errors of [`Connection::read`].
    pub fn reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        let (inbox, mut driver) = self.driver();
        inbox.skip(&mut driver)?;
        MessageReader::begin(self)
    }

    /// Sets the time at which a read stops waiting, like [`Connection::set_deadline`].
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.inbox.deadline = deadline;
    }

    /// The state of the session.
    pub fn state(&self) -> SessionState {
        self.shared.lock().sender.state()
    }

    /// How the session ended; `None` before its end.
    pub fn outcome(&self) -> Option<Outcome<'_>> {
        let sending = self.shared.lock();
        let outcome = sending.sender.outcome()?;
        Some(Outcome {
            reason: self.inbox.reason(),
            ..outcome
        })
    }

    /// Returns another sending half of the same connection.
    pub fn write_half(&self) -> WriteHalf<S> {
        WriteHalf::new(SharedOutput::new(Arc::clone(&self.shared)))
    }

    fn driver(&mut self) -> (&mut Inbox, Half<'_, S>) {
        let half = Half {
            line: &mut self.line,
            shared: &self.shared,
            close_timeout: self.close_timeout,
        };
        (&mut self.inbox, half)
    }
}

impl<S: Write> session::Outbox<SharedOutput<S>> {
    /// Begins a message of unknown length. Until it is finished, the other halves cannot send a
    /// message: they fail with [`MessageUnfinished`](crate::MisuseError::MessageUnfinished).
    pub fn writer(&mut self, kind: Kind) -> MessageWriter<'_> {
        MessageWriter::new(&mut self.0, kind)
    }

    /// Writes the rest of the queue after an incomplete write.
    ///
    /// # Errors
    /// The errors of [`Connection::flush`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.0.with(|_, _| Ok(()))
    }

    /// The state of the session.
    pub fn state(&self) -> SessionState {
        self.0.shared.lock().sender.state()
    }
}

impl<S> SharedOutput<S> {
    fn new(shared: Arc<Shared<S>>) -> Self {
        Self {
            shared,
            part: Vec::new(),
        }
    }
}

impl<S: Write> SharedOutput<S> {
    /// Waits for the lock, runs a command, and writes the queue.
    fn with(
        &self,
        command: impl FnOnce(&mut IoSender, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let (mut sending, timed_out) = self.shared.wait_for_turn();
        if let Some(kind) = sending.lost {
            return Err(Error::Io(kind.into()));
        }
        let Sending { sender, out, .. } = &mut *sending;
        let mut result = command(sender, out).map_err(Error::from);
        if !sending.is_open() {
            self.shared.free.notify_all();
        }
        if timed_out {
            return result.and(Err(super::error::timed_out()));
        }
        if result.is_ok() {
            let pushed = self.shared.push(sending, true);
            result = pushed.map(drop).map_err(Error::from);
            sending = self.shared.lock();
        }
        self.shared.pass_on(&sending);
        result
    }
}

impl<S: Write> Output for SharedOutput<S> {
    type Keys = Keys;
    type Extension = session::Out;
    type Error = Error;

    fn append(
        &mut self,
        _: Appended,
        command: impl FnOnce(&mut IoSender, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        self.with(command)
    }
}

impl<S> Clone for SharedOutput<S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

/// The part of the sending side that the receiving side uses through the lock.
struct Half<'a, S> {
    line: &'a mut Line<S>,
    shared: &'a Shared<S>,
    close_timeout: Duration,
}

impl<S: Read + Write> Driver for Half<'_, S> {
    type Stream = S;

    fn with<T>(&mut self, f: impl FnOnce(&mut IoSender, &mut Vec<u8>) -> T) -> T {
        let sending = &mut *self.shared.lock();
        let was_open = sending.is_open();
        let result = f(&mut sending.sender, &mut sending.out);
        if was_open && !sending.is_open() {
            // The messages of waiting threads cannot be sent any more.
            self.shared.free.notify_all();
        }
        result
    }

    fn push(&mut self) -> io::Result<Pushed> {
        self.shared.push(self.shared.lock(), false)
    }

    fn unsent(&mut self) -> usize {
        let sending = &mut *self.shared.lock();
        let (unsent, new) = self.shared.progress(sending);
        sending.sender.sent(new);
        sending.told += new as u64;
        unsent
    }

    fn check_stall(&mut self) -> io::Result<()> {
        match self.shared.stream.try_lock() {
            Ok(mut line) => line.check_stall(),
            // Another thread is writing. It writes these bytes as well.
            Err(_) => Ok(()),
        }
    }

    fn stream(&mut self) -> &mut S {
        &mut self.line.stream
    }

    fn set_read_timeout(&mut self, time: Option<Duration>) -> io::Result<bool> {
        self.line.set_read_timeout(time)
    }

    fn shutdown(&mut self, now: bool) -> io::Result<()> {
        let mut sending = self.shared.lock();
        sending.shut = true;
        match sending.writing {
            false => self.shared.line().shutdown(),
            // This is the same socket as the other handle, so the write of the other thread fails.
            true if now => self.line.shutdown(),
            true => Ok(()),
        }
    }

    // The other half may begin a close while a read waits.
    fn nap(&self) -> Option<Duration> {
        Some(self.close_timeout.min(NAP))
    }
}

impl<S: Read + Write> Source for ReadHalf<S> {
    fn next_part(&mut self) -> Result<Option<FoundPiece>, Error> {
        let (inbox, mut driver) = self.driver();
        inbox.next_part(&mut driver)
    }

    fn data(&mut self, place: &Place) -> &[u8] {
        self.inbox.data(place)
    }
}

impl<S: Write> Sink for SharedOutput<S> {
    fn borrow(&mut self) -> (Vec<u8>, usize) {
        (mem::take(&mut self.part), self.shared.fragment)
    }

    fn give_back(&mut self, part: Vec<u8>) {
        self.part = part;
    }

    fn frame(&mut self, step: Step, part: &[u8]) -> Result<(), Error> {
        step.send(part, self)
    }

    fn write_out(&mut self) -> Result<(), Error> {
        self.with(|_, _| Ok(()))
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf")
            .field("stream", &self.line.stream)
            .field("state", &self.shared.lock().sender.state())
            .finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for SharedOutput<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedOutput")
            .field("state", &self.shared.lock().sender.state())
            .finish_non_exhaustive()
    }
}
