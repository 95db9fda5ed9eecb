//! The memory of connections with TLS: counted, limited, and stated.

#![cfg(feature = "tls")]

#[path = "support/counting.rs"]
#[allow(dead_code, reason = "other tests count allocations")]
mod counting;
mod support;

use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use counting::{COUNTED, HELD};
use support::tls::{Files, Tls, config, tls};
use support::{LONG, REQUEST, options};
use wscodec_server::{Echo, Server, ServerHandle, ServerTls};

/// The memory that the server says it holds, and what it holds, once the two fit together.
fn memory(handle: &ServerHandle, fit: impl Fn(u64, u64) -> bool) -> (u64, u64) {
    let start = Instant::now();
    loop {
        // The figures are those of the call before.
        let stated = handle.metrics().stats.memory;
        let held = HELD.load(Ordering::Relaxed);
        if fit(stated, held) {
            return (stated, held);
        }
        assert!(
            start.elapsed() < LONG,
            "{stated} bytes are counted, and {held} held"
        );
        thread::sleep(Duration::from_millis(20));
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
    // The table and the timers have their size after these. A server without a connection holds its
    // buffers for reading.
    let first: Vec<_> = (0..20).map(|_| open()).collect();
    handle.metrics();
    let (stated, held) = memory(&handle, |stated, _| stated > 20 * 8000);
    let near = |low: u64, high: u64| {
        move |now: u64, really: u64| {
            let (grown, really) = (now.saturating_sub(stated), really.saturating_sub(held));
            grown * 100 >= really * low && grown * 100 <= really * high
        }
    };
    let mut streams: Vec<_> = (0..CONNECTIONS).map(|_| open()).collect();
    let is_idle = |now, really| now > stated + CONNECTIONS * 7000 && near(90, 125)(now, really);
    let (idle, really) = memory(&handle, is_idle);
    let each = |now: u64, before: u64| (now - before) / CONNECTIONS;
    println!(
        "idle: {} bytes held, {} counted",
        each(really, held),
        each(idle, stated)
    );
    assert!(
        each(really, held) <= 9 << 10,
        "as the documentation states it"
    );

    // The beginning of a record of 16 KiB from each.
    for stream in &mut streams {
        let mut record = b"\x17\x03\x03\x40\x11".to_vec();
        record.resize(16_000, 0);
        stream.sock.write_all(&record).unwrap();
    }
    let half = |now, really| really > held + CONNECTIONS * 20_000 && near(90, 150)(now, really);
    let (half, really) = memory(&handle, half);
    println!(
        "half a record: {} bytes held, {} counted",
        each(really, held),
        each(half, stated)
    );
    drop(streams);

    // Answers that nobody reads: at most 64 KiB of them are encrypted.
    let mut stuck = open();
    let mut frame = b"\x82\xff\0\0\0\0\0\x40\0\0\0\0\0\0".to_vec();
    frame.resize(frame.len() + (0x40 << 16), 0);
    stuck.write_all(&frame).unwrap();
    let long = |now, really| really > held + 1_000_000 && near(90, 125)(now, really);
    let (long, really) = memory(&handle, long);
    println!(
        "an answer of 4 MiB: {} bytes held, {} counted",
        really - held,
        long - stated
    );

    handle.stop();
    drop((stuck, first));
    running.join().unwrap();
}
