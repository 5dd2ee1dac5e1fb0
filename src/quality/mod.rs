//! How good embeddings are, and what is wrong in a file.
//!
//! Every number here comes from one pass over the rows ([`geometry`]) or from one exact graph of nearest rows
//! ([`Graph`]). A kernel takes rows or a graph and options, and gives a plain result.

mod distinct;
mod geometry;
mod graph;
mod intrinsic;
mod prepared;
mod spectrum;

pub use distinct::DistinctRows;
pub use geometry::{Geometry, GeometryOptions, NormSummary, PowerLaw, Uniformity, alignment, geometry};
pub use graph::{Graph, MOST_NEIGHBORS, nearest_rows};
pub use intrinsic::{Gride, INTRINSIC_NEIGHBORS, IntrinsicDimension, intrinsic_dimension};
