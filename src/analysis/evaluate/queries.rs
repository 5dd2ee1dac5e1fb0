//! Queries against the rows that they search.

use ndarray::ArrayView2;

use super::card::QueryCard;
use crate::error::Result;
use crate::quality::{Graph, nearest_rows, outside, skewness};
use crate::rows::{Metric, RowSource};

pub(super) fn query_card(
    rows: &(impl RowSource + ?Sized),
    graph: &Graph,
    queries: ArrayView2<'_, f32>,
    k: usize,
) -> Result<QueryCard> {
    let own: Vec<f64> = graph.distances_at(0).collect();
    let far = outside(rows, &own, queries)?;
    let near = nearest_rows(rows, queries, k, Metric::Cosine)?;
    let mut counts = vec![0_usize; rows.n_rows()];
    near.iter().flatten().for_each(|hit| counts[hit.row] += 1);
    let n = queries.nrows();
    Ok(QueryCard {
        n,
        outside: far.rows.len() as f64 / n.max(1) as f64,
        hubness_skew: skewness(&counts),
        coverage: counts.iter().filter(|count| **count > 0).count() as f64 / rows.n_rows().max(1) as f64,
    })
}
