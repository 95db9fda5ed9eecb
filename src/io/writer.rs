//! A message as a `Write`.

use alloc::vec::Vec;
use core::{fmt, mem};
use std::io::{self, Write};

use super::Error;
use crate::message::Kind;
use crate::session::{Appended, Output};

/// Writes one message, in as many fragments as it takes: a fragment for each
/// [`ConnectionOptions::fragment`](super::ConnectionOptions::fragment) bytes, and one for each `flush`. A message that
/// is short enough goes as a whole, in one frame.
///
/// [`finish`](Self::finish) ends the message. One that is dropped before that stays unfinished, so
/// that the peer can't take it for whole: nothing but a close frame can be sent after it, unless
/// nothing of it had been sent.
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
    /// The bytes of the next fragment, `part.len() <= fragment`; the sink's, to be given back.
    part: Vec<u8>,
    fragment: usize,
}

/// Which frame of a message.
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

/// Where a message's frames go.
pub(super) trait Sink {
    /// A buffer for parts, and the most that a fragment holds.
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

    /// Ends the message, and writes it out.
    ///
    /// # Errors
    /// As for the methods `send` and `flush` of an [`Outbox`](super::Outbox).
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

    /// Sends what was written so far, as a fragment if it is any.
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
