//! The numbers of a list column, decoded from their pages straight into the matrix.
//!
//! Parquet stores a list column as one sequence of numbers with two small levels beside each: the
//! repetition level is 0 where a row begins, the definition level is at its maximum where a number
//! stands. If every row has the same length d and nothing is missing, number i of the sequence
//! belongs in row i / d, dimension i mod d, wherever pages and row groups begin. So pages are
//! decoded independently, on all threads, each into its own stretch of the matrix, while the
//! levels are held against that assumption. Only when it fails is the file read once more in
//! order, to name the row.

use std::sync::Arc;

use parquet::basic::Type as PhysicalType;
use parquet::column::page::PageReader;
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{DataType, DoubleType, FloatType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use rayon::prelude::*;

use super::damaged;
use super::pages::PageRun;
use super::source::{Groups, Opened, Source, Wanted};
use super::stretch::{Fault, SCRATCH, Scratch};
use crate::error::{Error, Result};
use crate::progress::steps;
use crate::remote::Beginning;
use crate::table::column::arrow_vectors::{missing, missing_number, other_length};
use crate::table::column::rows_in_order::VectorsInOrder;

/// Numbers in one piece of work, at least (4 MB of float32).
const PIECE: usize = 1 << 20;

/// A column of lists of FLOAT or DOUBLE, and the file that it is in.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    source: Source,
    metadata: Arc<ParquetMetaData>,
    column: usize,
}

/// Consecutive data pages of one row group.
#[derive(Debug)]
struct Piece {
    row_group: usize,
    first_page: usize,
    pages: usize,
    numbers: usize,
}

impl Leaf {
    /// The leaf of the column at `root`, if it is a list of FLOAT or DOUBLE.
    pub(super) fn of(source: &Source, metadata: &Arc<ParquetMetaData>, root: usize) -> Option<Leaf> {
        let schema = metadata.file_metadata().schema_descr();
        let mut leaves = (0..schema.num_columns()).filter(|&leaf| schema.get_column_root_idx(leaf) == root);
        let column = leaves.next().filter(|_| leaves.next().is_none())?;
        let described = schema.column(column);
        let number = matches!(described.physical_type(), PhysicalType::FLOAT | PhysicalType::DOUBLE);
        (number && described.max_rep_level() == 1).then(|| Leaf {
            source: source.clone(),
            metadata: metadata.clone(),
            column,
        })
    }

    /// The length of the first vector; 0 when the file has no rows.
    ///
    /// # Errors
    /// When the first row holds no vector.
    pub(super) fn dims(&self) -> Result<usize> {
        match self.physical_type() {
            PhysicalType::FLOAT => self.first_length::<FloatType>(),
            _ => self.first_length::<DoubleType>(),
        }
    }

    /// Fills `out` with all vectors, row after row, on the threads of the current rayon pool.
    ///
    /// # Errors
    /// Names the row that is missing, ragged, or has a gap; says when the file is damaged.
    pub(super) fn read(&self, dims: usize, out: &mut [f32]) -> Result<()> {
        let done = match self.physical_type() {
            PhysicalType::FLOAT => self.read_pieces::<FloatType>(dims, out, |x| x),
            _ => self.read_pieces::<DoubleType>(dims, out, |x| x as f32),
        };
        done.map_err(|fault| self.explained(fault, dims))
    }

