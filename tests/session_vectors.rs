//! The shared scripts of sessions (`tests/vectors/session.json`), whose head says how they are
//! written. The JavaScript tests run the same file.
#![cfg(feature = "deflate")]

mod common;

use core::time::Duration;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use wscodec::deflate::{AgreedDeflate, Compressor, Decompressor, DeflateOptions};
use wscodec::frame::{CloseFrame, FrameHeader, OpCode, Role, Rsv, encode};
use wscodec::message::{Kind, MaskSource};
use wscodec::session::{Event, Piece, Session, SessionOptions, SessionState};
use wscodec::{CloseCode, ErrorKind, Fault, LimitError, PeerError};

const KEY: [u8; 4] = [1, 2, 3, 4];

/// The key of a client; a server has none.
struct Keys(bool);

impl MaskSource for Keys {
    fn next_key(&mut self) -> Option<[u8; 4]> {
        self.0.then_some(KEY)
    }
}

type Peer = Session<Keys, Option<Decompressor>, Option<Compressor>>;

/// A session, what it wants to send, and what its transport has of that.
struct Run {
    session: Peer,
    /// Whether it masks its frames, as a client does.
    masks: bool,
    out: Vec<u8>,
    pieces: bool,
    /// The kind of the message in pieces.
    kind: OpCode,
    /// Bytes that were taken and had not left at the last look, and those taken since.
    queued: usize,
    taken: usize,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `'text'`, hex, and hex so many times.
fn payload(word: &str) -> Vec<u8> {
    if let Some(text) = word.strip_prefix('\'') {
        return text.strip_suffix('\'').expect("a quote").into();
    }
    let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex");
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.repeat(times.parse().expect("a number"))
}

/// Words between spaces, where a quoted text is one.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.find('\'').expect("a quote") + 2,
            None => rest.find(' ').unwrap_or(rest.len()),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

fn error(code: &str) -> ErrorKind {
    let peer = PeerError::ALL.iter().map(|&error| ErrorKind::from(error));
    let limit = LimitError::ALL.iter().map(|&error| ErrorKind::from(error));
    let found = peer.chain(limit).find(|error| error.code() == code);
    found.unwrap_or_else(|| panic!("no error has the code {code}"))
}

/// A frame with this first byte, which need not be allowed.
fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mask = masked.then_some(KEY);
    let header = FrameHeader {
        mask,
        ..FrameHeader::new(OpCode::Binary, payload.len() as u64)
    };
    let mut bytes = vec![0; payload.len() + 14];
    let len = encode(header, payload, &mut bytes).expect("a frame");
    bytes.truncate(len);
    bytes[0] = first;
    bytes
}

fn bytes(text: &str, masked: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end;
        if let Some(inner) = rest.strip_prefix('<') {
            let close = inner.find('>').expect("the end of a frame");
            let words = words(&inner[..close]);
            bytes.extend(match words[..] {
                ["fail", code, name] => {
                    let error = error(name);
                    let code: u16 = code.parse().expect("a close code");
                    assert_eq!(error.close_code(), Some(CloseCode::new(code)), "{text}");
                    let mut payload = code.to_be_bytes().to_vec();
                    payload.extend(error.message().as_bytes());
                    frame(0x88, &payload, masked)
                }
                [first, ref words @ ..] => {
                    let first = u8::from_str_radix(first, 16).expect("a first byte");
                    let payload: Vec<u8> = words.iter().flat_map(|word| payload(word)).collect();
                    frame(first, &payload, masked)
                }
                [] => panic!("an empty frame: {text}"),
            });
            end = close + 2;
        } else {
            end = rest.find(' ').unwrap_or(rest.len());
            bytes.extend(payload(&rest[..end]));
        }
        rest = rest[end..].trim_start();
    }
    bytes
}

/// A text, or one character so many times.
fn text(value: &Value) -> String {
    let text = value.as_str().expect("a text");
    match text.split_once('*') {
        Some((part, times)) => part.repeat(times.parse().expect("a number")),
        None => text.to_owned(),
    }
}

fn close_event(close: Option<CloseFrame<'_>>) -> Value {
    match close {
        Some(close) => json!({"close": [close.code.value(), close.reason]}),
        None => json!({"close": []}),
    }
}

/// An event of a script in the form of those that are handed out.
fn expected(event: &Value) -> Value {
    let mut event = event.clone();
    for name in ["binary", "ping", "pong", "piece"] {
        if let Some(value) = event.get_mut(name) {
            *value = hex(&payload(value.as_str().expect("hex"))).into();
        }
    }
    if let Some(Value::Array(close)) = event.get_mut("close")
        && close.len() == 1
    {
        close.push("".into());
    }
    event
}

