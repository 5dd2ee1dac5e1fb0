//! What is in each cluster: its size, its name, its typical rows, its labels.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::naming::{NamingOptions, name_clusters, names_by_cluster};
use crate::error::{Error, Result};
use crate::rows::simd::dot_f64;
use crate::rows::{Fold, RowBlock, RowSource, fold_rows, group_sums};

/// What is known of the rows, one entry each.
#[derive(Debug, Clone, Copy)]
pub struct SummaryInput<'a> {
    /// The cluster of each row; `None` for noise.
    pub labels: &'a [Option<u32>],
    /// The text of each row, if there are texts.
    pub texts: Option<&'a [Option<String>]>,
    /// A number of each row to average, such as its stars.
    pub numbers: Option<&'a [Option<f64>]>,
}

/// How to summarise.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryOptions {
    /// Example rows per cluster. Default: 3.
    pub examples: usize,
    /// How clusters are named.
    pub naming: NamingOptions,
}

impl Default for SummaryOptions {
    fn default() -> Self {
        SummaryOptions { examples: 3, naming: NamingOptions::default() }
    }
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ClusterSummary {
    /// The cluster's label.
    pub id: u32,
    /// How many rows it has.
    pub size: usize,
    /// Its share of all rows, noise included.
    pub share: f64,
    /// The terms that set its texts apart; empty without texts.
    pub terms: Vec<String>,
    /// What a chat model said of it, where one was asked ([`describe`](crate::cluster::describe)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The mean of the numbers of its rows; `None` when it has none.
    pub mean_label: Option<f64>,
    /// The rows most like its mean, the nearest first.
    pub examples: Vec<Example>,
}

impl ClusterSummary {
    /// Its first three terms, or `cluster 3` where it has none.
    pub fn name(&self) -> String {
        let terms: Vec<&str> = self.terms.iter().take(3).map(String::as_str).collect();
        if terms.is_empty() { format!("cluster {}", self.id) } else { terms.join(", ") }
    }

    /// Its number with the two terms that tell most: `3 coffee, roast`.
    pub fn short_name(&self) -> String {
        let terms: Vec<&str> = self.terms.iter().take(2).map(String::as_str).collect();
        if terms.is_empty() {
            format!("cluster {}", self.id)
        } else {
            format!("{} {}", self.id, terms.join(", "))
        }
    }
}

/// A row that stands for its cluster.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Example {
    /// The row's position; the first is 0.
    pub row: usize,
    /// Its whole text.
    pub text: Option<String>,
}

/// Summarises each cluster of the rows (n x d) of any source, in ascending order: two passes.
///
/// Examples are the rows with the largest cosine to the mean of the cluster, the earlier of equals,
/// and no text twice.
///
/// # Errors
/// When the numbers of rows, labels, texts and numbers differ, and whatever the source meets while reading.
///
/// ```
/// use embedlab::cluster::{SummaryInput, summarize};
/// let rows = ndarray::array![[1.0_f32, 0.0], [0.9, 0.1], [0.0, 1.0]];
/// let texts = ["strong coffee", "mild coffee", "dry cat food"].map(|text| Some(text.to_owned()));
/// let clusters = summarize(
///     &rows,
///     &SummaryInput {
///         labels: &[Some(0), Some(0), Some(1)],
///         texts: Some(&texts),
///         numbers: Some(&[Some(5.0), Some(4.0), None]),
///     },
///     &Default::default(),
/// )?;
/// assert_eq!((clusters[0].size, clusters[0].mean_label), (2, Some(4.5)));
/// assert_eq!(clusters[0].terms[0], "coffee");
/// assert_eq!(clusters[1].examples[0].row, 2);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn summarize(
    source: &(impl RowSource + ?Sized),
    input: &SummaryInput<'_>,
    options: &SummaryOptions,
) -> Result<Vec<ClusterSummary>> {
    input.check(source.n_rows())?;
    let n_clusters = input.n_clusters();
    let centres = group_sums(source, input.labels, None, n_clusters)?.sums;
    let nearest = Nearest { input, centres: &centres, wanted: options.examples };
    let nearest = fold_rows(source, &nearest)?;
    summaries(input, options, nearest)
}

/// As [`summarize`], without a pass over the rows: examples are the rows at the least of these `distances`, one for each
/// row from the centroid of its cluster.
///
/// # Errors
/// When the numbers of distances, labels, texts and numbers differ.
pub(super) fn summarize_by_distance(
    distances: &[f32],
    input: &SummaryInput<'_>,
    options: &SummaryOptions,
) -> Result<Vec<ClusterSummary>> {
    input.check(distances.len())?;
    let examples = Nearest { input, centres: &[], wanted: options.examples };
    let mut nearest = vec![Vec::new(); input.n_clusters()];
    if options.examples > 0 {
        for (row, (label, distance)) in input.labels.iter().zip(distances).enumerate() {
            if let Some(label) = label {
                examples.insert(&mut nearest[*label as usize], -f64::from(*distance), row);
            }
        }
    }
    summaries(input, options, nearest)
}

