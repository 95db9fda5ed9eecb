//! Events of captures and of live connections, as JSON lines.

use crate::address;
use wasm_bindgen::prelude::wasm_bindgen;
use wscodec::deflate::{AgreedDeflate, DeflateDirection, WindowBits};
use wscodec_inspect::event::{
    Conversation, ConversationId, Direction, Ending, InspectEvent, PacketInfo,
};
use wscodec_inspect::{ConversationInspector, ConversationStart, InspectOptions, Inspector, json};

/// The lines that the host has not taken.
struct Lines {
    out: Vec<u8>,
    /// Bytes of each payload that a line has at most.
    payload: usize,
}

impl Lines {
    fn sink(&mut self) -> impl FnMut(InspectEvent<'_>) {
        |event| json::write(&event, self.payload, &mut self.out)
    }
}

fn options(frames: bool, messages: bool, payload: usize, max_memory: f64) -> InspectOptions {
    InspectOptions {
        frames,
        messages,
        payload,
        max_memory: max_memory as usize,
        ..InspectOptions::default()
    }
}

/// Inspects captures and other files.
#[wasm_bindgen]
pub struct FileInspector {
    inspector: Inspector,
    lines: Lines,
}

#[wasm_bindgen]
impl FileInspector {
    #[wasm_bindgen(constructor)]
    pub fn new(frames: bool, messages: bool, payload: usize, max_memory: f64) -> Self {
        Self {
            inspector: Inspector::new(options(frames, messages, payload, max_memory)),
            lines: Lines {
                out: Vec::new(),
                payload,
            },
        }
    }

    pub fn keys(&mut self, bytes: &[u8]) {
        self.inspector.keys(bytes);
    }

    /// The next bytes of the file. Returns a sentence if the file can't be read.
    pub fn push(&mut self, bytes: &[u8]) -> Option<String> {
        let result = self.inspector.push(bytes, &mut self.lines.sink());
        result.err().map(|error| error.message().to_owned())
    }

    /// The file is at its end. Returns a sentence if it ends too early, or can't be read.
    pub fn finish(&mut self) -> Option<String> {
        let result = self.inspector.finish(&mut self.lines.sink());
        result.err().map(|error| error.message().to_owned())
    }

    /// Where the lines lie in the module's memory.
    pub fn address(&self) -> u32 {
        address(&self.lines.out)
    }

    /// Bytes of the lines, which are UTF-8.
    pub fn length(&self) -> usize {
        self.lines.out.len()
    }

    /// Drops the lines, which the host has read, and keeps their memory.
    pub fn clear(&mut self) {
        self.lines.out.clear();
    }
}

/// Inspects the two directions of one connection.
#[wasm_bindgen]
pub struct StreamInspector {
    inspector: ConversationInspector,
    lines: Lines,
    reads: u64,
}

/// How the connection begins; the numbers are those of JavaScript.
const HANDSHAKE: u8 = 0;
const FRAMES: u8 = 1;

#[wasm_bindgen]
impl StreamInspector {
    /// `deflate` has 4 numbers if permessage-deflate was agreed on before the first frame: for the client's
    /// messages whether the window is taken over (0 or 1) and its bits, and the same for the server's.
    /// `time` is when the connection began.
    #[wasm_bindgen(constructor)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cost JavaScript a call for each member"
    )]
    pub fn new(
        frames: bool,
        messages: bool,
        payload: usize,
        max_memory: f64,
        start: u8,
        deflate: &[u8],
        client: Option<String>,
        server: Option<String>,
        time: f64,
    ) -> Result<StreamInspector, String> {
        let mut conversation = Conversation::new(ConversationId::new(0));
        conversation.packet.time = nanoseconds(time);
        for (text, address) in [
            (client, &mut conversation.client),
            (server, &mut conversation.server),
        ] {
            if let Some(text) = text {
                let parsed = text.parse();
                *address = Some(parsed.map_err(|_| format!("{text:?} is no address with a port"))?);
            }
        }
        let start = match start {
            HANDSHAKE => ConversationStart::Handshake,
            FRAMES => ConversationStart::Frames(agreed(deflate)?),
            _ => ConversationStart::Middle,
        };
        let options = options(frames, messages, payload, max_memory);
        Ok(Self {
            inspector: ConversationInspector::new(conversation, start, options),
            lines: Lines {
                out: Vec::new(),
                payload,
            },
            reads: 0,
        })
    }

    pub fn keys(&mut self, bytes: &[u8]) {
        self.inspector.keys(bytes);
    }

    /// The next bytes of a direction, which arrived at this time (milliseconds since 1970).
    pub fn push(&mut self, from_server: bool, bytes: &[u8], time: f64) {
        let packet = self.packet(time);
        let sink = &mut self.lines.sink();
        self.inspector
            .push(direction(from_server), bytes, packet, sink);
    }

    pub fn skip(&mut self, from_server: bool, len: f64, time: f64) {
        let packet = self.packet(time);
        let sink = &mut self.lines.sink();
        self.inspector
            .skip(direction(from_server), len as u64, packet, sink);
    }

    pub fn end(&mut self, from_server: bool, time: f64) {
        let packet = self.packet(time);
        let sink = &mut self.lines.sink();
        self.inspector.end(direction(from_server), packet, sink);
    }

    pub fn finish(&mut self) {
        self.inspector.finish(Ending::Open, &mut self.lines.sink());
    }

    /// Where the lines lie in the module's memory.
    pub fn address(&self) -> u32 {
        address(&self.lines.out)
    }

    /// Bytes of the lines, which are UTF-8.
    pub fn length(&self) -> usize {
        self.lines.out.len()
    }

    /// Drops the lines, which the host has read, and keeps their memory.
    pub fn clear(&mut self) {
        self.lines.out.clear();
    }

    fn packet(&mut self, time: f64) -> PacketInfo {
        self.reads += 1;
        PacketInfo {
            number: self.reads,
            time: nanoseconds(time),
        }
    }
}

/// Milliseconds of JavaScript's in nanoseconds; NaN is no time.
fn nanoseconds(time: f64) -> Option<i128> {
    time.is_finite().then_some((time * 1e6) as i128)
}

fn direction(from_server: bool) -> Direction {
    match from_server {
        false => Direction::ClientToServer,
        true => Direction::ServerToClient,
    }
}

fn agreed(numbers: &[u8]) -> Result<Option<AgreedDeflate>, String> {
    let &[client_takeover, client_bits, server_takeover, server_bits] = numbers else {
        return Ok(None);
    };
    let of = |takeover: u8, bits: u8| -> Result<DeflateDirection, String> {
        Ok(DeflateDirection {
            window: WindowBits::try_from(bits).map_err(|error| error.to_string())?,
            takeover: takeover != 0,
        })
    };
    Ok(Some(AgreedDeflate {
        receive: of(client_takeover, client_bits)?,
        send: of(server_takeover, server_bits)?,
    }))
}
