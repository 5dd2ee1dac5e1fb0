//! Errors of the engine as errors of this crate.

use std::fmt;

use datafusion::common::{DataFusionError, SchemaError};

use crate::carried::marked;
use crate::error::{Error, nearest_name};
use crate::memory::Budget;
use crate::memory::shown;

/// An error of this crate within one of the engine: its words for who reads them, marked for who carries them (`{:?}`).
pub(super) struct Carried(pub Error);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&marked(&self.0))
    }
}

impl std::error::Error for Carried {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// What the engine says, in the words and codes of this crate.
pub fn explained(error: DataFusionError, memory: Budget) -> Error {
    match error {
        DataFusionError::External(error) => match error.downcast::<Carried>() {
            Ok(own) => own.0,
            Err(other) => failed(other.to_string()),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            explained(*inner, memory)
        }
        DataFusionError::Shared(inner) => match std::sync::Arc::try_unwrap(inner) {
            Ok(inner) => explained(inner, memory),
            Err(shared) => failed(shared.strip_backtrace()),
        },
        DataFusionError::Collection(errors) => match errors.into_iter().next() {
            Some(first) => explained(first, memory),
            None => failed("no reason".to_owned()),
        },
        DataFusionError::SQL(error, _) => Error::argument("the SQL cannot be read")
            .with_code("sql-syntax")
            .seen(plain(&error.to_string().replace("sql parser error: ", "")))
            .advice("check the place that is named"),
        DataFusionError::SchemaError(error, _) => column(&error),
        DataFusionError::ResourcesExhausted(_) => {
            let limit = memory.limit().map_or("nothing is known".to_owned(), shown);
            Error::memory("the query does not fit in memory")
                .with_code("memory")
                .seen(format!("it needs more than the {limit} that may be used"))
                .advice("ask for fewer columns, rows or groups, or say with --memory how much may be used")
        }
        DataFusionError::IoError(error) => Error::io("cannot read", error),
        DataFusionError::ArrowError(error, _) => match *error {
            arrow::error::ArrowError::ExternalError(inner) => match inner.downcast::<DataFusionError>() {
                Ok(inner) => explained(*inner, memory),
                Err(other) => failed(other.to_string()),
            },
            other => failed(other.to_string()),
        },
        DataFusionError::ParquetError(error) => Error::input("the file is damaged")
            .with_code("file-damaged")
            .seen(plain(&error.to_string()))
            .advice("write or download it again"),
        DataFusionError::ObjectStore(error) => {
            Error::input("cannot read").with_code("io").seen(plain(&error.to_string()))
        }
        DataFusionError::NotImplemented(what) => Error::argument("the engine cannot do this")
            .with_code("sql-unsupported")
            .seen(plain(&what))
            .advice("say it in another way"),
        DataFusionError::Plan(what) => plan(&what),
        other => {
            let said = other.strip_backtrace();
            if said.contains("user-defined coercion failed with:") { plan(&said) } else { failed(said) }
        }
    }
}

fn failed(seen: String) -> Error {
    Error::input("the query failed").with_code("sql-failed").seen(plain(&seen))
}

/// One line without the engine's prefixes.
fn plain(text: &str) -> String {
    let mut text = text.trim();
    for prefix in [
        "Error during planning: ",
        "Execution error: ",
        "External error: ",
        "Arrow error: ",
        "Parser error: ",
    ] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// A query that cannot be planned.
fn plan(what: &str) -> Error {
    let what = what.split("user-defined coercion failed with:").last().unwrap_or(what);
    let said = plain(what);
    if let Some(name) = said.strip_prefix("Invalid function '").and_then(|rest| rest.split('\'').next()) {
        let near = said.split("Did you mean '").nth(1).and_then(|rest| rest.split('\'').next());
        let error = Error::argument("no such function").with_code("function-not-found").seen(name);
        return match near {
            Some(near) => error.advice(format!("did you mean {near}?")),
            None => error,
        };
    }
    Error::argument("the query cannot be planned").with_code("sql-plan").seen(said)
}

fn column(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let mut names: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
            names.dedup();
            let error = Error::argument("no such column").with_code("column-not-found").column(&field.name);
            match nearest_name(&field.name, names.iter().copied()) {
                Some(near) => error.advice(format!("did you mean {near}?")),
                None if names.is_empty() => error.advice("name a table after FROM"),
                None => error.advice(format!("the columns are {}", crate::text::names(&names))),
            }
        }
        SchemaError::AmbiguousReference { field } => Error::argument("a column that several tables have")
            .with_code("column-ambiguous")
            .column(&field.name)
            .advice("name the table before it: a.id"),
        other => Error::argument("two columns of one name")
            .with_code("column-twice")
            .seen(other.to_string())
            .advice("give one another name with AS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carried::found;

    #[test]
    fn an_error_of_a_function_has_its_words_here_and_its_code_in_the_text_of_another_machine() {
        let error = || Carried(Error::input("vectors of other lengths").with_code("vector-length"));
        let words = error().0.to_string();
        assert_eq!(error().to_string(), words);
        let engine = DataFusionError::External(Box::new(error()));
        let there = found(&format!("Task failed: {engine:?}")).unwrap();
        assert_eq!((there.code(), there.to_string()), ("vector-length", words.clone()));
        let here = explained(engine, Budget::default());
        assert_eq!((here.code(), here.to_string()), ("vector-length", words));
    }
}
