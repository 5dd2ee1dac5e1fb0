//! The nearest rows of some rows among all rows of a source, by one pass over it that holds the queries alone.

use std::cmp::Ordering;

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use super::candidates::{Candidate, MOST_TILE_ROWS};
use super::measure::Measure;
use super::prepared::{Estimator, Prepared};
use super::sample::SampleGraph;
use super::{Graph, MOST_NEIGHBORS, check_k};
use crate::error::{Error, Result};
use crate::progress::steps;
use crate::rows::product::dot_products;
use crate::rows::source::for_each_chunk;
use crate::rows::{DistinctRows, LEAF_ROWS, Metric, RowSource, select_rows};

/// Queries that a thread holds against a block at once.
const TILE: usize = 128;

/// What is known of the lengths of all rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lengths {
    /// The longest.
    pub longest: f64,
    /// Whether all are 1, so that both distances rank rows alike.
    pub unit: bool,
}

impl SampleGraph {
    /// The graphs of [`SampleGraph::of_distinct`] by both distances, Euclidean and cosine; of rows of length 1 the second has
    /// the rows of the first, as [`SampleGraph::measured_again`] gives them. One pass fetches the queries, and one finds
    /// their neighbours.
    ///
    /// # Errors
    /// For `k` out of range, numbers that are not finite, and whatever the source meets while reading.
    pub(crate) fn by_both(
        source: &(impl RowSource + ?Sized),
        distinct: &DistinctRows,
        queries: &[u32],
        k: usize,
        lengths: Lengths,
    ) -> Result<(SampleGraph, SampleGraph)> {
        check_k(k)?;
        let k = k.min(distinct.len().saturating_sub(1));
        let rows: Vec<usize> =
            queries.iter().map(|query| distinct.first_rows()[*query as usize] as usize).collect();
        let vectors = select_rows(source, &rows)?;
        let measure = |metric| Measure::new(vectors.view(), metric);
        let search = |metric, also| Search::new(queries, measure(metric)?, also, k, lengths.longest);
        let mut searches = if lengths.unit {
            vec![search(Metric::L2, Some(measure(Metric::Cosine)?))?]
        } else {
            vec![search(Metric::L2, None)?, search(Metric::Cosine, None)?]
        };
        let steps = steps("neighbours", source.n_rows());
        for_each_chunk(source, LEAF_ROWS, |first, rows| {
            for (at, rows) in rows.axis_chunks_iter(Axis(0), MOST_TILE_ROWS).enumerate() {
                let block = Block::of(rows, first + at * MOST_TILE_ROWS, distinct);
                searches.iter_mut().try_for_each(|search| search.meet(&block))?;
            }
            steps.add(rows.nrows());
            Ok(())
        })?;
        let graph = |lists| SampleGraph::of_lists(queries.to_vec(), distinct.len(), lists);
        let mut searches = searches.into_iter();
        let (first, second) = (searches.next(), searches.next());
        let (euclidean, again) = first.map_or_else(Default::default, Search::finished);
        let cosine = second.map_or(again, |search| search.finished().0);
        let lists = |lists: &[Vec<(f64, u32)>], metric| Graph::of_lists(lists, queries.len(), metric);
        Ok((graph(lists(&euclidean, Metric::L2)), graph(lists(&cosine, Metric::Cosine))))
    }
}

/// Some consecutive rows.
struct Block<'a> {
    rows: ArrayView2<'a, f32>,
    /// The number of the first of them.
    first: usize,
    /// Those that hold a vector for the first time, and which vectors these are.
    picked: Vec<u32>,
    vectors: Vec<u32>,
}

impl<'a> Block<'a> {
    fn of(rows: ArrayView2<'a, f32>, first: usize, distinct: &DistinctRows) -> Block<'a> {
        let (picked, vectors) = (0..rows.nrows())
            .map(|at| (at as u32, distinct.vector_of(first + at)))
            .filter(|(at, vector)| distinct.first_rows()[*vector] as usize == first + *at as usize)
            .map(|(at, vector)| (at, vector as u32))
            .unzip();
        Block { rows, first, picked, vectors }
    }

    fn measure(&self, metric: Metric) -> Result<Measure<'_>> {
        Measure::of_picked(self.rows, Some(self.picked.clone()), metric)
    }
}

/// What has been found so far near some queries, by one distance.
struct Search<'a> {
    /// Which vectors the queries are.
    queries: &'a [u32],
    measure: Measure<'a>,
    /// Another distance that is measured of what is found.
    also: Option<Measure<'a>>,
    prepared: Prepared,
    k: usize,
    lists: Vec<List>,
}

