//! JSON documents: an array of objects, of vectors or of answers; objects one after the other; and the dumps of vector
//! stores, data frames and services, whose rows are found in them.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result, excerpt};
use crate::memory::{self, Budget};
use crate::table::column::cell::{Numbers, looks_like_vector};
use crate::table::content;
use crate::table::format::json::openai::{BatchLines, Matrix, Responses, Results, is_response};
use crate::table::format::json::rows::{Columns, JsonRows, Objects, ReadRows};
use crate::table::format::json::scan::{NoJson, elements, members, sequence, string};
use crate::table::keep::Keep;
use crate::table::{ReadOptions, Table};

/// A document is held in memory whole: beyond this it is for lines of JSON.
const LARGEST: u64 = 4 << 30;
/// Values that are looked at to tell what the rows are.
const SAMPLE: usize = 64;
/// How deep in a document its rows may be.
const DEEPEST: usize = 3;

pub(in crate::table) fn read(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    with_rows(path, options.memory, |bytes, values| {
        let numbers = Numbers::of(options);
        let sample: Vec<&[u8]> = values.iter().take(SAMPLE).map(|value| &**value).collect();
        let reader = RowReader::of(&sample, options.vector.as_deref(), numbers)?;
        reader.table(rows_of(bytes, values, &reader)?, keep)
    })
}

/// Reads the rows of a document as columns; a vector stays the text that it is.
pub(in crate::table) fn read_columns(path: &Path, memory: Budget) -> Result<RecordBatch> {
    with_rows(path, memory, |bytes, values| match values.first() {
        Some(first) if first.starts_with(b"{") => rows_of(bytes, values, &Columns)?.into_columns(),
        _ => Err(Error::input("the rows of the document have no keys, so no columns")
            .with_code("format-without-columns")
            .advice("give an array of objects")),
    })
}

