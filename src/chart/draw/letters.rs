//! Paints text into a pixel buffer.
//!
//! Plotters could, but it drops the left bearing of each glyph and puts it on a whole pixel
//! (`style/font/ab_glyph.rs` of 0.3.7), so that the letters of a word are spaced unevenly.

use ab_glyph::{Font, PxScale, ScaleFont, point};

use super::drawing::{Align, Text};
use super::font;
use super::points::Pixels;

impl<const CHANNELS: usize> Pixels<'_, CHANNELS> {
    /// Paints a text; `units` pixels of the buffer are one CSS pixel.
    pub fn write(&mut self, text: &Text, units: f64) {
        let Some(face) = text.weight.font() else { return };
        let em = text.em * units;
        let scale = PxScale::from((em * font::height_of_em(text.weight)) as f32);
        let face = face.as_scaled(scale);
        let shown = font::drawable(&text.text, text.weight);
        let width = font::width(&shown, em, text.weight);
        let mut x = (text.x * units
            - match text.align {
                Align::Left => 0.0,
                Align::Center => width / 2.0,
                Align::Right => width,
            }) as f32;
        let baseline = (text.y * units).round() as f32;
        let mut previous = None;
        for character in shown.chars() {
            let glyph = face.glyph_id(character);
            if let Some(previous) = previous {
                x += face.kern(previous, glyph);
            }
            let placed = glyph.with_scale_and_position(scale, point(x, baseline));
            if let Some(outline) = face.outline_glyph(placed) {
                let corner = outline.px_bounds().min;
                outline.draw(|column, row, coverage| {
                    let at = (corner.x as i64 + i64::from(column), corner.y as i64 + i64::from(row));
                    self.blend(at, text.color, coverage);
                });
            }
            x += face.h_advance(glyph);
            previous = Some(glyph);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::chart::draw::drawing::{Align, Text};
    use crate::chart::draw::font::{self, Weight};
    use crate::chart::draw::palette::Color;
    use crate::chart::draw::points::Pixels;

    /// First and last column with ink.
    fn extent(text: &str, x: f64, align: Align) -> (usize, usize) {
        let (width, height) = (300, 40);
        let mut bytes = vec![255; width * height * 3];
        let color = Color(0, 0, 0);
        let text =
            Text { text: text.to_owned(), x, y: 15.0, em: 10.0, weight: Weight::Regular, align, color };
        Pixels::<3> { bytes: &mut bytes, width, height }.write(&text, 2.0);
        let inked = |column: usize| (0..height).any(|row| bytes[(row * width + column) * 3] < 128);
        let columns: Vec<_> = (0..width).filter(|&column| inked(column)).collect();
        (columns[0], columns[columns.len() - 1])
    }

    #[test]
    fn a_text_stands_where_its_alignment_says() {
        let width = font::width("HHHH", 20.0, Weight::Regular) as usize;
        let (left, right) = extent("HHHH", 10.0, Align::Left);
        assert!((20..=23).contains(&left) && right.abs_diff(20 + width) <= 3, "{left} {right}");
        let (left, right) = extent("HHHH", 140.0, Align::Right);
        assert!((277..=280).contains(&right) && left.abs_diff(280 - width) <= 3, "{left} {right}");
    }

    #[test]
    fn a_glyph_keeps_its_left_bearing() {
        // "l" is well to the right of its origin, "j" begins left of it.
        assert!(extent("l", 50.0, Align::Left).0 > extent("j", 50.0, Align::Left).0 + 1);
    }
}
