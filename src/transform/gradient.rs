//! The loss of a matrix on pairs, and its gradient.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::Array2;

/// `out = a b`, or `out += a b`, of row-major matrices; `a` is transposed where `turned`. On one thread, so that bits do
/// not depend on how many there are.
fn multiply(out: &mut Array2<f32>, a: &Array2<f32>, turned: bool, b: &Array2<f32>, add: bool) {
    let view = |of: &Array2<f32>| -> (usize, usize) { of.dim() };
    let ((rows, columns), (b_rows, b_columns)) = (view(a), view(b));
    let (Some(a), Some(b), (m, n)) = (a.as_slice(), b.as_slice(), out.dim()) else { return };
    let Some(out) = out.as_slice_mut() else { return };
    let a = MatRef::from_row_major_slice(a, rows, columns);
    let b = MatRef::from_row_major_slice(b, b_rows, b_columns);
    let out = MatMut::from_row_major_slice_mut(out, m, n);
    let how = if add { Accum::Add } else { Accum::Replace };
    matmul(out, how, if turned { a.transpose() } else { a }, b, 1.0, Par::Seq);
}

/// The cosines of the rows of `a` and `b` after the matrix.
pub(super) fn cosines(matrix: &Array2<f32>, a: &Array2<f32>, b: &Array2<f32>) -> Vec<f64> {
    let [p, q] = mapped(matrix, a, b);
    p.rows()
        .into_iter()
        .zip(q.rows())
        .map(|(p, q)| {
            let (product, left, right) = products(p.iter().zip(q));
            cosine(product, left, right)
        })
        .collect()
}

/// The mean of (cosine - target)², and its gradient in the matrix, which is written to `gradient`.
pub(super) fn loss(
    matrix: &Array2<f32>,
    a: &Array2<f32>,
    b: &Array2<f32>,
    targets: &[f64],
    gradient: &mut Array2<f32>,
) -> f64 {
    let [mut p, mut q] = mapped(matrix, a, b);
    let n = targets.len() as f64;
    let mut sum = 0.0;
    for ((mut p, mut q), target) in p.rows_mut().into_iter().zip(q.rows_mut()).zip(targets) {
        let (product, left, right) = products(p.iter().zip(&q));
        let error = cosine(product, left, right) - target;
        sum += error * error;
        let length = (left * right).sqrt();
        if length == 0.0 {
            // Dropout may leave nothing of a row.
            p.fill(0.0);
            q.fill(0.0);
            continue;
        }
        let (c, scale) = (product / length, 2.0 * error / n);
        // d cos / d p = q / (|p||q|) - cos · p / |p|²
        for (p, q) in p.iter_mut().zip(q.iter_mut()) {
            let (x, y) = (f64::from(*p), f64::from(*q));
            *p = (scale * (y / length - c * x / left)) as f32;
            *q = (scale * (x / length - c * y / right)) as f32;
        }
    }
    multiply(gradient, a, true, &p, false);
    multiply(gradient, b, true, &q, true);
    sum / n
}

fn mapped(matrix: &Array2<f32>, a: &Array2<f32>, b: &Array2<f32>) -> [Array2<f32>; 2] {
    [a, b].map(|rows| {
        let mut out = Array2::zeros((rows.nrows(), matrix.ncols()));
        multiply(&mut out, rows, false, matrix, false);
        out
    })
}

fn products<'a>(pairs: impl Iterator<Item = (&'a f32, &'a f32)>) -> (f64, f64, f64) {
    pairs.fold((0.0, 0.0, 0.0), |(product, left, right), (p, q)| {
        let (p, q) = (f64::from(*p), f64::from(*q));
        (product + p * q, left + p * p, right + q * q)
    })
}

fn cosine(product: f64, left: f64, right: f64) -> f64 {
    let length = (left * right).sqrt();
    if length > 0.0 { product / length } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_small_steps() {
        let of = |n: usize, d: usize, by: usize| {
            Array2::from_shape_fn((n, d), |(i, j)| ((i * by + j * 5 + i * j) % 13) as f32 / 6.5 - 0.9)
        };
        let (a, b, matrix) = (of(7, 5, 3), of(7, 5, 8), of(5, 4, 7));
        let targets: Vec<f64> = (0..7).map(|pair| if pair % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let mut gradient = Array2::zeros((5, 4));
        let _ = loss(&matrix, &a, &b, &targets, &mut gradient);
        for at in [(0, 0), (3, 2), (4, 3)] {
            let moved = |by: f32| {
                let mut matrix = matrix.clone();
                matrix[at] += by;
                loss(&matrix, &a, &b, &targets, &mut Array2::zeros((5, 4)))
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - f64::from(gradient[at])).abs() < 1e-3, "{at:?}: {slope} {}", gradient[at]);
        }
    }
}
