//! Vectors in Arrow columns: lists of numbers, bytes, text, or one column for each dimension.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, GenericListArray, OffsetSizeTrait, make_array};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Schema};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::table::column::cell::{Numbers, are_sensible, decode_bytes, parse_vector, parse_vector_of};
use crate::table::column::vector_column::{
    self, Holds, Place, VectorColumn, is_number, means_vectors, usual_length,
};

/// Rows that are looked at to tell texts from vectors written as text.
pub(in crate::table) const SAMPLE_ROWS: usize = 64;

/// Bytes of their texts beyond which no more rows are looked at.
const SAMPLE_BYTES: usize = 8 << 20;

/// Finds the vectors among Arrow columns; `sample` holds the first rows of the columns at the
/// positions `sampled`, which are those of [`sampled_columns`].
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
                Ok(place) => holds(field, sample.column(place), wanted == Some(field.name())),
                Err(_) => Holds::of_type(field.data_type()),
            };
            (field.name().as_str(), holds)
        })
        .collect();
    vector_column::find(&columns, wanted)
}

/// What a column holds, by its first cells.
fn holds(field: &Field, cells: &ArrayRef, wanted: bool) -> Holds {
    let Ok(cells) = plain(cells) else { return Holds::Other };
    let (name, meant) = (field.name(), wanted || means_vectors(field.name()));
    let lengths = |length: &dyn Fn(usize) -> usize| -> Vec<usize> {
        (0..cells.len()).filter(|row| cells.is_valid(*row)).map(length).filter(|length| *length > 0).collect()
    };
    match cells.data_type() {
        text if text.is_string() => {
            let Ok(text) = converted(&cells, &DataType::Utf8View) else { return Holds::Other };
            let text = first_cells(text.as_string_view().iter().flatten().map(str::as_bytes));
            // A column of numbers that are written as text is not meant as a dimension.
            match Holds::of_cells(name, text, wanted) {
                Holds::Numbers => Holds::Other,
                holds => holds,
            }
        }
        DataType::List(item) if is_number(item.data_type()) || (meant && item.data_type().is_numeric()) => {
            Holds::Vectors(usual_length(&lengths(&|row| cells.as_list::<i32>().value_length(row) as usize)))
        }
        DataType::LargeList(item)
            if is_number(item.data_type()) || (meant && item.data_type().is_numeric()) =>
        {
            Holds::Vectors(usual_length(&lengths(&|row| cells.as_list::<i64>().value_length(row) as usize)))
        }
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) | DataType::BinaryView => {
            holds_bytes(field, &cells, meant, wanted)
        }
        other => Holds::of_type(other),
    }
}

/// The cells that are looked at: the first, and more while they are not too long together.
fn first_cells<'a>(cells: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    let mut bytes = 0;
    cells.take_while(move |cell| {
        let is_first = bytes == 0;
        bytes += cell.len();
        is_first || bytes <= SAMPLE_BYTES
    })
}

/// Bytes are vectors where the name says so and they can be read, or where each cell is as many numbers of a sensible
/// size. A uuid, a hash, a key or a picture is none.
fn holds_bytes(field: &Field, cells: &ArrayRef, meant: bool, wanted: bool) -> Holds {
    let Ok(bytes) = converted(cells, &DataType::BinaryView) else { return Holds::Other };
    let is_uuid = field.metadata().values().any(|value| value.to_ascii_lowercase().contains("uuid"));
    let mut lengths = Vec::new();
    let cells = bytes.as_binary_view().iter().flatten();
    for cell in first_cells(cells.filter(|cell| !cell.is_empty())) {
        let mut vector = Vec::new();
        let read = decode_bytes(cell, Numbers::Any, &mut vector).is_ok();
        if !wanted && (!read || !are_sensible(&vector) || is_uuid) {
            return Holds::Other;
        }
        lengths.push(vector.len());
    }
    let same = lengths.windows(2).all(|pair| pair[0] == pair[1]);
    match lengths.first() {
        _ if wanted => Holds::Vectors(usual_length(&lengths)),
        Some(&length) if same && (meant || (length >= 8 && lengths.len() > 1)) => Holds::Vectors(length),
        _ => Holds::Other,
    }
}

