//! The polls of a connection that its whole and its halves have in common.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use wscodec::CloseCode;

use crate::connection::{Fed, Step};
use crate::message::Message;
use crate::names::{Error, Event, MessageRef, SessionState};
use crate::outbox::{Outbox, outbox};
use crate::outcome::Outcome;
use crate::shared::Shared;

/// Lends the next message to `f`: see [`WebSocket::lend`](crate::WebSocket::lend).
pub(crate) fn poll_lend<S, F, R>(
    shared: &Arc<Shared<S>>,
    cx: &mut Context<'_>,
    f: &mut Option<F>,
) -> Poll<Option<Result<R, Error>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: FnOnce(MessageRef<'_>, &mut Outbox<'_>) -> R,
{
    let mut connection = shared.lock();
    let room = connection.poll_room(cx);
    connection.session.set_reading(room.is_ready());
    // An error shows when nothing more can be read.
    let _ = ready!(room);
    shared.poll_read_locked(connection, cx, true, |session, fed, out| {
        let received = match fed {
            Fed::Bytes(input) => session.receive(input, out)?,
            Fed::Filled(len) => session.fill(len, out)?,
        };
        let Some((event, sending)) = received else {
            return Ok(Step::Nothing);
        };
        let Event::Message(message) = event else {
            return Ok(Step::Other);
        };
        Ok(match f.take() {
            Some(f) => Step::Found(f(message, &mut outbox(sending, out)), true),
            None => Step::Other,
        })
    })
}

/// Sends a close frame, if that is still there, and receives to the end.
pub(crate) fn poll_close<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Arc<Shared<S>>,
    cx: &mut Context<'_>,
    message: &mut Option<Message>,
) -> Poll<Result<Outcome, Error>> {
    if let Some(message) = message.take() {
        let mut connection = shared.lock();
        let queued = connection.queue(|sending, out| message.send(sending, out));
        if let Err(error @ Error::Misuse(_)) = queued {
            return Poll::Ready(Err(error));
        }
    }
    loop {
        match ready!(shared.poll_recv(cx)) {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Poll::Ready(Err(error)),
            None => {
                let outcome = Outcome::of(&shared.lock().session);
                return Poll::Ready(outcome.ok_or_else(|| wscodec::MisuseError::Closing.into()));
            }
        }
    }
}

/// Sends a close frame, if none was sent, and writes it.
pub(crate) fn sink_close<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Arc<Shared<S>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Error>> {
    let mut connection = shared.lock();
    if connection.session.state() == SessionState::Closed {
        let _ = ready!(connection.poll_push_or_stall(cx));
        return Poll::Ready(Ok(()));
    }
    let close = Message::close(CloseCode::NORMAL, "")?;
    connection.queue(|sending, out| close.send(sending, out))?;
    connection.poll_push_or_stall(cx)
}
