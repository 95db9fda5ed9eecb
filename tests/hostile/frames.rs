//! Frames: hostile 21–31 and 51.

use std::io::Write;
use std::net::SocketAddr;
use std::thread;

use crate::common::rng::Rng;
use crate::good::Good;
use crate::served::Served;
use crate::wire::{
    Answer, close, connect, converse, converse_and_end, deflating, frame, header_64, read_to_end,
    request, text,
};

fn after_upgrade(address: SocketAddr, frames: &[u8]) -> Answer {
    converse(address, &[&request("")[..], frames].concat())
}

#[test]
fn hostile_21_to_27_frames_that_break_a_rule() {
    let served = Served::new(&["--max-message", "1M", "--max-frame", "1M"]);
    let good = Good::start(served.address);
    let zeros = [0; 4];
    let deflated = converse(served.address, &[deflating(), close(1000, b"")].concat());
    assert_eq!(
        deflated.header("Sec-WebSocket-Extensions"),
        Some("permessage-deflate")
    );
    for (name, frames, code) in [
        ("21 unmasked", b"\x81\x02hi".to_vec(), 1002),
        ("21 unmasked close", b"\x88\x02\x03\xe8".to_vec(), 1002),
        ("22 top bit", header_64(0x82, 1 << 63), 1002),
        ("22 all bits", header_64(0x82, u64::MAX), 1002),
        ("23 2^32 + 5", header_64(0x82, (1 << 32) + 5), 1009),
        ("23 2^62", header_64(0x82, 1 << 62), 1009),
        ("23 2^63 - 1", header_64(0x81, (1 << 63) - 1), 1009),
        ("23 one more", header_64(0x82, (1 << 20) + 1), 1009),
        (
            "24 126 for 125",
            [b"\x82\xfe\0\x7d", &zeros[..]].concat(),
            1002,
        ),
        ("24 127 for 65535", header_64(0x82, 65535), 1002),
        ("24 127 for 0", header_64(0x82, 0), 1002),
        ("25 a long ping", header_64(0x89, 65536), 1002),
        (
            "25 a ping of 126",
            [b"\x89\xfe\0\x7e", &zeros[..]].concat(),
            1002,
        ),
        ("26 RSV1 on a ping", frame(0xc9, b""), 1002),
        ("26 RSV1 on a close", frame(0xc8, b""), 1002),
        ("26 RSV2", frame(0xa1, b""), 1002),
        ("26 RSV3", frame(0x91, b""), 1002),
        (
            "26 RSV1 on a continuation",
            [frame(0x01, b"a"), frame(0xc0, b"b")].concat(),
            1002,
        ),
        ("27 opcode 3", frame(0x83, b""), 1002),
        ("27 opcode 3 without FIN", frame(0x03, b""), 1002),
        (
            "27 opcode 15 in a message",
            [frame(0x01, b"a"), frame(0x8f, b"")].concat(),
            1002,
        ),
        ("a ping without FIN", frame(0x09, b""), 1002),
        ("a continuation of nothing", frame(0x80, b""), 1002),
        (
            "a message in a message",
            [frame(0x01, b"a"), frame(0x81, b"b")].concat(),
            1002,
        ),
    ] {
        for request in [request(""), deflating()] {
            // More behind it must not turn the close frame into a reset.
            let behind = text("not to be answered").repeat(5000);
            let answer = converse(served.address, &[&request[..], &frames, &behind].concat());
            assert_eq!(answer.code(), code, "{name}");
            assert!(answer.messages().is_empty(), "{name}");
        }
    }
    good.finish();
    served.assert_peak_below(8 << 20);
}

