//! Running the suite's program, group by group.

use std::collections::VecDeque;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cases::Group;
use super::process::{Process, free_port, listens};
use super::start::{Role, Start};
use crate::tool::Failure;

/// How long a program may take to listen.
const STARTS: Duration = Duration::from_secs(30);

/// A run of the suite.
pub struct Run<'a> {
    pub wstest: &'a Path,
    pub role: Role,
    pub start: &'a Start,
    /// The name that the reports give to what is tested.
    pub agent: &'a str,
    /// Reports and logs go here, a folder for each group.
    pub folder: &'a Path,
    pub jobs: usize,
    /// How long one group may take.
    pub each: Duration,
    /// When all must have ended.
    pub until: Instant,
    /// Whether to tell of each group when it has ended.
    pub verbose: bool,
}

impl Run<'_> {
    /// Where a group's reports are.
    pub fn reports(&self, group: &Group) -> PathBuf {
        self.folder.join(&group.name)
    }

    /// Runs the groups, and gives what went wrong besides the cases' results.
    pub fn all(&self, groups: &[Group]) -> Result<Vec<String>, Failure> {
        match self.role {
            Role::Server => self.against_server(groups),
            Role::Client => {
                let client = |group: &Group| self.against_client(group);
                Ok(self.side_by_side(groups, &client))
            }
        }
    }

    fn against_server(&self, groups: &[Group]) -> Result<Vec<String>, Failure> {
        let log = self.folder.join("server.log");
        let port = free_port()?;
        let mut server = Process::start(self.start.command(port, self.agent), &log)?;
        if !listens(&mut server, port, Instant::now() + STARTS) {
            let (seconds, log) = (STARTS.as_secs(), log.display());
            return Err(Failure::new(match server.ended() {
                Some(status) => {
                    format!("the server ended with {status} before it listened: {log}")
                }
                None => format!("the server did not listen within {seconds} s: {log}"),
            }));
        }
        let url = format!("ws://127.0.0.1:{port}");
        let spec = json!({ "servers": [{ "agent": self.agent, "url": url }] });
        let mut notes = self.side_by_side(groups, &|group| {
            let mut wstest = self.start("fuzzingclient", &spec, group)?;
            if wstest.wait(self.limit()).is_none() {
                return Err(Failure::new("wstest took too long, and was stopped"));
            }
            Ok(())
        });
        if let Some(status) = server.ended() {
            let log = log.display();
            notes.push(format!("the server ended with {status} on the way: {log}"));
        }
        Ok(notes)
    }

    fn against_client(&self, group: &Group) -> Result<(), Failure> {
        let (port, wstest) = self.fuzzing_server(group)?;
        let log = self.reports(group).join("client.log");
        let mut client = Process::start(self.start.command(port, self.agent), &log)?;
        let ended = client.wait(self.limit());
        drop(client);
        // Whether or not the client asked for the reports: what it did get through counts.
        let written = write_reports(port);
        drop(wstest);
        let shown = log.display();
        match ended {
            None => Err(Failure::new(format!(
                "the client took too long, and was stopped: {shown}"
            ))),
            Some(status) if !status.success() => Err(Failure::new(format!(
                "the client ended with {status}: {shown}"
            ))),
            Some(_) => written,
        }
    }

    /// Starts wstest as a server, and gives its port. A port that was free may be taken by a
    /// connection of another group before wstest listens, so there is more than one try.
    fn fuzzing_server(&self, group: &Group) -> Result<(u16, Process), Failure> {
        for _ in 0..3 {
            let port = free_port()?;
            let spec = json!({ "url": format!("ws://127.0.0.1:{port}") });
            let mut wstest = self.start("fuzzingserver", &spec, group)?;
            if listens(&mut wstest, port, Instant::now() + STARTS) {
                return Ok((port, wstest));
            }
        }
        Err(Failure::new("wstest does not listen: see its log"))
    }

    /// Starts wstest on a group's cases.
    fn start(&self, mode: &str, spec: &Value, group: &Group) -> Result<Process, Failure> {
        let folder = self.reports(group);
        fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
        let mut spec = spec.clone();
        spec["cases"] = json!(group.cases);
        spec["outdir"] = json!(folder);
        let file = folder.join("spec.json");
        let text = format!("{spec:#}\n");
        fs::write(&file, text).map_err(|error| Failure::file("write", &file, &error))?;
        let mut command = Command::new(self.wstest);
        // Port 0: without the web pages that it would serve at 8080.
        command.args(["--mode", mode, "--webport", "0", "--spec"]);
        command.arg(file).env("PYTHONWARNINGS", "ignore");
        Process::start(command, &folder.join("wstest.log"))
    }

    /// When a group that begins now must have ended.
    fn limit(&self) -> Instant {
        self.until.min(Instant::now() + self.each)
    }

    /// Runs the groups in as many threads as there are jobs, those that take long first, so
    /// that none of them is left for the end. Gives what went wrong.
    fn side_by_side(
        &self,
        groups: &[Group],
        run: &(dyn Fn(&Group) -> Result<(), Failure> + Sync),
    ) -> Vec<String> {
        let mut order: VecDeque<&Group> = groups.iter().collect();
        let chapter = |group: &&Group| group.name.split('.').next()?.parse::<u32>().ok();
        order
            .make_contiguous()
            .sort_by_key(|group| match chapter(group) {
                Some(12 | 13) => 0,
                Some(6) => 1,
                _ => 2,
            });
        let queue = Mutex::new(order);
        let notes = Mutex::new(Vec::new());
        let next = || {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.pop_front()
        };
        let note = |group: &Group, what: String| {
            let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
            notes.push(format!("group {}: {what}", group.name));
        };
        let worker = || {
            while let Some(group) = next() {
                if Instant::now() >= self.until {
                    note(group, "not begun, for want of time".to_owned());
                    continue;
                }
                let began = Instant::now();
                if let Err(failure) = run(group) {
                    note(group, failure.to_string().trim().to_owned());
                }
                if self.verbose {
                    let (name, count) = (&group.name, group.cases.len());
                    let seconds = began.elapsed().as_secs_f64();
                    eprintln!("group {name}: {count} cases in {seconds:.1} s");
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(worker);
            }
        });
        notes.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks wstest as a server to write its reports; they are written when its first frame comes.
fn write_reports(port: u16) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("wstest was asked for its reports: {error}"));
    let patience = Some(Duration::from_secs(60));
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
    stream.set_read_timeout(patience).map_err(failed)?;
    stream.set_write_timeout(patience).map_err(failed)?;
    let request = format!(
        "GET /updateReports?agent=xtask HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while !has_frame(&answer) {
        match stream.read(&mut buffer).map_err(failed)? {
            0 => return Err(Failure::new("wstest wrote no reports: see its log")),
            length => answer.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(())
}

/// Whether something follows the answer's header.
fn has_frame(answer: &[u8]) -> bool {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    end.is_some_and(|end| answer.len() > end + 4)
}

#[cfg(test)]
mod tests {
    use super::has_frame;

    #[test]
    fn frame_after_header() {
        assert!(!has_frame(b"HTTP/1.1 101 OK\r\nA: b\r\n"));
        assert!(!has_frame(b"HTTP/1.1 101 OK\r\nA: b\r\n\r\n"));
        assert!(has_frame(b"HTTP/1.1 101 OK\r\nA: b\r\n\r\n\x88"));
    }
}
