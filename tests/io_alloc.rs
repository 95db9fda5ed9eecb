//! Over blocking streams too, nothing is allocated in the steady state: counted by an allocator
//! that counts.
#![cfg(feature = "io")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::rc::Rc;

use wscodec::frame::Role;
use wscodec::io::{
    AcceptHooks, Acceptor, Buffers, Connection, ConnectionOptions, Connector, IoSession, Keys,
    Transport,
};
use wscodec::message::{Kind, MessageEncoder, Prepared};
use wscodec::session::{In, Out, Session, SessionOptions};

struct Counting;

thread_local! {
    /// The allocations of this thread: tests run beside each other.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `run` allocates.
fn allocations(run: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

/// One direction of a pipe within a thread, whose room is there from the start.
struct Pipe {
    bytes: Vec<u8>,
    at: usize,
    writes: usize,
}

/// One end: what it writes, the other reads, and finds nothing where nothing was written.
struct End(Rc<RefCell<Pipe>>, Rc<RefCell<Pipe>>);

impl Read for End {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let pipe = &mut *self.0.borrow_mut();
        let rest = &pipe.bytes[pipe.at..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        pipe.at += n;
        if pipe.at == pipe.bytes.len() {
            pipe.bytes.clear();
            pipe.at = 0;
        }
        Ok(n)
    }
}

impl Write for End {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let pipe = &mut *self.1.borrow_mut();
        pipe.bytes.extend_from_slice(buf);
        pipe.writes += 1;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pipe() -> (End, End) {
    let [there, back] = [0, 1].map(|_| {
        Rc::new(RefCell::new(Pipe {
            bytes: Vec::with_capacity(4 << 20),
            at: 0,
            writes: 0,
        }))
    });
    (End(back.clone(), there.clone()), End(there, back))
}

type Ws = Connection<End>;

fn session(role: Role, keys: Keys, config: &SessionOptions) -> IoSession {
    Session::new(role, keys, In::default(), Out::default(), config)
}

fn pair(options: &ConnectionOptions) -> (Ws, Ws) {
    let (ours, theirs) = pipe();
    let (client, server) = (
        session(Role::Client, Keys::random().unwrap(), &options.session),
        session(Role::Server, Keys::none(), &options.session),
    );
    (
        Connection::new(ours, Transport::plain(), client, b"", options),
        Connection::new(theirs, Transport::plain(), server, b"", options),
    )
}

/// Echoes all that there is.
fn echo(ws: &mut Ws) {
    while let Ok(Some((message, mut outbox))) = ws.read() {
        outbox.forward(message).unwrap();
    }
}

fn expect(ws: &mut Ws, messages: usize) {
    for _ in 0..messages {
        ws.read().unwrap().unwrap();
    }
    assert!(ws.read().map(drop).unwrap_err().is_timeout());
}

fn steady(mut run: impl FnMut()) {
    run();
    run();
    for _ in 0..10 {
        assert_eq!(allocations(&mut run), 0);
    }
}

#[test]
fn messages_both_ways() {
    let (mut client, mut server) = pair(&ConnectionOptions::default());
    let prepared = Prepared::text("to all").unwrap();
    let large = vec![7; 300_000];
    steady(|| {
        client.outbox().text("Hello").unwrap();
        client.outbox().binary(&large).unwrap();
        client.outbox().send(Kind::Text, b"checked").unwrap();
        client.outbox().prepared(&prepared).unwrap();
        client.outbox().ping(b"?").unwrap();
        let mut outbox = client.queue();
        outbox.begin(Kind::Text, b"in ").unwrap();
        outbox.more(b"three ").unwrap();
        outbox.finish(b"parts").unwrap();
        outbox.flush().unwrap();
        echo(&mut server);
        expect(&mut client, 5);
    });
}

#[test]
fn streams_both_ways() {
    let (mut client, mut server) = pair(&ConnectionOptions::default());
    let (large, mut buffer) = (vec![b'x'; 100_000], vec![0; 200_000]);
    steady(|| {
        let mut writer = client.writer(Kind::Text);
        writer.write_all(&large).unwrap();
        writer.finish().unwrap();
        client.outbox().text("short").unwrap();
        let mut reader = server.reader().unwrap().unwrap();
        let mut len = 0;
        while let n @ 1.. = reader.read(&mut buffer[len..]).unwrap() {
            len += n;
        }
        assert_eq!(len, large.len());
        let read = server.read_into(&mut buffer).unwrap();
        assert_eq!(read, Some((Kind::Text, 5)));
    });
}

#[cfg(feature = "deflate")]
#[test]
fn compressed_messages_both_ways() {
    use wscodec::deflate;

    let options = ConnectionOptions::default();
    let config = deflate::DeflateOptions::default();
    let agreed = |role| {
        let offer = config.offer();
        let offer = offer.header();
        let head = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Extensions: {}\r\n\r\n",
            offer.as_str()
        );
        let request =
            wscodec::handshake::UpgradeRequest::parse(head.as_bytes(), &Default::default());
        let request = request.unwrap().unwrap();
        let accepted = config.accept(request.extensions()).unwrap();
        let agreed = match role {
            Role::Server => accepted.agreed,
            Role::Client => {
                let answer = format!(
                    "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
                     Sec-WebSocket-Extensions: {}\r\n\r\n",
                    accepted.header().as_str()
                );
                let response = wscodec::handshake::UpgradeResponse::parse(
                    answer.as_bytes(),
                    &Default::default(),
                );
                let response = response.unwrap().unwrap();
                config
                    .offer()
                    .check(response.extensions())
                    .unwrap()
                    .unwrap()
            }
        };
        let keys = match role {
            Role::Server => Keys::none(),
            Role::Client => Keys::random().unwrap(),
        };
        Session::new(
            role,
            keys,
            deflate::Decompressor::new(&agreed, &options.session.limits).into(),
            deflate::Compressor::new(&agreed, &config).into(),
            &options.session,
        )
    };
    let (ours, theirs) = pipe();
    let plain = Transport::plain();
    let mut client = Connection::new(ours, plain, agreed(Role::Client), b"", &options);
    let plain = Transport::plain();
    let mut server = Connection::new(theirs, plain, agreed(Role::Server), b"", &options);
    let text = "all work and no play ".repeat(2000);
    steady(|| {
        client.outbox().text(&text).unwrap();
        client.outbox().text("short").unwrap();
        echo(&mut server);
        expect(&mut client, 2);
    });
}

/// Serves a client of its own over a pipe; how often that allocated, and the memory for the next one.
fn serve_once(mut buffers: Buffers) -> (u64, Buffers) {
    struct NoHooks;
    impl AcceptHooks for NoHooks {}

    let (mut ours, theirs) = pipe();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    ours.write_all(request).unwrap();
    // A message in two fragments, and one in one frame.
    let part = [0; 2000];
    let mut client = MessageEncoder::client(|| [0; 4]);
    let mut frames = Vec::with_capacity(8 << 10);
    client.begin(Kind::Binary, &part, &mut frames).unwrap();
    client.finish(&part, &mut frames).unwrap();
    client.text("Hello", &mut frames).unwrap();
    ours.write_all(&frames).unwrap();
    let acceptor = Acceptor::default().without_compression();
    let mut next = None;
    let count = allocations(|| {
        let transport = Transport::plain();
        let mut ws = acceptor
            .accept_hooked(theirs, transport, &mut buffers, &mut NoHooks)
            .unwrap();
        echo(&mut ws);
        let mut writer = ws.writer(Kind::Text);
        writer.write_all(b"in a fragment").unwrap();
        writer.finish().unwrap();
        next = Some(ws.into_parts().into_buffers().1);
    });
    (count, next.unwrap())
}

#[test]
fn a_connection_that_gets_the_memory_of_the_last_one_allocates_nothing() {
    let (first, buffers) = serve_once(Buffers::default());
    assert!(first > 0 && buffers.memory() > 4000);
    let (second, buffers) = serve_once(buffers);
    let (third, _) = serve_once(buffers);
    assert_eq!((second, third), (0, 0));
}

#[test]
fn a_frame_is_a_write_and_so_are_many_answers() {
    let (mut client, mut server) = pair(&ConnectionOptions::default());
    let writes = |ws: &Ws| ws.stream().1.borrow().writes;
    client.outbox().text("one").unwrap();
    assert_eq!(writes(&client), 1);
    client.outbox().binary(&[0; 100_000]).unwrap();
    assert_eq!(writes(&client), 2);
    echo(&mut server);
    assert!(
        writes(&server) <= 2,
        "the second is over the queue's length"
    );
    let before = writes(&server);
    expect(&mut client, 2);
    for _ in 0..10 {
        client.queue().text("many").unwrap();
    }
    client.flush().unwrap();
    assert_eq!(writes(&client), 3);
    echo(&mut server);
    assert_eq!(writes(&server), before + 1);
}

#[test]
fn what_is_held_grows_with_what_comes() {
    // A header that claims a gigabyte, and one byte of it.
    let mut options = ConnectionOptions::default();
    options.session.limits.frame = Some(1 << 40);
    options.session.limits.message = 1 << 40;
    let (mut client, mut server) = pair(&options);
    let frame = b"\x82\xff\0\0\0\0\x40\0\0\0\0\0\0\0!";
    client.stream_mut().write_all(frame).unwrap();
    assert!(server.read().map(drop).unwrap_err().is_timeout());
    assert!(server.memory() < 128 << 10, "{}", server.memory());
}

/// These two are here for their types: accepting and connecting work on any stream.
#[allow(dead_code)]
fn any_stream(acceptor: &Acceptor<'_>, connector: &Connector<'_>) {
    let (ours, theirs) = pipe();
    let _ = acceptor.accept_over(theirs, Transport::plain(), |_, _| Ok(()));
    let _ = connector.connect_over(ours, Transport::plain(), "ws://localhost/");
}
