//! The nearest other rows of every row, exactly: the graph that most numbers about a file come from.

use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::distinct::DistinctRows;
use super::prepared::{Measure, Prepared};
use crate::error::{Error, Result};
use crate::rows::product::dot_products;
use crate::rows::{Metric, require_finite};

/// Rows on one side of a matrix product: 512 x 512 products are 1 MB.
const MOST_TILE_ROWS: usize = 512;

/// Candidates kept beyond the wanted ones. Rounding decides who is among the candidates only where so many rows
/// are as far away as the last wanted one, to the last digits; such rows are searched again.
const SPARE: usize = 8;

/// The most neighbours of a graph.
pub const MOST_NEIGHBORS: usize = 1000;

/// The `k` nearest other rows of each of n rows, nearest first; equal distances in the order of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) metric: Metric,
    pub(super) rows: Vec<u32>,
    pub(super) distances: Vec<f64>,
}

impl Graph {
    /// Finds the `k` nearest other rows of each row (n x d) by Euclidean ([`Metric::L2`]) or cosine distance
    /// ([`Metric::Cosine`]); with fewer than `k` other rows, all of them.
    ///
    /// Each pair of different rows is estimated once, by matrix products in `f32` of the rows less their mean; the
    /// distances of the found neighbours are computed from differences in `f64`. Cost: n²·d operations; memory 12 bytes
    /// for each neighbour and a copy of the rows.
    ///
    /// ```
    /// use embedlab::quality::Graph;
    /// use embedlab::rows::Metric;
    /// let rows = ndarray::array![[0.0_f32], [1.0], [5.0], [1.0]];
    /// let graph = Graph::of(rows.view(), 2, Metric::L2)?;
    /// assert_eq!(graph.rows(2), [1, 3]);
    /// assert_eq!(graph.distances(2), [4.0, 4.0]);
    /// # Ok::<(), embedlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// For numbers that are not finite, another metric, and `k` of 0 or above [`MOST_NEIGHBORS`].
    pub fn of(rows: ArrayView2<'_, f32>, k: usize, metric: Metric) -> Result<Graph> {
        let distinct = DistinctRows::of(&rows)?;
        Ok(Graph::of_distinct(rows, &distinct, k, metric)?.expanded(&distinct, k))
    }

    /// The graph of the distinct vectors among the rows: its rows are numbered as in [`DistinctRows::first_rows`].
    ///
    /// # Errors
    /// As [`Graph::of`].
    pub fn of_distinct(
        rows: ArrayView2<'_, f32>,
        distinct: &DistinctRows,
        k: usize,
        metric: Metric,
    ) -> Result<Graph> {
        check_k(k)?;
        require_finite(rows)?;
        let first: Option<&[u32]> = (distinct.repeated() > 0).then_some(distinct.first_rows());
        let measure = Measure::new(rows, first, metric)?;
        let n = measure.n_rows();
        let k = k.min(n.saturating_sub(1));
        if k == 0 {
            return Ok(Graph { n, k, metric, rows: Vec::new(), distances: Vec::new() });
        }
        let prepared = Prepared::new(&measure);
        let found = search(&prepared, k + SPARE, (n / 8).clamp(64, MOST_TILE_ROWS));
        let mut graph = Graph { n, k, metric, rows: vec![0; n * k], distances: vec![0.0; n * k] };
        let lists = graph.rows.par_chunks_mut(k).zip(graph.distances.par_chunks_mut(k));
        let doubtful: Vec<usize> = lists
            .zip(found)
            .enumerate()
            .filter_map(|(row, ((near, distances), found))| {
                // With a full list, nothing that is not in it has an estimate below its last one.
                let full = found.len() == k + SPARE;
                let bound = found.last().filter(|_| full).map(|last| last.0);
                let candidates = found.into_iter().map(|(_, other)| other as usize);
                let measured = measure.nearest(row, candidates.chain(measure.zero_row()), k);
                let kth = write(near, distances, &measured);
                let sure = bound.is_none_or(|bound| prepared.nothing_missed(row, measure.square(kth), bound));
                (!sure).then_some(row)
            })
            .collect();
        let again: Vec<_> = doubtful.par_iter().map(|row| measure.nearest(*row, 0..n, k)).collect();
        for (row, measured) in doubtful.into_iter().zip(again) {
            write(&mut graph.rows[row * k..][..k], &mut graph.distances[row * k..][..k], &measured);
        }
        Ok(graph)
    }

