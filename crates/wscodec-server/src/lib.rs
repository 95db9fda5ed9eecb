//! A WebSocket server on event loops that run [sessions](wscodec::session): natively (one loop for
//! each core, over epoll, kqueue or IOCP), and on WASI 0.2.
//!
//! # A server, a piece at a time
//!
//! A [`Handler`] says what happens to requests and messages. Each event loop has one, and each open
//! connection has a state, which `accept` makes:
//!
//! ```
//! use wscodec::handshake::UpgradeRequest;
//! use wscodec::message::{MessageRef, Prepared};
//! use wscodec_server::{
//!     AcceptOptions, Handler, NotAccepted, Peer, PlainRequest, Response, Server, ServerHandle,
//!     ServerOptions,
//! };
//!
//! /// A chat: the path is the room, and what one says, all in the room hear.
//! struct Chat;
//!
//! impl Handler for Chat {
//!     type State = String; // the room, kept for each connection
//!
//!     // A request that the options grant: a state, or a rejection.
//!     fn accept(&mut self, request: &UpgradeRequest, _: &mut AcceptOptions) -> Result<String, NotAccepted> {
//!         match request.path() {
//!             "/" => Err(Response::new(404).text("Choose a room.\n").into()),
//!             room => Ok(room.to_owned()),
//!         }
//!     }
//!
//!     fn open(&mut self, peer: &mut Peer<String>) {
//!         peer.subscribe(&**peer.state);
//!     }
//!
//!     fn message(&mut self, peer: &mut Peer<String>, message: MessageRef) {
//!         // To the sender, `peer.outbox.text(…)`; to the room, a message that is framed once.
//!         if let Some(Ok(line)) = message.text().map(Prepared::text) {
//!             // It fails if the server holds as much memory as it may.
//!             let _ = peer.handle().publish(&**peer.state, &line);
//!         }
//!     }
//!
//!     // A request that is no upgrade.
//!     fn request(&mut self, request: &PlainRequest, handle: &ServerHandle) -> Option<Response> {
//!         match request.path() {
//!             "/healthz" => Some(Response::new(200).text("well\n")),
//!             "/metrics" => Some(handle.metrics().response()),
//!             _ => None,
//!         }
//!     }
//! }
//!
//! // Limits, timeouts, origins, compression: all have safe defaults.
//! let mut options = ServerOptions::new("127.0.0.1:0".parse()?);
//! options.session.limits.message = 4096;
//! let server = Server::bind(options)?;
//! let address = server.addresses()[0];
//! // The handle works from any thread, while the server runs in its own.
//! let handle = server.handle();
//! let running = std::thread::spawn(move || server.run(|_| Chat));
//!
//! let mut ada = wscodec::connect(&format!("ws://{address}/tea"))?;
//! ada.send("hello")?;
//! assert_eq!(ada.read()?, Some("hello".into()));
//! assert_eq!(handle.stats().accepted, 1);
//!
//! handle.stop(); // Ada reads a close frame with 1001
//! assert_eq!(ada.read()?, None);
//! running.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | say what a server does with messages | [`Handler`] |
//! | set limits, timeouts, origins, compression | [`ServerOptions`] |
//! | run it | [`Server`] |
//! | speak TLS | `ServerTls`, with the feature `tls` |
//! | listen on Unix sockets, or on sockets of systemd | `Listener` and `Server::add_listener` |
//! | send to one, some, a room or all; close, stop, look at figures, from anywhere | [`ServerHandle`] |
//! | decide on a request later | [`AcceptOptions::defer`] |
//! | carry values of the program to a connection | [`ServerHandle::send_event`], [`Handler::user_event`] |
//! | answer health checks and scrapers | [`Handler::request`], [`Metrics`] |
//! | receive and send messages in pieces | [`Handler::piece`], [`Handler::drain`] |
//! | be a client, beside standard input | [`client`] |
//!
//! The how-to page `docs/server.md` has a short example for each of these, and a table of all limits.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | TLS by rustls, for servers and for [`client`]; not on WASI |
//! | `tracing` | spans and events for the crate `tracing` |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accepting;
mod address;
mod addresses;
mod answering;
pub mod client;
mod conn;
mod context;
mod control;
mod deadlines;
mod echo;
mod event_loop;
mod events;
mod figures;
mod frames;
mod handle;
mod handler;
mod mail;
mod mailbox;
mod memory;
mod metrics;
mod net;
mod opening;
mod openmetrics;
mod options;
mod output;
mod pieces;
mod plain;
mod queue;
mod reach;
mod ready;
mod recipients;
mod rooms;
mod stop;
mod table;
mod trace;
mod unwind;

use core::net::SocketAddr;
use std::format;
use std::io;
use std::sync::Arc;
use std::vec::Vec;

pub use address::Address;
pub use echo::Echo;
pub use handle::{DeferredAccept, ServerHandle};
pub use handler::{AcceptOptions, Handler, NotAccepted, Peer};
pub use mailbox::UserEvent;
pub use metrics::{Histogram, Metrics, Stats};
pub use options::{Memory, OptionError, ServerOptions};
pub use output::PeerOutput;
pub use plain::{PlainRequest, Response};
pub use recipients::{Id, ParseIdError, Recipients};

use event_loop::EventLoop;
use mailbox::Shared;
use net::{Listen, Net, Platform};
#[cfg(not(target_os = "wasi"))]
pub use net::{Listener, Stream};
#[cfg(all(feature = "tls", not(target_os = "wasi")))]
pub use net::{ServerTls, ServerTlsOptions};

