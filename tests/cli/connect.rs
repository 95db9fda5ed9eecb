//! `wscodec connect` against servers that do what a test needs.

#![cfg(unix)]

mod harness;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Output, Stdio};
use std::thread;
use std::time::Duration;

use harness::{Served, fed, request, server, signal, text, wscodec};
use wscodec::CloseCode;
use wscodec::io::{Acceptor, Connection, Connector, Error};
use wscodec::message::Kind;

fn accepted(stream: TcpStream) -> Connection<TcpStream> {
    Acceptor::default().accept(stream).unwrap()
}

/// The messages up to the client's close, and the code of that.
fn messages(mut ws: Connection<TcpStream>) -> (Vec<(Kind, Vec<u8>)>, u16) {
    let mut messages = Vec::new();
    while let Some((message, _)) = ws.read().unwrap() {
        messages.push((message.kind, message.payload.to_vec()));
    }
    (messages, ws.outcome().unwrap().code.value())
}

/// The client as a process, to be spoken with.
fn started(arguments: &[&str]) -> Child {
    wscodec(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn errors(output: &Output) -> &str {
    text(&output.stderr)
}

#[test]
fn a_line_that_is_not_utf8_ends_the_run_with_an_error() {
    let (url, thread) = server(|stream| messages(accepted(stream)));
    let output = fed(
        &mut wscodec(&["connect", &url]),
        b"one\r\ntwo\nthr\xffee\nfour\n",
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("line 3 of standard input is not UTF-8"));
    assert_eq!(errors(&output).lines().count(), 1);
    let text = |text: &str| (Kind::Text, text.as_bytes().to_vec());
    let (messages, code) = thread.join().unwrap();
    assert_eq!(messages, [text("one"), text("two")]);
    assert_eq!(code, 1000);

    // The answers to the lines before it are printed all the same.
    let server = Served::new(&[]);
    let input = b"one\ntwo\n\xff\nfour\n";
    let output = fed(&mut wscodec(&["connect", &server.url]), input);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"one\ntwo\n");
}

#[test]
fn lines_are_binary_messages_on_request() {
    let (url, thread) = server(|stream| messages(accepted(stream)));
    let mut command = wscodec(&["connect", &url, "--binary-lines"]);
    let output = fed(&mut command, b"one\r\nt\xffo\n\nlast");
    assert!(output.status.success(), "{}", errors(&output));
    let (messages, _) = thread.join().unwrap();
    let expected = [&b"one\r"[..], b"t\xffo", b"", b"last"].map(<[u8]>::to_vec);
    assert_eq!(messages, expected.map(|bytes| (Kind::Binary, bytes)));
}

#[test]
fn the_input_is_one_binary_message_on_request() {
    let large: Vec<u8> = (0..300_000_u32)
        .map(|i| (i.wrapping_mul(i) >> 8) as u8)
        .collect();
    for input in [&b""[..], b"\n", b"one\ntwo\xff\r\n", &large] {
        let (url, thread) = server(|stream| messages(accepted(stream)));
        let output = fed(&mut wscodec(&["connect", &url, "--binary"]), input);
        assert!(output.status.success(), "{}", errors(&output));
        let (messages, code) = thread.join().unwrap();
        let expected = (!input.is_empty()).then(|| (Kind::Binary, input.to_vec()));
        assert!(messages.into_iter().eq(expected), "{} bytes", input.len());
        assert_eq!(code, 1000);
    }
}

#[test]
fn characters_that_a_terminal_acts_upon_are_escaped_on_request() {
    for (escape, expected) in [
        ("never", &b"\x1b[2Jtext\n\n\xff\x00"[..]),
        ("auto", b"\x1b[2Jtext\n\n\xff\x00"),
        ("always", b"\\u001b[2Jtext\\n\n\\xff\\u0000\n"),
    ] {
        let (url, thread) = server(|stream| {
            let mut ws = accepted(stream);
            ws.queue().text("\u{1b}[2Jtext\n").unwrap();
            ws.queue().binary(b"\xff\x00").unwrap();
            messages(ws)
        });
        let output = fed(&mut wscodec(&["connect", &url, "--escape", escape]), "");
        assert!(output.status.success(), "{}", errors(&output));
        assert_eq!(output.stdout, expected, "{escape}");
        thread.join().unwrap();
    }
}

#[test]
fn the_reason_of_a_close_frame_is_made_safe() {
    let (url, thread) = server(|stream| {
        let mut ws = accepted(stream);
        ws.close(CloseCode::new(1008), "\u{1b}]0;title\u{7}\u{202e}")
            .unwrap();
    });
    let output = fed(&mut wscodec(&["connect", &url, "--no-close"]), "");
    assert_eq!(output.status.code(), Some(1));
    let expected = "closed with 1008 \"\\u001b]0;title\\u0007\\u202e\"";
    assert!(errors(&output).contains(expected), "{}", errors(&output));
    thread.join().unwrap();
}

#[test]
fn a_signal_closes_the_connection_with_1001() {
    for name in ["INT", "TERM"] {
        let (url, thread) = server(|stream| {
            let mut ws = accepted(stream);
            ws.queue().text("open").unwrap();
            messages(ws)
        });
        let mut client = started(&["connect", &url]);
        let mut line = String::new();
        let mut lines = BufReader::new(client.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "open\n");
        signal(&client, name);
        assert_eq!(thread.join().unwrap(), (Vec::new(), 1001), "{name}");
        let output = client.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        assert_eq!(errors(&output), "");
    }
}

#[test]
fn a_second_signal_ends_the_program_and_so_does_one_before_the_connection_is_open() {
    // The server accepts, sends a message, and reads nothing more.
    let (url, thread) = server(|stream| {
        let mut ws = accepted(stream);
        let mut outbox = ws.queue();
        outbox.text("open").unwrap();
        outbox.flush().unwrap();
        ws
    });
    let mut client = started(&["connect", &url]);
    let mut line = String::new();
    let mut lines = BufReader::new(client.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    let ws = thread.join().unwrap();
    // Two signals that are pending at the same time may count as one.
    let mut status = None;
    for _ in 0..100 {
        signal(&client, "TERM");
        thread::sleep(Duration::from_millis(50));
        status = client.try_wait().unwrap();
        if status.is_some() {
            break;
        }
    }
    assert_eq!(status.and_then(|status| status.code()), Some(128 + 15));
    drop(ws);

    let (url, thread) = server(|mut stream| {
        request(&mut stream);
        stream
    });
    let mut client = started(&["connect", &url]);
    let stream = thread.join().unwrap();
    signal(&client, "INT");
    assert_eq!(client.wait().unwrap().code(), Some(128 + 2));
    drop(stream);
}

#[test]
fn the_request_has_the_headers_that_were_given() {
    for (user, headers, expected) in [
        (
            "",
            &["Cookie: a=b"][..],
            &["Cookie: a=b", "Host: 127.0.0.1:"][..],
        ),
        (
            "Aladdin:open%20sesame@",
            &[],
            &["Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
        ),
        ("", &["host: b.example:80"], &["Host: b.example:80\r\n"]),
        (
            "",
            &["Origin: https://b.example"],
            &["Origin: https://b.example\r\n"],
        ),
    ] {
        let (url, thread) = server(|mut stream| {
            let head = request(&mut stream);
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
            head
        });
        let url = url.replace("ws://", &format!("ws://{user}"));
        let mut command = wscodec(&["connect", &url]);
        for header in headers {
            command.args(["-H", header]);
        }
        fed(&mut command, "");
        let head = thread.join().unwrap();
        for header in expected {
            assert!(head.contains(header), "{head}");
        }
        assert_eq!(head.to_lowercase().matches("\nhost:").count(), 1, "{head}");
    }
}

#[test]
fn answers_after_the_end_of_the_input_are_printed_on_request() {
    for option in [&["--wait", "60"][..], &["--no-close"]] {
        let (url, thread) = server(|stream| {
            let quiet = Some(Duration::from_millis(300));
            let mut ws = accepted(stream.try_clone().unwrap());
            assert_eq!(ws.read().unwrap().unwrap().0.payload, b"question");
            // The client does not close by itself.
            stream.set_read_timeout(quiet).unwrap();
            let Err(Error::Io(e)) = ws.read() else {
                panic!("the client has closed");
            };
            assert!(matches!(
                e.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
            ));
            stream
                .set_read_timeout(Some(Duration::from_secs(30)))
                .unwrap();
            ws.queue().text("answer").unwrap();
            ws.close(CloseCode::new(1000), "").unwrap();
        });
        let mut command = wscodec(&["connect", &url]);
        let output = fed(command.args(option), "question\n");
        thread.join().unwrap();
        assert!(output.status.success(), "{}", errors(&output));
        assert_eq!(text(&output.stdout), "answer\n");
    }
    // When the time is over, the client closes.
    let (url, thread) = server(|stream| messages(accepted(stream)));
    let output = fed(&mut wscodec(&["connect", &url, "--wait", "0.2"]), "a\n");
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(thread.join().unwrap().1, 1000);
}

#[test]
fn the_body_of_a_rejection_is_shown() {
    let many = "line\n".repeat(100);
    for (answer, lines) in [
        (
            "403 For\u{202e}bidden\r\nContent-Length: 14\r\n\r\n{\"error\":\x1b[1m}",
            &["answered 403 For\\u202ebidden", "  {\"error\":\\u001b[1m}"][..],
        ),
        (
            "404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n\
             6\r\nfirst\n\r\n7\r\n second\r\n0\r\n\r\n",
            &["answered 404 Not Found", "  first", "   second"],
        ),
        (
            "302 Found\r\nLocation: ws://b/\u{202e}\r\nContent-Length: 0\r\n\r\n",
            &["answered 302 Found, to ws://b/\\u202e"],
        ),
        (
            "500 Error\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\u{8}\0",
            &["answered 500 Error; its body is 3 bytes of gzip"],
        ),
        ("204 No Content\r\n\r\n", &["answered 204 No Content"]),
    ] {
        let (url, thread) = server(move |mut stream| {
            request(&mut stream);
            write!(stream, "HTTP/1.1 {answer}").unwrap();
            // The client leaves although the connection stays open.
            stream.read(&mut [0]).unwrap()
        });
        let output = fed(&mut wscodec(&["connect", &url]), "");
        assert_eq!(thread.join().unwrap(), 0);
        assert_eq!(output.status.code(), Some(1));
        let found: Vec<&str> = errors(&output).lines().collect();
        assert_eq!(found.len(), lines.len(), "{found:?}");
        for (found, line) in found.iter().zip(lines) {
            assert!(found.ends_with(line), "{found:?} {line:?}");
        }
    }
    let (url, thread) = server(move |mut stream| {
        request(&mut stream);
        write!(
            stream,
            "HTTP/1.1 503 Busy\r\nContent-Length: 500\r\n\r\n{many}"
        )
        .unwrap();
        stream.read(&mut [0]).unwrap()
    });
    let output = fed(&mut wscodec(&["connect", &url]), "");
    thread.join().unwrap();
    assert_eq!(errors(&output).lines().count(), 42);
    assert!(errors(&output).ends_with("  line\n  …\n"));
}

#[test]
fn a_frame_above_the_limit_is_refused() {
    for (limit, status) in [("1999", 1), ("2000", 0)] {
        let (url, thread) = server(|stream| {
            let mut ws = accepted(stream);
            ws.queue().binary(&[7; 2000]).unwrap();
            messages(ws).1
        });
        let arguments = ["connect", &url, "--no-deflate", "--max-frame", limit];
        let output = fed(&mut wscodec(&arguments), "");
        assert_eq!(output.status.code(), Some(status), "{}", errors(&output));
        assert_eq!(
            errors(&output).contains("a frame is larger than the limit"),
            status == 1
        );
        let _ = thread.join();
    }
}

#[test]
fn the_code_of_a_server_that_takes_no_more_is_shown() {
    let server = Served::new(&["--max-message", "1000"]);
    let line = "x".repeat(1 << 20) + "\n";
    for round in 0..3 {
        let mut command = wscodec(&["connect", "--no-deflate", &server.url]);
        let output = fed(&mut command, line.repeat(16));
        assert_eq!(output.status.code(), Some(1));
        let expected = "the server closed with 1009";
        assert!(
            errors(&output).contains(expected),
            "{round}: {}",
            errors(&output)
        );
    }
}

#[test]
fn input_that_was_not_sent_is_no_success() {
    // The server closes with 1000 after the first message, and reads nothing from then on. If it read,
    // buffers of the system could take all of the input before the client sees the close frame.
    let (done, until_done) = std::sync::mpsc::channel::<()>();
    let (url, thread) = server(move |stream| {
        let mut raw = stream.try_clone().unwrap();
        let mut ws = accepted(stream);
        ws.read().unwrap();
        raw.write_all(b"\x88\x02\x03\xe8").unwrap();
        let _ = until_done.recv();
    });
    let mut command = wscodec(&["connect", "--no-deflate", &url]);
    let output = fed(&mut command, "a line of some length\n".repeat(4 << 20));
    drop(done);
    let _ = thread.join();
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let server = Served::new(&[]);
    let mut client = started(&["connect", &server.url]);
    let mut line = String::new();
    let mut lines = BufReader::new(client.stdout.take().unwrap());
    let mut stdin = client.stdin.take().unwrap();
    // As `yes` does.
    let writing = thread::spawn(move || while stdin.write_all(b"first\n").is_ok() {});
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "first\n");
    drop(lines);
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert_eq!(errors(&output), "");
    writing.join().unwrap();
}

#[test]
fn trouble_with_the_standard_streams_is_told_without_a_panic() {
    let server = Served::new(&[]);
    // Standard output that can't be written.
    if cfg!(target_os = "linux") {
        let full = || File::options().write(true).open("/dev/full").unwrap();
        for arguments in [&["connect", &server.url][..], &["--help"], &["--version"]] {
            let mut child = wscodec(arguments)
                .stdin(Stdio::piped())
                .stdout(full())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // The help needs no input.
            let _ = child.stdin.take().unwrap().write_all(b"hello\n");
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}");
            assert!(errors(&output).contains("can't write to standard output"));
            assert_eq!(errors(&output).lines().count(), 1);
        }
        // The same holds for standard error.
        let mut command = wscodec(&["connect"]);
        let status = command.stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(2));
    }
    // Standard input that can't be read.
    let output = wscodec(&["connect", &server.url])
        .stdin(File::open(".").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("can't read standard input"));
    // Nobody reads the help to its end.
    let mut child = wscodec(&["--help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), errors(&output)), (Some(0), ""));
}

#[test]
fn a_slow_echo_is_waited_for() {
    let (url, thread) = server(|stream| {
        let mut ws = accepted(stream);
        let mut count = 0;
        while let Some((message, mut outbox)) = ws.read().unwrap() {
            outbox.forward(message).unwrap();
            count += 1;
            if count % 100 == 0 {
                outbox.flush().unwrap();
                thread::sleep(Duration::from_millis(50));
            }
        }
        count
    });
    // All of the input is in buffers long before the echo has taken it.
    let arguments = ["connect", &url, "--no-deflate", "--close-timeout", "2"];
    let lines: String = (0..6000).map(|i| format!("{i:0200}\n")).collect();
    let output = fed(&mut wscodec(&arguments), &lines);
    assert_eq!(errors(&output), "");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout) == lines);
    assert_eq!(thread.join().unwrap(), 6000);
}

