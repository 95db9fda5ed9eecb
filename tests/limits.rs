//! Floods, lengths that claim more than comes, and bytes without meaning: nothing panics, nothing
//! grows with what is only claimed, and however the bytes are cut they mean the same.

mod common;

use common::captures;
use common::drive::{self, Run, Setup};
use common::rng::Rng;
use wscodec::frame::{FrameHeader, MAX_HEADER_LEN, OpCode, ParsedHeader, Role, Rsv};
use wscodec::message::{Event, MessageDecoder, MessageEncoder, Opaque};
use wscodec::{ErrorKind, Fault, LimitError, Limits, PeerError};

fn unlimited() -> Limits {
    let mut limits = Limits::default();
    (limits.frame, limits.message, limits.fragments) = (Some(u64::MAX), u64::MAX, u32::MAX);
    limits
}

fn header(opcode: OpCode, len: u64) -> Vec<u8> {
    let mut out = [0; MAX_HEADER_LEN];
    let n = FrameHeader::new(opcode, len).encode(&mut out).unwrap();
    out[..n].to_vec()
}

/// How many messages and control frames a client finds in one read.
fn count(bytes: &mut [u8]) -> usize {
    let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
    let mut input = bytes;
    let mut count = 0;
    while receiver.receive(&mut input).unwrap().is_some() {
        count += 1;
    }
    receiver.end().unwrap();
    count
}

/// A quadratic step would take hours for the larger of these.
#[test]
fn a_read_of_very_many_frames_is_read_to_its_end() {
    for times in [100_000, 1_000_000] {
        assert_eq!(count(&mut b"\x81\x00".repeat(times)), times);
        assert_eq!(count(&mut b"\x89\x01p\x8a\x00".repeat(times / 2)), times);
        assert_eq!(
            count(&mut b"\x01\x01a\x80\x01b".repeat(times / 10)),
            times / 10
        );
    }
}

#[test]
fn very_many_fragments_are_put_together_in_linear_time() {
    let mut setup = Setup::new(Role::Client);
    setup.limits = unlimited();
    for times in [100_000, 1_000_000] {
        let mut bytes = b"\x01\x00".to_vec();
        bytes.extend(b"\x00\x01a".repeat(times));
        bytes.extend(b"\x80\x00");
        let mut receiver = setup.receiver();
        let mut input = &mut bytes[..];
        let Ok(Some(Event::Message(message))) = receiver.receive(&mut input) else {
            panic!("no message");
        };
        assert_eq!(message.payload.len(), times);
        assert!(receiver.buffered() <= 2 * times + 1024);
    }
}

/// Bytes that come one at a time cost as much each as if they came at once.
#[test]
fn a_long_frame_byte_by_byte() {
    let len = 1_000_000;
    let mut bytes = header(OpCode::Text, len);
    bytes.resize(bytes.len() + len as usize, b'x');
    let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
    let mut messages = 0;
    for byte in &mut bytes {
        let mut input = std::slice::from_mut(byte);
        messages += usize::from(receiver.receive(&mut input).unwrap().is_some());
    }
    assert_eq!(messages, 1);
}

/// Much room is asked for, and little comes each time.
#[test]
fn a_long_frame_read_into_place_byte_by_byte() {
    let len = 2_000_000;
    let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
    let mut bytes = header(OpCode::Binary, len);
    assert_eq!(receiver.receive(&mut &mut bytes[..]), Ok(None));
    let mut left = len;
    while let Some(space) = receiver.space(1 << 20) {
        assert_eq!(space.len() as u64, left.min(1 << 20));
        space[0] = 7;
        left -= 1;
        let event = receiver.fill(1).unwrap();
        assert_eq!(event.is_some(), left == 0);
    }
    assert_eq!(left, 0);
}

/// Feeds the same fragment again and again, until it is refused.
fn flood(receiver: &mut MessageDecoder, fragment: &[u8], most: usize) -> Fault {
    for _ in 0..most {
        let mut bytes = fragment.to_vec();
        if let Err(fault) = receiver.receive(&mut &mut bytes[..]) {
            return fault;
        }
    }
    panic!("never refused");
}

