//! Forests: against scikit-learn's on real reviews, on disk, behind linfa's traits, on bad input.

use std::collections::HashSet;

use embedlab::Result;
use embedlab::forest::{ClassWeight, Criterion, ForestClassifier, ForestRegressor, MaxFeatures};
use embedlab::metric::{classification_report, regression_scores};
use embedlab::split::train_test_split;
use embedlab::table::read;
use linfa::Dataset;
use linfa::ParamGuard;
use linfa::traits::{Fit, Predict};
use ndarray::{Array1, Array2, Axis, array};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::support::shared_data;

/// Rows whose first column tells the class, with noise in it.
fn sample(n: usize, dims: usize, seed: u64) -> (Array2<f32>, Vec<usize>, Vec<f64>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let rows = Array2::from_shape_simple_fn((n, dims), || random.gen_range(-1.0_f32..1.0));
    let classes: Vec<usize> = rows
        .column(0)
        .iter()
        .map(|x| ((x + 1.0) * 1.5 + random.gen_range(-0.2..0.2_f32)).clamp(0.0, 2.9) as usize)
        .collect();
    let targets = classes.iter().map(|class| *class as f64 * 2.0 + 1.0).collect();
    (rows, classes, targets)
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn real_reviews_score_as_in_scikit_learn() {
    let path = shared_data("fine_food_reviews_minilm_1k.parquet");
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/forest.json")).unwrap();
    let table = read(&path, &Default::default()).unwrap();
    let stars: Vec<f64> = table.numbers("Score").unwrap().into_iter().flatten().collect();
    let texts = table.text("combined").unwrap();
    let split = train_test_split(table.n_rows(), 0.2, 42).unwrap();
    let train = table.vectors().select(Axis(0), &split.train);
    let test = table.vectors().select(Axis(0), &split.test);
    let y: Vec<f64> = split.train.iter().map(|row| stars[*row]).collect();
    let classes: Vec<usize> = y.iter().map(|stars| *stars as usize - 1).collect();
    let seen: HashSet<_> = split.train.iter().map(|row| &texts[*row]).collect();
    let unseen: Vec<usize> =
        (0..split.test.len()).filter(|at| !seen.contains(&texts[split.test[*at]])).collect();
    assert_eq!(unseen.len() as u64, fixture["unseen"]);
    let names: Vec<String> = (1..=5).map(|stars| stars.to_string()).collect();
    // Two seeds keep the test quick; the benchmark takes twenty.
    let mut sums = std::collections::BTreeMap::new();
    for seed in 0..2 {
        let numbers = ForestRegressor::params().seed(seed).fit_rows(train.view(), &y, None).unwrap();
        let numbers = numbers.predict_rows(test.view()).unwrap();
        let labels = ForestClassifier::params().seed(seed).fit_rows(train.view(), &classes, None).unwrap();
        let labels = labels.predict_rows(test.view()).unwrap();
        let all: Vec<usize> = (0..split.test.len()).collect();
        for (prefix, rows) in [("", &all), ("unseen_", &unseen)] {
            let truth: Vec<f64> = rows.iter().map(|at| stars[split.test[*at]]).collect();
            let classes: Vec<usize> = truth.iter().map(|stars| *stars as usize - 1).collect();
            let predicted: Vec<f64> = rows.iter().map(|at| numbers[*at]).collect();
            let scores = regression_scores(&truth, &predicted).unwrap();
            let predicted: Vec<usize> = rows.iter().map(|at| labels[*at]).collect();
            let report = classification_report(&classes, &predicted, &names).unwrap();
            for (name, value) in [
                ("mae", scores.mae),
                ("mse", scores.mse),
                ("accuracy", -report.accuracy),
                ("macro_f1", -report.macro_average.f1),
            ] {
                *sums.entry(format!("{prefix}{name}")).or_insert(0.0) += value / 2.0;
            }
        }
    }
    for (name, ours) in sums {
        let theirs = &fixture["figures"][&name];
        let (mean, sd) = (theirs["mean"].as_f64().unwrap(), theirs["sd"].as_f64().unwrap());
        let mean = if ours < 0.0 { -mean } else { mean };
        // The mean of two draws strays by 0.7 deviations by itself.
        assert!(ours <= mean + 2.5 * sd + 1e-3, "{name}: {ours}, scikit-learn {mean} +- {sd}");
    }
}

#[test]
fn every_criterion_learns_what_can_be_learned() {
    let (rows, classes, targets) = sample(600, 8, 1);
    let (fresh, fresh_classes, fresh_targets) = sample(300, 8, 2);
    for extra_trees in [false, true] {
        for criterion in [Criterion::SquaredError, Criterion::AbsoluteError] {
            for max_features in [MaxFeatures::All, MaxFeatures::Share(0.5)] {
                let params = ForestRegressor::params().n_estimators(20).criterion(criterion);
                let params = params.extra_trees(extra_trees).max_features(max_features).oob_score(true);
                let model = params.fit_rows(rows.view(), &targets, None).unwrap();
                let scores =
                    regression_scores(&fresh_targets, &model.predict_rows(fresh.view()).unwrap()).unwrap();
                assert!(scores.r2.unwrap() > 0.7, "{criterion:?} {max_features:?}: {scores:?}");
                let unseen = model.oob_prediction.as_ref().unwrap();
                let oob = regression_scores(&targets, unseen).unwrap();
                assert!((oob.mae - scores.mae).abs() < 0.2, "out of bag {}, fresh {}", oob.mae, scores.mae);
                let first = model.feature_importance()[0];
                assert!(model.feature_importance()[1..].iter().all(|other| *other < first));
                assert!((model.feature_importance().iter().sum::<f64>() - 1.0).abs() < 1e-9);
            }
        }
        for criterion in [Criterion::Gini, Criterion::Entropy] {
            let params = ForestClassifier::params().n_estimators(20).criterion(criterion);
            let params = params.extra_trees(extra_trees).max_features(MaxFeatures::All).oob_score(true);
            let model = params.fit_rows(rows.view(), &classes, None).unwrap();
            let predicted = model.predict_rows(fresh.view()).unwrap();
            let right = predicted.iter().zip(&fresh_classes).filter(|(a, b)| a == b).count();
            let accuracy = right as f64 / 300.0;
            assert!(accuracy > 0.75, "{criterion:?}: {accuracy}");
            assert!((model.oob_accuracy(&classes).unwrap() - accuracy).abs() < 0.12);
            let probabilities = model.predict_probabilities(fresh.view()).unwrap();
            assert!(probabilities.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-6));
        }
    }
}

