//! The data that an analysis works on: rows of embeddings in memory or in a file, the columns of the rows, and
//! which column plays which role.
//!
//! A [`Data`] is a [`RowSource`], so that every computation that passes over rows takes it as it is, whether
//! the rows are in memory or are read from a file block by block. What needs all rows at once asks for
//! [`Data::matrix`], which keeps to a memory budget.
//!
//! ```
//! use embedlab::data::{Data, OpenOptions, Role, Selection};
//! use embedlab::rows::{RowSource, norms};
//!
//! let options = OpenOptions {
//!     selection: Selection { filter: Some("Score <= 2".into()), ..Default::default() },
//!     ..Default::default()
//! };
//! let bad = Data::open("examples/data/food_reviews.parquet".as_ref(), &options)?;
//! assert_eq!((bad.n_rows(), bad.dims(), bad.column_of(Role::Text)), (84, 384, Some("combined")));
//! assert!(bad.row_of_file(83) > 83); // the row of the file; rows count from 0
//! assert!(norms(&bad)?.iter().all(|norm| (norm - 1.0).abs() < 1e-5));
//! # Ok::<(), embedlab::Error>(())
//! ```

mod open;
mod repeats;
mod roles;
mod select;
mod space;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::Field;
use ndarray::{Array2, ArrayView2, Axis};

pub use crate::memory::Budget;
pub use open::OpenOptions;
pub use roles::{Role, Roles};
pub use select::{DropBy, Selection};
pub use space::{model_of, require_same_space};

use crate::error::{Error, Result};
use crate::rows::{Chunks, Engine, LEAF_ROWS, RowSource, select_rows};
use crate::table::{self, Labels, Table, WriteOptions, Written};

/// Rows of embeddings with their columns and roles.
pub struct Data {
    /// The columns; the vectors too, unless they are streamed.
    table: Table,
    streamed: Option<Box<dyn RowSource>>,
    loaded: OnceLock<Array2<f32>>,
    name: String,
    roles: Roles,
    memory: Budget,
    written: Option<Vec<String>>,
    drops_missing: bool,
    /// Whether each row is selected, where those that are not are here too.
    selected: Option<Vec<bool>>,
    /// The rows of which these were drawn because all did not fit.
    drawn: Option<DrawnRows>,
    notes: Vec<String>,
    /// The machines that pass over the rows.
    engine: Option<Arc<dyn Engine>>,
}

/// A random sample of rows, because all did not fit in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct DrawnRows {
    /// How many rows were drawn.
    pub rows: usize,
    /// Of how many.
    pub of: usize,
}

impl DrawnRows {
    /// What is said of it.
    pub fn sentence(self) -> String {
        format!(
            "All rows do not fit in memory: this is of a random sample of {} of {} rows.",
            crate::number::grouped(self.rows as u64),
            crate::number::grouped(self.of as u64)
        )
    }
}

/// A column that a result adds to the rows.
#[derive(Debug, Clone)]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// Its values, one for each row.
    pub values: ArrayRef,
    /// What formats with metadata keep beside it.
    about: HashMap<String, String>,
}

impl NewColumn {
    /// A column.
    pub fn new(name: impl Into<String>, values: ArrayRef) -> Self {
        NewColumn { name: name.into(), values, about: HashMap::new() }
    }

    fn into_field(self) -> (Field, ArrayRef) {
        let field = Field::new(self.name, self.values.data_type().clone(), true);
        (field.with_metadata(self.about), self.values)
    }
}

impl From<(Field, ArrayRef)> for NewColumn {
    /// A column of this name, with the metadata of the field.
    fn from((field, values): (Field, ArrayRef)) -> Self {
        NewColumn { name: field.name().clone(), values, about: field.metadata().clone() }
    }
}

impl From<Table> for Data {
    fn from(table: Table) -> Data {
        Data::new(table, Roles::default())
    }
}

