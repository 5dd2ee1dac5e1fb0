//! Several files as one table: a folder of parts as Spark, DuckDB and the Hugging Face hub write them (hive folders
//! `year=2024/` too), a folder of `Dataset.save_to_disk`, or the files that a pattern names.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use globset::GlobBuilder;
use ndarray::Array2;
use regex::Regex;

use crate::error::{Error, Result};
use crate::table::column::text_column::TextColumn;
use crate::table::column::{arrow_vectors, matrix};
use crate::table::format::parquet::ParquetFile;
use crate::table::{Format, Origin, ReadOptions, Table, content};

/// One file of several.
#[derive(Debug, Clone)]
struct Part {
    path: PathBuf,
    /// What the folders around it say: `year=2024`.
    keys: Vec<(String, Option<String>)>,
    split: Option<String>,
}

/// Whether a path that is not a file is a pattern, such as `shards/*.parquet`.
pub(in crate::table) fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.contains(['*', '?', '['])) && !path.exists()
}

/// Whether a folder or a pattern has parts.
pub(in crate::table) fn has_parts(path: &Path) -> bool {
    parts(path).is_ok_and(|parts| !parts.is_empty())
}

pub(in crate::table) fn read(path: &Path, options: &ReadOptions) -> Result<Table> {
    let parts = some_parts(path)?;
    let options = ReadOptions { format: None, ..options.clone() };
    let formats = parts.iter().map(|part| content::detect(&part.path)).collect::<Result<Vec<_>>>()?;
    let (vectors, columns, name) = if formats.iter().all(|format| *format == Format::Parquet) {
        parquet_parts(&parts, &options)?
    } else {
        any_parts(&parts, &options)?
    };
    let rows: Vec<usize> = columns.iter().map(RecordBatch::num_rows).collect();
    let columns = joined(columns, &parts).map_err(|error| error.file(path))?;
    let origin = Origin::of_files(parts.into_iter().map(|part| part.path).zip(rows));
    Ok(Table::new(vectors, columns, name)?.with_origin(origin))
}

pub(in crate::table) fn read_without_vectors(path: &Path, options: &ReadOptions) -> Result<Table> {
    let parts = some_parts(path)?;
    let options = ReadOptions { format: None, ..options.clone() };
    let columns: Vec<RecordBatch> = parts
        .iter()
        .map(|part| Ok(crate::table::read::one_without_vectors(&part.path, &options)?.columns().clone()))
        .collect::<Result<_>>()?;
    agree(&columns, &parts)?;
    let rows: Vec<usize> = columns.iter().map(RecordBatch::num_rows).collect();
    let columns = joined(columns, &parts).map_err(|error| error.file(path))?;
    let origin = Origin::of_files(parts.into_iter().map(|part| part.path).zip(rows));
    Ok(Table::from_columns(columns).with_origin(origin))
}

type Read = (Array2<f32>, Vec<RecordBatch>, String);

/// Parquet files are read each into its own rows of the matrix.
fn parquet_parts(parts: &[Part], options: &ReadOptions) -> Result<Read> {
    // Spark writes files without rows, too.
    let files: Vec<Option<ParquetFile>> = parts
        .iter()
        .map(|part| match ParquetFile::open(&part.path, options) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.code() == "no-rows" => Ok(None),
            Err(error) => Err(error),
        })
        .collect::<Result<_>>()?;
    let Some(first) = files.iter().flatten().next() else {
        return Err(Error::input("no rows").with_code("no-rows").advice("check how the files were written"));
    };
    for (file, part) in files.iter().zip(parts) {
        if let Some(file) = file {
            same_vectors((first.vector_column(), first.dims), (file.vector_column(), file.dims), &part.path)?;
        }
    }
    let rows = files.iter().flatten().map(|file| file.rows).sum();
    let mut vectors = matrix::zeros(rows, first.dims)?;
    let mut at = 0;
    let mut columns = Vec::with_capacity(parts.len());
    for file in &files {
        let Some(file) = file else {
            columns.push(RecordBatch::new_empty(Arc::new(first.schema())));
            continue;
        };
        let mut stretch = vectors.slice_mut(ndarray::s![at..at + file.rows, ..]);
        file.read_vectors(stretch.as_slice_mut().unwrap_or_default())?;
        if !options.keeps_faults() {
            matrix::refuse_non_finite(stretch.view(), 0).map_err(|error| file.at(error))?;
        }
        columns.push(crate::table::columns::plain(file.read_columns()?)?);
        at += file.rows;
    }
    agree(&columns, parts)?;
    Ok((vectors, columns, first.vector_column().to_owned()))
}

