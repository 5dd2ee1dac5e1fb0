//! How well a class is predicted.

use ndarray::{Array2, ArrayView2, Axis};
use serde::Serialize;

use super::evaluate::{
    FoldScores, HeldOut, SampleInfo, Task, Tested, Unseen, Verdict, hold_out, pick, require_folds,
};
use super::features::Inputs;
use super::{Classes, Classifier, ModelOptions};
use crate::error::{Error, Result};
use crate::forest::Tree;
use crate::metric::{
    ClassCurves, ClassificationBaselines, ClassificationIntervals, ClassificationReport, Comparison,
    ComparisonOptions, class_curves, classification_baselines, classification_intervals,
    classification_report, compare_accuracy, require_few_classes, rising_curves,
};
use crate::split::Split;
use crate::targets::likeliest;

/// A model's predictions of a class for rows that it was not fitted to, judged.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ClassificationAnalysis {
    /// How it was tested.
    #[serde(flatten)]
    pub held_out: HeldOut,
    /// The report on all test rows.
    #[serde(flatten)]
    pub report: ClassificationReport,
    /// The average precision over all pairs of a row and a class.
    pub micro_average_precision: Option<f64>,
    /// Its 95 % intervals.
    pub intervals: ClassificationIntervals,
    /// The scores of the most frequent class of the training rows (in a cross-validation: of all rows).
    pub baseline: ClassBaseline,
    /// Whether the model is better than that.
    pub verdict: Verdict,
    /// The test behind the verdict: on the unseen rows when some leaked; `None` when all did.
    pub against_majority: Option<Comparison>,
    /// The same test on all test rows, when some leaked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_majority_all_rows: Option<Comparison>,
    /// The scores on the test rows that did not leak, when some did; `None` when none or all did.
    pub unseen: Option<UnseenClasses>,
    /// The scores of each fold of a cross-validation; empty for a single split.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<FoldScores<ClassFold>>,
    /// Precision-recall and ROC curves of every class, and their averages; of more than 100 classes only with the
    /// thresholds at which the recall rises.
    #[serde(skip)]
    pub curves: ClassCurves,
    /// All that is known about the constant.
    #[serde(skip)]
    pub baselines: ClassificationBaselines,
    /// The true classes of the test rows.
    #[serde(skip)]
    pub truth: Vec<usize>,
    /// The probability of each class, test rows x classes.
    #[serde(skip)]
    pub probabilities: Array2<f64>,
    /// The predicted ones.
    #[serde(skip)]
    pub predicted: Vec<usize>,
    /// The names of the classes.
    #[serde(skip)]
    pub names: Vec<String>,
}

/// The curves of so many classes are kept with every threshold.
const MOST_WHOLE_CURVES: usize = 100;

/// The scores of classes on unseen rows.
pub type UnseenClasses = Unseen<ClassificationReport, ClassificationIntervals, ClassBaseline>;

/// The scores of always predicting the most frequent class.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ClassBaseline {
    /// The class.
    pub label: String,
    /// Its share of the test rows.
    pub accuracy: f64,
    /// The micro average precision of the shares of the training rows as probabilities.
    pub micro_average_precision: Option<f64>,
}

/// The scores of classes in one fold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ClassFold {
    /// The share of the rows that is right.
    pub accuracy: f64,
    /// The mean F1 of the classes.
    pub macro_f1: f64,
}

/// Fits a model to the training rows (`inputs`: n x d, alone or with columns) and judges it on the test rows,
/// beside the most frequent class.
///
/// # Errors
/// When rows and classes do not fit together, a class has no name, there are more than 5,000 classes, the
/// training rows have one class only, a number is not finite, a part of the split is empty, or the model
/// cannot be fitted ([`Classifier::fit`]).
///
/// ```
/// use embedlab::model::{Classes, ModelOptions, SampleInfo, classify};
/// use embedlab::split::train_test_split;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((100, 2), |(row, column)| ((row * 7 + column * 3) % 101) as f32);
/// let codes = rows.column(0).iter().map(|x| usize::from(*x > 50.0)).collect();
/// let classes = Classes { codes, names: ["low", "high"].map(String::from).to_vec() };
/// let split = train_test_split(100, 0.2, 42)?;
/// let found = classify(rows.view(), &classes, &split, &SampleInfo::default(), &ModelOptions::default())?;
/// assert!(found.report.accuracy > found.baseline.accuracy);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn classify<'a>(
    inputs: impl Into<Inputs<'a>>,
    classes: &Classes,
    split: &Split,
    info: &SampleInfo<'_>,
    options: &ModelOptions,
) -> Result<ClassificationAnalysis> {
    judge(&inputs.into(), classes, std::slice::from_ref(split), info, options)
}

