//! Iterations that are kept, so that a run that was cut short goes on from the last one.

use ndarray::Array2;

use crate::error::Result;

/// Where the iterations stand after one of them: enough to go on to the same result, ties within rounding aside.
#[derive(Debug, Clone, PartialEq)]
pub struct Iteration {
    /// How many iterations are done.
    pub n_iter: usize,
    /// Whether the centroids have come to rest.
    pub converged: bool,
    /// The centroids, k x d, as they were moved last.
    pub centroids: Array2<f32>,
    /// The cluster of each row; `u32::MAX` for one that can have none.
    pub labels: Vec<u32>,
    /// The sum of the rows of each cluster, k x d.
    pub sums: Array2<f64>,
    /// How many rows each cluster has.
    pub counts: Vec<i64>,
}

/// Where iterations are kept, so that a run that was cut short can go on.
pub trait Checkpoint {
    /// The last iteration of an earlier run of the same rows and parameters; `None` to begin anew.
    ///
    /// # Errors
    /// When there is one that cannot be read or is of another run.
    fn last(&mut self) -> Result<Option<Iteration>>;

    /// Keeps an iteration in place of those before.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn keep(&mut self, iteration: Iteration) -> Result<()>;
}
