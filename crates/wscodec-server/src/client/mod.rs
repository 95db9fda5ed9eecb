//! One connection to a server, on the same readiness as the server's: for programs that talk over
//! it and read their input at once, natively and on WASI.
//!
//! `wscodec::io` has a client too, which blocks: a program that waits for a socket and for its standard
//! input at once needs a thread for each of them, and WASI has no threads. So this client waits for both
//! by the server's readiness. It has no rule of the protocol: the handshake is
//! [`Connect`]'s, and all that follows is the
//! [`Session`](wscodec::session::Session)'s.

mod caller;
mod stop;

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::string::String;

pub use super::net::Input;
use super::net::{Net, Platform};
use caller::Caller;
pub use stop::Stop;
use wscodec::error::{CloseCode, Fault};
use wscodec::handshake::{Nonce, UpgradeResponse};
use wscodec::io::{Error, Keys};
use wscodec::session::{BufferOutput, Connect, Event, Out, Outbox, SessionOptions};

/// Whom to call, and how.
#[derive(Debug)]
pub struct Call<'a> {
    /// The server's addresses; the first that answers is taken.
    pub addresses: &'a [SocketAddr],
    /// A connection to the server that exists already, such as a tunnel through a proxy. The addresses
    /// are not used then. Not on WASI.
    #[cfg(not(target_os = "wasi"))]
    pub stream: Option<super::net::Stream>,
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
    alarm: &'l mut Alarm,
}

/// When [`Talk::alarm`] is due.
#[derive(Clone, Copy, Debug)]
enum Alarm {
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

/// How a call ended, other than by an [`Error`].
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

/// A nonce for a request, from the system's source of random numbers (RFC 6455 §4.1).
///
/// # Errors
/// If the system has no random numbers.
pub fn nonce() -> io::Result<Nonce> {
    wscodec::io::nonce()
}

/// Calls, talks until both sides have closed, and tells how it ended.
///
/// # Errors
/// [`Error::Io`] if there is no connection, or no answer in time; [`Error::Rejected`] and
/// [`Error::Fault`] if the answer is not what it should be.
pub fn call(call: Call<'_>, talk: &mut impl Talk) -> Result<Ended, Error> {
    call_by(call, Ok, talk)
}

/// As [`call`], over TLS: `host` is the name or the address that the server's certificate is for. The
/// handshake of TLS counts as a part of the opening handshake. With feature `tls`.
///
/// # Errors
/// As for [`call`]; [`Error::Io`] with [`InvalidData`](io::ErrorKind::InvalidData) if the server's
/// certificate is not trusted or it breaks a rule of TLS.
#[cfg(all(feature = "tls", not(target_os = "wasi")))]
pub fn call_over_tls(
    call: Call<'_>,
    tls: &wscodec::io::ClientTls,
    host: &str,
    talk: &mut impl Talk,
) -> Result<Ended, Error> {
    call_by(call, |stream| stream.client_tls(tls, host), talk)
}

type Stream = <Platform as Net>::Stream;

fn call_by(
    #[cfg_attr(target_os = "wasi", expect(unused_mut))] mut call: Call<'_>,
    wrap: impl FnOnce(Stream) -> io::Result<Stream>,
    talk: &mut impl Talk,
) -> Result<Ended, Error> {
    let mut net = Platform::new()?;
    #[cfg(not(target_os = "wasi"))]
    let given = call.stream.take();
    #[cfg(target_os = "wasi")]
    let given = None;
    let stream = match given {
        Some(stream) => stream,
        None => reach(&mut net, call.addresses, call.timeout)?,
    };
    let mut caller = Caller::new(net, wrap(stream)?, call.timeout)?;
    let stop = call.stop.clone();
    let result = caller.run(call, talk);
    if let Some(stop) = stop {
        stop.set(None);
    }
    caller.end();
    result
}

fn reach(net: &mut Platform, addresses: &[SocketAddr], timeout: Duration) -> io::Result<Stream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for &address in addresses {
        match net.connect(address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}