/// Fits and tests once for each fold; every row is predicted once, by a model that was not fitted to it, and
/// all predictions are judged together.
///
/// # Errors
/// As [`classify`], and when the folds do not test each row once.
pub fn cross_validate_classes<'a>(
    inputs: impl Into<Inputs<'a>>,
    classes: &Classes,
    folds: &[Split],
    info: &SampleInfo<'_>,
    options: &ModelOptions,
) -> Result<ClassificationAnalysis> {
    let inputs = inputs.into();
    require_folds(folds, inputs.rows().nrows())?;
    judge(&inputs, classes, folds, info, options)
}

/// Fits once for each fold, as [`cross_validate_classes`], and only predicts: the probability of each class for each row
/// (n x classes), by a model that was not fitted to it.
///
/// # Errors
/// As [`cross_validate_classes`].
pub fn cross_validate_probabilities<'a>(
    inputs: impl Into<Inputs<'a>>,
    classes: &Classes,
    folds: &[Split],
    options: &ModelOptions,
) -> Result<Array2<f64>> {
    let inputs = inputs.into();
    let n = inputs.rows().nrows();
    require_folds(folds, n)?;
    classes.require(n)?;
    require_few_classes(classes.names.len())?;
    let (_, tested) = hold_out(classes, &inputs, folds, &SampleInfo::default(), options)?;
    let mut probabilities = Array2::zeros((n, classes.names.len()));
    for fold in tested {
        for (row, found) in fold.rows.iter().zip(fold.prediction.rows()) {
            probabilities.row_mut(*row).assign(&found);
        }
    }
    Ok(probabilities)
}

impl Task for Classes {
    type Model = Classifier;
    type Prediction = Array2<f64>;

    fn fit(
        &self,
        features: ArrayView2<'_, f32>,
        rows: &[usize],
        weights: Option<&[f64]>,
        options: &ModelOptions,
    ) -> Result<Classifier> {
        self.require_two(rows)?;
        Classifier::fit(features, &pick(&self.codes, rows), weights, options)
    }

    fn predict(&self, model: &Classifier, features: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        model.predict_probabilities(features, self.names.len())
    }

    fn score(&self, rows: &[usize], probabilities: &Array2<f64>) -> Result<f64> {
        let predicted = likeliest(probabilities);
        let right = rows.iter().zip(&predicted).filter(|(row, class)| self.codes[**row] == **class).count();
        Ok(right as f64 / rows.len() as f64)
    }

    fn gains(model: &Classifier) -> Option<&[f64]> {
        model.feature_importance()
    }

    fn tree(model: &Classifier) -> Option<&Tree> {
        model.tree()
    }
}

