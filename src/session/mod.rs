//! One endpoint of a connection, without I/O: bytes in, events out; commands in, bytes out. From the
//! end of the opening handshake to the close of the transport (RFC 6455 §5–7).
//!
//! | to | use |
//! |---|---|
//! | run a connection | [`Session`]: answers pings and close frames, knows the [`SessionState`], keeps the timers |
//! | send | [`Sender`], the sending side of a session; [`Outbox`], the same with its output |
//! | set what it does by itself, and its times | [`SessionOptions`] |
//! | decide on a client's request, extensions and all | [`Upgrade`] |
//! | ask a server, and begin when it agrees | [`Connect`] |
//!
//! There is no clock and no source of random numbers here. The time is an argument of
//! [`Session::tick`], as the time since any moment that the caller likes; a client's mask keys come
//! from its [`MaskSource`].
//!
//! The session appends its output to a buffer of the caller, who sends it and takes it out. If the
//! caller keeps reading while that buffer does not empty, the buffer grows: the caller must watch
//! its length and apply back-pressure.
//!
//! # Timers
//!
//! One rule holds for all timers, in every layer and language: a deadline starts when the bytes that
//! it is about have left, and any progress moves it. The session does no I/O, so the caller reports
//! how many bytes the transport has accepted ([`sent`](Session::sent)) and how many still wait
//! (`unsent` of [`tick`](Session::tick)). With both, the session knows the position of each frame in
//! its output.
//!
//! - **Close** (RFC 6455 §7.1.1). Our close frame is the last frame that the session sends. While it
//!   waits in the output, any outbound progress moves the deadline to one
//!   [`close_timeout`](SessionOptions::close_timeout) from now; without progress for that long the session
//!   fails with [`NoClose`](crate::PeerError::NoClose). When the close frame has left, the peer has
//!   `close_timeout` to answer. Bytes of messages that it still sends move the deadline; pings and
//!   pongs do not. The close as a whole takes at most 10 times `close_timeout` after the close frame
//!   has left, so that a peer can't hold a closing connection for ever. After a failure the session
//!   is [`Closed`](SessionState::Closed) and reads nothing more, so inbound bytes are no progress.
//! - **Heartbeat** (RFC 6455 §5.5.2). After [`heartbeat`](SessionOptions::heartbeat) without any sign of life
//!   the session sends a ping. When the ping has left, the peer has
//!   [`pong_timeout`](SessionOptions::pong_timeout) to send anything at all. Before that, outbound progress
//!   moves the deadline, and a stall of `pong_timeout` fails the session with
//!   [`NoPong`](crate::PeerError::NoPong). Whatever is received is a sign of life. Outbound progress
//!   is one only if bytes were waiting at the last look at the clock: then the kernel's buffer was
//!   full, and acknowledgements of the peer made room. If no bytes were waiting, progress proves
//!   nothing, because the kernel accepts small writes for a dead peer too.
//! - **Idle**. The session closes with 1001 when no message came for [`idle`](SessionOptions::idle).
//! - **Paused reading**. While the caller does not read ([`set_reading`](Session::set_reading)), the
//!   peer can't show that it lives: the heartbeat does not fail it, and the connection is not idle.
//!   Both times start anew when the caller reads again.
//! - **Read first**. The caller hands over all bytes that have arrived before it applies a deadline.
//!   After a pause of the process (a debugger, a suspended laptop, a long computation) the answer
//!   may lie in the socket already.
//! - **Reasons stay**. An ending that we cause keeps our own error in
//!   [`Outcome::fault`], and a close code that was received is the connection's
//!   (RFC 6455 §7.1.5), whatever happens to the transport afterwards.
//!
//! ```
//! use wscodec::session::{SessionOptions, Event, Session, SessionState};
//! use wscodec::CloseCode;
//!
//! let config = SessionOptions::default();
//! let mut server = Session::server(&config);
//! let mut client = Session::client(|| [1, 2, 3, 4], &config);
//! let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//!
//! let mut outbox = client.outbox(&mut to_server);
//! outbox.text("Hello")?;
//! outbox.ping(b"?")?;
//! outbox.close(CloseCode::NORMAL, "bye")?;
//!
//! let mut input = &mut to_server[..];
//! while let Some((event, sender)) = server.receive(&mut input, &mut to_client)? {
//!     if let Event::Message(message) = event {
//!         sender.send(message.kind, message.payload, &mut to_client)?;
//!     }
//! }
//! assert_eq!(server.state(), SessionState::Closed);
//!
//! let mut input = &mut to_client[..];
//! let mut seen = Vec::new();
//! while let Some((event, _)) = client.receive(&mut input, &mut to_server)? {
//!     seen.push(match event {
//!         Event::Message(message) => message.text().unwrap().to_owned(),
//!         Event::Pong(payload) => format!("pong {payload:?}"),
//!         event => format!("{event:?}"),
//!     });
//! }
//! assert_eq!(seen[..2], ["Hello", "pong [63]"]);
//! assert!(client.outcome().unwrap().clean);
//! # Ok::<(), wscodec::ErrorKind>(())
//! ```

