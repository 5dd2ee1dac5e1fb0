//! Retrieval and reranking: whether relevant documents stand first.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::abstention::{Order, confidence, nauc};
use super::ranking::{CUTS, METRICS, Scores, Tie, scores};
use super::scored::{Resampling, Scored};
use super::similarity::{Similarity, require_directions, require_same_dims};
use crate::error::{Error, Result};
use crate::rows::top_k;

/// How documents of equal score are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// By their ids, the larger first, as trec_eval
    #[default]
    Trec,
    /// Not at all: each score is the mean over all orders
    Average,
}

/// A query, the documents that were judged for it, and those that were found.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Its id.
    pub id: String,
    /// Documents by number, each with its relevance; 0 is not relevant.
    pub judged: Vec<(usize, u32)>,
    /// Documents by number, each with its score, in any order.
    pub found: Vec<(usize, f64)>,
}

/// Documents of a search, as many as MTEB looks at.
pub const TOP: usize = CUTS[CUTS.len() - 1];

/// The rows of a corpus that are most similar to each query, [`TOP`] of them, with their similarity.
///
/// # Errors
/// When the dimensions differ or a row is zero.
pub fn search(
    corpus: ArrayView2<'_, f32>,
    queries: ArrayView2<'_, f32>,
    similarity: Similarity,
) -> Result<Vec<Vec<(usize, f64)>>> {
    require_same_dims(corpus, queries)?;
    require_directions(corpus)?;
    require_directions(queries)?;
    let found = top_k(&corpus, queries, TOP, similarity.metric())?;
    let hit = |hit: &crate::rows::Neighbor| (hit.row, similarity.at(hit.distance));
    Ok(found.iter().map(|hits| hits.iter().map(hit).collect()).collect())
}

/// The similarity of each query to the rows of its own list.
///
/// # Errors
/// When the dimensions differ, a row is zero, or a list names a row beyond the last.
pub fn rerank(
    corpus: ArrayView2<'_, f32>,
    queries: ArrayView2<'_, f32>,
    lists: &[Vec<usize>],
    similarity: Similarity,
) -> Result<Vec<Vec<(usize, f64)>>> {
    require_same_dims(corpus, queries)?;
    require_directions(corpus)?;
    require_directions(queries)?;
    if lists.iter().flatten().any(|row| *row >= corpus.nrows()) || lists.len() != queries.nrows() {
        return Err(Error::argument("lists of documents that do not fit the queries and the corpus"));
    }
    let (corpus, queries) = (corpus.as_standard_layout(), queries.as_standard_layout());
    let row = |rows: &ndarray::CowArray<'_, f32, ndarray::Ix2>, at: usize| -> Vec<f32> {
        rows.index_axis(Axis(0), at).to_vec()
    };
    Ok(lists
        .par_iter()
        .enumerate()
        .map(|(at, list)| {
            let query = row(&queries, at);
            list.iter().map(|document| (*document, similarity.of(&query, &row(&corpus, *document)))).collect()
        })
        .collect())
}

/// How retrieval is scored.
#[derive(Debug, Clone, Copy)]
pub struct RetrievalOptions {
    /// How documents of equal score are ordered.
    pub ties: Ties,
    /// The score that counts: `ndcg_at_10` for retrieval, `map_at_1000` for reranking.
    pub main: &'static str,
}

