//! The results of a search, and their one wording.

use schemars::JsonSchema;
use serde::Serialize;

use super::NewColumns;
use crate::calibration::Calibration;
use crate::data::NewColumn;
use crate::number::{counted, fixed, grouped, percent};
use crate::rows::Metric;
use crate::search::EfRecall;
use crate::view::{Block, Cell, Grid, Section};

/// Characters of a text in a table.
const MOST_TEXT: usize = 120;

/// What `search` found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SearchResult {
    /// What was asked, and of how many rows.
    #[serde(flatten)]
    pub summary: SearchSummary,
    /// The nearest first; with MMR in the order in which they were chosen.
    pub hits: Vec<FoundRow>,
}

/// What `neighbors` found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NeighborList {
    /// What was asked, and of how many rows.
    #[serde(flatten)]
    pub summary: SearchSummary,
    /// The nearest first; with MMR in the order in which they were chosen.
    pub neighbors: Vec<FoundRow>,
}

/// What was asked, and of how many rows.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SearchSummary {
    /// The text of the query, if it has one.
    pub query: Option<String>,
    /// The metric of the distances.
    pub metric: Metric,
    /// Rows of the file.
    pub rows: usize,
    /// Rows that are selected, where not all are.
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
    /// Seconds from the beginning of the command to the answer: reading and building an index included.
    pub seconds: f64,
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
    /// Its number, from 0; several files count as one.
    pub row: usize,
    /// Its file, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its row there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_row: Option<usize>,
    /// Larger is nearer: the cosine, or minus the distance of another metric.
    pub score: f64,
    /// Its distance by the metric.
    pub distance: f64,
    /// Its cosine with the query; null where one of them is zero.
    pub cosine: Option<f64>,
    /// The probability that it is a match, by the calibration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Its text.
    pub text: Option<String>,
    /// Its place in the data.
    #[serde(skip)]
    pub place: usize,
}

impl FoundRow {
    /// A row of a single file at a distance.
    pub fn new(
        row: usize,
        distance: f64,
        cosine: Option<f64>,
        metric: Metric,
        text: Option<String>,
    ) -> FoundRow {
        let score = if metric == Metric::Cosine { 1.0 - distance } else { -distance };
        FoundRow {
            row,
            file: None,
            file_row: None,
            score,
            distance,
            cosine,
            probability: None,
            text,
            place: row,
        }
    }

    /// The same row with the probability of a match.
    pub fn calibrated(self, calibration: Option<&Calibration>) -> FoundRow {
        let probability = calibration.and_then(|calibration| Some(calibration.probability(self.cosine?)));
        FoundRow { probability, ..self }
    }
}

/// The rows that were found, for a reader.
pub(super) fn found_rows(name: &str, title: &str, about: &SearchSummary, found: &[FoundRow]) -> Section {
    let short = |text: &str| -> String { text.chars().take(MOST_TEXT).collect() };
    let mut section = Section::new(name, title);
    if let Some(filtered) = about.filtered {
        let text = format!("Among {} of {}.", grouped(filtered as u64), counted(about.rows, "row"));
        section = section.with(Block::paragraph(text));
    }
    if let Some(query) = &about.query {
        section = section.with(Block::paragraph(short(query)));
    }
    let cosine_alone = about.metric == Metric::Cosine;
    let several = found.iter().any(|hit| hit.file.is_some());
    let shown = [
        (true, "row"),
        (several, "file"),
        (several, "row of the file"),
        (!cosine_alone, "distance"),
        (true, "cosine"),
        (found.iter().any(|hit| hit.probability.is_some()), "probability"),
        (true, "text"),
    ];
    let grid = found.iter().fold(
        Grid::new(shown.iter().filter(|(shown, _)| *shown).map(|(_, header)| *header)),
        |grid, hit| {
            let cells = [
                Cell::text(hit.row.to_string()),
                hit.file.as_deref().map_or(Cell::Missing, Cell::text),
                hit.file_row.map_or(Cell::Missing, |row| Cell::text(row.to_string())),
                Cell::Number(hit.distance, 3),
                Cell::number(hit.cosine, 3),
                Cell::number(hit.probability, 3),
                hit.text.as_deref().map_or(Cell::Missing, |text| Cell::text(short(text))),
            ];
            grid.row(cells.into_iter().zip(shown).filter(|(_, (shown, _))| *shown).map(|(cell, _)| cell))
        },
    );
    section =
        if found.is_empty() { section.with(Block::note("No row was found.")) } else { section.with(grid) };
    if about.equal_texts > 0 {
        let text = format!("{} with the same text passed over.", counted(about.equal_texts, "row"));
        section = section.with(Block::note(text));
    }
    if let Some(zeros) = about.zero_rows.filter(|zeros| *zeros > 0 && cosine_alone) {
        let text = format!("{} of zeros passed over: a zero vector has no cosine.", counted(zeros, "row"));
        section = section.with(Block::note(text));
    }
    if let Some(repeats) = about.repeats.filter(|repeats| *repeats > 0) {
        let text = format!(
            "{} of {} repeat the vector of an earlier row.",
            grouped(repeats as u64),
            counted(about.rows, "row")
        );
        section = section.with(Block::note(text));
    }
    if let Some(recall) = about.index.as_ref().and_then(|index| index.recall) {
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

/// The found rows with their distance.
pub(super) fn with_distance(found: &[FoundRow]) -> NewColumns {
    let distances: arrow::array::Float64Array = found.iter().map(|hit| Some(hit.distance)).collect();
    NewColumns {
        rows: Some(found.iter().map(|hit| hit.place).collect()),
        columns: vec![NewColumn::new("distance", std::sync::Arc::new(distances))],
    }
}
