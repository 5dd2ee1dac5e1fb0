//! HDBSCAN.

use ndarray::ArrayView2;

use super::condensed::clusters;
use super::reach::joined;
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
/// `cluster_selection_epsilon` nor the choice of leaves is offered.
///
/// It takes n² d steps, on all threads: a second for 5,000 rows of 20 numbers, minutes for 50,000 of 50.
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
    // Fewer rows than a cluster or a neighbourhood needs are noise.
    if n < options.min_cluster_size || n < min_samples {
        return Ok(DensityClusters::new(&vec![None; n], rows, options.noise, None));
    }
    let found = clusters(&joined(&rows.mapv(f64::from), min_samples), n, options.min_cluster_size);
    Ok(DensityClusters::new(&found, rows, options.noise, None))
}

#[cfg(test)]
mod tests {
    use ::hdbscan::{Hdbscan, HdbscanHyperParams};
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    /// The slow twin: the crate hdbscan.
    fn by_the_crate(rows: ArrayView2<'_, f32>, least: usize, min_samples: usize) -> DensityClusters {
        let wide: Vec<Vec<f64>> =
            rows.rows().into_iter().map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect();
        let params = HdbscanHyperParams::builder().min_cluster_size(least).min_samples(min_samples).build();
        let labels = Hdbscan::new(&wide, params).cluster().unwrap();
        let found: Vec<Option<usize>> = labels.into_iter().map(|label| usize::try_from(label).ok()).collect();
        DensityClusters::new(&found, rows, Noise::Keep, None)
    }

    proptest! {
        #[test]
        fn clusters_are_those_of_the_crate(
            // Numbers of few values, so that distances tie and rows repeat, and of many.
            numbers in prop_oneof![
                prop::collection::vec((0_i32..12).prop_map(|x| x as f32), 24..120),
                prop::collection::vec(-3.0_f32..3.0, 24..120),
            ],
            least in 2_usize..6,
            min_samples in 1_usize..6,
        ) {
            let n = numbers.len() / 2;
            let rows = Array2::from_shape_vec((n, 2), numbers[..2 * n].to_vec()).unwrap();
            let options =
                HdbscanOptions { min_cluster_size: least, min_samples: Some(min_samples), noise: Noise::Keep };
            let found = hdbscan(rows.view(), &options).unwrap();
            prop_assert_eq!(found, by_the_crate(rows.view(), least, min_samples));
        }
    }

    #[test]
    fn few_rows_are_noise_and_rows_that_are_not_finite_an_error() {
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
