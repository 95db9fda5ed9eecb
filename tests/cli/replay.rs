//! `wscodec replay` of recordings that `wscodec tap` has made, and of those of other programs.

#![cfg(unix)]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use harness::{fed, server, text, wscodec};
use serde_json::Value;
use wscodec::CloseCode;
use wscodec::io::Acceptor;
use wscodec::message::Kind;

/// The record of a server about a client: its messages, its close code, and whether it compresses.
#[derive(Debug, PartialEq)]
struct Seen {
    path: String,
    protocol: Option<String>,
    messages: Vec<(Kind, Vec<u8>)>,
    code: u16,
    compressed: bool,
}

/// Answers each message; the answers have a number that grows from `first`.
fn serve(stream: TcpStream, first: u64, without: Option<usize>) -> Seen {
    let mut seen = Seen {
        path: String::new(),
        protocol: None,
        messages: Vec::new(),
        code: 0,
        compressed: false,
    };
    let mut ws = Acceptor::default()
        .accept_with(stream, |request, answer| {
            seen.path = request.target().to_owned();
            answer.choose_protocol(Some("chat")).unwrap();
            Ok(())
        })
        .unwrap();
    seen.protocol = ws.protocol().map(str::to_owned);
    seen.compressed = ws.deflate().is_some();
    let mut count = 0;
    while let Some((message, mut outbox)) = ws.read().unwrap() {
        seen.messages.push((message.kind, message.payload.to_vec()));
        count += 1;
        if without == Some(count) {
            continue;
        }
        match message.text() {
            Some(text) => {
                let time = first + count as u64;
                let answer =
                    format!("{{\"of\":{text},\"n\":{count},\"meta\":{{\"time\":{time}}}}}");
                outbox.text(&answer).unwrap();
            }
            None => outbox.binary(message.payload).unwrap(),
        }
    }
    seen.code = ws.outcome().unwrap().code.value();
    seen
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("replay-{}-{name}", std::process::id()))
}

/// Records a session by the tap: what the server has seen.
fn record(file: &Path, connections: usize) -> Seen {
    let mut last = None;
    let mut files = Vec::new();
    for at in 0..connections {
        let (url, serving) = server(|stream| serve(stream, 1000, None));
        let name = file.file_name().unwrap().to_str().unwrap();
        let part = scratch(&format!("part-{at}-{name}"));
        let mut tap = wscodec(&["tap", "--listen", "127.0.0.1:0", "--proxy", "none", "--to"])
            .arg(url.trim_end_matches('/'))
            .args(["--quiet", "--exit-after", "1", "--record"])
            .arg(&part)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(tap.stderr.take().unwrap());
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once(' ').unwrap().1.to_owned();
        let mut command = wscodec(&["connect", "--proxy", "none", "--protocol", "chat"]);
        command.args(["--json-lines", &format!("{address}/room?a=1")]);
        let input = "{\"type\":\"text\",\"text\":\"1\"}\n{\"type\":\"binary\",\"base64\":\"/wA=\"}\n\
                     {\"type\":\"ping\",\"base64\":\"aGk=\"}\n{\"type\":\"text\",\"text\":\"{\\\"a\\\":2}\"}\n";
        // The answers are there before the close frame.
        let output = fed(command.args(["--receive", "3"]), input);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(tap.wait().unwrap().success());
        last = Some(serving.join().unwrap());
        files.push(part);
    }
    let bytes: Vec<_> = files.iter().map(|it| fs::read(it).unwrap()).collect();
    fs::write(file, bytes.concat()).unwrap();
    files.iter().for_each(|it| fs::remove_file(it).unwrap());
    last.unwrap()
}

/// Replays to a new server: the output, and what the server has seen.
fn replay(file: &Path, first: u64, without: Option<usize>, words: &[&str]) -> (Output, Seen) {
    let (url, serving) = server(move |stream| serve(stream, first, without));
    let mut command = wscodec(&[
        "replay",
        "--proxy",
        "none",
        "--to",
        url.trim_end_matches('/'),
    ]);
    let output = fed(command.arg(file).args(words), "");
    (output, serving.join().unwrap())
}

