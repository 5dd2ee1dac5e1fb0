//! What a section is made of.

use serde::Serialize;

use super::grid::Grid;
#[cfg(feature = "charts")]
use crate::chart::Picture;
#[cfg(feature = "charts")]
use crate::error::Result;

/// A block of a section. In JSON each has a `kind`; the pixels of pictures are left out there.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// Running text.
    Paragraph {
        /// Plain text; an empty line starts another paragraph.
        text: String,
    },
    /// A paragraph that stands out.
    Callout {
        /// Note or warning.
        callout: Callout,
        /// Plain text.
        text: String,
    },
    /// A row of big numbers.
    KeyFigures {
        /// Two to six of them read best.
        figures: Vec<KeyFigure>,
    },
    /// A table.
    Table(Grid),
    /// A picture with its caption.
    Figure(Figure),
    /// Example texts.
    Quotes {
        /// In reading order.
        quotes: Vec<Quote>,
    },
    /// Blocks that the reader opens.
    Details {
        /// The line that is always visible.
        summary: String,
        /// What it opens.
        blocks: Vec<Block>,
    },
    /// The section's results for programs, in a `<script type="application/json">` element.
    Data {
        /// The element's `id`.
        id: String,
        /// Any JSON.
        value: serde_json::Value,
    },
}

/// Why a paragraph stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Callout {
    /// Good to know.
    Note,
    /// A reason for doubt.
    Warning,
}

/// A big number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyFigure {
    /// The number, as it is read: `1,000`, `0.62`, `4.1 s`.
    pub value: String,
    /// What it is.
    pub label: String,
    /// A second line about it; none when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A text of the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quote {
    /// The text; cut by the page's layout, not here.
    pub text: String,
    /// Where it is from: its row, stars, distance to the centroid.
    pub meta: String,
}

/// A picture in one or two themes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// For a light page, and for print.
    #[serde(skip)]
    pub light: Image,
    /// For a dark page; the light one is shown there too when there is none.
    #[serde(skip)]
    pub dark: Option<Image>,
    /// Width and height in CSS pixels.
    #[serde(skip)]
    pub size: (u32, u32),
    /// The line under the picture.
    pub caption: String,
    /// What the picture shows, for those who cannot see it.
    pub alt: String,
}

/// A picture file.
#[derive(Debug, Clone, PartialEq)]
pub enum Image {
    /// An SVG document. It is embedded as an image, so that nothing in it can run or load.
    Svg(String),
    /// A PNG file.
    Png(Vec<u8>),
}

#[cfg(feature = "charts")]
impl Figure {
    /// A figure of the same picture in both themes, as SVG.
    ///
    /// # Errors
    /// What [`Picture::svg`] returns.
    pub fn new(light: &Picture, dark: &Picture, caption: impl Into<String>) -> Result<Self> {
        Ok(Figure {
            light: Image::Svg(light.svg()?),
            dark: Some(Image::Svg(dark.svg()?)),
            size: light.size(),
            caption: caption.into(),
            alt: light.description().to_owned(),
        })
    }
}

impl Block {
    /// Running text.
    pub fn paragraph(text: impl Into<String>) -> Self {
        Block::Paragraph { text: text.into() }
    }

    /// Something good to know.
    pub fn note(text: impl Into<String>) -> Self {
        Block::Callout { callout: Callout::Note, text: text.into() }
    }

    /// A reason for doubt.
    pub fn warning(text: impl Into<String>) -> Self {
        Block::Callout { callout: Callout::Warning, text: text.into() }
    }

    /// A row of big numbers.
    pub fn key_figures(figures: impl IntoIterator<Item = KeyFigure>) -> Self {
        Block::KeyFigures { figures: figures.into_iter().collect() }
    }

    /// Example texts.
    pub fn quotes(quotes: impl IntoIterator<Item = Quote>) -> Self {
        Block::Quotes { quotes: quotes.into_iter().collect() }
    }

    /// Blocks that the reader opens.
    pub fn details(summary: impl Into<String>, blocks: impl IntoIterator<Item = Block>) -> Self {
        Block::Details { summary: summary.into(), blocks: blocks.into_iter().collect() }
    }
}

impl KeyFigure {
    /// A number and what it is.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        KeyFigure { value: value.into(), label: label.into(), note: String::new() }
    }

    /// Adds a second line.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

impl Quote {
    /// A text and where it is from.
    pub fn new(text: impl Into<String>, meta: impl Into<String>) -> Self {
        Quote { text: text.into(), meta: meta.into() }
    }
}

impl From<Grid> for Block {
    fn from(table: Grid) -> Self {
        Block::Table(table)
    }
}

impl From<Figure> for Block {
    fn from(figure: Figure) -> Self {
        Block::Figure(figure)
    }
}
