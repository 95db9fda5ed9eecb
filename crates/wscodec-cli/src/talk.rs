//! The use of a connection by `wscodec connect`: it sends standard input, and prints messages.
//!
//! A line that is not UTF-8 can't be a text message (RFC 6455 §5.6). It ends the run with an error,
//! and no line after it is sent: a pipeline that loses a line in the middle must not succeed.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use wscodec::handshake::UpgradeResponse;
use wscodec::message::Kind;
use wscodec::session::Event;
use wscodec::{CloseCode, ErrorKind, MisuseError};
use wscodec_server::client::{Line, Talk};

use crate::args::{AtEnd, ConnectArgs, Cut};
use crate::json::{self, Asked};
use crate::out::{say, unwritable};
use crate::pings::{Alarms, Pings, after};
use crate::terminal;
use wscodec_inspect::safe::safe;

/// How long a server may take to close, once the run has what it wants.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Bytes of a fragment, where the whole input is one message.
const FRAGMENT: usize = 64 << 10;

/// The user's side of a connection.
#[derive(Debug)]
pub(crate) struct Conversation {
    cut: Cut,
    at_end: AtEnd,
    /// Print one message a line, and escape what a terminal acts upon.
    escape: bool,
    pub(crate) verbose: bool,
    /// Lines are edited on a terminal.
    pub(crate) edits: bool,
    /// Messages to send when the connection opens.
    first: Vec<String>,
    /// Messages that are still to be received, if their number is limited.
    left: Option<u64>,
    /// How often to ping.
    ping: Option<Duration>,
    pings: Pings,
    alarms: Alarms,
    /// The connection has opened.
    pub(crate) opened: bool,
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
    /// The run has what it wants, however the connection ends.
    pub(crate) satisfied: bool,
    /// The client has closed the connection by itself.
    pub(crate) closed: bool,
    /// A message could not be sent, as the connection was closing.
    pub(crate) unsent: bool,
    /// Why the run has failed.
    pub(crate) failed: Option<String>,
}

impl Conversation {
    pub(crate) fn new(arguments: &ConnectArgs, escape: bool, edits: bool) -> Self {
        Self {
            cut: arguments.cut(),
            at_end: arguments.at_end(),
            escape,
            verbose: arguments.output.verbose,
            edits,
            first: arguments.input.first.clone(),
            left: arguments.receive(),
            ping: arguments.ping(),
            pings: Pings::default(),
            alarms: Alarms::default(),
            opened: false,
            begun: Vec::new(),
            lines: 0,
            in_message: false,
            gone: false,
            cut_short: false,
            satisfied: false,
            closed: false,
            unsent: false,
            failed: None,
        }
    }

    /// Why a run that the server has closed in order has failed all the same.
    pub(crate) fn lacks(&self) -> Option<String> {
        let left = self.left.filter(|&left| left > 0 && !self.cut_short)?;
        Some(format!(
            "the server closed before {left} more messages were received"
        ))
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
        if let Err(why) = self.send(bytes, line) {
            let number = self.lines;
            let why = match self.cut {
                Cut::Whole(_) => NOT_UTF8.to_owned(),
                _ => format!("line {number} of standard input {why}: no line after it was sent"),
            };
            self.fail(why, line);
        }
    }

    /// Sends what a line asks for; an error is what is wrong with the line.
    fn send(&mut self, bytes: &[u8], line: &mut Line<'_>) -> Result<(), String> {
        let sent = match self.cut {
            Cut::BinaryLines | Cut::Whole(Kind::Binary) => line.outbox.binary(bytes),
            Cut::TextLines | Cut::Whole(Kind::Text) => {
                let bytes = match self.cut {
                    Cut::TextLines => bytes.strip_suffix(b"\r").unwrap_or(bytes),
                    _ => bytes,
                };
                let Ok(text) = std::str::from_utf8(bytes) else {
                    let why = "is not UTF-8 (--binary-lines sends lines as binary messages, \
                               --binary all of the input as one)";
                    return Err(why.into());
                };
                line.outbox.text(text)
            }
            Cut::Json => {
                let asked = json::read(bytes)?;
                self.closed |= matches!(asked, Asked::Close(_));
                ask(asked, line)
            }
        };
        // It fails only if the connection is closing.
        self.unsent |= sent.is_err();
        Ok(())
    }

    /// Takes bytes of the only message. It goes in fragments, so that neither its length has to be
    /// known nor its bytes to be held.
    fn part(&mut self, kind: Kind, bytes: &[u8], line: &mut Line<'_>) {
        if self.begun.len() + bytes.len() > FRAGMENT {
            let sent = match self.in_message {
                true => line.outbox.more(&self.begun),
                false => line.outbox.begin(kind, &self.begun),
            };
            self.in_message = true;
            self.begun.clear();
            self.check_part(sent, line);
        }
        self.begun.extend_from_slice(bytes);
    }

