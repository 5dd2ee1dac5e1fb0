//! Maps from the space of one model to that of another, from rows that both have.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Accum, Mat, MatRef, Par, Spec};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use super::linear_map::LinearMap;
use crate::error::{Error, Result};
use crate::rows::{eigenvectors, require_finite};

/// The penalties that [`ridge`] tries, in shares of the mean variance of a dimension of the old rows.
pub const RIDGE_PENALTIES: [f64; 6] = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];

/// The share of the rows by which [`ridge`] chooses its penalty: one of so many, in turn.
const EVERY: usize = 5;

/// Rows that are taken to `f64` at once.
const BLOCK: usize = 512;

/// The turn (with a shift and one scale) that takes `old` (n x d) nearest to `new` (n x e) in least squares: orthogonal
/// Procrustes (Schönemann 1966) of the centred rows, so angles are kept. With other dimensions it is a turn into, or
/// out of, the larger space.
///
/// # Errors
/// With fewer than two rows, another number of rows on each side, rows that are all equal, and numbers that are not
/// finite.
pub fn procrustes(old: ArrayView2<'_, f32>, new: ArrayView2<'_, f32>) -> Result<LinearMap> {
    let moments = Moments::of(old, new, |_| true)?;
    let (rows, columns) = (old.ncols(), new.ncols());
    let size = rows.min(columns);
    let (mut left, mut right) = (Mat::<f64>::zeros(rows, size), Mat::<f64>::zeros(columns, size));
    let mut values = faer::diag::Diag::<f64>::zeros(size);
    let thin = ComputeSvdVectors::Thin;
    let mut memory = MemBuffer::new(svd_scratch::<f64>(rows, columns, thin, thin, Par::Seq, Spec::default()));
    let (u, v) = (Some(left.as_mut()), Some(right.as_mut()));
    svd(
        moments.across.as_ref(),
        values.as_mut(),
        u,
        v,
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    )
    .map_err(|error| Error::input("the singular values do not converge").seen(format!("{error:?}")))?;
    let sum: f64 = values.column_vector().iter().sum();
    let spread: f64 = (0..rows).map(|at| moments.within[(at, at)]).sum();
    if spread <= 0.0 || sum <= 0.0 {
        return Err(Error::input("rows that are all equal cannot be aligned")
            .with_code("no-spread")
            .advice("give rows of different texts"));
    }
    // Into a smaller space some of the spread is lost, and does not count.
    let kept = match rows > columns {
        true => {
            let mut part = Mat::<f64>::zeros(rows, size);
            matmul(part.as_mut(), Accum::Replace, moments.within.as_ref(), left.as_ref(), 1.0, Par::Seq);
            (0..size).map(|c| (0..rows).map(|r| left[(r, c)] * part[(r, c)]).sum::<f64>()).sum()
        }
        false => spread,
    };
    let scale = if kept > 0.0 { sum / kept } else { 1.0 };
    let mut turn = Mat::<f64>::zeros(rows, columns);
    matmul(turn.as_mut(), Accum::Replace, left.as_ref(), right.transpose(), scale, Par::Seq);
    Ok(moments.map(turn.as_ref(), format!("orthogonal Procrustes of {} rows", old.nrows())))
}

/// The linear map from `old` (n x d) to `new` (n x e) by ridge regression, as scikit-learn's `Ridge`; and the penalty
/// that was taken: of [`RIDGE_PENALTIES`] the one with the smallest error on a fifth of the rows.
///
/// # Errors
/// As [`procrustes`], and with fewer than ten rows.
pub fn ridge(old: ArrayView2<'_, f32>, new: ArrayView2<'_, f32>) -> Result<(LinearMap, f64)> {
    if old.nrows() < 10 {
        return Err(too_few(old.nrows(), 10));
    }
    let fit = Moments::of(old, new, |row| row % EVERY != 0)?;
    let held = Moments::of(old, new, |row| row % EVERY == 0)?.about(&fit);
    let solver = Solver::new(&fit)?;
    let mut best = (f64::INFINITY, RIDGE_PENALTIES[0]);
    for penalty in RIDGE_PENALTIES {
        let weights = solver.solve(&fit, penalty);
        let error = held.error(weights.as_ref());
        if error < best.0 {
            best = (error, penalty);
        }
    }
    let all = Moments::of(old, new, |_| true)?;
    let weights = Solver::new(&all)?.solve(&all, best.1);
    Ok((all.map(weights.as_ref(), format!("ridge regression of {} rows", old.nrows())), best.1))
}

fn too_few(rows: usize, needed: usize) -> Error {
    Error::input("too few rows that both files have")
        .with_code("too-few-rows")
        .seen(rows.to_string())
        .advice(format!("at least {needed} are needed; as many as there are dimensions are better"))
}

/// Sums of squares and products about the means.
struct Moments {
    n: f64,
    mean_old: Array1<f64>,
    mean_new: Array1<f64>,
    /// Of the old dimensions with each other.
    within: Mat<f64>,
    /// Of the old with the new.
    across: Mat<f64>,
}

