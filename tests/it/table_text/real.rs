//! Real files.

use embedlab::table::{Encoding, ReadOptions, read, read_columns};

use crate::support::shared_data;

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn each_is_read_without_an_option() {
    for (name, shape, column) in [
        ("fine_food_reviews_minilm_1k.csv", (1000, 384), "embedding"),
        ("openai_3small_10.csv", (10, 1536), "ada_embedding"),
        ("openai_3small_256_10.csv", (10, 256), "ada_embedding"),
        ("openai_ada002_6.csv", (6, 1536), "embedding"),
        ("openai_pdf_docs_88.csv", (88, 1536), "embeddings"),
    ] {
        let path = shared_data(name);
        let table = read(&path, &ReadOptions::default()).unwrap();
        assert_eq!((table.n_rows(), table.dims()), shape, "{name}");
        assert_eq!(table.vector_column(), column, "{name}");
        for row in table.vectors().rows() {
            let norm: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum();
            assert!((norm - 1.0).abs() < 1e-3, "{name}: {norm}");
        }
    }
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn a_latin_1_table_without_vectors_gives_its_columns() {
    let path = shared_data("25000_spend_dataset_current.csv");
    let refused = read_columns(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("--encoding latin1"), "{refused}");
    let options = ReadOptions { encoding: Encoding::Latin1, ..Default::default() };
    let batch = read_columns(&path, &options).unwrap();
    assert_eq!(batch.num_rows(), 359);
    assert!(batch.column_by_name("Transaction value (£)").unwrap().data_type().is_numeric());
}
