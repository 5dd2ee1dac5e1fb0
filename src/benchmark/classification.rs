//! Classification: whether a linear model of a few rows of each class tells the class of others.

use std::collections::HashMap;

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use super::classes::ClassScores;
use super::scored::Scored;
use super::similarity::require_same_dims;
use crate::error::{Error, Result};
use crate::model::Logistic;
use crate::rows::LEAF_ROWS;
use crate::rows::product::dot_products;
use crate::split::NumpyRandom;

/// How classification draws.
#[derive(Debug, Clone, Copy)]
pub struct ClassificationOptions {
    /// Fits, each on a draw of its own.
    pub experiments: usize,
    /// Training rows of each class in one draw.
    pub samples_per_label: usize,
    /// The seed of the draws.
    pub seed: u32,
    /// The score that counts: `accuracy`, in some of MTEB's tasks `f1` or another.
    pub main: &'static str,
}

impl Default for ClassificationOptions {
    /// MTEB's: 10 fits on 8 rows of each class, seed 42.
    fn default() -> Self {
        ClassificationOptions { experiments: 10, samples_per_label: 8, seed: 42, main: "accuracy" }
    }
}

/// Fits logistic regressions on draws of training rows and scores the test rows: MTEB's `AbsTaskClassification`. The
/// scores are means over the draws; `accuracy` is the main score.
///
/// Classes are numbered from 0 to `n_classes`, for training and test alike.
///
/// # Errors
/// No test rows, one class only among the training rows, lists of different length, rows of different dimensions.
pub fn classification(
    (train, labels): (ArrayView2<'_, f32>, &[usize]),
    (test, truth): (ArrayView2<'_, f32>, &[usize]),
    n_classes: usize,
    options: &ClassificationOptions,
) -> Result<Scored> {
    require_same_dims(train, test)?;
    require_rows(train, labels.len())?;
    require_rows(test, truth.len())?;
    let draws = drawn_rows(labels, options)?;
    let models: Vec<Logistic> = draws
        .par_iter()
        .map(|rows| {
            let classes: Vec<usize> = rows.iter().map(|row| labels[*row]).collect();
            let mut seen = classes.clone();
            seen.sort_unstable();
            seen.dedup();
            // scikit-learn's model of two classes has one line, which weighs half as much as the two of a softmax.
            let alpha = if seen.len() == 2 { 2.0 } else { 1.0 };
            Logistic::params().alpha(alpha).fit_rows(train.select(Axis(0), rows).view(), &classes, None)
        })
        .collect::<Result<_>>()?;
    let predictions = predicted(&models, test);
    let scores = ClassScores::new(truth, &predictions, None, n_classes)?;
    let (draws, right) = (scores.draws(options.main), scores.right());
    let resampling = scores.resampling();
    Ok(Scored {
        main: options.main,
        scores: resampling.whole(),
        n: truth.len(),
        draws,
        ties: None,
        each: vec![("right", right)],
        resampling,
    })
}

/// # Errors
/// When there are no rows, or not one label for each.
pub(super) fn require_rows(rows: ArrayView2<'_, f32>, n_labels: usize) -> Result<()> {
    if rows.nrows() == 0 || rows.nrows() != n_labels {
        return Err(Error::input("no rows, or rows and labels of different number")
            .with_code("no-rows")
            .seen(format!("{} rows, {n_labels} labels", rows.nrows())));
    }
    Ok(())
}

/// The training rows of each draw: the same shuffle again and again, each on the order that the one before left, and
/// the first rows of each class in that order.
fn drawn_rows(labels: &[usize], options: &ClassificationOptions) -> Result<Vec<Vec<usize>>> {
    if options.experiments == 0 || options.samples_per_label == 0 {
        return Err(Error::argument("no experiments, or no rows of a class")
            .advice("ask for at least 1 of both; MTEB takes 10 experiments on 8 rows of each class"));
    }
    let mut order: Vec<usize> = (0..labels.len()).collect();
    Ok((0..options.experiments)
        .map(|_| {
            NumpyRandom::new(options.seed).shuffle(&mut order);
            let mut taken: HashMap<usize, usize> = HashMap::new();
            let first = |row: &&usize| {
                let taken = taken.entry(labels[**row]).or_default();
                *taken += 1;
                *taken <= options.samples_per_label
            };
            order.iter().filter(first).copied().collect()
        })
        .collect())
}

/// The likeliest class of each row by each model, in one pass over the rows.
fn predicted(models: &[Logistic], rows: ArrayView2<'_, f32>) -> Vec<Vec<usize>> {
    let rows = rows.as_standard_layout();
    let dims = rows.ncols();
    let stacked: Vec<f32> =
        models.iter().flat_map(|model| model.coefficients().iter().copied().collect::<Vec<_>>()).collect();
    let blocks: Vec<Vec<Vec<usize>>> = rows
        .axis_chunks_iter(Axis(0), LEAF_ROWS)
        .into_par_iter()
        .map(|block| {
            let (n, mut products) = (block.nrows(), Vec::new());
            dot_products(block.as_slice().unwrap_or_default(), &stacked, dims, &mut products);
            let mut begin = 0;
            models
                .iter()
                .map(|model| {
                    let intercepts = model.intercepts();
                    let score = |row: usize, class: usize| {
                        f64::from(products[(begin + class) * n + row]) + intercepts[class]
                    };
                    let best = |row: usize| {
                        (1..intercepts.len()).fold(0, |best, class| {
                            if score(row, class) > score(row, best) { class } else { best }
                        })
                    };
                    let found = (0..n).map(best).collect();
                    begin += intercepts.len();
                    found
                })
                .collect()
        })
        .collect();
    (0..models.len())
        .map(|model| blocks.iter().flat_map(|block| block[model].iter().copied()).collect())
        .collect()
}
