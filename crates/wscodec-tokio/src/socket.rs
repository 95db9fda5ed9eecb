//! A connection that answers pings and closes its transport by itself.
//!
//! A codec can't write while it reads, so `Framed` alone leaves both to the caller: a loop that only
//! reads never sends a pong, and nobody closes the transport after the close handshake, for which a
//! client waits (RFC 6455 §7.1.1). [`Socket`] puts the two sides together: whenever it is polled for
//! an item it also writes the answers that wait in the codec, and after the last item it flushes,
//! shuts down the stream, and ends.
//!
//! An error of writing is kept back until nothing more is received: the peer's last messages and its
//! close frame may have arrived before.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Framed, FramedParts};
use wscodec::io::Error;
use wscodec::message::{InboundExtension, MaskSource, NoExtension, OutboundExtension, Unmasked};
use wscodec::session::{Session, SessionState};

use crate::{Codec, Item};

/// A WebSocket over an asynchronous stream: a `Stream` and a `Sink` of [`Item`]s.
///
/// It ends when both sides have closed, or after an error: then it has sent all that waited, and has
/// shut down its side of the transport. [`session`](Self::session) tells how it ended.
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use wscodec::session::{SessionOptions, Session};
/// use wscodec_tokio::{Item, Socket};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// // Two ends whose handshake is done.
/// let (here, there) = tokio::io::duplex(1024);
/// let mut server = Socket::new(here, Session::server(&SessionOptions::default()), b"");
/// let client = Session::client(|| [1, 2, 3, 4], &SessionOptions::default());
/// let mut client = Socket::new(there, client, b"");
///
/// client.send(Item::Text("Hello".to_owned())).await?;
/// client.send(Item::Close(None)).await?;
/// assert_eq!(server.next().await.unwrap()?, Item::Text("Hello".to_owned()));
/// assert_eq!(server.next().await.unwrap()?, Item::Close(None));
/// assert!(server.next().await.is_none());
/// assert_eq!(client.next().await.unwrap()?, Item::Close(None));
/// assert!(client.next().await.is_none());
/// assert!(client.session().outcome().unwrap().clean);
/// # Ok::<(), wscodec::io::Error>(())
/// # })?;
/// # Ok::<(), wscodec::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Socket<T, M = Unmasked, I = NoExtension, O = NoExtension> {
    framed: Framed<T, Codec<M, I, O>>,
    /// Writing has failed.
    lost: bool,
    /// What ended it, until that is told.
    error: Option<Error>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The last item was handed out: what waits is sent, and the stream shut down.
    Ending,
    Done,
}

impl<T, M, I, O> Socket<T, M, I, O>
where
    T: AsyncRead + AsyncWrite + Unpin,
    M: MaskSource + Unpin,
    I: InboundExtension + Unpin,
    O: OutboundExtension + Unpin,
{
    /// A connection whose handshake is done; `came` are bytes that came behind the head.
    pub fn new(stream: T, session: Session<M, I, O>, came: &[u8]) -> Self {
        let mut parts = FramedParts::new::<Item>(stream, Codec::new(session));
        parts.read_buf.extend_from_slice(came);
        Self {
            framed: Framed::from_parts(parts),
            lost: false,
            error: None,
            phase: Phase::Open,
        }
    }

    /// The session: its state, and how it ended.
    pub fn session(&self) -> &Session<M, I, O> {
        self.framed.codec().session()
    }

    /// The session, for its timers. What they send goes with the next poll.
    pub fn session_mut(&mut self) -> &mut Session<M, I, O> {
        self.framed.codec_mut().session_mut()
    }

    /// Writes as much as goes of what waits.
    fn push(&mut self, cx: &mut Context<'_>) {
        if self.lost {
            return;
        }
        let framed = &mut self.framed;
        if framed.codec().waiting() > 0
            && let Poll::Ready(Ok(())) = Pin::new(&mut *framed).poll_ready(cx)
        {
            // It can't fail: there is nothing to encode.
            let _ = Pin::new(&mut *framed).start_send(Item::Answers);
        }
        if !framed.write_buffer().is_empty()
            && let Poll::Ready(Err(_)) = Pin::new(framed).poll_flush(cx)
        {
            self.lost = true;
        }
    }

    /// Sends what waits, and shuts the stream down. What goes wrong no longer matters.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.lost && self.framed.codec().waiting() > 0 {
            match ready!(Pin::new(&mut self.framed).poll_ready(cx)) {
                Ok(()) => drop(Pin::new(&mut self.framed).start_send(Item::Answers)),
                Err(_) => self.lost = true,
            }
        }
        if !self.lost {
            let _ = ready!(Pin::new(&mut self.framed).poll_close(cx));
        }
        Poll::Ready(())
    }
}

impl<T, M, I, O> Stream for Socket<T, M, I, O>
where
    T: AsyncRead + AsyncWrite + Unpin,
    M: MaskSource + Unpin,
    I: InboundExtension + Unpin,
    O: OutboundExtension + Unpin,
{
    type Item = Result<Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.phase == Phase::Open {
            this.push(cx);
            match ready!(Pin::new(&mut this.framed).poll_next(cx)) {
                Some(Ok(item)) => {
                    // A pong, or the answer to a close frame, leaves at once.
                    this.push(cx);
                    if this.session().state() == SessionState::Closed {
                        this.phase = Phase::Ending;
                    }
                    return Poll::Ready(Some(Ok(item)));
                }
                Some(Err(error)) => {
                    // For a failed transport, the codec was not asked.
                    let _ = this.session_mut().finish();
                    this.error = Some(error);
                    this.phase = Phase::Ending;
                }
                None => this.phase = Phase::Ending,
            }
        }
        if this.phase == Phase::Ending {
            ready!(this.poll_end(cx));
            this.phase = Phase::Done;
        }
        Poll::Ready(this.error.take().map(Err))
    }
}

impl<T, M, I, O> Sink<Item> for Socket<T, M, I, O>
where
    T: AsyncRead + AsyncWrite + Unpin,
    M: MaskSource + Unpin,
    I: InboundExtension + Unpin,
    O: OutboundExtension + Unpin,
{
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.framed).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, item: Item) -> Result<(), Error> {
        Pin::new(&mut self.framed).start_send(item)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.framed).poll_flush(cx)
    }

    /// Sends what waits, and shuts the stream down. Send [`Item::Close`] before, and read to the
    /// end.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.framed).poll_close(cx)
    }
}
