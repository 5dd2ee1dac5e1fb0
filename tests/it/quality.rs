//! The score card's numbers against the Python packages that define them (fixtures/make_quality.py).

use embedlab::quality::{
    DistinctRows, Graph, Level, NEAR_DUPLICATE_SHARE, Thresholds, geometry, hubness, intrinsic_dimension,
    isolation_forest, knn_outliers, knn_shapley, label_errors, local_outlier_factor, mmd, relative_pairs,
    row_order,
};
use embedlab::rows::Metric;
use ndarray::Array2;
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/quality.json")).unwrap()
}

/// The generator of the script.
fn stream(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 24)
        })
        .collect()
}

fn rows(n: usize, d: usize, seed: u64, inner: usize) -> Array2<f32> {
    let shape = |n: usize, d: usize, seed| Array2::from_shape_vec((n, d), stream(n * d, seed)).unwrap() - 0.5;
    let mut x = shape(n, inner, seed);
    for (j, mut column) in x.columns_mut().into_iter().enumerate() {
        column *= 1.0 / (1.0 + j as f64);
    }
    let made = x.dot(&shape(inner, d, seed + 1)) + shape(n, d, seed + 2) * 0.02 + 0.05;
    made.mapv(|x| x as f32)
}

fn near(found: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1e-3),
        "{what}: {found}, not {expected}"
    );
}

#[test]
fn shape_dimension_and_hubs_are_those_of_the_reference_packages() {
    let fixture = fixture();
    for (name, rows) in [("plain", rows(600, 24, 1, 5)), ("wide", rows(400, 130, 7, 40))] {
        let expected = &fixture[name];
        let found = geometry(&rows, &Default::default()).unwrap();
        // The rows are made in another order of additions: a number in 10,000 is rounded to the other side.
        let check = |key: &str, found: Option<f64>| {
            near(found.unwrap(), &expected[key], 1e-6, &format!("{name} {key}"))
        };
        check("mean_cosine", found.mean_cosine);
        check("mean_cosine_centered", found.mean_cosine_centered);
        check("mean_vector_norm", found.mean_vector_norm);
        check("participation_ratio", found.participation_ratio);
        check("isoscore", found.isoscore);
        check("rankme", found.rankme);
        check("nesum", found.nesum);
        check("stable_rank", found.stable_rank);
        check("vendi", found.vendi);
        check("vendi_2", found.vendi_2);
        check("uniformity", found.uniformity.map(|found| found.value));
        check("rogue_dimension", found.rogue_dimension);
        if name == "wide" {
            check("alpha", found.alpha_req.map(|law| law.alpha));
            check("r2", found.alpha_req.map(|law| law.r2));
        } else {
            assert_eq!(found.alpha_req, None);
        }
        let distinct = DistinctRows::of(&rows).unwrap();
        let graph = Graph::of_distinct(rows.view(), &distinct, 100, Metric::L2).unwrap();
        let found = intrinsic_dimension(&graph, &distinct).unwrap();
        check("twonn", found.twonn);
        check("mle", found.mle);
        for (found, expected) in found.gride.iter().zip(expected["gride"].as_array().unwrap()) {
            near(found.id, &expected[0], 1e-6, "gride");
            near(found.error, &expected[1], 1e-6, "its error");
        }
        assert_eq!(found.gride.len(), 6);
        near(found.abide.unwrap(), &expected["abide"], 1e-4, "abide");
        let found = hubness(&graph, 10);
        let exact = |key: &str, found: Option<f64>| near(found.unwrap(), &expected[key], 1e-9, key);
        exact("hubness_skew", found.hubness_skew);
        exact("robin_hood", found.robin_hood);
        exact("anti_hubs", found.anti_hubs);
        exact("hubs", found.hubs);
    }
}

fn planted() -> Array2<f32> {
    let mut x = rows(400, 12, 3, 6);
    x.row_mut(7).mapv_inplace(|x| x + 0.9);
    x[[200, 3]] -= 2.0;
    let ten = x.row(10).to_owned();
    x.row_mut(11).assign(&ten);
    let fifty = x.row(50).mapv(|x| x * 1.0001_f32);
    x.row_mut(51).assign(&fifty);
    let last = x.row(299).mapv(|x| x + 1e-4_f32);
    (300..303).for_each(|row| x.row_mut(row).assign(&last));
    x
}

fn places(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|row| row.as_u64().unwrap() as usize).collect()
}

#[test]
fn outliers_near_duplicates_and_order_are_cleanlabs() {
    let fixture = &fixture()["odd"];
    let rows = planted();
    let graph = Graph::of(rows.view(), 10, Metric::Cosine).unwrap();
    let found = knn_outliers(&graph, 10, 0.37037).unwrap();
    for (row, score) in found.scores.iter().enumerate() {
        near(*score, &fixture["outlier_score"][row], 1e-6, &format!("outlier score of row {row}"));
    }
    let flagged: Vec<usize> = (0..400).filter(|row| found.flags[*row]).collect();
    assert_eq!(flagged, places(&fixture["is_outlier"]));
    let (pairs, _) = relative_pairs(&graph, NEAR_DUPLICATE_SHARE);
    let mut flagged: Vec<usize> = pairs.iter().flat_map(|pair| [pair.a, pair.b]).collect();
    flagged.sort_unstable();
    flagged.dedup();
    assert_eq!(flagged, places(&fixture["near"]));
    near(row_order(&graph).unwrap().p_value, &fixture["non_iid_p"], 1e-9, "p of the order");
}

