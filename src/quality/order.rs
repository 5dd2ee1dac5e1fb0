//! Whether rows stand in an order: neighbours that are near each other in the file too.

use serde::Serialize;

use super::normal::normal_cdf;
use crate::rows::{Graph, SampleGraph};
use crate::split::NumpyRandom;

/// Neighbours of each row that are looked at.
const NEIGHBORS: usize = 10;

const PERMUTATIONS: usize = 25;

/// A file whose rows are not in a random order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct RowOrder {
    /// The largest difference between the distances in the file of neighbours and those of any two rows, as shares.
    pub statistic: f64,
    /// How likely so large a difference is for shuffled rows.
    pub p_value: f64,
    /// Whether that is below 0.05.
    pub sorted: bool,
}

/// Tests whether near rows are near each other in the file (sorted by topic, by time, by label), as cleanlab 2.9.0's
/// non-IID check does with the same random permutations. `None` with fewer than 3 rows, and where all shuffles agree.
pub fn row_order(graph: &Graph) -> Option<RowOrder> {
    order_of(graph, &(0..graph.n_rows()).collect::<Vec<_>>(), graph.n_rows())
}

/// The same by the neighbours of some rows.
pub fn row_order_of_sample(graph: &SampleGraph) -> Option<RowOrder> {
    let rows: Vec<usize> = graph.queries().iter().map(|row| *row as usize).collect();
    order_of(graph.lists(), &rows, graph.n_rows())
}

/// By lists of neighbours, each of one of the `rows`, of `n` rows in all.
fn order_of(graph: &Graph, rows: &[usize], n: usize) -> Option<RowOrder> {
    let k = graph.k().min(NEIGHBORS);
    if n < 3 || k == 0 {
        return None;
    }
    // How many of all pairs are at each distance in the file or below.
    let pairs = n as f64 * (n - 1) as f64 / 2.0;
    let mut below = Vec::with_capacity(n);
    let mut sum = 0.0;
    for apart in 1..n {
        sum += (n - apart) as f64 / pairs;
        below.push(sum);
    }
    let statistic_of = |place: &[usize]| {
        let mut counts = vec![0_u64; n];
        for (list, row) in rows.iter().enumerate() {
            for near in &graph.rows(list)[..k] {
                counts[place[*row].abs_diff(place[*near as usize])] += 1;
            }
        }
        // cleanlab compares at each neighbour the share of those before it, so both ends of a step count; the last
        // step ends at the largest distance.
        let all = (rows.len() * k) as f64;
        let (mut before, mut largest) = (0_u64, 0.0_f64);
        for (apart, count) in counts.iter().enumerate().skip(1) {
            if *count == 0 {
                continue;
            }
            let background = below[apart - 1];
            let first = before as f64 / all;
            let last = (before + count - 1) as f64 / all;
            largest = largest.max((first - background).abs()).max((last - background).abs());
            before += count;
        }
        largest.max((1.0 - below[n - 2]).abs())
    };
    let statistic = statistic_of(&(0..n).collect::<Vec<_>>());
    let mut random = NumpyRandom::new(0);
    let shuffled: Vec<f64> = (0..PERMUTATIONS).map(|_| statistic_of(&random.permutation(n))).collect();
    // A smooth density of the shuffled statistics (Scott's bandwidth), and its share beyond the statistic.
    let count = shuffled.len() as f64;
    let mean = shuffled.iter().sum::<f64>() / count;
    let variance = shuffled.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let width = variance.sqrt() * count.powf(-0.2);
    if width == 0.0 || !width.is_finite() {
        return None;
    }
    let beyond = |x: &f64| normal_cdf((100.0 - x) / width) - normal_cdf((statistic - x) / width);
    let p_value = (shuffled.iter().map(beyond).sum::<f64>() / count).clamp(0.0, 1.0);
    Some(RowOrder { statistic, p_value, sorted: p_value < 0.05 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Metric;
    use ndarray::Array2;

    #[test]
    fn a_sorted_file_is_told_from_a_shuffled_one() {
        let sorted = Array2::from_shape_fn((300, 1), |(i, _)| i as f32 + (i * 37 % 11) as f32 * 0.05);
        let found = row_order(&Graph::of(sorted.view(), 10, Metric::L2).unwrap()).unwrap();
        assert!(found.sorted && found.p_value < 1e-6, "{found:?}");
        let order = NumpyRandom::new(3).permutation(300);
        let shuffled = sorted.select(ndarray::Axis(0), &order);
        let found = row_order(&Graph::of(shuffled.view(), 10, Metric::L2).unwrap()).unwrap();
        assert!(!found.sorted && found.p_value > 0.05, "{found:?}");
    }

    #[test]
    fn two_rows_have_no_order() {
        assert_eq!(row_order(&Graph::of(Array2::zeros((2, 1)).view(), 10, Metric::L2).unwrap()), None);
    }
}
