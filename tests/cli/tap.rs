//! `wscodec tap` between clients and servers that do what a test needs.

#![cfg(unix)]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use harness::{Served, fed, request, serves, signal, text, wscodec};
use serde_json::Value;
use wscodec::io::Acceptor;

const ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const REQUEST: &str = "GET /client?q HTTP/1.1\r\nHost: tap.example\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nOrigin: http://page.example\r\n\
    Cookie: sid=1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A tap that is killed when it is dropped.
struct Tapped {
    child: Option<Child>,
    errors: BufReader<ChildStderr>,
    /// A URL, for example `ws://127.0.0.1:5000`.
    url: String,
    address: String,
}

impl Tapped {
    fn new(to: &str, arguments: &[&str]) -> Self {
        let mut child = wscodec(&[
            "tap",
            "--listen",
            "127.0.0.1:0",
            "--proxy",
            "none",
            "--to",
            to,
        ])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("wscodec: listening on ");
        let url = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        let address = url.split_once("://").unwrap().1.to_owned();
        Self {
            child: Some(child),
            errors,
            url,
            address,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
    }

    fn signal(&self, name: &str) {
        signal(self.child.as_ref().unwrap(), name);
    }

    /// Waits for the end; the output has the rest of standard error.
    fn end(mut self) -> Output {
        let mut output = self.child.take().unwrap().wait_with_output().unwrap();
        self.errors.read_to_end(&mut output.stderr).unwrap();
        output
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tap-{}-{name}", std::process::id()))
}

fn values(output: &[u8], kind: &str) -> Vec<Value> {
    let lines = text(output).lines();
    let values = lines.map(|line| serde_json::from_str::<Value>(line).expect(line));
    values.filter(|it| it["type"] == kind).collect()
}

#[test]
fn compressed_messages_over_tls_on_both_sides_are_relayed_shown_and_recorded() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [cert, key, pcapng, har] = ["cert.pem", "key.pem", "tls.pcapng", "tls.har"].map(scratch);
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let [cert, key] = [&cert, &key].map(|it| it.to_str().unwrap());
    let server = Served::new(&["--cert", cert, "--key", key, "--protocol", "chat"]);
    let to = server.url.replace("127.0.0.1", "localhost");
    let lines: String = (0..2000)
        .map(|i| format!("{{\"id\":{i}}} {}größer\n", "same ".repeat(20)))
        .collect();
    for file in [&pcapng, &har] {
        let file = file.to_str().unwrap();
        let tap = Tapped::new(
            &to,
            &[
                "--ca",
                cert,
                "--cert",
                cert,
                "--key",
                key,
                "--record",
                file,
                "--json",
                "--payloads",
            ],
        );
        let url = tap.url.replace("127.0.0.1", "localhost");
        for options in [&["--protocol", "chat", "-v"][..], &["--no-deflate"]] {
            let mut command = wscodec(&["connect", "--proxy", "none", "--ca", cert, &url]);
            let output = fed(command.args(options), &lines);
            assert!(output.status.success(), "{}", text(&output.stderr));
            assert_eq!(text(&output.stdout), lines);
        }
        tap.signal("TERM");
        let output = tap.end();
        assert_eq!(output.status.code(), Some(0));
        let errors = text(&output.stderr);
        assert!(
            errors.contains("connections: 2; upgraded: 2; refused by the server: 0"),
            "{errors}"
        );
        assert!(!errors.contains("not shown"), "{errors}");
        // No rule is broken on the way: masks, compression and close frames are those of the peers.
        assert_eq!(values(&output.stdout, "violation").len(), 0);
        let handshakes = values(&output.stdout, "handshake");
        assert_eq!(handshakes.len(), 2);
        assert_eq!(handshakes[0]["protocol"], "chat");
        assert!(handshakes[0]["deflate"].is_object() && handshakes[1]["deflate"].is_null());
        let frames = values(&output.stdout, "frame");
        assert_eq!(frames.iter().filter(|it| it["opcode"] == 1).count(), 8000);
        assert!(frames.iter().any(|it| it["rsv"] == 4));
        let read = wscodec(&["inspect", "--json", "--payloads", file])
            .output()
            .unwrap();
        assert_eq!(read.status.code(), Some(0), "{}", text(&read.stderr));
        if file.ends_with("pcapng") {
            // The capture that the tap has shown is the one that it has recorded.
            assert!(read.stdout == output.stdout);
        } else {
            assert_eq!(values(&read.stdout, "message").len(), 8000);
        }
    }
    same_frames_in_wireshark(&pcapng);
    for file in [Path::new(cert), Path::new(key), &pcapng, &har] {
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn a_client_and_a_server_of_npm_ws_do_not_notice_the_tap() {
    let js = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../js");
    let node = Command::new("node").arg("--version").output();
    if node.is_err() || !js.join("node_modules/ws").is_dir() {
        eprintln!("node or the package ws is not installed: the tap is not tried with them");
        return;
    }
    let script = r#"
        const { WebSocket, WebSocketServer } = require("ws");
        const [mode, port] = process.argv.slice(1);
        const perMessageDeflate = { threshold: 0, serverMaxWindowBits: 12 };
        if (mode === "server") {
            const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate });
            server.on("listening", () => console.log(server.address().port));
            server.on("connection", (ws) => {
                ws.on("message", (data, binary) => ws.send(data, { binary }));
                ws.on("close", (code) => { console.log("closed " + code); server.close(); });
            });
        } else {
            const ws = new WebSocket("ws://127.0.0.1:" + port + "/a?b", { perMessageDeflate });
            const sent = Array.from({ length: 200 }, (_, i) => Buffer.alloc(i * 50, "ab" + i));
            let count = 0;
            ws.on("open", () => sent.forEach((it) => ws.send(it)));
            ws.on("message", (data) => {
                if (!data.equals(sent[count])) throw new Error("message " + count + " differs");
                if (++count === sent.length) { console.log(ws.extensions); ws.close(4001); }
            });
        }"#;
    let run = |words: &[&str]| {
        let mut command = Command::new("node");
        command
            .args(["-e", script, "--"])
            .args(words)
            .current_dir(&js);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut server = run(&["server"]);
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = lines.next().unwrap().unwrap();
    let to = format!("ws://127.0.0.1:{port}");
    let tap = Tapped::new(&to, &["--json", "--exit-after", "1"]);
    let client = run(&["client", tap.address.rsplit_once(':').unwrap().1]);
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success());
    let agreed = "permessage-deflate; server_max_window_bits=12";
    assert_eq!(text(&output.stdout).trim(), "permessage-deflate");
    assert_eq!(lines.next().unwrap().unwrap(), "closed 4001");
    assert!(server.wait().unwrap().success());
    let output = tap.end();
    assert_eq!(values(&output.stdout, "violation").len(), 0);
    assert_eq!(values(&output.stdout, "handshake")[0]["extensions"], agreed);
    let frames = values(&output.stdout, "frame");
    assert_eq!(frames.iter().filter(|it| it["opcode"] == 2).count(), 400);
}

/// Compares the frames with those of tshark, if the machine has it.
fn same_frames_in_wireshark(file: &Path) {
    let tshark = Command::new("tshark")
        .args([
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
            "-T",
            "fields",
        ])
        .args([
            "-e",
            "websocket.opcode",
            "-e",
            "tcp.checksum.status",
            "-e",
            "ip.checksum.status",
        ])
        .arg("-r")
        .arg(file)
        .output();
    let Ok(output) = tshark else {
        eprintln!("tshark is not installed: the capture is not compared with it");
        return;
    };
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (mut count, mut packets) = (0, 0);
    for line in text(&output.stdout).lines() {
        let [opcodes, tcp, ip] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        count += opcodes.split(',').filter(|it| *it == "1").count();
        packets += 1;
        // 1 is a right checksum.
        assert_eq!((tcp, ip), ("1", "1"), "packet {packets}");
    }
    assert_eq!(count, 8000);
}

#[test]
fn bytes_pass_unchanged_and_each_direction_ends_by_itself() {
    let junk: Vec<u8> = (0..300_000_u32)
        .map(|i| (i.wrapping_mul(i) >> 7) as u8)
        .collect();
    let expected = junk.clone();
    let answer = junk.clone();
    let (address, serving) = serves(move |mut stream| {
        let head = request(&mut stream);
        stream.write_all(ACCEPTED).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        // The client has ended its side, and is still sent to.
        stream.write_all(&answer).unwrap();
        (head, rest)
    });
    let tap = Tapped::new(
        &format!("ws://{address}"),
        &[
            "--quiet",
            "-H",
            "X-New: 1",
            "--header",
            "origin: null",
            "--remove-header",
            "cookie",
        ],
    );
    let mut client = tap.connect();
    client.write_all(REQUEST.as_bytes()).unwrap();
    assert!(request(&mut client).starts_with("HTTP/1.1 101 "));
    // Not a frame, and not a request either.
    client.write_all(b"\xff\xff").unwrap();
    client.write_all(&junk).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    let (head, rest) = serving.join().unwrap();
    assert!(answer == expected && rest[2..] == expected && rest[..2] == [0xff; 2]);
    let changed = REQUEST
        .replace("Host: tap.example", &format!("Host: {address}"))
        .replace("Origin: http://page.example", "origin: null")
        .replace("Cookie: sid=1\r\n", "")
        .replace("\r\n\r\n", "\r\nX-New: 1\r\n\r\n");
    assert_eq!(head, changed);
    tap.signal("INT");
    let output = tap.end();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "");
    let bytes = format!(
        "bytes: {} c2s, {} s2c",
        changed.len() + 300_002,
        ACCEPTED.len() + 300_000
    );
    assert!(
        text(&output.stderr).contains(&bytes),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_refusal_reaches_the_client_and_is_shown_and_a_second_request_is_changed_too() {
    let refusal =
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nsorry";
    let (address, serving) = serves(move |mut stream| {
        let first = request(&mut stream);
        stream.write_all(refusal.as_bytes()).unwrap();
        let second = request(&mut stream);
        let mut ended = [0; 7];
        stream.write_all(ACCEPTED).unwrap();
        stream.read_exact(&mut ended).unwrap();
        (first, second, ended)
    });
    let tap = Tapped::new(
        &format!("ws://{address}/server"),
        &[
            "--json",
            "--exit-after",
            "1",
            "--keep-host",
            "--origin",
            "target",
        ],
    );
    let mut client = tap.connect();
    client.write_all(REQUEST.as_bytes()).unwrap();
    let mut response = vec![0; refusal.len()];
    client.read_exact(&mut response).unwrap();
    assert_eq!(text(&response), refusal);
    client.write_all(REQUEST.as_bytes()).unwrap();
    assert!(request(&mut client).starts_with("HTTP/1.1 101 "));
    client.write_all(b"\x81\x81\0\0\0\0a").unwrap();
    let (first, second, frame) = serving.join().unwrap();
    let changed = REQUEST
        .replace("/client?q", "/server")
        .replace("http://page.example", &format!("http://{address}"));
    assert_eq!((&first, &second), (&changed, &changed));
    assert_eq!(&frame, b"\x81\x81\0\0\0\0a");
    drop(client);
    let output = tap.end();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let statuses: Vec<_> = values(&output.stdout, "handshake")
        .iter()
        .map(|it| it["status"].clone())
        .collect();
    assert_eq!(statuses, [401, 101]);
    assert_eq!(values(&output.stdout, "frame")[0]["text"], "a");
}

#[test]
fn no_server_a_late_one_and_a_silent_client_get_a_status() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    // The system accepts the connection, and nobody answers.
    let tap = Tapped::new(&format!("ws://{address}/"), &["--timeout", "0.3", "--json"]);
    let answer = |bytes: &[u8]| {
        let mut client = tap.connect();
        client.write_all(bytes).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    };
    let late = answer(REQUEST.as_bytes());
    assert!(late.starts_with("HTTP/1.1 504 "), "{late}");
    let silent = answer(b"GET / HT");
    assert!(silent.starts_with("HTTP/1.1 408 "), "{silent}");
    let long = answer(format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(70_000)).as_bytes());
    assert!(long.starts_with("HTTP/1.1 431 "), "{long}");
    let wrong = answer(b"GET / HTTP/1.1\nHost: a\n\n");
    assert!(wrong.starts_with("HTTP/1.1 400 "), "{wrong}");
    drop(free);
    let none = answer(REQUEST.as_bytes());
    assert!(none.starts_with("HTTP/1.1 502 "), "{none}");
    tap.signal("TERM");
    let output = tap.end();
    let errors = text(&output.stderr);
    for why in [
        "the server did not respond in time",
        "the request did not come in time",
        "the request is refused: ",
        "nobody listens at ",
        "connections: 5; upgraded: 0; ",
    ] {
        assert!(errors.contains(why), "{why}: {errors}");
    }
    let statuses: Vec<_> = values(&output.stdout, "handshake")
        .iter()
        .map(|it| it["status"].clone())
        .collect();
    assert_eq!(statuses, [504, 502]);
}

