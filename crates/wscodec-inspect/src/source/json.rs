//! Parts of a JSON document that is pushed in pieces.
//!
//! A document may be longer than the memory. So a caller names the paths whose values it wants, and
//! gets each of these values by itself; everything else is passed over. A path has the names of
//! members behind dots, and `[]` for the elements of an array: `.log.entries[].request.url`.

use json_event_parser::{JsonEvent, LowLevelJsonParser};
use serde_json::{Map, Value};

use super::error::SourceError;

/// The longest string or number.
const MAX_TOKEN: usize = 64 << 20;

/// Arrays and objects in each other.
const MAX_DEPTH: usize = 64;

/// Bytes that the strings and names of one wanted value may have together.
const MAX_VALUE: usize = 128 << 20;

/// An item that was found in a document.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// A wanted value, with its path.
    Value(&'a str, Value),
    /// The end of an object or array with this path.
    End(&'a str),
}

/// Which values are wanted.
pub(super) type Wanted = fn(path: &str) -> bool;

/// Reads a document.
pub(super) struct JsonReader {
    parser: LowLevelJsonParser,
    wanted: Wanted,
    /// Bytes that are not read yet.
    held: Vec<u8>,
    /// Bytes that are to be there before the next attempt.
    needed: usize,
    path: String,
    /// The length of the path of each container that is open.
    open: Vec<usize>,
    /// The containers of the wanted value that is being put together.
    built: Vec<(Value, Option<String>)>,
    key: Option<String>,
    size: usize,
    done: bool,
    failed: Option<SourceError>,
}

impl core::fmt::Debug for JsonReader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("JsonReader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl JsonReader {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self {
            parser: LowLevelJsonParser::new().with_max_stack_size(MAX_DEPTH),
            wanted,
            held: Vec::new(),
            needed: 0,
            path: String::new(),
            open: Vec::new(),
            built: Vec::new(),
            key: None,
            size: 0,
            done: false,
            failed: None,
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Found<'_>),
    ) -> Result<(), SourceError> {
        self.held.extend_from_slice(bytes);
        if self.held.len() < self.needed {
            return Ok(());
        }
        self.read(false, sink)
    }

    /// The document is at its end.
    pub(super) fn finish(&mut self, sink: &mut dyn FnMut(Found<'_>)) -> Result<(), SourceError> {
        // Bytes may be held that were not looked at yet. An error in them is one of the document, and
        // not of its end, however the document was cut.
        self.read(false, sink)?;
        self.read(true, sink)?;
        match self.done {
            true => Ok(()),
            false => Err(SourceError::JsonCut),
        }
    }

    /// Reads as far as possible. Nothing is read after an error.
    fn read(&mut self, last: bool, sink: &mut dyn FnMut(Found<'_>)) -> Result<(), SourceError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.tokens(last, sink);
        self.failed = result.err();
        result
    }

    fn tokens(&mut self, last: bool, sink: &mut dyn FnMut(Found<'_>)) -> Result<(), SourceError> {
        let held = core::mem::take(&mut self.held);
        let mut at = 0;
        while !self.done {
            let result = self.parser.parse_next(&held[at..], last);
            at += result.consumed_bytes;
            match result.event {
                None => break,
                Some(Err(_)) if last => return Err(SourceError::JsonCut),
                Some(Err(_)) => return Err(SourceError::Json),
                Some(Ok(JsonEvent::Eof)) => self.done = true,
                Some(Ok(event)) => self.event(event, sink)?,
            }
        }
        let rest = held.len() - at;
        if rest > MAX_TOKEN {
            return Err(SourceError::TooLong);
        }
        // A long string is looked at again once it is twice as long, so the work stays linear.
        self.needed = if rest == 0 { 0 } else { 2 * rest };
        self.held = held;
        self.held.drain(..at);
        Ok(())
    }

    fn event(
        &mut self,
        event: JsonEvent<'_>,
        sink: &mut dyn FnMut(Found<'_>),
    ) -> Result<(), SourceError> {
        match event {
            JsonEvent::ObjectKey(key) => {
                if self.built.is_empty() {
                    self.path.truncate(self.open.last().copied().unwrap_or(0));
                    self.path.push('.');
                    self.path.push_str(&key);
                }
                self.size += key.len();
                self.key = Some(key.into_owned());
            }
            JsonEvent::StartObject => self.start(Value::Object(Map::new())),
            JsonEvent::StartArray => self.start(Value::Array(Vec::new())),
            JsonEvent::EndObject | JsonEvent::EndArray => match self.built.pop() {
                Some((value, key)) => {
                    self.key = key;
                    self.value(value, sink);
                }
                None => {
                    if let Some(len) = self.open.pop() {
                        let end = match self.path[..len].strip_suffix("[]") {
                            Some(array) if matches!(event, JsonEvent::EndArray) => array.len(),
                            _ => len,
                        };
                        self.path.truncate(end);
                        sink(Found::End(&self.path));
                    }
                }
            },
            JsonEvent::String(text) => {
                self.size += text.len();
                if self.is_wanted() {
                    self.value(Value::String(text.into_owned()), sink);
                }
            }
            JsonEvent::Number(text) => {
                let number = serde_json::from_str(&text).unwrap_or(Value::Null);
                self.value(number, sink);
            }
            JsonEvent::Boolean(it) => self.value(Value::Bool(it), sink),
            JsonEvent::Null => self.value(Value::Null, sink),
            JsonEvent::Eof => {}
        }
        match self.size > MAX_VALUE && !self.built.is_empty() {
            true => Err(SourceError::TooLong),
            false => Ok(()),
        }
    }

    /// Whether the value that follows is a wanted one, or a part of one.
    fn is_wanted(&self) -> bool {
        !self.built.is_empty() || (self.wanted)(&self.path)
    }

    fn start(&mut self, container: Value) {
        if self.is_wanted() {
            if self.built.is_empty() {
                self.size = 0;
            }
            self.built.push((container, self.key.take()));
        } else {
            if container.is_array() {
                self.path.push_str("[]");
            }
            self.open.push(self.path.len());
        }
    }

    /// A value is whole.
    fn value(&mut self, value: Value, sink: &mut dyn FnMut(Found<'_>)) {
        let key = self.key.take();
        match self.built.last_mut() {
            None => {
                if (self.wanted)(&self.path) {
                    sink(Found::Value(&self.path, value));
                }
            }
            Some((Value::Object(object), _)) => {
                object.insert(key.unwrap_or_default(), value);
            }
            Some((Value::Array(array), _)) => array.push(value),
            Some(_) => {}
        }
    }
}

/// Seconds as nanoseconds; microseconds are all that a number of seconds has since 1970.
pub(super) fn nanoseconds(seconds: f64) -> Option<i128> {
    let micros = (seconds * 1e6).round();
    (micros.abs() < 1e18).then(|| micros as i128 * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, piece: usize, wanted: Wanted) -> Result<Vec<String>, SourceError> {
        let mut all = Vec::new();
        let mut sink = |found: Found<'_>| {
            all.push(match found {
                Found::Value(path, value) => format!("{path} {value}"),
                Found::End(path) => format!("{path} end"),
            });
        };
        let mut reader = JsonReader::new(wanted);
        for piece in text.as_bytes().chunks(piece) {
            reader.push(piece, &mut sink)?;
        }
        reader.finish(&mut sink)?;
        Ok(all)
    }

    #[test]
    fn wanted_values_are_handed_out_one_by_one() {
        let text =
            r#" {"a": {"skip": [[1], {"b": 2}], "list": [{"x": [1, "é\n"]}, 7]}, "n": 1.5} "#;
        for piece in [1, 2, 5, 1000] {
            let all = found(text, piece, |path| path == ".a.list[]" || path == ".n").unwrap();
            assert_eq!(
                all,
                [
                    ".a.skip[] end",
                    ".a.skip[] end",
                    ".a.skip end",
                    ".a.list[] {\"x\":[1,\"é\\n\"]}",
                    ".a.list[] 7",
                    ".a.list end",
                    ".a end",
                    ".n 1.5",
                    " end",
                ],
                "{piece}"
            );
        }
    }

    #[test]
    fn damage_is_told() {
        let none: Wanted = |_| false;
        assert_eq!(found("{\"a\":[1,", 3, none), Err(SourceError::JsonCut));
        for piece in [1, 3, 4, 100] {
            let text = "{\"a\": \"long enough to be held\", ]";
            assert_eq!(
                found(text, piece, none),
                Err(SourceError::Json),
                "pieces of {piece}"
            );
        }
        assert_eq!(found("{\"a\":]}", 3, none), Err(SourceError::Json));
        assert_eq!(
            found(&"[".repeat(100_000), 1000, none),
            Err(SourceError::Json)
        );
    }
}