fn with_rows<T>(
    path: &Path,
    memory: Budget,
    read: impl FnOnce(&[u8], &[Cow<'_, [u8]>]) -> Result<T>,
) -> Result<T> {
    let read = || {
        let mut bytes = Vec::new();
        let most = memory.limit().unwrap_or(LARGEST).min(LARGEST);
        content::open(path)?.take(most).read_to_end(&mut bytes).map_err(content::read_error)?;
        if bytes.len() as u64 == most {
            return Err(Error::memory(format!("a JSON document of more than {}", memory::shown(most)))
                .with_code("memory")
                .advice("write its rows as lines of JSON (.jsonl), which are read one by one"));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let values = values(bytes.trim_ascii())?;
        if values.is_empty() {
            return Err(Error::input("no rows").with_code("no-rows").seen("an empty array"));
        }
        read(bytes, &values)
    };
    read().map_err(|error| error.file(path))
}

/// The reader for what rows are.
pub(in crate::table) enum RowReader {
    Vectors(Matrix),
    Responses(Responses),
    Results(Results),
    Batch(BatchLines),
    Objects(Objects),
}

impl RowReader {
    /// Chooses by the first rows.
    pub(in crate::table) fn of(
        sample: &[&[u8]],
        wanted: Option<&str>,
        numbers: Numbers,
    ) -> Result<RowReader> {
        let first = sample.first().copied().unwrap_or_default();
        if first.starts_with(b"[") {
            return Ok(match Results::recognise(sample, numbers)? {
                Some(results) => RowReader::Results(results),
                None => RowReader::Vectors(Matrix::of(sample, numbers)),
            });
        }
        if !first.starts_with(b"{") {
            return Err(Error::input("an array that holds no rows")
                .seen(excerpt(&String::from_utf8_lossy(&first[..first.len().min(200)])))
                .advice(
                    "give an array of objects, of vectors ([[0.1, 0.2], ...]) or of embeddings responses",
                ));
        }
        if let Some(batch) = BatchLines::recognise(sample, numbers)? {
            return Ok(RowReader::Batch(batch));
        }
        if is_response(first)? {
            return Ok(RowReader::Responses(Responses::of(sample, numbers)));
        }
        Objects::find(sample, wanted, numbers).map(RowReader::Objects)
    }

    pub(in crate::table) fn table(&self, rows: JsonRows, keep: &mut Keep) -> Result<Table> {
        match self {
            RowReader::Vectors(matrix) => matrix.table(rows, keep),
            RowReader::Responses(responses) => responses.table(rows, keep),
            RowReader::Results(results) => results.table(rows, keep),
            RowReader::Batch(batch) => batch.table(rows, keep),
            RowReader::Objects(objects) => objects.table(rows, keep),
        }
    }
}

impl ReadRows for RowReader {
    fn add(&self, value: &[u8], rows: &mut JsonRows) -> Result<()> {
        match self {
            RowReader::Vectors(matrix) => matrix.add(value, rows),
            RowReader::Responses(responses) => responses.add(value, rows),
            RowReader::Results(results) => results.add(value, rows),
            RowReader::Batch(batch) => batch.add(value, rows),
            RowReader::Objects(objects) => objects.add(value, rows),
        }
    }
}

/// The rows of all values, which are parts of `bytes` where they were not put together.
fn rows_of(bytes: &[u8], values: &[Cow<'_, [u8]>], reader: &impl ReadRows) -> Result<JsonRows> {
    let mut rows = JsonRows::default();
    for value in values {
        reader.add(value, &mut rows).map_err(|error| {
            let error = error.row(rows.rows);
            match value {
                Cow::Borrowed(value) => {
                    let offset = (value.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
                    let before = &bytes[..offset.min(bytes.len())];
                    error.line(memchr::memchr_iter(b'\n', before).count() + 1)
                }
                Cow::Owned(_) => error,
            }
        })?;
    }
    Ok(rows)
}

/// The values that are the rows of a document.
fn values(document: &[u8]) -> Result<Vec<Cow<'_, [u8]>>> {
    let all: Vec<&[u8]> = match sequence(document).collect::<Result<_, NoJson>>() {
        Ok(all) => all,
        // The fault is told by the row that it is in.
        Err(error) if document.starts_with(b"[") => {
            let fault =
                elements(document).enumerate().find_map(|(row, value)| value.err().map(|error| (row, error)));
            let (row, error) = fault.unwrap_or((0, error));
            return Err(Error::from(error).row(row));
        }
        Err(error) => return Err(error.into()),
    };
    match all[..] {
        [array] if array.starts_with(b"[") => {
            let mut rows = Vec::new();
            for value in elements(array) {
                rows.push(value.map_err(|error| Error::from(error).row(rows.len()))?);
            }
            // A single result of parallel requests is an array too.
            Ok(rows.into_iter().map(Cow::Borrowed).collect())
        }
        [object] if object.starts_with(b"{") => rows_in(object),
        _ => Ok(all.into_iter().map(Cow::Borrowed).collect()),
    }
}

/// The rows that one object holds.
fn rows_in(object: &[u8]) -> Result<Vec<Cow<'_, [u8]>>> {
    if is_response(object)? {
        return Ok(vec![Cow::Borrowed(object)]);
    }
    if let Some(rows) = columns_of_equal_length(object)? {
        return Ok(rows);
    }
    if let Some(rows) = columns_by_index(object)? {
        return Ok(rows);
    }
    if let Some(rows) = array_of_objects(object, DEEPEST)? {
        return Ok(rows.into_iter().map(Cow::Borrowed).collect());
    }
    let keys: Vec<String> =
        members(object).map(|member| Ok(member?.0.into_owned())).collect::<Result<_, NoJson>>()?;
    // An object of vectors is one row.
    if members(object).flatten().any(|(_, value)| looks_like_vector(value)) {
        return Ok(vec![Cow::Borrowed(object)]);
    }
    Err(Error::input("a JSON object in which no rows are found")
        .with_code("json-without-rows")
        .seen(format!("its keys are {}", shown(&keys)))
        .advice("give an array of objects, or one object a line in a .jsonl file"))
}

/// The first names, and how many more there are.
fn shown(keys: &[String]) -> String {
    const SHOWN: usize = 20;
    let first =
        keys.iter().take(SHOWN).map(|key| key.chars().take(60).collect::<String>()).collect::<Vec<_>>();
    match keys.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// `{"ids": [..], "embeddings": [[..], ..], "documents": [..]}`, as Chroma, Ollama and Cohere answer.
fn columns_of_equal_length(object: &[u8]) -> Result<Option<Vec<Cow<'_, [u8]>>>, NoJson> {
    let mut arrays: Vec<(Cow<'_, str>, Vec<&[u8]>)> = Vec::new();
    for member in members(object) {
        let (key, value) = member?;
        // Cohere has the vectors of each type under one key.
        let array = match value.first() {
            Some(b'[') => Some(value),
            Some(b'{') => members(value).flatten().map(|(_, inner)| inner).find(|inner| holds_vectors(inner)),
            _ => None,
        };
        if let Some(array) = array {
            arrays.push((key, elements(array).collect::<Result<_, NoJson>>()?));
        }
    }
    let is_vectors = |values: &[&[u8]]| values.iter().any(|value| looks_like_vector(value));
    let Some(length) = arrays.iter().find(|(_, values)| is_vectors(values)).map(|(_, values)| values.len())
    else {
        return Ok(None);
    };
    arrays.retain(|(_, values)| values.len() == length);
    Ok(Some(put_together(&arrays, length)))
}

fn holds_vectors(value: &[u8]) -> bool {
    value.starts_with(b"[") && elements(value).flatten().take(SAMPLE).any(looks_like_vector)
}

/// What `df.to_json()` of pandas writes: for each column an object with the cells by index, or the columns, the
/// index and the cells (`orient="split"`), or for each index an object (`orient="index"`).
fn columns_by_index(object: &[u8]) -> Result<Option<Vec<Cow<'_, [u8]>>>, NoJson> {
    let all = members(object).collect::<Result<Vec<_>, NoJson>>()?;
    let find = |name: &str| all.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    if let (Some(columns), Some(data)) = (find("columns"), find("data"))
        && columns.starts_with(b"[")
        && data.starts_with(b"[")
    {
        let names = elements(columns).collect::<Result<Vec<_>, NoJson>>()?;
        let names: Vec<Cow<'_, str>> = names.into_iter().flat_map(string).collect();
        let mut rows = Vec::new();
        for row in elements(data) {
            let cells = elements(row?).collect::<Result<Vec<_>, NoJson>>()?;
            rows.push(Cow::Owned(object_of(names.iter().map(|name| &**name).zip(cells))));
        }
        return Ok(Some(rows));
    }
    if all.is_empty() || all.iter().any(|(_, value)| !value.starts_with(b"{")) {
        return Ok(None);
    }
    let is_index = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    if all.iter().all(|(key, _)| is_index(key)) {
        return Ok(Some(all.into_iter().map(|(_, value)| Cow::Borrowed(value)).collect()));
    }
    let mut columns: Vec<(Cow<'_, str>, Vec<&[u8]>)> = Vec::new();
    let mut index: Option<Vec<Cow<'_, str>>> = None;
    for (key, value) in all {
        let cells = members(value).collect::<Result<Vec<_>, NoJson>>()?;
        let (keys, cells): (Vec<Cow<'_, str>>, Vec<&[u8]>) = cells.into_iter().unzip();
        if index.get_or_insert_with(|| keys.clone()) != &keys {
            return Ok(None);
        }
        columns.push((key, cells));
    }
    let rows = columns.first().map_or(0, |(_, cells)| cells.len());
    let vectors = |cells: &Vec<&[u8]>| cells.iter().take(SAMPLE).any(|cell| looks_like_vector(cell));
    let by_number = index.is_some_and(|keys| keys.iter().all(|key| is_index(key)));
    if rows == 0 || !(by_number || columns.iter().any(|(_, cells)| vectors(cells))) {
        return Ok(None);
    }
    Ok(Some(put_together(&columns, rows)))
}

fn put_together<'a>(columns: &[(Cow<'_, str>, Vec<&[u8]>)], rows: usize) -> Vec<Cow<'a, [u8]>> {
    (0..rows)
        .map(|row| Cow::Owned(object_of(columns.iter().map(|(key, cells)| (&**key, cells[row])))))
        .collect()
}

fn object_of<'a>(cells: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut object = vec![b'{'];
    for (key, value) in cells {
        if object.len() > 1 {
            object.push(b',');
        }
        object.extend_from_slice(serde_json::Value::from(key).to_string().as_bytes());
        object.push(b':');
        object.extend_from_slice(value);
    }
    object.push(b'}');
    object
}

/// The longest array of objects in an object or in the objects inside it: the rows of a scroll or a search.
fn array_of_objects(object: &[u8], depth: usize) -> Result<Option<Vec<&[u8]>>, NoJson> {
    let mut best: Option<Vec<&[u8]>> = None;
    for member in members(object) {
        let (_, value) = member?;
        let found = match value.first() {
            Some(b'[') => {
                let values = elements(value).collect::<Result<Vec<_>, NoJson>>()?;
                values.first().is_some_and(|first| first.starts_with(b"{")).then_some(values)
            }
            Some(b'{') if depth > 1 => array_of_objects(value, depth - 1)?,
            _ => None,
        };
        if let Some(found) = found
            && best.as_ref().is_none_or(|best| found.len() > best.len())
        {
            best = Some(found);
        }
    }
    Ok(best)
}
