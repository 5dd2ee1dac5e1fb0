//! The rows most like some rows, and unlike others.

use std::collections::HashSet;

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::rows::{Metric, Neighbor, require_finite, top_k};

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub enum Query<'q> {
    /// Rows of the searched matrix, by number from 0: like the first ones, unlike the second ones.
    Rows {
        /// At least one row.
        like: &'q [usize],
        /// Any number of rows.
        unlike: &'q [usize],
    },
    /// A vector from elsewhere, and its text if it has one.
    Vector(ArrayView1<'q, f32>, Option<&'q str>),
}

/// How [`neighbors`] searches.
#[derive(Debug, Clone, Copy)]
pub struct NeighborOptions {
    /// How many neighbours. Default: 5.
    pub k: usize,
    /// Default: cosine.
    pub metric: Metric,
    /// Variety by maximal marginal relevance: 1 is relevance alone, 0 variety alone. Default: none,
    /// which is as 1.
    pub mmr: Option<f64>,
}

impl Default for NeighborOptions {
    fn default() -> Self {
        NeighborOptions { k: 5, metric: Metric::Cosine, mmr: None }
    }
}

/// What [`neighbors`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbors {
    /// The nearest first; with MMR in the order in which they were chosen.
    pub neighbors: Vec<Neighbor>,
    /// Rows that were passed over because their text is that of a query row, besides the query rows
    /// themselves.
    pub equal_texts: usize,
}

/// Candidates of MMR for each neighbour that is wanted, and the fewest.
const MMR_CANDIDATES: usize = 10;
const MMR_FEWEST: usize = 50;

/// The rows nearest to a query, exactly ([`top_k`]; equal distances by row number). The query's own
/// rows are passed over, and so is every row with a text equal to one of theirs: the guide's
/// `recommendations_from_strings`.
///
/// Several rows make one query: the mean of those to be like minus the mean of those to be unlike
/// (Rocchio 1971 with equal weights), of vectors of unit length when the metric is the cosine.
///
/// With [`NeighborOptions::mmr`], each next neighbour is the candidate with the largest
/// `l * cos(it, query) - (1 - l) * max cos(it, chosen)` (Carbonell and Goldstein 1998), of the
/// 10 k nearest rows (at least 50). It needs the cosine.
///
/// ```
/// use embedlab::recommend::{Query, neighbors};
/// use ndarray::array;
/// let rows = array![[1.0_f32, 0.0], [0.0, 1.0], [0.9, 0.1], [1.0, 0.0]];
/// let texts = ["tea", "dog food", "black tea", "tea"].map(|text| Some(text.to_owned()));
/// let query = Query::Rows { like: &[0], unlike: &[] };
/// let found = neighbors(rows.view(), &query, Some(&texts), &Default::default())?;
/// assert_eq!(found.neighbors.iter().map(|hit| hit.row).collect::<Vec<_>>(), [2, 1]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When a row of the query does not exist or is both liked and unliked, none is liked, dimensions
/// differ, a number is not finite, texts are not one a row, the query is zero where a cosine is
/// wanted, or MMR is not within 0 and 1.
pub fn neighbors(
    rows: ArrayView2<'_, f32>,
    query: &Query<'_>,
    texts: Option<&[Option<String>]>,
    options: &NeighborOptions,
) -> Result<Neighbors> {
    require_finite(rows)?;
    if let Some(texts) = texts
        && texts.len() != rows.nrows()
    {
        return Err(Error::argument("texts and rows differ in number").with_code("row-count").seen(format!(
            "{} texts, {} rows",
            texts.len(),
            rows.nrows()
        )));
    }
    if let Some(lambda) = options.mmr {
        if !(0.0..=1.0).contains(&lambda) {
            return Err(Error::argument("the MMR lambda must be between 0 and 1")
                .seen(lambda.to_string())
                .advice("give for example 0.5"));
        }
        if options.metric != Metric::Cosine {
            return Err(Error::argument("variety is measured by the cosine")
                .advice("leave the other metric or the variety out"));
        }
    }
    let vector = query_vector(rows, query, options.metric)?;
    let (mut passed_over, equal_texts) = passed_over(query, texts, rows.nrows());
    if options.metric == Metric::Cosine {
        // A row of zeros has no direction, and so is no neighbour by cosine.
        let is_zero = |row: &usize| rows.row(*row).iter().all(|x| *x == 0.0);
        passed_over.extend((0..rows.nrows()).filter(is_zero));
    }
    let wanted = match options.mmr {
        Some(_) => (options.k * MMR_CANDIDATES).max(MMR_FEWEST),
        None => options.k,
    };
    let searched = wanted.min(rows.nrows()) + passed_over.len();
    let mut nearest = top_k(&rows, vector.view(), searched, options.metric)?.pop().unwrap_or_default();
    nearest.retain(|neighbor| !passed_over.contains(&neighbor.row));
    nearest.truncate(wanted);
    let neighbors = match options.mmr {
        Some(lambda) => varied(rows, nearest, options.k, lambda),
        None => nearest,
    };
    Ok(Neighbors { neighbors, equal_texts })
}

