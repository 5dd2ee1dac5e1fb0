//! The crate `bhtsne` as the engine of a map.

use bhtsne::{Neighbor, tSNE};
use rayon::ThreadPoolBuilder;

use super::NeighborGraph;
use super::params::TsneValidParams;
use crate::error::{Error, Result};

/// One fit for one number of dimensions; the crate's bounds on it are not public.
macro_rules! run {
    ($dimensions:literal, $near:expr, $start:expr, $params:expr) => {{
        let nothing = vec![(); $near.len()];
        let rate = $params.learning_rate.unwrap_or($near.len() as f64 / 2.0);
        let mut fit: tSNE<'_, f32, (), $dimensions> = tSNE::new(&nothing);
        fit.perplexity($params.perplexity as f32)
            .epochs($params.max_iter)
            .stop_lying_epoch($params.early_iterations())
            .momentum_switch_epoch($params.early_iterations())
            .early_exaggeration($params.early_exaggeration as f32)
            .learning_rate(rate as f32)
            .initial_embedding($start)
            .barnes_hut_with_neighbors($params.angle as f32, &$near);
        fit.embedding()
    }};
}

/// Moves the points (n x D, row by row) by `bhtsne`'s Barnes-Hut optimiser, from the given start and neighbours.
///
/// What the crate leaves to chance is taken from it: it has no seed, so start and neighbours are
/// ours; it adds up in an order that threads decide, so it runs on one thread; its own divergence is
/// that of other affinities, so ours is computed afterwards. Its gradient lacks a factor of 4 that
/// scikit-learn's has, and its gains stop at 2; a learning rate of half the number of rows, found by
/// trying, makes up for most of that.
///
/// # Errors
/// When no thread can be started.
pub(super) fn optimize<const D: usize>(
    neighbors: &NeighborGraph,
    at: &mut [[f32; D]],
    params: &TsneValidParams,
) -> Result<()> {
    let near: Vec<Vec<Neighbor<f32>>> = (0..neighbors.n_rows())
        .map(|row| {
            let pairs = neighbors.rows(row).iter().zip(neighbors.scaled(row));
            pairs.map(|(other, distance)| Neighbor { index: *other as usize, distance: *distance }).collect()
        })
        .collect();
    let start: Vec<f32> = at.iter().flatten().copied().collect();
    let pool = ThreadPoolBuilder::new().num_threads(1).build().map_err(|error| {
        Error::memory("cannot start a thread for bhtsne").source(error).advice("use the engine embedlab")
    })?;
    let moved = pool.install(|| match D {
        3 => run!(3, near, start, params),
        _ => run!(2, near, start, params),
    });
    for (point, moved) in at.iter_mut().zip(moved.chunks_exact(D)) {
        point.copy_from_slice(moved);
    }
    Ok(())
}
