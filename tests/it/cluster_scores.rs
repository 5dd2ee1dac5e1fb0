//! Scores of clusters against scikit-learn's.

use std::collections::BTreeMap;

use embedlab::cluster::{
    DbscanOptions, GaussianMixture, Geometry, HdbscanOptions, NamingOptions, SilhouetteOptions, dbscan,
    hdbscan, score_terms, silhouette,
};
use embedlab::metric::agreement;
use ndarray::Array2;
use serde_json::Value;

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Array2<f32> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(floats).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j] as f32)
}

fn numbers<T: TryFrom<u64, Error: std::fmt::Debug>>(value: &Value) -> Vec<T> {
    value.as_array().unwrap().iter().map(|x| T::try_from(x.as_u64().unwrap()).unwrap()).collect()
}

#[test]
fn agreement_is_that_of_scikit_learn() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/agreement.json")).unwrap();
    for case in fixture["cases"].as_array().unwrap() {
        let scores = agreement(&numbers(&case["truth"]), &numbers(&case["clusters"])).unwrap();
        for (name, score) in [
            ("v_measure", scores.v_measure),
            ("homogeneity", scores.homogeneity),
            ("completeness", scores.completeness),
            ("ari", scores.ari),
            ("ami", scores.ami),
            ("nmi", scores.nmi),
            ("v_measure_beta_half", scores.v_measure_beta(0.5)),
            ("v_measure_beta_two", scores.v_measure_beta(2.0)),
        ] {
            let expected = case[name].as_f64().unwrap();
            assert!((score - expected).abs() < 1e-9, "{}: {name} {score}, expected {expected}", case["name"]);
        }
    }
}

#[test]
fn the_silhouette_is_that_of_scikit_learn() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/silhouette.json")).unwrap();
    for case in fixture["cases"].as_array().unwrap() {
        let (rows, labels) = (matrix(&case["rows"]), numbers::<u32>(&case["labels"]));
        let labels: Vec<Option<u32>> = labels.into_iter().map(Some).collect();
        for (name, geometry) in [("euclidean", Geometry::Euclidean), ("cosine", Geometry::Spherical)] {
            let options = SilhouetteOptions { geometry, ..Default::default() };
            let score = silhouette(&rows, &labels, &options).unwrap();
            let expected = floats(&case[name]);
            let mean = expected.iter().sum::<f64>() / expected.len() as f64;
            assert!((score.mean - mean).abs() < 1e-5, "{}, {name}: {} {mean}", case["name"], score.mean);
            for (row, (value, expected)) in score.per_row.iter().zip(&expected).enumerate() {
                let value = value.unwrap();
                let place = format!("{}, {name}, row {row}", case["name"]);
                assert!((value - expected).abs() < 1e-4, "{place}: {value} {expected}");
            }
        }
    }
}

/// Whether two labellings are the same up to names, noise (-1) being noise on both sides.
fn same_clusters(ours: &[Option<u32>], theirs: &Value) -> bool {
    let theirs: Vec<i64> = theirs.as_array().unwrap().iter().map(|x| x.as_i64().unwrap()).collect();
    let mut there: BTreeMap<Option<u32>, i64> = BTreeMap::from([(None, -1)]);
    let mut back: BTreeMap<i64, Option<u32>> = BTreeMap::from([(-1, None)]);
    ours.iter().zip(theirs).all(|(&ours, theirs)| {
        *there.entry(ours).or_insert(theirs) == theirs && *back.entry(theirs).or_insert(ours) == ours
    })
}

fn density_fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/density.json")).unwrap()
}

#[test]
fn hdbscan_finds_the_clusters_of_scikit_learn() {
    let fixture = density_fixture();
    let rows = matrix(&fixture["rows"]);
    for case in fixture["hdbscan"].as_array().unwrap() {
        let min_samples = case["min_samples"].as_u64().map(|n| n as usize);
        let min_cluster_size = case["min_cluster_size"].as_u64().unwrap() as usize;
        let options = HdbscanOptions { min_cluster_size, min_samples, ..Default::default() };
        let found = hdbscan(rows.view(), &options).unwrap();
        assert!(same_clusters(&found.labels, &case["labels"]), "{options:?}: {:?}", found.labels);
    }
}

#[test]
fn dbscan_finds_the_clusters_of_scikit_learn() {
    let fixture = density_fixture();
    let rows = matrix(&fixture["rows"]);
    for case in fixture["dbscan"].as_array().unwrap() {
        let min_samples = case["min_samples"].as_u64().unwrap() as usize;
        let options = DbscanOptions { eps: case["eps"].as_f64(), min_samples, ..Default::default() };
        let found = dbscan(rows.view(), &options).unwrap();
        assert!(same_clusters(&found.labels, &case["labels"]), "{options:?}: {:?}", found.labels);
    }
}

#[test]
fn a_mixture_reaches_the_likelihood_of_scikit_learn() {
    let fixture = density_fixture();
    let rows = matrix(&fixture["rows"]);
    for case in fixture["mixtures"].as_array().unwrap() {
        let k = case["k"].as_u64().unwrap() as usize;
        let params = GaussianMixture::params(k).n_init(5).tol(1e-9).max_iter(5000);
        let mixture = params.fit_rows(rows.view()).unwrap();
        let bic = case["bic"].as_f64().unwrap();
        assert!((mixture.bic - bic).abs() < 1e-2, "k {k}: {} {bic}", mixture.bic);
        for (ours, theirs) in mixture.weights.iter().zip(floats(&case["weights"])) {
            assert!((ours - theirs).abs() < 1e-4, "k {k}: {} {theirs}", ours);
        }
    }
}

#[test]
fn terms_have_the_scores_of_bertopic_s_formula() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/naming.json")).unwrap();
    let texts: Vec<Option<String>> =
        fixture["texts"].as_array().unwrap().iter().map(|text| text.as_str().map(str::to_owned)).collect();
    let labels: Vec<Option<u32>> = numbers(&fixture["labels"]).into_iter().map(Some).collect();
    for case in fixture["cases"].as_array().unwrap() {
        let options = NamingOptions {
            bigrams: case["bigrams"].as_bool().unwrap(),
            min_document_frequency: case["min_document_frequency"].as_u64().unwrap() as usize,
            max_document_share: case["max_document_share"].as_f64().unwrap(),
            ..Default::default()
        };
        let clusters = score_terms(&texts, &labels, &options).unwrap();
        for (cluster, expected) in clusters.iter().zip(case["clusters"].as_array().unwrap()) {
            let ours: BTreeMap<&str, f64> =
                cluster.terms.iter().map(|term| (term.term.as_str(), term.score)).collect();
            let expected = expected.as_object().unwrap();
            assert_eq!(ours.keys().copied().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            for (term, score) in ours {
                let expected = expected[term].as_f64().unwrap();
                assert!((score - expected).abs() < 1e-12, "{options:?}, {term}: {score} {expected}");
            }
        }
    }
}
