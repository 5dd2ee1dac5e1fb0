//! The nearest other rows of every row, exactly.

use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::centred::Centred;
use crate::error::{Error, Result};
use crate::rows::product::dot_products;
use crate::rows::simd::squared_distance_f64;

/// The most rows on one side of a matrix product: 512 x 512 products are 1 MB.
const MOST_TILE_ROWS: usize = 512;

/// Below this share of the squared lengths, a squared distance from products is computed again from
/// differences: products err by some 1e-7 of the squared lengths.
const CANCELLATION: f32 = 1e-2;

/// Candidates kept beyond the wanted ones, so that rounding does not decide who is among them.
const SPARE: usize = 8;

/// The `k` nearest other rows of each of n rows, by Euclidean distance, nearest first; equal
/// distances stand in the order of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct NeighborGraph {
    k: usize,
    rows: Vec<u32>,
    /// In units of the centred rows.
    distances: Vec<f32>,
    unit: f64,
}

impl NeighborGraph {
    /// Finds the `k` nearest other rows (n x d), with fewer than `k` others all of them.
    ///
    /// Each pair of rows is measured once, by matrix products in `f32` of the rows less their mean;
    /// small distances are measured again from differences in `f64`. Cost: n²·d operations.
    ///
    /// ```
    /// use embedlab::map::NeighborGraph;
    /// let rows = ndarray::array![[0.0_f32], [1.0], [5.0]];
    /// let graph = NeighborGraph::of(rows.view(), 1)?;
    /// assert_eq!(graph.rows(2), [1]);
    /// assert!((graph.distance(2, 0) - 4.0).abs() < 1e-6);
    /// # Ok::<(), embedlab::Error>(())
    /// ```
    ///
    /// # Errors
    /// For numbers that are not finite, and more than four thousand million rows.
    pub fn of(rows: ArrayView2<'_, f32>, k: usize) -> Result<NeighborGraph> {
        NeighborGraph::of_centred(&Centred::new(rows)?, k)
    }

    pub(super) fn of_centred(rows: &Centred, k: usize) -> Result<NeighborGraph> {
        let n = rows.n_rows();
        if n > u32::MAX as usize {
            return Err(Error::argument("too many rows for a graph of neighbours").seen(n.to_string()));
        }
        let k = k.min(n.saturating_sub(1));
        let mut graph =
            NeighborGraph { k, rows: vec![0; n * k], distances: vec![0.0; n * k], unit: rows.unit };
        if k == 0 {
            return Ok(graph);
        }
        let tile = (n / 8).clamp(64, MOST_TILE_ROWS);
        let found = search(rows, k + SPARE, tile);
        let lists = graph.rows.par_chunks_mut(k).zip(graph.distances.par_chunks_mut(k));
        lists.zip(found).enumerate().for_each(|(row, ((near, distances), found))| {
            let mut measured = measured(rows, rows, row, found);
            measured.truncate(k);
            for ((at, distance), (square, other)) in near.iter_mut().zip(distances).zip(measured) {
                (*at, *distance) = (other, square.sqrt() as f32);
            }
        });
        Ok(graph)
    }

    /// How many neighbours each row has.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.rows.len().checked_div(self.k).unwrap_or(0)
    }

    /// The neighbours of a row, nearest first; empty for a row that is not there.
    pub fn rows(&self, row: usize) -> &[u32] {
        self.rows.get(row * self.k..(row + 1) * self.k).unwrap_or_default()
    }

    /// The distance of a row's neighbour at `place` (0 for the nearest); NaN where there is none.
    pub fn distance(&self, row: usize, place: usize) -> f64 {
        self.scaled(row).get(place).map_or(f64::NAN, |distance| f64::from(*distance) * self.unit)
    }

    /// The distances of a row's neighbours, all in the same unit.
    pub(super) fn scaled(&self, row: usize) -> &[f32] {
        self.distances.get(row * self.k..(row + 1) * self.k).unwrap_or_default()
    }
}

/// The `k` nearest of `rows` to each of `queries` (squared distance, row), nearest first.
pub(super) fn nearest_among(rows: &Centred, queries: &Centred, k: usize) -> Vec<Vec<(f64, u32)>> {
    let (n, dims) = (rows.n_rows(), rows.dims());
    let tile = 128;
    let blocks: Vec<Vec<Vec<(f64, u32)>>> = (0..queries.n_rows().div_ceil(tile))
        .into_par_iter()
        .map_init(Vec::new, |products, block| {
            let chosen = block * tile..((block + 1) * tile).min(queries.n_rows());
            let mut lists = Lists::new(chosen.len(), k + SPARE);
            for first in (0..n).step_by(MOST_TILE_ROWS) {
                let end = (first + MOST_TILE_ROWS).min(n);
                dot_products(rows.block(first..end), queries.block(chosen.clone()), dims, products);
                for (q, products) in products.chunks_exact_mut(end - first).enumerate() {
                    to_squares(products, &rows.squares[first..end], queries.squares[chosen.start + q], dims);
                    lists.offer(q, products, first);
                }
            }
            let found = lists.found.into_iter().enumerate();
            found.map(|(q, list)| truncated(measured(queries, rows, chosen.start + q, list), k)).collect()
        })
        .collect();
    blocks.into_iter().flatten().collect()
}

fn truncated<T>(mut list: Vec<T>, k: usize) -> Vec<T> {
    list.truncate(k);
    list
}

