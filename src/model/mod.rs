//! Models of numbers and of classes, judged on rows that they have not seen, beside what a constant
//! would score.
//!
//! ```
//! use embedlab::model::{Beside, ModelKind, ModelOptions, classify, regress};
//! use embedlab::{split, table};
//!
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let split = split::train_test_split(reviews.n_rows(), 0.2, 42)?;
//! let texts = reviews.text("combined")?;
//! let beside = Beside { texts: Some(&texts), ..Default::default() };
//!
//! let stars: Vec<f64> = reviews.numbers("Score")?.into_iter().flatten().collect();
//! let options = ModelOptions { kind: ModelKind::Ridge, ..Default::default() };
//! let found = regress(reviews.vectors(), &stars, &split, &beside, &options)?;
//! // Better than the mean by MSE; the median, which is 5, is hard to beat by MAE.
//! assert!(found.scores.mse < found.baseline.mse);
//! assert_eq!((found.baseline.constants.median.value, found.leaked), (5.0, 0));
//!
//! let labels = reviews.labels("Score")?;
//! let classes: Vec<usize> = labels.codes.iter().flatten().map(|code| *code as usize).collect();
//! let options = ModelOptions { kind: ModelKind::Knn, ..Default::default() };
//! let found = classify(reviews.vectors(), &classes, &labels.names, &split, &beside, &options)?;
//! assert_eq!(found.baseline.label, "5");
//! assert!(found.intervals.accuracy.low < found.report.accuracy);
//! # Ok::<(), embedlab::Error>(())
//! ```
//!
//! What the scores mean: [the page on figures](crate::guide::figures#numbers-and-classes).

mod classify;
mod features;
mod fitted;
mod importance;
mod linear;
mod logistic;
mod nearest;
mod options;
mod regress;
mod ridge;
mod saved;

pub use classify::{ClassificationAnalysis, ClassificationFold, classify, cross_validate_classes};
pub use features::{Column, FeatureEncoder};
pub use fitted::{Classifier, Regressor};
use importance::top_features;
pub use importance::{FeatureGroup, Importance, TopFeature, permutation_importance};
pub use logistic::Logistic;
pub use nearest::Nearest;
pub use options::{ModelKind, ModelOptions};
pub use regress::{Baseline, RegressionAnalysis, RegressionFold, Stars, cross_validate_numbers, regress};
pub use ridge::Ridge;
pub use saved::{Recipe, SavedModel, Task};

use ndarray::{Array2, ArrayView2, Axis};

use crate::error::{Error, Result};
use crate::metric::BootstrapOptions;
use crate::split::{Split, leaks};

/// What is known of the rows beside their features; each has one entry a row, or is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// Texts: test rows whose text also stands in training are counted, and the others scored by
    /// themselves.
    pub texts: Option<&'a [Option<String>]>,
    /// Weights of the training rows.
    pub weights: Option<&'a [f64]>,
    /// Groups of rows that belong together, such as those of one user: intervals then draw whole groups.
    pub groups: Option<&'a [u32]>,
    /// Groups of features whose importance is wanted; none are needed.
    pub features: &'a [FeatureGroup],
}

impl Beside<'_> {
    fn check(&self, n: usize) -> Result<()> {
        for (what, len) in [
            ("texts", self.texts.map(<[_]>::len)),
            ("weights", self.weights.map(<[_]>::len)),
            ("groups", self.groups.map(<[_]>::len)),
        ] {
            if let Some(len) = len.filter(|len| *len != n) {
                return Err(Error::argument(format!("rows and {what} of different number"))
                    .seen(format!("{n} rows, {len} {what}")));
            }
        }
        Ok(())
    }

    fn weights_of(&self, rows: &[usize]) -> Option<Vec<f64>> {
        self.weights.map(|weights| pick(weights, rows))
    }
}

/// The values of some rows.
fn pick<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| values[*row]).collect()
}

/// How intervals are drawn: by rows, or by their groups.
fn bootstrap(seed: u64, groups: Option<&[u32]>) -> BootstrapOptions<'_> {
    BootstrapOptions { seed, groups, ..Default::default() }
}

/// # Errors
/// When the folds leave a row out or test it twice.
fn require_folds(folds: &[Split], n: usize) -> Result<()> {
    let mut times = vec![0_u8; n];
    for row in folds.iter().flat_map(|fold| &fold.test) {
        match times.get_mut(*row) {
            Some(times) => *times = times.saturating_add(1),
            None => {
                return Err(Error::argument("a row beyond the last")
                    .with_code("row-out-of-range")
                    .row(*row)
                    .seen(format!("{n} rows")));
            }
        }
    }
    match times.iter().position(|times| *times != 1) {
        Some(row) => Err(Error::argument("the folds do not test each row once")
            .row(row)
            .seen(format!("tested {} times", times[row]))),
        None if folds.len() < 2 => Err(Error::argument("a cross-validation needs at least two folds")),
        None => Ok(()),
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
            return Err(Error::argument("a row beyond the last")
                .with_code("row-out-of-range")
                .row(*row)
                .seen(format!("{n} rows")));
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
