//! The nearest other rows of every row, exactly: the graph that most numbers about a file come from.

mod candidates;
mod change;
mod file;
mod measure;
mod pairs;
mod passed;
mod prepared;
mod sample;

use ndarray::ArrayView2;
use rayon::prelude::*;

use candidates::candidates_in_stripes;
pub(crate) use candidates::{Among, Candidate, candidates, candidates_among};
pub(crate) use file::metric_name;
use measure::least;
pub(crate) use measure::{Measure, half_squared_chord};
use pairs::PairDistances;
pub(crate) use passed::{Lengths, block_bytes, query_bytes};
pub(crate) use prepared::{Estimator, Prepared};
pub use sample::SampleGraph;

use super::{DistinctRows, Metric, require_finite};
use crate::error::{Error, Result};

/// Candidates kept beyond the wanted ones. Rounding decides who is among the candidates only where so many rows
/// are as far away as the last wanted one, to the last digits; such rows are searched again.
pub(crate) const SPARE: usize = 8;

/// The most neighbours of a graph.
pub const MOST_NEIGHBORS: usize = 1000;

/// The `k` nearest other rows of each of n rows, nearest first; equal distances in the order of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    n: usize,
    k: usize,
    metric: Metric,
    rows: Vec<u32>,
    distances: Vec<f64>,
}

impl Graph {
    /// Finds the `k` nearest other rows of each row (n x d) by Euclidean ([`Metric::L2`]) or cosine distance
    /// ([`Metric::Cosine`]); with fewer than `k` other rows, all of them.
    ///
    /// Each pair of different rows is estimated once, by matrix products in `f32` of the rows less their mean; the
    /// distances of the found neighbours are computed from differences in `f64`. Cost: n²·d operations; memory 30 bytes
    /// for each neighbour, 50 MB for lists, and 25 MB for 1,536 dimensions, whatever the number of rows.
    ///
    /// ```
    /// use embedlab::rows::{Graph, Metric};
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
        let measure = Measure::of_distinct(rows, distinct, metric)?;
        let n = measure.n_rows();
        let k = k.min(n.saturating_sub(1));
        if k == 0 {
            return Ok(Graph { n, k, metric, rows: Vec::new(), distances: Vec::new() });
        }
        let estimator = Estimator::of(&measure);
        let squares = estimator.squares(&measure);
        let longest = squares.iter().copied().fold(0.0, f32::max);
        let found = candidates_in_stripes(&measure, &estimator, &squares, k + SPARE);
        let exact = PairDistances::of_candidates(&measure, &found);
        let mut graph = Graph { n, k, metric, rows: vec![0; n * k], distances: vec![0.0; n * k] };
        let lists = graph.rows.par_chunks_mut(k).zip(graph.distances.par_chunks_mut(k));
        let doubtful: Vec<usize> = lists
            .zip(found)
            .enumerate()
            .filter_map(|(row, ((near, distances), found))| {
                let own = (row, squares[row]);
                let exact = found.iter().zip(exact.of_row(row)).map(|((_, other), exact)| (*exact, *other));
                let measured = measured(&measure, &estimator, own, longest, (&found, exact), k);
                write(near, distances, &measured.nearest);
                (!measured.sure).then_some(row)
            })
            .collect();
        let again: Vec<_> = doubtful.par_iter().map(|row| measure.nearest(*row, 0..n, k)).collect();
        for (row, measured) in doubtful.into_iter().zip(again) {
            write(&mut graph.rows[row * k..][..k], &mut graph.distances[row * k..][..k], &measured);
        }
        Ok(graph)
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

pub(crate) fn check_k(k: usize) -> Result<()> {
    if k == 0 || k > MOST_NEIGHBORS {
        return Err(Error::argument("a number of neighbours out of range")
            .seen(k.to_string())
            .advice(format!("ask for 1 to {MOST_NEIGHBORS}")));
    }
    Ok(())
}

fn write(near: &mut [u32], distances: &mut [f64], measured: &[(f64, u32)]) {
    for ((row, to), (distance, other)) in near.iter_mut().zip(distances).zip(measured) {
        (*row, *to) = (*other, *distance);
    }
}

/// The nearest of some candidates, and whether no other row can be among them.
struct Measured {
    nearest: Vec<(f64, u32)>,
    sure: bool,
}

/// The nearest of the candidates of a row, which is given with its squared prepared length, where no row is longer than
/// `longest`. The candidates are given by their estimates, in order, and by their exact distances.
fn measured(
    measure: &Measure<'_>,
    estimator: &Estimator,
    (row, own): (usize, f32),
    longest: f32,
    (found, exact): (&[Candidate], impl Iterator<Item = (f64, u32)>),
    k: usize,
) -> Measured {
    // With a full list, nothing that is not in it has an estimate below its last one.
    let full = found.len() == k + SPARE;
    let bound = found.last().filter(|_| full).map(|last| last.0);
    let zero_row = measure.zero_row().filter(|zero| *zero != row);
    let zero_row = zero_row.map(|zero| (measure.distance(row, zero), zero as u32));
    let nearest = least(exact.chain(zero_row).collect(), k);
    let kth = nearest.last().map_or(f64::INFINITY, |last| last.0);
    let sure = bound.is_none_or(|bound| estimator.nothing_missed(own, longest, measure.square(kth), bound));
    Measured { nearest, sure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    fn order(a: &(f64, u32), b: &(f64, u32)) -> std::cmp::Ordering {
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
    }

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