    /// The graph of all rows, from one of their distinct vectors: rows with the same numbers are neighbours at
    /// distance 0. Exact for up to as many neighbours as this graph has.
    pub fn expanded(&self, distinct: &DistinctRows, k: usize) -> Graph {
        let n = distinct.n_rows();
        let k = k.min(n.saturating_sub(1));
        if distinct.repeated() == 0 {
            return self.truncated(k);
        }
        let lists: Vec<(Vec<u32>, Vec<f64>)> = (0..n)
            .into_par_iter()
            .map(|row| {
                let vector = distinct.vector_of(row);
                let own = distinct.rows_of(vector).iter().map(|other| (0.0, *other));
                let others =
                    self.rows(vector).iter().zip(self.distances(vector)).flat_map(|(other, distance)| {
                        distinct.rows_of(*other as usize).iter().take(k).map(move |row| (*distance, *row))
                    });
                let mut all: Vec<(f64, u32)> =
                    own.filter(|(_, other)| *other as usize != row).take(k).chain(others).collect();
                all.sort_unstable_by(order);
                all.truncate(k);
                all.into_iter().map(|(distance, row)| (row, distance)).unzip()
            })
            .collect();
        // With few distinct vectors in a shortened graph a list may be short: then all are.
        let k = lists.iter().map(|list| list.0.len()).min().unwrap_or(0);
        Graph {
            n,
            k,
            metric: self.metric,
            rows: lists.iter().flat_map(|list| list.0[..k].iter().copied()).collect(),
            distances: lists.iter().flat_map(|list| list.1[..k].iter().copied()).collect(),
        }
    }

    /// The graph of the distinct vectors only, from one of all rows, with as many neighbours as every vector has left.
    pub fn of_first_rows(&self, distinct: &DistinctRows) -> Graph {
        if distinct.repeated() == 0 {
            return self.clone();
        }
        let lists: Vec<(Vec<u32>, Vec<f64>)> = distinct
            .first_rows()
            .iter()
            .map(|row| {
                let row = *row as usize;
                let own = distinct.vector_of(row) as u32;
                let mut seen = Vec::new();
                for (other, distance) in self.rows(row).iter().zip(self.distances(row)) {
                    let vector = distinct.vector_of(*other as usize) as u32;
                    if vector != own && !seen.iter().any(|(seen, _)| *seen == vector) {
                        seen.push((vector, *distance));
                    }
                }
                seen.into_iter().unzip()
            })
            .collect();
        let k = lists.iter().map(|list| list.0.len()).min().unwrap_or(0);
        Graph {
            n: distinct.len(),
            k,
            metric: self.metric,
            rows: lists.iter().flat_map(|list| list.0[..k].iter().copied()).collect(),
            distances: lists.iter().flat_map(|list| list.1[..k].iter().copied()).collect(),
        }
    }

    /// The same neighbours measured again by another metric and put in its order: exact where both metrics rank rows
    /// alike, as cosine and Euclidean distance do for rows of length 1.
    ///
    /// # Errors
    /// For a metric that a graph does not know, and another number of rows.
    pub fn measured_again(
        &self,
        rows: ArrayView2<'_, f32>,
        of: Option<&DistinctRows>,
        metric: Metric,
    ) -> Result<Graph> {
        let first = of.filter(|distinct| distinct.repeated() > 0).map(DistinctRows::first_rows);
        let measure = Measure::new(rows, first, metric)?;
        if measure.n_rows() != self.n {
            return Err(Error::argument("a graph of a different number of rows").seen(format!(
                "{} rows in the graph, {} here",
                self.n,
                measure.n_rows()
            )));
        }
        let mut graph = Graph { metric, ..self.clone() };
        if self.k > 0 {
            let lists = graph.rows.par_chunks_mut(self.k).zip(graph.distances.par_chunks_mut(self.k));
            lists.enumerate().for_each(|(row, (near, distances))| {
                let measured =
                    measure.nearest(row, self.rows(row).iter().map(|other| *other as usize), self.k);
                write(near, distances, &measured);
            });
        }
        Ok(graph)
    }

