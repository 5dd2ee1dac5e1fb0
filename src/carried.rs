//! Errors on their way between machines: the engine there knows only strings, in which they are marked and found again.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::error::Error;

const BEGIN: &str = "<embedlab:";
const END: &str = "</embedlab>";

/// An error with its code, so that [`found`] finds it in whatever text it ends up.
pub fn marked(error: &Error) -> String {
    format!("{BEGIN}{}>{error}{END}", error.code())
}

/// The marked error within a message, with its code and its words.
///
/// ```
/// use embedlab::Error;
/// use embedlab::distributed::{found, marked};
///
/// let error = Error::input("the file is not the one").with_code("file-differs");
/// let message = format!("Job 7 failed: {:?}", marked(&error));
/// assert_eq!(found(&message).unwrap().code(), "file-differs");
/// assert!(found("Job 7 failed: out of disk").is_none());
/// ```
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
    let error = if code == "memory" { Error::memory(words) } else { Error::input(words) };
    error.with_code(for_ever(code))
}

/// A code is kept for as long as the process runs, each once: there are some dozens.
fn for_ever(code: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(code) {
        return known;
    }
    let code: &'static str = Box::leak(code.to_owned().into_boxed_str());
    kept.insert(code);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_found_within_the_words_of_the_engine() {
        let error =
            Error::input("the file is not the one").with_code("file-differs").file("a \"b\".parquet").row(7);
        let quoted = format!("Job 7 failed: {:?}", format!("{:?}", marked(&error)));
        let back = found(&quoted).unwrap();
        assert_eq!((back.code(), back.to_string()), ("file-differs", error.to_string()));
        assert!(found("Job 7 failed: out of disk").is_none());
        assert!(found("<embedlab:cut off").is_none());
        let again = coded("file-differs", "again");
        assert!(std::ptr::eq(again.code(), back.code()), "a code is kept once");
    }
}
