//! Zero-shot labels against NumPy and scikit-learn, and the command.

use embedlab::zero_shot::{LabelEvaluationOptions, LabelVectors, Truth, evaluate, map_truth, zero_shot};
use ndarray::{Array2, Axis};
use serde_json::Value;

use crate::support::{LABELS, SAMPLE, embedlab, shared_data};

const N: usize = 500;

fn hashed(n: usize, salt: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, 10), |(i, j)| {
        let hash = (i * (j + 3) * 7919 + j * 104_729 + i * i * salt) % 1009;
        (hash as f64 / 1009.0 - 0.5) as f32
    })
}

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/zero_shot.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn near(found: f64, expected: &Value) {
    assert!((found - expected.as_f64().unwrap()).abs() < 1e-9, "{found} {expected}");
}

fn truth(values: &Value) -> Truth {
    let codes = numbers(values).into_iter().map(|code| Some(code as usize)).collect();
    Truth { codes, kept: N, dropped: Vec::new(), empty: 0 }
}

#[test]
fn several_labels_of_several_prompts_score_as_in_scikit_learn() {
    let (rows, expected) = (hashed(N, 31), fixture());
    let names = ["a", "a", "a", "b", "b", "c", "c"].map(String::from);
    let labels = LabelVectors::new(&names, None, hashed(7, 57)).unwrap();
    let found = zero_shot(&rows, &labels).unwrap();
    for (row, cosines) in expected["cosines"].as_array().unwrap().iter().enumerate() {
        for (found, expected) in found.prompts.row(row).iter().zip(numbers(cosines)) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
    let expected = &expected["three"];
    let predicted: Vec<f64> = found.predicted.iter().flatten().map(|label| *label as f64).collect();
    assert_eq!(predicted, numbers(&expected["predicted"]));
    let options = LabelEvaluationOptions { n_resamples: 100, ..Default::default() };
    let scores = evaluate(&found, &truth(&expected["truth"]), &labels, &options).unwrap();
    near(scores.accuracy, &expected["accuracy"]);
    near(scores.balanced_accuracy, &expected["balanced_accuracy"]);
    near(scores.macro_average.f1, &expected["macro_f1"]);
    for (class, expected) in scores.classes.iter().zip(expected["average_precision"].as_array().unwrap()) {
        near(class.average_precision.unwrap(), expected);
    }
    assert!(scores.threshold.is_none() && scores.prompts.len() == 7);
}

#[test]
fn two_labels_are_told_apart_by_a_margin_whose_threshold_is_chosen_on_the_training_part() {
    let (rows, expected) = (hashed(N, 31), fixture());
    let prompts = hashed(7, 57).select(Axis(0), &[3, 0]);
    let labels = LabelVectors::new(&["negative", "positive"].map(String::from), None, prompts).unwrap();
    let found = zero_shot(&rows, &labels).unwrap();
    let expected = &expected["two"];
    let options = LabelEvaluationOptions { n_resamples: 100, ..Default::default() };
    let scores = evaluate(&found, &truth(&expected["truth"]), &labels, &options).unwrap();
    near(scores.accuracy, &expected["accuracy"]);
    near(scores.average_precision.unwrap(), &expected["average_precision"]);
    let threshold = scores.threshold.unwrap();
    near(threshold.train.balanced_accuracy, &expected["best_on_train"]);
    near(threshold.test.balanced_accuracy, &expected["best_on_test"]);
    assert_eq!((threshold.n_train, threshold.n_test), (400, 100));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn without_three_stars_925_of_the_guides_reviews_are_left() {
    let path = shared_data("fine_food_reviews_minilm_1k.parquet");
    let table = embedlab::table::read(&path, &Default::default()).unwrap();
    let map = [("1", "negative"), ("2", "negative"), ("4", "positive"), ("5", "positive")]
        .map(|(value, label)| (value.to_owned(), label.to_owned()));
    let names = ["negative", "positive"].map(String::from);
    let truth = map_truth(&table.labels("Score").unwrap(), &map, &names).unwrap();
    let count = |label| truth.codes.iter().filter(|code| **code == Some(label)).count();
    assert_eq!((count(0), count(1), truth.kept), (136, 789, 925));
    assert_eq!((truth.dropped.len(), truth.dropped[0].rows), (1, 75));
}

#[test]
fn the_command_labels_scores_draws_and_writes() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (picture, curve, rows) = (place("curve.svg"), place("threshold.png"), place("rows.csv"));
    let output = embedlab()
        .args(["zero-shot", SAMPLE, "--labels", LABELS, "--set", "sentiment-long", "--label", "Score"])
        .args(["--map", "1=negative,2=negative,4=positive,5=positive", "--picture", &picture])
        .args(["--threshold-picture", &curve, "-o", &rows, "--json"])
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let found: Value = serde_json::from_slice(&output).unwrap();
    for key in ["accuracy", "average_precision", "classes", "threshold", "baseline_accuracy"] {
        assert!(!found[key].is_null(), "{key}: {found}");
    }
    assert!(found["average_precision"].as_f64().unwrap() > found["baseline_accuracy"].as_f64().unwrap());
    assert!([&picture, &curve].iter().all(|path| std::fs::metadata(path).unwrap().len() > 3_000));
    let written = embedlab::table::read(rows.as_ref(), &Default::default()).unwrap();
    assert_eq!(written.n_rows(), 660);
    assert!(written.text("zero_shot").unwrap().iter().all(Option::is_some));
}

#[test]
fn labels_that_do_not_fit_end_with_2_and_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("labels.csv");
    std::fs::write(&other, "label,embedding\ngood,\"[1, 0, 0]\"\nbad,\"[0, 1, 0]\"\n").unwrap();
    let other = other.to_str().unwrap();
    let one = folder.path().join("one.csv");
    std::fs::write(&one, "label,embedding\ngood,\"[1, 0, 0]\"\n").unwrap();
    let one = one.to_str().unwrap();
    for (arguments, said) in [
        (vec!["zero-shot", SAMPLE, "--labels", other], "different dimensions"),
        (vec!["zero-shot", one, "--labels", one], "at least two labels"),
        (vec!["zero-shot", SAMPLE], "--labels"),
        (vec!["zero-shot", SAMPLE, "--labels", LABELS, "--set", "kind"], "kinds"),
        (vec!["zero-shot", SAMPLE, "--labels", LABELS, "--set", "kinds", "--map", "1=oh"], "no such label"),
        (vec!["zero-shot", SAMPLE, "--labels", LABELS, "--set", "kinds", "--threshold", "0"], "two labels"),
    ] {
        let output = embedlab().args(&arguments).assert().code(2).get_output().clone();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(said) && !error.contains("panicked"), "{arguments:?}: {error}");
    }
}

