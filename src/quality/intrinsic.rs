//! How many numbers it would take to tell where a row is: the intrinsic dimension, from distances to near rows.

use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::metric::quantile;
use crate::rows::{DistinctRows, Graph, Metric};

/// The share of the largest ratios that TwoNN leaves out.
const DISCARDED: f64 = 0.1;

/// Neighbours of the maximum-likelihood estimate.
const MLE_NEIGHBORS: usize = 20;

/// Neighbours that all estimates together need.
pub const INTRINSIC_NEIGHBORS: usize = 100;

/// The likelihood ratio at which ABIDE stops a neighbourhood: chi-squared of one degree, 1e-6 to the right.
const SAME_DENSITY: f64 = 23.928_126_976_934_827;

/// Estimates of the intrinsic dimension. `None` is one for which there are too few rows.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct IntrinsicDimension {
    /// From the ratio of the distances to the second and the nearest row, by a line through the origin without the
    /// largest tenth (Facco et al. 2017).
    pub twonn: Option<f64>,
    /// Maximum likelihood of the distances to the nearest 20 rows (Levina and Bickel 2004).
    pub mle: Option<f64>,
    /// The same by ratios of distances at growing scales, nearest first (Denti et al. 2022).
    pub gride: Vec<Gride>,
    /// At a scale of its own for each row, as far as the density is constant (Di Noia et al. 2024).
    pub abide: Option<f64>,
    /// How many rows were used: those without duplicates, or a sample of them.
    pub rows: usize,
    /// The share of all rows left out as duplicates of an earlier one.
    pub dropped_share: f64,
}

/// The estimate at one scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Gride {
    /// The nearer neighbour of the ratio.
    pub n1: usize,
    /// The farther one.
    pub n2: usize,
    /// The intrinsic dimension.
    pub id: f64,
    /// Its standard error by the formula of the paper, which takes the rows to be independent.
    pub error: f64,
    /// Its standard error where rows that are among each other's neighbours are not: usually a third larger. `None` where
    /// it has no value.
    pub standard_error: Option<f64>,
}

/// Estimates the intrinsic dimension from the Euclidean graph of the distinct rows (cosine distances are squares of
/// lengths and would halve it). Uses up to 100 neighbours.
///
/// ```
/// use embedlab::quality::{DistinctRows, Graph, intrinsic_dimension};
/// use embedlab::rows::Metric;
/// // A curve in three dimensions.
/// let rows = ndarray::Array2::from_shape_fn((400, 3), |(i, j)| {
///     let t = (i as f32 * 0.618).fract();
///     [t, t * t, t.sin()][j]
/// });
/// let distinct = DistinctRows::of(&rows)?;
/// let graph = Graph::of_distinct(rows.view(), &distinct, 100, Metric::L2)?;
/// let found = intrinsic_dimension(&graph, &distinct)?;
/// assert!((found.mle.unwrap() - 1.0).abs() < 0.2);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// For a graph of another metric, or of other rows.
pub fn intrinsic_dimension(graph: &Graph, distinct: &DistinctRows) -> Result<IntrinsicDimension> {
    if graph.metric() != Metric::L2 {
        return Err(Error::argument("the intrinsic dimension needs Euclidean distances")
            .seen(format!("a graph of {:?}", graph.metric())));
    }
    if graph.n_rows() != distinct.len() {
        return Err(Error::argument("a graph of different rows").seen(format!(
            "{} rows in the graph, {} distinct rows",
            graph.n_rows(),
            distinct.len()
        )));
    }
    let shorter = (graph.k() > INTRINSIC_NEIGHBORS).then(|| graph.truncated(INTRINSIC_NEIGHBORS));
    let graph = shorter.as_ref().unwrap_or(graph);
    let found = of_lists(graph, distinct);
    let abide = found.twonn.and_then(|start| abide(graph, start));
    Ok(IntrinsicDimension { abide, gride: gride(graph), rows: distinct.len(), ..found })
}

/// TwoNN and maximum likelihood, which need the distances of each list only.
pub(super) fn of_lists(graph: &Graph, distinct: &DistinctRows) -> IntrinsicDimension {
    IntrinsicDimension {
        twonn: twonn(graph),
        mle: mle(graph),
        gride: Vec::new(),
        abide: None,
        rows: graph.n_rows(),
        dropped_share: distinct.repeated() as f64 / distinct.n_rows().max(1) as f64,
    }
}

/// Natural logarithms of the ratio of the distances at two places (from 0), for lists at which it exists, each with its
/// list.
fn log_ratios(graph: &Graph, near: usize, far: usize) -> Vec<(usize, f64)> {
    let ratios = (0..graph.n_rows()).filter_map(|row| {
        let distances = graph.distances(row);
        Some((row, (distances.get(far)? / distances.get(near)?).ln()))
    });
    ratios.filter(|(_, ratio)| ratio.is_finite()).collect()
}

