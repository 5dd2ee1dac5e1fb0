//! The mean vector of each user, product or other group of rows.

use ndarray::Array2;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::rows::{RowSource, group_sums, norms};

/// How [`profiles`] takes means. The default is the plain mean of every group that has a row.
#[derive(Debug, Clone, Copy)]
pub struct ProfileOptions<'w> {
    /// Groups of fewer rows have no profile. Default: 1.
    pub min_count: usize,
    /// What each row weighs, one number of at least 0 a row. Default: every row weighs 1.
    pub weights: Option<&'w [f64]>,
    /// Adds this many rows' worth of the overall mean to each group, so that the profile of a group
    /// of few rows lies near the overall mean (an empirical Bayes or James-Stein estimate with a
    /// given strength): `(sum + s * overall) / (weight + s)`. Default: 0, no shrinkage.
    pub shrinkage: f64,
}

impl Default for ProfileOptions<'_> {
    fn default() -> Self {
        ProfileOptions { min_count: 1, weights: None, shrinkage: 0.0 }
    }
}

/// Mean vectors of groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profiles {
    /// One vector a group, g x d; zeros for a group without a profile.
    #[serde(skip)]
    pub vectors: Array2<f32>,
    /// The rows of each group.
    pub counts: Vec<usize>,
    /// The sum of the weights of each group's rows.
    pub weights: Vec<f64>,
    /// Whether the group has a profile: rows enough, and a weight above 0.
    pub known: Vec<bool>,
}

impl Profiles {
    /// How many groups have a profile.
    pub fn n_known(&self) -> usize {
        self.known.iter().filter(|known| **known).count()
    }
}