impl SummaryInput<'_> {
    fn check(&self, n: usize) -> Result<()> {
        for (what, length) in [
            ("labels", Some(self.labels.len())),
            ("texts", self.texts.map(<[_]>::len)),
            ("numbers", self.numbers.map(<[_]>::len)),
        ] {
            same_length(what, length.unwrap_or(n), n)?;
        }
        Ok(())
    }

    fn n_clusters(&self) -> usize {
        self.labels.iter().flatten().max().map_or(0, |last| *last as usize + 1)
    }
}

/// The clusters with the rows that stand for them, by their labels.
fn summaries(
    input: &SummaryInput<'_>,
    options: &SummaryOptions,
    mut nearest: Vec<Vec<(f64, usize)>>,
) -> Result<Vec<ClusterSummary>> {
    let n = input.labels.len();
    let mut names = match input.texts {
        Some(texts) => names_by_cluster(name_clusters(texts, input.labels, &options.naming)?),
        None => BTreeMap::new(),
    };
    let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, label) in input.labels.iter().enumerate() {
        if let Some(label) = label {
            members.entry(*label).or_default().push(row);
        }
    }
    let example = |(_, row): (f64, usize)| {
        let text = input.texts.and_then(|texts| texts[row].clone());
        Example { row, text }
    };
    let summary = |(id, rows): (u32, Vec<usize>)| ClusterSummary {
        id,
        size: rows.len(),
        share: rows.len() as f64 / n as f64,
        terms: names.remove(&id).unwrap_or_default(),
        description: None,
        mean_label: input.numbers.and_then(|numbers| mean(rows.iter().filter_map(|&row| numbers[row]))),
        examples: std::mem::take(&mut nearest[id as usize]).into_iter().map(example).collect(),
    };
    Ok(members.into_iter().map(summary).collect())
}

fn same_length(what: &str, length: usize, rows: usize) -> Result<()> {
    if length == rows {
        return Ok(());
    }
    Err(Error::argument(format!("the numbers of rows and {what} differ"))
        .seen(format!("{rows} rows, {length} {what}"))
        .advice("give one for each row"))
}

fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = numbers.fold((0.0, 0_usize), |(sum, count), number| (sum + number, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// For each cluster the rows with the largest cosines to the sum of its rows, the best first; of rows with
/// one text only the best.
struct Nearest<'a> {
    input: &'a SummaryInput<'a>,
    centres: &'a [Vec<f64>],
    wanted: usize,
}

impl Nearest<'_> {
    fn text(&self, row: usize) -> Option<&str> {
        self.input.texts.and_then(|texts| texts[row].as_deref())
    }

    fn insert(&self, best: &mut Vec<(f64, usize)>, cosine: f64, row: usize) {
        if best.len() == self.wanted && best.last().is_none_or(|(least, _)| *least >= cosine) {
            return;
        }
        if let Some(text) = self.text(row)
            && let Some(at) = best.iter().position(|(_, other)| self.text(*other) == Some(text))
        {
            if best[at].0 >= cosine {
                return;
            }
            best.remove(at);
        }
        // Rows come in their order, so that the earlier of equals stays before the later.
        best.insert(best.partition_point(|(other, _)| *other >= cosine), (cosine, row));
        best.truncate(self.wanted);
    }
}

impl Fold for Nearest<'_> {
    type Part = Vec<Vec<(f64, usize)>>;

    fn start(&self) -> Self::Part {
        vec![Vec::new(); self.centres.len()]
    }

    fn add(&self, part: &mut Self::Part, block: RowBlock<'_>) {
        if self.wanted == 0 {
            return;
        }
        for (i, row) in block.rows.rows().into_iter().enumerate() {
            let number = block.first + i;
            let (Some(label), Some(values)) = (self.input.labels[number], row.as_slice()) else { continue };
            // The length of the centre is the same for all rows and leaves their order as it is.
            let centre = &self.centres[label as usize];
            let product: f64 = values.iter().zip(centre).map(|(x, centre)| f64::from(*x) * centre).sum();
            let squared = dot_f64(values, values);
            let cosine = if squared > 0.0 { product / squared.sqrt() } else { f64::NEG_INFINITY };
            self.insert(&mut part[label as usize], cosine, number);
        }
    }

    fn merge(&self, into: &mut Self::Part, from: Self::Part) {
        for (best, more) in into.iter_mut().zip(from) {
            for (cosine, row) in more {
                self.insert(best, cosine, row);
            }
        }
    }
}

/// How the rows of each cluster fall on the classes of a label column.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CrossTable {
    /// The clusters, ascending: the rows of the table.
    pub clusters: Vec<u32>,
    /// The classes: the columns of the table.
    pub labels: Vec<String>,
    /// How many rows of each cluster have each label.
    pub counts: Vec<Vec<usize>>,
    /// The counts as shares of the cluster's labelled rows; they add up to 1, or are 0 for a cluster
    /// without labelled rows.
    pub shares: Vec<Vec<f64>>,
}

