//! Connections that share engines: what each sends is right for an inflater with exactly the window
//! agreed on, in whatever order they have their turns.

#![cfg(feature = "deflate")]

mod common;
#[path = "common/engines.rs"]
mod engines;

use common::reference::Reference;
use common::rng::Rng;
use common::zlib;
use engines::{DeflatePool, PooledDeflate, PooledInflate};
use wscodec::Limits;
use wscodec::deflate::{
    AgreedDeflate, Compressor, Decompressor, DeflateDirection, DeflateOptions, WindowBits,
    prepare_binary,
};
use wscodec::message::{Kind, MessageEncoder, OutboundExtension, Unmasked};

fn agreed(bits: u8, takeover: bool) -> AgreedDeflate {
    let window = WindowBits::new(bits).unwrap();
    let direction = DeflateDirection { window, takeover };
    let mut agreed = AgreedDeflate::default();
    (agreed.send, agreed.receive) = (direction, direction);
    agreed
}

fn config(level: u8) -> DeflateOptions {
    let mut config = DeflateOptions::default();
    (config.level, config.threshold) = (level, 0);
    config
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.inflation = u32::MAX;
    limits
}

/// A connection's two ends.
struct Line {
    agreed: AgreedDeflate,
    sender: Compressor<PooledDeflate>,
    receiver: Decompressor<PooledInflate>,
    plain: Reference,
}

impl Line {
    fn new(pool: &DeflatePool, agreed: AgreedDeflate, level: u8) -> Self {
        let DeflateDirection { window, takeover } = agreed.send;
        Self {
            agreed,
            sender: pool.compressor(&agreed, &config(level)),
            receiver: pool.decompressor(&agreed, &limits()),
            plain: Reference::new(window.len(), takeover),
        }
    }

    /// Sends in these pieces, and lets `between` have its turn after each.
    fn send(&mut self, payload: &[u8], piece: usize, mut between: impl FnMut()) -> usize {
        let mut coded = Vec::new();
        if piece >= payload.len() {
            self.sender.message(payload, &mut coded).unwrap();
        } else {
            self.sender.begin(Kind::Binary, None);
            let count = payload.len().div_ceil(piece);
            for (i, piece) in payload.chunks(piece).enumerate() {
                let last = i + 1 == count;
                self.sender.encode(piece, last, &mut coded).unwrap();
                between();
            }
        }
        self.check(payload, &coded);
        coded.len()
    }

    fn check(&mut self, payload: &[u8], coded: &[u8]) {
        let out = self.plain.message(coded);
        assert!(out.as_deref() == Some(payload), "{:?}", self.agreed.send);
        let mut out = Vec::new();
        self.receiver.message(coded, &mut out).unwrap();
        assert!(out == payload, "ours: {:?}", self.agreed.send);
    }
}

fn pool(history: u8) -> DeflatePool {
    DeflatePool::with_engines().history(WindowBits::new(history).unwrap())
}

#[test]
fn every_window_takeover_and_history() {
    for bits in 8..=15 {
        for takeover in [true, false] {
            for (history, level) in [(8, 6), (12, 1), (12, 9), (15, 6)] {
                let pool = pool(history);
                let agreed = agreed(bits, takeover);
                let mut lines = [(); 3].map(|()| Line::new(&pool, agreed, level));
                let mut rng = Rng(u64::from(bits));
                for payload in zlib::conversation(u64::from(history)) {
                    lines[rng.below(3)].send(&payload, usize::MAX, || ());
                }
            }
        }
    }
}

/// Lines of every sort on one pool, fragments of one between those of another, and a pool that is
/// emptied now and then.
#[test]
fn all_sorts_between_each_other() {
    let pool = pool(14);
    let mut rng = Rng(77);
    let mut lines: Vec<_> = (8..=15)
        .flat_map(|bits| [(bits, true), (bits, false)])
        .map(|(bits, takeover)| Line::new(&pool, agreed(bits, takeover), 6))
        .collect();
    let mut other: Vec<_> = [9, 12, 15]
        .map(|bits| Line::new(&pool, agreed(bits, true), 6))
        .into();
    for seed in 0..6 {
        for payload in zlib::conversation(seed) {
            if rng.below(30) == 0 {
                pool.release();
            }
            let at = rng.below(lines.len());
            let piece = match rng.below(3) {
                0 => 1 + payload.len() / (1 + rng.below(5)),
                _ => usize::MAX,
            };
            let text = zlib::json(&mut rng);
            let turn = rng.below(4);
            lines[at].send(&payload, piece, || {
                if let Some(line) = other.get_mut(turn) {
                    line.send(&text, usize::MAX, || ());
                }
            });
        }
    }
}

