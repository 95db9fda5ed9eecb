//! How the cost of a message grows: with its length, with its fragments, and with the number of
//! reads that it comes in. Only ours is measured; what is looked for is a bend upwards.

use std::hint::black_box;

use wscodec::Limits;
use wscodec::frame::Role;
use wscodec::message::{Event, Kind, MessageDecoder, MessageEncoder};

use crate::measure::{Plan, Row, Table};
use crate::workload::{Random, header};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Bytes that a pass works through at least, so that short messages are many.
const PASS: usize = 1 << 20;

/// The message that is cut into fragments and reads.
const WHOLE: usize = 64 << 10;

/// The tables; the names of columns are the numbers to draw them by.
pub fn tables(plan: Plan) -> Vec<Table> {
    vec![by_length(plan), by_fragments(plan), by_reads(plan)]
}

fn by_length(plan: Plan) -> Table {
    let mut table = Table::new("a message, by bytes of payload");
    for power in (4..=24).step_by(2) {
        let len = 1 << power;
        let payload = text(len);
        let times = (PASS / len).max(1);
        let decode = |name, opcode| {
            let frame = masked(opcode, true, &payload);
            let stream = frame.repeat(times);
            decoding(name, stream, usize::MAX, times)
        };
        let rows = vec![
            decode("decode, binary", 2),
            decode("decode, text", 1),
            encoding(
                "encode, a server",
                MessageEncoder::server(),
                &payload,
                times,
            ),
            encoding(
                "encode, a client",
                MessageEncoder::client(|| KEY),
                &payload,
                times,
            ),
        ];
        table.column(&len.to_string(), rows, plan);
    }
    table
}

fn by_fragments(plan: Plan) -> Table {
    let mut table = Table::new("a text of 64 KiB, by its fragments");
    let text = text(WHOLE);
    for power in (0..=16).step_by(2) {
        let fragments = 1 << power;
        let times = PASS / WHOLE;
        let mut message = Vec::new();
        for (place, part) in text.chunks(WHOLE / fragments).enumerate() {
            let last = place + 1 == fragments;
            message.extend(masked(u8::from(place == 0), last, part));
        }
        let rows = vec![decoding("decode", message.repeat(times), usize::MAX, times)];
        table.column(&fragments.to_string(), rows, plan);
    }
    table
}

fn by_reads(plan: Plan) -> Table {
    let mut table = Table::new("a text of 64 KiB, by the reads that it comes in");
    let text = text(WHOLE);
    for power in (0..=16).step_by(2) {
        let reads = 1 << power;
        let times = PASS / WHOLE;
        let stream = masked(1, true, &text).repeat(times);
        let rows = vec![decoding("decode", stream, WHOLE / reads, times)];
        table.column(&reads.to_string(), rows, plan);
    }
    table
}

/// Text of this length, with characters of several bytes in it.
fn text(len: usize) -> Vec<u8> {
    let mut random = Random::new(len as u64);
    let mut text = String::with_capacity(len);
    while text.len() < len {
        text.push_str(if random.within(0, 99) == 0 {
            "ß"
        } else {
            "s "
        });
    }
    let mut text = text.into_bytes();
    text.truncate(len);
    if std::str::from_utf8(&text).is_err() {
        text[len - 1] = b'.';
    }
    text
}

fn masked(opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    header(&mut frame, opcode, fin, payload.len(), 0x80);
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(b, k)| b ^ k));
    frame
}

/// A row that reads the stream in pieces of this length, with `times` messages in it.
fn decoding<'a>(name: &'static str, stream: Vec<u8>, read: usize, times: usize) -> Row<'a> {
    let mut receiver = MessageDecoder::new(Role::Server, &Limits::default());
    let mut input = stream.clone();
    Row::new(name, times, move || {
        input.copy_from_slice(&stream);
        let mut messages = 0;
        for mut piece in input.chunks_mut(read.min(stream.len())) {
            while let Some(event) = receiver.receive(&mut piece).expect("the stream is right") {
                if let Event::Message(message) = event {
                    black_box(message.payload);
                    messages += 1;
                }
            }
        }
        assert_eq!(messages, times, "{name}");
    })
}

fn encoding<'a, M: wscodec::message::MaskSource + 'a>(
    name: &'static str,
    mut sender: MessageEncoder<M>,
    payload: &'a [u8],
    times: usize,
) -> Row<'a> {
    let mut out = Vec::new();
    Row::new(name, times, move || {
        out.clear();
        for _ in 0..times {
            sender
                .send(Kind::Binary, black_box(payload), &mut out)
                .expect("a message can be sent");
        }
        black_box(&out);
    })
}
