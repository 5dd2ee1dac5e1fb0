//! Models of any kind behind one face.

use ndarray::{Array2, ArrayView2};
use serde_json::Value;

use super::{KnnClassifier, KnnRegressor, Logistic, ModelKind, ModelOptions, Ridge};
use crate::error::{Error, Result};
use crate::forest::{
    BoostClassifier, BoostRegressor, ForestClassifier, ForestRegressor, MaxFeatures, ReadableTree, Tree,
};
use crate::store::{Parts, Persist, Stored};
use crate::targets::likeliest;

/// The defaults that scikit-learn has.
const TREES: usize = 100;
const LEARNING_RATE: f64 = 0.1;
const ALPHA: f64 = 1.0;
const NEIGHBORS: usize = 5;
/// Rows of a leaf of boosting.
const BOOST_LEAF: usize = 20;
/// Depth and rows of a leaf of a single tree: as much as can be read.
const TREE_DEPTH: usize = 4;
const TREE_LEAF: usize = 5;

/// A fitted model of a number.
#[derive(Debug, Clone, PartialEq)]
pub enum Regressor {
    /// A forest.
    Forest(ForestRegressor),
    /// Boosted trees.
    Boost(BoostRegressor),
    /// A single tree, grown as one of a forest without draws.
    Tree(ForestRegressor),
    /// Ridge regression.
    Ridge(Ridge),
    /// K nearest neighbours.
    Knn(KnnRegressor),
}

impl Regressor {
    /// Fits rows (n x d) to n numbers.
    ///
    /// # Errors
    /// When rows, targets and weights do not fit together or hold numbers that are not finite, an option
    /// is out of its range, or the kind is one for classes or takes no weights.
    pub fn fit(
        rows: ArrayView2<'_, f32>,
        targets: &[f64],
        weights: Option<&[f64]>,
        options: &ModelOptions,
    ) -> Result<Regressor> {
        options.check()?;
        let weights = options.weights(weights, None)?;
        let weights = weights.as_deref();
        Ok(match options.kind {
            ModelKind::Forest => Regressor::Forest(
                ForestRegressor::params()
                    .n_estimators(options.trees.unwrap_or(TREES))
                    .max_features(options.max_features.unwrap_or(MaxFeatures::All))
                    .max_depth(options.max_depth)
                    .min_samples_leaf(options.min_samples_leaf.unwrap_or(1))
                    .seed(options.seed)
                    .fit_rows(rows, targets, weights)?,
            ),
            ModelKind::Boost => Regressor::Boost(
                BoostRegressor::params()
                    .max_iter(options.trees.unwrap_or(TREES))
                    .learning_rate(options.learning_rate.unwrap_or(LEARNING_RATE))
                    .max_depth(options.max_depth)
                    .min_samples_leaf(options.min_samples_leaf.unwrap_or(BOOST_LEAF))
                    .seed(options.seed)
                    .fit_rows(rows, targets, weights)?,
            ),
            ModelKind::Tree => Regressor::Tree(
                ForestRegressor::params()
                    .n_estimators(1)
                    .bootstrap(false)
                    .max_depth(options.max_depth.unwrap_or(TREE_DEPTH))
                    .min_samples_leaf(options.min_samples_leaf.unwrap_or(TREE_LEAF))
                    .seed(options.seed)
                    .fit_rows(rows, targets, weights)?,
            ),
            ModelKind::Ridge => Regressor::Ridge(
                Ridge::params().alpha(options.alpha.unwrap_or(ALPHA)).fit_rows(rows, targets, weights)?,
            ),
            ModelKind::Knn => Regressor::Knn(
                KnnRegressor::params()
                    .n_neighbors(options.n_neighbors.unwrap_or(NEIGHBORS))
                    .fit_rows(rows, targets, None)?,
            ),
            ModelKind::Logistic => {
                return Err(Error::argument("logistic regression predicts classes, not numbers")
                    .advice("use ridge, or classify"));
            }
        })
    }

