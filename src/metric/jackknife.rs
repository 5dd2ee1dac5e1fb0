//! How sure a score is that is no mean of rows: the jackknife over groups of rows.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::interval::Interval;
use super::normal::{t_quantile, t_two_sided};

/// A score, or a difference of two, with its interval and how often a true value of 0 gives one as far from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jackknifed {
    /// The standard error.
    pub standard_error: f64,
    /// The 95 % interval around the score of all rows, by the t distribution.
    pub interval: Interval,
    /// The two-sided p-value of a true value of 0; 1 when the score never differs from 0.
    pub p_value: f64,
}

/// Rows in as many random groups of nearly equal size, each ascending; fewer groups when there are fewer rows.
pub fn jackknife_groups(n_rows: usize, groups: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..n_rows).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let groups = groups.clamp(1, n_rows.max(1));
    (0..groups)
        .map(|group| {
            let mut rows = order[group * n_rows / groups..(group + 1) * n_rows / groups].to_vec();
            rows.sort_unstable();
            rows
        })
        .collect()
}

/// The interval of a score of `n_rows` rows from the scores without each group of rows in turn (the delete-a-group
/// jackknife, Kott 2001): for scores that are smooth in the rows and too dear, or too sensitive to copies of rows, for a
/// bootstrap. `None` with fewer than three groups, or a score that is not finite.
///
/// ```
/// use embedlab::metric::{jackknife, jackknife_groups};
/// let values: Vec<f64> = (0..200).map(|i| f64::from(i * 7919 % 200)).collect();
/// let without: Vec<f64> = jackknife_groups(200, 20, 42)
///     .iter()
///     .map(|group| (values.iter().sum::<f64>() - group.iter().map(|row| values[*row]).sum::<f64>()) / 190.0)
///     .collect();
/// let found = jackknife(99.5, &without, 200).unwrap();
/// let of_a_mean = 57.7 / 200.0_f64.sqrt();
/// assert!((found.standard_error / of_a_mean - 1.0).abs() < 0.5);
/// ```
pub fn jackknife(score: f64, without: &[f64], n_rows: usize) -> Option<Jackknifed> {
    let groups = without.len();
    if groups < 3 || !score.is_finite() || without.iter().any(|score| !score.is_finite()) {
        return None;
    }
    let g = groups as f64;
    let mean = without.iter().sum::<f64>() / g;
    let spread: f64 = without.iter().map(|score| (score - mean).powi(2)).sum();
    let standard_error = ((g - 1.0) / g * spread).sqrt();
    let half = t_quantile(0.95, g - 1.0) * standard_error;
    let p_value = match (standard_error > 0.0, score == 0.0) {
        (true, _) => t_two_sided(score / standard_error, groups - 1),
        (false, true) => 1.0,
        (false, false) => 0.0,
    };
    Some(Jackknifed { standard_error, interval: Interval::new(score - half, score + half, n_rows), p_value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::normal::t_two_sided;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn the_tail_of_the_t_distribution_is_scipys() {
        // scipy 1.17.1: 2 * scipy.stats.t.sf(t, freedom)
        for (t, freedom, expected) in [
            (0.0, 5, 1.0),
            (1.0, 1, 0.5),
            (2.262_157_162_798_205, 9, 0.05),
            (2.093_024_054_408_308_7, 19, 0.05),
            (3.0, 4, 0.039_941_968_071_718_91),
        ] {
            assert!((t_two_sided(t, freedom) - expected).abs() < 1e-12, "{t} {freedom}");
        }
    }

    #[test]
    fn groups_hold_every_row_once() {
        for (n, groups) in [(0, 5), (3, 5), (17, 5), (100, 10)] {
            let found = jackknife_groups(n, groups, 1);
            let mut all: Vec<usize> = found.concat();
            all.sort_unstable();
            assert_eq!(all, (0..n).collect::<Vec<_>>());
            let sizes = found.iter().map(Vec::len);
            assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
        }
    }

    #[test]
    fn intervals_of_a_difference_of_correlated_variances_cover_the_truth() {
        // Two measurements of the same rows: the variances are 1 and 1.25.
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut covered = 0;
        for draw in 0..400 {
            let pairs: Vec<(f64, f64)> = (0..200)
                .map(|_| {
                    let [x, y]: [f64; 2] = [(); 2].map(|()| StandardNormal.sample(&mut random));
                    (x, x + 0.5 * y)
                })
                .collect();
            let difference = |kept: &[(f64, f64)]| {
                let variance = |of: fn(&(f64, f64)) -> f64| {
                    let n = kept.len() as f64;
                    let mean = kept.iter().map(of).sum::<f64>() / n;
                    kept.iter().map(|pair| (of(pair) - mean).powi(2)).sum::<f64>() / (n - 1.0)
                };
                variance(|pair| pair.1) - variance(|pair| pair.0)
            };
            let without: Vec<f64> = jackknife_groups(200, 10, draw)
                .iter()
                .map(|group| {
                    let kept: Vec<_> =
                        (0..200).filter(|row| !group.contains(row)).map(|row| pairs[row]).collect();
                    difference(&kept)
                })
                .collect();
            let found = jackknife(difference(&pairs), &without, 200).unwrap();
            covered += usize::from(found.interval.low <= 0.25 && 0.25 <= found.interval.high);
        }
        assert!((368..=392).contains(&covered), "{covered} of 400");
    }
}
