//! Scores over the threshold of a decision.

use crate::chart::draw::axis::{Scale, Ticks, draw_x_axis, draw_y_axis, range};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::Palette;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};

/// How scores of 0 to 1 change with a threshold, a line for each score; dashed lines mark
/// thresholds of interest.
///
/// ```
/// use embedlab::chart::{Style, ThresholdPlot};
/// let picture = ThresholdPlot::new(&[-0.1, 0.0, 0.1], "margin")
///     .line("accuracy", &[0.6, 0.9, 0.7])
///     .mark(0.0, "zero")
///     .draw(&Style::new("Threshold"))?;
/// assert!(picture.svg()?.contains("accuracy"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ThresholdPlot<'a> {
    thresholds: &'a [f64],
    label: String,
    lines: Vec<(String, &'a [f64])>,
    marks: Vec<(f64, String)>,
}

impl<'a> ThresholdPlot<'a> {
    /// Thresholds in ascending order, and what they are (under the axis).
    pub fn new(thresholds: &'a [f64], label: impl Into<String>) -> Self {
        ThresholdPlot { thresholds, label: label.into(), lines: Vec::new(), marks: Vec::new() }
    }

    /// A score at each threshold.
    pub fn line(mut self, name: impl Into<String>, scores: &'a [f64]) -> Self {
        self.lines.push((name.into(), scores));
        self
    }

    /// A threshold of interest.
    pub fn mark(mut self, threshold: f64, name: impl Into<String>) -> Self {
        self.marks.push((threshold, name.into()));
        self
    }

    /// # Errors
    /// A line with another number of scores than thresholds, thresholds must be ascending, an impossible
    /// size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if let Some((name, scores)) = self.lines.iter().find(|line| line.1.len() != self.thresholds.len()) {
            return Err(Error::argument("thresholds and scores of different number").seen(format!(
                "{} and {} of {name}",
                self.thresholds.len(),
                scores.len()
            )));
        }
        if self.thresholds.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(Error::argument("thresholds must be ascending").advice("sort them"));
        }
        let mut frame = Frame::new(style, 0)?;
        if self.thresholds.is_empty() {
            frame.write_nothing("no thresholds");
        } else {
            self.draw_plot(&mut frame, style);
        }
        Ok(frame.finish("Line chart of scores by threshold"))
    }

    fn draw_plot(&self, frame: &mut Frame, style: &Style) {
        let color = |line: usize| Palette::Categories.color(line, self.lines.len(), style.theme);
        let (mut x, baseline) = (frame.inside.left, frame.inside.top + LABEL);
        for (index, (name, _)) in self.lines.iter().enumerate() {
            let name = font::clean(name);
            frame.drawing.rectangle(x, baseline - 5.5, x + 16.0, baseline - 2.5, color(index));
            frame.write(&name, (x + 23.0, baseline), LABEL, Weight::Regular, Align::Left);
            x += 23.0 + font::width(&name, LABEL, Weight::Regular) + 22.0;
        }
        let plot = Area {
            left: frame.inside.left + 36.0,
            top: baseline + TICK + 26.0,
            right: frame.inside.right - 10.0,
            bottom: frame.inside.bottom - TICK - LABEL - 18.0,
        };
        if plot.width() < 30.0 || plot.height() < 20.0 {
            return;
        }
        let marks = self.marks.iter().map(|mark| mark.0);
        let x = Scale {
            from: range(self.thresholds.iter().copied().chain(marks)),
            to: (plot.left + 6.0, plot.right - 6.0),
        };
        let y = Scale { from: (0.0, 1.0), to: (plot.bottom, plot.top) };
        draw_x_axis(frame, plot, x, &Ticks::new(x.from.0, x.from.1, (plot.width() / 80.0) as usize));
        draw_y_axis(frame, plot, y, &Ticks::new(0.0, 1.0, (plot.height() / 45.0) as usize));
        frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, frame.ink.axis);
        let below = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
        frame.write_muted(&self.label, below, LABEL, Align::Center);
        for (index, (_, scores)) in self.lines.iter().enumerate() {
            frame.drawing.line(steps(self.thresholds, scores, x, y), 1.8, color(index));
        }
        self.draw_marks(frame, plot, x);
    }

    /// Names of marks that are close go on either side of their lines.
    fn draw_marks(&self, frame: &mut Frame, plot: Area, x: Scale) {
        let mut order: Vec<&(f64, String)> = self.marks.iter().collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let last = order.len().saturating_sub(1);
        for (index, (threshold, name)) in order.into_iter().enumerate() {
            let (at, text) = (x.pixel(*threshold), frame.ink.text);
            frame.drawing.dashed_vertical_line(at, plot.top - 6.0, plot.bottom, text);
            let name = font::clean(name);
            let width = font::width(&name, TICK, Weight::Bold);
            let to_left = at + width > plot.right || (index < last && at - width > plot.left);
            let (place, align) = if to_left { (at + 1.0, Align::Right) } else { (at, Align::Left) };
            frame.write(&name, (place, plot.top - 11.0), TICK, Weight::Bold, align);
        }
    }
}

/// A score holds from its threshold on to the next. Of many thresholds within a pixel the last one
/// is drawn, so that a million rows make no larger picture than a thousand.
fn steps(thresholds: &[f64], scores: &[f64], x: Scale, y: Scale) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (threshold, score) in thresholds.iter().zip(scores) {
        let (x, y) = (x.pixel(*threshold), y.pixel(*score));
        if let Some(&(last_x, last_y)) = points.last() {
            if x - last_x < 0.5 {
                points.pop();
                points.push((last_x, y));
                continue;
            }
            points.push((x, last_y));
        }
        points.push((x, y));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_has_few_corners() {
        let thresholds: Vec<f64> = (0..100_000).map(|i| f64::from(i) * 1e-5).collect();
        let scale = Scale { from: (0.0, 1.0), to: (0.0, 200.0) };
        assert!(steps(&thresholds, &thresholds, scale, scale).len() < 900);
    }

    #[test]
    fn scores_and_thresholds_that_do_not_fit_are_refused() {
        let style = Style::new("");
        assert!(ThresholdPlot::new(&[0.0, 1.0], "").line("a", &[0.5]).draw(&style).is_err());
        assert!(ThresholdPlot::new(&[1.0, 0.0], "").line("a", &[0.5, 0.5]).draw(&style).is_err());
        assert!(ThresholdPlot::new(&[], "").draw(&style).is_ok());
    }
}
