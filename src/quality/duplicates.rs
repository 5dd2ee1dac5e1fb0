//! Rows that stand in a file more than once: the same text, the same numbers, or almost the same direction.

use std::cmp::Ordering;
use std::collections::HashMap;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::pairs::{Pair, known_as, near_pairs, pairs_of_graph};
use crate::error::{Error, Result};
use crate::metric::quantile;
use crate::rows::{Components, DistinctRows, Graph, Metric, top_k};

/// The cosine from which two rows are near duplicates.
pub const NEAR_DUPLICATE_COSINE: f64 = 0.95;

/// The share of the median distance to the nearest row below which rows are near duplicates by the relative rule.
pub const NEAR_DUPLICATE_SHARE: f64 = 0.13;

/// Neighbours that the relative rule looks at.
pub const NEAR_DUPLICATE_NEIGHBORS: usize = 10;

/// When two different vectors are near duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum NearRule {
    /// From a cosine on.
    #[default]
    Cosine,
    /// Below a share of the median distance to the nearest row, among the 10 nearest, as cleanlab does.
    Relative,
}

/// Which rows are the same.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Duplicates {
    /// Rows with the same text; empty without texts.
    pub exact_text: Vec<Vec<usize>>,
    /// Rows with the same numbers.
    pub exact_vector: Vec<Vec<usize>>,
    /// Rows that hang together by near pairs; exact copies are near as well. Empty when not asked for.
    pub near: Vec<Vec<usize>>,
    /// The pairs of different vectors that are near, by row.
    pub near_pairs: Vec<Pair>,
    /// The cosine, or the distance, that near pairs reach; `None` when not asked for.
    pub threshold: Option<f64>,
    /// Whether the distances of near pairs are 1 - cosine; else they are Euclidean.
    pub by_cosine: bool,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DuplicateOptions<'a> {
    /// Whether near duplicates are looked for, which takes n²·d operations. Default: yes.
    pub near: bool,
    /// The rule for them. Default: by cosine.
    pub rule: NearRule,
    /// For the cosine rule the cosine (default: 0.95), for the relative rule the share (0.13).
    pub threshold: Option<f64>,
    /// The graph of all rows, where it is known: it spares the search wherever it reaches far enough. Its distance is the
    /// cosine, or the Euclidean one of rows of length 1.
    pub graph: Option<&'a Graph>,
}

impl Default for DuplicateOptions<'_> {
    fn default() -> Self {
        DuplicateOptions { near: true, rule: NearRule::Cosine, threshold: None, graph: None }
    }
}

impl DuplicateOptions<'_> {
    pub(super) fn threshold(&self) -> Result<f64> {
        let threshold = self.threshold.unwrap_or(match self.rule {
            NearRule::Cosine => NEAR_DUPLICATE_COSINE,
            NearRule::Relative => NEAR_DUPLICATE_SHARE,
        });
        if !(threshold > 0.0 && threshold <= 1.0) {
            return Err(Error::argument("a threshold out of range")
                .seen(threshold.to_string())
                .advice("choose more than 0 and at most 1"));
        }
        Ok(threshold)
    }
}

