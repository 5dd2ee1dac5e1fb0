//! Splitting rows into training and test, row for row as scikit-learn does.
//!
//! A published score is comparable only on the same split. These functions give the positions of
//! `sklearn.model_selection.train_test_split` and `GroupShuffleSplit` for the same seed, so that a
//! result here can be compared with one from Python.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};

mod folds;
mod groups;
mod leak;
mod numpy_generator;
mod numpy_random;
mod python_random;

pub use folds::{group_k_fold, k_fold, stratified_k_fold};
pub use groups::joined_groups;
pub use leak::{Copies, Leak, leaks};
pub(crate) use numpy_generator::NumpyGenerator;
pub(crate) use numpy_random::NumpyRandom;
pub(crate) use python_random::PythonRandom;

/// Positions of the rows of the two sides, in scikit-learn's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Split {
    /// Positions of the training rows.
    pub train: Vec<usize>,
    /// Positions of the test rows.
    pub test: Vec<usize>,
}

/// Splits `n_rows` rows at random, as `train_test_split(test_size=.., random_state=seed)`.
///
/// `ceil(n_rows * test_size)` rows are test rows, the others training rows.
///
/// # Errors
/// When `test_size` is not between 0 and 1, or one side would be empty.
///
/// ```
/// let split = embedlab::split::train_test_split(10, 0.2, 42)?;
/// assert_eq!(split.test, [8, 1]);
/// assert_eq!(split.train, [5, 0, 7, 2, 9, 4, 3, 6]);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn train_test_split(n_rows: usize, test_size: f64, seed: u32) -> Result<Split> {
    let n_test = test_count(n_rows, test_size, "rows")?;
    let mut test = NumpyRandom::new(seed).permutation(n_rows);
    let train = test.split_off(n_test);
    Ok(Split { train, test })
}

/// Splits rows so that both sides hold the classes in the same shares, as
/// `train_test_split(test_size=.., random_state=seed, stratify=labels)`.
///
/// # Errors
/// As [`train_test_split`], and when a class has a single row, or a side has fewer rows than there
/// are classes.
///
/// ```
/// let split = embedlab::split::stratified_split(&[0, 0, 0, 0, 1, 1], 0.5, 42)?;
/// assert_eq!(split.test.iter().filter(|&&row| row >= 4).count(), 1);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn stratified_split(labels: &[u32], test_size: f64, seed: u32) -> Result<Split> {
    let n_test = test_count(labels.len(), test_size, "rows")?;
    let n_train = labels.len() - n_test;
    let members = rows_by_value(labels);
    if let Some((label, rows)) = members.iter().find(|(_, rows)| rows.len() < 2) {
        return Err(Error::input("a class with a single row cannot be on both sides of a stratified split")
            .row(rows[0])
            .seen(format!("class {label}"))
            .advice("remove the row, merge the class with another, or split without strata"));
    }
    let smaller = n_train.min(n_test);
    if smaller < members.len() {
        return Err(Error::argument("a side of the split is too small to hold every class")
            .seen(format!("{smaller} rows for {} classes", members.len()))
            .advice("choose another test size, or split without strata"));
    }

    let mut random = NumpyRandom::new(seed);
    let sizes: Vec<usize> = members.values().map(Vec::len).collect();
    let from_train = proportional_draws(&sizes, n_train, &mut random);
    let left: Vec<usize> = sizes.iter().zip(&from_train).map(|(size, drawn)| size - drawn).collect();
    let from_test = proportional_draws(&left, n_test, &mut random);

    let (mut train, mut test) = (Vec::with_capacity(n_train), Vec::with_capacity(n_test));
    for (rows, (to_train, to_test)) in members.values().zip(from_train.into_iter().zip(from_test)) {
        let mut order = random.permutation(rows.len()).into_iter().map(|i| rows[i]);
        train.extend(order.by_ref().take(to_train));
        test.extend(order.take(to_test));
    }
    random.shuffle(&mut train);
    random.shuffle(&mut test);
    Ok(Split { train, test })
}

