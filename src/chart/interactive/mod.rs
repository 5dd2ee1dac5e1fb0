//! A map that can be explored in a browser.
//!
//! Why there is no library in it, measured on 200,000 points with texts of twenty words, in
//! headless Chromium that paints WebGL in software on two cores:
//!
//! | | opens in | frames a second while panning | script |
//! | --- | --- | --- | --- |
//! | plotly.js 4.1.2 (`scattergl`) | 2.7 s | 2 | 4.8 MB |
//! | regl-scatterplot 1.16.0 | 5.0 s | 5 | 225 kB, and needs a policy that lets it write code |
//!
//! What is here is a few hundred lines of script (`page/`), and faster: `benches/README.md`.

mod column;
mod data;
mod page;
mod two_maps;

use std::borrow::Cow;
use std::io::{BufWriter, Write};
use std::path::Path;

use ndarray::{CowArray, Ix2};

use crate::error::{Error, Result};
use crate::output::write_whole;

pub use column::ColorColumn;
pub use two_maps::TwoMaps;

/// A map as one HTML file that needs no network: pan, zoom, hover with the row's text, colours by
/// any column, a legend that filters, a search in the texts, a lasso that lists and exports rows.
///
/// It follows the reader's light or dark setting, can be used with the keyboard alone and on a
/// phone. Texts and names are data: nothing in them runs or becomes markup, and the page's policy
/// allows no script but its own and no connection at all. Rows with a NaN or an infinity are
/// counted and left out of the picture.
///
/// ```
/// use embedlab::chart::{ColorColumn, Groups, InteractiveMap};
/// use ndarray::array;
///
/// # fn main() -> embedlab::Result<()> {
/// let points = array![[0.0_f32, 0.1], [0.2, 0.0], [3.0, 2.9]];
/// let texts = ["green tea", "</script> is shown", "dog food"].map(|text| Some(text.to_owned()));
/// let html = InteractiveMap::new(points.view())
///     .title("Reviews")
///     .texts(&texts)
///     .color(ColorColumn::groups("stars", Groups::stars(&[5.0, 1.0, 4.0])))
///     .color(ColorColumn::numbers("length", vec![9.0, 18.0, f64::NAN]))
///     .html()?;
/// assert!(html.starts_with("<!DOCTYPE html>") && !html.contains("</script> is shown"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct InteractiveMap<'a> {
    points: CowArray<'a, f32, Ix2>,
    title: String,
    subtitle: String,
    trust: Vec<String>,
    texts: Option<Cow<'a, [Option<String>]>>,
    columns: Vec<ColorColumn>,
    color_by: Option<String>,
    longest_text: usize,
}

impl<'a> InteractiveMap<'a> {
    /// Points, n x 2 or n x 3. Three dimensions are turned by dragging.
    pub fn new(points: impl Into<CowArray<'a, f32, Ix2>>) -> Self {
        InteractiveMap {
            points: points.into(),
            title: "Map".to_owned(),
            subtitle: String::new(),
            trust: Vec::new(),
            texts: None,
            columns: Vec::new(),
            color_by: None,
            longest_text: 2_000,
        }
    }

    /// The heading, and the title of the browser's tab; "Map" by default.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// A line under the heading: how many rows, how the map was made.
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sentences about how far to trust the map, shown beside it.
    pub fn trust(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.trust = lines.into_iter().map(Into::into).collect();
        self
    }

    /// The text of each row: shown under the pointer, searched, exported.
    pub fn texts(mut self, texts: impl Into<Cow<'a, [Option<String>]>>) -> Self {
        self.texts = Some(texts.into());
        self
    }

    /// The page keeps this many characters of a text and an ellipsis; 2,000 by default.
    pub fn longest_text(mut self, characters: usize) -> Self {
        self.longest_text = characters;
        self
    }

    /// Adds a column that the reader can colour by. The first is shown at the beginning.
    pub fn color(mut self, column: ColorColumn) -> Self {
        self.columns.push(column);
        self
    }

    /// The name of the column whose colours are shown at the beginning.
    pub fn color_by(mut self, name: impl Into<String>) -> Self {
        self.color_by = Some(name.into());
        self
    }

    /// The page as a text.
    ///
    /// # Errors
    /// As [`InteractiveMap::write`].
    pub fn html(&self) -> Result<String> {
        let mut page = Vec::new();
        self.write(&mut page)?;
        String::from_utf8(page).map_err(|error| Error::argument("the page is not UTF-8").source(error))
    }

    /// Saves the page. The file appears whole or not at all.
    ///
    /// # Errors
    /// As [`InteractiveMap::write`], and any failure of the file system.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        write_whole(path, |file| self.write(file).map_err(|error| error.file(path)))
    }

    /// Writes the page.
    ///
    /// # Errors
    /// Points with neither two nor three columns; texts or colours of another number of rows; an
    /// unknown name in [`InteractiveMap::color_by`]; any failure of `out`.
    pub fn write(&self, out: &mut impl Write) -> Result<()> {
        let first = self.check()?;
        let mut out = BufWriter::new(out);
        page::write(self, first, &mut out)
            .and_then(|()| out.flush())
            .map_err(|error| Error::io("cannot write", error))
    }

    /// The position of the column that is shown first.
    fn check(&self) -> Result<usize> {
        let (rows, dimensions) = self.points.dim();
        if !(2..=3).contains(&dimensions) {
            return Err(Error::argument("a map with neither two nor three dimensions")
                .seen(dimensions.to_string())
                .advice("give points with two or three columns"));
        }
        let lengths = self.columns.iter().map(|column| (column.name(), column.len()));
        for (what, length) in lengths.chain(self.texts.as_ref().map(|texts| ("texts", texts.len()))) {
            if length != rows {
                return Err(Error::argument("points and what belongs to them differ in number")
                    .column(what)
                    .seen(format!("{rows} points, {length} values"))
                    .advice("give one value for each point"));
            }
        }
        let Some(name) = &self.color_by else { return Ok(0) };
        self.columns.iter().position(|column| column.name() == name).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(ColorColumn::name).collect();
            Error::argument("no such column to colour by")
                .column(name)
                .advice(format!("the columns of this map are {}", names.join(", ")))
        })
    }
}
