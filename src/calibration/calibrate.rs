//! Fitting a calibration and judging it on held-out pairs.

use ndarray::ArrayView2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::maps::{Isotonic, Logistic};
use super::saved::{Calibration, MapKind};
use super::thresholds::{Goal, Threshold, Weighted};
use crate::error::{Error, Result};
use crate::pairs::{Estimate, Pairs, area_under_roc, ratio};

/// Fewer pairs of a kind on a side say nothing.
const LEAST_PAIRS: usize = 10;

/// Bins of the reliability curve, of equal width.
const BINS: usize = 10;

/// How to calibrate.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrateOptions {
    /// The map that gives the probability; logistic by default.
    pub map: MapKind,
    /// The share of matches among the pairs that will be judged; by default that of the pairs.
    pub prior: Option<f64>,
    /// What thresholds are for; F1, a false-positive rate of 0.01 and a precision of 0.95 by default.
    pub goals: Vec<Goal>,
}

impl Default for CalibrateOptions {
    fn default() -> Self {
        let goals = vec![Goal::F1, Goal::FalsePositiveRate(0.01), Goal::Precision(0.95)];
        CalibrateOptions { map: MapKind::default(), prior: None, goals }
    }
}

/// A calibration, and how good it is on the test pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// What is saved.
    pub calibration: Calibration,
    /// The area under the ROC curve.
    pub auc: Estimate,
    /// The thresholds.
    pub thresholds: Vec<Threshold>,
    /// The mean distance of predicted and observed share over the bins, by their weights (Guo et al. 2017).
    pub calibration_error: f64,
    /// The mean squared error of the probability (Brier 1950).
    pub brier: f64,
    /// Predicted against observed.
    pub reliability: Vec<ReliabilityBin>,
}

/// The pairs whose probability lies in one tenth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct ReliabilityBin {
    /// How many pairs.
    pub pairs: usize,
    /// Their mean probability.
    pub predicted: f64,
    /// The share that is the same.
    pub observed: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The cosine of each pair of rows, in `f64`; `None` where one is zero.
pub fn cosines(rows: ArrayView2<'_, f32>, pairs: &[(usize, usize)]) -> Vec<Option<f64>> {
    pairs
        .par_iter()
        .map(|(a, b)| {
            let (mut product, mut left, mut right) = (0.0, 0.0, 0.0);
            for (a, b) in rows.row(*a).iter().zip(rows.row(*b)) {
                let (a, b) = (f64::from(*a), f64::from(*b));
                product += a * b;
                left += a * a;
                right += b * b;
            }
            (left > 0.0 && right > 0.0).then(|| (product / (left * right).sqrt()).clamp(-1.0, 1.0))
        })
        .collect()
}

/// Calibrates the cosines of pairs. Takes O(n log n) time.
///
/// # Errors
/// With fewer than ten pairs of a kind on a side, cosines that are not finite, and an impossible share.
pub fn calibrate(cosines: &[f64], pairs: &Pairs, options: &CalibrateOptions) -> Result<Calibrated> {
    if cosines.len() != pairs.rows.len() || cosines.iter().any(|cosine| !cosine.is_finite()) {
        let finite = cosines.iter().filter(|cosine| cosine.is_finite()).count();
        return Err(Error::argument("one finite cosine for each pair is needed")
            .seen(format!("{finite} finite cosines for {} pairs", pairs.rows.len()))
            .advice("leave out pairs whose rows are zero or not finite"));
    }
    for share in options
        .goals
        .iter()
        .filter_map(|goal| match goal {
            Goal::F1 => None,
            Goal::FalsePositiveRate(share) | Goal::Precision(share) => Some(share),
        })
        .chain(&options.prior)
    {
        if !(*share > 0.0 && *share < 1.0) {
            return Err(Error::argument("an impossible share")
                .seen(share.to_string())
                .advice("give more than 0 and less than 1"));
        }
    }
    pairs.require_both(LEAST_PAIRS)?;
    let side = |test: bool| Side::of(cosines, pairs, &pairs.side(test), options.prior);
    let (train, test) = (side(false), side(true));
    let map = |cosine: &f64, calibration: &Calibration| calibration.probability(*cosine);
    let mut calibration = Calibration::new(
        options.map,
        Logistic::fit(&train.cosines, &train.same, &train.weights),
        Isotonic::fit(&train.cosines, &train.same, &train.weights),
        options.prior.unwrap_or(train.share),
    );
    let auc = area_under_roc(&test.cosines, &test.same, &test.units)
        .ok_or_else(|| Error::input("pairs of one kind only").with_code("one-sided-pairs"))?;
    let thresholds: Vec<Threshold> = options
        .goals
        .iter()
        .map(|goal| goal.judge(goal.choose(&train.weighted()), &test.weighted()))
        .collect();
    calibration.thresholds = thresholds.clone();
    let predicted: Vec<f64> = test.cosines.iter().map(|cosine| map(cosine, &calibration)).collect();
    let total: f64 = test.weights.iter().sum();
    let truth = |pair: usize| f64::from(u8::from(test.same[pair]));
    let brier = (0..predicted.len())
        .map(|pair| test.weights[pair] * (predicted[pair] - truth(pair)).powi(2))
        .sum::<f64>()
        / total;
    let (mut reliability, mut calibration_error) = (Vec::new(), 0.0);
    for bin in 0..BINS {
        let within: Vec<bool> =
            predicted.iter().map(|p| ((p * BINS as f64) as usize).min(BINS - 1) == bin).collect();
        let counts: Vec<f64> =
            (0..predicted.len()).map(|pair| if within[pair] { test.weights[pair] } else { 0.0 }).collect();
        let hits: Vec<f64> = counts.iter().enumerate().map(|(pair, count)| count * truth(pair)).collect();
        let Some(observed) = ratio(&hits, &counts, &test.units) else { continue };
        let weight: f64 = counts.iter().sum();
        let mean = counts.iter().zip(&predicted).map(|(count, p)| count * p).sum::<f64>() / weight;
        calibration_error += weight / total * (mean - observed.value).abs();
        reliability.push(ReliabilityBin {
            pairs: within.iter().filter(|within| **within).count(),
            predicted: mean,
            observed: observed.value,
            low: observed.low,
            high: observed.high,
        });
    }
    Ok(Calibrated { calibration, auc, thresholds, calibration_error, brier, reliability })
}

/// The pairs of one side.
struct Side {
    cosines: Vec<f64>,
    same: Vec<bool>,
    weights: Vec<f64>,
    units: Vec<(u32, u32)>,
    /// The share that is the same.
    share: f64,
}

impl Side {
    fn of(cosines: &[f64], pairs: &Pairs, chosen: &[usize], prior: Option<f64>) -> Side {
        let same: Vec<bool> = chosen.iter().map(|pair| pairs.same[*pair]).collect();
        let share = same.iter().filter(|same| **same).count() as f64 / same.len() as f64;
        let prior = prior.unwrap_or(share);
        let weight = |same: &bool| if *same { prior / share } else { (1.0 - prior) / (1.0 - share) };
        Side {
            cosines: chosen.iter().map(|pair| cosines[*pair]).collect(),
            weights: same.iter().map(weight).collect(),
            units: chosen
                .iter()
                .map(|pair| (pairs.units[pairs.rows[*pair].0], pairs.units[pairs.rows[*pair].1]))
                .collect(),
            same,
            share,
        }
    }

    fn weighted(&self) -> Weighted<'_> {
        Weighted { cosines: &self.cosines, same: &self.same, weights: &self.weights, units: &self.units }
    }
}
