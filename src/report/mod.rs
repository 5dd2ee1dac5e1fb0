//! The sections of the page about everything.

mod clusters;
mod labels;
mod map;
mod models;
mod overview;
mod recommend;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::view::{Block, Section};

pub use clusters::{choice_picture, clusters};
pub use labels::{labels, threshold_picture};
pub use map::{cluster_picture, label_picture, map};
pub use models::{classification, regression};
pub use overview::overview;
pub use recommend::{neighbors, recommend, star_picture};

/// Adds a section's results for programs.
fn with_data(section: Section, results: &impl Serialize) -> Result<Section> {
    let value = serde_json::to_value(results)
        .map_err(|error| Error::argument("the results cannot be written as JSON").source(error))?;
    let id = format!("{}-data", section.id);
    Ok(section.with(Block::Data { id, value }))
}
