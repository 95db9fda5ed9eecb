//! `wscodec connect` on a terminal: lines are edited, and messages are printed above them.

#![cfg(target_os = "linux")]

mod harness;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Served, fed, signal, wscodec};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

const LONG: Duration = Duration::from_secs(30);

// A key counts as it should once the prompt is shown: before, the terminal is not in raw mode yet.
// The line that was typed is followed by the end of the mode for pasted text, and the same line as
// a message by a line end.

/// A client on a terminal of its own.
struct Terminal {
    child: Child,
    /// The keyboard.
    keys: File,
    /// The end that the client has.
    device: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn new(arguments: &[&str]) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap().into_string().unwrap();
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(&name)
                .unwrap()
        };
        let child = wscodec(&["connect"])
            .args(arguments)
            .env("TERM", "xterm")
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap();
        let keys = File::from(keys);
        let mut reader = keys.try_clone().unwrap();
        let (sender, screen) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            device: open(),
            screen,
            shown: String::new(),
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown; what was shown until then.
    fn shows(&mut self, expected: &str) -> String {
        let start = Instant::now();
        loop {
            if let Some(at) = self.shown.find(expected) {
                let rest = self.shown.split_off(at + expected.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            let left = LONG.saturating_sub(start.elapsed());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown += &String::from_utf8_lossy(&bytes),
                Err(_) => panic!("{expected:?} is not shown, but {:?}", self.shown),
            }
        }
    }

    fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.device).unwrap().local_modes;
        !modes.contains(LocalModes::ICANON)
    }

    fn end(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < LONG, "it does not end: {:?}", self.shown);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn lines_are_edited_and_there_is_a_history() {
    let served = Served::new(&[]);
    let mut terminal = Terminal::new(&[&served.url]);
    terminal.shows("connected");
    terminal.shows("> ");
    assert!(terminal.is_raw());
    // The middle is mended: left, left, backspace.
    terminal.press("helXlo\x1b[D\x1b[D\x7f\r");
    terminal.shows("hello\r\n");
    terminal.shows("> ");
    terminal.press("\x1b[A");
    terminal.shows("> hello");
    terminal.press("!\r");
    terminal.shows("hello!\r\n");
    terminal.shows("> ");
    terminal.press("\x04");
    terminal.shows("closed with 1000");
    assert_eq!(terminal.end(), Some(0));
    assert!(!terminal.is_raw());
}

#[test]
fn messages_do_not_destroy_the_line_that_is_edited() {
    let served = Served::new(&["--broadcast"]);
    let mut terminal = Terminal::new(&[&served.url]);
    terminal.shows("> ");
    terminal.press("half a li");
    terminal.shows("half a li");
    let other = "\u{1b}[2J\u{202e}evil\u{7}\n";
    let output = fed(&mut wscodec(&["connect", "--text", &served.url]), other);
    assert!(output.status.success());
    // The line is cleared, the message is safe, and the line is there again.
    let before = terminal.shows("\\u001b[2J\\u202eevil\\u0007\\n");
    assert!(
        !before.contains("\u{1b}[2J") && before.contains("\r\u{1b}[K"),
        "{before:?}"
    );
    terminal.shows("> half a li");
    terminal.press("ne\r");
    terminal.shows("half a line\r\n");
}

#[test]
fn the_terminal_is_given_back_however_the_run_ends() {
    // The server closes.
    let served = Served::new(&[]);
    let mut terminal = Terminal::new(&[&served.url]);
    terminal.shows("> ");
    terminal.press("unfinished");
    terminal.shows("unfinished");
    served.signal("TERM");
    terminal.shows("closed with 1001");
    assert_eq!(terminal.end(), Some(0));
    assert!(!terminal.is_raw());
    // Ctrl-C.
    let served = Served::new(&[]);
    let mut terminal = Terminal::new(&[&served.url]);
    terminal.shows("> ");
    terminal.press("\x03");
    assert_eq!(terminal.end(), Some(0));
    assert!(!terminal.is_raw());
    // Two signals, while the server does not answer.
    let served = Served::new(&[]);
    let mut terminal = Terminal::new(&[&served.url]);
    terminal.shows("> ");
    served.signal("STOP");
    let mut code = None;
    for _ in 0..100 {
        signal(&terminal.child, "TERM");
        thread::sleep(Duration::from_millis(50));
        code = terminal.child.try_wait().unwrap();
        if code.is_some() {
            break;
        }
    }
    served.signal("CONT");
    assert_eq!(code.and_then(|it| it.code()), Some(128 + 15));
    assert!(!terminal.is_raw());
}

#[test]
fn the_history_is_kept_in_a_file_on_request() {
    let path = std::env::temp_dir().join(format!("wscodec-history-{}", std::process::id()));
    let served = Served::new(&[]);
    let file = path.to_str().unwrap();
    for line in ["first", "second"] {
        let mut terminal = Terminal::new(&[&served.url, "--history-file", file]);
        terminal.shows("> ");
        if line == "second" {
            terminal.press("\x1b[A");
            terminal.shows("> first");
            terminal.press("\x15");
        }
        terminal.press(&format!("{line}\r"));
        terminal.shows(&format!("{line}\r\n"));
        terminal.shows("> ");
        // A shell does not keep such a line either.
        terminal.press(" secret\r");
        terminal.shows(" secret\r\n");
        terminal.shows("> ");
        terminal.press("\x04");
        assert_eq!(terminal.end(), Some(0));
    }
    let kept = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(
        kept.contains("first\nsecond\n") && !kept.contains("secret"),
        "{kept}"
    );
}

#[test]
fn without_a_terminal_on_both_sides_nothing_is_edited() {
    let served = Served::new(&[]);
    let output = fed(
        wscodec(&["connect", &served.url]).env("TERM", "xterm"),
        "line\n",
    );
    assert_eq!(output.stdout, b"line\n");
    // An example is `wscodec connect URL | jq`.
    let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keys).unwrap();
    unlockpt(&keys).unwrap();
    let name = ptsname(&keys, Vec::new()).unwrap().into_string().unwrap();
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name)
        .unwrap();
    let child = wscodec(&["connect", &served.url])
        .stdin(device)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = File::from(keys);
    keys.write_all(b"typed\n\x04").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"typed\n");
}
