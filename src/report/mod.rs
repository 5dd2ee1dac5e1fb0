//! The whole analysis as one page.
//!
//! A [`Page`] is made of [`Section`]s, a section of [`Block`]s. [`Page::render`] gives one HTML
//! file that needs nothing else: no network, no script, no font file. It follows the reader's light
//! or dark setting, has a switch for it, can be read on a phone and printed. The same sections are
//! written as JSON for programs (`serde`), and [`Block::Data`] carries a section's results inside
//! of the page too.
//!
//! Every text is escaped: a review that contains markup shows its markup.
//!
//! ```
//! use embedlab::report::{Block, Cell, Page, Section, Table};
//!
//! let mut page = Page::new("Reviews");
//! page.sections.push(
//!     Section::new("clusters", "Clusters")
//!         .with(Block::paragraph("Four clusters <of> reviews."))
//!         .with(Table::new(["cluster", "size"]).row([Cell::text("tea"), Cell::Count(1204)])),
//! );
//! let html = page.render();
//! assert!(html.contains("&lt;of&gt;") && html.contains("1,204"));
//! ```

mod block;
mod clusters;
mod html;
mod labels;
mod map;
mod models;
mod overview;
mod page;
mod recommend;
mod table;

use serde::Serialize;

use crate::error::{Error, Result};

pub use block::{Block, Callout, Figure, Image, KeyFigure, Quote};
pub use clusters::{choice_picture, clusters};
pub use labels::{labels, threshold_picture};
pub use map::{cluster_picture, label_picture, map};
pub use models::{classification, regression};
pub use overview::overview;
pub use page::{Page, Provenance, Section};
pub use recommend::{neighbors, recommend, star_picture};
pub use table::{Cell, Table};

/// Adds a section's results for programs.
fn with_data(section: Section, results: &impl Serialize) -> Result<Section> {
    let value = serde_json::to_value(results)
        .map_err(|error| Error::argument("the results cannot be written as JSON").source(error))?;
    let id = format!("{}-data", section.id);
    Ok(section.with(Block::Data { id, value }))
}
