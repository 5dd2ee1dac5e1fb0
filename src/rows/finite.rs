//! The check that most analyses make before they start.

use ndarray::{ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Rows that a thread looks at before it takes the next ones.
const BLOCK: usize = 256;

/// Refuses rows that hold NaN or infinity, which no distance survives, and rows without numbers.
pub(crate) fn require_finite(rows: ArrayView2<'_, f32>) -> Result<()> {
    if rows.nrows() > 0 && rows.ncols() == 0 {
        return Err(Error::input("the rows hold no numbers").advice("give vectors of at least one dimension"));
    }
    let bad =
        rows.axis_chunks_iter(Axis(0), BLOCK).into_par_iter().enumerate().find_map_first(|(at, block)| {
            let bad = |(row, numbers): (usize, ArrayView1<'_, f32>)| {
                // Rows that do not lie row by row are looked at number by number.
                let clean = numbers.to_slice().is_some_and(all_finite);
                let number =
                    if clean { None } else { numbers.iter().copied().find(|number| !number.is_finite()) };
                number.map(|number| (at * BLOCK + row, number))
            };
            block.rows().into_iter().enumerate().find_map(bad)
        });
    match bad {
        None => Ok(()),
        Some((row, number)) => Err(Error::input("a number that is not finite")
            .with_code("not-finite")
            .row(row)
            .seen(number.to_string())
            .advice("embed this row again or remove it")),
    }
}

/// Whether all numbers are finite, without a branch for each.
fn all_finite(numbers: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    let bad = |number: &f32| u32::from(number.to_bits() & EXPONENT == EXPONENT);
    let (groups, rest) = numbers.as_chunks::<16>();
    let mut found = [0_u32; 16];
    for group in groups {
        found.iter_mut().zip(group).for_each(|(found, number)| *found |= bad(number));
    }
    found.iter().all(|found| *found == 0) && rest.iter().all(|number| bad(number) == 0)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn a_row_with_nan_is_named() {
        let error = require_finite(array![[0.0, 1.0], [f32::NAN, 1.0]].view()).unwrap_err();
        assert!(error.to_string().starts_with("row 1: "), "{error}");
    }

    #[test]
    fn the_first_bad_row_is_named_wherever_it_stands() {
        for (row, column, value) in
            [(0, 0, f32::INFINITY), (700, 16, f32::NAN), (2047, 18, f32::NEG_INFINITY)]
        {
            let mut rows = Array2::from_elem((2048, 19), f32::MAX);
            assert!(require_finite(rows.view()).is_ok());
            rows[[row, column]] = value;
            rows[[2047, 0]] = if row < 2047 { f32::NAN } else { -f32::MAX };
            let named = format!("row {row}: ");
            assert!(require_finite(rows.view()).unwrap_err().to_string().starts_with(&named));
            let turned = rows.t().as_standard_layout().into_owned();
            assert!(require_finite(turned.t()).unwrap_err().to_string().starts_with(&named));
        }
    }
}
