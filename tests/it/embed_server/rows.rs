//! What is asked for, and what becomes of the answers.

use std::sync::Arc;

use embedlab::embed::{
    Borders, Cache, ClientOptions, EmbedOptions, Embedder, Encoding, LongTexts, Models, Remote, embed,
    pieces, weighted_mean,
};
use predicates::str::contains;

use super::server::{DIMS, Reply, Server, vector};
use super::{client, embedlab, json, options, quick, texts};

#[test]
fn a_request_is_what_openai_documents_and_both_ways_to_write_vectors_give_the_same() {
    let server = Server::start(|_| Reply::Right);
    let base64 = embed(&texts(3), &options(), &client(&server.url, quick()), None, |_| {}).unwrap();
    // A server that knows no base64: refused once, never asked again.
    let plain = Server::start(|asked| {
        if asked.body["encoding_format"] == "base64" { Reply::status(400) } else { Reply::Plain }
    });
    let options = EmbedOptions { batch_size: 1, concurrency: 1, ..options() };
    let floats = embed(&texts(3), &options, &client(&plain.url, quick()), None, |_| {}).unwrap();
    assert_eq!(base64.vectors, floats.vectors);
    assert_eq!(plain.seen().requests.len(), 4);
    let seen = server.seen();
    let (_, asked) = &seen.requests[0];
    assert_eq!(asked.path, "/v1/embeddings");
    assert_eq!(
        asked.body,
        serde_json::json!({
            "model": "text-embedding-3-small",
            "input": texts(3),
            "encoding_format": "base64",
            "dimensions": DIMS,
        })
    );
}

#[test]
fn requests_keep_the_limits_of_texts_and_tokens_and_equal_texts_are_sent_once() {
    let server = Server::start(|_| Reply::Right);
    let mut all = texts(5000);
    all.extend(texts(5000));
    let found = embed(&all, &options(), &client(&server.url, quick()), None, |_| {}).unwrap();
    assert_eq!(found.vectors.nrows(), 10_000);
    let mut sizes: Vec<usize> = server.seen().requests.iter().map(|(_, asked)| asked.texts.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [904, 2048, 2048]);
    let options = EmbedOptions { batch_tokens: 1000, ..options() };
    let server = Server::start(|_| Reply::Right);
    embed(&all, &options, &client(&server.url, quick()), None, |_| {}).unwrap();
    for (_, asked) in &server.seen().requests {
        let tokens: usize = asked.texts.iter().map(|text| Encoding::Cl100kBase.count(text).unwrap()).sum();
        assert!(tokens <= 1000);
    }
}

#[test]
fn a_server_that_takes_small_requests_only_is_found_out() {
    let server =
        Server::start(|asked| if asked.texts.len() > 32 { Reply::status(413) } else { Reply::Right });
    let options = EmbedOptions { batch_size: 256, concurrency: 1, ..options() };
    let found = embed(&texts(1000), &options, &client(&server.url, quick()), None, |_| {}).unwrap();
    assert!(found.failed.is_empty() && found.vectors.nrows() == 1000);
    assert!(server.seen().requests.len() < 45, "{}", server.seen().requests.len());
}

#[test]
fn an_azure_server_gets_the_key_in_its_own_header() {
    // The name decides; here it is asked for.
    let server = Server::start(|_| Reply::Right);
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.csv");
    std::fs::write(&input, "text\ntea\n").unwrap();
    let options = ClientOptions { api_key_header: Some(true), ..Default::default() };
    assert_eq!(options.api_key_header, Some(true));
    json(
        embedlab()
            .args([
                "embed",
                &input.to_string_lossy(),
                "--text",
                "text",
                "--model",
                "my-deployment",
                "--no-cache",
            ])
            .args(["--base-url", &format!("{}?api-version=2023-05-15", server.url), "--json", "-q"])
            .args([
                "-o",
                &folder.path().join("out.csv").to_string_lossy(),
                "--key-env",
                "AZURE_KEY",
                "--api-key-header",
            ])
            .env("AZURE_KEY", "0123abcd"),
    );
    let seen = server.seen();
    let (_, asked) = &seen.requests[0];
    assert_eq!(asked.path, "/v1/embeddings?api-version=2023-05-15");
    assert_eq!(asked.headers["api-key"], "0123abcd");
    assert!(asked.headers.get("authorization").is_none());
}

