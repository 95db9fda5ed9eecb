//! WebSockets over HTTP/2 (RFC 8441): several on one connection, in every cut.

use loona_hpack::Encoder;
use serde_json::Value;
use wscodec_inspect::event::Direction::{self, ClientToServer as C2S, ServerToClient as S2C};
use wscodec_inspect::event::{Conversation, ConversationId, Ending, PacketInfo};
use wscodec_inspect::{
    ConversationInspector, ConversationStart, InspectEvent, InspectOptions, json,
};

/// "Hello", masked (RFC 6455 §5.7).
const HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![len[1], len[2], len[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The bytes of the two sides, in the order of time.
struct Script {
    parts: Vec<(Direction, Vec<u8>)>,
    encoders: [Encoder<'static>; 2],
}

impl Script {
    fn new() -> Self {
        let mut preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        preface.extend(frame(SETTINGS, 0, 0, b""));
        Self {
            // The server's SETTINGS come first, with SETTINGS_ENABLE_CONNECT_PROTOCOL.
            parts: vec![
                (S2C, frame(SETTINGS, 0, 0, b"\0\x08\0\0\0\x01")),
                (C2S, preface),
            ],
            encoders: [Encoder::new(), Encoder::new()],
        }
    }

    fn send(&mut self, direction: Direction, bytes: Vec<u8>) {
        self.parts.push((direction, bytes));
    }

    fn block(&mut self, direction: Direction, fields: &[(&str, &str)]) -> Vec<u8> {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        self.encoders[direction.index()].encode(fields)
    }

    fn open(&mut self, stream: u32, path: &str, extensions: Option<&str>) {
        let mut fields = vec![
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", path),
            (":authority", "a.example"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "chat"),
        ];
        fields.extend(extensions.map(|it| ("sec-websocket-extensions", it)));
        let block = self.block(C2S, &fields);
        self.send(C2S, frame(HEADERS, END_HEADERS, stream, &block));
        let mut fields = vec![(":status", "200"), ("sec-websocket-protocol", "chat")];
        fields.extend(extensions.map(|it| ("sec-websocket-extensions", it)));
        let block = self.block(S2C, &fields);
        self.send(S2C, frame(HEADERS, END_HEADERS, stream, &block));
    }

    fn lines(&self) -> Vec<Value> {
        let all = [1, 2, 7, 1000].map(|piece| self.pieces(piece));
        assert!(all.iter().all(|it| *it == all[0]));
        let lines = all[0]
            .lines()
            .map(|line| serde_json::from_str(line).expect(line));
        lines.collect()
    }

    fn pieces(&self, piece: usize) -> String {
        let mut out = Vec::new();
        let mut sink = |event: InspectEvent<'_>| json::write(&event, 1000, &mut out);
        let mut inspector = ConversationInspector::new(
            Conversation::new(ConversationId::new(3)),
            ConversationStart::Handshake,
            InspectOptions {
                compressed: 3,
                ..InspectOptions::default()
            },
        );
        let mut last = PacketInfo::default();
        for (number, (direction, bytes)) in (1..).zip(&self.parts) {
            last.number = number;
            for bytes in bytes.chunks(piece) {
                inspector.push(*direction, bytes, last, &mut sink);
            }
        }
        inspector.finish(Ending::Open, &mut sink);
        String::from_utf8(out).unwrap()
    }
}

fn of<'l>(lines: &'l [Value], kind: &str, substream: u32) -> Vec<&'l Value> {
    let wanted = |line: &&Value| line["type"] == kind && line["substream"] == substream;
    lines.iter().filter(wanted).collect()
}

#[test]
fn several_sockets_on_one_connection_are_conversations_of_their_own() {
    let mut script = Script::new();
    // A plain request between them, with a body.
    let get = script.block(C2S, &[(":method", "GET"), (":path", "/")]);
    script.send(C2S, frame(HEADERS, END_HEADERS | END_STREAM, 1, &get));
    script.open(3, "/one", None);
    let page = script.block(S2C, &[(":status", "200")]);
    script.send(S2C, frame(HEADERS, END_HEADERS, 1, &page));
    script.send(S2C, frame(DATA, END_STREAM, 1, b"<p>\x81\x02no"));
    script.open(5, "/two", Some("permessage-deflate"));
    // A frame of the WebSocket in two DATA frames, the second one padded.
    script.send(C2S, frame(DATA, 0, 3, &HELLO[..4]));
    script.send(C2S, frame(DATA, 0, 5, HELLO));
    let padded = [b"\x03", &HELLO[4..], b"xyz"].concat();
    script.send(C2S, frame(DATA, PADDED, 3, &padded));
    // "Hello", compressed (RFC 7692 §7.2.3.1).
    let compressed = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    script.send(S2C, frame(DATA, 0, 5, compressed));
    script.send(C2S, frame(DATA, END_STREAM, 3, CLOSE));
    script.send(S2C, frame(DATA, END_STREAM, 3, b"\x88\x02\x03\xe8"));
    script.send(S2C, frame(RST_STREAM, 0, 5, &[0; 4]));
    let lines = script.lines();
    assert!(lines.iter().all(|line| line["stream"] == 3));
    for (substream, path) in [(3, "/one"), (5, "/two")] {
        let handshake = of(&lines, "handshake", substream)[0];
        assert_eq!(handshake["accepted"], true);
        assert_eq!(handshake["target"], path);
        assert_eq!(handshake["host"], "a.example");
        assert_eq!(handshake["protocol"], "chat");
        assert_eq!(
            handshake["request"]["line"],
            format!("CONNECT {path} HTTP/2")
        );
        assert_eq!(of(&lines, "conversation", substream).len(), 1);
        assert_eq!(of(&lines, "violation", substream).len(), 0, "{lines:#?}");
    }
    let texts = |substream| {
        let messages = of(&lines, "message", substream);
        let each = messages
            .iter()
            .map(|it| (it["dir"].clone(), it["text"].clone()));
        each.collect::<Vec<_>>()
    };
    assert_eq!(texts(3), [("c2s".into(), "Hello".into())]);
    assert_eq!(
        texts(5),
        [
            ("c2s".into(), "Hello".into()),
            ("s2c".into(), "Hello".into())
        ]
    );
    let frames = of(&lines, "frame", 5);
    let compressed: Vec<_> = frames.iter().map(|it| it["compressed"].as_str()).collect();
    assert_eq!(compressed[..2], [None, Some("f248cd")]);
    let one = of(&lines, "end", 3)[0];
    assert_eq!((&one["ending"], &one["by"]), (&"fin".into(), &"c2s".into()));
    assert_eq!(one["closeCode"], 1000);
    let two = of(&lines, "end", 5)[0];
    assert_eq!(
        (&two["ending"], &two["by"]),
        (&"reset".into(), &"s2c".into())
    );
}

#[test]
fn header_blocks_in_parts_and_rejections_are_read() {
    let mut script = Script::new();
    let block = script.block(
        C2S,
        &[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", "/"),
            (":authority", "a.example"),
            ("sec-websocket-version", "12"),
        ],
    );
    let first = [b"\x02\0\0\0\x01\x10", &block[..5], b"--"].concat();
    script.send(C2S, frame(HEADERS, PADDED | PRIORITY, 1, &first));
    script.send(C2S, frame(CONTINUATION, 0, 1, &block[5..9]));
    script.send(C2S, frame(CONTINUATION, END_HEADERS, 1, &block[9..]));
    let interim = script.block(S2C, &[(":status", "103")]);
    script.send(S2C, frame(HEADERS, END_HEADERS, 1, &interim));
    let status = script.block(S2C, &[(":status", "403")]);
    script.send(S2C, frame(HEADERS, END_HEADERS | END_STREAM, 1, &status));
    let lines = script.lines();
    let handshake = of(&lines, "handshake", 1)[0];
    assert_eq!(handshake["status"], 403);
    assert_eq!(handshake["accepted"], false);
    assert_eq!(handshake["interim"], serde_json::json!([103]));
    assert_eq!(handshake["violations"], serde_json::json!(["VERSION"]));
    assert_eq!(of(&lines, "end", 1).len(), 1);
}

#[test]
fn a_refused_offer_that_is_used_anyway_is_a_violation() {
    let mut script = Script::new();
    script.open(1, "/", None);
    script.send(
        S2C,
        frame(DATA, 0, 1, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"),
    );
    let lines = script.lines();
    assert_eq!(of(&lines, "violation", 1)[0]["code"], "RESERVED_BITS");
}

#[test]
fn a_missing_answer_is_assumed() {
    let mut script = Script::new();
    script.open(1, "/", None);
    script.parts.pop();
    script.send(C2S, frame(DATA, 0, 1, HELLO));
    let lines = script.lines();
    assert_eq!(of(&lines, "note", 1)[0]["code"], "ASSUMED_UPGRADE");
    assert_eq!(of(&lines, "message", 1)[0]["text"], "Hello");
}

#[test]
fn damage_ends_the_connection_and_all_that_was_read_stays() {
    let mut script = Script::new();
    script.open(1, "/", None);
    script.send(C2S, frame(DATA, 0, 1, HELLO));
    script.send(
        C2S,
        frame(HEADERS, END_HEADERS, 3, b"\xff\xff\xff\xff\xff\xff"),
    );
    script.send(C2S, frame(DATA, 0, 1, HELLO));
    let lines = script.lines();
    assert_eq!(of(&lines, "message", 1).len(), 1);
    assert_eq!(of(&lines, "note", 1)[0]["code"], "LOST_HTTP2");
    assert_eq!(of(&lines, "end", 1).len(), 1);
}

#[test]
fn a_hole_in_data_is_a_hole_of_its_stream() {
    let mut out = Vec::new();
    let mut sink = |event: InspectEvent<'_>| json::write(&event, 1000, &mut out);
    let mut script = Script::new();
    script.open(1, "/", None);
    let mut inspector = ConversationInspector::new(
        Conversation::new(ConversationId::new(0)),
        ConversationStart::Handshake,
        InspectOptions::default(),
    );
    let packet = PacketInfo::default();
    for (direction, bytes) in &script.parts {
        inspector.push(*direction, bytes, packet, &mut sink);
    }
    let data = frame(DATA, 0, 1, b"\x81\x0aabcdefghij");
    inspector.push(S2C, &data[..14], packet, &mut sink);
    inspector.skip(S2C, 4, packet, &mut sink);
    inspector.push(S2C, &data[18..], packet, &mut sink);
    inspector.push(S2C, &frame(DATA, 0, 1, b"\x81\x02ok"), packet, &mut sink);
    inspector.finish(Ending::Open, &mut sink);
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let frames = of(&lines, "frame", 1);
    assert_eq!(frames[0]["unknown"], serde_json::json!([[3, 7]]));
    assert_eq!(frames[1]["text"], "ok");
}
