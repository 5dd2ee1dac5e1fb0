//! Forests that predict a class.

use linfa::ParamGuard;
use ndarray::{Array2, ArrayView2};

use super::ensemble::{Ensemble, grow_trees, require_few_enough};
use super::grow::Target;
use super::ordered::Sides;
use super::params::{ClassWeight, Criterion, ForestParams, ForestValidParams, MaxFeatures};
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::targets::{likeliest, require_classes, require_usable};

/// A random forest that predicts a class: the mean of the trees' class shares.
///
/// Defaults are scikit-learn's: 100 trees, gini, the square root of the number of features at every
/// node, grown until the leaves are pure. The same seed gives the same bits on any number of threads.
///
/// ```
/// use embedlab::forest::ForestClassifier;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((60, 3), |(row, column)| (row * (column + 1) % 17) as f32);
/// let classes: Vec<usize> = rows.column(0).iter().map(|x| usize::from(*x > 8.0)).collect();
/// let model = ForestClassifier::params().n_estimators(20).fit_rows(rows.view(), &classes, None)?;
/// assert_eq!(model.predict_rows(rows.view())?, classes);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: scikit-learn's `RandomForestClassifier`; Breiman, "Random Forests" (2001).
#[derive(Debug, Clone, PartialEq)]
pub struct ForestClassifier {
    pub(super) ensemble: Ensemble,
    pub(super) n_classes: usize,
    /// For each training row the mean class shares of the trees that have not seen it (n x classes;
    /// NaN where all have), when `oob_score` was asked for; not saved with the model.
    pub oob_probabilities: Option<Array2<f64>>,
}

impl ForestClassifier {
    /// Parameters with scikit-learn's defaults: 100 trees, gini, the square root of the features.
    pub fn params() -> ForestParams<ForestClassifier> {
        ForestParams::new(Criterion::Gini, MaxFeatures::Sqrt)
    }

    /// The number of features that rows must have.
    pub fn n_features(&self) -> usize {
        self.ensemble.n_features
    }

    /// The number of classes: the largest class of the training rows and 1.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// The trees.
    pub fn trees(&self) -> &[Tree] {
        &self.ensemble.trees
    }

    /// For each feature the share of all impurity that its splits took away; the shares sum to 1.
    pub fn feature_importance(&self) -> &[f64] {
        &self.ensemble.importance
    }

    /// The probability of each class for each row, n x classes.
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict_probabilities(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        self.ensemble.mean_values(rows)
    }

    /// The likeliest class of each row; of equally likely ones the first.
    ///
    /// # Errors
    /// As [`predict_probabilities`](ForestClassifier::predict_probabilities).
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<usize>> {
        Ok(likeliest(&self.predict_probabilities(rows)?))
    }

    /// The share of the training rows whose class the trees that have not seen them predict, when
    /// `oob_score` was asked for; rows that every tree has seen are left out.
    pub fn oob_accuracy(&self, labels: &[usize]) -> Option<f64> {
        let probabilities = self.oob_probabilities.as_ref()?;
        let seen: Vec<usize> =
            (0..probabilities.nrows()).filter(|row| !probabilities[[*row, 0]].is_nan()).collect();
        let predicted = likeliest(probabilities);
        let right = seen.iter().filter(|row| labels.get(**row) == Some(&predicted[**row])).count();
        (!seen.is_empty()).then(|| right as f64 / seen.len() as f64)
    }
}

impl ForestParams<ForestClassifier> {
    /// Checks the parameters and fits; see [`ForestValidParams::fit_rows`].
    ///
    /// # Errors
    /// As there, and when a parameter is out of its range.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        labels: &[usize],
        weights: Option<&[f64]>,
    ) -> Result<ForestClassifier> {
        self.check_ref()?.fit_rows(rows, labels, weights)
    }
}

impl ForestValidParams<ForestClassifier> {
    /// Fits rows (n x d) to n classes, numbered from 0; a row of weight 0 is left out.
    ///
    /// # Errors
    /// When the numbers of rows, labels and weights differ, there are none or only one class, a number
    /// is not finite or a weight is negative; when the criterion is one for numbers.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        labels: &[usize],
        weights: Option<&[f64]>,
    ) -> Result<ForestClassifier> {
        require_usable(rows, labels.len(), weights)?;
        require_few_enough(rows.nrows())?;
        if matches!(self.criterion, Criterion::SquaredError | Criterion::AbsoluteError) {
            return Err(Error::argument("a criterion for numbers")
                .seen(format!("{:?}", self.criterion).to_lowercase())
                .advice("a classification takes gini or entropy"));
        }
        let n_classes = require_classes(labels)?;
        let class_weights = self.class_weights(labels, n_classes)?;
        let weights: Vec<f64> = labels
            .iter()
            .enumerate()
            .map(|(row, label)| weights.map_or(1.0, |weights| weights[row]) * class_weights[*label])
            .collect();
        let codes: Vec<u32> = labels.iter().map(|label| *label as u32).collect();
        let (ensemble, oob_probabilities) = grow_trees(rows, &weights, self, || Target::Classes {
            codes: &codes,
            n_classes,
            sides: Sides::classes(self.criterion, n_classes),
        });
        Ok(ForestClassifier { ensemble, n_classes, oob_probabilities })
    }

    fn class_weights(&self, labels: &[usize], n_classes: usize) -> Result<Vec<f64>> {
        match &self.class_weight {
            ClassWeight::Uniform => Ok(vec![1.0; n_classes]),
            ClassWeight::Balanced => {
                let mut counts = vec![0_usize; n_classes];
                labels.iter().for_each(|label| counts[*label] += 1);
                let present = counts.iter().filter(|count| **count > 0).count();
                Ok(counts
                    .iter()
                    .map(|count| labels.len() as f64 / (present * (*count).max(1)) as f64)
                    .collect())
            }
            ClassWeight::Each(weights) if weights.len() != n_classes => {
                Err(Error::argument("class weights and classes of different number")
                    .seen(format!("{} weights, {n_classes} classes", weights.len())))
            }
            ClassWeight::Each(weights) => {
                match weights.iter().find(|weight| !(**weight > 0.0 && weight.is_finite())) {
                    Some(weight) => {
                        Err(Error::argument("class weights must be above 0").seen(weight.to_string()))
                    }
                    None => Ok(weights.clone()),
                }
            }
        }
    }
}
