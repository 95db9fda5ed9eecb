//! The memory of a connection's compression, by window and by how engines are shared: tables in
//! Markdown. With the feature `zlib-rs`, for that engine too.
//!
//! `cargo run --release --example deflate_memory --features zlib-rs`

use wscodec::Limits;
use wscodec::deflate::{
    AgreedDeflate, Deflate, DeflateDirection, DeflateOptions, DeflatePool, Inflate, MinizDeflate,
    MinizInflate, WindowBits,
};
#[cfg(feature = "zlib-rs")]
use wscodec::deflate::{ZlibDeflate, ZlibInflate};

fn main() {
    println!("| to send: bytes held, by window | miniz_oxide | zlib-rs | shared | no takeover |");
    println!("|--:|--:|--:|--:|--:|");
    for bits in (8..=15).rev() {
        let [own, shared, none, _] = compressor::<MinizDeflate, MinizInflate>(bits);
        #[cfg(feature = "zlib-rs")]
        let zlib = compressor::<ZlibDeflate, ZlibInflate>(bits)[0];
        #[cfg(not(feature = "zlib-rs"))]
        let zlib = "–";
        println!("| {bits} | {own} | {zlib} | {shared} | {none} |");
    }
    println!();
    println!("| to receive | miniz_oxide | zlib-rs | idle | idle, no takeover |");
    println!("|--:|--:|--:|--:|--:|");
    for bits in (8..=15).rev() {
        let [busy, idle, none] = decompressor::<MinizDeflate, MinizInflate>(bits);
        #[cfg(feature = "zlib-rs")]
        let zlib = decompressor::<ZlibDeflate, ZlibInflate>(bits)[0];
        #[cfg(not(feature = "zlib-rs"))]
        let zlib = "–";
        println!("| {bits} | {busy} | {zlib} | {idle} | {none} |");
    }
    println!();
    let pool = compressor::<MinizDeflate, MinizInflate>(15)[3];
    println!("shared by all, with window 15: {pool} (miniz_oxide)");
}

/// Words, so that blocks have tables of their own, and more than a window of them.
fn text() -> Vec<u8> {
    let words = include_str!("../docs/architecture.md").split_whitespace();
    let mut text: Vec<u8> = words
        .flat_map(|word| [word, " "].concat().into_bytes())
        .collect();
    while text.len() < 70_000 {
        text.extend_from_within(..);
    }
    text
}

fn agreed(bits: u8, takeover: bool) -> AgreedDeflate {
    let window = WindowBits::new(bits).unwrap_or_default();
    let direction = DeflateDirection { window, takeover };
    let mut agreed = AgreedDeflate::default();
    (agreed.send, agreed.receive) = (direction, direction);
    agreed
}

/// The memory of a connection: with an engine of its own, sharing one, without takeover; and the pool.
fn compressor<D: Deflate, I: Inflate>(bits: u8) -> [usize; 4] {
    let (config, text) = (DeflateOptions::default(), text());
    // One sends, then another.
    let measure = |pool: &DeflatePool<D, I>, takeover| {
        let agreed = agreed(bits, takeover);
        let mut senders = [(); 2].map(|()| pool.compressor(&agreed, &config));
        for sender in &mut senders {
            let result = sender.message(&text, &mut Vec::new());
            result.expect("there is memory");
        }
        senders[0].memory()
    };
    let own = measure(&DeflatePool::with_engines().dedicated(), true);
    let none = measure(&DeflatePool::with_engines(), false);
    let pool = DeflatePool::with_engines();
    let shared = measure(&pool, true);
    [own, shared, none, pool.memory()]
}

/// The memory of a connection: before tables are released or given back, after that, and without
/// takeover.
fn decompressor<D: Deflate, I: Inflate>(bits: u8) -> [usize; 3] {
    let (config, limits, text) = (DeflateOptions::default(), Limits::default(), text());
    let measure = |pool: &DeflatePool<D, I>, takeover| {
        let agreed = agreed(bits, takeover);
        let mut coded = Vec::new();
        let result = pool.compressor(&agreed, &config).message(&text, &mut coded);
        result.expect("there is memory");
        let mut inflate = pool.decompressor(&agreed, &limits);
        let result = inflate.message(&coded, &mut Vec::new());
        result.expect("it was just compressed");
        inflate.memory()
    };
    let busy = measure(&DeflatePool::with_engines().dedicated(), true);
    let idle = measure(&DeflatePool::with_engines(), true);
    let none = measure(&DeflatePool::with_engines(), false);
    [busy, idle, none]
}
