//! Files that are passed over in blocks without being loaded.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::blocks::{Joined, Outside, Streamed};
use super::format::parquet::ParquetFile;
use super::format::parts;
use super::keep::Keep;
use super::{Format, ReadOptions, Table, guarded};
use crate::error::Result;
use crate::remote;
use crate::rows::{LEAF_ROWS, RowSource, Selected, for_each_chunk};

/// Opens a file as a source of the same rows that [`read()`](super::read()) gives, without loading
/// it where the format allows that:
///
/// - `.npy` is mapped into memory; float32 in C order is used where it is
///   ([`RowSource::as_matrix`]), anything else is converted in chunks;
/// - Parquet files are read in chunks, only the vectors;
/// - files of other formats are read whole where that takes no more than a fourth of [`ReadOptions::memory`], or half of
///   what is free; else the vectors of Arrow IPC, safetensors and `.npz` files are read in chunks where they stand, and
///   those of delimited text, JSON lines, word vectors and packed `.npz` arrays from a temporary file without a name, which
///   they are written to as they are parsed. It is on the disk of `TMPDIR`;
/// - JSON documents, codes (int8 and bits) and MTEB's cache are read whole.
///
/// A mapped file must not change while it is in use.
///
/// # Errors
/// As [`read()`](super::read()). A fault in a row may come to light only when its chunk is read.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("vectors.npy");
/// # let table = embedlab::table::Table::from_vectors(ndarray::array![[0.6_f32, 0.8], [1.0, 0.0]]);
/// # let _ = embedlab::table::write(&table, &path, &Default::default())?;
/// let rows = embedlab::table::stream(&path, &Default::default())?;
/// assert_eq!((rows.n_rows(), rows.dims()), (2, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn stream(path: &Path, options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    let _kept = remote::keep();
    super::read::readable(path)?;
    let format = options.format.map_or_else(|| Format::detect(path), Ok)?;
    super::read::not_through_a_pipe(path, format)?;
    if format == Format::Parquet && !options.drop_missing {
        // The columns are not even looked at.
        let file = guarded(path, || ParquetFile::open(path, options))?;
        return Ok(Box::new(Streamed::new(path, options.keeps_faults(), file)));
    }
    stream_with_columns(path, options).map(|(rows, _)| rows)
}

/// As [`stream`], with the columns beside the vectors, which are read into memory: a table whose
/// vectors have no dimension.
///
/// # Errors
/// As [`stream`], and when the columns or the sidecar cannot be read.
///
/// ```no_run
/// let (rows, columns) = embedlab::table::stream_with_columns("big.parquet".as_ref(), &Default::default())?;
/// let users = columns.labels("UserId")?;
/// assert_eq!(users.codes.len(), rows.n_rows());
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn stream_with_columns(path: &Path, options: &ReadOptions) -> Result<(Box<dyn RowSource>, Table)> {
    let _kept = remote::keep();
    let mut keep = Keep::in_blocks(options.memory);
    let table = super::read::one(path, &options.with_faults(), &mut keep)?;
    parted(table, keep, options).map_err(|error| error.file(path))
}

/// As [`stream_with_columns`], of several files, folders or patterns as one table, one after the other.
///
/// # Errors
/// As [`read_all`](super::read_all()).
pub fn stream_all_with_columns(
    files: &[PathBuf],
    options: &ReadOptions,
) -> Result<(Box<dyn RowSource>, Table)> {
    let _kept = remote::keep();
    if let [file] = files {
        return stream_with_columns(file, options);
    }
    let mut keep = Keep::in_blocks(options.memory);
    let table = super::read::several(files, &options.with_faults(), &mut keep)?;
    parted(table, keep, options).map_err(|error| error.files(files))
}

/// As [`stream_all_with_columns`], without the columns, which are not read where the files are Parquet.
///
/// # Errors
/// As [`read_all`](super::read_all()).
pub fn stream_all(files: &[PathBuf], options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    let _kept = remote::keep();
    let parts = match files {
        [] => return Err(super::read::no_file()),
        [file] if options.format.map_or_else(|| Format::detect(file), Ok).ok() != Some(Format::Parts) => {
            return stream(file, options);
        }
        files => parts::paths_of(files, options)?,
    };
    let options =
        ReadOptions { format: options.format.filter(|format| *format != Format::Parts), ..options.clone() };
    let mut sources: Vec<Box<dyn RowSource>> = Vec::new();
    for part in &parts {
        match stream(part, &options) {
            // A part without rows is none of the table's.
            Err(error) if error.code() == "no-rows" && parts.len() > 1 => {}
            source => sources.push(source?),
        }
        if let [first, .., last] = &sources[..] {
            parts::same_vectors(("the vectors", first.dims()), ("the vectors", last.dims()), part)?;
        }
    }
    if sources.is_empty() { stream(&parts[0], &options) } else { Ok(Box::new(Joined(sources))) }
}

/// The vectors, and the table without them.
fn parted(table: Table, mut keep: Keep, options: &ReadOptions) -> Result<(Box<dyn RowSource>, Table)> {
    let outside = keep.take();
    match (outside, options.drop_missing) {
        (Some(rows), true) => usable(rows, table),
        (Some(rows), false) => Ok((rows, table)),
        (None, drops) => {
            let table = if drops { table.with_usable_rows()? } else { table };
            let columns = table.with_vectors(Array2::zeros((table.n_rows(), 0)), table.vector_column())?;
            Ok((Box::new(table.into_vectors()), columns))
        }
    }
}

/// The rows whose vectors are finite, found in one pass.
fn usable(rows: Outside, table: Table) -> Result<(Box<dyn RowSource>, Table)> {
    let mut usable: Vec<usize> = Vec::new();
    for_each_chunk(&*rows, LEAF_ROWS, |first, chunk| {
        let finite = |row: &usize| chunk.row(*row).iter().all(|number| number.is_finite());
        usable.extend((0..chunk.nrows()).filter(finite).map(|row| first + row));
        Ok(())
    })?;
    let left_out = table.n_rows() - usable.len();
    if left_out == 0 {
        return Ok((rows, table));
    }
    let table = table.with_rows(&usable)?;
    Ok((Box::new(Selected { source: rows, rows: usable }), table))
}
