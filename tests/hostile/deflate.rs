//! Compressed messages: hostile 38–43 and 45.

use crate::bits::{Bits, zeros};
use crate::common::rng::Rng;
use crate::common::zlib::{Compressor, Decompressor, random};
use crate::good::Good;
use crate::served::Served;
use crate::wire::{Answer, Open, close, converse, deflating, frame, request};

const MIB: usize = 1 << 20;

fn compressed(served: &Served, frames: &[u8]) -> Answer {
    converse(served.address, &[&deflating()[..], frames].concat())
}

/// The messages inflated, in order.
fn inflated(answer: &Answer) -> Vec<Vec<u8>> {
    let mut inflater = Decompressor::new(true);
    let frames = answer.frames.iter().filter(|it| it.0 != 0x88);
    frames
        .map(|(first, payload)| match first & 0x40 {
            0 => payload.clone(),
            _ => inflater.message(payload).unwrap(),
        })
        .collect()
}

/// The code for something that must fail before any answer.
fn fault(served: &Served, frames: &[u8]) -> u16 {
    let answer = compressed(served, frames);
    assert!(answer.messages().is_empty());
    answer.code()
}

#[test]
fn hostile_38_bombs() {
    let served = Served::new(&["--max-message", "1M", "--max-inflation", "4294967295"]);
    let good = Good::start(served.address);
    assert_eq!(
        compressed(
            &served,
            &[frame(0xc2, &zeros(MIB - 3000)), close(1000, b"")].concat()
        )
        .code(),
        1000
    );
    for size in [MIB + 3000, 16 * MIB, 1024 * MIB] {
        let bomb = zeros(size);
        assert_eq!(fault(&served, &frame(0xc2, &bomb)), 1009, "{size}");
        // Over many fragments, each small when inflated.
        let mut pieces = bomb[..bomb.len().min(100_000)].chunks(50).enumerate();
        let pieces: Vec<u8> = pieces
            .by_ref()
            .flat_map(|(i, piece)| frame(if i == 0 { 0x41 } else { 0x00 }, piece))
            .collect();
        assert_eq!(fault(&served, &pieces), 1009, "{size}");
    }
    good.finish();
    served.assert_peak_below(16 << 20);

    // By the ratio, which counts before the size does.
    let served = Served::new(&["--max-inflation", "100"]);
    let good = Good::start(served.address);
    let dense = Compressor::new(9, 15, true).message(&vec![0; 8 * MIB]);
    assert!(dense.len() < 8 * MIB / 500);
    assert_eq!(fault(&served, &frame(0xc2, &dense)), 1009);
    good.finish();
    served.assert_peak_below(16 << 20);
}

#[test]
fn hostile_39_damage() {
    let served = Served::new(&[]);
    let good = Good::start(served.address);
    let start = || Bits::default().fixed(false).literal(7);
    let cases = [
        (
            "a block of type 3",
            Bits::default().number(0b110, 3).bytes(),
        ),
        (
            "a length that is not its complement",
            b"\0\x05\0\x05\0hello".to_vec(),
        ),
        (
            "a symbol that is none",
            start().code(0b1100_0110, 8).code(0, 5).end().flushed(),
        ),
        (
            "a distance that is none",
            start().code(1, 7).code(30, 5).end().flushed(),
        ),
        (
            "a distance before the start",
            start().far(513).end().flushed(),
        ),
        ("an end within a block", start().bytes()),
        (
            "too many codes",
            Bits::default()
                .number(0b100, 3)
                .number(31, 5)
                .number(31, 5)
                .number(15, 4)
                .flushed(),
        ),
        ("nothing but ones", vec![0xff; 100]),
    ];
    for (name, data) in &cases {
        assert_eq!(fault(&served, &frame(0xc2, data)), 1007, "{name}");
        let bytes = data.iter().enumerate();
        let pieces = bytes.flat_map(|(i, byte)| frame(if i == 0 { 0x42 } else { 0 }, &[*byte]));
        let pieces: Vec<u8> = pieces.chain(frame(0x80, b"")).collect();
        assert_eq!(fault(&served, &pieces), 1007, "{name} in fragments");
    }
    good.finish();
    served.assert_peak_below(8 << 20);
}

#[test]
fn hostile_40_distances_past_the_window_or_a_reset() {
    let served = Served::new(&["--window", "9"]);
    let good = Good::start(served.address);
    let mut rng = Rng(40);
    let block = random(&mut rng, 600);
    let offer = |params: &str| {
        let line = format!("Sec-WebSocket-Extensions: permessage-deflate{params}\r\n");
        request(&line)
    };
    let far = Bits::default().stored(false, &block).fixed(false).far(600);
    let far = frame(0xc2, &far.end().flushed());
    let answer = converse(
        served.address,
        &[offer("; client_max_window_bits=9"), far.clone()].concat(),
    );
    let agreed = answer.header("Sec-WebSocket-Extensions").unwrap();
    assert!(agreed.contains("client_max_window_bits=9"), "{agreed}");
    assert_eq!(answer.code(), 1007);
    // Where the window is larger, it is no fault.
    let wide = Served::new(&[]);
    let answer = converse(wide.address, &[offer(""), far, close(1000, b"")].concat());
    assert_eq!(answer.code(), 1000);
    let expected = [&block[..], &block[..3]].concat();
    assert_eq!(inflated(&answer), [expected]);

    // A reset lies between.
    let first = frame(0xc2, &Bits::default().stored(false, &block).flushed());
    let back = Bits::default().fixed(false).far(600).end().flushed();
    let both = [first, frame(0xc2, &back), close(1000, b"")].concat();
    let bytes = [offer("; client_no_context_takeover"), both.clone()].concat();
    let answer = converse(wide.address, &bytes);
    let agreed = answer.header("Sec-WebSocket-Extensions").unwrap();
    assert!(agreed.contains("client_no_context_takeover"), "{agreed}");
    assert_eq!((answer.code(), answer.messages().len()), (1007, 1));
    let answer = converse(wide.address, &[offer(""), both].concat());
    assert_eq!(answer.code(), 1000);
    assert_eq!(inflated(&answer)[1], block[..3]);
    good.finish();
}

