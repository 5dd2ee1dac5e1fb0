//! The lexical embedder, against scikit-learn's TF-IDF and truncated SVD, and by the command.

use std::path::Path;

use embedlab::embed::{Embedder, Lsa, LsaOptions};
use predicates::str::contains;
use serde_json::Value;

use crate::support::{SAMPLE, embedlab, json};

fn fixture() -> (Value, Vec<String>) {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/lsa.json")).unwrap();
    let texts = fixture["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
    let texts = texts.collect();
    (fixture, texts)
}

#[test]
fn cosines_equal_those_of_scikit_learn() {
    let (fixture, texts) = fixture();
    let lsa = Lsa::fit(&texts, &LsaOptions { dims: 8, ..Default::default() }).unwrap();
    assert_eq!(lsa.n_terms() as u64, fixture["n_terms"].as_u64().unwrap());
    let vectors = lsa.embed(&texts).unwrap();
    let expected = fixture["cosines"].as_array().unwrap();
    for a in 0..6 {
        for b in 0..texts.len() {
            let cosine: f64 =
                vectors.row(a).iter().zip(vectors.row(b)).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            let expected = expected[a * texts.len() + b].as_f64().unwrap();
            assert!((cosine - expected).abs() < 1e-5, "{a} {b}: {cosine} {expected}");
        }
    }
}

#[test]
fn the_same_texts_give_the_same_bits_for_any_number_of_threads() {
    let (_, texts) = fixture();
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Lsa::fit(&texts, &LsaOptions { dims: 5, ..Default::default() }).unwrap())
    };
    assert!(fit(1) == fit(3));
}

#[test]
fn a_saved_embedder_gives_the_same_vectors_and_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.lsa.safetensors");
    let (_, texts) = fixture();
    let lsa = Lsa::fit(&texts, &LsaOptions { dims: 4, ..Default::default() }).unwrap();
    lsa.save(&path).unwrap();
    let read = Lsa::load(&path).unwrap();
    assert!(read == lsa && read.model() == lsa.model());
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 8, 60, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Lsa::load(&path).is_err(), "{length}");
    }
}

#[test]
fn texts_without_words_and_few_texts_are_borne() {
    let texts = ["tea", "", "   ", "tea tea"].map(String::from);
    let lsa = Lsa::fit(&texts, &LsaOptions::default()).unwrap();
    let vectors = lsa.embed(&texts).unwrap();
    assert!(vectors.row(1).iter().chain(vectors.row(2)).all(|value| *value == 0.0));
    assert!((vectors.row(0).dot(&vectors.row(3)) - 1.0).abs() < 1e-6);
    assert!(Lsa::fit(&[], &LsaOptions::default()).is_err());
    assert!(Lsa::fit(&["".to_owned()], &LsaOptions::default()).is_err());
    assert!(Lsa::fit(&texts, &LsaOptions { dims: 0, ..Default::default() }).is_err());
}

