//! What a command writes, and what it must not destroy.

use std::fs;
use std::path::Path;

use predicates::str::contains;

use crate::support::{SAMPLE, embedlab, write};

const ROWS: &str = "id,text,embedding\n1,tea,\"[0.5, 1]\"\n2,cake,\"[1, 0.25]\"\n";

fn fails(arguments: &[&str], says: &str) {
    embedlab().args(arguments).assert().code(2).stderr(contains(says));
}

#[test]
fn standard_output_takes_every_format_in_order_and_the_words_go_to_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(folder.path(), "a.csv", ROWS);
    let written = |arguments: &[&str]| {
        let all = [&["convert", &input, "-"], arguments].concat();
        embedlab().args(all).assert().success().get_output().stdout.clone()
    };
    assert_eq!(
        String::from_utf8(written(&[])).unwrap(),
        ROWS.replace("[0.5, 1]", "[0.5,1.0]").replace("[1, 0.25]", "[1.0,0.25]")
    );
    for (format, starts) in [
        ("jsonl", &b"{\"id\":1"[..]),
        ("tsv", b"id\ttext"),
        ("parquet", b"PAR1"),
        ("arrow", b"ARROW1"),
        ("npy", b"\x93NUMPY"),
        ("npz", b"PK"),
    ] {
        let bytes = written(&["--to", format]);
        assert!(bytes.starts_with(starts), "{format}");
        let name = format!("b.{format}");
        let back = write(folder.path(), &name, &bytes);
        embedlab().args(["inspect", &back]).assert().success();
    }
    fails(&["convert", &input, "-", "--json"], "two outputs to standard output");
    embedlab()
        .args(["convert", &input, "/dev/stdout", "--to", "jsonl"])
        .assert()
        .success()
        .stdout(contains("\"text\":\"tea\""));
}

#[test]
fn a_pipe_whose_reader_has_gone_is_quiet() {
    let command = format!("{} convert {SAMPLE} - --to parquet | head -c 4", env!("CARGO_BIN_EXE_embedlab"));
    let said = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert_eq!(said.stdout, b"PAR1");
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!words.contains("error") && !words.contains("panicked"), "{words}");
}

#[test]
fn no_output_takes_the_place_of_an_input_or_of_another_output() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(folder.path(), "a.csv", ROWS);
    let model = folder.path().join("a.safetensors").to_string_lossy().into_owned();
    embedlab().args(["convert", &input, &model]).assert().success();
    fails(&["train", &model, "--label", "id", "-o", &model], "would replace an input");
    fails(&["train", &input, "--label", "text", "-o", &input], "end the name in .safetensors");
    fails(&["report", &input, "-o", &input], "end the name in .html");
    fails(&["report", &input, "-o", "x.pdf"], "end the name in .html");
    let both = folder.path().join("s.safetensors").to_string_lossy().into_owned();
    fails(&["cluster", &input, "--k", "2", "-o", &both, "--save", &both], "two outputs are one file");
    fails(&["profile", &input, "--by", "text", "-o", &input], "would replace an input");
    assert_eq!(fs::read_to_string(&input).unwrap(), ROWS);
    // All rows and columns with more: that is no loss.
    embedlab().args(["convert", &input, &input]).assert().success();
    embedlab().args(["cluster", &input, "--k", "2", "-o", &input]).assert().success();
    assert!(fs::read_to_string(&input).unwrap().starts_with("id,text,cluster"));
}

#[test]
fn what_cannot_be_kept_is_refused_before_anything_is_computed() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(folder.path(), "a.csv", "text\ntea\n");
    for (output, says) in [
        ("x.xyz", "does not tell the format"),
        ("x", "does not tell the format"),
        ("x.json", "only read"),
        ("no/x.csv", "no such folder to write to"),
    ] {
        let output = folder.path().join(output).to_string_lossy().into_owned();
        // Nothing listens there: an attempt to ask would be another error.
        let server = ["--base-url", "http://127.0.0.1:1/v1", "--no-cache", "--model", "any"];
        fails(&[&["embed", &input, "-o", &output], &server[..]].concat(), says);
    }
    fails(&["embed", &input, "-o", &folder.path().to_string_lossy()], "a folder");
}

/// The outputs of an analysis: each option, and an extension that its file can have.
fn outputs_of(analysis: &dyn embedlab::analysis::AnyAnalysis) -> Vec<(&'static str, &'static str)> {
    let mut outputs = Vec::new();
    match (analysis.writes(), analysis.saves()) {
        (Some(_), None) => outputs.push(("output", "csv")),
        (Some(_), Some(_)) => outputs.extend([("output", "csv"), ("save", analysis.saves_as()[0])]),
        (None, Some(_)) => outputs.push(("output", analysis.saves_as()[0])),
        (None, None) => outputs.push(("output", "html")),
    }
    outputs.extend(analysis.pictures().iter().map(|picture| (picture.flag, "svg")));
    outputs.extend(analysis.tables().iter().map(|table| (table.flag, "csv")));
    outputs
}

