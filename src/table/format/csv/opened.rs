//! A file of delimited text whose first rows have been looked at.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use arrow::record_batch::RecordBatch;
use ndarray::Array2;

use super::header::{column_names, is_row_of_numbers};
use super::records::{Dialect, Field, Records, last_record_end};
use super::rows::{Layout, Rows, Source, decode, unclosed_quote};
use crate::error::{Error, Result};
use crate::memory::Budget;
use crate::table::Table;
use crate::table::column::arrow_vectors::SAMPLE_ROWS;
use crate::table::column::cell::{Numbers, looks_like_vector, parse_vector_of, with_points};
use crate::table::column::text_column::batch;
use crate::table::column::vector_column::{self, Holds, Place};
use crate::table::format::chunks::{Chunks, parse_all};
use crate::table::keep::Keep;

type RecordEnd = Box<dyn Fn(&[u8]) -> Option<usize> + Send>;

/// A file whose first records are read, and can be read again.
pub(in crate::table) struct Opened<R> {
    chunks: Chunks<R, RecordEnd>,
    source: Source,
    /// The first records, as they are in the file.
    look: Vec<u8>,
    /// Lines before them: `sep=;` and comments.
    lines_before: usize,
    /// The fields of the first record.
    header: Vec<String>,
    /// Where the second record starts.
    body: usize,
}

impl<R: Read + Send> Opened<R> {
    /// # Errors
    /// When there is no record, and when the first cannot be read.
    pub(in crate::table) fn new(input: R, mut source: Source) -> Result<Self> {
        let delimiter = Arc::new(AtomicU8::new(source.dialect.delimiter));
        let (quotes, shared) = (source.dialect.quotes, delimiter.clone());
        let record_end: RecordEnd = Box::new(move |bytes| {
            last_record_end(bytes, Dialect { delimiter: shared.load(Ordering::Relaxed), quotes })
        });
        let mut chunks = Chunks::new(input, record_end)?;
        let dialect = source.dialect;
        let mut look = chunks.first(|bytes| has_rows(bytes, dialect))?;
        let mut lines_before = 0;
        if quotes {
            if let Some((separator, length)) = separator_line(&look) {
                source.dialect.delimiter = separator;
                delimiter.store(separator, Ordering::Relaxed);
                lines_before += 1;
                look.drain(..length);
            }
            while let Some(length) = comment_line(&look, source.dialect) {
                lines_before += 1;
                look.drain(..length);
            }
        }
        let (header, body) = first_record(&look, &source).map_err(|error| error.line(lines_before + 1))?;
        let opened = Opened { chunks, source, look, lines_before, header, body };
        Ok(if opened.header_is_data() { opened.without_header() } else { opened })
    }

    /// Whether the first record holds a whole vector, and so is not a header.
    fn header_is_data(&self) -> bool {
        let is_vector = |field: &String| {
            let mut numbers = Vec::new();
            looks_like_vector(field.as_bytes())
                && parse_vector_of(field.as_bytes(), Numbers::Any, &mut numbers).is_ok()
                && numbers.len() > 2
        };
        self.header.iter().any(is_vector)
    }

    /// Takes the first record for a row; the columns are called `embedding` and `column0`, `column1`, ...
    pub(in crate::table) fn without_header(mut self) -> Self {
        if self.body == 0 || self.is_matrix_without_header() {
            return self;
        }
        self.body = 0;
        let mut named = false;
        for (position, field) in self.header.iter_mut().enumerate() {
            let is_vector = !named && looks_like_vector(field.as_bytes());
            named |= is_vector;
            *field = if is_vector { "embedding".to_owned() } else { format!("column{position}") };
        }
        self
    }

    pub(in crate::table) fn is_matrix_without_header(&self) -> bool {
        is_row_of_numbers(&self.header)
    }

    /// Reads a file whose records are vectors and nothing else.
    pub(in crate::table) fn matrix(mut self, keep: &mut Keep) -> Result<Array2<f32>> {
        self.body = 0;
        let dims = self.header.len();
        let names = (1..=dims).map(|position| position.to_string()).collect();
        let place = Place::Spread((0..dims).collect());
        let layout = Layout::new(self.source.clone(), names, Some(&place), dims);
        let rows = self.rows(&layout, keep)?;
        keep.matrix(rows.rows, dims, rows.numbers)
    }

