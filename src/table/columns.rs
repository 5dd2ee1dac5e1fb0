//! The table itself.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use ndarray::{Array2, ArrayView2, Axis};

use rayon::prelude::*;

use super::Origin;
use super::column::json_text;
use super::column::text_column::missing_words_of;
use crate::error::{Error, Result, nearest_name};
use crate::memory::{Budget, too_large};

/// Embeddings with the columns of their rows.
///
/// A copy is cheap: copies share the vectors and the columns.
#[derive(Debug, Clone)]
pub struct Table {
    vectors: Arc<Array2<f32>>,
    columns: RecordBatch,
    vector_column: String,
    origin: Origin,
    /// Rows that were left out when the file was read, because they had no usable vector.
    left_out: usize,
    /// The parts of structs and of JSON objects by their names with a dot, once one was asked for.
    parts: OnceLock<Vec<(String, ArrayRef)>>,
}

/// Columns as they are used: dictionaries (factors of R, categories of pandas) as their values, and the class numbers of
/// a Hugging Face dataset as the names that its metadata give.
pub(super) fn plain(batch: RecordBatch, memory: Budget) -> Result<RecordBatch> {
    let schema = batch.schema();
    let features = schema
        .metadata()
        .get("huggingface")
        .and_then(|about| serde_json::from_str::<serde_json::Value>(about).ok())
        .map(|about| about["info"]["features"].clone())
        .unwrap_or_default();
    let is_dictionary = |field: &FieldRef| matches!(field.data_type(), DataType::Dictionary(..));
    if !schema.fields().iter().any(is_dictionary) && features.is_null() {
        return Ok(batch);
    }
    let failed = |error: arrow::error::ArrowError| Error::input("cannot read the columns").source(error);
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let names = features[field.name()]["names"].as_array().filter(|_| field.data_type().is_integer());
        let array: ArrayRef = match (field.data_type(), names) {
            (DataType::Dictionary(_, value), _) => {
                let bytes = unpacked_size(array).unwrap_or(0);
                if let Some(limit) = memory.limit().filter(|limit| bytes > *limit) {
                    return Err(too_large(array.len(), bytes, limit).column(field.name()));
                }
                // Arrow's plain text has no more than 2 GB.
                let large = bytes > i32::MAX as u64 && **value == DataType::Utf8;
                cast(array, if large { &DataType::LargeUtf8 } else { value }).map_err(failed)?
            }
            (_, Some(names)) => {
                let codes = cast(array, &DataType::Int64).map_err(failed)?;
                let name = |code: i64| usize::try_from(code).ok().and_then(|code| names.get(code)?.as_str());
                let codes = codes.as_primitive::<Int64Type>().iter();
                Arc::new(codes.map(|code| code.and_then(name)).collect::<StringArray>())
            }
            _ => array.clone(),
        };
        fields.push(field.as_ref().clone().with_data_type(array.data_type().clone()).with_nullable(true));
        arrays.push(array);
    }
    let mut metadata = schema.metadata().clone();
    metadata.remove("huggingface");
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new_with_metadata(fields, metadata)), arrays, &options)
        .map_err(failed)
}

/// The cells of a column as texts; `name` is for errors.
fn text_of(column: &ArrayRef, name: &str) -> Result<Vec<Option<String>>> {
    let failed = |error| Error::input("the column cannot be read as text").column(name).source(error);
    match column.data_type() {
        nested if nested.is_nested() => {
            return json_text::json_texts(column).map_err(|error| error.column(name));
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let bytes = cast(column, &DataType::LargeBinary).map_err(failed)?;
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok(bytes.as_binary::<i64>().iter().map(|bytes| bytes.map(hex)).collect());
        }
        float if float.is_floating() => {
            let numbers = cast(column, &DataType::Float64).map_err(failed)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            let is_whole = |number: f64| number.fract() == 0.0 && number.abs() < 9e15;
            if numbers.iter().flatten().all(is_whole) {
                return Ok(numbers
                    .iter()
                    .map(|number| number.map(|number| format!("{number:.0}")))
                    .collect());
            }
        }
        _ => {}
    }
    let text = cast(column, &DataType::LargeUtf8).map_err(failed)?;
    Ok(text.as_string::<i64>().iter().map(|value| value.map(str::to_owned)).collect())
}

