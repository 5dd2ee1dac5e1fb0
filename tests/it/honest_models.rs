//! What `classify` and `regress` promise to be honest about: rows that leaked, constants, few rows, weights.
//! The right values were computed with scikit-learn 1.9.1 and SciPy 1.17.1 (`fixtures/make_honest.py`).

use embedlab::forest::{ForestClassifier, ForestRegressor, ReadableTree, TreeNode};
use embedlab::model::{
    Classes, Column, Inputs, Logistic, ModelKind, ModelOptions, NameVectors, SampleInfo, Verdict, classify,
    cross_validate_classes, regress,
};
use embedlab::split::{Split, k_fold, train_test_split};
use ndarray::{Array2, s};
use predicates::str::contains;
use serde_json::Value;

use crate::support::{embedlab, json, write};

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/honest.json")).unwrap()
}

/// A number that is the same in the script: a linear congruence, -0.5 to 0.5.
fn noise(seed: usize) -> f64 {
    ((seed * 7919 + 104_729) % 10_007) as f64 / 10_007.0 - 0.5
}

fn two_classes(codes: Vec<usize>) -> Classes {
    Classes { codes, names: ["a", "b"].map(String::from).to_vec() }
}

/// Rows of two clouds.
fn clouds(n: usize) -> (Array2<f32>, Classes) {
    let codes: Vec<usize> = (0..n).map(|row| row % 2).collect();
    let rows = Array2::from_shape_fn((n, 3), |(row, column)| {
        (noise(row * 3 + column) + 0.4 * codes[row] as f64) as f32
    });
    (rows, two_classes(codes))
}

fn texts(names: impl IntoIterator<Item = usize>) -> Vec<Option<String>> {
    names.into_iter().map(|name| Some(format!("text {name}"))).collect()
}

#[test]
fn where_all_test_rows_leaked_there_is_no_unseen_score_and_no_verdict() {
    let (rows, classes) = clouds(60);
    let split = train_test_split(60, 0.2, 42).unwrap();
    let texts = texts(std::iter::repeat_n(0, 60));
    let info = SampleInfo { texts: Some(&texts), ..Default::default() };
    let options = ModelOptions { kind: ModelKind::Knn, ..Default::default() };
    let found = classify(rows.view(), &classes, &split, &info, &options).unwrap();
    assert_eq!((found.held_out.leaked, found.held_out.n_test), (Some(12), 12));
    assert!(found.unseen.is_none() && found.against_majority.is_none());
    assert_eq!(found.verdict, Verdict::NoUnseenRows);
    assert!(found.against_majority_all_rows.is_some());
    let folds = k_fold(60, 3, 42).unwrap();
    let found = cross_validate_classes(rows.view(), &classes, &folds, &info, &options).unwrap();
    assert_eq!((found.held_out.leaked, found.held_out.unseen.clone()), (Some(60), Some(Vec::new())));
    assert!(found.unseen.is_none() && found.folds.iter().all(|fold| fold.unseen.is_none()));
    let numbers: Vec<f64> = classes.codes.iter().map(|code| *code as f64).collect();
    let found = regress(rows.view(), &numbers, &split, &info, &options).unwrap();
    assert!(found.unseen.is_none() && found.against_median.is_none());
}

#[test]
fn a_fold_whose_rows_all_leaked_adds_nothing_to_the_unseen_scores() {
    let (rows, classes) = clouds(60);
    let folds = k_fold(60, 3, 42).unwrap();
    let first: Vec<usize> = folds[0].test.clone();
    // The rows of the first fold repeat the texts of the second.
    let mut names: Vec<usize> = (0..60).collect();
    for (row, other) in first.iter().zip(&folds[1].test) {
        names[*row] = *other;
    }
    let texts = texts(names);
    let info = SampleInfo { texts: Some(&texts), ..Default::default() };
    let options = ModelOptions { kind: ModelKind::Knn, ..Default::default() };
    let found = cross_validate_classes(rows.view(), &classes, &folds, &info, &options).unwrap();
    assert_eq!(found.held_out.leaked, Some(40));
    assert_eq!(found.unseen.unwrap().scores.n, 20);
    assert_eq!(
        found.folds.iter().map(|fold| fold.unseen.is_some()).collect::<Vec<_>>(),
        [false, false, false]
    );
    assert_eq!(found.folds[2].leaked, Some(0));
}

