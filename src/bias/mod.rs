//! Whether two sets of texts are associated differently with two sets of attributes: WEAT and SEAT, with what goes
//! beside them.
//!
//! A test asks whether flowers are nearer to pleasant words and insects to unpleasant ones, or male names to career and
//! female names to family. [`published`] gives the sets of Caliskan et al. (2017) and May et al. (2019);
//! [`sets_from_json`] reads others. [`associate`] takes the vectors of the four sets.
//!
//! ```
//! use embedlab::bias::{AssociationOptions, TestVectors, associate};
//! use ndarray::array;
//!
//! let vectors = TestVectors {
//!     x: array![[1.0_f32, 0.1], [0.9, 0.2], [0.8, 0.1]],
//!     y: array![[0.1_f32, 1.0], [0.2, 0.9], [0.3, 0.8]],
//!     a: array![[1.0_f32, 0.0]],
//!     b: array![[0.0_f32, 1.0]],
//! };
//! let found = associate(&vectors, &AssociationOptions::default())?;
//! assert!(found.effect_size.unwrap() > 1.9);
//! assert_eq!((found.p, found.exact), (0.05, true)); // 1 of 20 splits
//! # Ok::<(), embedlab::Error>(())
//! ```

mod association;
mod group_distance;
mod permutation;
mod sets;

pub use association::{Association, AssociationOptions, TestVectors, associate};
pub use group_distance::{BySet, embedding_coherence, relative_norm_distance};
pub use permutation::{MOST_SPLITS, SplitTest, split_test};
pub use sets::{AssociationTest, SETS, published, sets_from_json};
