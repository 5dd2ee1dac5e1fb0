//! Linear models, neighbours, boosting and folds against scikit-learn's, and the defects of linfa's
//! tree that do not reach a user.

use embedlab::forest::{BoostClassifier, BoostRegressor, ReadableTree};
use embedlab::model::{KnnClassifier, KnnRegressor, Logistic, Ridge};
use embedlab::split::{Split, group_k_fold, k_fold, stratified_k_fold};
use linfa::dataset::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_trees::DecisionTree;
use ndarray::{Array1, Array2, ArrayView2, array, s};
use serde_json::Value;

const TRAIN: usize = 240;

struct Data {
    rows: Array2<f32>,
    targets: Vec<f64>,
    classes: Vec<usize>,
    fixture: Value,
}

impl Data {
    /// The rows of make_model.py.
    fn new() -> Data {
        let rows = Array2::from_shape_fn((300, 6), |(i, j)| {
            ((((i * (j + 3) * 7919 + j * 104_729 + i * i * 31) % 1009) as f64) / 1009.0 - 0.5) as f32
        });
        let x = rows.mapv(f64::from);
        let targets: Vec<f64> = (0..300)
            .map(|i| {
                let step = if x[[i, 2]] > 0.1 { 1.5 } else { 0.0 };
                let signal = 3.0 * x[[i, 0]] - 2.0 * x[[i, 1]] + step + x[[i, 3]] * x[[i, 4]];
                let noise = ((i * 613) % 101) as f64 / 101.0 - 0.5;
                ((signal + noise) * 1e6).round() / 1e6
            })
            .collect();
        let classes = targets.iter().map(|t| usize::from(*t >= -1.0) + usize::from(*t >= 0.5)).collect();
        let fixture: Value = serde_json::from_str(include_str!("../fixtures/model.json")).unwrap();
        assert!((targets.iter().sum::<f64>() - fixture["target_sum"].as_f64().unwrap()).abs() < 1e-6);
        Data { rows, targets, classes, fixture }
    }

    fn train(&self) -> ArrayView2<'_, f32> {
        self.rows.slice(s![..TRAIN, ..])
    }

    fn test(&self) -> ArrayView2<'_, f32> {
        self.rows.slice(s![TRAIN.., ..])
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        self.fixture[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }

    fn number(&self, key: &str) -> f64 {
        self.fixture[key].as_f64().unwrap()
    }
}

fn close<'a>(found: impl IntoIterator<Item = &'a f64>, expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = found.into_iter().copied().collect();
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance, "{at}: {found} {expected}");
    }
}

#[test]
fn ridge_equals_scikit_learns() {
    let data = Data::new();
    let train = &data.targets[..TRAIN];
    let model = Ridge::params().fit_rows(data.train(), train, None).unwrap();
    close(&model.predict_rows(data.test()).unwrap(), &data.numbers("ridge"), 1e-6);
    let weights: Vec<f64> = (0..TRAIN).map(|row| 1.0 + (row % 3) as f64).collect();
    let model = Ridge::params().fit_rows(data.train(), train, Some(&weights)).unwrap();
    close(&model.predict_rows(data.test()).unwrap(), &data.numbers("ridge_weighted"), 1e-6);
    // Fewer rows than features: the smaller system.
    let model =
        Ridge::params().alpha(0.5).fit_rows(data.rows.slice(s![..4, ..]), &data.targets[..4], None).unwrap();
    close(&model.predict_rows(data.test()).unwrap(), &data.numbers("ridge_wide"), 1e-6);
}

#[test]
fn logistic_regression_equals_scikit_learns() {
    let data = Data::new();
    let model = Logistic::params().fit_rows(data.train(), &data.classes[..TRAIN], None).unwrap();
    close(&model.predict_probabilities(data.test()).unwrap(), &data.numbers("logistic"), 1e-4);
}

#[test]
fn nearest_neighbours_equal_scikit_learns() {
    let data = Data::new();
    let model = KnnRegressor::params().fit_rows(data.train(), &data.targets[..TRAIN], None).unwrap();
    close(&model.predict_rows(data.test()).unwrap(), &data.numbers("knn"), 1e-9);
    let model = KnnClassifier::params().fit_rows(data.train(), &data.classes[..TRAIN], None).unwrap();
    close(&model.predict_probabilities(data.test()).unwrap(), &data.numbers("knn_classes"), 1e-9);
}

#[test]
fn boosting_is_as_good_as_scikit_learns() {
    let data = Data::new();
    let model = BoostRegressor::params().fit_rows(data.train(), &data.targets[..TRAIN], None).unwrap();
    let mse = |rows: ArrayView2<'_, f32>, truth: &[f64]| {
        let said = model.predict_rows(rows).unwrap();
        said.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / truth.len() as f64
    };
    let (train, test) = (mse(data.train(), &data.targets[..TRAIN]), mse(data.test(), &data.targets[TRAIN..]));
    assert!((train / data.number("boost_train_mse") - 1.0).abs() < 0.02, "{train}");
    // Equal gains are told apart by chance, so that test rows differ more.
    assert!(test / data.number("boost_mse") < 1.02, "{test}");

    let model = BoostClassifier::params().fit_rows(data.train(), &data.classes[..TRAIN], None).unwrap();
    let said = model.predict_probabilities(data.test()).unwrap();
    let truth = &data.classes[TRAIN..];
    let loss = -truth.iter().enumerate().map(|(row, class)| said[[row, *class]].max(1e-15).ln()).sum::<f64>();
    let loss = loss / truth.len() as f64;
    assert!(loss / data.number("boost_log_loss") < 1.05, "{loss}");
    let right = model.predict_rows(data.test()).unwrap().iter().zip(truth).filter(|(a, b)| a == b).count();
    assert!((right as f64 / truth.len() as f64 - data.number("boost_accuracy")).abs() < 0.04, "{right}");
}