/// A server that listens, and runs when it is told to.
pub struct Server<'a> {
    options: ServerOptions<'a>,
    listeners: Vec<<Platform as Net>::Listener>,
    addresses: Vec<SocketAddr>,
    nets: Vec<Platform>,
    handle: ServerHandle,
}

impl<'a> Server<'a> {
    /// Checks the options, and listens on all of their addresses. Up to 4096 connections may wait
    /// to be accepted, if the system allows as many (`net.core.somaxconn` on Linux).
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) with an [`OptionError`] inside, if an option
    /// can't be used. Otherwise those of the system: the address is in use, or not ours, or not
    /// allowed.
    pub fn bind(options: ServerOptions<'a>) -> io::Result<Self> {
        options
            .check()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        for &address in &options.listen {
            let (listener, address) = Platform::listen(Listen {
                address,
                reuse_port: options.reuse_port,
            })?;
            listeners.push(listener);
            addresses.push(address);
        }
        let nets = (0..options.loops).map(|_| Platform::new());
        let nets = nets.collect::<io::Result<Vec<_>>>()?;
        let wakers = nets.iter().map(Platform::waker);
        let shared = Shared::new(wakers.collect::<io::Result<_>>()?, &options);
        Ok(Self {
            options,
            listeners,
            addresses,
            nets,
            handle: ServerHandle {
                shared: Arc::new(shared),
            },
        })
    }

    /// Where it listens by TCP, in the order of the options; with the port that was free, where one
    /// was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Listens on one more socket, which the caller has bound: with options of its own, for Unix
    /// sockets, or handed over by a supervisor such as systemd. A TCP address is appended to
    /// [`addresses`](Self::addresses).
    ///
    /// ```
    /// use wscodec_server::{Listener, Server, ServerOptions};
    ///
    /// # if cfg!(unix) {
    /// let mut server = Server::bind(ServerOptions::default())?;
    /// server.add_listener(Listener::from_tcp(std::net::TcpListener::bind("127.0.0.1:0")?)?)?;
    /// # let path = std::env::temp_dir().join(format!("wscodec-doc-{}", std::process::id()));
    /// # #[cfg(unix)]
    /// server.add_listener(Listener::from_unix(std::os::unix::net::UnixListener::bind(&path)?)?)?;
    /// # std::fs::remove_file(path)?;
    /// # assert_eq!(server.addresses().len(), 1);
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), if the server has 256 listeners.
    #[cfg(not(target_os = "wasi"))]
    pub fn add_listener(&mut self, listener: Listener) -> io::Result<()> {
        if self.listeners.len() >= options::MOST_LISTENERS {
            let text = "a server has at most 256 listeners";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        self.addresses.extend(listener.address());
        self.listeners.push(listener);
        Ok(())
    }

    /// Has the connections of all listeners that the server has so far speak TLS. The handshake of
    /// TLS counts against [`handshake_timeout`](ServerOptions::handshake_timeout). With feature `tls`.
    #[cfg(all(feature = "tls", not(target_os = "wasi")))]
    pub fn use_tls(&mut self, tls: &ServerTls) {
        for listener in &mut self.listeners {
            listener.set_tls(tls);
        }
    }

    /// The way to it while it runs.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Runs until it is [stopped](ServerHandle::stop). `handler` makes the handler of each loop, and is
    /// told the loop's number; it is called in the loop's own thread.
    ///
    /// # Errors
    /// Those of the system that concern an event loop as a whole, and a panic in `handler` or in an
    /// event loop itself. The whole server stops then, as by [`ServerHandle::stop`]. A panic in a method
    /// of the [`Handler`] is no error: it ends one connection.
    pub fn run<H: Handler>(self, handler: impl Fn(usize) -> H + Sync) -> io::Result<()> {
        let Self {
            options,
            mut listeners,
            nets,
            handle,
            ..
        } = self;
        let run = |index: usize, net, listeners| {
            let result = unwind::whole(|| {
                EventLoop::new(
                    net,
                    handler(index),
                    &options,
                    handle.clone(),
                    index as u32,
                    listeners,
                )
                .and_then(EventLoop::run)
            });
            let result = result.unwrap_or_else(|panic| {
                let text = format!("event loop {index} panicked, and the server stops: {panic}");
                Err(io::Error::other(text))
            });
            if result.is_err() {
                handle.shared.mailboxes[index].close();
                handle.stop();
            }
            result
        };
        let mut nets = nets.into_iter().enumerate();
        let Some((first, net)) = nets.next() else {
            return Ok(());
        };
        let listeners = core::mem::take(&mut listeners);
        if nets.len() == 0 {
            return run(first, net, listeners);
        }
        std::thread::scope(|scope| {
            let run = &run;
            let mut others = Vec::new();
            let mut result = Ok(());
            for (index, net) in nets {
                let thread = std::thread::Builder::new().name(format!("event loop {index}"));
                match thread.spawn_scoped(scope, move || run(index, net, Vec::new())) {
                    Ok(other) => others.push(other),
                    Err(error) => {
                        // It would be given connections that nobody serves.
                        handle.stop();
                        result = Err(error);
                        break;
                    }
                }
            }
            result = result.and(run(first, net, listeners));
            for other in others {
                // Its panics were caught.
                let other = other.join().unwrap_or(Ok(()));
                result = result.and(other);
            }
            result
        })
    }
}

/// The examples of the how-to page.
#[cfg(all(doctest, unix, feature = "tls"))]
#[doc = include_str!("../../../docs/server.md")]
struct HowTo;

/// The examples of the page about the core.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sans-io.md")]
struct SansIo;

/// The example of the README of this crate.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
