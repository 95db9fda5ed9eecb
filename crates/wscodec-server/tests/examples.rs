//! The examples, run.
#![cfg(feature = "tls")]

mod support;

use std::io::{BufReader, PipeReader, PipeWriter, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use support::tls::Files;
use support::{Client, LONG, options, raw};
use wscodec::io::{ClientTls, ClientTlsOptions, Connector, Error};
use wscodec::message::Kind;
use wscodec::{CloseCode, Message, WebSocket};
use wscodec_server::{Server, ServerHandle, ServerTls};

/// The examples as modules; their `main` is not run.
macro_rules! examples {
    ($($name:ident, $path:literal;)*) => {
        $(#[allow(dead_code)] #[path = $path] mod $name;)*
    };
}

examples! {
    authenticate, "../../../examples/server/authenticate.rs";
    chat_rooms, "../../../examples/server/chat_rooms.rs";
    kick, "../../../examples/server/kick.rs";
    transfer, "../../../examples/server/transfer.rs";
}

struct Started {
    address: SocketAddr,
    handle: ServerHandle,
    thread: JoinHandle<std::io::Result<()>>,
}

/// Runs an example in a thread. It hands its server to the function that it is given.
fn start(
    serve: impl FnOnce(&dyn Fn(&Server<'_>)) -> std::io::Result<()> + Send + 'static,
) -> Started {
    let (sender, started) = mpsc::channel();
    let thread = thread::spawn(move || {
        serve(&|server| {
            sender
                .send((server.addresses()[0], server.handle()))
                .unwrap();
        })
    });
    let (address, handle) = started.recv_timeout(LONG).unwrap();
    Started {
        address,
        handle,
        thread,
    }
}

impl Started {
    fn stop(self) {
        self.handle.stop();
        self.thread.join().unwrap().unwrap();
    }
}

fn text<S: Read + Write>(ws: &mut WebSocket<S>) -> String {
    match ws.read().unwrap() {
        Some(Message::Text(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rooms_over_tls_with_a_health_check_and_metrics() {
    let (files, _) = Files::new("rooms");
    let tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let server = start(move |started| chat_rooms::serve(options(), &tls, started));
    let mut trust = ClientTlsOptions::default();
    trust.authorities = Some(files.certificate.clone());
    let trust = ClientTls::new(&trust).unwrap();
    let mut connector = Connector::DEFAULT;
    connector.tls = Some(&trust);
    connector.address = Some(server.address);
    let enter = |path: &str| {
        let url = format!("wss://localhost/{path}");
        connector.connect(&url).map(WebSocket::from)
    };
    let mut ada = enter("tea?Ada").unwrap();
    assert_eq!(text(&mut ada), "Ada is here");
    let mut bob = enter("tea?Bob").unwrap();
    assert_eq!(text(&mut bob), "Bob is here");
    assert_eq!(text(&mut ada), "Bob is here");
    let mut eve = enter("coffee?Eve").unwrap();
    assert_eq!(text(&mut eve), "Eve is here");
    ada.send("hello").unwrap();
    for ws in [&mut ada, &mut bob] {
        assert_eq!(text(ws), "Ada: hello");
    }
    eve.send("nobody?").unwrap();
    assert_eq!(text(&mut eve), "Eve: nobody?");
    bob.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(text(&mut ada), "Bob has left");
    let Err(Error::Rejected(rejected)) = enter("tea") else {
        panic!("a guest without a name is rejected");
    };
    assert_eq!(rejected.status(), 400);

    let get = |path: &str| {
        let mut stream = support::tls::tls_of(&files, server.address);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/healthz").ends_with("\r\n\r\nwell\n"));
    let metrics = get("/metrics");
    assert!(
        metrics.contains("\nwscodec_messages_received_total 2\n"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"));
    assert!(get("/nothing").starts_with("HTTP/1.1 400 "));
    server.stop();
}

/// A gate that holds decisions back.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let shut = self.0.0.lock().unwrap();
        let result = self.0.1.wait_timeout_while(shut, LONG, |open| !*open);
        assert!(!result.unwrap().1.timed_out());
    }
}

#[test]
fn others_chat_while_decisions_take_their_time() {
    const CHATTING: usize = 40;
    const ASKING: usize = 20;
    let gate = Gate::default();
    let ask = {
        let gate = gate.clone();
        move |token: &str| {
            if token.starts_with("slow") {
                gate.pass();
            }
            (token != "eve").then(|| token.to_owned())
        }
    };
    let server = start(move |started| authenticate::serve(options(), ask, started));
    let url = format!("ws://{}/", server.address);
    let enter = |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", &*bearer)];
        let mut connector = Connector::DEFAULT;
        connector.headers = &headers;
        connector.connect(&url).map(WebSocket::from)
    };
    let mut chatting: Vec<_> = (0..CHATTING)
        .map(|i| enter(&format!("quick {i}")).unwrap())
        .collect();
    let began = Barrier::new(ASKING + 1);
    thread::scope(|scope| {
        let (enter, began) = (&enter, &began);
        let asking: Vec<_> = (0..ASKING)
            .map(|i| {
                scope.spawn(move || {
                    began.wait();
                    enter(&format!("slow {i}")).unwrap()
                })
            })
            .collect();
        began.wait();
        // The event loops wait for nobody.
        for round in 0..5 {
            chatting[round].send(format!("round {round}")).unwrap();
            for ws in &mut chatting {
                assert_eq!(text(ws), format!("quick {round}: round {round}"));
            }
        }
        gate.open();
        let mut accepted: Vec<_> = asking.into_iter().map(|it| it.join().unwrap()).collect();
        accepted[3].send("at last").unwrap();
        for ws in &mut accepted {
            assert_eq!(text(ws), "slow 3: at last");
        }
    });
    let Err(Error::Rejected(rejected)) = enter("eve") else {
        panic!("she is rejected");
    };
    assert_eq!(rejected.status(), 401);
    assert_eq!(
        rejected.response().unwrap().header("www-authenticate"),
        Some(&b"Bearer"[..])
    );
    let plain = raw(server.address, support::REQUEST);
    assert!(plain.starts_with(b"HTTP/1.1 401 "), "no token");
    server.stop();
}

#[test]
fn an_administrator_closes_connections_from_a_thread() {
    let (commands, mut type_in): (PipeReader, PipeWriter) = std::io::pipe().unwrap();
    let (mut shown, answers) = std::io::pipe().unwrap();
    let server =
        start(move |started| kick::serve(options(), BufReader::new(commands), answers, started));
    let mut read_line = {
        let mut lines = std::io::BufRead::lines(BufReader::new(&mut shown));
        move || lines.next().unwrap().unwrap()
    };
    let mut first = Client::new(server.address);
    first.send(Kind::Text, b"here");
    assert_eq!(first.next().unwrap(), b"here");
    writeln!(type_in, "list").unwrap();
    let listed = read_line();
    let (id, address) = listed.split_once(' ').unwrap();
    assert_eq!(address, first.stream.local_addr().unwrap().to_string());
    let mut second = Client::new(server.address);
    for (line, answer) in [
        (&*format!("kick {id} 4000 be polite"), "done"),
        (
            "kick nobody 4000",
            "the name of a connection is three numbers with points between them",
        ),
        (&*format!("kick {id} 1006"), "the close code can't be sent"),
        ("help", "list, kick ID CODE REASON, all CODE REASON, stop"),
    ] {
        writeln!(type_in, "{line}").unwrap();
        let said = read_line();
        assert!(said == answer || line.ends_with("1006"), "{line}: {said}");
    }
    assert_eq!(first.next(), Err(Some(4000)));
    second.send(Kind::Text, b"stays");
    assert_eq!(second.next().unwrap(), b"stays");
    writeln!(type_in, "all 1001 maintenance").unwrap();
    assert_eq!(second.next(), Err(Some(1001)));
    writeln!(type_in, "stop").unwrap();
    server.thread.join().unwrap().unwrap();
}

#[test]
fn uploads_and_downloads_need_no_memory() {
    let server = start(|started| transfer::serve(options(), started));
    let most = |handle: &ServerHandle| {
        handle.metrics();
        handle.metrics().stats.memory
    };
    let mut connector = Connector::DEFAULT;
    connector.options.session.limits.message = 1 << 40;
    let url = format!("ws://{}/", server.address);
    let mut ws = connector.connect(&url).unwrap();
    // An upload in fragments, of more than the server would hold.
    let part = vec![2; 1 << 20];
    ws.outbox().begin(Kind::Binary, &part).unwrap();
    for _ in 0..30 {
        ws.outbox().more(&part).unwrap();
    }
    ws.flush().unwrap();
    assert!(most(&server.handle) < 4 << 20);
    ws.outbox().finish(b"").unwrap();
    let (answer, _) = ws.read().unwrap().unwrap();
    let len = 31 << 20;
    assert_eq!(
        answer.text(),
        Some(&*format!("{len} bytes, sum {}", 2 * len))
    );
    // A download, of which the client reads some, and then all.
    ws.outbox().text("50000000").unwrap();
    ws.flush().unwrap();
    let mut reader = ws.reader().unwrap().unwrap();
    let mut buffer = vec![0; 100_000];
    reader.read_exact(&mut buffer).unwrap();
    assert!(most(&server.handle) < 4 << 20);
    let mut read = buffer.len();
    while let n @ 1.. = reader.read(&mut buffer).unwrap() {
        assert!(buffer[..n].iter().all(|&byte| byte == b'.'));
        read += n;
    }
    assert_eq!(read, 50_000_000);
    ws.close(CloseCode::NORMAL, "").unwrap();
    server.stop();
}
