//! Whether one model is better than another on the same rows.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::check::{finite, same_rows};
use super::interval::{BootstrapOptions, Interval, Units, bootstrap};
use crate::error::{Error, Result};

/// Two models on the same rows.
///
/// ```
/// use embedlab::metric::{ComparisonOptions, compare_accuracy};
///
/// let truth = [0, 1, 1, 0, 1, 1, 0, 1];
/// let (first, second) = ([0, 1, 1, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 0, 1, 0]);
/// let comparison = compare_accuracy(&truth, &first, &second, &ComparisonOptions::default())?;
/// assert_eq!((comparison.first, comparison.second, comparison.difference), (0.875, 0.375, 0.5));
/// assert_eq!(comparison.p_value, 0.125); // four rows differ, and all for the first
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Comparison {
    /// How many rows were compared.
    pub n: usize,
    /// The mean score or loss of the first model.
    pub first: f64,
    /// The mean score or loss of the second model.
    pub second: f64,
    /// First minus second.
    pub difference: f64,
    /// Where the difference would lie for other rows of the same kind (paired bootstrap).
    pub interval: Interval,
    /// How often models that are equally good differ by as much or more, either way.
    pub p_value: f64,
    /// What gave the p-value.
    pub test: PairedTest,
}

/// A test of two models on the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairedTest {
    /// McNemar's exact test: of the rows that one model alone has right, half are expected for each
    /// (McNemar 1947; a two-sided binomial test).
    McnemarExact,
    /// All ways to exchange the two models on some of the rows.
    SignFlipExact,
    /// Random exchanges; the p-value is never below 1 / (`n_permutations` + 1).
    SignFlip,
}

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComparisonOptions<'a> {
    /// Random exchanges of the two models, 9,999 by default. All are tried when there are no more.
    pub n_permutations: usize,
    /// Of the interval; its seed is that of the exchanges too, and its groups are exchanged whole.
    pub bootstrap: BootstrapOptions<'a>,
}

impl Default for ComparisonOptions<'_> {
    fn default() -> Self {
        ComparisonOptions { n_permutations: 9999, bootstrap: BootstrapOptions::default() }
    }
}

/// What an error costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Its size; the mean is the MAE.
    Absolute,
    /// Its square; the mean is the MSE.
    Squared,
}

/// Compares the accuracy of two classifiers: McNemar's exact test, or sign flips of whole groups
/// where rows are not independent. A positive difference is for the first.
///
/// # Errors
/// No rows, lists of different length, what [`bootstrap`] refuses.
pub fn compare_accuracy(
    truth: &[usize],
    first: &[usize],
    second: &[usize],
    options: &ComparisonOptions,
) -> Result<Comparison> {
    same_rows(("true classes", truth.len()), ("the first model's classes", first.len()))?;
    same_rows(("true classes", truth.len()), ("the second model's classes", second.len()))?;
    let hits = |predicted: &[usize]| -> Vec<f64> {
        truth
            .iter()
            .zip(predicted)
            .map(|(truth, predicted)| f64::from(u8::from(truth == predicted)))
            .collect()
    };
    let (first, second) = (hits(first), hits(second));
    if Units::new(truth.len(), options.bootstrap.groups)?.are_groups() {
        return compare_losses(&first, &second, options);
    }
    let alone = |a: &[f64], b: &[f64]| a.iter().zip(b).filter(|(a, b)| a > b).count() as u64;
    let p_value = mcnemar(alone(&first, &second), alone(&second, &first));
    comparison(&first, &second, options, p_value, PairedTest::McnemarExact)
}

/// Compares the MAE or the MSE of two regressions by sign flips. A negative difference is for the
/// first.
///
/// # Errors
/// As [`compare_losses`].
pub fn compare_errors(
    truth: &[f64],
    first: &[f64],
    second: &[f64],
    loss: Loss,
    options: &ComparisonOptions,
) -> Result<Comparison> {
    same_rows(("true values", truth.len()), ("the first model's values", first.len()))?;
    same_rows(("true values", truth.len()), ("the second model's values", second.len()))?;
    finite("a true value", truth.iter().copied())?;
    let losses = |predicted: &[f64]| -> Vec<f64> {
        let errors = truth.iter().zip(predicted).map(|(truth, predicted)| predicted - truth);
        errors.map(|error| if loss == Loss::Absolute { error.abs() } else { error * error }).collect()
    };
    compare_losses(&losses(first), &losses(second), options)
}

