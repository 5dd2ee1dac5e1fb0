//! The rows most like some rows, and unlike others.

use std::collections::HashSet;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use schemars::JsonSchema;
use serde::Serialize;

use super::facts::{Facts, RowFacts};
use crate::error::{Error, Result};
use crate::rows::{Metric, Neighbor, RowSource, TopK, fold_rows, select_rows};

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub enum Query<'q> {
    /// Rows of the searched source, by number from 0: like the first ones, unlike the second ones.
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
pub struct NeighborOptions<'k> {
    /// How many neighbours. Default: 5.
    pub k: usize,
    /// Default: cosine.
    pub metric: Metric,
    /// Variety by maximal marginal relevance: 1 is relevance alone, 0 variety alone. Default: none,
    /// which is as 1.
    pub mmr: Option<f64>,
    /// Whether each row may be found, such as by a [`Filter`](super::Filter). Default: all may.
    pub keep: Option<&'k [bool]>,
    /// Whether to count the rows that repeat an earlier one. Default: no.
    pub count_repeats: bool,
}

impl Default for NeighborOptions<'_> {
    fn default() -> Self {
        NeighborOptions { k: 5, metric: Metric::Cosine, mmr: None, keep: None, count_repeats: false }
    }
}

/// What [`neighbors`] found.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Neighbors {
    /// The nearest first; with MMR in the order in which they were chosen.
    pub neighbors: Vec<Hit>,
    /// Rows among which was searched: those that are kept, without those passed over.
    pub searched: usize,
    /// Rows that were passed over because their text is that of a query row, besides the query rows
    /// themselves.
    pub equal_texts: usize,
    /// Rows of zeros; by the cosine they are like nothing, and passed over.
    pub zero_rows: usize,
    /// Rows whose vector is that of an earlier row, when they were counted.
    pub repeats: Option<usize>,
}

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Hit {
    /// Its number, from 0.
    pub row: usize,
    /// Its distance from the query, by the metric of the search.
    pub distance: f64,
    /// Its cosine with the query, whatever the metric; `None` where one of them is zero.
    pub cosine: Option<f64>,
}

impl From<Hit> for Neighbor {
    fn from(hit: Hit) -> Neighbor {
        Neighbor { row: hit.row, distance: hit.distance }
    }
}

/// Candidates of MMR for each neighbour that is wanted, and the fewest.
const MMR_CANDIDATES: usize = 10;
const MMR_FEWEST: usize = 50;

/// The rows nearest to a query, exactly ([`top_k`](crate::rows::top_k()); equal distances by row number). The
/// query's own rows are passed over, and so is every row with a text equal to one of theirs: the guide's
/// `recommendations_from_strings`. By the cosine, rows of zeros are passed over too.
///
/// Several rows make one query: the mean of those to be like minus the mean of those to be unlike
/// (Rocchio 1971 with equal weights), of vectors of unit length when the metric is the cosine.
///
/// With [`NeighborOptions::mmr`], each next neighbour is the candidate with the largest
/// `l * cos(it, query) - (1 - l) * max cos(it, chosen)` (Carbonell and Goldstein 1998), of the
/// 10 k nearest rows (at least 50). It needs the cosine.
///
/// One pass over the rows, and a shorter one for each of: rows of the query, MMR, cosines beside another
/// metric.
///
/// ```
/// use embedlab::search::{Query, neighbors};
/// use ndarray::array;
/// let rows = array![[1.0_f32, 0.0], [0.0, 1.0], [0.9, 0.1], [1.0, 0.0]];
/// let texts = ["tea", "dog food", "black tea", "tea"].map(|text| Some(text.to_owned()));
/// let query = Query::Rows { like: &[0], unlike: &[] };
/// let found = neighbors(&rows, &query, Some(&texts), &Default::default())?;
/// assert_eq!(found.neighbors.iter().map(|hit| hit.row).collect::<Vec<_>>(), [2, 1]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When a row of the query does not exist or is both liked and unliked, none is liked, dimensions
/// differ, a number is not finite, texts or `keep` are not one a row, the query is zero where a cosine is
/// wanted, or MMR is not within 0 and 1.
pub fn neighbors(
    source: impl RowSource,
    query: &Query<'_>,
    texts: Option<&[Option<String>]>,
    options: &NeighborOptions<'_>,
) -> Result<Neighbors> {
    let n = source.n_rows();
    for (what, given) in [("texts", texts.map(<[_]>::len)), ("filter entries", options.keep.map(<[_]>::len))]
    {
        if let Some(given) = given.filter(|given| *given != n) {
            return Err(Error::argument(format!("{what} and rows differ in number"))
                .with_code("row-count")
                .seen(format!("{given} {what}, {n} rows")));
        }
    }
    if let Some(lambda) = options.mmr {
        if !(0.0..=1.0).contains(&lambda) {
            return Err(Error::argument("the MMR lambda must be between 0 and 1")
                .seen(lambda.to_string())
                .advice("give for example 0.5"));
        }
        if options.metric != Metric::Cosine {
            return Err(Error::argument("MMR measures variety by the cosine")
                .advice("leave the other metric or MMR out"));
        }
    }
    let vector = query_vector(&source, query, options.metric)?;
    let (keep, equal_texts) = kept(query, texts, options.keep, n);
    let searched = keep.iter().filter(|keep| **keep).count();
    let wanted = match options.mmr {
        Some(_) => options.k.saturating_mul(MMR_CANDIDATES).max(MMR_FEWEST),
        None => options.k,
    };
    let search =
        TopK::new(&source, vector.view(), wanted.min(n), options.metric)?.among(Some(&keep)).skip_zeros();
    let pass = (search, Facts { hash: options.count_repeats });
    let (found, facts) = fold_rows(&source, &pass)?;
    let facts = RowFacts::of(facts, options.count_repeats)?;
    let search = pass.0;
    let nearest = search.nearest(found).pop().unwrap_or_default();
    let nearest = match options.mmr {
        Some(lambda) => {
            let rows: Vec<usize> = nearest.iter().map(|hit| hit.row).collect();
            varied(select_rows(&source, &rows)?.view(), nearest, options.k, lambda)
        }
        None => nearest,
    };
    Ok(Neighbors {
        neighbors: hits(&source, nearest, vector.row(0), options.metric)?,
        searched,
        equal_texts,
        zero_rows: facts.zero_rows,
        repeats: facts.repeats,
    })
}