impl Run {
    fn new(script: &Value) -> Self {
        let client = script["role"] == "client";
        let mut config = SessionOptions::default();
        let mut deflate = false;
        let mut pieces = false;
        let none = serde_json::Map::new();
        for (name, value) in script["options"].as_object().unwrap_or(&none) {
            let number = value.as_u64().unwrap_or_default();
            let time = Duration::from_millis(number);
            match name.as_str() {
                "autoPong" => config.auto_pong = value == true,
                "autoClose" => config.auto_close = value == true,
                "backlog" => config.backlog = number as usize,
                "heartbeat" => config.heartbeat = Some(time),
                "pongTimeout" => config.pong_timeout = time,
                "idle" => config.idle = Some(time),
                "maxFrame" => config.limits.frame = Some(number),
                "maxMessage" => config.limits.message = number,
                "maxFragments" => config.limits.fragments = number as u32,
                "dangerouslyAcceptUnmasked" => {
                    config.dangerously_accept_unmasked = value == true;
                }
                "deflate" => deflate = value == true,
                "pieces" => pieces = value == true,
                _ => panic!("an option that is not known: {name}"),
            }
        }
        let agreed = deflate.then(AgreedDeflate::default);
        let role = if client { Role::Client } else { Role::Server };
        let inbound = agreed.map(|agreed| Decompressor::new(&agreed, &config.limits));
        let outbound = agreed.map(|agreed| Compressor::new(&agreed, &DeflateOptions::default()));
        Self {
            session: Session::new(role, Keys(client), inbound, outbound, &config),
            masks: client,
            out: Vec::new(),
            pieces,
            kind: OpCode::Continuation,
            queued: 0,
            taken: 0,
        }
    }

    fn receive(&mut self, mut bytes: Vec<u8>, seen: &mut Vec<Value>) -> Result<(), ErrorKind> {
        let mut input = &mut bytes[..];
        if self.pieces {
            return self.receive_pieces(&mut input, seen);
        }
        let kind = |fault: Fault| fault.error;
        while let Some((event, _)) = self
            .session
            .receive(&mut input, &mut self.out)
            .map_err(kind)?
        {
            seen.push(match event {
                Event::Message(message) => match message.text() {
                    Some(text) => json!({"text": text}),
                    None => json!({"binary": hex(message.payload)}),
                },
                Event::Ping(payload) => json!({"ping": hex(payload)}),
                Event::Pong(payload) => json!({"pong": hex(payload)}),
                Event::Close(close) => close_event(close),
            });
        }
        Ok(())
    }

    /// Pieces as the JavaScript face shows them: the end of a message is told with its last piece, or
    /// by an empty one where that was shown before.
    fn receive_pieces(
        &mut self,
        input: &mut &mut [u8],
        seen: &mut Vec<Value>,
    ) -> Result<(), ErrorKind> {
        let kind = |fault: Fault| fault.error;
        while let Some((piece, _)) = self
            .session
            .receive_piece(input, &mut self.out)
            .map_err(kind)?
        {
            let name = if self.kind == OpCode::Text {
                "text"
            } else {
                "binary"
            };
            match piece {
                Piece::Frame(header) => {
                    if matches!(header.opcode, OpCode::Text | OpCode::Binary) {
                        self.kind = header.opcode;
                    }
                    assert!(header.rsv == Rsv::NONE);
                }
                Piece::Data(data) => {
                    seen.push(json!({"piece": hex(data), "type": name, "last": false}));
                }
                Piece::End => match seen.last_mut() {
                    Some(last) if last.get("last") == Some(&false.into()) => {
                        last["last"] = true.into();
                    }
                    _ => seen.push(json!({"piece": "", "type": name, "last": true})),
                },
                Piece::Ping(payload) => seen.push(json!({"ping": hex(payload)})),
                Piece::Pong(payload) => seen.push(json!({"pong": hex(payload)})),
                Piece::Close(close) => seen.push(close_event(close)),
            }
        }
        Ok(())
    }

    fn close(&mut self, value: &Value) -> Result<(), ErrorKind> {
        let reason = value.get(1).map(text).unwrap_or_default();
        let code = value.get(0).map(|code| code.as_u64().expect("a code"));
        let code = code.map(|code| CloseCode::new(u16::try_from(code).expect("a code")));
        self.session.sender().close(code, &reason, &mut self.out)
    }

    fn tick(&mut self, now: &Value, unsent: &Value) -> Result<(), ErrorKind> {
        let unsent = unsent.as_u64().unwrap_or(0) as usize;
        let handed = self.queued + self.taken;
        (self.queued, self.taken) = (unsent, 0);
        self.session.sent(handed.saturating_sub(unsent));
        let waits = unsent + self.out.len();
        let now = Duration::from_millis(now.as_f64().expect("a time") as u64);
        let result = self.session.tick(now, waits, &mut self.out);
        result.map_err(|fault| fault.error)
    }

