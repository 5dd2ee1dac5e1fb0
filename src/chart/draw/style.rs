//! The size of a picture, its theme and the words around it.

use super::palette::{Color, Theme};
use crate::error::{Error, Result};

/// What all pictures have in common: size, resolution, theme, title, subtitle, caption.
///
/// ```
/// use embedlab::chart::{Style, Theme};
/// let style = Style::new("Reviews by star").subtitle("n = 1,000 · PCA").size(640, 480).theme(Theme::Dark);
/// assert_eq!((style.width, style.dots_per_inch()), (640, 192.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// Width in CSS pixels (96 to the inch); 800 by default.
    pub width: u32,
    /// Height in CSS pixels; 600 by default.
    pub height: u32,
    /// PNG dots per CSS pixel; 2 by default, so that the picture is sharp on a dense screen and
    /// comes out at 192 dots per inch in print.
    pub scale: f64,
    /// Light by default.
    pub theme: Theme,
    /// Bold and left-aligned; none when empty.
    pub title: String,
    /// Grey under the title: how many rows, how it was made; none when empty.
    pub subtitle: String,
    /// Small under the picture: a source, a caveat; none when empty.
    pub caption: String,
}

/// A smaller picture has no room left for its plot.
const SMALLEST: u32 = 120;
/// Bounds the memory of a PNG: 16 million dots are painted in a buffer of 192 MB.
const MOST_DOTS: f64 = 16e6;

impl Style {
    /// A light picture of 800 x 600 pixels at 192 dots per inch.
    pub fn new(title: impl Into<String>) -> Self {
        Style {
            width: 800,
            height: 600,
            scale: 2.0,
            theme: Theme::Light,
            title: title.into(),
            subtitle: String::new(),
            caption: String::new(),
        }
    }

    /// Sets the grey line under the title.
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sets the small line under the picture.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Sets width and height in CSS pixels.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        (self.width, self.height) = (width, height);
        self
    }

    /// A picture as high as this many bars need.
    pub(crate) fn fitting_bars(self, bars: usize) -> Self {
        let bars = bars.min(40) as u32;
        let (width, roomy, narrow) = (self.width, 110 + 44 * bars, 110 + 20 * bars);
        self.size(width, roomy.clamp(180, 600).max(narrow))
    }

    /// Sets the PNG dots per CSS pixel.
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }

    /// Sets the dots per inch of the PNG; 192 by default. The picture keeps its size on paper.
    pub fn dpi(self, dots_per_inch: f64) -> Self {
        self.scale(dots_per_inch / 96.0)
    }

    /// Sets the theme.
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// Dots per inch of the PNG.
    pub fn dots_per_inch(&self) -> f64 {
        96.0 * self.scale
    }

    pub(in crate::chart) fn check(&self) -> Result<()> {
        let size = || format!("{} x {} at {} dots per pixel", self.width, self.height, self.scale);
        if self.width < SMALLEST || self.height < SMALLEST || !(0.5..=8.0).contains(&self.scale) {
            return Err(Error::argument("a picture of an impossible size").seen(size()).advice(format!(
                "ask for at least {SMALLEST} x {SMALLEST} pixels and 0.5 to 8 dots per pixel"
            )));
        }
        if f64::from(self.width) * f64::from(self.height) * self.scale.powi(2) > MOST_DOTS {
            return Err(Error::argument("a picture of too many dots")
                .seen(size())
                .advice("ask for at most 16 million dots in all"));
        }
        Ok(())
    }

    pub(in crate::chart) fn ink(&self) -> &'static Ink {
        match self.theme {
            Theme::Light => &LIGHT,
            Theme::Dark => &DARK,
        }
    }
}

impl Default for Style {
    fn default() -> Self {
        Style::new("")
    }
}

/// The colours of everything that is not data.
#[derive(Debug)]
pub(in crate::chart) struct Ink {
    pub background: Color,
    /// Title and names.
    pub text: Color,
    /// Subtitle, tick labels, counts.
    pub muted: Color,
    /// Axis lines and reference lines.
    pub axis: Color,
    pub grid: Color,
    /// Rows without a group, and the groups that are too many to name.
    pub rest: Color,
    /// The one colour of pictures that need no second.
    pub accent: Color,
}

const LIGHT: Ink = Ink {
    background: Color(0xff, 0xff, 0xff),
    text: Color(0x1a, 0x1d, 0x21),
    muted: Color(0x67, 0x6d, 0x76),
    axis: Color(0xa9, 0xaf, 0xb8),
    grid: Color(0xe9, 0xeb, 0xee),
    rest: Color(0xb4, 0xb9, 0xc1),
    accent: Color(0x00, 0x72, 0xb2),
};

const DARK: Ink = Ink {
    background: Color(0x12, 0x14, 0x17),
    text: Color(0xee, 0xf0, 0xf3),
    muted: Color(0x9a, 0xa1, 0xab),
    axis: Color(0x5b, 0x62, 0x6c),
    grid: Color(0x26, 0x2a, 0x30),
    rest: Color(0x5d, 0x63, 0x6c),
    accent: Color(0x56, 0xb4, 0xe9),
};
