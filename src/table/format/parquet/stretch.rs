//! One stretch of a column's numbers, decoded and held against the shape that it should have.

use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::DataType;

use super::damaged;
use crate::error::{Error, Result};

/// Numbers that are decoded at once: they stay in the second-level cache until they are copied.
pub(super) const SCRATCH: usize = 1 << 16;

/// Why a piece could not be decoded.
pub(super) enum Fault {
    /// A row is missing, ragged or has a gap; which one is not known yet.
    Irregular,
    Damaged(Error),
}

impl From<parquet::errors::ParquetError> for Fault {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Fault::Damaged(damaged(error))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Damaged(error)
    }
}

/// Buffers for one stretch of numbers and its levels.
pub(super) struct Scratch<T: DataType> {
    definition: Vec<i16>,
    repetition: Vec<i16>,
    values: Vec<T::T>,
}

impl<T: DataType> Default for Scratch<T> {
    fn default() -> Self {
        Scratch { definition: Vec::new(), repetition: Vec::new(), values: Vec::new() }
    }
}

impl<T: DataType> Scratch<T>
where
    T::T: Copy,
{
    /// Fills `out` from a reader that is at number `first` of its row sequence.
    pub(super) fn fill(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        first: usize,
        dims: usize,
        out: &mut [f32],
        convert: impl Fn(T::T) -> f32,
    ) -> Result<(), Fault> {
        let filled = self.fill_some(reader, first, dims, out, convert)?;
        if filled == out.len() { Ok(()) } else { Err(Fault::Irregular) }
    }

    /// Fills as much of `out` as the reader has, in whole rows, and says how much.
    pub(super) fn fill_some(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        first: usize,
        dims: usize,
        out: &mut [f32],
        convert: impl Fn(T::T) -> f32,
    ) -> Result<usize, Fault> {
        let mut filled = 0;
        while filled < out.len() {
            let rows = (SCRATCH / dims).max(1).min((out.len() - filled).div_ceil(dims));
            self.definition.clear();
            self.repetition.clear();
            self.values.clear();
            let (_, numbers, levels) = reader.read_records(
                rows,
                Some(&mut self.definition),
                Some(&mut self.repetition),
                &mut self.values,
            )?;
            if levels == 0 {
                break;
            }
            let stretch = out.get_mut(filled..filled + levels).ok_or(Fault::Irregular)?;
            if numbers != levels || !regular(&self.repetition, first + filled, dims) {
                return Err(Fault::Irregular);
            }
            for (out, value) in stretch.iter_mut().zip(&self.values) {
                *out = convert(*value);
            }
            filled += levels;
        }
        Ok(filled)
    }
}

/// Whether rows begin at the multiples of `dims` and nowhere else; `first` is the place of the first
/// level in the sequence.
fn regular(repetition: &[i16], first: usize, dims: usize) -> bool {
    let inside = |levels: &[i16]| levels.iter().fold(true, |all, level| all & (*level != 0));
    let until_row = (first.next_multiple_of(dims) - first).min(repetition.len());
    let (tail, rows) = repetition.split_at(until_row);
    inside(tail) && rows.chunks(dims).all(|row| row[0] == 0 && inside(&row[1..]))
}

#[cfg(test)]
mod tests {
    use super::regular;

    #[test]
    fn rows_must_begin_at_multiples_of_the_dimensions_and_nowhere_else() {
        let levels = [0, 1, 1, 0, 1, 1, 0];
        for first in 0..7 {
            assert_eq!(regular(&levels, first, 3), first % 3 == 0, "{first}");
        }
        assert!(regular(&[1, 1, 0, 1], 1, 3));
        assert!(regular(&[1], 4, 3));
        assert!(regular(&[], 5, 3));
        assert!(!regular(&[1, 0, 0, 1], 1, 3));
        assert!(!regular(&[0, 1, 1, 1, 1], 0, 3));
        assert!(regular(&[0, 0, 0], 8, 1));
    }
}
