//! The map of a report.

use embedlab::Result;
use embedlab::map::{NeighborsKept, Trust, Tsne, fitting_perplexity, neighbors_kept, trust};
use embedlab::report::{KeyFigure, PcaMap, ShownMap};
use embedlab::rows::Pca;
use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use crate::cli::map::MethodName;

/// Neighbours of each row that a PCA map is asked about.
const NEIGHBORS: usize = 10;

/// t-SNE lays out so many rows in some ten seconds.
const SOON_DONE: usize = 20_000;

/// t-SNE needs three neighbours of each row.
const LEAST_ROWS: usize = 4;

/// Rows laid out by one method or the other.
pub enum Layout {
    Pca(Projected),
    Tsne(Box<Tsne>, Trust),
}

/// The figures of a t-SNE map for programs.
#[derive(Serialize)]
struct Figures<'a> {
    method: &'static str,
    kl: f64,
    kl_standard_error: Option<f64>,
    #[serde(flatten)]
    trust: &'a Trust,
    tsne: &'a Tsne,
}

impl Layout {
    /// By the method that was asked for, or by t-SNE where it is soon done.
    pub fn new(rows: ArrayView2<'_, f32>, method: Option<MethodName>, seed: u64) -> Result<Layout> {
        let n = rows.nrows();
        let fits = (LEAST_ROWS..=SOON_DONE).contains(&n);
        match method.unwrap_or(if fits { MethodName::Tsne } else { MethodName::Pca }) {
            MethodName::Pca => Ok(Layout::Pca(project(rows, seed)?)),
            MethodName::Tsne => {
                let fit = Tsne::params().perplexity(fitting_perplexity(n)).seed(seed).fit_rows(rows)?;
                let trust = trust(rows, fit.points.view(), seed)?;
                Ok(Layout::Tsne(Box::new(fit), trust))
            }
        }
    }

    /// The map as the report shows it.
    pub fn shown(&self) -> Result<ShownMap<'_>> {
        let (fit, trust) = match self {
            Layout::Pca(projected) => return Ok(ShownMap::from(&projected.map())),
            Layout::Tsne(fit, trust) => (fit, trust),
        };
        let about = format!(
            "Rows that are near to each other are drawn near to each other (t-SNE, perplexity {}, seed {}). Of the {} nearest \
             neighbours of a row, {:.0} % are among its {} nearest dots ({:.0} % would be by chance). The sizes of groups, \
             and the distances between them, say little.",
            fit.perplexity,
            fit.seed,
            trust.k,
            100.0 * trust.neighbors_kept,
            trust.k,
            100.0 * trust.kept_by_chance
        );
        let errors = trust.standard_error;
        let figure = |value: f64, error: Option<f64>, name: &str, note: &str| {
            let note = match error {
                Some(error) => format!("{note}; +- {error:.3}, from {} rows", trust.rows_compared),
                None => note.to_owned(),
            };
            KeyFigure::new(format!("{value:.3}"), name).note(note)
        };
        let mut shown = ShownMap::new(fit.points.view(), "t-SNE")
            .about(about)
            .figure(figure(
                trust.trustworthiness,
                errors.map(|errors| errors.trustworthiness),
                "trustworthiness",
                "near dots are near rows; 1 is best",
            ))
            .figure(figure(
                trust.continuity,
                errors.map(|errors| errors.continuity),
                "continuity",
                "near rows are near dots; 1 is best",
            ))
            .figure(figure(
                fit.divergence.value,
                fit.divergence.standard_error,
                "KL divergence",
                "how far the dots are from the affinities",
            ));
        if let Some(correlation) = trust.distance_correlation {
            shown = shown.figure(figure(
                correlation,
                errors.map(|errors| errors.distance_correlation),
                "distances, correlation",
                "of all pairs of rows and of dots",
            ));
        }
        shown.results(&Figures {
            method: "tsne",
            kl: fit.divergence.value,
            kl_standard_error: fit.divergence.standard_error,
            trust,
            tsne: fit,
        })
    }
}

/// Rows on their first two principal components.
pub struct Projected {
    points: Array2<f32>,
    explained: [f64; 2],
    neighbors_kept: Option<NeighborsKept>,
}

impl Projected {
    /// The map, as pictures take it.
    pub fn map(&self) -> PcaMap<'_> {
        PcaMap {
            points: self.points.view(),
            explained_variance_ratio: self.explained,
            neighbors_kept: self.neighbors_kept,
        }
    }
}

/// Lays the rows out by their first two principal components.
pub fn project(rows: ArrayView2<'_, f32>, seed: u64) -> Result<Projected> {
    let pca = Pca::fit(&rows, 2)?;
    let found = pca.transform(&rows)?;
    // One dimension, or two rows, have one component: the other axis is flat.
    let mut points = Array2::zeros((rows.nrows(), 2));
    let mut explained = [0.0; 2];
    for (c, column) in found.columns().into_iter().enumerate() {
        points.column_mut(c).assign(&column);
        explained[c] = pca.explained_variance_ratio[c];
    }
    let enough = rows.nrows() > 2 * NEIGHBORS;
    let neighbors_kept =
        if enough { Some(neighbors_kept(rows, points.view(), NEIGHBORS, seed)?) } else { None };
    Ok(Projected { points, explained, neighbors_kept })
}
