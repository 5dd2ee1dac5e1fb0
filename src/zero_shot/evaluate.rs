//! Zero-shot labels against true ones.

use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::score::{label_scores, margins};
use super::threshold::{Goal, Marked, Thresholds, thresholds};
use super::{LabelVectors, Truth, ZeroShot};
use crate::error::{Error, Result};
use crate::metric::{
    AverageScores, BootstrapOptions, ClassCurves, ClassScores, ClassificationReport, Interval,
    PrecisionRecall, class_curves, classification_intervals, classification_report,
};
use crate::split::train_test_split;

/// The most rows of which average precisions and curves are taken.
const MOST_RANKED: usize = 100_000;

/// How [`evaluate`] works.
#[derive(Debug, Clone, Copy)]
pub struct LabelEvaluationOptions {
    /// With two labels, the number of the positive one. Default: by its name
    /// ([`LabelVectors::positive`]).
    pub positive: Option<usize>,
    /// What the best threshold is best at. Default: balanced accuracy.
    pub goal: Goal,
    /// The share of the rows with a true label that the best threshold is judged on. Default: 0.2.
    pub test_size: f64,
    /// The seed of the split. Default: 42.
    pub seed: u32,
    /// Resamples of the intervals. Default: 1000.
    pub n_resamples: usize,
}

impl Default for LabelEvaluationOptions {
    fn default() -> Self {
        LabelEvaluationOptions {
            positive: None,
            goal: Goal::BalancedAccuracy,
            test_size: 0.2,
            seed: 42,
            n_resamples: 1000,
        }
    }
}

/// What [`evaluate`] found. Serialised, it has the keys of `embedlab zero-shot --json`.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LabelEvaluation {
    /// Rows with a true label and a direction: all scores rest on these.
    pub n: usize,
    /// Rows of zeros with a true label, which have no label here; they are left out.
    #[serde(rename = "zero_rows_with_true_label")]
    pub zero_rows: usize,
    /// The share of them whose label is right.
    pub accuracy: f64,
    /// Its bootstrap interval (95 %).
    pub accuracy_interval: Interval,
    /// The mean recall of the labels.
    pub balanced_accuracy: f64,
    /// The accuracy of always giving the most frequent label.
    pub baseline_accuracy: f64,
    /// Of the positive label's margin, with two labels; else the mean over the labels. `None` when
    /// no label has rows.
    pub average_precision: Option<f64>,
    /// The rows of a random sample that average precisions and curves rest on, where there are too many for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve_rows: Option<usize>,
    /// With two labels, the positive one.
    pub positive: Option<String>,
    /// Each label counts the same.
    #[serde(rename = "macro")]
    pub macro_average: AverageScores,
    /// Each label counts by its rows.
    pub weighted: AverageScores,
    /// The scores of each label.
    pub classes: Vec<ClassResult>,
    /// Counts of rows by true label (rows) and predicted label (columns), in the order of `classes`.
    pub confusion: Vec<Vec<u64>>,
    /// The threshold of the margin; two labels only, and rows enough for two parts with both.
    pub threshold: Option<Thresholds>,
    /// Why there is none, with two labels.
    pub no_threshold: Option<String>,
    /// What each prompt adds; empty when every label has one.
    pub prompts: Vec<PromptResult>,
    /// The same scores in scikit-learn's layout.
    #[serde(skip)]
    pub report: ClassificationReport,
    /// The precision-recall curves behind the average precisions.
    #[serde(skip)]
    pub curves: ClassCurves,
}

/// One label.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ClassResult {
    /// Precision, recall, F1, support.
    #[serde(flatten)]
    pub scores: ClassScores,
    /// Of its score (with two labels its margin) against all other rows.
    pub average_precision: Option<f64>,
}

/// What one prompt adds, on the training part.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct PromptResult {
    /// Its place among the prompts, from 0.
    pub prompt: usize,
    /// Its label.
    pub label: String,
    /// Its text, if known.
    pub text: Option<String>,
    /// Average precision with all prompts.
    pub average_precision: f64,
    /// The same when this one alone is used for its label.
    pub alone: f64,
    /// The same when this one is left out; `None` for the only prompt of its label.
    pub without: Option<f64>,
    /// How much it adds: with all minus without.
    pub gain: Option<f64>,
}

impl LabelEvaluation {
    /// With two labels, the curve of the positive one.
    pub fn positive_curve(&self) -> Option<(&str, &PrecisionRecall)> {
        let name = self.positive.as_deref()?;
        let curve = self.curves.classes.iter().find(|curve| curve.label == name)?;
        Some((name, &curve.precision_recall))
    }
}

