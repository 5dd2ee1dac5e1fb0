//! Do held-out ratings rise with the similarity of user and item?

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::pairs::{Cold, Cosines, Rated, Ratings};
use super::places::{Candidates, Wanted};
use super::scorer::{Scorer, ScorerResult, Test, percentiles};
use super::{ProfileOptions, Profiles, profiles};
use crate::error::{Error, Result};
use crate::metric::{FEWEST, Interval, quantile};
use crate::rows::RowSource;
use crate::split::Split;

/// How [`evaluate`] works.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationOptions<'w> {
    /// How profiles are made.
    pub profiles: ProfileOptions<'w>,
    /// Places of a ranking that count. Default: 10.
    pub k: usize,
    /// An item is worth finding when its rating is at least this. Default: above the middle between
    /// the lowest and the highest rating (4 and 5 of 5 stars).
    pub relevant: Option<f64>,
}

impl Default for EvaluationOptions<'_> {
    fn default() -> Self {
        EvaluationOptions { profiles: ProfileOptions::default(), k: 10, relevant: None }
    }
}

/// What [`evaluate`] found. Serialised, it has the keys of `embedlab recommend --json`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Evaluation {
    /// Rows that profiles are made of.
    pub n_train: usize,
    /// Rows held out.
    pub n_test: usize,
    /// Users with a profile.
    pub users: usize,
    /// Items with a profile.
    pub items: usize,
    /// Test rows whose user and item both have a profile: all that follows rests on these.
    pub pairs: usize,
    /// The other test rows; a profile of zeros counts as none.
    pub cold: Cold,
    /// Rows without a user, an item or a rating, which are left out on either side.
    pub incomplete: usize,
    /// Pearson's correlation of the percentile of the similarity with the rating, as in the guide's
    /// notebook.
    pub correlation: Option<f64>,
    /// Its interval (95 %) for other users and other items ([`ScorerResult::pearson_interval`]).
    pub correlation_interval: Option<Interval>,
    /// Spearman's correlation of the similarity with the rating.
    pub spearman: Option<f64>,
    /// Its interval.
    pub spearman_interval: Option<Interval>,
    /// The percentiles by rating, the lowest first.
    pub by_label: Vec<ByLabel>,
    /// An item is worth finding when its rating is at least this.
    pub relevant: f64,
    /// The similarity and what it must beat, on the same rows.
    pub scorers: Vec<ScorerResult>,
    /// Why not to lean on these figures, if there is a reason.
    pub caution: Option<String>,
    /// The test rows behind `pairs`, in the order of the test side.
    #[serde(skip)]
    pub rows: Vec<Pair>,
}

/// The test rows of one rating.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ByLabel {
    /// The rating.
    pub label: f64,
    /// How many test rows have it.
    pub n: usize,
    /// The median percentile of their similarity.
    pub median_percentile: f64,
    /// The mean percentile.
    pub mean_percentile: f64,
}

/// One test row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pair {
    /// Its number, from 0.
    pub row: usize,
    /// The code of its user.
    pub user: u32,
    /// The code of its item.
    pub item: u32,
    /// Its rating.
    pub rating: f64,
    /// The cosine of the two profiles.
    pub similarity: f64,
    /// Its rank among the test rows as a share, ties having their mean rank.
    pub percentile: f64,
}

/// Makes profiles from the training rows alone and looks at the test rows: does the rating rise
/// with the cosine of user and item, more than with popularity, the mean rating, or chance?
///
/// The guide's text averages over all rows, so that a profile contains the very row it is tested
/// on: its figures leak. Its notebook, and this, keep the test rows out.
///
/// # Errors
/// When lists do not have one entry a row, a rating is not finite, no row is complete, all ratings
/// are equal, the split names a row that does not exist, and as [`profiles`].
pub fn evaluate(
    source: &(impl RowSource + ?Sized),
    ratings: &Ratings<'_>,
    split: &Split,
    options: &EvaluationOptions<'_>,
) -> Result<Evaluation> {
    evaluate_telling(source, ratings, split, options, &|_, _| ())
}

