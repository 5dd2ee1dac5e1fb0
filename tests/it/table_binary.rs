//! Files of other programs are read to the last bit, faults are named, and what is written comes back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, new_null_array,
};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use embedlab::rows::LEAF_ROWS;
use embedlab::table::{
    self, Format, ReadOptions, Table, VectorLayout, WriteOptions, check_rows, read_columns, stream, write,
};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use crate::support::{read_both_ways as read, shared_data};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tables").join(name)
}

fn fixtures(extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(fixture(""))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            !["broken", "refused", "sidecar", "two"].iter().any(|start| name.starts_with(start))
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn vectors() -> Array2<f32> {
    let rows: Vec<Vec<f32>> =
        serde_json::from_slice(&std::fs::read(fixture("vectors.json")).unwrap()).unwrap();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn bits(matrix: ArrayView2<'_, f32>) -> Vec<u32> {
    matrix.iter().map(|x| x.to_bits()).collect()
}

fn default() -> ReadOptions {
    ReadOptions::default()
}

fn message(name: &str) -> String {
    let error = read(&fixture(name), &default()).expect_err(name).to_string();
    error.split_once(name).map(|(_, rest)| rest.to_owned()).unwrap_or(error)
}

#[test]
fn every_parquet_and_arrow_file_of_pyarrow_gives_the_same_table() {
    for path in [fixtures("parquet"), fixtures("arrow")].concat() {
        let table = read(&path, &default()).unwrap();
        assert_eq!(bits(table.vectors()), bits(vectors().view()), "{path:?}");
        let name = if path.file_stem().unwrap() == "spread" { "emb" } else { "embedding" };
        assert_eq!(table.vector_column(), name);
        assert_eq!(table.column_names(), ["text", "score", "label"], "{path:?}");
        let text = table.text("text").unwrap();
        assert_eq!(text[0].as_deref(), Some("text 0, \"quoted\"\nü"), "{path:?}");
        assert_eq!(text[4], None);
        assert_eq!(table.numbers("score").unwrap()[..3], [Some(1.0), Some(2.0), None]);
        assert_eq!(table.labels("label").unwrap().names, ["blue", "green", "red"]);
    }
}

#[test]
fn every_file_is_streamed_to_the_same_rows() {
    let mut paths = [fixtures("parquet"), fixtures("arrow"), fixtures("npy")].concat();
    paths.extend([fixture("hub"), fixture("mteb"), fixture("f16.safetensors"), fixture("stored.npz")]);
    for path in paths {
        let table = read(&path, &default()).unwrap();
        let source = stream(&path, &default()).unwrap();
        assert_eq!((source.n_rows(), source.dims()), (table.n_rows(), table.dims()), "{path:?}");
        if let Some(matrix) = source.as_matrix() {
            assert_eq!(bits(matrix), bits(table.vectors()), "{path:?}");
        }
        let chunks: Vec<Array2<f32>> = source.chunks(1).unwrap().map(Result::unwrap).collect();
        let views: Vec<_> = chunks.iter().map(|chunk| chunk.view()).collect();
        assert_eq!(bits(concatenate(Axis(0), &views).unwrap().view()), bits(table.vectors()), "{path:?}");
    }
}

#[test]
fn a_missing_ragged_or_broken_vector_names_its_row() {
    for kind in ["parquet", "arrow"] {
        for (name, expected) in [
            ("null_row", ", row 8, column embedding: no vector: null or empty"),
            ("null_fixed", ", row 8, column embedding: no vector: null or empty"),
            ("empty_row", ", row 8, column embedding: no vector: null or empty"),
            ("null_first", ", row 0, column embedding: no vector: null or empty"),
            ("null_number", ", row 8, column embedding: a number is missing: null in dimension 3"),
            ("short_row", ", row 8, column embedding: a vector of different length: 4 numbers where 5"),
            ("long_row", ", row 8, column embedding: a vector of different length: 6 numbers where 5"),
            ("compensated", ", row 8, column embedding: a vector of different length: 4 numbers where 5"),
            ("nan", ", row 8, column embedding: vectors must be finite: NaN in dimension 4"),
        ] {
            let name = format!("broken_{name}.{kind}");
            let message = message(&name);
            assert!(message.starts_with(expected), "{name}: {message}");
            let streamed = stream(&fixture(&name), &default())
                .and_then(|source| source.chunks(1)?.collect::<Result<Vec<_>, _>>().map(|_| ()));
            let streamed = streamed.unwrap_err().to_string();
            assert!(streamed.contains(expected), "{name} streamed: {streamed}");
        }
    }
}

#[test]
fn a_check_counts_what_reading_refuses() {
    let options = ReadOptions { allow_non_finite: true, ..default() };
    for name in ["broken_nan.parquet", "broken_nan.arrow", "refused_nan.npy"] {
        let checked = check_rows(&read(&fixture(name), &options).unwrap().vectors()).unwrap();
        let streamed = check_rows(stream(&fixture(name), &options).unwrap().as_ref()).unwrap();
        assert_eq!(checked, streamed, "{name}");
        assert_eq!((checked.nan_rows, checked.problems[0].rows.as_slice()), (1, [8].as_slice()), "{name}");
    }
}

#[test]
fn every_array_of_numpy_gives_the_same_vectors() {
    for path in fixtures("npy") {
        let table = read(&path, &default()).unwrap();
        assert_eq!(bits(table.vectors()), bits(vectors().view()), "{path:?}");
        assert!(table.column_names().is_empty());
    }
    assert!(stream(&fixture("f4.npy"), &default()).unwrap().as_matrix().is_some());
    assert!(stream(&fixture("fortran.npy"), &default()).unwrap().as_matrix().is_none());
}

#[test]
fn arrays_that_are_no_vectors_are_refused_with_advice() {
    assert!(message("refused_i1.npy").contains("array.astype('float32')"));
    assert!(message("refused_1d.npy").contains("array.reshape(rows, -1)"));
    let nan = message("refused_nan.npy");
    assert!(nan.starts_with(", row 8: vectors must be finite: NaN in dimension 3"), "{nan}");
    assert!(message("two.npz").contains("several arrays hold vectors: a, b; choose one with --vector"));
}

#[test]
fn a_sidecar_gives_an_array_its_columns() {
    let options = ReadOptions { sidecar: Some(fixture("sidecar.parquet")), ..default() };
    let table = read(&fixture("f4.npy"), &options).unwrap();
    assert_eq!(table.column_names(), ["text", "score", "label"]);
    let error = read(&fixture("mteb"), &options).unwrap_err().to_string();
    assert!(error.contains("11 rows for 4 vectors"), "{error}");
}

#[test]
fn archives_give_vectors_and_columns() {
    for name in ["stored.npz", "packed.npz"] {
        let table = read(&fixture(name), &default()).unwrap();
        assert_eq!(bits(table.vectors()), bits(vectors().view()), "{name}");
        assert_eq!(table.vector_column(), "embeddings");
        assert_eq!(table.column_names(), ["ids", "score", "label", "flag"]);
        assert_eq!(table.column("ids").unwrap().as_primitive::<Int64Type>().value(10), 110);
        assert_eq!(table.text("label").unwrap()[1].as_deref(), Some("green"));
    }
    assert_eq!(read(&fixture("positional.npz"), &default()).unwrap().vector_column(), "arr_0");
    let options = ReadOptions { vector: Some("b".into()), ..default() };
    assert_eq!(read(&fixture("two.npz"), &options).unwrap().dims(), 2);
}

#[test]
fn tensors_of_every_width_give_the_same_vectors() {
    for name in ["bf16", "f16", "f32", "f64"] {
        let table = read(&fixture(&format!("{name}.safetensors")), &default()).unwrap();
        assert_eq!(bits(table.vectors()), bits(vectors().view()), "{name}");
        let ids: &[&str] = if name == "bf16" { &[] } else { &["ids"] };
        assert_eq!(table.column_names(), ids, "{name}");
    }
}

#[test]
fn a_dataset_folder_is_read_in_the_order_of_its_names_with_its_splits() {
    let table = read(&fixture("hub"), &default()).unwrap();
    let whole = vectors();
    let expected = concatenate(Axis(0), &[whole.slice(s![8.., ..]), whole.slice(s![..8, ..])]).unwrap();
    assert_eq!(bits(table.vectors()), bits(expected.view()));
    assert_eq!(table.column_names(), ["text", "score", "label", "split"]);
    let splits = table.text("split").unwrap();
    assert_eq!((splits[2].as_deref(), splits[3].as_deref()), (Some("test"), Some("train")));
    assert_eq!(read_columns(&fixture("hub"), &default()).unwrap().num_columns(), 5);
    let message = message("disagreeing");
    assert!(message.contains("b.parquet: the columns are not those of the first file"), "{message}");
}

#[test]
fn a_cache_of_mteb_gives_only_the_rows_of_its_index() {
    for path in [fixture("mteb"), fixture("mteb").join("vectors.npy")] {
        let table = read(&path, &default()).unwrap();
        assert_eq!(bits(table.vectors()), bits(vectors().select(Axis(0), &[3, 0, 9, 1]).view()));
        assert_eq!(table.column_names(), ["sha256"]);
        assert_eq!(table.text("sha256").unwrap()[0].as_ref().unwrap().len(), 64);
    }
}

/// Columns of several types, with and without empty cells, beside vectors with every kind of number.
fn original(rows: usize, dims: usize) -> Table {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        loop {
            let x = f32::from_bits(state);
            if x.is_finite() {
                return x;
            }
            state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        }
    };
    let vectors = Array2::from_shape_simple_fn((rows, dims), &mut next);
    let texts = (0..rows).map(|i| (i % 5 != 1).then(|| format!("a, \"b\"\n{i}\té")));
    let columns: [(&str, ArrayRef); 5] = [
        ("text", Arc::new(StringArray::from_iter(texts))),
        ("label", Arc::new(StringArray::from_iter_values((0..rows).map(|i| format!("l{}", i % 3))))),
        ("score", Arc::new(Int64Array::from_iter((0..rows).map(|i| (i % 7 != 2).then_some(i as i64 - 3))))),
        ("id", Arc::new(Int64Array::from_iter_values((0..rows).map(|i| i as i64)))),
        ("weight", Arc::new(Float64Array::from_iter_values((0..rows).map(|i| i as f64 / 3.0 + 0.1)))),
    ];
    Table::new(vectors, RecordBatch::try_from_iter(columns).unwrap(), "ada_embedding").unwrap()
}

#[test]
fn what_is_written_comes_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let table = original(700, 3);
    for extension in ["csv", "tsv", "jsonl", "parquet", "arrow", "npy", "npz", "safetensors"] {
        for layout in [VectorLayout::FixedSizeList, VectorLayout::List] {
            let path = folder.path().join(format!("table.{extension}"));
            let written = write(&table, &path, &WriteOptions { layout, ..Default::default() }).unwrap();
            let back = read(&path, &default()).unwrap();
            assert_eq!(bits(back.vectors()), bits(table.vectors()), "{extension}");
            let dropped: &[&str] = match extension {
                "npy" => &["text", "label", "score", "id", "weight"],
                "npz" => &["text", "score"],
                "safetensors" => &["text", "label", "score"],
                _ => &[],
            };
            assert_eq!(written.dropped_columns, dropped, "{extension}");
            let kept: Vec<&str> =
                table.column_names().into_iter().filter(|name| !dropped.contains(name)).collect();
            assert_eq!(back.column_names(), kept, "{extension}");
            for name in kept {
                assert_eq!(back.text(name).unwrap(), table.text(name).unwrap(), "{extension} {name}");
            }
            let name = if extension == "npy" { "embedding" } else { "ada_embedding" };
            assert_eq!(back.vector_column(), name);
        }
    }
}

