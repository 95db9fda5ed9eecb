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
mod talk;

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

pub use super::net::Input;
use super::net::{Net, Platform};
use caller::Caller;
pub use stop::Stop;
pub use talk::{Call, Ended, Line, Talk};
use wscodec::handshake::Nonce;
use wscodec::io::Error;
#[cfg(doc)]
use wscodec::session::Connect;

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
