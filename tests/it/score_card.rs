//! The commands about the embeddings themselves: their JSON keys, what they write, and what they say of bad input.

use std::path::Path;

use embedlab::table::{self, Table};
use ndarray::{Array2, Axis, concatenate, s};
use serde_json::Value;

use crate::support::{SAMPLE, embedlab, json, write};

/// The sample's first rows, written as a file.
fn part(folder: &Path, name: &str, rows: impl Iterator<Item = usize>) -> String {
    let all = table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    saved(folder, name, &all.take(&rows.collect::<Vec<_>>()).unwrap())
}

fn saved(folder: &Path, name: &str, table: &Table) -> String {
    let path = folder.join(name);
    let _ = table::write(table, &path, &Default::default()).unwrap();
    path.to_string_lossy().into_owned()
}

/// Rows of small numbers that are spread over all directions.
fn cloud(n: usize, d: usize) -> Array2<f32> {
    let mut state = 7_u64;
    Array2::from_shape_simple_fn((n, d), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.4
    })
}

/// The value at a path of keys, `.` between them; `[]` is the first of a list.
#[track_caller]
fn at<'a>(json: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(json, |value, key| match key.strip_suffix("[]") {
        Some(key) => {
            let list = value[key].as_array().unwrap_or_else(|| panic!("{path} is no list"));
            list.first().unwrap_or_else(|| panic!("{path} is empty"))
        }
        None => value.get(key).unwrap_or_else(|| panic!("{path} is missing")),
    })
}

#[track_caller]
fn has(json: &Value, keys: &str) {
    for key in keys.split_whitespace() {
        let _ = at(json, key);
    }
}

#[test]
fn the_score_card_has_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let file = part(folder.path(), "rows.parquet", 0..150);
    let found = json(embedlab().args(["evaluate", &file, "--label", "Kind", "--json"]));
    has(
        &found,
        "rows dims geometry.mean_cosine geometry.mean_cosine_centered geometry.mean_vector_norm \
         geometry.participation_ratio geometry.isoscore geometry.rankme geometry.nesum geometry.stable_rank \
         geometry.alpha_req.alpha geometry.alpha_req.r2 geometry.vendi geometry.vendi_2 geometry.uniformity.value \
         geometry.uniformity.standard_error geometry.rogue_dimension intrinsic_dimension.twonn intrinsic_dimension.mle \
         intrinsic_dimension.gride[].n1 intrinsic_dimension.gride[].n2 intrinsic_dimension.gride[].id \
         intrinsic_dimension.gride[].error intrinsic_dimension.abide intrinsic_dimension.rows \
         intrinsic_dimension.dropped_share neighbors.k neighbors.hubness_skew neighbors.robin_hood neighbors.anti_hubs \
         neighbors.hubs neighbors.islands neighbors.worst_hubs[].row neighbors.worst_hubs[].count \
         duplicates.exact_text duplicates.exact_vector duplicates.near outliers.n outliers.threshold labels.column \
         labels.majority labels.knn.accuracy labels.knn.low labels.knn.high labels.logistic.accuracy \
         labels.forest.accuracy labels.silhouette labels.v_measure labels.agreement labels.agreement_by_chance \
         labels.label_errors findings[].id findings[].level findings[].value findings[].message findings[].advice",
    );
    assert!(found["geometry"]["alpha_req"]["alpha"].is_number());
    assert_eq!(found["intrinsic_dimension"]["gride"].as_array().unwrap().len(), 6);
    let levels = ["ok", "warn", "fail"];
    assert!(levels.contains(&found["findings"][0]["level"].as_str().unwrap()));
}

#[test]
fn the_other_commands_have_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (part(folder.path(), "a.parquet", 0..150), part(folder.path(), "b.parquet", 400..550));
    let sample = a.as_str();
    let asked = |arguments: &[&str]| json(embedlab().args(arguments).arg("--json"));
    has(&asked(&["outliers", sample]), "method k threshold n_outliers rows[].row rows[].score");
    let scores: Vec<f64> = asked(&["outliers", sample])["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["score"].as_f64().unwrap())
        .collect();
    assert!(scores.len() == 150 && scores.is_sorted());
    let found = asked(&["duplicates", sample, "--threshold", "0.6"]);
    has(&found, "exact_text exact_vector near[] pairs threshold kept removed");
    assert_eq!(found["kept"].as_u64().unwrap() + found["removed"].as_u64().unwrap(), 150);
    let found = asked(&["label-errors", sample, "--label", "Kind"]);
    has(
        &found,
        "n_errors errors[].row errors[].given errors[].likely errors[].self_confidence errors[].margin joint[] \
         classes[]",
    );
    let found = asked(&["diversity", sample, "--by", "Kind"]);
    has(
        &found,
        "mean_similarity vendi vendi_2 log_det histogram[].from histogram[].to histogram[].share groups[].group",
    );
    let found = asked(&["drift", sample, &b, "--permutations", "99"]);
    has(
        &found,
        "n_a n_b mmd2 mmd_p auc.value auc.low auc.high shares[].share_b shares[].low new_rows new_regions",
    );
}

