//! Models judged on rows that they have not seen, beside what a constant would score.

mod classify;
mod regress;

pub use classify::{ClassificationAnalysis, classify};
pub use regress::{RegressionAnalysis, Stars, regress};

use ndarray::{Array2, ArrayView2, Axis};

use crate::error::{Error, Result};
use crate::forest::MaxFeatures;
use crate::table::{Split, leaks};

/// How the forest of an analysis is grown.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestOptions {
    /// Trees. Default: 100.
    pub trees: usize,
    /// Features of a node; `None` is the default of the task (all for numbers, the square root for
    /// classes).
    pub max_features: Option<MaxFeatures>,
    /// The most splits from the root to a leaf. Default: no limit.
    pub max_depth: Option<usize>,
    /// The fewest rows of a leaf. Default: 1.
    pub min_samples_leaf: usize,
    /// The seed of the forest and of the intervals. Default: 42.
    pub seed: u64,
}

impl Default for ForestOptions {
    fn default() -> Self {
        ForestOptions { trees: 100, max_features: None, max_depth: None, min_samples_leaf: 1, seed: 42 }
    }
}

/// The training and the test rows of a split.
struct Sides {
    train: Array2<f32>,
    test: Array2<f32>,
}

impl Sides {
    fn of(rows: ArrayView2<'_, f32>, n_targets: usize, split: &Split) -> Result<Sides> {
        let n = rows.nrows();
        if n != n_targets {
            return Err(Error::argument("rows and targets of different number")
                .seen(format!("{n} rows, {n_targets} targets")));
        }
        if split.train.is_empty() || split.test.is_empty() {
            return Err(Error::argument("a side of the split is empty"));
        }
        if let Some(row) = split.train.iter().chain(&split.test).find(|row| **row >= n) {
            return Err(Error::argument("a row beyond the last").row(row + 1).seen(format!("{n} rows")));
        }
        Ok(Sides { train: rows.select(Axis(0), &split.train), test: rows.select(Axis(0), &split.test) })
    }
}

/// Positions within the test side of the rows whose text does not stand in training, when some do.
fn unseen(split: &Split, texts: Option<&[Option<String>]>) -> (usize, Option<Vec<usize>>) {
    let Some(texts) = texts else { return (0, None) };
    let leak = leaks(split, texts);
    let known: std::collections::HashSet<usize> = leak.test_rows.iter().copied().collect();
    let unseen: Vec<usize> = (0..split.test.len()).filter(|at| !known.contains(&split.test[*at])).collect();
    (leak.count(), (leak.count() > 0 && !unseen.is_empty()).then_some(unseen))
}
