//! How rows are clustered: the options of an analysis.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    DbscanOptions, GaussianMixture, GaussianMixtureParams, Geometry, HdbscanOptions, KMeans, KMeansParams,
    NamingOptions, Noise,
};
use crate::error::{Error, Result};

/// The method that finds clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum ClusterMethod {
    /// k-means on the rows as they are
    #[default]
    #[cfg_attr(feature = "cli", value(alias = "kmeans", alias = "k_means"))]
    #[serde(alias = "k-means", alias = "kmeans")]
    KMeans,
    /// k-means by cosine (spherical): norms do not matter
    #[cfg_attr(feature = "cli", value(alias = "spherical-k-means", alias = "spherical-kmeans"))]
    Spherical,
    /// Gaussian mixture with full covariances, on reduced rows
    #[cfg_attr(feature = "cli", value(alias = "gmm"))]
    Mixture,
    /// DBSCAN, on reduced rows
    Dbscan,
    /// HDBSCAN, on reduced rows
    Hdbscan,
}

impl ClusterMethod {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ClusterMethod::KMeans => "k-means",
            ClusterMethod::Spherical => "spherical",
            ClusterMethod::Mixture => "mixture",
            ClusterMethod::Dbscan => "dbscan",
            ClusterMethod::Hdbscan => "hdbscan",
        }
    }

    /// Whether the number of clusters is asked for; density methods find their own.
    pub fn takes_k(self) -> bool {
        !self.is_density()
    }

    /// Whether it is DBSCAN or HDBSCAN, which leave rows without a cluster.
    pub fn is_density(self) -> bool {
        matches!(self, ClusterMethod::Dbscan | ClusterMethod::Hdbscan)
    }

    /// Whether it is k-means, Euclidean or by cosine.
    pub fn is_k_means(self) -> bool {
        matches!(self, ClusterMethod::KMeans | ClusterMethod::Spherical)
    }

    /// The distances that it works with.
    pub fn geometry(self) -> Geometry {
        if self == ClusterMethod::Spherical { Geometry::Spherical } else { Geometry::Euclidean }
    }
}

/// How many clusters: `4`, the best of a range `2..12` (both ends included), or `auto` (2..12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterCount {
    /// So many.
    Exactly(usize),
    /// The number in this range with the best silhouette.
    Within(RangeInclusive<usize>),
}

impl ClusterCount {
    /// The range that `auto` stands for.
    pub const AUTO: ClusterCount = ClusterCount::Within(2..=12);
}

impl FromStr for ClusterCount {
    type Err = Error;

    fn from_str(text: &str) -> Result<ClusterCount> {
        let bad = || {
            Error::argument("not a number of clusters")
                .seen(format!("`{text}`"))
                .advice("give a number such as 4, a range such as 2..12, or auto")
        };
        let number = |text: &str| text.trim().parse::<usize>().ok().filter(|k| *k > 0).ok_or_else(bad);
        if text == "auto" {
            return Ok(ClusterCount::AUTO);
        }
        let Some((first, last)) = text.split_once("..") else {
            return Ok(ClusterCount::Exactly(number(text)?));
        };
        let (first, last) = (number(first)?, number(last.trim_start_matches('='))?);
        if first > last {
            return Err(bad().advice("give the smaller number first"));
        }
        if first == 1 {
            return Err(Error::argument("a range of cluster counts starts at 2")
                .seen(text)
                .advice("one cluster has no silhouette to compare; start the range at 2"));
        }
        Ok(ClusterCount::Within(first..=last))
    }
}

impl fmt::Display for ClusterCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClusterCount::Exactly(k) => write!(f, "{k}"),
            ClusterCount::Within(range) => write!(f, "{}..{}", range.start(), range.end()),
        }
    }
}

impl From<usize> for ClusterCount {
    fn from(k: usize) -> ClusterCount {
        ClusterCount::Exactly(k)
    }
}

