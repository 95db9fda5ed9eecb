//! permessage-deflate at level 6 and with the largest window: each engine through wscodec, alone or
//! shared by four connections that take turns, and the engines by themselves.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use miniz_oxide::deflate::core::{
    CompressionStrategy, CompressorOxide, TDEFLFlush, compress_to_output,
};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush};
use serde_json::{Value, json};
use wscodec::Limits;
use wscodec::deflate::{
    AgreedDeflate, Deflate, DeflateOptions, DeflatePool, Inflate, MinizDeflate, MinizInflate,
    ZlibDeflate, ZlibInflate,
};

use crate::measure::{Plan, Row, Table};
use crate::workload::Random;

/// The bytes that a sender leaves out (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Connections that share engines.
const LINES: usize = 4;

const SIZES: [(&str, usize); 3] = [("100 B", 100), ("1 KiB", 1 << 10), ("64 KiB", 64 << 10)];

/// A way to compress messages, of which it is told the number.
type Compressing = Box<dyn FnMut(usize, &[u8], &mut Vec<u8>)>;

/// All tables, and one of sizes.
pub fn tables(plan: Plan) -> Vec<Value> {
    let mut tables = Vec::new();
    for (takeover, title) in [
        (true, "compress, takeover"),
        (false, "compress, no takeover"),
    ] {
        let mut table = Table::new(title);
        for (name, len) in SIZES {
            let messages = messages(len);
            let mut rows = Vec::new();
            for (name, mut compress) in compressors(takeover) {
                let messages = &messages;
                let mut out = Vec::with_capacity(2 * len + 1024);
                rows.push(Row::new(name, messages.len(), move || {
                    for (i, message) in messages.iter().enumerate() {
                        out.clear();
                        compress(i, message, &mut out);
                    }
                }));
            }
            table.column(name, rows, plan);
        }
        tables.push(table.json());
    }
    for (takeover, title) in [(true, "inflate, takeover"), (false, "inflate, no takeover")] {
        let mut table = Table::new(title);
        for (name, len) in SIZES {
            let messages = messages(len);
            let coded = coded(&messages, takeover);
            table.column(name, inflating(&coded, &messages, takeover), plan);
        }
        tables.push(table.json());
    }
    tables.push(sizes());
    tables
}

/// JSON of this length, 256 KiB of it at least: far more than a window.
fn messages(len: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(len as u64);
    let count = (256_usize << 10).div_ceil(len);
    let one = |_| {
        let mut text = b"{\"type\":\"update\",\"items\":[".to_vec();
        while text.len() < len {
            let item = format!(
                "{{\"id\":{},\"user\":\"user{}\",\"price\":{}.{},\"tags\":[\"a{}\",\"new\"],\"ok\":{}}},",
                random.within(0, 999_999),
                random.within(0, 49),
                random.within(0, 999),
                random.within(0, 99),
                random.within(0, 6),
                random.within(0, 1) == 0,
            );
            text.extend_from_slice(item.as_bytes());
        }
        text.truncate(len);
        text
    };
    (0..count).map(one).collect()
}

fn agreed(takeover: bool) -> AgreedDeflate {
    let mut agreed = AgreedDeflate::default();
    agreed.send.takeover = takeover;
    agreed.receive.takeover = takeover;
    agreed
}

fn compressors(takeover: bool) -> Vec<(&'static str, Compressing)> {
    vec![
        (
            "wscodec",
            ours(
                DeflatePool::<MinizDeflate, MinizInflate>::with_engines().dedicated(),
                takeover,
            ),
        ),
        (
            "wscodec, shared",
            ours(
                DeflatePool::<MinizDeflate, MinizInflate>::with_engines(),
                takeover,
            ),
        ),
        ("miniz_oxide alone", miniz(takeover)),
        (
            "wscodec, zlib-rs",
            ours(
                DeflatePool::<ZlibDeflate, ZlibInflate>::with_engines().dedicated(),
                takeover,
            ),
        ),
        (
            "wscodec, zlib-rs, shared",
            ours(
                DeflatePool::<ZlibDeflate, ZlibInflate>::with_engines(),
                takeover,
            ),
        ),
        ("zlib-rs alone", zlib_rs(takeover)),
        ("zlib alone", zlib(takeover)),
    ]
}

/// One connection with an engine of its own, or several that share one.
fn ours<D: Deflate + 'static, I: Inflate + 'static>(
    pool: DeflatePool<D, I>,
    takeover: bool,
) -> Compressing {
    let compressor = || pool.compressor(&agreed(takeover), &DeflateOptions::default());
    let shared = !format!("{pool:?}").contains("dedicated: true");
    let count = if shared { LINES } else { 1 };
    let mut lines: Vec<_> = (0..count).map(|_| compressor()).collect();
    Box::new(move |i, message, out| {
        lines[i % count]
            .message(message, out)
            .expect("memory is there")
    })
}

fn miniz(takeover: bool) -> Compressing {
    let strategy = CompressionStrategy::Default;
    let mut core = CompressorOxide::with_params(DataFormat::Raw, 6, strategy, 15);
    let flush = match takeover {
        true => TDEFLFlush::Sync,
        false => TDEFLFlush::Full,
    };
    Box::new(move |_, message, out| {
        compress_to_output(&mut core, message, flush, |bytes| {
            out.extend_from_slice(bytes);
            true
        });
        out.truncate(out.len() - TAIL.len());
    })
}

fn zlib_rs(takeover: bool) -> Compressing {
    let mut zlib = zlib_rs::Deflate::new(6, false, 15);
    let flush = match takeover {
        true => zlib_rs::DeflateFlush::SyncFlush,
        false => zlib_rs::DeflateFlush::FullFlush,
    };
    Box::new(move |_, message, out| {
        out.resize(message.len() + 1024, 0);
        let before = zlib.total_out();
        zlib.compress(message, out, flush).expect("there is room");
        out.truncate((zlib.total_out() - before) as usize - TAIL.len());
    })
}

