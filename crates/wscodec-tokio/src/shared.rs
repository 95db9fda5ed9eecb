//! A connection that several handles share, and the operations of these handles.
//!
//! Problem: a `WebSocket` and its two halves use one connection, perhaps from two tasks. Each future
//! may be dropped at any time. Answers to messages that arrived together should leave in one write,
//! although the caller awaits each `send`.
//!
//! Choice: the connection is behind a mutex that is never held across an await; each poll locks it
//! once. A `send` while more input is at hand only queues the message, and starts a task (`Flusher`)
//! that writes the queue when the caller's task yields. Streams that cannot move between threads have
//! no such task, and write at once (`spawn` is `None`).
//!
//! Invariants: an item is taken out of the caller's `Option` only when it is queued, so a future that
//! is dropped before has done nothing, and one that is dropped later has queued the whole item. At most
//! one flusher runs (`flushing`). It unsets the flag while it holds the lock, so a caller that sees the
//! flag can rely on a write that is still to come. A closure of the caller that panics leaves no
//! partial state, so a poisoned lock is used on.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use wscodec::message::{FoundEvent, Place, Prepared};
use wscodec::{ErrorKind, Fault, MisuseError};

use crate::connection::{Connection, Fed, Sending, SharedSession, Step};
use crate::input::copied;
use crate::message::{CloseFrame, Message};
use crate::names::{Error, Event, Kind, MessageRef};
use crate::queue::LARGE;

type Spawn<S> = fn(&Handle, Flusher<S>);

/// A connection that several handles share: the halves, and the task that writes the queue.
pub(crate) struct Shared<S> {
    connection: Mutex<Connection<S>>,
    /// Spawns the task that writes the queue; a pointer, so that only those who make a connection
    /// need a stream that can move between threads.
    spawn: Option<Spawn<S>>,
    /// There is a [`Flusher`]. Changed while the connection is locked, but for the drop of a flusher.
    flushing: AtomicBool,
}

