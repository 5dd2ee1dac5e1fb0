//! A dataset folder as the Hugging Face hub stores it: Parquet files, one or more for each split.
//!
//! The files are named `train-00000-of-00002.parquet` and stand in the folder or in its `data/`; the
//! dataset card (`README.md`) is not read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use regex::Regex;

use crate::error::{Error, Result};
use crate::table::column::{arrow_vectors, matrix};
use crate::table::format::parquet;
use crate::table::format::parquet::ParquetFile;
use crate::table::{Format, Origin, ReadOptions, Table};

pub(in crate::table) fn read(path: &Path, options: &ReadOptions) -> Result<Table> {
    let paths = some_parts(path)?;
    let parts: Vec<ParquetFile> =
        paths.iter().map(|part| ParquetFile::open(part, options)).collect::<Result<_>>()?;
    for (part, path) in parts.iter().zip(&paths).skip(1) {
        agree(&parts[0], part, path)?;
    }
    let dims = parts[0].dims;
    let rows = parts.iter().map(|part| part.rows).sum();
    let mut vectors = matrix::zeros(rows, dims).map_err(|error| error.file(path))?;
    let mut first = 0;
    let mut columns = Vec::with_capacity(parts.len());
    for part in &parts {
        let mut stretch = vectors.slice_mut(ndarray::s![first..first + part.rows, ..]);
        part.read_vectors(stretch.as_slice_mut().unwrap_or_default())?;
        if !options.allow_non_finite {
            matrix::refuse_non_finite(stretch.view(), 0).map_err(|error| part.at(error))?;
        }
        columns.push(part.read_columns()?);
        first += part.rows;
    }
    let columns = joined(columns, &paths).map_err(|error| error.file(path))?;
    let origin = Origin::of_files(paths.into_iter().zip(parts.iter().map(|part| part.rows)));
    Ok(Table::new(vectors, columns, parts[0].vector_column())?.with_origin(origin))
}

pub(in crate::table) fn read_columns(path: &Path) -> Result<RecordBatch> {
    let paths = some_parts(path)?;
    let columns: Vec<RecordBatch> =
        paths.iter().map(|part| parquet::read_columns(part)).collect::<Result<_>>()?;
    for (part, path) in columns.iter().zip(&paths).skip(1) {
        if let Some(difference) = difference(columns[0].schema_ref(), part.schema_ref()) {
            return Err(other_columns(path, difference));
        }
    }
    joined(columns, &paths).map_err(|error| error.file(path))
}

/// The Parquet files of a dataset folder, in the order of their names.
pub(in crate::table) fn parts(folder: &Path) -> Result<Vec<PathBuf>> {
    for folder in [folder.join("data"), folder.to_owned()] {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut parts = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| Error::io("cannot list", error).file(&folder))?.path();
            if Format::from_extension(&path) == Some(Format::Parquet) && path.is_file() {
                parts.push(path);
            }
        }
        parts.sort();
        if !parts.is_empty() {
            return Ok(parts);
        }
    }
    Ok(Vec::new())
}

fn some_parts(folder: &Path) -> Result<Vec<PathBuf>> {
    let parts = parts(folder)?;
    if parts.is_empty() {
        return Err(Error::input("no Parquet files")
            .file(folder)
            .advice("a dataset folder has them in it or in data/"));
    }
    Ok(parts)
}

/// The split that a file belongs to: what stands before the numbers in its name.
fn split_of(path: &Path) -> String {
    static NUMBERED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(.+?)-\d{5,}-of-\d{5,}(-[0-9a-f]+)?$").ok());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let numbered = NUMBERED.as_ref().and_then(|numbered| numbered.captures(&stem));
    numbered.map_or_else(|| stem.clone().into_owned(), |found| found[1].to_owned())
}

/// Joins the columns of the parts, with a column `split` if there are several splits.
fn joined(columns: Vec<RecordBatch>, paths: &[PathBuf]) -> Result<RecordBatch> {
    let rows: Vec<usize> = columns.iter().map(RecordBatch::num_rows).collect();
    let schema = nullable(columns[0].schema_ref());
    let whole = arrow_vectors::concatenated(&schema, &columns, rows.iter().sum())?;
    let splits: Vec<String> = paths.iter().map(|path| split_of(path)).collect();
    let several = splits.iter().any(|split| *split != splits[0]);
    if !several || whole.column_by_name("split").is_some() {
        return Ok(whole);
    }
    let names: Vec<&str> = splits
        .iter()
        .zip(&rows)
        .flat_map(|(split, &rows)| std::iter::repeat_n(split.as_str(), rows))
        .collect();
    let mut fields: Vec<FieldRef> = whole.schema_ref().fields().to_vec();
    fields.push(Arc::new(Field::new("split", DataType::Utf8, false)));
    let mut arrays = whole.columns().to_vec();
    arrays.push(Arc::new(StringArray::from(names)) as ArrayRef);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| Error::input("cannot join the parts").source(error))
}

/// A column without empty cells in the first part may have some in the next.
fn nullable(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Schema::new(fields.collect::<Vec<_>>())
}

fn agree(first: &ParquetFile, part: &ParquetFile, path: &Path) -> Result<()> {
    if part.vector_column() != first.vector_column() || part.dims != first.dims {
        let describe = |part: &ParquetFile| format!("{} of {} numbers", part.vector_column(), part.dims);
        return Err(Error::input("the vectors are not those of the first part")
            .file(path)
            .seen(format!("{} where the first part has {}", describe(part), describe(first)))
            .advice("keep one folder for each model"));
    }
    match difference(&first.schema(), &part.schema()) {
        Some(difference) => Err(other_columns(path, difference)),
        None => Ok(()),
    }
}

fn other_columns(path: &Path, difference: String) -> Error {
    Error::input("the columns are not those of the first part")
        .file(path)
        .seen(difference)
        .advice("keep one folder for each dataset")
}

fn difference(first: &Schema, other: &Schema) -> Option<String> {
    let describe = |schema: &Schema| {
        let columns = schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type()));
        columns.collect::<Vec<_>>().join(", ")
    };
    let (first, other) = (describe(first), describe(other));
    (first != other).then(|| format!("{other} where the first part has {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_tells_its_split() {
        for (name, split) in [
            ("train-00000-of-00002.parquet", "train"),
            ("test-00001-of-00002-0123456789abcdef.parquet", "test"),
            ("validation.parquet", "validation"),
            ("my-train-00000-of-00001.parquet", "my-train"),
        ] {
            assert_eq!(split_of(Path::new(name)), split);
        }
    }
}
