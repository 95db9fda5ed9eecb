//! A gibibyte in a megabyte: what memory it takes to find that out (hostile 38), and what a damaged
//! one can do.

#![cfg(feature = "deflate")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::rng::Rng;
use common::zlib;
use wscodec::deflate::{AgreedDeflate, Decompressor, DeflatePool, Inflate, MinizInflate};
use wscodec::frame::{FrameHeader, MAX_HEADER_LEN, OpCode, Role, Rsv, encode};
use wscodec::message::MessageDecoder;
use wscodec::{ErrorKind, LimitError, Limits, PeerError};

struct Peak;

// Of this thread: what the test harness does beside it doesn't count.
thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Peak {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + layout.size() as isize);
        MOST.set(MOST.get().max(LIVE.get()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Peak = Peak;

/// The most bytes that were held meanwhile, besides those before.
fn peak(run: impl FnOnce()) -> usize {
    let before = LIVE.get();
    MOST.set(before);
    run();
    MOST.get().abs_diff(before)
}

/// A gibibyte of zeros, as one message.
fn bomb() -> Vec<u8> {
    let mut part = zlib::Compressor::new(9, 15, false).message(&vec![0; 64 << 20]);
    part.extend(zlib::TAIL);
    let mut bomb = part.repeat(16);
    bomb.truncate(bomb.len() - zlib::TAIL.len());
    assert!(bomb.len() < 1_100_000);
    bomb
}

#[test]
fn a_gibibyte() {
    let bomb = bomb();
    let mut frame = vec![0; bomb.len() + MAX_HEADER_LEN];
    let mut header = FrameHeader::new(OpCode::Binary, bomb.len() as u64);
    header.rsv = Rsv::RSV1;
    let len = encode(header, &bomb, &mut frame).unwrap();
    frame.truncate(len);

    let mut limits = Limits::default();
    limits.frame = Some(u64::MAX);
    for (message, inflation, error) in [
        (64 << 20, 256, LimitError::InflationRatio),
        (64 << 20, u32::MAX, LimitError::MessageTooLarge),
        (1 << 20, u32::MAX, LimitError::MessageTooLarge),
        (50_000, 256, LimitError::MessageTooLarge),
    ] {
        (limits.message, limits.inflation) = (message, inflation);
        // A ratio is seen at the latest when 256 bytes more have come.
        let most = usize::try_from(message).unwrap();
        let most = match error {
            LimitError::InflationRatio => 2 << 20,
            _ => most,
        };
        // Doubling, with the old and the new in place, and the inflater.
        let bound = 3 * most + 100_000;
        by_itself::<MinizInflate>(&bomb, &limits, error, bound);
        #[cfg(feature = "zlib-rs")]
        by_itself::<wscodec::deflate::ZlibInflate>(&bomb, &limits, error, bound);

        let pool = DeflatePool::new();
        for piece in [frame.len(), 1000] {
            let held = peak(|| {
                let extension = pool.decompressor(&AgreedDeflate::default(), &limits);
                let mut receiver = MessageDecoder::with_extension(Role::Client, &limits, extension);
                let mut bytes = frame.clone();
                let fault = bytes.chunks_mut(piece).find_map(|mut chunk| {
                    // Nothing of it is a message.
                    receiver
                        .receive(&mut chunk)
                        .map(|it| assert!(it.is_none()))
                        .err()
                });
                assert_eq!(fault.unwrap().error, error.into());
            });
            assert!(held <= bound + frame.len(), "{held} at {limits:?}");
        }
    }
    cut_and_flipped(&bomb);
}

fn by_itself<E: Inflate>(bomb: &[u8], limits: &Limits, error: LimitError, bound: usize) {
    let held = peak(|| {
        let mut inflate = Decompressor::<E>::with_engine(AgreedDeflate::default().receive, limits);
        let mut out = Vec::new();
        let result = inflate.message(bomb, &mut out);
        assert_eq!(result, Err(error.into()));
        assert!(out.len() as u64 <= limits.message + 1);
    });
    assert!(held <= bound, "{held} at {limits:?}");
}

/// However it is damaged, no more memory is taken, and the errors are those there are.
fn cut_and_flipped(bomb: &[u8]) {
    let mut rng = Rng(11);
    let mut limits = Limits::default();
    limits.message = 200_000;
    let mut seen = [0; 2];
    for _ in 0..200 {
        let mut bytes = bomb[..1 + rng.below(400)].to_vec();
        for _ in 0..rng.below(4) {
            let at = rng.below(bytes.len());
            bytes[at] ^= 1 << rng.below(8);
        }
        let held = peak(|| {
            let mut inflate = Decompressor::new(&AgreedDeflate::default(), &limits);
            match inflate.message(&bytes, &mut Vec::new()) {
                Err(ErrorKind::Peer(PeerError::InvalidCompressedData)) => seen[0] += 1,
                Err(ErrorKind::Limit(LimitError::MessageTooLarge)) => seen[1] += 1,
                Ok(()) => {}
                other => panic!("{other:?}"),
            }
        });
        assert!(held <= 3 * 200_000 + 100_000, "{held}");
    }
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}