#[test]
fn a_tree_without_bootstrap_learns_its_rows_by_heart() {
    let (rows, classes, targets) = sample(200, 5, 3);
    let model = ForestRegressor::params().n_estimators(1).bootstrap(false);
    let model = model.fit_rows(rows.view(), &targets, None).unwrap();
    let predicted = model.predict_rows(rows.view()).unwrap();
    assert!(predicted.iter().zip(&targets).all(|(a, b)| (a - b).abs() < 1e-5));
    let model = ForestClassifier::params().n_estimators(1).bootstrap(false);
    let model = model.fit_rows(rows.view(), &classes, None).unwrap();
    assert_eq!(model.predict_rows(rows.view()).unwrap(), classes);
}

#[test]
fn limits_hold_in_every_tree() {
    let (rows, _, targets) = sample(300, 6, 4);
    let params = ForestRegressor::params().n_estimators(8).bootstrap(false);
    let model = params.clone().max_depth(3).fit_rows(rows.view(), &targets, None).unwrap();
    assert!(model.trees().iter().all(|tree| tree.depth() <= 3 && tree.n_leaves() > 1));
    let model = params.clone().max_leaf_nodes(9).fit_rows(rows.view(), &targets, None).unwrap();
    assert!(model.trees().iter().all(|tree| tree.n_leaves() == 9 && tree.n_nodes() == 17));
    let model = params.min_samples_leaf(30).fit_rows(rows.view(), &targets, None).unwrap();
    assert!(model.trees().iter().all(|tree| tree.n_leaves() <= 10 && tree.n_leaves() > 2));
}

#[test]
fn a_weight_of_two_is_a_row_given_twice() {
    let (rows, classes, targets) = sample(120, 4, 5);
    let twice: Vec<usize> = (0..120).chain(0..60).collect();
    let weights: Vec<f64> = (0..120).map(|row| if row < 60 { 2.0 } else { 1.0 }).collect();
    let repeated = rows.select(Axis(0), &twice);
    let params = ForestRegressor::params().n_estimators(1).bootstrap(false).max_depth(4).max_bins(200);
    let weighted = params.fit_rows(rows.view(), &targets, Some(&weights)).unwrap();
    let given: Vec<f64> = twice.iter().map(|row| targets[*row]).collect();
    let given = params.fit_rows(repeated.view(), &given, None).unwrap();
    let (a, b) = (weighted.predict_rows(rows.view()).unwrap(), given.predict_rows(rows.view()).unwrap());
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4));
    let balanced = ForestClassifier::params().n_estimators(5).class_weight(ClassWeight::Balanced);
    let model = balanced.max_depth(1).fit_rows(rows.view(), &classes, None).unwrap();
    assert_eq!(model.n_classes(), 3);
}

