//! Ridge regression: least squares with L2 regularisation.

use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};
use faer::linalg::solvers::{Llt, Solve};
use faer::{Accum, Mat, Par, Side};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::linear::dot;
use super::params::{Parameters, Unchecked};
use crate::error::{Error, Result};
use crate::rows::require_finite;
use crate::store::{Layout, Parts, Persist, Stored, in_json, persist};
use crate::targets::{require_finite_targets, require_usable};

/// A linear model of a number: least squares with L2 regularisation of strength `alpha`; the intercept is
/// not regularised.
///
/// Solved exactly by Cholesky, over the features or, when there are fewer rows, over the rows.
/// Computed in `f64`; the coefficients are kept as `f32`.
///
/// ```
/// use embedlab::model::Ridge;
/// use ndarray::array;
/// let rows = array![[0.0_f32, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]];
/// let model = Ridge::params().alpha(1e-6).fit_rows(rows.view(), &[1.0, 3.0, 5.0, 7.0], None)?;
/// assert!((model.predict_rows(rows.view())?[2] - 5.0).abs() < 1e-4);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: scikit-learn's `Ridge`; Hoerl and Kennard (1970).
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    coefficients: Vec<f32>,
    intercept: f64,
}

/// Parameters of [`Ridge`].
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeParams {
    alpha: f64,
}

impl Unchecked<RidgeParams> {
    /// The L2 strength, above 0. Default: 1.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.0.alpha = alpha;
        self
    }
}

impl Parameters for RidgeParams {
    fn check(&self) -> Result<()> {
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return Err(Error::argument("alpha must be above 0").seen(self.alpha.to_string()));
        }
        Ok(())
    }
}

impl RidgeParams {
    /// Fits rows (n x d) to n numbers, with a weight for each row or none.
    ///
    /// # Errors
    /// When the numbers of rows, targets and weights differ, there are none, a number is not finite, or a
    /// weight is negative.
    pub fn fit_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        targets: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<Ridge> {
        require_usable(rows, targets.len(), weights)?;
        require_finite_targets(targets)?;
        let alpha = self.alpha;
        let (n, d) = rows.dim();
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let total: f64 = (0..n).map(weight).sum();
        let mut means = vec![0.0; d];
        for (row, numbers) in rows.rows().into_iter().enumerate() {
            let share = weight(row) / total;
            means.iter_mut().zip(numbers).for_each(|(mean, x)| *mean += share * f64::from(*x));
        }
        let mean: f64 = targets.iter().enumerate().map(|(row, target)| weight(row) / total * target).sum();
        // Rows around their mean, each by the root of its weight.
        let centred = Mat::from_fn(n, d, |row, column| {
            weight(row).sqrt() * (f64::from(rows[[row, column]]) - means[column])
        });
        let wanted = Mat::from_fn(n, 1, |row, _| weight(row).sqrt() * (targets[row] - mean));
        let solved = if n < d {
            // (X X' + alpha) a = y, w = X' a: as good, and smaller.
            let dual = solve(centred.as_ref(), alpha, wanted.as_ref())?;
            centred.transpose() * dual
        } else {
            let projected = centred.transpose() * &wanted;
            solve(centred.transpose(), alpha, projected.as_ref())?
        };
        let coefficients: Vec<f32> = (0..d).map(|column| solved[(column, 0)] as f32).collect();
        let intercept =
            mean - coefficients.iter().zip(&means).map(|(w, mean)| f64::from(*w) * mean).sum::<f64>();
        if !intercept.is_finite() {
            return Err(Error::input("numbers too large for a linear model").advice("scale the features"));
        }
        Ok(Ridge { coefficients, intercept })
    }
}

impl Ridge {
    /// Parameters with scikit-learn's defaults: alpha 1.
    pub fn params() -> Unchecked<RidgeParams> {
        Unchecked(RidgeParams { alpha: 1.0 })
    }

    /// One coefficient for each feature.
    pub fn coefficients(&self) -> &[f32] {
        &self.coefficients
    }

    /// What is predicted for a row of zeros.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// The prediction for each row (n x d).
    ///
    /// # Errors
    /// When the dimensions differ from the model's, or a number is not finite.
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
        super::linear::require_dims(rows, self.coefficients.len())?;
        require_finite(rows)?;
        Ok(rows.rows().into_iter().map(|row| self.intercept + dot(row, &self.coefficients)).collect())
    }
}

/// Solves `(A A' + alpha) x = b`.
fn solve(a: faer::MatRef<'_, f64>, alpha: f64, b: faer::MatRef<'_, f64>) -> Result<Mat<f64>> {
    let n = a.nrows();
    let mut gram = Mat::zeros(n, n);
    // One thread: the bits must not depend on how many there are.
    triangular_matmul(
        gram.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        a,
        BlockStructure::Rectangular,
        a.transpose(),
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    for at in 0..n {
        gram[(at, at)] += alpha;
    }
    let cholesky = Llt::new(gram.as_ref(), Side::Lower).map_err(|_| {
        Error::input("no linear model could be fitted").advice("raise alpha, or scale the features")
    })?;
    Ok(cholesky.solve(b))
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    intercept: f64,
}

impl Persist for Ridge {
    const LAYOUT: Layout = Layout { kind: "ridge", version: 1 };

    fn parts(&self) -> Result<Parts> {
        let coefficients =
            Array2::from_shape_fn((1, self.coefficients.len()), |(_, at)| self.coefficients[at]);
        let about = in_json(&Metadata { intercept: self.intercept })?;
        Ok(Parts { about, matrices: vec![("coefficients", coefficients)] })
    }

    fn restore(about: Value, stored: &Stored) -> Result<Ridge> {
        let Metadata { intercept } =
            serde_json::from_value(about).map_err(|error| stored.damaged("no ridge").source(error))?;
        let coefficients = stored.matrix("coefficients")?;
        if coefficients.nrows() != 1 || !intercept.is_finite() || coefficients.iter().any(|x| !x.is_finite())
        {
            return Err(stored.damaged("coefficients that are not numbers"));
        }
        Ok(Ridge { coefficients: coefficients.iter().copied().collect(), intercept })
    }
}

persist!(Ridge);
