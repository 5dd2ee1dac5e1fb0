//! What linear models share.

use ndarray::{ArrayView1, ArrayView2};

use crate::error::{Error, Result};

/// The dot product of a row and coefficients, summed in `f64`.
pub(super) fn dot(row: ArrayView1<'_, f32>, coefficients: &[f32]) -> f64 {
    row.iter().zip(coefficients).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
}

/// # Errors
/// When rows have another number of features than the model.
pub(super) fn require_dims(rows: ArrayView2<'_, f32>, n_features: usize) -> Result<()> {
    if rows.ncols() != n_features {
        return Err(Error::argument("the rows and the model have different dimensions")
            .with_code("dimensions")
            .seen(format!("{} in the rows, {n_features} in the model", rows.ncols()))
            .advice("use vectors of the same embedding model"));
    }
    Ok(())
}
