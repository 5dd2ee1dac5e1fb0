//! How values are distributed.

use crate::chart::draw::axis::{Scale, Ticks, draw_y_axis, range};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::Weight;
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::number::brief;

/// A histogram with round bin edges and a line at the median.
///
/// Values that are NaN or infinite are left out and counted ([`Picture::skipped`]).
///
/// ```
/// use embedlab::chart::{Histogram, Style};
/// let picture = Histogram::new(&[0.1, 0.2, 0.25], "cosine").unit("pairs").draw(&Style::new("Similarity"))?;
/// assert!(picture.svg()?.contains("pairs"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Histogram<'a> {
    values: &'a [f32],
    bins: Option<usize>,
    whole: bool,
    label: String,
    unit: String,
}

const MOST_BINS: usize = 200;

impl<'a> Histogram<'a> {
    /// Values, and what they are (under the axis).
    pub fn new(values: &'a [f32], label: impl Into<String>) -> Self {
        Histogram { values, bins: None, whole: false, label: label.into(), unit: "rows".to_owned() }
    }

    /// What is counted (above the axis). Default: rows.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Whether the values are counts: bins are then of whole numbers, with 0 in the first. Default: no.
    pub fn whole(mut self, whole: bool) -> Self {
        self.whole = whole;
        self
    }

    /// About how many bins, 1 to 200; by default as Freedman and Diaconis say (a width of twice the
    /// interquartile range over the cube root of n), within 8 and 60.
    pub fn bins(mut self, bins: usize) -> Self {
        self.bins = Some(bins);
        self
    }

    /// # Errors
    /// No bins or too many, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if let Some(bins) = self.bins
            && !(1..=MOST_BINS).contains(&bins)
        {
            return Err(Error::argument("an impossible number of bins")
                .seen(format!("{bins}"))
                .advice(format!("ask for 1 to {MOST_BINS}")));
        }
        let mut sorted: Vec<f64> =
            self.values.iter().filter(|value| value.is_finite()).map(|&value| f64::from(value)).collect();
        sorted.sort_by(f64::total_cmp);
        let mut frame = Frame::new(style, self.values.len() - sorted.len())?;
        if sorted.is_empty() {
            frame.write_nothing("no values");
        } else {
            self.draw_plot(&mut frame, &sorted);
        }
        Ok(frame.finish("Histogram"))
    }

    fn draw_plot(&self, frame: &mut Frame, sorted: &[f64]) {
        let plot = Area {
            left: frame.inside.left + 52.0,
            top: frame.inside.top + LABEL + 12.0,
            right: frame.inside.right - 10.0,
            bottom: frame.inside.bottom - TICK - LABEL - 18.0,
        };
        if plot.width() < 30.0 || plot.height() < 20.0 {
            return;
        }
        let about = self.bins.unwrap_or_else(|| freedman_diaconis(sorted));
        let bins = if self.whole { Bins::whole(sorted, about) } else { Bins::new(sorted, about) };
        let most = bins.counts.iter().copied().max().unwrap_or(1).max(1) as f64;
        let x = Scale {
            from: (bins.low, bins.low + bins.width * bins.counts.len() as f64),
            to: (plot.left, plot.right),
        };
        let y = Scale { from: (0.0, most * 1.04), to: (plot.bottom, plot.top) };

        draw_y_axis(frame, plot, y, &Ticks::whole(most, (plot.height() / 60.0) as usize));
        let accent = frame.ink.accent;
        for (index, &count) in bins.counts.iter().enumerate() {
            if count == 0 {
                continue;
            }
            let edge = |index: usize| x.pixel(bins.low + bins.width * index as f64);
            let gap = if edge(1) - edge(0) >= 4.0 { 1.0 } else { 0.0 };
            let top = y.pixel(count as f64).min(plot.bottom - 1.0);
            frame.drawing.rectangle(
                edge(index).round() + gap,
                top,
                edge(index + 1).round(),
                plot.bottom,
                accent,
            );
        }
        let axis = frame.ink.axis;
        frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, axis);
        let ticks = Ticks::new(x.from.0, x.from.1, (plot.width() / 90.0) as usize);
        for &value in &ticks.values {
            let at = (x.pixel(value), plot.bottom + TICK + 8.0);
            frame.drawing.vertical_line(at.0, plot.bottom, plot.bottom + 4.0, axis);
            frame.write_muted(&ticks.label(value), at, TICK, Align::Center);
        }
        let median = (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
        let text = frame.ink.text;
        let at = x.pixel(median);
        frame.drawing.dashed_vertical_line(at, plot.top - 4.0, plot.bottom, text);
        let (place, align) = match at {
            at if at > plot.right - 60.0 => (plot.right, Align::Right),
            at if at < plot.left + 60.0 => (plot.left, Align::Left),
            at => (at, Align::Center),
        };
        frame.write(&format!("median {}", brief(median)), (place, plot.top - 9.0), TICK, Weight::Bold, align);
        frame.write_muted(&self.unit, (frame.inside.left, plot.top - 9.0), LABEL, Align::Left);
        let below = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
        frame.write_muted(&self.label, below, LABEL, Align::Center);
    }
}