#[test]
fn a_saved_forest_predicts_the_same_and_a_damaged_one_is_refused() -> Result<()> {
    let (rows, classes, targets) = sample(150, 6, 6);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stars.safetensors");
    let model = ForestRegressor::params().n_estimators(7).fit_rows(rows.view(), &targets, None)?;
    model.save(&path)?;
    assert_eq!(ForestRegressor::load(&path)?.predict_rows(rows.view())?, model.predict_rows(rows.view())?);
    let error = ForestClassifier::load(&path).unwrap_err().to_string();
    assert!(error.contains("no forest classifier model"), "{error}");
    let wrong = model.predict_rows(Array2::zeros((2, 5)).view()).unwrap_err().to_string();
    assert!(wrong.contains("5 in the rows, 6 in the model"), "{wrong}");

    let whole = std::fs::read(&path).unwrap();
    for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(ForestRegressor::load(&path).is_err(), "cut after {length} bytes");
    }
    // No byte that is changed may make a walk down a tree panic or go on for ever.
    let mut random = ChaCha8Rng::seed_from_u64(8);
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            let at = random.gen_range(8..bytes.len());
            bytes[at] = random.r#gen();
        }
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(model) = ForestRegressor::load(&path) {
            let _ = model.predict_rows(rows.view());
        }
    }
    let stamp = b"\"embedlab.version\":\"2\"";
    let at = whole.windows(stamp.len()).position(|bytes| bytes == stamp).unwrap();
    let mut bytes = whole.clone();
    bytes[at + stamp.len() - 2] = b'9';
    std::fs::write(&path, &bytes).unwrap();
    let error = ForestRegressor::load(&path).unwrap_err().to_string();
    assert!(error.contains("version 9, where 2 is the newest known"), "{error}");

    let model = ForestClassifier::params().n_estimators(7).fit_rows(rows.view(), &classes, None)?;
    model.save(&path)?;
    assert_eq!(ForestClassifier::load(&path)?.predict_rows(rows.view())?, model.predict_rows(rows.view())?);
    Ok(())
}

#[test]
fn a_forest_stands_where_a_linfa_model_stands() {
    let (rows, classes, targets) = sample(100, 4, 7);
    let numbers = Dataset::new(rows.mapv(f64::from), Array1::from(targets.clone()));
    let model = ForestRegressor::params().n_estimators(5).check().unwrap().fit(&numbers).unwrap();
    let predicted: Array1<f64> = model.predict(numbers.records());
    assert_eq!(predicted.to_vec(), model.predict_rows(rows.view()).unwrap());
    let labels = Dataset::new(rows.clone(), Array1::from(classes));
    let model = ForestClassifier::params().n_estimators(5).check().unwrap().fit(&labels).unwrap();
    let predicted: Array1<usize> = model.predict(labels.records());
    assert_eq!(predicted.to_vec(), model.predict_rows(rows.view()).unwrap());
}

#[test]
fn bad_input_is_told_apart() {
    let rows = array![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
    let number = |targets: &[f64], weights: Option<&[f64]>| {
        let fitted = ForestRegressor::params().n_estimators(2).fit_rows(rows.view(), targets, weights);
        fitted.unwrap_err().to_string()
    };
    assert!(number(&[1.0, 2.0], None).contains("3 rows, 2 targets"));
    assert!(number(&[1.0, f64::NAN, 2.0], None).contains("row 1: a target that is not finite"));
    assert!(number(&[1.0, 2.0, 3.0], Some(&[1.0, -1.0, 1.0])).contains("row 1: weights must be"));
    assert!(number(&[1.0, 2.0, 3.0], Some(&[0.0; 3])).contains("all weights are 0"));
    let class = ForestClassifier::params().fit_rows(rows.view(), &[1, 1, 1], None).unwrap_err().to_string();
    assert!(class.contains("one class only"), "{class}");
    let few = ForestRegressor::params().n_estimators(0).fit_rows(rows.view(), &[1.0; 3], None);
    assert!(few.unwrap_err().to_string().contains("n_estimators"));
    let wrong = ForestRegressor::params().criterion(Criterion::Gini).fit_rows(rows.view(), &[1.0; 3], None);
    assert!(wrong.unwrap_err().to_string().contains("a criterion for classes"));
    // One row, equal rows and equal targets are sad, but no error.
    let model = ForestRegressor::params().n_estimators(3);
    let one = model.fit_rows(rows.slice(ndarray::s![..1, ..]), &[2.0], None).unwrap();
    assert_eq!(one.predict_rows(rows.view()).unwrap(), [2.0; 3]);
    let same = model.fit_rows(Array2::zeros((3, 2)).view(), &[1.0, 2.0, 3.0], None).unwrap();
    assert!(same.trees().iter().all(|tree| tree.n_leaves() == 1));
}
