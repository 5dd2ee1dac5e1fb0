//! Where the bytes of a Parquet file are: on this machine, or in a store that is asked for ranges.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};

use crate::address::is_address;
use crate::error::{Error, Result};
use crate::remote::{self, Ahead, Beginning, Object, ReadFrom};
use crate::table::content::size_of_file;

/// A Parquet file, wherever it is.
#[derive(Debug, Clone)]
pub(super) struct Source {
    path: PathBuf,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Local(PathBuf),
    /// The copy is there as long as what it is of.
    Copy {
        path: PathBuf,
        _of: Arc<Object>,
    },
    Remote(Arc<Object>),
}

/// Which bytes will be read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// The metadata.
    Metadata,
    /// Some columns (leaves) of some row groups.
    Columns { metadata: &'a ParquetMetaData, leaves: &'a [usize], groups: Groups, beginning: Beginning },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Groups {
    One(usize),
    All,
}

impl Source {
    /// Finds a file.
    ///
    /// # Errors
    /// When a store does not give it.
    pub(super) fn of(path: &Path) -> Result<Source> {
        let place = if is_address(path) {
            let object = remote::open(path)?;
            match object.has_ranges() {
                true => Place::Remote(object),
                false => Place::Copy { path: object.local()?, _of: object },
            }
        } else {
            Place::Local(path.to_owned())
        };
        Ok(Source { path: path.to_owned(), place })
    }

    /// Its bytes; 0 where nobody tells.
    pub(super) fn size(&self) -> u64 {
        match &self.place {
            Place::Local(path) | Place::Copy { path, .. } => size_of_file(path),
            Place::Remote(object) => object.size(),
        }
    }

    /// Whether each request takes its time.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self.place, Place::Remote(_))
    }

    /// Names the file in an error; where a store did not give a part of it, that is the error.
    pub(super) fn named(&self, error: Error) -> Error {
        match &self.place {
            Place::Remote(object) => object.named(error),
            Place::Copy { path, _of } => error.of_copy(path, &self.path),
            Place::Local(_) => error.file(&self.path),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(&self, wanted: Wanted<'_>) -> Result<Opened> {
        let object = match &self.place {
            Place::Local(path) | Place::Copy { path, .. } => {
                let file = File::open(path).map_err(|error| Error::io("cannot open", error))?;
                return Ok(Opened::Local(file, path.clone()));
            }
            Place::Remote(object) => object,
        };
        let Wanted::Columns { metadata, leaves, groups, beginning } = wanted else {
            return Ok(Opened::Remote(Ahead::new(object, Vec::new(), Beginning::Full, 0)));
        };
        let of_group = |group: &RowGroupMetaData| -> Vec<Range<u64>> {
            leaves.iter().filter_map(|leaf| group.columns().get(*leaf)).map(range_of).collect()
        };
        let groups_of = metadata.row_groups();
        let parts = match groups {
            Groups::One(group) => groups_of.get(group).map(of_group).unwrap_or_default(),
            Groups::All => groups_of.iter().flat_map(of_group).collect(),
        };
        // Readers of several columns are in two row groups at most.
        let behind = if leaves.len() == 1 { 0 } else { 2 * leaves.len() };
        Ok(Opened::Remote(Ahead::new(object, parts, beginning, behind)))
    }
}

fn range_of(chunk: &parquet::file::metadata::ColumnChunkMetaData) -> Range<u64> {
    // What is damaged here is found when the pages are read.
    let first =
        chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset()).min(chunk.data_page_offset());
    let start = u64::try_from(first).unwrap_or(0);
    start..start.saturating_add(u64::try_from(chunk.compressed_size()).unwrap_or(0))
}

/// A Parquet file that is open.
#[derive(Debug)]
pub(super) enum Opened {
    Local(File, PathBuf),
    Remote(Ahead),
}

impl Opened {
    /// The same with a position of its own: the crate's readers move that of a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn again(&self) -> Result<Opened> {
        match self {
            Opened::Local(_, path) => {
                let file = File::open(path).map_err(|error| Error::io("cannot open", error))?;
                Ok(Opened::Local(file, path.clone()))
            }
            Opened::Remote(ahead) => Ok(Opened::Remote(ahead.clone())),
        }
    }
}

impl Length for Opened {
    fn len(&self) -> u64 {
        match self {
            Opened::Local(file, _) => file.len(),
            Opened::Remote(ahead) => ahead.object().size(),
        }
    }
}

impl ChunkReader for Opened {
    type T = Reading;

    fn get_read(&self, start: u64) -> ParquetResult<Reading> {
        match self {
            Opened::Local(file, _) => file.get_read(start).map(Reading::Local),
            Opened::Remote(ahead) => Ok(Reading::Remote(ahead.read_from(start))),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let ahead = match self {
            Opened::Local(file, _) => return file.get_bytes(start, length),
            Opened::Remote(ahead) => ahead,
        };
        match ahead.bytes(start, length) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(ParquetError::EOF(format!("{length} bytes are not there"))),
            Err(error) => Err(ParquetError::External(Box::new(error))),
        }
    }
}

/// Reads from a place on.
#[derive(Debug)]
pub(super) enum Reading {
    Local(BufReader<File>),
    Remote(ReadFrom),
}

impl Read for Reading {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Reading::Local(file) => file.read(out),
            Reading::Remote(part) => part.read(out),
        }
    }
}
