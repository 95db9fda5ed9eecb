//! What `memory` says, against the allocator (hostile 45).

#![cfg(feature = "deflate")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use wscodec::Limits;
use wscodec::deflate::{Agreed, Compressor, Config, Decompressor, Window};

const ZLIB: bool = cfg!(feature = "zlib-rs");

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// One test, for nothing else to allocate meanwhile.
#[test]
fn memory_is_what_is_said() {
    let message = b"a message of some bytes, some bytes of a message, and so on".repeat(20);
    let (mut coded, mut plain) = (Vec::with_capacity(5000), Vec::with_capacity(5000));
    for bits in 8..=15 {
        for takeover in [true, false] {
            let mut agreed = Agreed::default();
            agreed.send.window = Window::new(bits).unwrap();
            agreed.send.takeover = takeover;
            agreed.receive = agreed.send;
            let before = live();
            let mut deflate = Compressor::new(&agreed, &Config::default());
            let mut inflate = Decompressor::new(&agreed, &Limits::default());
            assert_eq!((live(), deflate.memory(), inflate.memory()), (before, 0, 0));

            coded.clear();
            deflate.message(&message, &mut coded);
            let compressor = live() - before;
            assert_eq!(deflate.memory(), compressor);
            assert!(compressor <= if ZLIB { 380_032 } else { 320_000 });

            plain.clear();
            inflate.message(&coded, &mut plain).unwrap();
            assert_eq!(inflate.memory(), live() - before - compressor);
            let tables = if ZLIB && bits == 15 { 48_000 } else { 11_000 };
            assert!(inflate.memory() < tables + (1 << bits));

            // From here on nothing more is taken.
            let calls = CALLS.load(Ordering::Relaxed);
            for _ in 0..100 {
                coded.clear();
                deflate.message(&message, &mut coded);
                plain.clear();
                inflate.message(&coded, &mut plain).unwrap();
                assert_eq!(plain, message);
            }
            assert_eq!(CALLS.load(Ordering::Relaxed), calls);

            deflate.release();
            inflate.release();
            let kept = if takeover { 1 << bits } else { 0 };
            assert_eq!(live() - before, kept);
            assert_eq!((deflate.memory(), inflate.memory()), (0, kept));
            coded.clear();
            deflate.message(&message, &mut coded);
            plain.clear();
            inflate.message(&coded, &mut plain).unwrap();
            assert_eq!(plain, message);
        }
    }
}
