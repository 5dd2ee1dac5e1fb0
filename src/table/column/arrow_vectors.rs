//! Vectors in Arrow columns: lists of numbers, bytes, text, or one column for each dimension.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, GenericListArray, OffsetSizeTrait};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Schema};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::table::column::cell::parse_vector;
use crate::table::column::floats::Float;
use crate::table::column::vector_column::{self, Holds, Place, VectorColumn};

/// Rows that are looked at to tell texts from vectors written as text.
pub(in crate::table) const SAMPLE_ROWS: usize = 64;

/// Finds the vectors among Arrow columns; `sample` holds the first rows of the columns at the
/// positions `sampled`, which are those of [`text_columns`].
///
/// # Errors
/// As [`vector_column::find`].
pub(in crate::table) fn find(
    schema: &Schema,
    sampled: &[usize],
    sample: &RecordBatch,
    wanted: Option<&str>,
) -> Result<VectorColumn> {
    let columns: Vec<(&str, Holds)> = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(position, field)| {
            let holds = match sampled.binary_search(&position) {
                Ok(place) => holds_text(sample.column(place)),
                Err(_) => Holds::of_type(field.data_type()),
            };
            (field.name().as_str(), holds)
        })
        .collect();
    vector_column::find(&columns, wanted)
}

/// A column of numbers that are written as text is not meant as a dimension.
fn holds_text(cells: &ArrayRef) -> Holds {
    let Ok(text) = cast(cells, &DataType::LargeUtf8) else { return Holds::Other };
    match Holds::of_text(text.as_string::<i64>().iter().flatten().map(str::as_bytes)) {
        Holds::Vectors => Holds::Vectors,
        Holds::Numbers | Holds::Other => Holds::Other,
    }
}

/// The positions of the columns of text, in order.
pub(in crate::table) fn text_columns(schema: &Schema) -> Vec<usize> {
    let is_text = |data_type: &DataType| match data_type {
        DataType::Dictionary(_, value) => value.is_string(),
        other => other.is_string(),
    };
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, field)| is_text(field.data_type())).map(|(position, _)| position).collect()
}

impl VectorColumn {
    /// The positions of the columns that hold the vectors, ascending.
    pub(in crate::table) fn positions(&self) -> Vec<usize> {
        let mut positions = match &self.place {
            Place::Column(position) => vec![*position],
            Place::Spread(positions) => positions.clone(),
        };
        positions.sort_unstable();
        positions
    }

    /// The same vectors in batches that hold only the columns of [`VectorColumn::positions`].
    pub(in crate::table) fn alone(&self) -> VectorColumn {
        let positions = self.positions();
        let rank = |position: &usize| positions.partition_point(|other| other < position);
        let place = match &self.place {
            Place::Column(_) => Place::Column(0),
            Place::Spread(dims) => Place::Spread(dims.iter().map(rank).collect()),
        };
        VectorColumn { name: self.name.clone(), place }
    }

    /// The length of the first vector of a batch that has rows.
    ///
    /// # Errors
    /// When the first row holds no vector.
    pub(in crate::table) fn dims(&self, batch: &RecordBatch) -> Result<usize> {
        let position = match &self.place {
            Place::Spread(positions) => return Ok(positions.len()),
            Place::Column(position) => *position,
        };
        let array = plain(batch.column(position))?;
        if array.is_null(0) {
            return Err(missing(0));
        }
        let dims = match array.data_type() {
            DataType::List(_) => array.as_list::<i32>().value_length(0) as usize,
            DataType::LargeList(_) => array.as_list::<i64>().value_length(0) as usize,
            DataType::FixedSizeList(_, length) => *length as usize,
            data_type if data_type.is_string() => {
                let mut vector = Vec::new();
                let text = large_text(&array)?;
                parse_vector(text.as_string::<i64>().value(0).as_bytes(), &mut vector)
                    .map_err(|error| Error::from(error).row(0))?;
                vector.len()
            }
            _ => bytes_of(&array)?.as_binary::<i64>().value(0).len() / 4,
        };
        if dims == 0 { Err(missing(0)) } else { Ok(dims) }
    }

