//! What `wscodec connect` does with a connection: standard input goes out, messages are printed.
//!
//! A line that is not UTF-8 can't be a text message (RFC 6455 §5.6). It ends the run with an error,
//! and no line after it is sent: a pipeline that loses a line in the middle must not succeed.

use std::io::{self, Write};
use std::time::Duration;

use wscodec::CloseCode;
use wscodec::handshake::UpgradeResponse;
use wscodec::message::Kind;
use wscodec::session::Event;
use wscodec_server::client::{Line, Talk};

use crate::json::{self, Asked};
use crate::out::{say, unwritable};
use wscodec_inspect::safe::safe;

/// Bytes of a fragment, where the whole input is one message.
const FRAGMENT: usize = 64 << 10;

/// How the input is cut into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Each line is a text message.
    TextLines,
    /// Each line is a binary message.
    BinaryLines,
    /// The input is one binary message. Empty, it is none.
    Whole,
    /// Each line is a JSON object, and so is each line of the output.
    Json,
}

/// The reaction to the end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// The connection is closed.
    Close,
    /// It is closed after that time.
    Wait(Duration),
    /// It stays open until the server closes it, or a signal comes.
    Stay,
}

/// The user's side of a connection.
#[derive(Debug)]
pub(crate) struct Conversation {
    cut: Cut,
    at_end: AtEnd,
    /// Print one message a line, and escape what a terminal acts upon.
    escape: bool,
    verbose: bool,
    /// The beginning of a line or of a fragment.
    begun: Vec<u8>,
    /// Lines that were taken from the input.
    lines: u64,
    /// The first fragment of the only message was sent.
    in_message: bool,
    /// Standard output takes no more: its reader has enough, or it has failed.
    gone: bool,
    /// The run ends before the end of the input, as the user wants it.
    pub(crate) cut_short: bool,
    /// The client has closed the connection by itself.
    pub(crate) closed: bool,
    /// A message could not be sent, as the connection was closing.
    pub(crate) unsent: bool,
    /// Why the run has failed.
    pub(crate) failed: Option<String>,
}

impl Conversation {
    pub(crate) fn new(cut: Cut, at_end: AtEnd, escape: bool, verbose: bool) -> Self {
        Self {
            cut,
            at_end,
            escape,
            verbose,
            begun: Vec::new(),
            lines: 0,
            in_message: false,
            gone: false,
            cut_short: false,
            closed: false,
            unsent: false,
            failed: None,
        }
    }

    /// Takes bytes of the input that end lines, or don't.
    fn lines(&mut self, mut rest: &[u8], line: &mut Line<'_>) {
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (whole, behind) = rest.split_at(end);
            rest = &behind[1..];
            if self.begun.is_empty() {
                self.send_line(whole, line);
            } else {
                let mut begun = std::mem::take(&mut self.begun);
                begun.extend_from_slice(whole);
                self.send_line(&begun, line);
                begun.clear();
                self.begun = begun;
            }
        }
        self.begun.extend_from_slice(rest);
    }

    fn send_line(&mut self, bytes: &[u8], line: &mut Line<'_>) {
        if self.failed.is_some() {
            return;
        }
        self.lines += 1;
        let sent = match self.cut {
            Cut::TextLines => {
                let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
                match std::str::from_utf8(bytes) {
                    Ok(text) => line.outbox.text(text),
                    Err(_) => {
                        let number = self.lines;
                        self.fail(
                            format!(
                                "line {number} of standard input is not UTF-8: it was not sent, \
                                 and no line after it; --binary-lines sends lines as binary \
                                 messages, --binary all of the input as one"
                            ),
                            line,
                        );
                        return;
                    }
                }
            }
            Cut::BinaryLines | Cut::Whole => line.outbox.binary(bytes),
            Cut::Json => match json::read(bytes) {
                Ok(asked) => {
                    self.closed |= matches!(asked, Asked::Close(_));
                    ask(asked, line)
                }
                Err(why) => {
                    let number = self.lines;
                    let why =
                        format!("line {number} of standard input {why}: no line after it was sent");
                    return self.fail(why, line);
                }
            },
        };
        // It fails only if the connection is closing.
        self.unsent |= sent.is_err();
    }

    /// Takes bytes of the only message. It goes in fragments, so that neither its length has to be
    /// known nor its bytes to be held.
    fn part(&mut self, bytes: &[u8], line: &mut Line<'_>) {
        if self.begun.len() + bytes.len() > FRAGMENT {
            let sent = match self.in_message {
                true => line.outbox.more(&self.begun),
                false => line.outbox.begin(Kind::Binary, &self.begun),
            };
            self.in_message = true;
            self.unsent |= sent.is_err();
            self.begun.clear();
        }
        self.begun.extend_from_slice(bytes);
    }

    fn end(&mut self, line: &mut Line<'_>) {
        let last = std::mem::take(&mut self.begun);
        if self.in_message {
            self.unsent |= line.outbox.finish(&last).is_err();
        } else if !last.is_empty() {
            self.send_line(&last, line);
        }
        match self.at_end {
            AtEnd::Close => self.close(line),
            AtEnd::Wait(time) => line.alarm(time),
            AtEnd::Stay => {}
        }
    }

    fn print(&mut self, kind: Kind, payload: &[u8], line: &mut Line<'_>) {
        if self.gone {
            return;
        }
        let written = match self.cut {
            Cut::Json => put(&[json::message(kind, payload).as_bytes(), b"\n"]),
            _ => self.write(kind, payload),
        };
        self.check(written, line);
    }

    /// Prints a line of JSON, where that is the output.
    fn print_json(&mut self, text: impl FnOnce() -> String, line: &mut Line<'_>) {
        if self.cut == Cut::Json && !self.gone {
            let written = put(&[text().as_bytes(), b"\n"]);
            self.check(written, line);
        }
    }

    fn check(&mut self, written: io::Result<()>, line: &mut Line<'_>) {
        match written {
            Ok(()) => {}
            // Such as `wscodec connect … | head`.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                (self.gone, self.cut_short) = (true, true);
                self.close(line);
            }
            Err(e) => {
                self.gone = true;
                self.fail(unwritable(&e), line);
            }
        }
    }

    fn write(&self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        match kind {
            _ if self.escape => put(&[safe(payload).as_bytes(), b"\n"]),
            Kind::Text => put(&[payload, b"\n"]),
            Kind::Binary => put(&[payload]),
        }
    }

    /// Ends the run with an error, and the connection in order.
    fn fail(&mut self, why: String, line: &mut Line<'_>) {
        self.failed.get_or_insert(why);
        self.close(line);
    }

    fn close(&mut self, line: &mut Line<'_>) {
        self.closed = true;
        // It fails only if the connection is closing already.
        let _ = line.outbox.close(CloseCode::NORMAL, "");
    }

    fn tell(&self, sentence: impl FnOnce() -> String) {
        if self.verbose {
            say(&sentence());
        }
    }
}

