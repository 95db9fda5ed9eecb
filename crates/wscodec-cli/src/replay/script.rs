//! The part of a recording that is sent again, and the answers that it has.

use std::collections::BTreeSet;
use std::time::Duration;

use wscodec::deflate::AgreedDeflate;
use wscodec::message::Kind;
use wscodec_inspect::event::{
    CapturedMessage, ConversationId, Direction, InspectEvent, PacketInfo,
};
use wscodec_inspect::{ConversationStart, FilesInspector, FilesOptions, InspectOptions};

use crate::args::ReplayArgs;
use crate::input;

/// Bytes of all messages of the connection.
pub(super) const MOST: usize = 1 << 30;

/// Bytes of one message.
const MESSAGE: usize = 64 << 20;

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// A connection of a recording.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// The path and the query of the request.
    pub(super) target: Option<String>,
    /// The subprotocols that the client offered.
    pub(super) protocols: Vec<String>,
    pub(super) steps: Vec<Step>,
    pub(super) answers: Vec<Message>,
    /// When the connection opened, or the first message came.
    begin: Option<i128>,
    bytes: usize,
}

/// A command of the client.
#[derive(Debug)]
pub(super) struct Step {
    /// Since the connection opened; zero in a recording without times.
    pub(super) at: Duration,
    /// The number of answers before it.
    pub(super) answers: usize,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    Message(Message),
    Ping(Vec<u8>),
    /// The code and the reason; a close frame without a code stands for 1005.
    Close(u16, String),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) payload: Vec<u8>,
}

impl Script {
    /// Reads the recording. An error says why it can't be used.
    pub(super) fn read(arguments: &ReplayArgs) -> Result<Self, String> {
        let start = match (arguments.no_handshake, arguments.deflate) {
            (false, _) => ConversationStart::Handshake,
            (true, deflate) => ConversationStart::Frames(deflate.then(AgreedDeflate::default)),
        };
        let options = FilesOptions {
            inspect: InspectOptions {
                frames: false,
                payload: MESSAGE,
                ..InspectOptions::default()
            },
            start,
            first: arguments.first,
        };
        let mut reader = FilesInspector::new(arguments.files.clone(), options);
        for name in &arguments.keys {
            let keys = std::fs::read(name);
            let keys = keys.map_err(|e| format!("can't read {}: {e}", name.display()))?;
            reader.keys(&keys);
        }
        let mut found = Found {
            chosen: arguments.connection,
            is_given: arguments.connection.is_some(),
            ..Found::default()
        };
        let mut sources: Vec<_> = arguments.files.iter().map(|_| None).collect();
        let mut piece = vec![0; PIECE];
        while let Some(file) = reader.wants() {
            let read = input::read(&mut sources[file], &arguments.files[file], &mut piece);
            let sink = &mut |event: InspectEvent<'_>| found.take(&event);
            match read {
                Ok(0) => reader.end(file, sink),
                Ok(len) => reader.push(file, &piece[..len], sink),
                Err(error) => reader.fail(file, &error.to_string()),
            }
            if let Some(why) = reader.complaints().into_iter().next() {
                return Err(why);
            }
        }
        reader.finish(&mut |event: InspectEvent<'_>| found.take(&event));
        found.finish()
    }

    /// The number of messages to send.
    pub(super) fn messages(&self) -> usize {
        let is_message = |it: &&Step| matches!(it.action, Action::Message(_));
        self.steps.iter().filter(is_message).count()
    }

    fn at(&mut self, packet: PacketInfo) -> Duration {
        let Some(time) = packet.time else {
            return Duration::ZERO;
        };
        let since = time - *self.begin.get_or_insert(time);
        Duration::from_nanos(u64::try_from(since).unwrap_or(0))
    }

    fn step(&mut self, packet: PacketInfo, action: Action) {
        let step = Step {
            at: self.at(packet),
            answers: self.answers.len(),
            action,
        };
        self.steps.push(step);
    }
}

/// The events of a recording that matter here.
#[derive(Debug, Default)]
struct Found {
    chosen: Option<ConversationId>,
    /// Whether the command line has chosen.
    is_given: bool,
    /// All connections that frames or messages belong to.
    all: BTreeSet<ConversationId>,
    script: Script,
    wrong: Option<String>,
}

impl Found {
    fn take(&mut self, event: &InspectEvent<'_>) {
        if self.wrong.is_some() {
            return;
        }
        let id = event.conversation();
        let of_socket = match event {
            InspectEvent::Handshake(handshake) => handshake.accepted,
            InspectEvent::Frame(_) | InspectEvent::Message(_) => true,
            _ => false,
        };
        if !of_socket {
            return;
        }
        self.all.insert(id);
        if *self.chosen.get_or_insert(id) != id {
            return;
        }
        let script = &mut self.script;
        match event {
            InspectEvent::Handshake(handshake) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                script.target = handshake.target().map(text);
                script.begin = script.begin.or(handshake.packet().time);
                if let Some(request) = &handshake.request {
                    let offered = request.named("Sec-WebSocket-Protocol").map(text);
                    let offered: Vec<_> = offered.collect();
                    let names = offered.iter().flat_map(|it| it.split(','));
                    let names = names.map(|it| it.trim().to_owned());
                    script.protocols = names.filter(|it| !it.is_empty()).collect();
                }
            }
            InspectEvent::Message(message) => {
                if let Err(why) = put(script, message) {
                    self.wrong = Some(why);
                }
            }
            InspectEvent::Frame(frame) if frame.location.direction == Direction::ClientToServer => {
                let action = match (frame.header.opcode, &frame.close) {
                    (8, Some(close)) => {
                        let reason = String::from_utf8_lossy(close.reason).into_owned();
                        Action::Close(close.code.unwrap_or(1005), reason)
                    }
                    (8, None) => Action::Close(1005, String::new()),
                    (9, _) => Action::Ping(frame.payload.to_vec()),
                    _ => return,
                };
                script.step(frame.end, action);
            }
            _ => {}
        }
    }