#[test]
fn fragments_without_end_are_refused_and_hold_no_more_than_the_limit() {
    let mut limits = Limits::default();
    limits.message = 10_000;
    let mut receiver = MessageDecoder::new(Role::Client, &limits);
    receiver
        .receive(&mut &mut b"\x02\x00".to_vec()[..])
        .unwrap();
    let fault = flood(
        &mut receiver,
        b"\x00\x64"
            .iter()
            .chain(&[7; 100])
            .copied()
            .collect::<Vec<_>>()
            .as_slice(),
        1000,
    );
    assert_eq!(fault.error, LimitError::MessageTooLarge.into());
    assert!(receiver.buffered() <= 20_000, "{}", receiver.buffered());

    for (fragment, held) in [(&b"\x00\x00"[..], 0), (b"\x00\x01a", 2 * 131_072)] {
        let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
        receiver
            .receive(&mut &mut b"\x01\x00".to_vec()[..])
            .unwrap();
        let fault = flood(&mut receiver, fragment, 200_000);
        assert_eq!(fault.error, LimitError::TooManyFragments.into());
        assert!(receiver.buffered() <= held, "{}", receiver.buffered());
    }
}

#[test]
fn control_frames_hold_no_memory() {
    let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
    let mut wire = Vec::new();
    let mut sender = MessageEncoder::server();
    for _ in 0..10_000 {
        sender.pong(&[1; 125], &mut wire).unwrap();
        sender.ping(&[2; 125], &mut wire).unwrap();
    }
    for read in wire.chunks_mut(1000) {
        drive::feed(&mut receiver, read, &mut Vec::new()).unwrap();
    }
    assert_eq!(receiver.buffered(), 0);
}

#[test]
fn what_a_header_claims_is_not_allocated() {
    for len in [1 << 31, (1 << 32) + 5, 1 << 62, (1 << 63) - 1] {
        let mut receiver = MessageDecoder::new(Role::Client, &unlimited());
        let mut bytes = header(OpCode::Binary, len);
        assert_eq!(receiver.receive(&mut &mut bytes[..]), Ok(None));
        assert_eq!(receiver.buffered(), 0, "{len}");
        assert_eq!(receiver.receive(&mut &mut [7; 1000][..]), Ok(None));
        assert!(receiver.buffered() <= 4096, "{len}");
        let space = receiver.space(5000).unwrap();
        assert_eq!(space.len(), 5000);
        receiver.fill(5000).unwrap();
        assert!(receiver.buffered() <= 16_384, "{len}");
        let eof = ErrorKind::from(PeerError::UnexpectedEof);
        assert_eq!(receiver.end().unwrap_err().error, eof);
    }
}

/// The sums of lengths near 2^63 do not run over.
#[test]
fn two_fragments_that_claim_nearly_everything() {
    let mut bytes = b"\x02\x01a".to_vec();
    let mut rest = header(OpCode::Continuation, (1 << 63) - 1);
    rest[0] &= 0x7f;
    bytes.extend(rest);
    bytes.extend(b"some");
    let mut setup = Setup::new(Role::Client);
    setup.limits = unlimited();
    let run = drive::receiver(&setup, &bytes, &[]);
    assert_eq!(
        (run.early, run.fault.unwrap().offset),
        (false, bytes.len() as u64)
    );
    setup.limits.message = 1 << 63;
    assert!(!drive::receiver(&setup, &bytes, &[]).early);
    setup.limits.message -= 1;
    let fault = drive::receiver(&setup, &bytes, &[]).fault.unwrap();
    assert_eq!(fault, ErrorKind::from(LimitError::MessageTooLarge).at(3));
}

