//! `wscodec serve --pipe` and `--forward`: processes and sockets behind connections.

#![cfg(unix)]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use harness::{Served, fed, text, wscodec};
use wscodec::CloseCode;
use wscodec::io::{Connection, Connector, Error};
use wscodec::message::Kind;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const LONG: Duration = Duration::from_secs(30);

fn wait_for(what: &str, mut good: impl FnMut() -> bool) {
    let start = Instant::now();
    while !good() {
        assert!(start.elapsed() < LONG, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn socket(url: &str) -> TcpStream {
    let address = url.strip_prefix("ws://").unwrap();
    let address = address.split('/').next().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

fn dial(url: &str) -> Result<Connection<TcpStream>, Error> {
    let stream = socket(url);
    Connector::default().connect_over(stream, wscodec::io::Transport::tcp(), url)
}

fn open(url: &str) -> Connection<TcpStream> {
    dial(url).unwrap()
}

/// The messages that are left, and the close code.
fn rest(ws: &mut Connection<TcpStream>) -> (Vec<(Kind, Vec<u8>)>, u16) {
    let mut messages = Vec::new();
    while let Some((message, _)) = ws.read().unwrap() {
        messages.push((message.kind, message.payload.to_vec()));
    }
    (messages, ws.outcome().unwrap().code.value())
}

fn next(ws: &mut Connection<TcpStream>) -> String {
    let (message, _) = ws.read().unwrap().unwrap();
    String::from_utf8(message.payload.to_vec()).unwrap()
}

fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("wscodec-{}-{name}", std::process::id()))
}

/// Whether a process with this number runs; one that waits to be reaped counts.
fn runs(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

/// Bytes of memory that a process has.
fn memory(served: &Served) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", served.child.id())).unwrap();
    let line = status.lines().find(|it| it.starts_with("VmRSS:")).unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() << 10
}

/// Hundredths of a second of CPU time.
fn cpu(served: &Served) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", served.child.id())).unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn messages_are_lines_of_a_process_and_its_lines_are_messages() {
    let served = Served::new(&["--pipe", "cat"]);
    let lines: String = (0..20_000).map(|i| format!("line {i} größer\n")).collect();
    let output = fed(&mut wscodec(&["connect", &served.url]), &lines);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), lines);
    // A line that is not UTF-8 is a binary message; a long one comes in fragments.
    let served = Served::new(&["--pipe", "cat"]);
    let mut ws = open(&served.url);
    let long = "ö".repeat(300_000);
    ws.queue().binary(b"\xff").unwrap();
    ws.queue().text(&long).unwrap();
    ws.queue().text("two\nlines").unwrap();
    ws.queue().text("").unwrap();
    ws.queue().close(CloseCode::new(4001), "").unwrap();
    let (messages, code) = rest(&mut ws);
    let text = |text: &str| (Kind::Text, text.as_bytes().to_vec());
    let binary = (Kind::Binary, vec![0xff]);
    assert!(messages == [binary, text(&long), text("two"), text("lines"), text("")]);
    assert_eq!(code, 4001);
}

#[test]
fn the_close_ends_the_input_and_the_output_behind_it_is_sent() {
    let served = Served::new(&["--pipe", "wc -l; printf last"]);
    let output = fed(&mut wscodec(&["connect", &served.url]), "a\nb\nc\n");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).trim(), "3\nlast");
    let served = Served::new(&["--pipe", "od -An -tx1", "--pipe-bytes"]);
    let output = fed(
        &mut wscodec(&["connect", "--binary", &served.url]),
        b"\x00\n\xff",
    );
    assert_eq!(text(&output.stdout), " 00 0a ff\n");
}

#[test]
fn a_process_has_an_environment_of_its_request() {
    let command = "echo $REMOTE_ADDR; echo \"$PATH_INFO?$QUERY_STRING\"; echo \"$HTTP_COOKIE\"; \
                   echo \"$WEBSOCKET_PROTOCOL\"; echo \"$HTTP_PROXY$HTTP_AUTHORIZATION\"; \
                   echo \"$LISTEN_FDS\"";
    let served = Served::new(&["--pipe", command, "--protocol", "chat"]);
    let url = format!("{}/a/b?c=d", served.url).replace("//a", "/a");
    let mut command = wscodec(&["connect", "--no-close", "--protocol", "chat", &url]);
    for header in ["Cookie: x=$(id)", "Proxy: evil", "Authorization: secret"] {
        command.args(["-H", header]);
    }
    let output = fed(&mut command, "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "127.0.0.1\n/a/b?c=d\nx=$(id)\nchat\n\n\n"
    );
}

