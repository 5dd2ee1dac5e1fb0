//! A table as Arrow batches, as Parquet and Arrow files are written from.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use ndarray::s;

use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::column::text_column::as_written;

/// How a vector is laid out in Parquet and Arrow files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VectorLayout {
    /// `FixedSizeList<float32 not null>`: the length is part of the type.
    #[default]
    FixedSizeList,
    /// `List<float32>`, for readers that know no other.
    List,
}

/// How many rows have about this many bytes of vectors.
pub(in crate::table) fn batch_rows(dims: usize, bytes: usize) -> usize {
    (bytes / (4 * dims.max(1))).max(1)
}

/// The table in batches of `rows` rows, the vectors as the last column; one empty batch for a table
/// without rows.
///
/// # Errors
/// When a vector is longer than Arrow's lists can be.
pub(in crate::table) fn batches(
    table: &Table,
    layout: VectorLayout,
    rows: usize,
) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch>>)> {
    let dims = i32::try_from(table.dims())
        .map_err(|_| Error::argument("vectors too long for this format").advice("write .npy"))?;
    // The batch's own offsets are 32 bits wide too.
    let rows = rows.clamp(1, (i32::MAX as usize / table.dims().max(1)).max(1));
    let schema = schema(table, layout, dims);
    let starts = (0..table.n_rows().max(1)).step_by(rows);
    let with_schema = schema.clone();
    let batches = starts.map(move |start| {
        let rows = start..(start + rows).min(table.n_rows());
        batch(table, layout, dims, rows, &with_schema)
            .map_err(|error| Error::argument("the vectors do not fit this format").source(error))
    });
    Ok((schema, batches))
}

fn schema(table: &Table, layout: VectorLayout, dims: i32) -> SchemaRef {
    let mut fields: Vec<FieldRef> = table.columns().schema_ref().fields().iter().map(as_written).collect();
    let list = match layout {
        VectorLayout::FixedSizeList => DataType::FixedSizeList(item(layout), dims),
        VectorLayout::List => DataType::List(item(layout)),
    };
    if dims > 0 {
        fields.push(Arc::new(Field::new(table.vector_column(), list, false)));
    }
    Arc::new(Schema::new_with_metadata(fields, table.columns().schema_ref().metadata().clone()))
}

fn item(layout: VectorLayout) -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Float32, layout == VectorLayout::List))
}

fn batch(
    table: &Table,
    layout: VectorLayout,
    dims: i32,
    rows: Range<usize>,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let mut arrays: Vec<ArrayRef> =
        table.columns().columns().iter().map(|column| column.slice(rows.start, rows.len())).collect();
    if dims == 0 {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        return RecordBatch::try_new_with_options(schema.clone(), arrays, &options);
    }
    let vectors = table.vectors();
    let numbers = Float32Array::from_iter_values(vectors.slice(s![rows.clone(), ..]).iter().copied());
    let list: ArrayRef = match layout {
        VectorLayout::FixedSizeList => Arc::new(FixedSizeListArray::try_new_with_length(
            item(layout),
            dims,
            Arc::new(numbers),
            None,
            rows.len(),
        )?),
        VectorLayout::List => {
            let lengths = std::iter::repeat_n(table.dims(), rows.len());
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::try_new(item(layout), offsets, Arc::new(numbers), None)?)
        }
    };
    arrays.push(list);
    RecordBatch::try_new(schema.clone(), arrays)
}