#[test]
fn local_outlier_factors_are_scikit_learns_and_the_forest_finds_what_its_forests_find() {
    let fixture = fixture();
    let rows = planted();
    let graph = Graph::of(rows.view(), 20, Metric::L2).unwrap();
    let found = local_outlier_factor(&graph, 20, 1.5).unwrap();
    for (row, factor) in found.values.iter().enumerate() {
        near(*factor, &fixture["odd"]["lof"][row], 1e-6, &format!("factor of row {row}"));
    }
    let scores = isolation_forest(rows.view(), &Default::default()).unwrap().values;
    let scores = &scores;
    let below = |row: usize| {
        scores.iter().enumerate().filter(move |(other, x)| ![7, 200].contains(other) && **x < scores[row])
    };
    let auc = [7, 200].map(|row| below(row).count() as f64 / 398.0).iter().sum::<f64>() / 2.0;
    let theirs: Vec<f64> =
        fixture["forest_auc"].as_array().unwrap().iter().map(|auc| auc.as_f64().unwrap()).collect();
    let least = theirs.iter().copied().fold(1.0, f64::min);
    assert!(auc >= least - 0.01, "{auc} {theirs:?}");
}

fn label_case(n: usize, k: usize, seed: u64) -> (Vec<usize>, Array2<f64>) {
    let u = stream(n * (k + 2), seed);
    let mut given = Vec::new();
    let mut probabilities = Array2::zeros((n, k));
    for row in 0..n {
        let u = &u[row * (k + 2)..(row + 1) * (k + 2)];
        let truth = (u[0] * k as f64) as usize;
        given.push(if u[1] < 0.15 { (truth + 1) % k } else { truth });
        for class in 0..k {
            probabilities[[row, class]] = u[2 + class] * 0.6 + if class == truth { 0.5 } else { 0.0 };
        }
        let sum = probabilities.row(row).sum();
        probabilities.row_mut(row).mapv_inplace(|p| p / sum);
    }
    (given, probabilities)
}

#[test]
fn label_errors_and_values_are_cleanlabs() {
    let fixture = &fixture()["labels"];
    for (at, (n, k, seed)) in [(400, 4, 21), (300, 2, 22), (500, 7, 23)].into_iter().enumerate() {
        let expected = &fixture["cases"][at];
        let (given, probabilities) = label_case(n, k, seed);
        let found = label_errors(&given, probabilities.view()).unwrap();
        assert_eq!(serde_json::to_value(&found.joint).unwrap(), expected["joint"]);
        let mut rows: Vec<usize> = found.errors.iter().map(|error| error.row).collect();
        rows.sort_unstable();
        assert_eq!(rows, places(&expected["issues"]));
        for (row, margin) in found.margin.iter().enumerate() {
            near(*margin, &expected["margin"][row], 1e-9, "margin");
        }
    }
    let (given, _) = label_case(300, 3, 24);
    let graph = Graph::of(rows(300, 8, 5, 4).view(), 10, Metric::L2).unwrap();
    for (row, value) in knn_shapley(&graph, &given, 10).unwrap().into_iter().enumerate() {
        near(value, &fixture["shapley"][row], 1e-9, "value");
    }
}

#[test]
fn the_discrepancy_is_that_of_all_pairs_in_numpy() {
    let found = mmd(rows(120, 10, 31, 4).view(), rows(90, 10, 41, 4).view(), 99, 42).unwrap();
    near(found.mmd2, &fixture()["mmd2"], 1e-7, "mmd2");
    assert!(found.p < 0.05);
    // The generator's numbers as they are have no other rounding there.
    let plain = |n, seed| Array2::from_shape_vec((n, 10), stream(n * 10, seed)).unwrap().mapv(|x| x as f32);
    let (a, b) = (plain(150, 51), plain(110, 61) * 0.75);
    let found = mmd(a.view(), b.view(), 99, 42).unwrap();
    let expected = fixture()["mmd2_exact"].as_f64().unwrap();
    assert!((found.mmd2 - expected).abs() <= 1e-9 * expected, "{} {expected}", found.mmd2);
}

#[test]
fn every_limit_of_the_usual_ones_has_words() {
    let thresholds = Thresholds::usual().unwrap();
    let found = thresholds.judge("mean_cosine", Some(0.99)).unwrap();
    assert_eq!(found.level, Level::Fail);
    assert!(!found.advice.is_empty() && found.message.contains("usual"));
}
