//! What every score asks of its input.

use crate::error::{Error, Result};

/// One value for each row, and at least one row.
pub(super) fn same_rows((first, n): (&str, usize), (second, m): (&str, usize)) -> Result<()> {
    if n != m {
        return Err(Error::argument(format!("{first} and {second} of different length"))
            .seen(format!("{n} and {m}"))
            .advice("give one of each for each row"));
    }
    if n == 0 {
        return Err(Error::argument("no rows to score").advice("give at least one row"));
    }
    // Counts of pairs are kept in 64 bits.
    if u32::try_from(n).is_err() {
        return Err(Error::argument("too many rows to score").seen(format!("{n}")).advice("score a sample"));
    }
    Ok(())
}

/// Neither NaN nor infinite.
pub(super) fn finite(name: &str, values: impl IntoIterator<Item = f64>) -> Result<()> {
    match values.into_iter().enumerate().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((row, value)) => Err(Error::input(format!("{name} must be finite"))
            .row(row)
            .seen(format!("{value}"))
            .advice("leave this row out, or find out where it comes from")),
    }
}

/// Codes of classes that have a name.
pub(super) fn codes(name: &str, codes: &[usize], n_classes: usize) -> Result<()> {
    match codes.iter().enumerate().find(|(_, code)| **code >= n_classes) {
        None => Ok(()),
        Some((row, code)) => Err(Error::argument(format!("{name} without a name"))
            .row(row)
            .seen(format!("class {code} of {n_classes} names"))
            .advice("number the classes from 0 and give a name for each")),
    }
}
