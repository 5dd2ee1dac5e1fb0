//! Files of object stores and web servers are read as local ones are; what goes wrong on the way is said.

mod faults;
mod s3;
mod server;

use std::path::Path;

use assert_cmd::Command;
use embedlab::table::{self, Table};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use self::s3::{KEY, S3, SECRET, address};
use self::server::Server;
use crate::support::{SAMPLE, embedlab, json, root};

/// The command without the user's credentials, with a folder of its own for copies.
fn command(copies: &Path) -> Command {
    let mut command = embedlab();
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_uppercase();
        if ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|start| text.starts_with(start))
            || text.ends_with("_PROXY")
        {
            command.env_remove(name);
        }
    }
    command.env("TMPDIR", copies).env("EMBEDLAB_REMOTE_TIMEOUT", "20");
    command
}

/// The command with the keys of the server.
fn with_keys(s3: &S3, copies: &Path) -> Command {
    let mut command = command(copies);
    command
        .env("AWS_ENDPOINT_URL", &s3.url)
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_REGION", "us-east-1");
    command
}

fn sample() -> Vec<u8> {
    std::fs::read(root().join(SAMPLE)).unwrap()
}

/// Some rows of the sample in a format.
fn rows_as(rows: impl Iterator<Item = usize>, extension: &str) -> Vec<u8> {
    let whole: Table = table::read(root().join(SAMPLE).as_ref(), &Default::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("x.{extension}"));
    let piece = whole.take(&rows.collect::<Vec<_>>()).unwrap();
    let _ = table::write(&piece, &path, &Default::default()).unwrap();
    std::fs::read(path).unwrap()
}

/// What a command found, without what differs from run to run and the name of the file.
fn found(command: &mut Command) -> Value {
    let mut found = json(command);
    let fields = found.as_object_mut().unwrap();
    fields.retain(|name, _| !name.ends_with("seconds") && name != "file" && name != "name");
    found
}

const COMMANDS: [&[&str]; 4] =
    [&["inspect"], &["cluster", "--k", "3"], &["profile", "--by", "UserId"], &["check"]];

/// Holds what commands find in files of the bucket against what they find in the same files on disk.
#[track_caller]
fn same_as_local(s3: &S3, keys: &[&str], commands: &[&[&str]]) {
    let copies = tempfile::tempdir().unwrap();
    let remote: Vec<String> = keys.iter().map(|key| address(key)).collect();
    let local: Vec<String> = keys.iter().map(|key| s3.file(key).to_string_lossy().into_owned()).collect();
    for arguments in commands {
        let of = |mut command: Command, files: &[String]| {
            found(command.arg(arguments[0]).args(files).args(&arguments[1..]).args(["--json", "-q"]))
        };
        assert_eq!(
            of(with_keys(s3, copies.path()), &remote),
            of(command(copies.path()), &local),
            "{arguments:?} of {keys:?}"
        );
    }
    assert_eq!(copies.path().read_dir().unwrap().count(), 0, "a copy was left behind");
}

#[test]
fn objects_one_or_several_a_pattern_and_folders_give_what_local_files_give() {
    let s3 = S3::start();
    s3.put("one.parquet", &sample());
    let halves = [rows_as(0..300, "parquet"), rows_as(300..660, "parquet")];
    s3.put("parts/part-2.parquet", &halves[0]);
    s3.put("parts/part-10.parquet", &halves[1]);
    s3.put("parts/_SUCCESS", b"");
    s3.put("parts/other/part-3.parquet", &halves[1]);
    s3.put("hive/year=2023/kind=a%20b/x.parquet", &halves[0]);
    s3.put("hive/year=2024/kind=c/y.parquet", &halves[1]);
    same_as_local(&s3, &["one.parquet"], &COMMANDS);
    same_as_local(&s3, &["parts/part-2.parquet", "parts/part-10.parquet"], &COMMANDS[1..3]);
    same_as_local(&s3, &["parts/part-*.parquet"], &COMMANDS);
    same_as_local(&s3, &["parts/"], &COMMANDS[..2]);
    same_as_local(
        &s3,
        &["hive/"],
        &[&["inspect"], &["profile", "--by", "year"], &["profile", "--by", "kind"]],
    );
    same_as_local(&s3, &["hive/*/*/*.parquet"], &[&["profile", "--by", "year"]]);
}

#[test]
fn other_formats_are_read_from_a_copy_that_is_gone_afterwards() {
    let s3 = S3::start();
    for extension in ["csv", "jsonl", "arrow", "npy", "csv.gz", "safetensors"] {
        let key = format!("rows.{extension}");
        let bytes = match extension {
            "csv.gz" => {
                let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                std::io::Write::write_all(&mut packed, &rows_as(0..100, "csv")).unwrap();
                packed.finish().unwrap()
            }
            extension => rows_as(0..100, extension),
        };
        s3.put(&key, &bytes);
        let columns = !["npy", "safetensors"].contains(&extension);
        same_as_local(&s3, &[&key], if columns { &COMMANDS[..3] } else { &COMMANDS[..2] });
    }
    s3.put("texts/a.csv", &rows_as(0..50, "csv"));
    s3.put("texts/b.csv", &rows_as(50..100, "csv"));
    same_as_local(&s3, &["texts/*.csv"], &COMMANDS[..2]);
    same_as_local(&s3, &["texts/"], &COMMANDS[1..2]);
}

