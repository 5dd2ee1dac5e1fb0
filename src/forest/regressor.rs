//! Forests that predict a number.

use linfa::ParamGuard;
use ndarray::ArrayView2;

use super::ensemble::{Ensemble, grow_trees, require_few_enough};
use super::grow::Target;
use super::ordered::Sides;
use super::params::{Criterion, ForestParams, ForestValidParams, MaxFeatures};
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::targets::{require_finite_targets, require_usable};

/// A random forest that predicts a number: the mean of trees, each grown on its own draw of the rows.
///
/// Defaults are scikit-learn's: 100 trees, all features at every node, grown until the leaves are
/// pure. Each tree has its own random stream: the same seed gives the same bits on any number of
/// threads. Memory while fitting: one byte for each number of the rows, and the trees.
///
/// ```
/// use embedlab::forest::ForestRegressor;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((60, 3), |(row, column)| (row * (column + 1) % 17) as f32);
/// let stars: Vec<f64> = rows.column(0).iter().map(|x| if *x < 8.0 { 1.0 } else { 5.0 }).collect();
/// let model = ForestRegressor::params().n_estimators(20).seed(42).fit_rows(rows.view(), &stars, None)?;
/// let predicted = model.predict_rows(rows.view())?;
/// assert!((predicted[0] - stars[0]).abs() < 1.0);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: scikit-learn's `RandomForestRegressor`; Breiman, "Random Forests" (2001).
#[derive(Debug, Clone, PartialEq)]
pub struct ForestRegressor {
    pub(super) ensemble: Ensemble,
    /// For each training row the mean of the trees that have not seen it (NaN where all have), when
    /// `oob_score` was asked for; not saved with the model.
    pub oob_prediction: Option<Vec<f64>>,
}

impl ForestRegressor {
    /// Parameters with scikit-learn's defaults: 100 trees, squared error, all features; seed 42.
    pub fn params() -> ForestParams<ForestRegressor> {
        ForestParams::new(Criterion::SquaredError, MaxFeatures::All)
    }

    /// The number of features that rows must have.
    pub fn n_features(&self) -> usize {
        self.ensemble.n_features
    }

    /// The trees.
    pub fn trees(&self) -> &[Tree] {
        &self.ensemble.trees
    }

    /// For each feature the share of all impurity that its splits took away ("mean decrease in
    /// impurity"); the shares sum to 1. It favours features with many values; for groups of features
    /// use permutation.
    pub fn feature_importance(&self) -> &[f64] {
        &self.ensemble.importance
    }

    /// The prediction for each row (n x d).
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
        Ok(self.ensemble.mean_values(rows)?.into_raw_vec_and_offset().0)
    }
}

impl ForestParams<ForestRegressor> {
    /// Checks the parameters and fits; see [`ForestValidParams::fit_rows`].
    ///
    /// # Errors
    /// As there, and when a parameter is out of its range.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        targets: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<ForestRegressor> {
        self.check_ref()?.fit_rows(rows, targets, weights)
    }
}

impl ForestValidParams<ForestRegressor> {
    /// Fits rows (n x d) to n numbers; a row of weight 0 is left out.
    ///
    /// # Errors
    /// When the numbers of rows, targets and weights differ, there are none, a number is not finite or
    /// a weight is negative; when the criterion is one for classes.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        targets: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<ForestRegressor> {
        require_usable(rows, targets.len(), weights)?;
        require_few_enough(rows.nrows())?;
        require_finite_targets(targets)?;
        let ones = vec![1.0; targets.len()];
        let weights = weights.unwrap_or(&ones);
        match self.criterion {
            Criterion::SquaredError => Ok(self.fit_means(rows, targets, weights)),
            Criterion::AbsoluteError => Ok(self.fit_medians(rows, targets, weights)),
            Criterion::Gini | Criterion::Entropy => Err(Error::argument("a criterion for classes")
                .seen(format!("{:?}", self.criterion).to_lowercase())
                .advice("a regression takes squared_error or absolute_error")),
        }
    }

    /// Splits are chosen by targets of mean 0 and unit variance, whatever their scale, so that `f32` sums are
    /// good enough; the leaves are means of the targets as they are.
    fn fit_means(&self, rows: ArrayView2<'_, f32>, targets: &[f64], weights: &[f64]) -> ForestRegressor {
        let n = targets.len() as f64;
        let mean = targets.iter().map(|target| target / n).sum::<f64>();
        let variance = targets.iter().map(|target| (target - mean).powi(2) / n).sum::<f64>();
        let scale = if variance > 0.0 && variance.is_finite() { variance.sqrt() } else { 1.0 };
        let scaled: Vec<f32> = targets.iter().map(|target| ((target - mean) / scale) as f32).collect();
        let (ensemble, unseen) =
            grow_trees(rows, weights, self, || Target::Mean { targets, scaled: &scaled });
        ForestRegressor { ensemble, oob_prediction: unseen.map(|unseen| unseen.into_iter().collect()) }
    }

    fn fit_medians(&self, rows: ArrayView2<'_, f32>, targets: &[f64], weights: &[f64]) -> ForestRegressor {
        let mut values = targets.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let ranks: Vec<u32> =
            targets.iter().map(|target| values.partition_point(|value| value < target) as u32).collect();
        let (ensemble, unseen) = grow_trees(rows, weights, self, || Target::Median {
            ranks: &ranks,
            values: &values,
            sides: Sides::medians(values.clone()),
        });
        ForestRegressor { ensemble, oob_prediction: unseen.map(|unseen| unseen.into_iter().collect()) }
    }
}