fn judge(
    inputs: &Inputs<'_>,
    classes: &Classes,
    splits: &[Split],
    info: &SampleInfo<'_>,
    options: &ModelOptions,
) -> Result<ClassificationAnalysis> {
    let names = &classes.names;
    classes.require(inputs.rows().nrows())?;
    require_few_classes(names.len())?;
    let (held_out, tested) = hold_out(classes, inputs, splits, info, options)?;
    let views: Vec<_> = tested.iter().map(|fold| fold.prediction.view()).collect();
    let probabilities = ndarray::concatenate(Axis(0), &views)
        .map_err(|error| Error::argument("folds of different classes").source(error))?;
    let predicted = likeliest(&probabilities);
    let truth = pick(&classes.codes, &held_out.test_rows);
    let train = match splits {
        [split] => pick(&classes.codes, &split.train),
        _ => classes.codes.clone(),
    };
    let baselines = classification_baselines(&train, &truth, names)?;
    let rows = Rows {
        names,
        truth: &truth,
        predicted: &predicted,
        probabilities: &probabilities,
        constant: baselines.class,
        groups: info.groups.map(|groups| pick(groups, &held_out.test_rows)),
        seed: options.seed,
        info,
    };
    let all: Vec<usize> = (0..truth.len()).collect();
    let (curves, report) = rows.report(&all)?;
    let on_all = rows.against_constant(&all)?;
    let (against_majority, against_majority_all_rows) = match &held_out.unseen {
        None => (Some(on_all), None),
        Some(unseen) if unseen.is_empty() => (None, Some(on_all)),
        Some(unseen) => (Some(rows.against_constant(unseen)?), Some(on_all)),
    };
    let unseen = match &held_out.unseen {
        Some(places) if !places.is_empty() => Some(UnseenClasses {
            scores: rows.report(places)?.1,
            intervals: rows.intervals(places)?,
            baseline: ClassBaseline::new(&classification_baselines(&train, &pick(&truth, places), names)?),
        }),
        _ => None,
    };
    let intervals = rows.intervals(&all)?;
    let folds = match tested.as_slice() {
        [_] => Vec::new(),
        folds => folds.iter().map(|fold| class_fold(classes, fold)).collect::<Result<Vec<_>>>()?,
    };
    Ok(ClassificationAnalysis {
        report,
        micro_average_precision: curves.micro.precision_recall.average_precision,
        intervals,
        baseline: ClassBaseline::new(&baselines),
        verdict: Verdict::of(against_majority.as_ref(), |difference| difference),
        against_majority,
        against_majority_all_rows,
        unseen,
        folds,
        curves,
        baselines,
        truth,
        predicted,
        probabilities,
        names: names.clone(),
        held_out,
    })
}

impl ClassBaseline {
    fn new(baselines: &ClassificationBaselines) -> ClassBaseline {
        ClassBaseline {
            label: baselines.label.clone(),
            accuracy: baselines.majority.accuracy,
            micro_average_precision: baselines.micro_average_precision,
        }
    }
}

fn class_fold(classes: &Classes, fold: &Tested<Array2<f64>>) -> Result<FoldScores<ClassFold>> {
    let (truth, predicted) = (pick(&classes.codes, &fold.rows), likeliest(&fold.prediction));
    fold.fold(|places| {
        let report = classification_report(&pick(&truth, places), &pick(&predicted, places), &classes.names)?;
        Ok(ClassFold { accuracy: report.accuracy, macro_f1: report.macro_average.f1 })
    })
}

/// The predicted rows, of which all or some are judged.
struct Rows<'a> {
    names: &'a [String],
    truth: &'a [usize],
    predicted: &'a [usize],
    probabilities: &'a Array2<f64>,
    constant: usize,
    groups: Option<Vec<u32>>,
    seed: u64,
    info: &'a SampleInfo<'a>,
}

impl Rows<'_> {
    fn sides(&self, places: &[usize]) -> (Vec<usize>, Vec<usize>) {
        (pick(self.truth, places), pick(self.predicted, places))
    }

    fn report(&self, places: &[usize]) -> Result<(ClassCurves, ClassificationReport)> {
        let (truth, predicted) = self.sides(places);
        let probabilities = self.probabilities.select(Axis(0), places);
        let curves = match self.names.len() {
            0..=MOST_WHOLE_CURVES => class_curves(&truth, probabilities.view(), self.names)?,
            _ => rising_curves(&truth, probabilities.view(), self.names)?,
        };
        let report = classification_report(&truth, &predicted, self.names)?.with_curves(&curves);
        Ok((curves, report))
    }

    fn intervals(&self, places: &[usize]) -> Result<ClassificationIntervals> {
        let (truth, predicted) = self.sides(places);
        let groups = self.groups.as_ref().map(|groups| pick(groups, places));
        let bootstrap = self.info.bootstrap(self.seed, groups.as_deref());
        classification_intervals(&truth, &predicted, self.names, &bootstrap)
    }

    fn against_constant(&self, places: &[usize]) -> Result<Comparison> {
        let (truth, predicted) = self.sides(places);
        let groups = self.groups.as_ref().map(|groups| pick(groups, places));
        let bootstrap = self.info.bootstrap(self.seed, groups.as_deref());
        let constant = vec![self.constant; truth.len()];
        compare_accuracy(
            &truth,
            &predicted,
            &constant,
            &ComparisonOptions { bootstrap, ..Default::default() },
        )
    }
}
