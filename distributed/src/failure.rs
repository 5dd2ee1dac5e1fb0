//! Errors that pass through the engine, which knows only strings.

use datafusion::error::DataFusionError;
use embedlab::Error;
use embedlab::distributed::{found, marked};

/// An error of ours as one of the engine.
pub fn wrapped(error: &Error) -> DataFusionError {
    DataFusionError::Execution(marked(error))
}

/// What the engine says of a query that would fail again in the same way: an error of ours, a file, or what a function does
/// not take.
pub fn of_query(message: &str) -> Option<Error> {
    let same = "let all machines see the same files under the same paths";
    if let Some(error) = found(message) {
        return Some(error);
    }
    if let Some(path) = missing(message) {
        let error = Error::input("a file is missing on a machine of the cluster").with_code("file-not-found");
        return Some(error.file(path).advice(same));
    }
    if message.contains("ParquetError(") {
        let error = Error::input("a file is not the one that the command has read, or damaged");
        return Some(error.with_code("file-differs").seen(message).advice(same));
    }
    let (_, said) = message.split_once("Task failed due to runtime execution error: ")?;
    Some(Error::input("the query failed").with_code("sql-failed").seen(said))
}

/// The file that a store has not found.
fn missing(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("Object at location ")?;
    rest.split_once(" not found").map(|(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_in_the_same_way_is_told_from_what_may_not() {
        let task = "Job 7 failed: Task failed due to";
        for (message, code) in [
            (
                format!("{task} runtime execution error: {:?}", wrapped(&Error::memory("full"))),
                Some("memory"),
            ),
            (
                format!(
                    "{task} runtime execution error: ParquetError(General(\"Object at location /a b.parquet not found: ..\"))"
                ),
                Some("file-not-found"),
            ),
            (format!("{task} runtime execution error: ParquetError(General(..))"), Some("file-differs")),
            (format!("{task} runtime execution error: ArrowError(DivideByZero, None)"), Some("sql-failed")),
            (format!("{task} IO error: No space left on device"), None),
        ] {
            assert_eq!(of_query(&message).as_ref().map(Error::code), code, "{message}");
        }
        assert_eq!(missing("Object at location /a b.parquet not found: .."), Some("/a b.parquet"));
    }
}
