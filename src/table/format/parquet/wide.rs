//! Writing tables of thousands of columns.
//!
//! A column that is being written takes some 20 kB, whatever is in it, and a writer of rows has all columns open at once.
//! Here a few are open at a time: their cells of the whole row group are written, then those of the next few.

use std::io::{Sink, Write, sink};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;

/// Columns that are open at once.
const OPEN: usize = 256;

/// A file that is written row group by row group, and each of them column by column.
pub(super) struct WideWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    schema: SchemaRef,
    properties: WriterPropertiesPtr,
    group_rows: usize,
    /// The rows of the next row group, so far.
    waiting: Vec<RecordBatch>,
}

impl<W: Write + Send> WideWriter<W> {
    /// Begins a file; a row group has about as many rows as the properties say.
    ///
    /// # Errors
    /// When the schema has no form in Parquet, or writing fails.
    pub(super) fn new(
        out: W,
        schema: SchemaRef,
        mut properties: WriterProperties,
    ) -> Result<Self, ParquetError> {
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let group_rows = properties.max_row_group_row_count().unwrap_or(usize::MAX);
        let properties = Arc::new(properties);
        let all = ArrowSchemaConverter::new().convert(&schema)?;
        let file = SerializedFileWriter::new(out, all.root_schema_ptr(), properties.clone())?;
        Ok(WideWriter { file, schema, properties, group_rows, waiting: Vec::new() })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When writing fails.
    pub(super) fn write(&mut self, batch: RecordBatch) -> Result<(), ParquetError> {
        self.waiting.push(batch);
        let rows: usize = self.waiting.iter().map(RecordBatch::num_rows).sum();
        if rows >= self.group_rows { self.write_group() } else { Ok(()) }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When writing fails.
    pub(super) fn close(mut self) -> Result<(), ParquetError> {
        if self.waiting.iter().any(|batch| batch.num_rows() > 0) {
            self.write_group()?;
        }
        self.file.close().map(drop)
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let batches = std::mem::take(&mut self.waiting);
        let mut group = self.file.next_row_group()?;
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        for few in all.chunks(OPEN) {
            let schema = Arc::new(self.schema.project(few)?);
            let mut writers = writers(&schema, &self.properties)?;
            for batch in &batches {
                let columns = few.iter().map(|column| batch.column(*column));
                let mut writers = writers.iter_mut();
                for (field, column) in schema.fields().iter().zip(columns) {
                    for leaf in compute_leaves(field, column)? {
                        if let Some(writer) = writers.next() {
                            writer.write(&leaf)?;
                        }
                    }
                }
            }
            for writer in writers {
                writer.close()?.append_to_row_group(&mut group)?;
            }
        }
        group.close().map(drop)
    }
}

/// Writers of the columns of a schema, each into memory.
fn writers(
    schema: &SchemaRef,
    properties: &WriterPropertiesPtr,
) -> Result<Vec<parquet::arrow::arrow_writer::ArrowColumnWriter>, ParquetError> {
    let few = ArrowSchemaConverter::new().convert(schema)?;
    // The maker of writers takes the schema from a file; nothing is written to this one.
    let file: SerializedFileWriter<Sink> =
        SerializedFileWriter::new(sink(), few.root_schema_ptr(), properties.clone())?;
    ArrowRowGroupWriterFactory::new(&file, schema.clone()).create_column_writers(0)
}
