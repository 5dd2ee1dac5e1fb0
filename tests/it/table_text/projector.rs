//! TensorFlow Projector files.

use embedlab::table::ReadOptions;

use super::{stored, texts, vectors};
use crate::support::read_both_ways as read;

#[test]
fn a_headless_matrix_is_read_with_the_metadata_beside_it() {
    let file = stored("tensors.tsv", "0.5\t1\n2\t3\n-1\t4e-1\n");
    assert_eq!(vectors(&file.read().unwrap()), [[0.5, 1.0], [2.0, 3.0], [-1.0, 0.4]]);
    file.beside("metadata.tsv", "one\n\n\"three\n");
    let table = file.read().unwrap();
    assert_eq!(texts(&table, "label"), [Some("one".into()), None, Some("\"three".into())]);
}

#[test]
fn metadata_of_several_columns_has_a_header() {
    let file = stored("x.tsv", "0.5\t1\n2\t3\n");
    let sidecar = file.beside("other.tsv", "name\tscore\na\t1\nb\t2\n");
    let options = ReadOptions { sidecar: Some(sidecar), ..Default::default() };
    let table = read(&file.path, &options).unwrap();
    assert_eq!(table.column_names(), ["name", "score"]);
    assert_eq!(table.n_rows(), 2);
}

#[test]
fn metadata_of_other_rows_is_refused() {
    let file = stored("x.tsv", "0.5\t1\n2\t3\n");
    file.beside("x-metadata.tsv", "a\nb\nc\n");
    let message = file.complaint();
    assert!(
        message.contains("x-metadata.tsv") && message.contains("3 rows of metadata, 2 vectors"),
        "{message}"
    );
}

#[test]
fn a_short_row_names_its_line() {
    let message = stored("x.tsv", "0.5\t1\n2\n").complaint();
    assert!(message.contains("row 1 (line 2)") && message.contains("1 where 2"), "{message}");
}
