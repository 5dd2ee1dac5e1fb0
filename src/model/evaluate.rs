//! The scaffold of `classify` and `regress`: fit on the training rows of each split, predict its test rows,
//! and know which of those the model had seen.

use std::time::Instant;

use ndarray::ArrayView2;
use serde::Serialize;

use super::features::Inputs;
use super::importance::{Importance, TopFeature, permutation_importance, top_features};
use super::options::{ModelKind, ModelOptions};
use crate::error::{Error, Result};
use crate::forest::Tree;
use crate::metric::{BootstrapOptions, Comparison};
use crate::progress::steps;
use crate::rows::require_finite;
use crate::split::{Copies, Split};
use crate::targets::require_weights;

/// What is known about the rows besides their inputs; each list has one entry a row, or is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct SampleInfo<'a> {
    /// The texts of the rows. A test row whose text or vector also occurs in the training rows is counted as
    /// leaked; the other test rows are scored by themselves, and the verdict rests on those.
    pub texts: Option<&'a [Option<String>]>,
    /// Weights of the training rows.
    pub weights: Option<&'a [f64]>,
    /// Groups of rows that belong together, such as those of one user: intervals then draw whole groups.
    pub groups: Option<&'a [u32]>,
    /// Whether the importance of the embedding and of each column is measured; not in a cross-validation.
    /// Default: no.
    pub importance: bool,
}

impl SampleInfo<'_> {
    fn require(&self, n: usize) -> Result<()> {
        for (what, len) in [("texts", self.texts.map(<[_]>::len)), ("groups", self.groups.map(<[_]>::len))] {
            if let Some(len) = len.filter(|len| *len != n) {
                return Err(Error::argument(format!("rows and {what} of different number"))
                    .seen(format!("{n} rows, {len} {what}")));
            }
        }
        self.weights.map_or(Ok(()), |weights| require_weights(weights, n))
    }

    /// How the intervals of some rows are drawn: `groups` are those of the rows, when there are groups.
    pub(super) fn bootstrap<'g>(&self, seed: u64, groups: Option<&'g [u32]>) -> BootstrapOptions<'g> {
        BootstrapOptions { seed, groups, ..Default::default() }
    }
}

/// How a model was tested: on which rows, which of them it had seen, which features matter.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HeldOut {
    /// The kind of the model.
    pub model: ModelKind,
    /// Test rows whose text (up to case and white space) or vector also occurs in the training rows of their
    /// split; `None` where no row has a text or a vector other than zeros to compare.
    pub leaked: Option<usize>,
    /// How much worse the model predicts when a group of features is shuffled, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub importance: Vec<Importance>,
    /// The single features that the splits gain most from, for models of trees; not in a cross-validation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top_features: Vec<TopFeature>,
    /// Training rows (in a cross-validation: all rows).
    pub n_train: usize,
    /// Test rows.
    pub n_test: usize,
    /// Seconds of fitting.
    pub fit_seconds: f64,
    /// The test rows, in the order of the splits.
    #[serde(skip)]
    pub test_rows: Vec<usize>,
    /// The places among `test_rows` of the rows that did not leak, where some did.
    #[serde(skip)]
    pub unseen: Option<Vec<usize>>,
    /// The tree, when the model is a single one.
    #[serde(skip)]
    pub tree: Option<Tree>,
    /// The names of the features that a tree splits on, when the model is a single one.
    #[serde(skip)]
    pub feature_names: Vec<String>,
}

/// The scores of one fold of a cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct FoldScores<S> {
    /// Its training rows.
    pub n_train: usize,
    /// Its test rows.
    pub n_test: usize,
    /// Test rows that also occur in its training rows, as [`HeldOut::leaked`].
    pub leaked: Option<usize>,
    /// The scores on all of its test rows.
    #[serde(flatten)]
    pub scores: S,
    /// The scores on those that did not leak, where some leaked; `None` where all did.
    pub unseen: Option<S>,
}

/// The scores on the test rows that did not leak, with what a constant scores on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Unseen<S, I, B> {
    /// The scores.
    #[serde(flatten)]
    pub scores: S,
    /// Their 95 % intervals.
    pub intervals: I,
    /// The scores of the constant.
    pub baseline: B,
}

/// Whether the model is better than a constant, by a paired test at the 5 % level. It rests on the unseen
/// rows when some test rows leaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Significantly better.
    Better,
    /// Significantly worse.
    Worse,
    /// Not significantly different.
    NotDifferent,
    /// All test rows leaked: there is nothing to judge by.
    NoUnseenRows,
}

impl Verdict {
    /// `gain` turns a difference so that above 0 is better.
    pub(super) fn of(comparison: Option<&Comparison>, gain: impl Fn(f64) -> f64) -> Verdict {
        match comparison {
            None => Verdict::NoUnseenRows,
            Some(found) if found.p_value >= 0.05 => Verdict::NotDifferent,
            Some(found) if gain(found.difference) > 0.0 => Verdict::Better,
            Some(_) => Verdict::Worse,
        }
    }
}

/// What differs between numbers and classes: how a model is fitted and how good a prediction is.
pub(super) trait Task {
    type Model;
    type Prediction;

    /// Fits to the features of these rows.
    fn fit(
        &self,
        features: ArrayView2<'_, f32>,
        rows: &[usize],
        weights: Option<&[f64]>,
        options: &ModelOptions,
    ) -> Result<Self::Model>;

