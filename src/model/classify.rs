//! How well a class is predicted.

use std::time::Instant;

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Serialize, Serializer};

use super::{ForestOptions, Sides, unseen};
use crate::error::{Error, Result};
use crate::forest::{ForestClassifier, MaxFeatures};
use crate::metric::{
    BootstrapOptions, ClassCurves, ClassificationBaselines, ClassificationIntervals, ClassificationReport,
    Comparison, ComparisonOptions, class_curves, classification_baselines, classification_intervals,
    classification_report, compare_accuracy,
};
use crate::table::Split;

/// A forest's predictions of a class for rows that it has not seen, judged.
#[derive(Debug, Clone)]
pub struct ClassificationAnalysis {
    /// The report on the test rows.
    pub report: ClassificationReport,
    /// Its 95 % intervals, by bootstrap of the test rows.
    pub intervals: ClassificationIntervals,
    /// Precision-recall and ROC curves of every class, and their averages.
    pub curves: ClassCurves,
    /// What the most frequent class of the training rows scores.
    pub baseline: ClassificationBaselines,
    /// The model against it.
    pub against_majority: Comparison,
    /// Test rows whose text also stands in training.
    pub leaked: usize,
    /// The report on the other test rows, when some leak.
    pub unseen: Option<ClassificationReport>,
    /// What the most frequent class scores on those.
    pub unseen_baseline: Option<f64>,
    /// Training rows.
    pub n_train: usize,
    /// Test rows.
    pub n_test: usize,
    /// Seconds of fitting.
    pub fit_seconds: f64,
    /// The true classes of the test rows, in the order of the split.
    pub truth: Vec<usize>,
    /// The probability of each class, test rows x classes.
    pub probabilities: Array2<f64>,
    /// The names of the classes.
    pub names: Vec<String>,
}

impl Serialize for ClassificationAnalysis {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Class<'a> {
            #[serde(flatten)]
            scores: &'a crate::metric::ClassScores,
            average_precision: Option<f64>,
        }
        #[derive(Serialize)]
        struct Baseline<'a> {
            label: &'a str,
            accuracy: f64,
            micro_average_precision: Option<f64>,
        }
        #[derive(Serialize)]
        struct Known<'a> {
            accuracy: f64,
            #[serde(rename = "macro")]
            macro_average: &'a crate::metric::AverageScores,
            weighted: &'a crate::metric::AverageScores,
            balanced_accuracy: f64,
            cohen_kappa: Option<f64>,
            matthews_correlation: f64,
            classes: Vec<Class<'a>>,
            micro_average_precision: Option<f64>,
            confusion: &'a [Vec<u64>],
            baseline: Baseline<'a>,
            against_majority: &'a Comparison,
            intervals: &'a ClassificationIntervals,
            leaked: usize,
            unseen: &'a Option<ClassificationReport>,
            unseen_baseline_accuracy: Option<f64>,
            n_train: usize,
            n_test: usize,
            fit_seconds: f64,
        }
        let report = &self.report;
        let average_precision = |class: usize| {
            self.curves.classes.get(class).and_then(|curve| curve.precision_recall.average_precision)
        };
        Known {
            accuracy: report.accuracy,
            macro_average: &report.macro_average,
            weighted: &report.weighted,
            balanced_accuracy: report.balanced_accuracy,
            cohen_kappa: report.cohen_kappa,
            matthews_correlation: report.matthews_correlation,
            classes: report
                .classes
                .iter()
                .map(|scores| Class { scores, average_precision: average_precision(scores.class) })
                .collect(),
            micro_average_precision: self.curves.micro.precision_recall.average_precision,
            confusion: &report.confusion,
            baseline: Baseline {
                label: &self.baseline.label,
                accuracy: self.baseline.majority.accuracy,
                micro_average_precision: self.baseline.micro_average_precision,
            },
            against_majority: &self.against_majority,
            intervals: &self.intervals,
            leaked: self.leaked,
            unseen: &self.unseen,
            unseen_baseline_accuracy: self.unseen_baseline,
            n_train: self.n_train,
            n_test: self.n_test,
            fit_seconds: self.fit_seconds,
        }
        .serialize(serializer)
    }
}

