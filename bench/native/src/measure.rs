//! Rows side by side: CPU time in interleaved rounds, allocations, medians.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::alloc::allocations;
use crate::workload::Random;

/// How long and how often to measure.
#[derive(Clone, Copy)]
pub struct Plan {
    pub rounds: usize,
    /// CPU time that a row gets in each round, at least.
    pub time: Duration,
}

/// Something to measure. `pass` does `ops` operations.
pub struct Row<'a> {
    pub name: &'static str,
    pub ops: u64,
    pub pass: Box<dyn FnMut() + 'a>,
}

impl<'a> Row<'a> {
    pub fn new(name: &'static str, ops: usize, pass: impl FnMut() + 'a) -> Self {
        Self {
            name,
            ops: ops as u64,
            pass: Box::new(pass),
        }
    }
}

/// A row's times.
struct Cell {
    median: f64,
    min: f64,
    max: f64,
    allocations: f64,
}

/// CPU time of this process, all threads.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Nanoseconds an operation, over as many passes as fill the time.
fn time(row: &mut Row, least: Duration) -> f64 {
    let start = cpu();
    let mut passes = 0;
    loop {
        (row.pass)();
        passes += 1;
        let taken = cpu() - start;
        if taken >= least {
            return taken.as_nanos() as f64 / (passes * row.ops) as f64;
        }
    }
}

/// Measures the rows against each other: in each round all of them, in a new order.
fn side_by_side(rows: &mut [Row], plan: Plan) -> Vec<Cell> {
    let mut random = Random::new(rows.len() as u64);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut times = vec![Vec::new(); rows.len()];
    for row in &mut *rows {
        time(row, plan.time / 2);
    }
    for _ in 0..plan.rounds {
        random.shuffle(&mut order);
        for &i in &order {
            times[i].push(time(&mut rows[i], plan.time));
        }
    }
    rows.iter_mut()
        .zip(times)
        .map(|(row, mut times)| {
            times.sort_by(f64::total_cmp);
            let before = allocations();
            (row.pass)();
            let allocations = allocations() - before;
            Cell {
                median: times[times.len() / 2],
                min: times[0],
                max: times[times.len() - 1],
                allocations: allocations as f64 / row.ops as f64,
            }
        })
        .collect()
}

/// A table with a column for each workload, as JSON. Rows go by their names: one that
/// can't do a workload is not among that column's.
pub struct Table {
    title: &'static str,
    columns: Vec<String>,
    rows: Vec<(&'static str, Vec<Value>)>,
}

impl Table {
    pub fn new(title: &'static str) -> Self {
        Self {
            title,
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Measures a column.
    pub fn column(&mut self, name: &str, mut rows: Vec<Row>, plan: Plan) {
        eprintln!("{}: {name}", self.title);
        let cells = side_by_side(&mut rows, plan);
        for (row, cell) in rows.iter().zip(cells) {
            let place = match self.rows.iter().position(|(name, _)| *name == row.name) {
                Some(place) => place,
                None => {
                    self.rows.push((row.name, Vec::new()));
                    self.rows.len() - 1
                }
            };
            let cells = &mut self.rows[place].1;
            cells.resize(self.columns.len(), Value::Null);
            cells.push(json!({
                "median": round(cell.median),
                "min": round(cell.min),
                "max": round(cell.max),
                "allocations": round(cell.allocations),
            }));
        }
        self.columns.push(name.to_owned());
    }

    pub fn json(mut self) -> Value {
        for (_, cells) in &mut self.rows {
            cells.resize(self.columns.len(), Value::Null);
        }
        let rows: Vec<Value> = self
            .rows
            .into_iter()
            .map(|(name, cells)| json!({ "name": name, "cells": cells }))
            .collect();
        json!({
            "title": self.title,
            "unit": "ns",
            "columns": self.columns,
            "rows": rows,
        })
    }
}

/// To four digits: the noise is larger.
fn round(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let scale = 10f64.powi(3 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}
