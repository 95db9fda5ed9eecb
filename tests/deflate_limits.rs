//! Messages that inflate to far more than came. Hostile 38.

#![cfg(feature = "deflate")]

#[path = "hostile/bits.rs"]
#[allow(dead_code, reason = "most of it is of other tests")]
mod bits;
mod common;
#[path = "common/inflate.rs"]
mod inflate;

use common::rng::Rng;
use common::{drive, zlib};
use inflate::{DAMAGED, frame, inflater, one};
use wscodec::deflate::{Decompressor, DeflateDirection, MinizInflate, compress, decompress};
use wscodec::frame::{OpCode, Role, Rsv};
use wscodec::message::{Event, MessageDecoder, Piece};
use wscodec::{ErrorKind, LimitError, Limits};

/// Hostile 38. A message of zeros that is within the limit by its frames, and far beyond it as what
/// it is: found while it inflates, with no more memory than the limit asks for.
#[test]
fn bombs() {
    let zeros = vec![0; 64 << 20];
    let bomb = zlib::Compressor::new(9, 15, true).message(&zeros);
    assert!(bomb.len() < 70_000);
    let mut limits = Limits::default();
    limits.message = 3 << 20;
    for (ratio, most, error) in [
        (u32::MAX, limits.message, LimitError::MessageTooLarge),
        (u32::MAX, 8 << 20, LimitError::MessageTooLarge),
        (256, 8 << 20, LimitError::InflationRatio),
        (1, 64 << 20, LimitError::InflationRatio),
    ] {
        (limits.inflation, limits.message) = (ratio, most);
        for fragment in [bomb.len(), 100] {
            let mut bytes = Vec::new();
            for (i, piece) in bomb.chunks(fragment).enumerate() {
                let (opcode, rsv) = match i {
                    0 => (OpCode::Binary, Rsv::RSV1),
                    _ => (OpCode::Continuation, Rsv::NONE),
                };
                bytes.extend(frame(opcode, rsv, (i + 1) * fragment >= bomb.len(), piece));
            }
            let mut faults = Vec::new();
            for cuts in [
                vec![],
                (0..bytes.len()).collect(),
                Rng(2).cuts(bytes.len(), 500),
            ] {
                let extension = inflater(15, true, &limits);
                let mut receiver = MessageDecoder::with_extension(Role::Client, &limits, extension);
                let run = drive::through(&mut receiver, &bytes, &cuts);
                faults.push(run.fault.unwrap());
                assert!(run.early && run.seen.is_empty());
                assert!(receiver.buffered() as u64 <= 2 * most + 4096);
            }
            assert_eq!(faults[0].error, error.into());
            assert!(faults.iter().all(|fault| *fault == faults[0]));
        }
        // By itself.
        let mut out = Vec::new();
        let result = inflater(15, true, &limits).message(&bomb, &mut out);
        assert_eq!(result, Err(error.into()));
        assert!(out.len() as u64 <= most + 1);
    }
    // A gibibyte claimed by ten bytes is not there to be inflated: the end is missing.
    assert_eq!(decompress(&bomb[..10], &limits), Err(DAMAGED));
}

#[test]
fn the_ratio_holds_above_its_floor_only() {
    let mut limits = Limits::default();
    limits.inflation = 2;
    let zip = |payload: &[u8]| zlib::Compressor::new(9, 15, true).message(payload);
    let floor = usize::try_from(Limits::INFLATION_FLOOR).unwrap();
    assert_eq!(
        decompress(&zip(&vec![0; floor]), &limits).unwrap().len(),
        floor
    );
    let over = decompress(&zip(&vec![0; floor + 1]), &limits);
    assert_eq!(over, Err(LimitError::InflationRatio.into()));
    // Counted for each message by itself.
    let mut inflater = inflater(15, true, &limits);
    let mut zlib = zlib::Compressor::new(9, 15, true);
    for _ in 0..5 {
        let coded = zlib.message(&vec![0; floor / 2]);
        assert_eq!(
            one(&mut inflater, &coded).map(|out| out.len()),
            Ok(floor / 2)
        );
    }
    // Large, but it came large.
    let random = zlib::random(&mut Rng(1), 2 << 20);
    assert!(decompress(&zip(&random), &limits).unwrap() == random);
}

/// A message of nothing but empty blocks of the fixed code, 10 bits each: miniz_oxide would make
/// tables for every one of them. That it never gets to see them shows by there being no tables.
#[test]
fn empty_blocks_need_no_tables() {
    let mut blocks = [0b0000_0010, 0b0000_1000, 0b0010_0000, 0b1000_0000, 0].repeat(50_000);
    // The header of the stored block that a message ends with.
    blocks.push(0);
    let direction = DeflateDirection::DEFAULT;
    let mut inflater = Decompressor::<MinizInflate>::with_engine(direction, &Limits::default());
    let mut out = Vec::new();
    inflater.message(&blocks, &mut out).unwrap();
    assert!(out.is_empty());
    assert_eq!(inflater.memory(), direction.window.len());
    // A block with tables of its own does need them.
    let coded = zlib::Compressor::new(9, 15, true).message(&zlib::words(&mut Rng(1), 5000));
    inflater.message(&coded, &mut out).unwrap();
    assert_eq!(out.len(), 5000);
    assert!(inflater.memory() > direction.window.len());
}