    /// The rows in order from one on, without holding more than a page of them.
    ///
    /// # Errors
    /// When the file cannot be read up to that row.
    pub(super) fn rows(&self, dims: usize, first: usize) -> Result<LeafRows<'_>> {
        let reader = match self.physical_type() {
            PhysicalType::FLOAT => Rows::Float(Sequence::new(self, dims, first)?),
            _ => Rows::Double(Sequence::new(self, dims, first)?),
        };
        Ok(LeafRows { leaf: self, dims, reader })
    }

    fn physical_type(&self) -> PhysicalType {
        self.metadata.file_metadata().schema_descr().column(self.column).physical_type()
    }

    fn row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// The file, to read the column in one row group or in all.
    fn open(&self, groups: Groups, beginning: Beginning) -> Result<Opened> {
        let (metadata, leaves) = (&*self.metadata, &[self.column][..]);
        self.source.open(Wanted::Columns { metadata, leaves, groups, beginning })
    }

    /// The pages of the column in one row group.
    fn pages(&self, file: Opened, row_group: usize) -> Result<SerializedPageReader<Opened>> {
        let group = self.metadata.row_group(row_group);
        let rows = usize::try_from(group.num_rows()).unwrap_or(0);
        SerializedPageReader::new(Arc::new(file), group.column(self.column), rows, None).map_err(damaged)
    }

    fn reader<T: DataType>(&self, pages: Box<dyn PageReader>) -> ColumnReaderImpl<T> {
        let described = self.metadata.file_metadata().schema_descr().column(self.column);
        get_typed_column_reader(get_column_reader(described, pages))
    }

    fn first_length<T: DataType>(&self) -> Result<usize> {
        for row_group in 0..self.row_groups() {
            let file = self.open(Groups::One(row_group), Beginning::Little)?;
            let mut reader = self.reader::<T>(Box::new(self.pages(file, row_group)?));
            let (mut definition, mut repetition, mut values) = (Vec::new(), Vec::new(), Vec::new());
            let (rows, numbers, levels) = reader
                .read_records(1, Some(&mut definition), Some(&mut repetition), &mut values)
                .map_err(damaged)?;
            if rows == 1 {
                // A row with a gap has its full length; the gap is named when it is read.
                return if numbers == 0 { Err(missing(0)) } else { Ok(levels) };
            }
        }
        Ok(0)
    }

    fn read_pieces<T: DataType>(
        &self,
        dims: usize,
        out: &mut [f32],
        convert: impl Fn(T::T) -> f32 + Sync + Copy,
    ) -> Result<(), Fault>
    where
        T::T: Copy,
    {
        let pieces = self.pieces()?;
        if pieces.iter().map(|piece| piece.numbers).sum::<usize>() != out.len() {
            return Err(Fault::Irregular);
        }
        let mut rest = out;
        let mut first = 0;
        let mut work = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            let (stretch, after) = rest.split_at_mut(piece.numbers);
            work.push((piece, first, stretch));
            rest = after;
            first += piece.numbers;
        }
        let steps = steps("reading", work.len());
        let done: Vec<Result<(), Fault>> = work
            .into_par_iter()
            .map(|(piece, first, stretch)| {
                let file = self.open(Groups::One(piece.row_group), Beginning::Full)?;
                let pages = || self.pages(file.again()?, piece.row_group);
                let pages = PageRun::new(pages, piece.first_page, piece.pages)?;
                let mut reader = self.reader::<T>(Box::new(pages));
                let mut scratch = Scratch::<T>::default();
                scratch.fill(&mut reader, first, dims, stretch, convert)?;
                steps.add(1);
                Ok(())
            })
            .collect();
        done.into_iter().collect()
    }

    /// Cuts the column into pieces from the headers of its pages alone, the same for any number of
    /// threads. Where each header is a request, the row groups are the pieces.
    fn pieces(&self) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for row_group in 0..self.row_groups() {
            if self.source.is_remote() {
                let numbers = self.metadata.row_group(row_group).column(self.column).num_values();
                let numbers = usize::try_from(numbers).unwrap_or(0);
                pieces.push(Piece { row_group, first_page: 0, pages: usize::MAX, numbers });
                continue;
            }
            let file = self.open(Groups::One(row_group), Beginning::Full)?;
            let mut pages = self.pages(file, row_group)?;
            let mut piece = Piece { row_group, first_page: 0, pages: 0, numbers: 0 };
            while let Some(page) = pages.peek_next_page().map_err(damaged)? {
                if !page.is_dict {
                    piece.pages += 1;
                    piece.numbers = piece.numbers.saturating_add(page.num_levels.unwrap_or(0));
                }
                pages.skip_next_page().map_err(damaged)?;
                if piece.numbers >= PIECE {
                    let next = piece.first_page + piece.pages;
                    let whole = Piece { row_group, first_page: next, pages: 0, numbers: 0 };
                    pieces.push(std::mem::replace(&mut piece, whole));
                }
            }
            if piece.pages > 0 {
                pieces.push(piece);
            }
        }
        Ok(pieces)
    }

    fn explained(&self, fault: Fault, dims: usize) -> Error {
        let found = match (fault, self.physical_type()) {
            (Fault::Damaged(error), _) => return error,
            (Fault::Irregular, PhysicalType::FLOAT) => self.find_fault::<FloatType>(dims),
            (Fault::Irregular, _) => self.find_fault::<DoubleType>(dims),
        };
        match found {
            Ok(error) | Err(error) => error,
        }
    }

    /// The first row that is not a vector of `dims` numbers.
    fn find_fault<T: DataType>(&self, dims: usize) -> Result<Error> {
        let described = self.metadata.file_metadata().schema_descr().column(self.column);
        let full = described.max_def_level();
        let gap = described.self_type().is_optional().then(|| full - 1);
        let (mut rows, mut length) = (0_usize, 0);
        for row_group in 0..self.row_groups() {
            let file = self.open(Groups::One(row_group), Beginning::Full)?;
            let mut reader = self.reader::<T>(Box::new(self.pages(file, row_group)?));
            loop {
                let (mut definition, mut repetition, mut values) = (Vec::new(), Vec::new(), Vec::new());
                let (read, _, levels) = reader
                    .read_records(
                        SCRATCH.div_ceil(dims),
                        Some(&mut definition),
                        Some(&mut repetition),
                        &mut values,
                    )
                    .map_err(damaged)?;
                if read == 0 && levels == 0 {
                    break;
                }
                for (i, begins) in repetition.iter().map(|level| *level == 0).enumerate() {
                    if begins {
                        if rows > 0 && length != dims {
                            return Ok(other_length(rows - 1, &format!("{length} numbers"), dims));
                        }
                        (rows, length) = (rows + 1, 0);
                    }
                    // Without definition levels nothing can be missing.
                    let level = definition.get(i).copied().unwrap_or(full);
                    if level != full {
                        let row = rows.saturating_sub(1);
                        let gap_here = Some(level) == gap;
                        return Ok(if gap_here { missing_number(row, length) } else { missing(row) });
                    }
                    length += 1;
                }
            }
        }
        if rows > 0 && length != dims {
            return Ok(other_length(rows - 1, &format!("{length} numbers"), dims));
        }
        Ok(Error::input("the file's metadata do not agree with its pages")
            .seen(format!("{rows} rows of vectors"))
            .advice("the file is damaged: write it again"))
    }
}

