//! What a task gives: its scores, and how they change when its units are drawn again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::metric::{BootstrapOptions, Interval, bootstrap, bootstrap_all};

/// The scores of a task on one set of vectors.
#[derive(Clone)]
pub struct Scored {
    /// The score that MTEB ranks models by in this task.
    pub main: &'static str,
    /// All scores, by MTEB's names; `None` where a score is undefined.
    pub scores: Vec<(String, Option<f64>)>,
    /// Rows, pairs or queries that were scored.
    pub n: usize,
    /// The main score of each draw, where the protocol draws; else empty.
    pub draws: Vec<f64>,
    /// The share of the units whose scores depend on how equal scores are ordered; `None` where nothing is ranked.
    pub ties: Option<f64>,
    /// What belongs to each unit, one list of `n` values for each name.
    pub each: Vec<(&'static str, Vec<Option<f64>>)>,
    /// The scores of the units drawn again.
    pub resampling: Resampling,
}

impl Scored {
    /// A score by its name.
    pub fn score(&self, name: &str) -> Option<f64> {
        self.scores.iter().find(|(known, _)| known == name).and_then(|(_, score)| *score)
    }

    /// The names of the scores that have an interval.
    pub fn resampled(&self) -> &[String] {
        &self.resampling.names
    }
}

/// All scores, by how often each unit counts.
type Scores = dyn Fn(&[u32]) -> Vec<f64> + Send + Sync;

/// The scores as a function of how often each unit counts.
#[derive(Clone)]
pub struct Resampling {
    /// What is drawn again: `pairs`, `queries`, `rows`, `draws`.
    pub over: &'static str,
    /// How many there are.
    pub n: usize,
    /// How often each unit is looked at in one resample.
    looks: usize,
    names: Vec<String>,
    scores: Arc<Scores>,
}

impl Resampling {
    /// Scores of these names, in this order; a score that is undefined is NaN.
    pub(super) fn new(
        over: &'static str,
        n: usize,
        names: Vec<String>,
        scores: impl Fn(&[u32]) -> Vec<f64> + Send + Sync + 'static,
    ) -> Self {
        Resampling { over, n, looks: 1, names, scores: Arc::new(scores) }
    }

    /// The same of scores that look at each unit so often, once for each draw.
    pub(super) fn looking(self, looks: usize) -> Self {
        Resampling { looks, ..self }
    }

    /// Weighted means of columns of numbers, which is what most scores are.
    pub(super) fn of_means(over: &'static str, columns: Vec<(String, Vec<f64>)>) -> Self {
        let n = columns.first().map_or(0, |(_, values)| values.len());
        let (names, columns): (Vec<String>, Vec<Vec<f64>>) = columns.into_iter().unzip();
        Self::new(over, n, names, move |times| {
            let total: f64 = times.iter().map(|times| f64::from(*times)).sum();
            let mean = |values: &Vec<f64>| {
                values.iter().zip(times).map(|(value, times)| value * f64::from(*times)).sum::<f64>() / total
            };
            columns.iter().map(mean).collect()
        })
    }

    /// The scores when every unit counts once.
    pub(super) fn whole(&self) -> Vec<(String, Option<f64>)> {
        let values = (self.scores)(&vec![1; self.n]);
        let defined = values.into_iter().map(|value| value.is_finite().then_some(value));
        self.names.iter().cloned().zip(defined).collect()
    }
}

/// Resamples: 1,000, and down to 200 where that would take seconds.
fn options(resampling: &Resampling, seed: u64) -> BootstrapOptions<'static> {
    let n_resamples = (20_000_000 / (resampling.n * resampling.looks).max(1)).clamp(200, 1000);
    BootstrapOptions { n_resamples, seed, ..Default::default() }
}

/// The 95 % interval of each score, by the bootstrap; empty when there are fewer than two units.
///
/// # Errors
/// As [`bootstrap_all`].
pub fn intervals(scored: &Scored, seed: u64) -> Result<BTreeMap<String, Interval>> {
    let Resampling { n, names, scores, .. } = &scored.resampling;
    if *n < 2 {
        return Ok(BTreeMap::new());
    }
    let found = bootstrap_all(*n, &options(&scored.resampling, seed), |times| scores(times))?;
    Ok(names.iter().cloned().zip(found).filter(|(_, interval)| interval.low.is_finite()).collect())
}

/// Two sets of vectors in the same task.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The score of the first.
    pub first: f64,
    /// The score of the second.
    pub second: f64,
    /// The 95 % interval of first minus second (paired bootstrap).
    pub interval: Interval,
    /// Twice the share of resamples on the other side of 0: how often sets that are equally good would differ so.
    pub p: f64,
}

/// Compares two sets of vectors by one score, on the same resamples of the same units.
///
/// # Errors
/// When the units differ, the score is undefined for one side or has no interval, and as [`bootstrap`].
pub fn compare(first: &Scored, second: &Scored, score: &str, seed: u64) -> Result<Difference> {
    let (a, b) = (&first.resampling, &second.resampling);
    if a.n != b.n || a.n < 2 {
        return Err(Error::input("two sets of vectors that were not scored on the same units")
            .with_code("not-paired")
            .seen(format!("{} and {} {}", a.n, b.n, a.over))
            .advice("both need the same pairs, queries or rows, at least two"));
    }
    let place = |side: &Resampling| side.names.iter().position(|name| name == score);
    let (Some(at), Some(other)) = (place(a), place(b)) else {
        return Err(Error::argument("this score has no interval")
            .seen(score)
            .advice(format!("choose one of {}", a.names.join(", "))));
    };
    let (Some(one), Some(two)) = (first.score(score), second.score(score)) else {
        return Err(Error::input("the score is undefined").seen(score));
    };
    let signs = std::sync::Mutex::new((0_usize, 0_usize, 0_usize));
    let interval = bootstrap(a.n, &options(a, seed), |times| {
        let difference = (a.scores)(times)[at] - (b.scores)(times)[other];
        if difference.is_finite() {
            let mut signs = signs.lock().unwrap_or_else(|broken| broken.into_inner());
            signs.0 += usize::from(difference <= 0.0);
            signs.1 += usize::from(difference >= 0.0);
            signs.2 += 1;
        }
        difference
    })?;
    let (below, above, all) = signs.into_inner().unwrap_or_else(|broken| broken.into_inner());
    let p = (2.0 * (below.min(above) + 1) as f64 / (all + 1) as f64).min(1.0);
    Ok(Difference { first: one, second: two, interval, p })
}
