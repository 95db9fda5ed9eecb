//! Measures wscodec and other crates on the same bytes. `cargo xtask bench` runs it.
//!
//! - `native ROUNDS MILLISECONDS`: decoding, encoding, masks and headers
//! - `handshake ROUNDS MILLISECONDS`
//! - `deflate ROUNDS MILLISECONDS`: permessage-deflate
//! - `growth ROUNDS MILLISECONDS`: how the cost of a message grows
//! - `data FOLDER`: writes the streams for the harness in JavaScript
//!
//! Results are JSON on standard output; what is being measured is said on standard error.

mod alloc;
mod data;
mod decode;
mod deflate;
mod encode;
mod feed;
mod growth;
mod handshake;
mod measure;
mod small;
mod sum;
mod workload;
mod xor;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use measure::{Plan, Table};
use serde_json::{Value, json};
use workload::Workload;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tables = match words[..] {
        ["data", folder] => {
            return match data::write(Path::new(folder)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("{folder}: {error}");
                    ExitCode::FAILURE
                }
            };
        }
        ["native", rounds, time] => plan(rounds, time).map(native).map(json),
        ["handshake", rounds, time] => {
            plan(rounds, time).map(|plan| json(vec![handshake::table(plan)]))
        }
        ["growth", rounds, time] => plan(rounds, time).map(growth::tables).map(json),
        ["deflate", rounds, time] => plan(rounds, time).map(deflate::tables),
        _ => None,
    };
    let Some(tables) = tables else {
        eprintln!("usage: native|handshake|deflate|growth ROUNDS MS | data FOLDER");
        return ExitCode::from(2);
    };
    println!("{}", json!({ "tables": tables, "versions": versions() }));
    ExitCode::SUCCESS
}

fn plan(rounds: &str, milliseconds: &str) -> Option<Plan> {
    let rounds = rounds.parse().ok().filter(|rounds| *rounds > 0)?;
    let time = Duration::from_millis(milliseconds.parse().ok()?);
    Some(Plan { rounds, time })
}

fn json(tables: Vec<Table>) -> Vec<Value> {
    tables.into_iter().map(Table::json).collect()
}

fn native(plan: Plan) -> Vec<Table> {
    let workloads = workload::NAMES.map(Workload::new);
    let mut tables = Vec::from(decode::tables(&workloads, plan));
    tables.extend(encode::tables(&workloads, plan));
    tables.push(small::masks(plan));
    tables.push(small::headers(&workloads, plan));
    tables
}

/// The versions of what was measured, out of the lock file.
fn versions() -> Value {
    let lock = include_str!("../Cargo.lock");
    let measured = [
        "embedded-websocket",
        "fastwebsockets",
        "flate2",
        "libz-sys",
        "miniz_oxide",
        "sockudo-ws",
        "tokio-websockets",
        "tungstenite",
        "websocket-sans-io",
        "wscodec",
        "yawc",
        "zlib-rs",
    ];
    let mut versions = serde_json::Map::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name| {
            let rest = package.split_once(&format!("\n{name} = \""))?.1;
            Some(rest.split_once('"')?.0)
        };
        if let (Some(name), Some(version)) = (field("name"), field("version"))
            && measured.contains(&name)
        {
            versions.insert(name.to_owned(), version.into());
        }
    }
    versions.into()
}
