//! How well a number is predicted.

use ndarray::ArrayView2;
use serde::Serialize;

use super::evaluate::{
    FoldScores, HeldOut, SampleInfo, Task, Unseen, Verdict, hold_out, pick, require_folds,
};
use super::features::Inputs;
use super::{ModelOptions, Regressor};
use crate::error::{Error, Result};
use crate::forest::Tree;
use crate::metric::{
    Comparison, ComparisonOptions, Loss, OrdinalIntervals, OrdinalScores, RegressionBaselines,
    RegressionIntervals, RegressionScores, compare_errors, ordinal_intervals, ordinal_scores,
    regression_baselines, regression_intervals, regression_scores,
};
use crate::split::Split;

/// Targets that take at most this many whole values are judged as levels, too.
const MOST_LEVELS: usize = 11;

/// A model's predictions of a number for rows that it was not fitted to, judged.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RegressionAnalysis {
    /// How it was tested.
    #[serde(flatten)]
    pub held_out: HeldOut,
    /// The scores on all test rows.
    #[serde(flatten)]
    pub scores: RegressionScores,
    /// Their 95 % intervals.
    pub intervals: RegressionIntervals,
    /// The scores as levels, when the targets are few whole numbers (stars).
    pub stars: Option<Stars>,
    /// The scores of constants from the training rows (in a cross-validation: from all rows).
    pub baseline: Baseline,
    /// Whether the model is better than the median, the best constant by absolute error.
    pub verdict: Verdict,
    /// The test behind the verdict: on the unseen rows when some leaked; `None` when all did.
    pub against_median: Option<Comparison>,
    /// The same test on all test rows, when some leaked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_median_all_rows: Option<Comparison>,
    /// The scores on the test rows that did not leak, when some did; `None` when none or all did.
    pub unseen: Option<UnseenNumbers>,
    /// The scores of each fold of a cross-validation; empty for a single split.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<FoldScores<RegressionScores>>,
    /// The true numbers of the test rows.
    #[serde(skip)]
    pub truth: Vec<f64>,
    /// The predicted ones.
    #[serde(skip)]
    pub predicted: Vec<f64>,
}

/// The scores of numbers on unseen rows.
pub type UnseenNumbers = Unseen<RegressionScores, RegressionIntervals, Baseline>;

/// The scores of constants.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Baseline {
    /// The mean absolute error of always predicting the median.
    pub mae: f64,
    /// The mean squared error of always predicting the mean.
    pub mse: f64,
    /// All scores of both.
    #[serde(flatten)]
    pub constants: RegressionBaselines,
}

impl Baseline {
    fn new(train: &[f64], test: &[f64]) -> Result<Baseline> {
        let constants = regression_baselines(train, test)?;
        Ok(Baseline { mae: constants.median.scores.mae, mse: constants.mean.scores.mse, constants })
    }
}

/// Scores of levels such as stars.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Stars {
    /// Share within one level, quadratic weighted kappa, Kendall's tau.
    #[serde(flatten)]
    pub scores: OrdinalScores,
    /// Their 95 % intervals.
    pub intervals: OrdinalIntervals,
}

/// Fits a model to the training rows (`inputs`: n x d, alone or with columns) and judges it on the test rows,
/// beside the mean and the median of the training targets.
///
/// # Errors
/// When rows and targets do not fit together or hold numbers that are not finite, a part of the split is
/// empty, or the model cannot be fitted ([`Regressor::fit`]).
///
/// ```
/// use embedlab::model::{ModelOptions, SampleInfo, regress};
/// use embedlab::split::train_test_split;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((100, 2), |(row, column)| ((row * 7 + column * 3) % 101) as f32);
/// let stars: Vec<f64> = rows.column(0).iter().map(|x| f64::from((x / 25.5).floor()) + 1.0).collect();
/// let split = train_test_split(100, 0.2, 42)?;
/// let found = regress(rows.view(), &stars, &split, &SampleInfo::default(), &ModelOptions::default())?;
/// assert!(found.scores.mae < found.baseline.mae);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn regress<'a>(
    inputs: impl Into<Inputs<'a>>,
    targets: &[f64],
    split: &Split,
    info: &SampleInfo<'_>,
    options: &ModelOptions,
) -> Result<RegressionAnalysis> {
    judge(&inputs.into(), targets, std::slice::from_ref(split), info, options)
}

/// Fits and tests once for each fold; every row is predicted once, by a model that was not fitted to it, and
/// all predictions are judged together.
///
/// # Errors
/// As [`regress`], and when the folds do not test each row once.
pub fn cross_validate_numbers<'a>(
    inputs: impl Into<Inputs<'a>>,
    targets: &[f64],
    folds: &[Split],
    info: &SampleInfo<'_>,
    options: &ModelOptions,
) -> Result<RegressionAnalysis> {
    let inputs = inputs.into();
    require_folds(folds, inputs.rows().nrows())?;
    judge(&inputs, targets, folds, info, options)
}

