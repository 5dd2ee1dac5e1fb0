//! Means and lengths of rows.

use ndarray::{Array1, Array2};

use super::packed::{Packer, Unpacker};
use super::simd::dot_f64;
use super::{Fold, Portable, RowBlock, RowSource, fold_rows, group_sums};
use crate::error::Result;

/// Mean and variance of each dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// The mean of each dimension.
    pub mean: Array1<f64>,
    /// The population variance (divided by n) of each dimension.
    pub variance: Array1<f64>,
}

/// Mean and population variance of each dimension, in `f64` in one pass (Chan, Golub and LeVeque's
/// merging formula, so that a mean far from zero costs no precision).
///
/// # Errors
/// Whatever the source meets while reading.
pub fn moments(source: &(impl RowSource + ?Sized)) -> Result<Moments> {
    let part = fold_rows(source, &MomentsFold { dims: source.dims() })?;
    let count = (part.count as f64).max(1.0);
    Ok(Moments {
        mean: Array1::from(part.mean),
        variance: Array1::from(part.squares).mapv(|sum| sum / count),
    })
}

pub(crate) struct MomentsFold {
    dims: usize,
}

pub(crate) struct MomentsPart {
    count: usize,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Fold for MomentsFold {
    type Part = MomentsPart;

    fn start(&self) -> MomentsPart {
        MomentsPart { count: 0, mean: vec![0.0; self.dims], squares: vec![0.0; self.dims] }
    }

    fn add(&self, part: &mut MomentsPart, block: RowBlock<'_>) {
        let Some(rows) = block.rows.as_slice() else { return };
        let mut seen = self.start();
        seen.count = block.rows.nrows();
        for row in rows.chunks_exact(self.dims.max(1)) {
            seen.mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        seen.mean.iter_mut().for_each(|sum| *sum /= seen.count.max(1) as f64);
        for row in rows.chunks_exact(self.dims.max(1)) {
            for ((sum, mean), value) in seen.squares.iter_mut().zip(&seen.mean).zip(row) {
                let difference = f64::from(*value) - mean;
                *sum += difference * difference;
            }
        }
        self.merge(part, seen);
    }

    fn merge(&self, into: &mut MomentsPart, from: MomentsPart) {
        if from.count == 0 {
            return;
        }
        let (a, b) = (into.count as f64, from.count as f64);
        let moved = b / (a + b);
        let spread = a * b / (a + b);
        for j in 0..self.dims {
            let difference = from.mean[j] - into.mean[j];
            into.mean[j] += difference * moved;
            into.squares[j] += from.squares[j] + difference * difference * spread;
        }
        into.count += from.count;
    }

    fn portable(&self) -> Option<&dyn Portable<Part = MomentsPart>> {
        Some(self)
    }
}

impl MomentsFold {
    pub const NAME: &'static str = "moments";

    /// The fold of these [`params`](Portable::params).
    pub fn of(params: &[u8]) -> Result<MomentsFold> {
        Ok(MomentsFold { dims: Unpacker::new(params).one::<u64>()? as usize })
    }
}

impl Portable for MomentsFold {
    type Part = MomentsPart;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        Packer::default().add(&[self.dims as u64]).bytes()
    }

    fn dims(&self) -> Option<usize> {
        Some(self.dims)
    }

    fn merged(&self) -> bool {
        true
    }

    fn rows(&self, part: &MomentsPart) -> usize {
        part.count
    }

    fn pack(&self, part: MomentsPart) -> Vec<u8> {
        Packer::default().add(&[part.count as u64]).add(&part.mean).add(&part.squares).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<MomentsPart> {
        let mut series = Unpacker::new(bytes);
        let count = series.one::<u64>()? as usize;
        let part =
            MomentsPart { count, mean: series.next_of(self.dims)?, squares: series.next_of(self.dims)? };
        series.end().map(|()| part)
    }
}

/// The Euclidean length of each row, computed in `f64`.
///
/// # Errors
/// Whatever the source meets while reading.
pub fn norms(source: &(impl RowSource + ?Sized)) -> Result<Vec<f64>> {
    fold_rows(source, &NormsFold)
}

/// A pass that measures every row.
pub(crate) struct NormsFold;

impl Fold for NormsFold {
    type Part = Vec<f64>;

    fn start(&self) -> Vec<f64> {
        Vec::new()
    }

    fn add(&self, part: &mut Vec<f64>, block: RowBlock<'_>) {
        part.extend(
            block
                .rows
                .rows()
                .into_iter()
                .map(|row| row.as_slice().map_or(0.0, |row| dot_f64(row, row).sqrt())),
        );
    }

    fn merge(&self, into: &mut Vec<f64>, from: Vec<f64>) {
        into.extend(from);
    }

    fn portable(&self) -> Option<&dyn Portable<Part = Vec<f64>>> {
        Some(self)
    }
}

impl NormsFold {
    pub const NAME: &'static str = "norms";
}

impl Portable for NormsFold {
    type Part = Vec<f64>;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        Vec::new()
    }

    fn merged(&self) -> bool {
        false
    }

    fn rows(&self, part: &Vec<f64>) -> usize {
        part.len()
    }

    fn pack(&self, part: Vec<f64>) -> Vec<u8> {
        Packer::default().add(&part).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<Vec<f64>> {
        let mut series = Unpacker::new(bytes);
        let part = series.next()?;
        series.end().map(|()| part)
    }
}

/// The mean row of each group, with the groups' sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupMeans {
    /// One mean a group, g x d; zeros for a group without rows.
    pub means: Array2<f32>,
    /// How many rows each group has.
    pub counts: Vec<usize>,
}

/// The mean row of each group: `groups[i]` is the group of row `i`, in `0..n_groups`, or `None` for
/// a row that belongs to none. Sums are `f64`.
///
/// # Errors
/// When there is not one group for each row or a group is out of range, and whatever the source
/// meets while reading.
pub fn group_means(
    source: &(impl RowSource + ?Sized),
    groups: &[Option<u32>],
    n_groups: usize,
) -> Result<GroupMeans> {
    let part = group_sums(source, groups, None, n_groups)?;
    let mut means = Array2::zeros((n_groups, source.dims()));
    for ((mut mean, sums), count) in means.rows_mut().into_iter().zip(part.sums).zip(&part.counts) {
        for (mean, sum) in mean.iter_mut().zip(sums) {
            *mean = (sum / *count as f64) as f32;
        }
    }
    Ok(GroupMeans { means, counts: part.counts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, array};

    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((5000, 7), |(i, j)| ((i * 31 + j * 17) % 101) as f32 * 0.01 + 100.0)
    }

    #[test]
    fn moments_agree_with_two_plain_passes_far_from_zero() {
        let rows = rows();
        let wide = rows.mapv(f64::from);
        let found = moments(&rows).unwrap();
        let (mean, variance) = (wide.mean_axis(Axis(0)).unwrap(), wide.var_axis(Axis(0), 0.0));
        assert!((&found.mean - &mean).iter().all(|error| error.abs() < 1e-12 * 100.0));
        assert!((&found.variance - &variance).iter().all(|error| error.abs() < 1e-12));
    }

    #[test]
    fn group_means_agree_with_a_plain_loop() {
        let rows = rows();
        let groups: Vec<Option<u32>> = (0..5000).map(|i| (i % 5 != 4).then_some(i % 5)).collect();
        let found = group_means(&rows, &groups, 6).unwrap();
        assert_eq!(found.counts, [1000, 1000, 1000, 1000, 0, 0]);
        for group in 0..4 {
            for j in 0..7 {
                let sum: f64 = (group..5000).step_by(5).map(|i| f64::from(rows[[i, j]])).sum();
                assert!((f64::from(found.means[[group, j]]) - sum / 1000.0).abs() < 1e-5);
            }
        }
        assert!(group_means(&rows, &groups[1..], 6).is_err());
        assert!(group_means(&rows, &groups, 3).is_err());
    }

    #[test]
    fn norms_are_lengths() {
        assert_eq!(norms(&array![[3.0_f32, 4.0], [0.0, 0.0]]).unwrap(), [5.0, 0.0]);
    }
}
