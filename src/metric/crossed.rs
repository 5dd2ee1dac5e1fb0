//! How sure a mean over draws is: the bootstrap of rows and draws together.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::check::same_rows;
use super::interval::{BootstrapOptions, Interval, Units, quantile};
use super::normal::{normal_quantile, normal_share, t_quantile, t_two_sided};
use crate::error::{Error, Result};

/// Streams of random numbers that no resample of rows has.
const DRAWS: u64 = 1 << 63;

/// Degrees of freedom from where the t distribution is as good as the normal.
const MANY: f64 = 500.0;

/// The percentile intervals of scores that are means over draws, each draw on the same rows: every resample draws rows
/// and draws again, both with replacement (Owen, "The pigeonhole bootstrap", 2007), which errs to the wide side.
///
/// Draws are few, so the ends go out as far as a t interval with Satterthwaite's degrees of freedom is wider than a
/// normal one. `scores` is given how often each row and each draw counts; a score that is undefined is NaN. Beside each
/// interval stands how often a true score of 0 would lie so far on one side. Takes O(resamples x rows x draws) time.
///
/// # Errors
/// As [`bootstrap_all`](super::bootstrap_all), and fewer than two draws.
pub(crate) fn bootstrap_crossed(
    n_rows: usize,
    n_draws: usize,
    options: &BootstrapOptions,
    scores: impl Fn(&[u32], &[u32]) -> Vec<f64> + Sync,
) -> Result<Vec<(Interval, f64)>> {
    same_rows(("rows", n_rows), ("rows", n_rows))?;
    if n_draws < 2 || options.n_resamples < 2 {
        return Err(Error::argument("too few draws or resamples")
            .seen(format!("{n_draws} draws, {} resamples", options.n_resamples))
            .advice("give 2 or more of both"));
    }
    let units = Units::new(n_rows, None)?;
    let resampled: Vec<Vec<f64>> = (0..options.n_resamples as u64)
        .into_par_iter()
        .map(|resample| {
            let (mut rows, mut draws) = (vec![0; n_rows], vec![0; n_draws]);
            let mut random = ChaCha8Rng::seed_from_u64(options.seed);
            random.set_stream(resample | DRAWS);
            (0..n_draws).for_each(|_| draws[random.gen_range(0..n_draws)] += 1);
            scores(units.draw(options.seed, resample, &mut rows, &mut []), &draws)
        })
        .collect();
    let every_row = vec![1; n_rows];
    let of_draws: Vec<Vec<f64>> = (0..n_draws)
        .into_par_iter()
        .map(|draw| {
            let mut alone = vec![0; n_draws];
            alone[draw] = 1;
            scores(&every_row, &alone)
        })
        .collect();
    let width = resampled[0].len();
    let column = |of: &[Vec<f64>], score: usize| -> Vec<f64> {
        of.iter().filter_map(|scores| scores.get(score).copied()).filter(|value| value.is_finite()).collect()
    };
    Ok((0..width)
        .map(|score| {
            let mut values = column(&resampled, score);
            values.sort_by(f64::total_cmp);
            let spread = Spread::new(&values, &column(&of_draws, score), n_rows);
            let tail = spread.tail(options.confidence);
            let interval = Interval::new(quantile(&values, tail), quantile(&values, 1.0 - tail), n_rows);
            let interval = Interval { undefined: options.n_resamples - values.len(), ..interval };
            (interval, spread.p(&values))
        })
        .collect())
}

/// How far the resamples spread, and how far they should.
struct Spread {
    /// Variance of the score over that of the resamples.
    inflation: f64,
    /// Degrees of freedom of the variance.
    freedom: f64,
}

impl Spread {
    fn new(resampled: &[f64], of_draws: &[f64], n_rows: usize) -> Spread {
        let d = of_draws.len() as f64;
        let (all, draws) = (variance(resampled, 0.0), variance(of_draws, 1.0) / d);
        if !(all > 0.0 && draws.is_finite()) {
            return Spread { inflation: 1.0, freedom: MANY };
        }
        let rows = (all - draws * (d - 1.0) / d).max(0.0);
        let whole = rows + draws;
        let parts = rows * rows / (n_rows as f64 - 1.0).max(1.0) + draws * draws / (d - 1.0);
        Spread { inflation: whole / all, freedom: (whole * whole / parts).clamp(1.0, MANY) }
    }