type Lists = Vec<Vec<(f64, u32)>>;

impl<'a> Search<'a> {
    fn new(
        queries: &'a [u32],
        measure: Measure<'a>,
        also: Option<Measure<'a>>,
        k: usize,
        longest: f64,
    ) -> Result<Search<'a>> {
        let estimator = Estimator::around(&measure, longest);
        let prepared = estimator.all(&measure);
        let lists = queries.iter().map(|_| List { found: Vec::new(), bound: f64::INFINITY }).collect();
        Ok(Search { queries, measure, also, prepared, k, lists })
    }

    /// Holds all queries against a block.
    fn meet(&mut self, block: &Block<'_>) -> Result<()> {
        if self.k == 0 || block.picked.is_empty() {
            return Ok(());
        }
        let others = block.measure(self.measure.metric())?;
        let also = self.also.as_ref().map(|also| block.measure(also.metric())).transpose()?;
        let near = self.prepared.estimator.all(&others);
        if let Some(at) = near.squares.iter().position(|square| !square.is_finite()) {
            let row = block.first + block.picked[at] as usize;
            return Err(Error::input("a number that is not finite").with_code("not-finite").row(row));
        }
        let Search { queries, measure, also: own_also, prepared, k, lists } = self;
        let (k, estimator, all) = (*k, &prepared.estimator, near.block(0..near.n_rows()));
        let longest = near.longest();
        let tiles = lists.par_chunks_mut(TILE).enumerate();
        tiles.for_each_init(Default::default, |(products, chosen): &mut (Vec<f32>, _), (tile, lists)| {
            let from = tile * TILE;
            dot_products(all, prepared.block(from..from + lists.len()), near.dims(), products);
            for (at, (list, estimates)) in
                lists.iter_mut().zip(products.chunks_exact_mut(near.n_rows())).enumerate()
            {
                let (query, own) = (from + at, prepared.squares[from + at]);
                estimator.to_squares(estimates, &near.squares, own);
                let bound = estimator.estimate_bound(measure.square(list.bound), longest.max(own));
                let margin = estimator.estimate_bound(0.0, longest.max(own));
                // All rows are equally far from a row of zeros, whatever their estimates.
                let most = if measure.zero_row() == Some(query) { usize::MAX } else { k };
                choose(estimates, bound, margin, most, chosen);
                for (_, other) in chosen.iter() {
                    let (at, vector) = (*other as usize, block.vectors[*other as usize]);
                    if vector == queries[query] {
                        continue;
                    }
                    let distance = measure.distance_to(query, &others, at);
                    let again = || match (&own_also, &also) {
                        (Some(own), Some(others)) => own.distance_to(query, others, at),
                        _ => distance,
                    };
                    list.offer(k, distance, again, vector);
                }
            }
        });
        Ok(())
    }

    /// The lists, nearest first, and the same rows in the order of the other distance.
    fn finished(self) -> (Lists, Lists) {
        let k = self.k;
        let lists = self.lists.into_par_iter().map(|mut list| {
            list.found.sort_unstable_by(Found::order);
            list.found.truncate(k);
            let near = list.found.iter().map(|found| (found.distance, found.vector)).collect();
            let mut again: Vec<(f64, u32)> =
                list.found.iter().map(|found| (found.also, found.vector)).collect();
            again.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            (near, again)
        });
        lists.unzip()
    }
}

/// The rows of a block that may be among the `k` nearest of a query, in their order. The query itself may be among them, and
/// so may a row of zeros, which is farther than its estimate.
fn choose(estimates: &[f32], bound: f32, margin: f32, k: usize, chosen: &mut Vec<Candidate>) {
    const GROUP: usize = 16;
    chosen.clear();
    for (group, estimates) in estimates.chunks(GROUP).enumerate() {
        if estimates.iter().fold(false, |any, estimate| any | (*estimate <= bound)) {
            let within = estimates.iter().zip((group * GROUP) as u32..);
            chosen.extend(within.filter(|(estimate, _)| **estimate <= bound).map(|(x, at)| (*x, at)));
        }
    }
    let kth = k.saturating_add(1);
    if chosen.len() > kth {
        let (_, last, _) = chosen.select_nth_unstable_by(kth, |a, b| a.0.total_cmp(&b.0));
        let bound = last.0 + 2.0 * margin;
        chosen.retain(|candidate| candidate.0 <= bound);
        chosen.sort_unstable_by_key(|candidate| candidate.1);
    }
}

