//! Files that an engine scans by itself: Parquet files whose vectors, if there are any, are lists.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::detect::of_file;
use super::parquet;
use super::part_files::{Part, some_parts};
use crate::address::is_address;
use crate::error::{Error, Result};
use crate::table::column::text_column::TextColumn;
use crate::table::{Format, ReadOptions, guarded};

/// Parquet files of one table.
pub(crate) struct Scan {
    pub files: Vec<PathBuf>,
    /// The columns in the files.
    pub schema: SchemaRef,
    /// The columns that folders and names of files tell (`year=2024/`), each with one value a file.
    pub keys: Vec<(FieldRef, ArrayRef)>,
}

/// The Parquet files of a file, a folder or a pattern; `None` where it is of another format, or has vectors that only
/// [`read()`](crate::table::read()) finds: texts, bytes, or a column for each dimension.
///
/// # Errors
/// When there is no file, one is damaged, or the columns of a part are not those of the first.
pub(crate) fn scan(path: &Path, options: &ReadOptions) -> Result<Option<Scan>> {
    let parts = match options.format.map_or_else(|| Format::detect(path), Ok)? {
        Format::Parquet => vec![Part { path: path.to_owned(), keys: Vec::new(), split: None }],
        Format::Parts => some_parts(path)?,
        _ => return Ok(None),
    };
    for part in &parts {
        // The engine has no client of object stores: what is there comes through the reader.
        if is_address(&part.path) || of_file(&part.path)? != Format::Parquet {
            return Ok(None);
        }
    }
    let Some(first) = parts.first() else { return Ok(None) };
    let Some(schema) = guarded(&first.path, || parquet::scannable(&first.path, options))? else {
        return Ok(None);
    };
    for part in &parts[1..] {
        let other = guarded(&part.path, || parquet::schema(&part.path))?;
        same_columns(&schema, &other).map_err(|error| error.file(&part.path))?;
    }
    let keys = keys(&parts, &schema)?;
    let files = parts.into_iter().map(|part| part.path).collect();
    Ok(Some(Scan { files, schema: Arc::new(schema), keys }))
}

fn same_columns(first: &Schema, other: &Schema) -> Result<()> {
    let lacks = |a: &Schema, b: &Schema| {
        let missing = a.fields().iter().find(|field| b.field_with_name(field.name()).is_err());
        missing.map(|field| field.name().clone())
    };
    let length = |schema: &Schema, name: &str| match schema.field_with_name(name).map(Field::data_type) {
        Ok(DataType::FixedSizeList(_, length)) => Some(*length),
        _ => None,
    };
    let lengths = first.fields().iter().find_map(|field| {
        let (own, other) = (length(first, field.name())?, length(other, field.name())?);
        (own != other).then(|| format!("{} of {other} numbers where the first file has {own}", field.name()))
    });
    let seen = match (lacks(first, other), lacks(other, first), lengths) {
        (Some(name), _, _) => format!("no column {name}"),
        (None, Some(name), _) => format!("a column {name} that the first file has not"),
        (None, None, Some(lengths)) => lengths,
        (None, None, None) => return Ok(()),
    };
    Err(Error::input("the columns are not those of the first file")
        .with_code("parts-differ")
        .seen(seen)
        .advice("put files of one dataset together"))
}

fn keys(parts: &[Part], schema: &Schema) -> Result<Vec<(FieldRef, ArrayRef)>> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in parts.iter().flat_map(|part| &part.keys) {
        if !names.contains(&name.as_str()) && schema.field_with_name(name).is_err() {
            names.push(name);
        }
    }
    let column = |name: &str, value: &dyn Fn(&Part) -> Option<String>, is_text: bool| -> Result<_> {
        let mut column = TextColumn::new(0);
        for part in parts {
            match value(part) {
                Some(value) if is_text => column.push_text(&value),
                Some(value) => column.push(&value),
                None => column.push_null(),
            }
        }
        let column = column.finish()?;
        Ok((Arc::new(Field::new(name, column.data_type().clone(), true)), column))
    };
    let mut keys = Vec::new();
    for name in names {
        let value = |part: &Part| part.keys.iter().find(|(key, _)| key == name)?.1.clone();
        keys.push(column(name, &value, false)?);
    }
    if parts.iter().any(|part| part.split.is_some()) && schema.field_with_name("split").is_err() {
        keys.push(column("split", &|part| part.split.clone(), true)?);
    }
    Ok(keys)
}
