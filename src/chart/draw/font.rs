//! The font that travels with the crate: measured, and asked for its glyphs.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef};
use plotters::style::FontStyle;

/// The families that a viewer of an SVG goes through: the reader's own interface font, then ours,
/// then fonts for the scripts that those lack.
pub(in crate::chart) const FAMILY: &str = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', \
     'Noto Sans', 'Noto Sans CJK KR', 'Apple SD Gothic Neo', 'Malgun Gothic', 'PingFang SC', \
     'Microsoft YaHei', 'Noto Color Emoji', 'Apple Color Emoji', 'Segoe UI Emoji', sans-serif";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::chart) enum Weight {
    #[default]
    Regular,
    Bold,
}

impl Weight {
    pub fn font_style(self) -> FontStyle {
        match self {
            Weight::Regular => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        }
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Weight::Regular => dejavu::sans::regular(),
            Weight::Bold => dejavu::sans::bold(),
        }
    }

    pub fn font(self) -> Option<&'static FontRef<'static>> {
        static REGULAR: LazyLock<Option<FontRef<'static>>> =
            LazyLock::new(|| FontRef::try_from_slice(Weight::Regular.bytes()).ok());
        static BOLD: LazyLock<Option<FontRef<'static>>> =
            LazyLock::new(|| FontRef::try_from_slice(Weight::Bold.bytes()).ok());
        match self {
            Weight::Regular => REGULAR.as_ref(),
            Weight::Bold => BOLD.as_ref(),
        }
    }
}

/// The distance from ascent to descent in ems: ab_glyph's measure of a font's size.
pub(in crate::chart) fn height_of_em(weight: Weight) -> f64 {
    weight
        .font()
        .and_then(|font| Some(f64::from(font.height_unscaled() / font.units_per_em()?)))
        .unwrap_or(1.164)
}

/// Width of a text in pixels at `em` pixels to the em. A character that the font lacks counts as
/// one em, the width of the scripts that it lacks.
pub(in crate::chart) fn width(text: &str, em: f64, weight: Weight) -> f64 {
    let Some(font) = weight.font() else {
        return em * 0.6 * text.chars().count() as f64;
    };
    let units = f64::from(font.units_per_em().unwrap_or(2048.0));
    let mut sum = 0.0;
    let mut previous = None;
    for character in text.chars() {
        let glyph = font.glyph_id(character);
        if glyph.0 == 0 {
            sum += if is_joiner(character) { 0.0 } else { units };
            previous = None;
            continue;
        }
        if let Some(previous) = previous {
            sum += f64::from(font.kern_unscaled(previous, glyph));
        }
        sum += f64::from(font.h_advance_unscaled(glyph));
        previous = Some(glyph);
    }
    sum / units * em
}

/// The text on one line without anything that breaks XML or turns the text around it: control
/// characters become spaces, overrides of the writing direction vanish.
pub(in crate::chart) fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .map(|c| match c {
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
            '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c => c,
        })
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The text with a middle dot for each character that our font cannot draw.
pub(in crate::chart) fn drawable(text: &str, weight: Weight) -> String {
    let Some(font) = weight.font() else { return text.to_owned() };
    text.chars().filter(|&c| !is_joiner(c)).map(|c| if font.glyph_id(c).0 == 0 { '·' } else { c }).collect()
}

/// Characters without a width of their own, of which emoji are put together.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// The text cut to `room` pixels, with an ellipsis where something is missing.
pub(in crate::chart) fn fit(text: &str, room: f64, em: f64, weight: Weight) -> String {
    if width(text, em, weight) <= room {
        return text.to_owned();
    }
    let mut kept: String = text.to_owned();
    // Far from fitting: drop whole lengths first, so that a text of a megabyte costs no megabyte squared.
    let at_most = (room / em * 5.0).max(1.0) as usize;
    if let Some((cut, _)) = text.char_indices().nth(at_most) {
        kept.truncate(cut);
    }
    while kept.pop().is_some() {
        let shown = format!("{}…", kept.trim_end());
        if width(&shown, em, weight) <= room {
            return shown;
        }
    }
    String::new()
}

/// The text in at most `lines` lines of `room` pixels, cut between words where there are any.
pub(in crate::chart) fn wrap(text: &str, room: f64, lines: usize, em: f64, weight: Weight) -> Vec<String> {
    let mut done: Vec<String> = Vec::new();
    let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
    while words.peek().is_some() {
        if done.len() + 1 == lines {
            let rest: Vec<&str> = words.by_ref().take(400).collect();
            done.push(fit(&rest.join(" "), room, em, weight));
            break;
        }
        let mut line = fit(words.next().unwrap_or_default(), room, em, weight);
        while let Some(word) = words.peek() {
            let longer = format!("{line} {word}");
            if width(&longer, em, weight) > room {
                break;
            }
            line = longer;
            words.next();
        }
        done.push(line);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_fonts_are_fonts() {
        assert!(Weight::Regular.font().is_some() && Weight::Bold.font().is_some());
        assert!((height_of_em(Weight::Regular) - 1.164).abs() < 1e-3);
    }

    #[test]
    fn a_character_that_the_font_lacks_becomes_a_dot() {
        assert_eq!(drawable("차 tea 茶 👩‍🍳", Weight::Regular), "· tea · ··");
        assert_eq!(drawable("Größe ★ €", Weight::Regular), "Größe ★ €");
    }

    #[test]
    fn a_cut_text_fits_and_says_that_it_was_cut() {
        let cut = fit(&"word ".repeat(500_000), 100.0, 12.0, Weight::Regular);
        assert!(cut.ends_with('…') && width(&cut, 12.0, Weight::Regular) <= 100.0);
        assert!(width(&cut, 12.0, Weight::Regular) > 80.0);
        assert_eq!(fit("iiiiiiiiii", 100.0, 12.0, Weight::Regular), "iiiiiiiiii");
    }

    #[test]
    fn a_long_line_is_wrapped_between_words() {
        let lines = wrap("one two three four five six seven", 80.0, 2, 12.0, Weight::Regular);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…'), "{lines:?}");
        assert!(lines.iter().all(|line| width(line, 12.0, Weight::Regular) <= 80.0));
    }

    #[test]
    fn a_clean_text_has_one_line_and_no_overrides() {
        assert_eq!(clean("a\nb\u{202e}c\0\u{ffff}"), "a bc \u{fffd}");
    }
}
