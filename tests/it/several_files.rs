//! Several files are one table, in every command that reads one.

use std::path::Path;

use embedlab::data::{Data, OpenOptions};
use embedlab::rows::{RowSource, norms};
use embedlab::table::{self, Table};
use predicates::prelude::*;
use predicates::str::contains;

use crate::support::{SAMPLE, embedlab, json, write};

/// The sample in three files of uneven sizes; a selection of rows of one table for each.
fn pieces(folder: &Path, extension: &str) -> (Table, Vec<String>) {
    let whole = table::read(SAMPLE.as_ref(), &Default::default()).unwrap();
    let files = [0..100, 100..101, 101..660].into_iter().enumerate().map(|(at, rows)| {
        let path = folder.join(format!("{at}.{extension}"));
        let piece = whole.take(&rows.collect::<Vec<_>>()).unwrap();
        let _ = table::write(&piece, &path, &Default::default()).unwrap();
        path.to_string_lossy().into_owned()
    });
    let files = files.collect();
    (whole, files)
}

#[test]
fn several_files_give_what_one_file_of_all_rows_gives() {
    let folder = tempfile::tempdir().unwrap();
    let without = |mut found: serde_json::Value| {
        let fields = found.as_object_mut().unwrap();
        fields.retain(|name, _| !name.ends_with("seconds") && name != "file");
        found
    };
    for extension in ["parquet", "csv"] {
        let (_, files) = pieces(folder.path(), extension);
        for command in [
            &["cluster", "--k", "3"][..],
            &["check"],
            &["recommend"],
            &["regress", "--label", "Score", "--model", "ridge"],
            &["profile", "--by", "UserId"],
        ] {
            let of = |files: &[&str]| {
                json(embedlab().arg(command[0]).args(files).args(&command[1..]).args(["--json", "-q"]))
            };
            let parts: Vec<&str> = files.iter().map(String::as_str).collect();
            assert_eq!(without(of(&parts)), without(of(&[SAMPLE])), "{command:?} of {extension}");
        }
    }
}

#[test]
fn rows_of_several_files_are_streamed_in_order_and_know_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, files) = pieces(folder.path(), "parquet");
    let files: Vec<_> = files.iter().map(std::path::PathBuf::from).collect();
    let options = OpenOptions { stream: true, ..Default::default() };
    let streamed = Data::open_all(&files, &options).unwrap();
    assert!(streamed.is_streamed() && streamed.as_matrix().is_none());
    assert_eq!((streamed.n_rows(), streamed.dims()), (660, 384));
    assert_eq!(norms(&streamed).unwrap(), norms(&whole.vectors()).unwrap());
    assert_eq!(streamed.matrix().unwrap(), whole.vectors());
    assert_eq!(streamed.place(100), Some((files[1].as_path(), 0)));
    assert_eq!(streamed.place(659), Some((files[2].as_path(), 558)));
    assert_eq!(streamed.row_of_file(659), 659);
    // A folder of the same files is streamed, too.
    let parts = Data::open(folder.path(), &options).unwrap();
    assert!(parts.as_matrix().is_none());
    assert_eq!(norms(&parts).unwrap(), norms(&whole.vectors()).unwrap());
}

#[test]
fn a_search_of_several_files_names_the_file_and_an_error_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let (_, files) = pieces(folder.path(), "csv");
    let all = [&["neighbors"][..], &files.iter().map(String::as_str).collect::<Vec<_>>(), &["--row", "250"]]
        .concat();
    let found = json(embedlab().args(&all).args(["--json", "-q"]));
    let one = json(embedlab().args(["neighbors", SAMPLE, "--row", "250", "--json", "-q"]));
    for (hit, expected) in
        found["neighbors"].as_array().unwrap().iter().zip(one["neighbors"].as_array().unwrap())
    {
        assert_eq!((&hit["row"], &hit["distance"]), (&expected["row"], &expected["distance"]));
        let row = hit["row"].as_u64().unwrap();
        let (file, row) = if row < 100 {
            (0, row)
        } else if row < 101 {
            (1, row - 100)
        } else {
            (2, row - 101)
        };
        assert_eq!((&hit["file"], &hit["file_row"]), (&files[file].as_str().into(), &row.into()));
        assert!(expected.get("file").is_none());
    }
    embedlab().args(&all).assert().success().stdout(contains("row of the file"));

    let broken = write(folder.path(), "broken.csv", "text,embedding\na,\"[1, 2]\"\nb,\"[1, x]\"\n");
    let good = write(folder.path(), "good.csv", "text,embedding\na,\"[1, 2]\"\nb,\"[1, 3]\"\n");
    embedlab()
        .args(["cluster", &good, &broken])
        .assert()
        .code(2)
        .stderr(contains("broken.csv, row 1 (line 3)"));
    let other = write(folder.path(), "other.csv", "text,stars,embedding\na,5,\"[1, 2]\"\n");
    embedlab()
        .args(["check", &good, &other])
        .assert()
        .code(2)
        .stderr(contains("other.csv").and(contains("stars")));
    embedlab().args(["check", &good, "no_such.csv"]).assert().code(2).stderr(contains("no_such.csv"));
    // One of the inputs is no place for the rows of all.
    embedlab()
        .args(["cluster", &good, &good, "--k", "2", "-o", &good])
        .assert()
        .code(2)
        .stderr(contains("would replace an input"));
}

#[test]
fn an_error_about_all_files_names_them_all_and_one_about_a_file_names_that_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = write(folder.path(), "a.csv", "id,embedding\n1,\"[0.5, 1]\"\n");
    let second = write(folder.path(), "b.csv", "id,embedding\n2,\"[1, 0.5]\"\n");
    let fails = |command: &[&str], place: String| {
        let arguments = [&command[..1], &[first.as_str(), &second], &command[1..]].concat();
        embedlab().args(arguments).assert().code(2).stderr(contains(format!("error: {place}")));
    };
    let both = format!("{first}, {second}");
    fails(&["classify", "--label", "none"], format!("{both}, column none: "));
    fails(&["cluster", "--where", "none = 1"], both.clone());
    fails(&["classify", "--label", "id"], both);
    let other = write(folder.path(), "c.csv", "id,embedding\n3,\"[1, 1]\"\n4,\"[1, oops]\"\n");
    embedlab()
        .args(["cluster", &first, &other, "--k", "1"])
        .assert()
        .code(2)
        .stderr(contains(format!("error: {other}, row 1")));
}

#[test]
fn a_command_whose_second_argument_is_something_else_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_, files) = pieces(folder.path(), "parquet");
    let pattern = folder.path().join("*.parquet").to_string_lossy().into_owned();
    let found = json(embedlab().args(["search", &pattern, "--row", "3", "--json", "-q"]));
    assert_eq!(found["rows"], 660);
    for command in ["search", "drift", "convert"] {
        embedlab()
            .args([command, &files[0], &files[1], &files[2]])
            .assert()
            .code(2)
            .stderr(contains("unexpected argument"));
    }
    embedlab()
        .args(["tokens", &files[0], &files[1], "--text", "Text", "--no-cache", "-q"])
        .assert()
        .success();
}
