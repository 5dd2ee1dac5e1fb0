//! Rows that are unlike all others. Every score is between 0 and 1, and low is odd.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::metric::quantile;
use crate::rows::{Graph, Metric};

/// Neighbours of a row whose distances are averaged.
pub const OUTLIER_NEIGHBORS: usize = 10;

/// How far beyond the third quartile, in interquartile ranges, a distance is odd: 1 / 0.37037 - 1 = 1.7.
pub const OUTLIER_THRESHOLD: f64 = 0.37037;

/// Of distances below this, rounding is all there is.
const NO_DISTANCE: f64 = 100.0 * f64::EPSILON;

/// A local outlier factor above this is odd.
pub const LOF_THRESHOLD: f64 = 1.5;

/// How rows are told to be odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum OutlierMethod {
    /// By the mean distance to the nearest rows, as cleanlab does.
    #[default]
    Knn,
    /// By the density around a row against that around its neighbours.
    Lof,
    /// By how few random cuts set a row apart.
    IsolationForest,
}

/// Scores of rows, low for odd ones.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Outliers {
    /// How the scores were made.
    pub method: OutlierMethod,
    /// Neighbours that were looked at; `None` for a forest.
    pub k: Option<usize>,
    /// What the method's own number is compared with: a mean distance, a factor, or a forest's score.
    pub threshold: f64,
    /// The score of each row, 0 to 1.
    pub scores: Vec<f64>,
    /// The method's own number for each row: the mean distance, the factor, or the forest's score.
    pub values: Vec<f64>,
    /// Whether each row is odd.
    pub flags: Vec<bool>,
}

impl Outliers {
    /// How many rows are odd.
    pub fn count(&self) -> usize {
        self.flags.iter().filter(|flag| **flag).count()
    }

    /// All rows, lowest score first.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|a, b| self.scores[*a].total_cmp(&self.scores[*b]).then(a.cmp(b)));
        order
    }
}

/// Rows whose `k` nearest rows are far: score exp(-a / median(a)) of the mean distance a; odd when a is above the third
/// quartile by (1 / threshold - 1) interquartile ranges (cleanlab 2.9.0's `OutOfDistribution` and `Datalab`).
///
/// # Errors
/// With fewer than `k` neighbours in the graph, or a threshold that is not above 0 and at most 1.
///
/// ```
/// use embedlab::quality::{Graph, knn_outliers};
/// use embedlab::rows::Metric;
/// let rows = ndarray::Array2::from_shape_fn((30, 1), |(i, _)| if i == 7 { 500.0 } else { i as f32 });
/// let found = knn_outliers(&Graph::of(rows.view(), 5, Metric::L2)?, 5, 0.37037)?;
/// assert_eq!(found.order()[0], 7);
/// assert!(found.flags[7]);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn knn_outliers(graph: &Graph, k: usize, threshold: f64) -> Result<Outliers> {
    let k = neighbors(graph, k)?;
    if !(threshold > 0.0 && threshold <= 1.0) {
        return Err(Error::argument("a threshold out of range")
            .seen(threshold.to_string())
            .advice("choose more than 0 and at most 1; 0.37 is usual"));
    }
    let values: Vec<f64> =
        (0..graph.n_rows()).map(|row| graph.distances(row)[..k].iter().sum::<f64>() / k as f64).collect();
    let mut sorted = values.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    // Rounding of 1e-6 is the least that a scale may be.
    let scale = quantile(&sorted, 0.5).max(NO_DISTANCE).max(1e-6);
    let nothing = if graph.metric() == Metric::Cosine { NO_DISTANCE / 2.0 } else { NO_DISTANCE.sqrt() };
    let scores =
        values.iter().map(|mean| if *mean < nothing { 1.0 } else { (-mean / scale).exp() }).collect();
    let (q1, q3) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75));
    let limit = q3 + (1.0 / threshold - 1.0) * (q3 - q1);
    let flags = values.iter().map(|mean| *mean > limit).collect();
    Ok(Outliers { method: OutlierMethod::Knn, k: Some(k), threshold: limit, scores, values, flags })
}

