//! An index for approximate nearest neighbours: hierarchical navigable small worlds.
//!
//! Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical
//! navigable small world graphs" (2018). Rows are put in by batches: each row of a batch looks for its
//! neighbours in the graph as it stood before the batch, and exactly within the batch; then the links
//! are made, list by list. So the threads share the work and never race: the same rows and seed give
//! the same graph, bit by bit. (The crates that we looked at insert under locks, in whatever order the
//! threads come.)

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use ndarray::{Array2, ArrayView1, ArrayView2};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::rows::simd::few_dot_products;
use crate::rows::{Metric, Neighbor, dot, require_finite, top_k};

/// The most rows of a batch.
const MOST_IN_BATCH: usize = 512;

/// Links that a list may hold above its bound before it is cut back to it.
const SLACK: usize = 8;

/// Rows of the base layer with no more than so many links above others keep it; a graph is at most so
/// many layers high.
const MOST_LAYERS: usize = 16;

/// How an index is built.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HnswOptions {
    /// Links of a row in the upper layers; twice as many in the lowest. Default: 16.
    pub m: usize,
    /// Rows that are kept in view while a row is put in. Default: 200.
    pub ef_construction: usize,
    /// Cosine (default) or L2.
    pub metric: Metric,
    /// Decides the layers and the order of the rows. Default: 42.
    pub seed: u64,
}

impl Default for HnswOptions {
    fn default() -> Self {
        HnswOptions { m: 16, ef_construction: 200, metric: Metric::Cosine, seed: 42 }
    }
}

/// A graph over rows. It holds links, not the rows: a search is given the rows again.
///
/// ```
/// use embedlab::search::{Hnsw, HnswOptions};
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((500, 8), |(row, column)| ((row * 37 + column * 101) % 97) as f32 - 48.0);
/// let index = Hnsw::build(rows.view(), &HnswOptions::default())?;
/// let found = index.search(rows.view(), rows.row(7), 3, 100)?;
/// assert_eq!(found[0].row, 7);
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Hnsw {
    pub(super) options: HnswOptions,
    pub(super) dims: usize,
    pub(super) entry: u32,
    /// The links of each row in the lowest layer.
    pub(super) base: Vec<Vec<u32>>,
    /// The links of the rows of each upper layer, from below.
    pub(super) upper: Vec<HashMap<u32, Vec<u32>>>,
}

impl Hnsw {
    /// Builds an index of rows (n x d).
    ///
    /// # Errors
    /// When there are no rows, a number is not finite, the metric is not cosine or L2, or `m` is below 2.
    pub fn build(rows: ArrayView2<'_, f32>, options: &HnswOptions) -> Result<Hnsw> {
        if rows.nrows() == 0 || rows.ncols() == 0 {
            return Err(Error::input("no rows to index").advice("give at least one row"));
        }
        if !matches!(options.metric, Metric::Cosine | Metric::L2) {
            return Err(Error::argument("an index takes cosine or l2").seen(format!("{:?}", options.metric)));
        }
        if options.m < 2 || options.ef_construction < options.m {
            return Err(Error::argument("m is below 2, or ef_construction below m")
                .seen(format!("m {}, ef_construction {}", options.m, options.ef_construction)));
        }
        if rows.nrows() >= u32::MAX as usize {
            return Err(Error::input("too many rows for an index").seen(rows.nrows().to_string()));
        }
        require_finite(rows)?;
        let rows = rows.as_standard_layout();
        let space = Space::new(rows.as_slice().unwrap_or_default(), rows.ncols(), options.metric);
        let n = rows.nrows();
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.shuffle(&mut random);
        let scale = 1.0 / (options.m as f64).ln();
        let heights: Vec<usize> = (0..n)
            .map(|_| {
                let height = -random.r#gen::<f64>().max(f64::MIN_POSITIVE).ln() * scale;
                (height as usize).min(MOST_LAYERS)
            })
            .collect();
        let mut graph = Hnsw {
            options: *options,
            dims: rows.ncols(),
            entry: order[0],
            base: vec![Vec::new(); n],
            upper: vec![HashMap::new(); heights[order[0] as usize]],
        };
        for layer in &mut graph.upper {
            layer.insert(order[0], Vec::new());
        }
        let mut done = 1;
        while done < n {
            let size = (done / 4).clamp(1, MOST_IN_BATCH).min(n - done);
            let batch = &order[done..done + size];
            let plans: Vec<Vec<Vec<u32>>> = (0..size)
                .into_par_iter()
                .map_init(
                    || Seen::new(n),
                    |seen, at| graph.plan(&space, batch[at], &heights, &batch[..at], seen),
                )
                .collect();
            graph.link(&space, batch, plans);
            done += size;
        }
        Ok(graph)
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.base.len()
    }

