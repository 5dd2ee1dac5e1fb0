//! Distances in `f32`, with the lengths of all rows measured once.

use rayon::prelude::*;

use crate::rows::simd::few_dot_products;
use crate::rows::{Metric, dot};

/// A row and how far it is; ordered by distance, then by row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::search) struct Candidate {
    pub distance: f32,
    pub row: u32,
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
#[derive(Clone, Copy)]
pub(in crate::search) struct Space<'a> {
    pub rows: &'a [f32],
    pub dims: usize,
    pub metric: Metric,
    /// For cosine one over the length of each row, for L2 its square ([`lengths`]).
    pub lengths: &'a [f32],
}

/// A row or a query with its length.
pub(in crate::search) struct Point<'a> {
    pub values: &'a [f32],
    length: f32,
}

impl<'a> Space<'a> {
    pub fn point(&self, row: u32) -> Point<'a> {
        let at = row as usize;
        Point { values: &self.rows[at * self.dims..(at + 1) * self.dims], length: self.lengths[at] }
    }

    pub fn outside<'b>(&self, values: &'b [f32]) -> Point<'b> {
        Point { values, length: length(values, self.metric) }
    }

    pub fn distance(&self, from: &Point<'_>, to: u32) -> f32 {
        let to = self.point(to);
        self.of_product(dot(from.values, to.values), from.length, to.length)
    }

    /// The distances of several rows, whose numbers lie all over memory.
    pub fn distances(&self, from: &Point<'_>, to: &[usize], out: &mut Vec<f32>) {
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

/// What a distance needs of the length of each row, so that no search has to look at all rows.
pub(in crate::search) fn lengths(rows: &[f32], dims: usize, metric: Metric) -> Vec<f32> {
    rows.par_chunks_exact(dims).map(|row| length(row, metric)).collect()
}

fn length(row: &[f32], metric: Metric) -> f32 {
    let square = dot(row, row);
    match metric {
        Metric::Cosine if square > 0.0 => 1.0 / square.sqrt(),
        Metric::Cosine => 0.0,
        _ => square,
    }
}
