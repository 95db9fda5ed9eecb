//! In the steady state nothing is allocated: counted by an allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use wscodec::frame::{CompiledFrame, FrameDecoder, FrameHeader, OpCode, Role, Rules, encode};
use wscodec::message::{Event, Kind, MessageDecoder, MessageEncoder, Pieces, Prepared};
use wscodec::{CloseCode, Limits};

#[path = "common/inverted.rs"]
#[allow(unreachable_pub, reason = "several tests share the file")]
mod inverted;

use inverted::Inverted;

/// Codes every message.
const CODED: Inverted = Inverted { text: true };

struct Counting;

thread_local! {
    /// The allocations of this thread: tests run beside each other.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // Not while the thread ends and its variables are gone.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
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

/// Runs twice to warm up, then ten times that must not allocate.
fn steady(what: &str, mut run: impl FnMut()) {
    run();
    run();
    for _ in 0..10 {
        assert_eq!(allocations(&mut run), 0, "{what}");
    }
}

/// A client's stream: text and bytes of all three length forms, fragments, control frames.
fn wire() -> Vec<u8> {
    let mut sender = MessageEncoder::client(|| [0x37, 0xfa, 0x21, 0x3d]);
    let mut wire = Vec::new();
    let out = &mut wire;
    sender.text("Hello, 世界", out).unwrap();
    sender.binary(&[7; 300], out).unwrap();
    sender.begin(Kind::Text, &"é".as_bytes()[..1], out).unwrap();
    sender.ping(b"between", out).unwrap();
    sender.more(&"é".as_bytes()[1..], out).unwrap();
    sender.more(&[b'x'; 40_000], out).unwrap();
    sender.finish(b"", out).unwrap();
    sender.pong(&[1; 125], out).unwrap();
    sender.binary(&[9; 100_000], out).unwrap();
    wire
}

#[test]
fn the_allocator_counts() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1u8; 100]))) >= 1);
}

#[test]
fn receiving_whole_frames_and_fragments() {
    let wire = wire();
    let mut input = wire.clone();
    let mut receiver = MessageDecoder::new(Role::Server, &Limits::default());
    steady("MessageDecoder, whole", || {
        input.copy_from_slice(&wire);
        let mut input = &mut input[..];
        while receiver.receive(&mut input).unwrap().is_some() {}
    });
    assert!(receiver.buffered() < 100_000);
}

#[test]
fn receiving_messages_that_straddle_reads() {
    let wire = wire();
    let mut input = wire.clone();
    let mut receiver = MessageDecoder::new(Role::Server, &Limits::default());
    for size in [1, 7, 1000, 16_384] {
        steady("MessageDecoder, cut", || {
            input.copy_from_slice(&wire);
            for mut read in input.chunks_mut(size) {
                while receiver.receive(&mut read).unwrap().is_some() {}
            }
        });
    }
}

#[test]
fn receiving_into_place() {
    let wire = wire();
    let mut receiver = MessageDecoder::new(Role::Server, &Limits::default());
    steady("MessageDecoder, filled", || {
        let mut rest = &wire[..];
        while let Some(&first) = rest.first() {
            if let Some(space) = receiver.space(8192) {
                let n = space.len().min(rest.len());
                space[..n].copy_from_slice(&rest[..n]);
                rest = &rest[n..];
                receiver.fill(n).unwrap();
            } else {
                receiver.receive(&mut &mut [first][..]).unwrap();
                rest = &rest[1..];
            }
        }
    });
}

#[test]
fn pieces_never_allocate() {
    let wire = wire();
    let mut input = wire.clone();
    for size in [1, 10, 4096, wire.len()] {
        input.copy_from_slice(&wire);
        let allocated = allocations(|| {
            let mut pieces = Pieces::new(Role::Server, &Limits::default());
            for mut read in input.chunks_mut(size) {
                while pieces.receive(&mut read).unwrap().is_some() {}
            }
            pieces.end().unwrap();
        });
        assert_eq!(allocated, 0, "{size} at a time");
    }
}

