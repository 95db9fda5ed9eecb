//! `wscodec serve` as a process among others: signals, pauses, limits of the system, and a standard
//! error that nobody reads.

#![cfg(target_os = "linux")]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// Longer than anything here takes: a test that waits for it has failed.
const LONG: Duration = Duration::from_secs(20);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A server that is killed when it is dropped. Nobody reads its standard error, unless a test does.
struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    fn new(arguments: &[&str]) -> Self {
        Self::limited("true", arguments)
    }

    /// Runs a command of the shell before the server, in the same process: `ulimit`.
    fn limited(before: &str, arguments: &[&str]) -> Self {
        let script = format!("{before} && exec \"$@\"");
        let mut child = Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_wscodec")])
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let url = harness::listening::url(&mut child);
        Self {
            address: url.strip_prefix("ws://").unwrap().parse().unwrap(),
            child,
        }
    }

    fn signal(&self, name: &str) {
        harness::signal(&self.child, name);
    }

    /// Stops the process with SIGSTOP, and waits until it has stopped.
    fn stop(&self) {
        self.signal("STOP");
        let path = format!("/proc/{}/stat", self.child.id());
        wait_for(|| {
            let stat = fs::read_to_string(&path).unwrap();
            stat.rsplit(')').next().unwrap().trim().starts_with('T')
        });
    }

    fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().unwrap()
    }

    /// Time on the processor so far, in hundredths of a second.
    fn cpu(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split(' ').collect();
        fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap()
    }

    fn end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_for(|| {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(mut good: impl FnMut() -> bool) {
    let start = Instant::now();
    while !good() {
        assert!(start.elapsed() < LONG, "it does not happen");
        thread::sleep(Duration::from_millis(5));
    }
}

fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    stream
}

fn open(address: SocketAddr) -> TcpStream {
    let mut stream = dial(address);
    stream.write_all(REQUEST).unwrap();
    assert_eq!(status(&mut stream), "101");
    stream
}

/// Reads an answer's head, and gives its status.
fn status(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Ok(_) => return format!("the end after {} bytes", head.len()),
            Err(e) => return format!("{e} after {} bytes", head.len()),
        }
    }
    String::from_utf8_lossy(&head[9..12]).into_owned()
}

fn echo(stream: &mut TcpStream) {
    stream.write_all(b"\x82\x82\0\0\0\0hi").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x82\x02hi");
}

fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = vec![0; 65536];
    loop {
        match stream.read(&mut buf) {
            Ok(0) => return all,
            Ok(n) => all.extend_from_slice(&buf[..n]),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => return all,
            Err(e) => panic!("{e} after {} bytes", all.len()),
        }
    }
}

#[test]
fn requests_that_arrived_while_the_process_was_stopped_are_accepted() {
    let server = Served::new(&["--handshake-timeout", "3", "--loops", "1"]);
    let mut clients: Vec<_> = (0..20).map(|_| dial(server.address)).collect();
    for client in &mut clients {
        client.write_all(&REQUEST[..20]).unwrap();
    }
    // The server has accepted them, and waits for the rest.
    echo(&mut open(server.address));
    server.stop();
    for client in &mut clients {
        client.write_all(&REQUEST[20..]).unwrap();
    }
    // Longer than the server gives them.
    thread::sleep(Duration::from_millis(3500));
    server.signal("CONT");
    for client in &mut clients {
        assert_eq!(status(client), "101");
        echo(client);
    }
}

#[test]
fn pongs_that_arrived_while_the_process_was_stopped_count() {
    let server = Served::new(&["--heartbeat", "0.2", "--pong-timeout", "3", "--loops", "1"]);
    let mut clients: Vec<_> = (0..60).map(|_| open(server.address)).collect();
    for client in &mut clients {
        let mut ping = [0; 2];
        client.read_exact(&mut ping).unwrap();
        assert_eq!(&ping, b"\x89\x00");
    }
    server.stop();
    for client in &mut clients {
        client.write_all(b"\x8a\x80\0\0\0\0").unwrap();
    }
    thread::sleep(Duration::from_millis(3500));
    server.signal("CONT");
    for client in &mut clients {
        client.write_all(b"\x82\x82\0\0\0\0hi").unwrap();
        let mut answer = [0; 2];
        client.read_exact(&mut answer).unwrap();
        while answer == *b"\x89\x00" {
            client.write_all(b"\x8a\x80\0\0\0\0").unwrap();
            client.read_exact(&mut answer).unwrap();
        }
        assert_eq!(&answer, b"\x82\x02", "the echo");
    }
}

