//! Writes a message through the standard library's `Write`.

use alloc::vec::Vec;
use core::{fmt, mem};
use std::io::{self, Write};

use super::Error;
use crate::message::Kind;
use crate::session::{Appended, Output};

/// Writes one message in fragments: one for each
/// [`ConnectionOptions::fragment`](super::ConnectionOptions::fragment) bytes, and one for each
/// `flush`. A short message is sent in one frame.
///
/// [`finish`](Self::finish) ends the message. If the writer is dropped before that, the message stays
/// unfinished, so that the peer cannot take it for a complete message. Only a close frame can be sent
/// then, unless no fragment was sent yet.
///
/// ```no_run
/// use wscodec::io::Connector;
/// use wscodec::message::Kind;
///
/// let mut ws = Connector::DEFAULT.connect("ws://127.0.0.1:9001/")?;
/// let mut writer = ws.writer(Kind::Text);
/// serde_json::to_writer(&mut writer, &["any", "value"]).map_err(std::io::Error::from)?;
/// writer.finish()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a message that is not finished is not sent"]
pub struct MessageWriter<'a> {
    sink: &'a mut dyn Sink,
    kind: Kind,
    begun: bool,
    /// The bytes of the next fragment; `part.len() <= fragment`. The buffer belongs to the sink and
    /// returns to it.
    part: Vec<u8>,
    fragment: usize,
}

/// The position of a frame in a message.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Whole(Kind),
    First(Kind),
    Next,
    Last,
}

impl Step {
    /// Sends this frame of a message.
    pub(super) fn send<T: Output<Error = Error>>(
        self,
        part: &[u8],
        output: &mut T,
    ) -> Result<(), Error> {
        let what = match self {
            Self::Whole(_) => Appended::Message(part.len()),
            Self::First(_) | Self::Next => Appended::Fragment(part.len()),
            Self::Last => Appended::Last(part.len()),
        };
        output.append(what, |sender, out| match self {
            Self::Whole(kind) => sender.send(kind, part, out),
            Self::First(kind) => sender.begin(kind, part, out),
            Self::Next => sender.more(part, out),
            Self::Last => sender.finish(part, out),
        })
    }
}

/// The destination of the frames of a message.
pub(super) trait Sink {
    /// Returns a buffer for fragments, and the largest size of a fragment.
    fn borrow(&mut self) -> (Vec<u8>, usize);
    fn give_back(&mut self, part: Vec<u8>);
    fn frame(&mut self, step: Step, part: &[u8]) -> Result<(), Error>;
    fn write_out(&mut self) -> Result<(), Error>;
}

impl<'a> MessageWriter<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, kind: Kind) -> Self {
        let (part, fragment) = sink.borrow();
        Self {
            sink,
            kind,
            begun: false,
            part,
            fragment,
        }
    }

    /// Ends the message, and writes the queue.
    ///
    /// # Errors
    /// The errors of the methods `send` and `flush` of an [`Outbox`](super::Outbox).
    pub fn finish(self) -> Result<(), Error> {
        let step = match self.begun {
            true => Step::Last,
            false => Step::Whole(self.kind),
        };
        self.sink.frame(step, &self.part)?;
        self.sink.write_out()
    }

    fn next(&mut self) -> Result<(), Error> {
        let step = match self.begun {
            true => Step::Next,
            false => Step::First(self.kind),
        };
        self.begun = true;
        let sent = self.sink.frame(step, &self.part);
        self.part.clear();
        sent
    }
}

impl Drop for MessageWriter<'_> {
    fn drop(&mut self) {
        let mut part = mem::take(&mut self.part);
        part.clear();
        self.sink.give_back(part);
    }
}

impl Write for MessageWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() >= self.fragment {
            self.next()?;
        }
        let n = bytes.len().min(self.fragment - self.part.len());
        self.part.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    /// Sends the bytes that were written so far as a fragment, if there are any.
    fn flush(&mut self) -> io::Result<()> {
        if !self.part.is_empty() {
            self.next()?;
        }
        Ok(self.sink.write_out()?)
    }
}

impl fmt::Debug for MessageWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageWriter")
            .field("kind", &self.kind)
            .field("begun", &self.begun)
            .field("waiting", &self.part.len())
            .finish()
    }
}
