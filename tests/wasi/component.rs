//! The component in a process of its own.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
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
    /// Standard error that nobody reads. It stays open.
    _unread: Option<BufReader<ChildStderr>>,
}

/// The component with these arguments, not started yet.
pub(crate) fn command(args: &[&str]) -> Command {
    let words = env::var("WSCODEC_COMPONENT").expect("`cargo xtask wasi test` runs this");
    let mut words = words.split('\n');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(args);
    command
}

/// An example of `examples/wasi` with these arguments, not started yet. The components of all examples
/// are in the same folder.
pub(crate) fn example(name: &str, args: &[&str]) -> Command {
    let component = command(&[]);
    let mut words: Vec<_> = component.get_args().collect();
    let file = Path::new(words.pop().unwrap()).with_file_name(format!("{name}.wasm"));
    let mut command = Command::new(component.get_program());
    command.args(words).arg(file).args(args);
    command
}

/// Starts `wscodec serve` on a free port, with figures every tenth of a second.
pub(crate) fn serve(args: &[&str]) -> Component {
    let args = [&["--stats", "0.1"], args].concat();
    start(serving(&args), true)
}

/// `wscodec serve` on a free port, not started yet.
pub(crate) fn serving(args: &[&str]) -> Command {
    let fixed = ["serve", "--listen", "127.0.0.1:0", "--stop-on-eof"];
    command(&[&fixed, args].concat())
}

/// The same after a command of the shell, in the same process: `ulimit`.
#[cfg(unix)]
pub(crate) fn limited(before: &str, inner: &Command) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} && exec \"$@\""), "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command
}

/// Starts a server. Its standard error is read, or nobody reads it.
pub(crate) fn start(mut command: Command, reads: bool) -> Component {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = Arc::new(Mutex::new(String::new()));
    let (lines, to) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
    let mut unread = Some(lines);
    let reader = reads.then(|| {
        let lines = unread.take().unwrap();
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut log = to.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        })
    });
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, first) = mpsc::channel();
    thread::spawn(move || {
        output
            .lines()
            .map_while(Result::ok)
            .try_for_each(|it| sender.send(it))
    });
    let line = first.recv_timeout(LONG).unwrap_or_default();
    let address = line.trim().strip_prefix("listening on ws://");
    let address = address.and_then(|it| it.parse().ok());
    let mut this = Component {
        address: SocketAddr::from(([0; 4], 0)),
        input: child.stdin.take(),
        child,
        log,
        reader,
        _unread: unread,
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

/// Runs the component to its end, but not for ever, with this as its standard input: its status,
/// and what it wrote to each stream.
pub(crate) fn run(mut command: Command, input: &str) -> (ExitStatus, String, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It fails if the component has ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut text = String::new();
            pipe.map(|mut it| it.read_to_string(&mut text));
            text
        })
    };
    let output = read(child.stdout.take().map(|it| Box::new(it) as _));
    let errors = read(child.stderr.take().map(|it| Box::new(it) as _));
    let status = ends(&mut child);
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let (output, errors) = (output.join().unwrap(), errors.join().unwrap());
    let status = status.unwrap_or_else(|| panic!("it does not end: {output}{errors}"));
    (status, output, errors)
}

/// Waits for the end; `None` if it does not come.
fn ends(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < LONG {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}

impl Component {
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// One of its figures, as last written.
    pub(crate) fn figure(&self, name: &str) -> Option<u64> {
        let log = self.log();
        let line = log.lines().rfind(|line| line.starts_with("stats "))?;
        let mut words = line.split(' ').filter_map(|word| word.split_once('='));
        words.find(|(it, _)| *it == name)?.1.parse().ok()
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

    /// The resident memory of the process, host and guest, in bytes; `None` where the system does not
    /// tell, and on Node, which has garbage in it.
    pub(crate) fn resident(&self) -> Option<u64> {
        if command(&[]).get_program() == "node" {
            return None;
        }
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    }

    /// Sends the process a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Time on the processor so far, in hundredths of a second.
    #[cfg(target_os = "linux")]
    pub(crate) fn cpu(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split(' ').collect();
        fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap()
    }

    /// Ends its standard input.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let status = ends(&mut self.child);
        status.unwrap_or_else(|| panic!("it does not stop: {}", self.log()))
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
