//! How the cost of a message grows with the connections that speak, and with those that don't.

use serde_json::{Value, json};

use super::plan::Plan;
use super::server;
use crate::report::Report;

/// Connections that speak, each with one message on the way; and idle ones beside ten of them.
const BUSY: [u32; 7] = [1, 3, 10, 30, 100, 300, 1000];
const IDLE: [u32; 6] = [1, 10, 100, 1000, 3000, 10_000];

const SERVERS: &str = "wscodec;wscodec on WASI;raw bytes, one loop";

/// Adds tables by the number of connections, and by that of idle ones.
pub fn servers(report: &mut Report, plan: &Plan, results: &mut Vec<Value>) -> bool {
    let busy = BUSY.map(|count| format!("{count}x1x64"));
    let idle = IDLE.map(|count| format!("10x1x64+{count}"));
    let asked = Plan {
        kind: plan.kind,
        rounds: plan.rounds.min(5),
        json: None,
        quick: plan.quick,
        runtime: None,
        cases: Some([&busy[..], &idle[..]].concat().join(",")),
        only: Some(SERVERS.to_owned()),
        peers: Vec::new(),
    };
    let mut measured = Vec::new();
    if !server::measure(report, &asked, &mut measured) {
        return false;
    }
    for result in &measured {
        // The first is that of the CPU time.
        let rows = &result["tables"][0]["rows"];
        let tables = [
            part("an echo, by connections", &BUSY, rows, 0),
            part(
                "an echo of ten connections, by idle ones",
                &IDLE,
                rows,
                BUSY.len(),
            ),
        ];
        results.push(json!({ "tables": tables, "versions": result["versions"] }));
    }
    true
}

/// The columns from `first` on, as many as there are numbers.
fn part(title: &str, numbers: &[u32], rows: &Value, first: usize) -> Value {
    let rows = rows.as_array().into_iter().flatten().map(|row| {
        let cells: Vec<&Value> = (first..first + numbers.len())
            .map(|column| &row["cells"][column])
            .collect();
        json!({ "name": row["name"], "cells": cells })
    });
    let columns: Vec<String> = numbers.iter().map(u32::to_string).collect();
    json!({ "title": title, "unit": "µs", "columns": columns, "rows": rows.collect::<Vec<_>>() })
}
