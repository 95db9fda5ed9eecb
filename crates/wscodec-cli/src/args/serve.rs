//! The options of `wscodec serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wscodec::deflate::WindowBits;
use wscodec_server::{Memory, ServerOptions};

use super::compression::CompressionArgs;
use super::rules::{all_differ, unusable};
use super::values::{self, Limit, Listen, Target};
use crate::Failure;

/// A server: sends every message back, or to all clients.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Server",
    after_help = "SIGINT and SIGTERM stop the server: connections are closed with 1001. A second one \
                  ends the program at once. SIGHUP reads the certificate again.\n\n\
                  Exit status: 0 if it was stopped, 1 if it could not be run, 2 if the command line \
                  makes no sense."
)]
pub(crate) struct ServeArgs {
    /// Listen on this address, for example 127.0.0.1:9001 (the default), 0.0.0.0:80 or [::]:9001. The
    /// option may be given several times. Port 0 selects a free port. unix:PATH listens on a Unix socket. Sockets that
    /// systemd hands over (LISTEN_FDS) are served without this option
    #[arg(long, value_name = "ADDRESS", value_parser = values::listen)]
    pub(crate) listen: Vec<Listen>,
    /// Share the addresses with other servers that also set SO_REUSEPORT
    #[arg(long)]
    reuse_port: bool,
    /// Speak TLS (wss) on all addresses, with the certificate chain in this PEM file
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The private key of the certificate, in a PEM file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Send every message to all clients, its sender among them
    #[arg(long, group = "backend")]
    pub(crate) broadcast: bool,
    /// Start this command for each connection, by /bin/sh. Each message becomes a line of its standard
    /// input, and each line of its standard output a message: text, or binary if it is not UTF-8. Its
    /// standard error is logged. Its environment has the variables of CGI, such as REMOTE_ADDR,
    /// PATH_INFO, QUERY_STRING and HTTP_COOKIE. The client's close ends its standard input; its end
    /// closes the connection, with 1000 or, after a failure, 1011. It is killed if it goes on for 7
    /// seconds
    #[arg(long, value_name = "COMMAND", group = "backend")]
    pipe: Option<String>,
    /// With --pipe, pass bytes instead of lines, and send the output of the command as binary messages
    #[arg(long, requires = "pipe")]
    pipe_bytes: bool,
    /// Connect to tcp:HOST:PORT or unix:PATH for each connection, and pass bytes: the payloads of
    /// messages to the target, and the bytes of the target as binary messages. The client's close ends the output of that
    /// connection. Its end closes the client's
    #[arg(long, value_name = "TARGET", value_parser = values::target, group = "backend")]
    forward: Option<Target>,
    /// Accept this subprotocol. The option may be given several times
    #[arg(long, value_name = "NAME", value_parser = values::protocol)]
    pub(crate) protocol: Vec<String>,
    /// Accept requests of browsers from these origins: any (the default of an echo, which has no
    /// secrets), same (the same host and port; the default with --pipe and --forward), or an origin, for
    /// example https://example.com. The option may be given several times
    #[arg(long, value_name = "ORIGIN", value_parser = values::origin_or_policy)]
    pub(crate) origin: Vec<String>,
    /// Accept requests for this host, for example example.com or example.com:8080. The option may be
    /// given several times. Requests for other hosts get status 421, which stops DNS rebinding. By
    /// default, the server accepts any host
    #[arg(long, value_name = "HOST", value_parser = values::host)]
    pub(crate) allow_host: Vec<String>,
    #[command(flatten)]
    pub(crate) compression: CompressionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    pub(crate) running: RunningArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Compression (permessage-deflate)")]
struct MemoryArgs {
    /// With shared (the default), the connections of a loop have one engine, and each keeps at most
    /// --history. With dedicated, each connection has its own engine, which is fastest and takes some
    /// hundred KiB
    #[arg(long, value_name = "MODE", hide_possible_values = true)]
    memory: Option<Mode>,
    /// With shared memory, keep so many of the sent bytes; default 12, which is 4 KiB
    #[arg(long, value_name = "BITS", value_parser = values::window)]
    history: Option<WindowBits>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    Shared,
    Dedicated,
}

#[derive(Debug, Args)]
#[command(
    next_help_heading = "Limits (bytes may end in K, M or G; times are in seconds, and above 0)"
)]
struct LimitArgs {
    /// The largest message; default 64M; close code 1009
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    max_message: Option<u64>,
    /// The largest frame; default: the size that a message needs; close code 1009
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    max_frame: Option<u64>,
    /// The largest number of frames of a message; default 131072; close code 1008
    #[arg(long, value_name = "N", value_parser = values::count::<u32>)]
    max_fragments: Option<u32>,
    /// The largest ratio of a message of more than 1 MiB to its compressed size. By default, only
    /// --max-message is the limit; close code 1009
    #[arg(long, value_name = "N", value_parser = values::count::<u32>)]
    max_inflation: Option<u32>,
    /// The largest head of a request; default 16K; status 431
    #[arg(long, value_name = "BYTES", value_parser = values::memory)]
    max_head: Option<usize>,
    /// The largest number of connections; default 100000; status 503
    #[arg(long, value_name = "N", value_parser = values::count::<usize>)]
    max_connections: Option<usize>,
    /// The largest number of connections of one address; default 16384; status 429. Use none behind a
    /// proxy
    #[arg(long, value_name = "N", value_parser = values::limit)]
    max_per_address: Option<Limit>,
    /// The largest number of connections of one address that have not sent their request; default 4096
    #[arg(long, value_name = "N", value_parser = values::limit)]
    max_opening_per_address: Option<Limit>,
    /// The largest number of processes of --pipe; default 256; status 503
    #[arg(long, value_name = "N", value_parser = values::count::<usize>)]
    max_processes: Option<usize>,
    /// The memory that all connections together may hold; default 1G. Beyond it, new connections get
    /// status 503, and connections that need more are closed with 1013
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    max_memory: Option<u64>,
    /// Wait S seconds for a request; default 10; status 408
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    handshake_timeout: Option<Duration>,
    /// Wait S seconds for the answer to a close frame; default 10
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    close_timeout: Option<Duration>,
    /// Close with 1001 when no message is received for S seconds; default never
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    idle_timeout: Option<Duration>,
    /// Send a ping when nothing is received for S seconds; default never
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    heartbeat: Option<Duration>,
    /// Wait S seconds for a pong; default 20
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    pong_timeout: Option<Duration>,
    /// The largest queue for a peer that does not read; default 16M, or the largest message if that is
    /// more. The server drops a peer whose queue is larger
    #[arg(long, value_name = "BYTES", value_parser = values::memory)]
    max_buffered: Option<usize>,
    /// Stop reading from a peer while 64K or more are queued for it, instead of queueing up to
    /// --max-buffered
    #[arg(long)]
    pause_reading_when_full: bool,
    /// Drop a peer that reads nothing for S seconds; default 30
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    stall_timeout: Option<Duration>,
    /// Accept frames without a mask from clients. Do not use this option on the internet
    #[arg(long)]
    dangerously_accept_unmasked: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct RunningArgs {
    /// The number of event loops. Each has a thread; default one for each core
    #[arg(long, value_name = "N", value_parser = values::count::<usize>)]
    loops: Option<usize>,
    /// Wait S seconds at the end until all connections have closed; 0 does not wait; default 5
    #[arg(long, value_name = "S", value_parser = values::seconds_or_none)]
    grace: Option<Duration>,
    /// Stop when standard input ends, besides SIGINT and SIGTERM
    #[arg(long)]
    stop_on_eof: bool,
    /// Answer GET /metrics with figures in the OpenMetrics format, and GET /healthz with 200.
    /// Everyone who reaches the server can read them
    #[arg(long)]
    pub(crate) metrics: bool,
    /// Print figures every S seconds
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    pub(crate) stats: Option<Duration>,
    /// Log to standard error at this level: off, error, warn (with the standard error of the commands of
    /// --pipe), info (one line for each connection that opens or ends), debug or trace. The default is
    /// error, with --pipe warn
    #[arg(long, value_name = "LEVEL", value_parser = values::log_level)]
    pub(crate) log: Option<log::LevelFilter>,
}

/// Sets what was given.
fn set<T>(option: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *option = given;
    }
}

