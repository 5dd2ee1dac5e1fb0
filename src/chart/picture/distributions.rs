//! The distributions of several groups, one below the other in the same bins.

use crate::chart::draw::axis::{Scale, Ticks, draw_x_axis, range};
use crate::chart::draw::drawing::{Align, Area};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::Palette;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};

/// Overlaid histograms: the outline of each group's share in each bin, in one panel for each set of groups.
///
/// Values that are NaN or infinite are left out and counted ([`Picture::skipped`]).
///
/// ```
/// use embedlab::chart::{Distributions, Style};
/// let (same, other) = ([0.7, 0.8, 0.9], [0.1, 0.2, 0.4]);
/// let picture = Distributions::new("cosine")
///     .panel("before", &[("the same", &same), ("not the same", &other)])
///     .draw(&Style::new("Pairs"))?;
/// assert!(picture.svg()?.contains("not the same"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Distributions<'a> {
    label: String,
    panels: Vec<Panel<'a>>,
}

#[derive(Debug, Clone)]
struct Panel<'a> {
    name: String,
    groups: Vec<(String, &'a [f64])>,
}

const BINS: usize = 50;

impl<'a> Distributions<'a> {
    /// What the values are (under the axis).
    pub fn new(label: impl Into<String>) -> Self {
        Distributions { label: label.into(), panels: Vec::new() }
    }

    /// A panel of groups; the first group of each panel has the same colour.
    pub fn panel(mut self, name: impl Into<String>, groups: &[(&str, &'a [f64])]) -> Self {
        let groups = groups.iter().map(|(name, values)| ((*name).to_owned(), *values)).collect();
        self.panels.push(Panel { name: name.into(), groups });
        self
    }

    /// # Errors
    /// No panel, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if self.panels.is_empty() {
            return Err(Error::argument("no panel to draw").advice("add one"));
        }
        let values =
            || self.panels.iter().flat_map(|panel| &panel.groups).flat_map(|group| group.1.iter().copied());
        let skipped = values().filter(|value| !value.is_finite()).count();
        let mut frame = Frame::new(style, skipped)?;
        if values().all(|value| !value.is_finite()) {
            frame.write_nothing("no values");
        } else {
            let ends = range(values().filter(|value| value.is_finite()));
            self.draw_panels(&mut frame, style, ends);
        }
        Ok(frame.finish("Overlaid histograms"))
    }

    fn draw_panels(&self, frame: &mut Frame, style: &Style, (low, high): (f64, f64)) {
        let most = self.panels.iter().map(|panel| panel.groups.len()).max().unwrap_or(1);
        let color = |group: usize| Palette::Categories.color(group, most, style.theme);
        let (mut x, baseline) = (frame.inside.left, frame.inside.top + LABEL);
        for (index, (name, _)) in self.panels[0].groups.iter().enumerate() {
            let name = font::clean(name);
            frame.drawing.rectangle(x, baseline - 5.5, x + 16.0, baseline - 2.5, color(index));
            frame.write(&name, (x + 23.0, baseline), LABEL, Weight::Regular, Align::Left);
            x += 23.0 + font::width(&name, LABEL, Weight::Regular) + 22.0;
        }
        let top = baseline + 10.0;
        let pitch = (frame.inside.bottom - TICK - LABEL - 18.0 - top) / self.panels.len() as f64;
        let (left, right) = (frame.inside.left + 6.0, frame.inside.right - 10.0);
        if right - left < 30.0 || pitch < 40.0 {
            return;
        }
        let x = Scale { from: (low, high), to: (left, right) };
        for (at, panel) in self.panels.iter().enumerate() {
            let plot = Area {
                left,
                right,
                top: top + at as f64 * pitch + LABEL + 10.0,
                bottom: top + (at + 1) as f64 * pitch,
            };
            frame.write_muted(&panel.name, (left, plot.top - 4.0), LABEL, Align::Left);
            let shares: Vec<Vec<f64>> = panel.groups.iter().map(|group| shares(group.1, low, high)).collect();
            let highest = shares.iter().flatten().copied().fold(0.0, f64::max);
            let y = Scale { from: (0.0, highest.max(1e-9) * 1.04), to: (plot.bottom, plot.top) };
            // Under the lines; numbers stand below the last panel only.
            let ticks = Ticks::new(low, high, ((right - left) / 80.0) as usize);
            if at + 1 == self.panels.len() {
                draw_x_axis(frame, plot, x, &ticks);
            } else {
                let grid = frame.ink.grid;
                ticks.values.iter().for_each(|value| {
                    frame.drawing.vertical_line(x.pixel(*value), plot.top, plot.bottom, grid);
                });
            }
            for (group, shares) in shares.iter().enumerate() {
                let edge = |bin: usize| x.pixel(low + (high - low) * bin as f64 / BINS as f64);
                let mut path = vec![(edge(0), plot.bottom)];
                for (bin, share) in shares.iter().enumerate() {
                    path.extend([(edge(bin), y.pixel(*share)), (edge(bin + 1), y.pixel(*share))]);
                }
                path.push((edge(BINS), plot.bottom));
                frame.drawing.line(path, 1.8, color(group));
            }
            let axis = frame.ink.axis;
            frame.drawing.horizontal_line(left, right, plot.bottom, axis);
            if at + 1 == self.panels.len() {
                let below = ((left + right) / 2.0, plot.bottom + TICK + LABEL + 14.0);
                frame.write_muted(&self.label, below, LABEL, Align::Center);
            }
        }
    }
}

/// The share of a group's values in each bin.
fn shares(values: &[f64], low: f64, high: f64) -> Vec<f64> {
    let mut counts = vec![0.0; BINS];
    let mut all = 0.0;
    for value in values.iter().filter(|value| value.is_finite()) {
        counts[(((value - low) / (high - low) * BINS as f64) as usize).min(BINS - 1)] += 1.0;
        all += 1.0;
    }
    counts.iter_mut().for_each(|count| *count /= f64::max(all, 1.0));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_group_sum_to_1() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i % 97) * 0.01).collect();
        assert!((shares(&values, 0.0, 0.97).iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(shares(&[], 0.0, 1.0), vec![0.0; BINS]);
        assert!(Distributions::new("x").draw(&Style::new("")).is_err());
    }
}