    fn check_part(&mut self, sent: Result<(), ErrorKind>, line: &mut Line<'_>) {
        match sent {
            Err(ErrorKind::Misuse(MisuseError::TextNotUtf8)) => self.fail(NOT_UTF8.into(), line),
            // It fails only if the connection is closing.
            sent => self.unsent |= sent.is_err(),
        }
    }

    fn end(&mut self, line: &mut Line<'_>) {
        let last = std::mem::take(&mut self.begun);
        if self.in_message {
            let sent = line.outbox.finish(&last);
            self.check_part(sent, line);
        } else if !last.is_empty() {
            self.send_line(&last, line);
        }
        match self.at_end {
            AtEnd::Close => self.close(line),
            AtEnd::Wait(time) => {
                self.alarms.end = after(time);
                self.alarms.set(line);
            }
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
        if let Some(left) = &mut self.left {
            *left -= 1;
            if *left == 0 {
                self.enough(line);
            }
        }
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
            // An example is `wscodec connect … | head`.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.enough(line);
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

    /// The run has what it wants. The server has a moment to answer the close frame, even if it goes
    /// on sending.
    fn enough(&mut self, line: &mut Line<'_>) {
        (self.gone, self.cut_short, self.satisfied) = (true, true, true);
        self.close(line);
        self.alarms.end = after(LAST_ANSWER);
        self.alarms.set(line);
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

/// Why the only message was not sent as it is.
const NOT_UTF8: &str = "standard input is not UTF-8, and can't be a text message: --binary sends it as \
                        a binary one";

/// Writes to standard output; above the line that is edited, if there is one.
fn put(parts: &[&[u8]]) -> io::Result<()> {
    if terminal::is_edited() && terminal::print(&parts.concat()) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    for part in parts {
        out.write_all(part)?;
    }
    out.flush()
}

/// Does what a line of JSON asks for.
fn ask(asked: Asked, line: &mut Line<'_>) -> Result<(), ErrorKind> {
    match asked {
        Asked::Message(Kind::Binary, bytes) => line.outbox.binary(&bytes),
        Asked::Message(Kind::Text, bytes) => match String::from_utf8(bytes) {
            Ok(text) => line.outbox.text(&text),
            Err(_) => Err(MisuseError::TextNotUtf8.into()),
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
        if self.edits && !self.verbose {
            say("connected; Ctrl-D closes the connection");
        }
        self.opened = true;
        for message in self.first.clone() {
            if let Err(why) = self.send(message.as_bytes(), line) {
                return self.fail(format!("the message of --send {why}"), line);
            }
        }
        self.alarms.ping = self.ping.and_then(after);
        self.alarms.set(line);
    }

    fn event(&mut self, event: Event<'_>, line: &mut Line<'_>) {
        match event {
            Event::Message(message) => self.print(message.kind, message.payload, line),
            Event::Ping(payload) => {
                self.print_json(|| json::ping(payload), line);
                self.tell(|| format!("ping, {} bytes", payload.len()));
            }
            Event::Pong(payload) => {
                let round_trip = self.pings.pong(payload);
                self.print_json(|| json::pong(payload, round_trip), line);
                match round_trip {
                    Some(time) => say(&format!("round trip {:.3} ms", time.as_secs_f64() * 1e3)),
                    None => self.tell(|| format!("pong, {} bytes", payload.len())),
                }
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
        } else if let Cut::Whole(kind) = self.cut {
            self.part(kind, bytes, line);
        } else {
            self.lines(bytes, line);
        }
    }

    fn input_failed(&mut self, error: &io::Error, line: &mut Line<'_>) {
        self.fail(format!("can't read standard input: {error}"), line);
    }

    fn alarm(&mut self, line: &mut Line<'_>) {
        let now = Instant::now();
        if self.alarms.end.is_some_and(|at| at <= now) {
            self.alarms.end = None;
            if self.satisfied {
                return line.hang_up();
            }
            self.close(line);
        }
        if self.alarms.ping.is_some_and(|at| at <= now) {
            // It fails only if the connection is closing.
            let _ = line.outbox.ping(&self.pings.next());
            self.alarms.ping = self.ping.and_then(after);
        }
        self.alarms.set(line);
    }

    fn stop(&mut self, line: &mut Line<'_>) {
        self.cut_short = true;
        // It fails only if the connection is closing already.
        let _ = line.outbox.close(CloseCode::GOING_AWAY, "");
    }
}
