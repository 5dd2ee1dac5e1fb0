//! Runs each analysis on any rows, with options that few rows allow.

use embedlab::Result;
use embedlab::cluster::{
    ClusterColumns, ClusterMethod, ClusterOptions, DbscanOptions, GaussianMixture, Geometry, HdbscanOptions,
    KMeans, analyse, choose_k_means, dbscan, hdbscan, silhouette,
};
use embedlab::compare::{cka, information_imbalance};
use embedlab::compress::{CurveOptions, Precision, curve};
use embedlab::forest::{Criterion, ForestClassifier, ForestRegressor, MaxFeatures};
use embedlab::map::{Engine, Gradient, NeighborGraph, Tsne, neighbors_kept, trust};
use embedlab::model::{
    Classes, Classifier, ModelKind, ModelOptions, Regressor, SampleInfo, cross_validate_classes, regress,
};
use embedlab::recommend::{
    EvaluationOptions, NeighborOptions, ProfileOptions, Query, Ratings, RecommendOptions, evaluate,
    neighbors, profiles, recommend,
};
use embedlab::rows::{Metric, Pca, RowSource, group_means, select_rows, top_k};
use embedlab::search::{Hnsw, HnswOptions};
use embedlab::split::{stratified_k_fold, train_test_split};
use embedlab::table::Labels;
use embedlab::zero_shot::{LabelVectors, zero_shot};
use ndarray::{Array2, ArrayView2, s};

use super::{Bits, bits};

pub fn k_means_of(rows: &dyn RowSource, geometry: Geometry) -> Result<Bits> {
    bits(KMeans::params(3).n_init(2).geometry(geometry).fit_rows(rows))
}

pub fn mini_batch(rows: &dyn RowSource) -> Result<Bits> {
    bits(KMeans::params(3).n_init(2).batch_size(64).fit_rows(rows))
}

pub fn choice(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    bits(choose_k_means(rows, &Default::default(), |k| KMeans::params(k).n_init(1)))
}

pub fn silhouettes(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    let labels: Vec<Option<u32>> = (0..rows.nrows()).map(|row| Some((row % 2) as u32)).collect();
    bits(silhouette(&rows, &labels, &Default::default()))
}

pub fn dbscan_of(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    bits(dbscan(rows, &DbscanOptions::default()))
}

pub fn hdbscan_of(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    bits(hdbscan(rows, &HdbscanOptions::default()))
}

pub fn mixture_of(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    bits(GaussianMixture::params(2).fit_rows(rows))
}

pub fn clusters(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    let options =
        ClusterOptions { method: ClusterMethod::Spherical, k: Some(2.into()), ..Default::default() };
    let mut found = analyse(&rows, &ClusterColumns::default(), &options, 42)?;
    found.fit_seconds = 0.0;
    Ok(Bits::of(&found))
}

/// The stars of rows by their names.
pub fn stars(names: impl Iterator<Item = usize>) -> Vec<f64> {
    names.map(|name| (name % 7) as f64).collect()
}

/// The classes of rows by their names.
pub fn classes(names: impl Iterator<Item = usize>) -> Vec<usize> {
    names.map(|name| name % 3).collect()
}

pub fn regression_forest(rows: ArrayView2<'_, f32>, criterion: Criterion, extra_trees: bool) -> Result<Bits> {
    let params = ForestRegressor::params().n_estimators(5).criterion(criterion).extra_trees(extra_trees);
    let params = params.max_features(MaxFeatures::Share(0.5)).oob_score(true);
    let model = params.fit_rows(rows, &stars(0..rows.nrows()), None)?;
    Ok(Bits::of(&(model.predict_rows(rows)?, model)))
}

pub fn classification_forest(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    let params = ForestClassifier::params().n_estimators(5).oob_score(true);
    let model = params.fit_rows(rows, &classes(0..rows.nrows()), None)?;
    Ok(Bits::of(&(model.predict_probabilities(rows)?, model)))
}

pub fn model_options(kind: ModelKind) -> ModelOptions {
    let trees = matches!(kind, ModelKind::Forest | ModelKind::Boost).then_some(5);
    let n_neighbors = (kind == ModelKind::Knn).then_some(1);
    ModelOptions { kind, trees, n_neighbors, ..Default::default() }
}

pub fn regression_of(rows: ArrayView2<'_, f32>, kind: ModelKind) -> Result<Bits> {
    let model = Regressor::fit(rows, &stars(0..rows.nrows()), None, &model_options(kind))?;
    Ok(Bits::of(&(model.predict(rows)?, model)))
}

pub fn classification_of(rows: ArrayView2<'_, f32>, kind: ModelKind) -> Result<Bits> {
    let model = Classifier::fit(rows, &classes(0..rows.nrows()), None, &model_options(kind))?;
    Ok(Bits::of(&(model.predict_probabilities(rows, 3)?, model)))
}

pub fn held_out_regression(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    let targets: Vec<f64> = (0..rows.nrows()).map(|row| (row % 5) as f64).collect();
    let split = train_test_split(rows.nrows(), 0.3, 42)?;
    let options = model_options(ModelKind::Forest);
    let mut found = regress(rows, &targets, &split, &SampleInfo::default(), &options)?;
    found.held_out.fit_seconds = 0.0;
    Ok(Bits::of(&found))
}

