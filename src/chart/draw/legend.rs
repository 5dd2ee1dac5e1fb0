//! The legend beside a plot: a dot, a name, a count.

use super::cross::draw_mean;
use super::drawing::{Align, Area};
use super::font::{self, Weight};
use super::frame::{Frame, LABEL, TICK};
use super::groups::Entry;
use crate::number::grouped;

const LINE: f64 = 20.0;
const DOT: f64 = 5.0;
const MEANS: &str = "mean of a group";
/// From the left edge to the name.
const INDENT: f64 = 20.0;

/// How many lines a legend of this height has room for.
pub(in crate::chart) fn lines(height: f64) -> usize {
    (height / LINE).max(1.0) as usize
}

/// Draws a legend at the right edge of the frame, as wide as its names up to a third of the
/// picture, and takes its room from the frame.
pub(in crate::chart) fn draw(frame: &mut Frame, entries: &[Entry], means: bool) {
    let Area { top, right, .. } = frame.inside;
    let counts: Vec<String> = entries.iter().map(|entry| grouped(entry.count as u64)).collect();
    let widest = |widths: &mut dyn Iterator<Item = f64>| widths.fold(0.0, f64::max);
    let names = widest(&mut entries.iter().map(|entry| font::width(&entry.name, LABEL, Weight::Regular)));
    let numbers = widest(&mut counts.iter().map(|count| font::width(count, TICK, Weight::Regular)));
    let names = if means { names.max(font::width(MEANS, LABEL, Weight::Regular)) } else { names };
    let names = names.min((frame.inside.width() / 3.0 - INDENT - 16.0 - numbers).max(24.0));
    let left = right - (INDENT + names + 16.0 + numbers);

    for (line, (entry, count)) in entries.iter().zip(&counts).enumerate() {
        let baseline = top + line as f64 * LINE + LABEL;
        frame.drawing.disc((left + DOT, baseline - LABEL * 0.36), DOT, entry.color);
        let name = font::fit(&font::clean(&entry.name), names, LABEL, Weight::Regular);
        frame.write(&name, (left + INDENT, baseline), LABEL, Weight::Regular, Align::Left);
        frame.write_muted(count, (right, baseline), TICK, Align::Right);
    }
    if means {
        let baseline = top + entries.len() as f64 * LINE + LABEL;
        draw_mean(frame, (left + DOT, baseline - LABEL * 0.36), frame.ink.muted);
        let name = font::fit(MEANS, names, LABEL, Weight::Regular);
        frame.write_muted(&name, (left + INDENT, baseline), LABEL, Align::Left);
    }
    frame.inside.right = left - 28.0;
}
