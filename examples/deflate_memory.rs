//! What a connection's compression takes, by window and by how engines are shared: a table in
//! Markdown. With the feature `zlib-rs`, for that engine too.
//!
//! `cargo run --release --example deflate_memory --features zlib-rs`

use wscodec::Limits;
use wscodec::deflate::{
    Agreed, Config, Deflate, Direction, Inflate, MinizDeflate, MinizInflate, Pool, Window,
};

fn main() {
    println!("| bytes a connection | window | dedicated | shared | shared, no takeover | pool |");
    println!("|---|--:|--:|--:|--:|--:|");
    compressors::<MinizDeflate, MinizInflate>("compressor, miniz_oxide");
    #[cfg(feature = "zlib-rs")]
    compressors::<wscodec::deflate::ZlibDeflate, wscodec::deflate::ZlibInflate>(
        "compressor, zlib-rs",
    );
    println!();
    println!("| bytes a connection | window | in a message | idle | idle, no takeover |");
    println!("|---|--:|--:|--:|--:|");
    decompressors::<MinizDeflate, MinizInflate>("decompressor, miniz_oxide");
    #[cfg(feature = "zlib-rs")]
    decompressors::<wscodec::deflate::ZlibDeflate, wscodec::deflate::ZlibInflate>(
        "decompressor, zlib-rs",
    );
}

/// Words, so that blocks have tables of their own, and more than a window of them.
fn text() -> Vec<u8> {
    let words = include_str!("../ARCHITECTURE.md").split_whitespace();
    let mut text: Vec<u8> = words
        .flat_map(|word| [word, " "].concat().into_bytes())
        .collect();
    while text.len() < 70_000 {
        text.extend_from_within(..);
    }
    text
}

fn agreed(bits: u8, takeover: bool) -> Agreed {
    let window = Window::new(bits).unwrap_or_default();
    let direction = Direction { window, takeover };
    let mut agreed = Agreed::default();
    (agreed.send, agreed.receive) = (direction, direction);
    agreed
}

fn compressors<D: Deflate, I: Inflate>(name: &str) {
    let (config, text) = (Config::default(), text());
    for bits in (9..=15).rev() {
        // As one sends, and others have their turn.
        let measure = |pool: &Pool<D, I>, takeover| {
            let agreed = agreed(bits, takeover);
            let mut senders = [(); 2].map(|()| pool.compressor(&agreed, &config));
            for sender in &mut senders {
                sender.message(&text, &mut Vec::new());
            }
            senders[0].memory()
        };
        let own = measure(&Pool::with_engines().dedicated(), true);
        let pool = Pool::with_engines();
        let shared = measure(&pool, true);
        let none = measure(&Pool::with_engines(), false);
        let pool = pool.memory();
        println!("| {name} | {bits} | {own} | {shared} | {none} | {pool} |");
    }
}

fn decompressors<D: Deflate, I: Inflate>(name: &str) {
    let (config, limits, text) = (Config::default(), Limits::default(), text());
    for bits in (9..=15).rev() {
        let measure = |takeover| {
            let agreed = agreed(bits, takeover);
            let pool = Pool::<D, I>::with_engines();
            let mut coded = Vec::new();
            pool.compressor(&agreed, &config).message(&text, &mut coded);
            let mut busy = Pool::<D, I>::with_engines()
                .dedicated()
                .decompressor(&agreed, &limits);
            let mut idle = pool.decompressor(&agreed, &limits);
            for inflate in [&mut busy, &mut idle] {
                let result = inflate.message(&coded, &mut Vec::new());
                result.expect("it was just compressed");
            }
            (busy.memory(), idle.memory())
        };
        let ((busy, idle), (_, none)) = (measure(true), measure(false));
        println!("| {name} | {bits} | {busy} | {idle} | {none} |");
    }
}
