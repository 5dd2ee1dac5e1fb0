//! How many of the rows that native queries find mapped queries find too.

use ndarray::ArrayView2;

use crate::error::{Error, Result};
use crate::metric::{BootstrapOptions, bootstrap};
use crate::rows::{Metric, Neighbor, top_k};

/// The share of the native neighbours that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct NeighborRecall {
    /// The mean over the queries.
    pub value: f64,
    /// Lower end of its 95 % interval, by bootstrap over the queries.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The share of each query.
    pub of_query: Vec<f64>,
}

/// Recall@k by cosine: for each query, how many of its `k` nearest rows in `rows` by `native` are among those by
/// `mapped`, which looks in `mapped_rows`. `own` is the row that each query is, which does not count.
///
/// # Errors
/// Without queries, for other dimensions, and when there are not more than `k` rows.
pub fn neighbor_recall(
    (rows, native): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
    (mapped_rows, mapped): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
    own: &[usize],
    k: usize,
    seed: u64,
) -> Result<NeighborRecall> {
    if own.is_empty() || k == 0 || rows.nrows() <= k {
        return Err(Error::input("too few rows to compare neighbours")
            .with_code("too-few-rows")
            .seen(format!("{} rows, {} queries, {k} neighbours", rows.nrows(), own.len()))
            .advice("give more rows, or ask for fewer neighbours"));
    }
    let found = |rows: ArrayView2<'_, f32>, queries: ArrayView2<'_, f32>| {
        top_k(&rows, queries, k + 1, Metric::Cosine)
    };
    let (native, mapped) = (found(rows, native)?, found(mapped_rows, mapped)?);
    let others = |found: &[Neighbor], own: usize| -> Vec<usize> {
        found.iter().map(|hit| hit.row).filter(|row| *row != own).take(k).collect()
    };
    let of_query: Vec<f64> = native
        .iter()
        .zip(&mapped)
        .zip(own)
        .map(|((native, mapped), own)| {
            let (native, mapped) = (others(native, *own), others(mapped, *own));
            native.iter().filter(|row| mapped.contains(row)).count() as f64 / k as f64
        })
        .collect();
    let interval = bootstrap(of_query.len(), &BootstrapOptions { seed, ..Default::default() }, |times| {
        let sum: f64 = times.iter().zip(&of_query).map(|(times, recall)| f64::from(*times) * recall).sum();
        sum / of_query.len() as f64
    })?;
    let value = of_query.iter().sum::<f64>() / of_query.len() as f64;
    Ok(NeighborRecall { value, low: interval.low, high: interval.high, of_query })
}
