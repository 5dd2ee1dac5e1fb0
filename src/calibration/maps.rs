//! Maps from cosine to probability.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 1 / (1 + exp(-(intercept + slope · cosine))).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Logistic {
    /// The log-odds at cosine 0.
    pub intercept: f64,
    /// How much the log-odds grow with the cosine.
    pub slope: f64,
}

impl Logistic {
    /// The likeliest map, with Platt's (1999) targets: a little inside of 0 and 1, so that pairs that a threshold
    /// divides without fault have a map too. As scikit-learn's `CalibratedClassifierCV(method="sigmoid")` fits it.
    pub(super) fn fit(cosines: &[f64], same: &[bool], weights: &[f64]) -> Logistic {
        let of = |kind: bool| -> f64 {
            same.iter().zip(weights).filter(|(same, _)| **same == kind).map(|(_, weight)| weight).sum()
        };
        let (positives, negatives) = (of(true), of(false));
        let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
        // Centred, so that the two parameters hardly depend on each other.
        let total: f64 = weights.iter().sum();
        let center = cosines.iter().zip(weights).map(|(x, weight)| x * weight).sum::<f64>() / total;
        let target = |same: bool| if same { high } else { low };
        let loss = |a: f64, b: f64| -> f64 {
            cosines
                .iter()
                .zip(same)
                .zip(weights)
                .map(|((x, same), weight)| {
                    let z = a + b * (x - center);
                    // ln(1 + e^z) - t z, without overflow.
                    weight * (z.max(0.0) + (-z.abs()).exp().ln_1p() - target(*same) * z)
                })
                .sum()
        };
        let (mut a, mut b) = (((positives + 1.0) / (negatives + 1.0)).ln(), 0.0);
        let mut now = loss(a, b);
        for _ in 0..100 {
            let (mut ga, mut gb, mut aa, mut ab, mut bb) = (0.0, 0.0, 1e-12, 0.0, 1e-12);
            for ((x, same), weight) in cosines.iter().zip(same).zip(weights) {
                let x = x - center;
                let p = 1.0 / (1.0 + (-(a + b * x)).exp());
                let (error, spread) = (weight * (p - target(*same)), weight * p * (1.0 - p));
                ga += error;
                gb += error * x;
                aa += spread;
                ab += spread * x;
                bb += spread * x * x;
            }
            let determinant = aa * bb - ab * ab;
            let (da, db) = ((bb * ga - ab * gb) / determinant, (aa * gb - ab * ga) / determinant);
            let mut step = 1.0;
            let mut next = loss(a - da, b - db);
            while next > now && step > 1e-10 {
                step /= 2.0;
                next = loss(a - step * da, b - step * db);
            }
            if !next.is_finite() || next >= now {
                break;
            }
            (a, b, now) = (a - step * da, b - step * db, next);
        }
        Logistic { intercept: a - b * center, slope: b }
    }

    /// The probability of a cosine.
    pub fn probability(&self, cosine: f64) -> f64 {
        1.0 / (1.0 + (-(self.intercept + self.slope * cosine)).exp())
    }
}

/// A rising curve of straight pieces between knots; level beyond the first and the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Isotonic {
    /// The cosines of the knots, ascending.
    pub cosine: Vec<f64>,
    /// The probability at each, never falling.
    pub probability: Vec<f64>,
}

impl Isotonic {
    /// The rising curve nearest in least squares: pool adjacent violators, as scikit-learn's `IsotonicRegression`.
    pub(super) fn fit(cosines: &[f64], same: &[bool], weights: &[f64]) -> Isotonic {
        let mut order: Vec<usize> = (0..cosines.len()).collect();
        order.sort_by(|a, b| cosines[*a].total_cmp(&cosines[*b]));
        // Blocks of equal cosines, then of equal probability: first and last cosine, weight, weight of the same.
        let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
        for tied in order.chunk_by(|a, b| cosines[*a] == cosines[*b]) {
            let weight: f64 = tied.iter().map(|pair| weights[*pair]).sum();
            let of_same: f64 = tied.iter().filter(|pair| same[**pair]).map(|pair| weights[*pair]).sum();
            let at = cosines[tied[0]];
            let mut block = (at, at, weight, of_same);
            while let Some(last) = blocks.last().filter(|last| last.3 * block.2 >= block.3 * last.2).copied()
            {
                block = (last.0, block.1, last.2 + block.2, last.3 + block.3);
                blocks.pop();
            }
            blocks.push(block);
        }
        let (mut cosine, mut probability) = (Vec::new(), Vec::new());
        for (first, last, weight, of_same) in blocks {
            cosine.push(first);
            probability.push(of_same / weight);
            if last > first {
                cosine.push(last);
                probability.push(of_same / weight);
            }
        }
        Isotonic { cosine, probability }
    }

    /// The probability of a cosine.
    pub fn probability(&self, cosine: f64) -> f64 {
        let after = self.cosine.partition_point(|knot| *knot <= cosine);
        match after {
            0 => self.probability[0],
            after if after == self.cosine.len() => self.probability[after - 1],
            after => {
                let (x0, x1) = (self.cosine[after - 1], self.cosine[after]);
                let (y0, y1) = (self.probability[after - 1], self.probability[after]);
                y0 + (y1 - y0) * (cosine - x0) / (x1 - x0)
            }
        }
    }

    /// Whether the knots are a rising curve of probabilities.
    pub(super) fn is_sound(&self) -> bool {
        let rising = |values: &[f64]| values.windows(2).all(|pair| pair[0] <= pair[1]);
        self.cosine.len() == self.probability.len()
            && !self.cosine.is_empty()
            && self.cosine.windows(2).all(|pair| pair[0] < pair[1])
            && rising(&self.probability)
            && self.probability.iter().all(|p| (0.0..=1.0).contains(p))
    }
}