impl Serialize for ClusterCount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClusterCount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Number(usize),
            Text(String),
        }
        let text = match Given::deserialize(deserializer)? {
            Given::Number(k) => k.to_string(),
            Given::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Options of [`analyse`](super::analyse). Options that only some methods know are `None` unless given; one
/// that the method does not know is refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct ClusterOptions {
    /// Number of clusters: one, a range such as 2..12, or auto (2..12) [default: 4]
    #[cfg_attr(feature = "cli", arg(long, short, value_name = "K"))]
    pub k: Option<ClusterCount>,
    /// Clustering method
    #[cfg_attr(feature = "cli", arg(long, value_name = "METHOD", default_value = "k-means"))]
    pub method: ClusterMethod,
    /// k-means: random restarts, of which the best is kept [default: 10]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub n_init: Option<usize>,
    /// k-means: maximum iterations of one start [default: 300]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub max_iter: Option<usize>,
    /// k-means: converged when the centroids move less than this, relative to the variance [default: 1e-4]
    #[cfg_attr(feature = "cli", arg(long, value_name = "TOL"))]
    pub tol: Option<f64>,
    /// k-means: mini-batches of this many rows instead of full passes
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub batch_size: Option<usize>,
    /// Reduce to this many principal components first [default: 10 for mixture, dbscan and hdbscan]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub pca: Option<usize>,
    /// DBSCAN: radius of a neighbourhood [default: from the distances of neighbours]
    #[cfg_attr(feature = "cli", arg(long, value_name = "DISTANCE"))]
    pub eps: Option<f64>,
    /// DBSCAN and HDBSCAN: rows in a dense neighbourhood [default: 5, HDBSCAN: --min-cluster-size]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub min_samples: Option<usize>,
    /// HDBSCAN: rows in the smallest cluster [default: 5]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub min_cluster_size: Option<usize>,
    /// DBSCAN and HDBSCAN: how noise is handled [default: keep]
    #[cfg_attr(feature = "cli", arg(long, value_name = "WHAT"))]
    pub noise: Option<Noise>,
    /// How clusters are named
    #[cfg_attr(feature = "cli", command(flatten))]
    pub naming: NamingOptions,
}

/// Components for the methods that need few dimensions.
const FEW_DIMENSIONS: usize = 10;

/// Clusters where no number was asked for.
const DEFAULT_K: usize = 4;

impl ClusterOptions {
    /// The number of clusters, or the range to choose from.
    pub fn count(&self) -> ClusterCount {
        self.k.clone().unwrap_or(ClusterCount::Exactly(DEFAULT_K))
    }

    /// Refuses options that the method does not know.
    ///
    /// # Errors
    /// When there is one.
    pub fn check(&self) -> Result<()> {
        let method = self.method;
        let only = |known: bool, given: bool| given && !known;
        let (k_means, density) = (method.is_k_means(), method.is_density());
        Error::refuse_unused(
            method.name(),
            &[
                ("--k", only(method.takes_k(), self.k.is_some())),
                ("--n-init", only(k_means, self.n_init.is_some())),
                ("--max-iter", only(k_means, self.max_iter.is_some())),
                ("--tol", only(k_means, self.tol.is_some())),
                ("--batch-size", only(k_means, self.batch_size.is_some())),
                ("--eps", only(method == ClusterMethod::Dbscan, self.eps.is_some())),
                ("--min-samples", only(density, self.min_samples.is_some())),
                (
                    "--min-cluster-size",
                    only(method == ClusterMethod::Hdbscan, self.min_cluster_size.is_some()),
                ),
                ("--noise", only(density, self.noise.is_some())),
            ],
        )
    }

    /// To how many components rows of `dims` are reduced, if they are.
    pub(super) fn components(&self, dims: usize) -> Option<usize> {
        match self.pca {
            Some(components) => Some(components),
            None if self.method.is_k_means() || dims <= FEW_DIMENSIONS => None,
            None => Some(FEW_DIMENSIONS),
        }
    }

