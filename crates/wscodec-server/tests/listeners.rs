//! Listeners and streams that the program hands to a server.

#![cfg(unix)]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;

use support::{Client, REQUEST, options, raw};
use wscodec::message::Kind;
use wscodec_server::{Echo, Listener, Server, ServerHandle, ServerOptions, Stream};

/// A server in a thread, until it is stopped.
fn start(server: Server<'static>) -> (ServerHandle, thread::JoinHandle<()>) {
    let handle = server.handle();
    (handle, thread::spawn(move || server.run(|_| Echo).unwrap()))
}

fn without_address() -> ServerOptions<'static> {
    let mut options = options();
    options.listen.clear();
    options
}

/// Shakes hands, sends a message and expects it back.
fn talk(stream: &mut (impl Read + Write)) {
    stream.write_all(REQUEST).unwrap();
    stream.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x81\x02hi") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("wscodec-{name}-{}", std::process::id()))
}

#[test]
fn a_server_listens_on_several_sockets_of_the_caller() {
    let mut options = options();
    options.listen.push(options.listen[0]);
    let mut server = Server::bind(options).unwrap();
    let bound = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = bound.local_addr().unwrap();
    server
        .add_listener(Listener::from_tcp(bound).unwrap())
        .unwrap();
    server
        .add_listener(Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap())
        .unwrap();
    let path = path("several");
    let unix = UnixListener::bind(&path).unwrap();
    server
        .add_listener(Listener::from_unix(unix).unwrap())
        .unwrap();
    let addresses = server.addresses().to_vec();
    assert_eq!((addresses.len(), addresses[2]), (4, address));
    let (handle, running) = start(server);
    for address in addresses {
        let mut client = Client::new(address);
        client.send(Kind::Text, b"hello");
        assert_eq!(client.next().unwrap(), b"hello");
    }
    talk(&mut UnixStream::connect(&path).unwrap());
    handle.stop();
    running.join().unwrap();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn streams_are_served_that_were_accepted_elsewhere() {
    let server = Server::bind(without_address()).unwrap();
    assert_eq!(server.addresses(), []);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut clients = Vec::new();
    // Those that come before the server runs wait.
    for _ in 0..3 {
        clients.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let stream = Stream::from_tcp(listener.accept().unwrap().0).unwrap();
        server.handle().serve(stream).unwrap();
    }
    let (handle, running) = start(server);
    for client in &mut clients {
        talk(client);
    }
    let (mut client, stream) = UnixStream::pair().unwrap();
    handle.serve(Stream::from_unix(stream).unwrap()).unwrap();
    talk(&mut client);
    handle.stop();
    running.join().unwrap();
    let (_client, stream) = UnixStream::pair().unwrap();
    let error = handle
        .serve(Stream::from_unix(stream).unwrap())
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotConnected);
}

#[test]
fn streams_that_are_handed_in_count_as_connections() {
    let mut options = without_address();
    options.max_connections = 1;
    let (handle, running) = start(Server::bind(options).unwrap());
    let (mut first, stream) = UnixStream::pair().unwrap();
    handle.serve(Stream::from_unix(stream).unwrap()).unwrap();
    talk(&mut first);
    let (mut second, stream) = UnixStream::pair().unwrap();
    handle.serve(Stream::from_unix(stream).unwrap()).unwrap();
    second.write_all(REQUEST).unwrap();
    let mut answer = [0; 12];
    second.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    // A few more are kept for their rejection, and then no more.
    let mut kept = Vec::new();
    let error = loop {
        let (client, stream) = UnixStream::pair().unwrap();
        kept.push(client);
        match handle.serve(Stream::from_unix(stream).unwrap()) {
            Ok(()) => assert!(kept.len() < 1000),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::QuotaExceeded);
    handle.stop();
    running.join().unwrap();
}

#[test]
fn servers_share_a_port_if_both_ask_for_it() {
    let mut options = options();
    options.reuse_port = true;
    let first = Server::bind(options.clone()).unwrap();
    let address = first.addresses()[0];
    options.listen = vec![address];
    let second = Server::bind(options.clone()).unwrap();
    options.reuse_port = false;
    assert!(Server::bind(options).is_err());
    let (first, first_runs) = start(first);
    let (second, second_runs) = start(second);
    // The kernel chooses by the client's port.
    let mut clients = Vec::new();
    while [&first, &second].iter().any(|it| it.stats().accepted == 0) {
        assert!(clients.len() < 200, "one of them got no connection");
        clients.push(Client::new(address));
    }
    drop(clients);
    for (handle, running) in [(first, first_runs), (second, second_runs)] {
        handle.stop();
        running.join().unwrap();
    }
    assert!(std::panic::catch_unwind(|| raw(address, REQUEST)).is_err());
}