/// The positions of the columns that are to be looked at, in order: text, bytes, lists, structs and dictionaries.
pub(in crate::table) fn sampled_columns(schema: &Schema) -> Vec<usize> {
    let is_open = |data_type: &DataType| {
        !(data_type.is_numeric()
            || data_type.is_temporal()
            || matches!(data_type, DataType::Boolean | DataType::Null))
    };
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, field)| is_open(field.data_type())).map(|(position, _)| position).collect()
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
        VectorColumn { name: self.name.clone(), place, dims: self.dims }
    }

    /// The length of a vector: the usual one of the sample, or that of the first row of a batch that has rows.
    ///
    /// # Errors
    /// When the first row holds no vector.
    pub(in crate::table) fn dims(&self, batch: &RecordBatch) -> Result<usize> {
        if self.dims > 0 {
            return Ok(self.dims);
        }
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
            _ => {
                let mut vector = Vec::new();
                decode_bytes(bytes_of(&array)?.as_binary::<i64>().value(0), Numbers::Any, &mut vector)
                    .map_err(|error| Error::from(error).row(0))?;
                vector.len()
            }
        };
        if dims == 0 { Err(missing(0)) } else { Ok(dims) }
    }

    /// Copies the vectors of a batch into `out`, row after row; `first` is how many rows of the
    /// file come before the batch. Where `numbers` may be [`Numbers::Any`], a row without a usable vector is NaN.
    ///
    /// # Errors
    /// Names the row that holds no vector, one of another length, or a number that is missing.
    pub(in crate::table) fn copy(
        &self,
        batch: &RecordBatch,
        dims: usize,
        numbers: Numbers,
        first: usize,
        out: &mut [f32],
    ) -> Result<()> {
        match &self.place {
            Place::Column(position) => copy_column(batch.column(*position), dims, numbers, first, out),
            Place::Spread(positions) => positions.iter().enumerate().try_for_each(|(dim, &position)| {
                let name = batch.schema_ref().field(position).name();
                copy_dimension(batch.column(position), (dim, dims), numbers, first, out)
                    .map_err(|error| error.column(name))
            }),
        }
    }
}

fn copy_column(array: &ArrayRef, dims: usize, numbers: Numbers, first: usize, out: &mut [f32]) -> Result<()> {
    let array = &plain(array)?;
    match array.data_type() {
        DataType::List(_) => copy_lists(array.as_list::<i32>(), dims, numbers, first, out),
        DataType::LargeList(_) => copy_lists(array.as_list::<i64>(), dims, numbers, first, out),
        DataType::FixedSizeList(_, length) => {
            let lists = array.as_fixed_size_list();
            let length = *length as usize;
            let range = |row: usize| row * length..(row + 1) * length;
            copy_ranges(array, lists.values(), range, dims, numbers, first, out)
        }
        data_type if data_type.is_string() => {
            let texts = large_text(array)?;
            let texts = texts.as_string::<i64>();
            copy_cells(dims, numbers, first, out, |row, vector| {
                let cell = if texts.is_null(row) { "" } else { texts.value(row) };
                Ok(parse_vector_of(cell.as_bytes(), numbers, vector)?)
            })
        }
        _ => {
            let cells = bytes_of(array)?;
            let cells = cells.as_binary::<i64>();
            copy_cells(dims, numbers, first, out, |row, vector| {
                if cells.is_null(row) {
                    return Err(missing(first + row));
                }
                Ok(decode_bytes(cells.value(row), Numbers::Any, vector)?)
            })
        }
    }
}

/// Copies cells that are read one by one, on all threads.
fn copy_cells(
    dims: usize,
    numbers: Numbers,
    first: usize,
    out: &mut [f32],
    read: impl Fn(usize, &mut Vec<f32>) -> Result<()> + Sync,
) -> Result<()> {
    let fault = out.par_chunks_exact_mut(dims).enumerate().find_map_first(|(row, out)| {
        let mut vector = Vec::with_capacity(dims);
        let read = read(row, &mut vector).and_then(|()| match vector.len() {
            n if n == dims => Ok(()),
            n => Err(other_length(first + row, &format!("{n} numbers"), dims)),
        });
        match read {
            Ok(()) => out.copy_from_slice(&vector),
            Err(_) if numbers == Numbers::Any => out.fill(f32::NAN),
            Err(error) => return Some(error.row(first + row)),
        }
        None
    });
    fault.map_or(Ok(()), Err)
}

