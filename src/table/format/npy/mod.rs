//! One NumPy array of shape (rows, dimensions); `.npy`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};
use crate::memory::Budget;
use crate::table::blocks::{MappedRows, Placed};
use crate::table::column::floats::{Float, FloatKind};
use crate::table::column::matrix;
use crate::table::column::stored::Vectors;
use crate::table::keep::Keep;
use crate::table::{ReadOptions, Table, mapped, sidecar};

mod codes;
mod column;
mod header;

pub(in crate::table) use codes::explained;
pub use codes::{VectorCodes, write_codes};
pub(in crate::table) use column::{bytes_of, column, write_column};
use header::HEAD;
pub(in crate::table) use header::{Dtype, Header, NpyArray, parse, parse_header};

pub(in crate::table) fn read(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Table> {
    let vectors = read_matrix(path, options, keep).map_err(|error| error.file(path))?;
    sidecar::join(vectors, "embedding", None, options)
}

fn read_matrix(path: &Path, options: &ReadOptions, keep: &mut Keep) -> Result<Array2<f32>> {
    if keep.is_in_memory()
        && let Some(vectors) = read_in_blocks(path, options)?
    {
        return Ok(vectors);
    }
    let file = mapped::map(path)?;
    let array = parse(&file)?;
    if explained(path, array.dtype) {
        return codes::read(path, &array, options.memory);
    }
    let vectors = vectors_of(&array)?;
    if !keep.is_in_memory() {
        let placed = Placed::of(vectors, &file);
        let (rows, dims) = (placed.rows, placed.dims);
        // It is used where it is, as far as there is room for it.
        let in_bounds = keep.in_bounds(placed.bytes());
        if keep.takes_blocks() {
            let rows =
                MappedRows::new((Arc::new(file), path, None), placed, options.keeps_faults(), in_bounds)?;
            keep.put(Box::new(rows));
        }
        return Ok(keep.apart(rows, dims));
    }
    let vectors = read_vectors(vectors, options.memory)?;
    if !options.keeps_faults() {
        matrix::refuse_non_finite(vectors.view(), 0)?;
    }
    Ok(vectors)
}

/// Numbers that stand row by row are read a block at a time: beside the matrix there is never more than a block of the
/// file. `None` for codes, for numbers that stand column by column, and for whatever [`parse`] has a word about.
fn read_in_blocks(path: &Path, options: &ReadOptions) -> Result<Option<Array2<f32>>> {
    const BLOCK: usize = 1 << 22;
    let failed = |error| Error::io("cannot read", error);
    let mut file = File::open(path).map_err(|error| Error::io("cannot open", error))?;
    let about = file.metadata().map_err(failed)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
    let Ok(header) = parse_header(&head) else { return Ok(None) };
    let whole = header.data_len().and_then(|data| data.checked_add(header.data_start));
    let (Some(float), [rows, dims], false) = (float(header.dtype), &header.shape[..], header.fortran_order)
    else {
        return Ok(None);
    };
    let (rows, dims) = (*rows, *dims);
    if !about.is_file() || whole.map(|whole| whole as u64) != Some(about.len()) || rows == 0 || dims == 0 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(header.data_start as u64)).map_err(failed)?;
    let mut out = matrix::for_all(rows, dims, options.memory)?;
    let mut bytes = vec![0; (BLOCK / float.size()).min(rows * dims) * float.size()];
    for numbers in out.as_slice_mut().unwrap_or_default().chunks_mut(bytes.len() / float.size()) {
        let block = &mut bytes[..numbers.len() * float.size()];
        file.read_exact(block).map_err(failed)?;
        float.decode_parallel(block, numbers);
    }
    if !options.keeps_faults() {
        matrix::refuse_non_finite(out.view(), 0)?;
    }
    Ok(Some(out))
}

/// The vectors that an array holds.
///
/// # Errors
/// When the array is not two-dimensional, holds no floating-point numbers, or has no dimension.
pub(in crate::table) fn vectors_of<'a>(array: &NpyArray<'a>) -> Result<Vectors<'a>> {
    let float = float(array.dtype).ok_or_else(|| {
        Error::input("vectors must be floating-point numbers")
            .seen(array.dtype.to_string())
            .advice(
                "put the ranges of int8 codes (2 x dimensions) in x.ranges.npy beside x.npy, or save the numbers as \
                 numpy.save(path, array.astype('float32')); let the name of bits that are packed eight to a byte (binary, \
                 ubinary) end in .bits.npy",
            )
    })?;
    match array.shape[..] {
        // A header can claim any length where there are no rows to hold it to.
        [rows, dims] if dims > 0 && (rows > 0 || dims <= 1 << 20) => {
            Ok(Vectors { float, fortran_order: array.fortran_order, rows, dims, data: array.data })
        }
        _ => Err(Error::input("vectors must be an array of shape (rows, dimensions)")
            .seen(format!("shape {:?}", array.shape))
            .advice("reshape it in NumPy: array.reshape(rows, -1)")),
    }
}

pub(in crate::table) fn read_vectors(vectors: Vectors<'_>, memory: Budget) -> Result<Array2<f32>> {
    let mut out = matrix::for_all(vectors.rows, vectors.dims, memory)?;
    vectors.copy(0, out.view_mut());
    Ok(out)
}

pub(in crate::table) fn float(dtype: Dtype) -> Option<Float> {
    let kind = match (dtype.kind, dtype.width) {
        ('f', 2) => FloatKind::F16,
        ('f', 4) => FloatKind::F32,
        ('f', 8) => FloatKind::F64,
        _ => return None,
    };
    Some(Float { kind, big_endian: dtype.big_endian })
}

/// Writes the head of a version 1.0 file; the data begin at a multiple of 64 bytes, as NumPy aligns
/// them, so that the file can be mapped.
pub(in crate::table) fn write_header(
    out: &mut impl Write,
    descr: &str,
    shape: &[usize],
) -> std::io::Result<()> {
    let lengths: Vec<String> = shape.iter().map(|n| format!("{n},")).collect();
    let literal =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}", lengths.join(" "));
    let padded = (10 + literal.len() + 1).next_multiple_of(64) - 10;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(padded as u16).to_le_bytes())?;
    writeln!(out, "{literal:<width$}", width = padded - 1)
}

/// Writes vectors as little-endian float32 in C order.
pub(in crate::table) fn write(vectors: ArrayView2<'_, f32>, out: &mut impl Write) -> std::io::Result<()> {
    write_header(out, "<f4", vectors.shape())?;
    write_numbers(vectors, out)
}

/// Writes the numbers alone, row by row.
pub(in crate::table) fn write_numbers(
    vectors: ArrayView2<'_, f32>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(vectors.ncols() * 4);
    for row in vectors.rows() {
        bytes.clear();
        bytes.extend(row.iter().flat_map(|x| x.to_le_bytes()));
        out.write_all(&bytes)?;
    }
    Ok(())
}
