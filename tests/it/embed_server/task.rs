//! `embed --task`: prompts, titles and the second file, and the score that follows.

use predicates::str::contains;
use serde_json::Value;

use super::server::{Reply, Server};
use super::{embedlab, json};
use crate::support::write;

const CORPUS: &str = "\
{\"_id\": \"d0\", \"title\": \"Tea\", \"text\": \" green leaves \"}
{\"_id\": \"d1\", \"title\": \"\", \"text\": \"cake with cream\"}
{\"_id\": \"d2\", \"title\": \"Dogs\", \"text\": \"what they eat\"}
";
const QUERIES: &str =
    "{\"_id\": \"q0\", \"text\": \"hot drinks\"}\n{\"_id\": \"q1\", \"text\": \"pet food\"}\n";
const QRELS: &str = "query-id\tcorpus-id\tscore\nq0\td0\t1\nq1\td2\t1\n";

/// The texts that a server was asked for, in order, and what the command said on both streams.
fn asked(more: &[&str]) -> (Vec<String>, Value, String, tempfile::TempDir) {
    let server = Server::start(|_| Reply::Right);
    let folder = tempfile::tempdir().unwrap();
    let corpus = write(folder.path(), "corpus.jsonl", CORPUS);
    write(folder.path(), "queries.jsonl", QUERIES);
    let models = write(
        folder.path(),
        "models.json",
        r#"[{"name": "ours", "dimensions": 16, "max_input_tokens": 100,
             "prompts": {"Retrieval-query": "find: ", "default": "text: "}},
            {"name": "doc", "dimensions": 16, "max_input_tokens": 100, "query_model": "query"},
            {"name": "query", "dimensions": 16, "max_input_tokens": 100}]"#,
    );
    let more: Vec<String> =
        more.iter().map(|part| part.replace("FOLDER", &folder.path().to_string_lossy())).collect();
    let output = embedlab()
        .args(["embed", &corpus, "-o", &folder.path().join("corpus.parquet").to_string_lossy(), "--json"])
        .args(["--base-url", &server.url, "--no-cache", "--models", &models])
        .args(&more)
        .assert()
        .success()
        .get_output()
        .clone();
    let texts = server.seen().requests.iter().flat_map(|(_, asked)| asked.texts.clone()).collect();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (texts, serde_json::from_slice(&output.stdout).unwrap(), said, folder)
}

const SECOND: [&str; 4] = ["--second", "FOLDER/queries.jsonl", "--second-output", "FOLDER/queries.parquet"];

#[test]
fn documents_and_queries_are_embedded_with_the_models_prompts_and_scored() {
    let task = ["--task", "retrieval", "--model", "intfloat/e5-small-v2"];
    let (texts, found, said, folder) = asked(&[&task[..], &SECOND].concat());
    let expected = [
        "passage: Tea  green leaves",
        "passage: cake with cream",
        "passage: Dogs what they eat",
        "query: hot drinks",
        "query: pet food",
    ];
    assert_eq!(texts, expected);
    assert_eq!((found["rows"].as_u64(), found["second"]["rows"].as_u64()), (Some(3), Some(2)));
    assert_eq!((&found["prompt"], &found["second"]["prompt"]), (&"passage: ".into(), &"query: ".into()));
    for part in
        ["documents of Retrieval: `passage: `", "queries of Retrieval: `query: `", "the title of each"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    // What the file says is kept; only what is sent has the prompt.
    let table = embedlab::table::read(path("corpus.parquet").as_ref(), &Default::default()).unwrap();
    assert_eq!(table.text("text").unwrap()[0].as_deref(), Some(" green leaves "));
    let qrels = write(folder.path(), "qrels.tsv", QRELS);
    let score = ["mteb", "retrieval", &path("corpus.parquet"), "--queries", &path("queries.parquet")];
    let scored = json(embedlab().args(score).args(["--qrels", &qrels, "--json", "-q"]));
    assert_eq!((scored["n"].as_u64(), scored["comparable"].as_bool()), (Some(2), Some(true)));
}

#[test]
fn what_is_known_of_a_model_decides_and_the_user_decides_more() {
    let first = |more: &[&str]| {
        let (texts, _, said, _) = asked(more);
        (texts[1].clone(), texts.last().unwrap().clone(), said)
    };
    let bge = first(&["--task", "retrieval", "--model", "bge-small-en-v1.5"]);
    assert_eq!(bge.0, "cake with cream");
    assert!(bge.2.contains("no prompt for documents of Retrieval"), "{}", bge.2);
    let queries = first(&["--task", "retrieval", "--side", "query", "--model", "bge-small-en-v1.5"]);
    assert_eq!(queries.0, "Represent this sentence for searching relevant passages: cake with cream");
    let nomic = first(&["--task", "clustering", "--model", "nomic-embed-text:v1.5"]);
    assert_eq!(nomic.0, "clustering: cake with cream");
    let given = ["--task", "retrieval", "--model", "e5-small", "--prompt", "", "--second-prompt", "ask "];
    let given = first(&[&given[..], &SECOND].concat());
    assert_eq!((given.0.as_str(), given.1.as_str()), ("cake with cream", "ask pet food"));
    let ours = first(&[&["--task", "retrieval", "--model", "ours"][..], &SECOND].concat());
    assert_eq!((ours.0.as_str(), ours.1.as_str()), ("text: cake with cream", "find: pet food"));
    let strange = first(&["--task", "sts", "--model", "somebodys"]);
    assert_eq!(strange.0, "cake with cream");
    assert!(strange.2.contains("it is not known whether somebodys wants a prompt"), "{}", strange.2);
    let without_a_task = first(&["--model", "e5-small", "--prompt", "passage: "]);
    assert_eq!(without_a_task.0, "passage: cake with cream");
    assert_eq!(first(&["--model", "e5-small"]).0, "cake with cream");
}

#[test]
fn queries_are_embedded_by_the_other_model_of_a_pair() {
    let (_, found, said, _) = asked(&[&["--task", "reranking", "--model", "doc"][..], &SECOND].concat());
    assert_eq!((&found["model"], &found["second"]["model"]), (&"doc".into(), &"query".into()));
    assert!(said.contains("the queries are embedded by query"), "{said}");
}

#[test]
fn instructions_of_queries_come_after_them_and_a_second_file_may_have_other_columns() {
    let server = Server::start(|_| Reply::Right);
    let folder = tempfile::tempdir().unwrap();
    let corpus = write(folder.path(), "corpus.csv", "id,body\na,green tea\nb,cake\n");
    let queries =
        write(folder.path(), "queries.csv", "id,text,instruction\nx,hot drinks,no coffee\ny,sweets,\n");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    json(
        embedlab()
            .args(["embed", &corpus, "--text", "body", "--task", "reranking", "--model", "e5-base"])
            .args([
                "-o",
                &path("corpus.parquet"),
                "--second",
                &queries,
                "--second-output",
                &path("q.parquet"),
            ])
            .args(["--base-url", &server.url, "--no-cache", "--json", "-q"]),
    );
    let texts: Vec<String> =
        server.seen().requests.iter().flat_map(|(_, asked)| asked.texts.clone()).collect();
    let expected = ["passage: green tea", "passage: cake", "query: hot drinks no coffee", "query: sweets"];
    assert_eq!(texts, expected);
}

#[test]
fn the_words_of_documents_embed_the_queries_and_no_prompt_comes_before_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let corpus = write(folder.path(), "corpus.jsonl", CORPUS);
    let queries = write(folder.path(), "queries.jsonl", QUERIES.replace("hot drinks", "green tea"));
    let found = json(
        embedlab()
            .args(["embed", &corpus, "--task", "retrieval", "--dims", "3", "-o", &path("corpus.parquet")])
            .args(["--second", &queries, "--second-output", &path("queries.parquet"), "--json", "-q"]),
    );
    assert_eq!(found["model"], found["second"]["model"]);
    assert!(found.get("prompt").is_none() && found["second"].get("prompt").is_none(), "{found}");
    let qrels = write(folder.path(), "qrels.tsv", "query-id\tcorpus-id\tscore\nq0\td0\t1\n");
    let score = ["mteb", "retrieval", &path("corpus.parquet"), "--queries", &path("queries.parquet")];
    let refused = embedlab().args(score).args(["--qrels", &qrels, "--json", "-q"]).assert();
    // `pet food` has no word of the documents: its vector is zero, which is said.
    refused.code(2).stderr(contains("queries.parquet, row 1"));
}