    /// Copies the vectors of a batch into `out`, row after row; `first` is how many rows of the
    /// file stand before the batch.
    ///
    /// # Errors
    /// Names the row that holds no vector, one of another length, or a number that is missing.
    pub(in crate::table) fn copy(
        &self,
        batch: &RecordBatch,
        dims: usize,
        first: usize,
        out: &mut [f32],
    ) -> Result<()> {
        match &self.place {
            Place::Column(position) => copy_column(batch.column(*position), dims, first, out),
            Place::Spread(positions) => positions.iter().enumerate().try_for_each(|(dim, &position)| {
                let name = batch.schema_ref().field(position).name();
                copy_dimension(batch.column(position), dim, dims, first, out)
                    .map_err(|error| error.column(name))
            }),
        }
    }
}

fn copy_column(array: &ArrayRef, dims: usize, first: usize, out: &mut [f32]) -> Result<()> {
    let array = &plain(array)?;
    match array.data_type() {
        DataType::List(_) => copy_lists(array.as_list::<i32>(), dims, first, out),
        DataType::LargeList(_) => copy_lists(array.as_list::<i64>(), dims, first, out),
        DataType::FixedSizeList(_, length) => {
            let lists = array.as_fixed_size_list();
            let length = *length as usize;
            let range = |row: usize| row * length..(row + 1) * length;
            copy_ranges(array, lists.values(), range, dims, first, out)
        }
        data_type if data_type.is_string() => copy_texts(&large_text(array)?, dims, first, out),
        _ => copy_bytes(&bytes_of(array)?, dims, first, out),
    }
}

/// The values of a dictionary, written out; any other array as it is.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(_, value) => converted(array, value),
        _ => Ok(array.clone()),
    }
}

fn large_text(array: &ArrayRef) -> Result<ArrayRef> {
    converted(array, &DataType::LargeUtf8)
}

fn bytes_of(array: &ArrayRef) -> Result<ArrayRef> {
    converted(array, &DataType::LargeBinary)
}

fn converted(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    cast(array, to).map_err(|error| Error::input("the column holds no vectors").source(error))
}

fn copy_lists<O: OffsetSizeTrait>(
    lists: &GenericListArray<O>,
    dims: usize,
    first: usize,
    out: &mut [f32],
) -> Result<()> {
    let offsets = lists.value_offsets();
    let start = offsets[0].as_usize();
    let end = offsets[lists.len()].as_usize();
    let values = lists.values().slice(start, end - start);
    let range = |row: usize| offsets[row].as_usize() - start..offsets[row + 1].as_usize() - start;
    copy_ranges(lists, &values, range, dims, first, out)
}

fn copy_ranges(
    lists: &dyn Array,
    values: &ArrayRef,
    range: impl Fn(usize) -> Range<usize>,
    dims: usize,
    first: usize,
    out: &mut [f32],
) -> Result<()> {
    let numbers = converted(values, &DataType::Float32)?;
    let numbers: &Float32Array = numbers.as_primitive::<Float32Type>();
    let whole = numbers.null_count() == 0;
    for (row, out) in out.chunks_exact_mut(dims).enumerate() {
        let range = range(row);
        if lists.is_null(row) || range.is_empty() {
            return Err(missing(first + row));
        }
        if range.len() != dims {
            return Err(other_length(first + row, &format!("{} numbers", range.len()), dims));
        }
        if !whole && let Some(dim) = range.clone().position(|at| numbers.is_null(at)) {
            return Err(missing_number(first + row, dim));
        }
        out.copy_from_slice(&numbers.values()[range]);
    }
    Ok(())
}

