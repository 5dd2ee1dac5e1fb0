//! How the values of each group are spread.

use crate::chart::draw::axis::{Scale, Ticks, draw_y_axis, range};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::{Color, Palette};
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::metric::quantile;
use crate::number::grouped;

/// A box for each group: the middle half of its values, a line at the median, whiskers to the
/// outermost values within 1.5 times the height of the box (Tukey 1977), and a dot for each value
/// beyond. The number of values is below the name. A group of fewer than five values has dots
/// in place of a box, because quartiles of three values are not quartiles.
///
/// Values that are NaN or infinite are left out and counted ([`Picture::skipped`]).
///
/// ```
/// use embedlab::chart::{BoxPlot, Style};
/// let names = ["1 star", "5 stars"].map(String::from);
/// let values = [vec![0.1, 0.4, 0.2, 0.3, 0.2], vec![0.5, 0.9, 0.8, 0.7, 0.6, 0.1]];
/// let picture = BoxPlot::new(&names, &values, "percentile").range(0.0, 1.0).draw(&Style::new("Stars"))?;
/// assert!(picture.svg()?.contains("n = 6"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BoxPlot<'a> {
    names: &'a [String],
    values: &'a [Vec<f64>],
    label: String,
    palette: Palette,
    range: Option<(f64, f64)>,
    reference: Option<f64>,
}

/// A group of fewer values has no quartiles worth drawing.
const FEWEST: usize = 5;
/// More boxes cannot be told apart.
const MOST_BOXES: usize = 40;

impl<'a> BoxPlot<'a> {
    /// The names of the groups, their values, and what the values are (beside the axis).
    pub fn new(names: &'a [String], values: &'a [Vec<f64>], label: impl Into<String>) -> Self {
        BoxPlot {
            names,
            values,
            label: label.into(),
            palette: Palette::Categories,
            range: None,
            reference: None,
        }
    }

    /// The colours of the groups; [`Palette::Categories`] by default.
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// The ends of the axis; by default those of the values.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// A line across the plot, such as what chance would give.
    pub fn reference(mut self, value: f64) -> Self {
        self.reference = Some(value);
        self
    }

    /// # Errors
    /// Another number of names than of groups, more than 40 groups, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if self.names.len() != self.values.len() {
            return Err(Error::argument("names and groups of different number").seen(format!(
                "{} and {}",
                self.names.len(),
                self.values.len()
            )));
        }
        if self.names.len() > MOST_BOXES {
            return Err(Error::argument("too many boxes for one picture")
                .seen(self.names.len().to_string())
                .advice(format!("draw at most {MOST_BOXES}")));
        }
        let sorted: Vec<Vec<f64>> = self
            .values
            .iter()
            .map(|values| {
                let mut kept: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
                kept.sort_by(f64::total_cmp);
                kept
            })
            .collect();
        let kept: usize = sorted.iter().map(Vec::len).sum();
        let mut frame = Frame::new(style, self.values.iter().map(Vec::len).sum::<usize>() - kept)?;
        if kept == 0 {
            frame.write_nothing("no values");
        } else {
            self.draw_plot(&mut frame, &sorted, style);
        }
        Ok(frame.finish("Box plot"))
    }

    fn draw_plot(&self, frame: &mut Frame, sorted: &[Vec<f64>], style: &Style) {
        let plot = Area {
            left: frame.inside.left + 46.0,
            top: frame.inside.top + LABEL + 14.0,
            right: frame.inside.right,
            bottom: frame.inside.bottom - LABEL - TICK - 18.0,
        };
        if plot.width() < 30.0 || plot.height() < 20.0 {
            return;
        }
        let (low, high) = self.range.unwrap_or_else(|| range(sorted.iter().flatten().copied()));
        let air = (high - low) * 0.03;
        let y = Scale { from: (low - air, high + air), to: (plot.bottom, plot.top) };
        draw_y_axis(frame, plot, y, &Ticks::new(low, high, (plot.height() / 50.0) as usize));
        frame.write_muted(&self.label, (frame.inside.left, plot.top - 11.0), LABEL, Align::Left);
        if let Some(value) = self.reference {
            let axis = frame.ink.muted;
            let mut x = plot.left;
            while x < plot.right {
                frame.drawing.horizontal_line(x, (x + 4.0).min(plot.right), y.pixel(value), axis);
                x += 8.0;
            }
        }
        frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, frame.ink.axis);
        let pitch = plot.width() / sorted.len() as f64;
        for (group, values) in sorted.iter().enumerate() {
            let middle = plot.left + (group as f64 + 0.5) * pitch;
            let color = if group < 20 {
                self.palette.color(group, sorted.len(), style.theme)
            } else {
                frame.ink.accent
            };
            let half = (pitch * 0.3).min(38.0);
            if values.len() < FEWEST {
                for value in values {
                    frame.drawing.disc((middle, y.pixel(*value)), 4.0, color);
                }
            } else {
                draw_box(frame, values, y, (middle, half), color);
            }
            let name = font::fit(&font::clean(&self.names[group]), pitch - 6.0, LABEL, Weight::Regular);
            let below = plot.bottom + LABEL + 7.0;
            frame.write(&name, (middle, below), LABEL, Weight::Regular, Align::Center);
            let count = format!("n = {}", grouped(values.len() as u64));
            let count = font::fit(&count, pitch - 4.0, TICK, Weight::Regular);
            frame.write_muted(&count, (middle, below + TICK + 6.0), TICK, Align::Center);
        }
    }
}

