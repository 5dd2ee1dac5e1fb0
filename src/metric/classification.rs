//! Predicted classes against true ones.

use std::fmt;

use serde::Serialize;

use super::confusion::{AverageScores, Counts, cells, pairs};
use super::curve::ClassCurves;
use super::interval::{BootstrapOptions, Doubt, FEWEST_CLASSED, Interval, bootstrap_all};
use super::share::share_interval;
use crate::error::Result;

/// Scores of predicted classes, equal to scikit-learn's `classification_report`.
///
/// The classes are those that occur in the truth or among the predictions. Its text
/// (`to_string()`, [`to_text`](Self::to_text)) is scikit-learn's to the letter.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ClassificationReport {
    /// How many rows were scored.
    pub n: u64,
    /// The share of rows whose class was predicted.
    pub accuracy: f64,
    /// The mean recall of the classes that occur in the truth.
    pub balanced_accuracy: f64,
    /// Cohen's kappa: agreement above chance; `None` when truth and predictions have one class.
    pub cohen_kappa: Option<f64>,
    /// Matthews' correlation coefficient, -1 to 1; 0 when truth or predictions have one class
    /// (Gorodkin 2004).
    pub matthews_correlation: f64,
    /// Each class counts the same.
    #[serde(rename = "macro")]
    pub macro_average: AverageScores,
    /// Each class counts by its support.
    pub weighted: AverageScores,
    /// The scores of each class, in the order of its code.
    pub classes: Vec<ClassScores>,
    /// Counts of rows by true class (rows) and predicted class (columns), in the order of
    /// [`classes`](Self::classes).
    pub confusion: Vec<Vec<u64>>,
    /// Scores that are undefined and were set to 0.
    pub undefined: Vec<Undefined>,
}

/// The scores of one class.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ClassScores {
    /// Its number among the names.
    pub class: usize,
    /// Its name.
    pub label: String,
    /// The share of right ones among the rows predicted as this class; 0 when there are none.
    pub precision: f64,
    /// The share of found ones among the rows of this class; 0 when there are none.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// Rows of this class.
    pub support: u64,
    /// Rows predicted as this class.
    pub predicted: u64,
    /// The area under the precision-recall curve, where probabilities are known
    /// ([`ClassificationReport::with_curves`]) and the class has rows.
    pub average_precision: Option<f64>,
}

/// A score without a value, set to 0 as in scikit-learn. Its text is a warning to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Undefined {
    /// The name of the class.
    pub label: String,
    /// `precision` (the class was never predicted) or `recall` (no row is of the class).
    pub score: &'static str,
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = if self.score == "precision" { "was never predicted" } else { "has no rows" };
        write!(f, "the {} of {} is undefined (the class {why}) and counts as 0", self.score, self.label)
    }
}

/// One line of the report's table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportRow {
    /// The class, `accuracy`, `macro avg` or `weighted avg`.
    pub label: String,
    /// None in the line of the accuracy.
    pub precision: Option<f64>,
    /// None in the line of the accuracy.
    pub recall: Option<f64>,
    /// Of the class or the average; in the line of the accuracy, the accuracy.
    pub f1: f64,
    /// Rows.
    pub support: u64,
}

/// Scores the predicted class of each row; classes are numbered from 0 in the order of `names`.
///
/// # Errors
/// No rows, truth and predictions of different length, a class without a name, more than 5,000
/// classes.
///
/// ```
/// use embedlab::metric::classification_report;
///
/// let names = ["cat", "dog", "bird"].map(String::from);
/// let report = classification_report(&[0, 0, 1, 2], &[0, 1, 1, 1], &names)?;
/// assert_eq!((report.classes[1].precision, report.classes[1].recall), (1.0 / 3.0, 1.0));
/// assert_eq!(
///     report.undefined[0].to_string(),
///     "the precision of bird is undefined (the class was never predicted) and counts as 0"
/// );
/// assert!(report.to_string().starts_with("              precision    recall  f1-score   support\n"));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn classification_report(
    truth: &[usize],
    predicted: &[usize],
    names: &[String],
) -> Result<ClassificationReport> {
    let (pairs, classes) = pairs(truth, predicted, names.len())?;
    let confusion = Counts::new(&pairs, classes.len(), |_| 1);
    let matrix = cells(&pairs, classes.len());
    let (macro_average, weighted) = confusion.averages();
    let scores = |(place, &class): (usize, &usize)| ClassScores {
        class,
        label: names[class].clone(),
        precision: confusion.precision(place),
        recall: confusion.recall(place),
        f1: confusion.f1(place),
        support: confusion.support[place],
        predicted: confusion.predicted[place],
        average_precision: None,
    };
    let classes: Vec<ClassScores> = classes.iter().enumerate().map(scores).collect();
    let undefined = classes
        .iter()
        .flat_map(|class| {
            let undefined =
                |score, rows: u64| (rows == 0).then(|| Undefined { label: class.label.clone(), score });
            [undefined("precision", class.predicted), undefined("recall", class.support)]
        })
        .flatten()
        .collect();
    Ok(ClassificationReport {
        n: confusion.n,
        accuracy: confusion.accuracy(),
        balanced_accuracy: confusion.balanced_accuracy(),
        cohen_kappa: confusion.kappa(),
        matthews_correlation: confusion.matthews_correlation(),
        macro_average,
        weighted,
        confusion: matrix,
        classes,
        undefined,
    })
}