    /// The first `k` neighbours of each row.
    pub fn truncated(&self, k: usize) -> Graph {
        if k >= self.k {
            return self.clone();
        }
        Graph {
            n: self.n,
            k,
            metric: self.metric,
            rows: self.rows.chunks_exact(self.k).flat_map(|list| list[..k].iter().copied()).collect(),
            distances: self
                .distances
                .chunks_exact(self.k)
                .flat_map(|list| list[..k].iter().copied())
                .collect(),
        }
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.n
    }

    /// How many neighbours each row has.
    pub fn k(&self) -> usize {
        self.k
    }

    /// What the distances are.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The neighbours of a row, nearest first; empty for a row that is not there.
    pub fn rows(&self, row: usize) -> &[u32] {
        self.rows.get(row * self.k..(row + 1) * self.k).unwrap_or_default()
    }

    /// The distances of a row's neighbours, ascending; empty for a row that is not there.
    pub fn distances(&self, row: usize) -> &[f64] {
        self.distances.get(row * self.k..(row + 1) * self.k).unwrap_or_default()
    }

    /// The distance of every row to its neighbour at `place` (0 for the nearest).
    pub fn distances_at(&self, place: usize) -> impl Iterator<Item = f64> + '_ {
        self.distances.iter().skip(place).step_by(self.k.max(1)).copied()
    }
}

/// The `k` rows nearest to each of some queries, which are not among the rows, nearest first.
///
/// # Errors
/// As [`Graph::of`], and when the dimensions differ.
pub fn nearest_rows(
    rows: ArrayView2<'_, f32>,
    queries: ArrayView2<'_, f32>,
    k: usize,
    metric: Metric,
) -> Result<Vec<Vec<crate::rows::Neighbor>>> {
    check_k(k)?;
    require_finite(rows)?;
    require_finite(queries)?;
    let mut found = crate::rows::top_k(&rows, queries, k, metric)?;
    if metric == Metric::Cosine {
        // 1 - cosine of equal rows may be -1e-16.
        found.iter_mut().flatten().for_each(|hit| hit.distance = hit.distance.max(0.0));
    }
    Ok(found)
}

fn check_k(k: usize) -> Result<()> {
    if k == 0 || k > MOST_NEIGHBORS {
        return Err(Error::argument("a number of neighbours out of range")
            .seen(k.to_string())
            .advice(format!("ask for 1 to {MOST_NEIGHBORS}")));
    }
    Ok(())
}

fn write(near: &mut [u32], distances: &mut [f64], measured: &[(f64, u32)]) -> f64 {
    for ((row, to), (distance, other)) in near.iter_mut().zip(distances).zip(measured) {
        (*row, *to) = (*other, *distance);
    }
    measured.last().map_or(f64::INFINITY, |last| last.0)
}

/// The `keep` nearest other rows of each row by estimated squared distance, nearest first.
///
/// The rows are cut into blocks. Each pair of blocks is one matrix product, which serves the rows of both. Which pair
/// comes first depends on the threads; the answer does not, because the nearest are chosen by distance and then by row.
fn search(rows: &Prepared, keep: usize, tile: usize) -> Vec<Vec<(f32, u32)>> {
    let (n, dims) = (rows.n_rows(), rows.dims());
    let block = |b: usize| b * tile..((b + 1) * tile).min(n);
    let blocks = n.div_ceil(tile);
    let lists: Vec<Mutex<Lists>> =
        (0..blocks).map(|b| Mutex::new(Lists::new(block(b).len(), keep))).collect();
    let lock = |b: usize| lists[b].lock().unwrap_or_else(PoisonError::into_inner);
    // By distance from the diagonal, so that threads meet in one block only now and then.
    let pairs: Vec<(usize, usize)> =
        (0..blocks).flat_map(|apart| (0..blocks - apart).map(move |b| (b, b + apart))).collect();
    pairs.into_par_iter().for_each_init(Vec::new, |products, (a, b)| {
        dot_products(rows.block(block(a)), rows.block(block(b)), dims, products);
        let squares = &rows.squares[block(a)];
        if a == b {
            let mut lists = lock(a);
            for (j, products) in products.chunks_exact_mut(block(a).len()).enumerate() {
                rows.to_squares(products, squares, squares[j]);
                lists.offer(j, &products[..j], block(a).start);
                lists.offer_to_all(&products[..j], (block(a).start + j) as u32);
            }
        } else {
            let (mut of_a, mut of_b) = (lock(a), lock(b));
            for (j, products) in products.chunks_exact_mut(block(a).len()).enumerate() {
                rows.to_squares(products, squares, rows.squares[block(b).start + j]);
                of_b.offer(j, products, block(a).start);
                of_a.offer_to_all(products, (block(b).start + j) as u32);
            }
        }
    });
    lists
        .into_par_iter()
        .flat_map_iter(|lists| lists.into_inner().unwrap_or_else(PoisonError::into_inner).found)
        .map(|mut list| {
            list.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            list.truncate(keep);
            list
        })
        .collect()
}

