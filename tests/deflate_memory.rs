//! Compares the result of `memory` with the allocator (hostile 45).

#![cfg(feature = "deflate")]

#[path = "common/engines.rs"]
mod engines;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use engines::DeflatePool;
use wscodec::Limits;
use wscodec::deflate::{AgreedDeflate, Compressor, Decompressor, DeflateOptions, WindowBits};

const ZLIB: bool = cfg!(feature = "zlib-rs");

struct Counting;

// Of this thread: what the test harness does beside it doesn't count.
thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get().wrapping_add(layout.size()));
        CALLS.set(CALLS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().wrapping_sub(layout.size()));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> usize {
    LIVE.get()
}

#[test]
fn memory_is_what_is_said() {
    alone();
    pooled();
}

fn agreed(bits: u8, takeover: bool) -> AgreedDeflate {
    let mut agreed = AgreedDeflate::default();
    agreed.send.window = WindowBits::new(bits).unwrap();
    agreed.send.takeover = takeover;
    agreed.receive = agreed.send;
    agreed
}

/// Connections of a pool: what they say and what the pool says is all there is, but for the pool's
/// own handles.
fn pooled() {
    let message = b"a message of some bytes, some bytes of a message, and so on".repeat(100);
    let (mut coded, mut plain) = (Vec::with_capacity(9000), Vec::with_capacity(9000));
    for bits in 8..=15 {
        for (takeover, history) in [(true, 12), (true, 9), (true, 15), (false, 12)] {
            let agreed = agreed(bits, takeover);
            let pool = DeflatePool::with_engines().history(WindowBits::new(history).unwrap());
            let before = live();
            let mut lines: Vec<_> = (0..5)
                .map(|_| {
                    let sender = pool.compressor(&agreed, &DeflateOptions::default());
                    (sender, pool.decompressor(&agreed, &Limits::default()))
                })
                .collect();
            let before_use = live();
            let mut calls = 0;
            for round in 0..6 {
                calls = CALLS.get();
                for (sender, receiver) in &mut lines {
                    coded.clear();
                    sender.message(&message, &mut coded).unwrap();
                    plain.clear();
                    receiver.message(&coded, &mut plain).unwrap();
                    assert_eq!(plain, message);
                }
                let said: usize = lines.iter().map(|it| it.0.memory() + it.1.memory()).sum();
                assert_eq!(said + pool.memory(), live() - before_use, "{bits} {round}");
            }
            // The last round took nothing more.
            assert_eq!(CALLS.get(), calls);
            let kept = if takeover { 1 << bits } else { 0 };
            let most = kept.min(1 << history);
            for (sender, receiver) in &lines {
                assert_eq!((sender.memory(), receiver.memory()), (most, kept));
            }
            pool.release();
            assert_eq!(pool.memory(), 0);
            assert_eq!(live() - before_use, 5 * (most + kept));
            drop(lines);
            assert_eq!(live(), before);
        }
    }
}

fn alone() {
    let message = b"a message of some bytes, some bytes of a message, and so on".repeat(20);
    let (mut coded, mut plain) = (Vec::with_capacity(5000), Vec::with_capacity(5000));
    for bits in 8..=15 {
        for takeover in [true, false] {
            let agreed = agreed(bits, takeover);
            let before = live();
            let mut deflate = Compressor::<engines::Deflate>::with_engine(
                agreed.send,
                &DeflateOptions::default(),
            );
            let mut inflate =
                Decompressor::<engines::Inflate>::with_engine(agreed.receive, &Limits::default());
            assert_eq!((live(), deflate.memory(), inflate.memory()), (before, 0, 0));

            coded.clear();
            deflate.message(&message, &mut coded).unwrap();
            let compressor = live() - before;
            assert_eq!(deflate.memory(), compressor);
            assert!(compressor <= if ZLIB { 380_200 } else { 320_000 });

            plain.clear();
            inflate.message(&coded, &mut plain).unwrap();
            assert_eq!(inflate.memory(), live() - before - compressor);
            let tables = if ZLIB && bits == 15 { 48_000 } else { 11_000 };
            assert!(inflate.memory() < tables + (1 << bits));

            // From here on nothing more is taken.
            let calls = CALLS.get();
            for _ in 0..100 {
                coded.clear();
                deflate.message(&message, &mut coded).unwrap();
                plain.clear();
                inflate.message(&coded, &mut plain).unwrap();
                assert_eq!(plain, message);
            }
            assert_eq!(CALLS.get(), calls);

            deflate.release();
            inflate.release();
            let kept = if takeover { 1 << bits } else { 0 };
            assert_eq!(live() - before, kept);
            assert_eq!((deflate.memory(), inflate.memory()), (0, kept));
            coded.clear();
            deflate.message(&message, &mut coded).unwrap();
            plain.clear();
            inflate.message(&coded, &mut plain).unwrap();
            assert_eq!(plain, message);
        }
    }
}