#[test]
fn hostile_28_cuts_at_every_byte_and_many_frames_at_once() {
    let served = Served::new(&[]);
    let good = Good::start(served.address);
    let bytes = [
        request(""),
        text("größer"),
        frame(0x02, &[7; 200]),
        frame(0x89, b"ping"),
        frame(0x80, &[8; 70]),
        frame(0x81, b""),
        close(3000, "schön".as_bytes()),
    ]
    .concat();
    let whole = converse(served.address, &bytes);
    assert_eq!((whole.frames.len(), whole.code()), (5, 3000));
    let mut stream = connect(served.address);
    for byte in &bytes {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(read_to_end(&mut stream), whole);

    let frames = [text("x").repeat(100_000), close(1000, b"")].concat();
    let answer = after_upgrade(served.address, &frames);
    assert_eq!(answer.code(), 1000);
    assert_eq!(answer.messages(), vec![b"x"; 100_000]);
    good.finish();
    served.assert_peak_below(16 << 20);
}

#[test]
fn hostile_29_and_30_fragments_without_end() {
    let served = Served::new(&["--max-message", "100000", "--max-fragments", "200000"]);
    let good = Good::start(served.address);
    let begin = frame(0x02, b"");
    for (name, pieces, code) in [
        ("29 one byte each", frame(0x00, b"x").repeat(150_000), 1009),
        ("29 empty", frame(0x00, b"").repeat(250_000), 1008),
        (
            "30 each below the limit",
            frame(0x00, &[0; 60_000]).repeat(3),
            1009,
        ),
        (
            "30 a sum past 64 bits",
            [frame(0x00, b"x"), header_64(0x00, (1 << 63) - 1)].concat(),
            1009,
        ),
    ] {
        let answer = after_upgrade(served.address, &[&begin[..], &pieces].concat());
        assert_eq!(answer.code(), code, "{name}");
        assert!(answer.messages().is_empty(), "{name}");
    }
    good.finish();
    served.assert_peak_below(8 << 20);
}

#[test]
fn hostile_31_an_end_inside_a_frame_or_message() {
    let served = Served::new(&[]);
    let good = Good::start(served.address);
    let mut ends = 0;
    for bytes in [
        b"\x81".to_vec(),
        b"\x81\x85\x37\xfa".to_vec(),
        frame(0x81, b"hello")[..8].to_vec(),
        frame(0x01, b"hello"),
        [frame(0x01, b"hel"), frame(0x00, b"lo")].concat(),
        Vec::new(),
    ] {
        let answer = converse_and_end(served.address, &[request(""), bytes].concat());
        assert!(answer.frames.is_empty(), "{answer:?}");
        ends += 1;
    }
    served.figure_when("failed", |failed| failed == ends);
    good.finish();
}

/// The peer's last bytes are an end that comes with them: all that was sent is answered.
#[test]
fn a_close_frame_with_the_end_right_behind_it_is_answered() {
    let served = Served::new(&[]);
    // Of different sizes, so that more or less of it waits to be sent when the end comes.
    for len in [5, 50_000, 900_000, 1_200_000, 1 << 21, 3 << 20] {
        let message = frame(0x82, &vec![1; len]);
        let bytes = [request(""), message.repeat(3), close(1000, b"")].concat();
        let answer = converse_and_end(served.address, &bytes);
        assert_eq!(answer.code(), 1000);
        assert_eq!(answer.messages().len(), 3);
    }
}

/// Any bytes at all: an answer or none, but the server lives (hostile 51).
#[test]
fn hostile_51_noise() {
    let served = Served::new(&["--handshake-timeout", "0.2", "--close-timeout", "0.2"]);
    let good = Good::start(served.address);
    let mut rng = Rng(51);
    let attackers: Vec<_> = (0..8)
        .map(|_| {
            let (address, mut rng) = (served.address, Rng(rng.next()));
            thread::spawn(move || {
                for round in 0..40 {
                    let len = 1 + rng.below(3000);
                    let mut noise: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
                    let mut bytes = match round % 4 {
                        0 => Vec::new(),
                        1 => request(""),
                        _ => deflating(),
                    };
                    if round % 4 == 3 {
                        // Whole frames with compressed noise.
                        noise.truncate(100);
                        noise = frame(0xc2, &noise).repeat(3);
                    }
                    bytes.append(&mut noise);
                    if round % 8 == 0 {
                        let at = rng.below(bytes.len());
                        bytes[at] ^= 1 << rng.below(8);
                    }
                    converse_and_end(address, &bytes);
                }
            })
        })
        .collect();
    for attacker in attackers {
        attacker.join().unwrap();
    }
    good.finish();
    served.figure_when("open", |open| open <= 1);
    served.assert_peak_below(16 << 20);
}