/// Everything that a compressor makes of a message within the limit is accepted by default, also
/// what comes near deflate's bound of 1032:1 and what becomes larger by compression.
#[test]
fn the_defaults_accept_all_that_a_compressor_makes() {
    let limits = Limits::default();
    let zeros = vec![0; 2_000_000];
    let letters = vec![b'a'; 2_000_000];
    let json = format!("[{}0]", "0,".repeat(999_999)).into_bytes();
    let most = vec![7; 64 << 20];
    for payload in [zeros, letters, json, most] {
        for level in [1, 6, 9] {
            let coded = compress(&payload, level).unwrap();
            assert!(decompress(&coded, &limits).unwrap() == payload);
            let best = zlib::Compressor::new(level.into(), 15, true).message(&payload);
            // More than was allowed by default in the past.
            assert!(level < 9 || best.len() < payload.len() / 256);
            assert!(decompress(&best, &limits).unwrap() == payload);
            let bytes = frame(OpCode::Binary, Rsv::RSV1, true, &best);
            let (whole, pieces) = (receive(&bytes, &limits), receive_pieces(&bytes, &limits));
            assert_eq!((whole, pieces), (Ok(payload.len()), Ok(payload.len())));
        }
    }
}

/// A message at the limit that does not become smaller comes in frames that are longer than the limit.
#[test]
fn the_limit_holds_for_the_inflated_message() {
    let mut limits = Limits::default();
    limits.message = 100_000;
    let mut rng = Rng(3);
    let random: Vec<u8> = (0..100_001).map(|_| 144 + rng.below(112) as u8).collect();
    // Stored blocks, and one block of the fixed code with 9 bits a byte.
    let blocks = random[..100_000].chunks(50_000).enumerate();
    let stored = blocks.fold(bits::Bits::default(), |bits, (i, block)| {
        bits.stored(i == 1, block)
    });
    let stored = stored.bytes();
    let mut bits = bits::Bits::default().fixed(true);
    for byte in &random {
        bits = bits.literal(*byte);
    }
    let over = bits.end().bytes();
    let mut bits = bits::Bits::default().fixed(true);
    for byte in &random[..100_000] {
        bits = bits.literal(*byte);
    }
    let fixed = bits.end().bytes();
    assert!(stored.len() > 100_000 && fixed.len() > 112_000);
    for (coded, expected) in [
        (&stored, Ok(100_000)),
        (&fixed, Ok(100_000)),
        (&over, Err(LimitError::MessageTooLarge.into())),
    ] {
        for size in [coded.len(), 9000] {
            let bytes: Vec<_> = coded
                .chunks(size)
                .enumerate()
                .flat_map(|(i, part)| {
                    let (opcode, rsv) = match i {
                        0 => (OpCode::Binary, Rsv::RSV1),
                        _ => (OpCode::Continuation, Rsv::NONE),
                    };
                    frame(opcode, rsv, (i + 1) * size >= coded.len(), part)
                })
                .collect();
            assert_eq!(receive(&bytes, &limits), expected);
            assert_eq!(receive_pieces(&bytes, &limits), expected);
        }
    }
    // A message that is not compressed is refused by its header, and so is one that no encoder makes.
    let plain = frame(OpCode::Binary, Rsv::NONE, true, &random);
    let refused = Err(LimitError::MessageTooLarge.into());
    assert_eq!(receive(&plain[..10], &limits), refused);
    let mut bytes = frame(OpCode::Binary, Rsv::RSV1, false, &fixed[..100_000]);
    bytes.extend(&frame(OpCode::Continuation, Rsv::NONE, true, &[0; 20_000])[..4]);
    assert_eq!(receive(&bytes, &limits), refused);
    assert_eq!(receive_pieces(&bytes, &limits), refused);
}

/// The length of the message in these bytes.
fn receive(bytes: &[u8], limits: &Limits) -> Result<usize, ErrorKind> {
    let mut receiver =
        MessageDecoder::with_extension(Role::Client, limits, inflater(15, true, limits));
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    match receiver.receive(&mut input)? {
        Some(Event::Message(message)) => Ok(message.payload.len()),
        other => panic!("{other:?}"),
    }
}

fn receive_pieces(bytes: &[u8], limits: &Limits) -> Result<usize, ErrorKind> {
    let mut receiver =
        MessageDecoder::with_extension(Role::Client, limits, inflater(15, true, limits));
    let mut bytes = bytes.to_vec();
    let (mut input, mut len) = (&mut bytes[..], 0);
    loop {
        match receiver.receive_piece(&mut input)?.expect("all is there") {
            Piece::Data(data) => len += data.len(),
            Piece::End => return Ok(len),
            _ => {}
        }
    }
}
