//! A connection, for two threads.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::inbox::{Driver, Found, Inbox, Outgoing, Part, Place};
use super::line::Line;
use super::reader::Source;
use super::writer::{Sink, Step};
use super::{Error, MessageReader, MessageWriter, Options, Transport, WebSocket};
use crate::error::CloseCode;
use crate::frame::Close;
use crate::message::{Event, Kind, Message, Prepared};
use crate::session::{Outcome, Piece, State};

/// What both halves have.
///
/// `sending` is never locked while something is read or written, so that the reading half can
/// always go on. Whoever finds `writing` unset sets it and writes what waits, until nothing does;
/// others add to what waits. So frames are never mixed.
#[derive(Debug)]
struct Shared<W> {
    sending: Mutex<Sending>,
    /// `writing` was unset.
    free: Condvar,
    stream: Mutex<Line<W>>,
    fragment: usize,
}

#[derive(Debug)]
struct Sending {
    outgoing: Outgoing,
    out: Vec<u8>,
    /// Another buffer, for what comes to be sent meanwhile.
    spare: Vec<u8>,
    writing: bool,
    /// Nothing is to be written any more: for whoever is writing, when it is done.
    shut: bool,
}

/// The side of a connection that receives: see [`WebSocket::split`].
///
/// It answers pings and close frames through the other half. If that is in the middle of a write,
/// it does not wait: the answer is written behind.
pub struct ReadHalf<R, W = R> {
    inbox: Inbox,
    line: Line<R>,
    shared: Arc<Shared<W>>,
    close_timeout: Duration,
}

/// The side of a connection that sends: see [`WebSocket::split`]. It can be cloned, for many
/// threads; each message is one piece on the wire, and one write.
pub struct WriteHalf<W> {
    shared: Arc<Shared<W>>,
    part: Vec<u8>,
}

impl WebSocket<TcpStream> {
    /// Takes a TCP connection apart, for a thread that reads and one that writes.
    ///
    /// ```no_run
    /// use std::{io::BufRead, thread};
    /// use wscodec::{CloseCode, io};
    ///
    /// let ws = io::connect("ws://127.0.0.1:9001/")?;
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
    pub fn split(self) -> Result<(ReadHalf<TcpStream>, WriteHalf<TcpStream>), Error> {
        let tcp = Transport::tcp();
        self.split_with(|stream| Ok((stream.try_clone()?, stream)), tcp, tcp)
    }
}

impl<S> WebSocket<S> {
    /// Takes a connection apart whose stream can be: into one to read from and one to write to.
    ///
    /// # Errors
    /// What `split` says.
    pub fn split_with<R: Read, W: Write>(
        self,
        split: impl FnOnce(S) -> io::Result<(R, W)>,
        read: Transport<R>,
        write: Transport<W>,
    ) -> Result<(ReadHalf<R, W>, WriteHalf<W>), Error> {
        let (stream, out, fragment) = self.line.into_parts();
        let (reading, writing) = split(stream)?;
        let shared = Arc::new(Shared {
            sending: Mutex::new(Sending {
                outgoing: self.outgoing,
                out,
                spare: Vec::new(),
                writing: false,
                shut: false,
            }),
            free: Condvar::new(),
            stream: Mutex::new(Line::new(writing, write, &Options::DEFAULT)),
            fragment,
        });
        let reader = ReadHalf {
            close_timeout: self.inbox.close_timeout(),
            inbox: self.inbox,
            line: Line::new(reading, read, &Options::DEFAULT),
            shared: Arc::clone(&shared),
        };
        Ok((reader, WriteHalf::new(shared)))
    }
}

