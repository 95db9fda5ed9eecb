//! Reads `tests/captures`: what two peers sent, and what is in it.

use std::fs;

use serde_json::Value;
use sha1::{Digest, Sha1};
use wscodec::frame::{Role, Rsv};

use super::drive::Setup;

/// One direction of a recorded conversation.
pub struct Capture {
    pub name: String,
    pub setup: Setup,
    /// The bytes behind the head.
    pub bytes: Vec<u8>,
    pub expected: Value,
    /// The parameters of permessage-deflate, or null.
    pub deflate: Value,
}

/// Both directions of every conversation that was upgraded.
pub fn all() -> Vec<Capture> {
    let mut all = Vec::new();
    let mut folders: Vec<_> = fs::read_dir(super::path("captures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    for folder in folders {
        let json = fs::read_to_string(folder.join("expected.json")).unwrap();
        let mut json: Value = serde_json::from_str(&json).unwrap();
        if json["status"] != 101 {
            continue;
        }
        for (direction, role) in [("c2s", Role::Server), ("s2c", Role::Client)] {
            let expected = json[direction].take();
            let file = fs::read(folder.join(format!("{direction}.bin"))).unwrap();
            assert_eq!(file.len() as u64, expected["bytes"].as_u64().unwrap());
            let head = expected["head"].as_u64().unwrap();
            let mut setup = Setup::new(role);
            setup.offset = head;
            if !json["deflate"].is_null() {
                setup.rsv = Rsv::RSV1;
            }
            all.push(Capture {
                name: format!("{} {direction}", folder.file_name().unwrap().display()),
                setup,
                bytes: file[head as usize..].to_vec(),
                expected,
                deflate: json["deflate"].clone(),
            });
        }
    }
    assert!(all.len() >= 40, "the captures are not all there");
    all
}

pub fn sha1(bytes: &[u8]) -> String {
    let digest = Sha1::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
