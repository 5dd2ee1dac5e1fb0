//! Tables and results as bytes, between machines.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::datasource::TableProvider;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path as StorePath;
use serde::{Deserialize, Serialize};

use super::query::QueryResult;
use super::tables::ParquetTable;
use crate::error::{Error, Result};

/// A table of [`logical_plan`](super::logical_plan()) as bytes: its columns, and the path, size, time and keys of each file.
///
/// # Errors
/// For any other table.
pub fn pack(table: &dyn TableProvider) -> Result<Vec<u8>> {
    let no_table = || Error::argument("only tables of Parquet files go to other machines");
    let table = table.downcast_ref::<ParquetTable>().ok_or_else(no_table)?;
    let columns = stream(table.columns.file_schema(), &[]).map_err(|error| no_table().source(error))?;
    let files = files_of(table).and_then(|files| stream(&files.schema(), &[files]));
    let mut bytes = (columns.len() as u64).to_le_bytes().to_vec();
    bytes.extend(columns);
    bytes.extend(files.map_err(|error| no_table().source(error))?);
    Ok(bytes)
}

/// The table of which [`pack`] made bytes. A file that is not there, or of another size, is an error when it is read.
///
/// # Errors
/// When the bytes are damaged or of another version.
pub fn unpack(bytes: &[u8]) -> Result<Arc<dyn TableProvider>> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
    let (columns, files) = rest.split_at_checked(length).ok_or_else(damaged)?;
    let (columns, _) = batches(columns)?;
    let (schema, files) = batches(files)?;
    let keys: Vec<FieldRef> = schema.fields().iter().skip(OF_A_FILE).cloned().collect();
    let files = files.iter().map(files_in).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(ParquetTable::new(columns, keys, files.concat())))
}

fn damaged() -> Error {
    Error::input("a table or a result of another version")
        .with_code("version-differs")
        .advice("run the same version of embedlab on all machines")
}

fn stream(schema: &Schema, batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.into_inner()
}

fn batches(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let failed = |error: ArrowError| damaged().source(error);
    let reader = StreamReader::try_new(bytes, None).map_err(failed)?;
    let schema = reader.schema();
    Ok((schema, reader.collect::<Result<_, _>>().map_err(failed)?))
}

/// What is known of a file beside its keys: path, bytes, time of its last change.
const OF_A_FILE: usize = 3;

/// A row for each file, its keys last.
fn files_of(table: &ParquetTable) -> Result<RecordBatch, ArrowError> {
    let (files, keys) = (&table.files, table.columns.table_partition_cols());
    let about = files.iter().map(|file| &file.object_meta);
    let modified = about.clone().map(|about| about.last_modified.timestamp_nanos_opt().unwrap_or_default());
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(about.clone().map(|about| about.location.as_ref()))),
        Arc::new(UInt64Array::from_iter_values(about.map(|about| about.size))),
        Arc::new(Int64Array::from_iter_values(modified)),
    ];
    for at in 0..keys.len() {
        let values = files.iter().map(|file| file.partition_values[at].clone());
        columns.push(
            ScalarValue::iter_to_array(values).map_err(|error| ArrowError::ExternalError(error.into()))?,
        );
    }
    let field = |name: &str, kind| Arc::new(Field::new(name, kind, false));
    let about =
        [field("path", DataType::Utf8), field("bytes", DataType::UInt64), field("ns", DataType::Int64)];
    let fields: Vec<FieldRef> = about.into_iter().chain(keys.iter().cloned()).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn files_in(batch: &RecordBatch) -> Result<Vec<PartitionedFile>> {
    let [path, bytes, modified, keys @ ..] = batch.columns() else { return Err(damaged()) };
    let path = path.as_string_opt::<i32>().ok_or_else(damaged)?;
    let bytes = bytes.as_primitive_opt::<UInt64Type>().ok_or_else(damaged)?;
    let modified = modified.as_primitive_opt::<Int64Type>().ok_or_else(damaged)?;
    let file = |row: usize| {
        let since = std::time::Duration::from_nanos(u64::try_from(modified.value(row)).unwrap_or_default());
        let values = keys.iter().map(|values| ScalarValue::try_from_array(values, row));
        let meta = ObjectMeta {
            location: StorePath::parse(path.value(row)).map_err(|error| damaged().source(error))?,
            last_modified: (std::time::UNIX_EPOCH + since).into(),
            size: bytes.value(row),
            e_tag: None,
            version: None,
        };
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|error| damaged().source(error))?;
        Ok(PartitionedFile::new_from_meta(meta).with_partition_values(values))
    };
    (0..batch.num_rows()).map(file).collect()
}

