//! How good an order of items is, when it is known which of them should stand on top.

use serde::Serialize;

use crate::error::{Error, Result};

/// What stands on the places of one ranking.
///
/// A gain is how much an item was worth finding: 1 or 0, or a grade. Items that should have been
/// found and stand nowhere in the ranking belong into `missed`, or the figures are too good.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranked {
    /// The gain of each place, the best place first; it may end early.
    pub gains: Vec<f64>,
    /// The gains of the items that stand nowhere.
    pub missed: Vec<f64>,
}

/// Means over rankings, of the first `k` places; equal to trec_eval's `ndcg_cut_k`, `success_k`,
/// `recall_k` and `recip_rank` (through pytrec_eval).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RankingScores {
    /// How many places count.
    pub k: usize,
    /// Rankings with at least one item worth finding: those that the means are taken over.
    pub n: usize,
    /// Rankings without one, which are left out.
    pub without: usize,
    /// Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002): gain / log2(place + 1),
    /// divided by the same of the best possible order. `None` when `n` is 0, as all that follow.
    pub ndcg: Option<f64>,
    /// The share of the rankings with an item worth finding among the first k.
    pub hit: Option<f64>,
    /// The share of a ranking's items worth finding that stand among the first k.
    pub recall: Option<f64>,
    /// One over the place of the first item worth finding, wherever it stands; 0 without one.
    pub reciprocal_rank: Option<f64>,
}

/// Scores rankings by their first `k` places.
///
/// # Errors
/// When `k` is 0, and for a gain that is negative, NaN or infinite.
///
/// ```
/// use embedlab::metric::{Ranked, ranking_scores};
/// let ranked = Ranked { gains: vec![0.0, 1.0, 0.0, 1.0], missed: vec![1.0] };
/// let scores = ranking_scores(&[ranked], 3)?;
/// assert_eq!((scores.hit, scores.recall), (Some(1.0), Some(1.0 / 3.0)));
/// assert_eq!(scores.reciprocal_rank, Some(0.5));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn ranking_scores(rankings: &[Ranked], k: usize) -> Result<RankingScores> {
    if k == 0 {
        return Err(Error::argument("no places to look at").seen("k = 0").advice("give a k of at least 1"));
    }
    let (mut n, mut sums) = (0, [0.0; 4]);
    for (at, ranked) in rankings.iter().enumerate() {
        let mut ideal: Vec<f64> = ranked.gains.iter().chain(&ranked.missed).copied().collect();
        if let Some(gain) = ideal.iter().find(|gain| !(gain.is_finite() && **gain >= 0.0)) {
            return Err(Error::argument("gains must be finite and at least 0")
                .seen(format!("{gain} in ranking {}", at + 1))
                .advice("give 1 for an item worth finding and 0 for any other"));
        }
        ideal.sort_unstable_by(|a, b| b.total_cmp(a));
        let relevant = ideal.iter().take_while(|gain| **gain > 0.0).count();
        if relevant == 0 {
            continue;
        }
        n += 1;
        let found = ranked.gains.iter().take(k).filter(|gain| **gain > 0.0).count();
        let first = ranked.gains.iter().position(|gain| *gain > 0.0);
        sums[0] += discounted(&ranked.gains, k) / discounted(&ideal, k);
        sums[1] += f64::from(u8::from(found > 0));
        sums[2] += found as f64 / relevant as f64;
        sums[3] += first.map_or(0.0, |place| 1.0 / (place + 1) as f64);
    }
    let mean = |i: usize| (n > 0).then(|| sums[i] / n as f64);
    Ok(RankingScores {
        k,
        n,
        without: rankings.len() - n,
        ndcg: mean(0),
        hit: mean(1),
        recall: mean(2),
        reciprocal_rank: mean(3),
    })
}

fn discounted(gains: &[f64], k: usize) -> f64 {
    gains.iter().take(k).enumerate().map(|(place, gain)| gain / (place as f64 + 2.0).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(gains: &[f64], missed: &[f64], k: usize) -> RankingScores {
        ranking_scores(&[Ranked { gains: gains.to_vec(), missed: missed.to_vec() }], k).unwrap()
    }

    #[test]
    fn the_best_order_scores_one_and_a_worse_one_less() {
        let best = scores(&[3.0, 2.0, 1.0, 0.0], &[], 4);
        assert_eq!((best.ndcg, best.recall, best.reciprocal_rank), (Some(1.0), Some(1.0), Some(1.0)));
        assert!(scores(&[2.0, 3.0, 1.0, 0.0], &[], 4).ndcg.unwrap() < 1.0);
        assert!(scores(&[3.0, 2.0, 1.0], &[3.0], 4).ndcg.unwrap() < 1.0);
    }

    #[test]
    fn a_ranking_without_anything_to_find_is_counted_and_left_out() {
        let rankings = [Ranked::default(), Ranked { gains: vec![1.0], missed: vec![] }];
        let found = ranking_scores(&rankings, 10).unwrap();
        assert_eq!((found.n, found.without, found.hit), (1, 1, Some(1.0)));
        assert_eq!(ranking_scores(&[], 10).unwrap().ndcg, None);
    }

    #[test]
    fn impossible_gains_and_no_places_are_refused() {
        for gain in [f64::NAN, -1.0, f64::INFINITY] {
            assert!(ranking_scores(&[Ranked { gains: vec![gain], missed: vec![] }], 3).is_err());
        }
        assert!(ranking_scores(&[], 0).is_err());
    }
}
