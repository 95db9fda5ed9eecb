//! The inspector page: events are kept, and rows, connections and figures are given back as JSON. The host
//! is the worker in `js/src/page/worker`.

use crate::address;
use wasm_bindgen::prelude::wasm_bindgen;
use wscodec::deflate::AgreedDeflate;
use wscodec_inspect::event::InspectEvent;
use wscodec_inspect::filter::Filter;
use wscodec_inspect::lint::Lint;
use wscodec_inspect::pretty::pretty;
use wscodec_inspect::show::Show;
use wscodec_inspect::stats::TrafficStats;
use wscodec_inspect::store::{EventStore, RowList, StoreLimits};
use wscodec_inspect::{ConversationStart, FilesInspector, FilesOptions, InspectOptions, json};

/// Bytes of a payload that are read where all of it is asked for, as by the command.
const WHOLE: usize = 64 << 20;

/// Raw files have frames only; if the second number, permessage-deflate was agreed on.
const FRAMES: u8 = 1;
const FRAMES_DEFLATE: u8 = 2;

fn files(names: Vec<String>, start: u8, payload: usize) -> FilesInspector {
    let start = match start {
        FRAMES => ConversationStart::Frames(None),
        FRAMES_DEFLATE => ConversationStart::Frames(Some(AgreedDeflate::default())),
        _ => ConversationStart::Handshake,
    };
    let inspect = InspectOptions {
        payload,
        compressed: payload,
        ..InspectOptions::default()
    };
    let options = FilesOptions {
        inspect,
        start,
        first: None,
    };
    FilesInspector::new(names, options)
}

/// Inspects files and keeps what it finds.
#[wasm_bindgen]
pub struct PageInspector {
    files: FilesInspector,
    store: EventStore,
    lint: Lint,
    stats: TrafficStats,
    list: RowList,
    out: Vec<u8>,
}

#[wasm_bindgen]
impl PageInspector {
    /// For the files with these names. `start` is how raw files begin. `payload` is how many bytes of each
    /// payload are kept, `payloads` of all payloads, and `memory` of all rows.
    #[wasm_bindgen(constructor)]
    pub fn new(
        names: Vec<String>,
        start: u8,
        payload: usize,
        payloads: usize,
        memory: usize,
    ) -> Self {
        Self {
            files: files(names, start, payload),
            store: EventStore::new(StoreLimits { payloads, memory }),
            lint: Lint::default(),
            stats: TrafficStats::default(),
            list: RowList::default(),
            out: Vec::new(),
        }
    }

    /// Takes TLS keys, as the lines of an `SSLKEYLOGFILE`.
    pub fn keys(&mut self, bytes: &[u8]) {
        self.files.keys(bytes);
    }

    /// The index of the file to read from next; `None` if all files are read.
    pub fn wants(&self) -> Option<usize> {
        self.files.wants()
    }

    /// The next bytes of a file.
    pub fn push(&mut self, file: usize, bytes: &[u8]) {
        let (files, mut sink) = self.parts();
        files.push(file, bytes, &mut sink);
    }

    /// A file is at its end.
    pub fn end(&mut self, file: usize) {
        let (files, mut sink) = self.parts();
        files.end(file, &mut sink);
    }

    /// A file can't be read, for this reason.
    pub fn fail(&mut self, file: usize, why: &str) {
        self.files.fail(file, why);
    }

    /// All files are read.
    pub fn finish(&mut self) {
        let (files, mut sink) = self.parts();
        files.finish(&mut sink);
    }

    fn parts(&mut self) -> (&mut FilesInspector, impl FnMut(InspectEvent<'_>)) {
        let Self {
            files,
            store,
            lint,
            stats,
            ..
        } = self;
        let sink = move |event: InspectEvent<'_>| {
            store.event(&event);
            lint.event(&event);
            stats.event(&event);
        };
        (files, sink)
    }

    /// Takes the sentences about files that can't be read.
    pub fn complaints(&mut self) -> Vec<String> {
        self.files.complaints()
    }

    /// Rows of the store.
    pub fn rows(&self) -> usize {
        self.store.len()
    }

