//! The threads that open backends: connecting, looking up a name and starting a process may block.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use wscodec_server::DeferredAccept;

use super::backend::Backend;
use super::options::{Options, Permit};
use super::process::Process;
use crate::args::Target;

/// Threads at most. Requests beyond that wait, as long as a handshake may take.
const MOST_THREADS: usize = 32;

/// A request that waits for its backend.
pub(super) struct Job {
    pub(super) deferred: DeferredAccept,
    pub(super) options: Arc<Options>,
    /// Variables for a process, and the permit for it.
    pub(super) environment: Vec<(String, OsString)>,
    pub(super) permit: Option<Permit>,
}

/// The event that carries the backend to the handler, or why there is none.
pub(super) struct Opened(pub(super) io::Result<Backend>);

#[derive(Default)]
pub(super) struct Openers {
    queue: Mutex<Queue>,
    ready: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that wait for a job.
    idle: usize,
    ended: bool,
}

impl Openers {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a thread open the backend.
    pub(super) fn put(self: &Arc<Self>, job: Job) {
        let mut queue = self.queue();
        if queue.ended {
            return;
        }
        queue.jobs.push_back(job);
        if queue.jobs.len() <= queue.idle || queue.threads == MOST_THREADS {
            self.ready.notify_one();
            return;
        }
        let this = self.clone();
        let thread = thread::Builder::new().name("opener".into());
        match thread.spawn(move || this.run()) {
            Ok(_) => queue.threads += 1,
            // The others take it; without any, the request gets its time-out.
            Err(e) => log::error!("can't start a thread: {e}"),
        }
    }

    /// Gives up the requests that wait.
    pub(super) fn end(&self) {
        let mut queue = self.queue();
        queue.ended = true;
        let jobs = std::mem::take(&mut queue.jobs);
        drop(queue);
        drop(jobs);
        self.ready.notify_all();
    }

    fn run(&self) {
        loop {
            let mut queue = self.queue();
            queue.idle += 1;
            let waits = |queue: &mut Queue| queue.jobs.is_empty() && !queue.ended;
            let mut queue = (self.ready)
                .wait_while(queue, waits)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
            let Some(job) = queue.jobs.pop_front() else {
                return;
            };
            drop(queue);
            let opened = open(&job.options, job.environment, job.permit);
            job.deferred.resume(Opened(opened));
        }
    }
}

fn open(
    options: &Options,
    environment: Vec<(String, OsString)>,
    permit: Option<Permit>,
) -> io::Result<Backend> {
    match &options.target {
        Target::Command { command, .. } => {
            let permit = permit.ok_or(io::ErrorKind::QuotaExceeded)?;
            Process::start(command, environment, permit).map(|it| Backend::Process(it.into()))
        }
        Target::Tcp(host, port) => {
            let stream = connect(host, *port, options)?;
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            Ok(Backend::Tcp(mio::net::TcpStream::from_std(stream)))
        }
        Target::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Ok(Backend::Unix(mio::net::UnixStream::from_std(stream)))
        }
    }
}

fn connect(host: &str, port: u16, options: &Options) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, options.timeout) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}
