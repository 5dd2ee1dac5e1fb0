//! Paints marks with any of plotters' backends.

use plotters::backend::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontDesc, FontFamily, RGBColor, ShapeStyle, TextStyle};

use super::drawing::{Align, Area, Mark, Text};
use super::font::FAMILY;
use super::palette::Color;
use crate::error::{Error, Result};

/// How a backend differs from the next; everything else is the same for all.
#[derive(Debug, Clone, Copy)]
pub(in crate::chart) struct Ground {
    /// Backend units in a CSS pixel. Plotters has whole-numbered coordinates, so that this is also
    /// the precision of every position.
    pub units: f64,
    /// Edges of boxes lie on multiples of this many units, so that they are sharp.
    pub sharp: f64,
}

impl Ground {
    fn unit(&self, pixels: f64) -> i32 {
        (pixels * self.units).round() as i32
    }

    fn point(&self, (x, y): (f64, f64)) -> (i32, i32) {
        (self.unit(x), self.unit(y))
    }

    fn edge(&self, pixels: f64) -> i32 {
        ((pixels * self.units / self.sharp).round() * self.sharp) as i32
    }
}

/// Paints all marks but the points, which each format paints in its own way. Text comes here for
/// SVG alone.
///
/// # Errors
/// What the backend refuses, which for a backend in memory is nothing.
pub(in crate::chart) fn paint<B: DrawingBackend>(
    backend: &mut B,
    marks: &[Mark],
    ground: Ground,
) -> Result<()> {
    for mark in marks {
        match mark {
            Mark::Box { area: Area { left, top, right, bottom }, color } => {
                let upper_left = (ground.edge(*left), ground.edge(*top));
                let lower_right = (ground.edge(*right), ground.edge(*bottom));
                backend.draw_rect(upper_left, lower_right, &filled(*color), true).map_err(refused)?;
            }
            Mark::Line { points, width, color } => {
                let style = ShapeStyle { stroke_width: ground.unit(*width).max(1) as u32, ..filled(*color) };
                let points: Vec<_> = points.iter().map(|&point| ground.point(point)).collect();
                backend.draw_path(points, &style).map_err(refused)?;
            }
            Mark::Polygon { points, color } => {
                let points: Vec<_> = points.iter().map(|&point| ground.point(point)).collect();
                backend.fill_polygon(points, &filled(*color)).map_err(refused)?;
            }
            Mark::Disc { at, radius, color } => {
                let radius = ground.unit(*radius).max(1) as u32;
                backend.draw_circle(ground.point(*at), radius, &filled(*color), true).map_err(refused)?;
            }
            Mark::Text(text) => paint_text(backend, text, ground)?,
            Mark::Points(_) => {}
        }
    }
    Ok(())
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::argument("the picture could not be painted").seen(error.to_string())
}

fn filled(Color(red, green, blue): Color) -> ShapeStyle {
    RGBColor(red, green, blue).filled()
}

/// Undoes what plotters' SVG backend does to a text, so that an em and a baseline mean the same in
/// both formats: it divides the size by 1.24, and shifts a text that hangs from its top by 0.76 em.
fn paint_text<B: DrawingBackend>(backend: &mut B, text: &Text, ground: Ground) -> Result<()> {
    let em = text.em * ground.units;
    let across = match text.align {
        Align::Left => HPos::Left,
        Align::Center => HPos::Center,
        Align::Right => HPos::Right,
    };
    let font = FontDesc::new(FontFamily::Name(FAMILY), em * 1.24, text.weight.font_style());
    let color = RGBColor(text.color.0, text.color.1, text.color.2);
    let style = TextStyle::from(font).color(&color).pos(Pos::new(across, VPos::Top));
    let top = (text.y * ground.units - em * 0.76).round() as i32;
    backend.draw_text(&text.text, &style, (ground.unit(text.x), top)).map_err(refused)
}