    fn finish(self) -> Result<Script, String> {
        if let Some(why) = self.wrong {
            return Err(why);
        }
        let numbers = || {
            let numbers: Vec<_> = self.all.iter().take(20).map(|it| it.to_string()).collect();
            numbers.join(", ")
        };
        match (self.chosen, self.is_given) {
            (Some(chosen), true) if !self.all.contains(&chosen) => Err(format!(
                "the recording has no connection {chosen} with a WebSocket; it has: {}",
                numbers()
            )),
            (Some(_), false) if self.all.len() > 1 => Err(format!(
                "the recording has several connections: choose one of {} with --connection",
                numbers()
            )),
            (None, _) => Err("no WebSocket connection was found in the recording".into()),
            _ => Ok(self.script),
        }
    }
}

/// Takes a message of the client as a step, and one of the server as an answer.
fn put(script: &mut Script, captured: &CapturedMessage<'_>) -> Result<(), String> {
    let direction = captured.location.direction;
    let Some(kind) = captured
        .kind
        .filter(|_| captured.whole && captured.finished)
    else {
        if direction == Direction::ServerToClient {
            // It has no place in a comparison.
            return Ok(());
        }
        return Err(format!(
            "the recording does not have all bytes of the client's message {}",
            script.steps.len() + 1
        ));
    };
    script.bytes += captured.payload.len();
    if script.bytes > MOST {
        return Err("the connection has more than 1 GiB of messages".into());
    }
    let message = Message {
        kind,
        payload: captured.payload.to_vec(),
    };
    match direction {
        Direction::ClientToServer => script.step(captured.end, Action::Message(message)),
        Direction::ServerToClient => {
            script.at(captured.end);
            script.answers.push(message);
        }
    }
    Ok(())
}
