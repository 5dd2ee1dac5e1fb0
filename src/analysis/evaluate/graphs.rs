//! The graphs of nearest rows, and the figures that come from them: of all rows, or of a sample of queries against all.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::super::given_graph::read_graph;
use super::card::OutlierCount;
use crate::error::{Error, Result};
use crate::quality::{
    DistinctRows, Graph, Hubness, INTRINSIC_NEIGHBORS, IntrinsicDimension, NEAR_DUPLICATE_COSINE,
    OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD, RowOrder, SampleGraph, hubness, hubness_of_sample,
    intrinsic_dimension, intrinsic_dimension_of_sample, knn_outliers, near_groups, near_pairs,
    pairs_of_graph, removed_of, row_order, row_order_of_sample, standard_error,
};
use crate::rows::graph::Lengths;
use crate::rows::{Metric, RowSource};

/// Above this many rows the nearest rows are found for a sample of them.
pub(super) const MOST_ROWS: usize = 100_000;

/// How many rows such a sample has.
pub(super) const SAMPLED_QUERIES: usize = 10_000;

/// Neighbours beyond the wanted ones that are measured by the cosine: rows that are of length 1 to the precision of
/// `f32` only may change places.
const SPARE: usize = 32;

/// A random `most` of `n` rows, ascending; `None` when there are no more.
pub(super) fn sample(n: usize, most: usize, seed: u64) -> Option<Vec<usize>> {
    (n > most).then(|| {
        let mut picked = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, most).into_vec();
        picked.sort_unstable();
        picked
    })
}

/// What nearest rows say.
pub(super) struct Figures {
    pub intrinsic_dimension: IntrinsicDimension,
    pub hubness: Hubness,
    /// Rows that nearly repeat an earlier one.
    pub near: usize,
    pub outliers: OutlierCount,
    pub row_order: Option<RowOrder>,
    /// Of estimates from a sample.
    pub standard_errors: BTreeMap<String, f64>,
}

/// The nearest rows by the cosine.
pub(super) enum Neighborhoods {
    /// Of every row.
    All(Graph),
    /// Of some rows, among all.
    Sample(SampleGraph),
}

impl Neighborhoods {
    /// The neighbours of each list, nearest first.
    pub fn lists(&self) -> &Graph {
        match self {
            Neighborhoods::All(graph) => graph,
            Neighborhoods::Sample(graph) => graph.lists(),
        }
    }

    /// The row that a list belongs to.
    pub fn row(&self, list: usize) -> usize {
        match self {
            Neighborhoods::All(_) => list,
            Neighborhoods::Sample(graph) => graph.queries()[list] as usize,
        }
    }

    /// How many rows were asked for their neighbours, when not all.
    pub fn sampled(&self) -> Option<usize> {
        match self {
            Neighborhoods::All(_) => None,
            Neighborhoods::Sample(graph) => Some(graph.queries().len()),
        }
    }
}

/// The neighbours that all figures together need, of hubness so many.
pub(super) fn wanted(k: usize) -> usize {
    INTRINSIC_NEIGHBORS.max(most_by_cosine(k))
}

/// Those of them that are by the cosine.
fn most_by_cosine(k: usize) -> usize {
    k.max(OUTLIER_NEIGHBORS)
}

/// What the graphs are made of, where all rows are in memory.
pub(super) struct Source<'a> {
    pub rows: ArrayView2<'a, f32>,
    pub distinct: &'a DistinctRows,
    /// Whether all rows are of length 1, and so ranked alike by both distances.
    pub unit: bool,
    /// Neighbours of hubness.
    pub k: usize,
}

impl Source<'_> {
    /// From the graph of every row, that of a file when one is named.
    pub fn of_all(&self, given: Option<&Path>) -> Result<(Figures, Neighborhoods)> {
        let Source { rows, distinct, unit, .. } = *self;
        let k = most_by_cosine(self.k);
        let euclidean = match given {
            Some(path) => {
                let graph = read_graph(path, rows, distinct)?;
                if graph.metric() != Metric::L2 {
                    return Err(Error::argument("the score card needs a Euclidean graph")
                        .file(path)
                        .advice("make it with `embedlab knn FILE --metric euclidean`"));
                }
                graph.of_first_rows(distinct)
            }
            None => Graph::of_distinct(rows, distinct, wanted(self.k), Metric::L2)?,
        };
        let alike = unit && euclidean.k() >= k.min(distinct.len().saturating_sub(1));
        let of_distinct = if alike {
            let nearest = euclidean.truncated(k + SPARE);
            nearest.measured_again(rows, Some(distinct), Metric::Cosine)?.truncated(k)
        } else {
            Graph::of_distinct(rows, distinct, k, Metric::Cosine)?
        };
        let reach = if alike { &euclidean } else { &of_distinct };
        let limit = 1.0 - NEAR_DUPLICATE_COSINE;
        let pairs = match pairs_of_graph(reach, rows, distinct, limit)? {
            Some(pairs) => pairs,
            None => near_pairs(rows, distinct, Metric::Cosine, limit)?,
        };
        let cosine = of_distinct.expanded(distinct, k);
        let figures = Figures {
            intrinsic_dimension: intrinsic_dimension(&euclidean, distinct)?,
            hubness: hubness(&cosine, self.k),
            near: removed_of(&near_groups(distinct, &pairs)),
            outliers: outliers(&cosine, rows.nrows())?,
            row_order: row_order(&cosine),
            standard_errors: BTreeMap::new(),
        };
        Ok((figures, Neighborhoods::All(cosine)))
    }

    /// From the nearest rows of a random sample, among all rows.
    pub fn of_sample(&self, seed: u64) -> Result<(Figures, Neighborhoods)> {
        let Source { rows, distinct, unit, k } = *self;
        let drawn = Drawn::of(distinct, SAMPLED_QUERIES, seed);
        let vectors = &drawn.vectors;
        let euclidean = SampleGraph::of_distinct(rows, distinct, vectors, wanted(k), Metric::L2)?;
        let of_distinct = if unit {
            euclidean.measured_again(rows, distinct, Metric::Cosine)?
        } else {
            SampleGraph::of_distinct(rows, distinct, vectors, wanted(k), Metric::Cosine)?
        };
        drawn.figures(distinct, &euclidean, &of_distinct, k)
    }
}

