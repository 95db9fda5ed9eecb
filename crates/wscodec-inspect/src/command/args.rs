//! The options of `wscodec inspect`.

use std::ffi::OsString;
use std::ops::RangeInclusive;

use lexopt::{Arg, Parser, ValueExt};

use crate::event::Direction;

/// The parsed command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    /// Files to read; `-` is standard input.
    pub files: Vec<String>,
    /// Files with TLS keys.
    pub keys: Vec<String>,
    /// The form of the output.
    pub show: Show,
    /// JSON lines instead of text.
    pub json: bool,
    /// Whether to colour; `None` leaves it to what the output is.
    pub color: Option<bool>,
    /// Characters of a line.
    pub width: Option<usize>,
    /// Bytes of each payload that are shown; `None` leaves it to the kind of output.
    pub preview: Option<usize>,
    /// Whether each payload is shown whole.
    pub payloads: bool,
    /// Most lines of frames or messages.
    pub limit: u64,
    /// Whether the first fault ends the run.
    pub strict: bool,
    /// Whether figures are printed at the end.
    pub stats: bool,
    /// Whether findings are printed at the end.
    pub lint: bool,
    /// The events that are left out.
    pub filter: Filter,
    /// Files without HTTP in front of the frames.
    pub no_handshake: bool,
    /// Direction of the first file of raw bytes.
    pub first: Option<Direction>,
    /// Whether permessage-deflate was agreed on, without a handshake.
    pub deflate: bool,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Frames.
    Frames,
    /// Messages and control frames.
    Messages,
    /// One line for each connection.
    Connections,
}

/// Which frames and messages are printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Numbers of connections; empty for all.
    pub connections: Vec<u32>,
    /// A part of the request's Host.
    pub host: Option<String>,
    /// One direction.
    pub direction: Option<Direction>,
    /// Names of opcodes; empty for all.
    pub types: Vec<String>,
    /// Bytes of payload on the wire.
    pub size: RangeInclusive<u64>,
    /// Nanoseconds since the first packet.
    pub time: RangeInclusive<i128>,
    /// Bytes that the payload contains.
    pub grep: Option<Vec<u8>>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            connections: Vec::new(),
            host: None,
            direction: None,
            types: Vec::new(),
            size: 0..=u64::MAX,
            time: i128::MIN..=i128::MAX,
            grep: None,
        }
    }
}

/// A request that can be met.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// To inspect.
    Inspect(Box<Arguments>),
    /// To print the help.
    Help,
}

const TYPES: [&str; 7] = [
    "continuation",
    "text",
    "binary",
    "close",
    "ping",
    "pong",
    "reserved",
];

