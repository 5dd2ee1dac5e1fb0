//! What a reader sees of a result, worded once.
//!
//! A result is shown as a [`Section`] of [`Block`]s: paragraphs, key figures, tables, pictures, warnings,
//! quotes. The same section is rendered for a [terminal](terminal()), as [Markdown](markdown()), in a
//! [notebook](crate::notebook) and on a [`Page`], one HTML file that needs no network, no script and no
//! font file. A page follows the reader's light or dark setting, can be read on a phone and printed.
//! Sections are written as JSON for programs (`serde`); [`Block::Data`] carries the results themselves.
//!
//! Every text is escaped: a review that contains markup shows its markup.
//!
//! ```
//! use embedlab::view::{Block, Cell, Grid, Page, Section, terminal};
//!
//! let section = Section::new("clusters", "Clusters")
//!     .with(Block::paragraph("Four clusters <of> reviews."))
//!     .with(Grid::new(["cluster", "size"]).row([Cell::text("tea"), Cell::Count(1204)]));
//! assert!(terminal(&section, 80).contains("tea") && terminal(&section, 80).contains("1,204"));
//!
//! let mut page = Page::new("Reviews");
//! page.sections.push(section);
//! let html = page.render();
//! assert!(html.contains("&lt;of&gt;") && html.contains("1,204"));
//! ```

mod block;
mod grid;
mod html;
mod look;
mod markdown;
mod page;
mod terminal;

pub use block::{Block, Callout, Figure, Image, KeyFigure, Quote};
pub use grid::{Cell, Grid};
#[cfg(feature = "charts")]
pub(crate) use html::block as html_of_block;
pub use look::Look;
pub use markdown::markdown;
pub use page::{Page, Provenance, Section};
pub use terminal::terminal;
