//! Means over pairs of directions: how evenly rows are spread, and how near those that belong together are.

use ndarray::ArrayView2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::pair_products::pair_products;
use crate::error::Result;
use crate::rows::simd::{dot_f64, squared_distance_f64};
use crate::rows::{RowSource, select_rows};

/// Up to this many rows uniformity is the mean over all pairs.
pub(crate) const ALL_PAIRS: usize = 3000;

/// Above that, over this many pairs drawn at random.
pub(crate) const PAIRS: usize = 100_000;

/// A mean over pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Uniformity {
    /// ln of the mean.
    pub value: f64,
    /// Its standard error when pairs were drawn at random; 0 for all pairs.
    pub standard_error: f64,
}

/// ln of the mean of exp(-2 |u - v|²) = exp(4 cos - 4) over pairs of rows that are not zero. Of a source that is not in
/// memory about so many rows of pairs are held at once.
pub(super) fn uniformity(
    source: &(impl RowSource + ?Sized),
    scales: &[f64],
    seed: u64,
    held_rows: usize,
) -> Result<Option<Uniformity>> {
    let some: Vec<usize> = (0..scales.len()).filter(|row| scales[*row] > 0.0).collect();
    let n = some.len();
    if n < 2 {
        return Ok(None);
    }
    if n <= ALL_PAIRS {
        return of_all_pairs(source, scales, &some).map(Some);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut pair = || {
        let a = random.gen_range(0..n);
        let b = random.gen_range(0..n - 1);
        (some[a], some[if b < a { b } else { b + 1 }])
    };
    let pairs: Vec<(usize, usize)> = (0..PAIRS).map(|_| pair()).collect();
    let products = pair_products(source, &pairs, held_rows)?;
    let terms: Vec<f64> =
        products.iter().zip(&pairs).map(|(product, (a, b))| term(*product, scales[*a], scales[*b])).collect();
    let count = terms.len() as f64;
    let mean = terms.iter().sum::<f64>() / count;
    let variance = terms.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Ok(Some(Uniformity { value: mean.ln(), standard_error: (variance / count).sqrt() / mean }))
}

/// What a pair adds, by the product of its rows and what makes each of them of length 1.
fn term(product: f64, scale_a: f64, scale_b: f64) -> f64 {
    (4.0 * product * scale_a * scale_b - 4.0).exp()
}

fn of_all_pairs(source: &(impl RowSource + ?Sized), scales: &[f64], some: &[usize]) -> Result<Uniformity> {
    let rows = select_rows(source, some)?;
    let row = |at: usize| rows.row(at).to_slice().unwrap_or_default();
    let of_row = |a: usize| {
        let pair = |b: usize| term(dot_f64(row(a), row(b)), scales[some[a]], scales[some[b]]);
        (0..a).map(pair).sum::<f64>()
    };
    let n = some.len();
    let sums: Vec<f64> = (0..n).into_par_iter().map(of_row).collect();
    let mean = sums.iter().sum::<f64>() / (n * (n - 1) / 2) as f64;
    Ok(Uniformity { value: mean.ln(), standard_error: 0.0 })
}

/// The mean squared distance of the directions of pairs of rows that belong together (Wang and Isola 2020's alignment);
/// `None` without a pair of rows that are not zero.
pub fn alignment(rows: ArrayView2<'_, f32>, pairs: &[(usize, usize)]) -> Option<f64> {
    let rows = rows.as_standard_layout();
    let row = |row: usize| rows.row(row).to_slice().unwrap_or_default();
    let unit = |at: usize| {
        let length = dot_f64(row(at), row(at)).sqrt();
        (length > 0.0).then(|| row(at).iter().map(|x| (f64::from(*x) / length) as f32).collect::<Vec<f32>>())
    };
    let squares: Vec<f64> =
        pairs.iter().filter_map(|(a, b)| Some(squared_distance_f64(&unit(*a)?, &unit(*b)?))).collect();
    (!squares.is_empty()).then(|| squares.iter().sum::<f64>() / squares.len() as f64)
}
