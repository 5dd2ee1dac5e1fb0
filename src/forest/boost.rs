//! Gradient boosting: small trees one after another, each on what the ones before it got wrong.

use std::marker::PhantomData;

use linfa::ParamGuard;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::bins::Bins;
use super::ensemble::{Ensemble, require_few_enough, stream};
use super::grow::{Growth, Target, grow};
use super::leaves::{Leaves, Values};
use super::tree::Tree;
use super::walk::leaves_of;
use crate::error::{Error, Result};
use crate::progress::steps;
use crate::targets::{
    likeliest, refuse_many_classes, require_classes, require_finite_targets, require_usable, softmax,
};

/// The least curvature of the loss at a row: below it a step would be a division by next to nothing.
const LEAST_CURVATURE: f64 = 1e-6;

/// Boosted trees that predict a number: each tree is fitted to what is left of the targets, and a
/// tenth of it is taken.
///
/// Defaults are those of scikit-learn's `HistGradientBoostingRegressor`: 100 trees of at most 31
/// leaves with at least 20 rows each, learning rate 0.1, squared error. The same bits on any number
/// of threads.
///
/// ```
/// use embedlab::forest::BoostRegressor;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((200, 3), |(row, column)| (row * (column + 1) % 17) as f32);
/// let stars: Vec<f64> = rows.column(0).iter().map(|x| if *x < 8.0 { 1.0 } else { 5.0 }).collect();
/// let model = BoostRegressor::params().fit_rows(rows.view(), &stars, None)?;
/// assert!((model.predict_rows(rows.view())?[0] - stars[0]).abs() < 0.1);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: Friedman, "Greedy function approximation" (2001); Chen and Guestrin, "XGBoost" (2016),
/// for the step by gradient and curvature.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostRegressor {
    pub(super) ensemble: Ensemble,
    /// What is predicted before the first tree.
    pub(super) start: Vec<f64>,
}

/// Boosted trees that predict a class: in each round one tree a class (one in all for two classes)
/// takes a step on the logistic loss.
///
/// Defaults as [`BoostRegressor`]'s: 100 rounds, 31 leaves, 20 rows a leaf, learning rate 0.1.
///
/// ```
/// use embedlab::forest::BoostClassifier;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((200, 3), |(row, column)| (row * (column + 1) % 17) as f32);
/// let classes: Vec<usize> = rows.column(0).iter().map(|x| usize::from(*x > 8.0)).collect();
/// let model = BoostClassifier::params().fit_rows(rows.view(), &classes, None)?;
/// assert_eq!(model.predict_rows(rows.view())?, classes);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: scikit-learn's `HistGradientBoostingClassifier`.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostClassifier {
    pub(super) ensemble: Ensemble,
    /// The scores before the first tree: one for each class, or one in all for two classes.
    pub(super) start: Vec<f64>,
}

/// Parameters of boosting, not yet checked. Names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostParams<M>(BoostValidParams<M>);

/// Checked parameters of boosting.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostValidParams<M> {
    max_iter: usize,
    learning_rate: f64,
    max_leaf_nodes: Option<usize>,
    max_depth: Option<usize>,
    min_samples_leaf: usize,
    max_bins: usize,
    seed: u64,
    kind: PhantomData<M>,
}

impl<M> BoostParams<M> {
    fn new() -> Self {
        BoostParams(BoostValidParams {
            max_iter: 100,
            learning_rate: 0.1,
            max_leaf_nodes: Some(31),
            max_depth: None,
            min_samples_leaf: 20,
            max_bins: 255,
            seed: 42,
            kind: PhantomData,
        })
    }

