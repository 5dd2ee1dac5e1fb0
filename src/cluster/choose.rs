//! How many clusters: a range of k tried, and two rules that choose.

use std::ops::RangeInclusive;

use ndarray::ArrayView2;
use serde::Serialize;

use super::{KMeansParams, SilhouetteOptions, silhouette};
use crate::error::{Error, Result};
use crate::progress::steps;
use crate::rows::require_finite;

/// What to try.
#[derive(Debug, Clone, PartialEq)]
pub struct ChooseOptions {
    /// The numbers of clusters. Default: 2 to 12. It is clipped to what n rows allow, 2 to n - 1.
    pub range: RangeInclusive<usize>,
    /// How each clustering is scored.
    pub silhouette: SilhouetteOptions,
}

impl Default for ChooseOptions {
    fn default() -> Self {
        ChooseOptions { range: 2..=12, silhouette: SilhouetteOptions::default() }
    }
}

/// One number of clusters that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Candidate {
    /// The number of clusters.
    pub k: usize,
    /// The sum of squared distances of the rows to their centroids; `None` for mixtures.
    pub inertia: Option<f64>,
    /// The Bayesian information criterion of a mixture; `None` for other methods.
    pub bic: Option<f64>,
    /// The mean silhouette; `None` when the rows are so alike that one cluster came out.
    pub silhouette: Option<f64>,
    /// The standard error of the silhouette when rows were sampled.
    pub silhouette_standard_error: Option<f64>,
}

impl Candidate {
    /// What falls while clusters are added: the inertia, or the criterion of a mixture.
    fn cost(&self) -> f64 {
        self.inertia.or(self.bic).unwrap_or(f64::NAN)
    }
}

/// The number of clusters that each rule chooses.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Choice {
    /// All that was tried, k ascending.
    pub candidates: Vec<Candidate>,
    /// The k with the largest silhouette; the smallest of equals.
    pub by_silhouette: Option<usize>,
    /// The k at the elbow of the inertia, or of the criterion of mixtures; see [`elbow`]. `None` when the curve has none.
    pub by_elbow: Option<usize>,
    /// `by_silhouette`, else `by_elbow`, else the smallest k tried.
    pub chosen: usize,
}

impl Choice {
    /// The same choice, where what fell was the criterion of mixtures and no inertia.
    pub(super) fn by_bic(mut self) -> Choice {
        for candidate in &mut self.candidates {
            candidate.bic = candidate.inertia.take();
        }
        self
    }

    /// Whether the chosen k is the largest that was tried, so that a larger one may be better still.
    pub fn is_largest_tried(&self) -> bool {
        self.candidates.len() > 1 && self.candidates.last().is_some_and(|last| last.k == self.chosen)
    }
}

/// Chooses the number of clusters for any method: `fit` clusters the rows into k and gives the label
/// of each row and the inertia.
///
/// # Errors
/// When there are fewer than three rows, the range holds no possible k, and whatever `fit` and
/// [`silhouette`] return.
///
/// ```
/// use embedlab::cluster::choose_k;
/// let rows = ndarray::array![[0.0_f32], [0.1], [5.0], [5.1], [9.0], [9.1]];
/// // Cuts the sorted rows into k runs; a real caller fits a model.
/// let choice = choose_k(rows.view(), &Default::default(), |k| {
///     Ok(((0..6).map(|row| Some((row * k / 6) as u32)).collect(), 1.0 / k as f64))
/// })?;
/// assert_eq!(choice.chosen, 3);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn choose_k(
    rows: ArrayView2<'_, f32>,
    options: &ChooseOptions,
    mut fit: impl FnMut(usize) -> Result<(Vec<Option<u32>>, f64)>,
) -> Result<Choice> {
    require_finite(rows)?;
    let n = rows.nrows();
    let range = *options.range.start().max(&2)..=*options.range.end().min(&n.saturating_sub(1));
    if range.is_empty() {
        return Err(Error::argument("no number of clusters to try")
            .seen(format!("{} to {} for {n} rows", options.range.start(), options.range.end()))
            .advice("give a range within 2 and the number of rows less one"));
    }
    let mut candidates = Vec::new();
    let steps = steps("numbers of clusters", range.clone().count());
    for k in range {
        let (labels, inertia) = fit(k)?;
        let scored =
            if several(&labels) { Some(silhouette(&rows, &labels, &options.silhouette)?) } else { None };
        candidates.push(Candidate {
            k,
            inertia: Some(inertia),
            bic: None,
            silhouette: scored.as_ref().map(|score| score.mean),
            silhouette_standard_error: scored.and_then(|score| score.standard_error),
        });
        steps.add(1);
    }
    let by_silhouette = best_by_silhouette(&candidates);
    let by_elbow = elbow(&candidates);
    let chosen = by_silhouette.or(by_elbow).unwrap_or(candidates[0].k);
    Ok(Choice { candidates, by_silhouette, by_elbow, chosen })
}

