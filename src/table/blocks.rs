//! Vectors that stay in their files and are read in blocks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use ndarray::{Array2, ArrayView2};

use super::column::floats::Float;
use super::column::matrix;
use super::column::rows_in_order::{Chunks as InChunks, VectorsInOrder};
use super::column::stored::Vectors;
use super::{guarded, mapped};
use crate::error::{Error, Result};
use crate::rows::{Chunks, LEAF_ROWS, RowSource, in_whole_leaves};

/// Vectors that are not in a table.
pub(in crate::table) type Outside = Box<dyn RowSource>;

/// Sources one after the other, of the same dimensions.
pub(in crate::table) struct Joined(pub(in crate::table) Vec<Outside>);

impl RowSource for Joined {
    fn n_rows(&self) -> usize {
        self.0.iter().map(|source| source.n_rows()).sum()
    }

    fn dims(&self) -> usize {
        self.0.first().map_or(0, |source| source.dims())
    }

    fn chunks(&self, rows: usize) -> Result<Chunks<'_>> {
        self.chunks_from(0, rows)
    }

    /// Files before the row are not opened. It need not be at a leaf of its own file, and so is counted by single rows there.
    fn chunks_from(&self, first: usize, rows: usize) -> Result<Chunks<'_>> {
        let mut before = first;
        let starts = self.0.iter().filter_map(move |source| {
            let skipped = before.min(source.n_rows());
            before -= skipped;
            (skipped < source.n_rows()).then_some((source, skipped))
        });
        let chunks = starts.flat_map(move |(source, first)| match source.chunks_from(first, rows) {
            Ok(chunks) => chunks,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        Ok(Box::new(in_whole_leaves(chunks, whole_leaves(rows), self.dims())))
    }
}

/// Where vectors stand in a mapped file.
#[derive(Debug, Clone, Copy)]
pub(in crate::table) struct Placed {
    /// The first byte.
    pub start: usize,
    pub float: Float,
    pub fortran_order: bool,
    pub rows: usize,
    pub dims: usize,
}

impl Placed {
    /// Where vectors stand that are a part of the bytes of a file.
    pub(in crate::table) fn of(vectors: Vectors<'_>, file: &[u8]) -> Placed {
        let start = (vectors.data.as_ptr() as usize).saturating_sub(file.as_ptr() as usize);
        let Vectors { float, fortran_order, rows, dims, .. } = vectors;
        Placed { start, float, fortran_order, rows, dims }
    }

    /// The bytes that they take.
    pub(in crate::table) fn bytes(&self) -> u64 {
        (self.rows as u64).saturating_mul(self.dims as u64).saturating_mul(self.float.size() as u64)
    }

    fn in_file<'a>(&self, file: &'a [u8]) -> Vectors<'a> {
        let &Placed { start, float, fortran_order, rows, dims } = self;
        let data = file.get(start..).unwrap_or_default();
        let length = usize::try_from(self.bytes()).unwrap_or(usize::MAX).min(data.len());
        Vectors { float, fortran_order, rows, dims, data: &data[..length] }
    }
}

/// Vectors of a mapped file.
pub(in crate::table) struct MappedRows {
    map: Arc<Mmap>,
    placed: Placed,
    /// The file and the array in it, for errors.
    path: PathBuf,
    name: Option<String>,
    /// Whether NaN and infinities are let through.
    allow_non_finite: bool,
    /// Whether the bytes that were read are not to stay in memory.
    in_bounds: bool,
}

impl MappedRows {
    /// Vectors at a place in a mapped file; `in_bounds` keeps what is mapped from staying in memory.
    ///
    /// # Errors
    /// When a number is not finite and those are used where they stand.
    pub(in crate::table) fn new(
        (map, path, name): (Arc<Mmap>, &Path, Option<&str>),
        placed: Placed,
        allow_non_finite: bool,
        in_bounds: bool,
    ) -> Result<MappedRows> {
        let (path, name) = (path.to_owned(), name.map(str::to_owned));
        let rows = MappedRows { map, placed, path, name, allow_non_finite, in_bounds };
        // Numbers that are used where they are are never looked at again on their way.
        if let (Some(matrix), false) = (rows.as_matrix(), allow_non_finite) {
            matrix::refuse_non_finite(matrix, 0).map_err(|error| rows.at(error))?;
        }
        Ok(rows)
    }

