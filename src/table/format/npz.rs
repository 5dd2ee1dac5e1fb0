//! NumPy arrays in a zip archive; `.npz`.
//!
//! One two-dimensional array of floating-point numbers holds the vectors. One-dimensional arrays of
//! as many elements become columns (integers, numbers, truth values, texts); other arrays (scalars,
//! pickled objects) are passed over.

use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use ndarray::{Array2, ArrayView2};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::{Error, Result};
use crate::memory::Budget;
use crate::table::blocks::{MappedRows, Placed};
use crate::table::column::{matrix, named_array};
use crate::table::content::{refuse_unpacked, unpacked_limit};
use crate::table::format::npy::{self, Header};
use crate::table::keep::Keep;
use crate::table::{ReadOptions, Table, mapped, sidecar};

/// Deflate makes at most 1032 bytes of one.
const MOST_EXPANSION: u64 = 1040;

/// Numbers that are converted at once.
const PIECE: usize = 1 << 18;

/// Enough for the head of any array that is read.
const HEAD: u64 = (1 << 16) + 12;

/// An array in the archive, by its number.
struct Entry {
    number: usize,
    name: String,
    header: Header,
}

pub(in crate::table) fn read(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    let (vectors, name, columns) = read_arrays(path, options, keep).map_err(|error| error.file(path))?;
    sidecar::join(vectors, &name, columns, options)
}

fn read_arrays(
    path: &Path,
    options: &ReadOptions,
    keep: &mut Keep,
) -> Result<(Array2<f32>, String, Option<RecordBatch>)> {
    let file = File::open(path).map_err(|error| Error::io("cannot open", error))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    let entries = entries(&mut archive)?;
    let candidates: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.header.shape.len() == 2 && npy::float(entry.header.dtype).is_some())
        .map(|entry| entry.name.as_str())
        .collect();
    let all: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let name = named_array::choose(&candidates, &all, options.vector.as_deref())?.to_owned();
    let place = entries.iter().position(|entry| entry.name == name).unwrap_or_default();
    let rows = entries[place].header.shape[0];

    let vectors = vectors(&mut archive, &entries[place], path, options, keep)?;
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.header.shape == [rows]) {
        let bytes = load(&mut archive, entry, options.memory)?;
        let array = npy::parse(&bytes).and_then(|array| npy::column(&array));
        let array = array.map_err(|error| error.column(&entry.name))?;
        fields.push(Field::new(&entry.name, array.data_type().clone(), false));
        arrays.push(array);
    }
    if arrays.is_empty() {
        return Ok((vectors, name, None));
    }
    let columns = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| Error::input("cannot take the arrays as columns").source(error))?;
    Ok((vectors, name, Some(columns)))
}

/// The vectors; in C order they are converted as they are unpacked. Of those that are not wanted in memory, stored ones stay
/// where they are, and packed ones go to the temporary file.
fn vectors<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    entry: &Entry,
    path: &Path,
    options: &ReadOptions,
    keep: &mut Keep,
) -> Result<Array2<f32>> {
    let named = |error: Error| error.column(&entry.name);
    let checked = |rows: ArrayView2<'_, f32>, first: usize| match options.keeps_faults() {
        true => Ok(()),
        false => matrix::refuse_non_finite(rows, first).map_err(named),
    };
    let &[rows, dims] = &entry.header.shape[..] else {
        return Err(named(Error::input("vectors must be an array of shape (rows, dimensions)")));
    };
    let float = npy::float(entry.header.dtype).filter(|_| dims > 0 && rows > 0);
    let in_order = float.filter(|_| !entry.header.fortran_order);
    let apart = !keep.wants(rows, dims) && float.is_some();
    if let (true, Some(float), Some(start)) = (apart, float, stored(archive, entry)?) {
        if keep.takes_blocks() {
            let (start, fortran_order) = (start + entry.header.data_start, entry.header.fortran_order);
            let placed = Placed { start, float, fortran_order, rows, dims };
            check_sum(archive, entry, options.memory)?;
            let (map, name) = (Arc::new(mapped::map(path)?), Some(&*entry.name));
            let in_bounds = keep.in_bounds(placed.bytes());
            let rows = MappedRows::new((map, path, name), placed, options.keeps_faults(), in_bounds)?;
            keep.put(Box::new(rows));
        }
        return Ok(keep.apart(rows, dims));
    }
    let Some(float) = in_order else {
        let bytes = load(archive, entry, options.memory)?;
        let array = npy::parse(&bytes).map_err(named)?;
        let out = npy::read_vectors(npy::vectors_of(&array).map_err(named)?, options.memory)?;
        checked(out.view(), 0)?;
        return Ok(out);
    };
    let (mut file, _) = opened(archive, entry, options.memory)?;
    let failed = |error: std::io::Error| named(damaged(error.into()));
    let mut head = vec![0; entry.header.data_start];
    file.read_exact(&mut head).map_err(failed)?;
    let mut bytes = vec![0; float.size() * PIECE];
    if apart {
        if !keep.takes_blocks() {
            keep.must_unpack();
            return Ok(keep.apart(rows, dims));
        }
        keep.require_room((rows as u64).saturating_mul(4 * dims as u64))?;
        let at_once = (PIECE / dims).max(1);
        for first in (0..rows).step_by(at_once) {
            let mut some = matrix::zeros(at_once.min(rows - first), dims)?;
            for piece in some.as_slice_mut().unwrap_or_default().chunks_mut(PIECE) {
                let bytes = &mut bytes[..float.size() * piece.len()];
                file.read_exact(bytes).map_err(failed)?;
                float.decode(bytes, piece);
            }
            checked(some.view(), first)?;
            keep.spill(&mut some.into_raw_vec_and_offset().0)?;
        }
        std::io::copy(&mut file, &mut std::io::sink()).map_err(failed)?;
        return keep.matrix(rows, dims, Vec::new());
    }
    let mut out = matrix::for_all(rows, dims, options.memory)?;
    for piece in out.as_slice_mut().unwrap_or_default().chunks_mut(PIECE) {
        let bytes = &mut bytes[..float.size() * piece.len()];
        file.read_exact(bytes).map_err(failed)?;
        float.decode(bytes, piece);
    }
    // The sum that the archive keeps is checked at the end.
    std::io::copy(&mut file, &mut std::io::sink()).map_err(failed)?;
    checked(out.view(), 0)?;
    Ok(out)
}

