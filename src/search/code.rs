//! The functions of a source tree: what there is to search in code.
//!
//! Tree-sitter's grammars find functions and methods also in files that do not parse as a whole.
//!
//! ```
//! use embedlab::search::code::source_tree;
//! let tree = source_tree("src/split".as_ref())?;
//! let leaks = tree.functions.iter().find(|function| function.name == "leaks").expect("the function leaks");
//! assert_eq!(leaks.path, "leak.rs");
//! assert!(leaks.doc.contains("test") && leaks.text().contains("Split"));
//! # Ok::<(), embedlab::Error>(())
//! ```

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};

mod language;
mod outline;

pub use language::Language;
pub use outline::{Function, functions};

/// Files above this size are not written by hand.
const MOST_BYTES: u64 = 4 << 20;

/// The functions of a source tree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceTree {
    /// Files that were read.
    pub files: usize,
    /// Their functions and methods, by path and line.
    pub functions: Vec<Function>,
    /// Files of a known language that were left out, and why.
    pub skipped: Vec<Skipped>,
    /// Files that do not parse as a whole; what could be found in them is among the functions.
    pub with_errors: Vec<PathBuf>,
}

/// A file that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file, from the root of the tree.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// A file that was read.
struct SourceFile {
    path: PathBuf,
    functions: Vec<Function>,
    /// Whether it parses as a whole.
    whole: bool,
}

/// Reads the functions of all Python, Rust, JavaScript, TypeScript and Go files below a folder.
///
/// What `.gitignore` leaves out is left out, hidden files too, and links are not followed. Bytes that
/// are not UTF-8 become replacement characters. Files above 4 MiB are skipped, and said to be.
///
/// # Errors
/// When there is no such folder.
pub fn source_tree(folder: &Path) -> Result<SourceTree> {
    let about = std::fs::metadata(folder).map_err(|error| Error::io("cannot open", error).file(folder))?;
    let mut found: Vec<(PathBuf, Language)> = Vec::new();
    let mut skipped = Vec::new();
    if about.is_file() {
        let language = Language::of(folder)
            .ok_or_else(|| Error::argument("not a source file of a supported language").file(folder))?;
        found.push((folder.to_owned(), language));
    } else {
        // A .gitignore counts also where there is no repository.
        for entry in WalkBuilder::new(folder).require_git(false).build() {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    if let Some(language) = Language::of(entry.path()) {
                        found.push((entry.into_path(), language));
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    skipped.push(Skipped { path: PathBuf::new(), reason: error.to_string() });
                }
            }
        }
    }
    found.sort();
    let within = |path: &Path| -> PathBuf {
        match path.strip_prefix(folder) {
            Ok(rest) if !rest.as_os_str().is_empty() => rest.to_owned(),
            _ => PathBuf::from(path.file_name().unwrap_or_default()),
        }
    };
    let read: Vec<std::result::Result<SourceFile, Skipped>> = found
        .par_iter()
        .map(|(path, language)| {
            let place = within(path);
            let skip = |reason: String| Skipped { path: place.clone(), reason };
            let size = std::fs::metadata(path).map_err(|error| skip(error.to_string()))?.len();
            if size > MOST_BYTES {
                return Err(skip(format!("{size} bytes, {MOST_BYTES} at most")));
            }
            let bytes = std::fs::read(path).map_err(|error| skip(error.to_string()))?;
            let text = String::from_utf8_lossy(&bytes);
            let (found, whole) = functions(&text, *language, &place.to_string_lossy());
            Ok(SourceFile { path: place, functions: found, whole })
        })
        .collect();
    let mut tree = SourceTree { files: 0, functions: Vec::new(), skipped, with_errors: Vec::new() };
    for file in read {
        match file {
            Ok(file) => {
                tree.files += 1;
                tree.functions.extend(file.functions);
                if !file.whole {
                    tree.with_errors.push(file.path);
                }
            }
            Err(skipped) => tree.skipped.push(skipped),
        }
    }
    Ok(tree)
}
