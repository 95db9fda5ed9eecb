//! How many times our time the others take: a line for each column of a table, a dot for each row.

use std::path::Path;

use plotters::prelude::*;

use crate::{GRID, INK, Result, Table, WIDTH, colour, font};

/// The height of a line, and of what is around the lines of a panel.
const LINE: u32 = 26;
const AROUND: u32 = 120;

pub fn draw(tables: &[Table], to: &Path) -> Result<()> {
    let height = |table: &Table| LINE * table.columns.len() as u32 + AROUND;
    let total = tables.iter().map(height).sum();
    let mut rest = SVGBackend::new(to, (WIDTH, total)).into_drawing_area();
    rest.fill(&WHITE)?;
    for table in tables {
        let (panel, below) = rest.split_vertically(height(table));
        one(table, &panel)?;
        rest = below;
    }
    rest.present()?;
    Ok(())
}

fn one(table: &Table, area: &DrawingArea<SVGBackend, plotters::coord::Shift>) -> Result<()> {
    let ours = table.rows.iter().find(|row| row.name == table.base);
    let ours = ours.ok_or("there is no row to compare to")?;
    let ratios = |place: usize| {
        let theirs = table.rows[place].medians.iter();
        let pairs = theirs.zip(&ours.medians).enumerate();
        pairs.filter_map(|(column, (theirs, ours))| Some((column, (*theirs)? / (*ours)?)))
    };
    let all = || (0..table.rows.len()).flat_map(ratios).map(|(_, x)| x);
    let low = all().fold(1.0, f64::min) / 1.3;
    let high = all().fold(1.0, f64::max) * 1.3;
    let count = table.columns.len() as i32;

    let mut chart = ChartBuilder::on(area)
        .caption(&table.title, font(15))
        .margin(10)
        .margin_right(210)
        .x_label_area_size(40)
        .y_label_area_size(90)
        .build_cartesian_2d((low..high).log_scale(), (0..count).into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(GRID.mix(0.4))
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(font(12))
        .x_desc(format!(
            "× the time of {}; further left is faster",
            table.base
        ))
        .x_labels(8)
        .x_label_formatter(&|x| format!("{}×", (x * 10.0).round() / 10.0))
        .y_labels(table.columns.len())
        .y_label_formatter(&|y| match y {
            SegmentValue::CenterOf(y) if *y < count => {
                table.columns[(count - 1 - y) as usize].clone()
            }
            _ => String::new(),
        })
        .draw()?;
    for (place, row) in table.rows.iter().enumerate() {
        let colour = colour(place);
        let size = if row.name == table.base { 6 } else { 4 };
        let dots = ratios(place).map(|(column, x)| {
            let y = SegmentValue::CenterOf(count - 1 - column as i32);
            Circle::new((x, y), size, colour.filled())
        });
        chart
            .draw_series(dots)?
            .label(&row.name)
            .legend(move |(x, y)| Circle::new((x + 6, y), size, colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::Coordinate(WIDTH as i32 - 310, 0))
        .legend_area_size(18)
        .label_font(font(12))
        .draw()?;
    Ok(())
}
