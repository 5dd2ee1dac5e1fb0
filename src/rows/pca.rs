//! Principal component analysis.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::traits::RealField;
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};
use ndarray::{Array1, Array2, ArrayView2, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::mean::{moments, norms};
use super::product::dot_products;
use super::source::for_each_chunk;
use super::{Fold, Frame, LEAF_ROWS, RowBlock, RowSource, fold_rows};
use crate::error::{Error, Result};

/// Columns in one tile of the covariance matrix.
const TILE: usize = 256;

/// Rows are moved before they are projected when the square of their mean is more than this many times their
/// variance: products in `f32` would err by more than 1e-4 of it.
const FAR: f64 = 1e3;

/// A fitted principal component analysis: exact, from the eigenvectors of the covariance matrix
/// (or, with fewer rows than dimensions, of the rows' inner products), as scikit-learn's
/// `PCA(svd_solver="covariance_eigh")`. The largest entry of each component is positive.
///
/// The covariance is summed in `f64` over chunks of `f32` products; the eigenvectors are exact to `f64`, and stored as `f32`.
/// Cost: n·d² operations for the products, about 4·d³ for the eigenvectors; memory 24·d² bytes.
///
/// ```
/// use embedlab::rows::Pca;
/// use ndarray::array;
/// let rows = array![[0.0_f32, 0.0], [1.0, 1.1], [2.0, 1.9], [3.0, 3.0]];
/// let pca = Pca::fit(&rows, 1)?;
/// assert!(pca.explained_variance_ratio[0] > 0.99);
/// assert_eq!(pca.transform(&rows)?.dim(), (4, 1));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pca {
    /// The mean row, d numbers.
    pub mean: Array1<f64>,
    /// The components, one a row, c x d, of length 1, the one with the most variance first.
    pub components: Array2<f32>,
    /// The variance (divided by n - 1) along each component.
    pub explained_variance: Vec<f64>,
    /// The same as a share of the whole variance of the rows.
    pub explained_variance_ratio: Vec<f64>,
}

impl Pca {
    /// Fits the first `n_components` components; when rows or dimensions are fewer, as many as there are.
    ///
    /// # Errors
    /// With fewer than two rows, no components, or numbers that are not finite, and whatever the source meets while reading.
    pub fn fit(source: &(impl RowSource + ?Sized), n_components: usize) -> Result<Pca> {
        let (n, dims) = (source.n_rows(), source.dims());
        if n < 2 || dims == 0 {
            return Err(Error::input("too few rows for principal components")
                .seen(format!("{n} rows, {dims} dimensions"))
                .advice("give at least two rows"));
        }
        if n_components == 0 {
            return Err(Error::argument("no components asked for").advice("ask for at least one"));
        }
        let moments = moments(source)?;
        if !moments.variance.iter().all(|variance| variance.is_finite()) {
            let row = norms(source)?.iter().position(|norm| !norm.is_finite());
            let error = Error::input("a vector with NaN or infinite numbers")
                .with_code("not-finite")
                .advice("remove the row");
            return Err(match row {
                Some(row) => error.row(row),
                None => error.seen("numbers too large to square"),
            });
        }
        let total: f64 = moments.variance.sum() * n as f64 / (n - 1) as f64;
        let keep = n_components.min(dims).min(n);
        let frame = Frame { origin: moments.mean, unit: unit(total.sqrt()) };
        let (mut variances, components) = if n < dims {
            from_inner_products(source, &frame, keep)?
        } else {
            from_covariance(source, &frame, keep)?
        };
        variances.iter_mut().for_each(|variance| *variance *= frame.unit * frame.unit);
        let share = |variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
        Ok(Pca {
            mean: frame.origin,
            components,
            explained_variance_ratio: variances.iter().map(share).collect(),
            explained_variance: variances,
        })
    }