    /// Reads a file of vectors and columns.
    pub(in crate::table) fn table(self, wanted: Option<&str>, keep: &mut Keep) -> Result<Table> {
        let names = column_names(&self.header)?;
        if self.body == self.look.len() {
            return Err(no_rows());
        }
        let sample = self.sample();
        let columns: Vec<(&str, Holds)> = names
            .iter()
            .zip(&sample)
            .map(|(name, cells)| {
                (name.as_str(), Holds::of_cells(name, cells.iter().map(Vec::as_slice), wanted == Some(name)))
            })
            .collect();
        let vectors = vector_column::find(&columns, wanted)?;
        // Where no cell of the sample is a vector, each row has its error.
        let layout = Layout::new(self.source.clone(), names, Some(&vectors.place), vectors.dims);
        let rows = self.rows(&layout, keep)?;
        let columns = batch(layout.column_names(), rows.columns, rows.rows)?;
        Table::new(keep.matrix(rows.rows, vectors.dims, rows.numbers)?, columns, vectors.name)
    }

    /// Reads a file of columns.
    pub(in crate::table) fn columns(self, memory: Budget) -> Result<RecordBatch> {
        let layout = Layout::new(self.source.clone(), column_names(&self.header)?, None, 0);
        let rows = self.rows(&layout, &mut Keep::in_memory(memory))?;
        batch(layout.column_names(), rows.columns, rows.rows)
    }

    /// As [`Opened::columns`]; but a single column has no header, and gets this name.
    pub(in crate::table) fn columns_or_labels(mut self, only: &str, memory: Budget) -> Result<RecordBatch> {
        if self.header.len() == 1 {
            self.header = vec![only.to_owned()];
            self.body = 0;
        }
        self.columns(memory)
    }

    /// For each column its first cells that are not empty, of those that were looked at.
    fn sample(&self) -> Vec<Vec<Vec<u8>>> {
        let mut sample = vec![Vec::new(); self.header.len()];
        let mut records = Records::new(&self.look[self.body..], self.source.dialect);
        let mut fields: Vec<Field<'_>> = Vec::new();
        let mut left = SAMPLE_ROWS;
        while left > 0 && records.next(&mut fields).is_ok() && !fields.is_empty() {
            left -= 1;
            for (cells, field) in sample.iter_mut().zip(&fields) {
                let content = field.content();
                if !content.trim_ascii().is_empty()
                    && !self.source.missing.iter().any(|word| word == &*content)
                {
                    let pointed = self.source.decimal_comma.then(|| with_points(&content));
                    cells.push(pointed.unwrap_or_else(|| content.into_owned()));
                }
            }
        }
        sample
    }

    fn rows(mut self, layout: &Layout, keep: &mut Keep) -> Result<Rows> {
        let lines = self.lines_before + memchr::memchr_iter(b'\n', &self.look[..self.body]).count();
        self.chunks.put_back(&self.look[self.body..]);
        drop(self.look);
        let rows = parse_all(self.chunks, lines, keep, |chunk| layout.parse(chunk))?;
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

/// The delimiter that a first line `sep=;`, written for Excel, names, and the length of that line.
fn separator_line(bytes: &[u8]) -> Option<(u8, usize)> {
    let end = memchr::memchr(b'\n', bytes)?;
    match bytes[..end].trim_ascii_end().strip_prefix(b"sep=")? {
        [] => Some((b'\t', end + 1)),
        [separator] => Some((*separator, end + 1)),
        _ => None,
    }
}

/// The length of a first line that is a comment: it begins with # and has another number of fields than what follows.
fn comment_line(bytes: &[u8], dialect: Dialect) -> Option<usize> {
    let end = memchr::memchr(b'\n', bytes).filter(|_| bytes.starts_with(b"#"))? + 1;
    let count = |bytes: &[u8]| {
        let mut fields = Vec::new();
        Records::new(bytes, dialect).next(&mut fields).ok().map(|()| fields.len())
    };
    let rest = &bytes[end..];
    (rest.starts_with(b"#") || count(&bytes[..end]) != count(rest)).then_some(end)
}

/// The fields of the first record, and where the second starts.
fn first_record(bytes: &[u8], source: &Source) -> Result<(Vec<String>, usize)> {
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
