//! The result of a search, and its one wording.

use schemars::JsonSchema;
use serde::Serialize;

use crate::number::{counted, fixed, grouped, percent};
use crate::rows::Metric;
use crate::search::EfRecall;
use crate::view::{Block, Cell, Grid, Section};

/// Characters of a text in a table.
const MOST_TEXT: usize = 120;

/// What `search` and `neighbors` found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FoundRows {
    /// The text of the query, if it has one.
    pub query: Option<String>,
    /// The metric of the distances.
    pub metric: Metric,
    /// Rows of the file.
    pub rows: usize,
    /// Rows that the filter keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered: Option<usize>,
    /// The rows of the query.
    pub like: Vec<usize>,
    /// The rows that it shall be unlike.
    pub unlike: Vec<usize>,
    /// Rows that were passed over because their text is that of a row of the query.
    pub equal_texts: usize,
    /// Rows of zeros, which the cosine passes over; not counted where an index answers.
    pub zero_rows: Option<usize>,
    /// Rows whose vector is that of an earlier row; counted by `neighbors`.
    pub repeats: Option<usize>,
    /// The index that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<UsedIndex>,
    /// Seconds from the beginning of the command to the answer: reading, hashing and building included.
    pub seconds: f64,
    /// The nearest first; with MMR in the order in which they were chosen.
    pub hits: Vec<FoundRow>,
}

/// An index that answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UsedIndex {
    /// Its file.
    pub file: String,
    /// Whether it was built for this search.
    pub built: bool,
    /// How long that took.
    pub build_seconds: Option<f64>,
    /// Rows in view of the walk.
    pub ef: usize,
    /// The measured recall of such a walk, or of a narrower one.
    pub recall: Option<EfRecall>,
}

/// A row that was found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FoundRow {
    /// Its number, from 0.
    pub row: usize,
    /// Larger is nearer: the cosine, or minus the distance of another metric.
    pub score: f64,
    /// Its distance by the metric.
    pub distance: f64,
    /// Its cosine with the query; null where one of them is zero.
    pub cosine: Option<f64>,
    /// Its text.
    pub text: Option<String>,
}

impl FoundRow {
    /// A row at a distance.
    pub fn new(
        row: usize,
        distance: f64,
        cosine: Option<f64>,
        metric: Metric,
        text: Option<String>,
    ) -> FoundRow {
        let score = if metric == Metric::Cosine { 1.0 - distance } else { -distance };
        FoundRow { row, score, distance, cosine, text }
    }
}

/// The rows that were found, for a reader.
pub fn found_rows(found: &FoundRows) -> Section {
    let short = |text: &str| -> String { text.chars().take(MOST_TEXT).collect() };
    let mut section = Section::new("search", "Nearest rows");
    if let Some(filtered) = found.filtered {
        let text = format!("Among {} of {}.", grouped(filtered as u64), counted(found.rows, "row"));
        section = section.with(Block::paragraph(text));
    }
    if let Some(query) = &found.query {
        section = section.with(Block::paragraph(short(query)));
    }
    let cosine_alone = found.metric == Metric::Cosine;
    let mut grid = if cosine_alone {
        Grid::new(["row", "cosine", "text"])
    } else {
        Grid::new(["row", "distance", "cosine", "text"])
    };
    for hit in &found.hits {
        let row = Cell::text(hit.row.to_string());
        let text = hit.text.as_deref().map_or(Cell::Missing, |text| Cell::text(short(text)));
        let cosine = Cell::number(hit.cosine, 3);
        grid = if cosine_alone {
            grid.row([row, cosine, text])
        } else {
            grid.row([row, Cell::Number(hit.distance, 3), cosine, text])
        };
    }
    section = if found.hits.is_empty() {
        section.with(Block::note("No row was found."))
    } else {
        section.with(grid)
    };
    if found.equal_texts > 0 {
        let text = format!("{} with the same text passed over.", counted(found.equal_texts, "row"));
        section = section.with(Block::note(text));
    }
    if let Some(zeros) = found.zero_rows.filter(|zeros| *zeros > 0 && cosine_alone) {
        let text = format!("{} of zeros passed over: a zero vector has no cosine.", counted(zeros, "row"));
        section = section.with(Block::note(text));
    }
    if let Some(repeats) = found.repeats.filter(|repeats| *repeats > 0) {
        let text = format!(
            "{} of {} repeat the vector of an earlier row.",
            grouped(repeats as u64),
            counted(found.rows, "row")
        );
        section = section.with(Block::note(text));
    }
    if let Some(recall) = found.index.as_ref().and_then(|index| index.recall) {
        section = section.with(Block::note(format!(
            "By an index, which may miss rows: with ef {} it finds {} of the nearest (95 %: {} to {}), measured with rows \
             held out of the index ({}) and half-way between random rows ({}); the worse counts.",
            recall.ef,
            percent(recall.recall),
            fixed(recall.low, 3),
            fixed(recall.high, 3),
            fixed(recall.held_out, 3),
            fixed(recall.random_pairs, 3)
        )));
    }
    section
}
