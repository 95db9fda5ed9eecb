//! Messages in pieces are the same as whole, decoded or not, however the stream is cut.

#![cfg(feature = "deflate")]

mod common;

use common::captures::{self, Capture};
use common::drive::{self, Setup};
use common::rng::Rng;
use common::vectors;
use wscodec::deflate::{AgreedDeflate, Compressor, Decompressor, DeflateOptions};
use wscodec::frame::{OpCode, Role, Rsv};
use wscodec::message::{
    Event, InboundExtension, Kind, MessageDecoder, MessageEncoder, Piece, Pieces, Unmasked,
};
use wscodec::{ErrorKind, Fault, LimitError, Limits, PeerError};

type Inflating = MessageDecoder<Option<Decompressor>>;

fn receiver(role: Role, deflate: bool, limits: &Limits) -> Inflating {
    let extension = deflate.then(|| Decompressor::new(&AgreedDeflate::default(), limits));
    MessageDecoder::with_extension(role, limits, extension)
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
    let compressor = Compressor::new(&AgreedDeflate::default(), &DeflateOptions::default());
    let mut sender = MessageEncoder::new(Unmasked, compressor);
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
                ErrorKind::from(LimitError::MessageTooLarge)
            ),
        }
    }
}

/// All that a stream tells in pieces, with the data of each message joined, and the fault. Data of a
/// message that is not complete counts too.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    events: Vec<(char, Vec<u8>)>,
    fault: Option<Fault>,
}

impl Told {
    fn note(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Frame(_) => {}
            Piece::Data(data) => match self.events.last_mut() {
                // Control frames may come between the pieces, at the same places however it is cut.
                Some(('d', open)) => open.extend_from_slice(data),
                _ => self.events.push(('d', data.to_vec())),
            },
            Piece::End => self.events.push(('e', Vec::new())),
            Piece::Ping(payload) => self.events.push(('i', payload.to_vec())),
            Piece::Pong(payload) => self.events.push(('o', payload.to_vec())),
            Piece::Close(close) => {
                let close = close.map(|it| (it.code.value(), it.reason.to_owned()));
                self.events.push(('c', format!("{close:?}").into_bytes()));
            }
        }
    }

    fn of<E: InboundExtension>(
        mut receiver: MessageDecoder<E>,
        bytes: &[u8],
        cuts: &[usize],
    ) -> Self {
        let (mut bytes, mut told) = (bytes.to_vec(), Self::default());
        for mut input in chunks(&mut bytes, cuts) {
            loop {
                match receiver.receive_piece(&mut input) {
                    Ok(Some(piece)) => told.note(piece),
                    Ok(None) => break,
                    Err(fault) => {
                        assert_eq!(receiver.end(), Err(fault));
                        told.fault = Some(fault);
                        return told;
                    }
                }
            }
        }
        told.fault = receiver.end().err();
        told
    }

    /// By `Pieces`, until a close frame.
    fn of_pieces(mut pieces: Pieces, bytes: &[u8], cuts: &[usize]) -> Self {
        let (mut bytes, mut told) = (bytes.to_vec(), Self::default());
        for mut input in chunks(&mut bytes, cuts) {
            loop {
                match pieces.receive(&mut input) {
                    Ok(Some(piece)) => {
                        let close = matches!(piece, Piece::Close(_));
                        told.note(piece);
                        if close {
                            return told;
                        }
                    }
                    Ok(None) => break,
                    Err(fault) => {
                        told.fault = Some(fault);
                        return told;
                    }
                }
            }
        }
        told.fault = pieces.end().err();
        told
    }
}

fn each_cut(len: usize, mut run: impl FnMut(&[usize])) {
    for cut in common::cuts(len, 150) {
        run(&[cut]);
    }
    run(&(0..len).collect::<Vec<_>>());
    run(&Rng(len as u64).cuts(len, 7));
}

fn each_vector(mut run: impl FnMut(&str, &Setup, &[u8], Option<&str>)) {
    for file in ["frames", "messages", "text", "close", "limits"] {
        for (name, vector) in vectors::read(&format!("{file}.json")) {
            let bytes = vectors::bytes(&vector["bytes"]);
            let error = vectors::error(&vector).map(|error| error.code);
            run(&name, &vectors::setup(&vector), &bytes, error);
        }
    }
}

/// Every vector in pieces, cut everywhere: the same data comes out before the same fault.
#[test]
fn vectors_in_pieces() {
    each_vector(|name, setup, bytes, error| {
        let told = Told::of(setup.receiver(), bytes, &[]);
        if let Some(error) = error {
            assert_eq!(told.fault.map(|it| it.error.code()), Some(error), "{name}");
        }
        each_cut(bytes.len(), |cuts| {
            assert_eq!(
                Told::of(setup.receiver(), bytes, cuts),
                told,
                "{name} {cuts:?}"
            );
            let by_pieces = Told::of_pieces(setup.pieces(), bytes, cuts);
            assert_eq!(by_pieces.events, told.events, "{name} {cuts:?}");
        });
    });
}

/// The messages of a stream of frames, with their faults: the frames of each message joined.
fn messages(setup: &Setup, bytes: &[u8]) -> Vec<(Kind, Vec<u8>)> {
    let mut messages = Vec::new();
    for frame in drive::frames(setup, bytes, &[]).seen {
        match frame.header.opcode {
            OpCode::Text => messages.push((Kind::Text, frame.payload)),
            OpCode::Binary => messages.push((Kind::Binary, frame.payload)),
            OpCode::Continuation => messages.last_mut().unwrap().1.extend(frame.payload),
            _ => {}
        }
    }
    messages
}

