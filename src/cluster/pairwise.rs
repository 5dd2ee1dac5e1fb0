//! Distances between many rows at once, by matrix products.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::Geometry;
use crate::error::{Error, Result};
use crate::rows::Frame;

/// Rows whose distances are computed together: their numbers stay in the second-level cache.
pub(super) const QUERY_ROWS: usize = 256;

/// Rows on the other side of one matrix product; the products of one such tile are 512 kB.
const TILE_ROWS: usize = 512;

/// Below this share of the squared lengths, a squared distance is computed again from differences.
/// Products of f32 carry an error of some 1e-7 of the squared lengths; at 1e-3 that is 1e-4 of the
/// squared distance and half of it of the distance.
const CANCELLATION: f32 = 1e-3;

/// Rows made ready for distances: of unit length for cosine, moved to their mean, in one block.
///
/// Moving does not change distances, but embeddings crowd in a narrow cone around their mean, and
/// the error of a distance from products grows with the length of the rows.
pub(super) struct Centred {
    rows: Array2<f32>,
    squared_lengths: Vec<f32>,
    geometry: Geometry,
}

impl Centred {
    /// The rows at `order`, n x d.
    ///
    /// # Errors
    /// For cosine when a row is all zeros: it has no direction.
    pub(super) fn new(all: ArrayView2<'_, f32>, order: &[usize], geometry: Geometry) -> Result<Self> {
        let lengths = order.iter().map(|&position| length(all, position, geometry));
        let lengths = lengths.collect::<Result<Vec<f64>>>()?;
        let mut mean = Array1::<f64>::zeros(all.ncols());
        for (&position, length) in order.iter().zip(&lengths) {
            for (mean, &number) in mean.iter_mut().zip(all.row(position)) {
                *mean += f64::from(number) / length;
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= order.len() as f64);
        let deviation = |&position: &usize| {
            let differences =
                all.row(position).into_iter().zip(&mean).map(|(x, mean)| (f64::from(*x) - mean).powi(2));
            differences.sum::<f64>()
        };
        let unit = match geometry {
            Geometry::Euclidean => unit(order.par_iter().map(deviation).reduce(|| 0.0, f64::max)),
            Geometry::Spherical => 1.0,
        };

        let frame = Frame { origin: mean, unit };
        let mut rows = Array2::zeros((order.len(), all.ncols()));
        rows.axis_iter_mut(Axis(0)).into_par_iter().zip(order).zip(&lengths).for_each(
            |((mut row, &position), length)| {
                let given = all.row(position);
                let values = frame.moved_row(given.iter().map(|x| f64::from(*x) / length));
                row.iter_mut().zip(values).for_each(|(moved, value)| *moved = value);
            },
        );
        let squared_length = |row: ndarray::ArrayView1<'_, f32>| {
            row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() as f32
        };
        let squared_lengths = rows.rows().into_iter().map(squared_length).collect();
        Ok(Centred { rows, squared_lengths, geometry })
    }

    /// For each of `queries` (positions in the order given to [`Centred::new`]) calls `visit` with
    /// the query's number and its distances to the rows from `first` on, tile after tile in row
    /// order; `start` makes what one query gathers. The answers come in the order of the queries.
    pub(super) fn gather<T: Send>(
        &self,
        queries: &[usize],
        start: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, usize, &[f32]) + Sync,
    ) -> Vec<T> {
        let blocks: Vec<Vec<T>> = queries
            .par_chunks(QUERY_ROWS)
            .map(|block| {
                let picked = self.rows.select(Axis(0), block);
                let mut gathered: Vec<T> = block.iter().map(|_| start()).collect();
                let mut distances = vec![0.0_f32; block.len() * TILE_ROWS];
                for first in (0..self.rows.nrows()).step_by(TILE_ROWS) {
                    let tile = self.rows.slice(s![first..(first + TILE_ROWS).min(self.rows.nrows()), ..]);
                    let distances = &mut distances[..block.len() * tile.nrows()];
                    multiply(picked.view(), tile, distances);
                    let of_queries = distances.chunks_exact_mut(tile.nrows()).zip(block).zip(&mut gathered);
                    for ((distances, &query), gathered) in of_queries {
                        self.products_to_distances(query, first, distances);
                        visit(gathered, first, distances);
                    }
                }
                gathered
            })
            .collect();
        blocks.into_iter().flatten().collect()
    }

    /// Turns products of row `query` with the rows from `first` on into distances, in place.
    fn products_to_distances(&self, query: usize, first: usize, products: &mut [f32]) {
        let own = self.squared_lengths[query];
        let lengths = &self.squared_lengths[first..first + products.len()];
        let mut any_near = false;
        for (product, &length) in products.iter_mut().zip(lengths) {
            let squared = (own + length - 2.0 * *product).max(0.0);
            any_near |= squared < CANCELLATION * (own + length);
            *product = squared;
        }
        if any_near {
            for (i, squared) in products.iter_mut().enumerate() {
                if *squared < CANCELLATION * (own + lengths[i]) {
                    *squared = self.squared_difference(query, first + i);
                }
            }
        }
        match self.geometry {
            Geometry::Euclidean => products.iter_mut().for_each(|x| *x = x.sqrt()),
            // |u - v|^2 = 2 - 2 cos(u, v) for unit vectors.
            Geometry::Spherical => products.iter_mut().for_each(|x| *x *= 0.5),
        }
    }

    fn squared_difference(&self, a: usize, b: usize) -> f32 {
        let pairs = self.rows.row(a).into_iter().zip(self.rows.row(b));
        pairs.map(|(&a, &b)| f64::from(a - b) * f64::from(a - b)).sum::<f64>() as f32
    }
}

