//! What a model would score that never looks at the embeddings.

use ndarray::Array2;
use serde::Serialize;

use super::check::{codes, finite, same_rows};
use super::classification::{ClassificationReport, classification_report};
use super::regression::{RegressionScores, regression_scores};
use super::rising::rising_curves;
use crate::error::Result;

/// One number, predicted for every row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ConstantPrediction {
    /// The number.
    pub value: f64,
    /// Its scores.
    pub scores: RegressionScores,
}

/// The baselines of a regression, as scikit-learn's `DummyRegressor` predicts them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct RegressionBaselines {
    /// The mean of the training values: no constant has a smaller MSE on those.
    pub mean: ConstantPrediction,
    /// The median of the training values: no constant has a smaller MAE on those.
    pub median: ConstantPrediction,
}

/// Learns a constant from the training values and scores it on the test values.
///
/// # Errors
/// No values, a value that is NaN or infinite.
///
/// ```
/// let baselines = embedlab::metric::regression_baselines(&[5.0, 5.0, 5.0, 1.0], &[5.0, 1.0])?;
/// assert_eq!((baselines.mean.value, baselines.median.value), (4.0, 5.0));
/// assert_eq!((baselines.mean.scores.mae, baselines.median.scores.mae), (2.0, 2.0));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn regression_baselines(train: &[f64], test: &[f64]) -> Result<RegressionBaselines> {
    same_rows(("training values", train.len()), ("training values", train.len()))?;
    finite("a training value", train.iter().copied())?;
    let mut sorted = train.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    let scored = |value: f64| -> Result<ConstantPrediction> {
        Ok(ConstantPrediction { value, scores: regression_scores(test, &vec![value; test.len()])? })
    };
    Ok(RegressionBaselines {
        mean: scored(train.iter().sum::<f64>() / train.len() as f64)?,
        median: scored(low + (high - low) / 2.0)?,
    })
}

/// The baselines of a classification, as scikit-learn's `DummyClassifier` predicts them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassificationBaselines {
    /// The most frequent class of the training rows; of several, the first.
    pub class: usize,
    /// Its name.
    pub label: String,
    /// The share of each class among the training rows: what `strategy="prior"` gives as
    /// probabilities of every row.
    pub prior: Vec<f64>,
    /// The scores of predicting [`class`](Self::class) for every row (`most_frequent`, `prior`).
    pub majority: ClassificationReport,
    /// The expected accuracy of predicting classes at random by their share (`stratified`).
    pub stratified_accuracy: f64,
    /// The average precision of each class with the prior as its score: its share among the test
    /// rows; `None` where that is 0.
    pub average_precision: Vec<Option<f64>>,
    /// The micro average of it.
    pub micro_average_precision: Option<f64>,
}

/// Learns the shares of the classes from the training rows and scores them on the test rows;
/// classes are numbered from 0 in the order of `names`.
///
/// # Errors
/// No rows, a class without a name.
///
/// ```
/// use embedlab::metric::classification_baselines;
///
/// let names = ["bad", "good"].map(String::from);
/// let baselines = classification_baselines(&[1, 1, 1, 0], &[0, 1], &names)?;
/// assert_eq!((baselines.label.as_str(), baselines.majority.accuracy), ("good", 0.5));
/// assert_eq!(baselines.prior, [0.25, 0.75]);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn classification_baselines(
    train: &[usize],
    test: &[usize],
    names: &[String],
) -> Result<ClassificationBaselines> {
    same_rows(("training classes", train.len()), ("training classes", train.len()))?;
    codes("a training class", train, names.len())?;
    codes("a true class", test, names.len())?;
    let shares = |rows: &[usize]| {
        let mut counts = vec![0_u32; names.len()];
        rows.iter().for_each(|&class| counts[class] += 1);
        counts.into_iter().map(|count| f64::from(count) / rows.len() as f64).collect::<Vec<_>>()
    };
    let prior = shares(train);
    // `max_by` takes the last of equals.
    let class = (0..names.len()).rev().max_by(|&a, &b| prior[a].total_cmp(&prior[b])).unwrap_or(0);
    let majority = classification_report(test, &vec![class; test.len()], names)?;
    let scores = Array2::from_shape_fn((test.len(), names.len()), |(_, class)| prior[class]);
    let curves = rising_curves(test, scores.view(), names)?;
    Ok(ClassificationBaselines {
        class,
        label: names[class].clone(),
        majority,
        stratified_accuracy: prior.iter().zip(shares(test)).map(|(train, test)| train * test).sum(),
        average_precision: curves
            .classes
            .iter()
            .map(|class| class.precision_recall.average_precision)
            .collect(),
        micro_average_precision: curves.micro.precision_recall.average_precision,
        prior,
    })
}
