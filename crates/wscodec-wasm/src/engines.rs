//! The engines of permessage-deflate that connections share, and the numbers in which JavaScript
//! describes the use of them.

use wasm_bindgen::prelude::wasm_bindgen;

use wscodec::Limits;
use wscodec::deflate::{
    AgreedDeflate, Compressor, Decompressor, DeflateDirection, DeflateOptions, DeflatePool,
    PooledDeflate, PooledInflate, WindowBits,
};
#[cfg(not(feature = "zlib-rs"))]
use wscodec::deflate::{MinizDeflate as DeflateEngine, MinizInflate as InflateEngine};
#[cfg(feature = "zlib-rs")]
use wscodec::deflate::{ZlibDeflate as DeflateEngine, ZlibInflate as InflateEngine};

/// One direction in a number: the window's bits, and 16 for takeover.
pub(super) fn direction(packed: u8) -> DeflateDirection {
    DeflateDirection {
        window: WindowBits::new(packed & 15).unwrap_or(WindowBits::MAX),
        takeover: packed & 16 != 0,
    }
}

pub(super) fn packed(direction: DeflateDirection) -> u32 {
    u32::from(direction.window.bits()) | u32::from(direction.takeover) << 4
}

pub(super) fn config(send: u8, receive: u8) -> DeflateOptions {
    let mut config = DeflateOptions::DEFAULT;
    config.send = direction(send);
    config.receive = direction(receive);
    config
}

type EnginePool = DeflatePool<DeflateEngine, InflateEngine>;

/// The engines that connections share: one for all of a module instance.
#[wasm_bindgen]
pub struct Engines {
    shared: EnginePool,
    dedicated: EnginePool,
}

#[wasm_bindgen]
impl Engines {
    /// None yet.
    #[wasm_bindgen(constructor)]
    #[allow(
        clippy::new_without_default,
        reason = "JavaScript knows constructors only"
    )]
    pub fn new() -> Self {
        Self {
            shared: EnginePool::with_engines(),
            dedicated: EnginePool::with_engines().dedicated(),
        }
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.shared.memory()
    }

    /// Gives that memory back until it is needed again.
    pub fn release(&self) {
        self.shared.release();
    }
}

impl Engines {
    /// `history` is a window's bits, 0 for engines of one's own.
    fn pool(&self, history: u8) -> EnginePool {
        match WindowBits::new(history) {
            Some(window) => self.shared.clone().history(window),
            None => self.dedicated.clone(),
        }
    }

    /// For one direction, with these limits; the first of them again.
    pub(super) fn decompressor(
        &self,
        history: u8,
        receive: u8,
        message: f64,
        inflation: u32,
    ) -> (Inflating, u64) {
        let mut limits = Limits::DEFAULT;
        limits.message = message as u64;
        limits.inflation = inflation;
        let agreed = AgreedDeflate {
            send: DeflateDirection::DEFAULT,
            receive: direction(receive),
        };
        let decompressor = self.pool(history).decompressor(&agreed, &limits);
        (decompressor, limits.message)
    }

    /// For this [`direction`].
    #[inline(never)]
    pub(super) fn compressor(
        &self,
        history: u8,
        send: u8,
        level: u8,
        threshold: usize,
    ) -> Deflating {
        let mut config = config(send, send);
        config.level = level;
        config.threshold = threshold;
        let agreed = AgreedDeflate {
            send: config.send,
            receive: config.receive,
        };
        self.pool(history).compressor(&agreed, &config)
    }
}

/// The bytes of messages that are compressed.
pub(super) type Deflating = Compressor<PooledDeflate<DeflateEngine>>;

/// The bytes of messages that are inflated.
pub(super) type Inflating = Decompressor<PooledInflate<InflateEngine>>;