#[test]
fn a_limit_of_messages_is_enough_for_a_large_frame() {
    let len = 70 << 20;
    let (url, thread) = server(move |stream| {
        let mut ws = accepted(stream);
        ws.queue().binary(&vec![7; len]).unwrap();
        messages(ws).1
    });
    let arguments = ["connect", &url, "--no-deflate", "--max-message", "100M"];
    let output = fed(&mut wscodec(&arguments), "");
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(output.stdout.len(), len);
    assert_eq!(thread.join().unwrap(), 1000);

    let server = Served::new(&["--max-message", "100M", "--no-deflate"]);
    let mut connector = Connector::default();
    connector.options.session.limits.message = 100 << 20;
    let ws = connector.connect(&server.url).unwrap();
    let (mut reading, mut writing) = ws.split().unwrap();
    let sending = thread::spawn(move || writing.send(Kind::Binary, &vec![7; len]).unwrap());
    assert_eq!(reading.read().unwrap().unwrap().payload.len(), len);
    sending.join().unwrap();
}

#[test]
fn a_broadcast_reaches_all() {
    for options in [&["--broadcast"][..], &["--broadcast", "--no-deflate"]] {
        let server = Served::new(options);
        let mut clients: Vec<_> = (0..3)
            .map(|_| Connector::default().connect(&server.url).unwrap())
            .collect();
        let long = "a long text ".repeat(100);
        clients[0].queue().text(&long).unwrap();
        clients[0].queue().binary(b"\xff").unwrap();
        clients[0].queue().flush().unwrap();
        for client in &mut clients {
            let (message, _) = client.read().unwrap().unwrap();
            assert_eq!(
                (message.kind, message.text()),
                (Kind::Text, Some(&long[..]))
            );
            let (message, _) = client.read().unwrap().unwrap();
            assert_eq!(
                (message.kind, message.payload),
                (Kind::Binary, &b"\xff"[..])
            );
        }
    }
}

