//! How well a number is predicted.

use std::time::Instant;

use ndarray::ArrayView2;
use serde::Serialize;

use super::{ForestOptions, Sides, unseen};
use crate::error::Result;
use crate::forest::{ForestRegressor, MaxFeatures};
use crate::metric::{
    BootstrapOptions, Comparison, ComparisonOptions, Loss, OrdinalIntervals, OrdinalScores,
    RegressionBaselines, RegressionIntervals, RegressionScores, compare_errors, ordinal_intervals,
    ordinal_scores, regression_baselines, regression_intervals, regression_scores,
};
use crate::table::Split;

/// Targets that take at most so many whole values are judged as levels, too.
const MOST_LEVELS: usize = 11;

/// A forest's predictions of a number for rows that it has not seen, judged.
#[derive(Debug, Clone, Serialize)]
pub struct RegressionAnalysis {
    /// The scores on the test rows.
    #[serde(flatten)]
    pub scores: RegressionScores,
    /// Their 95 % intervals, by bootstrap of the test rows.
    pub intervals: RegressionIntervals,
    /// The scores as levels, when the targets are few whole numbers (stars).
    pub stars: Option<Stars>,
    /// What constants from the training rows score.
    pub baseline: RegressionBaselines,
    /// The model against the better constant for the absolute error, the median.
    pub against_median: Comparison,
    /// Test rows whose text also stands in training.
    pub leaked: usize,
    /// The scores on the other test rows, when some leak.
    pub unseen: Option<RegressionScores>,
    /// What the constants score on those.
    pub unseen_baseline: Option<RegressionBaselines>,
    /// Training rows.
    pub n_train: usize,
    /// Test rows.
    pub n_test: usize,
    /// Seconds of fitting.
    pub fit_seconds: f64,
    /// The true numbers of the test rows, in the order of the split.
    #[serde(skip)]
    pub truth: Vec<f64>,
    /// The predicted ones.
    #[serde(skip)]
    pub predicted: Vec<f64>,
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

/// Fits a forest to the training rows (`rows`: n x d) and judges it on the test rows, beside the mean
/// and the median of the training targets. With `texts`, the test rows whose text also stands in
/// training are counted, and the others are scored by themselves.
///
/// # Errors
/// When rows and targets do not fit together or hold numbers that are not finite, or a side is empty.
///
/// ```
/// use embedlab::model::{ForestOptions, regress};
/// use embedlab::table::train_test_split;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((100, 2), |(row, column)| ((row * 7 + column * 3) % 10) as f32);
/// let stars: Vec<f64> = rows.column(0).iter().map(|x| f64::from((x / 2.5).floor()) + 1.0).collect();
/// let split = train_test_split(100, 0.2, 42)?;
/// let found = regress(rows.view(), &stars, &split, None, &ForestOptions::default())?;
/// assert!(found.scores.mae < found.baseline.median.scores.mae);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn regress(
    rows: ArrayView2<'_, f32>,
    targets: &[f64],
    split: &Split,
    texts: Option<&[Option<String>]>,
    options: &ForestOptions,
) -> Result<RegressionAnalysis> {
    let sides = Sides::of(rows, targets.len(), split)?;
    let pick = |rows: &[usize]| rows.iter().map(|row| targets[*row]).collect::<Vec<f64>>();
    let (train, truth) = (pick(&split.train), pick(&split.test));
    let start = Instant::now();
    let model = ForestRegressor::params()
        .n_estimators(options.trees)
        .max_features(options.max_features.unwrap_or(MaxFeatures::All))
        .max_depth(options.max_depth)
        .min_samples_leaf(options.min_samples_leaf)
        .seed(options.seed)
        .fit_rows(sides.train.view(), &train, None)?;
    let fit_seconds = start.elapsed().as_secs_f64();
    let predicted = model.predict_rows(sides.test.view())?;

    let bootstrap = BootstrapOptions { seed: options.seed, ..Default::default() };
    let baseline = regression_baselines(&train, &truth)?;
    let constant = vec![baseline.median.value; truth.len()];
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
    let (leaked, others) = unseen(split, texts);
    let of = |values: &[f64], at: &[usize]| at.iter().map(|at| values[*at]).collect::<Vec<f64>>();
    let others = others.map(|at| (of(&truth, &at), of(&predicted, &at)));
    Ok(RegressionAnalysis {
        scores: regression_scores(&truth, &predicted)?,
        intervals: regression_intervals(&truth, &predicted, &bootstrap)?,
        stars,
        baseline,
        against_median,
        leaked,
        unseen: others.as_ref().map(|(truth, predicted)| regression_scores(truth, predicted)).transpose()?,
        unseen_baseline: others.as_ref().map(|(truth, _)| regression_baselines(&train, truth)).transpose()?,
        n_train: train.len(),
        n_test: truth.len(),
        fit_seconds,
        truth,
        predicted,
    })
}