    /// How it was built.
    pub fn options(&self) -> &HnswOptions {
        &self.options
    }

    /// The `k` rows nearest to a query, of those that a walk with `ef` rows in view meets; nearest first
    /// by distances in `f64`, equal ones in row order. `rows` are those of [`build`](Hnsw::build).
    ///
    /// # Errors
    /// When rows or query do not fit the index, or a number of the query is not finite.
    pub fn search(
        &self,
        rows: ArrayView2<'_, f32>,
        query: ArrayView1<'_, f32>,
        k: usize,
        ef: usize,
    ) -> Result<Vec<Neighbor>> {
        self.searcher(rows.reborrow())?.search(query, k, ef)
    }

    /// What many searches share: the lengths of the rows.
    ///
    /// # Errors
    /// When the rows do not fit the index.
    pub fn searcher<'a>(&'a self, rows: ArrayView2<'a, f32>) -> Result<Searcher<'a>> {
        if rows.dim() != (self.n_rows(), self.dims) {
            return Err(Error::argument("an index of different rows").seen(format!(
                "{} x {} rows, {} x {} in the index",
                rows.nrows(),
                rows.ncols(),
                self.n_rows(),
                self.dims
            )));
        }
        let Some(values) = rows.to_slice() else {
            return Err(
                Error::argument("rows that are not contiguous").advice("copy them with as_standard_layout")
            );
        };
        Ok(Searcher { index: self, rows, space: Space::new(values, self.dims, self.options.metric) })
    }

    /// The share of the `k` nearest rows that a search with `ef` finds, and its standard error, for
    /// `n_queries` queries drawn with the seed of the index.
    ///
    /// A query lies half-way between a row and its tenth neighbour: a row itself would be too easy to
    /// ask for, since the graph links it to its neighbours.
    ///
    /// # Errors
    /// When the rows do not fit the index, or there are fewer than two.
    pub fn recall(&self, rows: ArrayView2<'_, f32>, k: usize, ef: usize, n_queries: usize) -> Result<Recall> {
        let n = rows.nrows();
        let k = k.min(n);
        if n < 2 || k == 0 {
            return Err(Error::input("too few rows to measure a recall").seen(format!("{n} rows")));
        }
        let searcher = self.searcher(rows.reborrow())?;
        let queries = self.queries_between(rows, n_queries)?;
        let exact = top_k(&rows, queries.view(), k, self.options.metric)?;
        let shares = (0..queries.nrows())
            .into_par_iter()
            .map(|at| {
                let found = searcher.search(queries.row(at), k, ef)?;
                // Rows as near as the last of the exact ones are as good.
                let far = exact[at].last().map_or(0.0, |hit| hit.distance);
                let good = found.iter().filter(|hit| hit.distance <= far).count();
                Ok(good as f64 / k as f64)
            })
            .collect::<Result<Vec<f64>>>()?;
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / shares.len() as f64;
        let standard_error = (variance / shares.len() as f64).sqrt();
        Ok(Recall { k, ef, queries: shares.len(), recall: mean, standard_error })
    }

