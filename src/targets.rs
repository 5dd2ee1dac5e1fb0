//! What every supervised model needs of its rows and targets, and of its scores.
//!
//! This is below `forest` and `model`, which both use it.

use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::error::{Error, Result};

/// Checks what every fit needs of its rows and weights.
///
/// # Errors
/// When rows, targets and weights differ in number, there are no rows or no features, a number is not
/// finite, a weight is negative, or all weights are 0.
pub(crate) fn require_usable(
    rows: ArrayView2<'_, f32>,
    n_targets: usize,
    weights: Option<&[f64]>,
) -> Result<()> {
    if rows.nrows() != n_targets {
        return Err(Error::argument("rows and targets of different number")
            .seen(format!("{} rows, {n_targets} targets", rows.nrows())));
    }
    if rows.nrows() == 0 || rows.ncols() == 0 {
        return Err(Error::input("nothing to learn from").seen(format!(
            "{} rows of {} features",
            rows.nrows(),
            rows.ncols()
        )));
    }
    crate::rows::require_finite(rows)?;
    weights.map_or(Ok(()), |weights| require_weights(weights, rows.nrows()))
}

/// # Errors
/// When there is not one weight for each of `n` rows, a weight is negative or not finite, or all are 0.
pub(crate) fn require_weights(weights: &[f64], n: usize) -> Result<()> {
    if weights.len() != n {
        return Err(Error::argument("rows and weights of different number")
            .seen(format!("{n} rows, {} weights", weights.len())));
    }
    if let Some(row) = weights.iter().position(|weight| !(*weight >= 0.0 && weight.is_finite())) {
        return Err(Error::input("weights must be finite and not negative")
            .row(row)
            .seen(weights[row].to_string()));
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        return Err(Error::input("all weights are 0").advice("give at least one row a weight"));
    }
    Ok(())
}

/// # Errors
/// When a target is not finite.
pub(crate) fn require_finite_targets(targets: &[f64]) -> Result<()> {
    match targets.iter().position(|target| !target.is_finite()) {
        Some(row) => Err(Error::input("a target that is not finite")
            .row(row)
            .seen(targets[row].to_string())
            .advice("remove the row or correct its target")),
        None => Ok(()),
    }
}

/// The number of classes, numbered from 0.
///
/// # Errors
/// When there is one only, or the numbers have gaps that make no sense.
pub(crate) fn require_classes(labels: &[usize]) -> Result<usize> {
    let n_classes = labels.iter().max().map_or(0, |most| most + 1);
    if n_classes > labels.len().saturating_mul(2).max(1000) {
        return Err(Error::argument("classes are not numbered from 0 without gaps").seen(format!(
            "class {} among {} rows",
            n_classes - 1,
            labels.len()
        )));
    }
    if labels.iter().all(|label| *label == labels[0]) {
        return Err(Error::input("one class only")
            .seen(format!("class code {} in all {} rows", labels[0], labels.len()))
            .advice("a classifier needs rows of at least two classes"));
    }
    Ok(n_classes)
}

/// Classes that a model takes at most which passes over rows times classes in each of many rounds.
const MOST_CLASSES: usize = 1_000;

/// Refuses labels that would take hours, or are identifiers.
///
/// # Errors
/// When there are more than 1,000 classes.
pub(crate) fn refuse_many_classes(model: &str, n_classes: usize) -> Result<()> {
    if n_classes <= MOST_CLASSES {
        return Ok(());
    }
    Err(Error::argument(format!("too many classes for {model}"))
        .with_code("too-many-classes")
        .seen(n_classes.to_string())
        .advice("use at most 1,000, or another model: --model forest or --model knn"))
}

/// The class with the largest probability in each row (n x classes); of equal ones the first.
pub(crate) fn likeliest(probabilities: &Array2<f64>) -> Vec<usize> {
    let of_row = |row: ArrayView1<'_, f64>| {
        (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
    };
    probabilities.rows().into_iter().map(of_row).collect()
}

/// Scores to probabilities, in place.
pub(crate) fn softmax(scores: &mut [f64]) {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter_mut().for_each(|score| *score = (*score - most).exp());
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
}