/// The rows with their cosine, which another metric leaves to be measured.
pub(super) fn hits(
    source: &impl RowSource,
    nearest: Vec<Neighbor>,
    query: ArrayView1<'_, f32>,
    metric: Metric,
) -> Result<Vec<Hit>> {
    let hit = |found: Neighbor, cosine| Hit { row: found.row, distance: found.distance, cosine };
    if metric == Metric::Cosine {
        return Ok(nearest.into_iter().map(|found| hit(found, Some(1.0 - found.distance))).collect());
    }
    let rows: Vec<usize> = nearest.iter().map(|hit| hit.row).collect();
    let vectors = select_rows(source, &rows)?;
    let query = query.to_vec();
    let zero = |values: &[f32]| values.iter().all(|value| *value == 0.0);
    let cosine = |row: ArrayView1<'_, f32>| {
        let row = row.to_vec();
        (!zero(&row) && !zero(&query)).then(|| 1.0 - Metric::Cosine.distance(&row, &query))
    };
    Ok(nearest.into_iter().zip(vectors.rows()).map(|(found, row)| hit(found, cosine(row))).collect())
}

/// Whether each row may be an answer, and how many may not only because of their text.
fn kept(
    query: &Query<'_>,
    texts: Option<&[Option<String>]>,
    keep: Option<&[bool]>,
    n_rows: usize,
) -> (Vec<bool>, usize) {
    let mut kept = keep.map_or_else(|| vec![true; n_rows], <[bool]>::to_vec);
    let mut known: HashSet<&str> = HashSet::new();
    match query {
        Query::Rows { like, unlike } => {
            for &row in like.iter().chain(*unlike) {
                kept[row] = false;
                known.extend(texts.and_then(|texts| texts[row].as_deref()));
            }
        }
        Query::Vector(_, text) => known.extend(text),
    }
    let mut equal_texts = 0;
    if let Some(texts) = texts.filter(|_| !known.is_empty()) {
        for (kept, text) in kept.iter_mut().zip(texts) {
            if *kept && text.as_deref().is_some_and(|text| known.contains(text)) {
                *kept = false;
                equal_texts += 1;
            }
        }
    }
    (kept, equal_texts)
}

