//! How sure a figure of pairs is, when pairs share rows.

use schemars::JsonSchema;
use serde::Serialize;

use crate::metric::wilson;

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Standard error.
    pub standard_error: f64,
}

const Z95: f64 = 1.959_963_984_540_054;

/// The sum of `hits` over the sum of `counts`, both at least 0 and the first at most the second, for pairs of which
/// `units` are the two ends. `None` when nothing counts.
///
/// Pairs that share a unit are not independent: the variance is the sum over pairs with a unit in common (Aronow, Samii
/// and Assenova 2015), and the interval is Wilson's for the number of independent pairs that has this variance.
pub fn ratio(hits: &[f64], counts: &[f64], units: &[(u32, u32)]) -> Option<Estimate> {
    let (hit, all) = (hits.iter().sum::<f64>(), counts.iter().sum::<f64>());
    if all <= 0.0 {
        return None;
    }
    let value = hit / all;
    let parts: Vec<f64> = hits.iter().zip(counts).map(|(hit, count)| (hit - value * count) / all).collect();
    let counted: Vec<bool> = counts.iter().map(|count| *count > 0.0).collect();
    Some(estimate(value, &parts, &counted, units))
}

/// The area under the ROC curve of scores: the chance that a pair that is the same scores higher than one that is not,
/// ties counting half. `None` when there is only one kind. The interval is DeLong's (1988) with the variance of [`ratio`].
pub fn area_under_roc(scores: &[f64], same: &[bool], units: &[(u32, u32)]) -> Option<Estimate> {
    let positives = same.iter().filter(|same| **same).count() as f64;
    let negatives = same.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    // For each pair, the share of the other kind that it beats.
    let mut beaten = vec![0.0; scores.len()];
    let (mut below_same, mut below_not) = (0.0, 0.0);
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let tied_same = tied.iter().filter(|pair| same[**pair]).count() as f64;
        let tied_not = tied.len() as f64 - tied_same;
        for pair in tied {
            beaten[*pair] = if same[*pair] {
                (below_not + tied_not / 2.0) / negatives
            } else {
                1.0 - (below_same + tied_same / 2.0) / positives
            };
        }
        below_same += tied_same;
        below_not += tied_not;
    }
    let value = (0..same.len()).filter(|pair| same[*pair]).map(|pair| beaten[pair]).sum::<f64>() / positives;
    let parts: Vec<f64> = (0..same.len())
        .map(|pair| (beaten[pair] - value) / if same[pair] { positives } else { negatives })
        .collect();
    Some(estimate(value, &parts, &vec![true; same.len()], units))
}

/// `parts` are what each pair adds to the error of the value.
fn estimate(value: f64, parts: &[f64], counted: &[bool], units: &[(u32, u32)]) -> Estimate {
    let n = counted.iter().filter(|counted| **counted).count().max(1) as f64;
    let mut ends: Vec<u32> =
        units.iter().zip(counted).filter(|(_, counted)| **counted).flat_map(|((a, b), _)| [*a, *b]).collect();
    ends.sort_unstable();
    ends.dedup();
    let variance = variance(parts, units);
    let least = (ends.len() as f64 / 2.0).clamp(1.0, n);
    let worth = if variance > 0.0 { value * (1.0 - value) / variance } else { least };
    // Where the value is 0 or 1 its own variance is 0 too, and says nothing.
    let worth = if worth > 0.0 { worth } else { least };
    let (low, high) = wilson(value.clamp(0.0, 1.0), worth.clamp(1.0, n), Z95);
    Estimate { value, low, high, standard_error: variance.sqrt() }
}

/// The mean difference of two figures of each pair, with the normal interval for pairs that share units.
pub fn difference(first: &[f64], second: &[f64], units: &[(u32, u32)]) -> Estimate {
    let n = first.len().max(1) as f64;
    let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
    let value = differences.iter().sum::<f64>() / n;
    let parts: Vec<f64> = differences.iter().map(|each| (each - value) / n).collect();
    let half = Z95 * variance(&parts, units).sqrt();
    Estimate {
        value,
        low: (value - half).max(-1.0),
        high: (value + half).min(1.0),
        standard_error: half / Z95,
    }
}

/// Of a sum of parts, of which those that share a unit are not independent.
fn variance(parts: &[f64], units: &[(u32, u32)]) -> f64 {
    let n_units = units.iter().map(|(a, b)| a.max(b) + 1).max().unwrap_or(0) as usize;
    let (mut sums, mut twice) = (vec![0.0; n_units], 0.0);
    for (part, (a, b)) in parts.iter().zip(units) {
        sums[*a as usize] += part;
        if a != b {
            sums[*b as usize] += part;
            twice += part * part;
        }
    }
    let independent: f64 = parts.iter().map(|part| part * part).sum();
    (sums.iter().map(|sum| sum * sum).sum::<f64>() - twice).max(independent)
}
