//! How well a number is predicted.

use std::time::Instant;

use ndarray::ArrayView2;
use serde::Serialize;

use super::{
    Beside, Importance, ModelKind, ModelOptions, Regressor, Sides, TopFeature, bootstrap,
    permutation_importance, pick, require_folds, top_features, unseen,
};
use crate::error::Result;
use crate::forest::Tree;
use crate::metric::{
    Comparison, ComparisonOptions, Loss, OrdinalIntervals, OrdinalScores, RegressionBaselines,
    RegressionIntervals, RegressionScores, compare_errors, ordinal_intervals, ordinal_scores,
    regression_baselines, regression_intervals, regression_scores,
};
use crate::split::Split;

/// Targets that take at most so many whole values are judged as levels, too.
const MOST_LEVELS: usize = 11;

/// A model's predictions of a number for rows that it has not seen, judged.
#[derive(Debug, Clone, Serialize)]
pub struct RegressionAnalysis {
    /// The kind of the model.
    pub model: ModelKind,
    /// The scores on the test rows.
    #[serde(flatten)]
    pub scores: RegressionScores,
    /// Their 95 % intervals, by bootstrap of the test rows.
    pub intervals: RegressionIntervals,
    /// The scores as levels, when the targets are few whole numbers (stars).
    pub stars: Option<Stars>,
    /// What constants from the training rows score (in a cross-validation: from all rows).
    pub baseline: Baseline,
    /// The model against the better constant for the absolute error, the median.
    pub against_median: Comparison,
    /// Test rows whose text also stands in training.
    pub leaked: usize,
    /// The scores on the other test rows, when some leak.
    pub unseen: Option<RegressionScores>,
    /// What the constants score on those.
    pub unseen_baseline: Option<Baseline>,
    /// The scores of each fold of a cross-validation; empty for a single split.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<RegressionFold>,
    /// How much the model leans on each group of features (drop of R2), when there are such groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub importance: Vec<Importance>,
    /// The single features that the splits gain most from, for models of trees; not in a
    /// cross-validation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top_features: Vec<TopFeature>,
    /// Training rows (in a cross-validation: all rows).
    pub n_train: usize,
    /// Test rows.
    pub n_test: usize,
    /// Seconds of fitting.
    pub fit_seconds: f64,
    /// The test rows, in the order of the split.
    #[serde(skip)]
    pub test_rows: Vec<usize>,
    /// Their true numbers.
    #[serde(skip)]
    pub truth: Vec<f64>,
    /// The predicted ones.
    #[serde(skip)]
    pub predicted: Vec<f64>,
    /// The tree, when the model is a single one.
    #[serde(skip)]
    pub tree: Option<Tree>,
}

/// What constants score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Baseline {
    /// The mean absolute error of always saying the median.
    pub mae: f64,
    /// The mean squared error of always saying the mean.
    pub mse: f64,
    /// All scores of both.
    #[serde(flatten)]
    pub constants: RegressionBaselines,
}

impl Baseline {
    fn of(train: &[f64], test: &[f64]) -> Result<Baseline> {
        let constants = regression_baselines(train, test)?;
        Ok(Baseline { mae: constants.median.scores.mae, mse: constants.mean.scores.mse, constants })
    }
}

/// A fold of a cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RegressionFold {
    /// Its training rows.
    pub n_train: usize,
    /// Its test rows.
    pub n_test: usize,
    /// Test rows whose text also stands in its training rows.
    pub leaked: usize,
    /// Its scores.
    #[serde(flatten)]
    pub scores: RegressionScores,
}

/// Scores of levels such as stars.
#[derive(Debug, Clone, Serialize)]
pub struct Stars {
    /// Share within one level, quadratic weighted kappa, Kendall's tau.
    #[serde(flatten)]
    pub scores: OrdinalScores,
    /// Their 95 % intervals.
    pub intervals: OrdinalIntervals,
}

/// Fits a model to the training rows (`rows`: n x d) and judges it on the test rows, beside the mean
/// and the median of the training targets. With texts, the test rows whose text also stands in
/// training are counted, and the others are scored by themselves.
///
/// # Errors
/// When rows and targets do not fit together or hold numbers that are not finite, a side is empty, or
/// the model cannot be fitted ([`Regressor::fit`]).
///
/// ```
/// use embedlab::model::{Beside, ModelOptions, regress};
/// use embedlab::split::train_test_split;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((100, 2), |(row, column)| ((row * 7 + column * 3) % 10) as f32);
/// let stars: Vec<f64> = rows.column(0).iter().map(|x| f64::from((x / 2.5).floor()) + 1.0).collect();
/// let split = train_test_split(100, 0.2, 42)?;
/// let found = regress(rows.view(), &stars, &split, &Beside::default(), &ModelOptions::default())?;
/// assert!(found.scores.mae < found.baseline.mae);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn regress(
    rows: ArrayView2<'_, f32>,
    targets: &[f64],
    split: &Split,
    beside: &Beside<'_>,
    options: &ModelOptions,
) -> Result<RegressionAnalysis> {
    let fold = Fold::fit(rows, targets, split, beside, options)?;
    let importance = if beside.features.is_empty() {
        Vec::new()
    } else {
        let test = rows.select(ndarray::Axis(0), &split.test);
        let gains = fold.model.feature_importance();
        permutation_importance(test.view(), beside.features, gains, options.seed, |rows| {
            Ok(regression_scores(&fold.truth, &fold.model.predict(rows)?)?.r2.unwrap_or(0.0))
        })?
    };
    let tree = fold.model.tree().cloned();
    let top_features = top_features(fold.model.feature_importance());
    let train = pick(targets, &split.train);
    let found = judge(&train, targets, vec![fold], beside, options)?;
    Ok(RegressionAnalysis { folds: Vec::new(), importance, top_features, tree, ..found })
}

