//! Connections with contents that no capture in `tests/pcap` has: requests in front of the upgrade,
//! tunnels, proxies, missing bytes, and every fault of a frame.

use serde_json::Value;
use wscodec_inspect::event::Direction::{self, ClientToServer as C2S, ServerToClient as S2C};
use wscodec_inspect::event::{Conversation, ConversationId, Ending, PacketInfo};
use wscodec_inspect::{
    ConversationInspector, ConversationStart, InspectEvent, InspectOptions, Inspector, json,
};

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// "Hello", masked (RFC 6455 §5.7).
const HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

/// The lines of a conversation, which must not depend on the pieces.
fn lines(start: ConversationStart, parts: &[(Direction, &[u8])]) -> Vec<Value> {
    pieces(start, parts, &[1, 7, usize::MAX])
}

fn pieces(start: ConversationStart, parts: &[(Direction, &[u8])], pieces: &[usize]) -> Vec<Value> {
    let mut all: Vec<String> = Vec::new();
    for &piece in pieces {
        let mut out = Vec::new();
        let mut sink = |event: InspectEvent<'_>| json::write(&event, 1000, &mut out);
        let mut conversation = ConversationInspector::new(
            Conversation::new(ConversationId::new(0)),
            start,
            InspectOptions::default(),
        );
        for (packet, (direction, bytes)) in (1..).zip(parts) {
            for bytes in bytes.chunks(piece.min(bytes.len().max(1))) {
                let packet = PacketInfo {
                    number: packet,
                    time: None,
                };
                conversation.push(*direction, bytes, packet, &mut sink);
            }
        }
        let packet = PacketInfo {
            number: 1000,
            time: None,
        };
        conversation.end(C2S, packet, &mut sink);
        conversation.end(S2C, packet, &mut sink);
        conversation.finish(Ending::Open, &mut sink);
        all.push(String::from_utf8(out).unwrap());
    }
    for (text, piece) in all.iter().zip(pieces) {
        assert_eq!(*text, all[0], "in pieces of {piece}");
    }
    all[0]
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

fn of<'l>(lines: &'l [Value], kind: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

fn one<'l>(lines: &'l [Value], kind: &str) -> &'l Value {
    match of(lines, kind)[..] {
        [one] => one,
        ref other => panic!("{} of {kind}: {lines:#?}", other.len()),
    }
}

#[test]
fn an_upgrade_is_found_behind_other_requests() {
    let post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nGET / body\n";
    let put = "PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
               5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n";
    let head = "HEAD /c HTTP/1.1\r\nHost: a\r\n\r\n";
    let asked = [post, put, head, REQUEST].concat();
    let answers = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 \
                   HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n\
                   HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n\
                   HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
                   HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope";
    let again = [REQUEST.as_bytes(), HELLO].concat();
    let lines = lines(
        ConversationStart::Handshake,
        &[
            (C2S, asked.as_bytes()),
            (S2C, answers.as_bytes()),
            (C2S, &again),
            (S2C, RESPONSE.as_bytes()),
        ],
    );
    let handshakes = of(&lines, "handshake");
    assert_eq!(handshakes.len(), 2);
    assert_eq!(handshakes[0]["status"], 401);
    assert_eq!(handshakes[0]["accepted"], false);
    assert_eq!(handshakes[0]["interim"], serde_json::json!([103]));
    assert_eq!(handshakes[1]["status"], 101);
    assert_eq!(handshakes[1]["accepted"], true);
    assert_eq!(handshakes[1]["target"], "/chat");
    assert_eq!(one(&lines, "message")["text"], "Hello");
    assert_eq!(of(&lines, "violation").len(), 0);
}

#[test]
fn tunnels_and_proxies_are_looked_through() {
    let connect = "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n";
    let client = [REQUEST.as_bytes(), HELLO].concat();
    let lines = lines(
        ConversationStart::Handshake,
        &[
            (C2S, b"PROXY TCP4 10.1.2.3 10.0.0.1 5000 80\r\n"),
            (C2S, connect.as_bytes()),
            (S2C, b"HTTP/1.1 200 Connection established\r\n\r\n"),
            (C2S, &client),
            (S2C, RESPONSE.as_bytes()),
        ],
    );
    let notes: Vec<_> = of(&lines, "note")
        .iter()
        .map(|it| it["code"].clone())
        .collect();
    assert_eq!(notes, ["PROXIED", "TUNNEL"]);
    assert_eq!(of(&lines, "note")[0]["client"], "10.1.2.3:5000");
    assert_eq!(of(&lines, "note")[1]["target"], "a.example:80");
    assert_eq!(one(&lines, "message")["text"], "Hello");
}

