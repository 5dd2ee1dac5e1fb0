//! What cannot be embedded is said, and what was paid for is kept.

use std::path::Path;
use std::time::Duration;

use embedlab::embed::{Cache, CacheKey, EmbedOptions, Waits, embed};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::json;

use super::server::{DIMS, Reply, Server};
use super::{QUICK, client, embedlab, options, quick, texts};

const KEY: &str = "sk-very-secret-0123456789";

/// Runs the command on these texts and gives what it said on stderr.
fn embed_file(folder: &Path, url: &str, rows: &str, more: &[&str], code: i32) -> String {
    let input = folder.join("in.csv");
    std::fs::write(&input, rows).unwrap();
    let output = embedlab()
        .args([
            "embed",
            &input.to_string_lossy(),
            "--text",
            "text",
            "-o",
            &folder.join("out.csv").to_string_lossy(),
        ])
        .args(["--cache-dir", &folder.join("cache").to_string_lossy(), "--base-url", url])
        .args(["--model", "text-embedding-3-small", "--dims", &DIMS.to_string()])
        .args(QUICK)
        .args(more)
        .env("OPENAI_API_KEY", KEY)
        .assert()
        .code(code)
        .get_output()
        .clone();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for text in [&said, &String::from_utf8_lossy(&output.stdout).into_owned()] {
        assert!(!text.contains(KEY), "{text}");
    }
    said
}

#[test]
fn rows_that_cannot_be_embedded_are_named_and_the_rest_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| {
        if asked.texts.iter().any(|text| text.contains("poison")) {
            Reply::Status(400, Vec::new(), json!({"error": {"message": "'$.input' is invalid"}}).to_string())
        } else {
            Reply::Right
        }
    });
    let long = "AGI ".repeat(5000);
    let mut rows = format!("text\n\"\"\n\"  \"\n{long}\n");
    for row in 0..40 {
        rows.push_str(&format!("{} {row}\n", if row == 17 { "poison" } else { "tea" }));
    }
    let said = embed_file(folder.path(), &server.url, &rows, &[], 2);
    for reason in [
        "4 of 43 rows have no vector",
        "row 0: an empty text",
        "row 1: a text of spaces only",
        "row 2: a text that is too long: 10001 tokens, where text-embedding-3-small takes 8191",
        "row 20: the server refuses the request (HTTP 400): '$.input' is invalid",
    ] {
        assert!(said.contains(reason), "{reason}: {said}");
    }
    assert_eq!(super::right_vectors(&folder.path().join("out.csv")), 39);
    let said = embed_file(folder.path(), &server.url, &rows, &["--strict"], 2);
    assert!(said.contains("row 0: an empty text"), "{said}");
    // Left out on purpose, they are no failure.
    let more = ["--drop-missing", "--long", "truncate"];
    let rows = rows.replace("poison", "coffee");
    embed_file(folder.path(), &server.url, &rows, &more, 0);
    assert!(server.seen().answered.values().all(|times| *times == 1));
}

#[test]
fn a_refused_key_names_its_variable_and_is_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    // The server repeats the key.
    let server = Server::start(|asked| {
        let sent = asked.headers["authorization"].to_str().unwrap().to_owned();
        let said = json!({"error": {"message": format!("Incorrect API key provided: {sent}")}});
        Reply::Status(401, Vec::new(), said.to_string())
    });
    let said = embed_file(folder.path(), &server.url, "text\ntea\n", &[], 2);
    assert!(said.contains("Incorrect API key provided: Bearer [key]"), "{said}");
    assert!(said.contains("check the key in OPENAI_API_KEY"), "{said}");
    assert_eq!(server.seen().requests.len(), 1);
    for entry in std::fs::read_dir(folder.path().join("cache")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()));
    }
    let none = Server::start(|asked| {
        assert!(asked.headers.get("authorization").is_none());
        Reply::status(401)
    });
    let input = folder.path().join("in.csv");
    embedlab()
        .args(["embed", &input.to_string_lossy(), "--model", "any", "--base-url", &none.url, "--no-cache"])
        .args(["-o", &folder.path().join("out.csv").to_string_lossy()])
        .assert()
        .code(2)
        .stderr(contains("set OPENAI_API_KEY, or name another variable with --key-env"));
}