    /// The rows' coordinates along the components, n x c.
    ///
    /// # Errors
    /// When the dimensions differ, and whatever the source meets while reading.
    pub fn transform(&self, source: &(impl RowSource + ?Sized)) -> Result<Array2<f32>> {
        if source.dims() != self.mean.len() {
            return Err(Error::argument("the rows and the components have different dimensions")
                .seen(format!("{} in the rows, {} in the components", source.dims(), self.mean.len())));
        }
        let components = self.components.as_standard_layout();
        let offsets: Vec<f64> = components
            .rows()
            .into_iter()
            .map(|component| component.iter().zip(&self.mean).map(|(a, b)| f64::from(*a) * b).sum())
            .collect();
        let fold = Projection {
            components: components.as_slice().unwrap_or_default(),
            offsets: &offsets,
            mean: self.is_far().then_some(&self.mean),
        };
        let values = fold_rows(source, &fold)?.values;
        Array2::from_shape_vec((source.n_rows(), offsets.len()), values).map_err(|error| {
            Error::input("the source yielded a different number of rows than it announced").source(error)
        })
    }
}

impl Pca {
    /// Whether the mean is so far from zero that products of rows as they are lose what differs; the
    /// variance of the components says how much that is.
    fn is_far(&self) -> bool {
        let offset: f64 = self.mean.iter().map(|mean| mean * mean).sum();
        offset > FAR * self.explained_variance.iter().sum::<f64>()
    }
}

struct Projection<'c> {
    components: &'c [f32],
    offsets: &'c [f64],
    /// Subtracted from the rows before the product, where that is needed.
    mean: Option<&'c Array1<f64>>,
}

#[derive(Default)]
struct Projected {
    values: Vec<f32>,
    products: Vec<f32>,
    moved: Vec<f32>,
}

impl Fold for Projection<'_> {
    type Part = Projected;

    fn start(&self) -> Projected {
        Projected::default()
    }

    fn add(&self, part: &mut Projected, block: RowBlock<'_>) {
        let m = block.rows.nrows();
        if let Some(mean) = self.mean {
            let Projected { values, products, moved } = part;
            moved.clear();
            for row in block.rows.rows() {
                moved.extend(row.iter().zip(mean).map(|(value, mean)| (f64::from(*value) - mean) as f32));
            }
            dot_products(moved, self.components, block.rows.ncols(), products);
            for i in 0..m {
                values.extend((0..self.offsets.len()).map(|j| products[j * m + i]));
            }
            return;
        }
        dot_products(
            block.rows.as_slice().unwrap_or_default(),
            self.components,
            block.rows.ncols(),
            &mut part.products,
        );
        for i in 0..m {
            let along = self.offsets.iter().enumerate();
            part.values
                .extend(along.map(|(j, offset)| (f64::from(part.products[j * m + i]) - offset) as f32));
        }
    }

    fn merge(&self, into: &mut Projected, from: Projected) {
        into.values.extend(from.values);
    }
}

/// 1 for all but huge and tiny numbers, so that products of usual ones have the digits that they always had.
fn unit(deviation: f64) -> f64 {
    if deviation > 0.0 && !(1e-12..1e15).contains(&deviation) { deviation } else { 1.0 }
}