    /// The prediction for each row (n x d).
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
        match self {
            Regressor::Forest(model) | Regressor::Tree(model) => model.predict_rows(rows),
            Regressor::Boost(model) => model.predict_rows(rows),
            Regressor::Ridge(model) => model.predict_rows(rows),
            Regressor::Knn(model) => model.predict_rows(rows),
        }
    }

    /// The kind of the model.
    pub fn kind(&self) -> ModelKind {
        match self {
            Regressor::Forest(_) => ModelKind::Forest,
            Regressor::Boost(_) => ModelKind::Boost,
            Regressor::Tree(_) => ModelKind::Tree,
            Regressor::Ridge(_) => ModelKind::Ridge,
            Regressor::Knn(_) => ModelKind::Knn,
        }
    }

    /// The number of features that rows must have.
    pub fn n_features(&self) -> usize {
        match self {
            Regressor::Forest(model) | Regressor::Tree(model) => model.n_features(),
            Regressor::Boost(model) => model.n_features(),
            Regressor::Ridge(model) => model.coefficients().len(),
            Regressor::Knn(model) => model.n_features(),
        }
    }

    /// For models of trees the share of all gain that each feature's splits made.
    pub fn feature_importance(&self) -> Option<&[f64]> {
        match self {
            Regressor::Forest(model) | Regressor::Tree(model) => Some(model.feature_importance()),
            Regressor::Boost(model) => Some(model.feature_importance()),
            Regressor::Ridge(_) | Regressor::Knn(_) => None,
        }
    }

    /// The tree, when there is one only.
    pub fn tree(&self) -> Option<&Tree> {
        match self {
            Regressor::Tree(model) => model.trees().first(),
            _ => None,
        }
    }

    pub(super) fn parts(&self) -> Result<Parts> {
        match self {
            Regressor::Forest(model) | Regressor::Tree(model) => model.parts(),
            Regressor::Boost(model) => model.parts(),
            Regressor::Ridge(model) => model.parts(),
            Regressor::Knn(model) => model.parts(),
        }
    }

    pub(super) fn restore(kind: ModelKind, about: Value, stored: &Stored) -> Result<Regressor> {
        Ok(match kind {
            ModelKind::Forest => Regressor::Forest(ForestRegressor::restore(about, stored)?),
            ModelKind::Tree => Regressor::Tree(ForestRegressor::restore(about, stored)?),
            ModelKind::Boost => Regressor::Boost(BoostRegressor::restore(about, stored)?),
            ModelKind::Ridge => Regressor::Ridge(Ridge::restore(about, stored)?),
            ModelKind::Knn => Regressor::Knn(KnnRegressor::restore(about, stored)?),
            ModelKind::Logistic => return Err(stored.damaged("a model of classes for numbers")),
        })
    }
}

/// A fitted model of a class.
#[derive(Debug, Clone, PartialEq)]
pub enum Classifier {
    /// A forest.
    Forest(ForestClassifier),
    /// Boosted trees.
    Boost(BoostClassifier),
    /// A single tree.
    Tree(ForestClassifier),
    /// Logistic regression.
    Logistic(Logistic),
    /// K nearest neighbours.
    Knn(KnnClassifier),
}

impl Classifier {
    /// Fits rows (n x d) to n classes, numbered from 0.
    ///
    /// # Errors
    /// As [`Regressor::fit`], and when there is one class only.
    pub fn fit(
        rows: ArrayView2<'_, f32>,
        classes: &[usize],
        weights: Option<&[f64]>,
        options: &ModelOptions,
    ) -> Result<Classifier> {
        options.check()?;
        let weights = options.weights(weights, Some(classes))?;
        let weights = weights.as_deref();
        Ok(match options.kind {
            ModelKind::Forest => Classifier::Forest(
                ForestClassifier::params()
                    .n_estimators(options.trees.unwrap_or(TREES))
                    .max_features(options.max_features.unwrap_or(MaxFeatures::Sqrt))
                    .max_depth(options.max_depth)
                    .min_samples_leaf(options.min_samples_leaf.unwrap_or(1))
                    .seed(options.seed)
                    .fit_rows(rows, classes, weights)?,
            ),
            ModelKind::Boost => Classifier::Boost(
                BoostClassifier::params()
                    .max_iter(options.trees.unwrap_or(TREES))
                    .learning_rate(options.learning_rate.unwrap_or(LEARNING_RATE))
                    .max_depth(options.max_depth)
                    .min_samples_leaf(options.min_samples_leaf.unwrap_or(BOOST_LEAF))
                    .seed(options.seed)
                    .fit_rows(rows, classes, weights)?,
            ),
            ModelKind::Tree => Classifier::Tree(
                ReadableTree::params()
                    .max_depth(options.max_depth.unwrap_or(TREE_DEPTH))
                    .min_samples_leaf(options.min_samples_leaf.unwrap_or(TREE_LEAF))
                    .seed(options.seed)
                    .fit_rows(rows, classes)?,
            ),
            ModelKind::Logistic => Classifier::Logistic(
                Logistic::params().alpha(options.alpha.unwrap_or(ALPHA)).fit_rows(rows, classes, None)?,
            ),
            ModelKind::Knn => Classifier::Knn(
                KnnClassifier::params()
                    .n_neighbors(options.n_neighbors.unwrap_or(NEIGHBORS))
                    .fit_rows(rows, classes, None)?,
            ),
            ModelKind::Ridge => {
                return Err(Error::argument("ridge regression predicts numbers, not classes")
                    .advice("use logistic, or regress"));
            }
        })
    }

