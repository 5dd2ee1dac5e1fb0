//! Files that are read from a temporary copy: those of stores and web servers that are not Parquet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::ArrayView2;

use super::Format;
use super::blocks::Outside;
use crate::address::is_address;
use crate::error::{Error, Result};
use crate::remote::{self, Object};
use crate::rows::{Chunks, RowSource};

/// A copy of a file; errors name the file.
#[derive(Debug)]
pub(super) struct LocalCopy {
    address: PathBuf,
    /// Where the copy is.
    pub path: PathBuf,
    /// The copy is there as long as this.
    _object: Arc<Object>,
}

impl LocalCopy {
    /// Copies a file that is not on this machine, unless it is read from where it is; with its format.
    ///
    /// # Errors
    /// When it cannot be read or copied.
    pub fn of(path: &Path, format: Option<Format>) -> Result<Option<(LocalCopy, Format)>> {
        if !is_address(path) {
            return Ok(None);
        }
        let format = format.map_or_else(|| Format::detect(path), Ok)?;
        if matches!(format, Format::Parts | Format::Parquet) {
            return Ok(None);
        }
        let object = remote::open(path)?;
        let copy = LocalCopy { address: path.to_owned(), path: object.local()?, _object: object };
        Ok(Some((copy, format)))
    }

    /// An error about the copy as one about the file.
    pub fn named(&self, error: Error) -> Error {
        error.of_copy(&self.path, &self.address)
    }
}

/// Rows that are read from a copy.
pub(super) struct Copied {
    pub rows: Outside,
    pub copy: LocalCopy,
}

impl RowSource for Copied {
    fn n_rows(&self) -> usize {
        self.rows.n_rows()
    }

    fn dims(&self) -> usize {
        self.rows.dims()
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        self.rows.as_matrix()
    }

    fn chunks(&self, rows: usize) -> Result<Chunks<'_>> {
        self.chunks_from(0, rows)
    }

    fn chunks_from(&self, first: usize, rows: usize) -> Result<Chunks<'_>> {
        let chunks = self.rows.chunks_from(first, rows).map_err(|error| self.copy.named(error))?;
        Ok(Box::new(chunks.map(|chunk| chunk.map_err(|error| self.copy.named(error)))))
    }
}
