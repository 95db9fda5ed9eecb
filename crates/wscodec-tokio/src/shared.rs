//! A connection that several handles share, and what they do with it.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use wscodec::message::{FoundEvent, Place, Prepared};
use wscodec::{ErrorKind, Fault, MisuseError};

use crate::connection::{Connection, Fed, Sending, SharedSession, Step};
use crate::input::CUT;
use crate::message::{CloseFrame, Message};
use crate::names::{Error, Event, Kind, MessageRef};

type Spawn<S> = fn(&Handle, Arc<Shared<S>>);

/// A connection that several handles share: the halves, and the task that writes the queue.
pub(crate) struct Shared<S> {
    connection: Mutex<Connection<S>>,
    /// Spawns the task that writes the queue; a pointer, so that only those who make a connection
    /// need a stream that can move between threads.
    spawn: Option<Spawn<S>>,
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
        })
    }

    pub(crate) fn new(connection: Connection<S>) -> Arc<Self>
    where
        S: Send + 'static,
    {
        Arc::new(Self {
            connection: Mutex::new(connection),
            spawn: Some(|handle, shared| {
                handle.spawn(std::future::poll_fn(move |cx| {
                    let mut connection = shared.lock();
                    let polled = connection.poll_push_or_stall(cx);
                    connection.flushing = polled.is_pending();
                    polled.map(drop)
                }));
            }),
        })
    }

    /// Sees to it that what is queued leaves, though this poll does not wait for it. While undecoded
    /// bytes are held, more is likely to be queued before the caller yields, so the write is left to
    /// a task that runs when it does.
    fn flush_soon(self: &Arc<Self>, connection: &mut Connection<S>, cx: &mut Context<'_>) {
        if connection.queued() == 0 || connection.flushing {
            return;
        }
        if (connection.input.is_empty() || self.spawn.is_none())
            && connection.poll_push(cx).is_ready()
        {
            return;
        }
        if let (Some(spawn), Ok(handle)) = (self.spawn, Handle::try_current()) {
            connection.flushing = true;
            connection.share();
            spawn(&handle, Arc::clone(self));
        } else {
            let _ = connection.poll_push(cx);
        }
    }

    /// The next result of `step`.
    pub(crate) fn poll_read<R>(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        direct: bool,
        step: impl FnMut(&mut SharedSession, Fed<'_, '_>, &mut Vec<u8>) -> Result<Step<R>, Fault>,
    ) -> Poll<Option<Result<R, Error>>> {
        let mut connection = self.lock();
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
            Found::InPlace(text, len) => {
                let payload = connection.input.cut(len);
                Message::owned(text, payload)
            }
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
        self.poll_queue(cx, message, true, |message, sending, out| {
            message.send(sending, out)
        })
    }

    /// Queues a message when there is room for it; `message` is taken when it is queued.
    pub(crate) fn poll_feed(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        self.poll_queue(cx, message, false, |message, sending, out| {
            message.send(sending, out)
        })
    }

    /// As [`poll_send`](Self::poll_send), for a prepared message.
    pub(crate) fn poll_prepared(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        message: &mut Option<&Prepared>,
    ) -> Poll<Result<(), Error>> {
        self.poll_queue(cx, message, true, |message, sending, out| {
            Ok(sending.prepared(message, out)?)
        })
    }

    /// Queues `item` by `f` when there is room. With `write`, waits until all that is queued is
    /// written, unless undecoded bytes are held.
    pub(crate) fn poll_queue<T>(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        write: bool,
        f: impl FnOnce(T, &mut Sending, &mut Vec<u8>) -> Result<(), Error>,
    ) -> Poll<Result<(), Error>> {
        let mut connection = self.lock();
        if item.is_some() {
            ready!(connection.poll_room(cx))?;
            if let Some(item) = item.take() {
                connection.queue(|sending, out| f(item, sending, out))?;
            }
        }
        if !write {
            return Poll::Ready(Ok(()));
        }
        if !connection.input.is_empty() && self.spawn.is_some() {
            self.flush_soon(&mut connection, cx);
            if connection.flushing {
                return Poll::Ready(Ok(()));
            }
        }
        connection.poll_push_or_stall(cx)
    }
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
            let found = match (message.payload.len(), in_place) {
                (CUT.., true) => Found::InPlace(text, message.payload.len()),
                (KEPT.., false) => Found::PutTogether(text),
                _ => {
                    let payload = Bytes::copy_from_slice(message.payload);
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