#[test]
fn the_pairs_that_make_the_groups_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let rows = concatenate![
        Axis(0),
        cloud(20, 8),
        cloud(20, 8).slice(s![..2, ..]),
        cloud(20, 8).slice(s![5..6, ..]).mapv(|x| x + 1e-3)
    ];
    let file = saved(folder.path(), "rows.parquet", &Table::from_vectors(rows));
    let pairs = folder.path().join("pairs.csv");
    let found = json(embedlab().args(["duplicates", &file, "--json", "--pairs"]).arg(&pairs));
    assert_eq!(found["near"], serde_json::json!([[0, 20], [1, 21], [5, 22]]));
    let written = std::fs::read_to_string(&pairs).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines[..3], ["row,other,by,cosine", "20,0,exact_vector,", "21,1,exact_vector,"]);
    let last: Vec<&str> = lines[3].split(',').collect();
    assert_eq!(last[..3], ["22", "5", "near"]);
    assert!(last[3].parse::<f64>().unwrap() > 0.99 && lines.len() == 4);
}

#[test]
fn each_rule_of_duplicates_keeps_its_row_and_what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "rows.csv",
        "text,stars,embedding\nshort,1,\"[1,0]\"\nmuch longer,3,\"[1,0]\"\nlong,5,\"[1,0]\"\nother,2,\"[0,1]\"\n",
    );
    let kept = |more: &[&str]| {
        let out = folder.path().join("kept.csv");
        embedlab().args(["duplicates", &file, "-o"]).arg(&out).args(more).assert().success();
        let text = std::fs::read_to_string(&out).unwrap();
        text.lines().nth(1).unwrap().split(',').next().unwrap().to_owned()
    };
    assert_eq!(kept(&[]), "short");
    assert_eq!(kept(&["--keep", "last"]), "long");
    assert_eq!(kept(&["--keep", "longest"]), "much longer");
    assert_eq!(kept(&["--keep", "best", "--best", "stars"]), "long");
    assert_eq!(kept(&["--rule", "relative", "--keep", "last"]), "long");
    for wrong in [
        &["--keep", "best"][..],
        &["--best", "stars"],
        &["--keep", "best", "--best", "text"],
        &["--threshold", "1.5"],
        &["--exact-only", "--threshold", "0.9"],
        &["--against", &file, "--keep", "last"],
        &["--against", "no.csv"],
    ] {
        embedlab().args(["duplicates", &file]).args(wrong).assert().code(2);
    }
}

#[test]
fn rows_that_another_file_holds_are_told_and_that_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) =
        (part(folder.path(), "train.parquet", 0..50), part(folder.path(), "test.parquet", 40..70));
    let before = std::fs::read(&train).unwrap();
    let out = folder.path().join("unseen.csv");
    let found = json(embedlab().args(["duplicates", &test, "--against", &train, "--json", "-o"]).arg(&out));
    assert_eq!((&found["removed"], &found["known"][0]["other"]), (&10.into(), &40.into()));
    assert_eq!(table::read(&out, &Default::default()).unwrap().n_rows(), 20);
    for command in [
        &["duplicates", &test, "--against", &train, "-o", &train][..],
        &["drift", &test, &train, "-o", &train],
    ] {
        embedlab().args(command).assert().code(2);
    }
    assert_eq!(std::fs::read(&train).unwrap(), before);
}

