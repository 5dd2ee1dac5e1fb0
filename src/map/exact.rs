//! Repulsion of all pairs: for few points quicker than any tree.

use rayon::prelude::*;

use super::kernel::{Sources, TARGETS, repel, targets};

/// All points, and memory that is used again.
#[derive(Debug, Clone, Default)]
pub(super) struct Exact<const D: usize> {
    sources: Sources<D>,
}

impl<const D: usize> Exact<D> {
    /// Writes the repulsion of all points on each point, and gives the sum of all weights, as
    /// [`BarnesHut::repulsion`](super::barnes_hut::BarnesHut::repulsion).
    pub fn repulsion(&mut self, at: &[[f32; D]], out: &mut [[f32; D]]) -> f64 {
        self.sources.clear();
        self.sources.extend(at);
        let sources = &self.sources;
        let weights: Vec<f64> = out
            .par_chunks_mut(TARGETS)
            .zip(at.par_chunks(TARGETS))
            .map(|(out, points)| {
                let found = repel(&targets(points), sources);
                for (t, force) in out.iter_mut().enumerate() {
                    *force = std::array::from_fn(|d| found.force[d][t]);
                }
                found.weight[..points.len()].iter().map(|weight| f64::from(*weight)).sum()
            })
            .collect();
        weights.iter().sum::<f64>() - at.len() as f64
    }
}
