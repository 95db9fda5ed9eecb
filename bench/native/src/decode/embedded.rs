//! embedded-websocket. Its user keeps the rest of a read with half a header in it, and
//! checks text. Without fragments: it was not driven across pings between them.

use embedded_websocket::{
    EmptyRng, Error, Server, WebSocket, WebSocketReceiveMessageType, WebSocketServer,
    WebSocketState,
};

use super::Decode;
use crate::feed::{Feed, READ};
use crate::sum::Sink;

pub struct Embedded {
    socket: WebSocket<EmptyRng, Server>,
    buffer: Vec<u8>,
    message: Vec<u8>,
}

impl Decode for Embedded {
    const NAME: &'static str = "embedded-websocket";

    fn can(feed: &Feed) -> bool {
        !feed.workload.fragmented
    }

    fn new(feed: &Feed) -> Self {
        let mut socket = WebSocketServer::new_server();
        socket.state = WebSocketState::Open;
        let longest = feed.workload.messages.iter().map(|(_, m)| m.len()).max();
        Self {
            socket,
            buffer: vec![0; READ + 16],
            message: vec![0; longest.unwrap_or(0)],
        }
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        let (mut kept, mut filled) = (0, 0);
        for read in feed.reads() {
            let end = kept + read.len();
            self.buffer[kept..end].copy_from_slice(read);
            let mut at = 0;
            while at < end {
                let from = &self.buffer[at..end];
                let result = match self.socket.read(from, &mut self.message[filled..]) {
                    Ok(result) => result,
                    Err(Error::ReadFrameIncomplete) => break,
                    Err(error) => panic!("the stream is right, but: {error:?}"),
                };
                at += result.len_from;
                filled += result.len_to;
                if result.end_of_message {
                    let text = result.message_type == WebSocketReceiveMessageType::Text;
                    let payload = &self.message[..filled];
                    if text {
                        simdutf8::basic::from_utf8(payload).expect("the text is UTF-8");
                    }
                    sink.message(text, payload);
                    filled = 0;
                }
            }
            self.buffer.copy_within(at..end, 0);
            kept = end - at;
        }
    }
}
