//! At which rank the items of a test are among all others, without keeping or sorting all scores.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rayon::prelude::*;

use super::pairs::{Cosines, vector};
use crate::metric::{Tied, TiedRanking};
use crate::rows::product::dot_products;

/// Users and items of one block of products.
pub(super) const USERS: usize = 32;
pub(super) const ITEMS: usize = 512;

/// What is asked of one user: the items of the test that the user had not rated in training.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub user: u32,
    /// The items worth finding.
    pub items: Vec<u32>,
}

/// Items among which a user's are ranked.
pub(super) struct Candidates<'c> {
    /// Items with a profile, ascending.
    pub items: &'c [u32],
    /// User and item of each training row, sorted, each once.
    pub rated: &'c [(u32, u32)],
}

impl Candidates<'_> {
    /// The items with a profile that a user rated in training.
    fn rated_by(&self, user: u32) -> impl Iterator<Item = u32> + '_ {
        let from = self.rated.partition_point(|pair| pair.0 < user);
        let mine = self.rated[from..].iter().take_while(move |pair| pair.0 == user).map(|pair| pair.1);
        mine.filter(|item| self.items.binary_search(item).is_ok())
    }
}

/// How many candidates score higher than each of some scores, and how many the same.
struct Counts {
    /// Distinct, descending.
    scores: Vec<f64>,
    /// Items worth finding of each score.
    gains: Vec<Vec<f64>>,
    /// Items whose score lies above `scores[j]` and not above `scores[j - 1]`.
    above: Vec<i64>,
    equal: Vec<i64>,
}

impl Counts {
    fn new(mut scores: Vec<f64>) -> Counts {
        scores.sort_by(|a, b| b.total_cmp(a));
        let groups: Vec<&[f64]> = scores.chunk_by(|a, b| a == b).collect();
        Counts {
            gains: groups.iter().map(|group| vec![1.0; group.len()]).collect(),
            above: vec![0; groups.len() + 1],
            equal: vec![0; groups.len()],
            scores: groups.iter().map(|group| group[0]).collect(),
        }
    }

    /// The first score below this one.
    fn place(&self, score: f64) -> usize {
        self.scores.partition_point(|known| *known >= score)
    }

    fn count(&mut self, score: f64, times: i64) {
        let place = self.place(score);
        self.above[place] += times;
        if place > 0 && self.scores[place - 1] == score {
            self.equal[place - 1] += times;
        }
    }

    /// As [`count`](Counts::count), of a score that is known up to a margin; `exact` is asked where that
    /// decides.
    fn count_about(&mut self, score: f64, margin: f64, exact: impl FnOnce() -> f64) {
        let (low, high) = (self.place(score - margin), self.place(score + margin));
        if low == high && score.is_finite() {
            self.above[low] += 1;
        } else {
            self.count(exact(), 1);
        }
    }

    fn ranking(self) -> TiedRanking {
        let mut before = 0;
        let groups = self
            .gains
            .into_iter()
            .zip(self.above)
            .zip(self.equal)
            .map(|((gains, above), size)| {
                before += above;
                Tied { before: before.max(0) as usize, size: (size.max(0) as usize).max(gains.len()), gains }
            })
            .collect();
        TiedRanking { groups, missed: Vec::new() }
    }
}

/// Rankings by one score an item, the same for all users.
pub(super) fn by_item(
    scores: impl Fn(u32) -> f64 + Sync,
    wanted: &[Wanted],
    candidates: &Candidates<'_>,
) -> Vec<TiedRanking> {
    let mut sorted: Vec<f64> = candidates.items.iter().map(|item| scores(*item)).collect();
    sorted.sort_by(f64::total_cmp);
    let ranking = |wanted: &Wanted| {
        let mut counts = Counts::new(wanted.items.iter().map(|item| scores(*item)).collect());
        let mut higher = 0;
        for j in 0..counts.scores.len() {
            let score = counts.scores[j];
            let (from, to) =
                (sorted.partition_point(|x| *x < score), sorted.partition_point(|x| *x <= score));
            counts.above[j] = (sorted.len() - to) as i64 - higher;
            higher = (sorted.len() - to) as i64;
            counts.equal[j] = (to - from) as i64;
        }
        candidates.rated_by(wanted.user).for_each(|item| counts.count(scores(item), -1));
        counts.ranking()
    };
    wanted.par_iter().map(ranking).collect()
}

/// The rankings of a random order: all candidates are tied.
pub(super) fn at_random(wanted: &[Wanted], candidates: &Candidates<'_>) -> Vec<TiedRanking> {
    let ranking = |wanted: &Wanted| {
        let size = candidates.items.len() - candidates.rated_by(wanted.user).count();
        let gains = vec![1.0; wanted.items.len()];
        TiedRanking { groups: vec![Tied { before: 0, size, gains }], missed: Vec::new() }
    };
    wanted.par_iter().map(ranking).collect()
}

/// Rankings by the cosine of user and item: products in `f32`, and in `f64` where two scores are too near
/// to be told apart. Memory: one block a thread; time: one product of users x items.
pub(super) fn by_similarity(
    cosines: &Cosines<'_>,
    wanted: &[Wanted],
    candidates: &Candidates<'_>,
    tell: &(dyn Fn(usize, usize) + Sync),
) -> Vec<TiedRanking> {
    let done = AtomicUsize::new(0);
    let ranked = |users: &[Wanted]| {
        let ranked = block(cosines, users, candidates);
        tell(done.fetch_add(users.len(), Relaxed) + users.len(), wanted.len());
        ranked
    };
    let blocks: Vec<Vec<TiedRanking>> = wanted.par_chunks(USERS).map(ranked).collect();
    blocks.into_iter().flatten().collect()
}

/// How far a cosine of products in `f32` may be from the true one.
pub(super) fn margin(dims: usize) -> f64 {
    f64::from(f32::EPSILON) * (8.0 + 2.0 * (dims as f64).sqrt())
}

fn block(cosines: &Cosines<'_>, wanted: &[Wanted], candidates: &Candidates<'_>) -> Vec<TiedRanking> {
    let dims = cosines.dims();
    let margin = margin(dims);
    let users: Vec<f32> =
        wanted.iter().flat_map(|wanted| vector(cosines.users, wanted.user as usize)).copied().collect();
    let mut counts: Vec<Counts> = wanted
        .iter()
        .map(|wanted| Counts::new(wanted.items.iter().map(|item| cosines.of(wanted.user, *item)).collect()))
        .collect();
    let (mut rows, mut products) = (Vec::new(), Vec::new());
    for items in candidates.items.chunks(ITEMS) {
        rows.clear();
        items.iter().for_each(|item| rows.extend_from_slice(vector(cosines.items, *item as usize)));
        dot_products(&rows, &users, dims, &mut products);
        for ((wanted, counts), products) in
            wanted.iter().zip(&mut counts).zip(products.chunks_exact(items.len()))
        {
            for (item, product) in items.iter().zip(products) {
                let about = f64::from(*product) / cosines.lengths(wanted.user, *item);
                counts.count_about(about, margin, || cosines.of(wanted.user, *item));
            }
        }
    }
    for (wanted, counts) in wanted.iter().zip(&mut counts) {
        candidates.rated_by(wanted.user).for_each(|item| counts.count(cosines.of(wanted.user, item), -1));
    }
    counts.into_iter().map(Counts::ranking).collect()
}
