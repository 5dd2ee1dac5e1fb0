//! Gaussian mixtures: clusters of any elliptic shape, and how sure each row is.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{GaussianMixtureModel, GmmError, GmmInitMethod};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::progress::steps;
use crate::rows::require_finite;

/// The most dimensions a mixture takes. linfa adds up densities without scaling them, so that rows
/// of more dimensions over- or underflow; and a covariance of 32 dimensions has 528 numbers to learn
/// for each component already.
pub const MAX_MIXTURE_DIMS: usize = 32;

/// Parameters of a Gaussian mixture: `GaussianMixture::params(4).seed(42)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianMixtureParams {
    n_components: usize,
    n_init: usize,
    max_iter: u64,
    tol: f64,
    reg_covar: f64,
    seed: u64,
}

/// A fitted mixture of Gaussians with full covariances; component 0 has the largest weight.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GaussianMixture {
    /// The share of each component, k.
    #[serde(skip)]
    pub weights: Array1<f64>,
    /// k x d.
    #[serde(skip)]
    pub means: Array2<f64>,
    /// k x d x d.
    #[serde(skip)]
    pub covariances: Array3<f64>,
    /// The most probable component of each training row.
    pub labels: Vec<Option<u32>>,
    /// The probability of each component for each training row, n x k; a row adds up to 1.
    #[serde(skip)]
    pub probabilities: Array2<f64>,
    /// The sum of the natural logarithms of the rows' densities.
    pub log_likelihood: f64,
    /// The Bayesian information criterion; the best number of components has the lowest.
    pub bic: f64,
}

impl GaussianMixture {
    /// Defaults: one start, at most 100 iterations, tolerance 1e-3, regularisation 1e-6, seed 42.
    ///
    /// ```
    /// use embedlab::cluster::GaussianMixture;
    /// let rows = ndarray::Array2::from_shape_fn((40, 2), |(i, j)| {
    ///     (i % 2) as f32 * 9.0 + ((i * 37 + j * 11) % 13) as f32 / 13.0
    /// });
    /// let mixture = GaussianMixture::params(2).seed(42).fit_rows(rows.view())?;
    /// assert_ne!(mixture.labels[0], mixture.labels[1]);
    /// # Ok::<(), embedlab::Error>(())
    /// ```
    pub fn params(n_components: usize) -> GaussianMixtureParams {
        GaussianMixtureParams { n_components, n_init: 1, max_iter: 100, tol: 1e-3, reg_covar: 1e-6, seed: 42 }
    }
}

