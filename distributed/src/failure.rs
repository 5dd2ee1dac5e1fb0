//! Errors that pass through the engine, which knows only strings: wrapped on one side and found again on the other.

use datafusion::error::DataFusionError;
use embedlab::Error;

const BEGIN: &str = "<embedlab:";
const END: &str = "</embedlab>";

/// An error of ours as one of the engine.
pub fn wrapped(error: &Error) -> DataFusionError {
    DataFusionError::Execution(format!("{BEGIN}{}>{error}{END}", error.code()))
}

/// Our error within a message of the engine, with its code and its words.
pub fn found(message: &str) -> Option<Error> {
    let (_, rest) = message.split_once(BEGIN)?;
    let (code, rest) = rest.split_once('>')?;
    let (words, _) = rest.split_once(END)?;
    let known = !code.is_empty() && code.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
    // The engine may have quoted the message, more than once.
    let mut words = words.to_owned();
    while words.contains("\\\"") || words.contains("\\'") {
        words = words.replace("\\\\", "\\").replace("\\\"", "\"").replace("\\'", "'");
    }
    known.then(|| coded(code, words))
}

/// An error with a code that is known only now.
pub fn coded(code: &str, words: impl Into<String>) -> Error {
    // Few codes in the life of a process: one for each error that ends a command.
    let error = if code == "memory" { Error::memory(words) } else { Error::input(words) };
    error.with_code(Box::leak(code.to_owned().into_boxed_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_ours_is_found_within_the_words_of_the_engine() {
        let error =
            Error::input("the file is not the one").with_code("file-differs").file("a \"b\".parquet").row(7);
        let quoted = format!("Job 7 failed: {:?}", format!("{:?}", wrapped(&error)));
        let found = found(&quoted).unwrap();
        assert_eq!((found.code(), found.to_string()), ("file-differs", error.to_string()));
        assert!(super::found("Job 7 failed: out of disk").is_none());
        assert!(super::found("<embedlab:cut off").is_none());
    }
}
