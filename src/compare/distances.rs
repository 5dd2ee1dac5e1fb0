//! Squared distances of all pairs of some rows, in `f64`, block by block.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::rows::{Metric, RowSource, norms, require_finite, select_rows};

/// Rows on one side of a matrix product.
const BLOCK: usize = 256;

/// Rows less their mean; at length 1 before that when the distance is one minus the cosine, which ranks rows as the
/// Euclidean distance of such rows does.
pub(super) struct Distances {
    rows: Array2<f64>,
    squares: Vec<f64>,
}

impl Distances {
    pub fn new(rows: &impl RowSource, picked: &[usize], metric: Metric) -> Result<Distances> {
        if !matches!(metric, Metric::L2 | Metric::Cosine) {
            return Err(Error::argument("files are compared by the Euclidean or the cosine distance")
                .seen(format!("{metric:?}")));
        }
        let rows = select_rows(rows, picked)?;
        require_finite(rows.view())?;
        let mut rows = rows.as_standard_layout().mapv(f64::from);
        if metric == Metric::Cosine {
            rows.axis_iter_mut(Axis(0)).into_par_iter().for_each(|mut row| {
                let length = row.dot(&row).sqrt();
                if length > 0.0 {
                    row /= length;
                }
            });
        }
        if let Some(mean) = rows.mean_axis(Axis(0)) {
            rows -= &mean;
        }
        let squares = rows.rows().into_iter().map(|row| row.dot(&row)).collect();
        Ok(Distances { rows, squares })
    }

    fn n(&self) -> usize {
        self.squares.len()
    }

    /// Squared distances from each of some consecutive rows to all rows, one row after the other.
    fn block(&self, of: std::ops::Range<usize>) -> Vec<f64> {
        let (n, dims) = self.rows.dim();
        let values = self.rows.as_slice().unwrap_or_default();
        let all = MatRef::from_row_major_slice(values, n, dims);
        let mut squares = vec![0.0; n * of.len()];
        let some = all.subrows(of.start, of.len());
        let out = MatMut::from_column_major_slice_mut(&mut squares, n, of.len());
        matmul(out, Accum::Replace, all, some.transpose(), -2.0, Par::Seq);
        for (row, squares) in of.zip(squares.chunks_exact_mut(n.max(1))) {
            for (square, own) in squares.iter_mut().zip(&self.squares) {
                *square = (*square + own + self.squares[row]).max(0.0);
            }
            squares[row] = 0.0;
        }
        squares
    }
}

/// Calls `visit` with each row and its squared distances to all rows in both sets; what it gives is in the order of
/// the rows.
pub(super) fn for_each_row<T: Send>(
    a: &Distances,
    b: &Distances,
    visit: impl Fn(usize, &[f64], &[f64]) -> T + Sync,
) -> Vec<T> {
    let n = a.n();
    (0..n.div_ceil(BLOCK))
        .into_par_iter()
        .flat_map_iter(|block| {
            let rows = block * BLOCK..((block + 1) * BLOCK).min(n);
            let (in_a, in_b) = (a.block(rows.clone()), b.block(rows.clone()));
            let both = in_a.chunks_exact(n).zip(in_b.chunks_exact(n));
            rows.zip(both).map(|(row, (a, b))| visit(row, a, b)).collect::<Vec<T>>()
        })
        .collect()
}

/// A random `most` of the rows that have a distance in both sets, ascending: a row of zeros has no cosine.
pub(super) fn sample(
    a: &impl RowSource,
    b: &impl RowSource,
    metric: Metric,
    most: usize,
    seed: u64,
) -> Result<Vec<usize>> {
    if a.n_rows() != b.n_rows() {
        return Err(Error::argument("two sets of another number of rows")
            .with_code("rows-differ")
            .seen(format!("{} and {}", a.n_rows(), b.n_rows())));
    }
    let mut rows: Vec<usize> = (0..a.n_rows()).collect();
    if metric == Metric::Cosine {
        let (of_a, of_b) = (norms(a)?, norms(b)?);
        rows.retain(|row| of_a[*row] != 0.0 && of_b[*row] != 0.0);
    }
    if rows.len() > most {
        let mut picked = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), rows.len(), most).into_vec();
        picked.sort_unstable();
        rows = picked.into_iter().map(|at| rows[at]).collect();
    }
    Ok(rows)
}
