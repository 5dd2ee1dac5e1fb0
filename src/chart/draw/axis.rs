//! From data to pixels, and the round numbers on the way.

use super::drawing::{Align, Area};
use super::frame::{Frame, TICK};
use crate::number::fixed;

/// A linear map from `from` (data) to `to` (pixels).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::chart) struct Scale {
    pub from: (f64, f64),
    pub to: (f64, f64),
}

impl Scale {
    pub fn pixel(&self, value: f64) -> f64 {
        let (low, high) = self.from;
        if high > low {
            self.to.0 + (value - low) / (high - low) * (self.to.1 - self.to.0)
        } else {
            self.to.0
        }
    }
}

/// Round numbers at even steps.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::chart) struct Ticks {
    pub values: Vec<f64>,
    decimals: usize,
    /// Powers of ten instead of zeros.
    scientific: bool,
}

impl Ticks {
    /// Multiples of 1, 2 or 5 times a power of ten between `low` and `high`, about `count` of them.
    pub fn new(low: f64, high: f64, count: usize) -> Self {
        let span = high - low;
        if !(span > 0.0 && span.is_finite()) {
            return Ticks { values: vec![low], decimals: 2, scientific: false };
        }
        let step = round_step(span / count.max(1) as f64);
        let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
        // Far from zero the steps vanish in the rounding of the numbers themselves.
        let many = (last - first).clamp(0.0, 100.0) as usize;
        let values = (0..=many).map(|index| (first + index as f64) * step).collect();
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let scientific = step < 1e-6 || low.abs().max(high.abs()) >= 1e7;
        Ticks { values, decimals, scientific }
    }

    /// Whole numbers between 0 and `high`: there is no half of a row.
    pub fn whole(high: f64, count: usize) -> Self {
        let mut ticks = Ticks::new(0.0, high, count);
        ticks.values.retain(|value| value.fract() == 0.0);
        ticks.decimals = 0;
        ticks
    }

    pub fn label(&self, value: f64) -> String {
        if self.scientific && value != 0.0 {
            return format!("{value:.1e}").replace('-', "−");
        }
        fixed(value, self.decimals)
    }
}

fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let factor = match rough / power {
        // Halfway between two steps by ratio: the square roots of 2, 10 and 50.
        share if share < 1.42 => 1.0,
        share if share < 3.17 => 2.0,
        share if share < 7.08 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// The least and the greatest of some numbers, NaN and infinities left out; an empty or flat range
/// is widened, so that there is something to divide by.
pub(in crate::chart) fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.into_iter().filter(|value| value.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        return (0.0, 1.0);
    }
    let least = (low.abs().max(high.abs()) * 1e-6).max(1e-30);
    if high - low > least {
        return (low, high);
    }
    let half = if low == 0.0 { 1.0 } else { low.abs() * 0.5 };
    (low - half, high + half)
}

/// Grid lines and numbers below a plot.
pub(in crate::chart) fn draw_x_axis(frame: &mut Frame, plot: Area, scale: Scale, ticks: &Ticks) {
    let ink = frame.ink;
    for &value in &ticks.values {
        let x = scale.pixel(value);
        frame.drawing.vertical_line(x, plot.top, plot.bottom, ink.grid);
        frame.write_muted(&ticks.label(value), (x, plot.bottom + TICK + 6.0), TICK, Align::Center);
    }
}

/// Grid lines and numbers left of a plot.
pub(in crate::chart) fn draw_y_axis(frame: &mut Frame, plot: Area, scale: Scale, ticks: &Ticks) {
    let ink = frame.ink;
    for &value in &ticks.values {
        let y = scale.pixel(value);
        frame.drawing.horizontal_line(plot.left, plot.right, y, ink.grid);
        frame.write_muted(&ticks.label(value), (plot.left - 8.0, y + TICK * 0.36), TICK, Align::Right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let labels = |ticks: &Ticks| ticks.values.iter().map(|&tick| ticks.label(tick)).collect::<Vec<_>>();
        assert_eq!(labels(&Ticks::new(-0.63, 0.71, 3)), ["−0.5", "0.0", "0.5"]);
        assert_eq!(labels(&Ticks::new(-0.3, 0.5, 5)), ["−0.2", "0.0", "0.2", "0.4"]);
        assert_eq!(labels(&Ticks::whole(3.0, 9)), ["0", "1", "2", "3"]);
        assert_eq!(labels(&Ticks::new(0.0, 1234.0, 3)), ["0", "500", "1,000"]);
    }

    #[test]
    fn any_range_has_finitely_many_ticks() {
        for (low, high) in [(0.0, 0.0), (1e300, 1.1e300), (-1e-30, 1e-30), (1e9, 1e9 + 1e-6), (f64::NAN, 1.0)]
        {
            assert!(Ticks::new(low, high, 5).values.len() <= 101);
        }
    }

    #[test]
    fn a_flat_or_empty_range_is_widened() {
        assert_eq!(range([3.0, 3.0]), (1.5, 4.5));
        assert_eq!(range([0.0]), (-1.0, 1.0));
        assert_eq!(range([f64::NAN]), (0.0, 1.0));
        assert_eq!(range([1.0, f64::INFINITY, 2.0]), (1.0, 2.0));
    }
}
