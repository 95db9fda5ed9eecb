//! The parts of a filter, and the values that they look at.

use wscodec::message::Kind;

use crate::event::{CapturedFrame, CapturedMessage, Direction, Violation};
use crate::json::NAMES;
use crate::summary::Summary;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Is(Field),
    Compare(Field, Operator, Literal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Number(f64),
    Bytes(Vec<u8>),
}

/// The value that a field is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    Number,
    Text,
    Bytes,
    Flag,
    /// One of some words.
    Word(&'static [&'static str]),
}

macro_rules! fields {
    ($($field:ident $name:literal $kind:expr, $conversation:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field {
            $($field),*
        }

        impl Field {
            pub(super) const ALL: &[(&str, Self)] = &[$(($name, Self::$field)),*];

            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name),*
                }
            }

            pub(super) const fn kind(self) -> FieldKind {
                match self {
                    $(Self::$field => $kind),*
                }
            }

            /// Whether it is the same for all events of a conversation.
            pub(super) const fn is_of_conversation(self) -> bool {
                match self {
                    $(Self::$field => $conversation),*
                }
            }
        }
    };
}

use FieldKind::{Bytes, Flag, Number, Text, Word};

fields! {
    Dir "dir" Word(&["c2s", "s2c"]), false;
    Type "type" Word(&["text", "binary", "continuation", "close", "ping", "pong", "reserved"]), false;
    Opcode "opcode" Number, false;
    Rsv "rsv" Number, false;
    Frames "frames" Number, false;
    Size "size" Number, false;
    Inflated "inflated" Number, false;
    Time "time" Number, false;
    Packet "packet" Number, false;
    Payload "payload" Bytes, false;
    Mask "mask" Bytes, false;
    Fin "fin" Flag, false;
    Masked "masked" Flag, false;
    Compressed "compressed" Flag, false;
    AfterClose "afterclose" Flag, false;
    Violated "violation" Flag, false;
    Code "code" Text, false;
    CloseCode "closecode" Number, false;
    Reason "reason" Text, false;
    Stream "stream" Number, true;
    Substream "substream" Number, true;
    Status "status" Number, true;
    Host "host" Text, true;
    Path "path" Text, true;
    Protocol "protocol" Text, true;
    Client "client" Text, true;
    Server "server" Text, true;
    Tls "tls" Flag, true;
    Accepted "accepted" Flag, true;
}

/// The values of an event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Subject<'a> {
    conversation: Option<&'a Summary>,
    direction: Option<Direction>,
    name: &'a str,
    opcode: Option<u8>,
    rsv: Option<u8>,
    frames: Option<u64>,
    size: Option<u64>,
    inflated: Option<u64>,
    seconds: Option<f64>,
    packet: Option<u64>,
    payload: Option<&'a [u8]>,
    mask: Option<[u8; 4]>,
    fin: bool,
    after_close: bool,
    violations: &'a [Violation],
    close: Option<(Option<u16>, &'a [u8])>,
}

pub(super) fn seconds(time: Option<i128>, start: Option<i128>) -> Option<f64> {
    Some((time? - start?) as f64 / 1e9)
}

impl<'a> Subject<'a> {
    /// The values of a conversation alone.
    pub(super) fn of_conversation(conversation: Option<&'a Summary>) -> Self {
        Self {
            conversation,
            ..Self::default()
        }
    }

    pub(super) fn of_frame(
        frame: &CapturedFrame<'a>,
        conversation: Option<&'a Summary>,
        start: Option<i128>,
    ) -> Self {
        let header = &frame.header;
        Self {
            conversation,
            direction: Some(frame.location.direction),
            name: NAMES[usize::from(header.opcode & 15)],
            opcode: Some(header.opcode),
            rsv: Some(header.rsv.bits()),
            frames: None,
            size: Some(header.len),
            inflated: frame.inflated,
            seconds: seconds(frame.end.time, start),
            packet: Some(frame.end.number),
            payload: Some(frame.payload),
            mask: header.mask,
            fin: header.fin,
            after_close: frame.after_close,
            violations: frame.violations,
            close: frame.close.map(|close| (close.code, close.reason)),
        }
    }

    pub(super) fn of_message(
        message: &CapturedMessage<'a>,
        conversation: Option<&'a Summary>,
        start: Option<i128>,
    ) -> Self {
        let (name, opcode) = match message.kind {
            Some(Kind::Text) => ("text", 1),
            Some(Kind::Binary) => ("binary", 2),
            None => ("continuation", 0),
        };
        Self {
            conversation,
            direction: Some(message.location.direction),
            name,
            opcode: Some(opcode),
            frames: Some(message.frames),
            size: Some(message.length),
            inflated: message.inflated,
            seconds: seconds(message.end.time, start),
            packet: Some(message.end.number),
            payload: Some(message.payload),
            fin: message.finished,
            ..Self::default()
        }
    }
}

impl Node {
    /// The conditions that all have to hold.
    pub(super) fn split(self) -> Vec<Self> {
        match self {
            Self::And(one, two) => {
                let mut all = one.split();
                all.extend(two.split());
                all
            }
            other => vec![other],
        }
    }

