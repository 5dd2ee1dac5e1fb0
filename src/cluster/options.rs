//! How rows are clustered: the options of an analysis.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    DbscanOptions, GaussianMixture, GaussianMixtureParams, Geometry, HdbscanOptions, KMeans, KMeansParams,
    NamingOptions, Noise,
};
use crate::error::{Error, Result};
use crate::memory::Budget;

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

/// How often k-means passes over the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Passes {
    /// Fit on a sample of the rows that fits in memory, then one pass that gives each row its cluster
    Two,
    /// Pass over all rows in each iteration
    Full,
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
    /// k-means: passes over the rows [default: two where the rows do not fit in --memory, else full]
    #[cfg_attr(feature = "cli", arg(long, value_name = "HOW"))]
    pub passes: Option<Passes>,
    /// k-means in two passes: rows of the sample that it is fitted on [default: 1,000 for each cluster, at least 20,000, as
    /// far as they fit]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub fit_rows: Option<usize>,
    /// k-means: keep each iteration over all rows in this folder; the same command goes on from the last
    #[cfg_attr(feature = "cli", arg(long, value_name = "FOLDER"))]
    pub checkpoint: Option<PathBuf>,
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
    /// What rows and work may take, where that was said.
    #[serde(skip)]
    #[cfg_attr(feature = "cli", arg(skip))]
    pub memory: Budget,
}

/// Components for the methods that need few dimensions.
const FEW_DIMENSIONS: usize = 10;

/// Clusters where no number was asked for.
const DEFAULT_K: usize = 4;

/// Rows of a sample to fit on: with 1,000 a cluster, the sampling error of the centroids raises the inertia by 1 in 1,000.
const FIT_ROWS: usize = 20_000;
const FIT_ROWS_PER_CLUSTER: usize = 1_000;

/// With fewer rows a cluster there is nothing to fit.
const LEAST_FIT_ROWS_PER_CLUSTER: usize = 10;

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
        self.check_passes()?;
        Error::refuse_unused(
            method.name(),
            &[
                ("--k", only(method.takes_k(), self.k.is_some())),
                ("--n-init", only(k_means, self.n_init.is_some())),
                ("--max-iter", only(k_means, self.max_iter.is_some())),
                ("--tol", only(k_means, self.tol.is_some())),
                ("--batch-size", only(k_means, self.batch_size.is_some())),
                ("--passes", only(k_means, self.passes.is_some())),
                ("--fit-rows", only(k_means, self.fit_rows.is_some())),
                ("--checkpoint", only(k_means, self.checkpoint.is_some())),
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

    /// Refuses options of k-means that do not go together.
    fn check_passes(&self) -> Result<()> {
        let conflict = |what: &str, advice: &str| Err(Error::argument(what).advice(advice));
        if self.fit_rows == Some(0) {
            return conflict("fit_rows is 0", "give at least 1");
        }
        if !self.method.is_k_means() {
            return Ok(());
        }
        if self.passes == Some(Passes::Two) && self.pca.is_some() {
            return conflict(
                "two passes go over the rows as they are, not over their principal components",
                "leave --pca or --passes out",
            );
        }
        if self.passes == Some(Passes::Full) && self.fit_rows.is_some() {
            return conflict("a sample to fit on, and full passes", "leave --fit-rows or --passes out");
        }
        if self.checkpoint.is_some() {
            if matches!(self.count(), ClusterCount::Within(_)) {
                return conflict(
                    "a checkpoint of several numbers of clusters",
                    "choose one number with --k, or leave --checkpoint out",
                );
            }
            if self.batch_size.is_some() {
                return conflict(
                    "mini-batches have no iterations that a checkpoint could keep",
                    "leave --checkpoint or --batch-size out",
                );
            }
        }
        Ok(())
    }

    /// Whether k-means is fitted on a sample.
    pub(super) fn in_two_passes(&self) -> bool {
        self.method.is_k_means() && (self.passes == Some(Passes::Two) || self.fit_rows.is_some())
    }

    /// The options for rows of this shape within a memory: k-means that was not told how to pass over them does it twice
    /// where they do not fit. Rows in memory have fitted; of those that are not, what is free counts where no memory was
    /// given.
    pub fn within(&self, memory: Budget, rows: usize, dims: usize, in_memory: bool) -> ClusterOptions {
        let mut options = ClusterOptions { memory, ..self.clone() };
        let bytes = (rows as u64).saturating_mul(4 * dims as u64);
        let limit = if in_memory { memory.given() } else { memory.limit() };
        let free_to_choose = self.method.is_k_means() && self.passes.is_none() && self.pca.is_none();
        if let Some(limit) = limit.filter(|limit| free_to_choose && bytes > *limit) {
            options.passes = Some(Passes::Two);
            options.memory = Budget::bytes(limit);
        }
        options
    }

    /// How many rows of `dims` dimensions the sample has that k-means is fitted on; `None` for full passes.
    ///
    /// # Errors
    /// When the memory allows too few of them.
    pub fn sample_to_fit(&self, dims: usize) -> Result<Option<usize>> {
        if !self.in_two_passes() {
            return Ok(None);
        }
        let k = match self.count() {
            ClusterCount::Exactly(k) => k,
            ClusterCount::Within(range) => *range.end(),
        };
        let wanted = self.fit_rows.unwrap_or(FIT_ROWS.max(FIT_ROWS_PER_CLUSTER.saturating_mul(k)));
        // Beside the sample there are bounds, a part of it on which the starts compete, and a copy where it must be moved.
        let row = 4 * dims.max(1) as u64;
        let fit = self.memory.given().map_or(u64::MAX, |bytes| bytes / 4 / row);
        let fit = usize::try_from(fit).unwrap_or(usize::MAX);
        let least = self.fit_rows.unwrap_or(LEAST_FIT_ROWS_PER_CLUSTER.saturating_mul(k));
        if fit < least.min(wanted) {
            return Err(Error::memory("the sample that k-means is fitted on does not fit in memory")
                .with_code("memory")
                .seen(format!(
                    "{least} rows of {dims} dimensions are needed, {fit} fit in a fourth of --memory"
                ))
                .advice("allow more with --memory, or ask for fewer clusters"));
        }
        Ok(Some(wanted.min(fit)))
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
        if let Some(rows) = self.batch_size {
            params = params.batch_size(rows);
        }
        params
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
        let changes: [(&str, Change, &[ClusterMethod]); 12] = {
            use ClusterMethod::{Dbscan, Hdbscan, KMeans, Mixture, Spherical};
            [
                ("--k", |o| o.k = Some(4.into()), &[KMeans, Spherical, Mixture]),
                ("--n-init", |o| o.n_init = Some(10), &[KMeans, Spherical]),
                ("--max-iter", |o| o.max_iter = Some(300), &[KMeans, Spherical]),
                ("--tol", |o| o.tol = Some(1e-4), &[KMeans, Spherical]),
                ("--batch-size", |o| o.batch_size = Some(9), &[KMeans, Spherical]),
                ("--passes", |o| o.passes = Some(Passes::Full), &[KMeans, Spherical]),
                ("--fit-rows", |o| o.fit_rows = Some(9), &[KMeans, Spherical]),
                ("--checkpoint", |o| o.checkpoint = Some("x".into()), &[KMeans, Spherical]),
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
