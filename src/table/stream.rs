//! Files that are passed over in blocks without being loaded.

use std::path::{Path, PathBuf};

use memmap2::Mmap;
use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};
use crate::remote;
use crate::rows::{LEAF_ROWS, RowSource, in_whole_leaves};
use crate::table::column::matrix;
use crate::table::column::rows_in_order::{Chunks, VectorsInOrder};
use crate::table::copy::{Copied, LocalCopy};
use crate::table::format::ipc::IpcRows;
use crate::table::format::npy::{self, Vectors};
use crate::table::format::parquet::ParquetFile;
use crate::table::format::parts;
use crate::table::{Format, Origin, ReadOptions, Table, guarded, mapped};

/// Opens a file as a source of the same rows that [`read()`](super::read()) gives, without loading
/// it where the format allows that:
///
/// - `.npy` is mapped into memory; float32 in C order is used where it is
///   ([`RowSource::as_matrix`]), anything else is converted in chunks;
/// - Parquet and Arrow IPC files are read in chunks, only the vectors;
/// - any other file is read whole.
///
/// A mapped file must not change while it is in use.
///
/// # Errors
/// As [`read()`](super::read()). A fault in a row may come to light only when its chunk is read.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("vectors.npy");
/// # let table = embedlab::table::Table::from_vectors(ndarray::array![[0.6_f32, 0.8], [1.0, 0.0]]);
/// # let _ = embedlab::table::write(&table, &path, &Default::default())?;
/// let rows = embedlab::table::stream(&path, &Default::default())?;
/// assert_eq!((rows.n_rows(), rows.dims()), (2, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn stream(path: &Path, options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    let _kept = remote::keep();
    super::read::readable(path)?;
    if !options.drop_missing
        && let Some((copy, format)) = LocalCopy::of(path, options.format)?
    {
        let options = ReadOptions { format: Some(format), ..options.clone() };
        let rows = stream(&copy.path, &options).map_err(|error| copy.named(error))?;
        return Ok(Box::new(Copied { rows, copy }));
    }
    let format = options.format.map_or_else(|| Format::detect(path), Ok)?;
    super::read::not_through_a_pipe(path, format)?;
    match format {
        _ if options.drop_missing => Ok(Box::new(super::read(path, options)?.into_vectors())),
        Format::Npy => match NpyFile::open(path, options).map_err(|error| error.file(path))? {
            Some(file) => Ok(Box::new(file)),
            None => Ok(Box::new(super::read(path, options)?.into_vectors())),
        },
        Format::Parquet => {
            let file = guarded(path, || ParquetFile::open(path, options))?;
            Ok(Box::new(Streamed::new(path, options, file)))
        }
        Format::ArrowIpc => {
            let file = guarded(path, || IpcRows::open(path, options))?;
            Ok(Box::new(Streamed::new(path, options, file)))
        }
        _ => Ok(Box::new(super::read(path, options)?.into_vectors())),
    }
}

/// As [`stream`], with the columns beside the vectors, which are read into memory: a table whose
/// vectors have no dimension.
///
/// # Errors
/// As [`stream`], and when the columns or the sidecar cannot be read.
///
/// ```no_run
/// let (rows, columns) = embedlab::table::stream_with_columns("big.parquet".as_ref(), &Default::default())?;
/// let users = columns.labels("UserId")?;
/// assert_eq!(users.codes.len(), rows.n_rows());
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn stream_with_columns(path: &Path, options: &ReadOptions) -> Result<(Box<dyn RowSource>, Table)> {
    let _kept = remote::keep();
    super::read::readable(path)?;
    let format = options.format.map_or_else(|| Format::detect(path), Ok)?;
    super::read::not_through_a_pipe(path, format)?;
    let none = |rows| Array2::zeros((rows, 0));
    match format {
        Format::Npy if !options.drop_missing => {
            let rows = stream(path, options)?;
            let columns = super::sidecar::join(none(rows.n_rows()), "embedding", None, options)?;
            Ok((rows, columns))
        }
        Format::Parquet if !options.drop_missing => {
            let file = guarded(path, || ParquetFile::open(path, options))?;
            let columns = guarded(path, || file.read_columns())?;
            let table = Table::new(none(file.rows), columns, file.vector_column())?.plain(options.memory)?;
            let table = table.with_origin(Origin::of_file(path));
            Ok((Box::new(Streamed::new(path, options, file)), table))
        }
        _ => {
            let table = super::read(path, options)?;
            let columns = table.with_vectors(none(table.n_rows()), table.vector_column())?;
            Ok((Box::new(table.into_vectors()), columns))
        }
    }
}