#[test]
fn truth_values_and_columns_without_a_value_are_written_too() {
    let folder = tempfile::tempdir().unwrap();
    let columns: [(&str, ArrayRef); 2] = [
        ("flag", Arc::new(BooleanArray::from(vec![true, false]))),
        ("empty", new_null_array(&DataType::Utf8, 2)),
    ];
    let columns = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap();
    let table = Table::new(ndarray::array![[1.0, 2.0], [3.0, 4.0]], columns, "v").unwrap();
    for extension in ["csv", "jsonl", "parquet", "arrow", "npz", "safetensors"] {
        let path = folder.path().join(format!("table.{extension}"));
        let written = write(&table, &path, &Default::default()).unwrap();
        let back = read(&path, &default()).unwrap();
        assert_eq!(bits(back.vectors()), bits(table.vectors()), "{extension}");
        assert_eq!(back.text("flag").unwrap(), table.text("flag").unwrap(), "{extension}");
        let dropped = matches!(extension, "npz" | "safetensors");
        assert_eq!(written.dropped_columns.len(), usize::from(dropped), "{extension}");
    }
}

#[test]
fn many_pages_and_row_groups_are_read_and_streamed_to_the_same_bits_by_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.parquet");
    let table = original(2 * LEAF_ROWS + 123, 1021);
    let _ = write(&table, &path, &Default::default()).unwrap();
    for threads in [1, 2, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let back = pool.install(|| read(&path, &default())).unwrap();
        assert_eq!(back.vectors(), table.vectors(), "{threads}");
    }
    let source = stream(&path, &default()).unwrap();
    let mut first = 0;
    for chunk in source.chunks(LEAF_ROWS + 1).unwrap() {
        let chunk = chunk.unwrap();
        assert!(chunk.nrows() % LEAF_ROWS == 0 || first + chunk.nrows() == table.n_rows());
        assert_eq!(chunk, table.vectors().slice(s![first..first + chunk.nrows(), ..]));
        first += chunk.nrows();
    }
    assert_eq!(first, table.n_rows());
}

