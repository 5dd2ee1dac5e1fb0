//! What surrounds every plot: ground, title, subtitle, caption and margins.

use super::drawing::{Align, Area, Drawing, Text};
use super::font::{self, Weight};
use super::palette::Color;
use super::picture::Picture;
use super::style::{Ink, Style};
use crate::error::Result;
use crate::number::grouped;

/// From the edge of the picture to all that is in it. A page that sets pictures into its column
/// of text counts on it (`report/page.css`).
const MARGIN: f64 = 24.0;

/// Sizes of type in pixels to the em, one for each role.
pub(in crate::chart) const LABEL: f64 = 12.0;
pub(in crate::chart) const TICK: f64 = 11.0;
const TITLE: f64 = 18.0;
const SUBTITLE: f64 = 12.5;
const CAPTION: f64 = 10.5;

/// A picture in the making: a drawing, the room that is left for the plot, and the ink.
pub(in crate::chart) struct Frame {
    pub drawing: Drawing,
    /// Where the plot, its axes and its legend go.
    pub inside: Area,
    pub ink: &'static Ink,
    style: Style,
    skipped: usize,
}

impl Frame {
    /// Draws the surroundings. `skipped` values that no picture can show are counted in the
    /// subtitle, so that the reader knows.
    pub fn new(style: &Style, skipped: usize) -> Result<Self> {
        style.check()?;
        let ink = style.ink();
        let (width, height) = (f64::from(style.width), f64::from(style.height));
        let margin = (width.min(height) * 0.1).min(MARGIN);
        let mut frame = Frame {
            drawing: Drawing {
                width: style.width,
                height: style.height,
                background: ink.background,
                marks: Vec::new(),
            },
            inside: Area { left: margin, top: margin, right: width - margin, bottom: height - margin },
            ink,
            style: style.clone(),
            skipped,
        };
        let Area { left, mut top, mut bottom, .. } = frame.inside;
        let room = frame.inside.width();

        let title = font::clean(&style.title);
        for line in font::wrap(&title, room, 2, TITLE, Weight::Bold) {
            top += TITLE;
            frame.write(&line, (left, top), TITLE, Weight::Bold, Align::Left);
            top += 8.0;
        }
        let mut subtitle = font::clean(&style.subtitle);
        if skipped > 0 {
            let separator = if subtitle.is_empty() { "" } else { " · " };
            subtitle.push_str(&format!("{separator}{} not finite, not drawn", grouped(skipped as u64)));
        }
        for line in font::wrap(&subtitle, room, 2, SUBTITLE, Weight::Regular) {
            top += SUBTITLE;
            frame.write_muted(&line, (left, top), SUBTITLE, Align::Left);
            top += 5.0;
        }
        if top > margin {
            top += 14.0;
        }
        let caption = font::wrap(&font::clean(&style.caption), room, 3, CAPTION, Weight::Regular);
        for line in caption.iter().rev() {
            frame.write_muted(line, (left, bottom - 2.0), CAPTION, Align::Left);
            bottom -= CAPTION + 4.0;
        }
        if !caption.is_empty() {
            bottom -= 10.0;
        }
        (frame.inside.top, frame.inside.bottom) = (top.min(bottom - 1.0), bottom);
        Ok(frame)
    }

    pub fn write(&mut self, text: &str, (x, y): (f64, f64), em: f64, weight: Weight, align: Align) {
        let color = self.ink.text;
        self.drawing.text(Text { text: text.to_owned(), x, y, em, weight, align, color });
    }

    pub fn write_muted(&mut self, text: &str, (x, y): (f64, f64), em: f64, align: Align) {
        let (weight, color) = (Weight::Regular, self.ink.muted);
        self.drawing.text(Text { text: text.to_owned(), x, y, em, weight, align, color });
    }

    /// Writes on a surface of this colour.
    pub fn write_on(&mut self, below: Color, text: &str, (x, y): (f64, f64), em: f64, align: Align) {
        let (weight, color) = (Weight::Regular, below.ink_on_top());
        self.drawing.text(Text { text: text.to_owned(), x, y, em, weight, align, color });
    }

    /// Says in the middle of the plot why there is none.
    pub fn write_nothing(&mut self, why: &str) {
        let Area { left, top, right, bottom } = self.inside;
        self.write_muted(why, ((left + right) / 2.0, (top + bottom) / 2.0), LABEL, Align::Center);
    }

    /// The finished picture; `kind` is what a screen reader calls it ("scatter plot").
    pub fn finish(self, kind: &str) -> Picture {
        let mut description = kind.to_owned();
        for text in [&self.style.title, &self.style.subtitle] {
            let text = font::clean(text);
            if !text.is_empty() {
                description.push_str(if description == kind { ": " } else { ", " });
                description.push_str(&text);
            }
        }
        Picture { drawing: self.drawing, description, scale: self.style.scale, skipped: self.skipped }
    }
}
