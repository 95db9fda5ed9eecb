//! Every rule of the lint: found in a conversation that breaks it, and not in one that keeps all of
//! them.

use std::collections::BTreeSet;

use wscodec_inspect::event::Direction::{self, ClientToServer as C2S, ServerToClient as S2C};
use wscodec_inspect::event::{Conversation, ConversationId, Ending, PacketInfo};
use wscodec_inspect::lint::{Finding, Lint, RULES, Severity};
use wscodec_inspect::{ConversationInspector, ConversationStart, InspectOptions};

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

fn frame(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = vec![
        first,
        payload.len() as u8 | if key.is_some() { 0x80 } else { 0 },
    ];
    bytes.extend(key.iter().flatten());
    let key = key.unwrap_or_default();
    bytes.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    bytes
}

fn findings(extension: &str, parts: &[(Direction, Vec<u8>)], ending: Ending) -> Vec<Finding> {
    let mut lint = Lint::default();
    let mut sink = |event: wscodec_inspect::InspectEvent<'_>| lint.event(&event);
    let conversation = Conversation::new(ConversationId::new(0));
    let start = ConversationStart::Handshake;
    let mut inspector = ConversationInspector::new(conversation, start, InspectOptions::default());
    let offer = match extension {
        "" | "unagreed" => String::new(),
        extension => format!("Sec-WebSocket-Extensions: {extension}\r\n"),
    };
    let request = format!("{REQUEST}{offer}\r\n").into_bytes();
    let response = format!("{RESPONSE}{offer}\r\n").into_bytes();
    let heads = [(C2S, request), (S2C, response)];
    for (number, (direction, bytes)) in (1..).zip(heads.iter().chain(parts)) {
        let packet = PacketInfo { number, time: None };
        inspector.push(*direction, bytes, packet, &mut sink);
    }
    inspector.finish(ending, &mut sink);
    lint.findings().into_iter().cloned().collect()
}

fn codes(extension: &str, parts: &[(Direction, Vec<u8>)], ending: Ending) -> Vec<&'static str> {
    let found = findings(extension, parts, ending);
    found.iter().map(|it| it.code).collect()
}

const END: Ending = Ending::Fin(S2C);

fn key(n: u8) -> Option<[u8; 4]> {
    Some([n, 0x5a, n ^ 0xff, 7])
}

/// Close frames of both sides.
fn closed() -> [(Direction, Vec<u8>); 2] {
    [
        (C2S, frame(0x88, b"\x03\xe8", key(200))),
        (S2C, frame(0x88, b"\x03\xe8", None)),
    ]
}

fn with_close(parts: &[(Direction, Vec<u8>)]) -> Vec<(Direction, Vec<u8>)> {
    [parts, &closed()].concat()
}

#[test]
fn a_conversation_that_keeps_all_rules_has_no_finding() {
    let parts = with_close(&[
        (C2S, frame(0x81, b"one", key(1))),
        (S2C, frame(0x81, b"two", None)),
        (C2S, frame(0x01, b"three", key(2))),
        (C2S, frame(0x80, b"four", key(3))),
        (S2C, frame(0x89, b"beat", None)),
        (C2S, frame(0x8a, b"beat", key(4))),
    ]);
    assert_eq!(codes("", &parts, END), [""; 0]);
}

#[test]
fn each_rule_is_found_where_it_is_broken() {
    let many = |key: Option<[u8; 4]>| -> Vec<_> {
        (0..4).map(|_| (C2S, frame(0x81, b"text", key))).collect()
    };
    // "Hello" in a stored block: longer than without compression.
    let stored = b"\0\x05\0\xfa\xffHello\0";
    let deflate = "permessage-deflate";
    let mut all = BTreeSet::new();
    let mut expect = |code: &'static str, extension: &str, parts: &[_], ending| {
        let found = codes(extension, parts, ending);
        assert!(found.contains(&code), "{code}: {found:?}");
        all.insert(code);
    };
    let after = [&closed()[..], &[(C2S, frame(0x81, b"late", key(9)))]].concat();
    expect("FRAME_AFTER_CLOSE", "", &after, END);
    expect("CLOSE_UNANSWERED", "", &closed()[..1], END);
    let ping = with_close(&[(S2C, frame(0x89, b"beat", None))]);
    expect("PING_UNANSWERED", "", &ping, END);
    let coded = [(S2C, frame(0xc1, stored, None))];
    expect("EXTENSION_UNAGREED", "unagreed", &with_close(&coded), END);
    expect("MASK_KEY_CONSTANT", "", &many(key(1)), END);
    expect("MASK_KEY_ZERO", "", &many(Some([0; 4])), END);
    expect("NO_CLOSE", "", &many(key(1)), END);
    expect("CLOSE_ENDED_BY_CLIENT", "", &closed(), Ending::Fin(C2S));
    let pong = with_close(&[(S2C, frame(0x8a, b"", None))]);
    expect("PONG_UNASKED", "", &pong, END);
    let tiny = with_close(&[
        (S2C, frame(0x01, b"a", None)),
        (S2C, frame(0x80, b"b", None)),
    ]);
    expect("TINY_FRAGMENT", "", &tiny, END);
    let empty = with_close(&[
        (S2C, frame(0x01, b"", None)),
        (S2C, frame(0x80, b"b", None)),
    ]);
    expect("EMPTY_FRAGMENT", "", &empty, END);
    expect("COMPRESSED_LARGER", deflate, &with_close(&coded), END);
    let alone = "permessage-deflate; server_no_context_takeover";
    expect("NO_CONTEXT_TAKEOVER", alone, &with_close(&coded), END);
    let plain = with_close(&[(S2C, frame(0x81, b"plain", None))]);
    expect("COMPRESSION_UNUSED", deflate, &plain, END);
    // The one that is missing is of HTTP/2.
    all.insert("SCHEME_MISMATCH");
    let known: BTreeSet<_> = RULES.iter().map(|rule| rule.code).collect();
    assert_eq!(all, known);
}

#[test]
fn findings_are_summed_up_with_their_first_place() {
    let parts: Vec<_> = (0..5).map(|_| (C2S, frame(0x81, b"bare", None))).collect();
    let found = findings("", &with_close(&parts), END);
    assert_eq!(found.len(), 1);
    let finding = &found[0];
    assert_eq!((finding.code, finding.count), ("UNMASKED_FRAME", 5));
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(finding.packet.number, 3);
    assert_eq!(finding.direction, Some(C2S));
    assert_eq!(
        (&*finding.found, &*finding.expected),
        ("not masked", "masked")
    );
    assert_eq!(finding.section, "RFC 6455 §5.1");
}

#[test]
fn an_open_conversation_is_not_accused_of_missing_answers() {
    let parts = [(S2C, frame(0x89, b"beat", None)), closed()[0].clone()];
    assert_eq!(codes("", &parts, Ending::Open), [""; 0]);
}