/// Chooses the number of clusters for k-means; `params` makes the parameters for each k.
///
/// # Errors
/// As [`choose_k`].
///
/// ```no_run
/// use embedlab::cluster::{KMeans, choose_k_means};
/// # let rows = ndarray::Array2::<f32>::zeros((100, 8));
/// let choice = choose_k_means(rows.view(), &Default::default(), |k| KMeans::params(k).seed(42))?;
/// println!("{} clusters", choice.chosen);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn choose_k_means(
    rows: ArrayView2<'_, f32>,
    options: &ChooseOptions,
    params: impl Fn(usize) -> KMeansParams,
) -> Result<Choice> {
    choose_k(rows, options, |k| {
        let model = params(k).fit_rows(&rows)?;
        Ok((model.labels, model.inertia))
    })
}

fn several(labels: &[Option<u32>]) -> bool {
    let mut clusters = labels.iter().flatten();
    clusters.next().is_some_and(|first| clusters.any(|other| other != first))
}

fn best_by_silhouette(candidates: &[Candidate]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for candidate in candidates {
        if let Some(score) = candidate.silhouette
            && best.is_none_or(|(_, highest)| score > highest)
        {
            best = Some((candidate.k, score));
        }
    }
    best.map(|(k, _)| k)
}

/// The k whose inertia is farthest below the chord from the first candidate to the last, with both
/// axes scaled to 0..1 (Satopaa et al. 2011, "kneedle"). `None` for fewer than three candidates,
/// and when no point lies below the chord.
pub fn elbow(candidates: &[Candidate]) -> Option<usize> {
    let (first, last) = (candidates.first()?, candidates.last()?);
    let mut deepest: Option<(usize, f64)> = None;
    for candidate in candidates {
        let along = (candidate.k - first.k) as f64 / (last.k - first.k) as f64;
        let down = (first.cost() - candidate.cost()) / (first.cost() - last.cost());
        // Rounding puts the ends of the chord, and points on it, a hair below it.
        let depth = down - along;
        if depth > deepest.map_or(1e-9, |(_, depth)| depth) {
            deepest = Some((candidate.k, depth));
        }
    }
    deepest.map(|(k, _)| k)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn curve(inertia: &[f64]) -> Vec<Candidate> {
        let candidate = |(i, &inertia)| Candidate {
            k: i + 2,
            inertia: Some(inertia),
            bic: None,
            silhouette: None,
            silhouette_standard_error: None,
        };
        inertia.iter().enumerate().map(candidate).collect()
    }

    #[test]
    fn the_elbow_is_where_the_curve_bends() {
        assert_eq!(elbow(&curve(&[100.0, 60.0, 20.0, 18.0, 16.0, 14.0])), Some(4));
    }

    #[test]
    fn a_straight_or_flat_or_short_curve_has_no_elbow() {
        assert_eq!(elbow(&curve(&[100.0, 80.0, 60.0, 40.0])), None);
        assert_eq!(elbow(&curve(&[5.0, 5.0, 5.0])), None);
        assert_eq!(elbow(&curve(&[5.0, 4.0])), None);
        assert_eq!(elbow(&curve(&[5.0])), None);
        assert_eq!(elbow(&[]), None);
    }

    #[test]
    fn the_range_is_clipped_to_the_rows() {
        let rows = Array2::from_shape_fn((5, 1), |(i, _)| i as f32);
        let runs = |k: usize| Ok(((0..5).map(|row| Some((row * k / 5) as u32)).collect(), 1.0));
        let options = ChooseOptions { range: 0..=100, ..Default::default() };
        let choice = choose_k(rows.view(), &options, runs).unwrap();
        assert_eq!(choice.candidates.iter().map(|c| c.k).collect::<Vec<_>>(), [2, 3, 4]);
        let options = ChooseOptions { range: 7..=9, ..Default::default() };
        assert!(choose_k(rows.view(), &options, runs).is_err());
    }

    #[test]
    fn rows_that_fall_into_one_cluster_have_no_silhouette() {
        let rows = Array2::<f32>::ones((6, 2));
        let choice = choose_k(rows.view(), &Default::default(), |_| Ok((vec![Some(0); 6], 0.0))).unwrap();
        assert_eq!((choice.by_silhouette, choice.by_elbow, choice.chosen), (None, None, 2));
    }

    #[test]
    fn a_failing_fit_is_told() {
        let rows = Array2::<f32>::ones((6, 2));
        assert!(choose_k(rows.view(), &Default::default(), |_| Err(Error::argument("no"))).is_err());
    }
}
