//! Encoders that write to a socket: each message with a flush.

use fastwebsockets::{Frame, Payload, WebSocket};
use futures_util::SinkExt;
use tokio::runtime::Runtime;
use tokio_websockets::{ClientBuilder, Message, ServerBuilder, WebSocketStream};
use wscodec::frame::Role;

use super::{Data, Encode, Out};
use crate::decode::runtime;

pub struct Tungstenite(Role);

impl Encode for Tungstenite {
    const NAME: &'static str = "tungstenite";

    fn new(role: Role) -> Self {
        Self(role)
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        use tungstenite::protocol::{self, Message};
        let role = match self.0 {
            Role::Server => protocol::Role::Server,
            Role::Client => protocol::Role::Client,
        };
        let mut socket = protocol::WebSocket::from_raw_socket(out, role, None);
        for message in messages {
            let message = match message {
                Data::Text(text) => Message::text(*text),
                Data::Binary(bytes) => Message::binary(bytes.to_vec()),
            };
            socket.send(message).expect("messages can be sent");
        }
    }
}

pub struct FastWebsockets(Role, Runtime);

impl Encode for FastWebsockets {
    const NAME: &'static str = "fastwebsockets";

    fn new(role: Role) -> Self {
        Self(role, runtime())
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        let role = match self.0 {
            Role::Server => fastwebsockets::Role::Server,
            Role::Client => fastwebsockets::Role::Client,
        };
        let mut socket = WebSocket::after_handshake(out, role);
        self.1.block_on(async {
            for message in messages {
                let payload = Payload::Borrowed(message.bytes());
                let frame = match message {
                    Data::Text(_) => Frame::text(payload),
                    Data::Binary(_) => Frame::binary(payload),
                };
                let sent = socket.write_frame(frame).await;
                sent.expect("messages can be sent");
            }
        });
    }
}

pub struct TokioWebsockets(Role, Runtime);

impl Encode for TokioWebsockets {
    const NAME: &'static str = "tokio-websockets";

    fn new(role: Role) -> Self {
        Self(role, runtime())
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        // One frame a message, as the others write it.
        let config = tokio_websockets::Config::default().frame_size(usize::MAX);
        let socket = match self.0 {
            Role::Server => ServerBuilder::new().config(config).serve(out),
            Role::Client => ClientBuilder::new().config(config).take_over(out),
        };
        self.1.block_on(send(socket, messages));
    }
}

async fn send(mut socket: WebSocketStream<&mut Out>, messages: &[Data<'_>]) {
    for message in messages {
        let message = match message {
            Data::Text(text) => Message::text((*text).to_owned()),
            Data::Binary(bytes) => Message::binary(bytes.to_vec()),
        };
        socket.send(message).await.expect("messages can be sent");
    }
}

pub struct Sockudo(Role, Runtime);

impl Encode for Sockudo {
    const NAME: &'static str = "sockudo-ws";

    fn new(role: Role) -> Self {
        Self(role, runtime())
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        use sockudo_ws::{Config, Message, WebSocketStream};

        self.1.block_on(async {
            let mut socket = match self.0 {
                Role::Server => WebSocketStream::server(out, Config::default()),
                Role::Client => WebSocketStream::client(out, Config::default()),
            };
            for message in messages {
                let message = match message {
                    Data::Text(text) => Message::Text((*text).to_owned().into()),
                    Data::Binary(bytes) => Message::Binary(bytes.to_vec().into()),
                };
                socket.send(message).await.expect("messages can be sent");
            }
        });
    }
}

pub struct Yawc(Role, Runtime);

impl Encode for Yawc {
    const NAME: &'static str = "yawc";

    fn new(role: Role) -> Self {
        Self(role, runtime())
    }

    fn encode(&mut self, messages: &[Data], out: &mut Out) {
        use yawc::{Frame, Options, WebSocket};

        let role = match self.0 {
            Role::Server => yawc::Role::Server,
            Role::Client => yawc::Role::Client,
        };
        self.1.block_on(async {
            let socket = WebSocket::from_stream(out, role, Options::default());
            let mut socket = socket.expect("the options are right");
            for message in messages {
                let frame = match message {
                    Data::Text(text) => Frame::text((*text).to_owned()),
                    Data::Binary(bytes) => Frame::binary(bytes.to_vec()),
                };
                socket.send(frame).await.expect("messages can be sent");
            }
        });
    }
}