    /// Does what a step says.
    fn act(
        &mut self,
        step: &Value,
        bytewise: bool,
        seen: &mut Vec<Value>,
    ) -> Result<(), ErrorKind> {
        let step: BTreeMap<&str, &Value> = step
            .as_object()
            .expect("a step")
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        let masked = !self.masks;
        if let Some(input) = step.get("receive") {
            let input = bytes(input.as_str().expect("bytes"), masked);
            if !bytewise || input.is_empty() {
                return self.receive(input, seen);
            }
            return input
                .iter()
                .try_for_each(|&byte| self.receive(vec![byte], seen));
        }
        let (session, out) = (&mut self.session, &mut self.out);
        let part = |value: &Value| text(value).into_bytes();
        if let Some(value) = step.get("text") {
            session.sender().text(&text(value), out)
        } else if let Some(value) = step.get("binary") {
            session
                .sender()
                .binary(&payload(value.as_str().expect("hex")), out)
        } else if let Some(value) = step.get("begin") {
            let kind = match &value["type"] {
                name if name == "text" => Kind::Text,
                _ => Kind::Binary,
            };
            session.sender().begin(kind, &part(&value["data"]), out)
        } else if let Some(value) = step.get("more") {
            session.sender().more(&part(value), out)
        } else if let Some(value) = step.get("finish") {
            session.sender().finish(&part(value), out)
        } else if let Some(value) = step.get("ping") {
            session.sender().ping(&part(value), out)
        } else if let Some(value) = step.get("pong") {
            session.sender().pong(&part(value), out)
        } else if let Some(value) = step.get("close") {
            self.close(value)
        } else if let Some(now) = step.get("tick") {
            self.tick(now, step.get("unsent").copied().unwrap_or(&Value::Null))
        } else if let Some(value) = step.get("reading") {
            session.set_reading(**value == true);
            Ok(())
        } else if step.contains_key("end") {
            session.end().map_err(|fault| fault.error)
        } else {
            panic!("a step without an action")
        }
    }
}

fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Open => "open",
        SessionState::Closing => "closing",
        SessionState::PeerClosed => "peer-closed",
        SessionState::Closed => "closed",
    }
}

fn run(script: &Value, bytewise: bool) {
    let name = script["name"].as_str().expect("a name");
    let mut run = Run::new(script);
    for (index, step) in script["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .enumerate()
    {
        let place = format!("{name}, bytewise {bytewise}, step {}", index + 1);
        let mut seen = Vec::new();
        let result = run.act(step, bytewise, &mut seen);
        let code = result.err().map(ErrorKind::code);
        assert_eq!(code, step["error"].as_str(), "{place}");
        let none = Vec::new();
        let events = step["events"].as_array().unwrap_or(&none);
        let events: Vec<_> = events.iter().map(expected).collect();
        assert_eq!(seen, events, "{place}");
        if let Some(expected) = step["state"].as_str() {
            assert_eq!(state(run.session.state()), expected, "{place}");
        }
        if let Some(expected) = step.get("deadline") {
            let deadline = run.session.deadline().map(|time| time.as_millis() as u64);
            assert_eq!(deadline, expected.as_u64(), "{place}");
        }
        if step["keep"] == true {
            continue;
        }
        if run.session.has_pending_pong() {
            // The JavaScript face does this when all output is taken.
            let mut pong = Vec::new();
            run.session.sender().answer_now(&mut pong);
            run.out.append(&mut pong);
        }
        let out = bytes(step["out"].as_str().unwrap_or(""), run.masks);
        assert_eq!(hex(&run.out), hex(&out), "{place}");
        run.taken += run.out.len();
        run.out.clear();
    }
    let Some(expected) = script.get("outcome") else {
        return;
    };
    let outcome = run.session.outcome().expect("an end");
    assert_eq!(
        outcome.code.value(),
        expected["code"].as_u64().unwrap() as u16,
        "{name}"
    );
    assert_eq!(
        outcome.reason,
        expected["reason"].as_str().unwrap_or(""),
        "{name}"
    );
    let sent = outcome.sent.map(|code| u64::from(code.value()));
    assert_eq!(sent, expected["sent"].as_u64(), "{name}");
    assert_eq!(outcome.clean, expected["clean"] == true, "{name}");
    let error = outcome.fault.map(|fault| fault.error.code());
    assert_eq!(error, expected["error"].as_str(), "{name}");
}

fn scripts() -> Vec<Value> {
    let text = std::fs::read_to_string(common::path("vectors/session.json")).expect("the file");
    let mut file: Value = serde_json::from_str(&text).expect("JSON");
    match file["sessions"].take() {
        Value::Array(scripts) => scripts,
        _ => panic!("no scripts"),
    }
}

#[test]
fn scripts_of_sessions() {
    let scripts = scripts();
    assert!(scripts.len() >= 150);
    for script in &scripts {
        run(script, false);
    }
}

#[test]
fn scripts_of_sessions_received_byte_by_byte() {
    for script in &scripts() {
        if script["split"] != false {
            run(script, true);
        }
    }
}
