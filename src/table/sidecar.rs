//! Columns from a second file, for formats that hold only a matrix.

use std::sync::Arc;

use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use ndarray::Array2;

use crate::error::{Error, Result};
use crate::table::column::arrow_vectors::concatenated;
use crate::table::{ReadOptions, Table, read_columns};

/// Joins vectors with the sidecar that the options name, if any, and with columns of their own.
///
/// # Errors
/// When the sidecar cannot be read or has another number of rows.
pub(super) fn join(
    vectors: Array2<f32>,
    vector_column: &str,
    own: Option<RecordBatch>,
    options: &ReadOptions,
) -> Result<Table> {
    let Some(sidecar) = &options.sidecar else {
        let columns = match own {
            Some(columns) => columns,
            None => concatenated(&Schema::empty(), &[], vectors.nrows())?,
        };
        return Table::new(vectors, columns, vector_column);
    };
    let its_options = ReadOptions { format: None, sidecar: None, vector: None, ..options.clone() };
    let columns = read_columns(sidecar, &its_options)?;
    if columns.num_rows() != vectors.nrows() {
        return Err(Error::input("the sidecar belongs to other vectors")
            .with_code("row-count")
            .file(sidecar)
            .seen(format!("{} rows for {} vectors", columns.num_rows(), vectors.nrows()))
            .advice("give the file that was saved with these vectors"));
    }
    let columns = match own {
        None => columns,
        Some(own) => beside(own, &columns)?,
    };
    let mut name = vector_column.to_owned();
    while columns.column_by_name(&name).is_some() {
        name.push('_');
    }
    Table::new(vectors, columns, name)
}

/// The columns of both, those of the file itself first; a sidecar's column of the same name yields.
fn beside(own: RecordBatch, sidecar: &RecordBatch) -> Result<RecordBatch> {
    let mut fields = own.schema().fields().to_vec();
    let mut arrays = own.columns().to_vec();
    for (field, array) in sidecar.schema_ref().fields().iter().zip(sidecar.columns()) {
        if own.column_by_name(field.name()).is_none() {
            fields.push(field.clone());
            arrays.push(array.clone());
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| Error::input("cannot join the sidecar's columns").source(error))
}
