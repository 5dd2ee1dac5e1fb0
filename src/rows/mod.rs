//! Rows of embeddings, passed over in blocks.
//!
//! Almost every analysis here is a computation that can be done block by block and merged. It is
//! written once, as a [`Fold`], and run by [`fold_rows`] over anything that yields rows: a matrix
//! in memory, a mapped `.npy`, a Parquet file larger than memory.
//!
//! Blocks have a fixed size and are merged in a fixed tree that follows the order of the rows, so
//! an answer has the same bits for any number of threads and for any kind of source.

mod distance;
mod finite;
mod fold;
mod mean;
mod pca;
pub(crate) mod product;
pub(crate) mod simd;
mod source;
mod top_k;

pub use distance::Metric;
pub(crate) use finite::require_finite;
pub use fold::{BLOCK_ROWS, Fold, LEAF_ROWS, RowBlock, fold_rows};
pub(crate) use mean::group_sums;
pub use mean::{GroupMeans, Moments, group_means, moments, norms};
pub use pca::Pca;
pub(crate) use pca::eigenvectors;
pub(crate) use simd::dot;
pub use source::RowSource;
pub use top_k::{Neighbor, top_k};
