//! `regress` and `classify` as a user meets them.

use std::path::Path;

use embedlab::model::{Classes, ModelOptions, SampleInfo, classify, regress};
use embedlab::split::train_test_split;
use embedlab::table::read;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{SAMPLE, embedlab, json, shared_data, write};

fn rows(labels: &[&str]) -> String {
    let mut text = "text,label,embedding\n".to_owned();
    for (row, label) in labels.iter().enumerate() {
        text.push_str(&format!("row {row},{label},\"[{row}.0, {}.5]\"\n", row % 3));
    }
    text
}

/// Few trees, for the kinds that have some: other kinds refuse the option.
fn few_trees(model: &str) -> &'static [&'static str] {
    if ["forest", "boost"].contains(&model) { &["--trees", "5"] } else { &[] }
}

#[test]
fn regress_has_the_promised_keys_and_beats_the_mean_on_the_sample() {
    let found = json(embedlab().args(["regress", SAMPLE, "--json", "--trees", "20", "-q"]));
    for key in ["mae", "mse", "r2", "n_train", "n_test", "fit_seconds", "stars"] {
        assert!(!found[key].is_null(), "{key}");
    }
    let mean = found["baseline"]["mse"].as_f64().unwrap();
    assert!(found["mse"].as_f64().unwrap() < mean);
    assert!(found["intervals"]["mae"]["low"].as_f64() < found["mae"].as_f64());
}