/// Where the bytes of an array stand in the file, if they are not packed.
fn stored<R: Read + Seek>(archive: &mut ZipArchive<R>, entry: &Entry) -> Result<Option<usize>> {
    let file = archive.by_index(entry.number).map_err(damaged)?;
    let plain = file.compression() == CompressionMethod::Stored && !file.encrypted();
    Ok(file.data_start().filter(|_| plain).and_then(|start| usize::try_from(start).ok()))
}

/// Reads an array to its end, where the sum that the archive keeps of it is checked.
fn check_sum<R: Read + Seek>(archive: &mut ZipArchive<R>, entry: &Entry, memory: Budget) -> Result<()> {
    let (mut file, bytes) = opened(archive, entry, memory)?;
    let failed = |error: std::io::Error| damaged(error.into()).column(&entry.name);
    let read = std::io::copy(&mut file, &mut std::io::sink()).map_err(failed)?;
    if read == bytes as u64 { Ok(()) } else { Err(failed(std::io::ErrorKind::UnexpectedEof.into())) }
}

/// The arrays of types that are read, from their heads.
fn entries<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for number in 0..archive.len() {
        let file = archive.by_index(number).map_err(damaged)?;
        let name = file.name().map_err(damaged)?.into_owned();
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else { continue };
        let mut head = Vec::new();
        file.take(HEAD).read_to_end(&mut head).map_err(|error| damaged(error.into()))?;
        if let Ok(header) = npy::parse_header(&head) {
            entries.push(Entry { number, name, header });
        }
    }
    Ok(entries)
}

/// Unpacks an array.
fn load<R: Read + Seek>(archive: &mut ZipArchive<R>, entry: &Entry, memory: Budget) -> Result<Vec<u8>> {
    let (mut file, bytes) = opened(archive, entry, memory)?;
    let mut unpacked = Vec::new();
    unpacked.try_reserve_exact(bytes).map_err(|error| {
        Error::memory("the array does not fit in memory").column(&entry.name).source(error)
    })?;
    file.read_to_end(&mut unpacked).map_err(|error| damaged(error.into()))?;
    Ok(unpacked)
}

/// An array whose size the archive and the array's own head agree on, and that size.
fn opened<'a, R: Read + Seek>(
    archive: &'a mut ZipArchive<R>,
    entry: &Entry,
    memory: Budget,
) -> Result<(impl Read + 'a, usize)> {
    let file = archive.by_index(entry.number).map_err(damaged)?;
    let size = file.size();
    let promised = entry.header.data_len().and_then(|bytes| bytes.checked_add(entry.header.data_start));
    let possible = size <= file.compressed_size().saturating_mul(MOST_EXPANSION);
    let (true, Some(bytes)) = (possible && promised.map(|n| n as u64) == Some(size), promised) else {
        return Err(Error::input("the archive and the array disagree about its size")
            .column(&entry.name)
            .seen(format!("shape {:?} of {}, {size} bytes", entry.header.shape, entry.header.dtype))
            .advice("the file is damaged: write it again"));
    };
    refuse_unpacked(size, unpacked_limit(file.compressed_size(), memory))
        .map_err(|error| error.column(&entry.name))?;
    Ok((file.take(size + 1), bytes))
}

fn damaged(error: zip::result::ZipError) -> Error {
    Error::input("cannot read the archive")
        .with_code("file-damaged")
        .source(error)
        .advice("it is cut off or damaged: write it again")
}

/// Writes the vectors and every column that an array can hold; gives back the names of the others.
pub(in crate::table) fn write(table: &Table, out: &mut (impl Write + Send)) -> Result<Vec<String>> {
    let failed = |error: zip::result::ZipError| Error::input("cannot write the archive").source(error);
    let io_failed = |error: std::io::Error| Error::io("cannot write", error);
    let mut archive = ZipWriter::new_stream(out);
    // Stored as numpy.savez does: vectors hardly shrink, and readers can map them.
    let stored = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    let large = stored.large_file(table.n_rows() * table.dims() > (1 << 29));
    archive.start_file(format!("{}.npy", table.vector_column()), large).map_err(failed)?;
    npy::write(table.vectors(), &mut archive).map_err(io_failed)?;
    let packed = stored.compression_method(CompressionMethod::Deflated).compression_level(Some(1));
    let mut dropped = Vec::new();
    for (field, column) in table.columns().schema_ref().fields().iter().zip(table.columns().columns()) {
        match npy::bytes_of(column) {
            Some(bytes) => {
                archive.start_file(format!("{}.npy", field.name()), packed).map_err(failed)?;
                npy::write_column(&bytes, table.n_rows(), &mut archive).map_err(io_failed)?;
            }
            None => dropped.push(field.name().clone()),
        }
    }
    archive.finish().map_err(failed)?;
    Ok(dropped)
}