/// Finds duplicates among n rows and their texts. Texts are compared as they are; rows without a text, or with blanks
/// only, repeat none.
///
/// ```
/// use embedlab::quality::{DuplicateOptions, find_duplicates};
/// let rows = ndarray::array![[1.0_f32, 0.0], [0.0, 1.0], [1.0, 0.01], [0.0, 1.0]];
/// let found = find_duplicates(rows.view(), None, &DuplicateOptions::default())?;
/// assert_eq!(found.exact_vector, [[1, 3]]);
/// assert_eq!(found.near, [[0, 2], [1, 3]]);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// For numbers that are not finite, another number of texts, a threshold out of range, and more near pairs than can be
/// held.
pub fn find_duplicates(
    rows: ArrayView2<'_, f32>,
    texts: Option<&[Option<String>]>,
    options: &DuplicateOptions<'_>,
) -> Result<Duplicates> {
    let distinct = DistinctRows::of(&rows)?;
    let exact_text = match texts {
        Some(texts) if texts.len() != rows.nrows() => {
            return Err(Error::argument("rows and texts differ in number").seen(format!(
                "{} rows, {} texts",
                rows.nrows(),
                texts.len()
            )));
        }
        Some(texts) => equal_texts(texts),
        None => Vec::new(),
    };
    let exact_vector = distinct.groups().map(to_rows).collect();
    let mut found = Duplicates {
        exact_text,
        exact_vector,
        near: Vec::new(),
        near_pairs: Vec::new(),
        threshold: None,
        by_cosine: options.rule == NearRule::Cosine || rows.ncols() > 3,
    };
    if !options.near {
        return Ok(found);
    }
    let threshold = options.threshold()?;
    match options.rule {
        NearRule::Cosine => {
            let known = match options.graph {
                Some(graph) => {
                    pairs_of_graph(&graph.of_first_rows(&distinct), rows, &distinct, 1.0 - threshold)?
                }
                None => None,
            };
            found.near_pairs = match known {
                Some(pairs) => pairs,
                None => near_pairs(rows, &distinct, Metric::Cosine, 1.0 - threshold)?,
            };
            found.threshold = Some(threshold);
        }
        NearRule::Relative => {
            let metric = if found.by_cosine { Metric::Cosine } else { Metric::L2 };
            let k = NEAR_DUPLICATE_NEIGHBORS;
            let graph = match options.graph {
                Some(graph) if graph.k() >= k.min(rows.nrows().saturating_sub(1)) => {
                    known_as(graph, rows, metric)?.truncated(k)
                }
                _ => Graph::of_distinct(rows, &distinct, k, metric)?.expanded(&distinct, k),
            };
            let (pairs, limit) = relative_pairs(&graph, threshold);
            found.near_pairs = pairs
                .into_iter()
                .filter(|pair| distinct.vector_of(pair.a) != distinct.vector_of(pair.b))
                .collect();
            found.threshold = Some(limit);
        }
    }
    found.near = near_groups(&distinct, &found.near_pairs);
    Ok(found)
}

/// Groups of rows that hang together by near pairs and by having the same numbers.
pub fn near_groups(distinct: &DistinctRows, pairs: &[Pair]) -> Vec<Vec<usize>> {
    let mut components = Components::new(distinct.n_rows());
    link_copies(&mut components, distinct);
    pairs.iter().for_each(|pair| components.join(pair.a, pair.b));
    components.groups()
}

fn link_copies(components: &mut Components, distinct: &DistinctRows) {
    for group in distinct.groups() {
        group[1..].iter().for_each(|row| components.join(group[0] as usize, *row as usize));
    }
}

fn to_rows(group: &[u32]) -> Vec<usize> {
    group.iter().map(|row| *row as usize).collect()
}

/// The pairs that cleanlab's near-duplicate check links (distance below a share of the median distance to the nearest
/// row, among the 10 nearest of either row), and the distance below which they are. The graph is of all rows.
pub fn relative_pairs(graph: &Graph, share: f64) -> (Vec<Pair>, f64) {
    let mut nearest: Vec<f64> = graph.distances_at(0).collect();
    nearest.sort_unstable_by(f64::total_cmp);
    // Rounding of 1e-6 is the least that the scale may be.
    let limit = share * if nearest.is_empty() { 0.0 } else { quantile(&nearest, 0.5).max(1e-6) };
    let mut pairs = Vec::new();
    for row in 0..graph.n_rows() {
        let near = graph.rows(row).iter().zip(graph.distances(row)).take(NEAR_DUPLICATE_NEIGHBORS);
        for (other, distance) in near.filter(|(_, distance)| **distance < limit) {
            let other = *other as usize;
            pairs.push(Pair { a: row.min(other), b: row.max(other), distance: *distance });
        }
    }
    pairs.sort_unstable_by_key(|pair| (pair.a, pair.b));
    pairs.dedup_by_key(|pair| (pair.a, pair.b));
    (pairs, limit)
}

/// Groups of rows with the same text.
pub fn equal_texts(texts: &[Option<String>]) -> Vec<Vec<usize>> {
    let mut hashed: Vec<(u128, u32)> = texts
        .iter()
        .zip(0..)
        .filter_map(|(text, row)| {
            let text = text.as_deref().filter(|text| !text.trim().is_empty())?;
            Some((xxhash_rust::xxh3::xxh3_128(text.as_bytes()), row))
        })
        .collect();
    hashed.sort_unstable();
    let mut groups = Vec::new();
    for same in hashed.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        // Equal hashes are almost always equal texts; the texts say.
        let mut by_text: HashMap<&str, Vec<usize>> = HashMap::new();
        for (_, row) in same {
            by_text
                .entry(texts[*row as usize].as_deref().unwrap_or_default())
                .or_default()
                .push(*row as usize);
        }
        groups.extend(by_text.into_values().filter(|rows| rows.len() > 1));
    }
    groups.sort_unstable();
    groups
}