impl ServeArgs {
    /// Applies the options of the server itself, besides its addresses and its policy.
    pub(crate) fn apply(&self, options: &mut ServerOptions<'_>) -> Result<(), Failure> {
        options.reuse_port = self.reuse_port;
        let session = &mut options.session;
        let given = &self.limits;
        set(&mut session.limits.message, given.max_message);
        session.limits.frame = given.max_frame.or(session.limits.frame);
        set(&mut session.limits.fragments, given.max_fragments);
        set(&mut session.limits.inflation, given.max_inflation);
        set(&mut session.limits.head, given.max_head);
        set(&mut session.close_timeout, given.close_timeout);
        session.idle = given.idle_timeout.or(session.idle);
        session.heartbeat = given.heartbeat.or(session.heartbeat);
        set(&mut session.pong_timeout, given.pong_timeout);
        session.dangerously_accept_unmasked = given.dangerously_accept_unmasked;
        set(&mut options.max_connections, given.max_connections);
        let per_address = given.max_per_address.map(|it| it.0);
        set(&mut options.max_connections_per_address, per_address);
        let opening = given.max_opening_per_address.map(|it| it.0);
        set(&mut options.max_opening_per_address, opening);
        // Beyond what can be addressed is no limit.
        let memory = given.max_memory.map(|it| usize::try_from(it).ok());
        set(&mut options.max_memory, memory);
        set(&mut options.handshake_timeout, given.handshake_timeout);
        set(&mut options.max_buffered, given.max_buffered);
        options.pause_reading_when_full = given.pause_reading_when_full;
        set(&mut options.stall_timeout, given.stall_timeout);
        set(&mut options.loops, self.running.loops);
        set(&mut options.grace, self.running.grace);
        options.stop_on_eof = self.running.stop_on_eof;
        options.tick = self.running.stats;
        options.memory = match (self.memory.memory, self.memory.history) {
            (Some(Mode::Dedicated), None) => Memory::Dedicated,
            (Some(Mode::Dedicated), Some(_)) => {
                let why = "--history is for shared memory, and --memory dedicated shares none";
                return Err(unusable("serve", why));
            }
            (_, None) => Memory::default(),
            (_, Some(history)) => Memory::Shared { history },
        };
        Ok(())
    }

