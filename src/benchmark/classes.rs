//! The scores of predicted classes that MTEB reports, and how rows drawn again change them.

use super::scored::Resampling;
use crate::error::Result;
use crate::metric::{Counts, Ranking, pairs};

const METRICS: [&str; 7] =
    ["accuracy", "f1", "f1_weighted", "precision", "precision_weighted", "recall", "recall_weighted"];

/// The predictions of one model or draw, counted once.
struct Predicted {
    pairs: Vec<(u32, u32)>,
    n_classes: usize,
    /// Of two classes in the truth: the ranking of the rows by the score of the second.
    positive: Option<Ranking>,
}

/// Scores of draws of predicted classes; `ap` when the truth has two classes.
pub(super) struct ClassScores {
    draws: Vec<Predicted>,
    n: usize,
    binary: bool,
}

impl ClassScores {
    /// `truth` and each list of `predictions` hold a class for each row, numbered below `n_classes`; `scores` ranks
    /// rows for the average precision, by default the predicted class does.
    pub fn new(
        truth: &[usize],
        predictions: &[Vec<usize>],
        scores: Option<&[f64]>,
        n_classes: usize,
    ) -> Result<Self> {
        let mut classes = truth.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let binary = classes.len() == 2;
        let draws = predictions
            .iter()
            .map(|predicted| {
                let (pairs, classes_seen) = pairs(truth, predicted, n_classes)?;
                let positive = if binary {
                    let is_positive: Vec<bool> = truth.iter().map(|class| *class == classes[1]).collect();
                    let own: Vec<f64> = predicted.iter().map(|class| *class as f64).collect();
                    Some(Ranking::binary(&is_positive, scores.unwrap_or(&own))?)
                } else {
                    None
                };
                Ok(Predicted { pairs, n_classes: classes_seen.len(), positive })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(ClassScores { draws, n: truth.len(), binary })
    }

    fn names(&self) -> Vec<String> {
        let ap = ["ap", "ap_weighted"].into_iter().filter(|_| self.binary);
        METRICS.into_iter().chain(ap).map(str::to_owned).collect()
    }

    fn of_draw(draw: &Predicted, times: &dyn Fn(usize) -> u64) -> Vec<f64> {
        let counts = Counts::new(&draw.pairs, draw.n_classes, times);
        let (plain, weighted) = counts.averages();
        let mut scores = vec![
            counts.accuracy(),
            plain.f1,
            weighted.f1,
            plain.precision,
            weighted.precision,
            plain.recall,
            weighted.recall,
        ];
        if let Some(ranking) = &draw.positive {
            let ap = ranking.areas(times).0.unwrap_or(f64::NAN);
            scores.extend([ap, ap]);
        }
        scores
    }

    /// One of the scores in each draw.
    pub fn draws(&self, name: &str) -> Vec<f64> {
        let at = self.names().iter().position(|known| known == name).unwrap_or(0);
        self.draws.iter().map(|draw| Self::of_draw(draw, &|_| 1)[at]).collect()
    }

    /// The share of draws in which each row is right.
    pub fn right(&self) -> Vec<Option<f64>> {
        let n = self.draws.len() as f64;
        let right =
            |row: usize| self.draws.iter().filter(|draw| draw.pairs[row].0 == draw.pairs[row].1).count();
        (0..self.n).map(|row| Some(right(row) as f64 / n)).collect()
    }

    /// The means over the draws.
    pub fn resampling(self) -> Resampling {
        let (names, n, draws) = (self.names(), self.n, self.draws.len());
        Resampling::of_draws(n, draws, names, move |draw, times| {
            Self::of_draw(&self.draws[draw], &|row| times[row].into())
        })
    }
}
