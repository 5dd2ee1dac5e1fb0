//! A confusion matrix.

use crate::chart::draw::drawing::{Align, Area, Text};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::Theme;
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::number::{grouped, percent};

/// Counts by true class (rows) and predicted class (columns). A cell is the darker (the lighter, in
/// the dark theme) the larger its share of the row, so that small classes can be read too; the
/// diagonal has recall.
///
/// ```
/// use embedlab::chart::{HeatMap, Style};
/// let names = ["bad", "good"].map(String::from);
/// let picture = HeatMap::new(&[vec![8, 2], vec![0, 1234]], &names).draw(&Style::new("Confusion"))?;
/// assert!(picture.svg()?.contains("1,234"));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HeatMap<'a> {
    counts: &'a [Vec<u64>],
    names: &'a [String],
}

impl<'a> HeatMap<'a> {
    /// Counts (classes x classes, a row for each true class) and the names of the classes.
    pub fn new(counts: &'a [Vec<u64>], names: &'a [String]) -> Self {
        HeatMap { counts, names }
    }

    /// # Errors
    /// Another number of rows or columns than of names, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        let k = self.names.len();
        if self.counts.len() != k || self.counts.iter().any(|row| row.len() != k) {
            let columns = self.counts.first().map_or(0, Vec::len);
            return Err(Error::argument("a confusion matrix and names of different size")
                .seen(format!("{} x {columns} and {k} names", self.counts.len()))
                .advice("give a row, a column and a name for each class"));
        }
        let mut frame = Frame::new(style, 0)?;
        if k == 0 {
            frame.write_nothing("no classes");
        } else {
            self.draw_cells(&mut frame, style.theme);
        }
        Ok(frame.finish("Heat map of true and predicted classes"))
    }

    fn draw_cells(&self, frame: &mut Frame, theme: Theme) {
        let k = self.names.len();
        let names: Vec<String> = self.names.iter().map(|name| font::clean(name)).collect();
        let width = |text: &str| font::width(text, LABEL, Weight::Regular);
        let widest = |texts: &[String]| texts.iter().map(|text| width(text)).fold(0.0, f64::max);
        let Area { left, top, right, bottom } = frame.inside;

        // Columns whose names do not fit are numbered, and so are then the rows.
        let room = (right - left) * 0.3;
        let cell = |labels: f64| (right - left - labels.min(room) - 12.0) / k as f64;
        let numbered = widest(&names) > cell(widest(&names)) - 6.0;
        let rows: Vec<String> = match numbered {
            true => (1..).zip(&names).map(|(number, name)| format!("{number} · {name}")).collect(),
            false => names.clone(),
        };
        let columns: Vec<String> = if numbered { (1..=k).map(|n| n.to_string()).collect() } else { names };
        let rows: Vec<String> =
            rows.iter().map(|name| font::fit(name, room, LABEL, Weight::Regular)).collect();
        let labels = widest(&rows).max(width("true"));

        let plot = Area {
            left: left + labels + 12.0,
            top: top + 2.0 * LABEL + 16.0,
            right,
            bottom: bottom - TICK - 12.0,
        };
        if plot.width() < 12.0 || plot.height() < 12.0 {
            return;
        }
        // Cells are at most three times as wide as high.
        let pitch_y = plot.height() / k as f64;
        let pitch_x = (plot.width() / k as f64).min(pitch_y * 3.0);
        let plot = Area { right: plot.left + pitch_x * k as f64, ..plot };

        let middle = (plot.left + plot.right) / 2.0;
        frame.write_muted("predicted", (middle, top + LABEL), LABEL, Align::Center);
        frame.write_muted("true", (plot.left - 12.0, top + 2.0 * LABEL + 6.0), LABEL, Align::Right);
        for (place, (row, column)) in rows.iter().zip(&columns).enumerate() {
            let (x, y) =
                (plot.left + (place as f64 + 0.5) * pitch_x, plot.top + (place as f64 + 0.5) * pitch_y);
            if every(pitch_x, widest(&columns) + 4.0, place) {
                let at = (x, top + 2.0 * LABEL + 6.0);
                frame.write(column, at, LABEL, Weight::Regular, Align::Center);
            }
            if every(pitch_y, LABEL + 2.0, place) {
                let at = (plot.left - 12.0, y + LABEL * 0.36);
                frame.write(row, at, LABEL, Weight::Regular, Align::Right);
            }
        }
        for (row, counts) in self.counts.iter().enumerate() {
            let sum = counts.iter().sum::<u64>();
            for (column, &count) in counts.iter().enumerate() {
                let area = Area {
                    left: plot.left + column as f64 * pitch_x,
                    top: plot.top + row as f64 * pitch_y,
                    right: plot.left + (column + 1) as f64 * pitch_x,
                    bottom: plot.top + (row + 1) as f64 * pitch_y,
                };
                draw_cell(frame, theme, area, count, sum);
            }
        }
        let notes = [
            "colour and %: share of the true class",
            "colour: share of the true class",
            "by share of the row",
        ];
        let fits = |note: &&str| font::width(note, TICK, Weight::Regular) <= right - plot.left;
        frame.write_muted(
            notes.into_iter().find(fits).unwrap_or_default(),
            (plot.left, bottom - 1.0),
            TICK,
            Align::Left,
        );
    }
}

/// Whether the label at `place` is written, when labels of this size are this far apart.
fn every(pitch: f64, size: f64, place: usize) -> bool {
    place.is_multiple_of((size / pitch).ceil().max(1.0) as usize)
}

fn draw_cell(frame: &mut Frame, theme: Theme, area: Area, count: u64, sum: u64) {
    let share = if sum == 0 { 0.0 } else { count as f64 / sum as f64 };
    let (empty, full) = match theme {
        Theme::Light => (frame.ink.grid.mix(frame.ink.background, 0.45), frame.ink.accent),
        Theme::Dark => (frame.ink.grid, frame.ink.accent),
    };
    // What is there at all can be told from nothing.
    let color = if count == 0 { empty } else { empty.mix(full, 0.06 + 0.94 * share) };
    let gap = if area.width().min(area.height()) >= 8.0 { 1.0 } else { 0.0 };
    frame.drawing.rectangle(
        area.left.round(),
        area.top.round(),
        area.right.round() - gap,
        area.bottom.round() - gap,
        color,
    );
    let ink = if count == 0 { frame.ink.muted } else { color.ink_on_top() };
    let mut write = |text: String, y: f64, em: f64, weight: Weight| {
        let x = (area.left + area.right - gap) / 2.0;
        frame.drawing.text(Text { text, x, y, em, weight, align: Align::Center, color: ink });
    };
    let middle = (area.top + area.bottom) / 2.0;
    let number = grouped(count);
    if font::width(&number, LABEL, Weight::Bold) + 4.0 > area.width() || area.height() < LABEL + 3.0 {
        return;
    }
    let below = percent(share);
    let both = area.height() >= 36.0 && font::width(&below, TICK, Weight::Regular) + 4.0 <= area.width();
    if both && count > 0 {
        write(number, middle - 1.0, LABEL, Weight::Bold);
        write(below, middle + TICK + 2.0, TICK, Weight::Regular);
    } else {
        let weight = if count > 0 { Weight::Bold } else { Weight::Regular };
        write(number, middle + LABEL * 0.36, LABEL, weight);
    }
}
