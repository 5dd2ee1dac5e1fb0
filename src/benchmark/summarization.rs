//! Summarisation: whether the better of several machine summaries is nearer to a human one.

use ndarray::{ArrayView2, Axis};

use super::scored::{Resampling, Scored};
use super::similarity::{Similarity, require_directions};
use crate::error::{Error, Result};
use crate::metric::{pearson, spearman};

/// The summaries of one text, by their rows.
#[derive(Debug, Clone, Default)]
pub struct Summaries {
    /// Rows of human summaries.
    pub human: Vec<usize>,
    /// Rows of machine summaries, each with the score that people gave it.
    pub machine: Vec<(usize, f64)>,
}

/// Correlates, within each text, the similarity of machine summaries to the nearest human one with people's scores:
/// MTEB's `AbsTaskSummarization`. The scores are means over the texts; `cosine_spearman` is the main score.
///
/// A text is left out when people gave all its summaries one score, or all are equally similar.
///
/// # Errors
/// When no text is left, a text has no human summary, a row is zero, or a score is not finite.
pub fn summarization(
    rows: ArrayView2<'_, f32>,
    texts: &[Summaries],
    similarity: Similarity,
) -> Result<Scored> {
    require_directions(rows)?;
    let rows = rows.as_standard_layout();
    let row = |at: usize| rows.index_axis(Axis(0), at).to_vec();
    let names = ["pearson", "spearman", "cosine_pearson", "cosine_spearman", "dot_pearson", "dot_spearman"];
    let mut columns: Vec<(String, Vec<f64>)> =
        names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
    let mut place = Vec::new();
    for (text, summaries) in texts.iter().enumerate() {
        if summaries.human.is_empty() {
            return Err(Error::input("a text without a human summary")
                .seen(format!("text {text}"))
                .advice("its machine summaries cannot be compared; remove them"));
        }
        let human: Vec<Vec<f32>> = summaries.human.iter().map(|at| row(*at)).collect();
        let nearest = |kind: Similarity| -> Vec<f64> {
            let best = |machine: Vec<f32>| {
                human.iter().map(|human| kind.of(&machine, human)).fold(f64::NEG_INFINITY, f64::max)
            };
            summaries.machine.iter().map(|(at, _)| best(row(*at))).collect()
        };
        let gold: Vec<f64> = summaries.machine.iter().map(|(_, score)| *score).collect();
        let (cosine, dot) = (nearest(Similarity::Cosine), nearest(Similarity::Dot));
        let constant = |values: &[f64]| values.iter().all(|value| *value == values[0]);
        if gold.len() < 2 || [&gold, &cosine, &dot].into_iter().any(|values| constant(values)) {
            continue;
        }
        let own = nearest(similarity);
        let mut found = Vec::with_capacity(6);
        for values in [&own, &cosine, &dot] {
            found.extend([pearson(&gold, values)?, spearman(&gold, values)?]);
        }
        if let Some(found) = found.into_iter().collect::<Option<Vec<f64>>>() {
            columns.iter_mut().zip(found).for_each(|((_, column), value)| column.push(value));
            place.push(Some(text as f64));
        }
    }
    if place.is_empty() {
        return Err(Error::input("no text whose summaries can be told apart")
            .with_code("too-few-rows")
            .seen(format!("{} texts", texts.len()))
            .advice("a text needs two machine summaries of different scores"));
    }
    let cosine = columns[3].1.iter().copied().map(Some).collect();
    let resampling = Resampling::of_means("texts", columns);
    Ok(Scored {
        main: "cosine_spearman",
        scores: resampling.whole(),
        n: place.len(),
        draws: Vec::new(),
        ties: None,
        each: vec![("text", place), ("cosine_spearman", cosine)],
        resampling,
    })
}
