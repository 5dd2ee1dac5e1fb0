//! Moves the points of a map until they lie as their affinities want them.

use rayon::prelude::*;

use super::affinities::Affinities;
use super::attraction::{attraction, divergences};
use super::barnes_hut::BarnesHut;
use super::exact::Exact;
use super::interpolation::Interpolation;
use super::params::{Gradient, TsneValidParams};

/// The least gain of a coordinate.
const LEAST_GAIN: f32 = 0.01;

/// A point moves by at most this in one iteration, as in openTSNE.
const LONGEST_STEP: f32 = 5.0;

/// Iterations between two reports of progress.
const REPORT: usize = 50;

/// Points that one thread moves at a time.
const CHUNK: usize = 4096;

/// How far the optimisation of a map has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Iterations done.
    pub iteration: usize,
    /// Iterations in all.
    pub max_iter: usize,
    /// The Kullback-Leibler divergence, by the approximation that the gradient uses.
    pub divergence: f64,
}

/// How the repulsion of all points is summed.
enum Repulsion<const D: usize> {
    Exact(Exact<D>),
    BarnesHut(BarnesHut<D>),
    Interpolation(Box<Interpolation>),
}

impl<const D: usize> Repulsion<D> {
    fn new(gradient: Gradient, angle: f64) -> Self {
        match gradient {
            Gradient::Exact => Repulsion::Exact(Exact::default()),
            Gradient::Interpolation if D == 2 => Repulsion::Interpolation(Box::default()),
            _ => Repulsion::BarnesHut(BarnesHut::new(angle)),
        }
    }

    /// Writes the repulsion on each point; gives the sum of all weights.
    fn repulsion(&mut self, at: &[[f32; D]], out: &mut [[f32; D]]) -> f64 {
        match self {
            Repulsion::Exact(exact) => exact.repulsion(at, out),
            Repulsion::BarnesHut(tree) => tree.repulsion(at, out),
            Repulsion::Interpolation(grid) => grid.repulsion(at, out),
        }
    }
}

/// Gradient descent with momentum and a gain for each coordinate (Jacobs, 1988), which grows while a
/// coordinate's gradient turns back and shrinks while it keeps its direction, as openTSNE does it.
///
/// In the first phase the affinities are exaggerated, so that clusters find together. The number of
/// iterations is fixed: no phase ends because it seems to have converged.
pub(super) fn optimize<const D: usize>(
    affinities: &Affinities,
    at: &mut [[f32; D]],
    params: &TsneValidParams,
    progress: &mut dyn FnMut(Progress),
) {
    let n = at.len();
    let mut repulsion = Repulsion::new(params.gradient_for(n), params.angle);
    let mut update = vec![[0.0_f32; D]; n];
    let mut gains = vec![[1.0_f32; D]; n];
    let mut pull = vec![[0.0_f32; D]; n];
    let mut push = vec![[0.0_f32; D]; n];
    for iteration in 0..params.max_iter {
        let early = iteration < params.early_iterations();
        let exaggeration = if early { params.early_exaggeration } else { 1.0 };
        let momentum = if early { params.early_momentum } else { params.momentum } as f32;
        // The gradient has a factor of 4.
        let rate = (4.0 * params.learning_rate_for(n, exaggeration)) as f32;
        attraction(affinities, at, &mut pull);
        let weight = repulsion.repulsion(at, &mut push).max(f64::MIN_POSITIVE);
        if (iteration + 1) % REPORT == 0 {
            let divergence = divergences(affinities, at, weight).iter().sum();
            progress(Progress { iteration: iteration + 1, max_iter: params.max_iter, divergence });
        }
        let (exaggeration, share) = (exaggeration as f32, (1.0 / weight) as f32);
        let steps =
            at.par_chunks_mut(CHUNK).zip(update.par_chunks_mut(CHUNK)).zip(gains.par_chunks_mut(CHUNK));
        let sums: Vec<[f64; D]> = steps
            .zip(pull.par_chunks(CHUNK).zip(push.par_chunks(CHUNK)))
            .map(|(((at, update), gains), (pull, push))| {
                let mut sum = [0.0; D];
                for (i, at) in at.iter_mut().enumerate() {
                    let gradient: [f32; D] =
                        std::array::from_fn(|d| exaggeration * pull[i][d] - share * push[i][d]);
                    step(at, &mut update[i], &mut gains[i], gradient, rate, momentum);
                    (0..D).for_each(|d| sum[d] += f64::from(at[d]));
                }
                sum
            })
            .collect();
        let mean: [f32; D] =
            std::array::from_fn(|d| (sums.iter().map(|sum| sum[d]).sum::<f64>() / n as f64) as f32);
        at.par_chunks_mut(CHUNK)
            .for_each(|at| at.iter_mut().flatten().zip(mean.iter().cycle()).for_each(|(x, mean)| *x -= mean));
    }
}

/// Moves one point.
#[inline]
pub(super) fn step<const D: usize>(
    at: &mut [f32; D],
    update: &mut [f32; D],
    gains: &mut [f32; D],
    gradient: [f32; D],
    rate: f32,
    momentum: f32,
) {
    let mut length = 0.0;
    for d in 0..D {
        let onward = (update[d] > 0.0) == (gradient[d] > 0.0) && update[d] != 0.0;
        gains[d] = if onward { gains[d] * 0.8 + LEAST_GAIN } else { gains[d] + 0.2 };
        update[d] = momentum * update[d] - rate * gains[d] * gradient[d];
        length += update[d] * update[d];
    }
    let shorten = LONGEST_STEP / length.sqrt().max(LONGEST_STEP);
    for d in 0..D {
        update[d] *= shorten;
        at[d] += update[d];
    }
}
