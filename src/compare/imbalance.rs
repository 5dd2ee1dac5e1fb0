//! Which of two sets of vectors holds what the other knows.

use schemars::JsonSchema;
use serde::Serialize;

use super::distances::{Distances, for_each_row, sample};
use crate::error::Result;
use crate::rows::{Metric, RowSource};

/// Above this many rows a random sample of as many is ranked.
pub const IMBALANCE_ROWS: usize = 5000;

/// The information imbalance in both directions (Glielmo et al. 2022): 2 / n for sets that hold the same, about 1 for
/// sets that have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct InformationImbalance {
    /// How far the nearest row in A is from being the nearest in B: 0 when A holds what B knows.
    pub a_to_b: f64,
    /// The same from B to A.
    pub b_to_a: f64,
    /// The rows that were ranked.
    pub rows: usize,
}

/// 2 / n times the mean rank in one set of each row's nearest row in the other (rank 1 is the nearest; equal distances
/// in the order of the rows), as dadapy's `return_information_imbalace`. `None` with fewer than two rows; rows of zeros
/// are left out for the cosine.
///
/// The rows of `a` (n x d) and `b` (n x e) belong together. Cost: 2·m²·(d + e) operations for m rows, at most
/// [`IMBALANCE_ROWS`]; memory 12·m·(d + e) bytes.
///
/// # Errors
/// When the sets have another number of rows, for another metric than L2 and cosine, and for numbers that are not finite.
pub fn information_imbalance(
    a: impl RowSource,
    b: impl RowSource,
    metric: Metric,
    seed: u64,
) -> Result<Option<InformationImbalance>> {
    let picked = sample(&a, &b, metric, IMBALANCE_ROWS, seed)?;
    let (in_a, in_b) = (Distances::new(&a, &picked, metric)?, Distances::new(&b, &picked, metric)?);
    let n = picked.len();
    if n < 2 {
        return Ok(None);
    }
    let ranks = for_each_row(&in_a, &in_b, |row, a, b| {
        (rank(row, nearest(row, a), b), rank(row, nearest(row, b), a))
    });
    let (a_to_b, b_to_a) = ranks.into_iter().fold((0, 0), |sums, ranks| (sums.0 + ranks.0, sums.1 + ranks.1));
    let scale = 2.0 / (n as f64 * n as f64);
    Ok(Some(InformationImbalance { a_to_b: a_to_b as f64 * scale, b_to_a: b_to_a as f64 * scale, rows: n }))
}

/// The nearest other row; of equal ones the first.
fn nearest(row: usize, squares: &[f64]) -> usize {
    let others = squares.iter().enumerate().filter(|(other, _)| *other != row);
    others.min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(other, _)| other)
}

/// The place of a row among all others, from 1.
fn rank(row: usize, of: usize, squares: &[f64]) -> usize {
    let before = |(other, square): (usize, &f64)| {
        other != row && (*square < squares[of] || (*square == squares[of] && other < of))
    };
    1 + squares.iter().enumerate().filter(|found| before(*found)).count()
}