impl Data {
    /// A table in memory; roles that are not named are found by the usual names.
    pub fn new(table: Table, roles: Roles) -> Data {
        Data {
            table,
            streamed: None,
            loaded: OnceLock::new(),
            name: "table".to_owned(),
            roles,
            memory: Budget::default(),
            written: None,
            drops_missing: false,
            selected: None,
            drawn: None,
            notes: Vec::new(),
            engine: None,
        }
        .with_found_roles()
    }

    /// What to call the data in a title: the name of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was left out or chosen on opening, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The columns, with the vectors where those are in memory; else vectors without dimensions.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The table; when rows are streamed, its vectors have no dimensions.
    pub fn into_table(self) -> Table {
        self.table
    }

    /// Whether the rows are read from their file at each pass.
    pub fn is_streamed(&self) -> bool {
        self.streamed.is_some()
    }

    /// Whether rows without a vector were left out, and rows without a label are to be.
    pub fn drops_missing(&self) -> bool {
        self.drops_missing
    }

    /// How many rows were drawn at random, and of how many, because all did not fit in memory ([`OpenOptions::fit`]).
    pub fn drawn(&self) -> Option<DrawnRows> {
        self.drawn
    }

    /// The memory that this data may take.
    pub fn memory(&self) -> Budget {
        self.memory
    }

    /// Whether each row is one of the selected rows; `None` when all are ([`OpenOptions::all_rows`]).
    pub fn selected(&self) -> Option<&[bool]> {
        self.selected.as_deref()
    }

    /// The row of the file that a row is; both count from 0. Several files count as one, the rows of the second after
    /// those of the first.
    pub fn row_of_file(&self, row: usize) -> usize {
        self.table.origin().overall(row)
    }

    /// The file of a row and its row there, where the rows come from several files.
    pub fn place(&self, row: usize) -> Option<(&Path, usize)> {
        let origin = self.table.origin();
        let (file, row) = origin.row(row);
        file.filter(|_| origin.files().len() > 1).map(|file| (file, row))
    }

    /// The row here of a row that is numbered as [`row_of_file`](Data::row_of_file) does.
    ///
    /// # Errors
    /// When there is none, or it was left out.
    pub fn row_here(&self, row: usize) -> Result<usize> {
        let n = self.n_rows();
        match self.table.origin().position(row) {
            Some(here) if here < n => Ok(here),
            found => {
                let seen = match found {
                    Some(_) => format!("row {row} of {n} rows, counted from 0"),
                    None => format!("row {row}, which is not among the {n} rows that are used"),
                };
                Err(Error::argument("a row out of range").with_code("row-out-of-range").seen(seen).advice(
                    match n {
                        0 => "there are no rows".to_owned(),
                        n => format!("give a row from 0 to {}", self.row_of_file(n - 1)),
                    },
                ))
            }
        }
    }

    /// These rows alone, in this order, in memory.
    ///
    /// # Errors
    /// When there is no such row, or the vectors cannot be read.
    pub fn take(&self, rows: &[usize]) -> Result<Data> {
        let table = self.table.take(rows)?;
        let table = match &self.streamed {
            None => table,
            Some(_) => table.with_vectors(select_rows(self, rows)?, self.table.vector_column())?,
        };
        Ok(Data {
            table,
            streamed: None,
            loaded: OnceLock::new(),
            name: self.name.clone(),
            roles: self.roles.clone(),
            memory: self.memory,
            written: self.written.clone(),
            drops_missing: self.drops_missing,
            selected: None,
            drawn: None,
            notes: Vec::new(),
            engine: None,
        })
    }

    /// The same rows, passed over by other machines where a computation can be sent there; the columns stay here.
    #[must_use]
    pub fn with_engine(self, engine: Arc<dyn Engine>) -> Data {
        Data { engine: Some(engine), ..self }
    }

    /// An error about a row of this data names the file and its row.
    pub fn locate(&self, error: Error) -> Error {
        self.table.origin().locate(error)
    }

