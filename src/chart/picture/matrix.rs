//! A matrix of values as colours.

use ndarray::ArrayView2;

use crate::chart::draw::coloring::draw_ramp;
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::Theme;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::ramp::{self, Ramp};
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::number::fixed;

/// A heat map: a coloured cell for each value of a matrix, such as the similarities or distances
/// between texts, or a score for each pair of options. Cells with room have their number. A value
/// that is NaN or infinite is an empty cell, and counted ([`Picture::skipped`]).
///
/// ```
/// use embedlab::chart::{Matrix, Style};
/// use ndarray::array;
/// let names = ["tea", "coffee"].map(String::from);
/// let similarity = array![[1.0, 0.42], [0.42, 1.0]];
/// let picture = Matrix::new(similarity.view(), &names, &names, "cosine").draw(&Style::new("Drinks"))?;
/// assert!(picture.svg()?.contains("0.42"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Matrix<'a> {
    values: ArrayView2<'a, f64>,
    rows: &'a [String],
    columns: &'a [String],
    label: String,
}

/// More rows or columns are narrower than a pixel.
const MOST: usize = 400;

impl<'a> Matrix<'a> {
    /// The values, the names of rows and columns, and what the values are (above the ramp).
    pub fn new(
        values: ArrayView2<'a, f64>,
        rows: &'a [String],
        columns: &'a [String],
        label: impl Into<String>,
    ) -> Self {
        Matrix { values, rows, columns, label: label.into() }
    }

    /// # Errors
    /// Another number of names than of rows or columns, more than 400 of either, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        let (rows, columns) = self.values.dim();
        if (rows, columns) != (self.rows.len(), self.columns.len()) {
            return Err(Error::argument("a matrix and names of different size")
                .seen(format!(
                    "{rows} x {columns} values, {} and {} names",
                    self.rows.len(),
                    self.columns.len()
                ))
                .advice("give a name for each row and each column"));
        }
        if rows.max(columns) > MOST {
            return Err(Error::argument("too many cells for one picture")
                .seen(format!("{rows} x {columns}"))
                .advice(format!("draw at most {MOST} rows and columns")));
        }
        let values: Vec<f64> = self.values.iter().copied().collect();
        let ramp = Ramp::of(&values);
        let mut frame = Frame::new(style, ramp.missing)?;
        if ramp.missing == values.len() {
            frame.write_nothing("no values");
        } else {
            draw_ramp(&mut frame, &Ramp { missing: 0, ..ramp }, &self.label, style.theme);
            self.draw_cells(&mut frame, &ramp, style.theme);
        }
        Ok(frame.finish("Heat map"))
    }

    fn draw_cells(&self, frame: &mut Frame, ramp: &Ramp, theme: Theme) {
        let (rows, columns) = self.values.dim();
        let inside = frame.inside;
        let widest = |names: &[String]| {
            names
                .iter()
                .map(|name| font::width(&font::clean(name), TICK, Weight::Regular))
                .fold(0.0, f64::max)
        };
        let named = widest(self.rows).min(inside.width() * 0.3);
        let plot = Area {
            left: inside.left + named + 10.0,
            top: inside.top,
            right: inside.right,
            bottom: inside.bottom - TICK - 10.0,
        };
        if plot.width() < 20.0 || plot.height() < 20.0 {
            return;
        }
        // Square cells where there is room, up to a size that is still a cell.
        let wide = (plot.width() / columns as f64).min(160.0);
        let high = (plot.height() / rows as f64).min(wide);
        let number = |value: f64| fixed(value, decimals(ramp));
        let written = self
            .values
            .iter()
            .filter(|value| value.is_finite())
            .map(|&value| font::width(&number(value), TICK, Weight::Regular));
        let roomy = high >= TICK + 6.0 && written.fold(0.0, f64::max) <= wide - 6.0;
        for ((row, column), &value) in self.values.indexed_iter().filter(|(_, value)| value.is_finite()) {
            let (left, top) = (plot.left + wide * column as f64, plot.top + high * row as f64);
            // A line of the ground between cells that are large enough for one.
            let gap = if wide.min(high) > 8.0 { 1.0 } else { 0.0 };
            let color = ramp::color(ramp.step(value), theme);
            frame.drawing.rectangle(left, top, left + wide - gap, top + high - gap, color);
            if roomy {
                let at = (left + wide / 2.0, top + high / 2.0 + TICK * 0.36);
                frame.write_on(color, &number(value), at, TICK, Align::Center);
            }
        }
        let every = |room: f64, length: f64| (length / room).ceil().max(1.0) as usize;
        for row in (0..rows).step_by(every(high, TICK + 3.0)) {
            let name = font::fit(&font::clean(&self.rows[row]), named, TICK, Weight::Regular);
            let y = plot.top + high * (row as f64 + 0.5) + TICK * 0.36;
            frame.write(&name, (plot.left - 8.0, y), TICK, Weight::Regular, Align::Right);
        }
        let step = every(wide, LABEL * 3.0);
        for column in (0..columns).step_by(step) {
            let room = wide * step as f64 - 6.0;
            let name = font::fit(&font::clean(&self.columns[column]), room, TICK, Weight::Regular);
            let at = (plot.left + wide * (column as f64 + 0.5), plot.top + high * rows as f64 + TICK + 6.0);
            frame.write(&name, at, TICK, Weight::Regular, Align::Center);
        }
    }
}

/// Two digits behind the first that differs.
fn decimals(ramp: &Ramp) -> usize {
    let span = ramp.most - ramp.least;
    if span > 0.0 && span.is_finite() { (1.0 - span.log10().floor()).clamp(0.0, 6.0) as usize } else { 2 }
}
