//! The rows nearest to each of some queries, exactly.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ndarray::ArrayView2;
use serde::Serialize;

use super::product::dot_products;
use super::simd::{dot_f64, dots_and_squared_norms, squared_norms};
use super::{Fold, Metric, RowBlock, RowSource, fold_rows};
use crate::error::{Error, Result};

/// A row that a search found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Neighbor {
    /// The row's number in its source, from 0.
    pub row: usize,
    /// Its distance from the query, by the metric of the search.
    pub distance: f64,
}

impl Neighbor {
    /// Nearer first; equal distances by row number.
    fn order(&self, other: &Neighbor) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.row.cmp(&other.row))
    }
}

/// Finds, for each query (q x d), the `k` nearest rows, nearest first; equal distances are in the
/// order of the rows. With fewer than `k` rows, all of them.
///
/// The ranking is that of distances computed in `f64`: a matrix product in `f32` only rules out
/// rows that cannot be among the nearest, with a margin for its rounding, and the few that remain
/// are measured again. Cost: one product of 2·q·n·d operations (L1 and Linf: q·n passes over d).
///
/// ```
/// use embedlab::rows::{Metric, top_k};
/// use ndarray::array;
/// let rows = array![[1.0_f32, 0.0], [0.0, 1.0], [0.7, 0.7]];
/// let found = top_k(&rows, array![[1.0_f32, 0.1]].view(), 2, Metric::Cosine)?;
/// assert_eq!(found[0].iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 2]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When the dimensions differ, and whatever the source meets while reading.
pub fn top_k(
    source: &(impl RowSource + ?Sized),
    queries: ArrayView2<'_, f32>,
    k: usize,
    metric: Metric,
) -> Result<Vec<Vec<Neighbor>>> {
    let queries = queries.as_standard_layout();
    let search = TopK::new(source, queries.view(), k, metric)?;
    let found = fold_rows(source, &search)?;
    Ok(search.nearest(found))
}

/// A search for the nearest rows, as a pass that can be joined with others.
pub(crate) struct TopK<'q> {
    queries: &'q [f32],
    dims: usize,
    lengths: Vec<f32>,
    /// A query's square is too large for `f32`: nothing is estimated.
    measure_all: bool,
    k: usize,
    metric: Metric,
    /// Whether each row may be found; all may by default.
    keep: Option<&'q [bool]>,
    /// Whether rows of zeros, which have no direction, are passed over.
    skip_zeros: bool,
    /// The squares of the queries in `f64`.
    squares: Vec<f64>,
    reached: Vec<Reached>,
}

/// The k smallest distances from a query that any thread has seen so far. They only save work: a row beyond the
/// largest of them is not in the answer, whoever sees it first.
struct Reached {
    smallest: Mutex<BinaryHeap<Distance>>,
    /// The largest of k, as bits; infinity before there are k.
    worst: AtomicU64,
}

/// A distance in the order of numbers.
struct Distance(f64);