    /// The queries of [`recall`](Hnsw::recall).
    ///
    /// # Errors
    /// When the rows have other dimensions than the index.
    pub fn queries_between(&self, rows: ArrayView2<'_, f32>, n_queries: usize) -> Result<Array2<f32>> {
        let n = rows.nrows();
        let mut random = ChaCha8Rng::seed_from_u64(self.options.seed);
        let chosen = rand::seq::index::sample(&mut random, n, n_queries.min(n)).into_vec();
        let mut queries = rows.select(ndarray::Axis(0), &chosen);
        let near = top_k(&rows, queries.view(), 11.min(n), self.options.metric)?;
        for (mut query, near) in queries.rows_mut().into_iter().zip(near) {
            if let Some(other) = near.last() {
                query.zip_mut_with(&rows.row(other.row), |x, y| *x = 0.5 * (*x + *y));
            }
        }
        Ok(queries)
    }

    /// For each layer of a row, from below, the rows that it shall be linked to.
    fn plan(
        &self,
        space: &Space<'_>,
        row: u32,
        heights: &[usize],
        batch: &[u32],
        seen: &mut Seen,
    ) -> Vec<Vec<u32>> {
        let point = space.point(row);
        let height = heights[row as usize];
        let top = self.upper.len();
        let mut near = vec![Candidate { distance: space.distance(&point, self.entry), row: self.entry }];
        for layer in (height + 1..=top).rev() {
            near = self.walk(space, &point, &near, 1, layer, seen);
        }
        let others: Vec<Candidate> =
            batch.iter().map(|row| Candidate { distance: space.distance(&point, *row), row: *row }).collect();
        let mut plans = vec![Vec::new(); height + 1];
        for layer in (0..=height).rev() {
            if layer <= top {
                near = self.walk(space, &point, &near, self.options.ef_construction, layer, seen);
            }
            let mut candidates = if layer <= top { near.clone() } else { Vec::new() };
            candidates.extend(others.iter().filter(|other| heights[other.row as usize] >= layer));
            plans[layer] = select(space, candidates, self.options.m);
        }
        plans
    }

    /// Makes the links of a batch and the links back.
    fn link(&mut self, space: &Space<'_>, batch: &[u32], plans: Vec<Vec<Vec<u32>>>) {
        let mut back: Vec<(usize, u32, u32)> = Vec::new();
        for (row, plan) in batch.iter().zip(plans) {
            while self.upper.len() + 1 < plan.len() {
                self.upper.push(HashMap::new());
                self.entry = *row;
            }
            for (layer, links) in plan.into_iter().enumerate() {
                back.extend(links.iter().map(|to| (layer, *to, *row)));
                *self.links_mut(layer, *row) = links;
            }
        }
        // A stable order: layer by layer, row by row, and newcomers as they came.
        back.sort_by_key(|(layer, to, _)| (*layer, *to));
        let groups: Vec<&[(usize, u32, u32)]> = back.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
        let lists: Vec<Vec<u32>> = groups
            .par_iter()
            .map(|group| {
                let (layer, to, _) = group[0];
                let mut list = self.links(layer, to).to_vec();
                for (_, _, from) in *group {
                    if !list.contains(from) {
                        list.push(*from);
                    }
                }
                let bound = if layer == 0 { 2 * self.options.m } else { self.options.m };
                if list.len() > bound + SLACK {
                    let point = space.point(to);
                    let candidates = list
                        .iter()
                        .map(|row| Candidate { distance: space.distance(&point, *row), row: *row })
                        .collect();
                    list = select(space, candidates, bound);
                }
                list
            })
            .collect();
        for (group, list) in groups.iter().zip(lists) {
            *self.links_mut(group[0].0, group[0].1) = list;
        }
    }