/// Rows that are no answer, and how many of them only because of their text.
fn passed_over(
    query: &Query<'_>,
    texts: Option<&[Option<String>]>,
    n_rows: usize,
) -> (HashSet<usize>, usize) {
    let mut own: HashSet<usize> = HashSet::new();
    let mut known: HashSet<&str> = HashSet::new();
    match query {
        Query::Rows { like, unlike } => {
            own.extend(like.iter().chain(*unlike));
            known.extend(own.iter().filter_map(|&row| texts.and_then(|texts| texts[row].as_deref())));
        }
        Query::Vector(_, text) => known.extend(text),
    }
    let sources = own.len();
    if let Some(texts) = texts {
        let equal = |row: &usize| texts[*row].as_deref().is_some_and(|text| known.contains(text));
        own.extend((0..n_rows).filter(equal));
    }
    let equal_texts = own.len() - sources;
    (own, equal_texts)
}

/// The query as one vector, 1 x d.
fn query_vector(rows: ArrayView2<'_, f32>, query: &Query<'_>, metric: Metric) -> Result<Array2<f32>> {
    let (like, unlike) = match *query {
        Query::Vector(vector, _) => {
            if let Some(value) = vector.iter().find(|value| !value.is_finite()) {
                return Err(Error::input("a query with a number that is not finite").seen(value.to_string()));
            }
            let vector = vector.insert_axis(ndarray::Axis(0)).to_owned();
            return not_zero(vector, metric);
        }
        Query::Rows { like, unlike } => (like, unlike),
    };
    let n = rows.nrows();
    if let Some(row) = like.iter().chain(unlike).find(|row| **row >= n) {
        return Err(Error::argument("a query row out of range")
            .with_code("row-out-of-range")
            .seen(format!("row {row} of {n} rows, counted from 0"))
            .advice(match n {
                0 => "there are no rows".to_owned(),
                n => format!("give a row from 0 to {}", n - 1),
            }));
    }
    if like.is_empty() {
        return Err(Error::argument("no row to be like").advice("name at least one"));
    }
    if let Some(row) = like.iter().find(|row| unlike.contains(row)) {
        return Err(Error::argument("a row cannot be both liked and unliked").seen(format!("row {row}")));
    }
    // One row is the query as it stands, with no rounding in between.
    if let ([row], []) = (like, unlike) {
        return not_zero(rows.select(ndarray::Axis(0), &[*row]), metric);
    }
    let mut sum = vec![0.0; rows.ncols()];
    for (rows_of, sign) in [(like, 1.0), (unlike, -1.0)] {
        for &row in rows_of {
            let row = rows.row(row);
            let length = match metric {
                Metric::Cosine => row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt(),
                _ => 1.0,
            };
            let scale = if length > 0.0 { sign / (length * rows_of.len() as f64) } else { 0.0 };
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += scale * f64::from(*value));
        }
    }
    let values: Vec<f32> = sum.iter().map(|value| *value as f32).collect();
    let vector = Array2::from_shape_vec((1, values.len()), values)
        .map_err(|error| Error::argument("no query").source(error))?;
    not_zero(vector, metric)
}

fn not_zero(vector: Array2<f32>, metric: Metric) -> Result<Array2<f32>> {
    if metric == Metric::Cosine && vector.iter().all(|value| *value == 0.0) {
        return Err(Error::input("a query of zeros has no direction")
            .with_code("zero-vector")
            .advice("choose other rows, or another metric such as l2"));
    }
    Ok(vector)
}