/// Scores what was found for queries: MTEB's `AbsTaskRetrieval`, that is trec_eval's measures.
///
/// Scores are compared as 32-bit numbers. The gain of nDCG is the relevance itself, its ideal is that of all judged
/// documents; MAP divides by all relevant documents, precision by the cut. All but MRR are rounded to 5 digits.
/// Queries without a relevant document are left out. `documents` holds the id of each document number.
///
/// # Errors
/// No query with a relevant document; a document that was found twice for a query, or is beyond the last; a score
/// that is NaN.
pub fn retrieval(queries: &[Query], documents: &[String], options: &RetrievalOptions) -> Result<Scored> {
    let usable: Vec<&Query> =
        queries.iter().filter(|query| query.judged.iter().any(|(_, relevance)| *relevance > 0)).collect();
    if usable.is_empty() {
        return Err(Error::input("no query has a relevant document")
            .with_code("no-relevant")
            .seen(format!("{} queries", queries.len()))
            .advice("a relevance of 1 or more marks a relevant document; check the ids of the queries"));
    }
    for query in &usable {
        check(query, documents)?;
    }
    let judged: Vec<Judged> =
        usable.par_iter().map(|query| Judged::new(query, documents, options.ties)).collect();
    let column = |metric: usize, cut: usize| judged.iter().map(|one| one.scores[metric][cut]).collect();
    let name = |metric: &str, cut: usize| format!("{metric}_at_{}", CUTS[cut]);
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    for (at, metric) in METRICS.iter().enumerate() {
        columns.extend((0..CUTS.len()).map(|cut| (name(metric, cut), column(at, cut))));
    }
    let resampling = Resampling::of_means("queries", columns.clone());
    let mut scores: Vec<(String, Option<f64>)> = resampling
        .whole()
        .into_iter()
        .map(|(name, score)| {
            let rounded = if name.starts_with("mrr") { score } else { score.map(five_digits) };
            (name, rounded)
        })
        .collect();
    let accuracy = scores.iter().find(|(name, _)| name == "recall_at_1").and_then(|(_, score)| *score);
    scores.push(("accuracy".to_owned(), accuracy));
    let orders: Vec<Order> = (0..3)
        .map(|kind| Order::new(&judged.iter().map(|one| one.confidence[kind]).collect::<Vec<_>>()))
        .collect();
    let naucs: Vec<_> = columns
        .par_iter()
        .filter(|(name, _)| !name.starts_with("hit_rate"))
        .flat_map_iter(|(name, values)| {
            ["max", "std", "diff1"]
                .iter()
                .zip(&orders)
                .map(move |(kind, order)| (format!("nauc_{name}_{kind}"), nauc(order, values)))
        })
        .collect();
    scores.extend(naucs);
    let each = |metric: usize, cut: usize| judged.iter().map(|one| Some(one.scores[metric][cut])).collect();
    Ok(Scored {
        main: options.main,
        scores,
        n: usable.len(),
        draws: Vec::new(),
        ties: Some(judged.iter().filter(|one| one.tied).count() as f64 / usable.len() as f64),
        each: vec![
            ("ndcg_at_10", each(0, 3)),
            ("map_at_1000", each(1, 6)),
            ("recall_at_100", each(2, 5)),
            ("mrr_at_10", each(5, 3)),
        ],
        resampling,
    })
}

/// As Python's `round(x, 5)`: by the decimal digits of the number.
fn five_digits(x: f64) -> f64 {
    format!("{x:.5}").parse().unwrap_or(x)
}

fn check(query: &Query, documents: &[String]) -> Result<()> {
    let mut seen = HashSet::with_capacity(query.found.len());
    for (document, score) in &query.found {
        let Some(id) = documents.get(*document) else {
            return Err(Error::argument("a document beyond the last").with_code("row-out-of-range"));
        };
        if !seen.insert(*document) {
            return Err(Error::input("a document that was found twice for one query")
                .with_code("duplicate-id")
                .seen(format!("document {id} of query {}", query.id))
                .advice("keep its best score"));
        }
        if score.is_nan() {
            return Err(Error::input("a score that is no number")
                .with_code("not-finite")
                .seen(format!("document {id} of query {}", query.id)));
        }
    }
    Ok(())
}

struct Judged {
    scores: Scores,
    confidence: [f64; 3],
    /// Whether the order of equal scores decides something.
    tied: bool,
}

impl Judged {
    fn new(query: &Query, documents: &[String], ties: Ties) -> Judged {
        let relevance: HashMap<usize, u32> = query.judged.iter().copied().collect();
        let relevant: Vec<u32> = relevance.values().copied().filter(|gain| *gain > 0).collect();
        let by = |score: fn(f64) -> f64| {
            let mut found = query.found.clone();
            found.sort_by(|a, b| {
                let scores = score(b.1).partial_cmp(&score(a.1)).unwrap_or(Ordering::Equal);
                scores.then_with(|| documents[b.0].cmp(&documents[a.0]))
            });
            found
        };
        // trec_eval keeps scores as 32-bit numbers.
        let single = |score: f64| f64::from(score as f32);
        let found = by(single);
        let gain = |hit: &(usize, f64)| relevance.get(&hit.0).copied().unwrap_or(0);
        let list = |found: &[(usize, f64)], same: &dyn Fn(f64, f64) -> bool| -> Vec<Tie> {
            found
                .chunk_by(|a, b| same(a.1, b.1))
                .map(|tie| Tie {
                    gains: tie.iter().map(gain).filter(|gain| *gain > 0).collect(),
                    size: tie.len(),
                })
                .collect()
        };
        let together = |a: f64, b: f64| single(a) == single(b);
        let apart = |_: f64, _: f64| false;
        let mut place = 0;
        let tied = found.chunk_by(|a, b| together(a.1, b.1)).any(|tie| {
            let begin = place;
            place += tie.len();
            begin < TOP && tie.iter().any(|hit| gain(hit) != gain(&tie[0]))
        });
        let mut scores = match ties {
            Ties::Average => scores(&list(&found, &together), &relevant),
            Ties::Trec => scores(&list(&found, &apart), &relevant),
        };
        if ties == Ties::Trec {
            // MRR is MTEB's own, of the scores as they are.
            scores[5] = self::scores(&list(&by(|score| score), &apart), &relevant)[5];
        }
        let similarities: Vec<f64> = query.found.iter().map(|hit| hit.1).collect();
        Judged { scores, confidence: confidence(&similarities), tied }
    }
}
