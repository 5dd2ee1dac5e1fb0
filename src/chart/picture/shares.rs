//! A table of counts as stacked bars.

use ndarray::ArrayView2;

use crate::chart::draw::drawing::{Align, Area, Text};
use crate::chart::draw::font::{self, Weight};
use crate::chart::draw::frame::{Frame, LABEL, TICK};
use crate::chart::draw::palette::Theme;
use crate::chart::draw::palette::{Color, Palette};
use crate::chart::draw::picture::Picture;
use crate::chart::draw::style::Style;
use crate::error::{Error, Result};
use crate::number::grouped;

/// How the rows of a table divide among its columns, each row as a bar of 100 %: stars by cluster,
/// say. The count of the row is at its end, and a row without counts has an empty bar.
#[derive(Debug, Clone)]
pub struct Shares<'a> {
    counts: ArrayView2<'a, usize>,
    rows: &'a [String],
    columns: &'a [String],
    palette: Palette,
}

impl<'a> Shares<'a> {
    /// Counts (rows x columns) with the names of both.
    pub fn new(counts: ArrayView2<'a, usize>, rows: &'a [String], columns: &'a [String]) -> Self {
        Shares { counts, rows, columns, palette: Palette::Categories }
    }

    /// The colours of the columns; [`Palette::Categories`] by default.
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// # Errors
    /// Another number of names than of rows or columns, an impossible size.
    pub fn draw(&self, style: &Style) -> Result<Picture> {
        if self.counts.dim() != (self.rows.len(), self.columns.len()) {
            let (rows, columns) = self.counts.dim();
            return Err(Error::argument("a table and names of different size")
                .seen(format!("{rows} x {columns} and {} x {}", self.rows.len(), self.columns.len()))
                .advice("name each row and each column"));
        }
        let mut frame = Frame::new(style, 0)?;
        if self.counts.is_empty() {
            frame.write_nothing("no counts");
        } else {
            self.draw_legend(&mut frame, style.theme);
            self.draw_bars(&mut frame, style.theme);
        }
        Ok(frame.finish("Stacked bar chart"))
    }

    fn color(&self, column: usize, frame: &Frame, theme: Theme) -> Color {
        // Beyond twenty, colours repeat and say nothing.
        if column < 20 { self.palette.color(column, self.columns.len(), theme) } else { frame.ink.rest }
    }

    /// Names above the bars, in reading order, on as many lines as they need (three at most).
    fn draw_legend(&self, frame: &mut Frame, theme: Theme) {
        const LINE: f64 = 20.0;
        let Area { left, top, right, .. } = frame.inside;
        let (mut x, mut baseline) = (left, top + LABEL);
        for (column, name) in self.columns.iter().enumerate() {
            let name = font::fit(&font::clean(name), 180.0, LABEL, Weight::Regular);
            let width = 18.0 + font::width(&name, LABEL, Weight::Regular);
            if x > left && x + width > right {
                (x, baseline) = (left, baseline + LINE);
            }
            if baseline > top + LABEL + 2.0 * LINE {
                frame.write_muted("…", (right, baseline - LINE), LABEL, Align::Right);
                baseline -= LINE;
                break;
            }
            let color = self.color(column, frame, theme);
            frame.drawing.rectangle(x, baseline - 10.0, x + 11.0, baseline + 1.0, color);
            frame.write(&name, (x + 18.0, baseline), LABEL, Weight::Regular, Align::Left);
            x += width + 22.0;
        }
        frame.inside.top = baseline + 16.0;
    }

    fn draw_bars(&self, frame: &mut Frame, theme: Theme) {
        const LEAST_PITCH: f64 = 19.0;
        const MOST_PITCH: f64 = 54.0;
        let fitting = (frame.inside.height() / LEAST_PITCH).max(1.0) as usize;
        let drawn = if self.rows.len() > fitting { fitting - 1 } else { self.rows.len() };
        if drawn < self.rows.len() {
            let note = format!("and {} more", grouped((self.rows.len() - drawn) as u64));
            let at = (frame.inside.left, frame.inside.bottom - 2.0);
            frame.write_muted(&note, at, TICK, Align::Left);
            frame.inside.bottom -= LEAST_PITCH;
        }
        let room = frame.inside.width() * 0.35;
        let names: Vec<String> = self.rows[..drawn]
            .iter()
            .map(|name| font::fit(&font::clean(name), room, LABEL, Weight::Regular))
            .collect();
        let sums: Vec<usize> = self.counts.rows().into_iter().take(drawn).map(|row| row.sum()).collect();
        let numbers: Vec<String> = sums.iter().map(|&sum| grouped(sum as u64)).collect();
        let widest = |texts: &[String]| {
            texts.iter().map(|text| font::width(text, LABEL, Weight::Regular)).fold(0.0, f64::max)
        };
        let plot = Area {
            left: frame.inside.left + widest(&names) + 12.0,
            right: frame.inside.right - widest(&numbers) - 12.0,
            ..frame.inside
        };
        if plot.width() < 10.0 || drawn == 0 {
            return;
        }
        let pitch = (plot.height() / drawn as f64).min(MOST_PITCH);
        let thickness = (pitch * 0.72).min(32.0);
        let (grid, background) = (frame.ink.grid, frame.ink.background);
        for (row, name) in names.iter().enumerate() {
            let middle = plot.top + (row as f64 + 0.5) * pitch;
            let (top, bottom) = (middle - thickness / 2.0, middle + thickness / 2.0);
            let baseline = middle + LABEL * 0.36;
            frame.write(name, (plot.left - 12.0, baseline), LABEL, Weight::Regular, Align::Right);
            frame.write_muted(&numbers[row], (frame.inside.right, baseline), LABEL, Align::Right);
            if sums[row] == 0 {
                frame.drawing.rectangle(plot.left, top, plot.right, bottom, grid.mix(background, 0.4));
                continue;
            }
            let mut before = 0;
            for (column, &count) in self.counts.row(row).iter().enumerate().filter(|(_, count)| **count > 0) {
                let at = |part: usize| plot.left + plot.width() * (part as f64 / sums[row] as f64);
                let (left, right) = (at(before), at(before + count));
                before += count;
                let color = self.color(column, frame, theme);
                // A hair of ground between two parts, unless that would be all of the part.
                let hair = if right - left > 4.0 && before < sums[row] { 1.0 } else { 0.0 };
                frame.drawing.rectangle(left, top, right.round() - hair, bottom, color);
                let label = format!("{:.0}", 100.0 * count as f64 / sums[row] as f64);
                if right - left > font::width(&label, TICK, Weight::Regular) + 8.0 && thickness >= 13.0 {
                    frame.drawing.text(Text {
                        text: label,
                        x: (left + right) / 2.0,
                        y: middle + TICK * 0.36,
                        em: TICK,
                        weight: Weight::Regular,
                        align: Align::Center,
                        color: color.ink_on_top(),
                    });
                }
            }
        }
    }
}