pub fn cross_validated(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    let classes: Vec<usize> = (0..rows.nrows()).map(|row| row % 2).collect();
    let labels: Vec<u32> = classes.iter().map(|class| *class as u32).collect();
    let classes = Classes { codes: classes, names: ["even", "odd"].map(String::from).to_vec() };
    let folds = stratified_k_fold(&labels, 2, 42)?;
    let options = model_options(ModelKind::Forest);
    let mut found = cross_validate_classes(rows, &classes, &folds, &SampleInfo::default(), &options)?;
    found.held_out.fit_seconds = 0.0;
    Ok(Bits::of(&found))
}

/// Three labels' vectors, two of them of one label.
pub fn labels(dims: usize) -> Result<LabelVectors> {
    let vectors = Array2::from_shape_fn((3, dims), |(i, j)| ((i * 5 + j * 3) % 7) as f32 - 2.5);
    LabelVectors::new(&["a", "b", "b"].map(String::from), None, vectors)
}

pub fn labelled(rows: &dyn RowSource) -> Result<Bits> {
    bits(zero_shot(rows, &labels(rows.dims())?))
}

/// Each row's name modulo `n` as a column.
pub fn named(names: impl Iterator<Item = usize>, n: usize) -> Labels {
    Labels {
        names: (0..n).map(|name| format!("n{name}")).collect(),
        codes: names.map(|name| Some((name % n) as u32)).collect(),
    }
}

pub fn user_profiles(rows: &dyn RowSource) -> Result<Bits> {
    let options = ProfileOptions { shrinkage: 1.0, ..Default::default() };
    bits(profiles(rows, &named(0..rows.n_rows(), 3).codes, 3, &options))
}

fn with_ratings<T>(n: usize, run: impl Fn(&Ratings<'_>) -> Result<T>) -> Result<T> {
    let ratings: Vec<Option<f64>> = (0..n).map(|row| Some((row % 5) as f64 + 1.0)).collect();
    run(&Ratings { users: &named(0..n, 3), items: &named(0..n, 4), ratings: &ratings })
}

pub fn held_out_ratings(rows: &dyn RowSource) -> Result<Bits> {
    let split = train_test_split(rows.n_rows(), 0.2, 42)?;
    let options = EvaluationOptions::default();
    bits(with_ratings(rows.n_rows(), |ratings| evaluate(rows, ratings, &split, &options)))
}

pub fn for_user(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    let profiles = ProfileOptions { min_count: 1, ..Default::default() };
    let options = RecommendOptions { profiles, ..Default::default() };
    bits(with_ratings(rows.nrows(), |ratings| recommend(rows, ratings, None, 0, &options)))
}

pub fn alike(rows: ArrayView2<'_, f32>, mmr: Option<f64>) -> Result<Bits> {
    let query = Query::Rows { like: &[0], unlike: &[] };
    bits(neighbors(rows, &query, None, &NeighborOptions { k: 7, mmr, ..Default::default() }))
}

pub fn hnsw(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    let index = Hnsw::build(rows, &HnswOptions::default())?;
    Ok(Bits::of(&(index.n_rows(), hits(&index, rows)?)))
}

/// What an index finds for some of its own rows.
pub fn hits(index: &Hnsw, rows: ArrayView2<'_, f32>) -> Result<Vec<impl std::fmt::Debug + use<>>> {
    let rows = rows.as_standard_layout();
    rows.rows().into_iter().take(20).map(|row| index.search(rows.view(), row, 5, 50)).collect()
}

pub fn t_sne_of(rows: ArrayView2<'_, f32>, gradient: Gradient, engine: Engine) -> Result<Bits> {
    let params = Tsne::params().perplexity(1.0).max_iter(8).gradient(gradient).engine(engine);
    let map = params.fit_rows(rows)?;
    Ok(Bits::of(&(map.points, map.divergence, map.neighbors)))
}

pub fn graph(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    bits(NeighborGraph::of(rows, 3))
}

pub fn trust_of(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    bits(trust(rows, rows.slice(s![.., ..rows.ncols().min(2)]), 42))
}

pub fn kept(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    bits(neighbors_kept(rows, rows, 1, 42))
}

pub fn pca(rows: &dyn RowSource) -> Result<Bits> {
    let pca = Pca::fit(rows, 2)?;
    Ok(Bits::of(&(pca.transform(rows)?, pca)))
}

pub fn nearest(rows: &dyn RowSource, metric: Metric) -> Result<Bits> {
    let first: Vec<usize> = (0..rows.n_rows().min(2)).collect();
    bits(top_k(rows, select_rows(rows, &first)?.view(), 3, metric))
}

pub fn groups(rows: &dyn RowSource) -> Result<Bits> {
    bits(group_means(rows, &named(0..rows.n_rows(), 3).codes, 3))
}

pub fn compressed(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    let options = CurveOptions { n_queries: 20, k: 3, ..Default::default() };
    let all = curve(rows, None, None, &options, &|_, _| ())?.points;
    // Models of labels take longer.
    let some = rows.slice(s![..rows.nrows().min(120), ..]);
    let labels: Vec<Option<u32>> = (0..some.nrows()).map(|row| Some(row as u32 % 3)).collect();
    let options = CurveOptions { precisions: vec![Precision::F32, Precision::Binary], ..options };
    bits(curve(some.view(), None, Some(&labels), &options, &|_, _| ()).map(|found| (all, found.points)))
}

/// What the first half of the dimensions knows of all.
pub fn lost(rows: ArrayView2<'_, f32>) -> Result<Bits> {
    let half = rows.slice(s![.., ..rows.ncols().div_ceil(2)]);
    bits(information_imbalance(rows, half, Metric::Cosine, 42))
}

pub fn alignment(rows: &dyn RowSource) -> Result<Bits> {
    bits(cka(rows, rows))
}
