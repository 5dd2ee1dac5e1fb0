//! Whether a split of numbers into two sides is one that chance would give.

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// The most splits that are all looked at.
pub const MOST_SPLITS: u64 = 200_000;

/// A one-sided permutation test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitTest {
    /// The share of the splits whose first side has at least the mean of the first side as it is.
    pub p: f64,
    /// Whether all splits were looked at; else random ones, and p is (hits + 1) / (runs + 1).
    pub exact: bool,
    /// How many were.
    pub splits: u64,
}

/// How many splits of the pooled numbers into sides of these sizes give the first side a mean at least as far above
/// that of the second. All splits are looked at when there are at most [`MOST_SPLITS`], else `runs` random ones. Ties
/// count, so that p is never 0. One random stream for each split.
pub fn split_test(first: &[f64], second: &[f64], runs: usize, seed: u64) -> SplitTest {
    let pooled = [first, second].concat();
    // With both sizes fixed, the difference of the means grows with the sum of the first side.
    let observed: f64 = first.iter().sum();
    // Sums of the same numbers in another order differ by their rounding.
    let bound = observed - 1e-13 * pooled.iter().map(|value| value.abs()).sum::<f64>();
    if let Some(splits) = n_splits(pooled.len(), first.len()) {
        // The smaller side is chosen: the sum of the larger one is the total less its own.
        let hits = if first.len() <= second.len() {
            count(&pooled, first.len(), bound)
        } else {
            let negated: Vec<f64> = pooled.iter().map(|value| -value).collect();
            count(&negated, second.len(), bound - pooled.iter().sum::<f64>())
        };
        return SplitTest { p: hits as f64 / splits as f64, exact: true, splits };
    }
    let hits = (0..runs as u64)
        .into_par_iter()
        .filter(|run| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(*run);
            let side = index::sample(&mut random, pooled.len(), first.len());
            side.iter().map(|at| pooled[at]).sum::<f64>() >= bound
        })
        .count();
    SplitTest { p: (hits + 1) as f64 / (runs + 1) as f64, exact: false, splits: runs as u64 }
}

/// n over k, if it is at most [`MOST_SPLITS`].
fn n_splits(n: usize, k: usize) -> Option<u64> {
    let mut all = 1_u64;
    for i in 0..k.min(n - k) as u64 {
        all = all * (n as u64 - i) / (i + 1);
        if all > MOST_SPLITS {
            return None;
        }
    }
    Some(all)
}

/// How many choices of `k` of the values sum to `bound` or more.
fn count(values: &[f64], k: usize, bound: f64) -> u64 {
    match (k, values) {
        (0, _) => u64::from(bound <= 0.0),
        (1, values) => values.iter().filter(|value| **value >= bound).count() as u64,
        (k, [first, rest @ ..]) if k <= values.len() => {
            count(rest, k - 1, bound - first) + count(rest, k, bound)
        }
        _ => 0,
    }
}
