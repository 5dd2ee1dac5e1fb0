//! Sums over one or two rows, with the widest vectors that the processor has.

use pulp::{Arch, Simd, WithSimd};

/// The dot product of two rows, in `f32` with 4 vectors of partial sums.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    Arch::new().dispatch(Dot { a, b })
}

/// The squared length of each row of a block in row-major order.
pub(crate) fn squared_norms(rows: &[f32], dims: usize, out: &mut Vec<f32>) {
    out.clear();
    Arch::new().dispatch(SquaredNorms { rows, dims, out });
}

/// The dot product of each row of a block with one other row, and each row's squared length, from
/// one reading of the block.
pub(crate) fn dots_and_squared_norms(
    rows: &[f32],
    other: &[f32],
    dots: &mut Vec<f32>,
    squares: &mut Vec<f32>,
) {
    dots.clear();
    squares.clear();
    Arch::new().dispatch(DotsAndSquaredNorms { rows, other, dots, squares });
}

/// The dot product of two rows with products and sums in `f64`.
pub(crate) fn dot_f64(a: &[f32], b: &[f32]) -> f64 {
    sum_f64(a, b, |x, y| x * y)
}

/// The squared Euclidean distance of two rows, in `f64`.
pub(crate) fn squared_distance_f64(a: &[f32], b: &[f32]) -> f64 {
    sum_f64(a, b, |x, y| (x - y) * (x - y))
}

/// The sum of absolute differences of two rows, in `f64`.
pub(crate) fn l1_distance_f64(a: &[f32], b: &[f32]) -> f64 {
    sum_f64(a, b, |x, y| (x - y).abs())
}

/// The largest absolute difference of two rows.
pub(crate) fn linf_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).abs()).fold(0.0, f64::max)
}

/// Eight partial sums in a fixed order: quick, and the same on every machine.
#[inline(always)]
fn sum_f64(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f64; 8];
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += term(f64::from(x[lane]), f64::from(y[lane]));
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| term(f64::from(*x), f64::from(*y))).sum();
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7])) + rest
}

struct Dot<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl WithSimd for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        dot_simd(simd, self.a, self.b)
    }
}

struct SquaredNorms<'a> {
    rows: &'a [f32],
    dims: usize,
    out: &'a mut Vec<f32>,
}

impl WithSimd for SquaredNorms<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in self.rows.chunks_exact(self.dims.max(1)) {
            self.out.push(dot_simd(simd, row, row));
        }
    }
}

struct DotsAndSquaredNorms<'a> {
    rows: &'a [f32],
    other: &'a [f32],
    dots: &'a mut Vec<f32>,
    squares: &'a mut Vec<f32>,
}

impl WithSimd for DotsAndSquaredNorms<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (other, other_rest) = S::as_simd_f32s(self.other);
        let (other_twos, other_last) = other.as_chunks::<2>();
        let zero = simd.splat_f32s(0.0);
        for row in self.rows.chunks_exact(self.other.len().max(1)) {
            let (row, row_rest) = S::as_simd_f32s(row);
            let (row_twos, row_last) = row.as_chunks::<2>();
            let (mut d0, mut d1, mut s0, mut s1) = (zero, zero, zero, zero);
            for (x, y) in row_twos.iter().zip(other_twos) {
                d0 = simd.mul_add_e_f32s(x[0], y[0], d0);
                s0 = simd.mul_add_e_f32s(x[0], x[0], s0);
                d1 = simd.mul_add_e_f32s(x[1], y[1], d1);
                s1 = simd.mul_add_e_f32s(x[1], x[1], s1);
            }
            for (x, y) in row_last.iter().zip(other_last) {
                d0 = simd.mul_add_e_f32s(*x, *y, d0);
                s0 = simd.mul_add_e_f32s(*x, *x, s0);
            }
            let mut dot = simd.reduce_sum_f32s(simd.add_f32s(d0, d1));
            let mut square = simd.reduce_sum_f32s(simd.add_f32s(s0, s1));
            for (x, y) in row_rest.iter().zip(other_rest) {
                dot += x * y;
                square += x * x;
            }
            self.dots.push(dot);
            self.squares.push(square);
        }
    }
}

#[inline(always)]
fn dot_simd<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let (a_vectors, a_rest) = S::as_simd_f32s(a);
    let (b_vectors, b_rest) = S::as_simd_f32s(b);
    let zero = simd.splat_f32s(0.0);
    let (mut s0, mut s1, mut s2, mut s3) = (zero, zero, zero, zero);
    let (a_fours, a_last) = a_vectors.as_chunks::<4>();
    let (b_fours, b_last) = b_vectors.as_chunks::<4>();
    for (x, y) in a_fours.iter().zip(b_fours) {
        s0 = simd.mul_add_e_f32s(x[0], y[0], s0);
        s1 = simd.mul_add_e_f32s(x[1], y[1], s1);
        s2 = simd.mul_add_e_f32s(x[2], y[2], s2);
        s3 = simd.mul_add_e_f32s(x[3], y[3], s3);
    }
    for (x, y) in a_last.iter().zip(b_last) {
        s0 = simd.mul_add_e_f32s(*x, *y, s0);
    }
    let sum = simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(s0, s1), simd.add_f32s(s2, s3)));
    a_rest.iter().zip(b_rest).map(|(x, y)| x * y).fold(sum, |sum, product| sum + product)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_agrees_with_the_obvious_sum() {
        for n in 0..200 {
            let a: Vec<f32> = (0..n).map(|i| ((i * 7) % 13) as f32 - 6.0).collect();
            let b: Vec<f32> = (0..n).map(|i| ((i * 5) % 11) as f32 - 5.0).collect();
            let pairs = || a.iter().zip(&b).map(|(x, y)| (f64::from(*x), f64::from(*y)));
            let slow: f64 = pairs().map(|(x, y)| x * y).sum();
            assert_eq!(f64::from(dot(&a, &b)), slow);
            assert_eq!(dot_f64(&a, &b), slow);
            if n > 0 {
                let (mut dots, mut squares) = (Vec::new(), Vec::new());
                dots_and_squared_norms(&[a.clone(), b.clone()].concat(), &b, &mut dots, &mut squares);
                assert_eq!(dots, [dot(&a, &b), dot(&b, &b)]);
                assert_eq!(squares, [dot(&a, &a), dot(&b, &b)]);
            }
            assert_eq!(squared_distance_f64(&a, &b), pairs().map(|(x, y)| (x - y).powi(2)).sum::<f64>());
            assert_eq!(l1_distance_f64(&a, &b), pairs().map(|(x, y)| (x - y).abs()).sum::<f64>());
        }
    }
}
