//! Ways to say how well an item suits a user: by profiles, and by what needs no vectors.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::pairs::{Cosines, Rated};
use crate::error::Result;
use crate::metric::{
    BootstrapOptions, Interval, Ranked, RankingScores, average_ranks, correlation_intervals, pearson,
    ranking_scores, spearman,
};

/// How one way of scoring fares on the same test rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScorerResult {
    /// `similarity`, `popularity` (training rows of the item), `item_mean` (its mean training rating)
    /// or `random`.
    pub name: &'static str,
    /// Pearson's correlation of the percentile of the score with the rating; `None` when all scores
    /// or all ratings of the test rows are equal.
    pub pearson: Option<f64>,
    /// Its bootstrap interval, users drawn whole; `None` when it is undefined.
    pub pearson_interval: Option<Interval>,
    /// Spearman's correlation of the score with the rating.
    pub spearman: Option<f64>,
    /// Its bootstrap interval.
    pub spearman_interval: Option<Interval>,
    /// How high the items that a user rated well in the test stand among all items that the user
    /// had not rated in training, averaged over users.
    pub ranking: RankingScores,
}

pub(super) enum Scorer<'s> {
    Similarity(Cosines<'s>),
    Popularity(&'s [usize]),
    ItemMean(&'s [f64]),
    Random(u64),
}

impl Scorer<'_> {
    fn name(&self) -> &'static str {
        match self {
            Scorer::Similarity(_) => "similarity",
            Scorer::Popularity(_) => "popularity",
            Scorer::ItemMean(_) => "item_mean",
            Scorer::Random(_) => "random",
        }
    }

    /// How well each of the items suits the user.
    pub fn scores(&self, user: u32, items: &[u32]) -> Vec<f64> {
        match self {
            Scorer::Similarity(cosines) => items.iter().map(|item| cosines.of(user, *item)).collect(),
            Scorer::Popularity(counts) => items.iter().map(|item| counts[*item as usize] as f64).collect(),
            Scorer::ItemMean(means) => items.iter().map(|item| means[*item as usize]).collect(),
            Scorer::Random(seed) => {
                items.iter().map(|item| draw(*seed, u64::from(user) << 32 | u64::from(*item))).collect()
            }
        }
    }

    pub fn result(&self, test: &Test<'_>) -> Result<ScorerResult> {
        let scores: Vec<f64> =
            test.pairs.iter().flat_map(|pair| self.scores(pair.user, &[pair.item])).collect();
        let ratings: Vec<f64> = test.pairs.iter().map(|pair| pair.rating).collect();
        let users: Vec<u32> = test.pairs.iter().map(|pair| pair.user).collect();
        let mut found = (None, None, None, None);
        if !scores.is_empty() {
            let percentiles = percentiles(&scores)?;
            found.0 = pearson(&percentiles, &ratings)?;
            found.1 = spearman(&scores, &ratings)?;
            // They are undefined together: when scores or ratings are all equal.
            if found.0.is_some() {
                let options = BootstrapOptions { groups: Some(&users), ..test.bootstrap };
                let intervals = correlation_intervals(&percentiles, &ratings, &options)?;
                (found.2, found.3) = (Some(intervals.pearson), Some(intervals.spearman));
            }
        }
        Ok(ScorerResult {
            name: self.name(),
            pearson: found.0,
            pearson_interval: found.2,
            spearman: found.1,
            spearman_interval: found.3,
            ranking: ranking_scores(&self.rankings(test), test.k)?,
        })
    }

    /// One ranking a user of the test.
    fn rankings(&self, test: &Test<'_>) -> Vec<Ranked> {
        let users: Vec<(&u32, &BTreeMap<u32, f64>)> = test.wanted.iter().collect();
        users
            .into_par_iter()
            .map(|(user, wanted)| {
                let candidates = test.candidates(*user);
                let scores = self.scores(*user, &candidates);
                let mut order: Vec<usize> = (0..candidates.len()).collect();
                order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
                let gain = |i: usize| wanted.get(&candidates[i]).copied().unwrap_or(0.0);
                Ranked { gains: order.into_iter().map(gain).collect(), missed: Vec::new() }
            })
            .collect()
    }
}

/// A number of 0 to 1 of its own for each place, whatever else is drawn.
fn draw(seed: u64, place: u64) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(place);
    random.gen_range(0.0..1.0)
}

/// The rank of each value as a share of their number, ties having their mean rank: pandas'
/// `rank(pct=True)`.
pub(super) fn percentiles(values: &[f64]) -> Result<Vec<f64>> {
    let n = values.len() as f64;
    Ok(average_ranks(values)?.into_iter().map(|rank| rank / n).collect())
}

/// What every way of scoring is asked.
pub(super) struct Test<'t> {
    /// Test rows whose user and item have a profile.
    pub pairs: &'t [Rated],
    /// Items with a profile.
    pub items: &'t [u32],
    /// What each user rated in training.
    pub rated: &'t BTreeMap<u32, BTreeSet<u32>>,
    /// For each user of the test the gain of the items that can be found.
    pub wanted: &'t BTreeMap<u32, BTreeMap<u32, f64>>,
    pub k: usize,
    pub bootstrap: BootstrapOptions<'t>,
}

impl Test<'_> {
    fn candidates(&self, user: u32) -> Vec<u32> {
        let rated = self.rated.get(&user);
        self.items.iter().copied().filter(|item| rated.is_none_or(|rated| !rated.contains(item))).collect()
    }
}
