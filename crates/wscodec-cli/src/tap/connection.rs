//! One connection: its client, its server, and the two directions between them.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use wscodec::handshake::Rejection;
use wscodec::head::HeadScanner;
use wscodec::io::{ClientStream, Error};
use wscodec::{Fault, Limits};

use super::copy::{End, PIECE, Pipe, Shared, is_pause};
use super::request::{begins_request, is_upgrade};
use super::settings::{STACK, Tap};
use super::status::Status;
use super::watch::{Side, Watch};
use crate::failed::failed;
use crate::log;

/// How long the end of a connection that the tap has rejected is waited for.
const LINGER: Duration = Duration::from_secs(1);

/// How a connection went, for the summary.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// The status of the server's last response that is known.
    pub(super) status: Option<u16>,
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// Why no request comes.
enum NoHead {
    /// The client has gone.
    Gone,
    Late,
    Fault(Fault),
}

/// Serves a client to the end of its connection. `None` if the tap has rejected it.
pub(super) fn serve(tap: &Tap, socket: TcpStream, address: SocketAddr) -> Option<Outcome> {
    let until = Instant::now() + tap.timeout;
    let accepted = socket.set_nodelay(true).and_then(|()| match &tap.acceptor {
        None => Ok(socket.into()),
        Some(acceptor) => acceptor.accept(socket, until),
    });
    let client = match accepted {
        Ok(client) => Arc::new(client),
        Err(error) => {
            complain(address, &format!("no TLS with the client: {error}"));
            return None;
        }
    };
    let limits = Limits {
        head: tap.max_head,
        headers: Limits::MAX_HEADERS,
        ..Limits::DEFAULT
    };
    let mut held = Vec::new();
    let len = match read_head(&client, &mut held, &limits, until) {
        Ok(len) => len,
        Err(NoHead::Gone) => return None,
        Err(NoHead::Late) => {
            complain(address, "the request did not come in time");
            reject(&client, Rejection::new(408));
            return None;
        }
        Err(NoHead::Fault(fault)) => {
            complain(address, &format!("the request is refused: {fault}"));
            let rejection = Rejection::of(fault.error);
            reject(&client, rejection.unwrap_or_else(|| Rejection::new(400)));
            return None;
        }
    };
    let server = match tap.upstream.connect() {
        Ok(server) => Arc::new(server),
        Err(error) => {
            complain(address, &failed(&tap.upstream.url, &error));
            let late = matches!(&error, Error::Io(e) if is_pause(e));
            refuse(
                tap,
                &client,
                address,
                &held[..len],
                if late { 504 } else { 502 },
            );
            return None;
        }
    };
    Some(relay(tap, &client, &server, address, held, len, &limits))
}

/// Writes that there is no server, and shows that as its response.
fn refuse(tap: &Tap, client: &ClientStream, address: SocketAddr, head: &[u8], status: u16) {
    let response = reject(client, Rejection::new(status));
    let Some(watch) = &tap.watch else {
        return;
    };
    let place = tap.upstream.url.address();
    let place = place.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let server = SocketAddr::new(place, tap.upstream.url.port());
    let [mut up, mut down] = watch.open(address, server);
    let mut request = Vec::new();
    tap.changes.apply(head, &mut request);
    up.data(&request);
    down.data(&response);
    down.fin();
    up.fin();
}

/// Relays a connection whose first request lies in `held`.
fn relay(
    tap: &Tap,
    client: &Arc<ClientStream>,
    server: &Arc<ClientStream>,
    address: SocketAddr,
    held: Vec<u8>,
    len: usize,
    limits: &Limits,
) -> Outcome {
    let shared = Arc::new(Shared::new(tap.idle));
    let _open = tap.open.add([client, server], &shared);
    for stream in [client, server] {
        // They are set where they are needed.
        let _ = stream.socket().set_read_timeout(None);
        let _ = stream.socket().set_write_timeout(None);
    }
    let [up, down] = match &tap.watch {
        None => [None, None],
        Some(watch) => sides(watch, address, server),
    };
    let mut pipe = Pipe {
        from: client,
        to: server,
        shared: &shared,
        side: up,
        until: None,
        count: 0,
    };
    let downwards = {
        let (client, server, shared) = (client.clone(), server.clone(), shared.clone());
        let until = Instant::now().checked_add(tap.timeout);
        let pipe = move || {
            let pipe = Pipe {
                from: &server,
                to: &client,
                shared: &shared,
                side: down,
                until,
                count: 0,
            };
            downward(pipe, &client)
        };
        thread::Builder::new().stack_size(STACK).spawn(pipe)
    };
    let Ok(downwards) = downwards else {
        complain(address, "there is no thread for it");
        shared.break_off([client, server]);
        pipe.end(End::Broken);
        return Outcome::default();
    };
    let end = upward(tap, &mut pipe, held, len, limits);
    let sent = pipe.end(end);
    // A panic was reported already.
    let (received, status, other) = downwards.join().unwrap_or((0, None, End::Broken));
    if other == End::Late {
        complain(address, "the server did not respond in time");
    } else if end == End::Idle || other == End::Idle {
        complain(address, "it was silent for too long");
    }
    Outcome {
        status,
        sent,
        received,
    }
}