#[test]
fn a_standard_error_that_nobody_reads_stops_nobody() {
    let mut server = Served::new(&["--log", "trace", "--stats", "0.001", "--loops", "1"]);
    // Each writes several lines of 50 bytes and more; a pipe holds 64 KiB.
    for _ in 0..1500 {
        echo(&mut open(server.address));
    }
    // When somebody reads, the number of lines that were dropped is told.
    let lines = BufReader::new(server.stderr()).lines();
    let mut lines = lines.map_while(Result::ok);
    let dropped = lines.find(|line| line.ends_with("log lines were dropped"));
    assert!(dropped.is_some());
    drop(lines);
    echo(&mut open(server.address));
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_server_whose_standard_error_is_full_can_be_stopped() {
    let mut server = Served::new(&["--log", "trace", "--loops", "1"]);
    for _ in 0..1500 {
        echo(&mut open(server.address));
    }
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_signal_stops_it_after_all_that_arrived_is_answered() {
    let mut server = Served::new(&["--loops", "1", "--grace", "10"]);
    let mut busy = open(server.address);
    let mut half = open(server.address);
    let mut begun = dial(server.address);
    begun.write_all(&REQUEST[..20]).unwrap();
    half.write_all(b"\x82\x84\0\0\0\0ha").unwrap();
    echo(&mut open(server.address));
    // All of this has arrived when the signal comes, the last two in the backlog.
    server.stop();
    for _ in 0..125 {
        busy.write_all(b"\x82\x82\0\0\0\0hi").unwrap();
    }
    let mut waiting = dial(server.address);
    waiting.write_all(REQUEST).unwrap();
    let mut silent = dial(server.address);
    server.signal("TERM");
    server.signal("CONT");
    assert_eq!(status(&mut begun), "503");
    // The event loop may have read this one before it learned of the signal.
    match &status(&mut waiting)[..] {
        "101" => {
            let mut close = [0; 4];
            waiting.read_exact(&mut close).unwrap();
            assert_eq!((close[0], &close[2..]), (0x88, &b"\x03\xe9"[..]));
        }
        other => assert_eq!(other, "503"),
    }
    assert_eq!(status(&mut silent), "503");
    let mut answers = vec![0; 125 * 4 + 4];
    busy.read_exact(&mut answers).unwrap();
    assert_eq!(answers[..500], b"\x82\x02hi".repeat(125));
    assert_eq!((answers[500], &answers[502..]), (0x88, &b"\x03\xe9"[..]));
    busy.write_all(b"\x88\x82\0\0\0\0\x03\xe9").unwrap();
    half.write_all(b"lf").unwrap();
    let mut answer = [0; 10];
    half.read_exact(&mut answer).unwrap();
    assert_eq!(&answer[..6], b"\x82\x04half");
    assert_eq!((answer[6], &answer[8..]), (0x88, &b"\x03\xe9"[..]));
    half.write_all(b"\x88\x82\0\0\0\0\x03\xe9").unwrap();
    drop((busy, half, begun, waiting, silent));
    assert_eq!(server.end().code(), Some(0));
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn thousands_may_wait_to_be_accepted() {
    let most = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let most: usize = most.trim().parse().unwrap();
    // So many get no SYN again, which would come after a second at the earliest.
    let count = most.min(4096).min(1000);
    let server = Served::new(&["--loops", "1"]);
    server.stop();
    let clients: Vec<_> = (0..count)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let quick = Duration::from_millis(900);
            let connected = socket.connect_timeout(&server.address.into(), quick);
            connected.map(|()| TcpStream::from(socket))
        })
        .collect();
    server.signal("CONT");
    let refused = clients.iter().filter(|it| it.is_err()).count();
    assert_eq!(refused, 0, "of {count}");
    let mut clients = clients.into_iter().flatten();
    let mut last = clients.next_back().unwrap();
    last.set_read_timeout(Some(LONG)).unwrap();
    last.write_all(REQUEST).unwrap();
    assert_eq!(status(&mut last), "101");
}

#[test]
fn without_descriptors_it_rests_and_goes_on_when_there_are_some() {
    let mut server = Served::limited("ulimit -n 40", &["--loops", "1"]);
    let mut good = open(server.address);
    let mut others: Vec<_> = (0..60).map(|_| dial(server.address)).collect();
    let mut line = String::new();
    let mut errors = BufReader::new(server.stderr());
    errors.read_line(&mut line).unwrap();
    assert!(line.contains("can't accept connections"), "{line}");
    let before = server.cpu();
    for _ in 0..100 {
        echo(&mut good);
        thread::sleep(Duration::from_millis(10));
    }
    let took = server.cpu() - before;
    assert!(took < 20, "{took} hundredths of a second in one second");
    // The last ones have their turn as soon as the first ones have gone.
    let mut last = others.split_off(40);
    drop(others);
    for client in &mut last {
        client.write_all(REQUEST).unwrap();
        assert_eq!(status(client), "101");
    }
}

/// The head of a first fragment, or of a last one, with a payload of 1 MiB.
fn fragment(first: bool) -> Vec<u8> {
    let head = [
        if first { 0x02 } else { 0x00 },
        0xff,
        0,
        0,
        0,
        0,
        0,
        0x10,
        0,
        0,
        0,
        0,
        0,
        0,
    ];
    [&head[..], &vec![7; 1 << 20]].concat()
}

#[test]
fn without_memory_single_connections_end_and_the_others_are_served() {
    // Half a GiB of addresses, the program itself among them.
    let mut server = Served::limited("ulimit -v 524288", &["--loops", "1"]);
    let mut good = open(server.address);
    let mut hungry = Vec::new();
    let mut ended = 0;
    for _ in 0..20 {
        let mut stream = open(server.address);
        stream.write_all(&fragment(true)).unwrap();
        // Up to 60 MiB, below the limit of a message.
        for _ in 0..59 {
            if stream.write_all(&fragment(false)).is_err() {
                break;
            }
        }
        echo(&mut good);
        hungry.push(stream);
    }
    for mut stream in hungry {
        stream.set_nonblocking(true).unwrap();
        let mut close = [0; 4];
        match stream.read(&mut close) {
            Ok(4) => {
                assert_eq!((close[0], &close[2..]), (0x88, &b"\x03\xf5"[..]));
                ended += 1;
            }
            Ok(_) => ended += 1,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(_) => ended += 1,
        }
    }
    assert!(ended > 8, "{ended} connections ended");
    echo(&mut good);
    echo(&mut open(server.address));
    assert!(server.child.try_wait().unwrap().is_none());
}

#[test]
fn by_default_all_connections_together_hold_at_most_a_gibibyte() {
    let help = Command::new(env!("CARGO_BIN_EXE_wscodec"))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("--max-memory"));
    let options = wscodec_server::ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    assert_eq!(options.max_memory, Some(1 << 30));
}

