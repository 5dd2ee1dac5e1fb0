//! Pair classification: whether a threshold on the similarity tells pairs that belong together from those that do
//! not.

use ndarray::ArrayView2;

use super::scored::{Resampling, Scored};
use super::similarity::{PairSimilarities, Similarity, negated};
use crate::error::{Error, Result};
use crate::metric::Ranking;

const RANKINGS: [&str; 5] = ["similarity", "cosine", "manhattan", "euclidean", "dot"];
const METRICS: [&str; 5] = ["accuracy", "f1", "precision", "recall", "ap"];

/// Scores pairs of rows by five similarities: MTEB's `AbsTaskPairClassification`.
///
/// Of each similarity: the average precision, the best accuracy over all thresholds, and the best F1 with its
/// precision and recall. A threshold does not part equal scores, and the one below all pairs is not tried. `max_ap`,
/// the best average precision of the five, is the main score.
///
/// # Errors
/// Pairs of one class only, lists of different length, rows of different dimensions, a row of zeros.
pub fn pair_classification(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    pairs: &[(usize, usize)],
    labels: &[bool],
    similarity: Similarity,
) -> Result<Scored> {
    if pairs.len() != labels.len() {
        return Err(Error::argument("pairs and labels of different number").seen(format!(
            "{} pairs, {} labels",
            pairs.len(),
            labels.len()
        )));
    }
    if !labels.contains(&true) || !labels.contains(&false) {
        return Err(Error::input("pairs of one class only")
            .with_code("one-class")
            .seen(format!("{} pairs, all with one label", pairs.len()))
            .advice("pairs that belong together have 1, others 0; both are needed"));
    }
    let found = PairSimilarities::new(a, b, pairs)?;
    let lists = [
        found.own(similarity),
        found.cosine.clone(),
        negated(&found.manhattan),
        negated(&found.euclidean),
        found.dot.clone(),
    ];
    let rankings = lists.iter().map(|scores| Ranking::binary(labels, scores)).collect::<Result<Vec<_>>>()?;
    let of_each = RANKINGS.iter().flat_map(|name| METRICS.map(|metric| format!("{name}_{metric}")));
    let names = of_each.chain(METRICS.map(|metric| format!("max_{metric}"))).collect();
    let resampling = Resampling::new("pairs", pairs.len(), names, move |times| {
        let mut best = [f64::NAN; 5];
        let mut scores = Vec::with_capacity(30);
        for ranking in &rankings {
            let found = thresholds(ranking, times);
            best = std::array::from_fn(|at| best[at].max(found[at]));
            scores.extend(found);
        }
        scores.extend(best);
        scores
    });
    Ok(Scored {
        main: "max_ap",
        scores: resampling.whole(),
        n: pairs.len(),
        draws: Vec::new(),
        ties: None,
        each: vec![
            ("label", labels.iter().map(|label| Some(f64::from(u8::from(*label)))).collect()),
            ("cosine", found.cosine.into_iter().map(Some).collect()),
        ],
        resampling,
    })
}

/// The best accuracy, the best F1 with its precision and recall, and the average precision.
fn thresholds(ranking: &Ranking, times: &[u32]) -> [f64; 5] {
    let times = |pair: usize| u64::from(times[pair]);
    let steps: Vec<(u64, u64)> = ranking.steps(times).collect();
    let Some(((positives, negatives), cuts)) = steps.split_last() else { return [f64::NAN; 5] };
    if *positives == 0 || *negatives == 0 {
        return [f64::NAN; 5];
    }
    let (mut accuracy, mut f1, mut precision, mut recall) = (0.0_f64, 0.0, 0.0, 0.0);
    for &(right, wrong) in cuts.iter().filter(|(right, wrong)| right + wrong > 0) {
        accuracy = accuracy.max((right + negatives - wrong) as f64 / (positives + negatives) as f64);
        if right == 0 {
            continue;
        }
        let (found, of_all) = (right as f64 / (right + wrong) as f64, right as f64 / *positives as f64);
        let mean = 2.0 * found * of_all / (found + of_all);
        if mean > f1 {
            (f1, precision, recall) = (mean, found, of_all);
        }
    }
    [accuracy, f1, precision, recall, ranking.areas(times).0.unwrap_or(f64::NAN)]
}
