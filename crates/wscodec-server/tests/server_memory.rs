//! The limit of what all connections of a server hold together.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wscodec::handshake::{Origin, UpgradeRequest};
use wscodec::message::{MessageRef, Prepared};
use wscodec_server::{
    AcceptOptions, Echo, Handler, NotAccepted, Peer, Recipients, Server, ServerHandle,
    ServerOptions,
};

/// Longer than anything here takes: what waits for it has failed.
const LONG: Duration = Duration::from_secs(20);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A server in a thread, stopped when it is dropped.
struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

fn serve(limit: usize) -> Running {
    let mut options = ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    options.loops = 2;
    options.policy.origin = Origin::Any;
    options.grace = Duration::from_secs(1);
    options.max_memory = Some(limit);
    let server = Server::bind(options).unwrap();
    Running {
        address: server.addresses()[0],
        handle: server.handle(),
        thread: Some(thread::spawn(move || server.run(|_| Echo).unwrap())),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            assert!(result.is_ok() || thread::panicking());
        }
    }
}

fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// An upgraded connection, or the status of the rejection.
fn open(address: SocketAddr) -> Result<TcpStream, String> {
    let mut stream = dial(address);
    stream.write_all(REQUEST).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let status = String::from_utf8_lossy(&head[9..12]).into_owned();
    match &status[..] {
        "101" => Ok(stream),
        _ => Err(status),
    }
}

/// A first fragment of this many bytes, more than 125.
fn begin(stream: &mut TcpStream, len: u32) {
    let [a, b, c, d] = len.to_be_bytes();
    let head: &[u8] = match len {
        ..0x1_0000 => &[0x02, 0xfe, c, d, 0, 0, 0, 0],
        _ => &[0x02, 0xff, 0, 0, 0, 0, a, b, c, d, 0, 0, 0, 0],
    };
    let frame = [head, &vec![7; len as usize]].concat();
    stream.write_all(&frame).unwrap();
}

fn echo(stream: &mut TcpStream) {
    stream.write_all(b"\x82\x82\0\0\0\0hi").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x82\x02hi");
}

/// When it is answered, all before it was read.
fn ping(stream: &mut TcpStream) {
    stream.write_all(b"\x89\x80\0\0\0\0").unwrap();
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x8a\0");
}

fn close_code(stream: &mut TcpStream) -> u16 {
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0x88);
    u16::from_be_bytes([head[2], head[3]])
}

#[test]
fn one_that_comes_to_hold_too_much_is_closed_and_leaves_nothing() {
    let server = serve(1 << 20);
    let mut small = open(server.address).unwrap();
    for _ in 0..5 {
        let mut one = open(server.address).unwrap();
        let mut other = open(server.address).unwrap();
        begin(&mut one, 200_000);
        ping(&mut one);
        begin(&mut other, 900_000);
        assert_eq!(close_code(&mut other), 1013);
        echo(&mut small);
        // The memory of the other one is free again, and the first one goes on.
        one.write_all(b"\x80\x80\0\0\0\0").unwrap();
        let mut answer = vec![0; 10 + 200_000];
        one.read_exact(&mut answer).unwrap();
        assert_eq!(answer[0], 0x82);
    }
}

#[test]
fn new_connections_are_refused_and_small_ones_left_alone() {
    let server = serve(100_000);
    let mut open_ones = Vec::new();
    let status = loop {
        match open(server.address) {
            Ok(stream) => open_ones.push(stream),
            Err(status) => break status,
        }
        assert!(open_ones.len() < 1000, "it is never full");
    };
    assert_eq!(status, "503");
    assert!(open_ones.len() > 50, "{} connections", open_ones.len());
    open_ones.iter_mut().for_each(echo);
    begin(&mut open_ones[0], 50_000);
    assert_eq!(close_code(&mut open_ones[0]), 1013);
    begin(&mut open_ones[1], 5_000);
    ping(&mut open_ones[1]);
    open_ones[2..].iter_mut().for_each(echo);
    drop(open_ones);
    for _ in 0..1000 {
        if let Ok(mut stream) = open(server.address) {
            echo(&mut stream);
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("what is gone still counts");
}

#[test]
fn one_that_does_not_read_is_dropped() {
    let server = serve(40_000);
    let mut stream = open(server.address).unwrap();
    let frame = [&[0x82, 0xfe, 0x03, 0xe8, 0, 0, 0, 0][..], &[7; 1000]].concat();
    let frames = frame.repeat(64);
    // More than all buffers of the system.
    let written = (0..4096).try_for_each(|_| stream.write_all(&frames));
    let kind = written.unwrap_err().kind();
    let lost = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(lost.contains(&kind), "{kind}");
    echo(&mut open(server.address).unwrap());
}

#[test]
fn a_message_to_all_is_not_held_for_all_at_once() {
    let server = serve(1 << 20);
    let clients: Vec<_> = (0..50).map(|_| open(server.address).unwrap()).collect();
    let message = Prepared::binary(&[7; 100_000]);
    server
        .handle
        .send(Recipients::All, &message.unwrap())
        .unwrap();
    for mut stream in clients {
        let mut answer = vec![0; 10 + 100_000];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[0], 0x82);
    }
}

/// Waits in a message until it is told to go on.
struct Busy(Mutex<mpsc::Receiver<()>>);

impl Handler for &Busy {
    type State = ();

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        Ok(())
    }

    fn message(&mut self, _: &mut Peer<'_, ()>, _: MessageRef<'_>) {
        self.0.lock().unwrap().recv().unwrap();
    }
}

#[test]
fn mailboxes_of_a_busy_loop_take_messages_up_to_the_limit() {
    let mut options = ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    options.loops = 1;
    options.policy.origin = Origin::Any;
    options.max_memory = Some(10 << 20);
    let (go_on, waits) = mpsc::channel();
    let busy: &'static Busy = Box::leak(Box::new(Busy(Mutex::new(waits))));
    let server = Server::bind(options).unwrap();
    let (address, handle) = (server.addresses()[0], server.handle());
    let thread = thread::spawn(move || server.run(|_| busy).unwrap());
    let mut client = open(address).unwrap();
    client.write_all(b"\x82\x82\0\0\0\0hi").unwrap();
    let message = Prepared::binary(&vec![0; 1 << 20]).unwrap();
    // For nobody, so that they hold memory in the mailbox only.
    let nobody = || Recipients::Some([].into());
    let sent = (0..100).take_while(|_| handle.send(nobody(), &message).is_ok());
    let sent = sent.count();
    assert!((9..12).contains(&sent), "{sent} messages of 1 MiB");
    go_on.send(()).unwrap();
    // Then there is room again.
    let start = Instant::now();
    while handle
        .send(Recipients::All, &Prepared::text("last").unwrap())
        .is_err()
    {
        assert!(start.elapsed() < LONG, "the mailbox stays full");
        thread::sleep(Duration::from_millis(1));
    }
    let mut last = [0; 6];
    client.read_exact(&mut last).unwrap();
    assert_eq!(&last, b"\x81\x04last");
    handle.stop();
    drop(client);
    thread.join().unwrap();
}