#[test]
fn weights_of_boosting_act_as_repeated_rows() {
    let data = Data::new();
    let weights: Vec<f64> = (0..TRAIN).map(|row| if row % 3 == 0 { 0.0 } else { 1.0 }).collect();
    let kept: Vec<usize> = (0..TRAIN).filter(|row| row % 3 != 0).collect();
    let weighted =
        BoostRegressor::params().fit_rows(data.train(), &data.targets[..TRAIN], Some(&weights)).unwrap();
    let rows = data.rows.select(ndarray::Axis(0), &kept);
    let targets: Vec<f64> = kept.iter().map(|row| data.targets[*row]).collect();
    let fewer = BoostRegressor::params().fit_rows(rows.view(), &targets, None).unwrap();
    let (a, b) = (weighted.predict_rows(data.test()).unwrap(), fewer.predict_rows(data.test()).unwrap());
    let apart = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64;
    // The bins are cut at other quantiles, so that the trees are not the same.
    assert!(apart < 0.15, "{apart}");
}

#[test]
fn folds_are_scikit_learns_row_for_row() {
    let fixture = Data::new().fixture;
    let numbers = |value: &Value| -> Vec<usize> {
        value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect()
    };
    let same = |folds: Vec<Split>, expected: &Value, n: usize| {
        assert_eq!(folds.len(), expected.as_array().unwrap().len());
        for (fold, expected) in folds.iter().zip(expected.as_array().unwrap()) {
            assert_eq!(fold.test, numbers(expected));
            assert_eq!(fold.train.len() + fold.test.len(), n);
            assert!(fold.train.iter().all(|row| !fold.test.contains(row)));
        }
    };
    let labels: Vec<u32> = numbers(&fixture["labels"]).into_iter().map(|x| x as u32).collect();
    let groups: Vec<u32> = numbers(&fixture["groups"]).into_iter().map(|x| x as u32).collect();
    for seed in [0, 42] {
        same(k_fold(18, 4, seed).unwrap(), &fixture["k_fold"][seed.to_string()], 18);
        same(stratified_k_fold(&labels, 3, seed).unwrap(), &fixture["stratified"][seed.to_string()], 18);
    }
    same(group_k_fold(&groups, 3).unwrap(), &fixture["group"], groups.len());
}

#[test]
fn impossible_folds_are_errors() {
    assert!(k_fold(3, 4, 0).unwrap_err().to_string().contains("fewer rows than folds"));
    assert!(k_fold(3, 1, 0).is_err());
    assert!(group_k_fold(&[1, 1, 2], 3).unwrap_err().to_string().contains("fewer groups than folds"));
    assert!(stratified_k_fold(&[1, 2, 3], 2, 0).unwrap_err().to_string().contains("fewer rows"));
}

#[test]
fn the_readable_tree_has_the_same_bits_each_time() {
    let data = Data::new();
    let fit = || ReadableTree::params().fit_rows(data.train(), &data.classes[..TRAIN]).unwrap();
    let first = fit();
    for _ in 0..5 {
        assert_eq!(fit(), first);
    }
    let names = ["low", "middle", "high"].map(String::from);
    let text = first.trees()[0].to_text(|feature| format!("x{feature}"), &names);
    assert!(text.lines().count() > 4 && text.contains("x0 <=") && text.contains("high ("), "{text}");
    let said = first.predict_rows(data.test()).unwrap();
    let right = said.iter().zip(&data.classes[TRAIN..]).filter(|(a, b)| a == b).count();
    assert!(right > 35, "{right}");
}

#[test]
fn linfas_tree_takes_close_values_for_equal_and_ours_does_not() {
    let rows = array![[0.1_f32], [0.100_001], [0.100_002], [0.100_003]];
    let classes = vec![0, 0, 1, 1];
    let dataset = DatasetBase::new(rows.clone(), Array1::from(classes.clone()));
    let linfa = DecisionTree::<f32, usize>::params().fit(&dataset).unwrap();
    assert!(linfa.root_node().is_leaf());
    let ours = ReadableTree::params().min_samples_leaf(1).fit_rows(rows.view(), &classes).unwrap();
    assert_eq!(ours.predict_rows(rows.view()).unwrap(), classes);
}

#[test]
fn linfas_tree_sends_a_row_on_the_threshold_to_the_wrong_side_and_ours_does_not() {
    let rows = array![[0.0_f32], [0.0], [1.0], [1.0]];
    let classes = vec![0, 0, 1, 1];
    let dataset = DatasetBase::new(rows.clone(), Array1::from(classes.clone()));
    let linfa = DecisionTree::<f32, usize>::params().fit(&dataset).unwrap();
    let (_, threshold, _) = linfa.root_node().split();
    let on_it = Array2::from_elem((1, 1), threshold);
    // While fitting, rows up to the threshold went left, to class 0.
    assert_eq!(linfa.predict(&on_it).to_vec(), [1]);
    let ours = ReadableTree::params().min_samples_leaf(1).fit_rows(rows.view(), &classes).unwrap();
    assert_eq!(ours.predict_rows(on_it.view()).unwrap(), [0]);
}
