//! How far two lists of numbers rise and fall together.

use serde::Serialize;

use super::check::{finite, same_rows};
use super::interval::{BootstrapOptions, Interval, bootstrap_all};
use crate::error::Result;

/// Pearson's correlation of two lists of n numbers, -1 to 1: how near they are to a straight line.
/// `None` when one of them is constant (also when n is 1), where SciPy warns and returns NaN.
///
/// # Errors
/// No numbers, lists of different length, a number that is NaN or infinite.
///
/// ```
/// use embedlab::metric::{kendall_tau, pearson, spearman};
/// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [1.0, 8.0, 27.0, 64.0]);
/// assert_eq!((spearman(&x, &y)?, kendall_tau(&x, &y)?), (Some(1.0), Some(1.0)));
/// assert!((pearson(&x, &y)?.unwrap() - 0.951).abs() < 1e-3);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    check(x, y)?;
    Ok(weighted_pearson(x, y, |_| 1.0))
}

/// Spearman's correlation, -1 to 1: Pearson's correlation of the ranks, ties having their mean
/// rank. `None` when a list is constant.
///
/// # Errors
/// As [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    Ok(Ranks::new(x, y)?.spearman(|_| 1))
}

/// Kendall's tau-b, -1 to 1: the share of pairs in the same order minus that of pairs in the
/// opposite order, corrected for ties. `None` when a list is constant. Takes O(n log n) time
/// (Knight 1966).
///
/// # Errors
/// As [`pearson`].
pub fn kendall_tau(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    Ok(Ranks::new(x, y)?.kendall_tau(|_| 1))
}

/// The rank of each value, 1 for the smallest; equal values have the mean of their ranks, as
/// SciPy's `rankdata` gives them.
///
/// # Errors
/// A value that is NaN or infinite.
///
/// ```
/// assert_eq!(embedlab::metric::average_ranks(&[0.5, 0.1, 0.5, 0.9])?, [2.5, 1.0, 2.5, 4.0]);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn average_ranks(values: &[f64]) -> Result<Vec<f64>> {
    finite("a value", values.iter().copied())?;
    Ok(tie_means(&dense_ranks(values), |_| 1))
}

/// How sure two correlations are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CorrelationIntervals {
    /// Of [`pearson`].
    pub pearson: Interval,
    /// Of [`spearman`], ranked anew in each resample.
    pub spearman: Interval,
}

/// Bootstraps the correlations of two lists; resamples in which a list is constant are left out.
///
/// # Errors
/// As [`pearson`] and [`bootstrap`](super::bootstrap()).
pub fn correlation_intervals(
    x: &[f64],
    y: &[f64],
    options: &BootstrapOptions,
) -> Result<CorrelationIntervals> {
    let correlations = Correlations::new(x, [y])?;
    let intervals = bootstrap_all(x.len(), options, |times| {
        correlations.of(times)[0].map(|correlation| correlation.unwrap_or(f64::NAN)).to_vec()
    })?;
    Ok(CorrelationIntervals { pearson: intervals[0], spearman: intervals[1] })
}

fn check(x: &[f64], y: &[f64]) -> Result<()> {
    same_rows(("first values", x.len()), ("second values", y.len()))?;
    finite("a first value", x.iter().copied())?;
    finite("a second value", y.iter().copied())
}

/// The number of different smaller values, from 0.
fn dense_ranks(values: &[f64]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    // 0 and -0 are equal, although one comes first in the total order.
    for pair in order.windows(2) {
        ranks[pair[1]] = ranks[pair[0]] + u32::from(values[pair[0]] != values[pair[1]]);
    }
    ranks
}

/// Mean ranks from dense ones; `times` is how often a row counts.
fn tie_means(dense: &[u32], times: impl Fn(usize) -> u64) -> Vec<f64> {
    let sizes = sizes(dense, times);
    let mut before = 0;
    let means: Vec<f64> = sizes
        .iter()
        .map(|&size| {
            let mean = before as f64 + (size as f64 + 1.0) / 2.0;
            before += size;
            mean
        })
        .collect();
    dense.iter().map(|&rank| means[rank as usize]).collect()
}

