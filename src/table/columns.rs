//! The table itself.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use ndarray::{Array2, ArrayView2, Axis};

use crate::error::{Error, Result, nearest_name};

/// Embeddings with the columns of their rows.
#[derive(Debug, Clone)]
pub struct Table {
    vectors: Array2<f32>,
    columns: RecordBatch,
    vector_column: String,
}

/// The values of a column as classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The distinct values: numbers in their order, texts in alphabetical order.
    pub names: Vec<String>,
    /// For each row the position of its value in `names`; `None` where the cell is empty.
    pub codes: Vec<Option<u32>>,
}

impl Table {
    /// Joins a matrix (n x d) with the columns of its n rows.
    ///
    /// # Errors
    /// When the numbers of rows differ.
    pub fn new(
        vectors: Array2<f32>,
        columns: RecordBatch,
        vector_column: impl Into<String>,
    ) -> Result<Table> {
        if columns.num_columns() > 0 && columns.num_rows() != vectors.nrows() {
            return Err(Error::input("columns and vectors have different numbers of rows")
                .with_code("row-count")
                .seen(format!("{} rows of columns, {} vectors", columns.num_rows(), vectors.nrows()))
                .advice("give the sidecar that belongs to these vectors"));
        }
        Ok(Table { vectors, columns, vector_column: vector_column.into() })
    }

    /// A table that is only a matrix.
    pub fn from_vectors(vectors: Array2<f32>) -> Table {
        let options = RecordBatchOptions::new().with_row_count(Some(vectors.nrows()));
        let columns = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
            .unwrap_or_else(|_| RecordBatch::new_empty(Arc::new(Schema::empty())));
        Table { vectors, columns, vector_column: "embedding".into() }
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.vectors.nrows()
    }

    /// The number of dimensions.
    pub fn dims(&self) -> usize {
        self.vectors.ncols()
    }

    /// The vectors, n x d, in the order of the file.
    pub fn vectors(&self) -> ArrayView2<'_, f32> {
        self.vectors.view()
    }

    /// Gives the matrix away.
    pub fn into_vectors(self) -> Array2<f32> {
        self.vectors
    }

    /// All columns but the vectors.
    pub fn columns(&self) -> &RecordBatch {
        &self.columns
    }

    /// The name of the vector column.
    pub fn vector_column(&self) -> &str {
        &self.vector_column
    }

    /// The names of the other columns.
    pub fn column_names(&self) -> Vec<&str> {
        self.columns.schema_ref().fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// A column by its name.
    ///
    /// # Errors
    /// When there is none; the message offers the nearest name.
    pub fn column(&self, name: &str) -> Result<&ArrayRef> {
        self.columns.column_by_name(name).ok_or_else(|| {
            let names = self.column_names();
            let error = Error::argument("no such column").with_code("column-not-found").column(name);
            match nearest_name(name, names.iter().copied()) {
                Some(near) => {
                    error.advice(format!("did you mean {near}? The columns are {}", names.join(", ")))
                }
                None if names.is_empty() => error.advice("this file holds vectors only"),
                None => error.advice(format!("the columns are {}", names.join(", "))),
            }
        })
    }

    /// A column as text, whatever its type; `None` where the cell is empty.
    ///
    /// # Errors
    /// When there is no such column, or its type (a list, a struct) has no text form.
    pub fn text(&self, name: &str) -> Result<Vec<Option<String>>> {
        let text = cast(self.column(name)?, &DataType::LargeUtf8)
            .map_err(|error| Error::input("the column cannot be read as text").column(name).source(error))?;
        Ok(text.as_string::<i64>().iter().map(|value| value.map(str::to_owned)).collect())
    }

    /// A column as numbers; `None` where the cell is empty.
    ///
    /// # Errors
    /// When there is no such column, or a cell holds no number (the message names its row).
    pub fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>> {
        let column = self.column(name)?;
        let numbers = cast(column, &DataType::Float64).map_err(|error| {
            Error::input("the column cannot be read as numbers").column(name).source(error)
        })?;
        if let Some(row) = (0..column.len()).find(|&row| column.is_valid(row) && numbers.is_null(row)) {
            return Err(Error::input("no number")
                .with_code("number-invalid")
                .row(row)
                .column(name)
                .seen("text")
                .advice("name a column of numbers"));
        }
        Ok(numbers.as_primitive::<Float64Type>().iter().collect())
    }

    /// A column as classes: one for each distinct value.
    ///
    /// # Errors
    /// As [`Table::text`].
    pub fn labels(&self, name: &str) -> Result<Labels> {
        let numeric = self.column(name)?.data_type().is_numeric();
        let values = self.text(name)?;
        let mut names: Vec<&str> = values.iter().flatten().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        if numeric {
            let value = |name: &str| name.parse::<f64>().unwrap_or(f64::NAN);
            names.sort_by(|a, b| value(a).total_cmp(&value(b)));
        }
        let code: HashMap<&str, u32> = names.iter().enumerate().map(|(i, name)| (*name, i as u32)).collect();
        let codes = values.iter().map(|value| value.as_deref().map(|value| code[value])).collect();
        Ok(Labels { names: names.iter().map(|name| (*name).to_owned()).collect(), codes })
    }

    /// The rows at these positions, in this order.
    ///
    /// # Errors
    /// When a position lies beyond the last row.
    pub fn take(&self, rows: &[usize]) -> Result<Table> {
        if let Some(row) = rows.iter().find(|&&row| row >= self.n_rows()) {
            return Err(Error::argument("a row beyond the last")
                .with_code("row-out-of-range")
                .row(*row)
                .seen(format!("{} rows", self.n_rows())));
        }
        let indices = UInt64Array::from_iter_values(rows.iter().map(|&row| row as u64));
        let columns = if self.columns.num_columns() == 0 {
            Table::from_vectors(Array2::zeros((rows.len(), 0))).columns
        } else {
            arrow::compute::take_record_batch(&self.columns, &indices)
                .map_err(|error| Error::input("cannot take rows").source(error))?
        };
        Ok(Table {
            vectors: self.vectors.select(Axis(0), rows),
            columns,
            vector_column: self.vector_column.clone(),
        })
    }
}
