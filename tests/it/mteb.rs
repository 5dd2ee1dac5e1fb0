//! `embedlab mteb`: files in, scores out, and what is wrong with a file.

use std::path::Path;

use embedlab::table::{self, Table};
use predicates::prelude::*;
use serde_json::Value;

use crate::support::{LABELS, SAMPLE, embedlab, json, write};

/// The first rows of the sample under ids d0, d1, ..
fn corpus(folder: &Path, rows: usize) -> String {
    let reviews = table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    let part = reviews.take(&(0..rows).collect::<Vec<_>>()).unwrap();
    with_ids(&part, folder, "corpus.parquet", "d")
}

fn with_ids(table: &Table, folder: &Path, name: &str, letter: &str) -> String {
    let ids = (0..table.n_rows()).map(|row| format!("{letter}{row}"));
    let ids = std::sync::Arc::new(arrow::array::StringArray::from_iter_values(ids));
    let path = folder.join(name);
    let _ = table::write(&table.with_columns(vec![("_id", ids as _)]).unwrap(), &path, &Default::default())
        .unwrap();
    path.to_string_lossy().into_owned()
}

#[track_caller]
fn mteb(arguments: &[&str]) -> Value {
    json(embedlab().arg("mteb").args(arguments).args(["--json", "-q"]))
}

#[track_caller]
fn refused(arguments: &[&str], words: &[&str]) {
    let mut run = embedlab();
    let assert = run.arg("mteb").args(arguments).assert().code(2);
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    for word in words {
        assert!(predicate::str::contains(*word).eval(&stderr), "{word} is not in {stderr}");
    }
}

#[test]
fn pairs_are_named_by_rows_or_by_ids() {
    let folder = tempfile::tempdir().unwrap();
    let rows = write(folder.path(), "rows.csv", "a,b,score\n0,1,3\n1,2,1\n2,3,2.5\n0,4,4\n5,6,0\n");
    let ids = write(
        folder.path(),
        "ids.tsv",
        "a\tb\tscore\nd0\td1\t3\nd1\td2\t1\nd2\td3\t2.5\nd0\td4\t4\nd5\td6\t0\n",
    );
    let with_ids = corpus(folder.path(), 50);
    let by_row = mteb(&["sts", SAMPLE, "--pairs", &rows]);
    let by_id = mteb(&["sts", &with_ids, "--pairs", &ids]);
    assert_eq!(by_row["scores"], by_id["scores"]);
    assert_eq!((by_row["task"].as_str(), by_row["n"].as_u64()), (Some("sts"), Some(5)));
    assert_eq!(by_row["main_score_name"], "cosine_spearman");
    assert_eq!(by_row["main_score"], by_row["scores"]["cosine_spearman"]);
    assert_eq!(by_row["comparable"], true);
}

#[test]
fn ids_that_name_no_row_stop_the_command_or_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = write(folder.path(), "pairs.csv", "a,b,score\n0,1,3\n1,2000,1\n2,3,2\nx,4,4\n");
    refused(&["sts", SAMPLE, "--pairs", &pairs], &["pairs.csv, row 1", "2 lines", "2000", "--unknown skip"]);
    let found = mteb(&["sts", SAMPLE, "--pairs", &pairs, "--unknown", "skip"]);
    assert_eq!((found["n"].as_u64(), found["left_out"][0]["count"].as_u64()), (Some(2), Some(2)));
    assert_eq!(found["comparable"], false);
}

#[test]
fn what_is_wrong_with_pairs_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| write(folder.path(), name, content);
    let no_number = file("no_number.csv", "a,b,score\n0,1,3\n1,2,\n2,3,2\n");
    refused(&["sts", SAMPLE, "--pairs", &no_number], &["no_number.csv", "row 1", "without a number"]);
    let one_class = file("one_class.csv", "a,b,label\n0,1,1\n1,2,1\n");
    refused(&["pair", SAMPLE, "--pairs", &one_class], &["one class only"]);
    let stars = file("stars.csv", "a,b,label\n0,1,1\n1,2,5\n");
    refused(&["pair", SAMPLE, "--pairs", &stars], &["stars.csv, row 1", "neither 0 nor 1"]);
    let no_columns = file("no_columns.csv", "x,y,score\n0,1,1\n");
    refused(&["sts", SAMPLE, "--pairs", &no_columns], &["no column for the first row of a pair", "x, y"]);
    refused(&["sts", SAMPLE], &["--pairs FILE"]);
    refused(&["sts", SAMPLE, "--pairs", &no_number, "--main", "accuracy"], &["without a number"]);
}