#[test]
fn vectors_of_zeros_get_no_label_and_are_counted() {
    let mut rows = hashed(40, 31);
    (10..16).for_each(|row| rows.row_mut(row).fill(0.0));
    let names = ["a", "b"].map(String::from);
    let labels = LabelVectors::new(&names, None, hashed(2, 57)).unwrap();
    let found = zero_shot(&rows, &labels).unwrap();
    assert_eq!(found.zero_rows, 6);
    assert!((10..16).all(|row| found.predicted[row].is_none() && found.scores[[row, 0]].is_nan()));
    assert_eq!(found.predicted.iter().flatten().count(), 34);
    let moved = found.clone().with_threshold(1, -2.0);
    assert_eq!(moved.predicted.iter().flatten().filter(|label| **label == 1).count(), 34);
    let truth =
        Truth { codes: (0..40).map(|row| Some(row % 2)).collect(), kept: 40, dropped: Vec::new(), empty: 0 };
    let scores = evaluate(&found, &truth, &labels, &LabelEvaluationOptions::default()).unwrap();
    assert_eq!((scores.n, scores.zero_rows), (34, 6));
    assert_eq!(scores.classes.iter().map(|class| class.scores.support).sum::<u64>(), 34);
}

/// shared/cases/12: six empty texts got the label that stands first in the file.
#[test]
fn rows_of_zeros_are_left_out_of_the_labels_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("labels.csv"), "label,embedding\nkitchen,\"[1,0]\"\nbicycle,\"[0,1]\"\n").unwrap();
    std::fs::write(path("rows.csv"), "id,embedding\n1,\"[0,0]\"\n2,\"[1,0.5]\"\n3,\"[0,2]\"\n4,\"[0,0]\"\n")
        .unwrap();
    let out = path("out.jsonl");
    let output = embedlab()
        .args(["zero-shot", &path("rows.csv"), "--labels", &path("labels.csv"), "-o", &out, "--json"])
        .assert()
        .success()
        .get_output()
        .clone();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["zero_rows"], &found["predicted"]), (&2.into(), &serde_json::json!([1, 1])));
    assert!(String::from_utf8(output.stderr).unwrap().contains("2 vectors of zeros have no label"));
    let written = std::fs::read_to_string(out).unwrap();
    assert_eq!(written.lines().filter(|line| line.contains("\"zero_shot\":null")).count(), 2, "{written}");
}
