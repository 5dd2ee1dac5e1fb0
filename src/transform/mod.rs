//! Maps from one space of vectors to another: learned from pairs that are alike and pairs that are not
//! ([`customize()`]), or from rows that two models have both embedded ([`procrustes`], [`ridge`]).
//!
//! Each gives a [`LinearMap`], which is saved and applied to other vectors of the same model.
//!
//! ```
//! use embedlab::transform::procrustes;
//! use ndarray::{Array2, array};
//!
//! let old = Array2::from_shape_fn((20, 2), |(row, at)| ((row * 7 + at * 3) % 11) as f32);
//! let turned = old.dot(&array![[0.0_f32, 1.0], [-1.0, 0.0]]) + 2.0;
//! let map = procrustes(old.view(), turned.view())?;
//! let mapped = map.apply(old.view())?;
//! assert!((&mapped - &turned).iter().all(|difference| difference.abs() < 1e-5));
//! # Ok::<(), embedlab::Error>(())
//! ```

mod align;
mod customize;
mod gradient;
mod linear_map;
mod overlap;

pub use align::{RIDGE_PENALTIES, procrustes, ridge};
pub use customize::{Accuracy, CustomizeParams, Customized, Epoch, Setting, Tried, customize};
pub use linear_map::LinearMap;
pub use overlap::{NeighborRecall, neighbor_recall};
