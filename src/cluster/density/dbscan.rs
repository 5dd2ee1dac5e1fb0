//! DBSCAN, by linfa-clustering.

use linfa::ParamGuard;
use linfa::traits::Transformer;
use linfa_clustering::Dbscan;
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{DensityClusters, Noise};
use crate::error::{Error, Result};
use crate::rows::require_finite;

/// Rows whose neighbour distances suggest the radius, at most.
const EPS_SAMPLE: usize = 2_000;

/// Parameters of [`dbscan`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DbscanOptions {
    /// The radius of a neighbourhood. Default: [`suggest_eps`].
    pub eps: Option<f64>,
    /// How many rows, itself included, a row needs within `eps` to be the core of a cluster; at
    /// least 2. Default: 5.
    pub min_samples: usize,
    /// What becomes of noise. Default: it is kept.
    pub noise: Noise,
}

impl Default for DbscanOptions {
    fn default() -> Self {
        DbscanOptions { eps: None, min_samples: 5, noise: Noise::Keep }
    }
}

/// Clusters n x d rows into regions of one density (Ester, Kriegel, Sander and Xu 1996).
///
/// The same clusters as scikit-learn's `DBSCAN(eps, min_samples)`; a row at the border of two
/// clusters goes to the one whose first core row comes first. It runs on one thread and asks for the
/// neighbours of every row once.
///
/// # Errors
/// When a number is not finite, `eps` is not a positive number, or `min_samples` is below 2.
///
/// ```
/// use embedlab::cluster::{DbscanOptions, dbscan};
/// let rows = ndarray::array![[0.0_f32], [0.1], [0.2], [5.0], [5.1], [9.0]];
/// let options = DbscanOptions { eps: Some(0.5), min_samples: 2, ..Default::default() };
/// let clusters = dbscan(rows.view(), &options)?;
/// assert_eq!(clusters.labels, [Some(0), Some(0), Some(0), Some(1), Some(1), None]);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn dbscan(rows: ArrayView2<'_, f32>, options: &DbscanOptions) -> Result<DensityClusters> {
    require_finite(rows)?;
    if options.min_samples < 2 {
        return Err(Error::argument("too few rows for a dense neighbourhood")
            .seen(format!("min_samples {}", options.min_samples))
            .advice("use at least 2"));
    }
    if let Some(eps) = options.eps
        && !(eps > 0.0 && eps.is_finite())
    {
        return Err(Error::argument("the radius must be a positive number")
            .seen(eps.to_string())
            .advice("leave it out to have one suggested"));
    }
    if rows.nrows() < options.min_samples {
        let found = vec![None; rows.nrows()];
        return Ok(DensityClusters::new(&found, rows, options.noise, options.eps));
    }
    let eps = options.eps.map_or_else(|| suggest_eps(rows, options.min_samples), Ok)?;
    // The tree wants each row in one piece, and panics otherwise.
    let wide = rows.as_standard_layout().mapv(f64::from);
    // linfa's default is a k-d tree. Its linear search would leave out neighbours at exactly `eps`.
    let params = Dbscan::params::<f64>(options.min_samples)
        .tolerance(eps)
        .check()
        .map_err(|error| Error::argument("DBSCAN refused its parameters").source(error))?;
    let found = params.transform(&wide).to_vec();
    Ok(DensityClusters::new(&found, rows, options.noise, Some(eps)))
}

/// A radius for [`dbscan`]: the knee of the sorted distances to the `min_samples`-th row, each row
/// being its own first.
///
/// The knee is the point farthest below the chord of the curve. Above 2,000 rows the curve is that
/// of 2,000 rows evenly spread over the data, measured against all. Data with one density has a
/// clear knee; with several, use [`hdbscan`](super::hdbscan()).
///
/// # Errors
/// When a number is not finite, or there are fewer rows than `min_samples`.
pub fn suggest_eps(rows: ArrayView2<'_, f32>, min_samples: usize) -> Result<f64> {
    require_finite(rows)?;
    let n = rows.nrows();
    if min_samples == 0 || n < min_samples {
        return Err(Error::argument("no row has that many neighbours")
            .seen(format!("min_samples {min_samples} of {n} rows"))
            .advice("lower min_samples"));
    }
    let asked = n.min(EPS_SAMPLE);
    let mut distances: Vec<f64> =
        (0..asked).into_par_iter().map(|i| neighbor_distance(rows, i * n / asked, min_samples)).collect();
    distances.sort_by(f64::total_cmp);
    let knee = knee(&distances);
    let smallest = distances.into_iter().find(|&distance| distance > 0.0);
    // Where most rows repeat, the knee is 0; where all do, any radius will do.
    Ok(if knee > 0.0 { knee } else { smallest.unwrap_or(1.0) })
}