/// Fits a forest to the training rows (`rows`: n x d; `classes`: positions in `names`) and judges it
/// on the test rows, beside the most frequent class. With `texts`, the test rows whose text also stands
/// in training are counted, and the others are scored by themselves.
///
/// # Errors
/// When rows and classes do not fit together, a class has no name, the training rows hold one class
/// only, a number is not finite, or a side is empty.
///
/// ```
/// use embedlab::model::{ForestOptions, classify};
/// use embedlab::table::train_test_split;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((100, 2), |(row, column)| ((row * 7 + column * 3) % 10) as f32);
/// let classes: Vec<usize> = rows.column(0).iter().map(|x| usize::from(*x > 4.0)).collect();
/// let names = ["low", "high"].map(String::from);
/// let split = train_test_split(100, 0.2, 42)?;
/// let found = classify(rows.view(), &classes, &names, &split, None, &ForestOptions::default())?;
/// assert!(found.report.accuracy > found.baseline.majority.accuracy);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn classify(
    rows: ArrayView2<'_, f32>,
    classes: &[usize],
    names: &[String],
    split: &Split,
    texts: Option<&[Option<String>]>,
    options: &ForestOptions,
) -> Result<ClassificationAnalysis> {
    let sides = Sides::of(rows, classes.len(), split)?;
    if let Some(row) = classes.iter().position(|class| *class >= names.len()) {
        return Err(Error::argument("a class without a name").row(row + 1).seen(classes[row].to_string()));
    }
    let pick = |rows: &[usize]| rows.iter().map(|row| classes[*row]).collect::<Vec<usize>>();
    let (train, truth) = (pick(&split.train), pick(&split.test));
    let start = Instant::now();
    let model = ForestClassifier::params()
        .n_estimators(options.trees)
        .max_features(options.max_features.unwrap_or(MaxFeatures::Sqrt))
        .max_depth(options.max_depth)
        .min_samples_leaf(options.min_samples_leaf)
        .seed(options.seed)
        .fit_rows(sides.train.view(), &train, None)?;
    let fit_seconds = start.elapsed().as_secs_f64();
    // The last classes may have no training row; their probability is 0.
    let known = model.predict_probabilities(sides.test.view())?;
    let mut probabilities = Array2::zeros((truth.len(), names.len()));
    probabilities.slice_mut(ndarray::s![.., ..known.ncols()]).assign(&known);
    let predicted = model.predict_rows(sides.test.view())?;

    let bootstrap = BootstrapOptions { seed: options.seed, ..Default::default() };
    let baseline = classification_baselines(&train, &truth, names)?;
    let constant = vec![baseline.class; truth.len()];
    let comparison = ComparisonOptions { bootstrap, ..Default::default() };
    let (leaked, others) = unseen(split, texts);
    let of = |values: &[usize], at: &[usize]| at.iter().map(|at| values[*at]).collect::<Vec<usize>>();
    let others = others.map(|at| (of(&truth, &at), of(&predicted, &at)));
    let always = |truth: &Vec<usize>| {
        truth.iter().filter(|class| **class == baseline.class).count() as f64 / truth.len() as f64
    };
    Ok(ClassificationAnalysis {
        report: classification_report(&truth, &predicted, names)?,
        intervals: classification_intervals(&truth, &predicted, names, &bootstrap)?,
        curves: class_curves(&truth, probabilities.view(), names)?,
        against_majority: compare_accuracy(&truth, &predicted, &constant, &comparison)?,
        leaked,
        unseen: others
            .as_ref()
            .map(|(truth, predicted)| classification_report(truth, predicted, names))
            .transpose()?,
        unseen_baseline: others.as_ref().map(|(truth, _)| always(truth)),
        baseline,
        n_train: train.len(),
        n_test: sides.test.len_of(Axis(0)),
        fit_seconds,
        truth,
        probabilities,
        names: names.to_vec(),
    })
}
