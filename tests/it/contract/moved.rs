//! Figures that do not change when the rows are moved or measured in another unit: clusters, neighbours, predictions,
//! shares.

use embedlab::Result;
use embedlab::cluster::{
    DbscanOptions, GaussianMixture, Geometry, HdbscanOptions, KMeans, choose_k_means, dbscan, hdbscan,
    silhouette,
};
use embedlab::forest::{Criterion, ForestClassifier, ForestRegressor};
use embedlab::map::{NeighborGraph, neighbors_kept, trust};
use embedlab::model::{Classifier, ModelKind, ModelOptions, Regressor};
use embedlab::recommend::{NeighborOptions, Query, neighbors};
use embedlab::rows::{Metric, Pca, select_rows, top_k};
use embedlab::search::{Hnsw, HnswOptions};
use embedlab::zero_shot::zero_shot;
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::analyses::{classes, labels, stars};

type Rows<'a> = ArrayView2<'a, f32>;

/// What is done to all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One more column of a large number, the same in all rows.
    Constant,
    /// The same number added to every dimension.
    Offset,
    /// A thousandth.
    Smaller,
    /// A thousand times.
    Larger,
}

use Change::{Constant, Larger, Offset, Smaller};

/// Nothing that works with distances or with single features may mind any of them.
pub const ALL: &[Change] = &[Constant, Offset, Smaller, Larger];
/// A kernel that draws features draws others when there is one more.
pub const ALL_BUT_COLUMNS: &[Change] = &[Offset, Smaller, Larger];
/// Angles are those at the origin.
pub const UNIT: &[Change] = &[Smaller, Larger];
/// What is shrunk to zero depends on the unit, and is said to.
pub const PLACE: &[Change] = &[Constant, Offset];

impl Change {
    pub fn of(self, rows: Rows<'_>) -> Array2<f32> {
        match self {
            Constant => {
                let column = Array2::from_elem((rows.nrows(), 1), 10_000.0_f32);
                concatenate(Axis(1), &[rows.view(), column.view()]).unwrap()
            }
            Offset => rows.mapv(|x| x + 100.0),
            Smaller => rows.mapv(|x| x * 1e-3),
            Larger => rows.mapv(|x| x * 1e3),
        }
    }
}

/// Three clouds apart from each other, in which no two distances are nearly equal.
pub fn clouds() -> Array2<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    Array2::from_shape_fn((150, 8), |(i, j)| {
        let apart = if (i + j) % 3 == 0 { 4.0 } else { 0.0 };
        random.r#gen::<f32>() + apart
    })
}

/// Clusters by the first of their rows; noise is -1.
fn by_first_row(labels: &[Option<u32>]) -> Vec<f64> {
    let first = |cluster: u32| labels.iter().position(|label| *label == Some(cluster)).unwrap() as f64;
    labels.iter().map(|label| label.map_or(-1.0, first)).collect()
}

pub fn k_means(rows: Rows<'_>, geometry: Geometry) -> Result<Vec<f64>> {
    Ok(by_first_row(&KMeans::params(3).geometry(geometry).fit_rows(&rows)?.labels))
}

pub fn mini_batch(rows: Rows<'_>) -> Result<Vec<f64>> {
    Ok(by_first_row(&KMeans::params(3).batch_size(64).fit_rows(&rows)?.labels))
}

pub fn choice(rows: Rows<'_>) -> Result<Vec<f64>> {
    let found = choose_k_means(rows, &Default::default(), |k| KMeans::params(k).n_init(2))?;
    Ok(vec![found.chosen as f64, found.candidates[1].silhouette.unwrap()])
}

pub fn silhouettes(rows: Rows<'_>) -> Result<Vec<f64>> {
    let labels: Vec<Option<u32>> = (0..rows.nrows()).map(|row| Some((row % 2) as u32)).collect();
    Ok(silhouette(&rows, &labels, &Default::default())?.per_row.into_iter().flatten().collect())
}

pub fn dbscan_of(rows: Rows<'_>) -> Result<Vec<f64>> {
    Ok(by_first_row(&dbscan(rows, &DbscanOptions::default())?.labels))
}

