//! Memory is bounded by what a file holds, and what would not fit is refused before the work begins: exit code 3.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use arrow::array::{DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::record_batch::RecordBatch;
use embedlab::ErrorKind;
use embedlab::data::{Budget, Data, OpenOptions};
use embedlab::table::{self, ReadOptions, Table, read_without_vectors};
use ndarray::Array2;

use crate::support::{SAMPLE, embedlab, root, write};

fn rows(n: usize, dims: usize) -> Table {
    Table::from_vectors(Array2::from_shape_fn((n, dims), |(i, j)| {
        ((i * 31 + j * 17) % 101) as f32 / 101.0 - 0.5
    }))
}

fn written(folder: &Path, name: &str, table: &Table) -> String {
    let path = folder.join(name);
    let _ = table::write(table, &path, &Default::default()).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn rows_of_every_format_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = rows(20_000, 32);
    for name in ["x.csv", "x.tsv", "x.jsonl", "x.parquet", "x.arrow", "x.npy", "x.npz", "x.safetensors"] {
        let path = written(folder.path(), name, &table);
        let open = |memory| Data::open(path.as_ref(), &OpenOptions { memory, ..Default::default() });
        let error = open(Budget::bytes(1 << 20)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Memory, "{name}: {error}");
        assert!(error.to_string().contains("--memory"), "{error}");
        assert_eq!(open(Budget::bytes(64 << 20)).unwrap().table().n_rows(), 20_000, "{name}");
    }
}

#[test]
fn commands_that_need_all_rows_exit_with_3() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["classify", "regress", "outliers", "evaluate", "train"] {
        let mut run = embedlab();
        run.args([command, SAMPLE, "--memory", "500K"]);
        if command == "train" {
            run.args(["--label", "Score", "-o"]).arg(folder.path().join("model.safetensors"));
        }
        run.assert().code(3).stderr(predicates::str::contains("memory"));
    }
}

#[test]
fn work_that_does_not_fit_beside_the_rows_is_refused_before_it_begins() {
    // The program takes 64 MB, the rows 1.0 MB.
    let run =
        |memory: &str| embedlab().args(["classify", SAMPLE, "--label", "Score", "--memory", memory]).assert();
    run("65100K").code(3).stderr(predicates::str::contains("classify does not fit in memory"));
    run("128M").success();
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/cases")]
fn text_that_unpacks_to_gigabytes_is_refused_with_the_way_out() {
    let path = root().join("../shared/cases/hostile/text_bomb.parquet");
    let error = read_without_vectors(&path, &ReadOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Memory, "compressed-too-far"), "{error}");
    assert!(error.to_string().contains("--memory"), "{error}");
}

#[test]
fn a_dictionary_of_one_long_text_in_many_rows_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.arrow");
    let long = "x".repeat(1 << 20);
    let keys = Int32Array::from(vec![0; 20_000]);
    let texts = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(vec![long.as_str()])))
        .unwrap();
    let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let schema = Arc::new(Schema::new(vec![Field::new("text", kind, false)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(texts)]).unwrap();
    let mut writer =
        arrow::ipc::writer::FileWriter::try_new(std::fs::File::create(&path).unwrap(), &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let memory = Budget::bytes(1 << 30);
    let error = read_without_vectors(&path, &ReadOptions { memory, ..Default::default() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Memory, "{error}");
}

#[test]
fn an_archive_that_unpacks_to_gigabytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    archive.start_file("embedding.npy", zip::write::SimpleFileOptions::default()).unwrap();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 256), }}\n", 300 << 10);
    let mut head = b"\x93NUMPY\x01\x00".to_vec();
    head.extend((header.len() as u16).to_le_bytes());
    head.extend(header.as_bytes());
    std::io::Write::write_all(&mut archive, &head).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(300 << 20), &mut archive).unwrap();
    archive.finish().unwrap();
    let error = table::read(&path, &ReadOptions::default()).unwrap_err();
    assert_eq!(error.code(), "compressed-too-far", "{error}");
    let memory = Budget::bytes(2 << 30);
    assert_eq!(
        table::read(&path, &ReadOptions { memory, ..Default::default() }).unwrap().n_rows(),
        300 << 10
    );
}

#[test]
fn a_device_without_end_is_no_input() {
    for arguments in [
        &["predict", "/dev/zero", SAMPLE][..],
        &["embed", SAMPLE, "--models", "/dev/zero", "--model", "x", "-o", "x.csv"],
    ] {
        embedlab()
            .args(arguments)
            .assert()
            .code(3)
            .stderr(predicates::str::contains("does not fit in memory"));
    }
}

/// What the test does not read of the output keeps the command waiting with the file mapped.
#[test]
fn a_mapped_file_that_becomes_shorter_ends_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "x.npy", &rows(40_000, 64));
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("embedlab"));
    command.args(["convert", &path, "-"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 100]).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(4096).unwrap();
    std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    let found = child.wait_with_output().unwrap();
    let words = String::from_utf8(found.stderr).unwrap();
    assert!(words.contains("error: a file has changed while it was read"), "{words}");
    assert_eq!(found.status.code(), Some(2));
}

#[test]
fn many_columns_and_many_keys_take_time_and_memory_of_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..60_000).map(|column| format!("c{column}")).collect();
    let cells = vec!["1"; names.len()].join(",");
    let text = format!("{},embedding\n{cells},\"[1, 2]\"\n{cells},\"[2, 1]\"\n", names.join(","));
    let path = write(folder.path(), "wide.csv", text);
    let started = std::time::Instant::now();
    embedlab().args(["inspect", &path, "--json"]).assert().success();
    embedlab().args(["check", &path]).assert().success();
    // Times for the square of the columns were minutes.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    let keys = |row: usize| {
        let key = |at: usize| format!("\"k{}\":{at}", (at * 7919 + row * 31) % 2003);
        format!("{{\"embedding\":[1,2],{}}}\n", (0..2003).map(key).collect::<Vec<_>>().join(","))
    };
    let path = write(folder.path(), "keys.jsonl", (0..300).map(keys).collect::<String>());
    assert_eq!(table::read(path.as_ref(), &Default::default()).unwrap().column_names().len(), 2003);
}
