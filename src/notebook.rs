//! Results that show themselves in a Rust notebook.
//!
//! [evcxr](https://github.com/evcxr/evcxr), the Rust kernel of Jupyter, calls `evcxr_display` of the value
//! that a cell ends with. Tables and results come out as HTML tables, pictures as PNG. This is the only place of
//! the library that prints, and only when that method is called.
//!
//! ```text
//! :dep embedlab = { path = ".." }
//! let reviews = embedlab::table::read("food_reviews.parquet".as_ref(), &Default::default())?;
//! reviews
//! ```
//!
//! What is shown is also there without a notebook: [`Shown::content`].
//!
//! ```
//! use embedlab::notebook::Shown;
//! use embedlab::table;
//!
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let shown = reviews.content()?;
//! assert_eq!(shown.mime, "text/html");
//! assert!(shown.text.contains("<table>") && shown.text.contains("ProductId"));
//! # Ok::<(), embedlab::Error>(())
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::html;

use crate::analysis::{
    Analysis, Cluster, DiversityMeasure, DiversityReport, Drift, DriftReport, DuplicateList, DuplicateSearch,
    Evaluate, GroupProfiles, LabelErrorList, LabelErrorSearch, LabelledRows, MapRows, MappedRows,
    NeighborList, NeighborSearch, OutlierList, OutlierSearch, Profile, Recommend, RecommendationResult,
    ScoreCard, Search, SearchResult, Similarities, SimilarityDistribution, ZeroShotLabels, label_scores,
    tested_section, trust_figures, user_section,
};
use crate::chart::Picture;
use crate::cluster::Clustering;
use crate::error::{Result, excerpt};
use crate::map::Trust;
use crate::metric::ClassificationReport;
use crate::model::{ClassificationAnalysis, RegressionAnalysis};
use crate::number::fixed;
use crate::recommend::{self, Recommendations};
use crate::rows::Neighbor;
use crate::table::{Check, Table};
use crate::view::{Block, Cell, Grid as Shows, Look, Section, html_of_block};
use crate::zero_shot;

/// Rows of a table that are shown.
const MOST_ROWS: usize = 5;

/// The lines between which evcxr expects content.
const BEGIN: &str = "EVCXR_BEGIN_CONTENT";
const END: &str = "EVCXR_END_CONTENT";

/// What a notebook shows of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The type: `text/html`, `image/png` (the text is base64 then), `text/plain`.
    pub mime: &'static str,
    /// The content.
    pub text: String,
}

/// A value that a notebook can show.
pub trait Shown {
    /// What is shown of it.
    ///
    /// # Errors
    /// When a picture cannot be made.
    fn content(&self) -> Result<Content>;
}

/// A table of the rows that a search found, with some columns of the table that was searched.
///
/// # Errors
/// When there is no such column.
pub fn hits<F: Copy + Into<Neighbor>>(table: &Table, found: &[F], columns: &[&str]) -> Result<Shows> {
    let texts = columns.iter().map(|name| table.text(name)).collect::<Result<Vec<_>>>()?;
    let mut out = Shows::new(["row", "distance"].into_iter().chain(columns.iter().copied()));
    for hit in found.iter().map(|hit| (*hit).into()) {
        let hit: Neighbor = hit;
        let mut cells = vec![Cell::Count(hit.row as u64), Cell::Number(hit.distance, 3)];
        cells.extend(texts.iter().map(|column| cell(column.get(hit.row).cloned().flatten())));
        out = out.row(cells);
    }
    Ok(out)
}

fn cell(text: Option<String>) -> Cell {
    text.map_or(Cell::Missing, Cell::Text)
}

fn number(value: Option<f64>, decimals: usize) -> Cell {
    value.map_or(Cell::Missing, |value| Cell::Number(value, decimals))
}

fn show(value: &impl Shown) {
    let content =
        value.content().unwrap_or_else(|error| Content { mime: "text/plain", text: error.to_string() });
    // Data that holds the closing line must not end the content.
    let text = content.text.replace(END, "EVCXR-END-CONTENT");
    println!("{BEGIN} {}\n{text}\n{END}", content.mime);
}

/// Gives types the method that evcxr looks for.
macro_rules! shown_in_notebooks {
    ($($kind:ty),+ $(,)?) => {$(
        impl $kind {
            /// Shows the value in a Rust notebook; see [`notebook`](crate::notebook).
            pub fn evcxr_display(&self) {
                show(self);
            }
        }
    )+};
}