/// The (weighted) mean vector of each group in one pass over the rows, with sums in `f64`:
/// `groups[i]` is the group of row `i` in `0..n_groups`, or `None` for a row that belongs to none.
/// Rows are not brought to unit length first, as in the guide.
///
/// ```
/// use embedlab::recommend::{ProfileOptions, profiles};
/// use ndarray::array;
/// let rows = array![[1.0_f32, 0.0], [0.0, 1.0], [4.0, 4.0]];
/// let found = profiles(&rows, &[Some(0), Some(0), Some(1)], 2, &ProfileOptions::default())?;
/// assert_eq!(found.vectors, array![[0.5, 0.5], [4.0, 4.0]]);
/// assert_eq!(found.counts, [2, 1]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When there is not one group (and one weight) for each row, a group is out of range, a weight is
/// negative or not finite, the shrinkage is negative or not finite, a vector holds NaN or infinity,
/// and whatever the source meets while reading.
pub fn profiles(
    source: &(impl RowSource + ?Sized),
    groups: &[Option<u32>],
    n_groups: usize,
    options: &ProfileOptions<'_>,
) -> Result<Profiles> {
    if !(options.shrinkage.is_finite() && options.shrinkage >= 0.0) {
        return Err(Error::argument("shrinkage must be finite and at least 0")
            .seen(options.shrinkage.to_string())
            .advice("give how many rows' worth of the overall mean to add, such as 2"));
    }
    if let Some(weights) = options.weights
        && let Some(row) = weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0))
    {
        return Err(Error::input("weights must be finite and at least 0")
            .row(row)
            .seen(weights[row].to_string())
            .advice("weigh by a column of numbers such as 0, 1, 2.5"));
    }
    let part = group_sums(source, groups, options.weights, n_groups)?;
    if part.sums.iter().flatten().any(|sum| !sum.is_finite()) {
        let grouped = norms(source)?.into_iter().zip(groups);
        let row = grouped.into_iter().position(|(norm, group)| group.is_some() && !norm.is_finite());
        return Err(Error::input("a number that is not finite")
            .with_code("not-finite")
            .row(row.unwrap_or(0))
            .advice("embed this row again or remove it"));
    }
    let mut overall = vec![0.0; source.dims()];
    let total: f64 = part.weights.iter().sum();
    for sums in &part.sums {
        overall.iter_mut().zip(sums).for_each(|(mean, sum)| *mean += sum);
    }
    overall.iter_mut().for_each(|mean| *mean /= if total > 0.0 { total } else { 1.0 });

    let known: Vec<bool> =
        (0..n_groups).map(|g| part.counts[g] >= options.min_count.max(1) && part.weights[g] > 0.0).collect();
    let mut vectors = Array2::zeros((n_groups, source.dims()));
    for (group, mut vector) in vectors.rows_mut().into_iter().enumerate().filter(|(group, _)| known[*group]) {
        let weight = part.weights[group] + options.shrinkage;
        for ((value, sum), mean) in vector.iter_mut().zip(&part.sums[group]).zip(&overall) {
            *value = ((sum + options.shrinkage * mean) / weight) as f32;
        }
    }
    Ok(Profiles { vectors, counts: part.counts, weights: part.weights, known })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((3000, 5), |(i, j)| ((i * 31 + j * 17) % 101) as f32 * 0.01 - 0.4)
    }

    /// Weighted mean by plain loops, shrunk towards the overall mean.
    fn slow(rows: &Array2<f32>, groups: &[Option<u32>], weights: &[f64], group: u32, s: f64) -> Vec<f64> {
        let mean = |of: &dyn Fn(usize) -> bool| -> (Vec<f64>, f64) {
            let mut sum = vec![0.0; rows.ncols()];
            let mut total = 0.0;
            for i in (0..rows.nrows()).filter(|&i| of(i)) {
                total += weights[i];
                (0..rows.ncols()).for_each(|j| sum[j] += weights[i] * f64::from(rows[[i, j]]));
            }
            (sum.iter().map(|sum| sum / total).collect(), total)
        };
        let (own, weight) = mean(&|i| groups[i] == Some(group));
        let (all, _) = mean(&|i| groups[i].is_some());
        own.iter().zip(&all).map(|(own, all)| (weight * own + s * all) / (weight + s)).collect()
    }

    #[test]
    fn weighted_and_shrunk_means_agree_with_plain_loops() {
        let rows = rows();
        let groups: Vec<Option<u32>> = (0..3000).map(|i| (i % 7 != 6).then_some(i % 7)).collect();
        let weights: Vec<f64> = (0..3000).map(|i| f64::from(i % 5)).collect();
        for s in [0.0, 2.5, 1e6] {
            let options = ProfileOptions { weights: Some(&weights), shrinkage: s, ..Default::default() };
            let found = profiles(&rows, &groups, 6, &options).unwrap();
            for group in 0..6 {
                let expected = slow(&rows, &groups, &weights, group, s);
                for (found, expected) in found.vectors.row(group as usize).iter().zip(expected) {
                    assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
                }
            }
        }
    }

    #[test]
    fn small_and_weightless_groups_have_no_profile() {
        let rows = array![[1.0_f32], [2.0], [3.0], [4.0]];
        let groups = [Some(0), Some(0), Some(1), Some(2)];
        let options = ProfileOptions { min_count: 2, ..Default::default() };
        assert_eq!(profiles(&rows, &groups, 3, &options).unwrap().known, [true, false, false]);
        let options = ProfileOptions { weights: Some(&[0.0, 0.0, 1.0, 1.0]), ..Default::default() };
        assert_eq!(profiles(&rows, &groups, 3, &options).unwrap().known, [false, true, true]);
    }

    #[test]
    fn impossible_weights_and_shrinkage_are_refused() {
        let rows = array![[1.0_f32], [2.0]];
        let run = |weights: Option<&[f64]>, shrinkage| {
            profiles(&rows, &[Some(0); 2], 1, &ProfileOptions { weights, shrinkage, ..Default::default() })
        };
        assert!(run(Some(&[1.0, -1.0]), 0.0).unwrap_err().to_string().starts_with("row 1: weights must be"));
        assert!(run(Some(&[1.0]), 0.0).is_err());
        assert!(run(None, -1.0).is_err() && run(None, f64::NAN).is_err());
    }
}
