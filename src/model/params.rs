//! Parameters that are checked before a fit: linfa's pattern, once for all small models.

use linfa::ParamGuard;

use crate::error::{Error, Result};

/// Parameters that can tell whether they are in range.
pub trait Parameters {
    /// # Errors
    /// When a parameter is out of its range.
    fn check(&self) -> Result<()>;
}

/// Parameters of a model, not yet checked. Set them one after another, then call `fit_rows` with a matrix,
/// or linfa's `fit` with a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Unchecked<P>(pub(super) P);

impl<P: Parameters> ParamGuard for Unchecked<P> {
    type Checked = P;
    type Error = Error;

    fn check_ref(&self) -> Result<&P> {
        self.0.check()?;
        Ok(&self.0)
    }

    fn check(self) -> Result<P> {
        self.0.check()?;
        Ok(self.0)
    }
}

/// # Errors
/// When weights are given to a model that cannot use them.
pub(super) fn refuse_weights(model: &str, weights: Option<&[f64]>) -> Result<()> {
    match weights {
        Some(_) => Err(Error::argument(format!("{model} does not take weights of rows"))
            .advice("leave the weights out, or use a forest or boosting")),
        None => Ok(()),
    }
}