/// What goes before the rows of a result.
#[derive(Serialize, Deserialize)]
struct About {
    n_rows: usize,
    notes: Vec<String>,
}

impl QueryResult {
    /// As bytes: what is known of it, and its rows.
    ///
    /// # Errors
    /// When its rows are no stream of Arrow's.
    pub fn parts(&self) -> Result<Vec<Vec<u8>>> {
        let about = About { n_rows: self.n_rows, notes: self.notes.clone() };
        let failed = Error::input("the result cannot be sent");
        let about = serde_json::to_vec(&about).map_err(|error| damaged().source(error))?;
        Ok(vec![about, stream(&self.schema, &self.batches).map_err(|error| failed.source(error))?])
    }

    /// From what [`parts`](QueryResult::parts) gave.
    ///
    /// # Errors
    /// When it is damaged or of another version.
    pub fn of_parts(parts: &[Vec<u8>]) -> Result<QueryResult> {
        let [about, rows] = parts else { return Err(damaged()) };
        let About { n_rows, notes } =
            serde_json::from_slice(about).map_err(|error| damaged().source(error))?;
        let (schema, batches) = batches(rows)?;
        Ok(QueryResult { schema, batches, n_rows, notes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "examples/data/food_reviews.parquet";

    #[test]
    fn a_table_is_the_same_on_the_other_side() {
        let (plan, notes) = super::super::logical_plan(&format!("select * from '{FILE}'")).unwrap();
        assert!(notes.is_empty());
        let mut tables = Vec::new();
        let _ = datafusion::common::tree_node::TreeNode::apply(&plan, |node| {
            if let datafusion::logical_expr::LogicalPlan::TableScan(scan) = node {
                tables.push(datafusion::datasource::source_as_provider(&scan.source)?);
            }
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        });
        let bytes = pack(tables[0].as_ref()).unwrap();
        let there = unpack(&bytes).unwrap();
        assert_eq!(there.schema(), tables[0].schema());
        assert_eq!(pack(there.as_ref()).unwrap(), bytes);
        for cut in [0, 7, 30, bytes.len() / 2] {
            assert_eq!(unpack(&bytes[..cut]).err().unwrap().code(), "version-differs", "{cut}");
        }
    }

    #[test]
    fn only_parquet_files_go_to_other_machines() {
        for name in ["examples/data/reviews.jsonl", "s3://bucket/rows.parquet", "-"] {
            let error = super::super::logical_plan(&format!("select count(*) from '{name}'")).unwrap_err();
            assert_eq!(error.code(), "not-on-machines", "{error}");
        }
    }

    #[test]
    fn a_result_is_the_same_on_the_other_side() {
        let sql = format!("select Kind, vector_avg(embedding) as mean from '{FILE}' group by Kind");
        let found =
            super::super::query(&sql, &super::super::QueryOptions { keep: Some(2), ..Default::default() })
                .unwrap();
        let back = QueryResult::of_parts(&found.parts().unwrap()).unwrap();
        assert_eq!((back.schema, back.batches), (found.schema, found.batches));
        assert_eq!((back.n_rows, back.notes), (found.n_rows, found.notes));
        assert!(QueryResult::of_parts(&[]).is_err());
    }
}
