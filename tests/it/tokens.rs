//! Tokens, against Python's tiktoken, and by the commands.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::record_batch::RecordBatch;
use embedlab::embed::{EmbedOptions, Encoding, LongTexts, Models, estimate};
use embedlab::table::{self, ReadOptions, Table, read_columns};
use ndarray::Array2;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

use crate::support::{embedlab, json, shared_data};

#[test]
fn tokens_equal_those_of_tiktoken_also_for_random_unicode() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/tokens.json")).unwrap();
    let texts = fixture["texts"].as_array().unwrap();
    assert!(texts.len() > 100);
    for encoding in [Encoding::Cl100kBase, Encoding::R50kBase, Encoding::P50kBase, Encoding::O200kBase] {
        let expected = fixture["tokens"][encoding.name()].as_array().unwrap();
        for (text, expected) in texts.iter().zip(expected) {
            let text = text.as_str().unwrap();
            let expected: Vec<u32> =
                expected.as_array().unwrap().iter().map(|token| token.as_u64().unwrap() as u32).collect();
            assert_eq!(encoding.encode(text).unwrap(), expected, "{}: {text:?}", encoding.name());
            assert_eq!(encoding.ends(text).unwrap().last().copied().unwrap_or(0), text.len());
        }
    }
}

#[test]
fn the_table_of_the_cookbook_holds() {
    let ids = |encoding: Encoding, text: &str| encoding.encode(text).unwrap();
    assert_eq!(
        ids(Encoding::Cl100kBase, "antidisestablishmentarianism"),
        [519, 85342, 34500, 479, 8997, 2191]
    );
    assert_eq!(ids(Encoding::R50kBase, "2 + 2 = 4"), [17, 1343, 362, 796, 604]);
    assert_eq!(
        ids(Encoding::Cl100kBase, "お誕生日おめでとう"),
        [33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699]
    );
    // Plain text, not the control token 100257.
    assert_eq!(ids(Encoding::Cl100kBase, "<|endoftext|>").len(), 7);
}

#[test]
fn a_text_that_the_tokenizer_gives_up_on_is_an_error_and_not_a_panic() {
    let spaces = " ".repeat(3_000_000) + "x";
    let error = Encoding::R50kBase.encode(&spaces).unwrap_err().to_string();
    assert!(error.contains("cannot be cut into tokens"), "{error}");
}

