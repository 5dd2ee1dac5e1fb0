//! Scores of classes against true classes, at every threshold: precision-recall and ROC curves.

use ndarray::ArrayView2;
use serde::Serialize;

use super::check::{codes, finite, same_rows};
use super::interval::{BootstrapOptions, Interval, bootstrap_all};
use crate::error::{Error, Result};

/// Precision and recall at every threshold, as scikit-learn's `precision_recall_curve` gives them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrecisionRecall {
    /// Rows that are of the class.
    pub positives: u64,
    /// All rows.
    pub n: u64,
    /// The sum of (R_i - R_(i-1)) P_i over the thresholds, without interpolation, as in
    /// scikit-learn's `average_precision_score`; a random order scores the share of the positives.
    /// `None` without positives, where scikit-learn warns and returns 0.
    pub average_precision: Option<f64>,
    /// Precision of the rows that score at least the threshold; one more value than thresholds, the
    /// last is 1.
    pub precision: Vec<f64>,
    /// Recall of the rows that score at least the threshold; one more value than thresholds, the
    /// last is 0. Without positives it is 1 at every threshold, as in scikit-learn.
    pub recall: Vec<f64>,
    /// The different scores, ascending.
    pub thresholds: Vec<f64>,
}

/// True and false positive rates at every threshold, as scikit-learn's `roc_curve` gives them with
/// `drop_intermediate=False`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Roc {
    /// Rows that are of the class.
    pub positives: u64,
    /// Rows that are not.
    pub negatives: u64,
    /// The area under the curve: the chance that a positive scores higher than a negative, ties
    /// counting half. `None` without positives or without negatives, where scikit-learn warns and
    /// returns NaN.
    pub area: Option<f64>,
    /// The share of the negatives that score at least the threshold. All three lists are empty when
    /// the area is `None`.
    pub false_positive_rate: Vec<f64>,
    /// The share of the positives that score at least the threshold.
    pub true_positive_rate: Vec<f64>,
    /// Infinity (`null` in JSON), then the different scores, descending.
    pub thresholds: Vec<f64>,
}

/// The precision-recall curve of one class; `truth` says which rows are of it, and rows with a
/// higher score should be. Equal scores are one threshold. Takes O(n log n) time.
///
/// # Errors
/// No rows, truth and scores of different length, a score that is NaN or infinite.
///
/// ```
/// use embedlab::metric::precision_recall;
///
/// let curve = precision_recall(&[false, false, true, true], &[0.1, 0.4, 0.35, 0.8])?;
/// assert_eq!(curve.thresholds, [0.1, 0.35, 0.4, 0.8]);
/// assert_eq!(curve.precision, [0.5, 2.0 / 3.0, 0.5, 1.0, 1.0]);
/// assert_eq!(curve.recall, [1.0, 1.0, 0.5, 0.5, 0.0]);
/// assert!((curve.average_precision.unwrap() - 5.0 / 6.0).abs() < 1e-12);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn precision_recall(truth: &[bool], scores: &[f64]) -> Result<PrecisionRecall> {
    Ok(Ranking::binary(truth, scores)?.precision_recall())
}

/// The ROC curve of one class; rows and scores as in [`precision_recall`].
///
/// # Errors
/// As [`precision_recall`].
///
/// ```
/// let curve = embedlab::metric::roc(&[false, false, true, true], &[0.1, 0.4, 0.35, 0.8])?;
/// assert_eq!(curve.area, Some(0.75));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn roc(truth: &[bool], scores: &[f64]) -> Result<Roc> {
    Ok(Ranking::binary(truth, scores)?.roc())
}

/// The curves of every class against the rest, and of all decisions together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassCurves {
    /// One for each name, also for classes without rows.
    pub classes: Vec<ClassCurve>,
    /// Every pair of a row and a class is one decision (micro average).
    pub micro: ClassCurve,
    /// The mean average precision of the classes that have rows.
    pub macro_average_precision: Option<f64>,
    /// The mean area under the ROC curve of the classes that have rows, and rows without.
    pub macro_area: Option<f64>,
}

/// The two curves of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassCurve {
    /// Its name.
    pub label: String,
    /// Precision and recall.
    pub precision_recall: PrecisionRecall,
    /// True and false positive rates.
    pub roc: Roc,
}

