//! The loop of a call: the socket, the input, the deadlines.

use core::time::Duration;
use std::io;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::stop::Stop;
use super::talk::{Alarm, Call, Ended, Line, Talk};
use crate::net::{Net, Platform, Source};
use crate::queue::Queue;
use wscodec::error::{CloseCode, ErrorKind, HandshakeError, PeerError};
use wscodec::handshake::BodyReader;
use wscodec::io::{Error, Keys, Rejected};
use wscodec::session::{In, Out, Session, SessionState};

/// The only stream's index.
const STREAM: u32 = 0;
/// Bytes read at a time.
const READ: usize = 64 << 10;
/// With more waiting to be sent, nothing is read from the input.
const HIGH_WATER: usize = 64 << 10;
/// Reads of the socket before the clock is looked at. After a pause of the process, the bytes that
/// have arrived meanwhile are received before a deadline is applied; a peer that sends without end
/// does not keep the deadlines from being applied.
const READS: usize = 128;

/// Bytes of a rejection's body that are read at most.
const BODY: usize = 16 << 10;
/// How long a rejection's body is waited for at most.
const BODY_TIME: Duration = Duration::from_secs(2);
/// Bytes of the longest close frame of a client (RFC 6455 §5.2, §5.5): its header, its mask key and
/// its payload. It does not matter whether the last one of a connection leaves.
const MOST_CLOSE: usize = 2 + 4 + 125;

type Stream = <Platform as Net>::Stream;

pub(super) struct Caller {
    net: Platform,
    stream: Stream,
    queue: Queue,
    spare: Vec<u8>,
    /// Bytes that the transport has accepted since the session was told.
    sent: usize,
    ready: Vec<Source>,
    /// When the handshake must be done.
    until: Duration,
    /// The server has sent its last byte.
    ended: bool,
    /// Why nothing can be read or written any more.
    lost: Option<io::Error>,
    /// More was dropped than a close frame.
    unsent: bool,
    alarm: Alarm,
}

impl Caller {
    pub(super) fn new(
        mut net: Platform,
        mut stream: Stream,
        timeout: Duration,
    ) -> io::Result<Self> {
        net.add(&mut stream, STREAM)?;
        Ok(Self {
            until: net.now().saturating_add(timeout),
            net,
            stream,
            queue: Queue::default(),
            spare: Vec::new(),
            sent: 0,
            ready: Vec::new(),
            ended: false,
            lost: None,
            unsent: false,
            alarm: Alarm::Never,
        })
    }

    /// Closes the socket.
    pub(super) fn end(mut self) {
        self.net.remove(self.stream, STREAM);
    }

    pub(super) fn run(&mut self, call: Call<'_>, talk: &mut impl Talk) -> Result<Ended, Error> {
        let Call {
            mut connect,
            session: config,
            input,
            stop,
            ..
        } = call;
        let mut request = self.queue.buffer(&mut self.spare);
        connect.write(&mut request)?;
        self.send(request)?;
        let mut buf = vec![0; READ];
        let mut came = Vec::new();
        let (mut session, head_len) = loop {
            let n = self.await_bytes(&mut buf)?;
            came.extend_from_slice(&buf[..n]);
            match connect.read(&came) {
                Ok(None) if n == 0 => {
                    return Err(ErrorKind::from(PeerError::UnexpectedEof)
                        .at(came.len() as u64)
                        .into());
                }
                Ok(None) => {}
                Ok(Some(connected)) => {
                    let mut session = connected.session(Keys::random()?, &config);
                    let mut out = self.queue.buffer(&mut self.spare);
                    let mut line = Line {
                        outbox: session.outbox(&mut out),
                        alarm: &mut self.alarm,
                    };
                    talk.open(connected.response(), &mut line);
                    let head_len = connected.head_len();
                    self.send(out)?;
                    break (session, head_len);
                }
                Err(fault) if fault.error == HandshakeError::Status.into() => {
                    return Err(match connect.rejection(&came) {
                        Some((response, rest)) => {
                            let (status, mut bytes) = (response.status(), response.head().to_vec());
                            let body = BodyReader::new(&response);
                            self.read_body(body, rest, &mut buf, &mut bytes);
                            Error::Rejected(Rejected::new(bytes, status).into())
                        }
                        None => fault.into(),
                    });
                }
                Err(fault) => return Err(fault.into()),
            }
        };
        if let Some(input) = &input {
            self.net.watch_input(input)?;
        }
        if let Some(stop) = &stop {
            stop.set(Some(self.net.waker()?));
        }
        let mut came = came.split_off(head_len);
        self.feed(&mut session, &mut came, talk)?;
        self.talk(&mut session, &mut buf, input.is_some(), stop.as_ref(), talk)?;
        let lost = self.lost.take();
        let unsent = self.unsent || self.queue.len() > MOST_CLOSE;
        Ok(match session.outcome() {
            Some(outcome) => Ended {
                code: outcome.code,
                reason: outcome.reason.to_string(),
                clean: outcome.clean,
                fault: outcome.fault,
                // A close frame that was received is how the connection ended, whatever the
                // transport did then (RFC 6455 §7.1.5).
                lost: lost.filter(|_| outcome.code == CloseCode::ABNORMAL),
                unsent,
            },
            None => Ended {
                code: CloseCode::ABNORMAL,
                reason: String::new(),
                clean: false,
                fault: None,
                lost,
                unsent,
            },
        })
    }

