//! The `wscodec` command as those who type it see it.

#![cfg(unix)]

mod harness;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use harness::{Served, fed, text, wscodec};

#[test]
fn lines_come_back_compressed_or_not() {
    let server = Served::new(&["--log", "info", "--protocol", "chat"]);
    let lines: String = (0..5000).map(|i| format!("line {i} größer\n")).collect();
    for options in [
        &["--protocol", "chat", "-v"][..],
        &["--no-deflate"],
        &["--window", "9"],
        &["--no-takeover", "--level", "1"],
    ] {
        let mut command = wscodec(&["connect", &server.url]);
        let output = fed(command.args(options), &lines);
        let errors = text(&output.stderr);
        assert!(output.status.success(), "{errors}");
        assert_eq!(text(&output.stdout), lines);
        assert_eq!(errors.contains("protocol chat"), options.contains(&"-v"));
    }
    let mut command = wscodec(&["connect", &server.url, "--binary-lines"]);
    let output = fed(&mut command, b"one\ntw\xff");
    assert_eq!(output.stdout, b"onetw\xff");
    server.signal("TERM");
    let (status, log) = server.end();
    assert_eq!(status, Some(0));
    assert_eq!(log.matches(" open / chat permessage-deflate").count(), 1);
    assert_eq!(log.matches(" open / - -").count(), 1);
    assert_eq!(log.matches(" closed 1000 ").count(), 5);
}