    fn links(&self, layer: usize, row: u32) -> &[u32] {
        match layer {
            0 => &self.base[row as usize],
            _ => self.upper[layer - 1].get(&row).map_or(&[], Vec::as_slice),
        }
    }

    fn links_mut(&mut self, layer: usize, row: u32) -> &mut Vec<u32> {
        match layer {
            0 => &mut self.base[row as usize],
            _ => self.upper[layer - 1].entry(row).or_default(),
        }
    }

    /// The `ef` rows nearest to a point that a walk from `from` meets in a layer, nearest first.
    fn walk(
        &self,
        space: &Space<'_>,
        point: &Point<'_>,
        from: &[Candidate],
        ef: usize,
        layer: usize,
        seen: &mut Seen,
    ) -> Vec<Candidate> {
        seen.clear();
        let (mut fresh, mut distances) = (Vec::new(), Vec::new());
        let mut open: BinaryHeap<Reverse<Candidate>> = BinaryHeap::new();
        let mut best: BinaryHeap<Candidate> = BinaryHeap::new();
        for start in from {
            if seen.mark(start.row) {
                open.push(Reverse(*start));
                best.push(*start);
            }
        }
        while best.len() > ef {
            best.pop();
        }
        while let Some(Reverse(next)) = open.pop() {
            if best.len() >= ef && best.peek().is_some_and(|worst| next > *worst) {
                break;
            }
            fresh.clear();
            fresh.extend(
                self.links(layer, next.row).iter().filter(|row| seen.mark(**row)).map(|row| *row as usize),
            );
            space.distances(point, &fresh, &mut distances);
            for (row, distance) in fresh.iter().zip(&distances) {
                let candidate = Candidate { distance: *distance, row: *row as u32 };
                if best.len() < ef || best.peek().is_some_and(|worst| candidate < *worst) {
                    open.push(Reverse(candidate));
                    best.push(candidate);
                    if best.len() > ef {
                        best.pop();
                    }
                }
            }
        }
        best.into_sorted_vec()
    }
}

/// Searches of one index over its rows.
pub struct Searcher<'a> {
    index: &'a Hnsw,
    rows: ArrayView2<'a, f32>,
    space: Space<'a>,
}

impl Searcher<'_> {
    /// As [`Hnsw::search`].
    ///
    /// # Errors
    /// As there.
    pub fn search(&self, query: ArrayView1<'_, f32>, k: usize, ef: usize) -> Result<Vec<Neighbor>> {
        let index = self.index;
        if query.len() != index.dims {
            return Err(Error::argument("queries and rows have different dimensions")
                .seen(format!("{} in the query, {} in the rows", query.len(), index.dims))
                .advice("use vectors of the same model"));
        }
        if let Some(value) = query.iter().find(|value| !value.is_finite()) {
            return Err(Error::argument("a query that is not finite").seen(value.to_string()));
        }
        let query = query.to_vec();
        let point = self.space.outside(&query);
        let mut seen = Seen::new(index.n_rows());
        let mut near =
            vec![Candidate { distance: self.space.distance(&point, index.entry), row: index.entry }];
        for layer in (1..=index.upper.len()).rev() {
            near = index.walk(&self.space, &point, &near, 1, layer, &mut seen);
        }
        near = index.walk(&self.space, &point, &near, ef.max(k), 0, &mut seen);
        let metric = index.options.metric;
        let mut found: Vec<Neighbor> = near
            .iter()
            .map(|candidate| {
                let row = candidate.row as usize;
                let values = self.rows.row(row);
                Neighbor { row, distance: metric.distance(&query, values.to_slice().unwrap_or_default()) }
            })
            .collect();
        found.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
        found.truncate(k);
        Ok(found)
    }
}

/// How much of an exact search an index finds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Recall {
    /// Neighbours that were asked for.
    pub k: usize,
    /// Rows in view of the walk.
    pub ef: usize,
    /// Rows that were asked.
    pub queries: usize,
    /// The mean share of the exact neighbours that was found.
    pub recall: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// Neighbours in all directions: of the candidates, from the nearest, those that are nearer to the row