/// Reads the words behind `inspect`. An error is a sentence that names the option.
pub fn read(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Asked, String> {
    let mut parser = Parser::from_args(words);
    let mut asked = Arguments {
        files: Vec::new(),
        keys: Vec::new(),
        show: Show::Frames,
        json: false,
        color: None,
        width: None,
        preview: None,
        payloads: false,
        limit: u64::MAX,
        strict: false,
        stats: false,
        lint: false,
        filter: Filter::default(),
        no_handshake: false,
        first: None,
        deflate: false,
    };
    let failed = |e: lexopt::Error| e.to_string();
    while let Some(arg) = parser.next().map_err(failed)? {
        let name = match arg {
            Arg::Value(file) => {
                asked.files.push(file.string().map_err(failed)?);
                continue;
            }
            Arg::Short('h') => return Ok(Asked::Help),
            Arg::Long(name) => name.to_owned(),
            other => return Err(other.unexpected().to_string()),
        };
        let mut text = || parser.value().and_then(|it| it.string()).map_err(failed);
        let wrong = |value: &str, expected| format!("--{name}: {value:?} is not {expected}");
        match &name[..] {
            "help" => return Ok(Asked::Help),
            "frames" => asked.show = Show::Frames,
            "messages" => asked.show = Show::Messages,
            "connections" => asked.show = Show::Connections,
            "json" => asked.json = true,
            "color" => asked.color = Some(true),
            "no-color" => asked.color = Some(false),
            "payloads" => asked.payloads = true,
            "strict" => asked.strict = true,
            "stats" => asked.stats = true,
            "lint" => asked.lint = true,
            "no-handshake" => asked.no_handshake = true,
            "deflate" => asked.deflate = true,
            "keys" => asked.keys.push(text()?),
            "host" => asked.filter.host = Some(text()?.to_ascii_lowercase()),
            "grep" => asked.filter.grep = Some(text()?.into_bytes()),
            "connection" => {
                let value = text()?;
                let number = value.strip_prefix('#').unwrap_or(&value).parse();
                let number = number.map_err(|_| wrong(&value, "the number of a connection"))?;
                asked.filter.connections.push(number);
            }
            "dir" | "first" => {
                let value = text()?;
                let direction = match &value[..] {
                    "c2s" => Direction::ClientToServer,
                    "s2c" => Direction::ServerToClient,
                    _ => return Err(wrong(&value, "c2s or s2c")),
                };
                match &name[..] {
                    "dir" => asked.filter.direction = Some(direction),
                    _ => asked.first = Some(direction),
                }
            }
            "type" => {
                for value in text()?.split(',') {
                    if !TYPES.contains(&value) {
                        return Err(wrong(value, &format!("one of {}", TYPES.join(", "))));
                    }
                    asked.filter.types.push(value.to_owned());
                }
            }
            "size" => {
                let value = text()?;
                let range = size(&value);
                let expected = "a size such as 100, 1K.., ..64K or 10..20";
                asked.filter.size = range.ok_or_else(|| wrong(&value, expected))?;
            }
            "since" | "until" => {
                let value = text()?;
                let time =
                    nanoseconds(&value).ok_or_else(|| wrong(&value, "a number of seconds"))?;
                let range = &asked.filter.time;
                asked.filter.time = match &name[..] {
                    "since" => time..=*range.end(),
                    _ => *range.start()..=time,
                };
            }
            "limit" => {
                let value = text()?;
                asked.limit = bytes(&value).ok_or_else(|| wrong(&value, "a whole number"))?;
            }
            "preview" | "width" => {
                let value = text()?;
                let number = bytes(&value).and_then(|it| usize::try_from(it).ok());
                let number = number.ok_or_else(|| wrong(&value, "a whole number"))?;
                match &name[..] {
                    "preview" => asked.preview = Some(number),
                    _ => asked.width = Some(number),
                }
            }
            _ => return Err(format!("there is no option --{name}")),
        }
    }
    if asked.files.is_empty() {
        return Err("inspect needs a file, or - for standard input".into());
    }
    if asked.files.iter().filter(|file| *file == "-").count() > 1 {
        return Err("standard input can be read once only".into());
    }
    Ok(Asked::Inspect(Box::new(asked)))
}

/// A number of bytes, with `K`, `M` or `G` for binary multiples.
fn bytes(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 10),
        b'm' | b'M' => (&text[..text.len() - 1], 20),
        b'g' | b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: u64 = match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok()?,
        false => return None,
    };
    number.checked_mul(1 << shift)
}

fn size(text: &str) -> Option<RangeInclusive<u64>> {
    let Some((low, high)) = text.split_once("..") else {
        let size = bytes(text)?;
        return Some(size..=size);
    };
    let low = if low.is_empty() { 0 } else { bytes(low)? };
    let high = if high.is_empty() {
        u64::MAX
    } else {
        bytes(high)?
    };
    Some(low..=high)
}

fn nanoseconds(text: &str) -> Option<i128> {
    let seconds: f64 = text.parse().ok()?;
    (seconds.is_finite() && seconds.abs() < 1e15).then_some((seconds * 1e9) as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Result<Arguments, String> {
        match read(words)? {
            Asked::Inspect(arguments) => Ok(*arguments),
            Asked::Help => Err("help".into()),
        }
    }

    #[test]
    fn options_are_read_and_checked() {
        let words = "a.pcap --messages --json --connection #3 --dir s2c --type text,ping \
                     --size 1K.. --since 1.5 --grep x --limit 10 - --preview 8";
        let words: Vec<_> = words.split_whitespace().collect();
        let asked = arguments(&words).unwrap();
        assert_eq!(asked.files, ["a.pcap", "-"]);
        assert_eq!((asked.show, asked.json), (Show::Messages, true));
        assert_eq!(asked.filter.connections, [3]);
        assert_eq!(asked.filter.direction, Some(Direction::ServerToClient));
        assert_eq!(asked.filter.types, ["text", "ping"]);
        assert_eq!(asked.filter.size, 1024..=u64::MAX);
        assert_eq!(*asked.filter.time.start(), 1_500_000_000);
        assert_eq!((asked.limit, asked.preview), (10, Some(8)));
        assert_eq!(size("10..20"), Some(10..=20));
        assert_eq!(size("7"), Some(7..=7));
        for words in [
            &[][..],
            &["-", "-"],
            &["a", "--size", "x"],
            &["a", "--dir", "up"],
            &["a", "--type", "dance"],
            &["a", "--connection", "x"],
            &["a", "--since", "inf"],
            &["a", "--limit", "-1"],
            &["a", "--dance"],
            &["a", "-x"],
        ] {
            assert!(arguments(words).is_err(), "{words:?}");
        }
        assert_eq!(read(["--help"]), Ok(Asked::Help));
    }
}
