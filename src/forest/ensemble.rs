//! What regression and classification forests share: draws, trees, votes.

use ndarray::{Array2, ArrayView2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::bins::Bins;
use super::grow::{Growth, Target, grow};
use super::ordered::MOST_ROWS;
use super::params::ForestValidParams;
use super::tree::Tree;
use super::walk::{Columns, Walk, leaves_of};
use crate::error::{Error, Result};
use crate::progress::steps;

/// Grown trees.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ensemble {
    pub trees: Vec<Tree>,
    pub n_features: usize,
    /// For each feature how much of all impurity its splits took away; they sum to 1, or are all 0.
    pub importance: Vec<f64>,
}

/// An ensemble and, when asked for, what the trees that did not see a row say of it (`n x width`;
/// NaN for a row that every tree has seen).
pub(super) type Grown = (Ensemble, Option<Array2<f64>>);

/// # Errors
/// When there are more rows than a tree can number.
pub(super) fn require_few_enough(n_rows: usize) -> Result<()> {
    if n_rows >= MOST_ROWS {
        return Err(Error::input("too many rows for trees")
            .seen(n_rows.to_string())
            .advice(format!("take a sample of fewer than {MOST_ROWS}")));
    }
    Ok(())
}

/// Grows the trees; `target` makes what a tree needs of the targets.
pub(super) fn grow_trees<'a, M: Sync>(
    rows: ArrayView2<'_, f32>,
    weights: &[f64],
    params: &ForestValidParams<M>,
    target: impl Fn() -> Target<'a> + Sync,
) -> Grown {
    let bins = Bins::new(rows, params.max_bins, params.seed);
    let growth = Growth {
        max_depth: params.max_depth.unwrap_or(usize::MAX),
        min_samples_split: params.min_samples_split,
        min_samples_leaf: params.min_samples_leaf,
        max_leaf_nodes: params.max_leaf_nodes,
        n_candidates: params.max_features.count(rows.ncols()),
        extra_trees: params.extra_trees,
        shared_search: params.n_estimators < 2 * rayon::current_num_threads(),
    };
    let steps = steps("trees", params.n_estimators);
    let grown: Vec<(Tree, Vec<f64>)> = (0..params.n_estimators)
        .into_par_iter()
        .map(|at| {
            let mut random = stream(params.seed, at);
            let weights = drawn(weights, params.bootstrap, &mut random);
            let mut importance = vec![0.0; rows.ncols()];
            let tree = grow(&bins, &mut target(), &weights, &growth, &mut random, &mut importance);
            let total: f64 = importance.iter().sum();
            if total > 0.0 {
                importance.iter_mut().for_each(|value| *value /= total);
            }
            steps.add(1);
            (tree, importance)
        })
        .collect();
    let mut importance = vec![0.0; rows.ncols()];
    let mut trees = Vec::with_capacity(grown.len());
    for (tree, of_tree) in grown {
        importance.iter_mut().zip(of_tree).for_each(|(sum, value)| *sum += value);
        trees.push(tree);
    }
    let total: f64 = importance.iter().sum();
    if total > 0.0 {
        importance.iter_mut().for_each(|value| *value /= total);
    }
    let ensemble = Ensemble { trees, n_features: rows.ncols(), importance };
    let unseen = params.oob_score.then(|| out_of_bag(&ensemble, rows, weights, params));
    (ensemble, unseen)
}

/// A tree's random stream.
pub(super) fn stream(seed: u64, tree: usize) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(tree as u64);
    random
}

