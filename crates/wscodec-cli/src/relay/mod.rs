//! `wscodec serve --pipe` and `--forward`: a backend behind each connection, which is a process or a
//! socket.
//!
//! Problem: an event loop must not wait for a backend, a backend must not be read faster than its client
//! reads, and a client must not send faster than its backend takes. Threads of their own for each
//! connection would do that at the price of three threads a connection.
//!
//! Choice: one thread, the relay, polls the backends of all connections. A connection and its backend
//! share a [`Link`](link::Link): a bounded queue of bytes for each direction. Whoever changes a queue tells
//! the other side: the event loop by a command to the relay, the relay by an event to the connection's
//! handler. A full queue stops its source: the handler pauses reading from the client, the relay does
//! not read from the backend.
//!
//! Backends are opened by a few threads (`opening.rs`), because looking up a name, connecting and
//! starting a process block. The answer to the request is deferred meanwhile, so a client learns from
//! the status that there is no backend.
//!
//! Half-close: the client's close frame ends the backend's input, once all messages before it are
//! written. The backend's remaining output is sent, and then the close frame is answered. The end of
//! the backend's output closes the connection.

mod backend;
mod entry;
mod environment;
mod handler;
mod link;
mod opening;
mod options;
mod poll;
mod process;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wscodec_server::ServerHandle;

use crate::Failure;
use crate::args::ServeArgs;
use handler::Relayed;
use options::Options;
pub(crate) use process::kill_all;

/// Starts the relay, if the connections have backends. Opening one may take as long as `timeout`.
pub(crate) fn start(
    arguments: &ServeArgs,
    timeout: Duration,
    handle: ServerHandle,
) -> Result<Option<Relay>, Failure> {
    let Some(target) = arguments.target() else {
        return Ok(None);
    };
    let options = Options {
        target,
        max_processes: arguments.max_processes(),
        timeout,
        secure: arguments.cert.is_some(),
    };
    let relay = Relay::start(options, handle);
    relay.map(Some).map_err(|e| Failure::Run(e.to_string()))
}

/// The relay of a server: its thread, and those that open backends.
pub(crate) struct Relay {
    options: Arc<Options>,
    commands: Arc<poll::Commands>,
    openers: Arc<opening::Openers>,
    processes: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Relay {
    fn start(options: Options, handle: ServerHandle) -> io::Result<Self> {
        let (commands, mut poll) = poll::Poll::new(handle)?;
        let thread = thread::Builder::new().name("relay".into());
        let thread = thread.spawn(move || {
            if let Err(e) = poll.run() {
                log::error!("the relay has ended, and the server stops: {e}");
                poll.stop_server();
            }
        })?;
        Ok(Self {
            options: Arc::new(options),
            commands,
            openers: Arc::default(),
            processes: Arc::default(),
            thread,
        })
    }

    /// The handler for an event loop.
    pub(crate) fn handler(&self) -> Relayed {
        Relayed::new(
            self.options.clone(),
            self.commands.clone(),
            self.openers.clone(),
            self.processes.clone(),
        )
    }

    /// Waits until all backends have ended, after the server has. Each has a short time to end by
    /// itself.
    pub(crate) fn end(self) {
        self.openers.end();
        self.commands.end();
        let _ = self.thread.join();
    }
}
