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
    /// One to five stars: from red over yellow to blue.
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

/// From red over yellow to blue: any two are at least 18 CIE76 units apart in normal vision, protanopia,
/// deuteranopia and tritanopia (Machado et al. 2009). The guide's red to green are 3 apart in protanopia.
const STARS: [Color; 5] = [
    Color(0xb2, 0x18, 0x2b),
    Color(0xf0, 0x8a, 0x4b),
    Color(0xe8, 0xc3, 0x3b),
    Color(0x5a, 0xa9, 0xd6),
    Color(0x26, 0x45, 0x8c),
];

/// The same, lighter: at least 15 units apart.
const STARS_ON_DARK: [Color; 5] = [
    Color(0xf0, 0x52, 0x4f),
    Color(0xff, 0x9d, 0x5c),
    Color(0xff, 0xe0, 0x8a),
    Color(0x7c, 0xc0, 0xee),
    Color(0x4f, 0x7b, 0xe0),
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

    /// A colour as an eye without one kind of cones sees it (Machado et al. 2009, full severity), in CIELAB.
    fn seen(Color(red, green, blue): Color, matrix: [[f64; 3]; 3]) -> [f64; 3] {
        let linear = [red, green, blue].map(|byte| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        let times = |row: [f64; 3], by: [f64; 3]| row.iter().zip(by).map(|(a, b)| a * b).sum::<f64>();
        let rgb = matrix.map(|row| times(row, linear).clamp(0.0, 1.0));
        let root = |value: f64| if value > 0.008856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 };
        let x = root(times([0.4124, 0.3576, 0.1805], rgb) / 0.95047);
        let y = root(times([0.2126, 0.7152, 0.0722], rgb));
        let z = root(times([0.0193, 0.1192, 0.9505], rgb) / 1.08883);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn stars_can_be_told_apart_without_one_kind_of_cones() {
        let eyes = [
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ];
        for (theme, least) in [(Theme::Light, 18.0), (Theme::Dark, 15.0)] {
            for eye in eyes {
                let stars: Vec<_> =
                    (0..5).map(|star| seen(Palette::Stars.color(star, 5, theme), eye)).collect();
                for (a, b) in (0..5).flat_map(|a| (0..a).map(move |b| (a, b))) {
                    let square: f64 = stars[a].iter().zip(stars[b]).map(|(p, q)| (p - q).powi(2)).sum();
                    assert!(
                        square.sqrt() > least,
                        "{theme:?}, {} and {} stars: {}",
                        a + 1,
                        b + 1,
                        square.sqrt()
                    );
                }
            }
        }
    }
}
