//! t-distributed stochastic neighbour embedding.

use std::time::Instant;

use linfa::ParamGuard;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::affinities::Affinities;
use super::divergence::{Divergence, divergence};
use super::optimizer::{Progress, optimize};
use super::params::{Engine, Gradient, Init, TsneParams, TsneValidParams};
use super::{NeighborGraph, bhtsne, start};
use crate::error::Result;
use crate::rows::graph::Prepared;

/// A map by t-SNE: rows that are near to each other are drawn near to each other.
///
/// The steps are those of openTSNE with its defaults: exact nearest neighbours, affinities by
/// perplexity, a start by principal components, 250 iterations with exaggerated affinities and 500
/// without. Sizes of clusters, and distances between them, mean little on such a map; how far it
/// can be trusted is what [`trust`](super::trust()) says.
///
/// The same seed gives the same bits on any number of threads (of one machine).
///
/// Cost: n²·d operations for the neighbours; n² for each iteration below 2,000 rows, above n·log n.
///
/// ```
/// use embedlab::map::Tsne;
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((60, 5), |(i, j)| (i % 3) as f32 * 4.0 + ((i * 7 + j) % 5) as f32 * 0.1);
/// let map = Tsne::params().perplexity(8.0).seed(42).fit_rows(rows.view())?;
/// assert_eq!(map.points.dim(), (60, 2));
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// References: van der Maaten and Hinton (2008); van der Maaten, "Accelerating t-SNE using
/// Tree-Based Algorithms" (2014); Kobak and Berens, "The art of using t-SNE" (2019); openTSNE 1.0.
#[derive(Debug, Clone, Serialize)]
pub struct Tsne {
    /// Where each row is, n x 2 or n x 3, with the mean at 0.
    #[serde(skip)]
    pub points: Array2<f32>,
    /// How far the map is from the affinities: the Kullback-Leibler divergence, and each row's part.
    #[serde(skip)]
    pub divergence: Divergence,
    /// The nearest neighbours that the affinities come from.
    #[serde(skip)]
    pub neighbors: NeighborGraph,
    /// What was asked for, and what followed from the rows.
    #[serde(flatten)]
    pub settings: TsneSettings,
    /// Seconds for each step.
    pub steps: Steps,
}

/// How a t-SNE map was made: all that its points follow from, besides the rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TsneSettings {
    /// The perplexity.
    pub perplexity: f64,
    /// Iterations done.
    pub n_iter: usize,
    /// The learning rate of the last phase, in scikit-learn's measure.
    pub learning_rate: f64,
    /// The start.
    pub init: Init,
    /// How repulsion was summed.
    pub gradient: Gradient,
    /// Who laid out the map.
    pub engine: Engine,
    /// The seed.
    pub seed: u64,
}

/// Seconds that the steps of a map took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct Steps {
    /// Nearest neighbours.
    pub neighbors: f64,
    /// Affinities by perplexity.
    pub affinities: f64,
    /// The start.
    pub start: f64,
    /// Iterations.
    pub optimization: f64,
}

impl Tsne {
    /// Parameters with openTSNE's defaults: perplexity 30, 750 iterations, the learning rate by the
    /// number of rows, a start by principal components; seed 42.
    pub fn params() -> TsneParams {
        TsneParams::new()
    }
}

impl TsneParams {
    /// Checks the parameters and lays out rows (n x d).
    ///
    /// # Errors
    /// As [`TsneValidParams::fit_rows`], and for parameters out of range.
    pub fn fit_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Tsne> {
        self.check_ref()?.fit_rows(rows)
    }

    /// As [`TsneParams::fit_rows`], and tells how far it has come after every 50 iterations.
    ///
    /// # Errors
    /// As [`TsneParams::fit_rows`].
    pub fn fit_with_progress(
        &self,
        rows: ArrayView2<'_, f32>,
        mut progress: impl FnMut(Progress),
    ) -> Result<Tsne> {
        self.check_ref()?.fit(rows, &mut progress)
    }
}

impl TsneValidParams {
    /// Lays out rows (n x d).
    ///
    /// # Errors
    /// With fewer rows than three times the perplexity and one more; for numbers that are not finite.
    pub fn fit_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Tsne> {
        self.fit(rows, &mut |_| ())
    }

    fn fit(&self, rows: ArrayView2<'_, f32>, progress: &mut dyn FnMut(Progress)) -> Result<Tsne> {
        self.check_rows(rows.nrows())?;
        let begin = Instant::now();
        let prepared = Prepared::euclidean(rows)?;
        let neighbors = NeighborGraph::of_prepared(&prepared, self.n_neighbors());
        let found = begin.elapsed().as_secs_f64();
        let affinities = Affinities::new(&neighbors, self.perplexity);
        let weighed = begin.elapsed().as_secs_f64();
        let steps = Steps { neighbors: found, affinities: weighed - found, ..Steps::default() };
        match self.n_components {
            3 => self.lay_out::<3>(prepared, neighbors, &affinities, progress, steps),
            _ => self.lay_out::<2>(prepared, neighbors, &affinities, progress, steps),
        }
    }

    fn lay_out<const D: usize>(
        &self,
        rows: Prepared,
        neighbors: NeighborGraph,
        affinities: &Affinities,
        progress: &mut dyn FnMut(Progress),
        mut steps: Steps,
    ) -> Result<Tsne> {
        let n = rows.n_rows();
        let begin = Instant::now();
        let mut at = match self.init {
            Init::Pca => start::principal::<D>(&rows, self.seed)?,
            Init::Random => start::random::<D>(n, self.seed),
        };
        drop(rows);
        steps.start = begin.elapsed().as_secs_f64();
        match self.engine {
            Engine::Embedlab => optimize(affinities, &mut at, self, progress),
            Engine::Bhtsne => bhtsne::optimize(&neighbors, &mut at, self)?,
        }
        steps.optimization = begin.elapsed().as_secs_f64() - steps.start;
        let divergence = divergence(affinities, &at, self.seed);
        Ok(Tsne {
            points: Array2::from_shape_fn((n, D), |(i, d)| at[i][d]),
            divergence,
            neighbors,
            settings: TsneSettings {
                perplexity: self.perplexity,
                n_iter: self.max_iter,
                learning_rate: self.learning_rate_for(n, 1.0),
                init: self.init,
                gradient: self.gradient_for(n),
                engine: self.engine,
                seed: self.seed,
            },
            steps,
        })
    }
}