/// Splits rows so that no group is on both sides, as
/// `GroupShuffleSplit(n_splits=1, test_size=.., random_state=seed)`.
///
/// `test_size` is the share of the groups, not of the rows. Both sides are in row order.
///
/// # Errors
/// When `test_size` is not between 0 and 1, or there are fewer than two groups.
///
/// ```
/// let split = embedlab::split::group_split(&[4, 4, 9, 9], 0.5, 42)?;
/// assert_eq!((split.train, split.test), (vec![0, 1], vec![2, 3]));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn group_split(groups: &[u32], test_size: f64, seed: u32) -> Result<Split> {
    let members = rows_by_value(groups);
    let n_test = test_count(members.len(), test_size, "groups")?;
    let mut in_test = vec![false; members.len()];
    for group in NumpyRandom::new(seed).permutation(members.len()).into_iter().take(n_test) {
        in_test[group] = true;
    }
    let side = |test: bool| {
        let chosen = members.values().zip(&in_test).filter(|(_, in_test)| **in_test == test);
        let mut rows: Vec<usize> = chosen.flat_map(|(rows, _)| rows.iter().copied()).collect();
        rows.sort_unstable();
        rows
    };
    Ok(Split { train: side(false), test: side(true) })
}

fn test_count(n: usize, test_size: f64, what: &str) -> Result<usize> {
    if !(test_size > 0.0 && test_size < 1.0) {
        return Err(Error::argument("the test size is the share of the test rows, between 0 and 1")
            .seen(test_size.to_string())
            .advice("give for example 0.2"));
    }
    if n < 2 {
        return Err(Error::input(format!("too few {what} to split"))
            .seen(format!("{n} {what}"))
            .advice(format!("a split needs at least two {what}")));
    }
    let n_test = (test_size * n as f64).ceil() as usize;
    if n_test >= n {
        return Err(Error::argument("the training side would be empty")
            .seen(format!("a test size of {test_size} of {n} {what}"))
            .advice("choose a smaller test size"));
    }
    Ok(n_test)
}

/// The rows of each value, in row order; the values in ascending order, as `numpy.unique`.
fn rows_by_value(values: &[u32]) -> BTreeMap<u32, Vec<usize>> {
    let mut rows: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, value) in values.iter().enumerate() {
        rows.entry(*value).or_default().push(row);
    }
    rows
}

/// How many of `draws` rows come from each class: scikit-learn's `_approximate_mode`.
///
/// Shares are rounded down; what is left goes to the classes with the largest remainders, equal
/// remainders in random order.
fn proportional_draws(sizes: &[usize], draws: usize, random: &mut NumpyRandom) -> Vec<usize> {
    let total = sizes.iter().sum::<usize>() as f64;
    let exact: Vec<f64> = sizes.iter().map(|&size| size as f64 / total * draws as f64).collect();
    let mut drawn: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut missing = draws.saturating_sub(drawn.iter().sum());

    let remainders: Vec<f64> = exact.iter().map(|share| share - share.floor()).collect();
    let mut values = remainders.clone();
    values.sort_by(|a, b| b.total_cmp(a));
    values.dedup();
    for value in values {
        if missing == 0 {
            break;
        }
        let tied: Vec<usize> = (0..sizes.len()).filter(|&class| remainders[class] == value).collect();
        let now = tied.len().min(missing);
        for i in random.permutation(tied.len()).into_iter().take(now) {
            drawn[tied[i]] += 1;
        }
        missing -= now;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_size_that_is_no_share_is_refused() {
        for test_size in [0.0, 1.0, -0.2, 200.0, f64::NAN] {
            assert!(train_test_split(10, test_size, 42).is_err(), "{test_size}");
        }
    }

    #[test]
    fn a_side_is_never_empty() {
        assert!(train_test_split(1, 0.5, 42).is_err());
        assert!(train_test_split(0, 0.5, 42).is_err());
        assert!(train_test_split(3, 0.9, 42).is_err());
        assert_eq!(train_test_split(2, 0.01, 42).unwrap().test.len(), 1);
    }

    #[test]
    fn a_class_with_one_row_is_named() {
        let error = stratified_split(&[0, 0, 5, 0], 0.5, 42).unwrap_err();
        assert!(error.to_string().starts_with("row 2: a class with a single row"), "{error}");
        assert!(error.to_string().contains("class 5"), "{error}");
    }

    #[test]
    fn a_side_smaller_than_the_number_of_classes_is_refused() {
        assert!(stratified_split(&[0, 0, 1, 1, 2, 2], 0.2, 42).is_err());
    }

    #[test]
    fn one_group_cannot_be_split() {
        let error = group_split(&[3, 3, 3], 0.5, 42).unwrap_err();
        assert!(error.to_string().contains("1 groups"), "{error}");
    }
}
