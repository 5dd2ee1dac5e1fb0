//! The command as a user meets it.

use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{SAMPLE, embedlab, json, write};

#[test]
fn without_an_argument_it_says_where_to_begin() {
    embedlab().assert().code(2).stderr(contains("Begin with:"));
}

#[test]
fn inspect_has_the_promised_keys() {
    let found = json(embedlab().args(["inspect", SAMPLE, "--json"]));
    assert_eq!(found["dims"], 384);
    assert!(found["rows"].as_u64().unwrap() >= 600);
    for key in ["columns", "norm", "nan_rows", "zero_rows", "duplicate_rows", "problems"] {
        assert!(!found[key].is_null(), "{key}");
    }
    for key in ["min", "mean", "max"] {
        assert!((found["norm"][key].as_f64().unwrap() - 1.0).abs() < 1e-4);
    }
}

#[test]
fn check_fails_with_code_1_on_vectors_that_are_not_finite() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "bad.csv", "id,embedding\na,\"[1.0, 2.0]\"\nb,\"[NaN, 2.0]\"\n");
    embedlab().args(["check", &file]).assert().code(1).stdout(contains("NaN"));
    embedlab().args(["check", SAMPLE]).assert().success();
}

#[test]
fn cluster_has_the_promised_keys() {
    let found = json(embedlab().args(["cluster", SAMPLE, "--k", "5", "--json"]));
    assert_eq!(found["k"], 5);
    let rows = found["labels"].as_array().unwrap().len();
    let sizes: u64 = found["sizes"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).sum();
    assert_eq!(rows as u64, sizes);
    for key in ["inertia", "iterations", "fit_seconds", "silhouette"] {
        assert!(found[key].is_number(), "{key}");
    }
    let first = &found["clusters"][0];
    assert!(first["id"].is_number() && first["size"].is_number() && first["mean_label"].is_number());
    assert!(first["terms"].as_array().unwrap().len() >= 3);
    assert!(first["examples"][0]["text"].is_string());
}

#[test]
fn the_seed_and_not_the_threads_decide() {
    let with = |threads: &str| {
        let mut found = json(embedlab().args(["cluster", SAMPLE, "--k", "6", "--json", "-j", threads]));
        found["fit_seconds"] = Value::Null;
        found
    };
    let one = with("1");
    assert_eq!(one, with("2"));
    assert_eq!(one, with("7"));
}

#[test]
fn every_method_clusters_the_sample() {
    for (method, k) in
        [("spherical", &["--k", "4"][..]), ("mixture", &["--k", "4"]), ("dbscan", &[]), ("hdbscan", &[])]
    {
        let found = json(embedlab().args(["cluster", SAMPLE, "--method", method, "--json"]).args(k));
        assert!(found["noise"].is_number(), "{method}");
        assert_eq!(found["labels"].as_array().unwrap().len(), 660, "{method}");
    }
    let found = json(embedlab().args(["cluster", SAMPLE, "--batch-size", "128", "--k", "4", "--json"]));
    assert_eq!(found["k"], 4);
}

#[test]
fn clusters_are_written_beside_the_rows_and_a_saved_model_gives_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (rows, model, picture) = (path("rows.csv"), path("model.safetensors"), path("map.svg"));
    let fitted = json(embedlab().args(["cluster", SAMPLE, "--k", "3", "--json"]).args([
        "-o",
        &rows,
        "--save",
        &model,
        "--picture",
        &picture,
    ]));
    assert!(std::fs::read_to_string(&rows).unwrap().lines().next().unwrap().contains("cluster"));
    assert!(std::fs::read_to_string(&picture).unwrap().contains("</svg>"));
    let assigned = json(embedlab().args(["predict", &model, &rows, "--json"]));
    assert_eq!(assigned["predictions"], fitted["labels"]);
}

