//! Writing a table.

use std::path::Path;

use crate::error::{Error, Result};
use crate::memory::Budget;
use crate::output::{self, Sink};
use crate::table::format::batches::VectorLayout;
use crate::table::format::{ipc, npy, npz, parquet, safetensors};
use crate::table::{Format, Table, write_whole};

mod losses;
mod streamed;
mod text;

pub use streamed::{write_streamed, writes_in_blocks};

/// What [`write()`] should know beyond the path.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// The format; default: from the name, and CSV for a stream whose name has no extension.
    pub format: Option<Format>,
    /// The layout of vectors in Parquet and Arrow files; default: fixed-size lists.
    pub layout: VectorLayout,
    /// What writing may take: row groups of Parquet files are no larger than an eighth of it; default: 64 MB.
    pub memory: Budget,
}

/// What became of a table that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "columns that the format cannot hold are not in the file"]
pub struct Written {
    /// The columns that the format cannot hold, in their order: all of them in `.npy`; in
    /// `.safetensors` those that are not numbers; in `.npz` those that are neither numbers nor
    /// texts; in both those with empty cells.
    pub dropped_columns: Vec<String>,
    /// What the format could not say as it was, in sentences: bytes, NaN, empty texts, equal names.
    pub losses: Vec<String>,
}

/// Writes a table, as [`write_whole`](crate::output::write_whole) does: a regular file appears whole or not at
/// all, a stream (`-` is standard output) is written through. A table of no dimensions is written without a
/// vector column.
///
/// CSV, TSV and JSON lines hold a vector as a JSON array, each number in the fewest digits that give
/// the same `f32` again, so that in every format the vectors come back to the last bit.
///
/// # Errors
/// When the format is one that is only read (JSON documents, folders), when a column has the name of
/// the vectors, and whatever the file system refuses.
///
/// ```
/// use embedlab::table::{self, Table};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("two.parquet");
/// let table = Table::from_vectors(ndarray::array![[0.1_f32, 0.2], [0.3, 0.4]]);
/// let written = table::write(&table, &path, &Default::default())?;
/// assert!(written.dropped_columns.is_empty());
/// assert_eq!(table::read(&path, &Default::default())?.vectors(), table.vectors());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(table: &Table, path: &Path, options: &WriteOptions) -> Result<Written> {
    let format = format_of(path, options)?;
    check_name(table, path, format)?;
    let (table, losses) = losses::fitted(table, format)?;
    let mut dropped_columns = Vec::new();
    write_whole(path, |out| {
        dropped_columns = write_format(&table, format, (options.layout, options.memory), out)?;
        Ok(())
    })
    .map_err(|error| error.file(path))?;
    Ok(Written { dropped_columns, losses })
}

fn check_name(table: &Table, path: &Path, format: Format) -> Result<()> {
    let taken = table.dims() > 0 && table.columns().column_by_name(table.vector_column()).is_some();
    if taken && format != Format::Npy {
        return Err(Error::argument("a column has the name of the vectors")
            .file(path)
            .column(table.vector_column())
            .advice("rename it"));
    }
    Ok(())
}

/// Proves that a table can be written to a path, without changing anything: the format is known and one that
/// is written, and the path can be written to.
///
/// # Errors
/// When one of these does not hold.
pub fn check_writable(path: &Path, options: &WriteOptions) -> Result<()> {
    output::check(path)?;
    format_of(path, options).map(drop)
}

/// The format of an output: what is asked for, what the name says, or CSV for a stream without an extension
/// (standard output, a FIFO, a device).
fn format_of(path: &Path, options: &WriteOptions) -> Result<Format> {
    const WAY_OUT: &str = "end it in .csv, .tsv, .parquet, .jsonl, .arrow, .npy, .npz or .safetensors, or name the \
                           format with --to";
    let named = options.format.or_else(|| Format::from_extension(path));
    let format = named.or_else(|| output::is_stream(path).then_some(Format::Csv)).ok_or_else(|| {
        Error::argument("the name does not tell the format")
            .with_code("format-unknown")
            .file(path)
            .advice(WAY_OUT)
    })?;
    match format {
        Format::Json | Format::WordVectors | Format::Parts | Format::MtebCache => {
            Err(Error::argument("this format is only read")
                .with_code("format-read-only")
                .file(path)
                .advice(WAY_OUT))
        }
        format => Ok(format),
    }
}

fn write_format(
    table: &Table,
    format: Format,
    (layout, memory): (VectorLayout, Budget),
    out: &mut Sink,
) -> Result<Vec<String>> {
    match format {
        Format::Csv => text::write_delimited(table, b',', true, out)?,
        Format::Tsv => text::write_delimited(table, b'\t', true, out)?,
        Format::JsonLines => text::write_json_lines(table, out)?,
        Format::Parquet => parquet::write(table, layout, memory, out)?,
        Format::ArrowIpc => ipc::write(table, layout, out)?,
        Format::Npy => {
            npy::write(table.vectors(), out).map_err(|error| Error::io("cannot write", error))?;
            return Ok(table.column_names().into_iter().map(str::to_owned).collect());
        }
        Format::Npz => return npz::write(table, out),
        Format::Safetensors => return safetensors::write(table, out),
        Format::Json | Format::WordVectors | Format::Parts | Format::MtebCache => {
            return Err(Error::argument("this format is only read").with_code("format-read-only"));
        }
    }
    Ok(Vec::new())
}
