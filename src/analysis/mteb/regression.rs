//! `mteb regression`: a number by a linear model.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::result::Outcome;
use super::sides::{TrainAndTest, missing_label};
use super::{Task, TaskOptions, sides};
use crate::analysis::Context;
use crate::benchmark::{RegressionOptions, regression};
use crate::data::{Data, Role};
use crate::error::Result;
use crate::table::Table;

/// Options of [`RegressionTask`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct RegressionTaskOptions {
    /// The test rows; FILE has the training rows
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub test: Option<PathBuf>,
    /// The column of FILE that says train or test, in place of --test
    #[cfg_attr(feature = "cli", arg(long, value_name = "COL", conflicts_with = "test"))]
    pub split: Option<String>,
    /// Training rows of one fit at most
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().samples))]
    pub samples: usize,
    /// Fits, each on a draw of its own when there are more training rows
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", default_value_t = Self::default().experiments))]
    pub experiments: usize,
    /// The test rows by the model of --against
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", requires = "against"))]
    pub against_test: Option<PathBuf>,
    /// What all tasks have.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub task: TaskOptions,
}

impl Default for RegressionTaskOptions {
    fn default() -> Self {
        let RegressionOptions { experiments, samples, .. } = Default::default();
        RegressionTaskOptions {
            test: None,
            split: None,
            samples,
            experiments,
            against_test: None,
            task: TaskOptions::default(),
        }
    }
}

/// The task `regression`.
pub struct RegressionTask;

impl Task for RegressionTask {
    const NAME: &'static str = "mteb-regression";
    const ABOUT: &'static str = "Predict a number of test rows by linear regression (MTEB: regression)";
    const EXAMPLES: &'static str = "\
Examples:
  embedlab mteb regression train.parquet --test test.parquet --label Score
  embedlab mteb regression all.parquet --split split --label Score --main r2";
    const ROLES: &'static [Role] = &[Role::Label];
    type Options = RegressionTaskOptions;

    fn shared(options: &RegressionTaskOptions) -> &TaskOptions {
        &options.task
    }

    fn files(options: &RegressionTaskOptions) -> Vec<Option<&PathBuf>> {
        vec![options.test.as_ref(), options.against_test.as_ref()]
    }

    fn second(
        data: &Data,
        options: &RegressionTaskOptions,
        path: &Path,
    ) -> Result<(Data, RegressionTaskOptions)> {
        let test = options.against_test.clone().or_else(|| options.test.clone());
        Ok((sides::same_rows(data, path)?, RegressionTaskOptions { test, ..options.clone() }))
    }

    fn score(data: &Data, options: &RegressionTaskOptions, context: &Context<'_>) -> Result<Outcome> {
        let sides = TrainAndTest::of(data, options.test.as_deref(), options.split.as_deref())?;
        let column = data.require(Role::Label)?;
        let numbers = |table: &Table| -> Result<Vec<f64>> {
            let numbers = table.numbers(column)?;
            let of =
                |(row, number): (usize, Option<f64>)| number.ok_or_else(|| missing_label(table, row, column));
            numbers.into_iter().enumerate().map(of).collect()
        };
        let (train, test) = (numbers(&sides.train)?, numbers(&sides.test)?);
        let draws = RegressionOptions {
            experiments: options.experiments,
            samples: options.samples,
            seed: context.seed as u32,
        };
        let scored = regression((sides.train.vectors(), &train), (sides.test.vectors(), &test), &draws)?;
        Ok(Outcome::new(scored))
    }
}
