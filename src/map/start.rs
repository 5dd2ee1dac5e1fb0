//! Where points are before they are moved.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::error::Result;
use crate::rows::graph::Prepared;
use crate::rows::simd::clear_upper_halves;
use crate::rows::{Fold, RowBlock, eigenvectors, fold_rows};

/// The standard deviation of the first coordinate: so small that the start does not decide by itself
/// which points repel.
const DEVIATION: f64 = 1e-4;

/// Points that would start in one place are moved apart by this share of the deviation, as openTSNE
/// does.
const JITTER: f64 = 0.01;

/// Directions that are followed beyond those wanted, which makes the wanted ones settle sooner.
const SPARE: usize = 6;

/// Passes over the rows at most.
const PASSES: usize = 30;

/// The first principal components, scaled; random where the rows do not differ.
pub(super) fn principal<const D: usize>(rows: &Prepared, seed: u64) -> Result<Vec<[f32; D]>> {
    let n = rows.n_rows();
    let along = leading_coordinates(rows, D, seed)?;
    let first: f64 = along.iter().step_by(D).map(|x| x * x).sum::<f64>() / n.max(1) as f64;
    if first.sqrt() < 1e-12 {
        return Ok(random(n, seed));
    }
    let scale = DEVIATION / first.sqrt();
    let noise = random::<D>(n, seed);
    let point = |(i, noise): (usize, [f32; D])| {
        std::array::from_fn(|d| (along[i * D + d] * scale + f64::from(noise[d]) * JITTER) as f32)
    };
    Ok(noise.into_iter().enumerate().map(point).collect())
}

/// Normally distributed, with the same deviation; a stream of random numbers for each row.
pub(super) fn random<const D: usize>(n: usize, seed: u64) -> Vec<[f32; D]> {
    let point = |row: usize| {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(row as u64);
        std::array::from_fn(|_| (stream.sample::<f64, _>(StandardNormal) * DEVIATION) as f32)
    };
    (0..n).map(point).collect()
}

/// The rows' coordinates along the `wanted` directions in which they differ most (n x wanted), by
/// subspace iteration: a start needs the directions, not their last digits. The largest number of
/// each direction is positive.
fn leading_coordinates(rows: &Prepared, wanted: usize, seed: u64) -> Result<Vec<f64>> {
    let (n, dims) = (rows.n_rows(), rows.dims());
    let followed = (wanted + SPARE).min(dims).min(n.max(1));
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    let mut basis = Mat::from_fn(dims, followed, |_, _| stream.sample::<f64, _>(StandardNormal));
    let mut variances = vec![0.0; followed];
    for _ in 0..PASSES {
        orthonormal(&mut basis);
        let flat: Vec<f32> =
            (0..followed).flat_map(|c| (0..dims).map(move |j| (j, c))).map(|at| basis[at] as f32).collect();
        let fold = Multiply { basis: &flat, followed, dims };
        let sums = fold_rows(&rows.rows, &fold)?.sums;
        let image = MatRef::from_column_major_slice(&sums, dims, followed);
        // Turning the basis within its space finds the best directions in it.
        let mut small = Mat::<f64>::zeros(followed, followed);
        matmul(small.as_mut(), Accum::Replace, basis.transpose(), image, 1.0, Par::Seq);
        let (values, turns) = eigenvectors(small.as_ref())?;
        let turns = Mat::from_fn(followed, followed, |i, c| turns[(i, followed - 1 - c)]);
        let mut turned = Mat::<f64>::zeros(dims, followed);
        matmul(turned.as_mut(), Accum::Replace, image, turns.as_ref(), 1.0, Par::Seq);
        basis = turned;
        let found: Vec<f64> = values.iter().rev().copied().collect();
        let settled = (0..wanted.min(followed)).all(|c| (found[c] - variances[c]).abs() <= 1e-5 * found[0]);
        variances = found;
        if settled {
            break;
        }
    }
    orthonormal(&mut basis);
    let mut out = vec![0.0; n * wanted];
    for c in 0..wanted.min(followed) {
        let component: Vec<f32> = (0..dims).map(|j| basis[(j, c)] as f32).collect();
        let largest = component.iter().copied().fold(0.0_f32, |a, b| if b.abs() > a.abs() { b } else { a });
        let sign = f64::from(largest.signum());
        for row in 0..n {
            out[row * wanted + c] = sign * f64::from(crate::rows::dot(rows.row(row), &component));
        }
    }
    Ok(out)
}