/// The input is one that no command can read: an error about an output shows that nothing was read before.
#[cfg(unix)]
#[test]
fn every_output_of_every_command_is_checked_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(folder.path(), "broken.csv", "id,text,embedding\n1,tea,\"[0.5, x]\"\n");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let refused = |command: &[&str], option: &[&str], output: &str, code: &str| {
        let arguments = [command, option, &[output, "--json", "-q"]].concat();
        let found = embedlab().args(&arguments).assert().code(2).get_output().stdout.clone();
        let said: serde_json::Value =
            serde_json::from_slice(&found).unwrap_or_else(|_| panic!("{arguments:?}: no error of ours"));
        let words = said["error"]["message"].as_str().unwrap();
        assert!(words.starts_with(output) && words.contains(code), "{arguments:?}: {words}");
    };
    let (unknown, nowhere) = (path("x.xyz"), path("no/x"));
    for analysis in embedlab::analysis::registry() {
        let (name, task) = (analysis.name(), analysis.name().strip_prefix("mteb-"));
        let command = match task {
            Some(task) => vec!["mteb", task, input.as_str()],
            None => vec![name, input.as_str()],
        };
        for (flag, extension) in outputs_of(*analysis) {
            let option = format!("--{flag}");
            let option = [option.as_str()];
            refused(&command, &option, &unknown, "end ");
            refused(&command, &option, &format!("{nowhere}.{extension}"), "no such folder");
            let same = path(&format!("{name}-{flag}.{extension}"));
            std::os::unix::fs::symlink(&input, &same).unwrap();
            let may_be_input = flag == "output" && analysis.writes().is_some() && !analysis.writes_some();
            if !may_be_input {
                refused(&command, &option, &same, "replace an input");
            }
        }
        if task.is_some() {
            refused(&command, &["--results"], &input, "no folder to write into");
        }
    }
    for (command, extension) in [
        (&["convert", input.as_str()][..], "csv"),
        (&["embed", &input, "--model", "lsa", "-o"], "csv"),
        (&["tokens", &input, "-o"], "csv"),
        (&["train", &input, "--label", "text", "-o"], "safetensors"),
        (&["predict", &path("none.safetensors"), &input, "-o"], "csv"),
        (&["report", &input, "-o"], "html"),
        (&["code", "index", &path("none"), "-o"], "csv"),
        (&["mteb", "table", &path("none"), "-o"], "html"),
    ] {
        refused(command, &[], &unknown, "end ");
        refused(command, &[], &format!("{nowhere}.{extension}"), "no such folder");
    }
}

#[test]
fn an_output_of_fewer_rows_or_columns_does_not_take_the_place_of_the_input() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(folder.path(), "a.csv", ROWS);
    for part in [&["--where", "id = 1"][..], &["--drop-missing"], &["--columns", "id"], &["--sample", "1"]] {
        fails(&[&["convert", &input, &input], part].concat(), "would replace an input");
        fails(&[&["cluster", &input, "--k", "1", "-o", &input], part].concat(), "would replace an input");
    }
    assert_eq!(fs::read_to_string(&input).unwrap(), ROWS);
}

#[test]
fn vectors_that_a_file_has_are_replaced_or_kept_but_never_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let numbers = (0..12).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let rows: String = (0..6).map(|n| format!("{n},good tea of garden {n},\"[{numbers}]\"\n")).collect();
    for column in ["embedding", "ada_embedding"] {
        let input = write(folder.path(), "in.csv", format!("id,text,{column}\n{rows}"));
        let embed = ["embed", &input, "--dims", "3", "-o", &path("out.parquet")];
        fails(&embed, "the file has vectors already");
        assert!(!Path::new(&path("out.parquet")).exists());
        embedlab().args(embed).arg("--replace").assert().success();
        let table = embedlab::table::read(path("out.parquet").as_ref(), &Default::default()).unwrap();
        assert_eq!((table.dims(), table.column_names()), (3, vec!["id", "text", "model"]));
        embedlab().args(embed).args(["--as", "lexical"]).assert().success().stderr(contains("--vector"));
        embedlab().args(["inspect", &path("out.parquet"), "--vector", "lexical"]).assert().success();
        fs::remove_file(path("out.parquet")).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_nothing_behind() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    // A FIFO that nobody writes to holds the run at its input, after the output was tried.
    let fifo = folder.path().join("in.csv");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::write(folder.path().join(".embedlab-left.tmp"), "by a run that was killed").unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_embedlab"))
        .args(["convert", "in.csv", "out.csv"])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Opening it waits until the run has opened it too.
    let _held = fs::File::options().write(true).open(&fifo).unwrap();
    assert!(Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap().success());
    let mut said = String::new();
    run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(143), "{said}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["in.csv"]);
}

#[test]
fn names_of_columns_cannot_steer_a_terminal_and_secrets_are_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let input = write(
        folder.path(),
        "a.csv",
        "\"a\u{1b}]0;x\u{7}\u{202e}b\",embedding\n1,\"[1, 2]\"\n2,\"[2, 1]\"\n",
    );
    let said = embedlab()
        .args(["search", &input, "--row", "0", "--where", "x=1"])
        .assert()
        .code(2)
        .get_output()
        .clone();
    let words = String::from_utf8(said.stderr).unwrap();
    assert!(words.contains("<1b>") && words.contains("<202e>"), "{words}");
    assert!(!words.contains('\u{1b}') && !words.contains('\u{202e}'), "{words:?}");
    let output = folder.path().join("out.csv").to_string_lossy().into_owned();
    let texts = write(folder.path(), "t.csv", "text\ntea\n");
    for (arguments, secret) in [
        (["--key-env", "sk-0123456789abcdefghij"], "0123456789abcdefghij"),
        (["--base-url", "ftp://user:PASS@h"], "PASS"),
        (["--base-url", "hxxp://h/?k=SESAME"], "SESAME"),
    ] {
        let all =
            [&["embed", &texts, "--model", "text-embedding-3-small", "-o", &output][..], &arguments].concat();
        let said = embedlab().args(all).assert().code(2).get_output().clone();
        let words = String::from_utf8(said.stderr).unwrap();
        assert!(!words.contains(secret), "{words}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stderr_does_not_change_the_exit_code() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_embedlab"))
        .args(["inspect", "no such file.csv"])
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
}
