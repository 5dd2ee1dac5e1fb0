//! Results written beside the rows that they belong to, and vectors that belong to other rows.

use std::path::Path;

use embedlab::Result;
use embedlab::data::Data;
use embedlab::rows::RowSource;
use embedlab::table::{self, Format, Table, WriteOptions, Written};

use super::output::Output;

/// Writes a table; a warning names the columns that the format cannot hold.
pub fn write_table(table: &Table, path: &Path, output: &Output) -> Result<()> {
    write_as(table, path, None, output)
}

/// As [`write_table`], in a format that may be named.
pub fn write_as(table: &Table, path: &Path, format: Option<Format>, output: &Output) -> Result<()> {
    let written = table::write(table, path, &WriteOptions { format, ..Default::default() })?;
    warn_of_dropped(&written, path, output);
    output.note(format_args!("wrote {}", path.display()));
    Ok(())
}

/// Names the columns that a format could not hold.
pub fn warn_of_dropped(written: &Written, path: &Path, output: &Output) {
    for loss in &written.losses {
        output.warn(format_args!("{}: {loss}", path.display()));
    }
    if written.dropped_columns.is_empty() {
        return;
    }
    let why = match Format::from_extension(path) {
        Some(Format::Npy) => "holds vectors only",
        _ => "holds columns of full cells only, .safetensors of numbers and .npz of numbers and texts",
    };
    let dropped = written.dropped_columns.join(", ");
    output.warn(format_args!("{} {why}; these columns are not in it: {dropped}", path.display()));
}

/// Rows with columns, in memory or streamed.
pub trait Embedded {
    fn dims(&self) -> usize;
    fn columns(&self) -> &Table;
}

impl Embedded for Table {
    fn dims(&self) -> usize {
        self.dims()
    }

    fn columns(&self) -> &Table {
        self
    }
}

impl Embedded for Data {
    fn dims(&self) -> usize {
        RowSource::dims(self)
    }

    fn columns(&self) -> &Table {
        self.table()
    }
}

/// Columns of rows whose vectors are not read, and how many dimensions those have.
impl Embedded for (&Table, usize) {
    fn dims(&self) -> usize {
        self.1
    }

    fn columns(&self) -> &Table {
        self.0
    }
}