fn any_parts(parts: &[Part], options: &ReadOptions) -> Result<Read> {
    let mut numbers: Vec<f32> = Vec::new();
    let mut columns = Vec::with_capacity(parts.len());
    let mut first: Option<(String, usize)> = None;
    for part in parts {
        let table = crate::table::read::one(&part.path, options)?;
        let (name, dims) = first.get_or_insert_with(|| (table.vector_column().to_owned(), table.dims()));
        same_vectors((name, *dims), (table.vector_column(), table.dims()), &part.path)?;
        numbers
            .try_reserve(table.n_rows() * table.dims())
            .map_err(|error| Error::memory("the vectors do not fit in memory").source(error))?;
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
    Err(Error::input("the vectors are not those of the first part")
        .with_code("parts-differ")
        .file(path)
        .seen(format!("{} where the first part has {}", describe(other), describe(first)))
        .advice("keep one folder for each model"))
}

/// The parts of a folder or a pattern, in natural order: `part-2` before `part-10`.
fn parts(path: &Path) -> Result<Vec<Part>> {
    let mut parts = if is_pattern(path) {
        matching(path)?
    } else if path.join("dataset_dict.json").is_file() {
        splits_on_disk(path)?
    } else {
        let within = path.join("data");
        let mut inside = Vec::new();
        if within.is_dir() {
            walk(&within, &[], &mut inside)?;
        }
        if inside.is_empty() {
            walk(path, &[], &mut inside)?;
        }
        inside
    };
    // Of several formats in one folder the data are in the first of these.
    let order = [
        Format::Parquet,
        Format::ArrowIpc,
        Format::JsonLines,
        Format::Csv,
        Format::Tsv,
        Format::Npy,
        Format::Safetensors,
        Format::Json,
    ];
    let formats: Vec<Option<Format>> = parts.iter().map(|part| Format::of_name(&part.path)).collect();
    if let Some(format) = order.into_iter().find(|format| formats.contains(&Some(*format))) {
        parts.retain(|part| Format::of_name(&part.path) == Some(format));
    }
    parts.sort_by(|a, b| natural_order(&a.path, &b.path));
    name_splits(&mut parts);
    Ok(parts)
}

fn some_parts(path: &Path) -> Result<Vec<Part>> {
    let parts = parts(path)?;
    if parts.is_empty() {
        let what = if is_pattern(path) { "no file has a name like this" } else { "no files with data" };
        return Err(Error::input(what)
            .with_code("file-not-found")
            .file(path)
            .advice("a folder of parts has them in it, in data/, or in folders such as year=2024/"));
    }
    Ok(parts)
}

/// Adds the data files of a folder and of the hive folders in it.
fn walk(folder: &Path, keys: &[(String, Option<String>)], parts: &mut Vec<Part>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|error| Error::io("cannot list", error).file(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(['.', '_'])
            || ["dataset_info.json", "dataset_infos.json", "state.json"].contains(&&*name)
        {
            continue;
        }
        if path.is_dir() {
            if let Some((key, value)) = name.split_once('=').filter(|(key, _)| !key.is_empty()) {
                let value = (value != "__HIVE_DEFAULT_PARTITION__").then(|| unescaped(value));
                let keys = [keys, &[(unescaped(key), value)]].concat();
                walk(&path, &keys, parts)?;
            }
        } else if Format::of_name(&path).is_some() {
            parts.push(Part { path, keys: keys.to_vec(), split: None });
        }
    }
    Ok(())
}

/// `a%20b` as `a b`.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).and_then(|code| u8::from_str_radix(code, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// The folders of `DatasetDict.save_to_disk`.
fn splits_on_disk(path: &Path) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let entries = std::fs::read_dir(path).map_err(|error| Error::io("cannot list", error).file(path))?;
    for entry in entries {
        let folder = entry.map_err(|error| Error::io("cannot list", error).file(path))?.path();
        if folder.join("state.json").is_file() {
            let split = folder.file_name().map(|name| name.to_string_lossy().into_owned());
            let before = parts.len();
            walk(&folder, &[], &mut parts)?;
            parts[before..].iter_mut().for_each(|part| part.split.clone_from(&split));
        }
    }
    Ok(parts)
}