/// Which row of a group of duplicates is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keep<'a> {
    /// The first one.
    First,
    /// The last one.
    Last,
    /// The one with the longest text, in characters; the first of several.
    Longest(&'a [Option<String>]),
    /// The one with the largest number; the first of several. Rows without a number come last.
    Best(&'a [Option<f64>]),
}

impl Duplicates {
    /// All groups: rows that hang together by the same text, the same numbers, or near pairs.
    pub fn groups(&self, n_rows: usize) -> Vec<Vec<usize>> {
        let mut components = Components::new(n_rows);
        for group in self.exact_text.iter().chain(&self.exact_vector).chain(&self.near) {
            group[1..].iter().for_each(|row| components.join(group[0], *row));
        }
        components.groups()
    }

    /// The pairs that make the groups, by row: each later row of an exact group with the first one, by text and by
    /// numbers, and all near pairs. The cosine of near pairs is given where they were measured by it.
    pub fn links(&self) -> Vec<Known> {
        let exact = [(&self.exact_text, KnownBy::ExactText), (&self.exact_vector, KnownBy::ExactVector)];
        let mut links: Vec<Known> = Vec::new();
        for (groups, by) in exact {
            for group in groups {
                let link = |row: &usize| Known { row: *row, other: group[0], by, cosine: None };
                links.extend(group[1..].iter().map(link));
            }
        }
        links.extend(self.near_pairs.iter().map(|pair| Known {
            row: pair.b,
            other: pair.a,
            by: KnownBy::Near,
            cosine: self.by_cosine.then(|| (1.0 - pair.distance).clamp(-1.0, 1.0)),
        }));
        links.sort_by_key(|link| (link.row, link.other));
        links
    }

    /// Whether each row is kept: one of each group, and all rows that are in none.
    pub fn kept(&self, n_rows: usize, keep: Keep<'_>) -> Vec<bool> {
        let mut kept = vec![true; n_rows];
        for group in self.groups(n_rows) {
            let best = keep.of(&group);
            group.iter().for_each(|row| kept[*row] = *row == best);
        }
        kept
    }
}

/// How many rows would be removed so that one of each group is left.
pub fn removed_of(groups: &[Vec<usize>]) -> usize {
    groups.iter().map(|group| group.len() - 1).sum()
}

impl Keep<'_> {
    fn of(self, group: &[usize]) -> usize {
        let first_best = |order: &dyn Fn(usize, usize) -> Ordering| {
            group.iter().copied().reduce(|best, row| if order(row, best).is_gt() { row } else { best })
        };
        let found = match self {
            Keep::First => group.iter().copied().min(),
            Keep::Last => group.iter().copied().max(),
            Keep::Longest(texts) => {
                let length = |row: usize| {
                    texts.get(row).and_then(Option::as_deref).map_or(0, |text| text.chars().count())
                };
                first_best(&|a, b| length(a).cmp(&length(b)))
            }
            Keep::Best(numbers) => {
                let number = |row: usize| {
                    numbers.get(row).copied().flatten().filter(|x| !x.is_nan()).unwrap_or(f64::NEG_INFINITY)
                };
                first_best(&|a, b| number(a).total_cmp(&number(b)))
            }
        };
        found.unwrap_or_default()
    }
}

/// Why a row is known from another set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownBy {
    /// The same text.
    ExactText,
    /// The same numbers.
    ExactVector,
    /// Almost the same direction.
    Near,
}

/// A row that is in another set already.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Known {
    /// The row here.
    pub row: usize,
    /// The row there; the first, or the nearest.
    pub other: usize,
    /// Why.
    pub by: KnownBy,
    /// The cosine of the two, where they are near.
    pub cosine: Option<f64>,
}

