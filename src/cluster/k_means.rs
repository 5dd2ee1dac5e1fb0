//! k-means (being written elsewhere; this is its interface).

use ndarray::{Array2, ArrayView2};

use crate::error::Result;

/// What "near" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Geometry {
    /// Squared Euclidean distance.
    #[default]
    Euclidean,
    /// Cosine: rows and centroids are scaled to length 1.
    Spherical,
}

/// Parameters of k-means: `KMeans::params(4).seed(42)`.
#[derive(Debug, Clone)]
pub struct KMeansParams {
    n_clusters: usize,
}

/// A fitted k-means model.
#[derive(Debug, Clone)]
pub struct KMeans {
    /// k x d.
    pub centroids: Array2<f32>,
    /// The cluster of each training row.
    pub labels: Vec<u32>,
    /// Sum of squared distances of the rows to their centroids.
    pub inertia: f64,
    /// Iterations of the best start.
    pub n_iter: usize,
}

impl KMeans {
    /// Defaults as scikit-learn's: k-means++ start, n_init 10, max_iter 300, tol 1e-4; seed 42.
    pub fn params(n_clusters: usize) -> KMeansParams {
        KMeansParams { n_clusters }
    }

    /// The nearest centroid of each row.
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<u32>> {
        let _ = rows;
        todo!()
    }
}

impl KMeansParams {
    /// Restarts.
    pub fn n_init(self, _n_init: usize) -> Self {
        self
    }
    /// Iterations at most.
    pub fn max_iter(self, _max_iter: usize) -> Self {
        self
    }
    /// Tolerance, relative to the mean variance of the columns.
    pub fn tol(self, _tol: f64) -> Self {
        self
    }
    /// Seed.
    pub fn seed(self, _seed: u64) -> Self {
        self
    }
    /// Euclidean or spherical.
    pub fn geometry(self, _geometry: Geometry) -> Self {
        self
    }
    /// Fits n x d rows.
    pub fn fit_rows(&self, rows: ArrayView2<'_, f32>) -> Result<KMeans> {
        let _ = (rows, self.n_clusters);
        todo!()
    }
}