shown_in_notebooks!(
    Clustering,
    Check,
    ClassificationAnalysis,
    ClassificationReport,
    DiversityReport,
    DriftReport,
    DuplicateList,
    GroupProfiles,
    LabelErrorList,
    LabelledRows,
    MappedRows,
    NeighborList,
    OutlierList,
    Picture,
    RecommendationResult,
    Recommendations,
    RegressionAnalysis,
    ScoreCard,
    SearchResult,
    Section,
    Shows,
    SimilarityDistribution,
    Table,
    Trust,
    recommend::Evaluation,
    zero_shot::LabelEvaluation,
);

impl Shown for Picture {
    fn content(&self) -> Result<Content> {
        Ok(Content { mime: "image/png", text: BASE64.encode(self.png()?) })
    }
}

impl Shown for Shows {
    fn content(&self) -> Result<Content> {
        html_of(&[Block::Table(self.clone())])
    }
}

impl Shown for Section {
    fn content(&self) -> Result<Content> {
        html_of(&self.blocks)
    }
}

fn html_of(blocks: &[Block]) -> Result<Content> {
    let markup = html! { @for block in blocks { (html_of_block(block)) } };
    Ok(Content { mime: "text/html", text: markup.into_string() })
}

/// Shows the outcome of an analysis by its view.
macro_rules! shown_by_their_analysis {
    ($($kind:ty => $analysis:ty),+ $(,)?) => {$(
        impl Shown for $kind {
            fn content(&self) -> Result<Content> {
                <$analysis>::view(self, Look::Text)?.content()
            }
        }
    )+};
}

shown_by_their_analysis!(
    Clustering => Cluster,
    GroupProfiles => Profile,
    LabelledRows => ZeroShotLabels,
    MappedRows => MapRows,
    NeighborList => NeighborSearch,
    RecommendationResult => Recommend,
    SearchResult => Search,
    DiversityReport => DiversityMeasure,
    DriftReport => Drift,
    DuplicateList => DuplicateSearch,
    LabelErrorList => LabelErrorSearch,
    OutlierList => OutlierSearch,
    ScoreCard => Evaluate,
    SimilarityDistribution => Similarities,
);

impl Shown for Recommendations {
    fn content(&self) -> Result<Content> {
        user_section(self).content()
    }
}

impl Shown for recommend::Evaluation {
    fn content(&self) -> Result<Content> {
        tested_section(self, "rating", Look::Text)?.content()
    }
}

impl Shown for zero_shot::LabelEvaluation {
    fn content(&self) -> Result<Content> {
        label_scores(self, Look::Text)?.content()
    }
}

impl Shown for Trust {
    fn content(&self) -> Result<Content> {
        html_of(&[Block::key_figures(trust_figures(self))])
    }
}

/// Shows a value by the table that it makes.
macro_rules! shown_as_a_table {
    ($($kind:ty => $table:expr),+ $(,)?) => {$(
        impl Shown for $kind {
            fn content(&self) -> Result<Content> {
                let table: fn(&$kind) -> Result<Shows> = $table;
                table(self)?.content()
            }
        }
    )+};
}

shown_as_a_table!(
    Check => |found| Ok(check(found)),
    ClassificationAnalysis => |found| {
        let caption = format!(
            "{} test rows; always the most frequent class: accuracy {}",
            found.held_out.n_test,
            fixed(found.baseline.accuracy, 2)
        );
        Ok(classes(&found.report).caption(caption))
    },
    ClassificationReport => |found| Ok(classes(found)),
    RegressionAnalysis => |found| Ok(regression(found)),
    Table => first_rows,
);

