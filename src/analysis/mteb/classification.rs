//! `mteb classification`: a linear model of a few rows of each class.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::result::Outcome;
use super::sides::TrainAndTest;
use super::{Task, TaskOptions, sides};
use crate::analysis::Context;
use crate::benchmark::{ClassificationOptions, classification};
use crate::data::{Data, Role};
use crate::error::Result;

/// Options of [`ClassificationTask`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct ClassificationTaskOptions {
    /// The test rows; FILE has the training rows
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub test: Option<PathBuf>,
    /// The column of FILE that says train or test, in place of --test
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL", conflicts_with = "test"))]
    pub split: Option<String>,
    /// Training rows of each class in one draw
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

impl Default for ClassificationTaskOptions {
    fn default() -> Self {
        let ClassificationOptions { experiments, samples_per_label, .. } = Default::default();
        ClassificationTaskOptions {
            test: None,
            split: None,
            samples_per_label,
            experiments,
            against_test: None,
            task: TaskOptions::default(),
        }
    }
}

/// The task `classification`.
pub struct ClassificationTask;

impl Task for ClassificationTask {
    const NAME: &'static str = "mteb-classification";
    const ABOUT: &'static str =
        "Classify test rows by logistic regression on a few rows of each class (MTEB: classification)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb classification train.parquet --test test.parquet --label intent
  embedlab mteb classification all.parquet --split split --label intent --samples-per-label 16";
    const ROLES: &'static [Role] = &[Role::Label];
    type Options = ClassificationTaskOptions;

    fn shared(options: &ClassificationTaskOptions) -> &TaskOptions {
        &options.task
    }

    fn files(options: &ClassificationTaskOptions) -> Vec<Option<&PathBuf>> {
        vec![options.test.as_ref(), options.against_test.as_ref()]
    }

    fn second(
        data: &Data,
        options: &ClassificationTaskOptions,
        path: &Path,
    ) -> Result<(Data, ClassificationTaskOptions)> {
        let test = options.against_test.clone().or_else(|| options.test.clone());
        Ok((sides::same_rows(data, path)?, ClassificationTaskOptions { test, ..options.clone() }))
    }

    fn score(data: &Data, options: &ClassificationTaskOptions, context: &Context<'_>) -> Result<Outcome> {
        let sides = TrainAndTest::of(data, options.test.as_deref(), options.split.as_deref())?;
        let (names, train, test) = sides.classes(data.require(Role::Label)?)?;
        let draws = ClassificationOptions {
            experiments: options.experiments,
            samples_per_label: options.samples_per_label,
            seed: context.seed as u32,
            ..Default::default()
        };
        let scored = classification(
            (sides.train.vectors(), &train),
            (sides.test.vectors(), &test),
            names.len(),
            &draws,
        )?;
        Ok(Outcome { hardest_by: Some("right"), ..Outcome::new(scored) })
    }
}
