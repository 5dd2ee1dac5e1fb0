//! Several files as one table: a folder of parts as Spark, DuckDB and the Hugging Face hub write them (hive folders
//! `year=2024/` too), a folder of `Dataset.save_to_disk`, or the files that a pattern names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use ndarray::Array2;

use super::detect::of_file;
use super::part_files::{Part, parts_of_several, some_parts};
use crate::error::{Error, Result};
use crate::memory::Budget;
use crate::table::blocks::{Joined, Outside, Streamed};
use crate::table::column::text_column::{TextColumn, in_all};
use crate::table::column::{arrow_vectors, matrix};
use crate::table::columns::plain;
use crate::table::format::parquet::ParquetFile;
use crate::table::keep::Keep;
use crate::table::{Format, Origin, ReadOptions, Table, guarded};

/// How one file is read.
type ReadOne = fn(&Path, &ReadOptions, &mut Keep) -> Result<Table>;

/// How the columns of one file are read.
type ReadColumns = fn(&Path, &ReadOptions) -> Result<Table>;

/// Reads the parts of a folder or of a pattern; `one` reads a part that is not Parquet.
pub(in crate::table) fn read(
    path: &Path,
    options: &ReadOptions,
    keep: &mut Keep,
    one: ReadOne,
) -> Result<Table> {
    joined_table(some_parts(path)?, path, &ReadOptions { format: None, ..options.clone() }, keep, one)
}

/// Several files, folders or patterns as one table; `one` reads a file that is not Parquet.
pub(in crate::table) fn read_several(
    files: &[PathBuf],
    options: &ReadOptions,
    keep: &mut Keep,
    one: ReadOne,
) -> Result<Table> {
    let options = of_each(options);
    joined_table(parts_of_several(files, options.format)?, &files[0], &options, keep, one)
}

/// As [`read`], without vectors; `one` reads the columns of a part.
pub(in crate::table) fn read_without_vectors(
    path: &Path,
    options: &ReadOptions,
    one: ReadColumns,
) -> Result<Table> {
    joined_without_vectors(some_parts(path)?, path, &ReadOptions { format: None, ..options.clone() }, one)
}

/// As [`read_several`], without vectors; `one` reads the columns of a file.
pub(in crate::table) fn read_several_without_vectors(
    files: &[PathBuf],
    options: &ReadOptions,
    one: ReadColumns,
) -> Result<Table> {
    let options = of_each(options);
    joined_without_vectors(parts_of_several(files, options.format)?, &files[0], &options, one)
}

/// The options for each of several files: a folder says by itself that it has parts.
fn of_each(options: &ReadOptions) -> ReadOptions {
    ReadOptions { format: options.format.filter(|format| *format != Format::Parts), ..options.clone() }
}

/// The files of some files, folders or patterns.
pub(in crate::table) fn paths_of(files: &[PathBuf], options: &ReadOptions) -> Result<Vec<PathBuf>> {
    let parts = parts_of_several(files, of_each(options).format)?;
    Ok(parts.into_iter().map(|part| part.path).collect())
}

fn joined_table(
    parts: Vec<Part>,
    path: &Path,
    options: &ReadOptions,
    keep: &mut Keep,
    one: ReadOne,
) -> Result<Table> {
    let formats = parts
        .iter()
        .map(|part| options.format.map_or_else(|| of_file(&part.path), Ok))
        .collect::<Result<Vec<_>>>()?;
    let (vectors, columns, name) = if formats.iter().all(|format| *format == Format::Parquet) {
        parquet_parts(&parts, options, keep)?
    } else {
        any_parts(&parts, options, keep, one)?
    };
    let rows: Vec<usize> = columns.iter().map(RecordBatch::num_rows).collect();
    let columns = joined(columns, &parts).map_err(|error| error.file(path))?;
    let origin = Origin::of_files(parts.into_iter().map(|part| part.path).zip(rows));
    Ok(Table::new(vectors, columns, name)?.with_origin(origin))
}