/// As [`stream_with_columns`], of several files, folders or patterns as one table; Parquet files are read in chunks, one
/// after the other, and other formats whole.
///
/// # Errors
/// As [`read_all`](super::read_all()).
pub fn stream_all_with_columns(
    files: &[PathBuf],
    options: &ReadOptions,
) -> Result<(Box<dyn RowSource>, Table)> {
    let _kept = remote::keep();
    files.iter().try_for_each(|file| super::read::readable(file))?;
    let several = match files {
        [] => return Err(super::read::no_file()),
        [file] => options.format.map_or_else(|| Format::detect(file), Ok).ok() == Some(Format::Parts),
        _ => true,
    };
    if !several {
        return stream_with_columns(&files[0], options);
    }
    let opened = match options.drop_missing {
        true => None,
        false => guarded(&files[0], || parts::open_parquet(files, options))?,
    };
    let Some((opened, table)) = opened else {
        let table = super::read::read_all(files, options)?;
        let columns = table.with_vectors(Array2::zeros((table.n_rows(), 0)), table.vector_column())?;
        return Ok((Box::new(table.into_vectors()), columns));
    };
    let sources: Vec<Box<dyn RowSource>> = opened
        .into_iter()
        .map(|(path, file)| Box::new(Streamed::new(&path, options, file)) as Box<dyn RowSource>)
        .collect();
    Ok((Box::new(Joined(sources)), table))
}

/// Sources one after the other, of the same dimensions.
struct Joined(Vec<Box<dyn RowSource>>);

impl RowSource for Joined {
    fn n_rows(&self) -> usize {
        self.0.iter().map(|source| source.n_rows()).sum()
    }

    fn dims(&self) -> usize {
        self.0.first().map_or(0, |source| source.dims())
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        let chunks = self.0.iter().flat_map(move |source| match source.chunks(rows) {
            Ok(chunks) => chunks,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        Ok(Box::new(in_whole_leaves(chunks, whole_leaves(rows), self.dims())))
    }
}

/// A mapped NumPy file.
struct NpyFile {
    path: PathBuf,
    map: Mmap,
    rows: usize,
    dims: usize,
    allow_non_finite: bool,
}

impl NpyFile {
    /// `None` for codes, which are not used where they stand.
    fn open(path: &Path, options: &ReadOptions) -> Result<Option<NpyFile>> {
        let map = mapped::map(path)?;
        if npy::explained(path, npy::parse(&map)?.dtype) {
            return Ok(None);
        }
        let (rows, dims) = {
            let vectors = vectors(&map)?;
            // Numbers that are used where they are are never looked at again on their way.
            if let (Some(matrix), false) = (vectors.as_matrix(), options.keeps_faults()) {
                matrix::refuse_non_finite(matrix, 0)?;
            }
            (vectors.rows, vectors.dims)
        };
        Ok(Some(NpyFile { path: path.into(), map, rows, dims, allow_non_finite: options.keeps_faults() }))
    }

    fn chunk(&self, first: usize, rows: usize) -> Result<Array2<f32>> {
        let mut chunk = matrix::zeros(rows, self.dims)?;
        vectors(&self.map)?.copy(first, chunk.view_mut());
        if !self.allow_non_finite {
            matrix::refuse_non_finite(chunk.view(), first)?;
        }
        Ok(chunk)
    }
}

fn vectors(map: &Mmap) -> Result<Vectors<'_>> {
    Vectors::of(&npy::parse(map)?)
}

impl RowSource for NpyFile {
    fn n_rows(&self) -> usize {
        self.rows
    }

    fn dims(&self) -> usize {
        self.dims
    }

    fn as_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        vectors(&self.map).ok()?.as_matrix()
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        let rows = whole_leaves(rows);
        Ok(Box::new((0..self.rows).step_by(rows).map(move |first| {
            self.chunk(first, rows.min(self.rows - first)).map_err(|error| error.file(&self.path))
        })))
    }
}

/// A file with a known number of rows whose vectors can be gone through in order, many times.
trait VectorFile: Sync {
    fn shape(&self) -> (usize, usize);
    fn in_order(&self) -> Result<Box<dyn VectorsInOrder + '_>>;
    fn at(&self, error: Error, path: &Path) -> Error;
}

impl VectorFile for ParquetFile {
    fn shape(&self) -> (usize, usize) {
        (self.rows, self.dims)
    }

    fn in_order(&self) -> Result<Box<dyn VectorsInOrder + '_>> {
        self.vectors_in_order()
    }

    fn at(&self, error: Error, _path: &Path) -> Error {
        ParquetFile::at(self, error)
    }
}

impl VectorFile for IpcRows {
    fn shape(&self) -> (usize, usize) {
        (self.rows, self.dims)
    }

    fn in_order(&self) -> Result<Box<dyn VectorsInOrder + '_>> {
        Ok(self.vectors_in_order())
    }

    fn at(&self, error: Error, path: &Path) -> Error {
        IpcRows::at(self, error, path)
    }
}

struct Streamed<F> {
    path: PathBuf,
    file: F,
    allow_non_finite: bool,
}

impl<F> Streamed<F> {
    fn new(path: &Path, options: &ReadOptions, file: F) -> Self {
        Streamed { path: path.into(), file, allow_non_finite: options.keeps_faults() }
    }
}

impl<F: VectorFile> RowSource for Streamed<F> {
    fn n_rows(&self) -> usize {
        self.file.shape().0
    }

    fn dims(&self) -> usize {
        self.file.shape().1
    }

    fn chunks(&self, rows: usize) -> Result<Box<dyn Iterator<Item = Result<Array2<f32>>> + '_>> {
        let (total, dims) = self.file.shape();
        let mut chunks = Chunks {
            reader: self.file.in_order().map_err(|error| self.file.at(error, &self.path))?,
            rows: whole_leaves(rows),
            total,
            dims,
            allow_non_finite: self.allow_non_finite,
            done: 0,
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
