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
//! // By an index, which may miss some; how many is measured with rows that it does not hold yet, and
//! // half-way between random rows.
//! let (index, recall) = Hnsw::build_measured(reviews.vectors(), &HnswOptions::default(), 10, &|_| ())?;
//! let recall = recall.expect("660 rows are enough");
//! let ef = recall.default_ef();
//! assert!(recall.at(ef).is_some_and(|measured| measured.recall > 0.95));
//! assert_eq!(index.search(reviews.vectors(), query.view(), 3, ef)?.len(), 3);
//! # Ok::<(), embedlab::Error>(())
//! ```

#[cfg(feature = "code-search")]
pub mod code;
mod facts;
mod filter;
mod hnsw;
mod index_file;
mod neighbors;

pub use filter::Filter;
pub use hnsw::{EfRecall, Hnsw, HnswOptions, Recall};
pub use index_file::IndexFile;
pub use neighbors::{Hit, NeighborOptions, Neighbors, Query, neighbors};

use ndarray::{ArrayView1, Axis};

use crate::error::{Error, Result};
use crate::rows::{Metric, Neighbor, RowSource, TopK, fold_rows};

/// The `k` rows (n x d) nearest to a query, among those that `keep` keeps; nearest first, equal
/// distances in row order. Exact: the ranking is that of distances in `f64`. By the cosine, rows of zeros
/// are passed over. Where the filter keeps no row, none is found. [`neighbors`] does more.
///
/// # Errors
/// When the dimensions differ, `keep` has not one entry a row, a number of the query is not finite, or the
/// query is zero where the cosine is asked for.
///
/// ```
/// use embedlab::rows::Metric;
/// use embedlab::search::search;
/// use ndarray::array;
/// let rows = array![[1.0_f32, 0.0], [0.0, 1.0], [0.9, 0.1]];
/// let query = array![1.0_f32, 0.0];
/// let found = search(&rows, query.view(), 2, Metric::Cosine, Some(&[false, true, true]))?;
/// assert_eq!((found[0].row, found[1].row), (2, 1));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn search(
    source: impl RowSource,
    query: ArrayView1<'_, f32>,
    k: usize,
    metric: Metric,
    keep: Option<&[bool]>,
) -> Result<Vec<Neighbor>> {
    require_query(query, metric)?;
    if let Some(keep) = keep.filter(|keep| keep.len() != source.n_rows()) {
        return Err(Error::argument("rows and filter of different length")
            .with_code("row-count")
            .seen(format!("{} rows, {} in the filter", source.n_rows(), keep.len())));
    }
    let query = query.insert_axis(Axis(0));
    let query = query.as_standard_layout();
    let search = TopK::new(&source, query.view(), k.min(source.n_rows()), metric)?.among(keep).skip_zeros();
    let found = fold_rows(&source, &search)?;
    Ok(search.nearest(found).pop().unwrap_or_default())
}

/// Refuses a query that cannot be compared.
pub(crate) fn require_query(query: ArrayView1<'_, f32>, metric: Metric) -> Result<()> {
    if let Some(value) = query.iter().find(|value| !value.is_finite()) {
        return Err(Error::argument("a query that is not finite")
            .with_code("not-finite")
            .seen(value.to_string()));
    }
    if metric == Metric::Cosine && query.iter().all(|value| *value == 0.0) {
        return Err(Error::input("a query of zeros has no direction")
            .with_code("zero-vector")
            .advice("choose another query, or another metric such as l2"));
    }
    Ok(())
}
