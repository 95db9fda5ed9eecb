//! The stream for the page.

use std::collections::HashMap;
use std::sync::Arc;

use wscodec_inspect::record::begin;

use super::watch::{Packets, Watch};
use crate::page::History;

/// Bytes of a connection that count as its beginning.
const EARLY: u64 = 32 << 10;

/// Puts the entries of a lane into the history, until the end.
pub(super) fn run(watch: &Watch, lane: usize, history: &Arc<History>) {
    let mut packets = Packets::default();
    let mut bytes = Vec::new();
    begin(&mut bytes);
    history.begin(&bytes);
    // How much of each open connection has come.
    let mut known: HashMap<u64, u64> = HashMap::new();
    while let Some(entries) = watch.take(lane) {
        for entry in &entries {
            bytes.clear();
            packets.put(entry, &mut bytes);
            let number = entry.connection();
            let count = known.entry(number).or_default();
            *count += bytes.len() as u64;
            history.push(&bytes, *count <= EARLY);
            if !packets.has(number) {
                known.remove(&number);
            }
        }
    }
    history.close();
}
