//! The texts of a file: chosen, put together from columns, and thinned out before anything is paid.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, UInt64Array};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use embedlab::data::Role;
use embedlab::embed::Encoding;
use embedlab::table::{self, Table, Template, most_recent};
use embedlab::{Error, Result};

use super::Output;
use super::input::Input;
use super::output::grouped;

/// A file with texts, and which rows of it.
#[derive(clap::Args, Clone)]
pub struct Source {
    #[command(flatten)]
    pub input: Input,
    /// The column with the texts [default: combined, text, content, .., or the column with the longest texts]
    #[arg(long, value_name = "COL", conflicts_with = "template")]
    text: Option<String>,
    /// Texts made of columns, such as "Title: {Summary}; Content: {Text}"; written to a column `combined`
    #[arg(long, value_name = "TEMPLATE")]
    template: Option<String>,
    /// Only the N most recent rows by --time, the oldest first; of equal times the last in the file
    #[arg(long, value_name = "N")]
    recent: Option<usize>,
    /// The column with times: numbers, or dates as 2012-10-26 [default: Time, or one with a like name]
    #[arg(long, value_name = "COL", requires = "recent")]
    time: Option<String>,
    /// Drop rows without a text, or without one of the template's columns
    #[arg(long)]
    drop_missing: bool,
    /// Drop rows of more than N tokens; token counts are written to a column `n_tokens`
    #[arg(long, value_name = "N")]
    drop_longer: Option<usize>,
    /// Whether the column of the texts may have another name than `text`.
    #[arg(skip)]
    other_columns: bool,
}

/// Texts, and the columns of their rows.
pub struct Texts {
    /// The columns of the file, vectors among them as the file has them.
    pub table: Table,
    /// The column of the texts.
    pub column: String,
    pub texts: Vec<String>,
    /// The position in the file of each row, counted from 0.
    pub rows: Vec<usize>,
    /// The columns that hold vectors.
    pub vectors: Vec<String>,
}

impl Source {
    /// Whether all rows of one file are kept, so that the output may take its place.
    pub fn keeps_all_rows(&self) -> bool {
        self.input.paths().len() == 1
            && self.recent.is_none()
            && self.drop_longer.is_none()
            && !self.drop_missing
    }

    /// Whether the texts are made of columns.
    pub fn has_template(&self) -> bool {
        self.template.is_some()
    }

    /// All rows of another file, whose texts may be in a column of another name.
    pub fn of_second(&self, file: &Path) -> Source {
        Source {
            input: self.input.of(file),
            template: None,
            recent: None,
            other_columns: true,
            ..self.clone()
        }
    }

    /// Reads the file and prepares its texts; tokens are counted in `encoding`.
    pub fn texts(&self, encoding: Encoding, output: &Output) -> Result<Texts> {
        let columns = {
            let _busy = output.busy(format!("reading {}", self.input.name()));
            table::read_all_without_vectors(&self.input.paths(), &self.input.options())?
        };
        if columns.n_rows() == 0 {
            return Err(Error::input("no rows").with_code("no-rows").file(self.input.file()));
        }
        let mut texts = self.read(columns, output)?;
        if let Some(most) = self.drop_longer {
            texts = texts.with_counts(encoding)?;
            let counts = texts.table.numbers("n_tokens")?;
            texts.keep(
                |row| counts[row].is_some_and(|n| n <= most as f64),
                "of more tokens than allowed",
                output,
            )?;
        }
        if let Some(n) = self.recent {
            texts = self.recent(texts, n, output)?;
        }
        if texts.texts.is_empty() {
            return Err(Error::input("no row is left").file(self.input.file()).advice("drop less"));
        }
        Ok(texts)
    }

    fn read(&self, table: Table, output: &Output) -> Result<Texts> {
        let rows = (0..table.n_rows()).collect();
        let vectors = vector_columns(table.columns());
        let (mut texts, missing) = match &self.template {
            Some(template) => {
                let template = Template::parse(template)?;
                let cells: Vec<Vec<Option<String>>> =
                    template.columns().iter().map(|name| table.text(name)).collect::<Result<_>>()?;
                let row = |row: usize| cells.iter().map(|cells| cells[row].as_deref()).collect::<Vec<_>>();
                let filled: Vec<String> = (0..table.n_rows()).map(|at| template.fill(&row(at))).collect();
                let is_empty = |cell: &Option<&str>| cell.is_none_or(|cell| cell.trim().is_empty());
                let missing: Vec<bool> = (0..table.n_rows()).map(|at| row(at).iter().any(is_empty)).collect();
                let combined = StringArray::from_iter_values(&filled);
                let table = replacing(&table, "combined", Arc::new(combined), output)?;
                (Texts { table, column: "combined".into(), texts: filled, rows, vectors }, missing)
            }
            None => {
                let mut others = table.clone();
                for name in &vectors {
                    others = others.without_column(name)?;
                }
                let has = |name: &&String| table.column_names().contains(&name.as_str());
                let named = self.text.as_ref().filter(|name| !self.other_columns || has(name));
                if let Some(name) = named {
                    table.column(name)?;
                }
                let Some(column) = named.cloned().or_else(|| Role::Text.find(&others)) else {
                    return Err(Error::argument("no column with texts").advice(format!(
                        "name it with --text; the columns are {}",
                        table.column_names().join(", ")
                    )));
                };
                if named.is_none() {
                    output.note(format_args!("using the column {column} for texts"));
                }
                let texts: Vec<String> =
                    table.text(&column)?.into_iter().map(Option::unwrap_or_default).collect();
                let missing = texts.iter().map(|text| text.trim().is_empty()).collect();
                (Texts { table, column, texts, rows, vectors }, missing)
            }
        };
        if self.drop_missing {
            texts.keep(|row| !missing[row], "without a text", output)?;
        }
        Ok(texts)
    }