#[test]
fn the_verdict_rests_on_unseen_rows_when_some_leaked() {
    // Leaked rows are known by heart; the others are noise.
    let n = 200;
    let rows = Array2::from_shape_fn((n, 4), |(row, column)| {
        let row = if row >= 100 { row - 100 } else { row };
        noise(row * 31 + column * 7 + row * row) as f32
    });
    let codes: Vec<usize> = (0..n).map(|row| usize::from(noise(row % 100 * 17 + 3) > 0.1)).collect();
    let classes = two_classes(codes);
    let split = Split { train: (0..80).collect(), test: (80..180).collect() };
    let options = ModelOptions { kind: ModelKind::Knn, n_neighbors: Some(1), ..Default::default() };
    let found = classify(rows.view(), &classes, &split, &SampleInfo::default(), &options).unwrap();
    // Rows 100 to 179 are copies of 0 to 79, by their vectors alone.
    assert_eq!(found.held_out.leaked, Some(80));
    let (on_all, on_unseen) = (found.against_majority_all_rows.unwrap(), found.against_majority.unwrap());
    assert!(on_all.p_value < 0.001 && on_all.n == 100, "{on_all:?}");
    assert!(on_unseen.p_value > 0.05 && on_unseen.n == 20, "{on_unseen:?}");
    assert_eq!(found.verdict, Verdict::NotDifferent);
    let value = serde_json::to_value(
        classify(rows.view(), &classes, &split, &SampleInfo::default(), &options).unwrap(),
    );
    let value = value.unwrap();
    assert_eq!((&value["verdict"], &value["unseen"]["n"]), (&Value::from("not_different"), &Value::from(20)));
    assert!(value["unseen"]["baseline"]["accuracy"].is_number() && value["unseen"]["intervals"].is_object());
}

#[test]
fn nothing_to_compare_is_null_and_not_zero() {
    let rows = Array2::<f32>::zeros((20, 2));
    let numbers: Vec<f64> = (0..20).map(f64::from).collect();
    let split = train_test_split(20, 0.2, 42).unwrap();
    let options = ModelOptions { kind: ModelKind::Knn, ..Default::default() };
    let found = regress(rows.view(), &numbers, &split, &SampleInfo::default(), &options).unwrap();
    assert_eq!(found.held_out.leaked, None);
    assert_eq!(serde_json::to_value(&found).unwrap()["leaked"], Value::Null);
}

#[test]
fn scales_are_learned_from_training_rows_alone() {
    // A price of a test row that is far out must not change what the other rows are scaled by.
    let rows = Array2::from_shape_fn((60, 2), |(row, column)| noise(row * 5 + column) as f32);
    let mut price: Vec<Option<f64>> = (0..60).map(|row| Some(noise(row * 11 + 1))).collect();
    let targets: Vec<f64> = (0..60).map(|row| 2.0 * noise(row * 11 + 1)).collect();
    let split = Split { train: (0..50).collect(), test: (50..60).collect() };
    let options = ModelOptions { kind: ModelKind::Ridge, ..Default::default() };
    let vectors = NameVectors::new();
    let predicted = |price: &[Option<f64>]| {
        let columns = [("price".to_owned(), Column::Numbers(price.to_vec()))];
        let inputs = Inputs::new(rows.view(), &columns, &vectors).unwrap();
        regress(inputs, &targets, &split, &SampleInfo::default(), &options).unwrap().predicted
    };
    let before = predicted(&price);
    price[59] = Some(1e6);
    let after = predicted(&price);
    assert_eq!(before[..9], after[..9]);
    // A gap among the test rows is no "is missing" feature of the training rows.
    price[59] = None;
    let columns = [("price".to_owned(), Column::Numbers(price.clone()))];
    let inputs = Inputs::new(rows.view(), &columns, &vectors).unwrap();
    assert_eq!(inputs.encoder(&split.train).unwrap().n_features(), 1);
    assert_eq!(predicted(&price)[..9], before[..9]);
}

