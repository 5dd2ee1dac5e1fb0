//! Clusters: k-means, density clustering, mixtures; how many there are, what they are called, how good
//! they are.
//!
//! [`analyse`] does all of it; [`KMeans`], [`hdbscan()`], [`silhouette()`], [`name_clusters`] are its parts.
//!
//! ```
//! use embedlab::cluster::{ClusterColumns, ClusterOptions, analyse};
//! use embedlab::table;
//!
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let columns = ClusterColumns::from_table(&reviews, Some("combined"), Some("Score"))?;
//! let options = ClusterOptions { k: Some(8.into()), n_init: Some(2), ..Default::default() };
//! let found = analyse(&reviews.vectors(), &columns, &options, 42)?;
//!
//! assert_eq!(found.sizes.iter().sum::<usize>(), 660);
//! assert!(found.clusters.iter().all(|cluster| cluster.terms.len() == 5 && cluster.mean_label.is_some()));
//! // k clusters are found in anything. Below 0.1 they are regions of one cloud, not islands.
//! assert!(found.silhouette.unwrap() < 0.1);
//! // What the reviews are about has nothing to do with their stars: 0 is chance.
//! assert!(found.agreement.unwrap().ari.abs() < 0.05);
//! # Ok::<(), embedlab::Error>(())
//! ```
//!
//! What the scores mean: [the page on figures](crate::guide::figures#clusters).

mod analysis;
mod caution;
#[cfg(feature = "embed")]
mod chat;
mod choose;
mod density;
mod distance_sums;
mod fitting;
mod found;
mod frame;
mod k_means;
mod kept_run;
mod mixture;
mod naming;
mod options;
mod pairwise;
mod silhouette;
mod summary;

pub use analysis::{ClusterColumns, Clustering, LabelColumn, analyse};
#[cfg(feature = "embed")]
pub use chat::describe;
pub use choose::{Candidate, Choice, ChooseOptions, choose_k, choose_k_means, elbow};
pub use density::{DbscanOptions, DensityClusters, HdbscanOptions, Noise, dbscan, hdbscan, suggest_eps};
pub use found::FitSample;
#[cfg(feature = "sql")]
pub(crate) use k_means::Centroids;
pub use k_means::{Assigned, Checkpoint, Geometry, Iteration, KMeans, KMeansParams, KMeansValidParams};
pub(crate) use k_means::{Checked, FarFromAll, Step, distances_from};
pub use mixture::{GaussianMixture, GaussianMixtureParams, MAX_MIXTURE_DIMS};
pub use naming::{ClusterTerms, NamingOptions, Term, WordList, name_clusters, score_terms};
pub use options::{ClusterCount, ClusterMethod, ClusterOptions, Passes};
pub use silhouette::{ClusterSilhouette, Silhouette, SilhouetteOptions, silhouette};
pub use summary::{
    ClusterSummary, CrossTable, Example, SummaryInput, SummaryOptions, cross_table, summarize,
};
