//! Comma- and tab-separated text.
//!
//! The file is read once, front to back, in chunks that end between records, and the chunks are
//! parsed in parallel: a file of vectors takes little more memory than its matrix, and may be a pipe.

mod header;
mod opened;
mod records;
mod rows;

use std::io::Read;
use std::path::Path;

use arrow::record_batch::RecordBatch;

pub(in crate::table) use opened::Opened;
pub(in crate::table) use records::Dialect;
pub(in crate::table) use rows::Source;

use crate::error::Result;
use crate::table::column::cell::Numbers;
use crate::table::{Format, ReadOptions, content};

/// What R, MySQL, Postgres, pandas and spreadsheets write for a missing value.
const MISSING: [&str; 10] = ["NA", "N/A", "#N/A", "NULL", "null", "None", "nan", "NaN", "<NA>", "\\N"];

pub(in crate::table) fn read_columns(
    path: &Path,
    format: Format,
    options: &ReadOptions,
) -> Result<RecordBatch> {
    open(path, format, options)?.columns(options.memory).map_err(|error| error.file(path))
}

pub(in crate::table) fn open(
    path: &Path,
    format: Format,
    options: &ReadOptions,
) -> Result<Opened<Box<dyn Read + Send>>> {
    let usual = if format == Format::Tsv { b'\t' } else { b',' };
    let dialect = Dialect { delimiter: options.delimiter.unwrap_or(usual), quotes: true };
    let missing = match &options.missing {
        Some(words) => words.iter().map(|word| word.as_bytes().to_vec()).collect(),
        None => MISSING.iter().map(|word| word.as_bytes().to_vec()).collect(),
    };
    let source = Source {
        dialect,
        encoding: options.encoding,
        numbers: Numbers::of(options),
        decimal_comma: options.decimal_comma,
        missing,
    };
    content::open(path)
        .and_then(|file| Opened::new(file, source))
        .map(|opened| if options.no_header { opened.without_header() } else { opened })
        .map_err(|error| error.file(path))
}
