//! The cosine of pairs of rows, drawn at random.

use ndarray::ArrayView2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::Result;
use crate::rows::simd::dot_f64;
use crate::rows::{norms, require_finite};

/// The cosine of `pairs` pairs of different rows, each drawn at random (a pair may come twice). Rows of zeros have no
/// direction and are passed over; of fewer than two others there are no pairs.
///
/// ```
/// use embedlab::quality::pair_cosines;
/// let rows = ndarray::array![[1.0_f32, 0.0], [3.0, 0.0], [0.0, 0.0]];
/// assert_eq!(pair_cosines(rows.view(), 4, 42)?, [1.0; 4]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// For numbers that are not finite.
pub fn pair_cosines(rows: ArrayView2<'_, f32>, pairs: usize, seed: u64) -> Result<Vec<f32>> {
    require_finite(rows)?;
    let lengths = norms(&rows)?;
    let some: Vec<usize> = (0..rows.nrows()).filter(|row| lengths[*row] > 0.0).collect();
    if some.len() < 2 {
        return Ok(Vec::new());
    }
    let rows = rows.as_standard_layout();
    let cosine = |a: usize, b: usize| {
        let product = match (rows.row(a).to_slice(), rows.row(b).to_slice()) {
            (Some(a), Some(b)) => dot_f64(a, b),
            _ => 0.0,
        };
        (product / (lengths[a] * lengths[b])).clamp(-1.0, 1.0) as f32
    };
    Ok((0..pairs as u64)
        .into_par_iter()
        .map(|pair| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(pair);
            let a = random.gen_range(0..some.len());
            let b = (a + random.gen_range(1..some.len())) % some.len();
            cosine(some[a], some[b])
        })
        .collect())
}