/// What a tree's rows weigh: how often each was drawn, or without a draw its own weight. Rows are drawn with
/// a probability in proportion to their weight, as in scikit-learn since 1.9: a weight changes how often a row
/// is seen, and not how much of a leaf it is.
fn drawn(weights: &[f64], bootstrap: bool, random: &mut ChaCha8Rng) -> Vec<f32> {
    let n = weights.len();
    if !bootstrap {
        return weights.iter().map(|weight| *weight as f32).collect();
    }
    let mut times = vec![0_u32; n];
    if weights.iter().all(|weight| *weight == weights[0]) {
        (0..n).for_each(|_| times[random.gen_range(0..n)] += 1);
    } else {
        let mut whole = 0.0;
        let ends: Vec<f64> = weights
            .iter()
            .map(|weight| {
                whole += weight;
                whole
            })
            .collect();
        // Rounding may draw the whole itself: the last row with a weight then.
        let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
        for _ in 0..n {
            let drawn = random.r#gen::<f64>() * whole;
            times[ends.partition_point(|end| *end <= drawn).min(last)] += 1;
        }
    }
    times.into_iter().map(|times| times as f32).collect()
}

fn out_of_bag<M: Sync>(
    ensemble: &Ensemble,
    rows: ArrayView2<'_, f32>,
    weights: &[f64],
    params: &ForestValidParams<M>,
) -> Array2<f64> {
    let width = ensemble.width();
    let mut sums = Array2::zeros((rows.nrows(), width));
    let mut counts = vec![0_u32; rows.nrows()];
    // Trees are walked side by side, some at a time, and added in their order.
    for first in (0..ensemble.trees.len()).step_by(16) {
        let last = (first + 16).min(ensemble.trees.len());
        let leaves: Vec<Vec<u32>> = (first..last)
            .into_par_iter()
            .map(|at| {
                let times = drawn(weights, params.bootstrap, &mut stream(params.seed, at));
                let mut leaves = vec![u32::MAX; rows.nrows()];
                leaves_of(&ensemble.trees[at], rows, |row, leaf| {
                    if times[row] == 0.0 {
                        leaves[row] = leaf as u32;
                    }
                });
                leaves
            })
            .collect();
        for (tree, leaves) in ensemble.trees[first..last].iter().zip(leaves) {
            for (row, leaf) in leaves.iter().enumerate().filter(|(_, leaf)| **leaf != u32::MAX) {
                counts[row] += 1;
                let mut sums = sums.row_mut(row);
                tree.leaves.add_to(*leaf as usize, sums.as_slice_mut().unwrap_or_default());
            }
        }
    }
    for (mut row, count) in sums.rows_mut().into_iter().zip(counts) {
        row.mapv_inplace(|sum| if count == 0 { f64::NAN } else { sum / f64::from(count) });
    }
    sums
}

impl Ensemble {
    /// Numbers of a prediction: 1, or the number of classes.
    pub fn width(&self) -> usize {
        self.trees[0].leaves.width
    }

    /// The mean of the trees' values for each row, `n x width`.
    pub fn mean_values(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        let share = 1.0 / self.trees.len() as f64;
        let mut means = self.sums(rows)?;
        means.par_mapv_inplace(|sum| sum * share);
        Ok(means)
    }

    /// The sum of the trees' values for each row, `n x width`.
    pub fn sums(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        if rows.ncols() != self.n_features {
            return Err(Error::argument("the rows and the model have different dimensions")
                .seen(format!("{} in the rows, {} in the model", rows.ncols(), self.n_features))
                .advice("use vectors of the same embedding model"));
        }
        crate::rows::require_finite(rows)?;
        let width = self.width();
        let block = Walk::rows_at_once(self.n_features);
        let walk = Walk::new(&self.trees, rows.nrows(), rows.ncols());
        let mut sums = Array2::zeros((rows.nrows(), width));
        sums.axis_chunks_iter_mut(ndarray::Axis(0), block)
            .into_par_iter()
            .zip(rows.axis_chunks_iter(ndarray::Axis(0), block))
            .for_each_init(Columns::default, |columns, (mut sums, rows)| {
                let Some(sums) = sums.as_slice_mut() else { return };
                walk.leaves_of(rows, columns, |tree, row, leaf| {
                    self.trees[tree].leaves.add_to(leaf, &mut sums[row * width..(row + 1) * width]);
                });
            });
        Ok(sums)
    }
}
