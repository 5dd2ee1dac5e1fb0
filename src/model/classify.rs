//! How well a class is predicted.

use std::time::Instant;

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Serialize, Serializer};

use super::{
    Beside, Classifier, Importance, ModelKind, ModelOptions, Sides, TopFeature, bootstrap,
    permutation_importance, pick, require_folds, top_features, unseen,
};
use crate::error::{Error, Result};
use crate::forest::{Tree, likeliest};
use crate::metric::{
    ClassCurves, ClassificationBaselines, ClassificationIntervals, ClassificationReport, Comparison,
    ComparisonOptions, class_curves, classification_baselines, classification_intervals,
    classification_report, compare_accuracy,
};
use crate::split::Split;

/// A model's predictions of a class for rows that it has not seen, judged.
#[derive(Debug, Clone)]
pub struct ClassificationAnalysis {
    /// The kind of the model.
    pub model: ModelKind,
    /// The report on the test rows.
    pub report: ClassificationReport,
    /// Its 95 % intervals, by bootstrap of the test rows.
    pub intervals: ClassificationIntervals,
    /// Precision-recall and ROC curves of every class, and their averages.
    pub curves: ClassCurves,
    /// What the most frequent class of the training rows scores (in a cross-validation: of all rows).
    pub baseline: ClassificationBaselines,
    /// The model against it.
    pub against_majority: Comparison,
    /// Test rows whose text also stands in training.
    pub leaked: usize,
    /// The report on the other test rows, when some leak.
    pub unseen: Option<ClassificationReport>,
    /// What the most frequent class scores on those.
    pub unseen_baseline: Option<f64>,
    /// The scores of each fold of a cross-validation; empty for a single split.
    pub folds: Vec<ClassificationFold>,
    /// How much the model leans on each group of features (drop of accuracy), when there are such groups.
    pub importance: Vec<Importance>,
    /// The single features that the splits gain most from, for models of trees; not in a
    /// cross-validation.
    pub top_features: Vec<TopFeature>,
    /// Training rows (in a cross-validation: all rows).
    pub n_train: usize,
    /// Test rows.
    pub n_test: usize,
    /// Seconds of fitting.
    pub fit_seconds: f64,
    /// The test rows, in the order of the split.
    pub test_rows: Vec<usize>,
    /// Their true classes.
    pub truth: Vec<usize>,
    /// The probability of each class, test rows x classes.
    pub probabilities: Array2<f64>,
    /// The predicted ones.
    pub predicted: Vec<usize>,
    /// The names of the classes.
    pub names: Vec<String>,
    /// The tree, when the model is a single one.
    pub tree: Option<Tree>,
}

/// A fold of a cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassificationFold {
    /// Its training rows.
    pub n_train: usize,
    /// Its test rows.
    pub n_test: usize,
    /// Test rows whose text also stands in its training rows.
    pub leaked: usize,
    /// The share of its test rows that is right.
    pub accuracy: f64,
    /// The mean F1 of the classes.
    pub macro_f1: f64,
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
            model: ModelKind,
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
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            folds: &'a [ClassificationFold],
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            importance: &'a [Importance],
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            top_features: &'a [TopFeature],
            n_train: usize,
            n_test: usize,
            fit_seconds: f64,
        }
        let report = &self.report;
        let average_precision = |class: usize| {
            self.curves.classes.get(class).and_then(|curve| curve.precision_recall.average_precision)
        };
        Known {
            model: self.model,
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
            folds: &self.folds,
            importance: &self.importance,
            top_features: &self.top_features,
            n_train: self.n_train,
            n_test: self.n_test,
            fit_seconds: self.fit_seconds,
        }
        .serialize(serializer)
    }
}

/// Fits a model to the training rows (`rows`: n x d; `classes`: positions in `names`) and judges it
/// on the test rows, beside the most frequent class. With texts, the test rows whose text also stands
/// in training are counted, and the others are scored by themselves.
///
/// # Errors
/// When rows and classes do not fit together, a class has no name, the training rows hold one class
/// only, a number is not finite, a side is empty, or the model cannot be fitted ([`Classifier::fit`]).
///
/// ```
/// use embedlab::model::{Beside, ModelOptions, classify};
/// use embedlab::split::train_test_split;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((100, 2), |(row, column)| ((row * 7 + column * 3) % 10) as f32);
/// let classes: Vec<usize> = rows.column(0).iter().map(|x| usize::from(*x > 4.0)).collect();
/// let names = ["low", "high"].map(String::from);
/// let split = train_test_split(100, 0.2, 42)?;
/// let found = classify(rows.view(), &classes, &names, &split, &Beside::default(), &ModelOptions::default())?;
/// assert!(found.report.accuracy > found.baseline.majority.accuracy);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn classify(
    rows: ArrayView2<'_, f32>,
    classes: &[usize],
    names: &[String],
    split: &Split,
    beside: &Beside<'_>,
    options: &ModelOptions,
) -> Result<ClassificationAnalysis> {
    let fold = Fold::fit(rows, classes, names, split, beside, options)?;
    let importance = if beside.features.is_empty() {
        Vec::new()
    } else {
        let test = rows.select(Axis(0), &split.test);
        let gains = fold.model.feature_importance();
        permutation_importance(test.view(), beside.features, gains, options.seed, |rows| {
            let predicted = fold.model.predict(rows)?;
            let right = predicted.iter().zip(&fold.truth).filter(|(said, is)| said == is).count();
            Ok(right as f64 / fold.truth.len() as f64)
        })?
    };
    let tree = fold.model.tree().cloned();
    let top_features = top_features(fold.model.feature_importance());
    let train = pick(classes, &split.train);
    let found = judge(&train, names, vec![fold], beside, options)?;
    Ok(ClassificationAnalysis { folds: Vec::new(), importance, top_features, tree, ..found })
}