#[test]
fn hosts_that_are_not_allowed_get_status_421() {
    let server = Served::new(&["--allow-host", "localhost", "--loops", "1"]);
    echo(&mut open(server.address));
    let mut stream = dial(server.address);
    let request = String::from_utf8(REQUEST.to_vec()).unwrap();
    let rebound = request.replace("Host: localhost", "Host: evil.example");
    stream.write_all(rebound.as_bytes()).unwrap();
    let answer = read_all(&mut stream);
    assert!(answer.starts_with(b"HTTP/1.1 421 "));
}

/// Sends a message over any stream, and expects it back.
fn talk(mut stream: impl Read + Write) {
    stream.write_all(REQUEST).unwrap();
    stream.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x81\x02hi") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
}

#[test]
fn sockets_are_served_that_are_handed_over_as_by_systemd() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let path = std::env::temp_dir().join(format!("wscodec-handed-{}", std::process::id()));
    let unix = UnixListener::bind(&path).unwrap();
    // The shell gives them the numbers 3 and 4, and the server its own process.
    let script = "exec 3<&0 4<&2 </dev/null 2>/dev/null; \
        LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" serve";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_wscodec")])
        .stdin(OwnedFd::from(tcp))
        .stdout(Stdio::piped())
        .stderr(OwnedFd::from(unix))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert_eq!(
        line,
        format!("listening on ws://{address}"),
        "and not on the default address"
    );
    talk(TcpStream::connect(address).unwrap());
    talk(UnixStream::connect(&path).unwrap());
    let pid = child.id().to_string();
    Command::new("kill").arg(&pid).status().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(path.exists(), "it is not the server's to remove");
    fs::remove_file(path).unwrap();
}

