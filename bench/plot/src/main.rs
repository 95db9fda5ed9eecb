//! Draws results of `cargo xtask bench` as SVG: `wscodec-plot KIND.json OUT.svg`.
//!
//! - of `growth`: a panel for each table, how the cost of a message grows, both axes logarithmic
//! - of the others: a panel for each table, how many times our time each row takes

mod growth;
mod ratios;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use plotters::prelude::*;
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, titles @ ..] = &arguments[..] else {
        eprintln!("usage: wscodec-plot RESULT.json OUT.svg [TITLE]...");
        return ExitCode::from(2);
    };
    match draw(Path::new(from), Path::new(to), titles) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{from}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Draws the tables with these titles, or all.
fn draw(from: &Path, to: &Path, titles: &[String]) -> Result<()> {
    let result: Value = serde_json::from_str(&std::fs::read_to_string(from)?)?;
    let tables: Vec<Table> = result["tables"]
        .as_array()
        .into_iter()
        .flatten()
        .map(Table::read)
        .filter(|table| titles.is_empty() || titles.contains(&table.title))
        .collect();
    if tables.is_empty() {
        return Err("it has no such table".into());
    }
    if result["kind"] == "growth" {
        growth::draw(&tables, to)
    } else {
        ratios::draw(&tables, to)
    }
}

/// A table of medians.
struct Table {
    title: String,
    unit: String,
    /// The row that the others are compared to.
    base: String,
    columns: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    medians: Vec<Option<f64>>,
}

impl Table {
    fn read(table: &Value) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let row = |row: &Value| Row {
            name: text(&row["name"]),
            medians: list(&row["cells"])
                .iter()
                .map(|cell| cell["median"].as_f64())
                .collect(),
        };
        Self {
            title: text(&table["title"]),
            unit: text(&table["unit"]),
            base: table["base"].as_str().unwrap_or("wscodec").to_owned(),
            columns: list(&table["columns"]).iter().map(text).collect(),
            rows: list(&table["rows"]).iter().map(row).collect(),
        }
    }
}

const WIDTH: u32 = 880;
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

/// Colours that differ for most eyes too (Okabe and Ito's).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x99, 0x99, 0x99),
    RGBColor(0x22, 0x22, 0x22),
];

fn colour(place: usize) -> RGBColor {
    COLOURS[place % COLOURS.len()]
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}
