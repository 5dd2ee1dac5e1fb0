//! Rows for clusters that have none: those that lie farthest from their own centroids.

use std::sync::{Mutex, PoisonError};

use ndarray::Array2;

use super::bounds::{Block, NONE};
use super::points::Points;
use crate::rows::simd::dot;
use crate::rows::{BLOCK_ROWS, Fold, RowBlock};

/// The rows that lie farthest from their own centroids, farthest first, ties by row number.
pub(super) struct Farthest<'a> {
    pub points: &'a Points,
    pub centroids: &'a Array2<f32>,
    /// The squared length of each centroid.
    pub squares: &'a [f32],
    pub blocks: &'a [Mutex<Block>],
    /// How many rows are wanted.
    pub keep: usize,
}

pub(super) struct FarRow {
    pub row: usize,
    pub label: u32,
    square: f32,
    pub values: Vec<f32>,
}

impl Fold for Farthest<'_> {
    type Part = Vec<FarRow>;

    fn start(&self) -> Vec<FarRow> {
        Vec::new()
    }

    fn add(&self, part: &mut Vec<FarRow>, block: RowBlock<'_>) {
        let known = self.blocks[block.first / BLOCK_ROWS].lock().unwrap_or_else(PoisonError::into_inner);
        let dims = self.points.dims;
        let centroids = self.centroids.as_slice().unwrap_or_default();
        for (i, values) in block.rows.rows().into_iter().enumerate() {
            let Some(values) = values.as_slice() else { continue };
            let label = known.labels[i];
            if label == NONE {
                continue;
            }
            let centroid = &centroids[label as usize * dims..(label as usize + 1) * dims];
            let row = block.first + i;
            let square =
                self.points.squared_distance(row, dot(values, centroid), self.squares[label as usize]);
            if part.len() == self.keep && part.last().is_some_and(|last| last.square >= square) {
                continue;
            }
            let at = part.partition_point(|other| other.square >= square);
            part.insert(at, FarRow { row, label, square, values: values.to_vec() });
            part.truncate(self.keep);
        }
    }

    fn merge(&self, into: &mut Vec<FarRow>, from: Vec<FarRow>) {
        into.extend(from);
        into.sort_by(|a, b| b.square.total_cmp(&a.square).then(a.row.cmp(&b.row)));
        into.truncate(self.keep);
    }
}