    /// Rows that were not kept.
    pub fn dropped(&self) -> f64 {
        self.store.dropped() as f64
    }

    /// Rows of which only the beginning of the payload is kept.
    pub fn shortened(&self) -> f64 {
        self.store.shortened() as f64
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.store.conversations().len()
    }

    /// The start of the first connection, in milliseconds since 1970.
    pub fn start(&self) -> Option<f64> {
        self.store.start().map(|start| start as f64 / 1e6)
    }

    /// Begins a new list: of messages instead of frames, with the rows that pass all of these filters.
    ///
    /// # Errors
    /// A sentence with the place in the filter that is wrong.
    pub fn select(&mut self, messages: bool, filters: Vec<String>) -> Result<(), String> {
        let mut all = Filter::default();
        for text in filters {
            all = all.and(Filter::parse(&text).map_err(|error| error.to_string())?);
        }
        let show = if messages {
            Show::Messages
        } else {
            Show::Frames
        };
        self.list = RowList::new(show, all);
        Ok(())
    }

    /// Narrows the list to a range of time in seconds since the start; NaN widens it to all times.
    pub fn range(&mut self, from: f64, to: f64) {
        let range = (!from.is_nan()).then_some((from, to));
        self.list.set_range(&self.store, range);
    }

    /// Looks at up to so many rows more for the list. Returns whether no row is left.
    pub fn extend(&mut self, most: usize) -> bool {
        self.list.extend(&self.store, most)
    }

    /// Rows of the list so far.
    pub fn length(&self) -> usize {
        self.list.len()
    }

    /// Rows of the store that were looked at for the list.
    pub fn scanned(&self) -> usize {
        self.list.scanned()
    }

    /// The place in the list of the row with this number, or of the next one behind it.
    pub fn position(&self, row: usize) -> usize {
        self.list.position(row)
    }

    /// The rows at these places of the list, as a JSON array of pairs: the seconds since the frame before or
    /// null, and the row.
    pub fn slice(&mut self, from: usize, to: usize) {
        let Self {
            store, list, out, ..
        } = self;
        out.push(b'[');
        for index in from..to.min(list.len()) {
            let Some(row) = list.row(index) else { break };
            out.extend_from_slice(if index > from { b",[" } else { b"[" });
            match list.gap(store, index) {
                Some(gap) => out.extend_from_slice(gap.to_string().as_bytes()),
                None => out.extend_from_slice(b"null"),
            }
            out.push(b',');
            store.row(row, out);
            out.push(b']');
        }
        out.push(b']');
    }

    /// The connections with these indices, as a JSON array of objects.
    #[wasm_bindgen(js_name = connectionSlice)]
    pub fn connection_slice(&mut self, from: usize, to: usize) {
        self.out.push(b'[');
        for index in from..to.min(self.store.conversations().len()) {
            if index > from {
                self.out.push(b',');
            }
            self.store.conversation_row(index, &mut self.out);
        }
        self.out.push(b']');
    }

    /// The index of the connection of a row.
    #[wasm_bindgen(js_name = connectionOf)]
    pub fn connection_of(&self, row: usize) -> Option<usize> {
        self.store.conversation(row)
    }

    /// The JSON lines of a row, with at most so many bytes of its payload.
    pub fn json(&mut self, row: usize, most: usize) {
        self.store.json(row, most, &mut self.out);
    }

    /// The payload of a row with one member of its JSON or MessagePack in each line; `None` if it is neither.
    pub fn layout(&mut self, row: usize) -> Option<String> {
        let mut payload = Vec::new();
        self.store.payload(row, false, &mut payload);
        pretty(&payload)
    }

    /// The bytes of the header of a row's frame.
    pub fn header(&mut self, row: usize) {
        self.store.header(row, &mut self.out);
    }

    /// The payload of a row as far as it is kept, or its bytes before they were inflated.
    pub fn payload(&mut self, row: usize, compressed: bool) {
        self.store.payload(row, compressed, &mut self.out);
    }

