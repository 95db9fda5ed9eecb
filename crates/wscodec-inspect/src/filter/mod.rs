//! Filters: which frames and messages are of interest.
//!
//! A filter is an expression such as
//!
//! ```text
//! dir == c2s and type == text and payload contains "error"
//! ```
//!
//! | part | forms |
//! |---|---|
//! | combination | `and`, `or`, `not`, also `&&`, `\|\|`, `!`, and parentheses |
//! | comparison | `==`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `startswith`, `endswith`, `in (a, b)` |
//! | text | `"..."` with JSON's escapes |
//! | bytes | `0x00ff`, for `payload` and `mask` |
//! | number | digits, with `K`, `M` or `G` for binary multiples; times are in seconds |
//!
//! | field | value |
//! |---|---|
//! | `dir` | `c2s` or `s2c` |
//! | `type` | `text`, `binary`, `continuation`, `close`, `ping`, `pong`, `reserved` |
//! | `opcode`, `rsv`, `frames` | numbers; RSV1 is 4; `frames` of a message |
//! | `size` | bytes of payload on the wire |
//! | `inflated` | bytes of payload after decompression, of compressed messages |
//! | `time` | seconds since the first packet of a connection that is reported |
//! | `packet` | the number of the packet |
//! | `payload`, `mask` | bytes |
//! | `fin`, `masked`, `compressed`, `afterclose`, `violation` | true or false; used alone, or with `not` |
//! | `code` | the name of a violation, such as `"UNMASKED_FRAME"` |
//! | `closecode`, `reason` | of a close frame |
//! | `stream`, `substream`, `status` | numbers of the conversation |
//! | `host`, `path`, `protocol`, `client`, `server` | texts of the conversation; the case of `host` does not count |
//! | `tls`, `accepted` | of the conversation |
//!
//! A comparison with a field that an event does not have is false. Types are checked when the filter is
//! parsed. The words may have any case.
//!
//! ```
//! use wscodec_inspect::filter::Filter;
//!
//! let filter = Filter::parse("size >= 1K and not dir == s2c").unwrap();
//! assert!(filter.is_narrow());
//! let error = Filter::parse("dir == up").unwrap_err();
//! assert_eq!(error.to_string(), "at character 8: dir is compared with c2s or s2c, not with up");
//! ```

mod node;
mod parse;

use crate::event::InspectEvent;
use crate::summary::Summary;

use node::{Field, Node, Subject};
pub use parse::FilterError;

/// A condition on frames, messages and conversations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// All of them have to hold.
    all: Vec<Node>,
}

impl Filter {
    /// Reads an expression.
    ///
    /// # Errors
    /// The expression is malformed, or compares values of different types.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text).map(|node| Self { all: node.split() })
    }

    /// Both filters have to hold.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.all.extend(other.all);
        self
    }

    /// Whether it leaves out frames or messages of a conversation, and not only whole conversations.
    pub fn is_narrow(&self) -> bool {
        self.all.iter().any(|node| !node.is_of_conversation())
    }

    /// Whether it looks at payloads.
    pub fn needs_payload(&self) -> bool {
        self.all.iter().any(|node| node.names(Field::Payload))
    }

    /// Whether events of this conversation can pass, as far as is known about it. `None` stands for a
    /// conversation of which nothing is remembered.
    pub fn passes_conversation(&self, conversation: Option<&Summary>) -> bool {
        let subject = Subject::of_conversation(conversation);
        let mut all = self.all.iter().filter(|node| node.is_of_conversation());
        all.all(|node| node.holds(&subject))
    }

    /// Whether a frame or a message passes; other events pass if their conversation does. `start` is the
    /// time from which `time` counts, in nanoseconds since 1970.
    pub fn passes(
        &self,
        event: &InspectEvent<'_>,
        conversation: Option<&Summary>,
        start: Option<i128>,
    ) -> bool {
        if self.all.is_empty() {
            return true;
        }
        let subject = match event {
            InspectEvent::Frame(frame) => Subject::of_frame(frame, conversation, start),
            InspectEvent::Message(message) => Subject::of_message(message, conversation, start),
            _ => return self.passes_conversation(conversation),
        };
        self.all.iter().all(|node| node.holds(&subject))
    }
}
