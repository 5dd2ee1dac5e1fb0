//! The sections of the page about everything.

mod labels;
mod map;
mod overview;

use serde::Serialize;

use crate::chart::{Picture, Style, Theme};
use crate::error::{Error, Result};
use crate::view::{Block, Figure, Section};

pub use labels::{labels, threshold_picture};
pub use map::map;
pub use overview::overview;

/// Adds a section's results for programs.
fn with_data(section: Section, results: &impl Serialize) -> Result<Section> {
    let value = serde_json::to_value(results)
        .map_err(|error| Error::argument("the results cannot be written as JSON").source(error))?;
    let id = format!("{}-data", section.id);
    Ok(section.with(Block::Data { id, value }))
}

/// The same picture for light and for dark pages.
fn themed(
    caption: impl Into<String>,
    draw: impl Fn(Style) -> Result<Picture>,
    title: &str,
) -> Result<Figure> {
    let light = draw(Style::new(title).theme(Theme::Light))?;
    let dark = draw(Style::new(title).theme(Theme::Dark))?;
    Figure::new(&light, &dark, caption)
}
