//! The graphs of one set of vectors that its scores come from.

use ndarray::ArrayView2;

use crate::error::Result;
use crate::quality::{INTRINSIC_NEIGHBORS, OUTLIER_NEIGHBORS, rows_are_unit};
use crate::rows::{DistinctRows, Graph, Metric};

/// The distinct rows, and the exact graphs of nearest rows.
pub struct Space {
    /// Which rows have equal vectors.
    pub distinct: DistinctRows,
    /// Of the distinct vectors by Euclidean distance, with 100 neighbours.
    pub euclidean: Graph,
    /// Of all rows by cosine.
    pub cosine: Graph,
}

impl Space {
    /// Finds the nearest rows, at least `k` of each row.
    ///
    /// # Errors
    /// As [`Graph::of`].
    pub fn of(rows: ArrayView2<'_, f32>, k: usize) -> Result<Space> {
        let distinct = DistinctRows::of(&rows)?;
        let k = k.max(OUTLIER_NEIGHBORS);
        let euclidean = Graph::of_distinct(rows, &distinct, INTRINSIC_NEIGHBORS.max(k), Metric::L2)?;
        // Rows of length 1 are ranked alike by both distances.
        let cosine = if rows_are_unit(&rows)? {
            euclidean.measured_again(rows, Some(&distinct), Metric::Cosine)?
        } else {
            Graph::of_distinct(rows, &distinct, k, Metric::Cosine)?
        };
        Ok(Space { cosine: cosine.expanded(&distinct, k), euclidean, distinct })
    }
}
