//! Clusters: k-means, density clustering, mixtures; how many there are, what they are called, how good they are.

mod analysis;
mod choose;
mod density;
mod k_means;
mod mixture;
mod naming;
mod pairwise;
mod silhouette;
mod summary;

pub use analysis::{About, Analysis, AnalysisOptions, ClusterCount, LabelColumn, Method, analyse};
pub use choose::{Candidate, Choice, ChooseOptions, choose_k, choose_k_means, elbow};
pub use density::{DbscanOptions, DensityClusters, HdbscanOptions, Noise, dbscan, hdbscan, suggest_eps};
pub use k_means::{Geometry, KMeans, KMeansParams, KMeansValidParams};
pub use mixture::{GaussianMixture, GaussianMixtureParams, MAX_MIXTURE_DIMS};
pub use naming::{ClusterTerms, NamingOptions, Term, name_clusters, score_terms};
pub use silhouette::{ClusterSilhouette, Silhouette, SilhouetteOptions, silhouette, silhouette_with_noise};
pub use summary::{
    ClusterSummary, CrossTable, Example, SummaryInput, SummaryOptions, cross_table, summarize,
};
