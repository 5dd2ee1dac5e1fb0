//! Rows made ready for distances by matrix products.

use ndarray::{Array2, ArrayView2, Zip};
use rayon::prelude::*;

use crate::error::Result;
use crate::rows::{dot, moments, require_finite};

/// Rows moved to their mean and scaled until their largest number is 1.
///
/// Neither changes which rows are near. Embeddings crowd in a narrow cone around their mean, and the
/// rounding error of a distance from products grows with the lengths; the scale keeps squares of
/// huge and of tiny numbers within `f32`.
pub(super) struct Centred {
    /// n x d, in standard layout.
    pub rows: Array2<f32>,
    /// The squared length of each row.
    pub squares: Vec<f32>,
    /// What a distance between these rows is multiplied by to be one between the rows as given.
    pub unit: f64,
    mean: Vec<f64>,
}

impl Centred {
    /// # Errors
    /// For numbers that are not finite.
    pub fn new(given: ArrayView2<'_, f32>) -> Result<Centred> {
        require_finite(given)?;
        let mean = moments(&given)?.mean.to_vec();
        let of_row = |row: ndarray::ArrayView1<'_, f32>| {
            row.iter().zip(&mean).map(|(x, mean)| (f64::from(*x) - mean).abs()).fold(0.0, f64::max)
        };
        let largest = given.rows().into_iter().collect::<Vec<_>>().into_par_iter().map(of_row);
        let largest = largest.reduce(|| 0.0, f64::max);
        let unit = if largest > 0.0 && largest.is_finite() { largest } else { 1.0 };
        Ok(Centred::placed(given, mean, unit))
    }

    /// Other rows, of the same dimensions, moved and scaled as these are.
    ///
    /// # Errors
    /// For numbers that are not finite.
    pub fn of_others(&self, given: ArrayView2<'_, f32>) -> Result<Centred> {
        require_finite(given)?;
        Ok(Centred::placed(given, self.mean.clone(), self.unit))
    }

    fn placed(given: ArrayView2<'_, f32>, mean: Vec<f64>, unit: f64) -> Centred {
        let mut rows = Array2::zeros(given.raw_dim());
        Zip::from(rows.rows_mut()).and(given.rows()).par_for_each(|mut row, given| {
            for ((x, given), mean) in row.iter_mut().zip(given).zip(&mean) {
                *x = ((f64::from(*given) - mean) / unit) as f32;
            }
        });
        let dims = rows.ncols().max(1);
        let values = rows.as_slice().unwrap_or_default();
        let squares = values.par_chunks_exact(dims).map(|row| dot(row, row)).collect();
        Centred { rows, squares, unit, mean }
    }

    pub fn n_rows(&self) -> usize {
        self.rows.nrows()
    }

    pub fn dims(&self) -> usize {
        self.rows.ncols()
    }

    /// The numbers of rows `first..end`, side by side.
    pub fn block(&self, rows: std::ops::Range<usize>) -> &[f32] {
        let dims = self.dims();
        &self.rows.as_slice().unwrap_or_default()[rows.start * dims..rows.end * dims]
    }

    pub fn row(&self, row: usize) -> &[f32] {
        self.block(row..row + 1)
    }
}
