//! A process behind a connection, in a process group of its own.
//!
//! The process is reaped last of all: until then no other process gets its number, so signals to the
//! group can't hit a stranger.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::num::NonZeroI32;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mio::unix::pipe::{Receiver, Sender};
use mio::{Interest, Registry, Token};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use wscodec_inspect::safe::safe;

use super::options::Permit;

/// Bytes of a line of standard error that are logged together.
const MOST_LINE: usize = 4096;

/// The groups of all processes that are not reaped.
static GROUPS: Mutex<BTreeSet<NonZeroI32>> = Mutex::new(BTreeSet::new());

fn groups() -> MutexGuard<'static, BTreeSet<NonZeroI32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all processes, because the program ends at once.
pub(crate) fn kill_all() {
    for &group in &*groups() {
        if let Some(pid) = Pid::from_raw(group.get()) {
            // It fails if the group has ended.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// The process and its group have this number.
    pid: Pid,
    input: Option<Sender>,
    output: Receiver,
    errors: Option<Receiver>,
    /// The beginning of a line of standard error.
    line: Vec<u8>,
    _permit: Permit,
}

impl Process {
    /// Starts the command by the shell, with these variables added to the environment.
    pub(super) fn start(
        command: &str,
        environment: Vec<(String, OsString)>,
        permit: Permit,
    ) -> io::Result<Self> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", command])
            .envs(environment)
            // Addressed to this program.
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDNAMES")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let missing = || io::Error::other("a process has no pipes");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        groups().extend(pid.map(Pid::as_raw_nonzero));
        let input = Sender::from(child.stdin.take().ok_or_else(missing)?);
        let output = Receiver::from(child.stdout.take().ok_or_else(missing)?);
        let errors = Receiver::from(child.stderr.take().ok_or_else(missing)?);
        input.set_nonblocking(true)?;
        output.set_nonblocking(true)?;
        errors.set_nonblocking(true)?;
        Ok(Self {
            child,
            pid: pid.ok_or_else(missing)?,
            input: Some(input),
            output,
            errors: Some(errors),
            line: Vec::new(),
            _permit: permit,
        })
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        if let Some(input) = &mut self.input {
            registry.register(input, token, Interest::WRITABLE)?;
        }
        registry.register(&mut self.output, token, Interest::READABLE)?;
        match &mut self.errors {
            Some(errors) => registry.register(errors, token, Interest::READABLE),
            None => Ok(()),
        }
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.output.read(into)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.input {
            Some(input) => input.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    pub(super) fn end_input(&mut self) {
        self.input = None;
    }

    /// Logs what the process has written to standard error. At most `buffer` is read, so that a process
    /// that writes without end does not keep the others waiting; whether there may be more.
    pub(super) fn log_errors(&mut self, buffer: &mut [u8]) -> bool {
        let Some(errors) = &mut self.errors else {
            return false;
        };
        let (len, more) = match errors.read(buffer) {
            Ok(0) => (0, false),
            Ok(n) => (n, true),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return true,
            Err(_) => (0, false),
        };
        for part in buffer[..len].split_inclusive(|&byte| byte == b'\n') {
            let room = MOST_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.log_line();
            }
        }
        if !more {
            self.log_line();
            self.errors = None;
        }
        more
    }

    fn log_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            let pid = self.pid.as_raw_nonzero();
            log::warn!("process {pid}: {}", safe(line.trim_ascii_end()));
        }
    }

    /// Whether the process has ended, and by success. It is not reaped.
    pub(super) fn ended(&self) -> Option<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.pid), options) {
            Ok(Some(status)) => Some(status.exit_status() == Some(0)),
            Ok(None) => None,
            // There is nothing to wait for.
            Err(_) => Some(false),
        }
    }

    /// Sends a signal to the process and all that it has started, besides those in other groups.
    pub(super) fn signal(&self, signal: Signal) {
        // It fails if they have ended.
        let _ = kill_process_group(self.pid, signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        groups().remove(&self.pid.as_raw_nonzero());
        // It was killed, or has ended before.
        let _ = self.child.wait();
    }
}
