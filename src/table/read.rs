//! Reading a table: one entry, whatever the format.

use std::path::{Path, PathBuf};

use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;

use super::column::vector_column::Holds;
use super::copy::{Copied, LocalCopy};
use super::format::part_files::is_pattern;
use super::format::{csv, ipc, json, mteb, npy, npz, parquet, parts, projector, safetensors, word_vectors};
use super::keep::Keep;
use super::{Format, Origin, Table, guarded};
use crate::address::is_address;
use crate::error::{Error, Result};
use crate::memory::Budget;
use crate::remote::{self, Found};

/// How the bytes of a text file stand for characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8, with or without a byte-order mark.
    #[default]
    Utf8,
    /// Latin-1 as browsers read it (Windows-1252).
    Latin1,
}

/// The columns that [`read_without_vectors`] reads. Of a Parquet file the others are not even looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Columns {
    /// All of them.
    #[default]
    All,
    /// All but lists of numbers.
    WithoutVectors,
    /// Those of these names. A file that lacks one is read as [`Columns::WithoutVectors`], so that an error can tell what it has.
    Named(Vec<String>),
}

impl Columns {
    /// The positions of the columns that are read, ascending.
    pub(super) fn of(&self, schema: &Schema) -> Vec<usize> {
        let fields = schema.fields();
        let kept = |keep: &dyn Fn(&Field) -> bool| -> Vec<usize> {
            (0..fields.len()).filter(|position| keep(&fields[*position])).collect()
        };
        match self {
            Columns::All => kept(&|_| true),
            Columns::Named(names) if names.iter().all(|name| schema.field_with_name(name).is_ok()) => {
                kept(&|field| names.contains(field.name()))
            }
            Columns::WithoutVectors | Columns::Named(_) => {
                kept(&|field| !matches!(Holds::of_type(field.data_type()), Holds::Vectors(_)))
            }
        }
    }
}

/// What [`read()`] should know beyond the path. The default reads every well-formed file that has
/// one vector column.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The vector column; the prefix of the columns (`emb_` for `emb_0, emb_1, ..`) when the vector
    /// is spread over several; the array's name in `.npz` and `.safetensors`.
    /// Default: the one column that holds vectors.
    pub vector: Option<String>,
    /// The format; default: from the name.
    pub format: Option<Format>,
    /// The encoding of a text file.
    pub encoding: Encoding,
    /// The delimiter of a CSV file; default: comma for `.csv`, tab for `.tsv`.
    pub delimiter: Option<u8>,
    /// A second file with the columns of the rows, for formats that hold only a matrix (`.npy`,
    /// `.npz`, `.safetensors`, Projector TSV). Default: none, or for a Projector file the
    /// `metadata.tsv` beside it.
    pub sidecar: Option<PathBuf>,
    /// Lets vectors with NaN or infinite numbers through, for a look at what is wrong with a file
    /// ([`check`](super::check())). Default: such a vector is an error.
    pub allow_non_finite: bool,
    /// Leaves out rows without a usable vector: none, one of another length, one with NaN or infinite numbers; the
    /// table says how many ([`Table::left_out`]), and its origin still names the rows of the file. Default: such a
    /// row is an error.
    pub drop_missing: bool,
    /// The words that stand for a missing value in unquoted cells of delimited text, beside the empty cell.
    /// Default: `NA`, `N/A`, `NULL`, `null`, `None`, `nan`, `NaN`, `<NA>`, `\N`.
    pub missing: Option<Vec<String>>,
    /// Delimited text without a header. Default: the first record is the header unless it is all numbers or holds a
    /// whole vector.
    pub no_header: bool,
    /// Numbers of delimited text have decimal commas.
    pub decimal_comma: bool,
    /// The most memory that what is read may take. Compressed text and columns that unpack to far more than the file
    /// are refused unless a budget is given.
    pub memory: Budget,
    /// The columns that are read where vectors are not ([`read_without_vectors`]). Default: all.
    pub columns: Columns,
}

impl ReadOptions {
    /// Whether rows without a usable vector are read, as NaN.
    pub(super) fn keeps_faults(&self) -> bool {
        self.allow_non_finite || self.drop_missing
    }

    /// The options with which all rows are read, before those without a usable vector are left out.
    pub(super) fn with_faults(&self) -> ReadOptions {
        ReadOptions { drop_missing: false, allow_non_finite: self.keeps_faults(), ..self.clone() }
    }
}

/// Reads stored embeddings.
///
/// # Errors
/// An [`Error`] that names the file, the row and the column for anything that cannot be used:
/// a missing or empty file, no or several vector columns, a vector of different length, a number that
/// is missing, no number, NaN or infinite.
///
/// ```no_run
/// let table = embedlab::table::read("reviews.csv".as_ref(), &Default::default())?;
/// println!("{} rows of {} numbers", table.n_rows(), table.dims());
/// # Ok::<(), embedlab::error::Error>(())
/// ```
pub fn read(path: &Path, options: &ReadOptions) -> Result<Table> {
    let _kept = remote::keep();
    let table = one(path, &options.with_faults(), &mut Keep::in_memory(options.memory))?;
    if options.drop_missing { table.with_usable_rows().map_err(|error| error.file(path)) } else { Ok(table) }
}