/// The local outlier factor (Breunig et al. 2000), as scikit-learn's `LocalOutlierFactor`: about 1 within a cluster of any
/// density, above 1 outside. The score is 1 / factor, at most 1; odd above `threshold` (1.5 is usual).
///
/// # Errors
/// With fewer than `k` neighbours in the graph, or a threshold below 1.
pub fn local_outlier_factor(graph: &Graph, k: usize, threshold: f64) -> Result<Outliers> {
    let k = neighbors(graph, k)?;
    if !(threshold >= 1.0 && threshold.is_finite()) {
        return Err(Error::argument("a factor out of range")
            .seen(threshold.to_string())
            .advice("choose 1 or more; 1.5 is usual"));
    }
    let n = graph.n_rows();
    let density = |row: usize| {
        let reach = graph.rows(row)[..k]
            .iter()
            .zip(graph.distances(row))
            .map(|(near, distance)| graph.distances(*near as usize)[k - 1].max(*distance));
        1.0 / (reach.sum::<f64>() / k as f64 + 1e-10)
    };
    let densities: Vec<f64> = (0..n).map(density).collect();
    let values: Vec<f64> = (0..n)
        .map(|row| {
            let near = graph.rows(row)[..k].iter().map(|near| densities[*near as usize]);
            near.sum::<f64>() / k as f64 / densities[row]
        })
        .collect();
    let scores = values.iter().map(|factor| if *factor > 1.0 { 1.0 / factor } else { 1.0 }).collect();
    let flags = values.iter().map(|factor| *factor > threshold).collect();
    Ok(Outliers { method: OutlierMethod::Lof, k: Some(k), threshold, scores, values, flags })
}

fn neighbors(graph: &Graph, k: usize) -> Result<usize> {
    if graph.n_rows() < 2 || k == 0 {
        return Err(Error::input("too few rows to tell odd ones")
            .seen(format!("{} rows, {k} neighbours", graph.n_rows()))
            .advice("give at least two rows and ask for at least one neighbour"));
    }
    Ok(k.min(graph.k()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    fn cloud() -> Array2<f32> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        let mut rows = Array2::from_shape_simple_fn((200, 4), || random.gen_range(-1.0_f32..1.0));
        rows.row_mut(17).fill(6.0);
        rows
    }

    #[test]
    fn a_planted_row_is_the_oddest_by_both() {
        let graph = Graph::of(cloud().view(), 10, Metric::L2).unwrap();
        for found in [
            knn_outliers(&graph, 10, OUTLIER_THRESHOLD).unwrap(),
            local_outlier_factor(&graph, 10, 1.5).unwrap(),
        ] {
            assert_eq!(found.order()[0], 17);
            assert!(found.flags[17] && found.count() < 20);
            assert!(found.scores.iter().all(|score| (0.0..=1.0).contains(score)));
        }
    }

    #[test]
    fn rows_that_are_all_equal_are_not_odd() {
        let graph = Graph::of(Array2::from_elem((20, 3), 0.5).view(), 10, Metric::Cosine).unwrap();
        for found in [knn_outliers(&graph, 10, 0.5).unwrap(), local_outlier_factor(&graph, 10, 1.5).unwrap()]
        {
            assert_eq!((found.count(), found.scores.iter().all(|score| *score == 1.0)), (0, true));
        }
    }

    #[test]
    fn one_row_is_refused_and_few_rows_are_all_neighbours() {
        let one = Graph::of(Array2::zeros((1, 2)).view(), 10, Metric::L2).unwrap();
        assert!(knn_outliers(&one, 10, 0.5).is_err());
        let few = Graph::of(cloud().slice(ndarray::s![..4, ..]), 10, Metric::L2).unwrap();
        assert_eq!(knn_outliers(&few, 10, 0.5).unwrap().k, Some(3));
        assert!(knn_outliers(&few, 10, 0.0).is_err());
    }
}
