//! Multilabel classification: whether the nearest of a few rows have the same labels.

use ndarray::{ArrayView2, Axis};

use super::classification::{ClassificationOptions, require_rows};
use super::scored::{Resampling, Scored};
use super::similarity::require_same_dims;
use super::stratified::stratified_rows;
use crate::error::{Error, Result};
use crate::rows::{Metric, top_k};
use crate::split::NumpyGenerator;

/// Rows that vote.
const NEIGHBORS: usize = 5;

/// Test rows at most; of more, so many are drawn.
const MOST_ROWS: usize = 3000;

/// Gives test rows the labels of most of their five nearest training rows, on draws of training rows: MTEB's
/// `AbsTaskMultilabelClassification`. The scores are means over the draws; `accuracy`, the share of rows whose labels
/// are all right, is the main score.
///
/// `labels` and `truth` hold the labels of each row, numbered from 0. Labels that no test row has do not count. Of more
/// than 3,000 test rows, 3,000 are drawn by iterative stratification.
///
/// # Errors
/// No test rows or labels, fewer than five training rows in a draw, rows of different dimensions.
pub fn multilabel_classification(
    (train, labels): (ArrayView2<'_, f32>, &[Vec<usize>]),
    (test, truth): (ArrayView2<'_, f32>, &[Vec<usize>]),
    options: &ClassificationOptions,
) -> Result<Scored> {
    require_same_dims(train, test)?;
    require_rows(train, labels.len())?;
    require_rows(test, truth.len())?;
    let draws = drawn_rows(labels, options)?;
    let rows: Vec<usize> = if truth.len() > MOST_ROWS {
        stratified_rows(truth, MOST_ROWS as f64 / truth.len() as f64, options.seed)
    } else {
        (0..truth.len()).collect()
    };
    let test = test.select(Axis(0), &rows);
    let known = {
        let mut known: Vec<usize> = rows.iter().flat_map(|row| truth[*row].iter().copied()).collect();
        known.sort_unstable();
        known.dedup();
        known
    };
    if known.is_empty() {
        return Err(Error::input("no test row has a label"));
    }
    let binary = |of: &[usize]| -> Vec<bool> { known.iter().map(|label| of.contains(label)).collect() };
    let truth: Vec<Vec<bool>> = rows.iter().map(|row| binary(&truth[*row])).collect();
    let mut predictions = Vec::with_capacity(draws.len());
    for drawn in &draws {
        if drawn.len() < NEIGHBORS {
            return Err(Error::input("too few training rows")
                .with_code("too-few-rows")
                .seen(format!("{} rows in a draw, of which {NEIGHBORS} vote", drawn.len()))
                .advice("give more training rows, or raise --samples-per-label"));
        }
        let votes: Vec<Vec<bool>> = drawn.iter().map(|row| binary(&labels[*row])).collect();
        let found = top_k(&train.select(Axis(0), drawn), test.view(), NEIGHBORS, Metric::L2)?;
        let majority = |hits: &Vec<crate::rows::Neighbor>| -> Vec<bool> {
            let votes_for = |label: usize| hits.iter().filter(|hit| votes[hit.row][label]).count();
            (0..known.len()).map(|label| 2 * votes_for(label) > NEIGHBORS).collect()
        };
        predictions.push(found.iter().map(majority).collect::<Vec<_>>());
    }
    let n = truth.len();
    let exact = |predicted: &Vec<Vec<bool>>| -> Vec<bool> {
        truth.iter().zip(predicted).map(|(truth, predicted)| truth == predicted).collect()
    };
    let exact: Vec<Vec<bool>> = predictions.iter().map(exact).collect();
    let share = |hits: usize, of: usize| hits as f64 / of as f64;
    let each_right =
        (0..n).map(|row| Some(share(exact.iter().filter(|draw| draw[row]).count(), exact.len()))).collect();
    let draw_scores: Vec<f64> =
        exact.iter().map(|draw| share(draw.iter().filter(|right| **right).count(), n)).collect();
    // Of each draw and row: right, LRAP, Jaccard.
    let of_rows: Vec<Vec<[f64; 3]>> = predictions
        .iter()
        .map(|draw| truth.iter().zip(draw).map(|(truth, predicted)| row_scores(truth, predicted)).collect())
        .collect();
    let names = ["accuracy", "lrap", "f1", "hamming"].map(str::to_owned).to_vec();
    let resampling = Resampling::of_draws(n, draws.len(), names, move |draw, times| {
        let (rows, total) = (&of_rows[draw], times.iter().map(|times| f64::from(*times)).sum::<f64>());
        let mean = |at: usize| {
            rows.iter().zip(times).map(|(row, times)| row[at] * f64::from(*times)).sum::<f64>() / total
        };
        vec![mean(0), mean(1), macro_f1(&truth, &predictions[draw], times), mean(2)]
    })
    .looking(known.len());
    Ok(Scored {
        main: "accuracy",
        scores: resampling.whole(),
        n,
        draws: draw_scores,
        ties: None,
        each: vec![("row", rows.iter().map(|row| Some(*row as f64)).collect()), ("right", each_right)],
        resampling,
    })
}

/// The training rows of each draw: in a random order, each row that has a label of which there are too few yet.
fn drawn_rows(labels: &[Vec<usize>], options: &ClassificationOptions) -> Result<Vec<Vec<usize>>> {
    if options.experiments == 0 || options.samples_per_label == 0 {
        return Err(Error::argument("no experiments, or no rows of a label")
            .advice("ask for at least 1 of both; MTEB takes 10 experiments on 8 rows of each label"));
    }
    let n_labels = labels.iter().flatten().max().map_or(0, |most| most + 1);
    let mut random = NumpyGenerator::new(options.seed);
    Ok((0..options.experiments)
        .map(|_| {
            let mut taken = vec![0; n_labels];
            let wanted = |row: &usize| {
                let few = labels[*row].iter().any(|label| taken[*label] < options.samples_per_label);
                if few {
                    labels[*row].iter().for_each(|label| taken[*label] += 1);
                }
                few
            };
            random.permutation(labels.len()).into_iter().filter(wanted).collect()
        })
        .collect())
}

/// Whether all labels are right, the label ranking average precision of labels without degrees, and the Jaccard index.
fn row_scores(truth: &[bool], predicted: &[bool]) -> [f64; 3] {
    let count = |wanted: &dyn Fn(bool, bool) -> bool| {
        truth.iter().zip(predicted).filter(|(truth, predicted)| wanted(**truth, **predicted)).count() as f64
    };
    let (relevant, found, both) = (count(&|t, _| t), count(&|_, p| p), count(&|t, p| t && p));
    let n = truth.len() as f64;
    let lrap = if relevant == 0.0 || relevant == n {
        1.0
    } else {
        let of_found = if found > 0.0 { both * both / found } else { 0.0 };
        (of_found + (relevant - both) * relevant / n) / relevant
    };
    let either = relevant + found - both;
    [f64::from(u8::from(truth == predicted)), lrap, if either == 0.0 { 1.0 } else { both / either }]
}

fn macro_f1(truth: &[Vec<bool>], predicted: &[Vec<bool>], times: &[u32]) -> f64 {
    let n_labels = truth.first().map_or(0, Vec::len);
    let of_label = |label: usize| {
        let (mut both, mut either) = (0_u64, 0_u64);
        for ((truth, predicted), times) in truth.iter().zip(predicted).zip(times) {
            let times = u64::from(*times);
            both += if truth[label] && predicted[label] { 2 * times } else { 0 };
            either += times * (u64::from(truth[label]) + u64::from(predicted[label]));
        }
        if either == 0 { 0.0 } else { both as f64 / either as f64 }
    };
    (0..n_labels).map(of_label).sum::<f64>() / n_labels as f64
}