#[test]
fn classify_has_the_promised_keys_and_draws() {
    let folder = tempfile::tempdir().unwrap();
    let curves = folder.path().join("curves.svg");
    let confusion = folder.path().join("confusion.png");
    let found = json(
        embedlab()
            .args(["classify", SAMPLE, "--json", "--trees", "20", "--stratify", "--picture"])
            .arg(&curves)
            .arg("--confusion")
            .arg(&confusion),
    );
    for key in ["accuracy", "macro", "weighted", "fit_seconds", "micro_average_precision", "confusion"] {
        assert!(!found[key].is_null(), "{key}");
    }
    assert!(found["baseline"]["accuracy"].as_f64().unwrap() > 0.2);
    let class = &found["classes"][0];
    for key in ["label", "precision", "recall", "f1", "support", "average_precision"] {
        assert!(!class[key].is_null(), "{key}");
    }
    assert!(std::fs::read_to_string(curves).unwrap().contains("</svg>"));
    assert!(std::fs::read(confusion).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn the_same_seed_gives_the_same_report_on_any_number_of_threads() {
    let report = |jobs: &str| {
        let mut found =
            json(embedlab().args(["classify", SAMPLE, "--json", "--trees", "9", "-q", "-j", jobs]));
        found.as_object_mut().unwrap().remove("fit_seconds");
        found
    };
    assert_eq!(report("1"), report("3"));
}

#[test]
fn bad_input_ends_with_2_and_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |arguments: &[&str], says: &str| {
        embedlab().args(arguments).assert().code(2).stderr(contains(says));
    };
    let missing =
        write(folder.path(), "missing.csv", rows(&["1", "", "2", "1", "2", "", "1", "2", "1", "2"]));
    fails(&["classify", &missing, "--label", "label"], "2 of 10 rows; drop them with --drop-missing");
    embedlab()
        .args(["classify", &missing, "--label", "label", "--drop-missing", "--trees", "3"])
        .assert()
        .success();
    let same = write(folder.path(), "same.csv", rows(&["a"; 10]));
    fails(&["classify", &same, "--label", "label"], "one class only");
    let single =
        write(folder.path(), "single.csv", rows(&["a", "a", "a", "a", "a", "a", "a", "a", "a", "b"]));
    fails(&["classify", &single, "--label", "label", "--stratify"], "a class with a single row");
    fails(&["regress", &single, "--label", "label"], "label");
    fails(&["regress", SAMPLE, "--label", "Stars"], "no such column");
    fails(&["regress", SAMPLE, "--max-features", "most"], "give all, sqrt, log2");
    fails(&["regress", SAMPLE, "--test-size", "1.5"], "between 0 and 1");
    let nan = rows(&["1", "2", "1", "2", "1"]).replace("3.0", "NaN");
    let nan = write(folder.path(), "nan.csv", &nan);
    fails(&["regress", &nan, "--label", "label"], "nan.csv");
}

#[test]
fn every_kind_of_model_predicts_what_it_is_made_for() {
    // Constants have r2 0, and an f1 of 0.16 as a mean of the classes.
    for (model, r2) in [("boost", 0.1), ("tree", -0.2), ("ridge", 0.29), ("knn", 0.09)] {
        let found = json(
            embedlab().args(["regress", SAMPLE, "--json", "-q", "--model", model]).args(few_trees(model)),
        );
        assert_eq!(found["model"], model);
        assert!(found["r2"].as_f64().unwrap() > r2, "{model}: {}", found["r2"]);
    }
    for (model, f1) in [("boost", 0.15), ("tree", 0.21), ("logistic", 0.23), ("knn", 0.2)] {
        let found = json(
            embedlab().args(["classify", SAMPLE, "--json", "-q", "--model", model]).args(few_trees(model)),
        );
        assert_eq!(found["model"], model);
        assert!(found["macro"]["f1"].as_f64().unwrap() > f1, "{model}: {}", found["macro"]);
    }
    let fails = |arguments: &[&str], says: &str| {
        embedlab().args(arguments).assert().code(2).stderr(contains(says));
    };
    fails(&["regress", SAMPLE, "--model", "logistic"], "use ridge");
    fails(&["classify", SAMPLE, "--model", "ridge"], "use logistic");
    fails(&["classify", SAMPLE, "--model", "knn", "--balanced"], "nearest neighbours has no option balanced");
    fails(&["regress", SAMPLE, "--model", "ridge", "--trees", "5"], "ridge regression has no option trees");
    fails(
        &["classify", SAMPLE, "--model", "knn", "--neighbors", "9999"],
        "more neighbours than training rows",
    );
    embedlab()
        .args(["classify", SAMPLE, "--model", "tree", "-q"])
        .assert()
        .success()
        .stdout(contains("<=").and(contains("embedding[")));
}

#[test]
fn cross_validation_tests_each_row_once() {
    let folder = tempfile::tempdir().unwrap();
    let scored = folder.path().join("scored.parquet");
    let found = json(
        embedlab()
            .args(["classify", SAMPLE, "--json", "-q", "--model", "logistic", "--cv", "4", "-o"])
            .arg(&scored),
    );
    assert_eq!((found["n_test"].as_u64(), found["folds"].as_array().unwrap().len()), (Some(660), 4));
    let table = read(&scored, &Default::default()).unwrap();
    let original = read(Path::new(SAMPLE), &Default::default()).unwrap();
    assert_eq!(table.text("combined").unwrap(), original.text("combined").unwrap());
    let (said, truth) = (table.text("predicted").unwrap(), table.text("Score").unwrap());
    let right = said.iter().zip(&truth).filter(|(said, is)| said == is).count();
    assert!((right as f64 / 660.0 - found["accuracy"].as_f64().unwrap()).abs() < 1e-12);
    let sums: f64 =
        (1..=5).map(|star| table.numbers(&format!("probability_{star}")).unwrap()[17].unwrap()).sum();
    assert!((sums - 1.0).abs() < 1e-9);

    let found = json(embedlab().args([
        "regress",
        SAMPLE,
        "--json",
        "-q",
        "--model",
        "ridge",
        "--cv",
        "3",
        "--group-by",
        "UserId",
    ]));
    assert_eq!(found["folds"].as_array().unwrap().len(), 3);
    embedlab()
        .args(["regress", SAMPLE, "--cv", "700"])
        .assert()
        .code(2)
        .stderr(contains("fewer rows than folds"));
    embedlab().args(["regress", SAMPLE, "--cv", "1"]).assert().code(2).stderr(contains("two folds"));
}

#[test]
fn other_columns_stand_beside_the_embedding() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("importance.svg");
    let found = json(
        embedlab()
            .args(["regress", SAMPLE, "--json", "-q", "--model", "ridge", "--features", "n_tokens,Kind"])
            .arg("--importance")
            .arg(&picture),
    );
    let groups = found["importance"].as_array().unwrap();
    let names: Vec<&str> = groups.iter().map(|group| group["feature"].as_str().unwrap()).collect();
    assert_eq!(names, ["embedding", "n_tokens", "Kind"]);
    assert!(groups[0]["drop"].as_f64().unwrap() > groups[1]["drop"].as_f64().unwrap());
    assert!(std::fs::read_to_string(picture).unwrap().contains("n_tokens"));
    let fails = |arguments: &[&str], says: &str| {
        embedlab().args(arguments).assert().code(2).stderr(contains(says));
    };
    fails(&["regress", SAMPLE, "--features", "Score"], "the label cannot be one of the features");
    fails(&["regress", SAMPLE, "--features", "Prise"], "no such column");
    fails(&["regress", SAMPLE, "--name-vectors", "Kind=x.parquet"], "add it: --features Kind");
}