/// The nearest vectors of one query so far.
struct List {
    found: Vec<Found>,
    /// A distance at which no later row is among the nearest.
    bound: f64,
}

#[derive(Clone, Copy)]
struct Found {
    distance: f64,
    also: f64,
    vector: u32,
}

impl Found {
    fn order(&self, other: &Found) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.vector.cmp(&other.vector))
    }
}

impl List {
    /// Takes a vector that comes after all others; of a list that is a fourth longer than is kept the nearest stay.
    fn offer(&mut self, k: usize, distance: f64, also: impl Fn() -> f64, vector: u32) {
        if distance >= self.bound {
            return;
        }
        let most = most_held(k);
        if self.found.capacity() == 0 {
            self.found.reserve_exact(most);
        }
        self.found.push(Found { distance, also: also(), vector });
        if self.found.len() == most {
            let (_, last, _) = self.found.select_nth_unstable_by(k - 1, Found::order);
            self.bound = last.distance;
            self.found.truncate(k);
        }
    }
}

fn most_held(k: usize) -> usize {
    k + (k / 4).max(16)
}

/// The bytes that [`SampleGraph::by_both`] holds for each query, of so many dimensions and neighbours: its vector and the two
/// that are made of it, the lists of both distances, and the graphs.
pub(crate) fn query_bytes(dims: usize, k: usize) -> u64 {
    let k = k.min(MOST_NEIGHBORS);
    (12 * dims + 2 * (size_of::<Found>() * most_held(k) + 28 * k)) as u64
}

/// The bytes that it holds beside: a block of prepared rows for each distance, and products of each thread.
pub(crate) fn block_bytes(dims: usize) -> u64 {
    (8 * MOST_TILE_ROWS * dims + 4 * MOST_TILE_ROWS * TILE * rayon::current_num_threads()) as u64
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::rows::{Streamed, norms};

    fn check(rows: &Array2<f32>, k: usize) {
        let distinct = DistinctRows::of(rows).unwrap();
        let lengths = norms(rows).unwrap();
        let unit = lengths.iter().all(|length| (length - 1.0).abs() < 5e-7);
        let longest = lengths.into_iter().fold(0.0, f64::max);
        let queries: Vec<u32> = (0..distinct.len() as u32).rev().step_by(3).collect();
        let found = SampleGraph::by_both(&Streamed(rows), &distinct, &queries, k, Lengths { longest, unit });
        let found = found.unwrap();
        let graph = |metric| SampleGraph::of_distinct(rows.view(), &distinct, &queries, k, metric).unwrap();
        let euclidean = graph(Metric::L2);
        let cosine = match unit {
            true => euclidean.measured_again(rows.view(), &distinct, Metric::Cosine).unwrap(),
            false => graph(Metric::Cosine),
        };
        assert_eq!(found.0, euclidean);
        assert_eq!(found.1, cosine);
    }

    #[test]
    fn rows_that_are_read_have_the_lists_of_those_in_memory() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(9);
        for (n, d, k) in [(2, 3, 1), (40, 2, 100), (900, 5, 20), (5000, 7, 12)] {
            let mut rows = Array2::from_shape_simple_fn((n, d), || random.gen_range(-1.0_f32..1.0) + 0.4);
            check(&rows, k);
            let mut unit = rows.clone();
            for mut row in unit.rows_mut() {
                let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
                row.mapv_inplace(|x| (f64::from(x) / length) as f32);
            }
            check(&unit, k);
            rows.row_mut(n / 3).fill(0.0);
            let copy = rows.row(n - 1).to_owned();
            rows.row_mut(n / 2).assign(&copy);
            check(&rows, k);
            check(&(&rows * 1e-25), k);
        }
        // Many rows at the same distance.
        check(&Array2::from_shape_fn((3000, 4), |(i, j)| ((i * 31 + j * 17 + i / 7) % 11) as f32), 15);
        check(&Array2::from_elem((50, 3), 0.5), 4);
    }

    #[test]
    fn a_number_that_is_not_finite_is_named() {
        let mut rows = Array2::from_shape_fn((700, 3), |(i, j)| (i * 3 + j) as f32);
        rows[[600, 1]] = f32::INFINITY;
        let distinct = DistinctRows::of(&rows).unwrap();
        let lengths = Lengths { longest: 4000.0, unit: false };
        let error = SampleGraph::by_both(&Streamed(&rows), &distinct, &[3, 5], 2, lengths).unwrap_err();
        assert!(error.to_string().starts_with("row 600"), "{error}");
    }
}
