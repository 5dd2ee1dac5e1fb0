//! The rows that may be nearest to each row, by distances that matrix products give.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::prepared::{Estimator, Prepared};
use crate::progress::steps;
use crate::rows::product::dot_products;

/// The most rows on one side of a matrix product: 512 x 512 products are 1 MB.
pub(super) const MOST_TILE_ROWS: usize = 512;

/// A squared distance and the row at it.
pub(crate) type Candidate = (f32, u32);

/// The `keep` nearest other rows of each row by estimated squared distance, nearest first.
///
/// The rows are cut into blocks. Each pair of blocks is one matrix product, which serves the rows of both. Which pair
/// comes first depends on the threads; the answer does not, because the nearest are chosen by distance and then by row.
pub(crate) fn candidates(rows: &Prepared, keep: usize) -> Vec<Vec<Candidate>> {
    let (n, dims) = (rows.n_rows(), rows.dims());
    let tile = (n / 8).clamp(64, MOST_TILE_ROWS);
    let block = |b: usize| b * tile..((b + 1) * tile).min(n);
    let blocks = n.div_ceil(tile);
    let lists: Vec<Mutex<Lists>> =
        (0..blocks).map(|b| Mutex::new(Lists::new(block(b).len(), keep))).collect();
    let lock = |b: usize| lists[b].lock().unwrap_or_else(PoisonError::into_inner);
    // By distance from the diagonal, so that threads meet in one block only now and then.
    let pairs: Vec<(usize, usize)> =
        (0..blocks).flat_map(|apart| (0..blocks - apart).map(move |b| (b, b + apart))).collect();
    let steps = steps("neighbours", pairs.len());
    pairs.into_par_iter().for_each_init(Vec::new, |products, (a, b)| {
        steps.add(1);
        dot_products(rows.block(block(a)), rows.block(block(b)), dims, products);
        let squares = &rows.squares[block(a)];
        if a == b {
            let mut lists = lock(a);
            for (j, products) in products.chunks_exact_mut(block(a).len()).enumerate() {
                rows.estimator.to_squares(products, squares, squares[j]);
                lists.offer(j, &products[..j], block(a).start);
                lists.offer_to_all(&products[..j], (block(a).start + j) as u32);
            }
        } else {
            let (mut of_a, mut of_b) = (lock(a), lock(b));
            for (j, products) in products.chunks_exact_mut(block(a).len()).enumerate() {
                rows.estimator.to_squares(products, squares, rows.squares[block(b).start + j]);
                of_b.offer(j, products, block(a).start);
                of_a.offer_to_all(products, (block(b).start + j) as u32);
            }
        }
    });
    finished(lists, keep)
}

/// The rows that are searched among: their squared lengths, and their prepared numbers, block by block.
pub(crate) struct Among<'a, F> {
    pub squares: &'a [f32],
    /// Writes the numbers of some consecutive rows.
    pub block: F,
}

/// The `keep` rows nearest to each of some queries by estimated squared distance, nearest first. The queries may be
/// among the rows.
pub(crate) fn candidates_among<F>(
    queries: &Prepared,
    among: &Among<'_, F>,
    keep: usize,
) -> Vec<Vec<Candidate>>
where
    F: Fn(Range<usize>, &mut Vec<f32>) + Sync,
{
    let (n, q, dims) = (among.squares.len(), queries.n_rows(), queries.dims());
    let tile = 128;
    let tiles = q.div_ceil(tile);
    let of_tile = |t: usize| t * tile..((t + 1) * tile).min(q);
    let lists: Vec<Mutex<Lists>> =
        (0..tiles).map(|t| Mutex::new(Lists::new(of_tile(t).len(), keep))).collect();
    let blocks = n.div_ceil(MOST_TILE_ROWS);
    let estimator: &Estimator = &queries.estimator;
    let steps = steps("neighbours", blocks);
    (0..blocks).into_par_iter().for_each_init(Default::default, |held: &mut [Vec<f32>; 2], b| {
        steps.add(1);
        let [values, products] = held;
        let block = b * MOST_TILE_ROWS..((b + 1) * MOST_TILE_ROWS).min(n);
        values.clear();
        (among.block)(block.clone(), values);
        let squares = &among.squares[block.clone()];
        // Each block begins elsewhere, so that threads meet in one tile only now and then.
        for t in (0..tiles).map(|t| (t + b * 7) % tiles) {
            let chosen = of_tile(t);
            dot_products(values, queries.block(chosen.clone()), dims, products);
            let mut lists = lists[t].lock().unwrap_or_else(PoisonError::into_inner);
            for (at, products) in products.chunks_exact_mut(block.len()).enumerate() {
                estimator.to_squares(products, squares, queries.squares[chosen.start + at]);
                lists.offer(at, products, block.start);
            }
        }
    });
    finished(lists, keep)
}

fn finished(lists: Vec<Mutex<Lists>>, keep: usize) -> Vec<Vec<Candidate>> {
    lists
        .into_par_iter()
        .flat_map_iter(|lists| lists.into_inner().unwrap_or_else(PoisonError::into_inner).found)
        .map(|mut list| {
            list.sort_unstable_by(order);
            list.truncate(keep);
            list
        })
        .collect()
}

fn order(a: &Candidate, b: &Candidate) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// What is near to each row of a block so far. Lists may hold up to twice what is kept; they are cut when they are
/// full, which costs less than keeping them in order.
struct Lists {
    keep: usize,
    /// For each row a squared distance beyond which nothing is among the nearest.
    bounds: Vec<f32>,
    found: Vec<Vec<Candidate>>,
}

/// Squared distances that are compared with a bound at once.
const GROUP: usize = 16;

impl Lists {
    fn new(rows: usize, keep: usize) -> Lists {
        Lists { keep, bounds: vec![f32::INFINITY; rows], found: vec![Vec::new(); rows] }
    }

    fn insert(&mut self, row: usize, candidate: Candidate) {
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
