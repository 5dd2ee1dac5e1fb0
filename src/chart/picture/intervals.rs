//! Estimates with their intervals, one below the other.

use crate::chart::draw::axis::{Scale, Ticks, draw_x_axis, range};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};

/// A forest plot: a line for each name, with a dot at the estimate and a bar over its interval.
///
/// Names whose estimate is NaN stand there without a dot.
///
/// ```
/// use embedlab::chart::{Intervals, Style};
/// let names = ["flowers, insects", "math, arts"].map(String::from);
/// let rows = [(1.2, 0.8, 1.5), (0.1, -0.6, 0.8)];
/// let picture = Intervals::new(&names, &rows, "effect size").reference(0.0).draw(&Style::new("Tests"))?;
/// assert!(picture.svg()?.contains("math, arts"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Intervals<'a> {
    names: &'a [String],
    /// Estimate, lower and upper end.
    rows: &'a [(f64, f64, f64)],
    label: String,
    reference: Option<f64>,
}

/// Pixels of a line: at least, and at most.
const LEAST_PITCH: f64 = 17.0;
const MOST_PITCH: f64 = 44.0;

impl<'a> Intervals<'a> {
    /// Names, estimates with both ends, and what they are (under the axis).
    pub fn new(names: &'a [String], rows: &'a [(f64, f64, f64)], label: impl Into<String>) -> Self {
        Intervals { names, rows, label: label.into(), reference: None }
    }

    /// A line across the plot, such as no effect at all.
    pub fn reference(mut self, value: f64) -> Self {
        self.reference = Some(value);
        self
    }

    /// # Errors
    /// Another number of names than of rows, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if self.names.len() != self.rows.len() {
            return Err(Error::argument("names and rows of different number").seen(format!(
                "{} and {}",
                self.names.len(),
                self.rows.len()
            )));
        }
        let undefined = self.rows.iter().filter(|row| !row.0.is_finite()).count();
        let mut frame = Frame::new(style, undefined)?;
        if undefined == self.rows.len() {
            frame.write_nothing("no estimates");
        } else {
            self.draw_plot(&mut frame);
        }
        Ok(frame.finish("Estimates with intervals"))
    }

    fn draw_plot(&self, frame: &mut Frame) {
        let room = frame.inside.width() * 0.45;
        let names: Vec<String> = self
            .names
            .iter()
            .map(|name| font::fit(&font::clean(name), room, LABEL, Weight::Regular))
            .collect();
        let widest = names.iter().map(|name| font::width(name, LABEL, Weight::Regular)).fold(0.0, f64::max);
        let plot = Area {
            left: frame.inside.left + widest + 14.0,
            right: frame.inside.right - 10.0,
            top: frame.inside.top + 4.0,
            bottom: frame.inside.bottom - TICK - LABEL - 18.0,
        };
        if plot.width() < 30.0 || plot.height() < 20.0 {
            return;
        }
        let fitting = (plot.height() / LEAST_PITCH).max(1.0) as usize;
        let drawn = self.rows.len().min(fitting);
        if drawn < self.rows.len() {
            let note = format!("and {} more", self.rows.len() - drawn);
            frame.write_muted(&note, (frame.inside.left, plot.bottom + TICK + 8.0), TICK, Align::Left);
        }
        let ends = self.rows.iter().flat_map(|row| [row.0, row.1, row.2]).chain(self.reference);
        let (low, high) = range(ends.filter(|value| value.is_finite()));
        let x = Scale { from: (low, high), to: (plot.left + 6.0, plot.right - 6.0) };
        draw_x_axis(frame, plot, x, &Ticks::new(low, high, (plot.width() / 70.0) as usize));
        let (axis, accent) = (frame.ink.axis, frame.ink.accent);
        frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, axis);
        let below = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
        frame.write_muted(&self.label, below, LABEL, Align::Center);
        if let Some(value) = self.reference {
            let text = frame.ink.text;
            frame.drawing.dashed_vertical_line(x.pixel(value), plot.top, plot.bottom, text);
        }
        let pitch = (plot.height() / drawn.max(1) as f64).min(MOST_PITCH);
        for (line, (name, (value, low, high))) in names.iter().zip(self.rows).take(drawn).enumerate() {
            let middle = plot.top + (line as f64 + 0.5) * pitch;
            let at = (plot.left - 12.0, middle + LABEL * 0.36);
            frame.write(name, at, LABEL, Weight::Regular, Align::Right);
            if low.is_finite() && high.is_finite() {
                frame.drawing.rectangle(x.pixel(*low), middle - 1.1, x.pixel(*high), middle + 1.1, accent);
            }
            if value.is_finite() {
                frame.drawing.disc((x.pixel(*value), middle), 4.2, accent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_rows_of_different_number_are_refused_and_undefined_ones_are_drawn() {
        let names = ["a", "b"].map(String::from);
        let style = Style::new("");
        assert!(Intervals::new(&names, &[(0.0, 0.0, 0.0)], "").draw(&style).is_err());
        let rows = [(f64::NAN, f64::NAN, f64::NAN), (0.5, 0.1, 0.7)];
        assert_eq!(Intervals::new(&names, &rows, "").draw(&style).unwrap().skipped(), 1);
        assert!(Intervals::new(&names, &[rows[0]; 2], "").draw(&style).is_ok());
    }
}