/// The bytes of a dictionary column of texts when each row has its value.
fn unpacked_size(array: &ArrayRef) -> Option<u64> {
    let dictionary = array.as_any_dictionary_opt()?;
    let texts = cast(dictionary.values(), &DataType::LargeBinary).ok()?;
    let texts = texts.as_binary::<i64>();
    let keys = dictionary.normalized_keys();
    let valid = |row: &usize| dictionary.keys().is_valid(*row) && keys[*row] < texts.len();
    Some((0..keys.len()).filter(valid).map(|row| texts.value_length(keys[row]) as u64).sum())
}

/// The values of a column as classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The distinct values: numbers in their order, texts in alphabetical order.
    pub names: Vec<String>,
    /// For each row the position of its value in `names`; `None` where the cell is empty.
    pub codes: Vec<Option<u32>>,
}

impl Labels {
    /// The position of a value among the names: the same text, else the same number (`1` finds `1.0`).
    pub fn find(&self, value: &str) -> Option<u32> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let wanted = number(value);
        let exact = self.names.iter().position(|name| name == value);
        let found = exact.or_else(|| {
            wanted.and_then(|wanted| self.names.iter().position(|name| number(name) == Some(wanted)))
        });
        found.map(|position| position as u32)
    }
}

impl Table {
    /// Joins a matrix (n x d) with the columns of its n rows.
    ///
    /// # Errors
    /// When the numbers of rows differ.
    pub fn new(
        vectors: impl Into<Arc<Array2<f32>>>,
        columns: RecordBatch,
        vector_column: impl Into<String>,
    ) -> Result<Table> {
        let vectors = vectors.into();
        if columns.num_columns() > 0 && columns.num_rows() != vectors.nrows() {
            return Err(Error::input("columns and vectors have different numbers of rows")
                .with_code("row-count")
                .seen(format!("{} rows of columns, {} vectors", columns.num_rows(), vectors.nrows()))
                .advice("give the sidecar that belongs to these vectors"));
        }
        Ok(Table {
            vectors,
            columns,
            vector_column: vector_column.into(),
            origin: Origin::unknown(),
            left_out: 0,
            parts: OnceLock::new(),
        })
    }

    /// A table that is only a matrix.
    pub fn from_vectors(vectors: Array2<f32>) -> Table {
        let options = RecordBatchOptions::new().with_row_count(Some(vectors.nrows()));
        let columns = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
            .unwrap_or_else(|_| RecordBatch::new_empty(Arc::new(Schema::empty())));
        Table {
            vectors: vectors.into(),
            columns,
            vector_column: "embedding".into(),
            origin: Origin::unknown(),
            left_out: 0,
            parts: OnceLock::new(),
        }
    }

    /// A table of columns alone: its vectors have no dimension.
    pub fn from_columns(columns: RecordBatch) -> Table {
        Table {
            vectors: Array2::zeros((columns.num_rows(), 0)).into(),
            columns,
            vector_column: "embedding".into(),
            origin: Origin::unknown(),
            left_out: 0,
            parts: OnceLock::new(),
        }
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

    /// Gives the matrix away; it is copied if another table shares it.
    pub fn into_vectors(self) -> Array2<f32> {
        Arc::unwrap_or_clone(self.vectors)
    }

    /// The vectors, shared.
    pub fn shared_vectors(&self) -> Arc<Array2<f32>> {
        self.vectors.clone()
    }

    /// Where the rows come from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn plain(self, memory: Budget) -> Result<Table> {
        Ok(Table { columns: plain(self.columns.clone(), memory)?, ..self })
    }

    /// The same table, said to come from elsewhere.
    pub fn with_origin(mut self, origin: Origin) -> Table {
        self.origin = origin;
        self
    }

