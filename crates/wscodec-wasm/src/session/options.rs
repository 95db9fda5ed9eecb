//! How the sessions of the same options behave.

use core::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::decoder::UNMASKED;
use crate::numbers::limits;
use wscodec::session::SessionOptions;

/// How the sessions of the same options behave.
#[wasm_bindgen]
pub struct EndpointOptions {
    pub(super) config: SessionOptions,
    pub(super) client: bool,
    pub(super) rsv: u8,
    pub(super) pieces: bool,
}

/// Whole milliseconds as a duration; `None` for what is no number, or below 0.
pub(super) fn time(milliseconds: f64) -> Option<Duration> {
    (milliseconds >= 0.0).then(|| Duration::from_millis(milliseconds as u64))
}

/// The reverse of [`time`]; NaN for `None`. `Duration::as_millis` multiplies 128-bit numbers, which
/// WebAssembly has not, and each call that shows a deadline needs this.
pub(super) fn milliseconds(time: Option<Duration>) -> f64 {
    time.map_or(f64::NAN, |time| {
        let seconds = time.as_secs() as f64;
        seconds * 1000.0 + f64::from(time.subsec_millis())
    })
}

#[wasm_bindgen]
impl EndpointOptions {
    /// For one side; `rsv` as for [`decoder`](crate::decoder::decoder).
    #[wasm_bindgen(constructor)]
    pub fn new(client: bool, rsv: u8, frame: f64, message: f64, fragments: u32) -> Self {
        let mut config = SessionOptions::DEFAULT;
        config.limits = limits(frame, message, fragments);
        config.dangerously_accept_unmasked = rsv & UNMASKED != 0;
        Self {
            config,
            client,
            rsv: rsv & 7,
            pieces: false,
        }
    }

    /// Whether pings and close frames are answered, and whether messages are handed out in pieces.
    pub fn automatic(&mut self, pong: bool, close: bool, pieces: bool, backlog: usize) {
        self.config.auto_pong = pong;
        self.config.auto_close = close;
        self.config.backlog = backlog;
        self.pieces = pieces;
    }

    /// Times in milliseconds; NaN for never.
    pub fn times(&mut self, close: f64, heartbeat: f64, pong: f64, idle: f64) {
        self.config.close_timeout = time(close).unwrap_or(Duration::MAX);
        self.config.heartbeat = time(heartbeat);
        self.config.pong_timeout = time(pong).unwrap_or(Duration::MAX);
        self.config.idle = time(idle);
    }
}