/// Calls `visit` with each chunk of rows less their mean. Chunks have a fixed size, so that sums
/// over them have the same bits for any number of threads.
fn for_centred_chunks(
    source: &(impl RowSource + ?Sized),
    frame: &Frame,
    mut visit: impl FnMut(ArrayView2<'_, f32>),
) -> Result<()> {
    for_each_chunk(source, LEAF_ROWS, |_, chunk| {
        visit(frame.moved(chunk).view());
        Ok(())
    })
}

fn from_covariance(
    source: &(impl RowSource + ?Sized),
    frame: &Frame,
    keep: usize,
) -> Result<(Vec<f64>, Array2<f32>)> {
    let dims = source.dims();
    let n = source.n_rows();
    let tiles = dims.div_ceil(TILE);
    let mut lower: Vec<(usize, usize, Vec<f64>)> = (0..tiles)
        .flat_map(|i| (0..=i).map(move |j| (i, j)))
        .map(|(i, j)| (i, j, vec![0.0; width(i, dims) * width(j, dims)]))
        .collect();
    for_centred_chunks(source, frame, |chunk| {
        let Some(values) = chunk.as_slice() else { return };
        let rows = MatRef::from_row_major_slice(values, chunk.nrows(), dims);
        lower.par_iter_mut().for_each(|(i, j, sums)| add_tile(rows, *i, *j, sums));
    })?;
    let mut covariance = Mat::<f64>::zeros(dims, dims);
    for (i, j, sums) in &lower {
        let width_i = width(*i, dims);
        for (at, sum) in sums.iter().enumerate() {
            covariance[(i * TILE + at % width_i, j * TILE + at / width_i)] = sum / (n - 1) as f64;
        }
    }
    let (values, vectors) = largest_eigenvectors(covariance.as_ref(), keep)?;
    let components = Array2::from_shape_fn((keep, dims), |(c, j)| vectors[(j, c)]);
    Ok((values, with_fixed_signs(components)))
}

fn width(tile: usize, dims: usize) -> usize {
    TILE.min(dims - tile * TILE)
}

/// Adds the products of the columns of tile row `i` and tile column `j` (column-major).
fn add_tile(rows: MatRef<'_, f32>, i: usize, j: usize, sums: &mut [f64]) {
    let (width_i, width_j) = (width(i, rows.ncols()), width(j, rows.ncols()));
    let mut products = vec![0.0_f32; width_i * width_j];
    matmul(
        MatMut::from_column_major_slice_mut(&mut products, width_i, width_j),
        Accum::Replace,
        rows.subcols(i * TILE, width_i).transpose(),
        rows.subcols(j * TILE, width_j),
        1.0,
        Par::Seq,
    );
    sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += f64::from(product));
}

/// With fewer rows than dimensions: the eigenvectors of the n x n inner products, carried over to
/// the dimensions by the rows themselves.
fn from_inner_products(
    source: &(impl RowSource + ?Sized),
    frame: &Frame,
    keep: usize,
) -> Result<(Vec<f64>, Array2<f32>)> {
    let (n, dims) = (source.n_rows(), source.dims());
    let mut all = Array2::<f64>::zeros((n, dims));
    let mut first = 0;
    for_centred_chunks(source, frame, |chunk| {
        all.slice_mut(s![first..first + chunk.nrows(), ..]).assign(&chunk.mapv(f64::from));
        first += chunk.nrows();
    })?;
    let values = all.as_slice().unwrap_or_default();
    let rows = MatRef::from_row_major_slice(values, n, dims);
    let mut products = Mat::<f64>::zeros(n, n);
    matmul(products.as_mut(), Accum::Replace, rows, rows.transpose(), 1.0 / (n - 1) as f64, Par::Seq);
    let (variances, vectors) = largest_eigenvectors(products.as_ref(), keep)?;
    let mut spread = Mat::<f64>::zeros(dims, keep);
    matmul(spread.as_mut(), Accum::Replace, rows.transpose(), vectors.as_ref(), 1.0, Par::Seq);
    let mut components = Array2::zeros((keep, dims));
    for (c, mut component) in components.rows_mut().into_iter().enumerate() {
        let length = (0..dims).map(|j| spread[(j, c)] * spread[(j, c)]).sum::<f64>().sqrt();
        if length > 0.0 {
            component.iter_mut().enumerate().for_each(|(j, value)| *value = spread[(j, c)] / length);
        }
    }
    Ok((variances, with_fixed_signs(components)))
}

/// From this size on, eigenvectors are found in `f32` first.
const LARGE: usize = 512;