    /// Goes on until the session is over and the server has closed, or takes too long to.
    ///
    /// The order of each round is a rule: first what the socket has is received, then a deadline is
    /// applied. The process may have been stopped meanwhile (SIGSTOP, a suspended laptop, a slow
    /// standard output), and then the pong or the close frame that a deadline is about lies in the
    /// socket already.
    fn talk(
        &mut self,
        session: &mut Session<Keys, In, Out>,
        buf: &mut [u8],
        mut input: bool,
        stop: Option<&Stop>,
        talk: &mut impl Talk,
    ) -> Result<(), Error> {
        let mut linger = None;
        // Bytes that came with the answer, and the end of the stream, were reported already.
        let mut again = true;
        loop {
            let now = self.net.now();
            if session.state() == SessionState::Closed {
                // A client waits for the server to close first (RFC 6455 §7.1.1).
                let linger = *linger.get_or_insert(now.saturating_add(LINGER));
                if self.ended || now >= linger {
                    self.unsent |= input && self.has_input(buf)?;
                    return Ok(());
                }
            } else if self.ended {
                let _ = session.end();
                continue;
            }
            let alarm = match self.alarm {
                Alarm::HangUp => return Ok(()),
                Alarm::Never => None,
                Alarm::At(at) => Some(at),
                Alarm::After(time) => {
                    let at = now.saturating_add(time);
                    self.alarm = Alarm::At(at);
                    Some(at)
                }
            };
            let deadline = session.deadline().or(linger);
            let deadline = deadline.into_iter().chain(alarm).min();
            let timeout = match again {
                true => Some(Duration::ZERO),
                false => deadline.map(|at| at.saturating_sub(now)),
            };
            self.ready.clear();
            self.net.wait(timeout, &mut self.ready)?;
            let stream = |source: &Source| matches!(source, Source::Stream(..));
            if again || self.ready.iter().any(stream) {
                self.flush()?;
                again = self.read_stream(session, buf, talk)?;
            }
            let open = session.state() == SessionState::Open;
            if input && open && self.queue.len() < HIGH_WATER {
                input = self.read_input(session, buf, talk)?;
            }
            if stop.is_some_and(Stop::take) {
                self.with_line(session, |line| talk.stop(line))?;
            }
            let now = self.net.now();
            if matches!(self.alarm, Alarm::At(at) if at <= now) {
                self.alarm = Alarm::Never;
                self.with_line(session, |line| talk.alarm(line))?;
            }
            session.sent(core::mem::take(&mut self.sent));
            let unsent = self.queue.len();
            let mut out = self.queue.buffer(&mut self.spare);
            // The session's state tells what became of it.
            let _ = session.tick(now, unsent, &mut out);
            self.send(out)?;
        }
    }