    /// The number of rounds. Default: 100.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.0.max_iter = max_iter;
        self
    }

    /// The share of each tree's step that is taken, above 0 and at most 1. Default: 0.1.
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.0.learning_rate = learning_rate;
        self
    }

    /// The most leaves of a tree. Default: 31.
    pub fn max_leaf_nodes(mut self, max_leaf_nodes: impl Into<Option<usize>>) -> Self {
        self.0.max_leaf_nodes = max_leaf_nodes.into();
        self
    }

    /// The most splits from the root to a leaf. Default: no limit.
    pub fn max_depth(mut self, max_depth: impl Into<Option<usize>>) -> Self {
        self.0.max_depth = max_depth.into();
        self
    }

    /// The fewest rows of a leaf. Default: 20.
    pub fn min_samples_leaf(mut self, min_samples_leaf: usize) -> Self {
        self.0.min_samples_leaf = min_samples_leaf;
        self
    }

    /// The most bins of a feature, 2 to 255. Default: 255.
    pub fn max_bins(mut self, max_bins: usize) -> Self {
        self.0.max_bins = max_bins;
        self
    }

    /// The seed; it decides between equal splits. Default: 42.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }
}

impl<M> ParamGuard for BoostParams<M> {
    type Checked = BoostValidParams<M>;
    type Error = Error;

    fn check_ref(&self) -> Result<&BoostValidParams<M>> {
        let params = &self.0;
        for (name, value, least) in [
            ("max_iter", params.max_iter, 1),
            ("min_samples_leaf", params.min_samples_leaf, 1),
            ("max_depth", params.max_depth.unwrap_or(1), 1),
            ("max_leaf_nodes", params.max_leaf_nodes.unwrap_or(2), 2),
            ("max_bins", params.max_bins, 2),
        ] {
            if value < least {
                return Err(Error::argument(format!("{name} is too small"))
                    .seen(value.to_string())
                    .advice(format!("give at least {least}")));
            }
        }
        if params.max_bins > 255 {
            return Err(Error::argument("max_bins is too large")
                .seen(params.max_bins.to_string())
                .advice("give at most 255: a bin is one byte"));
        }
        if !(params.learning_rate > 0.0 && params.learning_rate <= 1.0) {
            return Err(Error::argument("the learning rate is not above 0 and at most 1")
                .seen(params.learning_rate.to_string()));
        }
        Ok(params)
    }

    fn check(self) -> Result<BoostValidParams<M>> {
        self.check_ref()?;
        Ok(self.0)
    }
}

/// The slope and the curvature of the loss at each row, for one score.
struct Slopes {
    gradient: Vec<f64>,
    curvature: Vec<f64>,
}

impl<M: Sync> BoostValidParams<M> {
    /// Rounds of trees. `predictions` makes predictions of the scores so far (n x width), once a round;
    /// `slopes` gives, for those and one of the scores, the slope and the curvature of the loss at each row.
    fn rounds(
        &self,
        rows: ArrayView2<'_, f32>,
        weights: Option<&[f64]>,
        start: &[f64],
        predictions: impl Fn(&Array2<f64>) -> Array2<f64>,
        slopes: impl Fn(&Array2<f64>, usize) -> Slopes + Sync,
    ) -> Ensemble {
        let bins = Bins::new(rows, self.max_bins, self.seed);
        let growth = Growth {
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_samples_split: 2,
            min_samples_leaf: self.min_samples_leaf,
            max_leaf_nodes: self.max_leaf_nodes,
            n_candidates: rows.ncols(),
            extra_trees: false,
            shared_search: true,
        };
        let (n, width) = (rows.nrows(), start.len());
        let rows = rows.as_standard_layout();
        let mut scores = Array2::from_shape_fn((n, width), |(_, score)| start[score]);
        let mut importance = vec![0.0; rows.ncols()];
        let mut trees = Vec::with_capacity(self.max_iter * width);
        let rounds = steps("rounds", self.max_iter);
        for round in 0..self.max_iter {
            rounds.add(usize::from(round > 0));
            let predicted = predictions(&scores);
            let grown: Vec<(Tree, Vec<f64>, Vec<u32>)> = (0..width)
                .into_par_iter()
                .map(|score| {
                    let Slopes { gradient, curvature } = slopes(&predicted, score);
                    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
                    let steps: Vec<f64> = (0..n).map(|row| -gradient[row] / curvature[row]).collect();
                    let scaled: Vec<f32> = steps.iter().map(|step| *step as f32).collect();
                    let weights: Vec<f32> = (0..n).map(|row| (weight(row) * curvature[row]) as f32).collect();
                    let mut random = stream(self.seed, round * width + score);
                    let mut importance = vec![0.0; rows.ncols()];
                    let mut target = Target::Mean { targets: &steps, scaled: &scaled };
                    let tree = grow(&bins, &mut target, &weights, &growth, &mut random, &mut importance);
                    let mut leaves = vec![0; n];
                    leaves_of(&tree, rows.view(), |row, leaf| leaves[row] = leaf as u32);
                    (tree, importance, leaves)
                })
                .collect();
            for (score, (tree, of_tree, leaves)) in grown.into_iter().enumerate() {
                let numbers: Vec<f64> =
                    (0..tree.n_leaves()).map(|leaf| tree.leaves.of(leaf)[0] * self.learning_rate).collect();
                for (row, leaf) in leaves.into_iter().enumerate() {
                    scores[[row, score]] += numbers[leaf as usize];
                }
                importance.iter_mut().zip(of_tree).for_each(|(sum, value)| *sum += value);
                // A tree has a number for one score and none for the others.
                let leaves = Leaves { width, values: Values::Numbers { place: score, numbers } };
                trees.push(Tree { nodes: tree.nodes, leaves });
            }
        }
        let total: f64 = importance.iter().sum();
        if total > 0.0 {
            importance.iter_mut().for_each(|value| *value /= total);
        }
        Ensemble { trees, n_features: rows.ncols(), importance }
    }
}

