//! The options of `wscodec inspect`.

use std::ffi::OsString;
use std::fmt::Write;
use std::ops::RangeInclusive;

use lexopt::{Arg, Parser, ValueExt};

use crate::event::{ConversationId, Direction};
use crate::filter::Filter;
use crate::show::Show;

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
    /// Which frames and messages are printed.
    pub filter: Filter,
    /// Whether JSON and MessagePack are laid out below their lines.
    pub pretty: bool,
    /// Whether secrets are blanked.
    pub redact: bool,
    /// A HAR file to write.
    pub har: Option<String>,
    /// A file of JSON lines to write, with all payloads.
    pub jsonl: Option<String>,
    /// A folder that gets a file for the payload of each message.
    pub extract: Option<String>,
    /// Whether the host waits for more at the end of a file.
    pub follow: bool,
    /// Whether the inspector page is to show the file.
    pub open: bool,
    /// Files without HTTP in front of the frames.
    pub no_handshake: bool,
    /// Direction of the first file of raw bytes.
    pub first: Option<Direction>,
    /// Whether permessage-deflate was agreed on, without a handshake.
    pub deflate: bool,
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
        pretty: false,
        redact: false,
        har: None,
        jsonl: None,
        extract: None,
        follow: false,
        open: false,
        no_handshake: false,
        first: None,
        deflate: false,
    };
    // The options that pick frames and messages, as expressions.
    let mut picks: Vec<String> = Vec::new();
    let mut conversations: Vec<String> = Vec::new();
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
            "pretty" => asked.pretty = true,
            "redact" => asked.redact = true,
            "follow" => asked.follow = true,
            "open" => asked.open = true,
            "har" => asked.har = Some(text()?),
            "jsonl" => asked.jsonl = Some(text()?),
            "extract" => asked.extract = Some(text()?),
            "host" => picks.push(format!("host contains {}", quoted(&text()?))),
            "grep" => picks.push(format!("payload contains {}", quoted(&text()?))),
            "filter" => {
                let value = text()?;
                let filter = Filter::parse(&value).map_err(|e| format!("--filter: {e}"))?;
                asked.filter = asked.filter.and(filter);
            }
            "connection" => {
                let value = text()?;
                let id = value.strip_prefix('#').unwrap_or(&value);
                let known: ConversationId = id
                    .parse()
                    .map_err(|_| wrong(&value, "the number of a connection"))?;
                let mut pick = format!("stream == {}", known.stream);
                if id.contains('.') {
                    let _ = write!(pick, " and substream == {}", known.substream);
                }
                conversations.push(format!("({pick})"));
            }
            "dir" | "first" => {
                let value = text()?;
                let direction = match &value[..] {
                    "c2s" => Direction::ClientToServer,
                    "s2c" => Direction::ServerToClient,
                    _ => return Err(wrong(&value, "c2s or s2c")),
                };
                match &name[..] {
                    "dir" => picks.push(format!("dir == {}", direction.name())),
                    _ => asked.first = Some(direction),
                }
            }
            "type" => {
                let values = text()?;
                for value in values.split(',') {
                    if !TYPES.contains(&value) {
                        return Err(wrong(value, &format!("one of {}", TYPES.join(", "))));
                    }
                }
                picks.push(format!("type in ({values})"));
            }
            "size" => {
                let value = text()?;
                let range = size(&value);
                let expected = "a size such as 100, 1K.., ..64K or 10..20";
                let range = range.ok_or_else(|| wrong(&value, expected))?;
                let (low, high) = (range.start(), range.end());
                picks.push(format!("size >= {low} and size <= {high}"));
            }
            "since" | "until" => {
                let value = text()?;
                let seconds: Option<f64> = value.parse().ok();
                let seconds = seconds.filter(|it| it.is_finite() && !value.contains(['e', 'E']));
                if seconds.is_none() {
                    return Err(wrong(&value, "a number of seconds"));
                }
                let operator = if name == "since" { ">=" } else { "<=" };
                picks.push(format!("time {operator} {}", value.trim_start_matches('+')));
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
    if !conversations.is_empty() {
        picks.push(format!("({})", conversations.join(" or ")));
    }
    for pick in picks {
        let filter = Filter::parse(&pick).map_err(|e| format!("{pick}: {e}"))?;
        asked.filter = asked.filter.and(filter);
    }
    if asked.follow && asked.files.len() > 1 {
        return Err("--follow reads one file only".into());
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

/// A text as the language of filters writes it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
        let expression = "dir == s2c and type in (text, ping) and size >= 1K and \
                          size <= 18446744073709551615 and time >= 1.5 and payload contains \"x\" \
                          and stream == 3";
        assert_eq!(asked.filter, Filter::parse(expression).unwrap());
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
            &["a", "--filter", "dir == up"],
            &["a", "--follow", "b"],
            &["a", "--dance"],
            &["a", "-x"],
        ] {
            assert!(arguments(words).is_err(), "{words:?}");
        }
        assert_eq!(read(["--help"]), Ok(Asked::Help));
    }
}
