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

pub(super) use opened::Opened;
pub(super) use records::Dialect;
pub(super) use rows::Source;

use super::cell::Numbers;
use super::{Format, ReadOptions, Table, projector};
use crate::error::{Error, Result};

pub(super) fn read(path: &Path, format: Format, options: &ReadOptions) -> Result<Table> {
    let opened = open(path, format, options)?;
    if opened.is_matrix_without_header() {
        let vectors = opened.matrix().map_err(|error| error.file(path))?;
        return projector::with_metadata(path, vectors, options);
    }
    if options.sidecar.is_some() {
        return Err(Error::argument("a sidecar for a file that has columns of its own")
            .file(path)
            .advice("leave it out, or give a file that holds vectors only"));
    }
    opened.table(options.vector.as_deref()).map_err(|error| error.file(path))
}

pub(super) fn read_columns(path: &Path, format: Format, options: &ReadOptions) -> Result<RecordBatch> {
    open(path, format, options)?.columns().map_err(|error| error.file(path))
}

fn open(path: &Path, format: Format, options: &ReadOptions) -> Result<Opened<File>> {
    let usual = if format == Format::Tsv { b'\t' } else { b',' };
    let dialect = Dialect { delimiter: options.delimiter.unwrap_or(usual), quotes: true };
    let source = Source { dialect, encoding: options.encoding, numbers: Numbers::of(options) };
    File::open(path)
        .map_err(|error| Error::io("cannot open", error))
        .and_then(|file| Opened::new(file, source))
        .map_err(|error| error.file(path))
}