fn first_rows(table: &Table) -> Result<Shows> {
    let names: Vec<&str> =
        table.column_names().into_iter().filter(|name| *name != table.vector_column()).collect();
    let columns = names.iter().map(|name| table.text(name)).collect::<Result<Vec<_>>>();
    // A column of a kind that has no text is left out rather than the whole table.
    let (names, columns): (Vec<&str>, Vec<Vec<Option<String>>>) = match columns {
        Ok(columns) => (names, columns),
        Err(_) => names.into_iter().filter_map(|name| Some((name, table.text(name).ok()?))).unzip(),
    };
    let mut out = Shows::new(names.iter().copied().chain([table.vector_column()]));
    for row in 0..table.n_rows().min(MOST_ROWS) {
        let mut cells: Vec<Cell> = columns
            .iter()
            .map(|column| match column.get(row).and_then(Option::as_deref) {
                Some(text) if text.chars().count() > 40 => Cell::text(excerpt(text).trim_matches('`')),
                Some(text) => Cell::text(text),
                None => Cell::Missing,
            })
            .collect();
        let first: Vec<String> =
            table.vectors().row(row).iter().take(3).map(|x| fixed(f64::from(*x), 3)).collect();
        cells.push(Cell::Text(format!("[{}, …]", first.join(", "))));
        out = out.row(cells);
    }
    Ok(out.caption(format!("{} rows, {} dimensions", table.n_rows(), table.dims())))
}

fn check(found: &Check) -> Shows {
    let count = |out: Shows, what: &str, n: usize| out.row([Cell::text(what), Cell::Count(n as u64)]);
    let mut out = Shows::new(["", ""]);
    for (what, n) in [
        ("rows", found.rows),
        ("dimensions", found.dims),
        ("rows with NaN or infinity", found.nan_rows),
        ("rows of zeros", found.zero_rows),
        ("repeated rows", found.duplicate_rows),
        ("constant dimensions", found.constant_dims),
    ] {
        out = count(out, what, n);
    }
    out.row([Cell::text("mean norm"), Cell::Number(found.norm.mean, 4)])
}

fn classes(found: &ClassificationReport) -> Shows {
    let mut out = Shows::new(["", "precision", "recall", "F1", "rows"]);
    let row = |label: &str, precision: f64, recall: f64, f1: f64, support: u64| {
        [
            Cell::text(label),
            Cell::Number(precision, 2),
            Cell::Number(recall, 2),
            Cell::Number(f1, 2),
            Cell::Count(support),
        ]
    };
    for class in &found.classes {
        out = out.row(row(&class.label, class.precision, class.recall, class.f1, class.support));
    }
    for (label, mean) in [("macro average", &found.macro_average), ("weighted average", &found.weighted)] {
        out = out.row(row(label, mean.precision, mean.recall, mean.f1, mean.support));
    }
    out.caption(format!("accuracy {} on {} rows", fixed(found.accuracy, 2), found.n))
}

fn regression(found: &RegressionAnalysis) -> Shows {
    let constants = &found.baseline.constants;
    let mut out = Shows::new(["", "MAE", "MSE", "R²"]);
    for (what, scores) in [
        ("the model", &found.scores),
        ("always the median", &constants.median.scores),
        ("always the mean", &constants.mean.scores),
    ] {
        out = out.row([
            Cell::text(what),
            Cell::Number(scores.mae, 3),
            Cell::Number(scores.mse, 3),
            number(scores.r2, 3),
        ]);
    }
    let mut caption = format!("{} test rows", found.held_out.n_test);
    if let Some(leaked) = found.held_out.leaked.filter(|leaked| *leaked > 0) {
        caption += &format!(", {leaked} of them also in the training rows");
    }
    out.caption(caption)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_table_is_html_with_its_texts_escaped() {
        let table = Shows::new(["a", "b"]).row([Cell::text("<script>"), Cell::Count(1200)]).caption("x & y");
        let content = table.content().unwrap();
        assert_eq!(content.mime, "text/html");
        assert!(content.text.contains("&lt;script&gt;") && content.text.contains("x &amp; y"));
        assert!(content.text.contains("class=\"number\">1,200"), "{}", content.text);
    }

    #[test]
    fn an_embedding_table_shows_its_first_rows_and_its_size() {
        let table = Table::from_vectors(array![[0.25_f32, -1.0], [3.0, 4.0]]);
        let text = table.content().unwrap().text;
        assert!(text.contains("2 rows, 2 dimensions") && text.contains("[0.250, "), "{text}");
    }

    #[test]
    fn a_picture_is_a_png() {
        let picture = crate::chart::Bars::new(&["tea".to_owned()], &[1.0])
            .draw(&crate::chart::Style::new("t"))
            .unwrap();
        let content = picture.content().unwrap();
        assert_eq!(content.mime, "image/png");
        assert!(BASE64.decode(content.text).unwrap().starts_with(b"\x89PNG"));
    }
}
