//! Items for one user.

use std::collections::{BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::Serialize;

use super::pairs::{Cosines, Ratings, vector};
use super::{ProfileOptions, profiles};
use crate::error::{Error, Result};
use crate::rows::{Fold, Metric, RowBlock, RowSource, fold_rows};

/// How [`recommend`] chooses.
#[derive(Debug, Clone, Copy)]
pub struct RecommendOptions<'w> {
    /// How many items. Default: 10.
    pub k: usize,
    /// How many rows speak for each item. Default: 2.
    pub speaking: usize,
    /// How profiles are made; `min_count` is asked of the user alone, an item needs one row.
    /// Default: a user of at least two rows.
    pub profiles: ProfileOptions<'w>,
}

impl Default for RecommendOptions<'_> {
    fn default() -> Self {
        let profiles = ProfileOptions { min_count: 2, ..ProfileOptions::default() };
        RecommendOptions { k: 10, speaking: 2, profiles }
    }
}

/// What [`recommend`] found.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Recommendations {
    /// The user's name.
    pub user: String,
    /// The rows behind the user's profile.
    pub rated: usize,
    /// Items that the user has not rated.
    pub candidates: usize,
    /// The nearest first; equal similarities by name.
    pub items: Vec<Item>,
}

/// An item that the user has not rated.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Item {
    /// Its name.
    pub item: String,
    /// The cosine of its profile and the user's.
    pub similarity: f64,
    /// Its rows.
    pub n: usize,
    /// The mean of its ratings; `None` without any.
    pub mean_rating: Option<f64>,
    /// Its rows nearest to the user's profile.
    pub rows: Vec<SpeakingRow>,
}

/// A row that speaks for an item.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SpeakingRow {
    /// Its number, from 0.
    pub row: usize,
    /// The cosine of the row and the user's profile.
    pub similarity: f64,
    /// Its rating.
    pub rating: Option<f64>,
    /// Its text, if known.
    pub text: Option<String>,
}

/// The items that a user has not rated, by the cosine of the two profiles, each with the rows that
/// are nearest to the user's (and their `texts`, one a row, if given). Profiles are made of all rows here: there is nothing to
/// test. Three passes over the rows.
///
/// # Errors
/// When lists do not have one entry a row, the user has too few rows or a profile of zeros, and as
/// [`profiles`].
pub fn recommend(
    source: impl RowSource,
    ratings: &Ratings<'_>,
    texts: Option<&[Option<String>]>,
    user: u32,
    options: &RecommendOptions<'_>,
) -> Result<Recommendations> {
    let n = source.n_rows();
    ratings.check(n)?;
    if let Some(texts) = texts
        && texts.len() != n
    {
        return Err(Error::argument("texts and rows differ in number").with_code("row-count").seen(format!(
            "{} texts, {} rows",
            texts.len(),
            n
        )));
    }
    let name = ratings.users.names.get(user as usize).cloned().ok_or_else(|| {
        Error::argument("no such user")
            .with_code("user-not-found")
            .seen(format!("{user} of {}", ratings.users.names.len()))
    })?;
    let mine: Vec<Option<u32>> =
        ratings.users.codes.iter().map(|code| (*code == Some(user)).then_some(0)).collect();
    let count = mine.iter().flatten().count();
    if count < options.profiles.min_count {
        let rows = if count == 1 { "row" } else { "rows" };
        return Err(Error::input(format!(
            "user {name} has {count} {rows}, and {} are asked for",
            options.profiles.min_count
        ))
        .advice("a profile of one row tells more about the row than about the user; lower the least count to have it all the same"));
    }
    let of_user = ProfileOptions { shrinkage: 0.0, ..options.profiles };
    let users = profiles(&source, &mine, 1, &of_user)?;
    if !users.known[0] || users.vectors.iter().all(|value| *value == 0.0) {
        return Err(Error::input(format!("user {name} has a profile of zeros"))
            .advice("look at the user's rows and their weights"));
    }
    let of_items = ProfileOptions { min_count: 1, ..options.profiles };
    let items = profiles(&source, &ratings.items.codes, ratings.items.names.len(), &of_items)?;
    let rated: BTreeSet<u32> =
        (0..n).filter(|row| mine[*row].is_some()).filter_map(|row| ratings.items.codes[row]).collect();
    let cosines = Cosines::new(&users, &items);
    let mut candidates: Vec<(f64, u32)> = (0..items.known.len() as u32)
        .filter(|item| items.known[*item as usize] && !rated.contains(item))
        .map(|item| (cosines.of(0, item), item))
        .collect();
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let n_candidates = candidates.len();
    candidates.truncate(options.k);
    let chosen: Vec<u32> = candidates.iter().map(|(_, item)| *item).collect();
    let speaking = Speaking::new(&chosen, &ratings.items.codes, vector(&users, 0), options.speaking);
    let spoken = fold_rows(&source, &speaking)?;
    let (counts, means) = ratings.of_items();
    let items = candidates.into_iter().zip(spoken).map(|((similarity, item), rows)| Item {
        item: ratings.items.names[item as usize].clone(),
        similarity,
        n: counts[item as usize],
        mean_rating: means[item as usize],
        rows: rows
            .into_iter()
            .map(|(similarity, row)| SpeakingRow {
                row,
                similarity,
                rating: ratings.ratings[row],
                text: texts.and_then(|texts| texts[row].clone()),
            })
            .collect(),
    });
    Ok(Recommendations { user: name, rated: count, candidates: n_candidates, items: items.collect() })
}