impl BoostRegressor {
    /// Parameters with their defaults.
    pub fn params() -> BoostParams<BoostRegressor> {
        BoostParams::new()
    }

    /// The number of features that rows must have.
    pub fn n_features(&self) -> usize {
        self.ensemble.n_features
    }

    /// The trees, round by round.
    pub fn trees(&self) -> &[Tree] {
        &self.ensemble.trees
    }

    /// For each feature the share of all gain that its splits made; the shares sum to 1.
    pub fn feature_importance(&self) -> &[f64] {
        &self.ensemble.importance
    }

    /// The prediction for each row (n x d).
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
        let sums = self.ensemble.sums(rows)?;
        Ok(sums.iter().map(|sum| sum + self.start[0]).collect())
    }
}

impl BoostParams<BoostRegressor> {
    /// Checks the parameters and fits; see [`BoostValidParams::fit_rows`].
    ///
    /// # Errors
    /// As there, and when a parameter is out of its range.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        targets: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<BoostRegressor> {
        self.check_ref()?.fit_rows(rows, targets, weights)
    }
}

impl BoostValidParams<BoostRegressor> {
    /// Fits rows (n x d) to n numbers; a row of weight 0 is left out.
    ///
    /// # Errors
    /// When the numbers of rows, targets and weights differ, there are none, a number is not finite or
    /// a weight is negative.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        targets: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<BoostRegressor> {
        require_usable(rows, targets.len(), weights)?;
        require_few_enough(rows.nrows())?;
        require_finite_targets(targets)?;
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let total: f64 = (0..targets.len()).map(weight).sum();
        let mean = targets.iter().enumerate().map(|(row, target)| weight(row) / total * target).sum::<f64>();
        // Trees see residuals of about unit size, whatever the scale of the targets.
        let variance: f64 = targets.iter().map(|target| (target - mean).powi(2)).sum::<f64>() / total;
        let scale = if variance > 0.0 && variance.is_finite() { variance.sqrt() } else { 1.0 };
        let scaled: Vec<f64> = targets.iter().map(|target| (target - mean) / scale).collect();
        let mut ensemble = self.rounds(rows, weights, &[0.0], Array2::clone, |scores, _| Slopes {
            gradient: scores.iter().zip(&scaled).map(|(score, target)| score - target).collect(),
            curvature: vec![1.0; scaled.len()],
        });
        for tree in &mut ensemble.trees {
            if let Values::Numbers { numbers, .. } = &mut tree.leaves.values {
                numbers.iter_mut().for_each(|number| *number *= scale);
            }
        }
        Ok(BoostRegressor { ensemble, start: vec![mean] })
    }
}

impl BoostClassifier {
    /// Parameters with their defaults.
    pub fn params() -> BoostParams<BoostClassifier> {
        BoostParams::new()
    }

