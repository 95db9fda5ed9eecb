//! The store: rows, each with its record, and conversations.

use std::collections::HashMap;

use wscodec::ErrorKind;

use crate::event::{
    Conversation, ConversationEnd, ConversationId, Direction, InspectEvent, PacketInfo,
};
use crate::json;
use crate::show::Show;
use crate::summary::{Summaries, Summary};

use super::kind::RowKind;
use super::limits::StoreLimits;
use super::{record, words};

/// Rows of a chunk.
const CHUNK_ROWS: usize = 8192;

/// Bytes of a chunk from which on another one is begun.
const CHUNK_BYTES: usize = 4 << 20;

/// Bytes of a payload that are kept if the limit for payloads is reached.
const BEGINNING: usize = 64;

/// A row, without its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Nanoseconds since the start; [`NEVER`] if the source does not say.
    pub(super) time: i64,
    /// The index of its conversation.
    pub(super) conversation: u32,
    /// Where its record begins in the chunk.
    pub(super) at: u32,
    pub(super) kind: RowKind,
    pub(super) direction: Option<Direction>,
    /// Whether it has a line among frames, and among messages.
    pub(super) frames: bool,
    pub(super) messages: bool,
    pub(super) faulty: bool,
}

/// No time.
pub(super) const NEVER: i64 = i64::MIN;

/// Rows one behind the other.
#[derive(Debug, Default)]
struct Chunk {
    /// The number of the first row.
    first: usize,
    rows: Vec<Row>,
    records: Vec<u8>,
}

/// A conversation of the store.
#[derive(Clone, Debug)]
pub struct StoredConversation {
    /// Its summary. The totals are complete at its end.
    pub summary: Summary,
    /// Messages and their bytes after decompression so far, in each direction.
    pub messages: [u64; 2],
    /// Bytes of them.
    pub bytes: [u64; 2],
    /// Rules that were broken so far.
    pub violations: u64,
    /// Its first row.
    pub row: Option<usize>,
    /// The packet of the last event so far.
    pub last: PacketInfo,
}

/// Keeps events. See the module [`store`](crate::store).
#[derive(Debug, Default)]
pub struct EventStore {
    limits: StoreLimits,
    chunks: Vec<Chunk>,
    rows: usize,
    conversations: Vec<StoredConversation>,
    indices: HashMap<ConversationId, u32>,
    summaries: Summaries,
    start: Option<i128>,
    errors: Vec<ErrorKind>,
    payloads: usize,
    memory: usize,
    shortened: u64,
    dropped: u64,
    /// The last frame of each direction, of which a message may have the payload.
    last_frame: [Option<usize>; 2],
}