#[test]
fn the_end_of_a_process_closes_the_connection_and_tells_success() {
    for (command, code, messages) in [
        ("echo bye", 1000, 1),
        ("echo bye; exit 3", 1011, 1),
        ("kill -9 $$", 1011, 0),
        ("no-such-command", 1011, 0),
    ] {
        let served = Served::new(&["--pipe", command, "--log", "off"]);
        let (found, closed) = rest(&mut open(&served.url));
        assert_eq!((found.len(), closed), (messages, code), "{command}");
    }
}

#[test]
fn standard_error_is_logged_safely() {
    let command = "printf '\\033[2Jred\\nlast' >&2; head -c 100000 /dev/zero >&2; echo >&2";
    let served = Served::new(&["--pipe", command]);
    assert_eq!(rest(&mut open(&served.url)).1, 1000);
    served.signal("TERM");
    let (status, log) = served.end();
    assert_eq!(status, Some(0));
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].starts_with("WARN process "), "{log}");
    assert!(lines[0].ends_with(": \\u001b[2Jred"), "{log}");
    assert!(lines[1].contains(": last\\u0000") && lines[1].len() < 50_000);
}

#[test]
fn a_process_and_those_it_has_started_end_with_their_connection() {
    // One ends at the end of its input, one at SIGTERM, one at SIGKILL.
    for (command, ends) in [
        ("sleep 1000 & echo $$ $!; cat", "input"),
        ("sleep 1000 & echo $$ $!; exec sleep 1001", "TERM"),
        (
            "trap '' TERM; sleep 1000 & echo $$ $!; while :; do sleep 1002; done",
            "KILL",
        ),
    ] {
        let served = Served::new(&["--pipe", command]);
        let mut ws = open(&served.url);
        let line = next(&mut ws);
        let pids: Vec<_> = line.split(' ').collect();
        assert_eq!(pids.len(), 2);
        assert!(pids.iter().all(|pid| runs(pid)), "{line}");
        // Without a close frame.
        drop(ws);
        wait_for(ends, || !pids.iter().any(|pid| runs(pid)));
    }
    // And with their server.
    let served = Served::new(&["--pipe", "echo $$; exec sleep 1000", "--grace", "0"]);
    let mut ws = open(&served.url);
    let pid = next(&mut ws);
    served.signal("TERM");
    assert_eq!(served.end().0, Some(0));
    assert!(!runs(&pid));
}

#[test]
fn a_second_signal_kills_the_processes_too() {
    let command = "trap '' TERM; echo $$; while :; do sleep 1000; done";
    let served = Served::new(&["--pipe", command, "--grace", "60"]);
    let mut ws = open(&served.url);
    let pid = next(&mut ws);
    // Two signals that are pending at the same time may count as one.
    wait_for("the end of the process", || {
        served.signal("TERM");
        thread::sleep(Duration::from_millis(50));
        !runs(&pid)
            || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|it| it.contains(") Z "))
    });
    assert_eq!(served.end().0, Some(128 + 15));
}

#[test]
fn the_number_of_processes_is_limited() {
    let served = Served::new(&["--pipe", "echo here; cat", "--max-processes", "2"]);
    let mut first = open(&served.url);
    let mut second = open(&served.url);
    assert_eq!(
        (next(&mut first), next(&mut second)),
        ("here".into(), "here".into())
    );
    match dial(&served.url) {
        Err(Error::Rejected(rejected)) => assert_eq!(rejected.status(), 503),
        other => panic!("{other:?}"),
    }
    first.queue().close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(rest(&mut first).1, 1000);
    let mut third = None;
    wait_for("a place that has become free", || {
        third = dial(&served.url).ok();
        third.is_some()
    });
    assert_eq!(next(&mut third.unwrap()), "here");
}

#[test]
fn neither_side_runs_ahead_of_the_other_and_others_are_served() {
    // A process that writes without end, and one that reads nothing.
    for command in [
        "case $PATH_INFO in /echo) cat;; *) exec yes \"$(seq 1000)\";; esac",
        "case $PATH_INFO in /echo) cat;; *) exec sleep 1000;; esac",
    ] {
        let served = Served::new(&["--pipe", command, "--loops", "1", "--no-deflate"]);
        let mut others = open(&format!("{}/echo", served.url.trim_end_matches('/')));
        let before = memory(&served);
        let mut stream = socket(&served.url);
        stream.write_all(REQUEST).unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        stream.set_nonblocking(true).unwrap();
        let frame = [&b"\x82\xfe\xff\xff\0\0\0\0"[..], &[7; 65535]].concat();
        let (mut sent, mut idle) = (0_usize, 0);
        // The client reads nothing, and sends as much as it can.
        while idle < 20 && sent < 256 << 20 {
            match stream.write(&frame[sent % frame.len()..]) {
                Ok(n) => (sent, idle) = (sent + n, 0),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    idle += 1;
                    thread::sleep(Duration::from_millis(10));
                }
                Err(e) => panic!("{e}"),
            }
        }
        assert!(sent < 64 << 20, "{command}: the server takes all");
        let more = memory(&served).saturating_sub(before);
        assert!(more < 16 << 20, "{command}: {more} bytes more");
        let start = cpu(&served);
        for i in 0..50 {
            let line = format!("line {i}");
            others.queue().text(&line).unwrap();
            others.queue().flush().unwrap();
            assert_eq!(next(&mut others), line);
            thread::sleep(Duration::from_millis(10));
        }
        let took = cpu(&served) - start;
        assert!(took < 25, "{took} hundredths of a second for 50 lines");
    }
}

