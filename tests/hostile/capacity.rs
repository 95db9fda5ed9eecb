//! As many idle connections in one process as are asked for, and their memory. Run by
//! `cargo xtask capacity`.
//!
//! Problem: each end of a connection needs a descriptor, and the system limits the descriptors of a
//! process. Where the limit can't be raised, such as in a container, it is far below 100,000.
//!
//! Choice: the server is a process of its own. The limit holds for a table of descriptors, and on Linux
//! threads may have tables of their own (`unshare` with `CLONE_FILES`). So the server's process has as
//! many tables as it needs, each with an event loop that listens on the same port, and the clients
//! likewise. On other systems the test measures fewer connections, and says so.
//!
//! A client's address has some 28,000 ports for connections to one server, so the clients have several
//! addresses of the loopback network.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use wscodec_server::{Echo, Server, ServerHandle, ServerOptions};

use crate::wire::request;

/// Connections from one address of the client: the system searches for a free port, and the search
/// takes long once most ports are taken.
const EACH: usize = 5_000;
/// Descriptors that a table needs besides those of the connections.
const OTHERS: usize = 100;
/// Bytes of memory for a connection, as the documentation states it, and the parts of the allocator.
const MOST: u64 = 1 << 10;
/// How long anything here may take on a machine that is busy with other things.
const VERY_LONG: Duration = Duration::from_secs(300);
/// Tells the process of the server how many tables of descriptors it needs.
const TABLES: &str = "WSCODEC_CAPACITY_TABLES";

/// Gives the thread a table of descriptors of its own.
#[cfg(target_os = "linux")]
fn own_table() {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_FILES).unwrap();
}

#[cfg(not(target_os = "linux"))]
fn own_table() {}

/// The descriptors that a table may have.
fn most_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.map_or(1024, |soft| soft.parse().unwrap_or(usize::MAX))
}

/// The figures of all servers of the process: connections, and bytes counted for them.
fn figures(handles: &[ServerHandle]) -> (u64, u64) {
    let stats = handles.iter().map(|it| it.metrics().stats);
    stats.fold((0, 0), |sum, it| (sum.0 + it.open, sum.1 + it.memory))
}

/// The process of the server: tells its address, and then its figures for each line of its input.
#[test]
#[ignore = "cargo xtask capacity runs it in a process of its own"]
fn serves_idle_connections() {
    let Ok(tables) = std::env::var(TABLES).map(|it| it.parse::<usize>().unwrap()) else {
        return;
    };
    let mut address = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut handles = Vec::new();
    for _ in 0..tables {
        let mut options = ServerOptions::new(address);
        options.max_connections = 1_000_000;
        options.max_connections_per_address = None;
        options.max_opening_per_address = None;
        options.handshake_timeout = Duration::MAX;
        if tables > 1 {
            (options.loops, options.reuse_port) = (1, true);
        }
        // A table begins as a copy: the handle finds the loop's descriptors in this thread's table too.
        let server = Server::bind(options).unwrap();
        address = server.addresses()[0];
        handles.push(server.handle());
        thread::spawn(move || {
            if tables > 1 {
                own_table();
            }
            server.run(|_| Echo).unwrap();
        });
    }
    // The harness of the tests writes to standard output too, so that each line has a mark.
    println!("\n: address {address}");
    for line in std::io::stdin().lines() {
        line.unwrap();
        let (open, memory) = figures(&handles);
        println!("\n: figures {open} {memory}");
    }
}

/// The process of the server, killed when it is dropped.
struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    address: SocketAddr,
}

