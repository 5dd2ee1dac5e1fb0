//! Rows for clusters that have lost all of theirs.

use std::sync::PoisonError;

use super::{NONE, State};
use crate::rows::simd::dot;
use crate::rows::{BLOCK_ROWS, Fold, RowBlock};

/// The rows that lie farthest from their own centroids, farthest first, ties by row number.
pub(super) struct Farthest<'a, 'p> {
    pub(super) state: &'a State<'p>,
    pub(super) keep: usize,
}

/// One of them.
pub(super) struct FarRow {
    pub(super) row: usize,
    pub(super) label: u32,
    pub(super) square: f32,
    pub(super) values: Vec<f32>,
}

impl Fold for Farthest<'_, '_> {
    type Part = Vec<FarRow>;

    fn start(&self) -> Vec<FarRow> {
        Vec::new()
    }

    fn add(&self, part: &mut Vec<FarRow>, block: RowBlock<'_>) {
        let known =
            self.state.blocks[block.first / BLOCK_ROWS].lock().unwrap_or_else(PoisonError::into_inner);
        let dims = self.state.points.dims;
        let centroids = self.state.centroids.as_slice().unwrap_or_default();
        for (i, values) in block.rows.rows().into_iter().enumerate() {
            let Some(values) = values.as_slice() else { continue };
            let label = known.labels[i];
            if label == NONE {
                continue;
            }
            let centroid = &centroids[label as usize * dims..(label as usize + 1) * dims];
            let row = block.first + i;
            let square = self.state.points.squared_distance(
                row,
                dot(values, centroid),
                self.state.squares[label as usize],
            );
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