#[test]
fn all_output_of_a_process_reaches_a_client_that_reads_slowly() {
    let served = Served::new(&["--pipe", "seq 300000", "--no-deflate"]);
    let mut ws = open(&served.url);
    // The process has ended long before its output is read, but its last bytes wait.
    let mut expected = 1..=300_000;
    while let Some((message, _)) = ws.read().unwrap() {
        let number: u32 = text(message.payload).parse().unwrap();
        assert_eq!(Some(number), expected.next());
        if number.is_multiple_of(100_000) {
            thread::sleep(Duration::from_millis(200));
        }
    }
    assert_eq!(expected.next(), None);
    assert_eq!(ws.outcome().unwrap().code, CloseCode::NORMAL);
}

/// Serves one client by TCP.
fn target(serve: impl FnOnce(TcpStream) + Send + 'static) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tcp:{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        serve(stream);
    });
    (target, thread)
}

#[test]
fn bytes_go_through_a_tunnel_with_half_closes() {
    // It answers when it has read all.
    let (place, thread) = target(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all.reverse();
        stream.write_all(&all).unwrap();
    });
    let served = Served::new(&["--forward", &place]);
    let input: Vec<u8> = (0..1_000_000_u32)
        .map(|i| (i.wrapping_mul(i) >> 7) as u8)
        .collect();
    let output = fed(&mut wscodec(&["connect", "--binary", &served.url]), &input);
    assert!(output.status.success(), "{}", text(&output.stderr));
    thread.join().unwrap();
    let back: Vec<u8> = output.stdout.into_iter().rev().collect();
    assert!(back == input, "{} of {} bytes", back.len(), input.len());
    // It ends its output, and reads on.
    let (place, thread) = target(|mut stream| {
        stream.write_all(b"first").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"last");
    });
    let served = Served::new(&["--forward", &place]);
    let mut ws = open(&served.url);
    ws.queue().binary(b"last").unwrap();
    ws.queue().flush().unwrap();
    let (messages, code) = rest(&mut ws);
    assert_eq!(
        (messages, code),
        (vec![(Kind::Binary, b"first".to_vec())], 1000)
    );
    thread.join().unwrap();
}

#[test]
fn a_tunnel_leads_to_a_unix_socket_and_its_target_may_be_missing() {
    let path = temporary("target");
    let listener = UnixListener::bind(&path).unwrap();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&mut stream).read_line(&mut line).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
    });
    let place = format!("unix:{}", path.display());
    let served = Served::new(&["--forward", &place, "--log", "off"]);
    let mut ws = open(&served.url);
    ws.queue().text("line\n").unwrap();
    ws.queue().flush().unwrap();
    assert_eq!(
        rest(&mut ws),
        (vec![(Kind::Binary, b"line\n".to_vec())], 1000)
    );
    thread.join().unwrap();
    fs::remove_file(path).unwrap();
    match dial(&served.url) {
        Err(Error::Rejected(rejected)) => assert_eq!(rejected.status(), 502),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pages_of_other_sites_do_not_reach_a_backend() {
    for (backend, status) in [
        (&["--pipe", "cat"][..], 403),
        (&["--forward", "tcp:127.0.0.1:9"], 403),
        (&["--pipe", "cat", "--origin", "any"], 101),
        (&[], 101),
    ] {
        let served = Served::new(backend);
        let mut command = wscodec(&["connect", "-H", "Origin: https://evil.example", &served.url]);
        let output = fed(&mut command, "");
        let errors = text(&output.stderr);
        assert_eq!(output.status.success(), status == 101, "{errors}");
        assert_eq!(errors.contains("403"), status == 403, "{errors}");
    }
}

#[test]
fn options_for_backends_are_checked() {
    for arguments in [
        &["--pipe", "cat", "--broadcast"][..],
        &["--pipe", "cat", "--forward", "unix:/x"],
        &["--pipe-bytes"],
        &["--forward", "127.0.0.1:80"],
        &["--forward", "tcp:host"],
        &["--forward", "tcp::80"],
        &["--forward", "tcp:host:0"],
        &["--forward", "unix:"],
        &["--max-processes", "0"],
    ] {
        let mut command = wscodec(&["serve"]);
        let output = command
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