/// The query as one vector, 1 x d.
fn query_vector(source: &impl RowSource, query: &Query<'_>, metric: Metric) -> Result<Array2<f32>> {
    let (like, unlike) = match *query {
        Query::Vector(vector, _) => {
            if let Some(value) = vector.iter().find(|value| !value.is_finite()) {
                return Err(Error::input("a query with a number that is not finite").seen(value.to_string()));
            }
            let vector = vector.insert_axis(Axis(0)).as_standard_layout().into_owned();
            return not_zero(vector, metric);
        }
        Query::Rows { like, unlike } => (like, unlike),
    };
    let n = source.n_rows();
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
    // One row is the query as it is, with no rounding in between.
    if let ([row], []) = (like, unlike) {
        return not_zero(select_rows(source, &[*row])?, metric);
    }
    let vectors = select_rows(source, &[like, unlike].concat())?;
    let mut sum = vec![0.0; source.dims()];
    for (rows_of, sign, first) in [(like, 1.0, 0), (unlike, -1.0, like.len())] {
        for at in 0..rows_of.len() {
            let row = vectors.row(first + at);
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

/// Chooses `k` of the candidates, whose vectors are `rows`, by maximal marginal relevance; equal values by relevance.
fn varied(rows: ArrayView2<'_, f32>, candidates: Vec<Neighbor>, k: usize, lambda: f64) -> Vec<Neighbor> {
    let rows: Vec<Vec<f32>> = rows.rows().into_iter().map(|row| row.to_vec()).collect();
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

    fn found(rows: &Array2<f32>, query: &Query<'_>, options: &NeighborOptions<'_>) -> Vec<usize> {
        let found = neighbors(rows, query, None, options).unwrap();
        found.neighbors.iter().map(|hit| hit.row).collect()
    }

    #[test]
    fn equal_texts_are_passed_over_however_many_they_are() {
        let rows = Array2::from_shape_fn((20, 2), |(i, j)| if j == 0 { 1.0 } else { i as f32 * 0.01 });
        let mut names = vec!["same"; 18];
        names.extend(["other", "another"]);
        let query = Query::Rows { like: &[0], unlike: &[] };
        let found = neighbors(&rows, &query, Some(&texts(&names)), &Default::default()).unwrap();
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
        let says = |query: Query<'_>, options: NeighborOptions<'_>| {
            neighbors(&rows, &query, None, &options).unwrap_err().to_string()
        };
        let plain = NeighborOptions::default();
        let like = |like| Query::Rows { like, unlike: &[] };
        assert!(says(like(&[2]), plain).contains("give a row from 0 to 1"));
        assert!(says(like(&[]), plain).contains("no row to be like"));
        assert!(says(like(&[1]), plain).contains("zeros"));
        assert!(says(Query::Rows { like: &[0], unlike: &[0] }, plain).contains("both"));
        assert!(says(Query::Vector(array![1.0, 2.0, 3.0].view(), None), plain).contains("dimensions"));
        assert!(says(like(&[0]), NeighborOptions { mmr: Some(1.5), ..plain }).contains("between 0 and 1"));
        let l1 = NeighborOptions { mmr: Some(0.5), metric: Metric::L1, ..plain };
        assert!(says(like(&[0]), l1).contains("cosine"));
    }

    #[test]
    fn rows_of_zeros_are_like_nothing_by_the_cosine_and_are_counted() {
        let rows = array![[1.0_f32, 0.0], [0.0, 0.0], [-1.0, 0.1], [0.0, 0.0], [0.5, 0.5], [1.0, 0.0]];
        let query = Query::Rows { like: &[0], unlike: &[] };
        let options = NeighborOptions { k: 9, count_repeats: true, ..Default::default() };
        let found = neighbors(&rows, &query, None, &options).unwrap();
        assert_eq!(found.neighbors.iter().map(|hit| hit.row).collect::<Vec<_>>(), [5, 4, 2]);
        assert_eq!((found.zero_rows, found.repeats, found.searched), (2, Some(2), 5));
        let l2 = neighbors(&rows, &query, None, &NeighborOptions { metric: Metric::L2, ..options }).unwrap();
        let cosines: Vec<(usize, bool)> =
            l2.neighbors.iter().map(|hit| (hit.row, hit.cosine.is_some())).collect();
        assert_eq!(cosines, [(5, true), (4, true), (1, false), (3, false), (2, true)]);
    }

    #[test]
    fn a_filter_and_equal_texts_leave_the_k_nearest_of_the_others() {
        let rows = Array2::from_shape_fn((400, 2), |(i, j)| if j == 0 { 1.0 } else { i as f32 * 0.01 });
        let names: Vec<Option<String>> =
            (0..400).map(|i| Some(if i < 300 { "same".into() } else { format!("{i}") })).collect();
        let keep: Vec<bool> = (0..400).map(|row| row % 2 == 1).collect();
        let query = Query::Rows { like: &[0], unlike: &[] };
        let options = NeighborOptions { k: 3, keep: Some(&keep), ..Default::default() };
        let found = neighbors(&rows, &query, Some(&names), &options).unwrap();
        assert_eq!(found.neighbors.iter().map(|hit| hit.row).collect::<Vec<_>>(), [301, 303, 305]);
        assert_eq!((found.equal_texts, found.searched), (150, 50));
        let none = NeighborOptions { keep: Some(&[false; 400]), ..options };
        assert!(neighbors(&rows, &query, None, &none).unwrap().neighbors.is_empty());
    }
}
