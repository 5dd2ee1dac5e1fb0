//! What the scores of one set of vectors come from: its graph, and its dimensions.

use ndarray::ArrayView2;

use super::dimensions::Dimensions;
use crate::error::Result;
use crate::quality::{INTRINSIC_NEIGHBORS, OUTLIER_NEIGHBORS, rows_are_unit};
use crate::rows::{DistinctRows, Graph, Metric};

/// The distinct rows, the exact graph of nearest rows, and how many dimensions they fill.
pub struct Space {
    /// Which rows have equal vectors.
    pub distinct: DistinctRows,
    /// Of all rows by cosine.
    pub cosine: Graph,
    /// From the Euclidean graph of 100 neighbours, which takes a fifth of the vectors' memory and is given up.
    pub(super) dimensions: Dimensions,
}

impl Space {
    /// Finds the nearest rows, at least `k` of each row. Two sets that are compared need the same `seed`.
    ///
    /// # Errors
    /// As [`Graph::of`].
    pub fn of(rows: ArrayView2<'_, f32>, k: usize, seed: u64) -> Result<Space> {
        let distinct = DistinctRows::of(&rows)?;
        let k = k.max(OUTLIER_NEIGHBORS);
        let euclidean = Graph::of_distinct(rows, &distinct, INTRINSIC_NEIGHBORS.max(k), Metric::L2)?;
        let dimensions = Dimensions::of(&euclidean, &distinct, seed)?;
        // Rows of length 1 are ranked alike by both distances.
        let cosine = if rows_are_unit(&rows)? {
            euclidean.measured_again(rows, Some(&distinct), Metric::Cosine)?
        } else {
            Graph::of_distinct(rows, &distinct, k, Metric::Cosine)?
        };
        Ok(Space { cosine: cosine.expanded(&distinct, k), dimensions, distinct })
    }
}