/// The files that a pattern names.
fn matching(pattern: &Path) -> Result<Vec<Part>> {
    let text = pattern.to_string_lossy();
    let refused =
        |error: globset::Error| Error::argument("a pattern that cannot be read").file(pattern).source(error);
    let matcher = GlobBuilder::new(&text).literal_separator(true).build().map_err(refused)?.compile_matcher();
    let mut base = PathBuf::new();
    for component in pattern.components() {
        if component.as_os_str().to_string_lossy().contains(['*', '?', '[']) {
            break;
        }
        base.push(component);
    }
    let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
    let depth = pattern.components().count() - pattern.components().take(base.components().count()).count();
    let depth = if text.contains("**") { 12 } else { depth + 1 };
    let mut parts = Vec::new();
    let mut folders = vec![(base, 0)];
    while let Some((folder, level)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let named = path.strip_prefix(".").unwrap_or(&path);
            if path.is_dir() && level < depth && !path.is_symlink() {
                folders.push((path.clone(), level + 1));
            } else if matcher.is_match(named) && path.is_file() {
                let keys = hive_keys(&path);
                parts.push(Part { path, keys, split: None });
            }
        }
    }
    Ok(parts)
}

fn hive_keys(path: &Path) -> Vec<(String, Option<String>)> {
    let folders = path.parent().into_iter().flat_map(Path::components);
    folders
        .filter_map(|folder| {
            let name = folder.as_os_str().to_string_lossy();
            let (key, value) = name.split_once('=').filter(|(key, _)| !key.is_empty())?;
            Some((unescaped(key), (value != "__HIVE_DEFAULT_PARTITION__").then(|| unescaped(value))))
        })
        .collect()
}

/// Names in order, and numbers in them by their size.
fn natural_order(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.to_string_lossy(), b.to_string_lossy());
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let ((number, rest), (other, others)) =
                    (left.split_at(digits(left)), right.split_at(digits(right)));
                let trimmed =
                    |number: &'_ [u8]| number.iter().position(|byte| *byte != b'0').unwrap_or(number.len());
                let (x, y) = (&number[trimmed(number)..], &other[trimmed(other)..]);
                match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                    Ordering::Equal => (left, right) = (rest, others),
                    unequal => return unequal,
                }
            }
            (Some(x), Some(y)) if x == y => (left, right) = (&left[1..], &right[1..]),
            // A folder comes before one whose name goes on.
            (x, y) => {
                let key = |byte: Option<&u8>| {
                    byte.map_or(0, |byte| if *byte == b'/' { 1 } else { 1 + u16::from(*byte) })
                };
                return key(x).cmp(&key(y)).then_with(|| a.cmp(&b));
            }
        }
    }
}

/// The split of each part, where the names tell splits as the Hugging Face hub writes them: `train-00000-of-00002`, or
/// `train` and `test`. Parts of Spark (`part-00000-..`) and of one data set (`data-00000-of-00002`) are not splits.
fn name_splits(parts: &mut [Part]) {
    static NUMBERED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(.+?)-\d{5,}-of-\d{5,}(-[0-9a-f]+)?$").ok());
    const SPLITS: [&str; 8] = ["train", "test", "validation", "valid", "val", "dev", "eval", "unsupervised"];
    let split = |part: &Part| -> Option<String> {
        let stem = part.path.file_stem()?.to_string_lossy().into_owned();
        let numbered = NUMBERED.as_ref().and_then(|numbered| numbered.captures(&stem));
        let name = match numbered {
            Some(found) => found[1].to_owned(),
            None if SPLITS.contains(&&*stem) => stem.clone(),
            None => return None,
        };
        Some(name).filter(|name| !["data", "part"].contains(&&**name))
    };
    if parts.iter().any(|part| part.split.is_some()) {
        return;
    }
    let splits: Vec<Option<String>> = parts.iter().map(split).collect();
    let several = splits.iter().any(|split| *split != splits[0]);
    if several && splits.iter().all(Option::is_some) {
        parts.iter_mut().zip(splits).for_each(|(part, split)| part.split = split);
    }
}

/// Joins the columns of the parts, with what the names of their folders and files say as columns.
fn joined(columns: Vec<RecordBatch>, parts: &[Part]) -> Result<RecordBatch> {
    let rows: Vec<usize> = columns.iter().map(RecordBatch::num_rows).collect();
    let schema = common_schema(&columns);
    let columns: Vec<RecordBatch> =
        columns.iter().map(|batch| as_schema(batch, &schema)).collect::<Result<_>>()?;
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
        field.as_ref().clone().with_nullable(true).with_data_type(data_type)
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
            (None, Some(name)) => format!("a column {name} that the first part has not"),
            (None, None) => continue,
        };
        return Err(Error::input("the columns are not those of the first part")
            .with_code("parts-differ")
            .file(&part.path)
            .seen(seen)
            .advice("keep one folder for each dataset"));
    }
    Ok(())
}