/// The array that vectors are read from: the values of a dictionary written out, the list `values` of the struct that
/// Spark, BigQuery and Vertex keep a vector in, the row of a matrix of one row; any other array as it is.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(_, value) => converted(array, as_view(value)),
        DataType::Struct(fields) if fields.iter().any(|field| field.name() == "values") => {
            let (fields, mut children, nulls) = array.as_struct().clone().into_parts();
            let at = fields.iter().position(|field| field.name() == "values").unwrap_or_default();
            let child = children.swap_remove(at);
            let nulls = NullBuffer::union(nulls.as_ref(), child.logical_nulls().as_ref());
            let child = child.to_data().into_builder().nulls(nulls).build();
            child.map(make_array).map_err(|error| Error::input("the column holds no vectors").source(error))
        }
        DataType::List(outer) if outer.data_type().is_nested() => {
            let lists = array.as_list::<i32>();
            let one_each = (0..lists.len()).all(|row| lists.is_valid(row) && lists.value_length(row) == 1);
            if !one_each {
                return Ok(array.clone());
            }
            let from = lists.value_offsets()[0] as usize;
            Ok(lists.values().slice(from, lists.len()))
        }
        _ => Ok(array.clone()),
    }
}

/// The type in which texts and bytes that repeat are in memory once.
fn as_view(kind: &DataType) -> &DataType {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 => &DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => &DataType::BinaryView,
        other => other,
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
    kept: Numbers,
    first: usize,
    out: &mut [f32],
) -> Result<()> {
    let offsets = lists.value_offsets();
    let start = offsets[0].as_usize();
    let end = offsets[lists.len()].as_usize();
    let values = lists.values().slice(start, end - start);
    let range = |row: usize| offsets[row].as_usize() - start..offsets[row + 1].as_usize() - start;
    copy_ranges(lists, &values, range, dims, kept, first, out)
}

fn copy_ranges(
    lists: &dyn Array,
    values: &ArrayRef,
    range: impl Fn(usize) -> Range<usize>,
    dims: usize,
    kept: Numbers,
    first: usize,
    out: &mut [f32],
) -> Result<()> {
    let numbers = converted(values, &DataType::Float32)?;
    let numbers: &Float32Array = numbers.as_primitive::<Float32Type>();
    let whole = numbers.null_count() == 0;
    let copied = |row: usize, out: &mut [f32]| {
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
        Ok(())
    };
    for (row, out) in out.chunks_exact_mut(dims).enumerate() {
        match copied(row, out) {
            Err(_) if kept == Numbers::Any => out.fill(f32::NAN),
            copied => copied?,
        }
    }
    Ok(())
}

fn copy_dimension(
    array: &ArrayRef,
    (dim, dims): (usize, usize),
    kept: Numbers,
    first: usize,
    out: &mut [f32],
) -> Result<()> {
    let numbers = converted(array, &DataType::Float32)?;
    let numbers = numbers.as_primitive::<Float32Type>();
    if let Some(row) = numbers.nulls().and_then(|nulls| nulls.iter().position(|valid| !valid))
        && kept == Numbers::Finite
    {
        return Err(missing_number(first + row, dim));
    }
    for (number, out) in numbers.iter().zip(out[dim..].iter_mut().step_by(dims)) {
        *out = number.unwrap_or(f32::NAN);
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

/// The memory that the values of a batch take; those of a dictionary are shared by batches. What is seen through views
/// counts as it is when it is written out.
pub(in crate::table) fn size_of(batch: &RecordBatch) -> u64 {
    size_of_all(batch.columns())
}

fn size_of_all(arrays: &[ArrayRef]) -> u64 {
    arrays.iter().map(size_of_array).fold(0, u64::saturating_add)
}

fn size_of_lists<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> u64 {
    let offsets = lists.value_offsets();
    let (from, to) = (offsets[0].as_usize(), offsets[lists.len()].as_usize());
    let values = size_of_array(&lists.values().slice(from, to - from));
    values.saturating_add((lists.len() * std::mem::size_of::<O>()) as u64)
}

fn size_of_array(array: &ArrayRef) -> u64 {
    let in_memory = |array: &dyn Array| array.to_data().get_slice_memory_size().unwrap_or(0) as u64;
    let written_out = |lengths: &mut dyn Iterator<Item = u32>| {
        8 * array.len() as u64 + lengths.map(u64::from).fold(0, u64::saturating_add)
    };
    match array.data_type() {
        DataType::Utf8View => written_out(&mut array.as_string_view().lengths()),
        DataType::BinaryView => written_out(&mut array.as_binary_view().lengths()),
        DataType::List(_) => size_of_lists(array.as_list::<i32>()),
        DataType::LargeList(_) => size_of_lists(array.as_list::<i64>()),
        DataType::Struct(_) => size_of_all(array.as_struct().columns()),
        DataType::Map(..) => 4 * array.len() as u64 + size_of_all(array.as_map().entries().columns()),
        _ => match array.as_any_dictionary_opt() {
            Some(dictionary) => in_memory(dictionary.keys()),
            None => in_memory(array),
        },
    }
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
