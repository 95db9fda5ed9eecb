//! The crates for tokio, on its current-thread runtime.

use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio_websockets::{Limits, ServerBuilder};

use super::Decode;
use crate::feed::Feed;
use crate::sum::Sink;

pub fn runtime() -> Runtime {
    let built = Builder::new_current_thread().build();
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