impl PartialEq for Distance {
    fn eq(&self, other: &Distance) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Distance {}

impl PartialOrd for Distance {
    fn partial_cmp(&self, other: &Distance) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Distance {
    fn cmp(&self, other: &Distance) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Reached {
    fn new() -> Reached {
        Reached { smallest: Mutex::new(BinaryHeap::new()), worst: AtomicU64::new(f64::INFINITY.to_bits()) }
    }

    fn worst(&self) -> f64 {
        f64::from_bits(self.worst.load(Relaxed))
    }

    fn add(&self, distances: &[f64], k: usize) {
        // A thread that panicked leaves distances that were seen all the same.
        let mut smallest = self.smallest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for distance in distances {
            if smallest.len() < k {
                smallest.push(Distance(*distance));
            } else if let Some(mut worst) = smallest.peek_mut()
                && *distance < worst.0
            {
                *worst = Distance(*distance);
            }
        }
        if smallest.len() == k
            && let Some(worst) = smallest.peek()
        {
            self.worst.store(worst.0.to_bits(), Relaxed);
        }
    }
}

/// The nearest rows so far, one list for each query: sorted once it has been through a merge.
#[derive(Default)]
pub(crate) struct Nearest {
    nearest: Vec<Vec<Neighbor>>,
    /// The distances from a query that a block has brought.
    fresh: Vec<f64>,
    products: Vec<f32>,
    squared: Vec<f32>,
    candidates: Vec<(f32, u32)>,
}

impl Fold for TopK<'_> {
    type Part = Nearest;

    fn start(&self) -> Nearest {
        Nearest { nearest: vec![Vec::new(); self.lengths.len()], ..Nearest::default() }
    }

    fn add(&self, part: &mut Nearest, block: RowBlock<'_>) {
        let Some(rows) = block.rows.as_slice() else { return };
        if self.k == 0 {
            return;
        }
        match self.metric {
            Metric::L1 | Metric::Linf => self.add_measured(part, block.first, rows),
            _ if self.measure_all => self.add_measured(part, block.first, rows),
            _ => self.add_estimated(part, block.first, rows),
        }
    }

    fn merge(&self, into: &mut Nearest, from: Nearest) {
        for (nearest, more) in into.nearest.iter_mut().zip(from.nearest) {
            nearest.extend(more);
            self.shorten(nearest);
        }
    }
}

impl<'q> TopK<'q> {
    /// A search for queries in standard layout.
    pub fn new(
        source: &(impl RowSource + ?Sized),
        queries: ArrayView2<'q, f32>,
        k: usize,
        metric: Metric,
    ) -> Result<TopK<'q>> {
        if queries.ncols() != source.dims() {
            return Err(Error::argument("queries and rows have different dimensions")
                .with_code("dimensions-differ")
                .seen(format!("{} in the queries, {} in the rows", queries.ncols(), source.dims()))
                .advice("use vectors of the same model"));
        }
        let n_queries = queries.nrows();
        let values = queries.to_slice().unwrap_or_default();
        let mut lengths = Vec::new();
        squared_norms(values, source.dims(), &mut lengths);
        let unsafe_query = |(query, square): (&[f32], &f32)| !is_safe(query, *square);
        Ok(TopK {
            measure_all: values.chunks_exact(source.dims().max(1)).zip(&lengths).any(unsafe_query),
            queries: values,
            dims: source.dims(),
            lengths: lengths.iter().map(|length| length.sqrt()).collect(),
            k,
            metric,
            keep: None,
            skip_zeros: false,
            squares: values.chunks_exact(source.dims().max(1)).map(|query| dot_f64(query, query)).collect(),
            reached: (0..n_queries).map(|_| Reached::new()).collect(),
        })
    }

    /// Looks only at rows that are kept.
    pub fn among(self, keep: Option<&'q [bool]>) -> Self {
        TopK { keep, ..self }
    }

    /// Passes over rows of zeros when the metric is the cosine.
    pub fn skip_zeros(self) -> Self {
        TopK { skip_zeros: self.metric == Metric::Cosine, ..self }
    }

    /// The lists of a finished pass, one for each query.
    pub fn nearest(&self, found: Nearest) -> Vec<Vec<Neighbor>> {
        let mut nearest = found.nearest;
        nearest.resize_with(self.lengths.len(), Vec::new);
        nearest.iter_mut().for_each(|nearest| self.shorten(nearest));
        nearest
    }

    fn may_be_found(&self, row: usize, values: &[f32]) -> bool {
        self.keep.is_none_or(|keep| keep[row]) && !(self.skip_zeros && values.iter().all(|x| *x == 0.0))
    }

    fn query(&self, q: usize) -> &[f32] {
        &self.queries[q * self.dims..(q + 1) * self.dims]
    }

    /// Measures every row: for distances that are not a matrix product.
    fn add_measured(&self, part: &mut Nearest, first: usize, rows: &[f32]) {
        let Nearest { nearest, fresh, .. } = part;
        for (q, nearest) in nearest.iter_mut().enumerate() {
            fresh.clear();
            for (i, row) in rows.chunks_exact(self.dims).enumerate() {
                if !self.may_be_found(first + i, row) {
                    continue;
                }
                let distance = self.metric.distance(row, self.query(q));
                if !distance.is_nan() {
                    self.keep(q, nearest, Neighbor { row: first + i, distance }, fresh);
                }
            }
            self.reached[q].add(fresh, self.k);
        }
    }