/// Turns products of rows with `dims` numbers into squared distances, in place. What lies within the
/// error of rounding becomes 0, so that of many equal rows the first ones are the nearest.
pub(super) fn to_squares(products: &mut [f32], squares: &[f32], own: f32, dims: usize) {
    let rounding = f32::EPSILON * (8.0 + 2.0 * (dims as f32).sqrt());
    for (product, square) in products.iter_mut().zip(squares) {
        let both = own + square;
        let apart = both - 2.0 * *product;
        *product = if apart > rounding * both { apart } else { 0.0 };
    }
}

/// Candidates of row `row` of `from` among `rows`, measured well and sorted.
fn measured(from: &Centred, rows: &Centred, row: usize, found: Vec<(f32, u32)>) -> Vec<(f64, u32)> {
    let own = from.squares[row];
    let again = |(square, other): (f32, u32)| {
        if square > CANCELLATION * (own + rows.squares[other as usize]) {
            (f64::from(square), other)
        } else {
            (squared_distance_f64(from.row(row), rows.row(other as usize)), other)
        }
    };
    let mut measured: Vec<(f64, u32)> = found.into_iter().map(again).collect();
    measured.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    measured
}

/// The `keep` nearest other rows of each row by the squared distances that products give.
///
/// The rows are cut into blocks. Each pair of blocks is one matrix product, which serves the rows of
/// both. Which pair comes first depends on the threads; the answer does not, because the nearest
/// are chosen by distance and then by row.
fn search(rows: &Centred, keep: usize, tile: usize) -> Vec<Vec<(f32, u32)>> {
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
                to_squares(products, squares, squares[j], dims);
                lists.offer_within(j, &products[..j], block(a).start);
            }
        } else {
            let (mut of_a, mut of_b) = (lock(a), lock(b));
            for (j, products) in products.chunks_exact_mut(block(a).len()).enumerate() {
                to_squares(products, squares, rows.squares[block(b).start + j], dims);
                of_b.offer(j, products, block(a).start);
                of_a.offer_to_all(products, (block(b).start + j) as u32);
            }
        }
    });
    lists
        .into_iter()
        .flat_map(|lists| lists.into_inner().unwrap_or_else(PoisonError::into_inner).found)
        .map(|list| truncated(sorted(list), keep))
        .collect()
}

fn order(a: &(f32, u32), b: &(f32, u32)) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

fn sorted(mut list: Vec<(f32, u32)>) -> Vec<(f32, u32)> {
    list.sort_unstable_by(order);
    list
}

/// What is near to each row of a block so far. Lists may hold up to twice what is kept; they are
/// cut when they are full, which costs less than keeping them in order.
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
            let (_, last, _) = list.select_nth_unstable_by(self.keep - 1, order);
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

    /// Offers one row to all rows of the block.
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

    /// Row `row` of the block and the rows before it, each offered to the other.
    fn offer_within(&mut self, row: usize, squares: &[f32], first: usize) {
        self.offer(row, squares, first);
        self.offer_to_all(squares, (first + row) as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    /// All distances in `f64`, sorted.
    fn slow(rows: &Array2<f32>, k: usize) -> Vec<Vec<(f64, usize)>> {
        let near = |i: usize| {
            let distance = |j: usize| {
                let pairs = rows.row(i).into_iter().zip(rows.row(j)).map(|(a, b)| f64::from(a - b).powi(2));
                pairs.sum::<f64>().sqrt()
            };
            let others = (0..rows.nrows()).filter(|j| *j != i);
            let mut all: Vec<(f64, usize)> = others.map(|j| (distance(j), j)).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            all.truncate(k);
            all
        };
        (0..rows.nrows()).map(near).collect()
    }

    #[test]
    fn the_neighbours_are_those_of_all_distances_in_f64() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        for (n, d, k) in [(2, 3, 1), (5, 1, 4), (70, 4, 3), (300, 20, 30), (700, 8, 91)] {
            let rows = Array2::from_shape_simple_fn((n, d), || random.gen_range(-1.0_f32..1.0) + 3.0);
            let graph = NeighborGraph::of(rows.view(), k).unwrap();
            for (i, near) in slow(&rows, k).into_iter().enumerate() {
                for (place, (distance, j)) in near.into_iter().enumerate() {
                    let found = graph.distance(i, place);
                    assert!((found - distance).abs() < 1e-5 * distance.max(0.1), "{found} {distance}");
                    let same = graph.rows(i)[place] as usize == j;
                    assert!(same || (found - distance).abs() < 1e-6, "row {i}, place {place}");
                }
            }
        }
    }

    #[test]
    fn equal_rows_are_at_distance_zero_and_stand_in_their_order() {
        let rows = Array2::from_shape_fn((300, 7), |(i, j)| ((i % 3) * 7 + j) as f32 * 0.1);
        let graph = NeighborGraph::of(rows.view(), 5).unwrap();
        assert_eq!(graph.rows(4), [1, 7, 10, 13, 16]);
        assert!((0..5).all(|place| graph.distance(4, place) == 0.0));
    }

    #[test]
    fn the_scale_of_the_numbers_does_not_matter() {
        let rows = Array2::from_shape_fn((40, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
        let graph = NeighborGraph::of(rows.view(), 4).unwrap();
        for scale in [2.0_f32.powi(-100), 2.0_f32.powi(70)] {
            let scaled = NeighborGraph::of((&rows * scale).view(), 4).unwrap();
            assert!((0..40).all(|row| scaled.rows(row) == graph.rows(row)), "{scale}");
        }
    }

    #[test]
    fn fewer_rows_than_neighbours_are_all_neighbours() {
        let rows = Array2::from_shape_fn((3, 2), |(i, _)| i as f32);
        assert_eq!(NeighborGraph::of(rows.view(), 10).unwrap().rows(0), [1, 2]);
        assert_eq!(NeighborGraph::of(Array2::zeros((1, 2)).view(), 10).unwrap().k(), 0);
    }
}