/// Scores the predictions of [`zero_shot`](super::zero_shot) on the rows that have a true label.
///
/// Rows of zeros have no label, and are left out and counted. Nothing was trained, so all of these rows are
/// test rows. Only what is chosen by looking at true
/// labels needs a split: the best threshold is found on the training part and judged on the test
/// part (`train_test_split` of the rows with a label, in row order), and prompts are compared on
/// the training part.
///
/// # Errors
/// When truth and rows differ in number, the positive label is none of two, or no row has a label.
pub fn evaluate(
    found: &ZeroShot,
    truth: &Truth,
    labels: &LabelVectors,
    options: &LabelEvaluationOptions,
) -> Result<LabelEvaluation> {
    if truth.codes.len() != found.predicted.len() {
        return Err(Error::argument("true labels and rows differ in number").seen(format!(
            "{} labels, {} rows",
            truth.codes.len(),
            found.predicted.len()
        )));
    }
    let positive = match (options.positive, labels.names().len()) {
        (Some(label), 2) if label < 2 => Some(label),
        (Some(_), n) => {
            return Err(Error::argument("a positive label needs two labels").seen(format!("{n} labels")));
        }
        (None, _) => labels.positive(),
    };
    let judged = |row: usize| Some((row, truth.codes[row]?, found.predicted[row]?));
    let judged: Vec<(usize, usize, usize)> = (0..truth.codes.len()).filter_map(judged).collect();
    if judged.is_empty() {
        return Err(Error::input("no row with a true label has a direction")
            .seen(format!("{} rows of zeros", found.zero_rows))
            .advice("embed these rows again"));
    }
    let kept: Vec<usize> = judged.iter().map(|row| row.0).collect();
    let true_labels: Vec<usize> = judged.iter().map(|row| row.1).collect();
    let predicted: Vec<usize> = judged.iter().map(|row| row.2).collect();
    let report = classification_report(&true_labels, &predicted, labels.names())?;
    let bootstrap = BootstrapOptions {
        n_resamples: options.n_resamples,
        seed: options.seed.into(),
        ..BootstrapOptions::default()
    };
    let intervals = classification_intervals(&true_labels, &predicted, labels.names(), &bootstrap)?;
    let ranked = ranked(kept.len(), options.seed);
    let (ranked_rows, ranked_labels): (Vec<usize>, Vec<usize>) =
        ranked.iter().map(|at| (kept[*at], true_labels[*at])).unzip();
    let curves = curves(found.scores.select(Axis(0), &ranked_rows).view(), &ranked_labels, labels, positive)?;
    let average_precision = average_precision(&curves, positive);
    let largest = report.classes.iter().map(|class| class.support).max().unwrap_or(0);

    let split = train_test_split(kept.len(), options.test_size, options.seed);
    let mut train = split.as_ref().map_or_else(|_| (0..kept.len()).collect(), |split| split.train.clone());
    if ranked.len() < kept.len() {
        train.retain(|at| ranked.binary_search(at).is_ok());
    }
    let found_threshold = match (positive, split) {
        (Some(positive), Ok(split)) => {
            let margins = found.margins(positive);
            let marked = |part: &[usize]| -> Marked {
                part.iter().map(|&at| (margins[kept[at]], true_labels[at] == positive)).collect()
            };
            Some(thresholds(marked(&split.train), marked(&split.test), options.goal))
        }
        (Some(_), Err(error)) => Some(Err(error)),
        (None, _) => None,
    };
    let no_threshold =
        found_threshold.as_ref().and_then(|found| found.as_ref().err()).map(ToString::to_string);
    let class = |scores: &ClassScores| ClassResult {
        average_precision: curves.classes[scores.class].precision_recall.average_precision,
        scores: scores.clone(),
    };
    Ok(LabelEvaluation {
        n: kept.len(),
        zero_rows: truth.codes.iter().flatten().count() - kept.len(),
        accuracy: report.accuracy,
        accuracy_interval: intervals.accuracy,
        balanced_accuracy: report.balanced_accuracy,
        baseline_accuracy: largest as f64 / kept.len() as f64,
        average_precision,
        curve_rows: (ranked.len() < kept.len()).then_some(ranked.len()),
        positive: positive.map(|label| labels.names()[label].clone()),
        macro_average: report.macro_average,
        weighted: report.weighted,
        classes: report.classes.iter().map(class).collect(),
        confusion: report.confusion.clone(),
        threshold: found_threshold.and_then(Result::ok),
        no_threshold,
        prompts: prompts(found, labels, positive, &kept, &true_labels, &train)?,
        report,
        curves,
    })
}

/// The rows that are ranked for curves: all, or a sample of so many that they fit in memory label by label.
fn ranked(n: usize, seed: u32) -> Vec<usize> {
    if n <= MOST_RANKED {
        return (0..n).collect();
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed.into());
    let mut chosen = index::sample(&mut random, n, MOST_RANKED).into_vec();
    chosen.sort_unstable();
    chosen
}

