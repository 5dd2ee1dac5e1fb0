//! Maps: rows laid out in two dimensions, and how far to trust what one sees there.

mod trust;

pub use trust::{NeighborsKept, neighbors_kept};
