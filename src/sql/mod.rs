//! SQL over vectors: the functions of Spark and Databricks for vectors, in the engine DataFusion.
//!
//! Sums of vectors are exact: `vector_sum`, `vector_avg` and `kmeans_step` give the same bits in any order of rows, on any
//! number of threads, partitions and machines.

mod functions;
mod k_means;
mod scalar;
mod sums;
mod vectors;

pub use functions::{Functions, functions, register};