#[test]
fn what_does_not_fit_a_task_is_refused_before_anything_is_embedded() {
    let server = Server::start(|_| Reply::Right);
    let folder = tempfile::tempdir().unwrap();
    let corpus = write(folder.path(), "corpus.jsonl", CORPUS);
    let queries = write(folder.path(), "queries.jsonl", QUERIES);
    let out = folder.path().join("out.parquet").to_string_lossy().into_owned();
    let second_out = folder.path().join("second.parquet").to_string_lossy().into_owned();
    let refused = |more: &[&str], says: &str| {
        embedlab()
            .args(["embed", &corpus, "--model", "e5-small", "--base-url", &server.url, "-o", &out])
            .args(more)
            .assert()
            .code(2)
            .stderr(contains(says.to_owned()));
    };
    let second = ["--second", &queries[..], "--second-output", &second_out[..]];
    refused(&["--task", "sts", "--side", "query"], "leave --side out");
    refused(&[&["--task", "retrieval", "--side", "query"][..], &second].concat(), "queries in both files");
    refused(&["--task", "retrieval", "--long", "split"], "one vector for each text");
    refused(&["--task", "retrieval", "--second", &queries], "--second-output");
    refused(&second, "--task");
    refused(
        &["--task", "retrieval", "--second", &queries, "--second-output", &out],
        "two outputs are one file",
    );
    refused(
        &["--task", "retrieval", "--second", &queries, "--second-output", &queries],
        "would replace an input",
    );
    assert!(server.seen().requests.is_empty());
}

#[cfg(feature = "local-models")]
#[test]
fn a_folder_brings_its_own_prompts() {
    use embedlab::embed::{Embedder, LocalModel};
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("ours");
    std::fs::create_dir_all(model.join("1_Pooling")).unwrap();
    for name in [
        "config.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "vocab.txt",
        "model.safetensors",
    ] {
        std::fs::copy(crate::support::root().join("tests/fixtures/local_model").join(name), model.join(name))
            .unwrap();
    }
    let corpus = write(folder.path(), "corpus.csv", "id,text\n1,tea\n2,cake\n");
    let output = folder.path().join("out.parquet");
    let embed = || {
        embedlab()
            .args(["embed", &corpus, "--task", "retrieval", "--side", "query", "--model"])
            .args([&model, std::path::Path::new("-o"), &output])
            .assert()
            .success()
    };
    embed().stderr(contains("not known whether"));
    std::fs::write(
        model.join("config_sentence_transformers.json"),
        r#"{"prompts": {"query": "tea or ", "passage": ""}, "default_prompt_name": null}"#,
    )
    .unwrap();
    embed().stderr(contains("`tea or ` comes before each"));
    let found = embedlab::table::read(&output, &Default::default()).unwrap();
    let texts = ["tea or tea", "tea or cake"].map(String::from);
    assert_eq!(found.vectors(), LocalModel::open(&model).unwrap().embed(&texts).unwrap());
}