fn joined_without_vectors(
    parts: Vec<Part>,
    path: &Path,
    options: &ReadOptions,
    one: ReadColumns,
) -> Result<Table> {
    let columns: Vec<RecordBatch> =
        parts.iter().map(|part| Ok(one(&part.path, options)?.columns().clone())).collect::<Result<_>>()?;
    agree(&columns, &parts)?;
    let rows: Vec<usize> = columns.iter().map(RecordBatch::num_rows).collect();
    let columns = joined(columns, &parts).map_err(|error| error.file(path))?;
    let origin = Origin::of_files(parts.into_iter().map(|part| part.path).zip(rows));
    Ok(Table::from_columns(columns).with_origin(origin))
}

type Read = (Array2<f32>, Vec<RecordBatch>, String);

/// Each file, opened; `None` for one without rows.
fn parquet_files(parts: &[Part], options: &ReadOptions) -> Result<Vec<Option<ParquetFile>>> {
    // Spark writes files without rows, too.
    let files: Vec<Option<ParquetFile>> = parts
        .iter()
        .map(|part| match guarded(&part.path, || ParquetFile::open(&part.path, options)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.code() == "no-rows" => Ok(None),
            Err(error) => Err(error),
        })
        .collect::<Result<_>>()?;
    let first = some_file(&files)?;
    for (file, part) in files.iter().zip(parts) {
        if let Some(file) = file {
            same_vectors((first.vector_column(), first.dims), (file.vector_column(), file.dims), &part.path)?;
        }
    }
    Ok(files)
}

fn some_file(files: &[Option<ParquetFile>]) -> Result<&ParquetFile> {
    files.iter().flatten().next().ok_or_else(|| {
        Error::input("no rows").with_code("no-rows").advice("check how the files were written")
    })
}

/// Parquet files are read each into its own rows of the matrix, or stay where they are.
fn parquet_parts(parts: &[Part], options: &ReadOptions, keep: &mut Keep) -> Result<Read> {
    let files = parquet_files(parts, options)?;
    let first = some_file(&files)?;
    let rows = files.iter().flatten().map(|file| file.rows).sum();
    if !keep.is_in_memory() {
        let (name, dims) = (first.vector_column().to_owned(), first.dims);
        let none = Arc::new(first.schema());
        let of_part = |(file, part): (&Option<ParquetFile>, &Part)| match file {
            Some(file) => columns_of(file, part, options),
            None => Ok(RecordBatch::new_empty(none.clone())),
        };
        let columns = files.iter().zip(parts).map(of_part).collect::<Result<Vec<_>>>()?;
        agree(&columns, parts)?;
        let sources = files.into_iter().zip(parts).filter_map(|(file, part)| {
            let rows = Streamed::new(&part.path, options.keeps_faults(), file?);
            Some(Box::new(rows) as Outside)
        });
        keep.put(Box::new(Joined(sources.collect())));
        return Ok((keep.apart(rows, dims), columns, name));
    }
    let mut vectors = matrix::for_all(rows, first.dims, options.memory)?;
    let mut at = 0;
    let mut columns = Vec::with_capacity(parts.len());
    for (file, part) in files.iter().zip(parts) {
        let Some(file) = file else {
            columns.push(RecordBatch::new_empty(Arc::new(first.schema())));
            continue;
        };
        let mut stretch = vectors.slice_mut(ndarray::s![at..at + file.rows, ..]);
        let out = stretch.as_slice_mut().unwrap_or_default();
        guarded(&part.path, || file.read_vectors(out))?;
        if !options.keeps_faults() {
            matrix::refuse_non_finite(stretch.view(), 0).map_err(|error| file.at(error))?;
        }
        columns.push(columns_of(file, part, options)?);
        at += file.rows;
    }
    agree(&columns, parts)?;
    Ok((vectors, columns, first.vector_column().to_owned()))
}

