//! A finished picture.

use std::io::Write as _;
use std::path::Path;

use super::drawing::Drawing;
use super::{raster, svg};
use crate::error::{Error, Result};
use crate::output::{check_extension, write_whole};

/// A picture that can be saved, embedded in a page, or asked how much of the data it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub(in crate::chart) drawing: Drawing,
    pub(in crate::chart) description: String,
    pub(in crate::chart) scale: f64,
    pub(in crate::chart) skipped: usize,
}

impl Picture {
    /// The SVG document. Its text stays text.
    ///
    /// # Errors
    /// Only if the embedded image of many points could not be compressed.
    pub fn svg(&self) -> Result<String> {
        svg::svg(&self.drawing, &self.description, self.scale)
    }

    /// The PNG file, of [`Style::scale`](crate::chart::Style::scale) dots per pixel. A character that the
    /// embedded font (DejaVu Sans) lacks is shown as a middle dot.
    ///
    /// # Errors
    /// Only if the picture could not be compressed.
    pub fn png(&self) -> Result<Vec<u8>> {
        raster::png(&self.drawing, self.scale)
    }

    /// Saves the picture as PNG or SVG, by the extension of `path`; SVG to a stream without one (`-` is
    /// standard output). A file appears whole or not at all.
    ///
    /// # Errors
    /// Another extension, and any failure of the file system.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        check_extension(path, "a picture", &["svg", "png"])?;
        let bytes = match extension.as_deref() {
            Some("png") => self.png()?,
            _ => self.svg()?.into_bytes(),
        };
        write_whole(path, |file| {
            file.write_all(&bytes).map_err(|error| Error::io("cannot write", error).file(path))
        })
    }

    /// How many values were NaN or infinite, and are not in the picture.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// What the picture shows, in one sentence: the alternative text of an image in a page.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Width and height in CSS pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.drawing.width, self.drawing.height)
    }
}
