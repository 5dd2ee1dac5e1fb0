//! Text, Arrow, NumPy archives and safetensors that are larger than the memory: they are passed over in blocks as Parquet is.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use embedlab::data::Budget;
use embedlab::table::{self, ReadOptions, Table};
use ndarray::Array2;
use serde_json::Value;

use crate::scale::{large, peak};
use crate::support::{embedlab, json, read_both_ways, write};

/// 135 MB of vectors.
const ROWS: usize = 66_000;
const DIMS: usize = 512;

/// What each command may take, in MB: less than the vectors.
const MEMORY: &str = "125M";

struct Large {
    folder: tempfile::TempDir,
}

static LARGE: LazyLock<Large> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let table = large(ROWS, DIMS);
    for name in ["x.arrow", "x.npz", "x.safetensors", "x.npy"] {
        let _ = table::write(&table, &folder.path().join(name), &Default::default()).unwrap();
    }
    // Vectors as base64: as long as numbers in text, and quicker to read without optimisation.
    let mut csv = std::io::BufWriter::new(std::fs::File::create(folder.path().join("x.csv")).unwrap());
    let lines = std::fs::File::create(folder.path().join("x.jsonl.zst")).unwrap();
    let mut lines = zstd::Encoder::new(lines, 1).unwrap();
    writeln!(csv, "Text,Kind,Score,embedding").unwrap();
    let (texts, kinds) = (table.text("Text").unwrap(), table.text("Kind").unwrap());
    for (row, vector) in table.vectors().rows().into_iter().enumerate() {
        let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        let (text, kind, cell) =
            (texts[row].as_deref().unwrap(), kinds[row].as_deref().unwrap(), STANDARD.encode(bytes));
        writeln!(csv, "{text},{kind},{},{cell}", row % 5).unwrap();
        writeln!(lines, "{{\"Text\":\"{text}\",\"Kind\":\"{kind}\",\"embedding\":\"{cell}\"}}").unwrap();
    }
    csv.flush().unwrap();
    lines.finish().unwrap();
    Large { folder }
});

fn file(name: &str) -> String {
    LARGE.folder.path().join(name).to_string_lossy().into_owned()
}

#[test]
#[cfg(target_os = "linux")]
fn every_format_keeps_to_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (csv, lines, out, some) = (file("x.csv"), file("x.jsonl.zst"), at("out.parquet"), at("some.csv"));
    let [arrow, npz, tensors, npy] = ["x.arrow", "x.npz", "x.safetensors", "x.npy"].map(file);
    let cluster = ["-k", "5", "--n-init", "2"];
    let commands: Vec<Vec<&str>> = vec![
        [&["cluster", &csv][..], &cluster].concat(),
        vec!["check", &csv],
        vec!["profile", &csv, "--by", "Kind"],
        vec!["convert", &csv, &out, "--drop-missing"],
        vec!["convert", &csv, &some, "--sample", "500"],
        vec!["search", &lines, "--row", "17"],
        vec!["evaluate", &lines],
        vec!["inspect", &arrow],
        [&["cluster", &arrow][..], &cluster].concat(),
        vec!["profile", &arrow, "--by", "Kind", "--drop-missing"],
        [&["cluster", &npz][..], &cluster].concat(),
        vec!["search", &npz, "--row", "17"],
        [&["cluster", &tensors][..], &cluster].concat(),
        vec!["neighbors", &tensors, "--row", "17"],
        [&["cluster", &npy][..], &cluster].concat(),
        vec!["duplicates", &npy, "--exact-only"],
    ];
    let most_allowed = MEMORY.trim_end_matches('M').parse::<u64>().unwrap();
    let mut over = Vec::new();
    for mut command in commands {
        command.extend(["--memory", MEMORY]);
        let (said, success, most) = peak(&command);
        eprintln!("{most} MB of {MEMORY}: embedlab {}", command.join(" "));
        if !success || most > most_allowed {
            over.push(format!("{command:?}: {most} MB\n{}", said.chars().take(600).collect::<String>()));
        }
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
    assert_eq!(json(embedlab().args(["inspect", &out, "--json"]))["rows"], ROWS);
    assert_eq!(json(embedlab().args(["inspect", &some, "--json"]))["rows"], 500);
}

#[test]
fn a_text_that_does_not_fit_gives_the_vectors_of_one_that_does() {
    let whole = table::read(file("x.safetensors").as_ref(), &Default::default()).unwrap();
    let options = ReadOptions { memory: Budget::bytes(40 << 20), ..Default::default() };
    for name in ["x.csv", "x.jsonl.zst", "x.arrow", "x.npz"] {
        let (rows, columns) = table::stream_with_columns(file(name).as_ref(), &options).unwrap();
        assert!(rows.as_matrix().is_none(), "{name}");
        assert_eq!((rows.n_rows(), rows.dims(), columns.n_rows()), (ROWS, DIMS, ROWS));
        for _ in 0..2 {
            let mut first = 0;
            for chunk in rows.chunks(2048).unwrap() {
                let chunk = chunk.unwrap();
                let expected = whole.vectors();
                let expected = expected.slice(ndarray::s![first..first + chunk.nrows(), ..]);
                assert_eq!(chunk, expected, "{name}: {first}");
                first += chunk.nrows();
            }
            assert_eq!(first, ROWS);
        }
    }
}