impl<R: Read, W: Write> ReadHalf<R, W> {
    /// Waits for the next message, and lends it; `None` is the end. As [`WebSocket::read`].
    ///
    /// # Errors
    /// As for [`WebSocket::read`].
    pub fn read(&mut self) -> Result<Option<Message<'_>>, Error> {
        let (inbox, mut driver) = self.driver();
        loop {
            match inbox.next(&mut driver)? {
                Some(Found::Message(shape, place)) => {
                    return Ok(Some(self.inbox.message(shape, &place)));
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// As [`read`](Self::read), with pings, pongs and the close frame.
    ///
    /// # Errors
    /// As for [`WebSocket::read`].
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        let (inbox, mut driver) = self.driver();
        Ok(match inbox.next(&mut driver)? {
            Some(found) => Some(self.inbox.lend(&found)),
            None => None,
        })
    }

    /// As [`read_event`](Self::read_event), with messages in pieces as they come.
    ///
    /// # Errors
    /// As for [`WebSocket::read`].
    pub fn read_piece(&mut self) -> Result<Option<Piece<'_>>, Error> {
        let (inbox, mut driver) = self.driver();
        Ok(match inbox.next_part(&mut driver)? {
            Some(part) => Some(self.inbox.lend_part(part)),
            None => None,
        })
    }

    /// Waits for the next message, to be read in pieces by the standard library's means.
    ///
    /// # Errors
    /// As for [`WebSocket::read`].
    pub fn reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        let (inbox, mut driver) = self.driver();
        inbox.skip(&mut driver)?;
        MessageReader::begin(self)
    }

    /// When reads give up waiting: as [`WebSocket::set_deadline`].
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.inbox.deadline = deadline;
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.shared.lock().outgoing.state()
    }

    /// How the session ended; `None` as long as it has not.
    pub fn outcome(&self) -> Option<Outcome<'_>> {
        let sending = self.shared.lock();
        let outcome = sending.outgoing.outcome()?;
        Some(Outcome {
            reason: self.inbox.reason(),
            ..outcome
        })
    }

    /// A further sending half.
    pub fn write_half(&self) -> WriteHalf<W> {
        WriteHalf::new(Arc::clone(&self.shared))
    }

    fn driver(&mut self) -> (&mut Inbox, Half<'_, R, W>) {
        let half = Half {
            line: &mut self.line,
            shared: &self.shared,
            close_timeout: self.close_timeout,
        };
        (&mut self.inbox, half)
    }
}

impl<W: Write> WriteHalf<W> {
    /// Sends a text message. If another thread is writing, waits for it.
    ///
    /// # Errors
    /// As for [`WebSocket::text`].
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        self.put(|outgoing, out| Ok(outgoing.text(text, out)?))
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// As for [`WebSocket::binary`].
    pub fn binary(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.put(|outgoing, out| Ok(outgoing.binary(payload, out)?))
    }

    /// Sends a message of either kind.
    ///
    /// # Errors
    /// As for [`WebSocket::send`].
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Error> {
        self.put(|outgoing, out| Ok(outgoing.send(kind, payload, out)?))
    }

    /// Sends a message that was framed once for many.
    ///
    /// # Errors
    /// As for [`WebSocket::prepared`].
    pub fn prepared(&mut self, message: &Prepared) -> Result<(), Error> {
        self.put(|outgoing, out| Ok(outgoing.prepared(message, out)?))
    }

    /// A message to be written as its bytes come to be. Until it is finished, no other half can
    /// send a message: that is refused with
    /// [`MessageUnfinished`](crate::MisuseError::MessageUnfinished).
    pub fn writer(&mut self, kind: Kind) -> MessageWriter<'_> {
        MessageWriter::new(self, kind)
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// As for [`WebSocket::ping`].
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.put(|outgoing, out| Ok(outgoing.ping(payload, out)?))
    }

    /// Sends a close frame, the last that is sent. The reading half then comes to its end.
    ///
    /// # Errors
    /// As for [`Outbox::close`](super::Outbox::close).
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let close = Close { code, reason };
        self.put(|outgoing, out| Ok(outgoing.close(Some(close), out)?))
    }

    /// Writes what waits, if a write before was not done.
    ///
    /// # Errors
    /// As for [`WebSocket::flush`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.put(|_, _| Ok(()))
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.shared.lock().outgoing.state()
    }

    fn put(
        &self,
        f: impl FnOnce(&mut Outgoing, &mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut sending = self.shared.lock();
        while sending.writing {
            let waited = self.shared.free.wait(sending);
            sending = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let Sending { outgoing, out, .. } = &mut *sending;
        f(outgoing, out)?;
        Ok(self.shared.write(sending)?)
    }
}

impl<W> WriteHalf<W> {
    fn new(shared: Arc<Shared<W>>) -> Self {
        Self {
            shared,
            part: Vec::new(),
        }
    }
}

impl<W> Clone for WriteHalf<W> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl<W> Shared<W> {
    fn lock(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self) -> MutexGuard<'_, Line<W>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> Shared<W> {
    /// Writes what waits, and what others add meanwhile; unless somebody does that already.
    fn write<'a>(&'a self, mut sending: MutexGuard<'a, Sending>) -> io::Result<()> {
        if sending.writing {
            return Ok(());
        }
        while !sending.out.is_empty() {
            sending.writing = true;
            let spare = mem::take(&mut sending.spare);
            let mut out = mem::replace(&mut sending.out, spare);
            drop(sending);
            let mut written = 0;
            let result = self.line().write(&out, &mut written);
            sending = self.lock();
            sending.writing = false;
            self.free.notify_one();
            out.drain(..written);
            if let Err(error) = result {
                // What is left goes first, whenever it goes.
                out.append(&mut sending.out);
                sending.out = out;
                return Err(error);
            }
            sending.spare = out;
        }
        if sending.shut {
            let _ = self.line().shutdown();
        }
        Ok(())
    }
}

