//! The recording: a capture, or a HAR file.

use std::fs::File;
use std::io::{self, Write};

use wscodec_inspect::har::HarWriter;
use wscodec_inspect::record::begin;
use wscodec_inspect::redact::Redactor;
use wscodec_inspect::{InspectEvent, InspectOptions, Inspector};

use super::watch::{Packets, Watch};
use crate::Failure;
use crate::args::{is_har, unusable};
use wscodec_inspect::safe::safe;

/// Bytes of a message in a HAR file.
const MESSAGE: usize = 64 << 20;

/// A file that is written.
pub(super) struct Recording {
    name: String,
    file: Box<dyn Write + Send>,
    har: Option<Har>,
}

struct Har {
    inspector: Inspector,
    writer: HarWriter,
    redactor: Option<Redactor>,
}

impl Recording {
    /// Makes the file.
    pub(super) fn new(name: &str, redact: bool) -> Result<Self, Failure> {
        let file: Box<dyn Write + Send> = match name {
            "-" => Box::new(io::stdout()),
            _ => Box::new(File::create(name).map_err(|error| {
                let why = format!("can't write {}: {error}", safe(name.as_bytes()));
                unusable("tap", why)
            })?),
        };
        let har = is_har(name).then(|| Har {
            inspector: Inspector::new(InspectOptions {
                frames: false,
                payload: MESSAGE,
                ..InspectOptions::default()
            }),
            writer: HarWriter::default(),
            redactor: redact.then_some(Redactor),
        });
        Ok(Self {
            name: name.to_owned(),
            file,
            har,
        })
    }

    /// Writes the entries of a lane until its end, or until the file can't be written.
    pub(super) fn run(mut self, watch: &Watch, lane: usize) -> Result<(), Failure> {
        let result = self.until_end(watch, lane);
        watch.leave(lane);
        result.map_err(|error| match error.kind() {
            // The reader of standard output has enough.
            io::ErrorKind::BrokenPipe => Failure::Status(0),
            _ => {
                let name = safe(self.name.as_bytes());
                Failure::Run(format!("the recording {name} can't be written: {error}"))
            }
        })
    }

    fn until_end(&mut self, watch: &Watch, lane: usize) -> io::Result<()> {
        let mut packets = Packets::default();
        let mut capture = Vec::new();
        begin(&mut capture);
        self.put(&mut capture)?;
        while let Some(entries) = watch.take(lane) {
            for entry in &entries {
                packets.put(entry, &mut capture);
                if capture.len() >= crate::inspect::OUTPUT {
                    self.put(&mut capture)?;
                }
            }
            self.put(&mut capture)?;
            self.file.flush()?;
        }
        if let Some(har) = &mut self.har {
            let mut out = Vec::new();
            har.finish(&mut out);
            self.file.write_all(&out)?;
        }
        self.file.flush()
    }

    fn put(&mut self, capture: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.har {
            None => self.file.write_all(capture)?,
            Some(har) => {
                let mut out = Vec::new();
                har.push(capture, &mut out);
                self.file.write_all(&out)?;
            }
        }
        capture.clear();
        Ok(())
    }
}

impl Har {
    fn push(&mut self, capture: &[u8], out: &mut Vec<u8>) {
        let Self {
            inspector,
            writer,
            redactor,
        } = self;
        let sink = &mut |event: InspectEvent<'_>| put(*redactor, writer, &event, out);
        // The capture is of our own making.
        let _ = inspector.push(capture, sink);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let Self {
            inspector,
            writer,
            redactor,
        } = self;
        let sink = &mut |event: InspectEvent<'_>| put(*redactor, writer, &event, out);
        let _ = inspector.finish(sink);
        writer.finish(out);
    }
}

fn put(
    redactor: Option<Redactor>,
    writer: &mut HarWriter,
    event: &InspectEvent<'_>,
    out: &mut Vec<u8>,
) {
    match redactor {
        None => writer.event(event, out),
        Some(redactor) => redactor.event(event, &mut |event| writer.event(event, out)),
    }
}
