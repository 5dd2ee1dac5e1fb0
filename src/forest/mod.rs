//! Decision trees on binned features, alone, in forests and boosted: star ratings as numbers and as
//! classes.
//!
//! [`ForestRegressor`] and [`ForestClassifier`] have scikit-learn's parameters and defaults and are//! behind linfa's `Fit` and `Predict`. The work is cut where the method is cut: features as bytes
//! (`bins`), the best split of a node (`squared` for squared error, `ordered` for the rest), a
//! tree (`grow`), many trees (`ensemble`), many rows down a tree (`walk`).
//!
//! Splits are sought among at most 254 thresholds a feature, placed at the quantiles of the training
//! rows (as LightGBM and scikit-learn's histogram boosting do), where scikit-learn's forest tries every
//! value. A threshold is put in the middle of the gap between the rows of its own node.
//! ```
//! use embedlab::forest::ForestRegressor;
//! use embedlab::table;
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?.take(&[0, 1, 2, 3, 4, 5])?;
//! let stars: Vec<f64> = reviews.numbers("Score")?.into_iter().flatten().collect();
//! let forest = ForestRegressor::params().n_estimators(20).seed(42).fit_rows(reviews.vectors(), &stars, None)?;
//! let predicted = forest.predict_rows(reviews.vectors())?;
//! assert!(predicted.iter().all(|stars| (1.0..=5.0).contains(stars)));
//! assert_eq!(forest.feature_importance().len(), 384);
//! # Ok::<(), embedlab::Error>(())
//! ```

mod bins;
mod boost;
mod classifier;
mod ensemble;
mod grow;
mod leaves;
mod ordered;
mod params;
mod readable;
mod regressor;
mod squared;
mod store;
mod tree;
mod walk;

pub use boost::{BoostClassifier, BoostParams, BoostRegressor, BoostValidParams};
pub use classifier::ForestClassifier;
pub use params::{ClassWeight, Criterion, ForestParams, ForestValidParams, MaxFeatures};
pub use readable::ReadableTree;
pub use regressor::ForestRegressor;
pub use tree::{Tree, TreeNode};
