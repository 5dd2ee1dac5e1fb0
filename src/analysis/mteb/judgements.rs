//! Relevance judgements, lists of candidates and runs: TREC's and BEIR's files, and tables of any format.

use std::path::Path;

use super::sides;
use crate::error::{Error, Result, excerpt};
use crate::table::Table;

const QUERY: [&str; 6] = ["query-id", "query_id", "qid", "query", "topic", "q"];
const DOCUMENT: [&str; 8] =
    ["corpus-id", "corpus_id", "docid", "doc_id", "document", "pid", "passage_id", "d"];
const RELEVANCE: [&str; 5] = ["score", "relevance", "rel", "label", "judgement"];

/// A query and a document, with the number that the file gives them.
pub(super) struct Line {
    pub query: String,
    pub document: String,
    pub number: f64,
    /// Where it stands: the row of a table, or the line of a text file.
    pub row: Option<usize>,
    pub line: Option<usize>,
}

impl Line {
    /// Says where the line stands.
    pub fn locate(&self, error: Error, path: &Path) -> Error {
        let error = error.file(path);
        match (self.row, self.line) {
            (Some(row), _) => error.row(row),
            (None, Some(line)) => error.line(line),
            (None, None) => error,
        }
    }
}

/// What a file of lines holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Judgements: TREC's `query 0 document relevance`, BEIR's table of `query-id`, `corpus-id`, `score`.
    Judgements,
    /// A run: TREC's `query Q0 document rank score name`, or a table with a score.
    Run,
    /// Candidates: a run or judgements whose numbers do not matter, or a table without numbers.
    Candidates,
}

/// Reads the lines of a file.
///
/// # Errors
/// When the file cannot be read, has no lines, a line has too few fields, a number is none, or a relevance is negative
/// or no whole number; file and line are named.
pub(super) fn read(path: &Path, holds: Holds) -> Result<Vec<Line>> {
    let lines = match trec(path, holds)? {
        Some(lines) => lines,
        None => table(path, holds)?,
    };
    if lines.is_empty() {
        return Err(Error::input("no lines").with_code("no-rows").file(path));
    }
    if holds == Holds::Judgements {
        for line in &lines {
            let relevance = line.number;
            if relevance < 0.0 || relevance.fract() != 0.0 || relevance > f64::from(u16::MAX) {
                return Err(line.locate(
                    Error::input("a relevance that is no whole number of 0 or more")
                        .with_code("relevance-invalid")
                        .seen(relevance.to_string())
                        .advice("0 is not relevant, 1 and more are degrees of relevance"),
                    path,
                ));
            }
        }
    }
    Ok(lines)
}

/// The fields of a line of TREC's formats: query, document, number.
fn fields(line: &str) -> Option<(&str, &str, &str)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields[..] {
        [query, _, document, relevance] => Some((query, document, relevance)),
        [query, _, document, _, score, _] => Some((query, document, score)),
        _ => None,
    }
}

/// The lines of a text in one of TREC's formats; `None` when its first line is not.
fn trec(path: &Path, holds: Holds) -> Result<Option<Vec<Line>>> {
    let tables = ["csv", "parquet", "arrow", "jsonl", "ndjson", "json", "feather"];
    if path
        .extension()
        .is_some_and(|extension| tables.iter().any(|table| extension.eq_ignore_ascii_case(table)))
    {
        return Ok(None);
    }
    let bytes = std::fs::read(path)
        .map_err(|error| Error::io("cannot open", error).file(path).advice("check the path"))?;
    let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(None) };
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if fields(first).is_none_or(|(_, _, number)| number.parse::<f64>().is_err()) {
        return Ok(None);
    }
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let bad = |what: &str| {
            Error::input(what).with_code("line-invalid").file(path).line(at + 1).seen(excerpt(line)).advice(
                match holds {
                    Holds::Judgements => "a line is: query 0 document relevance",
                    _ => "a line is: query Q0 document rank score name",
                },
            )
        };
        let (query, document, number) = fields(line).ok_or_else(|| bad("a line of another shape"))?;
        let number: f64 = number.parse().map_err(|_| bad("no number"))?;
        if !number.is_finite() {
            return Err(bad("a number that is not finite"));
        }
        lines.push(Line {
            query: query.to_owned(),
            document: document.to_owned(),
            number,
            row: None,
            line: Some(at + 1),
        });
    }
    Ok(Some(lines))
}

fn table(path: &Path, holds: Holds) -> Result<Vec<Line>> {
    let table = sides::columns(path)?;
    let queries = table.text(sides::one_of(&table, path, &QUERY, "the query")?)?;
    let documents = table.text(sides::one_of(&table, path, &DOCUMENT, "the document")?)?;
    let numbers = numbers(&table, path, holds)?;
    queries
        .into_iter()
        .zip(documents)
        .zip(numbers)
        .enumerate()
        .map(|(row, ((query, document), number))| match (query, document, number) {
            (Some(query), Some(document), Some(number)) if number.is_finite() => {
                Ok(Line { query, document, number, row: Some(row), line: None })
            }
            _ => Err(Error::input("a line without a query, a document or a number")
                .with_code("line-invalid")
                .file(path)
                .row(row)),
        })
        .collect()
}

fn numbers(table: &Table, path: &Path, holds: Holds) -> Result<Vec<Option<f64>>> {
    let column = sides::one_of(table, path, &RELEVANCE, "the number");
    match (column, holds) {
        (Err(_), Holds::Candidates) => Ok(vec![Some(0.0); table.n_rows()]),
        (Err(error), _) => Err(error),
        (Ok(column), _) => table.numbers(column).map_err(|error| error.file(path)),
    }
}