impl EventStore {
    /// An empty store.
    pub fn new(limits: StoreLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes the next event of the inspection.
    pub fn event(&mut self, event: &InspectEvent<'_>) {
        if let InspectEvent::Conversation(conversation) = event {
            self.begin(conversation);
        }
        let ended = self.summaries.event(event);
        let id = event.conversation();
        let Some(&index) = self.indices.get(&id) else {
            self.dropped += 1;
            return;
        };
        let open = self.summaries.open(id);
        let stored = &mut self.conversations[index as usize];
        match (event, ended, open) {
            (_, Some(summary), _) => stored.summary = summary,
            (InspectEvent::Handshake(_), _, Some(summary)) => stored.summary = summary.clone(),
            _ => {}
        }
        if event.packet() != PacketInfo::default() {
            stored.last = event.packet();
        }
        stored.violations += event.violations();
        if let InspectEvent::Message(message) = event {
            let side = message.location.direction.index();
            stored.messages[side] += u64::from(message.finished);
            stored.bytes[side] += message.total();
        }
        match event {
            InspectEvent::Conversation(_) => {}
            _ if self.memory >= self.limits.memory => self.dropped += 1,
            _ => self.add(event, index),
        }
        if let InspectEvent::End(ConversationEnd { .. }) = event {
            self.indices.remove(&id);
        }
    }

    fn begin(&mut self, conversation: &Conversation) {
        self.start = self.start.or(conversation.packet.time);
        if self.memory >= self.limits.memory {
            return;
        }
        let index = self.conversations.len() as u32;
        self.indices.insert(conversation.id, index);
        self.memory += size_of::<StoredConversation>();
        self.conversations.push(StoredConversation {
            summary: Summary::new(*conversation),
            messages: [0; 2],
            bytes: [0; 2],
            violations: 0,
            row: None,
            last: conversation.packet,
        });
    }

    fn add(&mut self, event: &InspectEvent<'_>, conversation: u32) {
        let number = self.rows;
        if self
            .chunks
            .last()
            .is_none_or(|it| it.rows.len() >= CHUNK_ROWS || it.records.len() >= CHUNK_BYTES)
        {
            if let Some(chunk) = self.chunks.last_mut() {
                chunk.records.shrink_to_fit();
                chunk.rows.shrink_to_fit();
            }
            self.chunks.push(Chunk {
                first: number,
                ..Chunk::default()
            });
        }
        let packet = event.packet();
        let time = packet.time.zip(self.start).map(|(it, start)| it - start);
        let time = time.and_then(|it| i64::try_from(it).ok()).unwrap_or(NEVER);
        let mut record = self
            .chunks
            .last_mut()
            .map(|it| core::mem::take(&mut it.records));
        let records = record.get_or_insert_default();
        let at = records.len();
        let kind = self.encode(event, conversation, number, time, records);
        let len = records.len() - at;
        if let (Some(chunk), Some(records)) = (self.chunks.last_mut(), record) {
            chunk.records = records;
            chunk.rows.push(Row {
                time,
                conversation,
                at: at as u32,
                kind,
                direction: event.direction(),
                frames: Show::Frames.includes(event),
                messages: Show::Messages.includes(event),
                faulty: event.violations() > 0,
            });
        }
        self.memory += size_of::<Row>() + len;
        self.rows += 1;
        self.conversations[conversation as usize]
            .row
            .get_or_insert(number);
    }

    /// Appends the record of an event.
    fn encode(
        &mut self,
        event: &InspectEvent<'_>,
        conversation: u32,
        number: usize,
        time: i64,
        out: &mut Vec<u8>,
    ) -> RowKind {
        let begin = out.len();
        match event {
            InspectEvent::Frame(frame) => {
                let kept = self.kept(frame.payload.len() + frame.compressed.len());
                record::put_frame(frame, kept, self.base(time), &mut self.errors, out);
                self.last_frame[frame.location.direction.index()] = Some(number);
                self.payloads += out.len() - begin;
                RowKind::Frame
            }
            InspectEvent::Message(message) => {
                let side = message.location.direction.index();
                let same = self.last_frame[side].filter(|&frame| {
                    let row = self.find(frame, out);
                    row.is_some_and(|(row, bytes)| {
                        row.conversation == conversation
                            && record::payload_of_frame(bytes) == message.payload
                    })
                });
                let same = same.map(|frame| number - frame);
                let kept = match same {
                    Some(_) => 0,
                    None => self.kept(message.payload.len()),
                };
                record::put_message(message, same, kept, self.base(time), out);
                self.payloads += out.len() - begin;
                RowKind::Message
            }
            InspectEvent::Handshake(_) => {
                words::put_text(event, out);
                RowKind::Handshake
            }
            InspectEvent::Violation(..) => {
                words::put_text(event, out);
                RowKind::Violation
            }
            InspectEvent::Note(..) => {
                words::put_text(event, out);
                RowKind::Note
            }
            InspectEvent::Conversation(_) | InspectEvent::End(_) => {
                words::put_text(event, out);
                RowKind::End
            }
        }
    }

    /// Bytes that are kept of a payload of this length.
    fn kept(&mut self, len: usize) -> usize {
        if self.payloads + len <= self.limits.payloads {
            return usize::MAX;
        }
        self.shortened += u64::from(len > BEGINNING);
        BEGINNING
    }

    /// The time that a record's times are relative to.
    fn base(&self, time: i64) -> Option<i128> {
        match time {
            NEVER => None,
            _ => self.start.map(|start| start + i128::from(time)),
        }
    }

    /// Rows so far.
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Rows that were not kept, to keep to the limit of memory.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Rows of which only the beginning of the payload is kept.
    pub const fn shortened(&self) -> u64 {
        self.shortened
    }

    /// Bytes of memory held, as far as they are counted.
    pub const fn memory(&self) -> usize {
        self.memory
    }

    /// The time that `time` counts from: that of the first packet of the first conversation, in
    /// nanoseconds since 1970.
    pub const fn start(&self) -> Option<i128> {
        self.start
    }

    /// The conversations, in the order in which they were reported.
    pub fn conversations(&self) -> &[StoredConversation] {
        &self.conversations
    }

    /// The index of the conversation of a row.
    pub fn conversation(&self, row: usize) -> Option<usize> {
        Some(self.find(row, &[])?.0.conversation as usize)
    }

    /// The kind of a row.
    pub fn kind(&self, row: usize) -> Option<RowKind> {
        Some(self.find(row, &[])?.0.kind)
    }

    /// The frame or message of a row. `false` if the row has another event.
    pub fn with(&self, row: usize, take: &mut dyn FnMut(&InspectEvent<'_>)) -> bool {
        let Some((found, bytes)) = self.find(row, &[]) else {
            return false;
        };
        let id = self.conversations[found.conversation as usize]
            .summary
            .conversation
            .id;
        let base = self.base(found.time);
        match found.kind {
            RowKind::Frame => {
                record::with_frame(bytes, id, base, &self.errors, &mut |frame| {
                    take(&InspectEvent::Frame(frame));
                });
                true
            }
            RowKind::Message => {
                let shared = |back: usize| {
                    let (_, bytes) = self.find(row - back, &[])?;
                    Some(record::payload_of_frame(bytes))
                };
                record::with_message(bytes, id, base, &shared, &mut |message| {
                    take(&InspectEvent::Message(message));
                });
                true
            }
            _ => false,
        }
    }

    /// Appends the [JSON lines](crate::json::write) of a row, with at most so many bytes of the payload.
    pub fn json(&self, row: usize, most: usize, out: &mut Vec<u8>) {
        if !self.with(row, &mut |event| json::write(event, most, out))
            && let Some((_, bytes)) = self.find(row, &[])
        {
            out.extend_from_slice(record::text(bytes).1);
        }
    }

    /// The row and its record. While a record is added, the chunk's records are in `open`.
    pub(super) fn find<'a>(&'a self, row: usize, open: &'a [u8]) -> Option<(&'a Row, &'a [u8])> {
        let behind = self.chunks.partition_point(|chunk| chunk.first <= row);
        let chunk = self.chunks.get(behind.checked_sub(1)?)?;
        let found = chunk.rows.get(row - chunk.first)?;
        let records = match chunk.records.is_empty() {
            true => open,
            false => &chunk.records,
        };
        Some((found, records.get(found.at as usize..)?))
    }
}
