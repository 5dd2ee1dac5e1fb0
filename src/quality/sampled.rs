//! Figures of all rows from the neighbours of a random sample of them, each with its standard error.

use std::collections::BTreeMap;

use super::hubness::{Hub, Hubness};
use super::intrinsic::{Gride, IntrinsicDimension, gride_of_lists, mle, of_lists, twonn};
use crate::error::{Error, Result};
use crate::rows::{DistinctRows, Metric, SampleGraph};

/// Groups of the jackknife.
const GROUPS: usize = 20;

/// Rows that [`Hubness::worst_hubs`] lists.
const LISTED: usize = 10;

/// The standard error of a figure of `drawn` of `of` rows, drawn at random without replacement and in random order: the
/// jackknife that leaves out one of 20 groups at a time. `figure` takes the places that are left. `None` where it has no
/// value, and for fewer than 40 rows.
///
/// ```
/// use embedlab::quality::standard_error;
/// let drawn: Vec<f64> = (0..1000).map(|i| ((f64::from(i) * 12.9898).sin() * 43758.5453).fract().abs()).collect();
/// let mean = |kept: &[usize]| Some(kept.iter().map(|at| drawn[*at]).sum::<f64>() / kept.len() as f64);
/// let error = standard_error(1000, 100_000, mean).unwrap();
/// assert!((error / (0.2887 / 1000.0_f64.sqrt()) - 1.0).abs() < 0.6);
/// ```
pub fn standard_error(drawn: usize, of: usize, figure: impl Fn(&[usize]) -> Option<f64>) -> Option<f64> {
    if drawn < 2 * GROUPS {
        return None;
    }
    let without = |group: usize| {
        let kept: Vec<usize> = (0..drawn).filter(|at| at % GROUPS != group).collect();
        figure(&kept)
    };
    let values: Vec<f64> = (0..GROUPS).map(without).collect::<Option<_>>()?;
    let groups = GROUPS as f64;
    let mean = values.iter().sum::<f64>() / groups;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let unseen = 1.0 - drawn as f64 / of.max(drawn) as f64;
    Some(((groups - 1.0) / groups * squares * unseen).sqrt()).filter(|error| error.is_finite())
}

/// The intrinsic dimension from some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct SampledDimension {
    /// The estimates; ABIDE needs the neighbours of neighbours and is `None`.
    pub found: IntrinsicDimension,
    /// Of `twonn` and `mle`; each scale of GRIDE has its own.
    pub standard_errors: BTreeMap<String, f64>,
}

/// The intrinsic dimension from the Euclidean neighbours of a sample of the distinct rows.
///
/// # Errors
/// For a graph of another metric.
pub fn intrinsic_dimension_of_sample(
    graph: &SampleGraph,
    distinct: &DistinctRows,
) -> Result<SampledDimension> {
    if graph.lists().metric() != Metric::L2 {
        return Err(Error::argument("the intrinsic dimension needs Euclidean distances")
            .seen(format!("a graph of {:?}", graph.lists().metric())));
    }
    let (drawn, n) = (graph.queries().len(), graph.n_rows());
    let scales = (0..6).map(|power| 1_usize << power).filter(|n1| 2 * n1 <= graph.lists().k());
    let at = |n1: usize| {
        let found = gride_of_lists(graph.lists(), n1)?;
        let id = |kept: &[usize]| Some(gride_of_lists(&graph.lists().picked(kept), n1)?.id);
        Some(Gride { standard_error: standard_error(drawn, n, id), ..found })
    };
    let found =
        IntrinsicDimension { gride: scales.filter_map(at).collect(), ..of_lists(graph.lists(), distinct) };
    let errors = [
        ("twonn", standard_error(drawn, n, |kept| twonn(&graph.lists().picked(kept)))),
        ("mle", standard_error(drawn, n, |kept| mle(&graph.lists().picked(kept)))),
    ];
    let errors = errors.into_iter().filter_map(|(name, error)| Some((name.to_owned(), error?)));
    Ok(SampledDimension { found, standard_errors: errors.collect() })
}

/// Hubness from some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct SampledHubness {
    /// The skewness is an estimate of that of all rows, and the worst hubs are counted among the sampled rows only. What
    /// needs every row's neighbours is `None`: robin hood, anti-hubs, hubs, islands.
    pub found: Hubness,
    /// Of the skewness.
    pub standard_error: Option<f64>,
}

/// The hubness of the first `k` neighbours, by those of a random sample.
///
/// How often a row is among the neighbours of q drawn rows is hypergeometric, given how often it is among those of all n:
/// the mean of its falling factorials, times that of n over that of q, is without bias that of all.
pub fn hubness_of_sample(graph: &SampleGraph, k: usize) -> SampledHubness {
    let lists = graph.lists();
    let (k, n, drawn) = (k.min(lists.k()), graph.n_rows(), graph.queries().len());
    let counts = |kept: &mut dyn Iterator<Item = usize>| {
        let mut counts = vec![0_u32; n];
        kept.for_each(|list| lists.rows(list)[..k].iter().for_each(|near| counts[*near as usize] += 1));
        counts
    };
    let all = counts(&mut (0..drawn));
    let skew = skew_of_all(&all, drawn, k);
    let figure = |kept: &[usize]| skew_of_all(&counts(&mut kept.iter().copied()), kept.len(), k);
    let mut worst: Vec<Hub> = all
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(row, count)| Hub { row, count: *count as usize })
        .collect();
    worst.sort_by(|a, b| b.count.cmp(&a.count).then(a.row.cmp(&b.row)));
    worst.truncate(LISTED);
    SampledHubness {
        standard_error: standard_error(drawn, n, figure),
        found: Hubness {
            k,
            hubness_skew: skew,
            robin_hood: None,
            anti_hubs: None,
            hubs: None,
            islands: None,
            island_share: None,
            worst_hubs: worst,
            occurrences: Vec::new(),
        },
    }
}

/// The skewness of the occurrences among all rows' neighbours, from those among the neighbours of `drawn` rows.
fn skew_of_all(counts: &[u32], drawn: usize, k: usize) -> Option<f64> {
    let (n, q) = (counts.len() as f64, drawn as f64);
    if drawn < 3 || k == 0 {
        return None;
    }
    let falling = |x: f64, power: u32| (0..power).map(|i| x - f64::from(i)).product::<f64>();
    let factorial = |power: u32| {
        let sum: f64 = counts.iter().map(|count| falling(f64::from(*count), power)).sum();
        sum / n * falling(n, power) / falling(q, power)
    };
    let (mean, second, third) = (k as f64, factorial(2), factorial(3));
    let square = second + mean;
    let cube = third + 3.0 * second + mean;
    let variance = square - mean * mean;
    let m3 = cube - 3.0 * mean * square + 2.0 * mean.powi(3);
    (variance > 0.0).then(|| m3 / variance.powf(1.5)).filter(|skew| skew.is_finite())
}
