//! System calls of a process, counted by strace.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// strace, attached to all threads of a process.
pub struct SystemCalls {
    strace: Child,
    rest: BufReader<std::process::ChildStderr>,
}

impl SystemCalls {
    /// Attaches it. There may be no strace, or the system may not allow it.
    pub fn attach(process: u32) -> io::Result<Self> {
        let mut strace = Command::new("strace")
            .args(["--follow-forks", "--summary-only"])
            .args(["--summary-columns=calls,name", "--attach"])
            .arg(process.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = strace.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut rest = BufReader::new(output);
        let mut line = String::new();
        rest.read_line(&mut line)?;
        if !line.contains(" attached") {
            let _ = strace.kill();
            let _ = strace.wait();
            return Err(io::Error::other(line));
        }
        Ok(Self { strace, rest })
    }

    /// Ends it; how many calls there were.
    pub fn count(mut self) -> io::Result<u64> {
        // With this signal it tells its counts.
        let id = self.strace.id().to_string();
        Command::new("kill").args(["-INT", &id]).status()?;
        let mut text = String::new();
        self.rest.read_to_string(&mut text)?;
        self.strace.wait()?;
        let total = text.lines().find_map(|line| line.strip_suffix(" total"));
        let calls = total.and_then(|calls| calls.trim().parse().ok());
        calls.ok_or_else(|| io::Error::other(text))
    }
}