/// The vectors of a leaf in order.
pub(super) struct LeafRows<'a> {
    leaf: &'a Leaf,
    dims: usize,
    reader: Rows<'a>,
}

enum Rows<'a> {
    Float(Sequence<'a, FloatType>),
    Double(Sequence<'a, DoubleType>),
}

impl VectorsInOrder for LeafRows<'_> {
    fn fill(&mut self, out: &mut [f32]) -> Result<()> {
        let done = match &mut self.reader {
            Rows::Float(sequence) => sequence.fill(out, |x| x),
            Rows::Double(sequence) => sequence.fill(out, |x| x as f32),
        };
        done.map_err(|fault| self.leaf.explained(fault, self.dims))
    }
}

struct Sequence<'a, T: DataType> {
    leaf: &'a Leaf,
    dims: usize,
    next_group: usize,
    file: Option<Opened>,
    reader: Option<ColumnReaderImpl<T>>,
    scratch: Scratch<T>,
}

impl<'a, T: DataType> Sequence<'a, T>
where
    T::T: Copy,
{
    /// Row groups before `first` are not opened, and rows before it in its own are skipped by pages.
    fn new(leaf: &'a Leaf, dims: usize, first: usize) -> Result<Self> {
        let mut sequence =
            Sequence { leaf, dims, next_group: 0, file: None, reader: None, scratch: Scratch::default() };
        let mut before = first;
        while before > 0 && sequence.next_group < leaf.row_groups() {
            let group = sequence.next_group;
            let rows = usize::try_from(leaf.metadata.row_group(group).num_rows()).unwrap_or(0);
            if before < rows {
                let mut reader = sequence.group(group)?;
                if reader.skip_records(before).map_err(damaged)? != before {
                    return Err(damaged(ParquetError::EOF("fewer rows than the metadata say".into())));
                }
                sequence.reader = Some(reader);
            }
            before -= before.min(rows);
            sequence.next_group += 1;
        }
        Ok(sequence)
    }

    fn fill(&mut self, out: &mut [f32], convert: impl Fn(T::T) -> f32 + Copy) -> Result<(), Fault> {
        let mut filled = 0;
        while filled < out.len() {
            if let Some(reader) = &mut self.reader {
                let some = self.scratch.fill_some(reader, filled, self.dims, &mut out[filled..], convert)?;
                filled += some;
                if some > 0 {
                    continue;
                }
            }
            if self.next_group == self.leaf.row_groups() {
                return Err(Fault::Irregular);
            }
            self.reader = Some(self.group(self.next_group)?);
            self.next_group += 1;
        }
        Ok(())
    }

    /// A reader of a row group; the file is opened once.
    fn group(&mut self, group: usize) -> Result<ColumnReaderImpl<T>> {
        let file = match &self.file {
            Some(file) => file.again()?,
            None => {
                let file = self.leaf.open(Groups::All, Beginning::Full)?;
                self.file.insert(file).again()?
            }
        };
        Ok(self.leaf.reader(Box::new(self.leaf.pages(file, group)?)))
    }
}