/// Bins of a round width, from a round edge.
struct Bins {
    low: f64,
    width: f64,
    counts: Vec<usize>,
}

impl Bins {
    fn new(sorted: &[f64], about: usize) -> Self {
        let (low, high) = range(sorted.iter().copied());
        let rough = (high - low) / about as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let factor = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999);
        let width = factor.unwrap_or(10.0) * power;
        let first = (low / width + 1e-9).floor();
        let bins = (((high / width - first) - 1e-9).ceil().max(1.0) as usize).min(MOST_BINS * 2);
        let mut counts = vec![0; bins];
        for &value in sorted {
            counts[(((value / width - first).max(0.0)) as usize).min(bins - 1)] += 1;
        }
        Bins { low: first * width, width, counts }
    }
}

impl Bins {
    /// Bins of a whole width from 0 on.
    fn whole(sorted: &[f64], about: usize) -> Self {
        let most = sorted.last().copied().unwrap_or(0.0).max(0.0);
        let width = ((most + 1.0) / about as f64).ceil().max(1.0);
        let mut counts = vec![0; (((most + 1.0) / width).ceil() as usize).clamp(1, MOST_BINS * 2)];
        let last = counts.len() - 1;
        sorted.iter().for_each(|value| counts[((value.max(0.0) / width) as usize).min(last)] += 1);
        Bins { low: 0.0, width, counts }
    }
}

fn freedman_diaconis(sorted: &[f64]) -> usize {
    let n = sorted.len();
    let quartiles = sorted[(n - 1) * 3 / 4] - sorted[(n - 1) / 4];
    let width = 2.0 * quartiles / (n as f64).cbrt();
    let span = sorted[n - 1] - sorted[0];
    if width > 0.0 { ((span / width) as usize).clamp(8, 60) } else { 20 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bin_of_round_edges() {
        let mut values: Vec<f64> = (0..1000).map(|i| f64::from(i % 97) * 0.0103 - 0.2).collect();
        values.sort_by(f64::total_cmp);
        let bins = Bins::new(&values, 20);
        assert_eq!(bins.counts.iter().sum::<usize>(), 1000);
        assert_eq!(bins.width, 0.05);
        assert!((bins.low / bins.width).fract().abs() < 1e-9);
    }

    #[test]
    fn counts_have_bins_of_whole_numbers() {
        let bins = Bins::whole(&[0.0, 0.0, 1.0, 5.0, 9.0], 8);
        assert_eq!((bins.width, bins.counts), (2.0, vec![3, 0, 1, 0, 1]));
    }

    #[test]
    fn equal_values_have_bins() {
        assert_eq!(Bins::new(&[3.0; 5], freedman_diaconis(&[3.0; 5])).counts.iter().sum::<usize>(), 5);
    }
}
