//! What every analysis promises, asked of each in the same way: bad rows are an error and never a
//! panic, the order of threads does not matter, and fitting again gives the same answer. A new
//! analysis is one line in `ANALYSES`.

use embedlab::cluster::{
    ClusterColumns, ClusterMethod, ClusterOptions, DbscanOptions, GaussianMixture, Geometry, HdbscanOptions,
    KMeans, analyse, choose_k_means, dbscan, hdbscan, silhouette,
};
use embedlab::forest::{Criterion, ForestClassifier, ForestRegressor, MaxFeatures};
use embedlab::map::{Engine, Gradient, NeighborGraph, Tsne, neighbors_kept, trust};
use embedlab::model::{
    Classes, Classifier, ModelKind, ModelOptions, Regressor, SampleInfo, cross_validate_classes, regress,
};
use embedlab::recommend::{
    EvaluationOptions, NeighborOptions, ProfileOptions, Query, Ratings, RecommendOptions, evaluate,
    neighbors, profiles, recommend,
};
use embedlab::rows::{Metric, Pca, group_means, moments, norms, top_k};
use embedlab::search::{Hnsw, HnswOptions};
use embedlab::split::{stratified_k_fold, train_test_split};
use embedlab::table::{Labels, check};
use embedlab::zero_shot::{LabelVectors, zero_shot};
use embedlab::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// Runs one analysis and gives everything that it found as text, bit by bit.
type Run = fn(ArrayView2<'_, f32>) -> Result<String>;

struct Contract {
    name: &'static str,
    run: Run,
    /// Whether rows that hold NaN or infinities are refused (else they are counted, or pass through).
    refuses_non_finite: bool,
    /// The fewest rows that make sense.
    min_rows: usize,
}

const ANALYSES: &[Contract] = &[
    Contract {
        name: "k-means",
        run: |rows| k_means(rows, Geometry::Euclidean),
        refuses_non_finite: true,
        min_rows: 3,
    },
    Contract {
        name: "spherical k-means",
        run: |rows| k_means(rows, Geometry::Spherical),
        refuses_non_finite: true,
        min_rows: 3,
    },
    Contract { name: "mini-batch k-means", run: mini_batch, refuses_non_finite: true, min_rows: 3 },
    Contract { name: "choice of k", run: choice, refuses_non_finite: true, min_rows: 3 },
    Contract { name: "silhouette", run: silhouettes, refuses_non_finite: true, min_rows: 3 },
    Contract {
        name: "DBSCAN",
        run: |rows| debug(dbscan(rows, &DbscanOptions::default())),
        refuses_non_finite: true,
        min_rows: 0,
    },
    Contract {
        name: "HDBSCAN",
        run: |rows| debug(hdbscan(rows, &HdbscanOptions::default())),
        refuses_non_finite: true,
        min_rows: 0,
    },
    Contract {
        name: "mixture",
        run: |rows| debug(GaussianMixture::params(2).fit_rows(rows)),
        refuses_non_finite: true,
        min_rows: 2,
    },
    Contract { name: "analysis of clusters", run: analysis, refuses_non_finite: true, min_rows: 2 },
    Contract {
        name: "forest regression",
        run: |rows| regression_forest(rows, Criterion::SquaredError, false),
        refuses_non_finite: true,
        min_rows: 1,
    },
    Contract {
        name: "extra-trees regression",
        run: |rows| regression_forest(rows, Criterion::SquaredError, true),
        refuses_non_finite: true,
        min_rows: 1,
    },
    Contract {
        name: "forest regression of medians",
        run: |rows| regression_forest(rows, Criterion::AbsoluteError, false),
        refuses_non_finite: true,
        min_rows: 1,
    },
    Contract {
        name: "forest classification",
        run: classification_forest,
        refuses_non_finite: true,
        min_rows: 2,
    },
    Contract {
        name: "boosted regression",
        run: |rows| regression_of(rows, ModelKind::Boost),
        refuses_non_finite: true,
        min_rows: 1,
    },
    Contract {
        name: "boosted classification",
        run: |rows| classification_of(rows, ModelKind::Boost),
        refuses_non_finite: true,
        min_rows: 2,
    },
    Contract {
        name: "readable tree",
        run: |rows| classification_of(rows, ModelKind::Tree),
        refuses_non_finite: true,
        min_rows: 2,
    },
    Contract {
        name: "ridge regression",
        run: |rows| regression_of(rows, ModelKind::Ridge),
        refuses_non_finite: true,
        min_rows: 1,
    },
    Contract {
        name: "logistic regression",
        run: |rows| classification_of(rows, ModelKind::Logistic),
        refuses_non_finite: true,
        min_rows: 2,
    },
    Contract {
        name: "nearest neighbours' classes",
        run: |rows| classification_of(rows, ModelKind::Knn),
        refuses_non_finite: true,
        min_rows: 2,
    },
    Contract { name: "regression analysis", run: regression_analysis, refuses_non_finite: true, min_rows: 2 },
    Contract {
        name: "cross-validated classification",
        run: cross_validated,
        refuses_non_finite: true,
        min_rows: 4,
    },
    Contract { name: "zero-shot labels", run: labelled, refuses_non_finite: true, min_rows: 0 },
    Contract { name: "profiles", run: user_profiles, refuses_non_finite: true, min_rows: 0 },
    Contract { name: "recommendation, tested", run: held_out_ratings, refuses_non_finite: true, min_rows: 2 },
    Contract { name: "recommendation for a user", run: for_user, refuses_non_finite: true, min_rows: 1 },
    Contract { name: "neighbours", run: |rows| alike(rows, None), refuses_non_finite: true, min_rows: 1 },
    Contract {
        name: "neighbours of variety",
        run: |rows| alike(rows, Some(0.5)),
        refuses_non_finite: true,
        min_rows: 1,
    },
    Contract { name: "HNSW index", run: hnsw, refuses_non_finite: true, min_rows: 1 },
    Contract {
        name: "t-SNE",
        run: |rows| t_sne(rows, Gradient::Auto, Engine::Embedlab),
        refuses_non_finite: true,
        min_rows: 4,
    },
    Contract {
        name: "t-SNE by a tree",
        run: |rows| t_sne(rows, Gradient::BarnesHut, Engine::Embedlab),
        refuses_non_finite: true,
        min_rows: 4,
    },
    Contract {
        name: "t-SNE by interpolation",
        run: |rows| t_sne(rows, Gradient::Interpolation, Engine::Embedlab),
        refuses_non_finite: true,
        min_rows: 4,
    },
    Contract {
        name: "t-SNE by bhtsne",
        run: |rows| t_sne(rows, Gradient::Auto, Engine::Bhtsne),
        refuses_non_finite: true,
        min_rows: 4,
    },
    Contract {
        name: "graph of neighbours",
        run: |rows| debug(NeighborGraph::of(rows, 3)),
        refuses_non_finite: true,
        min_rows: 0,
    },
    Contract {
        name: "trust in a map",
        run: |rows| debug(trust(rows, rows.slice(ndarray::s![.., ..rows.ncols().min(2)]), 42)),
        refuses_non_finite: true,
        min_rows: 3,
    },
    Contract { name: "PCA", run: pca, refuses_non_finite: true, min_rows: 2 },
    Contract {
        name: "top-k by cosine",
        run: |rows| nearest(rows, Metric::Cosine),
        refuses_non_finite: false,
        min_rows: 0,
    },
    Contract {
        name: "top-k by L1",
        run: |rows| nearest(rows, Metric::L1),
        refuses_non_finite: false,
        min_rows: 0,
    },
    Contract {
        name: "neighbours kept",
        run: |rows| debug(neighbors_kept(rows, rows, 1, 42)),
        refuses_non_finite: false,
        min_rows: 2,
    },
    Contract { name: "moments", run: |rows| debug(moments(&rows)), refuses_non_finite: false, min_rows: 0 },
    Contract { name: "norms", run: |rows| debug(norms(&rows)), refuses_non_finite: false, min_rows: 0 },
    Contract { name: "group means", run: groups, refuses_non_finite: false, min_rows: 0 },
    Contract {
        name: "check",
        run: |rows| Ok(format!("{:?}", check(rows))),
        refuses_non_finite: false,
        min_rows: 0,
    },
];

fn debug(found: Result<impl std::fmt::Debug>) -> Result<String> {
    found.map(|found| format!("{found:?}"))
}

fn regression_forest(rows: ArrayView2<'_, f32>, criterion: Criterion, extra_trees: bool) -> Result<String> {
    let targets: Vec<f64> = (0..rows.nrows()).map(|row| (row % 7) as f64).collect();
    let params = ForestRegressor::params().n_estimators(5).criterion(criterion).extra_trees(extra_trees);
    let model =
        params.max_features(MaxFeatures::Share(0.5)).oob_score(true).fit_rows(rows, &targets, None)?;
    Ok(format!("{model:?} {:?}", model.predict_rows(rows)?))
}

fn classification_forest(rows: ArrayView2<'_, f32>) -> Result<String> {
    let classes: Vec<usize> = (0..rows.nrows()).map(|row| row % 3).collect();
    let model = ForestClassifier::params().n_estimators(5).oob_score(true).fit_rows(rows, &classes, None)?;
    Ok(format!("{model:?} {:?}", model.predict_probabilities(rows)?))
}

fn model_options(kind: ModelKind) -> ModelOptions {
    let trees = matches!(kind, ModelKind::Forest | ModelKind::Boost).then_some(5);
    let n_neighbors = (kind == ModelKind::Knn).then_some(1);
    ModelOptions { kind, trees, n_neighbors, ..Default::default() }
}

fn regression_of(rows: ArrayView2<'_, f32>, kind: ModelKind) -> Result<String> {
    let targets: Vec<f64> = (0..rows.nrows()).map(|row| (row % 7) as f64).collect();
    let model = Regressor::fit(rows, &targets, None, &model_options(kind))?;
    Ok(format!("{model:?} {:?}", model.predict(rows)?))
}

fn classification_of(rows: ArrayView2<'_, f32>, kind: ModelKind) -> Result<String> {
    let classes: Vec<usize> = (0..rows.nrows()).map(|row| row % 3).collect();
    let model = Classifier::fit(rows, &classes, None, &model_options(kind))?;
    Ok(format!("{model:?} {:?}", model.predict_probabilities(rows, 3)?))
}

fn regression_analysis(rows: ArrayView2<'_, f32>) -> Result<String> {
    let targets: Vec<f64> = (0..rows.nrows()).map(|row| (row % 5) as f64).collect();
    let split = train_test_split(rows.nrows(), 0.3, 42)?;
    let options = model_options(ModelKind::Forest);
    let mut found = regress(rows, &targets, &split, &SampleInfo::default(), &options)?;
    found.held_out.fit_seconds = 0.0;
    Ok(format!("{found:?}"))
}

fn cross_validated(rows: ArrayView2<'_, f32>) -> Result<String> {
    let classes: Vec<usize> = (0..rows.nrows()).map(|row| row % 2).collect();
    let labels: Vec<u32> = classes.iter().map(|class| *class as u32).collect();
    let classes = Classes { codes: classes, names: ["even", "odd"].map(String::from).to_vec() };
    let folds = stratified_k_fold(&labels, 2, 42)?;
    let options = model_options(ModelKind::Forest);
    let mut found = cross_validate_classes(rows, &classes, &folds, &SampleInfo::default(), &options)?;
    found.held_out.fit_seconds = 0.0;
    Ok(format!("{found:?}"))
}

fn labelled(rows: ArrayView2<'_, f32>) -> Result<String> {
    let vectors = Array2::from_shape_fn((3, rows.ncols()), |(i, j)| ((i * 5 + j * 3) % 7) as f32 - 2.5);
    let labels = LabelVectors::new(&["a", "b", "b"].map(String::from), None, vectors)?;
    debug(zero_shot(&rows, &labels))
}

/// Each row's number modulo `n` as a column of names.
fn named(rows: usize, n: usize) -> Labels {
    Labels {
        names: (0..n).map(|name| format!("n{name}")).collect(),
        codes: (0..rows).map(|row| Some((row % n) as u32)).collect(),
    }
}

fn user_profiles(rows: ArrayView2<'_, f32>) -> Result<String> {
    let options = ProfileOptions { shrinkage: 1.0, ..Default::default() };
    debug(profiles(&rows, &named(rows.nrows(), 3).codes, 3, &options))
}

fn with_ratings(n: usize, run: impl Fn(&Ratings<'_>) -> Result<String>) -> Result<String> {
    let ratings: Vec<Option<f64>> = (0..n).map(|row| Some((row % 5) as f64 + 1.0)).collect();
    run(&Ratings { users: &named(n, 3), items: &named(n, 4), ratings: &ratings })
}

fn held_out_ratings(rows: ArrayView2<'_, f32>) -> Result<String> {
    let split = train_test_split(rows.nrows(), 0.2, 42)?;
    let options = EvaluationOptions::default();
    with_ratings(rows.nrows(), |ratings| debug(evaluate(&rows, ratings, &split, &options)))
}

fn for_user(rows: ArrayView2<'_, f32>) -> Result<String> {
    let profiles = ProfileOptions { min_count: 1, ..Default::default() };
    let options = RecommendOptions { profiles, ..Default::default() };
    with_ratings(rows.nrows(), |ratings| debug(recommend(rows, ratings, None, 0, &options)))
}

fn alike(rows: ArrayView2<'_, f32>, mmr: Option<f64>) -> Result<String> {
    let query = Query::Rows { like: &[0], unlike: &[] };
    debug(neighbors(rows, &query, None, &NeighborOptions { k: 7, mmr, ..Default::default() }))
}

fn hnsw(rows: ArrayView2<'_, f32>) -> Result<String> {
    let index = Hnsw::build(rows, &HnswOptions::default())?;
    let rows = rows.as_standard_layout();
    let hits: Result<Vec<_>> =
        rows.rows().into_iter().take(20).map(|row| index.search(rows.view(), row, 5, 50)).collect();
    Ok(format!("{} {hits:?}", index.n_rows()))
}

fn k_means(rows: ArrayView2<'_, f32>, geometry: Geometry) -> Result<String> {
    debug(KMeans::params(3).n_init(2).geometry(geometry).fit_rows(&rows))
}

fn mini_batch(rows: ArrayView2<'_, f32>) -> Result<String> {
    debug(KMeans::params(3).n_init(2).batch_size(64).fit_rows(&rows))
}

fn choice(rows: ArrayView2<'_, f32>) -> Result<String> {
    debug(choose_k_means(rows, &Default::default(), |k| KMeans::params(k).n_init(1)))
}

fn silhouettes(rows: ArrayView2<'_, f32>) -> Result<String> {
    let labels: Vec<Option<u32>> = (0..rows.nrows()).map(|row| Some((row % 2) as u32)).collect();
    debug(silhouette(&rows, &labels, &Default::default()))
}

fn analysis(rows: ArrayView2<'_, f32>) -> Result<String> {
    let options =
        ClusterOptions { method: ClusterMethod::Spherical, k: Some(2.into()), ..Default::default() };
    let mut found = analyse(&rows, &ClusterColumns::default(), &options, 42)?;
    found.fit_seconds = 0.0;
    Ok(format!("{found:?}"))
}

fn t_sne(rows: ArrayView2<'_, f32>, gradient: Gradient, engine: Engine) -> Result<String> {
    let params = Tsne::params().perplexity(1.0).max_iter(8).gradient(gradient).engine(engine);
    let map = params.fit_rows(rows)?;
    // An array is printed in part only.
    Ok(format!("{:?} {:?} {:?}", map.points.iter().collect::<Vec<_>>(), map.divergence, map.neighbors))
}

fn pca(rows: ArrayView2<'_, f32>) -> Result<String> {
    let pca = Pca::fit(&rows, 2)?;
    Ok(format!("{pca:?} {:?}", pca.transform(&rows)?))
}

fn nearest(rows: ArrayView2<'_, f32>, metric: Metric) -> Result<String> {
    debug(top_k(&rows, rows.slice(ndarray::s![..rows.nrows().min(2), ..]), 3, metric))
}

fn groups(rows: ArrayView2<'_, f32>) -> Result<String> {
    let groups: Vec<Option<u32>> = (0..rows.nrows()).map(|row| Some((row % 3) as u32)).collect();
    debug(group_means(&rows, &groups, 3))
}

fn sample(n: usize, dims: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, dims), |(i, j)| {
        let noise = ((i * 7919 + j * 104_729 + i * j * 31) % 1009) as f32 / 1009.0;
        noise + (i % 3) as f32 * 2.0 * ((j % 4) as f32 - 1.5)
    })
}