/// What rows are divided by so that their squares are safe in `f32`, from the largest square: 1 as a rule.
/// Silhouettes are ratios of distances and do not see it.
fn unit(largest: f64) -> f64 {
    if largest.is_finite() && largest > 0.0 && !(1e-24..1e30).contains(&largest) {
        largest.sqrt()
    } else {
        1.0
    }
}

/// What a row is divided by: its length for cosine, nothing otherwise.
fn length(rows: ArrayView2<'_, f32>, position: usize, geometry: Geometry) -> Result<f64> {
    if geometry == Geometry::Euclidean {
        return Ok(1.0);
    }
    let length = rows.row(position).iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if length == 0.0 {
        return Err(Error::input("a row of zeros has no direction, so no cosine")
            .with_code("zero-vector")
            .row(position)
            .advice("remove it, or use Euclidean distance"));
    }
    Ok(length)
}

/// `products` (row-major, a x b) = the rows of `a` times the rows of `b`; both in one block.
fn multiply(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, products: &mut [f32]) {
    let (Some(left), Some(right)) = (a.as_slice(), b.as_slice()) else {
        unreachable!("rows selected or sliced from an owned matrix stand in one block");
    };
    matmul(
        MatMut::from_row_major_slice_mut(products, a.nrows(), b.nrows()),
        Accum::Replace,
        MatRef::from_row_major_slice(left, a.nrows(), a.ncols()),
        MatRef::from_row_major_slice(right, b.nrows(), b.ncols()).transpose(),
        1.0,
        Par::Seq,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distances(rows: &Array2<f32>, geometry: Geometry) -> Vec<Vec<f32>> {
        let order: Vec<usize> = (0..rows.nrows()).collect();
        let centred = Centred::new(rows.view(), &order, geometry).unwrap();
        centred.gather(&order, Vec::new, |all, _, tile| all.extend_from_slice(tile))
    }

    /// Pairs, one at a time, in f64.
    fn slow_distances(rows: &Array2<f32>, geometry: Geometry) -> Vec<Vec<f64>> {
        let rows = rows.mapv(f64::from);
        let pair = |a: ndarray::ArrayView1<'_, f64>, b: ndarray::ArrayView1<'_, f64>| match geometry {
            Geometry::Euclidean => (&a - &b).mapv(|x| x * x).sum().sqrt(),
            Geometry::Spherical => 1.0 - a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt(),
        };
        rows.rows().into_iter().map(|a| rows.rows().into_iter().map(|b| pair(a, b)).collect()).collect()
    }

    #[test]
    fn distances_are_those_of_one_pair_at_a_time() {
        // Two tiles, three query blocks, far from the origin, and a few near-duplicates.
        let mut rows =
            Array2::from_shape_fn((700, 9), |(i, j)| 5.0 + ((i * 7919 + j * 104_729) % 1000) as f32 / 500.0);
        for i in 1..20 {
            let near = rows.row(0).mapv(|x| x + 1e-4 * i as f32);
            rows.row_mut(i * 30).assign(&near);
        }
        for geometry in [Geometry::Euclidean, Geometry::Spherical] {
            let (fast, slow) = (distances(&rows, geometry), slow_distances(&rows, geometry));
            for (fast, slow) in fast.iter().flatten().zip(slow.iter().flatten()) {
                assert!((f64::from(*fast) - slow).abs() <= 1e-4 * slow + 1e-6, "{fast} {slow}");
            }
        }
    }

    #[test]
    fn equal_rows_have_no_distance() {
        let rows = Array2::from_shape_fn((5, 3), |(i, j)| 1000.0 + (j + i / 4) as f32 * 0.37);
        let distances = distances(&rows, Geometry::Euclidean);
        assert!((0..4).all(|i| distances[0][i] == 0.0), "{:?}", distances[0]);
        assert!(distances[0][4] > 0.0);
    }

    #[test]
    fn a_row_of_zeros_has_no_cosine() {
        let rows = ndarray::array![[1.0, 0.0], [0.0, 0.0]];
        let Err(error) = Centred::new(rows.view(), &[0, 1], Geometry::Spherical) else { panic!("accepted") };
        assert!(error.to_string().starts_with("row 1: "), "{error}");
    }
}