/// Counts the labels in each cluster. `names` are the classes, `codes` the class of each row as a
/// position in `names` ([`Labels`](crate::table::Labels) holds both). Noise and rows without a class
/// are not counted.
///
/// # Errors
/// When the numbers of clusters and codes differ, or a code has no name.
///
/// ```
/// use embedlab::cluster::cross_table;
/// let names = ["bad".to_owned(), "good".to_owned()];
/// let table = cross_table(&[Some(0), Some(0), Some(1)], &names, &[Some(1), Some(0), Some(1)])?;
/// assert_eq!(table.counts, [[1, 1], [0, 1]]);
/// assert_eq!(table.shares[0], [0.5, 0.5]);
/// # Ok::<(), embedlab::Error>(())
/// ```
pub fn cross_table(clusters: &[Option<u32>], names: &[String], codes: &[Option<u32>]) -> Result<CrossTable> {
    same_length("codes", codes.len(), clusters.len())?;
    let mut counts: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, (cluster, code)) in clusters.iter().zip(codes).enumerate() {
        let Some(cluster) = *cluster else { continue };
        let of_cluster = counts.entry(cluster).or_insert_with(|| vec![0; names.len()]);
        if let Some(code) = *code {
            let count = of_cluster.get_mut(code as usize).ok_or_else(|| {
                Error::argument("a class without a name")
                    .row(row)
                    .seen(format!("class {code} of {}", names.len()))
                    .advice("give a name for each class")
            })?;
            *count += 1;
        }
    }
    let shares = |counts: &Vec<usize>| {
        let labelled = counts.iter().sum::<usize>().max(1) as f64;
        counts.iter().map(|&count| count as f64 / labelled).collect()
    };
    Ok(CrossTable {
        clusters: counts.keys().copied().collect(),
        labels: names.to_vec(),
        shares: counts.values().map(shares).collect(),
        counts: counts.into_values().collect(),
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn examples_are_the_nearest_rows_with_texts_that_differ() {
        let rows = array![[1.0_f32, 0.0], [1.0, 0.1], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0], [0.0, 0.0]];
        let texts = ["a", "b", "b", "c", "d", "e"].map(|text| Some(text.to_owned()));
        let labels = [Some(7), Some(7), Some(7), Some(7), None, Some(7)];
        let input = SummaryInput { labels: &labels, texts: Some(&texts), numbers: None };
        let clusters = summarize(&rows, &input, &Default::default()).unwrap();
        assert_eq!(clusters.len(), 1);
        assert_eq!((clusters[0].id, clusters[0].size, clusters[0].mean_label), (7, 5, None));
        assert!((clusters[0].share - 5.0 / 6.0).abs() < 1e-12);
        let shown: Vec<usize> = clusters[0].examples.iter().map(|example| example.row).collect();
        assert_eq!(shown, [1, 3, 0], "row 2 repeats a text, row 5 has no direction");
    }

    #[test]
    fn a_summary_needs_no_texts() {
        let rows = array![[1.0_f32], [2.0]];
        let input = SummaryInput { labels: &[Some(0), Some(1)], texts: None, numbers: None };
        let clusters = summarize(&rows, &input, &Default::default()).unwrap();
        assert_eq!(clusters[1].examples, [Example { row: 1, text: None }]);
        assert!(clusters[1].terms.is_empty());
    }

    #[test]
    fn a_summary_has_the_keys_of_the_command() {
        let rows = array![[1.0_f32]];
        let input = SummaryInput { labels: &[Some(0)], texts: None, numbers: None };
        let json = serde_json::to_value(summarize(&rows, &input, &Default::default()).unwrap()).unwrap();
        for key in ["id", "size", "terms", "mean_label", "examples"] {
            assert!(json[0].get(key).is_some(), "{key}");
        }
        assert_eq!(json[0]["examples"][0]["row"], 0);
    }

    #[test]
    fn columns_of_another_length_are_refused() {
        let rows = array![[1.0_f32], [2.0]];
        let input = SummaryInput { labels: &[Some(0)], texts: None, numbers: None };
        assert!(summarize(&rows, &input, &Default::default()).unwrap_err().to_string().contains("1 labels"));
        let numbers = [Some(1.0)];
        let labels = [Some(0), Some(0)];
        let input = SummaryInput { labels: &labels, texts: None, numbers: Some(&numbers) };
        assert!(summarize(&rows, &input, &Default::default()).is_err());
    }

    #[test]
    fn the_table_leaves_noise_and_empty_cells_out() {
        let names = ["x".to_owned(), "y".to_owned()];
        let table = cross_table(
            &[Some(2), Some(2), None, Some(5), Some(2)],
            &names,
            &[Some(0), Some(1), Some(0), None, Some(1)],
        )
        .unwrap();
        assert_eq!(table.clusters, [2, 5]);
        assert_eq!(table.counts, [[1, 2], [0, 0]]);
        assert_eq!(table.shares[1], [0.0, 0.0]);
        assert!(cross_table(&[Some(0)], &names, &[Some(2)]).is_err());
        assert!(cross_table(&[Some(0)], &names, &[]).is_err());
    }
}