#[test]
fn a_range_of_k_is_tried_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("choice.png");
    let found = json(
        embedlab()
            .args(["cluster", SAMPLE, "--k", "2..5", "--n-init", "2", "--json", "--picture"])
            .arg(&picture),
    );
    let tried: Vec<u64> =
        found["choice"]["candidates"].as_array().unwrap().iter().map(|c| c["k"].as_u64().unwrap()).collect();
    assert_eq!(tried, [2, 3, 4, 5]);
    assert_eq!(found["choice"]["chosen"], found["k"]);
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn a_choice_at_the_edge_of_its_range_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let row = |i: usize| format!("\"[{}, {}]\"\n", (i % 3) * 10 + i / 3 % 2, i / 6 % 2);
    let rows: String = (0..36).map(row).collect();
    let file = write(folder.path(), "three.csv", format!("embedding\n{rows}"));
    let cluster = |range: &str| embedlab().args(["cluster", &file, "--k", range]).assert().success();
    cluster("2..3").stderr(contains("3 is the largest k that was tried; try a wider range, such as -k 2..6"));
    cluster("2..6").stderr(contains("largest k").not());
    cluster("3").stderr(contains("largest k").not());
}

#[test]
fn convert_keeps_rows_and_warns_of_what_a_format_cannot_hold() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let steps = [path("a.jsonl"), path("b.arrow"), path("c.csv"), path("d.parquet")];
    let mut from = SAMPLE.to_owned();
    for to in &steps {
        let found = json(embedlab().args(["convert", &from, to, "--json"]));
        assert_eq!((&found["rows"], &found["dims"]), (&660.into(), &384.into()));
        from.clone_from(to);
    }
    let original = json(embedlab().args(["inspect", SAMPLE, "--json"]));
    let last = json(embedlab().args(["inspect", &from, "--json"]));
    assert_eq!((&original["norm"], &original["columns"]), (&last["norm"], &last["columns"]));
    embedlab().args(["convert", SAMPLE, &path("x.npy")]).assert().success().stderr(contains("vectors only"));
}

#[test]
fn the_report_is_one_page_that_needs_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let found = json(embedlab().args(["report", SAMPLE, "--k", "4", "--json", "-o"]).arg(&page));
    let titles: Vec<&str> =
        found["sections"].as_array().unwrap().iter().map(|s| s["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        [
            "Summary",
            "Overview",
            "Clusters",
            "Map",
            "Predicting Score: regression",
            "Predicting Score: classification",
            "Similarities",
            "Score card",
            "Users and products"
        ]
    );
    let blocks = found["sections"][3]["blocks"].as_array().unwrap();
    let map = &blocks.iter().find(|block| block["id"] == "map-data").unwrap()["value"];
    let figure = |name: &str| map[name].as_f64().unwrap_or_else(|| panic!("{name} in {map}"));
    assert_eq!(map["method"], "tsne");
    assert!((0.8..1.0).contains(&figure("trustworthiness")) && figure("kl") < 2.0, "{map}");
    assert!(figure("neighbors_kept") > 10.0 * figure("kept_by_chance"), "{map}");
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("id=\"clusters\"") && html.contains("id=\"map\""));
    for outside in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn a_second_file_gives_the_report_a_section_that_compares_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let rows = embedlab::table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    let write_cut = |rows: &embedlab::table::Table, name: &str| {
        let cut = rows.vectors().slice(ndarray::s![.., ..48]).to_owned();
        let cut = rows.with_vectors(cut, "embedding").unwrap();
        let _ = embedlab::table::write(&cut, path(name).as_ref(), &Default::default()).unwrap();
    };
    write_cut(&rows, "other.parquet");
    write_cut(&rows.take(&(0..50).collect::<Vec<_>>()).unwrap(), "fewer.parquet");
    let of = |other: &str| {
        let mut command = embedlab();
        command.args(["report", SAMPLE, "--only", "inspect,compare", "--sample", "120", "--json", "-q"]);
        command.args(["--against", &path(other), "-o", &path("report.html")]);
        command
    };
    let found = json(&mut of("other.parquet"));
    let sections = found["sections"].as_array().unwrap();
    let compared = sections.iter().find(|section| section["id"] == "compare").unwrap();
    let blocks = compared["blocks"].as_array().unwrap();
    let data = &blocks.iter().find(|block| block["id"] == "compare-data").unwrap()["value"];
    assert_eq!((data["rows"].as_u64(), &data["dims"]), (Some(120), &serde_json::json!([384, 48])));
    assert!(std::fs::read_to_string(path("report.html")).unwrap().contains("id=\"compare\""));
    of("fewer.parquet").assert().code(2).stderr(contains("another number of rows"));
    let none = json(embedlab().args([
        "report",
        SAMPLE,
        "--only",
        "inspect",
        "--sample",
        "120",
        "--json",
        "-q",
        "-o",
        &path("report.html"),
    ]));
    assert!(none["sections"].as_array().unwrap().iter().all(|section| section["id"] != "compare"));
}