/// The `keep` largest eigenvalues (at least 0), descending, and their eigenvectors as columns; only
/// the lower half of the matrix is read. On one thread, so that the bits do not depend on threads.
///
/// The eigenvectors of a large matrix are found in `f32`, at half the cost, and made exact in `f64`
/// within the space that they span together with some more, after one multiplication by the matrix
/// (a step of subspace iteration with Rayleigh and Ritz's projection).
fn largest_eigenvectors(matrix: MatRef<'_, f64>, keep: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = matrix.nrows();
    let spare = keep + (keep / 4).max(8);
    if n < LARGE || 2 * spare > n {
        let (values, vectors) = eigenvectors(matrix)?;
        return Ok((
            (0..keep).map(|c| values[n - 1 - c].max(0.0)).collect(),
            last_columns(vectors.as_ref(), keep),
        ));
    }
    let whole = Mat::from_fn(n, n, |i, j| matrix[(i.max(j), i.min(j))]);
    let largest = (0..n).map(|i| whole[(i, i)]).fold(0.0, f64::max);
    let scale = if largest > 0.0 { 1.0 / largest } else { 1.0 };
    let (_, rough) = eigenvectors(Mat::from_fn(n, n, |i, j| (whole[(i, j)] * scale) as f32).as_ref())?;
    let rough = Mat::from_fn(n, spare, |i, c| f64::from(rough[(i, n - 1 - c)]));
    let mut space = Mat::<f64>::zeros(n, spare);
    matmul(space.as_mut(), Accum::Replace, whole.as_ref(), rough.as_ref(), scale, Par::Seq);
    make_orthonormal(&mut space);
    let mut image = Mat::<f64>::zeros(n, spare);
    matmul(image.as_mut(), Accum::Replace, whole.as_ref(), space.as_ref(), 1.0, Par::Seq);
    let mut small = Mat::<f64>::zeros(spare, spare);
    matmul(small.as_mut(), Accum::Replace, space.transpose(), image.as_ref(), 1.0, Par::Seq);
    let (values, turns) = eigenvectors(small.as_ref())?;
    let mut vectors = Mat::<f64>::zeros(n, keep);
    let turns = last_columns(turns.as_ref(), keep);
    matmul(vectors.as_mut(), Accum::Replace, space.as_ref(), turns.as_ref(), 1.0, Par::Seq);
    Ok(((0..keep).map(|c| values[spare - 1 - c].max(0.0)).collect(), vectors))
}

/// The last columns of a matrix, the very last first.
fn last_columns(matrix: MatRef<'_, f64>, keep: usize) -> Mat<f64> {
    let n = matrix.ncols();
    Mat::from_fn(matrix.nrows(), keep, |i, c| matrix[(i, n - 1 - c)])
}