#[test]
fn rows_name_their_object_and_so_do_errors() {
    let (s3, copies) = (S3::start(), tempfile::tempdir().unwrap());
    let good = s3.put("good.csv", b"text,embedding\na,\"[1, 2]\"\nb,\"[1, 3]\"\n");
    let bad = s3.put("bad.csv", b"text,embedding\na,\"[1, 2]\"\nb,\"[1, x]\"\n");
    let run = || with_keys(&s3, copies.path());
    let message = contains(format!("{bad}, row 1 (line 3)"));
    run().args(["cluster", &bad]).assert().code(2).stderr(message.clone().and(contains(".embedlab-").not()));
    run().args(["cluster", &good, &bad]).assert().code(2).stderr(message);
    let damaged = s3.put("damaged.parquet", &sample()[..50_000]);
    run()
        .args(["check", &damaged])
        .assert()
        .code(2)
        .stderr(contains(format!("{damaged}: cannot read the Parquet file")));
    assert_eq!(copies.path().read_dir().unwrap().count(), 0);
}

#[test]
fn what_a_store_refuses_or_lacks_is_told_with_a_code_and_a_way_out() {
    let (s3, copies) = (S3::start(), tempfile::tempdir().unwrap());
    let one = s3.put("one.parquet", &sample());
    s3.put("empty.parquet", b"");
    s3.put("notes/readme.txt", b"no data");
    let code = |command: &mut Command, code: &str, words: &str| {
        let output = command.args(["--json", "-q"]).assert().code(2).get_output().clone();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["error"]["code"], code, "{said}");
        assert!(said["error"]["message"].as_str().unwrap().contains(words), "{said}");
        let all = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&all).contains(SECRET));
    };
    let keys = || with_keys(&s3, copies.path());
    code(keys().args(["check", "s3://reviews/none.parquet"]), "file-not-found", "no such file");
    code(keys().args(["check", "s3://nobody/one.parquet"]), "bucket-not-found", "NoSuchBucket");
    code(keys().args(["check", "s3://reviews/nowhere/"]), "file-not-found", "no files with data");
    code(keys().args(["check", "s3://reviews/notes/"]), "file-not-found", "no files with data");
    code(
        keys().args(["check", "s3://reviews/no*.parquet"]),
        "file-not-found",
        "no file has a name like this",
    );
    code(keys().args(["check", "s3://reviews/empty.parquet"]), "file-empty", "empty");
    code(
        keys().env("AWS_SECRET_ACCESS_KEY", "wrong").args(["check", &one]),
        "credentials-refused",
        "HTTP 403",
    );
    code(
        keys().env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").args(["check", &one]),
        "credentials-missing",
        "AWS_ACCESS_KEY_ID",
    );
    code(
        keys().env_remove("AWS_SECRET_ACCESS_KEY").args(["check", &one]),
        "store-settings",
        "AWS_SECRET_ACCESS_KEY",
    );
    code(
        keys().env("AWS_ENDPOINT_URL", "http://192.0.2.1:9").args(["check", &one]),
        "store-settings",
        "AWS_ALLOW_HTTP",
    );
    code(
        command(copies.path()).args(["check", "az://c/x.parquet"]),
        "store-settings",
        "AZURE_STORAGE_ACCOUNT_NAME",
    );
    code(keys().args(["check", "ftp://host/x.parquet"]), "address", "s3://bucket/key");
    let output = ["convert", SAMPLE, "s3://reviews/out.parquet"];
    code(keys().args(output), "output-address", "then copy it there");
    code(keys().args(["cluster", SAMPLE, "-o", "s3://reviews/out.parquet"]), "output-address", "aws s3 cp");
}

#[test]
fn a_plan_reads_only_what_the_file_says_of_itself() {
    let file = rows_as((0..660).cycle().take(6600), "parquet");
    let most = file.len() / 4;
    let server = Server::of_file(file);
    let copies = tempfile::tempdir().unwrap();
    let url = format!("{}/reviews.parquet", server.url);
    let plan = json(command(copies.path()).args(["cluster", &url, "--k", "3", "--plan", "--json", "-q"]));
    let local = json(embedlab().args(["cluster", SAMPLE, "--k", "3", "--plan", "--json", "-q"]));
    assert_eq!((plan["rows"].as_u64(), &plan["dims"]), (Some(6600), &local["dims"]));
    assert!(server.bytes() < most, "{} bytes for a plan, of {most}", server.bytes());
    assert!(server.requests().len() < 12, "{} requests for a plan", server.requests().len());
}
