//! The options for compression, which `serve` and `connect` have in common.

use clap::Args;
use wscodec::deflate::{DeflateOptions, WindowBits};

use super::values;

#[derive(Debug, Args)]
#[command(next_help_heading = "Compression (permessage-deflate)")]
pub(crate) struct CompressionArgs {
    /// Never compress
    #[arg(long, conflicts_with_all = ["window", "no_takeover", "level", "threshold"])]
    no_deflate: bool,
    /// The largest window in both directions, 8 to 15; default 15
    #[arg(long, value_name = "BITS", value_parser = values::window)]
    window: Option<WindowBits>,
    /// Compress each message by itself, in both directions
    #[arg(long)]
    no_takeover: bool,
    /// The level from 1 (fastest) to 9 (smallest output); default 6
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=9))]
    level: Option<u8>,
    /// Send shorter messages without compression; default 64
    #[arg(long, value_name = "BYTES", value_parser = values::memory)]
    threshold: Option<usize>,
}

impl CompressionArgs {
    /// How to compress; `None` for never.
    pub(crate) fn options(&self) -> Option<DeflateOptions> {
        if self.no_deflate {
            return None;
        }
        let mut options = DeflateOptions::default();
        if let Some(window) = self.window {
            (options.send.window, options.receive.window) = (window, window);
        }
        if self.no_takeover {
            (options.send.takeover, options.receive.takeover) = (false, false);
        }
        options.level = self.level.unwrap_or(options.level);
        options.threshold = self.threshold.unwrap_or(options.threshold);
        Some(options)
    }
}
