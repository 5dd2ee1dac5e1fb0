//! How far a map is from the affinities of its rows.

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::affinities::Affinities;
use super::attraction::divergences;
use super::kernel::{Sources, TARGETS, repel, targets};
use crate::error::{Error, Result};
use crate::map::NeighborGraph;

/// Up to this many points all pairs are summed.
const ALL: usize = 50_000;

/// Above, the pairs of this many points with all others.
const SAMPLE: usize = 10_000;

/// A Kullback-Leibler divergence: 0 for a map whose distances say all that the affinities say.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    /// The divergence, in nats.
    pub value: f64,
    /// Its standard error, when the pairs of points were sampled (above 50,000 points).
    pub standard_error: Option<f64>,
    /// Each row's part times the number of rows: their mean is the divergence. A row with a large
    /// part does not lie where its neighbours are.
    pub of_rows: Vec<f64>,
}

/// The divergence of any map (n x 2 or 3) from the affinities of its rows by perplexity, from a graph
/// of at least three times as many neighbours.
///
/// # Errors
/// When points and neighbours differ in number, the points are not of two or three dimensions or not
/// finite, or the graph has too few neighbours.
pub fn map_divergence(
    neighbors: &NeighborGraph,
    points: ArrayView2<'_, f32>,
    perplexity: f64,
    seed: u64,
) -> Result<Divergence> {
    if points.nrows() != neighbors.n_rows() || perplexity.is_nan() || perplexity < 1.0 {
        return Err(Error::argument("a map and neighbours that do not belong together").seen(format!(
            "{} points, neighbours of {} rows, perplexity {perplexity}",
            points.nrows(),
            neighbors.n_rows()
        )));
    }
    if (neighbors.k() as f64) < (3.0 * perplexity).floor() {
        return Err(Error::argument("too few neighbours for the perplexity")
            .seen(format!("{} neighbours, perplexity {perplexity}", neighbors.k())));
    }
    crate::rows::require_finite(points)?;
    let affinities = Affinities::new(neighbors, perplexity);
    match points.ncols() {
        2 => Ok(divergence::<2>(&affinities, &arrays(points), seed)),
        3 => Ok(divergence::<3>(&affinities, &arrays(points), seed)),
        other => Err(Error::argument("a map has two or three dimensions").seen(other.to_string())),
    }
}

/// The points of a map with D columns.
pub(super) fn arrays<const D: usize>(points: ArrayView2<'_, f32>) -> Vec<[f32; D]> {
    points.rows().into_iter().map(|row| std::array::from_fn(|d| row[d])).collect()
}

pub(super) fn divergence<const D: usize>(affinities: &Affinities, at: &[[f32; D]], seed: u64) -> Divergence {
    let n = at.len();
    let (weight, relative_error) = weight(at, seed);
    let mut of_rows = divergences(affinities, at, weight.max(f64::MIN_POSITIVE));
    let value = of_rows.iter().sum();
    of_rows.iter_mut().for_each(|part| *part *= n as f64);
    // The logarithm of the weight is what is uncertain, and is in the divergence once.
    Divergence { value, standard_error: relative_error, of_rows }
}

/// The sum over all pairs of different points, twice each, of 1 / (1 + squared distance), and its
/// relative standard error when points were sampled.
fn weight<const D: usize>(at: &[[f32; D]], seed: u64) -> (f64, Option<f64>) {
    let n = at.len();
    let mut sources = Sources::default();
    sources.extend(at);
    let chosen: Vec<[f32; D]> = if n <= ALL {
        at.to_vec()
    } else {
        let mut chosen = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, SAMPLE).into_vec();
        chosen.sort_unstable();
        chosen.into_iter().map(|row| at[row]).collect()
    };
    let of_chunk = |points: &[[f32; D]]| {
        let found = repel(&targets(points), &sources);
        found.weight[..points.len()].iter().map(|weight| f64::from(*weight) - 1.0).collect::<Vec<f64>>()
    };
    let weights: Vec<f64> = chosen.par_chunks(TARGETS).flat_map_iter(of_chunk).collect();
    let sum: f64 = weights.iter().sum();
    if n <= ALL {
        return (sum, None);
    }
    let mean = sum / weights.len() as f64;
    let variance =
        weights.iter().map(|weight| (weight - mean).powi(2)).sum::<f64>() / (weights.len() - 1) as f64;
    let unseen = 1.0 - weights.len() as f64 / n as f64;
    (mean * n as f64, Some((variance * unseen / weights.len() as f64).sqrt() / mean))
}
