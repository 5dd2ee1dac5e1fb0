//! Rows that a model does not see: what `regress` and `classify` share.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::ArrayRef;
use embedlab::chart::{Bars, Style};
use embedlab::model::{HeldOut, ModelOptions, SampleInfo};
use embedlab::split::{
    Split, group_k_fold, group_split, k_fold, stratified_k_fold, stratified_split, train_test_split,
};
use embedlab::table::Table;
use embedlab::view::{Block, Callout, Section, terminal};
use embedlab::{Error, Result};
use serde::Serialize;

use super::beside::write_beside;
use super::input::TableInput;
use super::learn::{Learnable, Model, Source};
use super::outputs::Outputs;
use super::{Common, Outcome, Output};

/// What is learned from, the model, and the rows that it does not see.
#[derive(clap::Args)]
pub struct How {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    model: Model,
    /// Share of the rows to test on
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    test_size: f64,
    /// The seed of the split, as scikit-learn's random_state
    #[arg(long, value_name = "N", default_value_t = 42)]
    test_seed: u32,
    /// N-fold cross-validation, stratified by class
    #[arg(long, value_name = "N", conflicts_with = "test_size")]
    cv: Option<usize>,
    /// Keep the rows of each value of this column on one side of the split, such as UserId
    #[arg(long, value_name = "COL", conflicts_with = "stratify")]
    group_by: Option<String>,
    /// Stratify the split by label
    #[arg(long)]
    stratify: bool,
    /// Write the test rows with their predictions
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw the feature importance
    #[arg(long, value_name = "FILE", conflicts_with = "cv")]
    importance: Option<PathBuf>,
}

/// The rows to learn from and their splits: one, or the folds of a cross-validation.
pub struct Prepared {
    pub rows: Learnable,
    pub splits: Vec<Split>,
    groups: Option<Vec<u32>>,
    importance: bool,
}

impl Prepared {
    pub fn info(&self) -> SampleInfo<'_> {
        SampleInfo {
            texts: self.rows.texts.as_deref(),
            weights: self.rows.weights.as_deref(),
            groups: self.groups.as_deref(),
            importance: self.importance,
        }
    }
}

impl How {
    pub fn options(&self, common: &Common) -> ModelOptions {
        self.model.options(common)
    }

    /// The files that are to be written, checked before the work.
    pub fn outputs(&self, input: &TableInput) -> Result<Outputs> {
        Outputs::of([input.file.as_path()])
            .table(self.output.as_deref(), None)?
            .picture(self.importance.as_deref())
    }

    /// Reads the rows and splits them; folds hold the classes in the same shares when `classes`.
    pub fn prepare(&self, input: &TableInput, classes: bool, output: &Output) -> Result<Prepared> {
        let rows = self.source.read(input, output)?;
        let groups = self.group_by.as_deref().map(|column| codes(&rows.table, column)).transpose()?;
        let stratify = self.stratify || (classes && self.cv.is_some());
        let (n, seed) = (rows.table.n_rows(), self.test_seed);
        let labels = || codes(&rows.table, &rows.label);
        let splits = match (self.cv, &groups) {
            (Some(folds), Some(groups)) => group_k_fold(groups, folds)?,
            (Some(folds), None) if stratify => stratified_k_fold(&labels()?, folds, seed)?,
            (Some(folds), None) => k_fold(n, folds, seed)?,
            (None, Some(groups)) => vec![group_split(groups, self.test_size, seed)?],
            (None, None) if stratify => vec![stratified_split(&labels()?, self.test_size, seed)?],
            (None, None) => vec![train_test_split(n, self.test_size, seed)?],
        };
        let importance = self.cv.is_none() && (self.importance.is_some() || !rows.columns.is_empty());
        Ok(Prepared { rows, splits, groups, importance })
    }

    /// Writes the test rows, in the order of the file, with more columns.
    pub fn write(
        &self,
        table: &Table,
        test_rows: &[usize],
        columns: Vec<(String, Vec<Predicted>)>,
        output: &Output,
    ) -> Result<()> {
        let Some(path) = &self.output else { return Ok(()) };
        let mut order: Vec<usize> = (0..test_rows.len()).collect();
        order.sort_unstable_by_key(|at| test_rows[*at]);
        let rows: Vec<usize> = order.iter().map(|at| test_rows[*at]).collect();
        let arrays: Vec<(String, ArrayRef)> = columns
            .into_iter()
            .map(|(name, values)| (name, array(order.iter().map(|at| values[*at].clone()))))
            .collect();
        let more = arrays.iter().map(|(name, array)| (name.as_str(), Arc::clone(array))).collect();
        write_beside(&table.take(&rows)?, more, path, output)
    }

    /// Draws the drop of the score by group of features or, for the embedding alone, the gain of single
    /// features.
    pub fn draw_importance(&self, held_out: &HeldOut, score: &str, output: &Output) -> Result<()> {
        let Some(path) = &self.importance else { return Ok(()) };
        let (groups, top) = (&held_out.importance, &held_out.top_features);
        let (names, values, title): (Vec<String>, Vec<f64>, String) = if groups.len() > 1 || top.is_empty() {
            (
                groups.iter().map(|group| group.feature.clone()).collect(),
                groups.iter().map(|group| group.drop).collect(),
                format!("Drop of {score} when a feature is shuffled"),
            )
        } else {
            (
                top.iter().map(|feature| feature.name.clone()).collect(),
                top.iter().map(|feature| feature.gain).collect(),
                "Share of the gain of all splits".to_owned(),
            )
        };
        Bars::new(&names, &values).draw(&Style::new(title))?.save(path)?;
        output.note(format!("drew {}", path.display()));
        Ok(())
    }
}

/// Columns of a terminal.
const WIDTH: usize = 100;

/// Prints a result; beside JSON its warnings go to stderr.
pub fn show(found: &impl Serialize, section: &Section, output: &Output) -> Result<Outcome> {
    if output.is_json() {
        for block in &section.blocks {
            if let Block::Callout { callout: Callout::Warning, text } = block {
                output.warn(text);
            }
        }
    }
    output.result(found, |out| write!(out, "{}", terminal(section, WIDTH)))?;
    Ok(Outcome::Done)
}

/// The prediction for a row.
#[derive(Clone)]
pub enum Predicted {
    Number(f64),
    Class(String),
}

/// Predictions as a column; they are all of one kind.
pub fn array(values: impl Iterator<Item = Predicted>) -> ArrayRef {
    let values: Vec<Predicted> = values.collect();
    if values.iter().any(|value| matches!(value, Predicted::Class(_))) {
        let text = |value: &Predicted| match value {
            Predicted::Class(name) => Some(name.clone()),
            Predicted::Number(_) => None,
        };
        Arc::new(arrow::array::StringArray::from_iter(values.iter().map(text)))
    } else {
        let number = |value: &Predicted| match value {
            Predicted::Number(number) => Some(*number),
            Predicted::Class(_) => None,
        };
        Arc::new(arrow::array::Float64Array::from_iter(values.iter().map(number)))
    }
}

fn codes(table: &Table, column: &str) -> Result<Vec<u32>> {
    let codes = table.labels(column)?.codes;
    let missing = codes.iter().filter(|code| code.is_none()).count();
    if missing > 0 {
        return Err(Error::input("rows without a value")
            .column(column)
            .seen(format!("{missing} of {} rows", codes.len())));
    }
    Ok(codes.into_iter().flatten().collect())
}
