//! Counts of rows by true and predicted class, and what follows from them.

use serde::Serialize;

use super::check::{codes, same_rows};
use crate::error::{Error, Result};

/// The matrix of more would take more than 200 MB.
const MOST_CLASSES: usize = 5000;

/// Truth and prediction of each row.
pub(super) type Pairs = Vec<(u32, u32)>;

/// Truth and prediction of each row as places among the classes that occur, and those classes.
pub(super) fn pairs(truth: &[usize], predicted: &[usize], n_classes: usize) -> Result<(Pairs, Vec<usize>)> {
    same_rows(("true classes", truth.len()), ("predicted classes", predicted.len()))?;
    codes("a true class", truth, n_classes)?;
    codes("a predicted class", predicted, n_classes)?;
    let mut place = vec![None; n_classes];
    for &class in truth.iter().chain(predicted) {
        place[class] = Some(0_u32);
    }
    let classes: Vec<usize> = (0..n_classes).filter(|&class| place[class].is_some()).collect();
    if classes.len() > MOST_CLASSES {
        return Err(Error::memory("too many classes for a confusion matrix")
            .seen(format!("{}", classes.len()))
            .advice(format!("score at most {MOST_CLASSES}; are these labels, or identifiers?")));
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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

/// Counts of rows by true and predicted class; every score above is computed from them alone.
pub(super) struct Confusion {
    pub n: u64,
    k: usize,
    /// k x k, a row for each true class.
    pub cells: Vec<u64>,
    /// Rows of each class.
    pub support: Vec<u64>,
    /// Rows predicted as each class.
    pub predicted: Vec<u64>,
}

impl Confusion {
    /// `times` is how often a row counts.
    pub fn new(pairs: &[(u32, u32)], k: usize, times: impl Fn(usize) -> u64) -> Self {
        let mut cells = vec![0; k * k];
        for (row, &(truth, predicted)) in pairs.iter().enumerate() {
            cells[truth as usize * k + predicted as usize] += times(row);
        }
        let support: Vec<u64> = cells.chunks(k).map(|row| row.iter().sum()).collect();
        let predicted = (0..k).map(|column| cells.iter().skip(column).step_by(k).sum()).collect();
        Confusion { n: support.iter().sum(), k, cells, support, predicted }
    }

    fn hits(&self, class: usize) -> u64 {
        self.cells[class * self.k + class]
    }

    pub fn accuracy(&self) -> f64 {
        ratio((0..self.k).map(|class| self.hits(class)).sum(), self.n)
    }

    pub fn precision(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.predicted[class])
    }

    pub fn recall(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.support[class])
    }

    pub fn f1(&self, class: usize) -> f64 {
        ratio(2 * self.hits(class), self.support[class] + self.predicted[class])
    }

    pub fn balanced_accuracy(&self) -> f64 {
        let (mut sum, mut classes) = (0.0, 0.0);
        for class in (0..self.k).filter(|&class| self.support[class] > 0) {
            sum += self.recall(class);
            classes += 1.0;
        }
        sum / classes
    }

    /// Macro and weighted, over the classes that occur.
    pub fn averages(&self) -> (AverageScores, AverageScores) {
        let mean = |weight: &dyn Fn(usize) -> f64| {
            let total: f64 = (0..self.k).map(weight).sum();
            let mean = |score: &dyn Fn(usize) -> f64| {
                (0..self.k).map(|class| weight(class) * score(class)).sum::<f64>() / total
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

    /// Cohen's kappa with a weight of disagreement for each cell (Cohen 1968); `None` where no
    /// disagreement is expected by chance.
    pub fn kappa(&self, weight: impl Fn(usize, usize) -> f64) -> Option<f64> {
        let (mut seen, mut expected) = (0.0, 0.0);
        for row in 0..self.k {
            for column in 0..self.k {
                let weight = weight(row, column);
                seen += weight * self.cells[row * self.k + column] as f64;
                expected +=
                    weight * (self.support[row] as f64 * self.predicted[column] as f64 / self.n as f64);
            }
        }
        (expected > 0.0).then(|| 1.0 - seen / expected)
    }

    pub fn matthews_correlation(&self) -> f64 {
        let n = self.n as f64;
        let product = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(&a, &b)| a as f64 * b as f64).sum::<f64>();
        let hits = (0..self.k).map(|class| self.hits(class)).sum::<u64>() as f64;
        let together = hits * n - product(&self.support, &self.predicted);
        let truth = n * n - product(&self.support, &self.support);
        let predicted = n * n - product(&self.predicted, &self.predicted);
        if truth * predicted == 0.0 { 0.0 } else { together / (truth * predicted).sqrt() }
    }
}

/// 0 where there is nothing to divide by.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