fn draw_box(frame: &mut Frame, sorted: &[f64], y: Scale, (middle, half): (f64, f64), color: Color) {
    let Summary { lower, quartiles, upper, outliers } = Summary::of(sorted);
    let (text, background) = (frame.ink.text, frame.ink.background);
    let (top, bottom) = (y.pixel(quartiles[2]), y.pixel(quartiles[0]));
    for (from, to) in [(top, y.pixel(upper)), (bottom, y.pixel(lower))] {
        frame.drawing.vertical_line(middle, from.min(to), from.max(to), color);
        frame.drawing.horizontal_line(middle - half * 0.4, middle + half * 0.4, to, color);
    }
    // Equal quartiles still leave a line to see.
    let (left, right, bottom) = (middle - half, middle + half, bottom.max(top + 1.0));
    frame.drawing.rectangle(left, top, right, bottom, color);
    if bottom - top > 4.0 {
        let tint = color.mix(background, 0.75);
        frame.drawing.rectangle(left + 1.5, top + 1.5, right - 1.5, bottom - 1.5, tint);
    }
    let median = y.pixel(quartiles[1]);
    frame.drawing.rectangle(left, median - 1.0, right, median + 1.5, text);
    for value in outliers {
        frame.drawing.disc((middle, y.pixel(value)), 2.6, color);
    }
}

/// The numbers of a box.
#[derive(Debug, PartialEq)]
struct Summary {
    /// The end of the lower whisker: the lowest value that is not an outlier.
    lower: f64,
    quartiles: [f64; 3],
    upper: f64,
    outliers: Vec<f64>,
}

impl Summary {
    /// `sorted` holds at least one value.
    fn of(sorted: &[f64]) -> Summary {
        let quartiles = [0.25, 0.5, 0.75].map(|share| quantile(sorted, share));
        let reach = 1.5 * (quartiles[2] - quartiles[0]);
        let (least, most) = (quartiles[0] - reach, quartiles[2] + reach);
        let inside: Vec<f64> =
            sorted.iter().copied().filter(|value| (least..=most).contains(value)).collect();
        Summary {
            // A quartile lies between two values: the whisker never ends inside of the box.
            lower: inside.first().map_or(quartiles[0], |value| value.min(quartiles[0])),
            upper: inside.last().map_or(quartiles[2], |value| value.max(quartiles[2])),
            quartiles,
            outliers: sorted.iter().copied().filter(|value| !(least..=most).contains(value)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whiskers_end_at_values_and_leave_outliers_out() {
        let found = Summary::of(&[0.0, 10.0, 11.0, 12.0, 13.0, 14.0, 30.0]);
        assert_eq!(found.quartiles, [10.5, 12.0, 13.5]);
        assert_eq!((found.lower, found.upper), (10.0, 14.0));
        assert_eq!(found.outliers, [0.0, 30.0]);
    }

    #[test]
    fn equal_values_are_a_line() {
        let found = Summary::of(&[2.0; 6]);
        assert_eq!((found.lower, found.upper, found.outliers.len()), (2.0, 2.0, 0));
    }
}
