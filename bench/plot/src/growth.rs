//! How the cost of a message grows: lines, both axes logarithmic, so that what grows in proportion
//! climbs as steeply as the grey lines.

use std::path::Path;

use plotters::prelude::*;

use crate::{GRID, INK, Result, Table, WIDTH, colour, font};

const PANEL: u32 = 360;

pub fn draw(tables: &[Table], to: &Path) -> Result<()> {
    let lines = tables.len().div_ceil(2);
    let area = SVGBackend::new(to, (WIDTH, PANEL * lines as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    for (table, panel) in tables.iter().zip(area.split_evenly((lines, 2))) {
        one(table, &panel)?;
    }
    area.present()?;
    Ok(())
}

fn one(table: &Table, area: &DrawingArea<SVGBackend, plotters::coord::Shift>) -> Result<()> {
    let x: Vec<f64> = table
        .columns
        .iter()
        .map(|column| column.parse())
        .collect::<std::result::Result<_, _>>()?;
    let points = |place: usize| {
        let medians = table.rows[place].medians.iter();
        let points = x.iter().zip(medians);
        points.filter_map(|(x, y)| Some((x.max(1.0), (*y)?)))
    };
    let all = || (0..table.rows.len()).flat_map(points);
    let least = |value: fn((f64, f64)) -> f64| all().map(value).fold(f64::MAX, f64::min);
    let most = |value: fn((f64, f64)) -> f64| all().map(value).fold(f64::MIN, f64::max);
    let (left, right) = (least(|p| p.0), most(|p| p.0));
    let (low, high) = (least(|p| p.1) / 1.5, most(|p| p.1) * 1.5);
    // A value that hardly grows must not look as if it did.
    let low = low.min(high / 100.0);

    let mut chart = ChartBuilder::on(area)
        .caption(&table.title, font(15))
        .margin(10)
        .x_label_area_size(24)
        .y_label_area_size(56)
        .build_cartesian_2d((left..right).log_scale(), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(font(11))
        .y_desc(&table.unit)
        .x_labels(6)
        .y_labels(8)
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| short(*y))
        .draw()?;
    // In proportion, from each power of ten.
    let mut from = low.log10().floor() as i32 - 8;
    while 10f64.powi(from) < high {
        let start = 10f64.powi(from);
        let along = |x: f64| (x, start * x / left);
        let line = x.iter().map(|x| along(x.max(1.0)));
        let line: Vec<_> = line.filter(|(_, y)| (low..high).contains(y)).collect();
        chart.draw_series(LineSeries::new(line, GRID.stroke_width(2)))?;
        from += 1;
    }
    for (place, row) in table.rows.iter().enumerate() {
        let colour = colour(place);
        chart
            .draw_series(LineSeries::new(points(place), colour.stroke_width(2)).point_size(3))?
            .label(&row.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .legend_area_size(18)
        .label_font(font(11))
        .background_style(WHITE)
        .draw()?;
    Ok(())
}

/// 1500000 as 1.5 M.
fn short(value: f64) -> String {
    for (unit, name) in [(1e9, " G"), (1e6, " M"), (1e3, " k")] {
        if value >= unit {
            return format!("{}{name}", (value / unit * 10.0).round() / 10.0);
        }
    }
    format!("{}", (value * 10.0).round() / 10.0)
}
