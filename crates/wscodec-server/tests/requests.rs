//! Requests: those that are no upgrades, and those whose decision takes time.

mod support;

use std::io::Write;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use support::{Client, LONG, REQUEST, Running, open, options, raw, read_some, run};
use wscodec::handshake::UpgradeRequest;
use wscodec::message::{Kind, MessageRef};
use wscodec_server::{
    AcceptOptions, DeferredAccept, Handler, NotAccepted, Peer, PlainRequest, Response,
    ServerHandle, ServerOptions,
};

/// The application's decision on a request.
enum Decision {
    Welcome(&'static str),
    Reject(String),
    AskAgain,
}

/// Answers plain requests, and defers the decision on upgrades whose path is `/later`.
struct Door {
    waiting: Sender<DeferredAccept>,
}

impl Handler for Door {
    type State = &'static str;

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        options: &mut AcceptOptions<'_>,
    ) -> Result<&'static str, NotAccepted> {
        let event = options.event().map(|it| *it.downcast().unwrap());
        match (request.path(), event) {
            ("/later", Some(Decision::Welcome(name))) => {
                options.header("X-Name", name);
                Ok(name)
            }
            ("/later", Some(Decision::Reject(realm))) => Err(Response::new(401)
                .header("WWW-Authenticate", format!("Basic realm={realm:?}"))
                .text(format!("{realm} is closed\n"))
                .into()),
            ("/later", None | Some(Decision::AskAgain)) => {
                self.waiting.send(options.defer()).unwrap();
                Err(NotAccepted::Deferred)
            }
            ("/moved", _) => Err(Response::new(307).header("Location", "/").into()),
            ("/wrong", _) => Err(Response::new(200).into()),
            _ => Ok("at once"),
        }
    }

    fn message(&mut self, peer: &mut Peer<'_, &'static str>, message: MessageRef<'_>) {
        let text = format!("{}: {}", peer.state, message.text().unwrap());
        peer.outbox.text(&text).unwrap();
    }

    fn request(&mut self, request: &PlainRequest<'_>, handle: &ServerHandle) -> Option<Response> {
        match (request.method(), request.path()) {
            ("GET" | "HEAD" | "OPTIONS", "/healthz") => Some(Response::new(200).text("well\n")),
            ("GET", "/open") => Some(Response::new(200).text(handle.stats().open.to_string())),
            ("GET", "/agent") => {
                let agent = request.header("user-agent").unwrap_or_default();
                Some(
                    Response::new(200)
                        .header("X-Target", request.target())
                        .body(agent),
                )
            }
            ("GET", "/nothing") => Some(Response::new(204)),
            ("GET", "/panic") => panic!("a panic that is meant"),
            ("GET", "/injected") => Some(Response::new(200).header("X-Name", "a\r\nb: c")),
            _ => None,
        }
    }
}

fn door(options: ServerOptions<'static>) -> (Running, Receiver<DeferredAccept>) {
    let (waiting, arrived) = mpsc::channel();
    let server = run(options, move |_| Door {
        waiting: waiting.clone(),
    });
    (server, arrived)
}

fn ask(server: &Running, request: &str) -> String {
    String::from_utf8(raw(server.address, request.as_bytes())).unwrap()
}

fn upgrade(path: &str) -> Vec<u8> {
    let request = String::from_utf8(REQUEST.to_vec()).unwrap();
    request
        .replace("GET / ", &format!("GET {path} "))
        .into_bytes()
}

/// Reads until the bytes end with that.
fn read_until(stream: &mut std::net::TcpStream, end: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    while !answer.ends_with(end) {
        assert!(
            read_some(stream, &mut answer) > 0,
            "{}",
            answer.escape_ascii()
        );
    }
    answer
}

#[test]
fn plain_requests_are_the_handlers_to_answer() {
    let (server, _) = door(options());
    let well = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\r\n";
    let get = "GET /healthz?now HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(ask(&server, get), format!("{well}well\n"));
    let head = get.replace("GET", "HEAD");
    assert_eq!(ask(&server, &head), well, "HEAD has no body");
    // As HAProxy asks, and as others that hope to keep the connection.
    let old = "OPTIONS /healthz HTTP/1.0\r\n\r\n";
    assert_eq!(ask(&server, old), format!("{well}well\n"));
    let keep = "GET /open HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    let answers = ask(&server, &keep.repeat(2));
    assert_eq!(
        answers.matches("HTTP/1.1 200 OK").count(),
        1,
        "the connection is closed"
    );
    let agent = "GET /agent?x HTTP/1.1\r\nHost: a\r\nUser-Agent: me\r\n\r\n";
    let answer = ask(&server, agent);
    assert!(answer.contains("\r\nX-Target: /agent?x\r\n") && answer.ends_with("\r\n\r\nme"));
    let nothing = ask(&server, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        nothing,
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    );
    let stats = server.stats_when(|it| it.open == 0);
    assert_eq!((stats.plain, stats.rejected), (6, 0));
    for (request, status) in [
        ("GET /other HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("POST /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
        ("GET /healthz HTTP/1.1\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\nHost: a\r\n\r\n", "400"),
        // An upgrade that is wrong is no plain request.
        (
            "HEAD /healthz HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, WebSocket\r\n\r\n",
            "405",
        ),
        ("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n", "500"),
        ("GET /injected HTTP/1.1\r\nHost: a\r\n\r\n", "500"),
    ] {
        let answer = ask(&server, request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request} {answer}"
        );
        assert!(!answer.contains("b: c"));
    }
    assert_eq!(server.stats_when(|it| it.open == 0).panics, 1);
}

