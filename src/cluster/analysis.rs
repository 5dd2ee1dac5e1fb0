//! The whole look at the clusters of some rows: fitted, scored, named and compared with a label.

use schemars::JsonSchema;
use serde::Serialize;

use super::found::{FitSample, Found};
use super::summary::summarize_by_distance;
use super::{
    Choice, ClusterMethod, ClusterOptions, ClusterSummary, CrossTable, KMeans, Silhouette, SummaryInput,
    SummaryOptions, cross_table, summarize,
};
use crate::error::Result;
use crate::metric::{Agreement, agreement};
use crate::rows::RowSource;
use crate::table::{Labels, Table};

/// The texts and the label of the rows, where they are known.
#[derive(Debug, Clone, Default)]
pub struct ClusterColumns {
    /// The text of each row.
    pub texts: Option<Vec<Option<String>>>,
    /// The label of each row.
    pub label: Option<LabelColumn>,
}

/// A column to compare clusters with.
#[derive(Debug, Clone)]
pub struct LabelColumn {
    /// Its name.
    pub name: String,
    /// Its classes.
    pub labels: Labels,
    /// Its values, when it holds numbers.
    pub numbers: Option<Vec<Option<f64>>>,
}

impl ClusterColumns {
    /// Takes the named columns out of a table.
    ///
    /// # Errors
    /// When a column does not exist or has no text form.
    pub fn from_table(table: &Table, text: Option<&str>, label: Option<&str>) -> Result<ClusterColumns> {
        let label = match label {
            Some(name) => Some(LabelColumn {
                name: name.to_owned(),
                labels: table.labels(name)?,
                numbers: if table.column(name)?.data_type().is_numeric() {
                    Some(table.numbers(name)?)
                } else {
                    None
                },
            }),
            None => None,
        };
        Ok(ClusterColumns { texts: text.map(|name| table.text(name)).transpose()?, label })
    }
}

/// What [`analyse`] found. Serialised, it has the keys of `embedlab cluster --json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Clustering {
    /// The method.
    pub method: ClusterMethod,
    /// The number of clusters.
    pub k: usize,
    /// The sum of squared distances of the rows to their centroids; k-means only.
    pub inertia: Option<f64>,
    /// Iterations of the best start; k-means only.
    pub iterations: Option<usize>,
    /// The Bayesian information criterion, less is better; mixtures only.
    pub bic: Option<f64>,
    /// The radius of a neighbourhood; DBSCAN only.
    pub eps: Option<f64>,
    /// The principal components that were clustered; `None` for the rows as they are.
    pub components: Option<usize>,
    /// The sample that k-means was fitted on, where that was not all rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<FitSample>,
    /// How long the fit took, in seconds.
    pub fit_seconds: f64,
    /// The rows in each cluster, the largest first.
    pub sizes: Vec<usize>,
    /// Rows in no dense region, whether or not they then joined the nearest cluster; density methods only.
    pub noise: usize,
    /// Rows of zeros, which have no cluster by cosine; spherical k-means only.
    pub zero_rows: usize,
    /// Rows without a cluster: noise that was kept, and rows of zeros by cosine.
    pub unclustered: usize,
    /// Rows whose vectors repeat those of an earlier row.
    pub duplicate_rows: usize,
    /// The cluster of each row; `None` for a row without one.
    pub labels: Vec<Option<u32>>,
    /// The mean silhouette; `None` with fewer than two clusters.
    pub silhouette: Option<f64>,
    /// Its standard error, when rows were sampled.
    pub silhouette_standard_error: Option<f64>,
    /// Names, examples and the mean of a numeric label.
    pub clusters: Vec<ClusterSummary>,
    /// The label column that the clusters are compared with.
    pub label: Option<String>,
    /// Clusters against labels.
    pub table: Option<CrossTable>,
    /// How far clusters and labels agree, on rows that have both.
    pub agreement: Option<Agreement>,
    /// How many rows have both.
    pub agreement_rows: Option<usize>,
    /// The same with the rows without a cluster as one more cluster, on all rows with a label; `None` when
    /// every such row has a cluster.
    pub agreement_with_noise: Option<Agreement>,
    /// How the number of clusters was chosen.
    pub choice: Option<Choice>,
    /// The silhouette of each row.
    #[serde(skip)]
    pub silhouettes: Option<Silhouette>,
    /// The fitted model, with the names of its clusters; k-means on the rows as they are only.
    #[serde(skip)]
    pub model: Option<KMeans>,
}

