//! The least that any decoder has to do: copy the read, unmask, put parts together, check
//! text. It is told beforehand where the payloads lie, and checks no rule.

use super::Decode;
use crate::feed::{Feed, READ};
use crate::sum::Sink;
use crate::xor::xor;

/// The work on a piece of a payload within a read.
struct Piece {
    start: usize,
    len: usize,
    /// The key, turned to begin at the piece.
    key: [u8; 4],
    /// Whether the piece is a whole message; if not, it is a part, maybe the last.
    whole: bool,
    last: bool,
    text: bool,
    control: bool,
}

pub struct Floor {
    buffer: Vec<u8>,
    message: Vec<u8>,
    /// The pieces of each read.
    plan: Vec<Vec<Piece>>,
}

impl Decode for Floor {
    const NAME: &'static str = "floor";

    fn new(feed: &Feed) -> Self {
        Self {
            buffer: vec![0; READ],
            message: Vec::new(),
            plan: plan(feed),
        }
    }

    fn decode<S: Sink>(&mut self, feed: &Feed, sink: &mut S) {
        for (read, pieces) in feed.reads().zip(&self.plan) {
            let input = &mut self.buffer[..read.len()];
            input.copy_from_slice(read);
            for piece in pieces {
                let bytes = &mut input[piece.start..piece.start + piece.len];
                xor(piece.key, bytes);
                if piece.control {
                    continue;
                }
                if piece.whole {
                    deliver(piece.text, bytes, sink);
                    continue;
                }
                self.message.extend_from_slice(bytes);
                if piece.last {
                    deliver(piece.text, &self.message, sink);
                    self.message.clear();
                }
            }
        }
    }
}

#[inline]
fn deliver<S: Sink>(text: bool, payload: &[u8], sink: &mut S) {
    if text {
        simdutf8::basic::from_utf8(payload).expect("the text is UTF-8");
    }
    sink.message(text, payload);
}

fn plan(feed: &Feed) -> Vec<Vec<Piece>> {
    let mut frames = feed.workload.frames.iter().peekable();
    let mut text = false;
    let mut plan = Vec::new();
    for read in feed.ranges() {
        let mut pieces = Vec::new();
        while let Some(frame) = frames.peek() {
            if frame.payload.start > read.end {
                break;
            }
            if matches!(frame.opcode, 1 | 2) {
                text = frame.opcode == 1;
            }
            let (from, to) = (&frame.payload.start, frame.payload.end.min(read.end));
            let start = (*from).max(read.start);
            let mut key = frame.key;
            key.rotate_left((start - from) % 4);
            let ends = frame.payload.end <= read.end;
            pieces.push(Piece {
                start: start - read.start,
                len: to - start,
                key,
                whole: frame.opcode != 0 && frame.fin && start == *from && ends,
                last: frame.fin && ends,
                text,
                control: frame.opcode >= 8,
            });
            if !ends {
                break;
            }
            frames.next();
        }
        plan.push(pieces);
    }
    plan
}