#[test]
fn the_options_of_inspect_choose_what_is_shown() {
    let server = Served::new(&[]);
    let shown = |words: &[&str]| {
        let tap = Tapped::new(&server.url, &[&["--exit-after", "1"], words].concat());
        let mut command = wscodec(&["connect", "--proxy", "none", &tap.url]);
        let sent = fed(&mut command, "{\"token\":\"t0p\"}\nsecond\nthird\n");
        assert!(sent.status.success());
        let output = tap.end();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let filtered = shown(&["--filter", "dir == c2s", "--grep", "second", "--no-color"]);
    assert_eq!(
        filtered.lines().filter(|it| it.contains("second")).count(),
        1,
        "{filtered}"
    );
    assert!(!filtered.contains("third"), "{filtered}");
    let messages = shown(&["--messages", "--redact", "--stats", "--lint"]);
    assert!(
        messages.contains("[redacted]") && !messages.contains("t0p"),
        "{messages}"
    );
    let list = shown(&["--connections"]);
    assert_eq!(list.lines().count(), 1, "{list}");
    let limited = shown(&["--json", "--limit", "2"]);
    assert_eq!(values(limited.as_bytes(), "frame").len(), 2);
}

#[test]
fn an_output_that_nobody_reads_does_not_stop_the_relay() {
    let server = Served::new(&["--no-deflate"]);
    let tap = Tapped::new(&server.url, &["--json", "--payloads"]);
    // More than the pipe, the queue and what is being shown together, if it is shown in hexadecimal.
    let large: Vec<u8> = (0..40_u32 << 20).map(|i| (i >> 3) as u8).collect();
    let mut command = wscodec(&[
        "connect",
        "--proxy",
        "none",
        "--binary",
        "--receive",
        "1",
        &tap.url,
    ]);
    let output = fed(&mut command, &large);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(output.stdout == large);
    tap.signal("TERM");
    let output = tap.end();
    assert_eq!(output.status.code(), Some(0));
    let errors = text(&output.stderr);
    assert!(errors.contains("connections: 1; upgraded: 1"), "{errors}");
    assert!(errors.contains(" were relayed and not shown"), "{errors}");
}

#[test]
fn connections_beyond_the_limit_are_turned_away_and_the_others_go_on() {
    let server = Served::new(&[]);
    let tap = Tapped::new(&server.url, &["--max-connections", "3", "--quiet"]);
    let accepted: Vec<_> = (0..3)
        .map(|_| {
            let mut client = tap.connect();
            client.write_all(REQUEST.as_bytes()).unwrap();
            assert!(request(&mut client).starts_with("HTTP/1.1 101 "));
            client
        })
        .collect();
    for _ in 0..1000 {
        let mut client = tap.connect();
        let mut answer = Vec::new();
        // The connection may be reset before the answer is read.
        let _ = client.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 503 "));
    }
    for mut client in accepted {
        client.write_all(b"\x81\x81\0\0\0\0a").unwrap();
        let mut echo = [0; 3];
        client.read_exact(&mut echo).unwrap();
        assert_eq!(&echo, b"\x81\x01a");
    }
    tap.signal("TERM");
    let output = tap.end();
    assert!(text(&output.stderr).contains("beyond --max-connections: 1000"));
}

#[test]
fn resets_are_passed_on_and_silent_connections_end() {
    let (address, serving) = serves(|mut stream| {
        request(&mut stream);
        stream.write_all(ACCEPTED).unwrap();
        let linger = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        linger.unwrap();
    });
    let tap = Tapped::new(
        &format!("ws://{address}/"),
        &["--json", "--exit-after", "1"],
    );
    let mut client = tap.connect();
    client.write_all(REQUEST.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let read = client.read_to_end(&mut answer);
    serving.join().unwrap();
    assert_eq!(
        read.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
    let ends = values(&tap.end().stdout, "end");
    assert_eq!(
        (&ends[0]["ending"], &ends[0]["by"]),
        (&"reset".into(), &"s2c".into())
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut ws = Acceptor::default().accept(stream).unwrap();
        // The end of the connection, without a close frame.
        assert!(ws.read().is_err());
    });
    let options = [
        "--quiet",
        "--idle-timeout",
        "0.2",
        "--exit-after",
        "1",
        "--origin",
        "target",
    ];
    let tap = Tapped::new(&url, &options);
    let mut client = tap.connect();
    client.write_all(REQUEST.as_bytes()).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    serving.join().unwrap();
    let output = tap.end();
    assert!(text(&output.stderr).contains("it was silent for too long"));
}
