//! The silhouette: how much nearer rows are to their own cluster than to the next one.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::Geometry;
use super::distance_sums::{distance_sums, sum};
use super::pairwise::Centred;
use crate::error::{Error, Result};
use crate::rows::{RowSource, require_finite, select_rows};

/// How to compute a silhouette.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SilhouetteOptions {
    /// Euclidean distance, or 1 - cosine. Default: Euclidean.
    pub geometry: Geometry,
    /// Up to this many clustered rows every row is scored. Default: 20,000, some seconds of work.
    pub exact_limit: usize,
    /// How many rows are scored above the limit. Default: 2,000, for a standard error below 0.01.
    pub sample: usize,
    /// The seed of the sample. Default: 42.
    pub seed: u64,
}

impl Default for SilhouetteOptions {
    fn default() -> Self {
        SilhouetteOptions { geometry: Geometry::Euclidean, exact_limit: 20_000, sample: 2_000, seed: 42 }
    }
}

/// The silhouette of a clustering (Rousseeuw 1987).
///
/// A row's value is (b - a) / max(a, b), with a the mean distance to the other rows of its cluster
/// and b the smallest mean distance to the rows of another cluster: 1 is well inside, 0 between two
/// clusters, below 0 in the wrong one. A row alone in its cluster has 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Silhouette {
    /// The mean of the values of all scored rows.
    pub mean: f64,
    /// The standard error of `mean` when rows were sampled.
    pub standard_error: Option<f64>,
    /// How many rows were scored, when not all were.
    pub sampled: Option<usize>,
    /// The value of each row; `None` for noise and for rows that were not sampled.
    pub per_row: Vec<Option<f64>>,
    /// The mean of each cluster, in the order of the labels.
    pub per_cluster: Vec<ClusterSilhouette>,
}

/// The silhouette of one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClusterSilhouette {
    /// The cluster's label.
    pub cluster: u32,
    /// How many rows it has.
    pub size: usize,
    /// The mean of its scored rows; `None` when the sample holds none of them.
    pub mean: Option<f64>,
}

/// Scores clusters of n x d rows; `labels` holds the cluster of each. Rows without a cluster (`None`) are left
/// out altogether.
///
/// The values are scikit-learn's `silhouette_samples` (`metric="euclidean"` or `"cosine"`) to 1e-4.
/// It takes n² d products of f32, of rows that are read into memory. Above [`SilhouetteOptions::exact_limit`] rows a random sample of
/// rows is scored, each against **all** rows in one pass over any source: the values are then exact and their mean is unbiased.
/// Scoring a sample against itself is not, for b is a minimum and the minimum of noisy means is too
/// low.
///
/// # Errors
/// When the numbers of rows and labels differ, a number is not finite, a row is all zeros (cosine),
/// or there are fewer than two clusters, or as many clusters as rows.
///
/// ```
/// use embedlab::cluster::silhouette;
/// let rows = ndarray::array![[0.0_f32], [1.0], [10.0], [11.0]];
/// let score = silhouette(&rows, &[Some(0), Some(0), Some(1), Some(1)], &Default::default())?;
/// assert!((score.per_row[0].unwrap() - (10.5 - 1.0) / 10.5).abs() < 1e-6);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn silhouette(
    source: &(impl RowSource + ?Sized),
    labels: &[Option<u32>],
    options: &SilhouetteOptions,
) -> Result<Silhouette> {
    if source.n_rows() != labels.len() {
        return Err(Error::argument("the numbers of rows and labels differ")
            .seen(format!("{} rows, {} labels", source.n_rows(), labels.len()))
            .advice("give one label for each row"));
    }
    if options.sample < 2 {
        return Err(Error::argument("too small a sample for a silhouette")
            .seen(options.sample.to_string())
            .advice("sample at least 2 rows"));
    }
    let clusters = Clusters::new(labels);
    let n = clusters.order.len();
    if clusters.labels.len() < 2 || clusters.labels.len() >= n {
        return Err(Error::input("a silhouette needs at least two clusters, and fewer clusters than rows")
            .seen(format!("{} clusters of {n} rows", clusters.labels.len()))
            .advice("choose another number of clusters"));
    }
    if n <= options.exact_limit || n <= options.sample {
        let queries: Vec<usize> = (0..n).collect();
        let read;
        let (rows, order) = match source.as_matrix() {
            Some(rows) => (rows, &clusters.order),
            None => {
                read = select_rows(source, &clusters.order)?;
                (read.view(), &queries)
            }
        };
        require_finite(rows)?;
        let centred = Centred::new(rows, order, options.geometry)?;
        let sums = centred.gather(
            &queries,
            || vec![0.0_f64; clusters.labels.len()],
            |sums, first, distances| clusters.add_runs(sums, first, distances),
        );
        let values: Vec<f64> =
            queries.iter().zip(&sums).map(|(&query, sums)| clusters.value(query, sums)).collect();
        return Ok(clusters.result(labels.len(), &queries, &values));
    }
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let mut queries = index::sample(&mut random, n, options.sample).into_vec();
    queries.sort_unstable();
    let rows: Vec<usize> = queries.iter().map(|query| clusters.order[*query]).collect();
    let sums = distance_sums(source, labels, &rows, &clusters.labels, options.geometry)?;
    let sums = sums.chunks_exact(clusters.labels.len());
    let values: Vec<f64> =
        queries.iter().zip(sums).map(|(&query, sums)| clusters.value(query, sums)).collect();
    Ok(clusters.result(labels.len(), &queries, &values))
}

