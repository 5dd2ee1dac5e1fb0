//! What colours the points of a scatter plot, and its legend.

use super::axis::Ticks;
use super::drawing::{Align, Area};
use super::font::{self, Weight};
use super::frame::{Frame, LABEL, TICK};
use super::groups::{Entry, Groups, Shown};
use super::palette::Theme;
use super::ramp::{self, Ramp, STEPS};
use super::style::Style;
use super::{legend, palette::Color};
use crate::error::{Error, Result};
use crate::number::grouped;

#[derive(Debug, Clone)]
pub(in crate::chart) enum Coloring {
    /// All of one colour.
    One,
    Groups(Groups),
    Values {
        values: Vec<f64>,
        label: String,
    },
}

impl Coloring {
    pub fn check(&self, rows: usize) -> Result<()> {
        let (what, length) = match self {
            Coloring::One => return Ok(()),
            Coloring::Groups(groups) => ("groups", groups.len()),
            Coloring::Values { values, .. } => ("values", values.len()),
        };
        if length != rows {
            return Err(Error::argument(format!("points and {what} of different length"))
                .seen(format!("{rows} points and {length} {what}"))
                .advice("give one for each point"));
        }
        Ok(())
    }

    /// Takes the room of the legend from the frame, and says how the rows are shown. `means` adds a
    /// line that explains the crosses.
    pub fn draw_legend(&self, frame: &mut Frame, rows: usize, means: bool, style: &Style) -> Shown {
        match self {
            Coloring::One => {
                let color = frame.ink.accent;
                Shown { entries: vec![entry(String::new(), rows, color, true)], of: vec![0; rows] }
            }
            Coloring::Groups(groups) => {
                // "other", "none" and the crosses need a line each.
                let lines = legend::lines(frame.inside.height()).saturating_sub(2 + usize::from(means));
                let shown = groups.shown(lines, style.theme, frame.ink);
                legend::draw(frame, &shown.entries, means);
                shown
            }
            Coloring::Values { values, label } => {
                let ramp = Ramp::of(values);
                draw_ramp(frame, &ramp, label, style.theme);
                let of = values
                    .iter()
                    .map(|&value| if value.is_finite() { ramp.step(value) } else { STEPS } as u16);
                let rest = frame.ink.rest;
                let colors = (0..STEPS).map(|step| ramp::color(step, style.theme)).chain([rest]);
                Shown {
                    of: of.collect(),
                    entries: colors.map(|color| entry(String::new(), 0, color, false)).collect(),
                }
            }
        }
    }
}

fn entry(name: String, count: usize, color: Color, is_group: bool) -> Entry {
    Entry { name, count, color, is_group }
}

/// A bar of colours with numbers at its right, the name of the column above and what is not a number
/// below.
pub(in crate::chart) fn draw_ramp(frame: &mut Frame, ramp: &Ramp, label: &str, theme: Theme) {
    const BAR: f64 = 14.0;
    let Area { top, right, bottom, .. } = frame.inside;
    let ticks = Ticks::new(ramp.low, ramp.high, 4);
    let numbers: Vec<String> = ticks.values.iter().map(|&value| ticks.label(value)).collect();
    let without = format!("none  {}", grouped(ramp.missing as u64));
    let widest = numbers.iter().map(|number| font::width(number, TICK, Weight::Regular)).fold(0.0, f64::max);
    let named = font::width(&font::clean(label), LABEL, Weight::Regular).min(frame.inside.width() / 4.0);
    let none = if ramp.missing > 0 { 16.0 + font::width(&without, TICK, Weight::Regular) } else { 0.0 };
    let left = right - (BAR + 8.0 + widest).max(named).max(none);

    let mut above = top;
    for line in font::wrap(&font::clean(label), right - left, 2, LABEL, Weight::Regular) {
        above += LABEL;
        frame.write(&line, (left, above), LABEL, Weight::Regular, Align::Left);
        above += 4.0;
    }
    let below = (above + 10.0 + 200.0).min(bottom - 30.0);
    let height = below - above - 10.0;
    if height >= 20.0 {
        let (start, middle) = (above + 10.0, ramp.low == ramp.high);
        for step in 0..STEPS {
            let at = |step: usize| below - height * step as f64 / STEPS as f64;
            let shown = if middle { STEPS / 2 } else { step };
            frame.drawing.rectangle(
                left,
                at(step + 1).max(start),
                left + BAR,
                at(step),
                ramp::color(shown, theme),
            );
        }
        for (value, number) in ticks.values.iter().zip(&numbers) {
            let share = ramp.step(*value) as f64 / (STEPS - 1) as f64;
            let y = if middle { (start + below) / 2.0 } else { below - height * share };
            frame.write_muted(number, (left + BAR + 8.0, y + TICK * 0.36), TICK, Align::Left);
        }
    }
    if ramp.missing > 0 {
        let baseline = below + LABEL + 10.0;
        let rest = frame.ink.rest;
        frame.drawing.disc((left + 5.0, baseline - TICK * 0.36), 5.0, rest);
        frame.write_muted(&without, (left + 16.0, baseline), TICK, Align::Left);
    }
    frame.inside.right = left - 28.0;
}
