//! Apache Parquet.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::ChunkReader;
use rayon::prelude::*;

use self::leaf::Leaf;
use self::size::{as_views, decoded_size, page_size};
use self::source::{Groups, Opened, Source, Wanted};
use crate::error::{Error, Result, excerpt};
use crate::memory::Budget;
use crate::progress::steps;
use crate::remote::Beginning;
use crate::table::blocks::{Streamed, VectorFile};
use crate::table::column::arrow_vectors::{self, SAMPLE_ROWS};
use crate::table::column::cell::Numbers;
use crate::table::column::matrix;
use crate::table::column::rows_in_order::{BatchRows, VectorsInOrder};
use crate::table::column::vector_column::{Place, VectorColumn};
use crate::table::content::{refuse_unpacked, unpacked_limit};
use crate::table::keep::Keep;
use crate::table::{ReadOptions, Table};

mod leaf;
mod pages;
mod size;
mod source;
mod stretch;
mod wide;
mod write;

pub(in crate::table) use write::{write, write_pieces};

/// Rows in one Arrow batch: enough to make its cost small, few enough to stay in the cache.
const BATCH_ROWS: usize = 1024;

pub(in crate::table) fn read(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    let file = ParquetFile::open(path, options)?;
    if !keep.is_in_memory() {
        let (columns, name) = (file.read_columns()?, file.vectors.name.clone());
        let vectors = keep.apart(file.rows, file.dims);
        keep.put(Box::new(Streamed::new(path, options.keeps_faults(), file)));
        return Table::new(vectors, columns, name);
    }
    let mut vectors =
        matrix::for_all(file.rows, file.dims, options.memory).map_err(|error| error.file(path))?;
    let out = vectors.as_slice_mut().unwrap_or_default();
    let (filled, columns) = rayon::join(|| file.read_vectors(out), || file.read_columns());
    filled?;
    if !options.keeps_faults() {
        matrix::refuse_non_finite(vectors.view(), 0).map_err(|error| file.at(error))?;
    }
    Table::new(vectors, columns?, file.vectors.name.clone())
}

pub(in crate::table) fn read_columns(path: &Path, options: &ReadOptions) -> Result<RecordBatch> {
    let source = Source::of(path)?;
    let (metadata, rows) = load(&source)?;
    let wanted = options.columns.of(metadata.schema());
    read_roots(&source, &metadata, &wanted, rows, options.memory).map_err(|error| source.named(error))
}

/// A Parquet file whose vectors have been found.
#[derive(Debug, Clone)]
pub(in crate::table) struct ParquetFile {
    source: Source,
    metadata: ArrowReaderMetadata,
    vectors: VectorColumn,
    /// The vectors as a plain list of numbers, which needs no Arrow arrays.
    leaf: Option<Leaf>,
    pub(in crate::table) rows: usize,
    pub(in crate::table) dims: usize,
    numbers: Numbers,
    memory: Budget,
}

impl VectorFile for ParquetFile {
    fn shape(&self) -> (usize, usize) {
        (self.rows, self.dims)
    }

    fn in_order(&self, first: usize) -> Result<Box<dyn VectorsInOrder + '_>> {
        self.vectors_in_order(first)
    }

    fn at(&self, error: Error, _path: &Path) -> Error {
        ParquetFile::at(self, error)
    }
}

impl ParquetFile {
    /// Reads the file's metadata and finds its vectors.
    ///
    /// # Errors
    /// When the file is not a Parquet file or is cut off, and as [`crate::table::column::vector_column::find`].
    pub(in crate::table) fn open(path: &Path, options: &ReadOptions) -> Result<ParquetFile> {
        let source = Source::of(path)?;
        let (metadata, rows) = load(&source)?;
        let named = |error: Error| source.named(error);
        let texts = arrow_vectors::sampled_columns(metadata.schema());
        let limit = unpacked_limit(source.size(), options.memory);
        refuse_unpacked(page_size(&metadata, &texts), limit).map_err(named)?;
        let sample = first_rows(&source, &metadata, &texts, SAMPLE_ROWS).map_err(named)?;
        let vectors = arrow_vectors::find(metadata.schema(), &texts, &sample, options.vector.as_deref())
            .map_err(named)?;
        let numbers = Numbers::of(options);
        let leaf = match vectors.place {
            // Rows without a vector are reported one by one, and a struct is not a plain list.
            Place::Column(position) if numbers == Numbers::Finite && is_list(&metadata, position) => {
                Leaf::of(&source, metadata.metadata(), position)
            }
            _ => None,
        };
        let memory = options.memory;
        let mut file = ParquetFile { source, metadata, vectors, leaf, rows, dims: 0, numbers, memory };
        file.dims = file.first_length().map_err(|error| file.at(error))?;
        Ok(file)
    }

