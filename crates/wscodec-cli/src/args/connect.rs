//! The options of `wscodec connect`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wscodec::message::Kind;
use wscodec::session::SessionOptions;

use super::client_tls::ClientTlsArgs;
use super::compression::CompressionArgs;
use super::input::{AtEnd, Cut};
use super::rules::{all_differ, unusable};
use super::values::{self, Header};
use crate::{Failure, proxy};

/// A client: sends each line of standard input as a text message, and prints each message that it
/// receives
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Request",
    after_help = "At the end of standard input the connection is closed.\n\n\
                  SIGINT and SIGTERM close the connection with 1001; a second one ends the program at \
                  once. With the environment variable SSLKEYLOGFILE, the secrets of TLS are appended \
                  to the file that it names.\n\n\
                  Exit status: 0 if the connection was closed with 1000, 1001 or without a code, and \
                  all of the input was sent; 1 otherwise; 2 if the command line makes no sense."
)]
pub(crate) struct ConnectArgs {
    /// The URL of the server, for example ws://localhost:9001/path; wss:// uses TLS. The client sends
    /// the user and password of ws://user:password@host/ as Authorization: Basic
    #[arg(help_heading = None::<&'static str>)]
    pub(crate) url: String,
    /// Accepted in front of the URL, because other clients have this option.
    #[arg(short = 'c', hide = true)]
    _connect: bool,
    /// Add a header to the request, for example Authorization, Cookie or Origin. The option may be given
    /// several times. A Host replaces the one of the URL
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = values::header)]
    headers: Vec<Header>,
    /// Offer this subprotocol. The option may be given several times
    #[arg(short = 's', long, alias = "subprotocol", value_name = "NAME", value_parser = values::protocol)]
    pub(crate) protocol: Vec<String>,
    /// Send this Origin, as browsers do
    #[arg(short, long, value_name = "ORIGIN", value_parser = values::origin)]
    origin: Option<String>,
    #[command(flatten)]
    pub(crate) tls: ClientTlsArgs,
    /// Present the certificate chain in this PEM file to the server
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The private key of the client's certificate, in a PEM file. By default, the file of the
    /// certificate has the key
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Connect through a proxy: http://HOST:PORT for CONNECT, socks5://HOST:PORT, or
    /// socks5h://HOST:PORT if the proxy looks up names. user:password@ may precede the host. With none,
    /// the client uses no proxy. By default, the variables HTTPS_PROXY for wss, HTTP_PROXY for ws,
    /// ALL_PROXY and NO_PROXY decide, also in lower case
    #[arg(long, value_name = "URL", value_parser = proxy::choice)]
    pub(crate) proxy: Option<proxy::Choice>,
    /// Give up after S seconds of connecting, or S seconds of the handshake. S is above 0; the default
    /// is 10
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) compression: CompressionArgs,
}

/// A line that is not UTF-8 can't be a text message.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Send all of standard input as one binary message, in fragments of 64 KiB. An empty input sends
    /// no message
    #[arg(short, long, group = "cut")]
    binary: bool,
    /// Send all of standard input as one text message, in the same way
    #[arg(long, group = "cut")]
    text: bool,
    /// Send each line as a binary message, without its line end. Without this option, a line that is
    /// not UTF-8 ends the run with status 1, and no line after it is sent
    #[arg(long, group = "cut")]
    binary_lines: bool,
    /// Each line of standard input is a JSON object, and so is each line of standard output. They have
    /// a type: text (with a member text), binary (base64), ping (base64), close (code, reason); the
    /// output has open (protocol), pong and the time in seconds since 1970 as well. A line that is no
    /// such object ends the run with status 1
    #[arg(long, group = "cut")]
    json_lines: bool,
    /// Send this text message each time that a connection opens, before standard input. The option may
    /// be given several times. With --json-lines, the message is an object
    #[arg(short = 'x', long = "send", alias = "execute", value_name = "MESSAGE")]
    pub(crate) first: Vec<String>,
    /// Stay for S seconds after the end of standard input, and print the messages that are received. The
    /// default is 0
    #[arg(short, long, value_name = "S", value_parser = values::seconds_or_none)]
    wait: Option<Duration>,
    /// Stay until the server closes the connection
    #[arg(short, long, conflicts_with = "wait")]
    no_close: bool,
    /// Close when N messages were received, and not before. The exit status is 1 if the server closes
    /// earlier
    #[arg(long, value_name = "N", value_parser = values::count::<u64>, conflicts_with_all = ["wait", "no_close"])]
    receive: Option<u64>,
    /// The same as --receive 1
    #[arg(short = '1', long, conflicts_with_all = ["wait", "no_close", "receive"])]
    one_message: bool,
    /// On a terminal, keep the typed lines in this file, and load them at the next start
    #[arg(long, value_name = "FILE")]
    pub(crate) history_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// With always, print one message on each line, and write characters that a terminal acts upon as \n
    /// or \u001b, and bytes that are not UTF-8 as \xff. With never, print messages as they are received,
    /// text with a line end and binary without. The default, auto, is always if standard output is a
    /// terminal, and never otherwise
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    escape: Option<Escape>,
    /// Report other events on standard error
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Escape {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Args)]
#[command(
    next_help_heading = "Connection (bytes may end in K, M or G; times are in seconds, and above 0)"
)]
struct ConnectionArgs {
    /// Connect again after a connection was lost or could not be made. The first pause takes S seconds,
    /// and each further one twice as long, up to a minute, until a connection opens. A random part of up
    /// to one half is left out of each pause. Lines that were on their way are lost. The client stops
    /// when the server closes with another code than 1001 or 1011 to 1014, or rejects with a status that
    /// a retry does not change
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    reconnect: Option<Duration>,
    /// With --reconnect, give up after N attempts in a row. By default, the client does not give up
    #[arg(long, value_name = "N", value_parser = values::count::<u32>, requires = "reconnect")]
    tries: Option<u32>,
    /// Ping every S seconds, and report each round trip on standard error. Give up when nothing is
    /// received for 2 S and 20 seconds more. By default, the client sends no pings
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    ping: Option<Duration>,
    /// Wait S seconds for the server to answer a close frame; default 10
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    close_timeout: Option<Duration>,
    /// The largest message; default 64M
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    max_message: Option<u64>,
    /// The largest frame; default: the size that a message needs
    #[arg(long, value_name = "BYTES", value_parser = values::bytes)]
    max_frame: Option<u64>,
}