#[test]
fn memory_of_finished_messages_is_given_back_on_request() {
    let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
    let mut bytes = header(OpCode::Binary, 1_000_000);
    bytes.extend(vec![1; 1_000_000]);
    bytes.extend(b"\x02\x02ab");
    for read in bytes.chunks_mut(10_000) {
        drive::feed(&mut receiver, read, &mut Vec::new()).unwrap();
    }
    assert!(receiver.buffered() >= 1_000_000);
    receiver.shrink();
    assert!(receiver.buffered() <= 64, "{}", receiver.buffered());
    let mut rest = *b"\x80\x01c";
    let Ok(Some(Event::Message(message))) = receiver.receive(&mut &mut rest[..]) else {
        panic!("no message");
    };
    assert_eq!(message.payload, b"abc");
}

/// Whole, byte by byte, in pieces, read into place, and at random cuts: all must tell the same.
fn agree(setup: &Setup, bytes: &[u8], rng: &mut Rng) -> Run {
    let whole = drive::receiver(setup, bytes, &[]);
    let single: Vec<_> = (0..bytes.len()).collect();
    let random = rng.cuts(bytes.len().max(1), 9);
    for cuts in [&single, &random] {
        assert_eq!(
            drive::receiver(setup, bytes, cuts),
            whole,
            "{bytes:02x?} {cuts:?}"
        );
    }
    for cuts in [&[][..], &single, &random] {
        assert_eq!(
            drive::pieces(setup, bytes, cuts),
            whole,
            "{bytes:02x?} {cuts:?}"
        );
    }
    let most = 1 + rng.below(40);
    assert_eq!(
        drive::filled(setup, bytes, most),
        whole,
        "{bytes:02x?} {most}"
    );

    let frames = drive::frames(setup, bytes, &[]);
    for cuts in [&single, &random] {
        assert_eq!(
            drive::frames(setup, bytes, cuts),
            frames,
            "{bytes:02x?} {cuts:?}"
        );
    }
    assert!(
        drive::joined(&frames.seen).starts_with(&whole.seen),
        "{bytes:02x?}"
    );
    whole
}

