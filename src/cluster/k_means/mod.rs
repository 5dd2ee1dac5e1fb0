//! k-means: the k centroids whose rows lie nearest to them.
//!
//! [`KMeans`] has scikit-learn's parameters, defaults and stopping rule, and stands behind linfa's
//! `Fit` and `Predict`. The work is cut where the method is cut: where to start ([`init`]),
//! iterations that skip what cannot change ([`lloyd`]), mini-batches ([`mini_batch`]).

mod init;
mod lloyd;
mod mini_batch;
mod params;
mod points;
mod store;

use linfa::dataset::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use linfa::{Float, ParamGuard};
use ndarray::{Array1, Array2, ArrayBase, ArrayView2, Axis, Data, Ix2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::rows::{LEAF_ROWS, RowSource, moments};
use lloyd::Converged;
pub use params::{Geometry, KMeansParams, KMeansValidParams};
use points::Points;

/// Rows that a start from k-means++ looks at when the table is larger than memory.
const STREAMED_START_ROWS: usize = 20_000;

/// A fitted k-means model.
///
/// k-means finds `k` centroids and gives each row the nearest, so that the sum of squared distances
/// (the inertia) is small: a local optimum, found from `n_init` starts by greedy k-means++, of which
/// the best is kept. Each start has its own random stream, and every sum is taken in a fixed order:
/// the same seed gives the same bits on any number of threads.
///
/// Cost: one product of 2·n·d·k operations in the first iteration of each start; later iterations
/// measure only the rows whose nearest centroid is in doubt. Memory beyond the rows: at most an
/// eighth of theirs.
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
    /// The cluster of each training row, in `0..k`; empty in a model that was loaded.
    pub labels: Vec<u32>,
    /// The sum of squared distances of the training rows from their centroids (spherical: of the
    /// rows scaled to length 1).
    pub inertia: f64,
    /// Iterations of the best start.
    pub n_iter: usize,
    /// Euclidean or spherical.
    pub geometry: Geometry,
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
        self.labels.iter().for_each(|label| sizes[*label as usize] += 1);
        sizes
    }

    /// The nearest centroid of each row; of equally near ones the first.
    ///
    /// # Errors
    /// When the dimensions differ from the model's or a row cannot be placed (NaN; a zero row in a
    /// spherical model).
    pub fn predict_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<u32>> {
        if rows.ncols() != self.centroids.ncols() {
            return Err(Error::argument("rows of other dimensions than the model")
                .with_code("dimensions")
                .seen(format!("{} in the rows, {} in the model", rows.ncols(), self.centroids.ncols()))
                .advice("use vectors of the same embedding model"));
        }
        Ok(lloyd::nearest_centroids(rows, self.geometry, self.centroids.view())?.0)
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
}

impl KMeansValidParams {
    /// Fits rows from any source (n x d). A source that is not in memory is read once for each
    /// iteration, and its starts are chosen among 20,000 or 50 k of its rows, whichever is more.
    ///
    /// # Errors
    /// With fewer rows, or fewer distinct rows, than clusters; for rows with NaN or infinite numbers
    /// and, in a spherical model, of zeros; whatever the source meets while reading.
    pub fn fit_rows(&self, source: &(impl RowSource + ?Sized)) -> Result<KMeans> {
        let n = source.n_rows();
        if n < self.n_clusters {
            return Err(Error::argument("more clusters than rows")
                .with_code("too-few-rows")
                .seen(format!("{} clusters, {n} rows", self.n_clusters))
                .advice(format!("ask for at most {n} clusters")));
        }
        let points = Points::measure(source, self.geometry)?;
        let moments = moments(source)?;
        let tol = self.tol * moments.variance.mean().unwrap_or(0.0);
        let run = |start: usize| -> Result<Converged> {
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            random.set_stream(start as u64);
            let centroids = self.start(source, &points, &mut random)?;
            match (self.batch_size, source.as_matrix()) {
                (Some(batch_size), Some(rows)) => {
                    let (centroids, passes) =
                        mini_batch::mini_batches(rows, self, batch_size, centroids, &mut random)?;
                    Ok(Converged { n_iter: passes, ..lloyd::assign_only(source, &points, centroids)? })
                }
                (Some(_), None) => Err(Error::argument("mini-batches need the rows in memory")
                    .advice("convert the file to .npy, which is mapped, or leave the batch size out")),
                (None, _) => lloyd::lloyd(source, &points, self, tol, centroids),
            }
        };
        // Small tables leave the threads idle within one start, so the starts run side by side.
        let ends: Vec<Converged> = if n <= LEAF_ROWS {
            (0..self.n_init).into_par_iter().map(run).collect::<Result<_>>()?
        } else {
            (0..self.n_init).map(run).collect::<Result<_>>()?
        };
        let best = ends.into_iter().reduce(|best, end| if end.inertia < best.inertia { end } else { best });
        let Some(best) = best else {
            return Err(Error::argument("n_init is 0").advice("give at least 1"));
        };
        let (centroids, labels) = largest_first(best.centroids, best.labels);
        Ok(KMeans { centroids, labels, inertia: best.inertia, n_iter: best.n_iter, geometry: self.geometry })
    }