    /// The column that plays a role.
    pub fn column_of(&self, role: Role) -> Option<&str> {
        self.roles.of(role)
    }

    /// Whether the user named the column of a role.
    pub fn is_named(&self, role: Role) -> bool {
        self.roles.is_named(role)
    }

    /// The column that plays a role.
    ///
    /// # Errors
    /// When none was named and none was found.
    pub fn require(&self, role: Role) -> Result<&str> {
        self.column_of(role).ok_or_else(|| {
            let names = self.table.column_names();
            let advice = if names.is_empty() {
                "the file has no columns but its vectors; add them with --sidecar".to_owned()
            } else {
                format!("name it with --{}; the columns are {}", role.flag(), crate::text::names(&names))
            };
            Error::argument(format!("no {} column", role.name())).with_code("no-column").advice(advice)
        })
    }

    /// The texts, when there is a text column; `None` where a cell is empty.
    ///
    /// # Errors
    /// When the column has no text form.
    pub fn texts(&self) -> Result<Option<Vec<Option<String>>>> {
        self.column_of(Role::Text).map(|name| self.table.text(name)).transpose()
    }

    /// The texts of some rows, when there is a text column; `None` where a cell is empty.
    ///
    /// # Errors
    /// When there is no such row, or the column has no text form.
    pub fn texts_of(&self, rows: &[usize]) -> Result<Vec<Option<String>>> {
        match self.column_of(Role::Text) {
            None => Ok(vec![None; rows.len()]),
            Some(name) => self.table.take(rows)?.text(name),
        }
    }

    /// The values of the label column as classes.
    ///
    /// # Errors
    /// When there is no label column.
    pub fn labels(&self) -> Result<Labels> {
        self.table.labels(self.require(Role::Label)?)
    }

