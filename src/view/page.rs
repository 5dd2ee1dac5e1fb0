//! A page and its sections.

use serde::Serialize;

use super::block::Block;

/// A page: a title, sections, and where its numbers come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Page {
    /// The title of the page and of the browser's tab.
    pub title: String,
    /// What was analysed: the file, its rows and dimensions.
    pub subtitle: String,
    /// In reading order; the table of contents follows from them.
    pub sections: Vec<Section>,
    /// The footer.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// What is needed to make the page again.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Provenance {
    /// The command line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// Name and version of the program.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Random seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// A section of a page.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Section {
    /// The anchor in the page and the key in JSON: `clusters`. Characters other than ASCII letters,
    /// digits, `-` and `_` become `-` in the anchor.
    pub id: String,
    /// The heading.
    pub title: String,
    /// The result in one sentence, for a summary; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub headline: String,
    /// In reading order.
    pub blocks: Vec<Block>,
}

impl Page {
    /// An empty page, made by this version of this program.
    pub fn new(title: impl Into<String>) -> Self {
        let version = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned();
        Page {
            title: title.into(),
            provenance: Provenance { version, ..Provenance::default() },
            ..Page::default()
        }
    }
}

impl Section {
    /// An empty section.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Section { id: id.into(), title: title.into(), ..Section::default() }
    }

    /// Sets the result in one sentence.
    pub fn headline(mut self, sentence: impl Into<String>) -> Self {
        self.headline = sentence.into();
        self
    }

    /// Adds a block.
    pub fn with(mut self, block: impl Into<Block>) -> Self {
        self.blocks.push(block.into());
        self
    }
}
