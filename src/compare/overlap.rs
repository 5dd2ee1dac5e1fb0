//! Nearest rows in common, and the order of all distances.

use rayon::prelude::*;

use super::distances::{Distances, for_each_row, sample};
use crate::error::Result;
use crate::metric::spearman;
use crate::quality::Graph;
use crate::rows::{Metric, RowSource};

/// Rows whose pairs are compared by [`distance_correlation`].
pub const CORRELATION_ROWS: usize = 1000;

/// For each row the share of its first `k` nearest rows that two graphs have in common, 0 to 1; its mean is dadapy's
/// `return_data_overlap`. With graphs of fewer neighbours, of those.
pub fn neighbor_overlap(a: &Graph, b: &Graph, k: usize) -> Vec<f64> {
    let k = k.min(a.k()).min(b.k());
    (0..a.n_rows())
        .into_par_iter()
        .map(|row| {
            let (a, b) = (&a.rows(row)[..k], b.rows(row).get(..k).unwrap_or_default());
            a.iter().filter(|near| b.contains(near)).count() as f64 / k.max(1) as f64
        })
        .collect()
}

/// Spearman's rank correlation of the distances of all pairs of rows, of a random [`CORRELATION_ROWS`] rows where there
/// are more (representational similarity analysis). `None` where all distances are equal or there are fewer than three
/// rows.
///
/// # Errors
/// As [`information_imbalance`](super::information_imbalance()).
pub fn distance_correlation(
    a: impl RowSource,
    b: impl RowSource,
    metric: Metric,
    seed: u64,
) -> Result<Option<f64>> {
    let picked = sample(&a, &b, metric, CORRELATION_ROWS, seed)?;
    if picked.len() < 3 {
        return Ok(None);
    }
    let (in_a, in_b) = (Distances::new(&a, &picked, metric)?, Distances::new(&b, &picked, metric)?);
    let pairs = for_each_row(&in_a, &in_b, |row, a, b| (a[..row].to_vec(), b[..row].to_vec()));
    let (a, b): (Vec<Vec<f64>>, Vec<Vec<f64>>) = pairs.into_iter().unzip();
    spearman(&a.concat(), &b.concat())
}
