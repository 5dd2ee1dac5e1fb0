//! Some rows of a source.

use std::ops::Deref;

use ndarray::{Array2, ArrayView2, Axis};

use super::source::in_whole_leaves;
use super::{LEAF_ROWS, RowSource};
use crate::error::Result;

/// Some rows of a source, in ascending order.
pub(crate) struct Selected<S, R> {
    pub source: S,
    pub rows: R,
}

impl<S: Deref<Target: RowSource> + Send + Sync, R: AsRef<[usize]> + Send + Sync> RowSource
    for Selected<S, R>
{
    fn n_rows(&self) -> usize {
        self.rows.as_ref().len()
    }

    fn dims(&self) -> usize {
        self.source.dims()
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        None
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        let size = rows.max(1).div_ceil(LEAF_ROWS) * LEAF_ROWS;
        let mut wanted = self.rows.as_ref().iter().copied().peekable();
        let mut chunks = self.source.chunks(size)?;
        let mut first = 0;
        let chosen = std::iter::from_fn(move || {
            wanted.peek()?;
            let chunk = match chunks.next()? {
                Ok(chunk) => chunk,
                Err(error) => return Some(Err(error)),
            };
            let mut here = Vec::new();
            while let Some(row) = wanted.next_if(|row| *row < first + chunk.nrows()) {
                here.push(row - first);
            }
            first += chunk.nrows();
            Some(Ok(if here.len() == chunk.nrows() { chunk } else { chunk.select(Axis(0), &here) }))
        });
        Ok(Box::new(in_whole_leaves(chosen, size, self.source.dims())))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::concatenate;

    use super::*;

    #[test]
    fn selected_rows_come_in_whole_leaves_whatever_their_gaps() {
        let n = 3 * LEAF_ROWS + 17;
        let all = Array2::from_shape_fn((n, 2), |(row, dim)| (row * 2 + dim) as f32);
        let rows: Vec<usize> = (0..n).filter(|row| row % 3 != 1).collect();
        let selected = Selected { source: &all, rows: &rows };
        let chunks: Vec<Array2<f32>> = selected.chunks(1).unwrap().map(Result::unwrap).collect();
        assert!(chunks[..chunks.len() - 1].iter().all(|chunk| chunk.nrows() == LEAF_ROWS));
        let views: Vec<_> = chunks.iter().map(Array2::view).collect();
        assert_eq!(concatenate(Axis(0), &views).unwrap(), all.select(Axis(0), &rows));
    }
}
