//! The inspector page on a port of this machine, for `inspect --open` and `tap --open`.
//!
//! Problem: every page that is open in a browser can send requests to a port of the machine, and a name
//! that its owner points at 127.0.0.1 makes them requests to "its own" host (DNS rebinding). A capture has
//! secrets.
//!
//! Choice: the port is of loopback. The path has a random token, so only who knows the address gets
//! anything. `Host` must be the port's address, which stops rebinding, and a WebSocket needs the `Origin`
//! of the page. Responses forbid to be embedded and to be kept.
//!
//! | file | has |
//! |---|---|
//! | `file` | the place of the page |
//! | `history` | the capture that every viewer of a live stream gets |
//! | `serve` | one request |

mod file;
mod history;
mod serve;

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use crate::args::unusable;
use crate::out::say;
use crate::{Failure, log, stop};
pub(crate) use history::History;
use serve::{Port, Source};
use wscodec_inspect::safe::safe;

/// Requests at a time.
const VIEWERS: usize = 32;

/// The stack of a thread that serves a request.
const STACK: usize = 256 << 10;

/// `wscodec inspect --open FILE`: serves the page with the file until a signal.
pub(crate) fn open_file(name: &str) -> Result<(), Failure> {
    let unreadable = |error: io::Error| {
        unusable(
            "inspect",
            format!("can't read {}: {error}", safe(name.as_bytes())),
        )
    };
    let opened = File::open(name).and_then(|file| file.metadata());
    if !opened.map_err(unreadable)?.is_file() {
        return Err(unusable("inspect", "--open needs a file that has a length"));
    }
    let (stop, stopped) = channel();
    let at_signal = move || stop.send(()).is_ok();
    stop::at_signals(at_signal).map_err(|e| Failure::Run(e.to_string()))?;
    serve("inspect", Source::File(PathBuf::from(name)))?;
    // The other end is in the thread for signals, which does not end.
    let _ = stopped.recv();
    log::finish();
    Ok(())
}

/// `wscodec tap --open`: serves the page with a live stream, for as long as the process runs.
pub(crate) fn open_stream(history: Arc<History>) -> Result<(), Failure> {
    serve("tap", Source::Stream(history))
}

fn serve(command: &str, source: Source) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::Run(format!("the page can't be served: {e}"));
    let token = wscodec_server::client::nonce().map_err(failed)?;
    let token: String = token.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let element = match &source {
        Source::File(_) => format!("<meta name=\"wscodec-file\" content=\"/{token}/capture\">"),
        Source::Stream(_) => format!("<meta name=\"wscodec-live\" content=\"/{token}/events\">"),
    };
    let page = file::page(command, &element)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
    let number = listener.local_addr().map_err(failed)?.port();
    let url = format!("http://127.0.0.1:{number}/{token}/");
    let port = Arc::new(Port::new(number, token, page, source));
    thread::Builder::new()
        .spawn(move || accept(&listener, &port))
        .map_err(failed)?;
    say(&format!("the page is at {url}"));
    browse(&url);
    Ok(())
}

/// Serves requests for as long as the process runs.
fn accept(listener: &TcpListener, port: &Arc<Port>) {
    let busy = Arc::new(AtomicUsize::new(0));
    for socket in listener.incoming().flatten() {
        if busy.fetch_add(1, Ordering::Relaxed) >= VIEWERS {
            busy.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (port, count) = (port.clone(), busy.clone());
        let serve = move || {
            // A viewer that has gone is no failure.
            let _ = port.serve(socket);
            count.fetch_sub(1, Ordering::Relaxed);
        };
        if thread::Builder::new()
            .stack_size(STACK)
            .spawn(serve)
            .is_err()
        {
            busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Has the browser show the page: that of the environment variable BROWSER, or the system's. The address
/// was printed, so a failure is none.
fn browse(url: &str) {
    let program = match std::env::var_os("BROWSER").filter(|it| !it.is_empty()) {
        Some(program) => program,
        None if cfg!(target_os = "macos") => "open".into(),
        None if cfg!(windows) => "explorer".into(),
        None => "xdg-open".into(),
    };
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = started {
        // Its end is waited for, so that nothing of it stays in the table of processes.
        let wait = move || child.wait().map(drop);
        let _ = thread::Builder::new().stack_size(STACK).spawn(wait);
    }
}
