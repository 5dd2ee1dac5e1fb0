//! Zero-shot classification: whether the nearest label is the right one.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use super::classes::ClassScores;
use super::scored::Scored;
use super::similarity::{Similarity, require_directions, require_same_dims};
use crate::error::{Error, Result};

/// Gives each row the most similar label: MTEB's `AbsTaskZeroShotClassification`.
///
/// `labels` holds one row for each class, `truth` the class of each row of `rows`. Of equally similar labels the first
/// is taken. `accuracy` is the main score.
///
/// # Errors
/// No rows, classes beyond the last label, rows of different dimensions, a row of zeros.
pub fn zero_shot_classification(
    rows: ArrayView2<'_, f32>,
    labels: ArrayView2<'_, f32>,
    truth: &[usize],
    similarity: Similarity,
) -> Result<Scored> {
    require_same_dims(rows, labels)?;
    if truth.len() != rows.nrows() || truth.is_empty() || truth.iter().any(|class| *class >= labels.nrows()) {
        return Err(Error::argument("rows and classes that do not fit the labels").seen(format!(
            "{} rows, {} classes, {} labels",
            rows.nrows(),
            truth.len(),
            labels.nrows()
        )));
    }
    require_directions(rows)?;
    require_directions(labels)?;
    let labels: Vec<Vec<f32>> = labels.rows().into_iter().map(|row| row.to_vec()).collect();
    let found: Vec<Vec<f64>> = rows
        .axis_iter(Axis(0))
        .into_par_iter()
        .map(|row| {
            let row = row.to_vec();
            labels.iter().map(|label| similarity.of(&row, label)).collect()
        })
        .collect();
    let best = |scores: &Vec<f64>| {
        (1..scores.len()).fold(0, |best, class| if scores[class] > scores[best] { class } else { best })
    };
    let predicted: Vec<usize> = found.iter().map(best).collect();
    let tied = |(scores, best): (&Vec<f64>, &usize)| {
        scores.iter().filter(|score| **score == scores[*best]).count() > 1
    };
    let ties = found.iter().zip(&predicted).filter(|pair| tied(*pair)).count() as f64 / truth.len() as f64;
    // MTEB ranks by the second label, whichever two classes the rows have.
    let second: Vec<f64> = found.iter().map(|scores| scores.get(1).copied().unwrap_or(scores[0])).collect();
    let predicted_column = predicted.iter().map(|class| Some(*class as f64)).collect();
    let scores = ClassScores::new(truth, &[predicted], Some(&second), labels.len())?;
    let right = scores.right();
    let resampling = scores.resampling();
    Ok(Scored {
        main: "accuracy",
        scores: resampling.whole(),
        n: truth.len(),
        draws: Vec::new(),
        ties: Some(ties),
        each: vec![("right", right), ("found", predicted_column)],
        resampling,
    })
}