/// Rows 0 and 1 as queries, judged in TREC's and in BEIR's layout.
fn judged(folder: &Path) -> (String, String, String, String) {
    let corpus = corpus(folder, 60);
    let reviews = table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    let queries = with_ids(&reviews.take(&[100, 101, 102]).unwrap(), folder, "queries.parquet", "q");
    let trec = write(folder, "qrels.trec", "q0 0 d3 1\nq0 0 d7 2\nq1 0 d9 1\nq1 0 d1 0\nq2 0 d5 0\n");
    let beir = write(
        folder,
        "test.tsv",
        "query-id\tcorpus-id\tscore\nq0\td3\t1\nq0\td7\t2\nq1\td9\t1\nq1\td1\t0\nq2\td5\t0\n",
    );
    (corpus, queries, trec, beir)
}

#[test]
fn judgements_are_read_in_every_layout() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, queries, trec, beir) = judged(folder.path());
    let jsonl = write(
        folder.path(),
        "qrels.jsonl",
        ["q0 d3 1", "q0 d7 2", "q1 d9 1", "q1 d1 0", "q2 d5 0"]
            .map(|line| {
                let fields: Vec<&str> = line.split(' ').collect();
                format!(
                    "{{\"query-id\": \"{}\", \"corpus-id\": \"{}\", \"score\": {}}}\n",
                    fields[0], fields[1], fields[2]
                )
            })
            .concat(),
    );
    let score = |qrels: &str| mteb(&["retrieval", &corpus, "--queries", &queries, "--qrels", qrels]);
    let found = score(&trec);
    assert_eq!(found["n"], 2, "a query without a relevant document is left out");
    assert_eq!(found["main_score_name"], "ndcg_at_10");
    assert_eq!(found["scores"], score(&beir)["scores"]);
    assert_eq!(found["scores"], score(&jsonl)["scores"]);
    let reranked = mteb(&["reranking", &corpus, "--queries", &queries, "--qrels", &trec]);
    assert_eq!(reranked["main_score_name"], "map_at_1000");
}

#[test]
fn a_run_is_scored_without_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let (.., trec, _) = judged(folder.path());
    // A tie, which trec_eval orders by the larger id; ranks in the file do not matter.
    let run = write(
        folder.path(),
        "bm25.run",
        "q0 Q0 d3 1 2.5 bm25\nq0 Q0 d7 2 2.5 bm25\nq0 Q0 d1 3 9.0 bm25\nq9 Q0 d1 1 1.0 bm25\n",
    );
    let found = mteb(&["retrieval", "--run", &run, "--qrels", &trec]);
    // 2 / log2(3) + 1 / 2, over the ideal 2 + 1 / log2(3).
    let ndcg = (2.0 / 3_f64.log2() + 0.5) / (2.0 + 1.0 / 3_f64.log2());
    assert!((found["main_score"].as_f64().unwrap() - ndcg).abs() < 1e-5, "{}", found["main_score"]);
    assert_eq!((found["n"].as_u64(), found["ties"]["share"].as_f64()), (Some(1), Some(1.0)));
    assert_eq!(found["left_out"].as_array().unwrap().len(), 2);
    let averaged = mteb(&["retrieval", "--run", &run, "--qrels", &trec, "--ties", "average"]);
    assert!(averaged["main_score"].as_f64() < found["main_score"].as_f64());
    assert_eq!(averaged["comparable"], false);
    let twice = write(folder.path(), "twice.run", "q0 Q0 d3 1 2.5 x\nq0 Q0 d3 2 2.0 x\n");
    refused(&["retrieval", "--run", &twice, "--qrels", &trec], &["found twice", "d3", "q0"]);
}

#[test]
fn what_is_wrong_with_judgements_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, queries, ..) = judged(folder.path());
    let file = |name: &str, content: &str| write(folder.path(), name, content);
    let with = |qrels: &str, words: &[&str]| {
        refused(&["retrieval", &corpus, "--queries", &queries, "--qrels", qrels], words);
    };
    with(
        &file("negative.trec", "q0 0 d3 1\nq0 0 d7 -1\n"),
        &["negative.trec, line 2", "whole number of 0 or more"],
    );
    with(&file("short.trec", "q0 0 d3 1\nq0 d7\n"), &["short.trec, line 2", "query 0 document relevance"]);
    with(
        &file("unknown.trec", "q0 0 d3 1\nq0 0 nobody 1\n"),
        &["unknown.trec, line 2", "`nobody`", "not in the corpus"],
    );
    with(&file("stranger.trec", "q0 0 d3 1\nq8 0 d4 1\n"), &["stranger.trec, line 2", "`q8`"]);
    with(&file("none.trec", "q0 0 d3 0\n"), &["no query has a relevant document"]);
    let twice = with_ids(
        &table::read(corpus.as_ref(), &Default::default()).unwrap(),
        folder.path(),
        "x.parquet",
        "d",
    );
    let repeated = folder.path().join("repeated.jsonl");
    std::fs::write(&repeated, "{\"_id\":\"d3\",\"embedding\":[1,0]}\n{\"_id\":\"d3\",\"embedding\":[0,1]}\n")
        .unwrap();
    let qrels = file("one.trec", "q0 0 d3 1\n");
    let repeated = repeated.to_string_lossy();
    refused(
        &["retrieval", &repeated, "--queries", &twice, "--qrels", &qrels],
        &["row 1", "an id that two rows have"],
    );
}

