//! The silhouette of every row, sorted and stacked by cluster.

use super::axis::{Scale, Ticks, draw_x_axis};
use super::drawing::{Align, Area};
use super::font::{self, Weight};
use super::frame::{Frame, LABEL, TICK};
use super::groups::{Groups, Shown};
use super::legend;
use super::picture::Picture;
use super::style::Style;
use crate::error::{Error, Result};
use crate::number::{fixed, grouped};

/// Rousseeuw's silhouette plot: one bar per row, the longest on top of its cluster, and the mean
/// over all rows as a dashed line.
///
/// Peter J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of
/// cluster analysis", 1987.
#[derive(Debug, Clone)]
pub struct Silhouettes<'a> {
    values: &'a [f32],
    groups: Groups,
}

impl<'a> Silhouettes<'a> {
    /// One value of -1 to 1 per row, and the cluster of each row.
    pub fn new(values: &'a [f32], groups: Groups) -> Self {
        Silhouettes { values, groups }
    }

    /// # Errors
    /// Values and groups of different length, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if self.values.len() != self.groups.len() {
            return Err(Error::argument("silhouettes and groups of different length")
                .seen(format!("{} and {}", self.values.len(), self.groups.len()))
                .advice("give one group per value"));
        }
        let skipped = self.values.iter().filter(|value| !value.is_finite()).count();
        let mut frame = Frame::new(style, skipped)?;
        if skipped == self.values.len() {
            frame.write_nothing("no silhouettes");
        } else {
            let lines = legend::lines(frame.inside.height()).saturating_sub(2);
            let shown = self.groups.shown(lines, style.theme, frame.ink);
            draw_plot(&mut frame, &shown, &self.sorted(&shown));
        }
        Ok(frame.finish("Silhouette plot"))
    }

    /// The finite values of each entry, greatest first.
    fn sorted(&self, shown: &Shown) -> Vec<Vec<f64>> {
        let mut sorted = vec![Vec::new(); shown.entries.len()];
        for (&value, &entry) in self.values.iter().zip(&shown.of) {
            if value.is_finite() {
                sorted[usize::from(entry)].push(f64::from(value));
            }
        }
        for values in &mut sorted {
            values.sort_by(|a, b| b.total_cmp(a));
        }
        sorted
    }
}

fn draw_plot(frame: &mut Frame, shown: &Shown, sorted: &[Vec<f64>]) {
    let names: Vec<String> = shown
        .entries
        .iter()
        .map(|entry| font::fit(&font::clean(&entry.name), 150.0, LABEL, Weight::Regular))
        .collect();
    let widest = names.iter().map(|name| font::width(name, LABEL, Weight::Regular)).fold(60.0, f64::max);
    let plot = Area {
        left: frame.inside.left + widest + 14.0,
        top: frame.inside.top + LABEL + 10.0,
        right: frame.inside.right - 6.0,
        bottom: frame.inside.bottom - TICK - LABEL - 18.0,
    };
    if plot.width() < 30.0 || plot.height() < 20.0 {
        return;
    }
    let all = || sorted.iter().flatten().copied();
    let rows = all().count() as f64;
    let low = all().fold(0.0, f64::min).max(-1.0);
    let high = all().fold(0.0, f64::max).min(1.0);
    let from = if high - low > 1e-6 { (low * 1.04, high * 1.04) } else { (-0.1, 0.1) };
    let x = Scale { from, to: (plot.left, plot.right) };
    draw_x_axis(frame, plot, x, &Ticks::new(from.0, from.1, (plot.width() / 90.0) as usize));

    let clusters = sorted.iter().filter(|values| !values.is_empty()).count();
    let gap = (plot.height() * 0.15 / clusters.max(1) as f64).min(9.0);
    let per_row = (plot.height() - gap * clusters.saturating_sub(1) as f64) / rows;
    let zero = x.pixel(0.0);
    let mut top = plot.top;
    for ((values, entry), name) in sorted.iter().zip(&shown.entries).zip(&names) {
        if values.is_empty() {
            continue;
        }
        let height = per_row * values.len() as f64;
        frame.drawing.polygon(outline(values, x, zero, (top, height)), entry.color);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let middle = top + height / 2.0;
        if height + gap >= 29.0 {
            frame.write(name, (plot.left - 12.0, middle - 2.0), LABEL, Weight::Regular, Align::Right);
            let numbers = format!("{} · {}", grouped(values.len() as u64), fixed(mean, 2));
            frame.write_muted(&numbers, (plot.left - 12.0, middle + TICK + 1.0), TICK, Align::Right);
        } else if height + gap >= 14.0 {
            frame.write(name, (plot.left - 12.0, middle + 4.0), TICK, Weight::Regular, Align::Right);
        }
        top += height + gap;
    }
    let (axis, text) = (frame.ink.axis, frame.ink.text);
    frame.drawing.vertical_line(zero, plot.top, plot.bottom, axis);
    let mean = all().sum::<f64>() / rows;
    frame.drawing.dashed_vertical_line(x.pixel(mean), plot.top - 4.0, plot.bottom, text);
    let label = format!("mean {}", fixed(mean, 3));
    frame.write(&label, (x.pixel(mean), plot.top - 9.0), TICK, Weight::Bold, Align::Center);
    let below = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
    frame.write_muted("silhouette", below, LABEL, Align::Center);
}

/// The outline of sorted bars, with a corner every half pixel at most: the bars of many rows are
/// far thinner than that.
fn outline(values: &[f64], x: Scale, zero: f64, (top, height): (f64, f64)) -> Vec<(f64, f64)> {
    let steps = ((height * 2.0).ceil() as usize).clamp(1, values.len());
    let mut points = vec![(zero, top)];
    for step in 0..steps {
        let value = values[step * values.len() / steps].clamp(-1.0, 1.0);
        let (from, to) = (step as f64 / steps as f64, (step + 1) as f64 / steps as f64);
        points.push((x.pixel(value), top + from * height));
        points.push((x.pixel(value), top + to * height));
    }
    points.push((zero, top + height));
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_of_many_rows_has_few_corners() {
        let x = Scale { from: (0.0, 1.0), to: (0.0, 100.0) };
        let values: Vec<f64> = (0..100_000).map(|row| 1.0 - row as f64 / 100_000.0).collect();
        let points = outline(&values, x, 0.0, (10.0, 50.0));
        assert_eq!(points.len(), 202);
        assert_eq!(points[1], (100.0, 10.0));
        assert_eq!(points[201], (0.0, 60.0));
        assert_eq!(outline(&[0.5], x, 0.0, (0.0, 7.0)), [(0.0, 0.0), (50.0, 0.0), (50.0, 7.0), (0.0, 7.0)]);
    }
}
