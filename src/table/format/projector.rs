//! The two files of the TensorFlow Embedding Projector: a matrix as tab-separated numbers without a
//! header, and the columns of its rows.
//!
//! The Projector's rules for metadata: no quotes; one column has no header, several have one.

use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use ndarray::Array2;

use crate::error::{Error, Result};
use crate::table::column::cell::Numbers;
use crate::table::format::csv::{Dialect, Opened, Source};
use crate::table::{Format, ReadOptions, Table, content, write_whole};

/// What the only column of a metadata file is called; it has no name of its own.
const ONLY_COLUMN: &str = "label";
/// What the vectors are called; a tensors file has no name for them.
const VECTORS: &str = "embedding";

/// Joins the matrix of the tensors file at `path` with the metadata: the sidecar of the options, or
/// the file that lies beside it under one of the usual names.
pub(in crate::table) fn with_metadata(
    path: &Path,
    vectors: Array2<f32>,
    options: &ReadOptions,
) -> Result<Table> {
    let beside = || names_beside(path).into_iter().find(|candidate| candidate.is_file());
    let Some(metadata) = options.sidecar.clone().or_else(beside) else {
        return Ok(Table::from_vectors(vectors));
    };
    let columns = match Format::from_extension(&metadata) {
        None | Some(Format::Tsv) => read_metadata(&metadata, options),
        Some(_) => {
            let options = ReadOptions { encoding: options.encoding, ..ReadOptions::default() };
            crate::table::read_columns(&metadata, &options)
        }
    }?;
    if columns.num_rows() != vectors.nrows() {
        return Err(Error::input("metadata and vectors have different numbers of rows")
            .with_code("row-count")
            .file(metadata)
            .seen(format!(
                "{} rows of metadata, {} vectors in {}",
                columns.num_rows(),
                vectors.nrows(),
                path.display()
            ))
            .advice("give the metadata of these vectors with --sidecar"));
    }
    Table::new(vectors, columns, VECTORS)
}

/// Writes a table for the TensorFlow Embedding Projector: a tensors file at `path` and, if the table
/// has columns, a metadata file beside it (`x_metadata.tsv` for `x.tsv` and `x_tensors.tsv`,
/// `metadata.tsv` for `tensors.tsv`), where [`read`](crate::table::read()) finds it.
///
/// Numbers have a point or an exponent, which tells a row of them from a header; line breaks and tabs
/// in texts become spaces. Each file appears whole or not at all.
///
/// # Errors
/// When a file cannot be written, or a column has no text form.
///
/// ```
/// use embedlab::table::{self, Table};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("tensors.tsv");
/// let table = Table::from_vectors(ndarray::array![[0.5, 1.0], [2.0, 3.0]]);
/// table::write_projector(&table, &path)?;
/// assert_eq!(table::read(&path, &Default::default())?.vectors(), table.vectors());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_projector(table: &Table, path: &Path) -> Result<()> {
    write_whole(path, |out| {
        for row in table.vectors().rows() {
            for (dimension, number) in row.iter().enumerate() {
                let separator = if dimension == 0 { "" } else { "\t" };
                write!(out, "{separator}{number:?}").map_err(not_written)?;
            }
            out.write_all(b"\n").map_err(not_written)?;
        }
        Ok(())
    })?;
    let names = table.column_names();
    if names.is_empty() {
        return Ok(());
    }
    let columns = names.iter().map(|name| table.text(name)).collect::<Result<Vec<_>>>()?;
    let [metadata, ..] = names_beside(path);
    write_whole(&metadata, |out| {
        if names.len() > 1 {
            write_line(out, names.iter().copied())?;
        }
        for row in 0..table.n_rows() {
            write_line(out, columns.iter().map(|column| column[row].as_deref().unwrap_or_default()))?;
        }
        Ok(())
    })
}

fn write_line<'a>(out: &mut impl Write, cells: impl Iterator<Item = &'a str>) -> Result<()> {
    let line = cells.map(|cell| cell.replace(['\t', '\n', '\r'], " ")).collect::<Vec<_>>().join("\t");
    writeln!(out, "{line}").map_err(not_written)
}

fn not_written(error: std::io::Error) -> Error {
    Error::io("cannot write", error)
}

/// Where metadata may be beside a tensors file, the likeliest first: for `x_tensors.tsv`,
/// `x_metadata.tsv`; for `x.tsv`, `x_metadata.tsv` or `x-metadata.tsv`; for any, `metadata.tsv`.
fn names_beside(path: &Path) -> [PathBuf; 3] {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let kind = ["tensors", "vectors", "tensor", "vecs"].into_iter().find(|kind| stem.ends_with(kind));
    let name = match kind {
        Some(kind) => stem.strip_suffix(kind).unwrap_or_default().trim_end_matches(['_', '-']),
        None => &stem,
    };
    let [first, second] = match name {
        "" => ["metadata.tsv".to_owned(), "metadata.tsv".to_owned()],
        name => [format!("{name}_metadata.tsv"), format!("{name}-metadata.tsv")],
    };
    [path.with_file_name(first), path.with_file_name(second), path.with_file_name("metadata.tsv")]
}

fn read_metadata(path: &Path, options: &ReadOptions) -> Result<RecordBatch> {
    let source = Source {
        dialect: Dialect { delimiter: b'\t', quotes: false },
        encoding: options.encoding,
        numbers: Numbers::Finite,
        decimal_comma: false,
        missing: Default::default(),
    };
    content::open(path)
        .and_then(|file| Opened::new(file, source)?.columns_or_labels(ONLY_COLUMN, options.memory))
        .map_err(|error| error.file(path))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("a.csv");
        std::fs::write(&csv, "id,t,v\n1,\"a\nb\",\"[0.1, -2e-9]\"\n2,\"q\"\"\",\"[1, 2]\"\n").unwrap();
        let table = crate::table::read(&csv, &ReadOptions::default()).unwrap();
        for name in ["x.tsv", "x_tensors.tsv", "tensors.tsv"] {
            let path = folder.path().join(name);
            write_projector(&table, &path).unwrap();
            let again = crate::table::read(&path, &ReadOptions::default()).unwrap();
            assert_eq!(again.vectors(), table.vectors());
            assert_eq!(again.column_names(), ["id", "t"]);
            assert_eq!(again.text("t").unwrap(), [Some("a b".to_owned()), Some("q\"".to_owned())]);
        }
    }

    #[test]
    fn vectors_alone_are_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tsv");
        write_projector(&Table::from_vectors(array![[0.5, 1.0], [2.0, 3.0]]), &path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "0.5\t1.0\n2.0\t3.0\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn metadata_is_looked_for_under_the_usual_names() {
        let first = |name: &str| names_beside(Path::new(name))[0].clone();
        assert_eq!(first("a/x.tsv"), Path::new("a/x_metadata.tsv"));
        assert_eq!(first("a/x-tensors.tsv"), Path::new("a/x_metadata.tsv"));
        assert_eq!(first("tensors.tsv"), Path::new("metadata.tsv"));
    }
}