/// The rows of some items that are nearest to a profile, the nearest first; equal ones in row order.
struct Speaking<'a> {
    places: HashMap<u32, usize>,
    codes: &'a [Option<u32>],
    profile: &'a [f32],
    k: usize,
}

impl<'a> Speaking<'a> {
    fn new(items: &[u32], codes: &'a [Option<u32>], profile: &'a [f32], k: usize) -> Self {
        let places = items.iter().enumerate().map(|(place, item)| (*item, place)).collect();
        Speaking { places, codes, profile, k }
    }

    fn keep_nearest(&self, rows: &mut Vec<(f64, usize)>) {
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rows.truncate(self.k);
    }
}

impl Fold for Speaking<'_> {
    type Part = Vec<Vec<(f64, usize)>>;

    fn start(&self) -> Self::Part {
        vec![Vec::new(); self.places.len()]
    }

    fn add(&self, part: &mut Self::Part, block: RowBlock<'_>) {
        for (row, values) in (block.first..).zip(block.rows.rows()) {
            let place = self.codes[row].and_then(|item| self.places.get(&item));
            if let (Some(place), Some(values)) = (place, values.to_slice()) {
                part[*place].push((1.0 - Metric::Cosine.distance(values, self.profile), row));
                self.keep_nearest(&mut part[*place]);
            }
        }
    }

    fn merge(&self, into: &mut Self::Part, from: Self::Part) {
        for (rows, more) in into.iter_mut().zip(from) {
            rows.extend(more);
            self.keep_nearest(rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Labels;
    use ndarray::array;

    fn labels(names: &[&str], codes: &[u32]) -> Labels {
        Labels {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            codes: codes.iter().copied().map(Some).collect(),
        }
    }

    #[test]
    fn what_the_user_rated_is_not_recommended_and_the_nearest_rows_speak() {
        let rows = array![[1.0_f32, 0.0], [0.9, 0.1], [0.8, 0.3], [1.0, 0.05], [0.0, 1.0]];
        let users = labels(&["ann", "bob"], &[0, 0, 1, 1, 1]);
        let items = labels(&["tea", "coffee", "dog food"], &[0, 0, 1, 1, 2]);
        let stars = [Some(5.0), None, Some(2.0), Some(4.0), None];
        let ratings = Ratings { users: &users, items: &items, ratings: &stars };
        let found = recommend(rows.view(), &ratings, None, 0, &RecommendOptions::default()).unwrap();
        let names: Vec<&str> = found.items.iter().map(|item| item.item.as_str()).collect();
        assert_eq!(names, ["coffee", "dog food"]);
        assert_eq!((found.items[0].mean_rating, found.items[1].mean_rating), (Some(3.0), None));
        assert_eq!(found.items[0].rows.iter().map(|row| row.row).collect::<Vec<_>>(), [3, 2]);
        assert_eq!((found.rated, found.candidates), (2, 2));

        let single = labels(&["ann", "bob"], &[0, 1, 1, 1, 1]);
        let ratings = Ratings { users: &single, ..ratings };
        let error = recommend(rows.view(), &ratings, None, 0, &RecommendOptions::default()).unwrap_err();
        assert!(error.to_string().contains("user ann has 1 row, and 2 are asked for"), "{error}");
        assert!(ratings.user("anne").unwrap_err().to_string().contains("did you mean ann?"));
    }
}
