//! CSV, TSV and JSON lines.

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::json::writer::{LineDelimited, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ndarray::ArrayView1;

use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::format::batches::{VectorLayout, batch_rows, batches};

/// Rows whose cells are held as text at once.
const TEXT_ROWS: usize = 1024;

/// Bytes of vectors in one batch that is written as JSON.
const JSON_BYTES: usize = 4 << 20;

/// Writes a header, unless it is there already, and a line for each row; the vector is the last cell. An empty cell is one
/// without a value; text is quoted where it must be.
pub(super) fn write_delimited(
    table: &Table,
    delimiter: u8,
    with_header: bool,
    out: &mut impl Write,
) -> Result<()> {
    let failed = |error: simd_csv::Error| Error::io("cannot write", std::io::Error::other(error));
    let mut writer = simd_csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
    let has_vectors = table.dims() > 0;
    let mut header = table.column_names();
    if has_vectors {
        header.push(table.vector_column());
    }
    let mut cells: Vec<Vec<u8>> = vec![Vec::new(); header.len()];
    if with_header {
        writer.write_record(header).map_err(failed)?;
    }
    for first in (0..table.n_rows()).step_by(TEXT_ROWS) {
        let rows = TEXT_ROWS.min(table.n_rows() - first);
        let columns = table.columns().columns().iter().map(|column| as_text(&column.slice(first, rows)));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        for row in 0..rows {
            cells.iter_mut().for_each(Vec::clear);
            for (cell, column) in cells.iter_mut().zip(&columns) {
                let column = column.as_string::<i64>();
                if column.is_valid(row) {
                    cell.extend_from_slice(column.value(row).as_bytes());
                }
            }
            if let Some(cell) = cells.last_mut().filter(|_| has_vectors) {
                write_vector(table.vectors().row(first + row), cell)?;
            }
            writer.write_record(&cells).map_err(failed)?;
        }
    }
    writer.flush().map_err(|error| Error::io("cannot write", error))
}

/// A column as text.
fn as_text(column: &ArrayRef) -> Result<ArrayRef> {
    if let Ok(text) = cast(column, &DataType::LargeUtf8) {
        return Ok(text);
    }
    let print = || -> Result<arrow::array::LargeStringArray, ArrowError> {
        let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
        let cell = |row| column.is_valid(row).then(|| formatter.value(row).try_to_string()).transpose();
        (0..column.len()).map(cell).collect()
    };
    let text = print().map_err(|error| Error::input("a column has no text form").source(error))?;
    Ok(std::sync::Arc::new(text))
}

/// A JSON array; each number in the fewest digits that are read back as the same `f32`.
fn write_vector(vector: ArrayView1<'_, f32>, cell: &mut Vec<u8>) -> Result<()> {
    let numbers = vector.to_slice().map_or_else(|| vector.to_vec().into(), std::borrow::Cow::Borrowed);
    serde_json::to_writer(cell, &numbers[..])
        .map_err(|error| Error::input("a vector cannot be written").source(error))
}

/// Writes one JSON object a line; an empty cell is null.
pub(super) fn write_json_lines(table: &Table, out: &mut impl Write) -> Result<()> {
    let failed = |error: ArrowError| match error {
        ArrowError::IoError(_, error) => Error::io("cannot write", error),
        error => Error::input("a column cannot be written as JSON")
            .source(error)
            .advice("leave the column out, or write .parquet"),
    };
    let (_, batches) = batches(table, VectorLayout::FixedSizeList, batch_rows(table.dims(), JSON_BYTES))?;
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(out);
    for batch in batches {
        writer.write(&batch?).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}