/// Fits and tests once for each fold; every row is predicted once, by the model of the fold that has
/// not seen it, and all predictions are judged together.
///
/// # Errors
/// As [`regress`], and when the folds do not test each row once.
pub fn cross_validate_numbers(
    rows: ArrayView2<'_, f32>,
    targets: &[f64],
    folds: &[Split],
    beside: &Beside<'_>,
    options: &ModelOptions,
) -> Result<RegressionAnalysis> {
    require_folds(folds, rows.nrows())?;
    let fitted = folds
        .iter()
        .map(|fold| Fold::fit(rows, targets, fold, beside, options))
        .collect::<Result<Vec<Fold>>>()?;
    judge(targets, targets, fitted, beside, options)
}

/// A fitted fold and what it says of its test rows.
struct Fold {
    model: Regressor,
    n_train: usize,
    test_rows: Vec<usize>,
    truth: Vec<f64>,
    predicted: Vec<f64>,
    leaked: usize,
    /// Positions of the test rows whose text is new, when some are not.
    unseen: Option<Vec<usize>>,
    seconds: f64,
}

impl Fold {
    fn fit(
        rows: ArrayView2<'_, f32>,
        targets: &[f64],
        split: &Split,
        beside: &Beside<'_>,
        options: &ModelOptions,
    ) -> Result<Fold> {
        beside.check(rows.nrows())?;
        let sides = Sides::of(rows, targets.len(), split)?;
        let weights = beside.weights_of(&split.train);
        let start = Instant::now();
        let model =
            Regressor::fit(sides.train.view(), &pick(targets, &split.train), weights.as_deref(), options)?;
        let seconds = start.elapsed().as_secs_f64();
        let predicted = model.predict(sides.test.view())?;
        let (leaked, unseen) = unseen(split, beside.texts);
        let truth = pick(targets, &split.test);
        let (n_train, test_rows) = (split.train.len(), split.test.clone());
        Ok(Fold { model, n_train, test_rows, truth, predicted, leaked, unseen, seconds })
    }
}

/// Judges the predictions of one or more folds together; `train` gives the constants.
fn judge(
    train: &[f64],
    targets: &[f64],
    folds: Vec<Fold>,
    beside: &Beside<'_>,
    options: &ModelOptions,
) -> Result<RegressionAnalysis> {
    let mut truth = Vec::new();
    let mut predicted = Vec::new();
    let mut test_rows = Vec::new();
    let mut new = Vec::new();
    for fold in &folds {
        let first = truth.len();
        match &fold.unseen {
            Some(unseen) => new.extend(unseen.iter().map(|at| first + at)),
            None => new.extend(first..first + fold.truth.len()),
        }
        truth.extend(&fold.truth);
        predicted.extend(&fold.predicted);
        test_rows.extend(&fold.test_rows);
    }
    let leaked = folds.iter().map(|fold| fold.leaked).sum();
    let groups = beside.groups.map(|groups| pick(groups, &test_rows));
    let bootstrap = bootstrap(options.seed, groups.as_deref());
    let baseline = Baseline::of(train, &truth)?;
    let constant = vec![baseline.constants.median.value; truth.len()];
    let comparison = ComparisonOptions { bootstrap, ..Default::default() };
    let against_median = compare_errors(&truth, &predicted, &constant, Loss::Absolute, &comparison)?;
    let mut levels = targets.to_vec();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    let are_stars = (2..=MOST_LEVELS).contains(&levels.len()) && levels.iter().all(|x| x.fract() == 0.0);
    let stars = are_stars
        .then(|| -> Result<Stars> {
            Ok(Stars {
                scores: ordinal_scores(&truth, &predicted, &levels)?,
                intervals: ordinal_intervals(&truth, &predicted, &levels, &bootstrap)?,
            })
        })
        .transpose()?;
    let new = (leaked > 0 && !new.is_empty()).then(|| (pick(&truth, &new), pick(&predicted, &new)));
    Ok(RegressionAnalysis {
        model: options.kind,
        scores: regression_scores(&truth, &predicted)?,
        intervals: regression_intervals(&truth, &predicted, &bootstrap)?,
        stars,
        baseline,
        against_median,
        leaked,
        unseen: new.as_ref().map(|(truth, predicted)| regression_scores(truth, predicted)).transpose()?,
        unseen_baseline: new.as_ref().map(|(truth, _)| Baseline::of(train, truth)).transpose()?,
        folds: folds
            .iter()
            .map(|fold| {
                let (n_train, n_test, leaked) = (fold.n_train, fold.truth.len(), fold.leaked);
                let scores = regression_scores(&fold.truth, &fold.predicted)?;
                Ok(RegressionFold { n_train, n_test, leaked, scores })
            })
            .collect::<Result<Vec<_>>>()?,
        importance: Vec::new(),
        top_features: Vec::new(),
        n_train: train.len(),
        n_test: truth.len(),
        fit_seconds: folds.iter().map(|fold| fold.seconds).sum(),
        test_rows,
        truth,
        predicted,
        tree: None,
    })
}
