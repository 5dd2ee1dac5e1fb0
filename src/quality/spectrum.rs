//! Second moments of rows and their eigenvalues, in `f64`.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::rows::{LEAF_ROWS, RowSource, moments};

/// Columns (or rows) of one tile of the matrix.
const TILE: usize = 256;

/// What each row is multiplied by.
#[derive(Clone, Copy)]
pub(super) enum Scale<'a> {
    None,
    Rows(&'a [f64]),
}

impl Scale<'_> {
    fn of(self, row: usize) -> f64 {
        match self {
            Scale::None => 1.0,
            Scale::Rows(scales) => scales[row],
        }
    }
}

/// The sum of the products of all pairs of columns (Z'Z, d x d), or, with fewer rows than dimensions, of rows (ZZ',
/// n x n), which has the same eigenvalues but for zeros.
pub(super) struct Moment {
    /// The lower half is set.
    matrix: Mat<f64>,
    /// The sum of the rows.
    pub sum: Vec<f64>,
    n: usize,
    of_columns: bool,
}

impl Moment {
    pub fn of(source: &(impl RowSource + ?Sized), scale: Scale<'_>) -> Result<Moment> {
        let (n, d) = (source.n_rows(), source.dims());
        let of_columns = n >= d;
        let size = if of_columns { d } else { n };
        let mut sum = vec![0.0; d];
        let mut tiles: Vec<(usize, usize, Vec<f64>)> = (0..size.div_ceil(TILE))
            .flat_map(|i| (0..=i).map(move |j| (i, j)))
            .map(|(i, j)| (i, j, vec![0.0; width(i, size) * width(j, size)]))
            .collect();
        let mut all = if of_columns { Array2::zeros((0, d)) } else { Array2::zeros((n, d)) };
        let mut first = 0;
        for_chunks(source, |chunk| {
            let wide = widened(chunk, first, scale);
            for row in wide.rows() {
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
            if of_columns {
                add_products(&mut tiles, wide.view(), true);
            } else {
                all.slice_mut(ndarray::s![first..first + chunk.nrows(), ..]).assign(&wide);
            }
            first += chunk.nrows();
        })?;
        if first != n {
            return Err(Error::input("the source yielded a different number of rows than it announced")
                .seen(format!("{first} in place of {n}")));
        }
        if !of_columns {
            add_products(&mut tiles, all.view(), false);
        }
        let mut matrix = Mat::zeros(size, size);
        for (i, j, sums) in &tiles {
            let rows = width(*i, size);
            for (at, sum) in sums.iter().enumerate() {
                matrix[(i * TILE + at % rows, j * TILE + at / rows)] = *sum;
            }
        }
        Ok(Moment { matrix, sum, n, of_columns })
    }

    /// The same of the rows less their mean.
    pub fn centred(&self) -> Moment {
        let size = self.matrix.nrows();
        let n = self.n as f64;
        let mut matrix = Mat::zeros(size, size);
        if self.of_columns {
            for j in 0..size {
                for i in j..size {
                    matrix[(i, j)] = self.matrix[(i, j)] - self.sum[i] * self.sum[j] / n;
                }
            }
        } else {
            let at = |i: usize, j: usize| self.matrix[(i.max(j), i.min(j))];
            let means: Vec<f64> = (0..size).map(|i| (0..size).map(|j| at(i, j)).sum::<f64>() / n).collect();
            let mean = means.iter().sum::<f64>() / n;
            for j in 0..size {
                for i in j..size {
                    matrix[(i, j)] = self.matrix[(i, j)] - means[i] - means[j] + mean;
                }
            }
        }
        Moment { matrix, sum: vec![0.0; self.sum.len()], n: self.n, of_columns: self.of_columns }
    }

    pub fn trace(&self) -> f64 {
        (0..self.matrix.nrows()).map(|i| self.matrix[(i, i)]).sum()
    }

    /// The sum of the squares of all entries.
    pub fn sum_of_squares(&self) -> f64 {
        let mut sum = 0.0;
        for j in 0..self.matrix.nrows() {
            sum += self.matrix[(j, j)].powi(2);
            sum += 2.0 * (j + 1..self.matrix.nrows()).map(|i| self.matrix[(i, j)].powi(2)).sum::<f64>();
        }
        sum
    }

    /// The population variance of each dimension.
    pub fn variances(&self, source: &(impl RowSource + ?Sized)) -> Result<Vec<f64>> {
        Ok(moments(source)?.variance.to_vec())
    }
}

/// The eigenvalues, descending, at least 0. On one thread, so that the bits do not depend on threads.
pub(super) fn eigenvalues(of: &Moment) -> Result<Vec<f64>> {
    let n = of.matrix.nrows();
    if n == 0 {
        return Ok(Vec::new());
    }
    let mut values = faer::diag::Diag::<f64>::zeros(n);
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::No, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    self_adjoint_evd(of.matrix.as_ref(), values.as_mut(), None, Par::Seq, stack, Spec::default())
        .map_err(|error| Error::input("the eigenvalues do not converge").seen(format!("{error:?}")))?;
    let mut values: Vec<f64> = values.column_vector().iter().map(|value| value.max(0.0)).collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    Ok(values)
}

fn width(tile: usize, size: usize) -> usize {
    TILE.min(size - tile * TILE)
}

/// Chunks of a fixed size, so that sums over them have the same bits for any source and number of threads.
fn for_chunks(source: &(impl RowSource + ?Sized), mut visit: impl FnMut(ArrayView2<'_, f32>)) -> Result<()> {
    if let Some(matrix) = source.as_matrix() {
        matrix.axis_chunks_iter(Axis(0), LEAF_ROWS).for_each(visit);
        return Ok(());
    }
    for chunk in source.chunks(LEAF_ROWS)? {
        chunk?.axis_chunks_iter(Axis(0), LEAF_ROWS).for_each(&mut visit);
    }
    Ok(())
}

fn widened(chunk: ArrayView2<'_, f32>, first: usize, scale: Scale<'_>) -> Array2<f64> {
    let mut wide = Array2::zeros(chunk.raw_dim());
    wide.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(i, mut row)| {
        let scale = scale.of(first + i);
        row.iter_mut().zip(chunk.row(i)).for_each(|(to, x)| *to = f64::from(*x) * scale);
    });
    wide
}

/// Adds the products of all pairs of columns, or of rows, tile by tile.
fn add_products(tiles: &mut [(usize, usize, Vec<f64>)], rows: ArrayView2<'_, f64>, of_columns: bool) {
    let Some(values) = rows.as_slice() else { return };
    let rows = MatRef::from_row_major_slice(values, rows.nrows(), rows.ncols());
    let size = if of_columns { rows.ncols() } else { rows.nrows() };
    tiles.par_iter_mut().for_each(|(i, j, sums)| {
        let (a, b) = (width(*i, size), width(*j, size));
        let (left, right) = if of_columns {
            (rows.subcols(*i * TILE, a).transpose(), rows.subcols(*j * TILE, b))
        } else {
            (rows.subrows(*i * TILE, a), rows.subrows(*j * TILE, b).transpose())
        };
        matmul(MatMut::from_column_major_slice_mut(sums, a, b), Accum::Add, left, right, 1.0, Par::Seq);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_have_the_same_eigenvalues() {
        let rows = Array2::from_shape_fn((30, 30), |(i, j)| ((i * 7 + j * 13 + i * j) % 29) as f32 - 9.0);
        let tall = Moment::of(&rows, Scale::None).unwrap();
        let less = rows.slice(ndarray::s![..29, ..]).to_owned();
        let wide = Moment::of(&less, Scale::None).unwrap();
        assert!(tall.of_columns && !wide.of_columns);
        let mut padded = rows.clone();
        padded.row_mut(29).fill(0.0);
        let padded = Moment::of(&padded, Scale::None).unwrap();
        let (a, b) = (eigenvalues(&wide).unwrap(), eigenvalues(&padded).unwrap());
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() < 1e-9 * b.max(1.0), "{a} {b}");
        }
        assert!((wide.sum_of_squares() / padded.sum_of_squares() - 1.0).abs() < 1e-12);
    }
}
