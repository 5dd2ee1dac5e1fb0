//! The nearest other rows of every row, as t-SNE needs them: in the unit of the prepared rows, in `f32`.

use std::ops::Range;

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::error::Result;
use crate::rows::graph::{Among, Candidate, Prepared, SPARE, candidates, candidates_among};
use crate::rows::simd::squared_distance_f64;

/// Below this share of the squared lengths, a squared distance from products is computed again from
/// differences: products err by some 1e-7 of the squared lengths.
const CANCELLATION: f32 = 1e-2;

/// The `k` nearest other rows of each of n rows, by Euclidean distance, nearest first; equal
/// distances stand in the order of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct NeighborGraph {
    k: usize,
    rows: Vec<u32>,
    /// In units of the prepared rows.
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
        Ok(NeighborGraph::of_prepared(&Prepared::euclidean(rows)?, k))
    }

    pub(super) fn of_prepared(rows: &Prepared, k: usize) -> NeighborGraph {
        let n = rows.n_rows();
        let k = k.min(n.saturating_sub(1));
        let mut graph = NeighborGraph {
            k,
            rows: vec![0; n * k],
            distances: vec![0.0; n * k],
            unit: rows.estimator.unit(),
        };
        if k == 0 {
            return graph;
        }
        let found = candidates(rows, k + SPARE);
        let lists = graph.rows.par_chunks_mut(k).zip(graph.distances.par_chunks_mut(k));
        lists.zip(found).enumerate().for_each(|(row, ((near, distances), found))| {
            let measured = measured(rows, rows, row, found);
            for ((at, distance), (square, other)) in near.iter_mut().zip(distances).zip(measured) {
                (*at, *distance) = (other, square.sqrt() as f32);
            }
        });
        graph
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
pub(super) fn nearest_among(rows: &Prepared, queries: &Prepared, k: usize) -> Vec<Vec<(f64, u32)>> {
    let block = |of: Range<usize>, values: &mut Vec<f32>| values.extend_from_slice(rows.block(of));
    let found = candidates_among(queries, &Among { squares: &rows.squares, block }, k + SPARE);
    let nearest = |(query, found)| {
        let mut measured = measured(queries, rows, query, found);
        measured.truncate(k);
        measured
    };
    found.into_par_iter().enumerate().map(nearest).collect()
}

/// Candidates of row `row` of `from` among `rows`, measured well and sorted.
fn measured(from: &Prepared, rows: &Prepared, row: usize, found: Vec<Candidate>) -> Vec<(f64, u32)> {
    let own = from.squares[row];
    let again = |(square, other): Candidate| {
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
