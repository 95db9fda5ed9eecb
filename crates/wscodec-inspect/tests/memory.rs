//! Memory does not grow with the length of what is read: counted at the allocator, for captures of
//! many connections, for one endless message, and for files of other programs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use wscodec_inspect::event::{Conversation, ConversationId, Direction, Ending, PacketInfo};
use wscodec_inspect::{
    ConversationInspector, ConversationStart, InspectEvent, InspectOptions, Inspector, json,
};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time, because the count is one for all threads.
static ALONE: Mutex<()> = Mutex::new(());

/// The most bytes that are allocated during the call beyond those before it.
fn peak(run: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    run();
    PEAK.load(Ordering::Relaxed) - before
}

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const SYN: u8 = 2;
const ACK: u8 = 16;

/// A packet of a pcap file of raw IPv4.
fn packet(side: usize, port: u16, seq: u32, flags: u8, payload: &[u8], out: &mut Vec<u8>) {
    let mut packet = vec![0x45, 0];
    packet.extend((40 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
    let (addresses, ports) = ([[10, 0, 0, 1], [10, 0, 0, 2]], [port, 80]);
    packet.extend([addresses[side], addresses[1 - side]].concat());
    packet.extend(
        [ports[side], ports[1 - side]]
            .into_iter()
            .flat_map(u16::to_be_bytes),
    );
    packet.extend(seq.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(payload);
    let len = (packet.len() as u32).to_le_bytes();
    out.extend([[0; 4], [0; 4], len, len].concat());
    out.extend(packet);
}

/// Reads a capture of so many rounds, in each of which 100 connections get a message; connections
/// come and go.
fn chat(rounds: u32) {
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0]);
    let mut out = Vec::new();
    let mut lines = 0_usize;
    let mut inspector = Inspector::new(InspectOptions::default());
    let mut at = [0_u32; 100];
    for round in 0..rounds {
        for i in 0..100_u16 {
            let port = 1000 + i;
            if (round + u32::from(i)) % 50 == 0 {
                // A new connection in the place of the old one.
                let first = round * 10_000;
                packet(0, port, first, SYN, b"", &mut file);
                packet(1, port, first, SYN | ACK, b"", &mut file);
                packet(0, port, first + 1, ACK, REQUEST, &mut file);
                packet(1, port, first + 1, ACK, RESPONSE, &mut file);
                at[usize::from(i)] = first + 1 + RESPONSE.len() as u32;
            }
            let payload = [&b"\x81\x50"[..], &[b'x'; 80]].concat();
            packet(1, port, at[usize::from(i)], ACK, &payload, &mut file);
            at[usize::from(i)] += payload.len() as u32;
        }
        let mut sink = |event: InspectEvent<'_>| json::write(&event, 64, &mut out);
        inspector.push(&file, &mut sink).unwrap();
        lines += out.iter().filter(|&&byte| byte == b'\n').count();
        file.clear();
        out.clear();
    }
    inspector.finish(&mut |_| {}).unwrap();
    assert!(lines > 100 * rounds as usize, "{lines}");
}

#[test]
fn a_capture_needs_no_more_memory_if_it_is_longer() {
    let _alone = ALONE.lock();
    let short = peak(|| chat(100));
    let long = peak(|| chat(400));
    assert!(
        long <= short + short / 8 + 64_000,
        "{short} and {long} bytes"
    );
    assert!(long < 8 << 20, "{long} bytes");
}

#[test]
fn a_message_without_end_needs_no_memory() {
    let _alone = ALONE.lock();
    let run = |mebibytes: usize| {
        let conversation = Conversation::new(ConversationId::new(0));
        let start = ConversationStart::Frames(None);
        let options = InspectOptions::default();
        let mut inspector = ConversationInspector::new(conversation, start, options);
        let mut sink = |_: InspectEvent<'_>| {};
        let packet = PacketInfo::default();
        let head = b"\x01\x7f\0\0\x7f\0\0\0\0\0";
        inspector.push(Direction::ServerToClient, head, packet, &mut sink);
        let piece = vec![b'a'; 64 << 10];
        for _ in 0..16 * mebibytes {
            inspector.push(Direction::ServerToClient, &piece, packet, &mut sink);
        }
        inspector.finish(Ending::Open, &mut sink);
    };
    let (short, long) = (peak(|| run(1)), peak(|| run(8)));
    // The thread of the test runner allocates too.
    assert!(long <= short + 16_000, "{short} and {long} bytes");
}

#[test]
fn logs_of_browsers_need_no_more_memory_if_they_are_longer() {
    let _alone = ALONE.lock();
    let har = |messages: usize| {
        let mut inspector = Inspector::new(InspectOptions::default());
        let mut sink = |_: InspectEvent<'_>| {};
        let mut push = |text: &str| inspector.push(text.as_bytes(), &mut sink).unwrap();
        push("{\"log\":{\"version\":\"1.2\",\"entries\":[");
        for entry in 0..messages / 100 {
            push(if entry > 0 { ",{" } else { "{" });
            push("\"request\":{\"method\":\"GET\",\"url\":\"ws://a/\",\"headers\":[]},");
            push("\"response\":{\"content\":{\"text\":\"");
            push(&"x".repeat(10_000));
            push("\"}},\"_webSocketMessages\":[");
            for i in 0..100 {
                push(if i > 0 { "," } else { "" });
                push("{\"type\":\"send\",\"time\":1.5,\"opcode\":1,\"data\":\"hello hello\"}");
            }
            push("]}");
        }
        push("]}}");
        inspector.finish(&mut |_| {}).unwrap();
    };
    let (short, long) = (peak(|| har(500)), peak(|| har(2000)));
    assert!(
        long <= short + short / 8 + 10_000,
        "{short} and {long} bytes"
    );
}
