//! How much of an exact search an index finds, of queries that a user could ask.

use ndarray::{Array2, ArrayView2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build::Graph;
use super::graph::nearest;
use super::space::Space;
use crate::error::{Error, Result};
use crate::metric::{Z95, wilson};
use crate::rows::{Metric, TopK, fold_rows};

/// Queries of each kind, and the fewest rows that are measured.
pub(super) const QUERIES: usize = 200;
pub(super) const FEWEST_ROWS: usize = 100;

/// Widths of the walk that are measured, until one is good enough.
const LADDER: [usize; 8] = [16, 32, 64, 128, 256, 512, 1024, 2048];

/// What the default width reaches: the lower end of the interval of the worse kind of query.
pub(super) const ENOUGH: f64 = 0.95;

/// The share of the `k` nearest rows that an index finds, by the width of the walk.
///
/// Queries are rows that were held out of the index, as a new text is, and points half-way between two
/// random rows, which are far from all of them. (Points between a row and its neighbour, which an index
/// finds easily, would say 99 % where these say 83.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recall {
    /// Neighbours that were asked for.
    pub k: usize,
    /// Queries of each kind.
    pub queries: usize,
    /// The recall for each width that was measured, ascending.
    pub by_ef: Vec<EfRecall>,
}

/// The recall of walks with `ef` rows in view.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EfRecall {
    /// Rows in view of the walk.
    pub ef: usize,
    /// The mean share of the nearest rows found, of rows held out of the index.
    pub held_out: f64,
    /// The same, half-way between random pairs of rows.
    pub random_pairs: f64,
    /// The lower of the two.
    pub recall: f64,
    /// The lower end of its 95 % interval (Wilson 1927, each query taken as one trial, which is wide enough
    /// for any distribution of the shares).
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Recall {
    /// The narrowest width whose recall is at least 0.95, interval included; else the widest measured.
    pub fn default_ef(&self) -> usize {
        let enough = self.by_ef.iter().find(|measured| measured.low >= ENOUGH);
        enough.or(self.by_ef.last()).map_or(LADDER[LADDER.len() - 1], |measured| measured.ef)
    }

    /// The recall of the widest walk measured that is not wider than `ef`: a search finds at least this much,
    /// on average. `None` when all are wider.
    pub fn at(&self, ef: usize) -> Option<EfRecall> {
        self.by_ef.iter().rev().find(|measured| measured.ef <= ef).copied()
    }
}

/// Measures a graph that holds the rows `inside` and not those held out.
pub(super) fn measure(
    graph: &Graph,
    space: &Space<'_>,
    inside: &[u32],
    held_out: &[u32],
    k: usize,
    seed: u64,
) -> Result<Recall> {
    let k = k.clamp(1, inside.len());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(1);
    let row = |row: u32| space.point(row).values;
    let asked: Vec<Vec<f32>> = held_out.iter().map(|at| row(*at).to_vec()).collect();
    let halfway: Vec<Vec<f32>> = (0..held_out.len())
        .map(|_| {
            let mut draw = || row(inside[random.gen_range(0..inside.len())]);
            between(draw(), draw(), space.metric)
        })
        .collect();
    let held = Asked::new(space, inside, asked, k)?;
    let pairs = Asked::new(space, inside, halfway, k)?;
    let mut by_ef = Vec::new();
    for ef in LADDER {
        let (held_out, random_pairs) = (held.recall(graph, space, k, ef), pairs.recall(graph, space, k, ef));
        let recall = held_out.min(random_pairs);
        let (low, high) = wilson(recall, held.n().min(pairs.n()) as f64, Z95);
        by_ef.push(EfRecall { ef, held_out, random_pairs, recall, low, high });
        if low >= ENOUGH && ef >= 64 {
            break;
        }
    }
    Ok(Recall { k, queries: held.n().min(pairs.n()), by_ef })
}

/// Half-way between two rows; by the cosine, between their directions.
fn between(a: &[f32], b: &[f32], metric: Metric) -> Vec<f32> {
    let scale = |row: &[f32]| match metric {
        Metric::Cosine => {
            let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            if length > 0.0 { 1.0 / length } else { 0.0 }
        }
        _ => 1.0,
    };
    let (of_a, of_b) = (scale(a), scale(b));
    a.iter().zip(b).map(|(a, b)| ((f64::from(*a) * of_a + f64::from(*b) * of_b) / 2.0) as f32).collect()
}

/// Queries with the distance of the k-th nearest row.
struct Asked {
    queries: Vec<Vec<f32>>,
    far: Vec<f64>,
}

impl Asked {
    fn new(space: &Space<'_>, inside: &[u32], mut queries: Vec<Vec<f32>>, k: usize) -> Result<Asked> {
        queries.retain(|query| space.metric != Metric::Cosine || query.iter().any(|x| *x != 0.0));
        let mut keep = vec![false; space.lengths.len()];
        inside.iter().for_each(|row| keep[*row as usize] = true);
        let odd = |error| Error::input("the recall cannot be measured").source(error);
        let rows = ArrayView2::from_shape((keep.len(), space.dims), space.rows).map_err(odd)?;
        let matrix = Array2::from_shape_vec((queries.len(), space.dims), queries.concat()).map_err(odd)?;
        let search = TopK::new(&rows, matrix.view(), k, space.metric)?.among(Some(&keep)).skip_zeros();
        let found = fold_rows(&rows, &search)?;
        let far =
            search.nearest(found).iter().map(|near| near.last().map_or(0.0, |hit| hit.distance)).collect();
        Ok(Asked { queries, far })
    }

    fn n(&self) -> usize {
        self.queries.len()
    }

    /// The mean share found; rows as near as the last of the exact ones are as good.
    fn recall(&self, graph: &Graph, space: &Space<'_>, k: usize, ef: usize) -> f64 {
        let shares: Vec<f64> = self
            .queries
            .par_iter()
            .zip(&self.far)
            .map(|(query, far)| {
                let found = nearest(graph, space, query, k, ef);
                found.iter().filter(|hit| hit.distance <= *far).count() as f64 / k as f64
            })
            .collect();
        shares.iter().sum::<f64>() / shares.len().max(1) as f64
    }
}