/// All eigenvalues, ascending, and eigenvectors as columns, of the lower half of a matrix.
pub(crate) fn eigenvectors<T: RealField>(matrix: MatRef<'_, T>) -> Result<(Vec<T>, Mat<T>)> {
    let n = matrix.nrows();
    let mut values = faer::diag::Diag::<T>::zeros(n);
    let mut vectors = Mat::<T>::zeros(n, n);
    let scratch = self_adjoint_evd_scratch::<T>(n, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    self_adjoint_evd(matrix, values.as_mut(), Some(vectors.as_mut()), Par::Seq, stack, Spec::default())
        .map_err(|error| Error::input("the eigenvectors do not converge").seen(format!("{error:?}")))?;
    Ok((values.column_vector().iter().cloned().collect(), vectors))
}

/// Gram and Schmidt's process, twice, which is enough for `f64`. A column that lies in the space of
/// those before it becomes zeros.
fn make_orthonormal(columns: &mut Mat<f64>) {
    for c in 0..columns.ncols() {
        let (before, mut rest) = columns.as_mut().split_at_col_mut(c);
        let mut column = rest.as_mut().col_mut(0);
        let original = column.norm_l2();
        for _ in 0..2 {
            for other in before.as_ref().col_iter() {
                let along = other.transpose() * column.as_ref();
                column
                    .as_mut()
                    .iter_mut()
                    .zip(other.iter())
                    .for_each(|(value, other)| *value -= along * other);
            }
        }
        let length = column.norm_l2();
        let scale = if length > 1e-12 * original { 1.0 / length } else { 0.0 };
        column.as_mut().iter_mut().for_each(|value| *value *= scale);
    }
}

/// An eigenvector's sign is arbitrary: make its largest entry positive, as scikit-learn does.
fn with_fixed_signs(mut components: Array2<f64>) -> Array2<f32> {
    for mut component in components.rows_mut() {
        let largest = component
            .iter()
            .fold(0.0_f64, |largest, value| if value.abs() > largest.abs() { *value } else { largest });
        if largest < 0.0 {
            component.mapv_inplace(|value| -value);
        }
    }
    components.mapv(|value| value as f32)
}

#[cfg(test)]
mod tests {
    use ndarray::Axis;

    use super::*;

    fn rows(n: usize, d: usize) -> Array2<f32> {
        let mut state = 1_u64;
        Array2::from_shape_simple_fn((n, d), || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1_u64 << 24) as f32
        })
    }

    /// The covariance of the transformed rows must be diagonal and hold the explained variances.
    fn check(n: usize, d: usize, keep: usize) {
        let mut rows = rows(n, d);
        for (j, mut column) in rows.columns_mut().into_iter().enumerate() {
            column.mapv_inplace(|value| value * (1.0 + j as f32 * 0.3) + 5.0);
        }
        let pca = Pca::fit(&rows, keep).unwrap();
        let along = pca.transform(&rows).unwrap().mapv(f64::from);
        let covariance = along.t().dot(&along) / (n - 1) as f64;
        for ((i, j), value) in covariance.indexed_iter() {
            let expected = if i == j { pca.explained_variance[i] } else { 0.0 };
            assert!(
                (value - expected).abs() < 1e-4 * pca.explained_variance[0],
                "{n} x {d}: {i}, {j}: {value} {expected}"
            );
        }
        assert!(pca.explained_variance.is_sorted_by(|a, b| a >= b));
        for component in pca.components.rows() {
            assert!((component.dot(&component) - 1.0).abs() < 1e-5);
            let largest = component.iter().fold(0.0_f32, |l, v| if v.abs() > l.abs() { *v } else { l });
            assert!(largest > 0.0);
        }
    }

    #[test]
    fn components_are_uncorrelated_and_sorted() {
        check(3000, 12, 12);
        check(700, 300, 5);
        check(40, 200, 10);
        // Large enough for eigenvectors that are found in f32 first.
        check(1200, 560, 20);
    }

    #[test]
    fn an_offset_a_constant_column_and_a_scale_change_no_component() {
        let plain = rows(500, 8).mapv(|x| (x * 256.0).round() / 256.0);
        let fit = |rows: &Array2<f32>| {
            let pca = Pca::fit(rows, 3).unwrap();
            (pca.transform(rows).unwrap(), pca.explained_variance_ratio)
        };
        let (scores, ratio) = fit(&plain);
        let with_constant = ndarray::concatenate![Axis(1), plain, Array2::from_elem((500, 1), 10_000.0)];
        for (other, scale) in [
            (&plain + 4096.0, 1.0),
            (with_constant, 1.0),
            (&plain * 1e24, 1e24),
            (&plain * 1e-24, 1e-24),
            (&plain * 1e3, 1e3),
        ] {
            let (found, found_ratio) = fit(&other);
            for (a, b) in found.iter().zip(&scores) {
                let a = f64::from(*a) / f64::from(scale as f32);
                assert!((a - f64::from(*b)).abs() < 2e-3, "{scale}: {a} {b}");
            }
            assert!(found_ratio.iter().zip(&ratio).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }

    #[test]
    fn rows_that_are_all_equal_have_no_variance() {
        let pca = Pca::fit(&Array2::from_elem((10, 4), 0.5_f32), 2).unwrap();
        assert_eq!(pca.explained_variance, [0.0, 0.0]);
        assert_eq!(pca.explained_variance_ratio, [0.0, 0.0]);
        assert!(Pca::fit(&Array2::<f32>::zeros((1, 4)), 2).is_err());
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let rows = rows(5000, 30);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Pca::fit(&rows, 5).unwrap().components)
        };
        assert_eq!(fit(1), fit(2));
        assert_eq!(fit(1), fit(7));
    }
}
