//! The options of `wscodec replay`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use wscodec_inspect::event::{ConversationId, Direction};

use super::client_tls::ClientTlsArgs;
use super::compression::CompressionArgs;
use super::rules::unusable;
use super::values::{self, Header};
use crate::pointer::Pointer;
use crate::{Failure, proxy};

/// Send the client's side of a recorded connection again, and compare the answers
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Recording",
    after_help = "The messages are sent again with new mask keys and with the compression that is \
                  agreed on now. Pings of the client are sent again as well, and its close frame with its \
                  code. Subprotocols are offered as in the recording. Other headers are not: --header gives \
                  those that the server needs.\n\n\
                  Exit status: 0 if all messages were sent and, with --diff, the answers were the same; 1 \
                  if it could not be done; 2 if the command line makes no sense or the recording can't be \
                  used; 3 if --diff has found a difference."
)]
pub(crate) struct ReplayArgs {
    /// A recording of any format that inspect reads; two files of raw bytes are the two directions of
    /// one connection; - is standard input
    #[arg(required = true, value_name = "FILE", help_heading = None::<&'static str>)]
    pub(crate) files: Vec<String>,
    /// The connection to send again, such as 3, or 3.5 for a stream of HTTP/2; default: the only one
    #[arg(long, value_name = "N", value_parser = connection)]
    pub(crate) connection: Option<ConversationId>,
    /// TLS keys, as SSLKEYLOGFILE has them; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// Raw files begin with a frame
    #[arg(long)]
    pub(crate) no_handshake: bool,
    /// The direction of the first raw file, c2s or s2c; default: as the bytes tell
    #[arg(long, value_name = "DIR", value_parser = direction)]
    pub(crate) first: Option<Direction>,
    /// permessage-deflate was agreed on; with --no-handshake
    #[arg(long, requires = "no_handshake")]
    pub(crate) deflate: bool,
    #[command(flatten)]
    pub(crate) server: ReplayServerArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    #[command(flatten)]
    pub(crate) comparison: ComparisonArgs,
    #[command(flatten)]
    pub(crate) compression: CompressionArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ReplayServerArgs {
    /// The server, such as ws://localhost:9001. A URL without a path and a query gets those of the
    /// recording
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// A header of the request, such as Authorization, Cookie or Origin; may be given several times.
    /// Host replaces the URL's
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = values::header)]
    pub(crate) headers: Vec<Header>,
    #[command(flatten)]
    pub(crate) tls: ClientTlsArgs,
    /// The proxy to connect through, as for connect
    #[arg(long, value_name = "URL", value_parser = proxy::choice)]
    pub(crate) proxy: Option<proxy::Choice>,
    /// How many seconds connecting and the handshake may take, each; above 0; default 10
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    timeout: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(crate) struct PaceArgs {
    /// original (the default): with the pauses of the recording. A factor such as 2x or 0.5x: so many
    /// times faster
    #[arg(long, value_name = "PACE", value_parser = pace, group = "speed")]
    pace: Option<f64>,
    /// Without pauses
    #[arg(long, group = "speed")]
    at_once: bool,
    /// Wait before each message until as many answers have arrived as in the recording
    #[arg(long)]
    pub(crate) in_step: bool,
    /// How many seconds an answer is waited for, with --in-step and at the end; default 5
    #[arg(long, value_name = "S", value_parser = values::seconds_or_none)]
    wait: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Comparison")]
pub(crate) struct ComparisonArgs {
    /// Compare the messages of the server with the recorded ones, JSON by its structure, and print the
    /// differences
    #[arg(long)]
    pub(crate) diff: bool,
    /// A place in JSON that may differ, as a JSON Pointer such as /result/time; * stands for any member;
    /// may be given several times
    #[arg(long, value_name = "POINTER", value_parser = Pointer::parse, requires = "diff")]
    pub(crate) ignore: Vec<Pointer>,
    /// Print the differences as JSON, one object a line
    #[arg(long, requires = "diff")]
    pub(crate) json: bool,
}

impl ReplayArgs {
    /// How many times faster than the recording; `None` is without pauses.
    pub(crate) fn pace(&self) -> Option<f64> {
        match self.pace.at_once {
            true => None,
            false => Some(self.pace.pace.unwrap_or(1.0)),
        }
    }

    pub(crate) fn wait(&self) -> Duration {
        self.pace.wait.unwrap_or(Duration::from_secs(5))
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.server.timeout.unwrap_or(Duration::from_secs(10))
    }

    /// Checks options that exclude each other.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let headers = self.server.headers.iter();
        let hosts = headers.filter(|it| it.name.eq_ignore_ascii_case("Host"));
        if hosts.count() > 1 {
            return Err(unusable("replay", "--header: one Host is enough"));
        }
        if self.files.iter().filter(|it| *it == "-").count() > 1 {
            return Err(unusable("replay", "standard input can be read once only"));
        }
        Ok(())
    }
}

fn connection(text: &str) -> Result<ConversationId, String> {
    let number = text.strip_prefix('#').unwrap_or(text);
    let expected = "it is not the number of a connection";
    number.parse().map_err(|_| expected.into())
}

fn direction(text: &str) -> Result<Direction, String> {
    Direction::named(text).ok_or_else(|| "it is neither c2s nor s2c".into())
}

fn pace(text: &str) -> Result<f64, String> {
    let factor = match text {
        "original" => Some(1.0),
        _ => text.strip_suffix('x').and_then(|it| it.parse().ok()),
    };
    let factor = factor.filter(|it: &f64| it.is_finite() && *it > 0.0);
    factor.ok_or_else(|| "it is neither original nor a factor such as 2x".into())
}
