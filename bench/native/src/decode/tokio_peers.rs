//! The crates for tokio, on its current-thread runtime.

use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio_websockets::{Limits, ServerBuilder};

use super::Decode;
use crate::feed::Feed;
use crate::sum::Sink;

pub fn runtime() -> Runtime {
    // sockudo-ws has timers.
    let built = Builder::new_current_thread().enable_time().build();
    built.expect("a runtime without threads and sockets")
}

pub struct FastWebsockets(Runtime);

impl Decode for FastWebsockets {
    const NAME: &'static str = "fastwebsockets";

    fn new(_: &Feed) -> Self {
        Self(runtime())
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        let mut socket = WebSocket::after_handshake(feed.stream(), Role::Server);
        socket.set_auto_pong(true);
        let mut socket = FragmentCollector::new(socket);
        self.0.block_on(async {
            let mut left = feed.workload.messages.len();
            while left > 0 {
                let frame = socket.read_frame().await.expect("the stream is right");
                if matches!(frame.opcode, OpCode::Text | OpCode::Binary) {
                    sink.message(frame.opcode == OpCode::Text, &frame.payload);
                    left -= 1;
                }
            }
        });
    }
}

pub struct TokioWebsockets(Runtime);

impl Decode for TokioWebsockets {
    const NAME: &'static str = "tokio-websockets";

    fn new(_: &Feed) -> Self {
        Self(runtime())
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        let builder = ServerBuilder::new().limits(Limits::unlimited());
        let mut socket = builder.serve(feed.stream());
        self.0.block_on(async {
            let mut left = feed.workload.messages.len();
            while left > 0 {
                let message = socket.next().await.expect("the stream goes on");
                let message = message.expect("the stream is right");
                if message.is_text() || message.is_binary() {
                    sink.message(message.is_text(), message.as_payload());
                    left -= 1;
                }
            }
        });
    }
}

pub struct Sockudo(Runtime);

impl Decode for Sockudo {
    const NAME: &'static str = "sockudo-ws";

    fn new(_: &Feed) -> Self {
        Self(runtime())
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        use sockudo_ws::{Config, Message, WebSocketStream};

        self.0.block_on(async {
            let mut socket = WebSocketStream::server(feed.stream(), Config::default());
            let mut left = feed.workload.messages.len();
            while left > 0 {
                let message = socket.next().await.expect("the stream goes on");
                match message.expect("the stream is right") {
                    Message::Text(text) => sink.message(true, &text),
                    Message::Binary(bytes) => sink.message(false, &bytes),
                    _ => continue,
                }
                left -= 1;
            }
        });
    }
}

pub struct Yawc(Runtime);

impl Decode for Yawc {
    const NAME: &'static str = "yawc";

    fn new(_: &Feed) -> Self {
        Self(runtime())
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        use yawc::frame::OpCode;
        use yawc::{Options, Role, WebSocket};

        // By default it does not check text, and its limit is below the longest message.
        let options = Options::default().with_utf8().with_limits(4 << 20, 8 << 20);
        self.0.block_on(async {
            let socket = WebSocket::from_stream(feed.stream(), Role::Server, options);
            let mut socket = socket.expect("the options are right");
            let mut left = feed.workload.messages.len();
            while left > 0 {
                let frame = socket.next().await.expect("the stream goes on");
                if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) {
                    sink.message(frame.opcode() == OpCode::Text, frame.payload());
                    left -= 1;
                }
            }
        });
    }
}
