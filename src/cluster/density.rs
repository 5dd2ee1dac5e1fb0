//! Clusters as dense regions, with rows that belong to none: DBSCAN, HDBSCAN.
//!
//! Both measure Euclidean distance in all dimensions. In the hundreds of dimensions of an embedding
//! all distances are much alike and the search trees no longer help: reduce the rows by PCA to some
//! 5 to 50 dimensions first, and scale them to unit length before that if direction is what counts.

use std::cmp::Reverse;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

mod condensed;
mod dbscan;
mod hdbscan;
mod reach;

pub use self::dbscan::{DbscanOptions, dbscan, suggest_eps};
pub use self::hdbscan::{HdbscanOptions, hdbscan};

/// What becomes of rows in no dense region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// They stay without a cluster
    #[default]
    Keep,
    /// They join the cluster with the nearest mean, the larger one of equals
    Nearest,
}

/// Dense clusters of n rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DensityClusters {
    /// The cluster of each row, `None` for noise. Cluster 0 is the largest (before noise rows
    /// joined); of equals the one with the earlier first row comes first.
    pub labels: Vec<Option<u32>>,
    /// How many clusters there are.
    pub n_clusters: usize,
    /// How many rows are in no dense region, whether or not they then joined a cluster.
    pub noise: usize,
    /// The radius used by DBSCAN.
    pub eps: Option<f64>,
}

impl DensityClusters {
    /// From labels under any names; `rows` are those that were clustered.
    fn new(found: &[Option<usize>], rows: ArrayView2<'_, f32>, noise: Noise, eps: Option<f64>) -> Self {
        let (mut labels, n_clusters) = largest_first(found);
        let n_noise = labels.iter().filter(|label| label.is_none()).count();
        if noise == Noise::Nearest && n_clusters > 0 {
            join_nearest(&mut labels, n_clusters, rows);
        }
        DensityClusters { labels, n_clusters, noise: n_noise, eps }
    }
}

/// Numbers clusters by size, so that neither the crates' order nor any hash order shows.
fn largest_first(found: &[Option<usize>]) -> (Vec<Option<u32>>, usize) {
    let n_found = found.iter().flatten().max().map_or(0, |&largest| largest + 1);
    let mut clusters: Vec<(usize, usize)> = vec![(0, usize::MAX); n_found];
    for (row, cluster) in found.iter().enumerate() {
        if let Some(cluster) = *cluster {
            let (size, first) = &mut clusters[cluster];
            *size += 1;
            *first = row.min(*first);
        }
    }
    let mut by_size: Vec<usize> = (0..n_found).filter(|&cluster| clusters[cluster].0 > 0).collect();
    by_size.sort_by_key(|&cluster| (Reverse(clusters[cluster].0), clusters[cluster].1));
    let mut number = vec![0; n_found];
    for (new, &cluster) in by_size.iter().enumerate() {
        number[cluster] = new as u32;
    }
    (found.iter().map(|cluster| cluster.map(|cluster| number[cluster])).collect(), by_size.len())
}

fn join_nearest(labels: &mut [Option<u32>], n_clusters: usize, rows: ArrayView2<'_, f32>) {
    let mut means = Array2::<f64>::zeros((n_clusters, rows.ncols()));
    let mut sizes = vec![0.0_f64; n_clusters];
    for (row, label) in rows.rows().into_iter().zip(labels.iter()) {
        if let Some(label) = *label {
            let mut mean = means.row_mut(label as usize);
            mean.zip_mut_with(&row, |sum, &x| *sum += f64::from(x));
            sizes[label as usize] += 1.0;
        }
    }
    for (mut mean, size) in means.rows_mut().into_iter().zip(sizes) {
        mean /= size;
    }
    for (row, label) in rows.rows().into_iter().zip(labels.iter_mut()) {
        if label.is_none() {
            let squared = |mean: ndarray::ArrayView1<'_, f64>| {
                mean.iter().zip(&row).map(|(mean, &x)| (mean - f64::from(x)).powi(2)).sum::<f64>()
            };
            let distances = means.rows().into_iter().map(squared).enumerate();
            *label = distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(cluster, _)| cluster as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_largest_cluster_is_0_and_of_equals_the_one_seen_first() {
        let found = [Some(2), Some(5), None, Some(5), Some(1), Some(2), Some(1), Some(7)];
        let (labels, n) = largest_first(&found);
        assert_eq!(n, 4);
        assert_eq!(labels, [Some(0), Some(1), None, Some(1), Some(2), Some(0), Some(2), Some(3)]);
        assert_eq!(largest_first(&[None, None]).1, 0);
        assert_eq!(largest_first(&[]).1, 0);
    }

    #[test]
    fn noise_joins_the_nearest_mean_when_asked() {
        let rows = array![[0.0_f32], [1.0], [10.0], [11.0], [6.0]];
        let found = [Some(0), Some(0), Some(1), Some(1), None];
        let kept = DensityClusters::new(&found, rows.view(), Noise::Keep, None);
        assert_eq!((kept.labels[4], kept.noise), (None, 1));
        let joined = DensityClusters::new(&found, rows.view(), Noise::Nearest, None);
        assert_eq!((joined.labels[4], joined.noise), (Some(1), 1));
        let none = DensityClusters::new(&[None], array![[0.0_f32]].view(), Noise::Nearest, None);
        assert_eq!(none.labels, [None]);
    }
}
