//! Texts that stand on both sides of a split.

use std::collections::HashSet;

use serde::Serialize;

use super::Split;

/// What a test set shares with the training set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// Positions of the test rows whose exact text also stands in training, in test order.
    pub test_rows: Vec<usize>,
    /// How many test rows there are.
    pub n_test: usize,
}

impl Leak {
    /// How many test rows are known from training.
    pub fn count(&self) -> usize {
        self.test_rows.len()
    }

    /// The share of the test rows that are known from training; 0 for an empty test set.
    pub fn share(&self) -> f64 {
        if self.n_test == 0 { 0.0 } else { self.count() as f64 / self.n_test as f64 }
    }

    /// One sentence for the user; nothing when no text leaks.
    pub fn warning(&self) -> Option<String> {
        (self.count() > 0).then(|| {
            format!(
                "{} of {} test rows ({:.1} %) have a text that also stands in training, so scores on them \
                 are too good; remove duplicate texts or keep them on one side with a group split",
                self.count(),
                self.n_test,
                100.0 * self.share()
            )
        })
    }
}

/// The test rows whose exact text also stands in training.
///
/// Rows without a text are no leak. `texts` holds one entry per row of the split table; positions
/// beyond its end count as rows without a text.
///
/// ```
/// use embedlab::split::{Split, leaks};
/// let texts = ["good", "bad", "good"].map(|text| Some(text.to_owned()));
/// let leak = leaks(&Split { train: vec![0, 1], test: vec![2] }, &texts);
/// assert_eq!(leak.test_rows, [2]);
/// assert!(leak.warning().is_some());
/// ```
pub fn leaks(split: &Split, texts: &[Option<String>]) -> Leak {
    let text = |row: usize| texts.get(row).and_then(Option::as_deref);
    let known: HashSet<&str> = split.train.iter().filter_map(|&row| text(row)).collect();
    let leaked = |row: &usize| text(*row).is_some_and(|text| known.contains(text));
    Leak { test_rows: split.test.iter().copied().filter(leaked).collect(), n_test: split.test.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cell_is_no_leak() {
        let leak = leaks(&Split { train: vec![0], test: vec![1, 2] }, &[None, None]);
        assert_eq!((leak.count(), leak.share(), leak.warning()), (0, 0.0, None));
    }

    #[test]
    fn the_warning_counts_the_rows() {
        let texts = ["a", "a", "b", "a"].map(|text| Some(text.to_owned()));
        let warning = leaks(&Split { train: vec![0], test: vec![3, 2, 1] }, &texts).warning();
        assert!(warning.is_some_and(|text| text.starts_with("2 of 3 test rows (66.7 %)")));
    }
}
