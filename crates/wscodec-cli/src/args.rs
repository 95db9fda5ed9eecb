//! Reading the command line: every value is checked here, and every error names its option.

use std::ffi::OsString;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use wscodec::deflate::{self, WindowBits};
use wscodec::handshake::ClientRequest;
use wscodec::head::is_token;

use crate::{Failure, help};

pub(crate) enum Command {
    Serve,
    Connect,
    Inspect,
    Print(&'static str),
}

pub(crate) struct Arguments {
    parser: Parser,
    /// The option whose value is read, for messages.
    option: String,
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl Arguments {
    pub(crate) fn from_env() -> Self {
        Self::new(Parser::from_env())
    }

    fn new(parser: Parser) -> Self {
        Self {
            parser,
            option: String::new(),
        }
    }

    /// The first word.
    pub(crate) fn command(&mut self) -> Result<Command, Failure> {
        match self.parser.next()? {
            None => Err(Failure::Usage("a command is missing".into())),
            Some(Arg::Long("help") | Arg::Short('h')) => Ok(Command::Print(help::ALL)),
            Some(Arg::Long("version") | Arg::Short('V')) => Ok(Command::Print(help::VERSION)),
            Some(Arg::Value(word)) => match word.to_str() {
                Some("serve") => Ok(Command::Serve),
                Some("connect") => Ok(Command::Connect),
                Some("help") => self.help(),
                Some("inspect") => Ok(Command::Inspect),
                _ => Err(Failure::Usage(format!("there is no command {word:?}"))),
            },
            Some(other) => Err(other.unexpected().into()),
        }
    }

    /// The help for the command that is named.
    fn help(&mut self) -> Result<Command, Failure> {
        let Some(word) = self.word()? else {
            return Ok(Command::Print(help::ALL));
        };
        match &word[..] {
            "serve" => Ok(Command::Print(help::SERVE)),
            "connect" => Ok(Command::Print(help::CONNECT)),
            "inspect" => Ok(Command::Print(wscodec_inspect::command::HELP)),
            _ => Err(Failure::Usage(format!("there is no command {word:?}"))),
        }
    }

    /// All that is left, for a command that reads its own options.
    pub(crate) fn rest(&mut self) -> Result<Vec<OsString>, Failure> {
        Ok(self.parser.raw_args()?.collect())
    }

    /// The next word that is no option, or the next option with its dashes; `None` at the end.
    pub(crate) fn word(&mut self) -> Result<Option<String>, Failure> {
        let name = match self.parser.next()? {
            None => return Ok(None),
            Some(Arg::Value(value)) => return Ok(Some(value.string()?)),
            Some(Arg::Long(name)) => name,
            Some(Arg::Short('h')) => "help",
            Some(Arg::Short('v')) => "verbose",
            Some(Arg::Short('H')) => "header",
            Some(other) => return Err(other.unexpected().into()),
        };
        name.clone_into(&mut self.option);
        Ok(Some(format!("--{name}")))
    }

    pub(crate) fn unknown(&self) -> Failure {
        Failure::Usage(format!("there is no option --{}", self.option))
    }

    /// The failure for a value that is not what the option takes.
    pub(crate) fn wrong(&self, value: &str, expected: &str) -> Failure {
        Failure::Usage(format!("--{}: {value:?} is not {expected}", self.option))
    }

    pub(crate) fn text(&mut self) -> Result<String, Failure> {
        Ok(self.parser.value()?.string()?)
    }

    /// A whole number of at least 1.
    pub(crate) fn count<T: FromStr + Default + PartialEq>(&mut self) -> Result<T, Failure> {
        let text = self.text()?;
        match text.parse() {
            Ok(count) if count != T::default() => Ok(count),
            _ => Err(self.wrong(&text, "a whole number of 1 or more")),
        }
    }

    /// A whole number of at least 1, or `none`.
    pub(crate) fn count_or_none(&mut self) -> Result<Option<usize>, Failure> {
        let text = self.text()?;
        match text.parse() {
            Ok(1_usize..) => Ok(text.parse().ok()),
            _ if text == "none" => Ok(None),
            _ => Err(self.wrong(&text, "a whole number of 1 or more, or none")),
        }
    }

    /// A window of a compressor.
    pub(crate) fn window(&mut self) -> Result<WindowBits, Failure> {
        let text = self.text()?;
        let window = text.parse().ok().and_then(WindowBits::new);
        window.ok_or_else(|| self.wrong(&text, "a number of bits from 8 to 15"))
    }

    /// The name of a subprotocol (RFC 6455 §4.1) that is not among the others.
    pub(crate) fn protocol(&mut self, others: &[String]) -> Result<String, Failure> {
        let name = self.text()?;
        if !is_token(name.as_bytes()) {
            let expected = "the name of a subprotocol (letters, digits and !#$%&'*+-.^_`|~)";
            return Err(self.wrong(&name, expected));
        }
        if others.contains(&name) {
            let why = format!("--{}: {name:?} is given twice", self.option);
            return Err(Failure::Usage(why));
        }
        Ok(name)
    }

    /// A host as `Host` has it (RFC 9110 §7.2).
    pub(crate) fn host(&mut self) -> Result<String, Failure> {
        let text = self.text()?;
        match is_host(&text) {
            true => Ok(text),
            false => Err(self.wrong(&text, HOST)),
        }
    }

    /// A number of bytes, with `K`, `M` or `G` for binary multiples.
    pub(crate) fn bytes(&mut self) -> Result<u64, Failure> {
        let text = self.text()?;
        bytes(&text).ok_or_else(|| self.wrong(&text, "a number of bytes, such as 64K"))
    }

    /// A number of bytes that can be held in memory.
    pub(crate) fn memory(&mut self) -> Result<usize, Failure> {
        let text = self.text()?;
        let expected = format!("a number of bytes, such as 64K, up to {}", usize::MAX);
        let bytes = bytes(&text).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.ok_or_else(|| self.wrong(&text, &expected))
    }

    /// A time in seconds, with a fraction if need be. 0 is refused, because it could stand for no
    /// time at all as well as for never.
    pub(crate) fn seconds(&mut self) -> Result<Duration, Failure> {
        let text = self.text()?;
        match seconds(&text) {
            Some(time) if !time.is_zero() => Ok(time),
            _ => Err(self.wrong(&text, "a number of seconds above 0")),
        }
    }

    /// A time in seconds that may be 0.
    pub(crate) fn seconds_or_none(&mut self) -> Result<Duration, Failure> {
        let text = self.text()?;
        seconds(&text).ok_or_else(|| self.wrong(&text, "a number of seconds"))
    }
}

/// The options for compression, which `serve` and `connect` have in common.
#[derive(Debug, Default)]
pub(crate) struct Compression {
    off: bool,
    config: deflate::DeflateOptions,
    /// An option that is about how to compress.
    given: Option<String>,
}

impl Compression {
    /// Takes the option; false if it is not one of these.
    pub(crate) fn set(&mut self, option: &str, arguments: &mut Arguments) -> Result<bool, Failure> {
        let config = &mut self.config;
        match option {
            "no-deflate" => {
                self.off = true;
                return Ok(true);
            }
            "window" => {
                let window = arguments.window()?;
                (config.send.window, config.receive.window) = (window, window);
            }
            "no-takeover" => (config.send.takeover, config.receive.takeover) = (false, false),
            "level" => {
                let text = arguments.text()?;
                config.level = match text.parse() {
                    Ok(level @ 1..=9) => level,
                    _ => return Err(arguments.wrong(&text, "a level from 1 to 9")),
                }
            }
            "threshold" => config.threshold = arguments.memory()?,
            _ => return Ok(false),
        }
        self.given.get_or_insert_with(|| option.to_owned());
        Ok(true)
    }

