//! What stands in quotes after FROM: a file, a folder or a pattern as a table of the engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::datasource::{MemTable, TableProvider, TableType};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path as StorePath;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::buffer::BufferExec;
use ndarray::Array2;

use crate::error::{Error, Result};
use crate::number::counted;
use crate::rows::{RowSource, for_each_chunk};
use crate::table::{self, Format, ReadOptions, Scan, Table};

/// Rows of a batch.
pub(super) const BATCH_ROWS: usize = 8192;

/// Bytes that a Parquet file is read ahead.
const AHEAD: u64 = 64 << 20;

/// A table, and what is worth knowing of it.
pub(super) struct Opened {
    pub table: Arc<dyn TableProvider>,
    pub note: Option<String>,
    /// What it takes in memory.
    pub bytes: usize,
}

/// Who reads the tables of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// This process.
    Here,
    /// Executors, which find the same files under the same paths.
    Machines,
}

/// Opens a table by its name in a query; `-` is stdin.
pub(super) fn open(name: &str, options: &ReadOptions, readers: Readers) -> Result<Opened> {
    let (path, options) = match name {
        "-" => {
            ("/dev/stdin", ReadOptions { format: options.format.or(Some(Format::Csv)), ..options.clone() })
        }
        name => (name, options.clone()),
    };
    let path = Path::new(path);
    if !name.contains(['.', '/', '*', '?']) && name != "-" && !path.exists() {
        return Err(Error::argument("no such table")
            .with_code("table-not-found")
            .seen(name)
            .advice("name a file, in quotes: from 'reviews.parquet'"));
    }
    if readers == Readers::Machines {
        return on_machines(name, path, &options);
    }
    if let Some(scan) = table::scan(path, &options)? {
        let ahead = options.memory.limit().map_or(AHEAD, |limit| (limit / 8).min(AHEAD));
        // The place behind links, for these need not lead there when the file is read.
        let table = ParquetTable::of(scan, |path| path.canonicalize())?.reading_ahead(ahead as usize);
        return Ok(Opened { table: Arc::new(table), note: None, bytes: 0 });
    }
    let lenient = ReadOptions { allow_non_finite: true, ..options };
    match table::stream_with_columns(path, &lenient) {
        Err(error) if error.code() == "no-vector-column" && !is_pipe(path) => {
            let columns = table::read_without_vectors(path, &lenient)?;
            in_memory(name, &columns, None)
        }
        read => {
            let (rows, columns) = read?;
            in_memory(name, &columns, Some(rows.as_ref()))
        }
    }
}

/// A table that executors read, each from its own file system.
fn on_machines(name: &str, path: &Path, options: &ReadOptions) -> Result<Opened> {
    let refused = |what: &str, advice: &str| {
        Error::argument(what).with_code("not-on-machines").file(name).advice(advice)
    };
    if table::is_address(path) {
        return Err(refused(
            "the executors read SQL's tables from their file systems, and this is an address",
            "copy it to where all machines see it, or leave --on out",
        ));
    }
    let Some(scan) = table::scan(path, options)? else {
        return Err(refused(
            "the executors read Parquet files whose vectors are lists, and this is none",
            "write it as Parquet first with embedlab convert, or leave --on out",
        ));
    };
    let table = ParquetTable::of(scan, |path| std::path::absolute(path))?;
    Ok(Opened { table: Arc::new(table), note: None, bytes: 0 })
}

fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir())
}

