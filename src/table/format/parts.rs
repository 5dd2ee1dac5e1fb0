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
use crate::table::column::text_column::{TextColumn, in_all};
use crate::table::column::{arrow_vectors, matrix};
use crate::table::columns::plain;
use crate::table::format::parquet::ParquetFile;
use crate::table::{Format, Origin, ReadOptions, Table, guarded};

/// How one file is read.
type ReadOne = fn(&Path, &ReadOptions) -> Result<Table>;

/// Reads the parts of a folder or of a pattern; `one` reads a part that is not Parquet.
pub(in crate::table) fn read(path: &Path, options: &ReadOptions, one: ReadOne) -> Result<Table> {
    joined_table(some_parts(path)?, path, &ReadOptions { format: None, ..options.clone() }, one)
}

/// Several files, folders or patterns as one table; `one` reads a file that is not Parquet.
pub(in crate::table) fn read_several(
    files: &[PathBuf],
    options: &ReadOptions,
    one: ReadOne,
) -> Result<Table> {
    let options = of_each(options);
    joined_table(parts_of_several(files, options.format)?, &files[0], &options, one)
}

/// As [`read`], without vectors; `one` reads the columns of a part.
pub(in crate::table) fn read_without_vectors(
    path: &Path,
    options: &ReadOptions,
    one: ReadOne,
) -> Result<Table> {
    joined_without_vectors(some_parts(path)?, path, &ReadOptions { format: None, ..options.clone() }, one)
}

/// As [`read_several`], without vectors; `one` reads the columns of a file.
pub(in crate::table) fn read_several_without_vectors(
    files: &[PathBuf],
    options: &ReadOptions,
    one: ReadOne,
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

/// Opened Parquet files with their paths, and their columns as one table.
type OpenedParquet = (Vec<(PathBuf, ParquetFile)>, Table);

/// The Parquet files of several files, folders or patterns, opened and not yet read, with their columns as one table
/// without vectors; `None` where a file is of another format.
pub(in crate::table) fn open_parquet(
    files: &[PathBuf],
    options: &ReadOptions,
) -> Result<Option<OpenedParquet>> {
    let options = &of_each(options);
    let parts = parts_of_several(files, options.format)?;
    for part in &parts {
        if options.format.map_or_else(|| of_file(&part.path), Ok)? != Format::Parquet {
            return Ok(None);
        }
    }
    let opened = parquet_files(&parts, options)?;
    let first = some_file(&opened)?;
    let (name, schema) = (first.vector_column().to_owned(), Arc::new(first.schema()));
    let columns: Vec<RecordBatch> = opened
        .iter()
        .zip(&parts)
        .map(|(file, part)| match file {
            Some(file) => columns_of(file, part, options),
            None => Ok(RecordBatch::new_empty(schema.clone())),
        })
        .collect::<Result<_>>()?;
    agree(&columns, &parts)?;
    let rows: Vec<usize> = columns.iter().map(RecordBatch::num_rows).collect();
    let columns = joined(columns, &parts).map_err(|error| error.file(&files[0]))?;
    let vectors = Array2::zeros((rows.iter().sum(), 0));
    let paths: Vec<PathBuf> = parts.into_iter().map(|part| part.path).collect();
    let origin = Origin::of_files(paths.iter().cloned().zip(rows));
    let table = Table::new(vectors, columns, name)?.with_origin(origin);
    let opened = paths.into_iter().zip(opened).filter_map(|(path, file)| Some((path, file?)));
    Ok(Some((opened.collect(), table)))
}

/// As [`open_parquet`], without looking at the columns beside the vectors.
pub(in crate::table) fn open_parquet_vectors(
    files: &[PathBuf],
    options: &ReadOptions,
) -> Result<Option<Vec<(PathBuf, ParquetFile)>>> {
    let options = &of_each(options);
    let parts = parts_of_several(files, options.format)?;
    for part in &parts {
        if options.format.map_or_else(|| of_file(&part.path), Ok)? != Format::Parquet {
            return Ok(None);
        }
    }
    let opened = parquet_files(&parts, options)?;
    let paths = parts.into_iter().map(|part| part.path);
    Ok(Some(paths.zip(opened).filter_map(|(path, file)| Some((path, file?))).collect()))
}

fn joined_table(parts: Vec<Part>, path: &Path, options: &ReadOptions, one: ReadOne) -> Result<Table> {
    let formats = parts
        .iter()
        .map(|part| options.format.map_or_else(|| of_file(&part.path), Ok))
        .collect::<Result<Vec<_>>>()?;
    let (vectors, columns, name) = if formats.iter().all(|format| *format == Format::Parquet) {
        parquet_parts(&parts, options)?
    } else {
        any_parts(&parts, options, one)?
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
    one: ReadOne,
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

/// Parquet files are read each into its own rows of the matrix.
fn parquet_parts(parts: &[Part], options: &ReadOptions) -> Result<Read> {
    let files = parquet_files(parts, options)?;
    let first = some_file(&files)?;
    let rows = files.iter().flatten().map(|file| file.rows).sum();
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

fn any_parts(parts: &[Part], options: &ReadOptions, one: ReadOne) -> Result<Read> {
    let limit = options.memory.limit();
    let mut numbers: Vec<f32> = Vec::new();
    let mut columns = Vec::with_capacity(parts.len());
    let mut first: Option<(String, usize)> = None;
    for part in parts {
        let table = one(&part.path, options)?;
        let (name, dims) = first.get_or_insert_with(|| (table.vector_column().to_owned(), table.dims()));
        same_vectors((name, *dims), (table.vector_column(), table.dims()), &part.path)?;
        let all = numbers.len() + table.n_rows() * table.dims();
        if let Some(limit) = limit {
            Budget::bytes(limit).require(4 * all as u64, all / table.dims().max(1), table.dims())?;
        }
        columns.push(table.columns().clone());
        numbers.extend(table.vectors().iter());
    }
    agree(&columns, parts)?;
    let (name, dims) = first.unwrap_or_default();
    let rows = numbers.len() / dims.max(1);
    let vectors = Array2::from_shape_vec((rows, dims), numbers)
        .map_err(|error| Error::input("the vectors are no matrix").source(error))?;
    Ok((vectors, columns, name))
}

fn same_vectors(first: (&str, usize), other: (&str, usize), path: &Path) -> Result<()> {
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
