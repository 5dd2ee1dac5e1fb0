//! `embedlab inspect`: what is in a file.

use std::io::{self, Write};

use arrow::array::Array;
use embedlab::table::{self, Check, ReadOptions, Severity, Table};
use embedlab::{ErrorKind, Result};
use serde::Serialize;

use super::input::Input;
use super::output::{Rows, grouped, printable};
use super::{Outcome, Output};

const EXAMPLES: &str = "\
Examples:
  embedlab inspect reviews.csv
  embedlab inspect vectors.npy --sidecar metadata.csv --json";

/// Say what is in a file: rows, dimensions, columns, lengths, and what looks wrong
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
}

/// A column besides the vectors.
#[derive(Serialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    empty: usize,
    example: Option<String>,
}

/// What is known of a file.
#[derive(Serialize)]
pub struct Inspection {
    file: String,
    vector_column: String,
    column_details: Vec<Column>,
    #[serde(flatten)]
    pub check: Check,
}

impl Inspection {
    /// Reads the table without refusing vectors that are not finite, for these are to be counted.
    pub fn of(input: &Input, output: &Output) -> Result<Inspection> {
        let options = ReadOptions { allow_non_finite: true, ..input.options() };
        let _busy = output.busy(format!("reading {}", input.name()));
        let table = table::read(input.path(), &options)?;
        Ok(Inspection {
            file: input.name(),
            vector_column: table.vector_column().to_owned(),
            column_details: columns(&table),
            check: table::check(table.vectors()).with_columns(table.column_names()),
        })
    }

    /// The file, its vectors and its problems, as lines for a terminal.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Check { rows, dims, norm, .. } = &self.check;
        writeln!(
            out,
            "{}: {} rows of {dims} numbers in `{}`",
            printable(&self.file),
            grouped(*rows),
            printable(&self.vector_column)
        )?;
        writeln!(out, "lengths {:.4} to {:.4}, mean {:.4}", norm.min, norm.max, norm.mean)?;
        if self.check.problems.is_empty() {
            writeln!(out, "no problems found")?;
        }
        for problem in &self.check.problems {
            let severity = match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                _ => "note",
            };
            writeln!(out, "{severity}: {}", problem.message)?;
        }
        Ok(())
    }
}

/// What is known of a file without vectors.
#[derive(Serialize)]
struct WithoutVectors {
    file: String,
    rows: usize,
    vector_column: Option<String>,
    column_details: Vec<Column>,
}

impl WithoutVectors {
    fn of(input: &Input) -> Result<WithoutVectors> {
        let table = table::read_without_vectors(input.path(), &input.options())?;
        Ok(WithoutVectors {
            file: input.name(),
            rows: table.n_rows(),
            vector_column: None,
            column_details: columns(&table),
        })
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let file = printable(&self.file);
        writeln!(out, "{file}: {} rows, and no column that holds vectors", grouped(self.rows))?;
        writeln!(out, "\n{}", listed(&self.column_details))?;
        writeln!(out, "make vectors of the texts: embedlab embed '{file}' --model lsa -o vectors.parquet")?;
        writeln!(out, "(lsa needs no key; embedlab embed --help names other models)")
    }
}

fn columns(table: &Table) -> Vec<Column> {
    let fields = table.columns().schema_ref().fields().iter().zip(table.columns().columns());
    fields
        .map(|(field, values)| Column {
            name: field.name().clone(),
            kind: field.data_type().to_string(),
            empty: values.logical_null_count(),
            example: table.text(field.name()).ok().and_then(|texts| texts.into_iter().flatten().next()),
        })
        .collect()
}

fn listed(columns: &[Column]) -> Rows {
    let mut rows = Rows::new(&["column", "type", "empty", "first value"], &[2]);
    for column in columns {
        let example: String = column.example.iter().flat_map(|text| text.chars().take(60)).collect();
        rows.push(vec![column.name.clone(), column.kind.clone(), grouped(column.empty), example]);
    }
    rows
}

pub fn run(args: &Args, output: &Output) -> Result<Outcome> {
    let inspection = match Inspection::of(&args.input, output) {
        // What came through a pipe cannot be read a second time; the message says what to do.
        Err(error)
            if error.kind() == ErrorKind::NoVectors
                && args.input.path().metadata().is_ok_and(|about| about.is_file()) =>
        {
            let found = WithoutVectors::of(&args.input)?;
            output.result(&found, |out| found.write(out))?;
            return Ok(Outcome::Done);
        }
        inspection => inspection?,
    };
    output.result(&inspection, |out| {
        inspection.write(out)?;
        if inspection.column_details.is_empty() {
            return writeln!(out, "no other columns");
        }
        writeln!(out, "\n{}", listed(&inspection.column_details))
    })?;
    Ok(Outcome::Done)
}