mod batch;
mod config;
mod connect;
mod control;
mod extension;
mod outbox;
mod outcome;
mod receive;
mod sender;
mod timers;
mod upgrade;

use alloc::vec::Vec;

pub use config::SessionOptions;
pub use connect::{Connect, Connected};
pub use extension::{In, Out};
pub use outbox::{Appended, BufferOutput, Outbox, Output};
pub use outcome::{Outcome, SessionState};
pub use sender::Sender;
pub use timers::IdleTimers;
pub use upgrade::{Policy, Upgrade};

pub use crate::message::{Event, Piece};

use crate::frame::Role;
use crate::message::{
    InboundExtension, MaskSource, MessageDecoder, MessageEncoder, NoExtension, OutboundExtension,
    Unmasked,
};

/// The decoder that uses a [`DeflatePool`](crate::deflate::DeflatePool), where there is compression.
#[cfg(feature = "deflate")]
pub type PooledIn =
    Option<alloc::boxed::Box<crate::deflate::Decompressor<crate::deflate::PooledInflate>>>;
/// The encoder that uses a [`DeflatePool`](crate::deflate::DeflatePool), where there is compression.
#[cfg(feature = "deflate")]
pub type PooledOut =
    Option<alloc::boxed::Box<crate::deflate::Compressor<crate::deflate::PooledDeflate>>>;

/// An event or a piece that a session has received, if there is one, and the sender to answer it
/// with.
pub type Received<'r, T, M, O> = Option<(T, &'r mut Sender<M, O>)>;

/// One endpoint of a connection: see the [module](self).
///
/// Commands to send are given to its [`sender`](Self::sender), or to an [`outbox`](Self::outbox) of
/// it. An event comes with the sender too, so that the caller can answer the event while it is lent.
/// All other methods concern the endpoint as a whole.
///
/// It holds no buffer but for a message that comes in parts and what extensions need:
/// [`memory`](Self::memory) says how much that is.
#[derive(Debug)]
pub struct Session<M = Unmasked, I = NoExtension, O = NoExtension> {
    decoder: MessageDecoder<I>,
    sender: Sender<M, O>,
}

impl Session {
    /// A server's end, without extensions.
    pub fn server(config: &SessionOptions) -> Self {
        Self::new(Role::Server, Unmasked, NoExtension, NoExtension, config)
    }
}

impl<M: MaskSource> Session<M> {
    /// A client's end, masked with these keys (see [`MaskSource`]), without extensions.
    pub fn client(keys: M, config: &SessionOptions) -> Self {
        Self::new(Role::Client, keys, NoExtension, NoExtension, config)
    }
}

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Session<M, I, O> {
    /// Either end, with the extensions agreed on; [`Upgrade`] and [`Connect`] do this for
    /// permessage-deflate.
    pub fn new(role: Role, keys: M, inbound: I, outbound: O, config: &SessionOptions) -> Self {
        let decoder = MessageDecoder::with_extension(role, &config.limits, inbound)
            .dangerously_accept_unmasked(config.dangerously_accept_unmasked)
            .dangerously_accept_invalid_utf8(config.dangerously_accept_invalid_utf8);
        let encoder = MessageEncoder::new(keys, outbound)
            .dangerously_send_invalid_utf8(config.dangerously_accept_invalid_utf8);
        Self {
            decoder,
            sender: Sender::new(encoder, config),
        }
    }

    /// Counts offsets from here instead of 0: for a stream whose handshake was read before.
    #[must_use]
    pub fn with_offset(self, offset: u64) -> Self {
        Self {
            decoder: self.decoder.with_offset(offset),
            ..self
        }
    }

    /// The sending side.
    #[inline]
    pub fn sender(&mut self) -> &mut Sender<M, O> {
        &mut self.sender
    }

    /// The sending side with the buffer that it appends to.
    pub fn outbox<'a>(&'a mut self, out: &'a mut Vec<u8>) -> Outbox<BufferOutput<'a, M, O>> {
        self.sender.outbox(out)
    }

    /// Bytes held for messages in parts. At most
    /// [`Limits::message`](crate::Limits::message) of a message, and what growing needs.
    pub fn buffered(&self) -> usize {
        self.decoder.buffered() + self.sender.encoder.buffered()
    }

    /// All bytes held besides the session itself, those of its extensions too.
    pub fn memory(&self) -> usize {
        self.decoder.buffered() + self.decoder.extension().memory() + self.sender.memory()
    }

    /// Gives back what is held for messages in parts, as far as no begun message needs it.
    pub fn shrink(&mut self) {
        self.decoder.shrink();
        self.sender.encoder.shrink();
    }

    /// Gives all memory back that is not needed until the next message, that of extensions too: for
    /// connections that are idle.
    pub fn release(&mut self) {
        self.decoder.shrink();
        self.decoder.extension_mut().release();
        self.sender.release();
    }

    /// Bytes received so far, from the offset begun with.
    pub fn offset(&self) -> u64 {
        self.decoder.offset()
    }
}