fn sides(watch: &Arc<Watch>, client: SocketAddr, server: &ClientStream) -> [Option<Side>; 2] {
    match server.socket().peer_addr() {
        Ok(server) => watch.open(client, server).map(Some),
        // The server has gone already.
        Err(_) => [None, None],
    }
}

/// From the client to the server: requests with their changes, then bytes.
fn upward(
    tap: &Tap,
    pipe: &mut Pipe<'_>,
    mut held: Vec<u8>,
    mut len: usize,
    limits: &Limits,
) -> End {
    let mut buffer = vec![0; PIECE];
    loop {
        let mut request = Vec::with_capacity(len + 128);
        tap.changes.apply(&held[..len], &mut request);
        let upgrade = is_upgrade(&held[..len]);
        held.drain(..len);
        if let Err(end) = pipe.write(&request) {
            return end;
        }
        if !upgrade {
            break;
        }
        // After a response that refuses, the client may ask again.
        let mut scanner = HeadScanner::request(limits);
        let whole = loop {
            if held.len() >= 2 && !begins_request(&held) {
                break None;
            }
            match scanner.scan(&held) {
                Ok(Some(len)) => break Some(len),
                Ok(None) => {}
                // Whatever it is, the server is to judge it.
                Err(_) if held.len() >= 2 => break None,
                Err(_) => {}
            }
            match pipe.read(&mut buffer) {
                Ok(0) if held.is_empty() => return End::Fin,
                Ok(0) => {
                    return match pipe.write(&held) {
                        Ok(()) => End::Fin,
                        Err(end) => end,
                    };
                }
                Ok(n) => held.extend_from_slice(&buffer[..n]),
                Err(end) => return end,
            }
        };
        match whole {
            None => break,
            Some(whole) => len = whole,
        }
    }
    if !held.is_empty()
        && let Err(end) = pipe.write(&held)
    {
        return end;
    }
    drop(held);
    pipe.copy(&mut buffer)
}

/// From the server to the client: the bytes, the status, and the end.
fn downward(mut pipe: Pipe<'_>, client: &ClientStream) -> (u64, Option<u16>, End) {
    let mut buffer = vec![0; PIECE];
    let mut status = Status::default();
    // The response is looked at, and passed on as it is.
    let first = loop {
        match pipe.read(&mut buffer) {
            Ok(0) => break Some(End::Fin),
            Ok(n) => {
                status.push(&buffer[..n]);
                if let Err(end) = pipe.write(&buffer[..n]) {
                    break Some(end);
                }
                if status.is_known() {
                    break None;
                }
            }
            Err(End::Late) => {
                let mut response = Vec::new();
                // A status without headers can be written.
                let _ = Rejection::new(504).write(&mut response);
                let _ = pipe.write(&response);
                let _ = client.shut_down();
                break Some(End::Late);
            }
            Err(end) => break Some(end),
        }
    };
    let end = first.unwrap_or_else(|| pipe.copy(&mut buffer));
    (pipe.end(end), status.status(), end)
}

/// Reads until the head of a request is whole: its length.
fn read_head(
    stream: &ClientStream,
    held: &mut Vec<u8>,
    limits: &Limits,
    until: Instant,
) -> Result<usize, NoHead> {
    let mut scanner = HeadScanner::request(limits);
    let mut piece = [0; 4096];
    let mut stream = stream;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NoHead::Late);
        }
        let set = stream.socket().set_read_timeout(Some(left));
        match set.and_then(|()| stream.read(&mut piece)) {
            Ok(0) => return Err(NoHead::Gone),
            Ok(n) => held.extend_from_slice(&piece[..n]),
            Err(e) if is_pause(&e) => {}
            Err(_) => return Err(NoHead::Gone),
        }
        match scanner.scan(held) {
            Ok(Some(len)) => return Ok(len),
            Ok(None) => {}
            Err(fault) => return Err(NoHead::Fault(fault)),
        }
    }
}

/// Answers a request in place of the server, and waits a short time until the client has read that.
fn reject(client: &ClientStream, rejection: Rejection<'_>) -> Vec<u8> {
    let mut response = Vec::new();
    // A status without headers can be written.
    let _ = rejection.write(&mut response);
    let mut stream = client;
    let _ = stream.socket().set_write_timeout(Some(LINGER));
    let written = stream
        .write_all(&response)
        .and_then(|()| stream.flush())
        .and_then(|()| stream.shut_down());
    let until = Instant::now() + LINGER;
    let mut rest = [0; 4096];
    // Unread bytes would make the system reset the connection, and the client lose the response.
    while written.is_ok() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.socket().set_read_timeout(Some(left)).is_err() {
            break;
        }
        match stream.read(&mut rest) {
            Ok(0) => break,
            Err(e) if !is_pause(&e) => break,
            _ => {}
        }
    }
    response
}

/// A line on standard error, which is not waited for.
fn complain(client: SocketAddr, why: &str) {
    log::line(format!("wscodec: the connection of {client}: {why}\n"));
}
