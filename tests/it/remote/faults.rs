//! Servers that are slow, busy, wrong, or gone.

use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use super::server::{Asked, Reply, Server};
use super::{command, found, rows_as, sample};
use crate::support::{SAMPLE, embedlab, root};

/// What `check` says of a file of a server, as a code and a message.
#[track_caller]
fn refused(command: &mut Command) -> (String, String) {
    let output = command.args(["--json", "-q"]).assert().code(2).get_output().stdout.clone();
    let said: Value = serde_json::from_slice(&output).unwrap();
    let text = |name: &str| said["error"][name].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

/// The command on a bucket of a server that speaks enough of S3.
fn s3_of(server: &Server, copies: &std::path::Path) -> Command {
    let mut command = command(copies);
    command.env("AWS_ENDPOINT_URL", &server.url).args(["check", "s3://bucket/x.parquet"]);
    command
}

fn local_check() -> Value {
    found(embedlab().args(["check", SAMPLE, "--json", "-q"]))
}

#[test]
fn a_server_that_is_busy_at_first_is_asked_again() {
    let (copies, bytes) = (tempfile::tempdir().unwrap(), Arc::new(sample()));
    let busy_twice = move |asked: &Asked| match asked.earlier {
        0 | 1 | 4 => Reply::Status(503, "<Error><Code>SlowDown</Code></Error>".into()),
        6 => Reply::Status(429, String::new()),
        8 => Reply::Cut(bytes.clone(), "\"one\""),
        _ => Reply::File(bytes.clone(), "\"one\""),
    };
    let server = Server::start(busy_twice.clone());
    let url = format!("{}/x.parquet", server.url);
    assert_eq!(found(command(copies.path()).args(["check", &url, "--json", "-q"])), local_check());
    let server = Server::start(busy_twice);
    assert_eq!(found(s3_of(&server, copies.path()).args(["--json", "-q"])), local_check());
}

#[test]
fn a_folder_without_a_slash_is_found_by_what_is_in_it() {
    let (copies, bytes) = (tempfile::tempdir().unwrap(), Arc::new(sample()));
    let of_s3 = move |asked: &Asked| match (&*asked.method, asked.path.contains("list-type=2")) {
        (_, true) if asked.path.contains("prefix=parts%2F") || asked.path.contains("prefix=parts/") => {
            let size = bytes.len();
            let object = format!("<Key>parts/x.parquet</Key><Size>{size}</Size><ETag>\"one\"</ETag>");
            let object = format!("{object}<LastModified>2024-01-01T00:00:00.000Z</LastModified>");
            let listed = format!("<Contents>{object}</Contents><IsTruncated>false</IsTruncated>");
            Reply::Status(200, format!("<ListBucketResult>{listed}</ListBucketResult>"))
        }
        (_, true) => Reply::Status(404, "<Error><Code>NoSuchBucket</Code></Error>".into()),
        _ if asked.path.ends_with("/parts") => Reply::Status(404, String::new()),
        _ => Reply::File(bytes.clone(), "\"one\""),
    };
    let server = Server::start(of_s3);
    let mut on_s3 = command(copies.path());
    let on_s3 =
        on_s3.env("AWS_ENDPOINT_URL", &server.url).args(["check", "s3://bucket/parts", "--json", "-q"]);
    assert_eq!(found(on_s3), local_check());
    // What the list told is not asked again.
    assert_eq!(server.requests().iter().filter(|asked| asked.method == "HEAD").count(), 1);
}

#[test]
fn a_server_without_parts_of_files_is_read_whole() {
    let copies = tempfile::tempdir().unwrap();
    for (name, bytes) in [("x.parquet", sample()), ("x.csv", rows_as(0..660, "csv"))] {
        let bytes = Arc::new(bytes);
        let server = Server::start(move |_| Reply::Whole(bytes.clone()));
        let url = format!("{}/{name}", server.url);
        assert_eq!(
            found(command(copies.path()).args(["check", &url, "--json", "-q"])),
            local_check(),
            "{name}"
        );
    }
    assert_eq!(copies.path().read_dir().unwrap().count(), 0);
}

#[test]
fn what_a_server_refuses_has_a_code() {
    let copies = tempfile::tempdir().unwrap();
    for (status, of_web, of_s3) in [
        (401, "credentials-missing", "credentials-missing"),
        (403, "credentials-missing", "credentials-missing"),
        (404, "file-not-found", "file-not-found"),
        (429, "server-busy", "server-busy"),
        (503, "server-busy", "server-busy"),
        (500, "server-failed", "server-failed"),
        (418, "server-failed", "server-failed"),
    ] {
        let server = Server::start(move |_| Reply::Status(status, String::new()));
        let url = format!("{}/x.parquet", server.url);
        let short = |command: &mut Command| refused(command.env("EMBEDLAB_REMOTE_TIMEOUT", "1"));
        let (code, message) = short(command(copies.path()).args(["check", &url]));
        assert_eq!(code, of_web, "{message}");
        assert!(message.contains(&format!("HTTP {status}")), "{message}");
        let (code, message) = short(&mut s3_of(&server, copies.path()));
        assert_eq!(code, of_s3, "{message}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_an_error() {
    let copies = tempfile::tempdir().unwrap();
    for name in ["x.parquet", "x.csv"] {
        let extension = name.rsplit('.').next().unwrap();
        let bytes = Arc::new(if extension == "csv" { rows_as(0..660, "csv") } else { sample() });
        let changing = move |asked: &Asked| {
            Reply::File(bytes.clone(), if asked.earlier > 0 { "\"two\"" } else { "\"one\"" })
        };
        let server = Server::start(changing.clone());
        let url = format!("{}/{name}", server.url);
        let (code, message) = refused(command(copies.path()).args(["check", &url]));
        assert_eq!(code, "object-changed", "{message}");
        let server = Server::start(changing);
        let mut on_s3 = command(copies.path());
        let on_s3 =
            on_s3.env("AWS_ENDPOINT_URL", &server.url).args(["check", &format!("s3://bucket/{name}")]);
        let (code, message) = refused(on_s3);
        assert_eq!(code, "object-changed", "{message}");
        assert!(server.requests().iter().any(|asked| asked.if_match.as_deref() == Some("\"one\"")));
    }
}

#[test]
fn bodies_that_are_always_cut_off_end_in_words() {
    let (copies, bytes) = (tempfile::tempdir().unwrap(), Arc::new(sample()));
    let cut = move |asked: &Asked| match (asked.earlier, &*asked.method) {
        (0, _) | (_, "HEAD") => Reply::File(bytes.clone(), "\"one\""),
        _ => Reply::Cut(bytes.clone(), "\"one\""),
    };
    let server = Server::start(cut.clone());
    let url = format!("{}/x.parquet", server.url);
    let (code, message) = refused(command(copies.path()).args(["check", &url]));
    assert_eq!(code, "object-cut-off", "{message}");
    let server = Server::start(cut);
    let (code, message) = refused(&mut s3_of(&server, copies.path()));
    assert_eq!(code, "object-cut-off", "{message}");
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let copies = tempfile::tempdir().unwrap();
    let server = Server::start(|_| Reply::Stall);
    let url = format!("{}/x.parquet", server.url);
    let begun = Instant::now();
    let (code, message) =
        refused(command(copies.path()).env("EMBEDLAB_REMOTE_TIMEOUT", "0.3").args(["check", &url]));
    assert_eq!(code, "server-timeout", "{message}");
    let (code, message) = refused(s3_of(&server, copies.path()).env("EMBEDLAB_REMOTE_TIMEOUT", "0.3"));
    assert_eq!(code, "server-timeout", "{message}");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let copies = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/x.parquet");
    let short = |command: &mut Command| refused(command.env("EMBEDLAB_REMOTE_TIMEOUT", "0.5"));
    let (code, message) = short(command(copies.path()).args(["check", &url]));
    assert_eq!(code, "server-unreachable", "{message}");
    let endpoint = format!("http://127.0.0.1:{port}");
    let (code, message) = short(
        command(copies.path()).env("AWS_ENDPOINT_URL", endpoint).args(["check", "s3://bucket/x.parquet"]),
    );
    assert_eq!(code, "server-unreachable", "{message}");
    let (code, message) =
        short(command(copies.path()).args(["check", "http://no-such-host.invalid/x.parquet"]));
    assert!(["server-unreachable", "server-timeout"].contains(&&*code), "{code} {message}");
}

#[test]
fn no_output_shows_the_secrets_of_an_address() {
    let copies = tempfile::tempdir().unwrap();
    let page = copies.path().join("page.html");
    for bytes in [sample(), rows_as(0..100, "csv")] {
        let server = Server::of_file(bytes.clone());
        let name = if bytes.starts_with(b"PAR1") { "x.parquet" } else { "x.csv" };
        let host = server.url.trim_start_matches("http://");
        let url = format!("http://me:pa55w0rd@{host}/year=1/{name}?sig=s3cr3t/k=v&se=2030");
        for arguments in [
            &["inspect"][..],
            &["inspect", "--json"],
            &["check", "--json"],
            &["neighbors", "--row", "3"],
            &["neighbors", "--row", "3", "--json"],
            &["cluster", "--k", "2", "--json"],
            &["cluster", "--k", "2", "--vector", "none", "--json"],
            &["profile", "--by", "nothing", "--json"],
            &["report", "-o", page.to_str().unwrap()],
        ] {
            let output = command(copies.path())
                .args([arguments[0], &url, &url])
                .args(&arguments[1..])
                .output()
                .unwrap();
            let mut all = [output.stdout, output.stderr].concat();
            all.extend(std::fs::read(&page).unwrap_or_default());
            let all = String::from_utf8_lossy(&all);
            assert!(all.len() > 20, "{arguments:?} said nothing");
            for secret in ["s3cr3t", "pa55w0rd"] {
                assert!(!all.contains(secret), "{arguments:?} shows {secret}: {all}");
            }
        }
        assert!(server.requests().iter().all(|asked| asked.path.ends_with("?sig=s3cr3t/k=v&se=2030")));
    }
}

#[test]
fn a_command_that_is_ended_leaves_no_copy() {
    let copies = tempfile::tempdir().unwrap();
    let bytes = Arc::new(rows_as(0..660, "csv"));
    // The format is told; then nothing comes any more.
    let server = Server::start(move |asked| match asked.earlier {
        0 => Reply::File(bytes.clone(), "\"one\""),
        _ => Reply::Stall,
    });
    let mut child = Process::new(assert_cmd::cargo::cargo_bin("embedlab"))
        .current_dir(root())
        .env("TMPDIR", copies.path())
        .args(["check", &format!("{}/x.csv", server.url)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let files = || copies.path().read_dir().unwrap().count();
    let begun = Instant::now();
    while files() == 0 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(files(), 1);
    let _ = Process::new("kill").arg(child.id().to_string()).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    assert_eq!(files(), 0);
}

#[test]
fn a_copy_that_cannot_be_written_names_the_folder() {
    let server = Server::of_file(rows_as(0..10, "csv"));
    command("/no/such/folder".as_ref())
        .args(["check", &format!("{}/x.csv", server.url)])
        .assert()
        .code(2)
        .stderr(contains("cannot write a temporary copy").and(contains("TMPDIR")));
}
