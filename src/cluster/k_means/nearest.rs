//! The nearest centroid of each row by distances in `f64`: the answer for a row depends on nothing else, not on the block
//! that it comes in.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use crate::rows::BLOCK_ROWS;
use crate::rows::product::dot_products;
use crate::rows::simd::{dot_f64, squared_distance_f64};

/// Centroids (k x d), with what is needed of them for every block.
#[derive(Debug, Clone)]
pub(crate) struct Centroids {
    values: Vec<f32>,
    dims: usize,
    squares: Vec<f64>,
    longest: f64,
}

impl Centroids {
    /// `None` where there is no centroid, one of no dimensions or one that is not finite.
    pub fn new(values: Vec<f32>, dims: usize) -> Option<Centroids> {
        if values.is_empty() || dims == 0 || !values.len().is_multiple_of(dims) {
            return None;
        }
        let squares: Vec<f64> = values.chunks_exact(dims).map(|row| dot_f64(row, row)).collect();
        let longest = squares.iter().copied().fold(0.0, f64::max).sqrt();
        squares.iter().all(|square| square.is_finite()).then_some(Centroids {
            values,
            dims,
            squares,
            longest,
        })
    }

    pub fn n_clusters(&self) -> usize {
        self.squares.len()
    }

    pub fn dims(&self) -> usize {
        self.dims
    }

    fn centroid(&self, cluster: usize) -> &[f32] {
        &self.values[cluster * self.dims..(cluster + 1) * self.dims]
    }

    /// The number and the squared distance of the centroid nearest to each row (n x d), of equally near ones the first; `None`
    /// for a row that is not finite. One product of `f32` matrices tells which centroids can be the nearest.
    pub fn nearest(&self, rows: ArrayView2<'_, f32>) -> Vec<Option<(u32, f64)>> {
        let blocks: Vec<_> = rows.axis_chunks_iter(Axis(0), BLOCK_ROWS).collect();
        let blocks = blocks.into_par_iter().map_init(Vec::new, |dots, block| self.block(block, dots));
        blocks.collect::<Vec<_>>().concat()
    }

    fn block(&self, block: ArrayView2<'_, f32>, dots: &mut Vec<f32>) -> Vec<Option<(u32, f64)>> {
        let block = block.as_standard_layout();
        let (values, m) = (block.as_slice().unwrap_or_default(), block.nrows());
        dot_products(values, &self.values, self.dims, dots);
        // What f32 products err by, for vectors of length 1, with much to spare.
        let rounding = f64::from(f32::EPSILON) * (8.0 + 2.0 * (self.dims as f64).sqrt());
        // And what products below f32 have lost.
        let underflow = 8.0 * self.dims as f64 * f64::from(f32::MIN_POSITIVE);
        let rows = values.chunks_exact(self.dims).enumerate();
        rows.map(|(i, row)| {
            let square = dot_f64(row, row);
            if !square.is_finite() {
                return None;
            }
            let dot = |c: usize| f64::from(dots[c * m + i]);
            // Products beyond f32 tell nothing.
            let about = |c: usize| match dot(c).is_finite() {
                true => square + self.squares[c] - 2.0 * dot(c),
                false => f64::INFINITY,
            };
            let least = (0..self.n_clusters()).map(about).fold(f64::INFINITY, f64::min);
            let doubt = 2.0 * rounding * (square.sqrt() + self.longest).powi(2) + underflow;
            let may_be = |c: &usize| about(*c) <= least + doubt || !dot(*c).is_finite();
            let mut best = (0, f64::INFINITY);
            for c in (0..self.n_clusters()).filter(may_be) {
                let distance = squared_distance_f64(row, self.centroid(c));
                if distance < best.1 {
                    best = (c as u32, distance);
                }
            }
            Some(best)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};

    #[test]
    fn each_row_has_the_centroid_of_a_plain_loop_in_any_block() {
        for (k, scale, offset) in
            [(3, 1.0, 0.0), (20, 1e-3, 0.0), (20, 1.0, 1e4), (12, 1e30, 0.0), (12, 1e-25, 0.0)]
        {
            let number = |i: usize, j: usize| ((i * 31 + j * 17) % 101) as f32 / 50.0 - 1.0;
            let rows = Array2::from_shape_fn((300, 9), |(i, j)| (number(i, j) + offset) * scale);
            let near = Array2::from_shape_fn((k, 9), |(i, j)| (number(i * 7 + 1, j * 3) + offset) * scale);
            let centroids = Centroids::new(near.iter().copied().collect(), 9).unwrap();
            let found = centroids.nearest(rows.view());
            for (row, found) in rows.rows().into_iter().zip(&found) {
                let square = |c: usize| -> f64 {
                    let both = row.iter().zip(near.row(c));
                    both.map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum()
                };
                let (label, distance) = found.unwrap();
                let least = (0..k).map(square).fold(f64::INFINITY, f64::min);
                assert!(square(label as usize) <= least * (1.0 + 1e-14));
                assert!((distance / least.max(1e-300) - 1.0).abs() < 1e-12 || least == 0.0);
            }
            for first in [1, 77, 130] {
                let part = centroids.nearest(rows.slice(s![first..first + 150, ..]));
                assert_eq!(part, found[first..first + 150]);
            }
        }
    }

    #[test]
    fn of_equally_near_centroids_the_first_is_taken_and_no_row_is_near_to_nothing() {
        let centroids = Centroids::new(vec![0.0, 2.0, 2.0, 0.0, 0.0, 2.0], 2).unwrap();
        let found = centroids.nearest(ndarray::array![[1.0, 1.0], [0.0, 3.0], [f32::NAN, 0.0]].view());
        assert_eq!(found, [Some((0, 2.0)), Some((0, 1.0)), None]);
        assert!(Centroids::new(vec![f32::NAN], 1).is_none() && Centroids::new(vec![], 1).is_none());
    }
}