#[test]
fn long_texts_are_truncated_averaged_or_split() {
    let server = Server::start(|_| Reply::Right);
    let long = "AGI ".repeat(5000);
    let texts = ["tea".to_owned(), long.clone(), "cake".to_owned()];
    let by = |long| {
        let options = EmbedOptions { long, ..options() };
        embed(&texts, &options, &client(&server.url, quick()), None, |_| {}).unwrap()
    };
    let cut = pieces(&long, Encoding::Cl100kBase, 8191, Borders::Token).unwrap();
    let of = |at: usize| vector(cut[at].text, DIMS);
    assert_eq!(by(LongTexts::Truncate).vectors.row(1).to_vec(), of(0));
    let mean = by(LongTexts::Average).vectors.row(1).to_owned();
    let both = ndarray::Array2::from_shape_vec((2, DIMS), [of(0), of(1)].concat()).unwrap();
    assert_eq!(mean, weighted_mean(both.view(), &[8191, 1810]));
    assert!((mean.dot(&mean) - 1.0).abs() < 1e-6);
    let split = by(LongTexts::Split);
    assert_eq!(split.origins.iter().map(|origin| origin.row).collect::<Vec<_>>(), [0, 1, 1, 2]);
    assert_eq!(split.vectors.row(2).to_vec(), of(1));
    assert_eq!(
        split.origins[2].piece.as_ref().map(|(piece, text)| (*piece, text.as_str())),
        Some((1, cut[1].text))
    );
}

#[test]
fn pieces_become_rows_of_the_file_with_their_own_text() {
    let server = Server::start(|_| Reply::Right);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("in.csv"), "id,text\n7,short\n8,\"One two. Three four. Five six.\"\n").unwrap();
    json(
        embedlab()
            .args(["embed", &path("in.csv"), "--text", "text", "--model", "any", "--base-url", &server.url])
            .args(["--long", "split", "--cut", "sentence", "--max-tokens", "7", "--no-cache", "--json", "-q"])
            .args(["-o", &path("out.csv")]),
    );
    assert_eq!(super::right_vectors(&folder.path().join("out.csv")), 3);
    let written = std::fs::read_to_string(path("out.csv")).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert!(lines[0].starts_with("id,piece,text,model,embedding"), "{}", lines[0]);
    assert!(lines[2].starts_with("8,0,One two. Three four. ,any"), "{}", lines[2]);
    assert!(lines[3].starts_with("8,1,Five six.,any"), "{}", lines[3]);
}

#[test]
fn a_query_is_embedded_by_the_model_of_the_rows_and_by_no_other() {
    let server = Server::start(|_| Reply::Right);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("in.csv"), "text\ngreen tea\nblack tea\ncake\n").unwrap();
    let server_arguments = ["--base-url", &server.url, "--cache-dir", &path("cache"), "-q", "--json"];
    let embed_as = |model: &str, out: &str| {
        json(
            embedlab()
                .args(["embed", &path("in.csv"), "--model", model, "-o", &path(out)])
                .args(server_arguments),
        );
    };
    std::fs::write(
        path("models.json"),
        r#"[{"name": "doc", "dimensions": 16, "max_input_tokens": 100, "query_model": "query"},
            {"name": "query", "dimensions": 16, "max_input_tokens": 100}]"#,
    )
    .unwrap();
    embed_as("some-model", "rows.parquet");
    // The same text has the same vector.
    let found = json(embedlab().args(["search", &path("rows.parquet"), "black tea"]).args(server_arguments));
    assert_eq!(found["hits"][0]["row"], 1);
    assert!((found["hits"][0]["score"].as_f64().unwrap() - 1.0).abs() < 1e-6);
    // Asked for when the rows were embedded, it was not asked for again.
    assert_eq!(server.seen().answered["black tea"], 1);
    let near =
        json(embedlab().args(["neighbors", &path("rows.parquet"), "--query", "cake"]).args(server_arguments));
    assert_eq!(near["neighbors"].as_array().unwrap().len(), 2, "rows with the same text are passed over");
    let labelled = json(
        embedlab()
            .args(["zero-shot", &path("rows.parquet"), "--label-text", "cake", "--label-text", "black tea"])
            .args(server_arguments),
    );
    assert_eq!(labelled["rows"], 3);
    let before = server.seen().requests.len();
    embedlab()
        .args(["search", &path("rows.parquet"), "tea", "--model", "other-model"])
        .args(server_arguments)
        .assert()
        .code(2)
        .stderr(contains("other-model, and some-model in the rows"));
    embedlab()
        .args(["search", &path("rows.parquet"), "tea", "--model", "text-embedding-ada-002"])
        .args(server_arguments)
        .assert()
        .code(2)
        .stderr(contains("text-embedding-ada-002, and some-model in the rows"));
    assert_eq!(server.seen().requests.len(), before);
    // Of a pair, the rows are of one and the query of the other.
    json(
        embedlab()
            .args([
                "embed",
                &path("in.csv"),
                "--model",
                "doc",
                "-o",
                &path("pair.parquet"),
                "--models",
                &path("models.json"),
            ])
            .args(server_arguments),
    );
    json(
        embedlab()
            .args(["search", &path("pair.parquet"), "milk", "--models", &path("models.json")])
            .args(server_arguments),
    );
    let seen = server.seen();
    let (_, asked) = seen.requests.last().unwrap();
    assert_eq!((asked.body["model"].as_str(), &asked.texts[..]), (Some("query"), &["milk".to_owned()][..]));
}