    /// Vectors that were looked at before they were written.
    pub(in crate::table) fn checked(map: Arc<Mmap>, placed: Placed, in_bounds: bool) -> MappedRows {
        MappedRows { map, placed, path: PathBuf::new(), name: None, allow_non_finite: true, in_bounds }
    }

    fn chunk(&self, first: usize, rows: usize) -> Result<Array2<f32>> {
        let Placed { start, float, fortran_order, dims, .. } = self.placed;
        let mut chunk = matrix::zeros(rows, dims)?;
        self.placed.in_file(&self.map).copy(first, chunk.view_mut());
        if self.in_bounds {
            let row = dims * float.size();
            let read = if fortran_order {
                0..self.map.len()
            } else {
                start + first * row..start + (first + rows) * row
            };
            mapped::forget(&self.map, read);
        }
        if !self.allow_non_finite {
            matrix::refuse_non_finite(chunk.view(), first)?;
        }
        Ok(chunk)
    }

    fn at(&self, error: Error) -> Error {
        let error = error.file(&self.path);
        match &self.name {
            Some(name) => error.column(name),
            None => error,
        }
    }
}

impl RowSource for MappedRows {
    fn n_rows(&self) -> usize {
        self.placed.rows
    }

    fn dims(&self) -> usize {
        self.placed.dims
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        if self.in_bounds { None } else { self.placed.in_file(&self.map).as_matrix() }
    }

    fn chunks(&self, rows: usize) -> Result<Chunks<'_>> {
        self.chunks_from(0, rows)
    }

    fn chunks_from(&self, first: usize, rows: usize) -> Result<Chunks<'_>> {
        let (rows, all) = (whole_leaves(rows), self.placed.rows);
        Ok(Box::new(
            (first..all)
                .step_by(rows)
                .map(move |first| self.chunk(first, rows.min(all - first)).map_err(|error| self.at(error))),
        ))
    }
}

/// A file with a known number of rows whose vectors can be gone through in order, many times.
pub(in crate::table) trait VectorFile: Send + Sync {
    /// Rows and dimensions.
    fn shape(&self) -> (usize, usize);
    /// Begins a pass at this row.
    fn in_order(&self, first: usize) -> Result<Box<dyn VectorsInOrder + '_>>;
    /// Adds the place to an error.
    fn at(&self, error: Error, path: &Path) -> Error;
}

/// The vectors of a file that is read anew in each pass.
pub(in crate::table) struct Streamed<F> {
    path: PathBuf,
    file: F,
    allow_non_finite: bool,
}

impl<F> Streamed<F> {
    pub(in crate::table) fn new(path: &Path, allow_non_finite: bool, file: F) -> Self {
        Streamed { path: path.into(), file, allow_non_finite }
    }
}

impl<F: VectorFile> RowSource for Streamed<F> {
    fn n_rows(&self) -> usize {
        self.file.shape().0
    }

    fn dims(&self) -> usize {
        self.file.shape().1
    }

    fn chunks(&self, rows: usize) -> Result<Chunks<'_>> {
        self.chunks_from(0, rows)
    }

    fn chunks_from(&self, first: usize, rows: usize) -> Result<Chunks<'_>> {
        let (total, dims) = self.file.shape();
        let first = first.min(total);
        let mut chunks = InChunks {
            reader: guarded(&self.path, || self.file.in_order(first))
                .map_err(|error| self.file.at(error, &self.path))?,
            rows: whole_leaves(rows),
            total,
            dims,
            allow_non_finite: self.allow_non_finite,
            done: first,
        };
        Ok(Box::new(std::iter::from_fn(move || {
            let chunk = guarded(&self.path, || chunks.next().transpose()).transpose()?;
            Some(chunk.map_err(|error| self.file.at(error, &self.path)))
        })))
    }
}

fn whole_leaves(rows: usize) -> usize {
    rows.max(1).div_ceil(LEAF_ROWS) * LEAF_ROWS
}
