//! Texts that are not UTF-8 come and go if the caller asks for that, in every form in which a message
//! can come, and nothing else changes.

use wscodec::frame::Role;
use wscodec::message::{Event, Kind, MessageDecoder, MessageEncoder, NoExtension, Piece, Unmasked};
use wscodec::session::{Session, SessionOptions};
use wscodec::{Limits, MisuseError, PeerError};

const OPTIONS: SessionOptions = SessionOptions {
    dangerously_accept_invalid_utf8: true,
    ..SessionOptions::DEFAULT
};

/// Payloads that are wrong at the beginning, in the middle, and at the end, short and long.
fn payloads() -> Vec<Vec<u8>> {
    let long = |bad: &[u8], at: usize| {
        let mut text = vec![b'a'; 70_000];
        text.splice(at..at, bad.iter().copied());
        text
    };
    vec![
        b"\xff".to_vec(),
        b"ab\xc3".to_vec(),
        b"\xed\xa0\x80 and more text".to_vec(),
        long(b"\xff", 0),
        long(b"\xe2\x82x", 40_000),
        long(b"\xf0\x9f", 70_000),
    ]
}

/// The payload in one frame, and in three that are cut anywhere.
fn frames(payload: &[u8]) -> [Vec<u8>; 2] {
    let mut encoder = MessageEncoder::new(Unmasked, NoExtension);
    let [mut whole, mut parts] = [Vec::new(), Vec::new()];
    encoder = encoder.dangerously_send_invalid_utf8(true);
    encoder.send(Kind::Text, payload, &mut whole).unwrap();
    let (first, rest) = payload.split_at(payload.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    encoder.begin(Kind::Text, first, &mut parts).unwrap();
    encoder.more(second, &mut parts).unwrap();
    encoder.finish(third, &mut parts).unwrap();
    [whole, parts]
}

#[test]
fn a_decoder_takes_them_whole_and_in_pieces_at_any_cut() {
    let decoder = || {
        MessageDecoder::new(Role::Client, &Limits::DEFAULT).dangerously_accept_invalid_utf8(true)
    };
    for payload in payloads() {
        for bytes in frames(&payload) {
            for step in [1, 2, 7, 1000, bytes.len()] {
                let (mut whole, mut seen) = (decoder(), None);
                let (mut pieces, mut read) = (decoder(), Vec::new());
                for chunk in bytes.chunks(step) {
                    let (mut first, mut second) = (chunk.to_vec(), chunk.to_vec());
                    let mut input = &mut first[..];
                    while let Some(event) = whole.receive(&mut input).unwrap() {
                        let Event::Message(message) = event else {
                            panic!("{event:?}");
                        };
                        assert_eq!((message.kind, message.text()), (Kind::Text, None));
                        assert!(!message.ascii && !message.opaque);
                        seen = Some(message.payload.to_vec());
                    }
                    let mut input = &mut second[..];
                    while let Some(piece) = pieces.receive_piece(&mut input).unwrap() {
                        if let Piece::Data(data) = piece {
                            read.extend_from_slice(data);
                        }
                    }
                }
                assert!(seen.as_ref() == Some(&payload), "cut at each {step}");
                assert!(read == payload, "in pieces cut at each {step}");
            }
        }
    }
}

#[test]
fn the_default_is_to_reject_them() {
    for payload in payloads() {
        for mut bytes in frames(&payload) {
            let mut decoder = MessageDecoder::new(Role::Client, &Limits::DEFAULT);
            let fault = decoder.receive(&mut &mut bytes[..]).unwrap_err();
            assert_eq!(fault.error, PeerError::InvalidUtf8.into());
        }
        let mut encoder = MessageEncoder::server();
        let result = encoder.send(Kind::Text, &payload, &mut Vec::new());
        assert_eq!(result, Err(MisuseError::TextNotUtf8.into()));
    }
}

#[test]
fn a_session_relays_them_and_still_checks_close_reasons() {
    let mut session = Session::client(|| [0; 4], &OPTIONS);
    let (mut out, mut relayed) = (Vec::new(), 0);
    for payload in payloads() {
        for mut bytes in frames(&payload) {
            let mut input = &mut bytes[..];
            while let Some((event, sender)) = session.receive(&mut input, &mut out).unwrap() {
                if let Event::Message(message) = event {
                    relayed += 1;
                    let mut out = Vec::new();
                    sender
                        .send(message.kind, message.payload, &mut out)
                        .unwrap();
                    assert!(out.ends_with(&payload));
                }
            }
        }
    }
    assert_eq!(relayed, 12);
    let mut close = *b"\x88\x03\x03\xe8\xff";
    let result = session.receive(&mut &mut close[..], &mut out).map(drop);
    let fault = result.unwrap_err();
    assert_eq!(fault.error, PeerError::InvalidUtf8.into());
}

#[cfg(feature = "deflate")]
#[test]
fn compressed_texts_are_not_checked_either() {
    use wscodec::deflate::{AgreedDeflate, Compressor, Decompressor, DeflateOptions};

    let agreed = AgreedDeflate::default();
    for payload in payloads() {
        let options = DeflateOptions {
            threshold: 0,
            ..DeflateOptions::DEFAULT
        };
        let compressor = Compressor::new(&agreed, &options);
        let mut encoder =
            MessageEncoder::new(Unmasked, compressor).dangerously_send_invalid_utf8(true);
        let mut bytes = Vec::new();
        encoder.send(Kind::Text, &payload, &mut bytes).unwrap();
        assert_eq!(bytes[0], 0xc1);
        let decompressor = Decompressor::new(&agreed, &Limits::DEFAULT);
        let mut decoder =
            MessageDecoder::with_extension(Role::Client, &Limits::DEFAULT, decompressor)
                .dangerously_accept_invalid_utf8(true);
        let Some(Event::Message(message)) = decoder.receive(&mut &mut bytes[..]).unwrap() else {
            panic!("no message");
        };
        assert!(message.payload == payload && message.text().is_none());
    }
}