    /// The findings so far, as JSON lines.
    pub fn findings(&mut self) {
        for finding in self.lint.findings() {
            json::write_finding(finding, &mut self.out);
        }
    }

    /// The figures so far, as a JSON line.
    pub fn figures(&mut self) {
        json::write_stats(&self.stats, &mut self.out);
    }

    /// The rows that pass the filter by time: the beginning and the end in seconds, then three counts for
    /// each interval. NaN stands for all times.
    pub fn histogram(&self, count: usize, from: f64, to: f64) -> Vec<f64> {
        let range = (!from.is_nan()).then_some((from, to));
        let found = self.list.histogram(&self.store, count, range);
        let counts = found.counts.iter().flatten().map(|&it| f64::from(it));
        [found.from, found.to].into_iter().chain(counts).collect()
    }

    /// Where the output lies in the module's memory.
    pub fn address(&self) -> u32 {
        address(&self.out)
    }

    /// Bytes of output.
    #[wasm_bindgen(js_name = outLength)]
    pub fn out_length(&self) -> usize {
        self.out.len()
    }

    /// Drops the output, which the host has copied, and keeps its memory.
    pub fn clear(&mut self) {
        self.out.clear();
    }
}

/// Reads files a second time up to a row, for the whole of its payload.
#[wasm_bindgen]
pub struct PayloadReader {
    files: FilesInspector,
    wanted: usize,
    seen: usize,
    payload: Option<Vec<u8>>,
    compressed: Vec<u8>,
    lines: Vec<u8>,
}

#[wasm_bindgen]
impl PayloadReader {
    /// For a row of a [`PageInspector`] with these files.
    #[wasm_bindgen(constructor)]
    pub fn new(names: Vec<String>, start: u8, row: usize) -> Self {
        Self {
            files: files(names, start, WHOLE),
            wanted: row,
            seen: 0,
            payload: None,
            compressed: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Takes TLS keys, as the lines of an `SSLKEYLOGFILE`.
    pub fn keys(&mut self, bytes: &[u8]) {
        self.files.keys(bytes);
    }

    /// The index of the file to read from next; `None` if the row was found or all files are read.
    pub fn wants(&self) -> Option<usize> {
        match self.payload {
            Some(_) => None,
            None => self.files.wants(),
        }
    }

    /// The next bytes of a file.
    pub fn push(&mut self, file: usize, bytes: &[u8]) {
        let (files, mut sink) = self.parts();
        files.push(file, bytes, &mut sink);
    }

    /// A file is at its end.
    pub fn end(&mut self, file: usize) {
        let (files, mut sink) = self.parts();
        files.end(file, &mut sink);
    }

    /// All files are read.
    pub fn finish(&mut self) {
        let (files, mut sink) = self.parts();
        files.finish(&mut sink);
    }

    fn parts(&mut self) -> (&mut FilesInspector, impl FnMut(InspectEvent<'_>)) {
        let Self {
            files,
            wanted,
            seen,
            payload,
            compressed,
            lines,
        } = self;
        let sink = move |event: InspectEvent<'_>| {
            if matches!(event, InspectEvent::Conversation(_)) {
                return;
            }
            if seen == wanted {
                match &event {
                    InspectEvent::Frame(frame) => {
                        *payload = Some(frame.payload.to_vec());
                        *compressed = frame.compressed.to_vec();
                    }
                    InspectEvent::Message(message) => *payload = Some(message.payload.to_vec()),
                    _ => {}
                }
                json::write(&event, usize::MAX, lines);
            }
            *seen += 1;
        };
        (files, sink)
    }

    /// The payload of the row, if it was found; `compressed` asks for the bytes before they were inflated.
    pub fn payload(&self, compressed: bool) -> Option<Vec<u8>> {
        match compressed {
            true => Some(self.compressed.clone()),
            false => self.payload.clone(),
        }
    }

    /// The JSON lines of the row.
    pub fn json(&self) -> String {
        String::from_utf8_lossy(&self.lines).into_owned()
    }

    /// The payload with one member of its JSON or MessagePack in each line.
    pub fn layout(&self) -> Option<String> {
        pretty(self.payload.as_deref()?)
    }
}
