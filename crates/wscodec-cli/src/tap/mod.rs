//! `wscodec tap`: a relay between clients and a server that shows what passes.
//!
//! Each connection has two threads, one for each direction, which read, show and write. A thread that
//! blocks is the back-pressure between the two sides, and a read and a write are all that a piece of a
//! plain relay costs. An event loop would need a third call for each piece.
//!
//! | file | has |
//! |---|---|
//! | `connection` | a connection from its first request to its end |
//! | `request` | the changes of a request |
//! | `settings` | the parts that all connections share |
//! | `copy` | one direction |
//! | `open` | the connections that are open, to end them |
//! | `watch` | the queues to the onlookers |
//! | `display`, `record`, `live` | the onlookers: standard output, a file, the page |
//! | `status` | the status of a response, for the summary |

mod connection;
mod copy;
mod display;
mod live;
mod open;
mod record;
mod request;
mod settings;
mod status;
mod watch;

use std::io::{self, IsTerminal, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use wscodec::handshake::Rejection;
use wscodec::io::Url;
use wscodec_inspect::command::{self, Asked, Run};

use crate::args::{TapArgs, unusable};
use crate::target::Target;
use crate::upstream::Upstream;
use crate::{Failure, inspect, log, out, page, proxy, stop, tls};
use connection::Outcome;
use record::Recording;
use request::Changes;
use settings::{STACK, Sums, Tap};
use watch::{Loss, Watch};

/// How long the end may take.
const GRACE: Duration = Duration::from_secs(5);

/// A pause after the system could not accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Why the run ends.
enum Stop {
    Signal,
    /// The connections of `--exit-after` have ended.
    Enough,
    /// An onlooker has ended in this way.
    Onlooker(Failure),
}

pub(crate) fn run(arguments: TapArgs) -> Result<(), Failure> {
    arguments.check()?;
    let usage = |why: String| unusable("tap", why);
    let Target { url, authorization } = Target::parse(&arguments.to).map_err(usage)?;
    if authorization.is_some() {
        let why = "--to has a user: give --header 'Authorization: …' instead";
        return Err(usage(why.into()));
    }
    let has_path = Target::has_path(&url);
    let Ok(url) = Url::parse(&url) else {
        return Err(usage(format!("--to: {url:?} is not a URL")));
    };
    let display = display(&arguments)?;
    let tls = match url.is_secure() {
        true => Some(tls::client("tap", &arguments.tls, None)?),
        false => None,
    };
    let acceptor = match (&arguments.cert, &arguments.key) {
        (Some(cert), Some(key)) => Some(tls::Acceptor::from_files(cert, key)?),
        _ => None,
    };
    let proxy = proxy::choose(arguments.proxy.as_ref(), &url).map_err(usage)?;
    let listener = TcpListener::bind(arguments.listen())
        .map_err(|e| Failure::Run(format!("can't listen on {}: {e}", arguments.listen())))?;
    let failed = |e: io::Error| Failure::Run(e.to_string());
    let address = listener.local_addr().map_err(failed)?;
    let redact = arguments.shown.iter().any(|it| it == "--redact");
    let recording = match &arguments.record {
        Some(name) => Some(Recording::new(name, redact)?),
        None => None,
    };
    let lanes: Vec<_> = display
        .iter()
        .map(|_| Loss::Allowed)
        .chain(recording.iter().map(|_| Loss::Never))
        .chain(arguments.open.then_some(Loss::Allowed))
        .collect();
    let watch = (!lanes.is_empty()).then(|| Arc::new(Watch::new(&lanes)));
    let tap = Arc::new(Tap {
        changes: Changes::new(&arguments, &url, has_path),
        upstream: Upstream {
            url,
            tls,
            proxy,
            timeout: arguments.timeout(),
        },
        acceptor,
        timeout: arguments.timeout(),
        idle: arguments.idle_timeout(),
        max_head: arguments.max_head(),
        max_connections: arguments.max_connections(),
        watch,
        open: Arc::default(),
        sums: Sums::default(),
    });
    raise_limit();
    let (stops, stopped) = channel();
    let signals = stops.clone();
    stop::at_signals(move || signals.send(Stop::Signal).is_ok()).map_err(failed)?;
    let mut onlookers = Vec::new();
    if let Some(watch) = &tap.watch {
        if arguments.open {
            let (watch, lane) = (watch.clone(), lanes.len() - 1);
            let history = Arc::<page::History>::default();
            page::open_stream(history.clone())?;
            let live = move || {
                live::run(&watch, lane, &history);
                Ok(())
            };
            onlookers.push(onlooker(live, &stops).map_err(failed)?);
        }
        if let Some(run) = display {
            let watch = watch.clone();
            let show = move || display::show(&watch, 0, run);
            onlookers.push(onlooker(show, &stops).map_err(failed)?);
        }
        if let Some(recording) = recording {
            let lane = lanes.iter().position(|it| *it == Loss::Never);
            let (watch, lane) = (watch.clone(), lane.unwrap_or_default());
            let record = move || recording.run(&watch, lane);
            onlookers.push(onlooker(record, &stops).map_err(failed)?);
        }
    }
    let scheme = if tap.acceptor.is_some() { "wss" } else { "ws" };
    // The process that started the tap may wait for this line.
    out::say(&format!("listening on {scheme}://{address}"));
    let accepting = tap.clone();
    let exit_after = arguments.exit_after();
    thread::Builder::new()
        .spawn(move || accepting.accept(&listener, exit_after, &stops))
        .map_err(failed)?;
    let why = stopped.recv().unwrap_or(Stop::Signal);
    tap.open.stop(GRACE);
    if let Some(watch) = &tap.watch {
        watch.close();
    }
    let mut result = match why {
        Stop::Onlooker(failure) => Err(failure),
        Stop::Signal | Stop::Enough => Ok(()),
    };
    for onlooker in onlookers {
        // A panic was reported already.
        let _ = onlooker.join();
    }
    while let Ok(Stop::Onlooker(failure)) = stopped.try_recv() {
        result = result.and(Err(failure));
    }
    log::finish();
    tap.summarise();
    match result {
        Err(Failure::Status(0)) => Ok(()),
        result => result,
    }
}

/// The inspector's command for the frames; `None` if none are shown.
fn display(arguments: &TapArgs) -> Result<Option<Run>, Failure> {
    let words = arguments.shown.iter().cloned().chain(["-".into()]);
    let mut asked = match command::read(words) {
        Ok(Asked::Inspect(asked)) => *asked,
        Ok(Asked::Help) => return Ok(None),
        Err(why) => return Err(unusable("tap", why)),
    };
    if arguments.quiet {
        return match asked.jsonl.is_some() || asked.extract.is_some() {
            true => Err(unusable(
                "tap",
                "--quiet leaves --jsonl and --extract without frames",
            )),
            false => Ok(None),
        };
    }
    let terminal = io::stdout().is_terminal();
    inspect::prepare(&mut asked, terminal, "tap")?;
    Ok(Some(Run::new(asked, inspect::has_colors(terminal))))
}

/// Starts a thread that shows or records. If it fails, the run ends.
fn onlooker(
    work: impl FnOnce() -> Result<(), Failure> + Send + 'static,
    stops: &Sender<Stop>,
) -> io::Result<thread::JoinHandle<()>> {
    let stops = stops.clone();
    thread::Builder::new().spawn(move || {
        if let Err(failure) = work() {
            // It fails if the run ends already.
            let _ = stops.send(Stop::Onlooker(failure));
        }
    })
}

/// Each connection needs two descriptors: as many are taken as the system allows this process.
fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // The limit of before is enough for some connections.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

impl Tap {
    /// Accepts connections for as long as the process runs.
    fn accept(
        self: &Arc<Self>,
        listener: &TcpListener,
        exit_after: Option<u64>,
        stops: &Sender<Stop>,
    ) {
        let ended = Arc::new(AtomicU64::new(0));
        loop {
            let (socket, address) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    log::line(format!(
                        "wscodec: a connection can't be accepted: {error}\n"
                    ));
                    thread::sleep(PAUSE);
                    continue;
                }
            };
            if self.open.is_stopping() {
                return;
            }
            let Some(guard) = self.open.begin(self.max_connections) else {
                self.sums.rejected.fetch_add(1, Ordering::Relaxed);
                self.turn_away(&socket);
                continue;
            };
            self.sums.connections.fetch_add(1, Ordering::Relaxed);
            let (tap, ended, stops) = (self.clone(), ended.clone(), stops.clone());
            let serve = move || {
                let outcome = connection::serve(&tap, socket, address);
                tap.count(outcome);
                drop(guard);
                let count = ended.fetch_add(1, Ordering::Relaxed) + 1;
                if exit_after.is_some_and(|most| count >= most) {
                    // It fails if the run ends already.
                    let _ = stops.send(Stop::Enough);
                }
            };
            if let Err(error) = thread::Builder::new().stack_size(STACK).spawn(serve) {
                log::line(format!("wscodec: no thread for {address}: {error}\n"));
            }
        }
    }

    /// Answers a connection beyond the limit, as far as that can be done without waiting.
    fn turn_away(&self, mut socket: &TcpStream) {
        if self.acceptor.is_some() || socket.set_nonblocking(true).is_err() {
            return;
        }
        let mut response = Vec::new();
        // A status without headers can be written.
        let _ = Rejection::new(503).write(&mut response);
        let _ = socket.write(&response);
        let _ = socket.shutdown(std::net::Shutdown::Write);
    }

    fn count(&self, outcome: Option<Outcome>) {
        let Some(outcome) = outcome else {
            self.sums.failed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let kind = match outcome.status {
            Some(101) => &self.sums.upgraded,
            Some(400..) => &self.sums.refused,
            _ => return self.add(&outcome),
        };
        kind.fetch_add(1, Ordering::Relaxed);
        self.add(&outcome);
    }

    fn add(&self, outcome: &Outcome) {
        self.sums.sent.fetch_add(outcome.sent, Ordering::Relaxed);
        self.sums
            .received
            .fetch_add(outcome.received, Ordering::Relaxed);
    }

    fn summarise(&self) {
        let of = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        let sums = &self.sums;
        let mut text = format!(
            "connections: {}; upgraded: {}; refused by the server: {}; failed: {}",
            of(&sums.connections),
            of(&sums.upgraded),
            of(&sums.refused),
            of(&sums.failed)
        );
        if of(&sums.rejected) > 0 {
            text += &format!("; beyond --max-connections: {}", of(&sums.rejected));
        }
        text += &format!(
            "; bytes: {} c2s, {} s2c",
            of(&sums.sent),
            of(&sums.received)
        );
        out::say(&text);
        let lost = self.watch.as_ref().map(|watch| watch.lost(0));
        if let Some(lost) = lost.filter(|it| it.bytes > 0 || it.connections > 0) {
            out::say(&format!(
                "the output was too slow: {} bytes and {} connections were relayed and not shown",
                lost.bytes, lost.connections
            ));
        }
    }
}
