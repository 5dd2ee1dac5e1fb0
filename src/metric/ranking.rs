//! How good an order of items is, when it is known which of them should be at the top.

use serde::Serialize;

use crate::error::{Error, Result};

/// The items of one ranking, by rank.
///
/// A gain is how much an item was worth finding: 1 or 0, or a grade. Items that should have been
/// found and are nowhere in the ranking belong in `missed`, or the figures are too good.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranked {
    /// The gain of each place, the best place first; it may end early.
    pub gains: Vec<f64>,
    /// The gains of the items that are not in the ranking.
    pub missed: Vec<f64>,
}

/// Means over rankings, of the first `k` places; equal to trec_eval's `ndcg_cut_k`, `success_k`,
/// `recall_k` and `recip_rank` (through pytrec_eval).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
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
    /// The share of a ranking's items worth finding that are among the first k.
    pub recall: Option<f64>,
    /// One over the place of the first item worth finding, wherever it is; 0 without one.
    pub reciprocal_rank: Option<f64>,
}

/// Items of one score, of which none is before another by right.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tied {
    /// How many items have a higher score.
    pub before: usize,
    /// How many items have this score.
    pub size: usize,
    /// The gains above 0 among them.
    pub gains: Vec<f64>,
}

/// One ranking by scores, of which some may be equal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TiedRanking {
    /// The groups of equal scores that hold something worth finding, the highest score first; groups
    /// without may be left out.
    pub groups: Vec<Tied>,
    /// The gains of the items that are not in the ranking.
    pub missed: Vec<f64>,
}

impl From<&Ranked> for TiedRanking {
    fn from(ranked: &Ranked) -> TiedRanking {
        let places = ranked.gains.iter().enumerate().filter(|(_, gain)| **gain != 0.0);
        TiedRanking {
            groups: places.map(|(before, gain)| Tied { before, size: 1, gains: vec![*gain] }).collect(),
            missed: ranked.missed.clone(),
        }
    }
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
    let rankings: Vec<TiedRanking> = rankings.iter().map(TiedRanking::from).collect();
    expected_ranking_scores(&rankings, k)
}

