//! `mteb multilabel`: rows with several labels.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::result::Outcome;
use super::sides::TrainAndTest;
use super::{Task, TaskOptions, sides};
use crate::analysis::Context;
use crate::benchmark::{ClassificationOptions, multilabel_classification};
use crate::data::{Data, Role};
use crate::error::{Error, Result, excerpt};
use crate::table::Table;

/// Options of [`Multilabel`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct MultilabelOptions {
    /// The test rows; FILE has the training rows
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub test: Option<PathBuf>,
    /// The column of FILE that says train or test, in place of --test
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL", conflicts_with = "test"))]
    pub split: Option<String>,
    /// What stands between labels in a text; lists are read as they are
    #[cfg_attr(feature = "cli", arg(long, value_name = "CHAR", default_value_t = Self::default().separator))]
    pub separator: String,
    /// Training rows of each label in one draw, at least
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().samples_per_label))]
    pub samples_per_label: usize,
    /// Draws
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().experiments))]
    pub experiments: usize,
    /// The test rows by the model of --against
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", requires = "against"))]
    pub against_test: Option<PathBuf>,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

impl Default for MultilabelOptions {
    fn default() -> Self {
        let ClassificationOptions { experiments, samples_per_label, .. } = Default::default();
        MultilabelOptions {
            test: None,
            split: None,
            separator: ",".to_owned(),
            samples_per_label,
            experiments,
            against_test: None,
            task: TaskOptions::default(),
        }
    }
}

/// The task `multilabel`.
pub struct Multilabel;

impl Task for Multilabel {
    const NAME: &'static str = "mteb-multilabel";
    const ABOUT: &'static str = "Predict several labels of test rows by their nearest training rows (MTEB: multilabel classification)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb multilabel train.parquet --test test.parquet --label topics
  embedlab mteb multilabel all.csv --split split --label topics --separator ';'";
    const ROLES: &'static [Role] = &[Role::Label];
    type Options = MultilabelOptions;

    fn shared(options: &MultilabelOptions) -> &TaskOptions {
        &options.task
    }

    fn files(options: &MultilabelOptions) -> Vec<Option<&PathBuf>> {
        vec![options.test.as_ref(), options.against_test.as_ref()]
    }

    fn second(data: &Data, options: &MultilabelOptions, path: &Path) -> Result<(Data, MultilabelOptions)> {
        let test = options.against_test.clone().or_else(|| options.test.clone());
        Ok((sides::same_rows(data, path)?, MultilabelOptions { test, ..options.clone() }))
    }

    fn score(data: &Data, options: &MultilabelOptions, context: &Context<'_>) -> Result<Outcome> {
        let sides = TrainAndTest::of(data, options.test.as_deref(), options.split.as_deref())?;
        let column = data.require(Role::Label)?;
        let mut known = HashMap::new();
        let train = labels(&sides.train, column, &options.separator, &mut known)?;
        let test = labels(&sides.test, column, &options.separator, &mut known)?;
        let draws = ClassificationOptions {
            experiments: options.experiments,
            samples_per_label: options.samples_per_label,
            seed: context.seed as u32,
            ..Default::default()
        };
        let scored = multilabel_classification(
            (sides.train.vectors(), &train),
            (sides.test.vectors(), &test),
            &draws,
        )?;
        Ok(Outcome { hardest_by: Some("right"), ..Outcome::new(scored) })
    }
}

/// The labels of each row, numbered as they are met.
fn labels(
    table: &Table,
    column: &str,
    separator: &str,
    known: &mut HashMap<String, usize>,
) -> Result<Vec<Vec<usize>>> {
    let lists = split_lists(table, column, separator)?;
    Ok(lists
        .into_iter()
        .map(|list| {
            let mut numbers: Vec<usize> = list
                .into_iter()
                .map(|label| {
                    let next = known.len();
                    *known.entry(label).or_insert(next)
                })
                .collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        })
        .collect())
}

/// A column of lists: JSON, Python's print of a list, or texts with a separator. An empty cell is an empty list.
pub(super) fn split_lists(table: &Table, column: &str, separator: &str) -> Result<Vec<Vec<String>>> {
    let texts = table.text(column)?;
    texts
        .into_iter()
        .enumerate()
        .map(|(row, text)| {
            let text = text.unwrap_or_default();
            let text = text.trim();
            if !text.starts_with('[') {
                let parts = text.split(separator).map(str::trim).filter(|part| !part.is_empty());
                return Ok(parts.map(str::to_owned).collect());
            }
            let parsed =
                serde_json::from_str(text).or_else(|_| serde_json::from_str(&text.replace('\'', "\"")));
            let items: Vec<serde_json::Value> = parsed.map_err(|error| {
                let error =
                    Error::input("no list of labels").with_code("label-invalid").row(row).source(error);
                table.origin().locate(error.column(column).seen(excerpt(text)))
            })?;
            let text = |item: serde_json::Value| match item {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            Ok(items.into_iter().map(text).collect())
        })
        .collect()
}
