//! From which margin on a row is positive.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What the best threshold is best at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The mean of the recalls of both labels: both count the same, however rare one is.
    #[default]
    BalancedAccuracy,
    /// The share of rows that are right.
    Accuracy,
    /// The F1 of the positive label.
    F1,
}

/// How good one threshold is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ThresholdScores {
    /// The share of rows that are right.
    pub accuracy: f64,
    /// The mean of the recalls of both labels.
    pub balanced_accuracy: f64,
    /// The precision of the positive label; 0 when nothing is positive.
    pub precision: f64,
    /// The recall of the positive label.
    pub recall: f64,
    /// The F1 of the positive label.
    pub f1: f64,
}

/// A threshold with its scores on the training part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ThresholdPoint {
    /// Rows with a larger margin are positive.
    pub threshold: f64,
    /// How good it is.
    #[serde(flatten)]
    pub scores: ThresholdScores,
}

/// The threshold of the margin: 0, which needs no training, against the best one of the training
/// part, both on the test part.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Thresholds {
    /// What the best one is best at.
    pub goal: Goal,
    /// Rows that it was chosen on.
    pub n_train: usize,
    /// Rows that it is judged on.
    pub n_test: usize,
    /// The best threshold of the training part; of equally good ones the one nearest to 0.
    pub best: f64,
    /// Its scores on the training part: too good, because it was chosen there.
    pub train: ThresholdScores,
    /// Its scores on the test part.
    pub test: ThresholdScores,
    /// The scores of 0 on the test part.
    pub test_at_zero: ThresholdScores,
    /// Every threshold that was tried, ascending.
    #[serde(skip)]
    pub tried: Vec<ThresholdPoint>,
}

impl ThresholdScores {
    /// The score that a goal asks for.
    pub fn of(&self, goal: Goal) -> f64 {
        match goal {
            Goal::BalancedAccuracy => self.balanced_accuracy,
            Goal::Accuracy => self.accuracy,
            Goal::F1 => self.f1,
        }
    }

    fn counted(true_positives: usize, false_positives: usize, positives: usize, n: usize) -> Self {
        let share = |a: usize, b: usize| if b == 0 { 0.0 } else { a as f64 / b as f64 };
        let negatives = n - positives;
        let recall = share(true_positives, positives);
        let specificity = share(negatives - false_positives, negatives);
        let recalls = usize::from(positives > 0) + usize::from(negatives > 0);
        ThresholdScores {
            accuracy: share(true_positives + negatives - false_positives, n),
            balanced_accuracy: (recall + specificity) / recalls.max(1) as f64,
            precision: share(true_positives, true_positives + false_positives),
            recall,
            f1: share(2 * true_positives, true_positives + false_positives + positives),
        }
    }
}

/// Rows with their margin and whether they are positive.
pub(super) type Marked = Vec<(f64, bool)>;

/// # Errors
/// When a part lacks one of the labels.
pub(super) fn thresholds(train: Marked, test: Marked, goal: Goal) -> Result<Thresholds> {
    for (name, part) in [("training", &train), ("test", &test)] {
        let positives = part.iter().filter(|row| row.1).count();
        if positives == 0 || positives == part.len() {
            return Err(Error::input(format!("the {name} part lacks one of the two labels"))
                .seen(format!("{positives} of its {} rows are positive", part.len()))
                .advice("give more rows, or another share or seed of the split"));
        }
    }
    let tried = tried(&train);
    let mut best = tried[0];
    for point in &tried {
        let (value, known) = (point.scores.of(goal), best.scores.of(goal));
        if value > known || (value == known && point.threshold.abs() < best.threshold.abs()) {
            best = *point;
        }
    }
    Ok(Thresholds {
        goal,
        n_train: train.len(),
        n_test: test.len(),
        best: best.threshold,
        train: best.scores,
        test: at(&test, best.threshold),
        test_at_zero: at(&test, 0.0),
        tried,
    })
}

/// The scores of one threshold.
fn at(rows: &Marked, threshold: f64) -> ThresholdScores {
    let above = |positive: bool| rows.iter().filter(|row| row.0 > threshold && row.1 == positive).count();
    let positives = rows.iter().filter(|row| row.1).count();
    ThresholdScores::counted(above(true), above(false), positives, rows.len())
}

/// One threshold below all margins, one in the middle between two neighbouring ones, and the
/// largest margin, above which nothing is.
fn tried(rows: &Marked) -> Vec<ThresholdPoint> {
    let mut sorted = rows.clone();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = sorted.iter().filter(|row| row.1).count();
    let (mut true_positives, mut false_positives) = (positives, sorted.len() - positives);
    let mut points = Vec::new();
    let mut push = |threshold, true_positives, false_positives| {
        let scores = ThresholdScores::counted(true_positives, false_positives, positives, rows.len());
        points.push(ThresholdPoint { threshold, scores });
    };
    let (first, last) = (sorted[0].0, sorted[sorted.len() - 1].0);
    push(first - (last - first).max(1e-6) * 0.02, true_positives, false_positives);
    for (i, &(margin, positive)) in sorted.iter().enumerate() {
        true_positives -= usize::from(positive);
        false_positives -= usize::from(!positive);
        match sorted.get(i + 1) {
            Some(next) if next.0 > margin => {
                let middle = margin + (next.0 - margin) / 2.0;
                // Of two neighbouring floats the middle rounds to one of them.
                push(if middle < next.0 { middle } else { margin }, true_positives, false_positives);
            }
            Some(_) => {}
            None => push(margin, true_positives, false_positives),
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sweep_is_every_threshold_by_itself() {
        let rows: Marked = (0..200)
            .map(|i| (f64::from(i * 7919 % 50) * 0.01 - 0.2, i * 31 % 7 < 2 || i % 50 > 40))
            .collect();
        let points = tried(&rows);
        assert_eq!(points.len(), 51);
        for point in points {
            assert_eq!(point.scores, at(&rows, point.threshold));
        }
    }

    #[test]
    fn the_best_threshold_is_found_and_judged_elsewhere() {
        let train = vec![(-0.3, false), (-0.1, false), (0.1, false), (0.3, true), (0.4, true)];
        let test = vec![(0.1, false), (0.25, true), (0.0, false)];
        let found = thresholds(train, test, Goal::Accuracy).unwrap();
        assert!((found.best - 0.2).abs() < 1e-12);
        assert_eq!((found.train.accuracy, found.test.accuracy), (1.0, 1.0));
        assert!((found.test_at_zero.accuracy - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_part_of_one_label_is_refused() {
        let error = thresholds(vec![(0.0, true)], vec![], Goal::F1).unwrap_err();
        assert!(error.to_string().contains("the training part lacks"), "{error}");
    }
}