/// Clustered rows, sorted by cluster, so that the rows of a cluster follow on one another.
struct Clusters {
    /// Ascending.
    labels: Vec<u32>,
    /// Where each cluster begins in `order`, and where the last ends.
    bounds: Vec<usize>,
    order: Vec<usize>,
}

impl Clusters {
    fn new(labels: &[Option<u32>]) -> Self {
        let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (row, label) in labels.iter().enumerate() {
            if let Some(label) = label {
                members.entry(*label).or_default().push(row);
            }
        }
        let mut bounds = vec![0];
        let mut order = Vec::with_capacity(labels.len());
        for rows in members.values() {
            order.extend_from_slice(rows);
            bounds.push(order.len());
        }
        Clusters { labels: members.into_keys().collect(), bounds, order }
    }

    fn size(&self, cluster: usize) -> usize {
        self.bounds[cluster + 1] - self.bounds[cluster]
    }

    fn cluster_of(&self, position: usize) -> usize {
        self.bounds.partition_point(|&bound| bound <= position) - 1
    }

    /// Adds distances to the rows from `first` on to the sums of their clusters.
    fn add_runs(&self, sums: &mut [f64], first: usize, distances: &[f32]) {
        let end = first + distances.len();
        let mut cluster = self.cluster_of(first);
        let mut start = first;
        while start < end {
            let stop = self.bounds[cluster + 1].min(end);
            sums[cluster] += sum(&distances[start - first..stop - first]);
            start = stop;
            cluster += 1;
        }
    }

    /// The silhouette of one row, from the sums of its distances to each cluster.
    fn value(&self, position: usize, sums: &[f64]) -> f64 {
        let own = self.cluster_of(position);
        if self.size(own) == 1 {
            return 0.0;
        }
        let within = sums[own] / (self.size(own) - 1) as f64;
        let others = (0..sums.len()).filter(|&cluster| cluster != own);
        let next =
            others.map(|cluster| sums[cluster] / self.size(cluster) as f64).fold(f64::INFINITY, f64::min);
        let larger = within.max(next);
        if larger == 0.0 { 0.0 } else { (next - within) / larger }
    }