#[test]
fn logistic_regression_does_not_depend_on_a_constant_column_or_an_offset() {
    let fixture = fixture();
    let codes: Vec<usize> = (0..120).map(|row| row % 3).collect();
    let rows = Array2::from_shape_fn((120, 3), |(row, column)| {
        (noise(row * 3 + column) + 0.3 * codes[row] as f64) as f32
    });
    let expected: Vec<f64> =
        fixture["logistic"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    let fit = |rows: &Array2<f32>| {
        let model = Logistic::params().fit_rows(rows.view(), &codes, None).unwrap();
        model.predict_probabilities(rows.view()).unwrap().column(1).to_vec()
    };
    let near = |found: &[f64], expected: &[f64], tolerance: f64| {
        let most = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(most < tolerance, "{most}");
    };
    near(&fit(&rows), &expected, 1e-4);
    for constant in [900.0, 1100.0, 1e6] {
        let mut wide = Array2::from_elem((120, 4), constant);
        wide.slice_mut(s![.., ..3]).assign(&rows);
        near(&fit(&wide), &expected, 1e-4);
    }
    near(&fit(&rows.mapv(|x| x + 1e3)), &expected, 1e-3);
    // Large features: the L2 strength is that of the features as they are.
    let large: Vec<f64> =
        fixture["logistic_large"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    near(&fit(&rows.mapv(|x| x * 100.0)), &large, 2e-3);
}

#[test]
fn a_weight_is_how_often_a_row_is_drawn() {
    // Leaves of many rows: multiplied weights and drawn rows differ there.
    let fixture = fixture();
    let n = 400;
    let codes: Vec<usize> = (0..n).map(|row| usize::from(row % 5 == 0)).collect();
    let rows = Array2::from_shape_fn((n, 4), |(row, column)| {
        (noise(row * 13 + column * 3) + 0.15 * codes[row] as f64) as f32
    });
    let mean_of_rare = |weight: f64| {
        let weights: Vec<f64> = codes.iter().map(|code| if *code == 1 { weight } else { 1.0 }).collect();
        let model =
            ForestClassifier::params().n_estimators(200).fit_rows(rows.view(), &codes, Some(&weights));
        let test = Array2::from_shape_fn((n, 4), |(row, column)| {
            (noise(row * 29 + column * 5 + 1) + 0.15 * codes[row] as f64) as f32
        });
        model.unwrap().predict_probabilities(test.view()).unwrap().column(1).mean().unwrap()
    };
    for (weight, key) in [(1.0, "rare_1"), (4.0, "rare_4"), (20.0, "rare_20")] {
        let (found, expected) = (mean_of_rare(weight), fixture[key].as_f64().unwrap());
        assert!((found - expected).abs() < 0.03, "weight {weight}: {found}, scikit-learn {expected}");
    }
}

#[test]
fn leaves_of_large_labels_are_exact() {
    let rows = Array2::from_shape_fn((200, 2), |(row, column)| noise(row * 7 + column) as f32);
    let targets: Vec<f64> = (0..200).map(|row| 1e12 + 2.0 * noise(row * 7)).collect();
    let model = ForestRegressor::params().n_estimators(30).fit_rows(rows.view(), &targets, None).unwrap();
    let predicted = model.predict_rows(rows.view()).unwrap();
    let mae = predicted.iter().zip(&targets).map(|(a, b)| (a - b).abs()).sum::<f64>() / 200.0;
    assert!(mae < 0.1, "{mae}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forest.safetensors");
    model.save(&path).unwrap();
    let first = std::fs::read(&path).unwrap();
    assert_eq!(ForestRegressor::load(&path).unwrap(), model);
    model.save(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first, "the same bits from save to save");
}

#[test]
fn many_classes_are_saved_and_predicted_the_same() {
    let n = 300;
    let codes: Vec<usize> = (0..n).map(|row| row % 60).collect();
    let rows = Array2::from_shape_fn((n, 3), |(row, column)| (codes[row] * (column + 1)) as f32);
    let model = ForestClassifier::params().n_estimators(5).fit_rows(rows.view(), &codes, None).unwrap();
    let probabilities = model.predict_probabilities(rows.view()).unwrap();
    assert!(probabilities.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-6));
    let right = model.predict_rows(rows.view()).unwrap().iter().zip(&codes).filter(|(a, b)| a == b).count();
    assert!(right > 280, "{right}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("classes.safetensors");
    model.save(&path).unwrap();
    assert_eq!(ForestClassifier::load(&path).unwrap(), model);
}

#[test]
fn no_leaf_of_the_readable_tree_has_fewer_rows_than_asked_for() {
    let n = 600;
    let rows = Array2::from_shape_fn((n, 5), |(row, column)| noise(row * 17 + column * 3) as f32);
    let codes: Vec<usize> =
        (0..n).map(|row| usize::from(rows[[row, 0]] + 0.3 * rows[[row, 1]] > 0.0)).collect();
    for least in [20, 149, 297, 300] {
        let model = ReadableTree::params()
            .min_samples_leaf(least)
            .max_depth(3)
            .fit_rows(rows.view(), &codes)
            .unwrap();
        let tree = &model.trees()[0];
        let mut counts = std::collections::BTreeMap::new();
        for row in rows.rows() {
            let mut at = 0;
            while let Some(TreeNode::Split { feature, threshold, left, right }) = tree.node(at) {
                at = if row[feature] <= threshold { left } else { right };
            }
            *counts.entry(at).or_insert(0) += 1;
        }
        assert!(counts.values().all(|count| *count >= least), "{least}: {counts:?}");
        assert!(least > 297 || counts.len() > 1, "{least}");
    }
}

#[test]
fn one_class_only_is_told_by_its_label() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "text,Score,embedding\n".to_owned();
    for row in 0..60 {
        let score = if row == 33 { 1 } else { 5 };
        table += &format!("note {row},{score},\"[{}, {}]\"\n", noise(row), noise(row + 100));
    }
    let nearly = write(folder.path(), "nearly.csv", &table);
    let all = write(folder.path(), "all.csv", table.replace(",1,", ",5,"));
    // Row 33 is a test row of seed 42, as of scikit-learn's.
    for (file, says) in
        [(&nearly, "training rows have the label 5"), (&all, "all 48 training rows have the label 5")]
    {
        embedlab()
            .args(["-q", "classify", file, "--label", "Score", "--trees", "5"])
            .assert()
            .code(2)
            .stderr(contains(says))
            .stderr(contains("column Score"))
            .stderr(contains(file.as_str()));
    }
}

#[test]
fn classes_without_end_are_refused_before_anything_is_fitted() {
    let rows = Array2::from_shape_fn((6000, 1), |(row, _)| row as f32);
    let names: Vec<String> = (0..6000).map(|class| class.to_string()).collect();
    let classes = Classes { codes: (0..6000).collect(), names };
    let split = train_test_split(6000, 0.2, 42).unwrap();
    let error = classify(rows.view(), &classes, &split, &SampleInfo::default(), &ModelOptions::default());
    assert!(error.unwrap_err().to_string().contains("are these labels, or identifiers?"));
}

#[test]
fn the_report_on_reviews_without_texts_still_finds_copies() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "Score,embedding\n".to_owned();
    for row in 0..60 {
        let copy = row % 30;
        table += &format!("{},\"[{}, {}]\"\n", copy % 2, noise(copy), noise(copy + 100));
    }
    let file = write(folder.path(), "copies.csv", &table);
    let found =
        json(embedlab().args(["-q", "classify", &file, "--label", "Score", "--json", "--model", "knn"]));
    assert!(found["leaked"].as_u64().unwrap() > 6, "{}", found["leaked"]);
}

#[test]
fn the_test_of_a_perfect_model_on_few_rows_is_not_certain() {
    let rows =
        Array2::from_shape_fn((150, 1), |(row, _)| if row % 2 == 0 { row as f32 } else { -(row as f32) });
    let classes = two_classes((0..150).map(|row| row % 2).collect());
    let split = train_test_split(150, 0.2, 42).unwrap();
    let options = ModelOptions { kind: ModelKind::Knn, n_neighbors: Some(1), ..Default::default() };
    let found = classify(rows.view(), &classes, &split, &SampleInfo::default(), &options).unwrap();
    assert_eq!(found.report.accuracy, 1.0);
    let interval = found.intervals.accuracy;
    // Wilson's interval of 30 of 30.
    assert!((interval.low - 0.886_486_81).abs() < 1e-6 && interval.high == 1.0, "{interval:?}");
}