/// Runs an analysis that may refuse, and must not panic.
fn outcome(contract: &Contract, rows: ArrayView2<'_, f32>, case: &str) -> Result<String> {
    std::panic::catch_unwind(|| (contract.run)(rows))
        .unwrap_or_else(|_| panic!("{} panics on {case}", contract.name))
}

fn assert_says_what_to_know(contract: &Contract, error: &Error, case: &str) {
    let message = error.to_string();
    assert!(message.len() > 15, "{} on {case} says only: {message}", contract.name);
}

#[test]
fn any_number_of_threads_and_any_repetition_give_the_same_bits() {
    let rows = sample(2500, 24);
    for contract in ANALYSES {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (contract.run)(rows.view()))
                .unwrap_or_else(|error| panic!("{}: {error}", contract.name))
        };
        let one = on(1);
        assert!(one == on(1), "{} differs when it is run again", contract.name);
        assert!(one == on(2), "{} differs on 2 threads", contract.name);
        assert!(one == on(7), "{} differs on 7 threads", contract.name);
    }
}

#[test]
fn rows_that_are_not_finite_are_refused_where_they_would_spoil_the_answer() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut rows = sample(40, 6);
        rows[[17, 3]] = value;
        for contract in ANALYSES {
            match outcome(contract, rows.view(), "a row that is not finite") {
                Err(error) => assert_says_what_to_know(contract, &error, "a row that is not finite"),
                Ok(_) => assert!(!contract.refuses_non_finite, "{} accepts {value}", contract.name),
            }
        }
    }
}