    /// Estimates all distances by one matrix product and measures those rows that may be near.
    fn add_estimated(&self, part: &mut Nearest, first: usize, rows: &[f32]) {
        let Nearest { nearest, fresh, products, squared, candidates } = part;
        if self.lengths.len() == 1 {
            dots_and_squared_norms(rows, self.queries, products, squared);
        } else {
            dot_products(rows, self.queries, self.dims, products);
            squared_norms(rows, self.dims, squared);
        }
        let mut with_squares = rows.chunks_exact(self.dims.max(1)).zip(squared.iter());
        if !with_squares.all(|(row, square)| is_safe(row, *square)) {
            return self.add_measured(part, first, rows);
        }
        let m = squared.len();
        let mut scales = [0.0_f32; super::BLOCK_ROWS];
        let mut largest = 0.0_f32;
        for (square, scale) in squared.iter().zip(&mut scales) {
            *scale = if *square > 0.0 { 1.0 / square.sqrt() } else { 0.0 };
            largest = largest.max(*square);
        }
        // In `f64`, each when it is needed.
        let mut true_squares = [f64::NAN; super::BLOCK_ROWS];
        let hidden = self.hidden(first, rows, squared);
        // Products in f32 of rows of length a and b err by less than this times a·b.
        let rounding = f32::EPSILON * (8.0 + (self.dims as f32).sqrt() * 2.0);
        for (q, nearest) in nearest.iter_mut().enumerate() {
            let keys = &mut products[q * m..(q + 1) * m];
            self.make_keys(keys, squared, &scales[..m]);
            // No key is within a bound when it is not a number.
            hidden.iter().for_each(|i| keys[*i] = f32::NAN);
            let worst = self.reached[q].worst();
            let (bound, margin) = self.key_bound(q, worst, largest.sqrt(), rounding);
            candidates.clear();
            collect(keys, bound + margin, candidates);
            if candidates.len() > self.k {
                let (_, kth, _) = candidates.select_nth_unstable_by(self.k - 1, |a, b| a.0.total_cmp(&b.0));
                let bound = kth.0 + 2.0 * margin;
                candidates.retain(|candidate| candidate.0 <= bound);
            }
            if candidates.is_empty() {
                continue;
            }
            fresh.clear();
            for &(_, i) in candidates.iter() {
                let i = i as usize;
                let row = &rows[i * self.dims..(i + 1) * self.dims];
                let distance = match self.metric {
                    Metric::Cosine => {
                        if true_squares[i].is_nan() {
                            true_squares[i] = dot_f64(row, row);
                        }
                        let lengths = (true_squares[i] * self.squares[q]).sqrt();
                        if lengths > 0.0 { 1.0 - dot_f64(row, self.query(q)) / lengths } else { 1.0 }
                    }
                    metric => metric.distance(row, self.query(q)),
                };
                self.keep(q, nearest, Neighbor { row: first + i, distance }, fresh);
            }
            self.reached[q].add(fresh, self.k);
        }
    }

    /// The rows of a block that are not to be found.
    fn hidden(&self, first: usize, rows: &[f32], squared: &[f32]) -> Vec<usize> {
        if self.keep.is_none() && !self.skip_zeros {
            return Vec::new();
        }
        (0..squared.len())
            .filter(|i| {
                // Only a square of zero may be a row of zeros.
                let values =
                    if squared[*i] > 0.0 { &[1.0][..] } else { &rows[i * self.dims..(i + 1) * self.dims] };
                !self.may_be_found(first + i, values)
            })
            .collect()
    }

    /// The key of a row, smaller for nearer ones, is what the product gives almost for nothing:
    /// minus the product (Dot), minus the cosine times the query's length (Cosine), the squared
    /// distance without the query's own square (L2). This is the key that belongs to a distance,
    /// and how far an estimated key may be from the true one.
    fn key_bound(&self, q: usize, distance: f64, longest: f32, rounding: f32) -> (f32, f32) {
        let length = self.lengths[q];
        match self.metric {
            Metric::Cosine => (((distance - 1.0) * f64::from(length)) as f32, rounding * length),
            Metric::L2 => {
                let square = self.squares[q];
                let scale = (longest + length) * (longest + length);
                ((distance * distance - square) as f32, rounding * scale)
            }
            _ => (distance as f32, rounding * length * longest),
        }
    }

    /// Turns products into keys, in place.
    fn make_keys(&self, dots: &mut [f32], squares: &[f32], scales: &[f32]) {
        match self.metric {
            // A row of zeros has the scale 0, and so the key of a right angle.
            Metric::Cosine => dots.iter_mut().zip(scales).for_each(|(dot, scale)| *dot *= -scale),
            Metric::L2 => dots.iter_mut().zip(squares).for_each(|(dot, square)| *dot = square - 2.0 * *dot),
            _ => dots.iter_mut().for_each(|dot| *dot = -*dot),
        }
    }