/// Compares the means of any score or loss that each row has under both models, by a permutation
/// test that flips the signs of the differences (Fisher 1935). For scores that are not means, such
/// as F1, take [`bootstrap`] of the difference.
///
/// # Errors
/// No rows, lists of different length, a value that is NaN or infinite, no permutations, what
/// [`bootstrap`] refuses.
pub fn compare_losses(first: &[f64], second: &[f64], options: &ComparisonOptions) -> Result<Comparison> {
    same_rows(("the first model's values", first.len()), ("the second model's values", second.len()))?;
    finite("a value of the first model", first.iter().copied())?;
    finite("a value of the second model", second.iter().copied())?;
    if options.n_permutations == 0 {
        return Err(Error::argument("no permutations").advice("ask for 999 or more; 9,999 are usual"));
    }
    let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
    let sums = Units::new(first.len(), options.bootstrap.groups)?.sums(&differences);
    let (p_value, test) = sign_flips(&sums, options.n_permutations, options.bootstrap.seed);
    comparison(first, second, options, p_value, test)
}

fn comparison(
    first: &[f64],
    second: &[f64],
    options: &ComparisonOptions,
    p_value: f64,
    test: PairedTest,
) -> Result<Comparison> {
    let interval = bootstrap(first.len(), &options.bootstrap, |times| {
        let (mut n, mut sum) = (0.0, 0.0);
        for ((&times, first), second) in times.iter().zip(first).zip(second) {
            n += f64::from(times);
            sum += f64::from(times) * (first - second);
        }
        sum / n
    })?;
    let n = first.len() as f64;
    let difference = first.iter().zip(second).map(|(first, second)| first - second).sum::<f64>() / n;
    let (first, second, rows) = (first.iter().sum::<f64>() / n, second.iter().sum::<f64>() / n, first.len());
    Ok(Comparison { n: rows, first, second, difference, interval, p_value, test })
}

/// The two-sided p-value of `a` against `b` tosses of a fair coin.
fn mcnemar(a: u64, b: u64) -> f64 {
    let (n, fewer) = (a + b, a.min(b));
    if a == b {
        return 1.0;
    }
    // The terms from the largest down, C(n, k) / 2^n at k = fewer first, as a logarithm because both
    // parts of it overflow.
    let log_first: f64 = (1..=fewer).map(|k| ((n - fewer + k) as f64 / k as f64).ln()).sum::<f64>()
        - n as f64 * std::f64::consts::LN_2;
    let (mut term, mut sum) = (1.0, 0.0);
    for k in (0..=fewer).rev() {
        sum += term;
        term *= k as f64 / (n - k + 1) as f64;
        if term < sum * 1e-18 {
            break;
        }
    }
    (2.0 * (log_first + f64::ln(sum)).exp()).min(1.0)
}

/// The share of sign flips under which the sum is at least as far from 0 as it is.
fn sign_flips(values: &[f64], n_permutations: usize, seed: u64) -> (f64, PairedTest) {
    let seen: f64 = values.iter().sum::<f64>().abs();
    // Sums of the same numbers in another order differ by their rounding.
    let tolerance = values.iter().map(|value| value.abs()).sum::<f64>() * 1e-13;
    let is_as_far = |sum: f64| sum.abs() >= seen - tolerance;
    if values.len() < 63 && 1_u64 << values.len() <= n_permutations as u64 {
        let all = 1_u64 << values.len();
        let as_far = (0..all).filter(|&flips| is_as_far(flipped(values, flips))).count();
        return (as_far as f64 / all as f64, PairedTest::SignFlipExact);
    }
    let as_far = (0..n_permutations as u64)
        .into_par_iter()
        .filter(|permutation| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            // The lower half of the streams is that of the resamples.
            random.set_stream(1 << 63 | permutation);
            is_as_far(values.chunks(64).map(|values| flipped(values, random.next_u64())).sum())
        })
        .count();
    ((as_far + 1) as f64 / (n_permutations + 1) as f64, PairedTest::SignFlip)
}

/// The sum of at most 64 values; bit i of `flips` turns the sign of value i.
fn flipped(values: &[f64], flips: u64) -> f64 {
    let signed = |(place, value): (usize, &f64)| f64::from_bits(value.to_bits() ^ (flips >> place & 1) << 63);
    values.iter().enumerate().map(signed).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_flips_come_near_to_all_flips() {
        let values: Vec<f64> = (0..12).map(|i| f64::from(i * 7 % 12) - 4.0).collect();
        let (all, test) = sign_flips(&values, 9999, 1);
        assert_eq!(test, PairedTest::SignFlipExact);
        let (random, test) = sign_flips(&values, 4000, 1);
        assert_eq!(test, PairedTest::SignFlip);
        assert!((all - random).abs() < 0.02, "{all} {random}");
    }

    #[test]
    fn models_that_never_differ_are_not_different() {
        assert_eq!(sign_flips(&[0.0; 100], 99, 1).0, 1.0);
        assert_eq!(mcnemar(0, 0), 1.0);
    }

    #[test]
    fn threads_do_not_change_the_p_value() {
        let values: Vec<f64> = (0..500).map(|i| f64::from(i * 37 % 101) - 47.0).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| sign_flips(&values, 999, 3).0)
        };
        assert_eq!(run(1), run(3));
    }
}
