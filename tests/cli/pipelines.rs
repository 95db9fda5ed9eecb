//! The program in pipelines with other tools, and started by a supervisor as systemd does it.

#![cfg(unix)]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};

use harness::{Served, fed, text, wscodec};

/// Runs a script of the shell, in which `$W` is the program and `$URL` the server.
fn script(served: &Served, script: &str) -> Output {
    Command::new("sh")
        .args(["-c", script])
        .env("W", env!("CARGO_BIN_EXE_wscodec"))
        .env("URL", &served.url)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The output of a script that writes no errors.
fn out(served: &Served, of: &str) -> String {
    let output = script(served, of);
    assert_eq!(text(&output.stderr), "", "{of}");
    assert!(output.status.success(), "{of}");
    text(&output.stdout).to_owned()
}

/// A filter that prints the member `text` of objects that have the type text.
fn filter() -> String {
    match Command::new("jq").arg("--version").output() {
        Ok(_) => r#"jq -r 'select(.type == "text").text'"#.into(),
        Err(_) => {
            let program = "import sys,json\nfor l in sys.stdin:\n o=json.loads(l)\n \
                           if o[\"type\"]==\"text\": print(o[\"text\"])";
            format!("python3 -c '{program}'")
        }
    }
}

#[test]
fn objects_go_through_jq() {
    let served = Served::new(&[]);
    let filter = filter();
    let made = r#"printf '{"type":"text","text":"%s"}\n' one 'two\u0020words' größer"#;
    let of = format!("{made} | $W connect --json-lines $URL | {filter}");
    assert_eq!(out(&served, &of), "one\ntwo words\ngrößer\n");
    // The output of one connection is the input of the next.
    let connect = "$W connect --json-lines $URL";
    let of = format!("{made} | {connect} | grep text | {connect} | {filter}");
    assert_eq!(out(&served, &of), "one\ntwo words\ngrößer\n");
}

#[test]
fn xargs_starts_one_for_each_line() {
    let served = Served::new(&[]);
    let of = "seq 10 | xargs -P 4 -I{} sh -c 'echo {} | $W connect --one-message $URL' | sort -n";
    let expected: String = (1..=10).map(|i| format!("{i}\n")).collect();
    assert_eq!(out(&served, of), expected);
    let of = "seq 10 | xargs -P 4 -I{} $W connect -1 --send {} $URL | sort -n";
    assert_eq!(out(&served, of), expected);
}

#[test]
fn tee_sees_what_goes_in_and_what_comes_out() {
    let served = Served::new(&[]);
    let [sent, received] = ["sent", "received"].map(|name| {
        let name = format!("wscodec-{name}-{}", std::process::id());
        std::env::temp_dir().join(name)
    });
    let (s, r) = (sent.display(), received.display());
    let of = format!("seq 5000 | tee {s} | $W connect $URL | tee {r} | tail -n 1");
    assert_eq!(out(&served, &of), "5000\n");
    assert!(fs::read(&sent).unwrap() == fs::read(&received).unwrap());
    fs::remove_file(sent).unwrap();
    fs::remove_file(received).unwrap();
}

#[test]
fn a_reader_that_has_enough_ends_a_pipeline_quietly() {
    let served = Served::new(&["--pipe", "exec yes line"]);
    for of in [
        "$W connect --no-close $URL | head -n 2",
        "$W connect --no-close --json-lines $URL | grep line | head -n 2 | wc -l | sed 's/2/line\\nline/'",
        "$W connect --receive 2 $URL",
    ] {
        assert_eq!(out(&served, of).replace(' ', ""), "line\nline\n", "{of}");
    }
    for of in [
        "$W connect --help | head -n 1",
        "$W serve --help | head -n 1",
        "$W completions bash | head -n 1",
        "$W man serve | head -n 1",
    ] {
        assert_eq!(out(&served, of).lines().count(), 1, "{of}");
    }
}

#[test]
fn the_status_of_a_command_tells_a_script_how_it_went() {
    let served = Served::new(&["--pipe", "read line; exit $line", "--log", "off"]);
    for (code, status) in [(0, "0"), (1, "1")] {
        let of = format!("echo {code} | $W connect $URL 2>/dev/null; echo $?");
        assert_eq!(out(&served, &of).trim(), status);
    }
    let of = "$W connect 2>/dev/null; echo $?; $W connect ws://127.0.0.1:1/ 2>/dev/null; echo $?";
    assert_eq!(out(&served, of), "2\n1\n");
}

#[test]
fn a_supervisor_hands_over_its_socket_and_processes_do_not_get_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The shell gives it the number 3, and the server its own process, as systemd does.
    let start = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve --pipe \"$1\"";
    let command = "echo \"$LISTEN_FDS$LISTEN_PID\"; ls -l /proc/self/fd | grep -c socket:";
    let mut child = Command::new("sh")
        .args(["-c", start, env!("CARGO_BIN_EXE_wscodec"), command])
        .stdin(OwnedFd::from(listener))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert_eq!(line, format!("listening on ws://{address}"));
    let output = fed(
        &mut wscodec(&["connect", "--no-close", &format!("ws://{address}/")]),
        "",
    );
    harness::signal(&child, "TERM");
    assert!(child.wait().unwrap().success());
    if cfg!(target_os = "linux") {
        assert_eq!(text(&output.stdout), "\n0\n", "{}", text(&output.stderr));
    }
}
