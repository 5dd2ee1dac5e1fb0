//! The rows of a chunk of records: vectors beside columns.

use std::borrow::Cow;
use std::sync::Arc;

use super::records::{Dialect, Field, Records, Unclosed};
use crate::error::{Error, Result, excerpt};
use crate::table::Encoding;
use crate::table::column::cell::{Numbers, another_length, parse_number, parse_vector_of, with_points};
use crate::table::column::text_column::TextColumn;
use crate::table::column::vector_column::Place;
use crate::table::format::chunks::{Fault, Part};

/// How the bytes of a file are to be understood.
#[derive(Debug, Clone)]
pub(in crate::table) struct Source {
    pub(in crate::table) dialect: Dialect,
    pub(in crate::table) encoding: Encoding,
    pub(in crate::table) numbers: Numbers,
    pub(in crate::table) decimal_comma: bool,
    /// Unquoted cells that are as good as empty.
    pub(in crate::table) missing: Arc<[Vec<u8>]>,
}

/// What each field of a record is.
pub(super) struct Layout {
    source: Source,
    /// The names of all columns, the vectors' too.
    names: Vec<String>,
    roles: Vec<Role>,
    /// The length of a vector; 0 without vectors.
    dims: usize,
    /// Whether each dimension has a column of its own.
    spread: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Vector,
    /// One number of the vector: its dimension.
    Dimension(usize),
    /// A column beside the vectors: its position among those.
    Column(usize),
}

impl Layout {
    /// `place` and `dims` are the vectors' place and length, if there are any.
    pub(super) fn new(source: Source, names: Vec<String>, place: Option<&Place>, dims: usize) -> Self {
        let mut roles = vec![None; names.len()];
        match place {
            Some(Place::Column(position)) => roles[*position] = Some(Role::Vector),
            Some(Place::Spread(positions)) => {
                for (dimension, &position) in positions.iter().enumerate() {
                    roles[position] = Some(Role::Dimension(dimension));
                }
            }
            None => {}
        }
        let mut columns = 0..;
        let mut next_column = || Role::Column(columns.next().unwrap_or_default());
        let roles = roles.into_iter().map(|role| role.unwrap_or_else(&mut next_column)).collect();
        let spread = matches!(place, Some(Place::Spread(_)));
        Layout { source, names, roles, dims, spread }
    }

    /// The names of the columns beside the vectors.
    pub(super) fn column_names(&self) -> impl Iterator<Item = &str> {
        let columns = self.names.iter().zip(&self.roles);
        columns.filter(|(_, role)| matches!(role, Role::Column(_))).map(|(name, _)| name.as_str())
    }

    /// Parses the records of a chunk.
    pub(super) fn parse(&self, chunk: &[u8]) -> Result<Rows, Fault> {
        let mut rows = Rows {
            rows: 0,
            numbers: Vec::new(),
            columns: self.column_names().map(|_| TextColumn::new(0)).collect(),
        };
        if self.dims > 0 {
            // A number takes at least two bytes of text, and most take more than ten.
            rows.numbers.reserve(chunk.len() / 10);
        }
        let mut records = Records::new(chunk, self.source.dialect);
        let mut fields = Vec::new();
        loop {
            let offset = records.next_start();
            let added = match records.next(&mut fields) {
                Ok(()) if fields.is_empty() => return Ok(rows),
                Ok(()) => self.add(&fields, &mut rows),
                Err(Unclosed) => Err(self.unclosed(fields.len())),
            };
            added.map_err(|error| Fault { rows: rows.rows, offset, error })?;
            rows.rows += 1;
        }
    }