/// The curves of every class against the rest from `scores` (n x classes: probabilities, votes or
/// similarities), and their micro average. Classes are numbered from 0 in the order of `names`.
///
/// For scikit-learn's figures with two classes, take the second: this gives both.
///
/// # Errors
/// No rows, another number of rows or columns than of truth or names, a class without a name, a
/// score that is NaN or infinite.
///
/// ```
/// use embedlab::metric::class_curves;
/// use ndarray::array;
///
/// let names = ["bad", "good"].map(String::from);
/// let scores = array![[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]];
/// let curves = class_curves(&[0, 1, 1], scores.view(), &names)?;
/// assert_eq!(curves.classes[1].precision_recall.average_precision, Some(1.0));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn class_curves(truth: &[usize], scores: ArrayView2<'_, f64>, names: &[String]) -> Result<ClassCurves> {
    let (classes, micro) = rankings(truth, scores, names)?;
    let curve = |label: &str, ranking: &Ranking| ClassCurve {
        label: label.to_owned(),
        precision_recall: ranking.precision_recall(),
        roc: ranking.roc(),
    };
    let classes: Vec<ClassCurve> =
        names.iter().zip(&classes).map(|(name, ranking)| curve(name, ranking)).collect();
    Ok(ClassCurves {
        macro_average_precision: mean(classes.iter().map(|class| class.precision_recall.average_precision)),
        macro_area: mean(classes.iter().map(|class| class.roc.area)),
        micro: curve("micro average", &micro),
        classes,
    })
}

/// The intervals of the average precision and of the area under the ROC curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurveIntervals {
    /// Average precision of each class, in the order of the names. It rests on the rows of the class.
    pub average_precision: Vec<Interval>,
    /// Area under the ROC curve of each class. It rests on the rows of the class.
    pub area: Vec<Interval>,
    /// Average precision of the micro average.
    pub micro_average_precision: Interval,
    /// Area under the ROC curve of the micro average.
    pub micro_area: Interval,
    /// Mean average precision of the classes.
    pub macro_average_precision: Interval,
    /// Mean area under the ROC curve of the classes.
    pub macro_area: Interval,
}

/// Bootstraps the areas of [`class_curves`]; scores are sorted once.
///
/// # Errors
/// As [`class_curves`] and [`bootstrap`](super::bootstrap).
pub fn class_curve_intervals(
    truth: &[usize],
    scores: ArrayView2<'_, f64>,
    names: &[String],
    options: &BootstrapOptions,
) -> Result<CurveIntervals> {
    let (classes, micro) = rankings(truth, scores, names)?;
    let k = classes.len();
    let intervals = bootstrap_all(truth.len(), options, |times| {
        let mut precisions = Vec::with_capacity(k);
        let mut areas = Vec::with_capacity(k);
        for ranking in &classes {
            let (precision, area) = ranking.areas(|row| times[row].into());
            precisions.push(precision);
            areas.push(area);
        }
        let (precision, area) = micro.areas(|row| times[row].into());
        let averages = [precision, area, mean(precisions.iter().copied()), mean(areas.iter().copied())];
        let all = precisions.into_iter().chain(areas).chain(averages);
        all.map(|score| score.unwrap_or(f64::NAN)).collect()
    })?;
    let of_classes = |first: usize| {
        let intervals = intervals[first..first + k].iter().zip(&classes);
        intervals.map(|(interval, ranking)| interval.resting_on(ranking.positives())).collect()
    };
    Ok(CurveIntervals {
        average_precision: of_classes(0),
        area: of_classes(k),
        micro_average_precision: intervals[2 * k],
        micro_area: intervals[2 * k + 1],
        macro_average_precision: intervals[2 * k + 2],
        macro_area: intervals[2 * k + 3],
    })
}

/// Of those that have a value.
pub(super) fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, n) = values.flatten().fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    (n > 0.0).then(|| sum / n)
}

/// Checks that there is a finite score for each row and name.
pub(super) fn require_scores(truth: &[usize], scores: ArrayView2<'_, f64>, names: &[String]) -> Result<()> {
    same_rows(("true classes", truth.len()), ("rows of scores", scores.nrows()))?;
    codes("a true class", truth, names.len())?;
    if scores.ncols() != names.len() {
        return Err(Error::argument("scores and names of different size")
            .seen(format!("{} columns and {} names", scores.ncols(), names.len()))
            .advice("give one column of scores for each class"));
    }
    for (name, column) in names.iter().zip(scores.columns()) {
        finite("a score", column.iter().copied()).map_err(|error| error.column(name))?;
    }
    Ok(())
}

/// One for each class, and one of all decisions.
fn rankings(
    truth: &[usize],
    scores: ArrayView2<'_, f64>,
    names: &[String],
) -> Result<(Vec<Ranking>, Ranking)> {
    require_scores(truth, scores, names)?;
    let decisions = |class: usize| {
        let rows = scores.column(class).into_iter().zip(truth).enumerate();
        rows.map(move |(row, (&score, &truth))| (score, row as u32, truth == class))
    };
    let classes = (0..names.len()).map(|class| Ranking::new(decisions(class).collect())).collect();
    Ok((classes, Ranking::new((0..names.len()).flat_map(decisions).collect())))
}