/// How many rows have each dense rank.
fn sizes(dense: &[u32], times: impl Fn(usize) -> u64) -> Vec<u64> {
    let mut sizes = vec![0; dense.iter().max().map_or(0, |&most| most as usize + 1)];
    for (row, &rank) in dense.iter().enumerate() {
        sizes[rank as usize] += times(row);
    }
    sizes
}

/// Pearson's correlation in which `times` is how often a row counts.
pub(crate) fn weighted_pearson(x: &[f64], y: &[f64], times: impl Fn(usize) -> f64) -> Option<f64> {
    let rows = || (0..x.len()).map(|row| (times(row), x[row], y[row])).filter(|row| row.0 > 0.0);
    let (_, first_x, first_y) = rows().next()?;
    // By comparison, because a mean that is rounded leaves a spread where there is none.
    if rows().all(|row| row.1 == first_x) || rows().all(|row| row.2 == first_y) {
        return None;
    }
    // Scaled, so that neither huge nor tiny numbers leave the range of their squares.
    let scale = |values: &[f64]| values.iter().fold(0.0_f64, |most, value| most.max(value.abs())).max(1e-300);
    let (unit_x, unit_y) = (scale(x), scale(y));
    let (mut n, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    for (times, x, y) in rows() {
        n += times;
        sum_x += times * (x / unit_x);
        sum_y += times * (y / unit_y);
    }
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (times, x, y) in rows() {
        let (x, y) = (x / unit_x - mean_x, y / unit_y - mean_y);
        xx += times * x * x;
        yy += times * y * y;
        xy += times * x * y;
    }
    let norm = (xx * yy).sqrt();
    (norm > 0.0).then(|| (xy / norm).clamp(-1.0, 1.0))
}

/// One list beside others, made ready once for the correlations of any number of resamples.
pub(crate) struct Correlations {
    gold: Side,
    others: Vec<Side>,
}

struct Side {
    /// Scaled and centred, so that one pass keeps the digits of the squares.
    values: Vec<f64>,
    dense: Vec<u32>,
    n_ranks: usize,
}

impl Side {
    fn new(values: &[f64]) -> Self {
        let scale = values.iter().fold(0.0_f64, |most, value| most.max(value.abs())).max(1e-300);
        let mean = values.iter().map(|value| value / scale).sum::<f64>() / values.len().max(1) as f64;
        let dense = dense_ranks(values);
        let n_ranks = dense.iter().max().map_or(0, |&most| most as usize + 1);
        Side { values: values.iter().map(|value| value / scale - mean).collect(), dense, n_ranks }
    }

    /// The mean rank of the rows of each dense rank, less that of all `n`.
    fn ranks(&self, times: &[u32], n: u64) -> Vec<f64> {
        let mut sizes = vec![0_u32; self.n_ranks];
        for (&rank, times) in self.dense.iter().zip(times) {
            sizes[rank as usize] += times;
        }
        let mut before = 0;
        // Twice the rank is a whole number.
        let of_size = |size: u32| {
            let twice = 2 * before as i64 + i64::from(size) - n as i64;
            before += u64::from(size);
            twice as f64 / 2.0
        };
        sizes.into_iter().map(of_size).collect()
    }
}

/// Sums of two lists that are near zero on the mean.
#[derive(Default)]
struct Sums {
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, times: f64, x: f64, y: f64) {
        self.x += times * x;
        self.y += times * y;
        self.xx += times * x * x;
        self.yy += times * y * y;
        self.xy += times * x * y;
    }

    fn correlation(&self, n: f64) -> Option<f64> {
        let norm = ((self.xx - self.x * self.x / n) * (self.yy - self.y * self.y / n)).sqrt();
        (norm > 0.0).then(|| ((self.xy - self.x * self.y / n) / norm).clamp(-1.0, 1.0))
    }
}

