//! Vectors kept in one byte or one bit a number: `x.npy` of int8 or uint8 with its ranges in `x.ranges.npy`, and packed
//! bits in `x.bits.npy`.

use std::io::Write;
use std::path::{Path, PathBuf};

use half::f16;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::{Dtype, NpyArray, parse, read_vectors, vectors_of, write_header};
use crate::error::{Error, Result};
use crate::memory::Budget;
use crate::output::{Sink, write_whole};
use crate::table::column::matrix;
use crate::table::mapped;

/// What the name of a file of packed bits ends in.
const BITS: &str = ".bits.npy";

/// Codes of vectors, as they are written.
#[derive(Debug, Clone, Copy)]
pub enum VectorCodes<'a> {
    /// Two bytes a number.
    F16(ArrayView2<'a, f32>),
    /// Codes of -128 to 127, n x d, with the least and the largest number of each dimension.
    Int8 {
        /// The codes.
        codes: ArrayView2<'a, i8>,
        /// The number that the code -128 stands for.
        min: ArrayView1<'a, f32>,
        /// The number that the code 127 stands for.
        max: ArrayView1<'a, f32>,
    },
    /// Bits, eight to a byte, the first the highest, n x d/8.
    Bits(ArrayView2<'a, u8>),
}

/// Writes codes as a NumPy array: int8 with the ranges (2 x d) in `x.ranges.npy` beside `x.npy`, bits under a name that ends
/// in `.bits.npy`. [`read`](crate::table::read()) gives the vectors that the codes stand for: bits are 1 and -1.
///
/// # Errors
/// For another name, and whatever the file system refuses.
///
/// ```
/// use embedlab::table::{self, VectorCodes, write_codes};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("x.bits.npy");
/// write_codes(&path, &VectorCodes::Bits(ndarray::array![[0b1010_0000_u8]].view()))?;
/// let back = table::read(&path, &Default::default())?;
/// assert_eq!(back.vectors().row(0).to_vec(), [1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_codes(path: &Path, codes: &VectorCodes<'_>) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let bits = matches!(codes, VectorCodes::Bits(_));
    if !name.ends_with(".npy") || name.ends_with(BITS) != bits {
        let ending = if bits { BITS } else { ".npy" };
        return Err(Error::argument("a name that does not say what the codes are")
            .with_code("format-unknown")
            .file(path)
            .advice(format!("let it end in {ending}")));
    }
    let failed = |error| Error::io("cannot write", error).file(path);
    let array = |path: &Path, descr: &str, shape: &[usize], bytes: &[u8]| {
        write_whole(path, |out: &mut Sink| {
            write_header(out, descr, shape).and_then(|()| out.write_all(bytes)).map_err(failed)
        })
    };
    match codes {
        VectorCodes::F16(rows) => {
            let bytes: Vec<u8> = rows.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect();
            array(path, "<f2", rows.shape(), &bytes)
        }
        VectorCodes::Int8 { codes, min, max } => {
            let ends: Vec<u8> = min.iter().chain(max).flat_map(|x| x.to_le_bytes()).collect();
            array(&ranges_of(path), "<f4", &[2, min.len()], &ends)?;
            let bytes: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
            array(path, "|i1", codes.shape(), &bytes)
        }
        VectorCodes::Bits(bytes) => {
            let values: Vec<u8> = bytes.iter().copied().collect();
            array(path, "|u1", bytes.shape(), &values)
        }
    }
}

/// `x.ranges.npy` for `x.npy`.
fn ranges_of(path: &Path) -> PathBuf {
    path.with_extension("ranges.npy")
}

fn is_bits(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().ends_with(BITS))
}

/// Whether an array holds codes that the file's name, or ranges beside it, explain.
pub(in crate::table) fn explained(path: &Path, dtype: Dtype) -> bool {
    matches!((dtype.kind, dtype.width), ('i' | 'u', 1)) && (is_bits(path) || ranges_of(path).is_file())
}

/// The vectors that codes stand for.
pub(super) fn read(path: &Path, array: &NpyArray<'_>, memory: Budget) -> Result<Array2<f32>> {
    let [rows, columns] = array.shape[..] else {
        return Err(Error::input("codes must be an array of shape (rows, dimensions)")
            .seen(format!("shape {:?}", array.shape)));
    };
    if array.fortran_order || columns == 0 {
        return Err(Error::input("codes in an order that is not read")
            .advice("save them by rows: numpy.save(path, numpy.ascontiguousarray(array))"));
    }
    let signed = array.dtype.kind == 'i';
    // int8 codes are those of uint8 less 128.
    let code = |byte: u8| if signed { byte ^ 0x80 } else { byte };
    if is_bits(path) {
        let mut out = matrix::for_all(rows, columns.saturating_mul(8), memory)?;
        fill(&mut out, array.data, columns, |bytes, out| {
            for (byte, out) in bytes.iter().zip(out.chunks_exact_mut(8)) {
                let bits = code(*byte);
                out.iter_mut().enumerate().for_each(|(at, x)| {
                    *x = if bits >> (7 - at) & 1 == 1 { 1.0 } else { -1.0 };
                });
            }
        });
        return Ok(out);
    }
    let beside = ranges_of(path);
    let at_ranges = |error: Error| error.file(&beside);
    let file = mapped::map(&beside)?;
    let ranges =
        parse(&file).and_then(|array| read_vectors(vectors_of(&array)?, memory)).map_err(at_ranges)?;
    if ranges.dim() != (2, columns) || ranges.iter().any(|x| !x.is_finite()) {
        return Err(at_ranges(
            Error::input("the ranges belong to other codes")
                .seen(format!("{:?} numbers for codes of {columns} dimensions", ranges.dim()))
                .advice("they are the least and the largest number of each dimension, 2 x dimensions"),
        ));
    }
    let (min, max) = (ranges.row(0), ranges.row(1));
    let steps: Vec<f32> = min
        .iter()
        .zip(max)
        .map(|(min, max)| (max - min) / 255.0)
        .map(|step| if step == 0.0 { 1.0 } else { step })
        .collect();
    let mut out = matrix::for_all(rows, columns, memory)?;
    fill(&mut out, array.data, columns, |bytes, out| {
        for (((byte, out), step), min) in bytes.iter().zip(out).zip(&steps).zip(min) {
            *out = f32::from(code(*byte)) * step + min;
        }
    });
    Ok(out)
}

fn fill(out: &mut Array2<f32>, data: &[u8], columns: usize, row: impl Fn(&[u8], &mut [f32]) + Sync) {
    out.axis_iter_mut(Axis(0)).into_par_iter().zip(data.par_chunks_exact(columns)).for_each(
        |(mut out, bytes)| {
            if let Some(out) = out.as_slice_mut() {
                row(bytes, out);
            }
        },
    );
}
