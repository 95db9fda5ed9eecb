//! How long a message decoder keeps the buffer of a large message.

use wscodec::Limits;
use wscodec::frame::Role;
use wscodec::message::{Kind, MessageDecoder, MessageEncoder};

const LARGE: usize = 8 << 20;

/// A message in two fragments.
fn wire(len: usize) -> Vec<u8> {
    let (mut out, payload) = (Vec::new(), vec![b'x'; len]);
    let mut encoder = MessageEncoder::server();
    let (front, back) = payload.split_at(len / 2);
    encoder.begin(Kind::Binary, front, &mut out).unwrap();
    encoder.finish(back, &mut out).unwrap();
    out
}

fn decoder() -> MessageDecoder {
    MessageDecoder::new(Role::Client, &Limits::default())
}

/// Receives one input, which has one message.
fn receive(decoder: &mut MessageDecoder, input: &[u8]) {
    let mut bytes = input.to_vec();
    let (mut at, mut messages) = (0, 0);
    while decoder.find(&mut bytes, &mut at).unwrap().is_some() {
        messages += 1;
    }
    assert_eq!((messages, at), (1, input.len()));
}

#[test]
fn a_buffer_that_small_messages_do_not_need_is_given_back() {
    // A simple message goes through the shortcut, one in fragments uses the buffer.
    for small in [b"\x82\x08abcdefgh".to_vec(), wire(1000)] {
        let mut decoder = decoder();
        receive(&mut decoder, &wire(LARGE));
        assert!(decoder.buffered() >= LARGE);
        for _ in 0..20 {
            receive(&mut decoder, &small);
        }
        assert!(decoder.buffered() <= 4096, "{} bytes", decoder.buffered());
    }
}

#[test]
fn a_buffer_that_large_messages_need_now_and_then_is_kept() {
    let (large, small) = (wire(LARGE), wire(1000));
    let mut decoder = decoder();
    receive(&mut decoder, &large);
    let held = decoder.buffered();
    for _ in 0..5 {
        for _ in 0..12 {
            receive(&mut decoder, &small);
        }
        receive(&mut decoder, &large);
        assert_eq!(decoder.buffered(), held);
    }
}

#[test]
fn a_small_buffer_and_one_with_a_begun_message_are_kept() {
    let mut decoder = decoder();
    receive(&mut decoder, &wire(500_000));
    let held = decoder.buffered();
    for _ in 0..50 {
        receive(&mut decoder, &wire(10));
    }
    assert_eq!(decoder.buffered(), held);

    let mut bytes = wire(LARGE);
    let (front, back) = bytes.split_at_mut(LARGE - 10);
    let mut at = 0;
    assert_eq!(decoder.find(front, &mut at), Ok(None));
    for _ in 0..50 {
        assert_eq!(decoder.find(&mut [], &mut 0), Ok(None));
    }
    let mut at = 0;
    let found = decoder.find(back, &mut at).unwrap().unwrap();
    let wscodec::message::Event::Message(message) = decoder.lend(back, &found) else {
        panic!("{found:?}");
    };
    assert_eq!(message.payload, vec![b'x'; LARGE]);
}