impl Correlations {
    pub fn new<'a>(gold: &[f64], others: impl IntoIterator<Item = &'a [f64]>) -> Result<Self> {
        let side = |values: &'a [f64]| {
            check(gold, values)?;
            Ok(Side::new(values))
        };
        Ok(Correlations {
            gold: Side::new(gold),
            others: others.into_iter().map(side).collect::<Result<_>>()?,
        })
    }

    /// Pearson's and Spearman's correlation with each other list; `times` is how often a row counts. `None` when one
    /// of the two is constant.
    pub fn of(&self, times: &[u32]) -> Vec<[Option<f64>; 2]> {
        let n: u64 = times.iter().map(|times| u64::from(*times)).sum();
        let gold_ranks = self.gold.ranks(times, n);
        let with = |other: &Side| {
            let ranks = other.ranks(times, n);
            let (mut values, mut ranked) = (Sums::default(), Sums::default());
            let sides =
                self.gold.values.iter().zip(&self.gold.dense).zip(other.values.iter().zip(&other.dense));
            for (((x, rank_x), (y, rank_y)), times) in sides.zip(times) {
                let times = f64::from(*times);
                values.add(times, *x, *y);
                ranked.add(times, gold_ranks[*rank_x as usize], ranks[*rank_y as usize]);
            }
            // The ranks of a constant list are exactly their mean; a mean of values is rounded.
            match ranked.xx > 0.0 && ranked.yy > 0.0 {
                true => [values.correlation(n as f64), ranked.correlation(n as f64)],
                false => [None, None],
            }
        };
        self.others.iter().map(with).collect()
    }
}

/// Two lists as dense ranks, sorted once for any number of resamples.
pub(crate) struct Ranks {
    x: Vec<u32>,
    y: Vec<u32>,
    /// Rows by ascending x.
    by_x: Vec<u32>,
    /// How many different y there are.
    n_y: usize,
}

impl Ranks {
    pub fn new(x: &[f64], y: &[f64]) -> Result<Self> {
        check(x, y)?;
        let (x, y) = (dense_ranks(x), dense_ranks(y));
        let mut by_x: Vec<u32> = (0..x.len() as u32).collect();
        by_x.sort_by_key(|&row| x[row as usize]);
        let n_y = y.iter().max().map_or(0, |&most| most as usize + 1);
        Ok(Ranks { x, y, by_x, n_y })
    }

    pub fn spearman(&self, times: impl Fn(usize) -> u64) -> Option<f64> {
        let (x, y) = (tie_means(&self.x, &times), tie_means(&self.y, &times));
        weighted_pearson(&x, &y, |row| times(row) as f64)
    }

    /// Fewer than 2^32 rows, so that pairs are counted in 64 bits.
    pub fn kendall_tau(&self, times: impl Fn(usize) -> u64) -> Option<f64> {
        let mut seen = Tree(vec![0; self.n_y]);
        let (mut total, mut above_chance) = (0_u64, 0_i64);
        let same_x = |a: &u32, b: &u32| self.x[*a as usize] == self.x[*b as usize];
        for tied in self.by_x.chunk_by(same_x) {
            for &row in tied {
                let (row, y) = (row as usize, self.y[row as usize] as usize);
                let times = times(row);
                if times == 0 {
                    continue;
                }
                let (below, up_to) = (seen.below(y), seen.below(y + 1));
                above_chance += times as i64 * (below as i64 - (total - up_to) as i64);
            }
            for &row in tied {
                let times = times(row as usize);
                seen.add(self.y[row as usize] as usize, times);
                total += times;
            }
        }
        let pairs = |n: u64| (n * n.saturating_sub(1) / 2) as f64;
        let tied = |dense: &[u32]| sizes(dense, &times).into_iter().map(pairs).sum::<f64>();
        let (x, y) = (pairs(total) - tied(&self.x), pairs(total) - tied(&self.y));
        (x > 0.0 && y > 0.0).then(|| (above_chance as f64 / (x * y).sqrt()).clamp(-1.0, 1.0))
    }
}

/// Sums of prefixes under additions, each in O(log n) (Fenwick 1994).
struct Tree(Vec<u64>);

impl Tree {
    fn add(&mut self, place: usize, value: u64) {
        let mut node = place;
        while let Some(sum) = self.0.get_mut(node) {
            *sum += value;
            node |= node + 1;
        }
    }