/// A table of batches with buffers of their own, the vectors as the last column; a row without a usable vector has NULL.
fn in_memory(name: &str, columns: &Table, vectors: Option<&dyn RowSource>) -> Result<Opened> {
    let failed = |error: ArrowError| Error::input("the columns are no table").file(name).source(error);
    let (all, n_rows) = (columns.columns(), columns.n_rows());
    let mut fields: Vec<_> = all.schema_ref().fields().iter().cloned().collect();
    let dims = vectors.map_or(0, RowSource::dims);
    let length = i32::try_from(dims).map_err(|_| Error::input("vectors too long for a query").file(name))?;
    let item = Arc::new(Field::new_list_field(DataType::Float32, true));
    if dims > 0 {
        let list = DataType::FixedSizeList(item.clone(), length);
        fields.push(Arc::new(Field::new(columns.vector_column(), list, true)));
    }
    let schema = Arc::new(Schema::new(fields));
    let (mut batches, mut without, mut bytes) = (Vec::new(), 0, 0);
    let mut add = |first: usize, rows: usize, vectors: Option<Array2<f32>>| -> Result<()> {
        let positions = UInt64Array::from_iter_values(first as u64..(first + rows) as u64);
        let arrays = all.columns().iter().map(|column| take(column, &positions, None));
        let mut arrays = arrays.collect::<Result<Vec<ArrayRef>, _>>().map_err(failed)?;
        if let Some(vectors) = vectors {
            let usable: Vec<bool> =
                vectors.rows().into_iter().map(|row| row.iter().any(|x| !x.is_nan())).collect();
            let faults = usable.iter().filter(|usable| !**usable).count();
            without += faults;
            let nulls = (faults > 0).then(|| NullBuffer::from(usable));
            let values = vectors.as_standard_layout().into_owned().into_raw_vec_and_offset().0;
            let values = Arc::new(Float32Array::from(values));
            let list = FixedSizeListArray::try_new(item.clone(), length, values, nulls).map_err(failed)?;
            arrays.push(Arc::new(list));
        }
        let count = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &count).map_err(failed)?;
        bytes += batch.get_array_memory_size();
        batches.push(batch);
        Ok(())
    };
    match vectors.filter(|_| dims > 0) {
        Some(vectors) => for_each_chunk(vectors, BATCH_ROWS, |first, chunk| {
            add(first, chunk.nrows(), Some(chunk.to_owned()))
        })?,
        None => {
            (0..n_rows).step_by(BATCH_ROWS).try_for_each(|at| add(at, BATCH_ROWS.min(n_rows - at), None))?
        }
    }
    let table = MemTable::try_new(schema, vec![batches])
        .map_err(|error| Error::input("the columns are no table").file(name).source(error))?;
    let note = (without > 0)
        .then(|| format!("{name}: {} without a usable vector, which is NULL", counted(without, "row")));
    Ok(Opened { table: Arc::new(table), note, bytes })
}

/// Parquet files that are read in their order, only the columns and row groups that a query needs.
#[derive(Debug)]
pub(super) struct ParquetTable {
    pub columns: TableSchema,
    pub files: Vec<PartitionedFile>,
    /// Bytes that are read ahead; 0 for none.
    ahead: usize,
}

impl ParquetTable {
    /// Nothing is read ahead.
    pub fn new(schema: SchemaRef, keys: Vec<FieldRef>, files: Vec<PartitionedFile>) -> Self {
        let columns = TableSchema::builder(schema).with_table_partition_cols(keys).build();
        ParquetTable { columns, files, ahead: 0 }
    }

    fn of(scan: Scan, whole: impl Fn(&Path) -> std::io::Result<PathBuf>) -> Result<Self> {
        let file = |(at, path): (usize, &PathBuf)| -> Result<PartitionedFile> {
            let failed = |error| Error::io("cannot open", error).file(path);
            let about = path.metadata().map_err(failed)?;
            let values = scan.keys.iter().map(|(_, values)| ScalarValue::try_from_array(values, at));
            let values = values.collect::<Result<Vec<_>, _>>();
            let values = values
                .map_err(|error| Error::input("a folder name that is no value").file(path).source(error))?;
            let modified = about.modified().unwrap_or(std::time::UNIX_EPOCH);
            let location = StorePath::from_absolute_path(whole(path).map_err(failed)?).map_err(|error| {
                Error::input("a path that the engine cannot read").file(path).source(error)
            })?;
            let meta = ObjectMeta {
                location,
                last_modified: modified.into(),
                size: about.len(),
                e_tag: None,
                version: None,
            };
            Ok(PartitionedFile::new_from_meta(meta).with_partition_values(values))
        };
        let files = scan.files.iter().enumerate().map(file).collect::<Result<_>>()?;
        let keys = scan.keys.iter().map(|(field, _)| field.clone()).collect();
        Ok(ParquetTable::new(scan.schema, keys, files))
    }

    fn reading_ahead(self, ahead: usize) -> Self {
        ParquetTable { ahead, ..self }
    }

    /// The files in their order, in so many parts, or fewer.
    fn groups(&self, partitions: usize) -> Vec<FileGroup> {
        let each = self.files.len().div_ceil(partitions.max(1)).max(1);
        self.files.chunks(each).map(|files| FileGroup::new(files.to_vec())).collect()
    }
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        self.columns.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let source = Arc::new(ParquetSource::new(self.columns.clone()));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(self.groups(session.config().target_partitions()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        let read = DataSourceExec::from_data_source(config);
        Ok(if self.ahead == 0 { read } else { Arc::new(BufferExec::new(read, self.ahead)) })
    }
}