    /// All rows at once, n x d: as they are in memory or mapped, else read now.
    ///
    /// # Errors
    /// When they do not fit in the memory budget, or reading fails.
    pub fn matrix(&self) -> Result<ArrayView2<'_, f32>> {
        let Some(source) = &self.streamed else { return Ok(self.table.vectors()) };
        if let Some(matrix) = source.as_matrix() {
            return Ok(matrix);
        }
        if self.loaded.get().is_none() {
            let (rows, dims) = (source.n_rows(), source.dims());
            self.memory.require((rows as u64).saturating_mul(dims as u64).saturating_mul(4), rows, dims)?;
            let mut all = Array2::zeros((rows, dims));
            let mut first = 0;
            for chunk in source.chunks(LEAF_ROWS)? {
                let chunk = chunk?;
                let next = first + chunk.nrows();
                if next > rows {
                    return Err(Error::input("the file has changed while it was read").file(&self.name));
                }
                all.slice_axis_mut(Axis(0), (first..next).into()).assign(&chunk);
                first = next;
            }
            // Another thread may have been first; both have read the same.
            let _ = self.loaded.set(all);
        }
        Ok(self.loaded.get().map_or_else(|| self.table.vectors(), Array2::view))
    }

    /// The table with all vectors and these columns in addition, which replace those of the same names.
    ///
    /// # Errors
    /// As [`Data::matrix`], and when a column is of another length.
    pub fn with_columns(&self, more: Vec<NewColumn>) -> Result<Table> {
        let more = more.into_iter().map(NewColumn::into_field).collect();
        match &self.streamed {
            None => self.table.with_fields(more),
            Some(_) => {
                let name = self.table.vector_column();
                let columns = self.table.columns().clone();
                let all = Table::new(self.matrix()?.to_owned(), columns, name)?;
                all.with_origin(self.table.origin().clone()).with_fields(more)
            }
        }
    }

    /// Writes the rows with these columns in addition, which replace those of the same names; vectors that are not in
    /// memory are read once more.
    ///
    /// # Errors
    /// As [`table::write_streamed`], and when a column is of another length.
    pub fn write(&self, more: Vec<NewColumn>, path: &Path, options: &WriteOptions) -> Result<Written> {
        let table = self.written_columns(more)?;
        match &self.streamed {
            None => table::write(&table, path, options),
            Some(_) => {
                self.require_for(path, options, self.dims())?;
                let options = WriteOptions { memory: self.memory, ..options.clone() };
                table::write_streamed(&table, self, path, &options)
            }
        }
    }

    /// Writes the columns with other vectors of the same rows in place of their own, block by block.
    ///
    /// # Errors
    /// As [`Data::write`].
    pub fn write_with(
        &self,
        vectors: &dyn RowSource,
        path: &Path,
        options: &WriteOptions,
    ) -> Result<Written> {
        let table = self.written_columns(Vec::new())?;
        self.require_for(path, options, vectors.dims())?;
        let name = table.vector_column().to_owned();
        let columns = table.with_vectors(Array2::zeros((self.n_rows(), 0)), name)?;
        let options = WriteOptions { memory: self.memory, ..options.clone() };
        table::write_streamed(&columns, vectors, path, &options)
    }

    /// The columns that are written, with these in addition.
    pub(crate) fn written_columns(&self, more: Vec<NewColumn>) -> Result<Table> {
        let more = more.into_iter().map(NewColumn::into_field).collect();
        let mut table = self.table.clone();
        if let Some(kept) = &self.written {
            table = table.with_only(kept)?;
        }
        table.with_fields(more)
    }

    /// Checks that a format that is not written in blocks fits in memory.
    fn require_for(&self, path: &Path, options: &WriteOptions, dims: usize) -> Result<()> {
        if table::writes_in_blocks(path, options) {
            return Ok(());
        }
        let rows = self.n_rows();
        self.memory.require((rows as u64).saturating_mul(8 * dims as u64), rows, dims).map_err(|error| {
            error
                .file(path)
                .advice("write Parquet, .arrow, .npy, .csv or .jsonl, which are written in blocks")
        })
    }

    fn with_found_roles(mut self) -> Data {
        self.roles = self.roles.found_in(&self.table);
        self
    }
}

impl RowSource for Data {
    fn n_rows(&self) -> usize {
        self.streamed.as_ref().map_or_else(|| self.table.n_rows(), |source| source.n_rows())
    }

    fn dims(&self) -> usize {
        self.streamed.as_ref().map_or_else(|| self.table.dims(), |source| source.dims())
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        match &self.streamed {
            None => Some(self.table.vectors()),
            Some(source) => source.as_matrix().or_else(|| self.loaded.get().map(Array2::view)),
        }
    }

    fn engine(&self) -> Option<&dyn Engine> {
        self.engine.as_deref()
    }

    fn chunks_from(&self, first: usize, rows: usize) -> Result<Chunks<'_>> {
        let rows = self.memory.block_rows(rows, self.dims());
        match (&self.streamed, self.loaded.get()) {
            (Some(source), None) => source.chunks_from(first, rows),
            _ => {
                let matrix = self.matrix()?;
                let n = matrix.nrows();
                Ok(Box::new((first..n).step_by(rows.max(1)).map(move |at| {
                    let end = (at + rows.max(1)).min(n);
                    Ok(matrix.slice_axis(Axis(0), (at..end).into()).to_owned())
                })))
            }
        }
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        if let Some(loaded) = self.loaded.get() {
            return loaded.chunks(rows);
        }
        let rows = self.memory.block_rows(rows, self.dims());
        match &self.streamed {
            Some(source) => source.chunks(rows),
            None => {
                let chunks = (0..self.table.n_rows()).step_by(rows.max(1)).map(move |first| {
                    let end = (first + rows.max(1)).min(self.table.n_rows());
                    Ok(self.table.vectors().slice_axis(Axis(0), (first..end).into()).to_owned())
                });
                Ok(Box::new(chunks))
            }
        }
    }
}
