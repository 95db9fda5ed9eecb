//! Control frames and the end: hostile 32–37 and 49.

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::good::Good;
use crate::served::Served;
use crate::wire::{LONG, Open, close, converse, deflating, frame, request, text};

/// Writes until nothing goes for a while, and tells how many bytes went; stops by itself at `most`.
fn stuff(open: &mut Open, bytes: &[u8], most: usize) -> usize {
    let patience = Duration::from_millis(300);
    open.stream.set_write_timeout(Some(patience)).unwrap();
    let mut went = 0;
    while went < most {
        match open.stream.write(&bytes[went % bytes.len()..]) {
            Ok(n) => went += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    open.stream.set_write_timeout(Some(LONG)).unwrap();
    went
}

#[test]
fn hostile_32_pings_from_a_peer_that_reads_nothing() {
    let served = Served::new(&["--stall-timeout", "1"]);
    let good = Good::start(served.address);
    let mut open = Open::new(served.address, &request(""));
    let pings = frame(0x89, &[b'p'; 125]).repeat(1000);
    // The server goes on reading, or it does not; it must not keep what it can't send.
    stuff(&mut open, &pings, 64 << 20);
    // Dropped, since it reads nothing.
    served.figure_when("failed", |failed| failed == 1);
    assert!(served.figure("memory") < 1 << 20);
    good.finish();
    served.assert_peak_below(8 << 20);
}

#[test]
fn hostile_32_pings_from_a_peer_that_reads() {
    let served = Served::new(&[]);
    let pings: Vec<u8> = (0..50_000_u32)
        .flat_map(|i| frame(0x89, &i.to_be_bytes()))
        .collect();
    let bytes = [request(""), pings, text("hello"), close(1000, b"")].concat();
    let answer = converse(served.address, &bytes);
    assert_eq!(answer.code(), 1000);
    // Pongs may be left out, but never the newest, and none is out of order.
    let pongs = answer.frames.iter().filter(|it| it.0 == 0x8a);
    let pongs: Vec<_> = pongs.map(|it| &it.1[..]).collect();
    assert!(pongs.is_sorted());
    assert_eq!(*pongs.last().unwrap(), 49_999_u32.to_be_bytes());
    assert!(answer.messages().contains(&&b"hello"[..]));
}

/// The newest is owed even if nothing comes after it.
#[test]
fn hostile_32_the_newest_ping_is_answered() {
    let served = Served::new(&[]);
    let mut open = Open::new(served.address, &request(""));
    let count = 20_000_u32;
    let pings: Vec<u8> = (1..=count)
        .flat_map(|i| frame(0x89, &i.to_be_bytes()))
        .collect();
    open.send(&pings);
    let newest = count.to_be_bytes();
    while open.next().unwrap() != (0x8a, newest.to_vec()) {}
}

#[test]
fn hostile_33_pongs_that_nobody_asked_for() {
    let served = Served::new(&[]);
    let good = Good::start(served.address);
    let pongs = frame(0x8a, &[b'p'; 125]).repeat(100_000);
    let bytes = [request(""), pongs, text("hello"), close(1000, b"")].concat();
    let answer = converse(served.address, &bytes);
    assert_eq!(answer.messages(), [b"hello"]);
    assert_eq!(answer.code(), 1000);
    good.finish();
    served.assert_peak_below(8 << 20);
}

#[test]
fn hostile_34_and_35_close_frames() {
    let served = Served::new(&[]);
    let answers = |frame: Vec<u8>| {
        let behind = text("too late").repeat(1000);
        converse(served.address, &[request(""), frame, behind].concat())
    };
    for code in [1000, 1001, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999] {
        let answer = answers(close(code, "schön".as_bytes()));
        assert_eq!(answer.code(), code);
        assert!(answer.messages().is_empty());
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        assert_eq!(answers(close(code, b"")).code(), 1002, "{code}");
    }
    assert_eq!(answers(frame(0x88, b"")).code(), 1005);
    assert_eq!(answers(frame(0x88, b"\x03")).code(), 1002);
    assert_eq!(answers(close(1000, &"ö".as_bytes()[..1])).code(), 1007);
    assert_eq!(answers(close(1000, b"\xff")).code(), 1007);
}

#[test]
fn hostile_37_both_close_at_once_and_peers_that_never_answer() {
    let mut served = Served::new(&["--grace", "5"]);
    let mut both = Open::new(served.address, &request(""));
    served.stop();
    both.send(&close(1001, b""));
    let (first, payload) = both.next().unwrap();
    assert_eq!((first, &payload[..2]), (0x88, &1001_u16.to_be_bytes()[..]));
    assert_eq!(both.next(), None, "one close frame each way");
    drop(both);
    assert_eq!(served.end(), Some(0));

    // The server closes, the peer does not answer.
    let served = Served::new(&["--idle-timeout", "0.1", "--close-timeout", "0.2"]);
    let mut silent = Open::new(served.address, &request(""));
    let (first, payload) = silent.next().unwrap();
    assert_eq!((first, &payload[..2]), (0x88, &1001_u16.to_be_bytes()[..]));
    assert_eq!(silent.next(), None);
    served.figure_when("failed", |failed| failed == 1);

    // The peer closes and then sends without end.
    let served = Served::new(&[]);
    let good = Good::start(served.address);
    let mut chatty = Open::new(served.address, &request(""));
    chatty.send(&close(1000, b""));
    assert_eq!(chatty.next(), Some((0x88, 1000_u16.to_be_bytes().to_vec())));
    let start = Instant::now();
    let late = text("too late").repeat(1000);
    while chatty.stream.write_all(&late).is_ok() {
        assert!(start.elapsed() < LONG, "it is read from for ever");
    }
    good.finish();
    served.assert_peak_below(8 << 20);
}

#[test]
fn hostile_49_peers_that_read_slowly_or_not_at_all() {
    let served = Served::new(&["--stall-timeout", "2", "--pause-reading-when-full"]);
    let good = Good::start(served.address);
    // Short messages, long ones, and compressed ones that are long when they are inflated.
    for (request, message) in [
        (request(""), text(&"x".repeat(100)).repeat(500)),
        (request(""), frame(0x82, &vec![1; 500_000])),
        (deflating(), frame(0xc2, &crate::bits::zeros(500_000))),
    ] {
        let mut open = Open::new(served.address, &request);
        stuff(&mut open, &message, 32 << 20);
        assert!(served.figure("memory") < 4 << 20);
    }
    served.figure_when("failed", |failed| failed >= 2);
    // One that reads late but reads has lost nothing.
    let mut late = Open::new(served.address, &request(""));
    let mut writer = late.stream.try_clone().unwrap();
    let bytes = [frame(0x82, &vec![7; 100_000]).repeat(200), close(1000, b"")].concat();
    let writing = thread::spawn(move || writer.write_all(&bytes).unwrap());
    thread::sleep(Duration::from_millis(300));
    for _ in 0..200 {
        let (first, payload) = late.next().unwrap();
        assert!(first == 0x82 && payload == vec![7; 100_000]);
    }
    assert_eq!(late.next().unwrap().0, 0x88);
    assert_eq!(late.stream.read(&mut [0; 1]).unwrap(), 0);
    writing.join().unwrap();
    good.finish();
    served.assert_peak_below(16 << 20);
}

/// While pausing is off, the server reads on and queues the answers, up to its limit. Then it drops
/// the peer.
#[test]
fn hostile_49_a_peer_that_reads_nothing_while_pausing_is_off() {
    let served = Served::new(&["--max-message", "1M", "--max-buffered", "2M"]);
    let good = Good::start(served.address);
    for (dropped, message) in [
        (1, text(&"x".repeat(100)).repeat(500)),
        (2, frame(0x82, &vec![1; 500_000])),
    ] {
        let mut open = Open::new(served.address, &request(""));
        // The kernels' buffers take some MiB of the answers.
        let went = stuff(&mut open, &message, 256 << 20);
        assert!(went < 256 << 20, "the server took {went} bytes");
        served.figure_when("failed", |failed| failed == dropped);
    }
    good.finish();
    served.assert_peak_below(16 << 20);
}

/// One that sends all before it reads: the largest message that is taken comes back.
#[test]
fn a_large_message_waits_for_one_who_reads_late() {
    let served = Served::new(&[]);
    let mut late = Open::new(served.address, &request(""));
    let payload = vec![7; 48 << 20];
    late.send(&frame(0x82, &payload));
    served.figure_when("messages_out", |out| out == 1);
    let (first, echo) = late.next().unwrap();
    assert!(first == 0x82 && echo == payload);
}
