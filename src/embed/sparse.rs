//! The largest singular vectors of a sparse matrix.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::error::Result;
use crate::rows::eigenvectors;

/// Directions beyond those that are wanted, and rounds: scikit-learn's.
const SPARE: usize = 10;
const ROUNDS: usize = 5;

/// The right singular vectors of the `keep` largest singular values of a matrix, columns x keep, by
/// randomised subspace iteration (Halko, Martinsson and Tropp, 2011).
///
/// `rows` holds for each row its entries by column; there may be fewer vectors than asked for when the
/// matrix has no more. The largest entry of each vector is positive. Every sum runs in a fixed order.
pub(super) fn right_vectors(
    rows: &[Vec<(u32, f32)>],
    n_columns: usize,
    keep: usize,
    seed: u64,
) -> Result<Array2<f32>> {
    let mut columns: Vec<Vec<(u32, f32)>> = vec![Vec::new(); n_columns];
    for (row, entries) in rows.iter().enumerate() {
        entries.iter().for_each(|(column, value)| columns[*column as usize].push((row as u32, *value)));
    }
    let wanted = (keep + SPARE).min(rows.len()).min(n_columns);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut space = Mat::<f64>::from_fn(n_columns, wanted, |_, _| StandardNormal.sample(&mut random));
    for _ in 0..ROUNDS {
        let image = basis(times(rows, &space).as_ref())?;
        space = basis(times(&columns, &image).as_ref())?;
    }
    let image = orthonormal(&times(rows, &space))?;
    let back = times(&columns, &image);
    let (values, turns) = eigenvectors(gram(back.as_ref()).as_ref())?;
    let n = values.len();
    let largest = values.last().copied().unwrap_or(0.0);
    let kept: Vec<usize> =
        (0..keep.min(n)).map(|c| n - 1 - c).filter(|at| values[*at] > 1e-12 * largest).collect();
    let mut vectors = Array2::zeros((n_columns, kept.len()));
    for (c, at) in kept.into_iter().enumerate() {
        let turned = &back * turns.as_ref().col(at);
        let peak =
            turned.iter().copied().fold(0.0_f64, |peak, x| if x.abs() > peak.abs() { x } else { peak });
        let scale = peak.signum() / values[at].sqrt();
        vectors
            .column_mut(c)
            .iter_mut()
            .zip(turned.iter())
            .for_each(|(to, from)| *to = (from * scale) as f32);
    }
    Ok(vectors)
}

/// A sparse matrix, by rows, times a dense one.
fn times(rows: &[Vec<(u32, f32)>], dense: &Mat<f64>) -> Mat<f64> {
    let width = dense.ncols();
    // Row by row in memory, so that an entry adds one whole row.
    let by_row: Vec<f64> = (0..dense.nrows())
        .flat_map(|i| (0..width).map(move |j| (i, j)))
        .map(|(i, j)| dense[(i, j)])
        .collect();
    let products: Vec<Vec<f64>> = rows
        .par_iter()
        .map(|entries| {
            let mut sums = vec![0.0; width];
            for (column, value) in entries {
                let from = *column as usize * width;
                let value = f64::from(*value);
                sums.iter_mut().zip(&by_row[from..from + width]).for_each(|(sum, x)| *sum += value * x);
            }
            sums
        })
        .collect();
    Mat::from_fn(rows.len(), width, |i, j| products[i][j])
}

fn gram(matrix: MatRef<'_, f64>) -> Mat<f64> {
    let n = matrix.ncols();
    let mut gram = Mat::zeros(n, n);
    matmul(gram.as_mut(), Accum::Replace, matrix.transpose(), matrix, 1.0, Par::Seq);
    gram
}

/// An orthonormal basis of the space of some columns; directions that hardly count are left out.
fn orthonormal(matrix: &Mat<f64>) -> Result<Mat<f64>> {
    // Once is not enough when lengths differ much: the second time starts from nearly orthonormal ones.
    basis(basis(matrix.as_ref())?.as_ref())
}

fn basis(matrix: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let (values, vectors) = eigenvectors(gram(matrix).as_ref())?;
    let largest = values.last().copied().unwrap_or(0.0);
    let kept: Vec<usize> = (0..values.len()).rev().filter(|at| values[*at] > 1e-14 * largest).collect();
    let turns =
        Mat::from_fn(matrix.ncols(), kept.len(), |i, c| vectors[(i, kept[c])] / values[kept[c]].sqrt());
    let mut turned = Mat::zeros(matrix.nrows(), kept.len());
    matmul(turned.as_mut(), Accum::Replace, matrix, turns.as_ref(), 1.0, Par::Seq);
    Ok(turned)
}
