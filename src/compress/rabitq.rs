//! A few bits a number, without bias: RaBitQ.

use ndarray::{Array1, ArrayView1};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Rounds of the rotation.
const ROUNDS: usize = 4;

/// Grid widths that are tried, as shares of the one that is best for normal numbers.
const WIDTHS: [f32; 9] = [0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4];

/// Bytes beside the codes of a row: its distance from the centre and its factor, as `f32`.
pub(super) const FACTOR_BYTES: usize = 8;

/// RaBitQ (Gao and Long 2024; for more than one bit Gao et al. 2025): a row less the centre is turned at random and kept
/// as the grid point of 2^bits values a number that points most nearly the same way, with one factor that makes inner
/// products right on average.
///
/// The turn is four rounds of random signs and Walsh-Hadamard transforms. The grid point is the best of nine grid
/// widths around the one that is best for normal numbers.
#[derive(Debug, Clone)]
pub struct RaBitQ {
    center: Array1<f32>,
    /// For each round a sign of each dimension.
    signs: Vec<Vec<f32>>,
    bits: u32,
}

impl RaBitQ {
    /// Codes of 1 to 8 bits a number for rows around a centre.
    pub fn new(center: Array1<f32>, bits: u32, seed: u64) -> RaBitQ {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut signs =
            || center.iter().map(|_| if random.next_u32() & 1 == 0 { 1.0 } else { -1.0 }).collect();
        let signs = (0..ROUNDS).map(|_| signs()).collect();
        RaBitQ { signs, center, bits: bits.clamp(1, 8) }
    }

    /// The row's inner products with turned queries, up to what is the same for all rows, are those of what is written
    /// to `out`: its code times its factor.
    pub fn decode(&self, row: ArrayView1<'_, f32>, out: &mut [f32]) {
        out.iter_mut().zip(row).zip(&self.center).for_each(|((out, x), center)| *out = x - center);
        let distance = super::reduction::length(out.iter()) as f32;
        if distance == 0.0 {
            return;
        }
        self.turn(out);
        out.iter_mut().for_each(|x| *x /= distance);
        // 0.5, 1.5, .. grid widths to either side; whole numbers are cut off, which is quicker than rounding.
        let most = (1_i32 << (self.bits - 1)) - 1;
        let grid = |x: f32, width: f32| (((x.abs() / width) as i32).min(most) as f32 + 0.5).copysign(x);
        let usual = best_width(self.bits) / (out.len() as f32).sqrt();
        let widths: &[f32] = if self.bits == 1 { &[1.0] } else { &WIDTHS };
        let mut best = (f32::NEG_INFINITY, usual, 0.0);
        for share in widths {
            let width = usual * share;
            let (mut along, mut square) = (0.0_f32, 0.0_f32);
            for x in out.iter() {
                let code = grid(*x, width);
                along += code * x;
                square += code * code;
            }
            let cosine = along / square.sqrt();
            if cosine > best.0 {
                best = (cosine, width, along);
            }
        }
        let (_, width, along) = best;
        let factor = if along > 0.0 { distance / along } else { 0.0 };
        out.iter_mut().for_each(|x| *x = grid(*x, width) * factor);
    }

    /// Turns a vector as the rows were, in place.
    pub fn turn(&self, x: &mut [f32]) {
        let n = x.len();
        if n == 0 {
            return;
        }
        let block = 1 << n.ilog2();
        for signs in &self.signs {
            x.iter_mut().zip(signs).for_each(|(x, sign)| *x *= sign);
            hadamard(&mut x[..block]);
            if block < n {
                hadamard(&mut x[n - block..]);
            }
        }
    }
}

/// The grid width that loses least of normal numbers of variance 1 (Max 1960).
fn best_width(bits: u32) -> f32 {
    [1.596, 0.9957, 0.586, 0.3352, 0.1881, 0.1041, 0.0568, 0.0308][bits as usize - 1]
}

/// The orthonormal Walsh-Hadamard transform of 2^k numbers, in place.
fn hadamard(x: &mut [f32]) {
    let mut half = 1;
    while half < x.len() {
        for pair in x.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (x.len() as f32).sqrt();
    x.iter_mut().for_each(|x| *x *= scale);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn a_turn_keeps_lengths_and_angles() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for n in [1, 2, 3, 8, 48, 100] {
            let mut rows =
                [0, 1].map(|_| (0..n).map(|_| random.gen_range(-1.0_f32..1.0)).collect::<Vec<_>>());
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let before = (dot(&rows[0], &rows[0]), dot(&rows[0], &rows[1]));
            let coder = RaBitQ::new(Array1::zeros(n), 1, 7);
            rows.iter_mut().for_each(|row| coder.turn(row));
            let after = (dot(&rows[0], &rows[0]), dot(&rows[0], &rows[1]));
            assert!((before.0 - after.0).abs() < 1e-4 && (before.1 - after.1).abs() < 1e-4, "{n}");
        }
    }

    #[test]
    fn estimates_are_right_on_average_and_nearer_with_more_bits() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let n = 64;
        let mut errors = Vec::new();
        for bits in [1, 2, 4, 8] {
            let (mut bias, mut spread) = (0.0, 0.0);
            for draw in 0..400 {
                let mut vector = || Array1::from_shape_simple_fn(n, || random.gen_range(-1.0_f32..1.0));
                let (row, query, center) = (vector(), vector(), vector() * 0.1);
                let coder = RaBitQ::new(center.clone(), bits, draw);
                let (mut turned, mut out) = (query.to_vec(), vec![0.0; n]);
                coder.turn(&mut turned);
                coder.decode(row.view(), &mut out);
                let found: f32 = turned.iter().zip(&out).map(|(a, b)| a * b).sum();
                let error = f64::from(found - (&row - &center).dot(&query));
                bias += error / 400.0;
                spread += error * error / 400.0;
            }
            let spread = spread.sqrt();
            assert!(bias.abs() < 4.0 * spread / 20.0, "{bits} bits: {bias} {spread}");
            errors.push(spread);
        }
        assert!(errors.windows(2).all(|pair| pair[1] < 0.6 * pair[0]), "{errors:?}");
    }
}