/// From the nearest rows of so many random ones, among all rows of a source that is passed over.
pub(super) fn of_passes(
    source: &(impl RowSource + ?Sized),
    distinct: &DistinctRows,
    lengths: Lengths,
    (queries, k): (usize, usize),
    seed: u64,
) -> Result<(Figures, Neighborhoods)> {
    let drawn = Drawn::of(distinct, queries, seed);
    let (euclidean, of_distinct) =
        SampleGraph::by_both(source, distinct, &drawn.vectors, wanted(k), lengths)?;
    drawn.figures(distinct, &euclidean, &of_distinct, k)
}

/// Rows that are drawn at random.
struct Drawn {
    rows: Vec<u32>,
    /// The distinct vectors that they hold.
    vectors: Vec<u32>,
}

impl Drawn {
    fn of(distinct: &DistinctRows, most: usize, seed: u64) -> Drawn {
        let n = distinct.n_rows();
        let rows: Vec<u32> = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), n, most.min(n))
            .into_iter()
            .map(|row| row as u32)
            .collect();
        let mut seen = vec![false; distinct.len()];
        let vectors = rows
            .iter()
            .map(|row| distinct.vector_of(*row as usize))
            .filter(|vector| !std::mem::replace(&mut seen[*vector], true))
            .map(|vector| vector as u32)
            .collect();
        Drawn { rows, vectors }
    }

    /// What their nearest vectors by both distances say of all rows.
    fn figures(
        &self,
        distinct: &DistinctRows,
        euclidean: &SampleGraph,
        of_distinct: &SampleGraph,
        k: usize,
    ) -> Result<(Figures, Neighborhoods)> {
        let (n, drawn) = (distinct.n_rows(), &self.rows);
        let cosine = of_distinct.expanded(distinct, drawn, most_by_cosine(k));
        let repeats = repeats(of_distinct, distinct, drawn);
        let share = |kept: &[usize]| {
            Some(kept.iter().filter(|at| repeats[**at]).count() as f64 / kept.len().max(1) as f64)
        };
        let all: Vec<usize> = (0..drawn.len()).collect();
        let near = (share(&all).unwrap_or(0.0) * n as f64).round() as usize;
        let intrinsic = intrinsic_dimension_of_sample(euclidean, distinct)?;
        let hubs = hubness_of_sample(&cosine, k);
        let odd = |kept: &[usize]| outliers(&cosine.lists().picked(kept), n).ok()?.n.map(|n| n as f64);
        let mut errors = intrinsic.standard_errors.clone();
        errors.extend(hubs.standard_error.map(|error| ("hubness_skew".to_owned(), error)));
        for (name, error) in [
            ("near", standard_error(drawn.len(), n, share).map(|error| error * n as f64)),
            ("outliers", standard_error(drawn.len(), n, odd)),
        ] {
            errors.extend(error.map(|error| (name.to_owned(), error)));
        }
        let figures = Figures {
            intrinsic_dimension: intrinsic.found,
            hubness: hubs.found,
            near,
            outliers: outliers(cosine.lists(), n)?,
            row_order: row_order_of_sample(&cosine),
            standard_errors: errors,
        };
        Ok((figures, Neighborhoods::Sample(cosine)))
    }
}

/// How many of `n` rows are odd, by the neighbours of all or some of them.
fn outliers(cosine: &Graph, n: usize) -> Result<OutlierCount> {
    if cosine.n_rows() < 2 {
        return Ok(OutlierCount { n: None, threshold: None });
    }
    let odd = knn_outliers(cosine, OUTLIER_NEIGHBORS, OUTLIER_THRESHOLD)?;
    let share = odd.count() as f64 / cosine.n_rows() as f64;
    Ok(OutlierCount { n: Some((share * n as f64).round() as usize), threshold: Some(odd.threshold) })
}

/// Whether each of some rows has an earlier row that is the same or near.
fn repeats(graph: &SampleGraph, distinct: &DistinctRows, rows: &[u32]) -> Vec<bool> {
    let mut list_of = vec![None; distinct.len()];
    graph.queries().iter().enumerate().for_each(|(list, vector)| list_of[*vector as usize] = Some(list));
    let first = distinct.first_rows();
    let limit = 1.0 - NEAR_DUPLICATE_COSINE + 1e-9;
    rows.iter()
        .map(|row| {
            let vector = distinct.vector_of(*row as usize);
            let near = list_of[vector]
                .into_iter()
                .flat_map(|list| graph.lists().rows(list).iter().zip(graph.lists().distances(list)));
            first[vector] < *row
                || near.take_while(|(_, d)| **d <= limit).any(|(other, _)| first[*other as usize] < *row)
        })
        .collect()
}