/// Messages that end where the window is full, or one byte to either side.
#[test]
fn sizes_at_the_edge_of_the_window() {
    let mut rng = Rng(5);
    for bits in 8..=15 {
        let size = 1usize << bits;
        let pool = pool(15);
        let mut lines = [(); 2].map(|()| Line::new(&pool, agreed(bits, true), 6));
        for len in [size, 1, size - 1, size + 1, 0, 2 * size, size / 2, 0, 3] {
            let text = zlib::words(&mut rng, len);
            for line in &mut lines {
                line.send(&text, usize::MAX, || ());
                line.send(&vec![b'-'; len], usize::MAX, || ());
            }
        }
    }
}

/// Earlier messages of a connection make its next ones smaller, though others come between; the more
/// is kept, the more so. Without takeover it does not matter who else sends.
#[test]
fn what_it_gains() {
    let size = |pool: DeflatePool, takeover| {
        let mut rng = Rng(31);
        let agreed = agreed(15, takeover);
        let mut lines = [(); 4].map(|()| Line::new(&pool, agreed, 6));
        (0..400)
            .map(|i| lines[i % 4].send(&zlib::json(&mut rng), usize::MAX, || ()))
            .sum::<usize>()
    };
    let alone = size(DeflatePool::with_engines().dedicated(), true);
    let kept: Vec<_> = [8, 10, 12, 14].map(|bits| size(pool(bits), true)).into();
    let reset = size(DeflatePool::with_engines(), false);
    // But for chance: what was forgotten still decides where in its tables an engine looks.
    assert!(reset.abs_diff(size(DeflatePool::with_engines().dedicated(), false)) < 20);
    assert!(kept.is_sorted_by(|a, b| a > b), "{kept:?}");
    assert!(
        kept[0] < reset && alone < kept[2],
        "{kept:?} {alone} {reset}"
    );
    // The default, 4 KiB, has most of the gain.
    assert_eq!(kept[2], size(DeflatePool::with_engines(), true));
    assert!((reset - kept[2]) * 10 > (reset - alone) * 7);
}

/// A released connection refers back still, and an emptied pool takes nothing from it.
#[test]
fn release_keeps_the_history() {
    let pool = DeflatePool::with_engines();
    let mut line = Line::new(&pool, agreed(15, true), 6);
    let text = zlib::json(&mut Rng(3));
    let first = line.send(&text, usize::MAX, || ());
    line.sender.release();
    line.receiver.release();
    pool.release();
    assert_eq!(pool.memory(), 0);
    assert!(line.send(&text, usize::MAX, || ()) * 4 < first);
}

/// A prepared message makes a connection forget what was before, shared or not.
#[test]
fn prepared_messages() {
    for pool in [
        DeflatePool::with_engines(),
        DeflatePool::with_engines().dedicated(),
    ] {
        let mut rng = Rng(6);
        let agreed = agreed(15, true);
        let mut senders =
            [(); 3].map(|()| MessageEncoder::new(Unmasked, pool.compressor(&agreed, &config(6))));
        let mut plain = [(); 3].map(|()| Reference::new(1 << 15, true));
        for i in 0..60 {
            let payload = zlib::json(&mut rng);
            let prepared = prepare_binary(&payload, &config(6)).unwrap();
            for at in 0..3 {
                let mut out = Vec::new();
                match (i + at) % 3 {
                    0 => senders[at].prepared(&prepared, &mut out).unwrap(),
                    _ => senders[at].binary(&payload, &mut out).unwrap(),
                }
                assert_eq!(out[0], 0xc2);
                let header = if out[1] < 126 { 2 } else { 4 };
                let inflated = plain[at].message(&out[header..]);
                assert!(inflated.as_ref() == Some(&payload));
            }
        }
    }
}