    fn first_length(&self) -> Result<usize> {
        if self.rows == 0 {
            return Err(Error::input("the file has no rows")
                .with_code("no-rows")
                .advice("check how it was written"));
        }
        if self.vectors.dims > 0 {
            return Ok(self.vectors.dims);
        }
        if let Some(leaf) = &self.leaf {
            return leaf.dims().and_then(|dims| if dims == 0 { Err(too_few(0)) } else { Ok(dims) });
        }
        let first = first_rows(&self.source, &self.metadata, &self.vectors.positions(), 1)?;
        if first.num_rows() == 0 {
            return Err(too_few(0));
        }
        self.vectors.alone().dims(&first)
    }

    /// Adds the place to an error.
    pub(in crate::table) fn at(&self, error: Error) -> Error {
        let error = self.source.named(error);
        match self.vectors.place {
            Place::Column(_) => error.column(&self.vectors.name),
            Place::Spread(_) => error,
        }
    }

    /// The bytes of the vectors in the file, and those that the other columns unpack to.
    pub(in crate::table) fn sizes(&self) -> (u64, u64) {
        let (schema, vectors) = (self.metadata.parquet_schema(), self.vectors.positions());
        let is_vector = |leaf: &usize| vectors.binary_search(&schema.get_column_root_idx(*leaf)).is_ok();
        let leaves: Vec<usize> = (0..schema.num_columns()).filter(is_vector).collect();
        let of_group = |group: &RowGroupMetaData| -> u64 {
            let sizes = leaves.iter().map(|leaf| group.column(*leaf).compressed_size());
            sizes.map(|size| u64::try_from(size).unwrap_or(0)).fold(0, u64::saturating_add)
        };
        let packed = self.metadata.metadata().row_groups().iter().map(of_group).fold(0, u64::saturating_add);
        (packed, decoded_size(&self.metadata, &self.others()))
    }

    /// The name of the vectors' column.
    pub(in crate::table) fn vector_column(&self) -> &str {
        &self.vectors.name
    }

    /// The columns of the file without those of the vectors.
    pub(in crate::table) fn schema(&self) -> Schema {
        projected(self.metadata.schema(), &self.others())
    }

    fn others(&self) -> Vec<usize> {
        let vectors = self.vectors.positions();
        (0..self.metadata.schema().fields().len()).filter(|i| vectors.binary_search(i).is_err()).collect()
    }

    /// The columns that are not vectors.
    ///
    /// # Errors
    /// When the file is damaged.
    pub(in crate::table) fn read_columns(&self) -> Result<RecordBatch> {
        read_roots(&self.source, &self.metadata, &self.others(), self.rows, self.memory)
            .map_err(|error| self.source.named(error))
    }

    /// Fills `out` with all vectors, row after row.
    ///
    /// # Errors
    /// Names the row that is missing, ragged, or has a gap; says when the file is damaged.
    pub(in crate::table) fn read_vectors(&self, out: &mut [f32]) -> Result<()> {
        match &self.leaf {
            Some(leaf) => leaf.read(self.dims, out),
            None => self.read_batches(out),
        }
        .map_err(|error| self.at(error))
    }

    /// Row groups are read independently, each into its own rows of the matrix.
    fn read_batches(&self, out: &mut [f32]) -> Result<()> {
        let alone = self.vectors.alone();
        let mut rest = out;
        let mut first = 0;
        let mut work = Vec::new();
        for (group, rows) in self.metadata.metadata().row_groups().iter().map(rows_of).enumerate() {
            let (stretch, after) = rest.split_at_mut(rows? * self.dims);
            let rows = stretch.len() / self.dims;
            work.push((group, first, stretch));
            rest = after;
            first += rows;
        }
        let steps = steps("reading", work.len());
        let done: Vec<Result<()>> = work
            .into_par_iter()
            .map(|(group, first, mut stretch)| {
                let mut row = first;
                for batch in batches(&self.source, &self.metadata, &self.vectors.positions(), Some(group))? {
                    let batch = batch.map_err(unreadable)?;
                    let taken = (batch.num_rows() * self.dims).min(stretch.len());
                    let (rows, after) = stretch.split_at_mut(taken);
                    alone.copy(&batch, self.dims, self.numbers, row, rows)?;
                    row += batch.num_rows();
                    stretch = after;
                }
                steps.add(1);
                if stretch.is_empty() { Ok(()) } else { Err(too_few(row)) }
            })
            .collect();
        done.into_iter().collect()
    }

