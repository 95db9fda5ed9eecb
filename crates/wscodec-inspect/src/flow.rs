//! The TCP connections of a capture: which packet belongs to which, and how each ends.
//!
//! A connection is found by its two addresses. A SYN that does not open the connection that is known
//! begins a new one. A connection that has ended, or is of no interest, leaves a small entry behind,
//! so that late packets of it are not taken for another one.
//!
//! Memory is bounded in two ways. Each connection holds at most what its readers state. When all of
//! them together pass the limit, or their number does, those that were idle longest are dropped, an
//! eighth of them at once, so that the work stays linear.

use core::net::SocketAddr;
use std::collections::HashMap;

use crate::InspectOptions;
use crate::context::{Announced, Context, EventSink, Shared};
use crate::event::{
    Conversation, ConversationId, Ending, InspectEvent, Location, Note, PacketInfo,
};
use crate::nest::Nest;
use crate::packet::Segment;
use crate::reassembly::{Delivery, Reassembler};
use crate::source::Out;

/// The cost of a connection against the limit, beside the bytes that it holds.
const FLOW: usize = size_of::<Flow>() + ENTRY;

/// The cost of an entry against the limit, with its share of the table.
const ENTRY: usize = 2 * (size_of::<Key>() + size_of::<Entry>());

/// The two addresses, the lower one first.
type Key = (SocketAddr, SocketAddr);

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    by_address: HashMap<Key, Entry>,
    /// The number of the next connection.
    next: u32,
    /// The sum of what the entries were counted as.
    memory: usize,
    pub(crate) shared: Shared,
}

#[derive(Debug)]
struct Entry {
    /// The side that sent the SYN that opened it, and its sequence number.
    opened: Option<(SocketAddr, u32)>,
    /// The last packet.
    last: u64,
    counted: usize,
    /// `None` once no more of it is read.
    flow: Option<Box<Flow>>,
}

#[derive(Debug)]
struct Flow {
    /// The side that was taken for the client, and the other.
    sides: [SocketAddr; 2],
    streams: [Reassembler; 2],
    nest: Nest,
    announced: Announced,
    last: PacketInfo,
    /// The side that sent the first FIN.
    fin: Option<usize>,
}

impl Flows {
    /// Takes a segment that came in this packet.
    pub(crate) fn segment(
        &mut self,
        segment: &Segment<'_>,
        packet: PacketInfo,
        options: &InspectOptions,
        sink: &mut EventSink<'_>,
    ) {
        let (a, b) = (segment.source, segment.destination);
        let key = if a <= b { (a, b) } else { (b, a) };
        let opens = segment.syn && segment.acknowledgement.is_none();
        let known = self.by_address.get_mut(&key);
        let entry = match known {
            Some(entry) if !(opens && entry.is_another(segment)) => entry,
            Some(entry) => {
                let number = self.next;
                self.next = self.next.wrapping_add(1);
                if let Some(mut flow) = entry.flow.take() {
                    flow.finish(Ending::Open, options, &mut self.shared, sink);
                }
                self.memory -= entry.counted;
                *entry = Entry::new(number, segment, packet);
                entry
            }
            None => {
                if self.by_address.len() >= options.max_connections {
                    self.make_room(options, sink);
                }
                let number = self.next;
                self.next = self.next.wrapping_add(1);
                let entry = Entry::new(number, segment, packet);
                self.by_address.entry(key).or_insert(entry)
            }
        };
        entry.last = packet.number;
        let Some(flow) = &mut entry.flow else {
            return;
        };
        let over = flow.segment(segment, packet, options, &mut self.shared, sink);
        if over {
            entry.flow = None;
        }
        let counts = entry.flow.as_ref().map_or(ENTRY, |flow| flow.memory());
        self.memory = self.memory - entry.counted + counts;
        entry.counted = counts;
        if self.memory > options.max_memory {
            self.make_room(options, sink);
        }
    }

    /// The capture is at its end. The connections end in the order in which they began.
    pub(crate) fn finish(&mut self, options: &InspectOptions, sink: &mut EventSink<'_>) {
        let entries = self.by_address.drain();
        let mut flows: Vec<_> = entries.filter_map(|(_, entry)| entry.flow).collect();
        flows.sort_unstable_by_key(|flow| flow.announced.conversation.id);
        for mut flow in flows {
            flow.finish(Ending::Open, options, &mut self.shared, sink);
        }
        self.memory = 0;
    }

    /// Bytes of memory held.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Connections so far.
    pub(crate) fn count(&self) -> u32 {
        self.next
    }

    /// The next connection gets this number.
    pub(crate) fn count_from(&mut self, next: u32) {
        self.next = next;
    }

    /// The way out for the events of another source than packets.
    pub(crate) fn out<'o, 's>(
        &'o mut self,
        options: &'o InspectOptions,
        sink: &'o mut EventSink<'s>,
    ) -> Out<'o, 's> {
        Out {
            options,
            shared: &mut self.shared,
            sink,
        }
    }

    /// Drops the eighth of the connections that was idle longest, or more of them if that does not
    /// free an eighth of the memory.
    fn make_room(&mut self, options: &InspectOptions, sink: &mut EventSink<'_>) {
        let mut oldest: Vec<_> = self
            .by_address
            .iter()
            .map(|(key, it)| (it.last, *key))
            .collect();
        oldest.sort_unstable_by_key(|&(last, _)| last);
        let most = options.max_memory - options.max_memory / 8;
        let count = oldest.len() / 8 + 1;
        for (i, (_, key)) in oldest.into_iter().enumerate() {
            if i >= count && self.memory <= most {
                break;
            }
            if let Some(entry) = self.by_address.remove(&key) {
                self.memory -= entry.counted;
                if let Some(mut flow) = entry.flow {
                    flow.drop_early(options, &mut self.shared, sink);
                }
            }
        }
    }
}