/// Writes to standard output.
fn put(parts: &[&[u8]]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for part in parts {
        out.write_all(part)?;
    }
    out.flush()
}

/// Does what a line of JSON asks for.
fn ask(asked: Asked, line: &mut Line<'_>) -> Result<(), wscodec::ErrorKind> {
    match asked {
        Asked::Message(Kind::Binary, bytes) => line.outbox.binary(&bytes),
        Asked::Message(Kind::Text, bytes) => match String::from_utf8(bytes) {
            Ok(text) => line.outbox.text(&text),
            Err(_) => Err(wscodec::MisuseError::TextNotUtf8.into()),
        },
        Asked::Ping(payload) => line.outbox.ping(&payload),
        Asked::Close(close) => {
            let (code, reason) = close.unzip();
            line.outbox.close(code, &reason.unwrap_or_default())
        }
        Asked::Nothing => Ok(()),
    }
}

impl Talk for Conversation {
    fn open(&mut self, response: &UpgradeResponse<'_>, line: &mut Line<'_>) {
        self.print_json(|| json::open(response.protocol()), line);
        self.tell(|| format!("open, protocol {}", response.protocol().unwrap_or("-")));
    }

    fn event(&mut self, event: Event<'_>, line: &mut Line<'_>) {
        match event {
            Event::Message(message) => self.print(message.kind, message.payload, line),
            Event::Ping(payload) => {
                self.print_json(|| json::control("ping", payload), line);
                self.tell(|| format!("ping, {} bytes", payload.len()));
            }
            Event::Pong(payload) => {
                self.print_json(|| json::control("pong", payload), line);
                self.tell(|| format!("pong, {} bytes", payload.len()));
            }
            Event::Close(close) => {
                let (code, reason) = close.map_or((1005, ""), |it| (it.code.value(), it.reason));
                self.print_json(|| json::closed(code, reason), line);
            }
        }
    }

    fn input(&mut self, bytes: &[u8], line: &mut Line<'_>) {
        if bytes.is_empty() {
            self.end(line);
        } else if self.cut == Cut::Whole {
            self.part(bytes, line);
        } else {
            self.lines(bytes, line);
        }
    }

    fn input_failed(&mut self, error: &io::Error, line: &mut Line<'_>) {
        self.fail(format!("can't read standard input: {error}"), line);
    }

    fn alarm(&mut self, line: &mut Line<'_>) {
        self.close(line);
    }

    fn stop(&mut self, line: &mut Line<'_>) {
        self.cut_short = true;
        // It fails only if the connection is closing already.
        let _ = line.outbox.close(CloseCode::GOING_AWAY, "");
    }
}