/// Scores rankings in which scores may be equal: each figure is its mean over all orders of the tied
/// items (McSherry and Najork 2008), so that neither names nor the order of a file decide. Where nothing
/// ties, that is [`ranking_scores`]. One group of all items is a random order.
///
/// ```
/// use embedlab::metric::{Tied, TiedRanking, expected_ranking_scores};
/// // One item of four is worth finding, and all scores are equal.
/// let tied = Tied { before: 0, size: 4, gains: vec![1.0] };
/// let scores = expected_ranking_scores(&[TiedRanking { groups: vec![tied], missed: vec![] }], 1)?;
/// assert_eq!((scores.hit, scores.recall), (Some(0.25), Some(0.25)));
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When `k` is 0, a group has more gains than items, and for a gain that is negative, NaN or infinite.
pub fn expected_ranking_scores(rankings: &[TiedRanking], k: usize) -> Result<RankingScores> {
    if k == 0 {
        return Err(Error::argument("no places to look at").seen("k = 0").advice("give a k of at least 1"));
    }
    let (mut n, mut sums) = (0, [0.0; 4]);
    for (at, ranked) in rankings.iter().enumerate() {
        let gains = ranked.groups.iter().flat_map(|group| &group.gains).chain(&ranked.missed);
        let mut ideal: Vec<f64> = gains.copied().collect();
        if let Some(gain) = ideal.iter().find(|gain| !(gain.is_finite() && **gain >= 0.0)) {
            return Err(Error::argument("gains must be finite and at least 0")
                .seen(format!("{gain} in ranking {}", at + 1))
                .advice("give 1 for an item worth finding and 0 for any other"));
        }
        if let Some(group) = ranked.groups.iter().find(|group| group.gains.len() > group.size) {
            return Err(Error::argument("more gains than items in a group of equal scores").seen(format!(
                "{} gains, {} items in ranking {at}",
                group.gains.len(),
                group.size
            )));
        }
        ideal.sort_unstable_by(|a, b| b.total_cmp(a));
        let relevant = ideal.iter().take_while(|gain| **gain > 0.0).count();
        if relevant == 0 {
            continue;
        }
        n += 1;
        let expected = Expected::of(&ranked.groups, k);
        sums[0] += expected.gain / discounted(&ideal, k);
        sums[1] += expected.hit;
        sums[2] += expected.found / relevant as f64;
        sums[3] += expected.reciprocal_rank;
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

/// Means over the orders of tied items.
struct Expected {
    /// The discounted gain of the first k places.
    gain: f64,
    /// Items worth finding among them.
    found: f64,
    /// The probability that there is one.
    hit: f64,
    reciprocal_rank: f64,
}

impl Expected {
    fn of(groups: &[Tied], k: usize) -> Expected {
        let (mut gain, mut found, mut missed) = (0.0, 0.0, 1.0);
        for group in groups {
            let relevant = group.gains.iter().filter(|gain| **gain > 0.0).count();
            let within = k.saturating_sub(group.before).min(group.size);
            let discounts: f64 = (group.before..group.before + within).map(discount).sum();
            gain += group.gains.iter().sum::<f64>() / group.size as f64 * discounts;
            found += (within * relevant) as f64 / group.size as f64;
            missed *= none_drawn(group.size, relevant, within);
        }
        let first = groups.iter().find(|group| group.gains.iter().any(|gain| *gain > 0.0));
        Expected { gain, found, hit: 1.0 - missed, reciprocal_rank: first.map_or(0.0, reciprocal_rank) }
    }
}

/// The probability that none of `relevant` items is among the first `places` of `size` in random order.
fn none_drawn(size: usize, relevant: usize, places: usize) -> f64 {
    if places + relevant > size {
        return if relevant == 0 { 1.0 } else { 0.0 };
    }
    (0..relevant).map(|i| (size - places - i) as f64 / (size - i) as f64).product()
}

/// The mean of one over the place of the first item worth finding.
fn reciprocal_rank(group: &Tied) -> f64 {
    let relevant = group.gains.iter().filter(|gain| **gain > 0.0).count();
    let (mut none_yet, mut sum) = (1.0, 0.0);
    for place in 0..=group.size - relevant {
        let left = (group.size - place) as f64;
        sum += none_yet * relevant as f64 / left / (group.before + place + 1) as f64;
        none_yet *= 1.0 - relevant as f64 / left;
    }
    sum
}

fn discounted(gains: &[f64], k: usize) -> f64 {
    gains.iter().take(k).enumerate().map(|(place, gain)| gain * discount(place)).sum()
}

/// What the gain of a place counts, from place 0.
fn discount(place: usize) -> f64 {
    1.0 / (place as f64 + 2.0).log2()
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

    /// All orders of the items, each keeping higher scores before lower ones.
    fn orders(scored: &[(f64, f64)]) -> Vec<Vec<f64>> {
        if scored.is_empty() {
            return vec![Vec::new()];
        }
        let best = scored.iter().map(|item| item.0).fold(f64::NEG_INFINITY, f64::max);
        let mut all = Vec::new();
        for at in (0..scored.len()).filter(|at| scored[*at].0 == best) {
            let mut rest = scored.to_vec();
            let (_, gain) = rest.remove(at);
            all.extend(orders(&rest).into_iter().map(|tail| [vec![gain], tail].concat()));
        }
        all
    }

    #[test]
    fn tied_scores_count_as_the_mean_over_all_their_orders() {
        for scored in [
            vec![(1.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.5, 1.0)],
            vec![(3.0, 0.0), (2.0, 2.0), (2.0, 0.0), (2.0, 1.0), (1.0, 0.0), (1.0, 3.0)],
            vec![(0.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 1.0)],
        ] {
            let mut values: Vec<f64> = scored.iter().map(|item| item.0).collect();
            values.sort_by(|a, b| b.total_cmp(a));
            values.dedup();
            let group = |value: &f64| Tied {
                before: scored.iter().filter(|item| item.0 > *value).count(),
                size: scored.iter().filter(|item| item.0 == *value).count(),
                gains: scored.iter().filter(|item| item.0 == *value && item.1 > 0.0).map(|x| x.1).collect(),
            };
            let tied = TiedRanking { groups: values.iter().map(group).collect(), missed: vec![1.0] };
            let rankings: Vec<Ranked> =
                orders(&scored).into_iter().map(|gains| Ranked { gains, missed: vec![1.0] }).collect();
            for k in 1..=scored.len() {
                let (found, expected) = (
                    expected_ranking_scores(std::slice::from_ref(&tied), k).unwrap(),
                    ranking_scores(&rankings, k).unwrap(),
                );
                for (found, expected) in [
                    (found.ndcg, expected.ndcg),
                    (found.hit, expected.hit),
                    (found.recall, expected.recall),
                    (found.reciprocal_rank, expected.reciprocal_rank),
                ] {
                    assert!(
                        (found.unwrap() - expected.unwrap()).abs() < 1e-12,
                        "{k}: {found:?} {expected:?}"
                    );
                }
            }
        }
    }
}
