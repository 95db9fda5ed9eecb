//! The server that is attacked: a process of its own, whose memory can be measured.

#[path = "../cli/listening.rs"]
mod listening;

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::wire::LONG;

/// Set by `cargo xtask`: what runs the component, one word a line.
const COMPONENT: &str = "WSCODEC_COMPONENT";

/// A bound on the memory of a native server that has not served anybody yet.
const EMPTY: u64 = 12 << 20;

/// `wscodec serve`, killed when it is dropped.
pub(crate) struct Served {
    child: Child,
    /// Its end stops the component, which knows no signals.
    input: Option<ChildStdin>,
    /// The memory that it has before it serves anybody, at most.
    empty: u64,
    pub(crate) address: SocketAddr,
    told: Arc<Mutex<Told>>,
    listening: Option<JoinHandle<()>>,
}

/// The bytes that it wrote to standard error.
#[derive(Default)]
struct Told {
    stats: HashMap<String, u64>,
    log: Vec<String>,
}

impl Served {
    pub(crate) fn new(options: &[&str]) -> Self {
        let mut child = command()
            .args(["serve", "--listen", "127.0.0.1:0", "--loops", "1"])
            .args(["--stats", "0.05", "--log", "info"])
            .args(options)
            .args(on_wasi().then_some("--stop-on-eof"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let url = listening::url(&mut child);
        let address = url.strip_prefix("ws://").unwrap().parse().unwrap();
        let told = Arc::<Mutex<Told>>::default();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let into = told.clone();
        let listening = thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut told = into.lock().unwrap();
                match line.strip_prefix("stats ") {
                    Some(figures) => told.stats = read_figures(figures),
                    None => told.log.push(line),
                }
            }
        });
        let mut this = Self {
            input: child.stdin.take(),
            child,
            empty: EMPTY,
            address,
            told,
            listening: Some(listening),
        };
        if on_wasi() {
            // The compiler's memory is in it too.
            this.empty = this.peak().unwrap_or(0);
        }
        this
    }

    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        self.input = None;
        if !on_wasi() {
            let pid = self.child.id().to_string();
            let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
            assert!(sent.unwrap().success());
        }
    }

    /// Waits for its end by itself, and gives its status.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// One of its figures, as last written.
    pub(crate) fn figure(&self, name: &str) -> u64 {
        let told = self.told.lock().unwrap();
        told.stats.get(name).copied().unwrap_or(0)
    }

    /// Waits for a figure to be as it should, touching the server so that it counts.
    pub(crate) fn figure_when(&self, name: &str, good: impl Fn(u64) -> bool) -> u64 {
        let start = Instant::now();
        loop {
            let figure = self.figure(name);
            if good(figure) {
                return figure;
            }
            assert!(start.elapsed() < LONG, "{name} is {figure}");
            drop(std::net::TcpStream::connect(self.address));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The resident memory of the process, in bytes; `None` where the system does not tell.
    pub(crate) fn resident(&self) -> Option<u64> {
        self.status("VmRSS:")
    }

    /// The most that the process ever had.
    pub(crate) fn peak(&self) -> Option<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    }

    /// Panics if the process ever had more than `most` bytes above what it has when it starts.
    pub(crate) fn assert_peak_below(&self, most: u64) {
        if let Some(peak) = self.peak() {
            assert!(peak < self.empty + most, "{peak} bytes");
        }
    }
}

/// Whether it is the component that is attacked.
pub(crate) fn on_wasi() -> bool {
    std::env::var_os(COMPONENT).is_some()
}

/// The native program, or the component with what runs it.
pub(crate) fn command() -> Command {
    match std::env::var(COMPONENT) {
        Ok(words) => {
            let mut words = words.split('\n');
            let mut command = Command::new(words.next().unwrap());
            command.args(words);
            command
        }
        Err(_) => Command::new(env!("CARGO_BIN_EXE_wscodec")),
    }
}

fn read_figures(line: &str) -> HashMap<String, u64> {
    let pairs = line.split(' ').filter_map(|pair| pair.split_once('='));
    pairs
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        let told = self.told.lock().unwrap();
        let panicked = told.log.iter().any(|it| it.contains("panicked"));
        assert!(!panicked || thread::panicking(), "{:?}", told.log);
    }
}