/// With two labels, rows are ranked by the margin, which is what decides.
fn curves(
    scores: ArrayView2<'_, f64>,
    truth: &[usize],
    labels: &LabelVectors,
    positive: Option<usize>,
) -> Result<ClassCurves> {
    let Some(positive) = positive else { return class_curves(truth, scores, labels.names()) };
    let margins = margins(scores, positive);
    let by_margin =
        Array2::from_shape_fn(
            scores.dim(),
            |(row, label)| {
                if label == positive { margins[row] } else { -margins[row] }
            },
        );
    class_curves(truth, by_margin.view(), labels.names())
}

fn average_precision(curves: &ClassCurves, positive: Option<usize>) -> Option<f64> {
    match positive {
        Some(label) => curves.classes[label].precision_recall.average_precision,
        None => curves.macro_average_precision,
    }
}

/// Which prompts help, on the training rows.
fn prompts(
    found: &ZeroShot,
    labels: &LabelVectors,
    positive: Option<usize>,
    kept: &[usize],
    true_labels: &[usize],
    train: &[usize],
) -> Result<Vec<PromptResult>> {
    let n_prompts = labels.of().len();
    if n_prompts == labels.names().len() {
        return Ok(Vec::new());
    }
    let rows: Vec<usize> = train.iter().map(|at| kept[*at]).collect();
    let truth: Vec<usize> = train.iter().map(|at| true_labels[*at]).collect();
    let similarities = found.prompts.select(Axis(0), &rows);
    let score = |counts: &dyn Fn(usize) -> bool| -> Result<f64> {
        let scores = label_scores(similarities.view(), labels, counts);
        Ok(average_precision(&curves(scores.view(), &truth, labels, positive)?, positive).unwrap_or(0.0))
    };
    let all = score(&|_| true)?;
    (0..n_prompts)
        .map(|prompt| {
            let label = labels.of()[prompt];
            let others = labels.of().iter().filter(|of| **of == label).count() > 1;
            let alone = score(&|p| p == prompt || labels.of()[p] != label)?;
            let without = if others { Some(score(&|p| p != prompt)?) } else { None };
            Ok(PromptResult {
                prompt,
                label: labels.names()[label].clone(),
                text: labels.texts()[prompt].clone(),
                average_precision: all,
                alone,
                without,
                gain: without.map(|without| all - without),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zero_shot::zero_shot;
    use ndarray::array;

    fn labels() -> LabelVectors {
        let names = ["negative", "positive", "positive"].map(String::from);
        LabelVectors::new(&names, None, array![[0.0_f32, 1.0], [1.0, 0.0], [0.1, 1.0]]).unwrap()
    }

    fn truth(codes: &[Option<usize>]) -> Truth {
        let kept = codes.iter().flatten().count();
        Truth { codes: codes.to_vec(), kept, dropped: Vec::new(), empty: codes.len() - kept }
    }

    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((60, 2), |(i, j)| {
            let angle = (i * 37 % 60) as f32 / 60.0 * 1.5;
            if j == 0 { angle.cos() } else { angle.sin() }
        })
    }

    #[test]
    fn a_misleading_prompt_is_known_by_its_gain() {
        let found = zero_shot(&rows(), &labels()).unwrap();
        let codes: Vec<Option<usize>> =
            (0..60).map(|i| (i % 10 != 3).then_some(usize::from(i * 37 % 60 < 30 && i % 7 != 0))).collect();
        let evaluation =
            evaluate(&found, &truth(&codes), &labels(), &LabelEvaluationOptions::default()).unwrap();
        assert_eq!((evaluation.n, evaluation.prompts.len()), (54, 3));
        assert_eq!(evaluation.prompts[0].gain, None);
        assert!(evaluation.prompts[1].alone >= evaluation.prompts[2].alone);
        let threshold = evaluation.threshold.unwrap();
        assert_eq!((threshold.n_train, threshold.n_test), (43, 11));
    }

    #[test]
    fn truth_of_one_label_has_a_report_and_no_threshold() {
        let found = zero_shot(&rows(), &labels()).unwrap();
        let evaluation =
            evaluate(&found, &truth(&[Some(1); 60]), &labels(), &LabelEvaluationOptions::default()).unwrap();
        assert!(evaluation.threshold.is_none());
        assert!(evaluation.no_threshold.unwrap().contains("lacks one of the two labels"));
        assert_eq!(evaluation.baseline_accuracy, 1.0);
    }

    #[test]
    fn labels_of_another_model_are_refused() {
        let error = zero_shot(&Array2::<f32>::ones((2, 3)), &labels()).unwrap_err();
        assert!(error.to_string().contains("2 in the labels, 3 in the rows"), "{error}");
    }
}
