//! One number over another, on linear or logarithmic axes.

use crate::chart::draw::axis::{Scale, Ticks, range};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::number::{brief, fixed};

/// A line through points from left to right, with an error bar at each where there is one: a spectrum on two
/// logarithmic axes, or an estimate at growing scales.
///
/// A point that is NaN or infinite, or not above zero on a logarithmic axis, leaves a gap and is counted
/// ([`Picture::skipped`]).
///
/// ```
/// use embedlab::chart::{Curve, Style};
/// let picture = Curve::new(&[1.0, 2.0, 4.0], &[9.1, 8.7, 8.6])
///     .errors(&[0.3, 0.2, 0.1])
///     .axes("neighbour", "dimension")
///     .log_x(true)
///     .draw(&Style::new("Intrinsic dimension"))?;
/// assert!(picture.svg()?.contains("neighbour"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Curve<'a> {
    x: &'a [f64],
    y: &'a [f64],
    errors: &'a [f64],
    labels: (String, String),
    log: (bool, bool),
    from_zero: bool,
}

/// Up to this many points each has its dot, and its own number under the axis.
const FEW: usize = 12;

impl<'a> Curve<'a> {
    /// Points by their two numbers, with x ascending.
    pub fn new(x: &'a [f64], y: &'a [f64]) -> Self {
        Curve { x, y, errors: &[], labels: Default::default(), log: (false, false), from_zero: false }
    }

    /// Half the length of the error bar of each point; none by default.
    pub fn errors(mut self, errors: &'a [f64]) -> Self {
        self.errors = errors;
        self
    }

