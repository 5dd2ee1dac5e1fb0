//! The cosine of pairs of rows, drawn at random.

use ndarray::ArrayView2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::pair_products::pair_products;
use crate::error::Result;
use crate::rows::simd::dot_f64;
use crate::rows::{RowSource, norms, require_finite};

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
    let some = with_direction(&lengths);
    if some.len() < 2 {
        return Ok(Vec::new());
    }
    let rows = rows.as_standard_layout();
    let product = |a: usize, b: usize| match (rows.row(a).to_slice(), rows.row(b).to_slice()) {
        (Some(a), Some(b)) => dot_f64(a, b),
        _ => 0.0,
    };
    Ok((0..pairs as u64)
        .into_par_iter()
        .map(|pair| {
            let (a, b) = drawn(&some, pair, seed);
            cosine(product(a, b), lengths[a], lengths[b])
        })
        .collect())
}

/// The same of any source, of which about so many rows are held at once.
pub(crate) fn pair_cosines_within(
    source: &(impl RowSource + ?Sized),
    pairs: usize,
    seed: u64,
    held_rows: usize,
) -> Result<Vec<f32>> {
    let lengths = norms(source)?;
    let some = with_direction(&lengths);
    if some.len() < 2 {
        return Ok(Vec::new());
    }
    let pairs: Vec<(usize, usize)> = (0..pairs as u64).map(|pair| drawn(&some, pair, seed)).collect();
    let products = pair_products(source, &pairs, held_rows)?;
    let found = products.into_iter().zip(pairs);
    Ok(found.map(|(product, (a, b))| cosine(product, lengths[a], lengths[b])).collect())
}

/// The rows that are not zero.
fn with_direction(lengths: &[f64]) -> Vec<usize> {
    (0..lengths.len()).filter(|row| lengths[*row] > 0.0).collect()
}

/// A pair of two of some rows; each number of a pair has a random stream of its own.
fn drawn(some: &[usize], pair: u64, seed: u64) -> (usize, usize) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(pair);
    let a = random.gen_range(0..some.len());
    let b = (a + random.gen_range(1..some.len())) % some.len();
    (some[a], some[b])
}

fn cosine(product: f64, a: f64, b: f64) -> f32 {
    (product / (a * b)).clamp(-1.0, 1.0) as f32
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::rows::Streamed;

    #[test]
    fn pairs_of_rows_that_are_read_have_the_cosines_of_those_in_memory() {
        let mut rows =
            Array2::from_shape_fn((5000, 6), |(i, j)| ((i * 31 + j * 17) % 101) as f32 * 0.1 - 4.0);
        rows.row_mut(17).fill(0.0);
        let expected = pair_cosines(rows.view(), 300, 5).unwrap();
        for held in [10, usize::MAX] {
            assert_eq!(pair_cosines_within(&Streamed(&rows), 300, 5, held).unwrap(), expected);
        }
    }
}