#[test]
fn hostile_41_and_42_unusual_but_right() {
    let served = Served::new(&["--threshold", "0"]);
    let good = Good::start(served.address);
    let hello = |last| {
        Bits::default()
            .fixed(last)
            .literal(b'h')
            .literal(b'i')
            .end()
    };
    let empty_final = Bits::default().fixed(true).end().flushed();
    let cases: [(&str, Vec<u8>, &[u8]); 9] = [
        ("a final block", hello(true).flushed(), b"hi"),
        ("a final block and no more", hello(true).bytes(), b"hi"),
        (
            "a final block, then another",
            {
                let first = Bits::default().stored(true, b"one").bytes();
                [first, Bits::default().stored(false, b"two").flushed()].concat()
            },
            b"onetwo",
        ),
        (
            "stored blocks",
            Bits::default()
                .stored(false, b"a")
                .stored(false, b"")
                .stored(false, b"b")
                .flushed(),
            b"ab",
        ),
        (
            "the tail left in",
            [hello(false).flushed(), b"\0\0\xff\xff\0".to_vec()].concat(),
            b"hi",
        ),
        ("no message at all", b"\0".to_vec(), b""),
        ("an empty final block", empty_final, b""),
        ("an empty stored block", b"\x01\0\0\xff\xff\0".to_vec(), b""),
        ("an empty fixed block", b"\x02\0".to_vec(), b""),
    ];
    for (name, data, expected) in &cases {
        let bytes = [
            frame(0xc2, data),
            frame(0xc2, &hello(false).flushed()),
            close(1000, b""),
        ];
        let answer = compressed(&served, &bytes.concat());
        assert_eq!(answer.code(), 1000, "{name}");
        assert_eq!(inflated(&answer), [*expected, b"hi"], "{name}");
    }
    // Messages that are not compressed lie between, also with control frames within.
    let mut compressor = Compressor::new(6, 15, true);
    let (one, two) = (
        b"the same words again and again",
        b"and again the same words",
    );
    let first = frame(0xc2, &compressor.message(one));
    let second = compressor.message(two);
    assert!(second.len() < two.len() / 2 + 6, "it refers to the first");
    let (a, b) = second.split_at(2);
    let bytes = [
        first,
        frame(0x82, b"plain"),
        frame(0x42, a),
        frame(0x89, b"?"),
        frame(0x80, b),
        close(1000, b""),
    ];
    let answer = compressed(&served, &bytes.concat());
    assert_eq!(answer.code(), 1000);
    let all = inflated(&answer);
    let expected = [&one[..], b"plain", b"?", two];
    assert_eq!(all, expected);
    good.finish();
}

#[test]
fn hostile_43_text_that_is_not_utf_8_when_it_is_inflated() {
    let served = Served::new(&[]);
    let text = |bytes: &[u8]| Bits::default().stored(false, bytes).flushed();
    for bytes in [
        &b"\xff"[..],
        b"ok \xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"gr\xc3",
    ] {
        assert_eq!(fault(&served, &frame(0xc1, &text(bytes))), 1007);
    }
    // A character may be cut by fragments, and a fault is seen before the message's end.
    let whole = text("größer".as_bytes());
    let cut = whole.len() - 5;
    let pieces = [
        frame(0x41, &whole[..cut]),
        frame(0x80, &whole[cut..]),
        close(1000, b""),
    ];
    let answer = compressed(&served, &pieces.concat());
    assert_eq!(inflated(&answer), ["größer".as_bytes()]);
    let broken = [
        frame(0x41, &text(b"gr\xff")),
        frame(0x00, &text(b"and so on")),
    ]
    .concat();
    assert_eq!(fault(&served, &broken), 1007);
}

#[test]
fn hostile_45_idle_connections_that_compressed() {
    let served = Served::new(&[]);
    let message = frame(
        0xc2,
        &Bits::default().stored(false, &[b'x'; 5000]).flushed(),
    );
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut open = Open::new(served.address, &deflating());
        open.send(&message);
        assert_eq!(open.next().unwrap().0, 0xc2);
        idle.push(open);
    }
    // Each keeps the windows, 32 KiB of what came and 4 KiB of what went, and a buffer for
    // small messages; what inflates and compresses is there once.
    let memory = served.figure_when("memory", |memory| {
        memory > 0 && served.figure("open") >= 200
    });
    assert!(memory < 200 * (52 << 10) + (1 << 20), "{memory} bytes");
    drop(idle);
    served.figure_when("open", |open| open <= 1);
    served.figure_when("memory", |memory| memory < 1 << 20);
}
