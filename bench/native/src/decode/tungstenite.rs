//! tungstenite.

use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

use super::Decode;
use crate::feed::Feed;
use crate::sum::Sink;

/// As it comes, with a read buffer of 128 KiB.
pub struct Tungstenite;

impl Decode for Tungstenite {
    const NAME: &'static str = "tungstenite";

    fn new(_: &Feed) -> Self {
        Self
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        decode(WebSocketConfig::default(), feed, sink);
    }
}

/// With a read buffer of 8 KiB, which it clears before each read.
pub struct SmallBuffer;

impl Decode for SmallBuffer {
    const NAME: &'static str = "tungstenite, 8 KiB buffer";

    fn can(feed: &Feed) -> bool {
        feed.single
    }

    fn new(_: &Feed) -> Self {
        Self
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        decode(
            WebSocketConfig::default().read_buffer_size(8192),
            feed,
            sink,
        );
    }
}

fn decode<S: Sink>(config: WebSocketConfig, feed: &Feed, sink: &mut S) {
    let mut socket = WebSocket::from_raw_socket(feed.stream(), Role::Server, Some(config));
    let mut left = feed.workload.messages.len();
    while left > 0 {
        let message = socket.read().expect("the stream is right");
        if message.is_text() || message.is_binary() {
            let text = message.is_text();
            sink.message(text, &message.into_data());
            left -= 1;
        }
    }
}
