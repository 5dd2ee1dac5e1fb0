//! Arrow IPC, file and stream (Feather version 2 is the file); `.arrow`, `.feather`, `.ipc`.

use std::path::Path;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use ndarray::Array2;

use self::container::Container;
use crate::error::{Error, Result};
use crate::memory::{Budget, shown};
use crate::rows::LEAF_ROWS;
use crate::table::blocks::{Streamed, VectorFile};
use crate::table::column::arrow_vectors::{self, SAMPLE_ROWS};
use crate::table::column::cell::Numbers;
use crate::table::column::matrix;
use crate::table::column::rows_in_order::{BatchRows, VectorsInOrder};
use crate::table::column::vector_column::{Place, VectorColumn};
use crate::table::content::{refuse_unpacked, size_of_file, unpacked_limit};
use crate::table::keep::Keep;
use crate::table::{ReadOptions, Table};

mod container;
mod message;
mod write;

pub(in crate::table) use write::{write, write_pieces};

pub(in crate::table) fn read(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    if !keep.is_in_memory() {
        let mut rows = IpcRows::open(path, options)?;
        if !keep.wants(rows.rows, rows.dims) {
            let bytes = size_of_file(path);
            rows.in_bounds = keep.in_bounds(bytes);
            if let Some(limit) = keep.share(1).filter(|limit| rows.unpacked() > *limit) {
                let seen = format!("{}, and {} may be used", shown(rows.unpacked()), shown(limit));
                return Err(Error::memory("a packed batch of the file does not fit in memory")
                    .with_code("memory")
                    .file(path)
                    .seen(seen)
                    .advice("allow more with --memory, or write the file again in smaller batches"));
            }
            let limit = unpacked_limit(bytes, options.memory);
            let columns = rows.columns(limit).map_err(|error| rows.at(error, path))?;
            let (vectors, name) = (keep.apart(rows.rows, rows.dims), rows.vectors.name.clone());
            keep.put(Box::new(Streamed::new(path, options.keeps_faults(), rows)));
            return Table::new(vectors, columns, name);
        }
    }
    let (table, vectors) = read_table(path, options)?;
    if !options.keeps_faults() {
        matrix::refuse_non_finite(table.vectors(), 0).map_err(|error| at(error, path, &vectors))?;
    }
    Ok(table)
}

fn read_table(path: &Path, options: &ReadOptions) -> Result<(Table, VectorColumn)> {
    let file = Container::open(path).map_err(|error| error.file(path))?;
    let vectors = find(&file, options).map_err(|error| error.file(path))?;
    let limit = unpacked_limit(size_of_file(path), options.memory);
    let table = collect(&file, &vectors, options, limit).map_err(|error| at(error, path, &vectors))?;
    Ok((table, vectors))
}

pub(in crate::table) fn read_columns(path: &Path, memory: Budget) -> Result<RecordBatch> {
    let read = || {
        let file = Container::open(path)?;
        let (limit, mut taken) = (unpacked_limit(size_of_file(path), memory), 0);
        let batches = file.batches().map(|batch| {
            let batch = batch?;
            taken += arrow_vectors::size_of(&batch);
            refuse_unpacked(taken, limit)?;
            Ok(batch)
        });
        let batches: Vec<RecordBatch> = batches.collect::<Result<_>>()?;
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        arrow_vectors::concatenated(file.schema(), &batches, rows)
    };
    read().map_err(|error: Error| error.file(path))
}

fn at(error: Error, path: &Path, vectors: &VectorColumn) -> Error {
    let error = error.file(path);
    match vectors.place {
        Place::Column(_) => error.column(&vectors.name),
        Place::Spread(_) => error,
    }
}

fn find(file: &Container, options: &ReadOptions) -> Result<VectorColumn> {
    let texts = arrow_vectors::sampled_columns(file.schema());
    let sample = match file.batches().find(|batch| batch.as_ref().map_or(true, |b| b.num_rows() > 0)) {
        Some(batch) => batch?,
        None => RecordBatch::new_empty(file.schema().clone()),
    };
    let sample = sample.slice(0, sample.num_rows().min(SAMPLE_ROWS));
    let sample = sample.project(&texts).map_err(damaged)?;
    arrow_vectors::find(file.schema(), &texts, &sample, options.vector.as_deref())
}