#[test]
fn frames_never_allocate() {
    let wire = wire();
    let mut input = wire.clone();
    for size in [1, 10, 4096, wire.len()] {
        input.copy_from_slice(&wire);
        let allocated = allocations(|| {
            let mut decoder = FrameDecoder::new(Rules::new(Role::Server));
            for mut read in input.chunks_mut(size) {
                while decoder.decode(&mut read).unwrap().is_some() {}
            }
            decoder.end().unwrap();
        });
        assert_eq!(allocated, 0, "{size} at a time");
    }
}

#[test]
fn faults_do_not_allocate() {
    let mut receiver = MessageDecoder::new(Role::Server, &Limits::default());
    let mut bytes = *b"\x81\x01a";
    let allocated = allocations(|| {
        let fault = receiver.receive(&mut &mut bytes[..]).unwrap_err();
        assert_eq!(fault.error.code(), "UNMASKED_FRAME");
        assert_eq!(receiver.end(), Err(fault));
    });
    assert_eq!(allocated, 0);
}

#[test]
fn encoding_into_a_slice_never_allocates() {
    let payload = [5; 70_000];
    let mut out = vec![0; 70_014];
    let allocated = allocations(|| {
        for mask in [None, Some([1, 2, 3, 4])] {
            for len in [0, 125, 126, 70_000] {
                let header = FrameHeader {
                    mask,
                    ..FrameHeader::new(OpCode::Binary, 0)
                };
                encode(header, &payload[..len], &mut out).unwrap();
            }
        }
    });
    assert_eq!(allocated, 0);
}

#[test]
fn sending_into_a_buffer_with_room() {
    let payload = [5; 70_000];
    let prepared = Prepared::text("to all").unwrap();
    let mut out = Vec::with_capacity(200_000);
    let mut server = MessageEncoder::server();
    let mut client = MessageEncoder::client(|| [1, 2, 3, 4]);
    let allocated = allocations(|| {
        server.text("Hello", &mut out).unwrap();
        server.binary(&payload, &mut out).unwrap();
        server.send(Kind::Text, b"checked", &mut out).unwrap();
        server.begin(Kind::Text, b"a", &mut out).unwrap();
        server.ping(b"", &mut out).unwrap();
        server.finish(b"b", &mut out).unwrap();
        server.prepared(&prepared, &mut out).unwrap();
        server.close(CloseCode::GOING_AWAY, "", &mut out).unwrap();
        client.text("Hello", &mut out).unwrap();
        client.binary(&payload, &mut out).unwrap();
        client.prepared(&prepared, &mut out).unwrap();
        client.close(None, "", &mut out).unwrap();
    });
    assert_eq!(allocated, 0);
}

#[test]
fn messages_that_an_extension_codes() {
    let mut sender = MessageEncoder::new(|| [1, 2, 3, 4], CODED);
    let mut receiver = MessageDecoder::with_extension(Role::Server, &Limits::default(), CODED);
    let mut out = Vec::with_capacity(100_000);
    steady("coded", || {
        out.clear();
        sender.binary(&[7; 50_000], &mut out).unwrap();
        sender.begin(Kind::Text, b"Hel", &mut out).unwrap();
        sender.finish(b"lo", &mut out).unwrap();
        let mut messages = 0;
        for mut read in out.chunks_mut(8192) {
            while let Some(event) = receiver.receive(&mut read).unwrap() {
                let Event::Message(message) = event else {
                    panic!("no message");
                };
                messages += 1;
                match message.text() {
                    Some(text) => assert_eq!(text, "Hello"),
                    None => assert!(message.payload == [7; 50_000]),
                }
            }
        }
        assert_eq!(messages, 2);
    });
}

#[test]
fn compiled_frames_never_allocate() {
    let allocated = allocations(|| {
        let hello: CompiledFrame<32> = CompiledFrame::text("hello").unwrap();
        assert_eq!(hello.as_bytes(), b"\x81\x05hello");
        let blob: CompiledFrame<300> = CompiledFrame::binary(&[1; 256]).unwrap();
        assert_eq!(blob.as_bytes().len(), 260);
    });
    assert_eq!(allocated, 0);
}
