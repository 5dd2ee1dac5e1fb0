//! Linear regression without regularisation, also where the features are dependent.

use faer::linalg::matmul::matmul;
use faer::linalg::solvers::{Llt, Solve};
use faer::{Accum, Mat, MatRef, Par, Side};
use ndarray::ArrayView2;

use crate::error::{Error, Result};
use crate::rows::eigenvectors;

/// Singular values below this share of the largest count as 0: scikit-learn's `tol` (1.9).
const SMALLEST: f64 = 1e-6;

/// The solution of least length of all that are nearest to the targets (n), with an intercept: scikit-learn's
/// `LinearRegression`.
pub(super) struct LeastSquares {
    coefficients: Vec<f64>,
    intercept: f64,
}

impl LeastSquares {
    pub fn fit(rows: ArrayView2<'_, f32>, targets: &[f64]) -> Result<Self> {
        let (n, d) = rows.dim();
        let mean = targets.iter().sum::<f64>() / n as f64;
        let means: Vec<f64> = rows
            .columns()
            .into_iter()
            .map(|column| column.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64)
            .collect();
        let centred = Mat::from_fn(n, d, |row, column| f64::from(rows[[row, column]]) - means[column]);
        let wanted = Mat::from_fn(n, 1, |row, _| targets[row] - mean);
        let solved = if n > d {
            let projected = product(centred.transpose(), wanted.as_ref());
            solve(product(centred.transpose(), centred.as_ref()), projected)?
        } else {
            // Of least length is the solution in the space of the rows.
            let dual = solve(product(centred.as_ref(), centred.transpose()), wanted)?;
            product(centred.transpose(), dual.as_ref())
        };
        let coefficients: Vec<f64> = (0..d).map(|column| solved[(column, 0)]).collect();
        let intercept = mean - coefficients.iter().zip(&means).map(|(w, mean)| w * mean).sum::<f64>();
        if !intercept.is_finite() {
            return Err(Error::input("numbers too large for a linear model").advice("scale the vectors"));
        }
        Ok(LeastSquares { coefficients, intercept })
    }

    pub fn predict(&self, rows: ArrayView2<'_, f32>) -> Vec<f64> {
        rows.rows()
            .into_iter()
            .map(|row| {
                self.intercept
                    + row.iter().zip(&self.coefficients).map(|(x, w)| f64::from(*x) * w).sum::<f64>()
            })
            .collect()
    }
}

/// On one thread: the bits must not depend on how many there are.
fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// Solves `gram x = b` in the space of its large eigenvalues.
fn solve(gram: Mat<f64>, b: Mat<f64>) -> Result<Mat<f64>> {
    if let Ok(factor) = Llt::new(gram.as_ref(), Side::Lower) {
        let lower = factor.L();
        let diagonal = || (0..gram.nrows()).map(|at| lower[(at, at)]);
        let (least, most) = diagonal().fold((f64::INFINITY, 0.0_f64), |(a, b), x| (a.min(x), b.max(x)));
        // Far from where small singular values would be cut off.
        if least > 1e-3 * most {
            return Ok(factor.solve(&b));
        }
    }
    let (values, vectors) = eigenvectors(gram.as_ref())?;
    let largest = values.iter().copied().fold(0.0_f64, f64::max);
    let mut along = product(vectors.transpose(), b.as_ref());
    for (at, value) in values.iter().enumerate() {
        let kept = *value > SMALLEST * SMALLEST * largest && *value > 0.0;
        along[(at, 0)] = if kept { along[(at, 0)] / value } else { 0.0 };
    }
    Ok(product(vectors.as_ref(), along.as_ref()))
}
