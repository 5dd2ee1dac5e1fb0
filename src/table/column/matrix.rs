//! The matrix that every reader of numbers fills, and the one check that all of them share.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::memory::Budget;
use crate::rows::LEAF_ROWS;

/// A matrix for all vectors of a file, if they are within the budget.
pub(in crate::table) fn for_all(rows: usize, dims: usize, memory: Budget) -> Result<Array2<f32>> {
    memory.require((rows as u64).saturating_mul(dims as u64).saturating_mul(4), rows, dims)?;
    zeros(rows, dims)
}

/// A matrix of zeros, or an error where the numbers of rows and dimensions that a file claims would
/// not fit: a header that lies must not end the process.
pub(in crate::table) fn zeros(rows: usize, dims: usize) -> Result<Array2<f32>> {
    let refused = || {
        Error::memory("the vectors do not fit in memory")
            .seen(format!("{rows} rows, {dims} dimensions"))
            .advice("work on a sample with --sample N, or take a machine with more memory")
    };
    let numbers = rows.checked_mul(dims).filter(|&n| n <= isize::MAX as usize / 8).ok_or_else(refused)?;
    // The probe touches no memory; what follows is zeroed by the system page by page as it is filled.
    Vec::<f32>::new().try_reserve_exact(numbers).map_err(|_| refused())?;
    Array2::from_shape_vec((rows, dims), vec![0.0; numbers]).map_err(|_| refused())
}

/// Refuses NaN and infinities. `first` is how many rows of the file come before these.
///
/// # Errors
/// Names the row and, in what was seen, the dimension (counted from 1).
pub(in crate::table) fn refuse_non_finite(rows: ArrayView2<'_, f32>, first: usize) -> Result<()> {
    let leaves: Vec<_> = rows.axis_chunks_iter(Axis(0), LEAF_ROWS).collect();
    let found: Option<(usize, usize)> = leaves
        .into_par_iter()
        .enumerate()
        .filter_map(|(i, leaf)| non_finite(leaf).map(|(row, dim)| (i * LEAF_ROWS + row, dim)))
        .reduce_with(Ord::min);
    match found {
        None => Ok(()),
        Some((row, dim)) => Err(Error::input("vectors must be finite")
            .with_code("not-finite")
            .row(first + row)
            .seen(format!("{} in dimension {}", rows[[row, dim]], dim + 1))
            .advice("embed this row again or remove it")),
    }
}

fn non_finite(rows: ArrayView2<'_, f32>) -> Option<(usize, usize)> {
    // Adding up the tests instead of stopping at the first lets the compiler test many at once.
    let broken = |row: &[f32]| row.iter().fold(false, |any, x| any | !x.is_finite());
    rows.rows().into_iter().enumerate().find_map(|(i, row)| {
        let suspect = row.as_slice().is_none_or(broken);
        let dim = suspect.then(|| row.iter().position(|x| !x.is_finite())).flatten()?;
        Some((i, dim))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_number_is_named_whatever_the_threads() {
        let mut rows = Array2::<f32>::zeros((3 * LEAF_ROWS, 3));
        rows[[2 * LEAF_ROWS + 5, 0]] = f32::NAN;
        rows[[LEAF_ROWS + 7, 2]] = f32::NEG_INFINITY;
        for threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let error = pool.install(|| refuse_non_finite(rows.view(), 10)).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "row {}: vectors must be finite: -inf in dimension 3; embed this row again or remove it",
                    LEAF_ROWS + 17
                )
            );
        }
    }

    #[test]
    fn a_matrix_beyond_all_memory_is_an_error() {
        assert!(zeros(usize::MAX, 2).is_err());
        assert!(zeros(1 << 40, 1 << 12).is_err());
        assert_eq!(zeros(2, 3).unwrap().dim(), (2, 3));
    }
}