/// Reads several files (or folders, or patterns) of the same columns and vectors as one table, one file after the other.
/// The origin of each row is its file and the row there.
///
/// # Errors
/// As [`read()`]; when there is no file, or the files differ in their columns or vectors.
///
/// ```
/// use embedlab::table;
/// let file = std::path::PathBuf::from("examples/data/food_reviews.parquet");
/// let table = table::read_all(&[file.clone(), file.clone()], &Default::default())?;
/// assert_eq!(table.n_rows(), 1320);
/// assert_eq!(table.origin().row(700), (Some(file.as_path()), 40));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn read_all(files: &[PathBuf], options: &ReadOptions) -> Result<Table> {
    let _kept = remote::keep();
    match files {
        [] => Err(no_file()),
        [file] => read(file, options),
        files => {
            let table = several(files, &options.with_faults(), &mut Keep::in_memory(options.memory))?;
            match options.drop_missing {
                true => table.with_usable_rows().map_err(|error| error.files(files)),
                false => Ok(table),
            }
        }
    }
}

/// Reads several files as one table, as [`one`] reads one.
pub(super) fn several(files: &[PathBuf], options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    let first = files.first().ok_or_else(no_file)?;
    files.iter().try_for_each(|file| readable(file))?;
    guarded(first, || parts::read_several(files, options, keep, one))
}

pub(super) fn no_file() -> Error {
    Error::argument("no file").advice("name a file with stored embeddings")
}

/// As [`read_all`], of files that need not hold vectors; see [`read_without_vectors`].
///
/// # Errors
/// As [`read_without_vectors`], and when the files differ in their columns.
pub fn read_all_without_vectors(files: &[PathBuf], options: &ReadOptions) -> Result<Table> {
    let _kept = remote::keep();
    match files {
        [] => Err(no_file()),
        [file] => read_without_vectors(file, options),
        files => {
            files.iter().try_for_each(|file| readable(file))?;
            guarded(&files[0], || parts::read_several_without_vectors(files, options, one_without_vectors))
        }
    }
}

/// Reads all rows; those without a usable vector are NaN where the options allow that. Vectors that `keep` does not want in
/// memory are not in the table.
pub(super) fn one(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    readable(path)?;
    if let Some((copy, format)) = LocalCopy::of(path, options.format)? {
        let options = ReadOptions { format: Some(format), ..options.clone() };
        let table = one(&copy.path, &options, keep).map_err(|error| copy.named(error))?;
        if let Some(rows) = keep.take() {
            keep.put(Box::new(Copied { rows, copy }));
        }
        return Ok(table.with_origin(Origin::of_file(path)));
    }
    let format = options.format.map_or_else(|| Format::detect(path), Ok)?;
    not_through_a_pipe(path, format)?;
    let table = match format {
        Format::Csv | Format::Tsv => delimited(path, format, options, keep),
        Format::JsonLines => json::lines::read(path, options, keep),
        Format::Json => json::document::read(path, options, keep),
        Format::Parquet => guarded(path, || parquet::read(path, options, keep)),
        Format::ArrowIpc => guarded(path, || ipc::read(path, options, keep)),
        Format::Npy => npy::read(path, options, keep),
        Format::Npz => npz::read(path, options, keep),
        Format::Safetensors => safetensors::read(path, options, keep),
        Format::WordVectors => word_vectors::read(path, options, keep),
        Format::Parts => guarded(path, || parts::read(path, options, keep, one)),
        Format::MtebCache => mteb::read(path, options),
    }?;
    // Readers of several files say themselves which file each row is from.
    let several = !table.origin().files().is_empty();
    let table = table.plain(options.memory).map_err(|error| error.file(path))?;
    Ok(if several { table } else { table.with_origin(Origin::of_file(path)) })
}

/// Delimited text: a matrix without a header is a file of the Embedding Projector.
fn delimited(path: &Path, format: Format, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    let opened = csv::open(path, format, options)?;
    if opened.is_matrix_without_header() {
        let vectors = opened.matrix(keep).map_err(|error| error.file(path))?;
        return projector::with_metadata(path, vectors, options);
    }
    if options.sidecar.is_some() {
        return Err(Error::argument("a sidecar for a file that has columns of its own")
            .file(path)
            .advice("leave it out, or give a file that holds vectors only"));
    }
    opened.table(options.vector.as_deref(), keep).map_err(|error| error.file(path))
}

/// Refuses a pipe for formats that are read from both ends.
pub(super) fn not_through_a_pipe(path: &Path, format: Format) -> Result<()> {
    let from_both_ends = matches!(
        format,
        Format::Parquet | Format::ArrowIpc | Format::Npy | Format::Npz | Format::Safetensors
    );
    if from_both_ends && path.metadata().is_ok_and(|about| !about.is_file()) {
        return Err(Error::input("this format cannot come through a pipe")
            .with_code("not-through-a-pipe")
            .file(path)
            .advice("save it as a file first; text formats may come through a pipe"));
    }
    Ok(())
}