fn copy_texts(texts: &ArrayRef, dims: usize, first: usize, out: &mut [f32]) -> Result<()> {
    let texts = texts.as_string::<i64>();
    let fault = out.par_chunks_exact_mut(dims).enumerate().find_map_first(|(row, out)| {
        if texts.is_null(row) {
            return Some(missing(first + row));
        }
        let mut vector = Vec::with_capacity(dims);
        if let Err(error) = parse_vector(texts.value(row).as_bytes(), &mut vector) {
            return Some(Error::from(error).row(first + row));
        }
        if vector.len() != dims {
            return Some(other_length(first + row, &format!("{} numbers", vector.len()), dims));
        }
        out.copy_from_slice(&vector);
        None
    });
    fault.map_or(Ok(()), Err)
}

/// Bytes are little-endian float32.
fn copy_bytes(cells: &ArrayRef, dims: usize, first: usize, out: &mut [f32]) -> Result<()> {
    let cells = cells.as_binary::<i64>();
    for (row, out) in out.chunks_exact_mut(dims).enumerate() {
        if cells.is_null(row) {
            return Err(missing(first + row));
        }
        let bytes = cells.value(row);
        if bytes.len() != dims * 4 {
            return Err(other_length(first + row, &format!("{} bytes", bytes.len()), dims));
        }
        Float::F32.decode(bytes, out);
    }
    Ok(())
}

fn copy_dimension(array: &ArrayRef, dim: usize, dims: usize, first: usize, out: &mut [f32]) -> Result<()> {
    let numbers = converted(array, &DataType::Float32)?;
    let numbers = numbers.as_primitive::<Float32Type>();
    if let Some(row) = numbers.nulls().and_then(|nulls| nulls.iter().position(|valid| !valid)) {
        return Err(missing_number(first + row, dim));
    }
    for (number, out) in numbers.values().iter().zip(out[dim..].iter_mut().step_by(dims)) {
        *out = *number;
    }
    Ok(())
}

/// No vector in this row, which is counted from 0 here.
pub(in crate::table) fn missing(row: usize) -> Error {
    Error::input("no vector")
        .with_code("vector-missing")
        .row(row)
        .seen("null or empty")
        .advice("embed this row or remove it")
}

/// A vector with a gap; row and dimension are counted from 0 here.
pub(in crate::table) fn missing_number(row: usize, dim: usize) -> Error {
    Error::input("a number is missing")
        .with_code("number-missing")
        .row(row)
        .seen(format!("null in dimension {}", dim + 1))
        .advice("embed this row again or remove it")
}

/// A vector that is not as long as the first one; the row is counted from 0 here.
pub(in crate::table) fn other_length(row: usize, length: &str, dims: usize) -> Error {
    Error::input("a vector of different length")
        .with_code("vector-length")
        .row(row)
        .seen(format!("{length} where {dims} numbers were expected"))
        .advice("embed this row again or remove it")
}

/// A batch with the columns that are not at these (ascending) positions.
///
/// # Errors
/// Never in practice: the positions come from the batch's own schema.
pub(in crate::table) fn without(batch: &RecordBatch, positions: &[usize]) -> Result<RecordBatch> {
    let others: Vec<usize> =
        (0..batch.num_columns()).filter(|position| positions.binary_search(position).is_err()).collect();
    batch.project(&others).map_err(|error| Error::input("cannot take the columns").source(error))
}

/// One batch of many; all have this schema.
///
/// # Errors
/// When a column of text would be longer than its type can hold (2 GB).
pub(in crate::table) fn concatenated(
    schema: &Schema,
    batches: &[RecordBatch],
    rows: usize,
) -> Result<RecordBatch> {
    use arrow::record_batch::RecordBatchOptions;
    let schema = std::sync::Arc::new(schema.clone());
    if schema.fields().is_empty() {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        return RecordBatch::try_new_with_options(schema, Vec::new(), &options)
            .map_err(|error| Error::input("cannot join the columns").source(error));
    }
    arrow::compute::concat_batches(&schema, batches)
        .map_err(|error| Error::input("cannot join the columns").source(error))
}
