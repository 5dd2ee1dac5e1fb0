//! The rows of JSON objects: vectors beside columns.

use std::borrow::Cow;

use ndarray::Array2;

use crate::error::{Error, Result, excerpt};
use crate::table::Table;
use crate::table::column::cell::{CellError, Numbers, another_length, parse_vector_of};
use crate::table::column::text_column::{TextColumn, batch};
use crate::table::column::vector_column::{self, Holds, Place};
use crate::table::format::chunks::{Fault, Part};
use crate::table::format::json::scan::{NoJson, members, string};

/// Reads the rows of one kind of JSON value.
pub(in crate::table) trait ReadRows: Sync {
    /// Adds the row, or the rows, of one value.
    fn add(&self, value: &[u8], rows: &mut JsonRows) -> Result<()>;

    /// Adds the rows of a chunk of lines with a value each; blank lines are passed over.
    fn add_lines(&self, chunk: &[u8]) -> Result<JsonRows, Fault> {
        let mut rows = JsonRows::default();
        let mut offset = 0;
        while offset < chunk.len() {
            let end = memchr::memchr(b'\n', &chunk[offset..]).map_or(chunk.len(), |length| offset + length);
            let line = chunk[offset..end].trim_ascii();
            if !line.is_empty() {
                self.add(line, &mut rows).map_err(|error| Fault { rows: rows.rows, offset, error })?;
            }
            offset = end + 1;
        }
        Ok(rows)
    }
}

/// One object is one row: each key is a column.
pub(in crate::table) struct Columns;

impl ReadRows for Columns {
    fn add(&self, object: &[u8], rows: &mut JsonRows) -> Result<()> {
        for (position, member) in members(object).enumerate() {
            let (key, value) = member?;
            rows.add_cell(position, &key, value)?;
        }
        rows.end_row();
        Ok(())
    }
}

/// One object is one row: one key is the vector, and each other key a column.
pub(in crate::table) struct Objects {
    key: String,
    dims: usize,
    numbers: Numbers,
}

impl Objects {
    /// Finds the vector among the keys of the first object.
    pub(in crate::table) fn find(first: &[u8], wanted: Option<&str>, numbers: Numbers) -> Result<Self> {
        let members = members(first).collect::<Result<Vec<_>, NoJson>>()?;
        let keys: Vec<(&str, Holds)> = members
            .iter()
            .map(|(key, value)| {
                let holds = Holds::of_first_cell(cell(value), wanted == Some(key.as_ref()));
                // Numbers under numbered keys are columns: a JSON vector is an array.
                (key.as_ref(), if holds == Holds::Vectors { holds } else { Holds::Other })
            })
            .collect();
        let found = vector_column::find(&keys, wanted)?;
        let Place::Column(position) = found.place else {
            return Err(Error::input("no key holds vectors"));
        };
        // A cell with a fault gives 0 here, and its error when its row is read.
        let mut vector = Vec::new();
        let _ = parse_vector_of(cell(members[position].1), numbers, &mut vector);
        Ok(Objects { key: found.name, dims: vector.len(), numbers })
    }

    pub(in crate::table) fn table(&self, rows: JsonRows) -> Result<Table> {
        rows.into_table(&self.key, self.dims)
    }

    fn add_vector(&self, value: &[u8], rows: &mut JsonRows) -> Result<()> {
        let start = rows.numbers.len();
        if value == b"null" {
            return Err(CellError::Empty.into());
        }
        parse_vector_of(cell(value), self.numbers, &mut rows.numbers)?;
        rows.check_length(start, self.dims)
    }
}

impl ReadRows for Objects {
    fn add(&self, object: &[u8], rows: &mut JsonRows) -> Result<()> {
        let mut found = false;
        for (position, member) in members(object).enumerate() {
            let (key, value) = member?;
            if key != self.key {
                rows.add_cell(position, &key, value)?;
            } else if std::mem::replace(&mut found, true) {
                return Err(twice(&key));
            } else {
                self.add_vector(value, rows).map_err(|error| error.column(key))?;
            }
        }
        if !found {
            return Err(Error::from(CellError::Empty).column(&self.key));
        }
        rows.end_row();
        Ok(())
    }
}

