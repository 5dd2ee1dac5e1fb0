//! Each kind of bad input ends with exit code 2 and one message: where, what was seen, what to do;
//! and nothing is written.

use std::path::{Path, PathBuf};

use crate::support::{SAMPLE, embedlab};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Converts the file and expects a refusal that says all of this and leaves nothing behind.
#[track_caller]
fn refused(folder: &Folder, file: &Path, options: &[&str], says: &[&str]) {
    let before = folder.names();
    let out = folder.0.path().join("out.parquet");
    let run = embedlab().arg("convert").arg(file).arg(&out).args(options).output().unwrap();
    let message = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    for part in says {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
    assert!(message.contains("; ") || message.contains("did you mean"), "nothing to do next in: {message}");
    assert_eq!(folder.names(), before, "something was written");
}

#[test]
fn an_empty_file() {
    let folder = Folder::new();
    let file = folder.file("empty.csv", "");
    refused(&folder, &file, &[], &["empty.csv", "empty"]);
}

#[test]
fn a_header_without_rows() {
    let folder = Folder::new();
    let file = folder.file("rows.csv", "id,embedding\n");
    refused(&folder, &file, &[], &["rows.csv", "no rows"]);
}

#[test]
fn a_column_that_is_not_there() {
    let folder = Folder::new();
    let file = folder.file("rows.csv", "id,embedding\na,\"[1, 2]\"\n");
    refused(&folder, &file, &["--vector", "embeding"], &["rows.csv", "embeding", "embedding"]);
}

#[test]
fn two_vector_columns() {
    let folder = Folder::new();
    let file = folder.file("rows.csv", "a,b\n\"[1, 2]\",\"[3, 4]\"\n");
    refused(&folder, &file, &[], &["rows.csv", "a, b", "--vector"]);
}

#[test]
fn a_ragged_vector() {
    let folder = Folder::new();
    let file = folder.file("rows.csv", "id,embedding\n\"two\nlines\",\"[1, 2, 3]\"\nb,\"[1, 2]\"\n");
    refused(&folder, &file, &[], &["rows.csv", "row 1 (line 4)", "column embedding", "2 numbers", "3"]);
}

#[test]
fn words_and_numbers_that_are_not_finite_inside_a_vector() {
    for (cell, seen) in
        [("[1, oops]", "oops"), ("[1, NaN]", "NaN"), ("[1, -inf]", "inf"), ("[1, Infinity]", "nf")]
    {
        let folder = Folder::new();
        let file = folder.file("rows.csv", format!("id,embedding\na,\"[1, 2]\"\nb,\"{cell}\"\n"));
        refused(&folder, &file, &[], &["rows.csv", "row 1 (line 3)", "column embedding", seen]);
    }
}

#[test]
fn invalid_utf_8_and_latin_1() {
    let folder = Folder::new();
    let file = folder.file("rows.csv", b"name,embedding\nCaf\xe9,\"[1, 2]\"\n");
    refused(&folder, &file, &[], &["rows.csv", "row 0", "column name", "--encoding latin1"]);
    embedlab()
        .args(["inspect", "--encoding", "latin1"])
        .arg(&file)
        .assert()
        .success()
        .stdout(predicates::str::contains("Café"));
}

#[test]
fn a_truncated_parquet_file() {
    let folder = Folder::new();
    let whole = std::fs::read(SAMPLE).unwrap();
    let file = folder.file("rows.parquet", &whole[..whole.len() / 2]);
    refused(&folder, &file, &[], &["rows.parquet"]);
}

#[test]
fn a_npy_file_whose_header_lies() {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999, 1536), }";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend([0; 64]);
    let folder = Folder::new();
    let file = folder.file("rows.npy", bytes);
    refused(&folder, &file, &[], &["rows.npy"]);
}

#[test]
fn a_git_lfs_pointer() {
    let folder = Folder::new();
    let file =
        folder.file("rows.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n");
    refused(&folder, &file, &[], &["rows.parquet", "git lfs pull"]);
}

#[test]
fn a_sidecar_of_other_rows() {
    let folder = Folder::new();
    let vectors = folder.file("vectors.csv", "embedding\n\"[1, 2]\"\n\"[3, 4]\"\n");
    let npy = folder.0.path().join("vectors.npy");
    embedlab().arg("convert").args([&vectors, &npy]).assert().success();
    let sidecar = folder.file("rows.csv", "name\na\nb\nc\n");
    refused(&folder, &npy, &["--sidecar", sidecar.to_str().unwrap()], &["2", "3", "sidecar"]);
}

#[test]
fn a_disk_that_is_full() {
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: needs a limit on the size of files");
        return;
    }
    let folder = Folder::new();
    let kept = folder.file("kept.csv", "precious");
    let binary = assert_cmd::cargo::cargo_bin("embedlab");
    // Writing fails after 8 kB, as on a disk that is full.
    let script =
        format!("trap '' XFSZ; ulimit -f 8; '{}' convert '{SAMPLE}' '{}'", binary.display(), kept.display());
    let run = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    let message = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{message}");
    assert!(message.contains("cannot write") && message.contains("kept.csv"), "{message}");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "precious");
    assert_eq!(folder.names(), ["kept.csv"]);
}

#[test]
fn a_row_that_is_wrong_after_others_are_dropped_is_named_as_in_the_file() {
    let folder = Folder::new();
    let rows = b"text,stars,weight,embedding\na,,1,\"[1, 0]\"\nb,2,1,\"[0, 1]\"\n,,1,\"[1, 1]\"\nd,4,,\"[2, 1]\"\ne,4,1,\"[2, 3]\"\n";
    let file = folder.file("rows.csv", rows);
    embedlab()
        .args(["regress", "--label", "stars", "--drop-missing", "--weight", "weight"])
        .arg(&file)
        .assert()
        .code(2)
        .stderr(predicates::str::contains("rows.csv, row 3, column weight: a row without a number"));
}