    fn result(&self, n_labels: usize, queries: &[usize], values: &[f64]) -> Silhouette {
        let mut per_row = vec![None; n_labels];
        let mut of_cluster = vec![(0.0, 0_usize); self.labels.len()];
        for (&query, &value) in queries.iter().zip(values) {
            per_row[self.order[query]] = Some(value);
            let (sum, scored) = &mut of_cluster[self.cluster_of(query)];
            *sum += value;
            *scored += 1;
        }
        let scored = values.len() as f64;
        let mean = values.iter().sum::<f64>() / scored;
        let sampled = values.len() < self.order.len();
        let standard_error = sampled.then(|| {
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (scored - 1.0);
            let not_seen = 1.0 - scored / self.order.len() as f64;
            (variance / scored * not_seen).sqrt()
        });
        let per_cluster = self.labels.iter().zip(&of_cluster).enumerate();
        Silhouette {
            mean,
            standard_error,
            sampled: sampled.then_some(values.len()),
            per_row,
            per_cluster: per_cluster
                .map(|(i, (&cluster, &(sum, scored)))| ClusterSilhouette {
                    cluster,
                    size: self.size(i),
                    mean: (scored > 0).then(|| sum / scored as f64),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, s};

    use super::*;
    use crate::rows::Streamed;

    fn blobs(n: usize) -> (Array2<f32>, Vec<Option<u32>>) {
        let labels: Vec<Option<u32>> = (0..n).map(|i| Some((i * 7 % 5 % 3) as u32)).collect();
        let rows = Array2::from_shape_fn((n, 6), |(i, j)| {
            labels[i].unwrap() as f32 * (1.0 + j as f32 * 0.1)
                + ((i * 7919 + j * 104_729) % 997) as f32 / 300.0
        });
        (rows, labels)
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let (rows, labels) = blobs(1500);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| silhouette(&rows, &labels, &Default::default()).unwrap())
        };
        let expected = run(1);
        assert_eq!(run(2), expected);
        assert_eq!(run(7), expected);
    }

    #[test]
    fn a_sample_estimates_the_mean_within_its_error() {
        let (rows, labels) = blobs(3000);
        let exact = silhouette(&rows, &labels, &Default::default()).unwrap();
        assert_eq!((exact.sampled, exact.standard_error), (None, None));
        let mut deviations = 0.0;
        for seed in 0..20 {
            let options = SilhouetteOptions { exact_limit: 100, sample: 150, seed, ..Default::default() };
            let sampled = silhouette(&rows, &labels, &options).unwrap();
            assert_eq!(sampled.sampled, Some(150));
            let error = sampled.standard_error.unwrap();
            deviations += (sampled.mean - exact.mean) / error;
            for (sampled, exact) in sampled.per_row.iter().zip(&exact.per_row) {
                assert!(sampled.is_none_or(|value| (value - exact.unwrap()).abs() < 1e-6));
            }
        }
        // The mean of twenty standard normal deviations; a biased estimate piles them up.
        assert!((deviations / 20.0_f64).abs() < 0.8, "{deviations}");
    }

    #[test]
    fn a_stream_is_scored_as_rows_in_memory() {
        let (rows, mut labels) = blobs(3000);
        labels[7] = None;
        for geometry in [Geometry::Euclidean, Geometry::Spherical] {
            for exact_limit in [100, 5000] {
                let options = SilhouetteOptions { exact_limit, sample: 150, geometry, ..Default::default() };
                let streamed = silhouette(&Streamed(&rows), &labels, &options).unwrap();
                assert_eq!(streamed, silhouette(&rows, &labels, &options).unwrap());
            }
        }
    }

    #[test]
    fn huge_and_tiny_numbers_have_the_same_silhouette() {
        let (rows, labels) = blobs(300);
        for exact_limit in [20_000, 50] {
            let options = SilhouetteOptions { exact_limit, sample: 60, ..Default::default() };
            let plain = silhouette(&rows, &labels, &options).unwrap();
            for scale in [1e24, 1e-24] {
                let scaled = silhouette(&(&rows * scale), &labels, &options).unwrap();
                assert!((scaled.mean - plain.mean).abs() < 1e-5, "{scale}: {} {}", scaled.mean, plain.mean);
            }
        }
    }

    #[test]
    fn noise_is_left_out() {
        let (rows, labels) = blobs(60);
        let mut with_noise = labels.clone();
        with_noise[40..].fill(None);
        let all = silhouette(&rows, &with_noise, &Default::default()).unwrap();
        let part = silhouette(&rows.slice(s![..40, ..]), &labels[..40], &Default::default()).unwrap();
        assert!((all.mean - part.mean).abs() < 1e-6);
        assert!(all.per_row[40..].iter().all(Option::is_none));
    }

    #[test]
    fn the_means_of_the_clusters_make_the_mean() {
        let (rows, labels) = blobs(90);
        let score = silhouette(&rows, &labels, &Default::default()).unwrap();
        let total: f64 = score.per_cluster.iter().map(|part| part.size as f64 * part.mean.unwrap()).sum();
        assert!((total / 90.0 - score.mean).abs() < 1e-12);
    }

    #[test]
    fn one_cluster_or_only_single_rows_are_refused() {
        let rows = array![[0.0_f32], [1.0], [2.0]];
        for labels in [[4, 4, 4], [0, 1, 2]].map(|labels| labels.map(Some)) {
            assert!(silhouette(&rows, &labels, &Default::default()).is_err());
        }
        assert!(silhouette(&rows, &[Some(0), Some(1)], &Default::default()).is_err());
    }
}