#[test]
fn what_is_wrong_before_anything_is_sent_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.csv");
    std::fs::write(&input, "text\ntea\n").unwrap();
    let fails = |arguments: &[&str], key: Option<&str>, says: &str| {
        let mut command = embedlab();
        command.args([
            "embed",
            &input.to_string_lossy(),
            "-o",
            &folder.path().join("out.csv").to_string_lossy(),
        ]);
        command.args(["--cache-dir", &folder.path().join("cache").to_string_lossy()]).args(arguments);
        if let Some(key) = key {
            command.env("OPENAI_API_KEY", key);
        }
        command.assert().code(2).stderr(contains(says).and(contains("very-secret").not()));
    };
    let model = ["--model", "text-embedding-3-small"];
    let with = |more: &[&'static str]| [&model[..], more].concat();
    fails(&model, None, "OPENAI_API_KEY is not set");
    fails(&model, Some(" "), "OPENAI_API_KEY is not set");
    fails(&model, Some("sk-very-secret\u{e9}"), "the key in OPENAI_API_KEY cannot be sent");
    fails(&with(&["--key-env", "NO_SUCH_VARIABLE"]), Some("x"), "NO_SUCH_VARIABLE is not set");
    fails(&["--model", "text-embedding-3-smal"], None, "did you mean text-embedding-3-small?");
    fails(&with(&["--base-url", "localhost:1/v1"]), None, "a base URL without http:// or https://");
    fails(&with(&["--base-url", "http://me:very-secret@localhost:1"]), None, "a user or a password in it");
    // Nothing listens there.
    fails(&with(&["--base-url", "http://127.0.0.1:1/v1"]), None, "the server cannot be reached");
    fails(
        &with(&["--base-url", "http://127.0.0.1:1/v1", "--concurrency", "0"]),
        None,
        "the requests in flight: 0",
    );
    fails(
        &with(&["--base-url", "http://127.0.0.1:1/v1", "--tokens-per-minute", "0"]),
        None,
        "limit of tokens",
    );
    fails(
        &with(&["--base-url", "http://127.0.0.1:1/v1", "--dims", "4000"]),
        None,
        "4000, where text-embedding-3-small has 1536",
    );
    fails(
        &["--model", "text-embedding-ada-002", "--base-url", "http://127.0.0.1:1/v1", "--dims", "8"],
        None,
        "leave --dims out",
    );
    fails(&with(&["--models", "nowhere.json"]), None, "nowhere.json");
    fails(
        &with(&["--base-url", "http://127.0.0.1:1/v1", "--timeout", "soon"]),
        None,
        "not a number of seconds",
    );
}

#[test]
fn a_cache_that_is_in_use_or_of_another_version_is_refused_before_anything_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_| Reply::Right);
    let cache = folder.path().join("cache");
    let held = Cache::open(&cache, &server.url, "text-embedding-3-small").unwrap();
    let said = embed_file(folder.path(), &server.url, "text\ntea\n", &[], 2);
    assert!(said.contains("another process uses this cache"), "{said}");
    drop(held);
    let file = Cache::file(&cache, &server.url, "text-embedding-3-small");
    std::fs::write(&file, "something else").unwrap();
    let said = embed_file(folder.path(), &server.url, "text\ntea\n", &[], 2);
    assert!(said.contains("name another folder with --cache-dir"), "{said}");
    assert!(server.seen().requests.is_empty());
}

#[cfg(unix)]
#[test]
fn on_a_full_disk_what_was_stored_before_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_| Reply::Right);
    let lines: String = texts(3000).iter().map(|text| format!("\"{text}\"\n")).collect();
    let input = folder.path().join("in.csv");
    std::fs::write(&input, format!("text\n{lines}")).unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let arguments = [
        "embed",
        &path("in.csv"),
        "--text",
        "text",
        "--model",
        "text-embedding-3-small",
        "--base-url",
        &server.url,
        "--cache-dir",
        &path("cache"),
        "-o",
        &path("out.csv"),
        "--dims",
        "512",
        "--batch-size",
        "100",
        "-q",
    ];
    // A limit of the size of files stands for a disk of that size.
    let binary = assert_cmd::cargo::cargo_bin("embedlab");
    let limited = format!("trap '' XFSZ; ulimit -f 6000; exec \"{}\" \"$@\"", binary.display());
    assert_cmd::Command::new("sh")
        .args(["-c", &limited, "sh"])
        .args(arguments)
        .env_remove("OPENAI_API_KEY")
        .assert()
        .code(2)
        .stderr(
            contains("cannot write the cache")
                .and(contains("are in the cache and will not be asked for again")),
        );
    assert!(!folder.path().join("out.csv").exists());
    let before = server.seen().answered.len();
    let said = super::json(embedlab().args(arguments).arg("--json"));
    assert!(said["cached"].as_u64().unwrap() > 100, "{said}");
    assert!(before < 3000 && said["rows"] == 3000);
}

