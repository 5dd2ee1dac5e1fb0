//! How many dimensions the rows of one set fill, and how sure that is.

use crate::error::Result;
use crate::metric::jackknife_groups;
use crate::quality::{IntrinsicDimension, intrinsic_dimension, mle, twonn};
use crate::rows::{DistinctRows, Graph};

/// Groups of rows that are left out in turn, of scores that cost little.
pub(super) const GROUPS: usize = 20;

/// The intrinsic dimension of one set, and of all but each group of rows.
pub(super) struct Dimensions {
    pub whole: IntrinsicDimension,
    pub without: Vec<(Option<f64>, Option<f64>)>,
}

impl Dimensions {
    /// From the Euclidean graph of the distinct rows.
    pub fn of(graph: &Graph, distinct: &DistinctRows, seed: u64) -> Result<Dimensions> {
        let (n, first) = (distinct.n_rows(), distinct.first_rows());
        // The distances stay those of all rows: rows leave the estimate, not the neighbourhoods.
        let without = jackknife_groups(n, GROUPS, seed)
            .iter()
            .map(|group| {
                let of_distinct: Vec<usize> = kept(n, group)
                    .into_iter()
                    .map(|row| (row, distinct.vector_of(row)))
                    .filter(|(row, vector)| first[*vector] as usize == *row)
                    .map(|(_, vector)| vector)
                    .collect();
                let graph = graph.picked(&of_distinct);
                (twonn(&graph), mle(&graph))
            })
            .collect();
        Ok(Dimensions { whole: intrinsic_dimension(graph, distinct)?, without })
    }
}

/// The rows of `n` that are not in a group.
pub(super) fn kept(n: usize, without: &[usize]) -> Vec<usize> {
    let mut keep = vec![true; n];
    without.iter().for_each(|row| keep[*row] = false);
    (0..n).filter(|row| keep[*row]).collect()
}
