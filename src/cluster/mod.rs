//! Clusters: k-means, density clustering, mixtures; how many there are, what they are called, how good they are.

mod k_means;

pub use k_means::{Geometry, KMeans, KMeansParams, KMeansValidParams};
