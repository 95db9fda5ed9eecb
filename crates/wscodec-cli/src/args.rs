//! Reading the command line.

use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use wscodec::deflate::Window;

use crate::{Failure, help};

pub(crate) enum Command {
    Serve,
    Connect,
    Help(&'static str),
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
        Self {
            parser: Parser::from_env(),
            option: String::new(),
        }
    }

    /// The first word.
    pub(crate) fn command(&mut self) -> Result<Command, Failure> {
        match self.parser.next()? {
            None => Err(Failure::Usage("what is to be done is missing".into())),
            Some(Arg::Long("help") | Arg::Short('h')) => Ok(Command::Help(help::ALL)),
            Some(Arg::Long("version") | Arg::Short('V')) => Ok(Command::Help(help::VERSION)),
            Some(Arg::Value(word)) => match word.to_str() {
                Some("serve") => Ok(Command::Serve),
                Some("connect") => Ok(Command::Connect),
                Some("help") => Ok(Command::Help(help::ALL)),
                _ => Err(Failure::Usage(format!("there is no command {word:?}"))),
            },
            Some(other) => Err(other.unexpected().into()),
        }
    }

    /// The next word that is no option, or the next option with its dashes; `None` at the end.
    pub(crate) fn word(&mut self) -> Result<Option<String>, Failure> {
        let word = match self.parser.next()? {
            None => return Ok(None),
            Some(Arg::Value(value)) => value.string()?,
            Some(Arg::Long(name)) => {
                name.clone_into(&mut self.option);
                format!("--{name}")
            }
            Some(Arg::Short('h')) => "--help".to_owned(),
            Some(Arg::Short('v')) => "--verbose".to_owned(),
            Some(other) => return Err(other.unexpected().into()),
        };
        Ok(Some(word))
    }

    pub(crate) fn window(&mut self) -> Result<Window, Failure> {
        let bits = self.value("a number from 8 to 15")?;
        let none = || Failure::Usage(format!("a window has 8 to 15 bits, not {bits}"));
        Window::new(bits).ok_or_else(none)
    }

    pub(crate) fn unknown(&self) -> Failure {
        Failure::Usage(format!("there is no option --{}", self.option))
    }

    pub(crate) fn text(&mut self) -> Result<String, Failure> {
        Ok(self.parser.value()?.string()?)
    }

    /// The value, as whatever it is to be; `what` says what that is.
    pub(crate) fn value<T: FromStr>(&mut self, what: &str) -> Result<T, Failure> {
        let text = self.text()?;
        text.parse().map_err(|_| self.wrong(&text, what))
    }

    /// A number of bytes, with `K`, `M` or `G` for binary multiples.
    pub(crate) fn bytes(&mut self) -> Result<u64, Failure> {
        let text = self.text()?;
        let (digits, shift) = match text.char_indices().last() {
            Some((at, 'k' | 'K')) => (&text[..at], 10),
            Some((at, 'm' | 'M')) => (&text[..at], 20),
            Some((at, 'g' | 'G')) => (&text[..at], 30),
            _ => (&text[..], 0),
        };
        let bytes = digits.parse().ok().and_then(|n: u64| {
            let bytes = n.checked_shl(shift)?;
            (bytes >> shift == n).then_some(bytes)
        });
        bytes.ok_or_else(|| self.wrong(&text, "a number of bytes, such as 64K"))
    }

    /// A time in seconds, with a fraction if need be. Not 0, which could be meant for none at all
    /// as well as for never.
    pub(crate) fn seconds(&mut self) -> Result<Duration, Failure> {
        let text = self.text()?;
        match seconds(&text) {
            Some(time) if !time.is_zero() => Ok(time),
            _ => Err(self.wrong(&text, "a number of seconds above 0")),
        }
    }

    /// The same, where 0 makes sense.
    pub(crate) fn seconds_or_none(&mut self) -> Result<Duration, Failure> {
        let text = self.text()?;
        seconds(&text).ok_or_else(|| self.wrong(&text, "a number of seconds"))
    }

    fn wrong(&self, text: &str, what: &str) -> Failure {
        Failure::Usage(format!("--{}: {text:?} is not {what}", self.option))
    }
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}