    /// The probability of each class for each row, n x `n_classes`; classes that the model has not seen
    /// have probability 0.
    ///
    /// # Errors
    /// When the dimensions differ from the model's, a number is not finite, or the model knows more
    /// classes.
    pub fn predict_probabilities(&self, rows: ArrayView2<'_, f32>, n_classes: usize) -> Result<Array2<f64>> {
        let known = match self {
            Classifier::Forest(model) | Classifier::Tree(model) => model.predict_probabilities(rows)?,
            Classifier::Boost(model) => model.predict_probabilities(rows)?,
            Classifier::Logistic(model) => model.predict_probabilities(rows)?,
            Classifier::Knn(model) => model.predict_probabilities(rows)?,
        };
        if known.ncols() > n_classes {
            return Err(Error::argument("a model of more classes")
                .seen(format!("{} in the model, {n_classes} asked for", known.ncols())));
        }
        let mut probabilities = Array2::zeros((rows.nrows(), n_classes));
        probabilities.slice_mut(ndarray::s![.., ..known.ncols()]).assign(&known);
        Ok(probabilities)
    }

    /// The likeliest class of each row; of equally likely ones the first.
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<usize>> {
        Ok(likeliest(&self.predict_probabilities(rows, self.n_classes())?))
    }

    /// The kind of the model.
    pub fn kind(&self) -> ModelKind {
        match self {
            Classifier::Forest(_) => ModelKind::Forest,
            Classifier::Boost(_) => ModelKind::Boost,
            Classifier::Tree(_) => ModelKind::Tree,
            Classifier::Logistic(_) => ModelKind::Logistic,
            Classifier::Knn(_) => ModelKind::Knn,
        }
    }

    /// The number of classes that the model knows.
    pub fn n_classes(&self) -> usize {
        match self {
            Classifier::Forest(model) | Classifier::Tree(model) => model.n_classes(),
            Classifier::Boost(model) => model.n_classes(),
            Classifier::Logistic(model) => model.coefficients().nrows(),
            Classifier::Knn(model) => model.n_classes(),
        }
    }

    /// The number of features that rows must have.
    pub fn n_features(&self) -> usize {
        match self {
            Classifier::Forest(model) | Classifier::Tree(model) => model.n_features(),
            Classifier::Boost(model) => model.n_features(),
            Classifier::Logistic(model) => model.coefficients().ncols(),
            Classifier::Knn(model) => model.n_features(),
        }
    }

    /// For models of trees the share of all gain that each feature's splits made.
    pub fn feature_importance(&self) -> Option<&[f64]> {
        match self {
            Classifier::Forest(model) | Classifier::Tree(model) => Some(model.feature_importance()),
            Classifier::Boost(model) => Some(model.feature_importance()),
            Classifier::Logistic(_) | Classifier::Knn(_) => None,
        }
    }

    /// The tree, when there is one only.
    pub fn tree(&self) -> Option<&Tree> {
        match self {
            Classifier::Tree(model) => model.trees().first(),
            _ => None,
        }
    }

    pub(super) fn parts(&self) -> Result<Parts> {
        match self {
            Classifier::Forest(model) | Classifier::Tree(model) => model.parts(),
            Classifier::Boost(model) => model.parts(),
            Classifier::Logistic(model) => model.parts(),
            Classifier::Knn(model) => model.parts(),
        }
    }

    pub(super) fn restore(kind: ModelKind, about: Value, stored: &Stored) -> Result<Classifier> {
        Ok(match kind {
            ModelKind::Forest => Classifier::Forest(ForestClassifier::restore(about, stored)?),
            ModelKind::Tree => Classifier::Tree(ForestClassifier::restore(about, stored)?),
            ModelKind::Boost => Classifier::Boost(BoostClassifier::restore(about, stored)?),
            ModelKind::Logistic => Classifier::Logistic(Logistic::restore(about, stored)?),
            ModelKind::Knn => Classifier::Knn(KnnClassifier::restore(about, stored)?),
            ModelKind::Ridge => return Err(stored.damaged("a model of numbers for classes")),
        })
    }
}