#[test]
fn drift_names_the_new_region_by_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let all = table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    let kinds = all.text("Kind").unwrap();
    let pets = |row: &usize| kinds[*row].as_deref().is_some_and(|kind| kind.contains("dog"));
    let a = part(folder.path(), "a.parquet", (0..660).filter(|row| !pets(row)));
    let b = part(folder.path(), "b.parquet", 0..660);
    let found = json(embedlab().args(["drift", &a, &b, "--permutations", "99", "--json"]));
    let words = found["new_regions"].to_string();
    assert!(words.contains("dog"), "{words}");
    let region = &found["new_regions"][0];
    assert!(region["low"].as_f64() < region["share"].as_f64());
    let dogs = part(folder.path(), "dogs.parquet", (0..660).filter(pets));
    embedlab().args(["drift", &a, &dogs, "--permutations", "99", "--fail-on", "0.05"]).assert().code(1);
    embedlab().args(["drift", &a, &a, "--permutations", "99", "--fail-on", "0.01"]).assert().success();
    embedlab().args(["drift", &a, &b, "--fail-on", "2"]).assert().code(2);
    embedlab().args(["drift", &a]).assert().code(2);
}

#[test]
fn thresholds_of_a_file_decide_and_the_exit_code_follows() {
    let folder = tempfile::tempdir().unwrap();
    let strict = write(folder.path(), "strict.toml", "[hubness_skew]\nfail_above = 0.01\n");
    let lax = write(folder.path(), "broken.toml", "[hubness]\nfail_above = 1\n");
    let file = part(folder.path(), "rows.parquet", 0..150);
    let card = ["evaluate", &file, "--fail-on", "fail"];
    embedlab().args(card).assert().success();
    let output = embedlab().args(card).args(["--thresholds", &strict, "--json"]).assert().code(1);
    let found: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(
        (&found["findings"][0]["id"], &found["findings"][0]["level"]),
        (&"hubness_skew".into(), &"fail".into())
    );
    let output = embedlab().args(card).args(["--thresholds", &lax]).assert().code(2);
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("hubness_skew"));
    embedlab().args(card).args(["--thresholds", "no.toml"]).assert().code(2);
}

#[test]
fn queries_are_judged_against_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let file = part(folder.path(), "rows.parquet", 0..150);
    let found =
        json(embedlab().args(["evaluate", &file, "--queries", "examples/data/queries.parquet", "--json"]));
    let queries = &found["queries"];
    assert_eq!(queries["n"], 16);
    assert!(
        (0.0..=1.0).contains(&queries["outside"].as_f64().unwrap())
            && queries["coverage"].as_f64() > Some(0.1)
    );
    let other = saved(folder.path(), "other.npy", &Table::from_vectors(cloud(5, 9)));
    let output = embedlab().args(["evaluate", &file, "--queries", &other]).assert().code(2);
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("dimensions"));
}

#[test]
fn given_probabilities_and_values_of_rows_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("label,embedding\n");
    let mut probabilities = Array2::from_elem((60, 2), 0.05_f32);
    for row in 0..60 {
        let class = row % 2;
        // Row 7 carries the label of the other class.
        let given = if row == 7 { 0 } else { class };
        text += &format!("{given},\"[{},{}]\"\n", class as f32 + 0.01 * row as f32, 1 - class);
        probabilities[(row, class)] = 0.95;
    }
    let file = write(folder.path(), "rows.csv", text);
    let given = saved(folder.path(), "p.npy", &Table::from_vectors(probabilities.clone()));
    let out = folder.path().join("out.csv");
    let found = json(
        embedlab()
            .args([
                "label-errors",
                &file,
                "--label",
                "label",
                "--probabilities",
                &given,
                "--value",
                "--json",
                "-o",
            ])
            .arg(&out),
    );
    assert_eq!((&found["n_errors"], &found["errors"][0]["row"]), (&1.into(), &7.into()));
    assert_eq!((&found["errors"][0]["given"], &found["errors"][0]["likely"]), (&"0".into(), &"1".into()));
    let written = table::read(&out, &Default::default()).unwrap();
    let values = written.numbers("label_value").unwrap();
    assert!(values[7] < values[8], "{values:?}");
    let refused = |file: &str, name: &str, given: Array2<f32>| {
        let given = saved(folder.path(), name, &Table::from_vectors(given));
        embedlab()
            .args(["label-errors", file, "--label", "label", "--probabilities", &given])
            .assert()
            .code(2);
    };
    refused(&file, "short.npy", probabilities.slice(s![..50, ..]).to_owned());
    refused(&file, "wide.npy", concatenate![Axis(1), probabilities, probabilities]);
    refused(&file, "large.npy", probabilities * 3.0);
}