#[test]
fn the_client_s_side_is_sent_again_and_the_answers_are_compared() {
    for name in ["session.pcapng", "session.har"] {
        let file = scratch(name);
        let original = record(&file, 1);
        assert_eq!(original.messages.len(), 3);
        assert_eq!(original.path, "/room?a=1");
        for pace in [
            &["--at-once"][..],
            &["--pace", "20x"],
            &["--in-step", "--at-once"],
            &[],
        ] {
            let words = [pace, &["--diff"]].concat();
            let (output, seen) = replay(&file, 1000, None, &words);
            let shown = text(&output.stdout);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{shown} {}",
                text(&output.stderr)
            );
            assert_eq!(seen, original);
            assert!(
                shown.contains("answers: 3 recorded, 3 received; 0 differ"),
                "{shown}"
            );
        }
        let (output, seen) = replay(&file, 1000, None, &["--no-deflate", "--at-once"]);
        assert!(output.status.success() && output.stdout.is_empty());
        assert!(original.compressed && !seen.compressed);

        // Answers that differ in one place, which may be ignored.
        let (output, _) = replay(&file, 2000, None, &["--at-once", "--diff"]);
        assert_eq!(output.status.code(), Some(3));
        let shown = text(&output.stdout);
        assert!(
            shown.contains("answer 1 differs:\n  /meta/time: 1001 is recorded, 2001 came\n"),
            "{shown}"
        );
        assert!(!shown.contains("answer 2"), "{shown}");
        let words = ["--at-once", "--diff", "--ignore", "/meta/*"];
        let (output, _) = replay(&file, 2000, None, &words);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));

        // An answer that does not come is waited for, and does not shift the others.
        let words = [
            "--diff",
            "--json",
            "--wait",
            "0.2",
            "--ignore",
            "/n",
            "--at-once",
        ];
        let (output, _) = replay(&file, 1000, Some(2), &words);
        assert_eq!(output.status.code(), Some(3));
        let lines: Vec<Value> = text(&output.stdout)
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(
            (&lines[0]["type"], &lines[0]["answer"]),
            (&"missing".into(), &2.into())
        );
        assert_eq!(lines[0]["recorded"]["hex"], "ff00");
        assert_eq!(lines[1]["same"], false);
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn one_of_several_connections_is_chosen_and_wrong_recordings_are_refused() {
    let file = scratch("several.pcapng");
    record(&file, 2);
    let fails = |words: &[&str], why: &str| {
        let mut command = wscodec(&["replay", "--proxy", "none", "--to", "ws://127.0.0.1:1"]);
        let output = fed(command.args(words), "");
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).contains(why),
            "{}",
            text(&output.stderr)
        );
    };
    let name = file.to_str().unwrap();
    fails(&[name], "choose one of 0, 1 with --connection");
    fails(&[name, "--connection", "7"], "it has: 0, 1");
    fails(&["none.pcap"], "none.pcap: ");
    fails(&[name, "--ignore", "/a"], "--diff");
    fails(&[name, "--diff", "--ignore", "a"], "JSON Pointer");
    fails(&[name, "--pace", "0x"], "factor such as 2x");
    fails(&[name, "--pace", "2x", "--at-once"], "cannot be used with");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    let none = tests.join("pcap/wss-TLSv1.3.pcap");
    fails(
        &[none.to_str().unwrap()],
        "no WebSocket connection was found",
    );
    let (output, seen) = replay(
        &file,
        1000,
        None,
        &["--connection", "1", "--at-once", "--diff"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(seen.messages.len(), 3);

    // A server that refuses, and one that ends early.
    let (url, serving) = server(|stream| {
        let mut ws = Acceptor::default().accept(stream).unwrap();
        ws.close(CloseCode::new(4000), "enough").unwrap();
        while ws.read().unwrap().is_some() {}
    });
    let mut command = wscodec(&[
        "replay",
        "--proxy",
        "none",
        "--to",
        &url,
        "--connection",
        "0",
    ]);
    let output = fed(command.args([name, "--pace", "0.0001x"]), "");
    serving.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(
        errors.contains("0 of 3 sent") && errors.contains("closed with 4000"),
        "{errors}"
    );
    let mut command = wscodec(&[
        "replay",
        "--proxy",
        "none",
        "--to",
        "ws://127.0.0.1:1",
        name,
    ]);
    let output = fed(command.args(["--connection", "0"]), "");
    assert_eq!(output.status.code(), Some(1));
    fs::remove_file(file).unwrap();
}
