//! The small parts: masks and headers.

use std::hint::black_box;
use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader as TungsteniteHeader;
use websocket_sans_io::{FrameInfo, Opcode, WebsocketFrameEncoder};
use wscodec::frame::{FrameHeader, ParsedHeader, mask};

use crate::measure::{Plan, Row, Table};
use crate::workload::Workload;
use crate::xor::xor;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The mask, applied in place.
pub fn masks(plan: Plan) -> Table {
    let mut table = Table::new("mask in place");
    for (name, len) in [
        ("32 B", 32),
        ("125 B", 125),
        ("1 KiB", 1 << 10),
        ("16 KiB", 16 << 10),
        ("1 MiB", 1 << 20),
    ] {
        let rows = vec![
            masking("floor", len, |data| xor(KEY, data)),
            masking("wscodec", len, |data| mask::apply(KEY, 0, data)),
            masking("websocket-sans-io", len, |data| {
                let mut encoder = WebsocketFrameEncoder::new();
                encoder.start_frame(&FrameInfo {
                    opcode: Opcode::Binary,
                    payload_length: data.len() as u64,
                    mask: Some(KEY),
                    fin: true,
                    reserved: 0,
                });
                encoder.transform_frame_payload(data);
            }),
            masking("fastwebsockets", len, |data| {
                fastwebsockets::unmask(data, KEY);
            }),
        ];
        table.column(name, rows, plan);
    }
    table
}

/// A row of one mask, applied again and again to the same bytes.
fn masking<'a>(name: &'static str, len: usize, mask: impl Fn(&mut [u8]) + 'a) -> Row<'a> {
    // 6 bytes behind the start of the memory, as payloads lie behind a short header.
    let mut memory: Vec<u8> = (0..6 + len).map(|i| i as u8).collect();
    let plain = memory.clone();
    mask(&mut memory[6..]);
    let masked = plain[6..].iter().zip(KEY.iter().cycle());
    assert!(
        memory[6..].iter().copied().eq(masked.map(|(b, k)| b ^ k)),
        "{name}"
    );
    let times = ((256 << 10) / len).max(1);
    Row::new(name, times, move || {
        for _ in 0..times {
            mask(black_box(&mut memory[6..]));
        }
    })
}

/// Reading headers, which lie in the stream with payloads between them.
pub fn headers(workloads: &[Workload], plan: Plan) -> Table {
    let mut table = Table::new("header");
    for workload in workloads {
        if !matches!(workload.name, "bin32" | "chat" | "text1k" | "frag") {
            continue;
        }
        let rows = vec![
            parsing("wscodec", workload, |bytes| {
                match FrameHeader::parse(bytes) {
                    Ok(ParsedHeader::Complete(header, _)) => header.len,
                    other => panic!("there is a header, but: {other:?}"),
                }
            }),
            parsing("tungstenite", workload, |bytes| {
                let header = TungsteniteHeader::parse(&mut Cursor::new(bytes));
                header.expect("it is right").expect("it is whole").1
            }),
        ];
        table.column(workload.name, rows, plan);
    }
    table
}

fn parsing<'w>(
    name: &'static str,
    workload: &'w Workload,
    parse: impl Fn(&[u8]) -> u64 + 'w,
) -> Row<'w> {
    let mut starts = Vec::new();
    let mut at = 0;
    for frame in &workload.frames {
        starts.push(at);
        at = frame.payload.end;
    }
    let expected: usize = workload
        .frames
        .iter()
        .map(|frame| frame.payload.len())
        .sum();
    Row::new(name, starts.len(), move || {
        let sum: u64 = starts
            .iter()
            .map(|start| parse(&workload.masked[*start..]))
            .sum();
        assert_eq!(sum, expected as u64, "{name}");
    })
}
