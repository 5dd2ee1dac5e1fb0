//! Rows that a model does not see: what `regress` and `classify` share.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::ArrayRef;
use embedlab::chart::{Bars, Style};
use embedlab::model::{Beside, FeatureGroup, Importance, ModelOptions, TopFeature};
use embedlab::split::{
    Split, group_k_fold, group_split, k_fold, leaks, stratified_k_fold, stratified_split, train_test_split,
};
use embedlab::table::Table;
use embedlab::{Error, Result};

use super::beside::write_beside;
use super::input::Input;
use super::learn::{Learnable, Model, Source};
use super::output::Rows;
use super::outputs::Outputs;
use super::{Common, Output};

/// What is learned from, the model, and the rows that it does not see.
#[derive(clap::Args)]
pub struct How {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    model: Model,
    /// The share of the rows that the model does not see
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    test_size: f64,
    /// The seed of the split, as scikit-learn's random_state
    #[arg(long, value_name = "N", default_value_t = 42)]
    test_seed: u32,
    /// Fit N times, so that every row is tested once; classes keep their shares in every fold
    #[arg(long, value_name = "N", conflicts_with = "test_size")]
    cv: Option<usize>,
    /// Keep the rows of each value of this column on one side, such as UserId
    #[arg(long, value_name = "COL", conflicts_with = "stratify")]
    group_by: Option<String>,
    /// Give both sides the same share of each label
    #[arg(long)]
    stratify: bool,
    /// Write the test rows with what was predicted for them
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw what the model leans on
    #[arg(long, value_name = "FILE", conflicts_with = "cv")]
    importance: Option<PathBuf>,
}

/// The rows to learn from and their splits: one, or the folds of a cross-validation.
pub struct Prepared {
    pub rows: Learnable,
    pub splits: Vec<Split>,
    pub is_cv: bool,
    groups: Option<Vec<u32>>,
    importance: Vec<FeatureGroup>,
}

impl Prepared {
    pub fn beside(&self) -> Beside<'_> {
        Beside {
            texts: self.rows.texts.as_deref(),
            weights: self.rows.weights.as_deref(),
            groups: self.groups.as_deref(),
            features: &self.importance,
        }
    }
}

impl How {
    pub fn options(&self, common: &Common) -> ModelOptions {
        self.model.options(common)
    }

    /// The files that are to be written, checked before the work.
    pub fn outputs(&self, input: &Input) -> Result<Outputs> {
        Outputs::of([input.file.as_path()])
            .table(self.output.as_deref(), None)?
            .picture(self.importance.as_deref())
    }

    /// Reads the rows and splits them; folds hold the classes in the same shares when `classes`.
    pub fn prepare(&self, input: &Input, classes: bool, output: &Output) -> Result<Prepared> {
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
        self.warn_of_leaks(&rows, &splits, output);
        let wanted = self.importance.is_some() || rows.encoder.n_features() > 0;
        let importance =
            if wanted && self.cv.is_none() { rows.encoder.groups(rows.table.dims()) } else { Vec::new() };
        Ok(Prepared { rows, splits, is_cv: self.cv.is_some(), groups, importance })
    }

    fn warn_of_leaks(&self, rows: &Learnable, splits: &[Split], output: &Output) {
        let Some(texts) = rows.texts.as_deref() else { return };
        match splits {
            [split] => {
                if let Some(warning) = leaks(split, texts).warning() {
                    output.warn(format!("{warning} (or --drop-duplicates)"));
                }
            }
            folds => {
                let leaked: usize = folds.iter().map(|fold| leaks(fold, texts).count()).sum();
                if leaked > 0 {
                    output.warn(format!(
                        "the texts of {leaked} of {} test rows also stand in the training rows of their fold; the scores are too good: use --drop-duplicates",
                        texts.len()
                    ));
                }
            }
        }
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
    pub fn draw_importance(
        &self,
        rows: &Learnable,
        groups: &[Importance],
        top: &[TopFeature],
        score: &str,
        output: &Output,
    ) -> Result<()> {
        let Some(path) = &self.importance else { return Ok(()) };
        let (names, values, title): (Vec<String>, Vec<f64>, String) = if groups.len() > 1 || top.is_empty() {
            let title = format!("Drop of {score} when a feature is shuffled");
            (
                groups.iter().map(|g| g.feature.clone()).collect(),
                groups.iter().map(|g| g.drop).collect(),
                title,
            )
        } else {
            let names = top.iter().map(|feature| rows.feature_name(feature.feature)).collect();
            (
                names,
                top.iter().map(|feature| feature.gain).collect(),
                "Share of the gain of all splits".to_owned(),
            )
        };
        Bars::new(&names, &values).draw(&Style::new(title))?.save(path)?;
        output.note(format!("drew {}", path.display()));
        Ok(())
    }
}

/// The groups of features as a table for people.
pub fn importance_rows(importance: &[Importance], score: &str) -> Option<Rows> {
    if importance.len() < 2 {
        return None;
    }
    let drop = format!("drop of {score}");
    let mut rows = Rows::new(&["shuffled", &drop, "+-", "gain"], &[1, 2, 3]);
    for group in importance {
        let gain = group.gain.map_or_else(|| "-".into(), |gain| format!("{:.1} %", 100.0 * gain));
        rows.push(vec![
            group.feature.clone(),
            format!("{:.3}", group.drop),
            format!("{:.3}", group.spread),
            gain,
        ]);
    }
    Some(rows)
}

/// What a row is said to be.
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

/// A mean and a standard deviation over folds.
pub fn spread(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<f64> = values.collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() - 1).max(1) as f64;
    format!("{mean:.3} +- {:.3}", variance.sqrt())
}