/// Bytes that are nearly frames, so that the decoders get beyond the first.
fn nearly_frames(rng: &mut Rng, role: Role) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut open = false;
    for _ in 0..1 + rng.below(12) {
        let control = rng.below(4) == 0;
        let opcode = match (control, open) {
            (true, _) => 8 + rng.below(3) as u8,
            (false, true) => 0,
            (false, false) => 1 + rng.below(2) as u8,
        };
        let fin = control || rng.below(2) == 0;
        if !control {
            open = !fin;
        }
        let len = match rng.below(10) {
            0 if !control => 126 + rng.below(200),
            1 => 0,
            _ => rng.below(12),
        };
        let mut first = u8::from(fin) << 7 | opcode;
        if rng.below(60) == 0 {
            first ^= 1 << rng.below(8);
        }
        bytes.push(first);
        let mask = match role {
            Role::Server => 0x80,
            Role::Client => 0,
        };
        if len < 126 {
            bytes.push(mask | len as u8);
        } else {
            bytes.push(mask | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        let key = match role {
            Role::Server => std::array::from_fn(|_| rng.byte()),
            Role::Client => [0; 4],
        };
        if role == Role::Server {
            bytes.extend(key);
        }
        let text: Vec<u8> = "aé€🦀"
            .bytes()
            .cycle()
            .skip(rng.below(10))
            .take(len)
            .collect();
        let start = bytes.len();
        bytes.extend(text);
        if opcode == 8 && len >= 2 {
            bytes[start..start + 2].copy_from_slice(&1000u16.to_be_bytes());
        }
        for (i, byte) in bytes[start..].iter_mut().enumerate() {
            *byte ^= key[i % 4];
        }
    }
    bytes.truncate(bytes.len() - rng.below(2) * rng.below(bytes.len()));
    bytes
}

#[test]
fn nearly_frames_mean_the_same_however_they_are_cut() {
    let mut rng = Rng(1);
    let (mut good, mut bad, mut messages) = (0, 0, 0);
    for i in 0..6000 {
        let mut setup = Setup::new(if i % 2 == 0 {
            Role::Client
        } else {
            Role::Server
        });
        setup.rsv = Rsv::new(if i % 3 == 0 { rng.byte() } else { 0 });
        if i % 5 == 0 {
            setup.limits.message = rng.below(200) as u64;
            setup.limits.frame = Some(rng.below(200) as u64);
            setup.limits.fragments = rng.below(5) as u32;
        }
        let bytes = nearly_frames(&mut rng, setup.role);
        let run = agree(&setup, &bytes, &mut rng);
        messages += run.seen.len();
        match run.early {
            true => bad += 1,
            false => good += 1,
        }
    }
    // Both kinds are there in numbers: the test would be of little worth else.
    assert!(
        good > 500 && bad > 500 && messages > 3000,
        "{good} {bad} {messages}"
    );
}

#[test]
fn bytes_without_meaning_do_not_panic() {
    let mut rng = Rng(2);
    for i in 0..6000 {
        let setup = Setup {
            rsv: Rsv::new(rng.byte()),
            limits: if i % 2 == 0 {
                unlimited()
            } else {
                Limits::default()
            },
            ..Setup::new(if i % 4 < 2 {
                Role::Client
            } else {
                Role::Server
            })
        };
        let bytes: Vec<u8> = (0..rng.below(60)).map(|_| rng.byte()).collect();
        agree(&setup, &bytes, &mut rng);
        match FrameHeader::parse(&bytes) {
            Ok(ParsedHeader::Complete(header, n)) => assert_eq!(header.encoded_len(), n),
            Ok(ParsedHeader::Incomplete(n)) => assert!((1..=MAX_HEADER_LEN).contains(&n)),
            Err(error) => assert_eq!(error.close_code().unwrap().value(), 1002),
        }
    }
}

#[test]
fn recordings_with_spoilt_bytes_mean_the_same_however_they_are_cut() {
    let mut rng = Rng(3);
    let mut early = 0;
    for capture in captures::all() {
        let len = capture.bytes.len().min(3000);
        for _ in 0..8 {
            let mut bytes = capture.bytes[..len].to_vec();
            for _ in 0..1 + rng.below(3) {
                match rng.below(4) {
                    0 => bytes[rng.below(len)] ^= 1 << rng.below(8),
                    1 => bytes[rng.below(len)] = rng.byte(),
                    2 => drop(bytes.drain(..rng.below(40).min(len))),
                    _ => bytes.truncate(rng.below(bytes.len()).max(1)),
                }
                bytes.resize(len, 0);
            }
            early += usize::from(agree(&capture.setup, &bytes, &mut rng).early);
        }
    }
    assert!(early > 50, "{early}");
}

#[test]
fn raising_the_message_limit_is_enough() {
    let mut limits = Limits::DEFAULT;
    limits.message = 100 << 20;
    let header = |len: u64, rsv: Rsv| {
        let mut bytes = [0; MAX_HEADER_LEN];
        let mut header = FrameHeader::new(OpCode::Binary, len);
        header.rsv = rsv;
        let len = header.encode(&mut bytes).unwrap();
        bytes[..len].to_vec()
    };
    let receive = |len: u64, rsv: Rsv| {
        let mut receiver = MessageDecoder::with_extension(Role::Client, &limits, Opaque(rsv));
        let mut bytes = header(len, rsv);
        receiver
            .receive(&mut &mut bytes[..])
            .map(|event| event.is_none())
    };
    assert_eq!(receive(70 << 20, Rsv::NONE), Ok(true));
    assert_eq!(receive(100 << 20, Rsv::NONE), Ok(true));
    let fault = receive((100 << 20) + 1, Rsv::NONE).unwrap_err();
    assert_eq!(fault.error, LimitError::MessageTooLarge.into());
    // The stored blocks of a compressor are a little longer than the message.
    let stored = (100 << 20) + (100 << 10);
    assert!(stored <= limits.max_frame());
    limits.frame = Some(1000);
    assert_eq!(limits.max_frame(), 1000);
    limits.frame = None;
    limits.message = u64::MAX;
    assert_eq!(limits.max_frame(), u64::MAX);
}