#[test]
fn few_rows_are_an_answer_or_a_refusal() {
    for n in 0..12 {
        let rows = sample(n, 6);
        for contract in ANALYSES {
            match outcome(contract, rows.view(), &format!("{n} rows")) {
                Err(error) => {
                    assert_says_what_to_know(contract, &error, &format!("{n} rows"));
                    assert!(n < contract.min_rows.max(5), "{} refuses {n} rows: {error}", contract.name);
                }
                Ok(_) => assert!(n >= contract.min_rows, "{} accepts {n} rows", contract.name),
            }
        }
    }
}

#[test]
fn degenerate_rows_never_panic() {
    let cases: [(&str, Array2<f32>); 7] = [
        ("rows that are all equal", Array2::from_elem((60, 5), 0.3)),
        ("rows of zeros", Array2::zeros((60, 5))),
        ("one dimension", sample(60, 1)),
        ("more dimensions than rows", sample(12, 90)),
        ("two distinct rows", Array2::from_shape_fn((60, 4), |(i, _)| (i % 2) as f32 + 1.0)),
        ("huge numbers", sample(60, 5) * 1e18),
        ("tiny numbers", sample(60, 5) * 1e-30),
    ];
    for (case, rows) in &cases {
        for contract in ANALYSES {
            if let Err(error) = outcome(contract, rows.view(), case) {
                assert_says_what_to_know(contract, &error, case);
            }
        }
    }
}

#[test]
fn the_layout_in_memory_does_not_matter() {
    let rows = sample(300, 10);
    let by_columns = rows.t().as_standard_layout().into_owned();
    assert!(!by_columns.t().is_standard_layout());
    for contract in ANALYSES {
        let found = outcome(contract, by_columns.t(), "column-major rows")
            .unwrap_or_else(|e| panic!("{}: {e}", contract.name));
        assert!(found == (contract.run)(rows.view()).unwrap(), "{} differs by layout", contract.name);
    }
}