    /// The share of resamples below the lower end.
    fn tail(&self, confidence: f64) -> f64 {
        normal_share(-self.inflation.sqrt() * t_quantile(confidence, self.freedom))
    }

    /// How often a score of 0 would be as far from 0, from the share of resamples on its other side.
    fn p(&self, resampled: &[f64]) -> f64 {
        let below = resampled.iter().filter(|value| **value <= 0.0).count();
        let above = resampled.iter().filter(|value| **value >= 0.0).count();
        let share = (2.0 * (below.min(above) + 1) as f64 / (resampled.len() + 1) as f64).min(1.0);
        let t = -normal_quantile(share / 2.0) / self.inflation.sqrt();
        t_two_sided(t, self.freedom as usize)
    }
}

/// The variance with n - `lost` in the denominator; NaN of too few.
fn variance(values: &[f64], lost: f64) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores of draws and rows: a part of the row, one of the draw, one of both; and the interval of their mean.
    fn interval(n_rows: usize, n_draws: usize, parts: [f64; 3], seed: u64) -> (Interval, f64) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = |scale: f64| {
            let uniform: f64 = (0..12).map(|_| random.gen_range(0.0..1.0)).sum();
            scale * (uniform - 6.0)
        };
        let rows: Vec<f64> = (0..n_rows).map(|_| normal(parts[0])).collect();
        let scores: Vec<Vec<f64>> = (0..n_draws)
            .map(|_| {
                let draw = normal(parts[1]);
                rows.iter().map(|row| row + draw + normal(parts[2])).collect()
            })
            .collect();
        let mean = |rows: &[u32], draws: &[u32]| {
            let of = |scores: &Vec<f64>| -> f64 {
                scores.iter().zip(rows).map(|(score, times)| score * f64::from(*times)).sum()
            };
            let sum: f64 =
                scores.iter().zip(draws).map(|(scores, times)| of(scores) * f64::from(*times)).sum();
            vec![sum / n_rows as f64 / f64::from(draws.iter().sum::<u32>())]
        };
        let options = BootstrapOptions { n_resamples: 300, ..Default::default() };
        bootstrap_crossed(n_rows, n_draws, &options, mean).unwrap()[0]
    }

    #[test]
    fn an_interval_holds_the_truth_whether_rows_or_draws_decide() {
        for parts in [[1.0, 0.0, 1.0], [0.2, 0.3, 0.2], [1.0, 0.2, 1.0]] {
            let found: Vec<(Interval, f64)> = (0..200).map(|seed| interval(60, 10, parts, seed)).collect();
            let holds = found.iter().filter(|(one, _)| one.low <= 0.0 && 0.0 <= one.high).count();
            // What intervals of 95 % give in 999 of 1,000 runs; where draws decide, 93 of 100 hold over many runs.
            assert!((180..=199).contains(&holds), "{parts:?}: {holds} of 200");
            let small = found.iter().filter(|(_, p)| *p < 0.05).count();
            assert!(small <= 16, "{parts:?}: {small} of 200");
            // The two ways to say it agree but for those at the edge.
            let apart =
                found.iter().filter(|(one, p)| (one.low <= 0.0 && 0.0 <= one.high) == (*p < 0.05)).count();
            assert!(apart <= 6, "{parts:?}: {apart} of 200");
        }
    }

    #[test]
    fn the_bits_are_the_same_for_any_number_of_threads_and_too_few_draws_are_refused() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| interval(30, 5, [1.0, 1.0, 1.0], 7))
        };
        assert_eq!(run(1), run(3));
        assert!(bootstrap_crossed(5, 1, &BootstrapOptions::default(), |_, _| vec![0.0]).is_err());
        assert!(bootstrap_crossed(0, 3, &BootstrapOptions::default(), |_, _| vec![0.0]).is_err());
    }

    #[test]
    fn scores_that_never_change_have_an_interval_of_one_point() {
        let found = bootstrap_crossed(9, 4, &BootstrapOptions::default(), |_, _| vec![0.25]).unwrap()[0];
        assert_eq!((found.0.low, found.0.high), (0.25, 0.25));
    }
}