    /// How to compress; `None` for never.
    pub(crate) fn config(&self) -> Result<Option<deflate::DeflateOptions>, Failure> {
        match &self.given {
            Some(option) if self.off => Err(Failure::Usage(format!(
                "--{option} says how to compress, and --no-deflate not to"
            ))),
            _ => Ok((!self.off).then_some(self.config)),
        }
    }
}

/// A value that [`is_host`] takes.
pub(crate) const HOST: &str = "a host such as example.com or example.com:8080";

/// Whether a request to this host can be written.
pub(crate) fn is_host(text: &str) -> bool {
    let request = ClientRequest::new(text, "/", [0; 16]);
    !text.is_empty() && request.write(&mut Vec::new()).is_ok()
}

fn bytes(text: &str) -> Option<u64> {
    let (digits, shift) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 10),
        (at, 'm' | 'M') => (&text[..at], 20),
        (at, 'g' | 'G') => (&text[..at], 30),
        _ => (text, 0),
    };
    let number: u64 = match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok()?,
        false => return None,
    };
    number.checked_mul(1 << shift)
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) => Some(time),
        // More than a `Duration` holds is as good as the most that it holds.
        Err(_) if seconds > 0.0 => Some(Duration::MAX),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("64K", Some(64 << 10)),
            ("100m", Some(100 << 20)),
            ("17179869183G", Some(17_179_869_183 << 30)),
            ("17179869184G", None),
            ("", None),
            ("K", None),
            ("+1", None),
            ("-1", None),
            ("1.5M", None),
            ("1MB", None),
            ("1ß", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_seconds() {
        for (text, expected) in [
            ("0.25", Some(Duration::from_millis(250))),
            (
                "1e19",
                Some(Duration::from_secs(10_000_000_000_000_000_000)),
            ),
            ("1e20", Some(Duration::MAX)),
            ("inf", Some(Duration::MAX)),
            ("-1", None),
            ("-inf", None),
            ("nan", None),
            ("1s", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
