//! What becomes of the vectors of a file while it is read: they go into memory, or stay outside of it where passes over
//! them in blocks are enough, or are only counted.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use memmap2::MmapOptions;
use ndarray::Array2;

use super::Table;
use super::blocks::{MappedRows, Outside, Placed};
use super::column::floats::Float;
use crate::error::{Error, Result};
use crate::memory::{Budget, shown, too_large};

/// What becomes of the vectors of a file, or of several files that are read one after the other.
pub(in crate::table) struct Keep {
    way: Way,
    /// The memory that all of it may take.
    limit: Option<u64>,
    /// The memory that the user gave.
    given: bool,
    /// What the columns and the vectors of earlier files take of it.
    columns: u64,
    vectors: u64,
    /// The vectors of the file that is read, where they are not in its table.
    outside: Option<Outside>,
    /// The vectors of texts, once they do not fit.
    temporary: Option<Temporary>,
    /// Where those of the file that is read begin in it; `None` while they are in memory.
    spilled_from: Option<u64>,
    /// The numbers of a vector of the file that was read last.
    dims: usize,
    /// Whether its vectors are packed, and so unpacked once.
    packed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Memory,
    Blocks,
    Counted,
}

/// A file without a name, on the disk of the user's `TMPDIR`; it is gone when the process has ended, however that ends.
struct Temporary {
    file: File,
    bytes: u64,
}

impl Keep {
    /// All vectors in memory.
    pub(in crate::table) fn in_memory(memory: Budget) -> Keep {
        Keep::new(Way::Memory, memory)
    }

    /// In memory where they are few for it; else in their file, or those of a text in a temporary file.
    pub(in crate::table) fn in_blocks(memory: Budget) -> Keep {
        Keep::new(Way::Blocks, memory)
    }

    /// Nowhere: only their number and length are wanted.
    pub(in crate::table) fn counted(memory: Budget) -> Keep {
        Keep::new(Way::Counted, memory)
    }

    fn new(way: Way, memory: Budget) -> Keep {
        Keep {
            way,
            limit: memory.limit(),
            given: memory.given().is_some(),
            columns: 0,
            vectors: 0,
            outside: None,
            temporary: None,
            spilled_from: None,
            dims: 0,
            packed: false,
        }
    }

    /// The numbers of a vector of the file that was read.
    pub(in crate::table) fn dims(&self) -> usize {
        self.dims
    }

    /// Says that vectors must be unpacked before they are passed over.
    pub(in crate::table) fn must_unpack(&mut self) {
        self.packed = true;
    }

    /// Whether they must.
    pub(in crate::table) fn packed(&self) -> bool {
        self.packed
    }

    /// Whether passes over the vectors in blocks are enough.
    pub(in crate::table) fn takes_blocks(&self) -> bool {
        self.way == Way::Blocks
    }

    /// Whether so many bytes of vectors stay in memory beside so many of columns.
    pub(in crate::table) fn holds(&self, bytes: u64, columns: u64) -> bool {
        match self.way {
            Way::Memory => true,
            Way::Counted => false,
            Way::Blocks => {
                few(self.vectors.saturating_add(bytes), self.columns + columns, self.limit, self.given)
            }
        }
    }

    /// Whether all vectors are wanted in memory.
    pub(in crate::table) fn is_in_memory(&self) -> bool {
        self.way == Way::Memory
    }

    /// Whether vectors of this shape are wanted in memory now.
    pub(in crate::table) fn wants(&self, rows: usize, dims: usize) -> bool {
        self.holds((rows as u64).saturating_mul(4 * dims as u64), 0)
    }

    /// What stands in a table in place of vectors that are not in it.
    pub(in crate::table) fn apart(&mut self, rows: usize, dims: usize) -> Array2<f32> {
        self.dims = dims;
        Array2::zeros((rows, 0))
    }

    /// Keeps the vectors of the file that is read where they are.
    pub(in crate::table) fn put(&mut self, rows: Outside) {
        self.outside = Some(rows);
    }

    /// What was put there.
    pub(in crate::table) fn take(&mut self) -> Option<Outside> {
        self.outside.take()
    }

    /// A part of the memory that was given.
    pub(in crate::table) fn share(&self, parts: u64) -> Option<u64> {
        self.limit.filter(|_| self.given).map(|limit| limit / parts)
    }

    /// Looks at what was read of a text so far, its numbers and the bytes of its columns: numbers that are too many for the
    /// memory are written away.
    ///
    /// # Errors
    /// When rows do not fit in memory, and when the temporary file cannot be written.
    pub(in crate::table) fn settle(
        &mut self,
        numbers: &mut Vec<f32>,
        columns: usize,
        rows: usize,
    ) -> Result<()> {
        let columns = columns as u64;
        if self.way == Way::Counted {
            *numbers = Vec::new();
        } else if self.way == Way::Blocks
            && (self.spilled_from.is_some() || !self.holds(4 * numbers.len() as u64, columns))
        {
            self.spill(numbers)?;
        }
        let bytes = 4 * numbers.len() as u64 + columns + self.vectors + self.columns;
        match self.limit {
            Some(limit) if bytes > limit => Err(too_large(rows, bytes, limit)),
            _ => Ok(()),
        }
    }

