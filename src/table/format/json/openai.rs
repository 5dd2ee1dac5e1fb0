//! What OpenAI's embeddings endpoint gives, and the services that answer as it does: responses, the output of a batch,
//! and the results of the cookbook's parallel requests.

use std::borrow::Cow;

use crate::error::{Error, Result, excerpt};
use crate::table::Table;
use crate::table::column::cell::{Numbers, parse_vector_of};
use crate::table::column::cell_error::CellError;
use crate::table::column::vector_column::usual_length;
use crate::table::format::json::rows::{JsonRows, ReadRows};
use crate::table::format::json::scan::{NoJson, elements, member, members, string};
use crate::table::keep::Keep;

const VECTORS: &str = "embedding";

/// Vectors without keys.
pub(in crate::table) struct Matrix {
    dims: usize,
    numbers: Numbers,
}

impl Matrix {
    /// Vectors of the usual length of the first.
    pub(in crate::table) fn of(sample: &[&[u8]], numbers: Numbers) -> Matrix {
        let lengths: Vec<usize> =
            sample.iter().map(|vector| length(vector, numbers)).filter(|n| *n > 0).collect();
        Matrix { dims: usual_length(&lengths), numbers }
    }

    pub(in crate::table) fn table(&self, rows: JsonRows, keep: &mut Keep) -> Result<Table> {
        rows.into_table(VECTORS, self.dims, keep)
    }
}

impl ReadRows for Matrix {
    fn add(&self, vector: &[u8], rows: &mut JsonRows) -> Result<()> {
        let start = rows.numbers.len();
        let read = add_vector(vector, self.numbers, &mut rows.numbers);
        let read = read.and_then(|()| rows.check_length(start, self.dims));
        rows.settle(read, start, self.dims, self.numbers)?;
        rows.end_row();
        Ok(())
    }
}

/// Embeddings responses: each has a vector for each of its inputs.
pub(in crate::table) struct Responses {
    dims: usize,
    numbers: Numbers,
}

impl Responses {
    /// Responses whose vectors have the usual length of the first.
    pub(in crate::table) fn of(sample: &[&[u8]], numbers: Numbers) -> Responses {
        let lengths: Vec<usize> =
            sample.iter().map(|response| length_in_response(response, numbers)).filter(|n| *n > 0).collect();
        Responses { dims: usual_length(&lengths), numbers }
    }

    pub(in crate::table) fn table(&self, rows: JsonRows, keep: &mut Keep) -> Result<Table> {
        rows.into_table(VECTORS, self.dims, keep)
    }

    /// Adds the vectors of a response in the order of its inputs, each with these cells.
    fn add_with(&self, cells: &[(&str, Option<&[u8]>)], response: &[u8], rows: &mut JsonRows) -> Result<()> {
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
            let read = add_vector(vector.unwrap_or(b"null"), self.numbers, &mut rows.numbers)
                .and_then(|()| rows.check_length(start, self.dims))
                .map_err(|error| error.column(VECTORS));
            rows.settle(read, start, self.dims, self.numbers)?;
            for (key, value) in cells.iter().chain(&[("model", model), ("index", index)]) {
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
        self.add_with(&[], response, rows)
    }
}

/// The lines of a batch's output file: each a request's `custom_id` and its response, in any order.
pub(in crate::table) struct BatchLines(Responses);

impl BatchLines {
    /// Tells from the first line whether a file is a batch's output.
    pub(in crate::table) fn recognise(sample: &[&[u8]], numbers: Numbers) -> Result<Option<Self>> {
        let Some(first) = sample.first() else { return Ok(None) };
        if member(first, "custom_id")?.is_none() || member(first, "response")?.is_none() {
            return Ok(None);
        }
        // A request that failed tells nothing here, and has its error when its line is read.
        fn body(line: &[u8]) -> Option<&[u8]> {
            let response =
                member(line, "response").ok().flatten().filter(|response| response.starts_with(b"{"))?;
            member(response, "body").ok().flatten()
        }
        let bodies: Vec<&[u8]> = sample.iter().copied().filter_map(body).collect();
        Ok(Some(BatchLines(Responses::of(&bodies, numbers))))
    }

