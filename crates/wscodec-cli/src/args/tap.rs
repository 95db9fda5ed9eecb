//! The options of `wscodec tap`, besides those that it shares with `inspect`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::client_tls::ClientTlsArgs;
use super::rules::unusable;
use super::values::{self, Header};
use crate::{Failure, proxy};

/// The fields that the relay itself depends on.
const FIXED: [&str; 5] = [
    "Connection",
    "Upgrade",
    "Sec-WebSocket-Key",
    "Content-Length",
    "Transfer-Encoding",
];

/// A tap between clients and a server: relays their bytes, and shows the frames as they pass
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Relay",
    after_help = "The options under \"Output\", \"Selection\" and \"Output \
                  files\" are those of wscodec inspect.\n\n\
                  Only the head of a request may be changed. All other bytes are relayed as they are, so \
                  the client and the server agree on compression by themselves. The response of a server \
                  that refuses goes to the client and is shown.\n\n\
                  The relay does not wait for the terminal: if 16 MiB wait to be shown, further bytes are \
                  relayed and not shown, and a note says how many. A recording has all bytes: the relay \
                  waits for the file if 16 MiB wait to be written.\n\n\
                  SIGINT and SIGTERM end all connections and print a summary; a second one ends the program \
                  at once.\n\n\
                  Exit status: 0 if it was stopped or the reader of its output is gone, 1 if it could not \
                  be run or the recording could not be written, 2 if the command line makes no sense."
)]
pub(crate) struct TapArgs {
    /// Listen on this address; default 127.0.0.1:9000. Port 0 selects a free port
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The URL of the server, for example wss://example.com/path. If the URL has a path or a query, they replace those
    /// of each request; otherwise those of the request stay
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// Speak TLS with the clients, with the certificate chain in this PEM file
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The private key of the certificate, in a PEM file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tls: ClientTlsArgs,
    /// Connect through this proxy, as the command connect does
    #[arg(long, value_name = "URL", value_parser = proxy::choice)]
    pub(crate) proxy: Option<proxy::Choice>,
    /// Replace the client's headers of this name in the request to the server. The option may be given
    /// several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = values::header)]
    pub(crate) headers: Vec<Header>,
    /// Leave out the client's headers of this name, for example Sec-WebSocket-Extensions to have no
    /// compression. The option may be given several times
    #[arg(long = "remove-header", value_name = "NAME", value_parser = values::protocol)]
    pub(crate) removed: Vec<String>,
    /// Pass the client's Host on. By default, the tap sends the host and port of --to
    #[arg(long)]
    pub(crate) keep_host: bool,
    /// Send this Origin instead of the client's. With target, the tap sends the origin of --to
    #[arg(long, value_name = "ORIGIN", value_parser = values::origin_or_target)]
    pub(crate) origin: Option<String>,
    /// Write all bytes to a file: a capture with plain TCP, which Wireshark reads, if the name ends in
    /// .pcapng; the messages if it ends in .har. - is a capture to standard output, with --quiet
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<String>,
    /// Show no frames
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Show the frames in the inspector page as well, in a browser
    #[arg(long)]
    pub(crate) open: bool,
    #[command(flatten)]
    limits: TapLimitArgs,
    /// The words for `inspect`.
    #[arg(skip)]
    pub(crate) shown: Vec<OsString>,
}

#[derive(Debug, Args)]
#[command(
    next_help_heading = "Limits (bytes may end in K, M or G; times are in seconds, and above 0)"
)]
struct TapLimitArgs {
    /// Connections at a time; default 1000; further ones get status 503 and are closed
    #[arg(long, value_name = "N", value_parser = values::count::<usize>)]
    max_connections: Option<usize>,
    /// The largest head of a request; default 64K; status 431
    #[arg(long, value_name = "BYTES", value_parser = values::memory)]
    max_head: Option<usize>,
    /// How long each of these may take: TLS with the client, its request (status 408), connecting to the
    /// server and TLS with it (504), and the beginning of its response (504); default 10
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    timeout: Option<Duration>,
    /// End a connection on which neither side has sent anything for that long; default never
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    idle_timeout: Option<Duration>,
    /// End the run when N connections have ended; default never
    #[arg(long, value_name = "N", value_parser = values::count::<u64>)]
    exit_after: Option<u64>,
}

impl TapArgs {
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9000)))
    }

    pub(crate) fn max_connections(&self) -> usize {
        self.limits.max_connections.unwrap_or(1000)
    }

    pub(crate) fn max_head(&self) -> usize {
        self.limits.max_head.unwrap_or(64 << 10)
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.limits.timeout.unwrap_or(Duration::from_secs(10))
    }

    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        self.limits.idle_timeout
    }

    pub(crate) fn exit_after(&self) -> Option<u64> {
        self.limits.exit_after
    }

    /// Checks options that exclude each other.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let usage = |why: String| Err(unusable("tap", why));
        let named = self.headers.iter().map(|it| ("--header", &it.name));
        let removed = self.removed.iter().map(|name| ("--remove-header", name));
        for (option, name) in named.chain(removed) {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            if FIXED.iter().any(|it| is(it)) {
                return usage(format!("{option}: the relay depends on {name}"));
            }
            let has_origin = self.origin.is_some() && is("Origin");
            if has_origin || self.keep_host && is("Host") {
                return usage(format!("{option} and another option both decide on {name}"));
            }
        }
        match self.record.as_deref() {
            Some("-") if !self.quiet => {
                usage("--record -: standard output has the frames; add --quiet".into())
            }
            Some(name) if name != "-" && !is_capture(name) && !is_har(name) => {
                usage("--record: the name ends in neither .pcapng nor .har".into())
            }
            Some(name) if !is_har(name) && self.shown.iter().any(|it| it == "--redact") => {
                usage("--redact can't blank secrets in a capture: record a .har".into())
            }
            _ if self.open && self.shown.iter().any(|it| it == "--redact") => {
                usage("--redact can't blank secrets in the page: leave out --open".into())
            }
            _ => Ok(()),
        }
    }
}

fn is_capture(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".pcapng")
}

/// Whether a recording with this name has messages instead of packets.
pub(crate) fn is_har(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".har")
}