/// The targets of all rows.
struct Numbers<'a>(&'a [f64]);

impl Task for Numbers<'_> {
    type Model = Regressor;
    type Prediction = Vec<f64>;

    fn fit(
        &self,
        features: ArrayView2<'_, f32>,
        rows: &[usize],
        weights: Option<&[f64]>,
        options: &ModelOptions,
    ) -> Result<Regressor> {
        Regressor::fit(features, &pick(self.0, rows), weights, options)
    }

    fn predict(&self, model: &Regressor, features: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
        model.predict(features)
    }

    fn score(&self, rows: &[usize], predicted: &Vec<f64>) -> Result<f64> {
        Ok(regression_scores(&pick(self.0, rows), predicted)?.r2.unwrap_or(0.0))
    }

    fn gains(model: &Regressor) -> Option<&[f64]> {
        model.feature_importance()
    }

    fn tree(model: &Regressor) -> Option<&Tree> {
        model.tree()
    }
}

fn judge(
    inputs: &Inputs<'_>,
    targets: &[f64],
    splits: &[Split],
    info: &SampleInfo<'_>,
    options: &ModelOptions,
) -> Result<RegressionAnalysis> {
    let n = inputs.rows().nrows();
    if n != targets.len() {
        return Err(Error::argument("rows and targets of different number")
            .seen(format!("{n} rows, {} targets", targets.len())));
    }
    let (held_out, tested) = hold_out(&Numbers(targets), inputs, splits, info, options)?;
    let truth = pick(targets, &held_out.test_rows);
    let predicted: Vec<f64> = tested.iter().flat_map(|fold| &fold.prediction).copied().collect();
    let train = match splits {
        [split] => pick(targets, &split.train),
        _ => targets.to_vec(),
    };
    let groups = info.groups.map(|groups| pick(groups, &held_out.test_rows));
    let bootstrap = info.bootstrap(options.seed, groups.as_deref());
    let baseline = Baseline::new(&train, &truth)?;
    let against_constant = |places: &[usize]| {
        let groups = groups.as_ref().map(|groups| pick(groups, places));
        let bootstrap = info.bootstrap(options.seed, groups.as_deref());
        let constant = vec![baseline.constants.median.value; places.len()];
        let (truth, predicted) = (pick(&truth, places), pick(&predicted, places));
        let options = ComparisonOptions { bootstrap, ..Default::default() };
        compare_errors(&truth, &predicted, &constant, Loss::Absolute, &options)
    };
    let all: Vec<usize> = (0..truth.len()).collect();
    let on_all = against_constant(&all)?;
    let (against_median, against_median_all_rows) = match &held_out.unseen {
        None => (Some(on_all), None),
        Some(unseen) if unseen.is_empty() => (None, Some(on_all)),
        Some(unseen) => (Some(against_constant(unseen)?), Some(on_all)),
    };
    let unseen = match &held_out.unseen {
        Some(places) if !places.is_empty() => {
            let (truth, predicted) = (pick(&truth, places), pick(&predicted, places));
            let groups = groups.as_ref().map(|groups| pick(groups, places));
            let bootstrap = info.bootstrap(options.seed, groups.as_deref());
            Some(UnseenNumbers {
                scores: regression_scores(&truth, &predicted)?,
                intervals: regression_intervals(&truth, &predicted, &bootstrap)?,
                baseline: Baseline::new(&train, &truth)?,
            })
        }
        _ => None,
    };
    let stars = match levels(targets) {
        Some(levels) => Some(Stars {
            scores: ordinal_scores(&truth, &predicted, &levels)?,
            intervals: ordinal_intervals(&truth, &predicted, &levels, &bootstrap)?,
        }),
        None => None,
    };
    let folds = match tested.as_slice() {
        [_] => Vec::new(),
        folds => folds
            .iter()
            .map(|fold| {
                let truth = pick(targets, &fold.rows);
                fold.fold(|places| regression_scores(&pick(&truth, places), &pick(&fold.prediction, places)))
            })
            .collect::<Result<Vec<_>>>()?,
    };
    Ok(RegressionAnalysis {
        scores: regression_scores(&truth, &predicted)?,
        intervals: regression_intervals(&truth, &predicted, &bootstrap)?,
        stars,
        baseline,
        verdict: Verdict::of(against_median.as_ref(), |difference| -difference),
        against_median,
        against_median_all_rows,
        unseen,
        folds,
        truth,
        predicted,
        held_out,
    })
}

/// The distinct targets in order, when they are few whole numbers.
fn levels(targets: &[f64]) -> Option<Vec<f64>> {
    let mut levels = targets.to_vec();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    let are_levels = (2..=MOST_LEVELS).contains(&levels.len()) && levels.iter().all(|x| x.fract() == 0.0);
    are_levels.then_some(levels)
}