    /// How many rows of the file were left out because they had no usable vector
    /// ([`ReadOptions::drop_missing`](super::ReadOptions::drop_missing)).
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The text columns in which unquoted words for a missing value (`NA`, `None`; see
    /// [`ReadOptions::missing`](super::ReadOptions::missing)) were read as empty cells, and how many.
    pub fn missing_words(&self) -> Vec<(&str, usize)> {
        let fields = self.columns.schema_ref().fields().iter();
        let cells = fields.map(|field| (field.name().as_str(), missing_words_of(field)));
        cells.filter(|(_, cells)| *cells > 0).collect()
    }

    /// The rows whose vectors are finite.
    pub(super) fn with_usable_rows(self) -> Result<Table> {
        let vectors = self.vectors.view();
        let usable: Vec<usize> = (0..self.n_rows())
            .into_par_iter()
            .filter(|row| vectors.row(*row).iter().all(|number| number.is_finite()))
            .collect();
        self.with_rows(&usable)
    }

    /// These rows alone, the others said to be left out.
    pub(super) fn with_rows(self, usable: &[usize]) -> Result<Table> {
        if usable.is_empty() && self.n_rows() > 0 {
            return Err(Error::input("no row has a usable vector")
                .with_code("vector-missing")
                .seen(format!("{} rows", self.n_rows())));
        }
        let left_out = self.n_rows() - usable.len();
        Ok(Table { left_out, ..self.take(usable)? })
    }

    /// The same columns and origin with other vectors, one for each row.
    ///
    /// # Errors
    /// When the numbers of rows differ.
    pub fn with_vectors(
        &self,
        vectors: impl Into<Arc<Array2<f32>>>,
        vector_column: impl Into<String>,
    ) -> Result<Table> {
        let table =
            Table::new(vectors, self.columns.clone(), vector_column)?.with_origin(self.origin.clone());
        Ok(Table { left_out: self.left_out, ..table })
    }

    /// The table with more columns at the end; a column of the same name is replaced. Vectors are shared, not
    /// copied.
    ///
    /// # Errors
    /// When a column has another number of rows.
    ///
    /// ```
    /// use std::sync::{Arc, OnceLock};
    /// use arrow::array::Int64Array;
    /// use embedlab::table::Table;
    /// let table = Table::from_vectors(ndarray::array![[1.0], [2.0]]);
    /// let with = table.with_columns(vec![("cluster", Arc::new(Int64Array::from(vec![0, 1])) as _)])?;
    /// assert_eq!(with.column_names(), ["cluster"]);
    /// # Ok::<(), embedlab::Error>(())
    /// ```
    pub fn with_columns<N: Into<String>>(&self, more: Vec<(N, ArrayRef)>) -> Result<Table> {
        let field = |name: N, array: &ArrayRef| Field::new(name, array.data_type().clone(), true);
        self.with_fields(more.into_iter().map(|(name, array)| (field(name, &array), array)).collect())
    }

    /// As [`Table::with_columns`], for columns whose type and metadata are given.
    ///
    /// # Errors
    /// When a column has another number of rows, or is not of its field's type.
    pub fn with_fields(&self, more: Vec<(Field, ArrayRef)>) -> Result<Table> {
        let schema = self.columns.schema_ref();
        let new = |name: &str| more.iter().any(|(field, _)| field.name() == name);
        let kept = schema.fields().iter().zip(self.columns.columns()).filter(|(field, _)| !new(field.name()));
        let (mut fields, mut arrays): (Vec<FieldRef>, Vec<ArrayRef>) =
            kept.map(|(field, array)| (field.clone(), array.clone())).unzip();
        for (field, array) in more {
            if array.len() != self.n_rows() {
                return Err(Error::input("a column with a different number of rows")
                    .with_code("row-count")
                    .column(field.name())
                    .seen(format!("{} values for {} rows", array.len(), self.n_rows())));
            }
            fields.push(Arc::new(field));
            arrays.push(array);
        }
        self.with_batch(Schema::new_with_metadata(fields, schema.metadata().clone()), arrays)
    }

    /// The table without a column; as it is, if there is none of this name.
    ///
    /// # Errors
    /// None in practice.
    pub fn without_column(&self, name: &str) -> Result<Table> {
        let schema = self.columns.schema_ref();
        let kept =
            schema.fields().iter().zip(self.columns.columns()).filter(|(field, _)| field.name() != name);
        let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) =
            kept.map(|(field, array)| (field.clone(), array.clone())).unzip();
        self.with_batch(Schema::new_with_metadata(fields, schema.metadata().clone()), arrays)
    }

