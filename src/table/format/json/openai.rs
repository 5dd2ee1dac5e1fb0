//! What OpenAI's embeddings endpoint gives, and the services that answer as it does: a response, an
//! array of them, and the output of a batch. Other JSON documents: an array of objects or of vectors.

use std::borrow::Cow;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result, excerpt};
use crate::table::column::cell::{CellError, Numbers, parse_vector_of};
use crate::table::format::json::rows::{JsonRows, Objects, ReadRows};
use crate::table::format::json::scan::{NoJson, elements, member, members, string};
use crate::table::{ReadOptions, Table};

const VECTORS: &str = "embedding";

pub(in crate::table) fn read(path: &Path, options: &ReadOptions) -> Result<Table> {
    std::fs::read(path)
        .map_err(|error| Error::io("cannot read", error))
        .and_then(|bytes| document(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes), options))
        .map_err(|error| error.file(path))
}

fn document(bytes: &[u8], options: &ReadOptions) -> Result<Table> {
    let numbers = Numbers::of(options);
    let document = bytes.trim_ascii();
    if document.starts_with(b"[") {
        let first = elements(document).next().transpose()?;
        let first =
            first.ok_or_else(|| Error::input("no rows").with_code("no-rows").seen("an empty array"))?;
        if !first.starts_with(b"[") && !first.starts_with(b"{") {
            return Err(Error::input("an array that holds no rows")
                .seen(excerpt(&String::from_utf8_lossy(&first[..first.len().min(200)])))
                .advice(
                    "give an array of objects, of vectors ([[0.1, 0.2], ...]) or of embeddings responses",
                ));
        }
        return if first.starts_with(b"[") {
            let matrix = Matrix { dims: length(first, numbers), numbers };
            matrix.table(rows_of(bytes, elements(document), &matrix)?)
        } else if is_response(first)? {
            let responses = Responses { dims: length_in_response(first, numbers), numbers };
            responses.table(rows_of(bytes, elements(document), &responses)?)
        } else {
            let objects = Objects::find(first, options.vector.as_deref(), numbers)?;
            objects.table(rows_of(bytes, elements(document), &objects)?)
        };
    }
    if is_response(document)? {
        let responses = Responses { dims: length_in_response(document, numbers), numbers };
        return responses.table(rows_of(bytes, std::iter::once(Ok(document)), &responses)?);
    }
    let keys = members(document).map(|member| Ok(member?.0)).collect::<Result<Vec<_>, NoJson>>()?;
    Err(Error::input("a JSON object that is not an embeddings response")
        .seen(format!("its keys are {}", keys.join(", ")))
        .advice("give an array of objects, or one object a line in a .jsonl file"))
}

/// The rows of all values, which are parts of `bytes`.
fn rows_of<'a>(
    bytes: &[u8],
    values: impl Iterator<Item = Result<&'a [u8], NoJson>>,
    reader: &impl ReadRows,
) -> Result<JsonRows> {
    let mut rows = JsonRows::default();
    for value in values {
        let value = value.map_err(|error| Error::from(error).row(rows.rows))?;
        reader.add(value, &mut rows).map_err(|error| {
            let offset = (value.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize).min(bytes.len());
            let lines = memchr::memchr_iter(b'\n', &bytes[..offset]).count();
            error.row(rows.rows).line(lines + 1)
        })?;
    }
    Ok(rows)
}

/// An array of vectors.
struct Matrix {
    dims: usize,
    numbers: Numbers,
}

impl Matrix {
    fn table(&self, rows: JsonRows) -> Result<Table> {
        rows.into_table(VECTORS, self.dims)
    }
}

impl ReadRows for Matrix {
    fn add(&self, vector: &[u8], rows: &mut JsonRows) -> Result<()> {
        let start = rows.numbers.len();
        add_vector(vector, self.numbers, &mut rows.numbers)?;
        rows.check_length(start, self.dims)?;
        rows.end_row();
        Ok(())
    }
}

/// Embeddings responses: each has a vector for each of its inputs.
struct Responses {
    dims: usize,
    numbers: Numbers,
}

impl Responses {
    fn table(&self, rows: JsonRows) -> Result<Table> {
        rows.into_table(VECTORS, self.dims)
    }

    /// Adds the vectors of a response in the order of its inputs.
    fn add_with(&self, custom_id: Option<&[u8]>, response: &[u8], rows: &mut JsonRows) -> Result<()> {
        let model = member(response, "model")?;
        let data = member(response, "data")?.ok_or_else(|| Error::input("a response without data"))?;
        let mut embeddings = Vec::new();
        for (position, element) in elements(data).enumerate() {
            let element = element?;
            let index = member(element, "index")?;
            let order = index.and_then(|index| std::str::from_utf8(index).ok()?.parse().ok());
            embeddings.push((order.unwrap_or(position), index, member(element, "embedding")?));
        }
        embeddings.sort_by_key(|(order, ..)| *order);
        for (_, index, vector) in embeddings {
            let start = rows.numbers.len();
            add_vector(vector.unwrap_or(b"null"), self.numbers, &mut rows.numbers)
                .and_then(|()| rows.check_length(start, self.dims))
                .map_err(|error| error.column(VECTORS))?;
            let cells = [("custom_id", custom_id), ("model", model), ("index", index)];
            for (key, value) in cells {
                if let Some(value) = value {
                    rows.add_cell(0, key, value)?;
                }
            }
            rows.end_row();
        }
        Ok(())
    }
}