impl GaussianMixtureParams {
    /// How many starts are tried; the fit with the largest likelihood is kept. The first start is the
    /// best of ten k-means, which is the same every time, so the others are random. (linfa's own
    /// `n_runs` goes on from where its first run ended.)
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = n_init;
        self
    }

    /// Iterations at most.
    pub fn max_iter(mut self, max_iter: u64) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The fit ends when an iteration raises the mean log-likelihood of a row by less.
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// Added to the variances so that no component collapses, relative to the mean variance of the
    /// columns.
    pub fn reg_covar(mut self, reg_covar: f64) -> Self {
        self.reg_covar = reg_covar;
        self
    }

    /// The seed of the starts.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Fits n x d rows, d at most [`MAX_MIXTURE_DIMS`], by expectation maximisation in f64.
    ///
    /// # Errors
    /// For parameters that mean nothing, more dimensions, numbers that are not finite, fewer rows
    /// than components, rows that are all equal, and when no start converges.
    pub fn fit_rows(&self, rows: ArrayView2<'_, f32>) -> Result<GaussianMixture> {
        self.check(rows)?;
        let scaled = Scaled::new(rows)?;
        let data = DatasetBase::from(scaled.rows.view());
        let mut best: Option<(GaussianMixtureModel<f64>, Expectation)> = None;
        let mut failure = None;
        let steps = steps("starts", self.n_init);
        for start in 0..self.n_init {
            steps.add(usize::from(start > 0));
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            random.set_stream(start as u64);
            let fitted = GaussianMixtureModel::params_with_rng(self.n_components, random)
                .init_method(if start == 0 { GmmInitMethod::KMeans } else { GmmInitMethod::Random })
                .max_n_iterations(self.max_iter)
                .tolerance(self.tol)
                .reg_covariance(self.reg_covar);
            match linfa::prelude::ParamGuard::check(fitted).and_then(|params| params.fit(&data)) {
                Ok(model) => {
                    let found = Expectation::new(&model, &scaled.rows)?;
                    if best.as_ref().is_none_or(|(_, best)| found.log_likelihood > best.log_likelihood) {
                        best = Some((model, found));
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
        match (best, failure) {
            (Some((model, found)), _) => Ok(self.in_units_of_the_rows(&model, found, &scaled)),
            (None, Some(error)) => Err(failed(error)),
            (None, None) => Err(Error::argument("no start was asked for").advice("set n_init to 1 or more")),
        }
    }

    fn check(&self, rows: ArrayView2<'_, f32>) -> Result<()> {
        let (n, dims) = rows.dim();
        if dims > MAX_MIXTURE_DIMS {
            return Err(Error::argument("too many dimensions for a Gaussian mixture")
                .seen(format!("{dims}, at most {MAX_MIXTURE_DIMS}"))
                .advice("reduce the rows by PCA first, to 10 dimensions for example"));
        }
        if self.n_components == 0 || n < self.n_components.max(2) {
            return Err(Error::argument("the number of components does not fit the rows")
                .seen(format!("{} components, {n} rows", self.n_components))
                .advice("ask for at least one component, and give more rows than components"));
        }
        require_finite(rows)
    }

    fn in_units_of_the_rows(
        &self,
        model: &GaussianMixtureModel<f64>,
        found: Expectation,
        scaled: &Scaled,
    ) -> GaussianMixture {
        let (n, dims) = scaled.rows.dim();
        let mut order: Vec<usize> = (0..self.n_components).collect();
        order.sort_by(|&a, &b| model.weights()[b].total_cmp(&model.weights()[a]));
        let probabilities = found.probabilities.select(Axis(1), &order);
        let most_probable = |row: ndarray::ArrayView1<'_, f64>| {
            let first = |best: usize, (i, &p): (usize, &f64)| if p > row[best] { i } else { best };
            row.iter().enumerate().fold(0, first) as u32
        };
        // A density in other units is multiplied by the volume of the unit.
        let log_likelihood = found.log_likelihood - n as f64 * dims as f64 * scaled.unit.ln();
        let k = self.n_components as f64;
        let d = dims as f64;
        let free_numbers = k * d * (d + 1.0) / 2.0 + k * d + k - 1.0;
        GaussianMixture {
            weights: model.weights().select(Axis(0), &order),
            means: model.means().select(Axis(0), &order) * scaled.unit + &scaled.mean,
            covariances: model.covariances().select(Axis(0), &order) * scaled.unit.powi(2),
            labels: probabilities.rows().into_iter().map(|row| Some(most_probable(row))).collect(),
            probabilities,
            log_likelihood,
            bic: -2.0 * log_likelihood + free_numbers * (n as f64).ln(),
        }
    }
}

/// Rows moved to their mean and divided by their mean standard deviation, so that densities stay
/// near 1 whatever the units of the data.
struct Scaled {
    rows: Array2<f64>,
    mean: Array1<f64>,
    unit: f64,
}

impl Scaled {
    fn new(rows: ArrayView2<'_, f32>) -> Result<Self> {
        let mut rows = rows.mapv(f64::from);
        let mean = rows.sum_axis(Axis(0)) / rows.nrows() as f64;
        rows -= &mean;
        let unit = (rows.iter().map(|x| x * x).sum::<f64>() / rows.len() as f64).sqrt();
        if unit == 0.0 {
            return Err(Error::input("all rows are equal, so they have no components")
                .advice("check the vectors, or that the right column was read"));
        }
        rows /= unit;
        Ok(Scaled { rows, mean, unit })
    }
}

/// What a model says of rows. linfa's own sums densities unscaled, and gives infinite probabilities
/// for a row that is far from every component.
struct Expectation {
    probabilities: Array2<f64>,
    log_likelihood: f64,
}

impl Expectation {
    fn new(model: &GaussianMixtureModel<f64>, rows: &Array2<f64>) -> Result<Self> {
        let mut log_densities = Array2::<f64>::zeros((rows.nrows(), model.weights().len()));
        for (component, covariance) in model.covariances().outer_iter().enumerate() {
            let root = cholesky(covariance).ok_or_else(collapsed)?;
            let log_determinant = 2.0 * root.diag().iter().map(|x| x.ln()).sum::<f64>();
            let constant = rows.ncols() as f64 * (2.0 * std::f64::consts::PI).ln() + log_determinant;
            let log_weight = model.weights()[component].ln();
            let mean = model.means().row(component);
            for (row, log_density) in rows.rows().into_iter().zip(log_densities.column_mut(component)) {
                let squared = squared_mahalanobis(&root, (&row - &mean).to_vec());
                *log_density = log_weight - 0.5 * (constant + squared);
            }
        }
        let mut log_likelihood = 0.0;
        for mut row in log_densities.rows_mut() {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log_sum = largest + row.iter().map(|x| (x - largest).exp()).sum::<f64>().ln();
            row.mapv_inplace(|x| (x - log_sum).exp());
            log_likelihood += log_sum;
        }
        Ok(Expectation { probabilities: log_densities, log_likelihood })
    }
}

/// The lower triangular root of a positive definite matrix.
fn cholesky(matrix: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let d = matrix.nrows();
    let mut root = Array2::<f64>::zeros((d, d));
    for i in 0..d {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| root[[i, k]] * root[[j, k]]).sum();
            let rest = matrix[[i, j]] - known;
            if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                root[[i, i]] = rest.sqrt();
            } else {
                root[[i, j]] = rest / root[[j, j]];
            }
        }
    }
    Some(root)
}

