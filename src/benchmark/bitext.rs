//! Bitext mining: whether the nearest sentence of another language is the translation.

use ndarray::{ArrayView2, Axis};

use super::scored::{Resampling, Scored};
use super::similarity::{Similarity, require_directions, require_same_dims};
use crate::error::{Error, Result};
use crate::rows::top_k;

/// Finds the nearest row of `b` for rows of `a`: MTEB's `AbsTaskBitextMining`.
///
/// `gold` holds pairs of a row of `a` and the row of `b` that translates it; by default row i belongs to row i. Every
/// row of `b` is a class: precision, recall and F1 are means over the rows, by support. `f1` is the main score. Of
/// equally near rows the first is taken.
///
/// # Errors
/// No pairs, a pair beyond the last row, rows of different dimensions, a row of zeros.
pub fn bitext_mining(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    gold: &[(usize, usize)],
    similarity: Similarity,
) -> Result<Scored> {
    require_same_dims(a, b)?;
    if gold.is_empty() || gold.iter().any(|(i, j)| *i >= a.nrows() || *j >= b.nrows()) {
        return Err(Error::argument("no pairs of translations, or one beyond the last row")
            .with_code("row-out-of-range")
            .seen(format!("{} pairs of {} and {} rows", gold.len(), a.nrows(), b.nrows())));
    }
    require_directions(a)?;
    require_directions(b)?;
    let sources: Vec<usize> = gold.iter().map(|(source, _)| *source).collect();
    let queries = a.select(Axis(0), &sources);
    let nearest = top_k(&b, queries.view(), 2, similarity.metric())?;
    let similarities: Vec<f64> = nearest.iter().map(|hits| similarity.at(hits[0].distance)).collect();
    let tied = nearest
        .iter()
        .filter(|hits| hits.len() > 1 && similarity.at(hits[0].distance) == similarity.at(hits[1].distance))
        .count();
    let pairs: Vec<(usize, usize)> =
        gold.iter().zip(&nearest).map(|((_, target), hits)| (*target, hits[0].row)).collect();
    let right: Vec<Option<f64>> = pairs.iter().map(|(t, p)| Some(f64::from(u8::from(t == p)))).collect();
    let predicted = pairs.iter().map(|(_, row)| Some(*row as f64)).collect();
    let n_classes = b.nrows();
    let names = ["precision", "recall", "f1", "accuracy"].map(str::to_owned).to_vec();
    let resampling = Resampling::new("pairs", pairs.len(), names, move |times| {
        let (mut support, mut found, mut hits) =
            (vec![0_u32; n_classes], vec![0_u32; n_classes], vec![0_u32; n_classes]);
        for (&(truth, predicted), times) in pairs.iter().zip(times) {
            support[truth] += times;
            found[predicted] += times;
            hits[truth] += if truth == predicted { *times } else { 0 };
        }
        let (mut n, mut precision, mut recall, mut f1) = (0.0, 0.0, 0.0, 0.0);
        for class in (0..n_classes).filter(|class| support[*class] > 0) {
            let of = f64::from(support[class]);
            let right = f64::from(hits[class]);
            n += of;
            recall += right;
            precision += if found[class] > 0 { of * right / f64::from(found[class]) } else { 0.0 };
            f1 += of * 2.0 * right / (of + f64::from(found[class]));
        }
        vec![precision / n, recall / n, f1 / n, recall / n]
    });
    Ok(Scored {
        main: "f1",
        scores: resampling.whole(),
        n: gold.len(),
        draws: Vec::new(),
        ties: Some(tied as f64 / gold.len() as f64),
        each: vec![
            ("right", right),
            ("found", predicted),
            ("similarity", similarities.into_iter().map(Some).collect()),
        ],
        resampling,
    })
}
