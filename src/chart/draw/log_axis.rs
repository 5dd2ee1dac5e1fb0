//! Axes that may be logarithmic, and their round numbers.

use super::axis::{Scale, Ticks};
use crate::number::{brief, fixed};

/// From data to pixels, through the logarithm where the axis is logarithmic.
pub(in crate::chart) struct Axis {
    log: bool,
    data: (f64, f64),
    scale: Scale,
}

impl Axis {
    pub fn new((low, high): (f64, f64), log: bool, to: (f64, f64)) -> Self {
        // A flat range is widened below zero, which has no logarithm.
        let data = if log && low <= 0.0 { (high / 10.0, high) } else { (low, high) };
        let from = if log { (data.0.ln(), data.1.ln()) } else { data };
        Axis { log, data, scale: Scale { from, to } }
    }

    /// With room at both ends for what is drawn around a point.
    pub fn inset(mut self, pixels: f64) -> Self {
        self.scale.to = (self.scale.to.0 + pixels, self.scale.to.1 - pixels);
        self
    }

    pub fn pixel(&self, value: f64) -> f64 {
        self.scale.pixel(if self.log { value.ln() } else { value })
    }

    /// Round numbers, about `count` of them.
    pub fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let (low, high) = self.data;
        if !self.log {
            let ticks = Ticks::new(low, high, count);
            return ticks.values.iter().map(|value| (*value, ticks.label(*value))).collect();
        }
        let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let within = |factors: &[f64]| -> Vec<f64> {
            let all = powers.clone().flat_map(|power| factors.iter().map(move |x| x * 10_f64.powi(power)));
            all.filter(|value| (low * 0.999..=high * 1.001).contains(value)).collect()
        };
        // The finest steps that do not crowd the axis; within one power of ten, at least some.
        let [fine, coarse, whole] = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]].map(within);
        let values = [fine, coarse].into_iter().find(|values| values.len() <= count.max(2)).unwrap_or(whole);
        let step = values.len().div_ceil(count.max(2)).max(1);
        values.into_iter().step_by(step).map(|value| (value, short(value))).collect()
    }
}

/// A number without zeros at its end.
pub(in crate::chart) fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && size < 1e-4 {
        return brief(value);
    }
    let decimals = if size == 0.0 || size >= 1.0 { 2 } else { 1 - size.log10().floor() as i32 };
    let text = fixed(value, decimals as usize);
    if text.contains('e') { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_has_round_numbers_and_equal_steps_for_equal_factors() {
        let axis = Axis::new((0.9, 600.0), true, (0.0, 100.0));
        let labels: Vec<String> = axis.ticks(4).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["1", "10", "100"]);
        let step = axis.pixel(10.0) - axis.pixel(1.0);
        assert!((axis.pixel(100.0) - axis.pixel(10.0) - step).abs() < 1e-9);
        let small = Axis::new((0.0021, 0.09), true, (0.0, 100.0)).ticks(6);
        assert_eq!(
            small.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(),
            ["0.005", "0.01", "0.02", "0.05"]
        );
    }
}
