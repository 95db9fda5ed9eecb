//! One connection to a server, on the same readiness as the server's: for programs that talk over
//! it and over standard input at once, natively and on WASI.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::net::{Net, Platform, Source};
use super::queue::Queue;
use wscodec::error::{CloseCode, Error as CodecError, Fault, HandshakeError, PeerError};
use wscodec::frame::Close;
use wscodec::handshake::Response;
use wscodec::io::{Error, Keys, Refused};
use wscodec::session::{Config, Connect, Event, In, Out, Outgoing, Session, State};

/// The only stream's index.
const STREAM: u32 = 0;
/// Bytes read at a time.
const READ: usize = 64 << 10;
/// With more waiting to be sent, nothing is read from standard input.
const HIGH_WATER: usize = 64 << 10;

/// Whom to call, and how.
#[derive(Debug)]
pub struct Call<'a> {
    /// The server's addresses; the first that answers is taken.
    pub addresses: &'a [SocketAddr],
    /// The request; see [`nonce`].
    pub connect: Connect<'a>,
    /// Limits, heartbeat, the time to close.
    pub session: Config,
    /// How long connecting may take, and then the handshake.
    pub timeout: Duration,
    /// Whether [`Talk::input`] is told what comes from standard input.
    pub input: bool,
}

/// What a client does.
pub trait Talk {
    /// The connection is open.
    fn open(&mut self, response: &Response<'_>, line: &mut Line<'_>) {
        let _ = (response, line);
    }

    /// Something came. Pings and close frames are answered already.
    fn event(&mut self, event: Event<'_>, line: &mut Line<'_>);

    /// Bytes of standard input; empty at its end, once.
    fn input(&mut self, bytes: &[u8], line: &mut Line<'_>) {
        let _ = (bytes, line);
    }
}

/// The way to the server.
#[derive(Debug)]
pub struct Line<'l> {
    outgoing: &'l mut Outgoing<Keys, Out>,
    out: &'l mut Vec<u8>,
}

impl Line<'_> {
    /// Sends a text message.
    ///
    /// # Errors
    /// [`MisuseError::Closing`](wscodec::MisuseError::Closing) once a close frame was sent.
    pub fn text(&mut self, text: &str) -> Result<(), CodecError> {
        self.outgoing.text(text, self.out)
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn binary(&mut self, payload: &[u8]) -> Result<(), CodecError> {
        self.outgoing.binary(payload, self.out)
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// [`MisuseError::Closing`](wscodec::MisuseError::Closing), [`MisuseError::ControlPayloadTooLong`](wscodec::MisuseError::ControlPayloadTooLong).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), CodecError> {
        self.outgoing.ping(payload, self.out)
    }

    /// Closes the connection: see [`Outgoing::close`].
    ///
    /// # Errors
    /// [`MisuseError::Closing`](wscodec::MisuseError::Closing), [`MisuseError::CloseCodeNotSendable`](wscodec::MisuseError::CloseCodeNotSendable),
    /// [`MisuseError::CloseReasonTooLong`](wscodec::MisuseError::CloseReasonTooLong).
    pub fn close(&mut self, close: Option<Close<'_>>) -> Result<(), CodecError> {
        self.outgoing.close(close, self.out)
    }
}

/// How a call ended, other than by an [`Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The code that the server sent; 1005 if its close frame had none, 1006 if none came.
    pub code: CloseCode,
    /// The reason that it sent.
    pub reason: String,
    /// Whether both close frames went.
    pub clean: bool,
    /// What went wrong, if something did.
    pub fault: Option<Fault>,
}

/// A nonce for a request, from the system's source of random numbers (RFC 6455 §4.1).
///
/// # Errors
/// If the system has no random numbers.
pub fn nonce() -> io::Result<[u8; 16]> {
    wscodec::io::nonce()
}

/// Calls, talks until both sides have closed, and tells how it ended.
///
/// # Errors
/// [`Error::Io`] if there is no connection, or no answer in time; [`Error::Refused`] and
/// [`Error::Fault`] if the answer is not what it should be.
pub fn call(call: Call<'_>, talk: &mut impl Talk) -> Result<Ended, Error> {
    let mut net = Platform::new()?;
    let mut stream = reach(&mut net, call.addresses, call.timeout)?;
    net.add(&mut stream, STREAM)?;
    let mut caller = Caller {
        until: net.now() + call.timeout,
        net,
        stream,
        queue: Queue::default(),
        spare: Vec::new(),
        sent: 0,
        ready: Vec::new(),
        ended: false,
    };
    let result = caller.run(call, talk);
    caller.net.remove(caller.stream, STREAM);
    result
}