#[test]
fn a_quota_that_is_used_up_ends_it_at_once_and_keeps_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| {
        if asked.texts[0].contains("review 20 ") {
            let said = json!({"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}});
            Reply::Status(429, Vec::new(), said.to_string())
        } else {
            Reply::Right
        }
    });
    let cache =
        std::sync::Arc::new(Cache::open(folder.path(), &server.url, "text-embedding-3-small").unwrap());
    let options = EmbedOptions { batch_size: 10, concurrency: 1, ..options() };
    let texts = texts(100);
    let error =
        embed(&texts, &options, &client(&server.url, quick()), Some(&cache), |_| {}).unwrap_err().to_string();
    assert!(error.contains("the quota is used up (HTTP 429): You exceeded your current quota."), "{error}");
    assert!(error.contains("20 of 100 texts are in the cache"), "{error}");
    assert_eq!(server.seen().requests.len(), 3);
    let keys: Vec<CacheKey> = texts.iter().map(|text| CacheKey::new(text, Some(DIMS))).collect();
    assert_eq!(cache.get(&keys).unwrap().iter().flatten().count(), 20);
}

#[test]
fn a_failure_that_does_not_pass_is_given_up_after_six_attempts_and_named_for_its_rows_only() {
    let server = Server::start(|asked| {
        if asked.texts.iter().any(|text| text.starts_with("review 3 ")) {
            Reply::status(500)
        } else {
            Reply::Right
        }
    });
    let options = EmbedOptions { batch_size: 2, concurrency: 1, ..options() };
    let found = embed(&texts(10), &options, &client(&server.url, quick()), None, |_| {}).unwrap();
    assert_eq!(found.failed.iter().map(|failed| failed.row).collect::<Vec<_>>(), [2, 3]);
    assert!(found.failed[0].reason.contains("the server failed (HTTP 500): status 500"));
    assert_eq!(found.vectors.nrows(), 8);
    assert_eq!(server.seen().requests.len(), 4 + 6);
}

#[test]
fn a_server_that_always_fails_is_given_up() {
    for (reply, says) in [
        (Reply::status(500), "status 500"),
        (Reply::Html, "a web page instead of JSON; check --base-url"),
        (Reply::Short, "vectors for"),
        (Reply::Wrong, "a vector of 15 dimensions where 16 were expected"),
        (Reply::CutBefore, "the connection broke"),
        (Reply::CutWithin, "the connection broke"),
        (
            Reply::Status(302, vec![("location", "http://127.0.0.1:1/".into())], String::new()),
            "is not followed",
        ),
        (Reply::status(404), "no such address or model"),
        (Reply::status(422), "status 422"),
        (Reply::Body(r#"{"data": [{"embedding": [1, null]}]}"#.into()), "null instead of a number"),
        (Reply::Body("x".repeat(3 << 20)), "an answer of more than"),
    ] {
        let server = Server::start(move |_| reply.clone());
        let waits = Waits { attempts: 2, ..quick() };
        let options = EmbedOptions { batch_size: 10, ..options() };
        let found = embed(&texts(400), &options, &client(&server.url, waits), None, |_| {});
        let error = found.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(says), "{says}: {error}");
        assert!(server.seen().requests.len() < 60, "{says}: {} requests", server.seen().requests.len());
    }
}

#[test]
fn an_answer_that_never_ends_runs_into_the_time_limit_and_is_asked_for_again() {
    let server = Server::start(|asked| if asked.earlier == 0 { Reply::Stall } else { Reply::Right });
    let waits = Waits { timeout: Duration::from_millis(200), ..quick() };
    let found = embed(&texts(3), &options(), &client(&server.url, waits), None, |_| {}).unwrap();
    assert_eq!((found.vectors.nrows(), server.seen().requests.len()), (3, 2));
}

#[test]
fn a_server_that_wants_to_be_left_alone_for_an_hour_is_given_up() {
    let server = Server::start(|_| Reply::Status(503, vec![("retry-after", "3600".into())], String::new()));
    let options = EmbedOptions { strict: true, ..options() };
    let error =
        embed(&texts(3), &options, &client(&server.url, quick()), None, |_| {}).unwrap_err().to_string();
    assert!(error.contains("HTTP 503") && error.contains("it asks to wait for 3600 s"), "{error}");
    assert_eq!(server.seen().requests.len(), 1);
}
