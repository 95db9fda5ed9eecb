//! websocket-sans-io. It tells where payloads lie; its user puts messages together and
//! checks text.

use websocket_sans_io::{Opcode, WebsocketFrameDecoder, WebsocketFrameEvent};

use super::Decode;
use crate::feed::{Feed, READ};
use crate::sum::Sink;

pub struct SansIo {
    decoder: WebsocketFrameDecoder,
    buffer: Vec<u8>,
    message: Vec<u8>,
}

impl Decode for SansIo {
    const NAME: &'static str = "websocket-sans-io";

    fn new(_: &Feed) -> Self {
        Self {
            decoder: WebsocketFrameDecoder::new(),
            buffer: vec![0; READ],
            message: Vec::new(),
        }
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        for read in feed.reads() {
            let input = &mut self.buffer[..read.len()];
            input.copy_from_slice(read);
            // The payload of the frame at hand as far as it lies in this read; a message in
            // one frame and one read is handed out from there.
            let mut here = 0..0;
            let mut at = 0;
            loop {
                let result = self.decoder.add_data(&mut input[at..]);
                let result = result.expect("the stream is right");
                let from = at;
                at += result.consumed_bytes;
                match result.event {
                    // A frame brings one chunk from each read.
                    Some(WebsocketFrameEvent::PayloadChunk { original_opcode })
                        if original_opcode.is_data() =>
                    {
                        here = from..at;
                    }
                    Some(WebsocketFrameEvent::End {
                        frame_info,
                        original_opcode,
                    }) if original_opcode.is_data() => {
                        let piece = &input[std::mem::take(&mut here)];
                        if frame_info.fin && self.message.is_empty() {
                            deliver(original_opcode, piece, sink);
                            continue;
                        }
                        self.message.extend_from_slice(piece);
                        if frame_info.fin {
                            deliver(original_opcode, &self.message, sink);
                            self.message.clear();
                        }
                    }
                    Some(_) => {}
                    None if at == input.len() || result.consumed_bytes == 0 => break,
                    None => {}
                }
            }
            self.message.extend_from_slice(&input[here]);
        }
    }
}

#[inline]
fn deliver<S: Sink>(opcode: Opcode, payload: &[u8], sink: &mut S) {
    let text = opcode == Opcode::Text;
    if text {
        simdutf8::basic::from_utf8(payload).expect("the text is UTF-8");
    }
    sink.message(text, payload);
}
