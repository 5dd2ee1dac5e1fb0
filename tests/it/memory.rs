//! Memory is bounded by what a file holds, and what would not fit is refused before the work begins: exit code 3.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, FixedSizeListArray, Float32Array, Int32Array, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::record_batch::RecordBatch;
use embedlab::ErrorKind;
use embedlab::data::{Budget, Data, OpenOptions};
use embedlab::table::{self, ReadOptions, Table, read_without_vectors};
use ndarray::Array2;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

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
    embedlab().arg("inspect").arg(path).assert().code(3).stderr(predicates::str::contains("--memory"));
}

/// One text of so many bytes in all rows of a Parquet file, which are read as plain text, beside vectors.
fn repeated_text(path: &Path, bytes: usize, rows: usize) {
    let text = "a".repeat(bytes);
    let keys = Int32Array::from(vec![0; rows]);
    let texts = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(vec![text.as_str()])));
    let numbers = Float32Array::from_iter_values((0..2 * rows).map(|number| number as f32));
    let item = Arc::new(Field::new("item", DataType::Float32, false));
    let vectors = FixedSizeListArray::new(item, 2, Arc::new(numbers), None);
    let columns: [(&str, ArrayRef); 2] =
        [("text", Arc::new(texts.unwrap())), ("embedding", Arc::new(vectors))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .set_dictionary_page_size_limit(2 * bytes)
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new_with_options(file, batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_long_text_in_many_rows_of_a_parquet_file_is_in_memory_once_until_it_is_known_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    repeated_text(&path, 8 << 20, 1000);
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 16);
    // The first 64 rows alone would be half a gigabyte.
    let limited = format!("ulimit -v 900000; {} inspect x.parquet -j 1", env!("CARGO_BIN_EXE_embedlab"));
    let found =
        std::process::Command::new("sh").args(["-c", &limited]).current_dir(folder.path()).output().unwrap();
    let words = String::from_utf8_lossy(&found.stderr).into_owned();
    assert_eq!(found.status.code(), Some(3), "{words}");
    assert!(words.contains("x.parquet") && words.contains("--memory"), "{words}");
    repeated_text(&path, 1 << 10, 1000);
    let table = table::read(&path, &ReadOptions::default()).unwrap();
    assert_eq!(table.text("text").unwrap(), vec![Some("a".repeat(1 << 10)); 1000]);
    assert_eq!(table.column("text").unwrap().data_type(), &DataType::Utf8);
}

#[test]
fn a_table_of_thousands_of_columns_comes_back_from_parquet_with_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let columns = (0..1500).map(|column| {
        let cells = (0..3).map(|row| (row != 1).then_some(column * 10 + row));
        let array: ArrayRef = match column % 3 {
            0 => Arc::new(cells.collect::<Int32Array>()),
            1 => Arc::new(cells.map(|cell| cell.map(|cell| format!("text {cell}"))).collect::<StringArray>()),
            _ => Arc::new(cells.map(|cell| cell.map(|cell| cell as f32)).collect::<Float32Array>()),
        };
        (format!("column {column}"), array)
    });
    let columns = RecordBatch::try_from_iter(columns).unwrap();
    let vectors = Array2::from_shape_fn((3, 4), |(row, dim)| (row * 4 + dim) as f32);
    let table = Table::new(vectors, columns, "embedding").unwrap();
    let _ = table::write(&table, &path, &Default::default()).unwrap();
    let back = table::read(&path, &ReadOptions::default()).unwrap();
    assert_eq!((back.vectors(), back.columns()), (table.vectors(), table.columns()));
    let (rows, streamed) = table::stream_with_columns(&path, &ReadOptions::default()).unwrap();
    let again = folder.path().join("y.parquet");
    let _ = table::write_streamed(&streamed, &*rows, &again, &Default::default()).unwrap();
    let back = table::read(&again, &ReadOptions::default()).unwrap();
    assert_eq!((back.vectors(), back.columns()), (table.vectors(), table.columns()));
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