#[test]
fn the_plan_of_a_text_says_its_temporary_file_and_none_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut run = embedlab();
        run.env("TMPDIR", folder.path()).args(arguments).args([&file("x.csv"), "--memory", MEMORY]);
        run
    };
    let plan = json(run(&["profile", "--plan", "--json"]).env("COLUMNS", "200"));
    let vectors = 4 * (ROWS * DIMS) as u64;
    let temporary = plan["temporary_bytes"].as_u64().unwrap();
    assert!(temporary.abs_diff(vectors) < vectors / 20, "{plan}");
    let text = std::fs::metadata(file("x.csv")).unwrap().len();
    let passes = plan["passes"].as_u64().unwrap();
    assert_eq!(plan["bytes_read"].as_u64(), Some(text + passes * temporary), "{plan}");
    assert_eq!((&plan["fits"], &plan["read_whole"]), (&Value::Bool(true), &Value::Bool(false)));
    run(&["profile", "--plan"]).assert().success().stdout(predicates::str::contains("parsed once"));
    run(&["check"]).assert().success();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    // Without a place for it the run ends in words.
    let nowhere = folder.path().join("nowhere");
    run(&["check"])
        .env("TMPDIR", &nowhere)
        .assert()
        .failure()
        .stderr(predicates::str::contains("temporary file"))
        .stderr(predicates::str::contains("nowhere"));
}

#[test]
fn a_text_through_a_pipe_is_read_in_blocks_too() {
    let mut run = std::process::Command::new(assert_cmd::cargo::cargo_bin("embedlab"));
    let run = run.args(["check", "-", "--memory", MEMORY, "--json"]);
    let child = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut csv) = (child.stdin.as_ref().unwrap(), std::fs::File::open(file("x.csv")).unwrap());
    std::io::copy(&mut csv, &mut input).unwrap();
    let mut child = child;
    drop(child.stdin.take());
    let found = child.wait_with_output().unwrap();
    assert!(found.status.success());
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["rows"], ROWS);
}

/// Rows with columns; every seventh has no vector, and one a vector of another length.
fn with_faults(folder: &Path) -> Vec<String> {
    let (mut csv, mut lines) = (String::from("id,word,embedding\n"), String::new());
    for row in 0..3000 {
        let vector = match row {
            1234 => "[1, 2]".to_owned(),
            row if row % 7 == 3 => String::new(),
            row => format!("[{}, 0.5, -{row}]", row as f32 / 8.0),
        };
        csv += &format!("{row},w{row},\"{vector}\"\n");
        let value = if vector.is_empty() { "null" } else { &vector };
        lines += &format!("{{\"id\":{row},\"embedding\":{value}}}\n");
    }
    vec![write(folder, "a.csv", csv), write(folder, "b.jsonl", lines)]
}

#[test]
fn rows_without_a_vector_are_left_out_in_blocks_as_they_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    for path in with_faults(folder.path()) {
        let drops = ReadOptions { drop_missing: true, ..Default::default() };
        let table = read_both_ways(path.as_ref(), &drops).unwrap();
        assert_eq!(table.left_out(), 429 + 1);
        assert_eq!(table.origin().overall(3), 4);
        let error = read_both_ways(path.as_ref(), &Default::default()).unwrap_err();
        assert!(error.to_string().contains("row 3"), "{error}");
    }
}

#[test]
fn several_texts_go_into_one_temporary_file_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let rows = Array2::from_shape_fn((9000, 16), |(i, j)| ((i * 31 + j * 7) % 1009) as f32 / 8.0);
    let all = Table::from_vectors(rows);
    let mut files = Vec::new();
    for (at, name) in ["a.csv", "b.parquet", "c.jsonl", "d.npy", "e.csv"].into_iter().enumerate() {
        let path = folder.path().join(name);
        let part = all.take(&(at * 1800..(at + 1) * 1800).collect::<Vec<_>>()).unwrap();
        let _ = table::write(&part, &path, &Default::default()).unwrap();
        files.push(path);
    }
    for memory in [Budget::default(), Budget::bytes(300_000), Budget::bytes(1 << 20)] {
        let options = ReadOptions { memory, ..Default::default() };
        let (rows, columns) = table::stream_all_with_columns(&files, &options).unwrap();
        assert_eq!((rows.n_rows(), columns.n_rows(), columns.origin().files().len()), (9000, 9000, 5));
        let mut first = 0;
        for chunk in rows.chunks(1).unwrap() {
            let chunk = chunk.unwrap();
            let expected = all.vectors();
            assert_eq!(chunk, expected.slice(ndarray::s![first..first + chunk.nrows(), ..]));
            first += chunk.nrows();
        }
        assert_eq!(first, 9000);
    }
}

#[test]
fn a_packed_array_is_unpacked_into_a_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let rows = Array2::from_shape_fn((3000, 16), |(i, j)| (i * 31 + j * 7) as f32 / 8.0);
    let plain = folder.path().join("x.npy");
    let _ = table::write(&Table::from_vectors(rows.clone()), &plain, &Default::default()).unwrap();
    let packed = folder.path().join("x.npz");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&packed).unwrap());
    archive.start_file("embedding.npy", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(&std::fs::read(&plain).unwrap()).unwrap();
    archive.finish().unwrap();
    assert_eq!(read_both_ways(&packed, &Default::default()).unwrap().vectors(), rows);
    let extent =
        table::extent(&[packed], &ReadOptions { memory: Budget::bytes(100_000), ..Default::default() });
    assert_eq!(extent.unwrap().temporary_bytes, 3000 * 16 * 4);
}
