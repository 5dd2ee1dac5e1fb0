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
mod html;
mod page;
mod script;
mod table;

pub use block::{Block, Callout, Figure, Image, KeyFigure, Quote};
pub use page::{Page, Provenance, Section};
pub use table::{Cell, Table};
