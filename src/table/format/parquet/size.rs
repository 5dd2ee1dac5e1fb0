//! What columns take when they are unpacked, known before they are: a page of a few bytes can stand for gigabytes.

use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Type;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

/// The bytes that the pages of columns unpack to, as the metadata say.
pub(super) fn page_size(metadata: &ArrowReaderMetadata, roots: &[usize]) -> u64 {
    sum_of_chunks(metadata, roots, pages_of)
}

/// The least that columns take in memory, as the metadata say: their pages, and each number at its full width, however
/// few bytes of a page stand for many equal ones.
pub(super) fn decoded_size(metadata: &ArrowReaderMetadata, roots: &[usize]) -> u64 {
    sum_of_chunks(metadata, roots, |chunk| pages_of(chunk).max(numbers_of(chunk)))
}

fn pages_of(chunk: &ColumnChunkMetaData) -> u64 {
    u64::try_from(chunk.uncompressed_size()).unwrap_or(0)
}

fn numbers_of(chunk: &ColumnChunkMetaData) -> u64 {
    let values = u64::try_from(chunk.num_values()).unwrap_or(0);
    match chunk.column_descr().physical_type() {
        Type::BOOLEAN => values / 8,
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => values.saturating_mul(4),
        Type::INT64 | Type::DOUBLE | Type::INT96 => values.saturating_mul(8),
        Type::FIXED_LEN_BYTE_ARRAY => {
            values.saturating_mul(u64::try_from(chunk.column_descr().type_length()).unwrap_or(0))
        }
    }
}

fn sum_of_chunks(
    metadata: &ArrowReaderMetadata,
    roots: &[usize],
    size: impl Fn(&ColumnChunkMetaData) -> u64,
) -> u64 {
    let schema = metadata.parquet_schema();
    let mut is_wanted = vec![false; metadata.schema().fields().len()];
    roots.iter().for_each(|root| is_wanted[*root] = true);
    let wanted = |leaf: &usize| is_wanted[schema.get_column_root_idx(*leaf)];
    let leaves: Vec<usize> = (0..schema.num_columns()).filter(wanted).collect();
    let of_group = |group: &RowGroupMetaData| -> u64 {
        leaves.iter().map(|leaf| size(group.column(*leaf))).fold(0, u64::saturating_add)
    };
    metadata.metadata().row_groups().iter().map(of_group).fold(0, u64::saturating_add)
}

/// The same file with texts and bytes read as views: a text of a dictionary is in memory once, however many rows hold it.
pub(super) fn as_views(metadata: &ArrowReaderMetadata) -> ArrowReaderMetadata {
    let schema = metadata.schema();
    let fields: Vec<FieldRef> = schema.fields().iter().map(viewed).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    // What cannot be read so is read as the file has it.
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).unwrap_or_else(|_| metadata.clone())
}

fn viewed(field: &FieldRef) -> FieldRef {
    let of_type = |kind| Arc::new(field.as_ref().clone().with_data_type(kind));
    let inside = |fields: &[FieldRef]| fields.iter().map(viewed).collect();
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => of_type(DataType::Utf8View),
        DataType::Binary | DataType::LargeBinary => of_type(DataType::BinaryView),
        DataType::List(item) => of_type(DataType::List(viewed(item))),
        DataType::LargeList(item) => of_type(DataType::LargeList(viewed(item))),
        DataType::Map(entries, sorted) => of_type(DataType::Map(viewed(entries), *sorted)),
        DataType::Struct(fields) => of_type(DataType::Struct(inside(fields))),
        _ => field.clone(),
    }
}

/// A batch in the types of the schema, with every text written out where it stands.
///
/// # Errors
/// When the texts of the batch take more than their type can hold (2 GB).
pub(super) fn written_out(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let same = |(field, column): (&Arc<Field>, &arrow::array::ArrayRef)| {
        if field.data_type() == column.data_type() {
            return Ok(column.clone());
        }
        cast(column, field.data_type())
    };
    let columns = schema.fields().iter().zip(batch.columns()).map(same).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}
