//! Models of numbers and of classes, judged on rows that they were not fitted to, beside a constant.
//!
//! ```
//! use embedlab::model::{Classes, ModelKind, ModelOptions, SampleInfo, classify, regress};
//! use embedlab::{split, table};
//!
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let split = split::train_test_split(reviews.n_rows(), 0.2, 42)?;
//! let texts = reviews.text("combined")?;
//! let info = SampleInfo { texts: Some(&texts), ..Default::default() };
//!
//! let stars: Vec<f64> = reviews.numbers("Score")?.into_iter().flatten().collect();
//! let options = ModelOptions { kind: ModelKind::Ridge, ..Default::default() };
//! let found = regress(reviews.vectors(), &stars, &split, &info, &options)?;
//! // Better than the mean by MSE; the median, which is 5, is hard to beat by MAE.
//! assert!(found.scores.mse < found.baseline.mse);
//! assert_eq!((found.baseline.constants.median.value, found.held_out.leaked), (5.0, Some(0)));
//!
//! let classes = Classes::try_from(reviews.labels("Score")?)?;
//! let options = ModelOptions { kind: ModelKind::Knn, ..Default::default() };
//! let found = classify(reviews.vectors(), &classes, &split, &info, &options)?;
//! assert_eq!(found.baseline.label, "5");
//! assert!(found.intervals.accuracy.low < found.report.accuracy);
//! # Ok::<(), embedlab::Error>(())
//! ```
//!
//! Every model is fitted in one shape: `X::params()`, its options, and `fit_rows` of a matrix and its targets,
//! or linfa's `fit` of a dataset. [`Regressor`] and [`Classifier`] hold a model of any kind.
//!
//! What the scores mean: [the page on figures](crate::guide::figures#numbers-and-classes).

mod classify;
mod evaluate;
mod features;
mod fitted;
mod importance;
mod knn;
mod labels;
mod linear;
mod linfa;
mod logistic;
mod options;
mod params;
mod regress;
mod ridge;
mod saved;

pub use classify::{
    ClassBaseline, ClassFold, ClassificationAnalysis, UnseenClasses, classify, cross_validate_classes,
    cross_validate_probabilities,
};
pub use evaluate::{FoldScores, HeldOut, SampleInfo, Unseen, Verdict};
pub use features::{Column, FeatureEncoder, Inputs, NameVectors};
pub use fitted::{Classifier, Regressor};
pub use importance::{FeatureGroup, Importance, TopFeature, permutation_importance};
pub use knn::{KnnClassifier, KnnParams, KnnRegressor};
pub use labels::Classes;
pub use logistic::{Logistic, LogisticParams};
pub use options::{ModelKind, ModelOptions};
pub use params::{Parameters, Unchecked};
pub use regress::{Baseline, RegressionAnalysis, Stars, UnseenNumbers, cross_validate_numbers, regress};
pub use ridge::{Ridge, RidgeParams};
pub use saved::{Predicted, Recipe, SavedModel, Task};