/// Chooses `k` of the candidates by maximal marginal relevance; equal values by relevance.
fn varied(rows: ArrayView2<'_, f32>, candidates: Vec<Neighbor>, k: usize, lambda: f64) -> Vec<Neighbor> {
    let rows: Vec<Vec<f32>> = candidates.iter().map(|candidate| rows.row(candidate.row).to_vec()).collect();
    let mut closest = vec![f64::NEG_INFINITY; candidates.len()];
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    let mut chosen = Vec::new();
    while chosen.len() < k && !left.is_empty() {
        let value = |c: usize| {
            let repeated = if chosen.is_empty() { 0.0 } else { closest[c] };
            lambda * (1.0 - candidates[c].distance) - (1.0 - lambda) * repeated
        };
        let mut best = 0;
        for at in 1..left.len() {
            if value(left[at]) > value(left[best]) {
                best = at;
            }
        }
        let taken = left.remove(best);
        chosen.push(candidates[taken]);
        for &c in &left {
            closest[c] = closest[c].max(1.0 - Metric::Cosine.distance(&rows[c], &rows[taken]));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn texts(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    fn found(rows: &Array2<f32>, query: &Query<'_>, options: &NeighborOptions) -> Vec<usize> {
        let found = neighbors(rows.view(), query, None, options).unwrap();
        found.neighbors.iter().map(|hit| hit.row).collect()
    }

    #[test]
    fn equal_texts_are_passed_over_however_many_they_are() {
        let rows = Array2::from_shape_fn((20, 2), |(i, j)| if j == 0 { 1.0 } else { i as f32 * 0.01 });
        let mut names = vec!["same"; 18];
        names.extend(["other", "another"]);
        let query = Query::Rows { like: &[0], unlike: &[] };
        let found = neighbors(rows.view(), &query, Some(&texts(&names)), &Default::default()).unwrap();
        assert_eq!(found.neighbors.iter().map(|hit| hit.row).collect::<Vec<_>>(), [18, 19]);
        assert_eq!(found.equal_texts, 17);
    }

    #[test]
    fn a_row_that_is_not_wanted_turns_the_query_away_from_it() {
        let rows = array![[1.0_f32, 1.0], [0.0, 1.0], [1.0, 0.0], [0.1, 1.0], [1.0, 0.9]];
        let k1 = NeighborOptions { k: 1, ..Default::default() };
        assert_eq!(found(&rows, &Query::Rows { like: &[0], unlike: &[] }, &k1), [4]);
        assert_eq!(found(&rows, &Query::Rows { like: &[0], unlike: &[1] }, &k1), [2]);
        assert_eq!(found(&rows, &Query::Rows { like: &[1, 0], unlike: &[] }, &k1), [3]);
    }

    #[test]
    fn variety_takes_the_repetition_last() {
        let rows = array![[1.0_f32, 0.0], [0.99, 0.10], [0.98, 0.11], [0.9, -0.5]];
        let query = Query::Rows { like: &[0], unlike: &[] };
        let plain = NeighborOptions { k: 3, ..Default::default() };
        assert_eq!(found(&rows, &query, &plain), [1, 2, 3]);
        assert_eq!(found(&rows, &query, &NeighborOptions { mmr: Some(1.0), ..plain }), [1, 2, 3]);
        assert_eq!(found(&rows, &query, &NeighborOptions { mmr: Some(0.5), ..plain }), [1, 3, 2]);
    }

    #[test]
    fn impossible_queries_say_what_would_be_possible() {
        let rows = array![[1.0_f32, 0.0], [0.0, 0.0]];
        let says = |query: Query<'_>, options: NeighborOptions| {
            neighbors(rows.view(), &query, None, &options).unwrap_err().to_string()
        };
        let plain = NeighborOptions::default();
        let like = |like| Query::Rows { like, unlike: &[] };
        assert!(says(like(&[2]), plain).contains("give a row from 0 to 1"));
        assert!(says(like(&[]), plain).contains("no row to be like"));
        assert!(says(like(&[1]), plain).contains("zeros"));
        assert!(says(Query::Rows { like: &[0], unlike: &[0] }, plain).contains("both"));
        assert!(says(Query::Vector(array![1.0, 2.0, 3.0].view(), None), plain).contains("dimensions"));
        assert!(says(like(&[0]), NeighborOptions { mmr: Some(1.5), ..plain }).contains("within 0 and 1"));
        let l1 = NeighborOptions { mmr: Some(0.5), metric: Metric::L1, ..plain };
        assert!(says(like(&[0]), l1).contains("cosine"));
    }
}
