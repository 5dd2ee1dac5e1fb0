//! Comma- and tab-separated text.
//!
//! The file is read once, front to back, in chunks that end between records, and the chunks are
//! parsed in parallel: a file of vectors takes little more memory than its matrix, and may be a pipe.

mod header;
mod opened;
mod records;
mod rows;

use std::fs::File;
use std::path::Path;

use arrow::record_batch::RecordBatch;

pub(in crate::table) use opened::Opened;
pub(in crate::table) use records::Dialect;
pub(in crate::table) use rows::Source;

use crate::error::{Error, Result};
use crate::table::column::cell::Numbers;
use crate::table::{Format, ReadOptions};

pub(in crate::table) fn read_columns(
    path: &Path,
    format: Format,
    options: &ReadOptions,
) -> Result<RecordBatch> {
    open(path, format, options)?.columns().map_err(|error| error.file(path))
}

pub(in crate::table) fn open(path: &Path, format: Format, options: &ReadOptions) -> Result<Opened<File>> {
    let usual = if format == Format::Tsv { b'\t' } else { b',' };
    let dialect = Dialect { delimiter: options.delimiter.unwrap_or(usual), quotes: true };
    let source = Source { dialect, encoding: options.encoding, numbers: Numbers::of(options) };
    File::open(path)
        .map_err(|error| Error::io("cannot open", error))
        .and_then(|file| Opened::new(file, source))
        .map_err(|error| error.file(path))
}
