//! Numbers as colours.

use super::palette::Theme;
use super::palette::{Color, Palette};
use crate::metric::quantile;

/// Steps of a ramp; with one more for what is not a number they fit into a byte.
pub(in crate::chart) const STEPS: usize = 250;

/// Where a ramp of colours begins and ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::chart) struct Ramp {
    /// The ends: the first and the last percentile, so that a stray value does not make all others
    /// look the same.
    pub low: f64,
    pub high: f64,
    /// The ends of the values.
    pub least: f64,
    pub most: f64,
    /// Values that are NaN or infinite.
    pub missing: usize,
}

impl Ramp {
    pub fn of(values: &[f64]) -> Ramp {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let missing = values.len() - sorted.len();
        let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else {
            return Ramp { low: 0.0, high: 0.0, least: 0.0, most: 0.0, missing };
        };
        let (mut low, mut high) = (quantile(&sorted, 0.01), quantile(&sorted, 0.99));
        // Nearly all of one value: the ramp shows what differs.
        if low >= high {
            (low, high) = (least, most);
        }
        Ramp { low, high, least, most, missing }
    }

    /// The step of a finite value.
    pub fn step(&self, value: f64) -> usize {
        // Halves, because the distance between the ends may be infinite.
        let span = self.high / 2.0 - self.low / 2.0;
        let share = if span > 0.0 { (value / 2.0 - self.low / 2.0) / span } else { 0.5 };
        (share.clamp(0.0, 1.0) * (STEPS - 1) as f64).round() as usize
    }
}

/// The colour of a step.
pub(in crate::chart) fn color(step: usize, theme: Theme) -> Color {
    Palette::Ordered.color(step, STEPS, theme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stray_value_shares_the_end_of_the_ramp() {
        let mut values: Vec<f64> = (0..200).map(f64::from).collect();
        values.push(1e9);
        values.push(f64::NAN);
        let ramp = Ramp::of(&values);
        assert_eq!((ramp.low, ramp.high, ramp.missing), (2.0, 198.0, 1));
        assert_eq!((ramp.step(0.0), ramp.step(100.0), ramp.step(1e9)), (0, 125, STEPS - 1));
    }

    #[test]
    fn any_values_have_a_ramp() {
        for values in [vec![], vec![f64::NAN], vec![3.0; 4], vec![f64::MIN, f64::MAX]] {
            let ramp = Ramp::of(&values);
            assert!(values.iter().filter(|value| value.is_finite()).all(|&value| ramp.step(value) < STEPS));
        }
    }
}