pub(crate) fn twonn(graph: &Graph) -> Option<f64> {
    let mut ratios: Vec<f64> = log_ratios(graph, 0, 1).into_iter().map(|(_, ratio)| ratio).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let n = ratios.len() as f64;
    let keep = (n * (1.0 - DISCARDED)) as usize;
    if keep < 2 {
        return None;
    }
    let points = ratios[..keep].iter().zip(1..).map(|(x, i)| (x, -(1.0 - f64::from(i) / n).ln()));
    let (products, squares) =
        points.fold((0.0, 0.0), |(products, squares), (x, y)| (products + x * y, squares + x * x));
    finite(products / squares)
}

pub(crate) fn mle(graph: &Graph) -> Option<f64> {
    let k = MLE_NEIGHBORS;
    let inverse = |row: usize| {
        let distances = graph.distances(row).get(..k)?;
        let last = distances[k - 1];
        let sum: f64 = distances.iter().map(|distance| (last / distance).ln()).sum();
        (sum > 0.0 && sum.is_finite()).then_some(sum / (k - 1) as f64)
    };
    let inverses: Vec<f64> = (0..graph.n_rows()).filter_map(inverse).collect();
    let n = inverses.len() as f64;
    if n == 0.0 { None } else { finite(n / inverses.iter().sum::<f64>()) }
}

fn gride(graph: &Graph) -> Vec<Gride> {
    let scales = (0..6).map(|power| 1_usize << power).filter(|n1| 2 * n1 <= graph.k());
    scales.filter_map(|n1| gride_at(graph, n1)).collect()
}

/// The estimate at one scale; without the standard error that needs the graph.
pub(super) fn gride_of_lists(graph: &Graph, n1: usize) -> Option<Gride> {
    Likelihood::of(graph, n1)?.estimate()
}

fn gride_at(graph: &Graph, n1: usize) -> Option<Gride> {
    let likelihood = Likelihood::of(graph, n1)?;
    let found = likelihood.estimate()?;
    Some(Gride { standard_error: likelihood.standard_error(graph, &found), ..found })
}

/// The likelihood of the dimension given ratios of distances at one scale.
struct Likelihood {
    n1: usize,
    /// The logarithm of the ratio of each list.
    logs: Vec<(usize, f64)>,
}

impl Likelihood {
    fn of(graph: &Graph, n1: usize) -> Option<Likelihood> {
        let mut logs = log_ratios(graph, n1 - 1, 2 * n1 - 1);
        logs.retain(|(_, log)| *log > 0.0);
        // Ratios far beyond the usual ones are of rows that almost coincide.
        let mut ratios: Vec<f64> = logs.iter().map(|(_, log)| log.exp()).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let (q50, q95) = (quantile(&ratios, 0.5), quantile(&ratios, 0.95));
        logs.retain(|(_, log)| log.exp() < 20.0 * (q95 - q50) + q50);
        (logs.len() >= 2).then_some(Likelihood { n1, logs })
    }

    /// The score of one list at a dimension.
    fn score(&self, d: f64, log: f64) -> f64 {
        let between = (self.n1 - 1) as f64;
        let near = if between > 0.0 { between * log / -(-d * log).exp_m1() } else { 0.0 };
        1.0 / d + near - (2 * self.n1 - 1) as f64 * log
    }

    fn information(&self, d: f64) -> f64 {
        let curvature: f64 =
            self.logs.iter().map(|(_, log)| (log / (2.0 * (d * log / 2.0).sinh())).powi(2)).sum();
        self.logs.len() as f64 / (d * d) + (self.n1 - 1) as f64 * curvature
    }

    fn estimate(&self) -> Option<Gride> {
        // One row less, for an estimate without bias.
        let id = root(|d| self.logs.iter().map(|(_, log)| self.score(d, *log)).sum::<f64>() - 1.0 / d)?;
        let error = finite(1.0 / self.information(id).sqrt())?;
        Some(Gride { n1: self.n1, n2: 2 * self.n1, id, error, standard_error: None })
    }

    /// The variance of a sum of scores of which those of neighbours are not independent: the products of the scores of
    /// all linked pairs belong to it (Conley 1999).
    fn standard_error(&self, graph: &Graph, found: &Gride) -> Option<f64> {
        let mut scores = vec![0.0; graph.n_rows()];
        self.logs.iter().for_each(|(row, log)| scores[*row] = self.score(found.id, *log));
        let mean = scores.iter().sum::<f64>() / self.logs.len() as f64;
        self.logs.iter().for_each(|(row, _)| scores[*row] -= mean);
        let near = |row: usize| &graph.rows(row)[..found.n2];
        let of_row = |row: usize| {
            let pairs = near(row).iter().map(|other| *other as usize);
            // A pair that links both ways counts once.
            let once = pairs.filter(|other| row < *other || !near(*other).contains(&(row as u32)));
            scores[row] * (scores[row] + 2.0 * once.map(|other| scores[other]).sum::<f64>())
        };
        let sums: Vec<f64> = (0..graph.n_rows()).into_par_iter().map(of_row).collect();
        let variance: f64 = sums.iter().sum();
        (variance > 0.0).then(|| finite(variance.sqrt() / self.information(found.id))).flatten()
    }
}