    /// What x and y are.
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        self.labels = (x.into(), y.into());
        self
    }

    /// Whether x is drawn on a logarithmic axis. Default: no.
    pub fn log_x(mut self, log: bool) -> Self {
        self.log.0 = log;
        self
    }

    /// Whether y is drawn on a logarithmic axis. Default: no.
    pub fn log_y(mut self, log: bool) -> Self {
        self.log.1 = log;
        self
    }

    /// Whether a linear y axis begins at 0. Default: no.
    pub fn from_zero(mut self, from_zero: bool) -> Self {
        self.from_zero = from_zero;
        self
    }

    /// # Errors
    /// Lists of different length, x that is not ascending, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        let errors = if self.errors.is_empty() { self.x.len() } else { self.errors.len() };
        if self.x.len() != self.y.len() || self.x.len() != errors {
            return Err(Error::argument("points and errors of different number")
                .seen(format!("{} x, {} y, {errors} errors", self.x.len(), self.y.len()))
                .advice("give one of each for each point"));
        }
        if self.x.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::argument("x must be ascending").advice("sort the points"));
        }
        let shown = |value: f64, log: bool| value.is_finite() && (!log || value > 0.0);
        let points: Vec<Option<(f64, f64)>> = self
            .x
            .iter()
            .zip(self.y)
            .map(|(&x, &y)| (shown(x, self.log.0) && shown(y, self.log.1)).then_some((x, y)))
            .collect();
        let skipped = points.iter().filter(|point| point.is_none()).count();
        let mut frame = Frame::new(style, skipped)?;
        if skipped == points.len() {
            frame.write_nothing("no values");
        } else {
            self.draw_plot(&mut frame, &points);
        }
        Ok(frame.finish("Line chart"))
    }

    /// The two ends of the error bar of a point.
    fn bar(&self, index: usize, y: f64) -> (f64, f64) {
        let half = self.errors.get(index).copied().filter(|half| half.is_finite()).unwrap_or(0.0);
        let low = y - half;
        (if self.log.1 && low <= 0.0 { y } else { low }, y + half)
    }

    fn draw_plot(&self, frame: &mut Frame, points: &[Option<(f64, f64)>]) {
        let drawn = || points.iter().enumerate().filter_map(|(index, point)| Some((index, (*point)?)));
        let few = points.len() <= FEW;
        let plot = Area {
            left: frame.inside.left + 56.0,
            top: frame.inside.top + LABEL + 12.0,
            right: frame.inside.right - 14.0,
            bottom: frame.inside.bottom - TICK - LABEL - 18.0,
        };
        if plot.width() < 30.0 || plot.height() < 20.0 {
            return;
        }
        let at_points = few.then(|| drawn().map(|(_, (x, _))| x).collect::<Vec<f64>>());
        let x = Axis::new(range(drawn().map(|(_, (x, _))| x)), self.log.0, (plot.left, plot.right));
        let x = if few { x.inset(16.0) } else { x };
        let ends = drawn().flat_map(|(index, (_, y))| <[f64; 2]>::from(self.bar(index, y)));
        let (low, high) = range(ends);
        let air = (high - low) * 0.08;
        let (low, high) = match (self.log.1, self.from_zero && low >= 0.0) {
            (true, _) => (low / 1.15, high * 1.15),
            (false, true) => (0.0, high + air),
            (false, false) => (low - air, high + air),
        };
        let y = Axis::new((low, high), self.log.1, (plot.bottom, plot.top));

        let ink = frame.ink;
        for (value, label) in y.ticks((plot.height() / 42.0) as usize) {
            let at = y.pixel(value);
            frame.drawing.horizontal_line(plot.left, plot.right, at, ink.grid);
            frame.write_muted(&label, (plot.left - 8.0, at + TICK * 0.36), TICK, Align::Right);
        }
        frame.drawing.horizontal_line(plot.left, plot.right, plot.bottom, ink.axis);
        let ticks = match at_points {
            Some(values) => values.into_iter().map(|value| (value, short(value))).collect(),
            None => x.ticks((plot.width() / 70.0) as usize),
        };
        let mut free = f64::NEG_INFINITY;
        for (value, label) in ticks {
            let (at, half) = (x.pixel(value), font::width(&label, TICK, Weight::Regular) / 2.0);
            frame.drawing.vertical_line(at, plot.bottom, plot.bottom + 4.0, ink.axis);
            if at - half > free {
                frame.write_muted(&label, (at, plot.bottom + TICK + 8.0), TICK, Align::Center);
                free = at + half + 6.0;
            }
        }
        frame.write_muted(&self.labels.1, (frame.inside.left, plot.top - 9.0), LABEL, Align::Left);
        let below = ((plot.left + plot.right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
        frame.write_muted(&self.labels.0, below, LABEL, Align::Center);

        let (accent, bar) = (ink.accent, ink.accent.mix(ink.background, 0.45));
        for (index, (at, value)) in drawn().filter(|(index, _)| self.errors.get(*index).is_some()) {
            let (low, high) = self.bar(index, value);
            let (at, top, bottom) = (x.pixel(at), y.pixel(high), y.pixel(low));
            frame.drawing.rectangle(at - 1.0, top, at + 1.0, bottom.max(top + 1.0), bar);
            for end in [top, bottom] {
                frame.drawing.horizontal_line(at - 5.0, at + 5.0, end, bar);
            }
        }
        let pixels: Vec<Option<(f64, f64)>> =
            points.iter().map(|point| point.map(|(a, b)| (x.pixel(a), y.pixel(b)))).collect();
        for run in pixels.split(Option::is_none).filter(|run| run.len() > 1) {
            frame.drawing.line(run.iter().flatten().copied().collect(), 2.0, accent);
        }
        for at in pixels.into_iter().flatten().filter(|_| few) {
            frame.drawing.disc(at, 3.2, accent);
        }
    }
}

/// From data to pixels, through the logarithm where the axis is logarithmic.
struct Axis {
    log: bool,
    data: (f64, f64),
    scale: Scale,
}

impl Axis {
    fn new((low, high): (f64, f64), log: bool, to: (f64, f64)) -> Self {
        // A flat range is widened below zero, which has no logarithm.
        let data = if log && low <= 0.0 { (high / 10.0, high) } else { (low, high) };
        let from = if log { (data.0.ln(), data.1.ln()) } else { data };
        Axis { log, data, scale: Scale { from, to } }
    }

    /// With room at both ends for what is drawn around a point.
    fn inset(mut self, pixels: f64) -> Self {
        self.scale.to = (self.scale.to.0 + pixels, self.scale.to.1 - pixels);
        self
    }

    fn pixel(&self, value: f64) -> f64 {
        self.scale.pixel(if self.log { value.ln() } else { value })
    }

    /// Round numbers, about `count` of them.
    fn ticks(&self, count: usize) -> Vec<(f64, String)> {
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
fn short(value: f64) -> String {
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
