//! The rows of JSON objects: vectors beside columns.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::error::{Error, Result, excerpt};
use crate::table::Table;
use crate::table::column::cell::{Numbers, another_length, parse_vector_of};
use crate::table::column::cell_error::CellError;
use crate::table::column::text_column::{TextColumn, batch};
use crate::table::column::vector_column::{self, Holds, VectorColumn};
use crate::table::format::chunks::{Fault, Part};
use crate::table::format::json::scan::{NoJson, members, string};
use crate::table::keep::Keep;

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
    /// The key of the object that the vector is in, if it is not at the top.
    parent: Option<String>,
    key: String,
    dims: usize,
    numbers: Numbers,
}

impl Objects {
    /// Finds the vector among the keys of the first objects, or of the objects in them.
    pub(in crate::table) fn find(sample: &[&[u8]], wanted: Option<&str>, numbers: Numbers) -> Result<Self> {
        let top = Keys::of(sample.iter().copied(), "")?;
        let error = match top.find(wanted) {
            Ok(found) => return Ok(Objects { parent: None, key: found.name, dims: found.dims, numbers }),
            Err(error) => error,
        };
        for (parent, values) in &top.cells {
            let objects = values.iter().copied().filter(|value| value.starts_with(b"{"));
            // What is not an object holds no vector either.
            let Ok(keys) = Keys::of(objects, &format!("{parent}.")) else { continue };
            let wanted = wanted.filter(|wanted| keys.cells.iter().any(|(key, _)| key == wanted));
            let Ok(found) = keys.find(wanted) else { continue };
            let key = found.name[parent.len() + 1..].to_owned();
            return Ok(Objects { parent: Some(parent.clone()), key, dims: found.dims, numbers });
        }
        Err(error)
    }

    pub(in crate::table) fn table(&self, rows: JsonRows, keep: &mut Keep) -> Result<Table> {
        // `embedding.values`, as Vertex and BigQuery keep a vector, is the embedding.
        let name = match (&self.parent, self.key.as_str()) {
            (Some(parent), "values" | "value") => parent,
            _ => &self.key,
        };
        rows.into_table(name, self.dims, keep)
    }

    fn add_vector(&self, value: &[u8], rows: &mut JsonRows) -> Result<()> {
        let start = rows.numbers.len();
        let read = parse_vector_of(cell(value), self.numbers, &mut rows.numbers)
            .map_err(Error::from)
            .and_then(|()| rows.check_length(start, self.dims));
        rows.settle(read, start, self.dims, self.numbers)
    }

    /// Adds what an object holds, and says whether the vector was in it.
    fn add_members(&self, object: &[u8], prefix: &str, rows: &mut JsonRows) -> Result<bool> {
        let at_vector = prefix.is_empty() == self.parent.is_none();
        let mut found = false;
        for (position, member) in members(object).enumerate() {
            let (key, value) = member?;
            if at_vector && key == self.key {
                if std::mem::replace(&mut found, true) {
                    return Err(twice(&key));
                }
                self.add_vector(value, rows).map_err(|error| error.column(key))?;
            } else if prefix.is_empty() && self.parent.as_deref() == Some(&*key) && value.starts_with(b"{") {
                found = self.add_members(value, &format!("{key}."), rows)?;
            } else if prefix.is_empty() {
                rows.add_cell(position, &key, value)?;
            } else {
                rows.add_cell(position, &format!("{prefix}{key}"), value)?;
            }
        }
        Ok(found)
    }
}

/// The keys of some objects in the order in which they came up, each with its values.
struct Keys<'a> {
    cells: Vec<(String, Vec<&'a [u8]>)>,
}

