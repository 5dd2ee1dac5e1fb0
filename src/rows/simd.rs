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

/// The most others that [`few_dot_products`] takes.
pub(crate) const MOST_FEW: usize = 8;

/// The dot products of [`dot_products`](super::product::dot_products) for few others (1 to
/// [`MOST_FEW`]): each row is read once, where a matrix product would first rearrange the whole block.
///
/// With `picked`, of these rows only, in their order.
pub(crate) fn few_dot_products(
    rows: &[f32],
    picked: Option<&[usize]>,
    others: &[f32],
    dims: usize,
    out: &mut [f32],
) {
    Arch::new().dispatch(FewDotProducts { rows, picked, others, dims, out });
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

/// Clears what a matrix product leaves in the upper halves of the vector registers: until then every
/// change between old and new vector instructions, such as a call of `exp`, costs some 100 cycles.
pub(crate) fn clear_upper_halves() {
    #[cfg(target_arch = "x86_64")]
    if let Some(processor) = pulp::x86::V3::try_new() {
        processor.avx._mm256_zeroupper();
    }
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

/// The largest absolute difference of two rows; NaN when one of them is.
pub(crate) fn linf_distance(a: &[f32], b: &[f32]) -> f64 {
    let differences = a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).abs());
    differences.fold(0.0, |most, next| if next > most || next.is_nan() { next } else { most })
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

    /// Four rows at a time: more sums in flight, and each vector of the other row is loaded once for
    /// all of them.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let dims = self.other.len().max(1);
        let mut fours = self.rows.chunks_exact(4 * dims);
        for four in fours.by_ref() {
            let (a, rest) = four.split_at(dims);
            let (b, rest) = rest.split_at(dims);
            let (c, d) = rest.split_at(dims);
            let (dots, squares) = four_rows(simd, [a, b, c, d], self.other);
            self.dots.extend_from_slice(&dots);
            self.squares.extend_from_slice(&squares);
        }
        for row in fours.remainder().chunks_exact(dims) {
            self.dots.push(dot_simd(simd, row, self.other));
            self.squares.push(dot_simd(simd, row, row));
        }
    }
}

struct FewDotProducts<'a> {
    rows: &'a [f32],
    picked: Option<&'a [usize]>,
    others: &'a [f32],
    dims: usize,
    out: &'a mut [f32],
}

impl WithSimd for FewDotProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.others.len() / self.dims {
            1 => self.run::<S, 1>(simd),
            2 => self.run::<S, 2>(simd),
            3 => self.run::<S, 3>(simd),
            4 => self.run::<S, 4>(simd),
            5 => self.run::<S, 5>(simd),
            6 => self.run::<S, 6>(simd),
            7 => self.run::<S, 7>(simd),
            _ => self.run::<S, MOST_FEW>(simd),
        }
    }
}

impl FewDotProducts<'_> {
    /// All products of some rows in one go, so that reading from memory never waits for arithmetic:
    /// four rows where there are 32 registers for the sums, else two.
    #[inline(always)]
    fn run<S: Simd, const Q: usize>(self, simd: S) {
        if S::F32_LANES >= 16 { self.tiles::<S, 4, Q>(simd) } else { self.tiles::<S, 2, Q>(simd) }
    }

    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const Q: usize>(self, simd: S) {
        let FewDotProducts { rows, picked, others, dims, out } = self;
        let row = |i: usize| {
            let i = picked.map_or(i, |picked| picked[i]);
            &rows[i * dims..(i + 1) * dims]
        };
        let others = std::array::from_fn::<_, Q, _>(|q| &others[q * dims..(q + 1) * dims]);
        let m = picked.map_or(rows.len() / dims, <[usize]>::len);
        for i in (0..m).step_by(R) {
            // Past the last row, the last row stands in.
            let products = tile::<S, R, Q>(simd, std::array::from_fn(|r| row((i + r).min(m - 1))), others);
            for (r, products) in products.iter().enumerate().take(m - i) {
                products.iter().enumerate().for_each(|(q, product)| out[q * m + i + r] = *product);
            }
        }
    }
}

#[inline(always)]
fn tile<S: Simd, const R: usize, const Q: usize>(
    simd: S,
    rows: [&[f32]; R],
    others: [&[f32]; Q],
) -> [[f32; Q]; R] {
    let split = rows.map(S::as_simd_f32s);
    let (n, rest) = (split[0].0.len(), split[0].1.len());
    let whole = split.map(|(vectors, _)| &vectors[..n]);
    let vectors = others.map(|other| &S::as_simd_f32s(other).0[..n]);
    let mut sums = [[simd.splat_f32s(0.0); Q]; R];
    for t in 0..n {
        for q in 0..Q {
            for r in 0..R {
                sums[r][q] = simd.mul_add_e_f32s(whole[r][t], vectors[q][t], sums[r][q]);
            }
        }
    }
    let mut products = [[0.0; Q]; R];
    for q in 0..Q {
        let other_rest = &others[q][others[q].len() - rest..];
        for r in 0..R {
            let last = split[r].1.iter().zip(other_rest).map(|(x, y)| x * y).sum::<f32>();
            products[r][q] = simd.reduce_sum_f32s(sums[r][q]) + last;
        }
    }
    products
}

#[inline(always)]
fn four_rows<S: Simd>(simd: S, rows: [&[f32]; 4], other: &[f32]) -> ([f32; 4], [f32; 4]) {
    let (other, other_rest) = S::as_simd_f32s(other);
    let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] = rows.map(S::as_simd_f32s);
    let mut dots = [simd.splat_f32s(0.0); 4];
    let mut squares = dots;
    for ((((y, a), b), c), d) in other.iter().zip(a).zip(b).zip(c).zip(d) {
        let vectors = [*a, *b, *c, *d];
        for i in 0..4 {
            dots[i] = simd.mul_add_e_f32s(vectors[i], *y, dots[i]);
            squares[i] = simd.mul_add_e_f32s(vectors[i], vectors[i], squares[i]);
        }
    }
    let rests = [a_rest, b_rest, c_rest, d_rest];
    let mut sums = ([0.0; 4], [0.0; 4]);
    for i in 0..4 {
        let products = |other: &[f32]| rests[i].iter().zip(other).map(|(x, y)| x * y).sum::<f32>();
        sums.0[i] = simd.reduce_sum_f32s(dots[i]) + products(other_rest);
        sums.1[i] = simd.reduce_sum_f32s(squares[i]) + products(rests[i]);
    }
    sums
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
    fn the_largest_difference_of_what_is_no_number_is_none() {
        assert_eq!(linf_distance(&[1.0, -2.0, 0.0], &[4.0, 2.0, 0.5]), 4.0);
        for at in 0..3 {
            let mut row = [1.0, -2.0, 0.0];
            row[at] = f32::NAN;
            assert!(linf_distance(&row, &[4.0, 2.0, 0.5]).is_nan(), "{at}");
        }
    }

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
                let rows = [&a[..], &b, &b, &a, &a].concat();
                dots_and_squared_norms(&rows, &b, &mut dots, &mut squares);
                let (ab, aa, bb) = (dot(&a, &b), dot(&a, &a), dot(&b, &b));
                assert_eq!(dots, [ab, bb, bb, ab, ab]);
                assert_eq!(squares, [aa, bb, bb, aa, aa]);
            }
            assert_eq!(squared_distance_f64(&a, &b), pairs().map(|(x, y)| (x - y).powi(2)).sum::<f64>());
            assert_eq!(l1_distance_f64(&a, &b), pairs().map(|(x, y)| (x - y).abs()).sum::<f64>());
        }
    }
}