/// The rows that another set holds already: by text, by numbers, and, with a cosine, almost. One entry for each such
/// row, by the strongest reason. Takes n·m·d operations for near ones.
///
/// # Errors
/// When the dimensions differ, for numbers that are not finite, and a cosine out of range.
pub fn known_from(
    rows: ArrayView2<'_, f32>,
    texts: Option<&[Option<String>]>,
    other: ArrayView2<'_, f32>,
    other_texts: Option<&[Option<String>]>,
    near: Option<f64>,
) -> Result<Vec<Known>> {
    if rows.ncols() != other.ncols() {
        return Err(Error::argument("two files of other dimensions")
            .seen(format!("{} and {}", rows.ncols(), other.ncols()))
            .advice("compare vectors of the same model"));
    }
    let mut known: Vec<Option<Known>> = vec![None; rows.nrows()];
    if let (Some(texts), Some(others)) = (texts, other_texts) {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (row, text) in others.iter().enumerate() {
            if let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) {
                first.entry(text).or_insert(row);
            }
        }
        for (row, text) in texts.iter().enumerate().take(rows.nrows()) {
            if let Some(other) = text.as_deref().and_then(|text| first.get(text)) {
                known[row] = Some(Known { row, other: *other, by: KnownBy::ExactText, cosine: None });
            }
        }
    }
    let both = ndarray::concatenate(ndarray::Axis(0), &[other.view(), rows.view()])
        .map_err(|error| Error::argument("two files that do not fit together").source(error))?;
    let distinct = DistinctRows::of(&both)?;
    for (row, known) in known.iter_mut().enumerate() {
        let first = distinct.rows_of(distinct.vector_of(other.nrows() + row))[0] as usize;
        if known.is_none() && first < other.nrows() {
            *known = Some(Known { row, other: first, by: KnownBy::ExactVector, cosine: None });
        }
    }
    if let Some(cosine) = near {
        let options = DuplicateOptions { threshold: Some(cosine), ..Default::default() };
        let limit = 1.0 - options.threshold()?;
        let left: Vec<usize> = (0..rows.nrows()).filter(|row| known[*row].is_none()).collect();
        let queries = rows.select(ndarray::Axis(0), &left);
        for (row, hits) in left.into_iter().zip(top_k(&other, queries.view(), 1, Metric::Cosine)?) {
            // 1 - cosine is rounded to 1e-16, the stored numbers to 1e-7.
            if let Some(hit) = hits.first().filter(|hit| hit.distance <= limit + 1e-9) {
                let cosine = Some((1.0 - hit.distance).min(1.0));
                known[row] = Some(Known { row, other: hit.row, by: KnownBy::Near, cosine });
            }
        }
    }
    Ok(known.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn texts(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect()
    }

    #[test]
    fn texts_are_the_same_only_when_every_byte_is() {
        assert_eq!(
            equal_texts(&texts(&["a", "A", "a", "", "", " a", "A", "a"])),
            [vec![0, 2, 7], vec![1, 6]]
        );
    }

    #[test]
    fn each_rule_keeps_its_own_row() {
        let rows = array![[1.0_f32, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]];
        let found = find_duplicates(rows.view(), None, &Default::default()).unwrap();
        let kept = |keep| found.kept(4, keep);
        assert_eq!(kept(Keep::First), [true, false, true, false]);
        assert_eq!(kept(Keep::Last), [false, false, true, true]);
        let long = texts(&["a", "long", "x", "lang"]);
        assert_eq!(kept(Keep::Longest(&long)), [false, true, true, false]);
        let stars = [Some(1.0), None, Some(9.0), Some(2.0)];
        assert_eq!(kept(Keep::Best(&stars)), [false, false, true, true]);
    }

    #[test]
    fn reasons_join_into_one_group() {
        // 0 and 1 share a text, 1 and 2 a vector, 2 and 3 a direction.
        let rows = array![[0.0_f32, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.05], [-1.0, 0.0]];
        let texts = texts(&["a", "a", "b", "c", "d"]);
        let found = find_duplicates(rows.view(), Some(&texts), &Default::default()).unwrap();
        assert_eq!((found.exact_text.len(), found.exact_vector.len(), found.near.len()), (1, 1, 1));
        assert_eq!(found.groups(5), [[0, 1, 2, 3]]);
        assert_eq!(found.kept(5, Keep::First).iter().filter(|kept| **kept).count(), 2);
    }

    #[test]
    fn rows_of_another_set_are_known_by_the_strongest_reason() {
        let here = array![[1.0_f32, 0.0], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.3]];
        let there = array![[0.6_f32, 0.81], [5.0, 5.0], [0.0, 1.0]];
        let known = known_from(
            here.view(),
            Some(&texts(&["a", "b", "c", "d"])),
            there.view(),
            Some(&texts(&["x", "a", "y"])),
            Some(0.95),
        )
        .unwrap();
        let short: Vec<_> = known.iter().map(|known| (known.row, known.other, known.by)).collect();
        assert_eq!(short, [(0, 1, KnownBy::ExactText), (1, 2, KnownBy::ExactVector), (2, 0, KnownBy::Near)]);
        assert!(known_from(here.view(), None, Array2::zeros((2, 3)).view(), None, None).is_err());
    }

    #[test]
    fn thresholds_out_of_range_are_refused() {
        for threshold in [0.0, 1.5, f64::NAN] {
            let options = DuplicateOptions { threshold: Some(threshold), ..Default::default() };
            assert!(find_duplicates(array![[1.0_f32]].view(), None, &options).is_err());
        }
    }
}