/// Clusters n x d rows of any source and says everything there is to say about it. k-means passes over the
/// source, or fits a sample of it and passes over it once; the other methods take a matrix of few principal components.
///
/// ```
/// use embedlab::cluster::{ClusterColumns, ClusterOptions, analyse};
/// let rows = ndarray::array![[0.0_f32, 0.1], [0.1, 0.0], [5.0, 5.1], [5.1, 5.0]];
/// let options = ClusterOptions { k: Some(2.into()), ..Default::default() };
/// let found = analyse(&rows, &ClusterColumns::default(), &options, 42)?;
/// assert_eq!(found.sizes, [2, 2]);
/// assert!(found.silhouette.unwrap() > 0.9);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When the rows, the options and the columns do not fit each other; each message says which.
pub fn analyse(
    source: &dyn RowSource,
    columns: &ClusterColumns,
    options: &ClusterOptions,
    seed: u64,
) -> Result<Clustering> {
    options.check()?;
    let found = Found::of(source, options, seed)?;
    let fitted = found.fitted;
    let sizes = sizes(&fitted.labels);
    let unclustered = fitted.labels.iter().filter(|label| label.is_none()).count();
    let numbers = columns.label.as_ref().and_then(|label| label.numbers.as_deref());
    let input = SummaryInput { labels: &fitted.labels, texts: columns.texts.as_deref(), numbers };
    let naming = SummaryOptions { naming: options.naming.clone(), ..Default::default() };
    let clusters = match &found.distances {
        Some(distances) => summarize_by_distance(distances, &input, &naming)?,
        None => summarize(source, &input, &naming)?,
    };
    let label = columns.label.as_ref();
    let comparison = label.map(|label| Comparison::new(&fitted.labels, label)).transpose()?;
    let mut model = fitted.model.filter(|_| found.components.is_none());
    if let Some(model) = model.as_mut().filter(|_| columns.texts.is_some()) {
        model.names = clusters.iter().map(ClusterSummary::name).collect();
    }
    let (table, agreements) = comparison.map_or((None, None), |both| (Some(both.table), both.agreements));
    Ok(Clustering {
        method: options.method,
        k: sizes.len(),
        inertia: fitted.inertia,
        iterations: fitted.iterations,
        bic: fitted.bic,
        eps: fitted.eps,
        components: found.components,
        sample: found.sample,
        fit_seconds: fitted.seconds,
        sizes,
        noise: fitted.noise,
        zero_rows: if options.method == ClusterMethod::Spherical { unclustered } else { 0 },
        unclustered,
        duplicate_rows: source.n_rows() - found.distinct,
        silhouette: found.silhouette.map(|(mean, _)| mean),
        silhouette_standard_error: found.silhouette.and_then(|(_, error)| error),
        labels: fitted.labels,
        clusters,
        label: label.map(|label| label.name.clone()),
        table,
        agreement_rows: agreements.as_ref().map(|both| both.rows),
        agreement_with_noise: agreements.as_ref().and_then(|both| both.with_noise),
        agreement: agreements.map(|both| both.clustered),
        choice: found.choice,
        silhouettes: found.silhouettes,
        model,
    })
}

fn sizes(labels: &[Option<u32>]) -> Vec<usize> {
    let mut sizes = Vec::new();
    for label in labels.iter().flatten() {
        let label = *label as usize;
        if label >= sizes.len() {
            sizes.resize(label + 1, 0);
        }
        sizes[label] += 1;
    }
    sizes
}

/// Clusters beside a label.
struct Comparison {
    table: CrossTable,
    agreements: Option<Agreements>,
}

