//! Points in two dimensions, coloured by group.

use ndarray::ArrayView2;

use super::axis::{Scale, Ticks, draw_x_axis, draw_y_axis, range};
use super::coloring::Coloring;
use super::drawing::{Align, Area, Mark, Points};
use super::frame::{Frame, LABEL, TICK};
use super::groups::{Groups, Shown};
use super::interactive::ColorColumn;
use super::palette::Color;
use super::picture::Picture;
use super::style::Style;
use crate::error::{Error, Result};

/// A scatter plot: one dot per row, one colour per group, a cross at each group's mean.
///
/// A unit has the same length on both axes, so that distances can be compared. Size and opacity of
/// the dots follow from how many there are and how dense they lie. Rows with a NaN or an infinity
/// are left out and counted ([`Picture::skipped`]).
#[derive(Debug, Clone)]
pub struct Scatter<'a> {
    points: ArrayView2<'a, f32>,
    coloring: Coloring,
    means: bool,
    labels: Option<(String, String)>,
}

impl<'a> Scatter<'a> {
    /// Points, n x 2 or wider; the first two columns are drawn.
    pub fn new(points: ArrayView2<'a, f32>) -> Self {
        Scatter { points, coloring: Coloring::One, means: false, labels: None }
    }

    /// Colours the points and adds a legend.
    pub fn groups(mut self, groups: Groups) -> Self {
        self.coloring = Coloring::Groups(groups);
        self
    }

    /// Colours the points by a number along a ramp, from its first to its last percentile, and adds
    /// the ramp with this label. Points whose value is NaN or infinite are grey.
    pub fn values(mut self, values: Vec<f64>, label: impl Into<String>) -> Self {
        self.coloring = Coloring::Values { values, label: label.into() };
        self
    }

    /// Colours the points by a column, as categories or as numbers.
    pub fn color(mut self, column: ColorColumn) -> Self {
        self.coloring = column.into_coloring();
        self
    }

    /// Marks the mean of each group with a cross; off by default.
    pub fn means(mut self, means: bool) -> Self {
        self.means = means;
        self
    }

    /// Names the axes and gives them numbers. Without names there are no axes: the coordinates of
    /// a map such as t-SNE mean nothing by themselves.
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        self.labels = Some((x.into(), y.into()));
        self
    }

    /// # Errors
    /// Fewer than two columns, another number of groups than of points, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        let (rows, columns) = self.points.dim();
        if columns < 2 {
            return Err(Error::argument("points with fewer than two columns")
                .seen(format!("{columns}"))
                .advice("give the two columns to draw"));
        }
        self.coloring.check(rows)?;
        let finite: Vec<(usize, f64, f64)> = self
            .points
            .rows()
            .into_iter()
            .enumerate()
            .map(|(row, point)| (row, f64::from(point[0]), f64::from(point[1])))
            .filter(|(_, x, y)| x.is_finite() && y.is_finite())
            .collect();
        let mut frame = Frame::new(style, rows - finite.len())?;
        let shown = self.coloring.draw_legend(&mut frame, rows, style);
        self.draw_plot(&mut frame, &finite, &shown);
        Ok(frame.finish("Scatter plot"))
    }

    fn draw_plot(&self, frame: &mut Frame, finite: &[(usize, f64, f64)], shown: &Shown) {
        let mut plot = frame.inside;
        if self.labels.is_some() {
            plot = Area {
                left: plot.left + 44.0,
                top: plot.top + LABEL + 8.0,
                right: plot.right,
                bottom: plot.bottom - TICK - LABEL - 18.0,
            };
        }
        if plot.width() < 20.0 || plot.height() < 20.0 {
            return;
        }
        let radius = radius(finite.len());
        let (x, y) = equal_scales(finite, plot, radius + 6.0);
        if let Some((x_label, y_label)) = &self.labels {
            let count = |pixels: f64| (pixels / 90.0) as usize;
            draw_x_axis(frame, plot, x, &Ticks::new(x.from.0, x.from.1, count(plot.width())));
            draw_y_axis(frame, plot, y, &Ticks::new(y.from.0, y.from.1, count(plot.height())));
            let below = (plot.right, plot.bottom + TICK + LABEL + 14.0);
            frame.write_muted(x_label, below, LABEL, Align::Right);
            frame.write_muted(y_label, (frame.inside.left, frame.inside.top + LABEL), LABEL, Align::Left);
        }
        if finite.is_empty() {
            frame.inside = plot;
            return frame.write_nothing("no points");
        }
        let at: Vec<(f32, f32, u16)> =
            finite.iter().map(|&(row, a, b)| (x.pixel(a) as f32, y.pixel(b) as f32, shown.of[row])).collect();
        let alpha = alpha(&at, radius, plot);
        let colors = shown.entries.iter().map(|entry| entry.color).collect();
        frame.drawing.marks.push(Mark::Points(Points { at, colors, radius, alpha, area: plot }));
        if self.means {
            draw_means(frame, finite, shown, (x, y));
        }
    }
}

/// Dots shrink as they grow many: 4.5 pixels for a handful, 1 for a hundred thousand.
pub(super) fn radius(points: usize) -> f64 {
    (6.0 - (points.max(1) as f64).log10()).clamp(1.0, 4.5)
}

