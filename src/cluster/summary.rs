//! What stands in each cluster: its size, its name, its typical rows, its labels.

use std::collections::{BTreeMap, HashSet};

use ndarray::{Array1, ArrayView2};
use serde::Serialize;

use super::naming::{NamingOptions, name_clusters, names_by_cluster};
use crate::error::{Error, Result};

/// The rows to summarise, one entry each.
#[derive(Debug, Clone, Copy)]
pub struct SummaryInput<'a> {
    /// n x d.
    pub rows: ArrayView2<'a, f32>,
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterSummary {
    /// The cluster's label.
    pub id: u32,
    /// How many rows it has.
    pub size: usize,
    /// Its share of all rows, noise included.
    pub share: f64,
    /// The terms that set its texts apart; empty without texts.
    pub terms: Vec<String>,
    /// What a chat model said of it, where one was asked ([`describe`](crate::embed::describe)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The mean of the numbers of its rows; `None` when it has none.
    pub mean_label: Option<f64>,
    /// The rows most like its mean, the nearest first.
    pub examples: Vec<Example>,
}

/// A row that stands for its cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The row's position; the first is 0.
    pub row: usize,
    /// Its whole text.
    pub text: Option<String>,
}

/// Summarises each cluster, in ascending order.
///
/// Examples are the rows with the largest cosine to the mean of the cluster, the earlier of equals,
/// and no text twice.
///
/// # Errors
/// When the numbers of rows, labels, texts and numbers differ.
///
/// ```
/// use embedlab::cluster::{SummaryInput, summarize};
/// let rows = ndarray::array![[1.0_f32, 0.0], [0.9, 0.1], [0.0, 1.0]];
/// let texts = ["strong coffee", "mild coffee", "dry cat food"].map(|text| Some(text.to_owned()));
/// let clusters = summarize(
///     &SummaryInput {
///         rows: rows.view(),
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
pub fn summarize(input: &SummaryInput<'_>, options: &SummaryOptions) -> Result<Vec<ClusterSummary>> {
    let n = input.rows.nrows();
    for (what, length) in [
        ("labels", Some(input.labels.len())),
        ("texts", input.texts.map(<[_]>::len)),
        ("numbers", input.numbers.map(<[_]>::len)),
    ] {
        same_length(what, length.unwrap_or(n), n)?;
    }
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
    let summary = |(id, rows): (u32, Vec<usize>)| ClusterSummary {
        id,
        size: rows.len(),
        share: rows.len() as f64 / n as f64,
        terms: names.remove(&id).unwrap_or_default(),
        description: None,
        mean_label: input.numbers.and_then(|numbers| mean(rows.iter().filter_map(|&row| numbers[row]))),
        examples: examples(input, &rows, options.examples),
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

fn examples(input: &SummaryInput<'_>, members: &[usize], wanted: usize) -> Vec<Example> {
    let mut centre = Array1::<f64>::zeros(input.rows.ncols());
    for &row in members {
        centre.zip_mut_with(&input.rows.row(row), |sum, &x| *sum += f64::from(x));
    }
    // The length of the centre is the same for all rows and leaves their order as it is.
    let cosine = |row: usize| {
        let (mut product, mut squared) = (0.0, 0.0);
        for (&x, centre) in input.rows.row(row).iter().zip(&centre) {
            product += f64::from(x) * centre;
            squared += f64::from(x) * f64::from(x);
        }
        if squared == 0.0 { f64::NEG_INFINITY } else { product / squared.sqrt() }
    };
    let mut nearest: Vec<(f64, usize)> = members.iter().map(|&row| (cosine(row), row)).collect();
    nearest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));

    let text = |row: usize| input.texts.and_then(|texts| texts[row].as_deref());
    let mut shown = HashSet::new();
    let distinct = nearest.into_iter().filter(|&(_, row)| text(row).is_none_or(|text| shown.insert(text)));
    distinct.take(wanted).map(|(_, row)| Example { row, text: text(row).map(str::to_owned) }).collect()
}

/// How the rows of each cluster fall on the classes of a label column.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
        let input = SummaryInput { rows: rows.view(), labels: &labels, texts: Some(&texts), numbers: None };
        let clusters = summarize(&input, &Default::default()).unwrap();
        assert_eq!(clusters.len(), 1);
        assert_eq!((clusters[0].id, clusters[0].size, clusters[0].mean_label), (7, 5, None));
        assert!((clusters[0].share - 5.0 / 6.0).abs() < 1e-12);
        let shown: Vec<usize> = clusters[0].examples.iter().map(|example| example.row).collect();
        assert_eq!(shown, [1, 3, 0], "row 2 repeats a text, row 5 has no direction");
    }

    #[test]
    fn a_summary_needs_no_texts() {
        let rows = array![[1.0_f32], [2.0]];
        let input =
            SummaryInput { rows: rows.view(), labels: &[Some(0), Some(1)], texts: None, numbers: None };
        let clusters = summarize(&input, &Default::default()).unwrap();
        assert_eq!(clusters[1].examples, [Example { row: 1, text: None }]);
        assert!(clusters[1].terms.is_empty());
    }

    #[test]
    fn a_summary_has_the_keys_of_the_command() {
        let rows = array![[1.0_f32]];
        let input = SummaryInput { rows: rows.view(), labels: &[Some(0)], texts: None, numbers: None };
        let json = serde_json::to_value(summarize(&input, &Default::default()).unwrap()).unwrap();
        for key in ["id", "size", "terms", "mean_label", "examples"] {
            assert!(json[0].get(key).is_some(), "{key}");
        }
        assert_eq!(json[0]["examples"][0]["row"], 0);
    }

    #[test]
    fn columns_of_another_length_are_refused() {
        let rows = array![[1.0_f32], [2.0]];
        let input = SummaryInput { rows: rows.view(), labels: &[Some(0)], texts: None, numbers: None };
        assert!(summarize(&input, &Default::default()).unwrap_err().to_string().contains("1 labels"));
        let numbers = [Some(1.0)];
        let labels = [Some(0), Some(0)];
        let input = SummaryInput { rows: rows.view(), labels: &labels, texts: None, numbers: Some(&numbers) };
        assert!(summarize(&input, &Default::default()).is_err());
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
