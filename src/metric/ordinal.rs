//! Predicted levels with an order, such as stars, against true ones.

use serde::Serialize;

use super::check::{finite, same_rows};
use super::confusion::quadratic_kappa;
use super::correlation::Ranks;
use super::interval::{BootstrapOptions, Doubt, Interval, bootstrap_all};
use super::share::share_interval;
use crate::error::{Error, Result};

/// Scores of predicted stars, grades or other levels with an order.
///
/// The first three look at predictions that were rounded to the nearest level (the lower one where
/// two are as near), the last two at the predictions as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct OrdinalScores {
    /// How many rows were scored.
    pub n: usize,
    /// The share of rows whose level was predicted.
    pub exact: f64,
    /// The share of rows whose predicted level is at most 1 (in the unit of the levels) away.
    pub within_one: f64,
    /// Agreement above chance, where a disagreement counts by the square of the number of steps
    /// between the levels (Cohen 1968): scikit-learn's `cohen_kappa_score(weights="quadratic")`.
    /// `None` when truth and predictions have one and the same level.
    pub quadratic_weighted_kappa: Option<f64>,
    /// Kendall's tau-b; `None` when truth or predictions are constant.
    pub kendall_tau: Option<f64>,
    /// Spearman's correlation; `None` when truth or predictions are constant.
    pub spearman: Option<f64>,
}

/// Scores the predicted level of each row. `levels` are all that exist, such as `[1.0, 2.0, 3.0, 4.0,
/// 5.0]`; when it is empty, those that occur in the truth.
///
/// # Errors
/// No rows, truth and predictions of different length, a number that is NaN or infinite, a true
/// value that is none of the levels, more than 1,000 levels.
///
/// ```
/// use embedlab::metric::ordinal_scores;
///
/// let scores = ordinal_scores(&[1.0, 3.0, 5.0, 5.0], &[1.2, 4.4, 4.6, 2.0], &[])?;
/// assert_eq!((scores.exact, scores.within_one), (0.5, 0.5));
/// let stars = [1.0, 2.0, 3.0, 4.0, 5.0];
/// let scores = ordinal_scores(&[1.0, 3.0, 5.0, 5.0], &[1.2, 4.4, 4.6, 2.0], &stars)?;
/// assert_eq!((scores.exact, scores.within_one), (0.5, 0.75));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn ordinal_scores(truth: &[f64], predicted: &[f64], levels: &[f64]) -> Result<OrdinalScores> {
    let rows = Rows::new(truth, predicted, levels)?;
    let (exact, within_one, quadratic_weighted_kappa) = rows.on_levels(|_| 1);
    Ok(OrdinalScores {
        n: truth.len(),
        exact,
        within_one,
        quadratic_weighted_kappa,
        kendall_tau: rows.ranks.kendall_tau(|_| 1),
        spearman: rows.ranks.spearman(|_| 1),
    })
}

/// The intervals of [`OrdinalScores`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct OrdinalIntervals {
    /// Of the share of right levels.
    pub exact: Interval,
    /// Of the share within one.
    pub within_one: Interval,
    /// Of the quadratic weighted kappa.
    pub quadratic_weighted_kappa: Interval,
    /// Of Kendall's tau-b.
    pub kendall_tau: Interval,
    /// Of Spearman's correlation.
    pub spearman: Interval,
}

/// The intervals of all scores of [`ordinal_scores`]: Wilson's of the two shares, the bootstrap of the others.
///
/// # Errors
/// As [`ordinal_scores`] and [`bootstrap`](super::bootstrap).
pub fn ordinal_intervals(
    truth: &[f64],
    predicted: &[f64],
    levels: &[f64],
    options: &BootstrapOptions,
) -> Result<OrdinalIntervals> {
    let rows = Rows::new(truth, predicted, levels)?;
    let intervals = bootstrap_all(truth.len(), options, |times| {
        let times = |row: usize| u64::from(times[row]);
        let (_, _, kappa) = rows.on_levels(times);
        let [kappa, tau, rho] =
            [kappa, rows.ranks.kendall_tau(times), rows.ranks.spearman(times)].map(|x| x.unwrap_or(f64::NAN));
        vec![kappa, tau, rho]
    })?;
    Ok(OrdinalIntervals {
        exact: share_interval(&rows.shares(|pair| pair.0 == pair.1), options)?,
        within_one: share_interval(&rows.shares(|pair| rows.is_near(pair)), options)?,
        quadratic_weighted_kappa: intervals[0].doubted(Some(Doubt::Fewer(40))),
        kendall_tau: intervals[1],
        spearman: intervals[2],
    })
}

/// The confusion matrix of more levels would be larger than any use of it.
const MOST_LEVELS: usize = 1000;

struct Rows {
    levels: Vec<f64>,
    /// The place of the true and of the predicted level of each row.
    pairs: Vec<(u32, u32)>,
    ranks: Ranks,
}

impl Rows {
    fn new(truth: &[f64], predicted: &[f64], levels: &[f64]) -> Result<Self> {
        same_rows(("true levels", truth.len()), ("predictions", predicted.len()))?;
        finite("a true level", truth.iter().copied())?;
        finite("a prediction", predicted.iter().copied())?;
        finite("a level", levels.iter().copied())?;
        let mut levels = if levels.is_empty() { truth.to_vec() } else { levels.to_vec() };
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        if levels.len() > MOST_LEVELS {
            return Err(Error::argument("too many levels to call them levels")
                .seen(format!("{}", levels.len()))
                .advice(format!("score them as numbers, or group them into at most {MOST_LEVELS}")));
        }
        let level = |value: f64| {
            let above = levels.partition_point(|&level| level < value);
            let below = above.saturating_sub(1);
            match levels.get(above) {
                Some(&level) if level - value < value - levels[below] || above == 0 => above as u32,
                _ => below as u32,
            }
        };
        let pairs: Vec<(u32, u32)> = truth
            .iter()
            .zip(predicted)
            .map(|(&truth, &predicted)| (level(truth), level(predicted)))
            .collect();
        for (row, (&truth, pair)) in truth.iter().zip(&pairs).enumerate() {
            if levels[pair.0 as usize] != truth {
                return Err(Error::argument("a true value is not one of the levels")
                    .row(row)
                    .seen(format!("{truth}"))
                    .advice("name all levels, or none to take those of the truth"));
            }
        }
        Ok(Rows { ranks: Ranks::new(truth, predicted)?, levels, pairs })
    }

    /// Whether a true and a predicted level are at most 1 apart.
    fn is_near(&self, (truth, predicted): (u32, u32)) -> bool {
        let distance = (self.levels[truth as usize] - self.levels[predicted as usize]).abs();
        // Levels such as 0.1, 1.1 are one apart up to rounding.
        distance <= 1.0 + 1e-9
    }

    fn shares(&self, hit: impl Fn((u32, u32)) -> bool) -> Vec<Option<bool>> {
        self.pairs.iter().map(|pair| Some(hit(*pair))).collect()
    }

    /// Exact, within one, quadratic weighted kappa.
    fn on_levels(&self, times: impl Fn(usize) -> u64) -> (f64, f64, Option<f64>) {
        let (mut n, mut exact, mut within) = (0, 0, 0);
        for (row, pair) in self.pairs.iter().enumerate() {
            let times = times(row);
            n += times;
            exact += if pair.0 == pair.1 { times } else { 0 };
            within += if self.is_near(*pair) { times } else { 0 };
        }
        let kappa = quadratic_kappa(&self.pairs, times);
        (exact as f64 / n as f64, within as f64 / n as f64, kappa)
    }
}