impl ConnectArgs {
    /// Checks options that exclude each other.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        all_differ("connect", "--protocol", &self.protocol)?;
        if self.headers.iter().filter(|it| is_host(it)).count() > 1 {
            return Err(unusable("connect", "--header: one Host is enough"));
        }
        let is_origin = |it: &Header| it.name.eq_ignore_ascii_case("Origin");
        if self.origin.is_some() && self.headers.iter().any(is_origin) {
            let why = "--header and --origin both give an Origin: one of them is enough";
            return Err(unusable("connect", why));
        }
        if self.reconnect().is_some() && matches!(self.cut(), Cut::Whole(_)) {
            let why = "--binary and --text send one message, which can't go on in another connection: leave \
                       out --reconnect";
            return Err(unusable("connect", why));
        }
        Ok(())
    }

    /// The host that replaces the URL's.
    pub(crate) fn host(&self) -> Option<&str> {
        let host = self.headers.iter().find(|it| is_host(it));
        host.map(|it| &it.value[..])
    }

    /// The other headers.
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let others = self.headers.iter().filter(|it| !is_host(it));
        let others = others.map(|it| (&it.name[..], &it.value[..]));
        let origin = self.origin.as_deref().map(|origin| ("Origin", origin));
        others.chain(origin).collect()
    }

    /// The files of the client's certificate and of its key, which may be the same.
    pub(crate) fn identity(&self) -> Option<(PathBuf, PathBuf)> {
        let cert = self.cert.clone()?;
        let key = self.key.clone().unwrap_or_else(|| cert.clone());
        Some((cert, key))
    }

    /// How long connecting may take, and then the handshake.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(10))
    }

    pub(crate) fn session(&self) -> SessionOptions {
        let mut session = SessionOptions::default();
        let given = &self.connection;
        // Only if the pongs for the pings of the conversation are missing.
        session.heartbeat = given.ping.map(|every| every.saturating_mul(2));
        session.close_timeout = given.close_timeout.unwrap_or(session.close_timeout);
        session.limits.message = given.max_message.unwrap_or(session.limits.message);
        session.limits.frame = given.max_frame.or(session.limits.frame);
        session
    }

    /// How the input is cut into messages.
    pub(crate) fn cut(&self) -> Cut {
        match &self.input {
            InputArgs { binary: true, .. } => Cut::Whole(Kind::Binary),
            InputArgs { text: true, .. } => Cut::Whole(Kind::Text),
            InputArgs {
                binary_lines: true, ..
            } => Cut::BinaryLines,
            InputArgs {
                json_lines: true, ..
            } => Cut::Json,
            _ => Cut::TextLines,
        }
    }

    pub(crate) fn at_end(&self) -> AtEnd {
        match self.input {
            InputArgs { no_close: true, .. } => AtEnd::Stay,
            InputArgs {
                wait: Some(time), ..
            } => AtEnd::Wait(time),
            _ if self.receive().is_some() => AtEnd::Stay,
            _ => AtEnd::Close,
        }
    }

    /// The number of messages after which to close.
    pub(crate) fn receive(&self) -> Option<u64> {
        self.input.receive.or(self.input.one_message.then_some(1))
    }

    /// How often to ping.
    pub(crate) fn ping(&self) -> Option<Duration> {
        self.connection.ping
    }

    /// Tries in a row.
    pub(crate) fn tries(&self) -> u32 {
        self.connection.tries.unwrap_or(u32::MAX)
    }

    pub(crate) fn reconnect(&self) -> Option<Duration> {
        self.connection.reconnect
    }

    /// Whether to escape what a terminal acts upon; `None` leaves it to what the output is.
    pub(crate) fn escape(&self) -> Option<bool> {
        match self.output.escape {
            None | Some(Escape::Auto) => None,
            Some(escape) => Some(escape == Escape::Always),
        }
    }
}

fn is_host(header: &Header) -> bool {
    header.name.eq_ignore_ascii_case("Host")
}