    /// The table with only the columns of these names, in its own order.
    ///
    /// # Errors
    /// None in practice.
    pub fn with_only(&self, names: &[String]) -> Result<Table> {
        let names: HashSet<&str> = names.iter().map(String::as_str).collect();
        let schema = self.columns.schema_ref();
        let kept = schema.fields().iter().zip(self.columns.columns());
        let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) = kept
            .filter(|(field, _)| names.contains(field.name().as_str()))
            .map(|(field, array)| (field.clone(), array.clone()))
            .unzip();
        self.with_batch(Schema::new_with_metadata(fields, schema.metadata().clone()), arrays)
    }

    pub(in crate::table) fn with_batch(&self, schema: Schema, arrays: Vec<ArrayRef>) -> Result<Table> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.n_rows()));
        let columns = RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)
            .map_err(|error| Error::input("the columns do not fit the rows").source(error))?;
        Ok(Table { columns, parts: OnceLock::new(), ..self.clone() })
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

    /// A column by its name. What is inside a struct, or inside the objects of a column of JSON, has a name with a
    /// dot: `metadata.stars`.
    ///
    /// # Errors
    /// When there is none; the message offers the nearest name.
    pub fn column(&self, name: &str) -> Result<&ArrayRef> {
        if let Some(column) = self.columns.column_by_name(name) {
            return Ok(column);
        }
        let part = name.contains('.').then(|| self.parts().iter().find(|(part, _)| part == name)).flatten();
        part.map(|(_, array)| array).ok_or_else(|| {
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

    fn parts(&self) -> &[(String, ArrayRef)] {
        self.parts.get_or_init(|| {
            let fields = self.columns.schema_ref().fields().iter().zip(self.columns.columns());
            fields.flat_map(|(field, array)| json_text::parts(field.name(), array)).collect()
        })
    }

    /// A column as text, whatever its type; `None` where the cell is empty. Lists and structs are JSON, bytes are
    /// hexadecimal digits, and numbers of a column in which all are whole have no point: `3`, not `3.0`.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn text(&self, name: &str) -> Result<Vec<Option<String>>> {
        text_of(self.column(name)?, name)
    }

    /// The first value of a column as [`Table::text`] gives it.
    pub(crate) fn first_text(&self, position: usize) -> Option<String> {
        let column = self.columns.column(position);
        let row = (0..column.len()).find(|row| column.is_valid(*row))?;
        // Whether all numbers are whole decides how one is written.
        let column = if column.data_type().is_floating() { column.clone() } else { column.slice(row, 1) };
        text_of(&column, "").ok()?.into_iter().flatten().next()
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
            let error =
                Error::input("no number").with_code("number-invalid").row(row).column(name).seen("text");
            return Err(self.origin.locate(error.advice("name a column of numbers")));
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

    /// The rows at these positions, in this order; each keeps its origin.
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
        if rows.len() == self.n_rows() && rows.iter().enumerate().all(|(at, row)| at == *row) {
            return Ok(self.clone());
        }
        let indices = UInt64Array::from_iter_values(rows.iter().map(|&row| row as u64));
        let columns = if self.columns.num_columns() == 0 {
            Table::from_vectors(Array2::zeros((rows.len(), 0))).columns
        } else {
            arrow::compute::take_record_batch(&self.columns, &indices)
                .map_err(|error| Error::input("cannot take rows").source(error))?
        };
        Ok(Table {
            vectors: self.vectors.select(Axis(0), rows).into(),
            columns,
            vector_column: self.vector_column.clone(),
            origin: self.origin.take(rows),
            left_out: self.left_out,
            parts: OnceLock::new(),
        })
    }
}
