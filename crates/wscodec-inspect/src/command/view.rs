//! From events to output: filters, limits, the list of connections, files.

use std::collections::HashMap;

use super::args::Arguments;
use crate::event::{Conversation, ConversationId, InspectEvent};
use crate::filter::Filter;
use crate::har::HarWriter;
use crate::json;
use crate::lint::Lint;
use crate::pretty::pretty;
use crate::redact::Redactor;
use crate::show::Show;
use crate::stats::TrafficStats;
use crate::summary::{Summaries, Summary};
use crate::text::{self, TextStyle, TextWriter};

/// Connections whose lines have not begun.
const MAX_KNOWN: usize = 1 << 16;

/// Bytes for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Its name, as the command line or `--extract` has it.
    pub name: String,
    /// The next bytes.
    pub bytes: Vec<u8>,
    /// Whether the file has these bytes only.
    pub whole: bool,
}

pub(super) struct View {
    show: Show,
    json: bool,
    preview: usize,
    pretty: bool,
    filter: Filter,
    /// The filter picks single frames or messages, so that nothing else is of interest.
    narrow: bool,
    writer: TextWriter,
    /// Connections that were reported and not printed.
    pending: HashMap<ConversationId, Conversation>,
    summaries: Summaries,
    stats: Option<TrafficStats>,
    lint: Option<Lint>,
    redactor: Option<Redactor>,
    exports: Exports,
    strict: bool,
    /// Lines of frames or messages that may still be printed.
    left: u64,
    start: Option<i128>,
    violations: u64,
    done: bool,
    empty: bool,
}

/// The files that are written.
#[derive(Default)]
struct Exports {
    har: Option<(String, HarWriter)>,
    jsonl: Option<String>,
    folder: Option<String>,
    /// Conversations that were reported and not exported.
    pending: HashMap<ConversationId, Conversation>,
    /// Payloads that were extracted.
    count: u64,
    files: Vec<OutputFile>,
}

impl View {
    pub(super) fn new(arguments: &Arguments, preview: usize, terminal: bool) -> Self {
        let filter = arguments.filter.clone();
        Self {
            show: arguments.show,
            json: arguments.json,
            preview,
            pretty: arguments.pretty && !arguments.json,
            narrow: filter.is_narrow(),
            filter,
            writer: TextWriter::new(TextStyle {
                color: arguments.color.unwrap_or(terminal),
                width: arguments.width.filter(|_| !arguments.payloads),
                payload: preview,
                quiet: false,
            }),
            pending: HashMap::new(),
            summaries: Summaries::default(),
            stats: arguments.stats.then(TrafficStats::default),
            lint: arguments.lint.then(Lint::default),
            redactor: arguments.redact.then_some(Redactor),
            exports: Exports {
                har: arguments
                    .har
                    .clone()
                    .map(|name| (name, HarWriter::default())),
                jsonl: arguments.jsonl.clone(),
                folder: arguments.extract.clone(),
                ..Exports::default()
            },
            strict: arguments.strict,
            left: arguments.limit,
            start: None,
            violations: 0,
            done: false,
            empty: true,
        }
    }

    /// Whether nothing more has to be read.
    pub(super) fn is_done(&self) -> bool {
        let exports = self.exports.har.is_some() || self.exports.jsonl.is_some();
        let all = self.stats.is_some() || self.lint.is_some() || exports;
        self.done || self.left == 0 && !all
    }

    /// Violations of the connections that are shown.
    pub(super) fn violations(&self) -> u64 {
        self.violations
    }

    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    pub(super) fn files(&mut self) -> Vec<OutputFile> {
        core::mem::take(&mut self.exports.files)
    }

    pub(super) fn event(&mut self, event: &InspectEvent<'_>, out: &mut Vec<u8>) {
        match self.redactor {
            None => self.take(event, out),
            Some(redactor) => redactor.event(event, &mut |event| self.take(event, out)),
        }
    }

    fn take(&mut self, event: &InspectEvent<'_>, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        self.empty = false;
        if let InspectEvent::Conversation(conversation) = event {
            self.start = self.start.or(conversation.packet.time);
            if self.pending.len() < MAX_KNOWN {
                self.pending.insert(conversation.id, **conversation);
            }
            self.exports.begin(conversation);
        }
        let ended = self.summaries.event(event);
        let id = event.conversation();
        let summary = ended.as_ref().or_else(|| self.summaries.open(id));
        if !self.filter.passes_conversation(summary) {
            // Its host may not be known yet, so it stays pending.
            if ended.is_some() {
                self.pending.remove(&id);
                self.exports.pending.remove(&id);
            }
            return;
        }
        let passes = self.filter.passes(event, summary, self.start);
        if let Some(stats) = &mut self.stats {
            stats.event(event);
        }
        if let Some(lint) = &mut self.lint {
            lint.event(event);
        }
        let violations = event.violations();
        self.violations += violations;
        if passes {
            self.exports.event(event);
        }
        if self.is_shown(event, passes) {
            self.print(id, event, out);
        }
        if let Some(summary) = ended {
            self.end(&summary, out);
        }
        if violations > 0 && self.strict {
            self.done = true;
        }
    }

