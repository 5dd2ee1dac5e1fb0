//! Vectors as the bytes of a file.

use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use crate::rows::BLOCK_ROWS;
use crate::table::column::floats::Float;

/// The bytes of an array of vectors.
#[derive(Debug, Clone, Copy)]
pub(in crate::table) struct Vectors<'a> {
    pub float: Float,
    pub fortran_order: bool,
    pub rows: usize,
    pub dims: usize,
    pub data: &'a [u8],
}

impl<'a> Vectors<'a> {
    /// Converts the rows from `first` on into `out`, which has as many as are wanted.
    pub(in crate::table) fn copy(self, first: usize, mut out: ArrayViewMut2<'_, f32>) {
        let size = self.float.size();
        if !self.fortran_order {
            let data = &self.data[first * self.dims * size..];
            if let Some(out) = out.as_slice_mut() {
                self.float.decode_parallel(data, out);
            }
            return;
        }
        out.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS).into_par_iter().enumerate().for_each(
            |(i, mut block)| {
                let first = first + i * BLOCK_ROWS;
                let mut column = vec![0.0; block.nrows()];
                for dim in 0..self.dims {
                    self.float.decode(&self.data[(dim * self.rows + first) * size..], &mut column);
                    block.slice_mut(s![.., dim]).iter_mut().zip(&column).for_each(|(out, x)| *out = *x);
                }
            },
        );
    }

    /// The data where they stand, if they need no conversion.
    pub(in crate::table) fn as_matrix(self) -> Option<ArrayView2<'a, f32>> {
        if self.fortran_order || self.float != Float::F32 || cfg!(target_endian = "big") {
            return None;
        }
        let numbers = bytemuck::try_cast_slice(self.data).ok()?;
        ArrayView2::from_shape((self.rows, self.dims), numbers).ok()
    }
}