fn order(a: &(f64, u32), b: &(f64, u32)) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// What is near to each row of a block so far. Lists may hold up to twice what is kept; they are cut when they are
/// full, which costs less than keeping them in order.
struct Lists {
    keep: usize,
    /// For each row a squared distance beyond which nothing is among the nearest.
    bounds: Vec<f32>,
    found: Vec<Vec<(f32, u32)>>,
}

/// Squared distances that are compared with a bound at once.
const GROUP: usize = 16;

impl Lists {
    fn new(rows: usize, keep: usize) -> Lists {
        Lists { keep, bounds: vec![f32::INFINITY; rows], found: vec![Vec::new(); rows] }
    }

    fn insert(&mut self, row: usize, candidate: (f32, u32)) {
        let list = &mut self.found[row];
        list.push(candidate);
        if list.len() >= 2 * self.keep {
            let (_, last, _) =
                list.select_nth_unstable_by(self.keep - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            self.bounds[row] = last.0;
            list.truncate(self.keep);
        }
    }

    /// Offers to `row` the rows from `first` on, at these squared distances.
    fn offer(&mut self, row: usize, squares: &[f32], first: usize) {
        for (group, squares) in squares.chunks(GROUP).enumerate() {
            let bound = self.bounds[row];
            if squares.iter().fold(false, |any, square| any | (*square <= bound)) {
                for (i, square) in squares.iter().enumerate() {
                    if *square <= self.bounds[row] {
                        self.insert(row, (*square, (first + group * GROUP + i) as u32));
                    }
                }
            }
        }
    }

    /// Offers one row to the first rows of the block, at these squared distances.
    fn offer_to_all(&mut self, squares: &[f32], other: u32) {
        for (group, squares) in squares.chunks(GROUP).enumerate() {
            let bounds = &self.bounds[group * GROUP..group * GROUP + squares.len()];
            if squares.iter().zip(bounds).fold(false, |any, (square, bound)| any | (square <= bound)) {
                for (i, square) in squares.iter().enumerate() {
                    let row = group * GROUP + i;
                    if *square <= self.bounds[row] {
                        self.insert(row, (*square, other));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    /// All distances in `f64`, sorted.
    fn slow(rows: &Array2<f32>, k: usize, metric: Metric) -> Vec<Vec<(f64, u32)>> {
        let near = |i: usize| {
            let length = |i: usize| rows.row(i).iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            let distance = |j: usize| {
                let pairs = || rows.row(i).into_iter().zip(rows.row(j));
                match metric {
                    Metric::L2 => {
                        pairs().map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
                    }
                    _ if length(i) == 0.0 || length(j) == 0.0 => {
                        if rows.row(i) == rows.row(j) {
                            0.0
                        } else {
                            1.0
                        }
                    }
                    _ => {
                        let (a, b) = (length(i), length(j));
                        pairs().map(|(x, y)| (f64::from(*x) / a - f64::from(*y) / b).powi(2)).sum::<f64>()
                            / 2.0
                    }
                }
            };
            let others = (0..rows.nrows()).filter(|j| *j != i);
            let mut all: Vec<(f64, u32)> = others.map(|j| (distance(j), j as u32)).collect();
            all.sort_by(order);
            all.truncate(k);
            all
        };
        (0..rows.nrows()).map(near).collect()
    }

    fn check(rows: &Array2<f32>, k: usize, metric: Metric) {
        let graph = Graph::of(rows.view(), k, metric).unwrap();
        assert_eq!((graph.n_rows(), graph.k()), (rows.nrows(), k.min(rows.nrows() - 1)));
        for (i, near) in slow(rows, k, metric).into_iter().enumerate() {
            for (place, (distance, j)) in near.into_iter().enumerate() {
                let found = graph.distances(i)[place];
                assert!((found - distance).abs() < 1e-12 * distance.max(1e-3), "{i} {found} {distance}");
                let same = graph.rows(i)[place] == j;
                assert!(same || (found - distance).abs() < 1e-14, "row {i}, place {place}, {metric:?}");
            }
        }
    }

    #[test]
    fn the_neighbours_are_those_of_all_distances_in_f64() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        for (n, d, k) in [(2, 3, 1), (5, 2, 10), (70, 4, 3), (300, 20, 30), (700, 8, 91)] {
            let mut rows = Array2::from_shape_simple_fn((n, d), || random.gen_range(-1.0_f32..1.0) + 0.3);
            for metric in [Metric::L2, Metric::Cosine] {
                check(&rows, k, metric);
            }
            rows.row_mut(n - 1).fill(0.0);
            check(&rows, k, Metric::Cosine);
        }
    }

    #[test]
    fn near_ties_beyond_the_spare_candidates_are_found() {
        // 200 rows at almost the same distance of the first one, told apart in f64 only.
        let rows = Array2::from_shape_fn((201, 201), |(i, j)| {
            if i > 0 && i == j { 1.0 + ((i * 37) % 200) as f32 * 2.0_f32.powi(-23) } else { 0.0 }
        });
        check(&rows, 5, Metric::L2);
    }

    #[test]
    fn copies_are_at_distance_zero_in_their_order() {
        let rows = Array2::from_shape_fn((300, 7), |(i, j)| ((i % 3) * 7 + j) as f32 * 0.1);
        for metric in [Metric::L2, Metric::Cosine] {
            let graph = Graph::of(rows.view(), 5, metric).unwrap();
            assert_eq!(graph.rows(4), [1, 7, 10, 13, 16]);
            assert!(graph.distances(4).iter().all(|distance| *distance == 0.0));
            check(&rows, 120, metric);
        }
    }

    #[test]
    fn the_distinct_graph_comes_out_of_the_graph_of_all_rows() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(6);
        let once = Array2::from_shape_simple_fn((60, 5), || random.gen_range(-1.0_f32..1.0));
        let rows = Array2::from_shape_fn((100, 5), |(i, j)| once[[i % 60, j]]);
        let distinct = DistinctRows::of(&rows).unwrap();
        let expected = Graph::of(once.view(), 20, Metric::L2).unwrap();
        let all = Graph::of(rows.view(), 50, Metric::L2).unwrap();
        assert_eq!(all.of_first_rows(&distinct).truncated(20), expected);
        assert_eq!(Graph::of_distinct(rows.view(), &distinct, 20, Metric::L2).unwrap(), expected);
    }

    #[test]
    fn the_scale_of_the_numbers_does_not_matter() {
        let rows = Array2::from_shape_fn((40, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
        let graph = Graph::of(rows.view(), 4, Metric::L2).unwrap();
        for scale in [2.0_f32.powi(-100), 2.0_f32.powi(70)] {
            let scaled = Graph::of((&rows * scale).view(), 4, Metric::L2).unwrap();
            assert!((0..40).all(|row| scaled.rows(row) == graph.rows(row)), "{scale}");
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let rows = Array2::from_shape_simple_fn((1500, 16), || random.gen_range(0..5) as f32);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Graph::of(rows.view(), 12, Metric::L2).unwrap())
        };
        let expected = run(1);
        assert_eq!(run(2), expected);
        assert_eq!(run(7), expected);
    }

    #[test]
    fn what_cannot_be_searched_is_refused() {
        let rows = Array2::<f32>::zeros((3, 2));
        assert!(Graph::of(rows.view(), 0, Metric::L2).is_err());
        assert!(Graph::of(rows.view(), 2, Metric::L1).is_err());
        let broken = ndarray::array![[f32::NAN], [1.0]];
        assert!(Graph::of(broken.view(), 1, Metric::L2).is_err());
        assert_eq!(Graph::of(rows.slice(ndarray::s![..1, ..]), 5, Metric::L2).unwrap().k(), 0);
    }
}
