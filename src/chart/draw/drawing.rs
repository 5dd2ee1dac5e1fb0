//! A laid-out picture: marks in floating-point CSS pixels, painted in order.

use super::font::{self, Weight};
use super::palette::Color;

/// A rectangle by its edges; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::chart) struct Area {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Area {
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::chart) enum Align {
    #[default]
    Left,
    Center,
    Right,
}

/// A text on one line: `y` is its baseline, `em` its size in pixels.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::chart) struct Text {
    pub text: String,
    pub x: f64,
    pub y: f64,
    pub em: f64,
    pub weight: Weight,
    pub align: Align,
    pub color: Color,
}

/// Many equal discs, painted by a kernel of their own.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::chart) struct Points {
    /// Centre in pixels and index into `colors`.
    pub at: Vec<(f32, f32, u16)>,
    pub colors: Vec<Color>,
    pub radius: f64,
    pub alpha: f64,
    /// Where the points are; larger than their centres by the radius.
    pub area: Area,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::chart) enum Mark {
    Box { area: Area, color: Color },
    Line { points: Vec<(f64, f64)>, width: f64, color: Color },
    Polygon { points: Vec<(f64, f64)>, color: Color },
    Disc { at: (f64, f64), radius: f64, color: Color },
    Text(Text),
    Points(Points),
}

/// The marks of a picture.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::chart) struct Drawing {
    pub width: u32,
    pub height: u32,
    pub background: Color,
    pub marks: Vec<Mark>,
}

impl Drawing {
    pub fn rectangle(&mut self, left: f64, top: f64, right: f64, bottom: f64, color: Color) {
        self.marks.push(Mark::Box { area: Area { left, top, right, bottom }, color });
    }

    /// A line one pixel wide. It is a box, because plotters draws boxes sharper than lines.
    pub fn horizontal_line(&mut self, left: f64, right: f64, y: f64, color: Color) {
        let y = y.round();
        self.rectangle(left, y, right, y + 1.0, color);
    }

    pub fn vertical_line(&mut self, x: f64, top: f64, bottom: f64, color: Color) {
        let x = x.round();
        self.rectangle(x, top, x + 1.0, bottom, color);
    }

    pub fn dashed_vertical_line(&mut self, x: f64, top: f64, bottom: f64, color: Color) {
        let mut y = top;
        while y < bottom {
            self.vertical_line(x, y, (y + 4.0).min(bottom), color);
            y += 7.0;
        }
    }

    pub fn line(&mut self, points: Vec<(f64, f64)>, width: f64, color: Color) {
        self.marks.push(Mark::Line { points, width, color });
    }

    pub fn polygon(&mut self, points: Vec<(f64, f64)>, color: Color) {
        self.marks.push(Mark::Polygon { points, color });
    }

    pub fn disc(&mut self, at: (f64, f64), radius: f64, color: Color) {
        self.marks.push(Mark::Disc { at, radius, color });
    }

    /// Writes a text that may come from the user; it is cleaned here, once for both formats.
    pub fn text(&mut self, text: Text) {
        let text = Text { text: font::clean(&text.text), ..text };
        if !text.text.is_empty() {
            self.marks.push(Mark::Text(text));
        }
    }
}
