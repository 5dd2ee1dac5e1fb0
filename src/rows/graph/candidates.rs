//! The rows that may be nearest to each row, by distances that matrix products give.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::measure::Measure;
use super::prepared::{Frame, Prepared};
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
    let blocks = Blocks::new(&rows.frame, &rows.squares, keep);
    let pairs = blocks.pairs(0..blocks.count());
    let steps = steps("neighbours", pairs.len());
    pairs.into_par_iter().for_each_init(Vec::new, |products, (a, b)| {
        steps.add(1);
        dot_products(rows.block(blocks.rows(a)), rows.block(blocks.rows(b)), rows.dims(), products);
        blocks.offer((a, b), products);
    });
    finished(blocks.lists, keep)
}

/// Blocks of rows that are made ready at once: with 512 rows in each, 25 MB of 1,536 dimensions.
const STRIPE: usize = 8;

/// The same of rows that are made ready stripe by stripe, so that no copy of all of them is needed: each stripe meets
/// itself and then, block by block, what comes after it.
pub(crate) fn candidates_in_stripes(
    measure: &Measure<'_>,
    frame: &Frame,
    squares: &[f32],
    keep: usize,
) -> Vec<Vec<Candidate>> {
    let (dims, blocks) = (measure.dims().max(1), Blocks::new(frame, squares, keep));
    let count = blocks.count();
    let steps = steps("neighbours", count * (count + 1) / 2);
    let prepare = |row: usize, out: &mut [f32]| frame.prepare(measure, row, out);
    let mut stripe: Vec<f32> = Vec::new();
    for first in (0..count).step_by(STRIPE) {
        let last = (first + STRIPE).min(count);
        let start = blocks.rows(first).start;
        stripe.resize((blocks.rows(last - 1).end - start) * dims, 0.0);
        stripe.par_chunks_exact_mut(dims).enumerate().for_each(|(at, out)| prepare(start + at, out));
        let of =
            |b: usize| &stripe[(blocks.rows(b).start - start) * dims..(blocks.rows(b).end - start) * dims];
        blocks.pairs(first..last).into_par_iter().for_each_init(Vec::new, |products, (a, b)| {
            steps.add(1);
            dot_products(of(a), of(b), dims, products);
            blocks.offer((a, b), products);
        });
        (last..count).into_par_iter().for_each_init(Default::default, |held: &mut [Vec<f32>; 2], b| {
            let [values, products] = held;
            let rows = blocks.rows(b);
            values.resize(rows.len() * dims, 0.0);
            values.chunks_exact_mut(dims).zip(rows).for_each(|(out, row)| prepare(row, out));
            // Each block begins elsewhere, so that threads meet in one list only now and then.
            for a in (first..last).map(|a| first + (a - first + b) % (last - first)) {
                steps.add(1);
                dot_products(of(a), values, dims, products);
                blocks.offer((a, b), products);
            }
        });
    }
    finished(blocks.lists, keep)
}

/// Rows in blocks, and what is near to each row so far.
struct Blocks<'a> {
    frame: &'a Frame,
    squares: &'a [f32],
    tile: usize,
    lists: Vec<Mutex<Lists>>,
}

impl<'a> Blocks<'a> {
    fn new(frame: &'a Frame, squares: &'a [f32], keep: usize) -> Blocks<'a> {
        let n = squares.len();
        let tile = (n / 8).clamp(64, MOST_TILE_ROWS);
        let rows = |b: usize| tile.min(n - b * tile);
        let lists = (0..n.div_ceil(tile)).map(|b| Mutex::new(Lists::new(rows(b), keep))).collect();
        Blocks { frame, squares, tile, lists }
    }

    fn count(&self) -> usize {
        self.lists.len()
    }

    fn rows(&self, b: usize) -> Range<usize> {
        b * self.tile..((b + 1) * self.tile).min(self.squares.len())
    }

    /// Pairs of some blocks by distance from the diagonal, so that threads meet in one block only now and then.
    fn pairs(&self, blocks: Range<usize>) -> Vec<(usize, usize)> {
        (0..blocks.len())
            .flat_map(|apart| (blocks.start..blocks.end - apart).map(move |b| (b, b + apart)))
            .collect()
    }

    /// Takes the products of two blocks, of which the first does not come after the second, into the lists of both.
    fn offer(&self, (a, b): (usize, usize), products: &mut [f32]) {
        let lock = |b: usize| self.lists[b].lock().unwrap_or_else(PoisonError::into_inner);
        let (of_a, of_b) = (self.rows(a), self.rows(b));
        let squares = &self.squares[of_a.clone()];
        if a == b {
            let mut lists = lock(a);
            for (j, products) in products.chunks_exact_mut(of_a.len()).enumerate() {
                self.frame.to_squares(products, squares, squares[j]);
                lists.offer(j, &products[..j], of_a.start);
                lists.offer_to_all(&products[..j], (of_a.start + j) as u32);
            }
            return;
        }
        let (mut lists_a, mut lists_b) = (lock(a), lock(b));
        for (j, products) in products.chunks_exact_mut(of_a.len()).enumerate() {
            self.frame.to_squares(products, squares, self.squares[of_b.start + j]);
            lists_b.offer(j, products, of_a.start);
            lists_a.offer_to_all(products, (of_b.start + j) as u32);
        }
    }
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
    let frame: &Frame = &queries.frame;
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
                frame.to_squares(products, squares, queries.squares[chosen.start + at]);
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

/// What is near to each row of a block so far. Lists may hold a quarter more than is kept; they are cut when they are
/// full, which costs less than keeping them in order.
struct Lists {
    keep: usize,
    most: usize,
    /// For each row a squared distance beyond which nothing is among the nearest.
    bounds: Vec<f32>,
    found: Vec<Vec<Candidate>>,
}

/// Squared distances that are compared with a bound at once.
const GROUP: usize = 16;

impl Lists {
    fn new(rows: usize, keep: usize) -> Lists {
        let most = keep + (keep / 4).max(GROUP);
        Lists { keep, most, bounds: vec![f32::INFINITY; rows], found: vec![Vec::new(); rows] }
    }

    fn insert(&mut self, row: usize, candidate: Candidate) {
        let list = &mut self.found[row];
        if list.len() == list.capacity() {
            // Twice as many as before, and at last no more than are ever held.
            let more = list.len().clamp(4, self.most).min(self.most - list.len());
            list.reserve_exact(more);
        }
        list.push(candidate);
        if list.len() >= self.most {
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
