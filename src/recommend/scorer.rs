//! Ways to say how well an item suits a user: by profiles, and by what needs no vectors.

use schemars::JsonSchema;
use serde::Serialize;

use super::interval::two_way_interval;
use super::pairs::{Cosines, Rated};
use super::places::{Candidates, Wanted, at_random, by_item, by_similarity};
use crate::error::Result;
use crate::metric::{Interval, RankingScores, average_ranks, expected_ranking_scores, pearson, spearman};

/// How one way of scoring fares on the same test rows.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ScorerResult {
    /// `similarity`, `popularity` (training rows of the item), `item_mean` (its mean training rating)
    /// or `random`.
    pub name: &'static str,
    /// Pearson's correlation of the percentile of the score with the rating; `None` when all scores
    /// or all ratings of the test rows are equal. 0 for a random order, on average.
    pub pearson: Option<f64>,
    /// Its 95 % interval for other users and other items (two-way clustered); `None` when it is undefined.
    pub pearson_interval: Option<Interval>,
    /// Spearman's correlation of the score with the rating.
    pub spearman: Option<f64>,
    /// Its interval, likewise.
    pub spearman_interval: Option<Interval>,
    /// How high the items that a user rated well in the test rank among all items that the user
    /// had not rated in training, averaged over users, and over all orders of items of equal score.
    pub ranking: RankingScores,
}

pub(super) enum Scorer<'s> {
    Similarity(Cosines<'s>),
    Popularity(&'s [usize]),
    ItemMean(&'s [f64]),
    Random,
}

/// What every way of scoring is asked.
pub(super) struct Test<'t> {
    /// Test rows whose user and item have a profile.
    pub pairs: &'t [Rated],
    pub candidates: Candidates<'t>,
    /// The users of these rows with the items worth finding; of some users none.
    pub wanted: &'t [Wanted],
    pub k: usize,
}

impl Scorer<'_> {
    fn name(&self) -> &'static str {
        match self {
            Scorer::Similarity(_) => "similarity",
            Scorer::Popularity(_) => "popularity",
            Scorer::ItemMean(_) => "item_mean",
            Scorer::Random => "random",
        }
    }

    /// How well an item suits a user.
    pub fn score(&self, user: u32, item: u32) -> f64 {
        match self {
            Scorer::Similarity(cosines) => cosines.of(user, item),
            Scorer::Popularity(counts) => counts[item as usize] as f64,
            Scorer::ItemMean(means) => means[item as usize],
            Scorer::Random => 0.0,
        }
    }

    pub fn result(&self, test: &Test<'_>, tell: &(dyn Fn(usize, usize) + Sync)) -> Result<ScorerResult> {
        let (wanted, candidates) = (test.wanted, &test.candidates);
        let rankings = match self {
            Scorer::Similarity(cosines) => by_similarity(cosines, wanted, candidates, tell),
            Scorer::Popularity(_) | Scorer::ItemMean(_) => {
                by_item(|item| self.score(0, item), wanted, candidates)
            }
            Scorer::Random => at_random(wanted, candidates),
        };
        let mut result = ScorerResult {
            name: self.name(),
            pearson: None,
            pearson_interval: None,
            spearman: None,
            spearman_interval: None,
            ranking: expected_ranking_scores(&rankings, test.k)?,
        };
        if matches!(self, Scorer::Random) {
            (result.pearson, result.spearman) = (Some(0.0), Some(0.0));
        } else if !test.pairs.is_empty() {
            self.correlate(test, &mut result)?;
        }
        Ok(result)
    }

    fn correlate(&self, test: &Test<'_>, result: &mut ScorerResult) -> Result<()> {
        let scores: Vec<f64> = test.pairs.iter().map(|pair| self.score(pair.user, pair.item)).collect();
        let ratings: Vec<f64> = test.pairs.iter().map(|pair| pair.rating).collect();
        let users: Vec<u32> = test.pairs.iter().map(|pair| pair.user).collect();
        let items: Vec<u32> = test.pairs.iter().map(|pair| pair.item).collect();
        let percentiles = percentiles(&scores)?;
        result.pearson = pearson(&percentiles, &ratings)?;
        result.spearman = spearman(&scores, &ratings)?;
        let interval = |r: Option<f64>, ratings: &[f64]| {
            r.and_then(|r| two_way_interval(r, &percentiles, ratings, &users, &items))
        };
        result.pearson_interval = interval(result.pearson, &ratings);
        result.spearman_interval = interval(result.spearman, &average_ranks(&ratings)?);
        Ok(())
    }
}

/// The rank of each value as a share of their number, ties having their mean rank: pandas'
/// `rank(pct=True)`.
pub(super) fn percentiles(values: &[f64]) -> Result<Vec<f64>> {
    let n = values.len() as f64;
    Ok(average_ranks(values)?.into_iter().map(|rank| rank / n).collect())
}
