//! The memory of connections with TLS: counted, limited, and stated.

#![cfg(feature = "tls")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use support::tls::{Files, Tls, config, tls};
use support::{REQUEST, options};
use wscodec_server::{Echo, Server, ServerHandle, ServerTls};

/// Counts what the threads hold that ask to be counted.
struct Counting;

static HELD: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

fn counted() -> bool {
    COUNTED.try_with(Cell::get).unwrap_or(false)
}

// SAFETY: everything is the system allocator's; the counter touches no memory that it manages.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if counted() {
            HELD.fetch_add(layout.size() as u64, Ordering::Relaxed);
        }
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if counted() {
            HELD.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        }
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The memory that the server says it holds.
fn memory(handle: &ServerHandle) -> u64 {
    let mut before = u64::MAX;
    loop {
        // The first call asks for figures that are published later.
        let metrics = handle.metrics();
        thread::sleep(std::time::Duration::from_millis(20));
        let memory = handle.metrics().stats.memory;
        if memory == before && metrics.stats.open > 0 {
            return memory;
        }
        before = memory;
    }
}

fn begin(stream: &mut Tls) {
    stream.write_all(REQUEST).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn what_tls_holds_is_counted_and_near_what_is_held() {
    const CONNECTIONS: u64 = 50;
    let (files, trusted) = Files::new("memory");
    let server_tls = ServerTls::from_files(&files.certificate, &files.key).unwrap();
    let mut options = options();
    options.loops = 1;
    options.policy.deflate = None;
    let mut server = Server::bind(options).unwrap();
    server.use_tls(&server_tls);
    let (address, handle) = (server.addresses()[0], server.handle());
    let running = thread::spawn(move || {
        COUNTED.set(true);
        server.run(|_| Echo).unwrap();
        COUNTED.set(false);
    });
    let open = || {
        let mut stream = tls(config(&trusted), address);
        begin(&mut stream);
        stream
    };
    // The table and the timers have their size after these.
    let _first: Vec<_> = (0..20).map(|_| open()).collect();
    let (held, stated) = (HELD.load(Ordering::Relaxed), memory(&handle));
    let mut streams: Vec<_> = (0..CONNECTIONS).map(|_| open()).collect();
    let idle = memory(&handle) - stated;
    let really = HELD.load(Ordering::Relaxed) - held;
    println!(
        "an idle connection holds {} bytes, and {} are counted",
        really / CONNECTIONS,
        idle / CONNECTIONS
    );
    assert!(idle >= really * 9 / 10, "{idle} counted, {really} held");
    assert!(idle <= really * 5 / 4, "{idle} counted, {really} held");
    assert!(
        really / CONNECTIONS <= 12 << 10,
        "as the documentation states it"
    );

    // The beginning of a record of 16 KiB from each.
    let (held, stated) = (HELD.load(Ordering::Relaxed), memory(&handle));
    for stream in &mut streams {
        let mut record = b"\x17\x03\x03\x40\x11".to_vec();
        record.resize(16_000, 0);
        stream.sock.write_all(&record).unwrap();
    }
    let grown = memory(&handle) - stated;
    let really = HELD.load(Ordering::Relaxed) - held;
    println!("half records: {grown} counted, {really} held");
    assert!(really > CONNECTIONS * 12_000, "they are held");
    assert!(grown >= really * 9 / 10, "{grown} counted, {really} held");
    assert!(grown <= really * 2, "{grown} counted, {really} held");
    drop(streams);

    // Answers that nobody reads: at most one buffer of them is encrypted.
    let mut stuck = open();
    let (held, stated) = (HELD.load(Ordering::Relaxed), memory(&handle));
    let mut frame = b"\x82\xff\0\0\0\0\0\x40\0\0\0\0\0\0".to_vec();
    frame.resize(frame.len() + (0x40 << 16), 0);
    stuck.write_all(&frame).unwrap();
    let grown = memory(&handle).saturating_sub(stated);
    let really = HELD.load(Ordering::Relaxed).saturating_sub(held);
    println!("an answer that is not read: {grown} counted, {really} held");
    assert!(really > 100_000, "{really}");
    assert!(grown >= really * 9 / 10, "{grown} counted, {really} held");

    handle.stop();
    drop((stuck, _first));
    running.join().unwrap();
}