fn columns_of(file: &ParquetFile, part: &Part, options: &ReadOptions) -> Result<RecordBatch> {
    let columns = guarded(&part.path, || file.read_columns())?;
    plain(columns, options.memory).map_err(|error| error.file(&part.path))
}

/// Files of any formats, read one after the other. Those in memory are one matrix, unless one before stayed outside.
fn any_parts(parts: &[Part], options: &ReadOptions, keep: &mut Keep, one: ReadOne) -> Result<Read> {
    let limit = options.memory.limit();
    let mut numbers: Vec<f32> = Vec::new();
    let mut columns = Vec::with_capacity(parts.len());
    let mut sources: Vec<Outside> = Vec::new();
    let mut first: Option<(String, usize)> = None;
    let matrix = |numbers: Vec<f32>, dims: usize| {
        Array2::from_shape_vec((numbers.len() / dims.max(1), dims), numbers)
            .map_err(|error| Error::input("the vectors are no matrix").source(error))
    };
    for part in parts {
        let table = one(&part.path, options, keep)?;
        let outside = keep.parted(&table);
        let here = outside.as_ref().map_or(table.dims(), |rows| rows.dims());
        let (name, dims) = first.get_or_insert_with(|| (table.vector_column().to_owned(), here));
        same_vectors((name, *dims), (table.vector_column(), here), &part.path)?;
        columns.push(table.columns().clone());
        if let Some(rows) = outside {
            if !numbers.is_empty() {
                sources.push(Box::new(matrix(std::mem::take(&mut numbers), here)?));
            }
            sources.push(rows);
            continue;
        }
        let all = numbers.len() + table.n_rows() * table.dims();
        if let Some(limit) = limit {
            Budget::bytes(limit).require(4 * all as u64, all / table.dims().max(1), table.dims())?;
        }
        numbers.extend(table.vectors().iter());
    }
    agree(&columns, parts)?;
    let (name, dims) = first.unwrap_or_default();
    if sources.is_empty() {
        return Ok((matrix(numbers, dims)?, columns, name));
    }
    if !numbers.is_empty() {
        sources.push(Box::new(matrix(numbers, dims)?));
    }
    keep.put(match sources.len() {
        1 => sources.remove(0),
        _ => Box::new(Joined(sources)),
    });
    let rows = columns.iter().map(RecordBatch::num_rows).sum();
    Ok((keep.apart(rows, dims), columns, name))
}

/// # Errors
/// When the vectors of a part have another name or length than those of the first.
pub(in crate::table) fn same_vectors(first: (&str, usize), other: (&str, usize), path: &Path) -> Result<()> {
    if first == other {
        return Ok(());
    }
    let describe = |(name, dims): (&str, usize)| format!("{name} of {dims} numbers");
    Err(Error::input("the vectors are not those of the first file")
        .with_code("parts-differ")
        .file(path)
        .seen(format!("{} where the first file has {}", describe(other), describe(first)))
        .advice("put files of one model together"))
}

/// Joins the columns of the parts, with what the names of their folders and files say as columns.
fn joined(columns: Vec<RecordBatch>, parts: &[Part]) -> Result<RecordBatch> {
    let rows: Vec<usize> = columns.iter().map(RecordBatch::num_rows).collect();
    let schema = common_schema(&columns);
    let fitted = |(batch, part): (&RecordBatch, &Part)| {
        as_schema(batch, &schema).map_err(|error| error.file(&part.path))
    };
    let columns: Vec<RecordBatch> = columns.iter().zip(parts).map(fitted).collect::<Result<_>>()?;
    let whole = arrow_vectors::concatenated(&schema, &columns, rows.iter().sum())?;
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in parts.iter().flat_map(|part| &part.keys) {
        if !names.contains(&name.as_str()) && whole.column_by_name(name).is_none() {
            names.push(name);
        }
    }
    let mut fields: Vec<FieldRef> = whole.schema_ref().fields().to_vec();
    let mut arrays = whole.columns().to_vec();
    let mut add = |name: &str, value: &dyn Fn(&Part) -> Option<String>, text: bool| -> Result<()> {
        let mut column = TextColumn::new(0);
        for (part, rows) in parts.iter().zip(&rows) {
            let value = value(part);
            for _ in 0..*rows {
                match &value {
                    Some(value) if text => column.push_text(value),
                    Some(value) => column.push(value),
                    None => column.push_null(),
                }
            }
        }
        let array = column.finish()?;
        fields.push(Arc::new(Field::new(name, array.data_type().clone(), true)));
        arrays.push(array);
        Ok(())
    };
    for name in names {
        let value =
            |part: &Part| part.keys.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.clone());
        add(name, &value, false)?;
    }
    if parts.iter().any(|part| part.split.is_some()) && whole.column_by_name("split").is_none() {
        add("split", &|part| part.split.clone(), true)?;
    }
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(whole.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| Error::input("cannot join the parts").source(error))
}

