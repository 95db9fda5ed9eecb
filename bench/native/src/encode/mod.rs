//! Encoding, a message a call, each with its flush, into memory that is used again.

mod out;
mod peers;
mod plain;

use crate::measure::{Plan, Row, Table};
use crate::sum::{Sink, Sum};
use crate::workload::Workload;

pub use out::Out;

use wscodec::Limits;
use wscodec::frame::Role;
use wscodec::message::{Event, Kind, MessageDecoder};

/// A message to send; the peers want to be told text as text.
#[derive(Clone, Copy)]
enum Data<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Data<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Data::Text(text) => text.as_bytes(),
            Data::Binary(bytes) => bytes,
        }
    }

    fn opcode(self) -> u8 {
        match self {
            Data::Text(_) => 1,
            Data::Binary(_) => 2,
        }
    }
}

/// One way to encode.
trait Encode {
    const NAME: &'static str;

    /// Whether it can send as this role.
    fn can(_: Role) -> bool {
        true
    }

    fn new(role: Role) -> Self;

    fn encode(&mut self, messages: &[Data], out: &mut Out);
}

/// Adds a row, after what it wrote was read back.
fn add<'m, E: Encode + 'm>(rows: &mut Vec<Row<'m>>, messages: &'m [Data<'m>], role: Role) {
    if !E::can(role) {
        return;
    }
    let mut encoder = E::new(role);
    let mut expected = Sum::default();
    for message in messages {
        expected.message(matches!(message, Data::Text(_)), message.bytes());
    }
    let mut out = Out::keeping();
    encoder.encode(messages, &mut out);
    assert_eq!(read_back(&mut out.bytes, role), expected, "{}", E::NAME);
    let mut out = Out::recycling();
    let pass = move || encoder.encode(messages, &mut out);
    rows.push(Row::new(E::NAME, messages.len(), pass));
}

fn read_back(wire: &mut [u8], role: Role) -> Sum {
    let reader = match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    let mut receiver = MessageDecoder::new(reader, &Limits::default());
    let mut sum = Sum::default();
    let mut input = wire;
    while let Some(event) = receiver.receive(&mut input).expect("frames are right") {
        match event {
            Event::Message(message) => sum.message(message.kind == Kind::Text, message.payload),
            other => panic!("a message was sent, not {other:?}"),
        }
    }
    sum
}

/// The tables of encoding.
pub fn tables(workloads: &[Workload], plan: Plan) -> [Table; 2] {
    [
        (Role::Server, "encode, unmasked (a server)"),
        (Role::Client, "encode, masked (a client)"),
    ]
    .map(|(role, title)| {
        let mut table = Table::new(title);
        for workload in workloads.iter().filter(|workload| !workload.fragmented) {
            let messages: Vec<Data> = workload.messages.iter().map(data).collect();
            let mut rows = Vec::new();
            add::<plain::Floor>(&mut rows, &messages, role);
            add::<plain::Ours>(&mut rows, &messages, role);
            add::<plain::Frames>(&mut rows, &messages, role);
            add::<plain::Embedded>(&mut rows, &messages, role);
            add::<plain::SansIo>(&mut rows, &messages, role);
            add::<peers::Tungstenite>(&mut rows, &messages, role);
            add::<peers::FastWebsockets>(&mut rows, &messages, role);
            add::<peers::TokioWebsockets>(&mut rows, &messages, role);
            add::<peers::Sockudo>(&mut rows, &messages, role);
            add::<peers::Yawc>(&mut rows, &messages, role);
            table.column(workload.name, rows, plan);
        }
        table
    })
}

fn data((text, payload): &(bool, Vec<u8>)) -> Data<'_> {
    if *text {
        Data::Text(str::from_utf8(payload).expect("the text is UTF-8"))
    } else {
        Data::Binary(payload)
    }
}