/// Decisions from the highest score to the lowest.
pub(crate) struct Ranking {
    /// The row of each decision, and whether it is a positive.
    decisions: Vec<(u32, bool)>,
    /// The different scores, and where the decisions of each end.
    scores: Vec<(f64, usize)>,
}

impl Ranking {
    /// Of one class.
    pub(crate) fn binary(truth: &[bool], scores: &[f64]) -> Result<Self> {
        same_rows(("truth", truth.len()), ("scores", scores.len()))?;
        finite("a score", scores.iter().copied())?;
        let rows = scores.iter().zip(truth).enumerate();
        Ok(Self::new(rows.map(|(row, (&score, &truth))| (score, row as u32, truth)).collect()))
    }

    /// Score, row and truth of each decision.
    fn new(mut decisions: Vec<(f64, u32, bool)>) -> Self {
        decisions.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut scores: Vec<(f64, usize)> = Vec::new();
        for (place, decision) in decisions.iter().enumerate() {
            match scores.last_mut() {
                // 0 and -0 are one score.
                Some(last) if last.0 == decision.0 => last.1 = place + 1,
                _ => scores.push((decision.0, place + 1)),
            }
        }
        let decisions = decisions.into_iter().map(|(_, row, truth)| (row, truth)).collect();
        Ranking { decisions, scores }
    }

    fn positives(&self) -> u64 {
        self.decisions.iter().filter(|(_, truth)| *truth).count() as u64
    }

    /// True and false positives at each threshold, from the highest; `times` is how often a row counts.
    pub(crate) fn steps(&self, times: impl Fn(usize) -> u64) -> impl Iterator<Item = (u64, u64)> {
        let (mut right, mut wrong, mut next) = (0, 0, 0);
        self.scores.iter().map(move |&(_, end)| {
            for &(row, truth) in &self.decisions[next..end] {
                let times = times(row as usize);
                right += if truth { times } else { 0 };
                wrong += if truth { 0 } else { times };
            }
            next = end;
            (right, wrong)
        })
    }

    /// Average precision and area under the ROC curve.
    pub(crate) fn areas(&self, times: impl Fn(usize) -> u64) -> (Option<f64>, Option<f64>) {
        let (mut precision, mut area) = (0.0, 0.0);
        let (mut positives, mut negatives) = (0, 0);
        for (right, wrong) in self.steps(times) {
            if right > positives {
                precision += (right - positives) as f64 * (right as f64 / (right + wrong) as f64);
            }
            area += (wrong - negatives) as f64 * (right + positives) as f64 / 2.0;
            (positives, negatives) = (right, wrong);
        }
        let (p, n) = (positives as f64, negatives as f64);
        ((positives > 0).then(|| precision / p), (positives > 0 && negatives > 0).then(|| area / (p * n)))
    }

    fn precision_recall(&self) -> PrecisionRecall {
        let positives = self.positives();
        let steps: Vec<(u64, u64)> = self.steps(|_| 1).collect();
        let recall = |right: u64| if positives == 0 { 1.0 } else { right as f64 / positives as f64 };
        let ascending = || steps.iter().rev();
        PrecisionRecall {
            positives,
            n: self.decisions.len() as u64,
            average_precision: self.areas(|_| 1).0,
            precision: ascending()
                .map(|&(right, wrong)| right as f64 / (right + wrong) as f64)
                .chain([1.0])
                .collect(),
            recall: ascending().map(|&(right, _)| recall(right)).chain([0.0]).collect(),
            thresholds: self.scores.iter().rev().map(|score| score.0).collect(),
        }
    }

    fn roc(&self) -> Roc {
        let positives = self.positives();
        let negatives = self.decisions.len() as u64 - positives;
        let area = self.areas(|_| 1).1;
        let (mut false_positive_rate, mut true_positive_rate, mut thresholds) = (vec![], vec![], vec![]);
        if area.is_some() {
            let steps = [(0, 0)].into_iter().chain(self.steps(|_| 1));
            for (right, wrong) in steps {
                false_positive_rate.push(wrong as f64 / negatives as f64);
                true_positive_rate.push(right as f64 / positives as f64);
            }
            thresholds.push(f64::INFINITY);
            thresholds.extend(self.scores.iter().map(|score| score.0));
        }
        Roc { positives, negatives, area, false_positive_rate, true_positive_rate, thresholds }
    }
}
