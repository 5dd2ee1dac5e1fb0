//! Horizontal bars.

use crate::chart::draw::axis::Scale;
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::Palette;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::number::{brief, fixed, grouped, percent};

/// A horizontal bar chart: a name, a bar, its value; sizes of clusters, say.
///
/// Bars begin at zero. What does not fit the height is left out from the end, and the picture says
/// how many that were. A value that is NaN or infinite has a dash and no bar.
#[derive(Debug, Clone)]
pub struct Bars<'a> {
    names: &'a [String],
    values: &'a [f64],
    shares: bool,
    whole: Option<f64>,
    palette: Option<Palette>,
}

impl<'a> Bars<'a> {
    /// One name and one value per bar, from top to bottom.
    pub fn new(names: &'a [String], values: &'a [f64]) -> Self {
        Bars { names, values, shares: false, whole: None, palette: None }
    }

    /// Writes beside each value its share of the sum; off by default.
    pub fn shares(mut self, shares: bool) -> Self {
        self.shares = shares;
        self
    }

    /// What a bar of full length stands for, such as 1 for shares; default: the largest value.
    pub fn whole(mut self, whole: f64) -> Self {
        self.whole = Some(whole);
        self
    }

    /// A colour for each bar, as the same groups have in a scatter plot; one colour for all by
    /// default.
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = Some(palette);
        self
    }

    /// # Errors
    /// Names and values of different length, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if self.names.len() != self.values.len() {
            return Err(Error::argument("names and values of different length")
                .seen(format!("{} and {}", self.names.len(), self.values.len()))
                .advice("give one name per value"));
        }
        let skipped = self.values.iter().filter(|value| !value.is_finite()).count();
        let mut frame = Frame::new(style, skipped)?;
        if self.values.is_empty() {
            frame.write_nothing("no values");
        } else {
            self.draw_bars(&mut frame, style);
        }
        Ok(frame.finish("Bar chart"))
    }

    fn draw_bars(&self, frame: &mut Frame, style: &Style) {
        const LEAST_PITCH: f64 = 19.0;
        const MOST_PITCH: f64 = 54.0;
        let fitting = (frame.inside.height() / LEAST_PITCH).max(1.0) as usize;
        let drawn = if self.values.len() > fitting { fitting - 1 } else { self.values.len() };
        if drawn < self.values.len() {
            let note = format!("and {} more", grouped((self.values.len() - drawn) as u64));
            let at = (frame.inside.left, frame.inside.bottom - 2.0);
            frame.write_muted(&note, at, TICK, Align::Left);
            frame.inside.bottom -= LEAST_PITCH;
        }
        let (names, values) = (&self.names[..drawn], &self.values[..drawn]);
        let labels = self.labels(values);

        let room = frame.inside.width();
        let names: Vec<String> = names
            .iter()
            .map(|name| font::fit(&font::clean(name), room * 0.35, LABEL, Weight::Regular))
            .collect();
        let widest = |texts: &[String]| {
            texts.iter().map(|text| font::width(text, LABEL, Weight::Regular)).fold(0.0, f64::max)
        };
        let numbers: Vec<String> = labels.iter().map(|(value, _)| value.clone()).collect();
        let shares: Vec<String> = labels.iter().map(|(_, share)| share.clone()).collect();
        let (number_width, share_width) = (widest(&numbers), widest(&shares));
        let plot = Area {
            left: frame.inside.left + widest(&names) + 12.0,
            right: frame.inside.right - number_width - share_width - if self.shares { 24.0 } else { 12.0 },
            ..frame.inside
        };
        if plot.width() < 10.0 || drawn == 0 {
            return;
        }
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let least = self.whole.filter(|whole| whole.is_finite()).unwrap_or(0.0);
        let (low, high) = (finite().fold(0.0, f64::min), finite().fold(least.max(0.0), f64::max));
        let x = Scale { from: (low, if high > low { high } else { low + 1.0 }), to: (plot.left, plot.right) };
        let pitch = (plot.height() / drawn as f64).min(MOST_PITCH);
        let thickness = (pitch * 0.68).min(30.0);
        let zero = x.pixel(0.0);
        let (axis, grid) = (frame.ink.axis, frame.ink.grid);

        // Under the bars, which at their least are as wide as it is.
        frame.drawing.vertical_line(zero - 1.0, plot.top, plot.top + pitch * drawn as f64, axis);
        for (index, (&value, name)) in values.iter().zip(&names).enumerate() {
            let middle = plot.top + (index as f64 + 0.5) * pitch;
            let (top, bottom) = (middle - thickness / 2.0, middle + thickness / 2.0);
            let baseline = middle + LABEL * 0.36;
            frame.write(name, (plot.left - 12.0, baseline), LABEL, Weight::Regular, Align::Right);
            frame.drawing.rectangle(plot.left, top, plot.right, bottom, grid.mix(frame.ink.background, 0.45));
            if value.is_finite() && value != 0.0 {
                let color = match self.palette {
                    Some(palette) => palette.color(index, self.values.len(), style.theme),
                    None => frame.ink.accent,
                };
                // The least of values is still to be seen.
                let end = x.pixel(value);
                let end = if value > 0.0 { end.max(zero + 2.0) } else { end.min(zero - 2.0) };
                frame.drawing.rectangle(zero.min(end), top, zero.max(end), bottom, color);
            }
            let at = (plot.right + 10.0 + number_width, baseline);
            frame.write(&numbers[index], at, LABEL, Weight::Regular, Align::Right);
            frame.write_muted(&shares[index], (frame.inside.right, baseline), LABEL, Align::Right);
        }
    }

    /// The value of each bar as text, and its share where shares are asked for.
    fn labels(&self, values: &[f64]) -> Vec<(String, String)> {
        let counts = values.iter().all(|value| !value.is_finite() || value.fract() == 0.0);
        let sum: f64 = self.values.iter().filter(|value| value.is_finite()).sum();
        values
            .iter()
            .map(|&value| {
                let number = if counts || !value.is_finite() { fixed(value, 0) } else { brief(value) };
                let share = if self.shares && sum > 0.0 { percent(value / sum) } else { String::new() };
                (number, share)
            })
            .collect()
    }
}