impl<S> Shared<S> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection<S>> {
        // A panic in a closure of the caller's leaves nothing half done here.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// For `Debug`.
    pub(crate) fn describe(&self, mut f: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        if let Ok(connection) = self.connection.try_lock() {
            f.field("state", &connection.session.state());
            f.field("queued", &connection.queued());
        }
        f.finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Shared<S> {
    /// For streams that can't move between threads: what is sent is always written at once.
    pub(crate) fn local(connection: Connection<S>) -> Arc<Self> {
        Arc::new(Self {
            connection: Mutex::new(connection),
            spawn: None,
            flushing: AtomicBool::new(false),
        })
    }

    pub(crate) fn new(connection: Connection<S>) -> Arc<Self>
    where
        S: Send + 'static,
    {
        Arc::new(Self {
            connection: Mutex::new(connection),
            spawn: Some(|handle, flusher| drop(handle.spawn(flusher))),
            flushing: AtomicBool::new(false),
        })
    }

    /// Sees to it that what is queued leaves, though this poll does not wait for it. While undecoded
    /// bytes are held, more is likely to be queued before the caller yields, so the write is left to
    /// a task that runs when it does.
    #[inline]
    fn flush_soon(self: &Arc<Self>, connection: &mut Connection<S>, cx: &mut Context<'_>) {
        if connection.queued() > 0 && !self.is_flushing() {
            self.flush_by_task(connection, cx);
        }
    }

    fn flush_by_task(self: &Arc<Self>, connection: &mut Connection<S>, cx: &mut Context<'_>) {
        if (connection.input.is_empty() || self.spawn.is_none())
            && connection.poll_push(cx).is_ready()
        {
            return;
        }
        if let (Some(spawn), Ok(handle)) = (self.spawn, Handle::try_current()) {
            self.flushing.store(true, Ordering::Relaxed);
            connection.share();
            spawn(&handle, Flusher(Arc::clone(self)));
        } else {
            let _ = connection.poll_push(cx);
        }
    }

    fn is_flushing(&self) -> bool {
        self.flushing.load(Ordering::Relaxed)
    }

    /// The next result of `step`.
    pub(crate) fn poll_read<R>(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        direct: bool,
        step: impl FnMut(&mut SharedSession, Fed<'_, '_>, &mut Vec<u8>) -> Result<Step<R>, Fault>,
    ) -> Poll<Option<Result<R, Error>>> {
        let connection = self.lock();
        self.poll_read_locked(connection, cx, direct, step)
    }

    /// As [`poll_read`](Self::poll_read), for a caller that has locked the connection.
    pub(crate) fn poll_read_locked<R>(
        self: &Arc<Self>,
        mut connection: MutexGuard<'_, Connection<S>>,
        cx: &mut Context<'_>,
        direct: bool,
        step: impl FnMut(&mut SharedSession, Fed<'_, '_>, &mut Vec<u8>) -> Result<Step<R>, Fault>,
    ) -> Poll<Option<Result<R, Error>>> {
        let found = ready!(connection.poll_read(cx, direct, step));
        Poll::Ready(found.map(|found| {
            let (result, soon) = found?;
            connection.input.settle();
            if soon {
                self.flush_soon(&mut connection, cx);
            }
            Ok(result)
        }))
    }

    /// The next message or control frame.
    pub(crate) fn poll_recv(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        let mut connection = self.lock();
        let Some(found) = ready!(connection.poll_read(cx, true, recv)) else {
            return Poll::Ready(None);
        };
        let (found, soon) = found?;
        let message = match found {
            Found::Owned(message) => message,
            Found::InPlace(text, len) => Message::owned(text, connection.input.take(len)),
            Found::PutTogether(text) => {
                let payload = connection.session.take_message();
                Message::owned(text, payload.unwrap_or_default().into())
            }
        };
        connection.input.settle();
        if soon {
            self.flush_soon(&mut connection, cx);
        }
        Poll::Ready(Some(Ok(message)))
    }

    /// Queues a message when there is room for it, and writes; `message` is taken when it is queued.
    pub(crate) fn poll_send(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        self.poll_queue(cx, message, Write::All, Connection::queue_message)
    }

    /// Queues a message when there is room for it; `message` is taken when it is queued.
    pub(crate) fn poll_feed(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        self.poll_queue(cx, message, Write::Later, Connection::queue_message)
    }

    /// As [`poll_send`](Self::poll_send), for a prepared message.
    pub(crate) fn poll_prepared(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        message: &mut Option<&Prepared>,
    ) -> Poll<Result<(), Error>> {
        self.poll_queue(cx, message, Write::All, |connection, message| {
            connection.queue(|sending, out| Ok(sending.prepared(message, out)?))
        })
    }

    /// Queues the first fragment of a message.
    pub(crate) async fn begin(self: &Arc<Self>, kind: Kind, part: &[u8]) -> Result<(), Error> {
        self.queue_part(|sending, out| sending.begin(kind, part, out))
            .await
    }

    /// Queues the next fragment of a message.
    pub(crate) async fn more(self: &Arc<Self>, part: &[u8]) -> Result<(), Error> {
        self.queue_part(|sending, out| sending.more(part, out))
            .await
    }

    /// Queues the last fragment of a message.
    pub(crate) async fn finish(self: &Arc<Self>, part: &[u8]) -> Result<(), Error> {
        self.queue_part(|sending, out| sending.finish(part, out))
            .await
    }

    /// The future is ready in the poll that queues the fragment. If it waited for the write too, a
    /// caller who dropped it could not know whether the fragment is to be given again.
    async fn queue_part(
        self: &Arc<Self>,
        f: impl FnOnce(&mut Sending, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let mut f = Some(f);
        poll_fn(|cx| {
            self.poll_queue(cx, &mut f, Write::Soon, |connection, f| {
                connection.queue(|sending, out| Ok(f(sending, out)?))
            })
        })
        .await
    }

    /// Queues `item` by `f` when there is room.
    fn poll_queue<T>(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        write: Write,
        f: impl FnOnce(&mut Connection<S>, T) -> Result<(), Error>,
    ) -> Poll<Result<(), Error>> {
        let mut connection = self.lock();
        if item.is_some() {
            ready!(connection.poll_room(cx))?;
            if let Some(item) = item.take() {
                f(&mut connection, item)?;
            }
        }
        match write {
            Write::Later => Poll::Ready(Ok(())),
            Write::Soon => {
                self.flush_soon(&mut connection, cx);
                Poll::Ready(Ok(()))
            }
            Write::All => {
                if !connection.input.is_empty() && self.spawn.is_some() {
                    self.flush_soon(&mut connection, cx);
                    if self.is_flushing() {
                        return Poll::Ready(Ok(()));
                    }
                }
                connection.poll_push_or_stall(cx)
            }
        }
    }
}

/// The task that writes the queue of a connection once, when the tasks that feed it wait.
///
/// A runtime that shuts down drops it, also within `spawn`, where the connection is locked. So the
/// mark that it is there lies outside of the lock.
struct Flusher<S>(Arc<Shared<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Flusher<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut connection = self.0.lock();
        ready!(connection.poll_push_or_stall(cx)).ok();
        // Before the lock is gone, so that nobody counts on this flusher from now on.
        self.0.flushing.store(false, Ordering::Relaxed);
        Poll::Ready(())
    }
}

impl<S> Drop for Flusher<S> {
    fn drop(&mut self) {
        self.0.flushing.store(false, Ordering::Relaxed);
    }
}

/// When a message that was queued is written.
#[derive(Clone, Copy)]
enum Write {
    /// When the caller receives or flushes.
    Later,
    /// As far as the stream takes it now, and the rest without the caller.
    Soon,
    /// Before the future is ready, unless undecoded bytes are held.
    All,
}

/// From this length on, a message keeps the memory that the session put it together in. Shorter ones are
/// copied, so that the session can use its memory again.
const KEPT: usize = 16 << 10;

/// A result of [`recv`].
enum Found {
    Owned(Message),
    /// A message whose payload is the last `len` bytes that were decoded of the input; with a text
    /// that is known to be UTF-8, or not.
    InPlace(bool, usize),
    /// A large message that the session has put together.
    PutTogether(bool),
}

fn recv(
    session: &mut SharedSession,
    fed: Fed<'_, '_>,
    out: &mut Vec<u8>,
) -> Result<Step<Found>, Fault> {
    let (event, in_place) = match fed {
        Fed::Bytes(input) => {
            let bytes = mem::take(input);
            let mut at = 0;
            let found = session.find(bytes, &mut at, out);
            let (taken, rest) = bytes.split_at_mut(at);
            *input = rest;
            let Some(found) = found? else {
                return Ok(Step::Nothing);
            };
            let place = match &found {
                FoundEvent::Message(message) => Some(&message.place),
                _ => None,
            };
            let in_place = matches!(place, Some(Place::Input(_)));
            (session.decoder().lend(taken, &found), in_place)
        }
        Fed::Filled(len) => match session.fill(len, out)? {
            Some((event, _)) => (event, false),
            None => return Ok(Step::Nothing),
        },
    };
    Ok(match event {
        Event::Message(message) => {
            let text = is_text(&message);
            let found = match message.payload.len() {
                len if in_place => Found::InPlace(text, len),
                KEPT.. => Found::PutTogether(text),
                _ => {
                    let payload = copied(message.payload);
                    Found::Owned(Message::owned(text, payload))
                }
            };
            Step::Found(found, false)
        }
        Event::Ping(payload) => {
            let payload = Bytes::copy_from_slice(payload);
            Step::Found(Found::Owned(Message::Ping(payload)), true)
        }
        Event::Pong(payload) => {
            let payload = Bytes::copy_from_slice(payload);
            Step::Found(Found::Owned(Message::Pong(payload)), false)
        }
        Event::Close(close) => {
            let close = close.map(CloseFrame::from);
            Step::Found(Found::Owned(Message::Close(close)), true)
        }
    })
}

/// Whether a message is text that is known to be UTF-8.
pub(crate) fn is_text(message: &MessageRef<'_>) -> bool {
    message.kind == Kind::Text && !message.opaque
}

impl Message {
    /// A data message with a [`LARGE`] payload.
    pub(crate) fn as_large(&self) -> Option<MessageRef<'_>> {
        let (kind, payload) = match self {
            Self::Text(text) => (Kind::Text, text.as_ref()),
            Self::Binary(payload) => (Kind::Binary, &payload[..]),
            _ => return None,
        };
        (payload.len() >= LARGE).then_some(MessageRef {
            kind,
            payload,
            ascii: false,
            // `Utf8Bytes` is checked.
            opaque: false,
        })
    }

    pub(crate) fn send(self, sending: &mut Sending, out: &mut Vec<u8>) -> Result<(), Error> {
        let result = match &self {
            Self::Text(text) => sending.text(text, out),
            Self::Binary(payload) => sending.binary(payload, out),
            Self::Ping(payload) => sending.ping(payload, out),
            Self::Pong(payload) => sending.pong(payload, out),
            Self::Close(close) => {
                let (code, reason) = match close {
                    Some(close) => (Some(close.code), &*close.reason),
                    None => (None, ""),
                };
                match sending.close(code, reason, out) {
                    // The session has answered the peer's close frame already.
                    Err(ErrorKind::Misuse(MisuseError::Closing)) => Ok(()),
                    result => result,
                }
            }
        };
        Ok(result?)
    }
}
