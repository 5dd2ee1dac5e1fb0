//! SQL over tables and vectors: the functions of Spark and Databricks for vectors, in the engine DataFusion.
//!
//! [`query`] runs a query over files; [`register`] gives the functions to a session of your own. What each function does
//! with NULL, zeros and lengths: [the page on SQL](crate::guide::sql). For other machines, [`logical_plan`] makes a plan whose
//! tables [`pack`] makes bytes of.
//!
//! Sums of vectors are exact: `vector_sum`, `vector_avg` and `kmeans_step` give the same bits in any order of rows, on any
//! number of threads, partitions and machines.
//!
//! ```
//! use embedlab::sql::query;
//! let found = query(
//!     "select vector_cosine_similarity(embedding, (select vector_avg(embedding) from 'examples/data/food_reviews.parquet')) \
//!      as likeness from 'examples/data/food_reviews.parquet' order by likeness limit 3",
//!     &Default::default(),
//! )?;
//! assert_eq!(found.n_rows, 3);
//! # Ok::<(), embedlab::Error>(())
//! ```

mod failure;
mod functions;
mod k_means;
mod packed;
mod query;
mod result;
mod scalar;
mod statement;
mod sums;
mod tables;
#[cfg(test)]
mod tests;
mod vectors;

pub use failure::explained;
pub use functions::{Functions, functions, register};
pub use packed::{pack, unpack};
pub use query::{QueryOptions, QueryResult, logical_plan, plan, query, tables};