    fn is_shown(&mut self, event: &InspectEvent<'_>, passes: bool) -> bool {
        match event {
            InspectEvent::Conversation(_) => return false,
            InspectEvent::Frame(_) | InspectEvent::Message(_) => {}
            _ => return !self.narrow && (self.show != Show::Connections || self.json),
        }
        if !self.show.includes(event) || !passes || self.left == 0 {
            return false;
        }
        self.left -= 1;
        true
    }

    fn print(&mut self, id: ConversationId, event: &InspectEvent<'_>, out: &mut Vec<u8>) {
        if let Some(conversation) = self.pending.remove(&id) {
            self.put(&InspectEvent::Conversation(&conversation), out);
        }
        self.put(event, out);
        if !self.pretty {
            return;
        }
        let payload = match event {
            InspectEvent::Frame(frame) if frame.header.fin && frame.header.opcode < 8 => {
                frame.payload
            }
            InspectEvent::Message(message) if message.whole => message.payload,
            _ => return,
        };
        if let Some(shown) = pretty(payload) {
            for line in shown.lines() {
                out.extend_from_slice(b"    ");
                out.extend_from_slice(line.as_bytes());
                out.push(b'\n');
            }
        }
    }

    fn put(&mut self, event: &InspectEvent<'_>, out: &mut Vec<u8>) {
        match self.json {
            true => json::write(event, self.preview, out),
            false => self.writer.write(event, out),
        }
    }

    fn end(&mut self, summary: &Summary, out: &mut Vec<u8>) {
        self.pending.remove(&summary.conversation.id);
        if self.show == Show::Connections && !self.json {
            out.extend_from_slice(text::summary(summary).as_bytes());
            out.push(b'\n');
        }
    }

    /// Prints what stands at the end.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.exports.finish();
        if let Some(lint) = &self.lint {
            for finding in lint.findings() {
                match self.json {
                    true => json::write_finding(finding, out),
                    false => {
                        out.extend_from_slice(text::finding(finding).as_bytes());
                        out.push(b'\n');
                    }
                }
            }
        }
        if let Some(stats) = &self.stats {
            match self.json {
                true => json::write_stats(stats, out),
                false => out.extend_from_slice(text::stats(stats).as_bytes()),
            }
        }
    }
}

impl Exports {
    fn any(&self) -> bool {
        self.har.is_some() || self.jsonl.is_some()
    }

    /// A conversation begins, and nobody knows whether it is exported.
    fn begin(&mut self, conversation: &Conversation) {
        if self.any() && self.pending.len() < MAX_KNOWN {
            self.pending.insert(conversation.id, *conversation);
        }
    }

    /// An event that passed the filter.
    fn event(&mut self, event: &InspectEvent<'_>) {
        if matches!(event, InspectEvent::Conversation(_)) {
            return;
        }
        let first = self.pending.remove(&event.conversation());
        let begin = first.as_ref().map(InspectEvent::Conversation);
        if let Some((_, har)) = &mut self.har {
            let mut bytes = Vec::new();
            for event in begin.iter().chain([event]) {
                har.event(event, &mut bytes);
            }
            let name = self.har.as_ref().map(|(name, _)| name.clone());
            self.append(name, bytes);
        }
        if self.jsonl.is_some() {
            let mut bytes = Vec::new();
            for event in begin.iter().chain([event]) {
                json::write(event, usize::MAX, &mut bytes);
            }
            self.append(self.jsonl.clone(), bytes);
        }
        if let (Some(folder), InspectEvent::Message(message)) = (&self.folder, event) {
            self.count += 1;
            let ending = match message.kind {
                Some(wscodec::message::Kind::Text) => "txt",
                _ => "bin",
            };
            let name = format!(
                "{folder}/{:06}-{}-{}.{ending}",
                self.count,
                message.location.conversation,
                message.location.direction.name()
            );
            self.files.push(OutputFile {
                name,
                bytes: message.payload.to_vec(),
                whole: true,
            });
        }
    }

    fn finish(&mut self) {
        if let Some((name, mut har)) = self.har.take() {
            let mut bytes = Vec::new();
            har.finish(&mut bytes);
            self.append(Some(name), bytes);
        }
        // A file without lines exists all the same.
        self.files.extend(self.jsonl.take().map(|name| OutputFile {
            name,
            bytes: Vec::new(),
            whole: false,
        }));
    }

    fn append(&mut self, name: Option<String>, bytes: Vec<u8>) {
        let Some(name) = name.filter(|_| !bytes.is_empty()) else {
            return;
        };
        match self.files.iter_mut().find(|file| file.name == name) {
            Some(file) if !file.whole => file.bytes.extend_from_slice(&bytes),
            _ => self.files.push(OutputFile {
                name,
                bytes,
                whole: false,
            }),
        }
    }
}
