//! Some rows of a source that other machines pass over.

use std::collections::HashMap;

use ndarray::{Array2, Axis};

use super::packed::{Packer, Unpacker, damaged};
use super::{Fold, Portable, RowBlock, RowSource, fold_rows};
use crate::error::Result;

/// The rows with these numbers, in the order given, as the machines of the source's engine find them in one pass.
pub(super) fn selected_elsewhere(source: &(impl RowSource + ?Sized), rows: &[usize]) -> Result<Array2<f32>> {
    let mut sorted: Vec<u64> = rows.iter().map(|row| *row as u64).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let found = fold_rows(source, &Select { rows: &sorted })?;
    let found = Array2::from_shape_vec((sorted.len(), source.dims()), found.values).map_err(|_| damaged())?;
    let places: HashMap<u64, usize> = sorted.iter().zip(0..).map(|(row, place)| (*row, place)).collect();
    let places: Vec<usize> = rows.iter().filter_map(|row| places.get(&(*row as u64)).copied()).collect();
    Ok(found.select(Axis(0), &places))
}

/// Picks the rows with these numbers, ascending.
pub(crate) struct Select<'a> {
    rows: &'a [u64],
}

/// The numbers of the rows that were found, one row after the other.
#[derive(Default)]
pub(crate) struct Selected {
    seen: usize,
    values: Vec<f32>,
}

impl Fold for Select<'_> {
    type Part = Selected;

    fn start(&self) -> Selected {
        Selected::default()
    }

    fn add(&self, part: &mut Selected, block: RowBlock<'_>) {
        part.seen += block.rows.nrows();
        let (first, end) = (block.first as u64, (block.first + block.rows.nrows()) as u64);
        let from = self.rows.partition_point(|row| *row < first);
        for row in self.rows[from..].iter().take_while(|row| **row < end) {
            part.values.extend(block.rows.row((row - first) as usize));
        }
    }

    fn merge(&self, into: &mut Selected, from: Selected) {
        into.seen += from.seen;
        into.values.extend(from.values);
    }

    fn portable(&self) -> Option<&dyn Portable<Part = Selected>> {
        Some(self)
    }
}

impl Select<'_> {
    pub const NAME: &'static str = "select";

    /// The row numbers of these [`params`](Portable::params).
    pub fn rows_of(params: &[u8]) -> Result<Vec<u64>> {
        Unpacker::new(params).next()
    }

    pub fn of(rows: &[u64]) -> Select<'_> {
        Select { rows }
    }
}

impl Portable for Select<'_> {
    type Part = Selected;

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn params(&self) -> Vec<u8> {
        Packer::default().add(self.rows).bytes()
    }

    fn merged(&self) -> bool {
        false
    }

    fn rows(&self, part: &Selected) -> usize {
        part.seen
    }

    fn pack(&self, part: Selected) -> Vec<u8> {
        Packer::default().add(&[part.seen as u64]).add(&part.values).bytes()
    }

    fn unpack(&self, bytes: &[u8]) -> Result<Selected> {
        let mut series = Unpacker::new(bytes);
        let part = Selected { seen: series.one::<u64>()? as usize, values: series.next()? };
        series.end().map(|()| part)
    }
}