/// |root⁻¹ difference|², by forward substitution.
fn squared_mahalanobis(root: &Array2<f64>, mut difference: Vec<f64>) -> f64 {
    for i in 0..difference.len() {
        let known: f64 = (0..i).map(|k| root[[i, k]] * difference[k]).sum();
        difference[i] = (difference[i] - known) / root[[i, i]];
    }
    difference.iter().map(|x| x * x).sum()
}

fn collapsed() -> Error {
    Error::input("a component of the mixture collapsed onto few rows")
        .advice("ask for fewer components, reduce the dimensions, or raise reg_covar")
}

fn failed(error: GmmError) -> Error {
    match error {
        GmmError::LinalgError(_) | GmmError::EmptyCluster(_) => collapsed().source(error),
        GmmError::InvalidValue(_) => {
            Error::argument("the mixture's parameters mean nothing").source(error).advice(
                "use a positive tol and max_iter, and a reg_covar of 0 or more",
            )
        }
        _ => Error::input("the mixture did not converge").source(error).advice(
            "raise max_iter or tol, ask for fewer components, reduce the dimensions, or remove rows far from all others",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(n: usize, dims: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, dims), |(i, j)| {
            (i % 3 * (j + 1)) as f32 + ((i * 7919 + j * 104_729) % 997) as f32 / 997.0
        })
    }

    #[test]
    fn a_wide_matrix_is_refused_with_the_way_out() {
        let error = GaussianMixture::params(2).fit_rows(blobs(100, 33).view()).unwrap_err();
        assert!(error.to_string().ends_with("reduce the rows by PCA first, to 10 dimensions for example"));
        assert!(GaussianMixture::params(2).fit_rows(blobs(400, 32).view()).is_ok());
    }

    #[test]
    fn degenerate_rows_are_errors() {
        let fit = |k, rows: &Array2<f32>| GaussianMixture::params(k).fit_rows(rows.view());
        assert!(fit(2, &Array2::ones((10, 2))).is_err());
        assert!(fit(5, &blobs(4, 2)).is_err());
        assert!(fit(0, &blobs(4, 2)).is_err());
        assert!(fit(1, &Array2::zeros((0, 2))).is_err());
        assert!(GaussianMixture::params(2).tol(0.0).fit_rows(blobs(30, 2).view()).is_err());
        assert!(GaussianMixture::params(2).n_init(0).fit_rows(blobs(30, 2).view()).is_err());
        // More components than different rows.
        let two_points = Array2::from_shape_fn((20, 2), |(i, _)| (i % 2) as f32);
        let error = fit(3, &two_points).unwrap_err();
        assert!(error.to_string().contains("ask for fewer components"), "{error}");
    }

    #[test]
    fn the_units_of_the_data_do_not_matter() {
        let rows = blobs(90, 3);
        let plain = GaussianMixture::params(3).fit_rows(rows.view()).unwrap();
        let moved = GaussianMixture::params(3).fit_rows((&rows * 1024.0).view()).unwrap();
        assert_eq!(plain.labels, moved.labels);
        let expected = plain.log_likelihood - 90.0 * 3.0 * 1024.0_f64.ln();
        assert!((moved.log_likelihood - expected).abs() < 1e-6, "{}", moved.log_likelihood);
        assert!((moved.means[[0, 0]] / plain.means[[0, 0]] - 1024.0).abs() < 1e-6);
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
        let rows = blobs(300, 4);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| GaussianMixture::params(3).n_init(3).fit_rows(rows.view()).unwrap())
        };
        let expected = run(1);
        assert_eq!(run(2), expected);
        assert_eq!(run(7), expected);
    }

    #[test]
    fn linfa_s_probabilities_of_a_far_row_are_infinite_and_ours_are_not() {
        let rows = blobs(90, 2).mapv(f64::from);
        let params = GaussianMixtureModel::params_with_rng(3, ChaCha8Rng::seed_from_u64(42));
        let model =
            linfa::prelude::ParamGuard::check(params).unwrap().fit(&DatasetBase::from(rows.view())).unwrap();
        let far = ndarray::array![[1e4, -1e4]];
        assert!(model.predict_proba(&far).iter().all(|&p| p == f64::INFINITY));
        let ours = Expectation::new(&model, &far).unwrap().probabilities;
        assert!((ours.sum() - 1.0).abs() < 1e-12);
    }
}