/// What the receiving side reaches through the lock.
struct Half<'a, R, W> {
    line: &'a mut Line<R>,
    shared: &'a Shared<W>,
    close_timeout: Duration,
}

impl<R: Read, W: Write> Driver for Half<'_, R, W> {
    type Stream = R;

    fn with<T>(&mut self, f: impl FnOnce(&mut Outgoing, &mut Vec<u8>) -> T) -> T {
        let Sending { outgoing, out, .. } = &mut *self.shared.lock();
        f(outgoing, out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.shared.write(self.shared.lock())
    }

    fn stream(&mut self) -> &mut R {
        &mut self.line.stream
    }

    fn set_read_timeout(&mut self, time: Option<Duration>) -> io::Result<bool> {
        self.line.set_read_timeout(time)
    }

    // Who writes holds this lock, and may do so for as long as the peer does not read.
    fn limit_writing(&mut self, time: Duration) -> io::Result<bool> {
        match self.shared.stream.try_lock() {
            Ok(mut line) => line.limit_writing(time),
            Err(_) => Ok(true),
        }
    }

    fn shutdown(&mut self, now: bool) -> io::Result<()> {
        let mut sending = self.shared.lock();
        sending.shut = true;
        match sending.writing {
            false => self.shared.line().shutdown(),
            // The same socket by its other handle: the write fails.
            true if now => self.line.shutdown(),
            true => Ok(()),
        }
    }

    // The other half may begin a close while a read waits.
    fn nap(&self) -> Option<Duration> {
        Some(self.close_timeout)
    }
}

impl<R: Read, W: Write> Source for ReadHalf<R, W> {
    fn next_part(&mut self) -> Result<Option<Part>, Error> {
        let (inbox, mut driver) = self.driver();
        inbox.next_part(&mut driver)
    }

    fn data(&mut self, place: &Place) -> &mut [u8] {
        self.inbox.data(place)
    }
}

impl<W: Write> Sink for WriteHalf<W> {
    fn borrow(&mut self) -> (Vec<u8>, usize) {
        (mem::take(&mut self.part), self.shared.fragment)
    }

    fn give_back(&mut self, part: Vec<u8>) {
        self.part = part;
    }

    fn frame(&mut self, step: Step, part: &[u8]) -> Result<(), Error> {
        self.put(|outgoing, out| {
            match step {
                Step::Whole(kind) => outgoing.send(kind, part, out)?,
                Step::First(kind) => outgoing.begin(kind, part, out)?,
                Step::Next => outgoing.more(part, out)?,
                Step::Last => outgoing.finish_message(part, out)?,
            }
            Ok(())
        })
    }

    fn write_out(&mut self) -> Result<(), Error> {
        self.flush()
    }
}

impl<R: fmt::Debug, W> fmt::Debug for ReadHalf<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf")
            .field("stream", &self.line.stream)
            .field("state", &self.shared.lock().outgoing.state())
            .finish_non_exhaustive()
    }
}

impl<W> fmt::Debug for WriteHalf<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf")
            .field("state", &self.shared.lock().outgoing.state())
            .finish_non_exhaustive()
    }
}
