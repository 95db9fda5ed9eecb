//! Results of `cargo xtask bench` as Markdown.

use std::fmt::Write;

use serde_json::Value;

/// The tables of a result, under where and when it was measured.
pub fn markdown(result: &Value) -> String {
    let mut text = String::new();
    let machine = &result["machine"];
    let _ = writeln!(
        text,
        "{}, {}, {} cores, {} rounds{}",
        string(&result["date"]),
        string(&machine["cpu"]),
        machine["cores"],
        result["rounds"],
        if result["quick"] == true {
            ", quick: too short to conclude from"
        } else {
            ""
        },
    );
    let versions = result["versions"].as_object().into_iter().flatten();
    let versions: Vec<String> = versions
        .map(|(name, version)| match string(version) {
            line if line.starts_with(name.as_str()) => line.to_owned(),
            version => format!("{name} {version}"),
        })
        .collect();
    let _ = writeln!(text, "{}", versions.join(", "));
    for table in result["tables"].as_array().into_iter().flatten() {
        text += &one(table);
    }
    text
}

/// A table: medians, and behind them how many times the time of ours that is.
fn one(table: &Value) -> String {
    let unit = string(&table["unit"]);
    let rows = || table["rows"].as_array().into_iter().flatten();
    let base = match &table["base"] {
        Value::String(name) => name.as_str(),
        _ => "wscodec",
    };
    let ours = rows().find(|row| row["name"] == base);
    let columns: Vec<&str> = strings(&table["columns"]);
    let corner = match ours {
        Some(_) => format!("{unit}; × of {base}"),
        None => unit.to_owned(),
    };
    let mut lines = vec![header(&corner, &columns)];
    for row in rows() {
        let mut line = vec![string(&row["name"]).to_owned()];
        for column in 0..columns.len() {
            let median = row["cells"][column]["median"].as_f64();
            let time = ours.and_then(|ours| ours["cells"][column]["median"].as_f64());
            line.push(match (median, time) {
                (Some(median), Some(time)) if row["name"] != base => {
                    format!("{} ({}×)", digits(median), ratio(median / time))
                }
                (Some(median), _) => digits(median),
                _ => "–".to_owned(),
            });
        }
        lines.push(line);
    }
    let mut text = format!("\n**{}**\n\n", string(&table["title"]));
    text += &lay_out(&lines);
    text += &spread(table);
    let allocations = allocations(table, &columns);
    if allocations.len() > 1 {
        text.push('\n');
        text += &lay_out(&allocations);
    }
    text
}

/// The rows that allocate, and how often.
fn allocations(table: &Value, columns: &[&str]) -> Vec<Vec<String>> {
    let mut lines = vec![header("allocations an operation", columns)];
    let count = |cell: &Value| cell["allocations"].as_f64();
    for row in table["rows"].as_array().into_iter().flatten() {
        let cells = row["cells"].as_array().into_iter().flatten();
        if cells.clone().all(|cell| count(cell).unwrap_or(0.0) < 0.005) {
            continue;
        }
        let mut line = vec![string(&row["name"]).to_owned()];
        line.extend(cells.map(|cell| count(cell).map_or("–".to_owned(), |n| format!("{n:.2}"))));
        lines.push(line);
    }
    lines
}

/// How far the rounds lay apart: half the cells were within this.
fn spread(table: &Value) -> String {
    let rows = table["rows"].as_array().into_iter().flatten();
    let cells = rows.flat_map(|row| row["cells"].as_array().into_iter().flatten());
    let mut spreads: Vec<f64> = cells
        .filter_map(|cell| Some(cell["max"].as_f64()? / cell["min"].as_f64()?))
        .collect();
    spreads.sort_by(f64::total_cmp);
    match spreads.get(spreads.len() / 2) {
        Some(spread) => format!("\nslowest to fastest round: {spread:.2}× (median of the cells)\n"),
        None => String::new(),
    }
}

fn header(corner: &str, columns: &[&str]) -> Vec<String> {
    let columns = columns.iter().map(|column| (*column).to_owned());
    [corner.to_owned()].into_iter().chain(columns).collect()
}

/// Lines of cells, the first of them the header, with the columns aligned.
fn lay_out(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = if column == 0 {
                write!(text, "| {cell:<width$} |")
            } else {
                write!(text, " {cell:>width$} |")
            };
        }
        text.push('\n');
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let _ = if column == 0 {
                    write!(text, "|{}|", "-".repeat(width + 2))
                } else {
                    write!(text, "{}:|", "-".repeat(width + 1))
                };
            }
            text.push('\n');
        }
    }
    text
}

/// Three digits, or all before the point.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.places$}")
}

fn ratio(value: f64) -> String {
    let places = if value < 10.0 { 2 } else { 0 };
    format!("{value:.places$}")
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(string).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::one;

    #[test]
    fn tells_ratios_and_allocations() {
        let cell = |median: f64, allocations: f64| json!({ "median": median, "min": median, "max": median * 1.5, "allocations": allocations });
        let text = one(&json!({
            "title": "decode", "unit": "ns", "columns": ["a", "b"],
            "rows": [
                { "name": "wscodec", "cells": [cell(10.0, 0.0), cell(200.0, 0.0)] },
                { "name": "other", "cells": [cell(25.0, 1.0), null] },
            ],
        }));
        let expected = "\n**decode**\n\n\
            | ns; × of wscodec |            a |   b |\n\
            |------------------|-------------:|----:|\n\
            | wscodec          |         10.0 | 200 |\n\
            | other            | 25.0 (2.50×) |   – |\n\
            \nslowest to fastest round: 1.50× (median of the cells)\n\
            \n| allocations an operation |    a | b |\n\
            |--------------------------|-----:|--:|\n\
            | other                    | 1.00 | – |\n";
        assert_eq!(text, expected);
    }
}
