//! An index for approximate nearest neighbours: hierarchical navigable small worlds.
//!
//! Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical
//! navigable small world graphs" (2018). Rows are put in by batches: each row of a batch looks for its
//! neighbours in the graph as it stood before the batch, and exactly within the batch; then the links
//! are made, list by list. So the threads share the work and never race: the same rows and seed give
//! the same graph, bit by bit. (The crates that we looked at insert under locks, in whatever order the
//! threads come.)

mod build;
mod graph;
mod recall;
mod space;

use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

pub(super) use build::Graph;
use build::Plan;
pub(super) use graph::{Links, nearest};
pub use recall::{EfRecall, Recall};
pub(super) use space::Space;
use space::lengths;

use super::require_query;
use crate::error::{Error, Result};
use crate::rows::{Metric, Neighbor, require_finite};

/// How an index is built.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HnswOptions {
    /// Links of a row in the upper layers; twice as many in the lowest. Default: 16.
    pub m: usize,
    /// Rows that are kept in view while a row is put in. Default: 200.
    pub ef_construction: usize,
    /// Cosine (default) or L2.
    pub metric: Metric,
    /// Decides the layers and the order of the rows. Default: 42.
    pub seed: u64,
}

impl Default for HnswOptions {
    fn default() -> Self {
        HnswOptions { m: 16, ef_construction: 200, metric: Metric::Cosine, seed: 42 }
    }
}

/// A graph over rows. It holds links and the lengths of the rows, not the rows: a search is given them again.
///
/// ```
/// use embedlab::search::{Hnsw, HnswOptions};
/// use ndarray::Array2;
/// let rows = Array2::from_shape_fn((500, 8), |(row, column)| ((row * 37 + column * 101) % 97) as f32 - 48.0);
/// let index = Hnsw::build(rows.view(), &HnswOptions::default())?;
/// let found = index.search(rows.view(), rows.row(7), 3, 100)?;
/// assert_eq!(found[0].row, 7);
/// # Ok::<(), embedlab::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Hnsw {
    pub(super) options: HnswOptions,
    pub(super) dims: usize,
    pub(super) graph: Graph,
    pub(super) lengths: Vec<f32>,
}

impl Hnsw {
    /// Builds an index of rows (n x d).
    ///
    /// # Errors
    /// When there are no rows, a number is not finite, the metric is not cosine or L2, or `m` is below 2.
    pub fn build(rows: ArrayView2<'_, f32>, options: &HnswOptions) -> Result<Hnsw> {
        Ok(Self::grow(rows, options, None, &|_| ())?.0)
    }

    /// Builds an index, and measures on the way which share of the `k` nearest rows a search finds: of some
    /// 200 rows before they are put in, and half-way between 200 random pairs of rows. `None` for fewer than
    /// 100 rows. `told` hears how many rows are in.
    ///
    /// # Errors
    /// As [`build`](Hnsw::build).
    pub fn build_measured(
        rows: ArrayView2<'_, f32>,
        options: &HnswOptions,
        k: usize,
        told: &dyn Fn(usize),
    ) -> Result<(Hnsw, Option<Recall>)> {
        Self::grow(rows, options, Some(k), told)
    }

    fn grow(
        rows: ArrayView2<'_, f32>,
        options: &HnswOptions,
        measure: Option<usize>,
        told: &dyn Fn(usize),
    ) -> Result<(Hnsw, Option<Recall>)> {
        if rows.nrows() == 0 || rows.ncols() == 0 {
            return Err(Error::input("no rows to index").advice("give at least one row"));
        }
        if !matches!(options.metric, Metric::Cosine | Metric::L2) {
            return Err(Error::argument("an index takes cosine or l2").seen(format!("{:?}", options.metric)));
        }
        if options.m < 2 || options.ef_construction < options.m {
            return Err(Error::argument("m is below 2, or ef_construction below m")
                .seen(format!("m {}, ef_construction {}", options.m, options.ef_construction)));
        }
        if rows.nrows() >= u32::MAX as usize / (2 * options.m + 8) {
            return Err(Error::input("too many rows for an index").seen(rows.nrows().to_string()));
        }
        require_finite(rows)?;
        let rows = rows.as_standard_layout();
        let values = rows.as_slice().unwrap_or_default();
        let lengths = lengths(values, rows.ncols(), options.metric);
        let space = Space { rows: values, dims: rows.ncols(), metric: options.metric, lengths: &lengths };
        let n = rows.nrows();
        let plan = Plan::new(n, options);
        let mut graph = Graph::new(&plan, options);
        let recall = match measure {
            Some(k) if n >= recall::FEWEST_ROWS => {
                let held = n - recall::QUERIES.min(n / 10);
                graph.grow(&plan, held, &space, told);
                Some(recall::measure(
                    &graph,
                    &space,
                    &plan.order[..held],
                    &plan.order[held..],
                    k,
                    options.seed,
                )?)
            }
            _ => None,
        };
        graph.grow(&plan, n, &space, told);
        let dims = rows.ncols();
        Ok((Hnsw { options: *options, dims, graph, lengths }, recall))
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.lengths.len()
    }

    /// How it was built.
    pub fn options(&self) -> &HnswOptions {
        &self.options
    }

    /// The `k` rows nearest to a query, of those that a walk with `ef` rows in view meets; nearest first
    /// by distances in `f64`, equal ones in row order. `rows` are those of [`build`](Hnsw::build). It looks
    /// at the rows that the walk meets, and at no others.
    ///
    /// # Errors
    /// When rows or query do not fit the index, a number of the query is not finite, or the query is zero
    /// where the cosine is asked for.
    pub fn search(
        &self,
        rows: ArrayView2<'_, f32>,
        query: ArrayView1<'_, f32>,
        k: usize,
        ef: usize,
    ) -> Result<Vec<Neighbor>> {
        if rows.dim() != (self.n_rows(), self.dims) {
            return Err(Error::argument("an index of different rows").with_code("index-stale").seen(
                format!(
                    "{} x {} rows, {} x {} in the index",
                    rows.nrows(),
                    rows.ncols(),
                    self.n_rows(),
                    self.dims
                ),
            ));
        }
        require_fitting(query, self.dims, self.options.metric)?;
        let Some(values) = rows.to_slice() else {
            return Err(
                Error::argument("rows that are not contiguous").advice("copy them with as_standard_layout")
            );
        };
        let space =
            Space { rows: values, dims: self.dims, metric: self.options.metric, lengths: &self.lengths };
        Ok(nearest(&self.graph, &space, &query.to_vec(), k, ef))
    }
}

/// Refuses a query that the index cannot answer.
pub(super) fn require_fitting(query: ArrayView1<'_, f32>, dims: usize, metric: Metric) -> Result<()> {
    if query.len() != dims {
        return Err(Error::argument("queries and rows have different dimensions")
            .with_code("dimensions-differ")
            .seen(format!("{} in the query, {dims} in the rows", query.len()))
            .advice("use vectors of the same model"));
    }
    require_query(query, metric)
}