#[test]
fn a_format_that_is_only_read_and_a_doubled_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.json");
    let table = original(3, 2);
    let error = write(&table, &path, &Default::default()).unwrap_err().to_string();
    assert!(error.contains("this format is only read"), "{error}");
    let doubled = Table::new(Array2::zeros((3, 2)), table.columns().clone(), "label").unwrap();
    let options = WriteOptions { format: Some(Format::Csv), ..Default::default() };
    let error = write(&doubled, &path, &options).unwrap_err().to_string();
    assert!(error.contains("a column has the name of the vectors"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_file_of_another_kind_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    for (extension, expected) in [
        ("parquet", "not a Parquet file: `id,t`"),
        ("arrow", "not an Arrow IPC file or stream"),
        ("npy", "not a NumPy file"),
        ("npz", "cannot read the archive"),
        ("safetensors", "cannot read the safetensors file"),
    ] {
        let path = folder.path().join(format!("x.{extension}"));
        std::fs::write(&path, "id,text,embedding\n1,a,\"[1, 2]\"\n").unwrap();
        let error = read(&path, &default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("; "), "no advice: {error}");
    }
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn the_real_parquet_files_are_read_as_their_csv_twins() {
    let folder = shared_data("fine_food_reviews_minilm_1k.parquet").parent().unwrap().to_owned();
    for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_none_or(|extension| extension != "parquet") {
            continue;
        }
        let table = table::read(&path, &default()).unwrap();
        assert!(check_rows(&table.vectors()).unwrap().unit_length, "{path:?}");
        let twin = path.with_extension("csv");
        if twin.is_file() {
            let twin = table::read(&twin, &default()).unwrap();
            assert_eq!(bits(twin.vectors()), bits(table.vectors()));
            // pandas wrote its row numbers into the CSV, under no name.
            let names: Vec<&str> = twin.column_names().into_iter().filter(|name| *name != "index").collect();
            assert_eq!(names, table.column_names());
        }
        assert!(table.columns().columns().iter().all(|column| column.len() == table.n_rows()));
    }
}