fn collect(file: &Container, vectors: &VectorColumn, options: &ReadOptions, limit: u64) -> Result<Table> {
    let kept = Numbers::of(options);
    let mut taken = 0;
    let positions = vectors.positions();
    let (mut rows, mut dims) = (0, 0);
    let mut numbers: Vec<f32> = Vec::new();
    let mut others = Vec::new();
    for batch in file.batches() {
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        if rows == 0 {
            dims = vectors.dims(&batch)?;
            let all = file.rows();
            options.memory.require((all as u64).saturating_mul(4 * dims as u64), all, dims)?;
        }
        let start = numbers.len();
        let more = batch.num_rows() * dims;
        numbers
            .try_reserve(more)
            .map_err(|error| Error::memory("the vectors do not fit in memory").source(error))?;
        numbers.resize(start + more, 0.0);
        vectors.copy(&batch, dims, kept, rows, &mut numbers[start..])?;
        let other = arrow_vectors::without(&batch, &positions)?;
        taken += arrow_vectors::size_of(&other);
        refuse_unpacked(taken, limit)?;
        others.push(other);
        rows += batch.num_rows();
    }
    if rows == 0 {
        return Err(no_rows());
    }
    numbers.shrink_to_fit();
    let matrix = Array2::from_shape_vec((rows, dims), numbers)
        .map_err(|error| Error::input("the vectors do not make a matrix").source(error))?;
    let schema = others[0].schema();
    let columns = arrow_vectors::concatenated(&schema, &others, rows)?;
    Table::new(matrix, columns, vectors.name.clone())
}

fn damaged(error: ArrowError) -> Error {
    Error::input("cannot read the Arrow file")
        .with_code("file-damaged")
        .source(error)
        .advice("it is cut off or damaged: write or download it again")
}

fn no_rows() -> Error {
    Error::input("the file has no rows").with_code("no-rows").advice("check how it was written")
}

/// An IPC file that is passed over in blocks.
pub(in crate::table) struct IpcRows {
    file: Container,
    vectors: VectorColumn,
    pub(in crate::table) rows: usize,
    pub(in crate::table) dims: usize,
    numbers: Numbers,
    /// Whether what was read is not to stay in memory.
    in_bounds: bool,
}

impl IpcRows {
    /// Opens an IPC file or stream and finds its vectors.
    ///
    /// # Errors
    /// As [`read`].
    pub(in crate::table) fn open(path: &Path, options: &ReadOptions) -> Result<IpcRows> {
        let named = |error: Error| error.file(path);
        let file = Container::open(path).map_err(named)?;
        let vectors = find(&file, options).map_err(named)?;
        let first = file.batches().find(|batch| batch.as_ref().map_or(true, |b| b.num_rows() > 0));
        let dims = first
            .ok_or_else(no_rows)
            .and_then(|batch| vectors.dims(&batch?))
            .map_err(|error| at(error, path, &vectors))?;
        let numbers = Numbers::of(options);
        Ok(IpcRows { rows: file.rows(), file, vectors, dims, numbers, in_bounds: false })
    }

    /// The bytes of the largest packed batch, which is unpacked as a whole.
    pub(in crate::table) fn unpacked(&self) -> u64 {
        self.file.unpacked()
    }

    /// The columns beside the vectors, of no more bytes than `limit`.
    fn columns(&self, limit: u64) -> Result<RecordBatch> {
        let (positions, mut taken, mut others) = (self.vectors.positions(), 0, Vec::new());
        for batch in self.file.batches() {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let other = arrow_vectors::without(&batch, &positions)?;
            taken += arrow_vectors::size_of(&other);
            refuse_unpacked(taken, limit)?;
            others.push(other);
            self.let_go();
        }
        let schema = others.first().ok_or_else(no_rows)?.schema();
        arrow_vectors::concatenated(&schema, &others, self.rows)
    }

    fn let_go(&self) {
        if self.in_bounds {
            self.file.forget();
        }
    }
}

impl VectorFile for IpcRows {
    fn shape(&self) -> (usize, usize) {
        (self.rows, self.dims)
    }

    fn in_order(&self, first: usize) -> Result<Box<dyn VectorsInOrder + '_>> {
        let batches = self.file.batches();
        let rows = BatchRows::new(self.vectors.clone(), self.dims, self.numbers, batches);
        let mut rows = LettingGo { rows, file: self };
        let mut before = vec![0.0; LEAF_ROWS.min(first) * self.dims];
        for at in (0..first).step_by(LEAF_ROWS) {
            rows.fill(&mut before[..LEAF_ROWS.min(first - at) * self.dims])?;
        }
        Ok(Box::new(rows))
    }

    fn at(&self, error: Error, path: &Path) -> Error {
        at(error, path, &self.vectors)
    }
}

/// Vectors in order, of whose file no more is in memory than was asked for last.
struct LettingGo<'a, R> {
    rows: R,
    file: &'a IpcRows,
}

impl<R: VectorsInOrder> VectorsInOrder for LettingGo<'_, R> {
    fn fill(&mut self, out: &mut [f32]) -> Result<()> {
        self.rows.fill(out)?;
        self.file.let_go();
        Ok(())
    }
}