    /// The vectors in order from row `first` on, holding no more than a page or a batch of them.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(in crate::table) fn vectors_in_order(&self, first: usize) -> Result<Box<dyn VectorsInOrder + '_>> {
        if let Some(leaf) = &self.leaf {
            return Ok(Box::new(leaf.rows(self.dims, first)?));
        }
        let batches =
            builder(&self.source, &self.metadata, &self.vectors.positions(), Groups::All)?.with_offset(first);
        let batches = batches.build().map_err(damaged)?.map(|batch| batch.map_err(unreadable));
        Ok(Box::new(
            BatchRows::new(self.vectors.alone(), self.dims, self.numbers, batches).starting_at(first),
        ))
    }
}

fn is_list(metadata: &ArrowReaderMetadata, position: usize) -> bool {
    use arrow::datatypes::DataType::{FixedSizeList, LargeList, List};
    let data_type = metadata.schema().field(position).data_type();
    matches!(data_type, List(item) | LargeList(item) | FixedSizeList(item, _) if !item.data_type().is_nested())
}

/// Opens a file and reads its metadata; also says how many rows it has.
fn load(source: &Source) -> Result<(ArrowReaderMetadata, usize)> {
    let read = || {
        let file = source.open(Wanted::Metadata)?;
        refuse_other_magic(&file)?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(damaged)?;
        let groups = metadata.metadata().row_groups().iter();
        let rows =
            groups.map(rows_of).try_fold(0_usize, |all, rows| Ok::<_, Error>(all.saturating_add(rows?)))?;
        Ok((metadata, rows))
    };
    read().map_err(|error| source.named(error))
}

/// The columns of a file.
#[cfg(feature = "sql")]
pub(in crate::table) fn schema(path: &Path) -> Result<Schema> {
    load(&Source::of(path)?).map(|(metadata, _)| metadata.schema().as_ref().clone())
}

/// The columns of a file in which each vector is a list in one column, or in which there are no vectors.
#[cfg(feature = "sql")]
pub(in crate::table) fn scannable(path: &Path, options: &ReadOptions) -> Result<Option<Schema>> {
    let source = Source::of(path)?;
    let (metadata, _) = load(&source)?;
    let texts = arrow_vectors::sampled_columns(metadata.schema());
    let limit = unpacked_limit(source.size(), options.memory);
    refuse_unpacked(page_size(&metadata, &texts), limit).map_err(|error| source.named(error))?;
    let sample = first_rows(&source, &metadata, &texts, SAMPLE_ROWS).map_err(|error| source.named(error))?;
    let found = arrow_vectors::find(metadata.schema(), &texts, &sample, options.vector.as_deref());
    let is_scannable = match found.map(|vectors| vectors.place) {
        Ok(Place::Column(position)) => is_list(&metadata, position),
        Ok(Place::Spread(_)) => false,
        Err(_) => true,
    };
    Ok(is_scannable.then(|| metadata.schema().as_ref().clone()))
}

fn refuse_other_magic(file: &Opened) -> Result<()> {
    let seen = match file.get_bytes(0, 4) {
        Ok(magic) if magic == "PAR1" => return Ok(()),
        Ok(magic) if magic == "PARE" => {
            return Err(Error::input("an encrypted Parquet file").advice("write it without encryption"));
        }
        Ok(magic) => excerpt(&String::from_utf8_lossy(&magic)),
        Err(_) => "less than 4 bytes".into(),
    };
    Err(Error::input("not a Parquet file")
        .with_code("file-damaged")
        .seen(seen)
        .advice("a Parquet file begins with PAR1: check how it was written or downloaded"))
}

fn rows_of(group: &RowGroupMetaData) -> Result<usize> {
    usize::try_from(group.num_rows())
        .map_err(|_| damaged(ParquetError::General("a negative number of rows".into())))
}

/// An error for what the metadata or the pages of a file should not hold.
fn damaged(error: ParquetError) -> Error {
    Error::input("cannot read the Parquet file")
        .with_code("file-damaged")
        .source(error)
        .advice("it is cut off or damaged: write or download it again")
}

fn unreadable(error: ArrowError) -> Error {
    damaged(ParquetError::ArrowError(error.to_string()))
}