    /// The sum of the first `n` places.
    fn below(&self, n: usize) -> u64 {
        let (mut sum, mut node) = (0, n);
        while node > 0 {
            sum += self.0[node - 1];
            node &= node - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Every pair looked at.
    fn slow_tau(x: &[f64], y: &[f64]) -> Option<f64> {
        let (mut sum, mut in_x, mut in_y) = (0.0, 0.0_f64, 0.0_f64);
        for i in 0..x.len() {
            for j in 0..i {
                let sign = |a: f64, b: f64| f64::from(i8::from(a > b) - i8::from(a < b));
                let (a, b) = (sign(x[i], x[j]), sign(y[i], y[j]));
                (sum, in_x, in_y) = (sum + a * b, in_x + a * a, in_y + b * b);
            }
        }
        (in_x > 0.0 && in_y > 0.0).then(|| sum / (in_x * in_y).sqrt())
    }

    #[test]
    fn a_resample_has_the_correlations_of_its_rows_written_out() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for levels in [2, 7, 1_000_000] {
            let mut list = || (0..200).map(|_| f64::from(random.gen_range(0..levels)) * 1e6 - 3e9).collect();
            let (x, y, z): (Vec<f64>, Vec<f64>, Vec<f64>) = (list(), list(), list());
            let times: Vec<u32> = (0..200).map(|_| random.gen_range(0..4)).collect();
            let again = |values: &[f64]| -> Vec<f64> {
                let rows = values.iter().zip(&times);
                rows.flat_map(|(value, times)| vec![*value; *times as usize]).collect()
            };
            let found = Correlations::new(&x, [&y[..], &z]).unwrap().of(&times);
            for (found, other) in found.iter().zip([&y, &z]) {
                let (x, other) = (again(&x), again(other));
                let expected = [pearson(&x, &other).unwrap(), spearman(&x, &other).unwrap()];
                for (found, expected) in found.iter().zip(expected) {
                    assert!((found.unwrap() - expected.unwrap()).abs() < 1e-12, "{found:?} {expected:?}");
                }
            }
        }
        let constant = [0.1; 30];
        let rising: Vec<f64> = (0..30).map(f64::from).collect();
        assert_eq!(Correlations::new(&rising, [&constant[..]]).unwrap().of(&[1; 30]), [[None; 2]]);
    }

    #[test]
    fn kendalls_tau_is_that_of_all_pairs() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for n in [1, 2, 3, 10, 60] {
            for levels in [1, 2, 5, 1000] {
                let mut list = || (0..n).map(|_| f64::from(random.gen_range(0..levels))).collect::<Vec<_>>();
                let (x, y) = (list(), list());
                let (fast, slow) = (kendall_tau(&x, &y).unwrap(), slow_tau(&x, &y));
                assert_eq!(fast.is_some(), slow.is_some());
                assert!((fast.unwrap_or(0.0) - slow.unwrap_or(0.0)).abs() < 1e-12, "{x:?} {y:?}");
            }
        }
    }

    #[test]
    fn a_row_that_counts_twice_is_two_rows() {
        let (x, y) = ([1.0, 2.0, 2.0, 5.0, 3.0], [2.0, 1.0, 4.0, 4.0, 0.0]);
        let times = [2_u64, 0, 1, 3, 1];
        let copied = |list: [f64; 5]| {
            let rows = list.into_iter().zip(times);
            rows.flat_map(|(value, times)| vec![value; times as usize]).collect::<Vec<_>>()
        };
        let ranks = Ranks::new(&x, &y).unwrap();
        let (copied_x, copied_y) = (copied(x), copied(y));
        let same = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-12;
        assert!(same(ranks.kendall_tau(|row| times[row]), kendall_tau(&copied_x, &copied_y).unwrap()));
        assert!(same(ranks.spearman(|row| times[row]), spearman(&copied_x, &copied_y).unwrap()));
    }

    #[test]
    fn the_sign_of_zero_and_the_size_of_numbers_do_not_matter() {
        assert_eq!(average_ranks(&[0.0, -0.0, 1.0]).unwrap(), [1.5, 1.5, 3.0]);
        let correlation = pearson(&[1e200, -1e200, 3e200], &[1e-200, -1e-200, 3e-200]).unwrap().unwrap();
        assert!((correlation - 1.0).abs() < 1e-12);
        assert_eq!(pearson(&[0.1; 3], &[1.0, 2.0, 3.0]).unwrap(), None);
    }
}
