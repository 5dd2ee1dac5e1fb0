//! What a task gives: its scores, and how they change when its units are drawn again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::metric::{BootstrapOptions, Interval, bootstrap, bootstrap_all, bootstrap_crossed};

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

/// All scores, by how often each unit and each draw counts.
type Scores = dyn Fn(&[u32], &[u32]) -> Vec<f64> + Send + Sync;

/// The scores as a function of how often each unit, and each draw of the protocol, counts.
#[derive(Clone)]
pub struct Resampling {
    /// What is drawn again: `pairs`, `queries`, `rows`, `draws`, or `rows and draws`.
    pub over: &'static str,
    /// How many units there are.
    pub n: usize,
    /// How many draws are drawn again too; 1 where the protocol does not draw.
    draws: usize,
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
        Resampling { over, n, draws: 1, looks: 1, names, scores: Arc::new(move |times, _| scores(times)) }
    }

    /// Means over draws, each scored on the same test rows: `scores` of one draw, by how often each row counts. Rows and
    /// draws are drawn again together; of one draw, rows alone.
    pub(super) fn of_draws(
        n: usize,
        draws: usize,
        names: Vec<String>,
        scores: impl Fn(usize, &[u32]) -> Vec<f64> + Send + Sync + 'static,
    ) -> Self {
        let mean = move |rows: &[u32], draws: &[u32]| {
            let mut sums: Vec<f64> = Vec::new();
            let mut all = 0.0;
            for (draw, times) in draws.iter().enumerate().filter(|(_, times)| **times > 0) {
                let found = scores(draw, rows);
                sums.resize(found.len(), 0.0);
                sums.iter_mut().zip(found).for_each(|(sum, score)| *sum += f64::from(*times) * score);
                all += f64::from(*times);
            }
            sums.into_iter().map(|sum| sum / all).collect()
        };
        let over = if draws > 1 { "rows and draws" } else { "rows" };
        Resampling { over, n, draws, looks: draws, names, scores: Arc::new(mean) }
    }

    /// The same of scores that look at each unit so many times as often.
    pub(super) fn looking(self, looks: usize) -> Self {
        Resampling { looks: self.looks * looks, ..self }
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

    /// The scores when every unit and every draw counts once.
    pub(super) fn whole(&self) -> Vec<(String, Option<f64>)> {
        let values = (self.scores)(&vec![1; self.n], &vec![1; self.draws]);
        let defined = values.into_iter().map(|value| value.is_finite().then_some(value));
        self.names.iter().cloned().zip(defined).collect()
    }
}

/// Resamples: 1,000, and down to 200 where that would take seconds.
fn options(resampling: &Resampling, seed: u64) -> BootstrapOptions<'static> {
    let n_resamples = (20_000_000 / (resampling.n * resampling.looks).max(1)).clamp(200, 1000);
    BootstrapOptions { n_resamples, seed, ..Default::default() }
}

/// The 95 % interval of each score, by the bootstrap over [`Resampling::over`]; empty when there are fewer than two
/// units.
///
/// # Errors
/// As [`bootstrap_all`].
pub fn intervals(scored: &Scored, seed: u64) -> Result<BTreeMap<String, Interval>> {
    let resampling = &scored.resampling;
    if resampling.n < 2 {
        return Ok(BTreeMap::new());
    }
    let options = options(resampling, seed);
    let found = if resampling.draws > 1 {
        let found = bootstrap_crossed(resampling.n, resampling.draws, &options, |rows, draws| {
            (resampling.scores)(rows, draws)
        })?;
        found.into_iter().map(|(interval, _)| interval).collect()
    } else {
        bootstrap_all(resampling.n, &options, |times| (resampling.scores)(times, &[1]))?
    };
    let named = resampling.names.iter().cloned().zip(found);
    Ok(named.filter(|(_, interval)| interval.low.is_finite()).collect())
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
    /// How often sets that are equally good would differ so: twice the share of resamples on the other side of 0, and
    /// where draws are drawn again by the t distribution, as the interval.
    pub p: f64,
}

/// Compares two sets of vectors by one score, on the same resamples of the same units.
///
/// # Errors
/// When the units differ, the score is undefined for one side or has no interval, and as [`bootstrap`].
pub fn compare(first: &Scored, second: &Scored, score: &str, seed: u64) -> Result<Difference> {
    let (a, b) = (&first.resampling, &second.resampling);
    if a.n != b.n || a.draws != b.draws || a.n < 2 {
        return Err(Error::input("two sets of vectors that were not scored on the same units")
            .with_code("not-paired")
            .seen(format!("{} and {} {}, {} and {} draws", a.n, b.n, a.over, a.draws, b.draws))
            .advice("both need the same pairs, queries or rows, at least two, and as many draws"));
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
    if a.draws > 1 {
        let difference =
            |rows: &[u32], draws: &[u32]| vec![(a.scores)(rows, draws)[at] - (b.scores)(rows, draws)[other]];
        let found = bootstrap_crossed(a.n, a.draws, &options(a, seed), difference)?;
        let undefined = || Error::input("the score is undefined").seen(score);
        let (interval, p) = found.into_iter().next().ok_or_else(undefined)?;
        return Ok(Difference { first: one, second: two, interval, p });
    }
    let signs = std::sync::Mutex::new((0_usize, 0_usize, 0_usize));
    let interval = bootstrap(a.n, &options(a, seed), |times| {
        let difference = (a.scores)(times, &[1])[at] - (b.scores)(times, &[1])[other];
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