    /// Adds a row that may be among the nearest.
    fn keep(&self, q: usize, nearest: &mut Vec<Neighbor>, neighbor: Neighbor, fresh: &mut Vec<f64>) {
        if neighbor.distance > self.reached[q].worst() {
            return;
        }
        fresh.push(neighbor.distance);
        nearest.push(neighbor);
        // A list of twice as many is cut: so each row costs the sorting of a constant number of rows.
        if nearest.len() >= (2 * self.k).max(64) {
            self.shorten(nearest);
        }
    }

    /// Sorts a list and leaves the `k` nearest.
    fn shorten(&self, nearest: &mut Vec<Neighbor>) {
        // Two sorted lists, one behind the other, are merged by this sort in one pass.
        nearest.sort_by(Neighbor::order);
        nearest.truncate(self.k);
    }
}

/// Whether the square of a row (and products with others like it) keeps its digits in `f32`.
fn is_safe(row: &[f32], square: f32) -> bool {
    (1e-30..1e30).contains(&square) || (square < 1e-30 && row.iter().all(|x| *x == 0.0))
}

/// The keys within the bound, with their positions. Most groups hold none, and their least key says
/// so at once.
fn collect(keys: &[f32], bound: f32, out: &mut Vec<(f32, u32)>) {
    const GROUP: usize = 32;
    for (group, keys) in keys.chunks(GROUP).enumerate() {
        let mut least = f32::INFINITY;
        for key in keys {
            least = if *key < least { *key } else { least };
        }
        if least <= bound {
            let within = keys.iter().enumerate().filter(|(_, key)| **key <= bound);
            out.extend(within.map(|(i, key)| (*key, (group * GROUP + i) as u32)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    fn slow(rows: &Array2<f32>, query: &[f32], k: usize, metric: Metric) -> Vec<Neighbor> {
        let mut all: Vec<Neighbor> = rows
            .rows()
            .into_iter()
            .enumerate()
            .map(|(row, values)| Neighbor {
                row,
                distance: metric.distance(values.as_slice().unwrap(), query),
            })
            .collect();
        all.sort_by(Neighbor::order);
        all.truncate(k);
        all
    }

    #[test]
    fn every_metric_ranks_as_f64_does_on_random_and_on_tied_rows() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for (n, d, levels) in [(1, 3, 0), (900, 17, 0), (5000, 8, 3), (4500, 40, 2)] {
            let rows = Array2::from_shape_simple_fn((n, d), || match levels {
                0 => random.gen_range(-1.0..1.0),
                levels => random.gen_range(0..levels) as f32,
            });
            let queries = Array2::from_shape_simple_fn((3, d), || random.gen_range(-1.0_f32..1.0));
            for metric in [Metric::Cosine, Metric::Dot, Metric::L1, Metric::L2, Metric::Linf] {
                for k in [1, 10, 200] {
                    let found = top_k(&rows, queries.view(), k, metric).unwrap();
                    for (query, found) in queries.rows().into_iter().zip(found) {
                        assert_eq!(
                            found,
                            slow(&rows, query.as_slice().unwrap(), k, metric),
                            "{metric:?} {n} {d} {k}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn huge_and_tiny_numbers_rank_as_f64_does() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let rows = Array2::from_shape_simple_fn((400, 9), || random.gen_range(-1.0_f32..1.0));
        for scale in [1e24_f32, 1e-24, 3e37] {
            let mut scaled = &rows * scale;
            scaled.row_mut(3).fill(0.0);
            let queries = scaled.slice(ndarray::s![..3, ..]).to_owned();
            for metric in [Metric::Cosine, Metric::L2] {
                let found = top_k(&scaled, queries.view(), 5, metric).unwrap();
                for (query, found) in queries.rows().into_iter().zip(found) {
                    assert_eq!(
                        found,
                        slow(&scaled, query.as_slice().unwrap(), 5, metric),
                        "{scale} {metric:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_rows_and_no_neighbours_are_no_trouble() {
        let none = top_k(&Array2::<f32>::zeros((0, 3)), Array2::zeros((2, 3)).view(), 5, Metric::L2).unwrap();
        assert_eq!(none, vec![Vec::new(), Vec::new()]);
        let zero =
            top_k(&Array2::<f32>::zeros((4, 3)), Array2::zeros((1, 3)).view(), 0, Metric::Cosine).unwrap();
        assert_eq!(zero, vec![Vec::new()]);
    }

    #[test]
    fn other_dimensions_are_refused() {
        let error =
            top_k(&Array2::<f32>::zeros((4, 3)), Array2::zeros((1, 2)).view(), 1, Metric::L2).unwrap_err();
        assert!(error.to_string().contains("2 in the queries, 3 in the rows"));
    }
}
