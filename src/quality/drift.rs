//! Whether two sets of rows come from the same distribution.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::queries::same_dims;
use crate::error::{Error, Result};
use crate::metric::quantile;
use crate::rows::{Components, Graph, Metric, require_finite};

/// Neighbours by which rows of a region hang together.
const REGION_NEIGHBORS: usize = 10;

/// The maximum mean discrepancy of two sets, with a permutation test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Mmd {
    /// The unbiased estimate of MMD²; about 0, or below, when nothing has changed.
    pub mmd2: f64,
    /// (1 + shuffles that reach it) / (1 + shuffles).
    pub p: f64,
    /// How many shuffles.
    pub permutations: usize,
    /// The median of the squared distances of the pooled rows, by which the kernel divides.
    pub scale: f64,
}

/// The unbiased MMD² (Gretton et al. 2012) of `a` and `b` with the kernel exp(-d² / median of the pooled squared
/// distances), and how often shuffling the pooled rows gives as much. Memory 8·(n + m)² bytes, twice.
///
/// # Errors
/// With fewer than two rows in a set, other dimensions, numbers that are not finite, and no permutations.
///
/// ```
/// use embedlab::quality::mmd;
/// let a = ndarray::Array2::from_shape_fn((40, 2), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
/// let moved = &a + 20.0;
/// let found = mmd(a.view(), moved.view(), 199, 42)?;
/// assert!(found.p < 0.01 && found.mmd2 > 0.5);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn mmd(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, permutations: usize, seed: u64) -> Result<Mmd> {
    same_dims(a, b)?;
    require_finite(a)?;
    require_finite(b)?;
    let (n, m) = (a.nrows(), b.nrows());
    if n < 2 || m < 2 || permutations == 0 {
        return Err(Error::argument("too few rows or permutations for a test of drift")
            .seen(format!("{n} and {m} rows, {permutations} permutations"))
            .advice("give at least two rows on each side and ask for 999 permutations"));
    }
    let all = n + m;
    let squares = squared_distances(a, b);
    let mut pairs: Vec<f64> =
        (0..all).flat_map(|j| (j + 1..all).map(move |i| (i, j))).map(|(i, j)| squares[(i, j)]).collect();
    pairs.par_sort_unstable_by(f64::total_cmp);
    let scale = quantile(&pairs, 0.5);
    drop(pairs);
    // All rows equal, or most of them: any scale tells apart those that are not.
    let divisor = if scale > 0.0 { scale } else { 1.0 };
    let kernel = Mat::from_fn(all, all, |i, j| (-squares[(i, j)] / divisor).exp());
    drop(squares);
    let sums: Vec<f64> = (0..all).map(|j| (0..all).map(|i| kernel[(i, j)]).sum()).collect();
    let total: f64 = sums.iter().sum();
    let (n, m) = (n as f64, m as f64);
    // From the sum within the first side and the sum of its rows' sums; the diagonal is 1.
    let statistic = |within: f64, of_side: f64| {
        let across = of_side - within;
        let other = total - 2.0 * across - within;
        (within - n) / (n * (n - 1.0)) + (other - m) / (m * (m - 1.0)) - 2.0 * across / (n * m)
    };
    // One column for each shuffle, the first for the sides as they are: all sums within sides are one product.
    let mut reached = 0;
    let mut observed = 0.0;
    let sides: Vec<Vec<usize>> = (0..=permutations as u64)
        .into_par_iter()
        .map(|shuffle| {
            let mut order: Vec<usize> = (0..all).collect();
            if shuffle > 0 {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(shuffle);
                order.shuffle(&mut random);
            }
            order.truncate(n as usize);
            order.sort_unstable();
            order
        })
        .collect();
    for (at, batch) in sides.chunks(256).enumerate() {
        let found: Vec<f64> = batch
            .par_chunks(32)
            .flat_map_iter(|sides| {
                let mut marks = Mat::<f64>::zeros(all, sides.len());
                for (column, side) in sides.iter().enumerate() {
                    side.iter().for_each(|row| marks[(*row, column)] = 1.0);
                }
                let mut products = Mat::<f64>::zeros(all, sides.len());
                matmul(products.as_mut(), Accum::Replace, kernel.as_ref(), marks.as_ref(), 1.0, Par::Seq);
                let of = |(column, side): (usize, &Vec<usize>)| {
                    let within: f64 = side.iter().map(|row| products[(*row, column)]).sum();
                    statistic(within, side.iter().map(|row| sums[*row]).sum())
                };
                sides.iter().enumerate().map(of).collect::<Vec<f64>>()
            })
            .collect();
        let mut found = found.into_iter();
        if at == 0 {
            observed = found.next().unwrap_or(0.0);
        }
        // Sums in another order differ in the last digits.
        reached += found.filter(|shuffled| *shuffled >= observed - 1e-12).count();
    }
    let p = (1 + reached) as f64 / (1 + permutations) as f64;
    Ok(Mmd { mmd2: observed, p, permutations, scale })
}

