//! Eight bits and one bit for a number, as sentence-transformers 6.2.0 keeps them.

use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::rows::LEAF_ROWS;

/// The least and the largest number of each dimension, between which codes of eight bits are laid.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranges {
    /// The least of each dimension.
    pub min: Array1<f32>,
    /// The largest.
    pub max: Array1<f32>,
}

impl Ranges {
    /// Of rows (n x d).
    ///
    /// # Errors
    /// With fewer than two rows, which have no range.
    pub fn of(rows: ArrayView2<'_, f32>) -> Result<Ranges> {
        Ranges::none(0).required(rows.nrows())?;
        let chunks: Vec<_> = rows.axis_chunks_iter(Axis(0), LEAF_ROWS).collect();
        let of_chunks: Vec<Ranges> = chunks.into_par_iter().map(Ranges::of_any).collect();
        let mut ranges = Ranges::none(rows.ncols());
        of_chunks.iter().for_each(|of_chunk| ranges.widen(of_chunk));
        Ok(ranges)
    }

    /// Of no rows: no number lies within.
    pub(super) fn none(dims: usize) -> Ranges {
        Ranges {
            min: Array1::from_elem(dims, f32::INFINITY),
            max: Array1::from_elem(dims, f32::NEG_INFINITY),
        }
    }

    /// Of any number of rows.
    pub(super) fn of_any(rows: ArrayView2<'_, f32>) -> Ranges {
        let Ranges { mut min, mut max } = Ranges::none(rows.ncols());
        for row in rows.rows() {
            Zip::from(&mut min).and(&mut max).and(row).for_each(|min, max, x| {
                *min = min.min(*x);
                *max = max.max(*x);
            });
        }
        Ranges { min, max }
    }

    /// Takes in other ranges.
    pub(super) fn widen(&mut self, other: &Ranges) {
        self.min.zip_mut_with(&other.min, |min, x| *min = min.min(*x));
        self.max.zip_mut_with(&other.max, |max, x| *max = max.max(*x));
    }

    /// These ranges, if they are of enough rows.
    pub(super) fn required(self, rows: usize) -> Result<Ranges> {
        if rows >= 2 {
            return Ok(self);
        }
        Err(Error::input("too few rows for ranges of the dimensions")
            .with_code("too-few-rows")
            .seen(rows.to_string())
            .advice("give at least two; with fewer than 100 the ranges are rough"))
    }

    /// The width of a code in each dimension; 1 where all numbers are equal.
    pub fn steps(&self) -> Array1<f32> {
        let steps = (&self.max - &self.min) / 255.0;
        steps.mapv(|step| if step == 0.0 { 1.0 } else { step })
    }

    /// How many dimensions there are.
    pub fn dims(&self) -> usize {
        self.min.len()
    }
}

/// Codes of 0 to 255: (x - min) / step, rounded down and cut off at both ends.
///
/// # Errors
/// When rows and ranges have different dimensions.
pub fn uint8_codes(rows: ArrayView2<'_, f32>, ranges: &Ranges) -> Result<Array2<u8>> {
    if rows.ncols() != ranges.dims() {
        return Err(Error::argument("rows and ranges have different dimensions")
            .with_code("dimensions-differ")
            .seen(format!("{} and {}", rows.ncols(), ranges.dims())));
    }
    let steps = ranges.steps();
    let mut codes = Array2::zeros(rows.raw_dim());
    Zip::from(codes.rows_mut()).and(rows.rows()).par_for_each(|codes, row| {
        Zip::from(codes)
            .and(row)
            .and(&ranges.min)
            .and(&steps)
            .for_each(|code, x, min, step| *code = ((x - min) / step) as u8);
    });
    Ok(codes)
}

/// [`uint8_codes`] less 128.
///
/// # Errors
/// As [`uint8_codes`].
pub fn int8_codes(rows: ArrayView2<'_, f32>, ranges: &Ranges) -> Result<Array2<i8>> {
    Ok(uint8_codes(rows, ranges)?.mapv(|code| (i16::from(code) - 128) as i8))
}

/// One bit for each number, 1 above 0, eight to a byte, the first of them the highest; zeros fill the last byte.
pub fn packed_bits(rows: ArrayView2<'_, f32>) -> Array2<u8> {
    let mut bytes = Array2::zeros((rows.nrows(), rows.ncols().div_ceil(8)));
    Zip::from(bytes.rows_mut()).and(rows.rows()).par_for_each(|mut bytes, row| {
        for (at, x) in row.iter().enumerate() {
            bytes[at / 8] |= u8::from(*x > 0.0) << (7 - at % 8);
        }
    });
    bytes
}