/// Scales of both axes with the same number of pixels to the unit: the one with the smaller spread
/// is widened around its middle until the plot is filled.
fn equal_scales(finite: &[(usize, f64, f64)], plot: Area, margin: f64) -> (Scale, Scale) {
    let x = range(finite.iter().map(|&(_, x, _)| x));
    let y = range(finite.iter().map(|&(_, _, y)| y));
    let (width, height) = (plot.width() - 2.0 * margin, plot.height() - 2.0 * margin);
    let unit = ((x.1 - x.0) / width.max(1.0)).max((y.1 - y.0) / height.max(1.0));
    let widened = |(low, high): (f64, f64), pixels: f64| {
        let (middle, half) = (low + (high - low) / 2.0, unit * pixels / 2.0);
        (middle - half, middle + half)
    };
    (
        Scale { from: widened(x, plot.width()), to: (plot.left, plot.right) },
        Scale { from: widened(y, plot.height()), to: (plot.bottom, plot.top) },
    )
}

/// The opacity at which a typical place of the plot is neither pale nor a blot: it falls with the
/// number of dots that lie over one another where the typical dot lies.
pub(super) fn alpha(at: &[(f32, f32, u16)], radius: f64, plot: Area) -> f64 {
    const CELLS: usize = 48;
    let cell = |value: f64, low: f64, length: f64| {
        (((value - low) / length * CELLS as f64).max(0.0) as usize).min(CELLS - 1)
    };
    let mut counts = vec![0_u32; CELLS * CELLS];
    for &(x, y, _) in at {
        let column = cell(f64::from(x), plot.left, plot.width());
        counts[cell(f64::from(y), plot.top, plot.height()) * CELLS + column] += 1;
    }
    let neighbours: f64 = counts.iter().map(|&count| f64::from(count).powi(2)).sum::<f64>() / at.len() as f64;
    let cell_area = plot.width() * plot.height() / (CELLS * CELLS) as f64;
    let overlap = neighbours * std::f64::consts::PI * radius * radius / cell_area;
    (0.95 / overlap.max(1.0).powf(0.35)).clamp(0.35, 0.82)
}

fn draw_means(frame: &mut Frame, finite: &[(usize, f64, f64)], shown: &Shown, (x, y): (Scale, Scale)) {
    let mut sums = vec![(0.0, 0.0, 0.0); shown.entries.len()];
    for &(row, a, b) in finite {
        let sum = &mut sums[usize::from(shown.of[row])];
        *sum = (sum.0 + a, sum.1 + b, sum.2 + 1.0);
    }
    for (entry, (a, b, n)) in shown.entries.iter().zip(sums) {
        // The mean of what has no group, or no name, says nothing.
        if n == 0.0 || !entry.is_group {
            continue;
        }
        let at = (x.pixel(a / n), y.pixel(b / n));
        draw_mean(frame, at, entry.color);
    }
}

/// A cross that stands out from the dots around it.
pub(super) fn draw_mean(frame: &mut Frame, at: (f64, f64), color: Color) {
    let (background, text) = (frame.ink.background, frame.ink.text);
    draw_cross(frame, at, 9.4, 5.6, background);
    draw_cross(frame, at, 8.6, 4.6, text.mix(background, 0.08));
    draw_cross(frame, at, 7.8, 2.8, color);
}

/// A diagonal cross of two bars; `half` is from the middle to the end of a bar along each axis.
fn draw_cross(frame: &mut Frame, (x, y): (f64, f64), half: f64, width: f64, color: Color) {
    // As a polygon, because plotters rounds the corners of a wide line to whole units.
    let bar = width / 2.0 * std::f64::consts::FRAC_1_SQRT_2;
    let corners = [
        (-half - bar, -half + bar),
        (-half + bar, -half - bar),
        (half + bar, half - bar),
        (half - bar, half + bar),
    ];
    for mirror in [1.0, -1.0] {
        frame.drawing.polygon(corners.iter().map(|&(a, b)| (x + a * mirror, y + b)).collect(), color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_as_long_on_both_axes() {
        let plot = Area { left: 0.0, top: 0.0, right: 400.0, bottom: 300.0 };
        let (x, y) = equal_scales(&[(0, -10.0, 0.0), (1, 10.0, 1.0)], plot, 10.0);
        let across = x.pixel(1.0) - x.pixel(0.0);
        assert!((across - (y.pixel(0.0) - y.pixel(1.0))).abs() < 1e-9);
        assert!((x.pixel(-10.0) - 10.0).abs() < 1e-9 && (x.pixel(10.0) - 390.0).abs() < 1e-9);
    }

    #[test]
    fn many_dots_on_one_place_are_more_transparent_than_few() {
        let plot = Area { left: 0.0, top: 0.0, right: 400.0, bottom: 300.0 };
        let spread: Vec<_> = (0..100).map(|i| ((i % 10 * 40) as f32, (i / 10 * 30) as f32, 0)).collect();
        assert!(alpha(&spread, 3.0, plot) > 0.8);
        assert_eq!(alpha(&vec![(5.0, 5.0, 0); 100_000], 3.0, plot), 0.35);
    }
}
