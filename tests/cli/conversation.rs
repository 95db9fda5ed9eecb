//! `wscodec connect`: pings, messages that are expected, messages that are sent first, tries, JSON lines.

#![cfg(unix)]

mod harness;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use harness::{Served, fed, request, server, text, wscodec};
use wscodec::CloseCode;
use wscodec::io::{Acceptor, Connection};
use wscodec::message::Kind;
use wscodec::session::Event;

/// The messages up to the client's close.
fn messages(stream: TcpStream) -> Vec<(Kind, Vec<u8>)> {
    let mut ws = Acceptor::default().accept(stream).unwrap();
    let mut messages = Vec::new();
    while let Some((message, _)) = ws.read().unwrap() {
        messages.push((message.kind, message.payload.to_vec()));
    }
    messages
}

/// Sends lines, and closes.
fn sends(lines: &'static [&'static str]) -> (String, JoinHandle<()>) {
    server(move |stream| {
        let mut ws: Connection<_> = Acceptor::default().accept(stream).unwrap();
        for line in lines {
            ws.queue().text(line).unwrap();
        }
        ws.queue().flush().unwrap();
        let _ = ws.close(CloseCode::NORMAL, "");
    })
}

#[test]
fn pings_tell_how_long_their_pongs_take() {
    let served = Served::new(&[]);
    let mut command = wscodec(&["connect", "--ping", "0.05", "--wait", "1", &served.url]);
    let output = fed(&mut command, "hello\n");
    assert!(output.status.success());
    assert_eq!(output.stdout, b"hello\n");
    let times = text(&output.stderr).lines().map(|line| {
        let time = line.strip_prefix("wscodec: round trip ").unwrap();
        time.strip_suffix(" ms").unwrap().parse::<f64>().unwrap()
    });
    let times: Vec<_> = times.collect();
    assert!(
        !times.is_empty() && times.iter().all(|&time| time > 0.0),
        "{times:?}"
    );
    let options = ["connect", "--json-lines", "--ping", "0.05", "--wait", "0.5"];
    let output = fed(wscodec(&options).arg(&served.url), "");
    let pongs = text(&output.stdout).lines();
    let pongs: Vec<_> = pongs.filter(|line| line.contains("\"pong\"")).collect();
    assert!(!pongs.is_empty() && pongs.iter().all(|it| it.contains("\"round_trip\":")));
}

#[test]
fn a_number_of_messages_is_waited_for() {
    for (options, expected, status) in [
        (&["--receive", "2"][..], "one\ntwo\n", 0),
        (&["--one-message"], "one\n", 0),
        (&["-1", "--json-lines"], "", 0),
        (&["--receive", "4"], "one\ntwo\nthree\n", 1),
    ] {
        let (url, thread) = sends(&["one", "two", "three"]);
        let output = fed(wscodec(&["connect", &url]).args(options), "");
        thread.join().unwrap();
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{options:?} {errors}");
        assert_eq!(
            errors.contains("before 1 more messages"),
            status == 1,
            "{errors}"
        );
        match expected {
            "" => assert_eq!(text(&output.stdout).matches("\"text\":\"one\"").count(), 1),
            _ => assert_eq!(text(&output.stdout), expected),
        }
    }
}

#[test]
fn messages_go_before_the_input_each_time_that_a_connection_opens() {
    let (url, thread) = server(messages);
    let mut command = wscodec(&["connect", "-x", "first", "--send", "second", &url]);
    assert!(fed(&mut command, "third\n").status.success());
    let sent: Vec<_> = thread.join().unwrap().into_iter().map(|it| it.1).collect();
    assert_eq!(sent, [&b"first"[..], b"second", b"third"]);
    let (url, thread) = server(messages);
    let object = r#"{"type":"binary","base64":"AQ=="}"#;
    let mut command = wscodec(&["connect", "--json-lines", "--send", object, &url]);
    assert!(fed(&mut command, "").status.success());
    assert_eq!(thread.join().unwrap(), [(Kind::Binary, vec![1])]);
    let (url, thread) = server(messages);
    let mut command = wscodec(&["connect", "--json-lines", "--send", "no JSON", &url]);
    let output = fed(&mut command, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the message of --send is not JSON"));
    assert_eq!(thread.join().unwrap(), []);
}

#[test]
fn the_input_is_one_text_message_on_request() {
    let long = "ö€".repeat(50_000);
    for (input, sent) in [
        ("one\ntwo\r\n", Some("one\ntwo\r\n")),
        ("", None),
        (&long, Some(&long[..])),
    ] {
        let (url, thread) = server(messages);
        let output = fed(&mut wscodec(&["connect", "--text", &url]), input);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let expected: Vec<_> = sent
            .map(|it| (Kind::Text, it.as_bytes().to_vec()))
            .into_iter()
            .collect();
        assert!(thread.join().unwrap() == expected, "{} bytes", input.len());
    }
    let long = [long.as_bytes(), b"\xff", long.as_bytes()].concat();
    for input in [&b"\xff"[..], &long] {
        let (url, thread) = server(|stream| {
            let mut ws = Acceptor::default().accept(stream).unwrap();
            while let Ok(Some(_)) = ws.read() {}
        });
        let output = fed(&mut wscodec(&["connect", "--text", &url]), input);
        thread.join().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("is not UTF-8"));
    }
}

