//! HDBSCAN, by the crate hdbscan.

use ::hdbscan::{Hdbscan, HdbscanHyperParams};
use ndarray::ArrayView2;

use super::{DensityClusters, Noise};
use crate::error::{Error, Result};
use crate::rows::require_finite;

/// Parameters of [`hdbscan()`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HdbscanOptions {
    /// The smallest group of rows that is a cluster; at least 2. Default: 5.
    pub min_cluster_size: usize,
    /// How many rows, itself included, make a row's neighbourhood dense: more means more noise.
    /// Default: `min_cluster_size`.
    pub min_samples: Option<usize>,
    /// What becomes of noise. Default: it is kept.
    pub noise: Noise,
}

impl Default for HdbscanOptions {
    fn default() -> Self {
        HdbscanOptions { min_cluster_size: 5, min_samples: None, noise: Noise::Keep }
    }
}

/// Clusters n x d rows into regions of any density (Campello, Moulavi and Sander 2013), and finds by
/// itself how many there are.
///
/// The clusters are those of scikit-learn's `HDBSCAN(min_cluster_size, min_samples)` with excess of
/// mass. Where distances tie, the order of merging and with it a border row may differ. The
/// differences to scikit-learn: rows with NaN are refused rather than labelled -2; clusters are
/// numbered by size; there are no membership probabilities; and neither
/// `cluster_selection_epsilon`, for which the crate's answer can depend on the order of a hash map,
/// nor the choice of leaves is offered.
///
/// It takes n² d steps on one thread: a second for 5,000 rows of 20 numbers, minutes for 50,000 of 50.
///
/// # Errors
/// When a number is not finite, or `min_cluster_size` is below 2, or `min_samples` is 0.
///
/// ```
/// use embedlab::cluster::{HdbscanOptions, hdbscan};
/// let rows = ndarray::array![
///     [0.0_f32], [0.1], [0.2], [0.3], [5.0], [5.1], [5.2], [50.0]
/// ];
/// let options = HdbscanOptions { min_cluster_size: 3, min_samples: Some(2), ..Default::default() };
/// let clusters = hdbscan(rows.view(), &options)?;
/// assert_eq!(clusters.n_clusters, 2);
/// assert_eq!(clusters.labels[7], None);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn hdbscan(rows: ArrayView2<'_, f32>, options: &HdbscanOptions) -> Result<DensityClusters> {
    require_finite(rows)?;
    if options.min_cluster_size < 2 || options.min_samples == Some(0) {
        // The crate would raise them to its minimum and say so on stdout.
        return Err(Error::argument("too few rows for a cluster")
            .seen(format!(
                "min_cluster_size {}, min_samples {}",
                options.min_cluster_size,
                options.min_samples.unwrap_or(options.min_cluster_size)
            ))
            .advice("use a cluster size of at least 2 and at least 1 sample"));
    }
    let n = rows.nrows();
    let min_samples = options.min_samples.unwrap_or(options.min_cluster_size);
    // Fewer rows than a cluster needs are noise; the crate panics on one row, and on fewer rows than
    // `min_samples`.
    if n < options.min_cluster_size || n < min_samples {
        return Ok(DensityClusters::new(&vec![None; n], rows, options.noise, None));
    }
    let wide: Vec<Vec<f64>> =
        rows.rows().into_iter().map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect();
    let params = HdbscanHyperParams::builder()
        .min_cluster_size(options.min_cluster_size)
        .min_samples(min_samples)
        .build();
    let labels = Hdbscan::new(&wide, params)
        .cluster()
        .map_err(|error| Error::input("HDBSCAN refused the rows").source(error))?;
    let found: Vec<Option<usize>> = labels.into_iter().map(|label| usize::try_from(label).ok()).collect();
    Ok(DensityClusters::new(&found, rows, options.noise, None))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    /// Whether the crate itself panics on these rows.
    fn panics(rows: Vec<Vec<f64>>, min_samples: usize) -> bool {
        let params = HdbscanHyperParams::builder().min_cluster_size(2).min_samples(min_samples).build();
        std::panic::catch_unwind(|| drop(Hdbscan::new(&rows, params).cluster())).is_err()
    }

    #[test]
    fn the_crate_panics_on_one_row_few_rows_and_nan_and_we_do_not() {
        assert!(panics(vec![vec![1.0]], 1));
        assert!(panics(vec![vec![1.0], vec![2.0], vec![3.0]], 4));
        assert!(panics(vec![vec![1.0], vec![f64::NAN], vec![3.0]], 2));

        let options = HdbscanOptions { min_cluster_size: 2, min_samples: Some(4), noise: Noise::Nearest };
        assert_eq!(hdbscan(array![[1.0_f32]].view(), &options).unwrap().labels, [None]);
        assert_eq!(hdbscan(array![[1.0_f32], [2.0], [3.0]].view(), &options).unwrap().noise, 3);
        assert!(hdbscan(Array2::<f32>::zeros((0, 3)).view(), &options).unwrap().labels.is_empty());
        assert!(hdbscan(array![[1.0_f32], [f32::NAN], [3.0]].view(), &options).is_err());
    }

    #[test]
    fn clusters_of_duplicates_are_found() {
        let rows = Array2::from_shape_fn((40, 2), |(i, _)| (i % 2) as f32 * 10.0);
        let clusters = hdbscan(rows.view(), &Default::default()).unwrap();
        assert_eq!((clusters.n_clusters, clusters.noise), (2, 0));
    }

    #[test]
    fn sizes_that_mean_nothing_are_refused() {
        let rows = Array2::<f32>::ones((9, 2));
        let options = HdbscanOptions { min_cluster_size: 1, ..Default::default() };
        assert!(hdbscan(rows.view(), &options).is_err());
        let options = HdbscanOptions { min_samples: Some(0), ..Default::default() };
        assert!(hdbscan(rows.view(), &options).is_err());
    }
}
