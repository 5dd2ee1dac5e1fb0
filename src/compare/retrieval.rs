//! How well two sets of vectors find what queries ask for.

use std::collections::HashMap;

use ndarray::ArrayView2;

use super::scores::{PairedScore, resampling};
use crate::error::{Error, Result};
use crate::metric::{Ranked, compare_losses, ranking_scores};
use crate::quality::nearest_rows;
use crate::rows::{Metric, Neighbor, RowSource};

/// Places that are looked at.
const DEPTH: usize = 100;

/// Places that nDCG and recall count.
const PLACES: usize = 10;

/// That a row is worth finding for a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// The query, from 0.
    pub query: usize,
    /// The row, from 0.
    pub row: usize,
    /// How much it is worth: 1, or a grade; 0 is not worth finding.
    pub gain: f64,
}

/// nDCG and recall of the first 10 rows and the reciprocal rank within the first 100, by cosine, as trec_eval; with the
/// difference of the second set from the first over the queries that have something to find.
///
/// Each side is rows and queries of one model; rows and queries of both belong together.
///
/// # Errors
/// When no query has something to find, a judgement is of a query or a row that is not there, and as a search.
pub fn paired_retrieval(
    a: (impl RowSource, ArrayView2<'_, f32>),
    b: (impl RowSource, ArrayView2<'_, f32>),
    judgements: &[Judgement],
    seed: u64,
) -> Result<Vec<PairedScore>> {
    let queries = a.1.nrows();
    if queries != b.1.nrows() {
        return Err(Error::input("two files of queries with another number of rows")
            .with_code("rows-differ")
            .seen(format!("{queries} and {}", b.1.nrows()))
            .advice("give the same queries, embedded by each model"));
    }
    let mut worth: Vec<HashMap<usize, f64>> = vec![HashMap::new(); queries];
    for judgement in judgements {
        let known = worth.get_mut(judgement.query).filter(|_| judgement.row < a.0.n_rows());
        let Some(known) = known else {
            return Err(Error::input("a judgement of a query or a row that is not there")
                .with_code("no-such-row")
                .seen(format!("query {}, row {}", judgement.query, judgement.row)));
        };
        if judgement.gain > 0.0 {
            known.insert(judgement.row, judgement.gain);
        }
    }
    let asked: Vec<usize> = (0..queries).filter(|query| !worth[*query].is_empty()).collect();
    if asked.is_empty() {
        return Err(Error::input("no query has a row worth finding").with_code("no-judgements"));
    }
    let of = |found: Vec<Vec<Neighbor>>| -> Result<[Vec<f64>; 3]> {
        let mut scores = [Vec::new(), Vec::new(), Vec::new()];
        for query in &asked {
            let mut left = worth[*query].clone();
            let gains = found[*query].iter().map(|hit| left.remove(&hit.row).unwrap_or(0.0)).collect();
            let mut missed: Vec<f64> = left.into_values().collect();
            missed.sort_unstable_by(f64::total_cmp);
            let found = ranking_scores(&[Ranked { gains, missed }], PLACES)?;
            let values = [found.ndcg, found.recall, found.reciprocal_rank];
            scores.iter_mut().zip(values).for_each(|(scores, value)| scores.push(value.unwrap_or(0.0)));
        }
        Ok(scores)
    };
    let of_a = of(nearest_rows(&a.0, a.1, DEPTH, Metric::Cosine)?)?;
    let of_b = of(nearest_rows(&b.0, b.1, DEPTH, Metric::Cosine)?)?;
    ["ndcg_at_10", "recall_at_10", "reciprocal_rank"]
        .into_iter()
        .zip(of_a.iter().zip(&of_b))
        .map(|(name, (a, b))| {
            Ok(PairedScore::compared(name, &compare_losses(b, a, &resampling(seed, None))?))
        })
        .collect()
}