/// than to any that was taken (the paper's heuristic); then the nearest of the others, up to `most`.
fn select(space: &Space<'_>, mut candidates: Vec<Candidate>, most: usize) -> Vec<u32> {
    candidates.sort_unstable();
    candidates.dedup_by_key(|candidate| candidate.row);
    let mut taken: Vec<u32> = Vec::with_capacity(most);
    let mut left: Vec<u32> = Vec::new();
    for candidate in &candidates {
        if taken.len() >= most {
            break;
        }
        let point = space.point(candidate.row);
        if taken.iter().all(|other| space.distance(&point, *other) > candidate.distance) {
            taken.push(candidate.row);
        } else {
            left.push(candidate.row);
        }
    }
    let room = most - taken.len();
    taken.extend(left.into_iter().take(room));
    taken
}

/// A row and how far it is; ordered by distance, then by row.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    distance: f32,
    row: u32,
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.distance.total_cmp(&other.distance).then(self.row.cmp(&other.row))
    }
}

/// Rows with their lengths, for distances in `f32`.
struct Space<'a> {
    rows: &'a [f32],
    dims: usize,
    metric: Metric,
    /// For cosine one over the length of each row, for L2 its square.
    lengths: Vec<f32>,
}

/// A row or a query with its length.
struct Point<'a> {
    values: &'a [f32],
    length: f32,
}

impl<'a> Space<'a> {
    fn new(rows: &'a [f32], dims: usize, metric: Metric) -> Space<'a> {
        let lengths = rows.par_chunks_exact(dims).map(|row| length(row, metric)).collect();
        Space { rows, dims, metric, lengths }
    }

    fn point(&self, row: u32) -> Point<'a> {
        let at = row as usize;
        Point { values: &self.rows[at * self.dims..(at + 1) * self.dims], length: self.lengths[at] }
    }

    fn outside<'b>(&self, values: &'b [f32]) -> Point<'b> {
        Point { values, length: length(values, self.metric) }
    }

    fn distance(&self, from: &Point<'_>, to: u32) -> f32 {
        let to = self.point(to);
        self.of_product(dot(from.values, to.values), from.length, to.length)
    }

    /// The distances of several rows, whose numbers lie all over memory.
    fn distances(&self, from: &Point<'_>, to: &[usize], out: &mut Vec<f32>) {
        out.clear();
        out.resize(to.len(), 0.0);
        if to.is_empty() {
            return;
        }
        few_dot_products(self.rows, Some(to), from.values, self.dims, out);
        for (product, to) in out.iter_mut().zip(to) {
            *product = self.of_product(*product, from.length, self.lengths[*to]);
        }
    }

    fn of_product(&self, product: f32, from: f32, to: f32) -> f32 {
        match self.metric {
            Metric::Cosine => 1.0 - product * from * to,
            _ => (from + to - 2.0 * product).max(0.0),
        }
    }
}

fn length(row: &[f32], metric: Metric) -> f32 {
    let square = dot(row, row);
    match metric {
        Metric::Cosine if square > 0.0 => 1.0 / square.sqrt(),
        Metric::Cosine => 0.0,
        _ => square,
    }
}

/// Rows that a walk has met.
struct Seen {
    marks: Vec<u32>,
    now: u32,
}

impl Seen {
    fn new(n: usize) -> Seen {
        Seen { marks: vec![0; n], now: 0 }
    }

    fn clear(&mut self) {
        if self.now == u32::MAX {
            self.marks.fill(0);
            self.now = 0;
        }
        self.now += 1;
    }

    /// Whether it is met for the first time.
    fn mark(&mut self, row: u32) -> bool {
        std::mem::replace(&mut self.marks[row as usize], self.now) != self.now
    }
}