/// One multiplication by the rows' covariance (times n): the basis, c columns of d numbers, becomes
/// rows' · (rows · basis).
struct Multiply<'b> {
    basis: &'b [f32],
    followed: usize,
    dims: usize,
}

#[derive(Default)]
struct Multiplied {
    sums: Vec<f64>,
    along: Vec<f32>,
    image: Vec<f32>,
}

impl Fold for Multiply<'_> {
    type Part = Multiplied;

    fn start(&self) -> Multiplied {
        Multiplied { sums: vec![0.0; self.followed * self.dims], ..Multiplied::default() }
    }

    fn add(&self, part: &mut Multiplied, block: RowBlock<'_>) {
        let Some(values) = block.rows.as_slice() else { return };
        let m = block.rows.nrows();
        crate::rows::product::dot_products(values, self.basis, self.dims, &mut part.along);
        part.image.resize(self.dims * self.followed, 0.0);
        matmul(
            MatMut::from_column_major_slice_mut(&mut part.image, self.dims, self.followed),
            Accum::Replace,
            MatRef::from_row_major_slice(values, m, self.dims).transpose(),
            MatRef::from_column_major_slice(&part.along, m, self.followed),
            1.0,
            Par::Seq,
        );
        clear_upper_halves();
        part.sums.iter_mut().zip(&part.image).for_each(|(sum, x)| *sum += f64::from(*x));
    }

    fn merge(&self, into: &mut Multiplied, from: Multiplied) {
        into.sums.iter_mut().zip(from.sums).for_each(|(sum, x)| *sum += x);
    }
}

/// Gram and Schmidt's process, twice; a column within the space of those before it becomes zeros.
fn orthonormal(columns: &mut Mat<f64>) {
    let rows = columns.nrows();
    for c in 0..columns.ncols() {
        let original = (0..rows).map(|j| columns[(j, c)].powi(2)).sum::<f64>().sqrt();
        for _ in 0..2 {
            for before in 0..c {
                let along: f64 = (0..rows).map(|j| columns[(j, before)] * columns[(j, c)]).sum();
                (0..rows).for_each(|j| columns[(j, c)] -= along * columns[(j, before)]);
            }
        }
        let length = (0..rows).map(|j| columns[(j, c)].powi(2)).sum::<f64>().sqrt();
        let scale = if length > 1e-10 * original { 1.0 / length } else { 0.0 };
        (0..rows).for_each(|j| columns[(j, c)] *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Pca;
    use ndarray::Array2;

    #[test]
    fn the_start_is_the_principal_components_but_for_scale() {
        for (n, dims) in [(400, 30), (30, 200)] {
            let rows = Array2::from_shape_fn((n, dims), |(i, j)| {
                let noise = ((i * 7919 + j * 104_729 + i * j * 31) % 1009) as f32 / 1009.0;
                noise + (i % 5) as f32 * ((j % 4) as f32 - 1.5) + (i % 3) as f32 * ((j % 7) as f32 - 3.0)
            });
            let start = principal::<2>(&Prepared::euclidean(rows.view()).unwrap(), 1).unwrap();
            let exact = Pca::fit(&rows, 2).unwrap().transform(&rows).unwrap();
            for d in 0..2 {
                let (mut product, mut a, mut b) = (0.0, 0.0, 0.0);
                for (start, exact) in start.iter().zip(exact.column(d)) {
                    let (x, y) = (f64::from(start[d]), f64::from(*exact));
                    (product, a, b) = (product + x * y, a + x * x, b + y * y);
                }
                assert!((product / (a * b).sqrt()).abs() > 0.999, "{n} x {dims}, component {d}");
                if d == 0 {
                    assert!(((a / n as f64).sqrt() / DEVIATION - 1.0).abs() < 0.01);
                }
            }
        }
    }

    #[test]
    fn equal_rows_start_at_random_places() {
        let rows = Prepared::euclidean(Array2::from_elem((50, 3), 0.3_f32).view()).unwrap();
        let start = principal::<3>(&rows, 7).unwrap();
        assert_eq!(start, random::<3>(50, 7));
        assert!(start.iter().all(|point| point.iter().any(|x| x.abs() > 1e-7)));
    }
}
