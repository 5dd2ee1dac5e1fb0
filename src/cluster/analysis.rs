//! The whole look at the clusters of a table: fitted, scored, named and compared with a label.

use std::ops::RangeInclusive;
use std::time::Instant;

use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use super::{
    Choice, ChooseOptions, ClusterSummary, CrossTable, DbscanOptions, GaussianMixture, Geometry,
    HdbscanOptions, KMeans, KMeansParams, Silhouette, SilhouetteOptions, SummaryInput, SummaryOptions,
    choose_k, cross_table, dbscan, hdbscan, silhouette, summarize,
};
use crate::error::{Error, Result};
use crate::metric::{Agreement, agreement};
use crate::rows::Pca;
use crate::table::{Labels, Table};

/// How to cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// k-means on the rows as they are.
    #[default]
    KMeans,
    /// k-means by cosine.
    Spherical,
    /// A Gaussian mixture with full covariances, on reduced rows.
    Mixture,
    /// DBSCAN, on reduced rows.
    Dbscan,
    /// HDBSCAN, on reduced rows.
    Hdbscan,
}

/// How many clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterCount {
    /// So many.
    Exactly(usize),
    /// The number in this range with the best silhouette.
    Within(RangeInclusive<usize>),
}

/// What [`analyse`] should do. The default is k-means as in scikit-learn, with four clusters.
#[derive(Debug, Clone)]
pub struct AnalysisOptions {
    /// The method. Default: k-means.
    pub method: Method,
    /// The number of clusters; density methods find their own. Default: 4.
    pub count: ClusterCount,
    /// Starts of k-means. Default: 10.
    pub n_init: usize,
    /// Iterations of one start at most. Default: 300.
    pub max_iter: usize,
    /// The tolerance of k-means. Default: 1e-4.
    pub tol: f64,
    /// Mini-batches of this many rows in place of full passes. Default: full passes.
    pub batch_size: Option<usize>,
    /// Reduce the rows to this many principal components first. Default: 10 for mixtures and density
    /// methods, which need few dimensions, and none for k-means.
    pub components: Option<usize>,
    /// Density and noise for DBSCAN.
    pub dbscan: DbscanOptions,
    /// Density and noise for HDBSCAN.
    pub hdbscan: HdbscanOptions,
    /// Names and examples.
    pub summary: SummaryOptions,
    /// The seed. Default: 42.
    pub seed: u64,
}

impl Default for AnalysisOptions {
    fn default() -> Self {
        AnalysisOptions {
            method: Method::KMeans,
            count: ClusterCount::Exactly(4),
            n_init: 10,
            max_iter: 300,
            tol: 1e-4,
            batch_size: None,
            components: None,
            dbscan: DbscanOptions::default(),
            hdbscan: HdbscanOptions::default(),
            summary: SummaryOptions::default(),
            seed: 42,
        }
    }
}

/// Components for the methods that need few dimensions.
const FEW_DIMENSIONS: usize = 10;

/// What stands beside the rows, if it is known.
#[derive(Debug, Clone, Default)]
pub struct About {
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

impl About {
    /// Takes the named columns out of a table.
    ///
    /// # Errors
    /// When a column does not exist or has no text form.
    pub fn from_table(table: &Table, text: Option<&str>, label: Option<&str>) -> Result<About> {
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
        Ok(About { texts: text.map(|name| table.text(name)).transpose()?, label })
    }
}

/// What [`analyse`] found. Serialised, it has the keys of `embedlab cluster --json`.
#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    /// The method.
    pub method: Method,
    /// The number of clusters.
    pub k: usize,
    /// The sum of squared distances of the rows to their centroids; k-means only.
    pub inertia: Option<f64>,
    /// Iterations of the best start; k-means only.
    pub iterations: Option<usize>,
    /// The Bayesian information criterion, less is better; mixtures only.
    pub bic: Option<f64>,
    /// The principal components that were clustered; `None` for the rows as they are.
    pub components: Option<usize>,
    /// How long the fit took, in seconds.
    pub fit_seconds: f64,
    /// The rows in each cluster, the largest first.
    pub sizes: Vec<usize>,
    /// Rows without a cluster.
    pub noise: usize,
    /// The cluster of each row; `None` for noise.
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
    /// How the number of clusters was chosen.
    pub choice: Option<Choice>,
    /// The silhouette of each row.
    #[serde(skip)]
    pub silhouettes: Option<Silhouette>,
    /// The fitted model; k-means only.
    #[serde(skip)]
    pub model: Option<KMeans>,
}