/// As [`evaluate`]; `tell` hears how many of the users have been ranked, of how many.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_telling(
    source: &(impl RowSource + ?Sized),
    ratings: &Ratings<'_>,
    split: &Split,
    options: &EvaluationOptions<'_>,
    tell: &(dyn Fn(usize, usize) + Sync),
) -> Result<Evaluation> {
    let n = source.n_rows();
    ratings.check(n)?;
    if let Some(row) = split.train.iter().chain(&split.test).find(|row| **row >= n) {
        return Err(Error::argument("the split names a row beyond the last")
            .row(*row)
            .seen(format!("{n} rows")));
    }
    let side = |rows: &[usize]| rows.iter().filter_map(|row| ratings.row(*row)).collect::<Vec<Rated>>();
    let (train, test) = (side(&split.train), side(&split.test));
    let relevant = threshold(&train, &test, options.relevant)?;

    let users = side_profiles(source, &train, |rated| rated.user, ratings.users.names.len(), options)?;
    let items = side_profiles(source, &train, |rated| rated.item, ratings.items.names.len(), options)?;
    let (mut pairs, mut cold) = (Vec::new(), Cold::default());
    for rated in test {
        let known = (users.known[rated.user as usize], items.known[rated.item as usize]);
        cold.count(known.0, known.1);
        if known.0 && known.1 {
            pairs.push(rated);
        }
    }
    let mut rated: Vec<(u32, u32)> = train.iter().map(|row| (row.user, row.item)).collect();
    rated.sort_unstable();
    rated.dedup();
    let wanted = wanted(&pairs, &rated, relevant);
    let known_items: Vec<u32> =
        (0..items.known.len() as u32).filter(|item| items.known[*item as usize]).collect();
    let question = Test {
        pairs: &pairs,
        candidates: Candidates { items: &known_items, rated: &rated },
        wanted: &wanted,
        k: options.k,
    };
    let means = mean_ratings(&train, ratings.items.names.len());
    let counts = train_counts(&train, ratings.items.names.len());
    let similarity = Scorer::Similarity(Cosines::new(&users, &items));
    let rows = scored(&pairs, &similarity)?;
    let scorers = [similarity, Scorer::Popularity(&counts), Scorer::ItemMean(&means), Scorer::Random]
        .iter()
        .map(|scorer| scorer.result(&question, tell))
        .collect::<Result<Vec<_>>>()?;
    let first = &scorers[0];
    Ok(Evaluation {
        n_train: split.train.len(),
        n_test: split.test.len(),
        users: users.n_known(),
        items: items.n_known(),
        pairs: rows.len(),
        cold,
        incomplete: split.train.len() + split.test.len() - train.len() - rows.len() - cold.rows,
        correlation: first.pearson,
        correlation_interval: first.pearson_interval,
        spearman: first.spearman,
        spearman_interval: first.spearman_interval,
        by_label: by_label(&rows),
        relevant,
        caution: caution(&rows, split.test.len(), first),
        scorers,
        rows,
    })
}

/// From which rating on an item is worth finding.
fn threshold(train: &[Rated], test: &[Rated], given: Option<f64>) -> Result<f64> {
    let all = || train.iter().chain(test).map(|rated| rated.rating);
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    if train.is_empty() {
        return Err(Error::input("no training row has a user, an item and a rating")
            .advice("check the columns of users, items and ratings"));
    }
    if low == high {
        return Err(Error::input("all ratings are equal")
            .seen(format!("{low} in {} rows", train.len() + test.len()))
            .advice("there is nothing to tell apart; name a column of ratings that differ"));
    }
    match given {
        Some(value) if !value.is_finite() => {
            Err(Error::argument("a rating is not a number").seen(value.to_string()))
        }
        Some(value) => Ok(value),
        // The least rating above the middle.
        None => Ok(all().filter(|rating| *rating > (low + high) / 2.0).fold(high, f64::min)),
    }
}

fn side_profiles(
    source: &(impl RowSource + ?Sized),
    train: &[Rated],
    of: impl Fn(&Rated) -> u32,
    n_groups: usize,
    options: &EvaluationOptions<'_>,
) -> Result<Profiles> {
    let mut groups = vec![None; source.n_rows()];
    train.iter().for_each(|rated| groups[rated.row] = Some(of(rated)));
    let mut found = profiles(source, &groups, n_groups, &options.profiles)?;
    // A profile of zeros has no direction, and so no similarity.
    for (known, vector) in found.known.iter_mut().zip(found.vectors.rows()) {
        *known &= vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() > 0.0;
    }
    Ok(found)
}

/// For each user of the test the items worth finding that were not rated in training; several rows of one
/// pair count once, by the best.
fn wanted(pairs: &[Rated], rated: &[(u32, u32)], relevant: f64) -> Vec<Wanted> {
    let mut wanted: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pair in pairs {
        let items = wanted.entry(pair.user).or_default();
        if pair.rating >= relevant && rated.binary_search(&(pair.user, pair.item)).is_err() {
            items.push(pair.item);
        }
    }
    let one = |(user, mut items): (u32, Vec<u32>)| {
        items.sort_unstable();
        items.dedup();
        Wanted { user, items }
    };
    wanted.into_iter().map(one).collect()
}

fn train_counts(train: &[Rated], n_items: usize) -> Vec<usize> {
    let mut counts = vec![0; n_items];
    train.iter().for_each(|rated| counts[rated.item as usize] += 1);
    counts
}

/// The mean training rating of each item; 0 for an item without rows, which is never asked for.
fn mean_ratings(train: &[Rated], n_items: usize) -> Vec<f64> {
    let mut sums = vec![0.0; n_items];
    train.iter().for_each(|rated| sums[rated.item as usize] += rated.rating);
    let counts = train_counts(train, n_items);
    sums.iter().zip(counts).map(|(sum, count)| sum / count.max(1) as f64).collect()
}

