//! The agreement on extensions: hostile 10–12, and 44, messages that are sent then.

use crate::common::rng::Rng;
use crate::common::zlib::{Compressor, Decompressor, conversation};
use crate::good::Good;
use crate::served::Served;
use crate::wire::{close, converse, frame, request};

fn offer(value: &str) -> Vec<u8> {
    request(&format!("Sec-WebSocket-Extensions: {value}\r\n"))
}

#[test]
fn hostile_10_to_12_offers() {
    let served = Served::new(&[]);
    let good = Good::start(served.address);
    for declined in [
        "permessage-bzip2",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=015",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=",
    ] {
        let answer = converse(
            served.address,
            &[offer(declined), close(1000, b"")].concat(),
        );
        if declined.ends_with('=') {
            // No value behind the sign is no parameter at all (RFC 6455 §9.1).
            assert_eq!(answer.status(), Some(400), "{declined}");
            continue;
        }
        assert_eq!(answer.status(), Some(101), "{declined}");
        assert_eq!(
            answer.header("Sec-WebSocket-Extensions"),
            None,
            "{declined}"
        );
        // The next offer is tried.
        let next = format!("{declined}, permessage-deflate; server_no_context_takeover");
        let answer = converse(served.address, &[offer(&next), close(1000, b"")].concat());
        assert_eq!(
            answer.header("Sec-WebSocket-Extensions"),
            Some("permessage-deflate; server_no_context_takeover"),
            "{declined}"
        );
    }
    for (value, agreed) in [
        ("server_max_window_bits=8", "server_max_window_bits=8"),
        ("server_max_window_bits=\"10\"", "server_max_window_bits=10"),
        ("client_max_window_bits", ""),
    ] {
        let value = offer(&format!("permessage-deflate; {value}"));
        let answer = converse(served.address, &[value, close(1000, b"")].concat());
        let found = answer.header("Sec-WebSocket-Extensions").unwrap();
        assert!(found.starts_with("permessage-deflate"));
        assert!(found.contains(agreed), "{found}");
    }
    good.finish();
}

/// Another inflater reads what the server sends, each message by itself where that was agreed on.
#[test]
fn hostile_44_what_the_server_sends_is_as_agreed() {
    for memory in ["shared", "dedicated"] {
        let served = Served::new(&["--memory", memory, "--threshold", "0"]);
        for (params, takeover) in [
            ("", true),
            ("; server_no_context_takeover", false),
            ("; server_max_window_bits=9", true),
            ("; server_max_window_bits=8", true),
        ] {
            let mut compressor = Compressor::new(6, 15, true);
            let messages = conversation(44);
            let mut bytes = offer(&format!("permessage-deflate{params}"));
            for message in &messages {
                bytes.extend(frame(0xc2, &compressor.message(message)));
            }
            bytes.extend(close(1000, b""));
            let answer = converse(served.address, &bytes);
            assert_eq!(answer.code(), 1000);
            assert_eq!(answer.frames.len(), messages.len() + 1);
            let mut inflater = Decompressor::new(takeover);
            let (mut plain, mut coded) = (0, 0);
            for ((first, payload), message) in answer.frames.iter().zip(&messages) {
                if *first == 0xc2 {
                    assert!(inflater.message(payload).as_ref() == Some(message));
                } else {
                    // A message that does not become smaller may go as it is, and is no part of the window.
                    assert!(*first == 0x82 && payload == message);
                }
                plain += message.len();
                coded += payload.len();
            }
            assert!(coded < plain / 2, "{coded} of {plain} with {params:?}");
        }
    }
}

/// With a window of 256 bytes, a text that only repeats what is further back does not shrink much.
#[test]
fn hostile_11_a_window_of_8_bits_is_kept() {
    let served = Served::new(&["--threshold", "0"]);
    let mut rng = Rng(11);
    let block: Vec<u8> = (0..300).map(|_| rng.byte()).collect();
    let message = block.repeat(20);
    let size = |params: &str| {
        let bytes = [offer(params), frame(0x82, &message), close(1000, b"")].concat();
        let answer = converse(served.address, &bytes);
        assert_eq!(answer.code(), 1000);
        answer.frames[0].1.len()
    };
    assert!(size("permessage-deflate") < message.len() / 10);
    assert!(size("permessage-deflate; server_max_window_bits=8") >= message.len() * 9 / 10);
}
