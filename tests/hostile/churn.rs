//! Connections that come and go, half of them hostile or stuck, for minutes: `cargo xtask churn`.
//! With `--target wasi` the server is the WASI component.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::bits::zeros;
use crate::common::rng::Rng;
use crate::common::zlib::Compressor;
use crate::good::Good;
use crate::served::Served;
use crate::wire::{Open, close, connect, deflating, frame, request, text};

const CONNECTIONS: u64 = 20_000;
const THREADS: u64 = 4;
const ROUNDS: u64 = 4;
/// The memory that the server counts when all are gone: engines and buffers of its loop.
const COUNTED: u64 = 2 << 20;
/// How much more may be resident at the end than after the first half.
const SLACK: u64 = 8 << 20;

/// Connections that do nothing, left open for a while; the oldest is dropped for the newest.
#[derive(Default)]
struct Stuck(std::collections::VecDeque<TcpStream>);

impl Stuck {
    fn push(&mut self, stream: TcpStream) {
        self.0.push_back(stream);
        if self.0.len() > 100 {
            self.0.pop_front();
        }
    }
}

/// One connection: the even numbers do all right, of the odd ones each does something else wrong.
fn one(address: SocketAddr, number: u64, rng: &mut Rng, stuck: &mut Stuck) {
    let open = |request: &[u8]| Open::new(address, request);
    match number % 16 {
        0 | 4 | 8 => {
            let mut open = open(&request(""));
            open.send(&text("hello"));
            assert_eq!(open.next(), Some((0x81, b"hello".to_vec())));
            open.send(&close(1000, b""));
            assert_eq!(open.next().unwrap().0, 0x88);
            assert_eq!(open.next(), None);
        }
        2 | 6 | 10 => {
            let mut open = open(&deflating());
            let payload = vec![b'a' + (number % 26) as u8; rng.below(50_000)];
            let message = Compressor::new(1, 15, true).message(&payload);
            for _ in 0..3 {
                open.send(&frame(0xc2, &message));
                assert!(open.next().is_some());
            }
            // It leaves without a word.
        }
        12 => {
            let mut open = open(&request(""));
            open.send(&frame(0x82, &vec![1; 300_000]));
            assert_eq!(open.next().unwrap().1.len(), 300_000);
            open.send(&close(1001, b"bye"));
            assert_eq!(open.next().unwrap().0, 0x88);
        }
        14 => {
            let mut stream = connect(address);
            let _ = stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n");
            crate::wire::read_to_end(&mut stream);
        }
        // Nothing, or half a request.
        1 => stuck.push(connect(address)),
        3 => {
            let mut stream = connect(address);
            let _ = stream.write_all(&request("")[..rng.below(140)]);
            stuck.push(stream);
        }
        // An upgrade, then half a frame, a message without end.
        5 => {
            let mut open = open(&request(""));
            open.send(&frame(0x82, &vec![1; 100_000])[..70_000]);
            stuck.push(open.stream);
        }
        7 => {
            let mut open = open(&deflating());
            open.send(&frame(0x42, &zeros(200_000)));
            stuck.push(open.stream);
        }
        // Much is asked for and nothing read.
        9 => {
            let mut open = open(&request(""));
            let patience = Duration::from_millis(20);
            open.stream.set_write_timeout(Some(patience)).unwrap();
            let bytes = frame(0x82, &vec![1; 200_000]);
            while open.stream.write_all(&bytes).is_ok() {}
            stuck.push(open.stream);
        }
        11 => {
            let mut open = open(&request(""));
            let patience = Duration::from_millis(20);
            open.stream.set_write_timeout(Some(patience)).unwrap();
            let _ = open
                .stream
                .write_all(&frame(0x89, &[b'p'; 125]).repeat(20_000));
            stuck.push(open.stream);
        }
        // Broken frames and bombs, with more behind them.
        13 => {
            let mut open = open(&deflating());
            let bomb = frame(0xc2, &zeros(8 << 20));
            let _ = open
                .stream
                .write_all(&[bomb, text("more").repeat(100)].concat());
            assert_eq!(open.next().unwrap().0, 0x88);
        }
        _ => {
            let mut stream = connect(address);
            let noise: Vec<u8> = (0..500).map(|_| rng.byte()).collect();
            let _ = stream.write_all(&[request(""), noise].concat());
        }
    }
}

fn churn(address: SocketAddr, count: u64, every: Duration) {
    let begun = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|seed| {
            let begun = begun.clone();
            thread::spawn(move || {
                let (mut rng, mut stuck) = (Rng(seed), Stuck::default());
                loop {
                    let number = begun.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let at = start + every.saturating_mul(number as u32);
                    thread::sleep(at.saturating_duration_since(Instant::now()));
                    one(address, number, &mut rng, &mut stuck);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
#[ignore = "takes minutes: cargo xtask churn"]
fn churn_leaves_nothing() {
    let minutes = std::env::var("WSCODEC_CHURN_MINUTES");
    let minutes: f64 = minutes.map_or(1.0, |it| it.parse().expect("minutes"));
    let every = Duration::from_secs_f64(minutes * 60.0 / CONNECTIONS as f64);
    let served = Served::new(&[
        "--max-message",
        "4M",
        "--handshake-timeout",
        "5",
        "--stall-timeout",
        "5",
    ]);
    let good: Vec<_> = (0..4).map(|_| Good::start(served.address)).collect();
    let control = Good::control();
    let clients = good.len() as u64;
    let start = Instant::now();
    let mut calm = Vec::new();
    for round in 1..=ROUNDS {
        churn(served.address, CONNECTIONS / ROUNDS, every);
        served.figure_when("open", |open| open <= clients);
        let counted = served.figure_when("memory", |memory| memory < COUNTED);
        calm.push(served.resident());
        let worst = good.iter().map(Good::worst).max().unwrap();
        println!(
            "quarter {round}: {} bytes resident, {counted} bytes counted; a good client waited \
             {worst:?} at most, one of no server {:?}",
            calm.last().unwrap().unwrap_or(0),
            control.worst()
        );
    }
    control.finish();
    let waits: Vec<_> = good.into_iter().map(Good::finish).collect();
    println!(
        "{CONNECTIONS} connections in {:.0?}; {} bytes resident at most; good clients waited {:?} \
         at most",
        start.elapsed(),
        served.peak().unwrap_or(0),
        waits.iter().max().unwrap()
    );
    // The memory that an allocator keeps after the first half is enough for the second.
    if let (Some(before), Some(after)) = (calm[1], calm[3]) {
        assert!(after < before + SLACK, "{before} bytes grew to {after}");
    }
    // As many as an answer may take when a machine is busy with other things too.
    assert!(
        waits.iter().all(|wait| *wait < Duration::from_secs(5)),
        "{waits:?}"
    );
}