impl Moments {
    fn of(
        old: ArrayView2<'_, f32>,
        new: ArrayView2<'_, f32>,
        take: impl Fn(usize) -> bool,
    ) -> Result<Moments> {
        require_finite(old)?;
        require_finite(new)?;
        if old.nrows() != new.nrows() {
            return Err(Error::argument("another number of old rows than of new ones").seen(format!(
                "{} and {}",
                old.nrows(),
                new.nrows()
            )));
        }
        let rows: Vec<usize> = (0..old.nrows()).filter(|row| take(*row)).collect();
        if rows.len() < 2 {
            return Err(too_few(rows.len(), 2));
        }
        let n = rows.len() as f64;
        let mean = |of: ArrayView2<'_, f32>| {
            let mut sum = Array1::<f64>::zeros(of.ncols());
            rows.iter().for_each(|row| sum.zip_mut_with(&of.row(*row), |sum, x| *sum += f64::from(*x)));
            sum / n
        };
        let (mean_old, mean_new) = (mean(old), mean(new));
        let mut within = Mat::<f64>::zeros(old.ncols(), old.ncols());
        let mut across = Mat::<f64>::zeros(old.ncols(), new.ncols());
        for rows in rows.chunks(BLOCK) {
            let centred = |of: ArrayView2<'_, f32>, mean: &Array1<f64>| -> Array2<f64> {
                of.select(Axis(0), rows).mapv(f64::from) - mean
            };
            let (a, b) = (centred(old, &mean_old), centred(new, &mean_new));
            let (a, b) = (view(&a), view(&b));
            matmul(within.as_mut(), Accum::Add, a.transpose(), a, 1.0, Par::Seq);
            matmul(across.as_mut(), Accum::Add, a.transpose(), b, 1.0, Par::Seq);
        }
        Ok(Moments { n, mean_old, mean_new, within, across })
    }

    /// The same sums about the means of other rows.
    fn about(mut self, other: &Moments) -> Moments {
        let (a, b) = (&self.mean_old - &other.mean_old, &self.mean_new - &other.mean_new);
        for i in 0..a.len() {
            for j in 0..a.len() {
                self.within[(i, j)] += self.n * a[i] * a[j];
            }
            for j in 0..b.len() {
                self.across[(i, j)] += self.n * a[i] * b[j];
            }
        }
        self
    }

    /// The squared error of weights, less what does not depend on them: tr(W'GW) - 2 tr(W'C).
    fn error(&self, weights: MatRef<'_, f64>) -> f64 {
        let mut product = Mat::<f64>::zeros(weights.nrows(), weights.ncols());
        matmul(product.as_mut(), Accum::Replace, self.within.as_ref(), weights, 1.0, Par::Seq);
        let of = |at: (usize, usize)| weights[at] * (product[at] - 2.0 * self.across[at]);
        (0..weights.ncols()).map(|c| (0..weights.nrows()).map(|r| of((r, c))).sum::<f64>()).sum()
    }

    fn map(&self, weights: MatRef<'_, f64>, made_by: String) -> LinearMap {
        let matrix = Array2::from_shape_fn((weights.nrows(), weights.ncols()), |(r, c)| weights[(r, c)]);
        let offset = &self.mean_new - self.mean_old.dot(&matrix);
        LinearMap { matrix: matrix.mapv(|x| x as f32), offset: offset.mapv(|x| x as f32), made_by }
    }
}

/// The eigenvectors of the old rows' sums, with which each penalty costs two products.
struct Solver {
    values: Vec<f64>,
    vectors: Mat<f64>,
    /// The products of the eigenvectors with the sums across.
    turned: Mat<f64>,
}

impl Solver {
    fn new(moments: &Moments) -> Result<Solver> {
        let (values, vectors) = eigenvectors(moments.within.as_ref())?;
        let mut turned = Mat::<f64>::zeros(vectors.ncols(), moments.across.ncols());
        matmul(turned.as_mut(), Accum::Replace, vectors.transpose(), moments.across.as_ref(), 1.0, Par::Seq);
        if values.iter().all(|value| *value <= 0.0) {
            return Err(Error::input("rows that are all equal cannot be aligned")
                .with_code("no-spread")
                .advice("give rows of different texts"));
        }
        Ok(Solver { values, vectors, turned })
    }

    /// The weights with this share of the mean eigenvalue as penalty.
    fn solve(&self, moments: &Moments, penalty: f64) -> Mat<f64> {
        let d = self.values.len();
        let alpha = penalty * (0..d).map(|at| moments.within[(at, at)]).sum::<f64>() / d as f64;
        let scaled = Mat::from_fn(d, self.turned.ncols(), |r, c| {
            self.turned[(r, c)] / (self.values[r].max(0.0) + alpha)
        });
        let mut weights = Mat::<f64>::zeros(d, self.turned.ncols());
        matmul(weights.as_mut(), Accum::Replace, self.vectors.as_ref(), scaled.as_ref(), 1.0, Par::Seq);
        weights
    }
}

fn view(rows: &Array2<f64>) -> MatRef<'_, f64> {
    let all = rows.slice(s![.., ..]);
    MatRef::from_row_major_slice(all.to_slice().unwrap_or_default(), rows.nrows(), rows.ncols())
}
