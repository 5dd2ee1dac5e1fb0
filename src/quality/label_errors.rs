//! Labels that are probably wrong: confident learning (Northcutt, Jiang and Chuang 2021), and what a row's label is worth.

use ndarray::ArrayView2;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::rows::Graph;

/// Neighbours of the value of a row.
pub const VALUE_NEIGHBORS: usize = 10;

/// A probability is not below a threshold that it misses by this.
const SAME_PROBABILITY: f64 = 1e-6;

/// The lowest threshold of a class: cleanlab's.
const LEAST_THRESHOLD: f64 = 2e-6;

/// Rows whose label is probably wrong.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LabelErrors {
    /// They, with the least confident label first.
    pub errors: Vec<LabelError>,
    /// Calibrated counts: given label x likely true label, all rows together.
    pub joint: Vec<Vec<u64>>,
    /// For each row the probability of its label.
    pub self_confidence: Vec<f64>,
    /// For each row (probability of its label - largest other probability + 1) / 2.
    pub margin: Vec<f64>,
    /// For each row the likeliest class.
    pub likely: Vec<usize>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LabelError {
    /// The row, from 0.
    pub row: usize,
    /// Its label's class.
    pub given: usize,
    /// The likeliest class.
    pub likely: usize,
    /// The probability of its label.
    pub self_confidence: f64,
    /// (probability of its label - largest other probability + 1) / 2.
    pub margin: f64,
}

/// Finds the rows whose labels the probabilities contradict, as cleanlab 2.9.0's `find_label_issues` with
/// `prune_by_noise_rate`. `labels` are classes from 0; `probabilities` (n x k) must come from models that have not seen
/// the row.
///
/// ```
/// use embedlab::quality::label_errors;
/// let labels = [0, 0, 0, 1, 1, 1];
/// let sure = |class: usize| if class == 0 { [0.9, 0.1] } else { [0.2, 0.8] };
/// let truth = [0, 0, 1, 1, 1, 1];
/// let probabilities = ndarray::Array2::from_shape_fn((6, 2), |(i, j)| sure(truth[i])[j]);
/// let found = label_errors(&labels, probabilities.view())?;
/// assert_eq!(found.errors.iter().map(|error| error.row).collect::<Vec<_>>(), [2]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When the numbers of labels and rows differ, there are fewer than two classes, a label is out of range, or a number is
/// not a probability.
pub fn label_errors(labels: &[usize], probabilities: ArrayView2<'_, f64>) -> Result<LabelErrors> {
    check(labels, probabilities)?;
    let k = probabilities.ncols();
    let mut rows_of: Vec<Vec<usize>> = vec![Vec::new(); k];
    labels.iter().enumerate().for_each(|(row, label)| rows_of[*label].push(row));
    let joint = joint(labels, probabilities, &rows_of);
    let mut flags = vec![false; labels.len()];
    let prune = counts_to_prune(&joint);
    for given in 0..k {
        let rows = &rows_of[given];
        if rows.len() <= 1 {
            continue;
        }
        for likely in (0..k).filter(|likely| *likely != given) {
            let count = prune[likely][given].max(0) as usize;
            if count == 0 {
                continue;
            }
            let margin = |row: usize| probabilities[[row, likely]] - probabilities[[row, given]];
            let mut order = rows.clone();
            order.sort_by(|a, b| margin(*b).total_cmp(&margin(*a)));
            order.iter().take(count).for_each(|row| flags[*row] = true);
        }
    }
    let (mut self_confidence, mut margins, mut likely) = (Vec::new(), Vec::new(), Vec::new());
    for (row, label) in labels.iter().enumerate() {
        let probabilities = probabilities.row(row);
        let own = probabilities[*label];
        let others = probabilities.iter().enumerate().filter(|(class, _)| class != label);
        let largest = others.map(|(_, p)| *p).fold(f64::NEG_INFINITY, f64::max);
        self_confidence.push(own);
        margins.push((own - largest + 1.0) / 2.0);
        likely.push(first_largest(probabilities.iter().copied()));
        // A label that the model says as well, to the last digits, is no error.
        let raised =
            probabilities.iter().enumerate().map(|(class, p)| p + if class == *label { 1e-6 } else { 0.0 });
        flags[row] &= first_largest(raised) != *label;
    }
    let mut errors: Vec<LabelError> = (0..labels.len())
        .filter(|row| flags[*row])
        .map(|row| LabelError {
            row,
            given: labels[row],
            likely: likely[row],
            self_confidence: self_confidence[row],
            margin: margins[row],
        })
        .collect();
    errors.sort_by(|a, b| a.self_confidence.total_cmp(&b.self_confidence).then(a.row.cmp(&b.row)));
    Ok(LabelErrors {
        errors,
        joint: joint.into_iter().map(|row| row.into_iter().map(|x| x.max(0) as u64).collect()).collect(),
        self_confidence,
        margin: margins,
        likely,
    })
}

