//! Second moments of rows and their eigenvalues, in `f64`.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::tridiag::{TridiagParams, tridiag_in_place, tridiag_in_place_scratch};
use faer::linalg::evd::{
    ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch, tridiagonal_self_adjoint_evd,
};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Mat, Par, Spec};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::products::{Products, Sums};
use super::tiles::{Tiles, add_products};
use crate::error::{Error, Result};
use crate::rows::{LEAF_ROWS, RowSource, fold_rows, moments};

/// What each row is multiplied by.
#[derive(Clone, Copy)]
pub(super) enum Scale<'a> {
    None,
    /// For each row what makes it of length 1.
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
        Self::of_either(source, scale, source.n_rows() >= source.dims())
    }

    /// The products of columns, or of rows.
    pub fn of_either(
        source: &(impl RowSource + ?Sized),
        scale: Scale<'_>,
        of_columns: bool,
    ) -> Result<Moment> {
        let (n, d) = (source.n_rows(), source.dims());
        if of_columns && source.engine().is_some() {
            let unit = matches!(scale, Scale::Rows(_));
            let Sums { sum, tiles, .. } = fold_rows(source, &Products { dims: d, unit })?;
            return Ok(Moment { matrix: tiles.matrix(), sum, n, of_columns });
        }
        let mut sum = vec![0.0; d];
        let mut tiles = Tiles::zeros(if of_columns { d } else { n });
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
        Ok(Moment { matrix: tiles.matrix(), sum, n, of_columns })
    }

    /// The products of columns without those of some of the rows.
    pub fn without(&self, some: &Moment) -> Moment {
        let sum = self.sum.iter().zip(&some.sum).map(|(all, some)| all - some).collect();
        Moment { matrix: &self.matrix - &some.matrix, sum, n: self.n - some.n, of_columns: true }
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

    /// The matrix in a basis that begins with a direction of this length (or its opposite): HAH with the reflection
    /// H = I - 2ww' that turns the direction to the first axis. The lower half is set.
    fn reflected(&self, direction: &[f64], length: f64) -> Mat<f64> {
        let size = self.matrix.nrows();
        let mut w: Vec<f64> = direction.iter().map(|x| x / length).collect();
        w[0] += if w[0] < 0.0 { -1.0 } else { 1.0 };
        let norm = w.iter().map(|x| x * x).sum::<f64>().sqrt();
        w.iter_mut().for_each(|x| *x /= norm);
        let mut p = vec![0.0; size];
        for j in 0..size {
            p[j] += self.matrix[(j, j)] * w[j];
            for i in j + 1..size {
                let x = self.matrix[(i, j)];
                p[i] += x * w[j];
                p[j] += x * w[i];
            }
        }
        let inner: f64 = w.iter().zip(&p).map(|(w, p)| w * p).sum();
        let mut matrix = Mat::zeros(size, size);
        for j in 0..size {
            for i in j..size {
                let changed = w[i] * p[j] + p[i] * w[j] - 2.0 * inner * w[i] * w[j];
                matrix[(i, j)] = self.matrix[(i, j)] - 2.0 * changed;
            }
        }
        matrix
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

/// The eigenvalues, and those of the same rows less their mean, by one reduction to a tridiagonal matrix.
///
/// The basis begins with the direction in which centring acts: the mean of the rows (for Z'Z), or the row of ones (for
/// ZZ'). In such a basis centring changes only what stands at the first place of the tridiagonal matrix.
pub(super) fn eigenvalues_with_centred(of: &Moment) -> Result<(Vec<f64>, Vec<f64>)> {
    let size = of.matrix.nrows();
    let direction: Vec<f64> = if of.of_columns { of.sum.clone() } else { vec![1.0; size] };
    let square: f64 = direction.iter().map(|x| x * x).sum();
    if square == 0.0 {
        let values = eigenvalues(of)?;
        return Ok((values.clone(), values));
    }
    let mut matrix = of.reflected(&direction, square.sqrt());
    let block = recommended_block_size::<f64>(size, size);
    let mut householder = Mat::zeros(block, size - 1);
    let params: Spec<TridiagParams, f64> = Spec::default();
    let mut memory = MemBuffer::new(tridiag_in_place_scratch::<f64>(size, Par::Seq, params));
    let stack = MemStack::new(&mut memory);
    tridiag_in_place(matrix.as_mut(), householder.as_mut(), Par::Seq, stack, params);
    let mut diagonal: Vec<f64> = (0..size).map(|i| matrix[(i, i)]).collect();
    let mut beside: Vec<f64> = (1..size).map(|i| matrix[(i, i - 1)]).collect();
    let raw = tridiagonal(&diagonal, &beside)?;
    if of.of_columns {
        diagonal[0] -= square / of.n as f64;
    } else {
        diagonal[0] = 0.0;
        beside.iter_mut().take(1).for_each(|x| *x = 0.0);
    }
    Ok((raw, tridiagonal(&diagonal, &beside)?))
}

fn tridiagonal(diagonal: &[f64], beside: &[f64]) -> Result<Vec<f64>> {
    let n = diagonal.len();
    let (mut d, mut e) = (faer::diag::Diag::<f64>::zeros(n), faer::diag::Diag::<f64>::zeros(n));
    diagonal.iter().enumerate().for_each(|(i, x)| d[i] = *x);
    beside.iter().enumerate().for_each(|(i, x)| e[i] = *x);
    let mut values = faer::diag::Diag::<f64>::zeros(n);
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::No, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    let spec = Spec::default();
    tridiagonal_self_adjoint_evd(d.as_ref(), e.as_ref(), values.as_mut(), None, Par::Seq, stack, spec)
        .map_err(|error| Error::input("the eigenvalues do not converge").seen(format!("{error:?}")))?;
    let mut values: Vec<f64> = values.column_vector().iter().map(|value| value.max(0.0)).collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    Ok(values)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centred_eigenvalues_are_those_of_the_centred_matrix() {
        for (n, d) in [(40, 12), (9, 20), (2, 5), (30, 1), (1, 4)] {
            let rows = Array2::from_shape_fn((n, d), |(i, j)| ((i * 7 + j * 13 + i * j) % 29) as f32 - 4.0);
            let moment = Moment::of(&rows, Scale::None).unwrap();
            let (raw, centred) = eigenvalues_with_centred(&moment).unwrap();
            for (found, expected) in
                [(raw, eigenvalues(&moment).unwrap()), (centred, eigenvalues(&moment.centred()).unwrap())]
            {
                assert_eq!(found.len(), expected.len());
                for (a, b) in found.iter().zip(&expected) {
                    assert!((a - b).abs() < 1e-10 * moment.trace().max(1.0), "{n} {d}: {a} {b}");
                }
            }
        }
        let even = Array2::from_shape_fn((4, 3), |(i, _)| if i % 2 == 0 { 1.0_f32 } else { -1.0 });
        let (raw, centred) = eigenvalues_with_centred(&Moment::of(&even, Scale::None).unwrap()).unwrap();
        assert_eq!(raw, centred);
    }

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