/// Fits and tests once for each fold; every row is predicted once, by the model of the fold that has
/// not seen it, and all predictions are judged together.
///
/// # Errors
/// As [`classify`], and when the folds do not test each row once.
pub fn cross_validate_classes(
    rows: ArrayView2<'_, f32>,
    classes: &[usize],
    names: &[String],
    folds: &[Split],
    beside: &Beside<'_>,
    options: &ModelOptions,
) -> Result<ClassificationAnalysis> {
    require_folds(folds, rows.nrows())?;
    let fitted = folds
        .iter()
        .map(|fold| Fold::fit(rows, classes, names, fold, beside, options))
        .collect::<Result<Vec<Fold>>>()?;
    judge(classes, names, fitted, beside, options)
}

/// A fitted fold and what it says of its test rows.
struct Fold {
    model: Classifier,
    n_train: usize,
    test_rows: Vec<usize>,
    truth: Vec<usize>,
    probabilities: Array2<f64>,
    leaked: usize,
    /// Positions of the test rows whose text is new, when some are not.
    unseen: Option<Vec<usize>>,
    seconds: f64,
}

impl Fold {
    fn fit(
        rows: ArrayView2<'_, f32>,
        classes: &[usize],
        names: &[String],
        split: &Split,
        beside: &Beside<'_>,
        options: &ModelOptions,
    ) -> Result<Fold> {
        beside.check(rows.nrows())?;
        let sides = Sides::of(rows, classes.len(), split)?;
        if let Some(row) = classes.iter().position(|class| *class >= names.len()) {
            return Err(Error::argument("a class without a name").row(row).seen(classes[row].to_string()));
        }
        let weights = beside.weights_of(&split.train);
        let start = Instant::now();
        let model =
            Classifier::fit(sides.train.view(), &pick(classes, &split.train), weights.as_deref(), options)?;
        let seconds = start.elapsed().as_secs_f64();
        let probabilities = model.predict_probabilities(sides.test.view(), names.len())?;
        let (leaked, unseen) = unseen(split, beside.texts);
        let truth = pick(classes, &split.test);
        let (n_train, test_rows) = (split.train.len(), split.test.clone());
        Ok(Fold { model, n_train, test_rows, truth, probabilities, leaked, unseen, seconds })
    }
}

/// Judges the predictions of one or more folds together; `train` gives the most frequent class.
fn judge(
    train: &[usize],
    names: &[String],
    folds: Vec<Fold>,
    beside: &Beside<'_>,
    options: &ModelOptions,
) -> Result<ClassificationAnalysis> {
    let mut truth = Vec::new();
    let mut test_rows = Vec::new();
    let mut new = Vec::new();
    for fold in &folds {
        let first = truth.len();
        match &fold.unseen {
            Some(unseen) => new.extend(unseen.iter().map(|at| first + at)),
            None => new.extend(first..first + fold.truth.len()),
        }
        truth.extend(&fold.truth);
        test_rows.extend(&fold.test_rows);
    }
    let views: Vec<_> = folds.iter().map(|fold| fold.probabilities.view()).collect();
    let probabilities = ndarray::concatenate(Axis(0), &views)
        .map_err(|error| Error::argument("folds of different classes").source(error))?;
    let predicted = likeliest(&probabilities);
    let leaked = folds.iter().map(|fold| fold.leaked).sum();
    let groups = beside.groups.map(|groups| pick(groups, &test_rows));
    let bootstrap = bootstrap(options.seed, groups.as_deref());
    let baseline = classification_baselines(train, &truth, names)?;
    let constant = vec![baseline.class; truth.len()];
    let comparison = ComparisonOptions { bootstrap, ..Default::default() };
    let new = (leaked > 0 && !new.is_empty()).then(|| (pick(&truth, &new), pick(&predicted, &new)));
    let always = |truth: &Vec<usize>| {
        truth.iter().filter(|class| **class == baseline.class).count() as f64 / truth.len() as f64
    };
    Ok(ClassificationAnalysis {
        model: options.kind,
        report: classification_report(&truth, &predicted, names)?,
        intervals: classification_intervals(&truth, &predicted, names, &bootstrap)?,
        curves: class_curves(&truth, probabilities.view(), names)?,
        against_majority: compare_accuracy(&truth, &predicted, &constant, &comparison)?,
        leaked,
        unseen: new
            .as_ref()
            .map(|(truth, predicted)| classification_report(truth, predicted, names))
            .transpose()?,
        unseen_baseline: new.as_ref().map(|(truth, _)| always(truth)),
        folds: folds
            .iter()
            .map(|fold| {
                let report = classification_report(&fold.truth, &likeliest(&fold.probabilities), names)?;
                Ok(ClassificationFold {
                    n_train: fold.n_train,
                    n_test: fold.truth.len(),
                    leaked: fold.leaked,
                    accuracy: report.accuracy,
                    macro_f1: report.macro_average.f1,
                })
            })
            .collect::<Result<Vec<_>>>()?,
        importance: Vec::new(),
        top_features: Vec::new(),
        baseline,
        n_train: train.len(),
        n_test: truth.len(),
        fit_seconds: folds.iter().map(|fold| fold.seconds).sum(),
        test_rows,
        truth,
        predicted,
        probabilities,
        names: names.to_vec(),
        tree: None,
    })
}