#[test]
fn a_connection_that_is_lost_is_made_again_on_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let accept = || {
            let (stream, _) = listener.accept().unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(30)))
                .unwrap();
            stream
        };
        // One that is lost, one that is closed for now, one that is refused for now.
        let mut ws = accepted(accept());
        assert_eq!(ws.read().unwrap().unwrap().0.payload, b"first");
        drop(ws);
        let mut ws = accepted(accept());
        ws.queue().text("closing").unwrap();
        ws.close(CloseCode::new(1012), "").unwrap();
        let mut stream = accept();
        request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        drop(stream);
        let mut ws = accepted(accept());
        ws.queue().text("open").unwrap();
        messages(ws)
    });
    let mut client = started(&["connect", &url, "--reconnect", "0.05"]);
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(b"first\n").unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "closing");
    assert_eq!(lines.next().unwrap().unwrap(), "open");
    stdin.write_all(b"last\n").unwrap();
    drop(stdin);
    let expected = (vec![(Kind::Text, b"last".to_vec())], 1000);
    assert_eq!(serving.join().unwrap(), expected);
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert_eq!(errors(&output).matches("the next try is in").count(), 3);

    // A rejection that does not pass, and a close that is meant, end it.
    let (url, thread) = server(|mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    });
    let output = fed(&mut wscodec(&["connect", &url, "--reconnect", "0.05"]), "");
    assert_eq!(output.status.code(), Some(1));
    thread.join().unwrap().unwrap();
    let (url, thread) = server(|stream| accepted(stream).close(CloseCode::new(1000), "").is_ok());
    let output = started(&["connect", &url, "--reconnect", "0.05"]);
    assert!(thread.join().unwrap());
    assert!(output.wait_with_output().unwrap().status.success());
}