#[test]
fn a_table_is_embedded_and_searched_by_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let mut text = "text,Score\n".to_owned();
    for row in 0..60 {
        let (food, word) =
            [("green tea", "fresh"), ("dog food", "healthy"), ("potato chips", "stale")][row % 3];
        text.push_str(&format!("The {food} of shop{} on day{} is {word},{}\n", row % 7, row % 11, row % 5));
    }
    let (input, output) = (path("in.csv"), path("out.parquet"));
    std::fs::write(&input, text).unwrap();
    let found = json(embedlab().args(["embed", &input, "--dims", "8", "-o", &output, "--json", "-q"]));
    assert_eq!(
        (found["rows"].as_u64(), found["dims"].as_u64(), found["empty"].as_u64()),
        (Some(60), Some(8), Some(0))
    );
    assert!(found["model"].as_str().unwrap().starts_with("lsa-8-"));
    let table = embedlab::table::read(Path::new(&output), &Default::default()).unwrap();
    assert_eq!((table.n_rows(), table.dims()), (60, 8));
    assert_eq!(table.numbers("Score").unwrap()[7], Some(2.0));

    let hits = json(embedlab().args(["search", &output, "food for a dog", "--json", "-q", "-k", "5"]));
    assert!(
        hits["hits"].as_array().unwrap().iter().all(|hit| hit["text"].as_str().unwrap().contains("dog food"))
    );
    let near =
        json(embedlab().args(["neighbors", &output, "--query", "stale chips", "--json", "-q", "-k", "3"]));
    assert!(near["neighbors"][0]["text"].as_str().unwrap().contains("chips"));
    let labelled = json(embedlab().args([
        "zero-shot",
        &output,
        "--label-text",
        "drink=green tea",
        "--label-text",
        "pet=dog food",
        "--json",
        "-q",
    ]));
    assert_eq!(labelled["rows"].as_u64(), Some(60), "{labelled}");

    let model = path("out.lsa.safetensors");
    let again = path("again.parquet");
    let second = json(embedlab().args(["embed", &input, "--model", &model, "-o", &again, "--json", "-q"]));
    assert_eq!(second["model"], found["model"]);
    let again = embedlab::table::read(Path::new(&again), &Default::default()).unwrap();
    assert_eq!(again.vectors(), table.vectors());

    let fails = |arguments: &[&str], says: &str| {
        embedlab().args(arguments).assert().code(2).stderr(contains(says));
    };
    fails(&["search", SAMPLE, "tea", "--model", &model], "8 dimensions, and 384 in the rows");
    fails(&["search", &output, "§§§"], "a text without a word");
    fails(&["embed", &input, "--model", "nowhere", "-o", &output], "unknown model: nowhere");
    fails(&["embed", &input, "--text", "Body", "-o", &output], "no such column");
    fails(&["embed", "nowhere.csv", "-o", &output], "nowhere.csv");
    // Rows of another model of the same size.
    let other = path("other.parquet");
    json(embedlab().args(["embed", &input, "--dims", "8", "--seed", "7", "-o", &other, "--json", "-q"]));
    std::fs::write(path("shuffled.csv"), "text\ngreen tea\nblack tea\nred tea\n").unwrap();
    let shuffled = path("shuffled.parquet");
    json(embedlab().args(["embed", &path("shuffled.csv"), "-o", &shuffled, "--json", "-q"]));
    fails(&["search", &shuffled, "tea", "--model", &model], "the embedder is not that of the rows");
}

#[cfg(feature = "local-models")]
#[test]
fn a_model_folder_embeds_rows_and_queries_and_a_strange_name_is_not_looked_for_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("in.csv"), "text\ngreen tea\nblack tea\ndog food\n").unwrap();
    let (input, output, model) = (path("in.csv"), path("out.parquet"), "tests/fixtures/local_model");
    let found = json(embedlab().args(["embed", &input, "--model", model, "-o", &output, "--json", "-q"]));
    assert_eq!(
        (found["rows"].as_u64(), found["tokens"].as_u64(), found["usd"].as_f64()),
        (Some(3), Some(0), Some(0.0))
    );
    let hits = json(embedlab().args(["search", &output, "dog food", "--model", model, "--json", "-q"]));
    assert_eq!(hits["hits"][0]["row"], 2);
    let fails = |arguments: &[&str], says: &str| {
        embedlab()
            .args(arguments)
            .env("HF_ENDPOINT", "http://127.0.0.1:1")
            .assert()
            .code(2)
            .stderr(contains(says));
    };
    fails(&["embed", &input, "--model", model, "--dims", "3", "-o", &output], "leave --dims out");
    fails(&["embed", &input, "--model", "some/where", "-o", &output], "--download");
    fails(&["search", &output, "tea", "--model", "some/where"], "no such model on this machine");
    fails(&["search", &output, "tea"], "no embedder for texts");
}