fn check(labels: &[usize], probabilities: ArrayView2<'_, f64>) -> Result<()> {
    let (n, k) = probabilities.dim();
    if labels.len() != n {
        return Err(Error::argument("labels and probabilities differ in number")
            .seen(format!("{} labels, {n} rows of probabilities", labels.len())));
    }
    if k < 2 {
        return Err(Error::input("label errors need at least two classes").seen(k.to_string()));
    }
    if let Some(row) = labels.iter().position(|label| *label >= k) {
        return Err(Error::argument("a label without a column of probabilities")
            .row(row)
            .seen(format!("class {} of {k}", labels[row])));
    }
    let broken = |p: &f64| !(-1e-6..=1.0 + 1e-6).contains(p);
    if let Some(row) = probabilities.rows().into_iter().position(|row| row.iter().any(broken)) {
        return Err(Error::input("a value that is not a probability")
            .row(row)
            .advice("give for each class a number from 0 to 1"));
    }
    Ok(())
}

fn first_largest(numbers: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (at, number) in numbers.enumerate() {
        if number > best.1 {
            best = (at, number);
        }
    }
    best.0
}

/// Counts of given x likely labels among rows that are confident of one, calibrated to the counts of the labels.
fn joint(labels: &[usize], probabilities: ArrayView2<'_, f64>, rows_of: &[Vec<usize>]) -> Vec<Vec<i64>> {
    let k = rows_of.len();
    let thresholds: Vec<f64> = rows_of
        .iter()
        .enumerate()
        .map(|(class, rows)| match rows.len() {
            0 => 2.0,
            n => {
                let sum: f64 = rows.iter().map(|row| probabilities[[*row, class]]).sum();
                (sum / n as f64).max(LEAST_THRESHOLD)
            }
        })
        .collect();
    let mut counts = vec![vec![0.0_f64; k]; k];
    for (label, row) in labels.iter().zip(probabilities.rows()) {
        let confident = |class: &usize| row[*class] >= thresholds[*class] - SAME_PROBABILITY;
        let mut classes = (0..k).filter(confident);
        match (classes.next(), classes.next()) {
            (Some(only), None) => counts[*label][only] += 1.0,
            (Some(_), Some(_)) => counts[*label][first_largest(row.iter().copied())] += 1.0,
            _ => {}
        }
    }
    (0..k).for_each(|class| counts[class][class] = counts[class][class].max(1.0));
    let n = labels.len() as f64;
    for (class, row) in counts.iter_mut().enumerate() {
        let sum: f64 = row.iter().sum::<f64>().max(1e-100);
        row.iter_mut().for_each(|count| *count = *count / sum * rows_of[class].len() as f64);
    }
    let sum: f64 = counts.iter().flatten().sum::<f64>().max(1e-100);
    counts.iter_mut().flatten().for_each(|count| *count = *count / sum * n);
    counts.iter().map(|row| rounded(row)).collect()
}

/// Rounded so that the sum stays.
fn rounded(numbers: &[f64]) -> Vec<i64> {
    let mut whole: Vec<f64> = numbers.iter().map(|x| x.round_ties_even()).collect();
    let wanted = numbers.iter().sum::<f64>().round_ties_even();
    loop {
        let difference = (wanted - whole.iter().sum::<f64>()).round();
        if difference == 0.0 {
            return whole.into_iter().map(|x| x as i64).collect();
        }
        let step = difference.signum();
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        let lost = |at: usize| numbers[at] - whole[at];
        order.sort_by(|a, b| lost(*a).total_cmp(&lost(*b)));
        // Up: those that lost most, the last ones; down: those that gained most, the first ones.
        if step > 0.0 {
            order.reverse();
        }
        let changes = (difference.abs() as usize).min(numbers.len());
        order.into_iter().take(changes).for_each(|at| whole[at] += step);
    }
}

