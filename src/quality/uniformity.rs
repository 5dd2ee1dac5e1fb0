//! Means over pairs of directions: how evenly rows are spread, and how near those that belong together are.

use ndarray::{Array2, ArrayView2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::Result;
use crate::rows::RowSource;
use crate::rows::simd::{dot_f64, squared_distance_f64};

/// Up to this many rows uniformity is the mean over all pairs.
const ALL_PAIRS: usize = 3000;

/// Above that, over this many pairs drawn at random.
const PAIRS: usize = 100_000;

/// A mean over pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Uniformity {
    /// ln of the mean.
    pub value: f64,
    /// Its standard error when pairs were drawn at random; 0 for all pairs.
    pub standard_error: f64,
}

/// ln of the mean of exp(-2 |u - v|²) = exp(4 cos - 4) over pairs of rows that are not zero.
pub(super) fn uniformity(
    source: &(impl RowSource + ?Sized),
    scales: &[f64],
    seed: u64,
) -> Result<Option<Uniformity>> {
    let some: Vec<usize> = (0..scales.len()).filter(|row| scales[*row] > 0.0).collect();
    let n = some.len();
    if n < 2 {
        return Ok(None);
    }
    let pairs: Vec<(usize, usize)> = if n <= ALL_PAIRS {
        Vec::new()
    } else {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut pair = || {
            let a = random.gen_range(0..n);
            let b = random.gen_range(0..n - 1);
            (some[a], some[if b < a { b } else { b + 1 }])
        };
        (0..PAIRS).map(|_| pair()).collect()
    };
    let held;
    let rows = match source.as_matrix() {
        Some(rows) => rows,
        None => {
            held = picked_rows(source, &pairs, &some)?;
            held.view()
        }
    };
    let rows = rows.as_standard_layout();
    let values = rows.as_slice().unwrap_or_default();
    let dims = source.dims();
    // Of a streamed source only the drawn rows are held, at their own places.
    let place: Box<dyn Fn(usize) -> usize + Sync> = if source.as_matrix().is_some() {
        Box::new(|row| row)
    } else {
        let held = wanted(&pairs, &some);
        Box::new(move |row| held.binary_search(&row).unwrap_or(0))
    };
    let row = |row: usize| {
        let at = place(row);
        &values[at * dims..(at + 1) * dims]
    };
    let term = |a: usize, b: usize| (4.0 * dot_f64(row(a), row(b)) * scales[a] * scales[b] - 4.0).exp();
    if pairs.is_empty() {
        let of_row = |at: usize| some[..at].iter().map(|b| term(some[at], *b)).sum::<f64>();
        let sums: Vec<f64> = (0..n).into_par_iter().map(of_row).collect();
        let mean = sums.iter().sum::<f64>() / (n * (n - 1) / 2) as f64;
        return Ok(Some(Uniformity { value: mean.ln(), standard_error: 0.0 }));
    }
    let terms: Vec<f64> = pairs.par_iter().map(|(a, b)| term(*a, *b)).collect();
    let count = terms.len() as f64;
    let mean = terms.iter().sum::<f64>() / count;
    let variance = terms.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Ok(Some(Uniformity { value: mean.ln(), standard_error: (variance / count).sqrt() / mean }))
}

/// The rows that pairs are of, ascending; all of `some` when there are no pairs.
fn wanted(pairs: &[(usize, usize)], some: &[usize]) -> Vec<usize> {
    let mut wanted: Vec<usize> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    if pairs.is_empty() {
        wanted = some.to_vec();
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

fn picked_rows(
    source: &(impl RowSource + ?Sized),
    pairs: &[(usize, usize)],
    some: &[usize],
) -> Result<Array2<f32>> {
    let wanted = wanted(pairs, some);
    let mut held = Array2::zeros((wanted.len(), source.dims()));
    let (mut first, mut at) = (0, 0);
    for chunk in source.chunks(crate::rows::LEAF_ROWS)? {
        let chunk = chunk?;
        while at < wanted.len() && wanted[at] < first + chunk.nrows() {
            held.row_mut(at).assign(&chunk.row(wanted[at] - first));
            at += 1;
        }
        first += chunk.nrows();
    }
    Ok(held)
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