    fn start(
        &self,
        source: &(impl RowSource + ?Sized),
        points: &Points,
        random: &mut ChaCha8Rng,
    ) -> Result<Array2<f32>> {
        if let Some(rows) = source.as_matrix() {
            let rows = rows.as_standard_layout();
            return init::k_means_plus_plus(rows.view(), points, self.n_clusters, random);
        }
        let n = source.n_rows();
        let wanted = STREAMED_START_ROWS.max(50 * self.n_clusters).min(n);
        let mut chosen = rand::seq::index::sample(random, n, wanted).into_vec();
        chosen.sort_unstable();
        let mut sample = Array2::zeros((0, source.dims()));
        let mut chosen = chosen.into_iter().peekable();
        let mut first = 0;
        for chunk in source.chunks(LEAF_ROWS)? {
            let chunk = chunk?;
            let mut here = Vec::new();
            while let Some(row) = chosen.next_if(|row| *row < first + chunk.nrows()) {
                here.push(row - first);
            }
            sample
                .append(Axis(0), chunk.select(Axis(0), &here).view())
                .map_err(|error| Error::input("the source changed its dimensions").source(error))?;
            first += chunk.nrows();
        }
        let points = Points::measure(&sample, self.geometry)?;
        init::k_means_plus_plus(sample.view(), &points, self.n_clusters, random)
    }
}

/// Numbers the clusters by size, the largest first and equal ones by their first row, so that the
/// numbers do not tell which start was the best.
fn largest_first(centroids: Array2<f32>, labels: Vec<u32>) -> (Array2<f32>, Vec<u32>) {
    let mut clusters: Vec<(usize, usize, usize)> =
        (0..centroids.nrows()).map(|c| (0, usize::MAX, c)).collect();
    for (row, label) in labels.iter().enumerate() {
        let (size, first, _) = &mut clusters[*label as usize];
        *size += 1;
        *first = row.min(*first);
    }
    clusters.sort_unstable_by_key(|(size, first, c)| (std::cmp::Reverse(*size), *first, *c));
    let order: Vec<usize> = clusters.iter().map(|(_, _, c)| *c).collect();
    let mut number = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, old)| number[*old] = new as u32);
    (centroids.select(Axis(0), &order), labels.into_iter().map(|label| number[label as usize]).collect())
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
/// linfa's trait cannot return an error: rows of other dimensions, and rows that hold NaN, panic as
/// linfa's own models do. [`KMeans::predict_rows`] returns an error in their place.
impl<F: Float, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<usize>> for KMeans {
    fn predict_inplace(&self, rows: &ArrayBase<D, Ix2>, labels: &mut Array1<usize>) {
        match self.predict_rows(as_f32(rows).view()) {
            Ok(found) => *labels = found.into_iter().map(|label| label as usize).collect(),
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