    /// Receives what the socket has; whether there may be more.
    fn read_stream(
        &mut self,
        session: &mut Session<Keys, In, Out>,
        buf: &mut [u8],
        talk: &mut impl Talk,
    ) -> Result<bool, Error> {
        for _ in 0..READS {
            match self.net.read(&mut self.stream, buf) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    self.feed(session, &mut buf[..n], talk)?;
                    continue;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => {
                    self.ended = true;
                    self.lost.get_or_insert(e);
                }
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Hands on what the input has; whether there may be more.
    fn read_input(
        &mut self,
        session: &mut Session<Keys, In, Out>,
        buf: &mut [u8],
        talk: &mut impl Talk,
    ) -> Result<bool, Error> {
        loop {
            let n = match self.net.read_input(buf) {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(e) => {
                    self.with_line(session, |line| talk.input_failed(&e, line))?;
                    return Ok(false);
                }
            };
            self.with_line(session, |line| talk.input(&buf[..n], line))?;
            let open = session.state() == SessionState::Open;
            if n == 0 || !open || self.queue.len() >= HIGH_WATER {
                return Ok(n > 0);
            }
        }
    }

    /// Whether the input has more. A moment is given to who reads it ahead, because it may
    /// just have handed on all that it had.
    fn has_input(&mut self, buf: &mut [u8]) -> io::Result<bool> {
        let until = self.net.now().saturating_add(LAST_INPUT);
        loop {
            match self.net.read_input(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                result => return Ok(matches!(result, Ok(1..))),
            }
            let left = until.saturating_sub(self.net.now());
            if left.is_zero() {
                return Ok(false);
            }
            self.ready.clear();
            self.net.wait(Some(left), &mut self.ready)?;
        }
    }

    /// Calls back with the way to the server, and sends.
    fn with_line(
        &mut self,
        session: &mut Session<Keys, In, Out>,
        back: impl FnOnce(&mut Line<'_>),
    ) -> io::Result<()> {
        let mut out = self.queue.buffer(&mut self.spare);
        back(&mut Line {
            outbox: session.outbox(&mut out),
            alarm: &mut self.alarm,
        });
        self.send(out)
    }

    fn feed(
        &mut self,
        session: &mut Session<Keys, In, Out>,
        mut input: &mut [u8],
        talk: &mut impl Talk,
    ) -> Result<(), Error> {
        let mut out = self.queue.buffer(&mut self.spare);
        // A fault shows in the state.
        while let Ok(Some((event, sender))) = session.receive(&mut input, &mut out) {
            let mut line = Line {
                outbox: sender.outbox(&mut out),
                alarm: &mut self.alarm,
            };
            talk.event(event, &mut line);
        }
        self.send(out)?;
        Ok(())
    }

    /// Appends the beginning of a rejection's body. An error on the way ends it.
    fn read_body(
        &mut self,
        mut body: BodyReader,
        rest: &[u8],
        buf: &mut [u8],
        bytes: &mut Vec<u8>,
    ) {
        // A server may keep the connection open behind a body that has no other end.
        self.until = self.until.min(self.net.now().saturating_add(BODY_TIME));
        let most = bytes.len() + BODY;
        let mut input = rest;
        loop {
            while let Some(piece) = body.read(&mut input) {
                let room = most - bytes.len();
                bytes.extend_from_slice(&piece[..piece.len().min(room)]);
            }
            if body.is_done() || bytes.len() == most {
                return;
            }
            match self.await_bytes(buf) {
                Ok(0) | Err(_) => return,
                Ok(n) => input = &buf[..n],
            }
        }
    }

    /// Bytes of the server's answer; 0 at the end.
    fn await_bytes(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.net.read(&mut self.stream, buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            let now = self.net.now();
            if now >= self.until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // A request that waits for the handshake of TLS leaves when reading has completed it.
            self.flush()?;
            self.ready.clear();
            self.net.wait(Some(self.until - now), &mut self.ready)?;
            self.flush()?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.queue.is_empty() {
            return Ok(());
        }
        let out = self.queue.buffer(&mut self.spare);
        self.send(out)
    }

    fn send(&mut self, out: Vec<u8>) -> io::Result<()> {
        let (net, stream) = (&mut self.net, &mut self.stream);
        let left = self.queue.left(&out);
        match self.queue.send(out, &mut self.spare, net, stream) {
            Ok(n) => self.sent += n,
            Err(e) => {
                // The server may have said why: its bytes are received first.
                self.queue.clear();
                self.unsent |= left > MOST_CLOSE;
                self.lost.get_or_insert(e);
            }
        }
        let waits = !self.queue.is_empty();
        net.interest(stream, STREAM, true, waits);
        Ok(())
    }
}

/// How long more of the input is waited for, to report that it was not sent.
const LAST_INPUT: Duration = Duration::from_millis(200);

/// How long a server may take to close the transport after the last frame.
const LINGER: Duration = Duration::from_secs(2);