#[test]
fn functions_are_searched_by_the_servers_model() {
    let server = Server::start(|_| Reply::Right);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let server_arguments = ["--base-url", &server.url, "--no-cache", "-q", "--json"];
    let indexed = json(
        embedlab()
            .args(["code", "index", "tests/fixtures/code", "-o", &path("code.parquet"), "--model", "any"])
            .args(server_arguments),
    );
    assert_eq!(indexed["model"], "any");
    let found = json(
        embedlab().args(["code", "search", &path("code.parquet"), "a pot of tea"]).args(server_arguments),
    );
    assert!(!found["hits"].as_array().unwrap().is_empty());
}

#[test]
fn clusters_are_described_by_a_chat_model_only_when_asked() {
    let server = Server::start(|asked| {
        assert_eq!(asked.path, "/v1/chat/completions");
        assert_eq!((&asked.body["temperature"], &asked.body["model"]), (&0.into(), &"chatty".into()));
        let shown = asked.body["messages"][1]["content"].as_str().unwrap();
        assert!(shown.lines().count() > 3, "{shown}");
        Reply::Body(r#"{"choices": [{"message": {"content": "\"Reviews of\u001b[31m food\"\n"}}]}"#.into())
    });
    let sample = "examples/data/food_reviews.parquet";
    let arguments = ["cluster", sample, "--k", "3", "--json", "-q"];
    let plain = json(embedlab().args(arguments));
    assert!(plain["clusters"][0].get("description").is_none());
    let described =
        json(embedlab().args(arguments).args(["--describe", "chatty", "--base-url", &server.url]));
    for cluster in described["clusters"].as_array().unwrap() {
        assert_eq!(cluster["description"], "Reviews of<1b>[31m food");
    }
    assert_eq!(server.seen().requests.len(), 3);
    embedlab()
        .args(["cluster", sample, "--k", "3", "-q", "--describe", "chatty"])
        .assert()
        .code(2)
        .stderr(contains("OPENAI_API_KEY is not set"));
}

#[test]
fn an_embedder_of_a_server_asks_once_for_what_it_was_asked_before() {
    let server = Server::start(|_| Reply::Right);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), &server.url, "nameless").unwrap();
    let options = EmbedOptions::new("nameless", &Models::default());
    let remote = Remote::new(client(&server.url, quick()), options, Some(cache));
    assert_eq!((remote.model().as_str(), remote.dims()), ("nameless", 0));
    let first = remote.embed(&texts(3)).unwrap();
    assert_eq!(remote.dims(), DIMS);
    assert_eq!(remote.embed(&texts(3)).unwrap(), first);
    assert_eq!(server.seen().requests.len(), 1);
    assert!(remote.embed(&[String::new()]).is_err());
    assert_eq!(remote.embed(&[]).unwrap().nrows(), 0);
    // Vectors stored under this name by a server that gave others are no answer.
    drop(remote);
    let cache = Arc::new(Cache::open(folder.path(), &server.url, "nameless").unwrap());
    let options =
        EmbedOptions { expected_dims: Some(4), ..EmbedOptions::new("nameless", &Models::default()) };
    let error = embed(
        &texts(3),
        &EmbedOptions { strict: true, ..options },
        &client(&server.url, quick()),
        Some(&cache),
        |_| {},
    );
    assert!(error.unwrap_err().to_string().contains("16 dimensions where 4 were expected"));
}
