//! k-means: the k centroids whose rows lie nearest to them.
//!
//! [`KMeans`] has scikit-learn's parameters, defaults and stopping rule, and implements linfa's
//! `Fit` and `Predict`. The work is cut where the method is cut: rows made ready ([`points`]),
//! where to start ([`init`]), iterations that skip what cannot change ([`lloyd`]), mini-batches
//! ([`mini_batch`]), all of it together ([`fit`]); rows that came later ([`assign`]); the same on several machines
//! ([`elsewhere`], of passes that know nothing of each other, [`step`]).

mod assign;
mod bounds;
mod checkpoint;
mod elsewhere;
mod farthest;
mod fit;
mod init;
mod lloyd;
mod mini_batch;
#[cfg(feature = "sql")]
mod nearest;
mod params;
mod points;
mod step;
mod store;

use linfa::dataset::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use linfa::{Float, ParamGuard};
use ndarray::{Array1, Array2, ArrayBase, Data, Ix2};

use crate::error::{Error, Result};
use crate::rows::RowSource;
pub use assign::Assigned;
pub(crate) use assign::{Checked, distances_from};
pub use checkpoint::{Checkpoint, Iteration};
#[cfg(feature = "sql")]
pub(crate) use nearest::Centroids;
pub(in crate::cluster) use params::usual_start_rows;
pub use params::{Geometry, KMeansParams, KMeansValidParams};
pub(crate) use step::{FarFromAll, Step};

/// A fitted k-means model.
///
/// k-means finds `k` centroids and gives each row the nearest, so that the sum of squared distances
/// (the inertia) is small: a local optimum, found from `n_init` starts by greedy k-means++, of which
/// the best is kept. Each start has its own random stream, and every sum is taken in a fixed order:
/// the same seed gives the same bits on any number of threads.
///
/// Cost: one product of 2·n·d·k operations in the first iteration of each start; later iterations
/// measure only the rows whose nearest centroid is in doubt. Memory beyond the rows: at most an
/// eighth of theirs, or what [`KMeansParams::bounds`] allows; a copy of them where their mean is so far from zero, or their numbers so large or small,
/// that `f32` products could not tell them apart.
///
/// ```
/// use embedlab::cluster::KMeans;
/// use ndarray::array;
/// let rows = array![[0.0_f32, 0.1], [0.1, 0.0], [5.0, 5.1], [5.1, 5.0]];
/// let model = KMeans::params(2).seed(42).fit_rows(&rows)?;
/// assert_eq!(model.labels[0], model.labels[1]);
/// assert_ne!(model.labels[0], model.labels[2]);
/// assert!((model.inertia - 0.02).abs() < 1e-6);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// Reference: scikit-learn's `KMeans`; Arthur and Vassilvitskii, "k-means++" (2007).
#[derive(Debug, Clone, PartialEq)]
pub struct KMeans {
    /// The centroids, k x d; the largest cluster's first.
    pub centroids: Array2<f32>,
    /// The cluster of each training row, in `0..k`; `None` for a row of zeros in a spherical model, which has
    /// no direction. Empty in a model that was loaded.
    pub labels: Vec<Option<u32>>,
    /// The sum of squared distances of the training rows from their centroids (spherical: of the
    /// rows scaled to length 1).
    pub inertia: f64,
    /// Iterations of the best start.
    pub n_iter: usize,
    /// Euclidean or spherical.
    pub geometry: Geometry,
    /// The name of each cluster, kept with a saved model; empty where none were given.
    pub names: Vec<String>,
}

impl KMeans {
    /// Parameters with scikit-learn's defaults: 10 starts, 300 iterations, `tol` 1e-4; seed 42.
    pub fn params(n_clusters: usize) -> KMeansParams {
        KMeansParams::new(n_clusters)
    }

    /// The number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.centroids.nrows()
    }

    /// How many training rows each cluster has.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.n_clusters()];
        self.labels.iter().flatten().for_each(|label| sizes[*label as usize] += 1);
        sizes
    }

    /// The nearest centroid of each row of any source; of equally near ones the first. `None` for a row of
    /// zeros in a spherical model.
    ///
    /// # Errors
    /// When the dimensions differ from the model's, for rows with NaN or infinite numbers, and whatever the
    /// source meets while reading.
    pub fn predict_rows(&self, source: &(impl RowSource + ?Sized)) -> Result<Vec<Option<u32>>> {
        Ok(self.assign_rows(source)?.labels)
    }
}

impl KMeansParams {
    /// Checks the parameters and fits rows from any source (n x d).
    ///
    /// # Errors
    /// As [`KMeansValidParams::fit_rows`], and when a parameter is 0 or no number.
    pub fn fit_rows(&self, source: &(impl RowSource + ?Sized)) -> Result<KMeans> {
        self.check_ref()?.fit_rows(source)
    }

    /// As [`KMeansParams::fit_rows`], with a [`Checkpoint`] of each iteration.
    ///
    /// # Errors
    /// As [`KMeansValidParams::fit_kept`].
    pub fn fit_kept(&self, source: &(impl RowSource + ?Sized), kept: &mut dyn Checkpoint) -> Result<KMeans> {
        self.check_ref()?.fit_kept(source, kept)
    }
}

/// linfa's `fit`, for records of `f32` or `f64`.
impl<F: Float, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, Error> for KMeansValidParams {
    type Object = KMeans;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<KMeans> {
        self.fit_rows(&as_f32(dataset.records()))
    }
}

/// linfa's `predict`.
///
/// # Panics
/// linfa's trait cannot return an error: rows of other dimensions, rows that hold NaN, and rows without a
/// direction in a spherical model panic as linfa's own models do. [`KMeans::predict_rows`] returns an error in their place.
impl<F: Float, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<usize>> for KMeans {
    fn predict_inplace(&self, rows: &ArrayBase<D, Ix2>, labels: &mut Array1<usize>) {
        let found = self.predict_rows(&as_f32(rows)).and_then(|found| {
            let without = found.iter().position(Option::is_none);
            let error = |row| Error::input("a vector of zeros has no direction").row(row);
            without.map_or(Ok(found), |row| Err(error(row)))
        });
        match found {
            Ok(found) => *labels = found.into_iter().flatten().map(|label| label as usize).collect(),
            Err(error) => panic!("{error}"),
        }
    }

    fn default_target(&self, rows: &ArrayBase<D, Ix2>) -> Array1<usize> {
        Array1::zeros(rows.nrows())
    }
}

fn as_f32<F: Float, D: Data<Elem = F>>(records: &ArrayBase<D, Ix2>) -> Array2<f32> {
    records.map(|value| value.to_f32().unwrap_or(f32::NAN))
}

#[cfg(test)]
mod tests;
