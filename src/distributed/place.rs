//! Where rows are, for machines that can all read them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::Data;
use crate::error::{Error, Result};
use crate::remote;
use crate::rows::RowSource;
use crate::table::{ReadOptions, is_address, stream_all};

/// Files and the vectors in them, as one machine found them and all others are to find them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The files, one after the other, by absolute paths or by addresses of object stores and web servers.
    files: Vec<PathBuf>,
    /// What each is like.
    states: Vec<State>,
    /// The vector column, where it was named.
    vector: Option<String>,
    /// How many rows there are.
    rows: usize,
    /// How many numbers each holds.
    dims: usize,
    /// Whether rows may hold NaN or infinite numbers.
    non_finite: bool,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct State {
    /// How many bytes it has; 0 where a web server does not tell.
    bytes: u64,
    /// The ETag of a file of a store or a web server.
    tag: Option<String>,
}

impl State {
    fn of(file: &Path) -> Result<State> {
        if is_address(file) {
            let object = remote::open(file)?;
            return Ok(State { bytes: object.size(), tag: object.tag().map(str::to_owned) });
        }
        let about = file.metadata().map_err(|error| Error::io("cannot open", error).file(file))?;
        Ok(State { bytes: about.len(), tag: None })
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.bytes)?;
        self.tag.as_ref().map_or(Ok(()), |tag| write!(f, " and ETag {tag}"))
    }
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
        let files: Vec<PathBuf> = files.iter().map(|file| absolute(file)).collect::<Result<_>>()?;
        let _kept = remote::keep();
        let states = states(&files)?;
        let place = Place { files, states, vector, rows: data.n_rows(), dims: data.dims(), non_finite };
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

    /// Opens the rows, and checks that they are as many, as long, and in files of the same sizes and ETags.
    ///
    /// # Errors
    /// When they are not, or cannot be read.
    pub fn open(&self) -> Result<Box<dyn RowSource>> {
        let _kept = remote::keep();
        for (at, (file, here)) in self.files.iter().zip(states(&self.files)?).enumerate() {
            match self.states.get(at) {
                Some(there) if *there == here => {}
                Some(there) => {
                    return Err(differs(file, format!("{here} here, {there} where the command runs")));
                }
                None => return Err(differs(file, "a file that the command has not named".to_owned())),
            }
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

    /// When each file was last changed, as this machine sees it; `None` for addresses, whose readers see a change themselves.
    pub fn changed(&self) -> Vec<Option<std::time::SystemTime>> {
        self.files.iter().map(|file| file.metadata().and_then(|about| about.modified()).ok()).collect()
    }
}

fn absolute(file: &Path) -> Result<PathBuf> {
    if is_address(file) {
        return Ok(file.to_owned());
    }
    std::path::absolute(file).map_err(|error| Error::io("cannot find", error).file(file))
}

fn states(files: &[PathBuf]) -> Result<Vec<State>> {
    files.iter().map(|file| State::of(file)).collect()
}

fn differs(file: &Path, seen: String) -> Error {
    Error::input("the file is not the one that the command has read")
        .with_code("file-differs")
        .file(file)
        .seen(seen)
        .advice("let all machines see the same files under the same paths")
}