pub fn hdbscan_of(rows: Rows<'_>) -> Result<Vec<f64>> {
    Ok(by_first_row(&hdbscan(rows, &HdbscanOptions::default())?.labels))
}

pub fn mixture(rows: Rows<'_>) -> Result<Vec<f64>> {
    Ok(by_first_row(&GaussianMixture::params(3).fit_rows(rows)?.labels))
}

pub fn regression_forest(rows: Rows<'_>, criterion: Criterion) -> Result<Vec<f64>> {
    let params = ForestRegressor::params().n_estimators(5).criterion(criterion);
    params.fit_rows(rows, &stars(0..rows.nrows()), None)?.predict_rows(rows)
}

pub fn classification_forest(rows: Rows<'_>) -> Result<Vec<f64>> {
    let model = ForestClassifier::params().n_estimators(5).fit_rows(rows, &classes(0..rows.nrows()), None)?;
    Ok(model.predict_probabilities(rows)?.into_iter().collect())
}

/// Three neighbours, so that some are not those of a row alone.
fn options(kind: ModelKind) -> ModelOptions {
    ModelOptions { kind, n_neighbors: (kind == ModelKind::Knn).then_some(3), ..Default::default() }
}

pub fn regression(rows: Rows<'_>, kind: ModelKind) -> Result<Vec<f64>> {
    Regressor::fit(rows, &stars(0..rows.nrows()), None, &options(kind))?.predict(rows)
}

pub fn classification(rows: Rows<'_>, kind: ModelKind) -> Result<Vec<f64>> {
    let model = Classifier::fit(rows, &classes(0..rows.nrows()), None, &options(kind))?;
    Ok(model.predict_probabilities(rows, 3)?.into_iter().collect())
}

pub fn labelled(rows: Rows<'_>) -> Result<Vec<f64>> {
    Ok(zero_shot(&rows, &labels(rows.ncols())?)?.scores.into_iter().collect())
}

pub fn alike(rows: Rows<'_>) -> Result<Vec<f64>> {
    let query = Query::Rows { like: &[0], unlike: &[] };
    let found = neighbors(rows, &query, None, &NeighborOptions { k: 7, ..Default::default() })?;
    Ok(found.neighbors.iter().map(|neighbor| neighbor.row as f64).collect())
}

pub fn hnsw(rows: Rows<'_>) -> Result<Vec<f64>> {
    let index = Hnsw::build(rows, &HnswOptions::default())?;
    let found = index.search(rows, rows.row(0), 5, 50)?;
    Ok(found.iter().map(|hit| hit.row as f64).collect())
}

pub fn graph(rows: Rows<'_>) -> Result<Vec<f64>> {
    let found = NeighborGraph::of(rows, 3)?;
    Ok((0..rows.nrows()).flat_map(|row| found.rows(row)).map(|row| f64::from(*row)).collect())
}

/// Two dimensions in which no distances are equal, of the columns that are always there.
fn map(rows: Rows<'_>) -> Array2<f32> {
    let rows = rows.slice(ndarray::s![.., ..8]);
    rows.dot(&Array2::from_shape_fn((8, 2), |(i, j)| ((i * 2 + j + 1) as f32).sin()))
}

pub fn trust_of(rows: Rows<'_>) -> Result<Vec<f64>> {
    let found = trust(rows, map(rows).view(), 42)?;
    Ok(vec![
        found.trustworthiness,
        found.continuity,
        found.neighbors_kept,
        found.distance_correlation.unwrap(),
    ])
}

pub fn kept(rows: Rows<'_>) -> Result<Vec<f64>> {
    Ok(vec![neighbors_kept(rows, map(rows).view(), 5, 42)?.share])
}

pub fn pca(rows: Rows<'_>) -> Result<Vec<f64>> {
    let found = Pca::fit(&rows, 3)?;
    let whole: f64 = found.explained_variance.iter().sum();
    Ok(found.explained_variance.iter().map(|variance| variance / whole).collect())
}

pub fn nearest(rows: Rows<'_>, metric: Metric) -> Result<Vec<f64>> {
    let queries = select_rows(&rows, &[0, 1])?;
    let found = top_k(&rows, queries.view(), 5, metric)?;
    Ok(found.into_iter().flatten().map(|neighbor| neighbor.row as f64).collect())
}
