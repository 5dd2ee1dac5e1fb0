//! Attraction along the affinities, and how far a map is from them.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::affinities::Affinities;
use super::kernel::reciprocal;

/// Rows whose work is worth a thread of its own.
const ROWS: usize = 64;

/// Writes for each point the sum of p·q·(point - other) over its affinities, with
/// q = 1 / (1 + squared distance).
pub(super) fn attraction<const D: usize>(affinities: &Affinities, at: &[[f32; D]], out: &mut [[f32; D]]) {
    out.par_chunks_mut(ROWS).enumerate().for_each_init(
        || std::array::from_fn::<Vec<f32>, D, _>(|_| Vec::new()),
        |places, (chunk, out)| {
            for (i, force) in out.iter_mut().enumerate() {
                let row = chunk * ROWS + i;
                let (others, values) = affinities.row(row);
                for (d, places) in places.iter_mut().enumerate() {
                    places.clear();
                    places.extend(others.iter().map(|other| at[*other as usize][d]));
                }
                *force = pull(at[row], places, values);
            }
        },
    );
}

/// The attraction of one point by others at `places` (one array for each dimension).
pub(super) fn pull<const D: usize>(at: [f32; D], places: &[Vec<f32>; D], values: &[f32]) -> [f32; D] {
    Arch::new().dispatch(Attract { at, places, values })
}

struct Attract<'a, const D: usize> {
    at: [f32; D],
    places: &'a [Vec<f32>; D],
    values: &'a [f32],
}

impl<const D: usize> WithSimd for Attract<'_, D> {
    type Output = [f32; D];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; D] {
        let at = self.at.map(|x| simd.splat_f32s(x));
        let n = self.values.len();
        let mut force = [simd.splat_f32s(0.0); D];
        for first in (0..n).step_by(S::F32_LANES) {
            let end = (first + S::F32_LANES).min(n);
            let mut apart = [simd.splat_f32s(0.0); D];
            let mut square = simd.splat_f32s(1.0);
            for d in 0..D {
                let places = simd.partial_load_f32s(&self.places[d][first..end]);
                apart[d] = simd.sub_f32s(at[d], places);
                square = simd.mul_add_e_f32s(apart[d], apart[d], square);
            }
            let value = simd.partial_load_f32s(&self.values[first..end]);
            let pq = simd.mul_f32s(value, reciprocal(simd, square));
            for d in 0..D {
                force[d] = simd.mul_add_e_f32s(pq, apart[d], force[d]);
            }
        }
        force.map(|force| simd.reduce_sum_f32s(force))
    }
}

/// Each row's part of the Kullback-Leibler divergence of the map from the affinities, in `f64`: the
/// sum of p·ln(p / q), where `weight` is the sum over all pairs of 1 / (1 + squared distance).
pub(super) fn divergences<const D: usize>(affinities: &Affinities, at: &[[f32; D]], weight: f64) -> Vec<f64> {
    let of_row = |row: usize| {
        let (others, values) = affinities.row(row);
        let part = |(other, p): (&u32, &f32)| {
            let apart: f64 =
                at[row].iter().zip(&at[*other as usize]).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let p = f64::from(*p);
            if p > 0.0 { p * (p * weight * (1.0 + apart)).ln() } else { 0.0 }
        };
        others.iter().zip(values).map(part).sum()
    };
    (0..at.len()).into_par_iter().with_min_len(ROWS).map(of_row).collect()
}