    pub(super) fn any(&self, test: &dyn Fn(Field) -> bool) -> bool {
        match self {
            Self::And(one, two) | Self::Or(one, two) => one.any(test) || two.any(test),
            Self::Not(node) => node.any(test),
            Self::Is(field) | Self::Compare(field, ..) => test(*field),
        }
    }

    pub(super) fn is_of_conversation(&self) -> bool {
        !self.any(&|field| !field.is_of_conversation())
    }

    pub(super) fn names(&self, wanted: Field) -> bool {
        self.any(&|field| field == wanted)
    }

    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::And(one, two) => one.holds(subject) && two.holds(subject),
            Self::Or(one, two) => one.holds(subject) || two.holds(subject),
            Self::Not(node) => !node.holds(subject),
            Self::Is(field) => field.flag(subject),
            Self::Compare(field, operator, literal) => match literal {
                Literal::Number(number) => field
                    .number(subject)
                    .is_some_and(|it| compare_numbers(it, *operator, *number)),
                Literal::Bytes(bytes) => field.compare(subject, *operator, bytes),
            },
        }
    }
}

pub(super) fn compare_numbers(one: f64, operator: Operator, two: f64) -> bool {
    match operator {
        Operator::Equal => one == two,
        Operator::NotEqual => one != two,
        Operator::Less => one < two,
        Operator::LessOrEqual => one <= two,
        Operator::Greater => one > two,
        Operator::GreaterOrEqual => one >= two,
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => false,
    }
}

pub(super) fn compare_bytes(one: &[u8], operator: Operator, two: &[u8]) -> bool {
    match operator {
        Operator::Equal => one == two,
        Operator::NotEqual => one != two,
        Operator::Less => one < two,
        Operator::LessOrEqual => one <= two,
        Operator::Greater => one > two,
        Operator::GreaterOrEqual => one >= two,
        Operator::Contains => contains(one, two),
        Operator::StartsWith => one.starts_with(two),
        Operator::EndsWith => one.ends_with(two),
    }
}

/// Whether `part` is in `bytes`.
pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

impl Field {
    pub(super) fn flag(self, subject: &Subject<'_>) -> bool {
        let conversation = subject.conversation;
        match self {
            Self::Fin => subject.fin,
            Self::Masked => subject.mask.is_some(),
            Self::Compressed => subject.inflated.is_some(),
            Self::AfterClose => subject.after_close,
            Self::Violated => !subject.violations.is_empty(),
            Self::Tls => conversation.is_some_and(|it| it.conversation.tls),
            Self::Accepted => conversation.is_some_and(|it| it.accepted),
            _ => false,
        }
    }

    pub(super) fn number(self, subject: &Subject<'_>) -> Option<f64> {
        let conversation = subject.conversation;
        let integer = |value: Option<u64>| value.map(|it| it as f64);
        match self {
            Self::Opcode => subject.opcode.map(f64::from),
            Self::Rsv => subject.rsv.map(f64::from),
            Self::Frames => integer(subject.frames),
            Self::Size => integer(subject.size),
            Self::Inflated => integer(subject.inflated),
            Self::Time => subject.seconds,
            Self::Packet => integer(subject.packet),
            Self::CloseCode => subject.close?.0.map(f64::from),
            Self::Stream => Some(conversation?.conversation.id.stream.into()),
            Self::Substream => Some(conversation?.conversation.id.substream.into()),
            Self::Status => conversation?.status.map(f64::from),
            _ => None,
        }
    }

    pub(super) fn compare(self, subject: &Subject<'_>, operator: Operator, two: &[u8]) -> bool {
        let test = |one: &[u8]| compare_bytes(one, operator, two);
        let conversation = subject.conversation;
        let text = |value: Option<&String>| value.is_some_and(|it| test(it.as_bytes()));
        match self {
            Self::Dir => subject
                .direction
                .is_some_and(|it| test(it.name().as_bytes())),
            Self::Type => test(subject.name.as_bytes()),
            Self::Payload => subject.payload.is_some_and(test),
            Self::Mask => subject.mask.is_some_and(|key| test(&key)),
            Self::Code => {
                let mut all = subject.violations.iter();
                all.any(|it| test(it.error.code().as_bytes()))
            }
            Self::Reason => subject.close.is_some_and(|close| test(close.1)),
            Self::Host => conversation
                .and_then(|it| it.host.as_ref())
                .is_some_and(|it| test(it.to_ascii_lowercase().as_bytes())),
            Self::Path => text(conversation.and_then(|it| it.target.as_ref())),
            Self::Protocol => text(conversation.and_then(|it| it.protocol.as_ref())),
            Self::Client => conversation
                .and_then(|it| it.conversation.client)
                .is_some_and(|it| test(it.to_string().as_bytes())),
            Self::Server => conversation
                .and_then(|it| it.conversation.server)
                .is_some_and(|it| test(it.to_string().as_bytes())),
            _ => false,
        }
    }
}
