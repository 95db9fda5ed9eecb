//! The component in a process of its own.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than anything here takes: what waits for it has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A server that runs; it is stopped by the end of its standard input.
pub(crate) struct Component {
    pub(crate) address: SocketAddr,
    child: Child,
    input: Option<ChildStdin>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// The component with these arguments, not started yet.
pub(crate) fn command(args: &[&str]) -> Command {
    let words = env::var("WSCODEC_COMPONENT").expect("`cargo xtask wasi test` runs this");
    let mut words = words.split('\n');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(args);
    command
}

/// Starts `wscodec serve` on a free port, with figures every tenth of a second.
pub(crate) fn serve(args: &[&str]) -> Component {
    let fixed = "serve --listen 127.0.0.1:0 --stop-on-eof --stats 0.1";
    let fixed: Vec<_> = fixed.split(' ').collect();
    let mut child = command(&[&fixed, args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = Arc::new(Mutex::new(String::new()));
    let (lines, to) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
    let reader = thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            let mut log = to.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ws://");
    let address = address.and_then(|it| it.parse().ok());
    let mut this = Component {
        address: SocketAddr::from(([0; 4], 0)),
        input: child.stdin.take(),
        child,
        log,
        reader: Some(reader),
    };
    match address {
        Some(address) => this.address = address,
        None => {
            this.kill();
            panic!("{line:?}, and {}", this.log());
        }
    }
    this
}

/// Runs the component to its end: its status, and what it wrote to each stream.
pub(crate) fn run(mut command: Command) -> (ExitStatus, String, String) {
    command.stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status, text(output.stdout), text(output.stderr))
}

impl Component {
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits for the figures to be as they should; gives the one of this name.
    pub(crate) fn stats_when(&self, of: &str, good: impl Fn(&dyn Fn(&str) -> u64) -> bool) -> u64 {
        let start = Instant::now();
        loop {
            let log = self.log();
            let last = log.lines().rfind(|line| line.starts_with("stats "));
            if let Some(line) = last {
                let figure = |name: &str| {
                    let mut words = line.split(' ').filter_map(|word| word.split_once('='));
                    let found = words.find(|(it, _)| *it == name).expect(name);
                    found.1.parse::<u64>().unwrap()
                };
                if good(&figure) {
                    return figure(of);
                }
            }
            assert!(start.elapsed() < LONG, "{log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends its standard input.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < LONG, "it does not stop: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn kill(&mut self) {
        // It fails only if the process is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads all that a stream gives; a reset is an end.
pub(crate) fn read_all(mut stream: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = vec![0; 65536];
    loop {
        match stream.read(&mut buf) {
            Ok(0) => return all,
            Ok(n) => all.extend_from_slice(&buf[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return all,
            Err(e) => panic!("{e} after {} bytes", all.len()),
        }
    }
}
