//! Folds of a cross-validation, row for row as scikit-learn's.

use std::collections::BTreeMap;

use super::numpy_random::NumpyRandom;
use super::{Split, rows_by_value};
use crate::error::{Error, Result};

/// `n_folds` splits that test each row once, as `KFold(n_folds, shuffle=True, random_state=seed)`.
///
/// # Errors
/// When there are fewer than two folds, or fewer rows than folds.
///
/// ```
/// let folds = embedlab::split::k_fold(5, 2, 42)?;
/// assert_eq!((&folds[0].test[..], &folds[0].train[..]), (&[1, 2, 4][..], &[0, 3][..]));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn k_fold(n_rows: usize, n_folds: usize, seed: u32) -> Result<Vec<Split>> {
    check(n_folds, n_rows, "rows")?;
    let order = NumpyRandom::new(seed).permutation(n_rows);
    let mut fold_of = vec![0; n_rows];
    let mut first = 0;
    for fold in 0..n_folds {
        let size = n_rows / n_folds + usize::from(fold < n_rows % n_folds);
        order[first..first + size].iter().for_each(|row| fold_of[*row] = fold);
        first += size;
    }
    Ok(splits(&fold_of, n_folds))
}

/// `n_folds` splits that test each row once and hold the classes in the same shares, as
/// `StratifiedKFold(n_folds, shuffle=True, random_state=seed)`.
///
/// A class of fewer rows than folds is missing from some test sides.
///
/// # Errors
/// As [`k_fold`], and when every class has fewer rows than there are folds.
pub fn stratified_k_fold(labels: &[u32], n_folds: usize, seed: u32) -> Result<Vec<Split>> {
    check(n_folds, labels.len(), "rows")?;
    // scikit-learn numbers the classes in the order in which they first appear.
    let mut classes: Vec<(usize, Vec<usize>)> =
        rows_by_value(labels).into_values().map(|rows| (rows[0], rows)).collect();
    classes.sort_unstable_by_key(|(first, _)| *first);
    let largest = classes.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
    if largest < n_folds {
        return Err(Error::argument("every class has fewer rows than there are folds")
            .seen(format!("{largest} rows in the largest class, {n_folds} folds"))
            .advice("choose fewer folds"));
    }
    // Which fold takes how many of a class: the rows sorted by class are dealt out in turn.
    let mut random = NumpyRandom::new(seed);
    let mut fold_of = vec![0; labels.len()];
    let mut dealt = 0;
    for (_, rows) in &classes {
        let mut counts = vec![0; n_folds];
        (dealt..dealt + rows.len()).for_each(|at| counts[at % n_folds] += 1);
        dealt += rows.len();
        let mut folds: Vec<usize> =
            counts.iter().enumerate().flat_map(|(fold, count)| std::iter::repeat_n(fold, *count)).collect();
        random.shuffle(&mut folds);
        rows.iter().zip(folds).for_each(|(row, fold)| fold_of[*row] = fold);
    }
    Ok(splits(&fold_of, n_folds))
}

/// `n_folds` splits that test each row once and never part a group, as `GroupKFold(n_folds)`: the
/// largest group first, each to the fold with the fewest rows. Of groups of the same size the one with
/// the larger number goes first (scikit-learn leaves that to its sort).
///
/// # Errors
/// As [`k_fold`], for groups in place of rows.
pub fn group_k_fold(groups: &[u32], n_folds: usize) -> Result<Vec<Split>> {
    let members: BTreeMap<u32, Vec<usize>> = rows_by_value(groups);
    check(n_folds, members.len(), "groups")?;
    let mut by_size: Vec<&Vec<usize>> = members.values().collect();
    by_size.sort_by_key(|rows| rows.len());
    let mut sizes = vec![0; n_folds];
    let mut fold_of = vec![0; groups.len()];
    for rows in by_size.into_iter().rev() {
        let lightest = (1..n_folds).fold(0, |best, fold| if sizes[fold] < sizes[best] { fold } else { best });
        sizes[lightest] += rows.len();
        rows.iter().for_each(|row| fold_of[*row] = lightest);
    }
    Ok(splits(&fold_of, n_folds))
}

fn check(n_folds: usize, n: usize, what: &str) -> Result<()> {
    if n_folds < 2 {
        return Err(Error::argument("a cross-validation needs at least two folds").seen(n_folds.to_string()));
    }
    if n < n_folds {
        return Err(Error::input(format!("fewer {what} than folds"))
            .seen(format!("{n} {what}, {n_folds} folds"))
            .advice("choose fewer folds"));
    }
    Ok(())
}

/// Both sides in row order.
fn splits(fold_of: &[usize], n_folds: usize) -> Vec<Split> {
    (0..n_folds)
        .map(|fold| {
            let (test, train) = (0..fold_of.len()).partition(|row| fold_of[*row] == fold);
            Split { train, test }
        })
        .collect()
}