#[test]
fn a_server_that_stops_tells_its_clients() {
    for stop in ["TERM", "INT", "eof"] {
        let mut server = Served::new(&["--stop-on-eof"]);
        let mut client = wscodec(&["connect", "-v", &server.url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        stdin.write_all(b"hello\n").unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(client.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "hello\n");
        match stop {
            "eof" => drop(server.child.stdin.take()),
            signal => server.signal(signal),
        }
        assert_eq!(server.end().0, Some(0), "{stop}");
        let output = client.wait_with_output().unwrap();
        let errors = text(&output.stderr);
        assert!(errors.contains("closed with 1001"), "{stop}: {errors}");
        assert!(output.status.success(), "{stop}");
    }
}

#[test]
fn what_can_not_be_done_is_told_in_one_line_with_status_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let free = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let answering = thread::spawn(move || {
        for answer in ["HTTP/1.1 404 Not Found\r\n\r\n", "220 ready\r\n", ""] {
            let (mut stream, _) = taken.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let url = format!("ws://{address}/");
    for (arguments, why) in [
        (vec!["serve", "--listen", &address], "is in use"),
        (vec!["connect", &*format!("ws://{free}/")], "nobody listens"),
        (vec!["connect", &url], "answered 404 Not Found"),
        (vec!["connect", &url], "does not speak HTTP"),
        (vec!["connect", &url], "the stream ended too early"),
    ] {
        let output = fed(&mut wscodec(&arguments), "");
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {errors}");
        assert_eq!(errors.lines().count(), 1);
        assert!(errors.contains(why), "{errors}");
    }
    answering.join().unwrap();
}

#[test]
fn what_makes_no_sense_has_status_2() {
    for arguments in [
        &[][..],
        &["dance"],
        &["serve", "--listen", "here"],
        &["serve", "--max-message", "1X"],
        &["serve", "--window", "16"],
        &["serve", "--stats", "0"],
        &["serve", "--heartbeat", "0"],
        &["serve", "--no-such-option"],
        &["serve", "stray"],
        &["connect"],
        &["connect", "http://localhost/"],
        &["connect", "wss://localhost/", "--key", "key.pem"],
        &["connect", "ws://a/", "ws://b/"],
        &["connect", "ws://a/#b"],
        &["connect", "ws://a:%0@a/"],
        &["connect", "ws://a:b@a/", "-H", "authorization: Bearer x"],
        &["connect", "ws://a/", "--header", "no colon"],
        &["connect", "ws://a/", "--header", "a b: c"],
        &["connect", "ws://a/", "--header", "a: b\r\nc: d"],
        &["connect", "ws://a/", "--header", "Upgrade: h2c"],
        &["connect", "ws://a/", "--header", "Sec-WebSocket-Key: x"],
        &["connect", "ws://a/", "--header", "Host: a b"],
        &["connect", "ws://a/", "--header", "Host:"],
        &["connect", "ws://a/", "-H", "Host: a", "-H", "host: b"],
        &["connect", "ws://a/", "--protocol", "a,b"],
        &["connect", "ws://a/", "--protocol", "a", "--protocol", "a"],
        &["connect", "ws://a/", "--level", "0"],
        &["connect", "ws://a/", "--no-deflate", "--window", "9"],
        &["connect", "ws://a/", "--wait", "-1"],
        &["connect", "ws://a/", "--binary", "--reconnect", "1"],
        &["connect", "ws://a/", "--escape", "sometimes"],
        &["connect", "ws://a/", "--verbose=1"],
        &["connect", "ws://a/", "-x"],
        &["serve", "--level", "10"],
        &["serve", "--level", "99"],
        &["serve", "--window", "7"],
        &["serve", "--threshold", "-1"],
        &["serve", "--max-message", "+1"],
        &["serve", "--max-message", "17179869184G"],
        &["serve", "--max-head", "17179869184G"],
        &["serve", "--max-fragments", "0"],
        &["serve", "--max-inflation", "0"],
        &["serve", "--max-connections", "0"],
        &["serve", "--loops", "0"],
        &["serve", "--memory", "none"],
        &["serve", "--memory", "dedicated", "--history", "9"],
        &["serve", "--no-deflate", "--level", "1"],
        &["serve", "--protocol", ""],
        &["serve", "--protocol", "a", "--protocol", "a"],
        &["serve", "--origin", "a.example"],
        &["serve", "--origin", "https://a.example/"],
        &["serve", "--origin", "any", "--origin", "https://a.example"],
        &["serve", "--allow-host", "https://a.example"],
        &["serve", "--log", "loud"],
        &["serve", "--stop-on-eof=yes"],
        &["inspect"],
        &["inspect", "file", "--size", "x"],
        &["inspect", "file", "--open", "--json"],
        &["inspect", "a", "b", "--open"],
        &["inspect", "-", "--open"],
        &["tap", "--to", "ws://a", "--redact", "--open"],
        &["tap"],
        &["tap", "--to", "http://a"],
        &["tap", "--to", "ws://user@a"],
        &["tap", "--to", "ws://a", "--cert", "cert.pem"],
        &["tap", "--to", "ws://a", "--listen", "here"],
        &["tap", "--to", "ws://a", "--header", "Upgrade: x"],
        &[
            "tap",
            "--to",
            "ws://a",
            "--remove-header",
            "sec-websocket-key",
        ],
        &[
            "tap",
            "--to",
            "ws://a",
            "--keep-host",
            "--header",
            "Host: b",
        ],
        &[
            "tap",
            "--to",
            "ws://a",
            "--origin",
            "null",
            "-H",
            "Origin: null",
        ],
        &["tap", "--to", "ws://a", "--record", "file.pcap"],
        &["tap", "--to", "ws://a", "--record", "-"],
        &["tap", "--to", "ws://a", "--redact", "--record", "a.pcapng"],
        &["tap", "--to", "ws://a", "--quiet", "--jsonl", "a"],
        &["tap", "--to", "ws://a", "--filter", "dir == up"],
        &["tap", "--to", "ws://a", "--max-connections", "0"],
        &["tap", "--to", "ws://a", "--follow"],
        &["replay", "file"],
        &["replay", "--to", "ws://a"],
        &["replay", "--to", "http://a", "file"],
        &["replay", "--to", "ws://a", "-", "-"],
        &["replay", "--to", "ws://a", "file", "--first", "up"],
        &["replay", "--to", "ws://a", "file", "--deflate"],
        &["help", "dance"],
    ] {
        let output = fed(&mut wscodec(arguments), "");
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {errors}");
        assert!(errors.contains("--help"), "{errors}");
    }
}

#[test]
fn times_are_above_0_where_0_could_mean_two_things() {
    let serve = "handshake-timeout close-timeout idle-timeout heartbeat pong-timeout \
                 stall-timeout stats";
    let options = serve.split_whitespace().map(|option| ("serve", option));
    for (command, option) in options.chain([
        ("connect", "ping"),
        ("connect", "timeout"),
        ("connect", "close-timeout"),
        ("connect", "reconnect"),
        ("tap", "timeout"),
        ("tap", "idle-timeout"),
    ]) {
        for wrong in ["0", "0.0", "1e-12", "-1", "nan", "soon"] {
            let option = format!("--{option}");
            let output = fed(&mut wscodec(&[command, &option, wrong]), "");
            assert_eq!(output.status.code(), Some(2), "{option} {wrong}");
            let errors = text(&output.stderr);
            let expected = format!(
                "invalid value '{wrong}' for '{option} <S>': it is not a number of seconds above 0"
            );
            assert!(errors.contains(&expected), "{errors}");
        }
    }
    let output = fed(&mut wscodec(&["serve", "--grace", "-1"]), "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn no_time_is_too_long() {
    let times = "handshake-timeout close-timeout idle-timeout heartbeat pong-timeout \
                 stall-timeout stats grace";
    for long in ["1e19", "1e300", "inf"] {
        let options = times.split_whitespace().map(|option| format!("--{option}"));
        let arguments: Vec<_> = options.flat_map(|it| [it, long.to_owned()]).collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let server = Served::new(&arguments);
        let mut command = wscodec(&["connect", &server.url]);
        for option in ["--ping", "--timeout", "--close-timeout", "--reconnect"] {
            command.args([option, long]);
        }
        let output = fed(&mut command, "hello\n");
        assert_eq!(text(&output.stdout), "hello\n", "{long}");
        assert!(output.status.success(), "{}", text(&output.stderr));
        server.signal("TERM");
        assert_eq!(server.end(), (Some(0), String::new()), "{long}");
    }
    // The wait is over when the server closes.
    let server = Served::new(&[]);
    let mut client = wscodec(&["connect", &server.url, "--wait", "1e300"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(client.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "hello\n");
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
    assert!(client.wait().unwrap().success());
}

#[test]
fn with_no_grace_nobody_is_waited_for() {
    let server = Served::new(&["--grace", "0"]);
    let address = server.url.strip_prefix("ws://").unwrap();
    let mut silent = TcpStream::connect(address).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    silent.write_all(request.as_bytes()).unwrap();
    assert!(silent.read(&mut [0; 1024]).unwrap() > 0, "an answer");
    server.signal("TERM");
    assert_eq!(server.end(), (Some(0), String::new()));
}

/// The options in the help of a command.
fn options(command: &str) -> Vec<String> {
    let output = fed(&mut wscodec(&[command, "--help"]), "");
    assert!(output.status.success());
    let help = text(&output.stdout);
    assert_eq!(
        help,
        text(&fed(&mut wscodec(&["help", command]), "").stdout)
    );
    assert!(help.lines().all(|line| line.chars().count() <= 96));
    let entries = help.lines().map(str::trim_start);
    let entries = entries.filter(|line| line.starts_with('-'));
    let words = entries.flat_map(|line| line.split([' ', ',']).take(4));
    let found: Vec<_> = words
        .filter(|it| it.starts_with("--"))
        .map(str::to_owned)
        .collect();
    assert!(found.len() > 1, "{command}: {found:?}");
    found
}

#[test]
fn completions_and_man_pages_name_every_option() {
    let pages = std::env::temp_dir().join(format!("wscodec-man-{}", std::process::id()));
    std::fs::create_dir_all(&pages).unwrap();
    let directory = pages.to_str().unwrap();
    let output = fed(&mut wscodec(&["man", "--directory", directory]), "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let of_all = std::fs::read(pages.join("wscodec.1")).unwrap();
    assert_eq!(of_all, fed(&mut wscodec(&["man"]), "").stdout);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = fed(&mut wscodec(&["completions", shell]), "");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let script = text(&output.stdout);
        for command in ["serve", "connect", "inspect"] {
            for option in options(command) {
                let name = option.trim_start_matches('-');
                assert!(script.contains(name), "{shell}: {command} {option}");
            }
        }
        // The shells that are installed read their scripts without a complaint.
        let flag = match shell {
            "bash" | "zsh" => "-n",
            "fish" => "--no-execute",
            _ => continue,
        };
        let file = pages.join(shell);
        std::fs::write(&file, script).unwrap();
        if let Ok(output) = Command::new(shell).arg(flag).arg(&file).output() {
            let errors = text(&output.stderr);
            assert!(output.status.success() && errors.is_empty(), "{errors}");
        }
    }
    for command in ["serve", "connect", "inspect"] {
        let name = format!("wscodec-{command}");
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        let alone = fed(&mut wscodec(&["man", command]), "").stdout;
        assert_eq!(page, text(&alone));
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        // roff writes a hyphen of an option as \-.
        let page = page.replace("\\-", "-");
        for option in options(command) {
            assert!(page.contains(&option), "{command} {option}");
        }
    }
    std::fs::remove_dir_all(pages).unwrap();
    let version = fed(&mut wscodec(&["--version"]), "");
    assert_eq!(
        text(&version.stdout),
        concat!("wscodec ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

/// With the environment variable `WSCODEC_UPDATE_DOCS` the document is written anew.
#[test]
fn the_documentation_has_the_help_of_each_command() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/command-line.md");
    let found = std::fs::read_to_string(path).unwrap();
    let (front, _) = found.split_once("<!-- help connect -->").unwrap();
    let help = |command| text(&fed(&mut wscodec(&["help", command]), "").stdout).to_owned();
    let block = |command| format!("<!-- help {command} -->\n```text\n{}```\n", help(command));
    let expected = format!(
        "{front}{}\n## All options of `wscodec serve`\n\n{}\n## All options of `wscodec tap`\n\n{}\n## All options of `wscodec replay`\n\n{}",
        block("connect"),
        block("serve"),
        block("tap"),
        block("replay")
    );
    if std::env::var_os("WSCODEC_UPDATE_DOCS").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    assert!(
        found == expected,
        "docs/command-line.md is not current: run this test with WSCODEC_UPDATE_DOCS=1"
    );
}

#[test]
fn figures_are_written_again_and_again() {
    let server = Served::new(&["--stats", "0.05"]);
    let output = fed(&mut wscodec(&["connect", &server.url]), "hello\n");
    assert!(output.status.success());
    thread::sleep(std::time::Duration::from_millis(300));
    // A connection wakes the loop, whose figures are then as of now.
    drop(TcpStream::connect(server.url.strip_prefix("ws://").unwrap()).unwrap());
    thread::sleep(std::time::Duration::from_millis(300));
    server.signal("TERM");
    let (_, errors) = server.end();
    let last = errors.lines().last().unwrap();
    assert!(errors.lines().count() >= 4, "{errors}");
    assert!(
        last.contains("accepted=1 ") && last.contains("messages_in=1 "),
        "{last}"
    );
}
