//! Programs that run beside this one: with a log, a time limit, and an end.
//!
//! Each is started in a process group of its own, since some of them (Deno from npm) start
//! another. Nothing survives: a dropped [`Process`] is killed with its group, and so are all
//! when this program is interrupted.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::tool::Failure;

/// How often a process or a port is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// The ids of what runs.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that runs, until it is stopped.
pub struct Process {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts it; what it prints goes to the log.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let out = File::create(log).map_err(|error| Failure::file("write", log, &error))?;
        let both = out.try_clone();
        let both = both.map_err(|error| Failure::file("write", log, &error))?;
        command.stdin(Stdio::null()).stdout(out).stderr(both);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // Held over the start, so that an interruption finds the process or is before it.
        let mut running = running();
        let child = command.spawn().map_err(|error| {
            let name = command.get_program().display();
            Failure::new(format!("`{name}` could not be started: {error}"))
        })?;
        running.push(child.id());
        Ok(Self { child, ended: None })
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.reaped(status);
        }
        self.ended
    }

    /// Waits for its end, but no longer than this.
    pub fn wait(&mut self, until: Instant) -> Option<ExitStatus> {
        while self.ended().is_none() && Instant::now() < until {
            thread::sleep(PAUSE);
        }
        self.ended
    }

    fn reaped(&mut self, status: ExitStatus) {
        self.ended = Some(status);
        running().retain(|id| *id != self.child.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Once it was waited for, its id may be another's.
        if self.ended().is_some() {
            return;
        }
        kill(self.child.id());
        let _ = self.child.kill();
        if let Ok(status) = self.child.wait() {
            self.reaped(status);
        }
    }
}

/// Kills a process with its group.
fn kill(id: u32) {
    if cfg!(unix) {
        let _ = Command::new("kill")
            .args(["-s", "KILL", "--", &format!("-{id}")])
            .stderr(Stdio::null())
            .status();
    }
}

/// Lets no program outlive this one when it is interrupted: they are in groups of their own,
/// where a terminal's Ctrl-C does not reach them.
pub fn stop_all_when_interrupted() -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]);
        let mut signals =
            signals.map_err(|error| Failure::new(format!("no signals to be had: {error}")))?;
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // Never unlocked again: nothing more is started.
                let running = running();
                running.iter().for_each(|id| kill(*id));
                std::process::exit(128 + signal);
            }
        });
    }
    Ok(())
}

/// A port of the loopback interface that nothing listens on.
pub fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    let address = address.map_err(|error| Failure::new(format!("no port to be had: {error}")))?;
    Ok(address.port())
}

/// Waits until something listens there; fails when the process ends before, or the time.
pub fn listens(process: &mut Process, port: u16, until: Instant) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    while process.ended().is_none() && Instant::now() < until {
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return true;
        }
        thread::sleep(PAUSE);
    }
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{Process, free_port, listens, running};

    fn start(line: &str, log: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        let log = std::env::temp_dir().join(format!("{log}-{}", std::process::id()));
        let process = Process::start(command, &log).expect("sh is there");
        std::fs::remove_file(log).expect("the log was made");
        process
    }

    #[test]
    fn ends_by_itself() {
        let mut process = start("exit 3", "ends");
        let status = process.wait(Instant::now() + Duration::from_secs(60));
        assert_eq!(status.and_then(|status| status.code()), Some(3));
        assert!(!running().contains(&process.child.id()));
    }

    #[test]
    fn is_stopped_with_what_it_started() {
        let mut process = start("sleep 600 & wait", "stopped");
        let id = process.child.id();
        assert!(process.wait(Instant::now()).is_none());
        assert!(running().contains(&id));
        drop(process);
        assert!(!running().contains(&id));
        // No member of the group is left to send a signal to. A killed one that nobody has
        // waited for yet still counts, so it may take a moment.
        let group = format!("-{id}");
        let gone = || {
            let kill = Command::new("kill")
                .args(["-s", "CONT", "--", &group])
                .output();
            !kill.expect("kill is there").status.success()
        };
        let until = Instant::now() + Duration::from_secs(60);
        while !gone() {
            assert!(Instant::now() < until, "a process of the group is left");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn does_not_wait_for_the_dead_to_listen() {
        let mut process = start("exit 0", "dead");
        let port = free_port().expect("there are ports");
        let until = Instant::now() + Duration::from_secs(60);
        // A program that another test is about to start still has the port's socket for a moment.
        process.wait(until);
        assert!(!listens(&mut process, port, until));
        assert!(process.ended().is_some());
    }
}
