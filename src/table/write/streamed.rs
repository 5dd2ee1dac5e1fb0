//! Writing rows that are not in memory.

use std::io::Write;
use std::path::Path;

use ndarray::Array2;

use super::{Written, check_name, format_of, losses, text};
use crate::error::{Error, Result};
use crate::rows::{LEAF_ROWS, RowSource, for_each_chunk};
use crate::table::format::{ipc, npy, parquet};
use crate::table::{Format, Table, WriteOptions, write_whole};

/// As [`write()`](super::write()), of columns in memory and vectors that are read from a source block by block. Parquet, Arrow,
/// NumPy, CSV, TSV and JSON lines are written in the same way; for the other formats all vectors are read first.
///
/// # Errors
/// As [`write()`](super::write()), and when the source has another number of rows or cannot be read.
pub fn write_streamed(
    columns: &Table,
    source: &dyn RowSource,
    path: &Path,
    options: &WriteOptions,
) -> Result<Written> {
    let format = format_of(path, options)?;
    check_name(columns, path, format)?;
    let (fitted, losses) = losses::fitted(columns, format)?;
    let columns = &fitted;
    let pieces = || -> Result<Box<dyn Iterator<Item = Result<Table>> + '_>> {
        let mut first = 0;
        Ok(Box::new(source.chunks(LEAF_ROWS)?.map(move |chunk| {
            let chunk = chunk?;
            let rows = chunk.nrows();
            let piece = piece(columns, chunk, first)?;
            first += rows;
            Ok(piece)
        })))
    };
    let schema_of = || -> Result<Table> {
        columns.take(&[])?.with_vectors(Array2::zeros((0, source.dims())), columns.vector_column())
    };
    match format {
        Format::Parquet => write_whole(path, |out| {
            parquet::write_pieces(&schema_of()?, pieces()?, (options.layout, options.memory), out)
        })
        .map_err(|error| error.file(path))?,
        Format::ArrowIpc => {
            write_whole(path, |out| ipc::write_pieces(&schema_of()?, pieces()?, options.layout, out))
                .map_err(|error| error.file(path))?
        }
        Format::Npy => {
            write_whole(path, |out| write_npy(source, out)).map_err(|error| error.file(path))?;
            let dropped_columns = columns.column_names().into_iter().map(str::to_owned).collect();
            return Ok(Written { losses, dropped_columns });
        }
        Format::Csv | Format::Tsv | Format::JsonLines => write_whole(path, |out| {
            for (at, piece) in pieces()?.enumerate() {
                let (piece, header) = (piece?, at == 0);
                match format {
                    Format::Csv => text::write_delimited(&piece, b',', header, out)?,
                    Format::Tsv => text::write_delimited(&piece, b'\t', header, out)?,
                    _ => text::write_json_lines(&piece, out)?,
                }
            }
            Ok(())
        })
        .map_err(|error| error.file(path))?,
        _ => {
            let mut all = Array2::zeros((source.n_rows(), source.dims()));
            let mut first = 0;
            for chunk in source.chunks(LEAF_ROWS)? {
                let chunk = chunk?;
                all.slice_mut(ndarray::s![first..first + chunk.nrows(), ..]).assign(&chunk);
                first += chunk.nrows();
            }
            let mut written =
                super::write(&columns.with_vectors(all, columns.vector_column())?, path, options)?;
            written.losses.extend(losses);
            return Ok(written);
        }
    }
    Ok(Written { losses, ..Default::default() })
}

/// Whether a format is written block by block.
pub fn writes_in_blocks(path: &Path, options: &WriteOptions) -> bool {
    let in_blocks =
        [Format::Parquet, Format::ArrowIpc, Format::Npy, Format::Csv, Format::Tsv, Format::JsonLines];
    format_of(path, options).is_ok_and(|format| in_blocks.contains(&format))
}

fn write_npy(source: &dyn RowSource, out: &mut impl Write) -> Result<()> {
    let failed = |error| Error::io("cannot write", error);
    npy::write_header(out, "<f4", &[source.n_rows(), source.dims()]).map_err(failed)?;
    for_each_chunk(source, LEAF_ROWS, |_, rows| npy::write_numbers(rows, out).map_err(failed))
}

fn piece(columns: &Table, chunk: Array2<f32>, first: usize) -> Result<Table> {
    if first + chunk.nrows() > columns.n_rows() {
        return Err(Error::input("the file has changed while it was read").with_code("file-changed"));
    }
    let slice = columns.columns().slice(first, chunk.nrows());
    Table::new(chunk, slice, columns.vector_column())
}
