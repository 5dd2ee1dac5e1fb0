//! Classes as a model takes them.

use crate::error::{Error, Result};
use crate::table::Labels;

/// A class for each row, as the position of its name.
///
/// This is the one form of labels of the supervised models: every row has one. The labels of a table, which
/// may be missing, are turned into it once:
///
/// ```
/// use embedlab::model::Classes;
/// use embedlab::table;
/// let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
/// let classes = Classes::try_from(reviews.labels("Score")?)?;
/// assert_eq!((classes.codes.len(), classes.names.len()), (660, 5));
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// The class of each row: a position in `names`.
    pub codes: Vec<usize>,
    /// The names of the classes.
    pub names: Vec<String>,
}

impl TryFrom<Labels> for Classes {
    type Error = Error;

    /// # Errors
    /// When a row has no label.
    fn try_from(labels: Labels) -> Result<Classes> {
        if let Some(row) = labels.codes.iter().position(Option::is_none) {
            return Err(Error::input("a row without a label")
                .row(row)
                .advice("leave out the rows without a label"));
        }
        Ok(Classes {
            codes: labels.codes.into_iter().flatten().map(|code| code as usize).collect(),
            names: labels.names,
        })
    }
}

impl Classes {
    /// # Errors
    /// When there is not one class for each of `n` rows, or a class has no name.
    pub(super) fn require(&self, n: usize) -> Result<()> {
        if self.codes.len() != n {
            return Err(Error::argument("rows and labels of different number")
                .seen(format!("{n} rows, {} labels", self.codes.len())));
        }
        match self.codes.iter().position(|code| *code >= self.names.len()) {
            Some(row) => Err(Error::argument("a class without a name").row(row).seen(format!(
                "class {} of {} names",
                self.codes[row],
                self.names.len()
            ))),
            None => Ok(()),
        }
    }

    /// Checks that a model can be trained on these rows.
    ///
    /// # Errors
    /// When they have one class only; the error names its label.
    pub fn require_two(&self, rows: &[usize]) -> Result<()> {
        let Some(first) = rows.first().map(|row| self.codes[*row]) else { return Ok(()) };
        if rows.iter().any(|row| self.codes[*row] != first) {
            return Ok(());
        }
        let others = self.codes.iter().filter(|code| **code != first).count();
        Err(Error::input("one class only")
            .seen(format!("all {} training rows have the label {}", rows.len(), self.names[first]))
            .advice(match others {
                0 => "a classifier needs rows of at least two classes".to_owned(),
                _ => format!(
                    "{others} of {} rows have another label: keep the shares of the labels in both parts with \
                     --stratify, or test on fewer rows",
                    self.codes.len()
                ),
            }))
    }
}