    pub(super) fn k_means(&self, k: usize, seed: u64) -> KMeansParams {
        let mut params = KMeans::params(k).seed(seed).geometry(self.method.geometry());
        if let Some(n_init) = self.n_init {
            params = params.n_init(n_init);
        }
        if let Some(max_iter) = self.max_iter {
            params = params.max_iter(max_iter);
        }
        if let Some(tol) = self.tol {
            params = params.tol(tol);
        }
        match self.batch_size {
            Some(rows) => params.batch_size(rows),
            None => params,
        }
    }

    pub(super) fn mixture(&self, k: usize, seed: u64) -> GaussianMixtureParams {
        GaussianMixture::params(k).seed(seed)
    }

    pub(super) fn dbscan(&self) -> DbscanOptions {
        let default = DbscanOptions::default();
        DbscanOptions {
            eps: self.eps,
            min_samples: self.min_samples.unwrap_or(default.min_samples),
            noise: self.noise.unwrap_or_default(),
        }
    }

    pub(super) fn hdbscan(&self) -> HdbscanOptions {
        let default = HdbscanOptions::default();
        HdbscanOptions {
            min_cluster_size: self.min_cluster_size.unwrap_or(default.min_cluster_size),
            min_samples: self.min_samples,
            noise: self.noise.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_as_it_is_written() {
        for (text, count) in [
            ("4", ClusterCount::Exactly(4)),
            ("2..12", ClusterCount::Within(2..=12)),
            ("3..=5", ClusterCount::Within(3..=5)),
            ("auto", ClusterCount::AUTO),
        ] {
            let read: ClusterCount = text.parse().unwrap();
            assert_eq!(read, count);
            assert_eq!(read.to_string().parse::<ClusterCount>().unwrap(), count);
            assert_eq!(serde_json::from_value::<ClusterCount>(serde_json::json!(text)).unwrap(), count);
        }
        for text in ["0", "x", "5..2", "1..5", "2..", "-1", ""] {
            assert!(text.parse::<ClusterCount>().is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<ClusterCount>("7").unwrap(), ClusterCount::Exactly(7));
    }

    #[test]
    fn every_option_of_another_method_is_refused_by_its_name() {
        type Change = fn(&mut ClusterOptions);
        let changes: [(&str, Change, &[ClusterMethod]); 9] = {
            use ClusterMethod::{Dbscan, Hdbscan, KMeans, Mixture, Spherical};
            [
                ("--k", |o| o.k = Some(4.into()), &[KMeans, Spherical, Mixture]),
                ("--n-init", |o| o.n_init = Some(10), &[KMeans, Spherical]),
                ("--max-iter", |o| o.max_iter = Some(300), &[KMeans, Spherical]),
                ("--tol", |o| o.tol = Some(1e-4), &[KMeans, Spherical]),
                ("--batch-size", |o| o.batch_size = Some(9), &[KMeans, Spherical]),
                ("--eps", |o| o.eps = Some(0.5), &[Dbscan]),
                ("--min-samples", |o| o.min_samples = Some(5), &[Dbscan, Hdbscan]),
                ("--min-cluster-size", |o| o.min_cluster_size = Some(5), &[Hdbscan]),
                ("--noise", |o| o.noise = Some(Noise::Keep), &[Dbscan, Hdbscan]),
            ]
        };
        for (name, change, known) in changes {
            for method in [
                ClusterMethod::KMeans,
                ClusterMethod::Spherical,
                ClusterMethod::Mixture,
                ClusterMethod::Dbscan,
                ClusterMethod::Hdbscan,
            ] {
                let mut options = ClusterOptions { method, ..Default::default() };
                change(&mut options);
                match options.check() {
                    Ok(()) => assert!(known.contains(&method), "{name} {method:?}"),
                    Err(error) => {
                        let error = error.to_string();
                        assert!(!known.contains(&method), "{error}");
                        assert!(error.contains(name) && error.contains(method.name()), "{error}");
                    }
                }
            }
        }
    }
}