impl ClassificationReport {
    /// Adds the average precision of each class.
    #[must_use]
    pub fn with_curves(mut self, curves: &ClassCurves) -> ClassificationReport {
        for class in &mut self.classes {
            let curve = curves.classes.get(class.class);
            class.average_precision = curve.and_then(|curve| curve.precision_recall.average_precision);
        }
        self
    }

    /// The lines of scikit-learn's table: the classes, then accuracy, macro and weighted average.
    pub fn rows(&self) -> Vec<ReportRow> {
        let average = |label: &str, average: &AverageScores| ReportRow {
            label: label.to_owned(),
            precision: Some(average.precision),
            recall: Some(average.recall),
            f1: average.f1,
            support: average.support,
        };
        let class = |class: &ClassScores| ReportRow {
            label: class.label.clone(),
            precision: Some(class.precision),
            recall: Some(class.recall),
            f1: class.f1,
            support: class.support,
        };
        let accuracy = ReportRow {
            label: "accuracy".to_owned(),
            precision: None,
            recall: None,
            f1: self.accuracy,
            support: self.n,
        };
        let mut rows: Vec<ReportRow> = self.classes.iter().map(class).collect();
        rows.extend([
            accuracy,
            average("macro avg", &self.macro_average),
            average("weighted avg", &self.weighted),
        ]);
        rows
    }

    /// The table as scikit-learn prints it, with this many decimals (it takes 2).
    pub fn to_text(&self, decimals: usize) -> String {
        let rows = self.rows();
        let widest = self.classes.iter().map(|class| class.label.chars().count()).max().unwrap_or(0);
        let width = widest.max("weighted avg".len()).max(decimals);
        let mut text = format!(
            "{:>width$}  {:>9} {:>9} {:>9} {:>9}\n\n",
            "", "precision", "recall", "f1-score", "support"
        );
        for (index, row) in rows.iter().enumerate() {
            if index == self.classes.len() {
                text.push('\n');
            }
            let number =
                |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.decimals$}"));
            text.push_str(&format!(
                "{:>width$}  {:>9} {:>9} {:>9.decimals$} {:>9}\n",
                row.label,
                number(row.precision),
                number(row.recall),
                row.f1,
                row.support
            ));
        }
        text
    }
}

impl fmt::Display for ClassificationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(2))
    }
}

/// The intervals of a [`ClassificationReport`], by the same names.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ClassificationIntervals {
    /// Of the accuracy.
    pub accuracy: Interval,
    /// Of the balanced accuracy.
    pub balanced_accuracy: Interval,
    /// Of Cohen's kappa.
    pub cohen_kappa: Interval,
    /// Of Matthews' correlation coefficient.
    pub matthews_correlation: Interval,
    /// Of the macro averages.
    #[serde(rename = "macro")]
    pub macro_average: AverageIntervals,
    /// Of the weighted averages.
    pub weighted: AverageIntervals,
    /// Of each class.
    pub classes: Vec<ClassIntervals>,
}

/// The intervals of an average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct AverageIntervals {
    /// Of the mean precision.
    pub precision: Interval,
    /// Of the mean recall.
    pub recall: Interval,
    /// Of the mean F1.
    pub f1: Interval,
}