/// A reader of the columns at these positions.
fn builder(
    source: &Source,
    metadata: &ArrowReaderMetadata,
    roots: &[usize],
    groups: Groups,
) -> Result<ParquetRecordBatchReaderBuilder<Opened>> {
    let file = open(source, metadata, roots, (groups, Beginning::Full))?;
    let mask = ProjectionMask::roots(metadata.parquet_schema(), roots.iter().copied());
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS))
}

/// The columns at these positions, as batches: of one row group or of the whole file.
fn batches(
    source: &Source,
    metadata: &ArrowReaderMetadata,
    roots: &[usize],
    row_group: Option<usize>,
) -> Result<ParquetRecordBatchReader> {
    let groups = row_group.map_or(Groups::All, Groups::One);
    let mut builder = builder(source, metadata, roots, groups)?;
    if let Some(group) = row_group {
        builder = builder.with_row_groups(vec![group]);
    }
    builder.build().map_err(damaged)
}

/// Opens a file for the columns at these positions.
fn open(
    source: &Source,
    metadata: &ArrowReaderMetadata,
    roots: &[usize],
    (groups, beginning): (Groups, Beginning),
) -> Result<Opened> {
    let schema = metadata.parquet_schema();
    let is_wanted = |leaf: &usize| roots.contains(&schema.get_column_root_idx(*leaf));
    let leaves: Vec<usize> =
        if source.is_remote() { (0..schema.num_columns()).filter(is_wanted).collect() } else { Vec::new() };
    source.open(Wanted::Columns { metadata: metadata.metadata(), leaves: &leaves, groups, beginning })
}

/// The columns at these positions, whole; row groups are read on all threads.
fn read_roots(
    source: &Source,
    metadata: &ArrowReaderMetadata,
    roots: &[usize],
    rows: usize,
    memory: Budget,
) -> Result<RecordBatch> {
    let schema = Arc::new(projected(metadata.schema(), roots));
    if roots.is_empty() {
        return arrow_vectors::concatenated(&schema, &[], rows);
    }
    let limit = unpacked_limit(source.size(), memory);
    refuse_unpacked(decoded_size(metadata, roots), limit)?;
    let (taken, viewed) = (AtomicU64::new(0), as_views(metadata));
    let groups: Vec<Result<Vec<RecordBatch>>> = (0..metadata.metadata().num_row_groups())
        .into_par_iter()
        .map(|group| {
            let batches = batches(source, &viewed, roots, Some(group))?;
            batches
                .map(|batch| {
                    let batch = batch.map_err(unreadable)?;
                    let bytes = arrow_vectors::size_of(&batch);
                    refuse_unpacked(taken.fetch_add(bytes, Ordering::Relaxed) + bytes, limit)?;
                    size::written_out(batch, &schema).map_err(unreadable)
                })
                .collect()
        })
        .collect();
    let groups: Vec<Vec<RecordBatch>> = groups.into_iter().collect::<Result<_>>()?;
    let whole = arrow_vectors::concatenated(&schema, &groups.concat(), rows)?;
    if whole.num_rows() == rows { Ok(whole) } else { Err(too_few(whole.num_rows())) }
}

/// The first rows of the columns at these positions; texts and bytes as views, which long ones that repeat share.
fn first_rows(
    source: &Source,
    metadata: &ArrowReaderMetadata,
    roots: &[usize],
    rows: usize,
) -> Result<RecordBatch> {
    let metadata = as_views(metadata);
    let schema = projected(metadata.schema(), roots);
    if roots.is_empty() {
        return arrow_vectors::concatenated(&schema, &[], 0);
    }
    let file = open(source, &metadata, roots, (Groups::All, Beginning::Little))?;
    let mask = ProjectionMask::roots(metadata.parquet_schema(), roots.iter().copied());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
        .with_projection(mask)
        .with_batch_size(rows)
        .with_limit(rows)
        .build()
        .map_err(damaged)?;
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.map_err(unreadable)).collect::<Result<_>>()?;
    arrow_vectors::concatenated(&schema, &batches, 0)
}

fn projected(schema: &Schema, roots: &[usize]) -> Schema {
    // Of the file's metadata only what says the names of classes is of use here.
    let about = schema.metadata().get("huggingface").map(|about| ("huggingface".to_owned(), about.clone()));
    let fields = roots.iter().map(|&root| schema.fields()[root].clone()).collect::<Vec<_>>();
    Schema::new_with_metadata(fields, about.into_iter().collect())
}

fn too_few(rows: usize) -> Error {
    damaged(ParquetError::EOF(format!("only {rows} rows where the metadata promise more")))
}
