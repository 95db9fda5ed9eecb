//! Findings: rules that were broken, with their sections, and things that are allowed but unwise.

use std::collections::{BTreeMap, VecDeque};

use crate::event::{Direction, End, Ending, Event, Fault, Frame, Handshake};
use crate::safe::put_json_string;

/// Pings that are remembered until a pong answers them.
const MAX_PINGS: usize = 64;

/// Findings that are remembered.
const MAX_FINDINGS: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Lint {
    findings: BTreeMap<(u32, Option<Direction>, &'static str), Finding>,
    open: BTreeMap<u32, [Side; 2]>,
}

#[derive(Debug)]
struct Finding {
    count: u64,
    /// The packet of the first one.
    packet: u64,
    message: &'static str,
    section: &'static str,
}

/// What is known of one direction of an open connection.
#[derive(Debug, Default)]
struct Side {
    /// The last mask key, and frames in a row that had it.
    key: Option<([u8; 4], u64)>,
    keys_differ: bool,
    pings: VecDeque<(u64, Vec<u8>)>,
    closed: Option<u64>,
    /// Bytes of the open compressed message, on the wire and inflated.
    compressed: (u64, u64),
}

impl Lint {
    pub(super) fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Handshake(handshake) => self.handshake(handshake),
            Event::Frame(frame) => self.frame(frame),
            Event::Fault(place, fault) => {
                self.fault(place.stream, place.direction, place.origin.packet, fault);
            }
            Event::End(end) => self.end(end),
            _ => {}
        }
    }

    fn add(
        &mut self,
        at: (u32, Option<Direction>),
        code: &'static str,
        packet: u64,
        message: &'static str,
        section: &'static str,
    ) {
        let key = (at.0, at.1, code);
        if self.findings.len() >= MAX_FINDINGS && !self.findings.contains_key(&key) {
            return;
        }
        let finding = self.findings.entry(key).or_insert(Finding {
            count: 0,
            packet,
            message,
            section,
        });
        finding.count += 1;
    }

    fn fault(&mut self, stream: u32, direction: Direction, packet: u64, fault: &Fault) {
        let error = fault.error;
        let at = (stream, Some(direction));
        self.add(at, error.code(), packet, error.message(), fault.section());
    }

    fn handshake(&mut self, handshake: &Handshake<'_>) {
        let heads = [handshake.request, handshake.response];
        let packet = |i: usize| heads[i].map_or(0, |head| head.place.origin.packet);
        for (direction, fault) in handshake.faults {
            self.fault(
                handshake.stream,
                *direction,
                packet(direction.index()),
                fault,
            );
        }
        if let Some(agreed) = handshake.deflate {
            for (direction, takeover) in [
                (Direction::ClientToServer, agreed.receive.takeover),
                (Direction::ServerToClient, agreed.send.takeover),
            ] {
                if !takeover {
                    self.add(
                        (handshake.stream, Some(direction)),
                        "NO_CONTEXT_TAKEOVER",
                        packet(1),
                        "context takeover is switched off, so small messages compress badly",
                        "RFC 7692 §7.1.1",
                    );
                }
            }
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let (stream, direction) = (frame.place.stream, frame.place.direction);
        let at = (stream, Some(direction));
        let packet = frame.end.packet;
        for fault in frame.faults {
            self.fault(stream, direction, packet, fault);
        }
        if frame.after_close {
            let message = "a frame was sent behind a close frame";
            self.add(at, "FRAME_AFTER_CLOSE", packet, message, "RFC 6455 §5.5.1");
        }
        let header = &frame.header;
        if header.opcode <= 2 && !header.fin && header.len <= 1 {
            let message = "a fragment has at most one byte";
            self.add(at, "TINY_FRAGMENT", packet, message, "RFC 6455 §5.4");
        }
        let sides = self.open.entry(stream).or_default();
        let [one, two] = sides;
        let (side, other) = match direction {
            Direction::ClientToServer => (one, two),
            Direction::ServerToClient => (two, one),
        };
        if let Some(key) = header.mask {
            match &mut side.key {
                Some((last, count)) if *last == key => *count += 1,
                Some(_) => side.keys_differ = true,
                none => *none = Some((key, 1)),
            }
        }
        match header.opcode {
            9 => {
                if side.pings.len() >= MAX_PINGS {
                    side.pings.pop_front();
                }
                side.pings.push_back((packet, frame.payload.to_vec()));
            }
            10 => {
                // A pong for a later ping answers the earlier ones as well (§5.5.3).
                let answered = other.pings.iter().position(|ping| ping.1 == frame.payload);
                match answered {
                    Some(i) => drop(other.pings.drain(..=i)),
                    None => {
                        let message = "a pong answers no ping";
                        self.add(at, "PONG_UNASKED", packet, message, "RFC 6455 §5.5.3");
                    }
                }
            }
            8 => {
                side.closed.get_or_insert(packet);
            }
            _ => {
                if let Some(inflated) = frame.inflated {
                    side.compressed.0 += header.len;
                    side.compressed.1 += inflated;
                    if header.fin {
                        let (wire, plain) = core::mem::take(&mut side.compressed);
                        if wire > plain && plain > 0 {
                            let message = "compression made a message larger";
                            self.add(at, "COMPRESSED_LARGER", packet, message, "RFC 7692 §7.2.1");
                        }
                    }
                }
            }
        }
    }

    fn end(&mut self, end: &End) {
        let stream = end.connection.stream;
        let Some(sides) = self.open.remove(&stream) else {
            return;
        };
        let directions = [Direction::ClientToServer, Direction::ServerToClient];
        let over = matches!(end.ending, Ending::Fin(_) | Ending::Reset(_));
        for (side, direction) in sides.iter().zip(directions) {
            let at = (stream, Some(direction));
            if let Some((_, count @ 3..)) = side.key
                && !side.keys_differ
            {
                let message = "all frames have the same mask key";
                self.add(at, "MASK_KEY_CONSTANT", 0, message, "RFC 6455 §5.3");
                if let Some(it) =
                    self.findings
                        .get_mut(&(stream, Some(direction), "MASK_KEY_CONSTANT"))
                {
                    it.count = count;
                }
            }
            // A ping just before the end may have its answer on the way.
            if let (true, Some((packet, _))) = (over, side.pings.front())
                && sides[direction.other().index()]
                    .closed
                    .is_none_or(|closed| closed > *packet)
            {
                let message = "a ping has no answer";
                self.add(at, "PING_UNANSWERED", *packet, message, "RFC 6455 §5.5.2");
            }
            let other = &sides[direction.other().index()];
            if let (true, Some(packet), None) = (over, side.closed, other.closed) {
                let message = "a close frame has no answer";
                self.add(at, "CLOSE_UNANSWERED", packet, message, "RFC 6455 §5.5.1");
            }
        }
        let none = sides.iter().all(|side| side.closed.is_none());
        if over && none {
            let message = "the connection ended without a close frame";
            self.add(
                (stream, end.ending.by()),
                "NO_CLOSE",
                end.origin.packet,
                message,
                "RFC 6455 §7.1.5",
            );
        }
    }

    pub(super) fn write(&mut self, json: bool, out: &mut Vec<u8>) {
        for ((stream, direction, code), finding) in core::mem::take(&mut self.findings) {
            let Finding {
                count,
                packet,
                message,
                section,
            } = finding;
            let dir = direction.map(Direction::name);
            if json {
                let dir = dir.map_or("null".to_owned(), |dir| format!("\"{dir}\""));
                let head = format!(
                    "{{\"type\":\"lint\",\"stream\":{stream},\"dir\":{dir},\"packet\":{packet},\
                     \"code\":\"{code}\",\"count\":{count},\"message\":"
                );
                out.extend_from_slice(head.as_bytes());
                put_json_string(message.as_bytes(), out);
                out.extend_from_slice(b",\"section\":");
                put_json_string(section.as_bytes(), out);
                out.extend_from_slice(b"}\n");
            } else {
                let dir = dir.unwrap_or("   ");
                let times = if count == 1 {
                    String::new()
                } else {
                    format!(", {count} times")
                };
                let line = format!(
                    "lint  #{stream:<3} {dir} {code}: {message}{times}, first in packet {packet} ({section})\n"
                );
                out.extend_from_slice(line.as_bytes());
            }
        }
    }
}
