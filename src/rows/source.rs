//! Where rows come from.

use ndarray::{Array2, ArrayView2};

use crate::error::Result;

/// Something that yields rows of embeddings, in order.
///
/// A matrix in memory (`Array2<f32>`, `ArrayView2<f32>`) is one; so are the files that
/// [`crate::table::stream`] opens without loading them.
pub trait RowSource: Sync {
    /// How many rows there are.
    fn n_rows(&self) -> usize;

    /// How many numbers each row holds.
    fn dims(&self) -> usize;

    /// All rows at once, when they stand in memory or are mapped into it.
    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        None
    }

    /// The rows in order, in chunks of about `rows` rows each (a multiple of
    /// [`LEAF_ROWS`](super::LEAF_ROWS), except for the last).
    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>>;
}

impl RowSource for ArrayView2<'_, f32> {
    fn n_rows(&self) -> usize {
        self.nrows()
    }

    fn dims(&self) -> usize {
        self.ncols()
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        Some(self.view())
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        Ok(Box::new(self.axis_chunks_iter(ndarray::Axis(0), rows.max(1)).map(|chunk| Ok(chunk.to_owned()))))
    }
}

impl RowSource for Array2<f32> {
    fn n_rows(&self) -> usize {
        self.nrows()
    }

    fn dims(&self) -> usize {
        self.ncols()
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        Some(self.view())
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        Ok(Box::new(self.axis_chunks_iter(ndarray::Axis(0), rows.max(1)).map(|chunk| Ok(chunk.to_owned()))))
    }
}