fn zlib(takeover: bool) -> Compressing {
    let mut zlib = Compress::new(Compression::new(6), false);
    let flush = match takeover {
        true => FlushCompress::Sync,
        false => FlushCompress::Full,
    };
    Box::new(move |_, message, out| {
        out.reserve(message.len() + 1024);
        zlib.compress_vec(message, out, flush)
            .expect("there is room");
        out.truncate(out.len() - TAIL.len());
    })
}

/// As zlib compresses them: what peers send.
fn coded(messages: &[Vec<u8>], takeover: bool) -> Vec<Vec<u8>> {
    let mut zlib = zlib(takeover);
    let one = |message: &Vec<u8>| {
        let mut out = Vec::new();
        zlib(0, message, &mut out);
        out
    };
    messages.iter().map(one).collect()
}

fn inflating<'a>(coded: &'a [Vec<u8>], messages: &'a [Vec<u8>], takeover: bool) -> Vec<Row<'a>> {
    let len = messages[0].len();
    let ended: Vec<Vec<u8>> = coded.iter().map(|it| [&it[..], &TAIL].concat()).collect();
    let mut miniz = InflateState::new_boxed(DataFormat::Raw);
    let mut zlib_rs = zlib_rs::Inflate::new(false, 15);
    let mut zlib = Decompress::new(false);
    let ended_too = ended.clone();
    let ended_as_well = ended.clone();
    let mut room = vec![0; len + 1];
    let mut room_too = room.clone();
    let mut room_as_well = room.clone();
    vec![
        our_inflating::<MinizInflate>("wscodec", false, coded, messages, takeover),
        our_inflating::<MinizInflate>("wscodec, shared", true, coded, messages, takeover),
        Row::new("miniz_oxide alone", coded.len(), move || {
            for coded in &ended {
                if !takeover {
                    miniz.reset(DataFormat::Raw);
                }
                let done = inflate(&mut miniz, coded, &mut room, MZFlush::None);
                assert_eq!(done.bytes_written, len);
            }
        }),
        our_inflating::<ZlibInflate>("wscodec, zlib-rs", false, coded, messages, takeover),
        our_inflating::<ZlibInflate>("wscodec, zlib-rs, shared", true, coded, messages, takeover),
        Row::new("zlib-rs alone", coded.len(), move || {
            for coded in &ended_too {
                if !takeover {
                    zlib_rs.reset(false);
                }
                let before = zlib_rs.total_out();
                let flush = zlib_rs::InflateFlush::SyncFlush;
                zlib_rs
                    .decompress(coded, &mut room_too, flush)
                    .expect("it is right");
                assert_eq!((zlib_rs.total_out() - before) as usize, len);
            }
        }),
        Row::new("zlib alone", coded.len(), move || {
            for coded in &ended_as_well {
                if !takeover {
                    zlib.reset(false);
                }
                let before = zlib.total_out();
                let flush = FlushDecompress::Sync;
                zlib.decompress(coded, &mut room_as_well, flush)
                    .expect("it is right");
                assert_eq!((zlib.total_out() - before) as usize, len);
            }
        }),
    ]
}

/// Connections that get the same messages: shared, several that take turns.
fn our_inflating<'a, I: Inflate + 'a>(
    name: &'static str,
    shared: bool,
    coded: &'a [Vec<u8>],
    messages: &'a [Vec<u8>],
    takeover: bool,
) -> Row<'a> {
    let pool = match shared {
        true => DeflatePool::<ZlibDeflate, I>::with_engines(),
        false => DeflatePool::with_engines().dedicated(),
    };
    let mut limits = Limits::default();
    limits.inflation = u32::MAX;
    let count = if shared { LINES } else { 1 };
    let line = |_| pool.decompressor(&agreed(takeover), &limits);
    let mut lines: Vec<_> = (0..count).map(line).collect();
    let mut out = Vec::with_capacity(4 * messages[0].len() + 4096);
    for (coded, message) in coded.iter().zip(messages) {
        for line in &mut lines {
            out.clear();
            line.message(coded, &mut out).expect("it is right");
            assert_eq!(out, *message, "{name}");
        }
    }
    Row::new(name, coded.len() * count, move || {
        for coded in coded {
            for line in &mut lines {
                out.clear();
                line.message(coded, &mut out).expect("it is right");
            }
        }
    })
}

/// Bytes of a message as sent.
fn sizes() -> Value {
    let mut columns = Vec::new();
    let mut rows: Vec<(&str, Vec<Value>)> = Vec::new();
    for (takeover, with) in [(true, "takeover"), (false, "none")] {
        for (name, len) in SIZES {
            columns.push(format!("{name}, {with}"));
            let messages = messages(len);
            for (place, (name, mut compress)) in compressors(takeover).into_iter().enumerate() {
                let mut sum = 0;
                for (i, message) in messages.iter().enumerate() {
                    let mut out = Vec::new();
                    compress(i, message, &mut out);
                    sum += out.len();
                }
                if rows.len() == place {
                    rows.push((name, Vec::new()));
                }
                let mean = (sum * 10 / messages.len()) as f64 / 10.0;
                rows[place].1.push(json!({ "median": mean }));
            }
        }
    }
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|(name, cells)| json!({ "name": name, "cells": cells }))
        .collect();
    json!({
        "title": "bytes a message",
        "unit": "bytes",
        "base": "zlib alone",
        "columns": columns,
        "rows": rows,
    })
}
