//! `wscodec inspect` as those who type it see it.

#![cfg(unix)]

mod harness;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use harness::{fed, text, wscodec};
use serde_json::Value;

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn pcap(name: &str) -> String {
    captures()
        .join("pcap")
        .join(name)
        .to_str()
        .unwrap()
        .to_owned()
}

fn inspect(words: &[&str]) -> Output {
    wscodec(&["inspect"]).args(words).output().unwrap()
}

fn lines(output: &Output, kind: &str) -> Vec<Value> {
    let all = text(&output.stdout);
    let all = all
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect(line));
    all.filter(|value| value["type"] == kind).collect()
}

/// A file of this test.
fn scratch(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_capture_is_listed_from_a_file_and_from_a_pipe() {
    let file = pcap("two-connections.pcap");
    let output = inspect(&[&file, "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(lines(&output, "conversation").len(), 3);
    assert_eq!(lines(&output, "frame").len(), 34);
    assert_eq!(lines(&output, "end").len(), 3);
    let piped = fed(
        &mut wscodec(&["inspect", "--json", "-"]),
        fs::read(&file).unwrap(),
    );
    assert!(piped.stdout == output.stdout);

    let output = inspect(&[&file, "--connections"]);
    assert_eq!(text(&output.stdout).lines().count(), 3);
    assert!(text(&output.stdout).contains("127.0.0.1:9813/room/1  101"));
}

#[test]
fn compressed_files_are_recognised() {
    let file = fs::read(pcap("ws-deflate-v6.pcap")).unwrap();
    let plain = inspect(&[&pcap("ws-deflate-v6.pcap"), "--json"]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &file).unwrap();
    let gzip = gzip.finish().unwrap();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zstd = ruzstd::encoding::compress_to_vec(&file[..], level);
    for (name, bytes) in [("inspect.gz", &gzip), ("inspect.zst", &zstd)] {
        let packed = inspect(&[scratch(name, bytes).to_str().unwrap(), "--json"]);
        assert_eq!(packed.status.code(), Some(0), "{}", text(&packed.stderr));
        assert!(packed.stdout == plain.stdout, "{name}");
    }
    let cut = scratch("inspect-cut.gz", &gzip[..gzip.len() / 2]);
    let cut = inspect(&[cut.to_str().unwrap(), "--json"]);
    assert_eq!(cut.status.code(), Some(2));
    assert!(text(&cut.stderr).contains("the compressed file ends too early"));
    assert!(!lines(&cut, "frame").is_empty());
}

#[test]
fn faults_are_shown_in_their_place_and_hide_nothing() {
    let file = pcap("unmasked-client.pcap");
    let output = inspect(&[&file, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let opcodes: Vec<_> = lines(&output, "frame")
        .iter()
        .map(|it| it["opcode"].clone())
        .collect();
    assert_eq!(opcodes, [9, 1, 10]);
    let faults = lines(&output, "violation");
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0]["code"], "UNMASKED_FRAME");
    assert_eq!(faults[0]["found"], "not masked");
    assert_eq!(faults[0]["expected"], "masked");
    assert_eq!(faults[0]["section"], "RFC 6455 §5.1");

    let output = inspect(&[&file, "--json", "--strict"]);
    assert_eq!(output.status.code(), Some(1));
    // The ping before the violation, and the frame that has it.
    assert_eq!(lines(&output, "frame").len(), 2);

    let output = inspect(&[&pcap("zeek--wrong-accept-header.pcap"), "--lint"]);
    let shown = text(&output.stdout);
    assert!(
        shown.contains("!! ACCEPT") && shown.contains("error   #0   s2c ACCEPT"),
        "{shown}"
    );
    assert!(shown.contains("\"Zeek\""), "{shown}");
}

#[test]
fn filters_pick_frames_and_messages() {
    let file = pcap("two-connections.pcap");
    let count = |words: &[&str]| {
        let words: Vec<_> = [&[&file[..], "--json"], words].concat();
        let output = inspect(&words);
        let kind = if words.contains(&"--messages") {
            "message"
        } else {
            "frame"
        };
        lines(&output, kind).len()
    };
    assert_eq!(count(&["--connection", "1"]), 10);
    assert_eq!(count(&["--dir", "c2s"]), 17);
    assert_eq!(count(&["--type", "close"]), 4);
    assert_eq!(count(&["--size", "90.."]), 10);
    assert_eq!(count(&["--grep", "{\"id\":3,"]), 6);
    assert_eq!(count(&["--messages", "--grep", "{\"id\":3,"]), 6);
    assert_eq!(count(&["--limit", "7"]), 7);
    assert_eq!(count(&["--host", "9813"]), 34);
    assert_eq!(count(&["--host", "example"]), 0);
    assert_eq!(
        count(&["--since", "0.12"]) + count(&["--until", "0.1199999"]),
        34
    );
}

#[test]
fn raw_files_are_the_two_directions_in_any_order() {
    let folder = captures().join("captures/chromium-deflate");
    let [c2s, s2c] = ["c2s.bin", "s2c.bin"].map(|it| folder.join(it).to_str().unwrap().to_owned());
    let expected = fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    for files in [[&c2s, &s2c], [&s2c, &c2s]] {
        let output = inspect(&[files[0], files[1], "--json", "--payloads"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        for dir in ["c2s", "s2c"] {
            let frames: Vec<_> = lines(&output, "frame")
                .into_iter()
                .filter(|it| it["dir"] == dir)
                .collect();
            let rows = expected[dir]["frames"].as_array().unwrap();
            assert_eq!(frames.len(), rows.len());
            for (frame, row) in frames.iter().zip(rows) {
                for name in ["offset", "opcode", "fin", "rsv", "masked", "length"] {
                    assert_eq!(frame[name], row[name], "{frame}");
                }
            }
        }
    }
}

#[test]
fn a_raw_file_without_a_handshake_is_one_connection() {
    let file = scratch("inspect-frames.bin", b"\x81\x05Hello\x82\x00");
    let file = file.to_str().unwrap();
    let output = inspect(&[file, "--no-handshake", "--connections"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(shown.contains("s2c 2 messages, 9 bytes"), "{shown}");
}

#[test]
fn a_reader_that_has_enough_and_wrong_use_end_the_run() {
    let file = pcap("ws-plain-v4.pcap");
    let mut child = wscodec(&["inspect", &file, "--json", "--payloads"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");

    let none = inspect(&["no\u{1b}file"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        text(&none.stderr).starts_with("wscodec: no\\u001bfile: "),
        "{}",
        text(&none.stderr)
    );
    assert_eq!(inspect(&[]).status.code(), Some(2));
    assert_eq!(inspect(&[&file, "--dance"]).status.code(), Some(2));
    let help = inspect(&["--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("--connections"));
}

#[test]
fn tls_is_decrypted_with_keys() {
    let file = pcap("wss-TLSv1.3.pcap");
    let output = inspect(&[&file, "--json"]);
    assert_eq!(lines(&output, "note")[0]["code"], "ENCRYPTED");
    assert_eq!(lines(&output, "frame").len(), 0);
    let output = inspect(&[&file, "--json", "--keys", &pcap("wss-TLSv1.3.keys")]);
    assert_eq!(lines(&output, "note").len(), 0);
    assert_eq!(lines(&output, "frame").len(), 25);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn expressions_pick_frames_and_are_checked_when_given() {
    let file = pcap("two-connections.pcap");
    let count = |expression: &str| {
        let output = inspect(&[&file, "--json", "--filter", expression]);
        lines(&output, "frame").len()
    };
    assert_eq!(count("stream == 1"), 10);
    assert_eq!(count("dir == c2s or dir == s2c"), 34);
    assert_eq!(count("type == close and closecode == 1001"), 2);
    assert_eq!(count("payload contains \"{\\\"id\\\":3,\""), 6);
    assert_eq!(count("not masked"), 17);
    assert_eq!(count("host endswith \"9813\" and path == \"/room/1\""), 10);
    let output = inspect(&[&file, "--filter", "dir == up"]);
    assert_eq!(output.status.code(), Some(2));
    let shown = text(&output.stderr);
    assert!(shown.contains("--filter: at character 8"), "{shown}");
}

#[test]
fn payloads_lists_and_har_are_written_to_files() {
    let file = pcap("two-connections.pcap");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inspect-extract");
    let _ = fs::remove_dir_all(&folder);
    let [har, jsonl] = ["inspect.har", "inspect.jsonl"].map(|it| scratch(it, b"old"));
    let output = inspect(&[
        &file,
        "--connections",
        "--har",
        har.to_str().unwrap(),
        "--jsonl",
        jsonl.to_str().unwrap(),
        "--extract",
        folder.to_str().unwrap(),
        "--filter",
        "dir == c2s",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 3);
    let value: Value = serde_json::from_slice(&fs::read(&har).unwrap()).unwrap();
    let entries = value["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    let first = &entries[0]["_webSocketMessages"];
    assert!(
        first
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["type"] == "send")
    );
    assert!(
        entries[0]["request"]["url"]
            .as_str()
            .unwrap()
            .starts_with("ws://127.0.0.1:")
    );
    let written = fs::read_dir(&folder).unwrap().count();
    let messages = fs::read_to_string(&jsonl).unwrap();
    let messages: Vec<Value> = messages
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .filter(|it: &Value| it["type"] == "message")
        .collect();
    assert_eq!((written, messages.len()), (15, 15));
    // The HAR file is read as a capture of its own.
    let again = inspect(&[har.to_str().unwrap(), "--json", "--messages"]);
    assert_eq!(lines(&again, "message").len(), 15);
    assert_eq!(
        lines(&again, "message")[0]["text"],
        messages[0]["text"],
        "{}",
        text(&again.stdout)
    );
}

#[test]
fn secrets_are_blanked_and_json_is_laid_out() {
    let request = "GET /a?token=t0p HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Cookie: sid=t0p\r\nAuthorization: Bearer t0p\r\n\r\n";
    let payload = b"{\"user\":\"ada\",\"password\":\"t0p\"}";
    let mut client = request.as_bytes().to_vec();
    client.extend([0x81, 0x80 | payload.len() as u8, 0, 0, 0, 0]);
    client.extend(payload);
    let file = scratch("inspect-secret.bin", &client);
    let file = file.to_str().unwrap();
    for words in [
        &["--json"][..],
        &["--pretty"],
        &["--messages", "--json", "--payloads"],
    ] {
        let output = inspect(&[&[file, "--redact"], words].concat());
        let shown = text(&output.stdout);
        assert!(
            shown.contains("ada") && shown.contains("[redacted]"),
            "{shown}"
        );
        assert!(
            !shown.contains("t0p") && !shown.contains("dGhlIHNh"),
            "{shown}"
        );
    }
    let shown = inspect(&[file, "--pretty"]);
    assert!(
        text(&shown.stdout).contains("\n      \"user\": \"ada\",\n"),
        "{}",
        text(&shown.stdout)
    );
}

#[test]
fn a_file_that_grows_is_followed() {
    let bytes = fs::read(pcap("two-connections.pcap")).unwrap();
    let file = scratch("inspect-follow.pcap", &bytes[..bytes.len() / 2]);
    let mut child = wscodec(&["inspect", "--json", "--follow", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut all = std::io::BufRead::lines(stdout);
    // Lines are there before the file is whole.
    assert!(all.next().unwrap().unwrap().contains("\"conversation\""));
    let mut grown = fs::OpenOptions::new().append(true).open(&file).unwrap();
    std::io::Write::write_all(&mut grown, &bytes[bytes.len() / 2..]).unwrap();
    let ends = all
        .map_while(Result::ok)
        .filter(|line| line.starts_with("{\"type\":\"end\""))
        .take(2)
        .count();
    assert_eq!(ends, 2);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn files_of_other_programs_are_read() {
    let folder = captures().join("sources");
    for (name, messages) in [
        ("chrome.har", 6),
        ("chrome-devtools.jsonl", 6),
        ("chrome-netlog.json", 6),
        ("mitmproxy.flows", 3),
    ] {
        let file = folder.join(name);
        let output = inspect(&[file.to_str().unwrap(), "--json", "--messages"]);
        assert_eq!(lines(&output, "message").len(), messages, "{name}");
    }
    // A source without frames shows its messages where frames are asked for.
    let output = inspect(&[folder.join("chrome.har").to_str().unwrap()]);
    assert_eq!(text(&output.stdout).matches(" text ").count(), 4);
}
