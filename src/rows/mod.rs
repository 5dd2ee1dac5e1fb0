//! Rows of embeddings, passed over in blocks.
//!
//! Almost every analysis here is a computation that can be done block by block and merged. It is
//! written once, as a [`Fold`], and run by [`fold_rows`] over anything that yields rows: a matrix
//! in memory, a mapped `.npy`, a Parquet file larger than memory.
//!
//! One rule says what a function takes: where passes over the rows suffice, any source (`&impl RowSource`, so
//! `&rows` of a matrix); where rows are looked up again and again (neighbours, silhouettes, trees, t-SNE), a
//! view of the matrix (`rows.view()`). Rows count from 0.
//!
//! Blocks have a fixed size and are merged in a fixed tree that follows the order of the rows, so
//! an answer has the same bits for any number of threads and for any kind of source.
//!
//! ```
//! use embedlab::rows::{Metric, Pca, group_means, norms, top_k};
//! use ndarray::array;
//!
//! let rows = array![[1.0_f32, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]];
//! assert!(norms(&rows)?.iter().all(|norm| (norm - 1.0).abs() < 1e-6));
//!
//! let found = top_k(&rows, rows.view(), 2, Metric::Cosine)?;
//! assert_eq!(found[0].iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 1]);
//! assert!((found[0][1].distance - 0.2).abs() < 1e-6); // 1 - cosine
//!
//! let means = group_means(&rows, &[Some(0), Some(0), Some(1), None], 2)?;
//! assert_eq!(means.counts, [2, 1]);
//! assert_eq!(means.means.row(0).to_vec(), [0.9, 0.3]);
//!
//! let pca = Pca::fit(&rows, 1)?;
//! assert_eq!(pca.transform(&rows)?.dim(), (4, 1));
//! # Ok::<(), embedlab::Error>(())
//! ```

mod both;
mod components;
mod distance;
mod distinct;
mod engine;
#[cfg(feature = "sql")]
mod exact;
mod finite;
mod fold;
mod frame;
pub(crate) mod graph;
mod group_sums;
mod mean;
pub(crate) mod packed;
mod pca;
pub(crate) mod product;
mod select;
mod selected;
pub(crate) mod simd;
mod source;
mod top_k;

pub(crate) use both::{AND, Nothing, both_params};
pub use components::Components;
pub use distance::Metric;
pub(crate) use distinct::Hashes;
pub use distinct::{DistinctRows, distinct_rows};
use engine::elsewhere;
pub use engine::{Engine, Pass, Portable, run_leaves, runs};
pub(crate) use engine::{answer, merge};
#[cfg(feature = "sql")]
pub(crate) use exact::ExactSums;
pub(crate) use finite::require_finite;
pub use fold::{BLOCK_ROWS, Fold, LEAF_ROWS, RowBlock, fold_rows};
pub(crate) use frame::Frame;
pub use graph::{Graph, MOST_NEIGHBORS, SampleGraph};
pub(crate) use group_sums::{GroupSumsFold, group_sums};
pub use mean::{GroupMeans, Moments, group_means, moments, norms};
pub(crate) use mean::{MomentsFold, NormsFold};
pub use pca::Pca;
pub(crate) use pca::eigenvectors;
pub(crate) use select::Select;
pub(crate) use selected::Selected;
pub(crate) use simd::dot;
#[cfg(test)]
pub(crate) use source::Streamed;
pub use source::{Chunks, RowSource, select_rows};
pub(crate) use source::{all_rows, for_each_chunk, in_whole_leaves};
pub(crate) use top_k::TopK;
pub use top_k::{Neighbor, top_k};