#[test]
fn the_card_is_a_page_with_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let file = part(folder.path(), "rows.parquet", 0..150);
    let page = folder.path().join("card.html");
    embedlab().args(["evaluate", &file, "--label", "Kind", "-o"]).arg(&page).assert().success();
    let html = std::fs::read_to_string(&page).unwrap();
    assert_eq!(html.matches("<figure").count(), 5);
    assert_eq!(html.matches("How to read it").count(), 5);
    assert!(html.contains("embedlab evaluate") && html.contains("id=\"evaluate-data\""));
    embedlab().args(["evaluate", SAMPLE, "-o", "card.pdf"]).assert().code(2);
    let picture = folder.path().join("dimension.svg");
    embedlab().args(["evaluate", &file, "--dimension"]).arg(&picture).assert().success();
    assert!(std::fs::read_to_string(&picture).unwrap().contains("neighbours"));
    embedlab()
        .args(["evaluate", SAMPLE, "--where", "Score <= 0", "--dimension"])
        .arg(&picture)
        .assert()
        .code(2);
}

/// Files that are odd in one way, and the commands that need a label or a second file asked about them.
#[test]
fn odd_files_are_answered_or_refused_without_a_nan() {
    let folder = tempfile::tempdir().unwrap();
    let wide = cloud(6, 40);
    let mut zeros = cloud(30, 4);
    zeros.slice_mut(s![..10, ..]).fill(0.0);
    let files = [
        ("one", cloud(1, 4)),
        ("two", cloud(2, 4)),
        ("few", cloud(7, 4)),
        ("equal", Array2::from_elem((40, 4), 0.5)),
        ("all zero", Array2::zeros((40, 4))),
        ("zeros", zeros),
        ("wide", wide),
        ("one dimension", cloud(30, 1)),
        ("huge", cloud(30, 4) * 1e30),
        ("tiny", cloud(30, 4) * 1e-30),
    ];
    let other = saved(folder.path(), "other.npy", &Table::from_vectors(cloud(12, 4)));
    for (name, rows) in files {
        let file = saved(folder.path(), &format!("{name}.npy"), &Table::from_vectors(rows.clone()));
        let labelled = {
            let labels: String =
                (0..rows.nrows()).map(|row| format!("{}\n", ["a", "b", ""][row % 3])).collect();
            write(folder.path(), "labels.csv", format!("label\n{labels}"))
        };
        let commands: [&[&str]; 10] = [
            &["evaluate", &file],
            &["evaluate", &file, "--sidecar", &labelled, "--label", "label"],
            &["evaluate", &file, "--queries", &other],
            &["outliers", &file],
            &["outliers", &file, "--method", "lof"],
            &["outliers", &file, "--method", "isolation-forest"],
            &["duplicates", &file],
            &["label-errors", &file, "--sidecar", &labelled, "--label", "label", "--value"],
            &["diversity", &file, "--sidecar", &labelled, "--by", "label"],
            &["drift", &file, &other, "--permutations", "19"],
        ];
        for command in commands {
            let output = embedlab().args(command).output().unwrap();
            let words = String::from_utf8_lossy(&output.stdout).into_owned();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let code = output.status.code();
            assert!(code == Some(0) || code == Some(2), "{name}: {command:?}: {code:?} {said}");
            assert!(code == Some(0) || said.contains("error: "), "{name}: {command:?}: {said}");
            for text in [&words, &said] {
                let odd =
                    text.split(|c: char| !c.is_alphanumeric()).find(|word| ["NaN", "inf"].contains(word));
                assert_eq!(odd, None, "{name}: {command:?}: {text}");
            }
            assert!(!said.contains("panicked"), "{name}: {command:?}: {said}");
        }
    }
}

#[test]
fn a_label_that_is_missing_or_has_one_class_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "rows.csv", "kind,embedding\na,\"[1,0]\"\na,\"[0,1]\"\na,\"[1,1]\"\n");
    let said = |arguments: &[&str]| {
        let output = embedlab().args(arguments).assert().code(2);
        String::from_utf8_lossy(&output.get_output().stderr).into_owned()
    };
    let text = said(&["label-errors", &file, "--label", "nothing"]);
    assert!(text.contains("nothing") && text.contains("kind"), "{text}");
    assert!(said(&["label-errors", &file, "--label", "kind"]).contains("class"));
    let output = embedlab().args(["evaluate", &file, "--label", "kind"]).assert().success();
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("kind"));
    assert!(said(&["diversity", &file, "--by", "nothing"]).contains("kind"));
}