    fn add(&self, fields: &[Field<'_>], rows: &mut Rows) -> Result<()> {
        if fields.len() != self.names.len() {
            return Err(Error::input("a record with a different number of fields")
                .with_code("field-count")
                .seen(format!("{} where {} were expected", fields.len(), self.names.len()))
                .advice("quote the cells that hold a delimiter or a line break, or name the delimiter"));
        }
        let start = rows.numbers.len();
        if self.spread {
            rows.numbers.resize(start + self.dims, 0.0);
        }
        for (position, (field, role)) in fields.iter().zip(&self.roles).enumerate() {
            let content = self.pointed(field.content());
            let added = match *role {
                Role::Vector => self.add_vector(&content, &mut rows.numbers),
                Role::Dimension(dimension) => match parse_number(&content, self.source.numbers) {
                    Err(_) if self.source.numbers == Numbers::Any => Ok(f32::NAN),
                    number => number.map_err(Error::from),
                }
                .map(|number| rows.numbers[start + dimension] = number),
                Role::Column(column) => self.add_cell(field, &content, &mut rows.columns[column]),
            };
            added.map_err(|error| error.column(&self.names[position]))?;
        }
        Ok(())
    }

    fn add_vector(&self, cell: &[u8], numbers: &mut Vec<f32>) -> Result<()> {
        let start = numbers.len();
        let read = parse_vector_of(cell, self.source.numbers, numbers).map_err(Error::from).and_then(|()| {
            let length = numbers.len() - start;
            if length == self.dims { Ok(()) } else { Err(another_length(length, self.dims)) }
        });
        if read.is_err() && self.source.numbers == Numbers::Any {
            numbers.truncate(start);
            numbers.resize(start + self.dims, f32::NAN);
            return Ok(());
        }
        read
    }

    /// The cell with decimal points.
    fn pointed<'a>(&self, cell: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
        let numeric = |byte: &u8| byte.is_ascii_digit() || b",;.+-eE []{}()\t\r\n".contains(byte);
        if self.source.decimal_comma && cell.contains(&b',') && cell.iter().all(numeric) {
            return Cow::Owned(with_points(&cell));
        }
        cell
    }

    /// An empty cell is not text, nor is an unquoted word for a missing value: pandas, R and databases, which wrote most
    /// of these files, tell no difference.
    fn add_cell(&self, field: &Field<'_>, cell: &[u8], column: &mut TextColumn) -> Result<()> {
        let is_missing = || !field.quoted && self.source.missing.iter().any(|word| word == cell);
        if cell.is_empty() {
            column.push_null();
        } else if is_missing() {
            column.push_missing_word();
        } else {
            column.push(&decode(cell, self.source.encoding)?);
        }
        Ok(())
    }

    fn unclosed(&self, position: usize) -> Error {
        match self.names.get(position) {
            Some(name) => unclosed_quote().column(name),
            None => unclosed_quote(),
        }
    }
}

pub(super) fn unclosed_quote() -> Error {
    Error::input("a quote that is not closed")
        .with_code("quote-unclosed")
        .advice("close it, or double it if it is part of the text")
}

/// The characters of a text cell.
pub(super) fn decode(cell: &[u8], encoding: Encoding) -> Result<Cow<'_, str>> {
    match encoding {
        Encoding::Utf8 => simdutf8::basic::from_utf8(cell).map(Cow::Borrowed).map_err(|_| {
            Error::input("no UTF-8 text")
                .with_code("text-encoding")
                .seen(excerpt(&String::from_utf8_lossy(cell)))
                .advice("if the file is Latin-1 (Windows-1252), read it with --encoding latin1")
        }),
        Encoding::Latin1 => Ok(encoding_rs::WINDOWS_1252.decode_without_bom_handling(cell).0),
    }
}

/// What the records of one or more chunks were parsed to.
pub(super) struct Rows {
    pub(super) rows: usize,
    /// The vectors, one after the other.
    pub(super) numbers: Vec<f32>,
    /// The cells of the other columns.
    pub(super) columns: Vec<TextColumn>,
}

impl Part for Rows {
    fn rows(&self) -> usize {
        self.rows
    }

    fn append(&mut self, mut next: Rows) -> Result<()> {
        self.rows += next.rows;
        self.numbers.append(&mut next.numbers);
        for (column, next) in self.columns.iter_mut().zip(next.columns) {
            column.append(next);
        }
        Ok(())
    }

    fn column_bytes(&self) -> usize {
        self.columns.iter().map(TextColumn::bytes).sum()
    }

    fn numbers(&mut self) -> &mut Vec<f32> {
        &mut self.numbers
    }
}