/// The vector in a value: an array, or a string in which one is written.
fn cell(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inside @ .., b'"'] => inside,
        _ => value,
    }
}

/// The rows of one or more values.
#[derive(Default)]
pub(in crate::table) struct JsonRows {
    pub(in crate::table) rows: usize,
    /// The vectors, one after the other.
    pub(in crate::table) numbers: Vec<f32>,
    /// The other keys, in the order in which they came up, with their values so far.
    columns: Vec<(String, TextColumn)>,
}

impl JsonRows {
    /// Adds a value to the column of its key; `likely` is where that column probably is.
    pub(in crate::table) fn add_cell(&mut self, likely: usize, key: &str, value: &[u8]) -> Result<()> {
        let rows = self.rows;
        let column = self.column(likely, key);
        if column.len() > rows {
            return Err(twice(key));
        }
        column.fill(rows);
        push(column, value).map_err(|error| error.column(key))
    }

    fn column(&mut self, likely: usize, key: &str) -> &mut TextColumn {
        let near = [likely, likely.wrapping_sub(1)];
        let is_here = |&position: &usize| self.columns.get(position).is_some_and(|(name, _)| name == key);
        let position = near
            .into_iter()
            .find(is_here)
            .or_else(|| self.columns.iter().position(|(name, _)| name == key))
            .unwrap_or_else(|| {
                self.columns.push((key.to_owned(), TextColumn::new(self.rows)));
                self.columns.len() - 1
            });
        &mut self.columns[position].1
    }

    pub(in crate::table) fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Checks the vector that starts at `start` in the numbers.
    pub(in crate::table) fn check_length(&self, start: usize, dims: usize) -> Result<()> {
        let length = self.numbers.len() - start;
        if length == dims { Ok(()) } else { Err(another_length(length, dims)) }
    }

    pub(in crate::table) fn into_columns(mut self) -> Result<arrow::record_batch::RecordBatch> {
        for (_, column) in &mut self.columns {
            column.fill(self.rows);
        }
        let (names, columns): (Vec<String>, Vec<TextColumn>) = self.columns.into_iter().unzip();
        batch(names.iter().map(String::as_str), columns, self.rows)
    }

    pub(in crate::table) fn into_table(mut self, name: &str, dims: usize) -> Result<Table> {
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.shrink_to_fit();
        let vectors = Array2::from_shape_vec((self.rows, dims), numbers)
            .map_err(|error| Error::input("the vectors do not form a matrix").source(error))?;
        Table::new(vectors, self.into_columns()?, name)
    }
}

impl Part for JsonRows {
    fn rows(&self) -> usize {
        self.rows
    }

    fn append(&mut self, mut next: JsonRows) -> Result<()> {
        self.numbers.append(&mut next.numbers);
        for (position, (key, column)) in next.columns.into_iter().enumerate() {
            let rows = self.rows;
            let own = self.column(position, &key);
            own.fill(rows);
            own.append(column);
        }
        self.rows += next.rows;
        Ok(())
    }
}

/// Adds a value: `null` and Python's `NaN` as an empty cell, an array or object as its JSON text.
fn push(column: &mut TextColumn, value: &[u8]) -> Result<()> {
    match value {
        b"null" | b"NaN" => column.push_null(),
        b"true" => column.push("true"),
        b"false" => column.push("false"),
        [b'"', ..] => column.push_text(&string(value)?),
        [b'[' | b'{', ..] => column.push_text(&text(value)?),
        _ if fast_float2::parse::<f64, _>(value).is_ok() => column.push(&text(value)?),
        _ => {
            return Err(Error::input("invalid JSON")
                .with_code("json-invalid")
                .seen(excerpt(&String::from_utf8_lossy(value))));
        }
    }
    Ok(())
}

fn text(value: &[u8]) -> Result<Cow<'_, str>> {
    simdutf8::basic::from_utf8(value).map(Cow::Borrowed).map_err(|_| {
        Error::input("no UTF-8 text")
            .with_code("text-encoding")
            .seen(excerpt(&String::from_utf8_lossy(value)))
            .advice("save the file as UTF-8")
    })
}

fn twice(key: &str) -> Error {
    Error::input("duplicate key").with_code("column-twice").column(key).advice("keep one of them")
}
