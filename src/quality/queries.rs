//! Rows of elsewhere against the rows that they search.

use ndarray::ArrayView2;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::metric::quantile;
use crate::rows::graph::check_k;
use crate::rows::{Metric, Neighbor, RowSource, require_finite, top_k};

/// The `k` rows nearest to each of some queries, which are not among the rows, nearest first.
///
/// # Errors
/// As [`Graph::of`](crate::rows::Graph::of), and when the dimensions differ.
pub fn nearest_rows(
    rows: &(impl RowSource + ?Sized),
    queries: ArrayView2<'_, f32>,
    k: usize,
    metric: Metric,
) -> Result<Vec<Vec<Neighbor>>> {
    check_k(k)?;
    if let Some(rows) = rows.as_matrix() {
        require_finite(rows)?;
    }
    require_finite(queries)?;
    let mut found = top_k(&rows, queries, k, metric)?;
    if metric == Metric::Cosine {
        // 1 - cosine of equal rows may be -1e-16.
        found.iter_mut().flatten().for_each(|hit| hit.distance = hit.distance.max(0.0));
    }
    Ok(found)
}

/// Rows that are farther from all rows of a corpus than its own rows are from each other.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Outside {
    /// The distance beyond which a row is outside: 99 % of the corpus' rows have a neighbour within it.
    pub limit: f64,
    /// The cosine distance of each row to the nearest of the corpus.
    pub distances: Vec<f64>,
    /// Which row of the corpus that is.
    pub nearest: Vec<usize>,
    /// The rows beyond the limit, farthest first.
    pub rows: Vec<usize>,
}

/// The rows of `b` that are outside of `a`, of which `own` are the distances of each row to the nearest other one.
///
/// # Errors
/// When `a` has no rows, the dimensions differ, or numbers are not finite.
pub fn outside(a: &(impl RowSource + ?Sized), own: &[f64], b: ArrayView2<'_, f32>) -> Result<Outside> {
    if a.dims() != b.ncols() {
        return Err(other_dims(a.dims(), b.ncols()));
    }
    if a.n_rows() == 0 {
        return Err(Error::input("no rows to compare with"));
    }
    let mut own = own.to_vec();
    own.sort_unstable_by(f64::total_cmp);
    let limit = if own.is_empty() { f64::MAX } else { quantile(&own, 0.99) };
    let found = nearest_rows(a, b, 1, Metric::Cosine)?;
    let distances: Vec<f64> = found.iter().map(|hits| hits.first().map_or(1.0, |hit| hit.distance)).collect();
    let nearest = found.iter().map(|hits| hits.first().map_or(0, |hit| hit.row)).collect();
    // Exact copies may be 1e-16 apart.
    let mut rows: Vec<usize> = (0..distances.len()).filter(|row| distances[*row] > limit + 1e-12).collect();
    rows.sort_by(|x, y| distances[*y].total_cmp(&distances[*x]).then(x.cmp(y)));
    Ok(Outside { limit, distances, nearest, rows })
}

pub(super) fn same_dims(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Result<()> {
    if a.ncols() == b.ncols() { Ok(()) } else { Err(other_dims(a.ncols(), b.ncols())) }
}

fn other_dims(a: usize, b: usize) -> Error {
    Error::argument("two files of other dimensions")
        .seen(format!("{a} and {b}"))
        .advice("compare vectors of the same model")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_row_is_outside() {
        let a = ndarray::array![[1.0_f32, 0.0], [1.0, 0.1], [1.0, 0.2]];
        let found =
            outside(&a, &[0.01, 0.01, 0.01], ndarray::array![[1.0_f32, 0.05], [-1.0, 0.0]].view()).unwrap();
        assert_eq!(found.rows, [1]);
    }
}
