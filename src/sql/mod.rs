//! SQL over tables and vectors: the functions of Spark and Databricks for vectors, in the engine DataFusion.
//!
//! [`query`] runs a query over files; [`register`] gives the functions to a session of your own. What each function does
//! with NULL, zeros and lengths: [the page on SQL](crate::guide::sql).
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
mod query;
mod result;
mod scalar;
mod statement;
mod sums;
mod tables;
#[cfg(test)]
mod tests;
mod vectors;

pub use functions::{Functions, functions, register};
pub use query::{QueryOptions, QueryResult, plan, query, tables};
