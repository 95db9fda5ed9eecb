//! The connection on which a recording is sent again.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wscodec::CloseCode;
use wscodec::io::{ClientStream, Connection, Error, ReadHalf, WriteHalf};
use wscodec::message::Kind;

use super::script::{Action, MOST, Message, Script};

/// How a recording is sent.
pub(super) struct Pace {
    /// How many times faster than it was recorded; `None` is without pauses.
    pub(super) factor: Option<f64>,
    /// Wait before each step for the answers that the recording has before it.
    pub(super) in_step: bool,
    /// How long an answer is waited for.
    pub(super) wait: Duration,
}

/// The result of a replay.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// Messages that were sent.
    pub(super) sent: usize,
    pub(super) answers: Vec<Message>,
    /// The server's close code, or how the connection ended without one.
    pub(super) ended: String,
    /// Why not everything could be sent.
    pub(super) failed: Option<String>,
}

/// The answers so far.
#[derive(Debug, Default)]
struct Received {
    answers: Vec<Message>,
    bytes: usize,
    /// How the connection has ended.
    ended: Option<Result<String, String>>,
}

#[derive(Debug, Default)]
struct Inbox {
    received: Mutex<Received>,
    changed: Condvar,
}

/// Sends the steps, and takes the answers until the end of the connection.
pub(super) fn play(
    connection: Connection<ClientStream>,
    script: &Script,
    pace: &Pace,
) -> Result<Played, Error> {
    let (reader, mut writer) = connection.split()?;
    let inbox = Inbox::default();
    let mut played = Played::default();
    thread::scope(|scope| {
        scope.spawn(|| inbox.read(reader));
        let sent = send(&mut writer, script, pace, &inbox, &mut played);
        if let Err(error) = sent {
            played.failed = Some(error.to_string());
        }
        // It fails if the connection closes already. The reading half ends after the close timeout.
        let _ = writer.close(CloseCode::NORMAL, "");
    });
    let received = inbox.received.into_inner();
    let received = received.unwrap_or_else(PoisonError::into_inner);
    played.answers = received.answers;
    match received.ended {
        Some(Ok(how)) => played.ended = how,
        Some(Err(why)) => {
            played.ended.clone_from(&why);
            played.failed.get_or_insert(why);
        }
        None => {}
    }
    Ok(played)
}

fn send(
    writer: &mut WriteHalf<ClientStream>,
    script: &Script,
    pace: &Pace,
    inbox: &Inbox,
    played: &mut Played,
) -> Result<(), Error> {
    let began = Instant::now();
    let mut closes = false;
    for step in &script.steps {
        if let Some(factor) = pace.factor {
            let at = Duration::try_from_secs_f64(step.at.as_secs_f64() / factor);
            inbox.wait_until(began.checked_add(at.unwrap_or(Duration::MAX)));
        }
        if pace.in_step {
            inbox.wait_for(step.answers, pace.wait);
        }
        if matches!(step.action, Action::Close(..)) {
            // Answers that come later than in the recording are answers all the same.
            inbox.wait_for(script.answers.len(), pace.wait);
        }
        if inbox.has_ended() {
            break;
        }
        match &step.action {
            Action::Message(message) => {
                match (message.kind, std::str::from_utf8(&message.payload)) {
                    (Kind::Text, Ok(text)) => writer.text(text)?,
                    _ => writer.binary(&message.payload)?,
                }
                played.sent += 1;
            }
            Action::Ping(payload) => writer.ping(payload)?,
            Action::Close(code, reason) => {
                closes = true;
                let code = CloseCode::new(*code);
                match code.is_sendable() {
                    true => writer.close(code, reason)?,
                    false => writer.close(CloseCode::NORMAL, "")?,
                }
                break;
            }
        }
    }
    if !closes {
        inbox.wait_for(script.answers.len(), pace.wait);
    }
    Ok(())
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the answers until the end of the connection.
    fn read(&self, mut reader: ReadHalf<ClientStream>) {
        let ended = loop {
            match reader.read() {
                Ok(Some(message)) => {
                    let answer = Message {
                        kind: message.kind,
                        payload: message.payload.to_vec(),
                    };
                    let mut received = self.lock();
                    received.bytes += answer.payload.len();
                    received.answers.push(answer);
                    if received.bytes > MOST {
                        break Err("the answers have more than 1 GiB".into());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error.to_string()),
            }
            self.changed.notify_all();
        };
        let code = reader.outcome().map(|it| it.code.value());
        let how = match (ended, code) {
            (Ok(()), Some(code)) => Ok(format!("closed with {code}")),
            (Ok(()), None) => Ok("ended".into()),
            (Err(why), _) => Err(format!("the connection failed: {why}")),
        };
        self.lock().ended = Some(how);
        self.changed.notify_all();
    }

    fn has_ended(&self) -> bool {
        self.lock().ended.is_some()
    }

    /// Waits until so many answers have come, or none has come for that long.
    fn wait_for(&self, count: usize, patience: Duration) {
        let mut received = self.lock();
        let mut until = Instant::now().checked_add(patience);
        let mut known = received.answers.len();
        while received.answers.len() < count && received.ended.is_none() {
            if received.answers.len() > known {
                known = received.answers.len();
                until = Instant::now().checked_add(patience);
            }
            match self.wait(received, until) {
                Some(guard) => received = guard,
                None => return,
            }
        }
    }

    /// Waits until then, or until the connection has ended.
    fn wait_until(&self, until: Option<Instant>) {
        let mut received = self.lock();
        while received.ended.is_none() {
            match self.wait(received, until) {
                Some(guard) => received = guard,
                None => return,
            }
        }
    }

    /// Waits for a change; `None` if the time is over.
    fn wait<'a>(
        &'a self,
        received: MutexGuard<'a, Received>,
        until: Option<Instant>,
    ) -> Option<MutexGuard<'a, Received>> {
        let Some(until) = until else {
            let waited = self.changed.wait(received);
            return Some(waited.unwrap_or_else(PoisonError::into_inner));
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        let waited = self.changed.wait_timeout(received, left);
        Some(waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}
