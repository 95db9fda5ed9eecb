//! All servers under each case, in turns.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{self, Case, Load};
use crate::process::Server;
use crate::system_calls::SystemCalls;

const CASES: [Case; 10] = [
    case(1, 1, 64, 0),
    case(10, 1, 64, 0),
    case(100, 1, 64, 0),
    case(1000, 1, 64, 0),
    case(100, 1, 1024, 0),
    case(100, 1, 16 << 10, 0),
    case(100, 16, 64, 0),
    case(100, 16, 1024, 0),
    case(10, 1, 64, 5000),
    case(10, 1, 64, 10000),
];

/// Connections that memory is divided by.
const IDLE: usize = 5000;

/// After so many failures in a row, a server is not given the case again.
const PATIENCE: usize = 2;

const fn case(connections: usize, flight: usize, size: usize, idle: usize) -> Case {
    Case {
        connections,
        flight,
        size,
        json: false,
        idle,
    }
}

/// The results of one server in one case, a value for each round.
#[derive(Clone, Default)]
struct Rounds {
    /// How often it failed since it last did it.
    failed: usize,
    cpu: Vec<f64>,
    rate: Vec<f64>,
    median: Vec<f64>,
    late: Vec<f64>,
    calls: Vec<f64>,
    bytes: Vec<f64>,
}

/// `chosen` are cases with commas between them, or `all`.
pub fn run(
    rounds: &str,
    milliseconds: &str,
    chosen: &str,
    servers: &[&str],
) -> Result<(), Box<dyn Error>> {
    let rounds: usize = rounds.parse()?;
    let time = Duration::from_millis(milliseconds.parse()?);
    let (servers, []) = servers.as_chunks::<2>() else {
        return Err("each server is a name and a command".into());
    };
    let cases = match chosen {
        "all" => CASES.to_vec(),
        chosen => chosen
            .split(',')
            .map(|text| Case::read(text).ok_or(format!("{text} is no case such as 10x1x64+5000")))
            .collect::<Result<_, _>>()?,
    };
    let mut results = vec![vec![Rounds::default(); cases.len()]; servers.len()];
    let mut memory = vec![Vec::new(); servers.len()];
    for round in 0..rounds {
        for step in 0..servers.len() {
            // Each round begins with another.
            let i = (round + step) % servers.len();
            let [name, command] = servers[i];
            eprintln!("round {}: {name}", round + 1);
            match idle(command) {
                Ok(bytes) => memory[i].push(bytes),
                Err(error) => eprintln!("{name}: {error}"),
            }
            for (case, into) in cases.iter().zip(&mut results[i]) {
                if into.failed >= PATIENCE {
                    continue;
                }
                let raw = name.starts_with("raw");
                into.failed = match measure(command, *case, raw, time, into) {
                    Ok(()) => 0,
                    Err(error) => {
                        eprintln!("{name}, {}: {error}", case.name());
                        into.failed + 1
                    }
                };
            }
        }
    }
    let table = |title: &str, unit: &str, column: fn(&Rounds) -> &Vec<f64>| {
        let rows = servers.iter().zip(&results).map(|([name, _], cases)| {
            let cells: Vec<Value> = cases.iter().map(|case| cell(column(case))).collect();
            json!({ "name": name, "cells": cells })
        });
        let columns: Vec<String> = cases.iter().map(Case::name).collect();
        json!({ "title": title, "unit": unit, "columns": columns,
            "rows": rows.collect::<Vec<_>>() })
    };
    let memory = servers
        .iter()
        .zip(&memory)
        .map(|([name, _], bytes)| json!({ "name": name, "cells": [cell(bytes)] }));
    let tables = [
        table(
            "Echo servers, CPU time of the server a message: connections × messages on the way × bytes",
            "µs",
            |it| &it.cpu,
        ),
        table("Echo servers, messages a second", "1/s", |it| &it.rate),
        table(
            "Echo servers, half of the messages are back within",
            "µs",
            |it| &it.median,
        ),
        table(
            "Echo servers, 99 of 100 messages are back within",
            "µs",
            |it| &it.late,
        ),
        table(
            "Echo servers, system calls of the server a message, in a run of its own",
            "",
            |it| &it.calls,
        ),
        table(
            "Echo servers, bytes of an answer on the wire",
            "bytes",
            |it| &it.bytes,
        ),
        json!({ "title": "Echo servers, resident memory for each of 5000 idle connections",
            "unit": "bytes", "columns": ["idle"], "rows": memory.collect::<Vec<_>>() }),
    ];
    println!("{}", json!({ "tables": tables, "versions": versions() }));
    Ok(())
}

fn measure(
    command: &str,
    case: Case,
    raw: bool,
    time: Duration,
    into: &mut Rounds,
) -> Result<(), Box<dyn Error>> {
    let server = Server::start(command)?;
    let mut load = Load::new(server.address, case, raw)?;
    load.run(time / 4)?;
    let before = server.cpu()?;
    let measured = load.run(time)?;
    let cpu = server.cpu()? - before;
    let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
    into.cpu.push(microseconds(cpu) / measured.messages as f64);
    into.rate
        .push(measured.messages as f64 / measured.elapsed.as_secs_f64());
    into.median.push(microseconds(measured.percentile(50)));
    into.late.push(microseconds(measured.percentile(99)));
    into.bytes
        .push(measured.bytes as f64 / measured.messages as f64);
    // strace makes each call dearer, so the time is another.
    if let Ok(calls) = SystemCalls::attach(server.id()) {
        let measured = load.run(time / 4)?;
        into.calls
            .push(calls.count()? as f64 / measured.messages as f64);
    }
    Ok(())
}

/// Bytes that the process grows by for a connection.
fn idle(command: &str) -> Result<f64, Box<dyn Error>> {
    let server = Server::start(command)?;
    // Work that only a first connection causes stays out of the figures.
    let first = load::open(server.address)?;
    let before = server.memory()?;
    let streams = (0..IDLE).map(|_| load::open(server.address));
    let streams = streams.collect::<Result<Vec<_>, _>>()?;
    sleep(Duration::from_millis(200));
    let grown = server.memory()?.saturating_sub(before);
    drop((first, streams));
    Ok(grown as f64 / IDLE as f64)
}

/// Nothing where nothing could be measured.
fn cell(values: &[f64]) -> Value {
    if values.is_empty() {
        return Value::Null;
    }
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    json!({
        "median": round(values[values.len() / 2]),
        "min": round(values[0]),
        "max": round(values[values.len() - 1]),
    })
}

/// To four digits: the noise is larger.
fn round(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let scale = 10f64.powi(3 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

/// The versions of the peers, out of the lock file.
fn versions() -> Value {
    let lock = include_str!("../Cargo.lock");
    let mut versions = serde_json::Map::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let rest = package.split_once(&format!("\n{name} = \""))?.1;
            rest.split('"').next()
        };
        if let (Some(name), Some(version)) = (field("name"), field("version"))
            && matches!(
                name,
                "fastwebsockets"
                    | "mio"
                    | "sockudo-ws"
                    | "tokio"
                    | "tokio-tungstenite"
                    | "tokio-websockets"
                    | "tungstenite"
                    | "yawc"
            )
        {
            versions.insert(name.to_owned(), version.into());
        }
    }
    Value::Object(versions)
}