struct Agreements {
    rows: usize,
    clustered: Agreement,
    with_noise: Option<Agreement>,
}

impl Comparison {
    fn new(clusters: &[Option<u32>], label: &LabelColumn) -> Result<Comparison> {
        let table = cross_table(clusters, &label.labels.names, &label.labels.codes)?;
        let labelled =
            clusters.iter().zip(&label.labels.codes).filter_map(|(cluster, code)| Some(((*code)?, *cluster)));
        let (codes, clusters): (Vec<u32>, Vec<Option<u32>>) = labelled.unzip();
        let both = codes.iter().zip(&clusters).filter_map(|(code, cluster)| Some((*code, (*cluster)?)));
        let (of_both, clusters_of_both): (Vec<u32>, Vec<u32>) = both.unzip();
        if of_both.is_empty() {
            return Ok(Comparison { table, agreements: None });
        }
        let with_noise = if of_both.len() < codes.len() {
            let as_cluster: Vec<u32> = clusters.iter().map(|cluster| cluster.unwrap_or(u32::MAX)).collect();
            Some(agreement(&codes, &as_cluster)?)
        } else {
            None
        };
        let clustered = agreement(&of_both, &clusters_of_both)?;
        Ok(Comparison { table, agreements: Some(Agreements { rows: of_both.len(), clustered, with_noise }) })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::super::{ClusterCount, Noise};
    use super::*;

    fn three_points(n: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, 2), |(i, j)| [0.0, 5.0, 9.0][i % 3] + (j * (i % 3)) as f32)
    }

    fn columns(n: usize) -> ClusterColumns {
        let names = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let codes = (0..n).map(|i| Some((i % 3) as u32)).collect();
        let labels = Labels { names, codes };
        ClusterColumns {
            texts: None,
            label: Some(LabelColumn { name: "kind".into(), labels, numbers: None }),
        }
    }

    #[test]
    fn a_range_is_clipped_to_the_distinct_rows_and_repeats_are_counted() {
        let options = ClusterOptions { k: Some(ClusterCount::AUTO), ..Default::default() };
        let found = analyse(&three_points(15), &columns(15), &options, 42).unwrap();
        assert_eq!((found.k, found.duplicate_rows), (3, 12));
        let tried: Vec<usize> = found.choice.unwrap().candidates.iter().map(|tried| tried.k).collect();
        assert_eq!(tried, [2, 3]);
        assert_eq!((found.agreement_rows, found.agreement_with_noise), (Some(15), None));
    }

    #[test]
    fn noise_is_reported_where_it_joins_and_compared_where_it_stays() {
        let mut rows = three_points(60);
        rows.row_mut(0).fill(500.0);
        for noise in [Noise::Keep, Noise::Nearest] {
            let options = ClusterOptions {
                method: ClusterMethod::Dbscan,
                noise: Some(noise),
                eps: Some(0.5),
                ..Default::default()
            };
            let found = analyse(&rows, &columns(60), &options, 42).unwrap();
            let kept = usize::from(noise == Noise::Keep);
            assert_eq!((found.noise, found.unclustered, found.eps), (1, kept, Some(0.5)));
            assert_eq!(found.agreement_rows, Some(60 - kept));
            assert_eq!(found.agreement_with_noise.is_some(), noise == Noise::Keep);
            if let Some(with_noise) = found.agreement_with_noise {
                assert!(with_noise.v_measure < 0.99 && found.agreement.unwrap().v_measure > 0.99);
            }
        }
    }

    #[test]
    fn rows_of_zeros_have_no_cluster_by_cosine_and_are_counted() {
        let mut rows = three_points(60) + 1.0;
        rows.row_mut(7).fill(0.0);
        let options =
            ClusterOptions { k: Some(2.into()), method: ClusterMethod::Spherical, ..Default::default() };
        let found = analyse(&rows, &columns(60), &options, 42).unwrap();
        assert_eq!((found.zero_rows, found.unclustered, found.labels[7]), (1, 1, None));
    }
}