impl ReadRows for Responses {
    fn add(&self, response: &[u8], rows: &mut JsonRows) -> Result<()> {
        self.add_with(None, response, rows)
    }
}

/// The lines of a batch's output file: each a request's `custom_id` and its response, in any order.
pub(in crate::table) struct BatchLines(Responses);

impl BatchLines {
    /// Tells from the first line whether a file is a batch's output.
    pub(in crate::table) fn recognise(first: &[u8], numbers: Numbers) -> Result<Option<Self>> {
        let (Some(_), Some(response)) = (member(first, "custom_id")?, member(first, "response")?) else {
            return Ok(None);
        };
        // A request that failed gives 0 here, and its error when its line is read.
        let body = if response.starts_with(b"{") { member(response, "body")? } else { None };
        let dims = body.map_or(0, |body| length_in_response(body, numbers));
        Ok(Some(BatchLines(Responses { dims, numbers })))
    }

    pub(in crate::table) fn table(&self, rows: JsonRows) -> Result<Table> {
        self.0.table(rows)
    }
}

impl ReadRows for BatchLines {
    fn add(&self, line: &[u8], rows: &mut JsonRows) -> Result<()> {
        let custom_id = member(line, "custom_id")?;
        let failed = |reason: &[u8]| {
            let id = custom_id.map_or(Cow::Borrowed("no custom_id"), String::from_utf8_lossy);
            Error::input("a request of the batch failed")
                .seen(format!("{id}, {}", excerpt(&String::from_utf8_lossy(reason))))
                .advice("send it again in another batch, or remove its line")
        };
        match member(line, "error")? {
            None | Some(b"null") => {}
            Some(error) => return Err(failed(message(error))),
        }
        let response = match member(line, "response")? {
            Some(response) if response.starts_with(b"{") => response,
            _ => return Err(failed(b"no response")),
        };
        let body = member(response, "body")?.unwrap_or(b"{}");
        match member(response, "status_code")? {
            None | Some(b"200") => self.0.add_with(custom_id, body, rows),
            Some(_) => {
                let error = if body.starts_with(b"{") { member(body, "error")? } else { None };
                Err(failed(message(error.unwrap_or(body))))
            }
        }
    }
}

/// The message in an error object, or the object.
fn message(error: &[u8]) -> &[u8] {
    if !error.starts_with(b"{") {
        return error;
    }
    member(error, "message").ok().flatten().unwrap_or(error)
}

fn is_response(value: &[u8]) -> Result<bool, NoJson> {
    let Some(data) = member(value, "data")? else { return Ok(false) };
    if !data.starts_with(b"[") {
        return Ok(false);
    }
    match elements(data).next().transpose()? {
        Some(first) if first.starts_with(b"{") => Ok(member(first, "embedding")?.is_some()),
        _ => Ok(false),
    }
}

/// The length of the first vector of a response; 0 where there is none, or one with a fault.
fn length_in_response(response: &[u8], numbers: Numbers) -> usize {
    let first = |response| -> Result<Option<&[u8]>, NoJson> {
        let Some(data) = member(response, "data")? else { return Ok(None) };
        let Some(first) = elements(data).next().transpose()? else { return Ok(None) };
        member(first, "embedding")
    };
    first(response).ok().flatten().map_or(0, |vector| length(vector, numbers))
}

fn length(vector: &[u8], numbers: Numbers) -> usize {
    let mut out = Vec::new();
    add_vector(vector, numbers, &mut out).map_or(0, |()| out.len())
}

/// Adds a vector: an array of numbers, or the base64 of little-endian 32-bit floats.
fn add_vector(value: &[u8], numbers: Numbers, out: &mut Vec<f32>) -> Result<()> {
    match value {
        b"null" => Err(CellError::Empty.into()),
        [b'"', ..] => add_base64(&string(value)?, numbers, out),
        _ => Ok(parse_vector_of(value, numbers, out)?),
    }
}

fn add_base64(text: &str, numbers: Numbers, out: &mut Vec<f32>) -> Result<()> {
    let failed = |seen: String| {
        Error::input("no vector")
            .with_code("vector-missing")
            .seen(seen)
            .advice("embed this row again, or ask for encoding_format float")
    };
    let bytes = STANDARD.decode(text).map_err(|_| failed(format!("{} is not base64", excerpt(text))))?;
    let (floats, rest) = bytes.as_chunks::<4>();
    if floats.is_empty() || !rest.is_empty() {
        return Err(failed(format!("{} bytes in base64, not a multiple of 4", bytes.len())));
    }
    let start = out.len();
    out.extend(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)));
    match out[start..].iter().find(|number| !number.is_finite()) {
        Some(number) if numbers == Numbers::Finite => {
            Err(CellError::NotFinite(excerpt(&number.to_string())).into())
        }
        _ => Ok(()),
    }
}
