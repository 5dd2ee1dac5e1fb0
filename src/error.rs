//! One error for the whole crate: what went wrong, where, what was seen, what to do next.
//!
//! ```
//! use embedlab::{ErrorKind, table};
//!
//! let error = table::read("no_such_file.csv".as_ref(), &Default::default()).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Io);
//! assert!(error.to_string().starts_with("no_such_file.csv: cannot open: "));
//! assert!(error.to_string().ends_with("; check the path"));
//! assert_eq!(error.code(), "file-not-found");
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
/// It reads as one sentence: `reviews.csv, row 11 (line 13), column embedding: a vector of another
/// length: 383 numbers where 384 were expected; embed this row again or remove it`. Rows count from 0 (row
/// 0 is the first row of data), lines of text files from 1.
///
/// Words may improve from version to version; programs match [`Error::code`].
///
/// ```
/// use embedlab::error::Error;
/// let error = Error::input("a vector of different length").with_code("vector-length")
///     .with_code("vector-length")
///     .file("reviews.csv")
///     .row(11)
///     .line(13)
///     .column("embedding")
///     .seen("383 numbers where 384 were expected")
///     .advice("embed this row again or remove it");
/// assert_eq!(
///     error.to_string(),
///     "reviews.csv, row 11 (line 13), column embedding: a vector of different length: \
///      383 numbers where 384 were expected; embed this row again or remove it"
/// );
/// assert_eq!(error.code(), "vector-length");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    code: Option<&'static str>,
    what: String,
    file: Option<PathBuf>,
    /// The others, where it is about several files.
    more_files: Vec<PathBuf>,
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
            code: None,
            what: what.into(),
            file: None,
            more_files: Vec::new(),
            row: None,
            line: None,
            column: None,
            seen: None,
            advice: None,
            source: None,
        }))
    }

    /// Data that cannot be used; code `input`.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, what)
    }

    /// A table without vectors; code `no-vector-column`.
    pub(crate) fn no_vectors(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NoVectors, what)
    }

    /// A parameter that does not fit; code `argument`.
    pub fn argument(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument, what)
    }

    /// Work that would not fit in memory; code `memory`.
    pub fn memory(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Memory, what)
    }

    /// A failure of the file system while doing `what` ("cannot open", "cannot write"); code `file-not-found`,
    /// `permission-denied` or `io`.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let code = match source.kind() {
            Kind::NotFound => "file-not-found",
            Kind::PermissionDenied => "permission-denied",
            _ => "io",
        };
        Self::new(ErrorKind::Io, what).with_code(code).source(source)
    }

    /// Gives a code of its own to a kind of mistake that programs meet often: words in small letters joined by
    /// hyphens. A code never changes its meaning.
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }

    /// Refuses options that a method does not know: each by its name, and whether it was given.
    pub(crate) fn refuse_unused(method: &str, options: &[(&str, bool)]) -> Result<()> {
        match options.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((option, _)) => Err(Error::argument(format!("the method {method} has no option {option}"))
                .advice("leave it out, or choose a method that uses it")),
        }
    }

    /// Names the file. One that is named already stays: who met the failure knows best where.
    pub fn file(mut self, file: impl AsRef<Path>) -> Self {
        self.0.file.get_or_insert_with(|| file.as_ref().to_owned());
        self
    }

    /// Names the files, where it is about all of them together. One that is named already stays.
    pub fn files<P: AsRef<Path>>(mut self, files: &[P]) -> Self {
        if let ([first, more @ ..], None) = (files, &self.0.file) {
            self.0.file = Some(first.as_ref().to_owned());
            self.0.more_files = more.iter().map(|file| file.as_ref().to_owned()).collect();
        }
        self
    }

    /// Names another file where it names this one: that of which it is a copy.
    pub(crate) fn of_copy(mut self, copy: &Path, file: &Path) -> Self {
        if self.0.file.as_deref().is_none_or(|named| named == copy) {
            self.0.file = Some(file.to_owned());
        }
        self
    }

    /// Names the row, counted from 0 as everywhere: row 0 is the first row of data (a header is not counted).
    pub fn row(mut self, row: usize) -> Self {
        self.0.row = Some(row);
        self
    }

    /// Names the line of a text file, counted from 1 as editors do.
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

    /// A stable name of the failure for programs, such as `vector-length`, `column-not-found` or `not-finite`;
    /// what has no name of its own is called by its kind: `input`, `no-vector-column`, `argument`, `io`, `memory`.
    pub fn code(&self) -> &'static str {
        self.0.code.unwrap_or(match self.0.kind {
            ErrorKind::Input => "input",
            ErrorKind::NoVectors => "no-vector-column",
            ErrorKind::Argument => "argument",
            ErrorKind::Io => "io",
            ErrorKind::Memory => "memory",
        })
    }

    /// The file that the error is about, if one was named; of several the first.
    pub fn file_name(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The row that the error is about, counted from 0, if one was named.
    pub fn row_number(&self) -> Option<usize> {
        self.0.row
    }

    /// The line of the text file, counted from 1, if one was named.
    pub fn line_number(&self) -> Option<usize> {
        self.0.line
    }

    /// The column that the error is about, if one was named.
    pub fn column_name(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// What to do next, if that was said.
    pub fn hint(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }
}

/// Characters of one part of a message at most: names and texts in it are the user's, of any length.
const LONGEST_PART: usize = 2_000;

/// Files that a message names at most.
const MOST_FILES: usize = 5;

/// One line in which everything is visible and no secret is shown, whatever the parts repeat: see
/// [`text`](crate::text).
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        let mut place = Vec::new();
        if let Some(file) = &inner.file {
            let (few, more) = inner.more_files.split_at(inner.more_files.len().min(MOST_FILES - 1));
            place.extend(std::iter::once(file).chain(few).map(|file| shown(&file.display().to_string())));
            if !more.is_empty() {
                place.push(format!("{} more files", more.len()));
            }
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

/// Lets our models implement linfa's `Fit`.
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
    fn an_error_about_several_files_names_them() {
        let said = |files: &[&str]| Error::input("no such column").files(files).column("x").to_string();
        assert_eq!(said(&[]), "column x: no such column");
        assert_eq!(said(&["a.csv"]), "a.csv, column x: no such column");
        assert_eq!(said(&["a.csv", "b.csv"]), "a.csv, b.csv, column x: no such column");
        let many: Vec<String> = (0..9).map(|file| format!("{file}.csv")).collect();
        let error = Error::input("empty").files(&many);
        assert_eq!(error.to_string(), "0.csv, 1.csv, 2.csv, 3.csv, 4.csv, 4 more files: empty");
        let known = Error::input("empty").file("b.csv").files(&many);
        assert_eq!(known.to_string(), "b.csv: empty");
    }

    #[test]
    fn a_misspelt_name_is_offered_and_a_strange_one_is_not() {
        assert_eq!(nearest_name("Scor", ["Text", "Score"]), Some("Score"));
        assert_eq!(nearest_name("zzz", ["Text", "Score"]), None);
    }
}