impl<'a> Keys<'a> {
    fn of(objects: impl Iterator<Item = &'a [u8]>, prefix: &str) -> Result<Keys<'a>, NoJson> {
        let mut cells: Vec<(String, Vec<&'a [u8]>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for object in objects {
            for member in members(object) {
                let (key, value) = member?;
                let key = format!("{prefix}{key}");
                let place = *places.entry(key.clone()).or_insert_with(|| {
                    cells.push((key, Vec::new()));
                    cells.len() - 1
                });
                cells[place].1.push(value);
            }
        }
        Ok(Keys { cells })
    }

    fn find(&self, wanted: Option<&str>) -> Result<VectorColumn> {
        let keys: Vec<(&str, Holds)> = self
            .cells
            .iter()
            .map(|(key, values)| {
                let name = key.strip_suffix(".values").unwrap_or(key);
                let cells = values.iter().copied().filter(|value| *value != b"null").map(cell);
                let holds = Holds::of_cells(name, cells, wanted == Some(key));
                // Numbers under numbered keys are columns: a JSON vector is an array.
                (key.as_str(), if matches!(holds, Holds::Vectors(_)) { holds } else { Holds::Other })
            })
            .collect();
        vector_column::find(&keys, wanted)
    }
}

impl ReadRows for Objects {
    fn add(&self, object: &[u8], rows: &mut JsonRows) -> Result<()> {
        let start = rows.numbers.len();
        if !self.add_members(object, "", rows)? {
            let missing = Err(Error::from(CellError::Empty).column(&self.key));
            rows.settle(missing, start, self.dims, self.numbers)?;
        }
        rows.end_row();
        Ok(())
    }
}

/// The vector in a value: an array, or a string in which one is written; nothing in `null`.
fn cell(value: &[u8]) -> &[u8] {
    match value {
        b"null" => b"",
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
    /// Where the column of each key is.
    places: HashMap<String, usize>,
    /// How many values they have.
    filled: usize,
}

/// A table of keys by rows may have as many cells (a few dozen MB of empty ones) however few hold a value.
const MOST_CELLS: usize = 1 << 22;
/// Beyond that one of this many cells has a value.
const LEAST_FILLED: usize = 16;

impl JsonRows {
    /// Adds a value to the column of its key; `likely` is where that column probably is.
    pub(in crate::table) fn add_cell(&mut self, likely: usize, key: &str, value: &[u8]) -> Result<()> {
        let rows = self.rows;
        self.filled += 1;
        if self.filled.is_multiple_of(256) {
            self.refuse_scattered_keys()?;
        }
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
        let position =
            near.into_iter().find(is_here).or_else(|| self.places.get(key).copied()).unwrap_or_else(|| {
                self.places.insert(key.to_owned(), self.columns.len());
                self.columns.push((key.to_owned(), TextColumn::new(self.rows)));
                self.columns.len() - 1
            });
        &mut self.columns[position].1
    }

    /// Refuses objects that have hardly a key in common: each key would be a column of empty cells.
    fn refuse_scattered_keys(&self) -> Result<()> {
        let cells = self.columns.len().saturating_mul(self.rows);
        if cells > MOST_CELLS && self.filled < cells / LEAST_FILLED {
            return Err(Error::input("too many different keys for columns")
                .with_code("too-many-columns")
                .seen(format!("{} keys in {} rows, {} values", self.columns.len(), self.rows, self.filled))
                .advice("keep under one key what differs from row to row"));
        }
        Ok(())
    }

    pub(in crate::table) fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Puts NaN in the place of a vector that cannot be used, where that is asked for.
    pub(in crate::table) fn settle(
        &mut self,
        read: Result<()>,
        start: usize,
        dims: usize,
        numbers: Numbers,
    ) -> Result<()> {
        if read.is_err() && numbers == Numbers::Any {
            self.numbers.truncate(start);
            self.numbers.resize(start + dims, f32::NAN);
            return Ok(());
        }
        read
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

    pub(in crate::table) fn into_table(mut self, name: &str, dims: usize, keep: &mut Keep) -> Result<Table> {
        let vectors = keep.matrix(self.rows, dims, std::mem::take(&mut self.numbers))?;
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
        self.filled += next.filled;
        self.refuse_scattered_keys()
    }

    fn column_bytes(&self) -> usize {
        self.columns.iter().map(|(key, column)| key.len() + column.bytes()).sum()
    }

    fn numbers(&mut self) -> &mut Vec<f32> {
        &mut self.numbers
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
