//! The vectors of a file one after another, however its batches and row groups are cut.

use arrow::array::RecordBatch;
use ndarray::Array2;

use crate::error::{Error, Result};
use crate::table::column::cell::Numbers;
use crate::table::column::matrix;
use crate::table::column::vector_column::VectorColumn;

/// A reader that goes through the vectors of a file once.
pub(in crate::table) trait VectorsInOrder {
    /// Fills `out` with the next vectors, row after row; the file must have as many left.
    ///
    /// # Errors
    /// Names the row that is not a vector of the right length; says when the file is damaged.
    fn fill(&mut self, out: &mut [f32]) -> Result<()>;
}

/// The vectors of Arrow batches.
pub(in crate::table) struct BatchRows<I> {
    vectors: VectorColumn,
    dims: usize,
    numbers: Numbers,
    batches: I,
    /// What is left of the last batch.
    pending: Option<RecordBatch>,
    row: usize,
}

impl<I: Iterator<Item = Result<RecordBatch>>> BatchRows<I> {
    pub(in crate::table) fn new(vectors: VectorColumn, dims: usize, numbers: Numbers, batches: I) -> Self {
        BatchRows { vectors, dims, numbers, batches, pending: None, row: 0 }
    }

    /// The same, whose first batch begins at this row.
    pub(in crate::table) fn starting_at(self, row: usize) -> Self {
        BatchRows { row, ..self }
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> VectorsInOrder for BatchRows<I> {
    fn fill(&mut self, mut out: &mut [f32]) -> Result<()> {
        while !out.is_empty() {
            let batch = match self.pending.take() {
                Some(batch) => batch,
                None => self.batches.next().ok_or_else(|| {
                    Error::input("the file ends too early")
                        .with_code("file-damaged")
                        .row(self.row)
                        .advice("it is cut off or damaged: write it again")
                })??,
            };
            let rows = batch.num_rows().min(out.len() / self.dims);
            let (stretch, rest) = out.split_at_mut(rows * self.dims);
            self.vectors.copy(&batch.slice(0, rows), self.dims, self.numbers, self.row, stretch)?;
            if rows < batch.num_rows() {
                self.pending = Some(batch.slice(rows, batch.num_rows() - rows));
            }
            self.row += rows;
            out = rest;
        }
        Ok(())
    }
}

/// Cuts a reader's vectors into matrices of `rows` rows (the last may have fewer) and refuses those
/// that are not finite.
pub(in crate::table) struct Chunks<'a> {
    pub reader: Box<dyn VectorsInOrder + 'a>,
    pub rows: usize,
    pub total: usize,
    pub dims: usize,
    pub allow_non_finite: bool,
    pub done: usize,
}

impl Iterator for Chunks<'_> {
    type Item = Result<Array2<f32>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.rows.min(self.total - self.done);
        if rows == 0 {
            return None;
        }
        let chunk = self.chunk(rows);
        // Nothing follows an error.
        self.done = if chunk.is_ok() { self.done + rows } else { self.total };
        Some(chunk)
    }
}

impl Chunks<'_> {
    fn chunk(&mut self, rows: usize) -> Result<Array2<f32>> {
        let mut chunk = matrix::zeros(rows, self.dims)?;
        self.reader.fill(chunk.as_slice_mut().unwrap_or_default())?;
        if !self.allow_non_finite {
            matrix::refuse_non_finite(chunk.view(), self.done)?;
        }
        Ok(chunk)
    }
}
