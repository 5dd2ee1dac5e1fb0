//! How much of the neighbourhood of a row a map keeps.

use ndarray::{ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::rows::{Metric, Neighbor, top_k};

/// Rows that are looked at; with fewer rows, all of them.
const SAMPLE: usize = 2_000;

/// The share of nearest neighbours that are nearest neighbours on the map as well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NeighborsKept {
    /// How many neighbours of each row were compared.
    pub k: usize,
    /// The mean share, 0 to 1.
    pub share: f64,
    /// What a map that says nothing would keep.
    pub by_chance: f64,
    /// The standard error of the share, when rows were sampled.
    pub standard_error: Option<f64>,
}

/// Compares the `k` nearest rows of each row (n x d, by Euclidean distance) with its `k` nearest
/// points on the map (n x 2 or 3). Up to 2,000 rows all are compared, above a seeded sample of them,
/// each against all rows.
///
/// ```
/// use embedlab::map::neighbors_kept;
/// let rows = ndarray::array![[0.0_f32, 0.0], [1.0, 0.0], [5.0, 0.0], [6.0, 0.0]];
/// let kept = neighbors_kept(rows.view(), rows.view(), 1, 42)?;
/// assert_eq!(kept.share, 1.0);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When rows and points differ in number, or there are no more rows than `k`.
pub fn neighbors_kept(
    rows: ArrayView2<'_, f32>,
    points: ArrayView2<'_, f32>,
    k: usize,
    seed: u64,
) -> Result<NeighborsKept> {
    let n = rows.nrows();
    if points.nrows() != n || k == 0 || n <= k {
        return Err(Error::argument("neighbours cannot be compared")
            .seen(format!("{n} rows, {} points, {k} neighbours", points.nrows()))
            .advice("give one point for each row, and fewer neighbours than rows"));
    }
    let mut chosen: Vec<usize> = if n <= SAMPLE {
        (0..n).collect()
    } else {
        index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, SAMPLE).into_vec()
    };
    chosen.sort_unstable();
    let near = top_k(&rows, rows.select(Axis(0), &chosen).view(), k + 1, Metric::L2)?;
    let drawn = top_k(&points, points.select(Axis(0), &chosen).view(), k + 1, Metric::L2)?;
    let shares: Vec<f64> = chosen
        .iter()
        .zip(near.iter().zip(&drawn))
        .map(|(row, (near, drawn))| {
            let (near, drawn) = (others(near, *row, k), others(drawn, *row, k));
            near.iter().filter(|row| drawn.contains(row)).count() as f64 / k as f64
        })
        .collect();
    let count = shares.len() as f64;
    let share = shares.iter().sum::<f64>() / count;
    let variance = shares.iter().map(|value| (value - share).powi(2)).sum::<f64>() / (count - 1.0);
    let unseen = 1.0 - count / n as f64;
    Ok(NeighborsKept {
        k,
        share,
        by_chance: k as f64 / (n - 1) as f64,
        standard_error: (shares.len() < n).then(|| (variance / count * unseen).sqrt()),
    })
}

/// The `k` nearest without the row itself, which need not come first when rows repeat.
fn others(found: &[Neighbor], row: usize, k: usize) -> Vec<usize> {
    found.iter().map(|neighbor| neighbor.row).filter(|other| *other != row).take(k).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn a_map_of_noise_keeps_what_chance_keeps() {
        let rows = Array2::from_shape_fn((600, 5), |(i, j)| ((i * 7919 + j * 104729) % 1009) as f32);
        let noise = Array2::from_shape_fn((600, 2), |(i, j)| ((i * 6007 + j * 3001) % 997) as f32);
        let kept = neighbors_kept(rows.view(), noise.view(), 10, 1).unwrap();
        assert!((kept.by_chance - 10.0 / 599.0).abs() < 1e-12);
        assert!(kept.share < 0.15, "{}", kept.share);
        assert_eq!(neighbors_kept(rows.view(), rows.view(), 10, 1).unwrap().share, 1.0);
        assert!(neighbors_kept(rows.view(), noise.view(), 600, 1).is_err());
    }
}
