//! Semantic textual similarity: whether vectors are the more similar the more similar people find the texts.

use ndarray::ArrayView2;

use super::scored::{Resampling, Scored};
use super::similarity::{PairSimilarities, Similarity, negated};
use crate::error::{Error, Result};
use crate::metric::Correlations;

/// Correlates the similarity of pairs of rows with the scores that people gave them: MTEB's `AbsTaskSTS`.
///
/// `a` and `b` hold the two sides (they may be the same rows), `pairs` the row of each side, `gold` the score of
/// each pair. Ties have their mean rank. `cosine_spearman` is the main score.
///
/// # Errors
/// Fewer than two pairs, lists of different length, a score that is not finite, rows of different dimensions, a row
/// of zeros.
///
/// ```
/// use embedlab::benchmark::{Similarity, sts};
/// use ndarray::array;
/// let rows = array![[1.0_f32, 0.0], [0.9, 0.1], [0.0, 1.0]];
/// let found = sts(rows.view(), rows.view(), &[(0, 1), (0, 2), (1, 2)], &[5.0, 0.0, 1.0], Similarity::Cosine)?;
/// assert_eq!(found.score("cosine_spearman"), Some(1.0));
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn sts(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    pairs: &[(usize, usize)],
    gold: &[f64],
    similarity: Similarity,
) -> Result<Scored> {
    if pairs.len() < 2 || pairs.len() != gold.len() {
        return Err(Error::input("a correlation needs two pairs or more, each with a score")
            .with_code("too-few-rows")
            .seen(format!("{} pairs, {} scores", pairs.len(), gold.len())));
    }
    let found = PairSimilarities::new(a, b, pairs)?;
    // The model's own similarity stands first; where it is one of the other three, it is not ranked again.
    let (manhattan, euclidean) = (negated(&found.manhattan), negated(&found.euclidean));
    let (lists, own): (&[&[f64]], usize) = match similarity {
        Similarity::Cosine => (&[&found.cosine, &manhattan, &euclidean], 0),
        Similarity::Euclidean => (&[&found.cosine, &manhattan, &euclidean], 2),
        Similarity::Dot => (&[&found.cosine, &manhattan, &euclidean, &found.dot], 3),
    };
    let correlations = Correlations::new(gold, lists.iter().copied())?;
    let names = ["", "cosine_", "manhattan_", "euclidean_"]
        .iter()
        .flat_map(|name| [format!("{name}pearson"), format!("{name}spearman")])
        .collect();
    let gold_of_each = gold.iter().copied().map(Some).collect();
    let resampling = Resampling::new("pairs", pairs.len(), names, move |times| {
        let of = correlations.of(times);
        let score = |score: Option<f64>| score.unwrap_or(f64::NAN);
        [own, 0, 1, 2].into_iter().flat_map(|list| of[list]).map(score).collect()
    });
    Ok(Scored {
        main: "cosine_spearman",
        scores: resampling.whole(),
        n: pairs.len(),
        draws: Vec::new(),
        ties: None,
        each: vec![("score", gold_of_each), ("cosine", found.cosine.into_iter().map(Some).collect())],
        resampling,
    })
}