/// The schema that all parts can take: a column without empty cells in the first part may have some in the next, and
/// text formats tell the types of each part by its cells.
fn common_schema(columns: &[RecordBatch]) -> Schema {
    let Some(first) = columns.first() else { return Schema::empty() };
    let fields = first.schema_ref().fields().iter().map(|field| {
        let mut data_type: Option<DataType> = None;
        for batch in columns {
            let Some(column) = batch.column_by_name(field.name()) else { continue };
            // A column of empty cells has no type of its own.
            if column.null_count() < column.len() {
                let other = column.data_type();
                data_type = Some(data_type.map_or_else(|| other.clone(), |own| wider(&own, other)));
            }
        }
        let data_type = data_type.unwrap_or_else(|| field.data_type().clone());
        let all = columns.iter().filter_map(|batch| batch.schema_ref().field_with_name(field.name()).ok());
        in_all(field, all).with_nullable(true).with_data_type(data_type)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn wider(one: &DataType, other: &DataType) -> DataType {
    if one == other {
        return one.clone();
    }
    match (one.is_numeric(), other.is_numeric()) {
        (true, true) if one.is_integer() && other.is_integer() => DataType::Int64,
        (true, true) => DataType::Float64,
        _ if one.is_nested() || other.is_nested() => one.clone(),
        _ => DataType::LargeUtf8,
    }
}

fn as_schema(batch: &RecordBatch, schema: &Schema) -> Result<RecordBatch> {
    let arrays = schema.fields().iter().map(|field| -> Result<ArrayRef> {
        match batch.column_by_name(field.name()) {
            Some(column) if column.null_count() == column.len() => {
                Ok(new_null_array(field.data_type(), column.len()))
            }
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(column) => cast(column, field.data_type())
                .map_err(|error| Error::input("cannot join the parts").column(field.name()).source(error)),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        }
    });
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(schema.clone()), arrays, &options)
        .map_err(|error| Error::input("cannot join the parts").source(error))
}

/// All parts have the columns of the first, in any order.
fn agree(columns: &[RecordBatch], parts: &[Part]) -> Result<()> {
    let names = |batch: &RecordBatch| -> HashMap<String, bool> {
        let fields = batch.schema_ref().fields().iter();
        fields.map(|field| (field.name().clone(), field.data_type().is_nested())).collect()
    };
    let Some(first) = columns.first().map(names) else { return Ok(()) };
    for (batch, part) in columns.iter().zip(parts).skip(1) {
        let other = names(batch);
        let lacks = first.keys().filter(|name| !other.contains_key(*name)).min();
        let adds = other.keys().filter(|name| !first.contains_key(*name)).min();
        let seen = match (lacks, adds) {
            (Some(name), _) => format!("no column {name}"),
            (None, Some(name)) => format!("a column {name} that the first file has not"),
            (None, None) => continue,
        };
        return Err(Error::input("the columns are not those of the first file")
            .with_code("parts-differ")
            .file(&part.path)
            .seen(seen)
            .advice("put files of one dataset together"));
    }
    Ok(())
}
