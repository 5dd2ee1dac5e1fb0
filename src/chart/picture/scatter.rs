//! Points in two dimensions, coloured by group.

use super::dots::{ScatterPlot, alpha, radius};
use crate::chart::draw::axis::{Scale, Ticks, draw_x_axis, draw_y_axis, range};
use crate::chart::draw::drawing::{Align, Area, Mark, Points};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::groups::Shown;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::Result;

/// A scatter plot in two dimensions.
///
/// ```
/// use embedlab::chart::{Groups, Scatter, Style};
/// use ndarray::array;
///
/// # fn main() -> embedlab::Result<()> {
/// let points = array![[0.0_f32, 0.1], [0.2, 0.0], [3.0, 2.9]];
/// let groups = Groups::new(&[0, 0, 1], ["tea", "dog food"])?;
/// let picture = Scatter::new(points.view()).groups(groups).means(true).draw(&Style::new("Reviews"))?;
/// assert!(picture.svg()?.contains("dog food"));
/// # Ok(())
/// # }
/// ```
pub type Scatter<'a> = ScatterPlot<'a, 2>;

impl ScatterPlot<'_, 2> {
    /// Names the axes and gives them numbers. Without names there are no axes: the coordinates of
    /// a map such as t-SNE mean nothing by themselves.
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        self.labels = Some([x.into(), y.into()]);
        self
    }

    /// # Errors
    /// Fewer than two columns, another number of groups than of points, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        let (finite, rows) = self.finite()?;
        let mut frame = Frame::new(style, rows - finite.len())?;
        let shown = self.coloring.draw_legend(&mut frame, rows, self.means, style);
        self.draw_plot(&mut frame, &finite, &shown);
        Ok(frame.finish("Scatter plot"))
    }

    fn draw_plot(&self, frame: &mut Frame, finite: &[(usize, [f64; 2])], shown: &Shown) {
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
        if let Some([x_label, y_label]) = &self.labels {
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
        let at: Vec<(f32, f32, u16)> = finite
            .iter()
            .map(|&(row, [a, b])| (x.pixel(a) as f32, y.pixel(b) as f32, shown.of[row]))
            .collect();
        let alpha = alpha(&at, radius, plot);
        let colors = shown.entries.iter().map(|entry| entry.color).collect();
        frame.drawing.marks.push(Mark::Points(Points { at, colors, radius, alpha, area: plot }));
        self.draw_means(frame, finite, shown, |[a, b]| (x.pixel(a), y.pixel(b)));
    }
}

/// Scales of both axes with the same number of pixels to the unit: the one with the smaller spread
/// is widened around its middle until the plot is filled.
fn equal_scales(finite: &[(usize, [f64; 2])], plot: Area, margin: f64) -> (Scale, Scale) {
    let x = range(finite.iter().map(|&(_, [x, _])| x));
    let y = range(finite.iter().map(|&(_, [_, y])| y));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_as_long_on_both_axes() {
        let plot = Area { left: 0.0, top: 0.0, right: 400.0, bottom: 300.0 };
        let (x, y) = equal_scales(&[(0, [-10.0, 0.0]), (1, [10.0, 1.0])], plot, 10.0);
        let across = x.pixel(1.0) - x.pixel(0.0);
        assert!((across - (y.pixel(0.0) - y.pixel(1.0))).abs() < 1e-9);
        assert!((x.pixel(-10.0) - 10.0).abs() < 1e-9 && (x.pixel(10.0) - 390.0).abs() < 1e-9);
    }
}
