//! Counts of rows by true and predicted class, and what follows from them.

use serde::Serialize;

use super::check::{codes, same_rows};
use crate::error::{Error, Result};

/// The matrix of more would take more than 200 MB.
const MOST_CLASSES: usize = 5000;

/// Truth and prediction of each row.
pub(crate) type Pairs = Vec<(u32, u32)>;

/// Refuses labels that are identifiers, before anything is fitted.
///
/// # Errors
/// When there are more than 5,000 classes.
pub(crate) fn require_few_classes(n_classes: usize) -> Result<()> {
    if n_classes > MOST_CLASSES {
        return Err(Error::memory("too many classes for a confusion matrix")
            .seen(format!("{n_classes}"))
            .advice(format!("use at most {MOST_CLASSES}; are these labels, or identifiers?")));
    }
    Ok(())
}

/// Truth and prediction of each row as places among the classes that occur, and those classes.
pub(crate) fn pairs(truth: &[usize], predicted: &[usize], n_classes: usize) -> Result<(Pairs, Vec<usize>)> {
    same_rows(("true classes", truth.len()), ("predicted classes", predicted.len()))?;
    codes("a true class", truth, n_classes)?;
    codes("a predicted class", predicted, n_classes)?;
    let mut place = vec![None; n_classes];
    for &class in truth.iter().chain(predicted) {
        place[class] = Some(0_u32);
    }
    let classes: Vec<usize> = (0..n_classes).filter(|&class| place[class].is_some()).collect();
    require_few_classes(classes.len())?;
    let mut at = vec![0_u32; n_classes];
    for (place, &class) in classes.iter().enumerate() {
        at[class] = place as u32;
    }
    Ok((
        truth.iter().zip(predicted).map(|(&truth, &predicted)| (at[truth], at[predicted])).collect(),
        classes,
    ))
}

/// A mean over classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct AverageScores {
    /// Mean precision.
    pub precision: f64,
    /// Mean recall.
    pub recall: f64,
    /// Mean of the classes' F1, not the F1 of the means.
    pub f1: f64,
    /// Rows of all classes.
    pub support: u64,
}

/// Rows of each class, rows predicted as it, and rows of both; the scores are computed from these alone, so
/// that a resample costs rows plus classes, not the square of the classes.
pub(crate) struct Counts {
    pub n: u64,
    /// Rows that are right, of each class.
    pub hits: Vec<u64>,
    /// Rows of each class.
    pub support: Vec<u64>,
    /// Rows predicted as each class.
    pub predicted: Vec<u64>,
}

/// Counts of rows by true (rows) and predicted class (columns).
pub(super) fn cells(pairs: &[(u32, u32)], k: usize) -> Vec<Vec<u64>> {
    let mut cells = vec![vec![0; k]; k];
    pairs.iter().for_each(|&(truth, predicted)| cells[truth as usize][predicted as usize] += 1);
    cells
}

impl Counts {
    /// `times` is how often a row counts.
    pub fn new(pairs: &[(u32, u32)], k: usize, times: impl Fn(usize) -> u64) -> Self {
        let (mut hits, mut support, mut all_predicted) = (vec![0; k], vec![0; k], vec![0; k]);
        for (row, &(truth, predicted)) in pairs.iter().enumerate() {
            let times = times(row);
            support[truth as usize] += times;
            all_predicted[predicted as usize] += times;
            if truth == predicted {
                hits[truth as usize] += times;
            }
        }
        Counts { n: support.iter().sum(), hits, support, predicted: all_predicted }
    }

    fn k(&self) -> usize {
        self.hits.len()
    }

    pub fn accuracy(&self) -> f64 {
        ratio(self.hits.iter().sum(), self.n)
    }

    pub fn precision(&self, class: usize) -> f64 {
        ratio(self.hits[class], self.predicted[class])
    }

    pub fn recall(&self, class: usize) -> f64 {
        ratio(self.hits[class], self.support[class])
    }

    pub fn f1(&self, class: usize) -> f64 {
        ratio(2 * self.hits[class], self.support[class] + self.predicted[class])
    }

    pub fn balanced_accuracy(&self) -> f64 {
        let (mut sum, mut classes) = (0.0, 0.0);
        for class in (0..self.k()).filter(|&class| self.support[class] > 0) {
            sum += self.recall(class);
            classes += 1.0;
        }
        sum / classes
    }

    /// Macro and weighted, over the classes that occur.
    pub fn averages(&self) -> (AverageScores, AverageScores) {
        let mean = |weight: &dyn Fn(usize) -> f64| {
            let total: f64 = (0..self.k()).map(weight).sum();
            let mean = |score: &dyn Fn(usize) -> f64| {
                (0..self.k()).map(|class| weight(class) * score(class)).sum::<f64>() / total
            };
            AverageScores {
                precision: mean(&|class| self.precision(class)),
                recall: mean(&|class| self.recall(class)),
                f1: mean(&|class| self.f1(class)),
                support: self.n,
            }
        };
        let occurs = |class: usize| f64::from(u8::from(self.support[class] + self.predicted[class] > 0));
        (mean(&occurs), mean(&|class| self.support[class] as f64))
    }

    /// Cohen's kappa; `None` where no disagreement is expected by chance.
    pub fn kappa(&self) -> Option<f64> {
        let n = u128::from(self.n);
        let product = |(a, b): (&u64, &u64)| u128::from(*a) * u128::from(*b);
        let by_chance: u128 = self.support.iter().zip(&self.predicted).map(product).sum();
        let wrong = n - self.hits.iter().map(|hits| u128::from(*hits)).sum::<u128>();
        kappa(wrong, n * n - by_chance, n)
    }

    pub fn matthews_correlation(&self) -> f64 {
        let n = self.n as f64;
        let product = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(&a, &b)| a as f64 * b as f64).sum::<f64>();
        let hits = self.hits.iter().sum::<u64>() as f64;
        let together = hits * n - product(&self.support, &self.predicted);
        let truth = n * n - product(&self.support, &self.support);
        let predicted = n * n - product(&self.predicted, &self.predicted);
        if truth * predicted == 0.0 { 0.0 } else { together / (truth * predicted).sqrt() }
    }
}

/// Cohen's kappa of ordered classes, where a disagreement counts by the square of its steps (Cohen 1968);
/// `None` where no disagreement is expected by chance. `times` is how often a row counts.
pub(super) fn quadratic_kappa(pairs: &[(u32, u32)], times: impl Fn(usize) -> u64) -> Option<f64> {
    let (mut n, mut seen, mut squares, mut truths, mut predictions) = (0, 0, 0, 0, 0);
    for (row, &(truth, predicted)) in pairs.iter().enumerate() {
        let (times, truth, predicted) = (u128::from(times(row)), u128::from(truth), u128::from(predicted));
        n += times;
        seen += times * truth.abs_diff(predicted).pow(2);
        squares += times * (truth * truth + predicted * predicted);
        truths += times * truth;
        predictions += times * predicted;
    }
    // n times the squared steps between a true and a predicted class drawn independently.
    kappa(seen, (n * squares).saturating_sub(2 * truths * predictions), n)
}

/// `expected` is `n` times what chance gives.
fn kappa(seen: u128, expected: u128, n: u128) -> Option<f64> {
    (expected > 0).then(|| 1.0 - (seen * n) as f64 / expected as f64)
}

/// 0 where there is nothing to divide by.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
