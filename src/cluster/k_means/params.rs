//! The parameters of k-means and their check.

use linfa::ParamGuard;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What "near" means to k-means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Geometry {
    /// Squared Euclidean distance, between the rows as they are.
    #[default]
    Euclidean,
    /// Cosine: rows and centroids are scaled to length 1, so that lengths do not matter
    /// (Dhillon and Modha, 2001). For unit rows it differs from Euclidean k-means only in that its
    /// centroids have length 1 as well.
    Spherical,
}

/// Parameters of [`KMeans`](super::KMeans), not yet checked; made by
/// [`KMeans::params`](super::KMeans::params). Names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeansParams(KMeansValidParams);

/// Checked parameters of [`KMeans`](super::KMeans).
#[derive(Debug, Clone, PartialEq)]
pub struct KMeansValidParams {
    pub(super) n_clusters: usize,
    pub(super) n_init: usize,
    pub(super) max_iter: usize,
    pub(super) tol: f64,
    pub(super) seed: u64,
    pub(super) geometry: Geometry,
    pub(super) batch_size: Option<usize>,
    pub(super) start_rows: Option<usize>,
    pub(super) bounds: Option<u64>,
}

impl KMeansParams {
    pub(super) fn new(n_clusters: usize) -> Self {
        KMeansParams(KMeansValidParams {
            n_clusters,
            n_init: 10,
            max_iter: 300,
            tol: 1e-4,
            seed: 42,
            geometry: Geometry::Euclidean,
            batch_size: None,
            start_rows: None,
            bounds: None,
        })
    }

    /// How many starts are tried; the one with the least inertia is kept. Default: 10.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.0.n_init = n_init;
        self
    }

    /// Iterations of one start at most (with mini-batches: passes over the rows). Default: 300.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.0.max_iter = max_iter;
        self
    }

    /// A start has converged when the squared movements of its centroids sum to at most `tol` times
    /// the mean variance of the dimensions. Default: 1e-4.
    pub fn tol(mut self, tol: f64) -> Self {
        self.0.tol = tol;
        self
    }

    /// The seed; each start has a random stream of its own. Default: 42.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Euclidean or spherical. Default: Euclidean.
    pub fn geometry(mut self, geometry: Geometry) -> Self {
        self.0.geometry = geometry;
        self
    }

    /// Mini-batches of this many rows (Sculley, 2010) in place of full passes. Default: full passes.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.0.batch_size = Some(batch_size);
        self
    }

    /// The starts compete on a sample of this many rows, and all rows go on from the best of them. Default: on all rows of
    /// a matrix; on 20,000 or 50 k rows, whichever is more, of a source that is not in memory.
    pub fn start_rows(mut self, rows: usize) -> Self {
        self.0.start_rows = Some(rows);
        self
    }

    /// Bytes for the bounds that spare distances, beyond 12 bytes a row. With fewer of them more distances are measured; the
    /// result is the same, ties within rounding aside. Default: an eighth of the rows.
    pub fn bounds(mut self, bytes: u64) -> Self {
        self.0.bounds = Some(bytes);
        self
    }
}

/// Rows on which the starts compete where those are not all: 20,000, or 50 for each cluster.
pub(in crate::cluster) fn usual_start_rows(n_clusters: usize) -> usize {
    n_clusters.saturating_mul(50).max(20_000)
}

impl ParamGuard for KMeansParams {
    type Checked = KMeansValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&KMeansValidParams> {
        let params = &self.0;
        for (name, value) in [
            ("n_clusters", params.n_clusters),
            ("n_init", params.n_init),
            ("max_iter", params.max_iter),
            ("batch_size", params.batch_size.unwrap_or(1)),
            ("start_rows", params.start_rows.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(Error::argument(format!("{name} is 0")).advice("give at least 1"));
            }
        }
        if !(params.tol >= 0.0 && params.tol.is_finite()) {
            return Err(Error::argument("tol must be finite and at least 0").seen(params.tol.to_string()));
        }
        Ok(params)
    }

    fn check(self) -> Result<KMeansValidParams> {
        self.check_ref()?;
        Ok(self.0)
    }
}