impl Process {
    fn new(tables: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "capacity::serves_idle_connections"])
            .arg("--nocapture")
            .env(TABLES, tables.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(line) = line.strip_prefix(": ") {
                    let _ = sender.send(line.to_owned());
                }
            }
        });
        let line = lines.recv_timeout(VERY_LONG).unwrap();
        Self {
            address: line.strip_prefix("address ").unwrap().parse().unwrap(),
            input: child.stdin.take().unwrap(),
            lines,
            child,
        }
    }

    /// Connections, and bytes counted for them, once the figures are good.
    fn figures_when(&mut self, good: impl Fn(u64, u64) -> bool) -> (u64, u64) {
        let start = Instant::now();
        loop {
            writeln!(self.input).unwrap();
            let line = self.lines.recv_timeout(VERY_LONG).unwrap();
            let (open, memory) = line
                .strip_prefix("figures ")
                .unwrap()
                .split_once(' ')
                .unwrap();
            let (open, memory) = (open.parse().unwrap(), memory.parse().unwrap());
            if good(open, memory) {
                return (open, memory);
            }
            assert!(
                start.elapsed() < VERY_LONG,
                "{open} connections, {memory} bytes"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The resident memory, in bytes; 0 where the system does not tell.
    fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        kib.map_or(0, |kib| kib.trim().parse::<u64>().unwrap() << 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(server: SocketAddr, number: usize) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address = u32::from(Ipv4Addr::new(127, 0, 0, 2)) + (number / EACH) as u32;
    socket
        .bind(&SocketAddr::from((Ipv4Addr::from(address), 0)).into())
        .unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(VERY_LONG)).unwrap();
    stream
}

/// Reads the answer to the request, up to its end.
fn accepted(stream: &mut TcpStream) {
    let mut answer = Vec::new();
    let mut buffer = [0; 512];
    while !answer.ends_with(b"\r\n\r\n") {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "{}", answer.escape_ascii());
        answer.extend_from_slice(&buffer[..n]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
}

#[test]
#[ignore = "cargo xtask capacity"]
fn idle_connections_cost_little_memory() {
    let asked = std::env::var("WSCODEC_CAPACITY").ok();
    let asked = asked.map_or(100_000, |it| it.parse::<usize>().unwrap());
    let each = most_files().saturating_sub(OTHERS);
    let several = cfg!(target_os = "linux") && asked > each;
    // The system does not deal connections out evenly.
    let tables = match several {
        true => asked.div_ceil(each - each / 8),
        false => 1,
    };
    let number = if several { asked } else { asked.min(each) };
    let mut process = Process::new(tables);
    let (before, address) = (process.resident(), process.address);
    let start = Instant::now();
    let took = Mutex::new(Duration::ZERO);
    let (opened, all_opened) = mpsc::channel();
    let request = request("");
    thread::scope(|scope| {
        // If something fails, a channel is dropped, and nobody waits for ever.
        let mut go_on = Vec::new();
        for table in 0..tables {
            let (request, opened, took) = (&request, opened.clone(), &took);
            let (sender, measured) = mpsc::channel::<()>();
            go_on.push(sender);
            let share = table * number / tables..(table + 1) * number / tables;
            scope.spawn(move || {
                if tables > 1 {
                    own_table();
                }
                let connect = |number| {
                    let mut stream = open(address, number);
                    stream.write_all(request).unwrap();
                    stream
                };
                let mut streams: Vec<_> = share.map(connect).collect();
                streams.iter_mut().for_each(accepted);
                *took.lock().unwrap() = start.elapsed();
                opened.send(()).unwrap();
                drop(opened);
                if measured.recv().is_err() {
                    return;
                }
                // All of them are alive.
                for stream in &mut streams {
                    stream.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
                }
                for stream in &mut streams {
                    let mut echo = [0; 4];
                    stream.read_exact(&mut echo).unwrap();
                    assert_eq!(&echo, b"\x81\x02hi");
                }
            });
        }
        drop(opened);
        assert_eq!(all_opened.iter().count(), tables, "a thread has failed");
        let all = number as u64;
        let (_, counted) = process.figures_when(|open, memory| open >= all && memory > all * 100);
        let resident = process.resident().saturating_sub(before) / all;
        for sender in &go_on {
            sender.send(()).unwrap();
        }
        println!(
            "{number} connections in one process: {} bytes each by the server's count, {resident} \
             bytes each in the process, opened in {:.1?}",
            counted / all,
            took.lock().unwrap()
        );
        if tables > 1 {
            println!(
                "with {tables} event loops, each with a table of descriptors of its own, because \
                 `ulimit -n` leaves {each} for connections"
            );
        }
        if number < asked {
            println!("fewer than {asked}, because `ulimit -n` leaves {each} for them");
        }
        assert!(
            counted / all < MOST,
            "{} bytes for a connection",
            counted / all
        );
    });
}