/// Clusters n x d rows and says everything there is to say about it.
///
/// ```
/// use embedlab::cluster::{About, AnalysisOptions, ClusterCount, analyse};
/// let rows = ndarray::array![[0.0_f32, 0.1], [0.1, 0.0], [5.0, 5.1], [5.1, 5.0]];
/// let options = AnalysisOptions { count: ClusterCount::Exactly(2), ..Default::default() };
/// let found = analyse(rows.view(), &About::default(), &options)?;
/// assert_eq!(found.sizes, [2, 2]);
/// assert!(found.silhouette.unwrap() > 0.9);
/// # Ok::<(), embedlab::Error>(())
/// ```
///
/// # Errors
/// When the rows, the options and the columns do not fit each other; each message says which.
pub fn analyse(rows: ArrayView2<'_, f32>, about: &About, options: &AnalysisOptions) -> Result<Analysis> {
    if options.batch_size.is_some() && !matches!(options.method, Method::KMeans | Method::Spherical) {
        return Err(Error::argument("only k-means works in mini-batches").advice("leave the batch size out"));
    }
    let reduced = reduce(rows, options)?;
    let points = reduced.as_ref().map_or_else(|| rows.view(), |reduced| reduced.view());
    let scoring =
        SilhouetteOptions { geometry: geometry(options.method), seed: options.seed, ..Default::default() };
    let choice = match (&options.count, options.method) {
        (_, Method::Dbscan | Method::Hdbscan) | (ClusterCount::Exactly(_), _) => None,
        (ClusterCount::Within(range), _) => {
            let search = ChooseOptions { range: range.clone(), silhouette: scoring };
            let choice = choose_k(points, &search, |k| {
                let fitted = fit(points, k, options)?;
                // A mixture has no inertia; its criterion bends where one would.
                Ok((fitted.labels, fitted.inertia.or(fitted.bic).unwrap_or_default()))
            })?;
            Some(if options.method == Method::Mixture { choice.by_bic() } else { choice })
        }
    };
    let k = match (&choice, &options.count) {
        (Some(choice), _) => choice.chosen,
        (None, ClusterCount::Exactly(k)) => *k,
        (None, ClusterCount::Within(range)) => *range.start(),
    };
    let start = Instant::now();
    let fitted = fit(points, k, options)?;
    let fit_seconds = start.elapsed().as_secs_f64();

    let sizes = sizes(&fitted.labels);
    let noise = fitted.labels.iter().filter(|label| label.is_none()).count();
    let scorable = sizes.len() >= 2 && sizes.len() < fitted.labels.len() - noise;
    let silhouettes = if scorable { Some(silhouette(points, &fitted.labels, &scoring)?) } else { None };
    let numbers = about.label.as_ref().and_then(|label| label.numbers.as_deref());
    let input =
        SummaryInput { rows: rows.view(), labels: &fitted.labels, texts: about.texts.as_deref(), numbers };
    let clusters = summarize(&input, &options.summary)?;
    let (table, agreement) = compare(&fitted.labels, about.label.as_ref())?;
    Ok(Analysis {
        method: options.method,
        k: sizes.len(),
        inertia: fitted.inertia,
        iterations: fitted.model.as_ref().map(|model| model.n_iter),
        bic: fitted.bic,
        components: reduced.as_ref().map(Array2::ncols),
        fit_seconds,
        sizes,
        noise,
        silhouette: silhouettes.as_ref().map(|score| score.mean),
        silhouette_standard_error: silhouettes.as_ref().and_then(|score| score.standard_error),
        labels: fitted.labels,
        clusters,
        label: about.label.as_ref().map(|label| label.name.clone()),
        table,
        agreement,
        choice,
        silhouettes,
        model: fitted.model,
    })
}

fn geometry(method: Method) -> Geometry {
    if method == Method::Spherical { Geometry::Spherical } else { Geometry::Euclidean }
}

/// The principal components, for methods and users that want them.
fn reduce(rows: ArrayView2<'_, f32>, options: &AnalysisOptions) -> Result<Option<Array2<f32>>> {
    let wanted = match (options.components, options.method) {
        (Some(components), _) => components,
        (None, Method::KMeans | Method::Spherical) => return Ok(None),
        (None, Method::Mixture | Method::Dbscan | Method::Hdbscan) => FEW_DIMENSIONS,
    };
    if options.components.is_none() && rows.ncols() <= wanted {
        return Ok(None);
    }
    Ok(Some(Pca::fit(&rows, wanted)?.transform(&rows)?))
}

struct Fitted {
    labels: Vec<Option<u32>>,
    inertia: Option<f64>,
    bic: Option<f64>,
    model: Option<KMeans>,
}

fn fit(rows: ArrayView2<'_, f32>, k: usize, options: &AnalysisOptions) -> Result<Fitted> {
    let plain = |labels| Fitted { labels, inertia: None, bic: None, model: None };
    Ok(match options.method {
        Method::KMeans | Method::Spherical => {
            let model = k_means_params(k, options).fit_rows(&rows)?;
            let labels = model.labels.clone();
            Fitted { labels, inertia: Some(model.inertia), bic: None, model: Some(model) }
        }
        Method::Mixture => {
            let mixture = GaussianMixture::params(k).seed(options.seed).fit_rows(rows)?;
            Fitted { bic: Some(mixture.bic), ..plain(mixture.labels) }
        }
        Method::Dbscan => plain(dbscan(rows, &options.dbscan)?.labels),
        Method::Hdbscan => plain(hdbscan(rows, &options.hdbscan)?.labels),
    })
}

fn k_means_params(k: usize, options: &AnalysisOptions) -> KMeansParams {
    let params = KMeans::params(k)
        .n_init(options.n_init)
        .max_iter(options.max_iter)
        .tol(options.tol)
        .seed(options.seed)
        .geometry(geometry(options.method));
    match options.batch_size {
        Some(rows) => params.batch_size(rows),
        None => params,
    }
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

fn compare(
    clusters: &[Option<u32>],
    label: Option<&LabelColumn>,
) -> Result<(Option<CrossTable>, Option<Agreement>)> {
    let Some(label) = label else { return Ok((None, None)) };
    let table = cross_table(clusters, &label.labels.names, &label.labels.codes)?;
    let both =
        clusters.iter().zip(&label.labels.codes).filter_map(|(cluster, code)| Some(((*code)?, (*cluster)?)));
    let (codes, clusters): (Vec<u32>, Vec<u32>) = both.unzip();
    let agreement = if codes.is_empty() { None } else { Some(agreement(&codes, &clusters)?) };
    Ok((Some(table), agreement))
}