#[test]
fn every_fault_is_shown_and_hides_nothing() {
    let frames: &[(&[u8], &[&str])] = &[
        (b"\x81\x02hi", &["UNMASKED_FRAME"]),
        (b"\x83\x80\0\0\0\0", &["RESERVED_OPCODE"]),
        (b"\xb1\x80\0\0\0\0", &["RESERVED_BITS"]),
        (b"\x82\xfe\0\x01\0\0\0\0x", &["LENGTH_NOT_MINIMAL"]),
        (
            b"\x82\xff\0\0\0\0\0\0\0\x01\0\0\0\0x",
            &["LENGTH_NOT_MINIMAL"],
        ),
        (b"\x09\x80\0\0\0\0", &["FRAGMENTED_CONTROL"]),
        (b"\x80\x80\0\0\0\0", &["UNEXPECTED_CONTINUATION"]),
        (b"\x01\x81\0\0\0\0a", &[]),
        (b"\x81\x81\0\0\0\0b", &["EXPECTED_CONTINUATION"]),
        (b"\x81\x83\0\0\0\0a\xffb", &["INVALID_UTF8"]),
        (b"\x81\x82\0\0\0\0\xc3\xa9", &[]),
        (b"\x81\x81\0\0\0\0\xc3", &["INVALID_UTF8"]),
        (b"\x88\x81\0\0\0\0\x03", &["CLOSE_LENGTH"]),
        (b"\x88\x82\0\0\0\0\x03\xed", &["CLOSE_CODE"]),
        (b"\x88\x83\0\0\0\0\x03\xe8\xff", &["INVALID_UTF8"]),
        (b"\x89\x80\0\0\0\0", &[]),
    ];
    let client: Vec<u8> = frames
        .iter()
        .flat_map(|(bytes, _)| bytes.iter().copied())
        .collect();
    let lines = lines(ConversationStart::Frames(None), &[(C2S, &client)]);
    let shown = of(&lines, "frame");
    assert_eq!(shown.len(), frames.len());
    let mut offset = 0;
    for (line, (bytes, violations)) in shown.iter().zip(frames) {
        assert_eq!(line["offset"], offset);
        offset += bytes.len();
        let found = line["violations"].as_array().cloned().unwrap_or_default();
        assert_eq!(found, *violations, "{line}");
    }
    let violations = of(&lines, "violation");
    let find = |code: &str| {
        violations
            .iter()
            .filter(|it| it["code"] == code)
            .collect::<Vec<_>>()
    };
    assert_eq!(find("LENGTH_NOT_MINIMAL")[0]["found"], "1 in 16 bits");
    assert_eq!(find("LENGTH_NOT_MINIMAL")[0]["expected"], "7 bits");
    assert_eq!(find("RESERVED_BITS")[0]["found"], "3");
    assert_eq!(find("CLOSE_CODE")[0]["found"], "1005");
    assert_eq!(find("INVALID_UTF8")[0]["found"], "ff");
    // The bad byte, and not the frame.
    let text = shown[9]["offset"].as_u64().unwrap();
    assert_eq!(find("INVALID_UTF8")[0]["offset"], text + 7);
    assert_eq!(shown[9]["hex"], "61ff62");
    assert_eq!(shown[9]["escaped"], "a\\xffb");
    // All frames behind the first close frame are marked.
    let marked = shown.iter().filter(|it| it["afterClose"] == true).count();
    assert_eq!(marked, 3);
    assert_eq!(one(&lines, "end")["c2s"]["violations"], violations.len());
}

#[test]
fn an_impossible_length_and_an_early_end_are_told() {
    let bytes = b"\x82\x7f\x80\0\0\0\0\0\0\0rest";
    let found = lines(ConversationStart::Frames(None), &[(S2C, bytes)]);
    assert_eq!(one(&found, "violation")["code"], "LENGTH_TOP_BIT");
    assert_eq!(one(&found, "note")["code"], "LOST");
    let found = lines(ConversationStart::Frames(None), &[(S2C, b"\x81\x05Hel")]);
    assert_eq!(one(&found, "violation")["code"], "UNEXPECTED_EOF");
    assert_eq!(one(&found, "frame")["text"], "Hel");
    assert_eq!(one(&found, "frame")["captured"], 3);
    assert_eq!(one(&found, "message")["finished"], false);
    for cut in [b"\x81".as_slice(), b"\x01\x01a"] {
        let found = lines(ConversationStart::Frames(None), &[(S2C, cut)]);
        assert_eq!(
            one(&found, "violation")["code"],
            "UNEXPECTED_EOF",
            "{cut:x?}"
        );
    }
}

