//! What scatter plots of two and three dimensions share: the points, their colours, their means.

use ndarray::ArrayView2;

use crate::chart::draw::coloring::Coloring;
use crate::chart::draw::cross::draw_mean;
use crate::chart::draw::drawing::Area;
use crate::chart::draw::frame::Frame;
use crate::chart::draw::groups::{Groups, Shown};
use crate::chart::interactive::ColorColumn;
use crate::error::{Error, Result};

/// A scatter plot in `DIMS` dimensions: [`Scatter`](super::Scatter) or [`Scatter3`](super::Scatter3).
///
/// One dot per row, one colour per group, a cross at each group's mean. A unit has the same length
/// on all axes, so that distances can be compared. Size and opacity of the dots follow from their
/// number and density. Rows with a NaN or an infinity are left out and counted
/// ([`Picture::skipped`](crate::chart::Picture::skipped)).
#[derive(Debug, Clone)]
pub struct ScatterPlot<'a, const DIMS: usize> {
    points: ArrayView2<'a, f32>,
    pub(super) coloring: Coloring,
    pub(super) means: bool,
    pub(super) labels: Option<[String; DIMS]>,
    /// Azimuth and elevation in degrees, as matplotlib counts them.
    pub(super) view: (f64, f64),
}

impl<'a, const DIMS: usize> ScatterPlot<'a, DIMS> {
    /// Points, n x `DIMS` or wider; the first `DIMS` columns are drawn.
    pub fn new(points: ArrayView2<'a, f32>) -> Self {
        ScatterPlot { points, coloring: Coloring::One, means: false, labels: None, view: (-60.0, 25.0) }
    }

    /// Colours the points by group and adds a legend.
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

    /// The rows whose coordinates are finite, and how many rows there are.
    #[allow(clippy::type_complexity)] // row and place of each dot, and how many have none
    pub(super) fn finite(&self) -> Result<(Vec<(usize, [f64; DIMS])>, usize)> {
        let (rows, columns) = self.points.dim();
        if columns < DIMS {
            return Err(Error::argument(format!("points with fewer than {DIMS} columns"))
                .seen(columns.to_string())
                .advice(format!("give {DIMS} columns to draw")));
        }
        self.coloring.check(rows)?;
        let finite = self
            .points
            .rows()
            .into_iter()
            .map(|point| std::array::from_fn(|axis| f64::from(point[axis])))
            .enumerate()
            .filter(|(_, point): &(_, [f64; DIMS])| point.iter().all(|value| value.is_finite()))
            .collect();
        Ok((finite, rows))
    }

    /// Marks the mean of each group at its place on the picture.
    pub(super) fn draw_means(
        &self,
        frame: &mut Frame,
        finite: &[(usize, [f64; DIMS])],
        shown: &Shown,
        pixel: impl Fn([f64; DIMS]) -> (f64, f64),
    ) {
        if !self.means {
            return;
        }
        let mut sums = vec![([0.0; DIMS], 0.0); shown.entries.len()];
        for (row, point) in finite {
            let (sum, n) = &mut sums[usize::from(shown.of[*row])];
            sum.iter_mut().zip(point).for_each(|(sum, value)| *sum += value);
            *n += 1.0;
        }
        for (entry, (sum, n)) in shown.entries.iter().zip(sums) {
            // The mean of the rows without a group, or of all small groups together, says nothing.
            if n > 0.0 && entry.is_group {
                draw_mean(frame, pixel(sum.map(|value| value / n)), entry.color);
            }
        }
    }
}

/// Dots shrink as they grow many: 4.5 pixels for a handful, 1 for a hundred thousand.
pub(super) fn radius(points: usize) -> f64 {
    (6.0 - (points.max(1) as f64).log10()).clamp(1.0, 4.5)
}

/// The opacity at which a typical place of the plot is neither pale nor a blot: it falls with the
/// number of dots that overlap where the typical dot is.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_dots_on_one_place_are_more_transparent_than_few() {
        let plot = Area { left: 0.0, top: 0.0, right: 400.0, bottom: 300.0 };
        let spread: Vec<_> = (0..100).map(|i| ((i % 10 * 40) as f32, (i / 10 * 30) as f32, 0)).collect();
        assert!(alpha(&spread, 3.0, plot) > 0.8);
        assert_eq!(alpha(&vec![(5.0, 5.0, 0); 100_000], 3.0, plot), 0.35);
    }
}