/// The root of a function that falls from above 0 to below 0, by bisection to the last digits.
fn root(score: impl Fn(f64) -> f64) -> Option<f64> {
    let mut high = 1.0;
    while score(high) > 0.0 {
        high *= 2.0;
        if high > 1e12 {
            return None;
        }
    }
    let mut low = 1e-8;
    // Bisection gains one bit a step; the secant between the ends most of them at once.
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high || high - low <= 1e-13 * high {
            break;
        }
        if score(middle) > 0.0 { low = middle } else { high = middle }
    }
    finite(0.5 * (low + high))
}

/// Five rounds of: as many neighbours of each row as have one density, then the dimension from how many of them are
/// within a share of the distance of the last.
fn abide(graph: &Graph, start: f64) -> Option<f64> {
    // The neighbours of a row are counted with the row itself at place 0.
    let (n, most) = (graph.n_rows(), graph.k());
    if most < 4 {
        return None;
    }
    let logs: Vec<f64> = (0..n).flat_map(|row| graph.distances(row)).map(|distance| distance.ln()).collect();
    let log_distance = |row: usize, place: usize| logs[row * most + place - 1];
    let scale_of = |row: usize, d: f64| {
        let mut j = 4;
        while j < most {
            let k = j - 1;
            let other = graph.rows(row)[j - 1] as usize;
            let (own, others) = (d * log_distance(row, k), d * log_distance(other, k));
            // ln(V + W) without overflow; the volume of the unit ball cancels.
            let larger = own.max(others);
            let both = larger + ((own - larger).exp() + (others - larger).exp()).ln();
            let ratio = -2.0 * k as f64 * (own + others - 2.0 * both + 4.0_f64.ln());
            if ratio > SAME_DENSITY {
                break;
            }
            j += 1;
        }
        j - 1
    };
    let mut d = start;
    for _ in 0..5 {
        let share = 0.2032_f64.powf(1.0 / d).min(0.975);
        let (mut neighbors, mut within) = (0_usize, 0_usize);
        for row in 0..n {
            let k = scale_of(row, d);
            let radius = share * graph.distances(row)[k - 1];
            neighbors += k;
            within += 1 + graph.distances(row).iter().take_while(|distance| **distance < radius).count();
        }
        let (neighbors, within) = (neighbors as f64 / n as f64, within as f64 / n as f64);
        if within <= 1.0 || neighbors <= 1.0 {
            return None;
        }
        d = finite(((within - 1.0) / (neighbors - 1.0)).ln() / share.ln())?;
        if d <= 0.0 {
            return None;
        }
    }
    Some(d)
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    /// Uniform in a cube of `id` dimensions, turned into `d`.
    fn cube(n: usize, id: usize, d: usize) -> Array2<f32> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        let inner = Array2::from_shape_simple_fn((n, id), || random.gen_range(-1.0_f32..1.0));
        let turn = Array2::from_shape_simple_fn((id, d), || random.gen_range(-1.0_f32..1.0));
        inner.dot(&turn)
    }

    fn of(rows: &Array2<f32>) -> IntrinsicDimension {
        let distinct = DistinctRows::of(rows).unwrap();
        let graph = Graph::of_distinct(rows.view(), &distinct, 100, Metric::L2).unwrap();
        intrinsic_dimension(&graph, &distinct).unwrap()
    }

    #[test]
    fn a_turned_cube_has_its_own_dimension() {
        let found = of(&cube(1500, 3, 8));
        for id in [found.twonn, found.mle, found.abide, found.gride.first().map(|gride| gride.id)] {
            assert!((id.unwrap() - 3.0).abs() < 0.35, "{found:?}");
        }
        assert_eq!(found.gride.iter().map(|gride| gride.n2).collect::<Vec<_>>(), [2, 4, 8, 16, 32, 64]);
        // The first scale is the maximum-likelihood form of TwoNN, of which the error is d / sqrt(n).
        assert!((found.gride[0].error - found.gride[0].id / 1500.0_f64.sqrt()).abs() < 1e-2);
    }

    #[test]
    fn copies_are_left_out_and_counted() {
        let once = cube(400, 2, 5);
        let twice = ndarray::concatenate![ndarray::Axis(0), once, once.slice(ndarray::s![..100, ..])];
        let (a, b) = (of(&once), of(&twice));
        assert_eq!((a.twonn, a.abide, &a.gride), (b.twonn, b.abide, &b.gride));
        assert_eq!((b.rows, b.dropped_share), (400, 0.2));
    }

    #[test]
    fn too_few_rows_have_no_dimension() {
        for n in [0, 1, 2, 3, 5, 30] {
            let found = of(&cube(n, 2, 3));
            assert_eq!(found.rows, n);
            assert_eq!(found.mle.is_some(), n > 20);
        }
        assert_eq!(of(&Array2::from_elem((50, 3), 1.0)).twonn, None);
    }
}