#[test]
fn a_report_of_three_rows_and_one_of_equal_rows_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    for (name, rows) in [("few", &["[1,2,3]", "[2,1,4]", "[0,5,1]"][..]), ("equal", &["[1,2,3]"; 30])] {
        let file = folder.path().join(format!("{name}.csv"));
        let lines: Vec<String> = rows.iter().map(|row| format!("\"{row}\"\n")).collect();
        std::fs::write(&file, format!("embedding\n{}", lines.concat())).unwrap();
        let page = folder.path().join(format!("{name}.html"));
        let found = json(embedlab().arg("report").arg(&file).args(["--k", "1", "--json", "-o"]).arg(&page));
        let titles = found["sections"].as_array().unwrap().iter().map(|section| &section["title"]);
        assert!(titles.clone().any(|title| title == "Map"), "{name}: {:?}", titles.collect::<Vec<_>>());
    }
}

#[test]
fn a_file_without_vectors_is_shown_with_what_to_do_next() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let texts = file("texts.csv", "id,Text\n1,good tea\n2,\n3,bad tea\n");
    embedlab().arg("inspect").arg(&texts).assert().success().stdout(
        contains("3 rows, and no column that holds vectors").and(contains("embedlab embed 'texts.csv'")),
    );
    embedlab()
        .args(["inspect", "-"])
        .write_stdin(std::fs::read(&texts).unwrap())
        .assert()
        .code(2)
        .stderr(contains("no column holds vectors"));
    let found = json(embedlab().arg("inspect").arg(&texts).arg("--json"));
    assert_eq!((&found["rows"], &found["vector_column"]), (&3.into(), &serde_json::Value::Null));
    assert_eq!(
        (&found["column_details"][1]["name"], &found["column_details"][1]["missing"]),
        (&"Text".into(), &1.into())
    );
    let refused = |path: std::path::PathBuf, says: &str| {
        embedlab().arg("inspect").arg(path).assert().code(2).stderr(contains(says)).stdout("");
    };
    refused(file("model.pkl", "x"), "numpy.save");
    refused(file("items.sql", "COPY items FROM stdin;"), "csv header");
    refused(file("sheet.xlsx", "PK"), "save the sheet as .csv");
    refused(file("numbers.json", "[1, 2, 3]"), "an array that holds no rows: `1`");
    embedlab()
        .arg("cluster")
        .arg(&texts)
        .assert()
        .code(2)
        .stderr(contains("embedlab embed FILE --model lsa"));
}

