//! One error for the whole crate: what went wrong, where, what was seen, what to do next.
//!
//! ```
//! use embedlab::{ErrorKind, table};
//!
//! let error = table::read("no_such_file.csv".as_ref(), &Default::default()).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Io);
//! assert!(error.to_string().starts_with("no_such_file.csv: cannot open: "));
//! assert!(error.to_string().ends_with("; check the path"));
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use crate::text::{printable, shortened, without_secrets};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is; the command's exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The user's data cannot be used as it is.
    Input,
    /// A table in which no column holds vectors: its texts are to be embedded first.
    NoVectors,
    /// A parameter or an option does not fit the data or the other options.
    Argument,
    /// The system refused to read or write.
    Io,
    /// The work would not fit in memory.
    Memory,
}

/// An error that a user can act on.
///
/// It reads as one sentence: `reviews.csv, row 12 (line 14), column embedding: a vector of another
/// length: 383 numbers where 384 were expected; embed this row again or remove it`.
///
/// ```
/// use embedlab::error::Error;
/// let error = Error::input("a vector of another length")
///     .file("reviews.csv")
///     .row(12)
///     .column("embedding")
///     .seen("383 numbers where 384 were expected")
///     .advice("embed this row again or remove it");
/// assert_eq!(
///     error.to_string(),
///     "reviews.csv, row 12, column embedding: a vector of another length: \
///      383 numbers where 384 were expected; embed this row again or remove it"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    what: String,
    file: Option<PathBuf>,
    row: Option<usize>,
    line: Option<usize>,
    column: Option<String>,
    seen: Option<String>,
    advice: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            what: what.into(),
            file: None,
            row: None,
            line: None,
            column: None,
            seen: None,
            advice: None,
            source: None,
        }))
    }

    /// Data that cannot be used.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, what)
    }

    /// A table without vectors.
    pub(crate) fn no_vectors(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NoVectors, what)
    }

    /// A parameter that does not fit.
    pub fn argument(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument, what)
    }

    /// Work that would not fit in memory.
    pub fn memory(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Memory, what)
    }

    /// A failure of the file system while doing `what` ("cannot open", "cannot write").
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, what).source(source)
    }

    /// Refuses options that a method does not know: each by its name, and whether it was given.
    pub(crate) fn refuse_unused(method: &str, options: &[(&str, bool)]) -> Result<()> {
        match options.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((option, _)) => Err(Error::argument(format!("the method {method} has no option {option}"))
                .advice("leave it out, or choose a method that uses it")),
        }
    }

    /// Names the file.
    pub fn file(mut self, file: impl AsRef<Path>) -> Self {
        self.0.file = Some(file.as_ref().to_owned());
        self
    }

    /// Names the row: 1 is the first row of data (a header is not counted).
    pub fn row(mut self, row: usize) -> Self {
        self.0.row = Some(row);
        self
    }

    /// Names the line of a text file: 1 is the first line.
    pub fn line(mut self, line: usize) -> Self {
        self.0.line = Some(line);
        self
    }

    /// Names the column.
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.0.column = Some(column.into());
        self
    }

    /// Says what stood there.
    pub fn seen(mut self, seen: impl Into<String>) -> Self {
        self.0.seen = Some(seen.into());
        self
    }

    /// Says what to do next.
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// Keeps the underlying error; its message becomes what was seen, unless that is said already.
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

/// Characters of one part of a message at most: names and texts in it are the user's, of any length.
const LONGEST_PART: usize = 2_000;

/// One line in which everything is visible and no secret stands, whatever the parts repeat: see
/// [`text`](crate::text).
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        let mut place = Vec::new();
        if let Some(file) = &inner.file {
            place.push(shown(&file.display().to_string()));
        }
        match (inner.row, inner.line) {
            (Some(row), Some(line)) => place.push(format!("row {row} (line {line})")),
            (Some(row), None) => place.push(format!("row {row}")),
            (None, Some(line)) => place.push(format!("line {line}")),
            (None, None) => {}
        }
        if let Some(column) = &inner.column {
            place.push(format!("column {}", shown(column)));
        }
        if !place.is_empty() {
            write!(f, "{}: ", place.join(", "))?;
        }
        f.write_str(&shown(&inner.what))?;
        match (&inner.seen, &inner.source) {
            (Some(seen), _) => write!(f, ": {}", shown(seen))?,
            (None, Some(source)) => write!(f, ": {}", shown(&source.to_string()))?,
            (None, None) => {}
        }
        if let Some(advice) = &inner.advice {
            write!(f, "; {}", shown(advice))?;
        }
        Ok(())
    }
}

fn shown(part: &str) -> String {
    let masked = without_secrets(part);
    printable(&shortened(&masked, LONGEST_PART))
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Lets our models stand behind linfa's `Fit`.
impl From<linfa::Error> for Error {
    fn from(error: linfa::Error) -> Self {
        Error::argument("linfa refused the data").source(error)
    }
}

/// Quotes a piece of the user's data for a message: one line, at most 40 characters.
pub fn excerpt(data: &str) -> String {
    let mut start: String = data.chars().take(41).collect();
    let more = start.chars().count() > 40;
    if more {
        start.pop();
    }
    format!("`{}{}`", printable(&start), if more { "…" } else { "" })
}

/// The candidate nearest in spelling to `name`, if any is near enough to offer.
pub fn nearest_name<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score > 0.78)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt("a\nb"), "`a b`");
        assert_eq!(excerpt(&"é".repeat(60)).chars().count(), 43);
    }

    #[test]
    fn a_misspelt_name_is_offered_and_a_strange_one_is_not() {
        assert_eq!(nearest_name("Scor", ["Text", "Score"]), Some("Score"));
        assert_eq!(nearest_name("zzz", ["Text", "Score"]), None);
    }
}
