//! A file of delimited text whose first rows have been looked at.

use std::io::Read;

use arrow::record_batch::RecordBatch;
use ndarray::Array2;

use super::header::{column_names, is_row_of_numbers};
use super::records::{Dialect, Field, Records, last_record_end};
use super::rows::{Layout, Rows, Source, decode, unclosed_quote};
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::column::cell::parse_vector_of;
use crate::table::column::text_column::batch;
use crate::table::column::vector_column::{self, Holds, Place};
use crate::table::format::chunks::{Chunks, parse_all};

type RecordEnd = Box<dyn Fn(&[u8]) -> Option<usize> + Send>;

/// A file whose first records are read, and can be read again.
pub(in crate::table) struct Opened<R> {
    chunks: Chunks<R, RecordEnd>,
    source: Source,
    /// The first records, as they stand in the file.
    look: Vec<u8>,
    /// The fields of the first record.
    header: Vec<String>,
    /// Where the second record starts.
    body: usize,
}

impl<R: Read + Send> Opened<R> {
    /// # Errors
    /// When there is no record, and when the first cannot be read.
    pub(in crate::table) fn new(input: R, source: Source) -> Result<Self> {
        let dialect = source.dialect;
        let record_end: RecordEnd = Box::new(move |bytes| last_record_end(bytes, dialect));
        let mut chunks = Chunks::new(input, record_end)?;
        let look = chunks.first(|bytes| has_rows(bytes, dialect))?;
        let (header, body) = first_record(&look, source).map_err(|error| error.line(1))?;
        Ok(Opened { chunks, source, look, header, body })
    }

    pub(in crate::table) fn is_matrix_without_header(&self) -> bool {
        is_row_of_numbers(&self.header)
    }

    /// Reads a file whose records are vectors and nothing else.
    pub(in crate::table) fn matrix(mut self) -> Result<Array2<f32>> {
        self.body = 0;
        let dims = self.header.len();
        let names = (1..=dims).map(|position| position.to_string()).collect();
        let place = Place::Spread((0..dims).collect());
        let layout = Layout::new(self.source, names, Some(&place), dims);
        self.rows(&layout)?.into_matrix(dims)
    }

    /// Reads a file of vectors and columns.
    pub(in crate::table) fn table(self, wanted: Option<&str>) -> Result<Table> {
        let names = column_names(&self.header)?;
        if self.body == self.look.len() {
            return Err(no_rows());
        }
        let first = self.first_cells();
        let columns: Vec<(&str, Holds)> = names
            .iter()
            .zip(&first)
            .map(|(name, cell)| (name.as_str(), Holds::of_first_cell(cell, wanted == Some(name))))
            .collect();
        let vectors = vector_column::find(&columns, wanted)?;
        let dims = match &vectors.place {
            Place::Spread(positions) => positions.len(),
            Place::Column(position) => {
                // A cell with a fault gives 0 here, and its error when its row is parsed.
                let mut vector = Vec::new();
                let _ = parse_vector_of(&first[*position], self.source.numbers, &mut vector);
                vector.len()
            }
        };
        let layout = Layout::new(self.source, names, Some(&vectors.place), dims);
        let mut rows = self.rows(&layout)?;
        let columns = batch(layout.column_names(), std::mem::take(&mut rows.columns), rows.rows)?;
        Table::new(rows.into_matrix(dims)?, columns, vectors.name)
    }

    /// Reads a file of columns.
    pub(in crate::table) fn columns(self) -> Result<RecordBatch> {
        let layout = Layout::new(self.source, column_names(&self.header)?, None, 0);
        let rows = self.rows(&layout)?;
        batch(layout.column_names(), rows.columns, rows.rows)
    }

    /// As [`Opened::columns`]; but a single column has no header, and gets this name.
    pub(in crate::table) fn columns_or_labels(mut self, only: &str) -> Result<RecordBatch> {
        if self.header.len() == 1 {
            self.header = vec![only.to_owned()];
            self.body = 0;
        }
        self.columns()
    }

    /// For each column the first cell that is not empty, of those that were looked at.
    fn first_cells(&self) -> Vec<Vec<u8>> {
        let mut first = vec![Vec::new(); self.header.len()];
        let mut empty = first.len();
        let mut records = Records::new(&self.look[self.body..], self.source.dialect);
        let mut fields: Vec<Field<'_>> = Vec::new();
        while empty > 0 && records.next(&mut fields).is_ok() && !fields.is_empty() {
            for (first, field) in first.iter_mut().zip(&fields) {
                let content = field.content();
                if first.is_empty() && !content.trim_ascii().is_empty() {
                    *first = content.into_owned();
                    empty -= 1;
                }
            }
        }
        first
    }

    fn rows(mut self, layout: &Layout) -> Result<Rows> {
        let lines = memchr::memchr_iter(b'\n', &self.look[..self.body]).count();
        self.chunks.put_back(&self.look[self.body..]);
        drop(self.look);
        let rows = parse_all(self.chunks, lines, |chunk| layout.parse(chunk))?;
        rows.filter(|rows| rows.rows > 0).ok_or_else(no_rows)
    }
}

fn no_rows() -> Error {
    Error::input("no rows")
        .with_code("no-rows")
        .seen("only a header")
        .advice("check how the file was written")
}

/// Whether a record follows the first.
fn has_rows(bytes: &[u8], dialect: Dialect) -> bool {
    let mut records = Records::new(bytes, dialect);
    records.next(&mut Vec::new()).is_ok() && records.next_start() < bytes.len()
}

/// The fields of the first record, and where the second starts.
fn first_record(bytes: &[u8], source: Source) -> Result<(Vec<String>, usize)> {
    let mut records = Records::new(bytes, source.dialect);
    let mut fields = Vec::new();
    records.next(&mut fields).map_err(|_| unclosed_quote())?;
    if fields.is_empty() {
        return Err(Error::input("the file is empty")
            .with_code("file-empty")
            .advice("check how it was written"));
    }
    let decoded = fields.iter().map(|field| Ok(decode(&field.content(), source.encoding)?.into_owned()));
    Ok((decoded.collect::<Result<_>>()?, records.next_start()))
}