#[test]
fn a_missing_answer_is_assumed() {
    let client = [REQUEST.as_bytes(), HELLO].concat();
    let found = lines(ConversationStart::Handshake, &[(C2S, &client)]);
    assert_eq!(one(&found, "handshake")["status"], Value::Null);
    assert_eq!(one(&found, "note")["code"], "ASSUMED_UPGRADE");
    assert_eq!(one(&found, "message")["text"], "Hello");
    // Without frames there is a request without an answer.
    let found = lines(ConversationStart::Handshake, &[(C2S, REQUEST.as_bytes())]);
    assert_eq!(one(&found, "handshake")["accepted"], false);
}

#[test]
fn an_answer_may_be_captured_before_its_request() {
    let client = [REQUEST.as_bytes(), HELLO].concat();
    // The order of the two directions depends on when the request is whole, so there is one cut.
    let found = pieces(
        ConversationStart::Handshake,
        &[
            (S2C, RESPONSE.as_bytes()),
            (S2C, b"\x81\x02hi"),
            (C2S, &client),
        ],
        &[usize::MAX],
    );
    assert_eq!(one(&found, "handshake")["accepted"], true);
    assert_eq!(of(&found, "message").len(), 2);
}

#[test]
fn other_protocols_are_passed_over() {
    for bytes in [b"SSH-2.0-x\r\n".as_slice(), &[0; 100], b"get / http"] {
        assert_eq!(
            lines(ConversationStart::Handshake, &[(S2C, bytes), (C2S, bytes)]),
            [Value::Null; 0]
        );
    }
    let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let ok = b"HTTP/1.1 200 OK\r\n\r\nuntil the end";
    assert_eq!(
        lines(ConversationStart::Handshake, &[(C2S, get), (S2C, ok)]),
        [Value::Null; 0]
    );
}

/// Writes captures: raw IPv4, microseconds.
struct Capture(Vec<u8>);

