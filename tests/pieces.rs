//! Messages in pieces are the same as whole, decoded or not, however the stream is cut.

#![cfg(feature = "deflate")]

mod common;

use common::captures::{self, Capture};
use common::rng::Rng;
use wscodec::deflate::{Agreed, Compressor, Config, Decompressor};
use wscodec::frame::Role;
use wscodec::message::{Event, Kind, Piece, Receiver, Sender, Unmasked};
use wscodec::{Error, Fault, LimitError, Limits};

type Inflating = Receiver<Option<Decompressor>>;

fn receiver(role: Role, deflate: bool, limits: &Limits) -> Inflating {
    let extension = deflate.then(|| Decompressor::new(&Agreed::default(), limits));
    Receiver::with_extension(role, limits, extension)
}

fn chunks<'b>(bytes: &'b mut [u8], cuts: &[usize]) -> Vec<&'b mut [u8]> {
    let (mut rest, mut at, mut chunks) = (bytes, 0, Vec::new());
    for &cut in cuts {
        let (front, back) = rest.split_at_mut(cut - at);
        chunks.push(front);
        (rest, at) = (back, cut);
    }
    chunks.push(rest);
    chunks
}

/// The messages put together from pieces.
fn in_pieces(mut receiver: Inflating, bytes: &[u8], cuts: &[usize]) -> Result<Vec<Vec<u8>>, Fault> {
    let (mut bytes, mut messages, mut open) = (bytes.to_vec(), Vec::new(), Vec::new());
    for mut input in chunks(&mut bytes, cuts) {
        while let Some(piece) = receiver.receive_piece(&mut input)? {
            match piece {
                Piece::Data(data) => {
                    assert!(!data.is_empty());
                    open.extend_from_slice(data);
                }
                Piece::End => messages.push(std::mem::take(&mut open)),
                _ => {}
            }
        }
    }
    Ok(messages)
}

fn whole(mut receiver: Inflating, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let (mut bytes, mut messages) = (bytes.to_vec(), Vec::new());
    let mut input = &mut bytes[..];
    while let Some(event) = receiver.receive(&mut input)? {
        if let Event::Message(message) = event {
            messages.push(message.payload.to_vec());
        }
    }
    Ok(messages)
}

#[test]
fn recordings() {
    let mut compressed = 0;
    for Capture {
        name,
        setup,
        bytes,
        deflate,
        ..
    } in captures::all()
    {
        // The largest window, taken over, reads whatever keeps to less.
        let coded = !deflate.is_null();
        compressed += usize::from(coded);
        let role = setup.role;
        let expected = whole(receiver(role, coded, &Limits::default()), &bytes);
        let mut rng = Rng(bytes.len() as u64);
        for step in [1, 7, 1000, 100_000] {
            if step == 1 && bytes.len() > 100_000 {
                continue;
            }
            let cuts = match step {
                1 => (0..bytes.len()).collect(),
                _ => rng.cuts(bytes.len(), step),
            };
            let limits = Limits::default();
            let seen = in_pieces(receiver(role, coded, &limits), &bytes, &cuts);
            assert_eq!(seen, expected, "{name} {step}");
        }
    }
    assert!(compressed > 5);
}

/// A server's bytes for compressed messages in fragments.
fn compressed(messages: &[&[u8]], part: usize) -> Vec<u8> {
    let compressor = Compressor::new(&Agreed::default(), &Config::default());
    let mut sender = Sender::new(Unmasked, compressor);
    let mut out = Vec::new();
    for message in messages {
        sender.begin(Kind::Binary, b"", &mut out).unwrap();
        for part in message.chunks(part) {
            sender.more(part, &mut out).unwrap();
            sender.ping(b"", &mut out).unwrap();
        }
        sender.finish(b"", &mut out).unwrap();
    }
    out
}

#[test]
fn fragments_that_inflate_a_hundredfold() {
    let zeros = vec![0; 3 << 20];
    let mixed: Vec<u8> = (0..200_000u32)
        .map(|i| (i.wrapping_mul(i) >> 7) as u8)
        .collect();
    let messages: [&[u8]; 4] = [&zeros, b"", &mixed, b"x"];
    for part in [1000, 100_000, 4 << 20] {
        let bytes = compressed(&messages, part);
        let mut rng = Rng(part as u64);
        for step in [50, 5000] {
            let cuts = rng.cuts(bytes.len(), step);
            let mut limits = Limits::default();
            limits.inflation = u32::MAX;
            let seen = in_pieces(receiver(Role::Client, true, &limits), &bytes, &cuts);
            assert!(seen.unwrap().iter().eq(&messages));
        }
    }
}

#[test]
fn what_is_held_does_not_grow_with_the_message() {
    let zeros = vec![0; 30 << 20];
    let mut bytes = compressed(&[&zeros], 30 << 20);
    let mut limits = Limits::default();
    limits.inflation = u32::MAX;
    let mut receiver = receiver(Role::Client, true, &limits);
    let (mut input, mut len) = (&mut bytes[..], 0);
    while let Some(piece) = receiver.receive_piece(&mut input).unwrap() {
        if let Piece::Data(data) = piece {
            assert!(data.len() <= 16 << 10);
            len += data.len();
        }
        assert!(receiver.buffered() <= 20 << 10);
    }
    assert_eq!(len, zeros.len());
}

#[test]
fn the_limit_holds_for_what_comes_out() {
    let bytes = compressed(&[&[0; 50_000]], 1000);
    for (most, fits) in [(50_000, true), (49_999, false)] {
        let mut limits = Limits::default();
        limits.message = most;
        let seen = in_pieces(receiver(Role::Client, true, &limits), &bytes, &[]);
        match fits {
            true => assert_eq!(seen.unwrap()[0].len(), 50_000),
            false => assert_eq!(
                seen.unwrap_err().error,
                Error::from(LimitError::MessageTooLarge)
            ),
        }
    }
}