    /// Checks that so many bytes more can be written to the temporary file.
    ///
    /// # Errors
    /// When its disk has no room for them.
    pub(in crate::table) fn require_room(&self, bytes: u64) -> Result<()> {
        let Some(room) = temporary_room().filter(|room| bytes > *room) else { return Ok(()) };
        Err(Error::memory(
            "vectors that do not fit in memory do not fit on the disk of temporary files either",
        )
        .with_code("disk")
        .file(std::env::temp_dir())
        .seen(format!("they take {}, and {} are free there", shown(bytes), shown(room)))
        .advice(ANOTHER_DISK))
    }

    /// Writes numbers to the temporary file.
    pub(in crate::table) fn spill(&mut self, numbers: &mut Vec<f32>) -> Result<()> {
        let temporary = match &mut self.temporary {
            Some(temporary) => temporary,
            none => none.insert(Temporary { file: tempfile::tempfile().map_err(not_written)?, bytes: 0 }),
        };
        self.spilled_from.get_or_insert(temporary.bytes);
        temporary.file.write_all(bytemuck::cast_slice(numbers)).map_err(not_written)?;
        temporary.bytes += 4 * numbers.len() as u64;
        *numbers = Vec::new();
        Ok(())
    }

    /// The vectors of a text that was read, of which these numbers are left.
    ///
    /// # Errors
    /// When they form no matrix, and when the temporary file cannot be written.
    pub(in crate::table) fn matrix(
        &mut self,
        rows: usize,
        dims: usize,
        mut numbers: Vec<f32>,
    ) -> Result<Array2<f32>> {
        self.dims = dims;
        if self.way == Way::Counted {
            return Ok(Array2::zeros((rows, 0)));
        }
        let Some(start) = self.spilled_from else {
            numbers.shrink_to_fit();
            return Array2::from_shape_vec((rows, dims), numbers)
                .map_err(|error| Error::input("the vectors do not form a matrix").source(error));
        };
        self.spill(&mut numbers)?;
        self.spilled_from = None;
        let Some(temporary) = &self.temporary else { return Ok(Array2::zeros((rows, 0))) };
        let length = usize::try_from(temporary.bytes - start).unwrap_or(usize::MAX);
        if length != rows.saturating_mul(4 * dims) {
            return Err(Error::input("the vectors do not form a matrix"));
        }
        let map = super::mapped::part(&temporary.file, MmapOptions::new().offset(start).len(length))?;
        let float = Float { big_endian: cfg!(target_endian = "big"), ..Float::F32 };
        let placed = Placed { start: 0, float, fortran_order: false, rows, dims };
        // What is there was looked at before it was written.
        let in_bounds = self.in_bounds(length as u64);
        self.put(Box::new(MappedRows::checked(Arc::new(map), placed, in_bounds)));
        Ok(Array2::zeros((rows, 0)))
    }

    /// Whether what is mapped of a file must not stay in memory: it is more than the memory that was given has room for.
    pub(in crate::table) fn in_bounds(&self, bytes: u64) -> bool {
        self.given && !few(self.vectors.saturating_add(bytes), self.columns, self.limit, true)
    }

    /// A table that was read, its vectors apart where they are not in it; what it takes is not there for the next.
    pub(in crate::table) fn parted(&mut self, table: &Table) -> Option<Outside> {
        self.vectors += (table.n_rows() as u64).saturating_mul(4 * table.dims() as u64);
        self.columns += table.columns().get_array_memory_size() as u64;
        self.take()
    }
}

/// Rows in memory while they take no more than blocks would: a fourth of the memory that was given, or half of what is free.
pub(in crate::table) fn few(bytes: u64, columns: u64, limit: Option<u64>, given: bool) -> bool {
    let left = |limit: u64| limit.saturating_sub(columns) / if given { 4 } else { 2 };
    limit.is_none_or(|limit| bytes <= left(limit))
}

/// The error for a temporary file that cannot be written.
pub(in crate::table) fn not_written(error: std::io::Error) -> Error {
    Error::io("cannot write the temporary file for vectors that do not fit in memory", error)
        .file(std::env::temp_dir())
        .advice(ANOTHER_DISK)
}

const ANOTHER_DISK: &str = "let TMPDIR name a folder on a disk with room, or allow more with --memory";

/// What is free on the disk of temporary files, where the system tells.
pub(crate) fn temporary_room() -> Option<u64> {
    #[cfg(unix)]
    {
        let about = rustix::fs::statvfs(std::env::temp_dir()).ok()?;
        Some(about.f_bavail.saturating_mul(about.f_frsize))
    }
    #[cfg(not(unix))]
    None
}