    fn predict(&self, model: &Self::Model, features: ArrayView2<'_, f32>) -> Result<Self::Prediction>;

    /// The score that an unimportant feature does not change; larger is better.
    fn score(&self, rows: &[usize], prediction: &Self::Prediction) -> Result<f64>;

    fn gains(model: &Self::Model) -> Option<&[f64]>;

    fn tree(model: &Self::Model) -> Option<&Tree>;
}

/// The predictions for the test rows of one split.
pub(super) struct Tested<P> {
    pub rows: Vec<usize>,
    pub prediction: P,
    pub n_train: usize,
    pub leaked: Option<usize>,
    /// The places of the rows that did not leak.
    pub unseen: Vec<usize>,
}

impl<P> Tested<P> {
    /// The scores of the fold; `score` is given places among its rows.
    pub fn fold<S>(&self, score: impl Fn(&[usize]) -> Result<S>) -> Result<FoldScores<S>> {
        let all: Vec<usize> = (0..self.rows.len()).collect();
        let leaks = self.leaked.is_some_and(|leaked| leaked > 0);
        Ok(FoldScores {
            n_train: self.n_train,
            n_test: self.rows.len(),
            leaked: self.leaked,
            scores: score(&all)?,
            unseen: (leaks && !self.unseen.is_empty()).then(|| score(&self.unseen)).transpose()?,
        })
    }
}

/// Fits and tests once for each split.
pub(super) fn hold_out<T: Task>(
    task: &T,
    inputs: &Inputs<'_>,
    splits: &[Split],
    info: &SampleInfo<'_>,
    options: &ModelOptions,
) -> Result<(HeldOut, Vec<Tested<T::Prediction>>)> {
    let n = inputs.rows().nrows();
    info.require(n)?;
    // Before the rows are parted: the error names the row of the whole.
    require_finite(inputs.rows())?;
    splits.iter().try_for_each(|split| require_sides(split, n))?;
    let copies = Copies::new(Some(inputs.rows()), info.texts);
    let mut tested = Vec::with_capacity(splits.len());
    let mut held_out = HeldOut {
        model: options.kind,
        leaked: None,
        importance: Vec::new(),
        top_features: Vec::new(),
        n_train: 0,
        n_test: 0,
        fit_seconds: 0.0,
        test_rows: Vec::new(),
        unseen: None,
        tree: None,
        feature_names: Vec::new(),
    };
    let steps = steps("tests", splits.len());
    for split in splits {
        let encoder = inputs.encoder(&split.train)?;
        let weights = info.weights.map(|weights| pick(weights, &split.train));
        let model = {
            let features = inputs.features(&encoder, &split.train)?;
            let start = Instant::now();
            let model = task.fit(features.view(), &split.train, weights.as_deref(), options)?;
            held_out.fit_seconds += start.elapsed().as_secs_f64();
            model
        };
        let features = inputs.features(&encoder, &split.test)?;
        let prediction = task.predict(&model, features.view())?;
        if splits.len() == 1 {
            let dims = inputs.rows().ncols();
            let name = |feature| encoder.feature_name(dims, feature);
            if info.importance {
                let (groups, gains) = (encoder.groups(dims), T::gains(&model));
                held_out.importance =
                    permutation_importance(features.view(), &groups, gains, options.seed, |features| {
                        task.score(&split.test, &task.predict(&model, features)?)
                    })?;
            }
            held_out.top_features = top_features(T::gains(&model), name);
            if let Some(tree) = T::tree(&model) {
                held_out.tree = Some(tree.clone());
                held_out.feature_names = (0..features.ncols()).map(name).collect();
            }
        }
        let leak = copies.leaks(split);
        let unseen = match &leak {
            None => (0..split.test.len()).collect(),
            Some(leak) => leak.unseen(split),
        };
        tested.push(Tested {
            rows: split.test.clone(),
            prediction,
            n_train: split.train.len(),
            leaked: leak.map(|leak| leak.count()),
            unseen,
        });
        steps.add(1);
    }
    held_out.n_train = if splits.len() == 1 { splits[0].train.len() } else { n };
    let mut unseen = Vec::new();
    for fold in &tested {
        let first = held_out.test_rows.len();
        unseen.extend(fold.unseen.iter().map(|place| first + place));
        held_out.test_rows.extend(&fold.rows);
        held_out.leaked = match (held_out.leaked, fold.leaked) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
        };
    }
    held_out.n_test = held_out.test_rows.len();
    held_out.unseen = held_out.leaked.is_some_and(|leaked| leaked > 0).then_some(unseen);
    Ok((held_out, tested))
}

/// The values of some rows.
pub(super) fn pick<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| values[*row]).collect()
}

/// # Errors
/// When a part of the split is empty, or names a row that does not exist.
fn require_sides(split: &Split, n: usize) -> Result<()> {
    if split.train.is_empty() || split.test.is_empty() {
        return Err(Error::argument("a part of the split is empty"));
    }
    match split.train.iter().chain(&split.test).find(|row| **row >= n) {
        Some(row) => Err(Error::argument("a row beyond the last").row(*row).seen(format!("{n} rows"))),
        None => Ok(()),
    }
}

/// # Errors
/// When the folds leave a row out or test it twice.
pub(super) fn require_folds(folds: &[Split], n: usize) -> Result<()> {
    let mut times = vec![0_u8; n];
    for row in folds.iter().flat_map(|fold| &fold.test) {
        match times.get_mut(*row) {
            Some(times) => *times = times.saturating_add(1),
            None => {
                return Err(Error::argument("a row beyond the last").row(*row).seen(format!("{n} rows")));
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
