//! The colours of groups, on a light and on a dark ground.

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
}

/// Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// The colour `share` (0 to 1) of the way to `other`.
    pub fn mix(self, other: Color, share: f64) -> Color {
        let blend = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
        Color(blend(self.0, other.0), blend(self.1, other.1), blend(self.2, other.2))
    }

    /// Relative luminance, 0 (black) to 1 (white), as WCAG 2.2 defines it.
    pub fn luminance(self) -> f64 {
        let linear = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Black or white, whichever can be read on this colour.
    pub(in crate::chart) fn ink_on_top(self) -> Color {
        // By WCAG's formula the two meet at 0.179; on saturated reds, just above, white reads better
        // than it says.
        if self.luminance() > 0.22 { Color(0x10, 0x12, 0x14) } else { Color(0xff, 0xff, 0xff) }
    }
}

/// Which colours stand for the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Palette {
    /// Groups without an order: Okabe and Ito's colours for up to seven groups, Tableau's ten for
    /// up to ten, and those with a lighter copy of each for up to twenty.
    #[default]
    Categories,
    /// Groups with an order: steps along viridis.
    Ordered,
    /// One to five stars: red, dark orange, gold, turquoise, dark green.
    Stars,
}

/// <https://jfly.uni-koeln.de/color/>, without black (the ink); yellow comes last because it is
/// weak on white.
const OKABE_ITO: [Color; 7] = [
    Color(0x00, 0x72, 0xb2),
    Color(0xe6, 0x9f, 0x00),
    Color(0x00, 0x9e, 0x73),
    Color(0xcc, 0x79, 0xa7),
    Color(0xd5, 0x5e, 0x00),
    Color(0x56, 0xb4, 0xe9),
    Color(0xf0, 0xe4, 0x42),
];

/// The CSS colours red, darkorange, gold, turquoise and darkgreen.
const STARS: [Color; 5] = [
    Color(0xff, 0x00, 0x00),
    Color(0xff, 0x8c, 0x00),
    Color(0xff, 0xd7, 0x00),
    Color(0x40, 0xe0, 0xd0),
    Color(0x00, 0x64, 0x00),
];

/// On near-black, pure red glows and dark green vanishes; the other three stay as they are.
const STARS_ON_DARK: [Color; 5] = [
    Color(0xff, 0x45, 0x3a),
    Color(0xff, 0x8c, 0x00),
    Color(0xff, 0xd7, 0x00),
    Color(0x40, 0xe0, 0xd0),
    Color(0x2c, 0xa0, 0x4f),
];

impl Palette {
    /// The colour of group `index` of `count`.
    pub fn color(self, index: usize, count: usize, theme: Theme) -> Color {
        match self {
            Palette::Stars => match theme {
                Theme::Light => STARS[index % 5],
                Theme::Dark => STARS_ON_DARK[index % 5],
            },
            Palette::Ordered => {
                // The ends of viridis are too near to black and to white.
                let share = if count < 2 { 0.5 } else { index as f64 / (count - 1) as f64 };
                let (low, high) = match theme {
                    Theme::Light => (0.0, 0.92),
                    Theme::Dark => (0.25, 1.0),
                };
                from_colorous(colorous::VIRIDIS.eval_continuous(low + (high - low) * share.min(1.0)))
            }
            Palette::Categories if count <= OKABE_ITO.len() => OKABE_ITO[index % OKABE_ITO.len()],
            Palette::Categories => {
                let base = from_colorous(colorous::TABLEAU10[index % 10]);
                if index % 20 < 10 {
                    return base;
                }
                match theme {
                    Theme::Light => base.mix(Color(0xff, 0xff, 0xff), 0.5),
                    Theme::Dark => base.mix(Color(0x12, 0x14, 0x17), 0.45),
                }
            }
        }
    }
}

fn from_colorous(color: colorous::Color) -> Color {
    Color(color.r, color.g, color.b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_categories_have_twenty_colours() {
        for theme in [Theme::Light, Theme::Dark] {
            for count in 1..=20 {
                let mut colors: Vec<_> =
                    (0..count).map(|index| Palette::Categories.color(index, count, theme)).collect();
                colors.sort_by_key(|color| (color.0, color.1, color.2));
                colors.dedup();
                assert_eq!(colors.len(), count);
            }
        }
    }

    #[test]
    fn the_ink_on_top_can_be_read() {
        for index in 0..5 {
            let below = Palette::Stars.color(index, 5, Theme::Light);
            let (a, b) = (below.luminance(), below.ink_on_top().luminance());
            assert!((a.max(b) + 0.05) / (a.min(b) + 0.05) >= 3.9, "star {}", index + 1);
        }
    }
}
