//! Figures that must not depend on the order of rows: row `i` goes by the name `names[i]`, and what is said of a row
//! is given at its name.

use embedlab::Result;
use embedlab::cluster::{DbscanOptions, HdbscanOptions, dbscan, hdbscan, silhouette};
use embedlab::map::{NeighborGraph, neighbors_kept, trust};
use embedlab::model::{Classifier, ModelKind, ModelOptions, Regressor};
use embedlab::recommend::{NeighborOptions, Query, neighbors, profiles};
use embedlab::rows::{Metric, Pca, group_means, moments, norms, top_k};
use embedlab::table::check;
use embedlab::zero_shot::zero_shot;
use ndarray::{Array2, ArrayView2};

use super::analyses::{classes, labels, named, stars};

type Rows<'a> = ArrayView2<'a, f32>;

/// The values of rows at their names.
fn by_name(names: &[usize], values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut found = vec![f64::NAN; names.len()];
    names.iter().zip(values).for_each(|(name, value)| found[*name] = value);
    found
}

/// Clusters by the smallest name among their rows; noise is -1.
fn clusters_by_name(names: &[usize], clusters: &[Option<u32>]) -> Vec<f64> {
    let smallest = |cluster: u32| {
        let rows = names.iter().zip(clusters).filter(|(_, of)| **of == Some(cluster));
        rows.map(|(name, _)| *name).min().unwrap() as f64
    };
    by_name(names, clusters.iter().map(|cluster| cluster.map_or(-1.0, smallest)))
}

pub fn silhouettes(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let labels: Vec<Option<u32>> = names.iter().map(|name| Some((name % 2) as u32)).collect();
    let found = silhouette(&rows, &labels, &Default::default())?;
    let mut values = by_name(names, found.per_row.into_iter().map(|value| value.unwrap()));
    values.push(found.mean);
    Ok(values)
}

pub fn dbscan_of(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    Ok(clusters_by_name(names, &dbscan(rows, &DbscanOptions::default())?.labels))
}

pub fn hdbscan_of(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    Ok(clusters_by_name(names, &hdbscan(rows, &HdbscanOptions::default())?.labels))
}

/// Many neighbours, so that some are not those of a row alone.
fn options(kind: ModelKind) -> ModelOptions {
    ModelOptions { kind, n_neighbors: (kind == ModelKind::Knn).then_some(3), ..Default::default() }
}

pub fn regression(rows: Rows<'_>, names: &[usize], kind: ModelKind) -> Result<Vec<f64>> {
    let model = Regressor::fit(rows, &stars(names.iter().copied()), None, &options(kind))?;
    Ok(by_name(names, model.predict(rows)?))
}

pub fn classification(rows: Rows<'_>, names: &[usize], kind: ModelKind) -> Result<Vec<f64>> {
    let model = Classifier::fit(rows, &classes(names.iter().copied()), None, &options(kind))?;
    let found = model.predict_probabilities(rows, 3)?;
    Ok((0..3).flat_map(|class| by_name(names, found.column(class).iter().copied())).collect())
}

pub fn labelled(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let found = zero_shot(&rows, &labels(rows.ncols())?)?;
    Ok((0..2).flat_map(|label| by_name(names, found.scores.column(label).iter().copied())).collect())
}

pub fn user_profiles(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let found = profiles(&rows, &named(names.iter().copied(), 3).codes, 3, &Default::default())?;
    Ok(found.vectors.iter().map(|value| f64::from(*value)).collect())
}

pub fn alike(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let row = names.iter().position(|name| *name == 0).unwrap();
    let query = Query::Rows { like: &[row], unlike: &[] };
    let found = neighbors(rows, &query, None, &NeighborOptions { k: 7, ..Default::default() })?;
    Ok(found.neighbors.iter().map(|neighbor| neighbor.distance).collect())
}

pub fn graph(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let found = NeighborGraph::of(rows, 3)?;
    let at = |place| by_name(names, (0..rows.nrows()).map(|row| found.distance(row, place)));
    Ok((0..3).flat_map(at).collect())
}

/// Two dimensions in which no distances are equal.
fn map(rows: Rows<'_>) -> Array2<f32> {
    rows.dot(&Array2::from_shape_fn((rows.ncols(), 2), |(i, j)| ((i * 2 + j + 1) as f32).sin()))
}

pub fn trust_of(rows: Rows<'_>, _: &[usize]) -> Result<Vec<f64>> {
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

pub fn pca(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    // The components of a cloud that is nearly as wide in every direction turn with the last bits of its rows; the
    // variances that they explain do not.
    let _ = names;
    Ok(Pca::fit(&rows, 2)?.explained_variance.to_vec())
}

pub fn nearest(rows: Rows<'_>, metric: Metric) -> Result<Vec<f64>> {
    let queries = super::sample(2, rows.ncols());
    let found = top_k(&rows, queries.view(), 5, metric)?;
    Ok(found.into_iter().flatten().map(|neighbor| neighbor.distance).collect())
}

pub fn moments_of(rows: Rows<'_>) -> Result<Vec<f64>> {
    let found = moments(&rows)?;
    Ok(found.mean.into_iter().chain(found.variance).collect())
}

pub fn norms_of(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    Ok(by_name(names, norms(&rows)?))
}

pub fn groups(rows: Rows<'_>, names: &[usize]) -> Result<Vec<f64>> {
    let found = group_means(&rows, &named(names.iter().copied(), 3).codes, 3)?;
    Ok(found.means.iter().map(|value| f64::from(*value)).collect())
}

pub fn checked(rows: Rows<'_>) -> Result<Vec<f64>> {
    let found = check(rows);
    let counts = [found.nan_rows, found.zero_rows, found.duplicate_rows, found.constant_dims];
    let norms = [found.norm.min, found.norm.mean, found.norm.max];
    Ok(counts.into_iter().map(|count| count as f64).chain(norms).collect())
}