fn scored(pairs: &[Rated], similarity: &Scorer<'_>) -> Result<Vec<Pair>> {
    let similarities: Vec<f64> = pairs.iter().map(|pair| similarity.score(pair.user, pair.item)).collect();
    let ranks = percentiles(&similarities)?;
    let pair = |((rated, similarity), percentile): ((&Rated, f64), f64)| Pair {
        row: rated.row,
        user: rated.user,
        item: rated.item,
        rating: rated.rating,
        similarity,
        percentile,
    };
    Ok(pairs.iter().zip(similarities).zip(ranks).map(pair).collect())
}

fn by_label(rows: &[Pair]) -> Vec<ByLabel> {
    let mut sorted: Vec<&Pair> = rows.iter().collect();
    sorted.sort_by(|a, b| a.rating.total_cmp(&b.rating).then(a.percentile.total_cmp(&b.percentile)));
    sorted
        .chunk_by(|a, b| a.rating == b.rating)
        .map(|rows| {
            let percentiles: Vec<f64> = rows.iter().map(|row| row.percentile).collect();
            ByLabel {
                label: rows[0].rating,
                n: rows.len(),
                median_percentile: quantile(&percentiles, 0.5),
                mean_percentile: percentiles.iter().sum::<f64>() / rows.len() as f64,
            }
        })
        .collect()
}

fn caution(rows: &[Pair], n_test: usize, similarity: &ScorerResult) -> Option<String> {
    let n = rows.len();
    if n < FEWEST {
        let rows = if n == 1 { "row proves" } else { "rows prove" };
        return Some(format!(
            "{n} {rows} nothing: only {n} of the {n_test} test rows have a user and an item that training knows, and \
             {FEWEST} are the least to tell anything from"
        ));
    }
    if similarity.pearson.is_none() {
        return Some("no correlation: all similarities or all ratings of the test rows are equal".to_owned());
    }
    let Some(interval) = similarity.pearson_interval else {
        return Some("no interval: all test rows are of one user or of one item".to_owned());
    };
    if let Some(caution) = interval.caution() {
        return Some(caution);
    }
    (interval.low <= 0.0 && interval.high >= 0.0).then(|| {
        format!(
            "the interval of the correlation, {:.3} to {:.3}, holds 0: these {n} rows do not show that ratings rise \
             with similarity",
            interval.low, interval.high
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Labels;
    use ndarray::Array2;

    fn labels(codes: &[u32]) -> Labels {
        let n = codes.iter().max().map_or(0, |most| most + 1);
        Labels {
            names: (0..n).map(|name| format!("u{name}")).collect(),
            codes: codes.iter().copied().map(Some).collect(),
        }
    }

    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((8, 3), |(i, j)| ((i * 7 + j * 5) % 11) as f32 - 4.0)
    }

    fn run(ratings: &[f64]) -> Result<Evaluation> {
        let (users, items) = (labels(&[0, 0, 1, 1, 0, 1, 2, 0]), labels(&[0, 1, 0, 2, 2, 1, 0, 3]));
        let ratings: Vec<Option<f64>> = ratings.iter().copied().map(Some).collect();
        let ratings = Ratings { users: &users, items: &items, ratings: &ratings };
        let split = Split { train: (0..4).collect(), test: (4..8).collect() };
        evaluate(&rows(), &ratings, &split, &EvaluationOptions::default())
    }

    #[test]
    fn cold_rows_are_counted_by_what_is_unknown() {
        let found = run(&[1.0, 5.0, 3.0, 4.0, 5.0, 2.0, 4.0, 4.0]).unwrap();
        assert_eq!((found.users, found.items, found.pairs), (2, 3, 2));
        assert_eq!(found.cold, Cold { rows: 2, user_only: 1, item_only: 1, both: 0 });
        assert!(found.caution.unwrap().starts_with("2 rows prove nothing"));
        assert_eq!(found.relevant, 4.0);
        assert_eq!((found.scorers[0].ranking.n, found.scorers[0].ranking.without), (1, 1));
    }

    #[test]
    fn the_test_rows_do_not_touch_the_profiles() {
        let before = run(&[1.0, 5.0, 3.0, 4.0, 5.0, 2.0, 4.0, 4.0]).unwrap();
        let mut other = rows();
        (4..8).for_each(|row| other.row_mut(row).fill(9.0));
        let (users, items) = (labels(&[0, 0, 1, 1, 0, 1, 2, 0]), labels(&[0, 1, 0, 2, 2, 1, 0, 3]));
        let ratings: Vec<Option<f64>> = [1.0, 5.0, 3.0, 4.0, 5.0, 2.0, 4.0, 4.0].map(Some).to_vec();
        let ratings = Ratings { users: &users, items: &items, ratings: &ratings };
        let split = Split { train: (0..4).collect(), test: (4..8).collect() };
        let after = evaluate(&other, &ratings, &split, &EvaluationOptions::default()).unwrap();
        assert_eq!(before, after);
    }

    #[test]
    fn equal_ratings_are_refused() {
        assert!(run(&[5.0; 8]).unwrap_err().to_string().contains("all ratings are equal: 5 in 8 rows"));
    }
}
