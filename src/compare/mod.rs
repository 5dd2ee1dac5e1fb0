//! Two sets of vectors of the same rows: what one keeps of the other.
//!
//! [`neighbor_overlap`] is the share of nearest rows in common, [`information_imbalance`] says which of the two loses
//! what, [`cka`] compares the spaces as a whole, [`distance_correlation`] the order of all distances. [`match_rows`]
//! finds the rows that both have, [`paired_scores`] sets the score cards side by side. The sets may have other dimensions.
//!
//! ```
//! use embedlab::compare::{cka, information_imbalance, neighbor_overlap};
//! use embedlab::quality::Graph;
//! use embedlab::rows::Metric;
//! use ndarray::{Array2, s};
//!
//! let a = Array2::from_shape_fn((60, 4), |(i, j)| ((i * 37 + j * 11) % 53) as f32 - 26.0);
//! let b = a.slice(s![.., ..2]); // b knows half of what a knows
//! let graph = |rows| Graph::of(rows, 5, Metric::L2);
//! let overlap = neighbor_overlap(&graph(a.view())?, &graph(b)?, 5);
//! assert_eq!(overlap.len(), 60);
//! let lost = information_imbalance(a.view(), b, Metric::L2, 42)?.unwrap();
//! assert!(lost.a_to_b < lost.b_to_a);
//! assert!((cka(&a, &a)?.plain.unwrap() - 1.0).abs() < 1e-12);
//! # Ok::<(), embedlab::Error>(())
//! ```

mod alignment;
mod dimensions;
mod distances;
mod imbalance;
mod matched;
mod overlap;
mod probes;
mod retrieval;
mod scores;
mod spaces;

pub use alignment::{Cka, cka};
pub use imbalance::{IMBALANCE_ROWS, InformationImbalance, information_imbalance};
pub use matched::{MatchedRows, match_rows};
pub use overlap::{CORRELATION_ROWS, distance_correlation, neighbor_overlap};
pub use retrieval::{Judgement, paired_retrieval};
pub use scores::{PairedScore, shapes as paired_shapes};
pub use spaces::Space;

use crate::error::Result;
use crate::rows::RowSource;
use crate::table::Labels;

/// What two sets of vectors are compared by. The rows are passed over in blocks: they need not be in memory.
pub struct Sides<'s, A, B> {
    /// The rows of the first, n x d, and their graphs.
    pub a: (A, &'s Space),
    /// The same rows of the second, n x e.
    pub b: (B, &'s Space),
}

/// The scores of the score card of both sides, with the difference of the second from the first and its interval, and
/// why some are missing. Shares of rows and accuracies are compared row by row (the models on the same folds, in which
/// copies stay together; McNemar's test), scores that are no means by the jackknife over groups of rows.
///
/// # Errors
/// For numbers that are not finite, and labels of another number of rows.
pub fn paired_scores(
    sides: &Sides<'_, impl RowSource, impl RowSource>,
    of: Option<&Labels>,
    k: usize,
    seed: u64,
) -> Result<(Vec<PairedScore>, Vec<String>)> {
    let (a, b) = ((&sides.a.0, sides.a.1), (&sides.b.0, sides.b.1));
    let mut found = scores::shapes(a.0, b.0, seed)?;
    found.extend(scores::neighborhoods(a.1, b.1, k, seed)?);
    let mut warnings = Vec::new();
    if let Some(labels) = of {
        let (more, why) = probes::labels((a.0, b.0), (a.1, b.1), labels, k, seed)?;
        found.extend(more);
        warnings = why;
    }
    Ok((found, warnings))
}
