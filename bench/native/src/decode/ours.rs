//! wscodec.

use wscodec::Limits;
use wscodec::frame::Role;
use wscodec::message::{Event, Kind, MessageDecoder};

use super::Decode;
use crate::feed::{Feed, READ};
use crate::sum::Sink;

fn receiver() -> MessageDecoder {
    MessageDecoder::new(Role::Server, &Limits::default())
}

#[inline]
fn drain<S: Sink>(receiver: &mut MessageDecoder, mut input: &mut [u8], sink: &mut S) {
    while let Some(event) = receiver.receive(&mut input).expect("the stream is right") {
        if let Event::Message(message) = event {
            sink.message(message.kind == Kind::Text, message.payload);
        }
    }
}

/// Every read goes to one buffer, and from there to `receive`.
pub struct Whole {
    receiver: MessageDecoder,
    buffer: Vec<u8>,
}

impl Decode for Whole {
    const NAME: &'static str = "wscodec";

    fn new(_: &Feed) -> Self {
        Self {
            receiver: receiver(),
            buffer: vec![0; READ],
        }
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        for read in feed.reads() {
            let input = &mut self.buffer[..read.len()];
            input.copy_from_slice(read);
            drain(&mut self.receiver, input, sink);
        }
    }
}

/// Reads within a large payload go to where the receiver puts the message together.
pub struct Fill {
    receiver: MessageDecoder,
    buffer: Vec<u8>,
}

impl Decode for Fill {
    const NAME: &'static str = "wscodec, space and fill";

    fn can(feed: &Feed) -> bool {
        !feed.single && feed.workload.name.starts_with("bin1")
    }

    fn new(_: &Feed) -> Self {
        Self {
            receiver: receiver(),
            buffer: vec![0; READ],
        }
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        let bytes = &feed.workload.masked[..];
        let mut at = 0;
        while at < bytes.len() {
            let max = READ.min(bytes.len() - at);
            // For less, a read of its own would not pay.
            let len = match self.receiver.space(max) {
                Some(space) if space.len() >= READ / 8 => {
                    let len = space.len();
                    space.copy_from_slice(&bytes[at..at + len]);
                    Some(len)
                }
                _ => None,
            };
            match len {
                Some(len) => {
                    at += len;
                    let event = self.receiver.fill(len).expect("the stream is right");
                    if let Some(Event::Message(message)) = event {
                        sink.message(message.kind == Kind::Text, message.payload);
                    }
                }
                None => {
                    let input = &mut self.buffer[..max];
                    input.copy_from_slice(&bytes[at..at + max]);
                    at += max;
                    drain(&mut self.receiver, input, sink);
                }
            }
        }
    }
}
