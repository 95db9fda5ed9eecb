//! Encoders that write into memory: ours, the floor, and the crates without I/O.
//!
//! Mask keys are `fastrand`'s here, as they are tokio-websockets'.

use embedded_websocket::{
    EmptyRng, Server, WebSocket, WebSocketSendMessageType, WebSocketServer, WebSocketState,
};
use websocket_sans_io::{FrameInfo, Opcode, WebsocketFrameEncoder};
use wscodec::frame::{self, FrameHeader, MAX_HEADER_LEN, OpCode, Role};
use wscodec::message::{MaskSource, MessageEncoder};

use super::{Data, Encode, Out};
use crate::workload::header;
use crate::xor::xor;

fn key() -> [u8; 4] {
    fastrand::u32(..).to_ne_bytes()
}

/// The least to do: a header of known form, a copy, a mask over it.
pub struct Floor(Role);

impl Encode for Floor {
    const NAME: &'static str = "floor";

    fn new(role: Role) -> Self {
        Self(role)
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        for message in messages {
            let out = out.room();
            let payload = message.bytes();
            out.reserve(14 + payload.len());
            if self.0 == Role::Server {
                header(out, message.opcode(), true, payload.len(), 0);
                out.extend_from_slice(payload);
                continue;
            }
            let key = key();
            header(out, message.opcode(), true, payload.len(), 0x80);
            out.extend_from_slice(&key);
            let start = out.len();
            out.extend_from_slice(payload);
            xor(key, &mut out[start..]);
        }
    }
}

/// Keys for a client, none for a server.
struct Keys(Role);

impl MaskSource for Keys {
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        (self.0 == Role::Client).then(key)
    }
}

/// wscodec.
pub struct Ours(Role);

impl Encode for Ours {
    const NAME: &'static str = "wscodec";

    fn new(role: Role) -> Self {
        Self(role)
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        match self.0 {
            Role::Server => send(MessageEncoder::server(), messages, out),
            Role::Client => send(MessageEncoder::client(key), messages, out),
        }
    }
}

fn send<M: MaskSource>(mut sender: MessageEncoder<M>, messages: &[Data], out: &mut Out) {
    for message in messages {
        match message {
            Data::Text(text) => sender.text(text, out.room()),
            Data::Binary(bytes) => sender.binary(bytes, out.room()),
        }
        .expect("messages can be sent");
    }
}

/// wscodec's lowest level, frame by frame into a slice.
pub struct Frames {
    role: Role,
    buffer: Vec<u8>,
}

impl Encode for Frames {
    const NAME: &'static str = "wscodec, frame::encode";

    fn new(role: Role) -> Self {
        Self {
            role,
            buffer: vec![0; (1 << 20) + MAX_HEADER_LEN],
        }
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        let keep = out.keeps();
        for message in messages {
            let opcode = match message {
                Data::Text(_) => OpCode::Text,
                Data::Binary(_) => OpCode::Binary,
            };
            let mask = (self.role == Role::Client).then(key);
            let header = FrameHeader {
                mask,
                ..FrameHeader::new(opcode, 0)
            };
            let written = frame::encode(header, message.bytes(), &mut self.buffer);
            let len = written.expect("there is room");
            std::hint::black_box(&self.buffer[..len]);
            if keep {
                out.bytes.extend_from_slice(&self.buffer[..len]);
            }
        }
    }
}

/// websocket-sans-io: a header, a copy by its user, a mask over it.
pub struct SansIo(Keys);

impl Encode for SansIo {
    const NAME: &'static str = "websocket-sans-io";

    fn new(role: Role) -> Self {
        Self(Keys(role))
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        let mut encoder = WebsocketFrameEncoder::new();
        for message in messages {
            let out = out.room();
            let payload = message.bytes();
            let header = encoder.start_frame(&FrameInfo {
                opcode: match message {
                    Data::Text(_) => Opcode::Text,
                    Data::Binary(_) => Opcode::Binary,
                },
                payload_length: payload.len() as u64,
                mask: self.0.next_key(),
                fin: true,
                reserved: 0,
            });
            out.extend_from_slice(&header);
            let start = out.len();
            out.extend_from_slice(payload);
            encoder.transform_frame_payload(&mut out[start..]);
        }
    }
}

/// embedded-websocket; it writes into a slice, as a server here.
pub struct Embedded {
    socket: WebSocket<EmptyRng, Server>,
    buffer: Vec<u8>,
}

impl Encode for Embedded {
    const NAME: &'static str = "embedded-websocket";

    fn can(role: Role) -> bool {
        role == Role::Server
    }

    fn new(_: Role) -> Self {
        let mut socket = WebSocketServer::new_server();
        socket.state = WebSocketState::Open;
        Self {
            socket,
            buffer: vec![0; (1 << 20) + 14],
        }
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        let keep = out.keeps();
        for message in messages {
            let kind = match message {
                Data::Text(_) => WebSocketSendMessageType::Text,
                Data::Binary(_) => WebSocketSendMessageType::Binary,
            };
            let written = self
                .socket
                .write(kind, true, message.bytes(), &mut self.buffer);
            let len = written.expect("there is room");
            std::hint::black_box(&self.buffer[..len]);
            if keep {
                out.bytes.extend_from_slice(&self.buffer[..len]);
            }
        }
    }
}
