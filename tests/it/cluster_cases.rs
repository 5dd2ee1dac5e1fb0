//! Cases in which clusters went wrong, with the values that are right. The inputs are beside the real data.

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{SAMPLE, embedlab, json, root};

fn case(name: &str) -> String {
    let path = root().join("../shared/cases").join(name);
    assert!(path.is_file(), "{} is missing", path.display());
    path.to_string_lossy().into_owned()
}

fn names(found: &Value) -> Vec<String> {
    let clusters = found["clusters"].as_array().unwrap();
    let joined = |terms: &Value| {
        let terms: Vec<&str> = terms.as_array().unwrap().iter().map(|term| term.as_str().unwrap()).collect();
        terms.join(" ")
    };
    clusters.iter().map(|cluster| joined(&cluster["terms"])).collect()
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn clusters_of_german_and_chinese_texts_have_names() {
    let german =
        json(embedlab().args(["cluster", &case("10-names-of-clusters/german.csv"), "-k", "3", "--json"]));
    let german = names(&german);
    for topic in ["kaffee", "fahrrad", "geige"] {
        assert_eq!(german.iter().filter(|name| name.contains(topic)).count(), 1, "{topic} in {german:?}");
    }
    for word in german.iter().flat_map(|name| name.split(' ')) {
        assert!(!["die", "und", "der", "den", "das", "nicht", "ich"].contains(&word), "{word} in {german:?}");
    }
    let chinese =
        json(embedlab().args(["cluster", &case("10-names-of-clusters/chinese.csv"), "-k", "3", "--json"]));
    let chinese = names(&chinese);
    for topic in ["咖啡", "自行", "小提"] {
        assert_eq!(chinese.iter().filter(|name| name.contains(topic)).count(), 1, "{topic} in {chinese:?}");
    }
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn all_noise_says_what_to_try() {
    let file = case("11-all-noise/no_islands.csv");
    let arguments =
        ["cluster", &file, "--method", "hdbscan", "--min-cluster-size", "15", "--noise", "nearest", "--json"];
    let said = contains("--min-cluster-size").and(contains("--min-samples 1")).and(contains("k-means"));
    let found = embedlab().args(arguments).assert().success().stderr(said).get_output().stdout.clone();
    let found: Value = serde_json::from_slice(&found).unwrap();
    assert_eq!((found["k"].as_u64(), found["noise"].as_u64()), (Some(0), Some(90)));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn rows_of_zeros_have_no_cluster_by_cosine() {
    let file = case("12-zero-vectors-labelled/with_empty_texts.csv");
    let arguments = ["cluster", &file, "-k", "3", "--method", "spherical", "--json"];
    let found = embedlab()
        .args(arguments)
        .assert()
        .success()
        .stderr(contains("6 rows are zeros"))
        .get_output()
        .stdout
        .clone();
    let found: Value = serde_json::from_slice(&found).unwrap();
    assert_eq!(found["zero_rows"], 6);
    assert_eq!(found["labels"].as_array().unwrap().iter().filter(|label| label.is_null()).count(), 6);
    assert_eq!(found["sizes"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).sum::<u64>(), 30);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn squares_that_overflow_are_no_trouble() {
    let file = case("19-overflow/large.csv");
    let found = json(embedlab().args(["cluster", &file, "-k", "3", "--json"]));
    assert_eq!(found["sizes"], serde_json::json!([12, 12, 12]));
    let near = json(embedlab().args(["neighbors", &file, "--row", "0", "-k", "3", "--json"]));
    let rows: Vec<u64> =
        near["neighbors"].as_array().unwrap().iter().map(|hit| hit["row"].as_u64().unwrap()).collect();
    assert_eq!(rows, [6, 12, 15]);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn a_range_is_clipped_to_the_distinct_rows_and_an_offset_hides_nothing() {
    let few = json(embedlab().args(["cluster", &case("truth/few_distinct.parquet"), "-k", "auto", "--json"]));
    assert_eq!((few["k"].as_u64(), few["duplicate_rows"].as_u64()), (Some(3), Some(12)));
    // scikit-learn 1.9.1: 2.965.
    let moved = json(embedlab().args(["cluster", &case("truth/offset_1000.npy"), "-k", "6", "--json"]));
    let inertia = moved["inertia"].as_f64().unwrap();
    assert!((inertia - 2.965).abs() < 0.03, "{inertia}");
}

#[test]
fn an_option_that_the_method_does_not_know_is_refused() {
    for (method, option, value) in [
        ("dbscan", "--k", "4"),
        ("hdbscan", "--eps", "0.5"),
        ("mixture", "--max-iter", "300"),
        ("mixture", "--n-init", "10"),
        ("mixture", "--batch-size", "64"),
        ("kmeans", "--min-samples", "5"),
        ("k-means", "--noise", "nearest"),
    ] {
        let named = contains(option).and(contains(method.replace("kmeans", "k-means")));
        embedlab()
            .args(["cluster", SAMPLE, "--method", method, option, value])
            .assert()
            .code(2)
            .stderr(named);
    }
}
