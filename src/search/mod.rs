//! Search over rows: exact or by an index, among all rows or those that a filter keeps; and over the
//! functions of a source tree.
//!
//! ```
//! use embedlab::rows::Metric;
//! use embedlab::search::{Filter, Hnsw, HnswOptions, search};
//! use embedlab::table;
//!
//! let reviews = table::read("examples/data/food_reviews.parquet".as_ref(), &Default::default())?;
//! let queries = table::read("examples/data/queries.parquet".as_ref(), &Default::default())?;
//! let query = queries.vectors().row(0).to_owned();
//!
//! let keep = Filter::parse("Score <= 2 AND Kind LIKE '%tea%'")?.keep(reviews.columns())?;
//! let hits = search(reviews.vectors(), query.view(), 3, Metric::Cosine, Some(&keep))?;
//! assert!(hits.len() == 3 && hits.iter().all(|hit| keep[hit.row]));
//! assert!(hits[0].distance <= hits[1].distance);
//!
//! // By an index, which may miss some; by how much it misses can be measured.
//! let index = Hnsw::build(reviews.vectors(), &HnswOptions::default())?;
//! let recall = index.recall(reviews.vectors(), 10, 100, 50)?;
//! assert!(recall.recall > 0.95);
//! # Ok::<(), embedlab::Error>(())
//! ```

#[cfg(feature = "code-search")]
pub mod code;
mod filter;
mod hnsw;
mod index_file;

pub use filter::Filter;
pub use hnsw::{Hnsw, HnswOptions, Recall, Searcher};
pub use index_file::fingerprint;

use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::error::{Error, Result};
use crate::rows::{Metric, Neighbor, top_k};

/// The `k` rows (n x d) nearest to a query, among those that `keep` keeps; nearest first, equal
/// distances in row order. Exact: the ranking is that of distances in `f64`.
///
/// # Errors
/// When the dimensions differ, `keep` has not one entry a row or keeps no row, or a number of the
/// query is not finite.
///
/// ```
/// use embedlab::rows::Metric;
/// use embedlab::search::search;
/// use ndarray::array;
/// let rows = array![[1.0_f32, 0.0], [0.0, 1.0], [0.9, 0.1]];
/// let query = array![1.0_f32, 0.0];
/// let found = search(rows.view(), query.view(), 2, Metric::Cosine, Some(&[false, true, true]))?;
/// assert_eq!((found[0].row, found[1].row), (2, 1));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn search(
    rows: ArrayView2<'_, f32>,
    query: ArrayView1<'_, f32>,
    k: usize,
    metric: Metric,
    keep: Option<&[bool]>,
) -> Result<Vec<Neighbor>> {
    if let Some(value) = query.iter().find(|value| !value.is_finite()) {
        return Err(Error::argument("a query that is not finite").seen(value.to_string()));
    }
    let query = query.insert_axis(Axis(0));
    let Some(keep) = keep else {
        return Ok(top_k(&rows, query, k, metric)?.pop().unwrap_or_default());
    };
    if keep.len() != rows.nrows() {
        return Err(Error::argument("rows and filter of different length").seen(format!(
            "{} rows, {} in the filter",
            rows.nrows(),
            keep.len()
        )));
    }
    let kept: Vec<usize> = (0..keep.len()).filter(|row| keep[*row]).collect();
    if kept.is_empty() {
        return Err(Error::input("the filter keeps no row").seen(format!("0 of {} rows", keep.len())));
    }
    let picked = rows.select(Axis(0), &kept);
    let found = top_k(&picked, query, k, metric)?.pop().unwrap_or_default();
    Ok(found.into_iter().map(|hit| Neighbor { row: kept[hit.row], ..hit }).collect())
}