/// How many rows to prune, likely x given label, such that one row of each given label is left.
fn counts_to_prune(joint: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let k = joint.len();
    let mut counts: Vec<Vec<f64>> =
        (0..k).map(|likely| (0..k).map(|given| joint[given][likely] as f64).collect()).collect();
    for given in 0..k {
        let own = counts[given][given].max(1.0);
        let missing = own - counts[given][given];
        let others = ((0..k).filter(|likely| counts[*likely][given] != 0.0).count() as f64 - 1.0).max(1.0);
        for row in &mut counts {
            row[given] = (row[given] - missing / others).max(0.0);
        }
        counts[given][given] = own;
    }
    counts.into_iter().map(|row| row.into_iter().map(|count| count as i64).collect()).collect()
}

/// What each row's label is worth to a vote of its `k` nearest rows: KNN-Shapley (Jia et al. 2019), between 0 and 1, as
/// cleanlab 2.9.0's `data_shapley_knn`; below 0.5 a row does harm.
///
/// # Errors
/// When the numbers of labels and rows differ, or the graph has no neighbours.
pub fn knn_shapley(graph: &Graph, labels: &[usize], k: usize) -> Result<Vec<f64>> {
    let n = graph.n_rows();
    let k = k.min(graph.k());
    if labels.len() != n {
        return Err(Error::argument("labels and rows differ in number")
            .seen(format!("{} labels, {n} rows", labels.len())));
    }
    if k == 0 {
        return Err(Error::input("too few rows for the value of a label").seen(format!("{n} rows")));
    }
    let mut sums = vec![0.0; n];
    for row in 0..n {
        let near = &graph.rows(row)[..k];
        let same = |at: usize| f64::from(u8::from(labels[near[at] as usize] == labels[row]));
        let mut value = 0.0;
        for at in (0..k.saturating_sub(1)).rev() {
            value += same(at) - same(at + 1);
            sums[near[at] as usize] += value;
        }
    }
    Ok(sums.into_iter().map(|sum| 0.5 * (sum / k as f64 / n as f64 + 1.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Metric;
    use ndarray::Array2;

    #[test]
    fn rounding_keeps_the_sum() {
        assert_eq!(rounded(&[0.4, 0.4, 0.2]), [0, 1, 0]);
        assert_eq!(rounded(&[1.6, 1.6, 0.8]).iter().sum::<i64>(), 4);
        assert_eq!(rounded(&[2.0, 3.0]), [2, 3]);
    }

    #[test]
    fn the_joint_counts_the_given_labels() {
        let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
        let probabilities = Array2::from_shape_fn((60, 3), |(i, j)| {
            let likely = if i % 10 == 0 { (i + 1) % 3 } else { i % 3 };
            if j == likely { 0.8 } else { 0.1 }
        });
        let found = label_errors(&labels, probabilities.view()).unwrap();
        assert!(found.joint.iter().all(|row| row.iter().sum::<u64>() == 20));
        let rows: Vec<usize> = found.errors.iter().map(|error| error.row).collect();
        assert_eq!(rows, [0, 10, 20, 30, 40, 50]);
        assert!(found.errors.iter().all(|error| error.likely == (error.given + 1) % 3));
    }

    #[test]
    fn the_values_share_out_what_the_votes_gain() {
        let rows = Array2::from_shape_fn((40, 2), |(i, j)| ((i * 37 + j * 11) % 41) as f32);
        let graph = Graph::of(rows.view(), 6, Metric::L2).unwrap();
        let labels: Vec<usize> = (0..40).map(|i| usize::from(rows[[i, 0]] > 20.0)).collect();
        let values = knn_shapley(&graph, &labels, 6).unwrap();
        let same =
            |row: usize, at: usize| f64::from(u8::from(labels[graph.rows(row)[at] as usize] == labels[row]));
        let gained: f64 = (0..240).map(|i| same(i / 6, i % 6) - same(i / 6, 5)).sum::<f64>() / 240.0;
        let shared: f64 = values.iter().map(|value| 2.0 * value - 1.0).sum();
        assert!((gained - shared).abs() < 1e-12, "{gained} {shared}");
        let inside = (0..40).filter(|row| (0..6).all(|at| same(*row, at) == 1.0)).count();
        assert!(inside > 0 && knn_shapley(&graph, &labels[1..], 6).is_err());
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let bad = ndarray::array![[0.5, 0.5], [f64::NAN, 0.1]];
        assert!(label_errors(&[0, 1], bad.view()).unwrap_err().to_string().starts_with("row 1"));
        let one = ndarray::array![[1.0], [1.0]];
        assert!(label_errors(&[0, 0], one.view()).is_err());
        assert!(label_errors(&[0, 5], ndarray::array![[0.5, 0.5], [0.5, 0.5]].view()).is_err());
    }
}