#[test]
fn what_went_wrong_is_said_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let semicolons = folder.path().join("semicolons.csv");
    std::fs::write(&semicolons, "id;emb\n1;[1 2]\n2;[3 4]\n").unwrap();
    embedlab()
        .arg("cluster")
        .arg(&semicolons)
        .assert()
        .code(2)
        .stderr(contains("looks like several: `id;emb`; name the delimiter: --delimiter ';'"));
    embedlab().arg("inspect").arg(&semicolons).args(["--delimiter", ";"]).assert().success();
    embedlab()
        .args(["inspect", "-", "--format", "parquet"])
        .write_stdin(std::fs::read(SAMPLE).unwrap())
        .assert()
        .code(2)
        .stderr(contains("cannot come through a pipe; save it as a file first"));
    let bic = json(embedlab().args(["cluster", SAMPLE, "--method", "mixture", "--k", "2..3", "--json"]));
    let first = &bic["choice"]["candidates"][0];
    assert!(first["bic"].is_number() && first["inertia"].is_null(), "{first}");
    embedlab().args(["classify", SAMPLE]).assert().success().stderr(contains("label Score"));
    let refused = |args: &[&str], says: &str| {
        embedlab().args(args).assert().code(2).stderr(contains(says)).stdout("");
    };
    refused(&["regress", SAMPLE, "--label", "Kind"], "food_reviews.parquet");
    refused(&["recommend", SAMPLE, "--for", "nobody"], "name one of the 150 users, such as A");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let binary = assert_cmd::cargo::cargo_bin("embedlab");
    let script = format!("'{}' completions bash | head -n 1; exit ${{PIPESTATUS[0]}}", binary.display());
    Command::new("bash").args(["-c", &script]).assert().success().stderr("");
}

#[test]
fn completions_and_man_pages_are_made_by_the_binary() {
    embedlab().args(["completions", "zsh"]).assert().success().stdout(contains("#compdef embedlab"));
    embedlab().args(["man"]).assert().success().stdout(contains(".TH embedlab"));
    let folder = tempfile::tempdir().unwrap();
    embedlab().args(["man", "--dir"]).arg(folder.path()).assert().success();
    assert!(folder.path().join("embedlab-cluster.1").exists());
}

#[test]
fn bad_options_say_what_would_be_good() {
    let refused = |args: &[&str], says: &str| {
        embedlab().args(args).assert().code(2).stderr(contains(says)).stdout("");
    };
    refused(&["cluster", SAMPLE, "--k", "9999"], "ask for at most 660 clusters");
    refused(&["cluster", SAMPLE, "--k", "0"], "give a number such as 4");
    refused(&["cluster", SAMPLE, "--k", "5..3"], "give the smaller number first");
    refused(&["cluster", SAMPLE, "--label", "Scor"], "did you mean Score?");
    refused(&["cluster", SAMPLE, "--vector", "embeding"], "embedding");
    refused(&["cluster", "no/such/file.csv"], "check the path");
    refused(&["cluster", SAMPLE, "-o", "no/such/folder/x.csv"], "no such folder");
    refused(&["inspect", "README.md"], "the name does not tell the format");
    refused(&["convert", SAMPLE, "x.xyz"], "format");
}

#[test]
fn fewer_distinct_rows_than_clusters_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "few.csv", "embedding\n\"[1, 2]\"\n\"[1, 2]\"\n\"[3, 4]\"\n\"[1, 2]\"\n");
    embedlab().args(["cluster", &file, "--k", "3"]).assert().code(2).stderr(contains("2 distinct rows"));
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: no /dev/full here");
        return;
    }
    let output = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let binary = assert_cmd::cargo::cargo_bin("embedlab");
    let ended = std::process::Command::new(binary)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["inspect", SAMPLE])
        .stdout(output)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(predicate::str::contains("cannot write to stdout").eval(&String::from_utf8_lossy(&ended.stderr)));
}

#[test]
fn a_file_that_was_there_stays_whole_when_writing_fails() {
    let folder = tempfile::tempdir().unwrap();
    let kept = write(folder.path(), "kept.csv", "precious");
    let bad = write(folder.path(), "bad.csv", "embedding\n\"[1, 2]\"\n\"[1, oops]\"\n");
    embedlab().args(["convert", &bad, &kept]).assert().code(2).stderr(contains("row 1"));
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "precious");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