#[test]
fn what_would_be_paid_counts_equal_texts_once_and_cuts_as_it_will_be_cut() {
    let texts = ["tea", "tea", "", &"AGI ".repeat(5000)].map(String::from);
    let mut options = EmbedOptions::new("text-embedding-ada-002", &Models::default());
    let refused = estimate(&texts, &options, None).unwrap();
    assert_eq!((refused.texts, refused.tokens, refused.failing), (1, 1, 2));
    options.long = LongTexts::Average;
    let cut = estimate(&texts, &options, None).unwrap();
    assert_eq!((cut.texts, cut.tokens, cut.failing), (3, 10_002, 1));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn the_guides_reviews_have_its_tokens_and_price() {
    let file = shared_data("fine_food_reviews_minilm_1k.csv");
    let file = file.to_string_lossy();
    let arguments = ["--text", "combined", "--model", "text-embedding-ada-002", "--no-cache", "--json", "-q"];
    let tokens = json(embedlab().args(["tokens", &file]).args(arguments));
    assert_eq!(tokens["tokens"], 95_895);
    assert_eq!((&tokens["min"], &tokens["max"], &tokens["rows"]), (&28.into(), &645.into(), &1000.into()));
    assert_eq!(tokens["too_long"], Value::Array(Vec::new()));
    assert_eq!(format!("{:.4}", tokens["usd"].as_f64().unwrap()), "0.0384");
    assert_eq!(tokens["pages_per_dollar"], 3125.0);
    let cost = json(embedlab().args(["cost", &file]).args(arguments));
    assert_eq!(
        (&cost["tokens"], &cost["usd"], &cost["cached"]),
        (&tokens["tokens"], &tokens["usd"], &0.into())
    );
    assert_eq!((&cost["dims"], &cost["model"]), (&1536.into(), &"text-embedding-ada-002".into()));
    assert!(cost["to_pay"]["texts"].as_u64().unwrap() < 1000);
    embedlab()
        .args(["cost", &file, "--text", "combined", "--no-cache", "-q"])
        .assert()
        .success()
        .stdout(contains("$0.0019"));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn the_guides_reviews_are_prepared_as_the_guide_did() {
    let raw = shared_data("fine_food_reviews_1k.csv");
    let made = shared_data("fine_food_reviews_minilm_1k.csv");
    let folder = tempfile::tempdir().unwrap();
    let columns = |path: &Path| {
        let columns = read_columns(path, &ReadOptions::default()).unwrap();
        let table = embedlab::table::Table::new(
            ndarray::Array2::zeros((columns.num_rows(), 0)),
            columns,
            "embedding",
        )
        .unwrap();
        let first = table.column_names()[0].to_owned();
        (table.text(&first).unwrap(), table.text("combined").unwrap(), table.text("n_tokens").unwrap())
    };
    let (ids, combined, n_tokens) = columns(&made);
    for (name, more) in [
        ("all.csv", vec![]),
        ("recent.parquet", vec!["--recent", "1000", "--drop-longer", "8000", "--drop-missing"]),
    ] {
        let out = folder.path().join(name);
        embedlab()
            .args([
                "tokens",
                &raw.to_string_lossy(),
                "--template",
                "Title: {Summary}; Content: {Text}",
                "--no-cache",
            ])
            .args(["--model", "text-embedding-ada-002", "-q", "-o", &out.to_string_lossy()])
            .args(&more)
            .assert()
            .success();
        let found = columns(&out);
        assert_eq!(found.0.len(), 1000);
        let place = |id: &Option<String>| ids.iter().position(|known| known == id).unwrap();
        for (row, id) in found.0.iter().enumerate() {
            let at = place(id);
            assert!(!more.is_empty() || at == row);
            assert_eq!((&found.1[row], &found.2[row]), (&combined[at], &n_tokens[at]), "{id:?}");
        }
    }
}

#[test]
fn rows_are_thinned_out_before_they_are_counted_and_the_file_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(
        path("in.csv"),
        "Time,Name,Text\n3,a,tea\n1,b,cake and more cake\n,c,no time\n3,,no name\n2,e,\n3,f,milk\n2,g,bread\n",
    )
    .unwrap();
    let (input, out) = (path("in.csv"), path("out.csv"));
    let arguments =
        ["--template", "{Name}: {Text}", "--recent", "3", "--drop-missing", "--drop-longer", "5", "-q"];
    let found = json(embedlab().args(["tokens", &input, "-o", &out, "--json", "--no-cache"]).args(arguments));
    assert_eq!(found["rows"], 3);
    let written = std::fs::read_to_string(&out).unwrap();
    assert_eq!(
        written.lines().collect::<Vec<_>>(),
        [
            "Time,Name,Text,combined,n_tokens",
            "2,g,bread,g: bread,3",
            "3,a,tea,a: tea,3",
            "3,f,milk,f: milk,3"
        ]
    );
    let fails = |arguments: &[&str], says: &str| {
        embedlab()
            .args(["tokens", &input, "--no-cache"])
            .args(arguments)
            .assert()
            .code(2)
            .stderr(contains(says));
    };
    fails(&["--template", "{Nam}"], "did you mean Name?");
    fails(&["--template", "no column"], "a template without a column");
    fails(&["--text", "Text", "--recent", "2", "--time", "When"], "no such column");
    fails(&["--text", "Text", "--drop-longer", "0", "--drop-missing"], "no row is left");
    fails(&["--text", "Text", "--model", "text-embedding-ada-02"], "did you mean text-embedding-ada-002?");
}

#[test]
fn models_are_listed_and_a_file_adds_some() {
    let models = json(embedlab().args(["embed", "models", "--json"]));
    assert_eq!(models.as_array().unwrap().len(), 19);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("models.json");
    // What is printed can be read again.
    std::fs::write(&file, models.to_string()).unwrap();
    let again = json(embedlab().args(["embed", "models", "--json", "--models", &file.to_string_lossy()]));
    assert_eq!(again, models);
    embedlab().args(["embed", "models"]).assert().success().stdout(contains("text-search-davinci-query-001"));
    std::fs::write(&file, "[{}]").unwrap();
    embedlab()
        .args(["embed", "models", "--models", &file.to_string_lossy()])
        .assert()
        .code(2)
        .stderr(contains("no list of models"));
    embedlab().args(["embed"]).assert().code(2);
}

/// Vectors that cannot be read do not matter to a command that counts tokens.
#[test]
fn the_vectors_of_a_parquet_file_are_not_read_to_count_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let texts = StringArray::from_iter_values((0..500).map(|row| format!("good tea of garden {row}")));
    let columns = RecordBatch::try_from_iter([("text", Arc::new(texts) as ArrayRef)]).unwrap();
    let vectors = Array2::from_shape_fn((500, 32), |(row, dim)| (row * 31 + dim) as f32 + 0.25);
    let table = Table::new(vectors, columns, "embedding").unwrap();
    let _ = table::write(&table, &path, &Default::default()).unwrap();
    // The header of the page of vectors stands before its first numbers.
    let mut bytes = std::fs::read(&path).unwrap();
    let start: Vec<u8> = [0.25_f32, 1.25, 2.25].iter().flat_map(|number| number.to_le_bytes()).collect();
    let at = bytes.windows(start.len()).position(|window| window == start).unwrap();
    bytes[at - 24..at].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let path = path.to_string_lossy().into_owned();
    embedlab().args(["check", &path]).assert().code(2);
    for arguments in [&["tokens", &path][..], &["tokens", &path, "--text", "text"], &["cost", &path]] {
        assert_eq!(json(embedlab().args(arguments).args(["--json", "-q"]))["rows"], 500, "{arguments:?}");
    }
    // What is written has all columns, so they are read.
    let output = folder.path().join("y.parquet").to_string_lossy().into_owned();
    embedlab().args(["tokens", &path, "-o", &output]).assert().code(2);
    embedlab()
        .args(["tokens", &path, "--text", "none"])
        .assert()
        .code(2)
        .stderr(contains("column none").and(contains("text")));
}
