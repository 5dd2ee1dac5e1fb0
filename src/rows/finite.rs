//! The check that most analyses make before they start.

use ndarray::ArrayView2;

use crate::error::{Error, Result};

/// Refuses rows that hold NaN or infinity, which no distance survives, and rows without numbers.
pub(crate) fn require_finite(rows: ArrayView2<'_, f32>) -> Result<()> {
    if rows.nrows() > 0 && rows.ncols() == 0 {
        return Err(Error::input("the rows hold no numbers").advice("give vectors of at least one dimension"));
    }
    for (row, numbers) in rows.rows().into_iter().enumerate() {
        if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
            return Err(Error::input("a number that is not finite")
                .row(row + 1)
                .seen(number.to_string())
                .advice("embed this row again or remove it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_row_with_nan_is_named() {
        let error = require_finite(array![[0.0, 1.0], [f32::NAN, 1.0]].view()).unwrap_err();
        assert!(error.to_string().starts_with("row 2: "), "{error}");
    }
}