    pub(in crate::table) fn table(&self, rows: JsonRows, keep: &mut Keep) -> Result<Table> {
        self.0.table(rows, keep)
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
            None | Some(b"200") => self.0.add_with(&[("custom_id", custom_id)], body, rows),
            Some(_) => {
                let error = if body.starts_with(b"{") { member(body, "error")? } else { None };
                Err(failed(message(error.unwrap_or(body))))
            }
        }
    }
}

/// The lines of the cookbook's script for parallel requests: `[request, response]` or `[request, response, metadata]`,
/// in any order; the metadata's keys (`row_id`) and the request's input are columns.
pub(in crate::table) struct Results(Responses);

impl Results {
    /// Tells from the first lines whether they are such results.
    pub(in crate::table) fn recognise(sample: &[&[u8]], numbers: Numbers) -> Result<Option<Self>, NoJson> {
        let mut responses = Vec::new();
        for line in sample {
            match elements(line).take(3).collect::<Result<Vec<_>, NoJson>>()?[..] {
                [request, response, ..] if request.starts_with(b"{") => responses.push(response),
                _ => return Ok(None),
            }
        }
        // A request that failed tells nothing here, and has its error when its line is read.
        responses.retain(|response| response.starts_with(b"{"));
        Ok(Some(Results(Responses::of(&responses, numbers))))
    }

    pub(in crate::table) fn table(&self, rows: JsonRows, keep: &mut Keep) -> Result<Table> {
        self.0.table(rows, keep)
    }
}

impl ReadRows for Results {
    fn add(&self, line: &[u8], rows: &mut JsonRows) -> Result<()> {
        let parts = elements(line).collect::<Result<Vec<_>, NoJson>>()?;
        let (request, response) = match parts[..] {
            [request, response, ..] if request.starts_with(b"{") => (request, response),
            _ => return Err(Error::input("a line that is no request with its response")),
        };
        let mut cells = Vec::new();
        // An array of inputs has its places in the response.
        let input = member(request, "input")?.filter(|input| input.starts_with(b"\""));
        let metadata = parts.get(2).filter(|metadata| metadata.starts_with(b"{"));
        let metadata =
            metadata.map(|metadata| members(metadata).collect::<Result<Vec<_>, NoJson>>()).transpose()?;
        let metadata = metadata.unwrap_or_default();
        cells.extend(metadata.iter().map(|(key, value)| (&**key, Some(*value))));
        cells.push(("input", input));
        if !response.starts_with(b"{") {
            let start = rows.numbers.len();
            let failed = Err(Error::input("a request that failed")
                .with_code("vector-missing")
                .seen(excerpt(&String::from_utf8_lossy(response)))
                .advice("send it again, or remove its line"));
            rows.settle(failed, start, self.0.dims, self.0.numbers)?;
            for (key, value) in cells {
                value.map(|value| rows.add_cell(0, key, value)).transpose()?;
            }
            rows.end_row();
            return Ok(());
        }
        self.0.add_with(&cells, response, rows)
    }
}

/// The message in an error object, or the object.
fn message(error: &[u8]) -> &[u8] {
    if !error.starts_with(b"{") {
        return error;
    }
    member(error, "message").ok().flatten().unwrap_or(error)
}

pub(in crate::table) fn is_response(value: &[u8]) -> Result<bool, NoJson> {
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

/// Adds a vector: an array of numbers, or the base64 of floats.
fn add_vector(value: &[u8], numbers: Numbers, out: &mut Vec<f32>) -> Result<()> {
    match value {
        b"null" => Err(CellError::Empty.into()),
        [b'"', ..] => Ok(parse_vector_of(string(value)?.as_bytes(), numbers, out)?),
        _ => Ok(parse_vector_of(value, numbers, out)?),
    }
}