    fn recent(&self, mut texts: Texts, n: usize, output: &Output) -> Result<Texts> {
        let named = self.time.clone().or_else(|| {
            let names = texts.table.column_names();
            ["time", "timestamp", "date", "datetime", "created_at"].iter().find_map(|usual| {
                names.iter().find(|name| name.to_lowercase() == *usual).map(|name| (*name).to_owned())
            })
        });
        let Some(time) = named else {
            return Err(Error::argument("no column with times").advice(format!(
                "name it with --time; the columns are {}",
                texts.table.column_names().join(", ")
            )));
        };
        let times = texts.table.times(&time)?;
        texts.keep(|row| times[row].is_some(), "without a time", output)?;
        let times: Vec<f64> = times.into_iter().flatten().collect();
        let rows = most_recent(&times, n);
        texts.take(&rows)
    }
}

impl Texts {
    /// The texts with their tokens in a column `n_tokens`.
    pub fn with_counts(self, encoding: Encoding) -> Result<Texts> {
        let counts = self.counts(encoding)?;
        let counts = UInt64Array::from_iter_values(counts.into_iter().map(|n| n as u64));
        let table = self.table.with_columns(vec![("n_tokens", Arc::new(counts) as _)])?;
        Ok(Texts { table, ..self })
    }

    /// The tokens of each text.
    ///
    /// # Errors
    /// When the tokenizer gives up on one; the message names its row.
    pub fn counts(&self, encoding: Encoding) -> Result<Vec<usize>> {
        let counted = encoding.counts(&self.texts).into_iter().zip(0..);
        counted
            .map(|(count, row)| count.map_err(|error| self.table.origin().locate(error.row(row))))
            .collect()
    }

    fn keep(&mut self, keep: impl Fn(usize) -> bool, what: &str, output: &Output) -> Result<()> {
        let kept: Vec<usize> = (0..self.texts.len()).filter(|row| keep(*row)).collect();
        let dropped = self.texts.len() - kept.len();
        if dropped > 0 {
            output.note(format_args!("dropped {} rows {what}", grouped(dropped)));
            let all = Texts {
                table: self.table.clone(),
                column: self.column.clone(),
                texts: std::mem::take(&mut self.texts),
                rows: std::mem::take(&mut self.rows),
                vectors: self.vectors.clone(),
            };
            *self = all.take(&kept)?;
        }
        Ok(())
    }

    /// The rows at these positions, in this order.
    pub fn take(self, rows: &[usize]) -> Result<Texts> {
        Ok(Texts {
            table: self.table.take(rows)?,
            column: self.column,
            texts: rows.iter().map(|row| self.texts[*row].clone()).collect(),
            rows: rows.iter().map(|row| self.rows[*row]).collect(),
            vectors: self.vectors,
        })
    }
}

/// As [`Table::with_columns`]; a warning tells what is lost when a column of another content is replaced.
pub fn replacing(table: &Table, name: &str, values: ArrayRef, output: &Output) -> Result<Table> {
    if table.columns().column_by_name(name).is_some_and(|old| old.as_ref() != values.as_ref()) {
        output.warn(format_args!("the column {name} of the input is replaced"));
    }
    table.with_columns(vec![(name, values)])
}

/// Numbers that a list must have to be a vector and not a pair of coordinates.
const LEAST_NUMBERS: usize = 8;

/// The columns that hold vectors, as lists or as text: every one of the first cells has as many numbers.
fn vector_columns(columns: &RecordBatch) -> Vec<String> {
    let is_vectors = |column: &ArrayRef| {
        let lengths: Vec<usize> = (0..column.len().min(16))
            .filter(|row| column.is_valid(*row))
            .filter_map(|row| numbers_of(column, row))
            .collect();
        let cells = (0..column.len().min(16)).filter(|row| column.is_valid(*row)).count();
        lengths.len() == cells
            && lengths
                .first()
                .is_some_and(|first| *first >= LEAST_NUMBERS && lengths.iter().all(|n| n == first))
    };
    let fields = columns.schema_ref().fields().iter().zip(columns.columns());
    fields.filter(|(_, column)| is_vectors(column)).map(|(field, _)| field.name().clone()).collect()
}

/// The numbers of a cell, if it holds a list of them.
fn numbers_of(column: &ArrayRef, row: usize) -> Option<usize> {
    let list = |values: ArrayRef| values.data_type().is_floating().then(|| values.len());
    match column.data_type() {
        DataType::List(_) => list(column.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(column.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(column.as_fixed_size_list().value(row)),
        DataType::Utf8 => vector_in(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => vector_in(column.as_string::<i64>().value(row)),
        _ => None,
    }
}

fn vector_in(text: &str) -> Option<usize> {
    let mut numbers = Vec::new();
    table::parse_vector(text.as_bytes(), &mut numbers).ok().map(|()| numbers.len())
}
