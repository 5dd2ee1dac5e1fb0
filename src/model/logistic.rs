//! Logistic regression: `linfa-logistic`'s, kept from the inputs that it cannot bear.

use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::MultiLogisticRegression;
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::linear::{dot, require_dims};
use super::params::{Parameters, Unchecked, refuse_weights};
use crate::error::{Error, Result};
use crate::rows::require_finite;
use crate::store::{Layout, Parts, Persist, Stored, in_json, persist};
use crate::targets::{likeliest, refuse_many_classes, require_classes, require_usable, softmax};

/// Rounds of the optimiser, and the length of the slope at which it stops: scikit-learn's.
const MAX_ITERATIONS: u64 = 1000;
const TOLERANCE: f64 = 1e-4;

/// Features that are further than this from their mean are scaled.
const LARGE: f64 = 10.0;

/// A linear model of classes: the softmax of one linear score for each class, with L2 regularisation of
/// strength `alpha` (`alpha / 2` times the squared length of the coefficients). scikit-learn's `C` is
/// `1 / alpha`.
///
/// The optimiser is `linfa-logistic`'s (L-BFGS). It works on features around their mean; when the largest of
/// those is above 10, all are divided by it, and `alpha` by its square, which leaves the optimum where it is:
/// `linfa-logistic` 0.8.1 takes one maximum over all rows in its log-sum-exp, so that a first step on
/// large features would cut off the loss of other rows.
///
/// ```
/// use embedlab::model::Logistic;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((60, 2), |(row, column)| ((row * (column + 1)) % 17) as f32 / 17.0);
/// let classes: Vec<usize> = rows.column(0).iter().map(|x| usize::from(*x > 0.5)).collect();
/// let model = Logistic::params().alpha(0.01).fit_rows(rows.view(), &classes, None)?;
/// assert_eq!(model.predict_rows(rows.view())?, classes);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: scikit-learn's `LogisticRegression`.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// Classes x features.
    coefficients: Array2<f32>,
    /// One for each class; minus infinity for a class without rows.
    intercepts: Vec<f64>,
}

/// Parameters of [`Logistic`].
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticParams {
    alpha: f64,
}

impl Unchecked<LogisticParams> {
    /// The L2 strength, 0 or above. Default: 1.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.0.alpha = alpha;
        self
    }
}

impl Parameters for LogisticParams {
    fn check(&self) -> Result<()> {
        if !(self.alpha >= 0.0 && self.alpha.is_finite()) {
            return Err(Error::argument("alpha must be 0 or above").seen(self.alpha.to_string()));
        }
        Ok(())
    }
}

impl LogisticParams {
    /// Fits rows (n x d) to n classes, numbered from 0. Weights are refused.
    ///
    /// # Errors
    /// When the numbers of rows and labels differ, there are none, only one class or more than 1,000, a number is not
    /// finite, or the optimiser fails.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        labels: &[usize],
        weights: Option<&[f64]>,
    ) -> Result<Logistic> {
        refuse_weights("logistic regression", weights)?;
        require_usable(rows, labels.len(), None)?;
        let n_classes = require_classes(labels)?;
        refuse_many_classes("logistic regression", n_classes)?;
        let (n, d) = rows.dim();
        let means: Vec<f64> = rows
            .columns()
            .into_iter()
            .map(|column| column.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64)
            .collect();
        let mut centred =
            Array2::from_shape_fn((n, d), |(row, column)| f64::from(rows[[row, column]]) - means[column]);
        let largest = centred.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        let scale = if largest > LARGE { largest } else { 1.0 };
        if scale > 1.0 {
            centred /= scale;
        }
        let failed = |error: linfa_logistic::error::Error| {
            Error::input("no logistic regression could be fitted")
                .source(error)
                .advice("raise alpha, or scale the features")
        };
        let dataset = DatasetBase::new(centred, Array1::from(labels.to_vec()));
        let fitted = MultiLogisticRegression::default()
            .alpha(self.alpha / (scale * scale))
            .max_iterations(MAX_ITERATIONS)
            .gradient_tolerance(TOLERANCE)
            .fit(&dataset)
            .map_err(failed)?;
        // A class without training rows is never predicted.
        let mut coefficients = Array2::zeros((n_classes, d));
        let mut intercepts = vec![f64::NEG_INFINITY; n_classes];
        for (at, class) in fitted.classes().iter().enumerate() {
            let lines = fitted.params().column(at);
            intercepts[*class] = fitted.intercept()[at];
            for (feature, line) in lines.iter().enumerate() {
                let coefficient = (line / scale) as f32;
                coefficients[[*class, feature]] = coefficient;
                intercepts[*class] -= f64::from(coefficient) * means[feature];
            }
        }
        if coefficients.iter().any(|x| !x.is_finite()) || intercepts.iter().any(|x| x.is_nan()) {
            return Err(Error::input("no logistic regression could be fitted")
                .seen("coefficients that are not finite")
                .advice("raise alpha, or scale the features"));
        }
        Ok(Logistic { coefficients, intercepts })
    }
}

impl Logistic {
    /// Parameters with scikit-learn's defaults: alpha 1.
    pub fn params() -> Unchecked<LogisticParams> {
        Unchecked(LogisticParams { alpha: 1.0 })
    }

    /// The coefficients, classes x features.
    pub fn coefficients(&self) -> ArrayView2<'_, f32> {
        self.coefficients.view()
    }

    /// The intercept of each class; minus infinity for a class without rows.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// The probability of each class for each row, n x classes.
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict_probabilities(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        require_dims(rows, self.coefficients.ncols())?;
        require_finite(rows)?;
        let mut scores = Array2::zeros((rows.nrows(), self.intercepts.len()));
        for (row, mut scores) in rows.rows().into_iter().zip(scores.rows_mut()) {
            for (class, line) in self.coefficients.rows().into_iter().enumerate() {
                scores[class] = self.intercepts[class] + dot(row, line.as_slice().unwrap_or_default());
            }
            softmax(scores.as_slice_mut().unwrap_or_default());
        }
        Ok(scores)
    }

    /// The likeliest class of each row; of equally likely ones the first.
    ///
    /// # Errors
    /// As [`predict_probabilities`](Logistic::predict_probabilities).
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<usize>> {
        Ok(likeliest(&self.predict_probabilities(rows)?))
    }
}

/// JSON knows no infinity: a class without rows has no intercept.
#[derive(Serialize, Deserialize)]
struct Metadata {
    intercepts: Vec<Option<f64>>,
}

impl Persist for Logistic {
    const LAYOUT: Layout = Layout { kind: "logistic", version: 1 };

    fn parts(&self) -> Result<Parts> {
        let intercepts = self.intercepts.iter().map(|x| x.is_finite().then_some(*x)).collect();
        let about = in_json(&Metadata { intercepts })?;
        Ok(Parts { about, matrices: vec![("coefficients", self.coefficients.clone())] })
    }

    fn restore(about: Value, stored: &Stored) -> Result<Logistic> {
        let Metadata { intercepts } = serde_json::from_value(about)
            .map_err(|error| stored.damaged("no logistic regression").source(error))?;
        let coefficients = stored.matrix("coefficients")?;
        if coefficients.nrows() != intercepts.len()
            || intercepts.iter().flatten().count() < 2
            || coefficients.iter().any(|x| !x.is_finite())
        {
            return Err(stored.damaged("coefficients that do not fit their classes"));
        }
        let intercepts = intercepts.into_iter().map(|x| x.unwrap_or(f64::NEG_INFINITY)).collect();
        Ok(Logistic { coefficients, intercepts })
    }
}

persist!(Logistic);
