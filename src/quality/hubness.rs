//! Hubs: rows that are among the nearest of far too many others; and islands of the graph.

use serde::Serialize;

use crate::rows::{Components, Graph};

/// The usual number of neighbours for hubness.
pub const HUBNESS_NEIGHBORS: usize = 10;

/// Rows that [`Hubness::worst_hubs`] lists.
const LISTED: usize = 10;

/// An island is smaller than this share of all rows.
const ISLAND_SHARE: f64 = 0.005;

/// How evenly rows occur among the neighbours of others. `None` is a number that does not exist: of no rows, or not from a
/// sample of them.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Hubness {
    /// How many neighbours of each row were looked at.
    pub k: usize,
    /// The skewness of the occurrences N: m3 / m2^1.5 over all rows (Radovanović et al. 2010). 1.2 to 1.9 is usual.
    pub hubness_skew: Option<f64>,
    /// The share of all occurrences that would have to move for all rows to occur equally often (Feldbauer et al. 2018).
    pub robin_hood: Option<f64>,
    /// The share of rows that are neighbours of none.
    pub anti_hubs: Option<f64>,
    /// The share of all occurrences that rows hold with at least 2 k of them.
    pub hubs: Option<f64>,
    /// Connected parts of the graph that are smaller than max(k + 1, 0.5 % of the rows).
    pub islands: Option<usize>,
    /// The share of all rows in them.
    pub island_share: Option<f64>,
    /// The rows with the most occurrences, most first.
    pub worst_hubs: Vec<Hub>,
    /// How many rows occur 0, 1, 2, ... times; the last entry counts all from there on.
    pub occurrences: Vec<usize>,
}

/// A row that is near to many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Hub {
    /// The row, from 0.
    pub row: usize,
    /// How many rows have it among their nearest.
    pub count: usize,
}

/// How many rows have each row among their first `k` neighbours.
///
/// ```
/// use embedlab::quality::{Graph, occurrences};
/// use embedlab::rows::Metric;
/// let rows = ndarray::array![[0.0_f32], [1.0], [1.6]];
/// assert_eq!(occurrences(&Graph::of(rows.view(), 1, Metric::L2)?, 1), [0, 2, 1]);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn occurrences(graph: &Graph, k: usize) -> Vec<usize> {
    let mut counts = vec![0; graph.n_rows()];
    for row in 0..graph.n_rows() {
        graph.rows(row).iter().take(k).for_each(|near| counts[*near as usize] += 1);
    }
    counts
}

/// The hubness of the first `k` neighbours of a graph (10 is usual); with a graph of fewer neighbours, of those.
pub fn hubness(graph: &Graph, k: usize) -> Hubness {
    let k = k.min(graph.k());
    let counts = occurrences(graph, k);
    let components = Components::of_graph(graph, k);
    let n = counts.len();
    let small = (k + 1).max((ISLAND_SHARE * n as f64).floor() as usize);
    let islands: Vec<usize> =
        components.sizes().into_iter().filter(|size| *size < small && *size < n).collect();
    let skew = of_counts(&counts, k);
    let mut worst: Vec<Hub> =
        counts.iter().enumerate().map(|(row, count)| Hub { row, count: *count }).collect();
    worst.sort_by(|a, b| b.count.cmp(&a.count).then(a.row.cmp(&b.row)));
    worst.truncate(if k == 0 { 0 } else { LISTED });
    let longest = counts.iter().copied().max().unwrap_or(0).min(10 * k.max(1));
    let mut histogram = vec![0; if n == 0 { 0 } else { longest + 1 }];
    counts.iter().for_each(|count| histogram[(*count).min(longest)] += 1);
    Hubness {
        k,
        hubness_skew: skew.skew,
        robin_hood: skew.robin_hood,
        anti_hubs: skew.anti_hubs,
        hubs: skew.hubs,
        islands: Some(islands.len()),
        island_share: Some(islands.iter().sum::<usize>() as f64 / n.max(1) as f64),
        worst_hubs: worst,
        occurrences: histogram,
    }
}

/// The skewness m3 / m2^1.5 of counts; `None` when all are equal.
pub fn skewness(counts: &[usize]) -> Option<f64> {
    of_counts(counts, 0).skew
}

/// Numbers of occurrences.
pub(crate) struct Shares {
    pub skew: Option<f64>,
    pub robin_hood: Option<f64>,
    pub anti_hubs: Option<f64>,
    pub hubs: Option<f64>,
}

/// Of counts that should be `k` each if all were equal.
pub(crate) fn of_counts(counts: &[usize], k: usize) -> Shares {
    let n = counts.len() as f64;
    let total: f64 = counts.iter().map(|count| *count as f64).sum();
    if total == 0.0 {
        return Shares { skew: None, robin_hood: None, anti_hubs: None, hubs: None };
    }
    let mean = total / n;
    let moment = |power: i32| counts.iter().map(|count| (*count as f64 - mean).powi(power)).sum::<f64>() / n;
    let variance = moment(2);
    let held: usize = counts.iter().filter(|count| **count >= 2 * k).sum();
    let away: f64 = counts.iter().map(|count| (*count as f64 - mean).abs()).sum();
    Shares {
        skew: (variance > 0.0).then(|| moment(3) / variance.powf(1.5)),
        robin_hood: Some(away / (2.0 * total)),
        anti_hubs: Some(counts.iter().filter(|count| **count == 0).count() as f64 / n),
        hubs: Some(held as f64 / total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Metric;
    use ndarray::Array2;

    #[test]
    fn two_far_groups_are_two_parts_and_the_small_one_is_an_island() {
        let rows = Array2::from_shape_fn((53, 2), |(i, j)| {
            let far = if i < 50 { 0.0 } else { 100.0 };
            far + (i * (7 + j) % 13) as f32 * 0.1 + i as f32 * 1e-3
        });
        let graph = Graph::of(rows.view(), 2, Metric::L2).unwrap();
        let found = hubness(&graph, 2);
        assert_eq!(found.occurrences.iter().sum::<usize>(), 53);
        let small = Components::of_graph(&graph, 2).sizes();
        assert!(small.contains(&3));
        assert!(found.islands.unwrap() < small.len());
    }

    #[test]
    fn shares_are_those_of_the_counts() {
        let found = of_counts(&[0, 4, 1, 3, 2, 2], 2);
        assert_eq!(found.anti_hubs, Some(1.0 / 6.0));
        assert_eq!(found.hubs, Some(4.0 / 12.0));
        assert_eq!(found.robin_hood, Some(6.0 / 24.0));
        assert!(found.skew.unwrap().abs() < 1e-12);
        assert_eq!(of_counts(&[2, 2], 2).skew, None);
        assert_eq!(of_counts(&[], 2).hubs, None);
    }

    #[test]
    fn no_rows_have_no_hubs() {
        let graph = Graph::of(Array2::zeros((1, 2)).view(), 10, Metric::L2).unwrap();
        let found = hubness(&graph, 10);
        assert_eq!((found.k, found.hubness_skew, found.islands), (0, None, Some(0)));
    }
}