/// Of all rows of both sets, from products in `f64` of the rows less their mean.
fn squared_distances(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Mat<f64> {
    let mut rows: Array2<f64> = Array2::zeros((a.nrows() + b.nrows(), a.ncols()));
    rows.slice_mut(ndarray::s![..a.nrows(), ..]).assign(&a.mapv(f64::from));
    rows.slice_mut(ndarray::s![a.nrows().., ..]).assign(&b.mapv(f64::from));
    if let Some(mean) = rows.mean_axis(Axis(0)) {
        rows -= &mean;
    }
    let all = rows.nrows();
    let lengths: Vec<f64> = rows.rows().into_iter().map(|row| row.dot(&row)).collect();
    let values = rows.as_slice().unwrap_or_default();
    let view = MatRef::from_row_major_slice(values, all, rows.ncols());
    let mut squares = Mat::<f64>::zeros(all, all);
    matmul(squares.as_mut(), Accum::Replace, view, view.transpose(), -2.0, Par::Seq);
    for j in 0..all {
        for i in 0..all {
            squares[(i, j)] = if i == j { 0.0 } else { (squares[(i, j)] + lengths[i] + lengths[j]).max(0.0) };
        }
    }
    squares
}

/// Groups of rows that hang together: each row is linked to those of its 10 nearest that are within `limit` of it
/// (cosine distance). Largest group first; rows without a link are in none. Takes n²·d operations.
///
/// # Errors
/// For numbers that are not finite.
pub fn regions(rows: ArrayView2<'_, f32>, limit: f64) -> Result<Vec<Vec<usize>>> {
    let graph = Graph::of(rows, REGION_NEIGHBORS, Metric::Cosine)?;
    let mut components = Components::new(rows.nrows());
    for row in 0..graph.n_rows() {
        let near = graph.rows(row).iter().zip(graph.distances(row));
        near.filter(|(_, distance)| **distance <= limit)
            .for_each(|(near, _)| components.join(row, *near as usize));
    }
    let mut groups = components.groups();
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn the_statistic_is_that_of_all_pairs() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let a = Array2::from_shape_simple_fn((9, 3), || random.gen_range(-1.0_f32..1.0));
        let b = Array2::from_shape_simple_fn((7, 3), || random.gen_range(-1.0_f32..2.0));
        let found = mmd(a.view(), b.view(), 99, 42).unwrap();
        let k = |x: ndarray::ArrayView1<'_, f32>, y: ndarray::ArrayView1<'_, f32>| {
            let square: f64 = x.iter().zip(y).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum();
            (-square / found.scale).exp()
        };
        let mean = |x: &Array2<f32>, y: &Array2<f32>, same: bool| {
            let (mut sum, mut n) = (0.0, 0.0);
            for i in 0..x.nrows() {
                for j in (0..y.nrows()).filter(|j| !same || *j != i) {
                    sum += k(x.row(i), y.row(j));
                    n += 1.0;
                }
            }
            sum / n
        };
        let expected = mean(&a, &a, true) + mean(&b, &b, true) - 2.0 * mean(&a, &b, false);
        assert!((found.mmd2 - expected).abs() < 1e-12);
    }

    #[test]
    fn p_is_uniform_when_nothing_has_changed() {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        let mut ps: Vec<f64> = (0..200)
            .map(|draw| {
                let mut set = |n| Array2::from_shape_simple_fn((n, 2), || random.gen_range(-1.0_f32..1.0));
                mmd(set(15).view(), set(12).view(), 199, draw).unwrap().p
            })
            .collect();
        ps.sort_by(f64::total_cmp);
        let apart =
            ps.iter().enumerate().map(|(i, p)| (p - (i as f64 + 0.5) / 200.0).abs()).fold(0.0, f64::max);
        // Kolmogorov's limit for p = 0.01 and 200 draws is 1.63 / sqrt(200).
        assert!(apart < 0.115, "{apart}");
    }

    #[test]
    fn odd_sets_are_answered_or_refused() {
        let equal = Array2::from_elem((5, 2), 1.0_f32);
        let found = mmd(equal.view(), equal.view(), 99, 1).unwrap();
        assert!(found.mmd2.abs() < 1e-12 && found.p == 1.0);
        assert!(mmd(equal.view(), Array2::zeros((5, 3)).view(), 99, 1).is_err());
        assert!(mmd(equal.view(), Array2::zeros((1, 2)).view(), 99, 1).is_err());
    }

    #[test]
    fn rows_that_are_near_each_other_are_a_region() {
        let rows =
            ndarray::array![[1.0_f32, 0.0], [0.0, 1.0], [1.0, 0.01], [0.02, 1.0], [0.0, 0.99], [1.0, 1.0]];
        assert_eq!(regions(rows.view(), 0.01).unwrap(), [vec![1, 3, 4], vec![0, 2]]);
        assert!(regions(Array2::zeros((1, 2)).view(), 0.5).unwrap().is_empty());
    }
}