/// The Parquet files of a table that an engine can scan by itself; `None` of any other table.
///
/// # Errors
/// As [`format::scan`](super::format::scan::scan).
#[cfg(feature = "sql")]
pub(crate) fn scan(path: &Path, options: &ReadOptions) -> Result<Option<super::format::scan::Scan>> {
    readable(path)?;
    super::format::scan::scan(path, options)
}

/// The columns of an Arrow file as they stand, with the metadata of its schema.
///
/// # Errors
/// When it cannot be read or is damaged.
pub(crate) fn read_arrow_columns(path: &Path) -> Result<RecordBatch> {
    readable(path)?;
    guarded(path, || ipc::read_columns(path, Budget::default()))
}

/// The columns that [`read_without_vectors`] gives.
///
/// # Errors
/// As [`read_without_vectors`].
pub fn read_columns(path: &Path, options: &ReadOptions) -> Result<RecordBatch> {
    read_without_vectors(path, options).map(|table| table.columns().clone())
}

/// Reads the columns of a file that need not hold vectors (a sidecar, a table of texts) as a table whose vectors
/// have no dimension; vector columns, if there are any, stay what they are in the file.
///
/// # Errors
/// As [`read()`], and for formats that have no columns (`.npy`, `.npz`, `.safetensors`).
pub fn read_without_vectors(path: &Path, options: &ReadOptions) -> Result<Table> {
    let _kept = remote::keep();
    one_without_vectors(path, options)
}

pub(super) fn one_without_vectors(path: &Path, options: &ReadOptions) -> Result<Table> {
    readable(path)?;
    if let Some((copy, format)) = LocalCopy::of(path, options.format)? {
        let options = ReadOptions { format: Some(format), ..options.clone() };
        let table = one_without_vectors(&copy.path, &options).map_err(|error| copy.named(error))?;
        return Ok(table.with_origin(Origin::of_file(path)));
    }
    let format = options.format.map_or_else(|| Format::detect(path), Ok)?;
    let columns = match format {
        Format::Csv | Format::Tsv => csv::read_columns(path, format, options),
        Format::JsonLines => json::lines::read_columns(path, options),
        Format::Parquet => guarded(path, || parquet::read_columns(path, options)),
        Format::ArrowIpc => guarded(path, || ipc::read_columns(path, options.memory)),
        Format::Parts => {
            return guarded(path, || parts::read_without_vectors(path, options, one_without_vectors));
        }
        Format::Json => json::document::read_columns(path, options.memory),
        Format::WordVectors => {
            let mut keep = Keep::counted(options.memory);
            word_vectors::read(path, options, &mut keep).map(|table| table.columns().clone())
        }
        Format::Npy | Format::Npz | Format::Safetensors | Format::MtebCache => {
            return Err(Error::input("this format holds no columns")
                .with_code("format-without-columns")
                .file(path)
                .advice("give a CSV, JSONL, Parquet or Arrow file"));
        }
    }?;
    // A Parquet file has been asked for these alone.
    let kept = options.columns.of(columns.schema_ref());
    let columns = columns
        .project(&kept)
        .map_err(|error| Error::input("cannot take the columns").file(path).source(error))?;
    let columns = super::columns::plain(columns, options.memory).map_err(|error| error.file(path))?;
    Ok(Table::from_columns(columns).with_origin(Origin::of_file(path)))
}

/// Refuses early, and with a reason, what no reader could read.
pub(super) fn readable(path: &Path) -> Result<()> {
    if is_address(path) {
        return match remote::find(path)? {
            Found::Object(object) if object.is_empty() => Err(empty(path)),
            Found::Object(object) if object.size() < 1024 => refuse_pointer(&object.first()?, path),
            _ => Ok(()),
        };
    }
    if is_pattern(path) {
        return Ok(());
    }
    let metadata = std::fs::metadata(path).map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let error = Error::io("cannot open", error).file(path);
        if missing { error.advice("check the path") } else { error }
    })?;
    if metadata.is_dir() {
        return Ok(());
    }
    if metadata.is_file() && metadata.len() == 0 {
        return Err(empty(path));
    }
    if metadata.is_file() && metadata.len() < 1024 {
        let start = std::fs::read(path).map_err(|error| Error::io("cannot read", error).file(path))?;
        refuse_pointer(&start, path)?;
    }
    Ok(())
}

fn empty(path: &Path) -> Error {
    Error::input("the file is empty").with_code("file-empty").file(path).advice("check how it was written")
}

fn refuse_pointer(start: &[u8], path: &Path) -> Result<()> {
    if !start.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Ok(());
    }
    Err(Error::input("a Git LFS pointer, not the file itself")
        .with_code("git-lfs-pointer")
        .file(path)
        .advice("run `git lfs pull`"))
}