/// The intervals of one class. The recall rests on its rows, the precision on the rows predicted as it, F1 on
/// both.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ClassIntervals {
    /// The name of the class.
    pub label: String,
    /// Of the precision.
    pub precision: Interval,
    /// Of the recall.
    pub recall: Interval,
    /// Of F1.
    pub f1: Interval,
}

/// The intervals of all scores of a [`classification_report`].
///
/// The accuracy and the precision, recall and F1 of a class are shares of rows: their intervals are Wilson's, also
/// where all rows are right or there are few (F1 is `2 J / (1 + J)` for the share `J` of right rows among those
/// that are of the class or predicted as it). The others are bootstrapped; classes that are missing from a resample
/// are left out of its averages, as a report on those rows would.
///
/// # Errors
/// As [`classification_report`] and [`bootstrap`](super::bootstrap).
pub fn classification_intervals(
    truth: &[usize],
    predicted: &[usize],
    names: &[String],
    options: &BootstrapOptions,
) -> Result<ClassificationIntervals> {
    let (pairs, classes) = pairs(truth, predicted, names.len())?;
    let mut intervals = bootstrap_all(truth.len(), options, |times| {
        let counts = Counts::new(&pairs, classes.len(), |row| times[row].into());
        let (macro_average, weighted) = counts.averages();
        let mut scores = vec![
            counts.balanced_accuracy(),
            counts.kappa().unwrap_or(f64::NAN),
            counts.matthews_correlation(),
        ];
        for average in [macro_average, weighted] {
            scores.extend([average.precision, average.recall, average.f1]);
        }
        scores
    })?
    .into_iter();
    let mut next = || intervals.next().unwrap_or(Interval::UNDEFINED);
    let [balanced_accuracy, cohen_kappa, matthews_correlation] =
        [next().doubted(Some(Doubt::Fewer(FEWEST_CLASSED))), next(), next()];
    let mut average = || AverageIntervals { precision: next(), recall: next(), f1: next() };
    Ok(ClassificationIntervals {
        accuracy: share_interval(&shares(&pairs, |truth, predicted| Some(truth == predicted)), options)?,
        balanced_accuracy,
        cohen_kappa,
        matthews_correlation,
        macro_average: average(),
        weighted: average(),
        classes: class_intervals(&pairs, classes.len(), options)?
            .into_iter()
            .zip(classes)
            .map(|([precision, recall, f1], class)| ClassIntervals {
                label: names[class].clone(),
                precision,
                recall,
                f1,
            })
            .collect(),
    })
}

fn shares(pairs: &[(u32, u32)], hit: impl Fn(u32, u32) -> Option<bool>) -> Vec<Option<bool>> {
    pairs.iter().map(|&(truth, predicted)| hit(truth, predicted)).collect()
}

/// Precision, recall and F1 of each class, from the rows that are of it or predicted as it.
fn class_intervals(
    pairs: &[(u32, u32)],
    n_classes: usize,
    options: &BootstrapOptions<'_>,
) -> Result<Vec<[Interval; 3]>> {
    let mut rows_of: Vec<Vec<usize>> = vec![Vec::new(); n_classes];
    for (row, &(truth, predicted)) in pairs.iter().enumerate() {
        rows_of[truth as usize].push(row);
        if predicted != truth {
            rows_of[predicted as usize].push(row);
        }
    }
    rows_of
        .into_iter()
        .enumerate()
        .map(|(class, rows)| {
            let class = class as u32;
            let of: Vec<(u32, u32)> = rows.iter().map(|row| pairs[*row]).collect();
            let groups: Option<Vec<u32>> =
                options.groups.map(|groups| rows.iter().map(|row| groups[*row]).collect());
            let options = BootstrapOptions { groups: groups.as_deref(), ..*options };
            let right = |truth: u32, predicted: u32| Some(truth == predicted);
            let interval =
                |hit: &dyn Fn(u32, u32) -> Option<bool>| share_interval(&shares(&of, hit), &options);
            let precision = interval(&|t, p| right(t, p).filter(|_| p == class))?;
            let recall = interval(&|t, p| right(t, p).filter(|_| t == class))?;
            let jaccard = interval(&right)?;
            let f1 = |jaccard: f64| 2.0 * jaccard / (1.0 + jaccard);
            Ok([precision, recall, Interval { low: f1(jaccard.low), high: f1(jaccard.high), ..jaccard }])
        })
        .collect()
}