#[test]
fn models_are_compared_on_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let reviews = table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    let labels = table::read(LABELS.as_ref(), &Default::default())
        .unwrap()
        .take(&[8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
        .unwrap();
    let cut = |table: &Table, name: &str, dims: usize| {
        let vectors = table.vectors().slice(ndarray::s![.., ..dims]).to_owned();
        let path = folder.path().join(name);
        let _ = table::write(&table.with_vectors(vectors, "embedding").unwrap(), &path, &Default::default())
            .unwrap();
        path.to_string_lossy().into_owned()
    };
    let (all, few) = (cut(&labels, "l384.parquet", 384), cut(&labels, "l24.parquet", 24));
    let small = cut(&reviews, "r24.parquet", 24);
    let found = mteb(&[
        "zero-shot",
        SAMPLE,
        "--label",
        "Kind",
        "--labels",
        &all,
        "--against",
        &small,
        "--against-labels",
        &few,
    ]);
    let against = &found["against"];
    assert!(against["low"].as_f64().unwrap() > 0.0 && against["p"].as_f64().unwrap() < 0.01, "{against}");
    let expected = found["main_score"].as_f64().unwrap() - against["main_score"].as_f64().unwrap();
    assert!((against["difference"].as_f64().unwrap() - expected).abs() < 1e-12);
    refused(
        &["zero-shot", SAMPLE, "--label", "Kind", "--labels", &all, "--against", &all],
        &["other rows", "same rows"],
    );
    refused(&["zero-shot", SAMPLE, "--label", "Kind", "--labels", LABELS], &["a label that two rows have"]);
}

#[test]
fn all_tasks_of_a_file_make_results_that_stand_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let results = |model: &str| folder.path().join(model).to_string_lossy().into_owned();
    let (first, second) = (results("minilm"), results("cut"));
    let found = mteb(&["all", SAMPLE, "--label", "Score", "--results", &first]);
    let names: Vec<&str> =
        found["results"].as_array().unwrap().iter().filter_map(|one| one["task"].as_str()).collect();
    assert_eq!(names, ["clustering", "classification", "regression"]);
    let result: Value =
        serde_json::from_slice(&std::fs::read(Path::new(&first).join("classification.json")).unwrap())
            .unwrap();
    assert_eq!(
        (result["task_name"].as_str(), result["mteb_version"].as_str()),
        (Some("classification"), Some("2.26.24"))
    );
    assert_eq!(result["scores"]["test"][0]["main_score"], result["scores"]["test"][0]["accuracy"]);

    std::fs::create_dir(&second).unwrap();
    write(
        Path::new(&second),
        "classification.json",
        "{\"task_name\": \"classification\", \"scores\": {\"test\": [{\"main_score\": 0.1, \"low\": 0.05, \"high\": 0.15}]}}",
    );
    write(Path::new(&second), "model_meta.json", "{\"name\": \"cut\"}");
    let page = folder.path().join("models.html");
    let table = json(embedlab().args(["mteb", "table", &first, &second, "--json", "-o"]).arg(&page));
    let task =
        table["tasks"].as_array().unwrap().iter().find(|task| task["task"] == "classification").unwrap();
    let groups: Vec<_> = task["scores"].as_array().unwrap().iter().map(|one| one["group"].as_u64()).collect();
    assert_eq!(groups, [Some(1), Some(2)]);
    assert_eq!(table["models"][0]["model"], "minilm");
    assert!(std::fs::read_to_string(page).unwrap().contains("minilm"));
    refused(&["table", &folder.path().join("nothing").to_string_lossy()], &["cannot open"]);
}

#[test]
fn the_scores_of_queries_are_written_for_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, queries, trec, _) = judged(folder.path());
    let out = folder.path().join("queries.csv");
    let text = embedlab()
        .args(["mteb", "retrieval", &corpus, "--queries", &queries, "--qrels", &trec, "-o"])
        .arg(&out)
        .assert()
        .success();
    let words = String::from_utf8_lossy(&text.get_output().stdout).into_owned();
    assert!(words.contains("ndcg_at_10") && words.contains("Too few to tell"), "{words}");
    let written = std::fs::read_to_string(out).unwrap();
    assert!(written.starts_with("id,ndcg_at_10,map_at_1000,recall_at_100,mrr_at_10\nq0,"), "{written}");
    assert_eq!(written.lines().count(), 3);
}
