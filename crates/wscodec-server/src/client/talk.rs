//! The call of a client: its options, its handler, and its end.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::string::String;

#[cfg(doc)]
use super::nonce;
use super::stop::Stop;
use crate::net::Input;
use wscodec::error::{CloseCode, Fault};
use wscodec::handshake::UpgradeResponse;
use wscodec::io::Keys;
use wscodec::session::{BufferOutput, Connect, Event, Out, Outbox, SessionOptions};

/// A call: the server, the request, and the options of the connection.
#[derive(Debug)]
pub struct Call<'a> {
    /// The server's addresses; the first that answers is taken.
    pub addresses: &'a [SocketAddr],
    /// A connection to the server that exists already, such as a tunnel through a proxy. The addresses
    /// are not used then. Not on WASI.
    #[cfg(not(target_os = "wasi"))]
    pub stream: Option<crate::net::Stream>,
    /// The request; see [`nonce`].
    pub connect: Connect<'a>,
    /// Limits, heartbeat, the time to close.
    pub session: SessionOptions,
    /// How long connecting may take, and then the handshake.
    pub timeout: Duration,
    /// The source of the bytes that [`Talk::input`] is given.
    pub input: Option<Input>,
    /// Stops the call from another thread.
    pub stop: Option<Stop>,
}

/// The handler of a client.
pub trait Talk {
    /// The connection is open.
    fn open(&mut self, response: &UpgradeResponse<'_>, line: &mut Line<'_>) {
        let _ = (response, line);
    }

    /// Something came. Pings and close frames are answered already.
    fn event(&mut self, event: Event<'_>, line: &mut Line<'_>);

    /// Bytes of the input; empty at its end, once. Not called once the connection closes.
    fn input(&mut self, bytes: &[u8], line: &mut Line<'_>) {
        let _ = (bytes, line);
    }

    /// The input can't be read. [`input`](Self::input) is not called again.
    fn input_failed(&mut self, error: &io::Error, line: &mut Line<'_>) {
        let _ = (error, line);
    }

    /// The time that was given to [`Line::alarm`] has passed.
    fn alarm(&mut self, line: &mut Line<'_>) {
        let _ = line;
    }

    /// [`Stop::stop`] was called. By default the connection is closed with 1001.
    fn stop(&mut self, line: &mut Line<'_>) {
        // It fails only if the connection is closing already.
        let _ = line.outbox.close(CloseCode::GOING_AWAY, "");
    }
}

/// The way to the server.
#[derive(Debug)]
pub struct Line<'l> {
    /// Sends to the server.
    pub outbox: Outbox<BufferOutput<'l, Keys, Out>>,
    pub(super) alarm: &'l mut Alarm,
}

/// When [`Talk::alarm`] is due.
#[derive(Clone, Copy, Debug)]
pub(super) enum Alarm {
    Never,
    /// So long after the next look at the clock.
    After(Duration),
    At(Duration),
    /// The call ends.
    HangUp,
}

impl Line<'_> {
    /// Has [`Talk::alarm`] called after that time, once. There is one alarm: a new one replaces
    /// the one before.
    pub fn alarm(&mut self, after: Duration) {
        *self.alarm = Alarm::After(after);
    }

    /// Ends the call at once, without waiting for the server, and without the messages that have not
    /// left: for a program that has what it wants, although the server goes on sending.
    pub fn hang_up(&mut self) {
        *self.alarm = Alarm::HangUp;
    }
}

/// How a call ended, other than by an error.
#[derive(Debug)]
pub struct Ended {
    /// The code that the server sent; 1005 if its close frame had none, 1006 if none came.
    pub code: CloseCode,
    /// The reason that it sent.
    pub reason: String,
    /// Whether both close frames went.
    pub clean: bool,
    /// The error, if there was one.
    pub fault: Option<Fault>,
    /// Why the transport was lost, if it ended by an error and no close frame came before.
    pub lost: Option<io::Error>,
    /// Whether messages that were sent have not left, or the input had more, because the
    /// connection ended before.
    pub unsent: bool,
}
