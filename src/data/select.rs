//! Which rows of a file are used.

use std::ops::Deref;

use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::DrawnRows;
use super::repeats::{first_of_text, first_of_vector};
use super::roles::{Role, Roles};
use crate::error::{Error, Result};
use crate::number::counted;
use crate::rows::{LEAF_ROWS, RowSource, in_whole_leaves};
use crate::search::Filter;
use crate::table::Table;

/// Which rows are used: those that a filter keeps, without duplicates, a sample of them, in this order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// An SQL expression over the columns, such as `Score <= 2 and Kind = 'tea'`; see [`Filter`].
    pub filter: Option<String>,
    /// Keep only the first row of those with the same text or vector.
    pub drop_duplicates: Option<DropBy>,
    /// Draw this many rows, which keep their order.
    pub sample: Option<usize>,
    /// The seed of the sample.
    pub seed: u64,
}

/// What makes two rows duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum DropBy {
    /// The same text, or the same vector where there is no text column.
    Auto,
    /// The same text.
    Text,
    /// The same vector, bit for bit.
    Vector,
}

impl Selection {
    /// Whether rows may be left out.
    pub(super) fn leaves_out(&self) -> bool {
        self.filter.is_some() || self.drop_duplicates.is_some() || self.sample.is_some()
    }

    /// The rows to keep, ascending, with a sentence about each step; `None` keeps all.
    pub(super) fn rows(
        &self,
        table: &Table,
        source: &dyn RowSource,
        roles: &Roles,
    ) -> Result<Option<(Vec<usize>, Vec<String>)>> {
        let n = source.n_rows();
        let mut rows: Vec<usize> = (0..n).collect();
        let mut notes = Vec::new();
        if let Some(filter) = &self.filter {
            let keep = Filter::parse(filter)?.keep(table.columns())?;
            rows.retain(|row| keep[*row]);
            notes.push(format!(
                "{} of {} where {filter}",
                crate::number::grouped(rows.len() as u64),
                counted(n, "row")
            ));
        }
        if let Some(by) = self.drop_duplicates {
            let text = roles.of(Role::Text);
            let (first, what) = match (by, text) {
                (DropBy::Text | DropBy::Auto, Some(text)) => (first_of_text(&table.text(text)?), "text"),
                (DropBy::Text, None) => {
                    return Err(Error::argument("no text column to find duplicates by")
                        .with_code("no-column")
                        .advice("name it with --text, or give --drop-duplicates vector"));
                }
                (DropBy::Vector, _) | (DropBy::Auto, None) => (first_of_vector(source)?, "vector"),
            };
            // A duplicate of a row that the filter left out is none.
            let before = rows.len();
            match self.filter {
                None => rows.retain(|row| first[*row]),
                Some(_) => rows = first_within(table, source, text.filter(|_| what == "text"), rows)?,
            }
            notes.push(format!(
                "dropped {} with the {what} of an earlier row",
                counted(before - rows.len(), "duplicate row")
            ));
        }
        if let Some(wanted) = self.sample
            && wanted < rows.len()
        {
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            let mut chosen = rand::seq::index::sample(&mut random, rows.len(), wanted).into_vec();
            chosen.sort_unstable();
            notes.push(format!(
                "a sample of {} of {} (seed {})",
                crate::number::grouped(wanted as u64),
                counted(rows.len(), "row"),
                self.seed
            ));
            rows = chosen.into_iter().map(|at| rows[at]).collect();
        }
        Ok((!notes.is_empty()).then_some((rows, notes)))
    }
}

impl Selection {
    /// At most so many of the rows that are kept of `n`, drawn at random, and of how many they were drawn.
    pub(super) fn drawn(
        &self,
        kept: Option<Vec<usize>>,
        n: usize,
        most: usize,
        notes: &mut Vec<String>,
    ) -> (Option<Vec<usize>>, Option<DrawnRows>) {
        let all = kept.as_ref().map_or(n, Vec::len);
        if all <= most {
            return (kept, None);
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut chosen = rand::seq::index::sample(&mut random, all, most).into_vec();
        chosen.sort_unstable();
        if let Some(kept) = kept {
            chosen.iter_mut().for_each(|at| *at = kept[*at]);
        }
        notes.push(format!(
            "all rows do not fit in memory: a random sample of {} of {} is used (seed {})",
            crate::number::grouped(most as u64),
            counted(all, "row"),
            self.seed
        ));
        (Some(chosen), Some(DrawnRows { rows: most, of: all }))
    }
}

/// The first row of each text or vector among some rows.
fn first_within(
    table: &Table,
    source: &dyn RowSource,
    text: Option<&str>,
    rows: Vec<usize>,
) -> Result<Vec<usize>> {
    let first = match text {
        Some(text) => {
            let mut texts = table.text(text)?;
            first_of_text(&rows.iter().map(|row| texts[*row].take()).collect::<Vec<_>>())
        }
        None => first_of_vector(&Selected { source, rows: &rows })?,
    };
    Ok(rows.iter().zip(first).filter(|(_, first)| *first).map(|(row, _)| *row).collect())
}

/// Some rows of a source, in ascending order.
pub(super) struct Selected<S, R> {
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