/// The distance from a row to the `rank`-th nearest; it is its own first.
fn neighbor_distance(rows: ArrayView2<'_, f32>, row: usize, rank: usize) -> f64 {
    let from = rows.row(row);
    let squared = |to: ndarray::ArrayView1<'_, f32>| {
        from.iter().zip(to).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>()
    };
    let mut squared: Vec<f64> = rows.rows().into_iter().map(squared).collect();
    let (_, &mut at_rank, _) = squared.select_nth_unstable_by(rank - 1, f64::total_cmp);
    at_rank.sqrt()
}

/// The value of an ascending curve farthest below its chord; the last value for a straight one.
fn knee(curve: &[f64]) -> f64 {
    let (Some(&first), Some(&last)) = (curve.first(), curve.last()) else { return 0.0 };
    let mut knee = (last, 0.0);
    for (i, &value) in curve.iter().enumerate() {
        let chord = first + (last - first) * i as f64 / (curve.len() - 1).max(1) as f64;
        if chord - value > knee.1 {
            knee = (value, chord - value);
        }
    }
    knee.0
}

#[cfg(test)]
mod tests {
    use linfa_nn::{CommonNearestNeighbour, distance::L2Dist};
    use ndarray::{Array2, array, s};

    use super::*;

    #[test]
    fn linfa_s_linear_search_leaves_out_a_neighbor_at_eps_and_its_tree_does_not() {
        let rows = array![[0.0_f64], [1.0], [2.0]];
        let clustered = |search| {
            let params = Dbscan::params_with::<f64, _, _>(2, L2Dist, search).tolerance(1.0).check();
            params.unwrap().transform(&rows).to_vec()
        };
        assert_eq!(clustered(CommonNearestNeighbour::LinearSearch), [None, None, None]);
        assert_eq!(clustered(CommonNearestNeighbour::KdTree), [Some(0), Some(0), Some(0)]);
    }

    #[test]
    fn linfa_panics_on_nan_and_on_columns_and_we_do_not() {
        let params = Dbscan::params::<f64>(2).tolerance(1.0).check().unwrap();
        let by_column = Array2::<f64>::zeros((2, 3)).reversed_axes();
        let columns = std::panic::catch_unwind(|| params.transform(&by_column));
        let nan = std::panic::catch_unwind(|| params.transform(&array![[f64::NAN], [0.0]]));
        assert!(columns.is_err() && nan.is_err());

        let by_column = Array2::<f32>::zeros((2, 6)).reversed_axes();
        let options = DbscanOptions { min_samples: 2, ..Default::default() };
        assert_eq!(dbscan(by_column.view(), &options).unwrap().n_clusters, 1);
        let every_other = Array2::<f32>::zeros((6, 4));
        assert_eq!(dbscan(every_other.slice(s![.., ..;2]), &options).unwrap().n_clusters, 1);
        assert!(dbscan(array![[f32::NAN], [0.0]].view(), &options).is_err());
    }

    #[test]
    fn the_suggested_radius_separates_blobs() {
        let rows = Array2::from_shape_fn((63, 2), |(i, j)| {
            (i % 3) as f32 * 20.0 + ((i * 7919 + j * 104_729) % 101) as f32 / 101.0
        });
        let clusters = dbscan(rows.view(), &Default::default()).unwrap();
        assert_eq!(clusters.n_clusters, 3, "{:?}", clusters.eps);
    }

    #[test]
    fn equal_rows_are_one_cluster_and_too_few_rows_are_noise() {
        let equal = dbscan(Array2::<f32>::ones((9, 2)).view(), &Default::default()).unwrap();
        assert_eq!((equal.n_clusters, equal.noise), (1, 0));
        let few = dbscan(Array2::<f32>::ones((4, 2)).view(), &Default::default()).unwrap();
        assert_eq!((few.n_clusters, few.noise), (0, 4));
        let none = dbscan(Array2::<f32>::zeros((0, 2)).view(), &Default::default()).unwrap();
        assert!(none.labels.is_empty());
    }

    #[test]
    fn a_radius_or_a_neighborhood_of_nothing_is_refused() {
        let rows = Array2::<f32>::ones((9, 2));
        for eps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(dbscan(rows.view(), &DbscanOptions { eps: Some(eps), ..Default::default() }).is_err());
        }
        let options = DbscanOptions { min_samples: 1, ..Default::default() };
        assert!(dbscan(rows.view(), &options).is_err());
    }
}