    /// Whether there is a process or a socket behind each connection.
    pub(crate) fn has_backends(&self) -> bool {
        self.pipe.is_some() || self.forward.is_some()
    }

    /// The process or the socket behind each connection.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no relay"))]
    pub(crate) fn target(&self) -> Option<Target> {
        let command = |command: &String| Target::Command {
            command: command.clone(),
            lines: !self.pipe_bytes,
        };
        self.forward.clone().or(self.pipe.as_ref().map(command))
    }

    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no relay"))]
    pub(crate) fn max_processes(&self) -> usize {
        self.limits.max_processes.unwrap_or(256)
    }

    /// The level of the log, if it is not given.
    pub(crate) fn default_level(&self) -> log::LevelFilter {
        match self.pipe {
            Some(_) => log::LevelFilter::Warn,
            None => log::LevelFilter::Error,
        }
    }

    /// Checks lists whose members must differ.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        all_differ("serve", "--protocol", &self.protocol)?;
        let words = self
            .origin
            .iter()
            .filter(|it| matches!(&it[..], "any" | "same"));
        match words.count() > 0 && self.origin.len() > 1 {
            true => Err(unusable(
                "serve",
                "--origin: any and same stand alone, without another --origin",
            )),
            false => Ok(()),
        }
    }
}