/// The same messages compressed, a ping between any two fragments.
fn compress(role: Role, messages: &[(Kind, Vec<u8>)], part: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let deflate = || Compressor::new(&AgreedDeflate::default(), &DeflateOptions::default());
    let mut write = |opcode, rsv, fin, payload: &[u8]| {
        let header = wscodec::frame::FrameHeader {
            fin,
            rsv,
            mask: (role == Role::Server).then_some([3, 1, 4, 1]),
            ..wscodec::frame::FrameHeader::new(opcode, payload.len() as u64)
        };
        let mut frame = vec![0; payload.len() + 14];
        let len = wscodec::frame::encode(header, payload, &mut frame).unwrap();
        out.extend_from_slice(&frame[..len]);
    };
    let mut deflate = deflate();
    for (kind, payload) in messages {
        let mut coded = Vec::new();
        deflate.message(payload, &mut coded).unwrap();
        let count = coded.len().div_ceil(part);
        for (i, piece) in coded.chunks(part).enumerate() {
            let first = (kind.opcode(), Rsv::RSV1);
            let (opcode, rsv) = if i == 0 {
                first
            } else {
                (OpCode::Continuation, Rsv::NONE)
            };
            write(opcode, rsv, i + 1 == count, piece);
            write(OpCode::Ping, Rsv::NONE, true, b"?");
        }
    }
    out
}

/// Compressed bytes, whole and in pieces, cut everywhere. Returns the fault.
fn compressed_means_the_same(
    name: &str,
    role: Role,
    limits: &Limits,
    bytes: &[u8],
) -> Option<Fault> {
    let told = Told::of(receiver(role, true, limits), bytes, &[]);
    let whole = drive::through(&mut receiver(role, true, limits), bytes, &[]);
    each_cut(bytes.len(), |cuts| {
        let again = Told::of(receiver(role, true, limits), bytes, cuts);
        assert_eq!(again, told, "{name} {cuts:?}");
        let again = drive::through(&mut receiver(role, true, limits), bytes, cuts);
        assert_eq!(again, whole, "{name} {cuts:?}");
    });
    // Both ways of receiving find the same.
    assert_eq!(told.fault, whole.fault, "{name}");
    assert_eq!(
        told.events.iter().filter(|(what, _)| *what == 'e').count(),
        whole
            .seen
            .iter()
            .filter(|it| !matches!(it, drive::Seen::Ping(_)))
            .count(),
        "{name}"
    );
    told.fault
}

/// The messages of every vector, compressed: also those that are at fault by their text or length.
#[test]
fn vectors_compressed() {
    let mut faults = Vec::new();
    each_vector(|name, setup, bytes, _| {
        if !setup.rsv.is_empty() {
            return;
        }
        let messages = messages(setup, bytes);
        if messages.iter().map(|it| it.1.len()).sum::<usize>() > 20_000 {
            return;
        }
        let mut limits = setup.limits;
        limits.frame = None;
        for part in [usize::MAX, 3] {
            let bytes = compress(setup.role, &messages, part);
            let fault = compressed_means_the_same(name, setup.role, &limits, &bytes);
            faults.extend(fault.map(|fault| fault.error.code()));
        }
    });
    let count = |code| faults.iter().filter(|it| **it == code).count();
    assert!(count("INVALID_UTF8") > 30, "{faults:?}");
}

/// Bad text, damage and a limit close to each other, in one message.
#[test]
fn faults_beside_each_other() {
    let mut seen = Vec::new();
    for bad in [290, 299, 300, 301, 310, 400] {
        let mut text = "0123456789é ".repeat(50).into_bytes();
        text[bad] = 0xff;
        for most in [299, 300, 301, 302, 400, 1000] {
            let mut limits = Limits::default();
            limits.message = most;
            let whole = compress(Role::Client, &[(Kind::Text, text.clone())], usize::MAX);
            let fault = compressed_means_the_same("bad text", Role::Client, &limits, &whole);
            seen.push(fault.unwrap().error);
            for damaged in [20, 30, whole.len() / 2, whole.len() - 6] {
                let mut bytes = whole.clone();
                bytes[damaged] ^= 0x55;
                let fault = compressed_means_the_same("damage", Role::Client, &limits, &bytes);
                seen.extend(fault.map(|fault| fault.error));
            }
            // Not compressed.
            let mut plain = Vec::new();
            let mut sender = MessageEncoder::server();
            sender.begin(Kind::Binary, &text, &mut plain).unwrap();
            sender.finish(b"", &mut plain).unwrap();
            plain[0] = 1;
            let told = Told::of(receiver(Role::Client, false, &limits), &plain, &[]);
            each_cut(plain.len(), |cuts| {
                let again = Told::of(receiver(Role::Client, false, &limits), &plain, cuts);
                assert_eq!(again, told, "{bad} {most} {cuts:?}");
            });
        }
    }
    for error in [
        ErrorKind::from(PeerError::InvalidUtf8),
        PeerError::InvalidCompressedData.into(),
        LimitError::MessageTooLarge.into(),
    ] {
        assert!(seen.contains(&error), "{error:?} is not among {seen:?}");
    }
}
