//! Where rows are, for machines that can all read them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::Data;
use crate::error::{Error, Result};
use crate::rows::RowSource;
use crate::table::{ReadOptions, stream_all};

/// Files and the vectors in them, as one machine found them and all others are to find them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The files, one after the other, by absolute paths.
    files: Vec<PathBuf>,
    /// How many bytes each has.
    bytes: Vec<u64>,
    /// The vector column, where it was named.
    vector: Option<String>,
    /// How many rows there are.
    rows: usize,
    /// How many numbers each holds.
    dims: usize,
    /// Whether rows may hold NaN or infinite numbers.
    non_finite: bool,
}

impl Place {
    /// Where the rows of some data are: all rows of `files`, from which it was opened, one after the other. `vector` is
    /// the vector column, where it was named.
    ///
    /// # Errors
    /// When the data has not all rows of the files, or they cannot be opened again.
    pub fn of(data: &Data, files: &[PathBuf], vector: Option<String>) -> Result<Place> {
        Place::found(data, files, vector, false)
    }

    /// As [`Place::of`], of data that was opened with rows of NaN and infinite numbers, so that a pass can count them.
    ///
    /// # Errors
    /// As [`Place::of`].
    pub fn with_non_finite(data: &Data, files: &[PathBuf], vector: Option<String>) -> Result<Place> {
        Place::found(data, files, vector, true)
    }

    fn found(data: &Data, files: &[PathBuf], vector: Option<String>, non_finite: bool) -> Result<Place> {
        // Those that folders and patterns stand for, where the table knows them.
        let files = match data.table().origin().files() {
            [] => files,
            found => found,
        };
        let files: Vec<PathBuf> = files
            .iter()
            .map(|file| std::path::absolute(file).map_err(|error| Error::io("cannot find", error).file(file)))
            .collect::<Result<_>>()?;
        let bytes = sizes(&files)?;
        let place = Place { files, bytes, vector, rows: data.n_rows(), dims: data.dims(), non_finite };
        place.open().map(|_| place).map_err(|error| match error.code() {
            "file-differs" => {
                Error::argument("other machines pass over all rows of the files, and some are left out here")
                    .advice("leave out what selects rows, or write the selected rows to a file first")
            }
            _ => error,
        })
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.rows
    }

    /// Opens the rows, and checks that they are as many, as long, and in files of the same sizes.
    ///
    /// # Errors
    /// When they are not, or cannot be read.
    pub fn open(&self) -> Result<Box<dyn RowSource>> {
        let found = sizes(&self.files)?;
        if let Some(at) = (0..found.len()).find(|at| self.bytes.get(*at) != Some(&found[*at])) {
            let there = self.bytes.get(at).copied().unwrap_or_default();
            return Err(differs(
                &self.files[at],
                format!("{} bytes here, {there} where the command runs", found[at]),
            ));
        }
        let options = ReadOptions {
            vector: self.vector.clone(),
            allow_non_finite: self.non_finite,
            ..Default::default()
        };
        let rows = stream_all(&self.files, &options)?;
        let (here, there) = ((rows.n_rows(), rows.dims()), (self.rows, self.dims));
        if here != there {
            let first = self.files.first().cloned().unwrap_or_default();
            return Err(differs(
                &first,
                format!("{} x {} here, {} x {} where the command runs", here.0, here.1, there.0, there.1),
            ));
        }
        Ok(rows)
    }

    /// When each file was last changed, as this machine sees it.
    pub fn changed(&self) -> Vec<Option<std::time::SystemTime>> {
        self.files.iter().map(|file| file.metadata().and_then(|about| about.modified()).ok()).collect()
    }
}

fn sizes(files: &[PathBuf]) -> Result<Vec<u64>> {
    let size = |file: &PathBuf| {
        let about = file.metadata().map_err(|error| Error::io("cannot open", error).file(file))?;
        Ok(about.len())
    };
    files.iter().map(size).collect()
}

fn differs(file: &std::path::Path, seen: String) -> Error {
    Error::input("the file is not the one that the command has read")
        .with_code("file-differs")
        .file(file)
        .seen(seen)
        .advice("let all machines see the same files under the same paths")
}