#[test]
fn a_trained_model_predicts_new_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    for (model, task) in [
        ("forest", "regress"),
        ("boost", "classify"),
        ("logistic", "classify"),
        ("tree", "classify"),
        ("ridge", "regress"),
        ("knn", "classify"),
    ] {
        let file = path(&format!("{model}.safetensors"));
        let trained = json(
            embedlab()
                .args(["train", SAMPLE, "--json", "-q", "--model", model, "--task", task])
                .args(few_trees(model))
                .args(["--features", "Kind", "-o", &file]),
        );
        assert_eq!((trained["rows"].as_u64(), trained["kind"].as_str()), (Some(660), Some(model)));
        let scored = path("scored.parquet");
        let said = json(embedlab().args(["predict", &file, SAMPLE, "--json", "-q", "-o", &scored]));
        assert_eq!(said["rows"], 660);
        assert_eq!(said["predictions"].as_array().unwrap().len(), 660);
        let table = read(Path::new(&scored), &Default::default()).unwrap();
        let first = table.text("predicted").unwrap()[0].clone().unwrap();
        let shown = said["predictions"][0].clone();
        assert_eq!(first, shown.as_str().map_or_else(|| shown.to_string(), str::to_owned));
    }
    let model = path("forest.safetensors");
    let narrow = write(folder.path(), "narrow.csv", "Kind,embedding\ntea,\"[1.0, 2.0]\"\n");
    let fails = |arguments: &[&str], says: &str| {
        embedlab().args(arguments).assert().code(2).stderr(contains(says));
    };
    fails(&["predict", &model, &narrow], "2 in the rows, 384 in the model");
    fails(&["predict", SAMPLE, SAMPLE], "food_reviews.parquet");
    fails(&["predict", &path("none.safetensors"), SAMPLE], "none.safetensors");
    let whole = std::fs::read(&model).unwrap();
    let cut = path("cut.safetensors");
    for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&cut, &whole[..length]).unwrap();
        fails(&["predict", &cut, SAMPLE], "cut.safetensors");
    }
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn the_guides_row_order_gives_the_guides_support_and_leak() {
    let path = shared_data("fine_food_reviews_minilm_1k.parquet");
    let order = std::fs::read_to_string(shared_data("order_1k.json")).unwrap();
    let order: Value = serde_json::from_str(&order).unwrap();
    let order = order.as_array().or_else(|| order["order"].as_array()).unwrap();
    let order: Vec<usize> = order.iter().map(|row| row.as_u64().unwrap() as usize).collect();
    let table = read(&path, &Default::default()).unwrap().take(&order).unwrap();
    let split = train_test_split(table.n_rows(), 0.2, 42).unwrap();
    let texts = table.text("combined").unwrap();
    let options = ModelOptions { trees: Some(10), ..Default::default() };
    let info = SampleInfo { texts: Some(&texts), ..Default::default() };
    let classes = Classes::try_from(table.labels("Score").unwrap()).unwrap();
    let found = classify(table.vectors(), &classes, &split, &info, &options).unwrap();
    let support: Vec<u64> = found.report.classes.iter().map(|class| class.support).collect();
    assert_eq!(support, [20, 8, 11, 27, 134]);
    assert_eq!(found.held_out.leaked, Some(52));
    let stars: Vec<f64> = table.numbers("Score").unwrap().into_iter().flatten().collect();
    let found = regress(table.vectors(), &stars, &split, &info, &options).unwrap();
    // The guide's baseline is the mean of the test rows themselves.
    let mean = found.truth.iter().sum::<f64>() / 200.0;
    let mse = found.truth.iter().map(|star| (star - mean).powi(2)).sum::<f64>() / 200.0;
    let mae = found.truth.iter().map(|star| (star - mean).abs()).sum::<f64>() / 200.0;
    assert!((mse - 1.7298).abs() < 1e-3 && (mae - 1.0251).abs() < 1e-3, "{mse} {mae}");
}
