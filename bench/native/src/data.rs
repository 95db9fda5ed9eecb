//! The streams as files, so that JavaScript measures the same bytes.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;

use crate::handshake;
use crate::workload::{NAMES, Workload};

/// Writes for each workload `NAME.masked`, `NAME.unmasked`, `NAME.frames` (bytes of each
/// masked frame, 32 bits, little-endian) and what is in it, all in `index.json`; and
/// the request of the handshake.
pub fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut index = serde_json::Map::new();
    for name in NAMES {
        let workload = Workload::new(name);
        fs::write(folder.join(format!("{name}.masked")), &workload.masked)?;
        fs::write(folder.join(format!("{name}.unmasked")), &workload.unmasked)?;
        let mut frames = Vec::new();
        let mut from = 0;
        for frame in &workload.frames {
            let len = u32::try_from(frame.payload.end - from).expect("frames are short");
            frames.extend_from_slice(&len.to_le_bytes());
            from = frame.payload.end;
        }
        fs::write(folder.join(format!("{name}.frames")), frames)?;
        let sum = workload.sum();
        let entry = json!({
            "messages": sum.tally.messages,
            "bytes": sum.tally.bytes,
            "hash": sum.hash,
        });
        index.insert(name.to_owned(), entry);
    }
    fs::write(folder.join("handshake.txt"), handshake::browser())?;
    fs::write(
        folder.join("index.json"),
        serde_json::Value::from(index).to_string(),
    )
}