    /// The number of features that rows must have.
    pub fn n_features(&self) -> usize {
        self.ensemble.n_features
    }

    /// The number of classes: the largest class of the training rows and 1.
    pub fn n_classes(&self) -> usize {
        self.start.len().max(2)
    }

    /// The trees, round by round and in a round class by class.
    pub fn trees(&self) -> &[Tree] {
        &self.ensemble.trees
    }

    /// For each feature the share of all gain that its splits made; the shares sum to 1.
    pub fn feature_importance(&self) -> &[f64] {
        &self.ensemble.importance
    }

    /// The probability of each class for each row, n x classes.
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict_probabilities(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        let mut scores = self.ensemble.sums(rows)?;
        for mut row in scores.rows_mut() {
            row.iter_mut().zip(&self.start).for_each(|(score, start)| *score += start);
        }
        if self.start.len() == 1 {
            let n = scores.nrows();
            return Ok(Array2::from_shape_fn((n, 2), |(row, class)| {
                let second = logistic(scores[[row, 0]]);
                if class == 1 { second } else { 1.0 - second }
            }));
        }
        scores.rows_mut().into_iter().for_each(|mut row| softmax(row.as_slice_mut().unwrap_or_default()));
        Ok(scores)
    }

    /// The likeliest class of each row; of equally likely ones the first.
    ///
    /// # Errors
    /// As [`predict_probabilities`](BoostClassifier::predict_probabilities).
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<usize>> {
        Ok(likeliest(&self.predict_probabilities(rows)?))
    }
}

fn logistic(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

impl BoostParams<BoostClassifier> {
    /// Checks the parameters and fits; see [`BoostValidParams::fit_rows`].
    ///
    /// # Errors
    /// As there, and when a parameter is out of its range.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        labels: &[usize],
        weights: Option<&[f64]>,
    ) -> Result<BoostClassifier> {
        self.check_ref()?.fit_rows(rows, labels, weights)
    }
}

impl BoostValidParams<BoostClassifier> {
    /// Fits rows (n x d) to n classes, numbered from 0; a row of weight 0 is left out.
    ///
    /// # Errors
    /// When the numbers of rows, labels and weights differ, there are none, only one class or more than 1,000, a number
    /// is not finite or a weight is negative.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        labels: &[usize],
        weights: Option<&[f64]>,
    ) -> Result<BoostClassifier> {
        require_usable(rows, labels.len(), weights)?;
        require_few_enough(rows.nrows())?;
        let n_classes = require_classes(labels)?;
        refuse_many_classes("boosted trees", n_classes)?;
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let total: f64 = (0..labels.len()).map(weight).sum();
        let mut shares = vec![0.0; n_classes];
        labels.iter().enumerate().for_each(|(row, label)| shares[*label] += weight(row) / total);
        // The start is what the shares of the classes say; a class without rows starts very low.
        let log = |share: f64| share.max(1e-12).ln();
        let start: Vec<f64> = match shares.as_slice() {
            [first, second] => vec![log(*second) - log(*first)],
            shares => shares.iter().map(|share| log(*share)).collect(),
        };
        let probabilities = |scores: &Array2<f64>| {
            let mut probabilities = scores.clone();
            match start.len() {
                1 => probabilities.mapv_inplace(logistic),
                _ => probabilities
                    .rows_mut()
                    .into_iter()
                    .for_each(|mut row| softmax(row.as_slice_mut().unwrap_or_default())),
            }
            probabilities
        };
        let ensemble = self.rounds(rows, weights, &start, probabilities, |probabilities, class| {
            let wanted = if start.len() == 1 { 1 } else { class };
            let probabilities = probabilities.column(class);
            Slopes {
                gradient: probabilities
                    .iter()
                    .zip(labels)
                    .map(|(p, label)| p - if *label == wanted { 1.0 } else { 0.0 })
                    .collect(),
                curvature: probabilities.iter().map(|p| (p * (1.0 - p)).max(LEAST_CURVATURE)).collect(),
            }
        });
        Ok(BoostClassifier { ensemble, start })
    }
}