impl Entry {
    fn new(number: u32, segment: &Segment<'_>, packet: PacketInfo) -> Self {
        let opens = segment.syn && segment.acknowledgement.is_none();
        Self {
            opened: opens.then_some((segment.source, segment.sequence)),
            last: packet.number,
            counted: 0,
            flow: Some(Box::new(Flow::new(number, segment, packet))),
        }
    }

    /// Whether this SYN opens another connection than the one that is known.
    fn is_another(&self, segment: &Segment<'_>) -> bool {
        match (self.opened, &self.flow) {
            (Some(opened), _) => opened != (segment.source, segment.sequence),
            // The capture may have the SYN behind the first data.
            (None, Some(flow)) => {
                let side = usize::from(segment.source != flow.sides[0]);
                !flow.streams[side].is_opened_by(segment.sequence)
            }
            (None, None) => true,
        }
    }
}

impl Flow {
    fn new(number: u32, segment: &Segment<'_>, packet: PacketInfo) -> Self {
        // An answer to a SYN comes from the server. Without a SYN, the first packet's sender counts
        // as the client until the bytes tell more.
        let answer = segment.syn && segment.acknowledgement.is_some();
        let mut sides = [segment.source, segment.destination];
        if answer {
            sides.reverse();
        }
        let conversation = Conversation {
            client: Some(sides[0]),
            server: Some(sides[1]),
            packet,
            from_start: segment.syn,
            ..Conversation::new(ConversationId::new(number))
        };
        Self {
            sides,
            streams: [Reassembler::new(), Reassembler::new()],
            nest: Nest::new(segment.syn),
            announced: Announced::new(conversation),
            last: packet,
            fin: None,
        }
    }

    /// Takes a segment. Says whether no more of the connection has to be read.
    fn segment(
        &mut self,
        segment: &Segment<'_>,
        packet: PacketInfo,
        options: &InspectOptions,
        shared: &mut Shared,
        sink: &mut EventSink<'_>,
    ) -> bool {
        self.last = packet;
        let side = usize::from(segment.source != self.sides[0]);
        let Self { streams, nest, .. } = self;
        let mut cx = Context::new(options, &mut self.announced, self.last, shared, sink);
        if let Some(acknowledgement) = segment.acknowledgement {
            let other = &mut streams[1 - side];
            other.acknowledge(acknowledgement, &mut |it| {
                nest.deliver(1 - side, it, &mut cx)
            });
        }
        let stream = &mut streams[side];
        let mut sequence = segment.sequence;
        if segment.syn {
            stream.open(sequence);
            sequence = sequence.wrapping_add(1);
        }
        let mut deliver = |it: Delivery<'_>| nest.deliver(side, it, &mut cx);
        stream.bytes(
            sequence,
            segment.payload,
            segment.missing,
            packet,
            &mut deliver,
        );
        if segment.fin {
            let len = segment.payload.len() as u32;
            let end = sequence.wrapping_add(len).wrapping_add(segment.missing);
            stream.close(end, packet, &mut deliver);
            self.fin.get_or_insert(side);
        }
        if segment.rst {
            let ending = Ending::Reset(self.nest.direction(side));
            self.finish(ending, options, shared, sink);
            return true;
        }
        if self.streams.iter().all(Reassembler::has_ended) {
            self.finish(Ending::Open, options, shared, sink);
            return true;
        }
        self.nest.is_ignored() && !self.announced.reported
    }

    /// Reads what is held, and reports the end.
    fn finish(
        &mut self,
        ending: Ending,
        options: &InspectOptions,
        shared: &mut Shared,
        sink: &mut EventSink<'_>,
    ) {
        let Self { streams, nest, .. } = self;
        let mut cx = Context::new(options, &mut self.announced, self.last, shared, sink);
        for side in [0, 1] {
            streams[side].finish(&mut |it| nest.deliver(side, it, &mut cx));
        }
        let fin = self.fin;
        let ending_of = |nest: &Nest| match (ending, fin) {
            (Ending::Open, Some(side)) => Ending::Fin(nest.direction(side)),
            (ending, _) => ending,
        };
        nest.finish(ending_of(nest), self.last, &mut cx);
        // Only the last bytes may tell which side is the client.
        let (ending, totals) = (ending_of(nest), nest.totals());
        cx.end(self.last, ending, totals);
    }

    fn drop_early(
        &mut self,
        options: &InspectOptions,
        shared: &mut Shared,
        sink: &mut EventSink<'_>,
    ) {
        let direction = self.nest.direction(0);
        let location = Location {
            conversation: self.announced.conversation.id,
            direction,
            offset: self.streams[0].position(),
            packet: self.last,
        };
        let mut cx = Context::new(options, &mut self.announced, self.last, shared, sink);
        cx.emit_if_known(InspectEvent::Note(location, &Note::Dropped));
        self.finish(Ending::Dropped, options, shared, sink);
    }

    fn memory(&self) -> usize {
        FLOW + self.streams[0].memory() + self.streams[1].memory() + self.nest.memory()
    }
}