impl Capture {
    fn new() -> Self {
        let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0]);
        Self(file)
    }

    fn segment(&mut self, direction: Direction, port: u16, seq: u32, flags: u8, payload: &[u8]) {
        let mut packet = vec![0x45, 0];
        packet.extend((40 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let (from, to, ports) = match direction {
            C2S => (client, server, [port, 80]),
            S2C => (server, client, [80, port]),
        };
        packet.extend([from, to].concat());
        packet.extend(ports.into_iter().flat_map(u16::to_be_bytes));
        packet.extend(seq.to_be_bytes());
        packet.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        let len = (packet.len() as u32).to_le_bytes();
        let time = (self.0.len() as u32).to_le_bytes();
        self.0.extend([time, [0; 4], len, len].concat());
        self.0.extend(packet);
    }

    /// An upgraded connection whose streams begin at 1000 and 5000.
    fn upgraded(&mut self, port: u16) -> (u32, u32) {
        self.segment(C2S, port, 999, SYN, b"");
        self.segment(S2C, port, 4999, SYN | ACK, b"");
        self.segment(C2S, port, 1000, ACK, REQUEST.as_bytes());
        self.segment(S2C, port, 5000, ACK, RESPONSE.as_bytes());
        (1000 + REQUEST.len() as u32, 5000 + RESPONSE.len() as u32)
    }

    fn lines(&self, options: InspectOptions) -> Vec<Value> {
        let mut out = Vec::new();
        let mut sink = |event: InspectEvent<'_>| json::write(&event, 1000, &mut out);
        let mut inspector = Inspector::new(options);
        inspector.push(&self.0, &mut sink).unwrap();
        inspector.finish(&mut sink).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

#[test]
fn a_hole_in_a_payload_keeps_the_framing() {
    let mut capture = Capture::new();
    let (_, at) = capture.upgraded(1);
    capture.segment(S2C, 1, at, ACK, b"\x81\x0aabc");
    capture.segment(S2C, 1, at + 9, ACK, b"hij\x81\x02ok");
    let lines = capture.lines(InspectOptions::default());
    assert_eq!(one(&lines, "note")["code"], "HOLE");
    let frames = of(&lines, "frame");
    assert_eq!(frames[0]["text"], "abc\u{fffd}\u{fffd}\u{fffd}\u{fffd}hij");
    assert_eq!(frames[0]["unknown"], serde_json::json!([[3, 7]]));
    assert_eq!(frames[0]["captured"], 6);
    assert_eq!(frames[1]["text"], "ok");
    assert_eq!(of(&lines, "violation").len(), 0);
}

#[test]
fn frames_are_found_again_behind_a_hole() {
    let mut capture = Capture::new();
    let (mut at, _) = capture.upgraded(1);
    for i in 0..12 {
        if i != 4 {
            capture.segment(C2S, 1, at, ACK, HELLO);
        }
        at += HELLO.len() as u32;
    }
    let lines = capture.lines(InspectOptions::default());
    let codes: Vec<_> = of(&lines, "note")
        .iter()
        .map(|it| it["code"].clone())
        .collect();
    assert_eq!(codes, ["HOLE", "RESYNCHRONISED"]);
    assert_eq!(of(&lines, "message").len(), 11);
    assert_eq!(of(&lines, "violation").len(), 0);
}

#[test]
fn connections_with_the_same_addresses_are_told_apart() {
    let mut capture = Capture::new();
    let (at, _) = capture.upgraded(1);
    capture.segment(C2S, 1, at, ACK, HELLO);
    capture.segment(S2C, 1, 0, RST, b"");
    // A late packet of the first one, then a second one.
    capture.segment(C2S, 1, at, ACK, HELLO);
    capture.segment(C2S, 1, 99_999, SYN, b"");
    capture.segment(C2S, 1, 100_000, ACK, REQUEST.as_bytes());
    capture.segment(S2C, 1, 7_000, ACK, RESPONSE.as_bytes());
    let at = 100_000 + REQUEST.len() as u32;
    capture.segment(C2S, 1, at, ACK | FIN, HELLO);
    let lines = capture.lines(InspectOptions::default());
    let ends = of(&lines, "end");
    assert_eq!(ends.len(), 2);
    assert_eq!(
        (&ends[0]["stream"], &ends[1]["stream"]),
        (&0.into(), &1.into())
    );
    assert_eq!(
        (&ends[0]["ending"], &ends[0]["by"]),
        (&"reset".into(), &"s2c".into())
    );
    assert_eq!(
        (&ends[1]["ending"], &ends[1]["by"]),
        (&"fin".into(), &"c2s".into())
    );
    let streams: Vec<_> = of(&lines, "message")
        .iter()
        .map(|it| it["stream"].clone())
        .collect();
    assert_eq!(streams, [0, 1]);
}

#[test]
fn memory_stays_within_its_limit() {
    let mut capture = Capture::new();
    // Connections that never send the end of their heads.
    for port in 1..400 {
        capture.segment(C2S, port, 999, SYN, b"");
        capture.segment(C2S, port, 1000, ACK, b"GET / HTTP/1.1\r\nX: ");
        for i in 0..10 {
            capture.segment(C2S, port, 1019 + i * 1000, ACK, &[b'x'; 1000]);
        }
    }
    let options = InspectOptions {
        max_memory: 200_000,
        ..InspectOptions::default()
    };
    let mut inspector = Inspector::new(options);
    let mut most = 0;
    for piece in capture.0.chunks(1000) {
        inspector.push(piece, &mut |_| {}).unwrap();
        most = most.max(inspector.memory());
    }
    assert!(most <= 200_000, "{most}");
    assert_eq!(inspector.counts().connections, 399);
}

#[test]
fn heads_that_are_no_http_1_end() {
    let bad = REQUEST.replace(" HTTP/1.1", " HTTQ/1.1");
    assert_eq!(
        lines(ConversationStart::Handshake, &[(C2S, bad.as_bytes())]),
        [Value::Null; 0]
    );
    let bad = RESPONSE.replace(" 101 ", " 1x1 ");
    let found = lines(
        ConversationStart::Handshake,
        &[(C2S, REQUEST.as_bytes()), (S2C, bad.as_bytes())],
    );
    assert_eq!(of(&found, "message").len(), 0);
}