#[test]
fn habits_of_other_programs_are_met() {
    let (url, thread) = server(|mut stream| {
        let head = request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap();
        head
    });
    let options = [
        "-c",
        &url,
        "-s",
        "chat",
        "--subprotocol",
        "talk",
        "-k",
        "-n",
        "-b",
    ];
    let origin = ["-o", "https://a.example", "-H", "Cookie: a=b"];
    fed(wscodec(&["connect"]).args(options).args(origin), "");
    let head = thread.join().unwrap();
    for line in [
        "Sec-WebSocket-Protocol: chat, talk\r\n",
        "Origin: https://a.example\r\n",
        "Cookie: a=b\r\n",
    ] {
        assert!(head.contains(line), "{head}");
    }
    for wrong in [
        &["-o", "a.example"][..],
        &["-o", "https://a", "-H", "origin: https://b"],
        &["-1", "--wait", "1"],
        &["--receive", "0"],
        &["--tries", "2"],
        &["--text", "--binary"],
    ] {
        let output = fed(wscodec(&["connect", "ws://a/"]).args(wrong), "");
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn tries_are_counted_and_the_pauses_between_them_grow() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("ws://{}/", listener.local_addr().unwrap())
    };
    let options = ["connect", "--reconnect", "0.1", "--tries", "4", &url];
    let output = fed(&mut wscodec(&options), "");
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert_eq!(errors.matches("nobody listens").count(), 4, "{errors}");
    let pauses = errors.lines().filter_map(|line| {
        let (_, pause) = line.split_once("the next try is in ")?;
        pause.strip_suffix(" s")?.parse::<f64>().ok()
    });
    let pauses: Vec<_> = pauses.collect();
    assert_eq!(pauses.len(), 3, "{errors}");
    for (pause, most) in pauses.iter().zip([0.1, 0.2, 0.4]) {
        assert!(
            *pause <= most + 0.005 && *pause >= most / 2.0 - 0.005,
            "{pauses:?}"
        );
    }
}

#[test]
fn lines_of_json_go_in_and_come_out() {
    let (url, thread) = server(|stream| {
        let mut ws = Acceptor::default().accept(stream).unwrap();
        let mut events = Vec::new();
        while let Some((event, mut outbox)) = ws.read_event().unwrap() {
            events.push(match event {
                Event::Message(message) => {
                    outbox.send(message.kind, message.payload).unwrap();
                    format!("{:?} {:?}", message.kind, message.payload)
                }
                Event::Ping(payload) => format!("ping {payload:?}"),
                Event::Pong(_) => "pong".to_owned(),
                Event::Close(close) => {
                    let close = close.unwrap();
                    format!("close {} {}", close.code.value(), close.reason)
                }
            });
        }
        events
    });
    let input = r#"{"type":"open","protocol":null,"time":1}
{"type":"text","text":"\u202e\n"}
{"type":"binary","base64":"AP8="}
{"type":"ping","base64":"AQ=="}
{"type":"close","code":4000,"reason":"done"}
"#;
    let output = fed(&mut wscodec(&["connect", &url, "--json-lines"]), input);
    let expected = [
        "Text [226, 128, 174, 10]",
        "Binary [0, 255]",
        "ping [1]",
        "close 4000 done",
    ];
    assert_eq!(thread.join().unwrap(), expected);
    // The server's close frame has the code of ours.
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("closed with 4000"));
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: Vec<_> = lines.iter().map(|line| &line["type"]).collect();
    assert_eq!(types, ["open", "text", "binary", "pong", "close"]);
    assert_eq!(lines[1]["text"], "\u{202e}\n");
    assert_eq!(lines[2]["base64"], "AP8=");
    assert_eq!(lines[4]["code"], 4000);
    assert!(
        lines
            .iter()
            .all(|line| line["time"].as_f64().unwrap() > 1e9)
    );
    assert!(text(&output.stdout).contains("\\u202e"));

    for wrong in ["text", r#"{"type":"dance"}"#] {
        let (url, thread) = server(messages);
        let input = format!("{{\"type\":\"text\",\"text\":\"a\"}}\n{wrong}\n");
        let output = fed(&mut wscodec(&["connect", &url, "--json-lines"]), input);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("line 2 of standard input"));
        assert_eq!(thread.join().unwrap().len(), 1);
    }
}