#[test]
fn unix_sockets_are_made_and_removed_and_a_stale_one_is_replaced() {
    let path = std::env::temp_dir().join(format!("wscodec-made-{}", std::process::id()));
    drop(UnixListener::bind(&path).unwrap());
    let listen = format!("unix:{}", path.display());
    let served = Served::new(&["--listen", &listen]);
    // It is printed behind the address.
    wait_for(|| UnixStream::connect(&path).is_ok());
    talk(UnixStream::connect(&path).unwrap());
    talk(TcpStream::connect(served.address).unwrap());
    let second = Command::new(env!("CARGO_BIN_EXE_wscodec"))
        .args(["serve", "--listen", &listen])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains(&listen));
    talk(UnixStream::connect(&path).unwrap());
    served.signal("TERM");
    wait_for(|| !path.exists());
}

#[test]
fn figures_and_health_are_answered_if_that_is_asked_for() {
    let ask = |served: &Served, path: &str| {
        let mut stream = TcpStream::connect(served.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let served = Served::new(&["--metrics"]);
    talk(TcpStream::connect(served.address).unwrap());
    assert!(ask(&served, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    wait_for(|| ask(&served, "/metrics").contains("\nwscodec_messages_received_total 1\n"));
    let served = Served::new(&[]);
    assert!(ask(&served, "/metrics").starts_with("HTTP/1.1 400 "));
}

#[test]
fn tls_is_spoken_with_the_certificate_in_the_files_and_renewed_at_sighup() {
    let path = |end: &str| {
        let name = format!("wscodec-serve-{}-{end}.pem", std::process::id());
        std::env::temp_dir().join(name)
    };
    let (certificate, key) = (path("certificate"), path("key"));
    let renew = || {
        let new = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&certificate, new.cert.pem()).unwrap();
        fs::write(&key, new.signing_key.serialize_pem()).unwrap();
        rustls::pki_types::CertificateDer::from(new.cert)
    };
    let reaches = |trusted: &rustls::pki_types::CertificateDer<'static>, address| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots);
        let name = "localhost".try_into().unwrap();
        let config = std::sync::Arc::new(config.with_no_client_auth());
        let client = rustls::ClientConnection::new(config, name).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let mut stream = rustls::StreamOwned::new(client, stream);
        let trusts = stream.write_all(REQUEST).is_ok();
        if trusts {
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"HTTP/1.1 101");
        }
        trusts
    };
    let old = renew();
    let files = [&certificate, &key].map(|path| path.to_str().unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_wscodec"))
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--cert",
            files[0],
            "--key",
            files[1],
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let address: SocketAddr = line
        .strip_prefix("listening on wss://")
        .unwrap()
        .parse()
        .unwrap();
    let served = Served { child, address };
    assert!(reaches(&old, address));
    let new = renew();
    assert!(!reaches(&new, address), "it was not told yet");
    // The client of this program.
    let ask = |options: &[&str]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wscodec"))
            .arg("connect")
            .args(options)
            .arg(format!("wss://localhost:{}/", address.port()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may have ended already.
        let _ = child.stdin.take().unwrap().write_all(b"hello\n");
        let output = child.wait_with_output().unwrap();
        let texts = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        (output.status.code(), texts)
    };
    let (status, [_, why]) = ask(&[]);
    assert!(status == Some(1) && why.contains("is not trusted"), "{why}");
    let (status, [echo, warning]) = ask(&["--insecure"]);
    assert_eq!((status, &echo[..]), (Some(0), "hello\n"));
    assert!(warning.contains("WARNING"));
    let (status, [_, why]) = ask(&["--ca", files[0]]);
    assert!(status == Some(1) && why.contains("is not trusted"), "{why}");
    served.signal("HUP");
    wait_for(|| reaches(&new, address));
    assert!(!reaches(&old, address));
    let (status, [echo, silence]) = ask(&["--ca", files[0]]);
    assert_eq!((status, &echo[..], &silence[..]), (Some(0), "hello\n", ""));
    let half = Command::new(env!("CARGO_BIN_EXE_wscodec"))
        .args(["serve", "--listen", "127.0.0.1:0", "--cert", files[0]])
        .output()
        .unwrap();
    assert_eq!(half.status.code(), Some(2));
    fs::remove_file(certificate).unwrap();
    fs::remove_file(key).unwrap();
}