#[test]
fn plain_requests_have_the_limits_of_all_requests() {
    let mut options = options();
    options.handshake_timeout = Duration::from_millis(200);
    options.session.limits.head = 500;
    options.max_connections = 1;
    let (server, _) = door(options);
    let slow = ask(&server, "GET /healthz HTTP/1.1\r\nHost:");
    assert!(slow.starts_with("HTTP/1.1 408 "));
    let long = format!(
        "GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(500)
    );
    assert!(ask(&server, &long).starts_with("HTTP/1.1 431 "));
    server.stats_when(|it| it.open == 0);
    let _only = Client::new(server.address);
    let full = ask(&server, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(full.starts_with("HTTP/1.1 503 "));
}

#[test]
fn a_decision_may_take_time_while_others_talk() {
    let mut options = options();
    options.loops = 1;
    let (server, arrived) = door(options);
    let mut slow = open(server.address);
    slow.write_all(&upgrade("/later")).unwrap();
    // A client may not send before the answer. If it does, the frame waits.
    slow.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
    let deferred = arrived.recv_timeout(LONG).unwrap();
    let mut other = Client::new(server.address);
    for _ in 0..100 {
        other.send(Kind::Text, b"hello");
        assert_eq!(other.next().unwrap(), b"at once: hello");
    }
    slow.write_all(b"\x81\x83\0\0\0\0you").unwrap();
    deferred.resume(Decision::AskAgain);
    let deferred = arrived.recv_timeout(LONG).unwrap();
    assert_eq!(server.handle.stats().accepted, 1);
    deferred.resume(Decision::Welcome("Ada"));
    let answer = read_until(&mut slow, b"\x81\x08Ada: you");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains("\r\nX-Name: Ada\r\n"));
    assert!(answer.contains("Ada: hi"));
}

#[test]
fn a_late_decision_may_reject_with_texts_of_its_own() {
    let (server, arrived) = door(options());
    let mut client = open(server.address);
    client.write_all(&upgrade("/later")).unwrap();
    let realm = format!("room {}", 1 + 1);
    let deferred = arrived.recv_timeout(LONG).unwrap();
    deferred.resume(Decision::Reject(realm));
    let answer = String::from_utf8(read_until(&mut client, b"closed\n")).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
    assert!(answer.contains("\r\nWWW-Authenticate: Basic realm=\"room 2\"\r\n"));
    assert!(answer.ends_with("\r\n\r\nroom 2 is closed\n"));
    let moved = raw(server.address, &upgrade("/moved"));
    assert!(moved.starts_with(b"HTTP/1.1 307 "));
    assert!(moved.windows(15).any(|it| it == b"\r\nLocation: /\r\n"));
    let wrong = raw(server.address, &upgrade("/wrong"));
    assert!(wrong.starts_with(b"HTTP/1.1 500 "), "200 is no rejection");
    server.stats_when(|it| it.rejected == 3);
}

#[test]
fn a_decision_that_does_not_come_ends_the_request() {
    let mut options = options();
    options.handshake_timeout = Duration::from_millis(200);
    let (server, arrived) = door(options);
    let late = raw(server.address, &upgrade("/later"));
    assert!(late.starts_with(b"HTTP/1.1 503 "));
    let deferred = arrived.recv_timeout(LONG).unwrap();
    deferred.resume(Decision::Welcome("nobody"));
    server.stats_when(|it| it.open == 0 && it.accepted == 0);
    drop(server);

    let (server, arrived) = door(self::options());
    let mut given_up = open(server.address);
    given_up.write_all(&upgrade("/later")).unwrap();
    drop(arrived.recv_timeout(LONG).unwrap());
    read_until(&mut given_up, b"\r\n\r\n");
    server.stats_when(|it| it.rejected == 1);
    // A client that goes meanwhile is not waited for.
    let mut gone = open(server.address);
    gone.write_all(&upgrade("/later")).unwrap();
    let deferred = arrived.recv_timeout(LONG).unwrap();
    drop((gone, given_up));
    server.stats_when(|it| it.open == 0);
    deferred.resume(Decision::Welcome("nobody"));
    let mut next = Client::new(server.address);
    next.send(Kind::Text, b"me");
    assert_eq!(next.next().unwrap(), b"at once: me");
    // A server that stops does not wait either.
    let mut waits = open(server.address);
    waits.write_all(&upgrade("/later")).unwrap();
    let deferred = arrived.recv_timeout(LONG).unwrap();
    server.handle.stop();
    assert!(read_until(&mut waits, b"\r\n\r\n").starts_with(b"HTTP/1.1 503 "));
    drop(deferred);
}