fn reach(
    net: &mut Platform,
    addresses: &[SocketAddr],
    timeout: Duration,
) -> io::Result<<Platform as Net>::Stream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for &address in addresses {
        match net.connect(address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}

struct Caller {
    net: Platform,
    stream: <Platform as Net>::Stream,
    queue: Queue,
    spare: Vec<u8>,
    /// Bytes that the transport has accepted since the session was told.
    sent: usize,
    ready: Vec<Source>,
    /// When the handshake must be done.
    until: Duration,
    /// The server has sent its last byte.
    ended: bool,
}

impl Caller {
    fn run(&mut self, call: Call<'_>, talk: &mut impl Talk) -> Result<Ended, Error> {
        let Call {
            mut connect,
            session: config,
            input,
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
                    return Err(CodecError::from(PeerError::UnexpectedEof)
                        .at(came.len() as u64)
                        .into());
                }
                Ok(None) => {}
                Ok(Some(connected)) => {
                    let mut session = connected.session(Keys::random()?, &config);
                    let mut out = self.queue.buffer(&mut self.spare);
                    let mut line = Line {
                        outgoing: &mut session,
                        out: &mut out,
                    };
                    talk.open(connected.response(), &mut line);
                    let head_len = connected.head_len();
                    self.send(out)?;
                    break (session, head_len);
                }
                Err(fault) if fault.error == HandshakeError::Status.into() => {
                    return Err(match connect.refusal(&came) {
                        Some(response) => {
                            let head = response.head().to_vec();
                            Error::Refused(Refused::new(head, response.status()).into())
                        }
                        None => fault.into(),
                    });
                }
                Err(fault) => return Err(fault.into()),
            }
        };
        if input {
            self.net.watch_input()?;
        }
        let mut came = came.split_off(head_len);
        self.feed(&mut session, &mut came, talk)?;
        self.talk(&mut session, &mut buf, input, talk)?;
        Ok(match session.outcome() {
            Some(outcome) => Ended {
                code: outcome.code,
                reason: outcome.reason.to_string(),
                clean: outcome.clean,
                fault: outcome.fault,
            },
            None => Ended {
                code: CloseCode::ABNORMAL,
                reason: String::new(),
                clean: false,
                fault: None,
            },
        })
    }

    /// Goes on until the session is over and the server has closed, or takes too long to.
    fn talk(
        &mut self,
        session: &mut Session<Keys, In, Out>,
        buf: &mut [u8],
        mut input: bool,
        talk: &mut impl Talk,
    ) -> Result<(), Error> {
        let mut linger = None;
        // What came with the answer, its end too, was reported already.
        let mut again = true;
        loop {
            let now = self.net.now();
            if session.state() == State::Closed {
                // A client waits for the server to close first (RFC 6455 §7.1.1).
                let linger = *linger.get_or_insert(now + LINGER);
                if self.ended || now >= linger {
                    return Ok(());
                }
            } else if self.ended {
                let _ = session.finish();
                continue;
            }
            let deadline = session.deadline().or(linger);
            let timeout = match again {
                true => Some(Duration::ZERO),
                false => deadline.map(|at| at.saturating_sub(now)),
            };
            self.ready.clear();
            self.net.wait(timeout, &mut self.ready)?;
            let stream = |source: &Source| matches!(source, Source::Stream(..));
            if again || self.ready.iter().any(stream) {
                self.flush()?;
                again = false;
                match self.net.read(&mut self.stream, buf) {
                    Ok(0) => self.ended = true,
                    Ok(n) => {
                        // Whatever is behind it shows in the next read.
                        again = true;
                        self.feed(session, &mut buf[..n], talk)?;
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => self.ended = true,
                }
            }
            if input && self.queue.len() < HIGH_WATER {
                input = self.read_input(session, buf, talk)?;
            }
            session.sent(core::mem::take(&mut self.sent));
            let unsent = self.queue.len();
            let mut out = self.queue.buffer(&mut self.spare);
            // What it says shows in the state.
            let _ = session.tick(self.net.now(), unsent, &mut out);
            self.send(out)?;
        }
    }

    /// Hands on what standard input has; whether there may be more.
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
                Err(_) => 0,
            };
            let mut out = self.queue.buffer(&mut self.spare);
            let mut line = Line {
                outgoing: session,
                out: &mut out,
            };
            talk.input(&buf[..n], &mut line);
            self.send(out)?;
            if n == 0 || self.queue.len() >= HIGH_WATER {
                return Ok(n > 0);
            }
        }
    }

    fn feed(
        &mut self,
        session: &mut Session<Keys, In, Out>,
        mut input: &mut [u8],
        talk: &mut impl Talk,
    ) -> Result<(), Error> {
        let mut out = self.queue.buffer(&mut self.spare);
        // A fault shows in the state.
        while let Ok(Some((event, outgoing))) = session.receive(&mut input, &mut out) {
            let mut line = Line {
                outgoing,
                out: &mut out,
            };
            talk.event(event, &mut line);
        }
        self.send(out)?;
        Ok(())
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
        match self.queue.send(out, &mut self.spare, net, stream) {
            Ok(n) => self.sent += n,
            // Whether the server said why shows when it is read.
            Err(_) => self.queue = Queue::default(),
        }
        let waits = !self.queue.is_empty();
        net.interest(stream, STREAM, true, waits);
        Ok(())
    }
}

/// How long a server may take to close the transport after the last frame.
const LINGER: Duration = Duration::from_secs(2);
